"""Whether a client is affected when a set of values becomes narrower or wider.

A request may be widened and an answer may be narrowed; the other way round breaks a client.
"""

from __future__ import annotations

from typing import Any, Literal

Severity = Literal["breaking", "compatible"]
Effect = Literal["narrowed", "widened", "changed"]
Direction = Literal["request", "answer"]


def severity(effect: Effect, direction: Direction) -> Severity:
    """Judge what happened to the values that travel in a direction."""
    if effect in ("changed", "narrowed" if direction == "request" else "widened"):
        return "breaking"
    return "compatible"


def bound_severity(effect: Effect, direction: Direction) -> Severity:
    """Judge what only limits values further: a client reads an answer outside the limits just as well."""
    return severity(effect, direction) if direction == "request" else "compatible"


def effect_of_rule(old: Any, new: Any) -> Effect:
    """Say how a changed rule affects the set of values; None means no rule."""
    if old is None:
        return "narrowed"
    return "widened" if new is None else "changed"
