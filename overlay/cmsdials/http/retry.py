"""When a failed request is sent again, and after how long. Decisions only: nothing here sends, sleeps or locks.

urllib3's `Retry` is the rule engine, because users already pass it; it is loaded with the first rules. Our errors are
translated into urllib3's own classes, so that ``connect=``, ``read=``, ``status=`` and ``other=`` count what their names say:

- ``connect``: no connection (name, refusal, proxy, timeout of the connect): no server has seen the request;
- ``read``: a timeout or a break after that, a truncated or damaged body, truncated JSON, HTML with status 200;
- ``status``: an answer with a status of ``status_forcelist``;
- ``other``: TLS handshakes that fail.

Never repeated, whatever the rules: an untrusted certificate, http for https or the other way round, a redirect, an answer
that is too large, one that is valid JSON but breaks the contract (`SchemaError`) and pages that do not follow each other;
the next try would be the same.

Threads that share a session back off together (`Gate`): if one gets the answer "not now", the others would too, and
each of their requests would delay the recovery of the service.
"""

from __future__ import annotations

import math
import re
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from cmsdials.errors import (
    ConfigurationError,
    ConnectionFailedError,
    GatewayError,
    PaginationError,
    RedirectError,
    RequestFailedError,
    RequestTimeoutError,
    ResponseError,
    SchemaError,
    TransportError,
)
from cmsdials.runtime.background import load, loaded

if TYPE_CHECKING:
    from urllib3.exceptions import HTTPError
    from urllib3.util.retry import Retry

__all__ = [
    "RETRIED_STATUSES",
    "Gate",
    "Retries",
    "Rules",
    "asks_for_a_pause",
    "checked_retries",
    "retry_after_seconds",
    "retry_rules",
]

Retries: TypeAlias = "int | Retry | None"
"""What users may pass as ``retries=``: a number, a bool, urllib3's Retry, or None for the default."""

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
"""Statuses that say "not now" rather than "no"."""

USUAL_TOTAL = 5
USUAL_BACKOFF_FACTOR = 0.5
MOST_UNANSWERED = 3
"""How often a connection is tried again by default where no server has answered yet, in 3 s altogether."""
LONGEST_RETRY_AFTER = 60.0
"""Longest wait, in seconds, that a Retry-After header can ask for."""
LONGEST_BACKOFF = 30.0
"""Longest wait, in seconds, between two attempts under our own rules; a `Retry` of the user has its own limit."""

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_POOL: Any = None  # urllib3's exceptions want their pool, which we do not have


def retry_rules(retries: Retries) -> Retry:
    """Turn the user's ``retries=`` into rules. A `Retry` that is given is never changed.

    Args:
        retries: None or True: 5 retries, but 3 of a connection where no server has answered yet. A number: that many;
            0 or False: none. Both wait 0, 1, 2, 4, ... up to 30 s and repeat only what is safe to repeat. A `Retry`
            is obeyed; if its ``status_forcelist`` is empty, it also repeats on 429, 502, 503 and 504. A 500 that is a
            time-out counts as 504.

    Raises:
        ConfigurationError: If it is something else, or negative.
    """
    given = checked_retries(retries)
    load("urllib3")
    from urllib3.util.retry import Retry  # noqa: PLC0415  # loaded just now

    if not isinstance(given, int):
        # "Any method" may be written as an empty collection, about which urllib3 2 warns each time.
        return given.new(
            allowed_methods=given.allowed_methods or None,
            status_forcelist=given.status_forcelist or RETRIED_STATUSES,
        )
    return Retry(
        total=given,
        redirect=0,
        allowed_methods=_REPEATABLE,
        status_forcelist=RETRIED_STATUSES,
        backoff_factor=USUAL_BACKOFF_FACTOR,
    )


def checked_retries(retries: Retries) -> int | Retry:
    """Return a number of retries, or the `Retry` that is given, without loading urllib3. Raises as `retry_rules`."""
    library = loaded("urllib3.util.retry")
    if library is not None and isinstance(retries, library.Retry):
        return cast("Retry", retries)
    number: object = USUAL_TOTAL if _is_usual(retries) else retries  # whatever a script may have passed
    if not isinstance(number, Integral) or int(number) < 0:
        message = f"retries must be a whole number of at least 0 or a urllib3 Retry, not {retries!r}"
        raise ConfigurationError(message)
    return int(number)


def _is_usual(retries: object) -> bool:
    """Whether the user left the number of retries to us."""
    return retries is None or retries is True


def asks_for_a_pause(failure: RequestFailedError) -> bool:
    """Whether the service asks for fewer requests, whoever sends them."""
    return isinstance(failure, ResponseError) and failure.status_code in (429, 503)


