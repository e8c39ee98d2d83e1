"""Why a listing is empty: what DIALS does not know is said, once, and an empty run is nothing to speak of."""

import pickle
import re
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MEFilters,
    RunFilters,
)
from cmsdials_sandbox import Sandbox

from tests.overlay.conftest import Scripted

CHARGE = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1"
MAP = "PixelPhase1/Phase1_MechanicalView/PXBarrel/clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_1"
DATASET = "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"
MES = [{"me_id": 1, "me": CHARGE, "dim": 1}, {"me_id": 100, "me": MAP, "dim": 2}]
NOTHING = {"next": None, "previous": None, "results": []}
OF_DATASETS = {**NOTHING, "results": [{"dataset_id": 14677060, "dataset": DATASET}]}

H1D, H2D = LumisectionHistogram1DFilters, LumisectionHistogram2DFilters

SAID: dict[str, tuple[str, Any, str]] = {
    "no such ME": (
        "h1d",
        H1D(me=CHARGE[:-1] + "9", run_number=3),
        f"there is no ME with me='{CHARGE[:-1]}9' in the workspace tracker; the nearest: '{CHARGE}'",
    ),
    "nothing like it": ("h1d", H1D(me="?"), "there is no ME with me='?' in the workspace tracker"),
    "a pattern as an ME": ("h1d", H1D(me="PixelPhase1/*"), "* means nothing in an exact name, use me__regex"),
    "no such me_id": ("h2d", H2D(me_id=7), "there is no ME with me_id=7 in the workspace tracker"),
    "1D in h2d": ("h2d", H2D(me_id=1), "me_id=1 is one-dimensional: ask h1d"),
    "2D in h1d": ("h1d", H1D(me=MAP), f"me={MAP!r} is two-dimensional: ask h2d"),
    "no slash": (
        "h1d",
        H1D(dataset=DATASET[1:]),
        f": names of datasets begin with a slash; the nearest: {DATASET!r}",
    ),
    "the last part of an ME": (
        "h1d",
        H1D(me="charge_pxlayer_1"),
        f"in the workspace tracker; the nearest: '{CHARGE}'",
    ),
    "a pattern of SQL": ("h1d", H1D(me="PixelPhase1/%"), "% means nothing in an exact name, use me__regex"),
    "a pattern of a shell": (
        "h1d",
        H1D(me=CHARGE[:-1] + "?"),
        "? means nothing in an exact name, use me__regex",
    ),
    "in another case": ("run", RunFilters(dataset=DATASET.upper()), f"; the nearest: {DATASET!r}"),
    "a list of ids": (
        "run",
        RunFilters(dataset_id__in=[9, 10, 11]),
        "there is no dataset with any of the ids of dataset_id__in in the workspace tracker",
    ),
    "a list of one id": (
        "run",
        RunFilters(dataset_id__in=[9]),
        "there is no dataset with dataset_id=9 in the workspace tracker",
    ),
    "a pattern as a dataset": (
        "run",
        RunFilters(dataset="/ZeroBias/*/DQMIO"),
        "* means nothing in an exact name, use dataset__regex",
    ),
    "no such dataset_id": (
        "lumi",
        LumisectionFilters(dataset_id=9),
        "there is no dataset with dataset_id=9 in the workspace tracker",
    ),
    "of the index itself": (
        "dataset_index",
        DatasetIndexFilters(dataset=DATASET.replace("B", "C")),
        f"the nearest: {DATASET!r}",
    ),
}


def index_for(filters: Any) -> Any:
    return OF_DATASETS if {"dataset", "dataset_id", "dataset_id__in"} & filters.given().keys() else MES


@pytest.mark.parametrize("way", ["list", "list_all"])
@pytest.mark.parametrize(("resource", "filters", "said"), SAID.values(), ids=SAID)
def test_what_dials_does_not_know_is_said(
    service: Scripted, resource: str, filters: Any, said: str, way: str
) -> None:
    service.will_answer(NOTHING, index_for(filters))
    with pytest.warns(RuntimeWarning, match=re.escape(said)) as warned:
        result = getattr(getattr(service.dials, resource), way)(filters)
    assert [one.filename for one in warned] == [__file__]
    assert said in result.note
    assert result.status == f"0 rows of {resource}: all there are; {result.note}"
    assert repr(result) == f"<0 rows of {result.record.__name__}, complete; {result.note}>"
    assert (result.complete, len(service.asked)) == (True, 2)
    assert pickle.loads(pickle.dumps(result)).note == result.note


