"""What DIALS says to a bearer token: the answers of the real service, one row each."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey


def after(ask, happening):
    token = ask.logged_in_through_dials()["access_token"]
    assert ask.api(token).status_code == 200
    assert ask.control(happening).status_code == 200
    return token


def foreign(ask):
    """The same claims and key id, but another key."""
    real = jwt.decode(
        ask.logged_in_through_dials()["access_token"],
        ECKey.import_key(ask.client.get(f"{ask.realm}protocol/openid-connect/certs").json()["keys"][0]),
        algorithms=["ES256"],
    )
    return jwt.encode(real.header, real.claims, ECKey.generate_key("P-256"), algorithms=["ES256"])


TOKENS = {
    "from a login through DIALS": (lambda ask: ask.logged_in_through_dials()["access_token"], 200, None),
    "exchanged": (
        lambda ask: ask.exchange(ask.logged_in()["access_token"]).json()["access_token"],
        200,
        None,
    ),
    "an application's": (lambda ask: ask.as_application().json()["access_token"], 200, None),
    "an application's for the other instance": (
        lambda ask: ask.as_application(audience="cms-dials-dev-confidential-app").json()["access_token"],
        200,
        None,
    ),
    "the public client's own": (lambda ask: ask.logged_in()["access_token"], 403, "token_not_valid"),
    "a refresh token": (lambda ask: ask.logged_in_through_dials()["refresh_token"], 403, "token_not_valid"),
    "expired": (lambda ask: after(ask, "expire-access-tokens"), 403, "access_token_expired"),
    "of a session that has ended": (lambda ask: after(ask, "end-sessions"), 200, None),
    "revoked, a while ago": (lambda ask: after(ask, "revoke-all"), 403, "access_token_expired"),
    "signed by somebody else": (foreign, 403, "token_not_valid"),
    "no JWT inside": (lambda _: "aaa.bbb.ccc", 500, None),
    "none": (lambda _: None, 403, "authorization_not_found"),
    "empty": (lambda _: "", 403, "token_not_valid"),
    "one part": (lambda _: "nonsense", 403, "token_not_valid"),
    "two parts": (lambda _: "aaa.bbb", 403, "token_not_valid"),
    "four parts": (lambda _: "aaa.bbb.ccc.ddd", 403, "token_not_valid"),
    "five parts, as if encrypted": (lambda _: "aaa.bbb.ccc.ddd.eee", 500, None),
    "not signed": (lambda _: "eyJhbGciOiJub25lIn0.e30.", 500, None),
    "no base64url": (lambda _: "a+a.b/b.c=", 500, None),
    "two of them": (lambda _: "aaa.bbb.ccc aaa.bbb.ccc", 500, None),
    "the last of several": (lambda ask: f"x Bearer {ask.as_application().json()['access_token']}", 200, None),
    "claims that are not for DIALS": (lambda _: "eyJhbGciOiJub25lIn0.e30.e30", 500, None),
}


@pytest.mark.parametrize(("token", "status", "code"), TOKENS.values(), ids=TOKENS.keys())
def test_answer(logging_in, token, status, code):
    answer = logging_in.api(token(logging_in))
    assert answer.status_code == status
    if status == 500:
        assert answer.headers["Content-Type"] == "text/html"
        assert "Server Error (500)" in answer.text
    elif status == 403:
        assert set(answer.json()) == {"detail", "code"}
        assert answer.json()["code"] == code


def test_v112_too(either_logging_in):
    token = either_logging_in.as_application().json()["access_token"]
    assert either_logging_in.api(token).status_code == 200
    assert either_logging_in.api("nonsense").json()["code"] == "token_not_valid"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Token", "Bearer\t"])
def test_the_scheme_is_spelt_one_way(either_logging_in, scheme):
    token = either_logging_in.as_application().json()["access_token"]
    assert either_logging_in.api(token, scheme=scheme).status_code == 500


def test_a_token_of_another_sandbox(now, v112, logging_in):
    from .conftest import LoggingIn

    stranger = LoggingIn(v112.sandbox, logging_in.client).as_application().json()["access_token"]
    assert logging_in.api(stranger).json()["code"] == "token_not_valid"


def test_the_secret_goes_first(logging_in, now):
    answer = logging_in.client.get(
        f"{now.sandbox.url}api/v1/run/count/",
        headers={"X-CLIENT-SECRET": now.sandbox.secret, "Authorization": "Bearer nonsense"},
    )
    assert answer.status_code == 200
