"""`dials.mes` and `dials.datasets`: what is found, by exact name and by search, and how seldom the service is asked."""

import html
import json
import pickle
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import FilterError, GatewayError, UnknownNameError
from cmsdials.models import Dataset, MonitoringElement
from cmsdials.runtime.cache import cached_names
from cmsdials_sandbox import Sandbox

from tests.overlay.conftest import Scripted, run_row

CHARGE = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_"
EVIL = "a/<script>alert(1)</script>&\x1b[31m"
MES = [{"me_id": n, "me": f"{CHARGE}{n}", "count": 7 * n, "dim": 1} for n in (1, 12, 2)]
MES += [{"me_id": 100, "me": f"map/of_{CHARGE}2", "count": 3, "dim": 2}]
NAMES = [
    "/ZeroBias/Run2024B-PromptReco-v1/DQMIO",
    "/ZeroBias/Run2024C-PromptReco-v1/DQMIO",
    "/ZeroBias/Run2024B-27Jun2024_v2-v3/DQMIO",
    "/JetMET1/Run2024B-PromptReco-v1/DQMIO",
    "/ZeroBias/Run2024B-v1/RAW",
    "/HIForward/HIRun2024A-PromptReco-v1/DQMIO",
    "/StreamExpress/Run2024B-Express-v2/DQMIO",
    "/RelValTTbar_14TeV/CMSSW_14_0_0-140X_mcRun4-realistic_v1-v1/DQMIO",
    "of no such form",
]
DATASETS = [{"dataset_id": 10 + n, "dataset": name} for n, name in enumerate(NAMES)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def of_index(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"next": None, "previous": None, "results": rows}


def older(folder: Path, age: timedelta) -> None:
    for path in (folder / "catalogue").iterdir():
        stored = json.loads(path.read_text())
        path.write_text(json.dumps(stored | {"retrieved": (datetime.now(UTC) - age).isoformat()}))


# --- how often the service is asked


def test_one_request_serves_every_search_and_every_object_of_a_day(service: Scripted, folder: Path) -> None:
    service.will_answer(MES)
    mes = service.dials.mes
    assert mes.find("charge layer 2").ids == [2, 100, 12]
    assert mes.find("charge", dim=2).ids == [100]
    assert mes[f"{CHARGE}2"].me_id == mes[2].me_id == 2
    assert f"{CHARGE}1" in mes
    assert [one.me_id for one in mes] == [1, 12, 2, 100]
    second = Scripted()
    assert second.dials.mes.find().names == [MES[at]["me"] for at in (3, 0, 2, 1)]
    older(folder, timedelta(hours=23))
    third = Scripted()
    assert len(third.dials.mes.find("charge")) == 4
    assert (len(service.asked), second.asked, third.asked) == (1, [], [])
    assert service.queries == [{"fields": "me_id,me,dim,count"}]


@pytest.mark.parametrize("age", [timedelta(hours=25), timedelta(hours=-1), timedelta(days=9999)])
def test_a_list_that_is_too_old_or_of_the_future_is_fetched_again(
    service: Scripted, folder: Path, age: timedelta
) -> None:
    service.will_answer(MES[:1])
    service.dials.mes.refresh()
    older(folder, age)
    second = Scripted()
    second.will_answer(MES)
    assert len(second.dials.mes.find()) == 4
    assert len(Scripted().dials.mes.find()) == 4


def test_refreshing_fetches_and_keeps(service: Scripted) -> None:
    service.will_answer(MES[:1], MES[:2], MES)
    mes = service.dials.mes
    assert len(mes.find()) == 1
    assert len(mes.find(refresh=True)) == 2
    mes.refresh()
    assert len(mes.find()) == len(Scripted().dials.mes.find()) == 4


def test_a_name_is_looked_up_in_a_new_list_before_it_is_called_unknown(
    service: Scripted, folder: Path
) -> None:
    service.will_answer(MES[:1])
    service.dials.mes.refresh()
    older(folder, timedelta(minutes=2))
    for ask in (
        lambda mes: mes[f"{CHARGE}12"].me_id == 12,
        lambda mes: mes[12].me_id == 12,
        lambda mes: f"{CHARGE}12" in mes,
        lambda mes: mes.find("layer 12").ids == [12],
        lambda mes: mes.find("*12").ids == [12],
    ):
        kept = next((folder / "catalogue").iterdir())
        before = kept.read_bytes()
        second = Scripted()
        second.will_answer(MES)
        assert ask(second.dials.mes)
        assert len(second.asked) == 1
        kept.write_bytes(before)


def test_an_unknown_name_asks_once(service: Scripted) -> None:
    service.will_answer(MES)
    for _ in range(3):
        assert "nothing like it" not in service.dials.mes
        with pytest.raises(KeyError):
            service.dials.mes["nothing like it"]
        assert not service.dials.mes.find("nothing like it")
    assert len(service.asked) == 1


def test_each_workspace_and_each_service_has_a_list_of_its_own(service: Scripted) -> None:
    service.will_answer(MES)
    service.dials.mes.refresh()
    jetmet = Scripted("jetmet")
    jetmet.will_answer(MES[:2])
    assert len(jetmet.dials.mes.find()) == 2
    assert len(Scripted().dials.mes.find()) == 4
    assert cached_names("mes", "http://dials.test/", "jetmet") == [f"{CHARGE}1", f"{CHARGE}12"]


def test_the_default_workspace_is_kept_under_its_name(service: Scripted, folder: Path) -> None:
    by_default = Scripted(None)
    by_default.will_answer({"name": "tracker"}, MES)
    assert len(by_default.dials.mes.find()) == 4
    assert len(Scripted().dials.mes.find()) == 4
    older(folder, timedelta(days=2))
    unnamed = Scripted(None)  # of a DIALS that does not say which it is: whose list it is, is not known
    unnamed.will_answer({}, MES[:1])
    with pytest.warns(RuntimeWarning, match="does not say which workspace"):
        assert len(unnamed.dials.mes.find()) == 1
    assert len(cached_names("mes", "http://dials.test/")) == 4


def test_a_damaged_file_is_fetched_again(service: Scripted, folder: Path) -> None:
    service.will_answer(MES)
    service.dials.mes.refresh()
    (path,) = (folder / "catalogue").iterdir()
    whole = path.read_text()
    for damage in (
        whole[:-20],
        whole.replace('"me_id":12', '"me_id":"x"'),
        whole.replace('"me_id":12', '"me_id":1'),
        whole.replace('"dim":2', '"dim":null'),
        whole.replace('"me":', '"you":'),
    ):
        assert damage != whole
        path.write_text(damage)
        again = Scripted()
        again.will_answer(MES)
        assert len(again.dials.mes.find()) == 4
        assert path.read_text()[-30:] == whole[-30:]


def test_without_a_place_for_files_each_object_asks_once(service: Scripted, folder: Path) -> None:
    folder.write_text("no folder")
    for one in (service, Scripted()):
        one.will_answer(MES)
        assert len(one.dials.mes.find()) == len(one.dials.mes.find("charge")) == 4


def test_nothing_secret_is_in_the_file(service: Scripted, folder: Path) -> None:
    service.will_answer(MES)
    service.dials.mes.refresh()
    (path,) = (folder / "catalogue").iterdir()
    stored = json.loads(path.read_text())
    assert {*stored} == {"version", "kind", "address", "workspace", "retrieved", "rows"}
    assert "a-secret" not in path.read_text()


def test_a_failure_is_reported_and_nothing_is_kept(service: Scripted) -> None:
    service.will_answer(httpx.Response(502, text="<html>"), MES)
    with pytest.raises(GatewayError):
        service.dials.mes.find("charge", retries=0)
    assert cached_names("mes", "http://dials.test/") == []
    assert len(service.dials.mes.find("charge")) == 4


def test_ipython_completes_names_without_asking(service: Scripted) -> None:
    assert service.dials.mes._ipython_key_completions_() == []
    service.will_answer(MES)
    service.dials.mes.refresh()
    for one in (service, Scripted()):
        assert sorted(one.dials.mes._ipython_key_completions_()) == sorted(row["me"] for row in MES)
        assert one.dials.datasets._ipython_key_completions_() == []


def test_threads_may_share_it(service: Scripted) -> None:
    service.will_answer(*[MES] * 8)
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: found.append(service.dials.mes.find("layer 2").ids)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[2, 100, 12]] * 8


