"""Rows as other services send them: a dict for each, with the names that it happens to have."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cmsdials.runtime import extras
from cmsdials.runtime.background import load
from cmsdials.wording import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Documents", "OMSRows", "arrow_of", "nullable_of"]

_MOST_ROWS, _MOST_COLUMNS = 10, 12  # in a notebook


@frozen(repr=False)
class Documents:
    """Rows as dicts.

    Attributes:
        results: A dict for each row.
        known: Names that they have even if there are no rows.
    """

    results: Sequence[dict[str, Any]]
    known: Sequence[str] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [*dict.fromkeys((*self.known, *(name for row in self.results for name in row)))]

    def columns(self) -> dict[str, list[Any]]:
        """Return the values of each name, None where a row does not have it."""
        return {name: [row.get(name) for row in self.results] for name in self.names}


@frozen(repr=False)
class OMSRows(Documents):
    """All rows of an OMS query.

    Attributes:
        results: A dict for each row: its `id`, then its attributes.
        endpoint: The OMS endpoint that was asked.
    """

    results: list[dict[str, Any]]
    endpoint: str

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame, a row for each row and a column for each attribute.

        Raises:
            MissingDependencyError: pandas is not installed; the message holds the command.
        """
        # OMS names its attributes only in rows; the id is always there.
        columns = None if self.results else ["id"]
        frame: pd.DataFrame = extras.pandas().DataFrame(self.results, columns=columns)
        return frame

    def __repr__(self) -> str:
        return f"<{counted(len(self.results), 'row')} of OMS {self.endpoint}>"

    def _repr_html_(self) -> str:
        """Show the first rows and attributes in notebooks."""
        from cmsdials.table.html import html_lines, html_rows  # noqa: PLC0415  # for notebooks only

        names = self.names
        left = len(names) - _MOST_COLUMNS
        more = [f"and {left} more attributes: to_pandas() has them"] if left > 0 else []
        rows = [[row.get(name) for name in names[:_MOST_COLUMNS]] for row in self.results]
        title = f"{counted(len(rows), 'row')} of OMS {self.endpoint}"
        return html_lines([title]) + html_rows(names, rows, _MOST_ROWS) + html_lines(more)


def nullable_of(pandas: Any, values: list[Any]) -> Any:
    """Return a column of pandas: nullable integers and flags, else what pandas makes of them, or objects."""
    kind = pandas.api.types.infer_dtype(values, skipna=True)
    if kind == "boolean":
        return pandas.array(values, dtype="boolean")
    if kind == "integer":
        with suppress(OverflowError, TypeError):  # of more than 64 bits
            return pandas.array(values, dtype="Int64")
    is_nan = kind == "empty" and any(value is not None for value in values)
    if is_nan or kind in ("floating", "mixed-integer-float"):
        return pandas.Series(values, dtype="float64")
    return pandas.Series(values, dtype=None if kind == "string" else object)


def arrow_of(arrow: Any, values: list[Any]) -> Any:
    """Return a column of Arrow: as Arrow takes the values, NaN as missing, or as JSON text where it does not."""
    with suppress(arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError):
        return arrow.array(values, from_pandas=True)
    load("cmsdials.table.to_arrow")
    from cmsdials.table.to_arrow import free  # noqa: PLC0415  # it imports NumPy

    return free(arrow, values)
