"""A mask applied to columns, frames and listings: by NumPy, many rows at a time.

A run and a lumisection make one number of 64 bits, so that ranges of lumisections are ranges of numbers, in order.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress, starmap
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from attrs import evolve

from cmsdials.errors import ConfigurationError
from cmsdials.runtime.background import loaded
from cmsdials.table.columns import Array, plain
from cmsdials.table.documents import Documents
from cmsdials.table.keys import numbers_of
from cmsdials.table.lumi_mask import LARGEST
from cmsdials.table.rows import Block, RowStore
from cmsdials.table.tabular import Tabular

if TYPE_CHECKING:
    from cmsdials.table.lumi_mask import LumiMask

__all__ = ["are_in", "edges_of", "ranges_of", "select"]

_BITS = np.uint64(32)
_Pair: TypeAlias = "tuple[Any, Any]"
"""Columns of runs and of lumisections."""


def edges_of(runs_of_mask: Mapping[int, tuple[tuple[int, int], ...]]) -> _Pair:
    """Return where the ranges of a mask begin and end, for `are_in`."""
    bounds = [(run, *one) for run, ranges in runs_of_mask.items() for one in ranges]
    run, first, last = np.array(bounds, np.uint64).reshape(-1, 3).T
    return _key(run, first), _key(run, last)


def are_in(edges: _Pair, runs: Any, lumis: Any) -> Array:
    """Say which lumisections are in a mask, given its edges. See `LumiMask.__call__`."""
    keys, are_known = _keys(runs, lumis)
    firsts, lasts = edges
    if not len(firsts):
        return np.zeros(keys.shape, bool)
    at = np.searchsorted(firsts, keys, "right")
    is_before_its_end = keys <= lasts[np.maximum(at, 1) - 1]
    are: Array = are_known & (at > 0) & is_before_its_end
    return are


def ranges_of(rows: Any, run: str, ls: str) -> Iterable[tuple[int, list[tuple[int, int]]]]:
    """Yield runs with the ranges of lumisections that rows are of. See `LumiMask.of_rows`."""
    if isinstance(rows, Tabular):
        pairs = [pair for _, pair in _blocks(rows.store, run, ls)]
    else:
        pairs = [_columns(rows, run, ls) or _of_pairs(rows)]
    numbers = [keys[are_known] for keys, are_known in starmap(_keys, pairs)]
    keys = np.unique(np.concatenate([np.empty(0, np.uint64), *numbers]))
    starts = np.flatnonzero((np.diff(keys, prepend=keys[:1]) != 1) | (keys & np.uint64(LARGEST) == 0))
    ends = np.append(starts[1:], len(keys)) - 1
    for first, last in zip(keys[starts].tolist(), keys[ends[: len(starts)]].tolist(), strict=True):
        yield first >> 32, [(first & LARGEST, last & LARGEST)]


def select(mask: LumiMask, rows: Any, run: str, ls: str) -> Any:
    """Return the rows that are in a mask. See `LumiMask.select`."""
    if isinstance(rows, Tabular):
        return rows.selected(_kept(mask, rows.store, run, ls), mask)
    if isinstance(rows, Mapping) and all(isinstance(group, Mapping) for group in rows.values()):
        return {key: select(mask, group, run, ls) for key, group in rows.items()}
    pair = _columns(rows, run, ls)
    if pair is None:
        message = f"a mask cannot select from {type(rows).__name__}"
        advice = (
            "Give a result, a page, a frame, a table or the arrays of to_numpy(). For columns: mask(runs, lumis). For "
            "a list: [row for row in rows if (row.run_number, row.ls_number) in mask]."
        )
        raise ConfigurationError(message, advice=advice)
    keep = np.atleast_1d(mask(*pair))
    if isinstance(rows, Documents):
        return evolve(rows, results=[*compress(rows.results, keep)])
    if isinstance(rows, Mapping):
        return {name: _chosen(name, values, keep) for name, values in rows.items()}
    if hasattr(rows, "iloc"):
        return rows.loc[keep]
    if _is_arrow(rows):
        return rows.filter(sys.modules["pyarrow"].array(keep))
    return rows.filter(keep)


def _kept(mask: LumiMask, store: RowStore[Any], run: str, ls: str) -> RowStore[Any]:
    kept: RowStore[Any] = RowStore(store.record, fields=store.fields)
    for block, (runs, lumis) in _blocks(store, run, ls):
        keep = np.asarray(mask(runs, lumis))
        kept.add(block if keep.all() else block.chosen(keep.tolist()))
    return kept


def _blocks(store: RowStore[Any], run: str, ls: str) -> Iterator[tuple[Block[Any], _Pair]]:
    """Yield rows as they are held, with their columns of runs and lumisections.

    Raises:
        ConfigurationError: They lack one of these.
    """
    sent = [one.name for one in store.record.FIELDS if store.fields is None or one.name in store.fields]
    advice = "Take lumisections or histograms, listed with fields= that hold both, or without fields=."
    _check_names(sent, run, ls, advice)
    for block in store.held():
        if len(block):
            columns = [block.column(name) for name in (run, ls)]
            _check_names(
                [name for name, one in zip((run, ls), columns, strict=True) if one is not None],
                run,
                ls,
                advice,
            )
            runs, lumis = (plain(one) if isinstance(one, list) else one for one in columns)
            yield block, (runs, lumis)


def _columns(rows: Any, run: str, ls: str) -> _Pair | None:
    """Return the columns of runs and lumisections; None if rows have no columns.

    Raises:
        ConfigurationError: They lack one of these.
    """
    if hasattr(rows, "collect_schema") and hasattr(rows, "collect"):
        message = "a mask selects from rows, and a LazyFrame has none yet"
        raise ConfigurationError(message, advice="Collect it first: mask.select(frame.collect()).")
    if isinstance(rows, Documents):
        rows = rows.columns()
    if isinstance(rows, Mapping):
        _check_names(rows, run, ls)
        return rows[run], rows[ls]
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        levels = [name for name in rows.index.names if name is not None and name not in rows.columns]
        _check_names([*rows.columns, *levels], run, ls)
        runs, lumis = (
            rows.index.get_level_values(name) if name in levels else rows[name] for name in (run, ls)
        )
        return runs, lumis
    if _is_arrow(rows):
        _check_names(rows.schema.names, run, ls)
        return rows.column(run), rows.column(ls)
    if hasattr(rows, "get_column"):  # of polars
        _check_names(rows.columns, run, ls)
        return rows.get_column(run), rows.get_column(ls)
    return None


def _check_names(names: Iterable[Any], run: str, ls: str, advice: str | None = None) -> None:
    there = [*map(str, names)]
    lacking = [name for name in (run, ls) if name not in there]
    if lacking:
        message = f"these rows have no {' and no '.join(lacking)}"
        have = ", ".join(there[:20]) or "none"
        advice = advice or f"Name the columns with run= and ls=. There are: {have}."
        raise ConfigurationError(message, advice=advice)
    twice = [name for name in (run, ls) if there.count(name) > 1]
    if twice:
        message = f"these rows have several columns {twice[0]}"
        raise ConfigurationError(message, advice="Keep one of them.")


def _is_arrow(rows: Any) -> bool:
    arrow = loaded("pyarrow")
    return arrow is not None and isinstance(rows, arrow.Table | arrow.RecordBatch)


def _of_pairs(rows: Any) -> _Pair:
    pairs = [*rows] if isinstance(rows, Iterable) and not isinstance(rows, str | bytes) else None
    if pairs is None or not all(isinstance(one, tuple | list) and len(one) == 2 for one in pairs):
        message = f"a mask of lumisections cannot be made of {type(rows).__name__}"
        advice = (
            "Give a result, a page, a frame, a table, the arrays of to_numpy(), or pairs (run, lumisection)."
        )
        raise ConfigurationError(message, advice=advice)
    return [run for run, _ in pairs], [ls for _, ls in pairs]


def _chosen(name: str, values: Any, keep: Array) -> Any:
    is_column = hasattr(values, "__len__") and getattr(values, "ndim", 1) > 0
    if not is_column or len(values) != len(keep):
        many = f"{len(values)} values" if is_column else "a single value"
        message = f"{name} has {many}, and there are {len(keep)} runs"
        raise ConfigurationError(message, advice="Give arrays of one length, as to_numpy() returns them.")
    return values[keep] if isinstance(values, np.ndarray) else [*compress(values, keep)]


# --- from columns to numbers


def _key(runs: Array, lumis: Array) -> Array:
    key: Array = (runs << _BITS) | lumis
    return key


def _keys(runs: Any, lumis: Any) -> tuple[Array, Array]:
    """Return a number for each lumisection, and whether its run and its own number are ones that exist."""
    (run, has_run), (ls, has_ls) = numbers_of(runs, "run"), numbers_of(lumis, "lumisection")
    if run.shape != ls.shape and run.ndim and ls.ndim:
        many = [" x ".join(map(str, one.shape)) for one in (run, ls)]
        message = f"there are {many[0]} runs and {many[1]} lumisections"
        raise ConfigurationError(message, advice="Give as many of both, or one for all.")
    are_known: Array = has_run & has_ls
    return _key(run, ls), are_known