def test_a_copy_in_another_process_needs_no_second_request(service: Scripted) -> None:
    service.will_answer(MES)
    service.dials.mes.refresh()
    copied = pickle.loads(pickle.dumps(Dials(Credentials(token="x"), "tracker", "http://dials.test/")))
    assert copied.mes.find("layer 12").ids == [12]


# --- by exact name


@pytest.mark.parametrize(
    "key", ["", " ", "charge", f"{CHARGE}2 ", f"{CHARGE}2".lower(), "x" * 1000, 99, -1, EVIL]
)
def test_what_is_not_there_is_a_key_error_with_the_nearest(service: Scripted, key: Any) -> None:
    service.will_answer(MES)
    with pytest.raises(UnknownNameError, match="there is no monitoring element") as caught:
        service.dials.mes[key]
    assert isinstance(caught.value, KeyError)
    assert "dials.mes.find(...)" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    if key in ("charge", f"{CHARGE}2 "):
        assert "The nearest: '" in caught.value.advice


@pytest.mark.parametrize("key", [None, 1.5, b"x", [1], True])
def test_what_can_be_no_key_is_refused(service: Scripted, key: Any) -> None:
    with pytest.raises(FilterError, match=re.escape("dials.mes[...] takes a whole number")):
        service.dials.mes[key]


