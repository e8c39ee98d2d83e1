"""The canonical form of the API document: same facts, same bytes.

Three steps around the overlay documents, each a pure function on a document whose nodes have the JSON types
that OpenAPI prescribes (`shape.well_typed` sees to it):

1. `strip` drops what is upstream's wording and not the interface: prose, titles, examples, tags,
   operationIds, and the storage bounds of answer fields (database column widths, of which the 64-bit ones
   are not even 64-bit numbers); parameters that operations share stand in each of them, pages and counts that
   are written out in each operation get a name;
2. `name` gives every operation the operationId and tag of `contract/names.yaml`, keyed by method and path, every
   security scheme the name for what it asks for, and a body that is a component word for word that name;
3. `describe` writes our descriptions from `contract/words.yaml`; an operation, parameter or field that the
   tables do not know keeps a derived name and no description, so that a newer document still goes through.

`serialise` then writes keys in one fixed order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from keyword import iskeyword
from typing import Any

from attrs import field, frozen
from ruamel.yaml import YAML

from . import project
from .overlay_document import Node
from .shape import METHODS

OPENAPI_VERSION = "3.0.3"

_PROSE = ("description", "summary", "title", "example", "examples", "externalDocs")
_STORAGE_BOUNDS = ("minimum", "maximum", "maxLength")
_SUFFIXES = {
    "lte": "Upper bound, inclusive. {}",
    "gte": "Lower bound, inclusive. {}",
    "in": "Any of these values, sent comma-separated. {}",
    "regex": "Regular expression searched in the value (an invalid one is answered with HTML 500). {}",
}
_KEY_ORDER = (
    "openapi", "info", "servers", "operationId", "tags", "deprecated", "security", "paths", "components",
    "name", "in", "summary", "description", "type", "format", "nullable", "enum", "multipleOf", "default",
    "required", "style", "explode", "schema",
    "parameters", "requestBody", "content", "responses",
)  # fmt: skip
_NAMES_UNDER = {
    **dict.fromkeys(("paths", "properties", "schemas"), "as they come"),  # in the order of the tables
    **dict.fromkeys(("content", "headers", "responses", "securitySchemes"), "sorted"),
}


@frozen
class Names:
    """`contract/names.yaml`: what operations are called, and the order of a record's fields.

    Attributes:
        operations: path -> method -> (operationId, tag), in the order in which the contract lists them.
        fields: schema -> its fields, in the order that records and data frames keep.
        classes: schema -> the Python class emitted for it, where that is not the schema's own name.
        filters: resource -> the Python name of its filter class.
        security: name -> the security scheme that is called so, whatever upstream calls it.
    """

    operations: Mapping[str, Mapping[str, tuple[str, str]]]
    fields: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, str]
    filters: Mapping[str, str]
    security: Mapping[str, Mapping[str, Node]] = field(factory=dict)


@frozen
class Words:
    """`contract/words.yaml`: every description in the contract."""

    info: Mapping[str, str]
    tags: Mapping[str, str]
    operations: Mapping[str, str]
    schemas: Mapping[str, str]
    fields: Mapping[str, str]
    statuses: Mapping[str, str]


def _load(name: str) -> dict[str, Node]:
    text = (project.CORRECTIONS / name).read_text(encoding="utf-8")
    loaded: dict[str, Node] = YAML(typ="safe").load(text)
    return loaded


def load_names() -> Names:
    """Read `contract/names.yaml`."""
    raw = _load("names.yaml")
    return Names(
        operations={
            path: {method: (one["operationId"], one["tag"]) for method, one in methods.items()}
            for path, methods in raw["operations"].items()
        },
        fields={schema: tuple(fields) for schema, fields in raw["fields"].items()},
        classes=raw["classes"],
        filters=raw["filters"],
        security=raw["security"],
    )


def load_words() -> Words:
    """Read `contract/words.yaml`."""
    raw = {
        section: {str(key): " ".join(str(text).split()) for key, text in words.items()}
        for section, words in _load("words.yaml").items()
    }
    return Words(**raw)


def operations(document: Mapping[str, Node]) -> Iterator[tuple[str, str, dict[str, Node]]]:
    """Yield (path, method, operation) for every operation of `document`, in its order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if isinstance(item.get(method), dict):
                yield path, method, item[method]


