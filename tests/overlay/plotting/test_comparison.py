"""Against a reference: what is well measured sets the scale, what is beyond it or on one side only is seen, and the legend has the numbers."""

from typing import Any

import numpy as np
import pytest
from cmsdials import LumiMask
from cmsdials.arrays import compare, moments
from cmsdials.arrays import normalise as to_shapes
from cmsdials.errors import ConfigurationError
from cmsdials.plotting import Plots
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import PathPatch, StepPatch

from tests.overlay.plotting.histograms import RUN, charge, clusters
from tests.overlay.plotting.test_labels import bar, found, legend, title, values_of

EN = "\N{EN DASH}"
ORANGE, BLACK = to_rgba("#ffa90e"), to_rgba("black")


def changed(arrays: Any, where: Any, content: float) -> Any:
    """The same with another content of some bins, in all lumisections."""
    data = arrays["data"].astype(float)
    data[(slice(None), *where)] = content
    return arrays | {"data": data}


def points(axes: Any, marker: str = "o") -> Any:
    """Where markers of a kind are."""
    drawn = [one for one in axes.lines if one.get_marker() == marker]
    return np.concatenate([np.column_stack([one.get_xdata(), one.get_ydata()]) for one in drawn]).round(12)


def uncertainties(axes: Any) -> Any:
    """How long the bars of uncertainty are."""
    (drawn,) = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    segments = [np.asarray(one) for bars in drawn.lines[2] for one in bars.get_segments()]
    return np.array([np.ptp(one[:, 1]) / 2 if one.ndim == 2 else np.nan for one in segments])


def ends(axes: Any) -> str:
    """At which ends of the scale of colours there are arrows."""
    (bar,) = [one.colorbar for one in axes.collections if one.colorbar is not None]
    extend: str = bar.extend
    return extend


def states(axes: Any) -> dict[Any, set[tuple[int, int]]]:
    """The rows and columns of the bins that are filled in each colour, above the ratio or pull."""
    meshes = [one for one in axes.collections[1:] if isinstance(one, QuadMesh)]
    return {
        one.to_rgba(0.0): {*zip(*np.nonzero(~np.ma.getmaskarray(one.get_array())), strict=True)}
        for one in meshes
    }


def hatched(axes: Any) -> list[list[float]]:
    """Where hatches are: left, low, right and high."""
    patches = [one for one in axes.patches if isinstance(one, PathPatch) and one.get_hatch()]
    boxes = [box for one in patches for box in one.get_path().to_polygons()]
    return [[*box.min(axis=0).tolist(), *box.max(axis=0).tolist()] for box in boxes]


# --- which lumisections


def test_only_good_lumisections_are_added_up_and_counted() -> None:
    rows, reference = charge(range(1, 11)), charge([50, 51, 53], run=366_000)
    good = LumiMask({RUN: [[2, 4], [8, 9]]})
    drawn = Plots(rows).compare(reference, good=good, normalise=False)
    sums = [one.get_data().values for one in found(drawn.top, StepPatch)]
    assert np.array_equal(sums[1], rows["data"][[1, 2, 3, 7, 8]].sum(axis=0))
    assert np.array_equal(sums[0], reference["data"].sum(axis=0))
    assert f"Run {RUN}, LS 2{EN}9 (5 LS), only good LS" in title(drawn.top)
    assert "good" not in title(Plots(rows).compare(reference).top)
    assert legend(drawn.top)[1].startswith(f"Reference: Run 366000, LS 50{EN}53 (3 LS)\n")
    both = Plots(rows).compare(LumiMask({366_000: [[53, 60]]}).select(reference), good=good)
    assert legend(both.top)[1].startswith("Reference: Run 366000, LS 53\n")


def test_lumisections_are_counted_only_where_some_are_missing() -> None:
    assert f"LS 1{EN}3 Z" in title(Plots(charge([1, 2, 3])).compare(charge([1])).top).replace("/Zero", "Z")
    maps = Plots(clusters([1, 2, 5])).compare(clusters([7, 8, 9]), good=LumiMask({RUN: [[2, 9]]}))
    assert f"Run {RUN}, LS 2{EN}5 (2 LS), only good LS reference: Run {RUN}, LS 7{EN}9 /" in title(maps.top)


@pytest.mark.parametrize("kind", [charge, clusters])
def test_without_good_lumisections_there_is_nothing_to_compare(kind: Any) -> None:
    drawn = Plots(kind([1, 2])).compare(kind([3]), good=LumiMask({RUN: [[5, 9]]}))
    drawn.top.figure.draw_without_rendering()
    assert [one.get_text() for one in drawn.bottom.texts] == ["nothing to compare"]
    assert "no lumisections" in title(drawn.top)
    assert not states(drawn.bottom)


