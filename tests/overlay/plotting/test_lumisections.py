"""Lumisections that are empty, almost empty or not good, and references: what becomes of scales, points, lines and legends."""

import pickle
from typing import Any

import numpy as np
import pytest
from cmsdials import LumiMask
from cmsdials.arrays import moments, normalise
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting import Plots
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle, StepPatch

from tests.overlay.plotting.histograms import RUN, charge, clusters, together

RED = "#bd1f01"
KINDS = ["overlay", "heatmap", "trend"]
REFERENCE = charge(range(100, 140), run=366_000)
NAME = "Run 366000, LS 100\N{EN DASH}139"
EN, MORE, PLUS_MINUS = "\N{EN DASH}", "\N{HORIZONTAL ELLIPSIS}", "\N{PLUS-MINUS SIGN}"


def legend(axes: Any) -> list[str]:
    made = axes.get_legend()
    return [one.get_text() for one in made.get_texts()] if made else []


def filled(rows: Any, at: int, content: dict[int, float]) -> Any:
    """Give one lumisection other contents: bin -> content."""
    rows["data"][at] = 0
    for where, value in content.items():
        rows["data"][at, where] = value
    rows["entries"][at] = rows["data"][at].sum()
    return rows


def hundred() -> Any:
    """A hundred lumisections; one has a single entry, far from the others', and one is empty."""
    return filled(filled(charge(range(1, 101)), 40, {19: 1}), 60, {})


def collections(axes: Any, colour: str) -> list[Any]:
    made = [one for one in axes.findobj(LineCollection) if one.get_array() is None and one.get_segments()]
    return [one for one in made if to_hex(one.get_edgecolor()[0]) == colour]


def points(axes: Any, marker: str = "o") -> list[Any]:
    return [one for one in axes.lines if one.get_marker() == marker and len(one.get_xdata())]


def triangles(axes: Any) -> dict[str, list[float]]:
    return {
        marker: sorted(float(at) for one in points(axes, marker) for at in one.get_xdata()) for marker in "^v"
    }


def mesh_of(axes: Any) -> Any:
    return next(one for one in axes.findobj(QuadMesh) if one.axes is axes)


def bar(axes: Any) -> Any:
    return mesh_of(axes).colorbar


# --- scales


def test_an_almost_empty_lumisection_does_not_ruin_the_scale_of_shapes() -> None:
    shapes = normalise(charge(range(1, 101))["data"])
    axes = Plots(hundred()).overlay(normalise=True)
    assert axes.get_ylim() == (0, pytest.approx(1.05 * np.delete(shapes, [40, 60], axis=0).max()))
    assert triangles(axes)["^"] == [39_000]
    assert legend(axes) == ["1 LS empty: 61", "off scale"]
    assert Plots(hundred()).overlay().get_ylim()[1] > 800
    heatmap = Plots(hundred()).heatmap(normalise=True)
    assert mesh_of(heatmap).get_clim() == (0, pytest.approx(np.delete(shapes, [40, 60], axis=0).max()))
    assert bar(heatmap).extend == "max"
    assert bar(Plots(hundred()).heatmap()).extend == "neither"
    assert mesh_of(heatmap).get_array()[40, 19] == 1


def test_what_is_below_the_scale_of_colours_is_said() -> None:
    rows = filled(charge(range(1, 101)), 40, {3: -2, 19: 3})
    assert bar(Plots(rows).heatmap(normalise=True)).extend == "both"
    rows = filled(charge(range(1, 101)), 40, {3: -1, **dict.fromkeys(range(4, 20), 0.125)})
    assert bar(Plots(rows).heatmap(normalise=True)).extend == "min"


@pytest.mark.parametrize("of", ["mean", "rms", "empty"])
def test_points_beyond_the_scale_are_triangles_at_its_edge(of: str) -> None:
    axes = Plots(hundred()).trend(of)
    low, high = axes.get_ylim()
    usual = Plots(charge(range(1, 101))).trend(of).get_ylim()
    assert high - low < 1.2 * (usual[1] - usual[0])
    marked = triangles(axes)
    expected = {"mean": {"^": [41], "v": []}, "rms": {"^": [], "v": [41]}, "empty": {"^": [41, 61], "v": []}}
    assert marked == expected[of]
    heights = {one.get_ydata()[0] for marker in "^v" for one in points(axes, marker)}
    assert all(0 < one < 0.1 or 0.9 < one < 1 for one in heights)
    assert legend(axes)[-1] == "off scale"


