"""The public API as a type checker sees it. Never run: mypy reads it, in strict mode (see `test_public_api.py`).

A line that must be refused carries the ignore of its error. An ignore that is not needed is an error in strict
mode, so both halves are held: what is right is let through, and what is wrong is caught.
"""

from collections.abc import Mapping
from typing import Any, assert_type

import hist
import numpy as np
import pandas as pd
import polars as pl
from cmsdials import Dials, LumiMask, errors, join, load
from cmsdials.arrays import compare, crop, moments, normalise, rebin, sum_lumis
from cmsdials.auth.exceptions import ImpossibleToRefreshTokenError
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MEFilters,
    MLBadLumisectionFilters,
    MLModelsIndexFilters,
    OMSFilter,
    OMSPage,
    RunFilters,
)
from cmsdials.models import (
    CertificationFile,
    Dataset,
    DatasetIndex,
    FileIndex,
    Lumisection,
    LumisectionHistogram1D,
    LumisectionHistogram2D,
    MLBadLumisection,
    MLModelsIndex,
    MonitoringElement,
    Run,
    RunMonitoringElement,
)
from cmsdials.result import Page, Pages, Result, Rows
from urllib3.util import Retry


class OwnCredentials:
    """Credentials that a script brings along."""

    def before_request(self, headers: dict[str, str]) -> None:
        headers["X-CLIENT-SECRET"] = "sandbox"


def constructing() -> Dials:
    creds = Credentials(token="sandbox")
    Dials(creds)
    Dials(creds, "tracker", "http://localhost:8000/", "api/", "v1/")
    Dials(OwnCredentials(), base_url="http://localhost:8000/", timeout=(3, 30))
    with Dials(creds, workspace="jetmet", timeout=None) as dials:
        assert_type(dials, Dials)
    return dials


def rows(dials: Dials) -> None:
    assert_type(dials.dataset_index.get(dataset_id=14677060), DatasetIndex)
    assert_type(dials.file_index.get(dataset_id=14677060, file_id=3393809397), FileIndex)
    assert_type(dials.run.get(14677060, 367112, retries=3), Run)
    assert_type(dials.lumi.get(dataset_id=14677060, run_number=367112, ls_number=10), Lumisection)
    key = (14677060, 367112, 10, 1)
    assert_type(dials.h1d.get(*key, retries=Retry(total=3)), LumisectionHistogram1D)
    assert_type(dials.h2d.get(*key), LumisectionHistogram2D)
    assert_type(dials.mes.get(id=1), MonitoringElement)
    assert_type(dials.ml_models_index.get(model_id=1), MLModelsIndex)
    assert_type(dials.ml_models_index(model_id=1), MLModelsIndex)
    verdict = dials.ml_bad_lumisection(model_id=19, dataset_id=15102369, run_number=386951, ls_number=36)
    assert_type(verdict, MLBadLumisection)
    assert_type(dials.ml_bad_lumis.get(19, 15102369, 386951, 36, 5), MLBadLumisection)


def choosing(dials: Dials) -> None:
    found = dials.mes.find("charge layer 2", dim=1)
    assert_type(found[0], MonitoringElement)
    assert_type(found.ids, list[int])
    assert_type(found.to_pandas(), pd.DataFrame)
    assert_type(dials.mes["PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2"], MonitoringElement)
    for dataset in dials.datasets.find(era=["Run2024B", "Run2024C"], version=1, run=range(379058, 379100)):
        assert_type(dataset, Dataset)
        assert_type(dials.datasets.runs(dataset), Result[Run])
    selection = dials.histograms(
        found, run=[367112], dataset="/ZeroBias/*", ls=3, good=LumiMask("golden.json")
    )
    assert_type(selection.list_all(), Result[Any])
    assert_type(selection.rows, int)
    dials.mes.find(words="charge")  # type: ignore[call-arg]
    dials.histograms("charge", runs=3)  # type: ignore[call-arg]


def fields(histogram: LumisectionHistogram2D, run: Run) -> None:
    assert_type(run.run_number, int)
    bins: float = histogram.x_bin
    assert_type(bins, float)
    assert_type(histogram.x_min, float)
    assert_type(histogram.data, list[list[float]])
    assert_type(histogram.dict(), dict[str, Any])
    assert_type(histogram.edges, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]])
    assert_type(histogram.to_hist(), hist.Hist[Any])
    assert_type(histogram.model_dump(exclude={"data"}), dict[str, Any])
    assert_type(run.copy(update={"ls_count": 1}), Run)
    assert_type(Run.model_fields["ls_count"].is_required(), bool)
    assert_type(RunFilters(run_number=1).model_copy(), RunFilters)


