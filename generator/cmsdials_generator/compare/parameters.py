"""The parameters of an operation: their names, their values, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from .bodies import compare_content
from .document import Document, mapping, sequence, short
from .place import Place
from .schemas import Schemas

_PLAIN_STYLES = {"form", "simple"}
"""Styles that write a single value as it is, so that changing one for another changes nothing."""


@frozen
class Parameter:
    """A parameter as one of the documents describes it.

    Attributes:
        name: what it is called.
        location: `path`, `query`, `header` or `cookie`.
        node: what is said of it.
        declared: how it was declared: `node`, or a reference to it.
    """

    name: str
    location: str
    node: Mapping[str, Any]
    declared: Any

    @property
    def required(self) -> bool:
        """Whether it has to be sent."""
        return self.location == "path" or self.node.get("required") is True


Parameters = Mapping[tuple[str, str], Parameter]


def declared_parameters(
    document: Document, holders: Iterable[Mapping[str, Any]], variables: tuple[str, ...]
) -> Parameters:
    """Collect the parameters by location and name, those in the path by their position.

    Args:
        document: the document, to which references lead.
        holders: what may declare parameters; later ones take precedence.
        variables: the names of the variables in the path, in order.
    """
    declared = {("path", str(at)): Parameter(name, "path", {}, None) for at, name in enumerate(variables)}
    for holder in holders:
        for entry in sequence(holder.get("parameters")):
            node = mapping(document.resolve(entry))
            name, location = str(node.get("name")), str(node.get("in"))
            parameter = Parameter(name, location, node, entry)
            if location == "path" and name in variables:
                declared["path", str(variables.index(name))] = parameter
            elif "name" in node and "in" in node:
                declared[location, name.lower() if location == "header" else name] = parameter
    return declared


def compare_parameters(schemas: Schemas, place: Place, olds: Parameters, news: Parameters) -> None:
    """Report what changed in the parameters of an operation."""

    def here(parameter: Parameter) -> Place:
        return place.part(f"{parameter.location} parameter {parameter.name}")

    come = {key: parameter for key, parameter in news.items() if key not in olds}
    for key, parameter in olds.items():
        # A path parameter is in the path all the same when its declaration is withdrawn.
        if key in news and (news[key].declared is not None or parameter.declared is None):
            _compare(schemas, here(parameter).home(parameter.declared), parameter, news[key])
            continue
        moved = next((other for other, to in come.items() if _is_moved(parameter, to)), None)
        if moved is None:
            schemas.report("breaking", here(parameter), "parameter removed", parameter.name)
        else:
            old, new = parameter.location, come.pop(moved).location
            schemas.report("breaking", here(parameter), f"moved from {old} to {new}", old, new)
    for parameter in come.values():
        schemas.added(here(parameter), "parameter", parameter.name, required=parameter.required)


def _is_moved(old: Parameter, new: Parameter) -> bool:
    """Tell whether a parameter that is gone is back in another place; only header names ignore case."""
    names = old.name, new.name
    if "header" in (old.location, new.location):
        names = old.name.lower(), new.name.lower()
    return old.location != new.location and names[0] == names[1]


def _compare(schemas: Schemas, place: Place, old: Parameter, new: Parameter) -> None:
    schemas.required(place, old.required, new.required)
    schemas.deprecated(place, old.node.get("deprecated"), new.node.get("deprecated"))
    for flag in ("allowReserved", "allowEmptyValue"):
        before, after = old.node.get(flag) is True, new.node.get(flag) is True
        if before != after:
            schemas.judge("widened" if after else "narrowed", place, f"{flag} changed", before, after)
    has_content = ["content" in one.node for one in (old, new)]
    if all(has_content):
        compare_content(schemas, place, old.node["content"], new.node["content"])
    elif any(has_content):
        how = [
            _media_types(one) if has else "plain" for one, has in zip((old, new), has_content, strict=True)
        ]
        schemas.report("breaking", place, f"serialisation changed from {how[0]} to {how[1]}", *how)
    else:
        _compare_plain(schemas, place, old, new)


def _media_types(parameter: Parameter) -> str:
    return str(short(sorted(mapping(parameter.node["content"]))))


def _compare_plain(schemas: Schemas, place: Place, old: Parameter, new: Parameter) -> None:
    """Compare what stands as it is in the URL or in a header: its schema, then the way it is written."""
    before, after = old.node.get("schema", True), new.node.get("schema", True)
    schemas.compare(before, after, place)
    structures = schemas.structures(before, after)
    styles = _style(old), _style(new)
    if structures or not {*styles} <= _PLAIN_STYLES:
        _written(schemas, place, "style", *styles)
    if structures:
        _written(schemas, place, "explode", _explode(old), _explode(new))


def _written(schemas: Schemas, place: Place, keyword: str, old: str | bool, new: str | bool) -> None:
    if old != new:
        what = f"{keyword} changed from {json.dumps(old)} to {json.dumps(new)}"
        schemas.report("breaking", place, what, old, new)


def _style(parameter: Parameter) -> str:
    style = parameter.node.get("style")
    if isinstance(style, str):
        return style
    return "form" if parameter.location in ("query", "cookie") else "simple"


def _explode(parameter: Parameter) -> bool:
    explode = parameter.node.get("explode")
    return explode if isinstance(explode, bool) else _style(parameter) == "form"
