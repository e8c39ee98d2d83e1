"""A login that goes on, and all the ways in which it ends."""

import time

import pytest
from cmsdials import Dials
from cmsdials.auth.client_credentials import Credentials as Application
from cmsdials.auth.device import Credentials
from cmsdials.errors import (
    AuthenticationError,
    ImpossibleToRefreshTokenError,
    LoginError,
    PendingAuthorizationError,
)

from .conftest import RUNS, Clock
from .realm import APPLICATION, APPLICATION_SECRET, AUDIENCE
from .services import Settings, ask, client, refused

HOUR = 3600.0


@pytest.mark.parametrize("rotates", [True, False])
def test_refresh(place, log_in, rotates):
    service = place(Settings(rotates=rotates))
    auth = client(service)
    first = log_in.token(auth, service)
    second = auth.refresh(first)
    assert second.access_token != first.access_token
    assert second.claims["sid"] == first.claims["sid"]
    if not rotates:
        assert auth.refresh(first).claims["sid"] == first.claims["sid"]
        return
    # A refresh token that comes twice may have been stolen: the login is over, for the newer one too.
    for spent in (first, second):
        with pytest.raises(ImpossibleToRefreshTokenError, match="invalid_grant"):
            auth.refresh(spent)


def test_a_stale_token_is_renewed_before_it_is_sent(service, log_in):
    clock = Clock()
    credentials, dials = log_in(service, clock=clock)
    before, first = service.counts(), credentials.token
    assert dials.run.count() == RUNS
    assert (credentials.token, service.counts()) == (first, before)
    clock.off += 1190
    assert dials.run.count() == RUNS
    assert credentials.token != first
    assert service.counts().refreshes == before.refreshes + 1


def test_revoked(service, log_in, tmp_path):
    """What was issued holds until it expires, as DIALS looks at its signature alone; nothing new is."""
    auth = client(service)
    token = log_in.token(auth, service)
    credentials = Credentials.from_authclient_token(token, tmp_path, auth)
    assert auth.revoke(token)
    assert auth.revoke(token)
    assert Dials(credentials, workspace="tracker", base_url=service.url).run.count() == RUNS
    with pytest.raises(ImpossibleToRefreshTokenError, match="invalid_grant"):
        auth.refresh(token)
    assert not_refreshed(service, token) == (400, "invalid_grant")


def not_refreshed(service, login):
    return refused(service, "refresh_token", refresh_token=login.refresh_token)


def test_ended_by_the_administrator(service, log_in):
    clock = Clock()
    credentials, dials = log_in(service, clock=clock)
    service.end_sessions()
    assert not_refreshed(service, credentials) == (400, "invalid_grant")
    assert dials.run.count() == RUNS
    clock.off += 1190
    assert dials.run.count() == RUNS, "it cannot be renewed, and is still good"
    clock.off += 15
    for _ in range(2):
        with pytest.raises(ImpossibleToRefreshTokenError) as caught:
            dials.run.count()
        assert f"run `cmsdials login --instance {service.url} --keycloak-url" in str(caught.value)


def test_a_login_that_is_shorter_than_its_tokens(place, log_in):
    """No token outlives the login, whose end no renewal moves; once it is over by this machine's clock, nothing is sent."""
    lasts = 600
    service = place(Settings(refresh_lifetime=lasts))
    clock = Clock()
    credentials, dials = log_in(service, clock=clock)
    assert 0 < credentials.expires_in <= lasts
    first = credentials.refresh_expires_in
    assert 0 < first <= lasts
    before = service.counts()
    time.sleep(1.1)
    clock.off += credentials.expires_in - 30
    assert dials.run.count() == RUNS
    assert service.counts().refreshes == before.refreshes + 1
    assert 0 < credentials.refresh_expires_in < first
    clock.off += lasts
    with pytest.raises(ImpossibleToRefreshTokenError, match=r"it expired on .*; nothing was sent"):
        dials.run.count()
    assert service.counts().refreshes == before.refreshes + 1


