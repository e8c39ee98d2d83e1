"""Scales of maps: limits, logarithms, hot bins, and what stands for contents beyond; and which lumisections are in a map."""

from typing import Any

import numpy as np
import pytest
from cmsdials import LumiMask
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting import Plots
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.lines import Line2D

from tests.overlay.plotting.histograms import RUN, charge, clusters
from tests.overlay.plotting.test_comparison import changed, ends
from tests.overlay.plotting.test_labels import found, pictures, title, values_of

EN = "\N{EN DASH}"
ROWS = clusters([1, 2, 4])
GREY, RED, PINK = to_rgba("0.9"), to_rgba("#bd1f01"), to_rgba("#f2b5d4")


def mesh_of(axes: Any) -> Any:
    return next(one for one in found(axes, QuadMesh) if one.axes is axes)


def grey_bins(axes: Any) -> set[tuple[int, int]]:
    """Rows and columns of the bins that are grey."""
    _, *others = [one for one in axes.collections if isinstance(one, QuadMesh)]
    assert {one.to_rgba(0.0) for one in others} <= {GREY}
    return {
        (int(row), int(column))
        for one in others
        for row, column in np.argwhere(~np.ma.getmaskarray(one.get_array()))
    }


def notes(axes: Any) -> list[str]:
    return [one.get_text() for one in axes.texts]


def drawn(kind: str, rows: Any, **how: Any) -> Any:
    """The axes of a map, or of the first picture of an animation."""
    made = getattr(Plots(rows), kind)(**how)
    if kind == "map":
        return made
    return next(pictures(made, 0))


# --- scales


@pytest.mark.parametrize("kind", ["map", "animate"])
def test_limits_are_those_of_the_colours_and_arrows_say_what_is_beyond(kind: str) -> None:
    highest = ROWS["data"].sum(axis=0).max() if kind == "map" else ROWS["data"].max()
    for limits, arrows in (
        ((0, highest), "neither"),
        ((0, highest - 1), "max"),
        ((highest - 1, 2 * highest), "min"),
        (np.array([highest - 3, highest - 2]), "both"),
        ([np.float32(1), float(highest)], "neither"),
        ((-10, 1e99), "neither"),
    ):
        axes = drawn(kind, ROWS, limits=limits)
        mesh = mesh_of(axes)
        assert mesh.get_clim() == (limits[0], limits[1])
        assert ends(axes) == arrows
        assert mesh.to_rgba(mesh.get_clim()[1] * 1.1) == RED
        assert mesh.to_rgba(mesh.get_clim()[0] - 1) == PINK
        axes.figure.set_layout_engine("none")
        axes.figure.draw_without_rendering()


@pytest.mark.parametrize("kind", ["map", "animate"])
@pytest.mark.parametrize("limits", [(1, 1), (2, 1), (0, float("nan")), (0,), 5, "ab", (True, False), {}])
def test_limits_are_two_increasing_numbers(kind: str, limits: Any) -> None:
    with pytest.raises(ConfigurationError, match="two increasing numbers"):
        getattr(Plots(ROWS), kind)(limits=limits)


@pytest.mark.parametrize("kind", ["map", "animate"])
def test_a_logarithmic_scale_goes_from_the_lowest_content_above_zero(kind: str) -> None:
    rows = changed(ROWS, (5, 5), 1e6)
    axes = drawn(kind, rows, log=True)
    mesh = mesh_of(axes)
    contents = rows["data"].sum(axis=0) if kind == "map" else rows["data"]
    assert isinstance(mesh.norm, LogNorm)
    assert mesh.get_clim() == (contents[contents > 0].min(), contents.max())
    assert ends(axes) == "neither"
    values = values_of(axes)
    assert np.array_equal(np.ma.getmaskarray(values), (rows["data"] == 0).all(axis=0))
    limited = drawn(kind, rows, log=True, limits=(10, 100))
    assert mesh_of(limited).get_clim() == (10, 100)
    assert ends(limited) == "max"
    limited.figure.draw_without_rendering()


def test_contents_below_zero_are_seen_on_a_logarithmic_scale() -> None:
    axes = Plots(changed(ROWS, (5, 5), -7)).map(log=True)
    mesh = mesh_of(axes)
    assert ends(axes) == "min"
    values = mesh.get_array()
    assert not np.ma.getmaskarray(values)[5, 5]
    assert mesh.to_rgba(values)[5, 5].tolist() == [*PINK]


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (ROWS | {"data": -ROWS["data"]}, "no content above 0:\nleave out log=True"),
        (ROWS | {"data": 0 * ROWS["data"]}, "all bins are empty"),
        (clusters([]), "no lumisections"),
        (ROWS | {"data": np.full((3, 6, 8), 5.0)}, None),
    ],
)
def test_without_contents_above_zero_a_logarithmic_map_says_so(rows: Any, note: str | None) -> None:
    axes = Plots(rows).map(log=True)
    axes.figure.draw_without_rendering()
    assert notes(axes) == ([] if note is None else [note])


