"""Which names a user may mean: those that hold all words, match a glob or an expression, best first; and the nearest ones.

No I/O. The order is total, so that it does not depend on the order in which names come.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import Any

from cmsdials.errors import FilterError
from cmsdials.redaction import shortened

__all__ = ["glob_of", "is_glob", "natural", "nearest", "nearest_in_words", "ranked"]

_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
"""PXLayer_2 -> PX, Layer, 2."""
_DIGITS = re.compile(r"(\d+)", re.ASCII)
_WHOLE, _BEGINS, _INSIDE = 3.0, 2.0, 1.0
_MOST = 3


def ranked(names: Iterable[str], text: Any = None, regex: Any = None) -> list[str]:
    """Return the names that are meant, best first.

    Args:
        names: All that there are.
        text: Words that a name must hold, all of them, in any order and case; or a glob, if it holds * or ?, that fits
            the name, or what follows one of its slashes. None for any.
        regex: A regular expression of Python, or a compiled one, that is found in the name, besides. None for any.

    Raises:
        FilterError: The expression is none, or one of them is not text.
    """
    fits = _search_of(regex)
    if text is None or (isinstance(text, str) and not text.strip()):
        return sorted(filter(fits, {*names}), key=natural)
    if not isinstance(text, str):
        message = f"what to look for must be text, not {type(text).__name__}"
        raise FilterError(message, advice="Give words, a glob, or a regular expression as regex=...")
    if is_glob(text):
        is_meant = glob_of(text)
        found = {name for name in names if name == text or is_meant(name)}
        return sorted(filter(fits, found), key=lambda name: (name != text, natural(name)))
    words = _Words(text)
    held = {name: words.key(name) for name in {*names} if fits(name) and words.are_in(name)}
    return sorted(held, key=lambda name: held[name])


class _Words:
    """The words of a query.

    A word counts more where it is a whole word of the name than where it begins one, and more there than in the middle
    of one: "layer 2" means PXLayer_2 and not PXLayer_12. Then come words that follow each other as in the query, words
    in the last part of the path, and the shorter name.
    """

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        words = self._text.lower().split()
        # Sets, because a word that comes twice says nothing more; in order, for those that follow each other.
        patterns = {word: _pattern_of(word) for word in words}
        self._words = {word: re.compile(pattern) for word, pattern in patterns.items()}
        self._pairs = [
            re.compile(rf"{patterns[one]}[\W_]*{patterns[other]}") for one, other in pairwise(words)
        ]

    def are_in(self, name: str) -> bool:
        lower = name.lower()
        return name == self._text or all(word.search(lower) for word in self._words.values())

    def key(self, name: str) -> tuple[Any, ...]:
        """Return what to sort by: the best name has the least."""
        lower, wanted = name.lower(), self._text.lower()
        leaf = lower.rfind("/") + 1
        starts, ends = {0}, {len(name)}
        for piece in _PIECE.finditer(name):
            starts.add(piece.start())
            ends.add(piece.end())
        quality = sum(_quality(one, word, lower, starts, ends) for word, one in self._words.items())
        following = sum(pair.search(lower) is not None for pair in self._pairs)
        in_leaf = sum(one.search(lower, leaf) is not None for one in self._words.values())
        exact = (name != self._text, lower != wanted, lower[leaf:] != wanted)
        return (*exact, -quality, -following, -in_leaf, len(name), natural(name))


def _pattern_of(word: str) -> str:
    """Return what finds a word, in which underscores and blanks may be left out: layer2 finds Layer_2."""
    between = ("[ _]*" if one.isalnum() and other.isalnum() else "" for one, other in pairwise(word))
    return "".join(f"{re.escape(one)}{gap}" for one, gap in zip(word, [*between, ""], strict=True))


def _quality(pattern: re.Pattern[str], word: str, name: str, starts: set[int], ends: set[int]) -> float:
    best = 0.0
    for match in pattern.finditer(name):
        first, end = match.span()
        begins = first in starts or not name[first].isalnum()
        is_whole = begins and (end in ends or not name[end - 1].isalnum())
        found = _WHOLE if is_whole else _BEGINS if begins else _INSIDE
        best = max(best, found - (0.5 if end - first > len(word) else 0.0))
    return best


def is_glob(text: str) -> bool:
    """Whether a text is a glob: it holds * or ?."""
    return "*" in text or "?" in text


@lru_cache(maxsize=64)
def glob_of(pattern: str) -> Callable[[str], bool]:
    """Return what decides whether a glob fits a name, or what follows one of its slashes, in any case.

    * stands for any text, slashes too, ? for one character, [12] for one of these.
    """
    match = re.compile(rf"(?:.*/)?(?:{fnmatch.translate(pattern.lower())})", re.DOTALL).match
    return lambda name: match(name.lower()) is not None


def _search_of(regex: Any) -> Callable[[str], bool]:
    if regex is None:
        return lambda _name: True
    try:
        search = re.compile(regex).search
        search("")  # an expression of bytes finds nothing in text
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        shown = shortened(repr(getattr(regex, "pattern", regex)), 100)
        message = f"regex={shown} is no regular expression of Python: {error}"
        raise FilterError(
            message, advice="To find text as it is, give it as words, or through re.escape()."
        ) from None
    return lambda name: search(name) is not None


def natural(name: str) -> tuple[Any, ...]:
    """Return what to sort a name by, so that Layer_2 comes before Layer_12."""
    parts = _DIGITS.split(name)
    numbers = [one.lstrip("0") for one in parts[1::2]]
    keys = [
        (text.lower(), len(number), number) for text, number in zip(parts[::2], [*numbers, ""], strict=True)
    ]
    return (*keys, name)


def nearest(value: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that are like a wrong one: those that hold it, are spelt like it, or hold its words."""
    known: Sequence[str] = sorted({*names}, key=lambda name: (len(name), name))
    part = value.strip().lower()
    if not part:
        return []
    if holding := [one for one in known if part in one.lower()]:
        return holding[:_MOST]
    lower = {one.lower(): one for one in known}
    if like := get_close_matches(part, lower):
        return [lower[one] for one in like]
    words = {piece[0].lower() for piece in _PIECE.finditer(value)}
    held = {one: sum(word in one.lower() for word in words) for one in known}
    most = max(held.values(), default=0)
    return [one for one in known if held[one] == most][:_MOST] if most else []


def nearest_in_words(value: str, names: Iterable[str]) -> str:
    """Return the nearest names as a note says them; empty if there are none."""
    near = nearest(value, names)
    return f"the nearest: {', '.join(map(repr, near))}" if near else ""
