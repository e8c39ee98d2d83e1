"""One step of the session: with scripted answers and an injected clock."""

import contextlib
import gc
import json
import logging
import pickle
import threading
import traceback
from typing import ClassVar

import httpx
import numpy as np
import pytest
from cmsdials import errors
from cmsdials.auth.secret_key import Credentials
from urllib3.util.retry import Retry

SECRET = "correct-horse-battery-staple"
RUNS = {"method": "get", "url": "/api/v1/run/"}
CUT = errors.DecodeError("cut")
PAGE = {"next": None, "previous": None, "results": []}
STOPPED = "<html><title>Internal Server Error</title></html>"
HTML = "<!doctype html><html><title>CERN Single Sign-On</title></html>"


def read_json(body):
    with contextlib.suppress(ValueError):
        return json.loads(body)
    message = f"not whole JSON: {len(body)} bytes"
    raise errors.DecodeError(message)


class Script:
    """Answers requests by a list of scripted answers and keeps what was asked; the last answer stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.waits = []
        self.now = 1_700_000_000.0

    def __call__(self, request):
        self.asked.append(request)
        self.now += 0.25
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    session_type = None

    def session(self, credentials=None, base_url="https://dials.test/", **options):
        return self.session_type(
            base_url,
            credentials,
            transport=Transport(self),
            clock=lambda: self.now,
            sleep=self.sleep,
            **options,
        )


class Transport(httpx.MockTransport):
    """Counts how often it was closed, and keeps in which threads."""

    def __init__(self, script):
        super().__init__(script)
        script.closed_by = []
        self._closed_by = script.closed_by

    def close(self):
        self._closed_by.append(threading.current_thread())


@pytest.fixture(autouse=True)
def the_session_type(session_type, monkeypatch):
    monkeypatch.setattr(Script, "session_type", session_type)


def ok(value=None, **headers):
    return httpx.Response(200, json=PAGE if value is None else value, headers=headers)


def refused(code, status=403):
    return httpx.Response(status, json={"detail": "no", "code": code})


class Broken(httpx.SyncByteStream):
    """A body that stops in the middle."""

    def __init__(self, error=None):
        self.error = error
        self.closed = False

    def close(self):
        self.closed = True

    def __iter__(self):
        yield b'{"next": nu'
        if self.error:
            raise self.error


def broken(error=None, **headers):
    return lambda: httpx.Response(200, stream=Broken(error), headers=headers)


# --- what is sent -------------------------------------------------------------------------------------------


def test_a_path_never_leaves_the_host():
    script = Script(ok())
    script.session().perform({"method": "GET", "url": "//elsewhere.test/x"}, read_json)
    assert script.asked[0].url.host == "dials.test"


@pytest.mark.parametrize("as_pairs", [False, True])
def test_parameters_arrive_as_they_were_given(as_pairs):
    params = {
        "me": "EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +",
        "model_id__in": "20,19",
        "filter[a][EQ]": 7,
    }
    script = Script(ok())
    script.session().perform({**RUNS, "params": list(params.items()) if as_pairs else params}, read_json)
    assert dict(script.asked[0].url.params) == {**params, "filter[a][EQ]": "7"}


def test_the_headers():
    script = Script(ok())
    script.session(Credentials(SECRET), workspace="tracker").perform(RUNS, read_json)
    headers = script.asked[0].headers
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "gzip"
    assert headers["user-agent"].startswith("cmsdials/")
    assert f"httpx/{httpx.__version__})" in headers["user-agent"]
    assert headers["workspace"] == "tracker"
    assert headers["x-client-secret"] == SECRET


def test_the_workspace_stays_where_it_belongs():
    script = Script(ok)
    tracker = script.session(workspace="tracker")
    jetmet = script.session(workspace="jetmet")
    nowhere = script.session(workspace=None)
    sent = {**RUNS, "headers": {"workspace": "stale"}}
    for session, request, workspace in [
        (tracker, RUNS, True),
        (jetmet, sent, True),
        (tracker, sent, False),
        (nowhere, RUNS, True),
        (tracker, RUNS, False),
        (tracker, RUNS, True),
    ]:
        session.perform(request, read_json, workspace=workspace)
    assert [request.headers.get("workspace") for request in script.asked] == [
        "tracker", "jetmet", None, None, None, "tracker",
    ]  # fmt: skip


def test_credentials_have_the_last_word():
    script = Script(ok())
    script.session(Credentials(SECRET)).perform({**RUNS, "headers": {"X-CLIENT-SECRET": "other"}}, read_json)
    assert script.asked[0].headers["x-client-secret"] == SECRET


def test_no_cookie_is_kept():
    script = Script(lambda: ok(**{"set-cookie": "session=abc; Path=/"}))
    session = script.session()
    session.perform(RUNS, read_json)
    session.perform(RUNS, read_json)
    assert "cookie" not in script.asked[1].headers


class Fills:
    def __init__(self, name, value):
        self.name, self.value = name, value

    def before_request(self, headers):
        headers[self.name] = self.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", f"{SECRET}\n"),
        ("X-A", f"{SECRET}\nHost: x"),
        ("X-A", f"{SECRET}€"),
        ("Ünsinn", SECRET),
        ("a b", SECRET),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(name, value):
    with pytest.raises(errors.ConfigurationError, match="cannot be sent") as caught:
        Script(ok()).session(Fills(name, value)).perform(RUNS, read_json)
    assert_no_secret(caught.value)


def test_a_header_of_the_request_that_cannot_be_sent_is_refused():
    script = Script(ok())
    with pytest.raises(errors.ConfigurationError, match="'Authorization' cannot be sent") as caught:
        script.session().perform({**RUNS, "headers": {"Authorization": f"Bearer {SECRET}\n"}}, read_json)
    assert script.asked == []
    assert_no_secret(caught.value)


# --- what the constructor refuses, and that it does nothing --------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "options", "says"),
    [
        ("dials.cern.ch", {}, "base_url 'dials.cern.ch' does not begin"),
        ("http://300.1.1.1/", {}, "base_url is not a URL"),
        ("https://h/", {"timeout": 0}, "timeout must be"),
        ("https://h/", {"workspace": ""}, "workspace is not the name of one: it is empty"),
    ],
)
def test_what_cannot_work(base_url, options, says, session_type):
    with pytest.raises(errors.ConfigurationError, match=says) as caught:
        session_type(base_url, None, **options)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__context__ is None


def test_the_constructor_opens_nothing(monkeypatch, session_type):
    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(httpx.Client, "__init__", fail)
    session = session_type("https://h", Credentials(SECRET), "tracker", "api/", "v1/", (3, 60))
    assert (session.base_url, session.workspace) == ("https://h/", "tracker")
    assert SECRET not in repr(session)
    session.close()


@pytest.mark.parametrize(
    ("timeout", "phases"),
    [
        (30.0, {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}),
        ((3, 60), {"connect": 3, "read": 60, "write": 60, "pool": 60}),
        ((3, None), {"connect": 3, "read": None, "write": None, "pool": None}),
        (None, {"connect": None, "read": None, "write": None, "pool": None}),
        (1, dict.fromkeys(("connect", "read", "write", "pool"), 1.0)),
        (np.int64(3), dict.fromkeys(("connect", "read", "write", "pool"), 3.0)),
    ],
)
def test_the_timeout_of_each_phase(timeout, phases):
    script = Script(ok())
    script.session(timeout=timeout).perform(RUNS, read_json)
    assert script.asked[0].extensions["timeout"] == phases


@pytest.mark.parametrize(
    "timeout", [0, -1, "30", True, float("nan"), float("inf"), (1,), (1, 2, 3), (1, "x"), [1, 2]]
)
def test_a_timeout_that_cannot_work(timeout):
    with pytest.raises(errors.ConfigurationError, match="timeout must be a positive number"):
        Script(ok).session(timeout=timeout)


def test_proxy_settings_that_cannot_work_are_named(monkeypatch, session_type):
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://me:hunter2@proxy/")
    with pytest.raises(errors.ConfigurationError, match="HTTPS_PROXY") as caught:
        session_type("https://h/", None).perform(RUNS, read_json)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


# --- retries ------------------------------------------------------------------------------------------------


TRANSPORT = [
    (httpx.ConnectError("[Errno -2] Name or service not known"), errors.ConnectionFailedError, "no connection to dials.test"),
    (httpx.ConnectError("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"), errors.ConnectionFailedError, "HANDSHAKE_FAILURE"),
    (httpx.ProxyError("407 Proxy Authentication Required"), errors.ConnectionFailedError, "the proxy"),
    (httpx.ConnectTimeout("timed out"), errors.RequestTimeoutError, "no connection in 30 s (connect timeout)"),
    (httpx.PoolTimeout(""), errors.RequestTimeoutError, "in 30 s (pool timeout)"),
    (httpx.WriteTimeout("timed out"), errors.RequestTimeoutError, "in 30 s (write timeout)"),
    (httpx.ReadTimeout("timed out"), errors.RequestTimeoutError, "no data came in 30 s (read timeout)"),
    (httpx.ReadError("[Errno 104] Connection reset by peer"), errors.ConnectionFailedError, "before an answer"),
    (httpx.WriteError("[Errno 32] Broken pipe"), errors.ConnectionFailedError, "before an answer"),
    (httpx.RemoteProtocolError("Server disconnected"), errors.ConnectionFailedError, "before an answer"),
    (RuntimeError("Cannot send a request, as the client has been closed."), errors.ConnectionFailedError, "closed while"),
    (httpx.LocalProtocolError(f"Illegal header value {SECRET}"), errors.ConnectionFailedError, "cannot be written"),
    (broken(), errors.DecodeError, "not whole JSON"),
    (broken(**{"content-length": "99"}), errors.IncompleteBodyError, "only 11 of 99 bytes"),
    (broken(httpx.ReadError("reset")), errors.IncompleteBodyError, "in the middle of the answer (reset)"),
    (broken(httpx.RemoteProtocolError("peer closed")), errors.IncompleteBodyError, "in the middle"),
    (broken(httpx.ReadTimeout("timed out")), errors.RequestTimeoutError, "read timeout"),
    (broken(**{"content-encoding": "gzip"}), errors.IncompleteBodyError, "compressed body is damaged"),
    (httpx.Response(200, text='{"next": nu'), errors.DecodeError, "not whole JSON"),
    (httpx.Response(200, text=""), errors.DecodeError, "0 bytes"),
    (httpx.Response(200, html=HTML), errors.DecodeError, "'CERN Single Sign-On'"),
    (httpx.Response(200, text=f"\n {HTML}", headers={"content-type": "application/json"}), errors.DecodeError, "HTML"),
    (httpx.Response(429, json={"detail": "slow"}), errors.TooManyRequestsError, "slow"),
    (httpx.Response(502, html=HTML), errors.GatewayError, "HTTP 502"),
    (httpx.Response(503, text=""), errors.GatewayError, "HTTP 503"),
    (httpx.Response(504, html=HTML), errors.GatewayError, "smaller page_size"),
    (httpx.Response(500, html=STOPPED), errors.GatewayError, "took too long (after 3 attempts). Ask for less"),
]  # fmt: skip


def again(fault):
    """A fault as a scripted answer that may be used more than once."""
    if isinstance(fault, httpx.Response):
        return lambda: httpx.Response(fault.status_code, content=fault.content, headers=fault.headers)
    return fault


@pytest.mark.parametrize(("fault", "kind", "says"), TRANSPORT)
def test_a_fault_is_repeated_and_then_told(fault, kind, says):
    script = Script(again(fault))
    with pytest.raises(kind) as caught:
        script.session(Credentials(SECRET)).perform(
            {**RUNS, "params": {"page_size": 7}}, read_json, retries=2
        )
    error = caught.value
    assert type(error) is kind
    assert (len(script.asked), error.attempts, script.waits) == (3, 3, [1.0])
    assert str(error).startswith("GET https://dials.test/api/v1/run/?page_size=7: ")
    assert "(after 3 attempts)" in str(error)
    assert says in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert_no_secret(error)


@pytest.mark.parametrize(("fault", "kind", "says"), TRANSPORT)
def test_a_fault_that_passes_is_not_noticed(fault, kind, says):
    script = Script(again(fault), again(fault), ok())
    assert script.session().perform(RUNS, read_json) == PAGE
    assert len(script.asked) == 3


def test_a_get_is_repeated_where_the_server_has_stopped_its_worker(service):
    run = {"dataset_id": 1, "dataset": "/Z/R/D", "run_number": 7, "ls_count": 9}
    service.will_answer(httpx.Response(500, html=STOPPED), run)
    assert service.dials.run.get(1, 7).run_number == 7
    assert len(service.asked) == 2


@pytest.mark.parametrize(("fault", "kind", "says"), TRANSPORT)
def test_without_retries_the_first_fault_counts(fault, kind, says):
    script = Script(again(fault), ok())
    with pytest.raises(kind):
        script.session().perform(RUNS, read_json, retries=0)
    assert (len(script.asked), script.waits) == (1, [])


def test_a_connection_that_broke_is_given_back():
    bodies = [Broken(error) for error in (httpx.ReadError("reset"), KeyboardInterrupt())]
    for body in bodies:
        with pytest.raises((errors.IncompleteBodyError, KeyboardInterrupt)):
            Script(httpx.Response(200, stream=body)).session().perform(RUNS, read_json, retries=0)
    assert [body.closed for body in bodies] == [True, True]


@pytest.mark.parametrize(
    ("phase", "says"), [(httpx.ConnectTimeout, "proxy settings"), (httpx.ReadTimeout, "page_size")]
)
def test_what_helps_against_a_timeout(phase, says):
    with pytest.raises(errors.RequestTimeoutError, match=says):
        Script(phase("x")).session().perform(RUNS, read_json, retries=0)


def test_an_untrusted_certificate_is_not_tried_twice():
    script = Script(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"))
    with pytest.raises(errors.ConnectionFailedError, match="SSL_CERT_FILE") as caught:
        script.session().perform(RUNS, read_json)
    assert (len(script.asked), caught.value.phase) == (1, "certificate")


def test_decoding_is_part_of_the_step():
    seen = []

    def read(body):
        seen.append(body)
        if len(seen) < 3:
            raise CUT
        return "rows"

    script = Script(ok)
    assert script.session().perform(RUNS, read) == "rows"
    assert len(script.asked) == 3
    assert json.loads(seen[0]) == PAGE


def test_an_error_of_the_reader_learns_what_was_asked():
    def read(answer):
        raise errors.SchemaError(resource="run", field="ls_count", row=3)

    script = Script(ok)
    with pytest.raises(errors.SchemaError) as caught:
        script.session().perform(RUNS, read)
    assert len(script.asked) == 1
    assert str(caught.value).startswith(
        "GET https://dials.test/api/v1/run/: run, row 3: field 'ls_count' is not as the contract says."
    )


def test_a_mistake_in_the_reader_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        Script(ok).session().perform(RUNS, lambda answer: 1 / 0)


def test_an_unsafe_post_is_sent_once():
    for fault in (httpx.ReadTimeout("x"), httpx.Response(504)):
        script = Script(fault)
        with pytest.raises(errors.RequestFailedError):
            script.session().perform({"method": "POST", "url": "/api/v1/x/"}, read_json)
        assert len(script.asked) == 1


def test_a_safe_post_is_repeated_with_its_body():
    script = Script(httpx.Response(504), ok())
    script.session().perform({"method": "POST", "url": "/api/v1/x/", "json": {"a": 1}}, read_json, safe=True)
    assert [request.content for request in script.asked] == [b'{"a":1}', b'{"a":1}']


def test_a_retry_of_the_user_decides():
    script = Script(httpx.Response(500))
    rules = Retry(5, status=2, status_forcelist=[500], backoff_factor=3)
    with pytest.raises(errors.ServerError) as caught:
        script.session().perform(RUNS, read_json, retries=rules)
    assert (caught.value.attempts, script.waits, rules.total) == (3, [6.0], 5)


def test_retry_after_is_waited_for():
    script = Script(httpx.Response(503, headers={"Retry-After": "9"}), ok())
    script.session().perform(RUNS, read_json)
    assert script.waits == [9.0]


def test_a_retry_after_beyond_patience_is_told():
    script = Script(httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(errors.TooManyRequestsError, match="asks to wait 3600 s") as caught:
        script.session().perform(RUNS, read_json)
    assert (script.waits, caught.value.attempts, caught.value.retry_after) == ([], 1, "3600")


def test_an_interruption_passes_through():
    for interruption in (KeyboardInterrupt(), SystemExit()):
        script = Script(interruption)
        with pytest.raises(type(interruption)) as caught:
            script.session(Credentials(SECRET)).perform(RUNS, read_json)
        assert caught.value is interruption
        assert len(script.asked) == 1
        assert_no_secret(caught.value)


@pytest.mark.parametrize("retries", [-1, "many"])
def test_senseless_retries_are_refused_before_anything_is_sent(retries):
    script = Script(ok())
    with pytest.raises(errors.ConfigurationError):
        script.session().perform(RUNS, read_json, retries=retries)
    assert script.asked == []


# --- redirects ----------------------------------------------------------------------------------------------


def moved(location, status=301):
    return httpx.Response(status, headers={"Location": location})


@pytest.mark.parametrize("status", [301, 308])
@pytest.mark.parametrize(
    "location", ["/api/v1/run/?page_size=7", "https://dials.test/api/v1/run/?page_size=7"]
)
def test_a_missing_slash_is_followed(status, location):
    script = Script(moved(location, status), ok())
    request = {"method": "GET", "url": "/api/v1/run", "params": {"page_size": 7}}
    assert script.session(Credentials(SECRET)).perform(request, read_json, retries=0) == PAGE
    assert [request.method for request in script.asked] == ["GET", "GET"]
    assert str(script.asked[1].url) == "https://dials.test/api/v1/run/?page_size=7"
    assert script.asked[1].headers["x-client-secret"] == SECRET


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (moved("https://evil.test/api/v1/run/"), "GET"),
        (moved("http://dials.test/api/v1/run/"), "GET"),
        (moved("https://dials.test:8443/api/v1/run/"), "GET"),
        (moved("//evil.test/api/v1/run/"), "GET"),
        (moved("https://dials.test@evil.test/"), "GET"),
        (moved("https://me:pw@dials.test/"), "GET"),
        (moved("http://[broken"), "GET"),
        (moved(""), "GET"),
        (moved("/login", 302), "GET"),
        (moved("/login", 303), "GET"),
        (moved("/api/v1/run/", 307), "GET"),
        (moved("/api/v1/run/"), "POST"),
        (httpx.Response(304), "GET"),
    ],
)
def test_no_other_redirect_is_followed(answer, method):
    script = Script(answer)
    with pytest.raises(errors.RedirectError, match="login page") as caught:
        script.session(Credentials(SECRET)).perform({**RUNS, "method": method}, read_json, safe=True)
    assert len(script.asked) == 1
    assert_no_secret(caught.value)


def test_a_redirect_in_a_circle_ends():
    script = Script(lambda: moved("/api/v1/run/"))
    with pytest.raises(errors.RedirectError):
        script.session().perform(RUNS, read_json)
    assert len(script.asked) == 2


# --- backing off together -----------------------------------------------------------------------------------


def busy(status, seconds=None):
    return httpx.Response(status, headers={} if seconds is None else {"Retry-After": str(seconds)})


def waits_of_two(script):
    """Ask, and let another thread ask during the last wait; return who waits how long."""
    waits = []

    def sleep(seconds):
        waits.append((threading.current_thread().name, seconds))
        if len(script.answers) == 1 and threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=session.perform, args=(RUNS, read_json), name="other")
            other.start()
            other.join()
        else:
            script.now += seconds

    session = script.session()
    session._sleep = sleep
    session.perform(RUNS, read_json)
    return waits


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        # Told for how long: the other one waits as long, and asks nothing before.
        ([busy(429, 9)], [("MainThread", 9.0), ("other", 9.0)]),
        ([busy(503, 9)], [("MainThread", 9.0), ("other", 9.0)]),
        # Not told: what the rules say, which is nothing at first, then 1 s, then 2 s.
        ([busy(503), busy(503)], [("MainThread", 1.0), ("other", 1.0)]),
        (
            [busy(429), busy(429), busy(429)],
            [("MainThread", 1.0), ("MainThread", 2.0), ("other", 2.0)],
        ),
        # What says nothing of others does not hold them.
        ([busy(504, 9)], [("MainThread", 9.0)]),
        ([busy(502), busy(502)], [("MainThread", 1.0)]),
    ],
)
def test_all_threads_of_a_session_wait_when_one_is_told_to(answers, waits):
    script = Script(*answers, ok)
    assert waits_of_two(script) == waits
    assert len(script.asked) == len(answers) + 2


def hold(script, session, seconds):
    """Have the service ask for a pause, and the one who is told be cut off in it: the pause stands for all others."""

    def cut_off(_):
        raise KeyboardInterrupt

    script.answers.insert(0, busy(503, seconds))
    sleep, session._sleep = session._sleep, cut_off
    with pytest.raises(KeyboardInterrupt):
        session.perform(RUNS, read_json)
    session._sleep = sleep
    script.asked.clear()


def test_a_wait_that_is_over_is_over_for_all():
    script = Script(ok)
    session = script.session(workspace="tracker")
    hold(script, session, 9)
    session.perform(RUNS, read_json)
    session.perform(RUNS, read_json)
    assert script.waits == [9.0]


def test_a_request_that_is_given_up_holds_nobody():
    script = Script(busy(503, 9), ok)
    session = script.session()
    with pytest.raises(errors.GatewayError):
        session.perform(RUNS, read_json, retries=0)
    session.perform(RUNS, read_json)
    assert script.waits == []


def test_the_token_is_asked_for_after_the_wait():
    class Fresh:
        def before_request(self, headers):
            headers["X-Now"] = str(script.now)

    script = Script(ok)
    session = script.session(Fresh())
    hold(script, session, 9)
    until = script.now + 9
    session.perform(RUNS, read_json)
    assert float(script.asked[0].headers["x-now"]) == until


# --- the first contact --------------------------------------------------------------------------------------


NOBODY = httpx.ConnectError("[Errno 111] Connection refused")


def test_where_nobody_has_answered_yet_it_is_given_up_soon():
    script = Script(NOBODY)
    session = script.session()
    with pytest.raises(
        errors.ConnectionFailedError, match="No server has answered at this address yet"
    ) as caught:
        session.perform(RUNS, read_json)
    assert (caught.value.attempts, script.waits) == (4, [1.0, 2.0])


@pytest.mark.parametrize("answer", [ok, httpx.Response(404, json={}), httpx.Response(200, html=HTML)])
def test_where_somebody_has_answered_it_is_tried_for_longer(answer):
    script = Script(answer, NOBODY)
    session = script.session()
    with contextlib.suppress(errors.RequestFailedError):
        session.perform(RUNS, read_json, retries=0)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        session.perform(RUNS, read_json)
    assert (caught.value.attempts, script.waits) == (6, [1.0, 2.0, 4.0, 8.0])
    assert "No server" not in str(caught.value)


def test_who_says_how_often_to_try_is_obeyed_at_the_first_contact_too():
    script = Script(NOBODY)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        script.session().perform(RUNS, read_json, retries=5)
    assert caught.value.attempts == 6


# --- credentials that renew themselves ----------------------------------------------------------------------


class Renewing:
    """Like the logins to come: a token that is replaced when it is refused."""

    def __init__(self, can=True):
        self.tokens = 1
        self.can = can
        self.rejected = []

    def before_request(self, headers):
        headers["Authorization"] = f"Bearer {SECRET}-{self.tokens}"

    def renew(self, rejected):
        self.rejected.append(rejected)
        self.tokens += 1
        return self.can


@pytest.mark.parametrize("code", ["access_token_expired", "token_not_valid"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_renewed_once_and_costs_no_retry(code, status):
    credentials = Renewing()
    script = Script(refused(code, status), ok())
    assert script.session(credentials).perform(RUNS, read_json, retries=0) == PAGE
    assert [request.headers["authorization"][-1] for request in script.asked] == ["1", "2"]
    assert credentials.rejected[0]["Authorization"] == f"Bearer {SECRET}-1"
    assert SECRET not in repr(credentials.rejected)
    assert script.waits == []


def test_a_token_that_stays_refused_is_an_error():
    credentials = Renewing()
    script = Script(lambda: refused("access_token_expired"))
    with pytest.raises(errors.AuthenticationError) as caught:
        script.session(credentials).perform(RUNS, read_json)
    assert (len(script.asked), len(credentials.rejected), caught.value.attempts) == (2, 1, 2)
    assert_no_secret(caught.value)


def test_every_step_may_renew():
    credentials = Renewing()
    script = Script(refused("access_token_expired"), ok(), refused("access_token_expired"), ok())
    session = script.session(credentials)
    session.perform(RUNS, read_json)
    session.perform(RUNS, read_json)
    assert len(credentials.rejected) == 2


def test_renewal_in_the_middle_of_retries():
    script = Script(httpx.Response(504), refused("access_token_expired"), httpx.Response(504), ok())
    assert script.session(Renewing()).perform(RUNS, read_json, retries=2) == PAGE
    assert script.waits == [1.0]


@pytest.mark.parametrize(
    ("credentials", "answer"),
    [
        (Renewing(can=False), refused("access_token_expired")),
        (Renewing(), refused("authorization_not_found")),
        (Renewing(), httpx.Response(403, text="no")),
        (Renewing(), httpx.Response(400, json={"code": "token_not_valid"})),
        (Credentials(SECRET), refused("token_not_valid")),
        (None, refused("token_not_valid")),
    ],
)
def test_when_nothing_can_be_renewed(credentials, answer):
    script = Script(answer)
    with pytest.raises(errors.ResponseError):
        script.session(credentials).perform(RUNS, read_json)
    assert len(script.asked) == 1


class Ended(Renewing):
    def renew(self, rejected):
        raise errors.ImpossibleToRefreshTokenError


def test_a_login_that_has_ended_says_so_and_shows_nothing():
    with pytest.raises(errors.ImpossibleToRefreshTokenError) as caught:
        Script(refused("access_token_expired")).session(Ended()).perform(RUNS, read_json)
    assert caught.value.__context__ is None
    assert_no_secret(caught.value)


def test_credentials_of_scripts_need_only_before_request():
    class Plain:
        def before_request(self, headers):
            headers["Authorization"] = "Bearer x"

    script = Script(refused("access_token_expired"))
    with pytest.raises(errors.AuthenticationError):
        script.session(Plain()).perform(RUNS, read_json)


# --- secrets ------------------------------------------------------------------------------------------------


def assert_no_secret(error):
    """Neither in what an error says nor in its traceback, nor in anything chained."""
    assert SECRET not in "".join(traceback.format_exception(error))
    while error is not None:
        for shown in (str(error), repr(error), repr(error.args), repr(vars(error))):
            assert SECRET not in shown
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("status", [200, 400, 403, 404, 418, 500, 504])
@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/plain"])
def test_a_service_that_repeats_the_secret(status, kind):
    echo = f"<html><h1>{SECRET}</h1>" if kind == "text/html" else json.dumps({"detail": f"you sent {SECRET}"})
    script = Script(lambda: httpx.Response(status, text=echo, headers={"content-type": kind}))
    with pytest.raises(errors.RequestFailedError) as caught:
        script.session(Credentials(SECRET)).perform(
            RUNS, lambda answer: json.loads("x") if 0 else fail(answer)
        )
    assert_no_secret(caught.value)


def fail(answer):
    raise CUT


def test_a_login_whose_body_is_repeated():
    body = {"grant_type": "refresh_token", "refresh_token": SECRET}
    for name in ("json", "data"):
        script = Script(
            httpx.Response(400, json={"error": "invalid_grant", "error_description": f"bad {SECRET}"})
        )
        with pytest.raises(errors.BadRequestError, match="bad \\*\\*\\*") as caught:
            script.session().perform({"method": "POST", "url": "/token", name: body}, read_json)
        assert caught.value.code == "invalid_grant"
        assert_no_secret(caught.value)


def test_authorization_in_the_headers_of_a_request():
    request = {**RUNS, "headers": {"Authorization": f"Bearer {SECRET}"}}
    for answer in (httpx.Response(404, text=f"{SECRET}"), httpx.ConnectError("x")):
        with pytest.raises(errors.RequestFailedError) as caught:
            Script(answer).session().perform(request, read_json)
        assert_no_secret(caught.value)


def test_credentials_that_fail_halfway_show_nothing_in_our_frames():
    class Fails:
        def before_request(self, headers):
            headers["Authorization"] = SECRET
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        Script(ok).session(Fails()).perform(RUNS, read_json)
    assert_no_secret(caught.value)


# --- the log ------------------------------------------------------------------------------------------------


def test_every_attempt_is_one_record(caplog):
    caplog.set_level(logging.DEBUG)
    script = Script(httpx.Response(504), httpx.ConnectError("refused"), refused("token_not_valid"), ok())
    session = script.session(Renewing(), base_url="https://dials.test/prefix/")
    session.perform({**RUNS, "params": {"page_size": 7}}, read_json)
    ours = [record for record in caplog.records if record.name == "cmsdials.session"]
    assert [record.levelname for record in ours] == ["DEBUG"] * 4
    what = "GET /prefix/api/v1/run/?page_size=7 attempt"
    assert [record.getMessage() for record in ours] == [
        f"{what} 1: HTTP 504 Gateway Timeout in 0.250 s",
        f"{what} 2: no connection to dials.test (refused) in 0.250 s",
        f"{what} 3 (after 1 s): HTTP 403 Forbidden: no in 0.250 s",
        f"{what} 4: HTTP 200, {len(ok().content)} bytes in 0.250 s",
    ]
    assert SECRET not in caplog.text


def test_a_successful_step_says_nothing_above_debug(caplog):
    caplog.set_level(logging.INFO, logger="cmsdials")
    Script(ok()).session().perform(RUNS, read_json)
    assert not [record for record in caplog.records if record.name.startswith("cmsdials")]


# --- connections


def test_nothing_is_made_before_it_is_wanted():
    script = Script(ok)
    script.session().close()
    assert script.closed_by == []


def test_a_closed_session_opens_again():
    script = Script(ok)
    with script.session() as session:
        session.perform(RUNS, read_json)
    assert len(script.closed_by) == 1
    session.close()
    assert session.perform(RUNS, read_json) == PAGE
    assert len(script.closed_by) == 1
    session.close()
    assert len(script.closed_by) == 2


def test_connections_are_closed_where_no_signal_comes():
    script = Script(ok)
    session = script.session()
    session.perform(RUNS, read_json)
    session.close()
    assert script.closed_by != [threading.current_thread()]


def test_a_session_that_is_forgotten_closes_its_connections():
    script = Script(ok)
    session = script.session()
    session.perform(RUNS, read_json)
    del session
    gc.collect()
    assert len(script.closed_by) == 1


def test_connections_that_do_not_close_are_used_no_more(monkeypatch):
    def fail(_):
        raise OSError

    script = Script(ok)
    session = script.session()
    session.perform(RUNS, read_json)
    with monkeypatch.context() as patched:
        patched.setattr(Transport, "close", fail)
        with pytest.raises(OSError):  # noqa: PT011  # it says nothing
            session.close()
    session.perform(RUNS, read_json)
    session.close()
    assert len(script.closed_by) == 1


@pytest.fixture
def making(monkeypatch):
    """Clients of the HTTP library take their time to be made; the list has one `True` for each."""
    made, make = [], httpx.Client.__init__

    def slow(*args, **options):
        made.append(True)
        threading.Event().wait(0.02)  # long enough for other threads to come
        make(*args, **options)

    monkeypatch.setattr(httpx.Client, "__init__", slow)
    return made


def test_threads_share_one_client(making):
    session = Script(ok).session()
    threads = [threading.Thread(target=session.perform, args=(RUNS, read_json)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert making == [True]


def test_no_client_is_lost_that_is_made_in_this_moment(making):
    script = Script(ok)
    session = script.session()
    thread = threading.Thread(target=session.perform, args=(RUNS, read_json))
    thread.start()
    while not making:
        threading.Event().wait(0.001)
    session.close()
    assert script.closed_by, "it was waited for, and closed"
    thread.join()
    assert making[0]


def test_a_client_that_cannot_be_made_is_tried_again(monkeypatch):
    def fail(*_, **__):
        message = "no"
        raise OSError(message)

    session = Script(ok).session()
    with monkeypatch.context() as patched:
        patched.setattr(httpx.Client, "__init__", fail)
        with pytest.raises(errors.ConfigurationError, match=r"no connection can be set up: no\."):
            session.perform(RUNS, read_json)
    assert session.perform(RUNS, read_json) == PAGE


class Travelling(httpx.BaseTransport):
    """A transport that pickles."""

    asked: ClassVar = []

    def handle_request(self, request):
        self.asked.append(request)
        return ok()


def test_a_session_pickles_without_its_connections(session_type):
    session = session_type(
        "https://h/", Credentials(SECRET), "tracker", timeout=(1, 2), transport=Travelling()
    )
    session.perform(RUNS, read_json)
    other = pickle.loads(pickle.dumps(session))
    assert (other.base_url, other.workspace) == ("https://h/", "tracker")
    assert other.credentials.token == SECRET
    assert other.perform(RUNS, read_json) == PAGE
    assert Travelling.asked[-1].extensions["timeout"] == {"connect": 1, "read": 2, "write": 2, "pool": 2}
