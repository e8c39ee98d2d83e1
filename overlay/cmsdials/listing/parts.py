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

from cmsdials.errors import ConfigurationError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import Listing, PageSize, checked_count
from cmsdials.listing.provenance import Origin
from cmsdials.parallel.split import Part, Position, Splitter, can_be_split, read_position
from cmsdials.parallel.workers import in_order
from cmsdials.runtime.console import warn
from cmsdials.table.rows import RowStore

__all__ = ["Fetching", "Parts", "Runs", "are_parts"]

RecordT = TypeVar("RecordT", bound=Record)
Runs = Sequence[tuple[int, int, int | None]]
"""For each run dataset_id, run_number and its lumisection count or None."""

MOST_BYTES_OF_PART = 16e6
"""Bytes of a part at most, where it has more than a page: so much may wait until it is its turn, for each worker."""

_KEYS = ("dataset_id", "run_number", "ls_number")
_FEW = ({"file_id"}, {"logical_file_name"}, {"run_number", "ls_number"})
"""Filters that leave so few rows that there is nothing to split."""

MOST_THREADS = 100
MOST_WORKERS = 3
"""Workers of the service. More requests at a time wait for each other, and make other users wait."""


def are_parts(query: Mapping[str, Any], accepts: Collection[str], listing: Listing, concurrency: int) -> bool:
    """Decide whether a listing is fetched in parts, by its query, the filters that its list takes, and where it begins.

    One that was begun in parts, and has come to the end of one, continues in parts. It is not split if its filters
    choose a file, or one lumisection of a run, nor if rows are requested without the fields that say where they are.

    Raises:
        ConfigurationError: concurrency is not a number from 1 to 100, or is given together with max_pages or
            order_by.
    """
    concurrency = checked_count("concurrency", concurrency)
    if concurrency > MOST_THREADS:
        message = f"concurrency must be at most {MOST_THREADS}, not {concurrency}"
        raise ConfigurationError(message, advice=f"DIALS has {MOST_WORKERS} workers: more are not faster.")
    cursor = listing.reached.cursor
    is_begun = read_position(cursor) is not None
    counts_pages = listing.max_pages is not None and cursor is not None
    if not can_be_split(accepts) or (not is_begun and (concurrency == 1 or counts_pages)):
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
        try:
            _, page = next(self._under_way, (None, Page(self._fetching.no_rows(), next=None, previous=None)))
            listing.check(page)
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
        return in_order(
            [Part(fetching.origin.query, cursor=cursor)] if after is None else fetching.parts_after(after),
            fetching.page,
            self._workers,
            rest=fetching.rest,
            size=lambda page: page.size,
            beside=fetching.find_runs_beside if after is None else None,
        )


@define
class Fetching(Generic[RecordT]):
    """Fetches the pages of parts, in any thread, and knows what is left to fetch.

    `runs` finds out which runs the listing covers, and `link` makes the link of a position.
    """

    origin: Origin  # of the whole listing
    record: type[RecordT]
    fetch: Callable[[Mapping[str, Any], Listing, bool], Page[RecordT]]
    runs: Callable[[], Runs]
    link: Callable[[Position | str], str]
    page_size: int | None
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
        self.splitter = Splitter(self.origin.query, found, page_rows=rows, workers=self.workers)

    def parts_after(self, position: Position) -> Iterator[Part]:
        """Yield what is left of the listing after a position."""
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
