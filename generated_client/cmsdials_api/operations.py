# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The operations of the contract by name, each as its module.

A module is loaded when it is first asked for here. None brings the HTTP library: a client does.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from .api.auth import get_device_token, refresh_token, start_device_login
    from .api.brilws import get_brilcalc_lumi
    from .api.caf import get_caf
    from .api.dataset_index import get_dataset_index, list_dataset_index
    from .api.document import get_api_document
    from .api.file_index import count_file_index, get_file_index, list_file_index
    from .api.h1d import get_h1d, list_h1d
    from .api.h2d import get_h2d, list_h2d
    from .api.lumi import count_lumi, get_lumi, list_lumi
    from .api.mes import get_mes, list_mes, list_mes_of_run
    from .api.ml_bad_lumis import (
        get_cert_json,
        get_cert_json_v1_12,
        get_golden_json,
        get_golden_json_v1_12,
        get_ml_bad_lumis,
        get_ml_bad_lumis_v1_12,
        list_ml_bad_lumis,
    )
    from .api.ml_models_index import get_ml_models_index, list_ml_models_index
    from .api.oms import query_oms
    from .api.run import count_run, get_run, list_run
    from .api.runregistry import list_editable_datasets
    from .api.workspaces import (
        get_default_workspace,
        get_default_workspace_v1_12,
        list_workspaces,
        list_workspaces_v1_12,
    )
else:  # so that a type checker knows a name that does not exist

    def __getattr__(name):
        if name in _TAGS:
            return load(f"{__package__}.api.{_TAGS[name]}.{name}")
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


load: "Callable[[str], ModuleType]" = import_module
"""Loads a module. A program that must not be interrupted while it imports one puts its own way here."""

_TAGS = {
    "get_device_token": "auth",
    "refresh_token": "auth",
    "start_device_login": "auth",
    "get_brilcalc_lumi": "brilws",
    "get_caf": "caf",
    "get_dataset_index": "dataset_index",
    "list_dataset_index": "dataset_index",
    "get_api_document": "document",
    "count_file_index": "file_index",
    "get_file_index": "file_index",
    "list_file_index": "file_index",
    "get_h1d": "h1d",
    "list_h1d": "h1d",
    "get_h2d": "h2d",
    "list_h2d": "h2d",
    "count_lumi": "lumi",
    "get_lumi": "lumi",
    "list_lumi": "lumi",
    "get_mes": "mes",
    "list_mes": "mes",
    "list_mes_of_run": "mes",
    "get_cert_json": "ml_bad_lumis",
    "get_cert_json_v1_12": "ml_bad_lumis",
    "get_golden_json": "ml_bad_lumis",
    "get_golden_json_v1_12": "ml_bad_lumis",
    "get_ml_bad_lumis": "ml_bad_lumis",
    "get_ml_bad_lumis_v1_12": "ml_bad_lumis",
    "list_ml_bad_lumis": "ml_bad_lumis",
    "get_ml_models_index": "ml_models_index",
    "list_ml_models_index": "ml_models_index",
    "query_oms": "oms",
    "count_run": "run",
    "get_run": "run",
    "list_run": "run",
    "list_editable_datasets": "runregistry",
    "get_default_workspace": "workspaces",
    "get_default_workspace_v1_12": "workspaces",
    "list_workspaces": "workspaces",
    "list_workspaces_v1_12": "workspaces",
}

__all__ = (
    "count_file_index",
    "count_lumi",
    "count_run",
    "get_api_document",
    "get_brilcalc_lumi",
    "get_caf",
    "get_cert_json",
    "get_cert_json_v1_12",
    "get_dataset_index",
    "get_default_workspace",
    "get_default_workspace_v1_12",
    "get_device_token",
    "get_file_index",
    "get_golden_json",
    "get_golden_json_v1_12",
    "get_h1d",
    "get_h2d",
    "get_lumi",
    "get_mes",
    "get_ml_bad_lumis",
    "get_ml_bad_lumis_v1_12",
    "get_ml_models_index",
    "get_run",
    "list_dataset_index",
    "list_editable_datasets",
    "list_file_index",
    "list_h1d",
    "list_h2d",
    "list_lumi",
    "list_mes",
    "list_mes_of_run",
    "list_ml_bad_lumis",
    "list_ml_models_index",
    "list_run",
    "list_workspaces",
    "list_workspaces_v1_12",
    "query_oms",
    "refresh_token",
    "start_device_login",
)
