"""Two login services under one face: a real Keycloak, and the sandbox's imitation of it.

Each has a DIALS that takes its tokens, a person who decides on a page, and an administrator. What a test asks of one it asks
of the other in the same words.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
from cmsdials.auth.client import AuthClient
from cmsdials_sandbox import Sandbox, serve

from . import realm, server
from .administrator import Administrator
from .browser import KeycloakPages, SandboxPages
from .distribution import unpacked


@dataclass(frozen=True)
class Settings:
    """What may differ from realm to realm. Times in seconds."""

    rotates: bool = True
    interval: int = 5
    device_lifetime: int = 600
    token_lifetime: int = 1200
    refresh_lifetime: int = 36000


@dataclass(frozen=True)
class Counts:
    """Refreshes and exchanges that succeeded, since the service began."""

    refreshes: int
    exchanges: int


class LoginService(Protocol):
    """A login service, and what only tests ask of it.

    Attributes:
        name: keycloak or sandbox.
        url: Address of the DIALS that takes its tokens.
        keycloak_url: Its own address.
        pages: The person at its pages.
    """

    name: str
    url: str
    keycloak_url: str
    pages: KeycloakPages | SandboxPages

    def counts(self) -> Counts: ...

    def end_sessions(self) -> None:
        """End all logins of the person."""

    def rotate_keys(self) -> None:
        """Sign with a new key from now on; the old one stays published."""

    def remove_old_keys(self) -> None:
        """Publish the newest key alone."""

    def disabled(self) -> AbstractContextManager[None]:
        """Disable the person's account for a while."""

    def without_exchange(self) -> AbstractContextManager[str]:
        """The same realm, at the address given, of a server started without the exchange of tokens."""

    def having_to_act(self) -> AbstractContextManager[None]:
        """Let the account have to do something before the next login."""


def client(service: LoginService, **changed: Any) -> AuthClient:
    """Return a client that logs in at a service."""
    return AuthClient(service.url, **{"keycloak_url": service.keycloak_url, "realm": realm.REALM} | changed)


DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def ask(
    service: LoginService, grant: str, path: str = "protocol/openid-connect/token", **fields: str
) -> httpx.Response:
    """Ask a login service without the client, which shows less of an answer."""
    form = {"client_id": realm.PUBLIC, "grant_type": grant} | fields
    return httpx.post(f"{service.keycloak_url}realms/{realm.REALM}/{path}", data=form, timeout=300)


def refused(service: LoginService, grant: str, **fields: str) -> tuple[int, str]:
    """Return status and code of what a login service refuses."""
    answer = ask(service, grant, **fields)
    assert answer.json()["error_description"]
    return answer.status_code, answer.json()["error"]


class Keycloak:
    """The real one, with the sandbox's DIALS beside it."""

    name = "keycloak"

    def __init__(self, keycloak_url: str, dials: Sandbox, pages: KeycloakPages) -> None:
        self.url = dials.url
        self.keycloak_url = keycloak_url
        self.pages = pages
        self.administrator = Administrator(keycloak_url)

    def counts(self) -> Counts:
        seen = [
            event["type"]
            for event in self.administrator.ask("GET", "events", max=1000)
            if "error" not in event
        ]
        return Counts(seen.count("REFRESH_TOKEN"), seen.count("TOKEN_EXCHANGE"))

    def end_sessions(self) -> None:
        self.administrator.end_sessions()

    def rotate_keys(self) -> None:
        self.administrator.rotate_keys()

    def remove_old_keys(self) -> None:
        self.administrator.remove_old_keys()

    def disabled(self) -> AbstractContextManager[None]:
        return self.administrator.person(enabled=False)

    def having_to_act(self) -> AbstractContextManager[None]:
        return self.administrator.person(requiredActions=["UPDATE_PASSWORD"])

    @contextmanager
    def without_exchange(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder, server.keycloak(unpacked(Path(folder)), ()) as url:
            yield url

    @contextmanager
    def set_to(self, settings: Settings) -> Iterator["Keycloak"]:
        """Change the realm for a while."""
        wanted = {
            "revokeRefreshToken": settings.rotates,
            "oauth2DevicePollingInterval": settings.interval,
            "oauth2DeviceCodeLifespan": settings.device_lifetime,
            "accessTokenLifespan": settings.token_lifetime,
            "ssoSessionMaxLifespan": settings.refresh_lifetime,
        }
        changed = {name: value for name, value in wanted.items() if value != realm.SETTINGS[name]}
        with self.administrator.settings(changed):
            yield self


class Imitation:
    """The sandbox, with its own logins."""

    name = "sandbox"

    def __init__(self, sandbox: Sandbox, pages: SandboxPages) -> None:
        self.url = sandbox.url
        self.keycloak_url = sandbox.keycloak_url
        self.pages = pages

    def counts(self) -> Counts:
        counted = httpx.get(f"{self.url}sandbox/logins/", timeout=300).raise_for_status().json()
        return Counts(counted["refresh"], counted["exchange"])

    def end_sessions(self) -> None:
        self._control("end-sessions")

    def rotate_keys(self) -> None:
        self._control("rotate-keys")

    def remove_old_keys(self) -> None:
        self._control("rotate-keys", remove_old=True)

    @contextmanager
    def disabled(self) -> Iterator[None]:
        self._control("account", enabled=False)
        try:
            yield
        finally:
            self._control("account", enabled=True)

    @contextmanager
    def having_to_act(self) -> Iterator[None]:
        self._control("account", must_act=True)
        try:
            yield
        finally:
            self._control("account", must_act=False)

    @contextmanager
    def without_exchange(self) -> Iterator[str]:
        self._control("features", exchange=False)
        try:
            yield self.keycloak_url
        finally:
            self._control("features", exchange=True)

    def _control(self, lever: str, **body: bool) -> None:
        httpx.post(f"{self.url}sandbox/logins/{lever}/", json=body, timeout=300).raise_for_status()


class Imitations:
    """Sandboxes by their settings, each started when it is first wanted."""

    def __init__(self, pages: SandboxPages) -> None:
        self._pages = pages
        self._started: dict[Settings, Imitation] = {}
        self._running = ExitStack()

    def close(self) -> None:
        self._running.close()

    def set_to(self, settings: Settings) -> Imitation:
        if settings not in self._started:
            options = asdict(settings)
            reuse = not options.pop("rotates")
            sandbox = self._running.enter_context(serve(reuse_refresh_tokens=reuse, **options))
            self._started[settings] = Imitation(sandbox, self._pages)
        return self._started[settings]
