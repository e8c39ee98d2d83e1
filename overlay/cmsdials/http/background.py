"""Work done aside: in a thread of its own, while whoever wants it waits, and can be told to stop at any moment.

Python runs signal handlers in the main thread, between any two instructions. An exception that is raised there
(Ctrl-C, a SIGTERM that has become one) inside a library may leave its locks held for ever. So the HTTP library is
never entered in the thread of the caller: what the caller does is wait, and nothing is lost when that is cut short.
The same wait ends when a `Stop` is set (`cmsdials.runtime.interrupts`), in whichever thread it is. No signal handler is needed
for this, so that those of the application, of a notebook or of a batch system stay as they are.

The threads are kept for the next work; there are as many as there was work at one time. They are daemons, and
hold nothing between two pieces of work.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from cmsdials.runtime.interrupts import Stopped, current_stop

__all__ = ["aside"]

T = TypeVar("T")

_GLANCE = 0.2
"""Seconds after which a wait looks up: on Windows, or where another thread caught it, a signal does not end it."""


@dataclass(frozen=True, repr=False)
class _Done(Generic[T]):
    value: T


@dataclass(frozen=True, repr=False)
class _Raised:
    error: BaseException


@dataclass(frozen=True, repr=False)
class _Job:
    work: Callable[[], Any]
    outbox: SimpleQueue[Any]


class _Worker(threading.Thread):
    """Does one piece of work after the other; None ends it."""

    def __init__(self) -> None:
        super().__init__(name="cmsdials", daemon=True)
        self.inbox: SimpleQueue[_Job | None] = SimpleQueue()

    def run(self) -> None:
        while True:
            job = self.inbox.get()
            if job is None:
                return
            outbox, outcome = job.outbox, _outcome(job.work)
            # Nothing of it may be held when the caller goes on: what it forgets then is to be gone.
            del job
            _idle.append(self)
            outbox.put(outcome)
            del outbox, outcome


def aside(work: Callable[[], T], *, forsaken: Callable[[], None] | None = None) -> T:
    """Do something in another thread, in the context of this one, and wait for it.

    Args:
        work: What to do. Where no thread can be had (none is left, or Python is ending) it is done here.
        forsaken: Called if the wait is cut short. The work goes on; it should see to it that it ends soon.

    Returns:
        What `work` returned.

    Raises:
        Stopped: If the `Stop` that this thread heeds is set.
        BaseException: What `work` raised, and what a signal handler raises here.
    """
    stop = current_stop()
    if stop is not None:
        stop.check()
    worker = _free_worker()
    if worker is None:
        return work()
    outbox: SimpleQueue[_Done[T] | _Raised | None] = SimpleQueue()
    try:
        worker.inbox.put(_Job(partial(copy_context().run, work), outbox))
        if stop is None:
            outcome = _received(outbox)
        else:
            with stop.waking(partial(outbox.put, None)):
                outcome = _received(outbox)
        if outcome is None:
            raise Stopped
    except BaseException:
        if forsaken is not None:
            forsaken()
        raise
    if isinstance(outcome, _Done):
        return outcome.value
    try:
        raise outcome.error
    finally:
        del outcome  # it would hold this frame, and this frame it


def _received(outbox: SimpleQueue[_Done[T] | _Raised | None]) -> _Done[T] | _Raised | None:
    while True:
        with contextlib.suppress(Empty):
            return outbox.get(timeout=_GLANCE)


def _outcome(work: Callable[[], T]) -> _Done[T] | _Raised:
    try:
        return _Done(work())
    except BaseException as error:  # noqa: BLE001  # it is raised where somebody waits
        return _Raised(error)


_idle: list[_Worker] = []


def _free_worker() -> _Worker | None:
    try:
        return _idle.pop()
    except IndexError:
        pass
    worker = _Worker()
    try:
        _thread.start_new_thread(_start, (worker,))
    except RuntimeError:  # no thread is left, or Python is ending
        return None
    return worker


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
