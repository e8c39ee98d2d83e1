"""Logins in progress: from the two codes (RFC 8628) to the decision, each step at most once.

Records are replaced, never changed, so each is a consistent snapshot.
"""

import dataclasses
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from cmsdials_sandbox.logins.clients import Client
from cmsdials_sandbox.logins.refusals import LoginRefused

# No vowels, so that no words arise, and nothing that looks like a digit (RFC 8628, 6.1).
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class Status(Enum):
    """The state of a login; the value is the word for it."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True)
class DeviceLogin:
    """One login.  `confirmation` is only in the page's form: whoever posts it has seen the page.  Times in s."""

    device_code: str = field(repr=False)
    user_code: str
    confirmation: str = field(repr=False)
    client: Client
    started: float
    expires: float
    interval: float
    polled: float | None = None
    status: Status = Status.PENDING


class DeviceLogins:
    """All logins.

    In seconds: the `lifetime` of a code, the least `interval` between polls, and the time after which a code is approved
    automatically (`auto_approve`; None: never).
    """

    def __init__(
        self, lifetime: float, interval: float, auto_approve: float | None, clock: Callable[[], float]
    ) -> None:
        self._lifetime = lifetime
        self._interval = interval
        self._auto_approve = auto_approve
        self._clock = clock
        self._lock = threading.Lock()
        self._logins: dict[str, DeviceLogin] = {}
        self._device_codes: dict[str, str] = {}

    def start(self, client: Client) -> DeviceLogin:
        """Begin a login with two new codes."""
        with self._lock:
            now = self._clock()
            user_code = _user_code()
            while user_code in self._device_codes:
                user_code = _user_code()
            device_code, confirmation = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            login = DeviceLogin(
                device_code, user_code, confirmation, client, now, now + self._lifetime, self._interval
            )
            self._device_codes[user_code] = device_code
            return self._keep(login)

    def find(self, *, device_code: str | None = None, user_code: str | None = None) -> DeviceLogin | None:
        """Return the login with a code, the user code as typed by a person; None if there is none."""
        with self._lock:
            if user_code is not None:
                device_code = self._device_codes.get(normalised(user_code))
            return self._now(device_code)

    def decide(self, login: DeviceLogin, decision: Status) -> DeviceLogin | None:
        """Approve or deny; None if it was too late."""
        with self._lock:
            present = self._now(login.device_code)
            if present is None or present.status is not Status.PENDING:
                return None
            return self._keep(dataclasses.replace(present, status=decision))

    def poll(self, device_code: str, client: Client, *, paced: bool = True) -> None:
        """Return once if the login is approved, and mark its code as used.  Raises `LoginRefused` otherwise.

        `paced` is whether polls must keep to the interval: one that comes too early is answered `slow_down` in any state,
        and the next may come when the interval since the last accepted poll has passed.
        """
        with self._lock:
            login = self._now(device_code)
            if login is None or login.client != client or login.status is Status.USED:
                raise LoginRefused("invalid_grant", "The device code is unknown or was used before.")  # noqa: EM101
            if login.status is Status.EXPIRED:
                raise LoginRefused("expired_token", "The device code has expired: start a new login.")  # noqa: EM101
            now = self._clock()
            if paced and login.polled is not None and now - login.polled < login.interval:
                raise LoginRefused("slow_down", "Polled too early: wait longer between polls.")  # noqa: EM101
            login = self._keep(dataclasses.replace(login, polled=now))
            if login.status is Status.DENIED:
                raise LoginRefused("access_denied", "The login was denied.")  # noqa: EM101
            if login.status is Status.PENDING:
                raise LoginRefused("authorization_pending", "The login is not confirmed yet.")  # noqa: EM101
            self._keep(dataclasses.replace(login, status=Status.USED))

    def seconds_left(self, login: DeviceLogin) -> float:
        """The seconds in which it can still be confirmed."""
        return max(0.0, login.expires - self._clock())

    def _keep(self, login: DeviceLogin) -> DeviceLogin:
        self._logins[login.device_code] = login
        return login

    def _now(self, device_code: str | None) -> DeviceLogin | None:
        """Return the present state of a login: it may have been approved automatically, or have expired."""
        login = self._logins.get(device_code or "")
        if login is None or login.status is Status.USED:
            return login
        now = self._clock()
        if now >= login.expires:
            return self._keep(dataclasses.replace(login, status=Status.EXPIRED))
        by_itself = self._auto_approve is not None and now >= login.started + self._auto_approve
        if login.status is Status.PENDING and by_itself:
            return self._keep(dataclasses.replace(login, status=Status.APPROVED))
        return login


def normalised(typed: str) -> str:
    """Return a user code as it was shown, from one typed in any case, with any blanks and hyphens."""
    letters = "".join(letter for letter in typed.upper() if letter.isalnum())
    return f"{letters[:4]}-{letters[4:]}"


def _user_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return normalised(letters)
