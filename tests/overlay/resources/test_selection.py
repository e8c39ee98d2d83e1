"""`dials.histograms`: what is named is found, shown before anything is fetched, and fetched with the right resource."""

import json
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from cmsdials import Dials, LumiMask, load, open_dataset
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import CheckpointError, ConfigurationError, FilterError, UnknownNameError
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.http.session import Session
from cmsdials_sandbox import Sandbox

from tests.overlay.conftest import Scripted, run_row

CHARGE = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_"
MAP = "PixelPhase1/Phase1_MechanicalView/PXBarrel/clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_1"
B, F, JET = (
    "/ZeroBias/Run2024B-PromptReco-v1/DQMIO",
    "/ZeroBias/Run2024F-PromptReco-v1/DQMIO",
    "/JetHT/Run2024F-PromptReco-v2/DQMIO",
)
LS = 104  # of run 367112


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def dials(sandbox_now: Sandbox) -> Iterator[Dials]:
    with Dials(Credentials(token=sandbox_now.secret), "tracker", sandbox_now.url) as dials:
        yield dials


def keys(rows: Any) -> list[tuple[int, ...]]:
    return [(row.dataset_id, row.run_number, row.ls_number, row.me_id) for row in rows]


NAMED: dict[str, tuple[Any, list[int]]] = {
    "a name": (f"{CHARGE}2", [2]),
    "an id": (2, [2]),
    "an id of numpy": (np.int64(2), [2]),
    "ids in an array": (np.array([2, 1]), [2, 1]),
    "a glob": ("charge_PXLayer_?", [1, 2, 3, 4]),
    "an expression": (re.compile(r"charge_PXLayer_[12]$"), [1, 2]),
    "several of each kind": ([f"{CHARGE}3", 2, "*charge_PXLayer_[34]"], [3, 2, 4]),
    "a generator": ((one for one in (1, 2)), [1, 2]),
    "a name with a blank and a plus": ("EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +", [141]),
}


@pytest.mark.parametrize("name", NAMED)
def test_monitoring_elements_are_named_in_many_ways(dials: Dials, name: str) -> None:
    named, ids = NAMED[name]
    selection = dials.histograms(named, run=382921, dataset=F, ls=7)
    assert [one.me_id for one in selection.elements] == ids
    assert {row.me_id for row in selection.list_all(fields=["me_id"])} == {*ids}


def test_what_was_found_or_fetched_names_them_too(dials: Dials) -> None:
    found = dials.mes.find("charge layer", dim=1)
    for named in (found, found[0], [*found], dials.mes.list()[:2], dials.mes.list_run(14677060, 367112)[:2]):
        assert dials.histograms(named, run=367112).elements


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("charge_PXLayer_2", rf"no monitoring element 'charge_PXLayer_2'.*nearest: '{CHARGE}2'"),
        ("charge layer 2", "no monitoring element 'charge layer 2'"),
        ("*nothing*like*", r"no monitoring element '\*nothing\*like\*'"),
        (re.compile("nothing"), "no monitoring element 'nothing'"),
        ([1, "nothing"], "no monitoring element 'nothing'"),
        (7777, "no monitoring element 7777"),
    ],
)
def test_a_name_of_nothing_is_an_error_that_helps(dials: Dials, named: Any, said: str) -> None:
    with pytest.raises(UnknownNameError, match=said) as caught:
        dials.histograms(named)
    assert "dials.mes.find(...)" in str(caught.value)


@pytest.mark.parametrize("named", [[], None, 1.5, [None], {}, b"x", True])
def test_what_can_name_nothing_is_refused(dials: Dials, named: Any) -> None:
    with pytest.raises(FilterError):
        dials.histograms(named)


def test_it_says_what_it_found_before_anything_is_fetched(dials: Dials) -> None:
    mask = "a mask of all lumisections in 2 runs from 367112 to 382921"
    shown = repr(dials.histograms([f"{CHARGE}2", 100], run=[367112, 382921, 1]))
    assert shown.splitlines() == [
        f"2 monitoring elements, 3 datasets, 2 runs within {mask}: up to {2 * (LS + 2 * 187)} rows of h1d and h2d",
        f"  h1d 2 {CHARGE}2",
        f"  h2d 100 {MAP}",
        f"  {B}: run 367112, {LS} lumisections",
        f"  {F}: run 382921, 187 lumisections",
        f"  {JET}: run 382921, 187 lumisections",
        "  in none of them: 1 run (1)",
    ]


