"""The levers for tests: what they move, and that the counts are exact."""

import subprocess
import sys

import httpx
import pytest
from cmsdials_sandbox import serve
from cmsdials_sandbox.logins.counters import KINDS, Counters
from cmsdials_sandbox.logins.refusals import LoginRefused

from .conftest import LoggingIn


@pytest.fixture
def counted(logging_in):
    """What was counted since the test began."""
    before = logging_in.counts()
    return lambda: {
        kind: count - before[kind] for kind, count in logging_in.counts().items() if count > before[kind]
    }


def test_a_whole_session(slow_polls):
    logging_in = slow_polls
    login = logging_in.new_device()
    logging_in.poll(login["device_code"])
    logging_in.poll(login["device_code"])
    login = logging_in.new_device()
    logging_in.control("approve", user_code=login["user_code"])
    tokens = logging_in.poll(login["device_code"]).json()
    tokens = logging_in.refresh(tokens["refresh_token"]).json()
    exchanged = logging_in.exchange(tokens["access_token"]).json()["access_token"]
    logging_in.api(exchanged)
    logging_in.control("expire-access-tokens")
    logging_in.api(exchanged)
    logging_in.revoke(tokens["refresh_token"])
    logging_in.refresh(tokens["refresh_token"])
    logging_in.as_application(client_secret="guess")
    assert {kind: count for kind, count in logging_in.counts().items() if count} == {
        "device": 2,
        "device_poll": 3,
        "slow_down": 1,
        "refresh": 2,
        "exchange": 1,
        "issued": 3,
        "access_token_expired": 1,
        "revoke": 1,
        "api_access": 1,
        "refused": 2,
    }


def test_through_dials(logging_in, counted):
    tokens = logging_in.logged_in_through_dials()
    logging_in.dials("refresh-token", refresh_token=tokens["refresh_token"])
    logging_in.dials("refresh-token", refresh_token=tokens["refresh_token"])
    assert counted() == {"device": 1, "device_poll": 1, "refresh": 2, "issued": 2, "refused": 1}


def test_the_counts_are_complete(logging_in):
    assert tuple(logging_in.counts()) == KINDS


def test_waiting_is_no_refusal():
    counters = Counters()
    for error in ("authorization_pending", "slow_down", "access_denied"):
        counters.add_refusal(LoginRefused(error, "x"))
    assert {kind: n for kind, n in counters.counts().items() if n} == {"slow_down": 1, "refused": 1}


def test_expire_and_revoke_say_how_many():
    with serve(auto_approve=0) as sandbox, httpx.Client(timeout=120) as client:
        ask = LoggingIn(sandbox, client)
        tokens = [ask.poll(ask.new_device()["device_code"]).json() for _ in range(2)]
        assert ask.control("expire-access-tokens").json() == {"expired": 2}
        ask.as_application()
        assert ask.control("revoke-all").json() == {"revoked": 3}
        assert ask.refresh(tokens[0]["refresh_token"]).json()["error"] == "invalid_grant"


def test_end_sessions_leaves_access_tokens(logging_in):
    tokens = logging_in.logged_in()
    exchanged = logging_in.exchange(tokens["access_token"]).json()["access_token"]
    assert logging_in.control("end-sessions").json()["ended"] >= 1
    assert logging_in.control("end-sessions").json() == {"ended": 0}
    assert logging_in.api(exchanged).status_code == 200
    assert logging_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def account(logging_in, **changed):
    return logging_in.client.post(f"{logging_in.sandbox.url}sandbox/logins/account/", json=changed)


def test_an_account_that_is_disabled(logging_in):
    tokens, login = logging_in.logged_in(), logging_in.new_device()
    assert account(logging_in, enabled=False).json() == {"enabled": False, "must_act": False}
    try:
        refused = logging_in.refresh(tokens["refresh_token"]).json()
        assert refused == {"error": "invalid_grant", "error_description": "User disabled"}
        assert logging_in.control("approve", user_code=login["user_code"]).status_code == 409
        assert "disabled" in logging_in.client.get(login["verification_uri_complete"]).text
    finally:
        account(logging_in, enabled=True)
    assert logging_in.refresh(tokens["refresh_token"]).status_code == 200


