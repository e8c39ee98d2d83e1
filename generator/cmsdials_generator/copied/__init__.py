"""Typed low-level client of the DIALS API: models, requests and filters, one module for each operation.

Nothing is loaded until it is asked for, so that the filter classes can be used without the HTTP library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client

__all__ = ("AuthenticatedClient", "Client")


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import client  # noqa: PLC0415  # it brings the HTTP library

        return getattr(client, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
