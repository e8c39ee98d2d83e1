"""From the bytes of an answer to what they say: rows, pages, counts, free-form JSON.

The one place where a body is read. An answer that is JSON but not what the contract says is a `SchemaError`
that names the resource, the row and the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import Record

from cmsdials.errors import DecodeError, SchemaError
from cmsdials.http.response import Answer
from cmsdials.listing.page import Page
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns

__all__ = ["read_array", "read_count", "read_object", "read_page", "read_row"]

RecordT = TypeVar("RecordT", bound=Record)

_ROW = re.compile(r"\[(?P<row>\d+)\]\.?(?P<field>.*)")


def read_page(
    answer: Answer, record: type[RecordT], resource: str, *, fields: Iterable[str] | None = None
) -> Page[RecordT]:
    """Read a page of a list.

    Args:
        answer: The answer.
        record: What its rows are.
        resource: Named in the error.
        fields: The fields that were asked for, so that rows may lack others; None for all.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is not a page of such rows.
    """
    from cmsdials.table import fast_decode as parsing  # noqa: PLC0415  # it brings NumPy

    asked = None if fields is None else [*fields]
    parsed = parsing.parsed_histograms(answer.content, record, asked)
    if parsed is None:
        body = _json(answer)
        if not isinstance(body, Mapping) or not isinstance(body.get("results"), list):
            raise _not_as_agreed(answer, resource, "results", "is not a list: this is no page")
        columns = _columns(answer, body["results"], record, resource, asked)
        parsed = parsing.Parsed([columns], body.get("next"), body.get("previous"))
    for name, link in (("next", parsed.next), ("previous", parsed.previous)):
        if link is not None and not isinstance(link, str):
            raise _not_as_agreed(answer, resource, name, "is neither a link nor null")
    store = RowStore(record, parsed.blocks, fields=asked)
    return Page(store, next=parsed.next, previous=parsed.previous, bodies=(answer.content,))


def read_array(
    answer: Answer, record: type[RecordT], resource: str, *, fields: Iterable[str] | None = None
) -> list[RecordT]:
    """Read a list that comes without pages. Arguments and errors as in `read_page`."""
    body = _json(answer)
    if not isinstance(body, list):
        raise _not_as_agreed(answer, resource, "(the answer)", "is not a list")
    return _columns(answer, body, record, resource, fields).records()


def read_row(answer: Answer, record: type[RecordT], resource: str) -> RecordT:
    """Read a single row. Arguments and errors as in `read_page`."""
    (row,) = _columns(answer, [_json(answer)], record, resource, None, single=True).records()
    return row


def read_count(answer: Answer, resource: str) -> int:
    """Read a number of rows.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It holds no count.
    """
    body = _json(answer)
    count = body.get("count") if isinstance(body, Mapping) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise _not_as_agreed(answer, resource, "count", "is not a whole number")
    return count


def read_object(answer: Answer, resource: str) -> dict[str, Any]:
    """Read a JSON object whose members are not agreed.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is no object.
    """
    body = _json(answer)
    if not isinstance(body, dict):
        raise _not_as_agreed(answer, resource, "(the answer)", "is not an object")
    return body


def _json(answer: Answer) -> Any:
    """Decode a body as JSON, and also what is JSON but for numbers that are none (NaN, Infinity, 1e999).

    These are not the end of it: whoever reads the rows says where they stand.
    """
    try:
        return answer.json()
    except DecodeError:
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            pass
        raise


def _columns(
    answer: Answer,
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
    raise _not_as_agreed(answer, resource, field, found.problem, row=row)


def _not_as_agreed(
    answer: Answer, resource: str, field: str, problem: str, *, row: int | None = None
) -> SchemaError:
    return SchemaError(problem, resource=resource, field=field, row=row, method=answer.method, url=answer.url)
