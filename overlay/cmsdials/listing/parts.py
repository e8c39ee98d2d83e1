"""A listing in parts that several workers fetch at once, handed on in order, as if it were page after page.

It begins as any listing does, with its first page. If there are more, and meanwhile it is known which runs there are, what
is left is cut into parts (`cmsdials.parallel.split`), which several workers fetch page by page
(`cmsdials.parallel.workers`). After each page, what is left of its part may be cut again.

The pages are those of the whole listing: their `next` link says how far it is with them. Within a part that is the
service's own cursor, which means a row and is good for the whole listing too; at its end it is a `Position`. So resuming
and files need to know nothing about parts.

The threads refer to what fetches the parts (`Fetching`) and not to `Parts`: dropping a listing half-way, as ``break``
in a loop does, ends the threads with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from attrs import define, evolve, field
from cmsdials_api.records import Record

from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import Listing, PageSize
from cmsdials.listing.provenance import Origin
from cmsdials.parallel.boxes import Good
from cmsdials.parallel.split import Part, Position, Splitter, can_be_split, read_position
from cmsdials.parallel.workers import in_order
from cmsdials.runtime.arguments import checked_count
from cmsdials.runtime.console import warn
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.table.rows import RowStore

__all__ = ["Fetching", "Parts", "Runs", "are_parts"]

RecordT = TypeVar("RecordT", bound=Record)
Runs = Sequence[tuple[int, int, int | None]]
"""For each run dataset_id, run_number and its lumisection count or None."""

_ROWS_OF_A_REQUEST = {0: 300, 1: 300, 2: 25}
"""By the dimensions of a histogram, how many rows cost as much as a request. The way there and back and the search for the
first row take about 0.1 s; the service was measured to need 0.17 s for 500 TH1, and 1 to 5 s for 500 TH2. So a gap
between good lumisections that has no more rows is fetched and dropped."""

MOST_BYTES_OF_PART = 16e6
"""Bytes of a part at most, where it has more than a page: so much may wait until it is its turn, for each worker."""

_KEYS = ("dataset_id", "run_number", "ls_number")
_FEW = ({"file_id"}, {"logical_file_name"}, {"run_number", "ls_number"})
"""Filters that leave so few rows that there is nothing to split."""

MOST_THREADS = 100
MOST_WORKERS = 3
"""Workers of the service. More requests at a time wait for each other, and make other users wait."""


def are_parts(
    query: Mapping[str, Any],
    accepts: Collection[str],
    listing: Listing,
    concurrency: int,
    mask: LumiMask | None = None,
) -> bool:
    """Decide whether a listing is fetched in parts, by its query, the filters that its list takes, and where it begins.

    One that was begun in parts, and has come to the end of one, continues in parts. It is not split if its filters
    choose a file, or one lumisection of a run, nor if rows are requested without the fields that say where they are.
    One of the lumisections of a mask is always in parts, fetched one after the other if they are not wanted at once.

    Raises:
        ConfigurationError: concurrency is not a number from 1 to 100, or is given together with max_pages or
            order_by.
        CheckpointError: There is a mask, and the listing was begun without.
    """
    concurrency = checked_count("concurrency", concurrency)
    if concurrency > MOST_THREADS:
        message = f"concurrency must be at most {MOST_THREADS}, not {concurrency}"
        raise ConfigurationError(message, advice=f"DIALS has {MOST_WORKERS} workers: more are not faster.")
    cursor = listing.reached.cursor
    is_begun = read_position(cursor) is not None
    counts_pages = listing.max_pages is not None and cursor is not None
    if mask is not None and cursor is not None and not is_begun:
        message = "resume_from was listed without good=, and a mask has selected from it afterwards"
        advice = "Resume the listing that it was selected from, and select again; or begin with good= from the start."
        raise CheckpointError(message, advice=advice)
    if mask is not None and concurrency == 1:
        return True
    if not can_be_split(accepts) or (mask is None and not is_begun and (concurrency == 1 or counts_pages)):
        return False
    if "order_by" in query:
        message = "order_by and concurrency exclude each other: parts come in the order of the service"
        raise ConfigurationError(message, advice="Leave one of them out, or sort the result.")
    if listing.max_pages is not None and is_begun:
        message = "max_pages counts pages, and this listing was begun with concurrency=, in parts"
        raise ConfigurationError(message, advice="Continue without max_pages.")
    if listing.max_pages is not None:
        message = "max_pages and concurrency exclude each other: a listing in parts has no pages to count"
        raise ConfigurationError(message, advice="Leave one of them out, or choose fewer runs.")
    if concurrency > MOST_WORKERS:
        warn(
            f"DIALS has {MOST_WORKERS} workers: concurrency={concurrency} is not faster, and slows down others"
        )
    if mask is not None:
        return True
    has_keys = {*_KEYS} <= {*query.get("fields", _KEYS)}
    return is_begun or (has_keys and not any(few <= query.keys() for few in _FEW))


class Parts(Generic[RecordT]):
    """Fetches the pages of a listing, several at a time. It is what `Pages` calls for a page."""

    def __init__(self, fetching: Fetching[RecordT], workers: int) -> None:
        self._fetching = fetching
        self._workers = workers
        self._under_way: Generator[tuple[Part, Page[RecordT]], None, None] | None = None
        self._reached: str | None = None

    def __call__(self, listing: Listing, _retry_when_slow: bool) -> Page[RecordT]:
        """Return the page that follows the position of a listing, or the first one."""
        cursor = listing.reached.cursor
        if self._under_way is None or cursor != self._reached:
            self.close()
            self._under_way = self._begun(listing)
        end = (Part({}), Page(self._fetching.no_rows(), next=None, previous=None))
        try:
            page = self._fetching.placed(*next(self._under_way, end))
            listing.check(page)
            mask = self._fetching.origin.mask
            page = page if mask is None else mask.select(page)
        except BaseException:
            self.close()  # the next call begins where the listing is
            raise
        self._reached = cursor_of(page.next)
        return page

    def close(self) -> None:
        """Stop what is under way."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.close()

    def _begun(self, listing: Listing) -> Generator[tuple[Part, Page[RecordT]], None, None]:
        fetching, cursor = self._fetching.begun(self._workers), listing.reached.cursor
        listing.rows_left = lambda: fetching.rows_left(listing.reached.latest)
        after = read_position(cursor)
        is_cut = after is not None or fetching.origin.mask is not None
        return in_order(
            fetching.parts_after(after) if is_cut else [Part(fetching.origin.query, cursor=cursor)],
            fetching.page,
            self._workers,
            rest=fetching.rest,
            size=lambda page: page.size,
            beside=None if is_cut else fetching.find_runs_beside,
        )


