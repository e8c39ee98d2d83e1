"""What an answer costs the server: nothing, a fixed delay, or the time of one of a few workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import BoundedSemaphore
from typing import Any

__all__ = ["Cost"]


@dataclass(frozen=True)
class Cost:
    """The cost of each answer; by default nothing.

    Attributes:
        delay: Seconds that each request takes, however many run at once.
        workers: Requests that are processed at once; None for any number.
        busy_request: Seconds that a worker is busy with each request.
        busy_row: Seconds that a worker is busy with each row of the answer.
    """

    delay: float = 0.0
    workers: int | None = None
    busy_request: float = 0.0
    busy_row: float = 0.0

    def spender(self) -> Callable[[int], None]:
        """Return a function that waits as long as an answer of a number of rows takes; threads share it."""
        workers = BoundedSemaphore(self.workers) if self.workers is not None else None

        def spend(rows: int) -> None:
            if self.delay:
                time.sleep(self.delay)
            if workers is not None:
                # A worker is free as soon as its answer is made: the proxy in front of it sends it.
                with workers:
                    time.sleep(self.busy_request + rows * self.busy_row)

        return spend

    def dict(self) -> dict[str, Any]:
        """Return the attributes, for JSON."""
        return asdict(self)
