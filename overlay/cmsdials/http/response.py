"""An answer of the service, and the error that it means if it is not a good one. Nothing here does I/O."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http.client import responses as PHRASES
from typing import NamedTuple

from cmsdials.errors import (
    AuthenticationError,
    BadRequestError,
    DecodeError,
    GatewayError,
    IncompleteBodyError,
    InvalidCursorError,
    MethodNotAllowedError,
    NotFoundError,
    RedirectError,
    ResponseError,
    ServerError,
    TooManyRequestsError,
    WorkspaceNotFoundError,
)
from cmsdials.redaction import masked, shortened, without_secrets

__all__ = ["Answer", "checked", "error_for"]

_BY_STATUS: Mapping[int, type[ResponseError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    429: TooManyRequestsError,
    502: GatewayError,
    503: GatewayError,
    504: GatewayError,
}

_PARTS = (206, 226)
"""Statuses of what only fits a request for a part (RFC 9110, section 14; RFC 3229), which none of ours is."""

_BY_CODE: Mapping[str, str] = {
    "authorization_not_found": (
        "The request carried no credentials that this DIALS knows: log in,"
        " or pass cmsdials.auth.secret_key.Credentials(token=...) to Dials."
    ),
    "token_not_valid": (
        "The secret or token is wrong, revoked, or belongs to another instance (production, development,"
        " local): check base_url, then log in again or ask for a new secret."
    ),
    "access_token_expired": "The token has expired and these credentials could not renew it: log in again.",
}

_HTML_500 = (
    "DIALS answers like this to a regular expression that does not compile (check the *__regex filters), to a"
    " run that it does not know (mes of a run) and to a malformed token. If none of these fits, report it to"
    " the DIALS developers."
)
_TOO_LONG = (
    "The request may be too long: DIALS v1.12 reads 4094 bytes of its first line, the address with all that is asked"
    " for. Ask with fewer or shorter values."
)
_LONG = 4000  # characters of an address that may be too long
_HTML_404 = "This server knows no such path: check base_url, route and version."
_PROXY_LOGIN = (
    "The proxy wants a login: in the variable that names the proxy, write the user name, a colon, the password and"
    " an @ before its host."
)
_BUSY = "The service is down or has no free worker: try again in a few minutes."
_PAGE_IN_THE_WAY = (
    "A login page, a proxy or a maintenance page stands in the way:"
    " open the address in a browser, and check base_url."
)

_STOPPED = "Internal Server Error"
"""Title of the page that gunicorn, the server of DIALS, sends when a worker took too long. Other pages with status 500
have other titles."""

_OF_OTHERS = re.compile(r"/(?:oms-proxy|caf|runregistry|brilws)/")
"""Paths that DIALS passes on to other services, where the causes in `_HTML_500` do not apply."""

_WORKSPACE = re.compile(r"workspace\b.*\bnot found", re.IGNORECASE)
_HTML = re.compile(r"\s*<(?:!doctype\s+html|html|head|body|h1)\b", re.IGNORECASE)
_HEADING = re.compile(r"<(/?)(title|h1)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_LONGEST_TITLE = 120
_MOST_EXAMINED = 65536
_MOST_MASKED = 2**20  # far more than what is examined, so that no half of a secret at the cut is shown


@dataclass(frozen=True, repr=False, slots=True)  # no __dict__: vars() must not show it either
class Answer:
    """A complete answer. Header names are in lower case, the URL has no secrets, and the body is decompressed."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    method: str

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.content)} bytes>"


def checked(answer: Answer, secrets: Iterable[str] = ()) -> Answer:
    """Return a good answer as it is; for any other raise an error, which repeats none of the secrets sent."""
    if answer.status in _PARTS:
        what = f"HTTP {answer.status}: the answer is a part of what was asked for"
        raise IncompleteBodyError(what, phase="body", method=answer.method, url=answer.url)
    is_good = 200 <= answer.status < 300
    if is_good and not _is_html(answer):
        return answer
    answer = replace(answer, content=masked(answer.content[:_MOST_MASKED], secrets))
    raise _error_for_page(answer) if is_good else error_for(answer)