def test_long_lists_are_cut_where_they_are_shown(dials: Dials) -> None:
    shown = repr(dials.histograms("*", run=range(1, 10**9)))
    assert re.search(r"^  and \d+ more monitoring elements$", shown, re.MULTILINE)
    assert len(shown.splitlines()) < 40


def test_one_dimension_goes_to_its_resource_and_both_are_fetched_apart(dials: Dials) -> None:
    both = dials.histograms([2, 100], run=367112, ls=range(1, 6))
    for call in (
        both.list_all,
        both.pages,
        both.to_numpy,
        both.to_pandas,
        lambda: both.download("x"),
        lambda: both.filters,
    ):
        with pytest.raises(FilterError, match="histograms of h1d and h2d") as caught:
            call()
        assert "selection.by_kind['h1d'], selection.by_kind['h2d']" in caught.value.advice
    results = {kind: part.list_all() for kind, part in both.by_kind.items()}
    assert {kind: (len(one), one.origin.resource) for kind, one in results.items()} == {
        "h1d": (5, "h1d"),
        "h2d": (5, "h2d"),
    }
    assert dials.histograms(100, run=367112, ls=3).to_numpy()["data"].shape == (1, 26, 72)


def test_a_single_listing_is_what_the_resource_lists(dials: Dials) -> None:
    asked = LumisectionHistogram1DFilters(run_number=367112, me_id=2)
    selection = dials.histograms(f"{CHARGE}2", run=367112)
    result = selection.list_all(concurrency=3)
    assert keys(result) == keys(dials.h1d.list_all(asked))
    assert result.complete
    assert len(result) == selection.rows == LS
    assert selection.mask is None
    again = dials.h1d.list_all(selection.filters, max_pages=1)
    assert len(selection.list_all(resume_from=again)) == LS
    assert sum(map(len, selection.pages(fields=["ls_number"]))) == LS
    assert selection.to_numpy(group_by="me")[f"{CHARGE}2"]["data"].shape == (LS, 200)
    assert selection.to_pandas().shape == (LS, 12)


SEVERAL: dict[str, dict[str, Any]] = {
    "runs with others between": {"run": [382937, 367112, 382921]},
    "runs of an array": {"run": np.array([367112, 379543])},
    "datasets": {"dataset": [F, JET]},
    "datasets by glob, and a run": {"dataset": "*Run2024F*", "run": 382921},
    "lumisections with gaps": {"run": 367112, "ls": [1, 2, 5, 99999]},
    "lumisections of several runs": {"run": [367112, 382921], "ls": range(3, 6)},
    "a golden JSON": {"good": {"367112": [[2, 3], [9, 9]], "382921": [[100, 102]], "1": [[1, 1]]}},
    "all of it": {
        "dataset": [B, F],
        "run": [382921, 367112, 379543],
        "ls": [1, 3, 5],
        "good": {"367112": [[2, 3]], "382921": [[1, 9]]},
    },
}


@pytest.fixture(scope="module")
def everything(sandbox_now: Sandbox) -> list[tuple[int, ...]]:
    """The keys of all rows that there are of two monitoring elements."""
    with Dials(Credentials(token=sandbox_now.secret), "tracker", sandbox_now.url) as dials:
        asked = LumisectionHistogram1DFilters(me__regex="charge_PXLayer_[12]$")
        return keys(dials.h1d.list_all(asked, fields=["dataset_id", "run_number", "ls_number", "me_id"]))


@pytest.mark.parametrize("name", SEVERAL)
def test_it_is_one_listing_whatever_is_chosen(
    dials: Dials, everything: list[tuple[int, ...]], name: str, folder: Path
) -> None:
    asked = SEVERAL[name]
    selection = dials.histograms("*charge_PXLayer_[12]", **asked)
    result = selection.list_all(checkpoint=folder / "kept.dials")
    wanted = wanted_of(selection, everything, asked)
    assert wanted
    assert keys(result) == wanted
    assert result.complete
    assert [key for page in selection.pages(concurrency=3) for key in keys(page.rows)] == wanted
    assert len(selection.to_numpy()["run_number"]) == len(selection.to_pandas()) == len(wanted)
    assert len(wanted) <= selection.rows
    # What a result can do, this one can.
    coverage = dials.h1d.coverage(result)
    assert sum(one.retrieved for one in coverage.rows) == len(wanted)
    assert keys(load(folder / "kept.dials")) == wanted
    assert keys(pickle.loads(pickle.dumps(result))) == wanted
    # And its parts continue.
    part = dials.h1d.list_all(selection.filters, good=selection.mask, max_pages=1)
    assert keys(selection.list_all(resume_from=part, concurrency=2)) == wanted
    plan: Any = selection.download(folder / "data", dry_run=True)
    assert plan.rows == selection.rows
    selection.download(folder / "data")
    table = open_dataset(folder / "data").to_table(columns=["dataset_id", "run_number", "ls_number", "me_id"])
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == wanted


