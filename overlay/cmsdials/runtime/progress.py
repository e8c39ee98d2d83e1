"""The progress bar: tqdm if it is wanted and installed, else nothing. A missing bar never stops a download."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from cmsdials.errors import MissingDependencyError
from cmsdials.redaction import printable
from cmsdials.runtime import extras
from cmsdials.runtime.console import is_terminal, kernel, warn
from cmsdials.runtime.interrupts import Closing

__all__ = ["Progress", "progress_bar"]


class Progress(Closing):
    """Progress, shown by a bar of tqdm or, without one, not at all. Use it in a ``with`` block."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar
        self._said = ""

    @property
    def is_shown(self) -> bool:
        """Whether there is a bar."""
        return self._bar is not None

    def update(self, n: int = 1, said: str = "") -> None:
        """Count `n` more units as done, and show some words behind them."""
        self._said = said
        if (bar := self._bar) is not None:
            if said:
                bar.set_postfix_str(said, refresh=False)
            bar.update(n)

    def set_total(self, total: int | None) -> None:
        """Say how many units there are in all; None if that is not known."""
        if (bar := self._bar) is not None and bar.total != total:
            bar.total = total
            bar.refresh()

    def waits(self, why: str) -> None:
        """Show what is being waited for, instead of the words of `update`; no text: it is over. Any thread may call it."""
        if (bar := self._bar) is not None:
            bar.set_postfix_str(why or self._said)

    def close(self) -> None:
        """Leave the bar as it stands. A second call does nothing."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


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
        return Progress(_tqdm(total=total, unit=unit, desc=printable(description)))
    except MissingDependencyError as error:
        if enable:
            warn(f"no progress bar: {error}")
        return Progress()


def _tqdm(**options: Any) -> Any:
    # tqdm warns of missing widgets and of its own notebook mode: not the user's concern, and fatal under -W
    # error.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # What stands on standard error is red in a notebook; with widgets tqdm writes to neither.
        where = {} if kernel() is None else {"file": sys.stdout}
        return extras.tqdm().tqdm(leave=True, **where, **options)
