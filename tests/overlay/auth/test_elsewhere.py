"""Nothing that a service says sends a token or a secret elsewhere: a second listener records what it gets, which is nothing."""

import json
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth import client_credentials, device, models, secret_key
from cmsdials.auth.client import AuthClient
from cmsdials.errors import DialsError, RedirectError
from cmsdials.filters import RunFilters

from .conftest import Clock, exchanged, tokens
from .conftest import device as device_answer

Answer = tuple[int, dict[str, str], Any]
KEYCLOAK = "/auth/realms/cern/protocol/openid-connect"
RUN = {"dataset_id": 1, "dataset": "/Z/R/D", "run_number": 1, "ls_count": 9}


class Listener(ThreadingHTTPServer):
    """Answers by path, or with a page of its own, and records what it gets.

    Attributes:
        got: (method, path, headers, body) of each request.
        answers: What to answer, by path without its query; each list from the front, its last for ever.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, dict[str, str], str]] = []
        self.answers: dict[str, list[Answer]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def will(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        self.answers.setdefault(path, []).append((status, headers, body))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.got.append((self.command, self.path, dict(self.headers), body))
        waiting = self.server.answers.get(self.path.split("?")[0], [(404, {}, {"detail": "nothing"})])
        status, headers, content = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        sent = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(sent))} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Listener, Listener]]:
    with listening() as dials, listening() as trap:
        yield dials, trap


@pytest.fixture
def dials(both: tuple[Listener, Listener]) -> Listener:
    """What the client is told to ask."""
    both[0].answers.clear()
    both[0].got.clear()
    return both[0]


@pytest.fixture
def trap(both: tuple[Listener, Listener]) -> Iterator[Listener]:
    """What it must never ask, though it would answer anything."""
    both[1].got.clear()
    yield both[1]
    assert both[1].got == []


def person(client: AuthClient, cache: Path) -> device.Credentials:
    token = models.token(tokens(), client.now())
    return device.Credentials.from_authclient_token(token, cache, client)


class Steps:
    """Every request that carries something secret, or could."""

    def __init__(self, base_url: str, cache: Path) -> None:
        clock = Clock()
        self.through_dials = AuthClient(base_url, clock=clock, sleep=clock.sleep, timeout=120)
        self.keycloak = AuthClient(
            base_url, keycloak_url=f"{base_url}auth/", clock=clock, sleep=clock.sleep, timeout=120
        )
        self.person = person(self.through_dials, cache)
        self.tokens = models.token(tokens(), self.through_dials.now())
        self.base_url = base_url

    def as_person(self) -> None:
        Dials(self.person, "tracker", self.base_url).run.list_all(enable_progress=False, retries=0)

    def as_application(self) -> None:
        Dials(secret_key.Credentials("the-key"), "tracker", self.base_url).run.list(retries=0)

    def ask_for_the_workspace(self) -> None:
        Dials(self.person, base_url=self.base_url).workspaces.default(retries=0)

    def post(self) -> None:
        Dials(self.person, "tracker", self.base_url).ml_bad_lumis.cert_json([1], [2], [3], retries=0)

    def begin_through_dials(self) -> None:
        self.through_dials.device_auth_flow()

    def begin(self) -> None:
        self.keycloak.device_auth_flow()

    def ask_through_dials(self) -> None:
        self.through_dials.device_token("the-device-code")

    def ask(self) -> None:
        self.keycloak.device_token("the-device-code")

    def refresh_through_dials(self) -> None:
        self.through_dials.refresh(self.tokens)

    def refresh(self) -> None:
        self.keycloak.refresh(self.tokens)

    def exchange(self) -> None:
        self.keycloak.device_token("the-device-code")

    def revoke(self) -> None:
        self.keycloak.revoke(self.tokens)

    def log_an_application_in(self) -> None:
        client_credentials.Credentials("app", "the-secret", self.keycloak).check()


ENDPOINTS: list[tuple[Callable[[Steps], None], str, str]] = [
    (Steps.as_person, "/api/v1/run/", "access-1"),
    (Steps.as_application, "/api/v1/run/", "the-key"),
    (Steps.ask_for_the_workspace, "/api/v1/workspaces/my-default/", "access-1"),
    (Steps.post, "/api/v1/ml-bad-lumisection/cert-json/", "access-1"),
    (Steps.begin_through_dials, "/api/v1/auth/new-device/", ""),
    (Steps.begin, f"{KEYCLOAK}/auth/device", "cms-dials-prod-public-app"),
    (Steps.ask_through_dials, "/api/v1/auth/device-token/", "the-device-code"),
    (Steps.ask, f"{KEYCLOAK}/token", "the-device-code"),
    (Steps.refresh_through_dials, "/api/v1/auth/refresh-token/", "refresh-1"),
    (Steps.refresh, f"{KEYCLOAK}/token", "refresh-1"),
    (Steps.exchange, f"{KEYCLOAK}/token", "the-public-token"),
    (Steps.revoke, f"{KEYCLOAK}/revoke", "refresh-1"),
    (Steps.log_an_application_in, "/auth/realms/cern/api-access/token", "the-secret"),
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("step", "path", "carried"), ENDPOINTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_redirect_is_not_followed(
    status: int,
    step: Callable[[Steps], None],
    path: str,
    carried: str,
    dials: Listener,
    trap: Listener,
    tmp_path: Path,
) -> None:
    elsewhere = trap.url.rstrip("/")
    for location in (f"{elsewhere}{path}", f"{elsewhere.removeprefix('http:')}{path}?state=1"):
        dials.got.clear()
        dials.answers.clear()
        if step is Steps.exchange:
            dials.will(path, tokens(access_token="the-public-token"))
        dials.will(path, {}, status, Location=location)
        with pytest.raises(RedirectError, match=r"redirects to .*credentials would go along") as caught:
            step(Steps(dials.url, tmp_path))
        assert len(dials.got) == (2 if step is Steps.exchange else 1)
        _, _, headers, body = dials.got[-1]
        assert carried in f"{headers} {body}"
        assert not carried or carried not in str(caught.value)


@pytest.mark.parametrize("status", [301, 308])
def test_a_missing_slash_on_the_same_host_is(
    status: int, dials: Listener, trap: Listener, tmp_path: Path
) -> None:
    dials.will("/api/v1/run/", {}, status, Location="/api/v1/runs/")
    dials.will("/api/v1/runs/", {"next": None, "previous": None, "results": [RUN]})
    Steps(dials.url, tmp_path).as_person()
    assert [path.split("?")[0] for _, path, _, _ in dials.got] == ["/api/v1/run/", "/api/v1/runs/"]


@pytest.mark.parametrize("link", ["{trap}api/v1/run/?next_token=c1", "//{host}/api/v1/run/?next_token=c1"])
def test_a_link_to_the_next_page_is_only_a_cursor(
    link: str, dials: Listener, trap: Listener, tmp_path: Path
) -> None:
    next_page = link.format(trap=trap.url, host=trap.url.split("/")[2])
    dials.will("/api/v1/run/", {"next": next_page, "previous": None, "results": [RUN]})
    dials.will("/api/v1/run/", {"next": None, "previous": None, "results": [RUN | {"run_number": 2}]})
    steps = Steps(dials.url, tmp_path)
    result = Dials(steps.person, "tracker", dials.url).run.list_all(
        RunFilters(page_size=1), enable_progress=False
    )
    assert len(result.results) == 2
    assert "next_token=c1" in dials.got[1][1]
    assert dials.got[1][2]["Authorization"] == "Bearer access-1"


def test_the_page_on_which_a_person_confirms_gets_nothing_from_us(
    dials: Listener, trap: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever host the link names: only a browser goes there, with the code that is meant for people."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    shown = device_answer(
        verification_uri=f"{trap.url}device",
        verification_uri_complete=f"{trap.url}device?user_code=WDJB-MJHT",
    )
    dials.will("/api/v1/auth/new-device/", shown)
    dials.will("/api/v1/auth/device-token/", {"code": "authorization_pending"}, 400)
    dials.will("/api/v1/auth/device-token/", tokens())
    dials.will(f"{KEYCLOAK}/auth/device", shown)
    dials.will(f"{KEYCLOAK}/token", {"error": "slow_down"}, 400)
    dials.will(f"{KEYCLOAK}/token", tokens())
    dials.will(f"{KEYCLOAK}/token", exchanged())
    steps = Steps(dials.url, tmp_path)
    assert steps.through_dials.device_auth_flow(open_browser=True).access_token == "access-1"
    assert steps.keycloak.device_auth_flow(open_browser=True).access_token == "exchanged-1"
    assert opened == [f"{trap.url}device?user_code=WDJB-MJHT"] * 2


def test_other_addresses_in_the_answers_are_not_asked(
    dials: Listener, trap: Listener, tmp_path: Path
) -> None:
    """Answers may name endpoints and headers may refresh, set cookies or offer other services: none is heeded."""
    named = dict.fromkeys(("token_endpoint", "issuer", "refresh_uri", "issued_for", "location"), trap.url)
    headers = {
        "Location": trap.url,
        "Content-Location": trap.url,
        "Refresh": f"0; url={trap.url}",
        "Alt-Svc": f'h2="{trap.url.split("/")[2]}"',
        "Link": f"<{trap.url}>; rel=next",
        "Set-Cookie": "session=1; Domain=127.0.0.1; Path=/",
    }
    for path in (f"{KEYCLOAK}/token", "/api/v1/run/"):
        dials.will(path, tokens() | named | {"next": None, "previous": None, "results": [RUN]}, **headers)
    steps = Steps(dials.url, tmp_path)
    steps.refresh()
    steps.refresh()
    steps.as_person()
    steps.as_person()
    assert all("Cookie" not in headers for _, _, headers, _ in dials.got)


def test_an_application_from_elsewhere_is_not_sent_to_a_local_dials(
    dials: Listener, trap: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in the environment, or kept for production, is none of a DIALS whose Keycloak nobody has named."""
    kept = client_credentials.Credentials("production-app", "the-secret", AuthClient())
    kept.keep_in(tmp_path)
    local = AuthClient(dials.url)
    assert device.Credentials.stored(tmp_path, local) is None
    assert isinstance(device.Credentials.stored(tmp_path, AuthClient()), client_credentials.Credentials)
    monkeypatch.setenv("CMSDIALS_CLIENT_ID", "production-app")
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", "the-secret")
    with pytest.raises(
        DialsError, match=r"The application in CMSDIALS_CLIENT_ID is not used: .*keycloak_url"
    ):
        device.Credentials.from_creds_file(client=local)
    assert dials.got == []