@pytest.mark.parametrize("good", [{RUN: [[1, 2]]}, "golden.json", [True], 1])
def test_good_is_a_mask(good: Any) -> None:
    with pytest.raises(ConfigurationError, match="LumiMask"):
        Plots(charge([1])).compare(charge([1]), good=good)


# --- sums instead of shapes


@pytest.mark.parametrize("panel", ["ratio", "pull"])
def test_contents_are_compared_as_they_are(panel: Any) -> None:
    rows, reference = charge([1, 2, 3]), charge([100, 101])
    drawn = Plots(rows).compare(reference, normalise=False, panel=panel)
    ours, theirs = rows["data"].sum(axis=0), reference["data"].sum(axis=0)
    assert [one.get_data().values.tolist() for one in found(drawn.top, StepPatch)] == [
        theirs.tolist(),
        ours.tolist(),
    ]
    with np.errstate(all="ignore"):
        expected = ours / theirs if panel == "ratio" else (ours - theirs) / np.sqrt(ours + theirs)
    at = np.isfinite(expected)
    assert points(drawn.bottom)[: len(ours), 1][at] == pytest.approx(expected[at])
    assert drawn.top.get_ylabel() == "Entries / 2000 e"
    assert uncertainties(drawn.top) == pytest.approx(np.sqrt(ours))


def test_maps_are_compared_as_they_are() -> None:
    rows, reference = clusters([1, 2, 3]), clusters([9])
    drawn = Plots(rows).compare(reference, normalise=False)
    assert np.array_equal(values_of(drawn.top).filled(0), rows["data"].sum(axis=0))
    assert bar(drawn.top).get_ylabel() == "Entries per bin"
    ratio = rows["data"].sum(axis=0) / np.where(reference["data"][0] == 0, np.nan, reference["data"][0])
    assert np.allclose(values_of(drawn.bottom).filled(np.nan), ratio, equal_nan=True)
    low, high = drawn.bottom.collections[0].get_clim()
    assert low == 0
    assert high > 2.5


def test_contents_too_large_for_sums_are_divided_alike() -> None:
    huge = {name: charge([1, 2])[name] for name in charge([1])} | {"data": charge([1, 2])["data"] * 1e305}
    drawn = Plots(huge).compare(huge, normalise=False)
    assert drawn.top.get_ylabel() == "Content per bin / 1e307"
    assert np.nanmax(np.abs(points(drawn.bottom)[:, 1] - 1)) < 1e-12
    drawn.top.figure.draw_without_rendering()


# --- the panel


@pytest.mark.parametrize("normalise", [True, False])
def test_a_bin_with_one_entry_does_not_set_the_scale(normalise: bool) -> None:
    rows, reference = charge([1, 2, 3]), charge([4, 5, 6])
    usual = Plots(rows).compare(reference, normalise=normalise).bottom.get_ylim()
    few = Plots(changed(rows, (19,), 4)).compare(changed(reference, (19,), 1), normalise=normalise)
    assert few.bottom.get_ylim() == pytest.approx(usual, rel=0.05)
    assert usual[1] - usual[0] < 0.5
    assert [39_000, 0.975] in points(few.bottom, "^").tolist()


def test_triangles_stand_for_what_is_beyond_the_panel() -> None:
    rows = changed(changed(charge([1]), (5,), 2000), (8,), 20)
    rows, reference = changed(rows, (18,), 7), changed(charge([1]), (19,), 9)
    drawn = Plots(rows).compare(reference, limits=(0.5, 1.5))
    assert drawn.bottom.get_ylim() == (0.5, 1.5)
    # Bin 18 is filled here only, and bin 19 in the reference only.
    assert points(drawn.bottom, "^").tolist() == [[11_000, 0.975], [37_000, 0.975]]
    assert points(drawn.bottom, "v").tolist() == [[17_000, 0.025], [39_000, 0.025]]
    wide = Plots(rows).compare(reference, limits=(0, 10))
    assert points(wide.bottom, "^").tolist() == [[37_000, 0.975]]
    assert points(wide.bottom, "v").tolist() == [[39_000, 0.025]]  # at the edge it is not seen otherwise


def test_guide_lines_are_at_two_and_three_sigma_or_at_the_ticks() -> None:
    pull = Plots(charge([1])).compare(charge([2]), panel="pull").bottom
    levels = {one.get_ydata()[0] for one in pull.lines if len(one.get_xdata()) == 2}
    assert levels == {-3, -2, 0, 2, 3}
    ratio = Plots(charge([1])).compare(charge([2])).bottom
    assert all(one.get_visible() for one in ratio.yaxis.get_gridlines())
    assert not any(one.get_visible() for one in ratio.xaxis.get_gridlines())


