"""Joins by run and lumisection: the same rows in the same order, with what belongs to them and nothing else."""

import gzip
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from cmsdials import Dials, LumiMask, join
from cmsdials.errors import ConfigurationError, FilterError
from cmsdials.filters import LumisectionHistogram1DFilters, OMSFilter, RunFilters
from cmsdials.models import Run
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1
from tests.overlay.table.listings import listed, made_of

Rows = list[dict[str, Any]]

FRAMES: dict[str, Callable[[Any], Any]] = {
    "pandas": pd.DataFrame,
    "arrow": pa.table,
    "polars": pl.DataFrame,
}
each_library = pytest.mark.parametrize("library", FRAMES)


def plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def rows_of(frame: Any) -> Rows:
    """The rows of a frame of any library, None where something is missing."""
    if isinstance(frame, pd.DataFrame):
        frame = {name: frame[name].tolist() for name in frame.columns}
    elif isinstance(frame, pa.Table):
        frame = frame.to_pydict()
    else:
        frame = frame.to_dict(as_series=False)
    return [dict(zip(frame, map(plain, row), strict=True)) for row in zip(*frame.values(), strict=True)]


# --- held against a loop over dicts


def looked_up(left: Rows, right: Rows, names: list[str]) -> Rows:
    """What a join is: a loop that looks each row up."""
    known = {(row["run"], row["ls"]): row for row in right if None not in (row["run"], row["ls"])}
    return [
        {**row, **{name: known.get((row["run_number"], row["ls_number"]), {}).get(name) for name in names}}
        for row in left
    ]


WRITTEN: dict[str, Callable[[list[Any]], dict[str, Any]]] = {
    "int64": lambda values: {"pandas": pd.array(values, "Int64"), "arrow": pa.array(values, pa.int64())},
    "int32": lambda values: {"pandas": pd.array(values, "Int32"), "arrow": pa.array(values, pa.int32())},
    "uint16": lambda values: {"pandas": pd.array(values, "UInt16"), "arrow": pa.array(values, pa.uint16())},
    "floats": lambda values: {
        "pandas": np.array([math.nan if one is None else one for one in values], np.float64),
        "arrow": pa.array(values, pa.float64()),
    },
    "float32 with NaN": lambda values: {
        "pandas": np.array([math.nan if one is None else one for one in values], np.float32),
        "arrow": pa.array([math.nan if one is None else one for one in values], pa.float32()),
    },
    "text": lambda values: {
        "pandas": [None if one is None else str(one) for one in values],
        "arrow": pa.array([None if one is None else str(one) for one in values], pa.string()),
    },
    "large text": lambda values: {
        "pandas": pd.array([None if one is None else f" {one} " for one in values], "string"),
        "arrow": pa.array([None if one is None else f" {one} " for one in values], pa.large_string()),
    },
    "categories": lambda values: {
        "pandas": pd.Categorical([None if one is None else str(one) for one in values]),
        "arrow": pa.array(
            [None if one is None else str(one) for one in values], pa.string()
        ).dictionary_encode(),
    },
    "objects": lambda values: {
        "pandas": pd.Series(values, dtype=object),
        "arrow": pa.array(values, pa.int8()),
    },
}

keys = st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.one_of(st.none(), st.integers(0, 5)))
values = st.tuples(
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=3)),
    st.one_of(st.none(), st.floats(allow_nan=False)),
)
pairs_once = st.lists(
    st.tuples(keys, values), max_size=12, unique_by=lambda one: one[0] if None not in one[0] else id(one)
)


def framed(library: str, columns: dict[str, Any], written: dict[str, str]) -> Any:
    made: dict[str, Any] = {}
    kinds = {
        "number": pa.int64(),
        "flag": pa.bool_(),
        "text": pa.string(),
        "value": pa.float64(),
        "row": pa.int64(),
    }
    for name, column in columns.items():
        how = written.get(name)
        both = WRITTEN[how](column) if how else {"arrow": pa.array(column, kinds[name])}
        made[name] = both["arrow"]
        if library == "pandas":
            made[name] = both.get("pandas", column)
            if name in ("number", "flag"):
                made[name] = pd.array(column, "Int64" if name == "number" else "boolean")
    if library == "polars":
        return pl.from_arrow(pa.table(made))
    return FRAMES[library](made)


