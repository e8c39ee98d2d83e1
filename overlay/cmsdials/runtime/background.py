"""Work done in the background: in a thread of its own, while the caller waits and can be stopped at any moment.

Python runs signal handlers in the main thread, between any two instructions. An exception that is raised there
(Ctrl-C, a SIGTERM that has become one) inside a library may leave its locks held for ever, and inside the import of one
half a library, which Python may not be able to load again (NumPy). So the HTTP library is never entered in the thread of
the caller, and none is imported there: what the caller does is wait, and nothing is lost when that is cut short.
The same wait ends when a `Stop` is set (`cmsdials.runtime.interrupts`), in whichever thread it is. No signal handler is needed
for this, so that those of the application, of a notebook or of a batch system stay as they are.

The threads are kept for the next work; there are as many as there was work at one time. They are daemons, and
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
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

from cmsdials.runtime.interrupts import Stopped, check_stop, current_stop

__all__ = ["in_background", "load"]

T = TypeVar("T")

_Outcome: TypeAlias = "tuple[T, None] | tuple[None, BaseException]"

_GLANCE = 0.2
"""Seconds after which a wait looks up: on Windows, or where another thread caught it, a signal does not end it."""

_PATIENCE = 2.0
"""Seconds after which an import is waited for in Python's own way."""


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
            except BaseException as error:  # noqa: BLE001  # it is raised where its caller waits
                outcome = None, error
            # Nothing of it may be held when the caller goes on: what it drops then is to be gone.
            del job, work
            _idle.append(self)
            outbox.put(outcome)
            del outbox, outcome


def in_background(
    work: Callable[[], T], *, abandoned: Callable[[], object] | None = None, patience: float = math.inf
) -> T:
    """Do something in another thread, in the context of this one, and wait for it.

    Args:
        work: What to do. Where no thread can be had (none is left, or Python is ending) it is done here.
        abandoned: Done in the background too, with no one waiting for it, if the wait for `work` is cut short. The
            work goes on; this should see to it that it ends soon.
        patience: Seconds after which it is done here all the same.

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
        del outcome  # it would hold this frame, and this frame it


def load(module: str) -> ModuleType:
    """Import a module, or return it if it is there. Raises as `in_background`.

    The import goes on where the wait for it is cut short, and the next one waits for the same. No signal handler runs in
    other threads than the main one, so these import by themselves.
    """
    if module in sys.modules or threading.current_thread() is not threading.main_thread():
        return _imported(module)
    # What is imported may itself import a module that this thread is importing at this moment, and wait for it. Python
    # notices that as soon as this thread asks for the same; to ask is to wait, as the import is under way.
    return in_background(partial(_imported, module), patience=_PATIENCE)


def _imported(module: str) -> ModuleType:
    __import__(module)  # not import_module, which raises an error where two threads wait for each other
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
    """Leave no thread to a fork, which Python warns of; the next work starts one."""
    ended = []
    while _idle:
        ended.append(_idle.pop())
        ended[-1].inbox.put(None)
    for worker in ended:
        with contextlib.suppress(RuntimeError):  # it runs in the thread that was to start it
            worker.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_end_idle_workers, after_in_child=_idle.clear)
