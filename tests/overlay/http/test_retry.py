"""When a request is sent again: rules and failures, what urllib3's counters mean here, and the gate."""

import pickle
from email.utils import formatdate

import numpy as np
import pytest
from cmsdials import errors
from cmsdials.http.response import Answer, error_for
from cmsdials.http.retry import (
    LONGEST_BACKOFF,
    RETRIED_STATUSES,
    Gate,
    Rules,
    asks_for_a_pause,
    retry_after_seconds,
    retry_rules,
)
from urllib3.util.retry import Retry

NOW = 1_700_000_000.0
ASKED = {"method": "GET", "url": "https://x/api/v1/run/"}


def status(code, method="GET", retry_after=None, body=b""):
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return error_for(Answer(code, headers, body, ASKED["url"], method))


def failure(what, method="GET"):
    asked = {**ASKED, "method": method}
    return {
        "connect": errors.ConnectionFailedError(phase="connect", **asked),
        "connect timeout": errors.RequestTimeoutError(phase="connect", **asked),
        "pool timeout": errors.RequestTimeoutError(phase="pool", **asked),
        "tls": errors.ConnectionFailedError(phase="tls", **asked),
        "certificate": errors.ConnectionFailedError(phase="certificate", **asked),
        "before answer": errors.ConnectionFailedError(phase="read", **asked),
        "read timeout": errors.RequestTimeoutError(phase="read", **asked),
        "write timeout": errors.RequestTimeoutError(phase="write", **asked),
        "body": errors.IncompleteBodyError(phase="body", **asked),
        "decode": errors.DecodeError(**asked),
        "schema": errors.SchemaError(resource="run", field="x", **asked),
        "pagination": errors.PaginationError(**asked),
        "302": status(302, method),
        "400": status(400, method),
        "403": status(403, method),
        "404": status(404, method),
        "429": status(429, method),
        "500": status(500, method),
        "502": status(502, method),
        "503": status(503, method),
        "504": status(504, method),
        "killed": status(500, method, body=b"<html><title>Internal Server Error</title>"),
    }[what]


READ = ("before answer", "read timeout", "write timeout", "body", "decode")
CONNECT = ("connect", "connect timeout", "pool timeout")


def count(retries, what, *, method="GET", safe=False, most=20):
    """How often the rules send it again, if it always fails in the same way."""
    rules = Rules(retries, safe=safe)
    for sent in range(most):
        if wait_after(rules, failure(what, method)) is None:
            return sent
    return most


def wait_after(rules, fault):
    return rules.wait_after(fault, has_answered=True, now=NOW)


def waits(retries, fault, most=20):
    """How long the rules wait each time, if it always fails in the same way."""
    rules = Rules(retries)
    return [wait for _ in range(most) if (wait := wait_after(rules, fault)) is not None]


@pytest.mark.parametrize("what", [*READ, *CONNECT, "tls", "429", "502", "503", "504", "killed"])
@pytest.mark.parametrize(("retries", "times"), [(None, 5), (True, 5), (1, 1), (7, 7), (0, 0), (False, 0)])
def test_what_is_repeated_by_default(what, retries, times):
    assert count(retries, what) == times
    assert count(retries, what, method="POST", safe=True) == times


@pytest.mark.parametrize("what", ["certificate", "schema", "pagination", "302", "400", "403", "404", "500"])
@pytest.mark.parametrize("retries", [None, 3, Retry(3)])
def test_what_is_never_repeated_by_default(what, retries):
    assert count(retries, what) == 0


@pytest.mark.parametrize("what", [*READ, "429", "503", "504", "killed"])
@pytest.mark.parametrize("retries", [None, 3, Retry(3)])
def test_a_post_is_not_repeated_unless_it_is_safe(what, retries):
    assert count(retries, what, method="POST") == 0
    assert count(retries, what, method="POST", safe=True) > 0


@pytest.mark.parametrize(
    ("method", "times"),
    [
        ("GET", 3),
        ("HEAD", 3),
        ("OPTIONS", 3),
        ("POST", 0),
        ("PUT", 0),
        ("PATCH", 0),
        ("DELETE", 0),
        ("get", 3),
    ],
)
def test_methods_that_are_safe_by_themselves(method, times):
    assert count(3, "504", method=method) == times


@pytest.mark.parametrize("what", [*CONNECT, "tls"])
def test_any_request_that_nobody_saw_is_repeated(what):
    assert count(3, what, method="POST") == 3


