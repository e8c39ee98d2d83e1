"""The session's view of credentials: they fill in headers, and may renew themselves when refused."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Protocol

from cmsdials.errors import CredentialsError

__all__ = [
    "BaseCredentials",
    "FillsHeaders",
    "asking_once",
    "asks_once",
    "check_credentials",
    "header_problem",
]


class FillsHeaders(Protocol):
    """The minimum that the session needs of credentials; scripts may pass objects of their own."""

    def before_request(self, headers: dict[str, str]) -> None:
        """Add the headers that prove who is asking."""


class BaseCredentials(ABC):
    """Base of all credentials: no I/O until a request is sent, no secret in the repr."""

    @abstractmethod
    def before_request(self, headers: dict[str, str]) -> None:
        """Add the headers that prove who is asking. Called for every attempt, from any thread.

        Args:
            headers: An empty dictionary (scripts may pass their own, which keeps what it holds).

        Raises:
            LoginError: If these credentials have ended and cannot be renewed.
            RequestFailedError: If they could not be renewed this time. The session waits and calls again, by the
                retries of the request.
        """

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """React to a refusal: the service says that the token sent is expired or not valid.

        Called at most once for each step, from any thread. The session then sends the request once more, with
        the headers of a new `before_request`. Where several threads are refused at once, each calls; compare
        `rejected` with what would be sent now, and renew only if they are the same.

        Args:
            rejected: The headers that the refused request carried from `before_request`. Its repr hides them:
                do not copy them into local variables that an error could show.

        Returns:
            True if it is worth sending the request again; False (the default) if nothing can be renewed.

        Raises:
            LoginError: If renewing was tried and refused for good.
            RequestFailedError: As `before_request`, which the session calls next.
        """
        del rejected
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


_asks_once: ContextVar[bool] = ContextVar("_asks_once", default=False)


@contextlib.contextmanager
def asking_once(once: bool = True) -> Iterator[None]:
    """Send each request in the block once, whatever its retries: its caller tries again, or does without.

    So nothing is locked during a wait. Inside, `asking_once(False)` puts the retries back.
    """
    before = _asks_once.set(once)
    try:
        yield
    finally:
        _asks_once.reset(before)


def asks_once() -> bool:
    """Whether a block of `asking_once` is being run."""
    return _asks_once.get()


def check_credentials(credentials: object) -> None:
    """Refuse what cannot be credentials.

    Raises:
        CredentialsError: It names what was given, without its contents.
    """
    kind = type(credentials).__name__
    if isinstance(credentials, type):
        problem = f"the class {credentials.__module__}.{credentials.__qualname__} itself, not an object of it"
    elif callable(getattr(credentials, "before_request", None)):
        return
    else:
        problem = {"NoneType": "None", "str": "text"}.get(kind, f"an object of type {kind}")
        problem += ", which has no method before_request"
    advice = (
        "Pass Credentials.from_creds_file() from cmsdials.auth.device for a person, or"
        " Credentials(token=...) from cmsdials.auth.secret_key for the secret of an application."
    )
    message = f"creds is {problem}"
    raise CredentialsError(message, advice=advice)


def header_problem(value: object) -> str:
    """Say why no HTTP header can carry the value; empty if one can. The value itself is never repeated."""
    if not isinstance(value, str):
        return f"it is {type(value).__name__}, not text"
    if not value.strip():
        return "it is empty"
    if value != value.strip():
        return "it begins or ends with blanks or a line break (use .strip() on what you read)"
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return "it holds a line break or another control character"
    if any(ord(character) > 255 for character in value):
        return "it holds characters that an HTTP header cannot carry"
    return ""
