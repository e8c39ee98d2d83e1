"""Undoing corrections: the corrected document as it would be without some of them.

A document that no longer fits a correction is compared with that, so that only what upstream has changed differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy

from .canonical import strip
from .overlay_document import Action, Node, found, key_of, rename_key, segments


def revert(
    document: Mapping[str, Node],
    actions: Iterable[Action],
    among: Sequence[Action],
    beside: Mapping[str, Node] | None = None,
) -> dict[str, Node]:
    """Return a corrected document as it would be without some of its corrections, as far as these can be undone.

    Args:
        document: The corrected document, in our words or none.
        actions: The corrections to undo.
        among: All corrections, in order.
        beside: A document that it will be compared with. Where that is corrected all the same, as it may be by an
            action of many places, nothing is undone.
    """
    chosen = [*actions]  # not a set: they hold JSON, which has no hash
    undone = [action for action in among if action in chosen]
    before = strip(document)
    for action in reversed(undone):
        target = action.target
        for later in among[among.index(action) + 1 :]:
            if later.rename is not None and later not in undone:
                steps, moved = segments(target), segments(later.target)
                if steps[: len(moved)] == moved:
                    target = "$" + "".join([*moved[:-1], f"['{later.rename}']", *steps[len(moved) :]])
        _undo(before, action, target, beside)
    return before


def _undo(document: dict[str, Node], action: Action, target: str, beside: Mapping[str, Node] | None) -> None:
    steps = segments(target)
    if action.remove or action.rename is not None:
        for parent in found("$" + "".join(steps[:-1]), document):
            if isinstance(parent.value, dict):
                if action.rename is not None and action.rename in parent.value:
                    rename_key(parent.value, action.rename, key_of(steps[-1]))
                elif action.remove and action.count is None:
                    parent.value.setdefault(key_of(steps[-1]), deepcopy(action.expect))
            elif isinstance(parent.value, list) and action.remove:
                parent.value.append(deepcopy(action.expect))
        return
    corrected = []
    if action.count is not None and beside is not None:
        corrected = [
            _identity(beside, match.location)
            for match in found(target, beside)
            if _has(match.value, action.update)
        ]
    left = action.count or 1
    for match in found(target, document):
        node: Node = match.value
        if not left or not _has(node, action.update) or _identity(document, match.location) in corrected:
            continue
        left -= 1
        if isinstance(node, list):
            node[:] = [item for item in node if not _holds(item, action.update)]
        elif isinstance(node, dict):
            _undo_update(node, action.update, action.expect)


def _identity(document: Mapping[str, Node], location: Sequence[int | str]) -> list[Node]:
    """Return where a node is, whatever the order of parameters."""
    node: Node = document
    steps: list[Node] = []
    for step in location:
        node = node[step]
        is_named = isinstance(step, int) and isinstance(node, dict) and "name" in node
        steps.append((node["name"], node.get("in")) if is_named else step)
    return steps


def _has(node: Node, update: Node) -> bool:
    return any(_holds(item, update) for item in node) if isinstance(node, list) else _holds(node, update)


def _undo_update(node: dict[str, Node], update: Mapping[str, Node], expect: Node) -> None:
    stated = expect if isinstance(expect, dict) else {}
    for key, value in update.items():
        was, now = stated.get(key), node.get(key)
        if key in stated and not (isinstance(value, dict) and isinstance(was, dict)):
            node[key] = deepcopy(was)
        elif isinstance(value, dict) and isinstance(now, dict) and (key in stated or not _holds(value, now)):
            _undo_update(now, value, was)
        elif isinstance(value, list) and isinstance(now, list) and not _holds(value, now):
            node[key] = [item for item in now if item not in value]
        else:
            node.pop(key, None)


def _holds(node: Node, update: Node) -> bool:
    """Tell whether a node says what an update does, but for words, which were dropped."""
    if isinstance(node, dict) and isinstance(update, dict):
        return all(
            _holds(node[key], value) if key in node else key == "description" and isinstance(value, str)
            for key, value in update.items()
        )
    if isinstance(node, list) and isinstance(update, list):
        return all(any(_holds(one, item) for one in node) for item in update)
    return bool(node == update)