@each_library
@given(
    left=st.lists(keys, max_size=20),
    right=pairs_once,
    written=st.fixed_dictionaries(
        dict.fromkeys(("run_number", "ls_number", "run", "ls"), st.sampled_from([*WRITTEN]))
    ),
    data=st.data(),
)
def test_no_row_is_lost_doubled_or_moved(
    library: str, left: list[Any], right: list[Any], written: dict[str, str], data: Any
) -> None:
    on_left: Rows = [{"run_number": run, "ls_number": ls, "row": at} for at, (run, ls) in enumerate(left)]
    on_right: Rows = [
        {"run": run, "ls": ls, "number": more[0], "flag": more[1], "text": more[2], "value": more[3]}
        for (run, ls), more in right
    ]
    added = ["number", "flag", "text", "value"]

    def columns(rows: Rows, names: list[str]) -> dict[str, list[Any]]:
        return {name: [row[name] for row in rows] for name in names}

    before = framed(library, columns(on_left, ["run_number", "ls_number", "row"]), written)
    other = data.draw(st.sampled_from([*FRAMES]))  # the right may be of another library
    made = join(before, framed(other, columns(on_right, ["run", "ls", *added]), written))
    assert type(made) is type(before)
    kept = [*rows_of(before)]
    expected = looked_up(on_left, on_right, added)
    assert rows_of(made) == [
        {**one, **{name: row[name] for name in added}} for one, row in zip(kept, expected, strict=True)
    ]
    if library == "pandas":
        assert [str(made[name].dtype) for name in ("number", "flag")] == ["Int64", "boolean"]
        assert made.index.equals(before.index)


@given(
    left=st.lists(keys, max_size=15),
    ranges=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=5),
)
def test_a_range_stands_for_each_of_its_lumisections(left: list[Any], ranges: list[tuple[int, int]]) -> None:
    """Ranges of three runs, which do not overlap within one."""
    right: Rows = []
    ends = [0, 0, 0]
    for number, (run, length) in enumerate(ranges):
        right.append({"run_number": run, "start": ends[run], "end": ends[run] + length, "number": number})
        ends[run] += length + 1
    known = {
        (row["run_number"], ls): row["number"] for row in right for ls in range(row["start"], row["end"] + 1)
    }
    frame = pd.DataFrame(left, columns=["run_number", "ls_number"])
    other = pd.DataFrame(right[::-1], columns=["run_number", "start", "end", "number"], dtype=int)
    made = rows_of(join(frame, other))
    assert [row["number"] for row in made] == [known.get(pair) for pair in left]
    assert [(row["run_number"], row["ls_number"]) for row in made] == left


@each_library
@given(
    rows=st.lists(
        st.tuples(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 2), st.integers(-1, 2**40)),
        max_size=12,
        unique=True,
    )
)
def test_more_columns_may_be_compared_whatever_whole_numbers_they_hold(
    library: str, rows: list[tuple[int, int, int]]
) -> None:
    names = ["file_id", "run_number", "ls_number"]
    columns = dict(zip(names, zip(*rows, strict=True) if rows else [(), (), ()], strict=True))
    left = pa.table({name: pa.array(column, pa.int64()) for name, column in columns.items()})
    other = left.take(pa.array([*range(len(rows))][::-1], pa.int64()))
    right = other.append_column("at", pa.array(range(len(rows)), pa.int64()))
    convert = {"arrow": lambda table: table, "pandas": pa.Table.to_pandas, "polars": pl.from_arrow}[library]
    made = join(convert(left), convert(right), on=names)
    assert [row["at"] for row in rows_of(made)] == [*range(len(rows))][::-1]


# --- what stays as it is


@each_library
def test_a_key_that_is_missing_has_no_partner(library: str) -> None:
    left = FRAMES[library]({"run_number": [1, None, 1, None], "ls_number": [1, 1, None, None]})
    right = FRAMES[library](
        {"run_number": [1, None, 1, None], "ls_number": [1, 1, None, None], "x": [7, 8, 9, 10]}
    )
    assert [row["x"] for row in rows_of(join(left, right))] == [7, None, None, None]


def test_the_index_of_pandas_stays_whatever_it_is() -> None:
    left = pd.DataFrame(
        {"run_number": [2, 1, 2], "ls_number": [5, 5, 5], 0: ["a", "b", "c"]}, index=[9, 9, 4]
    )
    before = left.copy()
    made = join(left, pd.DataFrame({"run": [1], "ls": [5], "x": [3]}, index=["y"]))
    pd.testing.assert_frame_equal(left, before)
    assert made.index.tolist() == [9, 9, 4]
    assert made["x"].tolist() == [pd.NA, 3, pd.NA]
    assert made[0].tolist() == ["a", "b", "c"]


