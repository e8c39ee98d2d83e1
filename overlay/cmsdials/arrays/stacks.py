"""What a stack of histograms is: its contents, its axes, and a function applied to each group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias

import numpy as np
from cmsdials_api.records import AXES

from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = [
    "Stack",
    "axes_of",
    "by_group",
    "checked_axis",
    "contents",
    "edges",
    "is_grouped",
    "replaced",
    "scaled",
    "shapes",
]

Stack: TypeAlias = Any
"""A dict of arrays, groups of such dicts, or the contents alone."""

How = ParamSpec("How")


def is_grouped(stack: Stack) -> bool:
    """Whether it is a dict of stacks."""
    return isinstance(stack, Mapping) and all(isinstance(one, Mapping) for one in stack.values())


def by_group(function: Callable[Concatenate[Any, How], Any]) -> Callable[Concatenate[Any, How], Any]:
    """Let a function of a stack take groups of stacks too."""

    @wraps(function)
    def each(stack: Stack, /, *more: How.args, **how: How.kwargs) -> Any:
        if is_grouped(stack):
            return {key: function(group, *more, **how) for key, group in stack.items()}
        return function(stack, *more, **how)

    return each


def contents(stack: Stack) -> Array:
    """Return the contents as float64, of the shape (n, ..., x_bin).

    Raises:
        BinningError: There are none, or they are not of this shape.
        ConfigurationError: It is something else.
    """
    data = stack.get("data") if isinstance(stack, Mapping) else stack
    if data is None:
        message = "these arrays have no data"
        raise BinningError(
            message, advice="List histograms without fields=, or with fields= that include data."
        )
    made = np.empty(0, object)
    with suppress(ValueError):  # lists of several lengths
        made = made if hasattr(data, "columns") else np.asarray(data)
    if made.dtype.kind not in "biuf":
        what = (
            f"{type(data).__name__} of {made.dtype}" if isinstance(data, np.ndarray) else type(data).__name__
        )
        message = f"a stack of histograms is one array of numbers, not {what}"
        advice = "Give the arrays of to_numpy(), or one array of contents, such as of cmsdials.stack(...)."
        raise ConfigurationError(message, advice=advice)
    if not 2 <= made.ndim <= 1 + len(AXES):
        message = f"a stack of histograms has the shape (n, x_bin) or (n, y_bin, x_bin), not {made.shape}"
        raise BinningError(message, advice="For a single histogram write data[None].")
    made = made.astype(np.float64, copy=False)
    hidden = np.ma.getmask(data)
    return made if hidden is np.ma.nomask else np.where(hidden, np.nan, made)


def axes_of(data: Array) -> dict[str, int]:
    """Return the dimension of the array that each axis is, x first."""
    return {name: data.ndim - 1 - at for at, name in zip(range(data.ndim - 1), AXES, strict=False)}


def checked_axis(data: Array, axis: object) -> int:
    """Return which dimension of the array an axis is.

    Raises:
        BinningError: The histograms have no such axis.
    """
    known = axes_of(data)
    if not isinstance(axis, str) or axis not in known:
        message = f"these histograms have no axis {shortened(repr(axis), 40)}"
        raise BinningError(message, advice=f"They have {' and '.join(known)}.")
    return known[axis]


def edges(stack: Mapping[str, Any], axis: str, bins: int) -> Array:
    """Return the edges of the bins along an axis, which all histograms share.

    Raises:
        BinningError: The limits are not there, or differ between the rows.
    """
    names = [f"{axis}_{end}" for end in ("min", "max", "bin")]
    if lacking := [name for name in names if name not in stack]:
        message = f"these arrays have no {', '.join(lacking)}, so the bins have no edges"
        raise BinningError(
            message, advice=f"List with fields= that include {', '.join(names)}, or without fields=."
        )
    limits = []
    for name in names:
        try:
            values = np.unique(np.asarray(stack[name], np.float64))
        except (TypeError, ValueError):
            message = f"{name} holds what is not a number, so the bins have no edges"
            raise BinningError(message, advice="Give the arrays of to_numpy().") from None
        limits.append(values[~np.isnan(values)])
    if not all(map(len, limits)):  # no rows
        return np.full(bins + 1, np.nan)
    if any(len(values) > 1 for values in limits) or limits[2][0] != bins:
        message = f"the histograms have different binnings along {axis}"
        raise BinningError(message, advice='Use to_numpy(group_by="me"), so that each group has one binning.')
    made: Array = np.linspace(limits[0][0], limits[1][0], bins + 1)
    return made


def replaced(stack: Stack, data: Array, **changed: Any) -> Stack:
    """Return the same kind with other contents, and other values of some fields."""
    return {**stack, "data": data, **changed} if isinstance(stack, Mapping) else data


def scaled(data: Array) -> tuple[Array, Array]:
    """Return contents divided by a power of two, so that their sums cannot overflow, and its exponent.

    Both have all dimensions of `data`; the exponent is one for each histogram.
    """
    every = tuple(range(1, data.ndim))
    with np.errstate(all="ignore"):
        _, exponents = np.frexp(np.abs(data).max(axis=every, keepdims=True, initial=0))
        return np.ldexp(data, -exponents), exponents


def shapes(data: Array) -> tuple[Array, Array]:
    """Return contents divided by their sum, and that sum for each histogram; NaN where it is 0 or not a finite number."""
    parts, exponents = scaled(data)
    with np.errstate(all="ignore"):
        total = parts.sum(axis=tuple(range(1, data.ndim)), keepdims=True)
        total = np.where((total != 0) & np.isfinite(total), total, np.nan)
        return parts / total, np.ldexp(total, exponents)
