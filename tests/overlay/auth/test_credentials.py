"""Credentials: renewed in time, once, and only while the login lasts."""

import inspect
import json
import pickle
import pickletools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth import bearer, client_credentials, device, models, secret_key
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.auth.models import Token
from cmsdials.errors import (
    AuthenticationError,
    ConnectionFailedError,
    CredentialsError,
    ImpossibleToRefreshTokenError,
    LoginError,
    NotLoggedInError,
)
from filelock import FileLock

from .conftest import Clock, LoginService, entries, exchanged, legacy, tokens
from .conftest import device as device_answer


@pytest.fixture
def creds(through_dials: AuthClient, clock: Clock, cache: Path) -> Credentials:
    token = models.token(tokens(), clock.now())
    return Credentials.from_authclient_token(token, cache, through_dials)


def sent(credentials: Any) -> str:
    headers: dict[str, str] = {"Kept": "yes"}
    credentials.before_request(headers)
    assert headers.pop("Kept") == "yes"
    assert len(headers) == 1
    return next(iter(headers.values()))


def keep(name: str, creds: Credentials, cache: Path, **changed: Any) -> None:
    """What another process does that has renewed the same login: it stores newer tokens."""
    token = models.token(tokens(name, **changed), creds.client.now())
    Credentials.from_authclient_token(token, cache, creds.client)


Ask = Callable[[Any], Callable[[], Any]]


@pytest.fixture
def asking_runs(new_session: Callable[..., Any], service: LoginService, clock: Clock) -> Ask:
    """Asks for runs with some credentials."""

    def make(credentials: Any) -> Callable[[], Any]:
        session = new_session(
            "http://dials.test/", credentials, transport=service.transport, sleep=clock.sleep
        )
        return lambda: session.perform({"method": "GET", "url": "/api/v1/run/"}, json.loads)

    return make


# --- in time


def test_a_token_is_sent_as_long_as_it_lasts(creds: Credentials, clock: Clock) -> None:
    assert sent(creds) == "Bearer access-1"
    clock.seconds += 1200 - 61
    assert sent(creds) == "Bearer access-1"


@pytest.mark.parametrize("late", [-60, -1, 0, 5000])
def test_a_token_is_renewed_before_it_ends(
    creds: Credentials, clock: Clock, service: LoginService, cache: Path, late: int
) -> None:
    clock.seconds += 1200 + late
    service.will(tokens("2"))
    assert sent(creds) == "Bearer access-2"
    assert sent(creds) == "Bearer access-2"
    assert (creds.token, creds.refresh_token) == ("access-2", "refresh-2")
    again = Credentials.from_creds_file(cache, creds.client)
    assert sent(again) == "Bearer access-2"


def test_the_margin_of_a_short_token_is_short(
    service: LoginService, through_dials: AuthClient, clock: Clock, cache: Path
) -> None:
    token = models.token(tokens(expires_in=10), clock.now())
    creds = Credentials.from_authclient_token(token, cache, through_dials)
    clock.seconds += 8
    assert sent(creds) == "Bearer access-1"
    clock.seconds += 1.5
    service.will(tokens("2", expires_in=10))
    assert sent(creds) == "Bearer access-2"


# --- when refused


def test_a_refused_token_is_renewed_once(creds: Credentials, service: LoginService) -> None:
    service.will(tokens("2"))
    assert creds.renew({"Authorization": "Bearer access-1"})
    assert creds.renew({"Authorization": "Bearer access-1"})
    assert sent(creds) == "Bearer access-2"
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("code", ["access_token_expired", "token_not_valid"])
def test_a_refusal_in_the_middle_renews_once_and_goes_on(
    status: int, code: str, creds: Credentials, service: LoginService, clock: Clock, asking_runs: Ask
) -> None:
    ask = asking_runs(creds)
    service.will({"page": 1})
    service.will({"detail": "no", "code": code}, status=status)
    service.will(tokens("2"), {"page": 2}, {"page": 3})
    assert [ask(), ask(), ask()] == [{"page": 1}, {"page": 2}, {"page": 3}]
    sent = [headers["Authorization"] for path, _, headers in service.asked if path == "/api/v1/run/"]
    assert sent == [f"Bearer access-{number}" for number in (1, 1, 2, 2)]
    assert clock.waits == []


