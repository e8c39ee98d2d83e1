"""Histograms against a reference: the shapes of both, and below them their ratio or pull."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from attrs import evolve
from matplotlib.colors import Normalize

from cmsdials.arrays import compare as compared
from cmsdials.arrays import normalise
from cmsdials.errors import ConfigurationError
from cmsdials.plotting.canvas import (
    COLOURS,
    Canvas,
    CmsLabel,
    Pair,
    canvas_pair,
    colours_with_gaps,
    handle_of_line,
    handle_of_shade,
    scaled,
)
from cmsdials.plotting.reference import reference_of
from cmsdials.plotting.subject import Subject
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = ["compare"]

_NAMES = {"ratio": "Ratio", "pull": "Pull"}
_ORDINARY = {"ratio": 1.0, "pull": 0.0}
_SHADE = "0.8"
_COLOURS = {"ratio": "cividis", "pull": "PuOr"}


def compare(
    subject: Subject, ax: Any, cms: CmsLabel, *, reference: Any, panel: Literal["ratio", "pull"]
) -> Pair:
    """Draw it. See `cmsdials.plotting.Plots.compare`."""
    if panel not in _NAMES:
        message = f"panel must be 'ratio' or 'pull', not {shortened(repr(panel), 40)}"
        raise ConfigurationError(message, advice="Choose one of these.")
    if subject.dimensions > 2:
        subject.check_dimensions(2, "compare()", "Project them first.")
    other = reference_of(subject, reference)
    contents, name = _added(other.data), other.name
    if not len(subject):
        subject = evolve(subject, data=np.zeros((0, *contents.shape)), edges=other.edges)
    ours = _added(subject.data)
    shapes = [normalise(one[None])[0] for one in (ours, contents)]
    found = compared(ours[None], contents, panel)[0]
    top, bottom = canvas_pair(ax, are_alike=subject.dimensions == 2)
    if subject.dimensions == 1:
        _lines(top, subject, (ours, contents), shapes, name)
        _points(bottom, subject, found, (ours, contents), panel)
    else:
        _maps(top, bottom, subject, shapes[0], found, panel)
    when = None if subject.dimensions == 1 else f"{subject.when}, reference: {name}"
    top.title(subject, cms, when)
    return Pair(top.axes, bottom.axes)


def _lines(canvas: Canvas, subject: Subject, contents: Any, shapes: Any, name: str) -> None:
    edges, axes = subject.edges[0], canvas.axes
    axes.stairs(np.nan_to_num(shapes[1]), edges, fill=True, facecolor=_SHADE, edgecolor="none")
    axes.stairs(np.nan_to_num(shapes[0]), edges, color=COLOURS[0], linewidth=canvas.line(0.9))
    with np.errstate(all="ignore"):
        errors = np.sqrt(contents[0]) * np.abs(shapes[0] / contents[0])
    axes.errorbar(
        (edges[:-1] + edges[1:]) / 2,
        shapes[0],
        np.where(np.isfinite(errors), errors, 0),
        fmt="none",
        ecolor=COLOURS[0],
        elinewidth=canvas.line(0.5),
    )
    canvas.label("", "Fraction per bin")
    axes.tick_params(labelbottom=False)
    axes.set_xlim(edges[0], edges[-1])
    if not np.isfinite(shapes).any():
        canvas.note("nothing to compare", has_axes=True)
    elif not np.less(shapes, 0).any():
        axes.set_ylim(bottom=0)
    canvas.legend(
        [
            handle_of_line(subject.when, color=COLOURS[0], linewidth=canvas.line(0.9)),
            handle_of_shade(f"Reference: {name}", _SHADE),
        ],
        loc="best",
    )


def _points(canvas: Canvas, subject: Subject, found: Array, contents: Any, panel: str) -> None:
    edges, axes = subject.edges[0], canvas.axes
    centres = (edges[:-1] + edges[1:]) / 2
    errors = None
    with np.errstate(all="ignore"):
        if panel == "ratio":
            errors = np.abs(found) * np.sqrt(1 / contents[0] + 1 / contents[1])
            errors = np.where(np.isfinite(errors), errors, 0)
    axes.axhline(_ORDINARY[panel], color="0.4", linewidth=canvas.line(0.6))
    axes.errorbar(
        centres,
        found,
        errors,
        fmt="o",
        color=COLOURS[0],
        markersize=canvas.line(1.6),
        markeredgewidth=0,
        elinewidth=canvas.line(0.5),
    )
    axes.set_ylim(*_limits(found, panel, errors))
    canvas.label(subject.labels[0], _NAMES[panel])
    axes.set_xlim(edges[0], edges[-1])


def _limits(found: Array, panel: str, errors: Array | None = None) -> tuple[float, float]:
    """Return limits that show most of the points: single bins with few entries may lie far outside."""
    middle = _ORDINARY[panel]
    away = np.abs(found[np.isfinite(found)] - middle)
    least, most = (0.1, 1.0) if panel == "ratio" else (3.5, 1e6)
    usual = 0.0 if errors is None or not len(away) else 3 * float(np.median(errors[np.isfinite(found)]))
    reach = min(max(1.2 * np.quantile(away, 0.95), usual, least), most) if len(away) else least
    return middle - reach, middle + reach


def _maps(top: Canvas, bottom: Canvas, subject: Subject, shape: Array, found: Array, panel: str) -> None:
    x, y = subject.edges
    low, high = _limits(found, panel)
    for canvas, contents, colours, norm, label in (
        (top, np.where(shape == 0, np.nan, shape), "viridis", None, "Fraction per bin"),
        (bottom, found, _COLOURS[panel], Normalize(low, high), _NAMES[panel]),
    ):
        shown = np.ma.masked_invalid(contents)
        mesh = canvas.axes.pcolormesh(
            x, y, shown, cmap=colours_with_gaps(colours), norm=norm, rasterized=True
        )
        canvas.colour_bar(mesh, label)
        canvas.label(*subject.labels)
    top.axes.xaxis.label.set_text("")
    top.axes.tick_params(labelbottom=False)


def _added(data: Array) -> Array:
    parts, power = scaled(data)
    made: Array = parts.sum(axis=0)
    return made * 1e100 if power else made  # only shapes are compared
