"""Python client of DIALS, the CMS service of per-lumisection data quality monitoring histograms.

Start with `Dials`; filters are in `cmsdials.filters`, logins in `cmsdials.auth`, errors in `cmsdials.errors`.
`load` reads a saved listing, `stack` makes one array of a column of histograms, `LumiMask` selects good lumisections,
`join` adds columns by run and lumisection, `arrays` rebins, sums and compares;
`open_dataset` opens a downloaded folder, and `verify` checks one.
Nothing is loaded until it is used, and nothing is logged unless the application asks for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmsdials.dials import Dials
    from cmsdials.download.dataset import open_dataset
    from cmsdials.download.verify import verify
    from cmsdials.result import load
    from cmsdials.table.lumi_mask import LumiMask
    from cmsdials.table.tabular import join, stack

    __version__: str

__all__ = ["Dials", "LumiMask", "__version__", "join", "load", "open_dataset", "stack", "verify"]

_MODULES = frozenset(
    {"arrays", "auth", "clients", "cmsdials", "errors", "filters", "models", "plotting", "result", "utils"}
)
"""Modules reachable after `import cmsdials` alone, as in `cmsdials.filters.RunFilters`."""


def __getattr__(name: str) -> Any:
    # Imported on first use: loading every resource, or reading the installed version, takes time.
    if name == "Dials":
        from cmsdials.dials import Dials  # noqa: PLC0415

        return Dials
    if name == "LumiMask":
        from cmsdials.table.lumi_mask import LumiMask  # noqa: PLC0415

        return LumiMask
    if name == "load":
        from cmsdials.result import load  # noqa: PLC0415

        return load
    if name == "open_dataset":
        from cmsdials.download.dataset import open_dataset  # noqa: PLC0415

        return open_dataset
    if name == "verify":
        from cmsdials.download.verify import verify  # noqa: PLC0415

        return verify
    if name in ("join", "stack"):
        from cmsdials.table import tabular  # noqa: PLC0415

        return getattr(tabular, name)
    if name == "__version__":
        from cmsdials.runtime.version import client_version  # noqa: PLC0415

        return client_version()
    if name in _MODULES:
        from importlib import import_module  # noqa: PLC0415  # not needed for the names above

        return import_module(f"cmsdials.{name}")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
