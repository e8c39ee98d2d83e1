"""What a contract holds that has no name, no place or no words of ours yet, as the lines to add.

Nothing is wrong with such a contract, and the code can be emitted: but a list without a name for its filters is no
resource, and what is not described cannot be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from .canonical import Names, Words, field_words, operations
from .overlay_document import Node

_TEXT = "TO BE WRITTEN"
_VERSION = re.compile(r"^/api/v\d+/")


@frozen
class Missing:
    """Lines to add to a section of a file of the contract.

    Attributes:
        file: The file.
        section: The section of it.
        lines: What to add there.
        why: What it is for.
    """

    file: str
    section: str
    lines: tuple[str, ...]
    why: str


def unnamed(contract: Mapping[str, Node], names: Names, words: Words) -> tuple[Missing, ...]:
    """List what to add for a contract. What is called or described already is not listed."""
    called = _suggested(contract, names)
    listed = [
        Missing("names.yaml", "operations", tuple(_operations(names, called)), "what we call operations"),
        Missing("names.yaml", "fields", tuple(_fields(contract, names)), "the order of columns"),
        Missing(
            "names.yaml", "classes", tuple(_classes(contract, names)), "names in Python, if others are wanted"
        ),
        Missing(
            "names.yaml", "filters", tuple(_filters(contract, names, called)), "what makes a list a resource"
        ),
        Missing("words.yaml", "tags", tuple(_tags(words, called)), "what a resource is"),
        Missing(
            "words.yaml", "operations", tuple(_summaries(contract, words, called)), "what an operation does"
        ),
        Missing("words.yaml", "schemas", tuple(_schemas(contract, words)), "what a record is"),
        Missing(
            "words.yaml", "fields", tuple(_described(contract, words, called)), "what a field or filter means"
        ),
        Missing(
            "repairs.overlay.yaml", "actions", tuple(_bounds(contract)), "bounds of numbers, declared as text"
        ),
    ]
    return tuple(one for one in listed if one.lines)


def _suggested(contract: Mapping[str, Node], names: Names) -> dict[tuple[str, str], tuple[str, str]]:
    """Name every operation that the tables do not name, as the one that differs from it in a number only is named."""
    taken = {one[0] for methods in names.operations.values() for one in methods.values()}
    suggested = {}
    for path, method, operation in operations(contract):
        if method in names.operations.get(path, {}):
            continue
        name, tag = _like_another(path, method, names) or _by_its_answer(path, method, operation)
        if name in taken:
            name = f"{name}_{operation['operationId']}"
        taken.add(name)
        suggested[path, method] = name, tag
    return suggested


def _like_another(path: str, method: str, names: Names) -> tuple[str, str] | None:
    version, rest = _split(path)
    for other, methods in names.operations.items():
        if method not in methods or _split(other)[0] != version:
            continue
        if re.search(r"\d", rest) and _mask(_split(other)[1]) == _mask(rest):
            name, tag = methods[method]
            return _renumbered(rest, _split(other)[1], name), _renumbered(rest, _split(other)[1], tag)
    return None


def _split(path: str) -> tuple[str, str]:
    version = _VERSION.match(path)
    return (version[0], path[version.end() :]) if version else ("", path)


def _by_its_answer(path: str, method: str, operation: Mapping[str, Node]) -> tuple[str, str]:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", re.sub(r"\{[^}]*\}", "", _split(path)[1])) if word]
    stem = "_".join(words).lower() or "root"
    if method != "get":
        return f"{method}_{stem}", words[0].lower() if words else "root"
    if words[-1:] == ["count"]:
        stem = "_".join(words[:-1]).lower() or stem
        return f"count_{stem}", stem
    lists = _schema_of_rows(operation) is not None
    return f"{'list' if lists and '{' not in path else 'get'}_{stem}", stem


def _schema_of_rows(operation: Mapping[str, Node]) -> str | None:
    answer = (
        operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    )
    reference = answer.get("$ref", "") if isinstance(answer, dict) else ""
    if reference.endswith("Page"):
        return str(reference.rsplit("/", 1)[-1].removesuffix("Page"))
    items = answer.get("items") if isinstance(answer, dict) else None
    reference = items.get("$ref", "") if isinstance(items, dict) else ""
    return str(reference.rsplit("/", 1)[-1]) if reference else None


Called = Mapping[tuple[str, str], tuple[str, str]]


def _operations(names: Names, called: Called) -> Iterator[str]:
    before = ""
    for (path, method), (name, tag) in called.items():
        if path != before and path not in names.operations:
            yield f"{path}:"
        prefix = "  " if path not in names.operations else f"(below {path}:)   "
        yield f"{prefix}{method}: {{operationId: {name}, tag: {tag}}}"
        before = path


def _lists(contract: Mapping[str, Node], names: Names, called: Called) -> Iterator[tuple[str, str]]:
    """Yield (resource, schema of its rows) for every list that is, or is to be, a resource."""
    known = {
        (path, method): one for path, methods in names.operations.items() for method, one in methods.items()
    } | dict(called)
    every = {name for name, _ in known.values()}
    for path, method, operation in operations(contract):
        name = known[path, method][0]
        resource = name.removeprefix("list_")
        rows = _schema_of_rows(operation)
        if name != resource and rows and f"get_{resource}" in every:
            yield resource, rows


def _schema_nodes(contract: Mapping[str, Node]) -> Iterator[tuple[str, Mapping[str, Node]]]:
    for schema, node in contract["components"].get("schemas", {}).items():
        if isinstance(node, dict):
            yield schema, node


def _fields(contract: Mapping[str, Node], names: Names) -> Iterator[str]:
    rows = {_schema_of_rows(operation) for _, _, operation in operations(contract)}
    for schema, node in _schema_nodes(contract):
        fields = [*node.get("properties", {})]
        order = names.fields.get(schema, ())
        if fields and (schema in rows or order) and set(fields) - set(order):
            like = next((known for known in names.fields if _mask(known) == _mask(schema)), None)
            rank = {field: at for at, field in enumerate(order or names.fields.get(like or "", ()))}
            if not order:
                fields.sort(key=lambda field: rank.get(field, len(rank) - 2.5))
            yield f"{schema}: [{', '.join(fields)}]"


def _mask(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _renumbered(name: str, like: str, known: str) -> str:
    """Return what `known` is called, for a name that differs from it in its numbers only."""
    numbers = dict(zip(re.findall(r"\d+", like), re.findall(r"\d+", name), strict=True))
    return re.sub(r"\d+", lambda match: numbers.get(match[0], match[0]), known)


def _classes(contract: Mapping[str, Node], names: Names) -> Iterator[str]:
    for schema, _ in _schema_nodes(contract):
        like = next((one for one in names.classes if _mask(one) == _mask(schema) and one != schema), None)
        if like and schema not in names.classes and like in names.fields and re.search(r"\d", schema):
            yield f"{schema}: {_renumbered(schema, like, names.classes[like])}"


def _filters(contract: Mapping[str, Node], names: Names, called: Called) -> Iterator[str]:
    for resource, rows in _lists(contract, names, called):
        if resource not in names.filters:
            like = next((one for one in names.filters if _mask(one) == _mask(resource)), None)
            made = (
                _renumbered(resource, like, names.filters[like])
                if like
                else f"{names.classes.get(rows, rows)}Filters"
            )
            yield f"{resource}: {made}"


def _tags(words: Words, called: Called) -> Iterator[str]:
    tags = {tag for _, tag in called.values()}
    yield from (f"{tag}: {_TEXT}" for tag in sorted(tags - words.tags.keys()))


def _summaries(contract: Mapping[str, Node], words: Words, called: Called) -> Iterator[str]:
    for path, method, operation in operations(contract):
        name, _ = called.get((path, method), (operation["operationId"], ""))
        if name not in words.operations:
            yield f"{name}: {_TEXT}"


def _schemas(contract: Mapping[str, Node], words: Words) -> Iterator[str]:
    for schema, _ in _schema_nodes(contract):
        if schema not in words.schemas:
            yield f"{schema}: {_TEXT}"


def _described(contract: Mapping[str, Node], words: Words, called: Called) -> Iterator[str]:
    wanted: dict[str, None] = {}
    owners = [(schema, node.get("properties", {})) for schema, node in _schema_nodes(contract)]
    for path, method, operation in operations(contract):
        name, _ = called.get((path, method), (operation["operationId"], ""))
        owners.append((name, {one["name"]: one for one in operation.get("parameters", []) if "name" in one}))
    for owner, fields in owners:
        for field, node in fields.items():
            if field_words(words, owner, field) is None and not (isinstance(node, dict) and "$ref" in node):
                key = (
                    f"{owner}.{field}" if field == "data" else field
                )  # its index differs from record to record
                wanted[key.rpartition("__")[0] or key] = None
    yield from (f"{field}: {_TEXT}" for field in wanted)


def _bounds(contract: Mapping[str, Node]) -> Iterator[str]:
    """Say which bounds are text: a service compares numbers, so these are declared wrongly, mostly."""
    found: dict[str, int] = {}
    for _, _, operation in operations(contract):
        for one in operation.get("parameters", []):
            name = str(one.get("name", ""))
            if name.endswith(("__lte", "__gte", "__lt", "__gt")) and one.get("schema", {}) == {
                "type": "string"
            }:
                found[name] = found.get(name, 0) + 1
    for name, count in found.items():
        yield f"- target: $.paths[*][*].parameters[?@.name=='{name}' && @.in=='query'].schema"
        yield "  description: A number, declared as string."
        yield f"  x-count: {count}"
        yield '  x-expect: {"type": "string"}'
        yield '  update: {"type": "integer"}'


def as_text(missing: Iterable[Missing]) -> str:
    """Write the lines to add for a terminal."""
    parts = [
        "Some things have no names or words yet. Add these lines below contract/, and run `pull` again:\n"
    ]
    for one in missing:
        parts.append(f"\n# {one.file}, {one.section}: {one.why}\n")
        parts += [f"  {line}\n" for line in one.lines]
    return "".join(parts) if len(parts) > 1 else ""
