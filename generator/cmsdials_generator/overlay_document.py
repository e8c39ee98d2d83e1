"""OpenAPI Overlay 1.0 documents: corrections of the published document, kept as data.

Two documents use this form, `contract/repairs.overlay.yaml` and `contract/additions.overlay.yaml`. The
specification lets an action pass over a target that matches nothing; ours may not, because a correction
that silently stops applying is how a false document comes back. So each action also states what it expects:

- the target selects exactly one node;
- an `update` overwrites only values that `x-expect` states, adds only keys that are absent, and appends
  only items that are not there yet;
- a `remove` states the whole node in `x-expect`;
- an `x-rename`, for which Overlay 1.0 has no word, gives the node another key that is not taken;
- actions that share an `x-group` stand or fall together, so nothing that upstream has dropped is put back.

An action (or group) whose expectation fails is stale: the published document has changed under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import reduce
from importlib import resources
from operator import getitem
from typing import Any

import jsonpath_rfc9535 as jsonpath
from attrs import frozen
from ruamel.yaml import YAML

Node = Any
"""A JSON value: what a JSON document is made of has no narrower type."""


class InvalidOverlay(Exception):
    """An overlay document of ours is malformed: a mistake in this repository, not upstream's."""


@frozen
class Action:
    """One correction: where, why, what must be found there, and what is to change."""

    document: str
    target: str
    reason: str
    expect: Node
    update: Node
    remove: bool
    rename: str | None
    group: str


@frozen
class Stale:
    """An action that no longer fits the published document, and what was found instead."""

    document: str
    target: str
    reason: str
    found: str


@frozen
class Applied:
    """A corrected document, with the actions that took effect and those that are stale."""

    document: dict[str, Node]
    actions: tuple[Action, ...]
    stale: tuple[Stale, ...]


class _Mismatch(Exception):
    """The published document is not what an action expects; the message says what was found."""


_ABSENT = object()


def load_overlay(name: str) -> tuple[Action, ...]:
    """Read the overlay document `name` of this package's `contract` folder.

    Raises:
        InvalidOverlay: the document is not an Overlay 1.0 document, or an action lacks its reason or expectation.
    """
    text = resources.files(__package__).joinpath("contract", name).read_text(encoding="utf-8")
    return parse_overlay(name, YAML(typ="safe").load(text))


def parse_overlay(name: str, document: Node) -> tuple[Action, ...]:
    """Turn a loaded Overlay document into actions, checking its form.

    Raises:
        InvalidOverlay: see `load_overlay`.
    """
    if not isinstance(document, Mapping) or document.get("overlay") != "1.0.0":
        message = f"{name}: not an OpenAPI Overlay 1.0.0 document"
        raise InvalidOverlay(message)
    if not isinstance(document.get("actions"), list):
        message = f"{name}: actions is not a list"
        raise InvalidOverlay(message)
    actions: list[Action] = []
    for number, raw in enumerate(document["actions"], start=1):
        if not isinstance(raw, Mapping):
            message = f"{name}: action {number} is not an object"
            raise InvalidOverlay(message)
        where = f"{name}: action {number} ({raw.get('target', 'no target')})"
        if not raw.get("target") or not str(raw.get("description") or "").strip():
            message = f"{where}: needs a target and, as description, the reason it exists"
            raise InvalidOverlay(message)
        try:
            jsonpath.compile(raw["target"])
        except jsonpath.JSONPathError as problem:
            message = f"{where}: the target is not a JSONPath: {problem}"
            raise InvalidOverlay(message) from None
        if ["update" in raw, bool(raw.get("remove")), "x-rename" in raw].count(True) != 1:
            message = f"{where}: needs either an update or `remove: true` or an x-rename"
            raise InvalidOverlay(message)
        if raw.get("remove") and "x-expect" not in raw:
            message = f"{where}: a removal states in x-expect the whole node that it removes"
            raise InvalidOverlay(message)
        actions.append(
            Action(
                document=name,
                target=raw["target"],
                reason=" ".join(raw["description"].split()),
                expect=raw.get("x-expect", {}),
                update=raw.get("update"),
                remove=bool(raw.get("remove")),
                rename=raw.get("x-rename"),
                group=raw.get("x-group", f"action {number}"),
            )
        )
    return tuple(actions)


