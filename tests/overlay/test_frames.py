"""Data frames: their columns and types are a file format for other tools."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cmsdials import Dials
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
)
from cmsdials.origin import Origin
from cmsdials.resource import PaginatedResource
from cmsdials.result import Result
from cmsdials_api.resources import RESOURCES

TH1_COLUMNS = [
    "dataset", "me", "dataset_id", "file_id", "run_number", "ls_number", "me_id", "x_min", "x_max", "x_bin",
    "entries", "data",
]  # fmt: skip


def made(rows: list[Any], record: Any) -> Result[Any]:
    origin = Origin(resource="run", base_url="http://dials.test/", workspace=None, query={})
    return Result(results=rows, record=record, origin=origin)


@pytest.fixture(scope="module")
def charge(now: Dials) -> pd.DataFrame:
    return now.h1d.list_all(
        LumisectionHistogram1DFilters(dataset_id=14677060, run_number=367112, me_id=2)
    ).to_pandas()


@pytest.fixture(scope="module")
def occupancy(now: Dials) -> pd.DataFrame:
    filters = LumisectionHistogram2DFilters(dataset_id=14677060, run_number=367112, me_id=100)
    return now.h2d.list_all(filters).to_pandas()


def test_columns_index_and_types_of_histograms(charge: pd.DataFrame) -> None:
    assert list(charge.columns) == TH1_COLUMNS
    assert charge.index.equals(pd.RangeIndex(len(charge)))
    kinds = {name: charge[name].dtype.kind for name in charge.columns}
    assert kinds["x_min"] == kinds["x_max"] == "f"
    assert all(kinds[name] == "i" for name in ("dataset_id", "file_id", "run_number", "x_bin", "entries"))


def test_cells_are_lists_of_numbers(charge: pd.DataFrame, occupancy: pd.DataFrame) -> None:
    assert len(charge["data"][0]) == charge["x_bin"][0] == 200
    assert np.array(charge["data"].tolist()).shape == (len(charge), 200)
    shape = (len(occupancy), occupancy["y_bin"][0], occupancy["x_bin"][0])
    assert np.array(occupancy["data"].tolist()).shape == shape


def test_frames_go_to_parquet_and_back(charge: pd.DataFrame, occupancy: pd.DataFrame, tmp_path: Path) -> None:
    for name, frame in (("1d", charge), ("2d", occupancy)):
        frame.to_parquet(tmp_path / name)
        back = pd.read_parquet(tmp_path / name)
        assert list(back.columns) == list(frame.columns)
        for column in frame.columns.drop("data"):
            assert back[column].equals(frame[column])
        for cell, kept in zip(back["data"], frame["data"], strict=True):
            assert np.array_equal(np.stack(list(cell)), np.array(kept))


def test_dates_are_times_with_a_zone(now: Dials) -> None:
    dates = now.dataset_index.list(DatasetIndexFilters(page_size=3)).to_pandas()["last_modification_date"]
    assert str(dates.dtype) == "datetime64[us, UTC]"
    assert now.dataset_index.get(14677060).last_modification_date.utcoffset() is not None


def test_null_and_text_in_a_column(now: Dials) -> None:
    files = now.file_index.list_all(FileIndexFilters()).to_pandas()
    assert files["err_trace"].isna().any()
    assert files["err_trace"].notna().any()
    assert (files.loc[files["status"] == "FINISHED", "err_trace"].isna()).all()


@pytest.mark.parametrize("name", [name for name, table in RESOURCES.items() if table.paginated])
def test_a_frame_of_nothing_has_the_columns_and_types_of_a_full_one(now: Dials, name: str) -> None:
    resource: PaginatedResource = getattr(now, name)  # type: ignore[type-arg]
    record = RESOURCES[name].record
    empty = made([], record).to_pandas()
    assert list(empty.columns) == [field.name for field in record.FIELDS]
    assert len(empty) == 0
    full = resource.list().to_pandas()
    for column in full.columns:
        if not full[column].isna().any():
            assert empty[column].dtype == full[column].dtype, column


def test_a_frame_of_nothing_has_the_fields_that_were_asked_for(now: Dials) -> None:
    filters = LumisectionHistogram1DFilters(dataset_id=1, fields=["ls_number", "run_number"])
    assert list(now.h1d.list(filters).to_pandas().columns) == ["run_number", "ls_number"]


def test_columns_do_not_depend_on_the_first_row() -> None:
    from cmsdials.models import Run

    rows = [
        Run.from_dict({"dataset_id": 1, "dataset": "/Z", "run_number": 1, "ls_count": 2}),
        Run.from_dict(
            {"dataset_id": 1, "dataset": "/Z", "run_number": 2, "ls_count": 2, "ls_completeness": 0.5}
        ),
    ]
    frame = made(rows, Run).to_pandas()
    assert list(frame.columns) == ["dataset_id", "dataset", "run_number", "ls_count", "ls_completeness"]
    assert np.isnan(frame["ls_completeness"][0])
