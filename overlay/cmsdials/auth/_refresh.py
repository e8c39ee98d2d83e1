"""Tokens, renewed before they expire: once, however many threads and processes ask, and not during a request.

A token is sent as long as it is good: where it cannot be renewed early, no request waits or fails for that.
"""

from __future__ import annotations

import copy
import logging
import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cmsdials.auth.models import ApiToken, Token
from cmsdials.errors import DialsError, RequestFailedError, ResponseError
from cmsdials.http.credentials import BaseCredentials, asking_once, asks_once
from cmsdials.http.retry import retry_after_seconds

__all__ = ["RenewedCredentials", "is_over", "is_stale"]

MARGIN = 60.0
"""Seconds before its expiry from which a token counts as expired, so that none expires in transit."""
LARGEST_SHARE = 0.1
"""The margin is at most this share of a token's lifetime."""
EARLY_TRIES = 4
"""How often a token is tried to be renewed within the margin."""

_log = logging.getLogger("cmsdials.auth")


def _margin(token: ApiToken) -> float:
    return min(MARGIN, LARGEST_SHARE * token.expires_in)


def is_stale(token: ApiToken, now: datetime) -> bool:
    """Whether a token has expired, or is about to."""
    return now + timedelta(seconds=_margin(token)) >= token.expires_at


def is_over(token: Token, now: datetime) -> bool:
    """Whether the refresh token has expired."""
    return not token.refresh_lasts_forever and token.refresh_expires_at <= now


class RenewedCredentials(BaseCredentials):
    """Credentials that send a token and know how to renew it; without `token`, the first request gets one."""

    def __init__(self, token: ApiToken | None, now: Callable[[], datetime]) -> None:
        self._token = token
        self._now = now
        self._begin_sharing()

    def _begin_sharing(self) -> None:
        self._lock = threading.RLock()
        self._is_renewing = False
        self._failure: DialsError | None = None
        self._refused: ApiToken | None = None
        self._not_before: datetime | None = None
        _all.add(self)

    @abstractmethod
    def _next(self, used: ApiToken | None) -> ApiToken:
        """Get the token after `used`. Called by one thread at a time; raises as `before_request`."""

    def before_request(self, headers: dict[str, str]) -> None:
        """Put the token into `headers`, renewed if it has expired or is about to.

        A token that cannot be renewed early is sent as long as it lasts, and tried again now and then.

        Raises:
            LoginError: There is no valid token without logging in again.
            RequestFailedError: The token has expired, and the login service did not answer.
        """
        headers["Authorization"] = _header(self.check())

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """Get the next token if the refused request carried the current one; see the base class."""
        before = self._failure
        with self._lock:
            if self._token is not None and rejected.get("Authorization") == _header(self._token):
                self._refused = self._token
                self._token = self._get_next(before)
        return True

    def check(self) -> ApiToken:
        """Return a valid token, renewed if necessary. Raises as `before_request`."""
        token = self._token
        if token is not None and not self._is_due(token):
            return token
        before = self._failure
        if token is not None and self._is_good(token) and self._is_renewing:
            return token  # another thread does it
        with self._lock:
            try:
                self._is_renewing = True
                # Another thread may have renewed it while this one waited.
                if self._token is None or self._is_due(self._token):
                    self._token = self._get_next(before)
                return self._token
            finally:
                self._is_renewing = False

    def _is_good(self, token: ApiToken) -> bool:
        """Whether a token may be sent: it has not expired, and was not refused."""
        is_refused = self._refused is not None and self._refused.access_token == token.access_token
        return not is_refused and self._now() < token.expires_at

    def _is_due(self, token: ApiToken) -> bool:
        """Whether it is time to renew a token."""
        now = self._now()
        waits = self._not_before is not None and now < self._not_before
        return not self._is_good(token) or (is_stale(token, now) and not waits)

    def _get_next(self, before: DialsError | None) -> ApiToken:
        """Return the next token; the one that there is, if it cannot be renewed yet and is still good."""
        # Fail like the thread that this one waited for; `before` is the last failure before the wait.
        if self._failure is not None and self._failure is not before:
            raise copy.copy(self._failure)
        is_early = self._token is not None and self._is_good(self._token)
        try:
            with asking_once(is_early or asks_once()):
                found = self._next(self._token)
        except DialsError as problem:
            self._failure = copy.copy(problem)  # without its traceback
            kept = self._token
            if kept is None or not self._is_good(kept):
                raise
            self._try_later(problem, kept)
            return kept
        self._not_before = None
        return found

    def _try_later(self, problem: DialsError, token: ApiToken) -> None:
        """Leave the login service alone for a while; after a refusal, which stays, until the token ends."""
        now = self._now()
        left = (token.expires_at - now).total_seconds()
        pause = left
        if isinstance(problem, RequestFailedError):
            header = problem.retry_after if isinstance(problem, ResponseError) else None
            asked = retry_after_seconds(header, now.timestamp()) if header else None
            pause = min(left, max(_margin(token) / EARLY_TRIES, asked or 0.0))
        self._not_before = now + timedelta(seconds=pause)
        what = "the login is not renewed yet (%s); its token is good for %.0f s"
        _log.info(what, problem.message, left)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin_sharing()


def _header(token: ApiToken) -> str:
    return f"{token.token_type} {token.access_token}"


_NOT_PICKLED = frozenset({"_lock", "_is_renewing", "_failure", "_refused", "_not_before"})
_all: weakref.WeakSet[RenewedCredentials] = weakref.WeakSet()


def _free_locks() -> None:
    """In a child process, locks may be held by threads of the parent."""
    for credentials in list(_all):
        credentials._begin_sharing()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)
