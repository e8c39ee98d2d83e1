"""Every answer of the login services, with a clock that nobody waits for."""

import pickle
import webbrowser
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.auth.models import Token
from cmsdials.errors import (
    ConfigurationError,
    ConnectionFailedError,
    ImpossibleToRefreshTokenError,
    LoginDeniedError,
    LoginError,
    LoginExpiredError,
    NotLoggedInError,
    PendingAuthorizationError,
    RedirectError,
    ServerError,
)

from .conftest import START, Clock, LoginService, device, exchanged, tokens

REALM = "/auth/realms/cern"
TOKEN = f"{REALM}/protocol/openid-connect/token"
PENDING = {"detail": "not yet", "code": "authorization_pending"}


def person(clock: Clock, **changed: Any) -> Token:
    from cmsdials.auth import models

    return models.token(tokens(**changed), clock.now())


# --- which way


@pytest.mark.parametrize(
    ("arguments", "through_keycloak", "issuer", "audience"),
    [
        ({}, True, "https://auth.cern.ch/auth/realms/cern/", "cms-dials-prod-confidential-app"),
        (
            {"base_url": "https://cmsdials-api.web.cern.ch"},
            True,
            "https://auth.cern.ch/auth/realms/cern/",
            "cms-dials-prod-confidential-app",
        ),
        (
            {"base_url": "https://dev-cmsdials-api.web.cern.ch/"},
            True,
            "https://auth.cern.ch/auth/realms/cern/",
            "cms-dials-dev-confidential-app",
        ),
        ({"base_url": "http://localhost:8000"}, False, "http://localhost:8000/", ""),
        (
            {"base_url": "http://localhost:8000", "keycloak_url": "http://kc.test/auth", "realm": "r"},
            True,
            "http://kc.test/auth/realms/r/",
            "cms-dials-prod-confidential-app",
        ),
        (
            {"client_id": "cms-dials-dev-public-app", "audience": "cms-dials-dev-confidential-app"},
            True,
            "https://auth.cern.ch/auth/realms/cern/",
            "cms-dials-dev-confidential-app",
        ),
        (
            {"through_keycloak": False},
            False,
            "https://cmsdials-api.web.cern.ch/",
            "",
        ),
    ],
)
def test_the_way_is_chosen_by_the_address(
    arguments: dict[str, Any], through_keycloak: bool, issuer: str, audience: str
) -> None:
    client = AuthClient(**arguments)
    assert (client.through_keycloak, client.issuer, client.key.audience) == (
        through_keycloak,
        issuer,
        audience,
    )
    assert client.key.issuer == issuer


def test_an_address_that_cannot_work_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        AuthClient("localhost:8000")


# --- logging in


