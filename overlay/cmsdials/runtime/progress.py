"""The progress bar: tqdm if it is wanted and installed, else nothing. A missing bar never stops a download."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from cmsdials.errors import MissingDependencyError
from cmsdials.runtime import extras
from cmsdials.runtime.console import is_terminal, kernel, warn
from cmsdials.runtime.interrupts import Closing

__all__ = ["Progress", "progress_bar"]


class Progress(Closing):
    """Progress, shown by a bar of tqdm or, without one, not at all. Use it in a ``with`` block."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def update(self, n: int = 1) -> None:
        """Count `n` more units as done."""
        if self._bar is not None:
            self._bar.update(n)

    def set_total(self, total: int | None) -> None:
        """Say how many units there are in all; None if that is not known."""
        if self._bar is not None:
            self._bar.total = total
            self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it stands. A second call does nothing."""
        if self._bar is not None:
            self._bar.close()


def progress_bar(enable: bool | None, *, total: int | None, unit: str, description: str) -> Progress:
    """Return a progress bar, or one that shows nothing.

    Args:
        enable: True: a bar. False: none. None: a bar if tqdm is installed and a person is looking (standard
            error is a terminal, or this is a notebook).
        total: How many units there are in all; None if that is not known.
        unit: What is counted, such as ``page``.
        description: Stands before the bar.

    Warns:
        RuntimeWarning: If a bar is asked for and tqdm is not installed; the work continues without it.
    """
    if enable is False or (enable is None and not is_terminal(sys.stderr) and kernel() is None):
        return Progress()
    try:
        return Progress(_tqdm(total=total, unit=unit, desc=description))
    except MissingDependencyError as error:
        if enable:
            warn(f"no progress bar: {error}")
        return Progress()


def _tqdm(**options: Any) -> Any:
    # tqdm warns of missing widgets and of its own notebook mode: not the user's concern, and fatal under -W
    # error.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return extras.tqdm().tqdm(leave=True, **options)
