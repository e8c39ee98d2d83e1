"""The session takes one request through one step. The only module of the overlay that knows the HTTP library.

A step is: fill in the credentials, connect, send, read the whole body, check the status, decode. The retry
rules (`cmsdials.retry`) cover all of it. Where a step fails, the error (`cmsdials.errors`) is made as a value,
here or in `cmsdials.answers`, away from the frames that hold headers, and raised when those are gone: neither
a traceback that shows local variables nor a chained exception can reach a secret.

All pages of a session travel over one pool of connections (`cmsdials.pool`).
"""

from __future__ import annotations

import copy
import logging
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar

import httpx

from cmsdials.address import address, checked_base_url, unusable_base_url
from cmsdials.answers import Answer, judged
from cmsdials.call import Call, call_for
from cmsdials.credentials import FillsHeaders
from cmsdials.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    IncompleteBodyError,
    RequestFailedError,
    RequestTimeoutError,
)
from cmsdials.headers import checked_workspace, refuse_unsendable
from cmsdials.origin import client_version
from cmsdials.pool import Pool
from cmsdials.redaction import shortened
from cmsdials.retry import GiveUp, Retries, next_attempt, retry_rules
from cmsdials.timeout import Timeout, connect_and_read
from cmsdials.undisclosed import Undisclosed

__all__ = ["Session"]

T = TypeVar("T")

_log = logging.getLogger("cmsdials.session")

_RENEWABLE = frozenset({"access_token_expired", "token_not_valid"})
_FOLLOWED = frozenset({301, 308})
_KEEP_IDLE_CONNECTIONS = 30.0  # seconds; httpx's 5 s are shorter than it takes to look at a plot


@dataclass(frozen=True, repr=False)
class _Good(Generic[T]):
    """A step that went well."""

    value: T
    answer: Answer


class _Asked(TypedDict):
    """What every failed request says of itself."""

    method: str
    url: str


