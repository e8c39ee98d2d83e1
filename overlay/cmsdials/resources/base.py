"""What every resource of the service can do: get a row, list a page, list all.

All behaviour is here, once. The resources themselves (`cmsdials.resources.index` and its neighbours) add their name and
the signature of their `get`; which operations, record and filters belong to a name is in the generated table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from urllib.parse import urlencode

from attrs import evolve
from cmsdials_api.filters import Filters
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials.errors import FilterError
from cmsdials.filters import checked_value
from cmsdials.http.request import address
from cmsdials.http.retry import Retries, checked_retries
from cmsdials.http.session import Session
from cmsdials.listing.asked import array_asked_for, check_page, row_asked_for
from cmsdials.listing.collect import collect
from cmsdials.listing.order import RowOrder
from cmsdials.listing.page import Page, page_of
from cmsdials.listing.pages import Pages, Rows
from cmsdials.listing.pagination import Listing
from cmsdials.listing.parts import Fetching, Parts, Runs, are_parts
from cmsdials.listing.provenance import Origin
from cmsdials.listing.result import Result
from cmsdials.models import MonitoringElement, Run
from cmsdials.parallel.split import Position, read_position
from cmsdials.resources.addressed import Addressed
from cmsdials.resources.arguments import explaining
from cmsdials.resources.emptiness import Held, why_empty
from cmsdials.resources.good import Good, mask_of, within
from cmsdials.resources.query import chosen, list_query
from cmsdials.runtime import extras
from cmsdials.table.histograms import model_of
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.table.tabular import Cells, checked_cells, checked_groups, frame_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["FiltersT", "PaginatedResource", "RecordT", "Resource"]

RecordT = TypeVar("RecordT", bound=Record)
FiltersT = TypeVar("FiltersT", bound=Filters)


class Resource(Addressed, Generic[RecordT, FiltersT]):
    """A resource of one `Dials` object.

    Args:
        session: Sends the requests.
        name: Which resource, if the class does not say it.

    Attributes:
        name: Its attribute of `Dials`, and its key in the generated table.
    """

    name: str

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        explaining(cls)

    def __init__(self, session: Session, name: str | None = None) -> None:
        super().__init__(session)
        if name is not None:
            self.name = name
        self._table = RESOURCES[self.name]

    @property
    def filters(self) -> type[Filters]:
        """The filters that its list takes."""
        return self._table.filters

    @property
    def workspace(self) -> str | None:
        """Workspace in use; None for the user's default one, until a request has looked up its name."""
        return self._session.workspace

    @property
    def _record(self) -> type[RecordT]:
        # A test checks that the table pairs each name with its record.
        return cast("type[RecordT]", model_of(self._table.record))

    def _row(self, retries: Retries, **keys: Any) -> RecordT:
        checked = self._checked_keys(keys)
        return self._fetched(self._table.get(**checked), retries, checked)

    def _fetched(self, request: Mapping[str, Any], retries: Retries, keys: Mapping[str, int]) -> RecordT:
        return self._session.perform(
            request, lambda body: row_asked_for(body, self._record, self.name, keys), retries=retries
        )

    def _checked_keys(self, keys: Mapping[str, Any]) -> dict[str, int]:
        return {
            name: checked_value(f"{self.name}.get({name}=)", "integer", key) for name, key in keys.items()
        }

    @property
    def _address(self) -> str:
        session = self._session
        return address(session.base_url, session.route, session.version, self._table.path)

    @property
    def _dimensions(self) -> int:
        return max(field.dimensions for field in self._record.FIELDS)

    def _why_empty(self, query: Mapping[str, Any]) -> str:
        """Return why a query has no rows, and warn the user; see `cmsdials.resources.emptiness`."""
        place = (self.base_url, self.workspace or id(self._session))
        return why_empty(place, query, self._index, dimensions=self._dimensions)

    def _index(self, what: str) -> Held:
        if what == "ME":
            mes = self._elements({"fields": ["me_id", "me", "dim"]}, 0)
            return {key: one.dim for one in mes for key in (one.me_id, one.me)}
        from cmsdials.resources.index import names_of_datasets  # noqa: PLC0415  # it imports this module

        return {key: 0 for pair in names_of_datasets(self._session, {}, 0).items() for key in pair}

    def _elements(self, query: Mapping[str, Any], retries: Retries) -> list[MonitoringElement]:
        table = RESOURCES["mes"]
        return self._session.perform(
            table.list(**query),
            lambda body: array_asked_for(body, MonitoringElement, table.name, query, "me_id"),
            retries=retries,
        )

    def __repr__(self) -> str:
        return f"<{self.name} of {self.base_url}>"


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
        if read_position(query.get("next_token")) is not None:
            message = f"next_token={query['next_token']!r} is of a listing in parts, where the service knows no page"
            raise FilterError(message, advice="Go on with list_all(), pages() or iterate().")
        order = self._order(query, retries)
        asked = {**query, "order_by": order.names or None}
        page = self._page(asked, retries, check=lambda page: order.check(page.store))
        complete = page.next is None and page.previous is None and "next_token" not in query
        return Result(
            store=page.store,
            next=page.next,
            previous=page.previous,
            complete=complete,
            origin=self._origin(query),
            note="" if len(page) or not complete else self._why_empty(query),
        )

    def pages(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        max_pages: int | None = None,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        good: Good | None = None,
    ) -> Pages[RecordT]:
        """Fetch page after page, keeping none of them.

        Args:
            filters: Which rows; None for all.
            max_pages: Pages to fetch at most.
            retries: How often to try each page again, as in `list`.
            fields: Names of the fields to fetch; None for all.
            concurrency: How many to fetch at a time, as in `list_all`. Some are then fetched ahead.
            good: Which lumisections, as in `list_all`.

        Returns:
            An iterator of pages (`page.rows`, `page.to_pandas()`, ...). After an error the next call asks again for
            the page that failed. Closing it, or the end of a `with` block, stops fetching ahead.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            ConfigurationError: max_pages or concurrency is invalid, or no mask can be made of `good`.
        """
        query = self._query(filters, fields)
        mask = mask_of(self._table, query, good)
        page_size = query.pop("page_size", None)
        listing = Listing(page_size=page_size, max_pages=max_pages, cursor=query.get("next_token"))
        return self._pages(query, listing, retries=retries, concurrency=concurrency, mask=mask)

    def iterate(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        max_pages: int | None = None,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        good: Good | None = None,
    ) -> Rows[RecordT]:
        """Fetch row after row, keeping one page at a time. Arguments, errors and what follows one as in `pages`."""
        pages = self.pages(
            filters, max_pages=max_pages, retries=retries, fields=fields, concurrency=concurrency, good=good
        )
        return Rows(pages)

    def list_all(
        self,
        filters: FiltersT | Filters | None = None,
        max_pages: int | None = None,
        enable_progress: bool | None = None,
        retries: Retries = None,
        keep_failed: bool = False,
        resume_from: Result[RecordT] | str | os.PathLike[str] | None = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        good: Good | None = None,
    ) -> Result[RecordT]:
        """Fetch all pages, or as many as wanted, over one connection.

        Args:
            filters: Which rows; None for all. `page_size` (500 at most) is an upper bound: fewer rows are requested at
                a time where that would be more than about 5 MB or 3 s, and half as many when a page takes too long.
            max_pages: Pages to fetch at most, of `page_size` rows whatever they come in. Without `page_size` a page
                then has the service's 10 rows. With `good` a page is an answer of at most so many rows, some good.
            enable_progress: A progress bar; None shows one on a terminal and in a notebook, if tqdm is installed.
            retries: How often to try each page again: a number or urllib3's `Retry`; None for five times.
            keep_failed: Return what was fetched, with a warning, instead of raising, when a page fails, and also on
                Ctrl-C and SIGTERM; `exc_type`, `exc_formatted` and `status` then say what happened.
            resume_from: An earlier result of the same query, which is not changed, or the file of one (`save`,
                `checkpoint`), to continue. If the service no longer accepts its position, the listing is started
                again, with a warning, and continues after the last row in the order of its keys: no row comes twice,
                rows that the service has gained before that one are missed, and rows that it has lost are kept. This
                holds for `checkpoint` alone too, but not with `order_by`, nor with `fields` that leave out the keys.
            checkpoint: File to append each page to as it comes, so that a killed process loses at most the page in
                flight. With `resume_from` naming the same file, the same call begins and continues a listing.
            fields: Names of the fields to fetch; the rows hold only these. None for all.
            concurrency: How many parts of the listing to fetch at a time; rows and order stay the same. Histograms
                and lumisections are split by dataset, run and lumisection, if there is more than a page and `fields`
                hold these three; other lists are not. The service has three workers for all users, so more than 3 is
                hardly ever faster.
            good: Which lumisections: a `LumiMask`, or the path or dict that one is made of; None for all. Other runs are
                not asked for, nor are long gaps between good lumisections; rows of short ones are dropped. It is
                `LumiMask.select` of all rows, fetching little more, in lists of lumisections and histograms.

        Returns:
            All rows, those of `resume_from` first; `complete` says whether there are more.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            RequestFailedError: A page could not be fetched; see `cmsdials.errors`.
            CursorRefusedError: The service does not accept the position of the listing, and it cannot be started again.
            CheckpointError: A file cannot be used, or resume_from belongs to another listing.
            ConfigurationError: max_pages or concurrency is invalid, or no mask can be made of `good`.
        """
        query = self._query(filters, fields)
        mask = mask_of(self._table, query, good)
        page_size = query.pop("page_size", None)
        return collect(
            self._origin(query, mask),
            self._record,
            partial(self._pages, retries=retries, concurrency=concurrency, mask=mask),
            workspace=partial(self._session.named_workspace, retries),
            count=partial(self._counted, query, retries),
            page_size=page_size,
            max_pages=max_pages,
            enable_progress=enable_progress,
            keep_failed=keep_failed,
            resume_from=resume_from,
            checkpoint=checkpoint,
        )

    def to_pandas(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
        cells: Cells = "array",
        good: Good | None = None,
    ) -> pd.DataFrame:
        """Fetch all rows as a DataFrame: `list_all` with these arguments and `Result.to_pandas`, errors included."""
        checked_cells(cells)
        result = self._all(extras.pandas, filters, retries, fields, concurrency, enable_progress, good)
        return frame_of(result.store, cells, copy=False)  # nobody else has the result

    def to_arrow(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
        good: Good | None = None,
    ) -> pa.Table:
        """Fetch all rows as an Arrow table: `list_all` with these arguments and `Result.to_arrow`, errors included."""
        return self._all(
            extras.pyarrow, filters, retries, fields, concurrency, enable_progress, good
        ).to_arrow()

    def to_polars(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
        good: Good | None = None,
    ) -> pl.DataFrame:
        """Fetch all rows as a polars DataFrame: `list_all` with these arguments and `Result.to_polars`, errors included."""
        return self._all(
            extras.polars, filters, retries, fields, concurrency, enable_progress, good
        ).to_polars()

    def to_numpy(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        group_by: str | Sequence[str] | None = None,
        align: bool = False,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
        concurrency: int = 1,
        enable_progress: bool | None = None,
        good: Good | None = None,
    ) -> Any:
        """Fetch all rows as arrays: `list_all` with these arguments and `Result.to_numpy`, errors included."""
        if group_by is not None:
            checked_groups(group_by, self._record, self._query(filters, fields).get("fields"))
        result = self._all(lambda: None, filters, retries, fields, concurrency, enable_progress, good)
        return result.to_numpy(group_by=group_by, align=align)

    def _all(
        self,
        needed: Callable[[], object],
        filters: FiltersT | Filters | None,
        retries: Retries,
        fields: Sequence[str] | None,
        concurrency: int,
        enable_progress: bool | None,
        good: Good | None,
    ) -> Result[RecordT]:
        needed()  # raises if a library is missing, before anything is fetched
        return self.list_all(
            filters, None, enable_progress, retries, fields=fields, concurrency=concurrency, good=good
        )

    def _pages(
        self,
        query: Mapping[str, Any],
        listing: Listing,
        keep: Callable[[Page[RecordT]], Page[RecordT]] = lambda page: page,
        *,
        retries: Retries,
        concurrency: int,
        mask: LumiMask | None = None,
    ) -> Pages[RecordT]:
        checked_retries(retries)  # refuses invalid values before anything is sent

        def fetch(query: Mapping[str, Any], listing: Listing, retry_when_slow: bool) -> Page[RecordT]:
            if listing.order is None:
                listing.order = self._order(query, retries)
            asked = {**query, **listing.parameters(), "order_by": listing.order.names or None}
            return self._page(
                asked,
                retries,
                bounds=listing.bounds(query, self._table.filters.PARAMETERS),
                follow=listing.check_link,
                check=listing.check,
                retry_when_slow=retry_when_slow,
                waiting=listing.waits,
            )

        origin, explain = partial(self._origin, query, mask), partial(self._why_empty, query)
        listing.in_parts = are_parts(query, self._table.filters.PARAMETERS, listing, concurrency, mask)
        if not listing.in_parts:
            return Pages(partial(fetch, query), listing, origin, keep, explain=explain)
        listing.order = self._order(query, retries)
        runs, link = partial(self._runs, query, retries, mask), partial(self._link, query)
        fetching = Fetching(origin(), self._record, fetch, runs, link, listing.size.most)
        fetching.waiting, fetching.density = listing.waits, partial(self._density, query, retries)
        listing.under_way = fetching.under_way
        parts = Parts(fetching, concurrency)
        return Pages(parts, listing, origin, keep, parts.close, explain)

    def _density(self, query: Mapping[str, Any], retries: Retries) -> float:  # noqa: ARG002  # some ask the service
        """Return how many rows of a query there are for each lumisection, about."""
        return 1.0

    def _runs(self, query: Mapping[str, Any], retries: Retries, mask: LumiMask | None = None) -> Runs:
        """Find out which runs a query covers, from the first one of a mask to its last. Only keys are fetched."""
        narrowed = within(query, mask)
        if narrowed is None:
            return []
        runs: PaginatedResource[Run, Filters] = PaginatedResource(self._session, "run")
        keys = ("dataset_id", "run_number", "ls_count")
        listed = runs.list_all(
            chosen(runs.filters, narrowed), fields=keys, retries=retries, enable_progress=False
        )
        return [(row.dataset_id, row.run_number, row.ls_count) for row in listed]

    def _link(self, query: Mapping[str, Any], position: Position | str) -> str:
        """Return the link to what follows a position or cursor, as the service writes links."""
        request = self._table.list(**{**query, "next_token": str(position)})
        return f"{self._address}?{urlencode(request['params'], doseq=True)}"

    def _origin(self, query: Mapping[str, Any], mask: LumiMask | None = None) -> Origin:
        return Origin(
            resource=self.name,
            base_url=self._session.base_url,
            workspace=self._session.workspace,
            query={name: value for name, value in query.items() if name != "page_size"},
            mask=mask,
            is_by_default=self._session.is_in_default_workspace,
        )

    def _counted(self, query: Mapping[str, Any], retries: Retries) -> int | None:  # noqa: ARG002  # some ask the service
        """Return how many rows a query has, for the progress bar; None where the service does not count them."""
        return None

    def _query(self, filters: Filters | None, fields: Sequence[str] | None) -> dict[str, Any]:
        return list_query(self._table, filters, fields)

    def _order(self, query: Mapping[str, Any], retries: Retries) -> RowOrder:  # noqa: ARG002  # some ask the service
        """Return the order that the rows of a query come in."""
        return RowOrder(self._record, query.get("order_by", ()), self._table.keys, query)

    def _page(
        self,
        query: Mapping[str, Any],
        retries: Retries,
        *,
        bounds: Mapping[str, Any] = MappingProxyType({}),
        follow: Callable[[Page[RecordT]], object] = lambda _: None,
        check: Callable[[Page[RecordT]], object] = lambda _: None,
        retry_when_slow: bool = True,
        waiting: Callable[[str], object] = lambda _text: None,
    ) -> Page[RecordT]:
        def read(body: bytes) -> Page[RecordT]:
            page = page_of(body, self._record, self.name, fields=query.get("fields"))
            follow(page)
            check_page(page, self.name, query)
            check(page)
            return page

        took: list[float] = [0.0]
        page = self._session.perform(
            self._table.list(**{**query, **bounds}),
            read,
            retries=retries,
            retry_when_slow=retry_when_slow,
            answered=took.append,
            waiting=waiting,
        )
        return evolve(page, seconds=took[-1])
