"""What frames, tables and arrays have in common: which columns there are, and their values as arrays.

Columns are the fields that the service sent, in the order of the contract, whatever page or generation they
came with; without rows they are there too, with the same types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np
from cmsdials_api.records import Field

from cmsdials.errors import BinningError
from cmsdials.table.columns import EXACT, Array, Columns, Values, own, plain
from cmsdials.table.objects import ABSENT
from cmsdials.table.rows import RowStore

__all__ = ["bins_of", "columns_of", "objects", "refuse_changed", "scalars"]


def columns_of(store: RowStore[Any], blocks: Sequence[Columns[Any]]) -> Iterator[tuple[Field, list[Values]]]:
    """Yield each field that there is, with its values in each block that has rows."""
    filled = [block for block in blocks if len(block)]
    sent = set(chain.from_iterable(block.values for block in filled))
    if not filled:
        sent = {field.name for field in store.record.FIELDS} if store.fields is None else {*store.fields}
    for field in store.record.FIELDS:
        if field.name in sent:
            yield field, [block.values.get(field.name, [ABSENT] * len(block)) for block in filled]


def scalars(field: Field, values: Sequence[Values]) -> Array:
    """Return the values of a field that is not the contents of histograms, of all blocks.

    Returns:
        int64; float64 for numbers of the contract, or where an integer is missing; datetime64[us] in UTC; bool if
        none is missing; else, and where integers are too large for these, objects, with None where one is missing.
    """
    dtype = {"integer": np.dtype(np.int64), "number": np.dtype(np.float64)}.get(field.kind)
    arrays = [part for part in values if isinstance(part, np.ndarray)]
    if dtype is not None and len(arrays) == len(values):
        return np.concatenate([*arrays, np.empty(0, dtype)])
    flat = [*chain.from_iterable(map(plain, values))]
    if field.kind == "integer":
        largest = max((abs(value) for value in flat if type(value) is int), default=0)
        # NumPy would make floats of integers from 2**63 on if others are negative.
        if None not in flat:
            made = np.array(flat)
            return objects(flat) if largest >= 2**63 and made.dtype.kind == "f" else made
        if largest > EXACT:
            return objects(flat)
    if dtype is not None:
        return np.array([np.nan if value is None else value for value in flat], np.float64)
    if field.kind == "datetime" and {*map(type, flat)} <= {datetime, type(None)}:
        naive = [
            value and (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None)
            for value in flat
        ]
        return np.array(naive, "datetime64[us]")
    if field.kind == "boolean" and None not in flat:
        return np.array(flat, bool)
    return objects(flat if {*map(type, flat)} <= {str, type(None)} else [*map(own, flat)])


def objects(values: Sequence[Any]) -> Array:
    """Return a 1D array of objects, even of lists, which NumPy would turn into more dimensions."""
    return np.fromiter(values, dtype=object, count=len(values))


def bins_of(shape: Sequence[int]) -> str:
    """Return the shape of contents in words, x first."""
    return f"{' x '.join(map(str, reversed(shape)))} bins"


def refuse_changed(field: Field, values: Sequence[Values]) -> None:
    """Refuse contents of histograms that are not arrays of numbers, which only a changed row has.

    Raises:
        BinningError: There are some.
    """
    for cell in chain.from_iterable(part[:1] if isinstance(part, np.ndarray) else part for part in values):
        is_array = isinstance(cell, np.ndarray) and cell.dtype == np.float64 and cell.ndim == field.dimensions
        if not is_array and cell is not None and cell is not ABSENT:
            what = f"{field.dimensions}-dimensional list of numbers"
            message = f"the {field.name} of a row was changed to what is not a {what}"
            raise BinningError(message, advice="Put such a list there.")
