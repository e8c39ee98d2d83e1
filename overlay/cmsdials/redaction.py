"""What errors, logs and reprs may show: no secrets, and not too much text."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["SECRET_NAMES", "Undisclosed", "masked", "shortened", "without_secrets"]

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
_SHORT = 300

_USERINFO = re.compile(r"(://)[^/?#\s]*@")
_JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{4,}(?:\.[\w-]*){1,4}")
_AUTH_SCHEME = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
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
    return _JSON_WEB_TOKEN.sub(_MASK, text)


def masked(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return the body with the given secrets masked, in case the service echoes what was sent.

    A service may repeat a secret verbatim, in UTF-8, as part of a JSON text or as part of a URL.
    """
    for secret in secrets:
        bare = secret.removeprefix("Bearer ")
        if len(bare) < _SHORTEST_MASKED:
            continue
        written = {
            bare,
            json.dumps(bare)[1:-1],
            json.dumps(bare, ensure_ascii=False)[1:-1],
            html.escape(bare),
        }
        for coding in ("utf-8", "latin-1"):
            with contextlib.suppress(UnicodeEncodeError):
                forms = {
                    text.encode(coding)
                    for text in (*written, quote(bare, "", coding), quote_plus(bare, "", coding))
                }
                for form in sorted(forms, key=len, reverse=True):
                    body = body.replace(form, _MASK.encode("ascii"))
    return body


def shortened(text: str, most: int = _SHORT) -> str:
    """Return the text on one line, cut to `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


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
