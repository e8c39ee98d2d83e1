"""The benchmark server answers as DIALS does: compared with a plain filter of the same rows."""

import json
import random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from benchmarks.tables import DATASETS, FIRST_RUN, InvalidCursor, Table, Volume, make_tables

ADDRESS = "http://127.0.0.1:1/api/v1/x/"
VOLUME = Volume(runs=4, ls=6, th1=2, th2=3, datasets=2)


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return make_tables(VOLUME)


def _ask(table: Table, **query: Any) -> Any:
    answer = table.answer({name: str(value) for name, value in query.items()}, ADDRESS)
    body = json.loads(b"".join(answer.pieces))
    rows = body["results"] if table.paginated else body
    assert len(rows) == answer.rows
    return body


def _follow(table: Table, sizes: list[int] | None = None, **query: Any) -> list[dict[str, Any]]:
    """Rows of all pages, by the links, with another page_size each time."""
    rows: list[dict[str, Any]] = []
    page = _ask(table, **query)
    turn = 0
    while True:
        rows += page["results"]
        if page["next"] is None:
            return rows
        asked = dict(parse_qsl(urlsplit(page["next"]).query))
        assert page["next"].startswith(ADDRESS)
        assert {name: str(value) for name, value in query.items()}.items() <= asked.items()
        if sizes:
            asked["page_size"] = str(sizes[turn % len(sizes)])
            turn += 1
        page = _ask(table, **asked)


def _everything(table: Table) -> list[dict[str, Any]]:
    return _follow(table, page_size=500)


@pytest.mark.parametrize("name", ["th1", "th2"])
def test_histograms_come_in_order_and_are_as_the_contract_says(tables: dict[str, Table], name: str) -> None:
    rows = _everything(tables[name])
    mes = VOLUME.th1 if name == "th1" else VOLUME.th2
    assert len(rows) == VOLUME.datasets * VOLUME.runs * VOLUME.ls * mes
    keys = [(row["dataset_id"], row["run_number"], row["ls_number"], row["me_id"]) for row in rows]
    assert keys == sorted(set(keys))
    for row in rows:
        assert row["dataset"] == DATASETS[row["dataset_id"]]
        if name == "th1":
            assert len(row["data"]) == row["x_bin"] == 100
            assert row["entries"] == sum(row["data"])
        else:
            assert [len(line) for line in row["data"]] == [row["x_bin"]] * int(row["y_bin"]) == [72] * 26
            assert row["entries"] == sum(map(sum, row["data"]))


def test_a_row_of_a_th2_is_about_ten_kilobytes(tables: dict[str, Table]) -> None:
    (_, rows, _) = tables["th2"].answer({"page_size": "20"}, "http://x/").pieces
    assert 9000 < len(rows) / 20 < 11000


FILTERS: list[dict[str, Any]] = [
    {},
    {"dataset_id": 15102369},
    {"dataset_id": 15102369, "me_id": 101},
    {"run_number": FIRST_RUN + 2},
    {"run_number__gte": FIRST_RUN + 1, "run_number__lte": FIRST_RUN + 2, "ls_number__gte": 3},
    {"ls_number": 5},
    {"ls_number__lte": 2, "me_id": 100, "dataset_id": 14677060},
    {"run_number": 1},
    {"me_id": 102, "no_such_filter": 3},
    {"ls_number": 5, "ls_number__gte": 2, "ls_number__lte": 5},
    {"ls_number": 5, "ls_number__gte": 6},
    {"ls_number__gte": 2, "ls_number__lte": 4, "me_id": 101, "run_number": FIRST_RUN + 3},
    {"ls_number__gte": 0, "ls_number__lte": 99},
    {"ls_number__lte": 0},
    {"dataset_id": 15102369, "run_number__lte": FIRST_RUN, "ls_number": 6},
    {"dataset_id": 1},
    {"file_id": 3393809397, "ls_number": 2},
    {"file_id": 2},
]


def _passes(row: dict[str, Any], filters: dict[str, Any]) -> bool:
    for name, value in filters.items():
        if name == "no_such_filter":
            continue
        field = row[name.split("__")[0]]
        if name.endswith("__gte"):
            good = field >= value
        elif name.endswith("__lte"):
            good = field <= value
        else:
            good = field == value
        if not good:
            return False
    return True


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("page_size", [None, 1, 7, 500, 100000])
def test_filters_and_pages_are_honoured(
    tables: dict[str, Table], filters: dict[str, Any], page_size: int | None
) -> None:
    table = tables["th2"]
    expected = [row for row in _everything(table) if _passes(row, filters)]
    query = filters if page_size is None else {**filters, "page_size": page_size}
    assert len(_ask(table, **query)["results"]) == min(
        len(expected), 10 if page_size is None else min(page_size, 500)
    )
    assert _follow(table, **query) == expected


