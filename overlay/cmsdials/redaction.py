"""What errors, logs and reprs may show: no secrets, not too much text, and nothing that a terminal would obey."""

from __future__ import annotations

import contextlib
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["SECRET_NAMES", "Undisclosed", "masked", "printable", "shortened", "without_secrets"]

# Names under which tokens and secrets are sent in JSON, in forms or in headers.
SECRET_NAMES = frozenset(
    {
        "access_token",
        "authorization",
        "client_secret",
        "device_code",
        "id_token",
        "password",
        "proxy-authorization",
        "refresh_token",
        "subject_token",
        "x-client-secret",
    }
)

_MASK = "***"
_SHORTEST_MASKED = 6  # a shorter secret would mask parts of ordinary words
_LONGEST_WORD = 12  # secrets that services issue are longer, or have digits
_SHORT = 300

_USERINFO = re.compile(r"(://)[^/?#\s]*@")
# The dots are optional so that one that lacks them is read once, and not again from each eyJ in it.
_JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{4,}((?:\.[\w-]*){1,4})?")
_PROSE = r"(?!(?:authenti|authori[sz]|credential)[a-z]+\b)"  # "Basic authentication is not accepted"
_AUTH_SCHEME = re.compile(rf"\b(bearer|basic)\s+{_PROSE}[\w.~+/=-]{{8,}}", re.IGNORECASE)
# A quoted value may lack its closing quote: bodies are truncated.
_VALUE = r"""(?:"[^"]*"?|'[^']*'?|(?:(?:bearer|basic)\s+)?[^\s&,;}<>]+)"""
_NAMED = re.compile(
    r"(?<!\w)((?:http_)?(?:"
    + "|".join(sorted(SECRET_NAMES)).replace("-", "[-_]")
    + r")[\"']?\s*[:=]\s*)"
    + _VALUE,
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""(["'](?:token|secret)["']\s*[:=]\s*)""" + _VALUE, re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return the text with everything that looks like a secret masked.

    Removed are user names and passwords in URLs; masked are JSON web tokens, bearer and basic credentials,
    and the values of fields that carry tokens or secrets. A pagination cursor (``next_token``) is not a secret
    and stays.
    """
    text = _USERINFO.sub(r"\1", text)
    text = _NAMED.sub(rf"\1{_MASK}", text)
    text = _QUOTED.sub(rf"\1{_MASK}", text)
    text = _AUTH_SCHEME.sub(rf"\1 {_MASK}", text)
    return _JSON_WEB_TOKEN.sub(lambda found: found[0] if found[1] is None else _MASK, text)


def masked(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return the body with the given secrets masked, in case the service echoes what was sent.

    A service may repeat a secret verbatim, in UTF-8, as part of a JSON text or as part of a URL. A secret that is an
    ordinary word, such as `sandbox`, or very short, is masked only where a credential stands, so that sentences stay
    readable: behind the name of a header, of a member or of a parameter that carries secrets, behind `Bearer` and
    `Basic`, and before the `@` of a URL.
    """
    for secret in secrets:
        bare = _SCHEME.sub("", secret).strip()
        written = {
            bare,
            json.dumps(bare)[1:-1],
            json.dumps(bare, ensure_ascii=False)[1:-1],
            html.escape(bare),
        }
        forms: set[bytes] = set()
        for coding in ("utf-8", "latin-1"):
            with contextlib.suppress(UnicodeEncodeError):
                forms |= {
                    text.encode(coding)
                    for text in (*written, quote(bare, "", coding), quote_plus(bare, "", coding))
                }
        found = [re.escape(form) for form in sorted(forms, key=len, reverse=True) if form and form in body]
        if found:
            anywhere = b"(?:" + b"|".join(found) + b")"
            place = _BEFORE + anywhere + _AFTER if _is_word(bare) else b"()" + anywhere
            body = re.sub(place, rb"\1" + _MASK.encode("ascii"), body)
    return body


def _is_word(secret: str) -> bool:
    """Whether a secret could stand in any sentence: whether it is very short, or letters alone, of one case."""
    is_even = secret.isalpha() and (secret.islower() or secret.isupper() or secret.istitle())
    return len(secret) < _SHORTEST_MASKED or (is_even and len(secret) <= _LONGEST_WORD)


_SCHEME = re.compile(r"^\s*(?:bearer|basic)\s+", re.IGNORECASE)

# Where a credential stands. Names are looked for anywhere, so that parts of longer ones count too; what may follow is
# bounded, since a body can be megabytes of letters.
_MARK = r"""(?:\\*["'`]|&(?:quot|apos|\#x?0*(?:34|39|22|27));|%2[27])"""
_JOINT = rf"""(?:
    {_MARK}?\s{{0,9}}(?:[:=]|=>|%3[ad])\s{{0,9}}[bu]?{_MARK}?  # name: value, name="value", "name": "value"
  | {_MARK}\s{{0,9}},\s{{0,9}}[bu]?{_MARK}                     # ("name", "value")
  | \s{{1,9}}{_MARK}                                          # the name 'value'
  | {_MARK}\s{{1,9}}value\s?=\s?{_MARK}                       # <input name="name" value="value">
  | (?:\s{{0,99}}<[^<>]{{1,99}}>){{1,9}}\s{{0,99}}{_MARK}?      # <td>name</td><td>value</td>
)"""
_BEFORE = rf"""(?ix:(
    (?:secret|token|passw|pwd|credential|auth|(?:api|access|private)[-_]?key|device[-_]code)[\w-]{{0,40}}{_JOINT}
    (?:(?:bearer|basic)\s+)?
  | (?<![\w-])(?:bearer|basic)(?:\s|%20|\+){{1,9}}
  | ://(?:[^/?\#\s@]{{0,99}}:)?(?=[^/?\#\s@]{{1,99}}@)
))""".encode("ascii")
_AFTER = rb"(?![\w~+/-]|[.=](?=\w))"


def shortened(text: str, most: int = _SHORT) -> str:
    """Return the text on one line, cut to `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


# Characters that Python calls printable, and that show nothing: fillers of Hangul, the empty pattern of Braille.
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_MOST_MARKS = 4  # on one letter; written languages have three


def printable(text: object, most: int | None = None, *, lines: bool = False) -> str:
    r"""Return text from outside as a terminal, a log or a table may show it: as text, and as one line.

    What would be obeyed or would not be seen is written as in Python, such as ``\x1b`` and ``\u202e``: control
    characters (which begin every escape sequence), those that turn the direction of writing or have no width, line
    ends, halves of pairs. So are accents piled on one letter. Any other text stays as it is, in every language.

    Args:
        text: The text, or what has one.
        most: Characters that are kept of it; None: all.
        lines: Line ends and tabulators stay, where the text is written by us and only parts of it are not.
    """
    text = str(text)
    if most is not None and len(text) > most:
        text = f"{text[: most - 3]}..."
    if text.isprintable() and text.isascii():
        return text
    made: list[str] = []
    marks = 0
    for one in text:
        category = unicodedata.category(one)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if one.isprintable():
            is_shown = one not in _UNSEEN and marks <= _MOST_MARKS
        else:
            is_shown = lines and one in "\n\t"
        made.append(
            one if is_shown else " " if category == "Zs" else one.encode("unicode_escape").decode("ascii")
        )
    return "".join(made)


class Undisclosed(Mapping[str, Any]):
    """Headers, forms and answers that hold secrets: readable by name, never shown.

    Deliberately not a dict: debuggers, and tracebacks that show local variables, print the contents of a dict.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = dict(content)

    def __getitem__(self, name: str) -> Any:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<{len(self._content)} undisclosed>"
