"""Sandboxes to ask: one server of each generation for the whole run, and clients of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from cmsdials_sandbox import Sandbox, serve


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
    with serve(generation="v1.12") as sandbox, _client(sandbox) as client:
        yield Asker(sandbox, client)


@pytest.fixture(params=["now", "v1.12"])
def either(request: pytest.FixtureRequest, now: Asker, v112: Asker) -> Asker:
    """What both generations do alike."""
    return now if request.param == "now" else v112


@pytest.fixture
def anonymous(now: Asker) -> Iterator[httpx.Client]:
    """Someone without credentials."""
    with httpx.Client(base_url=f"{now.sandbox.url}api/v1/", timeout=30) as client:
        yield client


def _client(sandbox: Sandbox) -> httpx.Client:
    return httpx.Client(
        base_url=f"{sandbox.url}api/v1/", headers={"X-CLIENT-SECRET": sandbox.secret}, timeout=30
    )
