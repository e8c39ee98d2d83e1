"""From the bytes of an answer to what they contain: rows and links, counts, free-form JSON.

The only place where a body is read. An answer that is JSON but not what the contract says is a `SchemaError`
that names the resource, the row and the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.records import Record

from cmsdials.errors import DecodeError, SchemaError
from cmsdials.runtime import extras

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns

__all__ = ["Parsed", "read_array", "read_count", "read_json", "read_object", "read_page", "read_row"]

RecordT = TypeVar("RecordT", bound=Record)

_ROW = re.compile(r"\[(?P<row>\d+)\]\.?(?P<field>.*)")
_WHOLE = "(the answer)"


class Parsed(NamedTuple):
    """A page: its rows and its links."""

    blocks: list[Columns[Any]]
    next: Any
    previous: Any


def read_page(
    body: bytes, record: type[RecordT], resource: str, *, fields: Sequence[str] | None = None
) -> Parsed:
    """Read a page of a list, whose rows may lack what is not in `fields`, if that is given.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is not a page of such rows.
    """
    extras.numpy()
    from cmsdials.table.fast_decode import parsed_histograms  # noqa: PLC0415  # it imports NumPy

    parsed = parsed_histograms(body, record, fields)
    if parsed is None:
        page = _json(body)
        if not isinstance(page, Mapping) or not isinstance(page.get("results"), list):
            raise SchemaError(
                resource=resource, field="results", message="is not a list, so this is not a page"
            )
        columns = _columns(page["results"], record, resource, fields)
        if "next" not in page:  # which would pass for the last page
            raise SchemaError(resource=resource, field="next", message="is missing")
        parsed = Parsed([columns], page["next"], page.get("previous"))
    for name, link in (("next", parsed.next), ("previous", parsed.previous)):
        if link is not None and not isinstance(link, str):
            raise SchemaError(resource=resource, field=name, message="is neither a link nor null")
    return parsed


def read_array(
    body: bytes, record: type[RecordT], resource: str, *, fields: Sequence[str] | None = None
) -> list[RecordT]:
    """Read a list that comes without pages. Errors as in `read_page`."""
    rows = _json(body)
    if not isinstance(rows, list):
        raise SchemaError(resource=resource, field=_WHOLE, message="is not a list")
    return _columns(rows, record, resource, fields).records()


def read_row(body: bytes, record: type[RecordT], resource: str) -> RecordT:
    """Read a single row. Errors as in `read_page`."""
    return _columns([_json(body)], record, resource, None, single=True).at(0)


def read_count(body: bytes, resource: str) -> int:
    """Read a number of rows. Errors as in `read_page`."""
    answer = _json(body)
    count = answer.get("count") if isinstance(answer, Mapping) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise SchemaError(resource=resource, field="count", message="is not a whole number")
    return count


def read_object(body: bytes, resource: str) -> dict[str, Any]:
    """Read a JSON object whose members the contract does not list. Errors as in `read_page`."""
    answer = _json(body)
    if not isinstance(answer, dict):
        raise SchemaError(resource=resource, field=_WHOLE, message="is not an object")
    return answer


def read_json(body: bytes) -> Any:
    """Read JSON of any shape.

    Raises:
        DecodeError: The body is not JSON, or not all of it.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        problem = str(error)  # only the text: the error itself holds the body
    message = f"the answer is not whole JSON ({problem}; {len(body)} bytes)"
    raise DecodeError(message)


def _json(body: bytes) -> Any:
    """Decode a body as JSON, where numbers may be NaN, Infinity or 1e999: reading the rows says where they are."""
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
    fields: Sequence[str] | None,
    *,
    single: bool = False,
) -> Columns[RecordT]:
    extras.numpy()
    from cmsdials.table import columns  # noqa: PLC0415  # it imports NumPy

    try:
        return columns.from_objects(record, items, fields)
    except MalformedAnswer as problem:
        place = _ROW.fullmatch(problem.where)
        row = int(place["row"]) if place and not single else None
        field = (place["field"] if place else problem.where) or (_WHOLE if single else "(the row)")
        raise SchemaError(problem.problem, resource=resource, field=field, row=row) from None