def test_ids_of_numpy_are_ids(service: Scripted) -> None:
    service.will_answer(MES)
    assert service.dials.mes[np.int64(12)].me == f"{CHARGE}12"
    assert np.int64(12) in service.dials.mes
    assert None not in service.dials.mes


def test_the_plain_lists_stay_plain_and_ask_each_time(service: Scripted) -> None:
    service.will_answer(MES, MES)
    for listed in (service.dials.mes.list(), service.dials.mes.list_all()):
        assert type(listed) is list
        assert all(type(one) is MonitoringElement for one in listed)


def test_an_argument_that_find_does_not_take_is_explained(service: Scripted) -> None:
    find: Any = service.dials.mes.find
    with pytest.raises(TypeError, match=r"dials\.mes\.find takes no argument 'dims'. Did you mean dim="):
        find("x", dims=1)
    search: Any = service.dials.datasets.find
    with pytest.raises(TypeError, match=r"dials\.datasets\.find takes no argument 'eras'. Did you mean era="):
        search(eras="Run2024B")


# --- what was found


def test_it_is_a_sequence_and_a_table(service: Scripted) -> None:
    service.will_answer(MES)
    found = service.dials.mes.find("charge layer")
    assert (len(found), found[0], found[-1]) == (4, found.rows[0], found.rows[3])
    assert found[1:3].ids == found.ids[1:3]
    frame = found.to_pandas()
    assert [*frame.columns] == ["me_id", "me", "dim", "count"]
    assert frame["me"].tolist() == found.names
    text = repr(found).splitlines()
    assert re.fullmatch(r"4 of 4 monitoring elements, as listed on \d{4}-\d\d-\d\d \d\d:\d\d UTC", text[0])
    assert text[1].split() == ["me_id", "me", "dim", "count"]
    assert text[2].split() == ["1", f"{CHARGE}1", "1", "7"]


def test_nothing_found_is_an_empty_table_that_names_the_nearest(service: Scripted) -> None:
    service.will_answer(MES)
    found = service.dials.mes.find("charge layer 9")
    assert not found
    assert found.note.startswith(f"the nearest: '{CHARGE}1'")
    assert found.note in repr(found)
    empty, full = found.to_pandas(), service.dials.mes.find().to_pandas()
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_many_are_cut_where_they_are_shown() -> None:
    service = Scripted()
    service.will_answer([{"me_id": n, "me": f"me_{n}", "count": 1, "dim": 1} for n in range(1000)])
    found = service.dials.mes.find("me")
    assert len(repr(found).splitlines()) == 23
    assert repr(found).endswith("and 980 more")
    assert found._repr_html_().count("<tr>") == 21


