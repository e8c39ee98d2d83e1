"""The benchmark server over real sockets: what it answers, how long a connection lives, what an answer costs."""

import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram2DFilters, MEFilters, RunFilters

from benchmarks import costs
from benchmarks.costs import REAL, Cost, Work
from benchmarks.server import Server, serve
from benchmarks.tables import FIRST_RUN, Volume, make_tables

VOLUME = Volume(runs=3, ls=8, th1=1, th2=2)
PATIENCE = 120.0  # only a test that fails waits so long


@contextmanager
def _running(cost: Cost, *, compressed: bool = False) -> Iterator[str]:
    server = Server(make_tables(VOLUME), cost, compressed=compressed)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.url
    finally:
        server.close()
        thread.join()


@contextmanager
def _connected(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        yield connection
    finally:
        connection.close()


def test_our_client_finds_its_way() -> None:
    with serve(VOLUME, Cost()) as url, Dials(Credentials(token="x"), "tracker", url) as dials:
        assert dials.run.count() == 3
        assert dials.run.list_all(RunFilters(run_number__gte=FIRST_RUN + 1)).to_pandas()[
            "ls_count"
        ].tolist() == [8, 8]
        assert [me.me_id for me in dials.mes.list(MEFilters(dim=2))] == [100, 101]
        wanted = LumisectionHistogram2DFilters(me_id=101, ls_number__lte=5, page_size=4)
        frame = dials.h2d.list_all(wanted).to_pandas()
        assert frame["ls_number"].tolist() == [1, 2, 3, 4, 5] * 3
        assert set(frame["me_id"]) == {101}


def test_a_connection_stays_open() -> None:
    with _running(Cost()) as url, _connected(url) as connection:
        connection.connect()
        port = connection.sock.getsockname()[1]
        for _ in range(3):
            connection.request("GET", "/api/v1/th2/?page_size=5")
            answer = connection.getresponse()
            assert (answer.status, answer.version) == (200, 11)
            assert len(json.loads(answer.read())["results"]) == 5
            assert connection.sock.getsockname()[1] == port


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing/", 404),
        ("GET", "/api/v2/run/", 404),
        ("GET", "/api/v1/run/1/", 404),
        ("GET", "/api/v1/run/?next_token=x", 404),
        ("GET", "/api/v1/run/?run_number=x", 400),
        ("POST", "/api/v1/run/", 405),
    ],
)
def test_what_it_does_not_have_it_refuses(method: str, path: str, status: int) -> None:
    with _running(Cost()) as url, _connected(url) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == status
        assert json.loads(answer.read())["detail"]


def test_it_compresses_where_it_is_told_to_and_the_client_takes_it() -> None:
    path = "/api/v1/th2/?page_size=5"
    for compressed in (False, True):
        with _running(Cost(), compressed=compressed) as url, _connected(url) as connection:
            connection.request("GET", path)
            plain = connection.getresponse()
            assert plain.getheader("Content-Encoding") is None
            expected = plain.read().replace(url.encode(), b"")
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            assert answer.getheader("Content-Encoding") == ("gzip" if compressed else None)
            body = answer.read()
            assert (gzip.decompress(body) if compressed else body).replace(url.encode(), b"") == expected


