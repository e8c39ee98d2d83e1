"""What reads a folder: `open_dataset`, and programs that know nothing of us."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from cmsdials import Dials, join, open_dataset
from cmsdials.errors import BinningError, ConfigurationError, FilterError
from cmsdials.filters import DatasetIndexFilters
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D
from cmsdials.filters import LumisectionHistogram2DFilters as Filters2D

from .service import DATASETS, Histograms

KEY = ["dataset_id", "run_number", "ls_number", "me_id"]
NAMES = [*DATASETS.values()]


@pytest.fixture
def folder(service: Histograms, tmp_path: Path) -> Path:
    service.dials.h2d.download(None, tmp_path, rows_per_file=20)
    return tmp_path


CHOICES: list[Filters2D | Filters1D] = [
    Filters2D(dataset=NAMES[1]),
    Filters2D(dataset__regex="Zür.*DQMIO$"),
    Filters2D(dataset__regex="nothing"),
    Filters2D(dataset_id=14677060, run_number=367101),
    Filters2D(run_number__gte=367101, run_number__lte=367103),
    Filters2D(ls_number__gte=2, ls_number__lte=3, me="P/map"),
    Filters2D(me__regex="odd|size", entries__gte=4),
    Filters2D(me_id=4, ls_number=1),
    Filters2D(file_id=3393809397),
    Filters2D(me="P/charge"),
    Filters1D(run_number=np.int64(367110)),
    Filters2D(),
]


@pytest.mark.parametrize("filters", CHOICES, ids=repr)
def test_filters_choose_what_the_service_chooses(service: Histograms, folder: Path, filters: Any) -> None:
    found = open_dataset(folder).to_table(filters, KEY).sort_by([(name, "ascending") for name in KEY])
    listed = [row for row in service.dials.h2d.list_all() if is_chosen(row.dict(), filters.given())]
    assert found.to_pylist() == [{name: getattr(row, name) for name in KEY} for row in listed]


@pytest.mark.parametrize(
    "columns", [None, "dataset", ["data", "dataset", "me"], ["me", "ls_number"]], ids=repr
)
@pytest.mark.parametrize("filters", [None, *CHOICES], ids=repr)
def test_batches_are_the_table_in_pieces(folder: Path, filters: Any, columns: Any) -> None:
    held = open_dataset(folder)
    batches = [*held.to_batches(filters, columns, batch_size=3)]
    table = held.to_table(filters, columns)
    assert pa.Table.from_batches(batches, table.schema).equals(table, check_metadata=True)
    assert all(1 <= len(batch) <= 3 for batch in batches)


def is_chosen(row: dict[str, Any], filters: dict[str, Any]) -> bool:
    import re

    tests = {
        "": lambda held, wanted: held == wanted,
        "gte": lambda held, wanted: held >= wanted,
        "lte": lambda held, wanted: held <= wanted,
        "regex": lambda held, wanted: re.search(wanted, held) is not None,
    }
    parts = ((*name.partition("__"), wanted) for name, wanted in filters.items())
    return all(tests[operation](row[name], wanted) for name, _, operation, wanted in parts)


@pytest.mark.parametrize("chosen", [{"me_id": 3}, {"me": "P/map"}, {"me__regex": "[/]map"}])
def test_other_files_and_row_groups_are_not_read(folder: Path, chosen: dict[str, Any]) -> None:
    held = open_dataset(folder)
    filters = Filters2D(dataset=NAMES[0], run_number=367101, **chosen)
    before = held.to_table(filters)
    assert len(before) == 4
    for path in folder.glob("data/*/*.parquet"):
        content = bytearray(path.read_bytes())
        metadata = pq.read_metadata(path)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            named = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
            is_wanted = "R-v1" in str(path) and (
                named["run_number"].statistics.min,
                named["me_id"].statistics.min,
            ) == (367101, 3)
            for column in () if is_wanted else named.values():
                first = column.dictionary_page_offset or column.data_page_offset
                content[first : first + column.total_compressed_size] = bytes(column.total_compressed_size)
        path.write_bytes(content)
    assert held.to_table(filters).equals(before)
    assert pa.Table.from_batches(held.to_batches(filters)).equals(before)
    with pytest.raises(OSError, match=r"\S"):
        held.to_table()


def test_row_groups_are_chosen_without_their_statistics(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        writer = pq.ParquetWriter
        patched.setattr(
            pq, "ParquetWriter", lambda *given, **more: writer(*given, **{**more, "write_statistics": False})
        )
        service.dials.h2d.download(None, tmp_path)
    filters = Filters2D(me__regex="map", run_number__lte=367101)
    before = open_dataset(tmp_path).to_table(filters)
    assert len(before) == 40
    for path in tmp_path.glob("data/*/*.parquet"):
        content = bytearray(path.read_bytes())
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                if file.read_row_group(number)["run_number"][0].as_py() > 367101:
                    column = file.metadata.row_group(number).column(0)
                    first = column.dictionary_page_offset or column.data_page_offset
                    content[first : first + column.total_compressed_size] = bytes(
                        column.total_compressed_size
                    )
        path.write_bytes(content)
    held = open_dataset(tmp_path)
    assert held.to_table(filters).equals(before)
    with pytest.raises(OSError, match=r"\S"):
        held.to_table()


def test_files_that_were_fetched_again_meanwhile_are_read_whole(service: Histograms, folder: Path) -> None:
    held = open_dataset(folder)
    service.elements = {0: ("P/first", 2), **service.elements}  # its row groups come before the others
    service.has[14677060, 367100] += 1
    service.dials.h2d.download(None, folder, rows_per_file=20)
    filters = Filters2D(me="P/map", dataset_id=14677060)
    expected = [row for row in service.dials.h2d.list_all() if is_chosen(row.dict(), filters.given())]
    assert len(held.to_table(filters)) == len(expected)


def test_frames_and_arrays_are_those_of_a_listing(service: Histograms, folder: Path) -> None:
    held, listed = open_dataset(folder), service.dials.h2d.list_all()
    frame = held.to_pandas().sort_values(KEY).reset_index(drop=True)
    expected = listed.to_pandas()
    assert frame.dtypes.to_dict() == expected.dtypes.to_dict()
    pd.testing.assert_frame_equal(frame.drop(columns="data"), expected.drop(columns="data"))
    for one, other in zip(frame["data"], expected["data"], strict=True):
        assert np.array_equal(np.array(one), np.array(other))
    lists = held.to_pandas(Filters2D(me="P/map", run_number=367100, ls_number=1), cells="list")
    assert lists["data"][0] == [[1.0, 1.5, 2.0], [3.0, 4.0, 5.0]]
    arrays = held.to_numpy(group_by="me")
    for me, of_listing in listed.to_numpy(group_by="me").items():
        order = np.lexsort([arrays[me][name] for name in KEY[::-1]])
        for name, values in of_listing.items():
            assert np.array_equal(arrays[me][name][order], values)
    np.testing.assert_equal(held.to_numpy(align=True), listed.to_numpy(align=True))
    joined = join(held.to_table(columns=[*KEY, "entries"]), listed, on=KEY)
    assert joined["entries"].equals(joined["entries_right"])
    with pytest.raises(BinningError, match="group_by"):
        held.to_numpy()


def test_another_process_and_another_working_folder_have_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    held = open_dataset(folder.name)
    sent = pickle.dumps(held)
    monkeypatch.chdir("/")
    assert pickle.loads(sent).to_table().equals(held.to_table())


def test_columns_are_chosen(folder: Path) -> None:
    held = open_dataset(folder)
    assert held.to_table(columns=["ls_number", "dataset"]).schema.names == ["ls_number", "dataset"]
    assert [*held.to_pandas(columns=["data"])] == ["data"]
    only = held.to_numpy(Filters2D(me_id=3), ["data", "ls_number"])
    assert {name: array.shape[1:] for name, array in only.items()} == {"ls_number": (), "data": (2, 3)}
    assert held.to_polars(columns="ls_number").columns == ["ls_number"]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda held: held.to_table(Filters1D(logical_file_name="/store/x")), FilterError),
        (lambda held: held.to_table(Filters1D(page_size=4)), FilterError),
        (lambda held: held.to_table(DatasetIndexFilters(page_size=4)), FilterError),
        (lambda held: held.to_table({"me": "P/map"}), FilterError),
        (lambda held: held.to_table(columns=["mee"]), FilterError),
        (lambda held: held.to_numpy(columns=["me"], group_by="me_id"), FilterError),
        (lambda held: held.to_pandas(cells="tuple"), ConfigurationError),
        (lambda held: held.to_batches("P/map"), FilterError),
        (lambda held: held.to_batches(batch_size=0), ConfigurationError),
        (lambda held: held.to_batches(batch_size=2.5), ConfigurationError),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, ask: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(open_dataset(folder))


def test_programs_that_know_nothing_of_us_read_and_prune_it(folder: Path) -> None:
    data, rows = folder / "data", len(open_dataset(folder))
    arrow = ds.dataset(data, partitioning="hive")
    assert arrow.count_rows() == rows
    frame = pd.read_parquet(data)
    lazy = pl.scan_parquet(data, hive_partitioning=True)
    assert len(frame) == lazy.collect().height == rows
    for name in NAMES:
        wanted = len(open_dataset(folder).to_table(Filters2D(dataset=name)))
        assert arrow.to_table(filter=ds.field("dataset") == name).num_rows == wanted
        kept = [*arrow.get_fragments(ds.field("dataset") == name)]
        assert 0 < len(kept) < len(arrow.files)
        assert len(pd.read_parquet(data, filters=[("dataset", "==", name)])) == wanted
        assert (frame["dataset"] == name).sum() == wanted
        assert lazy.filter(pl.col("dataset") == name).collect().height == wanted


def test_duckdb_reads_and_prunes_it(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    files = str(folder / "data" / "*" / "*.parquet")
    for name in NAMES:
        wanted = len(open_dataset(folder).to_table(Filters2D(dataset=name)))
        ask = "select count(*) from read_parquet(?, hive_partitioning=true) where dataset = ?"
        assert duckdb.execute(ask, [files, name]).fetchone() == (wanted,)


def test_a_download_of_a_service(now: Dials, tmp_path: Path) -> None:
    filters = Filters2D(dataset__regex="2024B", me__regex="clusters.*PXLayer_[12]", run_number=367112)
    now.h2d.download(filters, tmp_path, concurrency=2)
    listed = now.h2d.to_arrow(filters)
    keys = [(name, "ascending") for name in KEY]
    held = open_dataset(tmp_path).to_table().sort_by(keys)
    flat = [[number for line in cell for number in line] for cell in listed["data"].to_pylist()]
    where = listed.schema.get_field_index("data")
    assert held.equals(listed.set_column(where, "data", pa.array(flat, pa.list_(pa.float64()))))
