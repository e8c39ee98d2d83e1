"""Clients of the sandboxes, and a client whose service answers from a script."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.http.session import Session
from cmsdials.resources.workspaces import DefaultWorkspace
from cmsdials_sandbox import Sandbox

Connect = Callable[..., Dials]


@pytest.fixture(scope="session")
def session_type() -> type[Session]:
    """What requests go through: the one inner class that tests of the whole way make, to put a script in for the network."""
    return Session


@pytest.fixture(scope="session")
def now(sandbox_now: Sandbox) -> Iterator[Dials]:
    with Dials(Credentials(token=sandbox_now.secret), base_url=sandbox_now.url) as dials:
        yield dials


@pytest.fixture(scope="session")
def v112(sandbox_v112: Sandbox) -> Iterator[Dials]:
    with Dials(Credentials(token=sandbox_v112.secret), base_url=sandbox_v112.url) as dials:
        yield dials


@pytest.fixture(params=["now", "v1.12"])
def jetmet(request: pytest.FixtureRequest, sandbox_now: Sandbox, sandbox_v112: Sandbox) -> Iterator[Dials]:
    """The workspace with models, on either generation."""
    sandbox = sandbox_now if request.param == "now" else sandbox_v112
    with Dials(Credentials(token=sandbox.secret), "jetmet", sandbox.url) as dials:
        yield dials


def session_over(
    transport: httpx.BaseTransport, workspace: str | None = "tracker", **options: Any
) -> Session:
    """A session whose network is the test's."""
    return Session(
        "http://dials.test/",
        Credentials(token="a-secret"),
        workspace,
        transport=transport,
        default_workspace=DefaultWorkspace(),
        **options,
    )


def dials_over(session: Session) -> Dials:
    """The resources of a service, asked through a session of the test."""
    dials = Dials(Credentials(token="a-secret"), base_url=session.base_url)
    for resource in [dials, *vars(dials).values()]:
        if hasattr(resource, "_session"):
            resource._session = session
    return dials


class Scripted:
    """A service that answers what it was told to, in order, and remembers what it was asked.

    Attributes:
        asked: The requests.
        dials: What asks it.
        waits: Seconds that the client has waited, which nobody really waited.
    """

    def __init__(self, workspace: str | None = "tracker") -> None:
        self.answers: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]] = []
        self.asked: list[httpx.Request] = []
        self.waits: list[float] = []
        self.session = session_over(httpx.MockTransport(self._answer), workspace, sleep=self.waits.append)
        self.dials = dials_over(self.session)

    def will_answer(self, *bodies: Any, status: int = 200) -> None:
        """Add answers: JSON bodies, whole responses, what makes one of a request, or exceptions to be raised instead."""
        for body in bodies:
            ready = isinstance(body, httpx.Response | Exception) or callable(body)
            self.answers.append(body if ready else httpx.Response(status, json=body))

    def will_page(self, rows: Iterable[Any], size: int) -> None:
        """Add the pages that hold the rows."""
        rows = list(rows)
        starts = range(0, max(len(rows), 1), size)
        for start in starts:
            more = start + size < len(rows)
            link = f"http://elsewhere.test/api/v1/run/?next_token=c{start + size}" if more else None
            self.will_answer({"next": link, "previous": None, "results": rows[start : start + size]})

    @property
    def queries(self) -> list[dict[str, str]]:
        """The queries that were asked."""
        return [dict(request.url.params) for request in self.asked]

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies that were sent."""
        return [json.loads(request.content) for request in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if not self.answers:
            message = f"nothing was expected after {len(self.asked) - 1} requests: {request.url}"
            raise AssertionError(message)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


@pytest.fixture
def new_session() -> type[Session]:
    """Makes sessions, as resources use them, with a transport and a clock of the test."""
    return Session


@pytest.fixture
def service() -> Scripted:
    return Scripted()


def run_row(number: int, **changed: Any) -> dict[str, Any]:
    """A run as the service sends it."""
    return {"dataset_id": 14677060, "dataset": "/Z/R/D", "run_number": number, "ls_count": 9} | changed
