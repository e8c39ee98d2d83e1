"""Several parts at once, handed on in their order: threads that fetch while the main thread takes what has come.

Knows nothing of what is fetched. What it holds to:

- A part that fails is an error in its turn, after all that come before it. No part is begun once one has failed.
- Only so many parts are under way or waiting to be handed on, so memory is bounded where the consumer is slow.
- A Ctrl-C ends it at once. Python raises it between any two instructions of the main thread, also within
  `threading.Condition`, `threading.Event` and `Thread.start`, which then stay locked for ever. So the main thread
  touches none of these: it only puts into and gets from queues that are written in C, and sets a `Stop`. The
  threads are started by a thread, and only they share a lock. Nor does it hold a `Thread`: the end of one runs code
  of `weakref`, where a Ctrl-C would be printed and lost.
- `concurrent.futures` would not do: its threads are joined when the interpreter ends, so that after a Ctrl-C the
  process stays until the last answer has come or timed out; and the main thread would wait on its conditions.
"""

from __future__ import annotations

import _thread
import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from attrs import frozen

from cmsdials.errors import ConfigurationError
from cmsdials.runtime.interrupts import Stop

__all__ = ["in_order"]

PartT = TypeVar("PartT")
ResultT = TypeVar("ResultT")

GLANCE = 0.1
"""Seconds after which the main thread looks up from waiting, which on Windows is when it sees a Ctrl-C."""

FAREWELL = 0.2
"""Seconds that the end waits for threads, all together. One that sits in a socket's read ends when that returns."""


@frozen
class _Came(Generic[PartT, ResultT]):
    """A part with its result."""

    part: PartT
    result: ResultT


@frozen
class _Failed:
    """What came instead of a part."""

    error: BaseException


@frozen
class _NoMore:
    """There is no such part."""


_Outcome = _Came[PartT, ResultT] | _Failed | _NoMore


def in_order(
    next_part: Callable[[], PartT | None],
    fetch: Callable[[PartT], ResultT],
    workers: int,
    *,
    came: Callable[[PartT, ResultT], object] = lambda _part, _result: None,
    window: int | None = None,
) -> Generator[tuple[PartT, ResultT], None, None]:
    """Fetch parts, several at a time, and hand them on in their order.

    Nothing happens before the first one is asked for. To end early, close the iterator: `contextlib.closing` does
    so in any case. After an error it is finished: go on with a new one, from the last part that it has handed on.

    Args:
        next_part: Returns the next part, None when there are no more. Never called by two threads at a time, nor
            while `came` is.
        fetch: Fetches a part, in any of the threads, several at a time. It heeds a `Stop`, which is set when nobody
            wants the result any more: requests and waits of ours end at once then.
        workers: How many parts to fetch at a time. 1 makes no thread: each part is fetched when it is asked for.
        came: Called with each part that has come, in whatever order they come, in the thread that fetched it.
        window: Parts under way, or waiting to be handed on, at most; None for two for each worker.

    Yields:
        Each part with its result.

    Raises:
        ConfigurationError: workers or window is below 1.
        BaseException: What `fetch`, `next_part` or `came` raised, of whatever kind.
    """
    window = 2 * workers if window is None else window
    for what, number in (("workers", workers), ("window", window)):
        if number < 1:
            message = f"{what} must be at least 1, not {number!r}"
            raise ConfigurationError(message)
    if workers == 1:
        return _alone(next_part, fetch, came)
    return _together(next_part, fetch, workers, came, window)


def _alone(
    next_part: Callable[[], PartT | None],
    fetch: Callable[[PartT], ResultT],
    came: Callable[[PartT, ResultT], object],
) -> Generator[tuple[PartT, ResultT], None, None]:
    stop = Stop()
    try:
        while (part := next_part()) is not None:
            with stop.heeded():
                result = fetch(part)
            came(part, result)
            yield part, result
    finally:
        stop.set()


def _together(
    next_part: Callable[[], PartT | None],
    fetch: Callable[[PartT], ResultT],
    workers: int,
    came: Callable[[PartT, ResultT], object],
    window: int,
) -> Generator[tuple[PartT, ResultT], None, None]:
    crew = _Crew(next_part, fetch, came, window)
    # Twice, one around the other, because a Ctrl-C may cut the first short, or come where it begins.
    try:
        try:
            if crew.muster(workers):
                yield from _handed_on(crew)
            else:
                # The system allows no more threads: it is slower, and the same.
                yield from _alone(next_part, fetch, came)
        finally:
            crew.dismiss()
    finally:
        crew.dismiss()
        crew.leave()


