"""From one query to many: parts that several workers can fetch at once, and whose rows, joined, are the listing.

Rows come ordered by dataset, run, lumisection and whatever else, so an interval of these keys is a query of its own.
A listing is cut into such intervals one after the other, each beginning where the one before ends: nothing can come
twice or be left out, whatever number of rows is expected. That expectation (known runs, their lumisections, and so many
rows in each) only decides where to cut, and is corrected by what arrives. A part is only a wish: if it turns out to have
more rows than a page, what is left of it is cut again (`Splitter.rest`). A cursor of the service then says where it
begins, to the row; it stays valid whatever interval is asked for with it.

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

from attrs import evolve, field, frozen

from cmsdials.parallel.boxes import LS, RUN, Good, Range

__all__ = ["Part", "Position", "Splitter", "can_be_split", "read_position"]

_DATASET = ("dataset", "dataset__regex")

TYPICAL_LUMISECTIONS = 500
"""Lumisections of a run, where no run says how many it has."""

WEIGHT_OF_THE_PAST = 0.5
"""Weight, from 0 to 1, of what was known before against what has just arrived."""

MOST_PAGES = 8
"""Pages of a part at most: whoever fetches it goes from one to the next, and others fetch what follows meanwhile."""

FILLING = 0.9
"""Fraction of a part's last page that is expected to be filled: a bit more than expected then needs no other page."""

LONGEST_WHOLE_RUN = 8
"""Pages of a run at most that is begun as a part of its own with what lies between it and the run before, and cut after its
first page. For a longer one, a request for what lies between, which is mostly nothing, costs little in comparison."""

FEWEST_PAGES = 2
"""Pages that must be left to be worth cutting."""

MOST_DATASETS = 0.25
"""Datasets beside the first, for each page that is left, to be worth cutting: each needs requests of its own."""

_POSITION = re.compile(
    r"after\.(-?[0-9]{1,18})(?:\.(-?[0-9]{1,18})(?:\.(-?[0-9]{1,18})(?:\.at\.(.+))?)?)?", re.DOTALL
)


@frozen
class Position:
    """How far a listing is: all rows up to here have been fetched, and none after.

    `str()` writes it as text for a link, such as ``after.14677060.367112.10``; `read_position` reads that.

    Attributes:
        dataset_id: The dataset.
        run_number: The run; None if the whole dataset has been fetched.
        ls_number: The lumisection; None if the whole run has been fetched.
        cursor: Cursor of the service that leads to what is left of the lumisection, and on; None if all of it has been
            fetched.
    """

    dataset_id: int
    run_number: int | None = None
    ls_number: int | None = None
    cursor: str | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        keys = (self.dataset_id, self.run_number, self.ls_number)
        text = ".".join(["after", *(str(key) for key in keys if key is not None)])
        return text if self.cursor is None else f"{text}.at.{self.cursor}"


def read_position(text: str | None) -> Position | None:
    """Return the position that a text encodes, None if it is not one of ours, such as a cursor of the service."""
    match = _POSITION.fullmatch(text or "")
    if match is None:
        return None
    *keys, rest = match.groups()
    return Position(*(None if key is None else int(key) for key in keys), cursor=rest)  # type: ignore[arg-type]  # the first is never None


class _Run(NamedTuple):
    """A known run, and how many lumisections (at least one) are expected of it, from the first one wanted."""

    number: int
    first: int
    lumisections: int


@frozen
class _Section:
    """Runs of a dataset, or what is left of one run, with the query for them all, and the known ones, in order.

    `whole` are the lumisections of a run that the listing is of, of which `lumisections` may be some.
    """

    dataset_id: int
    query: dict[str, Any]
    runs: Range
    lumisections: Range
    known: list[_Run]
    whole: Range

    @property
    def lumisections_known(self) -> int:
        return sum(run.lumisections for run in self.known)

    def beginning_with(self, place: Position) -> Iterator[_Section]:
        """Yield what is left of it from a lumisection on, if anything; a cursor leaves out what came before in its run."""
        number, ls = place.run_number, place.ls_number
        if number is None or ls is None:
            message = "a place between rows has a run and a lumisection"
            raise ValueError(message)
        if (place.dataset_id, number) < (self.dataset_id, self.runs.low):
            yield self
        elif self.dataset_id == place.dataset_id:
            runs = self.runs.within(number)
            if runs.low == runs.high:  # so that less has to be passed over
                if (left := self.lumisections.within(ls)).low <= left.high:
                    yield evolve(self, runs=runs, lumisections=left, known=self._known_from(number, ls))
            elif runs.low < runs.high:
                yield evolve(self, runs=runs, known=self._known_from(number, ls))

    def _known_from(self, number: int, ls: int) -> list[_Run]:
        known = [run for run in self.known if run.number > number]
        for run in self.known:
            if run.number == number:
                first = max(run.first, ls)
                known.insert(0, _Run(number, first, max(1, run.lumisections - (first - run.first))))
        return known


