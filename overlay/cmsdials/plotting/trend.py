"""A number for each lumisection: mean, RMS, entries and the like, with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen
from matplotlib.lines import Line2D

from cmsdials.arrays import moments
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting.canvas import (
    BAD,
    COLOURS,
    RED,
    Axes,
    Canvas,
    canvas_on,
    handle_of_line,
    scaled,
    shade_across,
)
from cmsdials.plotting.heading import Heading
from cmsdials.plotting.level import Level, level_of
from cmsdials.plotting.off_scale import limit, mark_off_scale
from cmsdials.plotting.sections import Sections
from cmsdials.plotting.subject import Subject
from cmsdials.plotting.units import unit_of
from cmsdials.plotting.verdicts import Verdicts, entries_of, verdicts_of
from cmsdials.redaction import printable, shortened
from cmsdials.table.columns import Array

__all__ = ["trend"]

_MANY = 150
"""Lumisections from which on uncertainties are a band, since their bars would touch."""

_FROM_EDGE = 0.015
"""How far from the frame the first and the last point stand at least, of the width of the axes: LS 1 is often a bad one."""

_BOTTOM = 0.03
"""Where crosses stand, of the height of the axes."""

_LEVEL, _AROUND = "0.25", COLOURS[1]
_COUNTS = ("entries", "sum")
_SUMMED = ("mean", "rms")
"""What is taken of the sum of a reference; anything else is the mean over its lumisections."""

_Values: TypeAlias = "tuple[Array, Array | None, str]"
"""A number for each lumisection, its uncertainty, and what it is."""


def trend(
    subject: Subject,
    ax: Any,
    heading: Heading,
    *,
    of: Any,
    axis: Any,
    good: Any,
    min_entries: Any,
    reference: Any,
) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.trend`."""
    values, errors, label = _quantity(subject, of, axis)
    verdicts = verdicts_of(subject, good, min_entries)
    is_named = isinstance(of, str)
    level = level_of(
        subject,
        reference,
        lambda other: _quantity(other, of, axis)[:2],
        is_of_sum=is_named and of in _SUMMED,
    )
    canvas = canvas_on(ax, height=0.65)
    is_first = not canvas.axes.has_data()
    values, power = scaled(values)
    unit = float(power.removeprefix(" / ") or 1)
    errors = np.full(len(values), np.nan) if errors is None else errors / unit
    points = _Points(subject.sections, values, errors, verdicts)
    bad = subject.sections.ranges(~verdicts.is_good)
    shade_across(canvas.axes, bad, along="x", facecolor=BAD, edgecolor="none", zorder=0)
    handles = _draw(canvas, points)
    if level is not None:
        level = level.divided(unit)
        handles.append(_draw_level(canvas, level))
    _limit(canvas, points, level, is_first=is_first, from_zero=is_named and of in _COUNTS)
    handles += _mark(canvas, points)
    if not points.is_there.any():
        canvas.note("no values" if len(values) and not verdicts.is_empty.all() else verdicts.why_nothing)
    canvas.label("", label + power)
    canvas.place_runs(subject.sections, along="x")
    low, high = subject.sections.limits
    room = max(_FROM_EDGE * (high - low) - 0.5, 0.0)
    canvas.axes.set_xlim(low - room, high + room)
    canvas.title(subject, heading)
    canvas.legend_outside(handles, "best")
    return canvas.axes


@frozen(eq=False)
class _Points:
    """What is drawn: a number for each row, and its uncertainty, which may be NaN."""

    sections: Sections
    values: Array
    errors: Array
    verdicts: Verdicts

    @property
    def is_there(self) -> Array:
        """Which rows have a number."""
        made: Array = np.isfinite(self.values)
        return made

    @property
    def are_many(self) -> bool:
        """Whether bars of uncertainties would touch, so that these are a band."""
        return len(self.values) > _MANY

    def kinds(self, canvas: Canvas) -> list[tuple[Array, dict[str, Any]]]:
        """Return which rows are drawn alike, and how: the most remarkable ones last."""
        is_shown = self.is_there & ~(self.verdicts.is_empty & (self.values == 0))
        made = []
        for few in (True, False):
            for good in (True, False):
                which = is_shown & (self.verdicts.is_good == good) & (self.verdicts.is_few == few)
                if which.any():
                    made.append((which, _style(canvas, good=good, few=few, many=self.are_many)))
        return made


