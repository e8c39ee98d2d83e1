"""`AuthClient`: how people and applications get tokens and renew them.

There are two ways, chosen by its arguments: production and development of DIALS, and any realm that is named, log in
through Keycloak; every other address logs in through the DIALS that is there.
"""

from __future__ import annotations

import copy
import shlex
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self
from urllib.parse import quote

from cmsdials.auth import models
from cmsdials.auth._prompt import Prompt, checked, prompt
from cmsdials.auth._refresh import is_over
from cmsdials.auth._services import PENDING, DialsLogin, Keycloak, refusal
from cmsdials.auth._store import LoginKey, TokenStore
from cmsdials.auth.models import ApiToken, Device, Token
from cmsdials.errors import (
    AuthenticationError,
    BadRequestError,
    DecodeError,
    ImpossibleToRefreshTokenError,
    LoginError,
    LoginExpiredError,
    NotFoundError,
    RequestFailedError,
    ServerError,
    TooManyRequestsError,
    TransportError,
)
from cmsdials.http.connections import Timeout
from cmsdials.http.request import checked_base_url
from cmsdials.http.session import Session
from cmsdials.instances import KEYCLOAK_URL, PRODUCTION, REALM, instance_of
from cmsdials.redaction import printable
from cmsdials.runtime.interrupts import sleep

__all__ = ["AuthClient"]

SLOWER = 5.0
"""Seconds by which an answer `slow_down` lengthens the interval (RFC 8628, section 3.5)."""
SHORTEST = 0.1
"""Shortest interval between two polls, in seconds, whatever the service says."""
SLOWEST = 60.0
"""Longest interval between two polls, in seconds, unless the service asks for more."""


