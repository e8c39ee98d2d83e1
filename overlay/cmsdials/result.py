"""What a list answers: rows, where they stop, and why.

The names are those of cmsdials 1.8 (`results`, `next`, `exc_type`, `to_pandas()`, ...), so scripts go on working.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import orjson
from attrs import define, field
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials import checkpoint, decode, frames
from cmsdials.answers import Answer
from cmsdials.errors import CheckpointError
from cmsdials.origin import Origin
from cmsdials.page import cursor_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result", "load"]

RecordT = TypeVar("RecordT", bound=Record)
_Plain = dict[str, Any]  # inside the class, `dict` is its method

ROWS_IN_A_PAGE = 500
_SAVED = b'{"complete":'
"""How a page begins that `Result.save` made: it says more than one of the service."""


@define(kw_only=True, repr=False)
class Result(Generic[RecordT]):
    """Rows of a list, in the order of the service.

    Attributes:
        results: The rows.
        next: Link to the page after the last one here; None if there is none. `resume_from=` goes on from it.
        previous: Link to the page before, where a single page was asked for.
        exc_type: Name of the error that ended the listing early (with `keep_failed=True`); None if none did.
        exc_formatted: That error in full.
        complete: Whether these are all the rows that there are.
        record: What the rows are.
        origin: What was listed: resource, address, workspace and query.
        retrieved: When the last of it came.
        passed: Cursors of its pages, so that going on notices a link that leads back to one of them.
    """

    results: list[RecordT]
    next: str | None = None
    previous: str | None = None
    exc_type: str | None = None
    exc_formatted: str | None = None
    complete: bool = False
    record: type[RecordT]
    origin: Origin
    retrieved: datetime = field(factory=lambda: datetime.now(UTC), eq=False)
    passed: frozenset[str] = field(default=frozenset(), eq=False)

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The fields that were asked for; None for all."""
        asked = self.origin.query.get("fields")
        return None if asked is None else tuple(asked)

    @property
    def status(self) -> str:
        """In words: how far it got, why it stopped, and how to go on."""
        many = f"{len(self.results)} rows of {self.origin.resource}"
        if self.complete:
            return f"{many}: all there are"
        if self.exc_type is None and self.next is None:
            return f"{many}: to the end, but not from the beginning"
        if self.exc_type is None:
            return f"{many}: there are more; pass this result as resume_from= to go on"
        return f"{many}: stopped by {self.exc_type}; pass this result as resume_from= to go on"

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[RecordT]:
        return iter(self.results)

    @overload
    def __getitem__(self, position: int) -> RecordT: ...
    @overload
    def __getitem__(self, position: slice) -> list[RecordT]: ...
    def __getitem__(self, position: int | slice) -> RecordT | list[RecordT]:
        return self.results[position]

    def __bool__(self) -> bool:
        """A result is true also when it has no rows, as it was before it had a length."""
        return True

    def dict(self) -> _Plain:
        """Return everything as plain Python, each row by its `dict()`."""
        return {
            "next": self.next,
            "previous": self.previous,
            "results": [row.dict() for row in self.results],
            "exc_type": self.exc_type,
            "exc_formatted": self.exc_formatted,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame, a row for each row and a column for each field that the service sent.

        The columns are in the order of the contract, with a RangeIndex; `data` holds lists (2D: y_bin lists of
        x_bin numbers, so the index is [y][x]). Without rows the columns are there all the same.

        Raises:
            MissingDependencyError: pandas is not installed; the message holds the command.
        """
        return frames.to_pandas(self.results, self.record, self.fields)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a file, which `load` and `resume_from=` read.

        The file replaces what stood there, whole or not at all.

        Raises:
            CheckpointError: It cannot be written.
        """
        checkpoint.write_whole(path, self.origin, self.bodies())

    def bodies(self) -> list[bytes]:
        """Return the rows as answers of the service, page by page, as files hold them."""
        starts = range(0, max(1, len(self.results)), ROWS_IN_A_PAGE)
        pages = []
        for start in starts:
            rows = [row.to_dict() for row in self.results[start : start + ROWS_IN_A_PAGE]]
            is_last = start + ROWS_IN_A_PAGE >= len(self.results)
            link = self.next if is_last else None
            page = {
                "complete": is_last and self.complete,  # first, see _SAVED
                "passed": sorted(self.passed) if is_last else [],
                "next": link,
                "previous": None,
                "results": rows,
            }
            pages.append(orjson.dumps(page, option=orjson.OPT_SERIALIZE_NUMPY))
        return pages

    def __repr__(self) -> str:
        state = "complete" if self.complete else "more to come"
        if self.exc_type is not None:
            state = f"stopped by {self.exc_type}"
        return f"<{len(self.results)} rows of {self.record.__name__}, {state}>"


def load(path: str | os.PathLike[str]) -> Result[Any]:
    """Read what `Result.save` or `checkpoint=` wrote.

    Returns:
        The rows; `complete` says whether they are all there are.

    Raises:
        CheckpointError: There is no such file, it is something else, or it is damaged.
        SchemaError: Its rows are not what this version of the contract says.
    """
    stored = checkpoint.read_checkpoint(path)
    assert stored is not None  # noqa: S101  # only where missing_ok is said
    return restored(path, stored)


def restored(path: str | os.PathLike[str], stored: checkpoint.Stored) -> Result[Any]:
    """Make a result of what a file holds. Raises as `load`."""
    table = RESOURCES.get(stored.origin.resource)
    if table is None:
        message = f"{path} holds {stored.origin.resource!r}, which this version of cmsdials does not know"
        raise CheckpointError(message)
    rows: list[Any] = []
    link: str | None = None
    passed: set[str] = set()
    complete = False
    begins_at = stored.origin.query.get("next_token")
    if begins_at is not None:
        passed.add(begins_at)
    for body in stored.bodies:
        answer = Answer(200, {}, body, str(path), "READ")
        page = decode.read_page(answer, table.record, table.name, partial="fields" in stored.origin.query)
        if (cursor := cursor_of(link)) is not None:
            passed.add(cursor)
        rows += page.rows
        link = page.next
        complete = link is None and begins_at is None
        if body.startswith(_SAVED):
            said = orjson.loads(body)
            complete = bool(said["complete"])
            passed.update(said["passed"])
    return Result(
        results=rows,
        next=link,
        complete=complete,
        record=table.record,
        origin=stored.origin,
        retrieved=stored.began,
        passed=frozenset(passed),
    )