def wanted_of(
    selection: Any, everything: list[tuple[int, ...]], asked: dict[str, Any]
) -> list[tuple[int, ...]]:
    """Return those of all keys that were asked for."""
    ids = {one.dataset_id for one in selection.datasets} if "dataset" in asked else None
    runs = None if "run" not in asked else {int(one) for one in np.atleast_1d(asked["run"])}
    good = LumiMask(asked["good"]) if "good" in asked else None
    lumis = None if "ls" not in asked else {*np.atleast_1d(asked["ls"]).tolist()}
    return [
        key
        for key in everything
        if (ids is None or key[0] in ids)
        and (runs is None or key[1] in runs)
        and (lumis is None or key[2] in lumis)
        and (good is None or key[1:3] in good)
    ]


@pytest.mark.parametrize("name", ["runs with others between", "datasets by glob, and a run", "all of it"])
def test_a_service_of_v112_has_the_same(
    sandbox_v112: Sandbox, everything: list[tuple[int, ...]], name: str
) -> None:
    with Dials(Credentials(token=sandbox_v112.secret), "tracker", sandbox_v112.url) as dials:
        selection = dials.histograms("*charge_PXLayer_[12]", **SEVERAL[name])
        fields = ["dataset_id", "run_number", "ls_number", "me_id"]
        found = keys(selection.list_all(fields=fields))
    assert found == wanted_of(selection, everything, SEVERAL[name])
    assert found


def test_a_killed_listing_of_several_runs_and_datasets_continues(dials: Dials, folder: Path) -> None:
    selection = dials.histograms(2, run=[367112, 382921], ls=range(1, 4))
    kept = folder / "kept.dials"
    whole = selection.list_all()
    dials.h1d.list_all(selection.filters, good=selection.mask, max_pages=1, checkpoint=kept)
    assert selection.list_all(checkpoint=kept, resume_from=kept) == whole
    assert len(whole) == 9
    with pytest.raises(CheckpointError, match="another listing"):
        dials.histograms(2, run=[367112, 382937]).list_all(resume_from=kept)


def test_it_shows_one_progress_bar(dials: Dials, capsys: pytest.CaptureFixture[str]) -> None:
    selection = dials.histograms(2, run=[367112, 382921], ls=range(1, 4))
    selection.list_all(enable_progress=True)
    bars = [line for line in re.split(r"[\r\n]+", capsys.readouterr().err) if line.startswith("h1d")]
    assert "9/9" in bars[-1]


def test_only_what_is_wanted_is_asked_for() -> None:
    service = Scripted()
    runs = [run_row(n, ls_count=50) for n in (3, 5, 7, 9)]
    service.will_answer([{"me_id": 1, "me": "a", "count": 1, "dim": 1}])
    service.will_answer({"next": None, "previous": None, "results": runs})
    selection = service.dials.histograms("a", run=[3, 5, 9])
    assert len(service.asked) == 2
    assert selection.filters.given() == {
        "run_number__gte": 3,
        "run_number__lte": 9,
        "me_id": 1,
        "me": "a",
    }
    assert selection.mask is not None
    assert selection.mask.runs == [3, 5, 9]
    assert selection.rows == 150
    service.will_answer({"next": None, "previous": None, "results": runs[:1]})
    one = service.dials.histograms(1, run=3)
    assert (one.filters.given(), one.mask) == ({"run_number": 3, "me_id": 1, "me": "a"}, None)
    assert len(service.asked) == 3  # names are kept, runs are not


def test_no_row_of_another_run_is_asked_for(sandbox_now: Sandbox) -> None:
    """Of a golden JSON of many runs, few of which are there."""
    golden = {str(run): [[1, 40]] for run in (367112, 379543, 382937, *range(300000, 300500))}
    asked: list[httpx.Request] = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return super().handle_request(request)

    session = Session(sandbox_now.url, Credentials(token=sandbox_now.secret), "tracker", transport=Counting())
    dials = Dials(Credentials(token=sandbox_now.secret), "tracker", sandbox_now.url)
    listed = [(one.dataset_id, one.run_number) for one in dials.run.list_all()]
    selection = dials.histograms(2, good=golden)
    dials.close()
    own = type(selection.resource)(session)
    result = own.list_all(selection.filters, good=selection.mask)
    session.close()
    queries = [dict(one.url.params) for one in asked if one.url.path.endswith("/th1/")]
    # Also of datasets that have none of these runs by the list of runs: they may have rows all the same.
    assert 3 <= len(queries) < 10
    for query in queries:
        first, last = (
            int(query.get("run_number", query.get(f"run_number__{end}", 0))) for end in ("gte", "lte")
        )
        within = {
            run for dataset, run in listed if str(dataset) == query["dataset_id"] and first <= run <= last
        }
        assert within <= {367112, 379543, 382937}
    assert {row.run_number for row in result} == {367112, 379543, 382937}


