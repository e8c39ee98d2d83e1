"""Where a path of the contract is on the service that the user names."""

from __future__ import annotations

from urllib.parse import urlsplit

from cmsdials.credentials import header_problem
from cmsdials.errors import ConfigurationError
from cmsdials.redaction import shortened

__all__ = ["API_PREFIX", "address", "checked_base_url", "unusable_base_url"]

API_PREFIX = "/api/v1/"
"""How paths begin in the contract; the service may have its own route and version there."""


def checked_base_url(base_url: str) -> str:
    """Return the base address with exactly one slash at its end.

    Raises:
        ConfigurationError: If it cannot be one.
    """
    problem = _problem(base_url)
    if problem:
        raise unusable_base_url(problem)
    return base_url.rstrip("/") + "/"


def unusable_base_url(problem: str) -> ConfigurationError:
    """Make the error for a base address, to be raised by the caller."""
    advice = "Give the address of DIALS, such as https://cmsdials-api.web.cern.ch/ or http://localhost:8000/."
    return ConfigurationError(f"base_url {problem}", advice=advice)


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
        api = "/".join(end for end in (route.strip("/"), version.strip("/")) if end)
        path = f"{api}/{path.removeprefix(API_PREFIX)}"
    return f"{base_url}{path.lstrip('/')}"


def _problem(base_url: object) -> str:
    if not isinstance(base_url, str):
        return f"is {type(base_url).__name__}, not text"
    if header_problem(base_url) or " " in base_url:
        return "is empty or holds blanks or line breaks"
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError as error:
        return f"is not a URL ({error})"
    if "@" in parts.netloc:
        return "holds a user name or password; those belong into credentials"
    shown = shortened(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{shown!r} does not begin with http:// or https:// and a host name"
    return f"{shown!r} holds a query or fragment" if "?" in base_url or "#" in base_url else ""
