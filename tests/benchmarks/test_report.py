"""Arithmetic of the report, on figures made up for it."""

import json
from typing import Any

import pytest

from benchmarks import report
from benchmarks.clients.task import Contents, Measurement
from benchmarks.figures import Figure
from benchmarks.rounds import Outcome
from benchmarks.scenarios import SCENARIOS, SELECTIVE
from benchmarks.targets import TARGETS, Target

ABOUT = {
    "date": "2026-01-31",
    "python": "3.11.7",
    "cores": 2,
    "rounds": 3,
    "size": 1.0,
    "gzip": False,
    "libraries": {},
}
SAME = {"rows": 4000, "data": 17, "keys": 4}


def _client(seconds: list[float], peak: list[float] | None = None, **more: Any) -> dict[str, Any]:
    return {"seconds": seconds, "peak": peak or [1e6] * len(seconds), "contents": SAME, **more}


def _th2(**clients: Any) -> dict[str, Any]:
    names = {"published": "cmsdials 2.4.1", "concurrent": "ours, concurrency=3"}
    return {
        "th2": {
            "title": "4000 TH2",
            "clients": {names.get(name, name): said for name, said in clients.items()},
        }
    }


def test_a_figure_is_the_median_with_its_spread() -> None:
    assert Figure.of([3.0, 1.0, 10.0]) == Figure(3.0, 1.0, 10.0)
    assert Figure.of([1.0, 2.0]) == Figure(1.5, 1.0, 2.0)


def test_a_ratio_is_taken_within_each_round() -> None:
    # The machine was ten times slower in the second round; the ratio of medians would say 2.
    assert Figure.ratio([6.0, 60.0, 2.0], [2.0, 20.0, 1.0]) == Figure(3.0, 2.0, 3.0)
    assert Figure.difference([5.0, 8.0], [4.0, 4.0]) == Figure(2.5, 1.0, 4.0)
    with pytest.raises(ValueError, match="zip"):
        Figure.ratio([1.0, 2.0], [1.0])


def test_a_target_is_met_at_its_bound_and_not_beyond() -> None:
    least = Target("x", "th2", "ratio", "a", "b", least=8)
    most = Target("x", "th2", "ratio", "a", "b", most=1.6)
    assert [least.is_met(Figure(value, 0, 99)) for value in (7.99, 8.0, 9.0)] == [False, True, True]
    assert [most.is_met(Figure(value, 0, 99)) for value in (1.5, 1.6, 1.61)] == [True, True, False]
    assert not least.is_met(None)
    assert (least.wanted, most.wanted) == ("at least 8", "at most 1.6")


def test_targets_of_a_run() -> None:
    measured = _th2(
        published=_client([8.0, 9.0, 10.0], [300e6, 300e6, 330e6]),
        ours=_client([1.0, 1.0, 1.0], [100e6, 100e6, 100e6]),
        limit=_client([0.5, 0.5, 0.8]),
    )
    above_limit, memory = report.measured_targets(measured)
    assert (above_limit["figure"], above_limit["met"]) == ({"median": 2.0, "least": 1.25, "most": 2.0}, False)
    assert (memory["figure"]["median"], memory["met"]) == (3.0, True)


def test_what_was_not_in_a_run_has_no_target_in_it() -> None:
    measured = _th2(ours=_client([1.0]), limit=_client([0.5]))
    assert [one["text"] for one in report.measured_targets(measured)] == ["TH2: time, in times the limit"]
    found = report.make_report(measured, ABOUT)
    missing = ", ".join(scenario.name for scenario in SCENARIOS if scenario.name != "th2")
    assert f"Not in this run: {missing}." in report.as_text(found)
    everything = {scenario.name: {"title": scenario.name, "clients": {}} for scenario in SCENARIOS}
    assert "Not in this run" not in report.as_markdown(report.make_report(everything, ABOUT))


def test_targets_are_of_clients_that_are_run() -> None:
    clients = {scenario.name: {one.name for one in scenario.contenders} for scenario in SCENARIOS}
    for target in TARGETS:
        assert {target.over, target.under or target.over} <= clients[target.scenario], target.text
        assert (target.least is None) != (target.most is None)
    assert len({target.text for target in TARGETS}) == len(TARGETS)


