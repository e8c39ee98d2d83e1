"""Which version of this client is installed."""

from __future__ import annotations

from functools import cache

__all__ = ["client_version"]


@cache
def client_version() -> str:
    """Version of this client."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # slow to load

    try:
        return version("cmsdials")
    except PackageNotFoundError:  # run from a folder, not installed
        return "unknown"
