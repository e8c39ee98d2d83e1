"""Each fault alone: with retries the rows come all the same, without them the error says what it was."""

import datetime as dt
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials, errors
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters
from urllib3.util import Retry

from .conftest import LONG, SHORT, Client, Fault, FaultServer, Tokens
from .server import KINDS, SPLIT, rows_of

SIZE = 200
PAGES = 13
WHICH = 4  # the request that meets the fault

REPEATED: list[tuple[Fault, type[errors.RequestFailedError], str]] = [
    ({"kind": "reset_before"}, errors.ConnectionFailedError, "broke before an answer came"),
    ({"kind": "close_before"}, errors.ConnectionFailedError, "broke before an answer came"),
    ({"kind": "garbage"}, errors.ConnectionFailedError, "broke before an answer came"),
    ({"kind": "cut_headers"}, errors.ConnectionFailedError, "broke before an answer came"),
    ({"kind": "reset_headers"}, errors.ConnectionFailedError, "broke before an answer came"),
    ({"kind": "short_body", "at": 0.0}, errors.IncompleteBodyError, "in the middle of the answer"),
    ({"kind": "short_body", "at": 1.0}, errors.IncompleteBodyError, "in the middle of the answer"),
    ({"kind": "chunked_cut", "at": 0.0}, errors.IncompleteBodyError, "in the middle of the answer"),
    ({"kind": "chunked_cut", "at": 0.7}, errors.IncompleteBodyError, "in the middle of the answer"),
    ({"kind": "chunked_cut", "at": 1.0}, errors.IncompleteBodyError, "in the middle of the answer"),
    ({"kind": "damaged_gzip", "at": 0.1}, errors.IncompleteBodyError, "compressed body is damaged"),
    ({"kind": "damaged_gzip", "at": 1.0}, errors.IncompleteBodyError, "compressed body is damaged"),
    ({"kind": "cut_gzip", "at": 0.5}, errors.IncompleteBodyError, "compressed body ends early"),
    ({"kind": "cut_json", "at": 0.0}, errors.DecodeError, "not whole JSON"),
    ({"kind": "cut_json", "at": 0.5}, errors.DecodeError, "not whole JSON"),
    ({"kind": "cut_json", "at": 1.0}, errors.DecodeError, "not whole JSON"),
    ({"kind": "empty_body"}, errors.DecodeError, "not whole JSON .*0 bytes"),
    ({"kind": "html_200"}, errors.DecodeError, "HTML page instead of JSON \\('Maintenance'\\)"),
    ({"kind": "wrong_type"}, errors.DecodeError, "HTML page instead of JSON"),
    ({"kind": "status", "status": 429}, errors.TooManyRequestsError, "HTTP 429"),
    ({"kind": "status", "status": 502}, errors.GatewayError, "HTTP 502"),
    ({"kind": "status", "status": 503}, errors.GatewayError, "HTTP 503"),
    ({"kind": "status", "status": 504}, errors.GatewayError, "HTTP 504"),
    ({"kind": "worker_killed"}, errors.GatewayError, "HTTP 500 .*stopped its worker, which took too long"),
    ({"kind": "stall_before"}, errors.RequestTimeoutError, r"no data came in 1 s \(read timeout\)"),
    ({"kind": "stall_body", "at": 0.0}, errors.RequestTimeoutError, "no data came in 1 s"),
    ({"kind": "stall_body", "at": 0.9}, errors.RequestTimeoutError, "no data came in 1 s"),
]
"""Faults that another attempt may not meet."""

TOO_SLOW = [fault for fault, _, _ in REPEATED if fault.get("status") in (502, 504)] + [
    fault for fault, _, _ in REPEATED if fault["kind"] in ("stall_before", "stall_body", "worker_killed")
]
"""Faults that are answered with a smaller page, as long as there is one."""

BROKEN_EITHER_WAY = (errors.ConnectionFailedError, errors.IncompleteBodyError)
"""A reset may overtake what was sent before it, so how much of the answer came is not known."""

FINAL: list[tuple[Fault, type[errors.RequestFailedError], str]] = [
    ({"kind": "status", "status": 500}, errors.CursorFailedError, "HTTP 500"),
    ({"kind": "invalid_cursor"}, errors.InvalidCursorError, "HTTP 404 .*Invalid cursor"),
    ({"kind": "redirect"}, errors.RedirectError, "redirects to /login/"),
    ({"kind": "no_page"}, errors.SchemaError, "run: field 'results' is not a list"),
    ({"kind": "missing_field"}, errors.SchemaError, "run, row 99: field 'run_number' is missing"),
    ({"kind": "mistyped_field"}, errors.SchemaError, "run, row 99: field 'run_number' is 'many'"),
    ({"kind": "page_before"}, errors.PaginationError, "page 5 links back"),
    ({"kind": "cursor_repeats"}, errors.PaginationError, "page 5 links back"),
]
"""Faults that another attempt would meet again."""