def error_for(answer: Answer) -> ResponseError:
    """Decide which error an answer with an error status is, and what to advise the user."""
    said = _said(answer)
    kind = _kind(answer.status, said)
    what = said.detail
    if kind is RedirectError and "location" in answer.headers:
        what = f"redirects to {_place(answer.headers['location'])}"
    elif kind is GatewayError and answer.status == 500:
        what = "the server has stopped its worker, which took too long"
    elif said.is_html:
        what = f"an HTML page, {what!r}" if what else "an HTML page"
    head = f"HTTP {answer.status} {PHRASES.get(answer.status, '')}".strip()
    return kind(
        f"{head}: {what}" if what else head,
        status_code=answer.status,
        code=said.code,
        detail=said.detail,
        body=shortened(without_secrets(_beginning(answer))),
        retry_after=answer.headers.get("retry-after"),
        method=answer.method,
        url=answer.url,
        advice=_advice(answer, said, kind),
    )


def _error_for_page(answer: Answer) -> DecodeError:
    page = _beginning(answer)
    title = _page_title(page)
    what = f"HTTP {answer.status}, but with an HTML page instead of JSON" + (f" ({title!r})" if title else "")
    return DecodeError(
        what, body=shortened(page), method=answer.method, url=answer.url, advice=_PAGE_IN_THE_WAY
    )


class _Said(NamedTuple):
    """What the body of an error answer says."""

    detail: str
    code: str | None
    is_html: bool


def _said(answer: Answer) -> _Said:
    text = _beginning(answer)
    if _is_html(answer):
        return _Said(_page_title(text), None, True)
    try:
        body = json.loads(text)
        code, detail = None, body
        if isinstance(body, dict):
            # The second names are those of OAuth 2 (RFC 6749, section 5.2), which Keycloak uses.
            code = body.get("code", body.get("error"))
            detail = body.get("detail", body.get("error_description", body.get("error", body)))
        return _Said(shortened(_flat(detail)), code if isinstance(code, str) else None, False)
    except (ValueError, RecursionError):
        return _Said(shortened(text), None, False)


def _beginning(answer: Answer) -> str:
    return answer.content[:_MOST_EXAMINED].decode("utf-8", "replace")


def _is_html(answer: Answer) -> bool:
    """Whether an answer is a web page, whatever its status says."""
    content_type = answer.headers.get("content-type", "").lower().lstrip()
    if content_type.startswith(("text/html", "application/xhtml")):
        return True
    return _HTML.match(answer.content[:200].decode("utf-8", "replace")) is not None


def _page_title(page: str) -> str:
    """Return the title or first heading of an HTML page, shortened; empty if it has none."""
    begins: dict[str, int] = {}
    for found in _HEADING.finditer(page):  # one pass, whatever is opened and never closed
        name = found[2].lower()
        if not found[1]:
            begins.setdefault(name, found.end())
        elif name in begins:
            text = _TAG.sub(" ", page[begins[name] : found.start()])
            with contextlib.suppress(ValueError):  # a character reference of thousands of digits
                text = html.unescape(text)
            return shortened(text, _LONGEST_TITLE)
    return ""


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_flat(said)}" for name, said in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(said) for said in value)
    return str(value)


def _kind(status: int, said: _Said) -> type[ResponseError]:
    if status == 404 and said.detail.rstrip(".").lower() == "invalid cursor":
        return InvalidCursorError
    if status == 404 and not said.is_html and _WORKSPACE.match(said.detail):
        return WorkspaceNotFoundError
    if status == 500 and said.is_html and said.detail == _STOPPED:
        return GatewayError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        return RedirectError
    return ServerError if 500 <= status < 600 else ResponseError


def _advice(answer: Answer, said: _Said, kind: type[ResponseError]) -> str | None:
    status = answer.status
    if status in (401, 403):
        return _BY_CODE.get(said.code or "")
    if status == 407:
        return _PROXY_LOGIN
    if status == 414 or (said.is_html and status == 400 and len(answer.url) > _LONG):
        return _TOO_LONG
    if said.is_html and status == 404:
        return _HTML_404
    if said.is_html and kind is ServerError and status == 500 and not _OF_OTHERS.search(answer.url):
        return _HTML_500
    return _BUSY if status == 503 else None


def _place(location: str) -> str:
    """Where a redirect points, without its query, which may hold a code or a state."""
    return shortened(re.split(r"[?#]", without_secrets(location))[0])
