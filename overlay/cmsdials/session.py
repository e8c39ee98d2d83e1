"""The session takes one request through one step. The only module of the overlay that knows the HTTP library.

A step is: fill in the credentials, connect, send, read the whole body, check the status, decode. The retry
rules (`cmsdials.retry`) cover all of it. Where a step fails, the error (`cmsdials.errors`) is made here as a
value, away from the frames that hold headers, and raised when those are gone: neither a traceback that shows
local variables nor a chained exception can reach a secret.

All pages of a session travel over one pool of connections, which is made when first used, may be shared by
threads, and crosses neither a pickle nor a fork.
"""

from __future__ import annotations

import copy
import logging
import math
import os
import platform
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypedDict, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from cmsdials.auth._credentials import FillsHeaders, SentHeaders, header_problem
from cmsdials.errors import (
    SECRET_NAMES,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    DecodeError,
    IncompleteBodyError,
    RequestFailedError,
    RequestTimeoutError,
    error_for,
    looks_like_html,
    page_title,
    shortened,
    without_secrets,
)
from cmsdials.retry import GiveUp, Retries, next_attempt, retry_rules

__all__ = ["Answer", "Session", "Timeout"]

T = TypeVar("T")

Timeout: TypeAlias = float | tuple[float | None, float | None] | None
"""Seconds for each phase, or a pair: seconds to connect, seconds without a byte; None waits for ever."""

API_PREFIX = "/api/v1/"
"""How paths begin in the contract; the session puts its own route and version there."""

_log = logging.getLogger("cmsdials.session")

_RENEWABLE = frozenset({"access_token_expired", "token_not_valid"})
_FOLLOWED = frozenset({301, 308})
_KEEP_IDLE_CONNECTIONS = 30.0  # seconds; httpx's 5 s are shorter than it takes to look at a plot
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_SHORTEST_MASKED = 6  # a shorter secret would mask parts of ordinary words


@dataclass(frozen=True, repr=False)
class Answer:
    """A whole answer with a status of 2xx.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        content: The body, decompressed.
        url: What was asked.
        method: HTTP method.

    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    method: str

    def json(self) -> Any:
        """Decode the body as JSON.

        Raises:
            DecodeError: If it is not JSON, or not all of it.

        """
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError as error:
            problem = str(error)
        what = f"the answer is not whole JSON ({problem}; {len(self.content)} bytes)"
        raise DecodeError(what, method=self.method, url=self.url)

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.content)} bytes>"


@dataclass(frozen=True, repr=False)
class _Good(Generic[T]):
    """A step that went well."""

    value: T
    answer: Answer


@dataclass(frozen=True, repr=False)
class _Call:
    """A request, checked and encoded, without credentials. Its repr shows no header and no body."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None
    secrets: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        return f"<{self.method} {self.shown_url}>"

    @property
    def shown_url(self) -> str:
        return without_secrets(str(self.url))

    @property
    def target(self) -> str:
        """Path and query."""
        return without_secrets(self.url.raw_path.decode("ascii", "replace"))


class _Asked(TypedDict):
    """What every failed request says of itself."""

    method: str
    url: str


class _Pool:
    """One pool of connections, made when first used and again after a close, a fork or a pickle."""

    def __init__(self, timeout: httpx.Timeout, transport: httpx.BaseTransport | None) -> None:
        self._timeout = timeout
        self._transport = transport
        self._start_empty()

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._closing: weakref.finalize[[], _Pool] | None = None
        _pools.add(self)

    def client(self) -> httpx.Client:
        """Return the client that holds the connections.

        Raises:
            ConfigurationError: If the proxy or certificate settings of the environment are unusable.

        """
        with self._lock:
            if self._client is None:
                self._client = _new_client(self._timeout, self._transport)
                # Sessions are seldom closed by hand: close the sockets when the session is forgotten.
                self._closing = weakref.finalize(self, self._client.close)
            return self._client

    def close(self) -> None:
        with self._lock:
            if self._closing is not None:
                self._closing()
            self._client = self._closing = None

    def forget(self) -> None:
        """Start anew in a child process: sockets are the parent's, and locks may be held by its threads."""
        if self._closing is not None:
            self._closing.detach()
            _inherited.append(self._client)
        self._start_empty()

    def __getstate__(self) -> dict[str, Any]:
        return {"_timeout": self._timeout, "_transport": self._transport}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_empty()


_pools: weakref.WeakSet[_Pool] = weakref.WeakSet()
_inherited: list[httpx.Client | None] = []  # kept, so that no child process closes its parent's connections