def test_names_from_outside_are_shown_as_text(service: Scripted) -> None:
    service.will_answer([{"me_id": 1, "me": EVIL, "count": 1, "dim": 1}])
    found = service.dials.mes.find()
    shown = found._repr_html_()
    assert "<script>" not in shown
    assert html.escape("<script>") in shown
    for text in (shown, repr(found)):
        assert "\x1b" not in text
        assert "\\x1b[31m" in text
    assert found.names == [EVIL]


# --- datasets

PARTS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "all three": ({"era": "Run2024B", "primary": "ZeroBias", "reco": "PromptReco"}, [10]),
    "any case": ({"era": "run2024b", "primary": "zerobias", "reco": "promptreco"}, [10]),
    "a glob": ({"era": "Run2024?", "primary": "Zero*", "reco": "Prompt*"}, [10, 11]),
    "a set of characters": ({"era": "Run2024[CD]"}, [11]),
    "a list": ({"primary": ["JetMET1", "HI*"]}, [15, 13]),
    "a version": ({"version": 2}, [16]),
    "versions": ({"version": [2, 3], "primary": "*"}, [16, 12]),
    "a tier": ({"tier": "RAW"}, [14]),
    "a reco with underscores and hyphens": ({"reco": "*_v?"}, [17, 12]),
    "not the part of a part": ({"era": "Run2024"}, []),
    "words": ({"name": "zerobias 2024C"}, [11]),
    "a glob of the name": ({"name": "/ZeroBias/*/RAW"}, [14]),
    "a glob behind a slash": ({"name": "HIRun*"}, [15]),
    "an expression": ({"regex": r"^/\w+/Run2024B-P"}, [13, 10]),
    "of no form, by words": ({"name": "no form"}, [18]),
    "of no form, by an expression": ({"regex": "^of"}, [18]),
    "of no form has no parts": ({"tier": "*", "regex": "^of"}, []),
}


@pytest.mark.parametrize("name", PARTS)
def test_datasets_are_found_by_the_parts_of_their_names(service: Scripted, name: str) -> None:
    service.will_answer(of_index(DATASETS))
    asked, ids = PARTS[name]
    assert service.dials.datasets.find(**asked).ids == ids


def test_names_are_taken_apart() -> None:
    parts = [
        (one.primary, one.era, one.reco, one.version, one.tier) for one in map(Dataset.of, range(9), NAMES)
    ]
    assert parts == [
        ("ZeroBias", "Run2024B", "PromptReco", 1, "DQMIO"),
        ("ZeroBias", "Run2024C", "PromptReco", 1, "DQMIO"),
        ("ZeroBias", "Run2024B", "27Jun2024_v2", 3, "DQMIO"),
        ("JetMET1", "Run2024B", "PromptReco", 1, "DQMIO"),
        ("ZeroBias", "Run2024B", None, 1, "RAW"),
        ("HIForward", "HIRun2024A", "PromptReco", 1, "DQMIO"),
        ("StreamExpress", "Run2024B", "Express", 2, "DQMIO"),
        ("RelValTTbar_14TeV", "CMSSW_14_0_0", "140X_mcRun4-realistic_v1", 1, "DQMIO"),
        (None,) * 5,
    ]


@pytest.mark.parametrize(
    "name",
    ["", "/", "/A/B/C", "/A/B-C-v/D", "/A/B-C-v1", "A/B-C-v1/D", "/A/B-C-v1/D/E", "//B-C-v1/D", "/A/-v1/D"],
)
def test_a_name_of_another_form_has_no_parts(name: str) -> None:
    assert Dataset.of(1, name) == Dataset(1, name)


@pytest.mark.parametrize("wanted", [5, "", " ", ["Run2024B", None], b"Run2024B", None.__class__])
def test_a_part_that_is_not_text_is_refused(service: Scripted, wanted: Any) -> None:
    with pytest.raises(FilterError, match="era must be text"):
        service.dials.datasets.find(era=wanted)


@pytest.mark.parametrize("run", [[], range(5, 5), "x", 1.5, [1, None], {}])
def test_runs_that_are_none_are_refused(service: Scripted, run: Any) -> None:
    with pytest.raises(FilterError):
        service.dials.datasets.find(run=run)


