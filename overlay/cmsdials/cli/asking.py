"""Single questions to a DIALS, with all that an answer says beside its body: what `cmsdials doctor` looks at.

They go the way of every request, through the same proxy, certificates and limits, but are never repeated, and an error
status is an answer too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from cmsdials.errors import RequestFailedError
from cmsdials.http.connections import Pool
from cmsdials.http.credentials import FillsHeaders
from cmsdials.http.request import address, call_for, check_headers
from cmsdials.redaction import Undisclosed
from cmsdials.runtime.background import in_background, load
from cmsdials.runtime.interrupts import Closing, Stop, Stopped

__all__ = ["Asker", "Came", "TooLongError", "bounded"]

T = TypeVar("T")

CONNECT, READ = 10.0, 35.0  # seconds; the gateway of DIALS gives up after 30

Params = Iterable[tuple[str, object]]


class TooLongError(Exception):
    """What was asked for took longer than it may."""


def bounded(seconds: float, work: Callable[[], T]) -> T:
    """Do something in the background, and wait for it no longer than this; what hangs is left behind.

    Raises:
        TooLongError: It took longer.
    """
    stop = Stop()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    try:
        with stop.heeded():
            return in_background(work)
    except Stopped:
        raise TooLongError from None
    finally:
        timer.cancel()


@frozen(kw_only=True)
class Came:
    """What came back for one question.

    Attributes:
        status: HTTP status; None if there was no answer.
        headers: Headers, with names in lower case.
        http: Version of HTTP, such as HTTP/1.1.
        redirected: Whether it went by a redirect to the same place, as for a missing slash.
        body: The body of a good answer, or the beginning of another one's.
        failure: The error that it means; None if it is a good answer.
        at: When its head came, by our clock.
        peer: The address at the other end of the connection.
        tls: Version of TLS, empty without it.
        certificate: The certificate of the server, as Python's `ssl` describes it; empty without one.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict)
    http: str = ""
    redirected: bool = False
    body: bytes = b""
    failure: RequestFailedError | None = None
    at: datetime | None = None
    peer: str = ""
    tls: str = ""
    certificate: Mapping[str, Any] = field(factory=dict)

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def form(self) -> str:
        """What the body is: json, html, text or empty."""
        kind = self.headers.get("content-type", "")
        if not self.body:
            return "empty"
        return next((name for name in ("json", "html") if name in kind), "text")


class Asker(Closing):
    """Asks a DIALS one question at a time. Making one sends nothing.

    Args:
        base_url: Address of the DIALS, checked.
        credentials: Fill the headers; None sends none.
        read: Seconds to wait for an answer.
    """

    def __init__(self, base_url: str, credentials: FillsHeaders | None = None, *, read: float = READ) -> None:
        self.base_url = base_url
        self.credentials = credentials
        self._pool = Pool(base_url=base_url, connect=CONNECT, read=read, transport=None)

    def url(self, path: str, params: Params = ()) -> str:
        """Return the whole address of a path below ``api/v1/``."""
        load("cmsdials.http.transport")
        from cmsdials.http.transport import url_of  # noqa: PLC0415  # loaded just now

        return url_of(address(self.base_url, "api/", "v1/", f"/api/v1/{path}"), list(params))

    def request_line(self, path: str, params: Params = ()) -> int:
        """Return how many bytes the first line of such a request has, without its end."""
        parts = urlsplit(self.url(path, params))
        return len(f"GET {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1")

    def ask(self, path: str, params: Params = (), *, workspace: str | None = None) -> Came:
        """Ask once.

        Raises:
            DialsError: The credentials have ended, or the environment names an unusable proxy or certificates. Any other
                failure is in what is returned.
        """
        call = call_for({"method": "GET"}, self.url(path, params), workspace, in_workspace=True)
        headers: dict[str, str] = {}
        if self.credentials is not None:
            self.credentials.before_request(headers)
            check_headers(headers)
        heard: list[Came] = []
        try:
            answer = self._pool.use(partial(_exchanged, heard, call, Undisclosed(headers)))
        except RequestFailedError as failure:
            body = str(getattr(failure, "body", "")).encode()
            return evolve(_last(heard), failure=failure, body=body)
        return evolve(_last(heard), body=answer.content)

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


def _exchanged(heard: list[Came], call: Any, headers: Undisclosed, client: Any, claim: Stop) -> Any:
    from cmsdials.http.transport import exchange  # noqa: PLC0415  # loaded by Asker.url

    client.event_hooks = {"response": [lambda response: heard.append(_of_response(response))]}
    return exchange(client, claim, call=call, credentials=headers)


def _of_response(response: Any) -> Came:
    """Note what the HTTP library knows of an answer and of its connection, before the body is read."""
    stream = response.extensions.get("network_stream")
    peer, tls = (stream and stream.get_extra_info(name) for name in ("server_addr", "ssl_object"))
    return Came(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        http=response.http_version,
        at=datetime.now(UTC),
        peer=str(peer[0]) if peer else "",
        tls="" if tls is None else str(tls.version()),
        certificate={} if tls is None else tls.getpeercert() or {},
    )


def _last(heard: list[Came]) -> Came:
    return evolve(heard[-1], redirected=len(heard) > 1) if heard else Came()
