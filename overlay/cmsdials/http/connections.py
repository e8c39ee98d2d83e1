"""A pool of connections: made when first used, shared by threads, and kept out of pickles and forks."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from cmsdials.http.background import aside

__all__ = ["Pool"]


class Closes(Protocol):
    """The least that a pool asks of the client that holds the connections."""

    def close(self) -> None:
        """Close the connections."""


C = TypeVar("C", bound=Closes)


class Pool(Generic[C]):
    """One client with its connections, made when first used and again after a close, a fork or a pickle.

    Args:
        make: Makes the client. It travels in pickles, the client does not.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._start_empty()

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._client: C | None = None
        self._closing: weakref.finalize[[], Pool[C]] | None = None
        _pools.add(self)

    def client(self) -> C:
        """Return the client that holds the connections, made if there is none."""
        with self._lock:
            if self._client is None:
                self._client = self._make()
                # Sessions are seldom closed by hand: close the sockets when the session is forgotten.
                self._closing = weakref.finalize(self, self._client.close)
            return self._client

    def close(self) -> None:
        """Close the connections. The pool may be used again."""
        with self._lock:
            closing = self._closing
            self._client = self._closing = None
        if closing is not None:
            aside(closing)

    def let_go(self, client: C) -> None:
        """Use a client no more; somebody else closes it."""
        with self._lock:
            if self._client is client:
                if self._closing is not None:
                    self._closing.detach()
                self._client = self._closing = None

    def forget(self) -> None:
        """Start anew in a child process: sockets are the parent's, and locks may be held by its threads."""
        if self._closing is not None:
            self._closing.detach()
            _left_alone.append(self._client)
        self._start_empty()

    def __getstate__(self) -> dict[str, Any]:
        return {"_make": self._make}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_empty()


_pools: weakref.WeakSet[Pool[Any]] = weakref.WeakSet()
_left_alone: list[Closes | None] = []  # kept, so that no child process closes its parent's connections


def _forget_pools() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
