"""A listing that is being fetched: page after page, or row after row, without keeping earlier ones.

Both iterators survive an error: the next call asks again for the page that failed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Self, TypeVar

from cmsdials_api.records import Record

from cmsdials.errors import (
    ConfigurationError,
    CursorFailedError,
    InvalidCursorError,
    RequestFailedError,
    ResponseError,
)
from cmsdials.listing.page import Page
from cmsdials.listing.pagination import Listing
from cmsdials.listing.provenance import Origin
from cmsdials.runtime.interrupts import Closing
from cmsdials.table.rows import RowStore
from cmsdials.wording import counted

__all__ = ["Fetch", "Pages", "Rows"]

RecordT = TypeVar("RecordT", bound=Record)

Fetch = Callable[[Listing, bool], Page[RecordT]]
"""Fetches and checks the page that a listing is at. The flag says whether to retry what is too slow."""


_REFUSED = (
    "The service {what} the position of this listing any more, after {rows} rows. Ask for the page again; if it stays,"
    " start the listing again: list_all with checkpoint= or resume_from= does so by itself, and continues after the"
    " last row."
)


class Pages(Closing, Generic[RecordT]):
    """The pages of a listing, fetched one by one.

    Each good page is passed to `keep` before it counts, so that nothing counts without being kept; what `keep` returns
    counts. `explain` warns and returns why, if the whole listing has no rows.

    Attributes:
        note: What `explain` returned.
    """

    def __init__(
        self,
        fetch: Fetch[RecordT],
        listing: Listing,
        origin: Callable[[], Origin],
        keep: Callable[[Page[RecordT]], Page[RecordT]] = lambda page: page,
        close: Callable[[], None] = lambda: None,
        explain: Callable[[], str] = lambda: "",
    ) -> None:
        self._fetch = fetch
        self._listing = listing
        self._origin = origin
        self._keep = keep
        self._close = close
        self._explain = explain
        self._is_whole = listing.reached.cursor is None
        self.note = ""
        self._lock = threading.RLock()

    @property
    def origin(self) -> Origin:
        """What is listed. The name of a default workspace is known once a page has arrived."""
        return self._origin()

    @property
    def next(self) -> str | None:
        """Link to the next page to fetch; None after the last, or before the first."""
        return self._listing.reached.next

    @property
    def pages(self) -> int:
        """Number of pages fetched."""
        return self._listing.reached.pages

    @property
    def rows(self) -> int:
        """Number of rows fetched."""
        return self._listing.reached.rows

    @property
    def complete(self) -> bool:
        """Whether the last page has been fetched."""
        return self._listing.reached.complete

    @property
    def latest(self) -> RowStore[RecordT] | None:
        """The rows of the last page fetched; None before the first."""
        return self._listing.reached.latest

    def close(self) -> None:
        """Stop fetching ahead. The next call, if there is one, continues from where the listing is."""
        self._close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Page[RecordT]:
        """Fetch the next page; in a listing in parts, the next one that has rows.

        Raises:
            RequestFailedError: It could not be fetched; the next call asks for it again.
            ConfigurationError: Another thread is asking for it at this moment.
        """
        with _turn(self._lock, "pages"):
            while not self._listing.finished:
                page = self._keep(self._fetched())
                self._listing.accept(page)
                if len(page.store) or not self._listing.in_parts or (self.complete and not self.rows):
                    return page
            if self._is_whole and self.complete and not self.rows:
                self.note = self._explain()
        raise StopIteration

    def _fetched(self) -> Page[RecordT]:
        tried = 0
        while True:
            # A page that takes too long is not retried but asked for in smaller pieces, as long as that is possible.
            can_shrink = self._listing.can_shrink
            try:
                return self._fetch(self._listing, not can_shrink)
            except RequestFailedError as failure:
                tried += failure.attempts
                failure.attempts = tried
                may_refuse_bounds = self._listing.is_bounded and _may_refuse_a_position(failure)
                if not may_refuse_bounds and not (can_shrink and failure.is_too_slow):
                    raise self._as_refusal(failure)  # noqa: B904  # mostly the same
            if may_refuse_bounds:
                self._listing.takes_bounds = False
            else:
                self._listing.shrink()

    def _as_refusal(self, failure: RequestFailedError) -> RequestFailedError:
        """Return a failure as an error about the listing's position, if the service refuses that, else as it is."""
        rows, has_cursor = self.rows, self.next is not None and self._listing.reached.cursor is not None
        if not has_cursor or failure.of_login or not isinstance(failure, ResponseError):
            pass  # the first page has no cursor, or the user's; no login has one
        elif isinstance(failure, InvalidCursorError):
            failure.advice = _REFUSED.format(what="does not accept", rows=rows)
        elif isinstance(failure, CursorFailedError):  # of a page of a part
            failure.advice = _REFUSED.format(what="fails at, or does not accept,", rows=rows)
        elif self._listing.in_parts:
            pass  # of the list of runs, or of a page that began at no cursor
        elif failure.status_code == 500 and failure.retry_after is None and not failure.is_too_slow:
            return CursorFailedError(
                failure.message,
                status_code=failure.status_code,
                code=failure.code,
                detail=failure.detail,
                body=failure.body,
                method=failure.method,
                url=failure.url,
                attempts=failure.attempts,
                advice=_REFUSED.format(what="fails at, or does not accept,", rows=rows),
            )
        return failure

    def __repr__(self) -> str:
        state = "complete" if self.complete else "under way"
        return (
            f"<{counted(self.pages, 'page')}, {counted(self.rows, 'row')} of {self.origin.resource}, {state}>"
        )


