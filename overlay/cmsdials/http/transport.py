"""One exchange of bytes with the service. The only module that knows the HTTP library.

It is loaded when the first request is sent, and runs in the background (`cmsdials.runtime.background`). What fails becomes an error
of ours that keeps no exception of the HTTP library, which would hold headers.
"""

from __future__ import annotations

import contextlib
import platform
import socket
import ssl
from collections.abc import Mapping
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from cmsdials.errors import (
    ConfigurationError,
    ConnectionFailedError,
    IncompleteBodyError,
    RequestFailedError,
    RequestTimeoutError,
)
from cmsdials.http.request import Call
from cmsdials.http.response import Answer, checked
from cmsdials.redaction import shortened
from cmsdials.runtime.interrupts import Stop
from cmsdials.runtime.version import client_version

__all__ = ["Client", "exchange", "new_client", "url_of"]

_FOLLOWED = frozenset({301, 308})
_KEEP_IDLE_CONNECTIONS = 30.0  # seconds; httpx's 5 s are shorter than it takes to look at a plot
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")
_WRITES = "send_request_headers.started"
_TIMED_OUT = {
    httpx.ConnectTimeout: ("connect", "no connection"),
    httpx.PoolTimeout: ("pool", "no free connection in the pool"),
    httpx.WriteTimeout: ("write", "the request could not be sent"),
}


class Client(httpx.Client):
    """A client of the HTTP library that can break off what is under way, from any thread."""

    def __init__(self, **options: Any) -> None:
        self._sockets: list[socket.socket] = []
        super().__init__(**options)

    def note(self, claim: Stop, event: str, info: dict[str, Any]) -> None:
        """Remember the socket of a new connection: what the HTTP library calls at each step of a request.

        Raises:
            Stopped: If a request is about to be written that is not wanted any more: connecting took that long.
        """
        if event.endswith(_WRITES):
            claim.check()
        if not event.endswith(_CONNECTED):
            return
        new = info["return_value"].get_extra_info("socket")
        for old in [known for known in self._sockets if known.fileno() == -1]:
            with contextlib.suppress(ValueError):  # another thread was faster
                self._sockets.remove(old)
        if new is not None:
            self._sockets.append(new)

    def break_off(self) -> None:
        """End what is under way."""
        for connected in tuple(self._sockets):
            # Closing would not wake the thread that reads from it. Not the method of a TLS socket, which forgets its
            # state under that thread.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def close(self) -> None:
        """End what is under way, and close the connections."""
        self.break_off()
        super().close()


def exchange(client: Client, claim: Stop, call: Call, credentials: Mapping[str, str]) -> Answer:
    """Send a request once, follow one missing slash, and return the answer if it is a good one.

    Raises:
        RequestFailedError: If no usable answer came.
        Stopped: If the claim is set: the answer is not wanted any more.
    """
    send = partial(_send, client, claim, call, {**call.headers, **credentials})
    url = httpx.URL(call.url)
    answer = send(url)
    if answer.status in _FOLLOWED and call.method in ("GET", "HEAD"):
        here = _same_place(url, answer.headers.get("location", ""))
        if here is not None:
            answer = send(here)
    return checked(answer, (*call.secrets, *credentials.values()))


def _send(client: Client, claim: Stop, call: Call, headers: Mapping[str, str], url: httpx.URL) -> Answer:
    request = client.build_request(
        call.method,
        url,
        # Bytes, because httpx takes text for ASCII.
        headers={name.encode("ascii"): value.encode("latin-1") for name, value in headers.items()},
        content=call.content,
        extensions={"trace": partial(client.note, claim)},
    )
    response: httpx.Response | None = None
    try:
        response = client.send(request, stream=True, follow_redirects=False)
        with contextlib.closing(response):
            # Not read(): the response would keep the body, and is part of a cycle that outlives many pages.
            content = b"".join(response.iter_bytes())
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, RuntimeError) as error:
        failure = _failure(error, request, answering=response is not None)
        if failure is None:
            raise
    else:
        short = _shortfall(call.method, response, content)
        if not short:
            return Answer(response.status_code, dict(response.headers), content, call.shown_url, call.method)
        failure = IncompleteBodyError(short, phase="body")
    raise failure  # outside of the handler, so that it holds no exception of the HTTP library


