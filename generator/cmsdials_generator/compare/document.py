"""What a document is made of: JSON nodes, references from one to another, and prose.

Published documents are faulty at times: what has the wrong JSON type counts as absent, so that one mistake
does not stop the comparison of everything else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from attrs import frozen

Scalar = str | int | float | bool | None

_COMPONENTS = "#/components/"
_SHORT = 80
_PROSE = frozenset({
    "title", "summary", "description", "example", "examples", "externalDocs", "xml", "$comment", "discriminator",
    "readOnly", "writeOnly",
})  # fmt: skip


def mapping(node: Any) -> Mapping[str, Any]:
    """Return the node if it is an object, else an empty one."""
    return node if isinstance(node, Mapping) else {}


def sequence(node: Any) -> list[Any]:
    """Return the node if it is an array, else an empty one."""
    return node if isinstance(node, list) else []


def text(node: Any) -> str:
    """Return one text for equal JSON values, whatever the order of their keys."""
    return json.dumps(node, sort_keys=True, ensure_ascii=False, default=str)


def short(node: Any) -> Scalar:
    """Return a scalar as it is and anything else as text, cut where it is long."""
    if node is None or isinstance(node, bool | int | float):
        return node
    written = node if isinstance(node, str) else text(node)
    return written if len(written) <= _SHORT else written[: _SHORT - 3] + "..."


def component(node: Any) -> str | None:
    """Name the component that a reference leads to: `Run` for a schema, `parameters/page` for others."""
    reference = mapping(node).get("$ref")
    if not isinstance(reference, str) or not reference.startswith(_COMPONENTS):
        return None
    return reference.removeprefix(_COMPONENTS).removeprefix("schemas/")


def pure_reference(schema: Any) -> Mapping[str, Any] | None:
    """Return the reference of a schema that is only a reference, perhaps wrapped in an `allOf` and prose."""
    node = {key: value for key, value in mapping(schema).items() if not _is_prose(key)}
    if node.keys() == {"$ref"}:
        return node
    if node.keys() == {"allOf"} and len(parts := sequence(node["allOf"])) == 1:
        return pure_reference(parts[0])
    return None


def _is_prose(key: str) -> bool:
    return key in _PROSE or key.startswith("x-")


@frozen
class Document:
    """A whole document, in which references lead somewhere."""

    tree: Mapping[str, Any]

    def resolve(self, node: Any) -> Any:
        """Follow `$ref` to what it stands for; None if it leads nowhere, or in a circle."""
        passed: set[str] = set()
        while isinstance(reference := mapping(node).get("$ref"), str):
            if reference in passed:
                return None
            passed.add(reference)
            node = self._at(reference)
        return node

    def annotated(self, schema: Any, key: str) -> Any:
        """Look up a keyword of a schema, or of the component that it refers to."""
        node = mapping(schema)
        if key in node:
            return node[key]
        reference = pure_reference(schema)
        return mapping(self.resolve(reference)).get(key) if reference else None

    def expanded(self, node: Any, inside: frozenset[str] = frozenset()) -> Any:
        """Replace every reference by its target, and a recursive one by the number of levels up."""
        if isinstance(node, list):
            return [self.expanded(item, inside) for item in node]
        if not isinstance(node, Mapping):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str):
            if reference in inside:
                return "itself"
            return self.expanded(self.resolve(node), inside | {reference})
        return {
            key: self.expanded(value, inside)
            for key, value in node.items()
            if not (_is_prose(key) and not isinstance(value, Mapping))
        }

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return None
        node: Any = self.tree
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            node = mapping(node).get(key)
        return node
