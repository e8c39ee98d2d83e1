"""Cells of 2D histograms in frames: lists of rows that calculate like one array, and that pandas writes and reads."""

import copy
import json
import operator
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from cmsdials.models import LumisectionHistogram2D

from tests.overlay.histogram_rows import th2
from tests.overlay.table.listings import listed

ROWS = [th2(number, me=f"P/{number % 2}") for number in range(1, 6)]
SENT = np.array([row["data"] for row in ROWS])


@pytest.fixture
def frame() -> pd.DataFrame:
    return listed(*ROWS, record=LumisectionHistogram2D).to_pandas()


def same(made: Any, wanted: Any) -> bool:
    """Whether both are the same numbers in the same shape."""
    return np.shape(made) == np.shape(wanted) and np.array_equal(np.asarray(made), np.asarray(wanted))


OPERATORS: list[Callable[[Any, Any], Any]] = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    divmod, operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip
OTHERS = [
    2,
    0.5,
    np.float64(2),
    np.int64(3),
    np.array([1.0, 2.0, 3.0]),
    np.ones((2, 1)),
    np.ones((2, 3), int),
]


PAIRS = [(calculate, other) for other in OTHERS for calculate in OPERATORS] + [
    (calculate, [1.0, 2.0, 3.0]) for calculate in OPERATORS if calculate not in (operator.eq, operator.ne)
]


@pytest.mark.parametrize(("calculate", "other"), PAIRS)
def test_operators_work_bin_by_bin_from_both_sides(
    frame: pd.DataFrame, calculate: Callable[[Any, Any], Any], other: Any
) -> None:
    cell, array = frame["data"][0], SENT[0]
    assert same(calculate(cell, other), calculate(array, other))
    assert same(calculate(other, cell), calculate(other, array))


@pytest.mark.parametrize("calculate", OPERATORS)
def test_operators_work_between_cells(frame: pd.DataFrame, calculate: Callable[[Any, Any], Any]) -> None:
    assert same(calculate(frame["data"][1], frame["data"][2]), calculate(SENT[1], SENT[2]))


@pytest.mark.parametrize("one", [operator.neg, abs, np.sqrt, np.exp, operator.pos, np.isnan, np.square])
def test_functions_work_bin_by_bin(frame: pd.DataFrame, one: Callable[[Any], Any]) -> None:
    assert same(one(frame["data"][0]), one(SENT[0]))


@pytest.mark.parametrize(
    "ask",
    [
        lambda cell: cell.shape,
        lambda cell: (cell.ndim, cell.size, cell.dtype, len(cell)),
        lambda cell: cell.sum(),
        lambda cell: cell.sum(axis=0),
        lambda cell: cell.mean(axis=1, keepdims=True),
        lambda cell: (cell.min(), cell.max(), cell.std(), cell.argmax()),
        lambda cell: cell.T,
        lambda cell: cell.reshape(-1),
        lambda cell: cell.astype(int),
        lambda cell: cell.tolist(),
        np.sum,
        lambda cell: np.mean(cell, axis=0),
        np.median,
        lambda cell: np.percentile(cell, 30),
        lambda cell: np.histogram(cell, bins=3)[0],
        np.add.reduce,
        lambda cell: np.where(cell > 1, cell, 0),
        lambda cell: np.concatenate([cell, cell]),
        np.asarray,
        lambda cell: np.asarray(cell, np.float32),
        lambda cell: cell @ np.ones(3),
        lambda cell: np.ones(2) @ cell,
        lambda cell: sum([cell, cell]),
        lambda cell: [*map(float, cell[0])],
        lambda cell: [row[1] for row in cell],
        lambda cell: (cell == 1.5).sum(),
        lambda cell: (1.5 in cell, 77.0 in cell),
        lambda cell: cell[1][2],
        lambda cell: cell[1, 2],
        lambda cell: cell[-1],
        lambda cell: cell[np.int64(1)],
        lambda cell: cell[:1],
        lambda cell: cell[:, 1],
        lambda cell: cell[:, 1:],
        lambda cell: cell[..., 0],
        lambda cell: cell[::-1],
        lambda cell: cell[[1, 0]],
        lambda cell: cell[cell > 2],
    ],
)
def test_a_cell_answers_as_an_array_does(frame: pd.DataFrame, ask: Callable[[Any], Any]) -> None:
    assert same(ask(frame["data"][0]), ask(SENT[0]))


