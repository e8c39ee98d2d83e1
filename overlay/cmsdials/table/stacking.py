"""From a column of histograms, of whatever library, to one array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from numbers import Real
from typing import Any, NoReturn

import numpy as np
from cmsdials_api.records import AXES, Record

from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.filters import is_missing
from cmsdials.redaction import shortened
from cmsdials.runtime.background import loaded
from cmsdials.table.columns import Array
from cmsdials.table.fields import bins_of
from cmsdials.table.tabular import Tabular

__all__ = ["stacked"]

_NUMBERS = "biuf"  # kinds of dtypes
_DEEPEST = len(AXES)
_TEXT = (str, bytes)
_NOT_LISTS = (*_TEXT, Mapping, AbstractSet, Record)


def stacked(column: Any) -> Array:
    """Make one array. See `cmsdials.table.tabular.stack`."""
    _refuse_what_is_no_column(column)
    arrow = _as_arrow(column)
    made = None if arrow is None else _of_arrow(arrow)
    if made is not None:
        return made
    is_block = (
        isinstance(column, np.ndarray) and column.dtype.kind in _NUMBERS and not np.ma.is_masked(column)
    )
    if is_block and 1 < column.ndim <= 1 + _DEEPEST:
        return np.array(column, np.float64)
    if arrow is not None:
        cells = arrow.to_pylist()
    else:
        cells = [*(column.to_list() if hasattr(column, "to_list") else column)]
    return _of_cells(cells, column)


def _refuse_what_is_no_column(column: Any) -> None:
    advice = 'Pass the column that holds the contents, such as frame["data"], or a list of arrays.'
    if isinstance(column, Tabular):
        advice = 'Write .to_numpy()["data"], which is that array.'
    elif hasattr(type(column), "columns"):
        advice = 'Pass the column that holds the contents, such as frame["data"].'
    elif (
        isinstance(column, Iterable)
        and not isinstance(column, _NOT_LISTS)
        and getattr(column, "ndim", None) != 0
    ):
        return
    message = f"a column of histograms is needed, not {type(column).__name__}"
    raise ConfigurationError(message, advice=advice)


# --- Arrow, and what is kept in its memory: without a Python object for each number


def _as_arrow(column: Any) -> Any:
    """Return a column of Arrow, or of polars or pandas that can become one; None for any other."""
    arrow = loaded("pyarrow")
    if arrow is not None and isinstance(column, arrow.Array | arrow.ChunkedArray):
        return column
    kept_in: Any = getattr(column, "array", None)  # what pandas keeps a column in
    try:
        if hasattr(kept_in, "__arrow_array__"):
            return kept_in.__arrow_array__()
        if hasattr(column, "to_arrow") and str(column.dtype) != "Object":
            return column.to_arrow()
    except ImportError:  # of pyarrow, which polars and most columns of pandas do without
        pass
    return None


def _of_arrow(column: Any) -> Array | None:
    """Return the numbers of lists that are all of one length; None if there is anything else."""
    chunks = [_of_chunk(chunk) for chunk in getattr(column, "chunks", [column]) if len(chunk)]
    regular = [chunk for chunk in chunks if chunk is not None]
    if not regular or len(regular) < len(chunks) or len({chunk.shape[1:] for chunk in regular}) > 1:
        return None
    return np.concatenate(regular, dtype=np.float64)


def _of_chunk(values: Any) -> Array | None:
    shape = [len(values)]
    while hasattr(values, "value_lengths") and not values.null_count:
        lengths = values.value_lengths().unique().to_pylist()
        if len(lengths) != 1:
            return None
        shape += lengths
        values = values.flatten()
    if values.null_count or not 1 < len(shape) <= 1 + _DEEPEST:
        return None
    numbers = values.to_numpy(zero_copy_only=False)
    return numbers.reshape(shape) if numbers.dtype.kind in _NUMBERS else None


# --- anything else, cell by cell


def _of_cells(cells: list[Any], column: Any) -> Array:
    if not cells:
        message = "there are no histograms to stack, so the number of their bins is not known"
        raise BinningError(message, advice="Ask for len(column) first.")
    made = np.empty(0)
    for at, cell in enumerate(cells):
        numbers = _numbers_of(cell, at, column)
        if at == 0:
            made = np.empty((len(cells), *numbers.shape))
        elif numbers.shape != made.shape[1:]:
            message = (
                f"{_row(at, column)} has {bins_of(numbers.shape)}, and row 0 has {bins_of(made.shape[1:])}"
            )
            advice = (
                "Stack the histograms of one binning at a time, such as "
                'cmsdials.stack(frame.loc[frame["me_id"] == 1, "data"]).'
            )
            raise BinningError(message, advice=advice)
        made[at] = numbers
    return made


def _numbers_of(cell: Any, at: int, column: Any) -> Array:
    """Return the contents of one histogram.

    Raises:
        BinningError: They are missing, or its rows are not of one length.
        ConfigurationError: They are something other than numbers in one to three dimensions.
    """
    if hasattr(cell, "as_py"):  # a scalar of Arrow
        cell = cell.as_py()
    elif hasattr(cell, "to_list"):  # a column of polars or pandas
        cell = cell.to_list()
    if is_missing(cell):
        _refuse_missing(f"{_row(at, column)} has no contents", 'such as frame.dropna(subset=["data"])')
    if not isinstance(cell, Iterable) or isinstance(cell, _NOT_LISTS):
        _refuse_other(cell, at, column)
    if np.ma.is_masked(cell):
        _refuse_missing(f"{_row(at, column)} lacks the contents of a bin", "or fill it")
    try:
        array = np.asarray(cell if hasattr(cell, "__array__") else [*cell])
        for _ in range(_DEEPEST - 1):
            if array.dtype == object:  # what Parquet files are read as: arrays of arrays
                array = np.asarray(array.tolist())
    except ValueError:
        message = f"the rows of bins in {_row(at, column)} are not of one length"
        raise BinningError(message, advice="Leave it out, or list it again.") from None
    if array.dtype == object:
        within = array.reshape(-1).tolist()
        if any(map(is_missing, (one for one in within if not isinstance(one, float)))):
            _refuse_missing(f"{_row(at, column)} lacks the contents of a bin", "or fill it")
        if all(isinstance(one, Real | Decimal) for one in within):
            array = array.astype(np.float64)
    if array.dtype.kind not in _NUMBERS or not 1 <= array.ndim <= _DEEPEST:
        _refuse_other(cell, at, column)
    return array


def _refuse_missing(message: str, how: str) -> NoReturn:
    raise BinningError(message, advice=f"Leave it out first, {how}.")


def _refuse_other(cell: Any, at: int, column: Any) -> NoReturn:
    message = f"{_row(at, column)} is not an array or list of numbers in one to three dimensions: {shortened(repr(cell), 60)}"
    if isinstance(cell, _TEXT):
        advice = "If it is JSON, read it first, such as column.map(json.loads)."
    elif isinstance(cell, Record):
        advice = "Pass [row.data for row in rows]."
    else:
        advice = 'Pass the column that holds the contents, such as frame["data"].'
    raise ConfigurationError(message, advice=advice)


def _row(at: int, column: Any) -> str:
    """Name a row: by its position and, in pandas, by its label if that is another."""
    label = column.index[at] if hasattr(column, "iloc") else at
    return f"row {at}" if label == at else f"row {at} (index {label})"
