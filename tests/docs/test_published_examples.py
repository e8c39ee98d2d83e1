"""What the documentation of cmsdials 1.8 shows, without an interactive login: it runs, and gives the rows it promises.

Each test is one block of that documentation in our own words, on both generations of the service. What it
documented and never worked (`list_all()` without filters, the ML resources as functions) works here.
"""

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import AuthenticationError
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MLBadLumisectionFilters,
    MLModelsIndexFilters,
    RunFilters,
)
from cmsdials_sandbox import Sandbox
from urllib3.util import Retry

CHARGE = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2"
MAPS: dict[str, Any] = {"me__regex": "PXBarrel", "ls_number": 78, "entries__gte": 100}
JETS: dict[str, Any] = {
    "model_id__in": [20, 19],
    "dataset_id__in": [15042670],
    "run_number__in": [385801, 385799, 385764],
}
EVERYWHERE = ["dataset_index", "file_index", "run", "lumi", "h1d", "h2d"]
LEARNED = ["ml_models_index", "ml_bad_lumis", "ml_bad_lumisection"]
TABLES = {"dataset_index": "dataset", "file_index": "file", "run": "run", "lumi": "lumisection"}


@pytest.fixture(params=["now", "v1.12"])
def local(request: pytest.FixtureRequest) -> Sandbox:
    """A local DIALS of one generation, then of the other."""
    name = {"now": "sandbox_now", "v1.12": "sandbox_v112"}[request.param]
    running: Sandbox = request.getfixturevalue(name)
    return running


@pytest.fixture
def creds(local: Sandbox) -> Credentials:
    return Credentials(token=local.secret)


@pytest.fixture
def dials(local: Sandbox, creds: Credentials) -> Iterator[Dials]:
    with Dials(creds, base_url=local.url) as client:
        yield client


@pytest.fixture
def jetmet(local: Sandbox, creds: Credentials) -> Iterator[Dials]:
    with Dials(creds, workspace="jetmet", base_url=local.url) as client:
        yield client


def _counted(local: Sandbox, table: str, workspace: str = "tracker") -> int:
    uri = f"{local.databases[workspace].as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        (count,) = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    return int(count)


def _keys(rows: Any) -> list[tuple[int, ...]]:
    return [(row.dataset_id, row.run_number, row.ls_number, row.me_id) for row in rows]


# --- get ----------------------------------------------------------------------------------------------------


def test_get_dataset_and_file(dials: Dials) -> None:
    dataset = dials.dataset_index.get(dataset_id=14677060)
    assert dataset.dataset == "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"
    file = dials.file_index.get(dataset_id=14677060, file_id=3393809397)
    assert (file.dataset_id, file.file_id, file.status) == (14677060, 3393809397, "FINISHED")


def test_get_run_and_lumisection(dials: Dials) -> None:
    run = dials.run.get(dataset_id=14677060, run_number=367112)
    assert (run.run_number, run.ls_count) == (367112, 104)
    lumi = dials.lumi.get(dataset_id=14677060, run_number=367112, ls_number=10)
    assert (lumi.ls_number, lumi.th1_count, lumi.th2_count) == (10, 32, 13)


@pytest.mark.parametrize("me_id", [1, 96])
def test_get_histogram(dials: Dials, me_id: int) -> None:
    histogram = dials.h1d.get(dataset_id=14677060, run_number=367112, ls_number=10, me_id=me_id)
    assert _keys([histogram]) == [(14677060, 367112, 10, me_id)]
    assert len(histogram.data) == histogram.x_bin
    assert type(histogram.x_bin) is int


@pytest.mark.parametrize("me_id", [100, 133])
def test_get_2d_histogram(dials: Dials, me_id: int) -> None:
    histogram = dials.h2d.get(dataset_id=14677060, run_number=367112, ls_number=10, me_id=me_id)
    assert np.array(histogram.data).shape == (histogram.y_bin, histogram.x_bin)


def test_get_model_and_verdict(jetmet: Dials) -> None:
    model = jetmet.ml_models_index(model_id=1)
    assert model == jetmet.ml_models_index.get(model_id=1)
    assert model.dict().get("id", model.dict().get("model_id")) == 1
    key = {"model_id": 19, "dataset_id": 15102369, "run_number": 386951, "ls_number": 36}
    verdict = jetmet.ml_bad_lumisection(**key)
    assert verdict == jetmet.ml_bad_lumis.get(**key)
    assert verdict.dict().items() >= key.items()


# --- list and list_all --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERYWHERE + LEARNED)
def test_list(dials: Dials, jetmet: Dials, name: str) -> None:
    page = getattr(jetmet if name in LEARNED else dials, name).list()
    assert 1 <= len(page.results) <= 10
    assert (page.next is None) == (len(page.results) < 10)


