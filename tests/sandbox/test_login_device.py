"""Logins in progress, with a clock that stands still: every answer of RFC 8628, each step once."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from cmsdials_sandbox.logins.clients import DIALS, PUBLIC_CLIENTS
from cmsdials_sandbox.logins.device import DeviceLogins, Status, normalised
from cmsdials_sandbox.logins.refusals import LoginRefused

PRODUCTION, DEVELOPMENT = PUBLIC_CLIENTS.values()


@pytest.fixture
def devices(clock):
    return DeviceLogins(lifetime=600, interval=5, auto_approve=None, clock=clock)


def refusal(devices, login, **how):
    with pytest.raises(LoginRefused) as refused:
        devices.poll(login.device_code, PRODUCTION, **how)
    return refused.value.error


def test_codes(devices):
    logins = [devices.start(PRODUCTION) for _ in range(50)]
    assert len({login.user_code for login in logins}) == 50
    for login in logins:
        assert re.fullmatch(r"[BCDFGHJ-NP-TV-XZ]{4}-[BCDFGHJ-NP-TV-XZ]{4}", login.user_code)
        assert len(login.device_code) > 40
        assert login.device_code not in repr(login)
        assert login.confirmation not in repr(login)


@pytest.mark.parametrize(
    "typed", ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "WDJB\u2013MJHT", "W-D-J-B-M-J-H-T"]
)
def test_a_code_as_people_type_it(typed):
    assert normalised(typed) == "WDJB-MJHT"


@pytest.mark.parametrize("typed", ["", "-", "WDJB-MJH", "WDJB-MJHTX", "WDJBM-JHT5"])
def test_no_code_at_all(devices, typed):
    devices.start(PRODUCTION)
    assert devices.find(user_code=typed) is None
    assert normalised(typed) != "WDJB-MJHT"


def test_found_by_either_code(devices):
    login = devices.start(PRODUCTION)
    devices.start(DEVELOPMENT)
    assert devices.find(user_code=login.user_code.lower()) == login
    assert devices.find(device_code=login.device_code) == login
    assert devices.find(device_code="unknown") is None
    assert devices.find() is None


def test_approved_once_and_used_once(devices, clock):
    login = devices.start(PRODUCTION)
    assert refusal(devices, login) == "authorization_pending"
    approved = devices.decide(login, Status.APPROVED)
    assert approved.status is Status.APPROVED
    assert devices.decide(login, Status.DENIED) is None
    clock.advance(5)
    devices.poll(login.device_code, PRODUCTION)
    assert refusal(devices, login) == "invalid_grant"
    assert devices.find(device_code=login.device_code).status is Status.USED


def test_denied_for_ever(devices, clock):
    login = devices.start(PRODUCTION)
    devices.decide(login, Status.DENIED)
    assert devices.decide(login, Status.APPROVED) is None
    for _ in range(2):
        assert refusal(devices, login) == "access_denied"
        assert refusal(devices, login) == "slow_down"
        clock.advance(5)


def test_a_code_is_its_clients(devices):
    login = devices.start(PRODUCTION)
    devices.decide(login, Status.APPROVED)
    for client in (DEVELOPMENT, DIALS):
        with pytest.raises(LoginRefused, match="invalid_grant"):
            devices.poll(login.device_code, client)
    devices.poll(login.device_code, PRODUCTION)


def test_unknown_code(devices):
    with pytest.raises(LoginRefused, match="invalid_grant"):
        devices.poll("unknown", PRODUCTION)


@pytest.mark.parametrize("decision", [None, Status.APPROVED, Status.DENIED])
def test_expired_whatever_was_decided(devices, clock, decision):
    login = devices.start(PRODUCTION)
    if decision:
        devices.decide(login, decision)
    clock.advance(599)
    assert devices.find(device_code=login.device_code).status is (decision or Status.PENDING)
    assert devices.seconds_left(login) == 1
    clock.advance(1)
    assert devices.decide(login, Status.APPROVED) is None
    assert refusal(devices, login) == "expired_token"
    assert devices.seconds_left(login) == 0


def test_a_used_code_does_not_expire(devices, clock):
    login = devices.start(PRODUCTION)
    devices.decide(login, Status.APPROVED)
    devices.poll(login.device_code, PRODUCTION)
    clock.advance(10_000)
    assert refusal(devices, login) == "invalid_grant"


# (seconds since the last poll, what is answered)
PACE = [
    (0, "authorization_pending"),
    (5, "authorization_pending"),
    (2.5, "slow_down"),
    (2.4, "slow_down"),
    (0.1, "authorization_pending"),
    (0, "slow_down"),
    (5, "authorization_pending"),
]


def test_too_fast_counts_from_the_last_that_was_not(devices, clock):
    """As a real Keycloak counts: it neither lengthens the interval nor begins it again."""
    login = devices.start(PRODUCTION)
    other = devices.start(PRODUCTION)
    for waited, error in PACE:
        clock.advance(waited)
        assert refusal(devices, login) == error
    assert refusal(devices, other) == "authorization_pending"


@pytest.mark.parametrize("decision", [Status.APPROVED, Status.DENIED])
def test_too_fast_is_too_fast_whatever_was_decided(devices, clock, decision):
    login = devices.start(PRODUCTION)
    assert refusal(devices, login) == "authorization_pending"
    devices.decide(login, decision)
    assert refusal(devices, login) == "slow_down"
    clock.advance(5)
    if decision is Status.DENIED:
        assert refusal(devices, login) == "access_denied"
    else:
        devices.poll(login.device_code, PRODUCTION)


def test_no_pace(devices):
    login = devices.start(PRODUCTION)
    assert [refusal(devices, login, paced=False) for _ in range(3)] == ["authorization_pending"] * 3
    assert devices.find(device_code=login.device_code).interval == 5


def test_approved_by_itself(clock):
    devices = DeviceLogins(lifetime=600, interval=0, auto_approve=30, clock=clock)
    login, denied = devices.start(PRODUCTION), devices.start(PRODUCTION)
    devices.decide(denied, Status.DENIED)
    clock.advance(29)
    assert refusal(devices, login) == "authorization_pending"
    clock.advance(1)
    devices.poll(login.device_code, PRODUCTION)
    assert refusal(devices, denied) == "access_denied"


def test_approved_by_itself_at_once(clock):
    devices = DeviceLogins(lifetime=600, interval=5, auto_approve=0, clock=clock)
    devices.poll(devices.start(PRODUCTION).device_code, PRODUCTION)


def test_too_late_to_be_approved_by_itself(clock):
    devices = DeviceLogins(lifetime=10, interval=5, auto_approve=20, clock=clock)
    login = devices.start(PRODUCTION)
    clock.advance(20)
    assert refusal(devices, login) == "expired_token"


def test_many_polls_at_once_give_one_login(devices):
    login = devices.start(PRODUCTION)
    devices.decide(login, Status.APPROVED)

    def poll(_):
        try:
            devices.poll(login.device_code, PRODUCTION)
        except LoginRefused as refused:
            return refused.error
        return "tokens"

    with ThreadPoolExecutor(16) as threads:
        answers = sorted(threads.map(poll, range(64)))
    assert answers == ["invalid_grant"] * 63 + ["tokens"]
