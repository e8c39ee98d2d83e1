"""A request as it is sent in every attempt."""

import json

import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.http.request import call_for

URL = "https://dials.test/api/v1/run/?page_size=7"
SECRET = "correct-horse-battery-staple"


def encoded(workspace=None, *, in_workspace=True, **request):
    return call_for({"method": "post", **request}, URL, workspace, in_workspace=in_workspace)


def test_a_json_body():
    body = {"run_number__in": [1, 2]}
    call = encoded(json=body)
    assert (call.method, json.loads(call.content)) == ("POST", body)
    assert dict(call.headers) == {"Content-Type": "application/json"}


def test_a_form_body():
    call = encoded(data={"a": "b c", "d": "ü&"})
    assert call.content == b"a=b+c&d=%C3%BC%26"
    assert dict(call.headers) == {"Content-Type": "application/x-www-form-urlencoded"}


def test_no_body():
    assert (encoded().content, dict(encoded().headers)) == (None, {})


def test_a_body_that_is_no_json_is_refused():
    with pytest.raises(ConfigurationError, match="cannot be written as JSON"):
        encoded(json={"x": object()})


def test_a_content_type_of_the_request_stays():
    assert dict(encoded(json={}, headers={"content-type": "a/b"}).headers) == {"content-type": "a/b"}


@pytest.mark.parametrize(
    ("workspace", "in_workspace", "sent"),
    [
        ("jetmet", True, "jetmet"),
        ("jetmet", False, None),
        (None, True, "of the request"),
        (None, False, None),
    ],
)
def test_the_workspace(workspace, in_workspace, sent):
    call = encoded(workspace, in_workspace=in_workspace, headers={"workspace": "of the request"})
    assert {name.lower(): value for name, value in call.headers.items()}.get("workspace") == sent


@pytest.mark.parametrize("body", ["json", "data"])
def test_secrets_are_known_and_not_shown(body):
    call = encoded(**{body: {"refresh_token": SECRET, "a": "b"}}, headers={"Authorization": "Bearer x"})
    assert call.secrets == (SECRET, "Bearer x")
    assert repr(call) == f"<POST {URL}>"


def test_no_secret_of_the_url_is_shown():
    call = call_for(
        {"method": "GET"}, f"https://dials.test/a?client_secret={SECRET}", None, in_workspace=True
    )
    assert call.shown_url == "https://dials.test/a?client_secret=***"
    assert call.target == "/a?client_secret=***"
