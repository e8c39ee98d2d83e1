"""What a download will fetch: which runs of which datasets go into which file. No I/O.

A file holds all rows of a range of runs of one dataset, and the ranges of a dataset do not overlap, so names follow
from what files hold. Ranges that a folder has already stay as they are; runs that are new get files of their own, or have
the file done again whose range they fall into.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import quote

from attrs import evolve, frozen

from cmsdials.listing.provenance import Origin
from cmsdials.redaction import printable
from cmsdials.table.html import html_lines, html_rows
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.wording import counted

__all__ = ["Partition", "Plan", "counted", "lumisections", "partitions"]

Runs = Mapping[int, int | None]
"""Runs, and how many lumisections the service counts in each; None where it does not say."""

_MOST_SHOWN = 20
_BYTES = {1: 200, 2: 2_000}
"""Of a row in a file, by its dimensions: of 200 bins, and of some 3 000 of which most are filled."""
_SECONDS = {1: (0.17 / 500, 0.17 / 500), 2: (1.06 / 500, 5.4 / 500)}
"""For a row, by its dimensions: measured at the service, for 2D with 4 MB and with 21 MB in 500 histograms."""
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

    def lumisections(self, origin: Origin) -> int:
        """Return how many lumisections of its runs are asked for."""
        return sum(lumisections(origin.query, origin.mask, *one) for one in self.runs.items())

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
        dimensions: Of the histograms.
        bytes_each: Bytes of a row in the files that are there; None if there are none, or no rows in them.
        note: Why there is nothing, if there is nothing.
    """

    origin: Origin
    folder: str
    partitions: tuple[Partition, ...]
    finished: tuple[Partition, ...]
    elements: Mapping[int, str]
    dimensions: int = 1
    bytes_each: float | None = None
    note: str = ""

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
        return len(self.elements) * sum(one.lumisections(self.origin) for one in partitions)

    @property
    def bytes(self) -> int:
        """About how many bytes the rows have in files: by those that are there, else a guess that knows no binning."""
        return round(self.rows * self._bytes_each)

    @property
    def bytes_left(self) -> int:
        """About how many of these are not there yet."""
        return round(self.rows_left * self._bytes_each)

    @property
    def seconds_left(self) -> tuple[float, float]:
        """About how long the service needs for what is left, one request after the other: with small and large binnings."""
        low, high = _SECONDS.get(self.dimensions, _SECONDS[2])
        return self.rows_left * low, self.rows_left * high

    @property
    def _bytes_each(self) -> float:
        return _BYTES.get(self.dimensions, _BYTES[2]) if self.bytes_each is None else self.bytes_each

    def _said(self) -> list[str]:
        runs = sum(len(one.runs) for one in self.partitions)
        counts = {"dataset": len(self.datasets), "run": runs, "monitoring element": len(self.elements)}
        many = ", ".join(counted(number, what) for what, number in counts.items())
        lines = [
            f"{self.origin.resource} of {self.origin.base_url}, workspace {self.origin.workspace}, to {self.folder}",
            f"{many}: up to {counted(self.rows, 'row')} in {counted(len(self.partitions), 'file')}",
        ]
        if self.origin.mask is not None:
            lines.insert(1, f"only what is good by {self.origin.mask}")
        if self.note:
            return [*lines[:-1], f"nothing to download: {self.note}"]
        basis = (
            "as the files that are there" if self.bytes_each is not None else "a guess that knows no binning"
        )
        lines.append(f"about {_size(self.bytes)}, {basis}")
        if self.finished:
            left = f"up to {self.rows_left}, about {_size(self.bytes_left)}"
            lines.append(f"files that are there: {len(self.finished)}; rows left: {left}")
        if self.rows_left:
            low, high = map(_duration, self.seconds_left)
            time = low if low == high else f"{low} to {high}"
            lines.append(
                f"about {time} for the service, by what it needed before, one request after the other"
            )
        return lines

    def _of_dataset(self, dataset: str) -> tuple[str, int, int, int, int, int]:
        """Return its name, number of runs, the first and the last, and number of files and rows."""
        own = [one for one in self.partitions if one.dataset == dataset]
        runs = sum(len(one.runs) for one in own)
        return dataset, runs, own[0].first, own[-1].last, len(own), self.expected(own)

    def __repr__(self) -> str:
        lines = self._said()
        for one in map(self._of_dataset, self.datasets[:_MOST_SHOWN]):
            dataset, runs, first, last, files, rows = one
            what = f"{counted(files, 'file')}, up to {counted(rows, 'row')}"
            lines.append(f"  {dataset}: {counted(runs, 'run')}, {first} to {last}, {what}")
        if len(self.datasets) > _MOST_SHOWN:
            lines.append(f"  and {len(self.datasets) - _MOST_SHOWN} more datasets")
        return printable("\n".join(lines), lines=True)

    def _repr_html_(self) -> str:
        """Show it in notebooks."""
        names = ("dataset", "runs", "first", "last", "files", "rows at most")
        rows = [*map(self._of_dataset, self.datasets)]
        return html_lines(self._said()) + html_rows(names, rows, _MOST_SHOWN)


