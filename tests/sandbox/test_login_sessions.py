"""Tokens and sessions, with a clock that stands still: what holds, for how long, and what ends it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cmsdials_sandbox.logins.account import Account
from cmsdials_sandbox.logins.counters import Counters
from cmsdials_sandbox.logins.refusals import BadToken, Fault
from cmsdials_sandbox.logins.sessions import PERSON, Sessions
from cmsdials_sandbox.logins.tokens import Signer
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

ISSUER = "http://sandbox.invalid/auth/realms/cern"
CLIENT, OWN, DIALS = "public", "public", "confidential"


@pytest.fixture
def signer():
    return Signer()


@pytest.fixture
def make(signer, clock):
    def sessions(**options):
        lifetimes = {"token_lifetime": 60, "refresh_lifetime": 600} | options
        return Sessions(signer, Counters(), clock, **lifetimes)

    return sessions


@pytest.fixture
def sessions(make):
    return make()


def opened(sessions):
    return sessions.open(PERSON, CLIENT, OWN, ISSUER)


def fault(ask, *arguments):
    with pytest.raises(BadToken) as bad:
        ask(*arguments)
    return bad.value.fault


def test_claims(sessions, signer, clock):
    tokens = opened(sessions)
    claims = sessions.check(tokens.access.text)
    assert claims == {
        "jti": claims["jti"],
        "typ": "Bearer",
        "iss": ISSUER,
        "aud": OWN,
        "azp": CLIENT,
        "sub": PERSON.identifier,
        "preferred_username": "physicist",
        "sid": tokens.access.session,
        "scope": "profile email",
        "iat": int(clock.now),
        "exp": int(clock.now) + 60,
    }
    refresh = signer.read(tokens.refresh)
    assert (refresh["typ"], refresh["aud"], refresh["sid"]) == ("Refresh", ISSUER, tokens.access.session)
    assert refresh["exp"] - refresh["iat"] == 600
    assert refresh["jti"] != claims["jti"]


def test_the_published_key_verifies_and_does_not_sign(sessions, signer):
    published = signer.published()
    assert "d" not in published["keys"][0]
    token = jwt.decode(opened(sessions).access.text, KeySet.import_key_set(published), algorithms=["ES256"])
    assert token.header["kid"] == published["keys"][0]["kid"]
    assert token.claims["preferred_username"] == "physicist"


def test_every_start_has_another_key(sessions):
    with pytest.raises(BadToken):
        Signer().read(opened(sessions).access.text)


def test_access_tokens_expire(sessions, clock):
    access = opened(sessions).access
    clock.advance(59.9)
    sessions.check(access.text)
    clock.advance(0.1)
    assert fault(sessions.check, access.text) is Fault.EXPIRED


def test_no_token_outlives_the_login_whose_end_no_refresh_moves(sessions, clock, signer):
    first = opened(sessions)
    assert (first.access.lifetime, first.refresh_lifetime) == (60, 600)
    clock.advance(590.5)
    second = sessions.refresh(first.refresh, CLIENT, ISSUER)
    assert second.access.session == first.access.session
    assert (second.access.lifetime, second.refresh_lifetime) == (10, 10)
    exchanged = sessions.exchange(second.access.text, CLIENT, DIALS, ISSUER)
    assert (exchanged.access.lifetime, exchanged.refresh_lifetime) == (10, 10)
    clock.advance(9.4)
    sessions.check(exchanged.access.text)
    clock.advance(0.1)
    assert fault(sessions.refresh, second.refresh, CLIENT, ISSUER) is Fault.EXPIRED
    assert fault(sessions.check, exchanged.access.text) is Fault.EXPIRED
    assert fault(sessions.exchange, second.access.text, CLIENT, DIALS, ISSUER) is Fault.EXPIRED


def test_a_refresh_token_is_good_once(sessions):
    first = opened(sessions)
    second = sessions.refresh(first.refresh, CLIENT, ISSUER)
    assert fault(sessions.refresh, first.refresh, CLIENT, ISSUER) is Fault.USED
    # Whichever of the two was the thief: the login is over. What was issued holds until it expires.
    sessions.check(first.access.text)
    sessions.check(second.access.text)
    assert fault(sessions.refresh, second.refresh, CLIENT, ISSUER) is Fault.REVOKED
    assert fault(sessions.exchange, second.access.text, CLIENT, DIALS, ISSUER) is Fault.REVOKED


def test_reusable_refresh_tokens(make):
    sessions = make(reuse_refresh_tokens=True)
    first = opened(sessions)
    for _ in range(3):
        sessions.refresh(first.refresh, CLIENT, ISSUER)


def test_many_refreshes_at_once_are_one(sessions):
    first = opened(sessions)

    def refresh(_):
        try:
            return sessions.refresh(first.refresh, CLIENT, ISSUER)
        except BadToken as bad:
            return bad.fault

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(refresh, range(64)))
    assert (answers.count(Fault.USED), answers.count(Fault.REVOKED)) == (1, 62)
    (winner,) = (answer for answer in answers if not isinstance(answer, Fault))
    sessions.check(winner.access.text)


def test_exchange(sessions):
    tokens = opened(sessions)
    exchanged = sessions.exchange(tokens.access.text, CLIENT, DIALS, ISSUER)
    claims = sessions.check(exchanged.access.text)
    assert (claims["aud"], claims["azp"], claims["sid"]) == (DIALS, CLIENT, tokens.access.session)
    again = sessions.exchange(exchanged.access.text, CLIENT, DIALS, ISSUER)
    assert sessions.check(again.access.text)["aud"] == DIALS
    # What came along refreshes the session, not the exchange.
    refreshed = sessions.refresh(exchanged.refresh, CLIENT, ISSUER)
    assert sessions.check(refreshed.access.text)["aud"] == OWN
    assert fault(sessions.exchange, tokens.access.text, "other", DIALS, ISSUER) is Fault.UNKNOWN


def test_kinds_are_not_confused(sessions):
    tokens = opened(sessions)
    assert fault(sessions.check, tokens.refresh) is Fault.UNKNOWN
    assert fault(sessions.exchange, tokens.refresh, CLIENT, DIALS, ISSUER) is Fault.UNKNOWN
    assert fault(sessions.refresh, tokens.access.text, CLIENT, ISSUER) is Fault.UNKNOWN
    assert fault(sessions.refresh, tokens.refresh, "other", ISSUER) is Fault.UNKNOWN


def test_an_applications_token(sessions):
    claims = sessions.check(sessions.open_for_application("app", DIALS, ISSUER).text)
    assert (claims["preferred_username"], claims["azp"], claims["aud"]) == (
        "service-account-app",
        "app",
        DIALS,
    )
    assert claims["sub"] != PERSON.identifier


def test_revoking_a_refresh_token_ends_the_session(sessions):
    tokens, other = opened(sessions), opened(sessions)
    exchanged = sessions.exchange(tokens.access.text, CLIENT, DIALS, ISSUER)
    assert sessions.revoke(tokens.refresh, CLIENT)
    assert not sessions.revoke(tokens.refresh, CLIENT)
    sessions.check(tokens.access.text)
    sessions.check(exchanged.access.text)
    assert fault(sessions.refresh, tokens.refresh, CLIENT, ISSUER) is Fault.REVOKED
    assert fault(sessions.exchange, tokens.access.text, CLIENT, DIALS, ISSUER) is Fault.REVOKED
    sessions.check(other.access.text)


def test_revoking_an_access_token_ends_it_alone(sessions):
    tokens = opened(sessions)
    assert sessions.revoke(tokens.access.text, CLIENT)
    sessions.check(tokens.access.text)
    assert fault(sessions.exchange, tokens.access.text, CLIENT, DIALS, ISSUER) is Fault.REVOKED
    sessions.check(sessions.refresh(tokens.refresh, CLIENT, ISSUER).access.text)


def test_nobody_revokes_for_another(sessions):
    tokens = opened(sessions)
    for text, client in ((tokens.refresh, "other"), ("no.such.token", CLIENT)):
        assert not sessions.revoke(text, client)
    sessions.check(tokens.access.text)


def test_expire_and_end_all(sessions):
    tokens = [opened(sessions) for _ in range(3)]
    sessions.revoke(tokens[0].refresh, CLIENT)
    assert sessions.expire_access_tokens() == 3
    assert sessions.expire_access_tokens() == 0
    assert fault(sessions.check, tokens[1].access.text) is Fault.EXPIRED
    renewed = sessions.refresh(tokens[1].refresh, CLIENT, ISSUER)
    sessions.check(renewed.access.text)
    assert sessions.end_all() == 2
    assert sessions.end_all() == 0
    sessions.check(renewed.access.text)
    assert fault(sessions.refresh, renewed.refresh, CLIENT, ISSUER) is Fault.REVOKED
    assert fault(sessions.refresh, tokens[2].refresh, CLIENT, ISSUER) is Fault.REVOKED


def test_a_public_clients_own_token_names_no_audience(sessions):
    assert "aud" not in sessions.check(sessions.open(PERSON, CLIENT, "", ISSUER).access.text)


def test_a_disabled_account_gets_no_more_tokens_until_it_is_enabled(signer, clock):
    account = Account()
    sessions = Sessions(signer, Counters(), clock, account, token_lifetime=60, refresh_lifetime=600)
    tokens, application = opened(sessions), sessions.open_for_application("app", DIALS, ISSUER)
    account.enabled = False
    assert fault(sessions.refresh, tokens.refresh, CLIENT, ISSUER) is Fault.DISABLED
    assert fault(sessions.exchange, tokens.access.text, CLIENT, DIALS, ISSUER) is Fault.DISABLED
    for access in (tokens.access, application):
        sessions.check(access.text)
    account.enabled = True
    sessions.refresh(tokens.refresh, CLIENT, ISSUER)


def test_rotated_keys(sessions, signer):
    first = opened(sessions)
    signer.rotate()
    second = opened(sessions)
    sessions.check(first.access.text)
    assert len(signer.published()["keys"]) == 2
    signer.remove_old_keys()
    assert fault(sessions.check, first.access.text) is Fault.UNKNOWN
    sessions.check(second.access.text)


def forged(signer, token, key, algorithm):
    kid = signer.published()["keys"][0]["kid"]
    claims = signer.read(token) | {"aud": DIALS}
    return jwt.encode({"alg": algorithm, "kid": kid}, claims, key, algorithms=[algorithm])


@pytest.mark.parametrize(
    "how", ["another key", "the public key as a secret", "nonsense", "surrogates", "a claim changed"]
)
def test_forgeries(sessions, signer, how):
    good = opened(sessions).access.text
    header, _, signature = good.split(".")
    public = signer.published()["keys"][0]
    bad = {
        "another key": lambda: forged(signer, good, ECKey.generate_key("P-256"), "ES256"),
        "the public key as a secret": lambda: forged(
            signer, good, OctKey.import_key(public["x"] + public["y"]), "HS256"
        ),
        "nonsense": lambda: "aaa.bbb.ccc",
        "surrogates": lambda: "\ud800.b.c",
        "a claim changed": lambda: f"{header}.{opened(sessions).access.text.split('.')[1]}.{signature}",
    }[how]()
    assert fault(sessions.check, bad) is Fault.UNKNOWN


def test_signed_here_but_never_issued(sessions, signer):
    for claims in ({}, {"jti": "x"}, {"jti": 5}):
        assert fault(sessions.check, signer.sign(claims)) is Fault.UNKNOWN
