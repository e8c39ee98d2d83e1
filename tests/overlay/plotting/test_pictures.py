"""Every plot looks as it did when it was looked at: pictures without texts, which are the same in all releases of matplotlib.

`pytest --mpl-generate-path=tests/overlay/plotting/baseline tests/overlay/plotting/test_pictures.py` draws them anew; look at them before
they are committed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cmsdials import LumiMask
from cmsdials.plotting import Plots

from tests.overlay.plotting.histograms import RUN, charge, clusters, together

GAPS = [*range(1, 31), *range(41, 44), 50, *range(61, 71)]
GOOD = LumiMask({RUN: [[1, 20], [42, 65]]})
RUNS = together(charge(range(20, 50)), charge(range(1, 20), run=367131), charge([3, 4, 9], run=367140))


def _with(arrays: Any, data: Any) -> Any:
    return arrays | {"data": data}


def _almost_empty() -> Any:
    """Two lumisections have an entry or two, and two are empty."""
    rows = charge(GAPS)
    for at, bins in ((5, [3]), (10, []), (11, []), (30, [3, 15])):
        rows["data"][at] = 0
        rows["data"][at, bins] = 1
    return rows | {"entries": rows["data"].sum(axis=1)}


def _changed(arrays: Any, where: Any, content: float) -> Any:
    data = arrays["data"].copy()
    data[(slice(None), *where)] = content
    return _with(arrays, data)


FEW = _with(charge([1]), np.round(charge([1])["data"] / 300))
HOT = _changed(clusters(range(1, 9)), (4, 2), 5000)
UPPER = _changed(clusters(range(1, 9)), (5, slice(0, 3)), 0)
LOWER = _changed(clusters(range(100, 140)), (0, slice(5, 8)), 0)


PLOTS: dict[str, Callable[[], Any]] = {
    "overlay_of_1": lambda: Plots(charge([7])).overlay(),
    "overlay_of_3": lambda: Plots(charge([1, 100, 200])).overlay(),
    "overlay_of_2000": lambda: Plots(charge(range(1, 2001))).overlay(most=20),
    "overlay_good": lambda: Plots(charge(GAPS)).overlay(good=GOOD),
    "overlay_of_runs": lambda: Plots(RUNS).overlay(normalise=True),
    "overlay_negative": lambda: Plots(_with(charge([1, 50]), charge([1, 50])["data"] - 300)).overlay(),
    "overlay_huge": lambda: Plots(_with(charge([1, 90]), charge([1, 90])["data"] * 1e305)).overlay(),
    "overlay_of_none": lambda: Plots(charge([])).overlay(),
    "overlay_almost_empty": lambda: Plots(_almost_empty()).overlay(normalise=True),
    "overlay_min_entries": lambda: Plots(_almost_empty()).overlay(
        normalise=True, min_entries=50, good=GOOD, reference=charge(range(100, 140))
    ),
    "overlay_few_good": lambda: Plots(charge([1, 30, 42, 50, 70])).overlay(
        good=GOOD, reference=charge(range(100, 140))
    ),
    "overlay_of_6": lambda: Plots(charge([1, 50, 100, 150, 200, 250])).overlay(),
    "overlay_bad": lambda: Plots(charge(GAPS)).overlay(good=LumiMask({1: [[1, 1]]})),
    "heatmap_gaps": lambda: Plots(charge(GAPS)).heatmap(),
    "heatmap_good": lambda: Plots(charge(GAPS)).heatmap(good=GOOD),
    "heatmap_of_2000": lambda: Plots(charge(range(1, 2001))).heatmap(normalise=True),
    "heatmap_of_runs": lambda: Plots(RUNS).heatmap(),
    "heatmap_empty": lambda: Plots(_with(charge([1, 2, 5]), np.zeros((3, 20)))).heatmap(),
    "heatmap_almost_empty": lambda: Plots(_almost_empty()).heatmap(normalise=True),
    "heatmap_min_entries": lambda: Plots(_almost_empty()).heatmap(min_entries=50, good=GOOD),
    "trend_gaps": lambda: Plots(charge(GAPS)).trend(good=GOOD),
    "trend_of_2000": lambda: Plots(charge(range(1, 2001))).trend("rms"),
    "trend_of_runs": lambda: Plots(RUNS).trend("entries"),
    "trend_of_map": lambda: Plots(clusters(GAPS)).trend(axis="y"),
    "trend_almost_empty": lambda: Plots(_almost_empty()).trend(),
    "trend_min_entries": lambda: Plots(_almost_empty()).trend(
        min_entries=50, good=GOOD, reference=(14_000, 300)
    ),
    "trend_of_entries": lambda: Plots(_almost_empty()).trend("entries", good=GOOD),
    "trend_empty": lambda: Plots(_with(charge([1, 2, 5]), np.zeros((3, 20)))).trend(),
    "ratio": lambda: Plots(charge(GAPS)).compare(charge(range(100, 140))),
    "pull": lambda: Plots(charge(GAPS)).compare(charge(range(100, 140)), panel="pull"),
    "ratio_of_sums": lambda: Plots(charge(range(1, 41))).compare(charge(range(100, 140)), normalise=False),
    "ratio_of_1_and_2000": lambda: Plots(charge([7])).compare(
        charge(range(1, 2001)), good=LumiMask({RUN: [[7, 7]]})
    ),
    "ratio_of_few": lambda: Plots(FEW).compare(charge([3])),
    "ratio_of_one_hot_bin": lambda: Plots(_changed(charge([1]), (17,), 2000)).compare(charge([2])),
    "ratio_negative": lambda: Plots(_with(charge([1]), charge([1])["data"] - 300)).compare(charge([1])),
    "ratio_huge": lambda: Plots(_with(charge([1]), charge([1])["data"] * 1e305)).compare(charge([2])),
    "ratio_to_none": lambda: Plots(charge([1])).compare(charge([])),
    "ratio_of_maps": lambda: Plots(UPPER).compare(LOWER),
    "pull_of_maps": lambda: Plots(UPPER).compare(LOWER, panel="pull"),
    "ratio_of_maps_limits": lambda: Plots(HOT).compare(LOWER, normalise=False, limits=(0, 0.5)),
    "map_of_1": lambda: Plots(clusters(range(1, 9))).map(ls=5),
    "map_of_all": lambda: Plots(clusters(range(1, 9))).map(),
    "map_hot": lambda: Plots(HOT).map(),
    "map_log": lambda: Plots(HOT).map(log=True),
    "map_limits": lambda: Plots(clusters([1, 2, 5])).map(how="mean", limits=(70, 90)),
    "map_negative_log": lambda: Plots(_with(clusters([1]), clusters([1])["data"] - 80)).map(log=True),
    "map_negative": lambda: Plots(_with(clusters([1]), clusters([1])["data"] - 80)).map(),
    "map_empty": lambda: Plots(_with(clusters([1]), np.zeros((1, 6, 8)))).map(),
}


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", remove_text=True, style="default", savefig_kwargs={"dpi": 50}
)
def test_plot(name: str) -> Any:
    drawn = PLOTS[name]()
    figure = (drawn.top if isinstance(drawn, tuple) else drawn).figure
    figure.set_layout_engine("none")  # whose results differ between releases
    for axes in figure.axes:
        axes.set(xlabel="", ylabel="")
        axes.set_title("", loc="left")
        for text in [*axes.texts, *filter(None, [axes.get_legend()])]:
            text.remove()
    return figure
