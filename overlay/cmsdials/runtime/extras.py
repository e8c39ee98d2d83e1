"""Libraries that are imported when they are first needed: one function each, which returns the module.

If an optional one is missing, the error holds the command that installs it.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType

from cmsdials.errors import MissingDependencyError
from cmsdials.runtime.background import load

__all__ = ["hist", "numpy", "pandas", "polars", "pyarrow", "require", "simdjson", "tqdm"]


def require(module: str, extra: str | None = None, *, needed_by: str = "this") -> ModuleType:
    """Import an optional library, or a module of one (``pyarrow.parquet``).

    Args:
        module: The module.
        extra: The extra to name in the error, if not the one of the library itself.
        needed_by: What needs it, for the error.

    Raises:
        MissingDependencyError: If the library is not installed or does not import. The message holds the
            command to install it.
    """
    library = module.partition(".")[0]
    extra = extra or {"pyarrow": "arrow", "distributed": "dask"}.get(library, library)
    try:
        return load(module)
    except ImportError as error:
        if not isinstance(error, ModuleNotFoundError) or (error.name or "").partition(".")[0] != library:
            advice = f'Repair it with: pip install --upgrade "cmsdials[{extra}]"'
            message = f"{needed_by} needs {module}, which is installed but does not import ({error})"
            raise MissingDependencyError(message, module=module, extra=extra, advice=advice) from error
    message = f"{needed_by} needs {library}, which is not installed"
    raise MissingDependencyError(message, module=module, extra=extra)


numpy = partial(load, "numpy")
simdjson = partial(load, "simdjson")  # which does not have wheels for every Python
hist = partial(require, "hist")
pandas = partial(require, "pandas")
pyarrow = partial(require, "pyarrow")
tqdm = partial(require, "tqdm.auto")  # which suits terminals and notebooks


def polars() -> ModuleType:
    """Return polars, which takes its tables from pyarrow."""
    require("pyarrow", "polars")
    return require("polars")
