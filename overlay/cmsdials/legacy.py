"""Where the names of cmsdials 1.8 and 2.4 are now: one table, and the modules that are made from it.

Importing such a module loads nothing. A name that is taken from it is looked up in the table, with a DeprecationWarning
that says the new place; Python shows it once for each place in the user's code.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["MODULES", "RESOURCES", "add_modules", "getter"]

_OLD = "cmsdials.clients._classes"
"""Home of what there is only for scripts of 1.8 and 2.4."""

RESOURCES = {
    "dataset_index": ("dataset_index", "DatasetIndex"),
    "file_index": ("file_index", "FileIndex"),
    "h1d": ("h1d", "LumisectionHistogram1D"),
    "h2d": ("h2d", "LumisectionHistogram2D"),
    "lumisection": ("lumi", "Lumisection"),
    "ml_bad_lumisection": ("ml_bad_lumis", "MLBadLumisection"),
    "ml_models_index": ("ml_models_index", "MLModelsIndex"),
    "run": ("run", "Run"),
}
"""Package below `cmsdials.clients` of what lists page by page -> attribute of `Dials`, name of the record."""


def _moved(module: str, *names: str) -> dict[str, tuple[str, str]]:
    """Return names that are in a module of today."""
    return {name: (f"{module}:{name}", f"{module}.{name}") for name in names}


def _kept(new: str, *names: str) -> dict[str, tuple[str, str]]:
    """Return names that are there for old scripts alone, with what is to be used instead."""
    return {name: (f"{_OLD}:{name}", new) for name in names}


def _clients() -> dict[str, dict[str, tuple[str, str]]]:
    modules = {}
    for package, (attribute, record) in RESOURCES.items():
        models = {
            **_moved("cmsdials.models", record),
            **_moved("cmsdials.filters", f"{record}Filters"),
            **_kept("cmsdials.result.Result", f"Paginated{record}List"),
        }
        modules[f"{package}.models"] = models
        modules[f"{package}.client"] = models | _kept(f"Dials(...).{attribute}", f"{record}Client")
    modules["mes.models"] = {
        **_moved("cmsdials.models", "MonitoringElement"),
        **_moved("cmsdials.filters", "MEFilters"),
    }
    modules["mes.client"] = modules["mes.models"] | _kept("Dials(...).mes", "MonitoringElementClient")
    modules["oms_proxy.models"] = _moved("cmsdials.filters", "OMSFilter", "OMSPage")
    modules["oms_proxy.client"] = modules["oms_proxy.models"] | _kept("Dials(...).oms", "OMSProxyClient")
    modules["workspace.client"] = _kept("Dials(...).workspaces", "WorkspaceClient")
    return {f"cmsdials.clients.{name}": names for name, names in modules.items()}


MODULES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "cmsdials._version": dict.fromkeys(
        ("version", "__version__"), ("cmsdials:__version__", "cmsdials.__version__")
    ),
    **_clients(),
    "cmsdials.auth._base": _kept(
        "an object with before_request(headers), or the Credentials of cmsdials.auth", "BaseCredentials"
    )
    | _kept("creds.expires_at", "TokenState"),
    "cmsdials.auth.models": dict.fromkeys(
        ("DeviceToken", "RefreshToken"), ("cmsdials.auth.models:Token", "cmsdials.auth.models.Token")
    ),
    "cmsdials.cmsdials": _moved("cmsdials", "Dials"),
    "cmsdials.utils._json": _kept("token.as_json() and Token.from_json()", "TokenDecoder", "TokenEncoder"),
    "cmsdials.utils.api_client": {
        **_kept(
            "your own class: it is a base_url and a user agent", "BaseAPIClient", "BaseAuthorizedAPIClient"
        ),
        **_kept("Dials(...).mes", "BaseAuthorizedNonPaginatedAPIClient"),
        **_kept("a resource of Dials(...)", "BaseAuthorizedPaginatedAPIClient"),
    },
    "cmsdials.utils.base_model": {
        **_kept("cmsdials.filters.Filters", "CleanableBaseModel", "PaginatedBaseFilters"),
        **_kept("cmsdials.result.Result", "PaginatedBaseModel"),
    },
    "cmsdials.utils.logger": _kept('logging.getLogger("cmsdials")', "logger"),
}
"""Old module -> its names -> where each is now ("module:name"), and what to write instead."""


def getter(module: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of an old module."""
    names = MODULES[module]

    def get(name: str) -> Any:
        if name not in names:
            message = f"module {module!r} has no attribute {name!r}"
            raise AttributeError(message)
        place, instead = names[name]
        home, _, found = place.partition(":")
        message = f"{module}.{name} is of cmsdials 1.8 and 2.4; use {instead}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(import_module(home), found)

    return get


def add_modules(package: str) -> None:
    """Add the old modules below a package, which is being imported."""
    for name in MODULES:
        if name.startswith(f"{package}."):
            parent = sys.modules[package]
            *packages, last = name.removeprefix(f"{package}.").split(".")
            for part in packages:
                parent = _added(parent, part, is_package=True)
            made = _added(parent, last)
            made.__dict__.update(__getattr__=getter(name), __all__=[*MODULES[name]])


def _added(parent: ModuleType, name: str, *, is_package: bool = False) -> ModuleType:
    """Return a module below another one, made if there is none."""
    whole = f"{parent.__name__}.{name}"
    if whole not in sys.modules:
        made = sys.modules[whole] = ModuleType(whole, "As in cmsdials 1.8 and 2.4; see `cmsdials.legacy`.")
        made.__spec__ = ModuleSpec(whole, None, origin=__file__, is_package=is_package)
        made.__package__ = whole if is_package else parent.__name__
        if is_package:
            made.__path__ = []
        setattr(parent, name, made)
    return sys.modules[whole]