@pytest.mark.parametrize("name", TABLES)
def test_list_all_without_filters(local: Sandbox, dials: Dials, name: str) -> None:
    everything = getattr(dials, name).list_all()
    assert len(everything.results) == _counted(local, TABLES[name])
    assert everything.next is None


@pytest.mark.parametrize("name", ["h1d", "h2d"])
def test_list_all_histograms_without_filters(dials: Dials, name: str) -> None:
    some = getattr(dials, name).list_all(max_pages=3)
    assert len(some.results) == 30
    assert some.next is not None


def test_list_all_of_every_histogram(sandbox_now: Sandbox) -> None:
    """The whole table, once; only the key, to be quick."""
    fields = ["dataset_id", "run_number", "ls_number", "me_id"]
    with Dials(Credentials(token=sandbox_now.secret), base_url=sandbox_now.url) as dials:
        keys = _keys(dials.h2d.list_all(fields=fields))
    assert len(keys) == _counted(sandbox_now, "th2")
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("name", LEARNED)
def test_list_all_models_and_verdicts_without_filters(jetmet: Dials, name: str) -> None:
    everything = getattr(jetmet, name).list_all()
    assert len(everything.results) == (3 if name == "ml_models_index" else 60)


def test_five_pages_are_fifty_rows(dials: Dials) -> None:
    assert len(dials.run.list_all(RunFilters(), max_pages=5).results) == 50
    charge = dials.h1d.list_all(LumisectionHistogram1DFilters(me=CHARGE), max_pages=5)
    assert len(charge.results) == 50
    assert {row.me for row in charge} == {CHARGE}


# --- filters ------------------------------------------------------------------------------------------------


def test_filter_datasets_by_page_size(dials: Dials) -> None:
    datasets = dials.dataset_index.list_all(DatasetIndexFilters(page_size=500))
    assert 14677060 in [row.dataset_id for row in datasets]


def test_filter_files_by_regex(dials: Dials) -> None:
    files = dials.file_index.list(FileIndexFilters(dataset__regex="2024B"))
    assert len(files.results) == 10
    assert all("2024B" in row.dataset for row in files)


def test_filter_histograms_by_me(dials: Dials) -> None:
    page = dials.h1d.list(LumisectionHistogram1DFilters(me=CHARGE))
    assert [row.me for row in page] == [CHARGE] * 10


def test_filter_maps(dials: Dials) -> None:
    filters = LumisectionHistogram2DFilters(**MAPS)
    assert len(dials.h2d.list_all(filters, max_pages=5).results) == 50
    maps = dials.h2d.list_all(filters, fields=["me", "run_number", "ls_number", "entries"])
    assert len(maps.results) > 200
    assert len({row.run_number for row in maps}) > 3
    assert all("PXBarrel" in row.me and row.ls_number == 78 and row.entries >= 100 for row in maps)


def test_filter_lumisections_by_run(dials: Dials) -> None:
    lumis = dials.lumi.list_all(LumisectionFilters(run_number=360392), max_pages=5)
    assert [row.ls_number for row in lumis] == list(range(1, 27))


def test_filter_runs_by_range(dials: Dials) -> None:
    runs = dials.run.list_all(RunFilters(run_number__gte=360392, run_number__lte=365000), max_pages=5)
    numbers = [row.run_number for row in runs]
    assert len(numbers) == 20
    assert (min(numbers), max(numbers)) == (360392, 362000)


def test_filter_models_and_verdicts(jetmet: Dials) -> None:
    models = jetmet.ml_models_index.list_all(MLModelsIndexFilters(active=True))
    assert [row.active for row in models] == [True, True]
    bad = jetmet.ml_bad_lumis.list_all(MLBadLumisectionFilters(page_size=500, **JETS))
    assert {row.model_id for row in bad} == {19, 20}
    assert {row.run_number for row in bad} == {385764, 385799, 385801}
    assert {row.dataset_id for row in bad} == {15042670}


# --- monitoring elements, DataFrames, progress, retries -----------------------------------------------------


def test_monitoring_elements(dials: Dials) -> None:
    mes = dials.mes.list()
    assert isinstance(mes, list)
    assert len(mes) == 45
    assert dials.mes.get(id=1).me == "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1"


def test_to_pandas(dials: Dials) -> None:
    frame = dials.h1d.list_all(LumisectionHistogram1DFilters(me=CHARGE), max_pages=5).to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == list(range(50))
    assert list(frame.columns) == [
        *("dataset", "me", "dataset_id", "file_id", "run_number", "ls_number", "me_id"),
        *("x_min", "x_max", "x_bin", "entries", "data"),
    ]
    assert np.array(frame["data"].tolist()).shape == (50, 200)