def test_a_cell_is_changed_in_every_way_an_array_is(frame: pd.DataFrame) -> None:
    cell, array = frame["data"][0], SENT[0].copy()
    whole = np.asarray(cell)
    for numbers in (cell, array):
        numbers[0][1] = 99
        numbers[1, 2] = -1
        numbers[:, 0] = 5
        numbers[1] = [7, 8, 9]
        numbers[numbers > 50] = 0
    kept = cell
    cell += frame["data"][1]
    cell *= 2
    np.add(cell, 1, out=cell)
    assert kept is cell
    assert same(cell, (array + SENT[1]) * 2 + 1)
    assert same([*cell], cell)
    assert np.shares_memory(whole, cell[1])
    assert whole[1, 2] == cell[1][2]


def test_cells_are_compared_bin_by_bin_and_as_a_whole(frame: pd.DataFrame) -> None:
    one, other = frame["data"][0], frame["data"][1]
    assert (one == other).tolist() == (SENT[0] == SENT[1]).tolist()
    assert bool(one == one.copy()) is True
    assert bool(one == other) is False
    assert bool(one != other) is True
    assert bool(one != one.copy()) is False
    assert one == SENT[0].tolist()
    assert one != SENT[1].tolist()
    assert not one == [[1.0], [1.0, 2.0]]  # noqa: SIM201  # what == says
    assert one != [[1.0], [1.0, 2.0]]
    assert (one == one[:1]) is False
    assert one in [other, one]
    assert type((one == other).all()) is type((SENT[0] == SENT[1]).all())


@pytest.mark.parametrize(
    "how", [copy.copy, copy.deepcopy, lambda cell: cell.copy(), np.array, lambda cell: cell[:] + 0]
)
def test_a_copy_of_a_cell_owns_its_numbers(frame: pd.DataFrame, how: Callable[[Any], Any]) -> None:
    cell = frame["data"][0]
    made = how(cell)
    made[0][0] = -1
    assert same(cell, SENT[0])
    assert made[0, 0] == -1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_cell_is_pickled_alone(frame: pd.DataFrame, protocol: int) -> None:
    cell = frame["data"][0]
    again = pickle.loads(pickle.dumps(cell, protocol))
    assert type(again) is type(cell)
    assert same(again + again, cell * 2)
    again[0][0] = -1
    assert again[0, 0] == -1


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.append([1.0]),
        lambda cell: cell.extend([[1.0]]),
        lambda cell: cell.insert(0, [1.0]),
        lambda cell: cell.pop(),
        lambda cell: cell.remove(1),
        lambda cell: cell.clear(),
        lambda cell: cell.reverse(),
        lambda cell: cell.sort(),
        lambda cell: operator.delitem(cell, 0),
    ],
)
def test_a_cell_keeps_its_rows(frame: pd.DataFrame, change: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"cell\.tolist\(\), or of all with to_pandas\(cells=\"list\"\)"):
        change(frame["data"][0])
    assert same([*frame["data"][0]], SENT[0])


def test_a_cell_is_a_list_without_protocols_of_its_own(frame: pd.DataFrame) -> None:
    cell = frame["data"][0]
    assert isinstance(cell, list)
    assert not hasattr(cell, "__array_interface__")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        cell.nonsense  # noqa: B018
    with pytest.raises(TypeError, match="unhashable"):
        hash(cell)
    assert repr(cell) == repr(SENT[0])


# --- in pandas


def test_columns_calculate(frame: pd.DataFrame) -> None:
    cells = frame["data"]
    assert same(cells.sum(), SENT.sum(axis=0))
    assert same(cells.sum() / len(cells), SENT.mean(axis=0))
    assert same((cells * 2)[1], SENT[1] * 2)
    assert same((cells + cells)[1], SENT[1] * 2)
    assert same((cells / frame["entries"])[3], SENT[3] / 4)
    assert same(cells.diff()[1], SENT[1] - SENT[0])
    assert cells.map(np.max).tolist() == SENT.max(axis=(1, 2)).tolist()
    assert cells.apply(lambda cell: cell.sum()).tolist() == SENT.sum(axis=(1, 2)).tolist()
    frame.loc[2, "data"] = None
    assert same(frame["data"].sum(), SENT[[0, 1, 3, 4]].sum(axis=0))


