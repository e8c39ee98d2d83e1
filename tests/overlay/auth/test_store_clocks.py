"""Machines that share a login and disagree on the time: what one has renewed the other takes, whatever the clocks say."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials.auth import models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import ImpossibleToRefreshTokenError

from .conftest import START, Clock, LoginService, tokens

LASTS = 1200
OFF = [0, -1500, 1500, -86400, 86400]
"""Seconds by which a clock is ahead."""


def jwt(name: str, issued: Any) -> str:
    parts = [{"alg": "none"}, {"iat": issued, "exp": START + LASTS, "jti": name}]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), name])


class Machine:
    """A client on a machine whose clock is ahead by some seconds; `true` is the time of the service."""

    def __init__(self, service: LoginService, cache: Path, ahead: float) -> None:
        self.clock = Clock()
        self.ahead = ahead
        self.cache = cache
        self.at(0)
        self.client = AuthClient(
            "http://dials.test/", transport=service.transport, clock=self.clock, sleep=self.clock.sleep
        )

    def at(self, true: float) -> None:
        self.clock.seconds = START + true + self.ahead

    def gets(self, name: str, true: float, *, issued: Any = None, opaque: bool = False) -> models.Token:
        self.at(true)
        access = f"access-{name}" if opaque else jwt(name, START + true if issued is None else issued)
        answer = tokens(name, access_token=access, expires_in=LASTS, refresh_expires_in=1800)
        return models.token(answer, self.clock.now())

    def keeps(self, token: models.Token) -> Credentials:
        return Credentials.from_authclient_token(token, self.cache, self.client)


@pytest.fixture
def machine(service: LoginService, tmp_path: Path) -> Callable[[float], Machine]:
    return lambda ahead: Machine(service, tmp_path / "cache", ahead)


def sent(credentials: Any) -> str:
    headers: dict[str, str] = {}
    credentials.before_request(headers)
    return headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("theirs", OFF)
@pytest.mark.parametrize("ours", OFF)
def test_a_newer_token_is_taken_as_long_as_it_lasts(
    ours: int, theirs: int, machine: Callable[[float], Machine], service: LoginService
) -> None:
    here, there = machine(ours), machine(theirs)
    creds = here.keeps(here.gets("1", 0))
    newer = there.gets("theirs", 1150)
    there.keeps(newer)
    for true in (1500, 1150 + LASTS - 61):
        here.at(true)
        assert sent(creds) == newer.access_token
    assert service.asked == []
    assert abs(creds.expires_at.timestamp() - (START + 1150 + LASTS + ours)) < 2
    here.at(1150 + LASTS - 59)
    service.will(tokens("3"))
    assert sent(creds) == "access-3"
    assert [body["refresh_token"] for body in service.bodies] == ["refresh-theirs"]


@pytest.mark.parametrize("theirs", OFF)
@pytest.mark.parametrize("ours", OFF)
def test_without_claims_the_newer_token_is_the_one_that_was_stored_since(
    ours: int, theirs: int, machine: Callable[[float], Machine], service: LoginService
) -> None:
    """Whether it has ended cannot be known then: it is used as it is, or renewed; the older one never is."""
    here, there = machine(ours), machine(theirs)
    creds = here.keeps(here.gets("1", 0, opaque=True))
    there.keeps(there.gets("theirs", 1150, opaque=True))
    here.at(1500)
    service.answers = [httpx.Response(200, json=tokens("3"))]
    assert sent(creds) == ("access-3" if service.asked else "access-theirs")
    service.answers.clear()
    assert [body["refresh_token"] for body in service.bodies] in ([], ["refresh-theirs"])
    if theirs == ours:
        assert service.asked == []


@pytest.mark.parametrize("found", [True, False])
def test_a_script_that_starts_from_what_another_machine_left(
    found: bool, machine: Callable[[float], Machine], service: LoginService
) -> None:
    here, there = machine(0), machine(-1500)
    there.keeps(there.gets("1", 0))
    here.at(10)
    creds = Credentials.from_creds_file(here.cache, here.client)
    if found:
        newer = there.gets("2", 20)
        there.keeps(newer)
    here.at(30)
    service.will(tokens("3"))
    assert (
        sent(creds) == "access-3"
    )  # it looks as if it had ended: once, until this machine has a token of its own
    assert service.bodies[0]["refresh_token"] == ("refresh-2" if found else "refresh-1")
    assert sent(creds) == "access-3"


@pytest.mark.parametrize(
    ("theirs", "opaque"),
    [*((theirs, False) for theirs in OFF), *((theirs, True) for theirs in OFF if theirs >= 0)],
)
def test_scripts_that_start_from_what_another_machine_left_renew_it_once(
    theirs: int, opaque: bool, machine: Callable[[float], Machine], service: LoginService
) -> None:
    here, there = machine(0), machine(theirs)
    there.keeps(there.gets("1", 0, opaque=opaque))
    here.at(1500)
    scripts = [Credentials.from_creds_file(here.cache, here.client) for _ in range(3)]
    newer = here.gets("2", 1500, opaque=opaque)
    service.will(tokens("2", access_token=newer.access_token, expires_in=LASTS, refresh_expires_in=1800))
    refused = {"Authorization": f"Bearer {scripts[0].check().access_token}"} if theirs > 0 else {}
    for script in scripts:
        script.renew(refused)
    assert [sent(script) for script in scripts] == [newer.access_token] * 3
    assert len(service.asked) == 1


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize("theirs", OFF)
def test_a_refresh_that_another_machine_was_faster_with(
    theirs: int, opaque: bool, machine: Callable[[float], Machine], service: LoginService
) -> None:
    """Where locks do not reach: the service refuses the older refresh token, and the newer one is in the file."""
    here, there = machine(0), machine(theirs)
    creds = here.keeps(here.gets("1", 0, opaque=opaque))
    here.at(1500)
    newer = there.gets("theirs", 1499, opaque=opaque)

    def faster(_: httpx.Request) -> httpx.Response:
        file = here.cache / "credentials.json"
        content = json.loads(file.read_text())
        (name,) = content["logins"]
        content["logins"][name] |= newer.as_json()
        file.write_text(json.dumps(content))
        return httpx.Response(400, json={"detail": "used", "code": "invalid_grant"})

    service.will(faster)
    assert sent(creds) == newer.access_token


@pytest.mark.parametrize(
    "issued",
    [float("nan"), float("inf"), -1, 0, 9e10, 1e300, True, "1750000000", [], {}],
    ids=repr,
)
@pytest.mark.parametrize("theirs", [-1500, 1500])
def test_an_unusable_time_of_issue_counts_as_none(
    issued: Any, theirs: int, machine: Callable[[float], Machine], service: LoginService
) -> None:
    here, there = machine(0), machine(theirs)
    creds = here.keeps(here.gets("1", 0, issued=issued))
    newer = there.gets("theirs", 1150, issued=issued)
    there.keeps(newer)
    here.at(1500)
    service.answers = [httpx.Response(200, json=tokens("3"))]
    assert sent(creds) == ("access-3" if service.asked else newer.access_token)
    service.answers.clear()
    assert [body["refresh_token"] for body in service.bodies] in ([], ["refresh-theirs"])


@pytest.mark.parametrize("theirs", OFF)
def test_an_older_copy_that_was_put_back_is_not_taken(
    theirs: int, machine: Callable[[float], Machine], service: LoginService
) -> None:
    here, there = machine(0), machine(theirs)
    creds = here.keeps(here.gets("2", 1000))
    there.keeps(there.gets("1", 0))
    here.at(2300)
    service.will(tokens("3"))
    assert sent(creds) == "access-3"
    assert service.bodies == [{"refresh_token": "refresh-2"}]


@pytest.mark.parametrize("opaque", [True, False])
def test_what_could_not_be_stored_is_newer_than_the_file(
    opaque: bool,
    machine: Callable[[float], Machine],
    service: LoginService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = machine(-1500)
    creds = here.keeps(here.gets("1", 0, opaque=opaque))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    second = here.gets("2", 1300, opaque=opaque)
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        service.will(tokens("2", access_token=second.access_token))
        with pytest.warns(RuntimeWarning, match=r"for this process alone: .*No space left"):
            assert sent(creds) == second.access_token
    for name in ("3", "4"):
        here.clock.seconds += 2000
        service.will(tokens(name))
        assert sent(creds) == f"access-{name}"
    assert [body["refresh_token"] for body in service.bodies] == ["refresh-1", "refresh-2", "refresh-3"]


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize("theirs", [0, -1500, -86400])
def test_a_login_that_has_ended_for_all_machines_is_one_error(
    theirs: int, opaque: bool, machine: Callable[[float], Machine], service: LoginService
) -> None:
    here, there = machine(0), machine(theirs)
    creds = here.keeps(here.gets("1", 0, opaque=opaque))
    there.keeps(there.gets("theirs", 1150, opaque=opaque))
    here.at(2900)
    service.will_refuse("invalid_grant")
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"has ended"):
        sent(creds)
    assert [body["refresh_token"] for body in service.bodies] == ["refresh-theirs"]
