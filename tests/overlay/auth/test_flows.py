"""Every way to log in, against the sandbox over HTTP: in, through an expiry that nobody notices, and out."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth import bearer, device
from cmsdials.auth.client import AuthClient
from cmsdials.auth.secret_key import Credentials as SecretKey
from cmsdials.errors import (
    AuthenticationError,
    ImpossibleToRefreshTokenError,
    LoginDeniedError,
    LoginError,
    LoginExpiredError,
    PendingAuthorizationError,
)
from cmsdials.filters import RunFilters
from cmsdials_sandbox import serve

from .conftest import Logins

MakeClient = Callable[..., AuthClient]
CLIENTS: dict[str, Callable[[Logins], MakeClient]] = {
    "a": lambda logins: logins.through_dials,
    "b": lambda logins: logins.through_keycloak,
}
# What one renewal costs each flow.
RENEWAL = {
    "a": {"refresh": 1, "exchange": 0, "api_access": 0},
    "b": {"refresh": 1, "exchange": 1, "api_access": 0},
    "c": {"refresh": 0, "exchange": 0, "api_access": 1},
}


class Watched:
    """Credentials that call a function after each time that they filled in a header."""

    def __init__(self, credentials: Any, then: Callable[[int], None]) -> None:
        self.credentials = credentials
        self.filled = 0
        self._then = then

    def before_request(self, headers: dict[str, str]) -> None:
        self.credentials.before_request(headers)
        self.filled += 1
        self._then(self.filled)

    def renew(self, rejected: Mapping[str, str]) -> bool:
        return bool(self.credentials.renew(rejected))


def nothing(_: int) -> None:
    return None


@pytest.fixture
def logged_in(logins: Logins, tmp_path: Path) -> Callable[[str], Any]:
    """Logs in by a flow."""

    def log_in(flow: str) -> Any:
        if flow == "c":
            return logins.application()
        if flow == "d":
            return SecretKey(token=logins.sandbox.secret)
        client = CLIENTS[flow](logins)()
        return device.Credentials.from_authclient_token(client.device_auth_flow(), tmp_path / "cache", client)

    return log_in


def sent(credentials: Any) -> str:
    headers: dict[str, str] = {}
    credentials.before_request(headers)
    return headers["Authorization"]


def runs(logins: Logins, credentials: Any) -> list[int]:
    """All runs, seven to a page: eight requests."""
    with Dials(credentials, "tracker", logins.url) as dials:
        result = dials.run.list_all(RunFilters(page_size=7), enable_progress=False)
    assert result.complete
    return [run.run_number for run in result.results]


@pytest.fixture
def truth(logins: Logins) -> list[int]:
    with Dials(SecretKey(token=logins.sandbox.secret), base_url=logins.url) as dials:
        numbers = [run.run_number for run in dials.run.list(RunFilters(page_size=500)).results]
    assert len(numbers) == 56
    return numbers


@pytest.mark.parametrize("flow", ["a", "b", "c", "d"])
def test_logging_in_and_listing(
    flow: str, logins: Logins, logged_in: Callable[[str], Any], truth: list[int]
) -> None:
    assert runs(logins, logged_in(flow)) == truth


@pytest.mark.parametrize("flow", ["a", "b", "c"])
def test_a_token_that_is_refused_in_the_middle_of_a_listing(
    flow: str, logins: Logins, logged_in: Callable[[str], Any], truth: list[int]
) -> None:
    """It is good when it is filled in, and has ended when it arrives: at the first, a middle and the last page."""
    credentials = logged_in(flow)
    credentials.check()
    for page in (1, 4, 8):
        before = logins.counts()
        used: list[str] = []

        def expire(count: int, page: int = page, used: list[str] = used) -> None:
            if count == page:
                used.append(sent(credentials))
                logins.expire_access_tokens()

        watched = Watched(credentials, expire)
        assert runs(logins, watched) == truth
        assert watched.filled == 9
        assert logins.says(used[0]) == (403, "access_token_expired")
        assert logins.says(sent(credentials)) == (200, None)
        after = logins.counts()
        assert {name: after[name] - before[name] for name in RENEWAL[flow]} == RENEWAL[flow]


@pytest.mark.parametrize("flow", ["a", "b", "c"])
def test_a_token_is_renewed_before_it_ends(flow: str, tmp_path: Path) -> None:
    """No request is ever refused: the client's clock runs ahead, a token's life with every header."""
    with serve(auto_approve=0, interval=0.1, token_lifetime=300) as sandbox:
        logins = Logins(sandbox)
        clock = [1_900_000_000.0]
        make = CLIENTS["a" if flow == "a" else "b"](logins)
        client = make(clock=lambda: clock[0], sleep=lambda _: None)
        credentials: Any
        if flow == "c":
            credentials = device.client_credentials.Credentials(
                sandbox.client_id, sandbox.client_secret, client
            )
        else:
            credentials = device.Credentials.from_authclient_token(
                client.device_auth_flow(), tmp_path, client
            )
        credentials.check()
        begun = logins.counts()

        def later(_: int) -> None:
            clock[0] += 271

        watched = Watched(credentials, later)
        assert len(runs(logins, watched)) == 56
        counts = logins.counts()
        assert counts["access_token_expired"] == 0
        assert watched.filled == 8
        for name, count in RENEWAL[flow].items():
            assert counts[name] - begun[name] == 7 * count


def test_a_token_ends_by_itself(tmp_path: Path) -> None:
    """Its lifetime alone makes DIALS refuse it."""
    with serve(auto_approve=0, token_lifetime=0) as sandbox:
        logins = Logins(sandbox)
        token = logins.through_dials().device_auth_flow()
        assert logins.says(f"Bearer {token.access_token}") == (403, "access_token_expired")
        again = logins.through_dials().refresh(token)
        assert again.access_token != token.access_token
        assert again.refresh_token != token.refresh_token


@pytest.mark.parametrize("flow", ["a", "b"])
def test_a_login_that_is_revoked_ends_in_one_clear_error(
    flow: str, logins: Logins, logged_in: Callable[[str], Any]
) -> None:
    credentials = logged_in(flow)
    logins.revoke_all()
    for attempt in (1, 2):
        with pytest.raises(ImpossibleToRefreshTokenError) as caught:
            runs(logins, credentials)
        said = str(caught.value)
        assert "has ended: it is expired or revoked (invalid_grant: " in said
        assert f"Log in: run `cmsdials login --instance {logins.url}" in said
        assert logins.counts()["refresh"] == attempt
    # No lock is held: another thread whose token was refused gets through.
    free = threading.Thread(target=credentials.renew, args=({"Authorization": "Bearer another"},))
    free.start()
    free.join(timeout=120)
    assert not free.is_alive()


def test_an_application_whose_token_is_revoked_gets_another(
    logins: Logins, logged_in: Callable[[str], Any], truth: list[int]
) -> None:
    credentials = logged_in("c")
    assert runs(logins, credentials) == truth
    logins.revoke_all()
    assert runs(logins, credentials) == truth
    assert logins.counts()["api_access"] == 2


def test_a_secret_has_no_end_and_a_wrong_one_is_refused(
    logins: Logins, logged_in: Callable[[str], Any], truth: list[int]
) -> None:
    def expire(count: int) -> None:
        if count == 4:
            logins.expire_access_tokens()
            logins.revoke_all()

    assert runs(logins, Watched(logged_in("d"), expire)) == truth
    with pytest.raises(AuthenticationError, match=r"secret or token is wrong") as caught:
        runs(logins, SecretKey(token="another-secret"))
    assert "another-secret" not in str(caught.value)


def test_an_application_that_is_not_let_in(logins: Logins) -> None:
    wrong = device.client_credentials.Credentials(
        logins.sandbox.client_id, "not-the-secret", logins.through_keycloak()
    )
    with pytest.raises(LoginError, match=r"does not let the application 'sandbox-app' in \(invalid_client\)"):
        runs(logins, wrong)


# --- somebody has to say yes


class Deciding:
    """A clock whose first pause is the person's decision."""

    def __init__(self, logins: Logins, decision: str, client: MakeClient) -> None:
        self.logins = logins
        self.decision = decision
        self.pauses = 0
        self.client = client(sleep=self.sleep)
        self.codes: list[str] = []
        start = self.client.new_device

        def new_device() -> Any:
            begun = start()
            self.codes.append(begun.device_code)
            return begun

        self.client.new_device = new_device

    def sleep(self, _: float) -> None:
        self.pauses += 1
        if self.pauses == 2:
            self.logins.control(self.decision, device_code=self.codes[0])


