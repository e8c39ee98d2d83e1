"""A Keycloak, the sandbox's imitation of one, and people who log in at either."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.auth.models import Token
from cmsdials_sandbox import serve

from tests.chromium import chromium
from tests.home import home_without_logins

from . import server
from .browser import KeycloakPages, SandboxPages
from .distribution import MissingError, unpacked
from .realm import REALM
from .services import Imitations, Keycloak, LoginService, Settings, client

RUNS = 56
"""In the sandbox's default workspace."""

LINK = re.compile(r"https?://\S+user_code=\S+")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a Keycloak, or is compared with one."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.keycloak)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return unpacked(tmp_path_factory.mktemp("keycloak"))
    except MissingError as missing:
        pytest.skip(f"no Keycloak: {missing}")


@pytest.fixture(scope="session")
def keycloak(distribution: Path, browser: Any) -> Iterator[Keycloak]:
    with server.keycloak(distribution) as url, serve(realm_url=f"{url}realms/{REALM}/") as dials:
        service = Keycloak(url, dials, KeycloakPages(browser))
        try:
            service.administrator.allow_exchange()
            yield service
        finally:
            service.administrator.close()


@pytest.fixture(scope="session")
def imitations(browser: Any) -> Iterator[Imitations]:
    sandboxes = Imitations(SandboxPages(browser))
    yield sandboxes
    sandboxes.close()


@pytest.fixture(params=["keycloak", "sandbox"], scope="module")
def either(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Place = Callable[[Settings], LoginService]


@pytest.fixture
def place(either: str, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A login service with settings of its own, for this test."""
    if either == "sandbox":
        yield request.getfixturevalue("imitations").set_to
        return
    real: Keycloak = request.getfixturevalue("keycloak")
    with ExitStack() as changed:
        yield lambda settings: changed.enter_context(real.set_to(settings))


@pytest.fixture
def service(place: Place) -> LoginService:
    """A login service as it usually is."""
    return place(Settings())


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No login of whoever runs the tests is seen or changed, and no one can be asked."""
    return home_without_logins(tmp_path, monkeypatch)


class Clock:
    """The time, and how far this machine is off, in seconds."""

    def __init__(self, off: float = 0.0) -> None:
        self.off = off

    def __call__(self) -> float:
        return time.time() + self.off


class Pauses:
    """What a login waits in: nothing really passes, and in one of the pauses the person decides.

    Args:
        shown: What the login has shown since it was asked last.
        decide: Decides at the link that was shown.
        longer_than: The person decides in the first pause of more seconds than these.
        then: Seconds that really pass after the decision.
    """

    def __init__(
        self,
        shown: Callable[[], str],
        decide: Callable[[str], None],
        longer_than: float = 0.0,
        then: float = 0.0,
    ) -> None:
        self.waited: list[float] = []
        self._shown = shown
        self._text = ""
        self._decide = decide
        self._longer_than = longer_than
        self._then = then
        self._is_decided = False

    def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._text += self._shown()
        if seconds > self._longer_than and not self._is_decided:
            self._is_decided = True
            found = LINK.search(self._text)
            assert found, self._text
            self._decide(found[0])
            time.sleep(self._then)


class LogIn:
    """Logs the person in, with the real page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def token(self, auth: AuthClient, service: LoginService) -> Token:
        """In two steps, as a program does that shows the link in its own way."""
        device = auth.new_device()
        service.pages.approve(device.verification_uri_complete)
        return auth.device_token(device.device_code)

    def __call__(
        self, service: LoginService, folder: Path | None = None, **changed: Any
    ) -> tuple[Credentials, Dials]:
        """Return what is logged in, kept in a folder, and a DIALS that it asks."""
        auth = client(service, **changed)
        token = self.token(auth, service)
        credentials = Credentials.from_authclient_token(token, folder or self._folder, auth)
        return credentials, Dials(credentials, workspace="tracker", base_url=service.url)


@pytest.fixture
def log_in(tmp_path: Path) -> LogIn:
    return LogIn(tmp_path / "logins")
