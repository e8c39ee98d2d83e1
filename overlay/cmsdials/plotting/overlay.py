"""Histograms of many lumisections over each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from cmsdials.arrays import normalise as to_shapes
from cmsdials.plotting.canvas import (
    COLOURS,
    RED,
    Axes,
    Canvas,
    canvas_on,
    colours_of_lumisections,
    handle_of_line,
    handle_of_shade,
    scaled,
)
from cmsdials.plotting.heading import Heading
from cmsdials.plotting.off_scale import limit, mark_off_scale
from cmsdials.plotting.reference import reference_of
from cmsdials.plotting.subject import Subject
from cmsdials.plotting.verdicts import verdicts_of
from cmsdials.runtime.arguments import checked_count, checked_flag
from cmsdials.table.columns import Array

__all__ = ["overlay"]

_OWN = ((COLOURS[1], "-"), (COLOURS[4], "-"), (COLOURS[0], "-"), (COLOURS[5], "-."), ("0.45", (0, (1, 1))))
_LAST_OWN = ("black", "-")
"""Colours and styles of lumisections that are so few that each has its own, and of the last one of them."""

_BAND, _BORDER, _REFERENCE = "0.88", "0.7", "0.8"
_DASHES = (0, (3, 1.2))
_USUAL, _LAST, _BAD = 0.6, 1.1, 0.8  # widths
_PALE = 0.5
"""How opaque good lumisections are below others, which are as dark in print."""


def overlay(
    subject: Subject,
    ax: Any,
    heading: Heading,
    *,
    most: Any,
    normalise: Any,
    good: Any,
    min_entries: Any,
    reference: Any,
) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.overlay`."""
    subject.check_dimensions(1, "overlay()", "Draw maps with map() or animate().")
    most, normalise = checked_count("most", most), checked_flag("normalise", normalise)
    verdicts = verdicts_of(subject, good, min_entries)
    data, power = scaled(to_shapes(subject.data) if normalise else subject.data)
    is_there = ~verdicts.is_empty & ~verdicts.is_few
    level, name = _reference(subject, reference, None if normalise else data[is_there])
    lines, others = _spread(np.flatnonzero(is_there & verdicts.is_good), most)
    bad, more_bad = _spread(np.flatnonzero(is_there & ~verdicts.is_good), most)
    canvas = canvas_on(ax)
    axes, edges = canvas.axes, subject.edges[0]
    is_first = not axes.has_data()
    handles = []
    if len(level):
        axes.stairs(level[0], edges, fill=True, facecolor=_REFERENCE, edgecolor="none", zorder=0.5)
    band = _band(canvas, data[others], edges)
    if len(others) or len(lines) + len(bad) > len(_OWN) + 1:
        _draw_many(canvas, subject, data, lines, alpha=_PALE if len(bad) else 1)
    else:
        handles += _draw_few(canvas, subject, data, lines)
    _draw_bad(canvas, data[bad], edges)
    if len(others):
        handles.append(handle_of_shade(f"{subject.sections.count(others)} more LS, 5\N{EN DASH}95%", _BAND))
    if verdicts.has_bad:
        part = f" ({subject.sections.count(bad)} drawn)" if len(more_bad) else ""
        text = verdicts.bad(canvas.letters_of_legend - len(part))
        handles.append(handle_of_line(text + part, **_bad(canvas)))
    handles += verdicts.handles(canvas.letters_of_legend)
    if name:
        handles.append(handle_of_shade(name, _REFERENCE))
    drawn = np.append(lines, bad)
    usual = drawn[verdicts.is_measured[drawn]] if normalise else drawn
    _limit(axes, np.concatenate([data[usual], band, level]), is_first=is_first)
    axes.set_xlim(edges[0], edges[-1])
    handles += _mark(canvas, data[np.setdiff1d(drawn, usual)], edges)
    if not len(drawn):
        canvas.note(verdicts.why_nothing, has_axes=len(subject) > 0)
    canvas.label(subject.labels[0], subject.contents_label(power, normalise=normalise))
    canvas.title(subject, heading)
    if len(subject) > 1 or len(handles) > 1 or not len(lines):
        canvas.legend_outside(handles, "upper right")
    return axes


def _spread(which: Array, most: int) -> tuple[Array, Array]:
    """Choose at most so many, evenly, the last one always; return them and the others."""
    places = np.unique(np.linspace(len(which) - 1, 0, min(most, len(which))).round().astype(int))
    return which[places], np.delete(which, places)