def lists(dials: Dials) -> None:
    page = dials.run.list(RunFilters(page_size=500), retries=Retry(total=3))
    assert_type(page, Result[Run])
    assert_type(page.results, list[Run])
    assert_type(page.next, str | None)
    assert_type(page[0], Run)
    assert_type(page[:2], list[Run])
    assert_type([row.ls_count for row in page], list[int])
    assert_type(page.to_pandas(), pd.DataFrame)

    assert_type(dials.dataset_index.list_all(DatasetIndexFilters(page_size=500)), Result[DatasetIndex])
    assert_type(dials.file_index.list(FileIndexFilters(dataset__regex="2024B")), Result[FileIndex])
    assert_type(dials.lumi.list_all(LumisectionFilters(run_number=1), max_pages=5), Result[Lumisection])
    h1d = dials.h1d.list_all(LumisectionHistogram1DFilters(me="a"), enable_progress=True)
    assert_type(h1d, Result[LumisectionHistogram1D])
    h2d = dials.h2d.list_all(LumisectionHistogram2DFilters(me__regex="b"), keep_failed=True)
    again = dials.h2d.list_all(resume_from=h2d, fields=["run_number", "entries"])
    assert_type(again, Result[LumisectionHistogram2D])
    dials.h2d.list_all(LumisectionHistogram1DFilters(me="a"))  # either kind of filter will do
    assert_type(dials.lumi.list_all(good=LumiMask("good.json")), Result[Lumisection])
    dials.h1d.list_all(good={"367112": [[1, 5]]})
    dials.h1d.list_all(good=367112)  # type: ignore[arg-type]  # a mask has lumisections
    models = dials.ml_models_index.list_all(MLModelsIndexFilters(active=True))
    assert_type(models, Result[MLModelsIndex])
    filters = MLBadLumisectionFilters(model_id__in=[20, 19], dataset_id__in=(15042670,))
    assert_type(dials.ml_bad_lumis.list_all(filters), Result[MLBadLumisection])


def arrays(dials: Dials, one: LumisectionHistogram1D) -> None:
    h2d = dials.h2d.list_all(LumisectionHistogram2DFilters(me_id=100, order_by="-entries"))
    assert_type(h2d.to_numpy(), dict[str, np.ndarray[Any, Any]])
    assert_type(h2d.to_numpy(group_by="me"), Mapping[Any, dict[str, np.ndarray[Any, Any]]])
    assert_type(h2d.to_numpy(align=True), Mapping[Any, dict[str, np.ndarray[Any, Any]]])
    by_run = h2d.to_numpy(group_by=("run_number", "me_id"), align=True)
    assert_type([group["data"] for group in by_run.values()], list[np.ndarray[Any, Any]])
    assert_type(h2d.to_polars(), pl.DataFrame)
    assert_type(h2d.to_hist(), list[hist.Hist[Any]])
    h2d.to_arrow()  # pyarrow has no types
    assert_type(one.edges, np.ndarray[Any, Any])
    assert_type(one.to_hist(), hist.Hist[Any])

    assert_type(dials.run.to_pandas(RunFilters(run_number=1), fields=["ls_count"]), pd.DataFrame)
    assert_type(dials.h1d.to_polars(concurrency=3), pl.DataFrame)
    dials.h1d.to_numpy(group_by="me", align=True, concurrency=3, retries=2)
    h2d.join(dials.oms.list_all("lumisections", runs=h2d, fields=["run_number", "pileup"]), suffix="_oms")
    join(h2d.to_pandas(), "lumi.csv", on={"run_number": "run", "ls_number": ("first", "last")})
    sum_lumis(crop(rebin(h2d.to_numpy(), x=2, y=2), x=(0, None)), 5, incomplete="keep")
    compare(h2d.to_numpy(align=True), h2d.to_numpy(align=True), "pull")
    assert_type(moments(normalise(h2d.to_numpy()), "y", effective_entries=5), Any)
    dials.lumi.to_arrow(enable_progress=False)


def masks(dials: Dials) -> None:
    mask = LumiMask(dials.caf.get("Collisions24"))
    assert_type(mask & LumiMask("good.json") | mask - LumiMask({1: [[2, 3]]}), LumiMask)
    assert_type(mask(1, 2), bool)
    assert_type(mask([1], [2]), np.ndarray[Any, np.dtype[np.bool_]])
    assert_type(mask(pd.Series([1]), 2), np.ndarray[Any, np.dtype[np.bool_]])
    assert_type(mask.select(dials.h1d.list_all()), Result[LumisectionHistogram1D])
    assert_type(mask.select(pd.DataFrame()), pd.DataFrame)
    assert_type(mask.filters(RunFilters()), list[RunFilters])
    assert_type(mask.ranges, dict[int, list[tuple[int, int]]])
    LumiMask([(1, 2)])  # type: ignore[arg-type]
    _ = mask & {(1, 2)}  # type: ignore[operator]


