"""A token that expires, a server that restarts, a wrong workspace, a full disk: the right error, and nothing lost."""

import os
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.auth.client import AuthClient
from cmsdials.auth.client_credentials import Credentials as Application
from cmsdials.errors import (
    AuthenticationError,
    CheckpointError,
    ConnectionFailedError,
    WorkspaceNotFoundError,
)
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters
from cmsdials.result import load
from urllib3.util import Retry

from .conftest import Client, FaultServer
from .server import SPLIT, rows_of

FILTERS = RunFilters(page_size=100)


def dicts(result: Any) -> list[dict[str, Any]]:
    return [row.dict() for row in result]


# --- a token that expires


@pytest.mark.parametrize("when", [{0}, {7}, {25}, {3, 4, 5, 20}])
def test_a_token_that_expires_is_renewed_once_each_time(client: Client, when: set[int]) -> None:
    # A request that is refused is sent again, so the n-th expiry comes n requests later.
    faults = {number + n: {"kind": "token_expired"} for n, number in enumerate(sorted(when))}
    client.server.begin(faults)
    assert dicts(client.dials.run.list_all(FILTERS, retries=0)) == rows_of("run")
    assert client.credentials.renewed == len(when)
    assert len(client.server.asked) == 26 + len(when)


def test_a_token_that_nobody_can_renew(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.server.begin({7: {"kind": "token_expired"}})
    with monkeypatch.context() as patched:
        patched.setattr(client.credentials, "renew", lambda rejected: False)
        with pytest.warns(RuntimeWarning, match="700 rows of run: stopped by AuthenticationError"):
            partial = client.dials.run.list_all(FILTERS, keep_failed=True)
        with pytest.raises(AuthenticationError, match="Token has expired") as caught:
            client.dials.run.list_all(FILTERS, resume_from=partial)
    assert caught.value.attempts == 1
    assert "log in again" in caught.value.advice
    assert dicts(client.dials.run.list_all(FILTERS, resume_from=partial)) == rows_of("run")


# --- a login service that is down when the token expires

LOGIN_FAILS: list[Any] = [
    httpx.Response(503, html="<h1>busy</h1>"),
    httpx.ReadError("reset"),
    httpx.Response(200, html="<title>Maintenance</title>"),
    httpx.Response(504),
]


class LoginService:
    """Gives the application the token that the fault server wants next; each but the first only after some failures."""

    def __init__(self) -> None:
        self.given = 0
        self.failed = 0
        self._one = threading.Lock()

    def answer(self, _: httpx.Request) -> httpx.Response:
        with self._one:
            if self.given and self.failed < len(LOGIN_FAILS) * self.given:
                self.failed += 1
                failure = LOGIN_FAILS[self.failed % len(LOGIN_FAILS)]
                if isinstance(failure, Exception):
                    raise failure
                return httpx.Response(failure.status_code, headers=failure.headers, content=failure.content)
            self.given += 1
            return httpx.Response(200, json={"access_token": f"token-{self.given - 1}", "expires_in": "300"})


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_listing_goes_on_while_the_login_service_is_down_for_a_while(
    concurrency: int, server: FaultServer
) -> None:
    login = LoginService()
    place = AuthClient(
        server.url, keycloak_url="http://login.test/", transport=httpx.MockTransport(login.answer)
    )
    client = Client(server, credentials=Application("app", "the-secret", place))
    server.begin({1: {"kind": "token_expired"}})
    filters = LumisectionHistogram1DFilters(dataset_id=SPLIT)
    patient = Retry(total=100, backoff_factor=0.001)
    with client.dials:
        result = client.dials.h1d.list_all(filters, retries=patient, concurrency=concurrency)
    assert result.complete
    assert dicts(result) == rows_of("th1")
    assert (login.given, login.failed) == (2, len(LOGIN_FAILS))
    assert client.waits


def test_a_login_service_that_stays_down(server: FaultServer) -> None:
    """What has come is kept, and the listing is continued when the login service is up again."""
    login = LoginService()
    place = AuthClient(
        server.url, keycloak_url="http://login.test/", transport=httpx.MockTransport(login.answer)
    )
    client = Client(server, credentials=Application("app", "the-secret", place))
    server.begin({7: {"kind": "token_expired"}})
    with client.dials:
        with pytest.warns(RuntimeWarning, match="700 rows of run: stopped by .*Error"):
            partial = client.dials.run.list_all(FILTERS, retries=1, keep_failed=True)
        result = client.dials.run.list_all(FILTERS, resume_from=partial)
    assert dicts(result) == rows_of("run")
    assert login.given == 2


# --- a server that restarts


def test_a_server_that_restarts_while_we_wait(client: Client) -> None:
    client.server.begin({5: {"kind": "down"}, 11: {"kind": "down"}})
    assert dicts(client.dials.run.list_all(FILTERS)) == rows_of("run")
    assert client.waits == [1, 1], "up again after the first wait"


def test_a_server_that_restarts_between_two_calls(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "listing.dials"
    client.server.begin({5: {"kind": "down"}})
    with pytest.raises(ConnectionFailedError):
        client.dials.run.list_all(FILTERS, retries=0, checkpoint=path)
    client.server.tell("up")
    assert len(load(path)) == 500
    assert dicts(client.dials.run.list_all(FILTERS, checkpoint=path, resume_from=path)) == rows_of("run")


def test_a_server_that_restarted_while_nobody_asked(client: Client) -> None:
    pages = client.dials.run.pages(FILTERS, retries=0)
    rows = dicts(next(pages).rows)
    client.server.tell("down")
    client.server.tell("up")
    assert rows + [row.dict() for page in pages for row in page.rows] == rows_of("run")


# --- a workspace that is wrong


def test_a_wrong_workspace(server: FaultServer, tmp_path: Path) -> None:
    path = tmp_path / "listing.dials"
    server.begin()
    wrong, right = Client(server, workspace="trakcer"), Client(server)
    with wrong.dials, pytest.raises(WorkspaceNotFoundError, match="'trakcer' not found") as caught:
        wrong.dials.run.list_all(FILTERS, checkpoint=path, resume_from=path)
    assert caught.value.attempts == 1
    assert r"dials.workspaces.list()" in caught.value.advice
    with right.dials:
        # No page of the wrong one has come: its file stands in nobody's way.
        assert dicts(right.dials.run.list_all(FILTERS, checkpoint=path, resume_from=path)) == rows_of("run")
        path.unlink()
        first = right.dials.run.list_all(FILTERS, max_pages=3, checkpoint=path)
        with wrong.dials, pytest.raises(CheckpointError, match="workspace is 'tracker' there"):
            wrong.dials.run.list_all(FILTERS, resume_from=first)
        assert dicts(right.dials.run.list_all(FILTERS, checkpoint=path, resume_from=path)) == rows_of("run")


# --- a disk that is full

Make = Callable[[], None]
Room = tuple[Path, Make, Make]  # a folder, what fills it up, what makes room in it


def small_file_system(tmp_path: Path) -> Iterator[Room]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("nobody but root may mount a small disk")
    ballast = folder / "ballast"

    def fill() -> None:
        ballast.write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - 16384))

    try:
        yield folder, fill, ballast.unlink
    finally:
        subprocess.run(["umount", folder], check=True)


