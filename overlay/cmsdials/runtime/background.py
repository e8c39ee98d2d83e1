"""Work done in the background: in a thread of its own, while the caller waits and can be stopped at any moment.

Python runs signal handlers in the main thread, between any two instructions. An exception that is raised there
(Ctrl-C, a SIGTERM that has become one) inside a library may leave its locks held for ever, and one inside an import may
leave half a library, which Python may not be able to load again (NumPy). So the caller's thread never runs the HTTP
library and imports nothing: it only waits, and nothing is lost when that is cut short.
The same wait ends when a `Stop` is set (`cmsdials.runtime.interrupts`), in any thread. No signal handler is needed
for this, so that those of the application, of a notebook or of a batch system stay as they are.

The threads are kept for later work; there are as many as there were pieces of work at one time. They are daemons, and
hold nothing between two pieces of work.
"""

from __future__ import annotations

import _thread
import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from types import FrameType, ModuleType
from typing import Any, Generic, TypeAlias, TypeVar

from cmsdials.runtime.interrupts import Stopped, check_stop, current_stop

__all__ = ["Begun", "in_background", "load", "loaded"]

T = TypeVar("T")

_Outcome: TypeAlias = "tuple[T, None] | tuple[None, BaseException]"

_GLANCE = 0.2
"""Seconds between checks in a wait, which a signal does not end on Windows, or if another thread caught it."""

_PATIENCE = 2.0
"""Seconds after which a thread that waits for an import, in the middle of another, imports by itself."""


class _Worker(threading.Thread):
    """Does one piece of work after the other; None ends it."""

    def __init__(self) -> None:
        super().__init__(name="cmsdials", daemon=True)
        self.inbox: SimpleQueue[tuple[Callable[[], Any], SimpleQueue[Any]] | None] = SimpleQueue()

    def run(self) -> None:
        while (job := self.inbox.get()) is not None:
            work, outbox = job
            outcome: _Outcome[Any]
            try:
                outcome = work(), None
            except BaseException as error:  # noqa: BLE001  # raised again where its caller waits
                outcome = None, error
            # Hold none of it when the caller continues: what that drops must be freed.
            del job, work
            _idle.append(self)
            outbox.put(outcome)
            del outbox, outcome


def in_background(
    work: Callable[[], T], *, abandoned: Callable[[], object] | None = None, patience: float = math.inf
) -> T:
    """Do something in another thread, in the context of this one, and wait for it.

    Args:
        work: What to do. If no thread can be started (none is left, or Python is ending) it is done here.
        abandoned: Done in the background too, without a wait, if the wait for `work` is cut short. The work
            continues; this should make it end soon.
        patience: Seconds after which `work` is done here as well.

    Returns:
        What `work` returned.

    Raises:
        Stopped: If the `Stop` that this thread heeds is set.
        BaseException: What `work` raised, and what a signal handler raises here.
    """
    check_stop()
    outbox: SimpleQueue[_Outcome[T] | None] = SimpleQueue()
    try:
        has_begun = _begin(partial(copy_context().run, work), outbox)
        outcome = _received(outbox, patience) if has_begun else None
    except BaseException:
        if abandoned is not None and not _begin(abandoned, SimpleQueue()):
            abandoned()
        raise
    if outcome is None:
        return work()
    if outcome[1] is None:
        return outcome[0]
    try:
        raise outcome[1]
    finally:
        del outcome  # it and this frame would refer to each other


class Begun(Generic[T]):
    """Work that another thread does while this one goes on. `outcome` waits for it.

    If no thread can be started, the work is done at once. A wait that is cut short can be begun again.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._over: list[_Outcome[T]] = []
        self._woken: SimpleQueue[Any] = SimpleQueue()
        run = partial(self._do, partial(copy_context().run, work))
        if not _begin(run, self._woken):
            run()

    def _do(self, work: Callable[[], T]) -> None:
        try:
            self._over.append((work(), None))
        except BaseException as error:  # noqa: BLE001  # raised again by `outcome`
            self._over.append((None, error))

    def outcome(self) -> T:
        """Wait until it is over, and return what it returned.

        Raises:
            Stopped: If the `Stop` that this thread heeds is set.
            BaseException: What the work raised, and what a signal handler raises here.
        """
        while not self._over:
            check_stop()
            with contextlib.suppress(Empty):
                self._woken.get(timeout=_GLANCE)
        value, error = self._over[0]
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # there is one if there is no error


def load(module: str) -> ModuleType:
    """Import a module, or return it if it is there. Raises as `in_background`.

    The import continues if the wait for it is cut short, and the next call waits for it; so it does for one that another
    thread has begun. Signal handlers run in the
    main thread only, so other threads import by themselves.
    """
    if loaded(module) is not None or threading.current_thread() is not threading.main_thread():
        return _imported(module)
    # The module may itself import one that this thread is importing at this moment, and wait for it. Python notices
    # the deadlock once this thread imports the module too, which it does when its patience ends. Any other import may
    # take as long as it does, over a slow file system or in another thread.
    return in_background(partial(_imported, module), patience=_PATIENCE if _is_importing() else math.inf)


def loaded(module: str) -> ModuleType | None:
    """Return a module if it has been imported to its end; None otherwise.

    Python puts a module among `sys.modules` before it begins: one that another thread imports at this moment lacks its names.
    """
    found = sys.modules.get(module)
    return None if getattr(getattr(found, "__spec__", None), "_initializing", False) else found


def _is_importing() -> bool:
    """Whether this thread is in the middle of an import."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def _imported(module: str) -> ModuleType:
    __import__(module)  # not import_module, which raises an error if two threads wait for each other
    return sys.modules[module]


def _received(outbox: SimpleQueue[_Outcome[T] | None], patience: float) -> _Outcome[T] | None:
    until = time.monotonic() + patience
    stop = current_stop()
    with contextlib.nullcontext() if stop is None else stop.waking(partial(outbox.put, None)):
        while time.monotonic() < until:
            with contextlib.suppress(Empty):
                outcome = outbox.get(timeout=_GLANCE)
                if outcome is None:
                    raise Stopped
                return outcome
    return None


_idle: list[_Worker] = []


def _begin(work: Callable[[], Any], outbox: SimpleQueue[Any]) -> bool:
    """Hand work to a thread; return False if there is none and none can be started."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
        try:
            _thread.start_new_thread(_start, (worker,))
        except RuntimeError:  # no thread is left, or Python is ending
            return False
    worker.inbox.put((work, outbox))
    return True


def _start(worker: _Worker) -> None:
    """Start a worker. In a thread, because a Ctrl-C within `Thread.start` would leave the new one locked for ever."""
    try:
        worker.start()
    except RuntimeError:
        worker.run()


def _end_idle_workers() -> None:
    """Leave no thread to a fork, which Python would warn about; the next work starts one."""
    ended = []
    while _idle:
        ended.append(_idle.pop())
        ended[-1].inbox.put(None)
    for worker in ended:
        with contextlib.suppress(RuntimeError):  # it runs in the thread that was to start it
            worker.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_end_idle_workers, after_in_child=_idle.clear)