def _may_refuse_a_position(failure: RequestFailedError) -> bool:
    is_refusal = isinstance(failure, ResponseError) and failure.status_code in (400, 404, 500)
    return is_refusal and not failure.is_too_slow and not failure.of_login


@contextmanager
def _turn(lock: Any, what: str) -> Iterator[None]:
    """Refuse other threads. An RLock lets its own thread in again, even if a Ctrl-C left it locked."""
    if not lock.acquire(blocking=False):
        message = f"another thread takes {what} of this listing at this moment, and there can be only one"
        raise ConfigurationError(message, advice=f"Let one thread take the {what} and hand them on.")
    try:
        yield
    finally:
        lock.release()


class Rows(Closing, Generic[RecordT]):
    """The rows of a listing, fetched a page at a time.

    Attributes:
        pages: The pages, which say how far the listing has got.
    """

    def __init__(self, pages: Pages[RecordT]) -> None:
        self.pages = pages
        self._left: tuple[RowStore[RecordT] | None, list[tuple[Any, int]]] = (None, [])
        self._lock = threading.RLock()

    def __iter__(self) -> Self:
        return self

    def close(self) -> None:
        """Stop fetching ahead, as `Pages.close`."""
        self.pages.close()

    def __next__(self) -> RecordT:
        """Return the next row, fetching a page where one is needed. Raises as `Pages.__next__`.

        The row keeps none of the others in memory. After a Ctrl-C the next call returns the row that follows.
        """
        with _turn(self._lock, "rows"):
            while not (left := self._left_of_latest()):
                next(self.pages)
            block, index = left[-1]
            row: RecordT = block.alone(index)
            left.pop()  # last, so that an earlier Ctrl-C loses nothing
            return row

    def _left_of_latest(self) -> list[tuple[Any, int]]:
        """Return the places of those rows of the latest page that have not been handed on, in reverse."""
        latest = self.pages.latest  # not what next() returned, which a Ctrl-C could lose
        if latest is not None and latest is not self._left[0]:
            rows = [(block, index) for block in latest.held() for index in range(len(block))]
            self._left = (latest, rows[::-1])
        return self._left[1]

    def __repr__(self) -> str:
        return f"<rows of {self.pages!r}>"