@pytest.mark.parametrize("named", ["a", "*", [1], re.compile("a")])
def test_names_that_are_kept_are_not_asked_for_again(folder: Path, named: Any) -> None:
    service = Scripted()
    service.will_answer([{"me_id": 1, "me": "a", "count": 1, "dim": 1}])
    service.will_answer(
        {"next": None, "previous": None, "results": [{"dataset_id": 14677060, "dataset": "/Z"}]}
    )
    service.dials.mes.refresh()
    service.dials.datasets.refresh()
    for path in (folder / "cache" / "catalogue").iterdir():
        stored = json.loads(path.read_text())
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        path.write_text(json.dumps(stored | {"retrieved": hour_ago.isoformat()}))
    later = Scripted()
    later.will_answer({"next": None, "previous": None, "results": [run_row(3)]})
    assert later.dials.histograms(named, run=3, dataset="/*").rows == 9
    assert [request.url.path for request in later.asked] == ["/api/v1/run/"]


def test_datasets_are_named_in_many_ways(dials: Dials) -> None:
    found = dials.datasets.find(primary="ZeroBias", run=382921)
    record = dials.dataset_index.get(found[0].dataset_id)
    for named in (
        found,
        found[0],
        record,
        F,
        found.ids,
        found.to_pandas()["dataset"],
        "*Zero*",
        re.compile("Zero"),
    ):
        assert [one.dataset for one in dials.histograms(2, run=382921, dataset=named).datasets] == [F]


