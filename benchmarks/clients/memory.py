"""The peak memory of a call, as Linux records it for each process."""

from __future__ import annotations

import resource
from pathlib import Path

__all__ = ["Memory"]

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"


class Memory:
    """Memory from now on."""

    def __init__(self) -> None:
        try:
            CLEAR.write_text(FORGET_PEAK, encoding="ascii")
            self._before: int | None = _status("VmRSS")
        except OSError:
            self._before = None
        self._highest_before = _highest()

    def peak(self) -> int:
        """Return the bytes at the peak so far, above those at the beginning.

        If the peak cannot be reset, memory that was allocated and freed before the beginning hides as much.
        """
        if self._before is None:
            return _highest() - self._highest_before
        return _status("VmHWM") - self._before


def _status(name: str) -> int:
    for line in STATUS.read_text(encoding="ascii").splitlines():
        field, _, value = line.partition(":")
        if field == name:
            return int(value.split()[0]) * 1024
    message = f"{STATUS} has no {name}"
    raise OSError(message)


def _highest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
