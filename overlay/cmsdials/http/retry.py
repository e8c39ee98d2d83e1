"""When a failed request is sent again, and after how long. Decisions only: nothing here sends, sleeps or locks.

urllib3's `Retry` is the rule engine, because users already pass it. Our errors are translated into urllib3's
own classes, so that ``connect=``, ``read=``, ``status=`` and ``other=`` count what their names say:

- ``connect``: no connection (name, refusal, proxy, timeout of the connect): no server has seen the request;
- ``read``: a timeout or a break after that, a cut or damaged body, cut JSON, HTML with status 200;
- ``status``: an answer with a status of ``status_forcelist``;
- ``other``: TLS handshakes that fail.

Never repeated, whatever the rules: an untrusted certificate, a redirect, an answer that is sound JSON but
breaks the contract (`SchemaError`) and pages that do not follow each other; the next try would be the same.

Threads that share a session back off together (`Gate`): where one is answered "not now", the others would be too,
and each of their requests would keep the service from getting well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, TypeAlias

from cmsdials.errors import (
    ConfigurationError,
    ConnectionFailedError,
    GatewayError,
    PaginationError,
    RedirectError,
    RequestFailedError,
    ResponseError,
    SchemaError,
    TooManyRequestsError,
    TransportError,
)
from cmsdials.runtime.background import load

if TYPE_CHECKING:
    from cmsdials.http.rules import Retry

__all__ = [
    "RETRIED_STATUSES",
    "Again",
    "Gate",
    "GiveUp",
    "Retries",
    "asks_for_a_pause",
    "next_attempt",
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
"""Seconds that we wait at most because a Retry-After header says so."""

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Again:
    """Send it again: after `wait` seconds, and under `rules`, which are what is left of the rules before."""

    rules: Retry
    wait: float


@dataclass(frozen=True)
class GiveUp:
    """Do not send it again. `reason` is a sentence for the user where the error does not say it already."""

    reason: str = ""


def retry_rules(retries: Retries) -> Retry:
    """Turn the user's ``retries=`` into rules. A `Retry` that is given is never changed.

    Args:
        retries: None or True: 5 retries, but 3 of a connection where no server has answered yet. A number: that many;
            0 or False: none. Both wait 0, 1, 2, 4, ... up to 30 s and repeat only what is safe to repeat. A `Retry`
            is obeyed; if its ``status_forcelist`` is empty, it also repeats on 429, 502, 503 and 504, and a 500 that
            is a time-out counts as 504.

    Returns:
        A urllib3 `Retry`, which may be passed as ``retries=`` again.

    Raises:
        ConfigurationError: If it is something else, or negative.
    """
    load("cmsdials.http.rules")
    from cmsdials.http import rules  # noqa: PLC0415  # loaded just now

    if isinstance(retries, rules.Retry):
        if retries.status_forcelist:
            return retries
        return rules.changed(retries, status_forcelist=RETRIED_STATUSES)
    number: object = retries  # whatever a script may have passed
    kind = rules.OwnRules
    if retries is None or retries is True:
        kind, number = rules.UsualRules, USUAL_TOTAL
    if not isinstance(number, Integral) or int(number) < 0:
        message = f"retries must be a number from 0 on or a urllib3 Retry, not {retries!r}"
        raise ConfigurationError(message)
    return kind(
        total=int(number),
        redirect=0,
        allowed_methods=_REPEATABLE,
        status_forcelist=RETRIED_STATUSES,
        backoff_factor=USUAL_BACKOFF_FACTOR,
    )


def asks_for_a_pause(failure: RequestFailedError) -> bool:
    """Whether the service says that it wants fewer requests, from whomever."""
    if isinstance(failure, TooManyRequestsError):
        return True
    return isinstance(failure, GatewayError) and failure.status_code == 503


def next_attempt(
    rules: Retry,
    failure: RequestFailedError,
    *,
    safe: bool = False,
    retry_when_slow: bool = True,
    has_answered: bool = True,
    now: float,
) -> Again | GiveUp:
    """Decide whether a failed request is sent again.

    Args:
        rules: From `retry_rules`, or from the last `Again`.
        failure: What went wrong; it knows the method and the URL.
        safe: The request changes nothing on the server, so it may be repeated even if it is a POST.
        retry_when_slow: False for who can ask for less: what is too slow (`RequestFailedError.is_too_slow`) is final.
        has_answered: A server has answered at this address before. Where none has, it may be a wrong one: if the
            user has not said how often to try, a connection that cannot be made is given up sooner.
        now: Seconds since the epoch, for a Retry-After that is a date.
    """
    from cmsdials.http.rules import UsualRules, changed, reduced  # noqa: PLC0415  # loaded with the rules

    if _is_final(failure) or (failure.is_too_slow and not retry_when_slow):
        return GiveUp()
    if not has_answered and isinstance(rules, UsualRules) and _is_long_unconnected(failure):
        return GiveUp(
            "No server has answered at this address yet: is it the right one, and is its server up?"
        )
    if safe and rules.allowed_methods and failure.method.upper() not in rules.allowed_methods:
        rules = changed(rules, allowed_methods=frozenset(rules.allowed_methods) | {failure.method.upper()})
    if isinstance(failure, ResponseError):
        return _after_status(rules, failure, now)
    rest = reduced(rules, failure)
    return GiveUp() if rest is None else Again(rest, rest.get_backoff_time())


def retry_after_seconds(value: str, now: float) -> float | None:
    """Read a Retry-After header (RFC 9110, section 10.2.3): seconds or an HTTP date; None if neither."""
    if re.fullmatch(r"\s*[0-9]+\s*", value):
        return float(value)
    from cmsdials.http.rules import date_as_seconds  # noqa: PLC0415  # loaded with the rules

    date = date_as_seconds(value)
    return None if date is None else max(0.0, date - now)


def _is_long_unconnected(failure: RequestFailedError) -> bool:
    is_unconnected = isinstance(failure, ConnectionFailedError) and failure.phase == "connect"
    return is_unconnected and failure.attempts > MOST_UNANSWERED


def _is_final(failure: RequestFailedError) -> bool:
    if isinstance(failure, TransportError):
        return failure.phase == "certificate"
    return isinstance(failure, RedirectError | SchemaError | PaginationError)


def _after_status(rules: Retry, failure: ResponseError, now: float) -> Again | GiveUp:
    from cmsdials.http.rules import reduced  # noqa: PLC0415  # loaded with the rules

    header = failure.retry_after
    # A worker that the server has stopped because it took too long is a 504 in all but name.
    is_stopped = failure.status_code == 500 and failure.is_too_slow
    statuses = [failure.status_code, *([504] if is_stopped else [])]
    if not any(rules.is_retry(failure.method, status, has_retry_after=bool(header)) for status in statuses):
        return GiveUp()
    asked = retry_after_seconds(header, now) if header and rules.respect_retry_after_header else None
    wait = None if asked is None else min(asked, getattr(rules, "retry_after_max", asked))
    if wait is not None and wait > LONGEST_RETRY_AFTER:
        return GiveUp(
            f"The service asks to wait {asked:.0f} s (Retry-After), longer than the"
            f" {LONGEST_RETRY_AFTER:.0f} s that cmsdials waits by itself."
        )
    rest = reduced(rules, failure)
    return GiveUp() if rest is None else Again(rest, wait or rest.get_backoff_time())


class Gate:
    """What all requests of a session know together of the service: whether it has answered, and when to leave it alone.

    Attributes:
        has_answered: Whether the service has ever answered, in whatever way.
        until: When requests may go again, in seconds of the session's clock.
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
        """Seconds to wait yet, never more than was said, whatever was done to the clock; 0 if requests may go."""
        return min(max(self.until - now, 0.0), self._seconds)

    def open(self, until: float) -> None:
        """Let requests go: one of them has waited until then."""
        if self.until <= until:
            self.until = self._seconds = 0.0
