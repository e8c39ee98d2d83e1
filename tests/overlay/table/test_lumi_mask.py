"""Masks of lumisections: what they are made of, that they are sets of pairs, and what they select."""

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import cmsdials
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from cmsdials import Dials, LumiMask
from cmsdials.errors import CheckpointError, ConfigurationError, FilterError
from cmsdials.filters import (
    DatasetIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    MLBadLumisectionFilters,
    RunFilters,
)
from cmsdials.models import CertificationFile, LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.table import decode
from cmsdials.table.columns import Columns
from cmsdials.table.documents import OMSRows
from cmsdials.table.objects import Objects
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1, th2
from tests.overlay.table.listings import listed, made_of

GOLDEN = {"367112": [[2, 4], [8, 9]], "360392": [[1, 1]]}
IN_IT = {(360392, 1), *((367112, ls) for ls in (2, 3, 4, 8, 9))}

Ranges = dict[int, list[tuple[int, int]]]
ranges = st.tuples(st.integers(0, 25), st.integers(0, 6)).map(lambda one: (one[0], one[0] + one[1]))
sources = st.dictionaries(st.integers(1, 4), st.lists(ranges, max_size=6), max_size=4)
pairs = st.tuples(st.integers(0, 5), st.integers(0, 33))


def pairs_of(source: Mapping[Any, Any]) -> set[tuple[int, int]]:
    return {
        (int(run), ls) for run, all_of_it in source.items() for a, b in all_of_it for ls in range(a, b + 1)
    }


# --- what it is made of


def written(folder: Path) -> Path:
    path = folder / "Cert_Löwe {1}.json"
    path.write_text(json.dumps(GOLDEN), encoding="utf-8-sig")
    return path