def strip(document: Mapping[str, Node]) -> dict[str, Node]:
    """Return a copy of the published document, a well-typed one, without upstream's wording."""
    stripped: dict[str, Node] = {"openapi": OPENAPI_VERSION}
    if "servers" in document:
        stripped["servers"] = [_without(server, _PROSE) for server in document["servers"]]
    if "security" in document:
        stripped["security"] = document["security"]
    components = dict(document.get("components", {}))
    shared = components.pop("parameters", {})
    stripped["paths"] = {
        path: _strip_path_item(item, shared)
        for path, item in document["paths"].items()
        if not path.startswith("x-")
    }
    if "schemas" in components:
        components["schemas"] = {
            name: _strip_schema(schema, bounds=False) for name, schema in components["schemas"].items()
        }
    if "securitySchemes" in components:
        components["securitySchemes"] = {
            name: _without(scheme, _PROSE) for name, scheme in components["securitySchemes"].items()
        }
    for kind in ("requestBodies", "responses", "headers"):
        if kind in components:
            components[kind] = {name: _strip_holder(holder) for name, holder in components[kind].items()}
    stripped["components"] = components
    return _with_bodies(stripped, _page_or_count)


def _strip_path_item(item: Mapping[str, Node], shared: Mapping[str, Node]) -> dict[str, Node]:
    kept = _without(item, _PROSE)
    common = [_referred_parameter(one, shared) for one in kept.pop("parameters", [])]
    for key, value in kept.items():
        if key in METHODS:
            own = [_referred_parameter(one, shared) for one in value.get("parameters", [])]
            named = {(one.get("name"), one.get("in")) for one in own}
            inherited = [one for one in common if (one.get("name"), one.get("in")) not in named]
            kept[key] = _strip_operation(
                {**value, "parameters": [*inherited, *own]} if inherited or own else value
            )
    return kept


def _referred_parameter(parameter: Mapping[str, Node], shared: Mapping[str, Node]) -> Mapping[str, Node]:
    """Return the shared parameter that stands for this one, if it is a reference to one that there is."""
    passed: set[str] = set()
    while isinstance(reference := parameter.get("$ref"), str) and reference not in passed:
        passed.add(reference)
        found = shared.get(reference.removeprefix("#/components/parameters/"))
        if not isinstance(found, Mapping):
            break
        parameter = found
    return parameter


def _without(node: Mapping[str, Node], keys: Iterable[str]) -> dict[str, Node]:
    dropped = set(keys)
    return {key: value for key, value in node.items() if key not in dropped and not key.startswith("x-")}


def _strip_operation(operation: Mapping[str, Node]) -> dict[str, Node]:
    kept = _without(operation, (*_PROSE, "tags", "operationId"))
    if "parameters" in kept:
        kept["parameters"] = [_strip_holder(parameter) for parameter in kept["parameters"]]
    if "requestBody" in kept:
        kept["requestBody"] = _strip_holder(kept["requestBody"])
    kept["responses"] = {
        status: _strip_holder(answer) for status, answer in kept.get("responses", {}).items()
    }
    return kept


def _strip_holder(holder: Mapping[str, Node]) -> dict[str, Node]:
    """Strip a parameter, request body, answer, header or media type: what holds a schema."""
    kept = _without(holder, _PROSE)
    if "schema" in kept:
        kept["schema"] = _strip_schema(kept["schema"], bounds=True)
    for key in ("content", "headers"):
        if key in kept:
            kept[key] = {name: _strip_holder(inner) for name, inner in kept[key].items()}
    return kept


