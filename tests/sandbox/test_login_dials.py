"""Logging in through DIALS: both generations answer as the contract says."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cmsdials_sandbox import serve

from .conftest import LoggingIn

TOKENS = {
    "access_token",
    "expires_in",
    "refresh_expires_in",
    "refresh_token",
    "token_type",
    "session_state",
    "scope",
}


def refused_refresh(ask, response):
    """A refresh token that is not accepted: today with a code, in v1.12 by breaking."""
    if ask.sandbox.generation == "now":
        assert refusal(response) == "invalid_grant"
    else:
        assert (response.status_code, response.headers["Content-Type"]) == (500, "text/html")
        assert "Server Error (500)" in response.text


def refusal(response):
    assert response.status_code == 400, response.text
    assert set(response.json()) == {"detail", "code"}
    assert response.json()["detail"].endswith(".")
    return response.json()["code"]


def test_a_login_from_the_code_to_the_data(either_logging_in):
    ask = either_logging_in
    answer = ask.dials("new-device")
    login = answer.json()
    assert set(login) == {"device_code", "verification_uri_complete", "expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert login["expires_in"] == 600
    assert login["verification_uri_complete"].startswith(f"{ask.realm}device?user_code=")
    # As often as one likes: nothing here names an interval.
    for _ in range(3):
        pending = ask.dials("device-token", device_code=login["device_code"])
        assert refusal(pending) == "authorization_pending"
    assert ask.control("approve", device_code=login["device_code"]).status_code == 200
    answer = ask.dials("device-token", device_code=login["device_code"])
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert set(tokens) == TOKENS
    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (1200, 36000)
    assert tokens["token_type"] == "Bearer"
    assert ask.api(tokens["access_token"]).json() == {"count": 56}
    assert refusal(ask.dials("device-token", device_code=login["device_code"])) == "invalid_grant"


def test_refresh(either_logging_in):
    ask = either_logging_in
    first = ask.logged_in_through_dials()
    second = ask.dials("refresh-token", refresh_token=first["refresh_token"]).json()
    assert set(second) == TOKENS
    assert second["session_state"] == first["session_state"]
    assert ask.api(second["access_token"]).status_code == 200
    refused_refresh(ask, ask.dials("refresh-token", refresh_token=first["refresh_token"]))
    # It may have been stolen, so the login is over.
    refused_refresh(ask, ask.dials("refresh-token", refresh_token=second["refresh_token"]))


@pytest.mark.parametrize("header", ["Bearer {}", "Bearer nonsense", "Bearer", "Basic eDp5"])
def test_whatever_stands_in_the_header(logging_in, header):
    tokens = logging_in.logged_in_through_dials()
    logging_in.control("expire-access-tokens")
    answer = logging_in.client.post(
        f"{logging_in.sandbox.url}api/v1/auth/refresh-token/",
        json={"refresh_token": tokens["refresh_token"]},
        headers={"Authorization": header.format(tokens["access_token"])},
    )
    assert answer.status_code == 200


def test_two_refreshes_at_once_are_one(logging_in):
    refresh_token = logging_in.logged_in_through_dials()["refresh_token"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda _: logging_in.dials("refresh-token", refresh_token=refresh_token), range(8))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_refresh_tokens_can_be_reusable():
    with serve(reuse_refresh_tokens=True, auto_approve=0) as sandbox, httpx.Client(timeout=120) as client:
        ask = LoggingIn(sandbox, client)
        login = ask.dials("new-device").json()
        tokens = ask.dials("device-token", device_code=login["device_code"]).json()
        for _ in range(3):
            answer = ask.dials("refresh-token", refresh_token=tokens["refresh_token"])
            assert answer.status_code == 200


def test_denied(logging_in):
    login = logging_in.dials("new-device").json()
    logging_in.control("deny", device_code=login["device_code"])
    for _ in range(2):
        denied = logging_in.dials("device-token", device_code=login["device_code"])
        assert refusal(denied) == "access_denied"


def test_expired():
    with serve(device_lifetime=0, generation="v1.12") as sandbox, httpx.Client(timeout=120) as client:
        ask = LoggingIn(sandbox, client)
        login = ask.dials("new-device").json()
        assert login["expires_in"] == 0
        assert refusal(ask.dials("device-token", device_code=login["device_code"])) == "expired_token"


def test_codes_and_tokens_of_the_realm_are_not_for_here(logging_in):
    login = logging_in.new_device()
    logging_in.control("approve", user_code=login["user_code"])
    foreign = logging_in.dials("device-token", device_code=login["device_code"])
    assert refusal(foreign) == "invalid_grant"
    tokens = logging_in.poll(login["device_code"]).json()
    for token in (tokens["refresh_token"], tokens["access_token"]):
        assert refusal(logging_in.dials("refresh-token", refresh_token=token)) == "invalid_grant"


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "\u00e9.b.c"])
def test_unknown_tokens_and_codes(either_logging_in, token):
    ask = either_logging_in
    refused_refresh(ask, ask.dials("refresh-token", refresh_token=token))
    assert refusal(ask.dials("device-token", device_code=token)) == "invalid_grant"


WRONG_FIELDS = {
    "missing": ({"other": 1}, "This field is required."),
    "null": ({"FIELD": None}, "This field may not be null."),
    "empty": ({"FIELD": ""}, "This field may not be blank."),
    "a list": ({"FIELD": ["x"]}, "Not a valid string."),
}


@pytest.mark.parametrize(("body", "said"), WRONG_FIELDS.values(), ids=WRONG_FIELDS.keys())
@pytest.mark.parametrize(
    ("name", "field"), [("device-token", "device_code"), ("refresh-token", "refresh_token")]
)
def test_wrong_fields(either_logging_in, name, field, body, said):
    body = {key.replace("FIELD", field): value for key, value in body.items()}
    answer = either_logging_in.dials(name, **body)
    if either_logging_in.sandbox.generation == "now":
        assert (answer.status_code, answer.json()) == (400, {field: [said]})
    elif body.get(field):
        assert answer.status_code in (400, 500)
    else:
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html")
        assert field in answer.text


def test_v112_refuses_tokens_that_ended_by_breaking(v112_logging_in):
    ask = v112_logging_in
    tokens = ask.logged_in_through_dials()
    assert ask.control("revoke-all").status_code == 200
    before = ask.counts()["refused"]
    refused_refresh(ask, ask.dials("refresh-token", refresh_token=tokens["refresh_token"]))
    assert ask.counts()["refused"] == before + 1


@pytest.mark.parametrize("name", ["device-token", "refresh-token"])
def test_v112_without_a_body(v112_logging_in, name):
    address = f"{v112_logging_in.sandbox.url}api/v1/auth/{name}/"
    answer = v112_logging_in.client.post(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html")
    assert v112_logging_in.client.post(address, json=[1]).status_code == 500


@pytest.mark.parametrize("name", ["device-token", "refresh-token"])
@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (rb'{"device_code": "\ud800", "refresh_token": "\ud800"}', "application/json", 400),
        (b"x=1", "text/plain", 415),
    ],
)
def test_wrong_bodies(logging_in, name, content, kind, status):
    answer = logging_in.client.post(
        f"{logging_in.sandbox.url}api/v1/auth/{name}/", content=content, headers={"Content-Type": kind}
    )
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "name"), [("POST", "new-device"), ("GET", "device-token"), ("GET", "refresh-token")]
)
def test_wrong_method(either_logging_in, method, name):
    answer = either_logging_in.client.request(
        method, f"{either_logging_in.sandbox.url}api/v1/auth/{name}/", content=b""
    )
    assert answer.status_code == 405
