"""Columns: what they hold of the rows that were sent, and that what can be changed is not shared."""

import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, MLModelsIndex, Run
from cmsdials.result import load
from cmsdials.table.columns import (
    ABSENT,
    as_json,
    cell_of,
    column_of,
    from_objects,
    not_finite,
    objects_of,
)
from cmsdials.table.rows import RowStore
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import row_of

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1, th2

# --- what can be changed is not shared


def model(**changes: Any) -> dict[str, Any]:
    row = {"id": 1, "name": "a model", "active": True, "input_signature": [{"name": "x", "shape": [3, 2]}]}
    return row | changes


def test_records_of_one_row_share_no_lists_and_no_dicts() -> None:
    block = from_objects(MLModelsIndex, [model(tags=[{"name": "a", "of": ["b"]}])])
    one: Any = block.at(0)
    other = block.at(0)
    one.input_signature[0]["shape"].append(7)
    one.input_signature.append({})
    one.tags[0]["of"].clear()
    for row in (other, block.at(0), *block.records()):
        assert row.input_signature == [{"name": "x", "shape": [3, 2]}]
        assert row.tags == [{"name": "a", "of": ["b"]}]


@pytest.mark.parametrize("made", [th1, th2])
def test_records_of_one_row_share_no_contents(made: Any) -> None:
    record: Any = LumisectionHistogram1D if made is th1 else LumisectionHistogram2D
    block = from_objects(record, [made(1)])
    one, other = block.at(0), block.at(0)
    one.data.clear()
    assert other.data == block.at(0).data == made(1)["data"]


def test_records_of_one_row_share_nothing_of_what_is_beyond_the_contract() -> None:
    sent = {"weather": "fine", "wind": {"from": [3]}}
    block = from_objects(Run, [run_row(1, **sent)])
    one, other = block.at(0), block.at(0)
    one.extra["weather"] = "rain"
    one.extra["sun"] = 3
    one.extra["wind"]["from"].append(4)
    expected = {"weather": "fine", "wind": {"from": [3]}}
    assert other.extra == block.at(0).extra == expected
    assert list(block.extra or ()) == [expected]


@pytest.mark.parametrize("wide", [False, True])
def test_a_row_alone_is_the_same_and_keeps_no_other_in_memory(wide: bool) -> None:
    rows = [th1(1), th1(2, x_bin=4, data=[1.0] * 4) if wide else th1(2), th1(3, weather="fine")]
    block = from_objects(LumisectionHistogram1D, rows)
    assert [block.alone(at) for at in range(3)] == block.records()
    assert [block.alone(at).extra for at in range(3)] == [{}, {}, {"weather": "fine"}]
    for at in range(3):
        (of_row,) = RowStore(LumisectionHistogram1D, rows=[block.alone(at)]).blocks()
        assert (len(of_row), of_row.values.keys()) == (1, block.values.keys())
        for name, values in of_row.values.items():
            whole = block.values[name]
            theirs = [whole] if isinstance(whole, np.ndarray) else [one for one in whole if np.ndim(one)]
            mine = [values] if isinstance(values, np.ndarray) else [one for one in values if np.ndim(one)]
            assert not any(np.shares_memory(one, other) for one in mine for other in theirs)


# --- kinds


def test_whole_numbers_beyond_64_bits_stay_as_they_are() -> None:
    numbers = [10**20, 1]
    assert column_of("integer", numbers) == numbers
    block = from_objects(Run, [run_row(10**20), run_row(1)])
    assert [row.run_number for row in block.records()] == numbers


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [
        ("integer", [1, 2], np.int64),
        ("integer", [2**63 - 1, -(2**63)], np.int64),
        ("number", [1.5, 2], np.float64),
        ("integer", [1, None], None),
        ("integer", [1, ABSENT], None),
        ("number", [1.5, None], None),
        ("boolean", [True, False], None),
        ("datetime", [dt.datetime(2024, 4, 1, tzinfo=dt.UTC)], None),
    ],
)
def test_a_column_is_an_array_where_all_are_numbers(kind: str, values: list[Any], dtype: Any) -> None:
    made = column_of(kind, values)
    assert (made.dtype if isinstance(made, np.ndarray) else None) == dtype
    assert list(made) == values


def test_a_text_that_comes_often_is_held_once() -> None:
    rows = orjson.loads(orjson.dumps([th1(1), th1(2), th1(3, me="another")]))
    assert rows[0]["me"] is not rows[1]["me"]
    values = from_objects(LumisectionHistogram1D, rows).values
    assert values["me"][0] is values["me"][1]
    assert values["dataset"][0] is values["dataset"][2]
    assert list(values["me"]) == ["P/charge", "P/charge", "another"]


def test_what_is_not_text_stays_where_it_was_put() -> None:
    row = from_objects(Run, [run_row(1)]).at(0)
    changed: Any = row
    changed.dataset = ["a", "list"]
    (block,) = RowStore(Run, rows=[row]).blocks()
    assert block.values["dataset"] == [["a", "list"]]


