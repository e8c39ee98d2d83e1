"""Where plots are drawn: on axes that are given or of their own, without pyplot, in every format, and only with matplotlib."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.plotting import Plots
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tests.overlay.plotting.histograms import charge, clusters

FLAT = ("overlay", "heatmap", "trend")


def draw(kind: str, **how: Any) -> Any:
    if kind in FLAT:
        return getattr(Plots(charge([1, 2, 5])), kind)(**how)
    if kind == "compare":
        return Plots(charge([1, 2, 5])).compare(charge([1]), **how)
    return getattr(Plots(clusters([1, 2, 5])), kind)(**how)


@pytest.mark.parametrize("kind", [*FLAT, "map", "compare", "animate"])
def test_pyplot_and_its_settings_stay_as_they_are(kind: str, tmp_path: Path) -> None:
    import mplhep  # noqa: F401  # it adds its styles when it is first imported

    mine = plt.figure()
    settings, shown = mpl.rcParams.copy(), plt.get_fignums()
    drawn = draw(kind, cms_label="Preliminary", year=2024)
    if kind == "animate":
        drawn.save(tmp_path / "maps.gif", writer="pillow", dpi=40)
    assert plt.gcf() is mine
    assert plt.get_fignums() == shown
    assert mpl.rcParams == settings
    plt.close(mine)


@pytest.mark.parametrize("kind", [*FLAT, "map"])
def test_axes_that_are_given_are_drawn_on_and_returned(kind: str) -> None:
    figure = Figure()
    left, right = figure.subplots(ncols=2)
    assert draw(kind, ax=right) is right
    assert right.get_title(loc="left")
    assert not left.get_title(loc="left")
    assert right.xaxis.label.get_fontsize() == mpl.rcParams["font.size"]


def test_two_axes_are_given_for_a_comparison_or_one_that_is_shared() -> None:
    figure = Figure()
    pair = figure.subplots(2, sharex=True)
    assert draw("compare", ax=pair) == tuple(pair)
    assert draw("compare", ax=tuple(Figure().subplots(2))).top.get_legend() is not None
    one = Figure().add_subplot()
    drawn = draw("compare", ax=one)
    assert drawn.top is one
    assert drawn.bottom.figure is one.figure
    drawn.bottom.figure.draw_without_rendering()
    assert drawn.bottom.get_position().y1 <= one.get_position().y0


@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize("histograms", [charge, clusters])
def test_axes_that_are_shared_have_room_for_labels_and_colour_bars(histograms: Any, layout: Any) -> None:
    figure = Figure(figsize=(8, 8), layout=layout)
    for ax in (*figure.subplots(2, 2)[0], figure.add_axes((0.1, 0.1, 0.5, 0.3))):
        drawn = Plots(histograms([1, 2, 5])).compare(histograms([1]), ax=ax)
        figure.draw_without_rendering()
        top, bottom = (one.get_tightbbox() for one in drawn)
        assert drawn.bottom.get_window_extent().y1 < drawn.top.get_window_extent().y0
        assert bottom.y0 >= figure.bbox.y0
        assert drawn.bottom.xaxis.label.get_text()
        assert not any(one.label1.get_visible() for one in drawn.top.xaxis.get_major_ticks())
        assert all(one.label1.get_visible() for one in drawn.bottom.xaxis.get_major_ticks())
        bars = [
            one.colorbar.ax for pair in drawn for one in pair.collections if getattr(one, "colorbar", None)
        ]
        assert len(bars) == (2 if histograms is clusters else 0)
        for one, other in zip(bars, drawn, strict=False):
            assert one.get_window_extent().x0 > other.get_window_extent().x1
            assert one.get_window_extent().height == pytest.approx(other.get_window_extent().height, rel=0.2)
        assert top.x0 >= figure.bbox.x0


def test_an_animation_uses_the_figure_of_the_axes(tmp_path: Path) -> None:
    axes = Figure(figsize=(2, 2)).add_subplot()
    moving = draw("animate", ax=axes)
    moving.save(tmp_path / "maps.gif", writer="pillow", dpi=40)
    with Image.open(tmp_path / "maps.gif") as picture:
        assert picture.n_frames == 3
    assert "LS 5" in axes.get_title(loc="left")


@pytest.mark.parametrize("ax", [3, "axes", plt, Figure, [1, 2], np.array([])])
@pytest.mark.parametrize("kind", ["overlay", "map", "compare"])
def test_what_are_no_axes_is_refused(kind: str, ax: Any) -> None:
    with pytest.raises(ConfigurationError, match="ax must be axes of matplotlib"):
        draw(kind, ax=ax)


@pytest.mark.parametrize("kind", ["overlay", "heatmap", "compare"])
def test_figures_are_as_wide_as_a_column_and_are_saved_in_every_format(kind: str, tmp_path: Path) -> None:
    drawn = draw(kind)
    figure = (drawn.top if kind == "compare" else drawn).figure
    assert figure.get_figwidth() * 25.4 == pytest.approx(86)
    for form, begin in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        path = tmp_path / f"plot.{form}"
        figure.savefig(path)
        assert path.read_bytes().startswith(begin)
        assert path.stat().st_size < 500_000


@pytest.mark.parametrize("kind", [*FLAT, "map", "compare"])
def test_texts_stay_inside_a_figure_of_its_own_and_can_be_read(kind: str) -> None:
    drawn = draw(kind, cms_label="Work in progress", year=2024, energy=13.6)
    figure = (drawn.top if kind == "compare" else drawn).figure
    figure.draw_without_rendering()
    room = figure.bbox
    for text in figure.findobj(mpl.text.Text):
        if text.get_text() and text.get_visible() and text.axes is not None:
            box = text.get_window_extent()
            assert box.x0 >= room.x0 - 2, text
            assert box.x1 <= room.x1 + 2, text
            assert box.y1 <= room.y1 + 2, text
            assert text.get_fontsize() >= 5.3, text


def test_the_title_fits_above_axes_with_the_style_of_cms() -> None:
    import mplhep

    with plt.style.context(mplhep.style.CMS):
        figure = Figure()
        axes = draw("trend", ax=figure.add_subplot(), cms_label="Preliminary", year=2024)
        figure.draw_without_rendering()
        (title,) = [one for one in axes.findobj(mpl.text.Text) if "Run" in one.get_text()]
        assert title.get_window_extent().y1 <= figure.bbox.y1


@pytest.mark.parametrize("kind", ["overlay", "compare"])
def test_notebooks_show_figures_that_pyplot_does_not_know(kind: str) -> None:
    assert draw(kind)._repr_png_().startswith(b"\x89PNG")
    figure = Figure()
    given = draw(kind, ax=figure.subplots(2) if kind == "compare" else figure.add_subplot())
    assert isinstance(given, Axes) or given._repr_png_() is None
    assert not hasattr(given, "_repr_png_") or kind == "compare"


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_loaded_before_a_plot_is_drawn() -> None:
    heavy = "{'matplotlib', 'mplhep', 'hist', 'numpy', 'pandas'} & {*sys.modules}"
    code = f"import sys, cmsdials.result; from cmsdials.plotting import AXES, Plots; repr(Plots([])); print({heavy})"
    assert _run(code) == "set()\n"


@pytest.mark.parametrize("kind", [*FLAT, "map", "animate"])
def test_without_matplotlib_the_error_holds_the_command(kind: str) -> None:
    code = f"""
import sys
sys.modules["matplotlib"] = None
from cmsdials.errors import MissingDependencyError
from cmsdials.plotting import Plots
try:
    Plots([]).{kind}()
except MissingDependencyError as error:
    print(error)
"""
    assert 'pip install "cmsdials[hist]"' in _run(code)
