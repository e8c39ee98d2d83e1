"""What stops work early, and what closes: Ctrl-C, the SIGTERM of batch systems, one thread stopping another, `with`.

Signals reach the main thread alone. A main thread that lets others work sets a `Stop` when it is itself stopped:

    stop = Stop()

    def work():  # in each thread
        with stop.heeded():
            ...  # requests and waits in here end at once when the stop is set: they raise Stopped

A stop is heeded by all that the block calls, also by a login that renews itself, and is never passed on as an argument.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self

__all__ = [
    "INTERRUPTED",
    "Closing",
    "Stop",
    "Stopped",
    "Terminated",
    "check_stop",
    "current_stop",
    "sigterm_raises",
    "sleep",
]

INTERRUPTED = 130
"""Exit code that says that a Ctrl-C has ended a command, as a shell says it."""


class Closing(ABC):
    """Closed by the end of a `with` block."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Terminated(BaseException):
    """SIGTERM has come. Like KeyboardInterrupt it is not an error, and passes `except Exception`."""


class Stopped(BaseException):
    """The `Stop` that this thread heeds is set. Like KeyboardInterrupt it is not an error, and passes `except Exception`."""


class Stop:
    """Makes threads stop. It is set once, and stays so."""

    def __init__(self) -> None:
        self._is_set = False
        # A set changes in one step of Python: no lock is needed, which a signal handler could find held.
        self._wakers: set[Callable[[], None]] = set()

    def set(self) -> None:
        """End what is under way in the threads that heed this. Any thread may call it, and any signal handler."""
        self._is_set = True
        for wake in tuple(self._wakers):
            wake()

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most so many seconds; return whether it is."""
        woken: SimpleQueue[None] = SimpleQueue()
        with self.waking(lambda: woken.put(None)), contextlib.suppress(Empty):
            woken.get(timeout=None if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX))
        return self._is_set

    def check(self) -> None:
        """Raise `Stopped` if it is set."""
        if self._is_set:
            raise Stopped

    @contextlib.contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed it in this thread (this context, for asyncio) until the block ends."""
        before = _heeded.set(self)
        try:
            yield
        finally:
            _heeded.reset(before)

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call something when it is set within the block, at once if it is set already."""
        self._wakers.add(wake)
        try:
            if self._is_set:
                wake()
            yield
        finally:
            self._wakers.discard(wake)


_heeded: ContextVar[Stop | None] = ContextVar("_heeded", default=None)


def current_stop() -> Stop | None:
    """Return the stop that this thread heeds, None if it heeds none."""
    return _heeded.get()


def check_stop() -> None:
    """Raise `Stopped` if the stop that this thread heeds is set."""
    stop = current_stop()
    if stop is not None:
        stop.check()


def sleep(seconds: float) -> None:
    """Wait a number of seconds; raise `Stopped` if the stop that this thread heeds is set, or gets set."""
    stop = current_stop()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` within the block, where signals can be caught at all.

    The first one only: a second one ends the process. A handler of the application is left alone. `Terminated`
    may also come from the end of the block, so catch it around all of it.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