@pytest.mark.parametrize("how", ["sum", lambda cells: cells.sum(), lambda cells: np.stack(cells).sum(axis=0)])
def test_groups_calculate(frame: pd.DataFrame, how: Any) -> None:
    sums = frame.groupby("me")["data"].agg(how)
    assert same(sums["P/1"], SENT[::2].sum(axis=0))
    assert same(sums["P/0"], SENT[1::2].sum(axis=0))


def test_frames_are_compared(frame: pd.DataFrame) -> None:
    other = listed(*ROWS, record=LumisectionHistogram2D).to_pandas()
    assert frame.equals(other)
    pd.testing.assert_frame_equal(frame, other)
    other["data"][3][1][1] = 0
    assert not frame.equals(other)
    assert (frame["data"] == other["data"]).tolist() == [True, True, True, False, True]
    fewer = frame.assign(data=[cell[:1] for cell in frame["data"]])
    assert not frame.equals(fewer)


def test_frames_are_joined_sorted_and_taken_apart(frame: pd.DataFrame) -> None:
    twice = pd.concat([frame, frame], ignore_index=True)
    assert same(twice["data"].sum(), SENT.sum(axis=0) * 2)
    assert same(frame.sort_values("ls_number", ascending=False)["data"].iloc[0], SENT[4])
    assert same(frame.set_index("ls_number")["data"].loc[2], SENT[1])
    assert same(frame.merge(frame[["ls_number"]], on="ls_number")["data"].iloc[4], SENT[4])
    assert same(frame.copy()["data"][0], SENT[0])
    apart = frame.explode("data")
    assert len(apart) == 10
    assert same(apart["data"].iloc[1], SENT[0][1])
    assert same(np.array(frame["data"].tolist()), SENT)
    assert same(np.stack(frame["data"]), SENT)


def halved(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(data=frame["data"] / 2)


CHANGES = [
    lambda frame: frame,
    halved,
    lambda frame: frame.assign(data=frame["data"].map(lambda cell: cell.T)),
    lambda frame: frame.assign(data=frame["data"].map(lambda cell: cell[:, 1:])),
    lambda frame: frame.assign(data=frame["data"].map(lambda cell: np.sqrt(cell).astype(int))),
    lambda frame: frame.groupby("me", as_index=False)["data"].sum(),
    lambda frame: frame[frame["ls_number"] > 2],
    lambda frame: frame.assign(data=[None, *frame["data"][1:]]),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["parquet", "feather", "pickle"])
def test_what_was_calculated_is_written_and_read(
    frame: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], form: str, tmp_path: Path
) -> None:
    made = change(frame).reset_index(drop=True)
    getattr(made, f"to_{form}")(tmp_path / "file")
    back = getattr(pd, f"read_{form}")(tmp_path / "file")
    for cell, kept in zip(back["data"], made["data"], strict=True):
        assert cell is kept is None or same(np.stack(list(cell)), kept)
    if form == "parquet":
        back.to_parquet(tmp_path / "again")
        assert pq.read_table(tmp_path / "again")["data"].equals(pq.read_table(tmp_path / "file")["data"])


def test_frames_become_json(frame: pd.DataFrame) -> None:
    said = json.loads(frame.to_json(orient="records"))
    assert [row["data"] for row in said] == SENT.tolist()
    assert json.loads(json.dumps(frame["data"][0].tolist())) == SENT[0].tolist()


def test_maps_of_other_binnings_and_missing_ones_stand_in_a_frame() -> None:
    rows = [*ROWS[:2], th2(9, y_bin=1, x_bin=1, data=[[7.0]]), th2(10, y_bin=0, data=[])]
    result = listed(*rows, record=LumisectionHistogram2D)
    cells = result.to_pandas()["data"]
    assert [np.shape(cell) for cell in cells] == [(2, 3), (2, 3), (1, 1), (0, 0)]
    assert same(cells[2] * 2, [[14.0]])
    assert len(cells[3]) == 0
    del result.results[0].data
    assert result.to_pandas()["data"][0] is None