def test_keys_may_be_levels_of_the_index() -> None:
    levels = pd.MultiIndex.from_tuples([(1, 4), (1, 3)], names=["run_number", "ls_number"])
    left, right = pd.DataFrame({"a": [1, 2]}, index=levels), pd.DataFrame({"b": [5, 6]}, index=levels[::-1])
    made = join(left, right)
    assert made.index.equals(levels)
    assert made.to_dict("list") == {"a": [1, 2], "b": [6, 5]}


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (np.array([7], np.int8), "Int8"),
        (np.array([7], np.uint64), "UInt64"),
        (np.array([2**63 + 5], np.uint64), "UInt64"),
        (np.array([True]), "boolean"),
        (np.array([1.5], np.float32), "float32"),
        (pd.array([7], "Int32"), "Int32"),
        (pd.array([1.5], "Float64"), "Float64"),
        (pd.to_datetime(["2024-01-01"], utc=True), "datetime64"),
        (pd.Categorical(["a"]), "category"),
        (pd.array([7], pd.ArrowDtype(pa.int32())), "int32[pyarrow]"),
        ([[1, 2]], "object"),
        ([None], "object"),
        ([1j], "complex128"),
    ],
    ids=str,
)
def test_types_of_pandas_stay_whether_values_are_missing_or_not(column: Any, dtype: str) -> None:
    right = pd.DataFrame({"run_number": [1], "ls_number": [1], "x": column})
    for lumis in ([1, 1], [1, 2], [2, 2], []):
        left = pd.DataFrame({"run_number": [1] * len(lumis), "ls_number": lumis})
        made = join(left, right)["x"]
        assert str(made.dtype).startswith(dtype)
        assert made.notna().tolist() == [ls == 1 and column != [None] for ls in lumis]
        assert all(one == right["x"][0] for one in made[made.notna()])


@pytest.mark.parametrize(
    "kind", [pa.uint64(), pa.decimal128(5, 2), pa.list_(pa.int8()), pa.binary(), pa.date32(), pa.null()]
)
def test_types_of_arrow_stay(kind: Any) -> None:
    right = pa.table({"run": pa.array([1]), "ls": [1], "x": pa.array([None], kind)})
    left = pa.table({"run": [1, 2], "ls": [1, 1]})
    assert join(left, right).schema.field("x").type == kind
    assert join(left, right.slice(0, 0)).schema.field("x").type == kind
    assert join(left.slice(0, 0), right).num_rows == 0


@pytest.mark.parametrize("kind", [name for name in ("string_view", "binary_view") if hasattr(pa, name)])
def test_views_of_arrow_are_joined(kind: str) -> None:
    value: str | bytes = "ab" if kind == "string_view" else b"ab"
    right = pa.table({"run": [2, 3], "ls": [1, 1], "x": pa.array([value, None], getattr(pa, kind)())})
    made = join(pa.table({"run": [1, 2], "ls": [1, 1]}), right)
    assert made["x"].to_pylist() == [None, value]


def test_chunks_of_arrow_and_batches_are_tables() -> None:
    left = pa.concat_tables(
        [pa.table({"run": [1, 2], "ls": [1, 1]}), pa.table({"run": [3, 1], "ls": [1, 2]})]
    )
    right = pa.RecordBatch.from_pydict({"run": [3, 2], "ls": [1, 1], "x": ["c", "b"]})
    assert join(left, right)["x"].to_pylist() == [None, "b", "c", None]
    joined = join(right, left.append_column("y", pa.array([1, 2, 3, 4])).to_batches()[1])
    assert joined.to_pydict() == {"run": [3, 2], "ls": [1, 1], "x": ["c", "b"], "y": [3, None]}


# --- what is listed by DIALS and OMS


def test_a_result_and_a_page_become_frames_of_the_library_of_the_right() -> None:
    result = listed(th1(1), th1(2), th1(3))
    other = {"run_number": [367112, 367112], "lumisection_number": [3, 1], "x": [30, 10]}
    for library, kind in (("pandas", pd.DataFrame), ("arrow", pa.Table), ("polars", pl.DataFrame)):
        made = result.join(FRAMES[library](other))
        assert isinstance(made, kind)
        assert [row["x"] for row in rows_of(made)] == [10, None, 30]
    assert isinstance(result.join([{"run": 367112, "ls": 1}]), pd.DataFrame)
    assert isinstance(join(result.to_arrow(), result), pa.Table)
    service = Scripted()
    service.will_page([th1(2)], 1)
    (page,) = service.dials.h1d.pages()
    made = page.join(FRAMES["polars"](other))
    assert made["x"].to_list() == [None]
    assert made["data"].to_list() == [[2.5, 1.0, 2.0]]