def _failure(error: Exception, request: httpx.Request, *, answering: bool) -> RequestFailedError | None:
    """Translate an exception of the HTTP library; None if it is not one. The session adds what was asked."""
    host = request.url.netloc.decode("ascii", "replace")
    text = shortened(str(error) or type(error).__name__)
    match error:
        case httpx.TimeoutException():
            return _timed_out(error, request.extensions["timeout"])
        case httpx.LocalProtocolError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            # Its text repeats the header at fault.
            return ConnectionFailedError("the request cannot be written as HTTP", phase="write")
        case httpx.DecodingError():
            return IncompleteBodyError("the compressed body is damaged", phase="body")
        case httpx.ProxyError():
            what = f"the proxy gave no connection to {host} ({text})"
            return ConnectionFailedError(what, phase="connect")
        case httpx.ConnectError():
            return _not_connected(host, text)
        case httpx.HTTPError() | httpx.StreamError() if answering:
            what = f"the connection broke in the middle of the answer ({text})"
            return IncompleteBodyError(what, phase="body")
        case httpx.HTTPError():
            what = f"the connection broke before an answer came ({text})"
            return ConnectionFailedError(what, phase="read")
        case RuntimeError() if "closed" in str(error):
            what = "the session was closed while the request was under way"
            return ConnectionFailedError(what, phase="pool")
        case _:
            return None


def url_of(whole: str, params: Any) -> str:
    """Return an address with its parameters.

    Raises:
        ConfigurationError: If they make no URL.
    """
    try:
        return str(httpx.URL(whole, params=params) if params else httpx.URL(whole))
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        problem = str(error)
    message = f"no URL can be made of {shortened(whole)} and its parameters ({problem})"
    raise ConfigurationError(message)


def new_client(
    *, connect: float | None, read: float | None, transport: httpx.BaseTransport | None, secure: bool
) -> Client:
    """Return a client without any connection yet.

    Args:
        connect: Seconds to connect; None waits for ever.
        read: Seconds for every other phase.
        transport: Replaces the network, in tests.
        secure: Whether the service is asked over TLS. If not, no certificates are loaded, which takes longer than
            many a request; so a TLS connection would trust none.

    Raises:
        ConfigurationError: If what the environment says of proxies and certificates cannot work.
    """
    agent = f"cmsdials/{client_version()} (python/{platform.python_version()}; httpx/{httpx.__version__})"
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}
    try:
        return Client(
            headers=headers,
            timeout=httpx.Timeout(read, connect=connect),
            transport=transport,
            verify=True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            limits=httpx.Limits(max_keepalive_connections=20, keepalive_expiry=_KEEP_IDLE_CONNECTIONS),
            # No cookie is kept: requests carry what the session says and nothing that an earlier answer said.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        problem = str(error)
    message = f"no connection can be set up: {problem}"
    advice = (
        "Check the proxy and certificate variables (HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE, SSL_CERT_DIR)."
    )
    raise ConfigurationError(message, advice=advice)


def _same_place(url: httpx.URL, location: str) -> httpx.URL | None:
    """Where a redirect leads, if that is on the same scheme, host and port; else None."""
    if not location:
        return None
    try:
        there = url.join(location)
    except (httpx.InvalidURL, ValueError):
        return None
    same = (there.scheme, there.host, there.port) == (url.scheme, url.host, url.port)
    return there if same and not there.userinfo else None


def _shortfall(method: str, response: httpx.Response, content: bytes) -> str:
    """Say how much of the body is missing; empty if nothing is."""
    promised = response.headers.get("content-length", "")
    if method == "HEAD" or "transfer-encoding" in response.headers or not promised.isdecimal():
        return ""
    came = response.num_bytes_downloaded
    if content and not came:  # it was not read from a connection but made whole, by a test
        return ""
    return f"only {came} of {promised} bytes of the answer came" if came < int(promised) else ""


def _timed_out(error: httpx.TimeoutException, limits: Mapping[str, float | None]) -> RequestTimeoutError:
    phase, what = _TIMED_OUT.get(type(error), ("read", "no data came"))
    seconds = limits[phase]
    limit = "" if seconds is None else f" in {seconds:g} s"
    # Asking for less helps only once a server answers.
    advice = ConnectionFailedError.usual_advice if phase == "connect" else None
    text = f"{what}{limit} ({phase} timeout)"
    return RequestTimeoutError(text, seconds=seconds, phase=phase, advice=advice)


def _not_connected(host: str, text: str) -> ConnectionFailedError:
    what = f"no connection to {host} ({text})"
    if "CERTIFICATE" in text.upper():
        advice = (
            "The certificate is not trusted: install the CERN certificates,"
            " or name a file of trusted ones in SSL_CERT_FILE."
        )
        return ConnectionFailedError(what, phase="certificate", advice=advice)
    phase = "tls" if "SSL" in text.upper() else "connect"
    return ConnectionFailedError(what, phase=phase)