def named(case: Any) -> str:
    return "-".join(str(value) for value in case.values()) if isinstance(case, dict) else ""


def size_of(fault: Fault) -> int:
    """Rows in a page of the listing that meets a fault: one where a larger page would be made smaller."""
    return 1 if fault in TOO_SLOW else SIZE


def filters_of(size: int) -> RunFilters:
    """Select the rows of 13 pages of a size."""
    rows = rows_of("run")[: PAGES * size]
    return RunFilters(page_size=size, run_number__lte=rows[-1]["run_number"])


def fetched(client: Client, size: int = SIZE, **options: Any) -> list[dict[str, Any]]:
    result = client.dials.run.list_all(filters_of(size), **options)
    assert result.complete
    return [row.dict() for row in result]


def gone_on(
    client: Client, retries: Any, size: int = SIZE
) -> tuple[errors.RequestFailedError, int, list[dict[str, Any]]]:
    """Return the error of a listing, the rows before it, and all rows once it is gone on with."""
    pages = client.dials.run.pages(filters_of(size), retries=retries)
    rows: list[dict[str, Any]] = []

    def go() -> None:
        for page in pages:
            rows.extend(row.dict() for row in page.rows)

    with pytest.raises(errors.RequestFailedError) as caught:
        go()
    before = len(rows)
    client.server.tell("up")
    go()
    return caught.value, before, rows


@pytest.fixture
def client(request: pytest.FixtureRequest, server: FaultServer) -> Iterator[Client]:
    """A client that loses patience where the server of the test stalls, and nowhere else."""
    fault: Fault = request.node.callspec.params.get("fault", {}) if hasattr(request.node, "callspec") else {}
    server.begin()
    client = Client(server, SHORT if "stall" in fault.get("kind", "") else LONG)
    with client.dials:
        yield client


def test_no_fault(client: Client) -> None:
    assert fetched(client) == rows_of("run")
    assert len(client.server.asked) == PAGES


@pytest.mark.parametrize(("fault", "kind", "said"), REPEATED, ids=named)
def test_with_retries_the_rows_come(
    client: Client, fault: Fault, kind: type, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cmsdials")
    client.server.begin({WHICH: fault, WHICH + 1: fault, PAGES + 1: fault})
    size = size_of(fault)
    assert fetched(client, size, retries=2) == rows_of("run")[: PAGES * size]
    assert len(client.server.asked) == PAGES + 3
    seen = [record.message for record in caplog.records if re.search(said, record.message)]
    assert len(seen) == 3, "every attempt is in the log"
    assert [int(re.findall(r"attempt (\d)", message)[0]) for message in seen] == [1, 2, 1]


@pytest.mark.parametrize(("fault", "kind", "said"), REPEATED, ids=named)
def test_too_few_retries_are_the_error_of_the_last_attempt(
    client: Client, fault: Fault, kind: type, said: str
) -> None:
    client.server.begin({WHICH: fault, WHICH + 1: fault})
    size = size_of(fault)
    error, before, rows = gone_on(client, 1, size)
    assert type(error) is kind
    assert re.search(said, str(error))
    assert "(after 2 attempts)" in str(error)
    assert (error.attempts, before, error.method) == (2, WHICH * size, "GET")
    assert error.url.startswith(client.server.url)
    assert error.advice
    assert rows == rows_of("run")[: PAGES * size]


@pytest.mark.parametrize(("fault", "kind", "said"), [*REPEATED, *FINAL], ids=named)
def test_without_retries(client: Client, fault: Fault, kind: type, said: str) -> None:
    client.server.begin({WHICH: fault})
    size = size_of(fault)
    error, before, rows = gone_on(client, 0, size)
    assert type(error) is kind
    assert re.search(said, str(error))
    assert (error.attempts, before) == (1, WHICH * size)
    assert error.url.startswith(client.server.url)
    assert error.advice
    assert rows == rows_of("run")[: PAGES * size]


@pytest.mark.parametrize(("fault", "kind", "said"), FINAL, ids=named)
def test_what_is_the_same_next_time_is_not_repeated(
    client: Client, fault: Fault, kind: type, said: str
) -> None:
    client.server.begin({WHICH: fault})
    error, _, rows = gone_on(client, retries=5)
    assert (type(error), error.attempts) == (kind, 1)
    assert rows == rows_of("run")


@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 1.0])
def test_a_reset_in_the_body(client: Client, at: float) -> None:
    client.server.begin({WHICH: {"kind": "reset_body", "at": at}})
    error, before, rows = gone_on(client, retries=0)
    assert isinstance(error, BROKEN_EITHER_WAY)
    assert before == WHICH * SIZE
    assert rows == rows_of("run")
    client.server.begin({WHICH: {"kind": "reset_body", "at": at}})
    assert fetched(client, retries=1) == rows_of("run")


