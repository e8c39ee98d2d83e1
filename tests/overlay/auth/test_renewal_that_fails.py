"""A renewal that fails: no request fails while its token is good, and afterwards it is tried as any request is."""

import json
import logging
import threading
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.auth import client_credentials, models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DialsError,
    GatewayError,
    ImpossibleToRefreshTokenError,
    LoginError,
    RequestFailedError,
    RequestTimeoutError,
    ServerError,
    TooManyRequestsError,
)
from filelock import FileLock
from urllib3.util import Retry

from tests.overlay.conftest import dials_over, run_row

from .conftest import Clock, LoginService, entries, exchanged, tokens
from .conftest import device as device_answer

MOST_SECONDS = 300.0


def page(status: int, title: str = "Out of order", **headers: str) -> httpx.Response:
    return httpx.Response(status, html=f"<html><head><title>{title}</title></head></html>", headers=headers)


FAILURES: dict[str, Any] = {
    "500": httpx.Response(500, json={"error": "unknown_error"}),
    "500 page": page(500),
    "500 of a stopped worker": page(500, "Internal Server Error"),
    "501": page(501),
    "502": page(502),
    "503": page(503),
    "504": page(504),
    "520": page(520),
    "429": httpx.Response(429, json={"detail": "slowly"}),
    "a page": page(200, "Maintenance"),
    "empty": httpx.Response(200, text=""),
    "cut": httpx.Response(200, text='{"access_token": "a'),
    "text": httpx.Response(200, text="it works"),
    "another login page": page(302, Location="https://sso.test/login"),
    "moved": page(301, Location="https://sso.test/"),
    "a page that is blocked": page(418, "Blocked"),
    "no connection": httpx.ConnectError("no route"),
    "dropped": httpx.RemoteProtocolError("dropped"),
    "reset": httpx.ReadError("reset"),
    "slow": httpx.ReadTimeout("slow"),
    "slow to connect": httpx.ConnectTimeout("slow"),
}
REFUSALS: dict[str, Any] = {
    "invalid_grant": httpx.Response(400, json={"error": "invalid_grant"}),
    "unauthorized_client": httpx.Response(401, json={"error": "unauthorized_client"}),
    "a list": httpx.Response(200, json=[]),
    "nothing": httpx.Response(200, json={}),
}
failures = pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
refusals = pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)


class Login:
    """Credentials with a token that is good for 1200 s, and what a renewal asks of the service.

    Attributes:
        creds: The credentials.
        before: What is answered before the step that fails.
        after: What is answered where it succeeds, and the token that comes of it.
    """

    def __init__(self, way: str, service: LoginService, clock: Clock, cache: Path) -> None:
        client = AuthClient(
            None if way != "dials" else "http://dials.test/",
            transport=service.transport,
            clock=clock,
            sleep=clock.sleep,
        )
        self.creds: Any
        self.before: list[Any] = [tokens("2")] if way == "exchange" else []
        self.after: list[Any] = [tokens("3")] if way == "dials" else [tokens("3"), exchanged("3")]
        self.old, self.new = "access-1", "access-3" if way == "dials" else "exchanged-3"
        if way == "application":
            self.creds = client_credentials.Credentials("app", "the-secret", client)
            service.will({"access_token": "access-1", "expires_in": 1200})
            self.creds.check()
            service.asked.clear()
            self.after = [exchanged("3")]
        else:
            token = models.token(tokens(), clock.now())
            self.creds = Credentials.from_authclient_token(token, cache, client)


@pytest.fixture(params=["dials", "keycloak", "exchange", "application"])
def login(request: pytest.FixtureRequest, service: LoginService, clock: Clock, cache: Path) -> Login:
    return Login(request.param, service, clock, cache)


@pytest.fixture
def person(service: LoginService, clock: Clock, cache: Path) -> Login:
    return Login("dials", service, clock, cache)