@pytest.mark.parametrize(
    ("rules", "what", "times"),
    [
        (Retry(5, connect=2), "connect", 2),
        (Retry(5, connect=2), "connect timeout", 2),
        (Retry(5, connect=2), "pool timeout", 2),
        (Retry(5, connect=2), "read timeout", 5),
        (Retry(5, connect=0), "connect", 0),
        (Retry(5, connect=False), "connect", 0),
        (Retry(5, read=1), "read timeout", 1),
        (Retry(5, read=1), "before answer", 1),
        (Retry(5, read=1), "body", 1),
        (Retry(5, read=1), "decode", 1),
        (Retry(5, read=1), "connect", 5),
        (Retry(5, read=False), "decode", 0),
        (Retry(5, status=2), "504", 2),
        (Retry(5, status=2), "decode", 5),
        (Retry(5, status=0), "503", 0),
        (Retry(5, other=1), "tls", 1),
        (Retry(5, other=1), "connect", 5),
        (Retry(None, connect=3), "connect", 3),
        (Retry(None, read=3), "connect", 20),
        (Retry(False), "connect", 0),
        (Retry(False), "504", 0),
        (Retry(0), "504", 0),
        (Retry(3), "504", 3),
        (Retry(3), "500", 0),
        (Retry(3, status_forcelist=[]), "502", 3),
        (Retry(3, status_forcelist=[500]), "500", 3),
        (Retry(3, status_forcelist=[500]), "504", 0),
        (Retry(3), "killed", 3),
        (Retry(3, status=0), "killed", 0),
        (Retry(3, status_forcelist=[500]), "killed", 3),
        (Retry(3, status_forcelist=[504]), "killed", 3),
        (Retry(3, status_forcelist=[503]), "killed", 0),
        (Retry(3, status_forcelist=[504]), "502", 0),
        (Retry(3, status_forcelist=[403, 404]), "404", 3),
        (Retry(3, status_forcelist=[302]), "302", 0),
        (Retry(3, allowed_methods=None), "504", 3),
        (Retry(3, allowed_methods=["POST"]), "504", 0),
        (Retry(3, allowed_methods=["POST"]), "decode", 0),
    ],
)
def test_a_retry_of_the_user_means_what_it_says(rules, what, times):
    before = vars(rules).copy()
    assert count(rules, what) == times
    assert vars(rules) == before


def test_any_method_may_be_written_as_an_empty_list():
    rules = Retry(3, allowed_methods=None)
    rules.allowed_methods = []  # with urllib3 2.8 the constructor warns of it
    assert count(rules, "504", method="POST") == 3
    assert count(rules, "504", method="POST", safe=True) == 3
    assert rules.allowed_methods == []


def test_a_post_that_is_safe_is_repeated_whatever_methods_the_user_allows():
    rules = Retry(3, allowed_methods=["GET"])
    assert count(rules, "504", method="POST", safe=True) == 3
    assert rules.allowed_methods == ["GET"]


def test_counters_are_shared_over_kinds_of_failure():
    rules = Rules(Retry(3, read=1))
    assert [wait_after(rules, failure(what)) for what in ("connect", "body", "504")] == [0, 0, 0]
    assert wait_after(rules, failure("connect")) is None
    rules = Rules(Retry(3, read=1))
    assert [wait_after(rules, failure(what)) for what in ("body", "decode")] == [0, None]


def test_default_waits():
    assert waits(12, failure("504")) == [0, 1, 2, 4, 8, 16] + 6 * [LONGEST_BACKOFF]


