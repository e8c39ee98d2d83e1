"""Histograms as lines of text."""

from typing import Any

import numpy as np
import pytest
from cmsdials.cli.drawing import drawings
from cmsdials.errors import BinningError

from tests.overlay.cli.conftest import AtTerminal, Run

LAYER = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1"
MAP = "PixelPhase1/Phase1_MechanicalView/PXBarrel/clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_1"


def histogram(data: Any, ls: int = 1, **more: Any) -> dict[str, Any]:
    contents = np.asarray(data, float)
    row = {
        "dataset": "/A/B-v1/DQMIO",
        "run_number": 5,
        "me": "x",
        "ls_number": ls,
        "entries": 3,
        "data": data,
    }
    for axis, bins in zip("yx" if contents.ndim == 2 else "x", contents.shape, strict=True):
        row |= {f"{axis}_bin": bins, f"{axis}_min": 0.0, f"{axis}_max": float(bins)}
    return row | more


def bars(lines: list[str]) -> list[str]:
    """What stands right of the axis, from top to bottom."""
    return [line.partition("|")[2] for line in lines if "|" in line[:12]]


def test_bars_are_as_high_as_their_contents() -> None:
    title, about, *lines = drawings([histogram([0, 1, 5, 10])], blocks=False, width=14)
    assert (title, about) == ("x", "run 5, lumisection 1, 3 entries, /A/B-v1/DQMIO")
    columns = ["".join(column) for column in zip(*bars(lines), strict=True)]
    assert [column.count("|") for column in columns[::2]] == [0, 1, 5, 10]
    assert columns[::2] == columns[1::2]  # each bin is two characters wide
    assert lines[0].startswith("      10 |")
    assert lines[9].startswith("       0 |")
    assert lines[11].split() == ["0", "4"]
    assert lines[12] == "4 bins"


def test_lumisections_of_a_run_are_summed_and_others_are_not() -> None:
    rows = [
        histogram([1, 2], 7),
        histogram([3, 4], 9),
        histogram([100, 0], run_number=6),
        histogram([50, 0], me="y"),
    ]
    lines = [*drawings(rows, blocks=False)]
    assert "run 5, sum of 2 lumisections from 7 to 9, 6 entries, /A/B-v1/DQMIO" in lines
    tops = [line.split("|")[0].strip() for line in lines if "|" in line[:12] and line[:9].strip()]
    assert tops == ["6", "0", "100", "0", "50", "0"]


@pytest.mark.parametrize("bins", [1, 2, 3, 7, 10, 11, 20, 21, 23, 199, 200, 20000])
def test_many_bins_share_a_character(bins: int) -> None:
    lines = [*drawings([histogram([2.0] * bins)], blocks=False, width=20)]
    drawn = {len(line) for line in bars(lines)}
    assert len(drawn) == 1
    assert drawn.pop() <= 10
    assert all(set(line) == {"|"} for line in bars(lines))  # the mean, also of a last one of fewer bins


@pytest.mark.parametrize(
    "data",
    [
        [0.0],
        [0.0] * 5,
        [-3.0, 5.0],
        [-3.0, -1.0],
        [1e-300, 2e-300],
        [1e300, 1e299],
        [float("nan"), 1.0],
        [1e9, 1.0],
        [[0.0]],
        [[1.0, -2.0], [3.0, float("nan")]],
        [[0.0] * 100] * 100,
        np.arange(300.0).reshape(3, 100).tolist(),
        np.arange(300.0).reshape(100, 3).tolist(),
    ],
    ids=str,
)
@pytest.mark.parametrize("blocks", [False, True])
def test_any_contents_are_drawn(data: Any, blocks: bool) -> None:
    lines = [*drawings([histogram(data)], blocks=blocks, width=60)]
    assert all(len(line) <= 70 for line in lines)
    assert "".join(lines).isascii() == (not blocks)
    assert not any("nan" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (59152.6, "59150"),
        (-59152.6, "-59150"),
        (1234567890.0, "1.23e+09"),
        (1.2345e300, "1.2e+300"),
        (-1.2345e-300, "-1e-300"),
        (1.7976e308, "1.8e+308"),
        (0.00012345, "0.000123"),
    ],
)
@pytest.mark.parametrize("is_map", [False, True])
def test_numbers_fit_beside_the_axis(value: float, said: str, is_map: bool) -> None:
    limits = {
        f"{axis}_{end}": value if end == "max" else value / 2 for axis in "xy" for end in ("min", "max")
    }
    data = [[value, value]] * 2 if is_map else [value, value]
    lines = [*drawings([histogram(data, **limits)], blocks=False, width=60)]
    assert {line.index("|") for line in lines if "|" in line[:12]} == {9}
    assert any(line.split(" |")[0].strip() == said for line in lines)
    assert any(line.strip().endswith(said) and "|" not in line for line in lines)


@pytest.mark.parametrize("data", [[], None, [[]]])
def test_a_histogram_without_bins_is_named(data: Any) -> None:
    row = histogram([1.0], 7) | {"data": data}
    with pytest.raises(
        BinningError, match=r"of x in run 5, lumisection 7 has no bins. Leave it out, such as with --ls"
    ):
        [*drawings([row], blocks=False)]


def test_sums_that_no_float_holds_are_drawn_without_a_warning() -> None:
    rows = [histogram([1e308, 1.0], ls) for ls in (1, 2)]
    lines = bars([*drawings(rows, blocks=False, width=12)])
    assert lines[0] == "|||||     "
    assert lines[-1] == "|||||....."


def test_what_is_there_is_seen_beside_what_is_large() -> None:
    lines = bars([*drawings([histogram([1e9, 1.0, 0.0])], blocks=False, width=13)])
    assert lines[-1] == "|||...   "


def test_a_map_has_y_upwards() -> None:
    lines = bars([*drawings([histogram([[0, 0, 0], [1, 1, 9]])], blocks=False, width=16)])
    assert lines == ["....@@", "      "]


@pytest.mark.parametrize("other", [histogram([1, 2, 3], 2), histogram([1, 2], 2, x_max=9.0)])
def test_different_binnings_have_no_sum(other: dict[str, Any]) -> None:
    with pytest.raises(BinningError, match="different binnings, so they have no sum"):
        [*drawings([histogram([1, 2]), other], blocks=False)]


@pytest.mark.parametrize(("kind", "me"), [("h1d", LAYER), ("h2d", MAP)])
def test_in_blocks_at_a_terminal_and_else_plain(
    kind: str, me: str, run: Run, at_terminal: AtTerminal
) -> None:
    line = f"get {kind} --run 367112 --me {me} --show LOGIN"
    piped = run(line)
    assert piped.exit_code == 0, piped.output
    assert piped.stdout.splitlines()[0] == me
    assert all(line == line.rstrip() for line in piped.stdout.splitlines())
    assert "sum of 104 lumisections from 1 to 104" in piped.stdout
    assert piped.stdout.isascii()
    shown = at_terminal(line)
    assert (shown.exit_code, "█" in shown.text) == (0, True)
    assert at_terminal(line, "latin-1").text.isascii()
    elsewhere = line.replace("367112", "1")
    assert run(elsewhere).stdout == "There are no such histograms.\n"
