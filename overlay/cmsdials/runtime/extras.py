"""The libraries that are imported when they are first needed: one function each, which returns it.

If one is optional and not there, the error holds the command that installs it.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType

from cmsdials.errors import MissingDependencyError
from cmsdials.runtime.background import load

__all__ = ["EXTRAS", "hist", "numpy", "pandas", "polars", "pyarrow", "require", "simdjson", "tqdm"]

EXTRAS = {
    "hist": "hist",
    "matplotlib": "hist",
    "mplhep": "hist",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "arrow",
    "tqdm": "tqdm",
    "uhi": "hist",
}
"""Which extra of cmsdials brings which library."""


def require(module: str, extra: str | None = None) -> ModuleType:
    """Import an optional library, or a module of one (``pyarrow.parquet``).

    Args:
        module: The module.
        extra: The extra to name in the error, where another than usual needs the library.

    Raises:
        MissingDependencyError: If the library is not installed or does not import. The message holds the
            command to install it.
    """
    library = module.partition(".")[0]
    extra = extra or EXTRAS[library]
    try:
        return load(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != library:
            raise _broken(module, extra, error) from error
    except ImportError as error:
        raise _broken(module, extra, error) from error
    message = f"this needs {library}, which is not installed"
    raise MissingDependencyError(message, module=module, extra=extra)


def _broken(module: str, extra: str, error: ImportError) -> MissingDependencyError:
    advice = f'Repair it with: pip install --upgrade "cmsdials[{extra}]"'
    text = f"this needs {module}, which is installed but does not import ({error})"
    return MissingDependencyError(text, module=module, extra=extra, advice=advice)


numpy = partial(load, "numpy")
simdjson = partial(load, "simdjson")  # for which there is no wheel for every Python
hist = partial(require, "hist")
pandas = partial(require, "pandas")
pyarrow = partial(require, "pyarrow")
tqdm = partial(require, "tqdm.auto")  # which suits terminals and notebooks


def polars() -> ModuleType:
    """Return polars, which takes its tables from pyarrow."""
    require("pyarrow", "polars")
    return require("polars")
