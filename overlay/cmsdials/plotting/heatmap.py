"""All lumisections by bin: a row of colours for each lumisection."""

from __future__ import annotations

from typing import Any

import numpy as np

from cmsdials.arrays import normalise as to_shapes
from cmsdials.plotting.canvas import Axes, CmsLabel, are_good, canvas_on, from_zero, handle_of_shade, scaled
from cmsdials.plotting.sections import Sections
from cmsdials.plotting.subject import Subject
from cmsdials.table.columns import Array

__all__ = ["heatmap"]

_PALER = 0.6
"""How much white lies over lumisections that are not good: they can still be read."""


def heatmap(subject: Subject, ax: Any, cms: CmsLabel, *, normalise: bool, good: Any) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.heatmap`."""
    subject.check_dimensions(1, "heatmap()", "Draw maps with map() or animate().")
    canvas = canvas_on(ax)
    sections = subject.sections
    is_good = are_good(good, sections)
    data, power = scaled(to_shapes(subject.data) if normalise else subject.data)
    if len(subject):
        borders, rows = _with_gaps(sections, data)
        shown = np.ma.masked_invalid(rows)
        mesh = canvas.axes.pcolormesh(
            subject.edges[0], borders, shown, cmap="viridis", norm=from_zero(data), rasterized=True
        )
        canvas.colour_bar(mesh, ("Fraction per bin" if normalise else "Content per bin") + power)
    else:
        canvas.note("no lumisections")
    canvas.label(subject.labels[0], "")
    canvas.place_runs(sections, along="y")
    canvas.axes.set_xlim(subject.edges[0][0], subject.edges[0][-1])
    for first, last in sections.ranges(~is_good):
        canvas.axes.axhspan(first, last, facecolor="white", edgecolor="none", alpha=_PALER)
    if not is_good.all():
        canvas.legend([handle_of_shade(f"paler: {sections.count(~is_good)} LS not good")], loc="upper right")
    canvas.title(subject, cms)
    return canvas.axes


def _with_gaps(sections: Sections, data: Array) -> tuple[Array, Array]:
    """Return the borders of rows, and the rows with an empty one for each gap, however long it is."""
    borders, rows = [sections.limits[0]], []
    for stretch in sections.stretches():
        begin = sections.at[stretch.start] - 0.5
        if begin > borders[-1]:
            borders.append(begin)
            rows.append(np.full((1, data.shape[1]), np.nan))
        borders += sections.ends[stretch].tolist()
        rows.append(data[stretch])
    return np.array(borders), np.concatenate(rows)