def _strip_schema(schema: Node, *, bounds: bool) -> Node:
    if not isinstance(schema, dict):
        return schema
    kept = _as_openapi_3_0(_without(schema, _PROSE if bounds else (*_PROSE, *_STORAGE_BOUNDS)))
    for key, value in kept.items():
        if key == "properties" and isinstance(value, dict):
            kept[key] = {name: _strip_schema(field, bounds=bounds) for name, field in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            kept[key] = _strip_schema(value, bounds=bounds)
        elif key in ("allOf", "anyOf", "oneOf"):
            kept[key] = [_strip_schema(one, bounds=bounds) for one in value]
    return kept


def _as_openapi_3_0(schema: dict[str, Node]) -> dict[str, Node]:
    """Write what OpenAPI 3.1 says in another way as 3.0 does: null as a type, constants, exclusive bounds."""
    types = schema.get("type")
    if isinstance(types, list) and types:
        kinds = [kind for kind in types if kind != "null"]
        del schema["type"]
        if len(kinds) == 1:
            schema["type"] = kinds[0]
        elif kinds and "anyOf" not in schema:
            schema["anyOf"] = [{"type": kind} for kind in kinds]
        if "null" in types:
            schema["nullable"] = True
    for key in ("anyOf", "oneOf"):
        ways = schema.get(key)
        if isinstance(ways, list) and (others := [way for way in ways if way != {"type": "null"}]) != ways:
            schema["nullable"] = True
            del schema[key]
            if len(others) == 1 and isinstance(others[0], dict) and "$ref" not in others[0]:
                schema = {**others[0], **schema}
            elif others:
                schema["allOf" if len(others) == 1 else key] = others
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    for side in ("Minimum", "Maximum"):
        bound = schema.get(f"exclusive{side}")
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            schema |= {side.lower(): bound, f"exclusive{side}": True}
    return schema


def name(document: Mapping[str, Node], names: Names) -> dict[str, Node]:
    """Return a copy in which every operation has its operationId and tag, in the order of the table."""
    paths = document["paths"]
    order = [path for path in names.operations if path in paths]
    order += sorted(path for path in paths if path not in names.operations)
    named: dict[str, Node] = dict(document)
    named["paths"] = {}
    for path in order:
        item = dict(paths[path])
        for method in METHODS:
            if isinstance(item.get(method), dict):
                known = names.operations.get(path, {}).get(method)
                operation_id, tag = known or _derived_name(path, method)
                item[method] = {"operationId": operation_id, "tags": [tag], **item[method]}
        named["paths"][path] = item
    named = _with_known_bodies(_with_named_schemes(named, names.security))
    schemas = named["components"].get("schemas", {})
    known_schemas = [schema for schema in names.fields if schema in schemas]
    named["components"] = {
        **named["components"],
        "schemas": {
            schema: _in_field_order(schemas[schema], names.fields.get(schema, ()))
            for schema in (*known_schemas, *sorted(set(schemas) - set(known_schemas)))
        },
    }
    return named


def _derived_name(path: str, method: str) -> tuple[str, str]:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", re.sub(r"^/api/v\d+/", "", path)) if word]
    tag = words[0].lower() if words else "root"
    return "_".join([method, *words]).lower(), tag if tag.isidentifier() and not iskeyword(
        tag
    ) else f"of_{tag}"


def _with_named_schemes(
    document: dict[str, Node], known: Mapping[str, Mapping[str, Node]]
) -> dict[str, Node]:
    """Call each security scheme by what it asks for, and leave out of operations what holds for all."""
    published = document["components"].get("securitySchemes", {})
    if not published:  # it says nothing of them, which is not that there are others
        used = {name for way in document.get("security", []) for name in way}
        published = {name: scheme for name, scheme in known.items() if name in used}
    ours = {_asked(scheme): name for name, scheme in known.items()}
    called = {name: ours.get(_asked(scheme), name) for name, scheme in published.items()}
    if published:
        schemes = {called[name]: known.get(called[name], scheme) for name, scheme in published.items()}
        document["components"] = {**document["components"], "securitySchemes": schemes}
    if "security" in document:
        document["security"] = _called(document["security"], called)
    for _, _, operation in operations(document):
        if "security" not in operation:
            continue
        ways = _called(operation.pop("security"), called)
        if "security" not in document or _unordered(ways) != _unordered(document["security"]):
            operation["security"] = ways
    return document


def _asked(scheme: Mapping[str, Node]) -> tuple[str, ...]:
    """Return what a security scheme asks for. Case does not matter in a header's name, nor in HTTP's own schemes."""
    kind = str(scheme.get("type"))
    match kind:
        case "http":
            return kind, str(scheme.get("scheme")).lower()
        case "apiKey":
            key = str(scheme.get("name"))
            return kind, str(scheme.get("in")), key.lower() if scheme.get("in") == "header" else key
        case _:
            return kind, json.dumps(_without(scheme, _PROSE), sort_keys=True)


def _called(ways: list[Node], called: Mapping[str, str]) -> list[Node]:
    renamed = [{called.get(name, name): scopes for name, scopes in way.items()} for way in ways]
    return [way for at, way in enumerate(renamed) if way not in renamed[:at]]


def _unordered(ways: list[Node]) -> list[str]:
    return sorted(json.dumps(way, sort_keys=True) for way in ways)


def _with_bodies(
    document: dict[str, Node], named: Callable[[Mapping[str, Node], dict[str, Node]], str | None]
) -> dict[str, Node]:
    """Write each body for which `named` gives the name of a component as a reference; it may add to the schemas."""
    schemas = dict(document["components"].get("schemas", {}))

    def written(holder: dict[str, Node]) -> dict[str, Node]:
        content = {media: {**body} for media, body in holder.get("content", {}).items()}
        for body in content.values():
            schema = body.get("schema")
            if isinstance(schema, dict) and "properties" in schema and (name := named(schema, schemas)):
                body["schema"] = {"$ref": f"#/components/schemas/{name}"}
        return {**holder, "content": content} if content else holder

    for _, _, operation in operations(document):
        if "requestBody" in operation:
            operation["requestBody"] = written(operation["requestBody"])
        operation["responses"] = {
            status: written(answer) for status, answer in operation["responses"].items()
        }
    if schemas or "schemas" in document["components"]:
        document["components"] = {**document["components"], "schemas": schemas}
    return document


def _page_or_count(schema: Mapping[str, Node], schemas: dict[str, Node]) -> str | None:
    name = "Count" if schema["properties"].keys() == {"count"} else _page_of(schema)
    return name if name and schemas.setdefault(name, schema) == schema else None


def _with_known_bodies(document: dict[str, Node]) -> dict[str, Node]:
    def known(schema: Mapping[str, Node], schemas: dict[str, Node]) -> str | None:
        return next((name for name, one in schemas.items() if _same_fields(one, schema)), None)

    return _with_bodies(document, known)


def _page_of(schema: Mapping[str, Node]) -> str | None:
    """Name a page of records: `RunPage` for a `next`, a `previous` and an array of Run as `results`."""
    fields = schema["properties"]
    items = fields.get("results", {}).get("items") if isinstance(fields.get("results"), dict) else None
    reference = items.get("$ref", "") if isinstance(items, dict) else ""
    record = reference.removeprefix("#/components/schemas/")
    return f"{record}Page" if "next" in fields and record and record != reference else None


def _same_fields(one: Node, other: Node) -> bool:
    def fields(schema: Node) -> Node:
        return (
            {**schema, "required": sorted(schema.get("required", []))} if isinstance(schema, dict) else schema
        )

    return bool(fields(one) == fields(other))


def _in_field_order(schema: Node, order: tuple[str, ...]) -> Node:
    if not isinstance(schema, dict) or "properties" not in schema:
        return schema
    fields = schema["properties"]
    known = [field for field in order if field in fields]
    ordered = {field: fields[field] for field in (*known, *(field for field in fields if field not in order))}
    kept = {**schema, "properties": ordered}
    if isinstance(schema.get("required"), list):
        rank = {field: position for position, field in enumerate(ordered)}
        kept["required"] = sorted(schema["required"], key=lambda field: (rank.get(field, len(rank)), field))
    return kept


def describe(document: Mapping[str, Node], words: Words) -> dict[str, Node]:
    """Return a copy with our descriptions of everything in the tables."""
    described: dict[str, Node] = {"openapi": document["openapi"], "info": dict(words.info), **document}
    used = {operation["tags"][0] for _, _, operation in operations(document)}
    described["tags"] = [
        {"name": tag, "description": text} for tag, text in words.tags.items() if tag in used
    ]
    described["paths"] = {
        path: {
            key: _describe_operation(value, words) if key in METHODS else value for key, value in item.items()
        }
        for path, item in document["paths"].items()
    }
    components = dict(document["components"])
    components["schemas"] = {
        schema: _describe_schema(node, words, schema)
        for schema, node in components.get("schemas", {}).items()
    }
    if "responses" in components:
        components["responses"] = {
            name: {"description": "", **answer} for name, answer in components["responses"].items()
        }
    described["components"] = components
    return described


def field_words(words: Words, owner: str, field: str) -> str | None:
    """Return our description of a field or parameter: `owner.field` before `field`, suffixed names from their base."""
    for key in (f"{owner}.{field}", field):
        if key in words.fields:
            return words.fields[key]
    base, _, suffix = field.rpartition("__")
    if base and suffix in _SUFFIXES:
        text = field_words(words, owner, base)
        return _SUFFIXES[suffix].format(text) if text else None
    return None


def _describe_operation(operation: Mapping[str, Node], words: Words) -> dict[str, Node]:
    operation_id = operation["operationId"]
    described = dict(operation)
    if operation_id in words.operations:
        described["summary"] = words.operations[operation_id]
    if "parameters" in described:
        described["parameters"] = [
            parameter | _description(field_words(words, operation_id, parameter["name"]))
            if "name" in parameter
            else parameter
            for parameter in described["parameters"]
        ]
    if "requestBody" in described:
        described["requestBody"] = _describe_content(described["requestBody"], words, operation_id)
    described["responses"] = {
        status: answer
        if "$ref" in answer
        else {
            "description": words.statuses.get(f"{operation_id}.{status}", words.statuses.get(status, "")),
            **_describe_content(answer, words, operation_id),
        }
        for status, answer in described["responses"].items()
    }
    return described


def _describe_content(holder: Mapping[str, Node], words: Words, owner: str) -> dict[str, Node]:
    described = dict(holder)
    if "content" in described:
        described["content"] = {
            media: body | {"schema": _describe_schema(body["schema"], words, owner)}
            if "schema" in body
            else body
            for media, body in described["content"].items()
        }
    return described


def _description(text: str | None) -> dict[str, Node]:
    return {"description": text} if text else {}


def _describe_schema(schema: Node, words: Words, owner: str) -> Node:
    if not isinstance(schema, dict) or "$ref" in schema:
        return schema
    described = schema | _description(words.schemas.get(owner))
    if isinstance(described.get("properties"), dict):
        described["properties"] = {
            # Siblings of a reference are ignored in OpenAPI 3.0, so a reference keeps no words of ours.
            field: node | _description(field_words(words, owner, field))
            if isinstance(node, dict) and "$ref" not in node
            else node
            for field, node in described["properties"].items()
        }
    return described


def serialise(document: Mapping[str, Node]) -> bytes:
    """Write the document as canonical JSON: fixed key order, two-space indent, UTF-8, a final newline."""
    return (json.dumps(_ordered(document), indent=2, ensure_ascii=False) + "\n").encode()


def _ordered(node: Any, names: str | None = None) -> Any:
    """Order the keys of a node; `names` tells how, where they are names and not keywords."""
    if isinstance(node, list):
        return [_ordered(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    keys = list(node) if names == "as they come" else sorted(node, key=None if names else _key_rank)
    return {key: _ordered(node[key], None if names else _NAMES_UNDER.get(key)) for key in keys}


def _key_rank(key: str) -> tuple[int, str]:
    return (_KEY_ORDER.index(key) if key in _KEY_ORDER else len(_KEY_ORDER), key)
