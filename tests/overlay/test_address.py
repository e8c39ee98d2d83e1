"""Where a path of the contract is on the service."""

import pytest
from cmsdials.address import address, checked_base_url
from cmsdials.errors import ConfigurationError


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
    ],
)
def test_a_base_address_that_cannot_work(base_url, says):
    with pytest.raises(ConfigurationError, match=r"^base_url ") as caught:
        checked_base_url(base_url)
    assert says in str(caught.value)
    assert "https://cmsdials-api.web.cern.ch/" in caught.value.advice
    assert "hunter2" not in str(caught.value)
