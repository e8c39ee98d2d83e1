"""The network below the HTTP library: what limits an exchange as a whole, and connections that say too much.

The HTTP library limits each wait for data, so that a byte now and then keeps a request for ever; and it takes what follows
an answer on a connection for the answer to the next request. All that it sends and receives passes through here.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from cmsdials.http.encoding import TooLargeError
from cmsdials.http.library import httpcore, httpx

__all__ = ["SLOWEST", "Bound", "TLSSocket", "Transport"]

TIMES = 2.0
"""How often the seconds of a time-out may pass until a connection is made, and again until an answer is there."""

SLOWEST = 10_000
"""Bytes in a second: so much of a body, on the average, allows its download to last longer."""

LARGEST_HEAD = 2**18
"""Most bytes before a body. The HTTP library limits each set of headers, but not how many interim ones (1xx) there are."""

_ROUNDING = 0.005


class Bound:
    """How long one exchange may last, and how much may be received in it.

    Args:
        connect: Seconds of the time-out to connect; None for no limit.
        read: Seconds of the time-out of every other phase.

    Attributes:
        connect: The same.
        is_connecting: Whether no request has been written yet.
    """

    def __init__(self, connect: float | None, read: float | None) -> None:
        self.connect = connect
        self.is_connecting = True
        self._read = read
        self._most: int | None = None
        self._begin(connect)

    def _begin(self, seconds: float | None) -> None:
        self._began = time.monotonic()
        self._base = math.inf if seconds is None else TIMES * seconds
        self._came = 0

    def begin_request(self) -> None:
        """The connection is there."""
        self.is_connecting = False
        self._begin(self._read)

    def begin_body(self, most: int) -> None:
        """The headers have come; of what follows at most so many bytes are wanted."""
        self._most = most
        self._came = 0

    @property
    def seconds(self) -> float:
        """How long what is under way may last: to connect, or to get the answer."""
        return self._base + (0 if self._most is None else self._came / SLOWEST)

    @property
    def left(self) -> float:
        """Seconds that are left of these."""
        return self._began + self.seconds - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether none are left."""
        return self.left <= _ROUNDING

    def received(self, count: int) -> None:
        """Count bytes that came.

        Raises:
            TooLargeError: If it is more of a body than is wanted.
            httpcore.RemoteProtocolError: If it is too much for headers.
        """
        self._came += count
        if self._most is None:
            if self._came > LARGEST_HEAD:
                text = f"more than {LARGEST_HEAD} bytes came before an answer"
                raise httpcore.RemoteProtocolError(text)
        elif self._came > self._most + LARGEST_HEAD:  # the framing of chunks counts, too
            raise TooLargeError(self._most)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Apply it to all that this thread sends and receives."""
        before = _applied.set(self)
        try:
            yield
        finally:
            _applied.reset(before)


_applied: ContextVar[Bound | None] = ContextVar("_applied", default=None)


def begin_request() -> None:
    """Tell the bound of this thread that its connection is there."""
    bound = _applied.get()
    if bound is not None:
        bound.begin_request()


def _limit(timeout: float | None, late: type[Exception]) -> float | None:
    """Return the seconds that one wait may take; raise `late` if there are none."""
    bound = _applied.get()
    if bound is None:
        return timeout
    if timeout is None and bound.is_connecting:  # the HTTP library sets none for SOCKS proxies
        timeout = bound.connect
    left = bound.left
    if left <= 0:
        text = "the time is over"
        raise late(text)
    return timeout if left == math.inf else min(left, math.inf if timeout is None else timeout)


class _Stream(httpcore.NetworkStream):
    """A connection of the HTTP library, within the bound of the exchange that uses it at the moment."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, _limit(timeout, httpcore.ReadTimeout))
        bound = _applied.get()
        if bound is not None:
            bound.received(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            piece = buffer[start : start + _PIECE]
            self._stream.write(piece, _limit(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _limit(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        found = self._stream.get_extra_info(info)
        if info == "is_readable" and not found:
            encrypted = self._stream.get_extra_info("ssl_object")
            return encrypted is not None and encrypted.pending() > 0
        return found


_PIECE = 65536


class _Network(httpcore.NetworkBackend):
    """Opens connections within the bound of an exchange, however many addresses a name has."""

    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            try:
                seconds = _limit(timeout, httpcore.ConnectTimeout)
                return _Stream(
                    self._network.connect_tcp(address, port, seconds, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    # The fourth part of an IPv6 address, if it is not 0, is the interface behind which it is.
    places = [f"{of[0]}%{of[3]}" if len(of) == 4 and of[3] else str(of[0]) for *_, of in found]
    return list(dict.fromkeys(places))


class TLSSocket(ssl.SSLSocket):
    """Reads within the bound of an exchange.

    For proxies reached over TLS: through these the HTTP library reads as often as it takes to complete a TLS record of
    the service, and limits each of these reads alone.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive as any socket does."""
        self.settimeout(_limit(self.gettimeout(), TimeoutError))
        return super().recv(buflen, flags)


class _Connection:
    """A connection of the HTTP library that is not used again if more came over it than the answer."""

    def __init__(self, connection: httpcore.ConnectionInterface) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def is_available(self) -> bool:
        return self._connection.is_available() and not _has_more(self._connection)

    def has_expired(self) -> bool:
        is_full = self._connection.is_idle() and _has_more(self._connection)
        return is_full or self._connection.has_expired()


def _has_more(connection: Any) -> bool:
    """Whether something came after the answer, which the HTTP library would take for the next one; if in doubt, yes."""
    while (within := getattr(connection, "_connection", None)) is not None:
        connection = within
    protocol = getattr(connection, "_h11_state", None)
    return protocol is None or bool(protocol.trailing_data[0])


class Transport(httpx.HTTPTransport):
    """The transport of the HTTP library over this network. It has no arguments for that, only attributes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        pool: Any = self._pool
        create = pool.create_connection
        pool._network_backend = _Network(pool._network_backend)
        pool.create_connection = lambda origin: _Connection(create(origin))
