"""The axes that plots are drawn on, and what stands around them: sizes, titles, the label of CMS, shades.

Nothing here touches pyplot or the settings of matplotlib: a figure made here belongs to the axes that are returned.
"""

from __future__ import annotations

from io import BytesIO
from textwrap import wrap
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from cmsdials.errors import ConfigurationError
from cmsdials.plotting.heading import Heading
from cmsdials.plotting.sections import Sections
from cmsdials.plotting.subject import Subject
from cmsdials.redaction import printable, shortened
from cmsdials.runtime import extras
from cmsdials.table.columns import Array
from cmsdials.table.lumi_mask import LumiMask

__all__ = [
    "BAD",
    "COLOURS",
    "RED",
    "Axes",
    "Canvas",
    "Pair",
    "are_good",
    "canvas_on",
    "canvas_pair",
    "colours_of_lumisections",
    "from_zero",
    "handle_of_line",
    "handle_of_shade",
    "handle_of_words",
    "scaled",
    "shade_across",
]

_WIDTH = 86 / 25.4  # inches: a column of a paper
_TEXT = 7.0  # points
_LARGEST_TITLE = 11.0  # points: styles with large texts leave no room for more above the axes
_RESOLUTION = 200  # dots per inch
_LETTER = 0.55  # of the size of a text, on average
_SMALLER = 0.85

COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59")
"""For categories: those of Petroff (arXiv:2107.02270), which people who see few colours can tell apart."""

BAD = "0.88"
"""The shade behind lumisections that are not good."""

RED = COLOURS[2]
"""For lumisections that are not good."""

_HUGE = 1e100
_MOST_RUNS = 12
_OWN_ROOM = 0.78
"""How much of the width of a figure of its own a legend below the axes may take."""
_INSIDE = 0.6
"""How much of the width of axes a legend in them may take."""
_BESIDE_COLOURS = 0.8
"""How much of the width of axes a scale of colours leaves."""


class ShownAxes(Axes):
    """Axes of a figure that pyplot does not know, which notebooks would not show otherwise."""

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        _figure_of(self).savefig(picture, format="png")
        return picture.getvalue()


