"""Removes and reports the parts of a published document that have the wrong JSON type.

The steps from the published document to the contract walk through its nodes by the types that OpenAPI
prescribes. One slip (`"content": null`) must neither crash them nor stop the comparison of everything else:
`check` lists it and goes on without the node, `pull` refuses the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .overlay_document import Node

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_LIST, _MAP = "list of ", "map of "
_SHAPES: Mapping[str, Mapping[str, str]] = {
    "document": {
        "info": "object",
        "servers": "list of object",
        "security": "list of object",
        "paths": "map of path item",
        "components": "components",
    },
    "components": {
        "schemas": "map of schema",
        "parameters": "map of holder",
        "requestBodies": "map of holder",
        "responses": "map of holder",
        "headers": "map of holder",
        "securitySchemes": "map of object",
    },
    "path item": {"parameters": "list of holder", **dict.fromkeys(METHODS, "operation")},
    "operation": {
        "parameters": "list of holder",
        "requestBody": "holder",
        "responses": "map of holder",
        "security": "list of object",
    },
    # A parameter, request body, answer or media type: what holds a schema.
    "holder": {
        "$ref": "text",
        "name": "text",
        "in": "text",
        "schema": "schema",
        "content": "map of holder",
        "headers": "map of holder",
    },
    "schema": {
        "$ref": "text",
        "required": "list of text",
        "properties": "map of schema",
        "items": "schema",
        "additionalProperties": "schema",
        "not": "schema",
        "allOf": "list of schema",
        "anyOf": "list of schema",
        "oneOf": "list of schema",
    },
    "object": {},
}

_WRONG: Final = object()


def well_typed(document: Mapping[str, Node]) -> tuple[dict[str, Node], tuple[str, ...]]:
    """Return a copy of `document` without the nodes of a wrong JSON type, and a line for each of those."""
    problems: list[str] = []
    return _well_typed(dict(document), "document", "", problems), tuple(problems)


def _well_typed(node: Node, shape: str, where: str, problems: list[str]) -> Node:
    if shape == "schema" and isinstance(node, bool):
        return node
    wanted = str if shape == "text" else list if shape.startswith(_LIST) else dict
    if not isinstance(node, wanted):
        problems.append(f"{where}: {_named(node)} where {_NAMES[wanted]} is needed")
        return _WRONG
    if isinstance(node, list):
        inner = shape.removeprefix(_LIST)
        items = [_well_typed(item, inner, f"{where}/{at}", problems) for at, item in enumerate(node)]
        return [item for item in items if item is not _WRONG]
    if isinstance(node, dict):
        members = {
            key: _well_typed(value, inner, f"{where}/{key}".lstrip("/"), problems) if inner else value
            for key, value in node.items()
            for inner in [_shape_of(key, shape)]
        }
        return {key: value for key, value in members.items() if value is not _WRONG}
    return node


def _shape_of(key: str, shape: str) -> str | None:
    """Shape of a member; None where any JSON value will do."""
    if shape.startswith(_MAP):
        return None if key.startswith("x-") and shape == "map of path item" else shape.removeprefix(_MAP)
    return _SHAPES[shape].get(key)


_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


def _named(node: Node) -> str:
    return _NAMES.get(type(node), "a number")