def test_triangles_follow_the_limits() -> None:
    axes = Plots(hundred()).trend()
    low, high = axes.get_ylim()
    axes.set_ylim(low, 50_000)
    assert triangles(axes) == {"^": [], "v": []}
    axes.set_ylim(high, low)  # upside down
    (up,) = points(axes, "^")
    assert up.get_ydata()[0] < 0.1
    values = moments(hundred())["mean"]
    axes.set_ylim(0, 14_000)
    assert triangles(axes)["^"] == (np.flatnonzero(values > 14_000) + 1).tolist()
    assert len(pickle.loads(pickle.dumps(axes.figure)).axes) == 1


def test_a_value_that_is_measured_well_is_on_the_scale_wherever_it_is() -> None:
    rows = filled(charge(range(1, 101)), 40, {19: 3000})
    axes = Plots(rows).trend()
    assert axes.get_ylim()[1] > 39_000
    assert triangles(axes) == {"^": [], "v": []}
    assert Plots(rows).overlay(normalise=True).get_ylim()[1] > 1


@pytest.mark.parametrize("of", ["entries", "sum"])
def test_counts_begin_at_zero(of: str) -> None:
    axes = Plots(charge(range(1, 101))).trend(of)
    assert axes.get_ylim()[0] == 0
    assert Plots(charge(range(1, 101))).trend().get_ylim()[0] > 0
    rows = charge([1, 2]) | {"data": -charge([1, 2])["data"], "entries": np.array([-5, -9])}
    assert Plots(rows).trend(of).get_ylim()[0] < -8


def test_a_second_plot_on_the_same_axes_shows_both() -> None:
    axes = Figure().add_subplot()
    for kind, how in (("trend", {}), ("overlay", {"normalise": True})):
        axes.clear()
        getattr(Plots(charge([1, 2])), kind)(ax=axes, **how)
        before = axes.get_ylim()
        getattr(Plots(charge([200, 201])), kind)(ax=axes, **how)
        after = axes.get_ylim()
        assert after[0] <= before[0] < before[1] <= after[1]
        assert triangles(axes) == {"^": [], "v": []}


def test_axes_that_share_a_scale_show_all_and_mark_what_leaves_it() -> None:
    left, right = Figure().subplots(1, 2, sharey=True)
    Plots(hundred()).trend(ax=left)
    assert triangles(left)["^"] == [41]
    Plots(filled(charge(range(200, 220)), 3, {19: 3000})).trend(ax=right)
    assert left.get_ylim() == right.get_ylim()
    assert left.get_ylim()[1] > 39_000
    assert triangles(left) == triangles(right) == {"^": [], "v": []}
    right.set_ylim(10_000, 20_000)
    assert triangles(left)["^"] == [41]
    assert 203 in triangles(right)["^"]


@pytest.mark.parametrize(("kind", "of"), [("overlay", {}), ("trend", {"of": "entries"})])
def test_a_scale_may_become_logarithmic(kind: str, of: Any) -> None:
    axes = getattr(Plots(hundred()), kind)(**of)
    top = axes.get_ylim()[1]
    axes.set(yscale="log", ylim=(1, None))
    axes.figure.draw_without_rendering()
    assert axes.get_ylim() == (1, top)


def test_without_entries_the_contents_say_what_is_measured_well() -> None:
    rows = hundred()
    del rows["entries"]
    assert triangles(Plots(rows).trend())["^"] == [41]
    assert legend(Plots(rows).trend(min_entries=2))[0] == "1 LS with under 2 entries: 41"


# --- few entries


def test_lumisections_with_few_entries_are_counted_and_not_drawn_as_lines() -> None:
    rows = filled(hundred(), 80, {3: 49})
    axes = Plots(rows).overlay(normalise=True, min_entries=50)
    assert legend(axes) == ["2 LS with under 50 entries: 41, 81", "1 LS empty: 61"]
    drawn = next(one for one in axes.findobj(LineCollection) if one.get_array() is not None)
    assert {*range(1, 101)} - {*drawn.get_array()} == {41, 61, 81}
    heatmap = Plots(rows).heatmap(min_entries=50)
    assert np.ma.getmaskarray(mesh_of(heatmap).get_array()).all(axis=1).nonzero()[0].tolist() == [40, 60, 80]
    assert legend(heatmap) == ["2 LS with under 50 entries: 41, 81", "1 LS empty: 61"]
    assert bar(Plots(rows).heatmap(min_entries=50, normalise=True)).extend == "neither"
    assert legend(Plots(rows).overlay(min_entries=49))[0] == "1 LS with under 49 entries: 41"