class _Lumisections(MaxNLocator):
    """Round numbers of lumisections, the first of which is 1."""

    def __init__(self, most: int) -> None:
        super().__init__(most, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return [tick for tick in super().tick_values(vmin, vmax) if tick >= 1]


class Pair(NamedTuple):
    """Axes above each other."""

    top: Axes
    bottom: Axes

    def _repr_png_(self) -> bytes | None:
        return self.top._repr_png_() if isinstance(self.top, ShownAxes) else None


@frozen
class Canvas:
    """Axes, and how to write on them.

    Attributes:
        axes: What is drawn on.
        text: Size of texts in points.
        is_own: Whether the figure was made here.
    """

    axes: Axes
    text: float
    is_own: bool

    @property
    def figure(self) -> Figure:
        """The figure that the axes are in."""
        return _figure_of(self.axes)

    def beside(self, axes: Axes) -> Canvas:
        """Return other axes of the same figure, written on alike."""
        return Canvas(axes, self.text, self.is_own)

    def line(self, width: float) -> float:
        """Return the width of a line, which is given for texts of 7 points."""
        return width * self.text / _TEXT

    def label(self, x: str, y: str) -> None:
        """Label both axes, and bring all their texts to one size."""
        for axis, text in ((self.axes.xaxis, x), (self.axes.yaxis, y)):
            axis.label.set(text=text, fontsize=self.text, parse_math=False)
            axis.get_offset_text().set_fontsize(self.text * _SMALLER)
        if self.is_own:
            self.axes.xaxis.set_major_locator(MaxNLocator(5))
        self.small_ticks()

    def small_ticks(self) -> None:
        """Bring numbers and lines of the axes to the size of the texts."""
        size = self.text
        self.axes.tick_params(labelsize=size * _SMALLER)
        if self.is_own:
            self.axes.tick_params(width=size / 14, length=size / 3, pad=size / 3)
            self.axes.tick_params(which="minor", width=size / 18, length=size / 5)
            for spine in self.axes.spines.values():
                spine.set_linewidth(size / 12)

    def title(self, subject: Subject, heading: Heading, when: str | None = None) -> Text:
        """Say above the axes what is shown, and on request that it is of CMS; return the text."""
        pad = self._size_of_title / 2
        if heading.cms_label is not None:
            pad += 1.6 * self.text
            self._cms_label(heading)
        text = self.words(subject, heading, when)
        made = self.axes.set_title(text, loc="left", fontsize=self._size_of_title, pad=pad)
        made.set_parse_math(False)
        return made

    def words(self, subject: Subject, heading: Heading, when: str | None = None) -> str:
        """Return what the title says, in lines that fit above the axes; those of `when` may stand on one."""
        letters = max(20, int(self._room("x") * 0.98 / (self._size_of_title * _LETTER)))
        return heading.words(subject.me, subject.when if when is None else when, subject.dataset, letters)

    @property
    def _size_of_title(self) -> float:
        return min(self.text * _SMALLER, _LARGEST_TITLE)

    def _cms_label(self, heading: Heading) -> None:
        mplhep = extras.require("mplhep", "hist", needed_by="cms_label=")
        mplhep.cms.label(
            llabel=printable(heading.cms_label or "", 60),
            rlabel=printable(heading.when, 60),
            loc=0,
            fontsize=self.text,
            ax=self.axes,
        )

    def colour_bar(self, of: Any, label: str, sections: Sections | None = None, **how: Any) -> Any:
        """Draw the scale of colours beside the axes; with sections, a scale of lumisections. Return it."""
        bar = self.figure.colorbar(of, ax=self.axes, **{"pad": 0.02, "aspect": 30} | how)
        self.beside(bar.ax).small_ticks()
        bar.outline.set_linewidth(self.text / 12)
        bar.set_label(label, fontsize=self.text)
        bar.ax.yaxis.label.set_parse_math(False)
        bar.ax.yaxis.get_offset_text().set_fontsize(self.text * _SMALLER)
        if sections is not None and not sections.is_one_run:
            ticks, names = sections.ticks(8)
            bar.set_ticks(ticks, labels=names)
            bar.ax.tick_params(length=0)
        elif sections is not None:
            bar.locator = _Lumisections(8)
        return bar

    def place_runs(self, sections: Sections, *, along: str) -> None:
        """Let an axis show lumisections: their numbers, or with several runs these in the middle of their stretch."""
        axis = self.axes.xaxis if along == "x" else self.axes.yaxis
        axis.label.set(text=sections.label, fontsize=self.text)
        (self.axes.set_xlim if along == "x" else self.axes.set_ylim)(*sections.limits)
        if sections.is_one_run:
            axis.set_major_locator(_Lumisections(7))
            return
        letters = len(str(sections.runs[-1])) + 2 if along == "x" else 2
        most = max(1, int(self._room(along) / (letters * _LETTER * self.text * _SMALLER)))
        axis.set_ticks(*sections.ticks(min(most, _MOST_RUNS)))
        self.axes.tick_params(axis="x" if along == "x" else "y", length=0)
        draw = self.axes.axvline if along == "x" else self.axes.axhline
        for border in sections.borders.tolist():
            draw(
                border,
                color="0.35" if along == "x" else "white",
                linewidth=self.line(0.6),
                linestyle=(0, (4, 2)),
            )

    def _room(self, along: str) -> float:
        """Return about how wide, or along y how high, the axes are, in points."""
        box, figure = self.axes.get_position(), self.figure
        inches = box.width * figure.get_figwidth() if along == "x" else box.height * figure.get_figheight()
        return 72 * float(inches)

    @property
    def letters_of_legend(self) -> int:
        """About how many letters a line of the legend has, so that it neither hides much nor leaves axes less room."""
        if self.is_own:  # it may reach below a scale of colours
            room = _OWN_ROOM * 72 * self.figure.get_figwidth()
        else:
            room = self._room("x") * (1 if self._has_room_outside else _INSIDE)
        return max(20, int(room / (self.text * _SMALLER * _LETTER)) - 4)

    @property
    def _has_room_outside(self) -> bool:
        return self.figure.get_layout_engine() is not None

    def legend_outside(self, handles: list[Any], loc: str) -> None:
        """Name what is drawn below the axes, where it hides nothing; at `loc` if the figure makes no room for that."""
        size = self.text * _SMALLER
        lines = [wrap(one.get_label(), self.letters_of_legend, break_long_words=False) for one in handles]
        for one, parts in zip(handles, lines, strict=True):
            one.set_label("\n".join(parts))
        if not handles or not self._has_room_outside:
            self.legend(handles, loc=loc)
            return
        widths = [(max(map(len, parts)) * _LETTER + 5) * size for parts in lines]
        room = self._room("x") * (1 if len(self.figure.axes) < 2 else _BESIDE_COLOURS)
        columns = next(
            number
            for number in range(len(handles), 0, -1)
            if number == 1 or sum(part.max() for part in np.array_split(widths, number)) <= room
        )
        rows = sum(map(len, lines)) if columns == 1 else -(-len(handles) // columns)
        if self.is_own:  # so that the axes stay as high as they are
            self.figure.set_figheight(self.figure.get_figheight() + 1.5 * size * rows / 72)
        below = ScaledTranslation(0, -4 * self.text / 72, self.figure.dpi_scale_trans)
        self.legend(
            handles,
            loc="upper left",
            bbox_to_anchor=(0, 0),
            bbox_transform=self.axes.transAxes + below,
            ncols=columns,
            borderpad=0,
            borderaxespad=0,
            labelspacing=0.3,
        )

    def legend(self, handles: list[Any], **how: Any) -> None:
        """Name what is drawn."""
        if handles:
            made = self.axes.legend(
                handles=handles,
                fontsize=self.text * _SMALLER,
                frameon=True,
                framealpha=0.8,
                edgecolor="none",
                **how,
            )
            made.set_zorder(10)
            for text in made.get_texts():
                text.set_parse_math(False)

    def share_of_legend(self, texts: list[str]) -> tuple[float, float]:
        """Return about which shares of the width and the height of the axes a legend takes."""
        size = self.text * _SMALLER
        lines = [line for text in texts for line in text.split("\n")]
        wide = size * (_LETTER * max(map(len, lines)) + 4.5)
        high = size * (1.25 * len(lines) + 0.5 * len(texts) + 1.5)
        return wide / self._room("x"), high / self._room("y")

    def note(self, text: str, *, has_axes: bool = False) -> None:
        """Say in the middle of the axes why nothing is there."""
        if not has_axes:
            self.axes.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False)
        self.axes.text(
            0.5,
            0.5,
            text,
            transform=self.axes.transAxes,
            ha="center",
            va="center",
            fontsize=self.text,
            color="0.4",
        )


def canvas_on(ax: Any, *, height: float = 0.75) -> Canvas:
    """Return the axes to draw on: those given, or new ones as wide as a column (86 mm) and `height` times as high.

    Raises:
        ConfigurationError: What was given are not axes.
    """
    if ax is None:
        return Canvas(_new_figure(height).add_subplot(axes_class=ShownAxes), _TEXT, is_own=True)
    if not isinstance(ax, Axes):
        message = f"ax must be axes of matplotlib, not {shortened(type(ax).__name__, 60)}"
        raise ConfigurationError(
            message, advice="Give what figure.subplots() returns, or leave it out for a new figure."
        )
    return Canvas(ax, float(mpl.rcParams["font.size"]), is_own=False)


def canvas_pair(ax: Any, *, are_alike: bool) -> tuple[Canvas, Canvas]:
    """Return two axes above each other, with one x axis: those given, one given and a part cut off from it, or new ones.

    Args:
        ax: The upper and the lower axes, or one that both share; None for a new figure.
        are_alike: Whether both are as high; otherwise the lower one is half of the upper one.

    Raises:
        ConfigurationError: What was given are not axes.
    """
    ratios = (1, 1) if are_alike else (2, 1)
    if ax is None:
        figure = _new_figure(1.3 if are_alike else 1.0)
        grid = figure.add_gridspec(2, 1, height_ratios=ratios)
        top = figure.add_subplot(grid[0], axes_class=ShownAxes)
        bottom = figure.add_subplot(grid[1], axes_class=ShownAxes, sharex=top)
        return Canvas(top, _TEXT, is_own=True), Canvas(bottom, _TEXT, is_own=True)
    if isinstance(ax, Axes):
        return canvas_on(ax), canvas_on(_cut_off(ax, ratios, gap=0.2 if are_alike else 0.08))
    axes = list(np.ravel(ax)) if isinstance(ax, tuple | list | np.ndarray) else []
    if len(axes) != 2:
        message = f"ax must be axes of matplotlib, or two of them, not {shortened(type(ax).__name__, 60)}"
        raise ConfigurationError(
            message, advice="Give figure.subplots(2, sharex=True), or leave it out for a new figure."
        )
    return canvas_on(axes[0]), canvas_on(axes[1])


def _cut_off(ax: Axes, ratios: tuple[int, int], gap: float) -> Axes:
    """Return new axes in the lower part of others, which are left with the upper part."""
    figure: Any = ax.get_figure()
    spec = ax.get_subplotspec()
    made: Axes
    if spec is not None:
        grid = spec.subgridspec(2, 1, height_ratios=ratios, hspace=gap)
        ax.set_subplotspec(grid[0])
        made = figure.add_subplot(grid[1], sharex=ax)
    else:
        left, low, wide, high = ax.get_position().bounds
        unit = high / (sum(ratios) + gap)
        ax.set_position((left, low + high - ratios[0] * unit, wide, ratios[0] * unit))
        made = figure.add_axes((left, low, wide, ratios[1] * unit), sharex=ax)
    return made


def _new_figure(height: float) -> Figure:
    figure = Figure(figsize=(_WIDTH, _WIDTH * height), dpi=_RESOLUTION, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _figure_of(axes: Axes) -> Figure:
    figure: Any = axes.get_figure()
    while not isinstance(figure, Figure):  # of a subfigure
        figure = figure.figure
    return figure


def colours_of_lumisections() -> Colormap:
    """Return viridis from pale to dark, so that the last is seen best; without the part that is too pale for lines on white."""
    return ListedColormap(mpl.colormaps["viridis"](np.linspace(0.88, 0, 256)), name="lumisections")


def are_good(good: Any, sections: Sections) -> Array:
    """Say which lumisections are good: all, if there is no mask.

    Raises:
        ConfigurationError: It is not a mask.
    """
    if good is None:
        return np.ones(len(sections.at), bool)
    if not isinstance(good, LumiMask):
        message = f"good must be a LumiMask, not {shortened(type(good).__name__, 60)}"
        raise ConfigurationError(message, advice="Make one: LumiMask(...) reads files, JSON and dicts.")
    lengths = sections.last - sections.ls + 1
    starts = np.cumsum(lengths) - lengths
    within = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    each = np.asarray(good(np.repeat(sections.run, lengths), np.repeat(sections.ls, lengths) + within))
    return np.logical_and.reduceat(each, starts) if len(starts) else each


def shade_across(axes: Axes, ranges: list[tuple[float, float]], *, along: str, **how: Any) -> None:
    """Draw bars across the axes, each from one position to another along x or y, as one artist: there may be thousands."""
    if not ranges:
        return
    first, last = np.array(ranges).T
    zeros, ones = np.zeros(len(first)), np.ones(len(first))
    corners = np.array([[first, zeros], [last, zeros], [last, ones], [first, ones]]).transpose(2, 0, 1)
    across = axes.get_xaxis_transform() if along == "x" else axes.get_yaxis_transform()
    bars = PolyCollection([*(corners if along == "x" else corners[:, :, ::-1])], transform=across, **how)
    axes.add_collection(bars, autolim=False)


def from_zero(contents: Array) -> Normalize:
    """Return colours from 0, or the smallest content if that is below, to the largest, or 0 if none is above."""
    finite = contents[np.isfinite(contents)]
    low, high = min(finite.min(initial=0), 0.0), max(finite.max(initial=0), 0.0)
    return Normalize(low, high if high > low else low + 1)


def scaled(data: Array) -> tuple[Array, str]:
    """Return contents that can be drawn, and what they were divided by, for the label.

    Beyond 1e100 the arithmetic of axes and colours overflows.
    """
    largest = np.abs(data[np.isfinite(data)]).max(initial=0)
    if largest < _HUGE:
        return data, ""
    power = int(np.floor(np.log10(largest)))
    with np.errstate(all="ignore"):
        return data / 10.0**power, f" / 1e{power}"


def handle_of_shade(text: str, colour: str = BAD) -> Patch:
    """Return what names a shade in a legend."""
    return Patch(facecolor=colour, edgecolor="none", label=text)


def handle_of_line(text: str, **how: Any) -> Line2D:
    """Return what names a line in a legend."""
    return Line2D([], [], label=text, **how)


def handle_of_words(text: str) -> Line2D:
    """Return words in a legend on what is not drawn."""
    return handle_of_line(text, linestyle="none")
