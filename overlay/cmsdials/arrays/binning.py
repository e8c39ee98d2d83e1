"""Bins merged, cut off, and scaled."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite
from typing import Any

import numpy as np

from cmsdials.arrays.stacks import (
    Stack,
    by_group,
    checked_axis,
    contents,
    edges,
    replaced,
    shapes,
)
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.runtime.arguments import checked_count
from cmsdials.table.columns import Array

__all__ = ["crop", "normalise", "rebin"]

_EDGE = 1e-9
"""What part of a bin a limit may be away from an edge to be meant as it."""


@by_group
def rebin(stack: Stack, /, *, x: int = 1, y: int = 1, z: int = 1) -> Stack:
    """Merge neighbouring bins: ``rebin(arrays, x=4)`` adds four by four. What hist writes ``h[::rebin(4)]``.

    Args:
        stack: Arrays by field, groups of them, or contents alone.
        x: How many bins along x become one.
        y: The same along y.
        z: The same along z.

    Returns:
        The same with other `data`, and `x_bin` (`y_bin`, ...) as it is then; the sums of contents stay.

    Raises:
        BinningError: The bins cannot be divided into so many, or there is no such axis.
        ConfigurationError: A factor is not a whole number from 1 on.
    """
    data = given_data = contents(stack)
    changed: dict[str, Any] = {}
    for axis, given in (("x", x), ("y", y), ("z", z)):
        factor = checked_count(axis, given)
        if factor == 1:
            continue
        at = checked_axis(data, axis)
        bins = data.shape[at]
        if bins % factor:
            divisors = [one for one in range(2, bins + 1) if bins % one == 0]
            message = (
                f"{bins} bin{'' if bins == 1 else 's'} along {axis} cannot be merged {factor} by {factor}"
            )
            advice = f"Take one of {', '.join(map(str, divisors[:8]))}, or crop the histograms first."
            if not divisors:
                advice = f"Leave {axis}= out for these histograms."
            raise BinningError(message, advice=advice)
        shape = (*data.shape[:at], bins // factor, factor, *data.shape[at + 1 :])
        with np.errstate(over="ignore", invalid="ignore"):
            data = data.reshape(shape).sum(axis=at + 1)
        changed |= _bins(stack, axis, bins // factor)
    return replaced(stack, data.copy() if data is given_data else data, **changed)


@by_group
def crop(
    stack: Stack,
    /,
    *,
    x: tuple[float | None, float | None] | None = None,
    y: tuple[float | None, float | None] | None = None,
    z: tuple[float | None, float | None] | None = None,
) -> Stack:
    """Keep the bins between two limits: ``crop(arrays, x=(0, 40_000))``. What hist writes ``h[0j:40_000j]``.

    Args:
        stack: Arrays by field, with the limits of the axes, or groups of them. Of contents alone take a slice.
        x: Limits along x, in its unit; None for an end that stays. The bin that holds the first one is the first that
            stays, and the bin that holds the second one, or begins there, is the first that does not.
        y: The same along y.
        z: The same along z.

    Returns:
        The same with other `data`, `x_min`, `x_max` and `x_bin` (`y_min`, ...).

    Raises:
        BinningError: No bin lies between them, there is no such axis, or the binning is not there.
        ConfigurationError: Limits are not a pair of finite numbers.
    """
    data = contents(stack)
    if not isinstance(stack, Mapping):
        message = "contents alone have no limits to crop by"
        raise ConfigurationError(
            message, advice="Give the arrays of to_numpy(), or take a slice: data[..., 10:50]."
        )
    changed: dict[str, Any] = {}
    for axis, limits in (("x", x), ("y", y), ("z", z)):
        if limits is None:
            continue
        at = checked_axis(data, axis)
        borders = edges(stack, axis, data.shape[at])
        first, last = _between(axis, borders, limits)
        data = data[(slice(None),) * at + (slice(first, last),)]
        changed |= _bins(stack, axis, last - first)
        changed[f"{axis}_min"] = np.full(len(data), borders[first])
        changed[f"{axis}_max"] = np.full(len(data), borders[last])
    return replaced(stack, data.copy(), **changed)


@by_group
def normalise(stack: Stack, /, to: float = 1.0) -> Stack:
    """Scale each histogram so that the sum of its contents is `to`: w / sum(w) * to.

    Args:
        stack: Arrays by field, groups of them, or contents alone.
        to: Sum of the contents afterwards.

    Returns:
        The same with other `data`; `entries` stay what they were. NaN where the sum is 0 or not finite.

    Raises:
        ConfigurationError: `to` is not a finite number.
    """
    if not _is_finite(to):
        message = f"to must be a finite number, not {shortened(repr(to), 40)}"
        raise ConfigurationError(message, advice="Give what the contents are to add up to, such as 1.")
    made, _ = shapes(contents(stack))
    return replaced(stack, made * to)


def _bins(stack: Stack, axis: str, bins: int) -> dict[str, Array]:
    name = f"{axis}_bin"
    if not isinstance(stack, Mapping) or name not in stack:
        return {}
    return {name: np.full(len(stack[name]), bins, np.asarray(stack[name]).dtype)}


def _between(axis: str, borders: Array, limits: Any) -> tuple[int, int]:
    """Return the first bin between two limits, and the first one behind them."""
    is_pair = isinstance(limits, tuple | list) and len(limits) == 2
    if not is_pair or not all(one is None or _is_finite(one) for one in limits):
        message = f"{axis} takes a pair of limits, not {shortened(repr(limits), 60)}"
        raise ConfigurationError(
            message, advice=f"Write {axis}=(low, high), with None for an end that stays."
        )
    bins = len(borders) - 1
    if np.isnan(borders).any():  # there are no rows
        return 0, bins
    if borders[0] == borders[-1]:
        message = f"{axis}_min is equal to {axis}_max, so no limits can be found on the axis"
        raise BinningError(message, advice="Take a slice of the contents: data[..., 10:50].")
    low, high = limits
    first = 0 if low is None else _bin_of(float(low), borders)
    last = bins if high is None else _bin_of(float(high), borders)
    first, last = max(first, 0), min(last, bins)
    if first >= last:
        message = f"no bin along {axis} lies between {low} and {high}"
        raise BinningError(message, advice=f"The axis goes from {borders[0]:g} to {borders[-1]:g}.")
    return first, last


def _bin_of(limit: float, borders: Array) -> int:
    at = float((limit - borders[0]) / (borders[-1] - borders[0]) * (len(borders) - 1))
    at = min(max(at, -1.0), float(len(borders)))
    nearest = round(at)
    return nearest if abs(at - nearest) < _EDGE else floor(at)


def _is_finite(value: Any) -> bool:
    try:
        return isfinite(value)
    except (TypeError, OverflowError):
        return False