def sent(creds: Any) -> str:
    headers: dict[str, str] = {}
    creds.before_request(headers)
    return headers["Authorization"].removeprefix("Bearer ")


# --- while the token is good


@failures
def test_the_token_is_used_and_renewed_later(
    failure: Any, login: Login, service: LoginService, clock: Clock
) -> None:
    clock.seconds += 1160
    service.will(*login.before, failure)
    for _ in range(5):
        assert sent(login.creds) == login.old
    assert service.answers == []
    assert clock.waits == [], "no request waits"
    asked = len(service.asked)
    clock.seconds += 14
    assert sent(login.creds) == login.old
    assert len(service.asked) == asked
    clock.seconds += 1
    service.will(*login.after)
    assert sent(login.creds) == sent(login.creds) == login.new


@failures
def test_when_the_token_has_ended_the_failure_is_an_error(
    failure: Any, login: Login, service: LoginService, clock: Clock
) -> None:
    clock.seconds += 1199.5
    service.will(*login.before, failure)
    assert sent(login.creds) == login.old
    clock.seconds += 0.5
    service.will(*[*login.before, *[failure] * 6] * 6)
    with pytest.raises(RequestFailedError):
        sent(login.creds)
    service.answers.clear()
    service.will(*login.after)
    assert sent(login.creds) == login.new


@refusals
def test_a_refusal_is_an_error_only_when_the_token_has_ended(
    refusal: Any, login: Login, service: LoginService, clock: Clock
) -> None:
    clock.seconds += 1141
    service.will(*login.before, refusal)
    assert sent(login.creds) == login.old
    asked = len(service.asked)
    clock.seconds += 58
    assert sent(login.creds) == login.old
    assert len(service.asked) == asked, "what is refused is refused"
    clock.seconds += 1
    service.will(*login.before, refusal)
    with pytest.raises(LoginError) as caught:
        sent(login.creds)
    assert caught.value.advice
    service.will(*login.after)
    assert sent(login.creds) == login.new


@pytest.mark.parametrize("way", ["dials", "keycloak"])
def test_a_login_that_has_ended_says_so_in_the_end(
    way: str, service: LoginService, clock: Clock, cache: Path
) -> None:
    creds = Login(way, service, clock, cache).creds
    clock.seconds += 1160
    service.will_refuse("invalid_grant")
    assert sent(creds) == "access-1"
    clock.seconds += 40
    service.will_refuse("invalid_grant")
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"has ended: .*Log in: run `cmsdials login"):
        sent(creds)


def test_a_person_is_asked_only_when_the_token_has_ended(
    person: Login, service: LoginService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")
    clock.seconds += 1160
    service.will_refuse("invalid_grant")
    assert sent(person.creds) == "access-1"
    clock.seconds += 40
    service.will_refuse("invalid_grant")
    service.will(device_answer(), tokens("new"))
    assert sent(person.creds) == "access-new"


def test_a_refresh_token_that_is_over_by_our_clock_is_used_up_quietly(
    service: LoginService, through_dials: AuthClient, clock: Clock, cache: Path
) -> None:
    token = models.token(tokens(refresh_expires_in=1150), clock.now())
    creds = Credentials.from_authclient_token(token, cache, through_dials)
    clock.seconds += 1160
    assert sent(creds) == "access-1"
    clock.seconds += 40
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"by the clock of this machine"):
        sent(creds)


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_the_service_asks_for(
    status: int, as_date: bool, person: Login, service: LoginService, clock: Clock
) -> None:
    clock.seconds += 1145
    until = formatdate(clock.seconds + 30, usegmt=True) if as_date else "30"
    service.will(page(status, **{"Retry-After": until}))
    assert sent(person.creds) == "access-1"
    clock.seconds += 29
    assert sent(person.creds) == "access-1"
    clock.seconds += 1
    service.will(tokens("3"))
    assert sent(person.creds) == "access-3"


