"""The pages of a listing, collected into one result: resumed, kept in a file, or ended early by an error."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import evolve
from cmsdials_api.records import Record

from cmsdials.errors import (
    CheckpointError,
    ConfigurationError,
    CursorRefusedError,
    DialsError,
    RequestFailedError,
)
from cmsdials.listing.asked import Wanted
from cmsdials.listing.checkpoint import (
    CheckpointFile,
    Stored,
    StoredPage,
    holds_something,
    is_same_file,
    read_checkpoint,
)
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import Listing
from cmsdials.listing.provenance import Origin
from cmsdials.listing.restart import LastRow
from cmsdials.listing.result import Result, bodies_of, restored
from cmsdials.redaction import printable
from cmsdials.runtime.console import warn
from cmsdials.runtime.interrupts import Terminated, sigterm_raises
from cmsdials.runtime.progress import Progress, progress_bar
from cmsdials.table.rows import RowStore

__all__ = ["collect"]

RecordT = TypeVar("RecordT", bound=Record)


def collect(
    origin: Origin,
    record: type[RecordT],
    begin: Callable[..., Pages[RecordT]],
    *,
    workspace: Callable[[], str | None],
    count: Callable[[], int | None],
    page_size: int | None,
    max_pages: int | None,
    enable_progress: bool | None,
    keep_failed: bool,
    resume_from: Result[RecordT] | str | os.PathLike[str] | None,
    checkpoint: str | os.PathLike[str] | None,
) -> Result[RecordT]:
    """Fetch all pages, or as many as wanted: what `list_all` of a resource does, with its arguments and errors.

    `origin` says what is listed, and `record` what the rows are. `begin` takes a query, the state of a listing and a
    function that keeps a page and returns what counts of it; it returns the pages from there. `concurrency=` can
    override its own. `workspace` returns the workspace; it may have to ask the service, and then fails as a page does.
    `count` returns how many rows there are, or None; it is asked only where there is a progress bar to show that.
    """
    try:
        with sigterm_raises() if keep_failed else nullcontext():
            origin = evolve(origin, workspace=workspace())
    except (DialsError, KeyboardInterrupt, Terminated) as stopped:
        if not keep_failed:
            raise
        earlier, _ = _earlier(resume_from, checkpoint, None)
        if earlier is None:
            earlier = Result(store=RowStore(record, fields=origin.query.get("fields")), origin=origin)
        return _stopped(evolve(earlier, store=earlier.store.copy()), stopped)
    so_far, stored = _earlier(resume_from, checkpoint, origin)
    store: RowStore[RecordT] = (
        RowStore(record, fields=origin.query.get("fields")) if so_far is None else so_far.store.copy()
    )
    # One that stopped before its first page has no next page either.
    if so_far is not None and (so_far.complete or (so_far.next is None and len(so_far) > 0)):
        if checkpoint is None:
            warn("resume_from is complete: there is nothing left to fetch")
        elif stored is None:
            with _keeping(checkpoint, origin, store, so_far, None):
                pass  # the earlier rows are in the file now, and there is no more to do
        return evolve(so_far, store=store)
    before = len(store)
    cursor = origin.query.get("next_token")
    listing = Listing(
        page_size=page_size,
        max_pages=max_pages,
        next=None if so_far is None else so_far.next,
        cursor=cursor,
        passed=() if so_far is None else so_far.passed,
        latest=None if so_far is None or so_far.store.is_handed_out else so_far.store,
    )
    failure: BaseException | None = None
    note = ""
    with _keeping(checkpoint, origin, store, so_far, stored) as keep:
        try:
            with (
                sigterm_raises() if keep_failed else nullcontext(),
                begin(origin.query, listing, keep) as first,
                progress_bar(
                    enable_progress,
                    total=max_pages,
                    unit="row" if max_pages is None else "page",
                    description=origin.resource,
                ) as progress,
            ):
                shown = _Shown(progress, listing, count, before)
                shown.begin()
                pages, came = first, -1
                while (refused := _refused(pages, shown)) is not None:
                    store.cut(before + listing.reached.rows)
                    is_ours = listing.reached.next is not None
                    can_start_again = listing.in_parts or checkpoint is not None or resume_from is not None
                    if not is_ours or not can_start_again:
                        raise refused
                    if came == len(store):
                        raise _refused_twice(refused, came)
                    came = len(store)
                    pages = _started_again(begin, listing, keep, LastRow.of(origin, store, refused), came)
                note = pages.note
        except (DialsError, KeyboardInterrupt, Terminated) as stopped:
            if not keep_failed:
                raise
            failure = stopped
    # A Ctrl-C may have come after a page was kept but before it counted: it will be fetched again.
    store.cut(before + listing.reached.rows)
    result = Result(
        store=store,
        next=listing.reached.next,
        complete=listing.reached.complete and cursor is None,
        passed=listing.passed,
        origin=origin,
        note=note,
    )
    return result if failure is None else _stopped(result, failure)


def _stopped(result: Result[RecordT], failure: BaseException) -> Result[RecordT]:
    """Record in a result what stopped it, and warn the user."""
    result.exc_type = type(failure).__name__
    result.exc_formatted = printable("".join(traceback.format_exception(failure)), lines=True)
    warn(f"{result.status}. {failure}" if str(failure) else result.status)
    return result


class _Shown:
    """What the progress bar shows of a listing.

    That is pages if it is known how many there will be, else rows, and of how many as soon as that is known.
    """

    def __init__(
        self, progress: Progress, listing: Listing, count: Callable[[], int | None], before: int
    ) -> None:
        self._progress = progress
        self._listing = listing
        self._count = count
        self._before = before
        self._counted: int | None = None
        self._bytes = 0
        self._done = 0
        listing.waiting = progress.waits

    def begin(self) -> None:
        """Show the rows of before, if there are any."""
        if self._listing.max_pages is None and self._before:
            self._progress.update(self._before)

    def came(self, page: Page[Any]) -> None:
        """Show that a page has come."""
        if not self._progress.is_shown:
            return
        reached = self._listing.reached
        self._bytes += page.size
        under_way = len(self._listing.under_way)
        said = f"{self._bytes / 1e6:.1f} MB" + (f", {under_way} under way" if under_way else "")
        if self._listing.max_pages is None:
            self._progress.set_total(self._total())
            self._progress.update(len(page.store), said)
        else:
            self._progress.update(reached.pages - self._done, said)
        self._done = reached.pages

    def ends(self) -> None:
        """Show that there is nothing more: what was expected may have been a bit more or less."""
        if self._progress.is_shown and self._listing.max_pages is None:
            self._progress.set_total(self._total())

    def _total(self) -> int | None:
        reached = self._listing.reached
        if reached.complete:
            return self._before + reached.rows
        if self._listing.in_parts:
            left = self._listing.rows_left()
            return None if left is None else self._before + reached.rows + round(left)
        if self._counted is None and reached.answers == 1:
            with suppress(RequestFailedError):  # it only matters to the bar
                self._counted = self._count()
        return self._counted


def _refused(pages: Pages[Any], shown: _Shown) -> CursorRefusedError | None:
    """Take all pages, or return why a position is refused."""
    # A separate function: in CPython 3.11 a signal at an inner `try` is not caught by the outer one.
    try:
        with pages:
            for page in pages:
                shown.came(page)
            shown.ends()
    except CursorRefusedError as refused:
        return refused
    return None


def _started_again(
    begin: Callable[..., Pages[RecordT]],
    listing: Listing,
    keep: Callable[[Page[RecordT]], Page[RecordT]],
    last: LastRow,
    came: int,
) -> Pages[RecordT]:
    """Return the pages after the last row fetched, from a listing that starts again."""
    warn(
        f"the service does not accept the position of this listing any more, after {came} rows of"
        f" {last.origin.resource}: it is started again, after the last of them"
    )
    first = last.origin.query.get("next_token")
    way = Listing(page_size=listing.page_size, max_pages=None, cursor=first)
    try:
        with begin({**last.query, "fields": [*last.names]}, way, concurrency=1) as pages:
            listing.start_again(last.cursor_before(pages) or first)
    except CursorRefusedError as refused:
        raise _refused_twice(refused, came) from None
    # One by one, which needs least of the service.
    return begin(last.query, listing, lambda page: keep(last.rows_behind(page)), concurrency=1)


def _refused_twice(refused: CursorRefusedError, came: int) -> CursorRefusedError:
    refused.advice = (
        f"The listing was started again, and the service refuses its position once more, after {came} rows. They are"
        " kept where the listing is: try again later, and report it to the DIALS developers if it stays."
    )
    return refused


def _earlier(
    resume_from: Any, checkpoint: str | os.PathLike[str] | None, origin: Origin | None
) -> tuple[Result[Any] | None, Stored | None]:
    """Return the earlier result, and what the file to append to holds; refuse another listing than `origin` (if given).

    Raises:
        CheckpointError: A file cannot be read, or it or the result belongs to another listing.
        ConfigurationError: resume_from is neither a result nor the name of a file.
    """
    if resume_from is None:
        return None, None
    if isinstance(resume_from, Result):
        _refuse_another("resume_from", origin, resume_from.origin)
        return _kept_in(checkpoint, resume_from) or (resume_from, None)
    if not isinstance(resume_from, str | os.PathLike):
        message = f"resume_from must be a result or the name of a file, not {type(resume_from).__name__}"
        raise ConfigurationError(message)
    same = checkpoint is not None and is_same_file(resume_from, checkpoint)
    if same and not holds_something(resume_from):
        return None, None
    stored, pages = read_checkpoint(resume_from)
    _refuse_another(str(resume_from), origin, stored.origin)
    return _whole(resume_from, stored, pages), stored if same else None


def _kept_in(
    checkpoint: str | os.PathLike[str] | None, result: Result[Any]
) -> tuple[Result[Any], Stored] | None:
    """Return what a file holds, if it was written while the result was fetched; it may be a page ahead."""
    if checkpoint is None or not holds_something(checkpoint):
        return None
    stored, pages = read_checkpoint(checkpoint)
    if result.origin.differences(stored.origin):
        return None
    kept = _whole(checkpoint, stored, pages)
    has_all = result.next is None or cursor_of(result.next) in {*kept.passed, cursor_of(kept.next)}
    return (kept, stored) if has_all and len(kept) >= len(result) else None


def _whole(path: str | os.PathLike[str], stored: Stored, pages: Iterable[StoredPage]) -> Result[Any]:
    """Make a result from what a file holds, if its rows are of the listing that it says it is of."""
    result = restored(path, stored, pages)
    found = Wanted(result.record, stored.origin.query).unwanted(result.store)
    if found is not None:
        message = f"{path} is of a listing with {found.asked}, and its row {found.row} has {found.field}={found.came}"
        raise CheckpointError(message, advice="Start the listing again in another file.")
    return result


def _refuse_another(source: str, wanted: Origin | None, found: Origin) -> None:
    if wanted is not None and (different := wanted.differences(found)):
        message = f"{source} is of another listing: {'; '.join(different)}"
        advice = "Continue the listing that it belongs to, or start the listing again."
        raise CheckpointError(message, advice=advice)


@contextmanager
def _keeping(
    checkpoint: str | os.PathLike[str] | None,
    origin: Origin,
    store: RowStore[RecordT],
    so_far: Result[RecordT] | None,
    stored: Stored | None,
) -> Iterator[Callable[[Page[RecordT]], Page[RecordT]]]:
    """Yield a function that keeps a page: its rows, and its answers in a file if one is wanted.

    A new file begins with the earlier rows (`so_far`); `stored` is what a file already holds.
    """
    with nullcontext() if checkpoint is None else CheckpointFile(checkpoint, origin, after=stored) as file:
        if file is not None and so_far is not None and stored is None:
            for page in so_far.stored_pages():
                file.append(page)

        def keep(page: Page[RecordT]) -> Page[RecordT]:
            if file is not None:
                now = datetime.now(UTC).isoformat()
                bodies = bodies_of(page.store, origin) if page.dropped else page.bodies
                file.append(StoredPage({"next": page.next, "retrieved": now}, bodies))
            for block in page.store.held():
                store.add(block)
            return page

        yield keep