@define
class Fetching(Generic[RecordT]):
    """Fetches the pages of parts, in any thread, and knows what is left to fetch.

    `runs` finds out which runs the listing covers, `link` makes the link of a position, and `density` finds out how many
    rows each lumisection has, about; it is asked if the listing is of the lumisections of a mask.
    """

    origin: Origin  # of the whole listing
    record: type[RecordT]
    fetch: Callable[[Mapping[str, Any], Listing, bool], Page[RecordT]]
    runs: Callable[[], Runs]
    link: Callable[[Position | str], str]
    page_size: int | None
    density: Callable[[], float] = lambda: 1.0
    waiting: Callable[[str], object] = lambda _text: None
    under_way: set[object] = field(factory=set)  # one for each request; changing a set is atomic in Python
    size: PageSize | None = None  # what was learnt about large and slow pages, for all parts
    splitter: Splitter | None = None
    problem: Exception | None = None
    workers: int = 1

    def begun(self, workers: int) -> Fetching[RecordT]:
        """Return one that begins, and knows how large pages are."""
        return evolve(self, splitter=None, problem=None, workers=workers)

    def find_runs_beside(self) -> None:
        """Find out which runs there are; if that fails it is an error in its turn, if there is more than a page."""
        try:
            self.find_runs()
        except Exception as problem:  # noqa: BLE001  # raised by `rest`
            self.problem = problem

    def find_runs(self) -> None:
        """Find out which runs there are: from then on parts are cut."""
        found = self.runs()
        rows = Listing(page_size=self.page_size, max_pages=None).rows_wanted
        good, density = None, 1.0
        if (mask := self.origin.mask) is not None:
            density = self.density() if found else 1.0
            dimensions = max(one.dimensions for one in self.record.FIELDS)
            dropped = min(rows, _ROWS_OF_A_REQUEST.get(dimensions, 1))
            good = Good(mask.ranges, int(dropped / density))
        self.splitter = Splitter(
            self.origin.query,
            found,
            page_rows=rows,
            workers=self.workers,
            rows_per_lumisection=density,
            good=good,
        )

    def parts_after(self, position: Position | None) -> Iterator[Part]:
        """Yield what is left of the listing after a position; all of it without one."""
        self.find_runs()
        assert self.splitter is not None  # noqa: S101  # just made
        yield from self.splitter.parts(position)

    def page(self, part: Part) -> Page[RecordT]:
        """Fetch the next page of a part, as a page of the whole listing."""
        # The cursor of the first page may be the user's, and is no link of ours.
        is_ours = part.cursor != self.origin.query.get("next_token")
        link = self.link(part.cursor) if is_ours and part.cursor is not None else None
        listing = Listing(page_size=self.page_size, max_pages=None, next=link, cursor=part.cursor)
        if self.size is not None:
            listing.size = self.size
        listing.waiting = self.waiting
        self.under_way.add(listing)
        try:
            page = next(Pages(partial(self.fetch, part.query), listing, lambda: self.origin))
        finally:
            self.under_way.discard(listing)
        self.size = listing.size
        if page.next is None and part.end is not None:
            return evolve(page, next=self.link(part.end))
        return page

    def placed(self, part: Part, page: Page[RecordT]) -> Page[RecordT]:
        """Return a page with a link that says where it is, if the listing is of the lumisections of a mask.

        The cursor of the service alone would not say which of them are left.
        """
        cursor = cursor_of(page.next)
        place = _place(page.store, -1) or part.begin
        if self.origin.mask is None or cursor is None or read_position(cursor) is not None or place is None:
            return page
        return evolve(page, next=self.link(evolve(place, cursor=cursor)))

    def rest(self, part: Part, page: Page[RecordT]) -> Iterable[Part]:
        """Return what is left of a part after a page of it."""
        cursor = cursor_of(page.next)
        is_over = page.next is None or read_position(cursor) is not None
        splitter = self.splitter
        if self.problem is not None and not is_over:
            return map(_raised, [self.problem])  # once the page of before has been handed on
        if splitter is None:
            return [] if is_over else [evolve(part, cursor=cursor)]
        if self.size is not None:
            splitter.page_rows = self.size.rows
            splitter.most_pages = MOST_BYTES_OF_PART / max(1.0, self.size.rows * self.size.bytes_each)
        first, last = _place(page.store, 0), _place(page.store, -1)
        if part.end is not None:
            return splitter.rest(part, last, len(page), None if is_over else cursor)
        if is_over:
            return []
        if first is None or last is None or cursor is None:
            return [evolve(part, cursor=cursor)]
        return splitter.parts_from(first, last, len(page), cursor)

    def rows_left(self, after: RowStore[Any] | None) -> float | None:
        """Return how many rows are expected after some; None where that is not known yet."""
        place = None if after is None else _place(after, -1)
        return None if self.splitter is None or place is None else self.splitter.rows_after(place)

    def no_rows(self) -> RowStore[RecordT]:
        """Return an empty store for rows of the listing."""
        return RowStore(self.record, fields=self.origin.query.get("fields"))


def _raised(problem: Exception) -> Part:
    raise problem


def _place(store: RowStore[Any], which: int) -> Position | None:
    """Return where the first (0) or the last (-1) row is; None if there is none, or rows lack their keys."""
    keys = store.integers_at(which, _KEYS)
    return Position(*(keys[name] for name in _KEYS)) if len(keys) == len(_KEYS) else None
