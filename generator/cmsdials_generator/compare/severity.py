"""Whether a client feels that a set of values became narrower or wider.

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
    """Tell what a rule does to the values that obey it; None is no rule."""
    if old is None:
        return "narrowed"
    return "widened" if new is None else "changed"
