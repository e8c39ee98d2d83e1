"""Rows as columns: what a page is decoded into, and what frames, tables and arrays are made of.

A field is a NumPy array where all its values are numbers (int64 or float64), and a list otherwise; the contents of
histograms are float64 arrays, one block for a page if the binnings are equal. Records are made from columns only
when they are asked for, and read their fields on access (`Record.of`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from itertools import chain, compress
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import orjson
from attrs import define, frozen
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import Field, Record, row_of

from cmsdials.table.objects import ABSENT

__all__ = [
    "EXACT",
    "Array",
    "Columns",
    "Values",
    "as_json",
    "cell_of",
    "check_lengths",
    "column_of",
    "from_objects",
    "joined",
    "most_rows",
    "not_finite",
    "objects_of",
    "own",
    "plain",
    "read_scalars",
]

RecordT = TypeVar("RecordT", bound=Record)
Array: TypeAlias = "np.ndarray[Any, Any]"

Values: TypeAlias = "Array | list[Any]"

_DTYPES = {"integer": np.dtype(np.int64), "number": np.dtype(np.float64)}
_HOLDS: Mapping[str, set[type]] = {
    "integer": {int},
    "number": {float, int},
    "string": {str},
    "boolean": {bool},
}
EXACT = 2**53
"""Below it, a float64 holds every whole number exactly."""

_DEEPEST = 100
_LONGEST_NUMBER = 25  # bytes of a float64 as text, with a comma


@frozen(eq=False, repr=False)
class Columns(Generic[RecordT]):
    """Rows of one kind, field by field.

    Attributes:
        record: What the rows are.
        length: How many there are.
        values: By field, in the order of the contract: `length` values each. Histogram contents are an array
            of shape (length, *bins), the bins of the last axis first, or a list of arrays if the binnings differ.
        extra: The fields of each row beyond the contract; None if no row has any.
    """

    record: type[RecordT]
    length: int
    values: Mapping[str, Values]
    extra: Sequence[Mapping[str, Any]] | None = None

    def __len__(self) -> int:
        return self.length

    def records(self) -> list[RecordT]:
        """Return a record for each row, which reads its fields from here on access."""
        return [self.at(index) for index in range(self.length)]

    def at(self, index: int) -> RecordT:
        """Return the record of one row."""
        return self.record.of(_Row(self, index))

    def alone(self, index: int) -> RecordT:
        """Return the record of one row that keeps none of the other rows in memory."""
        row = self.between(index, index + 1)
        values = {
            name: values.copy()
            if isinstance(values, np.ndarray)
            else [value.copy() if isinstance(value, np.ndarray) else value for value in values]
            for name, values in row.values.items()
        }
        return Columns(self.record, 1, values, row.extra).at(0)

    def column(self, name: str) -> Values | None:
        """Return a field of all rows; None if they do not have it."""
        return self.values.get(name)

    def between(self, start: int, stop: int) -> Columns[RecordT]:
        """Return some of the rows; their numbers are views, not copies."""
        if (start, stop) == (0, self.length):
            return self
        return Columns(
            self.record,
            stop - start,
            {name: values[start:stop] for name, values in self.values.items()},
            None if self.extra is None else self.extra[start:stop],
        )

    def chosen(self, keep: Sequence[bool]) -> Columns[RecordT]:
        """Return the rows that are to be kept; their numbers are copies."""
        places = np.flatnonzero(keep)
        return Columns(
            self.record,
            len(places),
            {
                name: values[places] if isinstance(values, np.ndarray) else [*compress(values, keep)]
                for name, values in self.values.items()
            },
            None if self.extra is None else [*compress(self.extra, keep)],
        )


@define(eq=False, weakref_slot=False)
class _Row:
    """One row, for a record that reads its fields on access."""

    columns: Columns[Any]
    index: int

    def names(self) -> Sequence[str]:
        return [name for name, values in self.columns.values.items() if values[self.index] is not ABSENT]

    def value(self, name: str) -> Any:
        value = self.columns.values[name][self.index]
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        return value if value is ABSENT else own(value)

    def extra(self) -> dict[str, Any]:
        extra = self.columns.extra
        return {} if extra is None else deepcopy(dict(extra[self.index]))


def cell_of(record: Record, one: Field) -> Any:
    """Return a field of a record as columns hold it; ABSENT if it has none. The record stays part of its columns."""
    row = row_of(record)
    if isinstance(row, _Row):
        return row.columns.values[one.name][row.index] if one.name in row.columns.values else ABSENT
    value = record.__dict__.get(one.name, ABSENT)
    return _as_array(value, one.dimensions) if one.dimensions else value


def _as_array(value: Any, dimensions: int) -> Any:
    """Return (lists of) numbers as a float64 array of so many dimensions; anything else as it is."""
    if not isinstance(value, list | tuple | np.ndarray):
        return value
    try:
        made = np.array(value, np.float64)
    except (TypeError, ValueError):
        return value
    return np.ascontiguousarray(made) if made.ndim == dimensions else value


def column_of(kind: str, values: list[Any]) -> Values:
    """Return the values of a field as an array if they all are numbers that it can hold, else as they are."""
    types = {*map(type, values)}
    if kind == "string" and types <= {str, type(None), type(ABSENT)}:
        once: dict[Any, Any] = {}  # a repeated text is held once
        return [once.setdefault(value, value) for value in values]
    if kind in _DTYPES and types <= _HOLDS[kind]:
        with suppress(OverflowError):  # beyond 64 bits
            return np.array(values, _DTYPES[kind])
    return values


def plain(values: Values) -> list[Any]:
    """Return the values of a field as plain Python, None where there is none."""
    if isinstance(values, np.ndarray):
        return [*values.tolist()]
    return [None if value is ABSENT else value for value in values]


def own(value: Any) -> Any:
    """Return a value for others to change, which changes nothing here; None for a field that a row lacks."""
    if value is ABSENT:
        return None
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.copy()  # much faster, and a frame of several binnings has many
    return deepcopy(value) if isinstance(value, np.ndarray | list | dict | Record) else value


def joined(cells: list[Any]) -> Values:
    """Return the contents of histograms as one block if they have the same shape."""
    shapes = {cell.shape if isinstance(cell, np.ndarray) else None for cell in cells}
    return np.array(cells) if len(shapes) == 1 and None not in shapes else cells


# --- from JSON, and to it


def from_objects(
    record: type[RecordT], items: Sequence[Any], fields: Iterable[str] | None = None
) -> Columns[RecordT]:
    """Make columns from JSON objects, which may lack what is not in `fields`, if that is given.

    Raises:
        MalformedAnswer: A required field is missing, or a field is not of its kind.
    """
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise MalformedAnswer(where=f"[{number}]", problem=f"is {_json_type(item)}, not an object")
    known = {one.name: one for one in record.FIELDS}
    asked = known.keys() if fields is None else {*fields}
    values: dict[str, Values] = {}
    for name, one in known.items():
        sent = [item.get(name, ABSENT) for item in items]
        lacking = sent.count(ABSENT)
        if lacking and one.required and name in asked:
            raise MalformedAnswer(where=f"[{sent.index(ABSENT)}].{name}", problem="is missing")
        if lacking < len(items) or (not items and name in asked):
            values[name] = (
                joined([_contents(one, value, f"[{at}].{name}") for at, value in enumerate(sent)])
                if one.dimensions
                else read_scalars(one, sent)
            )
    check_lengths(record, values)
    extra = None
    if not all(item.keys() <= known.keys() for item in items):
        extra = [{name: value for name, value in item.items() if name not in known} for item in items]
    free = [
        name for name, one in known.items() if one.kind in ("array", "object", "any") and not one.dimensions
    ]
    for at, item in enumerate(items if extra or free else ()):
        _refuse_deep([item.get(name) for name in free], f"[{at}]")
        _refuse_deep(extra[at] if extra else None, f"[{at}]")
    return Columns(record, len(items), values, extra)


def _refuse_deep(value: Any, where: str) -> None:
    """Refuse what is nested so deeply that Python could not copy it.

    Raises:
        MalformedAnswer: It is.
    """
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            one
            for part in level
            if isinstance(part, dict | list)
            for one in (part.values() if isinstance(part, dict) else part)
        ]
    if level:
        raise MalformedAnswer(where, problem=f"is nested more than {_DEEPEST} deep")


def read_scalars(one: Field, sent: list[Any]) -> Values:
    """Return the values of a field that is not the contents of histograms, as columns hold them.

    Raises:
        MalformedAnswer: One is not of the field's kind.
    """
    types = {*map(type, sent)}
    if one.kind == "integer" and float in types:
        if types <= _HOLDS["number"]:
            with suppress(OverflowError):  # as 100.0, which one generation writes for 100
                numbers = np.array(sent, np.float64)
                if (abs(numbers) < EXACT).all() and not (numbers % 1).any():
                    return numbers.astype(np.int64)
        for at, value in enumerate(sent):
            if isinstance(value, float) and abs(value) >= EXACT:
                problem = "is a whole number too large to be written as a float"
                raise MalformedAnswer(where=f"[{at}].{one.name}", problem=problem)
    if not types <= _HOLDS.get(one.kind, set()):
        sent = [
            value if value is ABSENT else one.read(value, f"[{at}].{one.name}")
            for at, value in enumerate(sent)
        ]
    if one.kind == "number":
        known = [0.0 if value is None or value is ABSENT else value for value in sent]
        numbers = _floats(known, lambda at: f"[{at}].{one.name}")
        return numbers if types <= _HOLDS["number"] else sent
    return column_of(one.kind, sent)


def _contents(one: Field, value: Any, where: str) -> Any:
    """Return the contents of a histogram as a float64 array with as many dimensions as the field has."""
    if value is ABSENT or (value is None and one.nullable):
        return value
    shape: tuple[int, ...] = ()

    def place(at: int) -> str:
        return where + "".join(f"[{index}]" for index in np.unravel_index(at, shape)) if shape else where

    level = [value]
    for inner in reversed(range(one.dimensions)):
        for at, row in enumerate(level):
            if not isinstance(row, list):
                what = f"an array of {'arrays of ' * inner}numbers"
                raise MalformedAnswer(place(at), problem=f"is {_json_type(row)}, not {what}")
            if len(row) != len(level[0]):
                what = "arrays" if inner else "numbers"
                problem = f"has {len(row)} {what}, and the first row has {len(level[0])}"
                raise MalformedAnswer(place(at), problem=problem)
        level, shape = [*chain.from_iterable(level)], (*shape, len(level[0]) if level else 0)
    return _floats(level, place).reshape(shape)


def _floats(values: list[Any], place: Callable[[int], str]) -> Array:
    """Return numbers of JSON as float64.

    Raises:
        MalformedAnswer: One is not a number, not finite, or an integer of more than 308 digits.
    """
    if not {*map(type, values)} <= _HOLDS["number"]:
        at = next(at for at, value in enumerate(values) if type(value) not in _HOLDS["number"])
        raise MalformedAnswer(place(at), f"is {_json_type(values[at])}, not a number")
    try:
        numbers = np.array(values, np.float64)
        if np.isfinite(numbers).all():
            return numbers
    except OverflowError:
        pass
    at = next(at for at, value in enumerate(values) if not abs(value) <= sys.float_info.max)
    raise MalformedAnswer(place(at), "is not a finite number")


def _json_type(value: Any) -> str:
    names = {type(None): "null", bool: "boolean", str: "string", dict: "object", list: "array"}
    return f"of type {names.get(type(value), 'number')}"


def check_lengths(record: type[Record], values: Mapping[str, Values]) -> None:
    """Refuse contents that are not as long as their row says.

    Raises:
        MalformedAnswer: There are some.
    """
    for one in record.FIELDS:
        for axis, name in enumerate(one.lengths):
            cells, lengths = values.get(one.name, ()), values.get(name, ())
            both = isinstance(cells, np.ndarray) and isinstance(lengths, np.ndarray)
            if both and np.all(lengths == np.shape(cells)[1 + axis]):
                continue
            for at, (cell, length) in enumerate(zip(cells, lengths, strict=False)):
                # If there are no rows, their length is not known.
                known = isinstance(cell, np.ndarray) and length is not ABSENT and all(cell.shape[:axis])
                if known and cell.shape[axis] != length:
                    what = "numbers" if axis == one.dimensions - 1 else "rows"
                    problem = f"has {cell.shape[axis]} {what}, and {name} says {length}"
                    raise MalformedAnswer(where=f"[{at}].{one.name}", problem=problem)


def objects_of(block: Columns[Any]) -> list[dict[str, Any]]:
    """Return rows as JSON objects, `extra` included; numbers may be NumPy's."""
    objects: list[dict[str, Any]] = [{} for _ in range(len(block))]
    for name, values in block.values.items():
        for made, value in zip(objects, values, strict=True):
            if value is not ABSENT:
                made[name] = value
    for made, extra in zip(objects, block.extra or (), strict=False):
        made.update(extra)
    return objects


def most_rows(block: Columns[Any], size: int) -> int:
    """Return how many rows have contents that take no more than so many bytes as JSON text; at least 1."""
    values = [
        block.values[one.name] for one in block.record.FIELDS if one.dimensions and one.name in block.values
    ]
    sizes = [
        [np.size(cells[:1])] if isinstance(cells, np.ndarray) else [*map(np.size, cells)] for cells in values
    ]
    longest = max(chain.from_iterable(sizes), default=0)
    return max(1, size // max(1, _LONGEST_NUMBER * longest))


def not_finite(block: Columns[Any]) -> str | None:
    """Return the name of a field that holds a number that JSON cannot; None if there is none."""
    for name, values in block.values.items():
        for part in [values] if isinstance(values, np.ndarray) else values:
            if isinstance(part, np.ndarray | float) and not np.isfinite(part).all():
                return name
    return None


def as_json(value: Any) -> bytes:
    """Return JSON text of what columns hold: NumPy's numbers and arrays, times, and records of records."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise
    return json.dumps(
        value, default=_plainer, separators=(",", ":")
    ).encode()  # which has integers of any size


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    raise TypeError


def _plainer(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return orjson.loads(as_json(value)) if isinstance(value, datetime) else _plain(value)
