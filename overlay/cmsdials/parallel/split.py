"""From one query to many: parts that several workers can fetch at once, and whose rows, joined, are the listing.

Rows come ordered by dataset, run, lumisection and whatever else, so an interval of these keys is a query of its own.
A listing is cut into such intervals one after the other, each beginning where the one before ends: nothing can come
twice or be left out, whatever number of rows is expected. That expectation (known runs, their lumisections, and so many
rows in each) only decides where to cut, and is corrected by what arrives (`Splitter.learn`).

There may be more runs than the known ones. Parts leave no gaps between these, so that a run which is not listed is
still asked for. Only its dataset has to be known: the service takes one dataset at a time, not a range.

No I/O, and no threads: a `Splitter` that threads share must be called by one at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from attrs import frozen

__all__ = ["Part", "Position", "Splitter", "can_be_split", "read_position"]

_DATASET = ("dataset", "dataset__regex")
_RUN = ("run_number", "run_number__gte", "run_number__lte")
_LS = ("ls_number", "ls_number__gte", "ls_number__lte")

TYPICAL_LUMISECTIONS = 500
"""Lumisections of a run, where no run says how many it has."""

LARGEST_CORRECTION = 50.0
"""What is learnt may differ at most by this factor from what was expected."""

WEIGHT_OF_THE_PAST = 0.5
"""Weight, from 0 to 1, of what was known before against what has just arrived."""

SMALLEST_PART = 0.15
"""Smallest fraction of a page worth a request of its own, when parts shrink so that all workers end together."""

_POSITION = re.compile(r"after\.(-?[0-9]{1,18})(?:\.(-?[0-9]{1,18})(?:\.(-?[0-9]{1,18}))?)?")


@frozen
class Position:
    """How far a listing is: all rows up to here have been fetched, and none after.

    `str()` writes it as text for a link, such as ``after.14677060.367112.10``; `read_position` reads that.

    Attributes:
        dataset_id: The dataset.
        run_number: The run; None if the whole dataset has been fetched.
        ls_number: The lumisection; None if the whole run has been fetched.
    """

    dataset_id: int
    run_number: int | None = None
    ls_number: int | None = None

    def __str__(self) -> str:
        keys = (self.dataset_id, self.run_number, self.ls_number)
        return ".".join(["after", *(str(key) for key in keys if key is not None)])


def read_position(text: str | None) -> Position | None:
    """Return the position that a text encodes, None if it is not one of ours, such as a cursor of the service."""
    match = _POSITION.fullmatch(text or "")
    return Position(*(None if key is None else int(key) for key in match.groups())) if match else None  # type: ignore[arg-type]  # the first is never None


@frozen
class Part:
    """A query for some of the rows, and the position after them."""

    query: dict[str, Any]
    rows: float  # expected
    end: Position
    lumisections: int  # known ones that it covers; none where it only looks for unknown runs


class _Range(NamedTuple):
    """Whole numbers between two bounds, both inclusive; an infinite one is open."""

    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def of(cls, query: Mapping[str, Any], names: tuple[str, str, str]) -> _Range:
        """Read a value and two bounds of a query; all that are given must hold."""
        exact, low, high = names
        given = cls(query.get(low, -math.inf), query.get(high, math.inf))
        return given.within(query.get(exact, -math.inf), query.get(exact, math.inf))

    def within(self, low: float = -math.inf, high: float = math.inf) -> _Range:
        """Return what is also within these bounds."""
        return _Range(max(self.low, low), min(self.high, high))

    def query(self, names: tuple[str, str, str]) -> dict[str, float]:
        if self.low == self.high:
            return {names[0]: self.low}
        bounds = zip(names[1:], self, strict=True)
        return {name: bound for name, bound in bounds if abs(bound) != math.inf}


class _Run(NamedTuple):
    """A known run, and how many lumisections (at least one) are expected of it, from the first one wanted."""

    number: int
    first: int
    lumisections: int


@frozen
class _Section:
    """Runs of a dataset, or what is left of one run, with the query for them all, and the known ones, in order."""

    dataset_id: int
    query: dict[str, Any]
    runs: _Range
    lumisections: _Range
    known: list[_Run]


def can_be_split(accepts: Collection[str]) -> bool:
    """Whether a list that accepts these names can be cut: by dataset, and by ranges of runs and lumisections."""
    return {"dataset_id", *_RUN, *_LS} <= {*accepts}


class Splitter:
    """Cuts one listing into parts, which are handed out in the order of their rows.

    A part is about a page, and smaller towards the end, so that all workers end at about the same time. Runs are
    kept whole as long as several or one fit into a part, and are cut by lumisection otherwise. It learns
    from what arrives: where there are fewer rows than expected, parts become larger.

    The runs are those that the service lists for the query's dataset and run: dataset_id, run_number, and how many
    lumisections each has, or None. They may come in any order; of duplicates the larger number counts. The position
    to begin after may come from any way of cutting this query.
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
        self._page_rows = page_rows
        self._workers = workers
        expected = max(rows_per_lumisection, 1e-3)
        self._bounds = (expected / LARGEST_CORRECTION, expected * LARGEST_CORRECTION)
        # As if a page had arrived with the expected number of rows.
        self._came, self._seen = float(page_rows), page_rows / expected
        sections = [*_sections(query, runs, after)]
        self._left = sum(run.lumisections for section in sections for run in section.known)
        self._parts = chain.from_iterable(map(self._cut, sections))

    @property
    def rows_left(self) -> float:
        """Rows expected in the parts still to be handed out."""
        return self._left * self._density

    def learn(self, part: Part, rows: int) -> None:
        """Record how many rows a part had; parts may come in any order."""
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
        return rows / self._density * (1 + 1e-9)  # a full page must fit despite rounding

    def _fits(self, run: _Run, covered: int) -> bool:
        """Whether a whole run fits into a part that already covers so many lumisections."""
        is_one_alone = not covered and run.lumisections == 1
        return is_one_alone or covered + run.lumisections <= self._most_lumisections()

    def _cut(self, section: _Section) -> Iterator[Part]:
        """Cut a section: each part has as many whole runs as fit or, if not even one does, some of its lumisections."""
        (low, high), covered = section.runs, 0
        for run in section.known:
            if not self._fits(run, covered) and (covered or low != run.number):
                # Up to the next known run: what may lie between needs no part of its own.
                yield self._part(section, _Range(low, run.number - 1), covered)
                low, covered = run.number, 0
            if self._fits(run, covered):
                covered += run.lumisections
            else:
                yield from self._cut_run(section, run)
                low = run.number + 1
        if low <= high:
            yield self._part(section, _Range(low, high), covered)

    def _cut_run(self, section: _Section, run: _Run) -> Iterator[Part]:
        left, first, rest = section.lumisections, run.first, run.lumisections
        while rest > max(1, most := self._most_lumisections()):
            # Pieces of the same size: a last one with next to nothing in it would be a request too many.
            covered = max(1, min(math.ceil(rest / math.ceil(rest / most)), math.floor(most)))
            first, rest = first + covered, rest - covered
            yield self._part(section, _Range(run.number, run.number), covered, left.within(high=first - 1))
            left = left.within(first)
        yield self._part(section, _Range(run.number, run.number), rest, left)

    def _part(
        self, section: _Section, runs: _Range, covered: int, lumisections: _Range | None = None
    ) -> Part:
        self._left -= covered
        asked = lumisections or section.lumisections
        query = {**section.query, **runs.query(_RUN), **asked.query(_LS)}
        ends = [runs.high] if asked.high == section.lumisections.high else [runs.high, asked.high]
        end = Position(section.dataset_id, *(int(key) for key in ends if key != math.inf))
        return Part(query, covered * self._density, end, covered)


