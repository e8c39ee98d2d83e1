"""Who may ask for tokens, and whom those tokens speak to.

As at CERN: a public client, which anybody may be, logs a person in and exchanges the token for one whose audience is
DIALS.  The DIALS API takes no other.  A login through DIALS itself is one of DIALS's own client.
"""

import secrets
from dataclasses import dataclass, field


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
        """Whether these are its credentials, found out in the same time whatever is wrong."""
        same = secrets.compare_digest(client_id.encode(), self.client_id.encode())
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
