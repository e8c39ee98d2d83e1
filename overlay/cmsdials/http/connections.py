"""The connections of a session: made when first used, shared by threads, and kept out of pickles and forks.

A thread that waits for a request may be interrupted. Then the whole client is thrown away, connections and all: no other
request begins on it, those that other threads wait for come to their end, and with the last of them it is closed.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from cmsdials.errors import ConfigurationError
from cmsdials.runtime.background import in_background
from cmsdials.runtime.interrupts import Stop

if TYPE_CHECKING:
    from cmsdials.http.transport import Client

__all__ = ["Pool", "Timeout", "connect_and_read"]

T = TypeVar("T")

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


class Pool:
    """One client with its connections, made when first used and again after a close, an interrupt, a fork or a pickle.

    Args:
        options: What the client is made with (`cmsdials.http.transport.new_client`). They travel in pickles, it does not.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._start_empty()

    def _start_empty(self) -> None:
        # Taken in the background only: a Ctrl-C could leave it locked.
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._closing: weakref.finalize[[], Pool] | None = None
        # Of each client that is in use, who waits for it: a claim is set when its thread has been interrupted.
        self._claims: dict[Client, set[Stop]] = {}
        _pools.add(self)

    def use(self, work: Callable[[Client, Stop], T]) -> T:
        """Do something with the client in the background, and wait for it. Raises as `in_background`.

        Args:
            work: Gets the client, and a stop that is set when its result is not wanted any more.
        """
        claim = Stop()
        try:
            return in_background(partial(self._work, work, claim), abandoned=partial(self._abandon, claim))
        except BaseException:
            claim.set()  # at once: the work may end before it is known in the background that it is abandoned
            raise

    def close(self) -> None:
        """End what is under way and close the connections. The pool may be used again."""
        in_background(self._close)

    def _work(self, work: Callable[[Client, Stop], T], claim: Stop) -> T:
        from cmsdials.http.transport import new_client  # noqa: PLC0415  # loaded by what uses it

        with self._lock:
            claim.check()
            if self._client is None:
                self._client = new_client(**self._options)
                # Sessions are seldom closed by hand: close the sockets when the session is forgotten.
                self._closing = weakref.finalize(self, self._client.close)
            client = self._client
            self._claims.setdefault(client, set()).add(claim)
        try:
            return work(client, claim)
        finally:
            with self._lock:
                self._end(client, claim)

    def _end(self, client: Client, claim: Stop) -> None:
        claims = self._claims.get(client)
        if claims is None:
            return  # this is a child process, and the client its parent's
        claims.discard(claim)
        if not claims:
            del self._claims[client]
        if claim.is_set() or client is not self._client:
            self._throw_away(client)
            if not claims:
                client.close()

    def _abandon(self, claim: Stop) -> None:
        claim.set()
        with self._lock:
            for client, claims in self._claims.items():
                if claim in claims:
                    self._throw_away(client)

    def _throw_away(self, client: Client) -> None:
        """Begin nothing more on a client, and break off what is under way on it once none of it is wanted."""
        if client is self._client and self._closing is not None:
            self._closing.detach()
            self._client = self._closing = None
        if all(claim.is_set() for claim in self._claims.get(client, ())):
            client.break_off()

    def _close(self) -> None:
        with self._lock:
            client = self._client
            if client is not None:
                self._throw_away(client)
        if client is not None:
            client.close()

    def forget(self) -> None:
        """Start afresh in a child process: sockets are the parent's, and locks may be held by its threads."""
        if self._closing is not None:
            self._closing.detach()
        _left_alone.extend([self._client, *self._claims])
        self._start_empty()

    def __getstate__(self) -> dict[str, Any]:
        return {"_options": self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_empty()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_left_alone: list[object] = []  # kept, so that no child process closes its parent's connections


def _forget_pools() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