@pytest.mark.parametrize("others", [[], [run_row(2)], [run_row(2, ls_completeness=None)]])
def test_a_number_that_is_not_finite_is_refused_whatever_is_beside_it(others: list[dict[str, Any]]) -> None:
    rows = [*others, run_row(1, ls_completeness=float("inf"))]
    with pytest.raises(MalformedAnswer, match=rf"\[{len(others)}\]\.ls_completeness is not a finite number"):
        from_objects(Run, rows)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_cannot_hold_are_found(number: float) -> None:
    block = from_objects(LumisectionHistogram1D, [th1(1), th1(2), th1(3, x_bin=1, data=[2.0])])
    assert not_finite(block) is None
    for name in ("x_max", "data"):
        rows: list[Any] = block.records()
        setattr(rows[1], name, number if name == "x_max" else [1.0, number])
        changed = RowStore(LumisectionHistogram1D, rows=rows).blocks()
        assert [not_finite(part) for part in changed] == [None, name, None]
    beside_nothing = from_objects(Run, [run_row(1, ls_completeness=0.5), run_row(2, ls_completeness=None)])
    runs: list[Any] = [*beside_nothing.records()]
    runs[0].ls_completeness = number
    runs[1].ls_completeness = None
    assert [not_finite(part) for part in RowStore(Run, rows=runs).blocks()] == ["ls_completeness"]


@pytest.mark.parametrize("touched", [False, True])
def test_a_field_of_a_record_can_be_asked_for_without_making_it_stand_alone(touched: bool) -> None:
    row = from_objects(LumisectionHistogram1D, [th1(1)], ["data"]).at(0)
    lacking = from_objects(LumisectionHistogram1D, [{"me": "P/m"}], ["me"]).at(0)
    if touched:
        row.data.append(1.0)
        assert lacking.__dict__ == {"me": "P/m"}
    fields = {one.name: one for one in LumisectionHistogram1D.FIELDS}
    assert np.array_equal(cell_of(row, fields["data"]), row.data if touched else th1(1)["data"])
    assert (cell_of(lacking, fields["data"]), cell_of(lacking, fields["me"])) == (ABSENT, "P/m")
    assert (row_of(row) is None, row_of(lacking) is None) == (touched, touched)


# --- fields that are not there


@pytest.mark.parametrize("fields", [["run_number"], ["ls_count", "dataset_id"], []])
def test_no_rows_have_the_columns_that_were_asked_for(fields: list[str]) -> None:
    assert {*from_objects(Run, [], fields).values} == {*fields}


def test_no_rows_have_all_columns_where_nothing_was_asked_for() -> None:
    assert list(from_objects(Run, []).values) == [field.name for field in Run.FIELDS]


def test_a_column_that_no_row_has_is_not_there() -> None:
    assert list(from_objects(Run, [{"run_number": 1}, {"run_number": 2}], ["run_number"]).values) == [
        "run_number"
    ]


def test_contents_are_held_to_their_binning_only_where_it_came() -> None:
    rows: list[dict[str, Any]] = [
        {"x_bin": 3, "data": [1.0, 2.0, 3.0]},
        {"data": [1.0, 2.0, 3.0, 4.0]},
    ]
    block = from_objects(LumisectionHistogram1D, rows, ["data"])
    assert [row.dict() for row in block.records()] == rows
    assert block.values["x_bin"][1] is ABSENT
    with pytest.raises(MalformedAnswer, match=r"\[1\]\.data has 4 numbers, and x_bin says 3"):
        from_objects(LumisectionHistogram1D, [rows[0], rows[1] | {"x_bin": 3}], ["data"])


# --- as JSON


def test_columns_become_the_objects_that_were_sent() -> None:
    rows = [run_row(1, weather="fine"), run_row(2, ls_completeness=0.5), run_row(3)]
    block = from_objects(Run, rows)
    assert orjson.loads(as_json(objects_of(block))) == rows
    again = RowStore(Run, rows=block.records()).blocks()
    assert [one for part in again for one in orjson.loads(as_json(objects_of(part)))] == rows


def test_rows_without_any_field_of_the_contract_are_counted() -> None:
    block = from_objects(Run, [{"weather": "fine"}, {}], [])
    assert (len(block), dict(block.values), block.extra) == (2, {}, [{"weather": "fine"}, {}])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_that_a_field_is_absent_survives_pickling(protocol: int) -> None:
    block = from_objects(Run, [run_row(1, ls_completeness=0.5), run_row(2)])
    back = pickle.loads(pickle.dumps(block, protocol))
    assert back.values["ls_completeness"][1] is ABSENT
    assert back.records() == block.records()


def test_what_is_beyond_the_contract_is_saved_and_loaded(service: Scripted, tmp_path: Path) -> None:
    service.will_page([run_row(1, weather="fine", wind={"from": [3]}), run_row(2)], 10)
    result = service.dials.run.list_all(enable_progress=False)
    result.save(tmp_path / "runs")
    back = load(tmp_path / "runs")
    assert [row.extra for row in back] == [{"weather": "fine", "wind": {"from": [3]}}, {}]
    assert back.results == result.results


def test_times_are_written_as_the_service_writes_them() -> None:
    moment = dt.datetime(2024, 4, 1, 12, 30, 0, 250_000, tzinfo=dt.UTC)
    assert as_json([moment]) == b'["2024-04-01T12:30:00.250000Z"]'
    row = from_objects(MLModelsIndex, [model(created_at="2024-04-01T12:30:00Z")])
    assert orjson.loads(as_json(objects_of(row)))[0]["created_at"] == "2024-04-01T12:30:00Z"
