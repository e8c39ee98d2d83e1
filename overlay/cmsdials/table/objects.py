"""The rows of small answers as JSON objects, for scripts that look at rows alone: loading NumPy takes longer than that.

They become columns when something needs these. It handles only regular rows; anything unusual is left to
`cmsdials.table.columns`, which reads everything and says what is wrong. So both ways give equal rows, and errors are raised
in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cached_property
from itertools import chain, compress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen
from cmsdials_api.records import Field, Record

from cmsdials.runtime import background

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns

__all__ = ["ABSENT", "Objects", "are_worth_it", "as_list", "regular"]

RecordT = TypeVar("RecordT", bound=Record)


class _Absent(Enum):
    ABSENT = "this row has no such field"


ABSENT = _Absent.ABSENT
"""In a column: this row lacks a field that others have."""

MOST_BYTES = 1_000_000
"""Bytes of answers that are read so: beyond, columns are faster and take less memory, also with what loading NumPy takes."""

_EXACT = 2**53  # below it, a float64 holds every whole number exactly
_NUMBERS = {float, int}

_left = MOST_BYTES


def are_worth_it(size: int) -> bool:
    """Whether an answer of so many bytes is read as objects. It counts what is."""
    global _left  # noqa: PLW0603  # of the process, as what it spares: one import
    if background.loaded("numpy") is not None or size > _left:
        return False
    _left -= size
    return True


def as_list(values: Any) -> list[Any]:
    """Return a column as a list; one that rows do not have (None) as one that they lack."""
    return [ABSENT] if values is None else values if isinstance(values, list) else values.tolist()


class Objects(Generic[RecordT]):
    """Rows of one kind, as objects that hold what records are to hold.

    Args:
        record: What the rows are.
        items: The rows, which all have the same fields.
        fields: The fields that were asked for; None for all.
    """

    def __init__(
        self, record: type[RecordT], items: Sequence[Mapping[str, Any]], fields: Sequence[str] | None
    ) -> None:
        self.record = record
        self._items = items
        self._fields = fields

    def __len__(self) -> int:
        return len(self._items)

    def records(self) -> list[RecordT]:
        """Return a record for each row."""
        return [self.at(index) for index in range(len(self))]

    def at(self, index: int) -> RecordT:
        """Return the record of one row."""
        return self.record.of(_Row(self, index))

    def alone(self, index: int) -> RecordT:
        """Return the record of one row that keeps none of the other rows in memory."""
        return Objects(self.record, [self._items[index]], self._fields).at(0)

    def between(self, start: int, stop: int) -> Objects[RecordT]:
        """Return some of the rows."""
        if (start, stop) == (0, len(self)):
            return self
        return Objects(self.record, self._items[start:stop], self._fields)

    def column(self, name: str) -> list[Any] | None:
        """Return a field of all rows; None if they do not have it."""
        return [item[name] for item in self._items] if self._items and name in self._items[0] else None

    def chosen(self, keep: Sequence[bool]) -> Objects[RecordT]:
        """Return the rows that are to be kept."""
        return Objects(self.record, [*compress(self._items, keep)], self._fields)

    @cached_property
    def columns(self) -> Columns[RecordT]:
        """The rows as columns."""
        background.load("cmsdials.table.columns")
        from cmsdials.table import columns  # noqa: PLC0415  # it imports NumPy

        return columns.from_objects(self.record, self._items, self._fields)


@frozen(eq=False)
class _Row:
    """One row, for a record that reads its fields on access."""

    columns: Objects[Any]
    index: int

    def names(self) -> Sequence[str]:
        sent = self.columns._items[self.index]
        return [one.name for one in self.columns.record.FIELDS if one.name in sent]

    def value(self, name: str) -> Any:
        return _own(self.columns._items[self.index][name])

    def extra(self) -> dict[str, Any]:
        return {}


def _own(value: Any) -> Any:
    """Return a value that its owner may change: contents are copied, anything else cannot change."""
    if not isinstance(value, list):
        return value
    return [*map(_own, value)] if value and isinstance(value[0], list) else [*value]


def regular(
    record: type[RecordT], items: Sequence[Any], fields: Sequence[str] | None = None
) -> Objects[RecordT] | None:
    """Return rows of JSON, which may lack what is not in `fields`, if that is given; None if anything is unusual."""
    names = {*items[0]} if items and isinstance(items[0], dict) else set()
    if any(not isinstance(item, dict) or item.keys() != names for item in items):
        return None
    known = {one.name: one for one in record.FIELDS}
    needed = {one.name for one in record.FIELDS if one.required and (fields is None or one.name in fields)}
    if items and not (needed <= names <= known.keys()):
        return None
    read: dict[str, list[Any]] = {}
    for name in names:
        values = [item[name] for item in items]
        reader = _contents if known[name].dimensions else _SCALARS.get(known[name].kind)
        column = None if reader is None else reader(values, known[name])
        if column is None:
            return None
        read[name] = column
    for one in record.FIELDS:
        cells: Any = read.get(one.name, [])
        for name in one.lengths:
            if cells and any(length != len(cells[0]) for length in read.get(name, [])):
                return None
            cells = cells[0] if cells else []
    rows = zip(*read.values(), strict=True) if read else ()
    return Objects(record, [dict(zip(read, row, strict=True)) for row in rows], fields)


def _integers(values: list[Any], _one: Field) -> list[Any] | None:
    types = {*map(type, values)}
    if types == {int}:
        return values if all(-(2**63) <= value < 2**63 for value in values) else None
    if types <= _NUMBERS and all(value % 1 == 0 and abs(value) < _EXACT for value in values):
        return [*map(int, values)]  # as 100.0, which one generation writes for 100
    return None


def _floats(values: list[Any], _one: Field) -> list[float] | None:
    if not {*map(type, values)} <= _NUMBERS:
        return None
    try:
        read = [*map(float, values)]
    except OverflowError:
        return None
    return read if all(abs(value) <= _LARGEST for value in read) else None


def _texts(values: list[Any], one: Field) -> list[Any] | None:
    allowed = {str, type(None)} if one.nullable else {str}
    return values if {*map(type, values)} <= allowed else None


def _truths(values: list[Any], _one: Field) -> list[Any] | None:
    return values if {*map(type, values)} <= {bool} else None


def _contents(values: list[Any], one: Field) -> list[Any] | None:
    """Return the contents of histograms, all of them of one shape, as floats."""
    return _arrays(values, one, one.dimensions)


def _arrays(values: list[Any], one: Field, dimensions: int) -> list[Any] | None:
    if not dimensions:
        return _floats(values, one)
    if not {*map(type, values)} <= {list} or len({*map(len, values)}) != 1 or not values[0]:
        return None
    inner, width = _arrays([*chain.from_iterable(values)], one, dimensions - 1), len(values[0])
    return None if inner is None else [inner[at : at + width] for at in range(0, len(inner), width)]


_SCALARS: Mapping[str, Callable[[list[Any], Field], list[Any] | None]] = {
    "integer": _integers,
    "number": _floats,
    "string": _texts,
    "boolean": _truths,
}
_LARGEST = 1.7976931348623157e308  # of a float64
