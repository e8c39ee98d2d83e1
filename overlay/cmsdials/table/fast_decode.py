"""From the bytes of a page of histograms to arrays, without a Python object for each bin.

pysimdjson does it where it is installed (there are no wheels of it for every Python). It takes only what is as it
should be; whatever is unusual is left to orjson and `cmsdials.table.columns`, which read anything and say what is wrong.
So both ways give equal columns, and errors are made in one place.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import prod
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import orjson
from cmsdials_api.records import Field, Record

from cmsdials.table.columns import LENGTHS, Columns, Values, are_equal, column_of, numbers_of

__all__ = ["Parsed", "parsed_histograms"]

RecordT = TypeVar("RecordT", bound=Record)
Array: TypeAlias = "np.ndarray[Any, Any]"

_PLAIN: Mapping[str, set[type]] = {"integer": {int, float}, "number": {float, int}, "string": {str}}
_NONE: frozenset[type] = frozenset()
_EXACT = 2**53  # below it, a float64 holds every whole number
_UNUSUAL = (
    AttributeError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    RuntimeError,
    OverflowError,
    MemoryError,
)
"""What pysimdjson raises where something is not as expected."""


_RESULTS = re.compile(rb'"results"\s*:\s*\[')
_NEXT_ROW = re.compile(rb"\}\s*,\s*\{")
_BLOCK = (1 << 22) - (
    1 << 16
)  # bytes: from 4 MiB on, NumPy asks for huge pages, which virtual machines are slow to give
_PIECE = 1 << 18  # bytes: what the parser makes of it stays in the processor's cache, and is little memory


class Parsed(NamedTuple):
    """A page: its rows and its links, whatever these are."""

    blocks: list[Columns[Any]]
    next: Any
    previous: Any


def parsed_histograms(
    body: bytes, record: type[RecordT], fields: Iterable[str] | None = None
) -> Parsed | None:
    """Read a page of histograms fast, if it is as it should be.

    Args:
        body: The JSON text.
        record: What its rows are.
        fields: The fields that were asked for; None for all.

    Returns:
        None if the rows are no histograms, pysimdjson is not installed, or anything is unusual: rows that lack
        a field or have one that the contract does not know, a null, rows of different lengths, numbers beyond
        64 bits.
    """
    simdjson = _simdjson()
    arrays = [one for one in record.FIELDS if one.dimensions]
    if simdjson is None or len(arrays) != 1 or arrays[0].dimensions not in LENGTHS:
        return None
    try:
        start, end = _rows_in(body)
        page = orjson.loads(body[:start] + body[end:])
        if page.keys() != {"next", "previous", "results"} or page["results"] != []:
            return None
        blocks = [_Block(record, arrays[0])]
        for piece in _pieces(body, start, end):
            rows = list(_parsed(simdjson, piece))
            if not blocks[-1].has_room(len(rows)):
                blocks.append(_Block(record, arrays[0]))
            if not blocks[-1].add(rows, piece):
                return None
            del rows  # the parser is used again when nothing points into it
        asked = None if fields is None else [*fields]
        read = [columns for block in blocks if (columns := block.columns(asked)) is not None]
    except _UNUSUAL:
        return None
    is_usual = len(read) == len(blocks) and len({tuple(columns.values) for columns in read}) == 1
    return Parsed(read, page["next"], page["previous"]) if is_usual else None


def _rows_in(body: bytes) -> tuple[int, int]:
    """Return where in a page the rows begin and end. If that is not so, the rest of the page is no JSON."""
    results = _RESULTS.search(body)
    return (results.end() if results else 0), body.rindex(b"]")


def _pieces(body: bytes, start: int, end: int) -> Iterator[bytes]:
    """Cut rows, which hold no objects, into arrays of rows. A cut at a wrong place leaves what is no JSON."""
    while True:
        joint = _NEXT_ROW.search(body, start + _PIECE, end)
        stop = joint.start() + 1 if joint else end
        yield b"".join((b"[", memoryview(body)[start:stop], b"]"))
        if joint is None:
            return
        start = joint.end() - 1


@cache
def _simdjson() -> ModuleType | None:
    try:
        import simdjson  # noqa: PLC0415  # there is no wheel for every Python
    except ImportError:
        return None
    module: ModuleType = simdjson
    return module


_of_thread = threading.local()


def _parsed(simdjson: ModuleType, text: bytes) -> Any:
    """Parse with the parser of this thread, whose buffers are there already."""
    try:
        return _of_thread.parser.parse(text)
    except (AttributeError, RuntimeError):
        # There is none yet, or something still points into it, such as the traceback of a Ctrl-C.
        _of_thread.parser = simdjson.Parser()
        return _of_thread.parser.parse(text)


class _Block(Generic[RecordT]):
    """Rows of a page, piece after piece. What says False, or raises, has found something unusual.

    Args:
        record: What they are.
        contents: The field that holds the contents.
    """

    def __init__(self, record: type[RecordT], contents: Field) -> None:
        self._record = record
        self._contents = contents
        self._known = {one.name: one for one in record.FIELDS}
        self._count = 0
        self._scalars: dict[str, list[Any]] = {}
        self._types: dict[str, set[type]] = {}
        self._cells: Array | list[Array] | None = None

    def has_room(self, rows: int) -> bool:
        """Whether so many more rows fit into the array that was made for the first ones."""
        return not isinstance(self._cells, np.ndarray) or self._count + rows <= len(self._cells)

    def add(self, rows: list[Any], written: bytes) -> bool:
        """Add rows, and the text that they were parsed of; return whether they are as they should be."""
        if not rows:
            return False
        names = list(rows[0])
        sent = {*self._scalars} if self._cells is None else {*self._scalars, self._contents.name}
        if not self._known.keys() >= {*names} or {*map(len, rows)} != {len(names)}:
            return False
        if len({*names}) != len(names) or (self._count and {*names} != sent):
            return False
        brackets = 1
        for name in names:
            if name == self._contents.name:
                brackets += self._add_contents(rows)
                continue
            column = [row[name] for row in rows]
            kind = self._known[name].kind
            types = self._types.setdefault(name, set())
            types.update(map(type, column))
            if not types <= _PLAIN.get(kind, _NONE):
                return False
            if kind == "string":
                texts = column[:1] if are_equal(column) else {*column}
                brackets += sum(text.count("[") * column.count(text) for text in texts)
            self._scalars.setdefault(name, []).extend(column)
        self._count += len(rows)
        if b"\\" in written and b"\\u005" in written:
            return False  # brackets that cannot be counted
        # More brackets: arrays are nested deeper than they should be, which as_buffer flattens.
        return bool(np.count_nonzero(np.frombuffer(written, np.uint8) == ord("[")) == brackets)

    def _add_contents(self, rows: list[Any]) -> int:
        """Add the contents of some histograms; return how many arrays they stand in."""
        is_nested = self._contents.dimensions == 2
        name = self._contents.name
        outer: list[int] = []
        inner: list[int] = []
        buffers = []
        for row in rows:  # one array at a time: many would set off the garbage collector, again and again
            array = row[name]
            outer.append(len(array))
            if is_nested:
                (width,) = set(map(len, array))  # a ValueError if rows differ, or there are none
                inner.append(width)
            buffers.append(array.as_buffer(of_type="d"))
        lengths = [outer, inner] if is_nested else [outer]
        numbers = np.frombuffer(b"".join(buffers))
        shape = tuple(of_axis[0] for of_axis in lengths)
        is_uniform = all(map(are_equal, lengths))
        if self._cells is None and is_uniform:
            # In large blocks, not between what lives shortly: memory would go to pieces.
            self._cells = np.empty((max(len(rows), _BLOCK // max(1, 8 * prod(shape))), *shape))
        start, stop = self._count, self._count + len(rows)
        if isinstance(self._cells, np.ndarray) and is_uniform and shape == self._cells.shape[1:]:
            self._cells[start:stop] = numbers.reshape(len(rows), *shape)
        else:
            if not isinstance(self._cells, list):
                self._cells = [] if self._cells is None else [*self._cells[:start]]
            shapes = [*zip(*lengths, strict=True)]
            parts = np.split(numbers.copy(), np.cumsum([prod(one) for one in shapes])[:-1])
            self._cells += [part.reshape(one) for part, one in zip(parts, shapes, strict=True)]
        return len(rows) + (sum(outer) if is_nested else 0)

    def columns(self, fields: Sequence[str] | None) -> Columns[RecordT] | None:
        """Return all rows, None if they are not as they should be."""
        values: dict[str, Values] = {}
        for name, one in self._known.items():
            if name in self._scalars:
                made = _column(one, self._scalars[name], self._types[name])
                if made is None:
                    return None
                values[name] = made
            elif name == self._contents.name and self._cells is not None:
                values[name] = self._cells[: self._count]
            elif one.required and (fields is None or name in fields):
                return None
        for axis, said in enumerate(LENGTHS[self._contents.dimensions]):
            if self._cells is None or said not in values:
                continue
            if isinstance(self._cells, np.ndarray):
                found: Any = self._cells.shape[1 + axis]
            else:
                found = [cell.shape[axis] for cell in self._cells]
            if (np.asarray(values[said]) != found).any():
                return None
        return Columns(self._record, self._count, values)


def _column(one: Field, column: list[Any], types: set[type]) -> Values | None:
    if one.kind == "string":
        return column_of(one.kind, column)
    if one.kind == "integer" and float in types:  # as 100.0, which one generation writes for 100
        numbers = numbers_of("number", column)
        if not (abs(numbers) < _EXACT).all():
            return None
        whole = numbers.astype(np.int64)
        return whole if (whole == numbers).all() else None
    return numbers_of(one.kind, column)
