"""Several parts at once, handed on in order: threads fetch while the main thread takes what has arrived.

It knows nothing about what is fetched. Parts stand in a line. Whoever fetches one brings a result, and what is left of the
part takes its place in the line, behind that result. Its rules:

- The first part in line that nobody fetches comes next, so that results are needed soon after they arrive.
- What is fetched ahead is bounded, in bytes and in number: if the consumer is slow, or the results are large, only the
  part at the head of the line is fetched.
- A part that fails is an error in its turn, after all that come before it. No part behind it is begun any more.
- A Ctrl-C ends it at once. Python raises it between any two instructions of the main thread, also within
  `threading.Condition` and `Thread.start`, whose locks would then stay locked for ever. So the main thread only uses
  queues that are written in C, and one thread starts the others and keeps the line.
- The threads are daemons: after a Ctrl-C the process does not wait for the last answers, as it would with those of
  `concurrent.futures`.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from attrs import define, field

from cmsdials.runtime.interrupts import Closing, Stop

__all__ = ["in_order"]

PartT = TypeVar("PartT")
ResultT = TypeVar("ResultT")

MOST_AHEAD = 32e6
"""Bytes of results that may be under way, or wait to be taken, beside those of the first part in line."""

MOST_RESULTS_AHEAD = 8
"""Results for each worker that may be under way or wait to be taken."""

LOOK_UP = 0.1
"""Seconds between checks while the main thread waits; on Windows only then does it see a Ctrl-C."""

LONGEST_JOIN = 0.1
"""Seconds that `close` waits for all threads together. One that reads from a socket ends when that returns."""


@define(eq=False)
class _Job(Generic[PartT, ResultT]):
    """A part, and what came of it: a result or an error. There is no part if none could be found."""

    part: PartT = field(init=False)
    result: ResultT = field(init=False)
    size: float = 0.0
    error: BaseException | None = None
    is_over: bool = False


def in_order(
    parts: Iterable[PartT],
    fetch: Callable[[PartT], ResultT],
    workers: int,
    *,
    rest: Callable[[PartT, ResultT], Iterable[PartT]] = lambda _part, _result: (),
    size: Callable[[ResultT], float] = lambda _result: 0.0,
    beside: Callable[[], object] | None = None,
) -> Generator[tuple[PartT, ResultT], None, None]:
    """Fetch parts, several at a time, and hand on what comes of them, in their order.

    Args:
        parts: The parts, which may be found while others are fetched.
        fetch: Fetches a part, or the beginning of it. Called in any thread, several at a time.
        workers: How many parts to fetch at a time. With one there is no thread: each is fetched when it is asked for.
        rest: Returns what is left of a part, given what has come of it.
        size: Bytes of a result.
        beside: Called once in a thread of its own, if there are threads. It may take its time.

    `parts` and `rest` are asked by one thread at a time. What threads do heeds a `Stop`, which is set when the iterator is
    closed. After an error the iterator is finished: resume with a new one, from what it has handed on last.

    Raises:
        BaseException: What one of these raised, of whatever kind.
    """
    line = _Line(parts, rest, size, workers)
    threads = _Threads(line, fetch, workers, beside)
    # Twice, because a Ctrl-C may cut the exit of one short, or come as it begins. And no `try` in it: in CPython
    # 3.11 an interrupt where that begins would skip the exit.
    with threads, threads:
        threads.start()
        while (job := threads.next_over()) is not None:
            if job.error is not None:
                raise job.error
            yield job.part, job.result
            del job  # while the next one comes, this is for the consumer to keep


class _Line(Generic[PartT, ResultT]):
    """Parts in their order, with what has come of them. For one thread."""

    def __init__(
        self,
        parts: Iterable[PartT],
        rest: Callable[[PartT, ResultT], Iterable[PartT]],
        size: Callable[[ResultT], float],
        workers: int,
    ) -> None:
        self._line: list[_Job[PartT, ResultT] | Iterator[PartT]] = [iter(parts)]
        self._rest = rest
        self._size = size
        self._most = MOST_RESULTS_AHEAD * workers
        self._ahead: set[_Job[PartT, ResultT]] = set()
        self._waiting = 0  # results that have left the line, and are not taken yet
        self._largest = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing more to fetch or to take."""
        return not self._line

    def begin(self) -> _Job[PartT, ResultT] | None:
        """Return the part to fetch next, None if there is none now."""
        place = 0
        while place < len(self._line):
            one = self._line[place]
            if isinstance(one, _Job):
                place += 1
            elif self._is_full() and (place or self._waiting):  # else the consumer waits for this part
                return None
            elif (job := self._found(one)) is None:
                del self._line[place]
            else:
                self._line.insert(place, job)
                if job.error is None:
                    self._ahead.add(job)
                    return job
                del self._line[place + 1 :]
        return None

    def _found(self, parts: Iterator[PartT]) -> _Job[PartT, ResultT] | None:
        job: _Job[PartT, ResultT] = _Job()
        try:
            job.part = next(parts)
        except StopIteration:
            return None
        except BaseException as error:  # noqa: BLE001  # raised in its turn, after all parts before it
            job.error, job.is_over = error, True
        return job

    def _is_full(self) -> bool:
        """Whether too much is under way or waits to be taken."""
        expected = sum(job.size if job.is_over else self._largest for job in self._ahead) + self._largest
        return len(self._ahead) >= self._most or expected > MOST_AHEAD

    def arrived(self, job: _Job[PartT, ResultT]) -> None:
        """Record that a part was fetched, or has failed: what is left of it follows, or nothing."""
        if job not in self._line:
            return  # it stood behind one that has failed
        place = self._line.index(job) + 1
        job.is_over = True
        if job.error is None:
            try:
                job.size = self._size(job.result)
                self._largest = max(self._largest / 2, job.size)
                self._line.insert(place, iter(self._rest(job.part, job.result)))
            except BaseException as error:  # noqa: BLE001  # raised in its turn
                job.error = error
        if job.error is not None:
            del self._line[place:]

    def next(self) -> _Job[PartT, ResultT] | None:
        """Return the next part to hand on, if it is over."""
        first = self._line[0] if self._line else None
        if isinstance(first, _Job) and first.is_over:
            del self._line[0]
            self._waiting += 1
            return first
        return None

    def taken(self, job: _Job[PartT, ResultT]) -> None:
        """Record that a result is not ahead any more."""
        self._waiting -= 1
        self._ahead.discard(job)


