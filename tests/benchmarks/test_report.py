"""Arithmetic of the report, on figures made up for it."""

import json
from typing import Any

import pytest

from benchmarks import report
from benchmarks.clients.task import Contents, Measurement
from benchmarks.figures import Figure
from benchmarks.rounds import Outcome
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
    faster, above_limit, memory = report.measured_targets(measured)
    assert (faster["figure"], faster["met"]) == ({"median": 9.0, "least": 8.0, "most": 10.0}, True)
    assert (above_limit["figure"]["median"], above_limit["met"]) == (2.0, False)
    assert (memory["figure"]["median"], memory["met"]) == (3.0, True)


def test_memory_that_is_added_is_in_megabytes() -> None:
    target = next(one for one in TARGETS if one.kind == "difference")
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
    assert [(one["figure"], one["met"]) for one in found["targets"]] == [(None, False)] * 3
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


def test_a_measurement_survives_its_way_between_processes() -> None:
    for one in (Measurement(1.5, Contents(2, 3, 4), peak=5, reading=0.5), Measurement(0.1, loaded=["numpy"])):
        assert Measurement.read(one.json()) == one