def test_a_pause_ends_with_the_token(person: Login, service: LoginService, clock: Clock) -> None:
    clock.seconds += 1160
    service.will(page(503, **{"Retry-After": "9" * 30}))
    assert sent(person.creds) == "access-1"
    clock.seconds += 40
    service.will(tokens("3"))
    assert sent(person.creds) == "access-3"
    clock.seconds += 1160
    service.will(tokens("4"))
    assert sent(person.creds) == "access-4"


def test_an_early_exchange_that_fails_costs_no_token(
    service: LoginService, clock: Clock, cache: Path
) -> None:
    """The refresh token that came before it counts, in the file too; the old access token stays in use."""
    creds = Login("exchange", service, clock, cache).creds
    clock.seconds += 1160
    service.will(tokens("2"), page(503))
    assert sent(creds) == "access-1"
    assert (creds.token, creds.refresh_token) == ("access-1", "refresh-2")
    (kept,) = entries(cache / "credentials.json").values()
    assert kept["refresh_token"] == "refresh-2"
    clock.seconds += 15
    service.will(tokens("3"), page(503))
    assert sent(creds) == "access-1"
    clock.seconds += 15
    service.will(tokens("4"), exchanged("4"))
    assert sent(creds) == "exchanged-4"
    used = [body["refresh_token"] for body in service.bodies if "refresh_token" in body]
    assert used == ["refresh-1", "refresh-2", "refresh-3"]


def test_an_answer_that_is_lost_after_the_service_rotated(
    service: LoginService, clock: Clock, cache: Path
) -> None:
    """A Keycloak that rotates ends the login when the old token comes again: the token for DIALS is good all the same."""
    creds = Login("keycloak", service, clock, cache).creds
    clock.seconds += 1160
    service.will(httpx.ReadError("reset"))
    assert sent(creds) == "access-1"
    clock.seconds += 15
    reused = {"error": "invalid_grant", "error_description": "Maximum allowed refresh token reuse exceeded"}
    service.will(reused, status=400)
    assert sent(creds) == "access-1"
    clock.seconds += 24
    assert sent(creds) == "access-1"
    clock.seconds += 1
    service.will(reused, status=400)
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"has ended: .*reuse exceeded"):
        sent(creds)


def test_no_thread_waits_for_an_early_renewal_of_another(
    person: Login, service: LoginService, clock: Clock
) -> None:
    under_way, over = threading.Event(), threading.Event()

    def slow(_: httpx.Request) -> httpx.Response:
        under_way.set()
        over.wait(MOST_SECONDS)
        return httpx.Response(200, json=tokens("3"))

    clock.seconds += 1160
    service.will(slow)
    thread = threading.Thread(target=sent, args=[person.creds], daemon=True)
    thread.start()
    assert under_way.wait(MOST_SECONDS)
    assert sent(person.creds) == "access-1"
    over.set()
    thread.join(MOST_SECONDS)
    assert sent(person.creds) == "access-3"


def test_what_another_process_stored_is_used_where_it_is_good(
    person: Login, service: LoginService, clock: Clock, cache: Path
) -> None:
    clock.seconds += 300
    theirs = models.token(tokens("theirs"), clock.now())
    Credentials.from_authclient_token(theirs, cache, person.creds.client)
    clock.seconds += 1170  # ours has ended, theirs is good for 30 s
    service.will(page(503))
    assert sent(person.creds) == "access-theirs"
    assert service.bodies == [{"refresh_token": "refresh-theirs"}]


def test_it_is_quiet(
    person: Login, service: LoginService, clock: Clock, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.INFO, "cmsdials")
    clock.seconds += 1160
    service.will(page(503))
    sent(person.creds)
    (record,) = caplog.records
    assert record.getMessage() == (
        "the login is not renewed yet (HTTP 503 Service Unavailable: an HTML page, 'Out of order');"
        " its token is good for 40 s"
    )
    assert record.levelno == logging.INFO
    assert capfd.readouterr() == ("", "")


