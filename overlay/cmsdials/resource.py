"""What every resource of the service can do: get a row, list a page, list all, count.

All behaviour is here, once. The resources themselves (`cmsdials.resources`) add their name and the signature of
their `get`; which operations, record and filters belong to a name is in the generated table.
"""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Generic, TypeVar

from attrs import evolve, frozen
from cmsdials_api.filters import Filters
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials import decode
from cmsdials.answers import Answer
from cmsdials.checkpoint import CheckpointFile, Stored, StoredPage, is_same_file, read_checkpoint
from cmsdials.errors import CheckpointError, DialsError
from cmsdials.filters import checked_value
from cmsdials.listing import Listing
from cmsdials.models import model_of
from cmsdials.origin import Origin
from cmsdials.page import Page, cursor_of
from cmsdials.pages import Pages, Rows
from cmsdials.progress import progress_bar
from cmsdials.query import count_request, list_query
from cmsdials.result import Result, restored
from cmsdials.retry import Retries, retry_rules
from cmsdials.session import Session
from cmsdials.stopping import Terminated, sigterm_raises
from cmsdials.store import RowStore

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

    @property
    def _record(self) -> type[RecordT]:
        record: Any = model_of(self._table.record)
        return record  # type: ignore[no-any-return]  # see _row

    def _row(self, retries: Retries, **keys: Any) -> RecordT:
        request = self._table.get(**self._checked_keys(keys))
        row: Any = self._session.perform(
            request, lambda answer: decode.read_row(answer, self._record, self.name), retries=retries
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
            store=page.store,
            next=page.next,
            previous=page.previous,
            complete=page.next is None and page.previous is None and "next_token" not in query,
            origin=self._origin(query),
        )

    def pages(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        max_pages: int | None = None,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
    ) -> Pages[RecordT]:
        """Fetch page after page, holding none of them.

        Args:
            filters: Which rows; None for all.
            max_pages: Pages to fetch at most.
            retries: How often to try each page again, as in `list`.
            fields: Names of the fields to fetch; None for all.

        Returns:
            An iterator of pages (`page.rows`). After an error the next call asks again for the page that failed.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            ConfigurationError: max_pages is below 1.
        """
        query = self._query(filters, fields)
        listing = Listing(
            page_size=query.pop("page_size", None), max_pages=max_pages, cursor=query.get("next_token")
        )
        return self._pages(query, listing, retries)

    def iterate(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        max_pages: int | None = None,
        retries: Retries = None,
        fields: Sequence[str] | None = None,
    ) -> Rows[RecordT]:
        """Fetch row after row, holding one page at a time. Arguments, errors and going on as in `pages`."""
        return Rows(self.pages(filters, max_pages=max_pages, retries=retries, fields=fields))

    def list_all(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        max_pages: int | None = None,
        enable_progress: bool | None = None,
        retries: Retries = None,
        keep_failed: bool = False,
        resume_from: Result[RecordT] | str | os.PathLike[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> Result[RecordT]:
        """Fetch all pages, or as many as wanted, over one connection.

        Args:
            filters: Which rows; None for all. Without `page_size` (and `max_pages`), the page size is chosen
                here, halved when a page takes too long and doubled again after good pages.
            max_pages: Pages to fetch at most. Without `page_size` a page then has the service's 10 rows.
            enable_progress: A progress bar; None shows one if tqdm is installed and somebody is looking.
            retries: How often to try each page again: a number or urllib3's `Retry`; None for five times.
            keep_failed: Return what has come, with a warning, instead of raising, when a page fails, and also on
                Ctrl-C and SIGTERM; `exc_type`, `exc_formatted` and `status` then say what it was.
            resume_from: An earlier result of the same query, which is not changed, or the file of one (`save`,
                `checkpoint`), to go on from.
            checkpoint: File to append each page to as it comes, so that a killed process loses at most the page in
                flight. With `resume_from` naming the same file, the same call begins and goes on.
            fields: Names of the fields to fetch; the rows hold only these. None for all.

        Returns:
            All rows, those of `resume_from` first; `complete` says whether there are more.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            RequestFailedError: A page did not come; see `cmsdials.errors`.
            CheckpointError: A file cannot be used, or resume_from is of another listing.
            ConfigurationError: max_pages is below 1.
        """
        query = self._query(filters, fields)
        page_size, cursor = query.pop("page_size", None), query.get("next_token")
        earlier = self._earlier(resume_from, checkpoint, self._origin(query))
        if earlier.result is not None and _has_ended(earlier.result):
            if checkpoint is None:
                warnings.warn(
                    "resume_from is complete: there is nothing left to fetch", RuntimeWarning, stacklevel=2
                )
            elif earlier.stored is None:
                with self._keeping(checkpoint, earlier, query, RowStore(self._record)):
                    pass  # what had come before is in the file now, and that is all
            return evolve(earlier.result, store=earlier.result.store.copy())
        if earlier.result is None:
            store = RowStore(self._record, fields=query.get("fields"))
        else:
            store = earlier.result.store.copy()
        before = len(store)
        listing = Listing(
            page_size=page_size,
            max_pages=max_pages,
            next=None if earlier.result is None else earlier.result.next,
            cursor=cursor,
            passed=() if earlier.result is None else earlier.result.passed,
        )
        failure: BaseException | None = None
        with self._keeping(checkpoint, earlier, query, store) as keep:
            try:
                with (
                    sigterm_raises() if keep_failed else nullcontext(),
                    progress_bar(
                        enable_progress, total=max_pages, unit="page", description=self.name
                    ) as progress,
                ):
                    for _ in self._pages(query, listing, retries, keep):
                        progress.update()
            except (DialsError, KeyboardInterrupt, Terminated) as stopped:
                if not keep_failed:
                    raise
                failure = stopped
        # A Ctrl-C may have come when a page was kept and did not count yet: it will be asked for again.
        store.cut(before + listing.rows)
        result = Result(
            store=store,
            next=listing.next,
            exc_type=None if failure is None else type(failure).__name__,
            exc_formatted=None if failure is None else "".join(traceback.format_exception(failure)),
            complete=listing.complete and cursor is None,
            passed=listing.passed,
            origin=self._origin(query),
        )
        if failure is not None:
            warnings.warn(f"{result.status}. {failure}", RuntimeWarning, stacklevel=2)
        return result

    def _earlier(
        self,
        resume_from: Result[RecordT] | str | os.PathLike[str] | None,
        checkpoint: str | os.PathLike[str] | None,
        origin: Origin,
    ) -> _Earlier:
        """Return what has come before, and refuse what is of another listing."""
        if resume_from is None:
            return _Earlier(None, None)
        if isinstance(resume_from, Result):
            _refuse_another("resume_from", origin, resume_from.origin)
            return _kept_in(checkpoint, resume_from) or _Earlier(resume_from, None)
        same = checkpoint is not None and is_same_file(resume_from, checkpoint)
        stored = read_checkpoint(resume_from, missing_ok=same)
        if stored is None:
            return _Earlier(None, None)
        _refuse_another(str(resume_from), origin, stored.origin)
        return _Earlier(restored(resume_from, stored), stored if same else None)

    @contextmanager
    def _keeping(
        self,
        checkpoint: str | os.PathLike[str] | None,
        earlier: _Earlier,
        query: Mapping[str, Any],
        store: RowStore[RecordT],
    ) -> Iterator[Callable[[Page[RecordT]], None]]:
        """Keep pages: their rows, and their answers in a file if there is to be one."""
        if checkpoint is None:
            yield lambda page: _add(store, page)
            return
        with CheckpointFile(checkpoint, self._origin(query), after=earlier.stored) as file:
            if earlier.result is not None and earlier.stored is None:
                for stored in earlier.result.stored_pages():
                    file.append(stored)

            def keep(page: Page[RecordT]) -> None:
                file.append(StoredPage({"next": page.next}, page.bodies))
                _add(store, page)

            yield keep

    def _pages(
        self,
        query: Mapping[str, Any],
        listing: Listing,
        retries: Retries,
        keep: Callable[[Page[RecordT]], None] | None = None,
    ) -> Pages[RecordT]:
        rules = retry_rules(retries)

        def fetch(paging: Mapping[str, Any], hasty: bool) -> Page[RecordT]:
            return self._page(query, paging, rules, check=listing.check, hasty=hasty)

        return Pages(fetch, listing, self._origin(query), keep)

    def _origin(self, query: Mapping[str, Any]) -> Origin:
        return Origin(
            resource=self.name,
            base_url=self._session.base_url,
            workspace=self._session.workspace,
            query={name: value for name, value in query.items() if name != "page_size"},
        )

    def _query(self, filters: Filters | None, fields: Sequence[str] | None) -> dict[str, Any]:
        return list_query(self._table, filters, fields)

    def _page(
        self,
        query: Mapping[str, Any],
        paging: Mapping[str, Any],
        retries: Retries,
        *,
        check: Callable[[Page[RecordT]], object] = lambda _: None,
        hasty: bool = False,
    ) -> Page[RecordT]:
        def read(answer: Answer) -> Page[RecordT]:
            page = decode.read_page(answer, self._record, self.name, fields=query.get("fields"))
            check(page)
            return page

        request = self._table.list(**{**query, **paging})
        return self._session.perform(request, read, retries=retries, hasty=hasty)


@frozen
class _Earlier:
    """What a listing goes on from.

    Attributes:
        result: The rows so far.
        stored: The file that holds them, if it is the one to append to.
    """

    result: Result[Any] | None
    stored: Stored | None


def _add(store: RowStore[RecordT], page: Page[RecordT]) -> None:
    for block in page.store.blocks():
        store.add(block)


def _kept_in(checkpoint: str | os.PathLike[str] | None, result: Result[Any]) -> _Earlier | None:
    """Return what a file holds, if it was kept while the result was fetched; it may be a page ahead."""
    stored = None if checkpoint is None else read_checkpoint(checkpoint, missing_ok=True)
    if checkpoint is None or stored is None or result.origin.differences(stored.origin):
        return None
    kept = restored(checkpoint, stored)
    has_all = result.next is None or cursor_of(result.next) in {*kept.passed, cursor_of(kept.next)}
    return _Earlier(kept, stored) if has_all and len(kept) >= len(result) else None


def _refuse_another(source: str, wanted: Origin, found: Origin) -> None:
    different = wanted.differences(found)
    if different:
        message = f"{source} is of another listing: {'; '.join(different)}"
        raise CheckpointError(message, advice="Go on with the listing that it is of, or list anew.")


def _has_ended(result: Result[Any]) -> bool:
    # A result that stopped before its first page has no next page either.
    return result.complete or (result.next is None and bool(result.results))


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