def _sections(
    query: Mapping[str, Any], runs: Iterable[tuple[int, int, int | None]], after: Position | None
) -> Iterator[_Section]:
    """Yield what is left after a position, in order."""
    counts: dict[int, dict[int, int | None]] = {}
    for dataset_id, number, count in runs:
        known = counts.setdefault(dataset_id, {})
        before = known.get(number)
        known[number] = count if before is None else max(before, count or 0)
    listed = {*counts}
    for named in (query.get("dataset_id"), None if after is None else after.dataset_id):
        if named is not None:
            counts.setdefault(named, {})  # it may have runs that are not listed
    of_all = [count for known in counts.values() for count in known.values() if count is not None]
    typical = round(sum(of_all) / len(of_all)) if of_all else TYPICAL_LUMISECTIONS
    rest = {name: value for name, value in query.items() if name not in (*_RUN, *_LS, "next_token")}
    # The listed runs were selected by dataset name already, and asking by id alone is fast.
    by_id = {name: value for name, value in rest.items() if name not in _DATASET}
    for dataset_id, known in sorted(counts.items()):
        if query.get("dataset_id", dataset_id) != dataset_id:
            continue
        asked = {**(by_id if dataset_id in listed else rest), "dataset_id": dataset_id}
        for numbers, lumisections in _left(query, dataset_id, after):
            here = [number for number in sorted(known) if numbers.low <= number <= numbers.high]
            expected = [
                lumisections.within(1, typical if (count := known[number]) is None else count)
                for number in here
            ]
            known_here = [
                _Run(number, int(low), max(1, int(high - low) + 1))
                for number, (low, high) in zip(here, expected, strict=True)
            ]
            yield _Section(dataset_id, asked, numbers, lumisections, known_here)


def _left(
    query: Mapping[str, Any], dataset_id: int, after: Position | None
) -> Iterator[tuple[_Range, _Range]]:
    """Yield what is left of a dataset after a position: runs, and which lumisections of each."""
    runs, lumisections = _Range.of(query, _RUN), _Range.of(query, _LS)
    left = [(runs, lumisections)]
    if after is not None and dataset_id <= after.dataset_id:
        run, ls = after.run_number, after.ls_number
        left = []
        if dataset_id == after.dataset_id and run is not None:
            left.append((runs.within(run + 1), lumisections))
            if ls is not None:
                left.insert(0, (runs.within(run, run), lumisections.within(ls + 1)))
    return (both for both in left if all(one.low <= one.high for one in both))
