"""From contents to colours: where a scale begins and ends, and what shows that a bin lies beyond it."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from attrs import frozen
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize

from cmsdials.errors import ConfigurationError
from cmsdials.plotting.canvas import from_zero, scaled
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = ["Limits", "Scale", "beyond", "checked_limits", "diverging", "scale_of", "scaled_alike"]

Limits = tuple[float, float]

_ABOVE, _BELOW = "#bd1f01", "#f2b5d4"
"""Colours of contents beyond a scale of viridis, in which neither is."""

_FAR, _NEAR = 1e99, 1e-250
"""Sizes beyond which the arithmetic of scales overflows, and that of logarithmic ones fails."""

_HOT = 5
"""How many times as high as the others a bin is that does not set the scale."""
_HOT_SHARE = 100
"""Of how many bins one may be hot."""
_FEWEST = 10
"""Bins from which on there are others to compare with."""


@frozen(eq=False)
class Scale:
    """How contents become colours.

    Attributes:
        colours: The colours, also of what lies beyond.
        norm: The contents at its ends.
        extend: At which ends there is more, which the bar beside it shows by arrows.
        has_hot: Whether what lies beyond are a few bins, which were left out of the scale.
    """

    colours: Colormap
    norm: Normalize
    extend: str
    has_hot: bool = False

    def are_beyond(self, contents: Array) -> Array:
        """Say which contents lie beyond the scale."""
        made: Array = np.isfinite(contents) & ((contents > self.norm.vmax) | (contents < self.norm.vmin))
        return made


def checked_limits(limits: Any, *, log: bool = False) -> Limits | None:
    """Return the limits of a scale.

    Raises:
        ConfigurationError: They are not two increasing numbers, or on a logarithmic scale not above 0.
    """
    if limits is None:
        return None
    try:
        pair = np.asarray(limits)
    except ValueError:  # lists of several lengths
        pair = np.empty(0)
    is_pair = pair.shape == (2,) and pair.dtype.kind in "iuf" and bool(np.isfinite(pair).all())
    low, high = pair.tolist() if is_pair else (0.0, 0.0)
    if not low < high or not np.isfinite(float(high) - float(low)):
        message = f"limits must be two increasing numbers, not {shortened(repr(limits), 60)}"
        raise ConfigurationError(message, advice="Write limits=(0, 100), or leave them out.")
    if log and low < _NEAR:
        message = f"the limits of a logarithmic scale must be above 0, and the first one is {low:g}"
        raise ConfigurationError(message, advice="Write limits=(1, 100), or leave out log=True.")
    return float(low), float(high)


def scaled_alike(data: Array, limits: Limits | None) -> tuple[Array, Limits | None, str]:
    """Return contents and limits that can be drawn, and what both were divided by, for the label."""
    if limits is None:
        parts, power = scaled(data)
        return parts, None, power
    ends, power = scaled(np.array(limits))
    if not power:
        return np.clip(data, -_FAR, _FAR), limits, ""  # contents so large are beyond the limits anyway
    return data / float(power.removeprefix(" / ")), (float(ends[0]), float(ends[1])), power


def scale_of(contents: Array, limits: Limits | None = None, *, log: bool = False) -> Scale:
    """Return the scale of contents: from 0, or the lowest content if that is below, to the highest that is not hot.

    On a logarithmic scale it is from the lowest content above 0 to the highest.
    """
    filled = contents[np.isfinite(contents) & (contents != 0)]
    if log:
        above = filled[filled > _NEAR]
        low, high = (above.min(), above.max()) if len(above) else (0.1, 1.0)
        norm: Normalize = LogNorm(*(limits or (low if low < high else high / 10, high)))
    elif limits:
        norm = Normalize(*limits)
    else:
        norm = from_zero(filled[~_are_hot(filled)])
    colours = mpl.colormaps["viridis"].with_extremes(bad="white", over=_ABOVE, under=_BELOW)
    extend = beyond(norm, filled)
    return Scale(colours, norm, extend, has_hot=extend != "neither" and not log and limits is None)


def diverging(contents: Array, limits: Limits, middle: float) -> Scale:
    """Return the scale of what differs from a number that is ordinary: blue below it, red above, and pale grey there.

    White is none of these colours, nor is what lies beyond the limits; they need not hold the middle.
    """
    low, high = limits
    places = [(low, 0.0)] if low < middle else []
    places += [(middle, 0.5)]
    places += [(high, 1.0)] if high > middle else []
    numbers, shares = zip(*places, strict=True)
    where = np.interp(np.linspace(low, high, 256), numbers, shares)
    colours = ListedColormap(mpl.colormaps["coolwarm"](where), name="diverging").with_extremes(
        bad="white", over="#6e0010", under="#001a70"
    )
    norm = Normalize(low, high)
    return Scale(colours, norm, beyond(norm, contents))


def beyond(norm: Normalize, contents: Array) -> str:
    """Return at which ends of a scale there is more: neither, min, max or both."""
    finite = contents[np.isfinite(contents)]
    is_below, is_above = bool((finite < norm.vmin).any()), bool((finite > norm.vmax).any())
    return "both" if is_below and is_above else "min" if is_below else "max" if is_above else "neither"


def _are_hot(contents: Array) -> Array:
    """Say which contents, none of them 0, are far from 0 compared with all others, if these are few."""
    if len(contents) < _FEWEST:
        return np.zeros(len(contents), bool)
    sizes = np.abs(contents)
    others = len(sizes) - max(1, len(sizes) // _HOT_SHARE)
    hot: Array = sizes > _HOT * np.partition(sizes, others - 1)[others - 1]
    return hot
