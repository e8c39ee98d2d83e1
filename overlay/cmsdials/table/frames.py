"""From columns to data frames, tables and arrays.

Columns are the fields that the service sent, in the order of the contract, whatever the page or generation they
came with; a frame of nothing has the columns too, with the same types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson
from cmsdials_api.records import Field, Record

from cmsdials.errors import BinningError, FilterError
from cmsdials.runtime import extras
from cmsdials.table.columns import ABSENT, LENGTHS, Columns, Values, as_json
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["grouped", "to_arrow", "to_html", "to_numpy", "to_pandas", "to_polars"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_AXES = ("x_min", "x_max", "x_bin", "y_min", "y_max", "y_bin")
_FEW = 5
_SHOWN = 10  # rows, in a notebook


def to_pandas(store: RowStore[Any]) -> pd.DataFrame:
    """Make a DataFrame with a RangeIndex. See `cmsdials.table.tabular.Tabular.to_pandas`."""
    pandas = extras.pandas()
    blocks = store.blocks()
    frame: pd.DataFrame = pandas.DataFrame(
        {field.name: _series(pandas, field, values) for field, values in _columns(store, blocks)},
        index=pandas.RangeIndex(sum(map(len, blocks))),
        copy=False,  # what is made here is of this frame alone, but for the contents of histograms
    )
    return frame


def to_html(store: RowStore[Any]) -> str:
    """Make a table of the first rows, with the numbers of bins for the contents of histograms.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    first = store.copy()
    first.cut(_SHOWN)
    frame = to_pandas(first)
    for field in store.record.FIELDS:
        if field.dimensions and field.name in frame:
            frame[field.name] = [_bins(cell) for cell in frame[field.name]]
    table: str = frame.to_html(border=0)
    return table


def _bins(cell: Any) -> str:
    try:
        return f"{' x '.join(map(str, np.shape(cell)[::-1]))} bins"
    except ValueError:  # somebody has made its rows uneven
        return "no bins"


def to_arrow(store: RowStore[Any]) -> pa.Table:
    """Make a table. See `cmsdials.table.tabular.Tabular.to_arrow`."""
    arrow = extras.pyarrow()
    columns = dict(_columns(store, store.blocks()))
    table: pa.Table = arrow.table(
        {field.name: _arrow(arrow, field, values) for field, values in columns.items()}
    )
    return table


def to_polars(store: RowStore[Any]) -> pl.DataFrame:
    """Make a polars DataFrame. See `cmsdials.table.tabular.Tabular.to_polars`."""
    polars = extras.polars()
    frame: pl.DataFrame = polars.from_arrow(to_arrow(store))
    return frame


def to_numpy(store: RowStore[Any]) -> dict[str, Array]:
    """Make an array for each field. See `cmsdials.table.tabular.Tabular.to_numpy`."""
    blocks = store.blocks()
    for field, values in _columns(store, blocks):
        if field.dimensions:
            _refuse_no_numbers(chain.from_iterable(_samples(values)), field.dimensions)
            _refuse_missing(field, values)
    _refuse_different_binnings(store.record, blocks)
    return {field.name: _array(field, values) for field, values in _columns(store, blocks)}


def grouped(store: RowStore[Any], names: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Array]]:
    """Make arrays for each group of rows with the same values of some fields."""
    parts: dict[Any, RowStore[Any]] = {}
    for block in store.blocks():
        keys = [_keys(block, name) for name in names]
        for start, stop, key in _stretches([*zip(*keys, strict=True)]):
            try:
                part = parts.setdefault(key, RowStore(store.record, fields=store.fields))
            except TypeError:
                message = f"somebody has changed a row: it cannot be grouped by {key!r}"
                raise FilterError(message, advice="Put text or a number there.") from None
            part.add(block.between(start, stop))
    return {key: to_numpy(part) for key, part in parts.items()}


def _keys(block: Columns[Any], name: str) -> list[Any]:
    values = block.values.get(name, [None] * len(block))
    if isinstance(values, np.ndarray):
        return [*values.tolist()]
    return [None if value is ABSENT else value for value in values]


def _stretches(keys: Sequence[Any]) -> Iterator[tuple[int, int, Any]]:
    """Yield (start, stop, key) for each stretch of equal keys."""
    start = 0
    for at in range(1, len(keys) + 1):
        if at == len(keys) or keys[at] != keys[start]:
            yield start, at, keys[start]
            start = at


def _columns(store: RowStore[Any], blocks: Sequence[Columns[Any]]) -> Iterator[tuple[Field, list[Values]]]:
    """Yield each field that there is, with its values in each block."""
    filled = [block for block in blocks if len(block)]
    if filled:
        sent = set(chain.from_iterable(block.values for block in filled))
    else:
        sent = {field.name for field in store.record.FIELDS} if store.fields is None else set(store.fields)
    for field in store.record.FIELDS:
        if field.name in sent:
            yield field, [block.values.get(field.name, [ABSENT] * len(block)) for block in filled]


