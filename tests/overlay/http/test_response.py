"""Which error an answer is, what it says, and which answers are good."""

import pickle

import pytest
from cmsdials.errors import DecodeError, RequestFailedError
from cmsdials.http.response import Answer, checked, error_for
from hypothesis import given
from hypothesis import strategies as st

URL = "https://cmsdials-api.web.cern.ch/api/v1/run/?page_size=10"
JSON = {"content-type": "application/json"}
KILLED = (
    b"<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n"
    b"  <body>\n    <h1><p>Internal Server Error</p></h1>\n    \n  </body>\n</html>\n"
)
"""The page of gunicorn, to the byte."""


def refused(answer, secrets=()):
    with pytest.raises(RequestFailedError) as caught:
        checked(answer, secrets)
    return caught.value


def answer(status=200, body=b"", headers=None):
    return Answer(status, headers or {}, body, URL, "GET")


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "says"),
    [
        (400, b'{"run_number": ["Enter a number."]}', "BadRequestError", None, "run_number: Enter a number"),
        (400, b'{"detail": "wait", "code": "authorization_pending"}', "BadRequestError", "authorization_pending", "wait"),
        (400, b'{"error": "slow_down", "error_description": "later"}', "BadRequestError", "slow_down", "later"),
        (401, b"{}", "AuthenticationError", None, "Log in again"),
        (403, b'{"detail": "x", "code": "authorization_not_found"}', "AuthenticationError", "authorization_not_found", "carried no credentials"),
        (403, b'{"detail": "x", "code": "token_not_valid"}', "AuthenticationError", "token_not_valid", "another instance"),
        (403, b'{"detail": "x", "code": "access_token_expired"}', "AuthenticationError", "access_token_expired", "log in again"),
        (404, b'{"detail": "Invalid cursor"}', "InvalidCursorError", None, "start the listing again"),
        (404, b'{"detail": "Workspace \'x\' not found"}', "WorkspaceNotFoundError", None, "dials.workspaces.list()"),
        (404, b'{"detail": "No Run matches the given query."}', "NotFoundError", None, "No Run matches"),
        (404, b"<html><title>404 Not Found</title>", "NotFoundError", None, "check base_url, route and version"),
        (405, b'{"detail": "Method \\"POST\\" not allowed."}', "MethodNotAllowedError", None, "older or newer"),
        (418, b"", "ResponseError", None, "HTTP 418"),
        (429, b'{"detail": "throttled"}', "TooManyRequestsError", None, "throttled"),
        (499, b"", "ResponseError", None, "HTTP 499"),
        (500, b"<!doctype html><h1>Server Error (500)</h1>", "ServerError", None, "does not compile"),
        (500, b"<html><head><title>500 Internal Server Error</title>", "ServerError", None, "does not compile"),
        (500, KILLED, "GatewayError", None, "HTTP 500 Internal Server Error: the server has stopped its worker, which took too long. Ask for less"),
        (502, KILLED, "GatewayError", None, "an HTML page, 'Internal Server Error'"),
        (501, KILLED, "ServerError", None, "an HTML page, 'Internal Server Error'"),
        (500, b'{"detail": "Internal Server Error"}', "ServerError", None, "try again later"),
        (500, b"Internal Server Error", "ServerError", None, "try again later"),
        (500, b'{"detail": "oh"}', "ServerError", None, "try again later"),
        (520, b"", "ServerError", None, "HTTP 520"),
        (502, b"<html><title>502 Bad Gateway</title>", "GatewayError", None, "smaller page_size"),
        (503, b"", "GatewayError", None, "try again in a few minutes"),
        (504, b"<html>", "GatewayError", None, "exact filters"),
        (302, b"", "RedirectError", None, "redirects to https://auth.cern.ch/login"),
        (304, b"", "RedirectError", None, "HTTP 304 Not Modified"),
        (700, b"", "ResponseError", None, "HTTP 700"),
    ],
)  # fmt: skip
def test_which_error_an_answer_is(status, body, kind, code, says):
    location = {"location": "https://me:pw@auth.cern.ch/login?state=opaque"} if status == 302 else {}
    error = refused(answer(status, body, {**location, "retry-after": "7"}))
    assert type(error).__name__ == kind
    assert (error.status_code, error.code, error.attempts, error.retry_after) == (status, code, 1, "7")
    assert says in str(error)
    assert str(error).startswith(f"GET {URL}: HTTP {status}")
    assert "opaque" not in str(error)


def test_bodies_are_shortened():
    error = refused(answer(500, b"<p>" + b"x" * 100_000, {"content-type": "text/html"}))
    assert len(error.body) == 300
    assert len(str(error)) < 700


def test_a_deeply_nested_body_is_no_trap():
    assert refused(answer(400, b"[" * 60_000)).status_code == 400


@given(st.integers(100, 999), st.binary(max_size=200), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_answer_is_too_strange(status, body, headers):
    error = error_for(answer(status, body, headers))
    assert str(error)
    assert pickle.loads(pickle.dumps(error)).args == error.args


@pytest.mark.parametrize(
    "good", [answer(200, b"{}", JSON), answer(200, b"{}"), answer(204), answer(200, b"a < b")]
)
def test_a_good_answer_passes(good):
    assert checked(good, ["a-secret"]) is good


@pytest.mark.parametrize(
    ("headers", "body", "says"),
    [
        ({"content-type": "text/html; charset=utf-8"}, b"Sign in", "with an HTML page instead of JSON."),
        ({"content-type": "application/xhtml+xml"}, b"", "with an HTML page"),
        (JSON, b" \n<!DOCTYPE html><title>CERN <b>Single</b> Sign-On</title>", "('CERN Single Sign-On')"),
        (JSON, b"<H1>you sent a-secret</H1>", "('you sent ***')"),
    ],
)
def test_a_web_page_is_not_a_good_answer(headers, body, says):
    error = refused(answer(200, body, headers), ["a-secret"])
    assert isinstance(error, DecodeError)
    assert says in str(error)
    assert str(error).startswith(f"GET {URL}: HTTP 200, but")
    assert "a-secret" not in error.body


def test_an_error_does_not_repeat_what_was_sent():
    error = refused(answer(400, b'{"detail": "bad a-secret"}', JSON), ["a-secret"])
    assert (error.detail, error.body) == ("bad ***", '{"detail": "bad ***"}')


def test_an_answer_does_not_show_what_it_holds():
    assert repr(answer(200, b"secret")) == "<Answer 200, 6 bytes>"