def _handed_on(crew: _Crew[PartT, ResultT]) -> Generator[tuple[PartT, ResultT], None, None]:
    waiting: dict[int, _Outcome[PartT, ResultT]] = {}
    for turn in itertools.count():
        while turn not in waiting:
            number, outcome = crew.outcome()
            waiting[number] = outcome
        outcome = waiting.pop(turn)
        if isinstance(outcome, _NoMore):
            return
        if isinstance(outcome, _Failed):
            try:
                raise outcome.error
            finally:
                del outcome  # whose traceback holds this frame
        crew.permit()
        yield outcome.part, outcome.result


class _Crew(Generic[PartT, ResultT]):
    """The threads, and what they share with the main one.

    `muster`, `outcome`, `permit`, `dismiss` and `leave` are for the main thread, and use no lock of the others.
    """

    def __init__(
        self,
        next_part: Callable[[], PartT | None],
        fetch: Callable[[PartT], ResultT],
        came: Callable[[PartT, ResultT], object],
        window: int,
    ) -> None:
        self._next_part = next_part
        self._fetch = fetch
        self._came = came
        self._stop = Stop()
        self._mustered = Stop()
        self._started = 0
        self._gone: SimpleQueue[None] = SimpleQueue()
        self._process = os.getpid()
        self._outcomes: SimpleQueue[tuple[int, _Outcome[PartT, ResultT]]] = SimpleQueue()
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(window):
            self._permits.put(None)
        self._asking = threading.Lock()  # never touched by the main thread
        self._asked = 0
        self._ended = False

    def muster(self, workers: int) -> bool:
        """Start the threads, as many as the system allows; return whether there are any."""
        try:
            # A thread of its own starts them, because a Ctrl-C within Thread.start may leave the new one locked.
            _thread.start_new_thread(self._start, (workers,))
        except RuntimeError:
            self._mustered.set()
        while not self._mustered.wait(GLANCE):
            pass
        return self._started > 0

    def _start(self, workers: int) -> None:
        try:
            for number in range(1, workers + 1):
                if self._stop.is_set():
                    return
                threading.Thread(target=self._work, name=f"cmsdials-{number}", daemon=True).start()
                self._started += 1
        except RuntimeError:
            pass  # those that have been started will do
        finally:
            self._mustered.set()

    def outcome(self) -> tuple[int, _Outcome[PartT, ResultT]]:
        """Wait for an outcome, whichever comes first; return it with the number of its part, from 0."""
        while True:
            with contextlib.suppress(Empty):
                return self._outcomes.get(timeout=GLANCE)
            if os.getpid() != self._process:
                # Threads do not survive a fork: who goes on in the child would wait for ever.
                message = (
                    "the threads that fetch are in the process that has called os.fork(): begin anew in this"
                )
                raise RuntimeError(message)

    def permit(self) -> None:
        """Let one more part be begun."""
        self._permits.put(None)

    def dismiss(self) -> None:
        """Tell the threads to stop."""
        self._stop.set()
        self._permits.put(None)

    def leave(self) -> None:
        """Wait a moment for the threads to end."""
        until = time.monotonic() + FAREWELL
        if os.getpid() != self._process or not self._mustered.wait(FAREWELL):
            return
        with contextlib.suppress(Empty):
            for _ in range(self._started):
                self._gone.get(timeout=max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while self._permitted() and self._do_one():
            pass
        self._gone.put(None)

    def _permitted(self) -> bool:
        self._permits.get()
        if self._stop.is_set():
            self._permits.put(None)  # so that the next one sees it too
            return False
        return True

    def _do_one(self) -> bool:
        """Fetch the next part and say what came of it; return whether there may be more to do."""
        outcome: _Outcome[PartT, ResultT]
        with self._asking:
            if self._ended or self._stop.is_set():
                return False
            number = self._asked
            self._asked += 1
            try:
                part = self._next_part()
            except BaseException as error:  # noqa: BLE001  # raised again in the main thread, whatever it is
                self._ended = True
                self._outcomes.put((number, _Failed(error)))
                return False
            if part is None:
                self._ended = True
                self._outcomes.put((number, _NoMore()))
                return False
        try:
            with self._stop.heeded():
                result = self._fetch(part)
            with self._asking:
                self._came(part, result)
            outcome = _Came(part, result)
        except BaseException as error:  # noqa: BLE001  # as above
            outcome = _Failed(error)
        failed = isinstance(outcome, _Failed)
        if failed:
            with self._asking:
                self._ended = True
        self._outcomes.put((number, outcome))
        return not failed