@pytest.mark.parametrize("way", ["pages", "iterate"])
def test_pages_and_rows_that_end_without_a_row_say_it_too(service: Scripted, way: str) -> None:
    service.will_answer(NOTHING, MES)
    walk = getattr(service.dials.h2d, way)(H2D(me_id=1))
    with pytest.warns(RuntimeWarning, match="ask h1d"):
        assert sum(len(page.rows) for page in walk) == 0
    assert [*walk] == []
    assert len(service.asked) == 2
    assert "ask h1d" in (walk if way == "pages" else walk.pages).note


def test_in_parts_too(sandbox_now: Sandbox) -> None:
    with (
        Dials(Credentials(token=sandbox_now.secret), "tracker", sandbox_now.url) as dials,
        pytest.warns(RuntimeWarning, match="me_id=1 is one-dimensional: ask h1d"),
    ):
        result = dials.h2d.list_all(H2D(me_id=1, run_number=367112), concurrency=2)
    assert "ask h1d" in result.status


def test_mes_are_named_by_the_list_of_them(service: Scripted) -> None:
    service.will_answer([], MES)
    with pytest.warns(RuntimeWarning, match="the nearest"):
        assert service.dials.mes.list(MEFilters(me=CHARGE[1:])) == []


def test_two_reasons_are_both_said(service: Scripted) -> None:
    service.will_answer(NOTHING, OF_DATASETS, MES)
    with pytest.warns(RuntimeWarning, match=r"dataset_id=9 .*; me_id=1 is one-dimensional"):
        service.dials.h2d.list(H2D(dataset_id=9, me_id=1))


@pytest.mark.filterwarnings("error")
def test_a_file_name_that_is_a_pattern_needs_no_index(service: Scripted) -> None:
    service.will_answer(NOTHING)
    with pytest.raises(
        RuntimeWarning, match=r"\* means nothing in an exact name, use logical_file_name__regex"
    ):
        service.dials.file_index.list(FileIndexFilters(logical_file_name="/store/*.root"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (FileIndexFilters(logical_file_name="store/data/a.root"), "names of files begin with a slash"),
        (FileIndexFilters(status="finished"), "status='finished' is none that is known: PENDING, .*FINISHED"),
    ],
)
def test_nor_does_one_that_no_file_can_have(service: Scripted, filters: Any, said: str) -> None:
    service.will_answer(NOTHING)
    with pytest.raises(RuntimeWarning, match=said):
        service.dials.file_index.list(filters)


@pytest.mark.filterwarnings("error")
def test_a_list_of_ids_of_which_one_exists_is_right(service: Scripted) -> None:
    service.will_answer(NOTHING, OF_DATASETS, NOTHING)
    wanted = RunFilters(dataset_id__in=[*range(400), 14677060], run_number=1)
    assert [service.dials.run.list(wanted).note for _ in range(2)] == ["", ""]
    assert len(service.asked) == 3


def test_the_parts_of_a_long_list_are_warned_of_once(service: Scripted) -> None:
    service.will_answer(NOTHING, *[OF_DATASETS, NOTHING] * 9)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for start in range(0, 900, 100):
            service.dials.run.list(RunFilters(dataset_id__in=range(start, start + 100)))
    assert len(warned) == 1


@pytest.mark.parametrize("resource", ["run", "lumi", "file_index"])
def test_a_count_of_none_says_it_too(service: Scripted, resource: str) -> None:
    service.will_answer({"count": 0}, OF_DATASETS, {"count": 0}, {"count": 0})
    ask = getattr(service.dials, resource)
    wanted = ask.filters(dataset=DATASET[1:], page_size=7)
    with pytest.warns(RuntimeWarning, match="names of datasets begin with a slash") as warned:
        assert ask.count(wanted) == 0
    assert [one.filename for one in warned] == [__file__]
    assert (ask.count(wanted), ask.count(), len(service.asked)) == (0, 0, 4)


# --- how often


