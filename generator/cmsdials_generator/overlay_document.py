"""OpenAPI Overlay 1.0 documents: corrections of the published document, kept as data.

Two documents use this form, `contract/repairs.overlay.yaml` and `contract/additions.overlay.yaml`. The
specification lets an action pass over a target that matches nothing; ours may not, because a correction
that silently stops applying is how a false document comes back. So each action also states what it expects:

- the target selects exactly one node, or with an `x-count` as many as it says that are found as expected;
- an `update` overwrites only values that `x-expect` states, adds only keys that are absent, and appends
  only items that are not there yet;
- what `x-absent` names must not be there at all, where an update would only add to a list;
- a `remove` states the whole node in `x-expect`;
- an `x-rename`, for which Overlay 1.0 has no word, gives the node another key that is not taken;
- actions that share an `x-group` stand or fall together, so nothing that upstream has dropped is put back.

An action (or group) whose expectation fails is stale: the published document has changed under it. A counted one
still corrects the nodes that are as expected, so that the rest of the document is compared as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import reduce
from operator import getitem
from typing import Any

import jsonpath_rfc9535 as jsonpath
from attrs import field, frozen
from ruamel.yaml import YAML

from . import project

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
    count: int | None = None
    absent: tuple[str, ...] = ()


@frozen
class Stale:
    """An action that no longer fits the published document.

    Attributes:
        document: The overlay document that it stands in.
        target: Where it corrects.
        reason: Why.
        found: What was found there instead.
        expected: What it expects there, in words.
        kind: `fixed` if the document says what the correction would have made of it, `gone` if the place is not
            there, `published` if it adds what is published otherwise now, `count` if the number of places differs,
            `changed` for anything else.
        place: For one whose place is gone, the first step on the way there that is missing.
        advice: What to do about it.
        along: Targets of the actions of its group, which are left out with it.
        count: The number of places that are as it expects, where only that has changed.
        group: The group of actions that it is of, or its number in the document.
    """

    document: str
    target: str
    reason: str
    found: str
    expected: str = field(default="", eq=False)
    kind: str = field(default="changed", eq=False)
    place: str = field(default="", eq=False)
    advice: str = field(default="", eq=False)
    along: tuple[str, ...] = field(default=(), eq=False)
    count: int | None = field(default=None, eq=False)
    group: str = field(default="", eq=False)


@frozen
class Applied:
    """A corrected document, with the actions that took effect, the stale ones, and all that stand or fall with these."""

    document: dict[str, Node]
    actions: tuple[Action, ...]
    stale: tuple[Stale, ...]
    unfit: tuple[Action, ...] = ()


class _Mismatch(Exception):
    """The published document is not what an action expects; the message says what was found."""

    def __init__(self, found: str, kind: str = "changed", place: str = "") -> None:
        super().__init__(found)
        self.kind = kind
        self.place = place


_ABSENT = object()
_LISTED = 3


def load_overlay(name: str) -> tuple[Action, ...]:
    """Read the overlay document `name` of this package's `contract` folder.

    Raises:
        InvalidOverlay: the document is not an Overlay 1.0 document, or an action lacks its reason or expectation.
    """
    text = (project.CORRECTIONS / name).read_text(encoding="utf-8")
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
        count = raw.get("x-count")
        if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
            message = f"{where}: x-count is the number of places that it corrects, 1 or more, not {count!r}"
            raise InvalidOverlay(message)
        if count is not None and ("x-rename" in raw or "x-group" in raw):
            message = f"{where}: an action with an x-count stands alone, and renames nothing"
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
                count=count,
                absent=tuple(raw.get("x-absent", ())),
            )
        )
    return tuple(actions)


def apply_overlay(document: Mapping[str, Node], actions: Iterable[Action]) -> Applied:
    """Apply `actions` in order to a copy of `document`, group by group.

    A group that does not fit leaves no trace and is reported as stale, by the first of its actions
    that does not fit. The order of groups is the order of their first actions.
    """
    current = deepcopy(dict(document))
    done: list[Action] = []
    stale: list[Stale] = []
    unfit: list[Action] = []
    for members in groups_of(actions):
        if members[0].count is not None:
            unfitting = _apply_counted(current, members[0])
            if unfitting is None:
                done += members
            else:
                stale.append(unfitting)
                unfit += members
            continue
        # An action does nothing if it does not fit; of several, the first ones may have done something by then.
        trial = deepcopy(current) if len(members) > 1 else current
        for action in members:
            try:
                _apply_action(trial, action)
            except _Mismatch as mismatch:
                stale.append(_stale(current, action, mismatch, members))
                unfit += members
                break
        else:
            current = trial
            done.extend(members)
    return Applied(current, tuple(done), tuple(stale), tuple(unfit))


def groups_of(actions: Iterable[Action]) -> list[list[Action]]:
    """Return the actions that stand or fall together, in the order in which they are applied."""
    groups: dict[tuple[str, str], list[Action]] = {}
    for action in actions:
        groups.setdefault((action.document, action.group), []).append(action)
    return [*groups.values()]


def _apply_action(document: dict[str, Node], action: Action) -> None:
    matches = found(action.target, document)
    if not matches:
        raise _not_there(document, action.target)
    if len(matches) > 1:
        message = f"the target matches {len(matches)} nodes"
        raise _Mismatch(message)
    _apply_at(document, matches[0].value, matches[0].location, action)


def found(target: str, document: Node) -> list[jsonpath.JSONPathNode]:
    """Return what a JSONPath selects."""
    return [*jsonpath.find(target, document)]


def _apply_counted(document: dict[str, Node], action: Action) -> Stale | None:
    """Apply an action wherever the document is as it expects; say so if these are not as many as they should be."""
    others: list[tuple[Sequence[int | str], _Mismatch]] = []
    corrected: list[Sequence[int | str]] = []
    matches = found(action.target, document)
    for match in reversed(matches):  # what is removed from a list moves what comes after it
        try:
            _apply_at(document, match.value, match.location, action)
        except _Mismatch as mismatch:
            others.insert(0, (match.location, mismatch))
        else:
            corrected.insert(0, match.location)
    if len(corrected) == action.count:
        return None
    unlike = [(at, mismatch) for at, mismatch in others if not _is_made(document, action, at)]
    what = f"{len(corrected)} such places"
    if unlike and len(corrected) < (action.count or 0):
        differing = [f"{_named(location)}: {mismatch}" for location, mismatch in unlike[:_LISTED]]
        if len(unlike) > _LISTED:
            differing.append(f"{len(unlike) - _LISTED} more")
        what += f"; others are not: {'; '.join(differing)}"
    kind = "count"
    if not corrected:
        kind = "changed" if unlike else "fixed" if matches or action.remove else "gone"
    elif len(corrected) > (action.count or 0):
        what += f", and for the last ones: {', '.join(map(_named, corrected[-_LISTED:]))}"
    if kind == "count":
        what += f" (x-count: {len(corrected)})"
    expected = f"{action.count} places where it is {_expected(action)}"
    return Stale(
        action.document,
        action.target,
        action.reason,
        what,
        expected,
        kind,
        action.target if kind == "gone" else "",
        _advice(kind, action, [action]),
        count=len(corrected) if kind == "count" else None,
        group=action.group,
    )


def _apply_at(document: dict[str, Node], node: Node, location: Sequence[int | str], action: Action) -> None:
    if action.remove:
        if node != action.expect:
            message = f"found {_short(node)}"
            raise _Mismatch(message)
        del _parent(document, location)[location[-1]]
    elif action.rename is not None:
        _check_expected(node, action.expect, at="")
        rename_key(_parent(document, location), location[-1], action.rename)
    elif isinstance(node, list):
        _append(node, [action.update])
    elif isinstance(node, dict) and isinstance(action.update, dict):
        _check_expected(node, action.expect, at="")
        for key in action.absent:
            if key in node:
                message = f"{key} is published now, as {_short(node[key])}"
                raise _Mismatch(message, "published")
        _merge(deepcopy(node), action.update, action.expect, at="")  # what does not fit changes nothing
        _merge(node, action.update, action.expect, at="")
    else:
        message = f"an update needs an object or a list, found {_short(node)}"
        raise _Mismatch(message)


# What a stale action means.


def _not_there(document: Mapping[str, Node], target: str) -> _Mismatch:
    """Say which step on the way to a target is missing, and what is nearest to it."""
    steps = segments(target)
    for length in range(1, len(steps) + 1):
        if not found("$" + "".join(steps[:length]), document):
            break
    place = "$" + "".join(steps[:length])
    message = "the target is not there" if length == len(steps) else f"{place} is not there"
    siblings = found("$" + "".join(steps[: length - 1]), document)
    if len(siblings) == 1 and isinstance(siblings[0].value, dict):
        near = get_close_matches(key_of(steps[length - 1]), siblings[0].value, n=1, cutoff=0.7)
        message += f"; the nearest is {near[0]}" if near else ""
    return _Mismatch(message, "gone", place)


def segments(target: str) -> list[str]:
    """Cut a JSONPath into its steps: `$.paths['/run/'].get` gives `.paths`, `['/run/']`, `.get`."""
    steps: list[str] = []
    depth, quote, begin = 0, "", 1
    for at, char in enumerate(target):
        if quote:
            quote = "" if char == quote and target[at - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif depth == 0 and at > begin and char in ".[":
            steps.append(target[begin:at])
            begin = at
        depth += (char == "[") - (char == "]") if not quote else 0
    return [*steps, target[begin:]] if target[begin:] else steps


def key_of(segment: str) -> str:
    """Return the key that a step of a JSONPath selects."""
    return segment.strip(".[]'\"")


def _named(location: Sequence[int | str]) -> str:
    """Name a place for people: `/run/ get parameters 3`."""
    steps = [str(step) for step in location]
    return " ".join(steps[1:] if steps[:1] == ["paths"] else steps)


def _stale(
    document: Mapping[str, Node], action: Action, mismatch: _Mismatch, members: Sequence[Action]
) -> Stale:
    kind, place = mismatch.kind, mismatch.place
    if _is_group_made(document, members):
        kind, place = "fixed", ""
    along = tuple(one.target for one in members if one is not action)
    advice = _advice(kind, action, members)
    return Stale(
        action.document,
        action.target,
        action.reason,
        str(mismatch),
        _expected(action),
        kind,
        place,
        advice,
        along,
        group=action.group,
    )


def _expected(action: Action) -> str:
    if action.rename is not None or action.expect not in ({}, None):
        return _short(action.expect) if action.expect not in ({}, None) else "anything"
    return "not there" if not action.remove else _short(action.expect)


def _advice(kind: str, action: Action, members: Sequence[Action]) -> str:
    which = (
        "this action" if len(members) == 1 else f"the {len(members)} actions of the group {action.group!r}"
    )
    match kind:
        case "fixed":
            return f"upstream fixed it: delete {which} from {action.document} and run scripts/regenerate"
        case "gone":
            return f"if upstream withdrew the place, delete {which}; if it moved or was renamed, correct the target"
        case "published":
            return (
                f"upstream publishes this now, and differently: delete {which}, and add a repair if the service "
                "answers as it says there"
            )
        case "count":
            return (
                "see that the reason holds for each of the places that were found, and write their number "
                "(`pull --recount` does it)"
            )
        case _:
            return (
                f"upstream changed it to something else: if the document is right now, delete {which}; else correct "
                "what is expected and what is made of it"
            )


def _is_group_made(document: Mapping[str, Node], members: Sequence[Action]) -> bool:
    """Tell whether the document already says what a group would make of it."""
    steps = {action.target: segments(action.target) for action in members}
    made_again = {
        (*steps[action.target], f".{key}")
        for action in members
        if isinstance(action.update, dict)
        for key in action.update
    }
    for action in members:
        matches = found(action.target, document)
        if action.remove or action.rename is not None:
            parents = found("$" + "".join(steps[action.target][:-1]), document)
            if len(parents) != 1:
                return False
            parent: Node = parents[0].value
            if action.rename is not None and action.rename not in parent:
                return False
            again = (*steps[action.target][:-1], f".{key_of(steps[action.target][-1])}") in made_again
            if matches and not (again and action.remove):
                return False
        elif len(matches) != 1 or not says(matches[0].value, action.update):
            return False
    return True


def _is_made(document: Mapping[str, Node], action: Action, location: Sequence[int | str]) -> bool:
    return not action.remove and says(_parent(document, [*location, ""]), action.update)


def says(node: Node, update: Node) -> bool:
    """Tell whether a node holds all that an update would put there."""
    if isinstance(node, dict) and isinstance(update, dict):
        return all(key in node and says(node[key], value) for key, value in update.items())
    if isinstance(node, list):
        return all(item in node for item in (update if isinstance(update, list) else [update]))
    return bool(node == update)


def _parent(document: Node, location: Sequence[int | str]) -> Node:
    return reduce(getitem, location[:-1], document)


def rename_key(parent: Node, old: int | str, new: str) -> None:
    """Give a member of an object another key, in its place."""
    if not isinstance(parent, dict):
        message = f"{old!r} is not a key but the position of an item"
        raise _Mismatch(message)
    if new in parent:
        message = f"{new} is published now"
        raise _Mismatch(message, "published")
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
        elif isinstance(node[key], dict) and isinstance(value, dict) and "$ref" not in {*node[key], *value}:
            _merge(node[key], value, stated.get(key, {}), here)
        elif isinstance(node[key], list) and isinstance(value, list):
            _append(node[key], value)
        elif key in stated:
            node[key] = deepcopy(value)
        else:
            message = f"{here} is published now, as {_short(node[key])}"
            raise _Mismatch(message, "published")


def _append(items: list[Node], new: list[Node]) -> None:
    for item in new:
        same = [old for old in items if _identity(old) == _identity(item)]
        if same:
            message = f"{_short(same[0])} is published now"
            raise _Mismatch(message, "published")
        items.append(deepcopy(item))


def _identity(item: Node) -> Node:
    """Parameters are one and the same by name and place, whatever else they say; other items by value."""
    if isinstance(item, dict) and "name" in item and "in" in item:
        return (item["name"], item["in"])
    return item


def _short(node: Node, limit: int = 120) -> str:
    text = repr(node)
    return text if len(text) <= limit else text[: limit - 1] + "…"
