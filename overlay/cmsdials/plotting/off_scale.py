"""The scale of the y axis: it may leave out what is measured badly, which triangles at its edges then mark."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from cmsdials.plotting.canvas import Axes
from cmsdials.table.columns import Array

__all__ = ["limit", "mark_off_scale"]

_EDGE = 0.025
"""How far from the edge of the axes a triangle stands, of their height."""


def limit(axes: Axes, low: float, high: float, *, is_first: bool) -> None:
    """Let the y axis reach from `low` to `high`, and also show what the limits showed that an earlier plot set."""
    others = [one for one in _sharing(axes) if one is not axes]
    if not is_first or any(one.has_data() for one in others):
        before = axes.get_ylim()
        low, high = min(low, *before), max(high, *before)
    if np.isfinite([low, high]).all() and low < high:
        axes.set_ylim(low, high)


def mark_off_scale(axes: Axes, at: Array, low: Array, high: Array, **how: Any) -> bool:
    """Draw a triangle at the edge where a point, or a range from `low` to `high`, leaves the axes; say whether one is there.

    The triangles follow the limits when these change.
    """
    across = axes.get_xaxis_transform()
    how |= {"transform": across, "linestyle": "none"}
    up, down = (Line2D([], [], **how | {"marker": marker}) for marker in "^v")
    axes.add_artist(up)
    axes.add_artist(down)

    def follow(changed: Axes) -> None:
        first, last = changed.get_ylim()
        above, below = high > max(first, last), low < min(first, last)
        top = 1 - _EDGE if last >= first else _EDGE
        for line, which, edge in ((up, above, top), (down, below, 1 - top)):
            line.set_data(at[which], np.full(int(which.sum()), edge))

    follow(axes)
    for one in _sharing(axes):  # only the one that is changed says so
        one.callbacks.connect("ylim_changed", follow)
    return any(np.size(line.get_xdata()) for line in (up, down))


def _sharing(axes: Axes) -> list[Axes]:
    """Return the axes that share the y axis, these among them."""
    made: list[Axes] = axes.get_shared_y_axes().get_siblings(axes)
    return made