@frozen
class Part:
    """A query for some of the rows, and the position after them.

    Attributes:
        query: Selects its rows.
        end: Position after them; None for the rest of the listing.
        rows: How many rows are expected.
        lumisections: Known lumisections that it covers; none where it only looks for unknown runs.
        cursor: Cursor of the service that it begins at; None for its first row.
    """

    query: Mapping[str, Any]
    end: Position | None = None
    rows: float = 0.0
    lumisections: int = 0
    cursor: str | None = None
    _section: _Section | None = None
    _beyond: int = 0  # lumisections that its first page is not expected to have

    @property
    def begin(self) -> Position | None:
        """Its first lumisection; None if that is not known, because it begins anywhere."""
        section = self._section
        keys = () if section is None else (section.runs.low, section.lumisections.low)
        if section is None or -math.inf in keys:
            return None
        return Position(section.dataset_id, *map(int, keys))


def can_be_split(accepts: Collection[str]) -> bool:
    """Whether a list that accepts these names can be cut: by dataset, and by ranges of runs and lumisections."""
    return {"dataset_id", *RUN, *LS} <= {*accepts}


class Splitter:
    """Cuts one listing into parts, in the order of their rows.

    Parts have up to `MOST_PAGES` pages, and fewer towards the end, so that all workers end at about the same time. Runs are
    kept whole as long as several or one fit into a part, and are cut by lumisection otherwise. It learns from what
    arrives: where there are fewer rows than expected, parts become larger. It cuts only where that saves time: nothing
    for one worker, nor the last page or many small datasets, which go on page by page. A dataset is cut once a page of it
    has come: until then it may have no rows at all. If only some lumisections are `good`, parts are of these, and of small
    gaps between them.

    The runs are those that the service lists for the query's dataset and run: dataset_id, run_number, and how many
    lumisections each has, or None. They may come in any order; of duplicates the larger number counts.

    Attributes:
        page_rows: Rows in a page.
        most_pages: Pages in a part at most.
    """

    def __init__(
        self,
        query: Mapping[str, Any],
        runs: Iterable[tuple[int, int, int | None]],
        *,
        page_rows: int,
        workers: int,
        rows_per_lumisection: float = 1.0,
        most_pages: float = MOST_PAGES,
        good: Good | None = None,
    ) -> None:
        self.page_rows = page_rows
        self.most_pages = most_pages
        self._query = query
        self._runs = [*runs]
        self._workers = workers
        self._good = good
        # As if a page had arrived with the expected number of rows.
        self._came, self._seen = float(page_rows), page_rows / max(rows_per_lumisection, 1e-3)
        self._left = 0

    @property
    def rows_left(self) -> float:
        """Rows expected beyond the pages that are being fetched."""
        return self._left * self._density

    def rows_after(self, place: Position) -> float:
        """Return how many rows are expected from a lumisection on. Any thread may ask."""
        return _lumisections_from(self._sections(also=place.dataset_id), place) * self._density

    def parts(self, after: Position | None = None) -> Iterator[Part]:
        """Cut all that is left after a position, which may come from any way of cutting this query."""
        if after is None or after.cursor is None:
            sections, cursor = [*self._sections(after=after)], None
        else:
            every = self._sections(also=after.dataset_id)
            sections = [left for one in every for left in one.beginning_with(after)]
            cursor = (
                after.cursor
            )  # of the first one: it leaves out what has come, even where others were cut before
        self._left = sum(section.lumisections_known for section in sections)
        return self._cut_all(sections, cursor)

    def parts_from(self, first: Position, last: Position, rows: int, cursor: str) -> Iterator[Part]:
        """Cut all that is left after a page, which has so many rows from the first to the last position.

        The cursor leads to the row after the last one, which may be of the same lumisection. Where it is not worth cutting,
        all that is left is one part without an end.
        """
        sections = [*self._sections(also=last.dataset_id)]
        between = _lumisections_from(sections, first) - _lumisections_from(sections, last)
        # Half of the last one, which may go on: better than what was expected before anything had come.
        self._came, self._seen = float(rows), max(1.0, between + 0.5)
        sections = [left for one in sections for left in one.beginning_with(last)]
        self._left = sum(section.lumisections_known for section in sections)
        pages = self.rows_left / self.page_rows
        if self._workers == 1 or pages < FEWEST_PAGES or len(sections) - 1 > MOST_DATASETS * pages:
            return iter([Part(self._query, cursor=cursor)])
        return self._cut_all(sections, cursor)

    def rest(self, part: Part, reached: Position | None, rows: int, cursor: str | None) -> Iterator[Part]:
        """Learn from a page of a part, and cut what is left of the part.

        Args:
            part: The part.
            reached: Where the last row of the page is; None if it has no rows.
            rows: How many rows the page has.
            cursor: Leads to what is left; None if that is nothing.
        """
        if cursor is None:
            self._left -= part._beyond
            self._learn(rows, part.lumisections)
            return iter(())
        if part._section is None or reached is None:
            return iter([evolve(part, cursor=cursor)])
        left = [*part._section.beginning_with(reached)]
        lumisections = sum(section.lumisections_known for section in left)
        if part.lumisections:  # where nothing was expected says nothing of how many rows a lumisection has
            self._learn(rows, max(1, part.lumisections - lumisections))
        self._left += lumisections - part._beyond
        return self._cut_all(left, cursor)

    def _sections(self, **where: Any) -> Iterator[_Section]:
        return _sections(self._query, self._runs, good=self._good, **where)

    def _learn(self, rows: int, lumisections: float) -> None:
        """Record how many rows so many lumisections had; they may come in any order."""
        if lumisections:
            self._came = WEIGHT_OF_THE_PAST * self._came + rows
            self._seen = WEIGHT_OF_THE_PAST * self._seen + lumisections

    @property
    def _density(self) -> float:
        return max(self._came / self._seen, 1e-6)

    @property
    def _lumisections_of_page(self) -> float:
        return self.page_rows / self._density

    def _most_lumisections(self) -> float:
        """Return how many lumisections the next part may cover."""
        if self._workers == 1:
            return math.inf
        share = self.rows_left / self.page_rows / self._workers
        pages = max(1, math.floor(min(share, self.most_pages, MOST_PAGES)))
        return (pages - 1 + FILLING) * self._lumisections_of_page * (1 + 1e-9)  # it must fit despite rounding

    def _most_for_all(self) -> float:
        """Return how many lumisections the next part may cover if they are all that is left: its last page may be full."""
        return max(1, self._most_lumisections() + (1 - FILLING) * self._lumisections_of_page)

    def _cut_all(self, sections: Iterable[_Section], cursor: str | None = None) -> Iterator[Part]:
        """Cut the first section, which begins at a cursor. Each other one is a part until a page of it has come.

        The others are of datasets of which nothing is known. They may have no rows, which one request finds out.
        """
        for number, section in enumerate(sections):
            if number and self._workers > 1:
                yield self._part(section, section.runs, section.known, cursor=None)
            else:
                yield from self._cut(section, cursor)

    def _cut(self, section: _Section, cursor: str | None) -> Iterator[Part]:
        """Cut a section: each part has as many whole runs as fit or, if not even one does, some of its lumisections."""
        (low, high), known, at = section.runs, section.known, 0
        while low <= high and low != math.inf:
            is_last = not at and section.lumisections_known <= self._most_for_all()
            many = len(known) if is_last else self._whole_runs(known, at)
            # Up to the next known run: what may lie between needs no part of its own.
            end = high if at + many == len(known) else known[at + many].number - 1
            if not many and at < len(known):
                run = known[at]
                if low == run.number:
                    yield from self._cut_run(section, run, cursor)
                    at, low, cursor = at + 1, run.number + 1, None
                    continue
                if run.lumisections <= LONGEST_WHOLE_RUN * self._lumisections_of_page:
                    many, end = 1, high if at + 1 == len(known) else run.number
            yield self._part(section, Range(low, end), known[at : at + many], cursor=cursor)
            at, low, cursor = at + many, end + 1, None

    def _whole_runs(self, known: list[_Run], at: int) -> int:
        """Return how many whole runs the next part should have: of those that fit, so many that its pages are full."""
        most, page = self._most_lumisections(), self._lumisections_of_page
        covered, many, best = 0, 0, 0.0
        for index in range(at, len(known)):
            covered += known[index].lumisections
            if covered > max(1, most):
                break
            filled = 1.0 if most == math.inf else covered / (page * self._pages(covered))
            if filled >= best:
                many, best = index + 1 - at, filled
        return many

    def _pages(self, lumisections: float) -> int:
        """Return in how many pages so many lumisections fit, with some room in the last one."""
        return max(1, math.ceil(lumisections / self._lumisections_of_page + 1 - FILLING - 1e-6))

    def _cut_run(self, section: _Section, run: _Run, cursor: str | None) -> Iterator[Part]:
        left, (number, first, rest) = section.lumisections, run
        while rest > self._most_for_all():
            page = self._lumisections_of_page
            # As few pieces as there can be, of about the same size. Their last pages are full.
            pages = rest / page / math.ceil(rest / self._most_for_all() - 1e-9)
            filled = max(pages, math.ceil(pages - 1e-9) - 1 + FILLING)
            covered = max(1, math.floor(filled * page * (1 + 1e-9)))
            piece = _Run(number, first, covered)
            first, rest = first + covered, rest - covered
            here = left.within(high=first - 1)
            yield self._part(section, Range(number, number), [piece], here, cursor=cursor)
            left, cursor = left.within(first), None
        yield self._part(section, Range(number, number), [_Run(number, first, rest)], left, cursor=cursor)

    def _part(
        self,
        section: _Section,
        runs: Range,
        known: list[_Run],
        lumisections: Range | None = None,
        *,
        cursor: str | None,
    ) -> Part:
        asked = lumisections or section.lumisections
        here = evolve(section, runs=runs, lumisections=asked, known=known)
        covered = here.lumisections_known
        beyond = max(0, covered - math.ceil(self._lumisections_of_page))
        self._left -= covered - beyond
        query = {**section.query, **runs.query(RUN), **asked.query(LS)}
        ends = [runs.high] if asked.high == section.whole.high else [runs.high, asked.high]
        end = Position(section.dataset_id, *(int(key) for key in ends if key != math.inf))
        return Part(query, end, covered * self._density, covered, cursor, here, beyond)