def apply_overlay(document: Mapping[str, Node], actions: Iterable[Action]) -> Applied:
    """Apply `actions` in order to a copy of `document`, group by group.

    A group that does not fit leaves no trace and is reported as stale, by the first of its actions
    that does not fit. The order of groups is the order of their first actions.
    """
    groups: dict[tuple[str, str], list[Action]] = {}
    for action in actions:
        groups.setdefault((action.document, action.group), []).append(action)
    current = deepcopy(dict(document))
    done: list[Action] = []
    stale: list[Stale] = []
    for members in groups.values():
        trial = deepcopy(current)
        for action in members:
            try:
                _apply_action(trial, action)
            except _Mismatch as mismatch:
                stale.append(Stale(action.document, action.target, action.reason, str(mismatch)))
                break
        else:
            current = trial
            done.extend(members)
    return Applied(current, tuple(done), tuple(stale))


def _apply_action(document: dict[str, Node], action: Action) -> None:
    matches = jsonpath.find(action.target, document)
    if len(matches) != 1:
        message = "the target is not there" if not matches else f"the target matches {len(matches)} nodes"
        raise _Mismatch(message)
    node, location = matches[0].value, matches[0].location
    if action.remove:
        if node != action.expect:
            message = f"found {_short(node)}"
            raise _Mismatch(message)
        del _parent(document, location)[location[-1]]
    elif action.rename is not None:
        _check_expected(node, action.expect, at="")
        _rename(_parent(document, location), location[-1], action.rename)
    elif isinstance(node, list):
        _append(node, [action.update])
    elif isinstance(node, dict) and isinstance(action.update, dict):
        _check_expected(node, action.expect, at="")
        _merge(node, action.update, action.expect, at="")
    else:
        message = f"an update needs an object or a list, found {_short(node)}"
        raise _Mismatch(message)


def _parent(document: Node, location: Sequence[int | str]) -> Node:
    return reduce(getitem, location[:-1], document)


def _rename(parent: Node, old: int | str, new: str) -> None:
    if not isinstance(parent, dict):
        message = f"{old!r} is not a key but the position of an item"
        raise _Mismatch(message)
    if new in parent:
        message = f"{new} is published now"
        raise _Mismatch(message)
    members = [(new if key == old else key, value) for key, value in parent.items()]
    parent.clear()
    parent.update(members)


def _check_expected(node: Node, expect: Node, at: str) -> None:
    """Hold what `x-expect` states against the node; keys that it does not state may be anything."""
    if isinstance(expect, dict) and isinstance(node, dict):
        for key, wanted in expect.items():
            _check_expected(node.get(key, _ABSENT), wanted, at=f"{at}.{key}".lstrip("."))
    elif node is _ABSENT:
        message = f"{at} is not there"
        raise _Mismatch(message)
    elif node != expect:
        message = f"{at or 'the node'} is {_short(node)}"
        raise _Mismatch(message)


def _merge(node: dict[str, Node], update: dict[str, Node], expect: Node, at: str) -> None:
    stated = expect if isinstance(expect, dict) else {}
    for key, value in update.items():
        here = f"{at}.{key}".lstrip(".")
        if key not in node:
            node[key] = deepcopy(value)
        elif isinstance(node[key], dict) and isinstance(value, dict):
            _merge(node[key], value, stated.get(key, {}), here)
        elif isinstance(node[key], list) and isinstance(value, list):
            _append(node[key], value)
        elif key in stated:
            node[key] = deepcopy(value)
        else:
            message = f"{here} is published now, as {_short(node[key])}"
            raise _Mismatch(message)


def _append(items: list[Node], new: list[Node]) -> None:
    for item in new:
        same = [old for old in items if _identity(old) == _identity(item)]
        if same:
            message = f"{_short(same[0])} is published now"
            raise _Mismatch(message)
        items.append(deepcopy(item))


def _identity(item: Node) -> Node:
    """Parameters are one and the same by name and place, whatever else they say; other items by value."""
    if isinstance(item, dict) and "name" in item and "in" in item:
        return (item["name"], item["in"])
    return item


def _short(node: Node, limit: int = 120) -> str:
    text = repr(node)
    return text if len(text) <= limit else text[: limit - 1] + "…"