def test_a_result_joins_itself_by_what_both_have() -> None:
    made = listed(th1(1), th1(2)).join(listed(th1(2, entries=5)))
    assert made["entries"].tolist() == [1, 2]
    assert made["entries_right"].tolist() == [pd.NA, 5]
    assert "ls_number_right" not in made


def test_rows_of_oms_join_in_one_line(now: Dials) -> None:
    runs = [382921, 382937]
    charge = now.h1d.list_all(
        LumisectionHistogram1DFilters(me_id=1, run_number__gte=runs[0], run_number__lte=runs[1]),
        fields=["run_number", "ls_number", "entries"],
    )
    assert {row.run_number for row in charge} >= {*runs}
    made = charge.join(now.oms.list_all("lumisections", runs=charge))
    assert len(made) == len(charge)
    assert made["ls_number"].tolist() == [row.ls_number for row in charge]
    assert (made["pileup"] == (58.0 * 400 / (400 + made["ls_number"])).round(2)).all()
    assert str(made["beams_stable"].dtype) == "boolean"
    by_run = charge.join(now.oms.list_all("runs", runs=charge))
    assert (by_run["last_lumisection_number"] >= by_run["ls_number"]).all()
    rates = now.oms.list_all("datasetrates", runs=charge)
    assert len({row["run_number"] for row in rates.results}) > 1
    with pytest.raises(ConfigurationError, match="They differ in dataset_name, rate"):
        charge.join(rates)
    zero_bias = OMSFilter(attribute_name="dataset_name", value="ZeroBias", operator="EQ")
    made = charge.join(now.oms.list_all("datasetrates", zero_bias, runs=charge))
    assert made["rate"].notna().all()
    assert (made["first_lumisection_number"] == made["ls_number"]).all()


def test_runs_join_with_the_runs_of_oms(now: Dials) -> None:
    runs = now.run.list_all(RunFilters(run_number__gte=382000, run_number__lte=383000))
    made = runs.join(now.oms.list_all("runs", runs=runs, fields=["run_number", "fill_number"]))
    assert len(made) == len(runs) > 1
    assert str(made["fill_number"].dtype) == "Int64"
    with pytest.raises(
        ConfigurationError, match="on the right are of lumisections, and those on the left of runs"
    ):
        runs.join(now.oms.list_all("lumisections", runs=[runs[0].run_number]))


def test_luminosity_by_lumisection_joins(now: Dials) -> None:
    lumi = now.brilws.brilcalc_lumi(runnumber=382921, byls=True, scope="detailed", unit="/pb")["detailed"]
    left = pl.DataFrame({"run_number": [382921, 382921, 1], "ls_number": [3, 9999, 3]})
    made = join(left, lumi)
    assert made["delivered(/pb)"].to_list() == [lumi[2]["delivered(/pb)"], None, None]
    assert made["fill"].to_list() == [lumi[2]["fill"], None, None]


def test_values_that_oms_lacks_are_missing_and_not_numbers() -> None:
    oms = [
        {"run_number": 1, "lumisection_number": 1, "n": 2**60 + 1, "flag": None, "pileup": 1, "parts": ["A"]},
        {"run_number": 1, "lumisection_number": 2, "n": None, "flag": False, "pileup": 2.5},
        {
            "run_number": 1,
            "lumisection_number": 3,
            "n": 3,
            "era": "Run2024",
            "large": 2**70,
            "rate": math.inf,
        },
        {"run_number": np.int32(1), "lumisection_number": np.int64(9), "n": np.int16(9), "rate": math.nan},
    ]
    for library, make in FRAMES.items():
        left = make({"run_number": [1] * 4, "ls_number": [3, 2, 1, 4]})
        made = rows_of(join(left, oms))
        assert [row["n"] for row in made] == [3, None, 2**60 + 1, None], library
        assert [row["flag"] for row in made] == [None, False, None, None]
        assert [row["pileup"] for row in made] == [None, 2.5, 1.0, None]
        assert [row["era"] for row in made] == ["Run2024", None, None, None]
        assert [row["rate"] for row in made] == [math.inf, None, None, None]
        assert [row["parts"] and [*row["parts"]] for row in made] == [None, None, ["A"], None]
    assert str(join(pd.DataFrame({"run_number": [1], "ls_number": [9]}), oms)["n"].dtype) == "Int64"