def _reference(subject: Subject, reference: Any, data: Array | None) -> tuple[Array, str]:
    """Return the shape of a reference, as at most one row, and its name; with data, scaled to the usual sum of these."""
    if reference is None:
        return np.zeros((0, subject.data.shape[1])), ""
    other = reference_of(subject, reference)
    shape = to_shapes(other.added[None])
    if data is None or not len(data):
        return shape, f"Reference: {other.name}"
    return shape * np.median(data.sum(axis=1)), f"Reference, scaled: {other.name}"


def _band(canvas: Canvas, data: Array, edges: Array) -> Array:
    """Draw between which contents most of some lumisections lie; return these limits, as no rows or two."""
    if not len(data):
        return data
    with np.errstate(all="ignore"):
        band: Array = np.nanquantile(data, (0.05, 0.95), axis=0)
    how: dict[str, Any] = {"facecolor": _BAND, "edgecolor": _BORDER, "linewidth": canvas.line(0.4)}
    canvas.axes.stairs(band[1], edges, baseline=band[0], fill=True, zorder=1, **how)
    return band


def _draw_many(canvas: Canvas, subject: Subject, data: Array, lines: Array, *, alpha: float) -> None:
    """Draw lumisections coloured by their number, the last one thicker."""
    sections, edges = subject.sections, subject.edges[0]
    colours, norm = colours_of_lumisections(), Normalize(*sections.limits)
    how: dict[str, Any] = {"cmap": colours, "norm": norm, "array": sections.at[lines], "alpha": alpha}
    drawn = _draw(canvas.axes, data[lines], edges, linewidths=canvas.line(_USUAL), zorder=3, **how)
    if len(lines):
        last = lines[-1:]
        colour = colours(norm(sections.at[last]))
        _draw(canvas.axes, data[last], edges, colors=colour, linewidths=canvas.line(_LAST), zorder=4)
        canvas.colour_bar(drawn, sections.label if sections.is_one_run else "Run", sections)


def _draw_bad(canvas: Canvas, data: Array, edges: Array) -> None:
    """Draw lumisections that are not good on top of the others."""
    how = _bad(canvas)
    _draw(
        canvas.axes,
        data,
        edges,
        colors=how["color"],
        linewidths=how["linewidth"],
        linestyles=how["linestyle"],
        zorder=6,
    )


def _bad(canvas: Canvas) -> dict[str, Any]:
    return {"color": RED, "linewidth": canvas.line(_BAD), "linestyle": _DASHES}


def _draw_few(canvas: Canvas, subject: Subject, data: Array, lines: Array) -> list[Any]:
    """Draw lumisections that have a colour each, the last one thicker; return what names them."""
    edges, handles = subject.edges[0], []
    own = (*_OWN[: max(0, len(lines) - 1)], _LAST_OWN)[: len(lines)]
    for at, (colour, style) in zip(lines.tolist(), own, strict=True):
        width = canvas.line(_LAST if at == lines[-1] else _BAD)
        _draw(
            canvas.axes,
            data[[at]],
            edges,
            colors=colour,
            linewidths=width,
            linestyles=style,
            zorder=4 if at == lines[-1] else 3,
        )
        name = subject.sections.name(at)
        handles.append(handle_of_line(name, color=colour, linewidth=width, linestyle=style))
    return handles


def _limit(axes: Axes, seen: Array, *, is_first: bool) -> None:
    """Let the scale show these histograms, and begin at 0 if nothing is below."""
    seen = seen[np.isfinite(seen)]
    low, high = seen.min(initial=0), seen.max(initial=0)
    room = 0.05 * (high - low)
    top = high + room if high > 0 else float(low == 0)
    limit(axes, low - room if low < 0 else 0, top, is_first=is_first)


def _mark(canvas: Canvas, data: Array, edges: Array) -> list[Any]:
    """Mark where histograms that were not used for the scale leave it; return what says so in the legend."""
    if not len(data):
        return []
    with np.errstate(all="ignore"):
        highest = np.fmax.reduce(data)
    how: dict[str, Any] = {"color": "0.3", "markersize": canvas.line(3), "zorder": 7, "markeredgewidth": 0}
    never = np.full(len(highest), np.inf)  # below the scale they are empty
    if not mark_off_scale(canvas.axes, (edges[:-1] + edges[1:]) / 2, never, highest, **how):
        return []
    return [handle_of_line("off scale", linestyle="none", marker="^", **how)]


def _draw(axes: Axes, contents: Array, edges: Array, **how: Any) -> LineCollection:
    """Draw steps: each histogram goes up from the axis at its first edge, and down to it at the last."""
    points = np.zeros((len(contents), 2 * len(edges), 2))
    points[:, :, 0] = np.repeat(edges, 2)
    points[:, 1:-1, 1] = np.repeat(contents, 2, axis=1)
    made = LineCollection([*points], **how)
    axes.add_collection(made)
    return made
