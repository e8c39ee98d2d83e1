"""A number for each lumisection: mean, RMS, entries and the like, with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from cmsdials.arrays import moments
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting.canvas import (
    COLOURS,
    Axes,
    Canvas,
    CmsLabel,
    are_good,
    canvas_on,
    handle_of_shade,
    scaled,
)
from cmsdials.plotting.subject import Subject
from cmsdials.plotting.units import unit_of
from cmsdials.redaction import printable, shortened
from cmsdials.table.columns import Array

__all__ = ["trend"]

_MANY = 150
"""Lumisections from which on uncertainties are a band, since their bars would touch."""

_Values: TypeAlias = "tuple[Array, Array | None, str]"
"""A number for each lumisection, its uncertainty, and what it is."""


def trend(subject: Subject, ax: Any, cms: CmsLabel, *, of: Any, axis: Any, good: Any) -> Axes:
    """Draw it. See `cmsdials.plotting.Plots.trend`."""
    values, errors, label = _quantity(subject, of, axis)
    canvas = canvas_on(ax, height=0.65)
    is_first = not canvas.axes.has_data()
    sections = subject.sections
    is_good = are_good(good, sections)
    values, power = scaled(values)
    if power and errors is not None:
        errors = errors / float(power.removeprefix(" / "))
    canvas.shade(sections, ~is_good)
    if len(subject):
        _draw(canvas, subject, values, errors)
        if is_first:
            _limit(canvas, values, errors)
    if not np.isfinite(values).any():
        canvas.note("no lumisections" if not len(subject) else "all histograms are empty")
    canvas.label("", label + power)
    canvas.place_runs(sections, along="x")
    canvas.title(subject, cms)
    if not is_good.all():
        canvas.legend([handle_of_shade(f"{sections.count(~is_good)} LS not good")], loc="best")
    return canvas.axes


def _draw(canvas: Canvas, subject: Subject, values: Array, errors: Array | None) -> None:
    """Draw points and lines between them, which end at each gap."""
    axes, colour = canvas.axes, COLOURS[0]
    at, is_there = subject.sections.middles, np.isfinite(values)
    gaps = [one.start for one in subject.sections.stretches()[1:]]

    def broken(numbers: Array) -> Array:
        return np.insert(np.where(is_there, numbers, np.nan), gaps, np.nan)

    many = len(values) > _MANY
    axes.plot(broken(at), broken(values), color=colour, linewidth=canvas.line(0.2 if many else 0.5))
    size = canvas.line(1.2 if many else 2.5)
    axes.plot(at, values, color=colour, linestyle="none", marker="o", markersize=size, markeredgewidth=0)
    if errors is None:
        return
    if many:
        low, high = broken(values - errors), broken(values + errors)
        axes.fill_between(broken(at), low, high, color=colour, alpha=0.3, linewidth=0)
    known = is_there & np.isfinite(errors)
    if many:  # a band of one lumisection has no width
        lengths = np.diff([0, *gaps, len(at)])
        known &= np.repeat(lengths == 1, lengths)
    width = canvas.line(0.6)
    axes.errorbar(at[known], values[known], errors[known], fmt="none", ecolor=colour, elinewidth=width)


def _limit(canvas: Canvas, values: Array, errors: Array | None) -> None:
    """Let the scale show all values; a histogram that is almost empty has an uncertainty that would hide how others differ."""
    known = np.isfinite(values) & np.isfinite(errors if errors is not None else np.nan)
    if errors is not None and known.any():
        low, high = values[known].min(), values[known].max()
        room = max(0.1 * (high - low), 1.5 * float(np.median(errors[known])))
        if room > 0:
            canvas.axes.set_ylim(low - room, high + room)


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
                values = np.asarray(subject.arrays[name], np.float64)
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