def test_the_panel_is_half_as_high() -> None:
    drawn = Plots(charge([1])).compare(charge([2]))
    drawn.top.figure.draw_without_rendering()
    assert drawn.top.get_position().height == pytest.approx(2 * drawn.bottom.get_position().height, rel=0.02)


@pytest.mark.parametrize(
    "limits",
    [
        (1, 1),
        (2, 1),
        (0, float("nan")),
        (0, float("inf")),
        (0,),
        (0, 1, 2),
        1,
        "01",
        ("0", "1"),
        (True, False),
        (None, 1),
        [(0, 1), 2],
        (-1e308, 1e308),
    ],
)
def test_limits_are_two_increasing_numbers(limits: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"two increasing numbers.*limits=\("):
        Plots(charge([1])).compare(charge([1]), limits=limits)


@pytest.mark.parametrize("normalise", [None, 1, "no"])
def test_normalise_is_true_or_false(normalise: Any) -> None:
    with pytest.raises(ConfigurationError, match="normalise must be True or False"):
        Plots(charge([1])).compare(charge([1]), normalise=normalise)


def test_triangles_follow_when_the_panel_changes() -> None:
    axes = Plots(changed(charge([1]), (5,), 2000)).compare(charge([1]), limits=(0, 5)).bottom
    assert not len(points(axes, "^"))
    axes.set_ylim(0.5, 1.5)
    assert points(axes, "^").tolist() == [[11_000, 0.975]]


# --- uncertainties


def test_counts_have_their_square_roots_as_uncertainties_and_other_contents_none() -> None:
    rows, reference = charge([1]), charge([40])
    counts = Plots(rows).compare(reference)
    ours, theirs = rows["data"][0], reference["data"][0]
    assert uncertainties(counts.top) == pytest.approx(np.sqrt(ours) / ours.sum())
    both = (ours > 0) & (theirs > 0)
    ratio = compare(rows["data"], reference["data"])[0]
    expected = (ratio * np.sqrt(1 / np.maximum(ours, 1) + 1 / np.maximum(theirs, 1)))[both]
    assert uncertainties(counts.bottom)[both] == pytest.approx(expected)
    for one, other in (
        (to_shapes(rows), reference),
        (rows, to_shapes(reference)),
        (rows | {"data": rows["data"] - 300}, reference),
        (rows | {"data": rows["data"] * 1e20}, reference),
    ):
        drawn = Plots(one).compare(other)
        assert not any(one.has_yerr for one in drawn.bottom.containers)
        assert bool(drawn.top.containers) == (one is rows)


# --- the legend


def test_the_legend_has_entries_mean_and_rms() -> None:
    rows, reference = charge([1, 2]), charge([100, 101, 102], run=366_000)
    for arrays in (rows, reference):
        arrays["entries"] = arrays["entries"] + 10  # with overflow
    said = []
    for arrays in (rows, reference):
        found_ = moments(arrays | {"data": arrays["data"].sum(axis=0)[None].repeat(len(arrays["data"]), 0)})
        many = arrays["entries"].sum()
        said.append(f"{many} entries, mean {found_['mean'][0]:.0f}, RMS {found_['rms'][0]:.0f}")
    ours, theirs = f"Run {RUN}, LS 1{EN}2", f"Reference: Run 366000, LS 100{EN}102"
    assert legend(Plots(rows).compare(reference).top) == [f"{ours}\n{said[0]}", f"{theirs}\n{said[1]}"]


@pytest.mark.parametrize(
    ("limits", "contents", "said"),
    [
        ((0, 4), (3e8, 3e8), "6.000e8 entries, mean 2.000, RMS 1.000"),
        ((0, 246.8), (1, 1), "2 entries, mean 123.4, RMS 61.70"),
        ((0, 400_000), (1, 1), "2 entries, mean 200000, RMS 100000"),
        ((-4e9, 4e9), (1, 3), "4 entries, mean 1.000e9, RMS 1.732e9"),
        ((0, 4e-6), (5, 5), "10 entries, mean 2.000e-6, RMS 1.000e-6"),
        ((-4, 4), (5, 5), "10 entries, mean 0.000, RMS 2.000"),
        ((-4, 4), (5e5 + 1, 5e5), "1.000e6 entries, mean 0.000, RMS 2.000"),
    ],
)
def test_numbers_in_the_legend_are_short(limits: Any, contents: Any, said: str) -> None:
    low, high = limits
    rows = charge([1], x_min=float(low), x_max=float(high), x_bin=2.0)
    rows |= {"data": np.array([contents], float), "entries": np.array([sum(contents)])}
    assert legend(Plots(rows).compare(rows).top)[0].split("\n")[1] == said


