"""A request, encoded: what is sent in every attempt, before the credentials are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from cmsdials.errors import ConfigurationError
from cmsdials.redaction import SECRET_NAMES, without_secrets
from cmsdials.undisclosed import Undisclosed

__all__ = ["Call", "call_for"]


_SECRET_FIELDS = SECRET_NAMES | {"token"}  # of a form; in a text, "token:" is a word like others


@dataclass(frozen=True, repr=False, slots=True)  # no __dict__: vars() must not show it either
class Call:
    """A request as it is sent, but for the credentials. Its repr shows no header and no body.

    Attributes:
        method: HTTP method, in capitals.
        url: The whole URL.
        headers: What the request says by itself.
        content: The body.
        secrets: What stands in the headers and in the body and must not be repeated.
    """

    method: str
    url: str
    headers: Undisclosed
    content: bytes | None
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.method} {self.shown_url}>"

    @property
    def shown_url(self) -> str:
        """The URL without secrets."""
        return without_secrets(self.url)

    @property
    def target(self) -> str:
        """Path and query, without secrets."""
        parts = urlsplit(self.url)
        return without_secrets((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def call_for(request: Mapping[str, Any], url: str, workspace: str | None, *, in_workspace: bool) -> Call:
    """Encode a request.

    Args:
        request: ``method``; optional ``json`` or ``data`` (a form) for the body, and ``headers``.
        url: The whole URL.
        workspace: Replaces the ``Workspace`` header of the request, if there is one.
        in_workspace: False sends no such header.

    Raises:
        ConfigurationError: If the body cannot be encoded.
    """
    content, content_type, secrets = _encoded_body(request.get("json"), request.get("data"))
    headers = {name: str(value) for name, value in (request.get("headers") or {}).items()}
    lowered = {name.lower(): name for name in headers}
    if "workspace" in lowered and (workspace or not in_workspace):
        del headers[lowered["workspace"]]
    if workspace and in_workspace:
        headers["Workspace"] = workspace
    if content_type and "content-type" not in lowered:
        headers["Content-Type"] = content_type
    secrets += tuple(value for name, value in headers.items() if name.lower() in SECRET_NAMES)
    return Call(str(request["method"]).upper(), url, Undisclosed(headers), content, secrets)


def _encoded_body(json: Any, form: Any) -> tuple[bytes | None, str, tuple[str, ...]]:
    """Return the body as bytes, its type, and the secrets that it holds."""
    if json is None and form is None:
        return None, "", ()
    fields = json if json is not None else form
    secrets: tuple[str, ...] = ()
    if isinstance(fields, Mapping):
        fields = dict(fields)
        secrets = tuple(str(value) for name, value in fields.items() if name in _SECRET_FIELDS)
    if json is None:
        return urlencode(fields).encode("ascii"), "application/x-www-form-urlencoded", secrets
    try:
        return orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY), "application/json", secrets
    except orjson.JSONEncodeError as error:
        problem = str(error)
    message = f"the body cannot be written as JSON ({problem})"
    raise ConfigurationError(message)
