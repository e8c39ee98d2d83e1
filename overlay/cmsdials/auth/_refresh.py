"""Tokens that are renewed in time: once, however many threads and processes ask, and never while a request is out."""

from __future__ import annotations

import copy
import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cmsdials.auth.models import ApiToken, Token
from cmsdials.errors import DialsError
from cmsdials.http.credentials import BaseCredentials

__all__ = ["RenewedCredentials", "is_over", "is_stale"]

MARGIN = 60.0
"""Seconds before its end at which a token counts as ended, so that none ends on its way."""
LARGEST_SHARE = 0.1
"""The margin is at most this share of a token's life."""


def is_stale(token: ApiToken, now: datetime) -> bool:
    """Whether a token has ended, or is about to."""
    margin = min(MARGIN, LARGEST_SHARE * token.expires_in)
    return now + timedelta(seconds=margin) >= token.expires_at


def is_over(token: Token, now: datetime) -> bool:
    """Whether nothing can be got with the refresh token any more."""
    return not token.refresh_lasts_forever and token.refresh_expires_at <= now


class RenewedCredentials(BaseCredentials):
    """Credentials that send a token and know how to get the next one; without `token`, the first at the first request."""

    def __init__(self, token: ApiToken | None, now: Callable[[], datetime]) -> None:
        self._token = token
        self._now = now
        self._begin_sharing()

    def _begin_sharing(self) -> None:
        self._lock = threading.RLock()
        self._failure: DialsError | None = None
        _all.add(self)

    @abstractmethod
    def _next(self, used: ApiToken | None) -> ApiToken:
        """Get the token after `used`. Called by one thread at a time; raises as `before_request`."""

    def before_request(self, headers: dict[str, str]) -> None:
        """Put the token into `headers`, renewed if it has ended or is about to.

        Raises:
            LoginError: There is none to be had without logging in again.
            RequestFailedError: The login service did not answer.
        """
        headers["Authorization"] = _header(self.check())

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """Get the next token if the refused request carried the present one; see the base class."""
        before = self._failure
        with self._lock:
            if self._token is not None and rejected.get("Authorization") == _header(self._token):
                self._token = self._get_next(before)
        return True

    def check(self) -> ApiToken:
        """Return a token that has not ended, renewed if need be. Raises as `before_request`."""
        token = self._token
        if token is not None and not is_stale(token, self._now()):
            return token
        before = self._failure
        with self._lock:
            # Another thread may have renewed it while this one waited.
            if self._token is None or is_stale(self._token, self._now()):
                self._token = self._get_next(before)
            return self._token

    def _get_next(self, before: DialsError | None) -> ApiToken:
        # Fail as the thread did that this one waited for; `before` is the last failure before it waited.
        if self._failure is not None and self._failure is not before:
            raise copy.copy(self._failure)
        try:
            return self._next(self._token)
        except DialsError as problem:
            self._failure = copy.copy(problem)  # without its traceback
            raise

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin_sharing()


def _header(token: ApiToken) -> str:
    return f"{token.token_type} {token.access_token}"


_NOT_PICKLED = frozenset({"_lock", "_failure"})
_all: weakref.WeakSet[RenewedCredentials] = weakref.WeakSet()


def _free_locks() -> None:
    """In a child process, locks may be held by threads of the parent."""
    for credentials in list(_all):
        credentials._begin_sharing()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)
