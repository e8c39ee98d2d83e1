"""Limits of numbers, lengths and counts, and related rules: which differ, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, TypeGuard

from .document import Scalar
from .severity import Effect, effect_of_rule

_LEAST_COUNTS = ("minLength", "minItems", "minProperties")
_MOST_COUNTS = ("maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", *_LEAST_COUNTS)
UPPER = ("maximum", "exclusiveMaximum", *_MOST_COUNTS)


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def changed_limits(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, Scalar, Scalar, Effect]]:
    """List the limits that differ: keyword, old, new, effect."""
    for side in ("minimum", "maximum"):
        before, after = _bound(old, side), _bound(new, side)
        if before != after:
            yield side, _shown(before, side), _shown(after, side), _effect(side, raised=after > before)
    for keyword in (*_LEAST_COUNTS, *_MOST_COUNTS):
        count, later = (one.get(keyword) if is_number(one.get(keyword)) else None for one in (old, new))
        none = 0 if keyword in _LEAST_COUNTS else inf
        low, high = (none if one is None else one for one in (count, later))
        if low != high:
            yield keyword, count, later, _effect(keyword, raised=high > low)
    for keyword in ("pattern", "multipleOf", "uniqueItems"):
        rule, other = old.get(keyword) or None, new.get(keyword) or None
        if rule != other:
            yield keyword, rule, other, effect_of_rule(rule, other)


def _effect(keyword: str, *, raised: bool) -> Effect:
    return "widened" if raised == (keyword in UPPER) else "narrowed"


def _bound(keywords: Mapping[str, Any], side: str) -> tuple[float, int]:
    """Return a bound so that bounds order by what they let through: exclusive is a little further in."""
    lower = side == "minimum"
    inclusive, exclusive = keywords.get(side), keywords.get(f"exclusive{side.capitalize()}")
    bounds: list[tuple[float, int]] = [(-inf, 0) if lower else (inf, 1)]
    if is_number(inclusive):
        bounds.append((inclusive, int((exclusive is True) == lower)))
    if is_number(exclusive):  # OpenAPI 3.1; in 3.0 it is a boolean
        bounds.append((exclusive, int(lower)))
    return max(bounds) if lower else min(bounds)


def _shown(bound: tuple[float, int], side: str) -> Scalar:
    value, flag = bound
    if value in (-inf, inf):
        return None
    return f"{value} (exclusive)" if flag == (side == "minimum") else value