def test_a_person_logs_in_through_keycloak(
    service: LoginService, keycloak: AuthClient, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    service.will(device())
    service.will_refuse("authorization_pending", "authorization_pending")
    service.will(tokens("public"), exchanged())
    token = keycloak.device_auth_flow()
    assert (token.access_token, token.refresh_token) == ("exchanged-1", "refresh-public")
    assert clock.waits == [5, 5, 5]
    assert token.expires_at.timestamp() == START + 15 + 1200
    assert token.refresh_expires_at.timestamp() == START + 15 + 36000
    assert service.paths == [f"{REALM}/protocol/openid-connect/auth/device", *[TOKEN] * 4]
    assert service.bodies[0] == {"client_id": "cms-dials-prod-public-app"}
    assert service.bodies[1] == {
        "client_id": "cms-dials-prod-public-app",
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "the-device-code",
    }
    assert service.bodies[4] == {
        "client_id": "cms-dials-prod-public-app",
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "access-public",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "cms-dials-prod-confidential-app",
    }
    said = capsys.readouterr().err
    assert "https://auth.cern.ch/device?user_code=WDJB-MJHT" in said
    assert "WDJB-MJHT" in said
    assert "the-device-code" not in said
    assert "Logged in." in said


def test_a_person_logs_in_through_dials(
    service: LoginService, through_dials: AuthClient, clock: Clock
) -> None:
    service.will(
        {
            "device_code": "d",
            "verification_uri_complete": "https://auth.cern.ch/device?user_code=A",
            "expires_in": 60,
        }
    )
    service.will(PENDING, status=400)
    service.will(tokens())
    token = through_dials.device_auth_flow()
    assert (token.access_token, token.refresh_token) == ("access-1", "refresh-1")
    assert service.paths == ["/api/v1/auth/new-device/", *["/api/v1/auth/device-token/"] * 2]
    assert service.bodies[1:] == [{"device_code": "d"}] * 2
    assert clock.waits == [5, 5]
    assert not any("Workspace" in headers for _, _, headers in service.asked)


def test_slow_down_lengthens_the_interval_for_good(
    service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    service.will(device(interval=2))
    service.will_refuse("authorization_pending", "slow_down", "authorization_pending", "slow_down")
    service.will(tokens(), exchanged())
    keycloak.device_auth_flow()
    assert clock.waits == [2, 2, 7, 7, 12]


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("access_denied", LoginDeniedError, "denied"),
        ("expired_token", LoginExpiredError, "expired"),
        ("invalid_grant", LoginError, r"refuses this login \(invalid_grant: says invalid_grant\)"),
        ("invalid_client", LoginError, r"refuses this login \(invalid_client"),
    ],
)
def test_a_refusal_ends_the_login_at_once(
    service: LoginService, keycloak: AuthClient, clock: Clock, code: str, status: int, error: type, said: str
) -> None:
    service.will(device())
    service.will_refuse(code, status=status)
    with pytest.raises(error, match=said) as caught:
        keycloak.device_auth_flow()
    assert type(caught.value) is error
    assert caught.value.advice
    assert clock.waits == [5]


def test_codes_that_expire_end_the_login_without_another_question(
    service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    service.will(device(expires_in=12))
    service.will_refuse("authorization_pending", "authorization_pending")
    with pytest.raises(LoginExpiredError):
        keycloak.device_auth_flow()
    assert clock.waits == [5, 5]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        httpx.Response(503, html="<h1>busy</h1>"),
        httpx.Response(500, html="<h1>Server Error (500)</h1>"),
        httpx.Response(429, json={"detail": "slowly"}),
    ],
)
def test_a_question_without_an_answer_is_asked_again_later(
    service: LoginService, keycloak: AuthClient, clock: Clock, failure: Any
) -> None:
    service.will(device())
    service.will(failure, tokens(), exchanged())
    assert keycloak.device_auth_flow().access_token == "exchanged-1"
    assert clock.waits == [5, 10]


def test_a_login_that_cannot_be_started(service: LoginService, keycloak: AuthClient) -> None:
    service.will_refuse("unauthorized_client", status=400)
    with pytest.raises(Exception, match=r"unauthorized_client"):
        keycloak.device_auth_flow()


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize(
    "missing",
    [
        ["device_code"],
        ["expires_in"],
        ["verification_uri_complete", "verification_uri"],
        ["user_code", "verification_uri_complete"],
    ],
)
def test_codes_that_are_missing(
    service: LoginService, keycloak: AuthClient, missing: list[str], empty: str | None
) -> None:
    answer = device()
    for name in missing:
        del answer[name]
    service.will(answer, device(**dict.fromkeys(missing, empty)))
    for _ in range(2):
        with pytest.raises(LoginError, match=f"sent no.* {missing[0]}"):
            keycloak.new_device()


