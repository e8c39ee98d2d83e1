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
from cmsdials.redaction import shortened
from cmsdials.runtime.background import load
from cmsdials.table.objects import are_worth_it, regular

if TYPE_CHECKING:
    from cmsdials.table.rows import Block

__all__ = ["Parsed", "read_array", "read_count", "read_json", "read_object", "read_page", "read_row"]

RecordT = TypeVar("RecordT", bound=Record)

_AS_PLACES = bytes(
    ord("0") if byte in b"0123456789" else ord(",") if byte in b",[:- \t\r\n" else byte for byte in range(256)
)
_LONG = b"," + b"0" * 19  # an integer that may have more than 64 bits, which orjson rounds
_ROW = re.compile(r"\[(?P<row>\d+)\]\.?(?P<field>.*)")
_WHOLE = "(the answer)"


class Parsed(NamedTuple):
    """A page: its rows and its links."""

    blocks: Sequence[Block[Any]]
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
    as_objects, parsed = are_worth_it(len(body)), None
    if not as_objects:
        load("cmsdials.table.fast_decode")
        from cmsdials.table.fast_decode import parsed_histograms  # noqa: PLC0415  # it imports NumPy

        parsed = parsed_histograms(body, record, fields)
    if parsed is None:
        page = _json(body)
        if not isinstance(page, Mapping) or not isinstance(page.get("results"), list):
            raise SchemaError(
                resource=resource, field="results", message="is not a list, so this is not a page"
            )
        rows = _rows(page["results"], record, resource, fields, as_objects=as_objects)
        if "next" not in page:  # which would pass for the last page
            raise SchemaError(resource=resource, field="next", message="is missing")
        parsed = Parsed([rows], page["next"], page.get("previous"))
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
    return _rows(rows, record, resource, fields, as_objects=are_worth_it(len(body))).records()


def read_row(body: bytes, record: type[RecordT], resource: str) -> RecordT:
    """Read a single row. Errors as in `read_page`."""
    row, as_objects = _json(body), are_worth_it(len(body))
    return _rows([row], record, resource, None, single=True, as_objects=as_objects).at(0)


def read_count(body: bytes, resource: str) -> int:
    """Read a number of rows. Errors as in `read_page`."""
    answer = _json(body)
    count = answer.get("count") if isinstance(answer, Mapping) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise SchemaError(resource=resource, field="count", message="is not a whole number")
    if count < 0:
        raise SchemaError(resource=resource, field="count", message="is negative")
    return count


def read_object(body: bytes, resource: str) -> dict[str, Any]:
    """Read a JSON object whose members the contract does not list. Errors as in `read_page`."""
    answer = _json(body)
    if not isinstance(answer, dict):
        raise SchemaError(resource=resource, field=_WHOLE, message="is not an object")
    return answer


def read_json(body: bytes) -> Any:
    """Read JSON of any shape, integers of any size included.

    Raises:
        DecodeError: The body is not JSON, or not all of it; or a name comes twice in an object.
    """
    try:
        answer = orjson.loads(body)
        return answer if _is_exact(body, answer) else _exactly(body)
    except (ValueError, RecursionError) as error:
        problem = str(error)  # only the text: the error itself holds the body
    message = f"the answer is not whole JSON ({problem}; {len(body)} bytes)"
    raise DecodeError(message)


def _is_exact(body: bytes, answer: Any) -> bool:
    """Whether orjson has read everything as it is: it rounds long integers, and keeps the last of equal names."""
    has_long = body[:1].isdigit() or _LONG in body.translate(_AS_PLACES)
    # Each name is followed by a colon. Names and texts may hold more, unless they are written as escapes.
    return not has_long and b"\\u003" not in body and body.count(b":") == _colons_in(answer)


def _colons_in(value: Any) -> int:
    """Count the colons in the JSON text of a value, without those in lists that do not begin with text or an object."""
    if isinstance(value, str):
        return value.count(":")
    if isinstance(value, dict):
        inner = [one for one in value.values() if type(one) in _HOLD_COLONS]
        return len(value) + "".join(value).count(":") + sum(map(_colons_in, inner))
    if (
        isinstance(value, list) and value and isinstance(value[0], str | dict)
    ):  # numbers are not looked through
        return sum(map(_colons_in, value))
    return 0


_HOLD_COLONS = frozenset((str, dict, list))


def _exactly(body: bytes) -> Any:
    """Read JSON with Python's reader, which is slower. Raises one of ValueError and RecursionError."""
    answer = json.loads(body.decode(), object_pairs_hook=_once)
    if b"\\u" in body:
        json.dumps(answer, ensure_ascii=False).encode()  # raises for half a surrogate pair
    return answer


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"the name {shortened(repr(twice), 100)} comes twice in an object"
        raise ValueError(message)
    return made


def _json(body: bytes) -> Any:
    """Decode a body as JSON, where numbers may be NaN, Infinity or 1e999: reading the rows says where they are."""
    try:
        return read_json(body)
    except DecodeError:
        try:
            return _exactly(body)
        except (ValueError, RecursionError):
            pass
        raise


def _rows(
    items: list[Any],
    record: type[RecordT],
    resource: str,
    fields: Sequence[str] | None,
    *,
    single: bool = False,
    as_objects: bool = False,
) -> Block[RecordT]:
    if as_objects and (objects := regular(record, items, fields)) is not None:
        return objects
    load("cmsdials.table.columns")
    from cmsdials.table import columns  # noqa: PLC0415  # it imports NumPy

    try:
        return columns.from_objects(record, items, fields)
    except MalformedAnswer as problem:
        place = _ROW.fullmatch(problem.where)
        row = int(place["row"]) if place and not single else None
        field = (place["field"] if place else problem.where) or (_WHOLE if single else "(the row)")
        raise SchemaError(problem.problem, resource=resource, field=field, row=row) from None