def test_in_a_trend_they_are_open_and_no_line_joins_them() -> None:
    axes = Plots(hundred()).trend(min_entries=50)
    few, usual = points(axes)
    assert (few.get_markerfacecolor(), few.get_xdata().tolist()) == ("white", [41])
    assert len(usual.get_xdata()) == 98
    (line,) = [one for one in axes.lines if one.get_linestyle() == "-"]
    is_there = ~np.isnan(line.get_ydata())
    assert 41 not in line.get_xdata()
    assert np.diff(np.flatnonzero(~is_there)).size == 0  # a gap at the empty one, and none at that with few
    assert legend(axes) == ["1 LS with under 50 entries: 41", "1 LS empty: 61", "off scale"]
    assert axes.get_ylim() == Plots(hundred()).trend().get_ylim()


@pytest.mark.parametrize("kind", KINDS)
def test_all_may_have_few_entries(kind: str) -> None:
    axes = getattr(Plots(charge([1, 2, 5])), kind)(min_entries=10**9)
    axes.figure.draw_without_rendering()
    assert legend(axes) == ["3 LS with under 1000000000 entries"]
    notes = [one.get_text() for one in axes.texts]
    assert notes == (["no histogram has 1000000000 entries"] if kind == "overlay" else [])


@pytest.mark.parametrize("many", [0, -1, 1.5, "50", True, [50]])
@pytest.mark.parametrize("kind", KINDS)
def test_entries_are_a_whole_number(kind: str, many: Any) -> None:
    with pytest.raises(ConfigurationError, match="min_entries must be a whole number from 1 on"):
        getattr(Plots(charge([1])), kind)(min_entries=many)


@pytest.mark.parametrize("entries", [["a", "b"], [None, [3]]])
def test_entries_are_numbers(entries: Any) -> None:
    rows = charge([1, 2]) | {"entries": np.array(entries, object)}
    with pytest.raises(ConfigurationError, match="entries of these rows are not all numbers"):
        Plots(rows).overlay(min_entries=3)
    with pytest.raises(ConfigurationError, match="entries of these rows are not all numbers"):
        Plots(rows).trend("entries")


@pytest.mark.parametrize("value", ["yes", 1, None, [True]])
@pytest.mark.parametrize("kind", ["overlay", "heatmap"])
def test_normalise_is_true_or_false(kind: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="normalise must be True or False"):
        getattr(Plots(charge([1])), kind)(normalise=value)


# --- empty


@pytest.mark.parametrize("of", ["mean", "rms", "entries", "sum"])
def test_an_empty_histogram_is_a_cross_at_the_bottom(of: str) -> None:
    axes = Plots(hundred()).trend(of)
    (crosses,) = points(axes, "x")
    assert crosses.get_xdata().tolist() == [61]
    assert 0 < crosses.get_ydata()[0] < 0.1
    height = crosses.get_transform().transform((61, crosses.get_ydata()[0]))
    axes.set_ylim(*np.array(axes.get_ylim()) * 7)
    assert np.array_equal(crosses.get_transform().transform((61, crosses.get_ydata()[0])), height)
    assert "1 LS empty: 61" in legend(axes)
    assert not points(Plots(charge(range(1, 60))).trend(of), "x")


