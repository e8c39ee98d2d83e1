"""A resource whose rows the service counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmsdials_api.filters import Filters

from cmsdials.http.retry import Retries
from cmsdials.resources.base import FiltersT, PaginatedResource, RecordT
from cmsdials.resources.query import PAGING, chosen, count_request
from cmsdials.table import decode

__all__ = ["CountedResource"]


class CountedResource(PaginatedResource[RecordT, FiltersT]):
    """A resource whose rows the service counts."""

    def count(self, filters: FiltersT | Filters | None = None, retries: Retries = None) -> int:
        """Return the number of rows, without fetching them. If it is 0 because of an unknown name, a warning says so.

        Args:
            filters: Which rows; None for all. Those about paging, order and fields are ignored.
            retries: As in `list`.

        Raises:
            UnknownFilterError: The service cannot count with one of the filters.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        assert self._table.count is not None  # noqa: S101  # a test checks the classes against the table
        request = count_request(self._table, self._table.count, filters)
        count = self._session.perform(
            request, lambda body: decode.read_count(body, self.name), retries=retries
        )
        if not count and filters is not None:
            self._why_empty(filters.given())
        return count

    def _counted(self, query: Mapping[str, Any], retries: Retries) -> int | None:
        if query.keys() - {*self._table.countable, *PAGING} or "next_token" in query:
            return None
        return self.count(chosen(self._table.filters, query), retries)
