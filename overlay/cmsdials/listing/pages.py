"""A listing that is being fetched: page after page, or row after row, without holding what has gone by.

Both iterators can be gone on with after an error: the next call asks again for the page that failed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar

from cmsdials_api.records import Record

from cmsdials.errors import ConfigurationError, RequestFailedError
from cmsdials.listing.page import Page
from cmsdials.listing.pagination import Listing
from cmsdials.listing.provenance import Origin
from cmsdials.runtime.interrupts import Closing
from cmsdials.table.rows import RowStore

__all__ = ["Pages", "Rows"]

RecordT = TypeVar("RecordT", bound=Record)

Fetch = Callable[[Mapping[str, Any], bool], Page[RecordT]]
"""Fetches a page: its paging parameters in, the page out. The flag says whether what is too slow is tried again."""


class Pages(Closing, Generic[RecordT]):
    """The pages of a listing, fetched one by one.

    Args:
        fetch: Fetches a page.
        listing: Where the listing is.
        origin: What it is of.
        keep: Called with each good page before it counts, so that nothing counts that is not kept.
        close: Stops what is fetched ahead.
        shrinks: Whether a page that takes too long is asked for in smaller pieces.

    Attributes:
        origin: What it is of.
    """

    def __init__(
        self,
        fetch: Fetch[RecordT],
        listing: Listing,
        origin: Origin,
        keep: Callable[[Page[RecordT]], None] | None = None,
        close: Callable[[], None] = lambda: None,
        *,
        shrinks: bool = True,
    ) -> None:
        self._fetch = fetch
        self._close = close
        self._shrinks = shrinks
        self._asking: dict[str, int] = {}
        self._listing = listing
        self.origin = origin
        self._keep = keep

    @property
    def next(self) -> str | None:
        """Link to the page that is still to be fetched; None when all have come, or none yet."""
        return self._listing.next

    @property
    def pages(self) -> int:
        """Pages that have come."""
        return self._listing.pages

    @property
    def rows(self) -> int:
        """Rows that have come."""
        return self._listing.rows

    @property
    def complete(self) -> bool:
        """Whether the last page has come."""
        return self._listing.complete

    @property
    def latest(self) -> RowStore[RecordT] | None:
        """The rows of the last page that has come; None before the first."""
        return self._listing.latest

    def close(self) -> None:
        """Stop what is fetched ahead. The next call, if there is one, goes on from where the listing is."""
        self._close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Page[RecordT]:
        """Fetch the next page; of a listing in parts the next that has rows.

        Raises:
            RequestFailedError: It did not come; the next call asks for it again.
            ConfigurationError: Another thread is asking for it at this moment.
        """
        _claim(self._asking, "pages")
        try:
            while not self._listing.finished:
                page = self._next()
                if len(page.store) or not self._listing.in_parts or (self.complete and not self.rows):
                    return page
        finally:
            self._asking.clear()
        raise StopIteration

    def _next(self) -> Page[RecordT]:
        tried = 0
        while True:
            # A page that takes too long is asked for in smaller pieces, as long as there are any, not again.
            can_shrink = self._shrinks and self._listing.can_shrink
            try:
                page = self._fetch(self._listing.parameters(), not can_shrink)
                break
            except RequestFailedError as failure:
                tried += failure.attempts
                failure.attempts = tried
                if not (can_shrink and failure.is_too_slow and self._listing.shrink()):
                    raise
        self._listing.check(page)
        if self._keep is not None:
            self._keep(page)
        self._listing.accept(page)
        return page

    def __repr__(self) -> str:
        state = "complete" if self.complete else "under way"
        return f"<{self.pages} pages, {self.rows} rows of {self.origin.resource}, {state}>"


def _claim(asking: dict[str, int], what: str) -> None:
    """Note that this thread is asking, in one step of Python.

    Raises:
        ConfigurationError: Another thread is.
    """
    me = threading.get_ident()
    if asking.setdefault("thread", me) != me:
        message = f"another thread takes {what} of this listing at this moment, and there can be only one"
        raise ConfigurationError(message, advice=f"Let one thread take the {what} and hand them on.")


class _Walk(Generic[RecordT]):
    """A walk through the rows of a page. Not a generator, which would end with whatever is raised in it.

    Args:
        store: The rows.
    """

    def __init__(self, store: RowStore[RecordT]) -> None:
        self.store = store
        self._blocks = store.blocks()
        self._at = (0, 0)

    def next(self) -> RecordT | None:
        """Return the next row; None behind the last one."""
        number, index = self._at
        while number < len(self._blocks):
            block = self._blocks[number]
            if index < len(block):
                row = block.alone(index)
                self._at = (number, index + 1)  # a single assignment: a Ctrl-C comes before it or after
                return row
            number, index = number + 1, 0
        return None


class Rows(Closing, Generic[RecordT]):
    """The rows of a listing, fetched a page at a time.

    Args:
        pages: The pages.

    Attributes:
        pages: The pages, which say how far the listing has come.
    """

    def __init__(self, pages: Pages[RecordT]) -> None:
        self.pages = pages
        self._walk: _Walk[RecordT] | None = None
        self._asking: dict[str, int] = {}

    def __iter__(self) -> Self:
        return self

    def close(self) -> None:
        """Stop what is fetched ahead, as `Pages.close`."""
        self.pages.close()

    def __next__(self) -> RecordT:
        """Return the next row, fetching a page where one is needed. Raises as `Pages.__next__`.

        The row keeps none of the others in memory. After a Ctrl-C the next call goes on with the row that comes then.
        """
        _claim(self._asking, "rows")
        try:
            while True:
                latest = self.pages.latest  # not what next() returns below, which a Ctrl-C could lose
                if latest is not None and (self._walk is None or self._walk.store is not latest):
                    self._walk = _Walk(latest)
                row = None if self._walk is None else self._walk.next()
                if row is not None:
                    return row
                next(self.pages)
        finally:
            self._asking.clear()

    def __repr__(self) -> str:
        return f"<rows of {self.pages!r}>"
