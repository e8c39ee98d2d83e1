"""Maps: the contents of 2D histograms as colours, of one lumisection, of all together, or one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.lines import Line2D

from cmsdials.errors import ConfigurationError
from cmsdials.plotting.canvas import Axes, Canvas, are_good, canvas_on
from cmsdials.plotting.heading import Heading
from cmsdials.plotting.numerals import short
from cmsdials.plotting.scales import Scale, checked_limits, scale_of, scaled_alike
from cmsdials.plotting.subject import Subject, are_counts
from cmsdials.redaction import shortened
from cmsdials.runtime.arguments import checked_flag
from cmsdials.table.columns import Array

__all__ = ["animate", "draw_map", "fill", "mark_hot", "mesh_of", "without_empty"]

_FLAT = "Draw 1D histograms with overlay(), heatmap() or trend()."
_NEVER = "0.9"
"""Grey of bins that no lumisection fills, where one of several is shown."""

_MOST_RINGS = 20
_WHOLE = 1000  # so large that four digits of it have none after the point


def draw_map(
    subject: Subject,
    ax: Any,
    heading: Heading,
    *,
    ls: Any,
    how: Literal["sum", "mean"],
    good: Any,
    limits: Any,
    log: Any,
) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.map`."""
    subject.check_dimensions(2, "map()", _FLAT)
    if how not in ("sum", "mean"):
        message = f"how must be 'sum' or 'mean', not {shortened(repr(how), 40)}"
        raise ConfigurationError(message, advice="For one lumisection pass ls=.")
    log = checked_flag("log", log)
    limits = checked_limits(limits, log=log)
    every, is_good = subject, are_good(good, subject.sections)
    if ls is not None:
        subject = _of_one(subject, ls, is_good)
    elif good is not None:
        subject = subject.only(is_good)
    canvas = canvas_on(ax)
    parts, limits, power = scaled_alike(subject.data, limits)
    contents = parts.sum(axis=0) if how == "sum" or len(subject) < 2 else parts.mean(axis=0)
    scale = scale_of(contents, limits, log=log)
    label = subject.contents_label(power)
    if how == "mean" and len(subject) > 1:
        label = f"Mean {label[0].lower()}{label[1:]}"
    mesh_of(canvas, subject, without_empty(contents, scale), label, scale)
    mark_hot(canvas, subject, scale)(contents)
    if not len(subject):
        canvas.note("no lumisections" if not len(every) else "no good lumisections")
    elif not contents.any():
        canvas.note("all bins are empty", has_axes=True)
    elif log and not (contents > 0).any():
        canvas.note("no content above 0:\nleave out log=True", has_axes=True)
    when = subject.when
    if subject.sections.many > 1:
        when += f", {how}" if good is None else f", {how} of good LS"
    elif ls is not None:
        when += _never_filled(canvas, every)
    if scale.has_hot and not power:
        when += _hottest(subject, contents, scale)
    canvas.title(subject, heading, when)
    return canvas.axes


def animate(
    subject: Subject, ax: Any, heading: Heading, *, seconds: Any, good: Any, limits: Any, log: Any
) -> FuncAnimation:
    """Draw it. See `cmsdials.plotting.Plots.animate`."""
    subject.check_dimensions(2, "animate()", _FLAT)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 3600:
        message = f"seconds must be a number above 0, not {shortened(repr(seconds), 40)}"
        raise ConfigurationError(message, advice="Say how long each lumisection is shown, such as 0.2.")
    log = checked_flag("log", log)
    limits = checked_limits(limits, log=log)
    if not len(subject):
        message = "there are no lumisections to animate"
        raise ConfigurationError(message, advice="Ask for len(result) first.")
    sections = subject.sections
    is_good = are_good(good, sections)
    canvas = canvas_on(ax)
    parts, limits, power = scaled_alike(subject.data, limits)
    scale = scale_of(parts, limits, log=log)
    mesh = mesh_of(canvas, subject, without_empty(parts[0], scale), subject.contents_label(power), scale)
    grey = _never_filled(canvas, subject)
    move_rings = mark_hot(canvas, subject, scale)
    move_rings(parts[0])

    def title_of(number: int) -> str:
        verdict = "" if is_good[number] else ", not good"
        when = f"Run {sections.run[number]}, LS {sections.ls[number]}{verdict}{grey}"
        words = canvas.words(subject, heading, when)
        return words if heading.title is None else f"{words}\n{when}".strip()

    title = canvas.title(subject, heading)
    texts = [*map(title_of, range(len(subject)))]

    if canvas.is_own:  # to lay out each picture anew takes most of the time
        title.set_text(max(texts, key=lambda text: text.count("\n")))
        canvas.figure.draw_without_rendering()
        canvas.figure.set_layout_engine("none")
    title.set_text(texts[0])

    def draw(number: int) -> tuple[Any, ...]:
        mesh.set_array(without_empty(parts[number], scale))
        move_rings(parts[number])
        title.set_text(texts[number])
        return mesh, title

    return FuncAnimation(
        canvas.figure, draw, frames=len(subject), interval=1000 * seconds, blit=False, cache_frame_data=False
    )


