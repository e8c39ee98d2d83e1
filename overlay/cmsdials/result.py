"""What a list answers: rows, where they stop, and why.

The names are those of cmsdials 1.8 (`results`, `next`, `exc_type`, `to_pandas()`, ...), so scripts go on working.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import define, field
from cmsdials_api.records import Record

from cmsdials import frames

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result"]

RecordT = TypeVar("RecordT", bound=Record)
_Plain = dict[str, Any]  # inside the class, `dict` is its method


@define(kw_only=True, repr=False)
class Result(Generic[RecordT]):
    """Rows of a list, in the order of the service.

    Attributes:
        results: The rows.
        next: Link to the page after the last one here; None if there is none. `resume_from=` goes on from it.
        previous: Link to the page before, where a single page was asked for.
        exc_type: Name of the error that ended the listing early (with `keep_failed=True`); None if none did.
        exc_formatted: That error in full.
        record: What the rows are.
        fields: The fields that were asked for; None for all.
    """

    results: list[RecordT]
    next: str | None = None
    previous: str | None = None
    exc_type: str | None = None
    exc_formatted: str | None = None
    record: type[RecordT]
    fields: tuple[str, ...] | None = field(default=None)

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

    def __repr__(self) -> str:
        state = "complete" if self.next is None else "more to come"
        if self.exc_type is not None:
            state = f"stopped by {self.exc_type}"
        return f"<{len(self.results)} rows of {self.record.__name__}, {state}>"