def test_a_value_that_does_not_exist_is_not_called_empty() -> None:
    rows = filled(hundred(), 10, {3: -5})
    assert "2 LS without a value: 11, 61" in legend(Plots(rows).trend())
    rows = charge([1, 2, 5]) | {"data": -np.ones((3, 20))}
    axes = Plots(rows).trend()
    axes.figure.draw_without_rendering()
    assert [one.get_text() for one in axes.texts] == ["no values"]
    assert legend(axes) == ["3 LS without a value"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_may_be_empty(kind: str) -> None:
    rows = charge([1, 2, 5]) | {"data": np.zeros((3, 20))}
    axes = getattr(Plots(rows), kind)(reference=REFERENCE) if kind != "heatmap" else Plots(rows).heatmap()
    axes.figure.draw_without_rendering()
    assert legend(axes)[0] == "3 LS empty"
    if kind != "heatmap":
        assert [one.get_text() for one in axes.texts] == ["all histograms are empty"]


def test_empty_rows_of_a_heatmap_are_grey_and_missing_ones_white() -> None:
    axes = Plots(filled(charge([1, 2, 3, 7]), 1, {})).heatmap(normalise=True)
    (span,) = [one for one in axes.collections if isinstance(one, PolyCollection)]
    (corners,) = [one.vertices[:, 1] for one in span.get_paths()]
    assert (corners.min(), corners.max()) == (1.5, 2.5)
    assert to_hex(span.get_facecolor()[0]) == "#999999"
    assert legend(axes) == ["1 LS empty: 2"]


# --- not good


def test_what_is_not_good_is_red_and_on_top() -> None:
    good = LumiMask({RUN: [[1, 90]]})
    axes = Plots(charge(range(1, 101))).overlay(good=good)
    (red,) = collections(axes, RED)
    assert len(red.get_segments()) == 10
    assert red.get_linestyle()[0][1] is not None  # dashed
    others = [one for one in axes.findobj(LineCollection) if one is not red]
    assert red.get_zorder() > max(one.get_zorder() for one in others)
    assert legend(axes) == ["10 of 100 LS not in mask: 91\N{EN DASH}100"]
    assert legend(Plots(charge(range(1, 101))).overlay(good=good, most=5))[-1] == (
        "10 of 100 LS not in mask: 91\N{EN DASH}100 (5 drawn)"
    )
    assert (
        len(collections(Plots(charge(range(1, 101))).overlay(good=good, most=5), RED)[0].get_segments()) == 5
    )


def test_in_a_trend_its_points_are_red() -> None:
    axes = Plots(hundred()).trend(good=LumiMask({RUN: [[1, 40], [62, 90]]}), min_entries=50)
    bad = points(axes, "D")
    drawn = [(one.get_markerfacecolor(), one.get_color(), one.get_xdata().tolist()) for one in bad]
    assert drawn == [("white", RED, [41]), (RED, RED, [*range(42, 61), *range(91, 101)])]
    assert legend(axes)[0] == "31 of 100 LS not in mask: 41\N{EN DASH}61, 91\N{EN DASH}100"
    assert len(points(axes)) == 1


def test_a_column_beside_the_rows_says_what_is_not_good() -> None:
    axes = Plots(charge([1, 2, 3, 7])).heatmap(good=LumiMask({RUN: [[1, 1], [7, 7]]}))
    (strip,) = axes.child_axes
    (red,) = [one for one in strip.collections if to_hex(one.get_facecolor()[0]) == RED]
    assert [(one.vertices[:, 1].min(), one.vertices[:, 1].max()) for one in red.get_paths()] == [(1.5, 3.5)]
    assert legend(axes) == ["2 of 4 LS not in mask: 2\N{EN DASH}3"]
    axes.set_ylim(2.5, 7.5)
    assert strip.get_ylim() == (2.5, 7.5)
    axes.figure.draw_without_rendering()
    boxes = [one.get_window_extent() for one in (axes, strip, bar(axes).ax)]
    assert boxes[0].x1 < boxes[1].x0 < boxes[1].x1 < boxes[2].x0
    assert not Plots(charge([1, 2, 3])).heatmap(good=LumiMask({RUN: [[1, 7]]})).child_axes


# --- few lumisections


def test_few_lumisections_have_names_and_colours_of_their_own() -> None:
    axes = Plots(charge([1, 50, 100, 150, 200, 250])).overlay()
    assert legend(axes) == [f"LS {one}" for one in (1, 50, 100, 150, 200, 250)]
    assert len(axes.figure.axes) == 1  # no scale of colours
    colours = [one.get_color() for one in axes.get_legend().get_lines()]
    assert len({*colours}) == 6
    assert RED not in colours
    assert colours[-1] == legend_colour(Plots(charge([3, 9])).overlay(), -1) == "black"
    drawn = [one for one in axes.findobj(LineCollection) if one.get_segments()]
    assert [to_hex(one.get_edgecolor()[0]) for one in drawn] == [to_hex(one) for one in colours]
    assert len(Plots(charge(range(1, 8))).overlay().figure.axes) == 2
    assert legend(Plots(charge([7])).overlay()) == []


def legend_colour(axes: Any, at: int) -> Any:
    return axes.get_legend().get_lines()[at].get_color()


def test_of_few_lumisections_those_that_are_not_good_are_named() -> None:
    axes = Plots(charge([1, 2, 7, 9])).overlay(good=LumiMask({RUN: [[1, 2]]}))
    assert legend(axes) == ["LS 1", "LS 2", "2 of 4 LS not in mask: 7, 9"]
    rows = together(charge([1]), charge([1], run=367131))
    assert legend(Plots(rows).overlay()) == [f"{RUN}, LS 1", "367131, LS 1"]
    assert legend(Plots(charge([7])).overlay(good=LumiMask({1: [[1, 1]]}))) == ["1 of 1 LS not in mask"]


@pytest.mark.parametrize(
    ("rows", "good", "said"),
    [
        (charge(range(1, 41)), {RUN: [[2, 39]]}, "2 of 40 LS not in mask: 1, 40"),
        (
            charge([1, 2, 3, 5, *range(11, 30)]),
            {RUN: [[2, 2], [12, 28]]},
            "5 of 23 LS not in mask: 1, 3, 5, 11, 29",
        ),
        (
            charge(range(1001, 1101)),
            {RUN: [[1005, 1049], [1060, 1080], [1082, 1090]]},
            f"25 of 100 LS not in mask: 1001{EN}1004, 1050{EN}1059, {MORE}",
        ),
        (
            together(charge([1, 2, 9]), charge([10, 12, 20], run=367131)),
            {RUN: [[1, 1]], 367131: [[11, 12]]},
            f"4 of 6 LS not in mask: {RUN} LS 2, 9, {MORE}",
        ),
        (
            together(charge([1, 2]), charge([3, 4, 5], run=367131)),
            {RUN: [[1, 2]], 367131: [[5, 5]]},
            f"2 of 5 LS not in mask: 367131 LS 3{EN}4",
        ),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_legends_name_lumisections_as_far_as_there_is_room(
    kind: str, rows: Any, good: Any, said: str
) -> None:
    axes = getattr(Plots(rows), kind)(good=LumiMask(good))
    assert said in legend(axes)
    axes.figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().x1 <= axes.figure.bbox.x1


def test_in_narrow_axes_legends_name_fewer_and_break_references() -> None:
    for layout, names in (("constrained", f": 1, 41, 71{EN}72, {MORE}"), (None, "")):
        figure = Figure(figsize=(8, 4), layout=layout)
        good = LumiMask({RUN: [[2, 40], [42, 70], [73, 80], [82, 83], [86, 90]]})
        for axes in figure.subplots(1, 2):
            Plots(charge(range(1, 91))).trend(good=good, reference=REFERENCE, ax=axes)
            bad, level = legend(axes)
            assert bad == f"7 of 90 LS not in mask{names}"
            assert " ".join(level.split("\n")).endswith(NAME)
            assert "\n" in level
        figure.draw_without_rendering()
        left, right = [one.get_legend().get_window_extent() for one in figure.axes]
        assert left.x1 < right.x0


@pytest.mark.parametrize("many", [1, 3, 93, 2000])
def test_the_first_and_the_last_point_are_not_on_the_frame(many: int) -> None:
    axes = Plots(charge(range(1, many + 1))).trend(good=LumiMask({RUN: [[2, many + 1]]}))
    low, high = axes.get_xlim()
    assert 1 - low == pytest.approx(high - many)
    assert 0.01 * (high - low) < 1 - low < max(0.02 * (high - low), 0.6)
    assert min(axes.get_xticks()) >= 1  # no lumisection is 0


# --- legends


@pytest.mark.parametrize("kind", KINDS)
def test_legends_are_below_and_inside_the_figure(kind: str) -> None:
    how = {} if kind == "heatmap" else {"reference": REFERENCE}
    good = LumiMask({RUN: [[1, 30]]})
    axes = getattr(Plots(hundred()), kind)(good=good, min_entries=50, **how)
    axes.figure.draw_without_rendering()
    made = axes.get_legend().get_window_extent()
    assert made.y1 <= axes.xaxis.label.get_window_extent().y0
    assert made.y0 >= axes.figure.bbox.y0
    assert made.x1 <= axes.figure.bbox.x1
    bare = getattr(Plots(charge(range(1, 101))), kind)()
    bare.figure.draw_without_rendering()
    assert axes.get_window_extent().height == pytest.approx(bare.get_window_extent().height, rel=0.15)


def test_without_room_outside_the_legend_is_inside() -> None:
    axes = Plots(hundred()).trend(ax=Figure().add_subplot())
    axes.figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().y0 > axes.get_window_extent().y0


# --- references


def test_a_reference_is_a_grey_area_of_its_shape() -> None:
    axes = Plots(charge([1, 2])).overlay(normalise=True, reference=REFERENCE)
    (area,) = axes.findobj(StepPatch)
    total = REFERENCE["data"].sum(axis=0)
    assert area.get_data().values == pytest.approx(total / total.sum())
    assert legend(axes) == ["LS 1", "LS 2", f"Reference: {NAME}"]
    assert legend(Plots(charge([7])).overlay(normalise=True, reference=REFERENCE))[0] == "LS 7"
    rows = charge([1, 2, 3])
    (area,) = Plots(rows).overlay(reference=(total, np.linspace(0, 40_000, 21))).findobj(StepPatch)
    assert area.get_data().values.sum() == pytest.approx(rows["data"][1].sum())
    assert area.axes.get_ylim()[1] > area.get_data().values.max()
    assert legend(area.axes)[-1] == "Reference, scaled: a histogram"


@pytest.mark.parametrize(
    ("reference", "label", "level", "around"),
    [
        (12_000, "Reference: 12000", 12_000, None),
        (np.float32(12_000), "Reference: 12000", 12_000, None),
        ((12_000, 50), "Reference: 12000 \N{PLUS-MINUS SIGN} 50", 12_000, 50),
        ((12_000, 0), "Reference: 12000 \N{PLUS-MINUS SIGN} 0", 12_000, None),
    ],
)
def test_a_number_is_a_level(reference: Any, label: str, level: float, around: float | None) -> None:
    axes = Plots(charge(range(1, 31))).trend(reference=reference)
    (line,) = [one for one in axes.lines if one.is_dashed()]
    assert {*line.get_ydata()} == {level}
    assert axes.get_ylim()[0] < level < axes.get_ylim()[1]
    bands = [one for one in axes.patches if isinstance(one, Polygon | Rectangle)]
    assert len(bands) == (around is not None)
    assert legend(axes) == [label]


def level_of(rows: Any, reference: Any, of: Any) -> tuple[float, float]:
    axes = Plots(rows).trend(of, reference=reference)
    assert legend(axes)[-1].startswith("Reference: ")
    (line,) = [one for one in axes.lines if one.is_dashed()]
    (band,) = [one for one in axes.patches if isinstance(one, Polygon | Rectangle)] or [None]
    assert (PLUS_MINUS in legend(axes)[-1]) == (band is not None)
    if band is None:
        return line.get_ydata()[0], 0
    box = band.get_extents().transformed(axes.transData.inverted())
    return line.get_ydata()[0], box.height / 2


@pytest.mark.parametrize("of", ["mean", "rms"])
def test_other_histograms_give_the_level_of_their_sum(of: str) -> None:
    expected = moments(REFERENCE["data"].sum(axis=0)[None], centres=np.linspace(1000, 39_000, 20))
    found = level_of(charge(range(1, 31)), REFERENCE, of)
    assert found == pytest.approx((expected[of][0], expected[f"{of}_error"][0]), rel=1e-6)
    one = (REFERENCE["data"].sum(axis=0), np.linspace(0, 40_000, 21))
    assert level_of(charge(range(1, 31)), one, of) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (12_345.678, 2.3, f"12345.7 {PLUS_MINUS} 2.3"),
        (12_345.678, 230, f"12346 {PLUS_MINUS} 230"),
        (0.0123, 0.00021, f"0.01230 {PLUS_MINUS} 0.00021"),
        (-0.5, 12, f"0 {PLUS_MINUS} 12"),
        (2.5e7, 1234, f"2.500e7 {PLUS_MINUS} 1234"),
        (1.0, 1e-9, f"1.000 {PLUS_MINUS} 1.000e-9"),
        (28_062.4, 0, "28062"),
        (28_062.4, np.nan, "28062"),
    ],
)
def test_the_legend_gives_the_level_of_other_histograms(value: float, error: float, said: str) -> None:
    def known(arrays: Any) -> Any:
        many = len(arrays["data"])
        return np.full(many, value), np.full(many, error * np.sqrt(many))

    axes = Plots(charge([1, 2])).trend(known, reference=REFERENCE)
    assert legend(axes) == [f"Reference: {said}, {NAME}"]
    assert legend(Plots(charge([1, 2])).trend(reference=charge([], run=366_000))) == [
        "Reference: no lumisections"
    ]


def test_of_maps_the_level_is_along_the_axis() -> None:
    reference = clusters(range(100, 140), run=366_000)
    total = reference["data"].sum(axis=(0, 2))
    axes = Plots(clusters(range(1, 31))).trend(axis="y", reference=reference)
    (line,) = [one for one in axes.lines if one.is_dashed()]
    assert line.get_ydata()[0] == pytest.approx(np.average(np.arange(-2.5, 3), weights=total))


def test_of_other_quantities_the_level_is_the_mean_over_lumisections_that_are_measured_well() -> None:
    reference = filled(charge(range(100, 140), run=366_000), 7, {3: 1})
    usual = np.delete(reference["entries"], 7)
    for of in ("entries", "sum"):
        found = level_of(charge(range(1, 31)), reference, of)
        assert found == pytest.approx((usual.mean(), np.sqrt(usual.sum()) / 39))

    def highest(arrays: Any) -> Any:
        return arrays["data"].max(axis=1)

    values = np.delete(highest(reference), 7)
    found = level_of(charge(range(1, 31)), reference, highest)
    assert found == pytest.approx((values.mean(), values.std(ddof=1) / np.sqrt(39)))
    assert level_of(charge(range(1, 31)), charge([3], run=9), highest)[1] == 0


@pytest.mark.parametrize("kind", ["overlay", "trend"])
def test_a_reference_may_have_no_lumisections(kind: str) -> None:
    for rows in (charge([1, 2]), charge([])):
        axes = getattr(Plots(rows), kind)(reference=charge([]))
        axes.figure.draw_without_rendering()
        assert legend(axes)[-1].endswith(": no lumisections")


@pytest.mark.parametrize("kind", ["overlay", "trend"])
@pytest.mark.parametrize(
    "reference", [charge([1], x_max=50_000.0), clusters([1]), (np.ones(3), np.arange(4.0))]
)
def test_a_reference_has_the_same_binning(kind: str, reference: Any) -> None:
    with pytest.raises(BinningError, match="20 bins from 0 to 40000"):
        getattr(Plots(charge([1])), kind)(reference=reference)


@pytest.mark.parametrize(
    "reference", [float("nan"), float("inf"), (1, -1), (1, float("nan")), (float("inf"), 1), 10**400]
)
def test_a_level_is_a_finite_number(reference: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="Give a finite number, or a pair of one and its uncertainty"
    ):
        Plots(charge([1])).trend(reference=reference)


@pytest.mark.parametrize("kind", ["overlay", "trend"])
@pytest.mark.parametrize("reference", ["golden", True, (1, 2, 3), (1, "2"), [1, 2, 3], object()])
def test_other_references_are_refused(kind: str, reference: Any) -> None:
    with pytest.raises((ConfigurationError, BinningError)) as caught:
        getattr(Plots(charge([1])), kind)(reference=reference)
    assert caught.value.advice


# --- awkward data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "many"),
    [
        *(
            (change, many)
            for change in ("negative", "huge", "one entry each", "without a mean")
            for many in (1, 3, 7)
        ),
        ("no", 2000),
    ],
)
def test_awkward_contents_are_drawn(kind: str, change: str, many: int) -> None:
    rows = charge([*range(1, many), many + 5])
    if change == "negative":
        rows["data"] -= 400
    elif change == "huge":
        rows["data"] *= 1e305
    elif change == "without a mean":
        rows["data"] *= -1
    elif change == "one entry each":
        rows["data"][:] = np.eye(20)[rows["ls_number"] % 20]
        rows["entries"][:] = 1
    how: dict[str, Any] = {} if kind == "heatmap" else {"reference": REFERENCE}
    for good in (LumiMask({1: [[1, 1]]}), LumiMask({RUN: [[1, 1500]]})):
        axes = getattr(Plots(rows), kind)(good=good, min_entries=1, **how)
        axes.figure.set_layout_engine("none")
        axes.figure.draw_without_rendering()
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
