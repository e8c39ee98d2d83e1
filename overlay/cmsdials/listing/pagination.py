"""The state of a listing between pages: where it is, what to ask for next, when it ends. No I/O, and no rows.

The state moves only when a good page is handed in (`Listing.accept`), so at any moment it says how to continue:
after an error, a Ctrl-C or a restart, the next request is the one for the page that is still missing. A Ctrl-C can
come between any two instructions, so the move is a single assignment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from cmsdials.errors import PaginationError
from cmsdials.listing.order import RowOrder
from cmsdials.listing.page import Page, cursor_of
from cmsdials.parallel.split import read_position
from cmsdials.runtime.arguments import checked_count
from cmsdials.table.rows import RowStore

__all__ = ["LARGEST_PAGE", "Listing", "PageSize", "Reached"]

LARGEST_PAGE = 500
"""Largest number of rows in a page: the service silently reduces a larger page_size to this."""

SERVICE_PAGE = 10
"""Number of rows in a page where the request names none."""

WANTED_BYTES = 5e6
"""Size of a page, in bytes, to aim at: bytes are what a page costs the service, and what memory it takes here."""

WANTED_SECONDS = 3.0
"""Time that a page may take, in seconds, to aim at: the service ends a request after 30."""

GOOD_PAGES_TO_GROW = 4
"""After this many good pages in a row, a page size that was halved is doubled again. If that was too much, the next try
comes after twice as many, and so on."""

MOST_PAGES_TO_GROW = 256
"""After this many good pages a larger page is always worth a try: what was slow may be fast by now."""

MOST_EMPTY_PAGES = 100
"""With this many empty pages, one after the other, a listing would never end."""


@frozen
class Reached:
    """How far a listing has got.

    Attributes:
        cursor: Cursor of the next page to fetch; None for the first, and after the last.
        next: Link to that page; also None if the listing began at a cursor.
        pages: Number of pages fetched. With `max_pages`, those that are smaller than wanted count together, and those
            that a mask has left nothing of do not count.
        answers: Number of answers that they came in.
        of_page: Rows of the page wanted that have come so far, where it comes in smaller ones.
        rows: Number of rows fetched.
        complete: Whether the last page has been fetched.
        empty: Number of pages without rows since the last one with any.
        latest: The rows of the last page that had any, as they came; in a resumed listing at first all earlier rows.
    """

    cursor: str | None
    next: str | None
    pages: int = 0
    answers: int = 0
    of_page: int = 0
    rows: int = 0
    complete: bool = False
    empty: int = 0
    latest: RowStore[Any] | None = None


@frozen
class PageSize:
    """How many rows to ask for: at most so many, and what makes a page neither too large nor too slow.

    Attributes:
        most: Rows in a page at most, as the user or the service wants it.
        allowed: Rows that the service has time for: halved when a page takes too long.
        good: Good pages since that was last halved.
        needed: Good pages before each doubling.
        bytes_each: Bytes of a row, as far as known.
        seconds_each: Seconds that a row takes, as far as known.
    """

    most: int = LARGEST_PAGE
    allowed: int = LARGEST_PAGE
    good: int = 0
    needed: int = GOOD_PAGES_TO_GROW
    bytes_each: float = 0.0
    seconds_each: float = 0.0

    @property
    def rows(self) -> int:
        """Rows to ask for."""
        rows = min(self.most, self.allowed)
        for wanted, each in ((WANTED_BYTES, self.bytes_each), (WANTED_SECONDS, self.seconds_each)):
            if rows * each > wanted:
                rows = max(1, int(wanted / each))
        return rows

    def after_a_good_page(self, rows: int = 0, size: int = 0, seconds: float = 0.0) -> PageSize:
        """Return the next size, after a page with so many rows and bytes that came in so many seconds."""
        good = self.good + 1
        grown = self.allowed if good % self.needed else min(LARGEST_PAGE, 2 * self.allowed)
        bytes_each = size / rows if rows else self.bytes_each
        # What few rows took says nothing of many.
        seconds_each = seconds / rows if rows and rows >= self.rows else self.seconds_each
        return evolve(self, allowed=grown, good=good, bytes_each=bytes_each, seconds_each=seconds_each)

    def halved(self) -> PageSize:
        """Return half the size, after a page that took too long."""
        # It was doubled just before: wait longer until the next try.
        was_too_soon = self.needed <= self.good < 2 * self.needed
        needed = min(MOST_PAGES_TO_GROW, 2 * self.needed) if was_too_soon else GOOD_PAGES_TO_GROW
        return evolve(self, allowed=max(1, self.rows // 2), good=0, needed=needed)


class Listing:
    """The state of one listing.

    Args:
        page_size: Rows in a page at most, as the user wants it; None leaves it to us or, with `max_pages`, to
            the service, so that max_pages=5 means the 50 rows that it always meant.
        max_pages: Pages to fetch at most; None for all.
        next: Link to the page to begin with; None for the first.
        cursor: Cursor of the page to begin with, where there is no link.
        passed: Cursors of earlier pages, in a resumed listing.
        latest: The earlier rows, in a resumed listing.

    Attributes:
        page_size: Rows in a page at most, as the user wants it.
        max_pages: Pages to fetch at most; None for all.
        takes_bounds: Whether requests may carry `bounds`; set it to False where the service refuses them.
        is_bounded: Whether the last request carries some.
        in_parts: Whether the pages are of parts, which end in any case, so that any number of parts may be empty.
        order: What the rows are ordered by, once the first page is asked for.
        reached: How far it has got.
        waiting: Called with what a request waits for, and with no text when that is over.
        under_way: Requests that are sent for it at this moment beside those that follow each other.
        rows_left: Returns how many rows are left, about; None where that is not known.
        size: How many rows are asked for now. Listings of one service may share it: what is slow for one is for all.

    Raises:
        ConfigurationError: max_pages or page_size is below 1.
    """

    def __init__(
        self,
        *,
        page_size: int | None,
        max_pages: int | None,
        next: str | None = None,
        cursor: str | None = None,
        passed: Iterable[str] = (),
        latest: RowStore[Any] | None = None,
    ) -> None:
        self.max_pages = None if max_pages is None else checked_count("max_pages", max_pages)
        self.page_size = None if page_size is None else checked_count("page_size", page_size)
        wanted = self.page_size or (LARGEST_PAGE if max_pages is None else SERVICE_PAGE)
        self.size = PageSize(min(wanted, LARGEST_PAGE))
        self.takes_bounds = True
        self.is_bounded = False
        self.in_parts = False
        self.order: RowOrder | None = None
        self.waiting: Callable[[str], object] = lambda _text: None
        self.under_way: Collection[object] = ()
        self.rows_left: Callable[[], float | None] = lambda: None
        self.reached = Reached(cursor_of(next) or cursor, next, latest=latest)
        self._passed = set(passed)

    @property
    def passed(self) -> frozenset[str]:
        """Cursors of the pages fetched."""
        return frozenset(self._passed - {self.reached.cursor})

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to fetch: the last page has arrived, or as many as were wanted."""
        reached = self.reached
        return reached.complete or (self.max_pages is not None and reached.pages >= self.max_pages)

    def parameters(self) -> dict[str, Any]:
        """Return page_size and next_token of the next request."""
        is_left_to_the_service = self.max_pages is not None and self.page_size is None
        rows = None if is_left_to_the_service and self.rows_wanted == SERVICE_PAGE else self.rows_wanted
        wanted = {"page_size": rows, "next_token": self.reached.cursor}
        return {name: value for name, value in wanted.items() if value is not None}

    @property
    def rows_wanted(self) -> int:
        """Rows that the next request asks for: a page, or no more than is left of one that comes in smaller ones."""
        left = self.size.most - self.reached.of_page if self.max_pages is not None else self.size.most
        return min(self.size.rows, left)

    def bounds(self, query: Mapping[str, Any], accepts: Collection[str]) -> dict[str, Any]:
        """Return filters that leave out rows before the cursor, so that the service need not step over them.

        They change nothing about the rows that come. There are none where that is not sure: in an order of the user,
        in a listing of several datasets, and before the first page.

        Args:
            query: The query of the listing.
            accepts: Filters that its list takes.
        """
        bounds = self._bounds(query, accepts) if self.takes_bounds and "order_by" not in query else {}
        self.is_bounded = bool(bounds)
        return bounds

    def _bounds(self, query: Mapping[str, Any], accepts: Collection[str]) -> dict[str, Any]:
        reached = self.reached
        if reached.cursor is None or reached.latest is None:
            return {}
        last = reached.latest.integers_at(-1, ("dataset_id", "run_number", "ls_number"))
        bounds: dict[str, Any] = {}
        if "dataset_id" not in query:
            if "dataset" not in query or "dataset_id" not in last or "dataset_id" not in accepts:
                return {}
            bounds["dataset_id"] = last["dataset_id"]
        in_a_run = "run_number" in query
        exact, first = ("ls_number", "ls_number__gte") if in_a_run else ("run_number", "run_number__gte")
        if first in accepts and exact in last and exact not in query:
            bounds[first] = max(last[exact], query.get(first, last[exact]))
        return bounds

    def check(self, page: Page[Any]) -> None:
        """Refuse a page that cannot be the one that was asked for. The state stays as it is.

        Raises:
            PaginationError: Its rows are not in order, or one comes twice; its link leads to a page that was
                fetched already, or carries no cursor; or it is one empty page too many.
        """
        self.check_link(page)
        if self.order is not None:
            self.order.check(page.store, page=self.reached.answers, before=self.reached.latest)

    def check_link(self, page: Page[Any]) -> None:
        """Refuse a page whose link cannot be followed: see `check`."""
        if (problem := self._problem(page)) is not None:
            raise PaginationError(problem)

    def _problem(self, page: Page[Any]) -> str | None:
        """Say why the link of a page cannot be followed; None if it can."""
        if page.next is None:
            return None
        cursor = cursor_of(page.next)
        if cursor is None:
            return f"page {self.reached.answers + 1} links to a next page without a cursor"
        if cursor == self.reached.cursor or cursor in self._passed:
            return (
                f"page {self.reached.answers + 1} links back to a page that has come already:"
                " the listing would never end"
            )
        if self._empty_with(page) >= MOST_EMPTY_PAGES:
            return (
                f"{MOST_EMPTY_PAGES} pages in a row have no rows, and each links to another:"
                " the listing would never end"
            )
        return None

    def _empty_with(self, page: Page[Any]) -> int:
        """Return how many pages in succession were empty, this one included; parts without rows do not count."""
        place = read_position(cursor_of(page.next))
        is_end_of_part = self.in_parts and place is not None and place.cursor is None
        return 0 if len(page.store) or page.dropped or is_end_of_part else self.reached.empty + 1

    def accept(self, page: Page[Any]) -> None:
        """Record the page that was asked for, after `check` has passed it."""
        before, wanted, rows = self.reached, self.rows_wanted, len(page.store)
        if before.cursor is not None:
            self._passed.add(before.cursor)
        self.size = self.size.after_a_good_page(rows, page.size, page.seconds)
        of_page = before.of_page + rows
        # Of a part, any page counts that a mask has left rows of.
        is_full = rows > 0 if self.in_parts else of_page >= self.size.most or rows < wanted
        is_whole = self.max_pages is None or is_full
        # Last: from here on the page counts, so it must be as good as handed on.
        self.reached = Reached(
            cursor=cursor_of(page.next),
            next=page.next,
            pages=before.pages + is_whole,
            answers=before.answers + 1,
            of_page=0 if is_whole else of_page,
            rows=before.rows + rows,
            complete=page.next is None,
            empty=self._empty_with(page),
            # A copy: who gets the page may change its rows.
            latest=page.store.copy() if rows else before.latest,
        )

    def waits(self, why: str) -> None:
        """Say what a request waits for; no text: it is over. Any thread may call it."""
        self.waiting(why)

    def start_again(self, cursor: str | None) -> None:
        """Continue from another page, because the service does not accept the cursor of this one.

        The link stays the same until that page has arrived, which may begin with rows that were fetched already, in pages
        that were smaller: so what was passed before may come once more.
        """
        self._passed = set()
        self.reached = evolve(self.reached, cursor=cursor, latest=None)

    @property
    def can_shrink(self) -> bool:
        """Whether half as many rows can be asked for."""
        return self.rows_wanted > 1 and not self.in_parts

    def shrink(self) -> None:
        """Ask for half as many rows."""
        self.size = self.size.halved()
