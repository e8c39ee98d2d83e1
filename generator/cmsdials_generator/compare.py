"""What changed between the contract and a newer published document, and whether clients feel it.

Everything is judged from the side of a client written for the contract, by one principle: a schema is a set
of values. A request may be *widened* (the service takes more than we send) and an answer may be *narrowed*
(it gives less variety than we can read); the other way round breaks the client. The exceptions are rules of
the house: a removed field and a removed enum value always break, an added field or enum value in an answer
never does, and bounds of numbers and lengths matter only in requests.

The names of components do not matter: `$ref` is followed on both sides and schemas are compared in a normal
form, the list of their alternatives (`_kinds`), in which `nullable`, `type: [.., "null"]` and
`anyOf: [.., {type: null}]` are the same thing. A difference within a component of the contract is
attributed to that component, and stands once in the result with all the operations that it touches.

Read from the top: `compare` -> paths -> one operation -> its parameters, body and answers -> schemas.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from itertools import chain, product
from typing import Any, Literal, TypeGuard

from attrs import define, evolve, field, frozen

Severity = Literal["breaking", "compatible"]
Scalar = str | int | float | bool | None
Value = Scalar | tuple[Scalar, ...]

_Effect = Literal["narrowed", "widened", "changed"]
_Direction = Literal["request", "answer"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_COMPONENTS = "#/components/"
_SHORT = 80


@frozen
class Change:
    """One difference between the contract and the published document.

    Attributes:
        severity: `breaking` if a client written for the contract may fail or lose something.
        where: the place, for people: `GET /api/v1/run/ query parameter page_size`, `component Run ls_count`.
        what: what happened there: `type changed from integer to string`.
        old: the value in the contract, short, where there is one.
        new: the value in the published document, short, where there is one.
        operations: the operations touched; empty if the change concerns the document as a whole.
    """

    severity: Severity
    where: str
    what: str
    old: Value = None
    new: Value = None
    operations: tuple[str, ...] = ()


def compare(contract: Mapping[str, Any], published: Mapping[str, Any]) -> list[Change]:
    """List what `published` changes for a client of `contract`: breaking changes first, then by place."""
    old, new = _Document(contract), _Document(published)
    found = [*_servers(_Place("servers"), old.tree, new.tree, ()), *_paths(old, new)]
    return sorted(
        _merged(found), key=lambda change: (change.severity, change.where, change.what, repr(change))
    )


def _merged(changes: Iterable[Change]) -> Iterator[Change]:
    """Join what differs only in the operations: it is one change, of something that they share."""
    operations: defaultdict[Change, set[str]] = defaultdict(set)
    for change in changes:
        operations[evolve(change, operations=())] |= set(change.operations)
    for change, touched in operations.items():
        where = change.where
        if where == _SECURITY and len(touched) == 1:
            where = f"{min(touched)} {where}"
        yield evolve(change, where=where, operations=tuple(sorted(touched)))


# What a document is made of. Published documents are faulty at times: what has the wrong JSON type counts as
# absent, so that one mistake does not stop the comparison of everything else.


def _mapping(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def _sequence(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []


def _text(node: Any) -> str:
    """Return one text for equal JSON values, whatever the order of their keys."""
    return json.dumps(node, sort_keys=True, ensure_ascii=False, default=str)


def _short(node: Any) -> Scalar:
    if node is None or isinstance(node, bool | int | float):
        return node
    text = node if isinstance(node, str) else _text(node)
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."


@frozen
class _Document:
    tree: Mapping[str, Any]

    def resolve(self, node: Any) -> Any:
        """Follow `$ref` to what it stands for; None if it leads nowhere, or in a circle."""
        passed: set[str] = set()
        while isinstance(reference := _mapping(node).get("$ref"), str):
            if reference in passed:
                return None
            passed.add(reference)
            node = self._at(reference)
        return node

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return None
        node: Any = self.tree
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            node = _mapping(node).get(key)
        return node


@frozen
class _Place:
    """Where a difference is: an operation's part or a component, and the way down from there."""

    root: str
    path: str = ""

    def field(self, name: str) -> _Place:
        return evolve(self, path=f"{self.path}.{name}" if self.path else name)

    def items(self) -> _Place:
        return evolve(self, path=f"{self.path}[]")

    def part(self, name: str) -> _Place:
        return _Place(f"{self} {name}")

    def __str__(self) -> str:
        return f"{self.root} {self.path}" if self.path else self.root


def _component(node: Any) -> str | None:
    """Name the component that a reference leads to: `Run` for a schema, `parameters/page` for others."""
    reference = _mapping(node).get("$ref")
    if not isinstance(reference, str) or not reference.startswith(_COMPONENTS):
        return None
    return reference.removeprefix(_COMPONENTS).removeprefix("schemas/")


def _home(node: Any, place: _Place) -> _Place:
    """Attribute what is in a component to that component, and anything else to `place`."""
    name = _component(node)
    return _Place(f"component {name}") if name else place


# Servers, paths and methods.


def _servers(
    place: _Place, old: Mapping[str, Any], new: Mapping[str, Any], operations: tuple[str, ...]
) -> Iterator[Change]:
    olds, news = _server_urls(old), _server_urls(new)
    for url in olds:
        if url not in news:
            yield Change("breaking", str(place), f"server removed: {url}", _short(url), None, operations)
    for url in news:
        if url not in olds:
            yield Change("compatible", str(place), f"server added: {url}", None, _short(url), operations)


def _server_urls(holder: Mapping[str, Any]) -> list[str]:
    """List the base addresses with the defaults of their variables; a document without any stands at `/`."""
    urls = []
    for server in _sequence(holder.get("servers")):
        url = str(_mapping(server).get("url", "/"))
        for name, variable in _mapping(_mapping(server).get("variables")).items():
            url = url.replace(f"{{{name}}}", str(_mapping(variable).get("default", "")))
        urls.append(url.rstrip("/") or "/")
    return list(dict.fromkeys(urls)) or ["/"]


