"""The secret of an application: sent as it is, shown nowhere."""

import copy
import pickle
import traceback

import pytest
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import CredentialsError, DialsError

SECRET = "correct-horse-battery-staple"


def test_the_header():
    headers = {"Accept": "text/html"}
    Credentials(token=SECRET).before_request(headers)
    assert headers == {"Accept": "text/html", "X-CLIENT-SECRET": SECRET}


def test_attributes_that_scripts_use():
    client = object()
    credentials = Credentials(SECRET, client=client)
    assert credentials.token == SECRET
    assert credentials.client is client


def test_it_hides():
    credentials = Credentials(token=SECRET)
    assert f"{credentials!r} {credentials}" == "Credentials(token='***') Credentials(token='***')"


@pytest.mark.parametrize(
    "token", [None, "", " ", "\n", f"{SECRET}\n", f" {SECRET}", f"{SECRET}\nHost: x", f"{SECRET}\u20ac", f"{SECRET}\x00", 7, b"x"]
)  # fmt: skip
def test_a_secret_that_cannot_work(token):
    with pytest.raises(ValueError, match="secret of the application") as caught:
        Credentials(token=token)
    error = caught.value
    assert isinstance(error, CredentialsError | DialsError)
    assert "DIALS developers issued" in str(error)
    assert "=" + SECRET not in str(error)
    assert_hidden(error)


def assert_hidden(error):
    assert SECRET not in f"{error} {error!r} {vars(error)} {''.join(traceback.format_exception(error))}"


def test_no_secret_at_all_is_refused():
    with pytest.raises(CredentialsError, match="none was given"):
        Credentials()


def test_umlauts_are_possible():
    headers: dict[str, str] = {}
    Credentials("gr\u00fcn-und-blau").before_request(headers)
    assert headers == {"X-CLIENT-SECRET": "gr\u00fcn-und-blau"}


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))])
def test_it_crosses_processes(twin):
    assert twin(Credentials(SECRET)).token == SECRET
