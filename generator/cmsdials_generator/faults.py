"""What makes a document invalid, each with its place and its cause.

The validator of OpenAPI knows every rule, but says of most broken ones only that nothing fits. What published
documents get wrong again and again is found here first and told in words, and the validator sees a document without
it. It also sees no reference that leads out of the document: nothing is ever fetched because a document says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import reduce
from operator import getitem
from urllib.parse import unquote

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import OpenAPIV30SpecValidator

from .canonical import operations
from .compare.document import Document
from .overlay_document import Node
from .shape import METHODS

TYPES = ("string", "integer", "number", "boolean", "array", "object")
_MEANT = {
    "int": "integer", "int32": "integer", "int64": "integer", "long": "integer", "float": "number", "double": "number",
    "decimal": "number", "str": "string", "text": "string", "date": "string", "datetime": "string", "uuid": "string",
    "file": "string", "bool": "boolean", "list": "array", "dict": "object", "any": "no type at all",
}  # fmt: skip

_PLACES = ("path", "query", "header", "cookie")

Path = tuple[str | int, ...]


def faults(document: Mapping[str, Node]) -> list[str]:
    """Say what makes a document, a well-typed one, invalid; empty for a valid one."""
    found: list[str] = []
    sound = deepcopy(dict(document))
    for path, node, problem, instead in [
        *_types(document),
        *_parameters(document),
        *_references(document),
        *_credentials(document),
    ]:
        if problem:
            found.append(f"{place_of(document, path)}: {problem}")
        if path[-1] == "default":
            del _at(sound, path[:-1])["default"]
        elif node is not None:
            _at(sound, path[:-1])[path[-1]] = instead
    return [*found, *_of_the_validator(document, sound)]


Fault = tuple[Path, Node, str, Node]
"""Where, the node there, what is wrong with it, and what the validator is to see instead."""


def _types(document: Mapping[str, Node]) -> Iterator[Fault]:
    for path, node in schemas_of(document):
        kind = node.get("type", TYPES[0])
        if not isinstance(kind, str) or kind not in TYPES:
            meant = _MEANT.get(kind.lower()) if isinstance(kind, str) else None
            near = meant or next(iter(get_close_matches(str(kind), TYPES, n=1)), None)
            hint = f"; {near} is meant, perhaps" if near else f"; there are {', '.join(TYPES)}"
            yield (*path, "type"), kind, f"{kind!r} is not a type of JSON Schema{hint}", "string"
        default = node.get("default")
        if isinstance(default, dict | list):
            yield (
                (*path, "default"),
                default,
                "",
                None,
            )  # the validator takes what stands in it for references
        elif default is not None and not _is_of_type(default, kind):
            yield (*path, "default"), default, f"the default {default!r} is not of type {kind}", None
        if node.get("type") == "array" and "items" not in node:
            yield (*path, "type"), "array", "an array that does not say what its items are", "string"


def _is_of_type(value: Node, kind: str) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            return isinstance(value, int if kind == "integer" else int | float) and not isinstance(
                value, bool
            )
        case _:
            return True


def _parameters(document: Mapping[str, Node]) -> Iterator[Fault]:
    for path, method, operation in operations(document):
        known: set[tuple[str, str]] = set()
        for at, node in enumerate(operation.get("parameters", [])):
            problem = ""
            if "$ref" in node:
                continue
            if lacking := [key for key in ("name", "in") if key not in node]:
                problem = f"a parameter without {' and '.join(map(repr, lacking))}"
            elif node["in"] not in _PLACES:
                problem = f"a parameter is in {', '.join(_PLACES)}, not in {node['in']!r}"
            elif ("schema" in node) == ("content" in node):
                problem = "a parameter has either a schema or content"
            elif (node["name"], node["in"]) in known:
                problem = "a parameter that is there twice"
            if problem:
                yield ("paths", path, method, "parameters", at), node, problem, _any_parameter(at)
            else:
                known.add((node["name"], node["in"]))


def _references(document: Mapping[str, Node]) -> Iterator[Fault]:
    whole = Document(document)
    for path, node in nodes(document):
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str) or path[-1:] == ("properties",):
            continue
        if not reference.startswith("#"):
            problem = f"refers to {reference!r}, outside the document, which is not followed"
        elif whole.resolve({"$ref": reference}) is None and _is_there(document, reference):
            problem = f"refers to {reference!r}, and so to itself"
        elif whole.resolve(node) is None:
            section, _, name = reference.rpartition("/")
            others = whole.resolve({"$ref": section})
            near = get_close_matches(name, others, n=1) if isinstance(others, Mapping) else []
            problem = f"refers to {reference!r}, which is not defined" + (
                f"; the nearest is {near[0]}" if near else ""
            )
        else:
            continue
        yield path, node, problem, _anything(path)


def _is_there(document: Mapping[str, Node], reference: str) -> bool:
    return _at(document, [unquote(step) for step in reference.removeprefix("#/").split("/")]) is not None


def _anything(path: Path) -> Node:
    """Return what may stand where a reference stood."""
    section = next((str(step) for step in reversed(path) if not isinstance(step, int)), "")
    holder = str(path[-2]) if len(path) > 1 else ""
    if section == "parameters" and isinstance(path[-1], int):
        return _any_parameter(path[-1])
    if holder == "responses":
        return {"description": ""}
    return {"content": {}} if section == "requestBody" else {}


def _any_parameter(at: int | str) -> Node:
    return {"name": f"unknown {at}", "in": "query", "schema": {}}


def _credentials(document: Mapping[str, Node]) -> Iterator[Fault]:
    defined = document.get("components", {}).get("securitySchemes", {})
    holders: list[tuple[Path, Mapping[str, Node]]] = [((), document)]
    for path, item in document["paths"].items():
        holders += [(("paths", path, method), item[method]) for method in METHODS if method in item]
    for path, holder in holders:
        for at, way in enumerate(holder.get("security", [])):
            for name in way:
                if name not in defined:
                    place = (*path, "security", at)
                    problem = f"asks for the security scheme {name!r}, which is not defined"
                    yield place, None, problem, None


def schemas_of(document: Mapping[str, Node]) -> Iterator[tuple[Path, Mapping[str, Node]]]:
    """Yield every schema of a document, inner ones too, with its path."""
    for path, node in nodes(document):
        if isinstance(node, dict) and _is_schema(path):
            yield path, node


_HOLD_SCHEMAS = ("properties", "allOf", "anyOf", "oneOf")
_ARE_SCHEMAS = ("schema", "items", "additionalProperties", "not")


def _is_schema(path: Path) -> bool:
    """Tell by its path whether a node is a schema: by how many names follow a keyword that holds some."""
    at = 0
    if path[:2] == ("components", "schemas") and len(path) > 2:
        at = 3
    elif "schema" in path[2:]:
        at = path.index("schema", 2) + 1
    else:
        return False
    while at < len(path):
        step = path[at]
        if step in _HOLD_SCHEMAS and len(path) > at + 1:
            at += 2
        elif step in _ARE_SCHEMAS:
            at += 1
        else:
            return False
    return True


def nodes(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every object and array of a document with its path; examples and values are data, not parts of it."""
    yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        is_data = key in ("enum", "default", "example", "const") and path[-1:] != ("properties",)
        if isinstance(value, dict | list) and not is_data:
            yield from nodes(value, (*path, key))


