"""Rows as columns: what a page is decoded into, and what frames, tables and arrays are made of.

A field is a NumPy array where all its values are numbers (int64 or float64), and a list otherwise; the contents of
histograms are float64 arrays, one block for a page if the binnings are equal. Records are made of columns only when
somebody asks for them, and hold nothing until somebody looks into them (`Record.of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import chain, groupby
from math import inf
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import orjson
from attrs import field, frozen
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import Field, Record, row_of

from cmsdials.errors import BinningError, ConfigurationError

__all__ = [
    "ABSENT",
    "LENGTHS",
    "Columns",
    "Values",
    "are_equal",
    "array_of",
    "as_json",
    "column_of",
    "from_objects",
    "has_field",
    "not_finite",
    "numbers_of",
    "objects_of",
    "of_records",
]

RecordT = TypeVar("RecordT", bound=Record)

Values: TypeAlias = "np.ndarray[Any, Any] | list[Any]"

LENGTHS: Mapping[int, tuple[str, ...]] = {1: ("x_bin",), 2: ("y_bin", "x_bin")}
"""By the dimensions of `data`: the fields that say how long it is, outermost first."""

_DTYPES = {"integer": np.dtype(np.int64), "number": np.dtype(np.float64)}
_HOLDS: Mapping[str, set[type]] = {"integer": {int}, "number": {float, int}}


class _Absent:
    """Stands where a row lacks a field that others have."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""In a column: this row has no such field."""


@frozen(eq=False, repr=False)
class Columns(Generic[RecordT]):
    """Rows of one kind, field by field.

    Attributes:
        record: What the rows are.
        length: How many there are.
        values: By field, in the order of the contract: `length` values each. Of histogram contents an array of
            shape (length, x_bin) or (length, y_bin, x_bin), or a list of arrays where the binnings differ.
        extra: What each row has beyond the contract; None if no row has.
    """

    record: type[RecordT]
    length: int
    values: Mapping[str, Values]
    extra: Sequence[Mapping[str, Any]] | None = field(default=None)

    def __len__(self) -> int:
        return self.length

    def records(self) -> list[RecordT]:
        """Return a record for each row, which fetches its fields from here when it is looked at."""
        return [self.record.of(_Row(self, index)) for index in range(self.length)]

    def at(self, index: int) -> RecordT:
        """Return the record of one row."""
        return self.record.of(_Row(self, index))

    def alone(self, index: int) -> RecordT:
        """Return the record of one row that keeps none of the other rows in memory."""
        one = {
            name: values[index : index + 1].copy()
            if isinstance(values, np.ndarray)
            else [_copied(values[index])]
            for name, values in self.values.items()
        }
        extra = None if self.extra is None else [self.extra[index]]
        return Columns(self.record, 1, one, extra).at(0)

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

    def __repr__(self) -> str:
        return f"<{self.length} rows of {self.record.__name__}>"


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value  # an array may be part of a larger one


class _Row:
    """One row, for a record that fetches its fields when it is looked at."""

    __slots__ = ("columns", "index")

    def __init__(self, columns: Columns[Any], index: int) -> None:
        self.columns = columns
        self.index = index

    def names(self) -> Sequence[str]:
        index = self.index
        return [name for name, values in self.columns.values.items() if values[index] is not ABSENT]

    def value(self, name: str) -> Any:
        value = self.columns.values[name][self.index]
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        return deepcopy(value) if isinstance(value, list | dict | Record) else value

    def extra(self) -> dict[str, Any]:
        extra = self.columns.extra
        return {} if extra is None else deepcopy(dict(extra[self.index]))


def are_equal(values: list[Any]) -> bool:
    """Whether all values are equal, as most texts of a page are."""
    return bool(values) and values.count(values[0]) == len(values)


def column_of(kind: str, values: list[Any]) -> Values:
    """Return the values of a field as an array where they all are numbers that it can hold, else as they are."""
    if kind == "string":
        once: dict[Any, Any] = {}
        if are_equal(values):
            return values[:1] * len(values)
        try:
            return [once.setdefault(value, value) for value in values]
        except TypeError:  # something that is no text, and cannot be hashed, which somebody has put there
            return values
    if kind not in _DTYPES or not set(map(type, values)) <= _HOLDS[kind]:
        return values
    try:
        return numbers_of(kind, values)
    except OverflowError:  # beyond 64 bits
        return values


def numbers_of(kind: str, values: list[Any]) -> np.ndarray[Any, Any]:
    """Return numbers, all of a kind, as an array.

    Raises:
        OverflowError: One is beyond 64 bits.
    """
    dtype = _DTYPES[kind]
    if are_equal(values) and values[0] != 0:  # 0.0 and -0.0 are equal, and not the same
        return np.full(len(values), values[0], dtype)
    return np.array(values, dtype)


