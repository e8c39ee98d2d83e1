"""What can be drawn: results, pages, rows, frames and arrays of one monitoring element; what else is refused, and with what advice."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cmsdials import LumiMask, stack
from cmsdials.arrays import normalise, rebin, sum_lumis
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from cmsdials.plotting import Plots

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import page, th1, th2
from tests.overlay.plotting.histograms import RUN, charge, clusters, together
from tests.overlay.table.listings import listed, made_of


def points(axes: Any) -> list[list[float]]:
    return [one.get_ydata().tolist() for one in axes.lines if one.get_marker() == "o"]


ROWS = [th1(1), th1(2), th1(3)]
ENTRIES = [[1, 2, 3]]


def test_results_pages_rows_frames_and_arrays_are_drawn_alike() -> None:
    result = listed(*ROWS)
    service = Scripted()
    service.will_answer(page(*ROWS, next=None))
    (one_page,) = service.dials.h1d.pages()
    frame = result.to_pandas()
    for plots in (
        result.plot,
        one_page.plot,
        Plots(result),
        Plots(result.results),
        Plots(tuple(result.results)),
        Plots(frame),
        Plots(frame.set_index(pd.Index([7, 8, 9]))),
        Plots(result.to_polars()),
        Plots(result.to_numpy()),
        Plots(
            listed(
                *ROWS,
                fields=["me_id", "run_number", "ls_number", "entries", "data", "x_min", "x_max", "x_bin"],
            )
        ),
    ):
        assert points(plots.trend("entries")) == ENTRIES
    assert points(Plots(result[0]).trend("entries")) == [[1]]


def test_changed_rows_are_drawn_as_they_are() -> None:
    result = listed(*ROWS)
    result.results.sort(key=lambda row: -row.ls_number)
    result.results.pop(0)
    result.results[0].entries = 50
    assert points(result.plot.trend("entries")) == [[1, 50]]


def test_selections_and_calculated_arrays_are_drawn() -> None:
    result = listed(*ROWS)
    assert points(LumiMask({RUN: [[2, 3]]}).select(result).plot.trend("entries")) == [[2, 3]]
    arrays = charge(range(1, 9))
    axes = Plots(rebin(arrays, x=4)).heatmap()
    assert axes.get_xlim() == (0, 40_000)
    for made in (normalise(arrays), sum_lumis(arrays, 2)):
        Plots(made).overlay().figure.draw_without_rendering()


@pytest.mark.parametrize("record", [LumisectionHistogram1D, LumisectionHistogram2D])
def test_without_rows_the_plot_says_so(record: Any) -> None:
    result = listed(record=record)
    kinds = ("overlay", "heatmap") if record is LumisectionHistogram1D else ("map",)
    for axes in (
        *(getattr(result.plot, kind)() for kind in kinds),
        result.plot.trend(),
        Plots(result.to_numpy()).trend(),
    ):
        axes.figure.set_layout_engine("none")
        axes.figure.draw_without_rendering()
        assert "no lumisections" in [one.get_text() for one in axes.texts]
    row = th1(1) if record is LumisectionHistogram1D else th2(1)
    for ours, theirs in (
        (result, listed(row, record=record)),
        (listed(row, record=record), result),
        (result, result),
    ):
        ours.plot.compare(theirs).top.figure.draw_without_rendering()


def test_an_animation_needs_lumisections() -> None:
    with pytest.raises(ConfigurationError, match="no lumisections to animate"):
        listed(record=LumisectionHistogram2D).plot.animate()


# --- choosing


SEVERAL = listed(th1(1), th1(1, me="P/size", me_id=2), th1(2, me="P/size", me_id=2))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"me_id": 2}, [[1, 2]]),
        ({"me": "P/charge"}, [[1]]),
        ({"me": ["P/size"], "ls_number": range(2, 10)}, [[2]]),
        ({"me_id": np.int64(2), "ls_number": np.array([1])}, [[1]]),
        ({"me_id": {2, 3}, "run_number": (RUN, 1)}, [[1, 2]]),
    ],
)
@pytest.mark.parametrize(
    "rows", [SEVERAL, SEVERAL.to_numpy(), SEVERAL.to_pandas()], ids=["result", "arrays", "frame"]
)
def test_of_chooses_rows(rows: Any, wanted: Any, expected: Any) -> None:
    assert points(Plots(rows).of(**wanted).trend("entries")) == expected


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        ({"me_id": 3}, "There are: me_id: 1, 2."),
        ({"me": "P/siz"}, "There are: me: P/charge, P/size."),
        ({"me_id": []}, "There are: me_id: 1, 2."),
        ({"mee": 1}, "There are: dataset, me,"),
        ({"data": 1}, "There are: dataset, me,"),
        ({"file_id": 1, "ls_number": 5}, "ls_number: 1, 2."),
    ],
)
@pytest.mark.parametrize("rows", [SEVERAL, SEVERAL.to_numpy()], ids=["result", "arrays"])
def test_what_is_not_there_cannot_be_chosen(rows: Any, wanted: Any, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Plots(rows).of(**wanted)
    assert advice in str(caught.value)


def test_choosing_changes_nothing() -> None:
    SEVERAL.plot.of(me_id=2)
    assert len(SEVERAL) == 3


# --- refusals


WITHOUT_DATA = {name: value for name, value in th1(1).items() if name != "data"}
DATASETS = listed(th1(1), th1(2, dataset="/Other/R-v1/DQMIO", dataset_id=14677061))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            SEVERAL,
            "2 monitoring elements (P/charge, P/size), and a plot shows one. Choose one, such as result.plot.of(me='P/charge')",
        ),
        (SEVERAL.to_numpy(), "2 monitoring elements (P/charge, P/size)"),
        (SEVERAL.to_pandas(), "2 monitoring elements (P/charge, P/size)"),
        (listed(*(th1(1, me=f"P/{at}", me_id=at) for at in range(9))), "P/3, and 5 more), and"),
        (DATASETS, "2 datasets (/Other/R-v1/DQMIO, /Z/R-v1/DQMIO)"),
        (
            made_of([listed(th1(1))[0], listed(th1(1, file_id=7))[0]], LumisectionHistogram1D),
            "lumisection 1 of run 367112 comes twice",
        ),
        (charge([1]) | {"ls_number": np.array([1.5])}, "whole number"),
        (charge([1]) | {"run_number": np.array(["a"])}, "whole number"),
        ({name: one for name, one in charge([1]).items() if name != "ls_number"}, "no ls_number"),
        (
            {name: one for name, one in charge([1]).items() if name not in ("run_number", "ls_number")},
            "no run_number and no ls_number",
        ),
        (charge([1, 2]) | {"entries": np.array([1])}, "entries has not a value for each of 2"),
        (charge([1, 2]) | {"me_id": 3}, "me_id has not a value for each of 2"),
        (SEVERAL.to_numpy(group_by="me"), "arrays of 2 groups ('P/charge', 'P/size')"),
        (3, "a plot cannot be made of int"),
        ("rows", "a plot cannot be made of str"),
        (None, "a plot cannot be made of NoneType"),
        ([1, 2], "a plot cannot be made of list"),
        (pd.DataFrame({"a": [1]}), "a plot cannot be made of DataFrame"),
        (pl.DataFrame({"a": [1]}), "a plot cannot be made of DataFrame"),
    ],
)
def test_what_has_no_place_in_one_plot_is_refused(rows: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Plots(rows).overlay()
    assert said in str(caught.value)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (listed(run_row(1), record=Run), "of Run, which has no contents"),
        (listed(th1(1), th1(2, x_max=9.0)), "2 different binnings"),
        (listed(th1(1), th1(2, x_bin=2, data=[1, 2])), "2 different binnings"),
        (listed(WITHOUT_DATA, fields=[*WITHOUT_DATA]), "without data"),
        ({name: one for name, one in charge([1]).items() if name != "x_min"}, "no x_min"),
        ({name: one for name, one in charge([1]).items() if name != "data"}, "no data of the shape"),
        (charge([1]) | {"data": np.ones(20)}, "no data of the shape"),
        (charge([1]) | {"data": np.array([["a"]])}, "no data of the shape"),
        ({}, "no data of the shape"),
        (clusters([1]), "overlay() is of 1D histograms"),
    ],
)
def test_what_are_not_histograms_of_one_binning_is_refused(rows: Any, said: str) -> None:
    with pytest.raises(BinningError) as caught:
        Plots(rows).overlay()
    assert said in str(caught.value)
    assert "group_by" not in str(caught.value)


@pytest.mark.parametrize("kind", ["map", "animate"])
def test_maps_need_two_dimensions(kind: str) -> None:
    with pytest.raises(BinningError, match=r"overlay\(\), heatmap\(\) or trend\(\)"):
        getattr(Plots(charge([1])), kind)()


def test_other_binnings_are_chosen_by_run() -> None:
    rows = listed(th1(1), th1(2, run_number=367_200, x_max=9.0))
    with pytest.raises(BinningError, match=r"result.plot.of\(run_number="):
        rows.plot.overlay()
    assert rows.plot.of(run_number=367_200).overlay().get_xlim() == (0, 9)


@pytest.mark.parametrize(
    "change",
    [
        {"x_max": 0.0, "me": "P/\x1b[31m\u202e"},
        {"me": "$P$/{_$^", "dataset": "$\\frac{", "run_number": 0, "ls_number": 0},
        {"me": "P/" + "a" * 500, "dataset": "/" + "d" * 500, "run_number": 2**32 - 1, "ls_number": 2**32 - 1},
        {"me": "", "dataset": "", "entries": 0, "data": [0, 0, 0]},
        {"me": "/" * 200, "entries": -5, "data": [-1.0, -1e308, 1e308]},
        {"me": "_" * 10, "data": [1e-320, 0, 1e-300]},
        {"x_min": -1e300, "x_max": 1e300, "x_bin": 1, "data": [4.0]},
        {"x_min": 1.0, "x_max": 1.0 + 1e-15},
    ],
)
def test_odd_histograms_are_drawn(change: Any) -> None:
    result = listed(th1(1, **change))
    shapes = Plots(result[0]).heatmap(normalise=True)
    for axes in (
        result.plot.overlay(),
        shapes,
        result.plot.trend(),
        result.plot.compare(result, panel="pull").top,
    ):
        axes.figure.set_layout_engine("none")  # which draws twice
        axes.figure.draw_without_rendering()
        assert "\x1b" not in axes.get_title(loc="left")


def test_a_histogram_of_hist_is_a_reference() -> None:
    rows = charge([1, 2])
    result = listed(th1(1), th1(2))
    flat = result.plot.compare(result[0].to_hist())
    maps = listed(th2(1), record=LumisectionHistogram2D)
    drawn = maps.plot.compare(maps[0].to_hist())
    assert np.ptp(flat.bottom.lines[1].get_ydata()) > 0
    ratio = next(one for one in drawn.bottom.collections).get_array()
    assert np.allclose(ratio.filled(1), 1)
    assert (
        Plots(rows).compare((rows["data"][0], np.linspace(0, 40_000, 21))).bottom.get_ylabel() == "Run / ref."
    )


@pytest.mark.parametrize("reference", [None, 3, "hist", (1, 2, 3), ([1, 2],), np.ones(20)])
def test_other_references_are_refused(reference: Any) -> None:
    with pytest.raises((ConfigurationError, BinningError)) as caught:
        Plots(charge([1])).compare(reference)
    assert caught.value.advice


def test_results_still_pickle() -> None:
    assert len(pickle.loads(pickle.dumps(SEVERAL))) == 3
    assert "of(" in repr(SEVERAL.plot)


def test_rows_in_any_order_and_several_runs_are_sorted() -> None:
    rows = together(charge([5, 2], run=367_131), charge([9, 1]))
    run, ls = [], []

    def seen(arrays: Any) -> Any:
        run.extend(arrays["run_number"].tolist())
        ls.extend(arrays["ls_number"].tolist())
        return arrays["entries"]

    Plots(rows).trend(seen)
    assert (run, ls) == ([RUN, RUN, 367_131, 367_131], [1, 9, 2, 5])
    assert len(stack([one.tolist() for one in rows["data"]])) == 4
