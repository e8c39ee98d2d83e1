"""Sums of consecutive lumisections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from cmsdials.arrays.stacks import by_group, contents
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.runtime.arguments import checked_count
from cmsdials.table.columns import Array

__all__ = ["sum_lumis"]


@by_group
def sum_lumis(
    stack: Mapping[str, Any], n: int, /, *, incomplete: Literal["drop", "keep"] = "drop"
) -> dict[str, Any]:
    """Add the histograms of n consecutive lumisections.

    A sum has lumisections of one run, one dataset and one monitoring element, each of them one more than the one before.
    So it spans neither the border of a run nor a gap: after a lumisection that is missing (it has no row, or a content
    that is NaN) the next sum begins. Of a stretch without gaps, the first n make the first sum, and so on; fewer than n
    may be left at its end. The order of the rows does not matter.

    Args:
        stack: Arrays by field with `run_number`, `ls_number` and `data`, or groups of them. Rows differ in dataset
            or monitoring element only if these are among the fields.
        n: How many lumisections make one sum.
        incomplete: What becomes of sums of fewer than n: "drop" leaves them out, "keep" keeps them.

    Returns:
        A row for each sum. `data` and `entries` are sums; `ls_number` is its first lumisection, and the other fields
        are those of that. New are `ls_last`, its last lumisection, `ls_count`, how many they are, and `complete`,
        whether these are n. `gap` is left out.

    Raises:
        BinningError: A lumisection comes twice, or `data` is missing.
        ConfigurationError: Runs or lumisections are missing, or an argument is not what it can be.
    """
    size = checked_count("n", n)
    if incomplete not in ("drop", "keep"):
        message = f"incomplete must be 'drop' or 'keep', not {shortened(repr(incomplete), 40)}"
        raise ConfigurationError(message, advice="With 'keep', complete says which sums have all n.")
    data = contents(stack)
    runs, lumis = _numbers(stack, "run_number", len(data)), _numbers(stack, "ls_number", len(data))
    there = np.flatnonzero(~np.isnan(data).any(axis=tuple(range(1, data.ndim))))
    sources = [_ranks(stack[name]) for name in ("dataset_id", "dataset", "me_id", "me") if name in stack]
    keys = [lumis, runs, *sources]  # the last one counts first
    order = there[np.lexsort([key[there] for key in keys])]
    begins = _beginnings(keys, order, min(size, len(order) + 1))
    counts = np.diff(np.append(begins, len(order)))
    if incomplete == "drop":
        begins, counts = begins[counts == size], counts[counts == size]
    by_place = np.argsort(order[begins], kind="stable")
    begins, counts = begins[by_place], counts[by_place]
    firsts, lasts = order[begins], order[begins + counts - 1]
    members = order[
        np.arange(counts.sum()) + np.repeat(begins - np.append(0, np.cumsum(counts))[:-1], counts)
    ]
    starts = np.append(0, np.cumsum(counts))[:-1]

    def added(values: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.add.reduceat(values[members], starts, axis=0) if len(starts) else values[:0]

    if odd := [name for name, values in stack.items() if np.shape(values)[:1] != (len(data),)]:
        message = f"{odd[0]} has not a value for each of {len(data)} rows"
        raise ConfigurationError(message, advice="Give arrays of one length, as to_numpy() returns them.")
    made = {name: np.asarray(values)[firsts] for name, values in stack.items() if name != "gap"}
    made |= {"data": added(data)}
    if "entries" in stack:
        try:
            made |= {"entries": added(np.asarray(stack["entries"]))}
        except TypeError:
            message = "entries hold what is not a number, so they cannot be added"
            raise ConfigurationError(
                message, advice="Put numbers there, NaN where one is missing, or leave entries out."
            ) from None
    return made | {"ls_last": lumis[lasts], "ls_count": counts, "complete": counts == size}


def _beginnings(keys: list[Array], order: Array, size: int) -> Array:
    """Return where sums begin among the rows in order.

    Raises:
        BinningError: A lumisection comes twice.
    """
    lumis, runs, *sources = (key[order] for key in keys)
    steps = np.diff(lumis)
    is_same = np.logical_and.reduce([np.diff(key) == 0 for key in (runs, *sources)])
    again = np.flatnonzero(is_same & (steps == 0))
    if len(again):
        message = f"run {runs[again[0]]}, lumisection {lumis[again[0]]} comes twice"
        advice = (
            "Give the histograms of one monitoring element and dataset, or arrays that say which they are."
        )
        raise BinningError(message, advice=advice)
    is_first = np.append(True, ~(is_same & (steps == 1)))[: len(order)]
    places = np.arange(len(order))
    since = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return np.flatnonzero(since % size == 0)


def _numbers(stack: Any, name: str, rows: int) -> Array:
    values = np.asarray(stack[name]) if isinstance(stack, Mapping) and name in stack else None
    if values is None or values.dtype.kind not in "iu" or values.shape != (rows,):
        message = f"sums of lumisections need {name}: a whole number for each of {rows} rows"
        raise ConfigurationError(
            message, advice="Give the arrays of to_numpy(), listed with run_number and ls_number."
        )
    return values.astype(np.int64)


def _ranks(values: Any) -> Array:
    array = np.asarray(values)
    if array.dtype == object:  # such as text, some of which is missing, which has no order
        known = {one: rank for rank, one in enumerate(dict.fromkeys(array.tolist()))}
        return np.array([known[one] for one in array.tolist()], np.int64)
    ranks: Array = np.unique(array, return_inverse=True)[1].reshape(-1)
    return ranks
