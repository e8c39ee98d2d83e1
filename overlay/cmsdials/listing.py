"""A listing on its way from page to page: where it is, what to ask next, when it ends. No I/O, and no rows.

The state moves only when a good page is handed in (`Listing.accept`), so at any moment it says how to go on:
after an error, a Ctrl-C or a restart, the next request is the one for the page that is still missing.
"""

from __future__ import annotations

from typing import Any

from cmsdials.errors import ConfigurationError, PaginationError
from cmsdials.page import Page, cursor_of

__all__ = ["GOOD_PAGES_TO_GROW", "LARGEST_PAGE", "Listing"]

LARGEST_PAGE = 500
"""Rows in a page at most: the service cuts a larger page_size to this without a word."""

GOOD_PAGES_TO_GROW = 4
"""After so many good pages in a row, a page size that was halved is doubled again."""


class Listing:
    """The state of one listing.

    Args:
        page_size: Rows in a page as the user wants them; None leaves the choice to us or, with `max_pages`, to
            the service, so that max_pages=5 means the 50 rows that it always meant.
        max_pages: Pages to fetch at most; None for all.
        next: Link to the page to begin with; None for the first.
        cursor: Cursor of the page to begin with, where there is no link.

    Attributes:
        next: Link to the page that is still to be fetched; None when all have come, or none yet.
        pages: Pages accepted so far.
        rows: Rows accepted so far.
        complete: Whether the last page has come.

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
    ) -> None:
        for name, value in (("max_pages", max_pages), ("page_size", page_size)):
            if value is not None and value < 1:
                message = f"{name} must be at least 1, not {value!r}"
                raise ConfigurationError(message)
        self.next = next
        self.pages = 0
        self.rows = 0
        self.complete = False
        self._chosen = page_size is None and max_pages is None
        self._page_size = LARGEST_PAGE if self._chosen else page_size
        self._max_pages = max_pages
        self._good = 0
        self._cursor = cursor_of(next) or cursor
        self._seen = {self._cursor}

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to ask: the last page has come, or as many as were wanted."""
        return self.complete or (self._max_pages is not None and self.pages >= self._max_pages)

    def parameters(self) -> dict[str, Any]:
        """Return page_size and next_token of the next request."""
        wanted = {"page_size": self._page_size, "next_token": self._cursor}
        return {name: value for name, value in wanted.items() if value is not None}

    def check(self, page: Page[Any]) -> str | None:
        """Return the cursor that a page leads to; None for the last page. The state stays as it is.

        Raises:
            PaginationError: Its link leads to a page that has come already, or carries no cursor.
        """
        cursor = cursor_of(page.next)
        if page.next is not None and cursor is None:
            message = f"page {self.pages + 1} links to a next page without a cursor"
            raise PaginationError(message)
        if cursor is not None and cursor in self._seen:
            message = f"page {self.pages + 1} links back to a page that has come already: the listing would never end"
            raise PaginationError(message)
        return cursor

    def accept(self, page: Page[Any]) -> None:
        """Take in the page that was asked for. Raises as `check`, and then the state stays as it was."""
        cursor = self.check(page)
        self.rows += len(page.rows)
        self.next = page.next
        self.pages += 1
        self.complete = page.next is None
        self._cursor = cursor
        self._seen.add(cursor)
        self._good += 1
        if self._chosen and self._good >= GOOD_PAGES_TO_GROW and self._page_size is not None:
            self._page_size = min(LARGEST_PAGE, self._page_size * 2)
            self._good = 0

    @property
    def can_shrink(self) -> bool:
        """Whether the page size is ours to choose, and not 1 yet."""
        return self._chosen and self._page_size is not None and self._page_size > 1

    def shrink(self) -> bool:
        """Ask for half as many rows, if `can_shrink`; say whether it can."""
        if not self.can_shrink or self._page_size is None:
            return False
        self._page_size //= 2
        self._good = 0
        return True
