r"""Regular expressions as the service reads them: PostgreSQL's, which are not Python's.

The service hands a pattern to PostgreSQL's operator ``~`` (advanced regular expressions, chapter 9.7.3 of its manual).
A pattern that PostgreSQL rejects causes an HTTP 500, and one that the two read differently matches other names than its
author meant. Both are refused here, with the correct way to write them; nothing is ever rewritten. Syntax that only
PostgreSQL knows, such as ``\y`` and ``[[:alpha:]]``, is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, NoReturn

__all__ = ["Refusal", "refusal_of", "search_of"]

MOST_REPEATS = 255
"""PostgreSQL's limit on the bounds of ``{m,n}``."""

_SAME = frozenset("dDwWsSAZafnrtv")  # escapes with the same meaning in both
_ONLY_POSTGRESQL = frozenset("mMyYceB0") - {"B"}
_CLASSES = frozenset(
    "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit".split()  # noqa: SIM905
)
_EDGES = ("[[:<:]]", "[[:>:]]")  # of words, where they are all that the brackets hold
_NAMES = frozenset(  # of characters, as in [[.hyphen.]]
    """NUL SOH STX ETX EOT ENQ ACK BEL alert BS backspace HT tab LF newline VT vertical-tab FF form-feed CR
    carriage-return SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC IS4 FS IS3 GS IS2 RS IS1 US space
    exclamation-mark quotation-mark number-sign dollar-sign percent-sign ampersand apostrophe left-parenthesis
    right-parenthesis asterisk plus-sign comma hyphen hyphen-minus period full-stop slash solidus zero one two three
    four five six seven eight nine colon semicolon less-than-sign equals-sign greater-than-sign question-mark
    commercial-at left-square-bracket backslash reverse-solidus right-square-bracket circumflex circumflex-accent
    underscore low-line grave-accent left-brace left-curly-bracket vertical-line right-brace right-curly-bracket
    tilde DEL""".split()  # noqa: SIM905
)
_OPTIONS_OF_BOTH = frozenset("imsx")
_OPTIONS = frozenset("bceimnpqstwx")
_QUANTIFIERS = frozenset("*+?")
_BOUND = re.compile(r"\{(\d+)(,(\d*))?\}")

_ESCAPED = (
    "To find the text as it is, pass it through re.escape(), or write a backslash before such characters."
)


class Refusal(NamedTuple):
    """Why a pattern is refused, and how to write it instead."""

    problem: str
    advice: str


def refusal_of(pattern: str) -> Refusal | None:
    """Say why a pattern must not be sent to the service; None if it may be."""
    try:
        _Reader(pattern).read()
    except _Refused as refused:
        return refused.refusal
    return None


_OF_BOTH = re.compile(
    r"""
    (?: [\w\ !"#%&',/:;<=>@`~-] | \. | \\[dDwWsS] | \\[^\w\s]
      | \[\^?\]?(?: [\w\ !"#$%&'()*+,./:;<=>?@^`{|}~-] | \\[dDwWsS] | \\[^\w\s] )*\]
    )(?: (?P<repeats>[*+]|\{\d+(?:,\d*)?\})\?? | (?P<optional>\?)\?? )?
    | (?P<bar>\|) | (?P<group>\((?:\?:)?) | \)(?P<perhaps>\?)? | [$^]
    """,
    re.ASCII | re.VERBOSE,
)
"""A piece of a pattern that PostgreSQL and Python read alike in ASCII text. Repeated groups are left out: they can take
Python for ever."""

_OF_PYTHON_SETS = re.compile(r"--|&&|~~|\|\|")
_MOST_REPEATED, _MOST_CHOICES, _LONGEST_TEXT = 2, 6, 200
"""Limits that keep a search short, whatever the text: Python goes back and forth where PostgreSQL does not."""