FORMS: dict[str, Callable[[Path], Any]] = {
    "dict": lambda _: GOLDEN,
    "runs as numbers": lambda _: {int(run): one for run, one in GOLDEN.items()},
    "numbers of NumPy": lambda _: {np.uint32(run): np.array(one) for run, one in GOLDEN.items()},
    "numbers as text": lambda _: {run: [[*map(str, one)] for one in all_] for run, all_ in GOLDEN.items()},
    "whole floats": lambda _: {run: [[*map(float, one)] for one in all_] for run, all_ in GOLDEN.items()},
    "tuples": lambda _: {run: tuple(map(tuple, one)) for run, one in GOLDEN.items()},
    "text": lambda _: json.dumps(GOLDEN),
    "text with a mark": lambda _: "\ufeff\r\n " + json.dumps(GOLDEN, indent=2),
    "bytes": lambda _: json.dumps(GOLDEN).encode("utf-8-sig"),
    "path": written,
    "path as text": lambda folder: str(written(folder)),
    "a certification file": lambda _: CertificationFile.from_dict(
        {"name": "n", "url": "u", "last_modified": "l", "size": "s", "content": GOLDEN}
    ),
    "a mask": lambda _: LumiMask(GOLDEN),
    "unordered, overlapping and touching": lambda _: {
        "367112": [[9, 9], [8, 8], [3, 4], [2, 3], [2, 3]],
        360392: [[1, 1]],
        "5": [],
    },
    "a run twice": lambda _: '{"367112": [[8, 9]], "360392": [[1, 1]], "367112": [[2, 4]]}',
    "a run as number and text": lambda _: {367112: [[8, 9]], "367112": [[2, 4]], " 360392 ": [[1, 1]]},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_mask_is_made_of_every_form_of_a_certification(form: str, tmp_path: Path) -> None:
    mask = LumiMask(FORMS[form](tmp_path))
    assert mask == LumiMask(GOLDEN)
    assert {*mask} == IN_IT
    assert mask.ranges == {360392: [(1, 1)], 367112: [(2, 4), (8, 9)]}
    assert (mask.runs, mask.counts, len(mask)) == ([360392, 367112], {360392: 1, 367112: 5}, 6)
    assert mask.to_json() == '{"360392": [[1, 1]], "367112": [[2, 4], [8, 9]]}'
    assert str(mask) == "a mask of 6 lumisections in 2 runs from 360392 to 367112"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({1: [[9, 3]]}, r"run 1 has a range \[9, 3\] that ends before it begins. Swap"),
        ({1: [[5, -1]]}, r"run 1, range \[5, -1\]: the number of a lumisection, -1, is not between"),
        ({1: [[5, None]]}, r"run 1, range \[5, None\]: .* is missing. .* both of its ends"),
        ({1: [[float("nan"), 5]]}, "is missing"),
        ({1: [[5]]}, r"run 1 has \[5\] in place of a range \[first, last\]"),
        ({1: [[1, 2, 3]]}, "in place of a range"),
        ({1: [1, 5]}, r"run 1 has 1 in place of a range .*\[\[2, 104\]"),
        ({1: ["15"]}, "run 1 has '15' in place of a range"),
        ({1: "1-5"}, "run 1 has '1-5' in place of a list of ranges"),
        ({1: None}, "run 1 has None in place of a list"),
        ({1: [[1, "max"]]}, r"run 1, range \[1, 'max'\]: 'max' is not the number of a lumisection"),
        ({1: [[1, 2.5]]}, "2.5 is not the number of a lumisection"),
        ({1: [[True, 2]]}, "True is not the number of a lumisection"),
        ({1: [[1, 2**32]]}, "4294967296, is not between 0 and 4294967295"),
        ({1: [[1, 10**5000]]}, "a number of thousands of digits"),
        ({"1:5": [[1, 2]]}, "'1:5' is not the number of a run"),
        ({"": [[1, 2]]}, "'' is not the number of a run"),
        ({-1: []}, "the number of a run, -1, is not between"),
        ({None: [[1, 2]]}, "the number of a run, None, is missing"),
        ({"1": {"12": [{"me": "x"}]}}, "which lists bad ones. Give the golden JSON"),
        ('{"1": {}}', "which lists bad ones"),
        ("{", "the text is not JSON: .*Give a certification JSON"),
        (b"\xff", "the text is not JSON"),
        ("[" * 100_000, "the text is not JSON"),
        ("[[1, 2]]", "not an object with runs as its keys"),
        ("no/such.json", "'no/such.json' cannot be read: No such file or directory. Name"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        (Path(), "cannot be read"),
        (pd.DataFrame({"run_number": [1]}), "cannot be made of DataFrame. .*of_rows"),
        ([(1, 2)], "cannot be made of list. .*of_rows"),
        (None, "cannot be made of NoneType"),
    ],
)
def test_what_is_no_certification_is_refused(source: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        LumiMask(source)


def test_certifications_of_the_service_make_masks(now: Dials) -> None:
    golden, dcs = (LumiMask(now.caf.get("Collisions24", kind=kind)) for kind in ("golden", "dcs"))
    assert golden
    assert golden - dcs == LumiMask({})
    assert golden & dcs == golden != dcs


def test_what_models_leave_makes_a_mask(jetmet: Dials) -> None:
    chosen = {"model_id__in": [19, 20], "dataset_id__in": [15042670], "run_number__in": [385799, 385801]}
    golden = LumiMask(jetmet.ml_bad_lumis.golden_json(**chosen))
    bad = LumiMask.of_rows(jetmet.ml_bad_lumis.list_all(MLBadLumisectionFilters(**chosen)))
    filters = [LumisectionFilters(dataset_id=15042670, run_number=run) for run in (385799, 385801)]
    there = [LumiMask.of_rows(jetmet.lumi.list_all(one)) for one in filters]
    assert golden
    assert bad & (there[0] | there[1])
    assert golden == (there[0] | there[1]) - bad
    with pytest.raises(ConfigurationError, match="which lists bad ones"):
        LumiMask(jetmet.ml_bad_lumis.cert_json(**chosen))


# --- that it is a set of pairs


@given(sources, sources, st.lists(pairs, max_size=30))
def test_masks_are_sets_of_pairs(one: Ranges, other: Ranges, asked: list[tuple[int, int]]) -> None:
    masks = LumiMask(one), LumiMask({str(run): all_ for run, all_ in other.items()})
    sets = pairs_of(one), pairs_of(other)
    assert [*masks[0]] == sorted(sets[0])
    assert {*(masks[0] & masks[1])} == sets[0] & sets[1]
    assert {*(masks[0] | masks[1])} == sets[0] | sets[1]
    assert {*(masks[0] - masks[1])} == sets[0] - sets[1]
    assert (masks[0] == masks[1]) == (sets[0] == sets[1])
    assert (len(masks[0]), bool(masks[0])) == (len(sets[0]), bool(sets[0]))
    for mask, of_pairs in zip(masks, sets, strict=True):
        wanted = [pair in of_pairs for pair in asked]
        assert [pair in mask for pair in asked] == wanted
        assert mask([run for run, _ in asked], [ls for _, ls in asked]).tolist() == wanted
        assert [mask(run, ls) for run, ls in asked] == wanted
        assert LumiMask.of_rows(of_pairs) == LumiMask(mask.to_json()) == mask
        for all_ in mask.ranges.values():  # neither overlap nor touch
            assert all(left[1] + 1 < right[0] for left, right in pairwise(all_))
    for made in (masks[0] & masks[1], masks[0] | masks[1], masks[0] - masks[1]):
        assert made == LumiMask(made.ranges)
        assert hash(made) == hash(LumiMask(made.ranges))


def test_the_largest_numbers_are_numbers_like_others() -> None:
    largest = 2**32 - 1
    mask = LumiMask({largest: [[0, largest]], 7: [[largest, largest]]})
    assert mask([largest, largest, 7, 7, 8], [0, largest, largest, 0, 0]).tolist() == [1, 1, 1, 0, 0]
    assert len(mask) == 2**32 + 1
    assert LumiMask({0: [[0, 9]]})(np.array([2**32, 0], np.float32), 5).tolist() == [False, True]
    assert LumiMask({7: [[2, 9]]})(np.array([7, 8], np.float16), np.array([2, 2], np.int8)).tolist() == [1, 0]
    assert LumiMask.of_rows([(7, largest), (8, 0)]).ranges == {7: [(largest, largest)], 8: [(0, 0)]}


def test_ranges_of_one_run_are_looked_up() -> None:
    mask = LumiMask({5: [[7, 9], [1, 2], [3, 3]]})
    assert (mask.of_run(5), mask.of_run(6)) == (((1, 3), (7, 9)), ())


def test_masks_are_copied_and_pickled() -> None:
    mask = LumiMask(GOLDEN)
    mask.ranges[367112].clear()
    mask.runs.clear()
    for made in (copy.deepcopy(mask), pickle.loads(pickle.dumps(mask))):
        assert made == mask == LumiMask(GOLDEN)


@pytest.mark.parametrize(
    ("asking", "said"),
    [
        (lambda mask: mask & GOLDEN, "on both sides of & stands a mask, not dict. .*LumiMask"),
        (lambda mask: mask | {(1, 2)}, "on both sides of | stands a mask, not set"),
        (lambda mask: mask - "a", "on both sides of - stands a mask, not str"),
        (lambda mask: 367112 in mask, "367112 is not one. Write .*run in mask.runs"),
        (lambda mask: (1, 2, 3) in mask, "is not one"),
        (lambda mask: ("x", 2) in mask, "'x' is not the number of a run"),
    ],
)
def test_what_is_no_mask_and_no_pair_is_refused(asking: Callable[[LumiMask], Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        asking(LumiMask(GOLDEN))


# --- called with columns

COLUMNS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "text": lambda values: [*map(str, values)],
    "array of text": lambda values: np.array([*map(str, values)]),
    "floats": lambda values: np.array(values, np.float64),
    "uint32": lambda values: np.array(values, np.uint32),
    "uint64, reversed": lambda values: np.array(values[::-1], np.uint64)[::-1],
    "objects": lambda values: np.array(values, object),
    "masked, none of it": np.ma.array,
    "pandas": lambda values: pd.Series(values, index=[f"row {value}" for value in values]),
    "pandas index": pd.Index,
    "pandas Int64": lambda values: pd.Series(values, dtype="Int64"),
    "pandas text": lambda values: pd.Series([*map(str, values)], dtype="string"),
    "pandas category": lambda values: pd.Series(values, dtype="category"),
    "pandas of Arrow": lambda values: pd.Series(values, dtype="int64[pyarrow]"),
    "Arrow": pa.array,
    "Arrow chunks": lambda values: pa.chunked_array([values[:2], [], values[2:]], pa.int64()),
    "Arrow text": lambda values: pa.array([*map(str, values)]),
    "Arrow scalars": lambda values: list(pa.array(values)),
    "polars": pl.Series,
    "polars chunks": lambda values: pl.concat([pl.Series(values[:2]), pl.Series(values[2:])], rechunk=False),
    "polars text": lambda values: pl.Series([*map(str, values)]),
}


@pytest.mark.parametrize("form", COLUMNS)
def test_every_column_is_looked_up(form: str) -> None:
    runs, lumis = [367112, 360392, 367112, 1, 367112], [2, 2, 9, 1, 10]
    mask, make = LumiMask(GOLDEN), COLUMNS[form]
    found = mask(make(runs), make(lumis))
    assert (found.dtype, found.tolist()) == (np.dtype(bool), [True, False, True, False, False])
    assert mask(367112, make(lumis)).tolist() == [True, True, True, False, False]
    assert mask(make(runs), "2").tolist() == [True, False, True, False, True]
    assert LumiMask({})(make(runs), make(lumis)).tolist() == [False] * 5


MISSING: dict[str, Any] = {
    "None": [367112, None],
    "NaN": [367112, float("nan")],
    "NaN among text": ["367112", float("nan")],
    "pandas NA": pd.Series([367112, pd.NA], dtype="Int64"),
    "pandas float": pd.Series([367112, None]),
    "pandas objects": pd.Series([367112, pd.NA], dtype=object),
    "Arrow": pa.array([367112, None]),
    "Arrow text": pa.array(["367112", None]),
    "polars": pl.Series([367112, None]),
    "masked": np.ma.array([367112, 367112], mask=[False, True]),
    "masked fraction": np.ma.array([367112, 1.5], mask=[False, True]),
    "negative": [367112, -367112],
    "too large": [367112, 2**32 + 367112],
    "far too large": [367112, 2**64 + 367112],
    "far too small": ["367112", -(2**80)],
}


@pytest.mark.parametrize("form", MISSING)
def test_what_has_no_run_or_number_is_in_no_mask(form: str) -> None:
    mask = LumiMask(GOLDEN)
    assert mask(MISSING[form], [2, 2]).tolist() == [True, False]
    assert mask(367112, None) is mask(float("nan"), 2) is mask(pd.NA, 2) is mask(pa.scalar(None), 2) is False
    assert (367112, None) not in mask


def test_one_lumisection_is_a_bool_and_shapes_stay() -> None:
    mask = LumiMask(GOLDEN)
    for run in (367112, "367112", np.int64(367112), np.array(367112), pa.scalar(367112), 367112.0):
        assert mask(run, 2) is True
        assert mask(run, 5) is False
    assert mask([[367112, 1]], [[2, 2]]).tolist() == [[True, False]]
    assert mask([], []).tolist() == mask(5, []).tolist() == mask(pl.Series([]), pd.Series([])).tolist() == []


@pytest.mark.parametrize(
    ("runs", "lumis", "said"),
    [
        ([1, 2], [1], "there are 2 runs and 1 lumisections. Give as many"),
        ([[1], [1]], [1, 2], "there are 2 x 1 runs and 2 lumisections"),
        ([1.5], [1], "1.5 is not the number of a run"),
        ([float("inf")], [1], "inf is not the number of a run"),
        ([1], ["x"], "'x' is not the number of a lumisection"),
        ("x", 1, "'x' is not the number of a run"),
        (True, 1, "True is not the number of a run"),
        ([True], [1], "the values of run are not whole numbers, but of type bool"),
        (np.array([1, True], object), [1, 1], "but hold True or False"),
        (np.array(["2024-01-01"], "M8[D]"), [1], "of type datetime64"),
        ([[1], [1, 2]], [1, 1], "the values of run are not whole numbers"),
        ([{}], [1], "the values of run are not whole numbers: {}"),
        ({1: 2}, [1], "a column of runs is needed, not dict. Write mask.select"),
        ({1}, [1], "a column of runs is needed, not set"),
        (pd.DataFrame({"run_number": [1]}), [1], "a column of runs is needed, not DataFrame"),
        (b"1", [1], "a column of runs is needed, not bytes"),
        (object(), [1], "is not the number of a run"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(runs: Any, lumis: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        LumiMask(GOLDEN)(runs, lumis)


# --- narrowing filters


@given(sources, pairs, pairs, st.sampled_from(["", "run_number", "ls_number", "both"]))
def test_filters_are_narrowed_to_the_runs_of_a_mask(
    source: Ranges, one: tuple[int, int], other: tuple[int, int], exact: str
) -> None:
    mask = LumiMask(source)
    (low, first), (high, last) = sorted([one, other])
    first, last = sorted([first, last])
    given: dict[str, Any] = {"run_number__gte": low, "run_number__lte": high}
    given |= {"ls_number__gte": first, "ls_number__lte": last}
    given |= {"run_number": low} if exact in ("run_number", "both") else {}
    given |= {"ls_number": last} if exact in ("ls_number", "both") else {}

    def are_asked(filters: dict[str, Any], run: int, ls: int) -> bool:
        values = {"run_number": run, "ls_number": ls}
        return all(
            value <= values[name.removesuffix("__gte")]
            if name.endswith("__gte")
            else value >= values[name.removesuffix("__lte")]
            if name.endswith("__lte")
            else value == values[name]
            for name, value in filters.items()
            if name.partition("__")[0] in values
        )

    narrowed = [part.given() for part in mask.filters(LumisectionHistogram1DFilters(me="x", **given))]
    everything = [(run, ls) for run in range(6) for ls in range(34)]
    for pair in everything:
        times = sum(are_asked(part, *pair) for part in narrowed)
        assert times == 1 or (times == 0 and not (pair in mask and are_asked(given, *pair)))
        if times:
            assert pair[0] in mask.runs
            assert are_asked(given, *pair)
    assert all(part["me"] == "x" for part in narrowed)


def test_filters_without_lumisections_choose_runs() -> None:
    mask = LumiMask(GOLDEN)
    assert mask.filters(RunFilters()) == [RunFilters(run_number=360392), RunFilters(run_number=367112)]
    assert mask.filters(RunFilters(run_number__gte=360393, page_size=20, order_by=["run_number"])) == [
        RunFilters(run_number=367112, page_size=20, order_by=["run_number"])
    ]
    assert mask.filters(LumisectionFilters(ls_number=3)) == [
        LumisectionFilters(run_number=367112, ls_number__gte=3, ls_number__lte=3)
    ]
    assert mask.filters(LumisectionFilters(ls_number=3, ls_number__gte=4)) == []
    assert LumiMask({}).filters(RunFilters()) == []


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (DatasetIndexFilters(), "DatasetIndexFilters has no ranges of runs"),
        (MLBadLumisectionFilters(), "MLBadLumisectionFilters has no ranges of runs"),
        (RunFilters(next_token="c1"), r"RunFilters.next_token is of one listing, .* Leave it out"),
    ],
)
def test_filters_that_no_mask_narrows_are_refused(filters: Any, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        LumiMask(GOLDEN).filters(filters)


# --- selecting

FRAME = pd.DataFrame(
    {"run_number": [367112, 360392, 1], "ls_number": [3, 2, 3], "data": [[1.0], [2.0], [3.0]]},
    index=[7, 8, 9],
)


def test_frames_and_tables_are_selected_from() -> None:
    mask = LumiMask(GOLDEN)
    pd.testing.assert_frame_equal(mask.select(FRAME), FRAME.loc[[7]])
    levels = FRAME.set_index(["run_number", "ls_number"])
    pd.testing.assert_frame_equal(mask.select(levels), levels.iloc[:1])
    assert mask.select(pl.from_pandas(FRAME)).to_dicts() == [
        {"run_number": 367112, "ls_number": 3, "data": [1.0]}
    ]
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    assert mask.select(table).equals(table[:1])
    assert mask.select(table.to_batches()[0]).equals(table.to_batches()[0][:1])
    of_oms = FRAME.rename(columns={"ls_number": "lumisection_number"})
    assert [*mask.select(of_oms, ls="lumisection_number").index] == [7]
    wide = pl.from_pandas(FRAME).with_columns(pl.col("ls_number").cast(pl.Int128))
    assert mask.select(wide)["run_number"].to_list() == [367112]
    oms = OMSRows(
        [{"id": str(row), **one} for row, one in enumerate(of_oms.to_dict("records"))], "lumisections"
    )
    assert mask.select(oms, ls="lumisection_number") == OMSRows(oms.results[:1], "lumisections")
    assert {*LumiMask.of_rows(oms, ls="lumisection_number")} == {(367112, 3), (360392, 2), (1, 3)}
    with pytest.raises(
        ConfigurationError, match=r"no ls_number. Name the columns with run= and ls=. There are: id"
    ):
        mask.select(oms)
    for none in (FRAME[:0], pl.from_pandas(FRAME)[:0], table[:0]):
        assert mask.select(none).shape == none.shape
        assert not LumiMask.of_rows(none)
    for rows in (FRAME, levels, pl.from_pandas(FRAME), table):
        assert {*LumiMask.of_rows(rows)} == {(367112, 3), (360392, 2), (1, 3)}


@pytest.mark.parametrize(("row", "record"), [(th1, LumisectionHistogram1D), (th2, LumisectionHistogram2D)])
@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("as_objects", [False, True])
def test_results_and_arrays_are_selected_from(
    row: Any, record: Any, is_read: bool, as_objects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "are_worth_it", lambda _size: as_objects)  # as before NumPy is loaded
    rows = [row(ls, run_number=run) for run in (360392, 367112) for ls in range(1, 11)]
    result = listed(*rows, record=record)
    assert {*map(type, result.store.held())} == {Objects if as_objects else Columns}
    if is_read:
        result.results.sort(key=lambda one: -one.ls_number)
    wanted = [one.dict() for one in result.copy() if (one.run_number, one.ls_number) in IN_IT]
    mask = LumiMask(GOLDEN)
    selected = mask.select(result)
    assert [one.dict() for one in selected] == wanted
    assert (len(wanted), len(result)) == (6, 20)
    assert selected.origin.mask == mask
    assert selected.complete
    assert selected.status == (
        f"6 rows of {result.origin.resource} within a mask of 6 lumisections in 2 runs from 360392 to 367112: all there are"
    )
    assert "within a mask of 6 lumisections" in repr(selected)
    arrays = result.to_numpy()
    for name, values in mask.select(arrays).items():
        assert values.tolist() == arrays[name][mask(arrays["run_number"], arrays["ls_number"])].tolist()
        assert values.tolist() == selected.to_numpy()[name].tolist()
    by_run = mask.select(result.to_numpy(group_by="run_number"))
    assert {run: len(one["data"]) for run, one in by_run.items()} == {360392: 1, 367112: 5}
    assert LumiMask.of_rows(selected) == LumiMask.of_rows(arrays) & mask == mask


def test_what_is_changed_in_a_selection_changes_nothing_else() -> None:
    result = listed(th1(2), th1(5))
    selected = LumiMask(GOLDEN).select(result)
    selected.results[0].data[0] = -1.0
    selected.results.clear()
    assert [one.data[0] for one in result] == [2.5, 5.5]
    everything = LumiMask({367112: [[1, 9]]}).select(result)
    everything.results.clear()
    assert len(result) == 2


def test_a_mask_of_a_selection_is_that_of_both() -> None:
    result = listed(th1(2), th1(3), th1(8))
    twice = LumiMask({367112: [[3, 9]]}).select(LumiMask(GOLDEN).select(result))
    assert [one.ls_number for one in twice] == [3, 8]
    assert twice.origin.mask == LumiMask({367112: [[3, 4], [8, 9]]})


def test_pages_are_selected_from(service: Scripted) -> None:
    service.will_page([th1(1), th1(2), th1(8), th1(10)], 2)
    with service.dials.h1d.pages() as pages:
        selected = [LumiMask(GOLDEN).select(page) for page in pages]
    assert [[one.ls_number for one in page.rows] for page in selected] == [[2], [8]]
    assert [(page.next is None, page.dropped, page.size > 0) for page in selected] == [
        (False, 1, True),
        (True, 1, True),
    ]


def test_rows_that_a_script_has_changed_are_selected_as_they_are() -> None:
    rows = [*listed(th1(1), th1(2), th1(3)).results]
    rows[0].ls_number, rows[1].ls_number = 4, None
    selected = LumiMask(GOLDEN).select(made_of(rows, type(rows[0])))
    assert [one.ls_number for one in selected] == [4, 3]


def test_a_selection_is_resumed_by_nothing_and_saved_as_one(service: Scripted, tmp_path: Path) -> None:
    service.will_page([th1(1), th1(2), th1(3)], 1)
    part = LumiMask(GOLDEN).select(service.dials.h1d.list_all(max_pages=2))
    assert part.status.endswith(
        "there are more; resume the listing that they were selected from, and select again"
    )
    path = tmp_path / "part.dials"
    part.save(path)
    loaded = cmsdials.load(path)
    assert (loaded, loaded.origin.mask, loaded.status) == (part, LumiMask(GOLDEN), part.status)
    asked = len(service.asked)
    for source in (part, path):
        with pytest.raises(CheckpointError, match=r"selected by a mask of 6 .* there and by no mask here"):
            service.dials.h1d.list_all(resume_from=source)
    with pytest.raises(CheckpointError, match="selected by a mask"):
        service.dials.h1d.list_all(resume_from=path, checkpoint=path)
    assert len(service.asked) == asked


@pytest.mark.parametrize(("mask", "many"), [(LumiMask(GOLDEN), 1), (LumiMask({}), 0)])
def test_a_selection_of_the_end_of_a_listing_is_not_all(service: Scripted, mask: LumiMask, many: int) -> None:
    service.will_page([th1(1), th1(2)], 2)
    end = mask.select(service.dials.h1d.list_all(LumisectionHistogram1DFilters(next_token="c5")))
    assert len(end) == many
    assert (
        "all there are; resume" in end.status if not many else "not from the beginning; resume" in end.status
    )
    assert "there are more" not in end.status


@pytest.mark.parametrize("mask", ["a path", '{"1": [[1, 2]]}', 5, [[1, 2]], {"1": [[2, 1]]}, {"1": {}}])
def test_a_file_with_something_else_for_a_mask_is_refused(mask: Any, tmp_path: Path) -> None:
    path = tmp_path / "part.dials"
    LumiMask(GOLDEN).select(listed(th1(2))).save(path)
    if mask == "a path":
        mask = str(written(tmp_path))
    header, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(json.dumps({**json.loads(header), "mask": mask}).encode() + b"\n" + rest)
    with pytest.raises(CheckpointError, match="does not say what it is a listing of"):
        cmsdials.load(path)


def test_a_mask_that_no_file_could_be_read_with_is_refused(tmp_path: Path) -> None:
    mask = LumiMask({1: [[ls, ls] for ls in range(0, 200_000, 2)], 367112: [[2, 2]]})
    with pytest.raises(CheckpointError, match=r"too long for a listing file\. Save it before a mask selects"):
        mask.select(listed(th1(2))).save(tmp_path / "part.dials")
    assert [*tmp_path.iterdir()] == []


def test_coverage_of_a_selection_is_within_its_mask(now: Dials) -> None:
    filters = LumisectionHistogram1DFilters(dataset_id=14677060, run_number=379543, me_id=1)
    result = now.h1d.list_all(filters, fields=["dataset_id", "run_number", "ls_number", "me_id"])
    (whole,) = now.h1d.coverage(result).rows
    assert (whole.expected, whole.missing) == (91, [(11, 11), (34, 34), (57, 57), (80, 80)])
    found = now.h1d.coverage(LumiMask({379543: [[1, 10], [30, 40]]}).select(result))
    (within,) = found.rows
    assert (within.expected, within.retrieved, within.missing) == (21, 20, [(34, 34)])
    assert not found.complete
    assert now.h1d.coverage(LumiMask({379543: [[1, 10]]}).select(result)).complete


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (lambda: [th1()], "cannot select from list. .*in mask\\]"),
        (lambda: listed().results, "cannot select from list"),
        (lambda: FRAME["run_number"], "cannot select from Series. .*For columns: mask"),
        (lambda: None, "cannot select from NoneType"),
        (lambda: "rows", "cannot select from str"),
        (lambda: FRAME.drop(columns="ls_number"), "no ls_number. Name .* There are: run_number, data"),
        (pd.DataFrame, "no run_number and no ls_number. .*none"),
        (lambda: pl.from_pandas(FRAME).drop("run_number"), "no run_number"),
        (lambda: pl.from_pandas(FRAME).lazy(), "a LazyFrame has none yet. Collect"),
        (lambda: pa.table({"run": [1]}), "no run_number and no ls_number"),
        (
            lambda: pa.table([[1], [1], [2]], ["run_number", "ls_number", "ls_number"]),
            "several columns ls_number",
        ),
        (lambda: {"run_number": np.array([1])}, "no ls_number"),
        (
            lambda: {"run_number": np.array([1]), "ls_number": np.array([1]), "data": np.zeros((2, 3))},
            "data has 2 values, and there are 1 runs",
        ),
        (lambda: {"run_number": 1, "ls_number": 1}, "run_number has a single value, and there are 1 runs"),
        (lambda: {"run_number": [1], "ls_number": [1], "n": np.array(5)}, "n has a single value"),
        (lambda: listed(run_row(1), record=Run), "no ls_number. Take lumisections or histograms"),
        (lambda: listed(record=Run), "no ls_number. Take lumisections"),
        (lambda: listed(th1(), fields=["ls_number"]), "no run_number. .*fields="),
    ],
)
def test_what_has_no_lumisections_is_refused(rows: Callable[[], Any], said: str) -> None:
    given = rows()
    with pytest.raises(ConfigurationError, match=said):
        LumiMask(GOLDEN).select(given)


def test_masks_without_arrays_load_no_numpy() -> None:
    code = (
        "import sys; from cmsdials import LumiMask; mask = LumiMask('{\"1\": [[2, 3]]}'); "
        "print((mask & mask | mask - mask)(1, 2), (1, 2) in mask, len(mask), mask.to_json(), 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 'True True 2 {"1": [[2, 3]]} False\n'
