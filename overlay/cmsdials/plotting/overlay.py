"""Histograms of many lumisections over each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from cmsdials.arrays import normalise as to_shapes
from cmsdials.plotting.canvas import (
    Axes,
    CmsLabel,
    are_good,
    canvas_on,
    colours_of_lumisections,
    handle_of_line,
    handle_of_shade,
    scaled,
)
from cmsdials.plotting.subject import Subject
from cmsdials.runtime.arguments import checked_count
from cmsdials.table.columns import Array

__all__ = ["overlay"]


def overlay(subject: Subject, ax: Any, cms: CmsLabel, *, most: Any, normalise: bool, good: Any) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.overlay`."""
    subject.check_dimensions(1, "overlay()", "Draw maps with map() or animate().")
    most = checked_count("most", most)
    canvas = canvas_on(ax)
    data, power = scaled(to_shapes(subject.data) if normalise else subject.data)
    sections, edges = subject.sections, subject.edges[0]
    is_good = are_good(good, sections)
    lines, others = _spread(np.flatnonzero(is_good), int(most))
    handles: list[Any] = []
    if len(others):
        with np.errstate(all="ignore"):
            low, high = np.fmin.reduce(data[others]), np.fmax.reduce(data[others])
        canvas.axes.stairs(high, edges, baseline=low, fill=True, facecolor="0.88", edgecolor="none", zorder=1)
        handles.append(handle_of_shade(f"{len(others)} more LS, lowest to highest"))
    bad, _ = _spread(np.flatnonzero(~is_good), int(most))
    _draw(
        canvas.axes,
        data[bad],
        edges,
        colors="0.55",
        linewidths=canvas.line(0.5),
        linestyles=(0, (2, 1)),
        zorder=2,
    )
    if not is_good.all():
        text = f"{sections.count(~is_good)} LS not good"
        handles.append(handle_of_line(text, color="0.55", linewidth=canvas.line(0.8), linestyle=(0, (2, 1))))
    colours = colours_of_lumisections()
    norm = Normalize(*sections.limits)
    drawn = _draw(
        canvas.axes,
        data[lines],
        edges,
        cmap=colours,
        norm=norm,
        array=sections.at[lines],
        linewidths=canvas.line(0.6),
        zorder=3,
    )
    if len(lines):
        last = lines[-1:]
        _draw(
            canvas.axes,
            data[last],
            edges,
            colors=colours(norm(sections.at[last])),
            linewidths=canvas.line(1.1),
            zorder=4,
        )
    if len(subject) > 1:
        canvas.colour_bar(drawn, sections.label if sections.is_one_run else "Run", sections)
    canvas.axes.set_xlim(edges[0], edges[-1])
    canvas.axes.autoscale_view(scalex=False)
    if len(subject) == 0:
        canvas.note("no lumisections")
    else:
        low, high = canvas.axes.get_ylim()
        room = 0.15 * (high - low) if handles else 0.0  # for the legend
        canvas.axes.set_ylim(0 if (data >= 0).all() else low, high + room)
    canvas.label(subject.labels[0], ("Fraction per bin" if normalise else "Content per bin") + power)
    canvas.title(subject, cms)
    canvas.legend(handles, loc="upper right")
    return canvas.axes


def _spread(which: Array, most: int) -> tuple[Array, Array]:
    """Choose at most so many, evenly, the last one always; return them and the others."""
    places = np.unique(np.linspace(len(which) - 1, 0, min(most, len(which))).round().astype(int))
    return which[places], np.delete(which, places)


def _draw(axes: Axes, contents: Array, edges: Array, **how: Any) -> LineCollection:
    """Draw steps: each histogram goes up from the axis at its first edge, and down to it at the last."""
    points = np.zeros((len(contents), 2 * len(edges), 2))
    points[:, :, 0] = np.repeat(edges, 2)
    points[:, 1:-1, 1] = np.repeat(contents, 2, axis=1)
    made = LineCollection([*points], **how)
    axes.add_collection(made)
    return made
