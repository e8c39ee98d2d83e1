"""Data frames: their columns and types are a file format for other tools."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from cmsdials import Dials
from cmsdials.errors import BinningError, ConfigurationError, FilterError
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
)
from cmsdials.models import (
    DatasetIndex,
    FileIndex,
    LumisectionHistogram1D,
    LumisectionHistogram2D,
    MLModelsIndex,
    Run,
)
from cmsdials.result import load
from cmsdials_api.resources import RESOURCES

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1, th2
from tests.overlay.table.listings import listed, made_of

TH1_COLUMNS = [
    "dataset", "me", "dataset_id", "file_id", "run_number", "ls_number", "me_id", "x_min", "x_max", "x_bin",
    "entries", "data",
]  # fmt: skip


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


def test_cells_are_arrays_of_numbers(charge: pd.DataFrame, occupancy: pd.DataFrame) -> None:
    cell = charge["data"][0]
    assert (cell.dtype, len(cell), charge["x_bin"][0]) == (np.float64, 200, 200)
    assert np.array(charge["data"].tolist()).shape == (len(charge), 200)
    shape = (len(occupancy), occupancy["y_bin"][0], occupancy["x_bin"][0])
    assert np.array(occupancy["data"].tolist()).shape == shape
    assert isinstance(occupancy["data"][0], list)
    assert {row.dtype for row in occupancy["data"][0]} == {np.dtype(np.float64)}


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
    resource: Any = getattr(now, name)
    record = RESOURCES[name].record
    scripted = Scripted()
    scripted.will_page([], 1)
    empty = getattr(scripted.dials, name).list_all(enable_progress=False).to_pandas()
    assert list(empty.columns) == [field.name for field in record.FIELDS]
    assert len(empty) == 0
    full = resource.list().to_pandas()
    for column in full.columns:
        if not full[column].isna().any():
            assert empty[column].dtype == full[column].dtype, column


def test_a_frame_of_nothing_has_the_fields_that_were_asked_for(now: Dials) -> None:
    filters = LumisectionHistogram1DFilters(run_number=1, fields=["ls_number", "run_number"])
    assert list(now.h1d.list(filters).to_pandas().columns) == ["run_number", "ls_number"]


def test_columns_do_not_depend_on_the_first_row() -> None:
    rows = [
        Run.from_dict({"dataset_id": 1, "dataset": "/Z", "run_number": 1, "ls_count": 2}),
        Run.from_dict(
            {"dataset_id": 1, "dataset": "/Z", "run_number": 2, "ls_count": 2, "ls_completeness": 0.5}
        ),
    ]
    frame = made_of(rows, Run).to_pandas()
    assert list(frame.columns) == ["dataset_id", "dataset", "run_number", "ls_count", "ls_completeness"]
    assert np.isnan(frame["ls_completeness"][0])


# --- rows that no service is needed for


ONE = [th1(n) for n in range(1, 6)]
MAPS = [th2(n) for n in range(1, 6)]
BOTH = pytest.mark.parametrize(
    ("rows", "record"), [(ONE, LumisectionHistogram1D), (MAPS, LumisectionHistogram2D)], ids=["1d", "2d"]
)


@BOTH
def test_every_conversion_holds_what_was_sent(rows: list[Any], record: Any) -> None:
    result = listed(*rows, record=record)
    frame, table = result.to_pandas(), result.to_arrow()
    arrays, polars = result.to_numpy(), result.to_polars()
    names = [field.name for field in record.FIELDS]
    assert list(frame) == table.column_names == list(arrays) == polars.columns == names
    for name in names[:-1]:
        sent = [row[name] for row in rows]
        for column in (frame[name], table[name].to_pylist(), arrays[name], polars[name]):
            assert list(column) == sent
    contents = np.array([row["data"] for row in rows])
    assert np.array_equal(arrays["data"], contents)
    assert arrays["data"].dtype == np.float64
    assert np.array_equal(np.array(frame["data"].tolist()), contents)
    assert table["data"].to_pylist() == polars["data"].to_list() == contents.tolist()


@BOTH
def test_every_conversion_is_the_same_after_rows_were_looked_at(rows: list[Any], record: Any) -> None:
    fresh, read = (listed(*rows, record=record) for _ in range(2))
    assert all(row.data for row in read.results)
    assert read.to_arrow().equals(fresh.to_arrow())
    assert read.to_pandas()["data"].map(np.shape).equals(fresh.to_pandas()["data"].map(np.shape))
    assert np.array_equal(read.to_numpy()["data"], fresh.to_numpy()["data"])


@BOTH
def test_parquet_comes_back_equal(rows: list[Any], record: Any, tmp_path: Path) -> None:
    result = listed(*rows, record=record)
    frame = result.to_pandas()
    frame.to_parquet(tmp_path / "frame")
    pq.write_table(result.to_arrow(), tmp_path / "table")
    result.to_polars().write_parquet(tmp_path / "polars")
    assert pq.read_table(tmp_path / "table").equals(result.to_arrow())
    for name in ("frame", "table", "polars"):
        back = pd.read_parquet(tmp_path / name)
        pd.testing.assert_frame_equal(back.drop(columns="data"), frame.drop(columns="data"))
        stacked = [np.stack(list(cell)) for cell in back["data"]]
        assert np.array_equal(stacked, np.array(frame["data"].tolist()))
    again = pd.read_parquet(tmp_path / "frame")
    again.to_parquet(tmp_path / "again")
    assert pq.read_table(tmp_path / "again")["data"].equals(pq.read_table(tmp_path / "frame")["data"])


def test_numbers_of_a_table_share_the_memory_of_the_rows() -> None:
    result = listed(*MAPS, record=LumisectionHistogram2D)
    once, again = (result.to_arrow()["data"].chunks for _ in range(2))
    assert [len(chunk) for chunk in once] == [3, 2]
    addresses = [[chunk.values.values.buffers()[1].address for chunk in chunks] for chunks in (once, again)]
    assert addresses[0] == addresses[1]


def test_cells_are_copied_page_by_page() -> None:
    cells = listed(*ONE).to_pandas()["data"]
    assert isinstance(cells[0], np.ndarray)
    assert cells[0].base is cells[2].base is not None
    assert cells[3].base is cells[4].base is not cells[0].base


WIDE = th1(9, me="P/wide", me_id=2, x_bin=5, data=[1.0] * 5)


def test_different_binnings_in_one_frame_and_table() -> None:
    result = listed(*ONE, WIDE)
    assert [len(cell) for cell in result.to_pandas()["data"]] == [3, 3, 3, 3, 3, 5]
    assert [len(cell) for cell in result.to_arrow()["data"].to_pylist()] == [3, 3, 3, 3, 3, 5]
    maps = listed(*MAPS, th2(9, y_bin=1, x_bin=1, data=[[7.0]]), record=LumisectionHistogram2D)
    assert maps.to_arrow()["data"].to_pylist()[3:] == [MAPS[3]["data"], MAPS[4]["data"], [[7.0]]]


def test_different_binnings_do_not_stand_in_one_array() -> None:
    result = listed(*ONE, WIDE)
    with pytest.raises(
        BinningError, match=r"2 different binnings \(3 bins: P/charge; 5 bins: P/wide\).*group_by="
    ):
        result.to_numpy()
    groups = result.to_numpy(group_by="me")
    assert {name: arrays["data"].shape for name, arrays in groups.items()} == {
        "P/charge": (5, 3),
        "P/wide": (1, 5),
    }
    assert groups["P/charge"]["ls_number"].tolist() == [1, 2, 3, 4, 5]


def test_equal_numbers_of_bins_with_other_limits_are_another_binning() -> None:
    result = listed(*ONE, th1(6, x_max=6.0))
    with pytest.raises(BinningError, match="One of them has several binnings") as caught:
        result.to_numpy(group_by="me")
    assert "group_by=('me', 'x_min', 'x_max', 'x_bin')" in str(caught.value).replace('"', "'")
    groups = result.to_numpy(group_by=("me", "x_min", "x_max", "x_bin"))
    assert list(groups) == [("P/charge", 0.0, 3.0, 3), ("P/charge", 0.0, 6.0, 3)]


def test_groups_keep_the_order_of_rows_wherever_they_stand() -> None:
    rows = [th1(n, me_id=n % 3) for n in range(1, 10)]
    groups = listed(*rows).to_numpy(group_by="me_id")
    assert {key: arrays["ls_number"].tolist() for key, arrays in groups.items()} == {
        1: [1, 4, 7],
        2: [2, 5, 8],
        0: [3, 6, 9],
    }


@pytest.mark.parametrize("by", ["me", "data", ["ls_number", "data"], [], 3, [None]])
def test_grouping_by_what_is_not_there(by: Any) -> None:
    rows = [{"ls_number": number, "data": [1.0]} for number in (1, 2)]
    result = listed(*rows, fields=["ls_number", "data"])
    with pytest.raises(FilterError, match=r"cannot be grouped by .*Fields to group by: ls_number\.$"):
        result.to_numpy(group_by=by)


def test_grouping_says_which_name_is_wrong() -> None:
    result = listed(th1(1), th1(2))
    with pytest.raises(FilterError, match=r"cannot be grouped by 'run_numer'; did you mean 'run_number'\?"):
        result.to_numpy(group_by=["me", "run_numer"])


@pytest.mark.parametrize("kind", [set, tuple, iter, pd.Index, np.array])
def test_names_to_group_by_may_come_in_anything(kind: Any) -> None:
    groups = listed(th1(1), th1(2)).to_numpy(group_by=kind(["me"]))
    assert [*groups] == [("P/charge",)]


def test_grouping_by_what_was_changed_to_a_list() -> None:
    result = listed(th1(1), th1(2))
    result.results[0].me = ["a"]
    with pytest.raises(
        FilterError, match=r"rows cannot be grouped by \(\['a'\],\), to which a row was changed"
    ):
        result.to_numpy(group_by="me")


def test_what_is_not_a_row_among_the_results() -> None:
    result = listed(th1(1))
    result.results.append(th1(2))
    for call in (result.to_pandas, result.to_arrow, result.to_numpy, lambda: result.save("nowhere")):
        with pytest.raises(ConfigurationError, match="row 1 of the results is of type dict, not a Lumi"):
            call()


def test_grouping_where_there_is_nothing_to_group_by() -> None:
    result = listed({"data": [1.0]}, {"data": [2.0]}, fields=["data"])
    with pytest.raises(FilterError, match="nothing to group by"):
        result.to_numpy(group_by="me")


@pytest.mark.parametrize("way", ["to_arrow", "to_numpy", "to_hist"])
@pytest.mark.parametrize("data", ["text", 3, [[1.0], [2.0]], ["a", "b", "c"], [[1.0], [2.0, 3.0]]])
def test_contents_that_were_changed_to_something_else(way: str, data: Any) -> None:
    result = listed(*ONE)
    result.results[2].data = data
    with pytest.raises(
        BinningError, match="the data of a row was changed to what is not a 1-dimensional list of numbers"
    ):
        getattr(result, way)()


@pytest.mark.parametrize("way", ["to_arrow", "to_polars", "to_numpy", "_repr_html_"])
def test_maps_whose_rows_were_made_uneven(way: str) -> None:
    result = listed(th2(1), th2(2), record=LumisectionHistogram2D)
    result.results[1].data[0].append(1.0)
    if way == "_repr_html_":
        assert "no bins" in result._repr_html_()
        return
    with pytest.raises(BinningError, match="the data of a row was changed to what is not a 2-dimensional"):
        getattr(result, way)()


def test_contents_that_were_made_longer_than_their_binning() -> None:
    result = listed(th1(1), th1(2))
    result.results[0].data.append(0.0)
    with pytest.raises(BinningError, match="not as long as its binning says"):
        result.to_numpy()


def test_different_binnings_of_unknown_elements() -> None:
    rows = [{"data": th1(1)["data"]}, {"data": [1.0]}]
    with pytest.raises(BinningError, match=r"\(3 bins; 1 bins\).*List with fields= that include me_id"):
        listed(*rows, fields=["data"]).to_numpy()


UNEVEN = [th1(9, me_id=2, x_bin=5, data=[1.0] * 5)]
TALL = [th2(9, me_id=2, y_bin=1, x_bin=1, data=[[7.0]])]


@pytest.mark.parametrize(
    ("rows", "record"),
    [
        (ONE, LumisectionHistogram1D),
        (MAPS, LumisectionHistogram2D),
        (ONE + UNEVEN, LumisectionHistogram1D),
        (MAPS + TALL, LumisectionHistogram2D),
    ],
    ids=["1d", "2d", "binnings", "maps"],
)
@pytest.mark.parametrize("cells", ["array", "list"])
@pytest.mark.parametrize("looked_at", [False, True])
def test_a_frame_owns_its_numbers(
    rows: list[Any], record: Any, cells: Any, looked_at: bool, tmp_path: Path
) -> None:
    result = listed(*rows, record=record)
    if looked_at:
        assert result.results[1].data == rows[1]["data"]
    table, polars, other = result.to_arrow(), result.to_polars(), result.to_pandas(cells=cells)
    frame = result.to_pandas(cells=cells)
    for cell in frame["data"]:
        for row in [cell] if np.ndim(cell[0]) == 0 else cell:
            row[0] = -7.0
    assert all(cell[0] == -7.0 if np.ndim(cell[0]) == 0 else cell[0][0] == -7.0 for cell in frame["data"])
    frame.loc[:, "entries"] = -1
    sent = [row["data"] for row in rows]
    assert (
        table["data"].to_pylist() == polars["data"].to_list() == result.to_arrow()["data"].to_pylist() == sent
    )
    for made in (other, result.to_pandas(cells="array")):
        assert [np.array(cell).tolist() for cell in made["data"]] == sent
    result.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    for kept in (result, again):
        assert [row.data for row in kept.results] == sent
        assert [row.entries for row in kept.results] == [row["entries"] for row in rows]


def test_a_frame_owns_the_lists_and_objects_in_it() -> None:
    result = made_of(
        [MLModelsIndex.from_dict({"tags": [{"name": "a", "value": "b"}]}, partial=True)], MLModelsIndex
    )
    before = result.json()
    frame = result.to_pandas()
    frame["tags"][0].append("more")
    frame["tags"][0][0]["name"] = "changed"
    assert result.json() == before
    assert len(result.to_pandas()["tags"][0]) == 1


@pytest.mark.parametrize("data", [[[1.0], [2.0, 3.0]], "text", [["a"]], None])
def test_a_frame_owns_contents_that_were_changed_to_something_else(data: Any) -> None:
    result = listed(*MAPS, record=LumisectionHistogram2D)
    result.results[1].data = data
    for cells in ("array", "list"):
        cell = result.to_pandas(cells=cells)["data"][1]
        assert cell == data
        assert cell is not data or not isinstance(data, list)


def test_arrays_own_their_numbers() -> None:
    result = listed(*ONE)
    table, arrays = result.to_arrow(), result.to_numpy()
    for array in arrays.values():
        assert array.flags.writeable
    arrays["data"][:] = arrays["entries"][:] = -1
    assert result.to_arrow().equals(table)
    assert result.results[0].data == ONE[0]["data"]


# --- lists in cells


@BOTH
def test_cells_may_be_lists(rows: list[Any], record: Any) -> None:
    frame = listed(*rows, record=record).to_pandas(cells="list")
    sent = [row["data"] for row in rows]
    assert frame["data"].tolist() == sent
    assert type(frame["data"][0]) is list
    assert json.loads(json.dumps(frame["data"].tolist())) == sent
    assert frame.equals(listed(*rows, record=record).to_pandas(cells="list"))
    assert frame["data"][0] == sent[0]
    assert sent[1] in frame["data"].tolist()


def test_lists_of_different_binnings_and_of_nothing() -> None:
    frame = listed(*ONE, WIDE).to_pandas(cells="list")
    assert frame["data"].tolist() == [row["data"] for row in [*ONE, WIDE]]
    empty = listed(record=LumisectionHistogram1D).to_pandas(cells="list")
    assert empty["data"].dtype == listed(record=LumisectionHistogram1D).to_pandas()["data"].dtype
    changed = [LumisectionHistogram2D.from_dict(th2(number)) for number in (1, 2)]
    del changed[0].data
    assert made_of(changed, LumisectionHistogram2D).to_pandas(cells="list")["data"][0] is None


@pytest.mark.parametrize("cells", ["lists", "", None, True, list, ["list"], {"list": 1}])
def test_other_cells_are_refused(cells: Any) -> None:
    service = Scripted()
    service.will_page(ONE, 5)
    page = next(service.dials.h1d.pages())
    sent = len(service.asked)
    for way in (page.to_pandas, listed(*ONE).to_pandas, service.dials.h1d.to_pandas):
        with pytest.raises(
            ConfigurationError, match=r"cells must be 'array' or 'list', not .*lists of numbers"
        ):
            way(cells=cells)
    assert len(service.asked) == sent


def test_cells_may_be_lists_of_a_page_and_of_a_resource() -> None:
    service = Scripted()
    service.will_page(ONE, 5)
    assert next(service.dials.h1d.pages()).to_pandas(cells="list")["data"][0] == ONE[0]["data"]
    service.will_page(ONE, 5)
    frame = service.dials.h1d.to_pandas(cells="list", enable_progress=False)
    assert frame["data"].tolist() == [row["data"] for row in ONE]


# --- arrays in files of NumPy


def reread(arrays: dict[str, Any], path: Path) -> dict[str, Any]:
    np.savez(path / "x.npz", **arrays)
    with np.load(path / "x.npz") as stored:
        return dict(stored)


@pytest.mark.parametrize("name", [name for name, table in RESOURCES.items() if table.paginated])
@pytest.mark.parametrize("rows", ["all", "none"])
def test_arrays_of_every_list_go_into_an_npz_file_and_back(
    now: Dials, jetmet: Dials, name: str, rows: str, tmp_path: Path
) -> None:
    resource: Any = getattr(jetmet if name.startswith("ml_") else now, name)
    result = resource.list(
        resource.filters(me_id=1 if name == "h1d" else 100) if name in ("h1d", "h2d") else None
    )
    if rows == "none":
        result.results = []
    arrays = result.to_numpy()
    back = reread(arrays, tmp_path)
    assert list(back) == list(arrays)
    for column, array in arrays.items():
        assert back[column].dtype == array.dtype
        np.testing.assert_array_equal(back[column], array)


@pytest.mark.parametrize(
    ("kind", "field", "sent", "held"),
    [
        (FileIndex, "status", ["a", "bcd"], ["a", "bcd"]),
        (FileIndex, "status", ["\u00e9\U0001f600", ""], ["\u00e9\U0001f600", ""]),
        (FileIndex, "err_trace", ["what", None], ["what", ""]),
        (FileIndex, "err_trace", [None, None], ["", ""]),
        (FileIndex, "file_size", [1, 2], [1, 2]),
        (FileIndex, "creation_date", ["2024-05-01T12:00:00+02:00"], [datetime(2024, 5, 1, 10)]),  # noqa: DTZ001
        (MLModelsIndex, "active", [True, False], [True, False]),
        (MLModelsIndex, "tags", [[{"name": "a"}], None], ['[{"name":"a"}]', "null"]),
    ],
)
def test_values_in_an_npz_file_are_what_was_sent(
    kind: Any, field: str, sent: list[Any], held: list[Any], tmp_path: Path
) -> None:
    result = made_of([kind.from_dict({field: value}, partial=True) for value in sent], kind)
    assert reread(result.to_numpy(), tmp_path)[field].tolist() == held


def test_flags_that_are_missing_become_numbers(tmp_path: Path) -> None:
    rows = [MLModelsIndex.from_dict(row, partial=True) for row in ({"active": True, "id": 1}, {"id": 2})]
    back = reread(made_of(rows, MLModelsIndex).to_numpy(), tmp_path)
    np.testing.assert_array_equal(back["active"], [1.0, np.nan])


@pytest.mark.parametrize("texts", [["a", "", None], ["a\0", "b"]])
def test_texts_that_an_array_of_fixed_width_would_change_stay_objects(texts: list[Any]) -> None:
    rows = [FileIndex.from_dict({"err_trace": text}, partial=True) for text in texts]
    assert made_of(rows, FileIndex).to_numpy()["err_trace"].tolist() == texts


def test_one_long_text_does_not_make_all_of_them_long() -> None:
    long = "x" * 2**20
    rows = [FileIndex.from_dict({"err_trace": text}, partial=True) for text in [long] + ["y"] * 99]
    array = made_of(rows, FileIndex).to_numpy()["err_trace"]
    assert array.dtype == object
    assert array[0] == long


def test_groups_go_into_one_npz_file(tmp_path: Path) -> None:
    groups = listed(*ONE, WIDE).to_numpy(group_by="me_id")
    flat = {f"{me_id}/{name}": array for me_id, arrays in groups.items() for name, array in arrays.items()}
    back = reread(flat, tmp_path)
    assert back["1/data"].shape == (5, 3)
    assert back["2/me"].tolist() == ["P/wide"]


def test_text_that_was_changed_to_a_number_is_shown_as_json() -> None:
    result = listed(th1(1), th1(2))
    result.results[1].me = 7
    assert result.to_arrow()["me"].to_pylist() == ['"P/charge"', "7"]
    assert result.to_polars()["me"].to_list() == ['"P/charge"', "7"]


@pytest.mark.parametrize("record", [LumisectionHistogram1D, LumisectionHistogram2D, FileIndex, MLModelsIndex])
def test_conversions_of_nothing(record: Any) -> None:
    result = listed(record=record)
    names = [field.name for field in record.FIELDS]
    assert list(result.to_pandas()) == result.to_arrow().column_names == list(result.to_numpy()) == names
    assert result.to_polars().shape == (0, len(names))
    assert result.to_numpy(group_by="dataset" if "dataset" in names else "name") == {}
    if "data" in names:
        assert result.to_numpy()["data"].shape == (0,) * (2 if record is LumisectionHistogram1D else 3)
        full = listed(th1() if record is LumisectionHistogram1D else th2(), record=record)
        assert result.to_arrow().schema.equals(full.to_arrow().schema)


def test_missing_values() -> None:
    result = listed(run_row(1, ls_completeness=0.5), run_row(2), record=Run)
    assert result.to_arrow()["ls_completeness"].to_pylist() == [0.5, None]
    assert np.isnan(result.to_numpy()["ls_completeness"][1])
    assert result.to_pandas()["ls_completeness"].isna().tolist() == [False, True]
    changed = [LumisectionHistogram1D.from_dict(th1(number)) for number in (1, 2)]
    del changed[0].data, changed[1].entries
    partial = made_of(changed, LumisectionHistogram1D)
    assert partial.to_arrow()["data"].to_pylist() == [None, [2.5, 1.0, 2.0]]
    assert partial.to_pandas()["data"].tolist()[0] is None
    assert partial.to_arrow()["entries"].to_pylist() == [1, None]
    with pytest.raises(BinningError, match=r"different binnings|is missing"):
        partial.to_numpy()


def test_records_of_any_shape_become_tables(jetmet: Dials) -> None:
    models = jetmet.ml_models_index.list_all()
    table = models.to_arrow()
    assert table.num_rows == len(models) > 0
    assert table["active"].to_pylist() == [row.active for row in models]
    assert models.to_polars().height == len(models)
    assert models.to_numpy()["active"].dtype == bool
    if "created_at" in table.column_names:
        times = models.to_numpy()["created_at"]
        assert times.dtype == np.dtype("datetime64[us]")
        assert times[0] == np.datetime64(models.results[0].created_at.replace(tzinfo=None))


def test_values_that_no_table_can_hold_become_text() -> None:
    odd = [MLModelsIndex.from_dict({"tags": tags}, partial=True) for tags in ([{"a": 1}], [{"a": "x"}], None)]
    assert made_of(odd, MLModelsIndex).to_arrow()["tags"].to_pylist() == [
        '[{"a":1}]',
        '[{"a":"x"}]',
        None,
    ]


def test_notebooks_show_the_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    result = listed(*(th1(number, me="<b>P</b>") for number in range(1, 31)))
    shown = result._repr_html_()
    assert shown is not None
    assert "30 rows of LumisectionHistogram1D, complete" in shown
    assert (shown.count("&lt;b&gt;P"), shown.count("<b>P"), shown.count("3 bins")) == (1, 0, 10)
    assert "3 x 2 bins" in str(listed(*MAPS, record=LumisectionHistogram2D)._repr_html_())
    assert len(result) == 30
    service = Scripted()
    service.will_page(ONE, 5)
    service.will_page([], 1)
    page, nothing = next(service.dials.h1d.pages()), next(service.dials.run.pages())
    assert "&lt;page of 5 rows of LumisectionHistogram1D, the last page&gt;" in str(page._repr_html_())
    assert (len(page), len(nothing), bool(nothing)) == (5, 0, True)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert result._repr_html_() == shown


def test_rows_that_are_changed_in_a_loop_stay_changed() -> None:
    result = listed(*ONE)
    for row in result:
        row.entries = 0
    assert result.to_pandas()["entries"].tolist() == [row.entries for row in result.results] == [0] * 5


def test_rows_of_two_kinds_do_not_become_one_array() -> None:
    result = listed(*ONE)
    result.results += listed(*MAPS, record=LumisectionHistogram2D).results
    for way in ("to_arrow", "to_numpy"):
        with pytest.raises(BinningError):
            getattr(result, way)()


def test_times_are_in_utc_everywhere_whatever_zone_they_come_in() -> None:
    written = (
        {"last_modification_date": "2024-05-01T12:00:00+02:00"},
        {"last_modification_date": "9999-12-31T23:59:59Z"},
    )
    result = made_of([DatasetIndex.from_dict(one, partial=True) for one in written], DatasetIndex)
    expected = np.array(["2024-05-01T10:00:00", "9999-12-31T23:59:59"], "datetime64[us]")
    name = "last_modification_date"
    assert result.to_numpy()[name].tolist() == expected.tolist()
    assert result.to_pandas()[name].dt.tz_localize(None).to_numpy().tolist() == expected.tolist()
    assert result.to_arrow()[name].cast("timestamp[us]").to_numpy().tolist() == expected.tolist()


def test_integers_beyond_64_bits() -> None:
    result = listed(th1(entries=10**20), th1(2))
    assert result.results[0].entries == 10**20
    assert result.to_pandas()["entries"].tolist() == [10**20, 2]
    assert result.to_arrow()["entries"].to_pylist() == [1e20, 2.0]
    free = [MLModelsIndex.from_dict({"tags": [{"a": value}]}, partial=True) for value in (2**63, 1)]
    assert made_of(free, MLModelsIndex).to_arrow()["tags"].to_pylist()[1] == '[{"a":1}]'


def test_without_contents_binnings_may_differ() -> None:
    rows = [{"me_id": number, "x_bin": number} for number in (1, 2)]
    arrays = listed(*rows, fields=["me_id", "x_bin"]).to_numpy()
    assert arrays["x_bin"].tolist() == [1, 2]


def test_the_advice_names_a_field_that_is_there() -> None:
    rows = [{"me_id": number, "data": [0.0] * number} for number in (1, 2)]
    result = listed(*rows, fields=["me_id", "data"])
    with pytest.raises(BinningError, match='group_by="me_id"'):
        result.to_numpy()
    assert [arrays["data"].shape for arrays in result.to_numpy(group_by="me_id").values()] == [(1, 1), (1, 2)]


def test_a_missing_value_is_one_group() -> None:
    rows = [run_row(1, ls_completeness=None), run_row(2), run_row(3, ls_completeness=0.5)]
    groups = listed(*rows, record=Run).to_numpy(group_by="ls_completeness")
    assert {key: arrays["run_number"].tolist() for key, arrays in groups.items()} == {None: [1, 2], 0.5: [3]}
