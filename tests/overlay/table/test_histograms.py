"""Edges and conversion of single histograms."""

import warnings
from typing import Any

import hist
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cmsdials import Dials
from cmsdials.errors import BinningError
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D
from uhi.typing.plottable import PlottableHistogram

from tests.overlay.conftest import Scripted
from tests.overlay.histogram_rows import th1, th2


def test_edges_are_one_more_than_bins_and_end_at_the_limits() -> None:
    row = LumisectionHistogram1D.from_dict(th1(x_min=-0.3, x_max=0.9, x_bin=3.0))
    assert np.allclose(row.edges, [-0.3, 0.1, 0.5, 0.9])
    assert (row.edges[0], row.edges[-1]) == (-0.3, 0.9)
    x, y = LumisectionHistogram2D.from_dict(th2()).edges
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert y.tolist() == [-1.0, 0.0, 1.0]


def test_edges_of_a_row_without_its_binning() -> None:
    row = LumisectionHistogram1D.from_dict({"data": [1.0], "x_min": 0.0}, partial=True)
    with pytest.raises(BinningError, match=r"has no x_max, x_bin, .*fields= that include x_min"):
        _ = row.edges


def test_a_1d_histogram() -> None:
    made = LumisectionHistogram1D.from_dict(th1(4)).to_hist()
    assert isinstance(made, hist.Hist)
    assert isinstance(made, PlottableHistogram)
    assert made.values().tolist() == [4.5, 1.0, 2.0]
    assert made.values(flow=True).tolist() == [4.5, 1.0, 2.0]
    assert made.axes[0].edges.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert (made.axes[0].name, made.name) == ("x", "P/charge")


def test_a_2d_histogram_is_indexed_x_first() -> None:
    row = LumisectionHistogram2D.from_dict(th2(9))
    made = row.to_hist()
    assert made.values().shape == (3, 2)
    assert made.values()[2, 1] == row.data[1][2] == 5.0
    assert made[{"x": 0, "y": 0}] == 9.0
    assert made.axes["y"].edges.tolist() == [-1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("made", "record", "resource"),
    [(th1, LumisectionHistogram1D, "h1d"), (th2, LumisectionHistogram2D, "h2d")],
)
def test_rows_of_a_listing_and_rows_on_their_own_give_the_same(
    service: Scripted, made: Any, record: Any, resource: str
) -> None:
    service.will_page([made(1), made(2)], 1)
    listed = getattr(service.dials, resource).list_all(enable_progress=False)
    alone = [record.from_dict(made(number)).to_hist() for number in (1, 2)]
    assert listed.to_hist() == alone
    assert [row.to_hist() for row in listed] == alone
    listed[1].data[0] = listed[0].data[0]
    changed, left = (np.asarray(row.data).T for row in listed)
    for found, expected in zip(listed.to_hist(), (changed, left), strict=True):
        assert np.array_equal(found.values(), expected)


def test_rows_that_cannot_become_histograms() -> None:
    row = LumisectionHistogram1D.from_dict({"x_min": 0.0, "x_max": 1.0, "x_bin": 1}, partial=True)
    with pytest.raises(BinningError, match="no contents of bins"):
        row.to_hist()
    with pytest.raises(BinningError, match="x_min equal to x_max"):
        LumisectionHistogram1D.from_dict(th1(x_max=0.0)).to_hist()


@pytest.mark.parametrize(
    "change",
    [
        {"x_bin": "a"},
        {"x_bin": 0},
        {"x_bin": 2.5},
        {"x_bin": 1e300},
        {"x_max": "z"},
        {"x_max": 10**400},
        {"x_max": float("inf")},
    ],
)
def test_a_binning_that_was_changed_to_something_else(change: dict[str, object]) -> None:
    row = LumisectionHistogram1D.from_dict(th1())
    for name, value in change.items():
        setattr(row, name, value)
    for call in (lambda: row.edges, row.to_hist):
        with pytest.raises(BinningError, match=r"has no binning: x from .*list it again"):
            call()


def test_a_binning_may_be_numbers_of_numpy() -> None:
    row = LumisectionHistogram1D.from_dict(th1())
    row.x_max, row.x_bin = np.float64(3.0), np.int64(3)
    assert row.edges.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_plots_warn_of_nothing() -> None:
    figure, axes = plt.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LumisectionHistogram1D.from_dict(th1(2, data=[2.0, 1.0, 5.0])).to_hist().plot(ax=axes)
    plt.close(figure)


def test_a_whole_listing(now: Dials) -> None:
    chosen = {"dataset_id": 14677060, "run_number": 367112, "ls_number__lte": 4}
    maps = now.h2d.list_all(LumisectionHistogram2DFilters(me_id=100, **chosen))
    made = maps.to_hist()
    assert len(made) == len(maps) == 4
    assert [one.sum() for one in made] == pytest.approx([float(np.sum(row.data)) for row in maps])
    charges = now.h1d.list_all(LumisectionHistogram1DFilters(me_id=2, **chosen)).to_hist()
    total = sum(charges[1:], start=charges[0])
    assert total.values().sum() == pytest.approx(sum(one.sum() for one in charges))
    with pytest.raises(BinningError, match="no contents"):
        now.run.list().to_hist()
