"""Answers of login services, and files with logins, in the shapes that RFC 6749, RFC 8628 and other services allow."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.auth import client_credentials, device, models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.models import ApiToken, Token
from cmsdials.errors import ImpossibleToRefreshTokenError, LoginError

from .conftest import START, Clock, LoginService, exchanged, legacy, tokens
from .conftest import device as device_answer

GONE = ...  # whose repr, and so the name of a test, is the same in each process
USUAL = 300

LIFETIMES: list[tuple[Any, int]] = [
    (GONE, USUAL),
    (None, USUAL),
    ("", USUAL),
    ("soon", USUAL),
    ("nan", USUAL),
    (True, USUAL),
    ([], USUAL),
    ({"seconds": 3}, USUAL),
    ("900", 900),
    (" 900 ", 900),
    ("900.0", 900),
    ("9e2", 900),
    (900.7, 900),
    (0, 0),
    ("0", 0),
    (-5, 0),
    ("-5", 0),
    (1e300, models.LONGEST),
    (10**18, models.LONGEST),
    ("1" * 400, models.LONGEST),
]
lifetimes = pytest.mark.parametrize(("said", "means"), LIFETIMES, ids=lambda value: str(value)[:20])


def without(answer: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """An answer with some members changed, or gone."""
    return {name: value for name, value in (answer | changed).items() if value is not GONE}


def jwt(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.sig"


# --- every way in which tokens are got

Way = Callable[[AuthClient, AuthClient, LoginService, Clock, dict[str, Any]], ApiToken]


def log_in_through_dials(
    _: AuthClient, dials: AuthClient, service: LoginService, clock: Clock, changed: dict[str, Any]
) -> ApiToken:
    service.will(device_answer(), without(tokens(), **changed))
    return dials.device_auth_flow()


def log_in(
    keycloak: AuthClient, _: AuthClient, service: LoginService, clock: Clock, changed: dict[str, Any]
) -> ApiToken:
    """The members of the exchange; the public token has as few as can be."""
    service.will(device_answer(), {"access_token": "public"}, without(exchanged(), **changed))
    return keycloak.device_auth_flow()


def refresh_through_dials(
    _: AuthClient, dials: AuthClient, service: LoginService, clock: Clock, changed: dict[str, Any]
) -> ApiToken:
    service.will(without(tokens("2"), **changed))
    return dials.refresh(models.token(tokens(), clock.now()))


def refresh(
    keycloak: AuthClient, _: AuthClient, service: LoginService, clock: Clock, changed: dict[str, Any]
) -> ApiToken:
    service.will(without(tokens("2"), **changed), without(exchanged("2"), **changed))
    return keycloak.refresh(models.token(tokens(), clock.now()))


def application(
    keycloak: AuthClient, _: AuthClient, service: LoginService, clock: Clock, changed: dict[str, Any]
) -> ApiToken:
    service.will(without(exchanged(), **changed))
    return keycloak.api_access_token("app", "the-secret")


every_way = pytest.mark.parametrize(
    "way",
    [log_in_through_dials, log_in, refresh_through_dials, refresh, application],
    ids=lambda way: way.__name__,
)


@every_way
@lifetimes
def test_how_long_a_token_lasts(
    way: Way,
    said: Any,
    means: int,
    keycloak: AuthClient,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
) -> None:
    token = way(keycloak, through_dials, service, clock, {"expires_in": said})
    assert token.expires_in == means
    assert (token.expires_at - clock.now()).total_seconds() == means


@every_way
@pytest.mark.parametrize("said", [GONE, None])
def test_a_token_that_says_itself_how_long_it_lasts(
    way: Way,
    said: Any,
    keycloak: AuthClient,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
) -> None:
    """By the difference, so that no clock has to be right."""
    changed = {"expires_in": said, "access_token": jwt(iat=1000, exp=1750)}
    assert way(keycloak, through_dials, service, clock, changed).expires_in == 750


@pytest.mark.parametrize(
    "claims", [{"exp": 7}, {"iat": 7}, {"iat": "x", "exp": []}, {"iat": None, "exp": True}, {}]
)
def test_a_token_that_says_half_of_it(claims: dict[str, Any], clock: Clock) -> None:
    assert models.api_token({"access_token": jwt(**claims)}, clock.now()).expires_in == USUAL


@every_way
@pytest.mark.parametrize("said", ["bearer", "BEARER", "bEaReR", "N_A", "", None, GONE, 7, []])
def test_a_token_is_sent_as_bearer_however_the_service_spells_it(
    way: Way,
    said: Any,
    keycloak: AuthClient,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
) -> None:
    """DIALS takes no other spelling."""
    assert way(keycloak, through_dials, service, clock, {"token_type": said}).token_type == "Bearer"


@every_way
@pytest.mark.parametrize("said", [GONE, None, "", 7, [], {"a": None}, "openid email"])
def test_members_that_nothing_depends_on(
    way: Way,
    said: Any,
    keycloak: AuthClient,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
) -> None:
    names = ("scope", "session_state", "issued_token_type", "id_token", "not-before-policy", "gr\u00fcn", "")
    token = way(keycloak, through_dials, service, clock, dict.fromkeys(names, said))
    assert token.access_token.endswith(("-1", "-2"))
    assert isinstance(getattr(token, "scope", ""), str)


@lifetimes
def test_how_long_a_refresh_token_lasts(said: Any, means: int, clock: Clock) -> None:
    """Keycloak alone says that; what cannot be known is left to the service."""
    token = models.token(without(tokens(), refresh_expires_in=said), clock.now())
    assert token.refresh_expires_in == (0 if means == USUAL else means)
    assert token.refresh_lasts_forever is (means in (0, USUAL))


# --- a refresh token that does not come

NO_TOKEN = pytest.mark.parametrize("said", [GONE, None, "", 7, []])


@NO_TOKEN
@pytest.mark.parametrize("way", ["dials", "keycloak"])
def test_the_refresh_token_of_before_stays(
    said: Any,
    way: str,
    service: LoginService,
    keycloak: AuthClient,
    through_dials: AuthClient,
    clock: Clock,
    tmp_path: Path,
) -> None:
    """RFC 6749, section 6: a new one need not be issued. It is good until its own end, and sent again."""
    client = keycloak if way == "keycloak" else through_dials
    creds = device.Credentials.from_authclient_token(
        models.token(tokens(), clock.now()), tmp_path / "cache", client
    )
    for name in ("2", "3"):
        clock.seconds += 2000
        service.will(without(tokens(name), refresh_token=said, refresh_expires_in=GONE))
        if way == "keycloak":
            service.will(exchanged(name))
        creds.check()
        assert service.bodies[-1 if way == "dials" else -2]["refresh_token"] == "refresh-1"
        assert (creds.refresh_token, creds.refresh_expires_at.timestamp()) == ("refresh-1", START + 36000)
        stored = device.Credentials.stored(tmp_path / "cache", client)
        assert isinstance(stored, device.Credentials)
        assert (stored.refresh_token, stored.refresh_expires_at) == ("refresh-1", creds.refresh_expires_at)


def test_the_refresh_token_of_before_may_get_a_new_end(
    service: LoginService, through_dials: AuthClient, clock: Clock
) -> None:
    before = models.token(tokens(), clock.now())
    clock.seconds += 2000
    service.will(without(tokens("2"), refresh_token=GONE, refresh_expires_in="500"))
    after = through_dials.refresh(before)
    assert (after.refresh_token, after.refresh_expires_at.timestamp()) == ("refresh-1", clock.seconds + 500)


@NO_TOKEN
@pytest.mark.parametrize("way", ["dials", "keycloak"])
def test_a_login_without_a_refresh_token_ends_with_its_token(
    said: Any,
    way: str,
    service: LoginService,
    keycloak: AuthClient,
    through_dials: AuthClient,
    clock: Clock,
    tmp_path: Path,
) -> None:
    client = keycloak if way == "keycloak" else through_dials
    service.will(device_answer(), without(tokens(), refresh_token=said))
    if way == "keycloak":
        service.will(exchanged())
    token = client.device_auth_flow()
    assert (token.refresh_token, token.refresh_lasts_forever) == ("", False)
    assert token.refresh_expires_at == token.expires_at
    device.Credentials.from_authclient_token(token, tmp_path / "cache", client)
    creds = device.Credentials.from_creds_file(tmp_path / "cache", client)
    clock.seconds += 1199
    assert creds.check().access_token == token.access_token
    clock.seconds += 1
    with pytest.raises(
        ImpossibleToRefreshTokenError, match=r"has ended: .*no refresh token.*Log in: run `cmsdials login"
    ):
        creds.check()
    assert not client.revoke(token)


# --- starting a login


@pytest.mark.parametrize("said", [GONE, None, "", 7])
def test_a_link_without_the_code_in_it(
    said: Any, service: LoginService, keycloak: AuthClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """RFC 8628, section 3.3.1: such a link is optional. Then the code has to be typed."""
    service.will(without(device_answer(), verification_uri_complete=said), tokens(), exchanged())
    keycloak.device_auth_flow()
    said_to_the_person = capsys.readouterr().err
    assert "    https://auth.cern.ch/device\n" in said_to_the_person
    assert "Type in this code there: WDJB-MJHT" in said_to_the_person
    assert "The page shows" not in said_to_the_person


def test_a_link_with_the_code_in_it_is_compared(
    service: LoginService, keycloak: AuthClient, capsys: pytest.CaptureFixture[str]
) -> None:
    service.will(device_answer(), tokens(), exchanged())
    keycloak.device_auth_flow()
    said_to_the_person = capsys.readouterr().err
    assert "The page shows this code: WDJB-MJHT" in said_to_the_person
    assert "Type" not in said_to_the_person


@pytest.mark.parametrize(
    ("changed", "interval", "lasts"),
    [
        ({"interval": "5"}, 5, 600),
        ({"interval": "2.5"}, 2.5, 600),
        ({"interval": GONE}, 5, 600),
        ({"interval": None}, 5, 600),
        ({"expires_in": "600"}, 5, 600),
        ({"expires_in": "600.0", "interval": 7.0}, 7, 600),
        ({"expires_in": 600.9}, 5, 600),
        ({"expires_in": 1e300}, 5, models.LONGEST),
        ({"user_code": 123456}, 5, 600),
        ({"message": None, "extra": {"nested": []}}, 5, 600),
    ],
    ids=str,
)
def test_numbers_of_a_login_that_starts(
    changed: dict[str, Any], interval: float, lasts: int, service: LoginService, keycloak: AuthClient
) -> None:
    service.will(without(device_answer(), **changed))
    started = keycloak.new_device()
    assert (started.interval, started.expires_in) == (interval, lasts)
    assert isinstance(started.user_code, str)


# --- while a person confirms


def page(title: str) -> httpx.Response:
    return httpx.Response(200, html=f"<html><title>{title}</title></html>")


@pytest.mark.parametrize("way", ["dials", "keycloak"])
@pytest.mark.parametrize(
    "answer",
    [
        page("Maintenance"),
        httpx.Response(200, text=""),
        httpx.Response(204),
        httpx.Response(200, text="{"),
        httpx.Response(200, text='{"access_token": "a'),
        httpx.Response(200, content=b"\xff\xfe\x00"),
        httpx.Response(200, text="it works"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json=None),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": None}),
        httpx.Response(200, json={"status": "ok"}),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.RemoteProtocolError("dropped"),
        httpx.ReadError("reset"),
        httpx.DecodingError("damaged gzip"),
    ],
    ids=lambda answer: repr(getattr(answer, "content", answer))[:24],
)
def test_an_answer_that_is_no_use_does_not_cost_the_login(
    answer: Any,
    way: str,
    service: LoginService,
    keycloak: AuthClient,
    through_dials: AuthClient,
    clock: Clock,
) -> None:
    client = keycloak if way == "keycloak" else through_dials
    service.will(device_answer())
    service.will({"error": "authorization_pending"}, status=400)
    service.will(answer, tokens())
    if way == "keycloak":
        service.will(exchanged())
    assert client.device_auth_flow().refresh_token == "refresh-1"
    assert clock.waits == [5, 5, 10]


def test_a_service_that_answers_nothing_of_use_is_asked_until_the_link_ends(
    service: LoginService, through_dials: AuthClient, clock: Clock
) -> None:
    service.will(device_answer(), *[page("Maintenance")] * 12)
    with pytest.raises(LoginError, match=r"expired before it was confirmed"):
        through_dials.device_auth_flow()
    assert sum(clock.waits) <= 600


# --- files

OF_FILES: list[dict[str, Any]] = [
    {"expires_in": "1200", "refresh_expires_in": "36000.0"},
    {"expires_in": None, "refresh_expires_in": None},
    {"expires_in": GONE, "refresh_expires_in": GONE},
    {"expires_in": -1, "refresh_expires_in": -1},
    {"expires_in": True, "refresh_expires_in": 1e300},
    {"token_type": "bearer"},
    {"token_type": None},
    {"token_type": GONE, "scope": GONE, "session_state": GONE},
    {"scope": 3, "session_state": None, "not-before-policy": 0, "id_token": "x", "neu": {"a": []}},
    {"refresh_expires_at": GONE},
]


@pytest.mark.parametrize("changed", OF_FILES, ids=str)
def test_a_file_of_1_8_or_2_4(
    changed: dict[str, Any], service: LoginService, through_dials: AuthClient, clock: Clock, tmp_path: Path
) -> None:
    ends, over = ((clock.now() + timedelta(seconds=seconds)).isoformat() for seconds in (1000, 5000))
    path = legacy(tmp_path / "old", clock, expires_at=ends, refresh_expires_at=over)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(without(content, **changed)))
    creds = device.Credentials.from_creds_file(tmp_path / "old", through_dials)
    headers: dict[str, str] = {}
    creds.before_request(headers)
    assert headers == {"Authorization": "Bearer access-old"}
    clock.seconds += 1000
    service.will(tokens("2"))
    creds.before_request(headers)
    assert headers == {"Authorization": "Bearer access-2"}
    assert service.bodies == [{"refresh_token": "refresh-old"}]
    assert service.asked[0][2]["Authorization"] == "Bearer access-old"


@pytest.mark.parametrize("changed", OF_FILES, ids=str)
def test_a_file_of_ours(
    changed: dict[str, Any], through_dials: AuthClient, clock: Clock, tmp_path: Path
) -> None:
    token = models.token(tokens(), clock.now())
    device.Credentials.from_authclient_token(token, tmp_path, through_dials)
    file = tmp_path / "credentials.json"
    content = json.loads(file.read_text())
    ((name, entry),) = content["logins"].items()
    content["logins"][name] = without(entry, **changed)
    file.write_text(json.dumps(content))
    creds = device.Credentials.from_creds_file(tmp_path, through_dials)
    assert isinstance(creds, device.Credentials)
    assert (creds.token, creds.token_type, creds.expires_at) == ("access-1", "Bearer", token.expires_at)
    assert creds.refresh_token == "refresh-1"


# --- arguments of 1.8


@pytest.mark.parametrize(("said", "means"), [("1200", 1200), (1200.0, 1200), (None, USUAL), ("soon", USUAL)])
def test_lifetimes_that_a_script_read_from_its_own_file(
    said: Any, means: int, through_dials: AuthClient, clock: Clock, tmp_path: Path
) -> None:
    creds = device.Credentials(
        "a",
        expires_at=clock.now().replace(year=2030),
        expires_in=said,
        refresh_expires_at=clock.now().replace(year=2031),
        refresh_expires_in=said,
        refresh_token="r",
        token_type="bearer",
        cache_dir=tmp_path,
        client=through_dials,
    )
    headers: dict[str, str] = {}
    creds.before_request(headers)
    assert headers == {"Authorization": "Bearer a"}
    assert creds.expires_in == means


def test_an_application_whose_token_names_no_end(
    keycloak: AuthClient, service: LoginService, clock: Clock
) -> None:
    creds = client_credentials.Credentials("app", "the-secret", keycloak)
    service.will({"access_token": "t1"}, {"access_token": "t2"})
    assert creds.check().access_token == creds.check().access_token == "t1"
    clock.seconds += USUAL
    assert creds.check().access_token == "t2"


def test_a_token_that_has_ended_when_it_comes_is_sent_all_the_same(
    through_dials: AuthClient, service: LoginService, clock: Clock, tmp_path: Path
) -> None:
    """`expires_in` of 0: the service knows better whether it is good."""
    token: Token = models.token(tokens(expires_in=0), clock.now())
    creds = device.Credentials.from_authclient_token(token, tmp_path, through_dials)
    for name in ("2", "3"):
        service.will(tokens(name, expires_in=0))
        assert creds.check().access_token == f"access-{name}"
