"""From columns to pandas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from cmsdials_api.records import Field

from cmsdials.runtime import extras
from cmsdials.table.cells import Cell, as_cell
from cmsdials.table.columns import Values, own
from cmsdials.table.fields import columns_of, objects, scalars
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_pandas"]


def to_pandas(store: RowStore[Any], *, as_lists: bool = False, copy: bool = True) -> pd.DataFrame:
    """Make a DataFrame with a RangeIndex. See `cmsdials.table.tabular.Tabular.to_pandas`.

    Without a copy the contents of histograms are handed over: the store is not to be used any more.
    """
    pandas = extras.pandas()
    blocks = store.blocks()
    frame: pd.DataFrame = pandas.DataFrame(
        {
            field.name: _series(pandas, field, values, as_lists, copy)
            for field, values in columns_of(store, blocks)
        },
        index=pandas.RangeIndex(sum(map(len, blocks))),
        copy=False,  # what is made here belongs to this frame only
    )
    return frame


def _series(pandas: Any, field: Field, values: list[Values], as_lists: bool, copy: bool) -> Any:
    if field.dimensions:
        cells = _lists(values) if as_lists else _arrays(values, copy)
        return pandas.Series(objects([*cells]), dtype=object)
    made = scalars(field, values)
    if made.dtype.kind == "M":
        return pandas.Series(made).dt.tz_localize("UTC")
    # pandas 2 holds text as object, pandas 3 as str: take what it chooses for text, even if there is none.
    return pandas.Series(made, dtype=pandas.Series(["text"]).dtype if field.kind == "string" else made.dtype)


def _arrays(values: Sequence[Values], copy: bool) -> Iterator[Any]:
    """Yield the contents of each histogram as an array, in 2D as a cell. A copy is made block by block."""
    for part in values:
        if isinstance(part, np.ndarray):
            mine = part.copy() if copy else part
            yield from mine if mine.ndim == 2 else map(Cell, mine)
        else:
            yield from (as_cell(own(cell) if copy else cell) for cell in part)


def _lists(values: Sequence[Values]) -> Iterator[Any]:
    """Yield the contents of each histogram as a list, in 2D as a list of lists."""
    for part in values:
        if isinstance(part, np.ndarray):
            yield from part.tolist()
        else:
            yield from (cell.tolist() if isinstance(cell, np.ndarray) else own(cell) for cell in part)
