"""Frames of pandas, tables of Arrow and frames of polars, handled alike: their columns, and columns that are added.

What is added keeps its type whether values are missing or not: integers and flags of pandas become nullable ones
(Int64, boolean), and those of Arrow and polars are so anyway.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from cmsdials.errors import ConfigurationError, DialsError
from cmsdials.redaction import shortened
from cmsdials.runtime import extras
from cmsdials.runtime.background import loaded
from cmsdials.table.columns import Array
from cmsdials.table.documents import Documents, arrow_of, nullable_of
from cmsdials.table.tabular import Tabular

__all__ = ["Arrow", "Kind", "Pandas", "Polars", "converting", "kind_of"]

_Frame: TypeAlias = Any


class Kind(ABC):
    """One library of frames."""

    @abstractmethod
    def is_one(self, rows: object) -> bool:
        """Whether rows are a frame of this library."""

    @abstractmethod
    def of(self, rows: Any) -> _Frame:
        """Make a frame of rows: a frame of any library, a listing, or documents. All that has a name is a column."""

    def levels(self, frame: _Frame) -> list[Any]:
        """Return what else has a name and can be read as a column."""
        del frame
        return []

    @abstractmethod
    def names(self, frame: _Frame) -> list[Any]:
        """Return the names of all columns, in order, with repetitions."""

    @abstractmethod
    def column(self, frame: _Frame, name: str) -> Any:
        """Return a column, as `cmsdials.table.keys.integers_of` takes it."""

    @abstractmethod
    def cell(self, frame: _Frame, name: str, row: int) -> Any:
        """Return a value."""

    @abstractmethod
    def extended(
        self, frame: _Frame, other: _Frame, names: Mapping[Any, str], rows: Array, are_there: Array
    ) -> _Frame:
        """Return a frame with columns of another one at its end.

        Args:
            frame: A frame of this kind, which does not change.
            other: Another one.
            names: Column of it -> new name.
            rows: For each row of `frame`, the row of `other` that it gets.
            are_there: Whether it gets one at all; otherwise its values are missing.
        """


class Pandas(Kind):
    """pandas."""

    def is_one(self, rows: object) -> bool:
        """Whether rows are a DataFrame."""
        pandas = loaded("pandas")
        return pandas is not None and isinstance(rows, pandas.DataFrame)

    def of(self, rows: Any) -> _Frame:
        """Make a DataFrame; what Arrow says is nullable stays so."""
        pandas = extras.pandas()
        if isinstance(rows, Documents):
            columns = {name: nullable_of(pandas, values) for name, values in rows.columns().items()}
            return pandas.DataFrame(columns, index=pandas.RangeIndex(len(rows)))
        if isinstance(rows, Tabular):
            return rows.to_pandas()
        if self.is_one(rows):
            levels = self.levels(rows)
            return rows.reset_index(levels) if levels else rows
        table = Arrow().of(rows)
        return _signed(table).to_pandas(types_mapper=_mapper(pandas))

    def levels(self, frame: _Frame) -> list[Any]:
        """Return the names of levels of the index."""
        return [name for name in frame.index.names if name is not None and name not in frame.columns]

    def names(self, frame: _Frame) -> list[Any]:
        """Return the names of columns."""
        if frame.columns.nlevels > 1:
            message = "a DataFrame with several levels of columns cannot be joined"
            raise ConfigurationError(
                message, advice='Join them first: frame.columns = ["_".join(name) for name in frame.columns].'
            )
        return [*frame.columns]

    def column(self, frame: _Frame, name: str) -> Any:
        """Return a column, or a level of the index of this name."""
        column = frame[name] if name in frame.columns else frame.index.get_level_values(name)
        if hasattr(column.dtype, "numpy_dtype") and column.dtype.kind in "iu":  # nullable
            return np.ma.array(column.fillna(0).to_numpy(column.dtype.numpy_dtype), mask=column.isna())
        return column

    def cell(self, frame: _Frame, name: str, row: int) -> Any:
        """Return a value."""
        return frame[name].iloc[row]

    def extended(
        self, frame: _Frame, other: _Frame, names: Mapping[Any, str], rows: Array, are_there: Array
    ) -> _Frame:
        """Return a DataFrame with the index of `frame`."""
        pandas = sys.modules["pandas"]
        at = np.where(are_there, rows, -1)
        added = {
            new: _taken(pandas, _nullable(other[name]), at, are_there, frame.index)
            for name, new in names.items()
        }
        return pandas.concat([frame, pandas.DataFrame(added, index=frame.index)], axis=1)


class Arrow(Kind):
    """pyarrow."""

    def is_one(self, rows: object) -> bool:
        """Whether rows are a table or a batch."""
        arrow = loaded("pyarrow")
        return arrow is not None and isinstance(rows, arrow.Table | arrow.RecordBatch)

    def of(self, rows: Any) -> _Frame:
        """Make a table.

        Raises:
            ConfigurationError: A column holds what Arrow has no type for.
        """
        arrow = extras.pyarrow()
        if isinstance(rows, Documents):
            columns = rows.columns()
            values = [arrow_of(arrow, one) for one in columns.values()]
            return arrow.Table.from_arrays(values, names=[*map(str, columns)])
        if Pandas().is_one(rows):
            table = arrow.Table.from_pandas(Pandas().of(rows), preserve_index=False)
            return table.replace_schema_metadata()
        if isinstance(rows, arrow.RecordBatch):
            return arrow.Table.from_batches([rows])
        if Polars().is_one(rows):
            _refuse_objects(rows)
        return rows if self.is_one(rows) else rows.to_arrow()

    def names(self, frame: _Frame) -> list[Any]:
        """Return the names of columns."""
        return [*frame.schema.names]

    def column(self, frame: _Frame, name: str) -> Any:
        """Return a column: numbers as an array, anything else as a list."""
        types = sys.modules["pyarrow"].types
        column, kind = self.of(frame).column(name), frame.schema.field(name).type
        if types.is_integer(kind):
            return np.ma.array(column.fill_null(0).to_numpy(), mask=column.is_null().to_numpy())
        return column if types.is_floating(kind) else column.to_pylist()

    def cell(self, frame: _Frame, name: str, row: int) -> Any:
        """Return a value."""
        return frame.column(name)[row].as_py()

    def extended(
        self, frame: _Frame, other: _Frame, names: Mapping[Any, str], rows: Array, are_there: Array
    ) -> _Frame:
        """Return a table."""
        arrow = sys.modules["pyarrow"]
        frame = self.of(frame)  # batches cannot be extended
        at = arrow.array(rows, mask=~are_there)
        for name, new in names.items():
            column = other.column(name)
            if plainer := {"string_view": arrow.string(), "binary_view": arrow.binary()}.get(
                str(column.type)
            ):
                column = arrow.array(column.to_pylist(), plainer)  # Arrow cannot take values of views
            taken = column.take(at) if len(column) else arrow.nulls(len(rows), column.type)
            frame = frame.append_column(new, taken)
        return frame


class Polars(Kind):
    """polars."""

    def is_one(self, rows: object) -> bool:
        """Whether rows are a DataFrame of polars."""
        polars = loaded("polars")
        return polars is not None and isinstance(rows, polars.DataFrame)

    def of(self, rows: Any) -> _Frame:
        """Make a DataFrame of polars. Raises as `Arrow.of`."""
        return rows if self.is_one(rows) else extras.polars().from_arrow(Arrow().of(rows))

    def names(self, frame: _Frame) -> list[Any]:
        """Return the names of columns."""
        return [*frame.columns]

    def column(self, frame: _Frame, name: str) -> Any:
        """Return a column: numbers as an array, anything else as a list."""
        column = frame.get_column(name)
        if column.dtype.is_integer() and "128" not in str(column.dtype):  # which NumPy does not have
            return np.ma.array(column.fill_null(0).to_numpy(), mask=column.is_null().to_numpy())
        return column if column.dtype.is_float() else column.to_list()

    def cell(self, frame: _Frame, name: str, row: int) -> Any:
        """Return a value."""
        return frame.get_column(name)[row]

    def extended(
        self, frame: _Frame, other: _Frame, names: Mapping[Any, str], rows: Array, are_there: Array
    ) -> _Frame:
        """Return a DataFrame of polars."""
        polars = sys.modules["polars"]
        at = polars.Series(np.where(are_there, rows, 0), dtype=polars.Int64).set(
            polars.Series(~are_there), None
        )
        added = []
        for name, new in names.items():
            column = other.get_column(name)
            taken = column.gather(at) if len(column) else column.extend_constant(None, len(rows))
            added.append(taken.alias(new))
        return frame.with_columns(added)


@contextmanager
def converting(rows: str) -> Iterator[None]:
    """Raise what a library says of values that it cannot take as an error of ours.

    Args:
        rows: What is converted, for the error.

    Raises:
        ConfigurationError: It cannot take them.
    """
    try:
        yield
    except DialsError:
        raise
    except _refusals() as error:
        message = f"the rows {rows} cannot be converted: {shortened(str(error.args[-1]), 200)}"
        advice = "Give each column values of one type, leave the column out, or make the frame yourself."
        raise ConfigurationError(message, advice=advice) from error


def _refusals() -> tuple[type[Exception], ...]:
    """Return the errors by which libraries refuse values: of pandas those of Python."""
    arrow, polars = loaded("pyarrow"), loaded("polars")
    return (
        *(TypeError, ValueError, OverflowError, NotImplementedError),
        *([] if arrow is None else [arrow.ArrowException]),
        *([] if polars is None else [polars.exceptions.PolarsError]),
    )


def _refuse_objects(frame: Any) -> None:
    """Refuse a DataFrame of polars with objects of Python, of which polars would hand over the addresses only."""
    found = [name for name, dtype in frame.schema.items() if str(dtype) == "Object"]
    if found:
        message = (
            f"the column {found[0]!r} of polars holds objects of Python, which no other library can take"
        )
        raise ConfigurationError(message, advice=f"Leave it out: frame.drop({found[0]!r}).")


def kind_of(rows: object) -> Kind | None:
    """Return the library that rows are of; None if they are no frame."""
    return next((kind for kind in (Pandas(), Arrow(), Polars()) if kind.is_one(rows)), None)


def _signed(table: Any) -> Any:
    """Return categories with signed indices: those of polars are unsigned, which older releases of pyarrow cannot convert."""
    types = sys.modules["pyarrow"].types
    for at, field in enumerate(table.schema):
        if types.is_dictionary(field.type) and types.is_unsigned_integer(field.type.index_type):
            again = table.column(at).cast(field.type.value_type).dictionary_encode()
            table = table.set_column(at, field.name, again)
    return table


def _mapper(pandas: Any) -> Any:
    """Return which nullable types of pandas stand for types of Arrow."""
    arrow = sys.modules["pyarrow"]
    widths = (8, 16, 32, 64)
    known = {getattr(arrow, f"int{width}")(): getattr(pandas, f"Int{width}Dtype")() for width in widths}
    known |= {getattr(arrow, f"uint{width}")(): getattr(pandas, f"UInt{width}Dtype")() for width in widths}
    return (known | {arrow.bool_(): pandas.BooleanDtype()}).get


def _nullable(column: Any) -> Any:
    dtype = column.dtype
    kind = getattr(dtype, "kind", "O") if isinstance(dtype, np.dtype) else "O"
    if kind == "b":
        return column.astype("boolean")
    if kind in "iu":
        return column.astype(f"{'U' if kind == 'u' else ''}Int{8 * dtype.itemsize}")
    return column


def _taken(pandas: Any, column: Any, at: Array, are_there: Array, index: Any) -> Any:
    if column.dtype != object:
        values = pandas.api.extensions.take(column.array, at, allow_fill=True)
        return pandas.Series(values, index=index)
    values = np.full(len(at), None, object)
    values[are_there] = column.to_numpy()[at[are_there]]
    return pandas.Series(values, index=index, dtype=object)
