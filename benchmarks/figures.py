"""Arithmetic: from the values of all rounds to a median and its spread. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

__all__ = ["Figure"]


@dataclass(frozen=True)
class Figure:
    """A median, with the smallest and largest value."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Make it from the values of all rounds."""
        return cls(median(values), min(values), max(values))

    @classmethod
    def ratio(cls, over: Sequence[float], under: Sequence[float]) -> Self:
        """Make it from the ratio in each round: what disturbs a whole round cancels out."""
        return cls.of([one / other for one, other in zip(over, under, strict=True)])

    @classmethod
    def difference(cls, more: Sequence[float], less: Sequence[float]) -> Self:
        """Make it from the difference in each round."""
        return cls.of([one - other for one, other in zip(more, less, strict=True)])
