"""All pages of a listing into one result: resumed from earlier ones, kept in a file, ended early by an error."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from attrs import evolve
from cmsdials_api.records import Record

from cmsdials.errors import DialsError
from cmsdials.listing.page import Page
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import Listing
from cmsdials.listing.provenance import Origin
from cmsdials.listing.result import Result
from cmsdials.listing.resume import earlier_of, has_ended, keeping
from cmsdials.runtime.console import warn
from cmsdials.runtime.interrupts import Terminated, sigterm_raises
from cmsdials.runtime.progress import progress_bar
from cmsdials.table.rows import RowStore

__all__ = ["collect"]

RecordT = TypeVar("RecordT", bound=Record)


def collect(
    origin: Origin,
    record: type[RecordT],
    begin: Callable[[Listing, Callable[[Page[RecordT]], None]], Pages[RecordT]],
    *,
    workspace: Callable[[], str | None],
    page_size: int | None,
    max_pages: int | None,
    enable_progress: bool | None,
    keep_failed: bool,
    resume_from: Result[RecordT] | str | os.PathLike[str] | None,
    checkpoint: str | os.PathLike[str] | None,
) -> Result[RecordT]:
    """Fetch all pages, or as many as wanted: what `list_all` of a resource does, with its arguments and errors.

    `origin` says what is listed, and `record` what the rows are. `begin` returns the pages from where a listing is;
    what it is given besides is to be called with each page before that counts. `workspace` says which one is asked; it may
    have to ask for it, and then fails as a page does.
    """
    try:
        with sigterm_raises() if keep_failed else nullcontext():
            origin = evolve(origin, workspace=workspace())
    except (DialsError, KeyboardInterrupt, Terminated) as stopped:
        if not keep_failed:
            raise
        earlier, _ = earlier_of(resume_from, checkpoint, None)
        if earlier is None:
            earlier = Result(store=RowStore(record, fields=origin.query.get("fields")), origin=origin)
        return _stopped(evolve(earlier, store=earlier.store.copy()), stopped)
    so_far, stored = earlier_of(resume_from, checkpoint, origin)
    if so_far is not None and has_ended(so_far):
        if checkpoint is None:
            warn("resume_from is complete: there is nothing left to fetch")
        elif stored is None:
            with keeping(checkpoint, origin, RowStore(record), so_far, None):
                pass  # what had come before is in the file now, and that is all
        return evolve(so_far, store=so_far.store.copy())
    store: RowStore[RecordT] = (
        RowStore(record, fields=origin.query.get("fields")) if so_far is None else so_far.store.copy()
    )
    before = len(store)
    cursor = origin.query.get("next_token")
    listing = Listing(
        page_size=page_size,
        max_pages=max_pages,
        next=None if so_far is None else so_far.next,
        cursor=cursor,
        passed=() if so_far is None else so_far.passed,
    )
    failure: BaseException | None = None
    note = ""
    with keeping(checkpoint, origin, store, so_far, stored) as keep:
        try:
            with (
                sigterm_raises() if keep_failed else nullcontext(),
                begin(listing, keep) as pages,
                progress_bar(
                    enable_progress, total=max_pages, unit="page", description=origin.resource
                ) as progress,
            ):
                for _ in pages:
                    progress.update()
                note = pages.note
        except (DialsError, KeyboardInterrupt, Terminated) as stopped:
            if not keep_failed:
                raise
            failure = stopped
    # A Ctrl-C may have come when a page was kept and did not count yet: it will be asked for again.
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
    """Say in a result, and to the user, what has stopped it."""
    result.exc_type = type(failure).__name__
    result.exc_formatted = "".join(traceback.format_exception(failure))
    warn(f"{result.status}. {failure}" if str(failure) else result.status)
    return result
