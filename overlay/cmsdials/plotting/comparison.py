"""Histograms against a reference: both above, and below them their ratio or pull."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from attrs import evolve, frozen
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from cmsdials.arrays import compare as compared
from cmsdials.arrays import moments
from cmsdials.arrays import normalise as to_shapes
from cmsdials.errors import ConfigurationError
from cmsdials.plotting.canvas import (
    COLOURS,
    Canvas,
    Pair,
    are_good,
    canvas_pair,
    handle_of_line,
    handle_of_shade,
    scaled,
)
from cmsdials.plotting.heading import Heading
from cmsdials.plotting.maps import fill, mark_hot, mesh_of, without_empty
from cmsdials.plotting.numerals import short
from cmsdials.plotting.off_scale import mark_off_scale
from cmsdials.plotting.reference import reference_of
from cmsdials.plotting.scales import Limits, checked_limits, diverging, scale_of
from cmsdials.plotting.subject import Subject, are_counts
from cmsdials.plotting.verdicts import entries_of
from cmsdials.redaction import shortened
from cmsdials.runtime.arguments import checked_flag
from cmsdials.table.columns import Array

__all__ = ["compare"]

_LABELS = {"ratio": "Run / ref.", "pull": "Pull [\N{GREEK SMALL LETTER SIGMA}]"}
_ORDINARY = {"ratio": 1.0, "pull": 0.0}
_SHADE = "0.8"
_GUIDES = (-3, -2, 2, 3)
_MANY = 80
"""Bins from which on points are smaller."""

_ONLY_OURS = {"facecolor": COLOURS[1], "edgecolor": "black", "hatch": "/////"}
_ONLY_THEIRS = {"facecolor": "black"}
_UNKNOWN = {"facecolor": "0.6"}
_NEITHER = {"facecolor": "white", "edgecolor": "0.6"}
_MOST_HATCHED = 5000

"""From which on all floats are whole numbers."""

_LARGEST_RATIO = 1e100
"""Beyond, the arithmetic of axes overflows."""

_WELL = 0.1
"""Relative uncertainty up to which a ratio is well measured."""
_SHARE = 0.9
"""Of all contents: the bins that hold it count as well measured too, since no others are better."""


@frozen(eq=False)
class _Side:
    """What is compared: the histograms, or the reference.

    Attributes:
        data: Contents of the shape (n, x_bin) or (n, y_bin, x_bin).
        name: What it is called.
        entries: How many entries the service says it has; None if that is not known.
    """

    data: Array
    name: str
    entries: float | None

    def added(self, factor: float) -> Array:
        """Return the sum of all, divided by a factor; NaN if there are none, and where it is not a finite number."""
        if not len(self.data):
            return np.full(self.data.shape[1:], np.nan)
        with np.errstate(all="ignore"):
            made = (self.data / factor if factor != 1 else self.data).sum(axis=0)
        return np.where(np.isfinite(made), made, np.nan)


def compare(
    subject: Subject,
    ax: Any,
    heading: Heading,
    *,
    reference: Any,
    panel: Literal["ratio", "pull"],
    normalise: Any,
    good: Any,
    limits: Any,
) -> Pair:
    """Draw it. See `cmsdials.plotting.Plots.compare`."""
    if panel not in _LABELS:
        message = f"panel must be 'ratio' or 'pull', not {shortened(repr(panel), 40)}"
        raise ConfigurationError(message, advice="Choose one of these.")
    normalise = checked_flag("normalise", normalise)
    limits = checked_limits(limits)
    if subject.dimensions > 2:
        subject.check_dimensions(2, "compare()", "Project them first.")
    is_good = are_good(good, subject.sections)
    subject = subject.only(is_good) if good is not None else subject
    other = reference_of(subject, reference)
    entries = None if other.rows is None else _entries(other.rows)
    theirs = _Side(other.data, other.name, entries)
    if not len(subject):
        subject = evolve(subject, data=np.zeros((0, *other.data.shape[1:])), edges=other.edges)
    sides = (_Side(subject.data, subject.when, _entries(subject)), theirs)
    factor, power = _factor(sides)
    sums = np.stack([one.added(factor) for one in sides])
    shown = np.stack([to_shapes(one[None])[0] for one in sums]) if normalise else sums
    large = 1e100 if power else 1  # so that the pull is that of large contents, too
    found = compared(sums[:1] * large, sums[1] * large, panel, normalise=normalise)[0]
    errors = None
    if panel == "ratio" and all(are_counts(one.data) for one in sides):
        with np.errstate(all="ignore"):
            errors = np.abs(found) * np.sqrt(1 / sums[0] + 1 / sums[1])
    limits = limits or _limits(found, sums, errors, panel, is_open=not normalise)
    label = subject.contents_label(power, normalise=normalise)
    top, bottom = canvas_pair(ax, are_alike=subject.dimensions == 2)
    if subject.dimensions == 1:
        _lines(top, subject, sides, sums, shown, label)
        _points(bottom, subject, found, errors, panel, limits, only_ours=_is_filled(sums[0]))
    else:
        scale = scale_of(shown[0])
        mesh_of(top, subject, without_empty(shown[0], scale), label, scale)
        mark_hot(top, subject, scale)(shown[0])
        top.axes.xaxis.label.set_text("")
        top.axes.tick_params(labelbottom=False)
        _map(bottom, subject, found, sums, panel, limits)
    if not np.isfinite(found).any():
        bottom.note("nothing to compare", has_axes=True)
    when = subject.when if good is None else f"{subject.when}, only good LS"
    if subject.dimensions == 2:
        when += f"\nreference: {theirs.name}"
    top.title(subject, heading, when)
    return Pair(top.axes, bottom.axes)


def _is_filled(contents: Array) -> Array:
    made: Array = np.nan_to_num(contents) != 0
    return made


# --- 1D


def _lines(
    canvas: Canvas, subject: Subject, sides: tuple[_Side, _Side], sums: Array, shown: Array, label: str
) -> None:
    edges, axes = subject.edges[0], canvas.axes
    colour, width = COLOURS[0], canvas.line(0.9)
    axes.stairs(np.nan_to_num(shown[1]), edges, fill=True, facecolor=_SHADE, edgecolor="none")
    axes.stairs(np.nan_to_num(shown[0]), edges, color=colour, linewidth=width)
    highest = np.nan_to_num(shown).max(axis=0)
    if are_counts(sides[0].data):
        with np.errstate(all="ignore"):
            errors = np.nan_to_num(shown[0] / np.sqrt(sums[0]))
        highest = np.maximum(highest, np.nan_to_num(shown[0]) + errors)
        axes.errorbar(
            (edges[:-1] + edges[1:]) / 2,
            shown[0],
            errors,
            fmt="none",
            ecolor=colour,
            elinewidth=canvas.line(0.5),
        )
    canvas.label("", label)
    axes.tick_params(labelbottom=False)
    axes.set_xlim(edges[0], edges[-1])
    names = (sides[0].name, f"Reference: {sides[1].name}")
    said = [
        f"{name}{_statistics(side, added, edges)}"
        for name, side, added in zip(names, sides, sums, strict=True)
    ]
    handles = [handle_of_line(said[0], color=colour, linewidth=width), handle_of_shade(said[1], _SHADE)]
    _place_legend(canvas, edges, highest, handles)


def _place_legend(canvas: Canvas, edges: Array, highest: Array, handles: list[Any]) -> None:
    """Draw the legend at the side where contents are lower, and leave room above them for it."""
    axes = canvas.axes
    places = (edges[:-1] + edges[1:]) / 2
    wide, high = canvas.share_of_legend([one.get_label() for one in handles])
    shares = (places - edges[0]) / (edges[-1] - edges[0])
    left, right = (float(highest[one].max(initial=0)) for one in (shares < wide, shares > 1 - wide))
    canvas.legend(handles, loc="upper left" if left < right else "upper right")
    low, peak = min(axes.dataLim.y0 * 1.08, 0.0), float(highest.max())
    if peak > low:
        room = max((peak - low) * 1.08, (min(left, right) - low) / (1 - min(high, 0.7)))
        axes.set_ylim(low, low + room)


def _statistics(side: _Side, added: Array, edges: Array) -> str:
    """Return a line with entries, mean and RMS; nothing if there are no histograms."""
    if not len(side.data):
        return ""
    found = moments(added[None], centres=(edges[:-1] + edges[1:]) / 2)
    mean, rms = (float(found[name][0]) for name in ("mean", "rms"))
    many = side.entries
    parts = []
    if many is not None and np.isfinite(many):
        parts.append(f"{many:.0f} entries" if many < 1e6 else f"{short(many)} entries")
    parts += [f"mean {short(mean, rms)}"] if np.isfinite(mean) else []
    parts += [f"RMS {short(rms)}"] if np.isfinite(rms) else []
    return "\n" + (", ".join(parts) or "empty")


def _points(
    canvas: Canvas,
    subject: Subject,
    found: Array,
    errors: Array | None,
    panel: str,
    limits: Limits,
    *,
    only_ours: Array,
) -> None:
    """Draw ratio or pull, with triangles at the edge for what lies beyond it, such as the ratio to a bin that is empty."""
    edges, axes = subject.edges[0], canvas.axes
    centres = (edges[:-1] + edges[1:]) / 2
    colour, size = COLOURS[0], canvas.line(1.6 if len(found) > _MANY else 2.5)
    if np.isfinite(found).any():
        _guides(canvas, panel)
    axes.errorbar(
        centres,
        found,
        None if errors is None else np.where(np.isfinite(errors), errors, 0),
        fmt="o",
        color=colour,
        markersize=size,
        markeredgewidth=0,
        elinewidth=canvas.line(0.5),
    )
    canvas.label(subject.labels[0], _LABELS[panel])
    axes.set_ylim(*limits)
    if np.isfinite(found).any():
        drawn = np.where(only_ours & np.isnan(found), np.inf, found)
        # Points on the edge, such as ratios of 0, are hardly seen themselves.
        ends = np.nextafter(drawn, -np.inf), np.nextafter(drawn, np.inf)
        mark_off_scale(axes, centres, *ends, color=colour, markersize=1.5 * size, markeredgewidth=0)
    axes.set_xlim(edges[0], edges[-1])
    if canvas.is_own:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _guides(canvas: Canvas, panel: str) -> None:
    """Draw a line at what is ordinary, and faint ones beside it: at all ticks of a ratio, at 2 and 3 of a pull."""
    axes = canvas.axes
    axes.axhline(_ORDINARY[panel], color="0.4", linewidth=canvas.line(0.6), zorder=0.6)
    if panel == "ratio":
        axes.grid(axis="y", color="0.88", linewidth=canvas.line(0.4))
        axes.set_axisbelow(True)
        return
    for at in _GUIDES:
        axes.axhline(at, color="0.7", linewidth=canvas.line(0.4), linestyle=(0, (4, 3)), zorder=0.5)


# --- 2D


def _map(canvas: Canvas, subject: Subject, found: Array, sums: Array, panel: str, limits: Limits) -> None:
    """Draw ratio or pull as colours, and name the bins that only one of the two has."""
    ours, theirs, known = _is_filled(sums[0]), _is_filled(sums[1]), np.isfinite(found)
    one_sided = (ours ^ theirs) & (panel == "ratio")  # the pull of such bins is a number
    states: dict[str, tuple[Array, dict[str, Any]]] = {
        "only in run": (ours & one_sided, _ONLY_OURS),
        "only in reference": (theirs & one_sided, _ONLY_THEIRS),
        f"no {panel}": ((ours | theirs) & ~known & ~one_sided, _UNKNOWN),
        "in neither": (~ours & ~theirs, _NEITHER),
    }
    coloured = np.ma.masked_where(~known | one_sided, found)
    scale = diverging(coloured.compressed(), limits, _ORDINARY[panel])
    mesh_of(canvas, subject, coloured, _LABELS[panel], scale)
    there = (
        [(name, which, how) for name, (which, how) in states.items() if which.any()] if known.any() else []
    )
    for _, which, how in there:
        if how is not _NEITHER:  # which is white already
            fill(canvas, subject, which, how["facecolor"])
        if "hatch" in how:
            _hatch(canvas, subject, which, how)
    if {name for name, _, _ in there} - {"in neither"}:
        _legend_above(canvas, [Patch(**how, label=name) for name, _, how in there])


def _legend_above(canvas: Canvas, handles: list[Any]) -> None:
    canvas.legend(
        handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles),
        borderaxespad=0.1,
        borderpad=0.1,
        handlelength=1.2,
        handletextpad=0.4,
        columnspacing=0.9,
    )


def _hatch(canvas: Canvas, subject: Subject, which: Array, how: dict[str, Any]) -> None:
    """Hatch bins, those that lie side by side as one rectangle; not where these are so many that it takes long."""
    x, y = subject.edges
    steps = np.diff(np.pad(which, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (rows, begins), (_, ends) = np.nonzero(steps == 1), np.nonzero(steps == -1)
    if len(rows) > _MOST_HATCHED:
        return
    left, right, low, high = x[begins], x[ends], y[rows], y[rows + 1]
    corners = [(left, low), (right, low), (right, high), (left, high), (left, low)]
    path = Path(
        np.stack([np.stack(one, axis=-1) for one in corners], axis=1).reshape(-1, 2),
        np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(rows)),
    )
    lines = {"edgecolor": how["edgecolor"], "hatch": how["hatch"]}
    canvas.axes.add_patch(PathPatch(path, facecolor="none", **lines, linewidth=0, rasterized=True))


# --- limits


def _limits(found: Array, sums: Array, errors: Array | None, panel: str, *, is_open: bool) -> Limits:
    """Return limits that show most of the bins; of ratios those that are well measured, since few entries scatter.

    Args:
        found: Ratio or pull.
        sums: What was compared.
        errors: Uncertainty of the ratio; None if it is not known.
        panel: Which it is.
        is_open: Whether the ratio may be far from 1 everywhere; otherwise the limits do not go beyond 0 and 2.
    """
    middle = _ORDINARY[panel]
    if panel == "pull":
        away = np.abs(found[np.isfinite(found)])
        usual = 1.2 * float(np.quantile(away, 0.95)) if len(away) else 0.0
        reach = max(usual, 3.5)
        return -reach, reach
    with np.errstate(all="ignore"):
        shares = np.nan_to_num(
            np.abs(sums) / np.abs(sums).sum(axis=tuple(range(1, sums.ndim)), keepdims=True)
        )
        weights = shares.min(axis=0)
        known = np.isfinite(found) & (weights > 0)
        if not known.any():
            return (0.0, 2.0)
        falling = np.sort(weights[known])[::-1]
        enough = falling[np.searchsorted(np.cumsum(falling), _SHARE * falling.sum())]
        well = known & (weights >= enough)
        if errors is not None:
            well |= known & (errors <= _WELL * np.abs(found))
        least = 0.05 if errors is None else max(3 * float(np.median(errors[well])), 0.05)
    reach = max(1.2 * float(np.quantile(np.abs(found[well] - middle), 0.95)), least)
    reach = min(reach, _LARGEST_RATIO if is_open else 1.0)
    low = middle - reach
    return low if low > 0 or found[well].min() < 0 else 0.0, middle + reach


def _factor(sides: tuple[_Side, _Side]) -> tuple[float, str]:
    """Return by what both are divided, so that sums can be drawn, and what says so."""
    largest = [np.abs(one.data[np.isfinite(one.data)]).max(initial=0) for one in sides]
    _, power = scaled(np.array(largest))
    return float(power.removeprefix(" / ") or 1), power


def _entries(subject: Subject) -> float | None:
    return float(entries_of(subject).sum()) if "entries" in subject.arrays else None
