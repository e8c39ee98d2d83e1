"""The clients that are measured: what they fetch and count, without looking at how long it takes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.clients.limit import _shares
from benchmarks.clients.task import Measurement, Task
from benchmarks.clients.whole import JOBS
from benchmarks.costs import REAL, Cost
from benchmarks.scenarios import FULL, OURS, SCENARIOS, SELECTIVE, Scenario, query_in_words
from benchmarks.server import serve
from benchmarks.tables import FIRST_RUN, ME_1D, ME_2D, Volume

ROOT = Path(__file__).parents[2]
VOLUME = Volume(runs=3, ls=4, th1=1, th2=1)
ONE = {"dataset_id": 14677060, "run_number": FIRST_RUN, "ls_number": 1, "page_size": 1}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(VOLUME, Cost(busy_row=1e-6)) as address:
        yield address


def _run(task: Task) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.clients", json.dumps(asdict(task))],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def _measured(task: Task) -> Measurement:
    done = _run(task)
    assert done.returncode == 0, done.stderr
    return Measurement.read(done.stdout)


def _streaming(url: str, query: dict[str, Any], **options: Any) -> Measurement:
    return _measured(Task("streaming", url, "h2d", query, options, {**ONE, "me_id": ME_2D}))


@pytest.mark.parametrize("by", ["pages", "iterate"])
def test_the_requests_of_a_listing_are_counted_and_not_those_before_it(url: str, by: str) -> None:
    found = _streaming(url, {"me_id": ME_2D, "page_size": 5}, by=by)
    assert found.contents is not None
    assert found.contents.rows == 12
    # The first row, which was fetched to load everything, is not among them.
    assert found.requests == 3
    assert found.busy == pytest.approx(12e-6)
    assert found.first is not None
    assert found.seconds is not None
    assert 0 < found.first <= found.seconds


def test_a_listing_in_parts_fetches_the_same(url: str) -> None:
    one, three = (
        _streaming(url, {"me__regex": "PXBarrel"}, by="pages", concurrency=number) for number in (1, 3)
    )
    assert one.contents == three.contents
    assert one.contents is not None
    assert one.contents.rows == 12


def test_a_listing_without_rows_has_no_first_row(url: str) -> None:
    found = _streaming(url, {"me_id": ME_2D, "ls_number": 99}, by="pages")
    assert found.contents is not None
    assert (found.contents.rows, found.first) == (0, None)


@pytest.mark.parametrize("connections", [1, 2, 3, 8])
def test_the_limit_fetches_the_same_with_any_number_of_connections(url: str, connections: int) -> None:
    query = {"run_number__gte": FIRST_RUN, "run_number__lte": FIRST_RUN + 2, "me_id": ME_2D, "page_size": 500}
    found = _measured(Task("limit", url, "h2d", query, {"connections": connections}))
    ours = _streaming(url, query, by="iterate")
    assert found.contents is not None
    assert ours.contents is not None
    assert (found.contents.rows, found.contents.data) == (12, ours.contents.data)
    assert found.requests == min(connections, 3)


@pytest.mark.parametrize(("runs", "number"), [(1, 3), (3, 3), (40, 3), (41, 3), (2, 1), (7, 7)])
def test_shares_have_all_runs_once(runs: int, number: int) -> None:
    shares = _shares({"run_number__gte": 10, "run_number__lte": 9 + runs, "me_id": 1}, number)
    numbers = [range(one["run_number__gte"], one["run_number__lte"] + 1) for one in shares]
    assert [run for part in numbers for run in part] == [*range(10, 10 + runs)]
    assert {one["me_id"] for one in shares} == {1}
    assert len(shares) == min(runs, number)
    assert max(map(len, numbers)) - min(map(len, numbers)) <= 1


QUERY_1D: dict[str, Any] = {"me_id": ME_1D, "run_number": FIRST_RUN + 1, "page_size": 3}
QUERY_2D: dict[str, Any] = {"me_id": ME_2D, "page_size": 500}


@pytest.mark.parametrize(
    ("job", "resource", "query", "rows", "requests"),
    [
        ("th1 to rows", "h1d", QUERY_1D, 4, 2),
        ("th2 to numpy", "h2d", QUERY_2D, 12, 1),
        ("th2 to numpy, row by row", "h2d", QUERY_2D, 12, 1),
        ("th2 to pandas", "h2d", QUERY_2D, 12, 1),
        ("first th2", "h2d", QUERY_2D, 1, 1),
        ("first th2 of a page", "h2d", QUERY_2D, 1, 1),
        ("get", "h1d", {**ONE, "me_id": ME_1D}, 1, 1),
        ("th1 to rows, at the limit", "h1d", QUERY_1D, 4, 2),
        ("th2 to numpy, at the limit", "h2d", QUERY_2D, 12, 1),
    ],
)
def test_a_whole_script_runs_and_says_what_it_fetched(
    url: str, job: str, resource: str, query: dict[str, Any], rows: int, requests: int
) -> None:
    asked = {name: value for name, value in query.items() if job != "get" or name != "page_size"}
    found = _measured(Task("whole", url, resource, asked, {"job": job}))
    assert found.seconds is not None
    assert found.seconds > 0
    assert found.contents is not None
    # What checks the contents is not counted.
    assert (found.contents.rows, found.requests) == (rows, requests)


def test_scripts_of_the_same_job_fetch_the_same(url: str) -> None:
    jobs = ("th2 to numpy", "th2 to numpy, row by row", "th2 to pandas", "th2 to numpy, at the limit")
    contents = [_measured(Task("whole", url, "h2d", QUERY_2D, {"job": job})).contents for job in jobs]
    assert contents[0] is not None
    assert contents == [contents[0]] * 4


def test_an_import_alone_needs_no_server() -> None:
    found = _measured(Task("whole", options={"job": "import pandas"}))
    assert (found.contents, found.requests) == (None, None)
    assert found.seconds is not None


def test_a_script_that_fails_is_an_error_with_its_reason(url: str) -> None:
    done = _run(Task("whole", url, "h1d", {"no_such_filter": 1}, {"job": "th1 to rows"}))
    assert done.returncode
    assert "no_such_filter" in done.stderr.strip().splitlines()[-1]


def _scenario(name: str) -> Scenario:
    return next(one for one in SCENARIOS if one.name == name)


def test_every_job_is_known_and_measured_for_ours() -> None:
    scripts = _scenario("scripts")
    assert {one.options["job"] for one in scripts.contenders} == {*JOBS}
    jobs = {one.wants[0] for one in scripts.contenders}
    assert jobs == {one.wants[0] for one in scripts.contenders if one.name.startswith("ours: ")}


def test_the_scenarios_ask_what_users_ask() -> None:
    uneven, requests, scripts = map(_scenario, ("uneven", "requests", "scripts"))
    for contender in uneven.contenders:
        task = uneven.task(contender, "http://x/")
        assert (task.resource, task.filters) == ("h2d", {"me__regex": "PXBarrel"})
    assert [one.options["concurrency"] for one in uneven.contenders] == [1, 3]
    for query in (*SELECTIVE, *FULL):
        same = [one for one in requests.contenders if one.wants[0] == query_in_words(query)]
        assert [one.options["concurrency"] for one in same] == [1, 3]
        assert [requests.task(one, "http://x/").filters for one in same] == [query] * 2
    assert {scenario.name for scenario in SCENARIOS if scenario.cost == REAL} == {
        "real",
        "uneven",
        "requests",
    }
    volume = scripts.content(1.0)
    assert isinstance(volume, Volume)
    assert (volume.runs * volume.ls, volume.th1, volume.th2) == (4000, 1, 1)
    of_rows = next(one for one in scripts.contenders if one.name == "ours: TH1 to rows")
    query = scripts.task(of_rows, "http://x/").filters
    assert (query["run_number__lte"], volume.ls) == (query["run_number__gte"], 100)
    assert "100 TH1" in scripts.titled(1.0)
    assert "4 000 TH2" in scripts.titled(1.0)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_names_of_clients_are_unique_and_each_job_has_ours(scenario: Scenario) -> None:
    names = [one.name for one in scenario.contenders]
    assert len({*names}) == len(names)
    if scenario.name not in ("streaming", "command"):  # which compare other things
        for contender in scenario.contenders:
            job = contender.wants[0]
            assert (f"ours: {job}" if job else "ours") in names
    for contender in scenario.contenders:
        assert contender.environment == OURS or contender.name.startswith("cmsdials 2.4.1")