@pytest.mark.parametrize("flow", ["a", "b"])
def test_a_person_approves(flow: str, undecided: Logins, capsys: pytest.CaptureFixture[str]) -> None:
    person = Deciding(undecided, "approve", CLIENTS[flow](undecided))
    token = person.client.device_auth_flow()
    assert undecided.says(f"Bearer {token.access_token}") == (200, None)
    assert token.claims["preferred_username"] == "physicist"
    said = capsys.readouterr().err
    assert f"{undecided.sandbox.keycloak_url}realms/cern/device?user_code=" in said
    assert said.endswith("Logged in.\n")


@pytest.mark.parametrize("flow", ["a", "b"])
def test_a_person_denies(flow: str, undecided: Logins, capsys: pytest.CaptureFixture[str]) -> None:
    person = Deciding(undecided, "deny", CLIENTS[flow](undecided))
    with pytest.raises(LoginDeniedError, match=r"the login was denied. Start the login again"):
        person.client.device_auth_flow()
    assert "Logged in" not in capsys.readouterr().err


@pytest.mark.parametrize("flow", ["a", "b"])
def test_nobody_decides(flow: str, undecided: Logins) -> None:
    client = CLIENTS[flow](undecided)()
    begun = client.new_device()
    with pytest.raises(PendingAuthorizationError):
        client.device_token(begun.device_code)
    with serve(interval=0.1, device_lifetime=0) as sandbox:
        client = CLIENTS[flow](Logins(sandbox))()
        begun = client.new_device()
        with pytest.raises(LoginExpiredError):
            client.device_token(begun.device_code)
        with pytest.raises(LoginExpiredError, match=r"expired before it was confirmed"):
            client.device_auth_flow()