def test_an_account_that_must_act_first(logging_in):
    tokens, login = logging_in.logged_in(), logging_in.new_device()
    assert account(logging_in, must_act=True).json() == {"enabled": True, "must_act": True}
    try:
        assert logging_in.refresh(tokens["refresh_token"]).status_code == 200
        assert logging_in.control("approve", user_code=login["user_code"]).status_code == 409
    finally:
        account(logging_in, must_act=False)
    assert logging_in.control("approve", user_code=login["user_code"]).status_code == 200


def test_a_realm_without_the_exchange(logging_in):
    lever = f"{logging_in.sandbox.url}sandbox/logins/features/"
    token = logging_in.logged_in()["access_token"]
    assert logging_in.client.post(lever, json={"exchange": False}).json() == {"exchange": False}
    try:
        refused = logging_in.exchange(token)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert logging_in.client.post(lever, json={"exchange": 0}).status_code == 400
    finally:
        logging_in.client.post(lever, json={"exchange": True})
    assert logging_in.exchange(token).status_code == 200


@pytest.mark.parametrize("body", [{}, {"enabled": "no"}, {"enabled": True, "name": True}])
def test_no_such_change_of_an_account(logging_in, body):
    assert account(logging_in, **body).status_code == 400


def test_rotate_keys():
    with serve(auto_approve=0) as sandbox, httpx.Client(timeout=30) as client:
        ask = LoggingIn(sandbox, client)
        tokens = ask.poll(ask.new_device()["device_code"]).json()
        exchanged = ask.exchange(tokens["access_token"]).json()["access_token"]
        lever = f"{sandbox.url}sandbox/logins/rotate-keys/"
        assert client.post(lever).json() == {"keys": 2}
        assert ask.api(exchanged).status_code == 200
        assert client.post(lever, json={"remove_old": 1}).status_code == 400
        assert client.post(lever, json={"remove_old": True}).json() == {"keys": 1}
        assert ask.api(exchanged).json()["code"] == "token_not_valid"


@pytest.mark.parametrize(("lever", "status"), [("approve", "approved"), ("deny", "denied")])
@pytest.mark.parametrize("code", ["user_code", "device_code"])
def test_decide(logging_in, lever, status, code):
    login = logging_in.new_device()
    answer = logging_in.control(lever, **{code: login[code]})
    assert (answer.status_code, answer.json()) == (200, {"user_code": login["user_code"], "status": status})
    again = logging_in.control(lever, **{code: login[code]})
    assert (again.status_code, again.json()) == (409, {"detail": f"The login is {status} already."})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"user_code": 5}, 400),
        ({"user_code": "x", "device_code": "x"}, 400),
        ({"user_code": "x"}, 404),
    ],
)
def test_nothing_to_decide(logging_in, body, status):
    answer = logging_in.control("approve", **body)
    assert answer.status_code == status
    assert "detail" in answer.json()


def test_a_body_that_is_no_object(logging_in):
    answer = logging_in.client.post(f"{logging_in.sandbox.url}sandbox/logins/approve/", json=["x"])
    assert answer.status_code == 400


def test_no_secret_is_written_anywhere():
    """Nothing of what was secret, right or wrong, is on the output of the process."""
    secret, application = "only-the-header-knows", "only-the-application-knows"
    command = [sys.executable, "-m", "cmsdials_sandbox", "--port=0", "--json", f"--secret={secret}"]
    command += [f"--client-secret={application}", "--auto-approve=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        ready = process.stdout.readline()
        url = ready.split('"')[3]
        with httpx.Client(base_url=url, timeout=120) as client:
            login = client.get("api/v1/auth/new-device/").json()
            code = {"device_code": login["device_code"]}
            tokens = client.post("api/v1/auth/device-token/", json=code).json()
            for token in (tokens["access_token"], tokens["refresh_token"], "not.a.token"):
                client.get("api/v1/run/", headers={"Authorization": f"Bearer {token}"})
                client.post("api/v1/auth/refresh-token/", json={"refresh_token": token})
            form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": application}
            client.post("auth/realms/cern/api-access/token", data=form)
            client.get(login["verification_uri_complete"])
        process.terminate()
        output, errors = process.communicate(timeout=120)
    # The one token that breaks the service leaves a line.
    assert (output, errors) == ("", "Internal Server Error: /api/v1/run/\n")
    assert secret not in ready
    assert application not in ready
