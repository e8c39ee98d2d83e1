"""From the bytes of a page of histograms to arrays, without a Python object for each bin.

pysimdjson does it where it is installed (there are no wheels of it for every Python). It takes only what is as it
should be; whatever is unusual is left to orjson and `cmsdials.table.columns`, which read anything and say what is wrong.
So both ways give equal columns, and errors are made in one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np
import orjson
from cmsdials_api.records import Field, Record

from cmsdials.runtime import extras
from cmsdials.table.columns import Array, Columns, Values, check_lengths, read_scalars
from cmsdials.table.decode import Parsed

__all__ = ["parsed_histograms"]

RecordT = TypeVar("RecordT", bound=Record)

_UNUSUAL = (AttributeError, LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, MemoryError)
"""What is raised, by pysimdjson too, where something is not as expected."""

_RESULTS = re.compile(rb'"results"\s*:\s*\[')
_NEXT_ROW = re.compile(rb"\}\s*,\s*\{")
_BLOCK = 63 << 16  # bytes: from 4 MiB on, NumPy asks for huge pages, which virtual machines are slow to give
_PIECE = 1 << 18  # bytes: what the parser makes of it stays in the processor's cache, and is little memory


def parsed_histograms(
    body: bytes,
    record: type[RecordT],
    fields: Sequence[str] | None = None,
    *,
    piece: int = _PIECE,
    block: int = _BLOCK,
) -> Parsed | None:
    """Read a page of histograms fast, if it is as it should be.

    Args:
        body: The JSON text.
        record: What its rows are.
        fields: The fields that were asked for; None for all.
        piece: Bytes of text that are parsed at a time, or a row more.
        block: Bytes of contents that are kept in one array, or those of one piece.

    Returns:
        None if the rows are not histograms, pysimdjson is not installed, or anything is unusual: rows that lack
        a field or have one that the contract does not know, a null, rows of different lengths, numbers beyond
        64 bits.
    """
    contents = next((one for one in record.FIELDS if one.dimensions), None)
    if contents is None or (fields is not None and contents.name not in fields):
        return None
    try:
        parser: Any = extras.simdjson().Parser()
    except ImportError:
        return None
    blocks: list[Columns[Any]] = []
    pieces: list[_Piece] = []
    try:
        start, end = _rows_in(body)
        page = orjson.loads(body[:start] + body[end:])
        if page.keys() != {"next", "previous", "results"} or page["results"] != []:
            return None
        for text in _pieces(body, start, end, piece):
            read = _read(list(parser.parse(text)), text, record, contents)
            if pieces and read.numbers.nbytes + sum(one.numbers.nbytes for one in pieces) > block:
                blocks.append(_joined(pieces, record, fields))
                pieces.clear()
            pieces.append(read)
        blocks.append(_joined(pieces, record, fields))
    except _UNUSUAL:
        return None
    have_same_fields = len({tuple(one.values) for one in blocks}) == 1
    return Parsed(blocks, page["next"], page["previous"]) if have_same_fields else None


def _rows_in(body: bytes) -> tuple[int, int]:
    """Return where in a page the rows begin and end. If that is not so, the rest of the page is not JSON."""
    results = _RESULTS.search(body)
    return (results.end() if results else 0), body.rindex(b"]")


def _pieces(body: bytes, start: int, end: int, size: int) -> Iterator[bytes]:
    """Cut rows, which hold no objects, into arrays of rows. A cut at a wrong place leaves what is not JSON."""
    while True:
        joint = _NEXT_ROW.search(body, start + size, end)
        stop = joint.start() + 1 if joint else end
        yield b"".join((b"[", memoryview(body)[start:stop], b"]"))
        if joint is None:
            return
        start = joint.end() - 1


class _Piece(NamedTuple):
    """Rows of a page: their values by field, and the contents of all, one behind the other."""

    scalars: dict[str, list[Any]]
    shapes: list[tuple[int, ...]]
    numbers: Array


def _read(rows: list[Any], written: bytes, record: type[Record], contents: Field) -> _Piece:
    """Read rows. Raises one of `_UNUSUAL` where something is not as it should be, as `_joined` does."""
    names = {*rows[0]}
    if {*map(len, rows)} != {len(names)}:  # the length of a row is that of its names unless one comes twice
        raise ValueError
    kinds = {one.name: one.kind for one in record.FIELDS}
    scalars = {name: [row[name] for row in rows] for name in names - {contents.name}}
    texts = [text for name, column in scalars.items() if kinds[name] == "string" for text in column]
    brackets = 1 + len(rows) + "".join(texts).count("[")
    shapes: list[tuple[int, ...]] = []
    buffers = []
    for row in rows:  # one array at a time: many would set off the garbage collector, again and again
        array = row[contents.name]
        if contents.dimensions == 2:
            (width,) = {*map(len, array)}  # a ValueError if rows differ, or there are none
            shapes.append((len(array), width))
            brackets += len(array)
        else:
            shapes.append((len(array),))
        buffers.append(array.as_buffer(of_type="d"))
    # More brackets: arrays are nested deeper than they should be, which as_buffer flattens.
    if np.count_nonzero(np.frombuffer(written, np.uint8) == ord("[")) != brackets:
        raise ValueError
    if b"\\" in written and b"\\u005" in written:  # brackets that cannot be counted
        raise ValueError
    return _Piece(scalars, shapes, np.frombuffer(b"".join(buffers)))


def _joined(pieces: list[_Piece], record: type[RecordT], fields: Sequence[str] | None) -> Columns[RecordT]:
    names = pieces[0].scalars.keys()
    if any(piece.scalars.keys() != names for piece in pieces):
        raise ValueError
    shapes = [shape for piece in pieces for shape in piece.shapes]
    numbers = np.concatenate([piece.numbers for piece in pieces])  # which, unlike theirs, can be written to
    values: dict[str, Values] = {}
    for one in record.FIELDS:
        if one.name in names:
            column = [*chain.from_iterable(piece.scalars[one.name] for piece in pieces)]
            values[one.name] = read_scalars(one, column)
        elif one.dimensions and len({*shapes}) == 1:
            values[one.name] = numbers.reshape(len(shapes), *shapes[0])
        elif one.dimensions:
            parts = np.split(numbers, np.cumsum([*map(prod, shapes)])[:-1])
            values[one.name] = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        elif one.required and (fields is None or one.name in fields):
            raise ValueError
    check_lengths(record, values)
    return Columns(record, len(shapes), values)
