"""Where a path of the contract is on the service."""

import string

import httpx
import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.http.address import address, base_url_refusal, checked_base_url
from hypothesis import given
from hypothesis import strategies as st


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
        ("https://me:hunter2@h/", "belong into credentials"),
        ("https://me@h/", "belong into credentials"),
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
    refusal = base_url_refusal(base_url, route, version)
    assert "which is added to it" in refusal.message
    assert f"Give {bare}, or" in refusal.advice
    assert base_url_refusal(bare, route, version) is None


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
    assert base_url_refusal(base_url, route, version) is None


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
    if base_url_refusal(base_url) is None:
        url = httpx.URL(checked_base_url(base_url))
        assert url.host
        assert not url.userinfo