def _forget_pools() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)


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
        self.base_url = _checked_base_url(base_url)
        self.credentials = credentials
        self.workspace = _checked_workspace(workspace)
        self.route = route
        self.version = version
        self.timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._pool = _Pool(_checked_timeout(timeout), transport)

    def perform(
        self,
        request: Mapping[str, Any],
        read: Callable[[Answer], T],
        *,
        retries: Retries = None,
        safe: bool = False,
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
        _refuse_unsendable(call.headers)
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
            step = next_attempt(rules, outcome, safe=safe, now=self._clock())
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
        other.workspace = _checked_workspace(workspace)
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

    def _call(self, request: Mapping[str, Any], *, workspace: bool) -> _Call:
        url = self._url(request["url"], request.get("params"))
        content, content_type, secrets = _encoded_body(request.get("json"), request.get("data"))
        headers = {name: str(value) for name, value in (request.get("headers") or {}).items()}
        lowered = {name.lower(): name for name in headers}
        if "workspace" in lowered and (self.workspace or not workspace):
            del headers[lowered["workspace"]]
        if self.workspace and workspace:
            headers["Workspace"] = self.workspace
        if content_type and "content-type" not in lowered:
            headers["Content-Type"] = content_type
        secrets += tuple(value for name, value in headers.items() if name.lower() in SECRET_NAMES)
        return _Call(str(request["method"]).upper(), url, SentHeaders(headers), content, secrets)

    def _url(self, path: str, params: Any) -> httpx.URL:
        if not path.startswith("/"):
            message = f"a request names a path on {self.base_url}, not {shortened(path)!r}"
            raise ConfigurationError(message)
        if path.startswith(API_PREFIX):
            ends = (self.route.strip("/"), self.version.strip("/"), path.removeprefix(API_PREFIX))
            path = "/".join(end for end in ends[:2] if end) + "/" + ends[2]
        whole = f"{self.base_url}{path.lstrip('/')}"
        try:
            return httpx.URL(whole, params=params) if params else httpx.URL(whole)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            problem = str(error)
        message = f"no URL can be made of {shortened(whole)} and its parameters ({problem})"
        raise ConfigurationError(message)

    def _credential_headers(self) -> SentHeaders:
        headers: dict[str, str] = {}
        if self.credentials is not None:
            self.credentials.before_request(headers)
        sent = SentHeaders(headers)
        del headers
        _refuse_unsendable(sent)
        return sent

    def _attempt(
        self, call: _Call, sent: SentHeaders, read: Callable[[Answer], T]
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

    def _exchange(self, call: _Call, sent: SentHeaders) -> Answer | RequestFailedError:
        """Send, follow one missing slash, and sort the answer by its status."""
        outcome = self._send(call, sent, call.url)
        if isinstance(outcome, Answer) and outcome.status in _FOLLOWED and call.method in ("GET", "HEAD"):
            here = _same_place(call.url, outcome.headers.get("location", ""))
            if here is not None:
                outcome = self._send(call, sent, here)
        if isinstance(outcome, RequestFailedError):
            return outcome
        return _judged(outcome, (*call.secrets, *sent.values()))

    def _send(self, call: _Call, sent: SentHeaders, url: httpx.URL) -> Answer | RequestFailedError:
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
                raise
            return failure
        short = _shortfall(call.method, response, content)
        if short:
            return IncompleteBodyError(short, phase="body", method=call.method, url=call.shown_url)
        return Answer(response.status_code, dict(response.headers), content, call.shown_url, call.method)

    def _failure(self, error: Exception, call: _Call, *, answering: bool) -> RequestFailedError | None:
        """Translate an exception of the HTTP library; None if it is not one."""
        asked: _Asked = {"method": call.method, "url": call.shown_url}
        host = call.url.netloc.decode("ascii", "replace")
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

    def _renewed(self, failure: RequestFailedError, sent: SentHeaders) -> bool:
        if not isinstance(failure, AuthenticationError) or failure.code not in _RENEWABLE:
            return False
        renew = getattr(self.credentials, "renew", None)
        return renew is not None and bool(renew(sent))


# --- without a session --------------------------------------------------------------------------------------


def _checked_base_url(base_url: str) -> str:
    """Return the address with exactly one slash at its end."""
    problem = _base_url_problem(base_url)
    if problem:
        message = f"base_url {problem}"
        advice = (
            "Give the address of DIALS, such as https://cmsdials-api.web.cern.ch/ or http://localhost:8000/."
        )
        raise ConfigurationError(message, advice=advice)
    return base_url.rstrip("/") + "/"


def _base_url_problem(base_url: object) -> str:
    if not isinstance(base_url, str):
        return f"is {type(base_url).__name__}, not text"
    if header_problem(base_url) or " " in base_url:
        return "is empty or holds blanks or line breaks"
    try:
        parts = urlsplit(base_url)
        _ = parts.port
        httpx.URL(base_url)
    except (ValueError, httpx.InvalidURL) as error:
        return f"is not a URL ({error})"
    if "@" in parts.netloc:
        return "holds a user name or password; those belong into credentials"
    shown = shortened(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{shown!r} does not begin with http:// or https:// and a host name"
    return f"{shown!r} holds a query or fragment" if "?" in base_url or "#" in base_url else ""


def _checked_workspace(workspace: str | None) -> str | None:
    problem = "" if workspace is None else header_problem(workspace)
    if problem:
        message = f"workspace {workspace!r} cannot be a name: {problem}"
        raise ConfigurationError(message)
    return workspace


def _checked_timeout(timeout: Timeout) -> httpx.Timeout:
    pair: tuple[Any, ...] = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(pair) != 2 or not all(seconds is None or _is_duration(seconds) for seconds in pair):
        rule = "a positive number of seconds, a pair (connect, read) of them, or None"
        message = f"timeout must be {rule}, not {timeout!r}"
        raise ConfigurationError(message)
    return httpx.Timeout(pair[1], connect=pair[0])


def _is_duration(seconds: object) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return math.isfinite(seconds) and seconds > 0


@cache
def _user_agent() -> str:
    try:
        own = version("cmsdials")
    except PackageNotFoundError:  # run from a folder, not installed
        own = "unknown"
    return f"cmsdials/{own} (python/{platform.python_version()}; httpx/{httpx.__version__})"


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


def _encoded_body(json: Any, form: Any) -> tuple[bytes | None, str, tuple[str, ...]]:
    """Return the body as bytes, its type, and the secrets that it holds."""
    if json is None and form is None:
        return None, "", ()
    fields = json if json is not None else form
    secrets: tuple[str, ...] = ()
    if isinstance(fields, Mapping):
        secrets = tuple(str(value) for name, value in fields.items() if name in SECRET_NAMES)
    if json is None:
        return urlencode(form).encode("ascii"), "application/x-www-form-urlencoded", secrets
    try:
        return orjson.dumps(json, option=orjson.OPT_SERIALIZE_NUMPY), "application/json", secrets
    except orjson.JSONEncodeError as error:
        problem = str(error)
    message = f"the body cannot be written as JSON ({problem})"
    raise ConfigurationError(message)


def _refuse_unsendable(headers: Mapping[str, str]) -> None:
    for name in headers:
        problem = header_problem(headers[name]) if _HEADER_NAME.fullmatch(name) else "its name is not one"
        if problem:
            message = f"the header {name!r} cannot be sent: {problem}"
            raise ConfigurationError(message)


def _http_request(client: httpx.Client, call: _Call, sent: SentHeaders, url: httpx.URL) -> httpx.Request:
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


def _judged(answer: Answer, secrets: Iterable[str]) -> Answer | RequestFailedError:
    """Let a good answer through; make anything else the error that it is."""
    is_good = 200 <= answer.status < 300
    if is_good and not looks_like_html(answer.headers.get("content-type", ""), answer.content):
        return answer
    body = _masked(answer.content, secrets)
    if not is_good:
        return error_for(answer.status, answer.headers, body, answer.method, answer.url)
    page = body.decode("utf-8", "replace")
    title = page_title(page)
    what = f"HTTP {answer.status}, but with an HTML page instead of JSON" + (f" ({title!r})" if title else "")
    advice = (
        "A login page, a proxy or a maintenance page stands in the way:"
        " open the address in a browser, and check base_url."
    )
    return DecodeError(what, body=shortened(page), method=answer.method, url=answer.url, advice=advice)


def _masked(body: bytes, secrets: Iterable[str]) -> bytes:
    """Mask what we sent, should the service send it back."""
    for secret in secrets:
        bare = secret.removeprefix("Bearer ").encode("latin-1", "replace")
        if len(bare) >= _SHORTEST_MASKED:
            body = body.replace(bare, b"***")
    return body


def _timed_out(error: httpx.TimeoutException, timeout: Timeout, asked: _Asked) -> RequestTimeoutError:
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
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
    call: _Call, attempt: int, waited: float, seconds: float, outcome: _Good[Any] | RequestFailedError
) -> None:
    if isinstance(outcome, _Good):
        what = f"HTTP {outcome.answer.status}, {len(outcome.answer.content)} bytes"
    else:
        what = outcome.message
    pause = f" (after {waited:g} s)" if waited > 0 else ""
    _log.debug("%s %s attempt %d%s: %s in %.3f s", call.method, call.target, attempt, pause, what, seconds)
