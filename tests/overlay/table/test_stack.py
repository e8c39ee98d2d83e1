"""One array of a column of histograms, wherever the column comes from."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import cmsdials
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D

from tests.overlay.histogram_rows import th1, th2
from tests.overlay.table.listings import listed

ONE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
TWO = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [10.0, 11.0, 12.0]]]
NESTED = pa.list_(pa.list_(pa.float64()))


def objects(cells: Any) -> Any:
    """An array of objects, as pandas reads lists from Parquet."""
    return np.fromiter(cells, dtype=object, count=len(cells))


def read_again(cells: Any) -> Any:
    """Arrays of arrays, for cells of two dimensions."""
    return objects([objects([np.array(row) for row in cell]) for cell in cells])


FORMS: dict[str, Callable[[Any], Any]] = {
    "list": lambda cells: cells,
    "tuple": lambda cells: tuple(map(tuple, cells)),
    "generator": lambda cells: (np.array(cell) for cell in cells),
    "arrays": lambda cells: [np.array(cell) for cell in cells],
    "one array": np.array,
    "integers": lambda cells: np.array(cells, np.int32),
    "masked, none of it": np.ma.array,
    "objects": lambda cells: objects([np.array(cell) for cell in cells]),
    "pandas": lambda cells: pd.Series(objects([np.array(cell) for cell in cells])),
    "pandas lists": pd.Series,
    "pandas index": lambda cells: pd.Index(pd.Series(cells)),
    "pandas labels": lambda cells: pd.Series(cells, index=[f"row {at}" for at in range(len(cells))]),
    "pandas of Arrow": lambda cells: pd.Series(pa.array(cells), dtype=pd.ArrowDtype(pa.array(cells).type)),
    "Arrow": pa.array,
    "Arrow chunks": lambda cells: pa.chunked_array([pa.array(cells[:1]), pa.array(cells[1:])]),
    "Arrow, an empty chunk": lambda cells: pa.chunked_array([pa.array(cells)[:0], pa.array(cells)]),
    "Arrow slice": lambda cells: pa.array([cells[0], *cells])[1:],
    "Arrow scalars": lambda cells: list(pa.array(cells)),
    "Arrow column": lambda cells: pa.table({"data": cells})["data"],
    "polars": pl.Series,
    "polars chunks": lambda cells: pl.concat([pl.Series(cells[:1]), pl.Series(cells[1:])], rechunk=False),
    "polars slice": lambda cells: pl.Series([cells[0], *cells])[1:],
    "polars rows": lambda cells: list(pl.Series(cells)),
    "polars objects": lambda cells: pl.Series([np.array(cell) for cell in cells], dtype=pl.Object),
}


@pytest.mark.parametrize("cells", [ONE, TWO], ids=["1d", "2d"])
@pytest.mark.parametrize("form", FORMS)
def test_every_column_becomes_one_array(form: str, cells: Any) -> None:
    made = cmsdials.stack(FORMS[form](cells))
    assert made.dtype == np.float64
    assert made.flags.writeable
    assert made.tolist() == cells


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (read_again(TWO), TWO),
        (pd.Series(read_again(TWO)), TWO),
        (pa.array(ONE, pa.list_(pa.float64(), 3)), ONE),
        (pa.array(ONE, pa.list_(pa.float64(), 3))[1:], ONE[1:]),
        (pa.array(TWO, pa.list_(pa.list_(pa.float64(), 3), 2)), TWO),
        (pa.array(ONE, pa.large_list(pa.float32())), ONE),
        (pa.array([[1, 2], [3, 4]]), [[1.0, 2.0], [3.0, 4.0]]),
        (pa.array([[True], [False]]), [[1.0], [0.0]]),
        (pa.array([[2**63]], pa.list_(pa.uint64())), [[2.0**63]]),
        (pa.array([[], []], pa.list_(pa.float64())), [[], []]),
        (pa.array([[Decimal("1.5")]]), [[1.5]]),
        (pl.Series(ONE, dtype=pl.Array(pl.Float64, 3)), ONE),
        (pl.Series(TWO).cast(pl.List(pl.Array(pl.Float64, 3))), TWO),
        ([[2**70, 1]], [[2.0**70, 1.0]]),
        ([range(3), range(3)], [[0.0, 1.0, 2.0]] * 2),
        ([np.ones(2, ">f8"), np.ones(2, "u1")], [[1.0, 1.0]] * 2),
        ([np.arange(8.0).reshape(2, 4)[:, ::2]], [[[0.0, 2.0], [4.0, 6.0]]]),
        ([[], []], [[], []]),
        (np.empty((0, 0)), []),
    ],
)
def test_columns_of_many_kinds(column: Any, wanted: Any) -> None:
    assert cmsdials.stack(column).tolist() == wanted


def test_a_number_that_is_not_one_is_kept() -> None:
    assert np.isnan(cmsdials.stack([[1.0, np.nan]])[0, 1])
    assert np.isnan(cmsdials.stack(pa.array([[1.0, np.nan]]))[0, 1])


@pytest.mark.parametrize(
    ("rows", "record"),
    [
        ([th1(n) for n in range(1, 6)], LumisectionHistogram1D),
        ([th2(n) for n in range(1, 6)], LumisectionHistogram2D),
    ],
)
def test_columns_of_every_conversion_and_of_their_files(rows: list[Any], record: Any, tmp_path: Path) -> None:
    result = listed(*rows, record=record)
    wanted = result.to_numpy()["data"].tolist()
    frame = result.to_pandas()
    frame.to_parquet(tmp_path / "frame")
    columns = [
        frame["data"],
        result.to_pandas(cells="list")["data"],
        result.to_arrow()["data"],
        result.to_polars()["data"],
        [row.data for row in result],
        pd.read_parquet(tmp_path / "frame")["data"],
        pd.read_parquet(tmp_path / "frame", dtype_backend="pyarrow")["data"],
        pl.read_parquet(tmp_path / "frame")["data"],
    ]
    for column in columns:
        made = cmsdials.stack(column)
        assert made.tolist() == wanted
        made[:] = 0
    assert cmsdials.stack(frame["data"]).tolist() == wanted
    halves = frame.assign(data=frame["data"] / 2)
    assert (
        cmsdials.stack(halves[halves["ls_number"] > 2]["data"]).tolist()
        == (np.array(wanted) / 2)[2:].tolist()
    )


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([[1.0], [1.0, 2.0]], "row 1 has 2 bins, and row 0 has 1 bins. Stack the histograms of one binning"),
        (pd.Series([[1.0], [1.0, 2.0]], index=[10, 20]), r"row 1 \(index 20\) has 2 bins"),
        (pa.chunked_array([pa.array([[1.0]] * 2), pa.array([[1.0, 2.0]])]), "row 2 has 2 bins"),
        (pl.Series([[1.0], [1.0, 2.0]]), "row 1 has 2 bins"),
        ([np.ones(2), np.ones((2, 2))], "row 1 has 2 x 2 bins, and row 0 has 2 bins"),
        (pa.array([*TWO, [[1.0]]]), "row 2 has 1 x 1 bins, and row 0 has 3 x 2 bins"),
        (pa.array([TWO[0], [[1.0], [1.0, 2.0]]]), "rows of bins in row 1 are not of one length"),
        ([TWO[0], [[1.0], [1.0, 2.0]]], "rows of bins in row 1 are not of one length"),
        (read_again([[[1.0], [1.0, 2.0]]]), "rows of bins in row 0 are not of one length"),
        ([[1.0], None], "row 1 has no contents. Leave it out first"),
        (pd.Series([None, [1.0]]), "row 0 has no contents"),
        (pd.Series([[1.0], np.nan]), "row 1 has no contents"),
        (pd.Series([[1.0], pd.NA]), "row 1 has no contents"),
        (pa.array([[1.0], None]), "row 1 has no contents"),
        (pa.nulls(2), "row 0 has no contents"),
        (pl.Series([[1.0], None]), "row 1 has no contents"),
        (pd.Series(pa.array([[1.0], None]), dtype=pd.ArrowDtype(pa.list_(pa.float64()))), "row 1 has no contents"),
        ([[1.0], [None]], "row 1 lacks the contents of a bin"),
        ([[pd.NA]], "row 0 lacks the contents of a bin"),
        (pa.array([[1.0, 2.0], [1.0, None]]), "row 1 lacks the contents of a bin"),
        (pa.array([[[1.0, 2.0]], [[1.0, None]]]), "row 1 lacks the contents of a bin"),
        (pl.Series([[1.0, None]]), "row 0 lacks the contents of a bin"),
        ([np.ma.array([1.0, 2.0], mask=[False, True])], "row 0 lacks the contents of a bin"),
        (np.ma.array(ONE, mask=[[0, 0, 0], [0, 0, 1], [0, 0, 0]]), "row 1 lacks the contents of a bin"),
        ([], "no histograms to stack"),
        (pd.Series([], dtype=object), "no histograms to stack"),
        (pa.array([], NESTED), "no histograms to stack"),
        (pa.chunked_array([], NESTED), "no histograms to stack"),
        (pl.Series([], dtype=pl.List(pl.Float64)), "no histograms to stack"),
    ],
)  # fmt: skip
def test_rows_that_do_not_stack_are_named(column: Any, said: str) -> None:
    with pytest.raises(BinningError, match=said):
        cmsdials.stack(column)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pd.DataFrame({"data": ONE}), r'needed, not DataFrame. Pass the column .* such as frame\["data"\]'),
        (pl.DataFrame({"data": ONE}), "needed, not DataFrame"),
        (pa.table({"data": ONE}), "needed, not Table"),
        ("text", "needed, not str"),
        (b"bytes", "needed, not bytes"),
        (None, "needed, not NoneType"),
        (5, "needed, not int"),
        (np.array(5.0), "needed, not ndarray"),
        ({"data": ONE}, "needed, not dict"),
        ({1.0}, "needed, not set"),
        (pd.Series([1, 2]), "row 0 is not an array or list .*: 1.*Pass the column"),
        (pd.Series([1, 2], dtype="Int64"), "row 0 is not an array or list"),
        (pa.array([1, 2]), "row 0 is not an array or list"),
        (pl.Series([1, 2]), "row 0 is not an array or list"),
        (np.ones(3), "row 0 is not an array or list"),
        (np.ones((2, 2, 2, 2, 2)), "row 0 is not an array or list of numbers in one to three dimensions"),
        (pa.array([[[[[1.0]]]]]), "row 0 is not an array or list"),
        (["[1.0]", "[2.0]"], r"row 0 is not an array .*column.map\(json.loads\)"),
        ([[1.0], "x"], "row 1 is not an array or list"),
        ([["1"]], "row 0 is not an array or list"),
        ([[1, "2"]], "row 0 is not an array or list"),
        (pa.array([["a"]]), "row 0 is not an array or list"),
        (pa.array([{"a": 1}]), "row 0 is not an array or list"),
        ([{1.0, 2.0}], "row 0 is not an array or list"),
        ([[1j]], "row 0 is not an array or list"),
        ([[dt.datetime(2024, 1, 1)]], "row 0 is not an array or list"),  # noqa: DTZ001
        ([[1.0], object()], "row 1 is not an array or list"),
    ],
)  # fmt: skip
def test_what_is_not_a_column_of_histograms_is_refused(column: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        cmsdials.stack(column)


def test_results_and_rows_say_what_to_write_instead() -> None:
    result = listed(th1(1), th1(2))
    with pytest.raises(ConfigurationError, match=r'not Result. Write .to_numpy\(\)\["data"\]'):
        cmsdials.stack(result)
    with pytest.raises(ConfigurationError, match=r"Pass \[row.data for row in rows\]"):
        cmsdials.stack(result.results)


def test_polars_without_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(pl.Series, "to_arrow", refuse)
    assert cmsdials.stack(pl.Series(TWO)).tolist() == TWO


def test_the_name_alone_loads_no_library() -> None:
    code = (
        "import sys; from cmsdials import stack; "
        "assert not {'numpy', 'pandas', 'pyarrow', 'polars'} & {*sys.modules}; "
        "assert stack([[1, 2]]).shape == (1, 2); "
        "assert not {'pandas', 'pyarrow', 'polars'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # our own code