def test_waits_of_the_user():
    assert waits(Retry(4, backoff_factor=2), failure("connect")) == [0, 4, 8, 16]
    assert max(waits(Retry(8, backoff_factor=2), failure("connect"))) > LONGEST_BACKOFF


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        (formatdate(NOW + 20, usegmt=True), 20.0),
        (formatdate(NOW - 20, usegmt=True), 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Wed, 99 Foo 2000000000 99:99:99 GMT", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_table(header, seconds):
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize("code", [429, 503, 504])
@pytest.mark.parametrize(("header", "wait"), [("7", 7), ("60", 60), ("soon", 0), ("0", 0)])
def test_retry_after_is_honoured(code, header, wait):
    assert waits(1, status(code, retry_after=header)) == [wait]


def test_a_retry_after_of_nothing_waits_as_ever():
    assert waits(None, status(503, retry_after="0")) == [0, 1, 2, 4, 8]


@pytest.mark.parametrize("retries", [None, 3, Retry(3)])
def test_a_long_retry_after_gives_up_at_once_and_says_so(retries):
    fault = status(503, retry_after="86400")
    usual = fault.advice
    assert waits(retries, fault, most=1) == []
    said = (
        "The service asks to wait 86400 s (Retry-After), longer than the 60 s that cmsdials waits by itself."
    )
    assert fault.advice == f"{said} {usual}"


def test_retry_after_can_be_switched_off():
    rules = Retry(3, respect_retry_after_header=False)
    assert waits(rules, status(503, retry_after="3600")) == [0, 0, 0]


def test_urllib3_repeats_413_with_a_retry_after():
    assert waits(3, status(413, retry_after="2")) == [2, 2, 2]
    assert waits(3, status(413)) == []


def test_the_limit_of_the_user_to_retry_after_counts():
    try:
        rules = Retry(3, retry_after_max=5)
    except TypeError:
        pytest.skip("this urllib3 has no retry_after_max")
    assert waits(rules, status(503, retry_after="3600")) == [5, 5, 5]


@pytest.mark.parametrize("retries", [np.int64(3), np.uint8(3)])
def test_a_number_may_be_of_numpy(retries):
    assert count(retries, "504") == 3


def repeated_unanswered(retries, fault):
    """How often it is sent again where nobody has answered yet, and after which waits."""
    rules, waits, usual = Rules(retries), [], fault.advice
    for attempt in range(1, 20):
        fault.attempts = attempt
        wait = rules.wait_after(fault, has_answered=False, now=NOW)
        if wait is None:
            break
        waits.append(wait)
    return waits, fault.advice.removesuffix(usual)


@pytest.mark.parametrize("retries", [None, True])
def test_nobody_at_an_address_is_given_up_sooner_by_default(retries):
    waits, reason = repeated_unanswered(retries, failure("connect"))
    assert waits == [0, 1, 2]
    assert "No server has answered at this address yet" in reason


@pytest.mark.parametrize("retries", [6, Retry(6, backoff_factor=0.5)])
def test_who_says_how_often_to_try_is_obeyed_there_too(retries):
    assert repeated_unanswered(retries, failure("connect")) == ([0, 1, 2, 4, 8, 16], "")


@pytest.mark.parametrize("what", ["connect timeout", "before answer", "503", "read timeout", "tls"])
def test_other_failures_than_no_connection_are_repeated_as_ever(what):
    assert repeated_unanswered(None, failure(what)) == ([0, 1, 2, 4, 8], "")


@pytest.mark.parametrize(
    "what", ["429", "503", "502", "504", "connect", "500", "killed", "404", "read timeout"]
)
def test_what_asks_for_a_pause(what):
    assert asks_for_a_pause(failure(what)) is (what in ("429", "503"))


@pytest.mark.parametrize("retries", [-1, 1.5, "3", [3], {}, np.int64(-1), np.float64(2), np.bool_(True)])
def test_nonsense_is_refused(retries):
    with pytest.raises(errors.ConfigurationError, match="retries must be"):
        retry_rules(retries)


def test_statuses_of_the_user_count_where_there_are_any():
    assert set(retry_rules(Retry(2, status_forcelist=[500])).status_forcelist) == {500}
    assert set(retry_rules(Retry(2)).status_forcelist) == RETRIED_STATUSES


def test_a_subclass_of_the_user_keeps_its_word():
    class Patient(Retry):
        def get_backoff_time(self):
            return 42.0

    assert waits(Patient(3), failure("connect")) == [42.0] * 3


@pytest.mark.parametrize("what", [*READ, *CONNECT, "tls", "429", "500", "502", "503", "504", "killed", "404"])
def test_what_is_too_slow_is_final_for_who_can_ask_for_less(what):
    slow = what in ("read timeout", "502", "504", "killed")
    assert failure(what).is_too_slow is slow
    patient = wait_after(Rules(3), failure(what))
    assert wait_after(Rules(3, retry_when_slow=False), failure(what)) == (None if slow else patient)


# --- the gate: when the service is to be left alone


def test_a_gate_is_open_at_first():
    assert Gate().remaining(NOW) == 0
    assert not Gate().has_answered


def test_it_holds_until_the_end_of_what_was_said():
    gate = Gate()
    gate.close(NOW, 9.0)
    assert gate.until == NOW + 9
    assert [gate.remaining(NOW + passed) for passed in (0, 8, 9, 10)] == [9.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("holds", [[(0, 9.0), (1, 2.0)], [(1, 2.0), (0, 9.0)]])
def test_what_ends_last_counts(holds):
    gate = Gate()
    for begins, seconds in holds:
        gate.close(NOW + begins, seconds)
    gate.open(NOW + 3)
    assert gate.remaining(NOW + 3) == 6.0
    gate.open(NOW + 9)
    assert gate.remaining(NOW + 3) == 0.0


def test_what_nobody_has_waited_for_makes_way_for_the_next():
    gate = Gate()
    gate.close(NOW, 9.0)
    gate.close(NOW + 100, 2.0)
    assert gate.remaining(NOW + 100) == 2.0


def test_a_clock_that_is_set_back_holds_no_longer_than_was_said():
    gate = Gate()
    gate.close(NOW, 9.0)
    assert gate.remaining(NOW - 3600) == 9.0


def test_it_travels_in_pickles():
    gate = Gate()
    gate.close(NOW, 9.0)
    assert pickle.loads(pickle.dumps(gate)).remaining(NOW) == 9.0
