"""How long to wait for the service: what users may pass as ``timeout=``."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, TypeAlias

from cmsdials.errors import ConfigurationError

__all__ = ["Timeout", "connect_and_read"]

Timeout: TypeAlias = float | tuple[float | None, float | None] | None
"""Seconds for each phase, or a pair: seconds to connect, seconds without a byte; None waits for ever."""


def connect_and_read(timeout: Timeout) -> tuple[float | None, float | None]:
    """Return the seconds to connect, and those for every other phase.

    Raises:
        ConfigurationError: If it is something else, or not positive.
    """
    pair: tuple[Any, ...] = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(pair) != 2 or not all(seconds is None or _is_duration(seconds) for seconds in pair):
        rule = "a positive number of seconds, a pair (connect, read) of them, or None"
        message = f"timeout must be {rule}, not {timeout!r}"
        raise ConfigurationError(message)
    connect, read = (None if seconds is None else float(seconds) for seconds in pair)
    return connect, read


def _is_duration(seconds: object) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        return False
    return math.isfinite(seconds) and float(seconds) > 0
