"""A listing on its way from page to page: where it is, what to ask next, when it ends. No I/O, and no rows.

The state moves only when a good page is handed in (`Listing.accept`), so at any moment it says how to go on:
after an error, a Ctrl-C or a restart, the next request is the one for the page that is still missing. A Ctrl-C can
come between any two instructions: the move is a single assignment.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from attrs import frozen

from cmsdials.errors import ConfigurationError, PaginationError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.table.rows import RowStore

__all__ = [
    "GOOD_PAGES_TO_GROW",
    "LARGEST_PAGE",
    "MOST_EMPTY_PAGES",
    "MOST_PAGES_TO_GROW",
    "Listing",
    "PageSize",
    "Reached",
    "checked_count",
]

LARGEST_PAGE = 500
"""Rows in a page at most: the service cuts a larger page_size to this without a word."""

GOOD_PAGES_TO_GROW = 4
"""After so many good pages in a row, a page size that was halved is doubled again."""

MOST_PAGES_TO_GROW = 256
"""Each time that doubling was too much, twice as many good pages are awaited; at most so many."""

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
        next: Link to that page.
        pages: Pages accepted so far.
        rows: Rows accepted so far.
        complete: Whether the last page has come.
        empty: Pages without a row, one after the other, up to here.
        latest: The rows of the last page accepted; None before the first.
    """

    cursor: str | None
    next: str | None
    pages: int = 0
    rows: int = 0
    complete: bool = False
    empty: int = 0
    latest: RowStore[Any] | None = None


_JUST_GROWN = -1


@frozen
class PageSize:
    """How many rows are asked for: half as many after a page that took too long, twice as many after good pages.

    Attributes:
        rows: Rows in a page; None leaves it to the service.
        good: Good pages of this size in a row; -1 if it has just been doubled.
        needed: Good pages in a row before it is doubled.
    """

    rows: int | None
    good: int = 0
    needed: int = GOOD_PAGES_TO_GROW

    def after_a_good_page(self) -> PageSize:
        """Return what is asked for next."""
        needed = GOOD_PAGES_TO_GROW if self.good == _JUST_GROWN else self.needed
        good = max(self.good, 0) + 1
        if self.rows is None or self.rows >= LARGEST_PAGE or good < needed:
            return PageSize(self.rows, good, needed)
        return PageSize(min(LARGEST_PAGE, self.rows * 2), _JUST_GROWN, needed)

    def halved(self) -> PageSize:
        """Return half as much."""
        needed = min(MOST_PAGES_TO_GROW, 2 * self.needed) if self.good == _JUST_GROWN else GOOD_PAGES_TO_GROW
        return PageSize((self.rows or 2) // 2, needed=needed)


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

    Attributes:
        max_pages: Pages to fetch at most; None for all.
        size: How many rows are asked for now.
        reached: How far it has come.
        in_parts: Whether the pages are parts, which end whatever comes, so that any number may be empty.

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
    ) -> None:
        self.max_pages = None if max_pages is None else checked_count("max_pages", max_pages)
        page_size = None if page_size is None else checked_count("page_size", page_size)
        self._chosen = page_size is None and max_pages is None
        self.size = (size or PageSize(LARGEST_PAGE)) if self._chosen else PageSize(page_size)
        self.in_parts = False
        self.reached = Reached(cursor_of(next) or cursor, next)
        self._passed = set(passed)

    @property
    def passed(self) -> frozenset[str]:
        """Cursors of the pages that have come."""
        return frozenset(self._passed - {self.reached.cursor})

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to ask: the last page has come, or as many as were wanted."""
        return self.reached.complete or (self.max_pages is not None and self.reached.pages >= self.max_pages)

    def parameters(self) -> dict[str, Any]:
        """Return page_size and next_token of the next request."""
        wanted = {"page_size": self.size.rows, "next_token": self.reached.cursor}
        return {name: value for name, value in wanted.items() if value is not None}

    def check(self, page: Page[Any]) -> None:
        """Refuse a page after which the listing would never end. The state stays as it is.

        Raises:
            PaginationError: Its link leads to a page that has come already, or carries no cursor, or it is the last
                straw of too many pages without a row.
        """
        if page.next is None:
            return
        cursor, ordinal = cursor_of(page.next), self.reached.pages + 1
        if cursor is None:
            message = f"page {ordinal} links to a next page without a cursor"
            raise PaginationError(message)
        if cursor == self.reached.cursor or cursor in self._passed:
            message = (
                f"page {ordinal} links back to a page that has come already: the listing would never end"
            )
            raise PaginationError(message)
        if self._empty_with(page) >= MOST_EMPTY_PAGES:
            message = f"{MOST_EMPTY_PAGES} pages in a row have no rows, and each links to another: the listing would never end"
            raise PaginationError(message)

    def _empty_with(self, page: Page[Any]) -> int:
        """Return how many pages without a row have come in a row, this one included."""
        return 0 if len(page.store) or self.in_parts else self.reached.empty + 1

    def accept(self, page: Page[Any]) -> None:
        """Take in the page that was asked for, which has passed `check`."""
        before = self.reached
        if before.cursor is not None:
            self._passed.add(before.cursor)
        if self._chosen:
            self.size = self.size.after_a_good_page()
        # Last, so that a page that counts is as good as handed on.
        self.reached = Reached(
            cursor=cursor_of(page.next),
            next=page.next,
            pages=before.pages + 1,
            rows=before.rows + len(page.store),
            complete=page.next is None,
            empty=self._empty_with(page),
            latest=page.store,
        )

    @property
    def can_shrink(self) -> bool:
        """Whether the page size is ours to choose, and not 1 yet."""
        return self._chosen and self.size.rows != 1

    def shrink(self) -> bool:
        """Ask for half as many rows, if `can_shrink`; say whether it can."""
        if not self.can_shrink:
            return False
        self.size = self.size.halved()
        return True
