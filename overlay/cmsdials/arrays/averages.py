"""Mean and RMS of each histogram, from its contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cmsdials.arrays.stacks import Stack, by_group, checked_axis, contents, edges, scaled
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.table.columns import Array

__all__ = ["moments"]

_LEAST = 2
"""Entries from which on they say how they scatter."""


@by_group
def moments(
    stack: Stack, /, axis: str = "x", *, centres: Any = None, effective_entries: Any = None
) -> dict[str, Any]:
    """Return the mean and the RMS of each histogram along an axis, with their uncertainties.

    With the contents w and the centres x of the bins, in 2D and 3D after summing over the other axes:

    - mean = sum(w x) / sum(w)
    - rms = sqrt(sum(w (x - mean)^2) / sum(w)), the standard deviation, which ROOT and DQM call RMS
    - effective_entries = sum(w): contents are taken for counts of fills with weight 1. For weighted fills it would be
      sum(w)^2 / sum(w^2) over the fills, which DIALS does not keep: give it yourself
    - mean_error = rms / sqrt(effective_entries)
    - rms_error = rms / sqrt(2 effective_entries), which holds for a normal distribution

    Underflow and overflow are not in the contents, and not in these; `entries`, which may count them, is not used.

    Args:
        stack: Arrays by field, groups of them, or contents alone.
        axis: x, y or z.
        centres: Centres of the bins along it; None for those of the binning. Contents alone need them.
        effective_entries: How many fills the contents stand for: a number, or one for each row. Normalised histograms
            need it.

    Returns:
        A dict with these five, each of the shape (n,) in float64, and the other fields of `stack` except `data`. All five
        are NaN where the histogram is missing, empty, or its sum is negative; rms and the errors also where negative
        contents make the variance negative; the errors also with fewer than 2 effective entries, which say nothing of how
        entries scatter.

    Raises:
        BinningError: There is no such axis, no binning, or another number of centres than of bins.
        ConfigurationError: The centres or the entries are not numbers.
    """
    data = contents(stack)
    at = checked_axis(data, axis)
    x = _centres(stack, axis, data.shape[at], centres)
    weights, exponents = scaled(data)
    others = tuple(one for one in range(1, data.ndim) if one != at)
    with np.errstate(all="ignore"):
        weights = weights.sum(axis=others) if others else weights
        total = weights.sum(axis=1)
        total = np.where((total > 0) & np.isfinite(total), total, np.nan)
        mean = weights @ x / total if len(x) else np.full(len(data), np.nan)
        variance = (weights * (x - mean[:, None]) ** 2).sum(axis=1) / total
        rms = np.sqrt(variance)  # NaN where it is negative
        many = np.ldexp(total, exponents.reshape(-1))
        if effective_entries is not None:
            given = _numbers(effective_entries, "effective_entries", (len(data),))
            many = np.where((given > 0) & ~np.isnan(total), given, np.nan)
        known = np.where(many >= _LEAST, many, np.nan)
        errors = rms / np.sqrt(known), rms / np.sqrt(2 * known)
    found = {
        "mean": mean,
        "mean_error": errors[0],
        "rms": rms,
        "rms_error": errors[1],
        "effective_entries": many,
    }
    others_of = (
        {name: values for name, values in stack.items() if name != "data"}
        if isinstance(stack, Mapping)
        else {}
    )
    return others_of | found


def _centres(stack: Stack, axis: str, bins: int, centres: Any) -> Array:
    if centres is not None:
        return _numbers(centres, "centres", (bins,))
    if not isinstance(stack, Mapping):
        message = "contents alone have no binning"
        raise BinningError(message, advice="Give centres=, or the arrays of to_numpy().")
    borders = edges(stack, axis, bins)
    made: Array = (borders[:-1] + borders[1:]) / 2
    return made


def _numbers(given: Any, what: str, shape: tuple[int]) -> Array:
    try:
        return np.broadcast_to(np.asarray(given, np.float64), shape)
    except (TypeError, ValueError):
        message = f"{what} must be {shape[0]} numbers"
        error = BinningError if what == "centres" else ConfigurationError
        raise error(message, advice=f"Give an array of the shape {shape}.") from None
