"""From the bytes of an answer to what they say: rows, pages, counts, free-form JSON.

The one place where a body is read. An answer that is JSON but not what the contract says is a `SchemaError`
that names the resource, the row and the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import Record

from cmsdials.answers import Answer
from cmsdials.errors import SchemaError
from cmsdials.page import Page

__all__ = ["read_array", "read_count", "read_object", "read_page", "read_row"]

RecordT = TypeVar("RecordT", bound=Record)

_ROW = re.compile(r"(?:results)?\[(?P<row>\d+)\]\.?(?P<field>.*)")


def read_page(
    answer: Answer, record: type[RecordT], resource: str, *, partial: bool = False
) -> Page[RecordT]:
    """Read a page of a list.

    Args:
        answer: The answer.
        record: What its rows are.
        resource: Named in the error.
        partial: Whether rows may lack fields, because only some were asked for.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is not a page of such rows.
    """
    body = answer.json()
    if not isinstance(body, Mapping) or not isinstance(body.get("results"), list):
        raise _not_as_agreed(answer, resource, "results", "is not a list: this is no page")
    links = [body.get("next"), body.get("previous")]
    for name, link in zip(("next", "previous"), links, strict=True):
        if link is not None and not isinstance(link, str):
            raise _not_as_agreed(answer, resource, name, "is neither a link nor null")
    rows = _rows(answer, body["results"], record, resource, partial=partial)
    return Page(rows, next=links[0], previous=links[1], body=answer.content)


def read_array(
    answer: Answer, record: type[RecordT], resource: str, *, partial: bool = False
) -> list[RecordT]:
    """Read a list that comes without pages. Arguments and errors as in `read_page`."""
    body = answer.json()
    if not isinstance(body, list):
        raise _not_as_agreed(answer, resource, "(the answer)", "is not a list")
    return _rows(answer, body, record, resource, partial=partial)


def read_row(answer: Answer, record: type[RecordT], resource: str) -> RecordT:
    """Read a single row. Arguments and errors as in `read_page`."""
    try:
        return record.from_dict(answer.json())
    except MalformedAnswer as problem:
        found = problem
    raise _not_as_agreed(answer, resource, found.where or "(the answer)", found.problem)


def read_count(answer: Answer, resource: str) -> int:
    """Read a number of rows.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It holds no count.
    """
    body = answer.json()
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
    body = answer.json()
    if not isinstance(body, dict):
        raise _not_as_agreed(answer, resource, "(the answer)", "is not an object")
    return body


def _rows(
    answer: Answer, items: list[Any], record: type[RecordT], resource: str, *, partial: bool
) -> list[RecordT]:
    try:
        return [
            record.from_dict(item, partial=partial, where=f"[{number}]") for number, item in enumerate(items)
        ]
    except MalformedAnswer as problem:
        found = problem
    place = _ROW.fullmatch(found.where)
    row = int(place["row"]) if place else None
    field = (place["field"] if place else found.where) or "(the row)"
    raise _not_as_agreed(answer, resource, field, found.problem, row=row)


def _not_as_agreed(
    answer: Answer, resource: str, field: str, problem: str, *, row: int | None = None
) -> SchemaError:
    return SchemaError(problem, resource=resource, field=field, row=row, method=answer.method, url=answer.url)
