"""A resource in other processes: with a session of the same settings, and a login that is opened there."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any, Self

from attrs import frozen

from cmsdials.auth._kept import KeptLogin, kept_login
from cmsdials.http.session import Session

__all__ = ["Elsewhere"]

_MOST = 8  # made in a process and kept there
_made: dict[bytes, Any] = {}
_lock = threading.Lock()


@frozen
class Elsewhere:
    """Makes something of a resource in the process that calls it. It may be pickled, and holds no secret.

    Attributes:
        kind: The class of the resource.
        name: Its name.
        session: Its session, without credentials.
        login: Where those are kept.
        make: Is called with the resource.
    """

    kind: Callable[[Session, str], Any]
    name: str
    session: Session
    login: KeptLogin
    make: Callable[[Any], Any]

    @classmethod
    def of(
        cls, kind: Callable[[Session, str], Any], name: str, session: Session, make: Callable[[Any], Any]
    ) -> Self:
        """Make one of the session of this process.

        Raises:
            CredentialsError: Its credentials are only in the memory of this process.
        """
        login = kept_login(session.credentials)
        bare = copy.copy(session)
        bare.credentials = None
        return cls(kind, name, bare, login, make)

    def __call__(self) -> Any:
        """Return what `make` makes. In each process it is made once, so that all use one login and its connections.

        Raises:
            NotLoggedInError: This process does not find the credentials.
            TokenStoreError: Their file cannot be read.
        """
        key = pickle.dumps(self)
        with _lock:
            if key not in _made:
                session = copy.copy(self.session)
                session.credentials = self.login.open()
                if len(_made) >= _MOST:
                    _made.clear()
                _made[key] = self.make(self.kind(session, self.name))
            return _made[key]
