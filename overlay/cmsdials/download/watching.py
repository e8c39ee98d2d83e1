"""What a download says of itself while it runs: on a bar, and a line a minute to the log `cmsdials.download`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from attrs import define, field

from cmsdials.download.manifest import Entry
from cmsdials.runtime.progress import Progress

__all__ = ["Watched"]

_log = logging.getLogger("cmsdials.download")
_PAUSE = 60.0  # seconds between lines


@define
class Watched:
    """How far a download has got.

    Attributes:
        bar: Shows it.
        rows_expected: Rows to fetch, at most.
        files_expected: Files to fetch.
        now: Seconds of a clock that never goes back.
        rows: Rows that have come.
        files: Files that are done, failed ones included.
        bytes: Size of those that are whole.
    """

    bar: Progress
    rows_expected: int
    files_expected: int
    now: Callable[[], float] = time.monotonic
    rows: int = 0
    files: int = 0
    bytes: int = 0
    _began: float = field(init=False)
    _said: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._began = self._said = self.now()

    def came(self, rows: int) -> None:
        """Count rows."""
        self.rows += rows
        self._show(rows)
        if self.now() - self._said >= _PAUSE:
            self.say()

    def done(self, entry: Entry) -> None:
        """Count a file, whose rows have been counted."""
        self.files += 1
        self.bytes += entry.bytes
        self._show(0)
        if self.files == self.files_expected or self.now() - self._said >= _PAUSE:
            self.say()

    def _show(self, rows: int) -> None:
        said = f"{self.files} of {self.files_expected} files, {self.bytes / 1e6:.1f} MB"
        self.bar.update(rows, said=said)

    def say(self) -> None:
        """Write a line to the log."""
        self._said = self.now()
        _log.info(
            "%d of at most %d rows, %d of %d files, %.1f MB%s",
            self.rows,
            self.rows_expected,
            self.files,
            self.files_expected,
            self.bytes / 1e6,
            self._left(),
        )

    def _left(self) -> str:
        spent = self._said - self._began
        left = self.rows_expected - self.rows
        if self.files == self.files_expected or not self.rows or spent <= 0:
            return ""
        return f", about {_shown(max(0.0, left * spent / self.rows))} left"


def _shown(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
