# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The records of the contract, each loaded when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
else:  # so that a type checker knows a name that does not exist

    def __getattr__(name):
        if name in _MODULES:
            return getattr(import_module(_MODULES[name], __package__), name)
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


_MODULES = {
    "CertificationFile": ".certification_file",
    "CertificationQuery": ".certification_query",
    "ConfiguredWorkspaces": ".configured_workspaces",
    "Count": ".count",
    "DatasetIndex": ".dataset_index",
    "DatasetIndexPage": ".dataset_index_page",
    "Device": ".device",
    "DeviceCode": ".device_code",
    "DeviceToken": ".device_token",
    "Error": ".error",
    "FileIndex": ".file_index",
    "FileIndexPage": ".file_index_page",
    "FreeForm": ".free_form",
    "GetBrilcalcLumiScope": ".get_brilcalc_lumi_scope",
    "GetCafKind": ".get_caf_kind",
    "GoldenJson": ".golden_json",
    "Lumisection": ".lumisection",
    "LumisectionHistogram1D": ".lumisection_histogram_1d",
    "LumisectionHistogram2D": ".lumisection_histogram_2d",
    "LumisectionPage": ".lumisection_page",
    "MLBadLumisection": ".ml_bad_lumisection",
    "MLBadLumisectionPage": ".ml_bad_lumisection_page",
    "MLModelsIndex": ".ml_models_index",
    "MLModelsIndexPage": ".ml_models_index_page",
    "MonitoringElement": ".monitoring_element",
    "QueryOmsFilter": ".query_oms_filter",
    "QueryOmsFilterAdditionalProperty": ".query_oms_filter_additional_property",
    "QueryOmsPage": ".query_oms_page",
    "RefreshToken": ".refresh_token",
    "Run": ".run",
    "RunMonitoringElement": ".run_monitoring_element",
    "RunPage": ".run_page",
    "TH1Page": ".th1_page",
    "TH2Page": ".th2_page",
    "UserDefaultWorkspace": ".user_default_workspace",
    "ValidationErrors": ".validation_errors",
}

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
