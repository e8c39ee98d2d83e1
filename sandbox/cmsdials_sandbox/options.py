"""The options of a sandbox, and their defaults.

The command line and `serve()` both read their defaults from here, so that they cannot differ.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

Scale = Literal["small", "medium", "large"]
Generation = Literal["now", "v1.12"]

SCALES: tuple[Scale, ...] = get_args(Scale)
# The realm's name at CERN.
REALM = "cern"

# The service's workspaces, and the default one.
WORKSPACES = ("csc", "ecal", "egamma", "global", "hcal", "jetmet", "muo", "tracker")
DEFAULT_WORKSPACE = "tracker"

GENERATIONS: tuple[Generation, ...] = get_args(Generation)


@dataclass(frozen=True)
class Options:
    """One sandbox: where it listens, which credentials it accepts, how much data it has and which DIALS it imitates.

    `port` 0 means any free port.  `seed` changes the entries and contents of the histograms and which
    lumisections the models flagged; the datasets, runs, lumisections and MEs are the same for every seed.

    Logins: `client_id` and `client_secret` are those of its only application.  Lifetimes, the `interval` between polls
    and the delay of `auto_approve` are in seconds; without the latter a person decides.  A refresh token is valid for one
    refresh unless `reuse_refresh_tokens`.  With `realm_url` people and applications log in at the realm of that address,
    such as a Keycloak, and the sandbox has no logins of its own: it checks tokens with the keys that the realm publishes.

    `cache_seconds` is how long an answer is cached, 0 for no cache; None is the default of the generation: 30 s for v1.12.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    secret: str = field(default="sandbox", repr=False)
    scale: Scale = "small"
    generation: Generation = "now"
    seed: int = 1
    client_id: str = "sandbox-app"
    client_secret: str = field(default="sandbox", repr=False)
    auto_approve: float | None = None
    token_lifetime: int = 1200
    refresh_lifetime: int = 36000
    device_lifetime: int = 600
    interval: float = 5.0
    reuse_refresh_tokens: bool = False
    realm_url: str | None = None
    cache_seconds: int | None = None

    @property
    def keeps_for(self) -> int:
        """Seconds that an answer is cached."""
        if self.cache_seconds is not None:
            return self.cache_seconds
        return 30 if self.generation == "v1.12" else 0