def test_a_cursor_goes_with_any_page_size(tables: dict[str, Table]) -> None:
    sizes = random.Random(1).choices(range(1, 20), k=30)
    expected = _everything(tables["th2"])
    assert _follow(tables["th2"], sizes) == expected
    assert _follow(tables["th2"], sizes, me_id=101) == [row for row in expected if row["me_id"] == 101]


def test_only_the_fields_that_were_asked_for_come(tables: dict[str, Table]) -> None:
    expected = _everything(tables["th1"])
    keys = ("run_number", "ls_number")
    assert _follow(tables["th1"], fields=",".join(keys), page_size=11) == [
        {key: row[key] for key in keys} for row in expected
    ]
    assert _follow(tables["th1"], fields="data", me_id=2) == [
        {"data": row["data"]} for row in expected if row["me_id"] == 2
    ]


def test_other_tables_agree_with_the_histograms(tables: dict[str, Table]) -> None:
    histograms = [*_everything(tables["th1"]), *_everything(tables["th2"])]
    runs, lumisections = _everything(tables["run"]), _everything(tables["lumisection"])
    assert {(run["dataset_id"], run["run_number"]) for run in runs} == {
        (one["dataset_id"], one["run_number"]) for one in histograms
    }
    assert {run["ls_count"] for run in runs} == {VOLUME.ls}
    assert len(lumisections) == VOLUME.ls * len(runs)
    assert sum(one["th1_count"] + one["th2_count"] for one in lumisections) == len(histograms)
    assert {one["dataset_id"] for one in _everything(tables["dataset-index"])} == set(DATASETS)
    for me in _ask(tables["mes"]):
        assert me["count"] == sum(one["me_id"] == me["me_id"] for one in histograms)
    assert [me["me_id"] for me in _ask(tables["mes"], dim=1)] == [1, 2]


def test_names_are_found_by_text_and_by_regular_expression(tables: dict[str, Table]) -> None:
    expected = _everything(tables["th2"])
    layer: dict[str, Any] = {"me__regex": "Layer_[13]$", "ls_number__gte": 4}
    assert _follow(tables["th2"], page_size=500, **layer) == [
        row for row in expected if row["me_id"] in (100, 102) and row["ls_number"] >= 4
    ]
    second = DATASETS[15102369]
    assert _follow(tables["th2"], page_size=500, dataset=second) == [
        row for row in expected if row["dataset_id"] == 15102369
    ]
    assert _follow(tables["th2"], page_size=500, dataset__regex="Run2024C", me_id=100) == [
        row for row in expected if row["dataset_id"] == 15102369 and row["me_id"] == 100
    ]
    assert _ask(
        tables["th2"], ls_number__gte=1, run_number__in=f"{FIRST_RUN},{FIRST_RUN + 2}", page_size=500
    )["results"] == [row for row in expected if row["run_number"] in (FIRST_RUN, FIRST_RUN + 2)]


def test_a_cursor_skips_the_rows_before_it_that_pass_the_filters(tables: dict[str, Table]) -> None:
    page = _ask(tables["th2"], me_id=100, page_size=7)
    asked = dict(parse_qsl(urlsplit(page["next"]).query))
    assert tables["th2"].answer({"me_id": "100"}, ADDRESS).skipped == 0
    assert tables["th2"].answer(asked, ADDRESS).skipped == 7
    without = {name: value for name, value in asked.items() if name != "me_id"}
    assert tables["th2"].answer(without, ADDRESS).skipped == 7 * 3


@pytest.mark.parametrize("name", ["run_number", "ls_number", "ls_number__gte", "me_id", "file_id"])
def test_a_filter_of_the_wrong_kind_is_refused_with_any_other(tables: dict[str, Table], name: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        _ask(tables["th1"], dataset_id=1, **{name: "many"})


@pytest.mark.parametrize("cursor", ["", "x", "????", "cm93PQ=="])
def test_an_unknown_cursor_is_refused(tables: dict[str, Table], cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        _ask(tables["th1"], next_token=cursor)


def test_a_filter_of_the_wrong_kind_is_refused(tables: dict[str, Table]) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        _ask(tables["run"], run_number="many")
