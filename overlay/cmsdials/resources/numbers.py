"""Runs and lumisections as arguments name them: one, a range, or any collection."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from cmsdials.errors import FilterError
from cmsdials.filters import checked_value

__all__ = ["Numbers", "between", "ends", "numbers_of"]

Numbers = int | Iterable[int]


def numbers_of(what: str, given: Any) -> Collection[int]:
    """Return the runs or lumisections that an argument names: one number, a range, or any collection of them.

    Raises:
        FilterError: There is none, or one is not a whole number.
    """
    if isinstance(given, range):
        if not given:
            message = f"{what}={given!r} holds no number"
            raise FilterError(
                message, advice="The first number of a range comes first, and its end is left out."
            )
        return given
    is_one = isinstance(given, str) or not isinstance(given, Iterable) or getattr(given, "ndim", None) == 0
    return frozenset(
        [checked_value(what, "integer", given)] if is_one else checked_value(what, "integers", given)
    )


def between(name: str, numbers: Collection[int]) -> dict[str, Any]:
    """Return the filters of a number from the least to the largest of some."""
    low, high = ends(numbers)
    return {name: low} if low == high else {f"{name}__gte": low, f"{name}__lte": high}


def ends(numbers: Collection[int]) -> tuple[int, int]:
    """Return the least and the largest of some numbers, also of a range that is too long to go through."""
    of = (numbers[0], numbers[-1]) if isinstance(numbers, range) else numbers
    return min(of), max(of)