NOTHING: dict[str, tuple[dict[str, Any], str]] = {
    "no such run": ({"run": 1}, "DIALS has no run 1 in this workspace"),
    "no such runs": ({"run": [2, 1]}, "DIALS has no run 1, 2 in this workspace"),
    "no run of a long range": ({"run": range(1, 9999)}, "DIALS has no run from 1 to 9998"),
    "a run of another dataset": ({"run": 382921, "dataset": B}, f"no run 382921 in {B}. It is in {JET}, {F}"),
    "a run of no dataset": (
        {"run": 5, "dataset": B},
        f"no run 5 in {B}. No dataset of this workspace has it",
    ),
    "no such dataset": ({"dataset": B[:-1]}, f"there is no dataset '{B[:-1]}'"),
    "no such glob": ({"dataset": "/Zero*/RAW"}, "there is no dataset '/Zero*/RAW'"),
    "a mask of other runs": (
        {"good": {"5": [[1, 2]]}},
        "DIALS has no run of this workspace within a mask of 2 lumi",
    ),
    "a mask and another run": (
        {"good": {"367112": [[1, 2]]}, "run": 382921},
        "no run 382921 in this workspace within",
    ),
    "lumisections outside a mask": (
        {"good": {"367112": [[1, 2]]}, "ls": 9},
        "no lumisection is both in ls and in a mask",
    ),
    "no number of a lumisection": (
        {"run": [367112, 382921], "ls": [-7, -1, 2**32]},
        "ls holds no number that a lumisection can have",
    ),
    "an empty mask": ({"good": {}}, "good has no lumisection"),
    "no runs": ({"run": []}, "run is empty"),
    "an empty range": ({"run": range(9, 3)}, "range(9, 3) holds no number"),
    "a run that is none": ({"run": "x"}, "run takes a whole number, not 'x'"),
    "a lumisection that is none": ({"ls": 1.5}, "ls takes a whole number, not 1.5"),
    "no datasets": ({"dataset": []}, "there is no dataset to choose"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_an_error_says_why(dials: Dials, name: str) -> None:
    asked, said = NOTHING[name]
    with pytest.raises((FilterError, UnknownNameError), match=re.escape(said)):
        dials.histograms(2, **asked)


def test_numbers_that_no_lumisection_has_choose_none(dials: Dials) -> None:
    for ls, many in ((range(-5, 10**12), LS + 2 * 187), ([-1, 0, 2, 10**12], 3)):
        selection = dials.histograms(2, run=[367112, 382921], ls=ls)
        assert len(selection.list_all()) == selection.rows == many


def test_what_is_no_mask_is_refused(dials: Dials) -> None:
    with pytest.raises(ConfigurationError, match="a mask cannot be made of int"):
        dials.histograms(2, good=5)


def test_fields_without_the_keys_of_a_mask_are_refused_before_anything_is_sent(dials: Dials) -> None:
    selection = dials.histograms(2, run=[367112, 382921])
    for call in (selection.list_all, selection.pages):
        with pytest.raises(FilterError, match=r"need the fields .* fields= lacks dataset_id, ls_number"):
            call(fields=["run_number", "data"])
    fields = ("dataset_id", "run_number", "ls_number")
    assert selection.list_all(fields=fields).fields == fields


def test_runs_without_a_lumisection_in_the_mask_are_not_counted(dials: Dials) -> None:
    good = {"367112": [[1, 3]], "382921": [[50, 60]]}
    selection = dials.histograms(2, dataset="/ZeroBias/*", ls=[1, 3, 5], good=good)
    assert [*selection.runs.values()] == [{367112: LS}]
    assert selection.rows == len(selection.list_all()) == 2
    assert selection.absent == ()


def test_a_dimension_that_no_resource_has_is_refused() -> None:
    service = Scripted()
    service.will_answer([{"me_id": 1, "me": "a", "count": 1, "dim": 3}])
    with pytest.raises(FilterError, match="'a' has 3 dimensions"):
        service.dials.histograms("a")


def test_a_dataset_that_only_the_list_of_runs_knows_is_taken_from_there() -> None:
    service = Scripted()
    service.will_answer([{"me_id": 1, "me": "a", "count": 1, "dim": 1}])
    service.will_answer({"next": None, "previous": None, "results": [run_row(3, dataset="/A/B-C-v2/D")]})
    (dataset,) = service.dials.histograms("a", run=3).datasets
    assert (dataset.dataset, dataset.version) == ("/A/B-C-v2/D", 2)


def test_too_many_names_for_a_url_are_refused_with_advice() -> None:
    service = Scripted()
    service.will_answer(
        [{"me_id": n, "me": f"{n * 7919 % 10007:05}" * 9, "count": 1, "dim": 1} for n in range(500)]
    )
    service.will_answer({"next": None, "previous": None, "results": [run_row(3)]})
    selection = service.dials.histograms("*", run=3)
    assert selection.rows == 500 * 9
    with pytest.raises(FilterError, match="names of 500 monitoring elements are too long") as caught:
        selection.list_all()
    few = re.search(r"elements\[:(\d+)\]", str(caught.value))
    assert few is not None
    service.will_answer({"next": None, "previous": None, "results": [run_row(3)]})
    assert service.dials.histograms(selection.elements[: int(few[1])], run=3).filters


def test_too_many_datasets_for_a_url_are_refused_with_advice() -> None:
    names = {n: f"/{n * 7919 % 10007:05}{'x' * 60}{n}/B-C-v1/D" for n in range(1, 200)}
    service = Scripted()
    service.will_answer([{"me_id": 1, "me": "a", "count": 1, "dim": 1}])
    listed = [{"dataset_id": number, "dataset": name} for number, name in names.items()]
    service.will_answer({"next": None, "previous": None, "results": listed})
    runs = [run_row(3, dataset_id=number, dataset=name) for number, name in names.items()]
    service.will_answer({"next": None, "previous": None, "results": runs})
    selection = service.dials.histograms("a", run=3, dataset="/*")
    assert len(selection.datasets) == 199
    with pytest.raises(FilterError, match="names of 199 datasets are too long for one URL") as caught:
        selection.list_all()
    few = re.search(r"datasets\[:(\d+)\]", str(caught.value))
    assert few is not None
    service.will_answer({"next": None, "previous": None, "results": runs[: int(few[1])]})
    part = service.dials.histograms("a", run=3, dataset=selection.datasets[: int(few[1])])
    assert part.filters
    assert len(part.datasets) > 5


def test_a_golden_json_may_be_a_file(dials: Dials, folder: Path) -> None:
    path = folder / "golden.json"
    path.write_text(json.dumps({"367112": [[2, 4]]}))
    result = dials.histograms(f"{CHARGE}1", good=path).list_all()
    assert [row.ls_number for row in result] == [2, 3, 4]
    assert result.status == "3 rows of h1d within a mask of 3 lumisections in run 367112: all there are"