# --- when the token has ended: a request

Ask = Callable[..., Any]


@pytest.fixture
def ask(new_session: Callable[..., Any], service: LoginService, clock: Clock) -> Ask:
    """Asks for runs with some credentials, by some retries."""

    def make(creds: Any, retries: Any = None, method: str = "GET") -> Any:
        session = new_session(
            "http://dials.test/",
            creds,
            "tracker",
            transport=service.transport,
            clock=clock,
            sleep=clock.sleep,
        )
        return session.perform({"method": method, "url": "/api/v1/run/"}, json.loads, retries=retries)

    return make


REPEATED = {
    name: FAILURES[name]
    for name in (
        "500 of a stopped worker",
        "502",
        "503",
        "504",
        "429",
        "a page",
        "empty",
        "cut",
        "text",
        "no connection",
        "dropped",
        "reset",
        "slow",
        "slow to connect",
    )
}
FINAL = {name: FAILURES[name] for name in FAILURES if name not in REPEATED}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("failure", REPEATED.values(), ids=REPEATED)
def test_a_renewal_is_tried_as_often_as_the_request(
    failure: Any, method: str, login: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    """Whatever its method: without a token it was not sent."""
    clock.seconds += 2000
    # The exchange fails twice, each time after a refresh.
    service.will(*login.before, failure, *login.before, failure, *login.after, {"page": 1})
    assert ask(login.creds, method=method) == {"page": 1}
    assert clock.waits == [1]
    assert service.asked[-1][2]["Authorization"] == f"Bearer {login.new}"


@pytest.mark.parametrize("failure", FINAL.values(), ids=FINAL)
def test_what_no_request_is_sent_again_for(
    failure: Any, person: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    clock.seconds += 2000
    service.will(failure)
    with pytest.raises(DialsError):
        ask(person.creds)
    assert clock.waits == []


@pytest.mark.parametrize(
    ("retries", "tried", "waits"),
    [
        (None, 6, [1, 2, 4, 8]),
        (True, 6, [1, 2, 4, 8]),
        (0, 1, []),
        (1, 2, []),
        (3, 4, [1, 2]),
        (Retry(total=2, backoff_factor=0), 3, []),
        (Retry(total=None, status=2, backoff_factor=3), 3, [6]),
        (Retry(total=5, status_forcelist=[500]), 1, []),
        (Retry(total=5, allowed_methods=["HEAD"], backoff_factor=0), 6, []),
    ],
    ids=str,
)
def test_the_retries_of_the_user_count(
    retries: Any, tried: int, waits: list[float], login: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    clock.seconds += 2000
    service.will(*[*login.before, page(503)] * tried)
    with pytest.raises(GatewayError) as caught:
        ask(login.creds, retries)
    assert caught.value.attempts == tried
    assert clock.waits == waits
    assert "try again in a few minutes" in caught.value.advice
    assert not caught.value.is_too_slow
    assert caught.value.of_login


def test_failures_of_the_renewal_and_of_the_request_count_together(
    person: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    clock.seconds += 2000
    service.will(page(503), page(502), tokens("3"), page(503), page(502))
    with pytest.raises(GatewayError, match=r"502.*after 4 attempts") as caught:
        ask(person.creds, 3)
    assert not caught.value.of_login
    assert clock.waits == [1, 2]


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_login_service_asks_for(
    status: int, login: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    clock.seconds += 2000
    service.will(*login.before, page(status, **{"Retry-After": "17"}), *login.after, {"page": 1})
    assert ask(login.creds) == {"page": 1}
    assert clock.waits == [17]


def test_a_wait_that_is_too_long_is_said_once(
    login: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    clock.seconds += 2000
    service.will(*login.before, page(503, **{"Retry-After": "7200"}))
    with pytest.raises(GatewayError) as caught:
        ask(login.creds)
    assert caught.value.advice.count("asks to wait 7200 s") == 1


def test_a_login_that_ends_while_it_is_tried_again(
    person: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    clock.seconds += 2000
    service.will(page(503), httpx.Response(400, json={"code": "invalid_grant"}))
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"has ended"):
        ask(person.creds)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_wait_can_be_interrupted(
    stop: type[BaseException], person: Login, service: LoginService, clock: Clock, new_session: Any
) -> None:
    def interrupted(_: float) -> None:
        raise stop

    session = new_session(
        "http://dials.test/", person.creds, transport=service.transport, clock=clock, sleep=interrupted
    )
    clock.seconds += 2000
    service.will(page(503), page(503))
    with pytest.raises(stop):
        session.perform({"method": "GET", "url": "/api/v1/run/"}, json.loads)
    service.will(tokens("3"))
    assert sent(person.creds) == "access-3"


def test_nothing_is_locked_during_a_wait(
    person: Login, service: LoginService, clock: Clock, cache: Path, new_session: Any
) -> None:
    """So that another process that has more luck can store what it got, which is then used."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        with FileLock(cache / "credentials.json.lock", timeout=0):
            pass
        theirs = models.token(tokens("theirs"), clock.now())
        Credentials.from_authclient_token(theirs, cache, person.creds.client)

    session = new_session(
        "http://dials.test/", person.creds, "tracker", transport=service.transport, clock=clock, sleep=wait
    )
    clock.seconds += 2000
    service.will(page(503), page(503), {"page": 1})
    assert session.perform({"method": "GET", "url": "/api/v1/run/"}, json.loads) == {"page": 1}
    assert waits == [1]
    assert service.asked[-1][2]["Authorization"] == "Bearer access-theirs"


def test_the_log_says_that_a_login_is_renewed(
    person: Login, service: LoginService, clock: Clock, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cmsdials")
    clock.seconds += 2000
    service.will(page(503), page(502), tokens("3"), {"page": 1})
    ask(person.creds)
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        "the login is not renewed yet"
    ] * 2
    assert [record.getMessage().split("; ")[1] for record in caplog.records] == [
        "trying again in 0 s",
        "trying again in 1 s",
    ]


# --- when DIALS refuses the token


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_renewed_by_the_same_rules_and_not_sent_again(
    status: int, login: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    service.will({"code": "access_token_expired"}, status=status)
    service.will(*login.before, page(503), *login.before, httpx.ReadError("reset"), *login.before, page(502))
    service.will(*login.after, {"page": 1})
    assert ask(login.creds) == {"page": 1}
    assert clock.waits == [1, 2]
    carried = [headers["Authorization"] for path, _, headers in service.asked if path == "/api/v1/run/"]
    assert carried == [f"Bearer {login.old}", f"Bearer {login.new}"]


def test_a_refused_token_is_not_good_for_the_next_request(
    person: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    service.will({"code": "access_token_expired"}, status=403)
    service.will(page(503))
    with pytest.raises(GatewayError):
        ask(person.creds, 0)
    service.will(page(503))
    with pytest.raises(GatewayError):
        ask(person.creds, 0)
    service.will(tokens("3"), {"page": 1})
    assert ask(person.creds, 0) == {"page": 1}


def test_a_token_that_is_refused_again_after_its_renewal_is_an_error(
    person: Login, service: LoginService, clock: Clock, ask: Ask
) -> None:
    refused = httpx.Response(403, json={"code": "access_token_expired"})
    service.will(refused, page(503), tokens("3"), refused)
    with pytest.raises(AuthenticationError):
        ask(person.creds)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_page_of_a_proxy_does_not_end_a_login(
    status: int, service: LoginService, clock: Clock, cache: Path, ask: Ask
) -> None:
    """A refusal of Keycloak has a code."""
    creds = Login("keycloak", service, clock, cache).creds
    clock.seconds += 2000
    service.will(page(status, "Blocked"))
    with pytest.raises(RequestFailedError, match=r"Blocked.*open the address in a browser.*login is kept"):
        ask(creds)
    service.will(tokens("3"), exchanged("3"), {"page": 1})
    assert ask(creds) == {"page": 1}


def test_what_a_person_has_confirmed_is_not_lost(
    service: LoginService, clock: Clock, cache: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device code is used up by then: the exchange alone is tried again."""
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")
    creds = Login("keycloak", service, clock, cache).creds
    clock.seconds += 2000
    service.will_refuse("invalid_grant")
    service.will(device_answer(), tokens("3"), page(503), page(503), exchanged("3"), {"page": 1})
    assert ask(creds) == {"page": 1}


# --- a listing

AS_RUNS = {"next": None, "previous": None}


@pytest.fixture
def listing(new_session: Callable[..., Any], service: LoginService, clock: Clock) -> Callable[..., Any]:
    """Lists runs; the token ends after the first page."""

    def make(creds: Any) -> Any:
        return dials_over(
            new_session(
                "http://dials.test/",
                creds,
                "tracker",
                transport=service.transport,
                clock=clock,
                sleep=clock.sleep,
            )
        )

    def first(_: httpx.Request) -> httpx.Response:
        clock.seconds += 2000
        link = "http://elsewhere.test/api/v1/run/?next_token=c1"
        return httpx.Response(200, json=AS_RUNS | {"next": link, "results": [run_row(1)]})

    service.will(first)
    return make


@pytest.mark.parametrize("failure", REPEATED.values(), ids=REPEATED)
def test_a_listing_goes_on(
    failure: Any, login: Login, service: LoginService, clock: Clock, listing: Any
) -> None:
    """With pages as large as before: they are not what was too slow."""
    sizes: list[str] = []

    def last(request: httpx.Request) -> httpx.Response:
        sizes.append(request.url.params["page_size"])
        return httpx.Response(200, json=AS_RUNS | {"results": [run_row(2)]})

    service.will(*login.before, failure, *login.before, failure, *login.after, last)
    result = listing(login.creds).run.list_all(enable_progress=False)
    assert result.complete
    assert [run.run_number for run in result] == [1, 2]
    assert clock.waits == [1]
    assert sizes == ["500"]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (FAILURES["500"], ServerError),
        (FAILURES["500 page"], ServerError),
        (FAILURES["502"], GatewayError),
        (FAILURES["slow"], RequestTimeoutError),
        (FAILURES["429"], TooManyRequestsError),
        (FAILURES["no connection"], ConnectionFailedError),
    ],
)
def test_a_listing_that_fails_says_that_it_is_the_login(
    failure: Any,
    kind: type[RequestFailedError],
    person: Login,
    service: LoginService,
    clock: Clock,
    listing: Any,
) -> None:
    """And not its position or its pages, which are as good as before: the next call continues."""
    pages = listing(person.creds).run.pages(retries=1)
    next(pages)
    service.will(failure)
    if kind is not ServerError:
        service.will(failure)
    with pytest.raises(RequestFailedError, match=r"Your login is kept") as caught:
        next(pages)
    assert type(caught.value) is kind
    assert "position" not in str(caught.value)
    service.will(tokens("3"), AS_RUNS | {"results": [run_row(2)]})
    assert [run.run_number for run in next(pages).rows] == [2]
    assert pages.complete


def test_a_listing_where_the_refresh_token_stays_the_same(
    service: LoginService, clock: Clock, cache: Path, listing: Any
) -> None:
    """As of a Keycloak that does not rotate, and sends none."""
    creds = Login("keycloak", service, clock, cache).creds
    service.will(page(503), {"access_token": "public"}, {"access_token": "exchanged"})
    service.will(AS_RUNS | {"results": [run_row(2)]})
    assert len(listing(creds).run.list_all(enable_progress=False)) == 2
    assert creds.refresh_token == "refresh-1"
