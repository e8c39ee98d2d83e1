"""Whether a server speaks plain HTTP where TLS is wanted.

Such a server often says nothing to the beginning of a TLS handshake, and waits for the rest of what it takes for a request.
So, where a handshake takes long, a second connection asks it in plain HTTP.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading

__all__ = ["Handshake"]

PATIENCE = 1.0
"""Seconds that a handshake may take before the server is asked."""

MOST_SECONDS = 5.0
"""Seconds in which a server that speaks plain HTTP will answer."""

_QUESTION = b"HEAD / HTTP/1.0\r\n\r\n"
_ANSWER = re.compile(rb"HTTP/\d\.\d (?!400|497)\d\d\d")  # servers with TLS say 400, or 497, to plain HTTP


class Handshake:
    """A TLS handshake under way over a connection, which ends if the server turns out to speak plain HTTP.

    Attributes:
        is_with_plain_http: Whether it does, so that the handshake was ended.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.is_with_plain_http = False
        # Another handle of the same connection: TLS takes this one away.
        self._connected = connected.dup()
        self._timer = threading.Timer(PATIENCE, self._ask)
        self._timer.daemon = True
        with contextlib.suppress(RuntimeError):  # no thread is left, or Python is ending
            self._timer.start()

    def end(self) -> None:
        """Ask no more: it is over."""
        self._timer.cancel()
        self._connected.close()

    def _ask(self) -> None:
        with contextlib.suppress(OSError):
            with socket.create_connection(self._connected.getpeername()[:2], MOST_SECONDS) as asking:
                asking.settimeout(MOST_SECONDS)
                asking.sendall(_QUESTION)
                said = asking.recv(64)
            if _ANSWER.match(said):
                self.is_with_plain_http = True
                self._connected.shutdown(socket.SHUT_RDWR)