def test_a_loop_over_runs_asks_and_warns_once(service: Scripted) -> None:
    service.will_answer(NOTHING, MES, *[NOTHING] * 20)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        results = [service.dials.h2d.list_all(H2D(me_id=1, run_number=n)) for n in range(21)]
    assert (len(warned), len(service.asked)) == (1, 22)
    assert {result.note for result in results} == {"me_id=1 is one-dimensional: ask h1d"}


@pytest.mark.filterwarnings("error")
def test_a_loop_over_runs_that_are_empty_asks_once_and_says_nothing(service: Scripted) -> None:
    service.will_answer(NOTHING, MES, *[NOTHING] * 20)
    results = [service.dials.h1d.list_all(H1D(me=CHARGE, run_number=n)) for n in range(20)]
    results.append(service.dials.h2d.list_all(H2D(me_id=100)))  # also held by what has come
    assert {result.note for result in results} == {""}
    assert {result.status for result in results} == {
        "0 rows of h1d: all there are",
        "0 rows of h2d: all there are",
    }
    assert len(service.asked) == 22


def test_another_workspace_has_other_names(service: Scripted) -> None:
    service.will_answer(NOTHING, MES, NOTHING, [{"me_id": 1, "me": "JetMET/x", "dim": 2}])
    with pytest.warns(RuntimeWarning, match="ask h1d"):
        service.dials.h2d.list(H2D(me_id=1))
    service.session.workspace = "jetmet"
    assert service.dials.h2d.list(H2D(me_id=1)).note == ""


# --- when nothing is asked


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "filters", [None, RunFilters(run_number=3), RunFilters(dataset__regex="Zero"), RunFilters(next_token="c")]
)
def test_no_exact_name_no_question(service: Scripted, filters: Any) -> None:
    for way in (service.dials.run.list, service.dials.run.list_all):
        service.will_answer(NOTHING)
        assert way(filters).note == ""


@pytest.mark.filterwarnings("error")
def test_neither_where_rows_came_or_more_are_to_come(service: Scripted) -> None:
    row = {"dataset_id": 9, "dataset": "/Z/R/D", "run_number": 1, "ls_count": 9}
    service.will_page([row, row], 1)
    first = service.dials.run.list_all(RunFilters(dataset_id=9), max_pages=1)
    service.will_answer({**NOTHING, "next": "http://x/?next_token=a"})
    assert service.dials.run.list(RunFilters(dataset_id=9)).note == ""
    service.answers[:] = [httpx.Response(200, json=NOTHING)]
    rest = service.dials.run.list_all(RunFilters(dataset_id=9), resume_from=first)
    assert (len(rest), rest.note) == (1, "")
    assert len(service.asked) == 3


FAILING: dict[str, Callable[[], Any]] = {
    "500": lambda: httpx.Response(500, html="<h1>Server Error (500)</h1>"),
    "slow": lambda: httpx.ReadTimeout("slow"),
    "not an index": lambda: httpx.Response(200, json={"mes": 3}),
    "cut": lambda: httpx.ReadError("cut"),
    "refused": lambda: httpx.Response(403, json={"detail": "no"}),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("way", ["list", "list_all"])
def test_a_question_that_fails_never_fails_the_listing(
    service: Scripted, failing: Callable[[], Any], way: str
) -> None:
    service.will_answer(NOTHING, failing(), NOTHING)
    ask = getattr(service.dials.h2d, way)
    assert (ask(H2D(me_id=1)).complete, ask(H2D(me_id=1)).note) == (True, "")
    assert (len(service.asked), service.waits) == (3, [])


def test_at_a_service_as_it_is(sandbox_now: Sandbox, sandbox_v112: Sandbox) -> None:
    for sandbox in (sandbox_now, sandbox_v112):
        with Dials(Credentials(token=sandbox.secret), "tracker", sandbox.url) as dials:
            with pytest.warns(RuntimeWarning, match=re.escape(f"the nearest: {DATASET!r}")):
                assert not dials.run.list_all(RunFilters(dataset=DATASET[1:])).results
            with pytest.warns(RuntimeWarning, match="charge_PXLayer_1"):
                dials.h1d.list_all(H1D(me="PixelPhase1/Tracks/PXBarrel/charge_PXLayer1"))
