"""A cache of answers, and its clock; `keeping` says which answers are kept under which key."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Address, header `Workspace`, and method: the answer to HEAD has no body.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Kept:
    """An answer and when it was made."""

    made: float
    content: bytes
    content_type: str


class Cache:
    """Answers of the last `seconds`; 0 keeps none.  `ahead` moves its clock."""

    def __init__(self, seconds: int, clock: Callable[[], float] = time.time) -> None:
        self.seconds = seconds
        self.ahead = 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Key, Kept] = {}

    def now(self) -> float:
        """The time by which answers expire."""
        return self._clock() + self.ahead

    def find(self, key: Key) -> Kept | None:
        """Return a kept answer that is not too old."""
        with self._lock:
            kept = self._kept.get(key)
            return kept if kept is not None and self.now() - kept.made < self.seconds else None

    def keep(self, key: Key, kept: Kept) -> None:
        """Keep an answer, and drop those that are too old."""
        with self._lock:
            now = self.now()
            self._kept = {k: v for k, v in self._kept.items() if now - v.made < self.seconds}
            self._kept[key] = kept

    def clear(self) -> int:
        """Forget all answers; return their number."""
        with self._lock:
            number = len(self._kept)
            self._kept = {}
            return number