def limited_files(tmp_path: Path) -> Iterator[Room]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))

    def empty() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    try:
        yield tmp_path, fill, empty
    finally:
        empty()


@pytest.fixture(params=[small_file_system, limited_files], ids=["disk", "limit"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    yield from request.param(tmp_path)


FULL = r"listing\.dials cannot be written \((No space left on device|File too large)\)"


def test_a_full_disk_is_an_error_and_the_file_is_good(client: Client, room: Room) -> None:
    folder, fill, empty = room
    path = folder / "listing.dials"
    fill()
    try:
        with pytest.raises(CheckpointError, match=FULL) as caught:
            client.dials.run.list_all(FILTERS, checkpoint=path)
    finally:
        empty()
    assert "still good" in caught.value.advice
    kept = dicts(load(path))
    assert 0 < len(kept) < len(rows_of("run"))
    assert kept == rows_of("run")[: len(kept)]
    assert dicts(client.dials.run.list_all(FILTERS, checkpoint=path, resume_from=path)) == rows_of("run")
    assert dicts(load(path)) == rows_of("run")


def test_a_full_disk_keeps_what_has_come(client: Client, room: Room) -> None:
    folder, fill, empty = room
    path = folder / "listing.dials"
    fill()
    try:
        with pytest.warns(RuntimeWarning, match="stopped by CheckpointError"):
            partial = client.dials.run.list_all(FILTERS, checkpoint=path, keep_failed=True)
    finally:
        empty()
    assert dicts(partial) == dicts(load(path)) != []
    whole = client.dials.run.list_all(FILTERS, checkpoint=path, resume_from=partial)
    assert dicts(whole) == dicts(load(path)) == rows_of("run")


def test_a_disk_that_is_full_from_the_start(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "listing.dials"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        with pytest.raises(CheckpointError, match=FULL):
            client.dials.run.list_all(FILTERS, checkpoint=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert client.server.asked == []
    assert dicts(client.dials.run.list_all(FILTERS, checkpoint=path)) == rows_of("run")


def test_a_result_that_cannot_be_saved_leaves_the_one_before(client: Client, room: Room) -> None:
    folder, fill, empty = room
    path = folder / "saved.dials"
    client.dials.run.list_all(FILTERS, max_pages=1).save(path)
    files = sorted(folder.iterdir())
    whole = client.dials.run.list_all(FILTERS)
    fill()
    try:
        with pytest.raises(CheckpointError, match=r"No space left|File too large"):
            whole.save(path)
    finally:
        empty()
    assert sorted(folder.iterdir()) == files
    assert dicts(load(path)) == rows_of("run")[:100]
