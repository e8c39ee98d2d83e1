"""A request as it is sent in every attempt, where it goes, and what is refused before anything is sent."""

import contextlib
import json
import string

import httpx
import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.http.request import address, call_for, check_headers, check_workspace, checked_base_url
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_body_that_is_not_json_is_refused():
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


# --- headers


def test_what_can_be_sent():
    check_headers({"X-CLIENT-SECRET": SECRET, "accept": "*/*"})
    check_workspace("tracker")
    check_workspace(None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", f"{SECRET}\n"),
        ("X-A", f"{SECRET}\nHost: x"),
        ("X-A", f"{SECRET}€"),
        ("X-A", ""),
        ("X-A", None),
        ("Ünsinn", SECRET),
        ("a b", SECRET),
        ("", SECRET),
    ],
)
def test_what_cannot_be_sent(name, value):
    with pytest.raises(ConfigurationError, match="cannot be sent") as caught:
        check_headers({name: value})
    assert repr(name) in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("workspace", "says"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("a\nb", "a line break"),
        ("\u20ac", "cannot carry"),
        (7, "it is int, not text"),
        (f"{SECRET}\n", "a line break"),
        (f" {SECRET}", "blanks"),
        (3 * SECRET, "it has 84 characters"),
        (f"eyJhbGciOi.{SECRET}.x", "looks like a token"),
        (f"Bearer {SECRET}", "looks like a token"),
    ],
)
def test_a_workspace_that_cannot_work(workspace, says):
    with pytest.raises(ConfigurationError) as caught:
        check_workspace(workspace)
    assert says in str(caught.value)
    assert "belong in credentials" in caught.value.advice
    assert SECRET not in str(caught.value)


# --- addresses


@pytest.mark.parametrize(
    ("base_url", "route", "version", "path", "url"),
    [
        ("https://h", "api/", "v1/", "/api/v1/run/", "https://h/api/v1/run/"),
        ("https://h/", "api", "v1", "/api/v1/run/", "https://h/api/v1/run/"),
        ("https://h/dials", "/api/", "/v1/", "/api/v1/run/", "https://h/dials/api/v1/run/"),
        ("https://h/a/b/", "rest/", "v2/", "/api/v1/th1/1/2/", "https://h/a/b/rest/v2/th1/1/2/"),
        ("https://h/", "", "", "/api/v1/run/", "https://h/run/"),
        ("http://localhost:8000", "api/", "v1/", "/static/swagger.json", "http://localhost:8000/static/swagger.json"),
        ("http://[::1]:8000/", "api/", "v1/", "/api/v1/run/", "http://[::1]:8000/api/v1/run/"),
    ],
)  # fmt: skip
def test_where_a_path_is(base_url, route, version, path, url):
    assert address(checked_base_url(base_url), route, version, path) == url


@pytest.mark.parametrize("path", ["https://elsewhere.test/api/v1/run/?next_token=x", "api/v1/run/", ""])
def test_only_paths_have_an_address(path):
    with pytest.raises(ConfigurationError, match="names a path on https://h/, not"):
        address("https://h/", "api/", "v1/", path)


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("https://h\n/", "line breaks"),
        ("https://h h/", "blanks"),
        (None, "is NoneType, not text"),
        (7, "is int, not text"),
        ("dials.cern.ch", "does not begin with"),
        ("ftp://h/", "does not begin with"),
        ("https://", "a host name"),
        ("https:///x", "a host name"),
        ("https://h/?x=1", "holds a query"),
        ("https://h/#x", "or fragment"),
        ("https://h:port/", "is not a URL"),
        ("http://[::1/", "is not a URL"),
        ("https://me:hunter2@h/", "belong in credentials"),
        ("https://me@h/", "belong in credentials"),
        ("https://me:hunter2", "is not a URL"),
        ("hunter2", "of 7 characters does not begin with"),
        ("hunter2/x+Y==", "of 13 characters does not begin with"),
        ("localhost:8000", "'localhost:8000' does not begin with"),
        ("production", "'production' does not begin with"),
        ("dials.cern.ch/x", "'dials.cern.ch/x' does not begin with"),
        ("https://h/?x=hunter2", "'https://h/' holds a query"),
        ("http://300.1.1.1/", "is not a URL"),
        ("http://[::1]x/", "is not a URL"),
        ("http://[fe]/", "is not a URL"),
        ("http://h:1:2/", "is not a URL"),
        ("http://h:70000/", "is not a URL"),
        ("http://h/" + 70000 * "x", "is too long"),
    ],
)
def test_a_base_address_that_cannot_work(base_url, says):
    with pytest.raises(ConfigurationError, match=r"^base_url ") as caught:
        checked_base_url(base_url)
    assert says in str(caught.value)
    assert "https://cmsdials-api.web.cern.ch/" in caught.value.advice
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "route", "version", "bare"),
    [
        ("https://h/api/v1/", "api/", "v1/", "https://h/"),
        ("https://h/api/v1", "/api", "/v1", "https://h/"),
        ("https://h/api", "api/", "v1/", "https://h/"),
        ("https://h/dials/api//", "api/", "v1/", "https://h/dials/"),
        ("https://h/rest/v2/", "rest", "v2", "https://h/"),
    ],
)
def test_an_address_that_holds_what_is_added_to_it(base_url, route, version, bare):
    with pytest.raises(ConfigurationError, match="which is added to it") as caught:
        checked_base_url(base_url, route, version)
    assert f"Give {bare}, or" in caught.value.advice
    assert checked_base_url(bare, route, version) == bare


@pytest.mark.parametrize(
    ("base_url", "route", "version"),
    [
        ("https://h/api/v1/", "", ""),
        ("https://h/api/", "", "v1/"),
        ("https://h/myapi/", "api/", "v1/"),
        ("https://api/", "api/", "v1/"),
        ("https://h/v1/", "api/", "v1/"),
    ],
)
def test_an_address_that_only_looks_so(base_url, route, version):
    assert checked_base_url(base_url, route, version) == f"{base_url.rstrip('/')}/"


@given(
    st.tuples(
        st.sampled_from(["http://", "https://", "HTTP://", ""]),
        st.one_of(
            st.text(string.printable, max_size=12),
            st.from_regex(r"[a-z0-9.-]{1,12}(:[0-9]{0,6})?", fullmatch=True),
            st.from_regex(r"\[[0-9a-f:.%]{0,12}\](:[0-9]{0,6})?", fullmatch=True),
            st.from_regex(r"([0-9]{1,3}\.){3}[0-9]{1,3}", fullmatch=True),
        ),
        st.text(string.printable, max_size=8),
    ).map("".join)
)
def test_what_is_accepted_is_a_url_to_the_http_library(base_url):
    with contextlib.suppress(ConfigurationError):
        url = httpx.URL(checked_base_url(base_url))
        assert url.host
        assert not url.userinfo
