"""From columns to NumPy arrays, of all rows or of groups of them.

Histograms share one array only if they have the same binning; the error for others says which there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, groupby
from typing import Any

import numpy as np
from cmsdials_api.records import Field

from cmsdials.errors import BinningError, FilterError
from cmsdials.table.columns import Array, Columns, Values, as_json, plain
from cmsdials.table.fields import bins_of, columns_of, refuse_changed, scalars
from cmsdials.table.rows import RowStore

__all__ = ["grouped", "to_numpy"]

_FEW = 5
_CHARACTER = np.dtype("U1").itemsize
_ROOM = 2**26  # bytes


def to_numpy(store: RowStore[Any]) -> dict[str, Array]:
    """Make an array for each field. See `cmsdials.table.tabular.Tabular.to_numpy`."""
    blocks = store.blocks()
    columns = [*columns_of(store, blocks)]
    for field, values in columns:
        if field.dimensions:
            refuse_changed(field, values)
            if any(cell is None for part in values if isinstance(part, list) for cell in plain(part)):
                message = f"{field.name} of some rows is missing, so they do not fit into one array"
                raise BinningError(message, advice="Leave these rows out, or use to_pandas().")
            _refuse_different_binnings(field, [block for block in blocks if len(block)])
    return {field.name: _array(field, values) for field, values in columns}


def grouped(store: RowStore[Any], names: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Array]]:
    """Make arrays for each group of rows with the same values of some fields."""
    parts: dict[Any, RowStore[Any]] = {}
    for block in store.blocks():
        keys = zip(*(_keys(block, name) for name in names), strict=True)
        start = 0
        for key, equal in groupby(keys):
            stop = start + sum(1 for _ in equal)
            try:
                part = parts.setdefault(key, RowStore(store.record, fields=store.fields))
            except TypeError:
                message = f"rows cannot be grouped by {key!r}, to which a row was changed"
                raise FilterError(message, advice="Put text or a number there.") from None
            part.add(block.between(start, stop))
            start = stop
    return {key: to_numpy(part) for key, part in parts.items()}


def _keys(block: Columns[Any], name: str) -> list[Any]:
    return plain(block.values[name]) if name in block.values else [None] * len(block)


def _array(field: Field, values: list[Values]) -> Array:
    if not field.dimensions:
        made = scalars(field, values)
        return _loadable(field, made) if made.dtype == object else made
    if not values:
        return np.empty((0,) * (1 + field.dimensions))
    return np.concatenate([np.asarray(part) for part in values])


def _loadable(field: Field, values: Array) -> Array:
    """Return objects as an array that `np.load` reads without pickle, if that loses nothing; else as they are."""
    kinds = {*map(type, values)}
    if field.kind == "string" and kinds <= {str, type(None)}:
        return _texts(values)
    if field.kind == "boolean" and kinds <= {bool, type(None)}:
        return values.astype(np.float64)  # None becomes NaN
    if field.kind in ("array", "object", "any"):
        with suppress(TypeError):  # a row was changed
            return np.array([as_json(value).decode() for value in values], np.str_)
    return values


def _texts(values: Array) -> Array:
    given = values.tolist()
    texts = [text or "" for text in given]
    is_ambiguous = None in given and "" in given
    lengths = [*map(len, texts)]
    room = _CHARACTER * len(texts) * max(lengths, default=0)
    is_large = room > max(_ROOM, 4 * _CHARACTER * sum(lengths))  # a few long ones would make all as long
    if is_ambiguous or is_large or any(text.endswith("\0") for text in texts):  # NumPy cuts those off
        return values
    return np.array(texts, np.str_)


def _refuse_different_binnings(field: Field, blocks: Sequence[Columns[Any]]) -> None:
    by = next((name for name in ("me", "me_id") if all(name in block.values for block in blocks)), None)
    names_of_axes = [f"{axis}_{end}" for axis in field.axes for end in ("min", "max", "bin")]
    found: dict[tuple[Any, ...], dict[Any, None]] = {}  # binning, the shape first -> which have it
    for block in blocks:
        shapes = map(np.shape, block.values[field.name])
        axes = [_keys(block, name) for name in names_of_axes if name in block.values]
        for name, *binning in zip(_keys(block, by or ""), shapes, *axes, strict=True):
            found.setdefault(tuple(binning), {})[name] = None
    if len(found) < 2:
        return
    have_lengths = all(name in block.values for block in blocks for name in field.lengths)
    if have_lengths and len({binning[1:] for binning in found}) < len(found):
        message = f"the {field.name} of a row was changed, and is not as long as its binning says"
        raise BinningError(message, advice="Put as many numbers there, or use to_pandas().")
    if by is None:
        advice = 'List with fields= that include me_id, and pass group_by="me_id"; or choose one with me_id=.'
    elif sum(map(len, found.values())) > len(set(chain.from_iterable(found.values()))):
        listed_axes = ", ".join(map(repr, names_of_axes))
        advice = f'One of them has several binnings: pass group_by=("{by}", {listed_axes}).'
    else:
        advice = f'Pass group_by="{by}" for an array of each, or choose one with me_id=.'
    listed = [bins_of(shape) + (f": {_few([*names])}" if by else "") for (shape, *_), names in found.items()]
    message = f"the histograms have {len(found)} different binnings ({_few(listed, '; ')})"
    raise BinningError(message, advice=advice)


def _few(items: Sequence[Any], joint: str = ", ") -> str:
    more = f"{joint}and {len(items) - _FEW} more" if len(items) > _FEW else ""
    return joint.join(map(str, items[:_FEW])) + more
