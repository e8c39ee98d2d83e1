"""How often each thing was asked, so that a test can say "exactly one refresh"."""

import threading
from collections import Counter
from typing import Literal, get_args

from cmsdials_sandbox.logins.refusals import LoginRefused

Kind = Literal[
    "device",
    "device_poll",
    "refresh",
    "exchange",
    "api_access",
    "revoke",
    "issued",
    "slow_down",
    "refused",
    "access_token_expired",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Counters:
    """Counts since the start.

    Requests, whatever they were answered: `device`, `device_poll`, `refresh`, `exchange`, `api_access`, `revoke`.
    Answers: `issued` (access tokens), `slow_down`, `refused` (every other error of those requests, but
    `authorization_pending`), `access_token_expired` (by the DIALS API).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Kind] = Counter()

    def add(self, kind: Kind) -> None:
        """One more."""
        with self._lock:
            self._counts[kind] += 1

    def add_refusal(self, refusal: LoginRefused) -> None:
        """One more, of the kind it is; a login that is waited for is no refusal."""
        if refusal.error == "slow_down":
            self.add("slow_down")
        elif refusal.error != "authorization_pending":
            self.add("refused")

    def counts(self) -> dict[Kind, int]:
        """All of them at one moment."""
        with self._lock:
            return {kind: self._counts[kind] for kind in KINDS}
