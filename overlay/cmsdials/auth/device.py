"""The credentials of a person, who has logged in once with a device code."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path

from attrs import evolve

from cmsdials.auth import client_credentials
from cmsdials.auth._issuer import issued_elsewhere
from cmsdials.auth._prompt import can_ask
from cmsdials.auth._refresh import RenewedCredentials, is_over, is_stale
from cmsdials.auth._store import TOKEN_FILE, TokenStore, legacy_token
from cmsdials.auth.client import AuthClient
from cmsdials.auth.models import LATEST, ApiToken, Token
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
LOGGED_IN = "you are logged in"


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
        self._seen: Token | None = None  # what the file held when this process last looked
        self._is_kept = self._is_forgotten = self._has_warned = False

    @classmethod
    def of_store(cls, tokens: Token, client: AuthClient, store: TokenStore | None) -> Credentials:
        """Make credentials from the tokens of a store; of no store, they are renewed for this process alone."""
        made = cls.__new__(cls)
        made._begin(tokens, client, store)
        if store is not None:
            made._is_kept, made._seen = True, tokens
            issued = _issued(tokens)
            if issued is not None and issued > tokens.issued_at.timestamp():
                # The clock of who stored them was behind that of the service: the login ends later than it says.
                late = timedelta(seconds=issued - tokens.issued_at.timestamp())
                made._hold(evolve(tokens, refresh_expires_at=tokens.refresh_expires_at + late))
        return made

    @classmethod
    def from_authclient_token(
        cls,
        token: Token,
        cache_dir: str | os.PathLike[str] | None = None,
        client: AuthClient | None = None,
    ) -> Credentials:
        """Make credentials from the tokens that `AuthClient.device_auth_flow` gave, and keep them for later.

        If they cannot be kept (the disk is full or read-only, there is no home folder), a warning says why, and the
        credentials are good for this process.

        Args:
            token: The tokens.
            cache_dir: Folder of the file to keep them in; the user's cache folder if None.
            client: The login service that gave them; production's if None.

        Raises:
            TokenStoreError: Another version of cmsdials wrote the file, or CMSDIALS_TOKEN_FILE names some other file.
        """
        made = cls.__new__(cls)
        made._begin(token, client or AuthClient(), None)
        made._measure(token)
        try:
            made._store = TokenStore.at(cache_dir)
            made._store.change(made.client.key, token.as_json())
            made._is_kept, made._seen = True, token
        except TokenStoreError as problem:
            if made._store is not None and problem.errno is None:
                raise
            made._warn(problem, LOGGED_IN)
        return made

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
            TokenStoreError: The file cannot be read. (If it cannot be written, a warning says so.)
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
            return cls.of_store(tokens, client, store)
        application = client_credentials.from_store(store, client) if client.knows_realm else None
        if application is not None:
            return application
        legacy = legacy_token(cache_dir or LEGACY_CACHE_DIR)
        if legacy is None or is_over(legacy, client.now()) or issued_elsewhere(legacy.claims, client):
            return None
        # The file names no issuer. It can only be a login through DIALS: cmsdials 1.8 had no other.
        return cls.of_store(legacy, client.through_dials(), None)

    @property
    def kept_in(self) -> TokenStore | None:
        """The file that keeps them; None if none does."""
        return self._store if self._is_kept and not self._is_forgotten else None

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
            newer = None
            with contextlib.suppress(TokenStoreError):
                newer = None if self._store is None else self._newer(self._store)
            if newer is not None:
                return newer
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
        self._keep(tokens, LOGGED_IN)
        return tokens

    def _refreshed(self, used: Token) -> Token:
        if self._store is None:
            return self.client.refresh(used, rotated=self._hold)
        try:
            with self._store.lock():
                newer = self._newer(self._store)
                if newer is not None:
                    self._hold(newer)
                    if not is_stale(newer, self._now()):
                        return newer  # another process was faster
                    used = newer
                # Logged out meanwhile: this process continues, without storing the login again.
                self._is_forgotten = self._seen is None and self._is_kept
                if self._is_forgotten and not self._store.path.exists():
                    message = f"{self._store.path} is gone"
                    self._warn(TokenStoreError(message, advice="Log in again to keep a login there."))
                tokens = self.client.refresh(used, rotated=self._keep)
                self._keep(tokens)
                return tokens
        except TokenStoreError as problem:
            # Another process holds the lock for too long, or the file cannot be read.
            self._warn(problem)
        return self.client.refresh(used, rotated=self._hold)

    def _newer(self, store: TokenStore) -> Token | None:
        """Return the stored tokens, with times of our clock, if another process has stored them after ours.

        Machines that share a login need not agree on the time, so the clock of the service decides. Without it, what the
        file held before does: if it could not be written, ours are newer.
        """
        ours, stored, seen = self._tokens, store.token(self.client.key), self._seen
        self._seen = stored
        if stored is None or stored == seen or stored.access_token == ours.access_token:
            return None
        kept, present = _issued(stored), _issued(ours)
        if kept is not None and present is not None:
            is_newer = kept >= present
        else:
            is_newer = seen is not None or stored.issued_at >= ours.issued_at
        if not is_newer:
            return None
        if kept is None or self._ahead is None:
            # Whether the login has ended is asked: who stored it may have another clock.
            return evolve(
                stored, refresh_expires_at=self._now() + timedelta(seconds=stored.refresh_expires_in)
            )
        shift = timedelta(seconds=self._ahead - (stored.issued_at.timestamp() - kept))
        ends = stored.refresh_expires_at + shift
        return evolve(stored, expires_at=stored.expires_at + shift, refresh_expires_at=ends)

    def _begin_sharing(self) -> None:
        super()._begin_sharing()
        self._ahead: float | None = None  # seconds, of this machine's clock; not known after unpickling

    def _measure(self, tokens: Token) -> None:
        """Compare the clocks, from tokens that this process has just got."""
        issued = _issued(tokens)
        if issued is not None:
            self._ahead = tokens.issued_at.timestamp() - issued

    def _hold(self, tokens: Token) -> None:
        """Hold other tokens; an access token that is still good stays if theirs has ended."""
        held = self._tokens
        if self._is_good(held) and not self._is_good(tokens):
            tokens = evolve(
                tokens, access_token=held.access_token, expires_in=held.expires_in, expires_at=held.expires_at
            )
        self._token = tokens

    def _keep(self, tokens: Token, done: str = "the login is renewed") -> None:
        """Keep new tokens before anything else can fail: the old ones may no longer be valid."""
        self._hold(tokens)
        self._measure(tokens)
        if self._store is None or self._is_forgotten:
            return
        try:
            self._store.change(self.client.key, tokens.as_json())
        except TokenStoreError as problem:
            self._warn(problem, done)
        else:
            self._is_kept, self._seen = True, tokens

    def _warn(self, problem: TokenStoreError, done: str = "the login is renewed") -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(f"{done} for this process alone: {problem}")

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


def _issued(token: Token) -> float | None:
    """Return when a token was issued, by the clock of the service; None if it does not say that."""
    issued = token.claims.get("iat")
    if isinstance(issued, int | float) and not isinstance(issued, bool) and 0 < issued < LATEST:
        return float(issued)
    return None
