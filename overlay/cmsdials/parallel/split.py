"""From one query to many: parts that several workers can ask at once, and whose rows in a row are the listing.

Rows come ordered by dataset, run, lumisection and whatever else, so an interval of these keys is a query of its own.
A listing is cut into such intervals one after the other, each beginning where the one before has ended: nothing can
come twice or be left out, whatever is expected of the number of rows. What is expected, the runs and their
lumisections with so many rows each, only decides where to cut, and is corrected by what comes (`Splitter.learn`).

The runs that are known need not be all there are. Parts join between them, so that a run which is not listed is
still asked for. Only its dataset has to be known: the service takes one at a time, and no range of them.

No I/O, and no threads: whoever shares a `Splitter` between threads asks it from one at a time.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

__all__ = ["Part", "Position", "Splitter", "can_be_split", "read_position"]

_DATASET = ("dataset", "dataset__regex")
_RUN = ("run_number", "run_number__gte", "run_number__lte")
_LS = ("ls_number", "ls_number__gte", "ls_number__lte")

TYPICAL_LUMISECTIONS = 500
"""Lumisections of a run, where no run says how many it has."""

LARGEST_CORRECTION = 50.0
"""What is learnt may differ by this factor, at most, from the rows that were expected."""

WEIGHT_OF_THE_PAST = 0.5
"""How much what was known before counts beside what has just come, from 0 to 1."""

SMALLEST_PART = 0.15
"""Less than this fraction of a page is not worth a request of its own, to let all workers end at the same time."""

_POSITION = re.compile(r"after\.(-?[0-9]{1,18})(?:\.(-?[0-9]{1,18})(?:\.(-?[0-9]{1,18}))?)?")


@frozen
class Position:
    """How far a listing has come: all rows up to here are there, and none after.

    `str()` writes it as text for a link, such as ``after.14677060.367112.10``; `read_position` reads that.

    Attributes:
        dataset_id: The dataset.
        run_number: The run; None when the whole dataset has come.
        ls_number: The lumisection; None when the whole run has come.
    """

    dataset_id: int
    run_number: int | None = None
    ls_number: int | None = None

    def __str__(self) -> str:
        keys = (self.dataset_id, self.run_number, self.ls_number)
        return ".".join(["after", *(str(key) for key in keys if key is not None)])


def read_position(text: str | None) -> Position | None:
    """Return the position that a text says, None if it is not one of ours, such as a cursor of the service."""
    match = _POSITION.fullmatch(text or "")
    return Position(*(None if key is None else int(key) for key in match.groups())) if match else None  # type: ignore[arg-type]  # the first is never None


@frozen
class Part:
    """A query for some of the rows.

    Attributes:
        query: What to ask, by wire name.
        rows: How many rows are expected.
        end: The position when all its rows have come.
        lumisections: How many lumisections that are known it covers; none where it only looks for unknown runs.
    """

    query: dict[str, Any]
    rows: float
    end: Position
    lumisections: int


@frozen
class _Range:
    """Whole numbers between two bounds, both inclusive; None is open."""

    low: int | None
    high: int | None

    @classmethod
    def of(cls, query: Mapping[str, Any], names: tuple[str, str, str]) -> _Range:
        """Read what a query says with a value and two bounds, of which all that are given must hold."""
        exact, low, high = (query.get(name) for name in names)
        return cls(
            max((value for value in (exact, low) if value is not None), default=None),
            min((value for value in (exact, high) if value is not None), default=None),
        )

    @property
    def is_empty(self) -> bool:
        return self.low is not None and self.high is not None and self.low > self.high

    def holds(self, value: int) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)

    def query(self, names: tuple[str, str, str]) -> dict[str, int]:
        if self.low is not None and self.low == self.high:
            return {names[0]: self.low}
        bounds = zip(names[1:], (self.low, self.high), strict=True)
        return {name: value for name, value in bounds if value is not None}


@frozen
class _Run:
    """A run that is known, and the lumisections that are expected of it, from first to last."""

    number: int
    first: int
    last: int

    @property
    def lumisections(self) -> int:
        return max(1, self.last - self.first + 1)

    @property
    def can_be_cut(self) -> bool:
        return self.last > self.first


@frozen
class _Dataset:
    """A dataset with the runs that are known of it, in order; `query` has what every part of it asks."""

    id: int
    runs: list[_Run]
    query: dict[str, Any]


def can_be_split(accepts: Collection[str]) -> bool:
    """Whether a list can be cut: it takes a dataset, and ranges of runs and lumisections.

    Args:
        accepts: The names that the list takes.
    """
    return {"dataset_id", *_RUN, *_LS} <= {*accepts}


class Splitter:
    """Cuts one listing into parts, which are handed out in the order of their rows.

    A part is about a page, and smaller towards the end, so that all workers end at about the same time. Runs are
    kept whole as long as several or one fit into a part, and are cut by lumisection otherwise. What has come is
    learnt from: where there are fewer rows than expected, parts become larger.

    Args:
        query: The query, by wire name. Its next_token is left out of the parts; page_size, if any, stays.
        runs: Of each run that the service lists for the query's dataset and run: dataset_id, run_number, and how
            many lumisections it has, or None. In any order; of doubles the larger number counts.
        rows_per_lumisection: Rows expected in a lumisection.
        page_rows: Rows in a page at most.
        workers: How many parts are asked at a time.
        after: Position to begin after, of this query and any way of cutting it; None for the beginning.
    """

    def __init__(
        self,
        query: Mapping[str, Any],
        runs: Iterable[tuple[int, int, int | None]],
        *,
        rows_per_lumisection: float,
        page_rows: int,
        workers: int,
        after: Position | None = None,
    ) -> None:
        self._runs = _Range.of(query, _RUN)
        self._lumisections = _Range.of(query, _LS)
        last = self._lumisections.high
        if after is not None and after.ls_number is not None and last is not None and after.ls_number >= last:
            after = Position(after.dataset_id, after.run_number)  # nothing that is wanted is left of the run
        self._page_rows = page_rows
        self._workers = workers
        expected = max(rows_per_lumisection, 1e-3)
        self._bounds = (expected / LARGEST_CORRECTION, expected * LARGEST_CORRECTION)
        # As if a page had come, as expected.
        self._came, self._seen = float(page_rows), page_rows / expected
        possible = not self._runs.is_empty and not self._lumisections.is_empty
        self._datasets = self._with_runs(query, runs, after) if possible else []
        self._left = sum(run.lumisections for dataset in self._datasets for run in dataset.runs)
        self._parts = self._cut(after)

    def _with_runs(
        self, query: Mapping[str, Any], runs: Iterable[tuple[int, int, int | None]], after: Position | None
    ) -> list[_Dataset]:
        """Return the datasets that are left after a position, with the runs that are."""
        counts: dict[int, dict[int, int | None]] = {}
        for dataset_id, number, count in runs:
            known = counts.setdefault(dataset_id, {})
            before = known.get(number)
            known[number] = count if before is None else max(before, count or 0)
        listed = {*counts}
        wanted = query.get("dataset_id")
        if wanted is not None:
            counts.setdefault(wanted, {})  # it may have runs that are not listed
        if after is not None and after.run_number is not None:
            # A position in the middle of something says that it is there.
            known = counts.setdefault(after.dataset_id, {})
            if after.ls_number is not None:
                known.setdefault(after.run_number, None)
        known_counts = [count for known in counts.values() for count in known.values() if count is not None]
        typical = round(sum(known_counts) / len(known_counts)) if known_counts else TYPICAL_LUMISECTIONS
        rest = {name: value for name, value in query.items() if name not in (*_RUN, *_LS, "next_token")}
        # The runs were listed with the names of the datasets, and asking by id alone is fast.
        by_id = {name: value for name, value in rest.items() if name not in _DATASET}
        return [
            _Dataset(
                dataset_id,
                [
                    self._run(number, typical if count is None else count, dataset_id, after)
                    for number, count in sorted(known.items())
                    if self._runs.holds(number) and not _is_over(after, dataset_id, number)
                ],
                {**(by_id if dataset_id in listed else rest), "dataset_id": dataset_id},
            )
            for dataset_id, known in sorted(counts.items())
            if wanted in (None, dataset_id) and not _is_over(after, dataset_id)
        ]

    def _run(self, number: int, count: int, dataset_id: int, after: Position | None) -> _Run:
        first = 1
        if after is not None and (after.dataset_id, after.run_number) == (dataset_id, number):
            first = (after.ls_number or 0) + 1
        low, high = self._lumisections.low, self._lumisections.high
        return _Run(
            number, first if low is None else max(first, low), count if high is None else min(count, high)
        )

    @property
    def rows_left(self) -> float:
        """Rows that are expected of the parts still to be handed out."""
        return self._left * self._density

    def learn(self, part: Part, rows: int) -> None:
        """Take in how many rows a part had, in whatever order parts come."""
        if part.lumisections:
            self._came = WEIGHT_OF_THE_PAST * self._came + rows
            self._seen = WEIGHT_OF_THE_PAST * self._seen + part.lumisections

    def next(self) -> Part | None:
        """Return the next part, None when all have been handed out."""
        return next(self._parts, None)

    @property
    def _density(self) -> float:
        lowest, highest = self._bounds
        return min(highest, max(lowest, self._came / self._seen))

    def _most_lumisections(self) -> float:
        """Return how many lumisections the next part may cover."""
        rows = float(self._page_rows)
        if self._workers > 1:
            rows = min(rows, max(rows * SMALLEST_PART, self.rows_left / self._workers))
        return rows / self._density * (1 + 1e-9)  # a page is a page, however it was divided

    def _cut(self, after: Position | None) -> Iterator[Part]:
        for dataset in self._datasets:
            run, ls = self._runs.low, None
            if after is not None and dataset.id == after.dataset_id and after.run_number is not None:
                run, ls = self._beginning(after.run_number, after.ls_number)
            yield from self._cut_dataset(dataset, run, ls)

    def _beginning(self, run: int, ls: int | None) -> tuple[int, int | None]:
        """Return the first run after a position, and its first lumisection; None at the beginning of the run."""
        if self._runs.low is not None and run < self._runs.low:
            return self._runs.low, None
        if ls is None or not self._runs.holds(run):
            return run + 1, None
        return run, max(ls + 1, ls + 1 if self._lumisections.low is None else self._lumisections.low)

    def _cut_dataset(self, dataset: _Dataset, run: int | None, ls: int | None) -> Iterator[Part]:
        """Cut what a dataset has from a run and its lumisection on; None is open, and the beginning of the run.

        Each part has whole runs, as many as fit, or where not even one does, some of its lumisections.
        """
        left = deque(dataset.runs)
        while run is None or self._runs.holds(run):
            covered, most = 0, self._most_lumisections()
            if ls is None:
                while left and (
                    covered + left[0].lumisections <= most or not (covered or left[0].can_be_cut)
                ):
                    covered += left.popleft().lumisections
                if not left:
                    yield self._part(dataset, _Range(run, self._runs.high), covered, Position(dataset.id))
                    return
                upcoming = left[0].number
                if covered or run != upcoming:
                    # Up to the next run that is known: what may lie between needs no part of its own.
                    end = Position(dataset.id, upcoming - 1)
                    yield self._part(dataset, _Range(run, upcoming - 1), covered, end)
                    run = upcoming
                    continue
            low = self._lumisections.low if ls is None else ls
            first = left[0].first if low is None else max(left[0].first, low)
            rest = left[0].last - first + 1
            if rest < 2 or rest <= most or not left[0].can_be_cut:
                run = left.popleft().number
                covered, lumisections = max(1, rest), _Range(low, self._lumisections.high)
                yield self._part(dataset, _Range(run, run), covered, Position(dataset.id, run), lumisections)
                run, ls = run + 1, None
            else:
                # Pieces of the same size: a last one with next to nothing in it would be a request too many.
                covered = max(1, min(math.ceil(rest / math.ceil(rest / most)), math.floor(most)))
                run, ls = left[0].number, first + covered
                end = Position(dataset.id, run, ls - 1)
                yield self._part(dataset, _Range(run, run), covered, end, _Range(low, ls - 1))

    def _part(
        self, dataset: _Dataset, runs: _Range, covered: int, end: Position, lumisections: _Range | None = None
    ) -> Part:
        self._left -= covered
        lumisections = lumisections or self._lumisections
        query = {**dataset.query, **runs.query(_RUN), **lumisections.query(_LS)}
        return Part(query, covered * self._density, end, covered)


def _is_over(after: Position | None, dataset_id: int, run_number: float = math.inf) -> bool:
    """Whether all of a dataset, or of a run of it, has come before a position."""
    if after is None:
        return False
    run, ls = (math.inf if key is None else key for key in (after.run_number, after.ls_number))
    return (dataset_id, run_number, math.inf) <= (after.dataset_id, run, ls)
