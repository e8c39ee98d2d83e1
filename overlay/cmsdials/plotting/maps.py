"""Maps: the contents of 2D histograms as colours, of one lumisection, of all together, or one after the other."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize

from cmsdials.errors import ConfigurationError
from cmsdials.plotting.canvas import (
    Axes,
    Canvas,
    CmsLabel,
    are_good,
    canvas_on,
    colours_with_gaps,
    from_zero,
    scaled,
)
from cmsdials.plotting.subject import Subject
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = ["animate", "draw_map"]

_FLAT = "Draw 1D histograms with overlay(), heatmap() or trend()."


def draw_map(subject: Subject, ax: Any, cms: CmsLabel, *, ls: Any, how: Literal["sum", "mean"]) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.map`."""
    subject.check_dimensions(2, "map()", _FLAT)
    if how not in ("sum", "mean"):
        message = f"how must be 'sum' or 'mean', not {shortened(repr(how), 40)}"
        raise ConfigurationError(message, advice="For one lumisection pass ls=.")
    if ls is not None:
        subject = _of_one(subject, ls)
    many = subject.sections.many
    canvas = canvas_on(ax)
    parts, power = scaled(subject.data)
    contents = parts.sum(axis=0) if how == "sum" or len(subject) < 2 else parts.mean(axis=0)
    _mesh(canvas, subject, contents, "Content per bin" + power, from_zero(contents))
    if not many:
        canvas.note("no lumisections")
    elif not contents.any():
        canvas.note("all bins are empty", has_axes=True)
    what = {"sum": "sum of", "mean": "mean of"}[how]
    canvas.title(subject, cms, f"{subject.when}, {what} {many} LS" if many > 1 else None)
    return canvas.axes


def animate(subject: Subject, ax: Any, cms: CmsLabel, *, seconds: Any, good: Any) -> FuncAnimation:
    """Draw it. See `cmsdials.plotting.Plots.animate`."""
    subject.check_dimensions(2, "animate()", _FLAT)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 3600:
        message = f"seconds must be a number above 0, not {shortened(repr(seconds), 40)}"
        raise ConfigurationError(message, advice="Say how long each lumisection is shown, such as 0.2.")
    if not len(subject):
        message = "there are no lumisections to animate"
        raise ConfigurationError(message, advice="Ask for len(result) first.")
    sections = subject.sections
    is_good = are_good(good, sections)
    canvas = canvas_on(ax)
    parts, power = scaled(subject.data)
    mesh = _mesh(canvas, subject, parts[0], "Content per bin" + power, from_zero(parts))

    def when(number: int) -> str:
        verdict = "" if is_good[number] else ", not good"
        return f"Run {sections.run[number]}, LS {sections.ls[number]}{verdict}"

    title = canvas.title(subject, cms, when(0))
    first, pattern = when(0), title.get_text()

    if canvas.is_own:  # to lay out each picture anew takes most of the time
        canvas.figure.draw_without_rendering()
        canvas.figure.set_layout_engine("none")

    def draw(number: int) -> tuple[Any, ...]:
        mesh.set_array(_without_empty(parts[number]))
        title.set_text(pattern.replace(first, when(number), 1))
        return mesh, title

    return FuncAnimation(
        canvas.figure, draw, frames=len(subject), interval=1000 * seconds, blit=False, cache_frame_data=False
    )


def _of_one(subject: Subject, ls: Any) -> Subject:
    sections = subject.sections
    if isinstance(ls, bool) or not isinstance(ls, int | np.integer):
        message = f"ls must be the number of a lumisection, not {shortened(repr(ls), 40)}"
        raise ConfigurationError(
            message, advice="Several are added up: result.plot.of(ls_number=range(10, 20)).map()."
        )
    where = np.flatnonzero(sections.ls == ls)
    if not len(where):
        have = f"There are {subject.when}." if len(subject) else "There are none."
        message = f"lumisection {ls} is not there"
        raise ConfigurationError(message, advice=have)
    if len(where) > 1:
        runs = ", ".join(map(str, sections.run[where][:4].tolist()))
        message = (
            f"lumisection {ls} is there in {len(where)} runs ({runs}{', ...' if len(where) > 4 else ''})"
        )
        advice = f"Choose one: result.plot.of(run_number={sections.run[where[0]]}).map(ls={ls})."
        raise ConfigurationError(message, advice=advice)
    return subject.only(where)


def _mesh(canvas: Canvas, subject: Subject, contents: Array, label: str, norm: Normalize) -> QuadMesh:
    x, y = subject.edges
    mesh = canvas.axes.pcolormesh(
        x, y, _without_empty(contents), cmap=colours_with_gaps("viridis"), norm=norm, rasterized=True
    )
    canvas.colour_bar(mesh, label)
    canvas.label(*subject.labels)
    return mesh


def _without_empty(contents: Array) -> Any:
    return np.ma.masked_where(~np.isfinite(contents) | (contents == 0), contents)
