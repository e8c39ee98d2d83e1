"""A reference as one number: given as it is, or calculated of other histograms."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, nan
from numbers import Real
from typing import Any

import numpy as np
from attrs import evolve, frozen

from cmsdials.errors import ConfigurationError
from cmsdials.plotting.numerals import with_error
from cmsdials.plotting.reference import reference_of
from cmsdials.plotting.sections import sections_of
from cmsdials.plotting.subject import Subject
from cmsdials.plotting.verdicts import verdicts_of
from cmsdials.redaction import shortened
from cmsdials.table.columns import Array

__all__ = ["Level", "level_of"]


@frozen(eq=False)
class Level:
    """A number to hold others against.

    Attributes:
        value: The number; NaN if it does not exist.
        error: Its uncertainty; NaN if it is not known.
        name: What it is called.
    """

    value: float
    error: float
    name: str

    @property
    def around(self) -> list[float]:
        """The number and the ends of its uncertainty, as far as they exist."""
        every = (self.value, self.value - self.error, self.value + self.error)
        return [one for one in every if isfinite(one)]

    def divided(self, by: float) -> Level:
        """Return the same in another unit."""
        return Level(self.value / by, self.error / by, self.name)


def level_of(
    subject: Subject,
    reference: Any,
    quantity: Callable[[Subject], tuple[Array, Array | None]],
    *,
    is_of_sum: bool,
) -> Level | None:
    """Return the level of a reference; None if there is none.

    Args:
        subject: What is drawn.
        reference: A number, or a pair of a number and its uncertainty; or other histograms.
        quantity: Calculates a number for each row, and its uncertainty.
        is_of_sum: Whether it is taken of the sum of other histograms; otherwise of each, and then their mean.

    Raises:
        ConfigurationError: The reference is neither.
        BinningError: The other histograms have another binning.
    """
    if reference is None:
        return None
    pair = reference if isinstance(reference, tuple | list) and len(reference) == 2 else (reference, None)
    if _is_number(pair[0]) and (pair[1] is None or _is_number(pair[1])):
        return _given(*pair)
    other = reference_of(subject, reference)
    rows = other.rows
    if rows is None or (is_of_sum and len(rows)):
        rows = _one_row(subject, other.added, other.edges)
    with np.errstate(all="ignore"):
        values, errors = quantity(rows)
        chosen = np.isfinite(values) & verdicts_of(rows, None, None).is_measured
        value, error = _mean(values[chosen], None if errors is None else errors[chosen])
    number = f"{with_error(value, error)}, " if isfinite(value) else ""
    return Level(value, error, f"Reference: {number}{other.name}")


def _given(value: Any, error: Any) -> Level:
    try:
        number, uncertainty = float(value), nan if error is None else float(error)
    except OverflowError:
        number = uncertainty = nan
    if not isfinite(number) or (error is not None and not 0 <= uncertainty < np.inf):
        message = f"reference cannot be {shortened(repr(value if error is None else (value, error)), 60)}"
        advice = "Give a finite number, or a pair of one and its uncertainty, which is not negative."
        raise ConfigurationError(message, advice=advice)
    name = f"Reference: {number:g}" + ("" if error is None else f" \N{PLUS-MINUS SIGN} {uncertainty:g}")
    return Level(number, uncertainty, name)


def _one_row(subject: Subject, contents: Array, edges: tuple[Array, ...]) -> Subject:
    """Return one histogram as a row, which has the fields that can be known."""
    one = np.ones(1, np.int64)
    arrays = {"data": contents[None], "entries": contents.sum(keepdims=True).reshape(1)}
    return evolve(
        subject, arrays=arrays, data=contents[None], edges=edges, sections=sections_of(one, one, one)
    )


def _mean(values: Array, errors: Array | None) -> tuple[float, float]:
    """Return the mean of numbers, and its uncertainty: from theirs, or else from how they scatter."""
    many = len(values)
    if not many:
        return nan, nan
    if errors is not None:
        return float(values.mean()), float(np.sqrt((errors**2).sum()) / many)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(many)) if many > 1 else nan


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