def test_runs_lead_to_datasets(service: Scripted) -> None:
    rows = [run_row(n, dataset_id=of) for of, n in ((10, 4), (11, 3), (11, 5))]
    service.will_answer(of_index(rows), of_index(DATASETS), of_index(rows[1:2]), of_index([]))
    assert service.dials.datasets.find(run=[3, 5]).ids == [11]
    assert service.dials.datasets.find(run=np.int64(3)).ids == [11]
    assert not service.dials.datasets.find(run=7)
    bounds = [{k: v for k, v in one.items() if k.startswith("run")} for one in service.queries]
    assert bounds == [
        {"run_number__gte": "3", "run_number__lte": "5"},
        {},
        {"run_number": "3"},
        {"run_number": "7"},
    ]


def test_a_run_of_a_dataset_that_is_new_fetches_the_names_again(service: Scripted, folder: Path) -> None:
    service.will_answer(of_index(DATASETS[:1]))
    service.dials.datasets.refresh()
    older(folder, timedelta(hours=1))
    second = Scripted()
    second.will_answer(of_index([run_row(3, dataset_id=10), run_row(3, dataset_id=11)]), of_index(DATASETS))
    assert second.dials.datasets.find(run=3).ids == [10, 11]


# --- what a service says


@pytest.fixture(params=["now", "v1.12"])
def dials(request: pytest.FixtureRequest, sandbox_now: Sandbox, sandbox_v112: Sandbox) -> Iterator[Dials]:
    sandbox = sandbox_now if request.param == "now" else sandbox_v112
    with Dials(Credentials(token=sandbox.secret), "tracker", sandbox.url) as dials:
        yield dials


def test_a_service_of_either_generation_is_searched(dials: Dials) -> None:
    assert dials.mes.find("charge layer 2")[0].me == f"{CHARGE}2"
    assert dials.mes["EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +"].dim == 2
    assert dials.datasets.find(era="Run2024B", primary="ZeroBias", reco="PromptReco").ids == [14677060]
    assert dials.datasets.find(run=382921).ids == [14781977, 14781912]


def test_a_dataset_leads_to_its_runs(dials: Dials) -> None:
    (found,) = dials.datasets.find(era="Run2024B")
    for key in (found, found.dataset, found.dataset_id):
        runs = dials.datasets.runs(key)
        assert runs.complete
        assert runs[0].run_number == 367112
        assert runs[0].ls_count == 104
    with pytest.raises(
        UnknownNameError, match=r"there is no dataset '/ZeroBias/Run2024X.*The nearest: '/ZeroBias/"
    ):
        dials.datasets.runs("/ZeroBias/Run2024X-PromptReco-v1/DQMIO")


def test_lumisections_without_histograms_are_missing(dials: Dials) -> None:
    coverage = dials.datasets.completeness(14677060, run=[367112, 379058])
    assert [(one.run_number, one.expected, one.complete) for one in coverage.rows] == [
        (one.run_number, one.ls_count, True)
        for one in dials.datasets.runs(14677060)
        if one.run_number in (367112, 379058)
    ]
    assert coverage.complete


def test_completeness_counts_lumisections_with_any_histogram(service: Scripted) -> None:
    lumis = [
        {"dataset_id": 10, "run_number": run, "ls_number": ls, "th1_count": one, "th2_count": two}
        for run, ls, one, two in ((3, 1, 5, 0), (3, 2, 0, 0), (3, 3, 0, 1), (4, 1, 1, 1), (5, 1, 1, 1))
    ]
    runs = [run_row(3, dataset_id=10, ls_count=4), run_row(4, dataset_id=10, ls_count=1)]
    runs += [run_row(5, dataset_id=10, ls_count=1), run_row(6, dataset_id=10, ls_count=2)]
    service.will_answer(of_index(DATASETS), of_index(runs), of_index(lumis))
    coverage = service.dials.datasets.completeness(10, run=[3, 4, 6])
    assert [(one.run_number, one.expected, one.retrieved, one.missing) for one in coverage.rows] == [
        (3, 3, 2, [(2, 2)]),
        (4, 1, 1, []),
        (6, 0, 0, []),
    ]
    assert coverage.notes == (
        "note: run 3 has 4 lumisections by the list of runs, and 3 are listed",
        "note: run 6 has 2 lumisections by the list of runs, and 0 are listed",
    )
    assert not coverage.complete