# --- files of brilcalc

BY_LS = """\
#Data tag : 24v1 , Norm tag: /cvmfs/x/normtag_BRIL.json
#run:fill,ls,time,beamstatus,E(GeV),delivered(/ub),recorded(/ub),avgpu,source
382921:8318,1:1,06/24/24 12:00:00,STABLE BEAMS,6800,480000.5,456000.0,58.0,HFET
382921:8318,2:2,06/24/24 12:00:23,STABLE BEAMS,6800,479000.0,455000.0,57.9,HFET
382921:8318,7:0,06/24/24 12:02:23,STABLE BEAMS,6800,100.0,0,57.1,HFET
#Summary:
#nfill,nrun,nls,ncms,totdelivered(/ub),totrecorded(/ub)
#1,1,3,2,959100.5,911000.0
"""


@each_library
def test_a_file_of_brilcalc_joins(library: str, tmp_path: Path) -> None:
    path = tmp_path / "lumi ü.csv"
    path.write_text(BY_LS.replace("\n", "\r\n"), encoding="utf-8")
    left = FRAMES[library]({"run_number": [382921] * 4, "ls_number": [2, 7, 3, 1]})
    for right in (path, str(path)):
        made = rows_of(join(left, right))
        assert [row["recorded(/ub)"] for row in made] == [455000.0, 0, None, 456000.0]
        assert [row["fill"] for row in made] == [8318, 8318, None, 8318]
        assert [row["E(GeV)"] for row in made] == [6800, 6800, None, 6800]
        assert {*made[0]} == {
            *("run_number", "ls_number", "fill", "time", "beamstatus", "E(GeV)"),
            *("delivered(/ub)", "recorded(/ub)", "avgpu", "source"),
        }
    read = pd.read_csv(path, skiprows=1).dropna()  # as scripts read it
    made = rows_of(join(left, read))
    assert [row["recorded(/ub)"] for row in made] == [455000.0, 0, None, 456000.0]
    assert made[0]["#run:fill"] == "382921:8318"


def test_a_file_of_brilcalc_by_run_joins_by_run(tmp_path: Path) -> None:
    path = tmp_path / "lumi.csv"
    path.write_text(
        "#run:fill,time,nls,ncms,delivered(/ub)\n2:8,06/24/24 12:00:00,3,3,1.5\n", encoding="utf-8"
    )
    made = join(pd.DataFrame({"run_number": [1, 2, 2]}), path)
    assert made["nls"].tolist() == [pd.NA, 3, 3]


