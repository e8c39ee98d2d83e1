"""Sandboxes to ask: one server of each generation for the whole run, and clients of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from cmsdials_sandbox import Sandbox, serve

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
PUBLIC = "cms-dials-prod-public-app"
AUDIENCE = "cms-dials-prod-confidential-app"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


class LoggingIn:
    """Asks a sandbox as a program does that wants tokens; nothing is refused before it is looked at."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.client = client
        self.realm = f"{sandbox.keycloak_url}realms/{sandbox.realm}/"

    def post(self, path: str, **form: Any) -> httpx.Response:
        """To the realm; a form."""
        return self.client.post(self.realm + path, data=form)

    def token(self, grant_type: str, **form: Any) -> httpx.Response:
        form = {"client_id": PUBLIC} | form
        return self.post("protocol/openid-connect/token", grant_type=grant_type, **form)

    def new_device(self, client_id: str = PUBLIC) -> Any:
        return self.post("protocol/openid-connect/auth/device", client_id=client_id).json()

    def poll(self, device_code: str, **form: Any) -> httpx.Response:
        return self.token(DEVICE_CODE, device_code=device_code, **form)

    def refresh(self, refresh_token: str, **form: Any) -> httpx.Response:
        return self.token("refresh_token", refresh_token=refresh_token, **form)

    def exchange(self, subject_token: str, **form: Any) -> httpx.Response:
        form = {"subject_token_type": ACCESS_TOKEN, "audience": AUDIENCE} | form
        return self.token(TOKEN_EXCHANGE, subject_token=subject_token, **form)

    def revoke(self, token: str, **form: Any) -> httpx.Response:
        return self.post("protocol/openid-connect/revoke", **{"token": token, "client_id": PUBLIC} | form)

    def as_application(self, **form: Any) -> httpx.Response:
        given = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "audience": AUDIENCE,
        } | form
        return self.post("api-access/token", **{k: v for k, v in given.items() if v is not None})

    def control(self, name: str, **body: str) -> httpx.Response:
        return self.client.post(f"{self.sandbox.url}sandbox/logins/{name}/", json=body)

    def counts(self) -> Any:
        return self.client.get(f"{self.sandbox.url}sandbox/logins/").json()

    def logged_in(self) -> Any:
        """Tokens of the public client, after a login through the realm."""
        login = self.new_device()
        assert self.control("approve", user_code=login["user_code"]).status_code == 200
        return self.poll(login["device_code"]).json()

    def logged_in_through_dials(self) -> Any:
        login = self.dials("new-device").json()
        assert self.control("approve", device_code=login["device_code"]).status_code == 200
        return self.dials("device-token", device_code=login["device_code"]).json()

    def dials(self, name: str, **body: Any) -> httpx.Response:
        """DIALS's own login."""
        address = f"{self.sandbox.url}api/v1/auth/{name}/"
        return self.client.post(address, json=body) if body else self.client.get(address)

    def api(self, access_token: str | None, scheme: str = "Bearer") -> httpx.Response:
        """What DIALS says to a token."""
        headers = {} if access_token is None else {"Authorization": f"{scheme} {access_token}".strip()}
        return self.client.get(f"{self.sandbox.url}api/v1/run/count/", headers=headers)


@pytest.fixture
def logging_in(now: "Asker") -> Iterator[LoggingIn]:
    with httpx.Client(timeout=120) as client:
        yield LoggingIn(now.sandbox, client)


@pytest.fixture
def either_logging_in(either: "Asker") -> Iterator[LoggingIn]:
    with httpx.Client(timeout=120) as client:
        yield LoggingIn(either.sandbox, client)


@pytest.fixture
def slow_polls() -> Iterator[LoggingIn]:
    """A sandbox of its own, where the second poll is always too soon."""
    with serve(interval=600) as sandbox, httpx.Client(timeout=120) as client:
        yield LoggingIn(sandbox, client)


@pytest.fixture
def v112_logging_in(v112: "Asker") -> Iterator[LoggingIn]:
    with httpx.Client(timeout=30) as client:
        yield LoggingIn(v112.sandbox, client)


class Asker:
    """Asks a sandbox as an application does, and knows the truth in its databases."""

    def __init__(self, sandbox: Sandbox, client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.client = client

    def get(self, path: str, workspace: str | None = None, **query: Any) -> httpx.Response:
        headers = {} if workspace is None else {"Workspace": workspace}
        return self.client.get(path, params=query, headers=headers)

    def json(self, path: str, workspace: str | None = None, **query: Any) -> Any:
        response = self.get(path, workspace, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def pages(self, path: str, workspace: str | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """Pages from the first to the last, by the links they give."""
        page = self.json(path, workspace, **query)
        yield page
        while page["next"]:
            headers = {} if workspace is None else {"Workspace": workspace}
            page = self.client.get(page["next"], headers=headers).json()
            yield page

    def rows(self, path: str, workspace: str | None = None, **query: Any) -> list[dict[str, Any]]:
        return [row for page in self.pages(path, workspace, **query) for row in page["results"]]

    def truth(self, sql: str, *values: Any, workspace: str = "tracker") -> list[tuple[Any, ...]]:
        """Rows of the database itself."""
        address = f"{self.sandbox.databases[workspace].as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(sql, values).fetchall()


@pytest.fixture(scope="session")
def now() -> Iterator[Asker]:
    with serve() as sandbox, _client(sandbox) as client:
        yield Asker(sandbox, client)


@pytest.fixture(scope="session")
def v112() -> Iterator[Asker]:
    # Answers that are kept are tested by themselves.
    with serve(generation="v1.12", cache_seconds=0) as sandbox, _client(sandbox) as client:
        yield Asker(sandbox, client)


@pytest.fixture(params=["now", "v1.12"])
def either(request: pytest.FixtureRequest, now: Asker, v112: Asker) -> Asker:
    """What both generations do alike."""
    return now if request.param == "now" else v112


@pytest.fixture
def anonymous(now: Asker) -> Iterator[httpx.Client]:
    """Someone without credentials."""
    with httpx.Client(base_url=f"{now.sandbox.url}api/v1/", timeout=120) as client:
        yield client


def _client(sandbox: Sandbox) -> httpx.Client:
    return httpx.Client(
        base_url=f"{sandbox.url}api/v1/", headers={"X-CLIENT-SECRET": sandbox.secret}, timeout=120
    )
