"""The records of histograms, and what they can do: their edges, and their conversion for the HEP libraries.

`data` is stored [y][x], in 3D [z][y][x]; hist, boost-histogram and everything else that follows the UHI convention
(https://uhi.readthedocs.io) index [x, y, z].
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from cmsdials_api.models import lumisection_histogram_1d, lumisection_histogram_2d
from cmsdials_api.records import Record

from cmsdials.errors import BinningError
from cmsdials.runtime import extras
from cmsdials.runtime.background import load
from cmsdials.table.objects import ABSENT

if TYPE_CHECKING:
    import hist
    import numpy as np

__all__ = ["LumisectionHistogram1D", "LumisectionHistogram2D"]

_CHANGED = "The row was changed: list it again."


_HISTOGRAMS: dict[type[Record], type[Record]] = {}
"""Generated record -> the class here that users get for it."""


class _Histogram:
    __slots__ = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        generated = cls.__bases__[-1]
        if issubclass(generated, Record):
            cls.__doc__ = generated.__doc__
            _HISTOGRAMS[generated] = cls  # type: ignore[assignment]  # it is a record too

    def to_hist(self) -> hist.Hist[Any]:
        """Return a `hist.Hist` with regular axes, the contents as doubles, and the ME's path as its name.

        In 1D it has the axis `x`; in 2D `x` and `y`, and its index is `[x, y]`, where `data` has `[y][x]`; in 3D `z` too.
        Like every histogram that follows the UHI convention it can be plotted by mplhep. It has no flow bins, since the service
        keeps none.

        Raises:
            MissingDependencyError: hist is not installed; the message holds the command.
            BinningError: The row was listed without its binning or contents.
        """
        return hist_of(self)  # type: ignore[arg-type]  # every subclass is a record too

    def _repr_html_(self) -> str:
        """Show the fields in notebooks, and the contents as a picture."""
        load("cmsdials.table.to_html")
        from cmsdials.table.to_html import html_of_row  # noqa: PLC0415  # it imports NumPy

        return html_of_row(self)  # type: ignore[arg-type]  # as above


class _OfSeveralAxes(_Histogram):
    __slots__ = ()

    @property
    def edges(self) -> tuple[np.ndarray[Any, Any], ...]:
        """Edges of the bins along x (x_bin + 1 numbers), along y and so on, an array for each axis.

        Raises:
            BinningError: The row was listed without its binning.
        """
        axes = next(field.axes for field in self.FIELDS if field.axes)  # type: ignore[attr-defined]  # of a record
        return tuple(edges_of(self, axis) for axis in axes)


class LumisectionHistogram1D(_Histogram, lumisection_histogram_1d.LumisectionHistogram1D):  # noqa: D101  # the docstring is the generated one
    @property
    def edges(self) -> np.ndarray[Any, Any]:
        """Edges of the bins: x_bin + 1 numbers from x_min to x_max, in the unit of the quantity.

        Raises:
            BinningError: The row was listed without its binning.
        """
        return edges_of(self, "x")


class LumisectionHistogram2D(_OfSeveralAxes, lumisection_histogram_2d.LumisectionHistogram2D):  # noqa: D101  # as above
    @property
    def edges(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Edges of the bins along x (x_bin + 1 numbers) and along y (y_bin + 1 numbers).

        Raises:
            BinningError: The row was listed without its binning.
        """
        return edges_of(self, "x"), edges_of(self, "y")


def model_of(record: type[Record]) -> type[Record]:
    """Return the class that users get for a generated record."""
    return _HISTOGRAMS.get(record, record)


def edges_of(row: Any, axis: str) -> np.ndarray[Any, Any]:
    """Return the edges of the bins along one axis, the first and the last exactly the limits.

    Raises:
        BinningError: The row was listed without its binning, or changed to what is not one.
    """
    extras.numpy()
    import numpy as np  # noqa: PLC0415  # slow to load

    what = f"this {type(row).__name__} has"
    names = [f"{axis}_{end}" for end in ("min", "max", "bin")]
    if lacking := [name for name in names if getattr(row, name, None) is None]:
        message = f"{what} no {', '.join(lacking)}, so its bins have no edges"
        advice = f"List with fields= that include {', '.join(names)}, or without fields=."
        raise BinningError(message, advice=advice)
    low, high, bins = (getattr(row, name) for name in names)
    try:
        if bins == int(bins) >= 1 and isfinite(low) and isfinite(high):
            return np.linspace(float(low), float(high), int(bins) + 1)
    except (TypeError, ValueError, OverflowError, MemoryError):
        pass
    message = f"{what} no binning: {axis} from {low!r} to {high!r} in {bins!r} bins"
    raise BinningError(message, advice=_CHANGED)


def hist_of(row: Record) -> hist.Hist[Any]:
    """Make a `hist.Hist` of a histogram. See `cmsdials.models.LumisectionHistogram1D.to_hist`."""
    load("cmsdials.table.fields")
    from cmsdials.table.columns import cell_of  # noqa: PLC0415  # it imports NumPy
    from cmsdials.table.fields import refuse_changed  # noqa: PLC0415  # the same

    library = extras.hist()
    field = max(row.FIELDS, key=lambda one: one.dimensions)
    cell = cell_of(row, field) if field.dimensions else ABSENT
    if cell is ABSENT:
        message = f"this {type(row).__name__} has no contents of bins"
        advice = "Histograms are in h1d and h2d; fields=, if given, must include data."
        raise BinningError(message, advice=advice)
    axes = [_axis(library, row, name) for name in field.axes]
    refuse_changed(field, [[cell]])
    if cell.T.shape != tuple(map(len, axes)):
        message = f"this {type(row).__name__} has data of shape {cell.shape}, which its binning does not have"
        raise BinningError(message, advice=_CHANGED)
    made: hist.Hist[Any] = library.Hist(*axes, storage="double", name=getattr(row, "me", ""))
    made.values()[...] = cell.T
    return made


def _axis(library: Any, row: Any, name: str) -> Any:
    edges = edges_of(row, name)
    if edges[0] == edges[-1]:
        message = (
            f"this {type(row).__name__} has {name}_min equal to {name}_max, so no axis can be made of it"
        )
        raise BinningError(message, advice="Use row.data as it is.")
    return library.axis.Regular(len(edges) - 1, edges[0], edges[-1], name=name, flow=False)
