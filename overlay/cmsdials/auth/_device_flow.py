"""The device grant (RFC 8628) as a state: when to ask, and what an answer means. No I/O, no clock of its own."""

from __future__ import annotations

from attrs import define

from cmsdials.auth.models import Device
from cmsdials.errors import LoginDeniedError, LoginError, LoginExpiredError

__all__ = ["PENDING", "DeviceFlow", "refusal"]

PENDING = ("authorization_pending", "slow_down")
"""Codes of the service that say: not yet."""

SLOWER = 5.0
"""Seconds by which an answer `slow_down` lengthens the interval (RFC 8628, section 3.5)."""
SHORTEST = 0.1
"""Seconds between two questions at least, whatever the service says."""
SLOWEST = 60.0
"""Seconds between two questions at most, unless the service asks for more."""


@define
class DeviceFlow:
    """A login that is not yet confirmed.

    Attributes:
        device: The codes.
        ends: When they expire, in seconds of whatever clock the caller uses.
        interval: Seconds between two questions at least.
    """

    device: Device
    ends: float
    interval: float

    @classmethod
    def started(cls, device: Device, now: float) -> DeviceFlow:
        """Begin at the time `now`."""
        return cls(device, now + device.expires_in, max(device.interval, SHORTEST))

    def remaining(self, now: float) -> float:
        """Seconds until the codes expire, 0 afterwards."""
        return max(0.0, self.ends - now)

    def wait(self, now: float) -> float:
        """Return the seconds until the next question.

        Raises:
            LoginExpiredError: The codes will have expired before it.
        """
        if now + self.interval > self.ends:
            raise LoginExpiredError
        return self.interval

    def refused(self, code: str | None, detail: str = "") -> None:
        """Take in an answer that holds no tokens.

        Args:
            code: The service's error code.
            detail: Its words.

        Raises:
            LoginDeniedError: The user has said no.
            LoginExpiredError: The codes have expired.
            LoginError: The service will never say yes.
        """
        if code == "slow_down":
            self.interval += SLOWER
        elif code not in PENDING:
            raise refusal(code, detail) from None

    def unreachable(self) -> None:
        """Take in that a question got no answer: ask half as often (RFC 8628, section 3.5)."""
        self.interval = max(self.interval, min(2 * self.interval, SLOWEST))


def refusal(code: str | None, detail: str = "") -> LoginError:
    """Return the error for a login that the service will never say yes to."""
    match code:
        case "access_denied":
            return LoginDeniedError()
        case "expired_token":
            return LoginExpiredError()
    message = f"the login service refuses this login ({code or 'no code'}{': ' if detail else ''}{detail})"
    return LoginError(message, advice="Start the login again; if it stays, report it with this message.")
