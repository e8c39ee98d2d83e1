"""From columns to Arrow tables."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from cmsdials_api.records import Field

from cmsdials.runtime import extras
from cmsdials.table.columns import Values, as_json
from cmsdials.table.decode import read_json
from cmsdials.table.fields import columns_of, refuse_changed, scalars
from cmsdials.table.objects import ABSENT
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["free", "to_arrow"]


def to_arrow(store: RowStore[Any]) -> pa.Table:
    """Make a table. See `cmsdials.table.tabular.Tabular.to_arrow`."""
    arrow = extras.pyarrow()
    columns = columns_of(store, store.blocks())
    table: pa.Table = arrow.table({field.name: _array(arrow, field, values) for field, values in columns})
    return table


def _array(pa: Any, field: Field, values: list[Values]) -> Any:
    if field.dimensions:
        refuse_changed(field, values)
        kind = pa.float64()
        for _ in range(field.dimensions):
            kind = pa.list_(kind)
        return pa.chunked_array([_lists(pa, part, field.dimensions) for part in values], kind)
    made = scalars(field, values)
    if field.kind in ("integer", "number") and made.dtype != object:
        return pa.array(made, from_pandas=True)
    if field.kind == "integer":  # of more than 64 bits
        with suppress(ArithmeticError, TypeError, ValueError):  # a row was changed, or more than 76 digits
            return pa.array([None if value is None else Decimal(value) for value in made.tolist()])
    kinds = {"string": pa.string(), "boolean": pa.bool_(), "datetime": pa.timestamp("us", "UTC")}
    if field.kind in kinds:
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError):  # a row was changed
            return pa.array(made, kinds[field.kind])
    return free(pa, made.tolist())


def _lists(pa: Any, part: Values, dimensions: int) -> Any:
    """Return the contents of histograms as lists (of lists) that share their memory, if they are one block."""
    missing = np.zeros(len(part), bool)
    if isinstance(part, np.ndarray):
        shapes = np.broadcast_to(part.shape[1:], (len(part), dimensions))
        numbers = np.ascontiguousarray(part).reshape(-1)
    else:
        missing = np.array([cell is None or cell is ABSENT for cell in part])
        cells = [np.empty((0,) * dimensions) if no else cell for cell, no in zip(part, missing, strict=True)]
        shapes = np.array([cell.shape for cell in cells])
        numbers = np.concatenate([cell.reshape(-1) for cell in cells])
    lists = pa.array(numbers)
    for axis in reversed(range(dimensions)):
        lengths = np.repeat(shapes[:, axis], shapes[:, :axis].prod(axis=1))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        mask = pa.array(missing) if axis == 0 and missing.any() else None
        lists = pa.ListArray.from_arrays(offsets, lists, mask=mask)
    return lists


def free(pa: Any, values: list[Any]) -> Any:
    """Return values that the contract does not describe: as Arrow takes them, or as JSON text where it does not."""
    plain = read_json(as_json(values))
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else as_json(value).decode() for value in plain])
