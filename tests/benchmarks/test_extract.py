"""The benchmark server has the runs, lumisections, files and MEs that the local DIALS has."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cmsdials_sandbox import serve

from benchmarks.extract import Extract, make_tables
from benchmarks.tables import FILE, ME_1D, Table

KEYS = ("dataset_id", "run_number", "ls_number", "me_id", "file_id")
TH1, TH2 = "PXBarrel/charge_PXLayer_1$", "PXBarrel.*PXLayer_1$"


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    """That of a sandbox that runs."""
    with serve() as sandbox:
        path: Path = sandbox.databases["tracker"]
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as opened:
            yield opened


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return make_tables(Extract(th1=TH1, th2=TH2))


def _keys(tables: dict[str, Table], path: str, **query: Any) -> list[tuple[int, ...]]:
    chosen = tables[path].selection({name: str(value) for name, value in query.items()})
    return [tuple(tables[path].rows[number][key] for key in KEYS) for number in chosen]


@pytest.mark.parametrize(("path", "names"), [("th1", TH1), ("th2", TH2)])
def test_it_has_the_histograms_of_the_local_dials(
    database: sqlite3.Connection, tables: dict[str, Table], path: str, names: str
) -> None:
    mes = {me_id for me_id, me in database.execute("SELECT me_id, me FROM me") if re.search(names, me)}
    expected = [
        row
        for row in database.execute(f"SELECT {', '.join(KEYS)} FROM {path} ORDER BY 1, 2, 3, 4")
        if row[3] in mes
    ]
    assert expected
    assert _keys(tables, path) == expected
    assert _keys(tables, path, me__regex="PXBarrel") == expected
    for query in (
        {"me_id": ME_1D, "ls_number": 78},
        {"file_id": FILE},
        {"dataset_id": 14677060, "run_number": 367112, "ls_number": 10},
        {"run_number__gte": 382913, "ls_number__gte": 20, "ls_number__lte": 90},
    ):
        assert _keys(tables, path, **query) == [row for row in expected if _passes(row, query)]


def _passes(row: tuple[int, ...], query: dict[str, int]) -> bool:
    values = dict(zip(KEYS, row, strict=True))
    compared = {"": int.__eq__, "gte": int.__ge__, "lte": int.__le__}
    return all(
        compared[name.partition("__")[2]](values[name.partition("__")[0]], wanted)
        for name, wanted in query.items()
    )


@pytest.mark.parametrize(
    ("path", "table", "keys"),
    [
        ("run", "run", ("dataset_id", "run_number", "ls_count")),
        ("lumisection", "lumisection", ("dataset_id", "run_number", "ls_number")),
        ("file-index", "file", ("dataset_id", "file_id")),
    ],
)
def test_it_has_the_runs_lumisections_and_files_of_the_local_dials(
    database: sqlite3.Connection, tables: dict[str, Table], path: str, table: str, keys: tuple[str, ...]
) -> None:
    expected = database.execute(
        f"SELECT {', '.join(keys)} FROM {table} ORDER BY {', '.join(keys)}"
    ).fetchall()
    assert [tuple(row[key] for key in keys) for row in tables[path].rows] == expected


def test_the_query_is_uneven(tables: dict[str, Table]) -> None:
    """Datasets without the ME come first and last, and runs are of all lengths."""
    rows = {dataset: 0 for dataset, *_ in map(tuple, _keys(tables, "th1"))}
    assert [*rows] == sorted(rows)
    of_maps = {dataset for dataset, *_ in _keys(tables, "th2")}
    assert of_maps == {*[*rows][1:-1]}
    assert len({row["ls_count"] for row in tables["run"].rows}) > 20


def test_a_fraction_has_some_runs_of_each_dataset(tables: dict[str, Table]) -> None:
    some = make_tables(Extract(runs=0.3, th1=TH1))
    few = make_tables(Extract(runs=1e-9, th1=TH1))
    runs = [
        [(row["dataset_id"], row["run_number"]) for row in one["run"].rows] for one in (tables, some, few)
    ]
    whole, part, least = runs
    assert set(least) < set(part) < set(whole)
    assert [dataset for dataset, _ in least] == sorted({dataset for dataset, _ in whole})
    assert not some["th2"].rows
    assert _keys(some, "th1") == [key for key in _keys(tables, "th1") if key[:2] in part]


def test_runs_without_rows_all_stay(tables: dict[str, Table]) -> None:
    some = make_tables(Extract(runs=0.1, th2=TH2))
    filled = {row["dataset_id"] for row in some["th2"].rows}
    kept, whole = (Counter(row["dataset_id"] for row in one["run"].rows) for one in (some, tables))
    assert filled < {*whole}
    for dataset, number in whole.items():
        assert (kept[dataset] == number) == (dataset not in filled or number == 1)


def test_maps_are_binned_as_their_me_is(tables: dict[str, Table]) -> None:
    row = json.loads(b"".join(tables["th2"].answer({"page_size": "1"}, "http://x/").pieces))["results"][0]
    assert (row["x_bin"], row["y_bin"], row["x_min"], row["y_max"]) == (72, 26, -4.5, 6.5)
    assert [len(line) for line in row["data"]] == [72] * 26
    assert row["entries"] == sum(map(sum, row["data"]))
