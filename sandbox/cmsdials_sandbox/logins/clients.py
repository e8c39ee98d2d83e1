"""Who may ask for tokens, and whom those tokens speak to.

As at CERN: a public client, which anybody may be, logs a person in and exchanges the token for one whose audience is
DIALS.  The DIALS API takes no other.  A login through DIALS itself is one of DIALS's own client.
"""

import secrets
from dataclasses import dataclass, field

from cmsdials_sandbox.options import DEFAULT_WORKSPACE, WORKSPACES


@dataclass(frozen=True)
class Client:
    """A program that logs people in; `audience` is the one it may exchange their tokens for."""

    client_id: str
    name: str
    audience: str


@dataclass(frozen=True)
class Application:
    """A program that has a secret and needs no person."""

    client_id: str
    secret: str = field(repr=False)

    def is_known_by(self, client_id: str, secret: str) -> bool:
        """Whether these are its credentials, or with the same secret those of its sister for another workspace."""
        same = own_workspace(self.client_id, client_id) is not None
        return secrets.compare_digest(secret.encode(), self.secret.encode()) and same


PRODUCTION, DEVELOPMENT = "cms-dials-prod-confidential-app", "cms-dials-dev-confidential-app"

# The sandbox stands for both instances.
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
    """Return the default workspace of who has this secret or client id, None for nobody.

    The one that the sandbox was started with reads the tracker; with the name of a workspace appended, `sandbox-jetmet`, it is that of
    another application, which reads that one.
    """
    found = None
    for workspace in WORKSPACES:
        if secrets.compare_digest(f"{base}-{workspace}".encode(), given.encode()):
            found = workspace
    return DEFAULT_WORKSPACE if secrets.compare_digest(base.encode(), given.encode()) else found