def from_objects(
    record: type[RecordT], items: Sequence[Any], fields: Iterable[str] | None = None
) -> Columns[RecordT]:
    """Make columns of JSON objects.

    Args:
        record: What they are.
        items: The objects.
        fields: The fields that were asked for, which may lack others; None for all.

    Raises:
        MalformedAnswer: A required field is missing, or a field is not of its kind.
    """
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            place = f"[{number}]"
            raise MalformedAnswer(place, f"is of type {_json_type(item)}, not an object")
    asked = None if fields is None else set(fields)
    values: dict[str, Values] = {}
    for one in record.FIELDS:
        sent = [item.get(one.name, ABSENT) for item in items]
        has_all = not any(value is ABSENT for value in sent)
        if not has_all and one.required and (asked is None or one.name in asked):
            place = f"[{next(at for at, value in enumerate(sent) if value is ABSENT)}].{one.name}"
            raise MalformedAnswer(place, "is missing")
        if not items:
            has_any = asked is None or one.name in asked
        else:
            has_any = has_all or any(value is not ABSENT for value in sent)
        if has_any:
            values[one.name] = _read(one, sent)
    _check_lengths(record, values)
    return Columns(record, len(items), values, _extra(record, items))


def _extra(record: type[Record], items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    known = {one.name for one in record.FIELDS}
    if all(item.keys() <= known for item in items):
        return None
    return [{name: value for name, value in item.items() if name not in known} for item in items]


_PLAIN = {"integer": int, "number": float, "string": str, "boolean": bool}


def _read(one: Field, sent: list[Any]) -> Values:
    if one.dimensions:
        return _joined([_contents(one, value, f"[{at}].{one.name}") for at, value in enumerate(sent)])
    if not set(map(type, sent)) <= {_PLAIN.get(one.kind)}:
        sent = [
            value if value is ABSENT else one.read(value, f"[{at}].{one.name}")
            for at, value in enumerate(sent)
        ]
    values = column_of(one.kind, sent)
    if one.kind == "number":
        numbers = [value if isinstance(value, float) else 0.0 for value in values]
        _refuse_infinite(np.array(numbers), lambda at: f"[{at}].{one.name}")
    return values


def _contents(one: Field, value: Any, where: str) -> Any:
    """Return the contents of a histogram as a float64 array with as many dimensions as the field has."""
    if value is ABSENT or (value is None and one.nullable):
        return value
    if not isinstance(value, list):
        what = "an array of numbers" if one.dimensions == 1 else "an array of arrays of numbers"
        raise MalformedAnswer(where, f"is of type {_json_type(value)}, not {what}")
    if one.dimensions == 1:
        return _numbers(value, lambda at: f"{where}[{at}]")
    lengths = [len(row) if isinstance(row, list) else -1 for row in value]
    if len(set(lengths)) == 1 and lengths[0] > 0:
        flat = [*chain.from_iterable(value)]
        numbers = _numbers(flat, lambda at: f"{where}[{at // lengths[0]}][{at % lengths[0]}]")
        return numbers.reshape(len(value), lengths[0])
    for at, row in enumerate(value):
        place = f"{where}[{at}]"
        if lengths[at] < 0:
            raise MalformedAnswer(place, f"is of type {_json_type(row)}, not an array of numbers")
        if lengths[at] != lengths[0]:
            raise MalformedAnswer(place, f"has {lengths[at]} numbers, and the first row has {lengths[0]}")
    return np.empty((len(value), 0))


def _numbers(values: list[Any], place: Callable[[int], str]) -> np.ndarray[Any, Any]:
    if not set(map(type, values)) <= _HOLDS["number"]:
        at = next(at for at, number in enumerate(values) if type(number) not in _HOLDS["number"])
        raise MalformedAnswer(place(at), f"is of type {_json_type(values[at])}, not a number")
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:
        numbers = np.array([*map(_float, values)], np.float64)
    _refuse_infinite(numbers, place)
    return numbers


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer of more than 308 digits
        return inf


def _refuse_infinite(numbers: np.ndarray[Any, Any], place: Callable[[int], str]) -> None:
    if not np.isfinite(numbers).all():
        at = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise MalformedAnswer(place(at), "is no finite number")


def _json_type(value: Any) -> str:
    names = {type(None): "null", bool: "boolean", str: "string", dict: "object", list: "array"}
    return names.get(type(value), "number")


def _joined(cells: list[Any]) -> Values:
    """Return cells as one block where they are of one shape."""
    shapes = {cell.shape if isinstance(cell, np.ndarray) else None for cell in cells}
    if len(shapes) == 1 and None not in shapes:
        return np.array(cells)
    return cells


def _check_lengths(record: type[Record], values: Mapping[str, Values]) -> None:
    """Refuse contents that are not as long as their row says.

    Raises:
        MalformedAnswer: There are some.
    """
    for one in record.FIELDS:
        if one.name not in values:
            continue
        for axis, name in enumerate(LENGTHS.get(one.dimensions, ())):
            found = _lengths(values[one.name], axis)
            for at, said in enumerate(values.get(name, ())):
                if found[at] is not None and said is not ABSENT and found[at] != said:
                    place = f"[{at}].{one.name}"
                    what = "numbers" if axis == one.dimensions - 1 else "rows"
                    problem = f"has {found[at]} {what}, and {name} says {said}"
                    raise MalformedAnswer(place, problem)


def _lengths(contents: Values, axis: int) -> list[int | None]:
    if isinstance(contents, np.ndarray) and contents.size:
        return [contents.shape[1 + axis]] * len(contents)
    return [
        # Where there are no rows, nobody knows how long they would be.
        cell.shape[axis] if isinstance(cell, np.ndarray) and all(cell.shape[:axis]) else None
        for cell in contents
    ]


def of_records(record: type[RecordT], rows: Sequence[RecordT]) -> list[Columns[RecordT]]:
    """Return the columns of records: those that they are made of, as far as they are unchanged.

    Args:
        record: What they are, also where there are none.
        rows: The records.

    Raises:
        ConfigurationError: One is no record.
    """
    _refuse_others(record, rows)
    blocks: list[Columns[RecordT]] = []
    # What a row is made of is asked once: another thread that looks into the row can make it stand on its own.
    for source, group in groupby(((*_source(row), row) for row in rows), key=itemgetter(0)):
        of_one = list(group)
        if source is None:
            blocks.append(_from_records(record, [row for _, _, row in of_one]))
            continue
        blocks.extend(source.between(start, stop) for start, stop in _runs(index for _, index, _ in of_one))
    return blocks


def _refuse_others(record: type[Record], rows: Iterable[object]) -> None:
    for number, row in enumerate(rows):
        if not isinstance(row, Record):
            message = f"row {number} of the results is of type {type(row).__name__}, not a {record.__name__}"
            raise ConfigurationError(
                message, advice="Somebody has put it there: keep other things elsewhere."
            )


def array_of(row: Record, name: str) -> Any:
    """Return a field of a record that holds numbers: the array that it is made of, or one made of its lists.

    Raises:
        BinningError: It holds something else.
    """
    made_of = row_of(row)
    if isinstance(made_of, _Row):
        return made_of.columns.values[name][made_of.index]
    try:
        return np.array(getattr(row, name), np.float64)
    except (TypeError, ValueError):
        pass
    message = f"the {name} of this row, which somebody has changed, is no array of numbers"
    raise BinningError(message)


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


def has_field(record: Record, name: str) -> bool:
    """Whether a record has a field. Does not make it stand on its own."""
    row = row_of(record)
    return name in (record.__dict__ if row is None else row.names())


def not_finite(block: Columns[Any]) -> str | None:
    """Return the name of a field that holds a number which JSON cannot; None if there is none."""
    for name, values in block.values.items():
        for part in [values] if isinstance(values, np.ndarray) else values:
            if isinstance(part, np.ndarray | float) and not np.isfinite(part).all():
                return name
    return None


def as_json(value: Any) -> bytes:
    """Return JSON text of what columns hold: NumPy's numbers and arrays, times, and records of records."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    raise TypeError


def _source(row: Record) -> tuple[Columns[Any] | None, int]:
    """Return the columns that a record is made of, and which row of them it is."""
    made_of = row_of(row)
    return (made_of.columns, made_of.index) if isinstance(made_of, _Row) else (None, -1)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) for each run of numbers that follow each other."""
    start = stop = None
    for number in numbers:
        if number != stop:
            if start is not None and stop is not None:
                yield start, stop
            start = number
        stop = number + 1
    if start is not None and stop is not None:
        yield start, stop


def _from_records(record: type[RecordT], rows: Sequence[RecordT]) -> Columns[RecordT]:
    """Make columns of records on their own, whatever their users have put into them."""
    fields = [row.__dict__ for row in rows]
    values: dict[str, Values] = {}
    for one in record.FIELDS:
        found = [of_row.get(one.name, ABSENT) for of_row in fields]
        if all(value is ABSENT for value in found):
            continue
        if one.dimensions:
            values[one.name] = _joined([_as_array(value, one.dimensions) for value in found])
        else:
            values[one.name] = column_of(one.kind, found)
    extra = [row.extra for row in rows]
    return Columns(record, len(rows), values, extra if any(extra) else None)


def _as_array(value: Any, dimensions: int) -> Any:
    """Return contents as an array, or whatever somebody has put there instead as it is."""
    if not isinstance(value, list | tuple | np.ndarray):
        return value
    try:
        made = np.array(value, np.float64)
    except (TypeError, ValueError):
        return value
    return np.ascontiguousarray(made) if made.ndim == dimensions else value
