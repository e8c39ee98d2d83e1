"""From chosen datasets, runs and lumisections to filters, and to a mask where these cannot say it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import groupby, takewhile
from typing import Any

from attrs import frozen

from cmsdials.resources.numbers import between, ends
from cmsdials.table.lumi_mask import LARGEST, LumiMask

__all__ = ["Choice", "any_of"]

Counts = Mapping[int, Mapping[int, int | None]]
"""Dataset id -> run -> number of its lumisections."""


@frozen(kw_only=True)
class Choice:
    """What was chosen, and what there is.

    Attributes:
        datasets: Names of the chosen datasets by their ids, of those that have runs; None for all.
        runs: The chosen runs, those of `good` if that is given; None for all.
        ls: The chosen lumisections of each run; None for all.
        good: The chosen lumisections; None for all.
        there: The runs from the first that was chosen to the last, of the chosen datasets.
    """

    datasets: Mapping[int, str] | None
    runs: Collection[int] | None
    ls: Collection[int] | None
    good: LumiMask | None
    there: Counts

    def mask(self) -> LumiMask | None:
        """Return which lumisections are chosen, if filters cannot say it; else None."""
        is_range = self.ls is None or _is_range(self.ls)
        if self.good is None and is_range and not self._has_others_between:
            return None
        lumis = [(0, LARGEST)]
        if self.ls is not None:
            lumis = [ends(self.ls)] if is_range else [(one, one) for one in self.ls]
        # Numbers that no lumisection can have choose none.
        lumis = [(max(0, low), min(high, LARGEST)) for low, high in lumis if low <= LARGEST and high >= 0]
        chosen = LumiMask({run: lumis for runs in self.found(None).values() for run in runs})
        return chosen if self.good is None else chosen & self.good

    @property
    def _has_others_between(self) -> bool:
        found = self.found(None)
        if self.runs is None or not found:
            return False
        low, high = ends({run for runs in found.values() for run in runs})
        listed = self.there if self.datasets is None else found
        return any(low <= run <= high and run not in self.runs for one in listed for run in self.there[one])

    def found(self, mask: LumiMask | None) -> Counts:
        """Return the runs that were chosen and are there; those without a lumisection in the mask are left out."""
        runs = self.runs if mask is None else {*mask.runs}
        found = {
            dataset_id: {run: count for run, count in sorted(counts.items()) if runs is None or run in runs}
            for dataset_id, counts in sorted(self.there.items())
        }
        return {dataset_id: counts for dataset_id, counts in found.items() if counts}

    def query(self, found: Counts) -> dict[str, Any]:
        """Return the filters of what was found, which leave what is not in the mask to that."""
        query = {} if self.ls is None else between("ls_number", self.ls)
        if self.runs is not None:
            query |= between("run_number", {run for counts in found.values() for run in counts})
        if self.datasets is not None and len(found) == 1:
            query["dataset_id"] = next(iter(found))
        elif self.datasets is not None:
            query["dataset__regex"] = any_of([self.datasets[one] for one in found])
        return query


def _is_range(numbers: Collection[int]) -> bool:
    low, high = ends(numbers)
    return len(numbers) == high - low + 1


def any_of(names: Collection[str]) -> str:
    """Return an expression that exactly these names match, which says once what they have in common."""
    return f"^{_branches(sorted({*names}))}$"


def _branches(names: list[str]) -> str:
    first, last = names[0], names[-1]  # in order, so that what these two have in common all have
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    common = "".join(one for one, _ in same)
    rests = [name[len(common) :] for name in names]
    groups = [[*group] for _, group in groupby(filter(None, rests), lambda rest: rest[0])]
    if not groups:
        return re.escape(common)
    optional = "?" if "" in rests else ""
    return f"{re.escape(common)}(?:{'|'.join(map(_branches, groups))}){optional}"