@pytest.mark.parametrize("limits", [(0, 5), (-3, 5), (1e-300, 1e-290)])
def test_a_logarithmic_scale_begins_above_zero(limits: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"above 0, .* Write limits=\(1, 100\), or leave out log=True"
    ):
        Plots(ROWS).map(log=True, limits=limits)


@pytest.mark.parametrize("kind", ["map", "animate"])
@pytest.mark.parametrize("log", [None, 1, "y"])
def test_log_is_true_or_false(kind: str, log: Any) -> None:
    with pytest.raises(ConfigurationError, match="log must be True or False"):
        getattr(Plots(ROWS), kind)(log=log)


def test_one_hot_bin_does_not_set_the_scale_and_is_red() -> None:
    usual = mesh_of(Plots(ROWS).map()).get_clim()
    axes = Plots(changed(ROWS, (2, 2), 5000)).map()
    mesh = mesh_of(axes)
    assert mesh.get_clim() == usual
    assert ends(axes) == "max"
    assert tuple(mesh.to_rgba(mesh.get_array())[2, 2]) == RED
    noisy = changed(ROWS, (2, 2), 4 * ROWS["data"].max())  # not hot
    assert mesh_of(Plots(noisy).map()).get_clim() == (0, noisy["data"].sum(axis=0).max())
    cold = Plots(changed(ROWS, (2, 2), -5000)).map()
    assert mesh_of(cold).get_clim() == usual
    assert ends(cold) == "min"


def rings(axes: Any) -> set[tuple[float, float]]:
    """Where rings are; each is drawn twice, in white and in black."""
    white, black = [one for one in axes.findobj(Line2D) if one.get_marker() == "o"]
    assert (white.get_markeredgecolor(), black.get_markeredgecolor()) == ("white", "black")
    places: list[set[tuple[float, float]]] = [{*zip(*one.get_data(), strict=True)} for one in (white, black)]
    assert places[0] == places[1]
    return places[0]


def test_hot_bins_have_a_ring_and_the_title_says_how_hot_they_are() -> None:
    axes = Plots(changed(ROWS, (2, 2), 5000)).map()
    assert rings(axes) == {(-1.5, -0.5)}
    assert f"Run {RUN}, LS 1{EN}4 (3 LS), sum, red: 15000" in title(axes)
    cold = Plots(changed(ROWS, (2, 2), -5000.25)).map(how="mean")
    assert rings(cold) == {(-1.5, -0.5)}
    assert "pink: -5000" in title(cold)
    assert not rings(Plots(ROWS).map())
    assert "red" not in title(Plots(ROWS).map())
    for how in ({"limits": (0, 9)}, {"log": True}):
        assert not rings(drawn("map", ROWS, **how))


@pytest.mark.parametrize("kind", ["map", "compare"])
def test_hot_bins_side_by_side_have_one_ring(kind: str) -> None:
    rows = clusters([1])
    data = np.ones((1, 60, 80))
    data[0, 20, 30:32], data[0, 21, 32], data[0, 0, 79] = 200, 300, 250.5
    rows |= {"data": data, "x_bin": np.array([80.0]), "y_bin": np.array([60.0])}
    axes = Plots(rows).map() if kind == "map" else Plots(rows).compare(rows).top
    (left, low), (right, corner) = sorted(rings(axes))
    assert (left, low) == (pytest.approx(-4 + 31.5 * 0.1), pytest.approx(-3 + (20 + 5 / 6) * 0.1))
    assert (right, corner) == (pytest.approx(3.95), pytest.approx(-2.95))
    assert ("red: up to 300.0" in title(axes)) == (kind == "map")
    data[0, 40, ::3] = 200  # so many are seen anyway
    assert ends(Plots(rows).map()) == "max"
    assert not rings(Plots(rows).map())


def test_rings_are_where_bins_are_hot_in_each_picture_of_an_animation() -> None:
    rows = clusters(range(1, 9))
    rows["data"][3, 2, 2] = 1e7
    moving = Plots(rows).animate()
    seen = [rings(axes) for axes in pictures(moving, 0, 3, 4)]
    assert seen == [set(), {(-1.5, -0.5)}, set()]


def test_many_high_bins_are_not_hot() -> None:
    rows = changed(ROWS, (slice(0, 2), slice(0, 4)), 5000)
    axes = Plots(rows).map()
    assert mesh_of(axes).get_clim() == (0, 15_000)
    assert ends(axes) == "neither"
    few = changed(ROWS | {"data": 0 * ROWS["data"]}, (2, slice(0, 3)), 1)
    axes = Plots(changed(few, (2, 2), 5000)).map()
    assert mesh_of(axes).get_clim() == (0, 15_000)


def test_a_hot_bin_in_one_lumisection_does_not_set_the_scale_of_an_animation() -> None:
    rows = clusters(range(1, 9))
    rows["data"][3, 2, 2] = 1e7
    axes = drawn("animate", rows)
    assert mesh_of(axes).get_clim()[1] < 200
    assert ends(axes) == "max"