def mesh_of(canvas: Canvas, subject: Subject, contents: Any, label: str, scale: Scale) -> QuadMesh:
    """Draw contents as colours, with the bar of their scale; what is masked is white."""
    x, y = subject.edges
    mesh = canvas.axes.pcolormesh(x, y, contents, cmap=scale.colours, norm=scale.norm, rasterized=True)
    bar = canvas.colour_bar(mesh, label, extend=scale.extend)
    bar.ax.tick_params(which="minor", labelsize=bar.ax.yaxis.get_tick_params()["labelsize"])
    canvas.label(*subject.labels)
    return mesh


def without_empty(contents: Array, scale: Scale) -> Any:
    """Mask contents that are 0 or missing."""
    shown = np.ma.masked_where(~np.isfinite(contents) | (contents == 0), contents)
    if isinstance(scale.norm, LogNorm):  # which would leave out what is below 0
        shown[shown < 0] = np.finfo(float).tiny
    return shown


def _never_filled(canvas: Canvas, subject: Subject) -> str:
    """Grey the bins that no lumisection fills, so that those that this one does not fill stand out; return what says so."""
    is_never = ~(np.nan_to_num(subject.data) != 0).any(axis=0)
    if len(subject) < 2 or not is_never.any() or is_never.all():
        return ""
    fill(canvas, subject, is_never, _NEVER)
    return "\ngrey: always empty"


def fill(canvas: Canvas, subject: Subject, which: Array, colour: Any) -> None:
    """Fill bins with one colour."""
    x, y = subject.edges
    shown = np.ma.masked_where(~which, np.zeros(which.shape))
    canvas.axes.pcolormesh(x, y, shown, cmap=ListedColormap([colour]), rasterized=True)


def _hottest(subject: Subject, contents: Array, scale: Scale) -> str:
    """Say how hot the bins are that the scale leaves out."""
    hot = contents[scale.are_beyond(contents)]
    most = float(hot[np.abs(hot).argmax()])
    number = short(most, _WHOLE if are_counts(subject.data) else 0)
    return f"\n{'red' if most > 0 else 'pink'}: {'up to ' if len(hot) > 1 else ''}{number}"


def mark_hot(canvas: Canvas, subject: Subject, scale: Scale) -> Callable[[Array], None]:
    """Draw rings around hot bins: one of many is too small to be seen, and in grey print its red looks like a low content.

    Returns:
        What places the rings for contents.
    """
    rings = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markerfacecolor="none",
            markersize=canvas.line(6),
            markeredgecolor=colour,
            markeredgewidth=canvas.line(width),
            clip_on=False,
            in_layout=False,  # its extent without points is not that of the axes
            zorder=5,
        )
        for colour, width in (("white", 1.8), ("black", 0.7))
    ]
    for ring in rings:
        canvas.axes.add_artist(ring)

    def move(contents: Array) -> None:
        x, y = _middles_of_groups(subject, scale.are_beyond(contents) & scale.has_hot)
        for ring in rings:
            ring.set_data(x, y)

    return move


def _middles_of_groups(subject: Subject, which: Array) -> tuple[Array, Array]:
    """Return the middle of each group of bins that touch one another; none if there are many, which are seen anyway."""
    where = np.argwhere(which)
    if not 0 < len(where) <= _MOST_RINGS**2:
        return np.empty(0), np.empty(0)
    touch = np.abs(where[:, None] - where).max(axis=2) <= 1
    while (wider := touch @ touch).sum() > touch.sum():
        touch = wider
    groups = np.unique(touch, axis=0)
    if len(groups) > _MOST_RINGS:
        return np.empty(0), np.empty(0)
    x, y = ((edges[:-1] + edges[1:]) / 2 for edges in subject.edges)
    rows, columns = ((groups * where[:, at]).sum(axis=1) / groups.sum(axis=1) for at in (0, 1))
    return np.interp(columns, np.arange(len(x)), x), np.interp(rows, np.arange(len(y)), y)


def _of_one(subject: Subject, ls: Any, is_good: Array) -> Subject:
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
    if not is_good[where[0]]:
        message = f"lumisection {ls} is not good: the mask does not hold it"
        raise ConfigurationError(message, advice="Leave out good=, or choose another one.")
    return subject.only(where)
