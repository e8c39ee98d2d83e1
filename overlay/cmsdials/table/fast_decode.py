"""From the bytes of a page of histograms to arrays, without a Python object for each bin.

pysimdjson does it where it is installed (there are no wheels of it for every Python). It handles only
regular pages; anything unusual is left to orjson and `cmsdials.table.columns`, which read everything and say what is
wrong. So both ways give equal columns, and errors are raised in one place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from math import prod
from typing import Any, Generic, TypeVar

import numpy as np
from cmsdials_api.records import Field, Record

from cmsdials.errors import DecodeError
from cmsdials.runtime import extras
from cmsdials.table.columns import Array, Columns, Values, check_lengths, read_scalars
from cmsdials.table.decode import Parsed, read_json

__all__ = ["parsed_histograms"]

RecordT = TypeVar("RecordT", bound=Record)

_UNUSUAL = (
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RuntimeError,
    ArithmeticError,
    MemoryError,
    DecodeError,
)
"""What is raised, by pysimdjson too, where something is not as expected."""

_RESULTS = re.compile(rb'"results"\s*:\s*\[')
_NEXT_ROW = re.compile(rb"\}\s*,\s*\{")
_BYTES = 8  # of a number
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
    """Read a page of histograms fast, if nothing in it is unusual.

    Args:
        body: The JSON text.
        record: What its rows are.
        fields: The fields that were asked for; None for all.
        piece: Bytes of text that are parsed at a time, or a row more.
        block: Bytes of contents that are kept in one array, or those of one piece if that has more.

    Returns:
        None if the rows are not histograms, pysimdjson is not installed, or anything is unusual: rows that lack
        a field or have one that the contract does not know, a null, rows of different lengths, numbers beyond
        64 bits.
    """
    contents = next((one for one in record.FIELDS if one.axes), None)
    if contents is None:
        return None
    try:
        parser: Any = extras.simdjson().Parser()
    except ImportError:
        return None
    try:
        results = _RESULTS.search(body)
        # If the rows do not begin and end there, the rest of the page is not JSON.
        start, end = (results.end() if results else 0), body.rindex(b"]")
        page = read_json(body[:start] + body[end:])
        if page.keys() != {"next", "previous", "results"} or page["results"] != []:
            return None
        blocks = [_Block(record, contents, block)]
        for text in _pieces(body, start, end, piece):
            rows = list(parser.parse(text))
            if not blocks[-1].has_room(len(rows)):
                blocks.append(_Block(record, contents, block))
            blocks[-1].add(rows, text)
            del rows  # the parser can be reused once nothing refers to its memory
        read = [one.columns(fields) for one in blocks]
    except _UNUSUAL:
        return None
    have_same_fields = len({tuple(columns.values) for columns in read}) == 1
    return Parsed(read, page["next"], page["previous"]) if have_same_fields else None


def _pieces(body: bytes, start: int, end: int, size: int) -> Iterator[bytes]:
    """Cut rows, which hold no objects, into arrays of rows. A cut at a wrong place leaves invalid JSON."""
    while True:
        joint = _NEXT_ROW.search(body, start + size, end)
        stop = joint.start() + 1 if joint else end
        yield b"".join((b"[", memoryview(body)[start:stop], b"]"))
        if joint is None:
            return
        start = joint.end() - 1


class _Block(Generic[RecordT]):
    """Rows of a page, piece after piece. Each method raises one of `_UNUSUAL` where something is not as it should be."""

    def __init__(self, record: type[RecordT], contents: Field, size: int) -> None:
        self._record = record
        self._contents = contents
        self._size = size
        self._known = {one.name: one for one in record.FIELDS}
        self._names: set[str] = set()
        self._count = 0
        self._scalars: dict[str, list[Any]] = {}
        self._cells: Array | list[Array] | None = None

    def has_room(self, rows: int) -> bool:
        """Whether so many more rows fit into the array that was made for the first ones."""
        return not isinstance(self._cells, np.ndarray) or self._count + rows <= len(self._cells)

    def add(self, rows: list[Any], written: bytes) -> None:
        """Add rows, and the text that they were parsed from."""
        names = {*rows[0]}
        self._names = self._names if self._count else names
        # A row is as long as the set of its names, unless one comes twice.
        if {*map(len, rows)} != {len(names)} or names != self._names or not names <= self._known.keys():
            raise ValueError
        brackets = 1
        for name in names - {self._contents.name}:
            column = [row[name] for row in rows]
            if self._known[name].kind == "string":
                brackets += "".join(column).count("[")
            self._scalars.setdefault(name, []).extend(column)
        if self._contents.name in names:
            brackets += self._add_contents(rows)
        self._count += len(rows)
        # More brackets: arrays are nested deeper than they should be, which as_buffer flattens.
        if np.count_nonzero(np.frombuffer(written, np.uint8) == ord("[")) != brackets:
            raise ValueError
        if b"\\" in written and b"\\u005" in written:  # escaped brackets, which are not counted
            raise ValueError

    def _add_contents(self, rows: list[Any]) -> int:
        """Add the contents of some histograms; return how many JSON arrays they were written in."""
        name, inner_axes = self._contents.name, self._contents.axes[1:]
        shapes: list[tuple[int, ...]] = []
        buffers = []
        for row in rows:  # one array at a time: many would trigger the garbage collector again and again
            array = row[name]
            shapes.append(self._shape(array) if inner_axes else (len(array),))
            buffers.append(array.as_buffer(of_type="d"))
        numbers = np.frombuffer(b"".join(buffers))
        start, stop = self._count, self._count + len(rows)
        kinds = Counter(shapes)
        if self._cells is None and len(kinds) == 1:
            # In large blocks, apart from short-lived objects: else memory would be fragmented.
            room = self._size // max(1, _BYTES * prod(shapes[0]))
            self._cells = np.empty((max(len(rows), room), *shapes[0]))
        if isinstance(self._cells, np.ndarray) and kinds.keys() == {self._cells.shape[1:]}:
            self._cells[start:stop] = numbers.reshape(len(rows), *shapes[0])
        else:
            if not isinstance(self._cells, list):
                self._cells = [] if self._cells is None else [*self._cells[:start]]
            parts = np.split(numbers.copy(), np.cumsum([*map(prod, shapes)])[:-1])
            self._cells += [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return sum(
            number * sum(prod(shape[:depth]) for depth in range(len(shape)))
            for shape, number in kinds.items()
        )

    def _shape(self, array: Any) -> tuple[int, ...]:
        """Return the shape of an array of arrays; raise a ValueError if its rows differ, or there are none."""
        shape: tuple[int, ...] = (len(array),)
        level: Any = [array]
        for _ in self._contents.axes[1:]:
            inner = chain.from_iterable(level)
            level = [*inner] if len(shape) + 1 < self._contents.dimensions else inner
            (width,) = {*map(len, level)}
            shape = (*shape, width)
        return shape

    def columns(self, fields: Sequence[str] | None) -> Columns[RecordT]:
        """Return all rows."""
        values: dict[str, Values] = {}
        for name, one in self._known.items():
            if name in self._scalars:
                values[name] = read_scalars(one, self._scalars[name])
            elif name == self._contents.name and self._cells is not None:
                values[name] = self._cells[: self._count]
            elif one.required and (fields is None or name in fields):
                raise ValueError
        check_lengths(self._record, values)
        return Columns(self._record, self._count, values)
