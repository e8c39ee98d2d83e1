"""One exchange of bytes with the service. The only module that knows the HTTP library.

It is loaded when the first request is sent, and runs in the background (`cmsdials.runtime.background`). Failures
become errors of ours, which keep no exception of the HTTP library, because that would hold headers.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import re
import socket
import ssl
import zlib
from collections.abc import Mapping
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from io import BytesIO
from typing import Any

from cmsdials.errors import (
    ConfigurationError,
    ConnectionFailedError,
    IncompleteBodyError,
    RequestFailedError,
    RequestTimeoutError,
)
from cmsdials.http.encoding import TooLargeError, decoded
from cmsdials.http.environment import CERTIFICATES, Proxy, named_certificates, proxy_for, trusting
from cmsdials.http.library import httpcore, httpx
from cmsdials.http.network import Bound, TLSSocket, Transport, begin_request
from cmsdials.http.request import Call
from cmsdials.http.response import Answer, checked
from cmsdials.http.scheme import Handshake
from cmsdials.redaction import printable, shortened
from cmsdials.runtime.interrupts import Stop
from cmsdials.runtime.version import client_version

__all__ = ["Client", "exchange", "new_client", "url_of"]

_FOLLOWED = frozenset({301, 308})
_KEEP_IDLE_CONNECTIONS = 30.0  # seconds; httpx's 5 s are shorter than it takes to look at a plot
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")
_WRITES = "send_request_headers.started"
_SOCKS = "setup_socks5_connection."
_TLS = "connection.start_tls."
_FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    TooLargeError,
    zlib.error,
    EOFError,
    RuntimeError,
)

LARGEST_ANSWER = 150_000_000
"""Most bytes of an answer, compressed or not: seven times the largest page known (500 TH2), and more than the service makes in
the 30 s of its gateway."""
LARGEST_ERROR = 1_000_000
"""Most bytes that are read of the body of an error."""

_TIMED_OUT = {
    httpx.ConnectTimeout: ("connect", "no connection"),
    httpx.PoolTimeout: ("pool", "no free connection in the pool"),
    httpx.WriteTimeout: ("write", "the request could not be sent"),
}


_TOO_LARGE = (
    "Ask for less: a smaller page_size, or fields= without the contents of histograms. If that is not it, check that"
    " base_url is the address of DIALS itself."
)
_SPOKE_NO_TLS = re.compile("wrong.version.number|record.layer.failure|packet.length.too.long", re.IGNORECASE)
_SPOKE_TLS = re.compile(
    "illegal request line"
)  # what the library says of an answer that begins with a control character


class _NoTLSError(httpx.ConnectError):
    """The server does not speak TLS."""


class Client(httpx.Client):
    """A client of the HTTP library that can break off what is under way, from any thread.

    Args:
        via: The proxy that it uses, or None.
        options: Arguments of the client of the HTTP library.
    """

    def __init__(self, *, via: Proxy | None, **options: Any) -> None:
        self.via = via
        self._sockets: list[socket.socket] = []
        self._proxies: dict[Stop, Any] = {}
        self._tls: dict[Stop, Handshake] = {}
        super().__init__(**options)

    def note(self, claim: Stop, event: str, info: dict[str, Any]) -> None:
        """Remember the socket of a new connection. The HTTP library calls this at each step of a request.

        Raises:
            Stopped: If the request about to be written is no longer wanted, because connecting took too long.
            httpx.HTTPError: If a SOCKS proxy refuses, or the server does not speak TLS.
        """
        if event.endswith(_WRITES):
            claim.check()
            if info["request"].method != b"CONNECT":
                begin_request()
        if _SOCKS in event:
            self._note_handshake(claim, event, info)
        if event.startswith(_TLS) and self.via is None:
            self._note_tls(claim, event)
        if not event.endswith(_CONNECTED):
            return
        new = info["return_value"].get_extra_info("socket")
        for old in [known for known in self._sockets if known.fileno() == -1]:
            with contextlib.suppress(ValueError):  # another thread was faster
                self._sockets.remove(old)
        if new is not None:
            self._sockets.append(new)

    def _note_handshake(self, claim: Stop, event: str, info: dict[str, Any]) -> None:
        """Translate the failures of a SOCKS proxy, and close the connection to it: the HTTP library does neither."""
        if event.endswith(".started"):
            self._proxies[claim] = info["stream"]
            return
        stream = self._proxies.pop(claim)
        failure = info.get("exception")
        if failure is None:
            return
        stream.close()
        if isinstance(failure, httpcore.TimeoutException):
            text = "the proxy did not answer"
            raise httpx.ConnectTimeout(text)
        if isinstance(failure, Exception) and not isinstance(failure, httpcore.ProxyError):
            text = "it closed the connection, or does not speak SOCKS 5"
            raise httpx.ProxyError(text)

    def _note_tls(self, claim: Stop, event: str) -> None:
        if event.endswith(".started"):
            if self._sockets:
                self._tls[claim] = Handshake(self._sockets[-1])
            return
        handshake = self._tls.pop(claim, None)
        if handshake is not None:
            handshake.end()
            if handshake.is_with_plain_http:
                text = "it speaks plain HTTP"
                raise _NoTLSError(text)

    def break_off(self) -> None:
        """End what is under way."""
        for connected in tuple(self._sockets):
            _shut(connected)

    def close(self) -> None:
        """End what is under way, and close the connections."""
        self.break_off()
        super().close()


def _shut(connected: socket.socket) -> None:
    # Closing would not wake the thread that reads from it. Not the method of a TLS socket, which drops the TLS state
    # that the thread is using.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


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
        # Bytes, because httpx treats text as ASCII.
        headers={name.encode("ascii"): value.encode("latin-1") for name, value in headers.items()},
        content=call.content,
        extensions={"trace": partial(client.note, claim)},
    )
    limits = request.extensions["timeout"]
    bound = Bound(limits["connect"], limits["read"])
    response: httpx.Response | None = None
    try:
        with bound.applied():
            response = client.send(request, stream=True, follow_redirects=False)
            with contextlib.closing(response):
                content, short = _content(call.method, response, bound)
    except _FAILURES as error:
        failure = _failure(error, request, client.via, bound, answering=response is not None)
        if failure is None:
            raise
    else:
        if not short:
            return Answer(
                response.status_code, dict(response.headers.items()), content, call.shown_url, call.method
            )
        failure = IncompleteBodyError(short, phase="body")
    raise failure  # outside of the handler, so that it holds no exception of the HTTP library


def _content(method: str, response: httpx.Response, bound: Bound) -> tuple[bytes, str]:
    """Return the body, only its beginning if it is that of an error, and what is wrong with it."""
    if response.is_stream_consumed:  # by a test, which made it or looked into it
        return response.content, ""
    is_error = response.status_code >= 300
    most = LARGEST_ERROR if is_error else LARGEST_ANSWER
    promised = response.headers.get("content-length", "")
    if promised and "transfer-encoding" in response.headers:  # RFC 9112, section 6.3
        return b"", "the answer says in two ways where it ends, by Content-Length and by Transfer-Encoding"
    if method != "HEAD" and not is_error and promised.isdecimal() and int(promised) > most:
        raise TooLargeError(most)
    bound.begin_body(most)
    coding = response.headers.get("content-encoding", "")
    # Room for all of it, where its size is known: growing moves what has come. The system gives the memory as it is filled.
    room = int(promised) if promised.isdecimal() and not (coding or is_error or method == "HEAD") else 0
    body = BytesIO(bytes(room))  # not a list: a server may send single bytes
    try:
        # Not read(): the response would keep the body, in a reference cycle that outlives many pages.
        for piece in decoded(response.iter_raw(), coding, most):
            body.write(piece)
    except TooLargeError:
        if not is_error:
            raise
        return body.getvalue(), ""
    body.truncate()
    return body.getvalue(), _shortfall(method, response)


def _failure(
    error: Exception, request: httpx.Request, proxy: Proxy | None, bound: Bound, *, answering: bool
) -> RequestFailedError | None:
    """Translate an exception of the HTTP library; None if it is not one. The session adds what was asked."""
    host = request.url.netloc.decode("ascii", "replace")
    named = f" that {proxy.variable} names" if proxy is not None else ""
    text = shortened(str(error) or type(error).__name__)
    match error:
        case httpx.TimeoutException() if bound.is_over:
            return _too_slow(bound)
        case httpx.TimeoutException():
            return _timed_out(error, request.extensions["timeout"])
        case TooLargeError():
            what = f"the answer is larger than {error.most / 1e6:g} MB"
            return IncompleteBodyError(what, phase="size", advice=_TOO_LARGE)
        case httpx.LocalProtocolError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            # Its text repeats the header at fault.
            return ConnectionFailedError("the request cannot be written as HTTP", phase="write")
        case zlib.error():
            return IncompleteBodyError("the compressed body is damaged", phase="body")
        case EOFError():
            return IncompleteBodyError("the compressed body ends early", phase="body")
        case httpx.ProxyError():
            what = f"the proxy{named} gave no connection to {host} ({text})"
            return ConnectionFailedError(what, phase="connect")
        case httpx.ConnectError() if isinstance(error, _NoTLSError) or _SPOKE_NO_TLS.search(text):
            return _wrong_scheme(f"the server at {host} does not speak TLS ({text})", f"http://{host}/")
        case httpx.RemoteProtocolError() if request.url.scheme == "http" and _SPOKE_TLS.search(text):
            return _wrong_scheme(f"the server at {host} speaks TLS", f"https://{host}/")
        case httpx.ConnectError():
            return _not_connected(host + (f" through the proxy{named}" if named else ""), text)
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
        ConfigurationError: If they do not make a URL.
    """
    try:
        return str(httpx.URL(whole, params=params) if params else httpx.URL(whole))
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        problem = str(error)
    message = f"no URL can be made of {shortened(whole)} and its parameters ({problem})"
    raise ConfigurationError(message)


