"""From the text of an expression to tokens, one at a time; the options in front of it; escapes.

There are four syntaxes: the usual one ("advanced"), which `(?e)` and `(?b)` in front reduce to what POSIX calls
extended and basic, and plain text after `***=` or `(?q)`.
"""

from dataclasses import dataclass

from cmsdials_sandbox.expressions.tree import BadExpression

_WHITE = " \t\n\v\f\r"
_ESCAPED = {
    "a": "\a",
    "b": "\b",
    "B": "\\",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_PLACES = {"A": "start", "Z": "end", "m": "word start", "M": "word end", "y": "boundary", "Y": "inside"}
_SHORT_CLASSES = {"d": "digit", "s": "space", "w": "word"}
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_HEX = "0123456789abcdefABCDEF"
# The last code point that PostgreSQL accepts as a character.
_LAST_CODE = 0x7FFFFFFE


@dataclass(frozen=True)
class Token:
    """A special sign (`kind` is the sign), or `character`, `class`, `place`, `look`, `back`, `end`."""

    kind: str
    text: str = ""
    number: int = 0
    negated: bool = False


@dataclass
class Options:
    """The options that the front of an expression can set."""

    extended: bool = True
    advanced: bool = True
    literal: bool = False
    any_case: bool = False
    spaced: bool = False
    # Newlines end what `.` and `[^x]` match; `^` and `$` also hold at them.
    newline_stops: bool = False
    newline_anchors: bool = False


class Lexer:
    r"""Reads tokens; `groups` counts the groups opened so far, which decides what `\12` means."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.options = Options()
        self.groups = 0
        self._last = ""
        self._read_director()

    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= len(self.text)

    def sees(self, ahead: str) -> bool:
        """Whether this comes next."""
        return self.text.startswith(ahead, self.position)

    def take(self) -> str:
        """Read one character; raises `BadExpression` at the end."""
        if self.at_end():
            raise BadExpression("ends too early")  # noqa: EM101
        self.position += 1
        return self.text[self.position - 1]

    def skip_white(self) -> None:
        """Skip blanks and comments, if the expression is spaced."""
        while self.options.spaced and not self.at_end():
            if self.text[self.position] in _WHITE:
                self.position += 1
            elif self.sees("#"):
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            else:
                break

    def next(self) -> Token:
        """Return the next token."""
        token = self._next()
        self._last = token.kind
        return token

    def escape(self) -> Token:
        """Read what follows a backslash."""
        c = self.take()
        if not (c.isascii() and c.isalnum()):
            return Token("character", c)
        if c in _ESCAPED:
            return Token("character", _ESCAPED[c])
        if c in _PLACES:
            return Token("place", _PLACES[c])
        if c.lower() in _SHORT_CLASSES:
            return Token("class", _SHORT_CLASSES[c.lower()], negated=c.isupper())
        if c == "c":
            return Token("character", chr(ord(self.take()) & 0x1F))
        if c in "xuU":
            return self._code(c)
        if c.isdigit():
            return self._digits(c)
        message = f"invalid escape \\{c}"
        raise BadExpression(message)

    def _read_director(self) -> None:
        if len(self.text) > 3 and self.sees("***"):
            if self.text[3] == "=":
                self.options = Options(extended=False, advanced=False, literal=True)
            elif self.text[3] != ":":
                raise BadExpression("quantifier operand invalid")  # noqa: EM101
            self.position = 4
        if self.options.literal or not self.sees("(?"):
            return
        start = self.position + 2
        end = start
        while end < len(self.text) and self.text[end].isascii() and self.text[end].isalpha():
            end += 1
        if end == start:
            return
        for letter in self.text[start:end]:
            self._option(letter)
        self.position = end
        if not self.sees(")"):
            raise BadExpression("invalid embedded option")  # noqa: EM101
        self.position += 1

    def _option(self, letter: str) -> None:
        options = self.options
        match letter:
            case "b":
                options.extended = options.advanced = options.literal = False
            case "c":
                options.any_case = False
            case "e":
                options.extended, options.advanced, options.literal = True, False, False
            case "i":
                options.any_case = True
            case "m" | "n":
                options.newline_stops = options.newline_anchors = True
            case "p":
                options.newline_stops, options.newline_anchors = True, False
            case "q":
                options.extended, options.advanced, options.literal = False, False, True
            case "s":
                options.newline_stops = options.newline_anchors = False
            case "t":
                options.spaced = False
            case "w":
                options.newline_stops, options.newline_anchors = False, True
            case "x":
                options.spaced = True
            case _:
                raise BadExpression("invalid embedded option")  # noqa: EM101

    def _next(self) -> Token:
        if self.options.literal:
            return Token("end") if self.at_end() else Token("character", self.take())
        self.skip_white()
        if self.at_end():
            return Token("end")
        if self.sees("[[:<:]]") or self.sees("[[:>:]]"):
            self.position += 7
            return Token("place", "word start" if self.text[self.position - 4] == "<" else "word end")
        c = self.take()
        if c == "[":
            negated = self.sees("^")
            self.position += negated
            return Token("[", negated=negated)
        if c == ".":
            return Token(c)
        return self._extended(c) if self.options.extended else self._basic(c)

    def _extended(self, c: str) -> Token:
        advanced = self.options.advanced
        if c in "*+?":
            self.skip_preference()
            return Token(c)
        if c == "{":
            self.skip_white()
            is_bound = not self.at_end() and self.text[self.position] in "0123456789"
            return Token("{") if is_bound else Token("character", c)
        if c == "(" and advanced and self.sees("?"):
            return self._special_parenthesis()
        if c in "|()^$":
            return Token(c)
        if c == "\\":
            return self.escape() if advanced else Token("character", self.take())
        return Token("character", c)

    def skip_preference(self) -> None:
        """Skip the `?` of a lazy quantifier: it changes where, never whether, something matches."""
        if self.options.advanced and self.sees("?"):
            self.position += 1

    def _special_parenthesis(self) -> Token:
        start = self.position - 1
        for look in _LOOKS:
            if self.text.startswith(look, start):
                self.position = start + len(look)
                return Token("look", look)
        if self.sees("?:"):
            self.position += 2
            return Token("(", "?:")
        if self.sees("?#"):
            end = self.text.find(")", self.position)
            self.position = len(self.text) if end < 0 else end + 1
            return self._next()
        raise BadExpression("quantifier operand invalid")  # noqa: EM101

    def _basic(self, c: str) -> Token:
        at_start = self._last in {"", "("}
        if c == "*":
            return Token("character", c) if at_start or self._last == "^" else Token(c)
        if c == "^":
            return Token(c) if at_start else Token("character", c)
        if c == "$":
            self.skip_white()
            return Token(c) if self.at_end() or self.sees("\\)") else Token("character", c)
        if c != "\\":
            return Token("character", c)
        c = self.take()
        if c in "{()":
            return Token(c)
        if c in "<>":
            return Token("place", "word start" if c == "<" else "word end")
        if c in "123456789":
            return Token("back", number=int(c))
        return Token("character", c)

    def _number(self, digits: str, least: int, most: int) -> int:
        start = self.position
        while self.position - start < most and not self.at_end() and self.text[self.position] in digits:
            self.position += 1
        if self.position - start < least:
            raise BadExpression("invalid escape")  # noqa: EM101
        return int(self.text[start : self.position], min(16, len(digits)))

    def _code(self, letter: str) -> Token:
        least, most = {"x": (1, 255), "u": (4, 4), "U": (8, 8)}[letter]
        # Only 32 bits are kept, whatever came before them.
        code = self._number(_HEX, least, most) & 0xFFFFFFFF
        if code > _LAST_CODE:
            raise BadExpression("invalid escape")  # noqa: EM101
        # Nothing matches beyond the last character of Unicode; nor does a character that no name contains.
        return Token("character", chr(code) if code < 0x110000 else "\U0010ffff")

    def _digits(self, first: str) -> Token:
        """Read a back reference: one digit, or a number of an existing group; else an octal code."""
        self.position -= 1
        start = self.position
        if first != "0":
            number = self._number("0123456789", 1, 255)
            if self.position == start + 1 or 0 < number <= self.groups:
                return Token("back", number=number)
            self.position = start
        code = self._number("01234567", 1, 3)
        if code > 0xFF:
            self.position -= 1
            code >>= 3
        return Token("character", chr(code))
