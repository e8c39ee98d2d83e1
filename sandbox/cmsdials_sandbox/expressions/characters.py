"""Sets of characters, as tests: a class by its name, a range, one character with or without case."""

from collections.abc import Callable

from cmsdials_sandbox.expressions.tree import BadExpression

Test = Callable[[str], bool]

_SPACE, _BLANK = " \t\n\v\f\r", " \t"
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_FIRST_BEYOND_ASCII = "\x80"


def _printed(c: str) -> bool:
    return " " <= c < "\x7f" or (c >= _FIRST_BEYOND_ASCII and c.isprintable())


CLASSES: dict[str, Test] = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "ascii": lambda c: c < _FIRST_BEYOND_ASCII,
    "blank": lambda c: c in _BLANK,
    "cntrl": lambda c: c < " " or c == "\x7f",
    "digit": lambda c: "0" <= c <= "9" or (c >= _FIRST_BEYOND_ASCII and c.isdecimal()),
    "graph": lambda c: _printed(c) and c != " ",
    "lower": str.islower,
    "print": _printed,
    "punct": lambda c: c in _PUNCTUATION,
    "space": lambda c: c in _SPACE or (c >= _FIRST_BEYOND_ASCII and c.isspace()),
    "upper": str.isupper,
    "word": lambda c: c == "_" or c.isalnum(),
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}

# The POSIX names of characters, in the order of their codes; alternatives are separated by a bar.
_CONTROL = [
    "NUL",
    "SOH",
    "STX",
    "ETX",
    "EOT",
    "ENQ",
    "ACK",
    "BEL|alert",
    "BS|backspace",
    "HT|tab",
    "LF|newline",
    "VT|vertical-tab",
    "FF|form-feed",
    "CR|carriage-return",
    "SO",
    "SI",
    "DLE",
    "DC1",
    "DC2",
    "DC3",
    "DC4",
    "NAK",
    "SYN",
    "ETB",
    "CAN",
    "EM",
    "SUB",
    "ESC",
    "IS4|FS",
    "IS3|GS",
    "IS2|RS",
    "IS1|US",
]
_SIGNS = {
    " ": "space",
    "!": "exclamation-mark",
    '"': "quotation-mark",
    "#": "number-sign",
    "$": "dollar-sign",
    "%": "percent-sign",
    "&": "ampersand",
    "'": "apostrophe",
    "(": "left-parenthesis",
    ")": "right-parenthesis",
    "*": "asterisk",
    "+": "plus-sign",
    ",": "comma",
    "-": "hyphen|hyphen-minus",
    ".": "period|full-stop",
    "/": "slash|solidus",
    "0": "zero",
    "1": "one",
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
    ":": "colon",
    ";": "semicolon",
    "<": "less-than-sign",
    "=": "equals-sign",
    ">": "greater-than-sign",
    "?": "question-mark",
    "@": "commercial-at",
    "[": "left-square-bracket",
    "\\": "backslash|reverse-solidus",
    "]": "right-square-bracket",
    "^": "circumflex|circumflex-accent",
    "_": "underscore|low-line",
    "`": "grave-accent",
    "{": "left-brace|left-curly-bracket",
    "|": "vertical-line",
    "}": "right-brace|right-curly-bracket",
    "~": "tilde",
    "\x7f": "DEL",
}
NAMED = {name: chr(code) for code, names in enumerate(_CONTROL) for name in names.split("|")} | {
    name: sign for sign, names in _SIGNS.items() for name in names.split("|")
}


def element(name: str) -> str:
    """Return the character of a collating element, `[.hyphen.]` or `[.-.]`."""
    if len(name) == 1:
        return name
    if name not in NAMED:
        raise BadExpression("invalid collating element")  # noqa: EM101
    return NAMED[name]


def class_named(name: str, *, any_case: bool) -> Test:
    """Return the test of a class, `[:alpha:]`."""
    if name not in CLASSES:
        raise BadExpression("invalid character class")  # noqa: EM101
    return CLASSES["alpha" if any_case and name in {"lower", "upper"} else name]


def one(character: str, *, any_case: bool) -> Test:
    """Return the test for this character."""
    if not any_case:
        return character.__eq__
    return frozenset((character, character.lower(), character.upper())).__contains__


def between(first: str, last: str, *, any_case: bool) -> Test:
    """Return the test for a range, both ends included."""
    if first > last:
        raise BadExpression("invalid character range")  # noqa: EM101
    if not any_case:
        return lambda c: first <= c <= last
    return lambda c: any(len(x) == 1 and first <= x <= last for x in (c, c.lower(), c.upper()))


def any_of(tests: list[Test]) -> Test:
    """Return the test for a character that passes one of these."""
    return lambda c: any(test(c) for test in tests)


def none_of(test: Test) -> Test:
    """Return the opposite test."""
    return lambda c: not test(c)