@lru_cache(maxsize=32)
def search_of(pattern: str) -> Callable[[str], bool] | None:
    """Return what decides whether PostgreSQL finds a pattern in a text; None where Python might decide otherwise.

    Of a text that the two might read differently, or that is long, it says that the pattern is there.
    """
    rest = pattern.removeprefix("(?i)")
    pieces = [*_OF_BOTH.finditer(rest)]
    if "".join(piece[0] for piece in pieces) != rest or _OF_PYTHON_SETS.search(rest):
        return None
    counts = {name: sum(piece[name] is not None for piece in pieces) for name in _OF_BOTH.groupindex}
    choices = counts["optional"] + counts["perhaps"] + (counts["bar"] if counts["group"] > 1 else 0)
    if counts["repeats"] > _MOST_REPEATED or choices > _MOST_CHOICES:
        return None
    try:
        found = re.compile(pattern, re.ASCII).search
    except re.error:
        return None
    return lambda text: len(text) > _LONGEST_TEXT or not _is_plain(text) or found(text) is not None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def _fail(problem: str, advice: str = _ESCAPED) -> NoReturn:
    raise _Refused(Refusal(problem, advice))


class _Group:
    """An open parenthesis."""

    def __init__(self, number: int | None, opened_before: int, *, looks: bool) -> None:
        self.number = number
        self.opened_before = opened_before if number is None else number
        self.looks = looks  # within a lookaround
        self.captured_before = 0


