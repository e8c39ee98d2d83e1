"""What a row that is a histogram can do: its edges, and its conversion for the HEP libraries.

`data` is stored [y][x]; hist, boost-histogram and everything else that follows the UHI convention
(https://uhi.readthedocs.io) index [x, y].
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from cmsdials_api.records import Record

from cmsdials.errors import BinningError
from cmsdials.runtime import extras
from cmsdials.table.columns import array_of, has_field

if TYPE_CHECKING:
    import hist

__all__ = ["edges_of", "to_hist"]


def edges_of(row: Any, axis: str) -> np.ndarray[Any, Any]:
    """Return the edges of the bins along one axis.

    Args:
        row: A histogram.
        axis: x or y.

    Returns:
        Bins + 1 numbers, the first and the last exactly the limits, in the unit of the quantity.

    Raises:
        BinningError: The row was listed without its binning, or somebody has changed it to what is none.
    """
    names = [f"{axis}_{what}" for what in ("min", "max", "bin")]
    lacking = [name for name in names if getattr(row, name, None) is None]
    if lacking:
        message = f"this {type(row).__name__} has no {', '.join(lacking)}, so its bins have no edges"
        raise BinningError(
            message, advice=f"List with fields= that include {', '.join(names)}, or without fields=."
        )
    low, high, bins = (getattr(row, name) for name in names)
    try:
        if bins == int(bins) >= 1 and isfinite(low) and isfinite(high):
            return np.linspace(float(low), float(high), int(bins) + 1)
    except (TypeError, ValueError, OverflowError, MemoryError):
        pass
    message = f"this {type(row).__name__} has no binning: {axis} from {low!r} to {high!r} in {bins!r} bins"
    raise BinningError(message, advice="Somebody has changed the row: list it again.")


def to_hist(row: Record) -> hist.Hist[Any]:
    """Make a `hist.Hist` of a histogram. See `cmsdials.models.LumisectionHistogram1D.to_hist`."""
    library = extras.hist()
    dimensions = max(field.dimensions for field in type(row).FIELDS)
    if not dimensions or not has_field(row, "data"):
        message = f"this {type(row).__name__} has no contents of bins"
        raise BinningError(
            message, advice="Histograms are in h1d and h2d; fields=, if given, must include data."
        )
    axes = [_axis(library, row, name) for name in ("x", "y")[:dimensions]]
    contents = array_of(row, "data").T
    if contents.shape != tuple(len(axis) for axis in axes):
        message = (
            f"this {type(row).__name__} has data of shape {contents.T.shape}, which its binning does not have"
        )
        raise BinningError(message, advice="Somebody has changed the row: list it again.")
    made: hist.Hist[Any] = library.Hist(*axes, storage="double", name=getattr(row, "me", ""))
    made.values()[...] = contents
    return made


def _axis(library: Any, row: Any, name: str) -> Any:
    edges = edges_of(row, name)
    if edges[0] == edges[-1]:
        message = (
            f"this {type(row).__name__} has {name}_min equal to {name}_max, so no axis can be made of it"
        )
        raise BinningError(message, advice="Use row.data as it is.")
    return library.axis.Regular(len(edges) - 1, edges[0], edges[-1], name=name, flow=False)