def test_a_client_that_the_realm_does_not_know(logins: Logins) -> None:
    with pytest.raises(LoginError, match=r"starts no login .*knows the application 'no-such-app'"):
        logins.through_keycloak(client_id="no-such-app").device_auth_flow()
    with pytest.raises(LoginError, match=r"gives no token for no-such-dials \(invalid_client"):
        logins.through_keycloak(audience="no-such-dials").device_auth_flow()


def test_a_realm_that_does_not_exist(logins: Logins) -> None:
    client = AuthClient(logins.url, keycloak_url=logins.sandbox.keycloak_url, realm="nowhere")
    with pytest.raises(
        LoginError, match=r"/realms/nowhere/ starts no login .*404.*Check the address, the realm"
    ):
        client.device_auth_flow()


# --- out


def test_logging_out_ends_it_at_keycloak(logins: Logins, logged_in: Callable[[str], Any]) -> None:
    credentials = logged_in("b")
    token = credentials.check()
    assert credentials.client.revoke(token)
    with pytest.raises(ImpossibleToRefreshTokenError):
        credentials.client.refresh(token)
    assert logins.counts()["revoke"] == 1


# --- as older scripts write it


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DIALS names no interval: do not wait for the usual 5 s."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.05)))


def test_what_the_documentation_of_1_8_shows(
    logins: Logins, tmp_path: Path, truth: list[int], at_once: None
) -> None:
    from cmsdials.auth.bearer import Credentials
    from cmsdials.auth.client import AuthClient

    auth = AuthClient(base_url=logins.url)
    token = auth.device_auth_flow()
    creds = Credentials.from_authclient_token(token, tmp_path / ".cache", auth)
    assert [run.run_number for run in Dials(creds, base_url=logins.url).run.list_all().results] == truth

    creds = Credentials.from_creds_file(cache_dir=tmp_path / ".cache", client=auth)
    dials = Dials(creds, workspace="tracker", base_url=creds.client.base_url)
    assert len(dials.run.list().results) == 10


def test_the_shortest_way_of_1_8(
    logins: Logins, monkeypatch: pytest.MonkeyPatch, empty_home: Path, at_once: None
) -> None:
    """Not even a folder, a client or an address is named: production is asked, for which the sandbox answers here."""
    places = {
        "cmsdials-api.web.cern.ch": httpx.URL(logins.url),
        "auth.cern.ch": httpx.URL(logins.sandbox.keycloak_url),
    }
    send = httpx.Client.send

    def rerouted(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        place = places[request.url.host]
        request.url = request.url.copy_with(scheme=place.scheme, host=place.host, port=place.port)
        return send(client, request, **options)

    monkeypatch.setattr(httpx.Client, "send", rerouted)
    token = AuthClient().device_auth_flow()
    creds = bearer.Credentials.from_authclient_token(token)
    again = bearer.Credentials.from_creds_file()
    assert sent(creds) == sent(again)
    assert len(Dials(again).run.list().results) == 10
    assert (empty_home / ".cache" / "cmsdials" / "credentials.json").exists()


def test_what_2_4_has(logins: Logins, tmp_path: Path, truth: list[int]) -> None:
    from cmsdials.auth.client import AuthClient
    from cmsdials.auth.client_credentials import Credentials as ApplicationCredentials
    from cmsdials.auth.device import Credentials as DeviceCredentials

    auth = AuthClient(
        base_url=logins.url,
        keycloak_url=logins.sandbox.keycloak_url,
        realm="cern",
        client_id="cms-dials-dev-public-app",
        audience="cms-dials-dev-confidential-app",
    )
    person = DeviceCredentials.from_authclient_token(auth.device_auth_flow(), tmp_path, auth)
    assert runs(logins, person) == truth
    application = ApplicationCredentials(logins.sandbox.client_id, logins.sandbox.client_secret, client=auth)
    assert runs(logins, application) == truth