def test_a_connection_that_is_accepted_and_closed(client: Client) -> None:
    client.server.begin({WHICH: {"kind": "accept_close"}})
    assert fetched(client, retries=2) == rows_of("run")
    client.server.begin({WHICH: {"kind": "accept_close"}})
    error, _, rows = gone_on(client, retries=1)
    assert (type(error), error.attempts) == (errors.ConnectionFailedError, 2)
    assert rows == rows_of("run")


def test_an_empty_page_is_no_end(client: Client) -> None:
    client.server.begin({0: {"kind": "empty_page"}, WHICH: {"kind": "empty_page"}})
    assert fetched(client, retries=0) == rows_of("run")


def test_every_fault_is_tested() -> None:
    tested = {fault["kind"] for fault, *_ in (*REPEATED, *FINAL)}
    elsewhere = {"accept_close", "down", "empty_page", "hold", "reset_body", "token_expired"}
    assert tested | elsewhere == set(KINDS)


# --- waiting


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(client: Client, status: int) -> None:
    now = 1_700_000_000.0
    client.dials._session._clock = lambda: now
    soon = formatdate(now + 40, usegmt=True)
    client.server.begin(
        {
            2: {"kind": "status", "status": status, "retry_after": "7"},
            3: {"kind": "status", "status": status, "retry_after": soon},
        }
    )
    assert fetched(client, retries=2) == rows_of("run")
    assert client.waits == [7, 40]


@pytest.mark.parametrize("unit", ["seconds", "date"])
@pytest.mark.parametrize("retries", [5, Retry(5)])
def test_nobody_waits_for_a_day(client: Client, unit: str, retries: Any) -> None:
    after = "86400" if unit == "seconds" else formatdate(time.time() + 86400, usegmt=True)
    client.server.begin({2: {"kind": "status", "status": 503, "retry_after": after}})
    with pytest.raises(errors.GatewayError, match=r"asks to wait 86\d\d\d s \(Retry-After\)") as caught:
        client.dials.run.list_all(retries=retries)  # nor for a smaller page
    assert caught.value.attempts == 1
    assert client.waits == []
    assert len(client.server.asked) == 3


def test_waits_grow_and_are_bounded(client: Client) -> None:
    client.server.begin({number: {"kind": "status", "status": 503} for number in range(9)})
    assert fetched(client, retries=9) == rows_of("run")
    assert client.waits == [1, 2, 4, 8, 16, 30, 30, 30]


# --- pages that take too long


@pytest.mark.parametrize("limit", [1, 3, 60, 250, 499])
def test_pages_shrink_until_they_are_fast_enough(client: Client, limit: int) -> None:
    client.server.begin(limit=limit)
    name, resource = ("run", client.dials.run) if limit > 30 else ("th2", client.dials.h2d)
    result = resource.list_all(retries=0)
    assert [row.dict() for row in result] == rows_of(name)
    assert client.waits == []
    late = [one for one in client.server.asked if int(one["page_size"]) > limit]
    assert len(late) < 18, "it does not try for ever what is too much"


@pytest.mark.parametrize("fault", [{"kind": "stall_before"}, {"kind": "worker_killed"}], ids=named)
def test_pages_grow_again(client: Client, fault: Fault) -> None:
    client.server.begin({1: {"kind": "status", "status": 504}, 2: fault})
    with client.dials:
        assert len(client.dials.run.list_all(retries=0)) == len(rows_of("run"))
    sizes = [int(one["page_size"]) for one in client.server.asked]
    assert sizes == [500, 500, 250, *[125] * 4, *[250] * 4, 500, 500]