@frozen
class _PathItem:
    """A path with its operations and what they share."""

    path: str
    shared: Mapping[str, Any]
    operations: Mapping[str, Mapping[str, Any]]

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{([^{}]*)\}", self.path))

    @property
    def shape(self) -> str:
        """The path without the names of its variables: `/run/{}/`."""
        return re.sub(r"\{[^{}]*\}", "{}", self.path)

    def labels(self) -> tuple[str, ...]:
        return tuple(f"{method.upper()} {self.path}" for method in sorted(self.operations))


def _path_items(document: _Document) -> list[_PathItem]:
    items = []
    for path, node in _mapping(document.tree.get("paths")).items():
        item = _mapping(document.resolve(node))
        operations = {method: item[method] for method in _METHODS if isinstance(item.get(method), Mapping)}
        if operations and not path.startswith("x-"):
            items.append(_PathItem(path, item, operations))
    return items


def _paths(old: _Document, new: _Document) -> Iterator[Change]:
    pairs, gone, come = _paired_paths(_path_items(old), _path_items(new))
    for item in gone:
        yield Change("breaking", item.path, "path removed", item.path, None, item.labels())
    for item in come:
        yield Change("compatible", item.path, "path added", None, item.path, item.labels())
    for before, after in pairs:
        if before.shape != after.shape:
            slash = "with" if after.path.endswith("/") else "without"
            what = f"path changed: now {slash} a trailing slash"
            yield Change("breaking", before.path, what, before.path, after.path, before.labels())
        names, later = before.variables, after.variables
        if names != later and sorted(names) == sorted(later):
            what = f"path parameters changed places: now {', '.join(later)}"
            yield Change("breaking", before.path, what, names, later, before.labels())
        yield from _methods(old, new, before, after)


def _paired_paths(
    olds: list[_PathItem], news: list[_PathItem]
) -> tuple[list[tuple[_PathItem, _PathItem]], list[_PathItem], list[_PathItem]]:
    """Pair paths that are equal, else equal but for names of variables, else but for a trailing slash."""
    pairs = []
    keys: tuple[Callable[[_PathItem], str], ...] = (
        lambda item: item.path,
        lambda item: item.shape,
        lambda item: item.shape.rstrip("/"),
    )
    for key in keys:
        left = {key(item): item for item in reversed(news)}
        for item in list(olds):
            match = left.pop(key(item), None)
            if match is not None:
                pairs.append((item, match))
                olds.remove(item)
                news.remove(match)
    return pairs, olds, news


def _methods(old: _Document, new: _Document, before: _PathItem, after: _PathItem) -> Iterator[Change]:
    for method in _METHODS:
        label = f"{method.upper()} {before.path}"
        if method in before.operations and method in after.operations:
            yield from _Operation(old, new, label, before, after, method).changes()
        elif method in before.operations:
            yield Change("breaking", label, "operation removed", None, None, (label,))
        elif method in after.operations:
            yield Change("compatible", label, "operation added", None, None, (label,))


# Security. A requirement is the set of what must be presented, so less is easier to satisfy.

_SECURITY = "security"
_Requirement = frozenset[str]


def _requirements(document: _Document, operation: Mapping[str, Any]) -> list[_Requirement]:
    """List the ways in: any one of them will do, and the empty one is no credentials at all."""
    declared = operation.get("security", document.tree.get("security"))
    schemes = _mapping(_mapping(document.tree.get("components")).get("securitySchemes"))
    ways = []
    for way in _sequence(declared):
        presented: set[str] = set()
        for name, scopes in _mapping(way).items():
            scheme = _scheme(name, document.resolve(schemes.get(name)))
            presented |= {scheme, *(f"{scheme} scope {scope}" for scope in _sequence(scopes))}
        ways.append(frozenset(presented))
    return list(dict.fromkeys(ways)) or [frozenset()]


def _scheme(name: str, node: Any) -> str:
    """Describe a security scheme by what it asks for, because its name is only a name."""
    scheme = _mapping(node)
    match scheme.get("type"):
        case "apiKey":
            key = str(scheme.get("name"))
            return f"{scheme.get('in')} {key.lower() if scheme.get('in') == 'header' else key}"
        case "http":
            return f"http {str(scheme.get('scheme')).lower()}"
        case "openIdConnect":
            return f"OpenID Connect {scheme.get('openIdConnectUrl')}"
        case "oauth2":
            return f"OAuth2 {' and '.join(sorted(_mapping(scheme.get('flows'))))}"
        case _:
            return f"undefined scheme {name}"


def _way(requirement: _Requirement) -> str:
    return " and ".join(sorted(requirement)) or "no credentials"


def _security(olds: list[_Requirement], news: list[_Requirement], operation: str) -> Iterator[Change]:
    def change(severity: Severity, what: str) -> Change:
        old, new = (" or ".join(sorted(map(_way, ways))) for ways in (olds, news))
        return Change(severity, _SECURITY, what, old, new, (operation,))

    for way in olds:
        if not any(other <= way for other in news):
            yield change("breaking", f"{_way(way)} no longer enough" if way else "credentials newly required")
    for way in news:
        if way not in olds and not any(other <= way for other in olds):
            yield change(
                "compatible", f"{_way(way)} newly enough" if way else "credentials no longer required"
            )


# One operation.


@frozen
class _Parameter:
    name: str
    location: str
    node: Mapping[str, Any]
    declared: Any = field(eq=False)

    @property
    def required(self) -> bool:
        return self.location == "path" or self.node.get("required") is True

    @property
    def key(self) -> tuple[str, str]:
        return self.location, self.name.lower() if self.location == "header" else self.name


