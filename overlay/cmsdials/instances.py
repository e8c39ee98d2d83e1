"""The DIALS instances that CMS runs, and the login service in front of them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from attrs import frozen

__all__ = [
    "DEVELOPMENT",
    "KEYCLOAK_URL",
    "PRODUCTION",
    "REALM",
    "Instance",
    "instance_of",
    "is_this_machine",
    "one_name",
    "with_slash",
]

KEYCLOAK_URL = "https://auth.cern.ch/auth/"
REALM = "cern"


@frozen
class Instance:
    """An instance of DIALS.

    Attributes:
        name: What people call it.
        base_url: Its address.
        client_id: The public application that people log in with.
        audience: The application that tokens are for.
    """

    name: str
    base_url: str
    client_id: str
    audience: str


PRODUCTION = Instance(
    "prod",
    "https://cmsdials-api.web.cern.ch/",
    "cms-dials-prod-public-app",
    "cms-dials-prod-confidential-app",
)
DEVELOPMENT = Instance(
    "dev",
    "https://dev-cmsdials-api.web.cern.ch/",
    "cms-dials-dev-public-app",
    "cms-dials-dev-confidential-app",
)


def instance_of(base_url: str) -> Instance | None:
    """Return the instance at an address; None if it is not one of CMS's own."""
    address = with_slash(base_url).lower()
    return next((one for one in (PRODUCTION, DEVELOPMENT) if one.base_url == address), None)


def is_this_machine(host: str) -> bool:
    """Whether a host is one of the names that each machine has for itself: localhost, 127.0.0.1 and ::1."""
    try:
        return str(ipaddress.ip_address(host)) in ("127.0.0.1", "::1")
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def one_name(url: str) -> str:
    """Return an address on this machine with the host `localhost`, whichever name it had; another one as it is.

    The port stays, unless it is the usual one of the scheme, and exactly one slash is at the end.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url
    if not is_this_machine(host) or "@" in parts.netloc:
        return url
    is_usual = port is None or port == {"http": 80, "https": 443}.get(parts.scheme)
    return with_slash(parts._replace(netloc="localhost" if is_usual else f"localhost:{port}").geturl())


def with_slash(url: str) -> str:
    """Return the address with exactly one slash at its end."""
    return url.rstrip("/") + "/"