class _Reader:
    """Reads a pattern once, from left to right, as PostgreSQL's parser does."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._groups: list[_Group] = []
        self._opened = 0
        self._closed: set[int] = set()
        self._within: set[int] = set()  # groups within the parenthesis that has just been closed
        self._repeated: set[int] = set()
        self._captures_in_lookaround = False
        self._can_repeat = False  # whether what has just been read takes a quantifier
        self._expanded = False

    def read(self) -> None:
        if not self._beginning():
            return
        while self._at < len(self._text):
            self._one()
        if self._groups:
            _fail("a parenthesis ( is not closed")

    # --- the beginning

    def _beginning(self) -> bool:
        """Read directors and options at the front; return whether there is more to read."""
        text = self._text
        if text.startswith("***="):
            return False  # the rest is plain text
        if text.startswith("***"):
            if not text.startswith("***:"):
                _fail("*** is followed by neither = nor :", "Write ***: or ***=, or leave the stars out.")
            self._at = 4
        options = re.compile(r"\(\?([a-zA-Z]+)\)").match(text, self._at)
        if options is None:
            return True
        unknown = sorted(set(options[1]) - _OPTIONS)
        if unknown:
            _fail(
                f"(?{options[1]}) has options that PostgreSQL does not know: {', '.join(unknown)}",
                "It knows (?i) for upper and lower case alike.",
            )
        self._at = options.end()
        self._expanded = "x" in options[1]
        return not set(options[1]) & {"b", "e", "q"}  # other grammars, which Python does not have

    # --- one piece

    def _one(self) -> None:
        text, at = self._text, self._at
        character = text[at]
        if self._expanded and character.isspace():
            self._at += 1
        elif self._expanded and character == "#":
            end = text.find("\n", at)
            self._at = len(text) if end < 0 else end + 1
        elif character == "\\":
            self._escape()
        elif character == "[":
            self._bracket()
        elif character == "(":
            self._open()
        elif character == ")":
            self._close()
        elif character in _QUANTIFIERS or (character == "{" and text[at + 1 : at + 2].isdigit()):
            self._quantifier()
        elif self._expanded and character == "{" and text[at + 1 : at + 2].isspace():
            _fail("blanks in a bound are skipped by PostgreSQL here", "Write \\{ for the character itself.")
        elif character == "{":
            if re.compile(r"\{,\d*\}").match(text, at):
                _fail("{,n} is text to PostgreSQL", "Write {0,n}.")
            self._atom(1)
        elif character in "^$|":
            self._at += 1
            self._can_repeat = False
        else:
            self._atom(1)

    def _atom(self, length: int) -> None:
        self._at += length
        self._can_repeat = True

    def _quantifier(self) -> None:
        text, at = self._text, self._at
        if not self._can_repeat:
            _fail(
                f"there is nothing that {text[at]} can repeat, as PostgreSQL reads it",
                f"Write \\{text[at]} for the character itself.",
            )
        if text[at] == "{":
            bound = _BOUND.match(text, at)
            if bound is None:
                _fail(
                    "{ with a number is not closed as {m}, {m,} or {m,n}",
                    "Write \\{ for the character itself.",
                )
            most = max(int(bound[1]), int(bound[3] or 0))
            if most > MOST_REPEATS:
                _fail(
                    f"{bound[0]} repeats more than {MOST_REPEATS} times",
                    f"PostgreSQL's limit is {MOST_REPEATS}.",
                )
            if bound[3] and int(bound[3]) < int(bound[1]):
                _fail(f"{bound[0]} has its least above its most", "Swap the two.")
            self._at = bound.end()
        else:
            self._at += 1
        if text[self._at : self._at + 1] == "?":
            self._at += 1
        if text[at - 1] == ")":
            self._repeated |= self._within
        self._can_repeat = False
        following = text[self._at : self._at + 1]
        if following == "+":
            _fail("possessive quantifiers such as ++ are Python's", "Leave the second + out.")

    # --- parentheses

    def _open(self) -> None:
        text, at = self._text, self._at
        within = any(group.looks for group in self._groups)
        if text.startswith("(?#", at):
            end = text.find(")", at)
            self._at = end + 1 if end >= 0 else len(text)
            return
        self._can_repeat = False
        if not text.startswith("(?", at):
            self._opened += 1
            self._captures_in_lookaround |= within
            self._groups.append(_Group(self._opened, self._opened, looks=within))
            self._at += 1
            return
        for opening, looks in (("(?:", False), ("(?=", True), ("(?!", True), ("(?<=", True), ("(?<!", True)):
            if text.startswith(opening, at):
                self._groups.append(_Group(None, self._opened, looks=looks or within))
                self._groups[-1].captured_before = -1 if looks else 0
                self._at += len(opening)
                return
        if re.compile(r"\(\?P?<\w+>").match(text, at) or text.startswith("(?P", at):
            _fail("named groups are Python's", "Use a plain group ( ), and refer to it by number.")
        if text.startswith("(?>", at):
            _fail("atomic groups (?>...) are Python's", "Write (?:...).")
        if re.compile(r"\(\?[a-zA-Z]*(?:-[a-zA-Z]+)?:").match(text, at):
            _fail("options for a part, as (?i:...), are Python's", "Write (?i) at the very beginning.")
        if re.compile(r"\(\?[a-zA-Z]+\)").match(text, at):
            _fail("options stand at the very beginning only", "Move (?...) to the front.")
        _fail(f"PostgreSQL does not know {text[at : at + 4]!r}")

    def _close(self) -> None:
        if not self._groups:
            _fail("a parenthesis ) was never opened", "Write \\) for the character itself.")
        group = self._groups.pop()
        self._within = {number for number in self._closed if number > group.opened_before}
        if group.number is not None:
            self._closed.add(group.number)
            self._within.discard(group.number)
        self._at += 1
        self._can_repeat = group.captured_before != -1  # a lookaround cannot be repeated

    # --- escapes

    def _escape(self) -> None:
        text, at = self._text, self._at
        name = text[at + 1 : at + 2]
        if not name:
            _fail("it ends in a backslash", "Write \\\\ for the character itself.")
        if name == "b":
            _fail(
                "\\b is a backspace to PostgreSQL",
                "Write \\y for the edge of a word (\\m where it begins, \\M where it ends).",
            )
        if name == "B":
            _fail("\\B is a backslash to PostgreSQL", "Write \\Y for anywhere but the edge of a word.")
        if name == "x":
            self._atom(2 + self._hexadecimal(at + 2))
        elif name in "uU":
            length = 4 if name == "u" else 8
            if not re.compile(rf"[0-9A-Fa-f]{{{length}}}").match(text, at + 2):
                _fail(f"\\{name} takes {length} hexadecimal digits")
            self._atom(2 + length)
        elif name.isdecimal() and name.isascii():
            self._reference()
        elif name == "c":
            if at + 2 >= len(text):
                _fail("\\c is followed by no character")
            self._atom(3)
        elif name in _SAME or name in _ONLY_POSTGRESQL or not (name.isascii() and name.isalnum()):
            self._at += 2
            self._can_repeat = name not in "AZmMyY"
        else:
            _fail(f"PostgreSQL does not know the escape \\{name}", f"Write {name} for the character itself.")

    def _hexadecimal(self, at: int) -> int:
        digits = re.compile(r"[0-9A-Fa-f]*").match(self._text, at)
        assert digits is not None  # noqa: S101  # it matches anything
        if not 1 <= len(digits[0]) <= 2:
            _fail(
                "PostgreSQL takes all hexadecimal digits after \\x",
                "Write the character itself, or \\u and four digits.",
            )
        return len(digits[0])

    def _reference(self) -> None:
        digits = re.compile(r"\d+").match(self._text, self._at + 1)
        assert digits is not None  # noqa: S101  # the caller has seen one
        number = int(digits[0])
        if number == 0 or (len(digits[0]) > 1 and number not in self._closed):
            self._atom(1 + len(digits[0]))  # a character by its octal number
            return
        if number not in self._closed:
            _fail(f"\\{number} refers to a group that is not complete there")
        if number in self._repeated:
            _fail(
                f"\\{number} refers to a part of what is repeated, which PostgreSQL forgets each time",
                "Refer to the whole of what is repeated, or write the part out.",
            )
        if self._captures_in_lookaround or any(group.looks for group in self._groups):
            _fail(
                f"\\{number} beside groups in a lookahead: PostgreSQL does not count those",
                "Use (?:...) in lookaheads, and \\1 outside of them.",
            )
        self._atom(1 + len(digits[0]))

    # --- brackets

    def _bracket(self) -> None:
        text = self._text
        if text.startswith(_EDGES, self._at):
            self._at += len(_EDGES[0])
            self._can_repeat = False
            return
        at = self._at + 1
        if text[at : at + 1] == "^":
            at += 1
        first = True
        while True:
            character = text[at : at + 1]
            if not character:
                _fail("a bracket [ is not closed", "Write \\[ for the character itself.")
            if character == "]" and not first:
                break
            at, item = self._item(at)
            if text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("]", ""):
                low = item
                at, high = self._item(at + 1)
                if len(low) != 1 or len(high) != 1 or low > high:
                    _fail(f"{low}-{high} is no range of characters", "Write a dash last: [a-z-].")
                if text[at : at + 1] == "-" and text[at + 1 : at + 2] != "]":
                    _fail("two ranges share a character in brackets", "Write a dash last: [a-z-].")
            first = False
        self._can_repeat = text[self._at : at + 1] not in ("[[:<:]]", "[[:>:]]")
        self._at = at + 1

    def _item(self, at: int) -> tuple[int, str]:
        """Read a character, a class or an escape in brackets; return where it ends, and the character."""
        text = self._text
        for kind in ":.=":
            if not text.startswith(f"[{kind}", at):
                continue
            end = text.find(f"{kind}]", at + 2)
            name = text[at + 2 : end] if end >= 0 else ""
            if name not in _CLASSES if kind == ":" else len(name) != 1 and name not in _NAMES:
                _fail(
                    f"[{kind} in brackets does not begin a class or a name that PostgreSQL knows",
                    "Write the character itself, and [ last or as \\[.",
                )
            return end + 2, name if kind != ":" and len(name) == 1 else ""
        if text[at] != "\\":
            return at + 1, text[at]
        name = text[at + 1 : at + 2]
        if name == "x":
            length = self._hexadecimal(at + 2)
            return at + 2 + length, chr(int(text[at + 2 : at + 2 + length], 16))
        if name.isdecimal() and name.isascii():
            octal = re.compile(r"[0-7]{1,3}").match(text, at + 1)
            if octal is None or (len(octal[0]) == 1 and name != "0"):
                _fail(
                    f"\\{name} in brackets is no character to PostgreSQL",
                    "Write the character itself, or \\u and four digits.",
                )
            return octal.end(), chr(int(octal[0], 8))
        if name in ("u", "U"):
            length = 4 if name == "u" else 8
            digits = text[at + 2 : at + 2 + length]
            if not re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", digits):
                _fail(f"\\{name} takes {length} hexadecimal digits")
            return at + 2 + length, chr(min(int(digits, 16), 0x10FFFF))
        if name and name in "dwsDWS":
            return at + 2, ""
        if name == "c":
            return at + 3, "\x00"
        if name and (name in "abefnrtvB" or not (name.isascii() and name.isalnum())):
            return at + 2, {
                "a": "\a",
                "b": "\b",
                "e": "\x1b",
                "f": "\f",
                "n": "\n",
                "r": "\r",
                "t": "\t",
                "v": "\v",
            }.get(name, name)
        _fail(f"PostgreSQL does not know the escape \\{name} in brackets", "Write the character itself.")