@frozen
class _Operation:
    """One operation of both documents; every difference below it is found from here."""

    old: _Document
    new: _Document
    label: str
    before: _PathItem
    after: _PathItem
    method: str

    def changes(self) -> list[Change]:
        """Compare everything that the operation says."""
        before, after = self.before.operations[self.method], self.after.operations[self.method]
        schemas = _Schemas(self.old, self.new, self.label)
        place = _Place(self.label)
        _deprecated(schemas, place, before, after)
        self._parameters(schemas, place)
        _request_body(schemas, place, before.get("requestBody"), after.get("requestBody"))
        _answers(schemas, place, before.get("responses"), after.get("responses"))
        found = schemas.found
        found += _security(_requirements(self.old, before), _requirements(self.new, after), self.label)
        holders = (self._server_holder(self.before), self._server_holder(self.after))
        if any(holders):
            olds, news = holders[0] or self.old.tree, holders[1] or self.new.tree
            found += _servers(place.part("servers"), olds, news, (self.label,))
        return found

    def _server_holder(self, item: _PathItem) -> Mapping[str, Any] | None:
        """Return what overrides the servers of the document for this operation, if anything does."""
        operation = item.operations[self.method]
        return next((one for one in (operation, item.shared) if _sequence(one.get("servers"))), None)

    def _declared_parameters(self, document: _Document, item: _PathItem) -> dict[tuple[str, str], _Parameter]:
        """Collect the parameters by location and name, those in the path by their position."""
        names = item.variables
        declared = {("path", str(at)): _Parameter(name, "path", {}, None) for at, name in enumerate(names)}
        for holder in (item.shared, item.operations[self.method]):
            for entry in _sequence(holder.get("parameters")):
                node = _mapping(document.resolve(entry))
                parameter = _Parameter(str(node.get("name")), str(node.get("in")), node, entry)
                if parameter.location == "path" and parameter.name in names:
                    declared["path", str(names.index(parameter.name))] = parameter
                elif "name" in node and "in" in node:
                    declared[parameter.key] = parameter
        return declared

    def _parameters(self, schemas: _Schemas, place: _Place) -> None:
        olds = self._declared_parameters(self.old, self.before)
        news = self._declared_parameters(self.new, self.after)
        come = {key: parameter for key, parameter in news.items() if key not in olds}
        for key, parameter in olds.items():
            here = place.part(f"{parameter.location} parameter {parameter.name}")
            if key in news:
                _parameter(schemas, _home(parameter.declared, here), parameter, news[key])
                continue
            moved = next((other for other, to in come.items() if _is_moved(parameter, to)), None)
            if moved is None:
                schemas.report("breaking", here, "parameter removed", parameter.name, None)
            else:
                to = come.pop(moved).location
                schemas.report(
                    "breaking", here, f"moved from {parameter.location} to {to}", parameter.location, to
                )
        for parameter in come.values():
            here = place.part(f"{parameter.location} parameter {parameter.name}")
            if parameter.required:
                schemas.report("breaking", here, "required parameter added", None, parameter.name)
            else:
                schemas.report("compatible", here, "parameter added", None, parameter.name)


def _is_moved(old: _Parameter, new: _Parameter) -> bool:
    """Tell whether a parameter that is gone is back in another place; only header names ignore case."""
    if "header" in (old.location, new.location):
        return old.location != new.location and old.name.lower() == new.name.lower()
    return old.location != new.location and old.name == new.name