class _Sleeps:
    """Stands in for `time`: holds sleepers until they are let go, and counts how many there are."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.go = threading.Event()
        self.arrived = threading.Semaphore(0)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.arrived.release()
        self.go.wait()


def test_an_answer_costs_what_it_is_configured_to(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = _Sleeps()
    sleeps.go.set()
    monkeypatch.setattr(costs, "time", sleeps)
    page = Work("th2", rows=500)
    Cost().spender().spend(page)
    assert sleeps.slept == []
    Cost(delay=0.05).spender().spend(page)
    Cost(workers=3, busy_request=0.02, busy_row=0.001).spender().spend(page)
    assert sleeps.slept == [0.05, pytest.approx(0.52)]


@pytest.mark.parametrize(
    ("work", "measured"),
    [
        # Measured on the real service; a fifth beside it is near enough.
        (Work("th1", rows=500, size=700_000), 0.17),
        (Work("th2", rows=500, size=4_000_000), 0.85),
        (Work("th2", rows=500, size=12_000_000), 2.5),
        (Work("th2", rows=500, size=21_000_000), 4.7),
        (Work("th1", rows=1, size=1_400, skipped=252_948), 0.157),
        (Work("run", rows=60, size=6_000), 0.03),
        (Work(), 0.03),
    ],
    ids=str,
)
def test_the_real_cost_is_that_of_the_service(work: Work, measured: float) -> None:
    assert REAL.workers == 3
    assert REAL.busy(work) == pytest.approx(measured, rel=0.2)


def test_a_tally_is_of_costs_and_not_of_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = _Sleeps()
    sleeps.go.set()
    monkeypatch.setattr(costs, "time", sleeps)
    spender = Cost(delay=5, workers=3, busy_request=1, busy_skipped=0.5).spender()
    assert spender.tally() == {"requests": 0, "busy": 0}
    spender.spend(Work())
    spender.spend(Work("run", skipped=3))
    assert spender.tally() == {"requests": 2, "busy": 3.5}


def test_each_request_is_counted_with_its_cost() -> None:
    cost = Cost(busy_row=1e-9)
    with _running(cost) as url, _connected(url) as connection:

        def ask(path: str) -> Any:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())

        ask("/api/v1/th2/?page_size=5")
        ask("/api/v1/th2/count/")
        ask("/api/v1/nothing/")
        first = ask("/tally")
        assert (first["requests"], first["busy"]) == (3, pytest.approx(5e-9))
        assert ask("/tally") == first  # asking costs nothing


def test_a_deep_cursor_costs_more_and_a_bound_on_the_run_makes_it_free() -> None:
    with _running(Cost(busy_skipped=1e-9)) as url, _connected(url) as connection:

        def skipped(query: str) -> Any:
            before = ask("/tally")["busy"]
            page = ask(f"/api/v1/th2/?{query}")
            return round((ask("/tally")["busy"] - before) / 1e-9), page

        def ask(path: str) -> Any:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())

        depth, page = skipped("page_size=35")
        assert depth == 0
        cursor = dict(parse_qsl(urlsplit(page["next"]).query))["next_token"]
        depth, expected = skipped(f"page_size=6&next_token={cursor}")
        assert depth == 35
        last_run = page["results"][-1]["run_number"]
        assert last_run == FIRST_RUN + 2
        depth, bounded = skipped(f"page_size=6&next_token={cursor}&run_number__gte={last_run}")
        assert depth == 35 - 2 * 8 * 2
        assert bounded["results"] == expected["results"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("run/14677060/367113/", {"run_number": FIRST_RUN + 1, "ls_count": 8}),
        ("th1/14677060/367112/8/1/", {"ls_number": 8, "me_id": 1}),
        ("lumisection/14677060/367114/1/", {"run_number": FIRST_RUN + 2, "th2_count": 2}),
        ("mes/101/", {"me_id": 101, "dim": 2, "count": 24}),
        ("dataset-index/14677060/", {"dataset_id": 14677060}),
        ("th1/14677060/367112/9/1/", None),
        ("th1/14677060/367112/8/100/", None),
        ("th1/14677060/367112/8/", None),
        ("th1/14677060/367112/8/1", None),
        ("th1/14677060/367112/-8/1/", None),
        ("mes/x/", None),
    ],
)
def test_a_single_row_has_an_address(path: str, wanted: dict[str, Any] | None) -> None:
    with _running(Cost()) as url, _connected(url) as connection:
        connection.request("GET", f"/api/v1/{path}")
        answer = connection.getresponse()
        row = json.loads(answer.read())
        assert answer.status == (404 if wanted is None else 200)
        assert (wanted or {"detail": row.get("detail")}).items() <= row.items()


class _Counted(threading.BoundedSemaphore):
    """Counts those that have to wait."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.kept_waiting = threading.Semaphore(0)

    def __enter__(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if self.acquire(blocking=False):
            return True
        self.kept_waiting.release()
        return self.acquire(blocking, timeout)


def test_three_workers_work_on_three_requests_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = _Sleeps()
    workers = _Counted(3)
    monkeypatch.setattr(costs, "time", sleeps)
    monkeypatch.setattr(costs, "BoundedSemaphore", {3: workers}.__getitem__)
    spender = Cost(workers=3, busy_request=1).spender()
    requests = [threading.Thread(target=spender.spend, args=(Work(),)) for _ in range(5)]
    for request in requests:
        request.start()
    busy = [sleeps.arrived.acquire(timeout=PATIENCE) for _ in range(3)]
    waiting = [workers.kept_waiting.acquire(timeout=PATIENCE) for _ in range(2)]
    slept = list(sleeps.slept)
    sleeps.go.set()
    for request in requests:
        request.join()
    assert (all(busy), all(waiting), slept) == (True, True, [1] * 3)
    assert sleeps.slept == [1] * 5
