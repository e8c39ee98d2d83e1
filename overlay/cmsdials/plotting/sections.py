"""Lumisections on an axis: those of one run by their numbers, those of several run after run."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from attrs import frozen

from cmsdials.table.columns import Array

__all__ = ["Sections", "sections_of"]

_MORE = ", \N{HORIZONTAL ELLIPSIS}"


@frozen(eq=False)
class Sections:
    """Where lumisections stand on an axis, one unit each: missing ones leave a gap, and runs follow one another.

    A row is of one lumisection, or of several that follow one another, such as a sum.

    Attributes:
        run: The run of each row, in order.
        ls: The number of its lumisection, or of its first one.
        last: The number of its last lumisection.
        at: The position of its first lumisection. With one run it is the number.
        runs: Each run once.
        starts: The position of the first lumisection of each run.
    """

    run: Array
    ls: Array
    last: Array
    at: Array
    runs: Array
    starts: Array

    @property
    def is_one_run(self) -> bool:
        """Whether positions are the numbers of lumisections."""
        return len(self.runs) < 2

    @property
    def label(self) -> str:
        """What the axis shows."""
        return "Lumisection" if self.is_one_run else "Lumisections, run after run"

    @property
    def borders(self) -> Array:
        """Positions between one run and the next."""
        made: Array = self.starts[1:] - 0.5
        return made

    @property
    def limits(self) -> tuple[float, float]:
        """Where the first lumisection begins and the last one ends."""
        return (self.at[0] - 0.5, self.ends[-1]) if len(self.at) else (0.5, 1.5)

    @property
    def ends(self) -> Array:
        """Where each row ends."""
        made: Array = self.at + (self.last - self.ls) + 0.5
        return made

    @property
    def middles(self) -> Array:
        """Where the middle of each row is."""
        made: Array = self.at + (self.last - self.ls) / 2
        return made

    @property
    def many(self) -> int:
        """How many lumisections there are."""
        return self.count(np.ones(len(self.at), bool))

    def count(self, which: Array) -> int:
        """Return how many lumisections the rows have that a mask chooses."""
        return int((self.last - self.ls + 1)[which].sum())

    def name(self, row: int) -> str:
        """Return what a row is called: its lumisections, and of several runs also its run."""
        first, last = self.ls[row], self.last[row]
        lumis = f"LS {first}" + (f"\N{EN DASH}{last}" if last > first else "")
        return lumis if self.is_one_run else f"{self.run[row]}, {lumis}"

    def names(self, which: Array, letters: int) -> str:
        """Return the numbers of the lumisections of rows that a mask chooses, the first ones of many; empty for all rows."""
        rows = np.flatnonzero(which)
        if not len(rows) or len(rows) == len(self.ls):
            return ""
        run, first, last = self.run[rows], self.ls[rows], self.last[rows]
        is_first = np.append(True, (first[1:] != last[:-1] + 1) | (run[1:] != run[:-1]))
        begins, ends = first[is_first], last[np.append(is_first[1:], True)]
        text, before = "", None
        for number, begin, end in zip(run[is_first].tolist(), begins.tolist(), ends.tolist(), strict=True):
            part = f"{begin}\N{EN DASH}{end}" if end > begin else str(begin)
            if number != before and not self.is_one_run:
                part = f"{number} LS {part}"
            longer = f"{text}{'; ' if number != before else ', '}{part}" if text else part
            if len(longer) > letters - (end < last[-1] or number < run[-1]) * len(_MORE):
                return text + _MORE if text else ""
            text, before = longer, number
        return text

    def stretches(self) -> list[slice]:
        """Return which lumisections follow one another without a gap, within a run."""
        breaks = np.flatnonzero((self.at[1:] - 0.5 != self.ends[:-1]) | (np.diff(self.run) != 0)) + 1
        ends = [0, *breaks.tolist(), len(self.at)]
        return [slice(first, last) for first, last in pairwise(ends) if last > first]

    def ranges(self, which: Array) -> list[tuple[float, float]]:
        """Return from where to where rows reach that a mask chooses."""
        begins, ends = self.at[which] - 0.5, self.ends[which]
        is_first = np.append(True, begins[1:] != ends[:-1])[: len(begins)]
        is_last = np.append(is_first[1:], True)[: len(begins)]
        return [*zip(begins[is_first].tolist(), ends[is_last].tolist(), strict=True)]

    def ticks(self, most: int) -> tuple[list[float], list[str]]:
        """Return the middle of the stretch of at most so many runs, far enough from each other, with their numbers."""
        begin, end = self.limits
        middles = (np.append(begin, self.borders) + np.append(self.borders, end)) / 2
        kept: list[int] = []
        for number, middle in enumerate(middles.tolist()):
            if not kept or middle - middles[kept[-1]] >= (end - begin) / most:
                kept.append(number)
        return [float(middles[one]) for one in kept], [str(self.runs[one]) for one in kept]


def sections_of(run: Array, ls: Array, last: Array) -> Sections:
    """Place lumisections, which are in order, on an axis."""
    runs, first = np.unique(run, return_index=True)
    if len(runs) < 2:
        return Sections(run, ls, last, ls, runs, ls[first])
    lengths = np.maximum.reduceat(last, first) - ls[first] + 1
    starts = np.cumsum(lengths) - lengths
    shifts = np.repeat(starts - ls[first], np.diff(np.append(first, len(run))))
    return Sections(run, ls, last, ls + shifts, runs, starts)
