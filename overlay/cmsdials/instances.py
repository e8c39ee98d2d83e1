"""The DIALS instances that CMS runs, and the login service in front of them."""

from __future__ import annotations

from attrs import frozen

__all__ = ["DEVELOPMENT", "KEYCLOAK_URL", "PRODUCTION", "REALM", "Instance", "instance_of", "with_slash"]

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


def with_slash(url: str) -> str:
    """Return the address with exactly one slash at its end."""
    return url.rstrip("/") + "/"
