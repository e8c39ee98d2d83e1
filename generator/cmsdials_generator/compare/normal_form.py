"""Schemas in normal form: the list of their alternatives, `null` among them, with no reference at the top.

`nullable`, `type: [.., "null"]` and `anyOf: [.., {type: null}]` give the same list, and so do an `allOf` and
one schema that says what its parts say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, product
from typing import Any

from attrs import evolve

from .document import Document, component, mapping, sequence, text
from .intersection import meet
from .kinds import KEYWORDS, NOTHING, SCALARS, Kind, includes_type


def normal_form(document: Document, schema: Any, inside: frozenset[str] = frozenset()) -> tuple[Kind, ...]:
    """Write a schema as the list of its alternatives.

    Args:
        document: the document, to which references lead.
        schema: a schema, or a boolean.
        inside: the references that were followed to come here.
    """
    if schema is False:
        return (Kind(NOTHING),)
    node = mapping(schema)
    conjunction = [_own(node)]
    if isinstance(reference := node.get("$ref"), str):
        conjunction.append(_referred(document, reference, inside))
    conjunction += [normal_form(document, part, inside) for part in sequence(node.get("allOf"))]
    for keyword in ("oneOf", "anyOf"):
        if parts := sequence(node.get(keyword)):
            alternatives = (normal_form(document, part, inside) for part in parts)
            conjunction.append(tuple(chain.from_iterable(alternatives)))
    met = [meet(combination) for combination in product(*conjunction)]
    kinds = [kind for kind in met if kind is not None]
    if node.get("nullable") is True:
        kinds.append(Kind("null"))
    return tuple(_joined(kinds)) or (Kind(NOTHING),)


def label(document: Document, kinds: Iterable[Kind], depth: int = 0) -> str:
    """Write a schema's alternatives as people say them: `integer or array of string`."""
    words = []
    for kind in kinds:
        if kind.type is None:
            return "anything"
        if kind.type == "array" and depth < 3:
            items = normal_form(document, kind.keywords.get("items", True))
            words.append(f"array of {label(document, items, depth + 1)}")
        else:
            words.append(f"object {kind.name}" if kind.type == "object" and kind.name else kind.type)
    return " or ".join(dict.fromkeys(words))


def _referred(document: Document, reference: str, inside: frozenset[str]) -> tuple[Kind, ...]:
    if reference in inside:
        return (Kind(),)
    target = document.resolve({"$ref": reference})
    if target is None:
        return (Kind(f"unresolvable reference {reference}"),)
    kinds = normal_form(document, target, inside | {reference})
    name = component({"$ref": reference})
    alone = len([kind for kind in kinds if kind.type != "null"]) == 1
    return tuple(evolve(kind, name=name) if alone and kind.type != "null" else kind for kind in kinds)


def _own(node: Mapping[str, Any]) -> tuple[Kind, ...]:
    """Split what a schema says by itself (not by `$ref`, `allOf` and the like) into types."""
    values = [node["const"]] if "const" in node else node.get("enum")
    common = {"not": node["not"]} if "not" in node else {}
    types = _types(node, values)
    if not types:
        return (Kind(None, common),)
    kinds = []
    for one in types:
        keywords = {key: node[key] for key in KEYWORDS.get(one, ("format",)) if key in node} | common
        if isinstance(values, list):
            own = [value for value in values if _is_of_type(value, one)]
            if not own and len(types) > 1:
                continue
            # A value of another type is a mistake; an enum with `null` is marked `nullable` elsewhere.
            keywords["enum"] = own or [value for value in values if value is not None]
        # A whole number that may be written as 100.0 is an integer.
        is_whole = one == "number" and keywords.get("multipleOf") == 1
        if is_whole:
            del keywords["multipleOf"]
        kinds.append(Kind("integer" if is_whole else one, {} if one == "null" else keywords))
    return tuple(kinds)


def _types(node: Mapping[str, Any], values: Any) -> list[str]:
    """Return the declared types, else those implied by the other keywords."""
    declared = node.get("type")
    if isinstance(declared, list):
        return list(dict.fromkeys(str(one) for one in declared))
    if declared is not None:
        return [str(declared)]
    if isinstance(values, list) and values:
        found = {_type_of(value) for value in values}
        return sorted(found - {"integer"} if "number" in found else found)
    for one in ("object", "array", "string", "number"):
        if any(keyword in node for keyword in KEYWORDS[one] if keyword != "format"):
            return [one]
    return []


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _is_of_type(value: Any, declared: str) -> bool:
    return includes_type(declared, _type_of(value)) or (
        declared == "integer" and isinstance(value, float) and value.is_integer()
    )


def _joined(kinds: Iterable[Kind]) -> list[Kind]:
    """Drop alternatives that stand twice, and join the enums of a type: `oneOf: [Status, Blank]` is one enum."""
    distinct = list({text([kind.type, kind.keywords]): kind for kind in kinds}.values())
    open_types = {kind.type for kind in distinct if kind.trivial}
    joined: list[Kind] = []
    enums: dict[str | None, Kind] = {}
    for kind in distinct:
        first = enums.get(kind.type)
        if kind.type not in SCALARS or kind.keywords.keys() != {"enum"}:
            joined.append(kind)
        elif kind.type in open_types:
            continue
        elif first is None:
            enums[kind.type] = kind
        else:
            enums[kind.type] = Kind(kind.type, {"enum": [*(first.enum or ()), *(kind.enum or ())]})
    return [*joined, *enums.values()]
