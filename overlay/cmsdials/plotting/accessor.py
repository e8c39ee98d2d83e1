"""`result.plot`: the plots that there are, and what they take. What draws them is imported when they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from cmsdials.runtime import extras
from cmsdials.runtime.background import load

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

    from cmsdials.plotting.canvas import Pair
    from cmsdials.plotting.heading import Heading
    from cmsdials.plotting.subject import Subject
    from cmsdials.table.lumi_mask import LumiMask

__all__ = ["Plots", "Plotted"]


@frozen(repr=False, eq=False)
class Plots:
    """Plots of the histograms of one monitoring element, by lumisection.

    Each plot is drawn on `ax`, axes of matplotlib, and returns them; without `ax` it makes a figure of its own, 86 mm wide,
    which notebooks show, and which `axes.figure.savefig("plot.pdf")` writes as PNG, PDF or SVG. Its texts have 7 points; on
    axes that are given they follow `font.size` of matplotlib's settings. pyplot and these settings stay as they are. Titles
    say which ME, run, lumisections and dataset it is; what the x axis shows, and its unit, is in `cmsdials.plotting.AXES`.

    Missing lumisections are gaps. Several runs follow one another, with a line between them.

    All plots take:

    - ax: Axes to draw on; None for a new figure.
    - title: Words in place of those; "" for none. Those of an animation are followed by the lumisection.
    - cms_label: Words after "CMS", which mplhep draws above the axes, such as "Internal"; "" for CMS alone; None for no label.
    - year: When the data were taken, such as 2024.
    - energy: Energy of the collisions: a number in TeV, or text such as "5.36 TeV".

    All of them raise:

    - MissingDependencyError: matplotlib is not installed (with `cms_label` also mplhep); the message holds the command.
    - ConfigurationError: The rows are of several MEs or datasets, which the message names (`of` chooses one); they lack the run
      or the lumisection, or have one twice; or an argument is unusable.
    - BinningError: The rows are not histograms, not of one binning, of another number of dimensions than the plot shows, or
      were listed without their binning or contents.

    Attributes:
        rows: What is drawn: a result, a page, a row or a list of rows; a frame of pandas or polars with the column `data`;
            or the arrays that `to_numpy` returns, also after `rebin`, `crop`, `sum_lumis` or `normalise` of
            `cmsdials.arrays`.
    """

    rows: Any

    def __repr__(self) -> str:
        return "<plots: of(...), overlay(), heatmap(), trend(), compare(reference), map(), animate()>"

    def of(self, **wanted: Any) -> Plots:
        """Choose what is drawn: ``result.plot.of(me_id=2, run_number=[367112, 367131]).trend()``.

        Args:
            **wanted: For each field the value that rows must have, or a list of such values.

        Raises:
            ConfigurationError: There is no such field, or no such row; the advice says what there is.
        """
        load("cmsdials.plotting.subject")
        from cmsdials.plotting.subject import chosen  # noqa: PLC0415  # it imports NumPy

        return Plots(chosen(self.rows, wanted))

    def overlay(
        self,
        *,
        most: int = 100,
        normalise: bool = False,
        good: LumiMask | None = None,
        min_entries: int | None = None,
        reference: Any = None,
        ax: Axes | None = None,
        title: str | None = None,
        cms_label: str | None = None,
        year: int | str | None = None,
        energy: float | str | None = None,
    ) -> Axes:
        """Draw 1D histograms over each other, coloured by lumisection, the last one thicker and above the others.

        Up to six lumisections have colours of their own, and names in the legend. With `normalise`, the scale is that of
        histograms with at least 4% of the usual (median) entries; triangles mark where others go beyond it. Empty
        histograms are counted in the legend, which names them as far as there is room.

        Args:
            most: How many lumisections are drawn as lines, evenly chosen. The others are a grey band, in which the middle 90%
                of them lie in each bin.
            normalise: Scale each histogram to a sum of 1, to compare shapes.
            good: Lumisections that are not in this mask are red and dashed, on top of the others, which are then paler.
            min_entries: Lumisections with fewer entries are not drawn, but counted in the legend, too.
            reference: As in `compare`, drawn as a grey area: its shape, or without `normalise` this scaled to the median sum
                of the histograms.
            ax: As in all plots.
            title: The same.
            cms_label: The same.
            year: The same.
            energy: The same.
        """
        heading = _ready("overlay", title, cms_label, year, energy)
        from cmsdials.plotting.overlay import overlay  # noqa: PLC0415  # it imports matplotlib

        return overlay(
            self._subject(),
            ax,
            heading,
            most=most,
            normalise=normalise,
            good=good,
            min_entries=min_entries,
            reference=reference,
        )

    def heatmap(
        self,
        *,
        normalise: bool = False,
        good: LumiMask | None = None,
        min_entries: int | None = None,
        ax: Axes | None = None,
        title: str | None = None,
        cms_label: str | None = None,
        year: int | str | None = None,
        energy: float | str | None = None,
    ) -> Axes:
        """Draw 1D histograms as rows of colours: bins along x, lumisections along y.

        Missing lumisections are white, empty ones grey. With `normalise`, the colours are those of histograms with at least
        4% of the usual (median) entries; the scale ends in an arrow where others go beyond it.

        Args:
            normalise: Scale each histogram to a sum of 1, to compare shapes.
            good: A column beside the rows is red at lumisections that are not in this mask.
            min_entries: Lumisections with fewer entries are pale grey.
            ax: As in all plots.
            title: The same.
            cms_label: The same.
            year: The same.
            energy: The same.
        """
        heading = _ready("heatmap", title, cms_label, year, energy)
        from cmsdials.plotting.heatmap import heatmap  # noqa: PLC0415  # it imports matplotlib

        return heatmap(self._subject(), ax, heading, normalise=normalise, good=good, min_entries=min_entries)

    def trend(
        self,
        of: Any = "mean",
        *,
        axis: str = "x",
        good: LumiMask | None = None,
        min_entries: int | None = None,
        reference: Any = None,
        ax: Axes | None = None,
        title: str | None = None,
        cms_label: str | None = None,
        year: int | str | None = None,
        energy: float | str | None = None,
    ) -> Axes:
        """Draw a number for each lumisection, with its uncertainty; lines between them end at gaps.

        The scale is that of histograms with at least 4% of the usual (median) entries; triangles at its edges mark
        others beyond it, also when you change it. It begins at 0 for entries and sums. A cross at the bottom is an empty
        histogram.

        Args:
            of: "mean" or "rms" of the contents with uncertainties as in `cmsdials.arrays.moments`; "entries" as the service
                says, or "sum" of the contents, both with the square root as their uncertainty; "empty", the fraction
                of bins whose content is 0. Or a function, which takes the arrays of n rows, sorted by run and lumisection,
                and returns n numbers, or a pair of these and their uncertainties.
            axis: Along which axis mean and RMS are taken: x, or y of a map.
            good: Lumisections that are not in this mask are red and shaded.
            min_entries: Points of lumisections with fewer entries are open, with pale uncertainties, and no line joins them.
            reference: A level to compare with: a number, or a pair of it and its uncertainty; or as in `compare`, of
                whose sum the mean or RMS is taken. Any other quantity is then the mean over its lumisections with at
                least 4% of the usual entries.
            ax: As in all plots.
            title: The same.
            cms_label: The same.
            year: The same.
            energy: The same.
        """
        heading = _ready("trend", title, cms_label, year, energy)
        from cmsdials.plotting.trend import trend  # noqa: PLC0415  # it imports matplotlib

        return trend(
            self._subject(),
            ax,
            heading,
            of=of,
            axis=axis,
            good=good,
            min_entries=min_entries,
            reference=reference,
        )

    def compare(
        self,
        reference: Any,
        *,
        panel: Literal["ratio", "pull"] = "ratio",
        normalise: bool = True,
        good: LumiMask | None = None,
        limits: tuple[float, float] | None = None,
        ax: Axes | tuple[Axes, Axes] | None = None,
        title: str | None = None,
        cms_label: str | None = None,
        year: int | str | None = None,
        energy: float | str | None = None,
    ) -> Pair:
        """Draw the sum of all lumisections over that of a reference, and their ratio or pull below.

        Ratio and pull are those of `cmsdials.arrays.compare`. Contents that are counts, whole numbers from 0 on, have their square
        roots as uncertainties; others have none, and their pull means nothing. The legend gives the entries that the service
        says, and mean and RMS as in `cmsdials.arrays.moments`.

        The panel shows 95% of the bins that are well measured. Triangles at its edges are points beyond; in a ratio
        also bins that are empty in the reference.

        Maps are drawn as two maps. Colours of the lower one are blue below, red above, and at the ends of its scale dark for what
        lies beyond. In a ratio, bins that only one of the two has are black or hatched; bins that are empty in both are white.

        Args:
            reference: Anything that can be drawn, such as the result of a reference run, whose lumisections are
                added up; or one histogram that follows the UHI convention, such as a `hist.Hist`.
            panel: "ratio", with its statistical uncertainty, or "pull", in units of it.
            normalise: Scale both to a sum of 1, to compare shapes. False compares sums of contents as they are, which grow with
                the number of lumisections.
            good: Only lumisections in this mask are added up. The reference is taken as it is: `LumiMask.select` chooses
                lumisections of it.
            limits: Where the panel, or the scale of its colours, begins and ends.
            ax: The upper and the lower axes, or one that both share; None for a new figure.
            title: As in all plots.
            cms_label: The same.
            year: The same.
            energy: The same.

        Returns:
            The upper and the lower axes, as `top` and `bottom`.
        """
        heading = _ready("comparison", title, cms_label, year, energy)
        from cmsdials.plotting.comparison import compare  # noqa: PLC0415  # it imports matplotlib

        return compare(
            self._subject(),
            ax,
            heading,
            reference=reference,
            panel=panel,
            normalise=normalise,
            good=good,
            limits=limits,
        )

    def map(
        self,
        *,
        ls: int | None = None,
        how: Literal["sum", "mean"] = "sum",
        good: LumiMask | None = None,
        limits: tuple[float, float] | None = None,
        log: bool = False,
        ax: Axes | None = None,
        title: str | None = None,
        cms_label: str | None = None,
        year: int | str | None = None,
        energy: float | str | None = None,
    ) -> Axes:
        """Draw 2D histograms as a map of colours; bins whose content is 0 are white.

        Colours go from 0 to the highest content. A bin that is more than 5 times as high as the others, of which there is at
        most one in 100, is red instead, with a ring around it; the scale ends in an arrow, and the title says how high it is.

        Args:
            ls: The one lumisection that is drawn; None for all of them. Bins that none of several fills are then grey, and the
                title says so; those that only this one does not fill are white.
            how: What is drawn of all: their "sum" or their "mean".
            good: Only lumisections in this mask are drawn.
            limits: Where the scale of colours begins and ends. Contents above are red, and contents below pink.
            log: Whether the scale is logarithmic. It begins at the lowest content above 0.
            ax: As in all plots.
            title: The same.
            cms_label: The same.
            year: The same.
            energy: The same.
        """
        heading = _ready("maps", title, cms_label, year, energy)
        from cmsdials.plotting.maps import draw_map  # noqa: PLC0415  # it imports matplotlib

        return draw_map(self._subject(), ax, heading, ls=ls, how=how, good=good, limits=limits, log=log)

    def animate(
        self,
        *,
        seconds: float = 0.2,
        good: LumiMask | None = None,
        limits: tuple[float, float] | None = None,
        log: bool = False,
        ax: Axes | None = None,
        title: str | None = None,
        cms_label: str | None = None,
        year: int | str | None = None,
        energy: float | str | None = None,
    ) -> FuncAnimation:
        """Show the maps of lumisections one after the other, all with the same colours.

        Bins that no lumisection fills are grey; those that only the one shown does not fill are white.

        Args:
            seconds: How long each is shown.
            good: Of lumisections that are not in this mask the title says so.
            limits: As in a map.
            log: The same.
            ax: As in all plots.
            title: The same.
            cms_label: The same.
            year: The same.
            energy: The same.

        Returns:
            matplotlib's animation: ``.save("maps.gif")`` writes it, ``.to_jshtml()`` makes HTML for a notebook. Keep it until
            then.
        """
        heading = _ready("maps", title, cms_label, year, energy)
        from cmsdials.plotting.maps import animate  # noqa: PLC0415  # it imports matplotlib

        return animate(self._subject(), ax, heading, seconds=seconds, good=good, limits=limits, log=log)

    def _subject(self) -> Subject:
        from cmsdials.plotting.subject import subject_of  # noqa: PLC0415  # it imports NumPy

        return subject_of(self.rows)


class Plotted:
    """Rows that can be drawn."""

    __slots__ = ()

    @property
    def plot(self) -> Plots:
        """Plots of these rows, which are histograms of one monitoring element: see `cmsdials.plotting.Plots`."""
        return Plots(self)


def _ready(module: str, title: Any, cms_label: Any, year: Any, energy: Any) -> Heading:
    """Load what draws a plot, and return what stands above it.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        ConfigurationError: The title or the label is unusable.
    """
    extras.require("matplotlib", "hist", needed_by="plotting")
    load(f"cmsdials.plotting.{module}")
    from cmsdials.plotting.heading import Heading  # noqa: PLC0415  # only plots need it

    return Heading(title, cms_label, year, energy)
