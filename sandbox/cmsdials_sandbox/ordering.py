"""The order that `order_by` requests, and how positions in it are written and read.

The service takes one field from each `order_by` parameter; a leading '-' reverses it.  Equal rows have no defined order,
unless the fields end in the whole key.  Here it is worse on purpose: equal rows are shuffled from page to page.  What the
service breaks on breaks here: a comma, an empty or unknown name, a field of another table.  `x_bin` and `y_bin` are
accepted, but a cursor among them cannot be read back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, F, Field, Model, Q, QuerySet, TextField, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField, FloatField, IntegerField

from cmsdials_sandbox.errors import Breakdown
from cmsdials_sandbox.installation import Content
from cmsdials_sandbox.mixing import mixed
from cmsdials_sandbox.records import AXES, RENAMED, Record, Row, axis_value

Scalar = int | float | str | bool
Rows = QuerySet[Any, Any]

# A prime, so that multiplication permutes the remainders of the keys.
_PLACES = 1_000_003


@dataclass(frozen=True)
class Column:
    """A column to sort by; `source` is its name in a row, `kind` the field that knows its type."""

    source: str
    kind: "Field[Any, Any]"
    descending: bool = False
    # A number of bins: its position is written as a float, which the service cannot read back.
    unreadable: bool = False

    def read(self, text: object) -> Scalar:
        """Return a value from its text in a cursor; breaks if the service cannot convert it."""
        try:
            if self.unreadable or not isinstance(text, str):
                raise TypeError
            match self.kind:
                case IntegerField():
                    return _in_column(int(text))
                case FloatField():
                    return float(text)
                case BooleanField():
                    return {"True": True, "False": False}[text]
        except (TypeError, ValueError, KeyError) as error:
            message = f"no position in {self.source}: {text!r}"
            raise Breakdown(message) from error
        return text

    def written(self, row: Row) -> str:
        """Return a row's value as text for a cursor."""
        return str(float(row[self.source])) if self.unreadable else str(row[self.source])


@dataclass(frozen=True)
class Order:
    """The columns that a list is sorted by, and the key that distinguishes equal rows."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether no two rows are equal in this order."""
        return set(self.key) <= {column.source for column in self.columns}

    def sort(self, rows: Rows, *, backwards: bool, shuffle: int) -> Rows:
        """Return the rows in this order; equal rows in the order of `shuffle`."""
        expressions: list[Any] = []
        for column in self.columns:
            down = column.descending != backwards
            # Where PostgreSQL sorts nulls.
            nulls = {"nulls_first" if down else "nulls_last": True} if column.kind.null else {}
            source = F(column.source)
            expressions.append(source.desc(**nulls) if down else source.asc(**nulls))
        if not self.whole:
            expressions.append(self._shuffled(rows, shuffle))
        return rows.order_by(*expressions)

    def beyond(self, rows: Rows, position: Sequence[object], *, backwards: bool) -> Rows:
        """Return the rows strictly after a position."""
        if len(position) != len(self.columns):
            message = "a cursor of another list"
            raise Breakdown(message)
        values = [column.read(text) for column, text in zip(self.columns, position, strict=True)]
        directions = {column.descending != backwards for column in self.columns}
        table = {field.name for field in rows.model._meta.fields}
        if len(directions) == 1 and all(column.source in table for column in self.columns):
            return self._seek(rows, values, descending=directions.pop())
        behind = Q()
        equal = Q()
        for column, value in zip(self.columns, values, strict=True):
            step = "lt" if column.descending != backwards else "gt"
            behind |= equal & Q(**{f"{column.source}__{step}": value})
            equal &= Q(**{column.source: value})
        return rows.filter(behind)

    def _seek(self, rows: Rows, values: Sequence[Scalar], *, descending: bool) -> Rows:
        """Compare row values, which lets SQLite seek along the key."""
        table = rows.model._meta.db_table
        names = ", ".join(f'"{table}"."{column.source}"' for column in self.columns)
        marks = ", ".join(["%s"] * len(self.columns))
        condition = f"({names}) {'<' if descending else '>'} ({marks})"
        return rows.extra(where=[condition], params=list(values))  # noqa: S610  (names are columns of ours)

    def _shuffled(self, rows: Rows, shuffle: int) -> RawSQL:
        table = rows.model._meta.db_table
        terms = [f'"{table}"."{part}" * {2 * number + 7}' for number, part in enumerate(self.key)]
        factor = 1 + mixed(shuffle) % (_PLACES - 1)
        return RawSQL(f"(({' + '.join(terms)}) % {_PLACES} * {factor}) % {_PLACES}", ())  # noqa: S611  (our own columns)


def by_key(record: Record) -> Order:
    """Return the default order of a list."""
    return Order(tuple(_column(record, part) for part in record.key), record.key)


def asked_for(record: Record, names: Sequence[str]) -> Order:
    """Return the order by these fields; breaks as the service does."""
    columns = []
    for name in names:
        field = name.removeprefix("-")
        source = RENAMED.get(field, field) if field in record.fields else ""
        is_derived = field in record.derived and field not in RENAMED and field not in AXES
        if not source or is_derived:
            message = f"no field to order by: {name!r}"
            raise Breakdown(message)
        columns.append(_column(record, source, descending=name.startswith("-")))
    return Order(tuple(columns), record.key)


def with_axes(rows: Rows, order: Order, content: Content) -> Rows:
    """Add the columns that no table has: the edges and numbers of bins of the axes."""
    for column in order.columns:
        if column.source in AXES:
            known = [
                When(me_id=me_id, then=Value(axis_value(me, column.source)))
                for me_id, me in content.mes.items()
                if column.source[0] == "x" or me.y is not None
            ]
            rows = rows.annotate(**{column.source: Case(*known, output_field=FloatField())})
    return rows


def _column(record: Record, source: str, *, descending: bool = False) -> Column:
    if source in AXES:
        return Column(source, FloatField(), descending, unreadable=source.endswith("_bin"))
    model: type[Model] = record.model
    kind = model._meta.get_field(source)
    if not isinstance(kind, IntegerField | FloatField | BooleanField | TextField):
        message = f"no order among {source}"
        raise Breakdown(message)
    return Column(source, kind, descending)


def _in_column(number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise ValueError(number)
    return number
