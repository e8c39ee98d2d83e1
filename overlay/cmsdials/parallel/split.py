"""From one query to many: parts that several workers can ask at once, and whose rows in a row are the listing.

Rows come ordered by dataset, run, lumisection and whatever else, so an interval of these keys is a query of its own.
A listing is cut into such intervals one after the other, each beginning where the one before has ended: nothing can
be doubled or left out, whatever is believed about the number of rows. That belief, the runs and their lumisections
with so many rows each, only decides where to cut, and is corrected by what comes (`Splitter.learn`).

The runs that are known need not be all there are. Parts join between them, so that a run which nobody has listed is
still asked for. Only its dataset has to be known: the service takes one at a time, and names no range of them.

No I/O, and no threads: whoever shares a `Splitter` between threads asks it from one at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from attrs import frozen

__all__ = ["Part", "Position", "Splitter", "can_be_split", "read_position"]

_DATASET = ("dataset", "dataset__regex")
_RUN = ("run_number", "run_number__gte", "run_number__lte")
_LS = ("ls_number", "ls_number__gte", "ls_number__lte")

TYPICAL_LUMISECTIONS = 500
"""Lumisections of a run, where no run says how many it has."""

FURTHEST = 50.0
"""What is learnt may differ by this factor, at most, from the rows that were expected."""

MEMORY = 0.5
"""How much what was known before counts beside what has just come, from 0 to 1."""

SMALLEST = 0.15
"""Less than this part of a page is not worth a request of its own, to let all workers end at the same time."""

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
    """Return the position that a text says, None if it is none of ours, such as a cursor of the service."""
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


@frozen
class _Dataset:
    """A dataset with the runs that are known of it, in order; `query` has what every part of it asks."""

    id: int
    runs: list[_Run]
    query: dict[str, Any]


@frozen
class _Start:
    """Where the next part begins.

    Attributes:
        dataset: Which of the datasets.
        run: The first run number; None is open.
        ls: The first lumisection of that run, if it has been cut; None at its beginning.
        known: Which of the known runs is the first that is left.
        left: Known lumisections that are left, of all datasets.
    """

    dataset: int
    run: int | None
    ls: int | None
    known: int
    left: int


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
        self._bounds = (expected / FURTHEST, expected * FURTHEST)
        # As if a page had come, as expected.
        self._came, self._seen = float(page_rows), page_rows / expected
        possible = not self._runs.is_empty and not self._lumisections.is_empty
        self._datasets = self._with_runs(query, runs, after) if possible else []
        self._at = self._beginning(after)

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
            counts.setdefault(wanted, {})  # it has runs that nobody has listed, perhaps
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
        first, last = 1, count
        if after is not None and (after.dataset_id, after.run_number) == (dataset_id, number):
            first = (after.ls_number or 0) + 1
        if self._lumisections.low is not None:
            first = max(first, self._lumisections.low)
        if self._lumisections.high is not None:
            last = min(last, self._lumisections.high)
        return _Run(number, first, last)

    def _beginning(self, after: Position | None) -> _Start:
        left = sum(run.lumisections for dataset in self._datasets for run in dataset.runs)
        start = _Start(0, self._runs.low, None, 0, left)
        if after is None or not self._datasets or self._datasets[0].id != after.dataset_id:
            return start
        number = after.run_number
        if number is None or (self._runs.low is not None and number < self._runs.low):
            return start
        if after.ls_number is None or not self._runs.holds(number):
            return _Start(0, number + 1, None, 0, left)
        lows = (after.ls_number + 1, self._lumisections.low)
        return _Start(0, number, max(low for low in lows if low is not None), 0, left)

    @property
    def rows_left(self) -> float:
        """Rows that are expected of the parts still to be handed out."""
        return self._at.left * self._density

    def learn(self, part: Part, rows: int) -> None:
        """Take in how many rows a part had, in whatever order parts come."""
        if part.lumisections:
            self._came = MEMORY * self._came + rows
            self._seen = MEMORY * self._seen + part.lumisections

    def next(self) -> Part | None:
        """Return the next part, None when all have been handed out."""
        at = self._at
        while at.dataset < len(self._datasets):
            if at.run is not None and self._runs.high is not None and at.run > self._runs.high:
                at = self._dataset_after(at)
                continue
            part, at = self._runs_from(at) if at.ls is None else self._lumisections_from(at, at.ls)
            self._at = at  # a single assignment: a Ctrl-C leaves the part either handed out or not
            return part
        return None

    @property
    def _density(self) -> float:
        lowest, highest = self._bounds
        return min(highest, max(lowest, self._came / self._seen))

    def _most_lumisections(self) -> float:
        """Return how many lumisections the next part may cover."""
        rows = float(self._page_rows)
        if self._workers > 1:
            rows = min(rows, max(rows * SMALLEST, self.rows_left / self._workers))
        return rows / self._density * (1 + 1e-9)  # a page is a page, however it was divided

    def _runs_from(self, at: _Start) -> tuple[Part, _Start]:
        """Cover whole runs, as many as fit; or the first run's beginning, if not even that one does."""
        dataset = self._datasets[at.dataset]
        most = self._most_lumisections()
        next_known, covered = at.known, 0
        while next_known < len(dataset.runs):
            run = dataset.runs[next_known]
            if covered + run.lumisections > most and (covered or self._can_cut(run)):
                break
            next_known, covered = next_known + 1, covered + run.lumisections
        if next_known == len(dataset.runs):
            return self._part(
                at, _Range(at.run, self._runs.high), covered, Position(dataset.id), self._dataset_after(at)
            )
        upcoming = dataset.runs[next_known].number
        if not covered and at.run == upcoming:
            return self._lumisections_from(at, self._lumisections.low)
        # Up to the next run that is known: what may lie between needs no part of its own.
        after = _Start(at.dataset, upcoming, None, next_known, at.left - covered)
        return self._part(
            at, _Range(at.run, upcoming - 1), covered, Position(dataset.id, upcoming - 1), after
        )

    def _lumisections_from(self, at: _Start, low: int | None) -> tuple[Part, _Start]:
        """Cover lumisections of the first run: all that are left, or some if these are too many."""
        dataset = self._datasets[at.dataset]
        run = dataset.runs[at.known]
        first = run.first if low is None else max(run.first, low)
        rest, most = run.last - first + 1, self._most_lumisections()
        if rest < 2 or rest <= most or not self._can_cut(run):
            covered = max(1, rest)
            after = _Start(at.dataset, run.number + 1, None, at.known + 1, at.left - covered)
            lumisections, end = _Range(low, self._lumisections.high), Position(dataset.id, run.number)
        else:
            # Pieces of the same size: a last one with next to nothing in it would be a request too many.
            covered = max(1, min(math.ceil(rest / math.ceil(rest / most)), math.floor(most)))
            last = first + covered - 1
            after = _Start(at.dataset, run.number, last + 1, at.known, at.left - covered)
            lumisections, end = _Range(low, last), Position(dataset.id, run.number, last)
        return self._part(at, _Range(run.number, run.number), covered, end, after, lumisections)

    def _can_cut(self, run: _Run) -> bool:
        return run.last > run.first

    def _part(
        self,
        at: _Start,
        runs: _Range,
        covered: int,
        end: Position,
        after: _Start,
        lumisections: _Range | None = None,
    ) -> tuple[Part, _Start]:
        query = {
            **self._datasets[at.dataset].query,
            **runs.query(_RUN),
            **(lumisections or self._lumisections).query(_LS),
        }
        return Part(query, covered * self._density, end, covered), after

    def _dataset_after(self, at: _Start) -> _Start:
        gone = sum(run.lumisections for run in self._datasets[at.dataset].runs[at.known :])
        return _Start(at.dataset + 1, self._runs.low, None, 0, at.left - gone)


def _is_over(after: Position | None, dataset_id: int, run_number: int | None = None) -> bool:
    """Whether all of a dataset, or of a run of it, has come before a position."""
    if after is None or dataset_id > after.dataset_id:
        return False
    if dataset_id < after.dataset_id or after.run_number is None:
        return True
    if run_number is None:
        return False
    return run_number < after.run_number or (run_number == after.run_number and after.ls_number is None)
