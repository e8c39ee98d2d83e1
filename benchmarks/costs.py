"""What an answer costs the server: nothing, a fixed delay, or the time of one of a few workers."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from threading import BoundedSemaphore, Lock
from typing import Any

__all__ = ["REAL", "Cost", "Spender", "Work"]


@dataclass(frozen=True)
class Work:
    """What a worker does for an answer.

    Attributes:
        table: Path of the table it comes from; empty for a refusal.
        rows: Rows of the answer.
        size: Its bytes, before compression.
        skipped: Rows before the cursor, which the database steps over.
    """

    table: str = ""
    rows: int = 0
    size: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Cost:
    """The cost of each answer; by default nothing.

    Attributes:
        delay: Seconds that each request takes, however many run at once.
        workers: Requests that are processed at once; None for any number.
        busy_request: Seconds that a worker is busy with each request.
        busy_row: Seconds that a worker is busy with each row of the answer.
        busy_th1: Seconds that it is busy with each TH1, in addition.
        busy_th2_byte: Seconds that it is busy with each byte of TH2s.
        busy_skipped: Seconds that it is busy with each row before the cursor.
    """

    delay: float = 0.0
    workers: int | None = None
    busy_request: float = 0.0
    busy_row: float = 0.0
    busy_th1: float = 0.0
    busy_th2_byte: float = 0.0
    busy_skipped: float = 0.0

    def busy(self, work: Work) -> float:
        """Return the seconds that a worker is busy with an answer."""
        seconds = self.busy_request + work.rows * self.busy_row + work.skipped * self.busy_skipped
        if work.table == "th1":
            seconds += work.rows * self.busy_th1
        if work.table == "th2":
            seconds += work.size * self.busy_th2_byte
        return seconds

    def spender(self) -> Spender:
        """Return what spends this cost; threads share it."""
        return Spender(self)

    def dict(self) -> dict[str, Any]:
        """Return the attributes, for JSON."""
        return asdict(self)


class Spender:
    """Waits as long as answers take, and adds up what they cost."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._workers = nullcontext() if cost.workers is None else BoundedSemaphore(cost.workers)
        self._lock = Lock()
        self._requests = 0
        self._busy = 0.0

    def spend(self, work: Work) -> None:
        """Wait as long as an answer takes."""
        busy = self._cost.busy(work)
        with self._lock:
            self._requests += 1
            self._busy += busy
        if self._cost.delay:
            time.sleep(self._cost.delay)
        if busy:
            # A worker is free as soon as its answer is made: the proxy in front of it sends it.
            with self._workers:
                time.sleep(busy)

    def tally(self) -> dict[str, float]:
        """Return how many requests there were, and how many seconds all workers together were busy with them.

        These are the seconds of the costs, not of a clock: how busy the machine is does not change them.
        """
        with self._lock:
            return {"requests": self._requests, "busy": self._busy}


REAL = Cost(
    workers=3, busy_request=0.03, busy_th1=0.28e-3, busy_th2_byte=2e-3 / 10e3, busy_skipped=0.127 / 252_948
)
"""As measured on the real service: 30 ms a request, 0.28 ms a TH1, 2 ms for 10 kB of TH2, and 127 ms for a cursor that 252 948
rows come before."""
