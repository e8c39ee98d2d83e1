"""Small pictures of histograms, for the tables of notebooks: SVG in 1D, PNG in 2D. No library for plots is needed."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np

from cmsdials.table.columns import Array

__all__ = ["thumbnail"]

_WIDTH, _HEIGHT = 160, 32  # pixels
_COLOURS = np.array(
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float64
)  # from low to high; it can be told apart by colour-blind people and in grey
_WHITE = 255
_LINE = "#4c82c3"  # it stands out from white and from black: notebooks are light or dark


def thumbnail(contents: Array, *, scale: int = 1) -> str:
    """Return HTML that shows the contents of a histogram.

    In 1D it is the outline of the bins, from the lowest content, or 0, to the highest. In 2D x goes to the right and y up, from
    dark for the lowest content to bright for the highest, and bins with 0, which do not count for the lowest, are white. What is not finite is left out.

    Args:
        contents: Of the shape (x_bin,) or (y_bin, x_bin).
        scale: How many times larger than in a table.

    Returns:
        Nothing, where there are no bins or more than two dimensions.
    """
    if contents.ndim not in (1, 2) or not contents.size:
        return ""
    return (_outline if contents.ndim == 1 else _map)(contents, scale)


def _outline(contents: Array, scale: int) -> str:
    width, height = _WIDTH * scale, _HEIGHT * scale
    known = np.where(np.isfinite(contents), contents, 0.0)
    if (
        len(known) > width
    ):  # the highest of the bins that share a pixel; the lowest, if that is further from 0
        starts = np.arange(width) * len(known) // width
        high, low = np.maximum.reduceat(known, starts), np.minimum.reduceat(known, starts)
        known = np.where(np.abs(low) > np.abs(high), low, high)
    top, bottom = max(known.max(), 0.0), min(known.min(), 0.0)
    heights = height - _part(known, bottom, top) * (height - 1) - 0.5
    base = height - float(_part(np.zeros(1), bottom, top)[0]) * (height - 1) - 0.5
    lefts = np.arange(len(known) + 1) * width / len(known)
    steps = [f"M0 {base:.1f}"]
    for left, right, at in zip(lefts[:-1].tolist(), lefts[1:].tolist(), heights.tolist(), strict=True):
        steps.append(f"L{left:.1f} {at:.1f}H{right:.1f}")
    path = f"{''.join(steps)}L{width} {base:.1f}Z"
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<path d="{path}" fill="{_LINE}" fill-opacity="0.35" stroke="{_LINE}"/></svg>'
    )


def _map(contents: Array, scale: int) -> str:
    rows, columns = contents.shape
    drawn = np.isfinite(contents) & (contents != 0)
    low, high = (contents[drawn].min(), contents[drawn].max()) if drawn.any() else (0.0, 0.0)
    part = _part(np.where(drawn, contents, low), low, high)
    place = part * (len(_COLOURS) - 1)
    left = np.minimum(place.astype(int), len(_COLOURS) - 2)
    between = (place - left)[..., np.newaxis]
    colours = _COLOURS[left] * (1 - between) + _COLOURS[left + 1] * between
    colours[~drawn] = _WHITE
    encoded = b64encode(_png(colours[::-1].astype(np.uint8))).decode()
    width, height = _fitting(columns, rows, scale)
    return (
        f'<img alt="{columns} x {rows} bins" width="{width}" height="{height}"'
        f' style="image-rendering: pixelated; border: 1px solid #ccc; max-width: none" src="data:image/png;base64,{encoded}"/>'
    )


def _part(numbers: Array, low: float, high: float) -> Array:
    """Return where numbers lie between two, from 0 to 1; 0 where these are equal."""
    scale = max(abs(low), abs(high)) or 1.0  # the difference of two numbers may be too large for a float
    return (numbers / scale - low / scale) / ((high / scale - low / scale) or 1.0)


def _fitting(columns: int, rows: int, scale: int) -> tuple[int, int]:
    """Return width and height in pixels of a map whose bins are squares, or as near to it as there is room."""
    width, height = _WIDTH * scale, 2 * _HEIGHT * scale
    shape = min(max(columns / rows, 0.25), 4.0)
    return (
        (width, max(1, round(width / shape))) if width / shape <= height else (round(height * shape), height)
    )


def _png(colours: Array) -> bytes:
    """Return red, green and blue, of the shape (rows, columns, 3), as a PNG."""
    rows, columns, _ = colours.shape
    lines = np.zeros((rows, 1 + 3 * columns), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = colours.reshape(rows, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
