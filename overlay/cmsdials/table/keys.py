"""Keys of rows as numbers: columns of runs, lumisections and ids, of whatever library and type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

import numpy as np
from cmsdials_api.records import Record

from cmsdials.errors import ConfigurationError
from cmsdials.table.columns import EXACT, Array, plain
from cmsdials.table.lumi_mask import LARGEST, shown, whole
from cmsdials.table.tabular import Tabular

__all__ = ["integers_of", "numbers_of", "runs_of"]

_TEXT_AND_OBJECTS = "OUT"  # kinds of dtypes
_LARGEST = 2**63 - 1
_NOT_COLUMNS = (Tabular, Mapping, AbstractSet, Record, bytes)


def numbers_of(column: Any, what: str) -> tuple[Array, Array]:
    """Return numbers as uint64, and whether each is one that CMS can have; those that are missing or not are 0.

    Arguments and errors as in `integers_of`.
    """
    values, are_there = integers_of(column, what)
    can_be: Array = are_there & (values >= 0) & (values <= LARGEST)
    return np.where(can_be, values, 0).astype(np.uint64), can_be


def integers_of(column: Any, what: str) -> tuple[Array, Array]:
    """Return whole numbers as int64, and whether each is there; those that are missing, or that int64 cannot hold, are 0.

    Args:
        column: A list, an array, or a column of pandas, Arrow or polars, of whole numbers or text of their digits.
        what: What they number, for the error.

    Raises:
        ConfigurationError: They are not whole numbers.
    """
    if hasattr(column, "columns") or isinstance(column, _NOT_COLUMNS):
        message = f"a column of {what}s is needed, not {type(column).__name__}"
        raise ConfigurationError(
            message, advice="Write mask.select(rows) for rows, or give a list or a column."
        )
    hidden: Any = False
    if isinstance(column, np.ma.MaskedArray):
        hidden, column = np.ma.getmaskarray(column), column.filled(0)
    if hasattr(column, "as_py"):
        column = column.as_py()
    if isinstance(column, Iterator):
        column = [*column]
    if str(getattr(column, "dtype", "")) in ("Int128", "UInt128"):  # of polars, which NumPy does not have
        column = column.to_list()
    try:
        values = np.asarray(column)
    except ValueError:  # lists of several lengths
        raise _not_numbers(what) from None
    if values.dtype.kind == "U" and isinstance(column, list | tuple):
        values = np.array(column, object)  # NumPy makes text of None and NaN among text
    if values.dtype.kind in _TEXT_AND_OBJECTS:
        values, are_there = _read(values, what)
    elif values.dtype.kind == "f":
        values = values.astype(np.float64)
        missing = np.isnan(values)
        fractions = values[~missing & (~np.isfinite(values) | (values != np.floor(values)))]
        if fractions.size:
            whole(float(fractions[0]), what)  # raises
        are_there = ~missing & (np.abs(values) <= EXACT)
    elif values.dtype.kind in "iu":
        are_there = values <= _LARGEST
    else:
        raise _not_numbers(what, f", but of type {values.dtype}")
    are_there = are_there & ~np.asarray(hidden)
    return np.where(are_there, values, 0).astype(np.int64), are_there


def runs_of(rows: Tabular[Any]) -> list[int]:
    """Return the runs of a listing, in order.

    Raises:
        ConfigurationError: Its rows have no run_number.
    """
    runs: set[int] = set()
    for block in rows.store.held():
        column = block.column("run_number")
        if column is None and len(block):
            message = "these rows have no run_number"
            advice = "Give numbers, or rows listed with fields= that hold it."
            raise ConfigurationError(message, advice=advice)
        numbers, are_known = numbers_of([] if column is None else plain(column), "run")
        runs.update(numbers[are_known].tolist())
    return sorted(runs)


def _read(values: Array, what: str) -> tuple[Array, Array]:
    """Return the numbers that text and other objects stand for, and whether each is there, as `integers_of`."""
    listed = values.ravel().tolist()
    if Decimal in {*map(type, listed)}:  # as databases keep whole numbers, and Parquet files of theirs
        listed = [int(one) if _is_whole(one) else one for one in listed]
    if bool in {*map(type, listed)}:  # equal to 1 or 0
        raise _not_numbers(what, ", but hold True or False")
    try:
        numbers = {one: whole(one, what) for one in {*listed}}
    except TypeError:
        raise _not_numbers(what, f": {shown(listed[0])}") from None
    known = {one: number for one, number in numbers.items() if number is not None and abs(number) <= _LARGEST}
    found = np.array([known.get(one, 0) for one in listed], np.int64)
    are_there = np.array([one in known for one in listed], bool)
    return found.reshape(values.shape), are_there.reshape(values.shape)


def _is_whole(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()


def _not_numbers(what: str, more: str = "") -> ConfigurationError:
    message = f"the values of {what} are not whole numbers{more}"
    return ConfigurationError(message, advice="Give one whole number, or text of its digits, for each row.")
