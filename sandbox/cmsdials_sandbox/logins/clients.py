"""Which clients may request tokens, and for which audience.

As at CERN: a public client, which needs no secret, logs a person in and exchanges the token for one whose audience is
DIALS.  The DIALS API accepts no other.  A login through DIALS itself uses DIALS's own client.
"""

import secrets
from dataclasses import dataclass, field

from cmsdials_sandbox.options import DEFAULT_WORKSPACE, WORKSPACES


@dataclass(frozen=True)
class Client:
    """A program that logs people in; `audience` is the one for which it may exchange their tokens."""

    client_id: str
    name: str
    audience: str


@dataclass(frozen=True)
class Application:
    """A program that has a secret and needs no person."""

    client_id: str
    secret: str = field(repr=False)

    def is_known_by(self, client_id: str, secret: str) -> bool:
        """Whether these are its credentials, or those of its variant for another workspace, which has the same secret."""
        same = own_workspace(self.client_id, client_id) is not None
        return secrets.compare_digest(secret.encode(), self.secret.encode()) and same


PRODUCTION, DEVELOPMENT = "cms-dials-prod-confidential-app", "cms-dials-dev-confidential-app"

# The sandbox imitates both instances.
AUDIENCES = frozenset({PRODUCTION, DEVELOPMENT})

DIALS = Client(PRODUCTION, "DIALS", PRODUCTION)
PUBLIC_CLIENTS = {
    client.client_id: client
    for client in (
        Client("cms-dials-prod-public-app", "DIALS client (production)", PRODUCTION),
        Client("cms-dials-dev-public-app", "DIALS client (development)", DEVELOPMENT),
    )
}


def own_workspace(base: str, given: str) -> str | None:
    """Return the default workspace for this secret or client id; None if it is unknown.

    The sandbox's own secret and client id read the tracker; with the name of a workspace appended, as in
    `sandbox-jetmet`, they belong to another application, which reads that one.
    """
    found = None
    for workspace in WORKSPACES:
        if secrets.compare_digest(f"{base}-{workspace}".encode(), given.encode()):
            found = workspace
    return DEFAULT_WORKSPACE if secrets.compare_digest(base.encode(), given.encode()) else found
