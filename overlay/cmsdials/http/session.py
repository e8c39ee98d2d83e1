"""The session takes one request through one step.

A step is: fill in the credentials, connect, send, read the whole body, check the status, decode. The retry rules
(`cmsdials.http.retry`) cover all of it. What is sent goes out aside from the thread of the caller (`cmsdials.http.background`,
`cmsdials.http.transport`), so that a Ctrl-C ends a request at once and leaves nothing locked.

All pages of a session travel over one pool of connections (`cmsdials.http.connections`), and all its requests pass one gate
(`cmsdials.http.gate`): when the service asks one of them to wait, they all do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cmsdials.errors import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    IncompleteBodyError,
    RequestFailedError,
    ResponseError,
)
from cmsdials.http.address import address, base_url_refusal, checked_base_url
from cmsdials.http.background import aside
from cmsdials.http.connections import Pool
from cmsdials.http.credentials import FillsHeaders
from cmsdials.http.gate import Gate
from cmsdials.http.headers import refuse_unsendable, workspace_refusal
from cmsdials.http.request import Call, call_for
from cmsdials.http.response import Answer
from cmsdials.http.retry import GiveUp, Retries, asks_for_a_pause, next_attempt, retry_rules
from cmsdials.http.timeout import Timeout, connect_and_read
from cmsdials.runtime.closing import Closing
from cmsdials.runtime.interrupts import current_stop, sleep
from cmsdials.undisclosed import Undisclosed

if TYPE_CHECKING:
    from cmsdials.http.transport import Client, Exchange

__all__ = ["Session"]

T = TypeVar("T")

_log = logging.getLogger("cmsdials.session")

_RENEWABLE = frozenset({"access_token_expired", "token_not_valid"})


@dataclass(frozen=True, repr=False)
class _Good(Generic[T]):
    """A step that went well."""

    value: T
    answer: Answer


class Session(Closing):
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
        transport: Replaces the network, in tests: an `httpx.BaseTransport`.
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
        transport: Any = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        refusal = (
            base_url_refusal(base_url, route, version)
            or _unparsable(base_url)
            or workspace_refusal(workspace)
        )
        if refusal is not None:
            del base_url, workspace  # tracebacks that show local variables must not show what is in them
            raise refusal
        self.base_url = checked_base_url(base_url)
        self.credentials = credentials
        self.workspace = workspace
        self.route = route
        self.version = version
        self.timeout = timeout
        self._clock = clock
        self._sleep = sleep
        connect, read = connect_and_read(timeout)
        self._pool = Pool(
            partial(_new_client, connect, read, transport, secure=self.base_url.lower().startswith("https:"))
        )
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
    ) -> T:
        """Take one request through one whole step, again and again as the rules allow.

        A Ctrl-C, or a `cmsdials.runtime.interrupts.Stop` that this thread heeds, ends it at once, whatever it waits for.

        Args:
            request: ``method`` and ``url`` (a path such as ``/api/v1/run/``); optional ``params`` (mapping or
                pairs), ``json`` or ``data`` (a form) for the body, and ``headers``.
            read: Turns the body into what is wanted. A `DecodeError` that it raises counts as a read
                failure.
            retries: See `cmsdials.http.retry.retry_rules`.
            safe: The request changes nothing on the server: a POST may be repeated.
            retry_when_slow: False for a caller who can ask for less, where something takes too long.
            workspace: False sends no ``Workspace`` header.

        Returns:
            What `read` returned.

        Raises:
            RequestFailedError: If no attempt gave a usable answer: the error of the last one, with the count
                of attempts.
            ConfigurationError: If the request cannot be sent.
            LoginError: If the credentials have ended.
            Stopped: If the stop that this thread heeds is set.
        """
        rules = retry_rules(retries)
        call = self._call(request, workspace=workspace)
        del request  # a login request has a secret in its body
        refuse_unsendable(call.headers)
        attempts = 0
        waited = 0.0
        renewed = False
        while True:
            waited += self._wait_for_the_gate()
            attempts += 1
            started = self._clock()
            sent = self._credential_headers()
            outcome = self._attempt(call, sent, read)
            _log_attempt(call, attempts, waited, self._clock() - started, outcome)
            if isinstance(outcome, _Good):
                self._gate.has_answered = True
                return outcome.value
            if isinstance(outcome, ResponseError | DecodeError | IncompleteBodyError):
                self._gate.has_answered = True
            outcome.attempts = attempts
            waited = 0.0
            if not renewed and self._renewed(outcome, sent):
                renewed = True
                continue
            now = self._clock()
            has_answered = self._gate.has_answered
            step = next_attempt(
                rules, outcome, safe=safe, retry_when_slow=retry_when_slow, has_answered=has_answered, now=now
            )
            if isinstance(step, GiveUp):
                outcome.advice = " ".join(part for part in (step.reason, outcome.advice) if part)
                raise outcome
            rules, waited = step.rules, step.wait
            if waited > 0:
                hold = self._gate.close(now, waited) if asks_for_a_pause(outcome) else None
                self._sleep(waited)
                if hold is not None:
                    self._gate.open(hold)

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
        while (hold := self._gate.hold(now := self._clock())) is not None:
            seconds = hold.remaining(now)
            self._sleep(seconds)
            self._gate.open(hold)
            waited += seconds
        stop = current_stop()
        if stop is not None:
            stop.check()
        return waited

    def _call(self, request: Mapping[str, Any], *, workspace: bool) -> Call:
        _load_transport()
        from cmsdials.http.transport import url_of  # noqa: PLC0415  # loaded just now

        whole = address(self.base_url, self.route, self.version, request["url"])
        url = url_of(whole, request.get("params"))
        return call_for(request, url, self.workspace, in_workspace=workspace)

    def _credential_headers(self) -> Undisclosed:
        sent = Undisclosed({} if self.credentials is None else self.credentials.before_request)
        refuse_unsendable(sent)
        return sent

    def _attempt(
        self, call: Call, sent: Undisclosed, read: Callable[[bytes], T]
    ) -> _Good[T] | RequestFailedError:
        outcome = self._exchange(call, sent)
        if isinstance(outcome, RequestFailedError):
            return outcome
        try:
            return _Good(read(outcome.content), outcome)
        except RequestFailedError as error:
            error.method = error.method or call.method
            error.url = error.url or call.shown_url
            return error

    def _exchange(self, call: Call, sent: Undisclosed) -> Answer | RequestFailedError:
        from cmsdials.http.transport import Exchange  # noqa: PLC0415  # loaded by _call

        exchange = Exchange(call, sent, self.timeout)
        pool = self._pool
        return aside(partial(_over, pool, exchange), forsaken=partial(_forsake, pool, exchange))

    def _renewed(self, failure: RequestFailedError, sent: Undisclosed) -> bool:
        if not isinstance(failure, AuthenticationError) or failure.code not in _RENEWABLE:
            return False
        renew = getattr(self.credentials, "renew", None)
        return renew is not None and bool(renew(sent))


# --- without a session --------------------------------------------------------------------------------------


def _unparsable(base_url: str) -> ConfigurationError | None:
    """Return the error for a base address that the HTTP library does not take."""
    if base_url.isascii():
        return None  # what `cmsdials.http.address` accepts of these is a URL to anybody
    from cmsdials.http.transport import is_parsable  # noqa: PLC0415  # lazily: it brings the HTTP library

    return None if is_parsable(base_url) else ConfigurationError("base_url is not a URL")


@cache
def _load_transport() -> None:
    """Load the HTTP library, aside: an import that is cut short would leave half a library."""
    aside(_import_transport)


def _import_transport() -> None:
    import cmsdials.http.transport  # noqa: F401, PLC0415  # lazily: it brings the HTTP library


def _new_client(connect: float | None, read: float | None, transport: Any, *, secure: bool) -> Client:
    from cmsdials.http.transport import new_client  # noqa: PLC0415  # lazily: it brings the HTTP library

    return new_client(connect, read, transport, secure=secure)


def _over(pool: Pool[Client], exchange: Exchange) -> Answer | RequestFailedError:
    outcome = None
    while outcome is None:  # another thread may be giving up the client in this moment
        outcome = exchange.over(pool.client())
    return outcome


def _forsake(pool: Pool[Client], exchange: Exchange) -> None:
    client = exchange.forsake()
    if client is not None:
        pool.let_go(client)
        client.abandon()


def _log_attempt(
    call: Call, attempt: int, waited: float, seconds: float, outcome: _Good[Any] | RequestFailedError
) -> None:
    if not _log.isEnabledFor(logging.DEBUG):
        return
    if isinstance(outcome, _Good):
        what = f"HTTP {outcome.answer.status}, {len(outcome.answer.content)} bytes"
    else:
        what = outcome.message
    pause = f" (after {waited:g} s)" if waited > 0 else ""
    _log.debug("%s %s attempt %d%s: %s in %.3f s", call.method, call.target, attempt, pause, what, seconds)
