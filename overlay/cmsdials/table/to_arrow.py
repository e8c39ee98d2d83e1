"""From columns to Arrow tables."""

from __future__ import annotations

from contextlib import suppress
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from cmsdials_api.records import Field

from cmsdials.runtime import extras
from cmsdials.table.columns import Values, as_json
from cmsdials.table.fields import cells, columns_of, refuse_changed, scalars
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["to_arrow"]


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
        return pa.chunked_array([_lists(pa, part, kind) for part in values], kind)
    made = scalars(field, values)
    if field.kind in ("integer", "number"):
        beyond = made.dtype == object  # integers of more than 64 bits
        return pa.array(made.astype(np.float64) if beyond else made, from_pandas=True)
    kinds = {"string": pa.string(), "boolean": pa.bool_(), "datetime": pa.timestamp("us", "UTC")}
    if field.kind in kinds:
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError):  # a row was changed
            return pa.array(made, kinds[field.kind])
    return _free(pa, made.tolist())


def _lists(pa: Any, part: Values, kind: Any) -> Any:
    """Return the contents of histograms as lists (of lists) that share their memory, if they are one block."""
    if not isinstance(part, np.ndarray):
        return pa.array([*cells([part])], kind)
    lists = pa.array(part.reshape(-1))
    for axis in range(part.ndim - 1, 0, -1):
        offsets = np.arange(prod(part.shape[:axis]) + 1, dtype=np.int32) * part.shape[axis]
        lists = pa.ListArray.from_arrays(offsets, lists)
    return lists


def _free(pa: Any, values: list[Any]) -> Any:
    """Return values that the contract does not describe: as Arrow takes them, or as JSON text where it does not."""
    plain = orjson.loads(as_json(values))
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else orjson.dumps(value).decode() for value in plain])
