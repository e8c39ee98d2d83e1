"""When a failed request is sent again, and after how long. Decisions only: nothing here sends or sleeps.

urllib3's `Retry` is the rule engine, because users already pass it. Our errors are translated into urllib3's
own classes, so that ``connect=``, ``read=``, ``status=`` and ``other=`` count what their names say:

- ``connect``: no connection (name, refusal, proxy, timeout of the connect): no server has seen the request;
- ``read``: a timeout or a break after that, a cut or damaged body, cut JSON, HTML with status 200;
- ``status``: an answer with a status of ``status_forcelist``;
- ``other``: TLS handshakes that fail.

Never repeated, whatever the rules: an untrusted certificate, a redirect, an answer that is sound JSON but
breaks the contract (`SchemaError`) and pages that do not follow each other; the next try would be the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Any, TypeAlias

from urllib3 import HTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util.retry import Retry

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

__all__ = [
    "RETRIED_STATUSES",
    "Again",
    "GiveUp",
    "Retries",
    "is_too_slow",
    "next_attempt",
    "retry_rules",
]

Retries: TypeAlias = int | Retry | None
"""What users may pass as ``retries=``: a number, a bool, urllib3's Retry, or None for the default."""

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
"""Statuses that say "not now" rather than "no"."""

_GATEWAY_TIMEOUTS = frozenset({502, 504})

USUAL_TOTAL = 5
USUAL_BACKOFF_FACTOR = 0.5
LONGEST_BACKOFF = 30.0
"""Seconds between two attempts at most, for rules of ours; a `Retry` of the user has its own limit."""
LONGEST_RETRY_AFTER = 60.0
"""Seconds that we wait at most because a Retry-After header says so."""

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_POOL: Any = None  # urllib3's exceptions want their pool, which we do not have


class OwnRules(Retry):
    """The rules of ours: as urllib3, with a limit to the backoff that also holds for urllib3 1.26."""

    def get_backoff_time(self) -> float:
        """Return the seconds to wait, `LONGEST_BACKOFF` at most."""
        return min(super().get_backoff_time(), LONGEST_BACKOFF)


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
        retries: None or True: 5 retries. A number: that many; 0 or False: none. Both wait 0, 1, 2, 4, ... up
            to 30 s and repeat only what is safe to repeat. A `Retry` is obeyed; if its ``status_forcelist``
            is empty, it also repeats on 429, 502, 503 and 504.

    Raises:
        ConfigurationError: If it is something else, or negative.
    """
    if isinstance(retries, Retry):
        return retries if retries.status_forcelist else _changed(retries, status_forcelist=RETRIED_STATUSES)
    if retries is None or retries is True:
        retries = USUAL_TOTAL
    if not _is_count(retries):
        message = f"retries must be a number from 0 on or a urllib3 Retry, not {retries!r}"
        raise ConfigurationError(message)
    return OwnRules(
        total=int(retries),
        redirect=0,
        allowed_methods=_REPEATABLE,
        status_forcelist=RETRIED_STATUSES,
        backoff_factor=USUAL_BACKOFF_FACTOR,
    )


def is_too_slow(failure: RequestFailedError) -> bool:
    """Whether the gateway, or we, waited long enough for an answer: the same request would take as long again."""
    if isinstance(failure, RequestTimeoutError):
        return failure.phase == "read"
    return isinstance(failure, GatewayError) and failure.status_code in _GATEWAY_TIMEOUTS


def next_attempt(
    rules: Retry, failure: RequestFailedError, *, safe: bool = False, hasty: bool = False, now: float
) -> Again | GiveUp:
    """Decide whether a failed request is sent again.

    Args:
        rules: From `retry_rules`, or from the last `Again`.
        failure: What went wrong; it knows the method and the URL.
        safe: The request changes nothing on the server, so it may be repeated even if it is a POST.
        hasty: What is too slow (`is_too_slow`) is not repeated, because whoever asks can ask for less.
        now: Seconds since the epoch, for a Retry-After that is a date.
    """
    if _is_final(failure) or (hasty and is_too_slow(failure)):
        return GiveUp()
    if safe and rules.allowed_methods and failure.method.upper() not in rules.allowed_methods:
        rules = _changed(rules, allowed_methods=frozenset(rules.allowed_methods) | {failure.method.upper()})
    if isinstance(failure, ResponseError):
        return _after_status(rules, failure, now)
    reduced = _reduced(rules, failure, error=_as_urllib3(failure))
    return GiveUp() if reduced is None else Again(reduced, reduced.get_backoff_time())


def retry_after_seconds(value: str, now: float) -> float | None:
    """Read a Retry-After header (RFC 9110, section 10.2.3): seconds or an HTTP date; None if neither."""
    if re.fullmatch(r"\s*[0-9]{1,12}\s*", value):
        return float(value)
    date = parsedate_tz(value)
    if date is None:
        return None
    try:
        return max(0.0, mktime_tz(date) - now)
    except (ValueError, OverflowError):
        return None


def _is_count(retries: object) -> bool:
    return isinstance(retries, int) and retries >= 0


def _is_final(failure: RequestFailedError) -> bool:
    if isinstance(failure, TransportError):
        return failure.phase == "certificate"
    return isinstance(failure, RedirectError | SchemaError | PaginationError)


def _after_status(rules: Retry, failure: ResponseError, now: float) -> Again | GiveUp:
    header = failure.retry_after
    if not rules.is_retry(failure.method, failure.status_code, has_retry_after=bool(header)):
        return GiveUp()
    asked = retry_after_seconds(header, now) if header and rules.respect_retry_after_header else None
    wait = None if asked is None else min(asked, getattr(rules, "retry_after_max", asked))
    if wait is not None and wait > LONGEST_RETRY_AFTER:
        return GiveUp(
            f"The service asks to wait {asked:.0f} s (Retry-After), longer than the"
            f" {LONGEST_RETRY_AFTER:.0f} s that cmsdials waits by itself."
        )
    headers = {"Retry-After": header} if header else {}
    response = HTTPResponse(body=b"", headers=headers, status=failure.status_code)
    reduced = _reduced(rules, failure, response=response)
    if reduced is None:
        return GiveUp()
    return Again(reduced, wait or reduced.get_backoff_time())


def _reduced(
    rules: Retry,
    failure: RequestFailedError,
    *,
    response: HTTPResponse | None = None,
    error: HTTPError | None = None,
) -> Retry | None:
    try:
        return rules.increment(failure.method, failure.url, response=response, error=error)
    except HTTPError:  # MaxRetryError, or the error itself where the rules forbid to repeat it
        return None


def _as_urllib3(failure: RequestFailedError) -> HTTPError:
    text = failure.message
    phase = failure.phase if isinstance(failure, TransportError) else "body"
    if phase == "tls":
        return SSLError(text)
    if isinstance(failure, RequestTimeoutError):
        if phase in ("connect", "pool"):
            return ConnectTimeoutError(text)
        return ReadTimeoutError(_NO_POOL, failure.url, text)
    if isinstance(failure, ConnectionFailedError) and phase == "connect":
        return NewConnectionError(_NO_POOL, text)
    return ProtocolError(text)


def _changed(rules: Retry, **changes: Any) -> Retry:
    # "Any method" may be written as an empty collection, which urllib3 2 warns of each time it sees it.
    changes.setdefault("allowed_methods", rules.allowed_methods or None)
    return rules.new(**changes)
