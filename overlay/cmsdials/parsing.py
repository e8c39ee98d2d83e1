"""From the bytes of a page of histograms to arrays, without a Python object for each bin.

pysimdjson does it where it is installed (there are no wheels of it for every Python). It takes only what is as it
should be; whatever is unusual is left to orjson and `cmsdials.columns`, which read anything and say what is wrong.
So both ways give equal columns, and errors are made in one place.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import cache
from math import prod
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from cmsdials_api.records import Field, Record

from cmsdials.columns import LENGTHS, Columns, Values, column_of

__all__ = ["Parsed", "parsed_histograms"]

RecordT = TypeVar("RecordT", bound=Record)

_PLAIN: Mapping[str, set[type]] = {"integer": {int, float}, "number": {float, int}, "string": {str}}
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


class Parsed(NamedTuple):
    """A page: its rows and its links, whatever these are."""

    columns: Columns[Any]
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
        return _parsed(_parser(simdjson).parse(body), body, record, arrays[0], fields)
    except _UNUSUAL:
        return None


@cache
def _simdjson() -> ModuleType | None:
    try:
        import simdjson  # noqa: PLC0415  # there is no wheel for every Python
    except ImportError:
        return None
    module: ModuleType = simdjson
    return module


_of_thread = threading.local()


def _parser(simdjson: ModuleType) -> Any:
    """Return the parser of this thread, whose buffers are as large as the largest page so far."""
    if not hasattr(_of_thread, "parser"):
        _of_thread.parser = simdjson.Parser()
    return _of_thread.parser


def _parsed(
    page: Any, body: bytes, record: type[RecordT], contents: Field, fields: Iterable[str] | None
) -> Parsed | None:
    if sorted(page) != ["next", "previous", "results"]:
        return None
    rows = list(page["results"])
    if not rows:
        return None
    sent = list(rows[0])
    known = {one.name: one for one in record.FIELDS}
    names = [name for name in known if name in sent]
    if len(names) != len(sent) or any(len(row) != len(sent) for row in rows):
        return None
    if fields is None and any(one.required and one.name not in sent for one in record.FIELDS):
        return None
    values: dict[str, Values] = {}
    brackets = 1
    for name in names:
        if name == contents.name:
            continue
        column = [row[name] for row in rows]
        made = _scalars(known[name], column)
        if made is None:
            return None
        values[name] = made
        if known[name].kind == "string":
            brackets += sum(text.count("[") * column.count(text) for text in set(column))
    if contents.name in names:
        found = _contents(rows, contents, values)
        if found is None:
            return None
        values[contents.name], opened = found
        brackets += opened
    if np.count_nonzero(np.frombuffer(body, np.uint8) == ord("[")) != brackets:
        return None  # arrays that are nested deeper than they should be, which as_buffer flattens
    columns = Columns(record, len(rows), {name: values[name] for name in names})
    return Parsed(columns, page["next"], page["previous"])


def _scalars(one: Field, column: list[Any]) -> Values | None:
    kinds = set(map(type, column))
    if not kinds <= _PLAIN.get(one.kind, set()):
        return None
    if one.kind == "integer" and float in kinds:  # as 100.0, which one generation writes for 100
        numbers = np.array(column, np.float64)
        whole = numbers.astype(np.int64)
        return whole if (whole == numbers).all() and (abs(numbers) < _EXACT).all() else None
    return column_of(one.kind, column)


def _contents(rows: list[Any], contents: Field, values: Mapping[str, Values]) -> tuple[Values, int] | None:
    """Return the contents of the histograms, and how many arrays they stand in."""
    arrays = [row[contents.name] for row in rows]
    lengths = [[*map(len, arrays)]]
    if contents.dimensions == 2:
        widths = [set(map(len, array)) for array in arrays]
        if any(len(of_row) != 1 for of_row in widths):
            return None
        lengths.append([of_row.pop() for of_row in widths])
    for found, said in zip(lengths, LENGTHS[contents.dimensions], strict=True):
        if said in values and (np.array(found) != values[said]).any():
            return None
    # A copy that can be written to, as all arrays of a user should be.
    numbers = np.frombuffer(bytearray().join([array.as_buffer(of_type="d") for array in arrays]))
    shapes = [*zip(*lengths, strict=True)]
    opened = len(arrays) + (sum(lengths[0]) if contents.dimensions == 2 else 0)
    if len(set(shapes)) == 1:
        return numbers.reshape(len(rows), *shapes[0]), opened
    ends = np.cumsum([prod(shape) for shape in shapes])
    cells = np.split(numbers, ends[:-1])
    return [cell.reshape(shape) for cell, shape in zip(cells, shapes, strict=True)], opened