def test_a_refusal_that_stays_is_an_error_after_one_refresh(
    creds: Credentials, service: LoginService, asking_runs: Ask
) -> None:
    refused = httpx.Response(403, json={"detail": "no", "code": "access_token_expired"})
    service.will(refused, tokens("2"), refused)
    with pytest.raises(AuthenticationError):
        asking_runs(creds)()


def test_no_token_ends_on_its_way(creds: Credentials, service: LoginService, clock: Clock) -> None:
    """What is sent is good for longer than an answer is waited for: for twice the default timeout."""
    usual = inspect.signature(Dials).parameters["timeout"].default
    clock.seconds += 1200 - 2 * usual
    service.will(tokens("2"))
    assert sent(creds) == "Bearer access-2"


def test_a_revoked_login_ends_in_one_clear_error_and_no_lock(
    creds: Credentials, service: LoginService, clock: Clock
) -> None:
    clock.seconds += 2000
    for _ in range(2):
        service.will({"detail": "revoked", "code": "invalid_grant"}, status=400)
        with pytest.raises(
            ImpossibleToRefreshTokenError, match=r"cmsdials login --instance http://dials.test/"
        ):
            sent(creds)
    service.will(tokens("3"))
    assert sent(creds) == "Bearer access-3"


def test_a_revoked_login_is_asked_for_again_where_somebody_is(
    creds: Credentials, service: LoginService, clock: Clock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")
    clock.seconds += 2000
    service.will({"detail": "revoked", "code": "invalid_grant"}, status=400)
    service.will(device_answer(), tokens("new"))
    assert sent(creds) == "Bearer access-new"
    assert sent(Credentials.from_creds_file(cache, creds.client)) == "Bearer access-new"


def test_a_service_that_is_down_keeps_the_login(
    creds: Credentials, service: LoginService, clock: Clock
) -> None:
    clock.seconds += 2000
    service.will(*[httpx.ConnectError("no route")] * 6)
    with pytest.raises(ConnectionFailedError):
        sent(creds)
    service.will(tokens("2"))
    assert sent(creds) == "Bearer access-2"


def test_a_rotated_refresh_token_survives_a_failing_exchange(
    keycloak: AuthClient, service: LoginService, clock: Clock, cache: Path
) -> None:
    creds = Credentials.from_authclient_token(models.token(tokens(), clock.now()), cache, keycloak)
    clock.seconds += 2000
    service.will(tokens("2"))
    service.will({"error": "access_denied"}, status=403)
    with pytest.raises(LoginError, match=r"gives no token"):
        sent(creds)
    (kept,) = entries(cache / "credentials.json").values()
    assert kept["refresh_token"] == "refresh-2"
    service.will(tokens("3"), exchanged("3"))
    assert sent(creds) == "Bearer exchanged-3"
    assert service.bodies[2]["refresh_token"] == "refresh-2"


# --- once


def test_sixteen_threads_make_one_refresh(creds: Credentials, service: LoginService, clock: Clock) -> None:
    clock.seconds += 2000
    service.will(tokens("2"))
    start = threading.Barrier(16)
    seen: list[str] = []

    def ask() -> None:
        start.wait()
        seen.append(sent(creds))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["Bearer access-2"] * 16
    assert len(service.asked) == 1


def test_a_token_that_another_process_renewed_is_taken_over(
    creds: Credentials, service: LoginService, clock: Clock, cache: Path
) -> None:
    clock.seconds += 2000
    keep("theirs", creds, cache)
    assert sent(creds) == "Bearer access-theirs"
    assert service.asked == []


def test_the_newest_refresh_token_is_used(
    creds: Credentials, service: LoginService, clock: Clock, cache: Path
) -> None:
    keep("theirs", creds, cache)
    clock.seconds += 2000
    service.will(tokens("3"))
    sent(creds)
    assert service.bodies == [{"refresh_token": "refresh-theirs"}]


def test_a_newer_token_that_ends_earlier_is_newer(
    creds: Credentials, service: LoginService, clock: Clock, cache: Path
) -> None:
    """The service may have shortened the lives of its tokens since."""
    clock.seconds += 10
    keep("theirs", creds, cache, expires_in=300)
    assert creds.renew({"Authorization": "Bearer access-1"})
    assert sent(creds) == "Bearer access-theirs"
    assert service.asked == []


def test_a_store_that_cannot_be_locked_does_not_stop_a_job(
    keycloak: AuthClient, service: LoginService, clock: Clock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does an exchange that fails then cost the refresh token that the service has rotated."""
    creds = Credentials.from_authclient_token(models.token(tokens(), clock.now()), cache, keycloak)
    clock.seconds += 2000

    def lockless(*_: Any, **__: Any) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(FileLock, "acquire", lockless)
    service.will(tokens("2"))
    service.will({"error": "access_denied"}, status=403)
    with (
        pytest.warns(RuntimeWarning, match=r" cannot be locked .*: the login is kept without a lock"),
        pytest.raises(LoginError, match=r"gives no token"),
    ):
        sent(creds)
    service.will(tokens("3"), exchanged("3"))
    assert sent(creds) == "Bearer exchanged-3"
    assert service.bodies[2]["refresh_token"] == "refresh-2"


def test_a_store_that_cannot_be_written_does_not_stop_a_job(
    creds: Credentials, service: LoginService, clock: Clock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", read_only)
    clock.seconds += 2000
    service.will(tokens("2"))
    with pytest.warns(RuntimeWarning, match=r"for this process alone.*Read-only file system"):
        assert sent(creds) == "Bearer access-2"
    clock.seconds += 2000
    service.will(tokens("3"))
    assert sent(creds) == "Bearer access-3"
    assert service.bodies[1] == {"refresh_token": "refresh-2"}


# --- where they come from


def test_both_paths_name_the_same_credentials() -> None:
    assert bearer.Credentials is device.Credentials


def test_the_arguments_of_1_8(clock: Clock, through_dials: AuthClient, cache: Path) -> None:
    now = clock.now().astimezone().replace(tzinfo=None)
    from datetime import timedelta

    creds = bearer.Credentials(
        token="a",
        expires_at=now + timedelta(seconds=1200),
        expires_in=1200,
        refresh_expires_at=now + timedelta(seconds=36000),
        refresh_expires_in=36000,
        refresh_token="r",
        token_type="Bearer",
        cache_dir=str(cache),
        client=through_dials,
    )
    assert sent(creds) == "Bearer a"
    assert creds.client.base_url == "http://dials.test/"
    assert creds.expires_at.timestamp() == clock.seconds + 1200
    assert not cache.exists()


def test_no_login_and_nobody_to_ask(through_dials: AuthClient, cache: Path) -> None:
    with pytest.raises(
        NotLoggedInError, match=r"no login for http://dials.test/ in .*credentials.json.*CMSDIALS_TOKEN_FILE"
    ):
        Credentials.from_creds_file(cache, through_dials)


def test_no_login_and_somebody_to_ask(
    through_dials: AuthClient, service: LoginService, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")
    service.will(device_answer(), tokens())
    assert sent(Credentials.from_creds_file(cache, through_dials)) == "Bearer access-1"
    assert sent(Credentials.from_creds_file(cache, through_dials)) == "Bearer access-1"
    assert len(service.asked) == 2


def test_logins_of_other_instances_are_not_taken(
    creds: Credentials, cache: Path, keycloak: AuthClient
) -> None:
    with pytest.raises(NotLoggedInError):
        Credentials.from_creds_file(cache, keycloak)


def test_a_copied_file_serves_a_job(
    creds: Credentials, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "job" / "login.json"
    copied.parent.mkdir()
    copied.write_bytes((cache / "credentials.json").read_bytes())
    copied.chmod(0o600)
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", str(copied))
    assert sent(Credentials.from_creds_file(client=creds.client)) == "Bearer access-1"


def test_a_file_of_1_8_is_a_login_through_dials_and_stays_as_it_is(
    service: LoginService, clock: Clock, empty_home: Path
) -> None:
    client = AuthClient(transport=service.transport, clock=clock, sleep=clock.sleep)
    clock.seconds -= 3600
    end = clock.now()
    clock.seconds += 3600
    path = legacy(empty_home / ".cache", clock, expires_at=end.isoformat(), refresh_expires_in=0)
    before = path.read_bytes()
    creds = Credentials.from_creds_file(client=client)
    assert creds.client.issuer == "https://cmsdials-api.web.cern.ch/"
    assert path.read_bytes() == before
    assert not (empty_home / ".cache" / "cmsdials").exists()


@pytest.mark.parametrize("there", ["0", "1"])
def test_a_file_of_1_8_that_dials_refreshes_no_more(
    there: str,
    service: LoginService,
    clock: Clock,
    empty_home: Path,
    keycloak: AuthClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One clear error, also where somebody is there: what they would confirm could not be kept."""
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", there)
    legacy(empty_home / ".cache", clock, refresh_expires_in=0)
    creds = Credentials.from_creds_file(client=keycloak)
    service.will(httpx.Response(404, html="<h1>Not Found</h1>"))
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"cmsdials login --instance prod`"):
        sent(creds)
    assert service.paths == ["/api/v1/auth/refresh-token/"]


def test_a_file_of_1_8_that_is_over_is_no_login(clock: Clock, empty_home: Path, keycloak: AuthClient) -> None:
    legacy(empty_home / ".cache", clock)
    clock.seconds += 1
    with pytest.raises(NotLoggedInError):
        Credentials.from_creds_file(client=keycloak)


# --- applications


def test_an_application_gets_a_token_when_it_is_needed(
    keycloak: AuthClient, service: LoginService, clock: Clock
) -> None:
    creds = client_credentials.Credentials("app", "app-secret", client=keycloak)
    assert service.asked == []
    service.will({"access_token": "t1", "expires_in": 300}, {"access_token": "t2", "expires_in": 300})
    assert sent(creds) == sent(creds) == "Bearer t1"
    clock.seconds += 271
    assert sent(creds) == "Bearer t2"
    assert "app-secret" not in repr(creds)


def test_a_refused_application_token_is_replaced(keycloak: AuthClient, service: LoginService) -> None:
    creds = client_credentials.Credentials("app", "app-secret", client=keycloak)
    service.will({"access_token": "t1", "expires_in": 300}, {"access_token": "t2", "expires_in": 300})
    assert sent(creds) == "Bearer t1"
    assert creds.renew({"Authorization": "Bearer t1"})
    assert sent(creds) == "Bearer t2"


@pytest.mark.parametrize(("client_id", "secret"), [("", "s"), ("a", ""), ("a", "b\nc"), (None, "s")])
def test_an_application_needs_both(client_id: Any, secret: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        client_credentials.Credentials(client_id, secret)
    assert isinstance(caught.value, ValueError)


def test_the_environment_names_an_application(
    keycloak: AuthClient, service: LoginService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_CLIENT_ID", "app")
    with pytest.raises(CredentialsError, match=r"CMSDIALS_CLIENT_SECRET is not set"):
        Credentials.from_creds_file(client=keycloak)
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", "app-secret")
    service.will({"access_token": "t1", "expires_in": 300})
    assert sent(Credentials.from_creds_file(client=keycloak)) == "Bearer t1"
    assert service.bodies[0]["client_secret"] == "app-secret"


def test_an_application_that_was_logged_in_is_found(
    keycloak: AuthClient, service: LoginService, cache: Path
) -> None:
    client_credentials.Credentials("app", "app-secret", keycloak).keep_in(cache)
    service.will({"access_token": "t1", "expires_in": 300})
    assert sent(Credentials.from_creds_file(cache, keycloak)) == "Bearer t1"


def test_a_secret_with_a_client_id_logs_in_at_keycloak(keycloak: AuthClient, service: LoginService) -> None:
    creds = secret_key.Credentials(token="app-secret", client_id="app", client=keycloak)
    service.will({"access_token": "t1", "expires_in": 300}, {"access_token": "t2", "expires_in": 300})
    assert sent(creds) == "Bearer t1"
    assert creds.renew({"Authorization": "Bearer t1"})
    assert sent(creds) == "Bearer t2"
    assert "app-secret" not in repr(creds)


# --- what they are


def test_credentials_cross_processes(clock: Clock, cache: Path) -> None:
    token = models.token(tokens(), clock.now())
    creds = Credentials.from_authclient_token(token, cache, AuthClient("http://dials.test/"))
    copy = pickle.loads(pickle.dumps(creds))
    assert (copy.token, copy.refresh_token) == ("access-1", "refresh-1")


WHOSE = {
    "person": {"access-1", "refresh-1", "profile email"},
    "application": {"an-app", "its-secret"},
    "secret": {"its-secret"},
}


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("what", ["credentials", "dials", "client"])
def test_what_a_pickle_holds(
    whose: str, what: str, clock: Clock, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the table in docs/logging-in.md says: the secrets of its credentials, and none that only the environment knows."""
    monkeypatch.setenv("HTTP_PROXY", "http://me:proxy-password@127.0.0.1:9")
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", "of-the-environment")
    client = AuthClient("http://dials.test/", keycloak_url="http://keycloak.test/")
    token = models.token(tokens() | {"scope": "profile email"}, client.now())
    credentials: Any = {
        "person": lambda: Credentials.from_authclient_token(token, cache, client),
        "application": lambda: client_credentials.Credentials("an-app", "its-secret", client),
        "secret": lambda: secret_key.Credentials("its-secret"),
    }[whose]()
    dials = Dials(credentials, workspace="tracker", base_url="http://dials.test/")
    with pytest.raises(ConnectionFailedError):
        dials.run.list(retries=0)
    content = pickle.dumps({"credentials": credentials, "dials": dials, "client": client}[what])
    held = {text for _, text, _ in pickletools.genops(content) if isinstance(text, str)}
    secrets = {"access-1", "refresh-1", "profile email", "an-app", "its-secret"}
    assert held & secrets == (set() if what == "client" else WHOSE[whose])
    assert not any("proxy-password" in text or "of-the-environment" in text for text in held)
    assert (str(cache.name) in held) == (whose == "person" and what != "client")


def test_nothing_secret_is_shown(creds: Credentials, clock: Clock) -> None:
    shown = (
        repr(creds)
        + str(creds)
        + repr(vars(creds))
        + repr(creds.check())
        + repr(models.device(device_answer()))
    )
    for secret in ("access-1", "refresh-1", "the-device-code"):
        assert secret not in shown


def test_the_claims_of_a_token_are_read_and_never_trusted(clock: Clock) -> None:
    import base64
    import json

    def jwt(payload: bytes) -> Token:
        body = base64.urlsafe_b64encode(payload).decode().rstrip("=")
        return models.token(tokens(access_token=f"e30.{body}.sig"), clock.now())

    assert jwt(json.dumps({"preferred_username": "me"}).encode()).claims == {"preferred_username": "me"}
    assert jwt(b"[]").claims == jwt(b"\xff").claims == {}
    assert models.token(tokens(), clock.now()).claims == {}


def test_a_refresh_lost_to_another_machine_takes_over_its_tokens(
    creds: Credentials, service: LoginService, clock: Clock, cache: Path
) -> None:
    clock.seconds += 2000

    def faster(_: httpx.Request) -> httpx.Response:
        file = cache / "credentials.json"
        content = json.loads(file.read_text())
        (name,) = content["logins"]
        content["logins"][name] |= models.token(tokens("theirs"), clock.now()).as_json()
        file.write_text(json.dumps(content))  # our lock means nothing there
        return httpx.Response(400, json={"detail": "used", "code": "invalid_grant"})

    service.will(faster)
    assert sent(creds) == "Bearer access-theirs"


def test_the_secret_of_an_application_goes_to_no_keycloak_that_nobody_named() -> None:
    """Not to CERN's, if somebody names a DIALS of their own and no Keycloak."""
    client = AuthClient(base_url="http://localhost:18731/")
    with pytest.raises(CredentialsError, match=r"does not say through which.*keycloak_url=") as caught:
        client_credentials.Credentials("sandbox-app", "s3cret-of-app", client)
    assert "s3cret" not in str(caught.value)
    named = AuthClient(base_url="http://localhost:18731/", keycloak_url="http://localhost:18732/")
    assert client_credentials.Credentials("sandbox-app", "s3cret-of-app", named).client is named
