"""The login services: how people get tokens, and the next ones, from DIALS itself or from CERN's Keycloak.

`AuthClient` knows both ways and chooses by what it is given: production and development of DIALS, and any realm that
is named, log in through Keycloak (device grant of RFC 8628, then an exchange of the public token for one with the
audience of DIALS, RFC 8693); every other address logs in through the DIALS that is there.
"""

from __future__ import annotations

import copy
import shlex
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from attrs import frozen

from cmsdials.auth import _dialogue, models
from cmsdials.auth._device_flow import DeviceFlow, refusal
from cmsdials.auth._store import LoginKey, TokenStore
from cmsdials.auth.models import ApiToken, Device, Token
from cmsdials.errors import (
    AuthenticationError,
    BadRequestError,
    ImpossibleToRefreshTokenError,
    LoginError,
    MethodNotAllowedError,
    NotFoundError,
    PendingAuthorizationError,
    ResponseError,
    ServerError,
    TooManyRequestsError,
    TransportError,
)
from cmsdials.http.connections import Timeout
from cmsdials.http.request import checked_base_url
from cmsdials.http.session import Session
from cmsdials.instances import KEYCLOAK_URL, PRODUCTION, REALM, instance_of
from cmsdials.redaction import Undisclosed
from cmsdials.runtime.interrupts import sleep
from cmsdials.table.decode import read_json

__all__ = ["AuthClient"]

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # the name of a grant
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type
_KEYCLOAK_ADVICE = f"Give the address of the Keycloak, such as {KEYCLOAK_URL}."
_PENDING = ("authorization_pending", "slow_down")


@frozen
class _Refused:
    """A token endpoint's refusal: its code and its words."""

    code: str | None
    detail: str


