"""What many calls take, checked in one way."""

from __future__ import annotations

from operator import index
from typing import Any

from cmsdials.errors import ConfigurationError
from cmsdials.redaction import shortened
from cmsdials.runtime.background import loaded

__all__ = ["checked_count", "checked_flag"]


def checked_count(name: str, value: Any) -> int:
    """Return a number of pages, rows, bins or workers, which may be a NumPy integer.

    Raises:
        ConfigurationError: It is not a whole number of at least 1.
    """
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        number = 0
    if number < 1:
        message = f"{name} must be a whole number from 1 on, not {shortened(repr(value), 40)}"
        raise ConfigurationError(message)
    return number


def checked_flag(name: str, value: Any) -> bool:
    """Return what is either true or false, which may be one of NumPy.

    Raises:
        ConfigurationError: It is something else.
    """
    numpy = loaded("numpy")
    if not isinstance(value, bool) and (numpy is None or not isinstance(value, numpy.bool_)):
        message = f"{name} must be True or False, not {shortened(repr(value), 40)}"
        raise ConfigurationError(message)
    return bool(value)
