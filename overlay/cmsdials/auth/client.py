"""The login services: how people get tokens, and the next ones, from DIALS itself or from CERN's Keycloak.

`AuthClient` knows both ways and chooses by what it is given: production and development of DIALS, and any realm that
is named, log in through Keycloak (device grant of RFC 8628, then an exchange of the public token for one with the
audience of DIALS, RFC 8693); every other address logs in through the DIALS that is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from cmsdials.answers import Answer
from cmsdials.auth import _dialogue, models
from cmsdials.auth._device_flow import DeviceFlow, refusal
from cmsdials.auth._store import LoginKey
from cmsdials.auth.models import ApiToken, Device, Token
from cmsdials.errors import (
    AuthenticationError,
    BadRequestError,
    ImpossibleToRefreshTokenError,
    LoginError,
    PendingAuthorizationError,
    ResponseError,
    ServerError,
    TooManyRequestsError,
    TransportError,
)
from cmsdials.instances import KEYCLOAK_URL, PRODUCTION, REALM, instance_of, with_slash
from cmsdials.session import Session
from cmsdials.timeout import Timeout
from cmsdials.undisclosed import Undisclosed

__all__ = ["AuthClient"]

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # the name of a grant
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type
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
        transport: Replaces the network, in tests, as for `cmsdials.session.Session`.
        clock: Seconds since the epoch.
        sleep: Waits a number of seconds.

    Attributes:
        base_url: Address of DIALS.
        through_keycloak: Whether logins go through Keycloak.
        realm_url: Address of the realm, which applications log in at whichever way people do.

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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        instance = instance_of(base_url or PRODUCTION.base_url)
        self.base_url = with_slash(base_url or PRODUCTION.base_url)
        named = any((keycloak_url, realm, client_id, audience))
        self.through_keycloak = (
            instance is not None or named if through_keycloak is None else through_keycloak
        )
        self.realm_url = f"{with_slash(keycloak_url or KEYCLOAK_URL)}realms/{realm or REALM}/"
        self.client_id = client_id or (instance or PRODUCTION).client_id
        self.audience = audience or (instance or PRODUCTION).audience
        self._clock = clock
        self._sleep = sleep
        self._dials = Session(
            self.base_url,
            None,
            None,
            route or "api/",
            version or "v1/",
            timeout,
            transport,
            clock=clock,
            sleep=sleep,
        )
        self._realm = Session(
            self.realm_url, None, timeout=timeout, transport=transport, clock=clock, sleep=sleep
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
                shown.remaining(flow.remaining(self._clock()))
                self._sleep(flow.wait(self._clock()))
                try:
                    answer = self._ask(device.device_code)
                except (TransportError, ServerError, TooManyRequestsError):
                    flow.unreachable()
                    continue
                if isinstance(answer, Token):
                    return answer
                flow.refused(answer.code, answer.detail)

    def new_device(self) -> Device:
        """Start a login: get the codes to confirm it with.

        Raises:
            LoginError: The answer holds no codes.
            RequestFailedError: No usable answer came.
        """
        if self.through_keycloak:
            path, data = "/protocol/openid-connect/auth/device", {"client_id": self.client_id}
            return models.device(self._form(path, data, safe=True))
        request = {"method": "GET", "url": "/api/v1/auth/new-device/"}
        return models.device(self._dials.perform(request, _object, workspace=False))

    def device_token(self, device_code: str) -> Token:
        """Ask once whether a login is confirmed.

        Raises:
            PendingAuthorizationError: Not yet: wait for `Device.interval` seconds and ask again.
            LoginDeniedError, LoginExpiredError, LoginError: It never will be.
            RequestFailedError: No usable answer came.
        """
        answer = self._ask(device_code)
        if isinstance(answer, Token):
            return answer
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

    def how_to_log_in(self) -> str:
        """Say what a person does to log in here."""
        instance = instance_of(self.base_url)
        where = instance.name if instance else self.base_url
        return (
            f"Log in again: run `cmsdials login --instance {where}` in a terminal, or "
            "cmsdials.auth.client.AuthClient(...).device_auth_flow() in a notebook. For batch jobs copy the file "
            "that this writes and name it in CMSDIALS_TOKEN_FILE."
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
            f"of {self.audience}."
        )
        raise LoginError(message, advice=advice)

    # --- requests

    def _ask(self, device_code: str) -> Token | _Refused:
        try:
            if self.through_keycloak:
                data = Undisclosed(
                    {
                        "client_id": self.client_id,
                        "grant_type": DEVICE_CODE_GRANT,
                        "device_code": device_code,
                    }
                )
                answer = self._form("/protocol/openid-connect/token", data, retries=0)
            else:
                body = Undisclosed({"device_code": device_code})
                request = {"method": "POST", "url": "/api/v1/auth/device-token/", "json": body}
                answer = self._dials.perform(request, _object, retries=0, workspace=False)
        except (BadRequestError, AuthenticationError) as refused:
            return _Refused(refused.code, refused.detail)
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
        return f"<AuthClient of {self.issuer}>"


def _object(answer: Answer) -> Mapping[str, Any]:
    body = answer.json()
    if isinstance(body, Mapping):
        return Undisclosed(body)
    message = f"{urlsplit(answer.url).netloc} sent no tokens but {type(body).__name__}"
    raise LoginError(message)