def test_requests_and_the_time_of_the_server_have_targets() -> None:
    one_by_one = _client([4.0] * 3, requests=[10] * 3, busy=[3.0] * 3, first=[1.0, 2.0, 1.0])
    parts = _client([2.0, 1.0, 2.5], requests=[13, 12, 14], busy=[3.3, 3.6, 3.0], first=[1.5, 3.2, 1.4])
    clients = {"ours": one_by_one, "ours, concurrency=3": parts}
    measured = {"uneven": {"title": "x", "clients": clients}}
    figures = {
        one["text"].removeprefix("Uneven: "): (one["figure"]["median"], one["met"])
        for one in report.measured_targets(measured)
    }
    assert figures == {
        "requests of concurrency=3, in times those of one by one": (1.3, True),
        "the server's time for concurrency=3, in times one by one": (1.1, True),
        "first page of concurrency=3, in times one by one": (1.5, True),
        "peak memory of concurrency=3, in times one by one": (1.0, True),
        "concurrency=3, times faster than one by one": (2.0, True),
    }


@pytest.mark.parametrize(("more", "met"), [(0, True), (1, True), (2, False), (63, False)])
def test_requests_that_are_added_are_counted(more: int, met: bool) -> None:
    targets = [one for one in TARGETS if (one.kind, one.quantity) == ("difference", "requests")]
    assert len(targets) == len(SELECTIVE)
    for target in targets:
        clients = {target.over: {"requests": [1 + more] * 3}, target.under: {"requests": [1] * 3}}
        figure = target.figure(clients)
        assert figure == Figure(more, more, more)
        assert target.is_met(figure) is met
        assert target.wanted == "at most 1"


def test_memory_that_is_added_is_in_megabytes() -> None:
    target = next(one for one in TARGETS if (one.kind, one.quantity) == ("difference", "peak"))
    clients = {target.over: _client([1, 1], [30e6, 34e6]), target.under: _client([1, 1], [20e6, 25e6])}
    assert target.figure(clients) == Figure(9.5, 9.0, 10.0)
    assert target.wanted == "at most 10 MB"


def test_modules_that_are_loaded_are_counted() -> None:
    target = next(one for one in TARGETS if one.kind == "loaded")
    for loaded, met in (([], True), (["httpx", "numpy"], False)):
        figure = target.figure({target.over: {"seconds": [1.0], "loaded": loaded}})
        assert figure == Figure.of([len(loaded)])
        assert target.is_met(figure) is met


def test_a_client_that_failed_meets_nothing_and_is_shown() -> None:
    measured = _th2(
        published=_client([8.0]), ours={"error": "TypeError: no such argument"}, limit=_client([0.5])
    )
    found = report.make_report(measured, ABOUT)
    assert [(one["figure"], one["met"]) for one in found["targets"]] == [(None, False)] * 2
    assert report.failures(found) == ["th2: ours: TypeError: no such argument"]
    for written in (report.as_text(found), report.as_markdown(found)):
        assert "failed: TypeError: no such argument" in written


def test_rows_that_differ_are_told() -> None:
    other = {**SAME, "data": 18}
    keyless = {**SAME, "keys": None}
    good = _th2(published=_client([1.0]), ours=_client([1.0]), limit={**_client([1.0]), "contents": keyless})
    assert report.disagreements(good) == []
    bad = _th2(published=_client([1.0]), ours={**_client([1.0]), "contents": other})
    assert report.disagreements(bad) == ["th2: ours has not fetched what cmsdials 2.4.1 has"]
    # The limit looks at no keys; its bins are compared all the same.
    limit = {**_client([1.0]), "contents": {**keyless, "data": 18}}
    assert report.disagreements(_th2(ours=_client([1.0]), limit=limit)) == [
        "th2: limit has not fetched what ours has"
    ]


def test_clients_with_another_share_need_not_agree() -> None:
    clients = {
        "iterate, a tenth of the rows": {**_client([1.0]), "contents": {**SAME, "rows": 400}},
        "iterate, all rows": _client([1.0]),
        "pages, all rows": {**_client([1.0]), "contents": {**SAME, "keys": 5}},
    }
    found = report.disagreements({"streaming": {"title": "x", "clients": clients}})
    assert found == ["streaming: pages, all rows has not fetched what iterate, all rows has"]