NO_PAGES = [
    "javascript:alert(1)",
    "JavaScript:alert(1)//https://auth.test/",
    "data:text/html,<script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://auth.test/",
    "chrome://settings",
    "ssh://-oProxyCommand=x/",
    "--new-window https://auth.test/",
    "//auth.test/device",
    "/device",
    "x",
    "http:",
    "https:///device",
    "https://[",
    "https://a@b.test/",
    " https://auth.test/",
    "https://auth.test/a b",
    "https://auth.test/\x1b[2J",
    "https://auth.test/\x9b31m",
    "https://auth.test/\u202emoc",
    "https://auth.test/\r\nx",
    "https://auth.test/\x7f",
    "https://\u0430uth.test/",
    f"https://auth.test/{'a' * 2000}",
]


@pytest.mark.parametrize("member", ["verification_uri_complete", "verification_uri"])
@pytest.mark.parametrize("link", NO_PAGES)
def test_a_link_that_is_no_web_page_is_neither_shown_nor_opened_nor_given(
    service: LoginService,
    keycloak: AuthClient,
    member: str,
    link: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    service.will(*[device(**{member: link})] * 2)
    for ask in (lambda: keycloak.device_auth_flow(open_browser=True), keycloak.new_device):
        with pytest.raises(LoginError, match=r"not a web page\. Check the address of the login service"):
            ask()
    assert opened == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("code", ["\x1b[31mABCD", "AB\nCD", "\x9b2J", "AB\u202eCD", "AB\0", "A" * 101])
def test_a_code_that_a_terminal_would_obey(
    service: LoginService, keycloak: AuthClient, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service.will(*[device(user_code=code)] * 2)
    for ask in (keycloak.device_auth_flow, keycloak.new_device):
        with pytest.raises(LoginError, match=r"a code that cannot be shown"):
            ask()
    assert capsys.readouterr().err == ""


def test_an_exchange_without_an_answer_is_not_taken_for_a_login_that_waits(
    service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    """The device code is used up by then: asking with it again would be refused."""
    service.will(device(), tokens(), *[httpx.ConnectError("no route")] * 6)
    with pytest.raises(ConnectionFailedError):
        keycloak.device_auth_flow()


@pytest.mark.parametrize(("interval", "waits"), [(0.25, [0.25]), (0, [0.1]), (None, [5])])
def test_intervals(
    service: LoginService, keycloak: AuthClient, clock: Clock, interval: float | None, waits: list[float]
) -> None:
    answer = device(interval=interval)
    if interval is None:
        del answer["interval"]
    service.will(answer, tokens(), exchanged())
    keycloak.device_auth_flow()
    assert clock.waits == waits


@pytest.mark.parametrize("interval", [None, "", "soon", "nan", -1, "-1", True, [], {}, 601, 1e300, "inf"])
def test_an_interval_that_cannot_be_kept_is_the_usual_one(
    service: LoginService, keycloak: AuthClient, clock: Clock, interval: object
) -> None:
    service.will(device(interval=interval), tokens(), exchanged())
    keycloak.device_auth_flow()
    assert clock.waits == [5]


def test_a_service_that_is_down_for_a_while_does_not_cost_the_login(
    service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    service.will(device(), *[httpx.ConnectError("no route")] * 8, tokens(), exchanged())
    keycloak.device_auth_flow()
    assert clock.waits == [5, 10, 20, 40, 60, 60, 60, 60, 60]


@pytest.mark.parametrize("step", ["refresh", "token"])
def test_a_redirect_ends_the_step(
    service: LoginService, keycloak: AuthClient, clock: Clock, step: str
) -> None:
    service.will(httpx.Response(302, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(RedirectError):
        keycloak.refresh(person(clock)) if step == "refresh" else keycloak.device_token("d")
    assert service.hosts == {"auth.cern.ch"}


def test_a_dials_that_leaves_logins_to_keycloak_by_now(
    service: LoginService, through_dials: AuthClient, clock: Clock
) -> None:
    service.will(*[httpx.Response(status, html="<h1>Not Found</h1>") for status in (404, 405, 404)])
    for _ in range(2):
        with pytest.raises(ImpossibleToRefreshTokenError, match=r"has ended: .*\(40[45]: Not Found\)"):
            through_dials.refresh(person(clock))
    with pytest.raises(LoginError, match=r"starts no login \(HTTP 404.*--keycloak-url"):
        through_dials.new_device()


@pytest.mark.parametrize(
    "arguments", [{"base_url": 5}, {"keycloak_url": 5}, {"keycloak_url": "auth.cern.ch"}]
)
def test_addresses_that_cannot_work(arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(ConfigurationError, match=name):
        AuthClient(**arguments)


def test_how_to_log_in_is_the_whole_command(tmp_path: Path) -> None:
    client = AuthClient("http://dials.test", keycloak_url="http://kc.test/auth", realm="my realm")
    command = (
        "cmsdials login --instance http://dials.test/ --keycloak-url http://kc.test/auth --realm 'my realm'"
    )
    assert f"`{command}`" in client.how_to_log_in()
    with pytest.raises(NotLoggedInError) as caught:
        Credentials.from_creds_file(tmp_path, client)
    assert f"`{command} --cache-dir {tmp_path}`" in caught.value.advice
    assert (
        "`cmsdials login --instance dev`"
        in AuthClient("https://dev-cmsdials-api.web.cern.ch").how_to_log_in()
    )


def test_ctrl_c_abandons_the_login(service: LoginService, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    client = AuthClient(transport=service.transport, sleep=interrupted)
    service.will(device())
    with pytest.raises(KeyboardInterrupt):
        client.device_auth_flow()
    assert "Login abandoned" in capsys.readouterr().err


def test_a_verification_host_gets_nothing(service: LoginService, keycloak: AuthClient) -> None:
    service.will(device(verification_uri_complete="https://evil.test/?user_code=X"), tokens(), exchanged())
    keycloak.device_auth_flow()
    assert service.hosts == {"auth.cern.ch"}


def test_asking_once(service: LoginService, keycloak: AuthClient) -> None:
    service.will_refuse("authorization_pending", "slow_down", "access_denied")
    for error in (PendingAuthorizationError, PendingAuthorizationError, LoginDeniedError):
        with pytest.raises(error):
            keycloak.device_token("d")
    service.will(tokens(), exchanged())
    assert keycloak.device_token("d").access_token == "exchanged-1"


# --- refreshing


def test_refreshing_through_keycloak_exchanges_again(
    service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    rotated: list[Token] = []
    service.will(tokens("2"), exchanged("2"))
    fresh = keycloak.refresh(person(clock), rotated=rotated.append)
    assert (fresh.access_token, fresh.refresh_token) == ("exchanged-2", "refresh-2")
    assert service.bodies[0] == {
        "client_id": "cms-dials-prod-public-app",
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
    }
    assert [(token.refresh_token, token.expires_at) for token in rotated] == [("refresh-2", clock.now())]


def test_refreshing_through_dials(service: LoginService, through_dials: AuthClient, clock: Clock) -> None:
    service.will(tokens("2"))
    assert through_dials.refresh(person(clock)).access_token == "access-2"
    path, body, headers = service.asked[0]
    assert (path, body) == ("/api/v1/auth/refresh-token/", {"refresh_token": "refresh-1"})
    assert headers["Authorization"] == "Bearer access-1"


def test_refreshing_as_cmsdials_1_8_did(service: LoginService, through_dials: AuthClient) -> None:
    service.will(tokens("2"))
    fresh = through_dials.refresh_token(token_type="Bearer", access_token="a", refresh_token="refresh-1")
    assert fresh.refresh_token == "refresh-2"


@pytest.mark.parametrize("code", ["invalid_grant", "unauthorized_client"])
def test_a_refresh_that_is_refused_means_logging_in_again(
    service: LoginService, keycloak: AuthClient, clock: Clock, code: str
) -> None:
    service.will_refuse(code)
    with pytest.raises(
        ImpossibleToRefreshTokenError, match=f"has ended.*{code}.*cmsdials login --instance prod"
    ):
        keycloak.refresh(person(clock))


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refresh_that_dials_refuses(
    service: LoginService, through_dials: AuthClient, clock: Clock, status: int
) -> None:
    service.will({"detail": "no", "code": "invalid_grant"}, status=status)
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"--instance http://dials.test/"):
        through_dials.refresh(person(clock))


def test_a_service_that_is_down_does_not_end_the_login(
    service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    service.will(httpx.Response(500, html="<h1>Server Error (500)</h1>"))
    with pytest.raises(ServerError):
        keycloak.refresh(person(clock))


def test_an_exchange_that_is_refused(service: LoginService, keycloak: AuthClient, clock: Clock) -> None:
    service.will(tokens("2"))
    service.will_refuse("access_denied", status=403)
    with pytest.raises(
        LoginError,
        match=r"gives no token for cms-dials-prod-confidential-app \(access_denied: says access_denied\)",
    ):
        keycloak.refresh(person(clock))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "no access_token"),
        (tokens(access_token=None), "no access_token"),
        (tokens(access_token=""), "no access_token"),
        (tokens(access_token=7), "no access_token"),
        ([], "sent list instead of tokens"),
    ],
)
def test_answers_without_tokens(
    service: LoginService, through_dials: AuthClient, clock: Clock, answer: Any, said: str
) -> None:
    service.will(answer)
    with pytest.raises(LoginError, match=said) as caught:
        through_dials.refresh(person(clock))
    assert "refresh-1" not in str(caught.value)


def test_a_refresh_token_without_an_end(service: LoginService, keycloak: AuthClient, clock: Clock) -> None:
    service.will(tokens(refresh_expires_in=0), exchanged())
    assert keycloak.refresh(person(clock)).refresh_lasts_forever


# --- revoking


def test_revoking_ends_the_refresh_token(service: LoginService, keycloak: AuthClient, clock: Clock) -> None:
    service.will(httpx.Response(200))
    assert keycloak.revoke(person(clock))
    assert service.paths == [f"{REALM}/protocol/openid-connect/revoke"]
    assert service.bodies[0]["token"] == "refresh-1"


def test_dials_has_no_way_to_revoke(through_dials: AuthClient, clock: Clock) -> None:
    assert not through_dials.revoke(person(clock))


# --- applications


def test_an_application_logs_in(service: LoginService, keycloak: AuthClient, clock: Clock) -> None:
    service.will({"access_token": "app", "expires_in": 300, "token_type": "Bearer"})
    token = keycloak.api_access_token("my-app", "my-secret")
    assert (token.access_token, token.expires_at.timestamp()) == ("app", START + 300)
    assert service.paths == [f"{REALM}/api-access/token"]
    assert service.bodies == [
        {
            "grant_type": "client_credentials",
            "client_id": "my-app",
            "client_secret": "my-secret",
            "audience": "cms-dials-prod-confidential-app",
        }
    ]


@pytest.mark.parametrize(
    ("code", "status"), [("invalid_client", 401), ("unauthorized_client", 400), ("access_denied", 403)]
)
def test_an_application_that_is_not_let_in(
    service: LoginService, keycloak: AuthClient, code: str, status: int
) -> None:
    service.will_refuse(code, status=status)
    with pytest.raises(LoginError, match=f"does not let the application 'my-app' in \\({code}\\)") as caught:
        keycloak.api_access_token("my-app", "my-secret")
    assert "my-secret" not in str(caught.value)


# --- what a client is


def test_a_client_says_nothing_secret_and_pickles() -> None:
    client = AuthClient("http://localhost:8000/")
    assert repr(client) == "<AuthClient of http://localhost:8000/>"
    assert pickle.loads(pickle.dumps(client)).key == client.key
