"""Which version of this client is installed."""

from __future__ import annotations

from functools import cache

__all__ = ["client_version"]


@cache
def client_version() -> str:
    """Version of this client."""
    try:
        # Much faster than asking what is installed.
        from cmsdials.runtime.built import VERSION  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError:  # run from a folder, not installed
        return "unknown"
    return str(VERSION)