class AuthClient:
    """Logs people and applications in.

    The constructor sends nothing.

    Args:
        base_url: Address of DIALS; production unless told.
        route: Path of the API below `base_url`, for logins through DIALS.
        version: Version of the API below `route`.
        keycloak_url: Address of a Keycloak, such as https://auth.cern.ch/auth/; naming it, or any of the next
            three, chooses the login through Keycloak.
        realm: Realm of the Keycloak.
        client_id: Public application that people log in with.
        audience: Application that the tokens are for.
        through_keycloak: Whether people log in through Keycloak, or DIALS itself; None chooses as said above.
        timeout: Seconds for each phase of a request.
        transport: Replaces the network, in tests, as for `cmsdials.http.session.Session`.
        clock: Seconds since the epoch.
        sleep: Waits a number of seconds.

    Attributes:
        base_url: Address of DIALS.
        through_keycloak: Whether logins go through Keycloak.
        realm_url: Address of the realm, which applications log in at whichever way people do.
        knows_realm: Whether that realm is the one of this DIALS; False where nothing was said of it, so that no
            application found in the environment or in a file is sent there.

    Raises:
        ConfigurationError: An address cannot work.
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
        route, version = route or "api/", version or "v1/"
        self.base_url = checked_base_url(base_url or PRODUCTION.base_url, route, version)
        keycloak = checked_base_url(
            keycloak_url or KEYCLOAK_URL, name="keycloak_url", advice=_KEYCLOAK_ADVICE
        )
        instance = instance_of(self.base_url)
        self._named = {
            "--keycloak-url": keycloak_url,
            "--realm": realm,
            "--client-id": client_id,
            "--audience": audience,
        }
        self.knows_realm = instance is not None or any(self._named.values())
        self.through_keycloak = self.knows_realm if through_keycloak is None else through_keycloak
        self.realm_url = f"{keycloak}realms/{quote(realm or REALM, safe='')}/"
        self.client_id = client_id or (instance or PRODUCTION).client_id
        self.audience = audience or (instance or PRODUCTION).audience
        self._clock = clock
        self._sleep = sleep
        self._dials = Session(
            self.base_url,
            None,
            None,
            route,
            version,
            timeout,
            transport,
            clock=clock,
            sleep=sleep,
        )
        self._realm = Session(
            self.realm_url, None, None, "", "", timeout, transport, clock=clock, sleep=sleep
        )

    @property
    def issuer(self) -> str:
        """Address of what issues the tokens of people: the realm, or DIALS itself."""
        return self.realm_url if self.through_keycloak else self.base_url

    @property
    def token_url(self) -> str:
        """Address of the realm's token endpoint."""
        return f"{self.realm_url}protocol/openid-connect/token"

    @property
    def key(self) -> LoginKey:
        """What logins of people with this client are stored under."""
        if self.through_keycloak:
            return LoginKey(self.realm_url, self.client_id, self.audience)
        return LoginKey(self.base_url, "dials")

    def application_key(self, client_id: str) -> LoginKey:
        """What the login of an application is stored under."""
        return LoginKey(self.realm_url, client_id, self.audience)

    @property
    def instance(self) -> str:
        """What the DIALS is called: prod, dev, or its address."""
        instance = instance_of(self.base_url)
        return instance.name if instance else self.base_url

    @property
    def place(self) -> str:
        """The DIALS, for people: its name, if it has one, and its address."""
        instance = instance_of(self.base_url)
        return f"{instance.name} ({self.base_url})" if instance else self.base_url

    def through_dials(self) -> Self:
        """Return a client of the same DIALS through which people log in at DIALS itself."""
        other = copy.copy(self)
        other.through_keycloak = False
        return other

    def now(self) -> datetime:
        """The present time of this client's clock."""
        return datetime.fromtimestamp(self._clock(), UTC)

    # --- people

    def device_auth_flow(self, *, open_browser: bool | None = None) -> Token:
        """Log a person in: show a link, wait until it is confirmed.

        The link (and the code to compare) go to standard error, or into the notebook.

        Args:
            open_browser: Whether to open the link; None opens it where there is a browser to open.

        Returns:
            The tokens. They are not stored: `Credentials.from_authclient_token` does that.

        Raises:
            LoginDeniedError: The person has said no.
            LoginExpiredError: Nobody has confirmed in time.
            LoginError: The service refuses the login for another reason.
            RequestFailedError: The service did not answer when the login was to be started.
        """
        device = self.new_device()
        flow = DeviceFlow.started(device, self._clock())
        with _dialogue.invitation(device, open_browser=open_browser) as shown:
            while True:
                self._wait(flow, shown)
                try:
                    answer = self._ask(Undisclosed({"device_code": device.device_code}))
                except (TransportError, ServerError, TooManyRequestsError):
                    flow.unreachable()
                    continue
                if not isinstance(answer, _Refused):
                    return self._tokens(answer)
                flow.refused(answer.code, answer.detail)

    def _wait(self, flow: DeviceFlow, shown: _dialogue.Invitation) -> None:
        """Wait until the next question is due, counting down where that is seen."""
        left = flow.wait(self._clock())
        while left > 0:
            shown.remaining(flow.remaining(self._clock()))
            step = min(left, 1.0) if shown.counts else left
            self._sleep(step)
            left -= step

    def new_device(self) -> Device:
        """Start a login: get the codes to confirm it with.

        Raises:
            LoginError: The service starts none, or the answer holds no codes.
            RequestFailedError: No usable answer came.
        """
        try:
            return models.device(self._started())
        except (BadRequestError, AuthenticationError, NotFoundError) as refused:
            said = refused.message
        message = f"{self.issuer} starts no login ({said})"
        if self.through_keycloak:
            advice = f"Check the address, the realm, and that it knows the application {self.client_id!r}."
        else:
            advice = (
                "Check the address. If people log in at this DIALS through a Keycloak, name that: --keycloak-url, or"
                " AuthClient(keycloak_url=...)."
            )
        raise LoginError(message, advice=advice)

    def device_token(self, device_code: str) -> Token:
        """Ask once whether a login is confirmed.

        Raises:
            PendingAuthorizationError: Not yet: wait for `Device.interval` seconds and ask again.
            LoginDeniedError, LoginExpiredError, LoginError: It never will be.
            RequestFailedError: No usable answer came.
        """
        code = Undisclosed({"device_code": device_code})
        del device_code  # errors would carry it along
        answer = self._ask(code)
        if not isinstance(answer, _Refused):
            return self._tokens(answer)
        if answer.code in _PENDING:
            raise PendingAuthorizationError
        raise refusal(answer.code, answer.detail)

    def refresh_token(self, token_type: str, access_token: str, refresh_token: str) -> Token:
        """Get the next tokens, as cmsdials 1.8 was asked for them; see `refresh`."""
        now = self.now()
        token = Token(
            access_token=access_token,
            token_type=token_type,
            expires_in=0,
            expires_at=now,
            refresh_token=refresh_token,
            refresh_expires_in=0,
            refresh_expires_at=now,
        )
        del access_token, refresh_token  # errors would carry them along
        return self.refresh(token)

    def refresh(self, token: Token, *, rotated: Callable[[Token], None] | None = None) -> Token:
        """Get the next tokens for those of a person.

        Args:
            token: The present ones.
            rotated: Called as soon as the service has given a new refresh token and before the access token is
                exchanged, with tokens that hold it and an access token that has expired: the old refresh token
                may be worth nothing any more.

        Raises:
            ImpossibleToRefreshTokenError: The service refuses: the person has to log in again.
            LoginError: The exchange is refused.
            RequestFailedError: No usable answer came.
        """
        refused: ResponseError
        try:
            answer = self._refreshed(token)
        except (BadRequestError, AuthenticationError) as problem:
            refused = problem
        except (NotFoundError, MethodNotAllowedError) as problem:
            if self.through_keycloak:
                raise
            refused = problem  # a DIALS that leaves logins to Keycloak by now
        else:
            if not self.through_keycloak:
                return models.token(answer, self.now())
            if rotated is not None:
                rotated(models.token(Undisclosed({**answer, "expires_in": 0}), self.now()))
            return self._exchanged(answer)
        code = f" ({refused.code or refused.status_code})"
        message = f"the login at {self.issuer} has ended: it is expired or revoked{code}"
        raise ImpossibleToRefreshTokenError(message, advice=self.how_to_log_in())

    def revoke(self, token: Token) -> bool:
        """End a login at the service that issued it.

        Returns:
            False if the service has no way to do that (DIALS has none).

        Raises:
            RequestFailedError: No usable answer came.
        """
        if not self.through_keycloak:
            return False
        data = Undisclosed(
            {
                "client_id": self.client_id,
                "token": token.refresh_token,
                "token_type_hint": "refresh_token",
            }
        )
        request = {"method": "POST", "url": "/protocol/openid-connect/revoke", "data": data}
        return self._realm.perform(request, lambda _: True, safe=True, workspace=False)

    def how_to_log_in(self, store: TokenStore | None = None) -> str:
        """Say what a person does to log in here, so that it is kept in a store."""
        options = {"--instance": self.instance} | self._named
        if store is not None and store.named_by == "argument":
            options["--cache-dir"] = str(store.path.parent)
        command = shlex.join(
            ["cmsdials", "login", *(part for pair in options.items() if pair[1] for part in pair if part)]
        )
        return (
            f"Log in: run `{command}` in a terminal, or Credentials.from_creds_file in a notebook. For batch jobs copy"
            " the file that this writes and name it in CMSDIALS_TOKEN_FILE."
        )

    # --- applications

    def api_access_token(self, client_id: str, client_secret: str) -> ApiToken:
        """Log an application in.

        Raises:
            LoginError: The service does not know the application, or the secret is another one.
            RequestFailedError: No usable answer came.
        """
        data = Undisclosed(
            {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
                "audience": self.audience,
            }
        )
        del client_secret
        try:
            answer = self._form("/api-access/token", data, safe=True)
        except (BadRequestError, AuthenticationError) as problem:
            refused = problem.code or str(problem.status_code)
        else:
            return models.api_token(answer, self.now())
        message = f"{self.realm_url} does not let the application {client_id!r} in ({refused})"
        advice = (
            "Check its client id and secret, and that the DIALS developers have granted it access to the API "
            f"of {self.audience}. For another Keycloak give AuthClient its keycloak_url (--keycloak-url)."
        )
        raise LoginError(message, advice=advice)

    # --- requests

    def _started(self) -> Mapping[str, Any]:
        # Tried again once only: a person is waiting, and can do that too.
        if self.through_keycloak:
            path, data = "/protocol/openid-connect/auth/device", {"client_id": self.client_id}
            return self._form(path, data, safe=True, retries=1)
        request = {"method": "GET", "url": "/api/v1/auth/new-device/"}
        return self._dials.perform(request, _object, retries=1, workspace=False)

    def _ask(self, device_code: Undisclosed) -> Mapping[str, Any] | _Refused:
        """Ask once whether a login is confirmed."""
        try:
            if self.through_keycloak:
                named = {"client_id": self.client_id, "grant_type": DEVICE_CODE_GRANT}
                data = Undisclosed({**named, **device_code})
                return self._form("/protocol/openid-connect/token", data, retries=0)
            request = {"method": "POST", "url": "/api/v1/auth/device-token/", "json": device_code}
            return self._dials.perform(request, _object, retries=0, workspace=False)
        except (BadRequestError, AuthenticationError) as refused:
            return _Refused(refused.code, refused.detail)

    def _tokens(self, answer: Mapping[str, Any]) -> Token:
        """Make tokens of what a confirmed login, or a refresh, was answered."""
        return self._exchanged(answer) if self.through_keycloak else models.token(answer, self.now())

    def _refreshed(self, token: Token) -> Mapping[str, Any]:
        if self.through_keycloak:
            data = Undisclosed(
                {
                    "client_id": self.client_id,
                    "grant_type": "refresh_token",
                    "refresh_token": token.refresh_token,
                }
            )
            return self._form("/protocol/openid-connect/token", data)
        request = {
            "method": "POST",
            "url": "/api/v1/auth/refresh-token/",
            "json": Undisclosed({"refresh_token": token.refresh_token}),
            "headers": Undisclosed({"Authorization": f"{token.token_type} {token.access_token}"}),
        }
        return self._dials.perform(request, _object, workspace=False)

    def _exchanged(self, public: Mapping[str, Any]) -> Token:
        data = Undisclosed(
            {
                "client_id": self.client_id,
                "grant_type": TOKEN_EXCHANGE_GRANT,
                "subject_token": str(public.get("access_token", "")),
                "subject_token_type": ACCESS_TOKEN_TYPE,
                "audience": self.audience,
            }
        )
        try:
            answer = self._form("/protocol/openid-connect/token", data, safe=True)
        except (BadRequestError, AuthenticationError) as problem:
            refused = problem.code or str(problem.status_code)
        else:
            return models.token(public, self.now(), access=answer)
        message = f"{self.realm_url} gives no token for {self.audience} ({refused})"
        advice = "Check the audience, and that your account may use DIALS."
        raise LoginError(message, advice=advice)

    def _form(
        self, path: str, data: Mapping[str, str], *, safe: bool = False, retries: int | None = None
    ) -> Mapping[str, Any]:
        request = {"method": "POST", "url": path, "data": data}
        return self._realm.perform(request, _object, safe=safe, retries=retries, workspace=False)

    def __repr__(self) -> str:
        return (
            f"<AuthClient of {self.issuer}>" if hasattr(self, "_realm") else "<AuthClient that was not made>"
        )


def _object(body: bytes) -> Mapping[str, Any]:
    said = read_json(body)
    if isinstance(said, Mapping):
        return Undisclosed(said)
    kind = type(said).__name__
    del body, said  # whatever it is, an error would carry it along
    message = f"the login service sent no tokens but {kind}"
    raise LoginError(message)
