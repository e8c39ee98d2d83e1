"""From bytes to what they say: rows, pages, counts, free-form JSON.

The one place where a body is read. An answer that is JSON but not what the contract says is a `SchemaError`
that names the resource, the row and the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import Record

from cmsdials.errors import DecodeError, SchemaError

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns
    from cmsdials.table.fast_decode import Parsed

__all__ = ["read_array", "read_count", "read_json", "read_object", "read_page", "read_row"]

RecordT = TypeVar("RecordT", bound=Record)

_ROW = re.compile(r"\[(?P<row>\d+)\]\.?(?P<field>.*)")


def read_page(
    body: bytes, record: type[RecordT], resource: str, *, fields: Iterable[str] | None = None
) -> Parsed:
    """Read a page of a list.

    Args:
        body: The answer, as JSON text.
        record: What its rows are.
        resource: Named in the error.
        fields: The fields that were asked for, so that rows may lack others; None for all.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is not a page of such rows.
    """
    from cmsdials.table import fast_decode as parsing  # noqa: PLC0415  # it brings NumPy

    asked = None if fields is None else [*fields]
    parsed = parsing.parsed_histograms(body, record, asked)
    if parsed is None:
        page = _json(body)
        if not isinstance(page, Mapping) or not isinstance(page.get("results"), list):
            raise _not_as_agreed(resource, "results", "is not a list: this is no page")
        columns = _columns(page["results"], record, resource, asked)
        parsed = parsing.Parsed([columns], page.get("next"), page.get("previous"))
    for name, link in (("next", parsed.next), ("previous", parsed.previous)):
        if link is not None and not isinstance(link, str):
            raise _not_as_agreed(resource, name, "is neither a link nor null")
    return parsed


def read_array(
    body: bytes, record: type[RecordT], resource: str, *, fields: Iterable[str] | None = None
) -> list[RecordT]:
    """Read a list that comes without pages. Arguments and errors as in `read_page`."""
    rows = _json(body)
    if not isinstance(rows, list):
        raise _not_as_agreed(resource, "(the answer)", "is not a list")
    return _columns(rows, record, resource, fields).records()


def read_row(body: bytes, record: type[RecordT], resource: str) -> RecordT:
    """Read a single row. Arguments and errors as in `read_page`."""
    (row,) = _columns([_json(body)], record, resource, None, single=True).records()
    return row


def read_count(body: bytes, resource: str) -> int:
    """Read a number of rows.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It holds no count.
    """
    said = _json(body)
    count = said.get("count") if isinstance(said, Mapping) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise _not_as_agreed(resource, "count", "is not a whole number")
    return count


def read_object(body: bytes, resource: str) -> dict[str, Any]:
    """Read a JSON object whose members are not agreed.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is no object.
    """
    said = _json(body)
    if not isinstance(said, dict):
        raise _not_as_agreed(resource, "(the answer)", "is not an object")
    return said


def read_json(body: bytes) -> Any:
    """Read JSON of any shape.

    Raises:
        DecodeError: The body is not JSON, or not all of it.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        problem = str(error)
    message = f"the answer is not whole JSON ({problem}; {len(body)} bytes)"
    raise DecodeError(message)


def _json(body: bytes) -> Any:
    """Decode a body as JSON, and also what is JSON but for numbers that are none (NaN, Infinity, 1e999).

    These are not the end of it: whoever reads the rows says where they stand.
    """
    try:
        return read_json(body)
    except DecodeError:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
        raise


def _columns(
    items: list[Any],
    record: type[RecordT],
    resource: str,
    fields: Iterable[str] | None,
    *,
    single: bool = False,
) -> Columns[RecordT]:
    from cmsdials.table import columns  # noqa: PLC0415  # it brings NumPy

    try:
        return columns.from_objects(record, items, fields)
    except MalformedAnswer as problem:
        found = problem
    place = _ROW.fullmatch(found.where)
    row = int(place["row"]) if place and not single else None
    field = (place["field"] if place else found.where) or ("(the answer)" if single else "(the row)")
    raise _not_as_agreed(resource, field, found.problem, row=row)


def _not_as_agreed(resource: str, field: str, problem: str, *, row: int | None = None) -> SchemaError:
    return SchemaError(problem, resource=resource, field=field, row=row)