def _flat(values: Sequence[Values]) -> list[Any]:
    """Return the values of all blocks as Python objects, None where there are none."""
    plain = (part.tolist() if isinstance(part, np.ndarray) else part for part in values)
    return [None if value is ABSENT else value for value in chain.from_iterable(plain)]


def _numeric(field: Field, values: Sequence[Values]) -> Array:
    """Return numbers as int64 or, where one is missing and for numbers of the contract, float64."""
    dtype = np.dtype("int64" if field.kind == "integer" else "float64")
    arrays = [part for part in values if isinstance(part, np.ndarray)]
    if len(arrays) == len(values):
        return np.concatenate([*arrays, np.empty(0, dtype)])
    flat = _flat(values)
    if dtype == np.int64 and not any(value is None for value in flat):
        return np.array(flat)  # beyond 64 bits: whatever NumPy makes of it
    return np.array([np.nan if value is None else value for value in flat], np.float64)


# --- pandas -------------------------------------------------------------------------------------------------


def _series(pandas: Any, field: Field, values: list[Values]) -> Any:
    if field.dimensions:
        return pandas.Series(_objects(list(_cells(values))), dtype=object)
    if field.kind in ("integer", "number"):
        return pandas.Series(_numeric(field, values))
    flat = _flat(values)
    if field.kind in ("array", "object", "any"):
        return pandas.Series(_objects(flat), dtype=object)
    if field.kind == "string":
        # pandas 2 holds text as object, pandas 3 as str: whatever it makes of text, also where there is none.
        return pandas.Series(flat, dtype=pandas.Series(["text"]).dtype)
    if field.kind == "datetime":
        return pandas.Series(_times(flat)).dt.tz_localize("UTC")
    return pandas.Series(flat, dtype=object if None in flat else bool)


def _cells(values: Sequence[Values]) -> Iterator[Any]:
    """Yield the contents of each histogram: an array, or in 2D a list of arrays, which Parquet can hold.

    They cannot be written to: tables that share their memory would change too.
    """
    for part in values:
        if isinstance(part, np.ndarray) and part.ndim == 2:
            yield from _read_only(part)
            continue
        for cell in _read_only(part) if isinstance(part, np.ndarray) else part:
            if cell is ABSENT:
                yield None
            elif isinstance(cell, np.ndarray):
                yield list(_read_only(cell)) if cell.ndim > 1 else _read_only(cell)
            else:
                yield cell


def _read_only(numbers: Array) -> Array:
    view = numbers.view()
    view.flags.writeable = False
    return view


def _objects(cells: Sequence[Any]) -> Array:
    """Return an array of objects, which NumPy would else make one array of if they are all of one length."""
    return np.fromiter(cells, dtype=object, count=len(cells))


# --- Arrow --------------------------------------------------------------------------------------------------


def _arrow(pa: Any, field: Field, values: list[Values]) -> Any:
    if field.dimensions:
        kind = pa.float64()
        for _ in range(field.dimensions):
            kind = pa.list_(kind)
        return pa.chunked_array([_arrow_lists(pa, part, field.dimensions) for part in values], kind)
    if field.kind in ("integer", "number"):
        numbers = _numeric(field, values)
        beyond = numbers.dtype == object  # integers of more than 64 bits
        return pa.array(numbers.astype(np.float64) if beyond else numbers, from_pandas=True)
    flat = _flat(values)
    if field.kind in ("array", "object", "any"):
        return _arrow_free(pa, flat)
    kinds = {"string": pa.string(), "boolean": pa.bool_(), "datetime": pa.timestamp("us", "UTC")}
    try:
        return pa.array(flat, kinds[field.kind])
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # somebody has changed a row
        return _arrow_free(pa, flat)


def _arrow_lists(pa: Any, part: Values, dimensions: int) -> Any:
    """Return the contents of histograms as lists (of lists) that share their memory, if they are one block."""
    if isinstance(part, np.ndarray):
        _refuse_no_numbers(part[:1], dimensions)
        nested = pa.array(np.ascontiguousarray(part).reshape(-1))
        for axis in range(dimensions, 0, -1):
            count = int(np.prod(part.shape[:axis]))
            nested = pa.ListArray.from_arrays(_offsets(np.full(count, part.shape[axis])), nested)
        return nested
    cells = [None if cell is None or cell is ABSENT else cell for cell in part]
    _refuse_no_numbers(cells, dimensions)
    missing = np.array([cell is None for cell in cells])
    shapes = [(0,) * dimensions if cell is None else cell.shape for cell in cells]
    nested = pa.array(
        np.concatenate([np.empty(0), *(cell.reshape(-1) for cell in cells if cell is not None)])
    )
    for axis in range(dimensions - 1, 0, -1):
        lengths = np.concatenate([np.full(shape[axis - 1], shape[axis]) for shape in shapes])
        nested = pa.ListArray.from_arrays(_offsets(lengths), nested)
    mask = pa.array(missing) if missing.any() else None
    return pa.ListArray.from_arrays(_offsets(np.array([shape[0] for shape in shapes])), nested, mask=mask)


