"""Several parts at once, handed on in order: threads fetch while the main thread takes what has arrived.

It knows nothing about what is fetched. Its rules:

- A part that fails is an error in its turn, after all that come before it. No part is begun once one has failed.
- Only a fixed number of parts is under way or waiting to be handed on, so memory is bounded if the consumer is slow.
- A Ctrl-C ends it at once. Python raises it between any two instructions of the main thread, also within
  `threading.Condition` and `Thread.start`, whose locks would then stay locked for ever. So the main thread only uses
  queues that are written in C, and a thread starts the others.
- The threads are daemons: after a Ctrl-C the process does not wait for the last answers, as it would with those of
  `concurrent.futures`.
"""

from __future__ import annotations

import _thread
import contextlib
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from attrs import define, field

from cmsdials.runtime.interrupts import Closing, Stop

__all__ = ["in_order"]

PartT = TypeVar("PartT")
ResultT = TypeVar("ResultT")

LOOK_UP = 0.1
"""Seconds between checks while the main thread waits; on Windows only then does it see a Ctrl-C."""

LONGEST_JOIN = 0.1
"""Seconds that `close` waits for all threads together. One that reads from a socket ends when that returns."""


@define(eq=False)
class _Job(Generic[PartT, ResultT]):
    """A part, and what came of it: a result or an error."""

    number: int
    part: PartT
    result: ResultT = field(init=False)
    error: BaseException | None = None
    is_over: bool = False


def in_order(
    next_part: Callable[[], PartT | None],
    fetch: Callable[[PartT], ResultT],
    workers: int,
    *,
    came: Callable[[PartT, ResultT], object] = lambda _part, _result: None,
) -> Generator[tuple[PartT, ResultT], None, None]:
    """Fetch parts, several at a time, and hand them on in their order.

    `next_part` (None: no more) and `came`, for each part in order of arrival, are called in the thread of the
    consumer; `fetch` in any, several at a time. These heed a `Stop`, which is set when the iterator is closed. With one
    worker there is no thread: each part is fetched when it is asked for. After an error the iterator is finished:
    resume with a new one, from the last part that it has handed on.

    Raises:
        BaseException: What `fetch`, `next_part` or `came` raised, of whatever kind.
    """
    threads = _Threads(fetch, workers)
    # Twice, because a Ctrl-C may cut the exit of one short, or come as it begins. And no `try` in it: in CPython
    # 3.11 an interrupt where that begins would skip the exit.
    with threads, threads:
        threads.start()
        yield from _handed_on(next_part, threads, came, 2 * workers if workers > 1 else 1)


def _handed_on(
    next_part: Callable[[], PartT | None],
    threads: _Threads[PartT, ResultT],
    came: Callable[[PartT, ResultT], object],
    window: int,
) -> Generator[tuple[PartT, ResultT], None, None]:
    jobs: deque[_Job[PartT, ResultT]] = deque()
    done: _Job[PartT, ResultT] | None = None
    more = True
    failure: Exception | None = None
    while True:
        while more and len(jobs) < window:
            try:
                part = next_part()
            except Exception as error:  # noqa: BLE001  # raised in its turn, after all parts before it
                part, failure = None, error
            if part is None:
                more = False
            else:
                jobs.append(threads.begin(part))
        if done is not None:
            yield done.part, done.result
            done = None
        if not jobs:
            break
        while not jobs[0].is_over:
            job = threads.next_over()
            try:
                if job.error is None:
                    came(job.part, job.result)
            except Exception as error:  # noqa: BLE001  # raised in its turn
                threads.fail(job, error)
            job.is_over = True
            more = more and job.error is None
        done = jobs.popleft()
        if done.error is not None:
            raise done.error
    if failure is not None:
        raise failure


class _Threads(Closing, Generic[PartT, ResultT]):
    """Threads that fetch. What the main thread calls takes no lock.

    Where there are none, because none are wanted or the system allows no more, the main thread fetches: slower,
    with the same result.
    """

    def __init__(self, fetch: Callable[[PartT], ResultT], workers: int) -> None:
        self._fetch = fetch
        self._workers = workers
        self._stop = Stop()
        self._jobs: SimpleQueue[_Job[PartT, ResultT] | None] = SimpleQueue()  # None: there will be no more
        self._over: SimpleQueue[_Job[PartT, ResultT]] = SimpleQueue()
        self._begun = 0
        self._first_failed = math.inf
        self._is_started = Stop()
        self._running = 0
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._process = os.getpid()

    def start(self) -> None:
        """Start the threads, as many as the system allows; none for one worker."""
        try:
            if self._workers > 1:
                _thread.start_new_thread(self._start, ())
            else:
                self._is_started.set()
        except RuntimeError:
            self._is_started.set()
        while not self._is_started.wait(LOOK_UP):
            pass

    def begin(self, part: PartT) -> _Job[PartT, ResultT]:
        """Let a thread fetch this part as soon as one is free."""
        job: _Job[PartT, ResultT] = _Job(self._begun, part)
        self._begun += 1
        self._jobs.put(job)
        return job

    def next_over(self) -> _Job[PartT, ResultT]:
        """Wait for the next part that is fetched or fails."""
        if not self._running:
            self._do_one()
        while True:
            with contextlib.suppress(Empty):
                return self._over.get(timeout=LOOK_UP)
            if os.getpid() != self._process:
                # Threads do not survive a fork: the child would wait for ever.
                message = (
                    "the threads that fetch are in the process that called os.fork(): start again in this"
                )
                raise RuntimeError(message)

    def fail(self, job: _Job[PartT, ResultT], error: BaseException) -> None:
        """Record that a part has failed: none after it is begun."""
        job.error = error
        self._first_failed = min(self._first_failed, job.number)

    def close(self) -> None:
        """Tell the threads to end, and wait a moment for them."""
        self._stop.set()
        self._jobs.put(None)
        until = time.monotonic() + LONGEST_JOIN
        with contextlib.suppress(Empty):
            while self._is_started.wait(LONGEST_JOIN) and self._running:
                self._ended.get(timeout=max(0.0, until - time.monotonic()))
                self._running -= 1

    def _start(self) -> None:
        with contextlib.suppress(RuntimeError):  # those that have been started will do
            for number in range(1, self._workers + 1):
                threading.Thread(target=self._work, name=f"cmsdials-{number}", daemon=True).start()
                self._running += 1
        self._is_started.set()

    def _work(self) -> None:
        while self._do_one():
            pass
        self._ended.put(None)

    def _do_one(self) -> bool:
        """Fetch the next part; return whether there may be more to do."""
        job = self._jobs.get()
        if job is None or self._stop.is_set():
            self._jobs.put(None)  # so that the next one sees it too
            return False
        if job.number > self._first_failed:
            return False
        try:
            with self._stop.heeded():
                job.result = self._fetch(job.part)
        except BaseException as error:  # noqa: BLE001  # raised again in the main thread, whatever it is
            self.fail(job, error)
        self._over.put(job)
        return job.error is None
