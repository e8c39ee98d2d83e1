"""Warnings that point to the line of the user, however many of our own functions stand between."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn"]


def warn(message: str) -> None:
    """Warn whoever called into this package, with a RuntimeWarning."""
    package = __name__.partition(".")[0]
    frame = sys._getframe(1)
    depth = 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame = frame.f_back
        depth += 1
    warnings.warn(message, RuntimeWarning, stacklevel=depth)