def test_an_empty_file_of_brilcalc_has_columns(tmp_path: Path) -> None:
    path = tmp_path / "lumi.csv"
    path.write_text("\n".join(BY_LS.splitlines()[:2]), encoding="utf-8")
    for make in FRAMES.values():
        made = rows_of(join(make({"run_number": [1], "ls_number": [1]}), path))
        assert [row["recorded(/ub)"] for row in made] == [None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("", "has no line #run:fill"),
        ("run,ls\n1,1\n", "not what brilcalc lumi writes. Write it with brilcalc lumi --byls"),
        ("#run:fill,ls,v,v\n1:1,1:1,2,3\n", "has several columns of one name: run:fill,ls,v,v"),
        ("#run:fill,ls,fill\n1:1,1:1,2\n", "has several columns of one name: run:fill,ls,fill"),
        (BY_LS.replace("58.0,HFET", "58.0"), "a line of 8 values for 9 columns: 382921:8318,1:1"),
    ],
)
def test_what_is_not_a_file_of_brilcalc_is_refused(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "lumi.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        join(pd.DataFrame({"run_number": [1], "ls_number": [1]}), path)


def test_values_that_a_file_of_brilcalc_lacks_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "lumi.csv"
    path.write_text(
        BY_LS.replace("456000.0", "").replace("57.9,", " ,").replace("HFET", "1_2"), encoding="utf-8"
    )
    made = join(pd.DataFrame({"run_number": [382921] * 2, "ls_number": [1, 2]}), path)
    assert made["recorded(/ub)"].isna().tolist() == [True, False]
    assert made["avgpu"].isna().tolist() == [False, True]
    assert made["avgpu"][0] == 58.0
    assert made["source"].tolist() == ["1_2", "1_2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(BY_LS.encode()), "is compressed. Unpack it with gunzip"),
        (BY_LS.replace("HFET", "é").encode("latin-1"), "is not text in UTF-8"),
    ],
    ids=["gzip", "Latin-1"],
)
def test_a_file_of_brilcalc_is_plain_text(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "lumi.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        join(LEFT, path)


# --- what is refused


@each_library
def test_a_key_that_is_double_on_the_right_is_named(library: str) -> None:
    left = FRAMES[library]({"run_number": [5], "ls_number": [5]})  # even if it is not asked for
    right = {"run_number": [1, 2, 1, 1], "ls_number": [3, 3, 4, 3], "me_id": [9, 9, 9, 8]}
    with pytest.raises(ConfigurationError) as caught:
        join(left, FRAMES[library](right))
    assert str(caught.value) == (
        "two rows on the right have run_number 1, ls_number 3: rows 0 and 3. They differ in me_id: choose one of each "
        "first, or name more columns with on=."
    )
    same = {"run_number": [1, 1, 1], "ls_number": [3, 3, 3]}
    with pytest.raises(ConfigurationError, match=r"rows 0 and 1, as 1 more do. They are equal: keep one"):
        join(left, FRAMES[library](same))


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ([(1, 5), (5, 9)], "start 1 and 5, end 5 and 9: rows 0 and 1"),
        ([(1, 9), (20, 30), (4, 4)], "rows 0 and 2"),
        ([(9, 3)], "row 0 on the right has a range from start 9 to end 3. Swap"),
    ],
)
def test_ranges_that_overlap_or_are_reversed_are_named(ranges: Any, said: str) -> None:
    right = pd.DataFrame([{"run": 1, "start": one, "end": two} for one, two in ranges])
    with pytest.raises(ConfigurationError, match=said):
        join(pd.DataFrame({"run": [1], "ls": [1]}), right)


LEFT = pd.DataFrame({"run_number": [1], "ls_number": [1], "x": [1]})


