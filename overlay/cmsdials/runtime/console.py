"""What a person sees: whether there is a terminal or a notebook, and warnings that point to the user's line."""

from __future__ import annotations

import sys
import warnings

from cmsdials.redaction import printable
from cmsdials.runtime.background import loaded

__all__ = ["is_terminal", "kernel", "warn"]


def is_terminal(stream: object) -> bool:
    """Whether a person sees or types into a stream. What replaces a stream may not be a file at all."""
    isatty = getattr(stream, "isatty", None)
    try:
        return isatty is not None and not getattr(stream, "closed", False) and bool(isatty())
    except ValueError:  # detached
        return False


def kernel() -> object | None:
    """Return the kernel of the notebook that this runs in; None outside a notebook."""
    library = loaded("IPython")
    if library is None or loaded("ipykernel") is None:
        return None
    return getattr(library.get_ipython(), "kernel", None)


def warn(message: str) -> None:
    """Warn the caller of this package with a RuntimeWarning, however many of our own functions are in between.

    Names from outside may stand in the message as they are: it is made printable here.
    """
    package = __name__.partition(".")[0]
    frame = sys._getframe(1)
    depth = 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame = frame.f_back
        depth += 1
    warnings.warn(printable(message), RuntimeWarning, stacklevel=depth)
