"""What a login service answers that is no use: the advice is about logins, not about pages and filters of data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials import errors
from cmsdials.auth import models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import (
    ConnectionFailedError,
    DecodeError,
    DialsError,
    GatewayError,
    ImpossibleToRefreshTokenError,
    LoginError,
    RequestFailedError,
    ServerError,
    TooManyRequestsError,
)
from cmsdials_sandbox import Sandbox

from .conftest import Clock, Logins, LoginService, exchanged, tokens

Step = Callable[[AuthClient, Clock, LoginService], Any]


def person(clock: Clock, **changed: Any) -> models.Token:
    return models.token(tokens(**changed), clock.now())


def start(client: AuthClient, clock: Clock, service: LoginService) -> Any:
    return client.new_device()


def ask(client: AuthClient, clock: Clock, service: LoginService) -> Any:
    return client.device_token("the-device-code")


def refresh(client: AuthClient, clock: Clock, service: LoginService) -> Any:
    return client.refresh(person(clock))


def exchange(client: AuthClient, clock: Clock, service: LoginService) -> Any:
    service.answers.insert(0, httpx.Response(200, json=tokens("2")))
    return client.refresh(person(clock))


def application(client: AuthClient, clock: Clock, service: LoginService) -> Any:
    return client.api_access_token("app", "the-secret")


def revoke(client: AuthClient, clock: Clock, service: LoginService) -> Any:
    return client.revoke(person(clock))


STEPS = [
    *((step, way) for step in (start, ask, refresh) for way in ("dials", "keycloak")),
    *((step, "keycloak") for step in (exchange, application, revoke)),
]
every_step = pytest.mark.parametrize(
    ("step", "way"), STEPS, ids=lambda value: getattr(value, "__name__", value)
)

OF_DATA = (
    *(
        getattr(errors, name).usual_advice
        for name in ("ServerError", "GatewayError", "TooManyRequestsError", "DecodeError", "NotFoundError")
    ),
    "page_size",
    "filter",
    "regex",
    "regular expression",
    "workspace",
    "mes of a run",
)


@pytest.fixture
def client(way: str, keycloak: AuthClient, through_dials: AuthClient) -> AuthClient:
    return keycloak if way == "keycloak" else through_dials


def refused(step: Step, client: AuthClient, clock: Clock, service: LoginService, answer: Any) -> DialsError:
    """What a step raises if this is all that the service answers."""
    service.answers = [answer] * 20
    with pytest.raises(DialsError) as caught:
        step(client, clock, service)
    service.answers.clear()
    said = str(caught.value)
    assert not [words for words in OF_DATA if words in said], said
    assert caught.value.advice
    return caught.value


def page(status: int, title: str) -> httpx.Response:
    return httpx.Response(status, html=f"<html><head><title>{title}</title></head></html>")


@every_step
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(429, json={"detail": "slowly"}), TooManyRequestsError),
        (httpx.Response(500, json={"error": "unknown_error"}), ServerError),
        (page(500, "Out of order"), ServerError),
        (page(502, "502 Bad Gateway"), GatewayError),
        (page(503, "503 Service Unavailable"), GatewayError),
        (page(504, "504 Gateway Time-out"), GatewayError),
        (httpx.ReadTimeout("slow"), errors.RequestTimeoutError),
    ],
    ids=["429", "500 JSON", "500 HTML", "502", "503", "504", "slow"],
)
def test_a_service_that_is_busy_or_down(
    step: Step,
    client: AuthClient,
    clock: Clock,
    service: LoginService,
    answer: Any,
    kind: type[RequestFailedError],
) -> None:
    failure = refused(step, client, clock, service, answer)
    assert type(failure) is kind
    assert "try again" in failure.advice
    assert "few minutes" in failure.advice


@every_step
@pytest.mark.parametrize(
    "answer",
    [
        page(200, "Maintenance"),
        page(400, "Bad Request"),
        page(403, "Forbidden"),
        page(404, "Not Found"),
        page(405, "Not Allowed"),
        page(418, "Teapot"),
        errors.IncompleteBodyError("it is too large", advice="Ask for less: a smaller page_size."),
    ],
    ids=["200", "400", "403", "404", "405", "418", "too large"],
)
def test_an_address_where_something_else_answers(
    step: Step, way: str, client: AuthClient, clock: Clock, service: LoginService, answer: Any
) -> None:
    failure = refused(step, client, clock, service, answer)
    if isinstance(failure, RequestFailedError):
        assert "open the address in a browser. Check the address" in failure.advice
        assert ("the realm" in failure.advice) is (way == "keycloak")
    else:
        assert isinstance(failure, LoginError)


@every_step
def test_an_answer_that_is_far_too_large(
    step: Step, client: AuthClient, clock: Clock, service: LoginService
) -> None:
    """It would take twenty times its size to read: tokens and codes have some thousand bytes."""
    content = tokens("2") | {"device_code": "d", "more": [[]] * 400_000}
    if step is revoke:
        service.will(content)
        assert revoke(client, clock, service), "nothing is read of it"
        return
    failure = refused(step, client, clock, service, httpx.Response(200, json=content))
    assert isinstance(failure, DecodeError)
    assert "bytes, and those of login services have some thousand" in str(failure)
    assert "open the address in a browser" in failure.advice


@pytest.mark.parametrize(("step", "way"), [one for one in STEPS if one[0] is not revoke])
def test_text_in_place_of_tokens(step: Step, client: AuthClient, clock: Clock, service: LoginService) -> None:
    failure = refused(step, client, clock, service, httpx.Response(200, text="it works"))
    assert type(failure) is DecodeError
    assert "open the address in a browser" in failure.advice


@pytest.mark.parametrize("way", ["keycloak"])
@pytest.mark.parametrize("step", [start, exchange, application, revoke])
def test_how_long_the_service_asks_to_wait_is_said(
    step: Step, client: AuthClient, clock: Clock, service: LoginService
) -> None:
    """Of what may be sent again: elsewhere no one waits."""
    for status in (429, 503):
        answer = httpx.Response(status, html="<h1>later</h1>", headers={"Retry-After": "7200"})
        failure = refused(step, client, clock, service, answer)
        assert "asks to wait 7200 s" in failure.advice
        assert "few minutes" in failure.advice


@every_step
def test_no_connection(step: Step, client: AuthClient, clock: Clock, service: LoginService) -> None:
    failure = refused(step, client, clock, service, httpx.ConnectError("no route"))
    assert type(failure) is ConnectionFailedError
    assert "the network and the proxy settings" in failure.advice
    assert "base_url" not in failure.advice


# --- a refresh token that v1.12 refuses

DJANGO = "Server Error (500)"


def test_v1_12_breaks_on_a_refresh_token_that_it_refuses(
    service: LoginService, through_dials: AuthClient, clock: Clock
) -> None:
    failure = refused(refresh, through_dials, clock, service, page(500, DJANGO))
    assert type(failure) is ImpossibleToRefreshTokenError
    said = str(failure)
    assert "has probably ended: HTTP 500 is what DIALS v1.12 answers to a refresh token" in said
    assert "this DIALS is broken" in said
    assert "Log in: run `cmsdials login --instance http://dials.test/`" in said
    assert len(service.asked) == 1
    assert clock.waits == []


@pytest.mark.parametrize("step", [start, ask])
def test_elsewhere_that_page_says_nothing_of_the_login(
    step: Step, service: LoginService, through_dials: AuthClient, clock: Clock
) -> None:
    assert type(refused(step, through_dials, clock, service, page(500, DJANGO))) is ServerError


def test_nor_does_it_at_a_keycloak(service: LoginService, keycloak: AuthClient, clock: Clock) -> None:
    assert type(refused(refresh, keycloak, clock, service, page(500, DJANGO))) is ServerError


@pytest.mark.parametrize("how", ["revoked", "garbage"])
def test_at_the_sandbox_of_v1_12(how: str, sandbox_v112: Sandbox, tmp_path: Path) -> None:
    logins = Logins(sandbox_v112)
    client = logins.through_dials()
    device = client.new_device()
    logins.control("approve", device_code=device.device_code)
    token = client.device_token(device.device_code)
    creds = Credentials.from_authclient_token(token, tmp_path, client)
    if how == "revoked":
        logins.revoke_all()
        with pytest.raises(ImpossibleToRefreshTokenError, match=r"has probably ended") as caught:
            creds.renew({"Authorization": f"Bearer {creds.token}"})
        assert f"--instance {logins.url} --cache-dir {tmp_path}`" in caught.value.advice
    else:
        with pytest.raises(ImpossibleToRefreshTokenError, match=r"has probably ended"):
            client.refresh_token("Bearer", "garbage", "garbage")
    assert logins.counts()["refresh"] == 1


def test_the_login_is_kept_where_the_service_is_down(
    service: LoginService, keycloak: AuthClient, clock: Clock, tmp_path: Path
) -> None:
    creds = Credentials.from_authclient_token(person(clock), tmp_path, keycloak)
    clock.seconds += 2000
    service.will(page(502, "Bad Gateway"))
    with pytest.raises(GatewayError, match=r"try again\. Your login is kept\.$"):
        creds.check()
    service.will(tokens("2"), exchanged("2"))
    assert creds.check().access_token == "exchanged-2"


# --- nothing is sent that cannot succeed


@pytest.mark.parametrize("way", ["dials", "keycloak"])
def test_a_login_that_is_over_by_our_clock_is_not_sent(
    client: AuthClient, service: LoginService, clock: Clock, tmp_path: Path
) -> None:
    creds = Credentials.from_authclient_token(person(clock), tmp_path, client)
    clock.seconds += 35999
    service.will(httpx.Response(502))
    with pytest.raises(GatewayError):
        creds.check()
    clock.seconds += 1
    for _ in range(2):
        with pytest.raises(
            ImpossibleToRefreshTokenError, match=r"it expired on 2025-06-16 01:06 UTC, by the clock of this"
        ) as caught:
            creds.check()
        assert "Log in: run `cmsdials login --instance" in caught.value.advice
    assert len(service.asked) == 1


@pytest.mark.parametrize("way", ["dials", "keycloak"])
def test_a_refresh_token_without_an_end_is_sent_for_ever(
    way: str, client: AuthClient, service: LoginService, clock: Clock, tmp_path: Path
) -> None:
    token = person(clock, refresh_expires_in=0)
    creds = Credentials.from_authclient_token(token, tmp_path, client)
    clock.seconds += 10_000_000
    service.will(tokens("2"), *([exchanged("2")] if way == "keycloak" else []))
    assert creds.check().access_token == ("exchanged-2" if way == "keycloak" else "access-2")


def test_the_newer_login_of_another_process_is_sent_where_ours_is_over(
    service: LoginService, through_dials: AuthClient, clock: Clock, tmp_path: Path
) -> None:
    creds = Credentials.from_authclient_token(person(clock), tmp_path, through_dials)
    clock.seconds += 36000
    newer = models.token(tokens("theirs", expires_in=0), clock.now())
    Credentials.from_authclient_token(newer, tmp_path, through_dials)
    service.will(tokens("2"))
    assert creds.check().access_token == "access-2"
    assert service.bodies == [{"refresh_token": "refresh-theirs"}]
