"""The realm over HTTP: every grant, and every way to be refused."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cmsdials_sandbox import serve
from joserfc import jwt
from joserfc.jwk import KeySet

from .conftest import ACCESS_TOKEN, AUDIENCE, DEVICE_CODE, PUBLIC, TOKEN_EXCHANGE, LoggingIn

REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
DEVELOPMENT = "cms-dials-dev-public-app"
TOKEN = "protocol/openid-connect/token"
DEVICE = "protocol/openid-connect/auth/device"
REVOKE = "protocol/openid-connect/revoke"


@pytest.fixture(scope="module")
def hasty():
    """Where everything is over at once, and polling may not be repeated."""
    options = {"token_lifetime": 0, "refresh_lifetime": 0, "interval": 60}
    with serve(auto_approve=0, **options) as sandbox, httpx.Client(timeout=120) as client:
        yield LoggingIn(sandbox, client)


def error(response):
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.json()) == {"error", "error_description"}
    return response.status_code, response.json()["error"]


def test_a_login_from_the_codes_to_the_data(logging_in):
    login = logging_in.new_device()
    assert set(login) == {
        "device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval",
    }  # fmt: skip
    assert re.fullmatch("[B-Z]{4}-[B-Z]{4}", login["user_code"])
    assert login["verification_uri"] == f"{logging_in.realm}device"
    assert login["verification_uri_complete"] == f"{login['verification_uri']}?user_code={login['user_code']}"
    assert (login["expires_in"], login["interval"]) == (600, 5)
    assert error(logging_in.poll(login["device_code"])) == (400, "authorization_pending")
    # A login that was just polled has to be waited for, even when it is approved: here, another one.
    login = logging_in.new_device()
    logging_in.control("approve", user_code=login["user_code"])
    answer = logging_in.poll(login["device_code"])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert tokens | {"access_token": "", "refresh_token": "", "session_state": ""} == {
        "access_token": "",
        "expires_in": 1200,
        "refresh_expires_in": 36000,
        "refresh_token": "",
        "token_type": "Bearer",
        "not-before-policy": 0,
        "session_state": "",
        "scope": "profile email",
    }
    assert error(logging_in.poll(login["device_code"])) == (400, "invalid_grant")
    assert logging_in.api(tokens["access_token"]).json()["code"] == "token_not_valid"
    exchanged = logging_in.exchange(tokens["access_token"]).json()
    assert exchanged | {"access_token": "", "refresh_token": ""} == {
        "access_token": "",
        "refresh_token": "",
        "issued_token_type": REFRESH_TOKEN,
        "expires_in": 1200,
        "refresh_expires_in": 36000,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "session_state": tokens["session_state"],
        "scope": "profile email",
    }
    assert logging_in.api(exchanged["access_token"]).json() == {"count": 56}
    alone = logging_in.exchange(tokens["access_token"], requested_token_type=ACCESS_TOKEN).json()
    assert (alone["issued_token_type"], alone["refresh_expires_in"]) == (ACCESS_TOKEN, 0)
    assert "refresh_token" not in alone


def test_claims_verify_with_the_published_key(logging_in):
    login = logging_in.logged_in()
    keys = KeySet.import_key_set(
        logging_in.client.get(logging_in.realm + "protocol/openid-connect/certs").json()
    )
    exchanged = logging_in.exchange(login["access_token"]).json()["access_token"]
    claims = jwt.decode(exchanged, keys, algorithms=["ES256"]).claims
    assert claims["preferred_username"] == "physicist"
    assert (claims["aud"], claims["azp"], claims["sid"]) == (AUDIENCE, PUBLIC, login["session_state"])
    assert claims["iss"] == logging_in.realm.rstrip("/")
    assert claims["exp"] - claims["iat"] == 1200
    assert {"sub", "jti"} <= set(claims)


def test_the_development_instance(logging_in):
    audience = "cms-dials-dev-confidential-app"
    login = logging_in.new_device(DEVELOPMENT)
    logging_in.control("approve", user_code=login["user_code"])
    assert error(logging_in.poll(login["device_code"])) == (400, "invalid_grant")
    token = logging_in.poll(login["device_code"], client_id=DEVELOPMENT).json()["access_token"]
    assert error(logging_in.exchange(token, client_id=DEVELOPMENT)) == (403, "access_denied")
    exchanged = logging_in.exchange(token, client_id=DEVELOPMENT, audience=audience).json()
    assert logging_in.api(exchanged["access_token"]).status_code == 200


def test_refresh_then_exchange(logging_in):
    first = logging_in.logged_in()
    second = logging_in.refresh(first["refresh_token"]).json()
    assert set(second) == set(first)
    assert second["session_state"] == first["session_state"]
    exchanged = logging_in.exchange(second["access_token"]).json()
    assert logging_in.api(exchanged["access_token"]).status_code == 200
    assert error(logging_in.refresh(first["refresh_token"])) == (400, "invalid_grant")
    # It may have been stolen, so the login is over.
    assert error(logging_in.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert error(logging_in.exchange(second["access_token"])) == (400, "invalid_request")


def test_two_refreshes_at_once_are_one(logging_in):
    refresh_token = logging_in.logged_in()["refresh_token"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(logging_in.refresh, [refresh_token] * 8))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    assert {answer.json()["error"] for answer in answers if answer.is_error} == {"invalid_grant"}


def test_denied(logging_in):
    login = logging_in.new_device()
    logging_in.control("deny", user_code=login["user_code"])
    assert error(logging_in.poll(login["device_code"])) == (400, "access_denied")


def test_revoking_the_refresh_token_ends_it_all(logging_in):
    login = logging_in.logged_in()
    exchanged = logging_in.exchange(login["access_token"]).json()["access_token"]
    assert logging_in.api(exchanged).status_code == 200
    answer = logging_in.revoke(login["refresh_token"], token_type_hint="refresh_token")
    assert (answer.status_code, answer.content) == (200, b"")
    # DIALS looks at the signature alone.
    assert logging_in.api(exchanged).status_code == 200
    assert error(logging_in.refresh(login["refresh_token"])) == (400, "invalid_grant")
    assert error(logging_in.exchange(login["access_token"])) == (400, "invalid_request")
    again = logging_in.revoke(login["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (200, "invalid_token")


def test_revoking_an_access_token(logging_in):
    login = logging_in.logged_in()
    exchanged = logging_in.exchange(login["access_token"]).json()["access_token"]
    assert logging_in.revoke(exchanged).status_code == 200
    assert logging_in.api(exchanged).status_code == 200
    assert error(logging_in.exchange(exchanged)) == (400, "invalid_request")
    assert logging_in.refresh(login["refresh_token"]).status_code == 200


def test_revoking_what_is_not_ones_own(logging_in):
    login = logging_in.logged_in()
    for token, client in ((login["refresh_token"], DEVELOPMENT), ("nonsense", PUBLIC)):
        assert logging_in.revoke(token, client_id=client).status_code == 200
    assert logging_in.refresh(login["refresh_token"]).status_code == 200


def test_an_application(logging_in):
    answer = logging_in.as_application()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert tokens | {"access_token": ""} == {
        "access_token": "",
        "expires_in": 1200,
        "refresh_expires_in": 0,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "scope": "profile email",
    }
    assert logging_in.api(tokens["access_token"]).status_code == 200


def test_an_application_at_the_token_endpoint(logging_in):
    """As Keycloak has it without CERN's addition."""
    given = {"client_id": logging_in.sandbox.client_id, "client_secret": logging_in.sandbox.client_secret}
    tokens = logging_in.token("client_credentials", **given).json()
    assert "refresh_token" not in tokens
    assert logging_in.api(tokens["access_token"]).status_code == 200