def _deprecated(
    schemas: _Schemas, place: _Place, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    old, new = before.get("deprecated") is True, after.get("deprecated") is True
    if old != new:
        schemas.report("compatible", place, "deprecated" if new else "no longer deprecated", old, new)


def _required(schemas: _Schemas, place: _Place, old: bool, new: bool, direction: _Direction) -> None:
    if old != new:
        what = "newly required" if new else "no longer required"
        schemas.report(_severity("narrowed" if new else "widened", direction), place, what, old, new)


def _parameter(schemas: _Schemas, place: _Place, old: _Parameter, new: _Parameter) -> None:
    _required(schemas, place, old.required, new.required, "request")
    _deprecated(schemas, place, old.node, new.node)
    for flag in ("allowReserved", "allowEmptyValue"):
        before, after = old.node.get(flag) is True, new.node.get(flag) is True
        if before != after:
            effect: _Effect = "widened" if after else "narrowed"
            schemas.report(_severity(effect, "request"), place, f"{flag} changed", before, after)
    if "content" in old.node or "content" in new.node:
        if "content" in old.node and "content" in new.node:
            _content(schemas, place, old.node["content"], new.node["content"], "request")
        else:
            how = [
                str(_short(sorted(_mapping(p.node.get("content"))))) if "content" in p.node else "plain"
                for p in (old, new)
            ]
            schemas.report("breaking", place, f"serialisation changed from {how[0]} to {how[1]}", *how)
        return
    before, after = old.node.get("schema", True), new.node.get("schema", True)
    schemas.compare(before, after, place, "request")
    structures = schemas.structures(before, after)
    for keyword in ("style", "explode"):
        ways = [_serialisation(parameter, keyword) for parameter in (old, new)]
        if ways[0] != ways[1] and (structures or (keyword == "style" and not {*ways} <= _PLAIN_STYLES)):
            what = f"{keyword} changed from {json.dumps(ways[0])} to {json.dumps(ways[1])}"
            schemas.report("breaking", place, what, *ways)


_PLAIN_STYLES = {"form", "simple"}
"""Styles that write a single value as it is, so that changing one for another changes nothing."""


def _serialisation(parameter: _Parameter, keyword: str) -> str | bool:
    style = parameter.node.get("style")
    if not isinstance(style, str):
        style = "form" if parameter.location in ("query", "cookie") else "simple"
    if keyword == "style":
        return style
    explode = parameter.node.get("explode")
    return explode if isinstance(explode, bool) else style == "form"


def _request_body(schemas: _Schemas, place: _Place, old: Any, new: Any) -> None:
    here = place.part("request body")
    before, after = schemas.old.resolve(old), schemas.new.resolve(new)
    if before is None and after is None:
        return
    required = [_mapping(body).get("required") is True for body in (before, after)]
    if before is None:
        if required[1]:
            schemas.report("breaking", here, "required request body added", None, None)
        else:
            schemas.report("compatible", here, "request body added", None, None)
    elif after is None:
        schemas.report("breaking", here, "request body removed", None, None)
    else:
        here = _home(old, here)
        _required(schemas, here, required[0], required[1], "request")
        _content(schemas, here, _mapping(before).get("content"), _mapping(after).get("content"), "request")


def _answers(schemas: _Schemas, place: _Place, old: Any, new: Any) -> None:
    olds, news = (
        {str(k): v for k, v in _mapping(one).items() if not str(k).startswith("x-")} for one in (old, new)
    )
    for status, answer in olds.items():
        match = _covering(status, news)
        if match is None:
            kind, severity = _answer_kind(status)
            schemas.report(severity, place.part(f"answer {status}"), f"{kind} answer removed", status, None)
        else:
            _answer(schemas, place.part(f"answer {status}"), answer, news[match])
    for status in news:
        if _covering(status, olds) is None:
            kind, severity = _answer_kind(status)
            schemas.report(severity, place.part(f"answer {status}"), f"{kind} answer added", None, status)


def _answer_kind(status: str) -> tuple[str, Severity]:
    return ("success", "breaking") if _is_success(status) else ("error", "compatible")


def _is_success(status: str) -> bool:
    return status[:1] in ("1", "2", "3")


def _covering(status: str, answers: Mapping[str, Any]) -> str | None:
    """Find the entry that speaks for a status: itself, its range such as `2XX`, or `default`.

    `default` means the errors, unless it is the only entry that can mean a success.
    """
    ranges = {key.upper(): key for key in answers}
    found = next((ranges[key] for key in (status.upper(), f"{status[:1]}XX") if key in ranges), None)
    if found is None and not (_is_success(status) and any(map(_is_success, answers))):
        return ranges.get("DEFAULT")
    return found


def _answer(schemas: _Schemas, place: _Place, old: Any, new: Any) -> None:
    place = _home(old, place)
    before, after = _mapping(schemas.old.resolve(old)), _mapping(schemas.new.resolve(new))
    _content(schemas, place, before.get("content"), after.get("content"), "answer")
    olds, news = (
        {name.lower(): node for name, node in _mapping(one.get("headers")).items()} for one in (before, after)
    )
    for name, node in olds.items():
        here = place.part(f"header {name}")
        if name not in news:
            schemas.report("breaking", here, "header removed", name, None)
            continue
        header, later = _mapping(schemas.old.resolve(node)), _mapping(schemas.new.resolve(news[name]))
        _required(schemas, here, header.get("required") is True, later.get("required") is True, "answer")
        schemas.compare(header.get("schema", True), later.get("schema", True), _home(node, here), "answer")
    for name in news:
        if name not in olds:
            schemas.report("compatible", place.part(f"header {name}"), "header added", None, name)


def _content(schemas: _Schemas, place: _Place, old: Any, new: Any, direction: _Direction) -> None:
    """Compare bodies by media type, as far as both sides have them."""
    olds, news = _media(old), _media(new)
    gone = [media for media in olds if _taken_by(media, news) is None]
    come = [media for media in news if _taken_by(media, olds) is None]
    if gone and come and len(olds) == len(news) == 1:
        what = f"media type changed from {gone[0]} to {come[0]}"
        schemas.report("breaking", place, what, gone[0], come[0])
        gone, come = [], []
    for media in gone:
        schemas.report("breaking", place, f"media type removed: {media}", media, None)
    for media in come:
        schemas.report("compatible", place, f"media type added: {media}", None, media)
    for media, body in olds.items():
        match = _taken_by(media, news)
        if match is not None:
            here = place if len(olds) == 1 else place.part(f"({media})")
            before, after = body.get("schema", True), news[match].get("schema", True)
            schemas.compare(before, after, here, direction)


def _media(content: Any) -> dict[str, Mapping[str, Any]]:
    return {
        name.partition(";")[0].strip().lower(): _mapping(node) for name, node in _mapping(content).items()
    }


def _taken_by(media: str, others: Mapping[str, Any]) -> str | None:
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    return next((one for one in ranges if one in others), None)


# Schemas, in normal form.

_SCALARS = ("string", "integer", "number", "boolean")
_NOTHING = "nothing"

_NUMBER_KEYWORDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "string": ("format", "minLength", "maxLength", "pattern"),
    "integer": ("format", *_NUMBER_KEYWORDS),
    "number": ("format", *_NUMBER_KEYWORDS),
    "boolean": ("format",),
    "array": ("items", "minItems", "maxItems", "uniqueItems", "prefixItems", "contains"),
    "object": (
        "properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties",
        "propertyNames", "dependentRequired", "dependentSchemas",
    ),
}  # fmt: skip
_OPAQUE = (
    "not", "prefixItems", "contains", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas",
)  # fmt: skip
"""Keywords that are compared as a whole: nobody has needed more yet."""


@frozen
class _Kind:
    """One alternative of a schema: values of a single JSON type.

    Attributes:
        type: a JSON type, "nothing", or None for values of any type.
        keywords: what else holds of them: only the keywords that mean something for the type.
        name: the component that this is, if it is one as it stands.
    """

    type: str | None = None
    keywords: Mapping[str, Any] = field(factory=dict)
    name: str | None = None

    @property
    def trivial(self) -> bool:
        return not self.keywords

    @property
    def enum(self) -> list[Any] | None:
        values = self.keywords.get("enum")
        return values if isinstance(values, list) else None