@pytest.mark.parametrize("fault", TOO_SLOW, ids=named)
def test_pages_of_a_size_that_was_chosen_shrink_too(client: Client, fault: Fault) -> None:
    client.server.begin({2: fault})
    assert fetched(client, retries=0) == rows_of("run")
    sizes = [int(one["page_size"]) for one in client.server.asked]
    assert sizes == [SIZE] * 3 + [SIZE // 2] * 4 + [SIZE] * 9, "and never grow beyond it"


def test_the_shrinking_ends(client: Client) -> None:
    client.server.begin(limit=0)
    with pytest.raises(errors.GatewayError) as caught:
        client.dials.run.list_all(retries=3)
    sizes = [int(one["page_size"]) for one in client.server.asked]
    assert sizes == [500, 250, 125, 62, 31, 15, 7, 3, 1, 1, 1, 1]
    assert caught.value.attempts == len(sizes)


def test_a_service_that_is_down_is_not_asked_for_less(client: Client) -> None:
    client.server.begin({number: {"kind": "status", "status": 503} for number in range(99)})
    with pytest.raises(errors.GatewayError) as caught:
        client.dials.run.list_all(retries=3)
    assert caught.value.attempts == 4
    assert {one["page_size"] for one in client.server.asked} == {"500"}


# --- no connection


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
def test_a_server_that_is_down(client: Client, retries: int, attempts: int) -> None:
    client.server.begin({2: {"kind": "down"}})
    client.dials._session._sleep = client.waits.append
    result_of = client.dials.run.list_all
    with pytest.warns(RuntimeWarning, match=r"1000 rows of run: stopped by ConnectionFailedError"):
        partial = result_of(keep_failed=True, retries=retries)
    client.server.tell("down")
    with pytest.raises(errors.ConnectionFailedError, match=r"no connection to 127\.0\.0\.1:\d+") as caught:
        result_of(resume_from=partial, retries=retries)
    assert (caught.value.phase, caught.value.attempts) == ("connect", attempts)
    client.server.tell("up")
    assert [row.dict() for row in result_of(resume_from=partial)] == rows_of("run")


def refused(dials: Dials) -> errors.ConnectionFailedError:
    with dials, pytest.raises(errors.ConnectionFailedError) as caught:
        dials.run.list_all(retries=Retry(2, backoff_factor=0))
    assert caught.value.advice
    return caught.value


def test_a_name_that_does_not_resolve() -> None:
    error = refused(Dials(Tokens(), "tracker", "http://dials.invalid/", timeout=LONG))
    assert (error.phase, error.attempts) == ("connect", 3)
    assert "no connection to dials.invalid" in str(error)


def test_tls_to_a_port_without(server: FaultServer) -> None:
    error = refused(Dials(Tokens(), "tracker", server.url.replace("http:", "https:"), timeout=LONG))
    assert (error.phase, error.attempts) == ("scheme", 1)
    assert server.url.rstrip("/") in error.advice


def test_nobody_takes_the_connection(client: Client) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        host, port = full.getsockname()
        with socket.create_connection((host, port)):  # as many as it takes
            dials = Dials(Tokens(), "tracker", f"http://{host}:{port}/", timeout=(0.1, LONG))
            with (
                dials,
                pytest.raises(errors.RequestTimeoutError, match=r"0\.1 s \(connect timeout\)") as caught,
            ):
                dials.run.list_all(retries=Retry(2, backoff_factor=0))
    assert (caught.value.phase, caught.value.attempts, caught.value.seconds) == ("connect", 3, 0.1)
    assert "page_size" not in caught.value.advice


def test_nobody_answers_in_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with Dials(Tokens(), "tracker", url, timeout=0.1) as dials, pytest.raises(TimeoutError) as caught:
            dials.run.list_all(retries=Retry(1, backoff_factor=0))
    assert isinstance(caught.value, errors.RequestTimeoutError)
    assert (caught.value.phase, caught.value.attempts) == ("connect", 2)


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[FaultServer]:
    """A server with a certificate that nobody has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    server = FaultServer("--tls", str(file))
    yield server
    server.stop()


def test_a_certificate_that_nobody_signed(
    tls_server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tls_server.url.replace("http:", "https:")
    error = refused(Dials(Tokens(), "tracker", url, timeout=LONG))
    assert (error.phase, error.attempts) == ("certificate", 1)
    assert "SSL_CERT_FILE" in error.advice
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    with Dials(Tokens(), "tracker", url, timeout=LONG) as dials:
        assert len(dials.run.list_all()) == len(rows_of("run"))


# --- in parts


def in_parts(client: Client, retries: Any) -> tuple[list[type[Exception]], list[dict[str, Any]]]:
    """Return the errors of a listing that three threads fetch and that is gone on with, and its rows."""
    filters = LumisectionHistogram1DFilters(dataset_id=SPLIT, page_size=100)
    pages = client.dials.h1d.pages(filters, retries=retries, concurrency=3)
    rows: list[dict[str, Any]] = []
    seen: list[type[Exception]] = []

    def go() -> None:
        for page in pages:
            rows.extend(row.dict() for row in page.rows)

    for _ in range(2):
        try:
            go()
        except errors.RequestFailedError as error:
            seen.append(type(error))
            client.server.tell("up")
    return seen, rows


@pytest.mark.parametrize("fault", [fault for fault, _, _ in REPEATED], ids=named)
def test_in_parts_another_attempt_may_do(client: Client, fault: Fault) -> None:
    client.server.begin({5: fault})
    assert in_parts(client, retries=3) == ([], rows_of("th1"))


@pytest.mark.parametrize(
    ("place", "which"),
    [("run", 0), ("th1", 0), ("th1", 1), ("th1", 5)],
    ids=["runs", "first page", "second", "a later one"],
)
@pytest.mark.parametrize(("fault", "error", "_says"), FINAL, ids=named)
def test_in_parts_a_fault_is_an_error_of_ours(
    client: Client, fault: Fault, error: type[errors.RequestFailedError], _says: str, place: str, which: int
) -> None:
    client.server.begin(of_list={place: {which: fault}})
    seen, rows = in_parts(client, retries=3)
    assert rows == rows_of("th1")
    asked = [one for one in client.server.asked if one["path"].endswith(f"/{place}/")][which]
    if not asked["fault"]:  # a part without rows
        assert seen == []
        return
    has_cursor = "next_token" in asked
    if fault["kind"] == "page_before" and not has_cursor:
        assert seen == []  # there is none
    elif error is errors.CursorFailedError and not has_cursor:
        assert seen == [errors.ServerError]
    else:
        assert seen == [error]


@pytest.mark.parametrize(
    "fault", [{"kind": "invalid_cursor"}, {"kind": "status", "status": 500}], ids=["invalid", "500"]
)
@pytest.mark.parametrize("resumed", [False, True])
def test_in_parts_a_cursor_that_is_refused_starts_the_listing_again(
    client: Client, fault: Fault, resumed: bool
) -> None:
    filters = LumisectionHistogram1DFilters(dataset_id=SPLIT, page_size=100)
    earlier = None
    if resumed:
        client.server.begin(of_list={"th1": {1: {"kind": "status", "status": 503}}})
        with pytest.warns(RuntimeWarning, match="100 rows of h1d: stopped by GatewayError"):
            earlier = client.dials.h1d.list_all(filters, retries=0, keep_failed=True)
    # Without the runs it goes page by page, so the second page is asked for by a cursor.
    client.server.begin(of_list={"run": {0: {"kind": "hold"}}, "th1": {0 if resumed else 1: fault}})
    with pytest.warns(RuntimeWarning, match="started again, after the last of them"):
        whole = client.dials.h1d.list_all(filters, resume_from=earlier, concurrency=3)
    assert [row.dict() for row in whole] == rows_of("th1")
    assert whole.complete


def test_a_list_of_runs_that_fails_is_an_error_in_its_turn(client: Client) -> None:
    fault = {"kind": "status", "status": 500}
    client.server.begin(of_list={"run": {0: fault}})
    filters = LumisectionHistogram1DFilters(dataset_id=SPLIT, page_size=100)
    with pytest.warns(RuntimeWarning, match=r"[1-9]\d*00 rows of h1d: stopped by ServerError"):
        partial = client.dials.h1d.list_all(filters, retries=0, keep_failed=True, concurrency=3)
    assert [row.dict() for row in partial] == rows_of("th1")[: len(partial)]
    asked = client.server.asked
    whole = client.dials.h1d.list_all(filters, resume_from=partial, concurrency=3)
    assert [row.dict() for row in whole] == rows_of("th1")
    pages = [{**one, "fault": ""} for one in asked if one["path"].endswith("/th1/")]
    again = client.server.asked[len(asked) :]
    assert not [one for one in again if one in pages], "no page is asked for again"


def test_a_list_of_runs_that_fails_is_nothing_to_a_listing_of_one_page(client: Client) -> None:
    client.server.begin(of_list={"run": {0: {"kind": "status", "status": 500}}})
    filters = LumisectionHistogram1DFilters(dataset_id=SPLIT, me_id=1, ls_number=2)
    rows = client.dials.h1d.list_all(filters, retries=0, concurrency=3)
    expected = [row for row in rows_of("th1") if (row["me_id"], row["ls_number"]) == (1, 2)]
    assert [row.dict() for row in rows] == expected != []