def test_limits_of_huge_contents_are_divided_like_these() -> None:
    axes = Plots(ROWS | {"data": ROWS["data"] * 1e300}).map(limits=(1e301, 2e302))
    assert mesh_of(axes).get_clim() == pytest.approx((0.1, 2))
    assert axes.collections[0].colorbar.ax.get_ylabel() == "Content per bin / 1e302"
    axes.figure.draw_without_rendering()


# --- which lumisections


def test_only_good_lumisections_are_in_a_map() -> None:
    good = LumiMask({RUN: [[1, 1], [4, 9]]})
    axes = Plots(ROWS).map(good=good)
    assert np.array_equal(values_of(axes).filled(0), ROWS["data"][[0, 2]].sum(axis=0))
    assert f"Run {RUN}, LS 1{EN}4 (2 LS), sum of good LS" in title(axes)
    mean = Plots(ROWS).map(good=good, how="mean")
    assert np.array_equal(values_of(mean).filled(0), ROWS["data"][[0, 2]].mean(axis=0))
    assert "mean of good LS" in title(mean)
    assert f"Run {RUN}, LS 4," in title(Plots(ROWS).map(ls=4, good=good))
    with pytest.raises(ConfigurationError, match="lumisection 2 is not good"):
        Plots(ROWS).map(ls=2, good=good)
    none = Plots(ROWS).map(good=LumiMask({}))
    none.figure.draw_without_rendering()
    assert notes(none) == ["no good lumisections"]


@pytest.mark.parametrize("good", [{RUN: [[1, 2]]}, "golden.json", [True], 1])
@pytest.mark.parametrize("kind", ["map", "animate"])
def test_good_is_a_mask(kind: str, good: Any) -> None:
    with pytest.raises(ConfigurationError, match="LumiMask"):
        getattr(Plots(ROWS), kind)(good=good)


def test_bins_that_no_lumisection_fills_are_grey_where_one_of_several_is_shown() -> None:
    rows = clusters([1, 2, 4])
    never = {(int(row), int(column)) for row, column in np.argwhere((rows["data"] == 0).all(axis=0))}
    rows["data"][1, 0, 0] = 0
    for kind, how in (("map", {"ls": 2}), ("animate", {})):
        axes = drawn(kind, rows, **how)
        assert grey_bins(axes) == never
        assert ", grey: always empty" in title(axes)
    empty = np.ma.getmaskarray(mesh_of(Plots(rows).map(ls=2)).get_array())
    assert empty[0, 0]  # which is white
    for plots, how in ((Plots(rows), {}), (Plots(clusters([2])), {"ls": 2}), (Plots(rows), {"how": "mean"})):
        axes = plots.map(**how)
        assert not grey_bins(axes)
        assert "grey" not in title(axes)
    filled = rows | {"data": rows["data"] + 1}
    assert "grey" not in title(Plots(filled).map(ls=2))


def test_a_title_of_an_animation_that_is_broken_changes_too() -> None:
    from matplotlib.figure import Figure

    axes = Figure(figsize=(1.5, 2)).add_subplot()
    moving = Plots(ROWS).animate(ax=axes, good=LumiMask({RUN: [[1, 2]]}), year=2024)
    for _, ls in zip(pictures(moving, 0, 1, 2), (1, 2, 4), strict=True):
        assert f"LS {ls}," in title(axes)
        assert ("good" in title(axes)) == (ls == 4)
    assert axes.get_title(loc="left").count("\n") > 3


def test_awkward_maps_are_drawn() -> None:
    """Of no lumisections, none that is filled, one bin, contents of any size: all is drawn, and nothing warns."""
    one_bin = clusters([1], x_bin=1.0, y_bin=1.0)
    for rows in (
        one_bin | {"data": np.array([[[5.0]]])},
        one_bin | {"data": np.array([[[-5.0]]])},
        ROWS | {"data": np.full((3, 6, 8), np.nan)},
        changed(ROWS, (1, 1), np.nan),
        changed(ROWS, (1, 1), np.inf),
        ROWS | {"data": ROWS["data"] * 1e305},
        ROWS | {"data": ROWS["data"] * -1e305},
        ROWS | {"data": ROWS["data"] * 1e-305},
        changed(ROWS, (1, 1), 1e-300),
        changed(ROWS, (1, 1), 1e300),
        changed(changed(ROWS, (1, 1), 1e300), (1, 2), -1e300),
        clusters(range(1, 2001)),
    ):
        for how in (
            {},
            {"log": True},
            {"limits": (1e-9, 3)},
            {"limits": (1e-9, 3), "log": True},
            {"how": "mean"},
        ):
            axes = Plots(rows).map(**how)
            axes.figure.set_layout_engine("none")  # which draws twice
            axes.figure.draw_without_rendering()


def test_1d_histograms_are_refused() -> None:
    with pytest.raises(BinningError, match="2D histograms"):
        Plots(charge([1])).map(limits=(0, 1))
