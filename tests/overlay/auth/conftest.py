"""A login service that answers from a script, a clock that stands still, and a cache folder of its own."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from cmsdials.auth import client_credentials
from cmsdials.auth.client import AuthClient
from cmsdials_sandbox import Sandbox, serve

from tests.home import home_without_logins

START = 1_750_000_000.0


class Clock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.seconds = START
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


class LoginService:
    """Answers in order (a response, an error, or what makes a response of the request), and remembers what it was asked: (path, form or JSON body, headers)."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | BaseException | Callable[[httpx.Request], httpx.Response]] = []
        self.asked: list[tuple[str, dict[str, Any], httpx.Headers]] = []
        self.hosts: set[str] = set()
        self.transport = httpx.MockTransport(self._answer)

    def will(self, *bodies: Any, status: int = 200) -> None:
        for body in bodies:
            ready = isinstance(body, httpx.Response | BaseException) or callable(body)
            self.answers.append(body if ready else httpx.Response(status, json=body))

    def will_refuse(self, *codes: str, status: int = 400) -> None:
        self.will(*({"error": code, "error_description": f"says {code}"} for code in codes), status=status)

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body, _ in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        form = request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        text = request.content.decode()
        body = dict(parse_qsl(text)) if form else (json.loads(text) if text else {})
        self.asked.append((request.url.path, body, request.headers))
        self.hosts.add(request.url.host)
        if not self.answers:
            message = f"nothing was expected: {request.method} {request.url.path} {body}"
            raise AssertionError(message)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Iterator[LoginService]:
    scripted = LoginService()
    yield scripted
    assert scripted.answers == [], "not everything was asked for"


@pytest.fixture
def keycloak(service: LoginService, clock: Clock) -> AuthClient:
    return AuthClient(transport=service.transport, clock=clock, sleep=clock.sleep)


@pytest.fixture
def through_dials(service: LoginService, clock: Clock) -> AuthClient:
    return AuthClient("http://dials.test/", transport=service.transport, clock=clock, sleep=clock.sleep)


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No login of whoever runs the tests is seen or changed, and no one can be asked."""
    made = home_without_logins(tmp_path, monkeypatch)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A folder for logins, which is not there yet."""
    return tmp_path / "cache"


@pytest.fixture
def file(cache: Path) -> Path:
    """The file of logins in it."""
    return cache / "credentials.json"


def device(**changed: Any) -> dict[str, Any]:
    return {
        "device_code": "the-device-code",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://auth.cern.ch/device",
        "verification_uri_complete": "https://auth.cern.ch/device?user_code=WDJB-MJHT",
        "expires_in": 600,
        "interval": 5,
    } | changed


def tokens(name: str = "1", **changed: Any) -> dict[str, Any]:
    return {
        "access_token": f"access-{name}",
        "expires_in": 1200,
        "refresh_expires_in": 36000,
        "refresh_token": f"refresh-{name}",
        "token_type": "Bearer",
        "session_state": "s",
        "scope": "openid",
    } | changed


def exchanged(name: str = "1", **changed: Any) -> dict[str, Any]:
    return {
        "access_token": f"exchanged-{name}",
        "expires_in": 1200,
        "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    } | changed


def entries(file: Path) -> dict[str, Any]:
    """What a file of logins holds, by what each login is for."""
    stored = json.loads(file.read_text("utf-8"))
    assert stored["version"] == 1
    logins: dict[str, Any] = stored["logins"]
    return logins


def legacy(folder: Path, clock: Clock, **changed: Any) -> Path:
    """The file that cmsdials 1.8 left in a folder, with tokens that end now."""
    folder.mkdir()
    ends = clock.now().replace(tzinfo=None).isoformat()
    stored = tokens("old") | {"expires_at": ends, "refresh_expires_at": ends} | changed
    path = folder / "creds"
    path.write_text(json.dumps(stored))
    path.chmod(0o600)
    return path


# --- the real thing: a sandbox, over HTTP


class Logins:
    """A running sandbox, and what only tests ask of it.

    Attributes:
        sandbox: The sandbox.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.url = sandbox.url
        self._before: dict[str, int] = {}
        self._before = self.counts()

    def through_dials(self, **changed: Any) -> AuthClient:
        # DIALS names no interval, and need not be waited for: the usual one would be 5 s.
        return AuthClient(base_url=self.url, **{"sleep": lambda _: None} | changed)

    def through_keycloak(self, **changed: Any) -> AuthClient:
        return AuthClient(
            base_url=self.url, keycloak_url=self.sandbox.keycloak_url, realm=self.sandbox.realm, **changed
        )

    def application(self) -> client_credentials.Credentials:
        return client_credentials.Credentials(
            self.sandbox.client_id, self.sandbox.client_secret, client=self.through_keycloak()
        )

    def control(self, name: str, **body: str) -> None:
        httpx.post(f"{self.url}sandbox/logins/{name}/", json=body, timeout=120).raise_for_status()

    def expire_access_tokens(self) -> None:
        self.control("expire-access-tokens")

    def revoke_all(self) -> None:
        self.control("revoke-all")

    def counts(self) -> dict[str, int]:
        """What was asked since this was made."""
        counts = httpx.get(f"{self.url}sandbox/logins/", timeout=120).json()
        return {name: count - self._before.get(name, 0) for name, count in counts.items()}

    def says(self, authorization: str) -> tuple[int, str | None]:
        """Status and code with which DIALS answers a header Authorization."""
        answer = httpx.get(
            f"{self.url}api/v1/run/count/", headers={"Authorization": authorization}, timeout=120
        )
        return answer.status_code, answer.json().get("code")


@pytest.fixture(scope="session")
def approving() -> Iterator[Sandbox]:
    """A sandbox where everybody says yes at once."""
    with serve(auto_approve=0, interval=0.1, client_secret="secret-of-the-sandbox-app") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def asking() -> Iterator[Sandbox]:
    """A sandbox where somebody has to say yes or no."""
    with serve(interval=0.1) as sandbox:
        yield sandbox


@pytest.fixture
def logins(approving: Sandbox) -> Logins:
    return Logins(approving)


@pytest.fixture
def undecided(asking: Sandbox) -> Logins:
    return Logins(asking)
