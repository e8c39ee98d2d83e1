"""What plots say: ME, run, lumisections, dataset, quantities and units, CMS; and what stands for gaps and bad lumisections."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from cmsdials import LumiMask
from cmsdials.arrays import sum_lumis
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting import AXES, Plots
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.patches import StepPatch

from tests.overlay.plotting.histograms import CHARGE, DATASET, RUN, charge, clusters, together

GAPS = [*range(1, 11), 14, 15, 20]
RUNS = together(charge([20, 21, 24]), charge([1, 2], run=367131), charge([5], run=367140))
LABEL = {"cms_label": "Preliminary", "year": 2023, "energy": 13.6}


def title(axes: Any) -> str:
    text: str = " ".join(axes.get_title(loc="left").split("\n"))
    return text.replace(f", {DATASET}", f" {DATASET}")  # on one line, where there is room


def pictures(moving: Any, *numbers: int) -> Iterator[Any]:
    """The axes of an animation, each time that one of its pictures is drawn; it is neither shown nor saved.

    matplotlib has no public name for what it draws on.
    """
    moving._draw_was_started = True  # else it warns that nobody has seen it
    for number in numbers:
        moving._draw_frame(number)
        yield moving._fig.axes[0]


def bar(axes: Any) -> Any:
    """The axes of the scale of colours."""
    return next(one for one in axes.figure.axes if one.get_label() == "<colorbar>")


def legend(axes: Any) -> list[str]:
    return [one.get_text() for one in axes.get_legend().get_texts()]


def found(axes: Any, kind: type) -> list[Any]:
    return axes.findobj(kind)


def stretches(axes: Any) -> list[list[float]]:
    """Where the line of a trend goes, without its gaps."""
    (line,) = [one for one in axes.lines if one.get_linestyle() == "-"]
    at, is_there = line.get_xdata(), ~np.isnan(line.get_ydata())
    parts = np.split(np.arange(len(at)), np.flatnonzero(~is_there))
    return [kept for part in parts if (kept := [float(at[one]) for one in part if is_there[one]])]


@pytest.fixture
def table() -> Iterator[dict[str, Any]]:
    """The table of axes, which is afterwards as it was."""
    before = dict(AXES)
    yield AXES
    AXES.clear()
    AXES.update(before)


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "trend"])
@pytest.mark.parametrize(
    ("rows", "when"),
    [
        (charge([7]), f"Run {RUN}, LS 7"),
        (charge(GAPS), f"Run {RUN}, LS 1\N{EN DASH}20 (13 LS)"),
        (RUNS, "3 runs 367112\N{EN DASH}367140, 6 LS"),
    ],
)
def test_the_title_says_what_is_drawn(kind: str, rows: Any, when: str) -> None:
    axes = getattr(Plots(rows), kind)()
    assert title(axes) == f"{CHARGE} {when} {DATASET}"


def test_axes_say_quantity_and_unit() -> None:
    plots = Plots(charge(GAPS))
    assert (plots.overlay().get_xlabel(), plots.overlay().get_ylabel()) == (
        "Cluster charge [e]",
        "Entries / 2000 e",
    )
    assert plots.overlay(normalise=True).get_ylabel() == "Fraction per bin"
    assert plots.overlay(normalise=np.bool_(True)).get_ylabel() == "Fraction per bin"
    heatmap = plots.heatmap()
    labels = heatmap.get_xlabel(), heatmap.get_ylabel(), bar(heatmap).get_ylabel()
    assert labels == ("Cluster charge [e]", "Lumisection", "Entries / 2000 e")
    assert bar(plots.overlay()).get_ylabel() == "Lumisection"
    drawn = plots.compare(charge([1]))
    assert (drawn.top.get_ylabel(), drawn.bottom.get_ylabel()) == ("Fraction per bin", "Run / ref.")
    assert drawn.bottom.get_xlabel() == "Cluster charge [e]"
    axes = Plots(clusters([1, 2])).map()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Signed module coordinate", "Signed ladder coordinate")
    assert bar(axes).get_ylabel() == "Entries per bin"
    assert bar(Plots(clusters([1, 2])).map(how="mean")).get_ylabel() == "Mean entries per bin"


@pytest.mark.parametrize(
    "changed", [lambda data: data / 2, lambda data: data - 1000, lambda data: data * 2.0**54]
)
def test_contents_that_are_no_counts_are_not_called_entries(changed: Any) -> None:
    rows, maps = charge([1, 2]), clusters([1, 2])
    for one in (rows, maps):
        one["data"] = changed(one["data"])
    assert Plots(rows).overlay().get_ylabel() == "Content per bin"
    assert bar(Plots(maps).map(how="mean")).get_ylabel() == "Mean content per bin"


def test_entries_are_for_each_bin_where_the_axis_has_no_unit_or_bins_of_several_widths(
    table: dict[Any, Any],
) -> None:
    table["charge_PX"] = "Clusters"
    assert Plots(charge([1, 2])).overlay().get_ylabel() == "Entries per bin"


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "trend", "map", "compare", "animate"])
@pytest.mark.parametrize("given", ["", "Charge of layer 2\n$x_1$", "a/" * 90])
def test_a_title_that_is_given_is_the_title(kind: str, given: str) -> None:
    rows = clusters([3, 4]) if kind in ("map", "animate") else charge([3, 4])
    drawn = getattr(Plots(rows), kind)(*[rows] * (kind == "compare"), title=given, year=2024)
    if kind == "animate":
        (axes,) = pictures(drawn, 1)
        given = f"{given} Run {RUN}, LS 4 grey: always empty".strip()
    else:
        axes = drawn.top if kind == "compare" else drawn
    assert title(axes).replace(" ", "") == given.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(
    ("of", "axis", "label"),
    [
        ("mean", "x", "Cluster charge, mean [e]"),
        ("rms", "x", "Cluster charge, RMS [e]"),
        ("entries", "x", "Entries"),
        ("sum", "x", "Sum of contents"),
        ("empty", "x", "Fraction of empty bins"),
    ],
)
def test_a_trend_says_of_what_it_is(of: str, axis: str, label: str) -> None:
    axes = Plots(charge(GAPS)).trend(of, axis=axis)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Lumisection", label)


def test_a_trend_of_a_map_names_the_axis() -> None:
    assert Plots(clusters([1])).trend(axis="y").get_ylabel() == "Signed ladder coordinate,\nmean"


def test_a_trend_of_your_own_is_drawn_in_order() -> None:
    def highest_bin(arrays: Any) -> Any:
        return arrays["data"].max(axis=1), np.sqrt(arrays["data"].max(axis=1))

    rows = charge([3, 1, 2])
    axes = Plots(rows).trend(highest_bin)
    (line,) = [one for one in axes.lines if one.get_marker() == "o"]
    assert [*line.get_xdata()] == [1, 2, 3]
    assert [*line.get_ydata()] == [*rows["data"].max(axis=1)[[1, 2, 0]]]
    assert axes.get_ylabel() == "Highest bin"
    assert Plots(rows).trend(lambda arrays: arrays["entries"]).get_ylabel() == ""


@pytest.mark.parametrize(
    "made", [lambda _: 1.0, lambda _: [1, 2], lambda _: ["a"] * 3, lambda _: (1, 2, 3, 4), lambda _: None]
)
def test_a_trend_of_your_own_has_a_number_for_each_row(made: Any) -> None:
    with pytest.raises(ConfigurationError, match="one number for each of the 3 rows"):
        Plots(charge([1, 2, 3])).trend(made)


@pytest.mark.parametrize("of", ["median", "", None, 3, ["mean"]])
def test_other_trends_are_refused(of: Any) -> None:
    with pytest.raises(ConfigurationError, match="mean, rms, entries, sum, empty"):
        Plots(charge([1])).trend(of)


@pytest.mark.parametrize("axis", ["y", "z", "xy", "", None, 0])
def test_axes_that_histograms_do_not_have_are_refused(axis: Any) -> None:
    with pytest.raises(BinningError, match="They have x"):
        Plots(charge([1])).trend(axis=axis)


def test_the_mean_has_the_uncertainty_of_its_entries() -> None:
    rows = charge([4])
    centres = np.linspace(1000, 39_000, 20)
    mean = np.average(centres, weights=rows["data"][0])
    error = np.sqrt(np.average((centres - mean) ** 2, weights=rows["data"][0]) / rows["data"].sum())
    axes = Plots(rows).trend()
    (bars,) = found(axes, LineCollection)
    assert bars.get_segments()[0][:, 1] == pytest.approx([mean - error, mean + error])


def test_an_almost_empty_histogram_does_not_hide_how_the_others_differ() -> None:
    rows = charge(range(1, 20))
    usual = Plots(rows).trend().get_ylim()
    rows["data"][9] = 0
    rows["data"][9, [2, 9]] = 1
    axes = Plots(rows).trend()
    low, high = axes.get_ylim()
    (bars,) = found(axes, LineCollection)
    assert np.ptp(bars.get_segments()[9][:, 1]) > high - low
    seen = np.concatenate([one.get_ydata() for one in axes.lines])
    assert low < seen.min() < seen.max() < high
    assert usual[0] > low


# --- units


@pytest.mark.parametrize(
    ("me", "label"),
    [
        ("JetMET/Jet/Cleanedak4PFJetsCHS/Pt", "Transverse momentum [GeV]"),
        ("JetMET/Jet/Cleanedak4PFJetsCHS/Eta", "Pseudorapidity"),
        ("JetMET/MET/pfMETT1/Cleaned/METPhi", "Azimuth [rad]"),
        ("JetMET/MET/pfMETT1/Cleaned/MET", "Missing transverse momentum [GeV]"),
        ("Muons/MuonRecoAnalyzer/GlbMuon_Glb_pt", "Transverse momentum [GeV]"),
        ("Egamma/Electrons/Ele2_All/ele3_Et", "Transverse energy [GeV]"),
        ("EcalBarrel/EBTimingTask/EBTMT timing 1D summary", "Time [ns]"),
        ("CSC/CSCOfflineMonitor/recHits/hRHTimingAll", "Time [ns]"),
        ("Tracking/X/TrackPhi_ImpactPoint_GenTk", "Azimuth [rad]"),
        ("A/Betatron", "Betatron"),
        ("A/Options", "Options"),
        ("no_slash", "no_slash"),
        ("A/$x_{$", "$x_{$"),
        ("A/" + "n" * 100, "\N{HORIZONTAL ELLIPSIS}" + "n" * 39),
    ],
)
def test_known_quantities_have_their_units(me: str, label: str) -> None:
    axes = Plots(charge([1, 2], me=me)).overlay()
    assert axes.get_xlabel() == label


def test_the_table_can_be_extended(table: dict[str, Any]) -> None:
    table[r"charge_PXLayer_2$"] = "Charge [fC]"
    table[r"clusters_per"] = ("z [cm]", "r [cm]")
    assert Plots(charge([1])).overlay().get_xlabel() == "Charge [fC]"
    assert Plots(charge([1])).trend().get_ylabel() == "Charge, mean [fC]"
    assert Plots(clusters([1])).trend("rms", axis="y").get_ylabel() == "r, RMS [cm]"
    table[r"charge_PXLayer_2$"] = ("one", "two")  # of a map, which this is not
    assert Plots(charge([1])).overlay().get_xlabel() == "Cluster charge [e]"


@pytest.mark.parametrize(
    ("pattern", "shown"), [("(", "x"), (3, "x"), ("a", 3), ("a", ("x", 3)), ("a", b"x"), ("a", None)]
)
def test_the_table_takes_expressions_and_labels(table: dict[Any, Any], pattern: Any, shown: Any) -> None:
    table[pattern] = shown
    with pytest.raises(ConfigurationError, match=r"Write AXES\["):
        Plots(charge([1])).overlay()


# --- CMS


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "trend"])
def test_the_label_of_cms_is_drawn_on_request(kind: str) -> None:
    axes = getattr(Plots(charge(GAPS)), kind)(**LABEL)
    texts = {one.get_text() for one in axes.texts}
    assert {"CMS", "Preliminary", "2023 (13.6 TeV)"} <= texts
    assert "TeV" not in title(axes)
    assert "CMS" not in {one.get_text() for one in getattr(Plots(charge(GAPS)), kind)().texts}


@pytest.mark.parametrize(
    ("how", "in_title", "at_right"),
    [
        ({"year": 2023}, "2023", None),
        ({"energy": 13.6}, "13.6 TeV", None),
        ({"year": "Run 3", "energy": "5.36 TeV"}, "Run 3 (5.36 TeV)", None),
        ({"cms_label": "", "energy": 13}, None, "13 TeV"),
        ({"cms_label": "Work in progress", "year": 2024}, None, "2024"),
    ],
)
def test_year_and_energy_stand_beside_the_label_or_in_the_title(
    how: Any, in_title: str | None, at_right: str | None
) -> None:
    axes = Plots(clusters([1])).map(**how)
    texts = {one.get_text() for one in axes.texts}
    assert ("CMS" in texts) == ("cms_label" in how)
    if in_title is not None:
        assert f"Run {RUN}, LS 1, {in_title}" in title(axes)
    else:
        assert at_right in texts


@pytest.mark.parametrize(
    "wrong",
    [
        {"cms_label": True},
        {"cms_label": 3},
        {"year": [2023]},
        {"year": 20.5},
        {"energy": True},
        {"energy": [13]},
        {"title": 3},
        {"title": True},
    ],
)
def test_other_labels_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot be"):
        Plots(charge([1])).overlay(**wrong)


# --- lumisections


def test_the_last_lumisection_is_on_top() -> None:
    rows = [8, 5, 1, 3, 4, 7, 9]
    axes = Plots(charge(rows)).overlay()
    lines = sorted(found(axes, LineCollection), key=lambda one: one.get_zorder())
    lines = [one for one in lines if one.get_segments()]
    assert [*lines[-2].get_array()] == sorted(rows)
    assert len(lines[-1].get_segments()) == 1
    assert np.array_equal(lines[-1].get_segments()[0], lines[-2].get_segments()[-1])
    assert lines[-1].get_linewidth()[0] > lines[-2].get_linewidth()[0]


@pytest.mark.parametrize(("many", "most"), [(2000, 100), (5, 2), (101, 100), (3, 1), (107, 100)])
def test_the_rest_is_a_band(many: int, most: int) -> None:
    rows = charge(range(1, many + 1))
    axes = Plots(rows).overlay(most=most)
    (band,) = found(axes, StepPatch)
    drawn = [*next(one for one in found(axes, LineCollection) if one.get_array() is not None).get_array()]
    assert (len(drawn), drawn[-1]) == (most, many)
    rest = np.delete(rows["data"], np.array(drawn) - 1, axis=0)
    assert np.allclose(band.get_data().values, np.quantile(rest, 0.95, axis=0))
    assert np.allclose(band.get_data().baseline, np.quantile(rest, 0.05, axis=0))
    assert legend(axes) == [f"{many - most} more LS, 5\N{EN DASH}95%"]


@pytest.mark.parametrize("most", [0, -1, 1.5, "3", None, True])
def test_how_many_are_drawn_is_a_whole_number(most: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number from 1"):
        Plots(charge([1])).overlay(most=most)


def test_missing_lumisections_are_gaps() -> None:
    (mesh,) = [
        one for one in found(Plots(charge(GAPS)).heatmap(), QuadMesh) if one.get_array().shape[-1] == 20
    ]
    empty = np.ma.getmaskarray(mesh.get_array()).all(axis=1)
    borders = mesh.get_coordinates()[:, 0, 1]
    gaps = [(borders[at], borders[at + 1]) for at in np.flatnonzero(empty)]
    assert gaps == [(10.5, 13.5), (15.5, 19.5)]
    lines = stretches(Plots(charge(GAPS)).trend())
    assert lines == [[*range(1, 11)], [14, 15], [20]]


def test_a_lumisection_alone_among_many_has_its_uncertainty() -> None:
    axes = Plots(charge([*range(1, 201), 205, 207])).trend()
    (bars,) = [one for one in found(axes, LineCollection) if len(one.get_segments())]
    assert [one[0, 0] for one in bars.get_segments()] == [205, 207]


def test_missing_histograms_of_aligned_arrays_are_gaps() -> None:
    rows = charge([1, 2, 3])
    rows["data"][1] = np.nan
    lines = stretches(Plots(rows).trend())
    assert lines == [[1], [3]]


def test_sums_of_lumisections_are_as_wide_as_these() -> None:
    sums = sum_lumis(charge([*range(1, 11), *range(21, 31)]), 5)
    (mesh,) = [one for one in found(Plots(sums).heatmap(), QuadMesh) if one.get_array().shape[-1] == 20]
    assert mesh.get_coordinates()[:, 0, 1].tolist() == [0.5, 5.5, 10.5, 20.5, 25.5, 30.5]
    axes = Plots(sums).trend("sum", good=LumiMask({RUN: [[1, 9], [21, 30]]}))
    lines = stretches(axes)
    assert lines == [[3, 8], [23, 28]]
    assert f"Run {RUN}, LS 1\N{EN DASH}30" in title(axes)
    assert legend(axes) == ["5 of 20 LS not in mask: 6\N{EN DASH}10"]


def test_a_lumisection_far_away_costs_nothing() -> None:
    axes = Plots(charge([1, 2, 2**32 - 1])).heatmap()
    assert axes.get_ylim() == (0.5, 2**32 - 0.5)


@pytest.mark.parametrize("kind", ["trend", "heatmap"])
def test_runs_follow_one_another(kind: str) -> None:
    axes = getattr(Plots(RUNS), kind)()
    axis = axes.xaxis if kind == "trend" else axes.yaxis
    assert [one.get_text() for one in axis.get_ticklabels()] == ["367112", "367131", "367140"]
    assert [*axis.get_ticklocs()] == [2, 5.5, 7]
    borders = [one for one in axes.lines if len(one.get_xdata()) == 2 and one.is_dashed()]
    ends = [one.get_xdata() if kind == "trend" else one.get_ydata() for one in borders]
    assert [[*one] for one in ends] == [[4.5, 4.5], [6.5, 6.5]]
    assert axis.get_label_text() == "Lumisections, run after run"


def test_of_many_runs_some_are_named() -> None:
    rows = together(*(charge([1, 2, 3], run=run) for run in range(1000, 1100)))
    axes = Plots(rows).trend()
    labels = [one.get_text() for one in axes.xaxis.get_ticklabels()]
    assert labels[0] == "1000"
    assert 3 <= len(labels) <= 12
    axes.figure.draw_without_rendering()
    boxes = [one.get_window_extent() for one in axes.xaxis.get_ticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_lumisections_that_are_not_good_are_shaded() -> None:
    good = LumiMask({RUN: [[1, 3], [15, 20]]})
    axes = Plots(charge(GAPS)).trend(good=good)
    (shade,) = [one for one in axes.collections if isinstance(one, PolyCollection)]
    spans = [one.vertices for one in shade.get_paths()]
    assert sorted((one[:, 0].min(), one[:, 0].max()) for one in spans) == [(3.5, 10.5), (13.5, 14.5)]
    assert legend(axes) == ["8 of 13 LS not in mask: 4\N{EN DASH}10, 14"]


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "trend"])
def test_all_may_be_bad(kind: str) -> None:
    axes = getattr(Plots(charge(GAPS)), kind)(good=LumiMask({1: [[1, 5]]}))
    axes.figure.draw_without_rendering()
    assert legend(axes) == ["13 of 13 LS not in mask"]


@pytest.mark.parametrize("good", [{RUN: [[1, 2]]}, "golden.json", [True], 1])
@pytest.mark.parametrize("kind", ["overlay", "heatmap", "trend"])
def test_good_is_a_mask(kind: str, good: Any) -> None:
    with pytest.raises(ConfigurationError, match="LumiMask"):
        getattr(Plots(charge([1])), kind)(good=good)


# --- maps


def values_of(axes: Any) -> Any:
    return next(one for one in found(axes, QuadMesh) if one.axes is axes).get_array()


def test_a_map_is_of_one_lumisection_of_their_sum_or_of_their_mean() -> None:
    rows = clusters([1, 2, 4])
    for axes, expected, said in (
        (Plots(rows).map(ls=2), rows["data"][1], f"Run {RUN}, LS 2"),
        (Plots(rows).map(), rows["data"].sum(axis=0), f"Run {RUN}, LS 1\N{EN DASH}4 (3 LS), sum"),
        (
            Plots(rows).map(how="mean"),
            rows["data"].mean(axis=0),
            f"Run {RUN}, LS 1\N{EN DASH}4 (3 LS), mean",
        ),
    ):
        values = values_of(axes)
        assert np.array_equal(values.filled(0), expected)
        assert np.array_equal(np.ma.getmaskarray(values), expected == 0)
        assert said in title(axes)
        assert found(axes, QuadMesh)[0].get_cmap()(np.ma.masked)[:3] == (1, 1, 1)


@pytest.mark.parametrize("ls", [3, 0, -1, 1.0, "1", [1, 2], True])
def test_a_map_of_a_lumisection_that_is_not_there_is_refused(ls: Any) -> None:
    with pytest.raises(ConfigurationError, match="lumisection"):
        Plots(clusters([1, 2, 4])).map(ls=ls)


def test_the_run_of_a_lumisection_is_asked_for() -> None:
    rows = together(clusters([1, 2]), clusters([2, 3], run=367131))
    with pytest.raises(
        ConfigurationError,
        match=r"in 2 runs \(367112, 367131\).* result.plot.of\(run_number=367112\).map\(ls=2\)",
    ):
        Plots(rows).map(ls=2)
    assert f"Run {RUN}, LS 2" in title(Plots(rows).of(run_number=RUN).map(ls=2))
    assert "Run 367131, LS 3" in title(Plots(rows).map(ls=3))


@pytest.mark.parametrize("how", ["max", "", None, 1])
def test_other_sums_are_refused(how: Any) -> None:
    with pytest.raises(ConfigurationError, match="'sum' or 'mean'"):
        Plots(clusters([1])).map(how=how)


def test_an_animation_shows_each_lumisection_with_the_same_colours() -> None:
    rows = clusters([1, 2, 7])
    moving = Plots(rows).animate(good=LumiMask({RUN: [[1, 2]]}), seconds=0.5)
    seen = []
    for number, axes in enumerate(pictures(moving, 0, 1, 2)):
        assert np.array_equal(values_of(axes).filled(0), rows["data"][number])
        seen.append((title(axes), found(axes, QuadMesh)[0].get_clim()))
    limits = (0, rows["data"].max())
    assert [limit for _, limit in seen] == [limits] * 3
    assert [
        f"Run {RUN}, LS {which}, grey: always empty {DATASET}" in text
        for (text, _), which in zip(seen, ("1", "2", "7, not good"), strict=True)
    ] == [True] * 3


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "1", None, True])
def test_each_picture_of_an_animation_takes_its_time(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="seconds"):
        Plots(clusters([1])).animate(seconds=seconds)


# --- against a reference


def test_a_comparison_is_of_shapes() -> None:
    rows, reference = charge([1, 2]), charge([100, 120, 140], run=366_000)
    drawn = Plots(rows).compare(reference)
    ours, theirs = (one["data"].sum(axis=0) / one["data"].sum() for one in (rows, reference))
    shapes = [one.get_data().values for one in found(drawn.top, StepPatch)]
    assert np.allclose(shapes, [theirs, ours])
    (points,) = [one for one in drawn.bottom.lines if one.get_marker() == "o"]
    filled = theirs > 0
    assert points.get_ydata()[filled] == pytest.approx(ours[filled] / theirs[filled])
    assert (
        Plots(rows).compare(reference, panel="pull").bottom.get_ylabel()
        == "Pull [\N{GREEK SMALL LETTER SIGMA}]"
    )


def test_a_map_is_compared_as_a_map() -> None:
    rows, reference = clusters([1, 2]), clusters([9], run=366_000)
    drawn = Plots(rows).compare(reference)
    ours, theirs = (one["data"].sum(axis=0) / one["data"].sum() for one in (rows, reference))
    filled = theirs > 0
    assert values_of(drawn.bottom).filled(0)[filled] == pytest.approx(ours[filled] / theirs[filled])
    assert "reference: Run 366000, LS" in title(drawn.top)


@pytest.mark.parametrize("panel", ["difference", "", None, 2])
def test_other_panels_are_refused(panel: Any) -> None:
    with pytest.raises(ConfigurationError, match="'ratio' or 'pull'"):
        Plots(charge([1])).compare(charge([1]), panel=panel)


@pytest.mark.parametrize(
    "reference", [charge([1], x_max=50_000.0), clusters([1]), (np.ones(3), np.arange(4.0))]
)
def test_a_reference_has_the_same_binning(reference: Any) -> None:
    with pytest.raises(BinningError, match="20 bins from 0 to 40000"):
        Plots(charge([1])).compare(reference)