def test_a_histogram_without_entries_or_mean_has_none_in_the_legend() -> None:
    rows = charge([1])
    uhi = (rows["data"][0], np.linspace(0, 40_000, 21))
    without = {name: one for name, one in rows.items() if name != "entries"}
    names = legend(Plots(without).compare(uhi).top)
    assert [one.split("\n")[1].split(" ")[0] for one in names] == ["mean", "mean"]
    assert names[1].startswith("Reference: a histogram\n")
    empty = rows | {"data": np.zeros((1, 20)), "entries": np.zeros(1)}
    assert legend(Plots(empty).compare(rows).top)[0] == f"Run {RUN}, LS 1\n0 entries"
    assert legend(Plots(rows).compare(charge([])).top)[1] == "Reference: no lumisections"


@pytest.mark.parametrize("ls", [1, 150, 299])
def test_the_legend_does_not_hide_the_histograms(ls: int) -> None:
    drawn = Plots(charge([ls])).compare(charge([ls + 1]))
    figure = drawn.top.figure
    figure.draw_without_rendering()
    box = drawn.top.get_legend().get_window_extent().transformed(drawn.top.transData.inverted())
    for stairs in found(drawn.top, StepPatch):
        steps = stairs.get_data()
        beside = (steps.edges[1:] < box.x0) | (steps.edges[:-1] > box.x1)
        assert steps.values[~beside].max(initial=0) <= box.y0
    assert figure.bbox.x0 <= drawn.top.get_legend().get_window_extent().x0


# --- 2D


def test_bins_that_only_one_has_are_seen_in_a_ratio() -> None:
    # In both, row 3, column 4 and the bin (6, 1) are empty.
    rows, reference = clusters([1, 2]), clusters([9])
    rows, reference = changed(rows, (5, slice(0, 2)), 0), changed(reference, (0, slice(5, 8)), 0)
    axes = Plots(rows).compare(reference).bottom
    assert states(axes) == {
        BLACK: {(5, 0), (5, 1)},
        ORANGE: {(0, 5), (0, 6), (0, 7)},
    }
    assert hatched(axes) == [[1, -3, 4, -2]]
    assert legend(axes) == ["only in run", "only in reference", "in neither"]
    values = values_of(axes)
    assert np.ma.getmaskarray(values)[[5, 0, 3, 1], [0, 5, 0, 6]].all()
    assert values.count() == 48 - (8 + 6 - 1) - 1 - 5
    pull = Plots(rows).compare(reference, panel="pull").bottom
    assert not states(pull)
    assert not hatched(pull)
    assert pull.get_legend() is None
    drawn = values_of(pull)
    assert drawn[5, 0] < -5
    assert drawn[0, 5] > 5
    assert np.ma.getmaskarray(drawn)[3].all()


def test_maps_of_many_bins_are_drawn_without_hatches() -> None:
    rows = charge([1], x_min=0.0, x_max=1.0, x_bin=200.0, y_min=0.0, y_max=1.0, y_bin=200.0, me="P/map")
    ours, theirs = np.indices((200, 200)).sum(axis=0) % 2, np.ones((200, 200))
    axes = Plots(rows | {"data": theirs[None]}).compare(rows | {"data": ours[None]}).bottom
    assert {len(one) for one in states(axes).values()} == {20_000}
    assert not hatched(axes)


def test_a_map_whose_bins_are_filled_in_both_needs_no_legend() -> None:
    assert Plots(clusters([1])).compare(clusters([2])).bottom.get_legend() is None


def test_bins_without_a_pull_are_grey() -> None:
    rows = changed(clusters([1]), (2, 2), -5)
    axes = Plots(rows).compare(clusters([2]), panel="pull").bottom
    assert states(axes) == {to_rgba("0.6"): {(2, 2)}}
    assert legend(axes) == ["no pull", "in neither"]