def test_progress_bar(dials: Dials, capsys: pytest.CaptureFixture[str]) -> None:
    filters = LumisectionHistogram2DFilters(**MAPS)
    pages = dials.h2d.list_all(filters, max_pages=5, enable_progress=True)
    assert len(pages.results) == 50
    assert "5/5" in capsys.readouterr().err


def test_retries(dials: Dials) -> None:
    one = dials.h1d.get(
        dataset_id=14677060,
        run_number=367112,
        ls_number=10,
        me_id=1,
        retries=Retry(total=3, backoff_factor=0.1),
    )
    assert one.me_id == 1
    assert len(dials.h1d.list(retries=Retry(total=3, backoff_factor=0.1)).results) == 10
    retries = Retry(total=5, backoff_factor=0.1)
    assert (
        len(dials.h1d.list_all(LumisectionHistogram1DFilters(), max_pages=5, retries=retries).results) == 50
    )
    assert retries.history == ()


# --- resuming -----------------------------------------------------------------------------------------------


class Revoked(Credentials):
    """A secret that the service takes a number of times, and then no more."""

    def __init__(self, token: str, times: int) -> None:
        super().__init__(token=token)
        self.left = times

    def before_request(self, headers: dict[str, str]) -> None:
        self.left -= 1
        super().before_request(headers)
        if self.left < 0:
            headers["X-CLIENT-SECRET"] = "revoked"


def test_resume_from_a_failed_result(local: Sandbox, dials: Dials) -> None:
    filters = LumisectionHistogram2DFilters(**MAPS, page_size=10)
    failing = Dials(Revoked(local.secret, times=10), "tracker", local.url)
    with failing, pytest.warns(RuntimeWarning, match="100 rows of h2d: stopped by AuthenticationError"):
        failed = failing.h2d.list_all(filters, keep_failed=True)
    assert len(failed.results) == 100
    assert failed.exc_type == AuthenticationError.__name__
    assert "403" in (failed.exc_formatted or "")

    before = copy.copy(failed.results)
    whole = dials.h2d.list_all(filters, keep_failed=True, resume_from=failed)
    assert failed.results == before
    assert whole.exc_type is None
    assert _keys(whole) == _keys(dials.h2d.list_all(filters))


def test_resume_from_a_partial_result(dials: Dials) -> None:
    filters = LumisectionHistogram2DFilters(**MAPS)
    first = dials.h2d.list_all(filters, max_pages=10, keep_failed=True)
    assert len(first.results) == 100
    second = dials.h2d.list_all(filters, max_pages=10, keep_failed=True, resume_from=first)
    assert (len(first.results), len(second.results)) == (100, 200)
    assert len(set(_keys(second))) == 200
    third = dials.h2d.list_all(filters, resume_from=second)
    assert third.next is None
    with pytest.warns(RuntimeWarning, match="nothing left to fetch"):
        assert len(dials.h2d.list_all(filters, resume_from=third).results) == len(third.results)


# --- certification ------------------------------------------------------------------------------------------


def test_certification_json(jetmet: Dials) -> None:
    bad = jetmet.ml_bad_lumis.list_all(MLBadLumisectionFilters(**JETS))
    verdicts = jetmet.ml_bad_lumis.cert_json(**JETS)
    listed = {(str(row.run_number), str(row.ls_number), row.model_id) for row in bad}
    certified = {
        (run, ls, verdict["model_id"])
        for run, lumisections in verdicts.items()
        for ls, of_models in lumisections.items()
        for verdict in of_models
    }
    assert certified == listed


def test_golden_json(jetmet: Dials) -> None:
    bad = jetmet.ml_bad_lumis.list_all(MLBadLumisectionFilters(**JETS))
    golden = jetmet.ml_bad_lumis.golden_json(**JETS)
    assert set(golden) == {"385764", "385799", "385801"}
    for run, ranges in golden.items():
        good = {ls for first, last in ranges for ls in range(first, last + 1)}
        flagged = {row.ls_number for row in bad if row.run_number == int(run)}
        assert good
        assert not good & flagged


# --- a local DIALS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("me__regex", "sides"),
    [("EEOT digi occupancy EE +", {"EE +", "EE -"}), (r"EEOT digi occupancy EE \+", {"EE +"})],
)
def test_local_dials(local: Sandbox, creds: Credentials, me__regex: str, sides: set[str]) -> None:
    filters = LumisectionHistogram2DFilters(
        me__regex=me__regex, entries__gte=100, run_number__gte=360392, run_number__lte=365000
    )
    with Dials(creds, base_url=local.url) as dials:
        assert len(dials.h2d.list_all(filters, max_pages=5).results) == 50
        everything = dials.h2d.list_all(filters, fields=["me", "run_number", "entries"])
    assert {row.me[-4:] for row in everything} == sides
    assert {360392, 362000} <= {row.run_number for row in everything}
    assert min(row.entries for row in everything) >= 100
