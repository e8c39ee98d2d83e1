"""The credentials of a person, who has logged in once with a device code."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from attrs import evolve

from cmsdials.auth import client_credentials
from cmsdials.auth._issuer import issued_elsewhere
from cmsdials.auth._prompt import can_ask
from cmsdials.auth._refresh import RenewedCredentials, is_over, is_stale
from cmsdials.auth._store import TOKEN_FILE, TokenStore, legacy_token
from cmsdials.auth.client import AuthClient
from cmsdials.auth.models import ApiToken, Token
from cmsdials.errors import (
    ImpossibleToRefreshTokenError,
    NotLoggedInError,
    RequestFailedError,
    TokenStoreError,
)
from cmsdials.http.credentials import asking_once
from cmsdials.runtime.console import warn

__all__ = ["Credentials", "not_logged_in"]

LEGACY_CACHE_DIR = ".cache"


class Credentials(RenewedCredentials):
    """Tokens of a person, renewed as long as the login lasts.

    Made with `from_creds_file` or `from_authclient_token`; the arguments are those of cmsdials 1.8.

    Args:
        token: The access token.
        expires_at: When it expires; a naive time is local.
        expires_in: Seconds that it lasts from its issue.
        refresh_expires_at: When the refresh token expires.
        refresh_expires_in: Seconds that it lasts; 0 if it lasts until it is revoked.
        refresh_token: The secret that the next tokens are requested with.
        token_type: How the access token is sent, Bearer.
        cache_dir: Folder of the file that keeps the login; the user's cache folder if None.
        client: The login service that issued the tokens; production's if None.

    Attributes:
        client: The login service.
    """

    def __init__(
        self,
        token: str,
        expires_at: datetime,
        expires_in: int,
        refresh_expires_at: datetime,
        refresh_expires_in: int,
        refresh_token: str,
        token_type: str = "Bearer",  # noqa: S107  # not a secret
        cache_dir: str | os.PathLike[str] | None = None,
        client: AuthClient | None = None,
    ) -> None:
        tokens = Token(
            access_token=token,
            expires_at=expires_at,
            expires_in=expires_in,
            refresh_expires_at=refresh_expires_at,
            refresh_expires_in=refresh_expires_in,
            refresh_token=refresh_token,
            token_type=token_type,
        )
        self._begin(tokens, client or AuthClient(), TokenStore.at(cache_dir))

    def _begin(self, tokens: Token, client: AuthClient, store: TokenStore | None) -> None:
        super().__init__(tokens, client.now)
        self.client = client
        self._store = store
        self._is_kept = self._is_forgotten = self._has_warned = False

    @classmethod
    def _of(cls, tokens: Token, client: AuthClient, store: TokenStore | None) -> Credentials:
        made = cls.__new__(cls)
        made._begin(tokens, client, store)
        made._is_kept = store is not None
        return made

    @classmethod
    def from_authclient_token(
        cls,
        token: Token,
        cache_dir: str | os.PathLike[str] | None = None,
        client: AuthClient | None = None,
    ) -> Credentials:
        """Make credentials from the tokens that `AuthClient.device_auth_flow` gave, and keep them for later.

        Args:
            token: The tokens.
            cache_dir: Folder of the file to keep them in; the user's cache folder if None.
            client: The login service that gave them; production's if None.

        Raises:
            TokenStoreError: They cannot be kept.
        """
        client = client or AuthClient()
        store = TokenStore.at(cache_dir)
        store.change(client.key, token.as_json())
        return cls._of(token, client, store)

    @classmethod
    def from_creds_file(
        cls, cache_dir: str | os.PathLike[str] | None = None, client: AuthClient | None = None
    ) -> RenewedCredentials:
        """Use the login that is kept for a login service, or log in.

        Without `cache_dir`, the environment comes first: the file that CMSDIALS_TOKEN_FILE names, or
        CMSDIALS_CLIENT_ID with CMSDIALS_CLIENT_SECRET, which log an application in (if `client` says where: it is
        for production, for development, or names a Keycloak). Then comes the file in `cache_dir`, in the folder
        that CMSDIALS_CACHE_DIR names, or in the user's cache folder, and then the file `creds` that cmsdials 1.8
        left in `cache_dir` or ./.cache, which is only read, and whose tokens are sent only to the service that they
        name, if they name one. If there is no login, you are asked to log in: in a notebook, or if standard input and
        standard error are a terminal, unless CMSDIALS_INTERACTIVE is 0; everywhere if it is 1.

        Args:
            cache_dir: Folder of the file that keeps logins.
            client: The login service; production's if None.

        Returns:
            Credentials; of an application where the environment names one.

        Raises:
            NotLoggedInError: There is no login, and no person can be asked.
            LoginError: The person could not be logged in.
            TokenStoreError: The file cannot be read or written.
        """
        client = client or AuthClient()
        found = cls.stored(cache_dir, client)
        if found is not None:
            return found
        if not can_ask():
            raise not_logged_in(cache_dir, client, ", and no person can be asked")
        return cls.from_authclient_token(client.device_auth_flow(), cache_dir, client)

    @classmethod
    def stored(
        cls, cache_dir: str | os.PathLike[str] | None = None, client: AuthClient | None = None
    ) -> RenewedCredentials | None:
        """Use a stored login as `from_creds_file` does; return None if there is none, and do not ask."""
        client = client or AuthClient()
        if not cache_dir and not os.environ.get(TOKEN_FILE) and client.knows_realm:
            application = client_credentials.from_environment(client)
            if application is not None:
                return application
        store = TokenStore.at(cache_dir)
        tokens = store.token(client.key)
        if tokens is not None:
            return cls._of(tokens, client, store)
        application = client_credentials.from_store(store, client) if client.knows_realm else None
        if application is not None:
            return application
        legacy = legacy_token(cache_dir or LEGACY_CACHE_DIR)
        if legacy is None or is_over(legacy, client.now()) or issued_elsewhere(legacy.claims, client):
            return None
        # The file names no issuer. It can only be a login through DIALS: cmsdials 1.8 had no other.
        return cls._of(legacy, client.through_dials(), None)

    @property
    def token(self) -> str:
        """The access token, in clear."""
        return self._tokens.access_token

    @property
    def token_type(self) -> str:
        """How the access token is sent, Bearer."""
        return self._tokens.token_type

    @property
    def expires_at(self) -> datetime:
        """When the access token expires."""
        return self._tokens.expires_at

    @property
    def expires_in(self) -> int:
        """Seconds that the access token lasts from its issue."""
        return self._tokens.expires_in

    @property
    def refresh_token(self) -> str:
        """The refresh token, in clear."""
        return self._tokens.refresh_token

    @property
    def refresh_expires_at(self) -> datetime:
        """When the refresh token expires."""
        return self._tokens.refresh_expires_at

    @property
    def refresh_expires_in(self) -> int:
        """Seconds that the refresh token lasts from its issue; 0 if it lasts until it is revoked."""
        return self._tokens.refresh_expires_in

    @property
    def _tokens(self) -> Token:
        tokens = self._token
        assert isinstance(tokens, Token)  # noqa: S101  # set by the constructor and by `_next`
        return tokens

    def _next(self, used: ApiToken | None) -> Token:
        assert isinstance(used, Token)  # noqa: S101  # see _tokens
        try:
            return self._refreshed(used)
        except ImpossibleToRefreshTokenError as ended:
            # Where locks do not work (between machines, on shared file systems), another process may have been faster.
            stored = None if self._store is None else self._store.token(self.client.key)
            if stored is not None and _is_newer(stored, used) and not is_stale(stored, self._now()):
                return stored
            ended.advice = self.client.how_to_log_in(self._store)
            # The file of an older cmsdials is never updated: each run would ask again.
            if self._is_good(self._tokens) or self._store is None or not can_ask():
                raise
        except RequestFailedError as failure:
            failure.advice += " Your login is kept."
            raise
        with asking_once(False):  # what a person has confirmed is not to be lost
            tokens = self.client.device_auth_flow()
        self._is_forgotten = False
        self._keep(tokens)
        return tokens

    def _refreshed(self, used: Token) -> Token:
        if self._store is None:
            return self.client.refresh(used)
        try:
            with self._store.lock():
                stored = self._store.token(self.client.key)
                if stored is not None and _is_newer(stored, used):
                    if not is_stale(stored, self._now()):
                        return stored  # another process was faster
                    used = stored
                    self._hold(stored)
                # Logged out meanwhile: this process continues, without storing the login again.
                self._is_forgotten = stored is None and self._is_kept
                tokens = self.client.refresh(used, rotated=self._keep)
                self._keep(tokens)
                return tokens
        except TokenStoreError as problem:
            # The file system has no locks, or is read-only: renew for this process only.
            self._warn(problem)
        return self.client.refresh(used, rotated=self._hold)

    def _hold(self, tokens: Token) -> None:
        """Hold other tokens; an access token that is still good stays if theirs has ended."""
        held = self._tokens
        if self._is_good(held) and not self._is_good(tokens):
            tokens = evolve(
                tokens, access_token=held.access_token, expires_in=held.expires_in, expires_at=held.expires_at
            )
        self._token = tokens

    def _keep(self, tokens: Token) -> None:
        """Keep new tokens before anything else can fail: the old ones may no longer be valid."""
        self._hold(tokens)
        if self._store is None or self._is_forgotten:
            return
        try:
            self._store.change(self.client.key, tokens.as_json())
            self._is_kept = True
        except TokenStoreError as problem:
            self._warn(problem)

    def _warn(self, problem: TokenStoreError) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(f"the login is renewed for this process alone: {problem}")

    def __repr__(self) -> str:
        if not hasattr(self, "_has_warned"):
            return "<Credentials that were not made>"
        until = self.expires_at.isoformat(timespec="seconds")
        return f"<Credentials of a person for {self.client.instance}, token until {until}>"


def not_logged_in(
    cache_dir: str | os.PathLike[str] | None, client: AuthClient, problem: str = ""
) -> NotLoggedInError:
    """Return the error for a missing login, with what helps to find out why."""
    store = TokenStore.at(cache_dir)
    legacy = legacy_token(cache_dir or LEGACY_CACHE_DIR)
    whose = "" if legacy is None else issued_elsewhere(legacy.claims, client)
    if whose:
        problem = (
            f"; {Path(cache_dir or LEGACY_CACHE_DIR) / 'creds'} is {whose}, and is not sent here{problem}"
        )
    message = f"there is no login for {client.place} in {store.path}: {store.contents()}{problem}"
    advice = client.how_to_log_in(store)
    if os.environ.get(client_credentials.CLIENT_ID) and not client.knows_realm:
        advice += (
            f" The application in {client_credentials.CLIENT_ID} is not used: nothing says where it logs in."
            " For that, give AuthClient its keycloak_url."
        )
    return NotLoggedInError(message, advice=advice)


def _is_newer(stored: Token, used: Token) -> bool:
    # The stored tokens may also be older than the used ones, if the file could not be written.
    if stored.access_token == used.access_token:
        return False
    kept, present = (token.claims.get("iat") for token in (stored, used))
    if isinstance(kept, int | float) and isinstance(present, int | float):
        # By the clock of the service: machines that share a login need not agree on the time.
        return kept >= present
    return stored.issued_at >= used.issued_at
