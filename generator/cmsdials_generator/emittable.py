"""What the templates would get silently wrong, and what the overlay could not read: refused before anything is emitted.

A contract that `pull` made is valid OpenAPI; this is about Python, about the way DIALS reads requests, and about
histograms. Each refusal names the place.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterator, Mapping

from .canonical import operations
from .compare.document import Document
from .copied.records import AXES, Record
from .faults import nodes, place_of, schemas_of
from .overlay_document import Node

CONTENTS = "data"
"""The field that holds the contents of a histogram."""

_PATH = re.compile(r"(/[\w.-]*|/\{\w+\})+")
_REPEATED = frozenset({"order_by"})
"""The one list that DIALS reads from a name that is repeated."""

_OF_MODULES = frozenset(
    [
        "Any",
        "Mapping",
        "QueryValue",
        "RequestArguments",
        "Response",
        "Sequence",
        "TYPE_CHECKING",
        "UNSET",
        "Unset",
        "arguments",
        "as_array",
        "asyncio",
        "asyncio_detailed",
        "body",
        "bool",
        "cast",
        "client",
        "comma_joined",
        "deep_object",
        "dict",
        "errors",
        "float",
        "headers",
        "int",
        "isinstance",
        "items",
        "list",
        "params",
        "quote",
        "repeated",
        "request",
        "response",
        "str",
        "sync",
        "sync_detailed",
    ]
)
"""Names that the function of an operation uses itself."""
_OF_CLASSES = frozenset(
    [
        "ABSENT",
        "Any",
        "ClassVar",
        "DEPRECATED",
        "FIELDS",
        "Field",
        "FreeObject",
        "Mapping",
        "PARAMETERS",
        "Record",
        "Sequence",
        "accepts",
        "bool",
        "cleandict",
        "datetime",
        "define",
        "dict",
        "float",
        "given",
        "int",
        "list",
        "str",
        "unknown_filter",
    ]
) | {name for name in dir(Record) if not name.startswith("_")}
"""Names that records and filters, or their annotations, use themselves."""


class CannotEmit(Exception):
    """The contract holds something that the emitted code could not send or name rightly."""


def check_emittable(contract: Mapping[str, Node]) -> None:
    """Refuse what the templates would get silently wrong.

    Raises:
        CannotEmit: A path with unusual characters, a list parameter that is not comma-separated, an object parameter that
            is not a deepObject, a parameter that is written as a document or sent in a cookie, a name that is not
            a Python identifier or that the code needs itself, an operationId that is used twice, a reference that
            leads nowhere, or a histogram whose contents do not have its axes.
    """
    for problem in _problems(contract):
        raise CannotEmit(problem)


def _problems(contract: Mapping[str, Node]) -> Iterator[str]:
    whole = Document(contract)
    for place, node in nodes(contract):
        reference = node.get("$ref") if isinstance(node, dict) and place[-1:] != ("properties",) else None
        if reference is not None and whole.resolve(node) is None:
            yield f"{place_of(contract, place)}: refers to {reference!r}, which is not in the contract"
    seen: set[str] = set()
    for path, method, operation in operations(contract):
        where = f"{method.upper()} {path}"
        name, tag = operation["operationId"], operation["tags"][0]
        if name in seen:
            yield f"{where}: operationId {name} is used twice"
        seen.add(name)
        for what, one in (("operationId", name), ("tag", tag)):
            if not one.isidentifier() or keyword.iskeyword(one):
                yield f"{where}: {what} {one!r} is not a Python identifier; give it another in contract/names.yaml"
        if not _PATH.fullmatch(path):
            yield f"{where}: the path contains something other than names, slashes and {{parameters}}"
        yield from _of_parameters(where, operation)
    defined = contract.get("components", {}).get("securitySchemes", {})
    for holder in (contract, *(operation for _, _, operation in operations(contract))):
        for scheme in {scheme for way in holder.get("security", []) for scheme in way} - {*defined}:
            yield f"{holder.get('operationId', 'document')}: the security scheme {scheme!r} is not defined"
    yield from _of_schemas(contract)


def _of_parameters(where: str, operation: Mapping[str, Node]) -> Iterator[str]:
    names: set[str] = set()
    for parameter in operation.get("parameters", []):
        if "name" not in parameter:
            yield f"{where}: a parameter that is a reference; `pull` writes it out"
            continue
        name = parameter["name"]
        here = f"{where}: parameter {name!r}"
        if problem := _name_problem(
            name, _OF_MODULES | (_OF_CLASSES if parameter["in"] == "query" else frozenset())
        ):
            yield f"{here} {problem}"
        if name in names:
            yield f"{here} stands in two places, and one function has one argument of a name"
        names.add(name)
        if "schema" not in parameter:
            yield f"{here} is written as a document of its own (content), which the emitted code does not do"
            continue
        schema = parameter["schema"]
        if parameter["in"] == "cookie":
            yield f"{here} is sent in a cookie, which the emitted code does not do"
        if schema.get("type") == "array" and parameter.get("explode") is not False and name not in _REPEATED:
            yield f"{here} repeats its name for each item; DIALS reads the last one only"
        if schema.get("type") == "object" and parameter.get("style") != "deepObject":
            yield f"{here} is an object but not a deepObject"


def _name_problem(name: str, reserved: frozenset[str]) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        return "is not a Python identifier"
    if unicodedata.normalize("NFKC", name) != name:
        return f"is another name in Python, which writes it {unicodedata.normalize('NFKC', name)!r}"
    if name.startswith("_"):
        return "begins with an underscore, which is private in Python"
    return "is a name that the emitted code uses itself" if name in reserved else ""


def _of_schemas(contract: Mapping[str, Node]) -> Iterator[str]:
    for schema_name, schema in contract["components"].get("schemas", {}).items():
        if not isinstance(schema, Mapping):
            continue
        for field in schema.get("properties", {}):
            if problem := _name_problem(field, _OF_CLASSES):
                yield f"schema {schema_name}: field {field!r} {problem}"
        yield from _of_histogram(schema_name, schema)
    for path, node in schemas_of(contract):
        if len(node.get("allOf", ())) > 1 and merged(contract, node) is None:
            yield f"{place_of(contract, path)}: an allOf of parts that are not objects, or contradict each other"


def _of_histogram(name: str, schema: Mapping[str, Node]) -> Iterator[str]:
    """Refuse contents that are not as deep as there are axes: every row would be refused at run time."""
    fields = schema.get("properties", {})
    axes = [field[0] for field in fields if re.fullmatch(r"[a-z]_bin", field)]
    depth = dimensions_of(fields.get(CONTENTS))
    if not axes or not depth:
        return
    if unknown := [axis for axis in axes if axis not in AXES]:
        yield f"schema {name}: the axis {unknown[0]!r} is not one of {', '.join(AXES)}, which the overlay reads"
    elif sorted(axes) != [*AXES[:depth]]:
        what = "numbers" if depth == 1 else f"arrays of numbers, {depth} deep,"
        yield (
            f"schema {name}: its {CONTENTS} are {what} but it has the axes {', '.join(sorted(axes))}: the overlay reads "
            f"contents that are as deep as there are axes"
        )


def dimensions_of(schema: Node) -> int:
    """Return how deep an array of numbers is; 0 for anything else."""
    depth = 0
    while isinstance(schema, Mapping) and schema.get("type") == "array":
        schema = schema.get("items")
        depth += 1
    is_number = isinstance(schema, Mapping) and schema.get("type") in ("number", "integer")
    return depth if is_number else 0


def merged(contract: Mapping[str, Node], schema: Mapping[str, Node]) -> dict[str, Node] | None:
    """Return one schema for an `allOf` of several; None if they are not all objects, or cannot be joined."""
    whole = Document(contract)
    parts = [{key: value for key, value in schema.items() if key != "allOf"}]
    for part in schema["allOf"]:
        node = whole.resolve(part)
        if isinstance(node, Mapping) and "allOf" in node:
            node = merged(contract, node)
        if not isinstance(node, Mapping):
            return None
        parts.append({**node})
    made: dict[str, Node] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                fields = made.setdefault("properties", {})
                if any(field in fields and fields[field] != one for field, one in value.items()):
                    return None
                made["properties"] = {**fields, **value}
            elif key == "required":
                made["required"] = [*dict.fromkeys([*made.get("required", []), *value])]
            elif key == "description":
                made.setdefault(key, value)
            elif made.setdefault(key, value) != value:
                return None
    return made