def new_client(
    *, base_url: str, connect: float | None, read: float | None, transport: httpx.BaseTransport | None
) -> Client:
    """Return a client without any connection yet, which uses the proxy and the certificates that the environment names.

    Args:
        base_url: What it is for: all requests go to that host.
        connect: Seconds to connect; None waits for ever.
        read: Seconds for every other phase.
        transport: Replaces the network, in tests.

    Raises:
        ConfigurationError: If the proxy or the certificates that the environment names are unusable.
        MissingDependencyError: If the proxy needs a library that is not installed.
    """
    proxy = context = None
    if transport is None:
        proxy = proxy_for(base_url)
        logging.getLogger("httpx").addFilter(_shown_as_text)
        context = _trusted(base_url, proxy)
    agent = f"cmsdials/{client_version()} (python/{platform.python_version()}; httpx/{httpx.__version__})"
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}
    try:
        return Client(
            via=proxy,
            transport=transport if context is None else _over_the_network(proxy, context),
            headers=headers,
            timeout=httpx.Timeout(read, connect=connect),
            trust_env=False,  # which is read here
            # No cookies are kept: requests carry what the session sets, and nothing from earlier answers.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except (OSError, ValueError, httpx.InvalidURL) as error:
        problem = str(error)
    message = f"no connection can be set up: {problem}"
    advice = f"Check {proxy.variable if proxy else 'base_url'}, then try again; nothing was sent."
    raise ConfigurationError(message, advice=advice)


def _over_the_network(proxy: Proxy | None, context: ssl.SSLContext) -> Transport:
    logging.getLogger("httpcore.socks").addFilter(_without_login)
    through = None
    if proxy is not None:
        is_encrypted = proxy.url.startswith("https:")
        if is_encrypted:
            context.sslsocket_class = TLSSocket
        through = httpx.Proxy(proxy.url, auth=proxy.auth, ssl_context=context if is_encrypted else None)
    return Transport(
        verify=context,
        trust_env=False,
        proxy=through,
        limits=httpx.Limits(max_keepalive_connections=20, keepalive_expiry=_KEEP_IDLE_CONNECTIONS),
    )


def _without_login(record: logging.LogRecord) -> bool:
    """Mask the password of a SOCKS proxy, which the HTTP library logs."""
    record.msg = re.sub(r"auth=\(.*\)", "auth=***", str(record.msg))
    return True


def _shown_as_text(record: logging.LogRecord) -> bool:
    """Escape the reason phrase, which the HTTP library logs as the server sent it."""
    said = record.getMessage()
    if not said.isprintable():
        record.msg, record.args = printable(said), ()
    return True


def _trusted(base_url: str, proxy: Proxy | None) -> ssl.SSLContext:
    """Return the TLS context with the certificates to trust.

    Where nothing is reached over TLS, none are loaded, which takes longer than many requests.
    """
    if not any(url.lower().startswith("https:") for url in (base_url, proxy.url if proxy else "")):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = named_certificates()
    return trusting(*named) if named else httpx.create_ssl_context(trust_env=False)


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


def _shortfall(method: str, response: httpx.Response) -> str:
    """Say how much of the body is missing; empty if nothing is."""
    promised = response.headers.get("content-length", "")
    if method == "HEAD" or not promised.isdecimal():
        return ""
    came = response.num_bytes_downloaded
    return f"only {came} of {promised} bytes of the answer came" if came < int(promised) else ""


def _too_slow(bound: Bound) -> RequestTimeoutError:
    within = f"within {bound.seconds:.3g} s altogether"
    if bound.is_connecting:
        text = f"no connection {within} (connect timeout)"
        advice = ConnectionFailedError.usual_advice
        return RequestTimeoutError(text, seconds=bound.seconds, phase="connect", advice=advice)
    text = f"the answer was not complete {within} (read timeout)"
    return RequestTimeoutError(text, seconds=bound.seconds, phase="read")


def _timed_out(error: httpx.TimeoutException, limits: Mapping[str, float | None]) -> RequestTimeoutError:
    phase, what = _TIMED_OUT.get(type(error), ("read", "no data came"))
    seconds = limits[phase]
    limit = "" if seconds is None else f" in {seconds:g} s"
    # Asking for less helps only once a server answers.
    advice = ConnectionFailedError.usual_advice if phase == "connect" else None
    text = f"{what}{limit} ({phase} timeout)"
    return RequestTimeoutError(text, seconds=seconds, phase=phase, advice=advice)


def _wrong_scheme(what: str, instead: str) -> ConnectionFailedError:
    return ConnectionFailedError(what, phase="scheme", advice=f"Check base_url: is it {instead} instead?")


def _not_connected(host: str, text: str) -> ConnectionFailedError:
    what = f"no connection to {host} ({text})"
    if "CERTIFICATE" in text.upper():
        named = named_certificates()
        advice = (
            "The certificate is not trusted: install the CERN certificates, or name a file or folder of trusted ones in"
            f" {', '.join(CERTIFICATES[:-1])} or {CERTIFICATES[-1]}"
            + (f" (now {named[0]} names {named[1]}, and no others are trusted)." if named else ".")
        )
        return ConnectionFailedError(what, phase="certificate", advice=advice)
    phase = "tls" if "SSL" in text.upper() else "connect"
    return ConnectionFailedError(what, phase=phase)