@pytest.mark.parametrize(("panel", "middle"), [("ratio", 1), ("pull", 0)])
def test_colours_are_blue_and_red_and_pale_in_the_middle(panel: Any, middle: float) -> None:
    axes = Plots(clusters([1, 2])).compare(clusters([40]), panel=panel).bottom
    mesh = axes.collections[0]
    low, high = mesh.get_clim()
    assert (low + high) / 2 == pytest.approx(middle)
    blue, pale, red = (mesh.to_rgba(one) for one in (low, middle, high))
    assert blue[2] > 2 * blue[0]
    assert red[0] > 2 * red[2]
    assert np.ptp(pale[:3]) < 0.03
    assert min(pale[:3]) > 0.8
    assert max(pale[:3]) < 0.9  # which is not the white of empty bins
    white = mesh.get_cmap()(np.ma.masked)
    beyond = [mesh.to_rgba(one) for one in (low - 1, high + 1)]
    assert white[:3] == (1, 1, 1)
    assert len({blue, pale, red, white, *beyond, ORANGE, BLACK}) == 8
    assert ends(axes) in ("neither", "min", "max", "both")


@pytest.mark.parametrize(
    ("limits", "ends_of", "first", "last"),
    [
        ((0, 9), "neither", "blue", "red"),
        ((0.99, 9), "min", "blue", "red"),
        ((0, 1.01), "max", "blue", "red"),
        ((0.99, 1.01), "both", "blue", "red"),
        ((1, 2), "min", "pale", "red"),
        ((1.5, 2), "min", "reddish", "red"),
        ((0.1, 0.2), "max", "blue", "bluish"),
    ],
)
def test_limits_of_colours_need_not_hold_the_middle(limits: Any, ends_of: str, first: str, last: str) -> None:
    drawn = Plots(changed(clusters([1]), (0, 0), 90)).compare(clusters([1]), limits=limits)
    mesh = drawn.bottom.collections[0]
    assert mesh.get_clim() == limits
    assert ends(drawn.bottom) == ends_of
    for at, name in zip(limits, (first, last), strict=True):
        red, _, blue, _ = mesh.to_rgba(at)
        kinds = {
            "blue": blue > 2 * red,
            "bluish": blue > 1.1 * red,
            "pale": abs(red - blue) < 0.03,
            "reddish": red > 1.1 * blue,
            "red": red > 2 * blue,
        }
        assert kinds[name], (at, name)


def test_the_upper_map_begins_at_zero() -> None:
    drawn = Plots(clusters([1, 2])).compare(clusters([9]))
    assert drawn.top.collections[0].get_clim()[0] == 0


@pytest.mark.parametrize("limits", [(-1e300, 1e300), (0, 1e-300), (1, 1 + 1e-15), (-5, -4)])
@pytest.mark.parametrize("kind", [charge, clusters])
def test_any_limits_are_drawn(kind: Any, limits: Any) -> None:
    drawn = Plots(kind([1, 2])).compare(kind([4]), limits=limits)
    drawn.top.figure.set_layout_engine("none")
    drawn.top.figure.draw_without_rendering()


def test_pair_of_awkward_histograms() -> None:
    """Of no lumisections, none that is filled, one bin, contents of any size: all is drawn, and nothing warns."""
    one_bin = charge([1], x_bin=1.0) | {"data": np.array([[5.0]])}
    nothing = charge([1, 2]) | {"data": np.full((2, 20), np.nan)}
    part = charge([1, 2])
    part["data"][0, 3] = np.nan
    infinite = changed(charge([1]), (3,), np.inf)
    rows = charge([1, 2, 3])
    pairs = [
        (one_bin, one_bin),
        (rows, nothing),
        (nothing, rows),
        (nothing, nothing),
        (rows, part),
        (part, rows),
        (rows, infinite),
        (infinite, rows),
        (rows, rows | {"data": -rows["data"]}),
        (rows | {"data": rows["data"] * 1e305}, rows),
        (rows, rows | {"data": rows["data"] * 1e305}),
        (rows | {"data": rows["data"] * 1e-305}, rows),
        (rows, rows | {"data": np.zeros((3, 20))}),
        (charge(range(1, 2001)), changed(charge([1]), (10,), 1e7)),
        (clusters([1, 2]), clusters([])),
        (clusters([1, 2]), clusters([1]) | {"data": np.zeros((1, 6, 8))}),
        (clusters([1, 2]), clusters([1]) | {"data": -clusters([1])["data"]}),
        (clusters([1, 2]), changed(clusters([1]), (5, 5), 1e9)),
        (changed(clusters([1, 2]), (5, 5), 1e9), clusters([1])),
        (clusters([1]) | {"data": clusters([1])["data"] * 1e305}, clusters([1])),
    ]
    for ours, theirs in pairs:
        for how in ({}, {"panel": "pull"}, {"normalise": False}, {"normalise": False, "panel": "pull"}):
            figure = Plots(ours).compare(theirs, **how).top.figure
            figure.set_layout_engine("none")  # which draws twice
            figure.draw_without_rendering()
