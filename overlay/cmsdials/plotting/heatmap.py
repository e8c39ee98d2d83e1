"""All lumisections by bin: a row of colours for each lumisection."""

from __future__ import annotations

from typing import Any

import numpy as np

from cmsdials.arrays import normalise as to_shapes
from cmsdials.plotting.canvas import (
    RED,
    Axes,
    Canvas,
    canvas_on,
    from_zero,
    handle_of_shade,
    scaled,
    shade_across,
)
from cmsdials.plotting.heading import Heading
from cmsdials.plotting.scales import beyond
from cmsdials.plotting.sections import Sections
from cmsdials.plotting.subject import Subject
from cmsdials.plotting.verdicts import Verdicts, verdicts_of
from cmsdials.runtime.arguments import checked_flag
from cmsdials.table.columns import Array

__all__ = ["heatmap"]

_EMPTY, _FEW = "0.6", "0.82"
"""Rows without colours; those of missing lumisections are white."""

_GOOD = "#cfe3f6"
_STRIP = (1.015, 0.0, 0.025, 1.0)
"""Where the column is that says which lumisections are good: left, bottom, width and height, of the axes."""


def heatmap(
    subject: Subject, ax: Any, heading: Heading, *, normalise: Any, good: Any, min_entries: Any
) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.heatmap`."""
    subject.check_dimensions(1, "heatmap()", "Draw maps with map() or animate().")
    normalise = checked_flag("normalise", normalise)
    verdicts = verdicts_of(subject, good, min_entries)
    canvas = canvas_on(ax)
    sections = subject.sections
    data, power = scaled(to_shapes(subject.data) if normalise else subject.data)
    is_shown = ~verdicts.is_empty & ~verdicts.is_few
    handles: list[Any] = []
    if len(subject):
        borders, rows = _with_gaps(sections, np.where(is_shown[:, None], data, np.nan))
        shown = np.ma.masked_invalid(rows)
        norm = from_zero(data[is_shown & verdicts.is_measured] if normalise else data[is_shown])
        mesh = canvas.axes.pcolormesh(
            subject.edges[0], borders, shown, cmap="viridis", norm=norm, rasterized=True
        )
        label = subject.contents_label(power, normalise=normalise)
        extend = beyond(norm, data[is_shown])
        canvas.colour_bar(mesh, label, extend=extend, pad=0.07 if verdicts.has_bad else 0.02)
        handles += _rows(canvas, sections, verdicts.is_few, _FEW, verdicts.few(canvas.letters_of_legend))
        handles += _rows(
            canvas, sections, verdicts.is_empty, _EMPTY, verdicts.empty(canvas.letters_of_legend)
        )
    else:
        canvas.note("no lumisections")
    canvas.label(subject.labels[0], "")
    canvas.place_runs(sections, along="y")
    canvas.axes.set_xlim(subject.edges[0][0], subject.edges[0][-1])
    if verdicts.has_bad:
        handles[:0] = _strip(canvas, verdicts)
    canvas.title(subject, heading)
    canvas.legend_outside(handles, "upper right")
    return canvas.axes


def _rows(canvas: Canvas, sections: Sections, which: Array, colour: str, text: str) -> list[Any]:
    """Draw rows in one colour; return what names it."""
    shade_across(canvas.axes, sections.ranges(which), along="y", facecolor=colour, edgecolor="none")
    return [handle_of_shade(text, colour)] if which.any() else []


def _strip(canvas: Canvas, verdicts: Verdicts) -> list[Any]:
    """Draw beside the rows which of them are good; return what names the colours."""
    strip = canvas.axes.inset_axes(_STRIP, sharey=canvas.axes)
    strip.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False, which="both")
    for spine in strip.spines.values():
        spine.set_linewidth(canvas.line(0.4))
    good, bad = (verdicts.sections.ranges(which) for which in (verdicts.is_good, ~verdicts.is_good))
    shade_across(strip, good, along="y", facecolor=_GOOD, edgecolor="none")
    line = canvas.line(0.5)  # around them, so that one of thousands is seen
    shade_across(strip, bad, along="y", facecolor=RED, edgecolor=RED, linewidth=line)
    return [handle_of_shade(verdicts.bad(canvas.letters_of_legend), RED)]


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
