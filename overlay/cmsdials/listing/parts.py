"""A listing in parts that several workers fetch at once, handed on in order, as if it were page after page.

`cmsdials.parallel.split` decides what the parts are and `cmsdials.parallel.workers` fetches them; here they become
pages of the whole listing. The page of a part has all rows of the part, and its `next` link carries how far the
listing has come with it (`cmsdials.parallel.split.Position`), so that resuming and files need to know nothing of parts.

The threads hold what fetches one part (`OnePart`) and nothing of `Parts`: dropping a listing half-way, as ``break``
in a loop does, ends the threads with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from attrs import define
from cmsdials_api.records import Record

from cmsdials.errors import ConfigurationError, CursorRefusedError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import LARGEST_PAGE, Listing, PageSize, checked_count
from cmsdials.listing.provenance import Origin
from cmsdials.parallel.split import Part, Position, Splitter, can_be_split, read_position
from cmsdials.parallel.workers import in_order
from cmsdials.runtime.console import warn
from cmsdials.table.rows import RowStore

__all__ = ["OnePart", "Parts", "Plan", "are_parts"]

RecordT = TypeVar("RecordT", bound=Record)
Plan = tuple[Sequence[tuple[int, int, int | None]], float]
"""Of each run dataset_id, run_number and how many lumisections it has, or None; about how many rows a lumisection has."""

MOST_THREADS = 100
MOST_WORKERS = 3
"""Workers of the service. More requests at a time wait for each other, and other users wait for them."""


def are_parts(query: Mapping[str, Any], accepts: Collection[str], listing: Listing, concurrency: int) -> bool:
    """Decide whether a listing is fetched in parts, by its query, the filters that its list takes, and where it begins.

    What was begun in parts goes on in parts, and what was begun page by page, or by a cursor of the user, page by page.

    Raises:
        ConfigurationError: concurrency is not a number from 1 to 100, or is given together with max_pages or
            order_by.
    """
    concurrency = checked_count("concurrency", concurrency)
    if concurrency > MOST_THREADS:
        message = f"concurrency must be at most {MOST_THREADS}, not {concurrency}"
        raise ConfigurationError(message, advice=f"DIALS has {MOST_WORKERS} workers: more is no faster.")
    cursor = listing.reached.cursor
    is_begun = read_position(cursor) is not None
    if not can_be_split(accepts) or (not is_begun and (concurrency == 1 or cursor is not None)):
        return False
    if "order_by" in query:
        message = "order_by and concurrency exclude each other: parts come in the order of the service"
        raise ConfigurationError(message, advice="Leave one of them out, or sort the result.")
    if listing.max_pages is not None and is_begun:
        message = "max_pages counts pages, and this listing was begun with concurrency=, in parts"
        raise ConfigurationError(message, advice="Go on without max_pages.")
    if listing.max_pages is not None:
        message = "max_pages and concurrency exclude each other: a listing in parts has no pages to count"
        raise ConfigurationError(message, advice="Leave one of them out, or choose fewer runs.")
    if concurrency > MOST_WORKERS:
        warn(
            f"DIALS has {MOST_WORKERS} workers: concurrency={concurrency} is not faster, and slows down others"
        )
    return True


class Parts(Generic[RecordT]):
    """Fetches the parts of a listing, so many at a time. It is what `Pages` calls for a page.

    What there is to fetch is asked for (`plan`) together with the first page, and again after an error.
    """

    def __init__(self, one: OnePart[RecordT], *, plan: Callable[[], Plan], workers: int) -> None:
        self._one = one
        self._plan = plan
        self._workers = workers
        self._under_way: Generator[tuple[Part, Page[RecordT]], None, None] | None = None
        self._reached: str | None = None

    def __call__(self, listing: Listing, _retry_when_slow: bool) -> Page[RecordT]:
        """Return the part that follows the position of a listing, or the first one."""
        cursor = listing.reached.cursor
        if self._under_way is None or cursor != self._reached:
            self.close()
            self._under_way = self._begun(read_position(cursor))
        try:
            _, page = next(self._under_way, (None, Page(self._one.no_rows(), next=None, previous=None)))
        except BaseException:
            self.close()  # what comes next begins where the listing has come
            raise
        self._reached = cursor_of(page.next)
        return page

    def close(self) -> None:
        """Stop what is under way."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.close()

    def _begun(self, after: Position | None) -> Generator[tuple[Part, Page[RecordT]], None, None]:
        runs, rows_per_lumisection = self._plan()
        splitter = Splitter(
            self._one.origin.query,
            runs,
            rows_per_lumisection=rows_per_lumisection,
            page_rows=min(self._one.page_size or LARGEST_PAGE, LARGEST_PAGE),
            workers=self._workers,
            after=after,
        )
        return in_order(
            splitter.next,
            self._one.fetched,
            self._workers,
            came=lambda part, page: splitter.learn(part, len(page)),
        )


@define
class OnePart(Generic[RecordT]):
    """Fetches one part, in any thread."""

    origin: Origin  # of the whole listing
    record: type[RecordT]
    fetch: Callable[[Mapping[str, Any], Listing, bool], Page[RecordT]]
    link: Callable[[Position], str]
    page_size: int | None
    size: PageSize | None = None  # what has been learnt about slow pages, which serves all parts

    def fetched(self, part: Part) -> Page[RecordT]:
        """Fetch all rows of a part, as a page of the whole listing. A part that is refused half-way is started again, once."""
        try:
            return self._fetched(part)
        except CursorRefusedError:
            return self._fetched(part)

    def _fetched(self, part: Part) -> Page[RecordT]:
        listing = Listing(page_size=self.page_size, max_pages=None, size=self.size)
        store = self.no_rows()
        bodies: list[bytes] = []
        for page in Pages(partial(self.fetch, part.query), listing, lambda: self.origin):
            for block in page.store.blocks():
                store.add(block)
            bodies.extend(page.bodies)
            self.size = listing.size
        return Page(store, next=self.link(part.end), previous=None, bodies=tuple(bodies))

    def no_rows(self) -> RowStore[RecordT]:
        """Return what the rows of the listing are added to."""
        return RowStore(self.record, fields=self.origin.query.get("fields"))