def _sections(
    query: Mapping[str, Any],
    runs: Iterable[tuple[int, int, int | None]],
    *,
    after: Position | None = None,
    also: int | None = None,
    good: Good | None = None,
) -> Iterator[_Section]:
    """Yield what is left after a position, in order, of all datasets with runs and of another one."""
    counts: dict[int, dict[int, int | None]] = {}
    for dataset_id, number, count in runs:
        known = counts.setdefault(dataset_id, {})
        before = known.get(number)
        known[number] = count if before is None else max(before, count or 0)
    listed = {*counts}
    for named in (query.get("dataset_id"), None if after is None else after.dataset_id, also):
        if named is not None:
            counts.setdefault(named, {})  # it may have runs that are not listed
    of_all = [count for known in counts.values() for count in known.values() if count is not None]
    typical = round(sum(of_all) / len(of_all)) if of_all else TYPICAL_LUMISECTIONS
    rest = {name: value for name, value in query.items() if name not in (*RUN, *LS, "next_token")}
    # The listed runs were selected by dataset name already, and asking by id alone is fast.
    by_id = {name: value for name, value in rest.items() if name not in _DATASET}
    numbers_wanted, wanted = Range.of(query, RUN), Range.of(query, LS)
    for dataset_id, known in sorted(counts.items()):
        if query.get("dataset_id", dataset_id) != dataset_id:
            continue
        asked = {**(by_id if dataset_id in listed else rest), "dataset_id": dataset_id}
        boxes: Iterable[tuple[Range, Range]] = [(numbers_wanted, wanted)]
        if good is not None:
            boxes = good.boxes(known, numbers_wanted, wanted)
        for numbers, lumisections in chain.from_iterable(_left(*box, dataset_id, after) for box in boxes):
            here = [number for number in sorted(known) if numbers.low <= number <= numbers.high]
            expected = [
                lumisections.within(1, typical if (count := known[number]) is None else count)
                for number in here
            ]
            known_here = [
                _Run(number, int(low), max(1, int(high - low) + 1))
                for number, (low, high) in zip(here, expected, strict=True)
            ]
            yield _Section(dataset_id, asked, numbers, lumisections, known_here, wanted)


def _left(
    runs: Range, lumisections: Range, dataset_id: int, after: Position | None
) -> Iterator[tuple[Range, Range]]:
    """Yield what is left of runs of a dataset after a position: runs, and which lumisections of each."""
    left = [(runs, lumisections)]
    if after is not None and dataset_id <= after.dataset_id:
        run, ls = after.run_number, after.ls_number
        left = []
        if dataset_id == after.dataset_id and run is not None:
            left.append((runs.within(run + 1), lumisections))
            if ls is not None:
                left.insert(0, (runs.within(run, run), lumisections.within(ls + 1)))
    return (both for both in left if all(one.low <= one.high for one in both))


def _lumisections_from(sections: Iterable[_Section], place: Position) -> int:
    """Return how many known lumisections there are from one on."""
    return sum(left.lumisections_known for section in sections for left in section.beginning_with(place))
