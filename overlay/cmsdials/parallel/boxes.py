"""Which runs and lumisections of a dataset are asked for, where a listing is of good lumisections only. No I/O.

The service takes a range of runs and a range of lumisections, which holds for each of these runs: a box. Good lumisections
are covered with few boxes, none of which holds a listed run without a good lumisection. Runs that the service does not list
are covered too, if they are good: they may have rows all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from attrs import frozen

__all__ = ["LS", "RUN", "Good", "Range"]

RUN = ("run_number", "run_number__gte", "run_number__lte")
LS = ("ls_number", "ls_number__gte", "ls_number__lte")


class Range(NamedTuple):
    """Whole numbers between two bounds, both inclusive; an infinite one is open."""

    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def of(cls, query: Mapping[str, Any], names: tuple[str, str, str]) -> Range:
        """Read a value and two bounds of a query; all that are given must hold."""
        exact, low, high = names
        given = cls(query.get(low, -math.inf), query.get(high, math.inf))
        return given.within(query.get(exact, -math.inf), query.get(exact, math.inf))

    def within(self, low: float = -math.inf, high: float = math.inf) -> Range:
        """Return what is also within these bounds."""
        return Range(max(self.low, low), min(self.high, high))

    def query(self, names: tuple[str, str, str]) -> dict[str, float]:
        """Return it as a part of a query."""
        if self.low == self.high:
            return {names[0]: self.low}
        bounds = zip(names[1:], self, strict=True)
        return {name: bound for name, bound in bounds if abs(bound) != math.inf}


@frozen
class Good:
    """Which lumisections a listing is of.

    Attributes:
        ranges: Run -> inclusive ranges (first, last), in order, which neither overlap nor touch.
        gap: So many lumisections between good ones are fetched and dropped, because a request that leaves them out costs
            more.
    """

    ranges: Mapping[int, Sequence[tuple[int, int]]]
    gap: int

    def boxes(
        self, counts: Mapping[int, int | None], runs: Range, lumisections: Range
    ) -> Iterator[tuple[Range, Range]]:
        """Yield boxes of runs and lumisections, in order.

        Args:
            counts: The runs that the service lists, and how many lumisections each has.
            runs: The runs that are asked for.
            lumisections: Those of each run that are.
        """
        good = {
            run: within
            for run, ranges in self.ranges.items()
            if runs.low <= run <= runs.high and (within := _within(ranges, lumisections))
        }
        joined: list[int] = []  # runs that are asked for as a whole, with no listed run between them
        for run in sorted({*good, *(one for one in counts if runs.low <= one <= runs.high)}):
            is_whole = run in good and self._is_whole(good[run], run, counts, lumisections)
            if not is_whole and joined:
                yield _box(joined, good)
                joined = []
            if is_whole:
                joined.append(run)
            else:
                for first, last in self._pieces(good.get(run, ())):
                    yield Range(run, run), Range(first, last)
        if joined:
            yield _box(joined, good)

    def _is_whole(
        self,
        ranges: Sequence[tuple[int, int]],
        run: int,
        counts: Mapping[int, int | None],
        lumisections: Range,
    ) -> bool:
        """Whether all lumisections of a run are asked for. Nothing is expected of a run that is not listed."""
        if run not in counts:
            return True
        if (count := counts[run]) is None:
            return False
        start, end = lumisections.within(1, count)
        edges = [(start - 1, start - 1), *ranges, (end + 1, end + 1)]
        return all(following[0] - one[1] - 1 <= self.gap for one, following in pairwise(edges))

    def _pieces(self, ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield ranges, joined where little lies between them."""
        piece: tuple[int, int] | None = None
        for first, last in ranges:
            if piece is not None and first - piece[1] - 1 <= self.gap:
                piece = (piece[0], last)
                continue
            if piece is not None:
                yield piece
            piece = (first, last)
        if piece is not None:
            yield piece


def _within(ranges: Sequence[tuple[int, int]], lumisections: Range) -> list[tuple[int, int]]:
    clipped = (lumisections.within(*one) for one in ranges)
    return [(int(first), int(last)) for first, last in clipped if first <= last]


def _box(runs: list[int], good: Mapping[int, Sequence[tuple[int, int]]]) -> tuple[Range, Range]:
    first, last = min(good[run][0][0] for run in runs), max(good[run][-1][1] for run in runs)
    return Range(runs[0], runs[-1]), Range(first, last)