class AuthClient:
    """Logs people and applications in.

    The constructor sends nothing.

    Args:
        base_url: Address of DIALS; default: production.
        route: Path of the API below `base_url`, for logins through DIALS.
        version: Version of the API below `route`.
        keycloak_url: Address of a Keycloak, such as https://auth.cern.ch/auth/; naming it, or any of the next
            three, chooses the login through Keycloak.
        realm: Realm of the Keycloak.
        client_id: Public application that people log in with.
        audience: Application that the tokens are for.
        through_keycloak: Whether people log in through Keycloak, or DIALS itself; None chooses by the arguments above.
        timeout: Seconds for each phase of a request.
        transport: Replaces the network, in tests, as for `cmsdials.http.session.Session`.
        clock: Seconds since the epoch.
        sleep: Waits a number of seconds.

    Attributes:
        base_url: Address of DIALS.
        through_keycloak: Whether logins go through Keycloak.
        realm_url: Address of the realm, where applications log in whichever way people do.
        knows_realm: Whether that realm is known to be the one of this DIALS; if not, no secret of an application from
            the environment or a file is sent there.

    Raises:
        ConfigurationError: An address is unusable.
    """

    def __init__(
        self,
        base_url: str | None = None,
        route: str | None = None,
        version: str | None = None,
        *,
        keycloak_url: str | None = None,
        realm: str | None = None,
        client_id: str | None = None,
        audience: str | None = None,
        through_keycloak: bool | None = None,
        timeout: Timeout = 30.0,
        transport: Any = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        session = partial(Session, timeout=timeout, transport=transport, clock=clock, sleep=sleep)
        dials = session(
            base_url or PRODUCTION.base_url, None, route=route or "api/", version=version or "v1/"
        )
        self.base_url = dials.base_url
        instance = instance_of(self.base_url)
        options = {"--keycloak-url": keycloak_url, "--realm": realm}
        options |= {"--client-id": client_id, "--audience": audience}
        self._named = {option: value for option, value in options.items() if value}
        self.knows_realm = instance is not None or bool(self._named)
        self.through_keycloak = self.knows_realm if through_keycloak is None else through_keycloak
        advice = f"Give the address of the Keycloak, such as {KEYCLOAK_URL}."
        keycloak = checked_base_url(keycloak_url or KEYCLOAK_URL, name="keycloak_url", advice=advice)
        self.realm_url = f"{keycloak}realms/{quote(realm or REALM, safe='')}/"
        self.client_id = client_id or (instance or PRODUCTION).client_id
        self.audience = audience or (instance or PRODUCTION).audience
        self._clock = clock
        self._sleep = sleep
        self._dials = DialsLogin(dials, self.now)
        realm_session = session(self.realm_url, None, route="", version="")
        self._keycloak = Keycloak(realm_session, self.client_id, self.audience, self.now)

    @property
    def _login(self) -> Keycloak | DialsLogin:
        return self._keycloak if self.through_keycloak else self._dials

    @property
    def issuer(self) -> str:
        """Address of what issues the tokens of people: the realm, or DIALS itself."""
        return self.realm_url if self.through_keycloak else self.base_url

    @property
    def key(self) -> LoginKey:
        """The key under which logins of people with this client are stored."""
        if self.through_keycloak:
            return LoginKey(self.realm_url, self.client_id, self.audience)
        return LoginKey(self.base_url, "dials")

    def application_key(self, client_id: str) -> LoginKey:
        """The key under which the login of an application is stored."""
        return LoginKey(self.realm_url, client_id, self.audience)

    @property
    def instance(self) -> str:
        """Name of the DIALS: prod, dev, or its address."""
        instance = instance_of(self.base_url)
        return instance.name if instance else self.base_url

    @property
    def place(self) -> str:
        """The DIALS, for messages: its name, if it has one, and its address."""
        return self.base_url if self.instance == self.base_url else f"{self.instance} ({self.base_url})"

    def through_dials(self) -> Self:
        """Return a client of the same DIALS with which people log in at DIALS itself."""
        other = copy.copy(self)
        other.through_keycloak = False
        return other

    def now(self) -> datetime:
        """The current time of this client's clock."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def device_auth_flow(
        self, *, open_browser: bool | None = None, keep: Callable[[Token], None] | None = None
    ) -> Token:
        """Log a person in: show a link, wait until it is confirmed.

        The link (and the code to compare) goes to standard error, or into the notebook.

        Args:
            open_browser: Whether to open the link; None opens it where there is a browser to open.
            keep: Called with the tokens before the person sees that the login is done, which is not said if it raises.

        Returns:
            The tokens. They are not stored: `keep` or `Credentials.from_authclient_token` does that.

        Raises:
            LoginDeniedError: The person denied the login.
            LoginExpiredError: It was not confirmed in time.
            LoginError: The service refuses the login for another reason.
            RequestFailedError: The service did not answer the request to start a login.
        """
        device = self.new_device()
        ends = self._clock() + device.expires_in
        interval = max(device.interval, SHORTEST)
        with prompt(device, open_browser=open_browser) as shown:
            while True:
                self._wait(interval, ends, shown)
                try:
                    answer = self._login.ask(device.device_code)
                    models.required(answer, "access_token")
                except (TransportError, ServerError, TooManyRequestsError, DecodeError, LoginError):
                    # Without a usable answer, poll half as often (RFC 8628, section 3.5).
                    interval = max(interval, min(2 * interval, SLOWEST))
                except (BadRequestError, AuthenticationError) as refused:
                    if refused.code not in PENDING:
                        raise refusal(refused) from None
                    if refused.code == "slow_down":
                        interval += SLOWER
                else:
                    tokens = self._login.tokens(answer)
                    if keep is not None:
                        keep(tokens)
                    return tokens

    def _wait(self, seconds: float, ends: float, shown: Prompt) -> None:
        """Wait until the next poll, counting down where that is visible; raise if the codes will have expired."""
        if self._clock() + seconds > ends:
            raise LoginExpiredError
        while seconds > 0:
            shown.remaining(max(0.0, ends - self._clock()))
            step = min(seconds, 1.0) if shown.counts else seconds
            self._sleep(step)
            seconds -= step

    def new_device(self) -> Device:
        """Start a login: get the codes to confirm it with.

        Raises:
            LoginError: The service refuses to start one, or its answer holds no codes, or a link that is no web page.
            RequestFailedError: No usable answer came.
        """
        try:
            return checked(models.device(self._login.start()))
        except (BadRequestError, AuthenticationError, NotFoundError) as refused:
            message = f"{self.issuer} starts no login ({refused.message})"
            raise LoginError(message, advice=self._login.advice) from None

    def device_token(self, device_code: str) -> Token:
        """Ask once whether a login is confirmed.

        Raises:
            PendingAuthorizationError: Not yet: wait for `Device.interval` seconds and ask again.
            LoginDeniedError, LoginExpiredError, LoginError: It never will be.
            RequestFailedError: No usable answer came.
        """
        try:
            answer = self._login.ask(device_code)
        except (BadRequestError, AuthenticationError) as refused:
            raise refusal(refused) from None
        return self._login.tokens(answer)

    def refresh_token(self, token_type: str, access_token: str, refresh_token: str) -> Token:
        """Get the next tokens, with the arguments of cmsdials 1.8; see `refresh`."""
        fields = {"access_token": access_token, "token_type": token_type, "expires_in": 0}
        return self.refresh(models.token(fields | {"refresh_token": refresh_token}, self.now()))

    def refresh(self, token: Token, *, rotated: Callable[[Token], None] | None = None) -> Token:
        """Renew the tokens of a person.

        Args:
            token: The current ones.
            rotated: Called as soon as the service has given a new refresh token and before the access token is
                exchanged, with tokens that hold it and an access token that has expired: the old refresh token
                may no longer be valid.

        Raises:
            ImpossibleToRefreshTokenError: The person has to log in again: the service refuses, or is not asked, because
                the refresh token has expired by the clock of this machine, or there is none.
            LoginError: The exchange is refused.
            RequestFailedError: No usable answer came.
        """
        if not token.refresh_token:
            end = "has ended: the service gave no refresh token to renew it with"
        elif is_over(token, self.now()):
            expired = f"{token.refresh_expires_at:%Y-%m-%d %H:%M %Z}"
            end = f"has ended: it expired on {expired}, by the clock of this machine; nothing was sent"
        else:
            try:
                return self._login.refresh(token, rotated)
            except RequestFailedError as refused:
                end = self._login.end(refused)
                if not end:
                    raise
        message = f"the login at {self.issuer} {end}"
        raise ImpossibleToRefreshTokenError(message, advice=self.how_to_log_in())

    def revoke(self, token: Token) -> bool:
        """End a login at the service that issued it.

        Returns:
            False if the service has no way to do that (DIALS has none), or gave no refresh token.

        Raises:
            RequestFailedError: No usable answer came.
        """
        return bool(token.refresh_token) and self._login.revoke(token)

    def api_access_token(self, client_id: str, client_secret: str) -> ApiToken:
        """Log an application in.

        Raises:
            LoginError: The service does not know the application, or the secret is wrong.
            RequestFailedError: No usable answer came.
        """
        return self._keycloak.application(client_id, client_secret)

    def how_to_log_in(self, store: TokenStore | None = None) -> str:
        """Say how a person logs in here so that the login is kept in a store."""
        options = {"--instance": self.instance} | self._named
        if store is not None and store.named_by == "argument":
            options["--cache-dir"] = str(store.path.parent)
        words = (word for option in options.items() for word in option)
        command = printable(shlex.join(["cmsdials", "login", *words]))
        return (
            f"Log in: run `{command}` in a terminal, or Credentials.from_creds_file in a notebook. For batch jobs copy"
            " the file that this writes and name it in CMSDIALS_TOKEN_FILE."
        )

    def __repr__(self) -> str:
        return (
            f"<AuthClient of {self.issuer}>"
            if hasattr(self, "_keycloak")
            else "<AuthClient that was not made>"
        )
