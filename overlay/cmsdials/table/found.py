"""A table of names: what a search in the catalogue has found, as a terminal and a notebook show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import evolve, frozen

from cmsdials.redaction import printable
from cmsdials.runtime import extras
from cmsdials.table.html import html_lines, html_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Found"]

EntryT = TypeVar("EntryT")
_SHOWN = 20  # rows, in a terminal and in a notebook


@frozen(repr=False, eq=False)
class Found(Sequence[EntryT], Generic[EntryT]):
    """What was found, best first: a sequence, and a table.

    Attributes:
        rows: The entries.
        what: What they are, such as monitoring element.
        columns: Which attributes of theirs make the table, and the type of each; the second has the names.
        total: How many there are in all.
        retrieved: When the list was fetched that was searched.
        note: Names that may be meant, if nothing was found; else empty.
    """

    rows: tuple[EntryT, ...]
    what: str
    columns: dict[str, type]
    total: int
    retrieved: datetime
    note: str = ""

    @property
    def ids(self) -> list[int]:
        """Their ids."""
        return [getattr(one, next(iter(self.columns))) for one in self.rows]

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [getattr(one, [*self.columns][1]) for one in self.rows]

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame with a row for each, and the same columns if there is none.

        Raises:
            MissingDependencyError: pandas is not installed; the message holds the command.
        """
        pandas = extras.pandas()
        frame: pd.DataFrame = pandas.DataFrame(
            {
                name: pandas.Series(
                    [getattr(one, name) for one in self.rows],
                    # pandas 2 holds text as object, pandas 3 as str: take what it chooses.
                    dtype="Int64" if kind is int else pandas.Series(["text"]).dtype,
                )
                for name, kind in self.columns.items()
            }
        )
        ids = next(iter(self.columns))
        return frame.astype({ids: "int64"})

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[EntryT]:
        return iter(self.rows)

    @overload
    def __getitem__(self, position: int) -> EntryT: ...
    @overload
    def __getitem__(self, position: slice) -> Found[EntryT]: ...
    def __getitem__(self, position: int | slice) -> EntryT | Found[EntryT]:
        if isinstance(position, slice):
            return evolve(self, rows=self.rows[position])
        return self.rows[position]

    def __repr__(self) -> str:
        table = [[*self.columns], *self._cells()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        right = [kind is int for kind in self.columns.values()]
        lines = [
            "  ".join(
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(row, widths, right, strict=True)
            ).rstrip()
            for row in table
        ]
        more = len(self) - _SHOWN
        return "\n".join(
            [self._title, *(lines if self.rows else ()), *([f"and {more} more"] if more > 0 else ())]
        )

    def _repr_html_(self) -> str:
        """Show the table in notebooks."""
        rows = [[getattr(one, name) for name in self.columns] for one in self.rows]
        return html_lines([self._title]) + html_rows(self.columns, rows, _SHOWN)

    def _cells(self) -> list[list[str]]:
        return [[_shown(getattr(one, name)) for name in self.columns] for one in self.rows[:_SHOWN]]

    @property
    def _title(self) -> str:
        many = self.what if self.total == 1 else f"{self.what}s"
        listed = f"{self.retrieved:%Y-%m-%d %H:%M} UTC"
        note = f"; {self.note}" if self.note else ""
        return printable(f"{len(self)} of {self.total} {many}, as listed on {listed}{note}")


def _shown(value: Any) -> str:
    return "-" if value is None else printable(value)