@pytest.mark.parametrize(
    ("right", "how", "said"),
    [
        (
            LEFT.drop(columns="run_number"),
            {},
            "on the right have no column of runs .*There are: ls_number, x",
        ),
        (
            LEFT.rename(columns={"run_number": "lauf"}),
            {"on": ["run_number", "ls_number"]},
            "no column 'run_number'",
        ),
        (LEFT.rename(columns={"ls_number": "ls_numbr"}), {"on": "ls_number"}, "did you mean 'ls_numbr'"),
        (LEFT, {"on": []}, r"on takes names of columns, not \[\]"),
        (LEFT, {"on": 5}, "on takes names of columns, not 5"),
        (LEFT, {"on": {"ls_number": ("a", "b", "c")}}, "on takes names"),
        (LEFT, {"on": {"run_number": ("a", "b"), "ls_number": ("a", "b")}}, "on takes names"),
        (LEFT, {"on": [1]}, "on takes names"),
        (LEFT, {"suffix": ""}, "suffix is text"),
        (LEFT.assign(x_right=1), {}, "there would be two columns 'x_right'"),
        (pd.concat([LEFT, LEFT[["run_number"]]], axis=1), {}, "several columns 'run_number'"),
        (pd.concat([LEFT, LEFT[["x"]]], axis=1), {}, "several columns 'x'. Keep one of them"),
        (
            LEFT.assign(ls_number=1.5),
            {},
            "on the right cannot be joined: 1.5 is not the number of a ls_number",
        ),
        (LEFT.assign(ls_number=Decimal("1.5")), {}, r"Decimal\('1.5'\) is not the number of a ls_number"),
        (LEFT.assign(ls_number="one"), {}, "'one' is not the number of a ls_number"),
        (LEFT.assign(ls_number=True), {}, "the values of ls_number are not whole numbers, but of type bool"),
        (LEFT.assign(ls_number=pd.Timestamp(0)), {}, "not whole numbers"),
        (LEFT.assign(ls_number=[[1]]), {}, "on the right cannot be joined: ls_number holds lists"),
        (pd.DataFrame(), {}, "There are: none."),
        (LEFT.assign(ls_number=np.inf), {}, "not the number"),
        (
            pd.DataFrame([[1, 1]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("c", "d")])),
            {},
            "several levels",
        ),
        (pl.LazyFrame({"run_number": [1]}), {}, "Collect the LazyFrame first"),
        (LEFT["x"], {}, "Series on the right cannot be joined"),
        (listed(th1(1)).to_numpy(), {}, "dict on the right .*Make a frame of it first"),
        ({"detailed": [{"run": 1}], "summary": {}}, {}, r"dict on the right .*answer\[\"detailed\"\]"),
        ({"data": [], "links": {}}, {}, r"dict on the right .*dials.oms.list_all"),
        (np.zeros(3), {}, "ndarray on the right cannot be joined. Give a result"),
        ([1, 2], {}, "list on the right"),
        (None, {}, "NoneType on the right"),
        ([], {}, "there are no rows on the right, and nothing says which columns"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_be_joined_is_refused(right: Any, how: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        join(LEFT, right, **how)


@pytest.mark.parametrize("left", ["lumi.csv", "", b"x", 5, {"run_number": [1]}])
def test_what_is_no_rows_on_the_left_is_refused(left: Any) -> None:
    with pytest.raises(ConfigurationError, match="on the left cannot be joined"):
        join(left, LEFT)


NO_VALUES: dict[str, tuple[Any, Any, str]] = {
    "names twice": (pa.table(LEFT), pd.concat([LEFT, LEFT], axis=1), "several columns 'run_number'"),
    "names twice in Arrow": (
        pl.DataFrame(LEFT),
        pa.Table.from_arrays([pa.array([1])] * 4, names=["run", "ls", "x", "x"]),
        "several columns 'x'",
    ),
    "objects of pandas": (
        pa.table(LEFT),
        LEFT.assign(x=[object()]),
        "the rows on the right cannot be converted: .* column x .* leave the column out",
    ),
    "objects of polars": (
        LEFT,
        pl.DataFrame(LEFT).with_columns(x=pl.Series([{1}], dtype=pl.Object)),
        r"'x' of polars holds objects of Python.*frame.drop\('x'\)",
    ),
}


@pytest.mark.parametrize(("left", "right", "said"), NO_VALUES.values(), ids=NO_VALUES)
def test_values_that_a_library_cannot_take_are_refused(left: Any, right: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        join(left, right)


def test_names_of_dicts_that_are_no_text_become_text_in_arrow() -> None:
    for make in (pa.table, pl.DataFrame):
        made = join(make({"run_number": [1], "ls_number": [1]}), [{"run": 1, "ls": 1, 3: 5}])
        assert rows_of(made) == [{"run_number": 1, "ls_number": 1, "3": 5}]


@pytest.mark.parametrize(
    "key",
    [
        pd.arrays.SparseArray([1, 3, 2]),
        pd.Categorical([1, 3, 2]),
        pd.array(["1", "3", "2"], "string[pyarrow]"),
        pd.array([1.0, 3.0, 2.0], "Float64"),
        pd.array([Decimal("1.0"), Decimal(3), Decimal("2E0")], object),
    ],
    ids=lambda key: str(key.dtype)[:12],
)
def test_a_key_of_pandas_may_be_kept_in_any_way(key: Any) -> None:
    right = pd.DataFrame({"run": 1, "ls": key, "v": [10, 30, 20]})
    left = pd.DataFrame({"run_number": 1, "ls_number": [3, 2, 1, 9]})
    assert join(left, right)["v"].tolist() == [30, 20, 10, pd.NA]
    assert join(right, left.assign(w=left["ls_number"]))["w"].tolist() == [1, 3, 2]


def test_a_key_of_polars_may_have_128_bits() -> None:
    left = pl.DataFrame({"run_number": [1, 1], "ls_number": pl.Series([2, None], dtype=pl.Int128)})
    made = join(left, pl.DataFrame({"run": [1], "ls": pl.Series([2], dtype=pl.Int128), "v": [5]}))
    assert made["v"].to_list() == [5, None]


def test_a_range_may_end_beyond_any_lumisection_and_begin_before_the_first() -> None:
    left = pd.DataFrame({"run_number": [1, 1, 2], "ls_number": [4, 2**33, 3]})
    ranges = [{"run": 1, "start": 3, "end": 10**12, "v": 1}, {"run": 2, "start": -1, "end": 3, "v": 2}]
    assert join(left, ranges)["v"].tolist() == [1, pd.NA, 2]
    with pytest.raises(ConfigurationError, match="row 0 on the right has a range from start 1 to end -1"):
        join(left, [{"run": 1, "start": 1, "end": -1}])


def test_names_that_both_have_get_a_suffix_or_one_of_yours() -> None:
    right = pd.DataFrame({"run_number": [1], "ls_number": [1], "x": [2], "y": [3]})
    assert [*join(LEFT, right)] == ["run_number", "ls_number", "x", "x_right", "y"]
    assert [*join(LEFT, right, suffix="_oms")] == ["run_number", "ls_number", "x", "x_oms", "y"]
    assert [*join(LEFT, right, on="run_number")] == [
        *("run_number", "ls_number", "x", "ls_number_right", "x_right", "y")
    ]
    assert [
        *join(
            LEFT,
            right.rename(columns={"ls_number": "lumi"}),
            on={"run_number": "run_number", "ls_number": "lumi"},
        )
    ] == [*("run_number", "ls_number", "x", "x_right", "y")]


# --- rows of several runs of OMS


def test_each_run_is_asked_for_once_with_all_its_pages(service: Scripted) -> None:
    def answer(*rows: int, total: int) -> dict[str, Any]:
        data = [{"id": str(row), "attributes": {"n": row}} for row in rows]
        return {"data": data, "meta": {"totalResourceCount": total}}

    service.will_answer(answer(1, 2, total=3), answer(3, total=3), answer(total=0), answer(4, total=1))
    flag = OMSFilter(attribute_name="beams_stable", value=True, operator="EQ")
    rows = service.dials.oms.list_all("lumisections", flag, runs=[9, "7", 8.0, 9], page_size=2)
    assert [row["n"] for row in rows.results] == [1, 2, 3, 4]
    asked = [(query["filter[run_number][EQ]"], query["page[offset]"]) for query in service.queries]
    assert asked == [("7", "0"), ("7", "2"), ("8", "0"), ("9", "0")]
    assert {query["filter[beams_stable][EQ]"] for query in service.queries} == {"true"}


@pytest.mark.parametrize(
    ("runs", "numbers"),
    [
        (5, ["5"]),
        ("6,5", ["5", "6"]),
        (np.array([5, 5]), ["5"]),
        (pd.Series([7, 5]), ["5", "7"]),
        (LumiMask({"8": [[1, 2]], "3": [[1, 1]]}), ["3", "8"]),
        (listed(run_row(2), run_row(6), record=Run), ["2", "6"]),
        (made_of([Run.from_dict(run_row(4)), Run.from_dict(run_row(4))], Run), ["4"]),
    ],
)
def test_runs_are_given_in_many_ways(service: Scripted, runs: Any, numbers: list[str]) -> None:
    service.will_answer(*[{"data": []}] * len(numbers))
    service.dials.oms.list_all("runs", runs=runs)
    assert [query["filter[run_number][EQ]"] for query in service.queries] == numbers


@pytest.mark.parametrize(
    ("runs", "error", "said"),
    [
        ([], FilterError, r"oms.list_all\(runs=\) is empty"),
        ("", FilterError, "is empty"),
        ([1.5], FilterError, "1.5"),
        ([None], FilterError, "has no value at position 0"),
        (pd.DataFrame({"run_number": [1]}), FilterError, "one of its columns"),
        (LumiMask({}), FilterError, "has no runs: <a mask without lumisections>"),
        (listed(record=Run), FilterError, "has no runs"),
        (listed({"dataset": "x"}, record=Run, fields=["dataset"]), ConfigurationError, "have no run_number"),
    ],
)
def test_what_is_no_runs_is_refused_before_anything_is_asked(
    service: Scripted, runs: Any, error: Any, said: str
) -> None:
    with pytest.raises(error, match=said):
        service.dials.oms.list_all("runs", runs=runs)
    assert service.asked == []


def test_a_run_cannot_be_asked_for_twice(service: Scripted) -> None:
    five = OMSFilter(attribute_name="run_number", value=5, operator="EQ")
    with pytest.raises(FilterError, match="two filters run_number EQ"):
        service.dials.oms.list_all("runs", five, runs=[6])


def test_nothing_of_oms_has_the_columns_that_were_asked_for(service: Scripted) -> None:
    service.will_answer({"data": []}, {"data": []})
    none = service.dials.oms.list_all("lumisections", runs=5, fields="run_number,lumisection_number,pileup")
    made = join(LEFT, none)
    assert made["pileup"].isna().all()
    unknown = service.dials.oms.list_all("lumisections", runs=5)
    with pytest.raises(ConfigurationError, match="there are no rows on the right"):
        join(LEFT, unknown)
