"""The records that DIALS answers with, under the names that physicists know.

They are the generated ones: attributes (and `__dict__`, and `dict()`) hold exactly the fields that the service
sent, in the order of data frame columns; what the contract does not know is in `extra`. Histograms can do a
little more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cmsdials_api.models import lumisection_histogram_1d, lumisection_histogram_2d
from cmsdials_api.models.certification_file import CertificationFile
from cmsdials_api.models.dataset_index import DatasetIndex
from cmsdials_api.models.file_index import FileIndex
from cmsdials_api.models.lumisection import Lumisection
from cmsdials_api.models.ml_bad_lumisection import MLBadLumisection
from cmsdials_api.models.ml_models_index import MLModelsIndex
from cmsdials_api.models.monitoring_element import MonitoringElement
from cmsdials_api.models.run import Run
from cmsdials_api.models.run_monitoring_element import RunMonitoringElement
from cmsdials_api.records import Record

if TYPE_CHECKING:
    import hist
    import numpy as np

__all__ = [
    "CertificationFile",
    "DatasetIndex",
    "FileIndex",
    "Lumisection",
    "LumisectionHistogram1D",
    "LumisectionHistogram2D",
    "MLBadLumisection",
    "MLModelsIndex",
    "MonitoringElement",
    "Run",
    "RunMonitoringElement",
]


class LumisectionHistogram1D(lumisection_histogram_1d.LumisectionHistogram1D):  # noqa: D101  # the docstring is the generated one
    __doc__ = lumisection_histogram_1d.LumisectionHistogram1D.__doc__

    @property
    def edges(self) -> np.ndarray[Any, Any]:
        """Edges of the bins: x_bin + 1 numbers from x_min to x_max, in the unit of the quantity.

        Raises:
            BinningError: The row was listed without its binning.
        """
        from cmsdials.table import histograms  # noqa: PLC0415  # it brings NumPy

        return histograms.edges_of(self, "x")

    def to_hist(self) -> hist.Hist[Any]:
        """Return a `hist.Hist` with a regular axis `x`, the contents as doubles, and the ME's path as its name.

        Like every histogram that follows the UHI convention it can be plotted by mplhep. It has no flow bins,
        since the service keeps none.

        Raises:
            MissingDependencyError: hist is not installed; the message holds the command.
            BinningError: The row was listed without its binning or contents.
        """
        from cmsdials.table import histograms  # noqa: PLC0415  # it brings NumPy

        return histograms.to_hist(self)


class LumisectionHistogram2D(lumisection_histogram_2d.LumisectionHistogram2D):  # noqa: D101  # the docstring is the generated one
    __doc__ = lumisection_histogram_2d.LumisectionHistogram2D.__doc__

    @property
    def edges(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Edges of the bins along x (x_bin + 1 numbers) and along y (y_bin + 1 numbers).

        Raises:
            BinningError: The row was listed without its binning.
        """
        from cmsdials.table import histograms  # noqa: PLC0415  # it brings NumPy

        return histograms.edges_of(self, "x"), histograms.edges_of(self, "y")

    def to_hist(self) -> hist.Hist[Any]:
        """Return a `hist.Hist` with regular axes `x` and `y`; its index is [x, y], where `data` has [y][x].

        As `LumisectionHistogram1D.to_hist` otherwise.

        Raises:
            MissingDependencyError: hist is not installed; the message holds the command.
            BinningError: The row was listed without its binning or contents.
        """
        from cmsdials.table import histograms  # noqa: PLC0415  # it brings NumPy

        return histograms.to_hist(self)


_HISTOGRAMS: Mapping[type[Record], type[Record]] = {
    made.__bases__[0]: made for made in (LumisectionHistogram1D, LumisectionHistogram2D)
}


def model_of(record: type[Record]) -> type[Record]:
    """Return what users get for a generated record."""
    return _HISTOGRAMS.get(record, record)