def _style(canvas: Canvas, *, good: bool, few: bool, many: bool = False) -> dict[str, Any]:
    colour = COLOURS[0] if good else RED
    return {
        "color": colour,
        "marker": "o" if good else "D",
        "markerfacecolor": "white" if few else colour,
        "markersize": canvas.line(1.2 if many and good else 2.5 if good else 2.2),
        "markeredgewidth": canvas.line(0.4) if few else 0,
    }


def _draw(canvas: Canvas, points: _Points) -> list[Any]:
    """Draw points, lines between them, which end at each gap, and crosses; return what names those that are special."""
    axes, verdicts, many = canvas.axes, points.verdicts, points.are_many
    at, values, errors = points.sections.middles, points.values, points.errors
    is_joined = points.is_there & ~verdicts.is_few
    lengths = [one.stop - one.start for one in points.sections.stretches()]
    stretch = np.repeat(np.arange(len(lengths)), lengths)
    kept = np.flatnonzero(~verdicts.is_few)
    gaps = np.flatnonzero(np.diff(stretch[kept])) + 1

    def broken(numbers: Array) -> Array:
        return np.insert(np.where(is_joined, numbers, np.nan)[kept], gaps, np.nan)

    axes.plot(broken(at), broken(values), color=COLOURS[0], linewidth=canvas.line(0.2 if many else 0.5))
    has_bar = points.is_there & np.isfinite(errors)
    if many:
        low, high = broken(values - errors), broken(values + errors)
        axes.fill_between(broken(at), low, high, color=COLOURS[0], alpha=0.3, linewidth=0)
        part = stretch + np.cumsum(~points.is_there)
        is_alone = np.bincount(part[is_joined], minlength=part[-1] + 1)[part] == 1
        has_bar &= verdicts.is_few | is_alone  # a band of one lumisection has no width
    for which, how in points.kinds(canvas):
        bars = which & has_bar
        pale = 0.4 if how["markerfacecolor"] == "white" else 1
        bar = {"ecolor": how["color"], "elinewidth": canvas.line(0.6), "alpha": pale}
        axes.errorbar(at[bars], values[bars], errors[bars], fmt="none", **bar)
        axes.plot(at[which], values[which], linestyle="none", **how)
    return [*_names(canvas, verdicts), *_crosses(canvas, points)]


def _names(canvas: Canvas, verdicts: Verdicts) -> list[Any]:
    """Return what names points that are special."""
    made, letters = [], canvas.letters_of_legend
    if verdicts.has_bad:
        how = _style(canvas, good=False, few=False) | {"color": BAD, "linewidth": canvas.line(6)}
        made.append(handle_of_line(verdicts.bad(letters), **how))
    if verdicts.is_few.any():
        made.append(
            handle_of_line(verdicts.few(letters), linestyle="none", **_style(canvas, good=True, few=True))
        )
    return made


def _crosses(canvas: Canvas, points: _Points) -> list[Any]:
    """Draw a cross at the bottom for what is there and has nothing to show; return what names them."""
    verdicts, sections = points.verdicts, points.sections
    which = verdicts.is_empty | ~points.is_there
    if not which.any():
        return []
    how: dict[str, Any] = {
        "color": "0.3",
        "marker": "x",
        "markersize": canvas.line(3),
        "markeredgewidth": canvas.line(0.7),
        "linestyle": "none",
    }
    across = canvas.axes.get_xaxis_transform()
    heights = np.full(int(which.sum()), _BOTTOM)
    canvas.axes.add_artist(Line2D(sections.middles[which], heights, transform=across, **how))
    letters = canvas.letters_of_legend
    text = verdicts.named(f"{sections.count(which)} LS without a value", which, letters)
    if verdicts.is_empty[which].all():
        text = verdicts.empty(letters)
    return [handle_of_line(text, **how)]


def _draw_level(canvas: Canvas, level: Level) -> Any:
    """Draw a reference; return what names it."""
    how: dict[str, Any] = {"color": _LEVEL, "linewidth": canvas.line(0.7), "linestyle": (0, (5, 2))}
    if np.isfinite(level.value):
        canvas.axes.axhline(level.value, zorder=1.6, **how)
        if level.error > 0:
            low, high = level.value - level.error, level.value + level.error
            canvas.axes.axhspan(low, high, facecolor=_AROUND, edgecolor="none", alpha=0.35, zorder=0.5)
    return handle_of_line(level.name, **how)


def _mark(canvas: Canvas, points: _Points) -> list[Any]:
    """Mark points that leave the scale; return what says so in the legend."""
    at, values, large = points.sections.middles, points.values, {"markersize": canvas.line(3.5)}
    are_off = [
        mark_off_scale(canvas.axes, at[which], values[which], values[which], **how | large)
        for which, how in points.kinds(canvas)
    ]
    how: dict[str, Any] = {"color": "0.3", "linestyle": "none", "marker": "^", "markeredgewidth": 0}
    return [handle_of_line("off scale", **how, **large)] if any(are_off) else []