def test_clients_with_another_job_need_not_agree() -> None:
    clients = {
        "cmsdials 2.4.1: TH1 to rows": _client([1.0]),
        "ours: TH1 to rows": {**_client([1.0]), "contents": {**SAME, "data": 18}},
        "ours: TH2 to NumPy": {**_client([1.0]), "contents": {**SAME, "rows": 400}},
        "import of pandas alone: TH2 to pandas": {"seconds": [1.0]},
        "ours: TH2 to pandas": {**_client([1.0]), "contents": {**SAME, "rows": 401}},
    }
    found = report.disagreements({"scripts": {"title": "x", "clients": clients}})
    assert found == ["scripts: ours: TH1 to rows has not fetched what cmsdials 2.4.1: TH1 to rows has"]


def test_a_client_is_compared_with_ours_at_the_same_job() -> None:
    clients = {
        "cmsdials 2.4.1: get": _client([4.0], requests=[3]),
        "ours: get": _client([2.0], requests=[1], first=[0.25], busy=[0.5]),
        "cmsdials 2.4.1: rows": _client([9.0]),
        "ours: rows": {"error": "it fell"},
    }
    found = report.make_report({"scripts": {"title": "x", "clients": clients}}, ABOUT)
    *_, (_, head, rows) = report.tables(found)
    assert head[3:] == ("Peak memory, MB", "Rows", "First row, s", "Requests", "Server's time, s")
    assert rows == [
        ("cmsdials 2.4.1: get", "4", "2", "1", "4000", "", "3", ""),
        ("ours: get", "2", "1", "1", "4000", "0.25", "1", "0.50"),
        ("cmsdials 2.4.1: rows", "9", "", "1", "4000", "", "", ""),
        ("ours: rows", "failed: it fell", "", "", "", "", "", ""),
    ]


def test_the_tables_hold_medians_and_ratios() -> None:
    measured = _th2(
        published=_client([8.0, 9.0, 10.0], [300e6, 310e6, 330e6]),
        ours=_client([1.0, 1.0, 1.0]),
        limit=_client([0.5, 0.25, 0.5], reading=[0.1, 0.1, 0.2]),
    )
    found = json.loads(json.dumps(report.make_report(measured, ABOUT)))
    _, (title, _, rows) = report.tables(found)
    assert title == "4000 TH2"
    assert rows == [
        ("cmsdials 2.4.1", "9", "9 (8 to 10)", "310"),
        ("ours", "1", "1", "1"),
        ("limit", "0.50", "0.50 (0.25 to 0.50)", "1"),
    ]
    assert "of the limit's 0.50 s, reading the bytes takes 0.10 s" in report.as_text(found)
    assert "| cmsdials 2.4.1 | 9 | 9 (8 to 10) | 310 |" in report.as_markdown(found)


def test_an_outcome_has_figures_of_all_rounds_or_none() -> None:
    def measured(seconds: float, data: int = 1) -> Measurement:
        return Measurement(seconds, Contents(rows=10, data=data), peak=5)

    good = Outcome([measured(1.0), measured(2.0)]).dict()
    assert good == {"seconds": [1.0, 2.0], "peak": [5, 5], "contents": {"rows": 10, "data": 1, "keys": None}}
    assert Outcome([measured(1.0)], "it fell").dict() == {"error": "it fell"}
    assert "different rows" in Outcome([measured(1.0), measured(1.0, data=2)]).dict()["error"]
    assert Outcome([]).dict() == {"error": "was not run"}
    free = [Measurement(1.0, Contents(10, 1), 5, requests=2, busy=0.0) for _ in range(2)]
    assert Outcome(free).dict().keys() == {"seconds", "contents", "peak", "requests"}
    costly = [Measurement(1.0, Contents(10, 1), requests=2, busy=0.25, first=0.125)]
    assert Outcome(costly).dict() == {
        "seconds": [1.0],
        "contents": {"rows": 10, "data": 1, "keys": None},
        "first": [0.125],
        "requests": [2],
        "busy": [0.25],
    }


def test_a_measurement_survives_its_way_between_processes() -> None:
    for one in (Measurement(1.5, Contents(2, 3, 4), peak=5, reading=0.5), Measurement(0.1, loaded=["numpy"])):
        assert Measurement.read(one.json()) == one