def _samples(values: Sequence[Values]) -> Iterator[Values]:
    """Yield the contents of histograms, of a block only the first one, which is as the others are."""
    for part in values:
        yield part[:1] if isinstance(part, np.ndarray) else part


def _refuse_no_numbers(cells: Iterable[Any], dimensions: int) -> None:
    for cell in cells:
        if cell is None or cell is ABSENT:
            continue
        if not isinstance(cell, np.ndarray) or cell.ndim != dimensions:
            message = "somebody has changed the data of a row, or joined it with rows of another kind"
            raise BinningError(message, advice=f"Put {dimensions}-dimensional lists of numbers there.")


def _offsets(lengths: Array) -> Array:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _arrow_free(pa: Any, values: list[Any]) -> Any:
    """Return values that the contract does not describe: as Arrow takes them, or as JSON text where it does not."""
    plain = orjson.loads(as_json(values))
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else orjson.dumps(value).decode() for value in plain])


# --- NumPy --------------------------------------------------------------------------------------------------


def _array(field: Field, values: list[Values]) -> Array:
    if field.dimensions:
        return _contents(field, values)
    if field.kind in ("integer", "number"):
        return _numeric(field, values)
    flat = _flat(values)
    if field.kind == "datetime":
        return _times(flat)
    if field.kind == "boolean" and None not in flat:
        return np.array(flat, bool)
    return _objects(flat)


def _times(values: Sequence[datetime | None]) -> Array:
    naive = [
        value if value is None or value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        for value in values
    ]
    return np.array(naive, "datetime64[us]")


def _contents(field: Field, values: list[Values]) -> Array:
    cells = [part for part in values if len(part)]
    if not cells:
        return np.empty((0,) * (1 + field.dimensions))
    if all(isinstance(part, np.ndarray) for part in cells):
        return np.concatenate(cells)
    return np.stack([*chain.from_iterable(cells)])


def _refuse_missing(field: Field, values: Sequence[Values]) -> None:
    if any(cell is None or cell is ABSENT for part in _samples(values) for cell in part):
        message = f"{field.name} of some rows is missing, so they cannot stand in one array"
        raise BinningError(message, advice="Leave these rows out, or use to_pandas().")


def _refuse_different_binnings(record: type[Record], blocks: Sequence[Columns[Any]]) -> None:
    dimensions = max(field.dimensions for field in record.FIELDS)
    if not dimensions or not any("data" in block.values for block in blocks):
        return
    by = next((name for name in ("me", "me_id") if all(name in block.values for block in blocks)), None)
    found: dict[tuple[Any, ...], dict[Any, None]] = {}
    for block in blocks:
        names = _keys(block, by) if by else [None] * len(block)
        axes = [_keys(block, name) for name in _AXES if name in block.values]
        shapes = [np.shape(cell) for cell in block.values.get("data", [()] * len(block))]
        for name, *binning in zip(names, shapes, *axes, strict=True):
            found.setdefault(tuple(binning), {})[name] = None
    if len(found) < 2:
        return
    said = [
        _shape(binning[0], dimensions) + (f": {_few([*names])}" if by else "")
        for binning, names in found.items()
    ]
    if len({binning[1:] for binning in found}) < len(found) and all(
        name in block.values for block in blocks for name in LENGTHS[dimensions]
    ):
        message = "somebody has changed the data of a row, which is not as long as its binning says"
        raise BinningError(message, advice="Put as many numbers there, or use to_pandas().")
    advice = f'Pass group_by="{by}" for an array of each, or choose one with me_id=.'
    if by is None:
        advice = 'List with fields= that include me_id, and pass group_by="me_id"; or choose one with me_id=.'
    elif any(
        names.keys() & others.keys()
        for binning, names in found.items()
        for other, others in found.items()
        if binning != other
    ):
        advice = f'One of them has several binnings: pass group_by=("{by}", {", ".join(map(repr, _axes(dimensions)))}).'
    message = f"the histograms have {len(found)} different binnings ({_few(said, '; ')})"
    raise BinningError(message, advice=advice)


def _axes(dimensions: int) -> tuple[str, ...]:
    return _AXES[: 3 * len(LENGTHS[dimensions])]


def _shape(shape: tuple[int, ...], dimensions: int) -> str:
    return (
        " x ".join(str(length) for length in reversed(shape)) + " bins"
        if len(shape) == dimensions
        else "binning"
    )


def _few(said: Sequence[Any], joint: str = ", ") -> str:
    more = f"{joint}and {len(said) - _FEW} more" if len(said) > _FEW else ""
    return joint.join(map(str, said[:_FEW])) + more
