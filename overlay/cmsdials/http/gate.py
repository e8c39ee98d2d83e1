"""What all requests of a session know together of the service: whether it has answered, and when to leave it alone.

Threads that share a session back off together: where one is told "not now", the others would be told the same, and
each of their requests would keep the service from getting well.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Gate", "Hold"]


class Hold(NamedTuple):
    """A time in which the service is to be left alone.

    Attributes:
        until: Its end, in seconds of the session's clock.
        seconds: How long it is.
    """

    until: float
    seconds: float

    def remaining(self, now: float) -> float:
        """Seconds until it ends; never more than all of it, whatever was done to the clock."""
        return min(self.until - now, self.seconds)


class Gate:
    """Holds requests back. Nothing here waits, and nothing locks.

    Attributes:
        has_answered: Whether the service has ever answered, in whatever way.
    """

    def __init__(self) -> None:
        self.has_answered = False
        self._holds: set[Hold] = set()

    def close(self, now: float, seconds: float) -> Hold:
        """Hold all requests back for some seconds from now."""
        hold = Hold(now + seconds, seconds)
        if seconds > 0:
            self._holds.add(hold)
        return hold

    def open(self, hold: Hold) -> None:
        """End a hold: somebody has waited until its end."""
        self._holds.discard(hold)

    def hold(self, now: float) -> Hold | None:
        """Return the hold that ends last; None if requests may go."""
        holds = tuple(self._holds)
        for over in holds:
            if over.until <= now:
                self._holds.discard(over)
        return max((hold for hold in holds if hold.until > now), default=None)
