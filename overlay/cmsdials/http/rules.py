"""The rule engine, urllib3's `Retry`, and our failures in its words. The only module that knows urllib3.

It is loaded with the first rules that are made, so that importing cmsdials does not load urllib3.
"""

from __future__ import annotations

from email.utils import mktime_tz, parsedate_tz
from typing import Any

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
    ConnectionFailedError,
    RequestFailedError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
)

__all__ = ["OwnRules", "Retry", "UsualRules", "changed", "date_as_seconds", "reduced"]

LONGEST_BACKOFF = 30.0
"""Seconds between two attempts at most, for rules of ours; a `Retry` of the user has its own limit."""

_NO_POOL: Any = None  # urllib3's exceptions want their pool, which we do not have


class OwnRules(Retry):
    """The rules of ours: as urllib3, with a limit to the backoff that also holds for urllib3 1.26."""

    def get_backoff_time(self) -> float:
        """Return the seconds to wait, `LONGEST_BACKOFF` at most."""
        return min(super().get_backoff_time(), LONGEST_BACKOFF)


class UsualRules(OwnRules):
    """The rules where the user has said nothing."""


def reduced(rules: Retry, failure: RequestFailedError) -> Retry | None:
    """Return the rules after one more failure; None if they do not allow another attempt."""
    response: HTTPResponse | None = None
    error: HTTPError | None = None
    if isinstance(failure, ResponseError):
        headers = {"Retry-After": failure.retry_after} if failure.retry_after else {}
        response = HTTPResponse(body=b"", headers=headers, status=failure.status_code)
    else:
        error = _as_urllib3(failure)
    try:
        return rules.increment(failure.method, failure.url, response=response, error=error)
    except HTTPError:  # MaxRetryError, or the error itself where the rules forbid to repeat it
        return None


def changed(rules: Retry, **changes: Any) -> Retry:
    """Return a copy of the rules with something changed."""
    # "Any method" may be written as an empty collection, which urllib3 2 warns of each time it sees it.
    changes.setdefault("allowed_methods", rules.allowed_methods or None)
    return rules.new(**changes)


def date_as_seconds(date: str) -> float | None:
    """Read an HTTP date as seconds since the epoch; None if it is none."""
    parsed = parsedate_tz(date)
    try:
        return None if parsed is None else mktime_tz(parsed)
    except (ValueError, OverflowError):
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
