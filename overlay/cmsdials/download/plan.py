"""What a download will fetch: which runs of which datasets go into which file. No I/O.

A file holds all rows of a range of runs of one dataset, and the ranges of a dataset do not overlap, so names follow
from what files hold. Ranges that a folder has already stay as they are; runs that are new get files of their own, or have
the file done again whose range they fall into.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import quote

from attrs import evolve, frozen

from cmsdials.listing.provenance import Origin
from cmsdials.redaction import printable

__all__ = ["Partition", "Plan", "counted", "partitions"]

Runs = Mapping[int, int | None]
"""Runs, and how many lumisections the service counts in each; None where it does not say."""

_MOST_SHOWN = 20
_RANGES = ("run_number", "run_number__gte", "run_number__lte", "dataset", "dataset__regex", "dataset_id")


@frozen
class Partition:
    """What one file holds.

    Attributes:
        dataset: Name of the dataset.
        dataset_id: Its id.
        first: First run of the range.
        last: Last run of the range.
        runs: The runs in it that the service listed.
    """

    dataset: str
    dataset_id: int
    first: int
    last: int
    runs: Runs

    @property
    def path(self) -> str:
        """Where its file is, below the folder ``data``."""
        return f"{_folder_of(self.dataset)}/{self.first}-{self.last}.parquet"

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a query that it holds."""
        rest = {name: value for name, value in query.items() if name not in _RANGES}
        return {
            **rest,
            "dataset_id": self.dataset_id,
            "run_number__gte": self.first,
            "run_number__lte": self.last,
        }


@lru_cache(maxsize=10_000)  # a manifest has few datasets and many files
def _folder_of(dataset: str) -> str:
    return f"dataset={quote(dataset, safe='')}"


@frozen(repr=False)
class Plan:
    """What a download will fetch, as `download(..., dry_run=True)` returns it.

    Attributes:
        origin: The resource, service, workspace and filters.
        folder: Where to.
        partitions: What each file will hold.
        finished: Those whose files the folder has already.
        elements: Paths of the monitoring elements, by their ids.
    """

    origin: Origin
    folder: str
    partitions: tuple[Partition, ...]
    finished: tuple[Partition, ...]
    elements: Mapping[int, str]

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets."""
        return [*dict.fromkeys(one.dataset for one in self.partitions)]

    @property
    def rows(self) -> int:
        """How many rows there are if each lumisection has a histogram of each monitoring element."""
        return self.expected(self.partitions)

    @property
    def rows_left(self) -> int:
        """How many of these are not there yet."""
        return self.rows - self.expected(self.finished)

    def expected(self, partitions: Iterable[Partition]) -> int:
        """Return how many rows partitions have at most."""
        counts = (count for one in partitions for count in one.runs.values())
        return len(self.elements) * sum(lumisections(self.origin.query, count) for count in counts)

    def __repr__(self) -> str:
        runs = sum(len(one.runs) for one in self.partitions)
        counts = {"dataset": len(self.datasets), "run": runs, "monitoring element": len(self.elements)}
        many = ", ".join(counted(number, what) for what, number in counts.items())
        lines = [
            f"{self.origin.resource} of {self.origin.base_url}, workspace {self.origin.workspace}, to {self.folder}",
            f"{many}: up to {counted(self.rows, 'row')} in {counted(len(self.partitions), 'file')}",
        ]
        if self.finished:
            lines.append(f"files that are there: {len(self.finished)}; rows left: up to {self.rows_left}")
        for dataset in self.datasets[:_MOST_SHOWN]:
            own = [one for one in self.partitions if one.dataset == dataset]
            of_own = counted(sum(len(one.runs) for one in own), "run")
            rows, files = counted(self.expected(own), "row"), counted(len(own), "file")
            lines.append(f"  {dataset}: {of_own}, {own[0].first} to {own[-1].last}, {files}, up to {rows}")
        if len(self.datasets) > _MOST_SHOWN:
            lines.append(f"  and {len(self.datasets) - _MOST_SHOWN} more datasets")
        return printable("\n".join(lines), lines=True)


def counted(number: int, what: str) -> str:
    """Return a number with what it counts: 1 file, 2 files."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def lumisections(query: Mapping[str, Any], count: int | None) -> int:
    """Return how many lumisections of a run a query chooses; 0 where the service has not said how many there are."""
    low, high = 1, count or 0
    for name, number in query.items():
        if name in ("ls_number", "ls_number__gte"):
            low = max(low, number)
        if name in ("ls_number", "ls_number__lte"):
            high = min(high, number)
    return max(0, high - low + 1)


def partitions(
    listed: Iterable[tuple[int, int, int | None]],
    names: Mapping[int, str],
    known: Iterable[Partition],
    *,
    most: float,
) -> Iterator[Partition]:
    """Yield the partitions of the runs that the service lists and of those that a folder has.

    Args:
        listed: Dataset, run and number of lumisections of each run.
        names: Names of the datasets, by their ids.
        known: The partitions that the folder has.
        most: Lumisections in a partition, unless it is a single run.
    """
    runs: defaultdict[int, dict[int, int | None]] = defaultdict(dict)
    for dataset_id, number, count in listed:
        runs[dataset_id][number] = count
    there: defaultdict[int, list[Partition]] = defaultdict(list)
    for one in known:
        there[one.dataset_id].append(one)
    for dataset_id in sorted(runs.keys() | there.keys()):
        yield from _of_dataset(dataset_id, names, runs[dataset_id], there[dataset_id], most)


def _of_dataset(
    dataset_id: int, names: Mapping[int, str], runs: Runs, known: list[Partition], most: float
) -> Iterator[Partition]:
    made = []
    numbers, covered = sorted(runs), set[int]()
    for one in known:
        there = numbers[bisect_left(numbers, one.first) : bisect_right(numbers, one.last)]
        inside = {number: runs[number] for number in there if number not in covered}
        made.append(evolve(one, runs=dict(sorted({**one.runs, **inside}.items()))))
        covered.update(inside)
    left = [number for number in numbers if number not in covered]
    lasts = sorted(one.last for one in known)

    def ranges_before(number: int) -> int:
        return bisect_left(lasts, number)

    for _, between in groupby(left, ranges_before):  # so that no range reaches over one that is there
        for few in _few(between, runs, most):
            chosen = {number: runs[number] for number in few}
            made.append(Partition(names[dataset_id], dataset_id, few[0], few[-1], chosen))
    yield from sorted(made, key=lambda one: one.first)


def _few(numbers: Iterable[int], runs: Runs, most: float) -> Iterator[list[int]]:
    few: list[int] = []
    covered = 0
    for number in numbers:
        count = runs[number] or 0
        if few and covered + count > most:
            yield few
            few, covered = [], 0
        few.append(number)
        covered += count
    if few:
        yield few
