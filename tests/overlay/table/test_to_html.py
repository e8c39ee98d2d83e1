"""What notebooks show of rows: what they have in common once, then what varies, with small pictures."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run

from tests.overlay.conftest import run_row
from tests.overlay.histogram_rows import th1, th2
from tests.overlay.table.listings import listed


def cells(shown: str) -> list[list[str]]:
    """The rows of a table, without pictures."""
    rows = re.findall(r"<tr>(.*?)</tr>", shown)
    return [[re.sub("<.*?>", "", one) for one in re.findall("<t[dh].*?>(.*?)</t[dh]>", row)] for row in rows]


def line(shown: str) -> str:
    return re.sub("<.*?>", "", re.findall("<p>(.*?)</p>", shown)[1])


def test_what_all_rows_have_stands_once_above() -> None:
    shown = listed(*(th1(number) for number in range(1, 13)))._repr_html_()
    assert line(shown) == (
        "dataset /Z/R-v1/DQMIO, me P/charge, dataset_id 14677060, file_id 3393809397, run_number 367112,"
        " me_id 1, x_min 0, x_max 3, x_bin 3"
    )
    head, *rows = cells(shown)
    assert head == ["ls_number", "entries", "data"]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 11)]
    assert "and 2 more rows" in shown
    assert shown.count("<svg") == 10
    assert "and 1 more row<" in listed(*(th1(number) for number in range(1, 12)))._repr_html_()


def test_a_row_that_differs_later_counts() -> None:
    rows = [th1(number) for number in range(1, 31)]
    rows[29] |= {"run_number": 999999, "me": "Q/other"}
    shown = listed(*rows)._repr_html_()
    assert cells(shown)[0] == ["me", "run_number", "ls_number", "entries", "data"]
    assert "me in" not in shown


def test_the_folder_of_all_elements_is_said_once() -> None:
    names = [f"Pixel/Barrel/Layers/charge_{number}" for number in (1, 2, 3)]
    shown = listed(*(th1(at, me=name) for at, name in enumerate(names, 1)))._repr_html_()
    assert "me in Pixel/Barrel/Layers" in line(shown)
    assert [row[0] for row in cells(shown)[1:]] == ["charge_1", "charge_2", "charge_3"]
    shown = listed(*(th1(at, me=name) for at, name in enumerate([*names, "Pixel/charge"], 1)))._repr_html_()
    assert "me in" not in line(shown)  # Pixel is too short


@pytest.mark.parametrize("number", [0, 1])
def test_few_rows_are_a_table(number: int) -> None:
    rows = [run_row(at) for at in range(number)]
    shown = listed(*rows, record=Run)._repr_html_()
    assert len(cells(shown)) == number + 1
    assert "more row" not in shown


def test_a_single_histogram_has_its_fields_above_its_picture() -> None:
    name = "Pixel/Barrel/Layers/charge_1"
    shown = listed(th1(7, me=name))._repr_html_()
    assert f"me <b>{name}</b>" in shown
    assert "ls_number <b>7</b>" in shown
    assert " in <b>" not in shown
    assert cells(shown) == [["data"], [""]]
    assert shown.count("<svg") == 1


def test_the_names_of_a_single_row_are_whole() -> None:
    name = "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"
    shown = listed(run_row(1) | {"dataset": name}, record=Run)._repr_html_()
    assert name in cells(shown)[1]
    assert " in <b>" not in shown


def test_text_is_aligned_at_the_left_and_numbers_as_the_notebook_does() -> None:
    names = ["P/a", "Q/b"]
    shown = listed(*(th1(at, me=name) for at, name in enumerate(names, 1)))._repr_html_()
    assert '<th style="text-align: left">me</th>' in shown
    assert '<td style="text-align: left">P/a</td>' in shown
    assert "<th>ls_number</th>" in shown
    assert "<td>1</td>" in shown


def luminance(colour: str) -> float:
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("background", ["#ffffff", "#111111"], ids=["light", "dark"])
def test_the_outline_stands_out(background: str) -> None:
    line = re.search('stroke="(#.*?)"', picture(th1(1), LumisectionHistogram1D))
    assert line is not None
    dark, light = sorted([luminance(line[1]), luminance(background)])
    assert (light + 0.05) / (dark + 0.05) > 3  # WCAG's contrast of graphics


def test_a_notebook_does_not_squeeze_maps() -> None:
    assert "max-width: none" in picture(th2(1), LumisectionHistogram2D)


def picture(row: dict[str, Any], record: Any) -> str:
    result = listed(row, record=record)
    shown: str = result.results[0]._repr_html_()
    return shown


@pytest.mark.parametrize(
    "data",
    [
        [0.0, 0.0, 0.0],
        [-1.0, -2.0, -3.0],
        [1e308, -1e308, 0.0],
        [5e-324, 0.0, 0.0],
        [1.0] * 5000,
        [2.0],
        [],
    ],
    ids=["empty", "negative", "huge", "tiny", "many bins", "one bin", "no bins"],
)
def test_any_contents_are_drawn_within_the_picture(data: list[float]) -> None:
    shown = picture(th1(1, data=data, x_bin=len(data)), LumisectionHistogram1D)
    drawn = re.search("<svg.*</svg>", shown)
    assert (drawn is not None) == bool(data)
    if drawn:
        svg = ET.fromstring(drawn[0])
        width, height = float(svg.get("width", "")), float(svg.get("height", ""))
        path = str(svg[0].get("d"))
        assert "nan" not in path
        assert "inf" not in path
        heights = [float(one) for one in re.findall(r"[ML][\d.]+ (-?[\d.]+)", path)]
        assert all(0 <= one <= height for one in heights)
        assert all(float(one) <= width for one in re.findall(r"H([\d.]+)", path))
        assert len(shown) < 20_000


def test_the_outline_is_that_of_the_bins() -> None:
    drawn = ET.fromstring(
        str(re.search("<svg.*</svg>", picture(th1(1, data=[0.0, 4.0, 2.0]), LumisectionHistogram1D))[0])
    )  # type: ignore[index]
    height = float(drawn.get("height", ""))
    tops = [float(one) for one in re.findall(r"L[\d.]+ ([\d.]+)H", str(drawn[0].get("d")))]
    assert tops == [height - 0.5, 0.5, height / 2]


def test_a_map_is_a_picture_with_y_upwards_and_white_zeros() -> None:
    pyplot = pytest.importorskip("matplotlib.image")
    shown = picture(th2(1, data=[[1.0, 0.0, 2.0], [3.0, 4.0, 5.0]]), LumisectionHistogram2D)
    assert 'alt="3 x 2 bins"' in shown
    encoded = re.search('base64,([^"]*)"', shown)
    assert encoded is not None
    image = np.rint(pyplot.imread(io.BytesIO(base64.b64decode(encoded[1]))) * 255).astype(int)
    assert image.shape == (2, 3, 3)
    assert image[1, 1].tolist() == [255, 255, 255]
    brightness = image.sum(axis=2)
    assert image[0, 2].tolist() == [253, 231, 37]  # the highest: the upper right
    assert image[1, 0].tolist() == [68, 1, 84]  # the lowest: the lower left
    assert brightness[1, 0] < brightness[1, 2] < brightness[0, 0] < brightness[0, 1] < brightness[0, 2]


@pytest.mark.parametrize("data", [[[0.0] * 3] * 2, [[1e308, -1e308, 0.0]] * 2, [[7.0] * 3] * 2])
def test_any_map_is_drawn(data: Any) -> None:
    assert "<img" in picture(th2(1, data=data), LumisectionHistogram2D)


def test_a_row_shows_its_fields_and_its_contents() -> None:
    shown = picture(th1(7, me="<i>x</i>"), LumisectionHistogram1D)
    assert "ls_number <b>7</b>" in shown
    assert "&lt;i&gt;x" in shown
    assert "<i>" not in shown