def _size(number: float) -> str:
    """Return a number of bytes in words."""
    for unit, each in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= 0.95 * each:
            return f"{number / each:.1f} {unit}"
    return f"{number / 1e6:.2g} MB"


def _duration(seconds: float) -> str:
    """Return a time in words, in one unit."""
    for unit, each in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 1.5 * each:
            return f"{seconds / each:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


def lumisections(query: Mapping[str, Any], mask: LumiMask | None, run: int, count: int | None) -> int:
    """Return how many lumisections of a run are asked for; 0 where the service has not said how many there are."""
    low, high = 1, count or 0
    for name, number in query.items():
        if name in ("ls_number", "ls_number__gte"):
            low = max(low, number)
        if name in ("ls_number", "ls_number__lte"):
            high = min(high, number)
    ranges = ((low, high),) if mask is None else mask.of_run(run)
    return sum(max(0, min(last, high) - max(first, low) + 1) for first, last in ranges)


def partitions(
    listed: Iterable[tuple[int, int, int | None]],
    names: Mapping[int, str],
    known: Iterable[Partition],
    *,
    most: float,
    size: Callable[[int, int | None], int] = lambda _run, count: count or 0,
) -> Iterator[Partition]:
    """Yield the partitions of the runs that the service lists and of those that a folder has.

    Args:
        listed: Dataset, run and number of lumisections of each run.
        names: Names of the datasets, by their ids.
        known: The partitions that the folder has.
        most: Lumisections in a partition, unless it is a single run.
        size: Returns how many lumisections of a run are asked for, of so many.
    """
    runs: defaultdict[int, dict[int, int | None]] = defaultdict(dict)
    for dataset_id, number, count in listed:
        runs[dataset_id][number] = count
    there: defaultdict[int, list[Partition]] = defaultdict(list)
    for one in known:
        there[one.dataset_id].append(one)
    for dataset_id in sorted(runs.keys() | there.keys()):
        sizes = {number: size(number, count) for number, count in runs[dataset_id].items()}
        yield from _of_dataset(dataset_id, names, runs[dataset_id], there[dataset_id], most, sizes)


def _of_dataset(
    dataset_id: int,
    names: Mapping[int, str],
    runs: Runs,
    known: list[Partition],
    most: float,
    sizes: Mapping[int, int],
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
        for few in _few(between, sizes, most):
            chosen = {number: runs[number] for number in few}
            made.append(Partition(names[dataset_id], dataset_id, few[0], few[-1], chosen))
    yield from sorted(made, key=lambda one: one.first)


def _few(numbers: Iterable[int], sizes: Mapping[int, int], most: float) -> Iterator[list[int]]:
    few: list[int] = []
    covered = 0
    for number in numbers:
        count = sizes[number]
        if few and covered + count > most:
            yield few
            few, covered = [], 0
        few.append(number)
        covered += count
    if few:
        yield few
