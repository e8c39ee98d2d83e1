"""Logging in to DIALS: one module for each way, such as ``cmsdials.auth.secret_key``."""

from typing import Any

_MODULES = frozenset(
    {"bearer", "client", "client_credentials", "device", "exceptions", "models", "secret_key", "_base"}
)
"""Modules reachable without an import of their own, as in `cmsdials.auth.exceptions.LoginError`."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        from importlib import import_module  # noqa: PLC0415  # nothing else here needs it

        return import_module(f"{__name__}.{name}")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
