"""A listing on its way from page to page: where it is, what to ask next, when it ends. No I/O, and no rows.

The state moves only when a good page is handed in (`Listing.accept`), so at any moment it says how to go on:
after an error, a Ctrl-C or a restart, the next request is the one for the page that is still missing. A Ctrl-C can
come between any two instructions: the move is a single assignment.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from attrs import evolve, frozen

from cmsdials.errors import ConfigurationError, PaginationError
from cmsdials.listing.order import RowOrder
from cmsdials.listing.page import Page, cursor_of
from cmsdials.table.rows import RowStore

__all__ = ["LARGEST_PAGE", "Listing", "PageSize", "Reached", "checked_count"]

LARGEST_PAGE = 500
"""Rows in a page at most: the service cuts a larger page_size to this without a word."""

GOOD_PAGES_TO_GROW = 4
"""After so many good pages in a row, a page size that was halved is doubled again. If that was too much, it is tried
after twice as many the next time, and so on."""

MOST_PAGES_TO_GROW = 256
"""After so many good pages a larger page is always worth a try: what was slow may be fast by now."""

MOST_EMPTY_PAGES = 100
"""So many pages without a row, one after the other, are a listing that would never end."""


def checked_count(name: str, value: Any) -> int:
    """Return a number of pages, rows or workers, which may be one of NumPy's.

    Raises:
        ConfigurationError: It is not a whole number from 1 on.
    """
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        number = 0
    if number < 1:
        message = f"{name} must be a whole number from 1 on, not {value!r}"
        raise ConfigurationError(message)
    return number


@frozen
class Reached:
    """How far a listing has come.

    Attributes:
        cursor: Cursor of the page that is still to be fetched; None for the first, and when all have come.
        next: Link to that page; None also where the listing began at a cursor.
        pages: Pages that have come.
        rows: Rows that have come.
        complete: Whether the last page has come.
        empty: Pages without a row that came last, one after the other.
        latest: The rows of the page that came last and had any; of a listing that is resumed those before it.
    """

    cursor: str | None
    next: str | None
    pages: int = 0
    rows: int = 0
    complete: bool = False
    empty: int = 0
    latest: RowStore[Any] | None = None


@frozen
class PageSize:
    """How many rows are asked for, where the choice is ours.

    Attributes:
        rows: Rows in a page.
        good: Good pages since the size was last halved.
        needed: Good pages before each doubling.
    """

    rows: int = LARGEST_PAGE
    good: int = 0
    needed: int = GOOD_PAGES_TO_GROW

    def after_a_good_page(self) -> PageSize:
        """Return what is asked for next: as much, or twice as much."""
        good = self.good + 1
        rows = self.rows if good % self.needed else min(LARGEST_PAGE, 2 * self.rows)
        return evolve(self, rows=rows, good=good)

    def halved(self) -> PageSize:
        """Return half as much, after a page that took too long."""
        # It was doubled a short while ago: the next try comes later than this one did.
        was_too_soon = self.needed <= self.good < 2 * self.needed
        needed = min(MOST_PAGES_TO_GROW, 2 * self.needed) if was_too_soon else GOOD_PAGES_TO_GROW
        return PageSize(self.rows // 2, needed=needed)


class Listing:
    """The state of one listing.

    Args:
        page_size: Rows in a page as the user wants them; None leaves the choice to us or, with `max_pages`, to
            the service, so that max_pages=5 means the 50 rows that it always meant.
        max_pages: Pages to fetch at most; None for all.
        next: Link to the page to begin with; None for the first.
        cursor: Cursor of the page to begin with, where there is no link.
        passed: Cursors of pages that came before, in a listing that is resumed.
        size: How many rows to ask for at first, where the choice is ours and another listing knows.
        latest: The rows that came before, in a listing that is resumed.

    Attributes:
        page_size: Rows in a page as the user wants them.
        max_pages: Pages to fetch at most; None for all.
        in_parts: Whether the pages are parts, which end whatever comes, so that any number may be empty.
        order: What the rows are ordered by, once the first page is asked for.
        reached: How far it has come.
        size: How many rows are asked for now; None where the choice is not ours.

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
        size: PageSize | None = None,
        latest: RowStore[Any] | None = None,
    ) -> None:
        self.max_pages = None if max_pages is None else checked_count("max_pages", max_pages)
        self.page_size = None if page_size is None else checked_count("page_size", page_size)
        self.size = (size or PageSize()) if page_size is None and max_pages is None else None
        self.in_parts = False
        self.order: RowOrder | None = None
        self.reached = Reached(cursor_of(next) or cursor, next, latest=latest)
        self._passed = set(passed)

    @property
    def passed(self) -> frozenset[str]:
        """Cursors of the pages that have come."""
        return frozenset(self._passed - {self.reached.cursor})

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to ask: the last page has come, or as many as were wanted."""
        reached = self.reached
        return reached.complete or (self.max_pages is not None and reached.pages >= self.max_pages)

    def parameters(self) -> dict[str, Any]:
        """Return page_size and next_token of the next request."""
        page_size = self.page_size if self.size is None else self.size.rows
        wanted = {"page_size": page_size, "next_token": self.reached.cursor}
        return {name: value for name, value in wanted.items() if value is not None}

    def check(self, page: Page[Any]) -> None:
        """Refuse a page that cannot be the one that was asked for. The state stays as it is.

        Raises:
            PaginationError: Its rows are not in order, or one comes twice; its link leads to a page that has come
                already, or carries no cursor; or it is one too many without a row.
        """
        if (problem := self._problem(page)) is not None:
            raise PaginationError(problem)
        if self.order is not None:
            self.order.check(page.store, page=self.reached.pages, before=self.reached.latest)

    def _problem(self, page: Page[Any]) -> str | None:
        """Say why the link of a page leads nowhere; None if it does not."""
        if page.next is None:
            return None
        cursor = cursor_of(page.next)
        if cursor is None:
            return f"page {self.reached.pages + 1} links to a next page without a cursor"
        if cursor == self.reached.cursor or cursor in self._passed:
            return (
                f"page {self.reached.pages + 1} links back to a page that has come already:"
                " the listing would never end"
            )
        if self._empty_with(page) >= MOST_EMPTY_PAGES:
            return (
                f"{MOST_EMPTY_PAGES} pages in a row have no rows, and each links to another:"
                " the listing would never end"
            )
        return None

    def _empty_with(self, page: Page[Any]) -> int:
        """Return how many pages without a row have come in a row, this one included."""
        return 0 if len(page.store) or self.in_parts else self.reached.empty + 1

    def accept(self, page: Page[Any]) -> None:
        """Take in the page that was asked for, which `check` has let through."""
        before = self.reached
        if before.cursor is not None:
            self._passed.add(before.cursor)
        if self.size is not None:
            self.size = self.size.after_a_good_page()
        # Last, so that a page that counts is as good as handed on.
        self.reached = Reached(
            cursor=cursor_of(page.next),
            next=page.next,
            pages=before.pages + 1,
            rows=before.rows + len(page.store),
            complete=page.next is None,
            empty=self._empty_with(page),
            latest=page.store if len(page.store) else before.latest,
        )

    def start_again(self, cursor: str | None) -> None:
        """Go on from another page, because the service does not accept the cursor of this one.

        The link stays what it was until that page has come, which may begin with rows that have come already.
        """
        self.reached = evolve(self.reached, cursor=cursor, latest=None)

    @property
    def can_shrink(self) -> bool:
        """Whether half as many rows can be asked for: the size is ours to choose, and not 1 yet."""
        return self.size is not None and self.size.rows > 1 and not self.in_parts

    def shrink(self) -> None:
        """Ask for half as many rows."""
        assert self.size is not None  # noqa: S101  # only where it can
        self.size = self.size.halved()
