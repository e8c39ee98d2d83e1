"""A person logs in with a code: approves, denies, lets it expire, and a program that asks too fast."""

import time

import pytest
from cmsdials import Dials
from cmsdials.auth.device import Credentials
from cmsdials.errors import LoginDeniedError, LoginError, LoginExpiredError, PendingAuthorizationError

from .conftest import RUNS, Clock, Pauses
from .realm import AUDIENCE, PERSON, PUBLIC
from .services import DEVICE_CODE, Settings, client, refused

MINUTES = 300
"""Seconds that nothing here takes, however slow the machine is."""


def test_approve(service, capsys, tmp_path):
    pauses = Pauses(lambda: capsys.readouterr().err, service.pages.approve)
    auth = client(service, sleep=pauses)
    token = auth.device_auth_flow()
    assert pauses.waited == [5.0]
    assert (token.token_type, token.expires_in) == ("Bearer", 1200)
    claims = token.claims
    assert (claims["aud"], claims["azp"], claims["preferred_username"]) == (AUDIENCE, PUBLIC, PERSON)
    assert claims["iss"] == auth.realm_url.rstrip("/")
    credentials = Credentials.from_authclient_token(token, tmp_path, auth)
    dials = Dials(credentials, workspace="tracker", base_url=service.url)
    assert len(dials.run.list_all(enable_progress=False).results) == RUNS


def test_deny(service, capsys):
    pauses = Pauses(lambda: capsys.readouterr().err, service.pages.deny)
    with pytest.raises(LoginDeniedError):
        client(service, sleep=pauses).device_auth_flow()


def test_the_answer_to_who_was_denied(service):
    device = client(service).new_device()
    service.pages.deny(device.verification_uri_complete)
    assert refused(service, DEVICE_CODE, device_code=device.device_code) == (400, "access_denied")


def test_the_code_is_the_one_that_the_page_was_opened_with(service):
    device = client(service).new_device()
    assert device.user_code
    assert device.verification_uri_complete == f"{device.verification_uri}?user_code={device.user_code}"
    assert (device.expires_in, device.interval) == (600, 5)


def test_let_it_expire(place):
    """Keycloak remembers a code for some seconds and one interval after it has expired: here that is minutes."""
    service = place(Settings(device_lifetime=2, interval=MINUTES))
    auth = client(service)
    device = auth.new_device()
    end = time.monotonic() + MINUTES
    while (said := refusal(auth, device)) is PendingAuthorizationError:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert said is LoginExpiredError
    assert refused(service, DEVICE_CODE, device_code=device.device_code) == (400, "expired_token")
    service.pages.open(device.verification_uri_complete)
    assert service.pages.expired in service.pages.text


def refusal(auth, device):
    with pytest.raises(LoginError) as caught:
        auth.device_token(device.device_code)
    return caught.type


def test_nobody_confirms(service, capsys):
    """The flow ends by itself when the codes do, and does not ask for what cannot come any more."""
    clock, waited = Clock(), []

    def wait(seconds):
        waited.append(seconds)
        clock.off += seconds

    with pytest.raises(LoginExpiredError):
        client(service, clock=clock, sleep=wait).device_auth_flow()
    assert len(waited) > 1
    assert sum(waited) <= 600


def test_slow_down(place, capsys):
    """Who asks too fast has to wait five seconds longer from then on."""
    service = place(Settings(interval=1))
    pauses = Pauses(lambda: capsys.readouterr().err, service.pages.approve, longer_than=1, then=1.2)
    token = client(service, sleep=pauses).device_auth_flow()
    assert token.claims["aud"] == AUDIENCE
    *before, last = pauses.waited
    assert (set(before), last) == ({1.0}, 6.0)


def test_too_fast_although_it_is_approved(place):
    service = place(Settings(interval=MINUTES))
    auth = client(service)
    device = auth.new_device()
    answers = [refused(service, DEVICE_CODE, device_code=device.device_code) for _ in range(2)]
    assert answers == [(400, "authorization_pending"), (400, "slow_down")]
    service.pages.approve(device.verification_uri_complete)
    with pytest.raises(PendingAuthorizationError):
        auth.device_token(device.device_code)
    assert refused(service, DEVICE_CODE, device_code=device.device_code) == (400, "slow_down")


def test_a_code_is_good_once(service, log_in):
    auth = client(service)
    device = auth.new_device()
    service.pages.approve(device.verification_uri_complete)
    auth.device_token(device.device_code)
    with pytest.raises(LoginError, match="invalid_grant"):
        auth.device_token(device.device_code)
    assert refused(service, DEVICE_CODE, device_code=device.device_code) == (400, "invalid_grant")


@pytest.mark.parametrize("named", [{"client_id": "no-such-app"}, {"client_id": AUDIENCE}, {"realm": "atlas"}])
def test_nobody_to_log_in_at(service, named):
    with pytest.raises(LoginError, match=r"starts no login .*Check the address, the realm"):
        client(service, **named).new_device()


def test_an_account_that_must_act_first(service, log_in):
    """The login that there is goes on; the next one waits for what the account has to do."""
    auth = client(service)
    before = log_in.token(auth, service)
    with service.having_to_act():
        assert auth.refresh(before).claims["sid"] == before.claims["sid"]
        device = auth.new_device()
        service.pages.arrive(device.verification_uri_complete)
        service.pages.act_and_approve()
        token = auth.device_token(device.device_code)
    assert token.claims["aud"] == AUDIENCE
