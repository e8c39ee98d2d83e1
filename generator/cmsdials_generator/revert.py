"""Undoing corrections: the corrected document as it would be without some of them.

A document that no longer fits a correction is compared with that, so that only what upstream has changed differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy

from .overlay_document import Action, Node, found, key_of, rename_key, says, segments


def revert(
    document: Mapping[str, Node], actions: Iterable[Action], among: Sequence[Action]
) -> dict[str, Node]:
    """Return a corrected document as it would be without some of its corrections, as far as these can be undone.

    Args:
        document: The corrected document.
        actions: The corrections to undo.
        among: All corrections, in order.
    """
    chosen = [*actions]  # not a set: they hold JSON, which has no hash
    undone = [action for action in among if action in chosen]
    before = deepcopy(dict(document))
    for action in reversed(undone):
        target = action.target
        for later in among[among.index(action) + 1 :]:
            if later.rename is not None and later not in undone:
                steps, moved = segments(target), segments(later.target)
                if steps[: len(moved)] == moved:
                    target = "$" + "".join([*moved[:-1], f"['{later.rename}']", *steps[len(moved) :]])
        _undo(before, action, target)
    return before


def _undo(document: dict[str, Node], action: Action, target: str) -> None:
    steps = segments(target)
    if action.remove or action.rename is not None:
        for parent in found("$" + "".join(steps[:-1]), document):
            if isinstance(parent.value, dict):
                if action.rename is not None and action.rename in parent.value:
                    rename_key(parent.value, action.rename, key_of(steps[-1]))
                elif action.remove and action.count is None:
                    parent.value.setdefault(key_of(steps[-1]), deepcopy(action.expect))
        return
    left = action.count or 1
    for match in found(target, document):
        if left and says(match.value, action.update):
            left -= 1
            node: Node = match.value
            if isinstance(node, list):
                node.remove(action.update)
            else:
                _undo_update(node, action.update, action.expect)


def _undo_update(node: dict[str, Node], update: Mapping[str, Node], expect: Node) -> None:
    stated = expect if isinstance(expect, dict) else {}
    for key, value in update.items():
        if (
            isinstance(value, dict)
            and isinstance(node.get(key), dict)
            and (key in stated or node[key] != value)
        ):
            _undo_update(node[key], value, stated.get(key, {}))
        elif (
            isinstance(value, list)
            and isinstance(node.get(key), list)
            and key not in stated
            and node[key] != value
        ):
            node[key] = [item for item in node[key] if item not in value]
        elif key in stated:
            node[key] = deepcopy(stated[key])
        else:
            node.pop(key, None)
