"""Tokens of a realm elsewhere: checked by the keys that it publishes, with a clock that stands still."""

import subprocess
import sys

import httpx
import pytest
from cmsdials_sandbox import serve
from cmsdials_sandbox.logins.external import ExternalRealm
from cmsdials_sandbox.logins.refusals import BadToken, Fault
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from .conftest import AUDIENCE, LoggingIn

ISSUER = "https://keycloak.invalid/auth/realms/cern"


class Elsewhere:
    """A realm's keys, and how often they were asked for."""

    def __init__(self):
        self.keys = []
        self.asked = []

    def add(self, algorithm):
        parameters = {"use": "sig", "alg": algorithm}
        make = ECKey.generate_key if algorithm.startswith("ES") else RSAKey.generate_key
        self.keys.append(make("P-256" if algorithm.startswith("ES") else 2048, parameters, auto_kid=True))

    def fetch(self, url):
        self.asked.append(url)
        return KeySet(self.keys).as_dict()

    def token(self, key=None, algorithm=None, kid=None, **changed):
        key = key or self.keys[-1]
        algorithm = algorithm or key.as_dict()["alg"]
        claims = {"iss": ISSUER, "typ": "Bearer", "exp": 1_700_000_060, "aud": AUDIENCE, "sub": "x"} | changed
        return jwt.encode({"alg": algorithm, "kid": kid or key.kid}, claims, key, algorithms=[algorithm])


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
def realm(elsewhere, clock):
    return ExternalRealm(f"{ISSUER}/", clock, elsewhere.fetch)


def fault(realm, token):
    with pytest.raises(BadToken) as bad:
        realm.check(token)
    return bad.value.fault


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_the_keys_are_read_once(elsewhere, realm, algorithm):
    elsewhere.add(algorithm)
    for _ in range(3):
        assert realm.check(elsewhere.token())["aud"] == AUDIENCE
    assert elsewhere.asked == [f"{ISSUER}/protocol/openid-connect/certs"]


def test_a_key_that_is_new_and_one_that_was_removed(elsewhere, realm):
    elsewhere.add("ES256")
    old = elsewhere.token()
    realm.check(old)
    elsewhere.add("RS256")
    realm.check(elsewhere.token())
    realm.check(old)
    assert len(elsewhere.asked) == 2
    del elsewhere.keys[0]
    elsewhere.add("ES256")
    realm.check(elsewhere.token())
    assert fault(realm, old) is Fault.UNKNOWN


def test_keys_are_not_believed_for_ever(elsewhere, realm, clock):
    elsewhere.add("ES256")
    token = elsewhere.token(exp=clock.now + 3600)
    realm.check(token)
    elsewhere.keys.clear()
    elsewhere.add("ES256")
    clock.advance(299)
    realm.check(token)
    clock.advance(1)
    assert fault(realm, token) is Fault.UNKNOWN


def test_expiry(elsewhere, realm, clock):
    elsewhere.add("ES256")
    token = elsewhere.token()
    clock.advance(59)
    realm.check(token)
    clock.advance(1)
    assert fault(realm, token) is Fault.EXPIRED


FORGERIES = {
    "another issuer": lambda e: e.token(iss="https://elsewhere.invalid/"),
    "no issuer": lambda e: e.token(iss=None),
    "no end": lambda e: e.token(exp=None),
    "an end in words": lambda e: e.token(exp="tomorrow"),
    "an identity, not access": lambda e: e.token(typ="ID"),
    "another key of that name": lambda e: e.token(
        ECKey.generate_key("P-256"), algorithm="ES256", kid=e.keys[0].kid
    ),
    "the published key as a secret": lambda e: e.token(
        OctKey.import_key(e.keys[0].as_dict(private=False)["x"]), algorithm="HS256", kid=e.keys[0].kid
    ),
    "an unknown key": lambda e: e.token(ECKey.generate_key("P-256"), algorithm="ES256", kid="x"),
    "nonsense": lambda _: "aaa.bbb.ccc",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_forgeries(elsewhere, realm, forge):
    elsewhere.add("ES256")
    realm.check(elsewhere.token())
    assert fault(realm, forge(elsewhere)) is Fault.UNKNOWN


@pytest.fixture(scope="module")
def beside():
    """A sandbox whose people log in at another one."""
    with (
        serve(auto_approve=0) as own,
        serve(realm_url=f"{own.keycloak_url}realms/{own.realm}/") as dials,
        httpx.Client(timeout=30) as client,
    ):
        yield LoggingIn(own, client), dials


def count(dials, token):
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{dials.url}api/v1/run/count/", headers=headers, timeout=30)


def test_over_http(beside):
    ask, dials = beside
    public = ask.poll(ask.new_device()["device_code"]).json()
    exchanged = ask.exchange(public["access_token"]).json()["access_token"]
    assert count(dials, exchanged).json() == {"count": 56}
    for token in (public["access_token"], public["refresh_token"]):
        assert count(dials, token).json()["code"] == "token_not_valid"
    ask.control("end-sessions")
    assert count(dials, exchanged).status_code == 200


def test_it_has_no_logins_of_its_own(beside):
    _, dials = beside
    for path in ("auth/realms/cern/device", "api/v1/auth/new-device/", "sandbox/logins/"):
        assert httpx.get(dials.url + path, timeout=30).status_code == 404


def test_a_realm_that_does_not_answer():
    with serve(auto_approve=0) as own, httpx.Client(timeout=30) as client:
        token = LoggingIn(own, client).as_application().json()["access_token"]
        with serve(realm_url="http://127.0.0.1:9/auth/realms/cern") as dials:
            assert count(dials, token).status_code == 500


@pytest.mark.parametrize("url", ["file:///etc/passwd", "cern", "http://", "https://x/realms/cern?a=b"])
def test_no_address_of_a_realm(url):
    command = [sys.executable, "-m", "cmsdials_sandbox", f"--realm-url={url}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "the address of a realm must begin with http:// or https://" in done.stderr
