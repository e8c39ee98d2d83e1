"""What every resource of the service can do: get a row, list a page, list all, count.

All behaviour is here, once. The resources themselves (`cmsdials.resources`) add their name and the signature of
their `get`; which operations, record and filters belong to a name is in the generated table.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from cmsdials_api.filters import Filters
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials import decode
from cmsdials.errors import ConfigurationError, DialsError, GatewayError, RequestTimeoutError
from cmsdials.filters import checked_value
from cmsdials.listing import Listing
from cmsdials.page import Page, cursor_of
from cmsdials.progress import Progress, progress_bar
from cmsdials.query import asked_fields, count_request, list_query
from cmsdials.result import Result
from cmsdials.retry import GATEWAY_TIMEOUTS, Retries, retry_rules, without_statuses
from cmsdials.session import Session

__all__ = ["CountedResource", "PaginatedResource", "Resource"]

RecordT = TypeVar("RecordT", bound=Record)
FiltersT = TypeVar("FiltersT", bound=Filters)


class Resource(Generic[RecordT, FiltersT]):
    """A resource of one `Dials` object.

    Args:
        session: What requests go through.

    Attributes:
        name: Its attribute of `Dials`, and its key in the generated table.
    """

    name: ClassVar[str]

    def __init__(self, session: Session) -> None:
        self._session = session
        self._table = RESOURCES[self.name]

    @property
    def filters(self) -> type[Filters]:
        """The filters that its list takes."""
        return self._table.filters

    def _row(self, retries: Retries, **keys: Any) -> RecordT:
        request = self._table.get(**self._checked_keys(keys))
        row: Any = self._session.perform(
            request, lambda answer: decode.read_row(answer, self._table.record, self.name), retries=retries
        )
        return row  # type: ignore[no-any-return]  # the table pairs names with records; a test holds it to it

    def _checked_keys(self, keys: Mapping[str, Any]) -> dict[str, int]:
        return {
            name: checked_value(f"{self.name}.get({name}=)", "integer", key) for name, key in keys.items()
        }

    def __repr__(self) -> str:
        return f"<{self.name} of {self._session.base_url}>"


class PaginatedResource(Resource[RecordT, FiltersT]):
    """A resource that lists page by page."""

    def list(
        self,
        filters: FiltersT | Filters | None = None,
        retries: Retries = None,
        *,
        fields: Sequence[str] | None = None,
    ) -> Result[RecordT]:
        """Fetch one page: 10 rows unless the filters say page_size (500 at most).

        Args:
            filters: Which rows; None for all.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.
            fields: Names of the fields to fetch; the rows hold only these. None for all.

        Returns:
            The rows; `next` tells whether there are more.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        query = self._query(filters, fields)
        page = self._page(query, {}, retries)
        return Result(
            results=page.rows,
            next=page.next,
            previous=page.previous,
            record=self._record,
            fields=asked_fields(query),
        )

    def list_all(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        max_pages: int | None = None,
        enable_progress: bool | None = None,
        retries: Retries = None,
        keep_failed: bool = False,
        resume_from: Result[RecordT] | None = None,
        fields: Sequence[str] | None = None,
    ) -> Result[RecordT]:
        """Fetch all pages, or as many as wanted, over one connection.

        Args:
            filters: Which rows; None for all. Without `page_size` (and `max_pages`), the page size is chosen
                here, and halved after a gateway timeout.
            max_pages: Pages to fetch at most. Without `page_size` a page then has the service's 10 rows.
            enable_progress: A progress bar; None shows one if tqdm is installed and somebody is looking.
            retries: How often to try each page again: a number or urllib3's `Retry`; None for five times.
            keep_failed: Return what has come, with a warning, when a page fails, instead of raising its error;
                `exc_type` and `exc_formatted` then say what it was.
            resume_from: An earlier result of the same query, to go on from; it is not changed.
            fields: Names of the fields to fetch; the rows hold only these. None for all.

        Returns:
            All rows, those of `resume_from` first; `next` is None if the last page has come.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            RequestFailedError: A page did not come; see `cmsdials.errors`.
            ConfigurationError: max_pages is below 1, or resume_from has other fields.
        """
        query = self._query(filters, fields)
        if resume_from is not None and resume_from.fields != asked_fields(query):
            message = f"resume_from holds rows with {_named(resume_from.fields)}, and this asks for {_named(asked_fields(query))}"
            raise ConfigurationError(message, advice="Ask for the same fields, or start anew.")
        before = [] if resume_from is None else resume_from.results
        link = None if resume_from is None else resume_from.next
        if before and link is None:
            warnings.warn(
                "resume_from is complete (it has rows and no next page): there is nothing left to fetch",
                RuntimeWarning,
                stacklevel=2,
            )
            return Result(results=[*before], record=self._record, fields=asked_fields(query))
        listing: Listing[RecordT] = Listing(
            page_size=query.pop("page_size", None),
            max_pages=max_pages,
            cursor=cursor_of(link) or query.pop("next_token", None),
        )
        listing.next = link
        failure: DialsError | None = None
        with progress_bar(enable_progress, total=max_pages, unit="page", description=self.name) as progress:
            try:
                self._fetch(listing, query, retries, progress)
            except DialsError as error:
                if not keep_failed:
                    raise
                failure = error
        if failure is not None:
            warnings.warn(
                f"{len(before) + len(listing.rows)} rows have come, the rest has not: {failure} "
                "Pass this result as resume_from= to go on.",
                RuntimeWarning,
                stacklevel=2,
            )
        return Result(
            results=[*before, *listing.rows],
            next=listing.next,
            exc_type=None if failure is None else type(failure).__name__,
            exc_formatted=None if failure is None else "".join(traceback.format_exception(failure)),
            record=self._record,
            fields=asked_fields(query),
        )

    def _fetch(
        self, listing: Listing[RecordT], query: Mapping[str, Any], retries: Retries, progress: Progress
    ) -> None:
        patient = retry_rules(retries)
        # A page that the gateway gives up on is asked for in smaller pieces, as long as there are any, not again.
        eager = without_statuses(patient, GATEWAY_TIMEOUTS)
        while not listing.finished:
            try:
                page = self._page(query, listing.parameters(), eager if listing.can_shrink else patient)
            except (GatewayError, RequestTimeoutError):
                if not listing.shrink():
                    raise
                continue
            listing.accept(page)
            progress.update()

    @property
    def _record(self) -> type[RecordT]:
        record: Any = self._table.record
        return record  # type: ignore[no-any-return]  # see _row

    def _query(self, filters: Filters | None, fields: Sequence[str] | None) -> dict[str, Any]:
        return list_query(self._table, filters, fields)

    def _page(self, query: Mapping[str, Any], paging: Mapping[str, Any], retries: Retries) -> Page[RecordT]:
        request = self._table.list(**{**query, **paging})
        return self._session.perform(
            request,
            lambda answer: decode.read_page(answer, self._record, self.name, partial="fields" in query),
            retries=retries,
        )


class CountedResource(PaginatedResource[RecordT, FiltersT]):
    """A resource whose rows the service counts."""

    def count(self, filters: FiltersT | Filters | None = None, retries: Retries = None) -> int:
        """Return the number of rows, without fetching them.

        Args:
            filters: Which rows; None for all. What says how rows come (page_size, fields, ...) is left out.
            retries: As in `list`.

        Raises:
            UnknownFilterError: The service cannot count with one of the filters.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        if self._table.count is None:
            message = f"the service does not count {self.name}"
            raise TypeError(message)
        request = count_request(self._table, self._table.count, filters)
        return self._session.perform(
            request, lambda answer: decode.read_count(answer, self.name), retries=retries
        )


def _named(fields: tuple[str, ...] | None) -> str:
    return "all fields" if fields is None else f"the fields {', '.join(fields)}"
