"""Counts of requests, so that a test can check for "exactly one refresh"."""

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

    Requests, with any answer: `device`, `device_poll`, `refresh`, `exchange`, `api_access`, `revoke`.
    Answers: `issued` (access tokens), `slow_down`, `refused` (every other error of those requests, except
    `authorization_pending`), `access_token_expired` (by the DIALS API).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Kind] = Counter()

    def add(self, kind: Kind) -> None:
        """Count one more."""
        with self._lock:
            self._counts[kind] += 1

    def add_refusal(self, refusal: LoginRefused) -> None:
        """Count an error by its kind; a pending login is not a refusal."""
        if refusal.error == "slow_down":
            self.add("slow_down")
        elif refusal.error != "authorization_pending":
            self.add("refused")

    def counts(self) -> dict[Kind, int]:
        """Return all counts, at one moment."""
        with self._lock:
            return {kind: self._counts[kind] for kind in KINDS}
