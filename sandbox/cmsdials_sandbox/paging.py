"""Pages of a list: their size, their order, and the opaque cursors that lead from one to the next.

A cursor holds the primary key of the row it stands behind, so a page is found by a seek along that key however far
into the table it is, rows are neither lost nor doubled between pages, and a cursor works with any page size and any
fields.  Following `previous` reads the same key backwards.

`order_by`, which the service accepts without documenting it: one column (a leading '-' reverses), the first of the
list that is a column without nulls; ties are broken by the primary key in the same direction.  Unknown names are ignored.
A cursor remembers its order, and is invalid with another one.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from cmsdials_sandbox.errors import Absent

DEFAULT_SIZE = 10
MAX_SIZE = 500

Row = dict[str, Any]
Scalar = int | float | str


@dataclass(frozen=True)
class Order:
    """The columns a list is sorted by, all in one direction; together they identify a row."""

    columns: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True)
class Cursor:
    """Between two rows: behind the one with these values, or before it when going `backwards`."""

    values: tuple[Scalar, ...]
    backwards: bool = False


@dataclass(frozen=True)
class Page:
    """Rows in their order, and whether there are others around them."""

    rows: list[Row]
    next: Cursor | None
    previous: Cursor | None


def page_size(query: Mapping[str, str]) -> int:
    """Return the size asked for, cut to the maximum; the default if it is no positive number."""
    try:
        size = int(query.get("page_size", ""))
    except ValueError:
        return DEFAULT_SIZE
    return min(size, MAX_SIZE) if size > 0 else DEFAULT_SIZE


def order(query: Mapping[str, str], key: tuple[str, ...], sortable: Sequence[str]) -> Order:
    """Return the order asked for, else the key's."""
    for name in query.get("order_by", "").split(","):
        column = name.strip().removeprefix("-")
        if column in sortable:
            rest = tuple(part for part in key if part != column)
            return Order((column, *rest), descending=name.strip().startswith("-"))
    return Order(key)


def encode(cursor: Cursor, by: Order) -> str:
    """Return a cursor as text for a URL."""
    word = [int(cursor.backwards), _signature(by), *cursor.values]
    return base64.urlsafe_b64encode(orjson.dumps(word)).decode().rstrip("=")


def decode(text: str, by: Order) -> Cursor:
    """Return a cursor from its text; raises `Absent` if it is none of ours or of another order."""
    try:
        word = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise _invalid() from error
    match word:
        case [0 | 1 as backwards, str(signature), *values] if signature == _signature(by):
            if len(values) == len(by.columns) and all(_is_scalar(value) for value in values):
                return Cursor(tuple(values), backwards=bool(backwards))
    raise _invalid()


def read(rows: QuerySet[Model, Row], by: Order, cursor: Cursor | None, size: int) -> Page:
    """One page, starting at the cursor.  `rows` must give at least the columns of the order."""
    backwards = cursor is not None and cursor.backwards
    descending = by.descending != backwards
    if cursor is not None:
        rows = beyond(rows, by.columns, cursor.values, descending=descending)
    found = list(rows.order_by(*(f"-{c}" if descending else c for c in by.columns))[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page([], None, None)
    first, last = (tuple(row[column] for column in by.columns) for row in (found[0], found[-1]))
    has_next, has_previous = (True, more) if backwards else (more, cursor is not None)
    return Page(
        found,
        Cursor(last) if has_next else None,
        Cursor(first, backwards=True) if has_previous else None,
    )


def beyond(
    rows: QuerySet[Model, Row], columns: Sequence[str], values: Sequence[Scalar], *, descending: bool
) -> QuerySet[Model, Row]:
    """Return the rows behind these values, by one comparison of row values, which SQLite turns into a seek."""
    table = rows.model._meta.db_table
    names = ", ".join(f'"{table}"."{column}"' for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    condition = f"({names}) {'<' if descending else '>'} ({marks})"
    return rows.extra(where=[condition], params=list(values))  # noqa: S610  (names are columns of ours)


def link(request: Request, cursor: Cursor | None, by: Order) -> str | None:
    """Return the address of the page at a cursor: this request's, on the host it was sent to."""
    if cursor is None:
        return None
    return str(replace_query_param(request.build_absolute_uri(), "next_token", encode(cursor, by)))


def _signature(by: Order) -> str:
    return ("-" if by.descending else "") + by.columns[0]


def _is_scalar(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float | str)


def _invalid() -> Absent:
    return Absent("Invalid cursor")
