"""The records that DIALS answers with, under the names that physicists know.

They are the generated ones: attributes (and `__dict__`, and `dict()`) hold exactly the fields that the service
sent, in the order of data frame columns; fields unknown to the contract are in `extra`. Histograms have a
few more methods.
"""

from __future__ import annotations

from cmsdials_api.models.certification_file import CertificationFile
from cmsdials_api.models.dataset_index import DatasetIndex
from cmsdials_api.models.file_index import FileIndex
from cmsdials_api.models.lumisection import Lumisection
from cmsdials_api.models.ml_bad_lumisection import MLBadLumisection
from cmsdials_api.models.ml_models_index import MLModelsIndex
from cmsdials_api.models.monitoring_element import MonitoringElement
from cmsdials_api.models.run import Run
from cmsdials_api.models.run_monitoring_element import RunMonitoringElement

from cmsdials.table import histograms
from cmsdials.table.dataset_names import Dataset
from cmsdials.table.histograms import *  # every kind of histogram that there is

__all__ = [
    "CertificationFile",
    "Dataset",
    "DatasetIndex",
    "FileIndex",
    "Lumisection",
    "MLBadLumisection",
    "MLModelsIndex",
    "MonitoringElement",
    "Run",
    "RunMonitoringElement",
]
__all__ += histograms.__all__
