"""Histograms as lines of text: bars in one dimension, shades in two."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from attrs import define, frozen

from cmsdials.errors import BinningError

__all__ = ["drawings"]

_HEIGHT, _HEIGHT_2D = 10, 24  # lines
_LABEL = 8  # columns, for the numbers on the left

Array = np.ndarray[Any, Any]


@frozen
class _Style:
    """The characters to draw with: those of bars and of shades from nothing to full, and the axes."""

    bars: str
    shades: str
    side: str
    floor: str
    corner: str


_BLOCKS = _Style(" ▁▂▃▄▅▆▇█", " ░▒▓█", "│", "─", "└")
_ASCII = _Style(" .:|", " .:-=+*#%@", "|", "-", "+")


@define
class _Sum:
    """The sum of the histograms of a run and a monitoring element.

    Attributes:
        first: The first of them, by the names of its fields.
        contents: The contents of the sum.
        lumis: Their lumisections.
        entries: Their entries.
    """

    first: Mapping[str, Any]
    contents: Array
    lumis: list[int]
    entries: int

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one more."""
        if _binning(row) != _binning(self.first):
            me, run = row["me"], row["run_number"]
            message = f"the histograms of {me} in run {run} have different binnings, so they have no sum"
            raise BinningError(message, advice="Choose lumisections of one binning with --ls.")
        with np.errstate(over="ignore", invalid="ignore"):
            self.contents = self.contents + _contents(row)
        self.lumis.append(row["ls_number"])
        self.entries += row["entries"]


def drawings(rows: Iterable[Mapping[str, Any]], *, blocks: bool, width: int | None = None) -> Iterator[str]:
    """Yield the lines of drawings: of the sum of the histograms of each dataset, run and monitoring element.

    Args:
        rows: Histograms, by the names of their fields.
        blocks: Whether block characters can be shown; else ASCII.
        width: Columns to fill at most; None for those of the terminal, 80 where there is none.

    Raises:
        BinningError: Histograms of one run and monitoring element have different binnings, or one has no bins.
    """
    style = _BLOCKS if blocks else _ASCII
    room = max(10, (width or shutil.get_terminal_size().columns) - _LABEL - 2)
    sums: dict[tuple[Any, ...], _Sum] = {}
    for row in rows:
        key = (row["dataset"], row["run_number"], row["me"])
        if key in sums:
            sums[key].add(row)
        else:
            sums[key] = _Sum(row, _contents(row), [row["ls_number"]], row["entries"])
    for (dataset, run, me), one in sums.items():
        yield str(me)
        yield f"run {run}, {_lumis(one.lumis)}, {one.entries} entries, {dataset}"
        draw = _bars if one.contents.ndim == 1 else _shades
        yield from draw(one.contents, one.first, room, style)
        yield ""
    if not sums:
        yield "There are no such histograms."


def _contents(row: Mapping[str, Any]) -> Array:
    contents = np.asarray([] if row["data"] is None else row["data"], float)
    if not contents.size:
        message = f"the histogram of {row['me']} in run {row['run_number']}, lumisection {row['ls_number']} has no bins"
        raise BinningError(message, advice="Leave it out, such as with --ls.")
    return contents


def _number(value: float) -> str:
    """Return a number in four digits, or fewer if it would not fit beside the axis: 59150 rather than 5.915e+04."""
    texts = [f"{value:.{digits}g}" for digits in (4, 3, 2, 1)]
    if abs(value) < 10**_LABEL:
        texts.insert(0, f"{float(texts[0]):.{_LABEL}g}")
    return next((text for text in texts if len(text) <= _LABEL), texts[-1])


def _binning(row: Mapping[str, Any]) -> list[Any]:
    return [row.get(f"{axis}_{end}") for axis in "xy" for end in ("bin", "min", "max")]


def _lumis(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"lumisection {numbers[0]}"
    return f"sum of {len(numbers)} lumisections from {min(numbers)} to {max(numbers)}"


def _bars(contents: Array, row: Mapping[str, Any], room: int, style: _Style) -> Iterator[str]:
    heights, together = _means(contents, room, axis=0)
    heights = np.repeat(heights, max(1, room // len(heights)))
    low, high = min(0.0, heights.min()), max(0.0, heights.max())
    full = len(style.bars) - 1
    levels = (heights - low) / ((high - low) or 1.0) * _HEIGHT * full
    levels = np.where(heights == 0, levels, np.maximum(levels, 1))  # what is there is seen
    for line in reversed(range(_HEIGHT)):
        steps = np.clip(np.rint(levels - line * full), 0, full).astype(int)
        label = {_HEIGHT - 1: _number(high), 0: _number(low)}.get(line, "")
        yield f"{label:>{_LABEL}} {style.side}{''.join(style.bars[step] for step in steps)}"
    yield from _floor(row, len(heights), style)
    yield _bins(row, together, ())


def _shades(contents: Array, row: Mapping[str, Any], room: int, style: _Style) -> Iterator[str]:
    means, along_y = _means(contents, _HEIGHT_2D, axis=0)
    means, along_x = _means(means, room, axis=1)
    means = np.repeat(means, max(1, min(2, room // means.shape[1])), axis=1)
    low, high = means.min(), means.max()
    full = len(style.shades) - 1
    steps = np.ceil((means - min(0.0, low)) / ((high - min(0.0, low)) or 1.0) * full).astype(int)
    for at, line in enumerate(reversed(np.clip(steps, 0, full))):
        label = {0: row["y_max"], len(steps) - 1: row["y_min"]}.get(at)
        text = "" if label is None else _number(label)
        yield f"{text:>{_LABEL}} {style.side}{''.join(style.shades[step] for step in line)}"
    yield from _floor(row, means.shape[1], style)
    yield f"{_bins(row, along_x, (along_y,))}; the darkest is {_number(high)}"


def _means(contents: Array, most: int, axis: int) -> tuple[Array, int]:
    """Return the means of as many neighbouring bins along an axis as it takes for no more than `most` of them."""
    bins = contents.shape[axis]
    together = -(-bins // most)
    starts = np.arange(0, bins, together)
    counts = np.diff([*starts, bins])
    sums = np.add.reduceat(np.nan_to_num(contents), starts, axis=axis)
    return sums / (counts if contents.ndim == 1 or axis else counts[:, None]), together


def _floor(row: Mapping[str, Any], width: int, style: _Style) -> Iterator[str]:
    low, high = (_number(row[name]) for name in ("x_min", "x_max"))
    yield f"{'':{_LABEL}} {style.corner}{style.floor * width}"
    yield f"{'':{_LABEL}}  {low}{high:>{max(len(high) + 1, width - len(low))}}"


def _bins(row: Mapping[str, Any], along_x: int, along_y: tuple[int, ...]) -> str:
    bins = f"{row['x_bin']:g}" + "".join(f" x {row['y_bin']:g}" for _ in along_y)
    together = along_x * (along_y[0] if along_y else 1)
    return f"{bins} bins" + (f", {together} of them to a character" if together > 1 else "")
