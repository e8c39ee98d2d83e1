"""Histograms compared with those of a reference run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import numpy as np

from cmsdials.arrays.stacks import Stack, axes_of, contents, edges, is_grouped, replaced, shapes
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = ["compare"]

_WAYS = ("ratio", "difference", "pull")


def compare(
    stack: Stack,
    reference: Stack,
    /,
    how: Literal["ratio", "difference", "pull"] = "ratio",
    *,
    normalise: bool = True,
) -> Stack:
    """Compare each histogram with a reference, bin by bin: their shapes, or their contents as they are.

    With the contents w of a histogram and W = sum(w), and the contents r of the reference and R = sum(r), its shape is
    s = w / W, and that of the reference t = r / R:

    - ratio = s / t
    - difference = s - t
    - pull = (s - t) / sqrt(p (1 / W + 1 / R)), with p = (w + r) / (W + R): the difference in units of the uncertainty that it
      would have if both had the same shape, so that an empty bin is no certainty. It supposes that contents are counts of fills with
      weight 1, that W and R are given, and that the reference does not hold the histogram. Where few fills are
      expected in a bin, it is not distributed as a Gaussian

    With `normalise=False` it is w / r, w - r, and (w - r) / sqrt(w + r): for histograms of equal exposure, since twice the
    lumisections have twice the contents.

    Args:
        stack: Arrays by field, groups of them, or contents alone.
        reference: The same, whose histograms are added up, such as those of a reference run; of groups, a reference for
            each group by its key. Or the contents of one histogram.
        how: What to calculate.
        normalise: Whether shapes are compared, or contents.

    Returns:
        The same as `stack` with other `data`: NaN where it does not exist: the ratio where the reference is empty, the pull where
        both are or a content is negative, and everything of a histogram or reference that is missing or, for shapes,
        whose sum is 0.

    Raises:
        BinningError: The reference has another binning, or there is none for a group.
        ConfigurationError: There is no such way to compare, or an argument is not a stack.
    """
    if how not in _WAYS:
        message = f"how must be one of {', '.join(_WAYS)}, not {shortened(repr(how), 40)}"
        raise ConfigurationError(message, advice="Choose one of these.")
    if not is_grouped(stack):
        return _compared(stack, reference, how, normalise)
    if not isinstance(reference, Mapping) or "data" in reference:
        return {key: _compared(group, reference, how, normalise) for key, group in stack.items()}
    if lacking := [key for key in stack if key not in reference]:
        message = f"there is no reference for the group {shortened(repr(lacking[0]), 100)}"
        raise BinningError(message, advice="List the reference with the same monitoring elements.")
    return {key: _compared(group, reference[key], how, normalise) for key, group in stack.items()}


def _compared(stack: Stack, reference: Stack, how: str, normalise: bool) -> Stack:
    data = contents(stack)
    added = _added(data, reference)
    if isinstance(stack, Mapping) and isinstance(reference, Mapping):
        _check_binning(stack, reference, data)
    if normalise:
        (ours, total), (theirs, its_total) = shapes(data), shapes(added[None])
    else:
        is_missing = np.isnan(data).any(axis=tuple(range(1, data.ndim)), keepdims=True)
        ours, theirs = np.where(is_missing, np.nan, data), added
    with np.errstate(all="ignore"):
        if how == "ratio":
            made = np.where(theirs != 0, ours / theirs, np.nan)
        elif how == "difference":
            made = ours - theirs
        else:
            # Neither the sum of two contents nor that of two totals is formed: it can be too large for a float.
            if normalise:
                part = 1 / (1 + its_total / total)
                error = np.sqrt((part * ours + (1 - part) * theirs) * (1 / total + 1 / its_total))
            else:
                error = np.hypot(np.sqrt(ours), np.sqrt(theirs))
            exists = (ours >= 0) & (theirs >= 0) & (error > 0)
            made = np.where(exists, (ours - theirs) / error, np.nan)
    return replaced(stack, made)


def _added(data: Array, reference: Stack) -> Array:
    """Return the contents of the reference as one histogram."""
    given: Any = reference
    if not isinstance(reference, Mapping):
        with suppress(ValueError):  # lists of several lengths, which are refused below
            given = np.asarray(reference)
    is_one = isinstance(given, np.ndarray) and given.ndim == data.ndim - 1
    many = contents(given[None] if is_one else given)
    if many.shape[1:] != data.shape[1:]:
        message = f"the reference has bins of the shape {many.shape[1:]}, and the histograms {data.shape[1:]}"
        raise BinningError(
            message, advice="Rebin or crop both alike, or compare one monitoring element at a time."
        )
    is_there = ~np.isnan(many).any(axis=tuple(range(1, many.ndim)))
    if not is_there.any():
        return np.full(data.shape[1:], np.nan)
    with np.errstate(over="ignore"):
        total: Array = many[is_there].sum(axis=0)
    return total


def _check_binning(stack: Mapping[str, Any], reference: Mapping[str, Any], data: Array) -> None:
    for axis, at in axes_of(data).items():
        names = [f"{axis}_{end}" for end in ("min", "max", "bin")]
        if not all(name in one for name in names for one in (stack, reference)):
            continue
        ours, theirs = (edges(one, axis, data.shape[at]) for one in (stack, reference))
        if not np.isnan([*ours, *theirs]).any() and not np.allclose(ours, theirs, rtol=1e-12, atol=0):
            message = (
                f"the reference goes from {theirs[0]:g} to {theirs[-1]:g} along {axis}, and the histograms from "
                f"{ours[0]:g} to {ours[-1]:g}"
            )
            raise BinningError(message, advice="Crop both alike, or compare the same monitoring elements.")