def test_a_user_who_is_disabled(service, log_in):
    clock = Clock()
    credentials, dials = log_in(service, clock=clock)
    auth = client(service)
    with service.disabled():
        assert not_refreshed(service, credentials) == (400, "invalid_grant")
        assert dials.run.count() == RUNS
        clock.off += 1205
        with pytest.raises(ImpossibleToRefreshTokenError, match="User disabled"):
            dials.run.count()
        device = auth.new_device()
        service.pages.arrive(device.verification_uri_complete)
        assert service.pages.disabled in service.pages.text
        with pytest.raises(PendingAuthorizationError):
            auth.device_token(device.device_code)
    assert dials.run.count() == RUNS


def test_keys_are_rotated(service, log_in, tmp_path):
    """Tokens of the old key hold as long as it is published; afterwards they are renewed, and nobody notices."""
    credentials, dials = log_in(service)
    before, first = service.counts(), credentials.token
    service.rotate_keys()
    _, other = log_in(service, tmp_path / "other")
    assert [dials.run.count(), other.run.count()] == [RUNS] * 2
    assert credentials.token == first
    service.rotate_keys()
    service.remove_old_keys()
    # DIALS reads the keys again when it meets one that it does not know.
    _, third = log_in(service, tmp_path / "third")
    assert third.run.count() == RUNS
    assert dials.run.count() == RUNS
    assert credentials.token != first
    assert service.counts().refreshes == before.refreshes + 1


def test_an_application(service):
    """It has no login that ends: it asks for the next token with its secret."""
    clock = Clock()
    application = Application(APPLICATION, APPLICATION_SECRET, client(service, clock=clock))
    dials = Dials(application, workspace="tracker", base_url=service.url)
    assert dials.run.count() == RUNS
    first = application.check()
    audience = first.claims["aud"]
    assert AUDIENCE in ([audience] if isinstance(audience, str) else audience)
    clock.off += 1190
    assert dials.run.count() == RUNS
    assert application.check().access_token != first.access_token


@pytest.mark.parametrize(
    ("client_id", "secret", "answer"),
    [
        (APPLICATION, "another", (401, "unauthorized_client")),
        ("no-such-app", APPLICATION_SECRET, (401, "invalid_client")),
    ],
)
def test_an_application_that_is_not_let_in(service, client_id, secret, answer):
    with pytest.raises(LoginError, match=f"does not let the application '{client_id}' in"):
        Application(client_id, secret, client(service)).check()
    assert refused(service, "client_credentials", client_id=client_id, client_secret=secret) == answer


def test_the_endpoint_of_cern_for_applications(service):
    """It is not Keycloak's, so that `test_an_application` does without it there."""
    named = {"client_id": APPLICATION, "client_secret": APPLICATION_SECRET, "audience": AUDIENCE}
    answered = ask(service, "client_credentials", path="api-access/token", **named).status_code
    assert answered == {"keycloak": 404, "sandbox": 200}[service.name]


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_clock_that_is_off(service, log_in, off):
    """It matters how much time passes, not what time it is."""
    clock = Clock(off)
    credentials, dials = log_in(service, clock=clock)
    before, first = service.counts(), credentials.token
    assert dials.run.count() == RUNS
    assert credentials.token == first
    clock.off += 1190
    assert dials.run.count() == RUNS
    assert credentials.token != first
    assert service.counts().refreshes == before.refreshes + 1


def test_machines_whose_clocks_differ_share_a_login(place, log_in, tmp_path):
    """Whichever renews, the other takes that up: a refresh token that comes twice ends the login."""
    lifetime = 2
    service = place(Settings(token_lifetime=lifetime))
    shared = []
    for off in (HOUR, -HOUR):
        folder = tmp_path / str(off)
        _, here = log_in(service, folder)
        elsewhere = Credentials.from_creds_file(folder, client(service, clock=Clock(off)))
        shared.append((Dials(elsewhere, workspace="tracker", base_url=service.url), here))
    for asking in (0, 1, 0):
        time.sleep(lifetime + 0.1)
        for machines in shared:
            assert count(machines[asking]) == RUNS


def count(dials):
    """Ask again where the token, which lasts for two seconds, has ended on its way; a login that has ended is an error."""
    end = time.monotonic() + 300
    while True:
        try:
            return dials.run.count()
        except AuthenticationError as late:
            if late.code != "access_token_expired" or time.monotonic() > end:
                raise
