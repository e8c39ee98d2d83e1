"""What each lumisection counts for in a plot: whether it is good, empty, has few entries, or is measured well."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen

from cmsdials.errors import ConfigurationError
from cmsdials.plotting.canvas import are_good, handle_of_words
from cmsdials.plotting.sections import Sections
from cmsdials.plotting.subject import Subject
from cmsdials.runtime.arguments import checked_count
from cmsdials.table.columns import Array

__all__ = ["Verdicts", "entries_of", "verdicts_of"]

_SHARE = 1 / 25
"""Of the usual entries: with fewer, uncertainties are more than five times as large as usual."""

_NAMES = 24
"""Letters of the names of lumisections, at most."""


@frozen(eq=False)
class Verdicts:
    """Masks of the rows of a subject.

    Attributes:
        sections: Which lumisections they are.
        is_good: In the mask.
        is_empty: There, but all contents are 0.
        is_few: Not empty, but with fewer entries than asked for.
        is_measured: Measured well, compared with the others: these decide the limits of scales.
        min_entries: How many entries were asked for; None for any.
    """

    sections: Sections
    is_good: Array
    is_empty: Array
    is_few: Array
    is_measured: Array
    min_entries: int | None

    @property
    def has_bad(self) -> bool:
        """Whether any is not in the mask."""
        return not self.is_good.all()

    def bad(self, letters: int) -> str:
        """Say how many are not in the mask, and which as far as so many letters allow."""
        many = self.sections.count(~self.is_good)
        return self.named(f"{many} of {self.sections.many} LS not in mask", ~self.is_good, letters)

    def empty(self, letters: int) -> str:
        """Say how many are empty, and which."""
        return self.named(f"{self.sections.count(self.is_empty)} LS empty", self.is_empty, letters)

    def few(self, letters: int) -> str:
        """Say how many have few entries, and which."""
        many = self.sections.count(self.is_few)
        return self.named(f"{many} LS with under {self.min_entries} entries", self.is_few, letters)

    def named(self, text: str, which: Array, letters: int) -> str:
        """Say which lumisections these are after how many, as far as so many letters allow."""
        names = self.sections.names(which, min(_NAMES, letters - len(text) - 2))
        return f"{text}: {names}" if names else text

    @property
    def why_nothing(self) -> str:
        """Why nothing is drawn."""
        if not len(self.is_good):
            return "no lumisections"
        if self.is_empty.all():
            return "all histograms are empty"
        return f"no histogram has {self.min_entries} entries"

    def handles(self, letters: int) -> list[Any]:
        """Return words for a legend on those that are not drawn."""
        return [
            handle_of_words(text)
            for which, text in ((self.is_few, self.few(letters)), (self.is_empty, self.empty(letters)))
            if which.any()
        ]


def verdicts_of(subject: Subject, good: Any, min_entries: Any) -> Verdicts:
    """Say what each row counts for.

    Raises:
        ConfigurationError: The mask is not one, or the entries are not a whole number.
    """
    least = None if min_entries is None else checked_count("min_entries", min_entries)
    is_good = are_good(good, subject.sections)
    is_empty = (subject.data == 0).all(axis=tuple(range(1, subject.data.ndim)))
    entries = entries_of(subject)
    is_few = ~is_empty & (entries < least) if least is not None else np.zeros(len(subject), bool)
    left = ~is_empty & ~is_few
    usual = entries[left & (entries > 0)]
    is_measured = left & (entries >= _SHARE * np.median(usual)) if len(usual) else left
    return Verdicts(subject.sections, is_good, is_empty, is_few, is_measured, least)


def entries_of(subject: Subject) -> Array:
    """Return the entries of each row; the sum of its contents if the rows do not have them.

    Raises:
        ConfigurationError: They are not numbers.
    """
    if "entries" not in subject.arrays:
        with np.errstate(all="ignore"):
            made: Array = subject.data.sum(axis=tuple(range(1, subject.data.ndim)))
        return made
    try:
        return np.asarray(subject.arrays["entries"], np.float64)
    except (TypeError, ValueError):
        message = "the entries of these rows are not all numbers"
        raise ConfigurationError(message, advice="Give the arrays of to_numpy().") from None
