"""A request, encoded: what is sent in every attempt, before the credentials are filled in.

An address, workspace, header or body that cannot be sent is refused here, before anything is sent, and is never shown:
it may be a secret in the wrong place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from cmsdials.errors import ConfigurationError
from cmsdials.http.credentials import header_problem
from cmsdials.instances import with_slash
from cmsdials.redaction import SECRET_NAMES, Undisclosed, shortened, without_secrets

__all__ = ["Call", "address", "call_for", "check_headers", "check_workspace", "checked_base_url"]

API_PREFIX = "/api/v1/"
"""How paths begin in the contract; the route and version of the session replace it."""

_ADDRESS_ADVICE = (
    "Give the address of DIALS, such as https://cmsdials-api.web.cern.ch/ or http://localhost:8000/."
)
_LONGEST_ADDRESS = 65536
_LONGEST_WORKSPACE = 64
_NETLOC = re.compile(r"(?P<host>\[(?P<v6>[^\[\]]*)\]|[^:@\[\]]+)(?::[0-9]*)?")
_HARMLESS = re.compile(r"[a-z]*:?//|[\w-]+(?:\.[\w-]+)+(?:[:/]|$)|[A-Za-z]{1,16}(?::[0-9]+/*)?$")
_LIKE_V4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_SECRET_FIELDS = SECRET_NAMES | {"token"}  # in forms; in plain text, "token:" is an ordinary word


@dataclass(frozen=True, repr=False, slots=True)  # no __dict__: vars() must not show it either
class Call:
    """A request as it is sent, except for the credentials. Its repr shows no header and no body.

    Attributes:
        secrets: Values in the headers and the body that must not be repeated.
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
    """Encode a request, as `Session.perform` takes it. A workspace replaces the header that names another one.

    Raises:
        ConfigurationError: If the body cannot be encoded, or a header cannot be sent.
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
    check_headers(headers)
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
        message = f"the body cannot be written as JSON ({error})"
        raise ConfigurationError(message) from None


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse names and values that no header can have.

    Raises:
        ConfigurationError: If there is one; it gives the name.
    """
    for name, value in headers.items():
        problem = header_problem(value) if _HEADER_NAME.fullmatch(name) else "its name is not valid"
        if problem:
            message = f"the header {name!r} cannot be sent: {problem}"
            raise ConfigurationError(message)


def check_workspace(workspace: object) -> None:
    """Refuse what cannot be the name of a workspace; None names none.

    Raises:
        ConfigurationError: It does not repeat the name, which may be a token passed by mistake.
    """
    if workspace is None:
        return
    problem = header_problem(workspace)
    if not problem and isinstance(workspace, str):
        if len(workspace) > _LONGEST_WORKSPACE:
            problem = f"it has {len(workspace)} characters"
        elif not workspace.isprintable():
            problem = "it holds characters that cannot be shown"
        elif without_secrets(workspace) != workspace:
            problem = "it looks like a token"
    if problem:
        advice = "Give a short name such as tracker; tokens and secrets belong in credentials."
        message = f"workspace is not the name of one: {problem}"
        raise ConfigurationError(message, advice=advice)


def checked_base_url(
    base_url: str,
    route: str = "",
    version: str = "",
    *,
    name: str = "base_url",
    advice: str = _ADDRESS_ADVICE,
) -> str:
    """Return a base address with exactly one slash at its end.

    Raises:
        ConfigurationError: If it cannot be one, or already ends in route or version. The argument is called `name`.
    """
    problem = _address_problem(base_url)
    if not problem:
        bare = base_url.rstrip("/")
        for added in (_joined(route, version), _joined(route)):
            if added and urlsplit(bare).path.endswith(f"/{added}"):
                problem = f"{shortened(base_url)!r} ends in {added}/, which is added to it"
                advice = f"Give {bare.removesuffix(added)}, or another route= and version=."
                break
    if problem:
        message = f"{name} {problem}"
        raise ConfigurationError(message, advice=advice)
    return with_slash(base_url)


def _address_problem(base_url: object) -> str:
    """Say why an address is not valid; empty if it is."""
    if not isinstance(base_url, str):
        return f"is {type(base_url).__name__}, not text"
    if header_problem(base_url) or " " in base_url:
        return "is empty or holds blanks or line breaks"
    if not base_url.isprintable():
        return "holds characters that cannot be shown"
    if len(base_url) > _LONGEST_ADDRESS:
        return "is too long"
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:  # its text may repeat the address
        return "is not a URL"
    if "@" in parts.netloc:
        return "holds a user name or password; those belong in credentials"
    if "?" in base_url or "#" in base_url:
        return f"{shortened(re.split('[?#]', base_url)[0])!r} holds a query or fragment"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # What is neither like an address nor a plain word may be a secret.
        shown = repr(shortened(base_url)) if _HARMLESS.match(base_url) else f"of {len(base_url)} characters"
        return f"{shown} does not begin with http:// or https:// and a host name"
    return "" if _is_host(parts.netloc) else "is not a URL"


def _is_host(netloc: str) -> bool:
    found = _NETLOC.fullmatch(netloc)
    if found is None:
        return False
    try:
        if found["v6"] is not None:
            ipaddress.IPv6Address(found["v6"])
        elif _LIKE_V4.fullmatch(found["host"]):
            ipaddress.IPv4Address(found["host"])
    except ipaddress.AddressValueError:
        return False
    return True


def address(base_url: str, route: str, version: str, path: str) -> str:
    """Return the full address of a path: below route and version if it is in the contract, such as ``/api/v1/run/``.

    Raises:
        ConfigurationError: If it is not a path.
    """
    if not path.startswith("/"):
        message = f"a request names a path on {base_url}, not {shortened(path)!r}"
        raise ConfigurationError(message)
    if path.startswith(API_PREFIX):
        path = f"{_joined(route, version)}/{path.removeprefix(API_PREFIX)}"
    return f"{base_url}{path.lstrip('/')}"


def _joined(*ends: str) -> str:
    return "/".join(bare for bare in (end.strip("/") for end in ends) if bare)
