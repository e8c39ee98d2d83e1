"""Histograms compared with those of a reference run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from cmsdials.arrays.stacks import Stack, axes_of, contents, edges, is_grouped, replaced, shapes
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = ["compare"]

_WAYS = ("ratio", "difference", "pull")


def compare(
    stack: Stack, reference: Stack, /, how: Literal["ratio", "difference", "pull"] = "ratio"
) -> Stack:
    """Compare the shape of each histogram with that of a reference, bin by bin.

    With the contents w of a histogram and W = sum(w), and the contents r of the reference and R = sum(r), its shape is
    s = w / W, and that of the reference t = r / R:

    - ratio = s / t
    - difference = s - t
    - pull = (s - t) / sqrt(p (1 / W + 1 / R)), with p = (w + r) / (W + R): the difference in units of the uncertainty that it
      would have if both had the same shape, so that an empty bin is no certainty. It supposes that contents are counts of fills with
      weight 1, that W and R are given, and that the reference does not hold the histogram. Where few fills are
      expected in a bin, it is not distributed as a Gaussian

    Args:
        stack: Arrays by field, groups of them, or contents alone.
        reference: The same, whose histograms are added up, such as those of a reference run; of groups, a reference for
            each group by its key. Or the contents of one histogram.
        how: What to calculate.

    Returns:
        The same as `stack` with other `data`: NaN where it does not exist: the ratio where the reference is empty, the pull where
        both are or a content is negative, and everything of a histogram or reference whose sum is 0 or that is missing.

    Raises:
        BinningError: The reference has another binning, or there is none for a group.
        ConfigurationError: There is no such way to compare, or an argument is not a stack.
    """
    if how not in _WAYS:
        message = f"how must be one of {', '.join(_WAYS)}, not {shortened(repr(how), 40)}"
        raise ConfigurationError(message, advice="Choose one of these.")
    if not is_grouped(stack):
        return _compared(stack, reference, how)
    if not isinstance(reference, Mapping) or "data" in reference:
        return {key: _compared(group, reference, how) for key, group in stack.items()}
    if lacking := [key for key in stack if key not in reference]:
        message = f"there is no reference for the group {shortened(repr(lacking[0]), 100)}"
        raise BinningError(message, advice="List the reference with the same monitoring elements.")
    return {key: _compared(group, reference[key], how) for key, group in stack.items()}


def _compared(stack: Stack, reference: Stack, how: str) -> Stack:
    data = contents(stack)
    added = _added(data, reference)
    if isinstance(stack, Mapping) and isinstance(reference, Mapping):
        _check_binning(stack, reference, data)
    shape, total = shapes(data)
    expected, its_total = shapes(added[None])
    with np.errstate(all="ignore"):
        if how == "ratio":
            made = np.where(expected != 0, shape / expected, np.nan)
        elif how == "difference":
            made = shape - expected
        else:
            # Shares of totals, which cannot be too large for a float, as the sum of two contents can.
            part = 1 / (1 + its_total / total)
            pooled = np.where((shape < 0) | (expected < 0), np.nan, part * shape + (1 - part) * expected)
            variance = pooled * (1 / total + 1 / its_total)
            made = np.where(variance > 0, (shape - expected) / np.sqrt(variance), np.nan)
    return replaced(stack, made)


def _added(data: Array, reference: Stack) -> Array:
    """Return the contents of the reference as one histogram."""
    given = reference if isinstance(reference, Mapping) else np.asarray(reference)
    is_one = not isinstance(given, Mapping) and given.ndim == data.ndim - 1
    many = contents(given[None] if is_one else given)
    if many.shape[1:] != data.shape[1:]:
        message = f"the reference has bins of the shape {many.shape[1:]}, and the histograms {data.shape[1:]}"
        raise BinningError(
            message, advice="Rebin or crop both alike, or compare one monitoring element at a time."
        )
    is_there = ~np.isnan(many).any(axis=tuple(range(1, many.ndim)))
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
