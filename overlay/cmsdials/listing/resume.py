"""What a listing is resumed from, and where it is kept meanwhile: results and checkpoint files, together or alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import evolve
from cmsdials_api.records import Record

from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.listing.checkpoint import (
    CheckpointFile,
    Stored,
    StoredPage,
    holds_something,
    is_same_file,
    read_checkpoint,
)
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.provenance import Origin
from cmsdials.listing.result import Result, restored
from cmsdials.table.rows import RowStore

__all__ = ["earlier_of", "has_ended", "keeping"]

RecordT = TypeVar("RecordT", bound=Record)


def earlier_of(
    resume_from: Any, checkpoint: str | os.PathLike[str] | None, origin: Origin | None
) -> tuple[Result[Any] | None, Stored | None]:
    """Return what has come before, and what the file to append to holds of it; refuse what is of another listing.

    Args:
        resume_from: A result, the name of a file, or None.
        checkpoint: The file to append to, if there is to be one.
        origin: What is listed; None compares nothing.

    Raises:
        CheckpointError: A file cannot be read, or what it or the result holds is of another listing.
        ConfigurationError: resume_from is something else.
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
    stored = read_checkpoint(resume_from)
    _refuse_another(str(resume_from), origin, stored.origin)
    return restored(resume_from, stored), _without_answers(stored) if same else None


@contextmanager
def keeping(
    checkpoint: str | os.PathLike[str] | None,
    origin: Origin,
    store: RowStore[RecordT],
    so_far: Result[RecordT] | None,
    stored: Stored | None,
) -> Iterator[Callable[[Page[RecordT]], None]]:
    """Keep pages: their rows, and their answers in a file if there is to be one.

    Args:
        checkpoint: The file.
        origin: What is listed.
        store: Where rows are added.
        so_far: What has come before, which a new file begins with.
        stored: What the file holds already.

    Yields:
        What keeps a page.
    """
    with nullcontext() if checkpoint is None else CheckpointFile(checkpoint, origin, after=stored) as file:
        if file is not None and so_far is not None and stored is None:
            for page in so_far.stored_pages():
                file.append(page)

        def keep(page: Page[RecordT]) -> None:
            if file is not None:
                now = datetime.now(UTC).isoformat()
                file.append(StoredPage({"next": page.next, "retrieved": now}, page.bodies))
            for block in page.store.blocks():
                store.add(block)

        yield keep


def has_ended(result: Result[Any]) -> bool:
    """Whether there is nothing left of a listing."""
    # A result that stopped before its first page has no next page either.
    return result.complete or (result.next is None and len(result) > 0)


def _kept_in(
    checkpoint: str | os.PathLike[str] | None, result: Result[Any]
) -> tuple[Result[Any], Stored] | None:
    """Return what a file holds, if it was kept while the result was fetched; it may be a page ahead."""
    if checkpoint is None or not holds_something(checkpoint):
        return None
    stored = read_checkpoint(checkpoint)
    if result.origin.differences(stored.origin):
        return None
    kept = restored(checkpoint, stored)
    has_all = result.next is None or cursor_of(result.next) in {*kept.passed, cursor_of(kept.next)}
    return (kept, _without_answers(stored)) if has_all and len(kept) >= len(result) else None


def _without_answers(stored: Stored) -> Stored:
    """Return what a file holds but for the pages, of which a result has been made."""
    return evolve(stored, pages=[])


def _refuse_another(source: str, wanted: Origin | None, found: Origin) -> None:
    different = [] if wanted is None else wanted.differences(found)
    if different:
        message = f"{source} is of another listing: {'; '.join(different)}"
        raise CheckpointError(
            message, advice="Go on with the listing that it is of, or start the listing again."
        )