class Rules:
    """What the rules still allow for one request.

    Args:
        retries: See `retry_rules`.
        safe: The request changes nothing on the server, so it may be repeated even if it is a POST.
        retry_when_slow: False for callers that can ask for less: a failure that `is_too_slow` is then final.
    """

    def __init__(self, retries: Retries, *, safe: bool = False, retry_when_slow: bool = True) -> None:
        self._given = checked_retries(retries)
        self._left: Any = None  # the rules, made with the first failure
        self._methods: Any = None
        self._safe = safe
        self._is_usual = _is_usual(retries)
        self._longest = LONGEST_BACKOFF if isinstance(self._given, int) else math.inf
        self._retry_when_slow = retry_when_slow

    @property
    def left(self) -> int | None:
        """Attempts that are left after the next one; None if there is no limit to their number, or none has failed."""
        total = None if self._left is None else self._left.total
        return None if total is None or total is False else int(total)

    def wait_after(self, failure: RequestFailedError, *, has_answered: bool, now: float) -> float | None:
        """Decide whether a failed request is sent again, and count it.

        Args:
            failure: What went wrong; it knows the method and the URL.
            has_answered: A server has answered at this address before. If none has, the address may be wrong: unless
                the user set the number of retries, a connection that cannot be made is given up sooner.
            now: Seconds since the epoch, for a Retry-After that is a date.

        Returns:
            Seconds to wait before that; None if it is given up. The advice of `failure` then says why.
        """
        if _is_final(failure) or (failure.is_too_slow and not self._retry_when_slow):
            return None
        if self._left is None:
            self._left = retry_rules(self._given)
            self._methods = None if self._safe else self._left.allowed_methods
        # Where the login could not be renewed, the request itself was not sent, or was refused.
        self._left = self._left.new(allowed_methods=None if failure.of_login else self._methods)
        reason = wait = None
        if isinstance(failure, ResponseError):
            if not self._is_retried(failure):
                return None
            header = failure.retry_after if self._left.respect_retry_after_header else None
            asked = retry_after_seconds(header, now) if header else None
            if asked is not None:
                wait = min(asked, getattr(self._left, "retry_after_max", asked))
                if wait > LONGEST_RETRY_AFTER:
                    longer = f"longer than the {LONGEST_RETRY_AFTER:.0f} s that cmsdials waits by itself"
                    reason = f"The service asks to wait {asked:.0f} s (Retry-After), {longer}."
        elif self._is_usual and not has_answered and _is_long_unconnected(failure):
            reason = "No server has answered at this address yet: is it the right one, and is its server up?"
        if reason is not None:
            failure.advice = f"{reason} {failure.advice}".strip()
            return None
        return wait or min(self._left.get_backoff_time(), self._longest) if self._count(failure) else None

    def _is_retried(self, failure: ResponseError) -> bool:
        # A worker that the server has stopped because it took too long is a 504 in all but name.
        is_stopped = failure.status_code == 500 and isinstance(failure, GatewayError)
        statuses = (500, 504) if is_stopped else (failure.status_code,)
        has_header = bool(failure.retry_after)
        return any(self._left.is_retry(failure.method, status, has_header) for status in statuses)

    def _count(self, failure: RequestFailedError) -> bool:
        """Count one more failure; return whether another attempt is allowed."""
        import urllib3  # noqa: PLC0415  # loaded by retry_rules

        response: urllib3.HTTPResponse | None = None
        error: HTTPError | None = None
        if isinstance(failure, ResponseError):
            headers = {"Retry-After": failure.retry_after} if failure.retry_after else {}
            response = urllib3.HTTPResponse(body=b"", headers=headers, status=failure.status_code)
        else:
            error = _as_urllib3(failure)
        try:
            self._left = self._left.increment(failure.method, failure.url, response=response, error=error)
        except (
            urllib3.exceptions.HTTPError
        ):  # MaxRetryError, or the error itself where it may not be repeated
            return False
        return True


def retry_after_seconds(value: str, now: float) -> float | None:
    """Read a Retry-After header (RFC 9110, section 10.2.3): seconds or an HTTP date; None if neither."""
    load("email.utils")
    from email.utils import mktime_tz, parsedate_tz  # noqa: PLC0415  # loaded just now

    if re.fullmatch(r"\s*[0-9]+\s*", value):
        return float(value)
    try:
        date = parsedate_tz(value)
        return None if date is None else max(0.0, mktime_tz(date) - now)
    except (ValueError, OverflowError):
        return None


def _is_long_unconnected(failure: RequestFailedError) -> bool:
    is_unconnected = isinstance(failure, ConnectionFailedError) and failure.phase == "connect"
    return is_unconnected and failure.attempts > MOST_UNANSWERED


def _is_final(failure: RequestFailedError) -> bool:
    if isinstance(failure, TransportError):
        return failure.phase in ("certificate", "scheme", "size")
    return isinstance(failure, RedirectError | SchemaError | PaginationError)


def _as_urllib3(failure: RequestFailedError) -> HTTPError:
    from urllib3 import exceptions  # noqa: PLC0415  # loaded by retry_rules

    text = failure.message
    phase = failure.phase if isinstance(failure, TransportError) else "body"
    if phase == "tls":
        return exceptions.SSLError(text)
    if isinstance(failure, RequestTimeoutError):
        if phase in ("connect", "pool"):
            return exceptions.ConnectTimeoutError(text)
        return exceptions.ReadTimeoutError(_NO_POOL, failure.url, text)
    if isinstance(failure, ConnectionFailedError) and phase == "connect":
        return exceptions.NewConnectionError(_NO_POOL, text)
    return exceptions.ProtocolError(text)


class Gate:
    """What all requests of a session share about the service: whether it has answered, and when to leave it alone.

    Attributes:
        has_answered: Whether the service has ever answered, in whatever way.
        until: When requests may be sent again, in seconds of the session's clock.
    """

    def __init__(self) -> None:
        self.has_answered = False
        self.until = 0.0
        self._seconds = 0.0

    def close(self, now: float, seconds: float) -> None:
        """Hold all requests back for some seconds from now, unless they are held for longer already."""
        if now + seconds > self.until:
            self.until, self._seconds = now + seconds, seconds

    def remaining(self, now: float) -> float:
        """Seconds left to wait, at most what `close` was given even if the clock was changed; 0 if there is no wait."""
        return min(max(self.until - now, 0.0), self._seconds)

    def open(self, until: float) -> None:
        """Let requests through: one of them has waited until then."""
        if self.until <= until:
            self.until = self._seconds = 0.0
