"""Where a path of the contract is on the service that the user names."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from cmsdials.errors import ConfigurationError
from cmsdials.http.credentials import header_problem
from cmsdials.instances import with_slash
from cmsdials.redaction import shortened

__all__ = ["API_PREFIX", "address", "base_url_refusal", "checked_base_url"]

API_PREFIX = "/api/v1/"
"""How paths begin in the contract; the service may have its own route and version there."""

_LONGEST = 65536
_NETLOC = re.compile(r"(?P<host>\[(?P<v6>[^\[\]]*)\]|[^:@\[\]]+)(?::[0-9]*)?")
_HARMLESS = re.compile(r"[a-z]*:?//|[\w-]+(?:\.[\w-]+)+(?:[:/]|$)|[A-Za-z]{1,16}(?::[0-9]+/*)?$")
_LIKE_V4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")


def checked_base_url(base_url: str) -> str:
    """Return the base address with exactly one slash at its end.

    Raises:
        ConfigurationError: If it cannot be one.
    """
    refusal = base_url_refusal(base_url)
    if refusal is not None:
        del base_url  # it may hold a password, which tracebacks with local variables would show
        raise refusal
    return with_slash(base_url)


def base_url_refusal(base_url: object, route: str = "", version: str = "") -> ConfigurationError | None:
    """Return the error for a base address that cannot be one; None if it can.

    The caller raises it, and first forgets the address, which may hold a password.

    Args:
        base_url: What the user has given.
        route: Path of the API that is added to it.
        version: Version of the API that is added to that.
    """
    advice = "Give the address of DIALS, such as https://cmsdials-api.web.cern.ch/ or http://localhost:8000/."
    problem = _problem(base_url)
    if not problem and isinstance(base_url, str):
        for added in (_joined(route, version), _joined(route)):
            bare = base_url.rstrip("/")
            if added and urlsplit(bare).path.endswith(f"/{added}"):
                problem = f"{shortened(base_url)!r} ends in {added}/, which is added to it"
                advice = f"Give {bare.removesuffix(added)}, or another route= and version=."
                break
    return ConfigurationError(f"base_url {problem}", advice=advice) if problem else None


def address(base_url: str, route: str, version: str, path: str) -> str:
    """Return the whole address of a path.

    Args:
        base_url: From `checked_base_url`.
        route: Path of the API below `base_url`.
        version: Version of the API below `route`.
        path: As the contract has it, such as ``/api/v1/run/``; any other path is taken as it is.

    Raises:
        ConfigurationError: If it is no path.
    """
    if not path.startswith("/"):
        message = f"a request names a path on {base_url}, not {shortened(path)!r}"
        raise ConfigurationError(message)
    if path.startswith(API_PREFIX):
        path = f"{_joined(route, version)}/{path.removeprefix(API_PREFIX)}"
    return f"{base_url}{path.lstrip('/')}"


def _problem(base_url: object) -> str:
    if not isinstance(base_url, str):
        return f"is {type(base_url).__name__}, not text"
    if header_problem(base_url) or " " in base_url:
        return "is empty or holds blanks or line breaks"
    if len(base_url) > _LONGEST:
        return "is too long"
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:  # whose text may repeat any of it
        return "is not a URL"
    if "@" in parts.netloc:
        return "holds a user name or password; those belong into credentials"
    if "?" in base_url or "#" in base_url:
        return f"{shortened(re.split('[?#]', base_url)[0])!r} holds a query or fragment"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # What is neither like an address nor a plain word may be a secret.
        shown = repr(shortened(base_url)) if _HARMLESS.match(base_url) else f"of {len(base_url)} characters"
        return f"{shown} does not begin with http:// or https:// and a host name"
    return "" if _is_place(parts.netloc) else "is not a URL"


def _is_place(netloc: str) -> bool:
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


def _joined(*ends: str) -> str:
    return "/".join(bare for bare in (end.strip("/") for end in ends) if bare)