class Session:
    """One DIALS, one set of credentials, one workspace, one pool of connections.

    The constructor checks its arguments and does no I/O. Threads may share a session. Close it, or use it in
    a ``with`` block, to close its connections at once; a closed session opens new ones if it is used again.

    Args:
        base_url: Address of DIALS, such as ``https://cmsdials-api.web.cern.ch/``; it may end in a path.
        credentials: Fills headers (`cmsdials.auth`); None sends none.
        workspace: Goes into the header ``Workspace`` of each request; None leaves the choice to the service.
        route: Path of the API below `base_url`.
        version: Version of the API below `route`.
        timeout: Seconds for each phase of a request, or a pair (connect, read); None waits for ever.
        transport: Replaces the network, in tests.
        clock: Seconds since the epoch.
        sleep: Waits a number of seconds.

    Raises:
        ConfigurationError: If an argument cannot work.
    """

    def __init__(
        self,
        base_url: str,
        credentials: FillsHeaders | None,
        workspace: str | None = None,
        route: str = "api/",
        version: str = "v1/",
        timeout: Timeout = 30.0,
        transport: httpx.BaseTransport | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = _parsable(checked_base_url(base_url))
        self.credentials = credentials
        self.workspace = checked_workspace(workspace)
        self.route = route
        self.version = version
        self.timeout = timeout
        self._clock = clock
        self._sleep = sleep
        connect, read = connect_and_read(timeout)
        self._pool = Pool(partial(_new_client, httpx.Timeout(read, connect=connect), transport))

    def perform(
        self,
        request: Mapping[str, Any],
        read: Callable[[Answer], T],
        *,
        retries: Retries = None,
        safe: bool = False,
        hasty: bool = False,
        workspace: bool = True,
    ) -> T:
        """Take one request through one whole step, again and again as the rules allow.

        Args:
            request: ``method`` and ``url`` (a path such as ``/api/v1/run/``); optional ``params`` (mapping or
                pairs), ``json`` or ``data`` (a form) for the body, and ``headers``.
            read: Turns the answer into what is wanted. A `DecodeError` that it raises counts as a read
                failure.
            retries: See `cmsdials.retry.retry_rules`.
            safe: The request changes nothing on the server: a POST may be repeated.
            hasty: What takes too long is not repeated: the caller can ask for less (`cmsdials.retry.is_too_slow`).
            workspace: False sends no ``Workspace`` header.

        Returns:
            What `read` returned.

        Raises:
            RequestFailedError: If no attempt gave a usable answer: the error of the last one, with the count
                of attempts.
            ConfigurationError: If the request cannot be sent.
            LoginError: If the credentials have ended.
        """
        rules = retry_rules(retries)
        call = self._call(request, workspace=workspace)
        del request  # a login request has a secret in its body
        refuse_unsendable(call.headers)
        attempts = 0
        waited = 0.0
        renewed = False
        while True:
            attempts += 1
            started = self._clock()
            sent = self._credential_headers()
            outcome = self._attempt(call, sent, read)
            _log_attempt(call, attempts, waited, self._clock() - started, outcome)
            if isinstance(outcome, _Good):
                return outcome.value
            outcome.attempts = attempts
            waited = 0.0
            if not renewed and self._renewed(outcome, sent):
                renewed = True
                continue
            step = next_attempt(rules, outcome, safe=safe, hasty=hasty, now=self._clock())
            if isinstance(step, GiveUp):
                outcome.advice = " ".join(part for part in (step.reason, outcome.advice) if part)
                raise outcome
            rules, waited = step.rules, step.wait
            if waited > 0:
                self._sleep(waited)

    def with_workspace(self, workspace: str | None) -> Session:
        """Return a session for another workspace that shares this one's connections and credentials.

        Raises:
            ConfigurationError: If no header can carry the name.
        """
        other = copy.copy(self)
        other.workspace = checked_workspace(workspace)
        return other

    def close(self) -> None:
        """Close the connections; also those of sessions made by `with_workspace`."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session({self.base_url!r}, workspace={self.workspace!r})"

    # --- one attempt, piece by piece ------------------------------------------------------------------------

    def _call(self, request: Mapping[str, Any], *, workspace: bool) -> Call:
        whole = address(self.base_url, self.route, self.version, request["url"])
        url = str(_url(whole, request.get("params")))
        return call_for(request, url, self.workspace, in_workspace=workspace)

    def _credential_headers(self) -> Undisclosed:
        headers: dict[str, str] = {}
        if self.credentials is not None:
            self.credentials.before_request(headers)
        sent = Undisclosed(headers)
        del headers
        refuse_unsendable(sent)
        return sent

    def _attempt(
        self, call: Call, sent: Undisclosed, read: Callable[[Answer], T]
    ) -> _Good[T] | RequestFailedError:
        outcome = self._exchange(call, sent)
        if isinstance(outcome, RequestFailedError):
            return outcome
        try:
            return _Good(read(outcome), outcome)
        except RequestFailedError as error:
            error.method = error.method or call.method
            error.url = error.url or call.shown_url
            return error

    def _exchange(self, call: Call, sent: Undisclosed) -> Answer | RequestFailedError:
        """Send, follow one missing slash, and sort the answer by its status."""
        url = httpx.URL(call.url)
        outcome = self._send(call, sent, url)
        if isinstance(outcome, Answer) and outcome.status in _FOLLOWED and call.method in ("GET", "HEAD"):
            here = _same_place(url, outcome.headers.get("location", ""))
            if here is not None:
                outcome = self._send(call, sent, here)
        if isinstance(outcome, RequestFailedError):
            return outcome
        return judged(outcome, (*call.secrets, *sent.values()))

    def _send(self, call: Call, sent: Undisclosed, url: httpx.URL) -> Answer | RequestFailedError:
        """Send once, read the whole body, and return what failed: no error is raised near headers."""
        client = self._pool.client()
        response: httpx.Response | None = None
        try:
            request = _http_request(client, call, sent, url)
            response = client.send(request, stream=True, follow_redirects=False)
            try:
                content = response.read()
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, RuntimeError) as error:
            failure = self._failure(error, call, answering=response is not None)
            if failure is None:
                raise _without_frames(error) from None
            return failure
        except BaseException as error:  # noqa: BLE001  # a Ctrl-C, or what nobody has foreseen
            self._pool.abandon(client)
            raise _without_frames(error) from None
        short = _shortfall(call.method, response, content)
        if short:
            return IncompleteBodyError(short, phase="body", method=call.method, url=call.shown_url)
        return Answer(response.status_code, dict(response.headers), content, call.shown_url, call.method)

    def _failure(self, error: Exception, call: Call, *, answering: bool) -> RequestFailedError | None:
        """Translate an exception of the HTTP library; None if it is not one."""
        asked: _Asked = {"method": call.method, "url": call.shown_url}
        host = httpx.URL(call.url).netloc.decode("ascii", "replace")
        text = shortened(str(error) or type(error).__name__)
        match error:
            case httpx.TimeoutException():
                return _timed_out(error, self.timeout, asked)
            case httpx.LocalProtocolError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
                # Its text repeats the header at fault.
                return ConnectionFailedError("the request cannot be written as HTTP", phase="write", **asked)
            case httpx.DecodingError():
                return IncompleteBodyError("the compressed body is damaged", phase="body", **asked)
            case httpx.ProxyError():
                what = f"the proxy gave no connection to {host} ({text})"
                return ConnectionFailedError(what, phase="connect", **asked)
            case httpx.ConnectError():
                return _not_connected(host, text, asked)
            case httpx.HTTPError() | httpx.StreamError() if answering:
                what = f"the connection broke in the middle of the answer ({text})"
                return IncompleteBodyError(what, phase="body", **asked)
            case httpx.HTTPError():
                what = f"the connection broke before an answer came ({text})"
                return ConnectionFailedError(what, phase="read", **asked)
            case RuntimeError() if "closed" in str(error):
                what = "the session was closed while the request was under way"
                return ConnectionFailedError(what, phase="pool", **asked)
            case _:
                return None

    def _renewed(self, failure: RequestFailedError, sent: Undisclosed) -> bool:
        if not isinstance(failure, AuthenticationError) or failure.code not in _RENEWABLE:
            return False
        renew = getattr(self.credentials, "renew", None)
        return renew is not None and bool(renew(sent))


# --- without a session --------------------------------------------------------------------------------------


def _parsable(base_url: str) -> str:
    try:
        httpx.URL(base_url)
        return base_url
    except httpx.InvalidURL as error:
        problem = f"is not a URL ({error})"
    raise unusable_base_url(problem)


def _url(whole: str, params: Any) -> httpx.URL:
    try:
        return httpx.URL(whole, params=params) if params else httpx.URL(whole)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        problem = str(error)
    message = f"no URL can be made of {shortened(whole)} and its parameters ({problem})"
    raise ConfigurationError(message)


@cache
def _user_agent() -> str:
    return f"cmsdials/{client_version()} (python/{platform.python_version()}; httpx/{httpx.__version__})"


def _without_frames(error: BaseException) -> BaseException:
    """Return an exception without the frames of the HTTP library, whose local variables hold headers and bodies."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is not None and isinstance(error, Exception):
        code = frame.tb_frame.f_code
        error.add_note(f"It came from {code.co_filename}, line {frame.tb_lineno}, in {code.co_qualname}.")
    error.__context__ = None
    return error.with_traceback(None)


def _new_client(timeout: httpx.Timeout, transport: httpx.BaseTransport | None) -> httpx.Client:
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": _user_agent()}
    try:
        return httpx.Client(
            headers=headers,
            timeout=timeout,
            transport=transport,
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


def _http_request(client: httpx.Client, call: Call, sent: Undisclosed, url: httpx.URL) -> httpx.Request:
    # Credentials last: nothing may stand in their place. Bytes, because httpx takes text for ASCII.
    named = {**call.headers, **sent}
    headers = {name.encode("ascii"): value.encode("latin-1") for name, value in named.items()}
    return client.build_request(call.method, url, headers=headers, content=call.content)


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


def _timed_out(error: httpx.TimeoutException, timeout: Timeout, asked: _Asked) -> RequestTimeoutError:
    connect, read = connect_and_read(timeout)
    match error:
        case httpx.ConnectTimeout():
            phase, seconds, what = "connect", connect, "no connection"
        case httpx.PoolTimeout():
            phase, seconds, what = "pool", read, "no free connection in the pool"
        case httpx.WriteTimeout():
            phase, seconds, what = "write", read, "the request could not be sent"
        case _:
            phase, seconds, what = "read", read, "no data came"
    limit = "" if seconds is None else f" in {seconds:g} s"
    # Asking for less helps only once somebody answers.
    advice = ConnectionFailedError.usual_advice if phase == "connect" else None
    text = f"{what}{limit} ({phase} timeout)"
    return RequestTimeoutError(text, seconds=seconds, phase=phase, advice=advice, **asked)


def _not_connected(host: str, text: str, asked: _Asked) -> ConnectionFailedError:
    what = f"no connection to {host} ({text})"
    if "CERTIFICATE" in text.upper():
        advice = (
            "The certificate is not trusted: install the CERN certificates,"
            " or name a file of trusted ones in SSL_CERT_FILE."
        )
        return ConnectionFailedError(what, phase="certificate", advice=advice, **asked)
    phase = "tls" if "SSL" in text.upper() else "connect"
    return ConnectionFailedError(what, phase=phase, **asked)


def _log_attempt(
    call: Call, attempt: int, waited: float, seconds: float, outcome: _Good[Any] | RequestFailedError
) -> None:
    if isinstance(outcome, _Good):
        what = f"HTTP {outcome.answer.status}, {len(outcome.answer.content)} bytes"
    else:
        what = outcome.message
    pause = f" (after {waited:g} s)" if waited > 0 else ""
    _log.debug("%s %s attempt %d%s: %s in %.3f s", call.method, call.target, attempt, pause, what, seconds)