def place_of(document: Mapping[str, Node], path: Sequence[str | int]) -> str:
    """Name a place for people: `GET /api/v1/run/ query parameter page_size`, `component Run field ls_count`."""
    words: list[str] = []
    steps = list(path)
    if steps[:1] == ["paths"] and len(steps) > 1:
        method = str(steps[2]) if len(steps) > 2 else ""
        words.append(f"{method.upper()} {steps[1]}" if method in METHODS else str(steps[1]))
        rest = 3 if method in METHODS else 2
    elif steps[:1] == ["components"] and len(steps) > 2:
        words.append(f"component {steps[2]}")
        rest = 3
    else:
        words.append("document" if not steps else "")
        rest = 0
    at = rest
    while at < len(steps):
        step = steps[at]
        following = steps[at + 1] if at + 1 < len(steps) else None
        if step == "parameters" and isinstance(following, int):
            node = _at(document, steps[: at + 2])
            named = isinstance(node, Mapping) and "name" in node
            words.append(
                f"{node.get('in', '')} parameter {node['name']}".strip()
                if named
                else f"parameter {following}"
            )
            at += 1
        elif step == "responses" and following is not None:
            words.append(f"answer {following}")
            at += 1
        elif step == "properties" and following is not None:
            words.append(f"field {following}")
            at += 1
        elif step == "content" and following is not None:
            at += 1
        elif step == "requestBody":
            words.append("request body")
        elif step not in ("schema", "type"):
            words.append(str(step))
        at += 1
    return " ".join(filter(None, words))


def _at(document: Node, path: Sequence[str | int]) -> Node:
    try:
        return reduce(getitem, path, document)
    except (LookupError, TypeError):
        return None


def _refuse(address: str) -> Node:
    message = f"{address} is outside the document, which is not followed"
    raise ValueError(message)


class _Validator(OpenAPIV30SpecValidator):
    """Fetches and reads nothing, whatever a document refers to."""

    resolver_handlers = dict.fromkeys(("http", "https", "file", "<all_urls>"), _refuse)  # type: ignore[arg-type]  # it calls them with an address


def _of_the_validator(document: Mapping[str, Node], sound: dict[str, Node]) -> Iterator[str]:
    """Say what else the validator finds in a document without the faults above."""
    said: set[str] = set()
    try:
        for problem in _Validator(sound).iter_errors():
            for one in _explained(problem, sound):
                if one.message in said and [*one.absolute_path][:1] not in (["paths"], ["components"]):
                    continue  # the same once more, without its place
                said.add(one.message)
                yield f"{place_of(document, [*one.absolute_path])}: {one.message.splitlines()[0][:200]}"
    except Exception as problem:  # noqa: BLE001  # whatever else upstream can do
        yield f"document: the validator gave up: {type(problem).__name__}: {str(problem)[:100]}"


def _explained(problem: ValidationError, document: Mapping[str, Node]) -> list[ValidationError]:
    """Return what an error consists of, where it says only that none of several schemas fits."""
    is_vague = problem.context or "is not valid under any" in problem.message
    if not is_vague or not isinstance(problem.schema, Mapping):
        return [problem]
    wholes = [problem] if problem.context else Draft4Validator(problem.schema).iter_errors(document)
    at = [*problem.absolute_path]
    leaves = [_deepest(one) for one in wholes if [*one.absolute_path][: len(at)] == at]
    return leaves[:1] or [problem]


def _deepest(problem: ValidationError) -> ValidationError:
    inner = [_deepest(one) for one in problem.context or ()]
    told = [one for one in inner if "$ref" not in one.message]
    return max(told, key=lambda one: len(one.absolute_path)) if told else problem