class _Threads(Closing, Generic[PartT, ResultT]):
    """One thread that keeps the line, and others that fetch. What the main thread calls takes no lock.

    Where there are none, because none are wanted or the system allows no more, the one that keeps the line also fetches,
    or the main thread does it all: slower, with the same result.
    """

    def __init__(
        self,
        line: _Line[PartT, ResultT],
        fetch: Callable[[PartT], ResultT],
        workers: int,
        beside: Callable[[], object] | None,
    ) -> None:
        self._line = line
        self._fetch = fetch
        self._workers = workers
        self._beside = beside
        self._stop = Stop()
        self._jobs: SimpleQueue[_Job[PartT, ResultT] | None] = SimpleQueue()  # None: there will be no more
        # For the keeper: a part that is over, one that is taken, or None: stop.
        self._events: SimpleQueue[_Job[PartT, ResultT] | None] = SimpleQueue()
        self._over: SimpleQueue[_Job[PartT, ResultT] | None] = SimpleQueue()  # None: that was all
        self._has_keeper = False
        self._gone: SimpleQueue[None] = SimpleQueue()  # once for each worker
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._process = os.getpid()

    def start(self) -> None:
        """Start the threads, as many as the system allows; none for one worker."""
        if self._workers > 1:
            with contextlib.suppress(RuntimeError):  # no thread is left: then it goes without
                _thread.start_new_thread(self._keep, ())
                self._has_keeper = True

    def next_over(self) -> _Job[PartT, ResultT] | None:
        """Return the next part in line, once it is fetched or has failed; None after the last one."""
        if not self._has_keeper:
            return self._next_alone()
        while True:
            with contextlib.suppress(Empty):
                job = self._over.get(timeout=LOOK_UP)
                self._events.put(job)
                return job
            if os.getpid() != self._process:
                # Threads do not survive a fork: the child would wait for ever.
                message = (
                    "the threads that fetch are in the process that called os.fork(): start again in this one"
                )
                raise RuntimeError(message)

    def _next_alone(self) -> _Job[PartT, ResultT] | None:
        while not self._line.is_empty:
            if (over := self._line.next()) is not None:
                self._line.taken(over)
                return over
            if (job := self._line.begin()) is not None:
                job.result = self._fetch(job.part)
                self._line.arrived(job)
        return None

    def close(self) -> None:
        """Tell the threads to end, and wait a moment for them."""
        self._stop.set()
        self._events.put(None)
        if self._has_keeper:
            with contextlib.suppress(Empty):
                self._ended.get(timeout=LONGEST_JOIN)
                self._ended.put(None)  # so that it need not be waited for again

    # --- the thread that keeps the line

    def _keep(self) -> None:
        workers = self._started()
        with self._stop.heeded():
            self._keep_line(workers)
        self._jobs.put(None)
        until = time.monotonic() + LONGEST_JOIN
        with contextlib.suppress(Empty):
            for _ in range(workers):
                # Not join(): in a thread that `threading` does not know, it leaves something behind for ever.
                self._gone.get(timeout=max(0.0, until - time.monotonic()))
        self._ended.put(None)

    def _started(self) -> int:
        workers = 0
        with contextlib.suppress(RuntimeError):  # those that have been started will do
            for number in range(1, self._workers + 1):
                threading.Thread(target=self._work, name=f"cmsdials-{number}", daemon=True).start()
                workers = number
            if self._beside is not None:
                threading.Thread(target=self._do_beside, name="cmsdials-beside", daemon=True).start()
        return workers

    def _keep_line(self, workers: int) -> None:
        idle = workers or 1
        while True:
            while idle and (job := self._line.begin()) is not None:
                idle -= 1
                self._jobs.put(job)
                del job  # what it will hold is for the one who takes it
            while (over := self._line.next()) is not None:
                self._over.put(over)
                if over.error is not None:
                    return
            if self._line.is_empty:
                self._over.put(None)
                return
            if not workers and not self._jobs.empty():
                self._do_next()
            event = self._events.get()
            if event is None or self._stop.is_set():
                return
            if event.is_over:
                self._line.taken(event)
            else:
                idle += 1
                self._line.arrived(event)
            del event

    # --- the threads that fetch

    def _work(self) -> None:
        with self._stop.heeded():
            while self._do_next():
                pass
        self._gone.put(None)

    def _do_next(self) -> bool:
        """Fetch the next part; return whether there may be more to do. It keeps nothing of what has come."""
        job = self._jobs.get()
        if job is None or self._stop.is_set():
            self._jobs.put(None)  # so that the next one sees it too
            return False
        try:
            job.result = self._fetch(job.part)
        except BaseException as error:  # noqa: BLE001  # raised again in the main thread, whatever it is
            job.error = error
        self._events.put(job)
        return True

    def _do_beside(self) -> None:
        with self._stop.heeded(), contextlib.suppress(BaseException):
            assert self._beside is not None  # noqa: S101  # else there is no such thread
            self._beside()