APPLICATIONS = {
    "a wrong secret": ({"client_secret": "guess"}, 401, "invalid_client"),
    "no secret": ({"client_secret": None}, 401, "invalid_client"),
    "an unknown application": ({"client_id": "other"}, 401, "invalid_client"),
    "a public client": ({"client_id": PUBLIC}, 401, "invalid_client"),
    "no application": ({"client_id": None}, 401, "invalid_client"),
    "a secret in another script": ({"client_secret": "s\u00e4ndbox"}, 401, "invalid_client"),
    "no audience": ({"audience": None}, 400, "invalid_request"),
    "an unknown audience": ({"audience": "elsewhere"}, 400, "access_denied"),
    "another grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "no grant": ({"grant_type": None}, 400, "invalid_request"),
}


@pytest.mark.parametrize(("changed", "status", "code"), APPLICATIONS.values(), ids=APPLICATIONS.keys())
def test_applications_refused(logging_in, changed, status, code):
    assert error(logging_in.as_application(**changed)) == (status, code)


EXCHANGE = {
    "grant_type": TOKEN_EXCHANGE,
    "client_id": PUBLIC,
    "subject_token": "x",
    "subject_token_type": ACCESS_TOKEN,
    "audience": AUDIENCE,
}
REFUSED = {
    "device: no client": (DEVICE, {}, 401, "invalid_client"),
    "device: an unknown client": (DEVICE, {"client_id": "x"}, 401, "invalid_client"),
    "device: a confidential client": (DEVICE, {"client_id": AUDIENCE}, 401, "unauthorized_client"),
    "token: nothing": (TOKEN, {}, 400, "invalid_request"),
    "token: another grant": (TOKEN, {"grant_type": "password", "client_id": PUBLIC}, 400, "unsupported_grant_type"),
    "token: an unknown application": (TOKEN, {"grant_type": "client_credentials", "client_id": "x", "client_secret": "x"}, 401, "invalid_client"),
    "token: a wrong secret": (TOKEN, {"grant_type": "client_credentials", "client_id": "sandbox-app", "client_secret": "x"}, 401, "unauthorized_client"),
    "poll: an unknown client": (TOKEN, {"grant_type": DEVICE_CODE, "client_id": "x", "device_code": "x"}, 401, "invalid_client"),
    "poll: no client": (TOKEN, {"grant_type": DEVICE_CODE, "device_code": "x"}, 401, "invalid_client"),
    "poll: an unknown code": (TOKEN, {"grant_type": DEVICE_CODE, "client_id": PUBLIC, "device_code": "x"}, 400, "invalid_grant"),
    "poll: no code": (TOKEN, {"grant_type": DEVICE_CODE, "client_id": PUBLIC}, 400, "invalid_request"),
    "poll: an empty code": (TOKEN, {"grant_type": DEVICE_CODE, "client_id": PUBLIC, "device_code": ""}, 400, "invalid_request"),
    "poll: two codes": (TOKEN, {"grant_type": DEVICE_CODE, "client_id": PUBLIC, "device_code": ["x", "y"]}, 400, "invalid_request"),
    "refresh: an unknown client": (TOKEN, {"grant_type": "refresh_token", "client_id": "x", "refresh_token": "x"}, 401, "invalid_client"),
    "refresh: an unknown token": (TOKEN, {"grant_type": "refresh_token", "client_id": PUBLIC, "refresh_token": "a.b.c"}, 400, "invalid_grant"),
    "refresh: no token": (TOKEN, {"grant_type": "refresh_token", "client_id": PUBLIC}, 400, "invalid_request"),
    "exchange: an unknown token": (TOKEN, EXCHANGE, 400, "invalid_request"),
    "exchange: an unknown client": (TOKEN, EXCHANGE | {"client_id": "x"}, 401, "invalid_client"),
    "exchange: no token": (TOKEN, EXCHANGE | {"subject_token": ""}, 400, "invalid_request"),
    "exchange: no type": (TOKEN, EXCHANGE | {"subject_token_type": ""}, 400, "invalid_request"),
    "exchange: another type": (TOKEN, EXCHANGE | {"subject_token_type": "jwt"}, 400, "invalid_request"),
    "exchange: another type asked for": (TOKEN, EXCHANGE | {"requested_token_type": "jwt"}, 400, "invalid_request"),
    "exchange: no audience": (TOKEN, EXCHANGE | {"audience": ""}, 400, "invalid_client"),
    "exchange: an unknown audience": (TOKEN, EXCHANGE | {"audience": "elsewhere"}, 400, "invalid_client"),
    "exchange: the other instance's audience": (TOKEN, EXCHANGE | {"audience": "cms-dials-dev-confidential-app"}, 403, "access_denied"),
    "revoke: an unknown client": (REVOKE, {"client_id": "x", "token": "x"}, 401, "invalid_client"),
    "revoke: no token": (REVOKE, {"client_id": PUBLIC}, 400, "invalid_request"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "form", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(logging_in, path, form, status, code):
    assert error(logging_in.post(path, **form)) == (status, code)


def test_a_body_that_is_no_form(logging_in):
    answer = logging_in.client.post(logging_in.realm + TOKEN, json={"grant_type": "refresh_token"})
    assert error(answer) == (400, "invalid_request")


def test_tokens_of_the_wrong_kind(logging_in):
    login = logging_in.logged_in()
    exchanged = logging_in.exchange(login["access_token"]).json()["access_token"]
    through_dials = logging_in.logged_in_through_dials()
    for token in (login["access_token"], exchanged, through_dials["refresh_token"]):
        assert error(logging_in.refresh(token)) == (400, "invalid_grant")
    for token in (login["refresh_token"], through_dials["access_token"]):
        assert error(logging_in.exchange(token)) == (400, "invalid_request")
    assert error(logging_in.refresh(login["refresh_token"], client_id=DEVELOPMENT)) == (400, "invalid_grant")


def test_expired_by_themselves(hasty):
    tokens = hasty.poll(hasty.new_device()["device_code"]).json()
    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (0, 0)
    assert error(hasty.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert error(hasty.exchange(tokens["access_token"])) == (400, "invalid_request")
    application = hasty.as_application().json()["access_token"]
    assert hasty.api(application).json()["code"] == "access_token_expired"


def test_an_expired_login():
    with serve(device_lifetime=0, interval=0.5) as sandbox, httpx.Client(timeout=120) as client:
        asking = LoggingIn(sandbox, client)
        login = asking.new_device()
        assert (login["expires_in"], login["interval"]) == (0, 0.5)
        assert error(asking.poll(login["device_code"])) == (400, "expired_token")


def test_where_everything_is(logging_in):
    found = logging_in.client.get(logging_in.realm + ".well-known/openid-configuration").json()
    assert found["issuer"] == logging_in.realm.rstrip("/")
    assert found["grant_types_supported"] == [
        DEVICE_CODE,
        "refresh_token",
        TOKEN_EXCHANGE,
        "client_credentials",
    ]
    expected = {
        "device_authorization_endpoint": DEVICE,
        "token_endpoint": TOKEN,
        "revocation_endpoint": REVOKE,
        "jwks_uri": "protocol/openid-connect/certs",
    }
    assert {name: found[name] for name in expected} == {
        name: logging_in.realm + path for name, path in expected.items()
    }
    assert logging_in.client.get(found["jwks_uri"]).json()["keys"][0]["alg"] == "ES256"


def test_who_polls_too_often_is_told_so(slow_polls):
    login = slow_polls.new_device()
    assert login["interval"] == 600
    assert error(slow_polls.poll(login["device_code"])) == (400, "authorization_pending")
    assert error(slow_polls.poll(login["device_code"])) == (400, "slow_down")


def test_addresses_are_those_of_the_host_that_was_asked(logging_in):
    answer = logging_in.client.post(
        logging_in.realm + DEVICE, data={"client_id": PUBLIC}, headers={"Host": "dials.invalid:81"}
    )
    assert answer.json()["verification_uri"] == "http://dials.invalid:81/auth/realms/cern/device"


@pytest.mark.parametrize("path", [TOKEN, DEVICE, REVOKE, "api-access/token"])
def test_only_post(logging_in, path):
    assert logging_in.client.get(logging_in.realm + path).status_code == 405


@pytest.mark.parametrize(
    ("path", "said"),
    [("realms/atlas/" + TOKEN, "Realm does not exist"), ("realms/cern/nothing", "HTTP 404 Not Found")],
)
def test_nothing_there(logging_in, path, said):
    answer = logging_in.client.post(logging_in.sandbox.keycloak_url + path)
    assert (answer.status_code, answer.json()) == (404, {"error": said})
