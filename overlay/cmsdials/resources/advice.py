"""Advice for failed requests other than listings: the usual advice is about filters and pages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from cmsdials.errors import (
    AuthenticationError,
    GatewayError,
    IncompleteBodyError,
    RequestFailedError,
    RequestTimeoutError,
)

__all__ = ["OF_CERTIFICATION", "OF_OMS", "OF_SERVICES", "Advice", "advised"]

Advice = Mapping[type[RequestFailedError], str]

OF_SERVICES: Advice = {
    AuthenticationError: "Log in again, and check that the account may use DIALS.",
    GatewayError: "DIALS, or the service that it asks, took too long: try again later.",
    IncompleteBodyError: "Nothing of this answer was used. Try again.",
    RequestTimeoutError: "DIALS, or the service that it asks, took too long: try again later, or raise timeout=.",
}

_OMS_TOO_SLOW = (
    "OMS, which DIALS asks, took too long: ask for less at a time (a smaller limit, narrower filters), or try"
    " again later."
)
OF_OMS: Advice = {
    **OF_SERVICES,
    GatewayError: _OMS_TOO_SLOW,
    RequestTimeoutError: f"{_OMS_TOO_SLOW} Or raise timeout=.",
}

OF_CERTIFICATION: Advice = {
    GatewayError: "Ask for fewer runs at a time, or try again later.",
    IncompleteBodyError: "Nothing of this answer was used. Try again, with fewer runs if it stays.",
    RequestTimeoutError: "Ask for fewer runs at a time, or raise timeout=.",
}


@contextlib.contextmanager
def advised(advice: Advice) -> Iterator[None]:
    """Let a request that fails give this advice instead of the usual one of its error."""
    try:
        yield
    except RequestFailedError as error:
        error.advise(advice)
        raise
