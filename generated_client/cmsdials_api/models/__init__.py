# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The records of the contract."""

from .certification_file import CertificationFile
from .certification_query import CertificationQuery
from .configured_workspaces import ConfiguredWorkspaces
from .count import Count
from .dataset_index import DatasetIndex
from .dataset_index_page import DatasetIndexPage
from .device import Device
from .device_code import DeviceCode
from .device_token import DeviceToken
from .error import Error
from .file_index import FileIndex
from .file_index_page import FileIndexPage
from .free_form import FreeForm
from .get_brilcalc_lumi_scope import GetBrilcalcLumiScope
from .get_caf_kind import GetCafKind
from .golden_json import GoldenJson
from .lumisection import Lumisection
from .lumisection_histogram_1d import LumisectionHistogram1D
from .lumisection_histogram_2d import LumisectionHistogram2D
from .lumisection_page import LumisectionPage
from .ml_bad_lumisection import MLBadLumisection
from .ml_bad_lumisection_page import MLBadLumisectionPage
from .ml_models_index import MLModelsIndex
from .ml_models_index_page import MLModelsIndexPage
from .monitoring_element import MonitoringElement
from .query_oms_filter import QueryOmsFilter
from .query_oms_filter_additional_property import QueryOmsFilterAdditionalProperty
from .query_oms_page import QueryOmsPage
from .refresh_token import RefreshToken
from .run import Run
from .run_monitoring_element import RunMonitoringElement
from .run_page import RunPage
from .th1_page import TH1Page
from .th2_page import TH2Page
from .user_default_workspace import UserDefaultWorkspace
from .validation_errors import ValidationErrors

__all__ = (
    "CertificationFile",
    "CertificationQuery",
    "ConfiguredWorkspaces",
    "Count",
    "DatasetIndex",
    "DatasetIndexPage",
    "Device",
    "DeviceCode",
    "DeviceToken",
    "Error",
    "FileIndex",
    "FileIndexPage",
    "FreeForm",
    "GetBrilcalcLumiScope",
    "GetCafKind",
    "GoldenJson",
    "Lumisection",
    "LumisectionHistogram1D",
    "LumisectionHistogram2D",
    "LumisectionPage",
    "MLBadLumisection",
    "MLBadLumisectionPage",
    "MLModelsIndex",
    "MLModelsIndexPage",
    "MonitoringElement",
    "QueryOmsFilter",
    "QueryOmsFilterAdditionalProperty",
    "QueryOmsPage",
    "RefreshToken",
    "Run",
    "RunMonitoringElement",
    "RunPage",
    "TH1Page",
    "TH2Page",
    "UserDefaultWorkspace",
    "ValidationErrors",
)
