"""Keys of rows as numbers: columns of runs, lumisections and ids, of whatever library and type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from cmsdials_api.records import Record

from cmsdials.errors import ConfigurationError
from cmsdials.table.columns import Array, plain
from cmsdials.table.lumi_mask import LARGEST, shown, whole
from cmsdials.table.tabular import Tabular

__all__ = ["numbers_of", "runs_of"]

_TEXT_AND_OBJECTS = "OUT"  # kinds of dtypes
_NOT_COLUMNS = (Tabular, Mapping, AbstractSet, Record, bytes)


def numbers_of(column: Any, what: str, largest: int = LARGEST) -> tuple[Array, Array]:
    """Return numbers as uint64, and whether each is there and not larger than `largest`; the others are 0.

    Args:
        column: A list, an array, or a column of pandas, Arrow or polars, of whole numbers or text of their digits.
        what: What they number, for the error.
        largest: The largest of them that there can be: those of runs and lumisections have 32 bits.

    Raises:
        ConfigurationError: They are not whole numbers.
    """
    if hasattr(column, "columns") or isinstance(column, _NOT_COLUMNS):
        message = f"a column of {what}s is needed, not {type(column).__name__}"
        raise ConfigurationError(
            message, advice="Write mask.select(rows) for rows, or give a list or a column."
        )
    if isinstance(column, np.ma.MaskedArray):
        column = np.array(column.tolist(), object)  # None where it is masked
    if hasattr(column, "as_py"):
        column = column.as_py()
    if isinstance(column, Iterator):
        column = [*column]
    try:
        values = np.asarray(column)
    except ValueError:  # lists of several lengths
        raise _not_numbers(what) from None
    if values.dtype.kind == "U" and isinstance(column, list | tuple):
        values = np.array(column, object)  # NumPy makes text of None and NaN among text
    if values.dtype.kind in _TEXT_AND_OBJECTS:
        values = _read(values, what, largest)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -1, values.astype(np.float64))  # which holds LARGEST exactly
        fractions = values[~np.isfinite(values) | (values != np.floor(values))]
        if fractions.size:
            whole(float(fractions[0]), what)  # raises
    if values.dtype.kind not in "iuf":
        raise _not_numbers(what, f", but of type {values.dtype}")
    can_be: Array = (values >= 0) & (values <= largest)
    return np.where(can_be, values, 0).astype(np.uint64), can_be


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


def _read(values: Array, what: str, largest: int) -> Array:
    """Return the numbers that text and other objects stand for; -1 for none, and for those that are too large."""
    listed = values.ravel().tolist()
    if bool in {*map(type, listed)}:  # equal to 1 or 0
        raise _not_numbers(what, ", but hold True or False")
    try:
        numbers = {one: whole(one, what) for one in {*listed}}
    except TypeError:
        raise _not_numbers(what, f": {shown(listed[0])}") from None
    known = {
        one: -1 if number is None or not 0 <= number <= largest else number for one, number in numbers.items()
    }
    return np.array([known[one] for one in listed], np.int64).reshape(values.shape)


def _not_numbers(what: str, more: str = "") -> ConfigurationError:
    message = f"the {what}s are not whole numbers{more}"
    return ConfigurationError(message, advice="Give one whole number, or text of its digits, for each row.")