def _limit(canvas: Canvas, points: _Points, level: Level | None, *, is_first: bool, from_zero: bool) -> None:
    """Let the scale show what is measured well; an almost empty histogram would hide how others differ."""
    chosen = points.is_there & points.verdicts.is_measured
    if not chosen.any():
        chosen = points.is_there
    errors = points.errors[chosen & np.isfinite(points.errors)]
    seen = points.values[chosen]
    if level is not None:
        seen = np.append(seen, level.around)
    if not len(seen):
        return
    low, high = float(seen.min()), float(seen.max())
    usual = float(np.median(errors)) if len(errors) else 0.0
    room = max(0.1 * (high - low), 1.5 * usual) or 0.1 * abs(high) or 1.0
    if from_zero and low >= 0:
        limit(canvas.axes, 0.0, high + max(room, 0.08 * high), is_first=is_first)
    else:
        limit(canvas.axes, low - room, high + room, is_first=is_first)


def _quantity(subject: Subject, of: Any, axis: Any) -> _Values:
    """Return what is drawn.

    Raises:
        ConfigurationError: There is no such quantity, or it has another length.
        BinningError: There is no such axis.
    """
    if callable(of):
        return _calculated(subject, of)
    if not isinstance(of, str) or of not in _KNOWN:
        message = f"there is no trend of {shortened(repr(of), 60)}"
        advice = f"There are {', '.join(_KNOWN)}; or pass a function of arrays, which returns one number for each row."
        raise ConfigurationError(message, advice=advice)
    return _KNOWN[of](subject, axis)


def _moment(name: str, word: str) -> Callable[[Subject, Any], _Values]:
    def calculated(subject: Subject, axis: Any) -> _Values:
        axes = "xyz"[: subject.dimensions]
        if not isinstance(axis, str) or axis not in [*axes]:
            message = f"these histograms have no axis {shortened(repr(axis), 40)}"
            raise BinningError(message, advice=f"They have {' and '.join(axes)}.")
        number = axes.index(axis)
        edges, label = subject.edges[number], subject.labels[number]
        found = moments(subject.data, axis, centres=(edges[:-1] + edges[1:]) / 2)
        unit = unit_of(label)
        return found[name], found[f"{name}_error"], _broken(f"{label.removesuffix(unit)}, {word}{unit}")

    return calculated


def _broken(label: str) -> str:
    """Break a label that is too long for the height of a plot before its last part."""
    return label if len(label) < 28 else ",\n".join(label.rsplit(", ", 1))


def _counts(name: str, label: str) -> Callable[[Subject, Any], _Values]:
    def calculated(subject: Subject, axis: Any) -> _Values:
        del axis
        if name == "entries" and "entries" not in subject.arrays:
            message = "these rows have no entries"
            raise ConfigurationError(message, advice='List without fields=, or draw trend("sum").')
        with np.errstate(all="ignore"):
            if name == "entries":
                values = entries_of(subject)
            else:
                values = subject.data.sum(axis=tuple(range(1, subject.data.ndim)))
            return values, np.sqrt(values), label

    return calculated


def _empty(subject: Subject, axis: Any) -> _Values:
    del axis
    return (subject.data == 0).mean(axis=tuple(range(1, subject.data.ndim))), None, "Fraction of empty bins"


_KNOWN: dict[str, Callable[[Subject, Any], _Values]] = {
    "mean": _moment("mean", "mean"),
    "rms": _moment("rms", "RMS"),
    "entries": _counts("entries", "Entries"),
    "sum": _counts("sum", "Sum of contents"),
    "empty": _empty,
}


def _calculated(subject: Subject, of: Callable[..., Any]) -> _Values:
    made = of(dict(subject.arrays))
    values, errors = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    name = getattr(of, "__name__", "<lambda>")
    label = "" if name == "<lambda>" else printable(name.replace("_", " ").strip().capitalize(), 60)
    return _numbers(subject, values), None if errors is None else _numbers(subject, errors), label


def _numbers(subject: Subject, given: Any) -> Array:
    array = np.asarray(given)
    if array.dtype.kind not in "biuf" or array.shape != (len(subject),):
        message = f"the function of the trend returned {array.dtype} of the shape {array.shape}"
        advice = f"Return one number for each of the {len(subject)} rows, or a pair: numbers and their uncertainties."
        raise ConfigurationError(message, advice=advice)
    return array.astype(np.float64)