def _kinds(document: _Document, schema: Any, inside: frozenset[str] = frozenset()) -> tuple[_Kind, ...]:
    """Write a schema as the list of its alternatives, `null` among them, with no reference at the top."""
    if schema is False:
        return (_Kind(_NOTHING),)
    node = _mapping(schema)
    conjunction = [_own_kinds(node)]
    if isinstance(reference := node.get("$ref"), str):
        conjunction.append(_referred_kinds(document, reference, inside))
    conjunction += [_kinds(document, part, inside) for part in _sequence(node.get("allOf"))]
    for keyword in ("oneOf", "anyOf"):
        if parts := _sequence(node.get(keyword)):
            conjunction.append(tuple(chain.from_iterable(_kinds(document, part, inside) for part in parts)))
    met = [_meet_all(combination) for combination in product(*conjunction)]
    kinds = [kind for kind in met if kind is not None]
    if node.get("nullable") is True:
        kinds.append(_Kind("null"))
    return tuple(_joined(kinds)) or (_Kind(_NOTHING),)


def _referred_kinds(document: _Document, reference: str, inside: frozenset[str]) -> tuple[_Kind, ...]:
    if reference in inside:
        return (_Kind(),)
    target = document.resolve({"$ref": reference})
    if target is None:
        return (_Kind(f"unresolvable reference {reference}"),)
    kinds = _kinds(document, target, inside | {reference})
    name = _component({"$ref": reference})
    alone = len([kind for kind in kinds if kind.type != "null"]) == 1
    return tuple(evolve(kind, name=name) if alone and kind.type != "null" else kind for kind in kinds)


def _own_kinds(node: Mapping[str, Any]) -> tuple[_Kind, ...]:
    """Split what a schema says by itself (not by `$ref`, `allOf` and the like) into types."""
    values = [node["const"]] if "const" in node else node.get("enum")
    common = {"not": node["not"]} if "not" in node else {}
    types = _types(node, values)
    if not types:
        return (_Kind(None, common),)
    kinds = []
    for one in types:
        keywords = {key: node[key] for key in _KEYWORDS.get(one, ("format",)) if key in node} | common
        if isinstance(values, list):
            own = [value for value in values if _is_of_type(value, one)]
            if not own and len(types) > 1:
                continue
            # A value of another type is a slip of the author's; an enum with `null` says `nullable` elsewhere.
            keywords["enum"] = own or [value for value in values if value is not None]
        kinds.append(_Kind(one, {} if one == "null" else keywords))
    return tuple(kinds)


def _types(node: Mapping[str, Any], values: Any) -> list[str]:
    """Return the declared types, else those that the other keywords only make sense for."""
    declared = node.get("type")
    if isinstance(declared, list):
        return list(dict.fromkeys(str(one) for one in declared))
    if declared is not None:
        return [str(declared)]
    if isinstance(values, list) and values:
        found = {_type_of(value) for value in values}
        return sorted(found - {"integer"} if "number" in found else found)
    for one in ("object", "array", "string", "number"):
        if any(keyword in node for keyword in _KEYWORDS[one] if keyword != "format"):
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
    return _includes_type(declared, _type_of(value)) or (
        declared == "integer" and isinstance(value, float) and value.is_integer()
    )


def _includes_type(wide: str | None, narrow: str | None) -> bool:
    return wide is None or narrow in (wide, _NOTHING) or (wide == "number" and narrow == "integer")


def _meet_all(kinds: Iterable[_Kind]) -> _Kind | None:
    """Intersect kinds (`allOf`); None if nothing is left."""
    met: _Kind | None = _Kind()
    for kind in kinds:
        met = _meet(met, kind) if met is not None else None
    return met


def _meet(one: _Kind, other: _Kind) -> _Kind | None:
    if not _includes_type(one.type, other.type) and not _includes_type(other.type, one.type):
        return None
    keywords = dict(one.keywords)
    for key, value in other.keywords.items():
        keywords[key] = _meet_keyword(key, keywords[key], value) if key in keywords else value
    narrow = other.type if _includes_type(one.type, other.type) else one.type
    return _Kind(narrow, keywords, one.name if other.trivial else other.name if one.trivial else None)


def _meet_keyword(key: str, one: Any, other: Any) -> Any:
    match key:
        case "properties":
            names = dict.fromkeys((*_mapping(one), *_mapping(other)))
            fields = [_mapping(one), _mapping(other)]
            return {name: reduce(_both, (f[name] for f in fields if name in f)) for name in names}
        case "items" | "additionalProperties":
            return _both(one, other)
        case "required":
            return list(dict.fromkeys((*_sequence(one), *_sequence(other))))
        case "enum":
            kept = {_text(value) for value in _sequence(other)}
            return [value for value in _sequence(one) if _text(value) in kept]
        case _ if key in _LOWER and _is_number(one) and _is_number(other):
            return max(one, other)
        case _ if key in _UPPER and _is_number(one) and _is_number(other):
            return min(one, other)
        case _:
            return other


def _both(one: Any, other: Any) -> Any:
    """Require two schemas at once, without piling up `allOf` where schemas refer to each other."""

    def parts(schema: Any) -> list[Any]:
        only = isinstance(schema, Mapping) and schema.keys() == {"allOf"}
        return _sequence(schema["allOf"]) if only else [schema]

    distinct = {_text(part): part for part in (*parts(one), *parts(other))}
    return {"allOf": [distinct[text] for text in sorted(distinct)]} if len(distinct) > 1 else one


def _joined(kinds: Iterable[_Kind]) -> list[_Kind]:
    """Drop alternatives that stand twice, and join the enums of a type: `oneOf: [Status, Blank]` is one enum."""
    distinct = list({_text([kind.type, kind.keywords]): kind for kind in kinds}.values())
    open_types = {kind.type for kind in distinct if kind.trivial}
    joined: list[_Kind] = []
    enums: dict[str | None, _Kind] = {}
    for kind in distinct:
        first = enums.get(kind.type)
        if kind.type not in _SCALARS or kind.keywords.keys() != {"enum"}:
            joined.append(kind)
        elif kind.type in open_types:
            continue
        elif first is None:
            enums[kind.type] = kind
        else:
            enums[kind.type] = _Kind(kind.type, {"enum": [*(first.enum or ()), *(kind.enum or ())]})
    return [*joined, *enums.values()]


