"""What a list returns: rows, where they stop, and why.

The names are those of cmsdials 1.8 (`results`, `next`, `exc_type`, `to_pandas()`, ...), so scripts keep working.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack, overload

from attrs import define, evolve, field
from cmsdials_api.pydantic_like import Dump, PydanticLike
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials.errors import CheckpointError, RequestFailedError, SchemaError
from cmsdials.listing import checkpoint
from cmsdials.listing.checkpoint import Stored, StoredPage
from cmsdials.listing.page import Page, cursor_of, page_of
from cmsdials.listing.pagination import LARGEST_PAGE
from cmsdials.listing.provenance import Origin
from cmsdials.parallel.split import read_position
from cmsdials.plotting.accessor import Plotted
from cmsdials.runtime import background
from cmsdials.table.histograms import model_of
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.table.rows import RowStore
from cmsdials.table.tabular import Tabular
from cmsdials.wording import counted

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns

__all__ = ["Result", "bodies_of", "load"]

RecordT = TypeVar("RecordT", bound=Record)
_Plain = dict[str, Any]  # inside the class, `dict` is its method

_CHANGED = "Undo the change to that row, or write the frame to Parquet."


@define(kw_only=True, repr=False)
class Result(Tabular[RecordT], Plotted, PydanticLike, Generic[RecordT]):
    """Rows of a list, in the order of the service.

    Attributes:
        store: The rows, as they are stored.
        next: Link to the page after the last one here; None if there is none. `resume_from=` continues there.
        previous: Link to the page before, where a single page was asked for.
        exc_type: Name of the error that ended the listing early (with `keep_failed=True`); None if none did.
        exc_formatted: That error in full.
        complete: Whether these are all the rows that there are.
        origin: What was listed: resource, address, workspace and query.
        retrieved: When the last of it arrived.
        note: Why there are no rows, if a filter names something that DIALS does not know; else empty.
        passed: Cursors of its pages, so that a listing resumed from it notices a link that leads back to one of them.
    """

    store: RowStore[RecordT]
    next: str | None = None
    previous: str | None = None
    exc_type: str | None = None
    exc_formatted: str | None = None
    complete: bool = False
    origin: Origin
    retrieved: datetime = field(factory=lambda: datetime.now(UTC), eq=False)
    note: str = field(default="", eq=False)
    passed: frozenset[str] = field(default=frozenset(), eq=False)

    @property
    def results(self) -> list[RecordT]:
        """The rows, as a list. They are created on first access, and read their fields when these are accessed.

        A row owns its values, lists in `data` included: changing them changes this result, and what is made of it
        afterwards, but no frame, table or array that was made before.
        """
        return self.store.rows

    @results.setter
    def results(self, rows: list[RecordT]) -> None:
        self.store.rows = rows

    @property
    def record(self) -> type[RecordT]:
        """What the rows are."""
        return self.store.record

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The fields that were requested; None for all."""
        asked = self.origin.query.get("fields")
        return None if asked is None else tuple(asked)

    @property
    def status(self) -> str:
        """In words: how far it got, why it stopped, and how to continue."""
        many = f"{counted(len(self), 'row')} of {self.origin.resource}{self._within}"
        if self.complete:
            return f"{many}: all there are{self._noted}"
        if self._within and not self._can_go_on:
            what = self._stopped or ("there are more" if self.next is not None else "not all there are")
            return f"{many}: {what}; resume the listing that they were selected from, and select again"
        if self.exc_type is not None or self.next is not None:
            how = ", with the same good=" if self._within else ""
            return (
                f"{many}: {self._stopped or 'there are more'}; pass this result as resume_from= to go on{how}"
            )
        return f"{many}: {self._stopped or 'nothing has come yet; pass this result as resume_from= to begin'}"

    @property
    def _within(self) -> str:
        return f" within {self.origin.mask}" if self.origin.mask is not None else ""

    @property
    def _can_go_on(self) -> bool:
        """Whether a listing of good lumisections can continue here: then the link says which ones have come."""
        has_not_begun = self.exc_type is not None and self.next is None and not len(self)
        return has_not_begun or read_position(cursor_of(self.next)) is not None

    @property
    def _noted(self) -> str:
        return f"; {self.note}" if self.note else ""

    @property
    def _stopped(self) -> str | None:
        if self.exc_type is not None:
            return f"stopped by {self.exc_type}"
        is_end = self.next is None and len(self) > 0 and not self.complete
        return "to the end, but not from the beginning" if is_end else None

    def __repr__(self) -> str:
        state = self._stopped or ("complete" if self.complete else "more to come")
        return f"<{counted(len(self), 'row')} of {self.record.__name__}{self._within}, {state}{self._noted}>"

    def __len__(self) -> int:
        return len(self.store)

    def __iter__(self) -> Iterator[RecordT]:
        return iter(self.results)

    @overload
    def __getitem__(self, position: int) -> RecordT: ...
    @overload
    def __getitem__(self, position: slice) -> list[RecordT]: ...
    def __getitem__(self, position: int | slice) -> RecordT | list[RecordT]:
        return self.results[position]

    def __bool__(self) -> bool:
        """A result is true even without rows, as it was before it had a length."""
        return True

    def dict(self, **how: Unpack[Dump]) -> _Plain:
        """Return everything as plain Python, each row by its `dict()`.

        Args:
            **how: As in `model_dump`, which is then called.
        """
        if how:
            return self.model_dump(**how)
        return {**self.model_values(), "results": [row.dict() for row in self.store]}

    @classmethod
    def model_names(cls) -> tuple[str, ...]:
        """Return the names of what `dict()` has."""
        return ("next", "previous", "results", "exc_type", "exc_formatted")

    def model_values(self) -> _Plain:
        """Return the values of `dict()`, not converted."""
        stopped = {"exc_type": self.exc_type, "exc_formatted": self.exc_formatted}
        return {"next": self.next, "previous": self.previous, "results": [*self.store], **stopped}

    @property
    def model_fields_set(self) -> set[str]:
        """The names of what is set: `exc_type` and `exc_formatted` only if something failed."""
        return {"next", "previous", "results"} | super().model_fields_set

    def selected(self, store: RowStore[RecordT], mask: LumiMask) -> Self:
        """Return the result with the rows that a mask has selected, which its origin then names."""
        earlier = self.origin.mask
        both = mask if earlier is None else earlier & mask
        return evolve(self, store=store, origin=evolve(self.origin, mask=both))

    def __copy__(self) -> Self:
        # With a list of rows of its own, so that changes to one do not affect the other.
        return evolve(self, store=self.store.copy())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a file, which `load` and `resume_from=` read.

        The file replaces an earlier one, completely or not at all.

        Raises:
            CheckpointError: It cannot be written, or a row was changed to hold what cannot be read again.
        """
        checkpoint.write_whole(path, self.origin, self.stored_pages())

    def stored_pages(self) -> Iterator[StoredPage]:
        """Yield the rows as answers of the service, page by page, as files hold them."""
        from cmsdials.table.columns import most_rows  # noqa: PLC0415  # it imports NumPy

        written = 0
        for block in self.store.blocks():
            step = min(LARGEST_PAGE, most_rows(block, checkpoint.LARGEST_BODY))
            for start in range(0, len(block), step):
                part = block.between(start, min(len(block), start + step))
                yield StoredPage({}, (body_of(part, self.origin, written),))
                written += len(part)
        said = {
            "next": self.next,
            "complete": self.complete,
            "passed": sorted(self.passed),
            "retrieved": self.retrieved.isoformat(),
        }
        yield StoredPage(said, ())


def body_of(part: Columns[Any], origin: Origin, before: int = 0) -> bytes:
    """Return rows as an answer of the service, read again as a check; `before` counts the rows before them."""
    background.load("cmsdials.table.columns")
    from cmsdials.table.columns import as_json, not_finite, objects_of  # noqa: PLC0415  # it imports NumPy

    if (name := not_finite(part)) is not None:
        message = f"a row holds what a listing file cannot ({name} is not a finite number)"
        raise CheckpointError(message, advice=_CHANGED)
    try:
        body = as_json({"next": None, "previous": None, "results": objects_of(part)})
        _read(body, "this result", part.record, origin)
    except TypeError as error:
        message = f"a row holds what a listing file cannot ({error})"
        raise CheckpointError(message, advice=_CHANGED) from error
    except SchemaError as error:
        what = f"field {error.field!r} {error.problem}"
        message = f"row {before + (error.row or 0)} cannot be kept in a listing file: {what}"
        raise CheckpointError(message, advice=_CHANGED) from error
    return body


def bodies_of(store: RowStore[Any], origin: Origin) -> tuple[bytes, ...]:
    """Return the rows of a page as answers of the service. Raises as `body_of`."""
    return tuple(body_of(one, origin) for one in store.blocks())


def load(path: str | os.PathLike[str]) -> Result[Any]:
    """Read what `Result.save` or `checkpoint=` wrote.

    Returns:
        The rows; `complete` says whether they are all there are.

    Raises:
        CheckpointError: There is no such file, it is something else, it is damaged, its rows are not what this version
            of the contract says, or they do not fit into memory.
    """
    return restored(path, *checkpoint.read_checkpoint(path))


def restored(path: str | os.PathLike[str], stored: Stored, pages: Iterable[StoredPage]) -> Result[Any]:
    """Make a result from what a file holds. Raises as `load`."""
    origin = stored.origin
    table = RESOURCES.get(origin.resource)
    if table is None:
        message = f"{path} holds {origin.resource!r}, which this version of cmsdials does not know"
        raise CheckpointError(message)
    begins_at = origin.query.get("next_token")
    result: Result[Any] = Result(
        store=RowStore(model_of(table.record), fields=origin.query.get("fields")),
        origin=origin,
        retrieved=stored.began,
    )
    passed: set[str | None] = {begins_at}
    for page in pages:
        for body in page.bodies:
            for block in _stored(body, path, result.record, origin).blocks():
                result.store.add(block)
        if "next" in page.said:
            passed.update((cursor_of(result.next), *page.said.get("passed", ())))
            result.next = page.said["next"]
            result.complete = page.said.get("complete", result.next is None and begins_at is None)
            if "retrieved" in page.said:
                result.retrieved = datetime.fromisoformat(page.said["retrieved"])
    result.passed = frozenset(cursor for cursor in passed if cursor is not None)
    return result


def _stored(
    body: bytes, path: str | os.PathLike[str], record: type[RecordT], origin: Origin
) -> RowStore[RecordT]:
    """Return the rows in a page of a file."""
    try:
        with checkpoint.explained(path, "read"):
            return _read(body, str(path), record, origin).store
    except RequestFailedError as error:
        message = f"{path} holds what is no page of {origin.resource}: {error.message}"
        advice = "It was written by something else, or another version of cmsdials: start the listing again."
        raise CheckpointError(message, advice=advice) from error


def _read(body: bytes, place: str, record: type[RecordT], origin: Origin) -> Page[RecordT]:
    """Read a page of a file, or one that is to be written to it."""
    try:
        return page_of(body, record, origin.resource, fields=origin.query.get("fields"))
    except RequestFailedError as error:
        error.method, error.url = "READ", place
        raise
