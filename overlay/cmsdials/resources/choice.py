"""From chosen datasets, runs and lumisections to the filters of as few listings as the service can be asked for. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby, takewhile
from typing import Any
from urllib.parse import quote_plus

from attrs import frozen

from cmsdials.filters import LumisectionFilters
from cmsdials.table.lumi_mask import LARGEST, LumiMask

__all__ = ["Choice", "any_of", "between", "ends"]

Numbers = Collection[int]
Counts = Mapping[int, Mapping[int, int | None]]
"""Dataset id -> run -> number of its lumisections."""


@frozen(kw_only=True)
class Choice:
    """What was chosen, and what there is.

    Attributes:
        datasets: Ids of the chosen datasets, with their names; None for all.
        runs: The chosen runs, those of `good` if that is given; None for all.
        ls: The chosen lumisections of each run; None for all.
        good: The chosen lumisections; None for all.
        there: The runs from the first that was chosen to the last, of the chosen datasets.
    """

    datasets: Mapping[int, str] | None
    runs: Numbers | None
    ls: Numbers | None
    good: LumiMask | None
    there: Counts

    @property
    def found(self) -> dict[int, dict[int, int | None]]:
        """The runs that were chosen and are there; datasets without any are left out."""
        found = {
            dataset_id: {run: count for run, count in sorted(runs.items()) if self._has(run)}
            for dataset_id, runs in sorted(self.there.items())
        }
        return {dataset_id: runs for dataset_id, runs in found.items() if runs}

    def _has(self, run: int) -> bool:
        return self.runs is None or run in self.runs

    @property
    def _needs_a_mask(self) -> bool:
        return self.good is not None or (self.ls is not None and not _is_range(self.ls))

    @property
    def _bounds_of_ls(self) -> dict[str, int]:
        return {} if self.ls is None else between("ls_number", self.ls)

    def mask(self) -> LumiMask | None:
        """Return which lumisections are chosen, if the filters of one listing cannot say it; else None."""
        if not self._needs_a_mask and (self.runs is None or len(self.listings(None)) == 1):
            return None
        lumis = [[0, LARGEST]]
        if self.ls is not None:
            lumis = [[*ends(self.ls)]] if _is_range(self.ls) else [[one, one] for one in self.ls]
        chosen = LumiMask({run: lumis for runs in self.found.values() for run in runs})
        return chosen if self.good is None else chosen & self.good

    def whole(self) -> dict[str, Any]:
        """Return filters of everything that is chosen, and perhaps of more."""
        found = self.found
        query: dict[str, Any] = dict(self._bounds_of_ls)
        if self.datasets is not None and len(found) == 1:
            query["dataset_id"] = next(iter(found))
        elif self.datasets is not None:
            query["dataset__regex"] = any_of([self.datasets[one] for one in found])[0]
        if self.runs is not None:
            query |= between("run_number", [run for runs in found.values() for run in runs])
        return query

    def listings(self, mask: LumiMask | None) -> list[dict[str, Any]]:
        """Return the filters of the listings which, one after the other, have all that is chosen."""
        found = self.found
        if mask is not None and self._needs_a_mask:
            ranges = mask.ranges
            return [
                filters.given()
                for dataset_id, runs in found.items()
                for filters in LumiMask({run: ranges[run] for run in runs if run in ranges}).filters(
                    LumisectionFilters(dataset_id=dataset_id)
                )
            ]
        together = {run for runs in self.there.values() for run in runs}
        if self.datasets is None and len(blocks := [*self._intervals(together)]) == 1:
            return [{**blocks[0], **self._bounds_of_ls}]
        return [
            {"dataset_id": dataset_id, **block, **self._bounds_of_ls}
            for dataset_id in found
            for block in self._intervals(self.there[dataset_id])
        ]

    def _intervals(self, there: Iterable[int]) -> Iterator[dict[str, int]]:
        """Yield ranges of runs which hold all that are chosen of those that are there, and no other."""
        if self.runs is None:
            yield {}
            return
        for is_chosen, runs in groupby(sorted(there), self._has):
            if is_chosen:
                yield between("run_number", [*runs])


def between(name: str, numbers: Collection[int]) -> dict[str, Any]:
    """Return the filters of a number from the least to the largest of some."""
    low, high = ends(numbers)
    return {name: low} if low == high else {f"{name}__gte": low, f"{name}__lte": high}


def ends(numbers: Collection[int]) -> tuple[int, int]:
    """Return the least and the largest of some numbers, also of a range that is too long to go through."""
    of = (numbers[0], numbers[-1]) if isinstance(numbers, range) else numbers
    return min(of), max(of)


def _is_range(numbers: Numbers) -> bool:
    low, high = ends(numbers)
    return len(numbers) == high - low + 1


def any_of(names: Collection[str]) -> tuple[str, int]:
    """Return an expression that exactly these names match, which says once what they have in common, and its length in a URL."""
    expression = f"^{_branches(sorted({*names}))}$"
    return expression, len(quote_plus(expression))


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