# Comparing schemas.

_COUNTS_LOW = ("minLength", "minItems", "minProperties")
_COUNTS_HIGH = ("maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", *_COUNTS_LOW)
_UPPER = ("maximum", "exclusiveMaximum", *_COUNTS_HIGH)
_SIZES = {"int32": 0, "int64": 1, "float": 0, "double": 1}
_DECODED = frozenset({"date", "date-time", "time", "duration", "uuid", "binary", "byte"})
"""Formats that decide what a client makes of a string; the others only describe it."""


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _severity(effect: _Effect, direction: _Direction) -> Severity:
    if effect in ("changed", "narrowed" if direction == "request" else "widened"):
        return "breaking"
    return "compatible"


def _bound_severity(effect: _Effect, direction: _Direction) -> Severity:
    """Judge what only limits values further: a client reads an answer outside the limits just as well."""
    return _severity(effect, direction) if direction == "request" else "compatible"


def _order(old: float, new: float) -> _Effect:
    """Tell what a limit that grows lets through: more."""
    return "widened" if new > old else "narrowed"


@define
class _Schemas:
    """The comparison of the schemas of one operation, and the list of what it has found.

    Attributes:
        active: the pairs of schemas being compared further up, so that recursive ones come to an end.
        done: the pairs of components that this operation has seen compared.
    """

    old: _Document
    new: _Document
    operation: str
    found: list[Change] = field(factory=list)
    active: set[tuple[str, ...]] = field(factory=set)
    done: set[tuple[str, ...]] = field(factory=set)

    def report(self, severity: Severity, place: _Place, what: str, old: Value, new: Value) -> None:
        """Note a change."""
        self.found.append(Change(severity, str(place), what, old, new, (self.operation,)))

    def compare(self, old: Any, new: Any, place: _Place, direction: _Direction) -> None:
        """Compare two schemas that stand at `place`."""
        pair = (_text(old), _text(new), direction)
        if pair in self.active:
            return  # A schema within itself: equal if the rest of it is.
        reference = _pure_reference(old)
        if reference and _pure_reference(new):
            place = _home(reference, place)
            if (str(place), *pair) in self.done:
                return
            self.done.add((str(place), *pair))
        self.active.add(pair)
        self._annotations(old, new, place)
        self._alternatives(_kinds(self.old, old), _kinds(self.new, new), place, direction)
        self.active.discard(pair)

    def structures(self, old: Any, new: Any) -> bool:
        """Whether both schemas have arrays or objects, whose writing is a matter of style."""
        return all(
            any(kind.type in ("array", "object") for kind in _kinds(document, schema))
            for document, schema in ((self.old, old), (self.new, new))
        )

    def _annotations(self, old: Any, new: Any, place: _Place) -> None:
        before, after = _annotated(self.old, old, "deprecated"), _annotated(self.new, new, "deprecated")
        _deprecated(self, place, {"deprecated": before}, {"deprecated": after})
        before, after = _annotated(self.old, old, "default"), _annotated(self.new, new, "default")
        if _text(before) != _text(after):
            what = f"default changed from {_text(before)} to {_text(after)}"
            self.report("compatible", place, what, _short(before), _short(after))

    def _alternatives(
        self, olds: tuple[_Kind, ...], news: tuple[_Kind, ...], place: _Place, direction: _Direction
    ) -> None:
        anything = [any(kind.type is None for kind in kinds) for kinds in (olds, news)]
        if any(anything):
            if not all(anything):
                effect: _Effect = "narrowed" if anything[0] else "widened"
                self._type_changed(olds, news, effect, place, direction)
            else:
                self._opaque(_anything(olds), _anything(news), place, direction)
            return
        nullable = ["null" in [kind.type for kind in kinds] for kinds in (olds, news)]
        values = [tuple(kind for kind in kinds if kind.type != "null") for kinds in (olds, news)]
        if nullable[0] != nullable[1] and all(values):
            effect = "widened" if nullable[1] else "narrowed"
            what = "newly nullable" if nullable[1] else "no longer nullable"
            self.report(_severity(effect, direction), place, what, *nullable)
        if all(values):
            olds, news = values
        self._values(olds, news, place, direction)

    def _values(
        self, olds: tuple[_Kind, ...], news: tuple[_Kind, ...], place: _Place, direction: _Direction
    ) -> None:
        pairs = self._matched(olds, news, place, direction)
        for before, after in pairs:
            self._kind(before, after, place, direction)
        gone = [kind for kind in olds if not any(kind is before for before, _ in pairs)]
        come = [kind for kind in news if not any(kind is after for _, after in pairs)]
        lost = [
            kind
            for kind in gone
            if not any(_covers(new, kind) or self._is_same(kind, new, place, direction) for new in news)
        ]
        won = [
            kind
            for kind in come
            if not any(_covers(old, kind) or self._is_same(old, kind, place, direction) for old in olds)
        ]
        if lost or won:
            effect: _Effect = "changed" if lost and won else "narrowed" if lost else "widened"
            self._type_changed(olds, news, effect, place, direction)
        if len(gone) == len(come) == 1 and {gone[0].type, come[0].type} == {"integer", "number"}:
            self._kind(gone[0], come[0], place, direction)

    def _matched(
        self, olds: tuple[_Kind, ...], news: tuple[_Kind, ...], place: _Place, direction: _Direction
    ) -> list[tuple[_Kind, _Kind]]:
        """Pair alternatives of the same type, those first that differ least."""
        if len(olds) == len(news) == 1:
            return [(olds[0], news[0])] if olds[0].type == news[0].type else []
        costs = sorted(
            (self._distance(before, after, place, direction), before.name != after.name, i, j)
            for i, before in enumerate(olds)
            for j, after in enumerate(news)
            if before.type == after.type
        )
        left, right = set(range(len(olds))), set(range(len(news)))
        pairs = []
        for _, _, i, j in costs:
            if i in left and j in right:
                left.discard(i)
                right.discard(j)
                pairs.append((olds[i], news[j]))
        return pairs

    def _is_same(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> bool:
        return old.type == new.type and self._distance(old, new, place, direction) == 0

    def _distance(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> int:
        probe = _Schemas(self.old, self.new, self.operation, active=set(self.active))
        probe._kind(old, new, place, direction)
        return len(probe.found)

    def _type_changed(
        self,
        olds: tuple[_Kind, ...],
        news: tuple[_Kind, ...],
        effect: _Effect,
        place: _Place,
        direction: _Direction,
    ) -> None:
        old, new = _label(self.old, olds), _label(self.new, news)
        how = {"narrowed": "removed", "widened": "added", "changed": "replaced"}[effect]
        what = f"type changed from {old} to {new}" if old != new else f"an alternative {how}"
        self.report(_severity(effect, direction), place, what, old, new)

    def _kind(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> None:
        """Compare two alternatives of the same type (or integer with number)."""
        if old.name is not None:
            place = _Place(f"component {old.name}")
            key = (str(place), _text([new.type, new.keywords]), direction)
            if key in self.done:
                return
            self.done.add(key)
        self._enum(old.enum, new.enum, place, direction)
        self._format(old, new, place, direction)
        self._limits(old.keywords, new.keywords, place, direction)
        self._opaque(old, new, place, direction)
        if old.type == "array":
            items = old.keywords.get("items", True), new.keywords.get("items", True)
            self.compare(*items, place.items(), direction)
        elif old.type == "object":
            self._fields(old, new, place, direction)
            self._other_fields(old, new, place, direction)

    def _enum(
        self, olds: list[Any] | None, news: list[Any] | None, place: _Place, direction: _Direction
    ) -> None:
        if olds is None and news is None:
            return
        if olds is None or news is None:
            limited = olds is None
            severity = _severity("narrowed", direction) if limited else "compatible"
            what = "values newly limited to a list" if limited else "values no longer limited to a list"
            self.report(severity, place, what, _listed(olds), _listed(news))
            return
        before, after = ({_text(value): value for value in values} for values in (olds, news))
        for text in before:
            if text not in after:
                self.report("breaking", place, f"enum value removed: {text}", _listed(olds), _listed(news))
        for text in after:
            if text not in before:
                self.report("compatible", place, f"enum value added: {text}", _listed(olds), _listed(news))

    def _format(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> None:
        before, after = old.keywords.get("format"), new.keywords.get("format")
        if before == after or old.type != new.type:
            return
        sizes = [_SIZES.get(str(one), len(_SIZES)) for one in (before, after)]
        effect: _Effect
        if old.type != "string" and sizes[0] != sizes[1]:
            effect = _order(sizes[0], sizes[1])
        else:
            effect = "narrowed" if before is None else "widened" if after is None else "changed"
        judge = _severity if _DECODED & {before, after} else _bound_severity
        what = f"format changed from {_or_none(before)} to {_or_none(after)}"
        self.report(judge(effect, direction), place, what, _short(before), _short(after))

    def _limits(
        self, old: Mapping[str, Any], new: Mapping[str, Any], place: _Place, direction: _Direction
    ) -> None:
        for keyword, (before, after, effect) in _changed_limits(old, new).items():
            what = f"{keyword} changed from {_or_none(before)} to {_or_none(after)}"
            self.report(_bound_severity(effect, direction), place, what, _short(before), _short(after))

    def _opaque(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> None:
        for keyword in _OPAQUE:
            before, after = old.keywords.get(keyword), new.keywords.get(keyword)
            if _text(_expanded(self.old, before)) != _text(_expanded(self.new, after)):
                effect: _Effect = "narrowed" if before is None else "widened" if after is None else "changed"
                what = f"{keyword} {'changed' if effect == 'changed' else 'added' if before is None else 'removed'}"
                self.report(_severity(effect, direction), place, what, _short(before), _short(after))

    def _fields(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> None:
        olds, news = _fields(self.old, old, direction), _fields(self.new, new, direction)
        described = [_mapping(kind.keywords.get("properties")) for kind in (old, new)]
        required = [_sequence(kind.keywords.get("required")) for kind in (old, new)]
        for name, schema in olds.items():
            here = place.field(name)
            # One that is still `required` but not described any more was removed, and the list forgotten.
            if name not in news or (name in described[0] and name not in described[1]):
                self.report(
                    "breaking", here, "field removed", _label(self.old, _kinds(self.old, schema)), None
                )
                continue
            _required(self, here, name in required[0], name in required[1], direction)
            self.compare(schema, news[name], here, direction)
        for name, schema in news.items():
            if name not in olds:
                needed = direction == "request" and name in required[1]
                self.report(
                    "breaking" if needed else "compatible",
                    place.field(name),
                    "required field added" if needed else "field added",
                    None,
                    _label(self.new, _kinds(self.new, schema)),
                )

    def _other_fields(self, old: _Kind, new: _Kind, place: _Place, direction: _Direction) -> None:
        """Compare the fields that an object may have beside those it names."""
        before, after = (kind.keywords.get("additionalProperties", True) for kind in (old, new))
        is_open = [
            any(kind.type != _NOTHING for kind in _kinds(document, schema))
            for document, schema in ((self.old, before), (self.new, after))
        ]
        if all(is_open):
            self.compare(before, after, place.field("*"), direction)
        elif is_open[0]:
            is_map = not _mapping(old.keywords.get("properties"))
            severity = "breaking" if is_map else _severity("narrowed", direction)
            self.report(severity, place, "other fields no longer allowed", True, False)
        elif is_open[1]:
            self.report("compatible", place, "other fields newly allowed", False, True)


def _pure_reference(schema: Any) -> Mapping[str, Any] | None:
    """Return the reference that a schema is nothing but, perhaps wrapped in an `allOf` and prose."""
    node = {key: value for key, value in _mapping(schema).items() if not _is_prose(key)}
    if node.keys() == {"$ref"}:
        return node
    if node.keys() == {"allOf"} and len(parts := _sequence(node["allOf"])) == 1:
        return _pure_reference(parts[0])
    return None


_PROSE = frozenset({
    "title", "summary", "description", "example", "examples", "externalDocs", "xml", "$comment", "discriminator",
    "readOnly", "writeOnly",
})  # fmt: skip


def _is_prose(key: str) -> bool:
    return key in _PROSE or key.startswith("x-")


def _annotated(document: _Document, schema: Any, key: str) -> Any:
    """Look up what is said beside a schema's type, or in the component that the schema is."""
    node = _mapping(schema)
    if key in node:
        return node[key]
    reference = _pure_reference(schema)
    return _mapping(document.resolve(reference)).get(key) if reference else None


def _fields(document: _Document, kind: _Kind, direction: _Direction) -> dict[str, Any]:
    """List the fields that travel in this direction; one that is only `required` may hold anything."""
    properties = _mapping(kind.keywords.get("properties"))
    named = [name for name in _sequence(kind.keywords.get("required")) if isinstance(name, str)]
    hidden = "readOnly" if direction == "request" else "writeOnly"
    return {
        name: properties.get(name, True)
        for name in dict.fromkeys((*properties, *named))
        if _annotated(document, properties.get(name), hidden) is not True
    }


def _covers(wide: _Kind, narrow: _Kind) -> bool:
    """Tell whether every value of `narrow` is one of `wide`, as far as that is plain to see."""
    return _includes_type(wide.type, narrow.type) and (wide.type != narrow.type or wide.trivial)


def _anything(kinds: Iterable[_Kind]) -> _Kind:
    return next(kind for kind in kinds if kind.type is None)


def _changed_limits(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, tuple[Scalar, Scalar, _Effect]]:
    """List the limits that differ: keyword -> (old, new, effect)."""
    changed: dict[str, tuple[Scalar, Scalar, _Effect]] = {}
    for side in ("minimum", "maximum"):
        before, after = _limit(old, side), _limit(new, side)
        if before != after:
            grows = after > before
            effect: _Effect = "widened" if grows == (side == "maximum") else "narrowed"
            changed[side] = (_shown_limit(before, side), _shown_limit(after, side), effect)
    for keyword in (*_COUNTS_LOW, *_COUNTS_HIGH):
        count, later = (one.get(keyword) if _is_number(one.get(keyword)) else None for one in (old, new))
        least = 0 if keyword in _COUNTS_LOW else float("inf")
        low, high = (least if one is None else one for one in (count, later))
        if low != high:
            effect = "widened" if (high > low) == (keyword in _COUNTS_HIGH) else "narrowed"
            changed[keyword] = (count, later, effect)
    for keyword in ("pattern", "multipleOf", "uniqueItems"):
        rule, other = old.get(keyword) or None, new.get(keyword) or None
        if rule != other:
            effect = "narrowed" if rule is None else "widened" if other is None else "changed"
            changed[keyword] = (rule, other, effect)
    return changed


def _limit(keywords: Mapping[str, Any], side: str) -> tuple[float, int]:
    """Return a bound so that bounds order by what they let through: exclusive is a little further in."""
    lower = side == "minimum"
    inclusive, exclusive = keywords.get(side), keywords.get(f"exclusive{side.capitalize()}")
    bounds: list[tuple[float, int]] = [(float("-inf"), 0) if lower else (float("inf"), 1)]
    if _is_number(inclusive):
        bounds.append((inclusive, int((exclusive is True) == lower)))
    if _is_number(exclusive):  # OpenAPI 3.1; in 3.0 it is a boolean
        bounds.append((exclusive, int(lower)))
    return max(bounds) if lower else min(bounds)


def _shown_limit(limit: tuple[float, int], side: str) -> Scalar:
    value, flag = limit
    if value in (float("-inf"), float("inf")):
        return None
    return f"{value} (exclusive)" if flag == (side == "minimum") else value


def _or_none(value: Any) -> str:
    return "none" if value is None else str(_short(value))


def _listed(values: list[Any] | None) -> Value:
    return None if values is None else tuple(map(_short, values))


def _label(document: _Document, kinds: Iterable[_Kind], depth: int = 0) -> str:
    """Write a schema's alternatives as people say them: `integer or array of string`."""

    def label(kind: _Kind) -> str:
        if kind.type is None:
            return "anything"
        if kind.type == "array" and depth < 3:
            items = _kinds(document, kind.keywords.get("items", True))
            return f"array of {_label(document, items, depth + 1)}"
        return f"{kind.type} {kind.name}" if kind.type == "object" and kind.name else kind.type

    listed = list(kinds)
    if any(kind.type is None for kind in listed):
        return "anything"
    return " or ".join(dict.fromkeys(map(label, listed)))


def _expanded(document: _Document, node: Any, inside: frozenset[str] = frozenset()) -> Any:
    """Replace every reference by what it stands for, and a schema within itself by how far up it is."""
    if isinstance(node, list):
        return [_expanded(document, item, inside) for item in node]
    if not isinstance(node, Mapping):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference in inside:
            return "itself"
        return _expanded(document, document.resolve(node), inside | {reference})
    return {
        key: _expanded(document, value, inside)
        for key, value in node.items()
        if not (_is_prose(key) and not isinstance(value, Mapping))
    }
