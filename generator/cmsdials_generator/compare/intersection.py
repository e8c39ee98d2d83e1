"""The intersection of schemas, as in an `allOf`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from .document import mapping, sequence, text
from .kinds import NOTHING, Kind, includes_type
from .limits import LOWER, UPPER, is_number


def meet(kinds: Iterable[Kind]) -> Kind | None:
    """Intersect kinds; None if nothing is left."""
    met: Kind | None = Kind()
    for kind in kinds:
        met = _meet(met, kind) if met is not None else None
    return met


def _meet(one: Kind, other: Kind) -> Kind | None:
    if NOTHING in (one.type, other.type):
        return None
    if not includes_type(one.type, other.type) and not includes_type(other.type, one.type):
        return None
    keywords = dict(one.keywords)
    for key, value in other.keywords.items():
        keywords[key] = _meet_keyword(key, keywords[key], value) if key in keywords else value
    narrow = other.type if includes_type(one.type, other.type) else one.type
    return Kind(narrow, keywords, one.name if other.trivial else other.name if one.trivial else None)


def _meet_keyword(key: str, one: Any, other: Any) -> Any:
    match key:
        case "properties":
            fields = [mapping(one), mapping(other)]
            names = dict.fromkeys((*fields[0], *fields[1]))
            return {name: reduce(_both, (f[name] for f in fields if name in f)) for name in names}
        case "items" | "additionalProperties":
            return _both(one, other)
        case "required":
            return list(dict.fromkeys((*sequence(one), *sequence(other))))
        case "enum":
            kept = {text(value) for value in sequence(other)}
            return [value for value in sequence(one) if text(value) in kept]
        case _ if key in LOWER and is_number(one) and is_number(other):
            return max(one, other)
        case _ if key in UPPER and is_number(one) and is_number(other):
            return min(one, other)
        case _:
            return other


def _both(one: Any, other: Any) -> Any:
    """Require two schemas at once, without piling up `allOf` where schemas refer to each other."""
    distinct = {text(part): part for part in (*_parts(one), *_parts(other))}
    return {"allOf": [distinct[key] for key in sorted(distinct)]} if len(distinct) > 1 else one


def _parts(schema: Any) -> list[Any]:
    only = isinstance(schema, Mapping) and schema.keys() == {"allOf"}
    return sequence(schema["allOf"]) if only else [schema]
