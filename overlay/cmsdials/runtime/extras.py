"""The optional libraries: one function each, which imports and returns it when it is first needed.

If the library is not there, the error holds the command that installs it.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from types import ModuleType

from cmsdials.errors import MissingDependencyError

__all__ = ["EXTRAS", "hist", "pandas", "polars", "pyarrow", "require", "tqdm"]

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
        return import_module(module)
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


hist = partial(require, "hist")
pandas = partial(require, "pandas")
pyarrow = partial(require, "pyarrow")
tqdm = partial(require, "tqdm.auto")  # which suits terminals and notebooks


def polars() -> ModuleType:
    """Return polars, which takes its tables from pyarrow."""
    require("pyarrow", "polars")
    return require("polars")