def streaming(dials: Dials) -> None:
    with dials.h1d.pages(LumisectionHistogram1DFilters(me_id=1), concurrency=3) as pages:
        assert_type(pages, Pages[LumisectionHistogram1D])
        for page in pages:
            assert_type(page, Page[LumisectionHistogram1D])
            assert_type(page.rows, list[LumisectionHistogram1D])
            assert_type(page.to_numpy(), dict[str, np.ndarray[Any, Any]])
    assert_type(dials.h1d.iterate(), Rows[LumisectionHistogram1D])
    assert_type([row.entries for row in dials.h1d.iterate(max_pages=2)], list[int])
    assert_type(load("a.dials"), Result[Any])
    earlier = dials.run.list_all(None, 5, True, 3, True)
    assert_type(dials.run.list_all(None, None, False, None, False, earlier), Result[Run])
    assert_type(dials.run.list_all(checkpoint="a", resume_from="a", concurrency=3), Result[Run])


def the_rest(dials: Dials) -> None:
    assert_type(dials.mes.list(MEFilters(dim=2)), list[MonitoringElement])
    assert_type(dials.mes.list_run(14677060, 367112), list[RunMonitoringElement])
    assert_type(dials.run.count(), int)
    assert_type(dials.lumi.count(LumisectionFilters(run_number=1)), int)
    assert_type(dials.file_index.count(), int)
    chosen = ([20, 19], [15042670], [385801])
    assert_type(dials.ml_bad_lumis.cert_json(*chosen), dict[str, Any])
    assert_type(dials.ml_bad_lumis.golden_json(*chosen), dict[str, Any])
    condition = OMSFilter(attribute_name="run_number", value=382921, operator="EQ")
    conditions = [condition]
    pages = [OMSPage(attribute_name="limit", value=100)]
    assert_type(dials.oms.query(endpoint="runs", filters=conditions, pages=pages), dict[str, Any])
    assert_type(dials.oms.list_all("runs", conditions).to_pandas(), pd.DataFrame)
    assert_type(dials.oms.query("runs", condition), dict[str, Any])
    assert_type(RunFilters(run_number=1).dict(), dict[str, Any])
    assert_type(dials.caf.get("Collisions24", kind="dcs"), CertificationFile)
    assert_type(dials.runregistry.editable_datasets("Collisions24", "/a/b/DQM", "OPEN"), list[int])
    assert_type(dials.brilws.brilcalc_lumi(runnumber=382921), dict[str, Any])
    dials.workspaces.list()
    dials.workspaces.default()


def failures(dials: Dials) -> None:
    try:
        dials.run.list()
    except errors.UnknownFilterError as error:
        assert_type(error.nearest, str | None)
    except errors.GatewayError as error:
        assert_type(error.status_code, int)
    except ImpossibleToRefreshTokenError as error:
        assert_type(error.advice, str)


def mistakes(dials: Dials) -> None:
    """Each line is wrong, and a type checker says so before anything is sent."""
    RunFilters(run_numer=367112)  # type: ignore[call-arg]
    LumisectionHistogram1DFilters(ls_number_gte=1)  # type: ignore[call-arg]
    LumisectionFilters(ls_number="ten")  # type: ignore[arg-type]
    RunFilters(dataset_id__in=14677060)  # type: ignore[arg-type]
    dials.run.list_all({"run_number": 367112})  # type: ignore[arg-type]
    dials.run.get(14677060)  # type: ignore[call-arg]
    dials.run.get(dataset_id=14677060, run=367112)  # type: ignore[call-arg]
    dials.h1d.count()  # type: ignore[attr-defined]
    dials.runs  # type: ignore[attr-defined]  # noqa: B018  # a line of its own
    dials.run.list_all(run_number=367112)  # type: ignore[call-arg]
    dials.mes.list(me__regex="PX")  # type: ignore[call-arg]
    dials.h1d.list_all(None, None, None, None, False, None, "file")  # type: ignore[call-arg]
    dials.h1d.list_all(concurrency="3")  # type: ignore[arg-type]
    dials.dataset_index.list_all(None, "5")  # type: ignore[arg-type]
    dials.caf.get("Collisions24", kind="silver")  # type: ignore[arg-type]
    OMSFilter(attribute_name="run_number", value=1, operator="IS")  # type: ignore[arg-type]
    print(Credentials("sandbox").tokn)  # type: ignore[attr-defined]
