"""The session takes one request through one step.

A step is: fill in the credentials, connect, send, read the whole body, check the status, decode. The retry rules
(`cmsdials.http.retry`) cover all of it. Requests are sent in the background (`cmsdials.runtime.background`,
`cmsdials.http.transport`), so that a Ctrl-C ends a request at once and leaves nothing locked.

All requests of a session share one pool of connections (`cmsdials.http.connections`) and pass one
gate: when the service asks one of them to wait, they all do.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from cmsdials.errors import (
    AuthenticationError,
    DecodeError,
    IncompleteBodyError,
    RequestFailedError,
    ResponseError,
)
from cmsdials.http.connections import Pool, Timeout, connect_and_read
from cmsdials.http.credentials import FillsHeaders, asking_once, asks_once
from cmsdials.http.request import Call, address, call_for, check_headers, check_workspace, checked_base_url
from cmsdials.http.retry import Gate, Retries, Rules, asks_for_a_pause
from cmsdials.redaction import Undisclosed
from cmsdials.runtime.background import load
from cmsdials.runtime.interrupts import Closing, check_stop, sleep

__all__ = ["Session"]

T = TypeVar("T")

_log = logging.getLogger("cmsdials.session")

_RENEWABLE = frozenset({"access_token_expired", "token_not_valid"})


class Session(Closing):
    """One DIALS, one set of credentials, one workspace, one pool of connections.

    The constructor checks its arguments and does no I/O. Threads may share a session. Close it, or use it in
    a ``with`` block, to close its connections at once; a closed session opens new ones if it is used again.

    Args:
        base_url: Address of DIALS, such as ``https://cmsdials-api.web.cern.ch/``; it may end in a path.
        credentials: Fills headers (`cmsdials.auth`); None sends none.
        workspace: Goes into the header ``Workspace`` of each request; None for the user's default one.
        route: Path of the API below `base_url`.
        version: Version of the API below `route`.
        timeout: Seconds for each phase of a request, or a pair (connect, read); None waits for ever.
        transport: Replaces the network, in tests: an `httpx.BaseTransport`.
        default_workspace: Finds the user's default workspace, where none is named and a request needs it; it gets the
            session and the retries of that request. None leaves the choice to the service.
        clock: Seconds since the epoch.
        sleep: Waits a number of seconds.

    Attributes:
        workspace: The workspace in use; None while the user's default one is not known.

    Raises:
        ConfigurationError: If an argument is unusable.
    """

    def __init__(
        self,
        base_url: str,
        credentials: FillsHeaders | None,
        workspace: str | None = None,
        route: str = "api/",
        version: str = "v1/",
        timeout: Timeout = 30.0,
        transport: Any = None,
        *,
        default_workspace: Callable[[Session, Retries], str | None] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self.base_url = checked_base_url(base_url, route, version)
        check_workspace(workspace)
        connect, read = connect_and_read(timeout)
        self.credentials = credentials
        self.workspace = workspace
        self._default_workspace = default_workspace if workspace is None else None
        self.route = route
        self.version = version
        self._clock = clock
        self._sleep = sleep
        self._pool = Pool(base_url=self.base_url, connect=connect, read=read, transport=transport)
        self._gate = Gate()

    def perform(
        self,
        request: Mapping[str, Any],
        read: Callable[[bytes], T],
        *,
        retries: Retries = None,
        safe: bool = False,
        retry_when_slow: bool = True,
        workspace: bool = True,
        answered: Callable[[float], object] = lambda _seconds: None,
        waiting: Callable[[str], object] = lambda _text: None,
    ) -> T:
        """Take one request through a whole step, as often as the rules allow; return what `read` returned.

        A Ctrl-C, or a `cmsdials.runtime.interrupts.Stop` that this thread heeds, ends it at once, whatever it waits for.

        Args:
            request: ``method`` and ``url`` (a path such as ``/api/v1/run/``); optional ``params`` (mapping or
                pairs), ``json`` or ``data`` (a form) for the body, and ``headers``.
            read: Turns the body into what is wanted. A `DecodeError` that it raises counts as a read failure.
            retries: See `cmsdials.http.retry.retry_rules`.
            safe: The request changes nothing on the server: a POST may be repeated.
            retry_when_slow: False for a caller that can ask for less if something takes too long.
            workspace: False sends no ``Workspace`` header.
            answered: Called before `read`, with the seconds that the service took for the answer.
            waiting: Called before each wait for another attempt, with words that say so, and with none after it.

        Raises:
            RequestFailedError: If no attempt gave a usable answer: the error of the last one, with the count
                of attempts.
            ConfigurationError: If the request cannot be sent.
            LoginError: If the credentials have ended.
            Stopped: If the stop that this thread heeds is set.
        """
        rules = Rules(retries, safe=safe, retry_when_slow=retry_when_slow)
        if workspace:
            self.named_workspace(retries)
        call = self._call(request, workspace=workspace)
        attempts = 0
        waited = 0.0
        renewed = False
        while True:
            waited += self._wait_for_the_gate()
            attempts += 1
            try:
                sent = self._credential_headers(attempts)
                return self._attempt(call, sent, read, attempts, waited, answered)
            except RequestFailedError as error:
                failure = error
            waited = 0.0
            if not renewed and _is_renewable(failure):
                renewed = True
                try:
                    if self._renewed(sent, attempts):
                        continue
                except RequestFailedError as error:
                    failure = error
            if asks_once():
                raise failure
            now = self._clock()
            wait = rules.wait_after(failure, has_answered=self._gate.has_answered, now=now)
            if wait is None:
                raise failure
            if failure.of_login:
                _log.info("the login is not renewed yet (%s); trying again in %g s", failure.message, wait)
            if wait > 0:
                if asks_for_a_pause(failure):
                    self._gate.close(now, wait)
                waiting(_what_is_waited_for(failure, attempts + 1, rules.left, wait))
                self._sleep(wait)
                waiting("")
                self._gate.open(now + wait)
            waited = wait

    @property
    def is_in_default_workspace(self) -> bool:
        """Whether the user named no workspace, so that the service chooses it."""
        return self._default_workspace is not None

    def named_workspace(self, retries: Retries = None) -> str | None:
        """Return `workspace`, after asking the service for the default one if it is not known yet."""
        if self.workspace is None and self._default_workspace is not None:
            self.workspace = self._default_workspace(self, retries)
        return self.workspace

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_pool"):
            return "<Session that was not made>"
        return f"Session({self.base_url!r}, workspace={self.workspace!r})"

    # --- one attempt, piece by piece ------------------------------------------------------------------------

    def _wait_for_the_gate(self) -> float:
        """Wait while the service is to be left alone; return how many seconds that was."""
        waited = 0.0
        while (seconds := self._gate.remaining(self._clock())) > 0:
            until = self._gate.until
            self._sleep(seconds)
            self._gate.open(until)
            waited += seconds
        check_stop()
        return waited

    def _call(self, request: Mapping[str, Any], *, workspace: bool) -> Call:
        load("cmsdials.http.transport")
        from cmsdials.http.environment import check_no_proxy  # noqa: PLC0415  # loaded just now
        from cmsdials.http.transport import url_of  # noqa: PLC0415

        check_no_proxy()
        whole = address(self.base_url, self.route, self.version, request["url"])
        url = url_of(whole, request.get("params"))
        return call_for(request, url, self.workspace, in_workspace=workspace)

    def _credential_headers(self, attempts: int) -> Undisclosed:
        headers: dict[str, str] = {}
        if self.credentials is not None:
            with _renewing(attempts):
                self.credentials.before_request(headers)
        check_headers(headers)
        return Undisclosed(headers)

    def _attempt(
        self,
        call: Call,
        sent: Undisclosed,
        read: Callable[[bytes], T],
        number: int,
        waited: float,
        answered: Callable[[float], object],
    ) -> T:
        from cmsdials.http.transport import exchange  # noqa: PLC0415  # loaded by _call

        started = self._clock()
        try:
            answer = self._pool.use(partial(exchange, call=call, credentials=sent))
            answered(self._clock() - started)
            value = read(answer.content)
        except RequestFailedError as failure:
            failure.method = failure.method or call.method
            failure.url = failure.url or call.shown_url
            failure.attempts = number
            if isinstance(failure, ResponseError | DecodeError | IncompleteBodyError):
                self._gate.has_answered = True
            _log_attempt(call, number, waited, self._clock() - started, failure.message)
            raise
        self._gate.has_answered = True
        what = f"HTTP {answer.status}, {len(answer.content)} bytes"
        _log_attempt(call, number, waited, self._clock() - started, what)
        return value

    def _renewed(self, sent: Undisclosed, attempts: int) -> bool:
        renew = getattr(self.credentials, "renew", None)
        with _renewing(attempts):
            return renew is not None and bool(renew(sent))


@contextlib.contextmanager
def _renewing(attempts: int) -> Iterator[None]:
    """Let credentials renew themselves: what fails then is one failed attempt of the request that needs them."""
    try:
        with asking_once():
            yield
    except RequestFailedError as failure:
        failure.of_login = True
        failure.attempts = attempts
        raise


def _is_renewable(failure: RequestFailedError) -> bool:
    is_refusal = isinstance(failure, AuthenticationError) and failure.code in _RENEWABLE
    return is_refusal and not failure.of_login


def _what_is_waited_for(failure: RequestFailedError, number: int, left: int | None, wait: float) -> str:
    came = f"HTTP {failure.status_code}" if isinstance(failure, ResponseError) else "no answer"
    if failure.of_login:
        came = f"{came} of the login service"
    of_all = "" if left is None else f" of {number + left}"
    return f"{came}, attempt {number}{of_all}, again in {wait:.0f} s"


def _log_attempt(call: Call, attempt: int, waited: float, seconds: float, what: str) -> None:
    if _log.isEnabledFor(logging.DEBUG):
        pause = f" (after {waited:g} s)" if waited > 0 else ""
        _log.debug(
            "%s %s attempt %d%s: %s in %.3f s", call.method, call.target, attempt, pause, what, seconds
        )
