"""Being told to stop: Ctrl-C, or the SIGTERM that batch systems send before they kill."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Terminated", "sigterm_raises"]


class Terminated(BaseException):
    """SIGTERM has come. Like KeyboardInterrupt it is no error, and passes `except Exception`."""


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` within the block, where signals can be caught at all.

    The first one only: a second one ends the process. A handler of the application is left alone. `Terminated`
    may also come from the end of the block, so catch it around all of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_DFL:
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, before)
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
