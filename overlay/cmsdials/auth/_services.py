"""The two kinds of service that people log in at: a DIALS itself, and a realm of a Keycloak.

Keycloak uses the device grant (RFC 8628), followed by an exchange for a token of DIALS (RFC 8693).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cmsdials.auth import models
from cmsdials.auth.models import ApiToken, Token
from cmsdials.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    DecodeError,
    GatewayError,
    IncompleteBodyError,
    LoginDeniedError,
    LoginError,
    LoginExpiredError,
    MethodNotAllowedError,
    NotFoundError,
    PendingAuthorizationError,
    RedirectError,
    RequestFailedError,
    ResponseError,
    ServerError,
    TooManyRequestsError,
    TransportError,
)
from cmsdials.http.session import Session
from cmsdials.instances import KEYCLOAK_URL
from cmsdials.redaction import Undisclosed

__all__ = ["PENDING", "DialsLogin", "Keycloak", "refusal"]

PENDING = ("authorization_pending", "slow_down")
"""Error codes that mean: not yet."""

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # the name of a grant
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type

_BUSY = "The login service is busy or down: wait a few minutes, then try again."


class _Service:
    """What `AuthClient` needs: `start` a login, `ask` whether it is confirmed, read its `tokens`, `refresh` them.

    These raise BadRequestError or AuthenticationError if the service refuses, another RequestFailedError if no usable
    answer arrived. `end` says why a failed `refresh` means that the login has ended, and is empty if it does not.
    `advice` says what to check if no login can be started.
    """

    def __init__(self, session: Session, now: Callable[[], datetime], advice: str) -> None:
        self._session = session
        self._now = now
        self.advice = advice

    def _perform(
        self,
        request: Mapping[str, Any],
        read: Callable[[bytes], dict[str, Any]] = models.answer,
        **rules: Any,
    ) -> dict[str, Any]:
        try:
            return self._session.perform(request, read, workspace=False, **rules)
        except RequestFailedError as failure:
            _advise(failure, self.advice)
            raise


def _advise(failure: RequestFailedError, address: str) -> None:
    """Give advice about logins: the usual advice is about pages, filters and regular expressions."""
    elsewhere = (
        f"A proxy, a maintenance page or another server answers: open the address in a browser. {address}"
    )
    if not failure.advice.endswith(failure.usual_advice):
        if isinstance(failure, IncompleteBodyError):  # of more bytes than any answer has
            failure.advice = elsewhere
        elif isinstance(failure, DecodeError | ResponseError) and not isinstance(failure, GatewayError):
            failure.advice = failure.usual_advice
    failure.advise(
        {
            ConnectionFailedError: "Check the address, the network and the proxy settings, then try again.",
            DecodeError: elsewhere,
            RedirectError: RedirectError.usual_advice,
            ResponseError: elsewhere,
            ServerError: _BUSY,
            TooManyRequestsError: _BUSY,
            TransportError: _BUSY,
        }
    )


class DialsLogin(_Service):
    """Login at DIALS itself, the only way in cmsdials 1.8."""

    def __init__(self, session: Session, now: Callable[[], datetime]) -> None:
        advice = (
            "Check the address. If people log in at this DIALS through a Keycloak, name that: --keycloak-url, or"
            " AuthClient(keycloak_url=...)."
        )
        super().__init__(session, now, advice)

    def start(self) -> Mapping[str, Any]:
        return self._perform({"method": "GET", "url": "/api/v1/auth/new-device/"}, retries=1)

    def ask(self, device_code: str) -> Mapping[str, Any]:
        return self._post("device-token", {"device_code": device_code}, retries=0)

    def tokens(self, answer: Mapping[str, Any], before: Token | None = None) -> Token:
        return models.token(answer, self._now(), before=before)

    def refresh(self, token: Token, rotated: Callable[[Token], None] | None = None) -> Token:
        del rotated
        headers = {"Authorization": f"{token.token_type} {token.access_token}"}
        answer = self._post("refresh-token", {"refresh_token": token.refresh_token}, headers)
        return self.tokens(answer, token)

    def _post(
        self, path: str, body: Mapping[str, str], headers: Mapping[str, str] | None = None, **rules: Any
    ) -> dict[str, Any]:
        request = {"method": "POST", "url": f"/api/v1/auth/{path}/", "json": Undisclosed(body)}
        return self._perform(request | {"headers": Undisclosed(headers or {})}, **rules)

    def end(self, refused: RequestFailedError) -> str:
        match refused:
            # Without the path it is a DIALS that now leaves logins to Keycloak.
            case BadRequestError() | AuthenticationError() | NotFoundError() | MethodNotAllowedError():
                return _has_ended(refused)
            # The error page of DIALS itself; nginx, or a killed worker, gives another one.
            case ServerError(status_code=500, detail="Server Error (500)"):
                return (
                    "has probably ended: HTTP 500 is what DIALS v1.12 answers to a refresh token that is expired or"
                    " revoked (if a new login fails as well, this DIALS is broken: try again later)"
                )
        return ""

    def revoke(self, token: Token) -> bool:
        del token
        return False


class Keycloak(_Service):
    """A realm of a Keycloak. People log in with the application `client_id`; the tokens are for `audience`."""

    def __init__(self, session: Session, client_id: str, audience: str, now: Callable[[], datetime]) -> None:
        advice = f"Check the address, the realm, and that it knows the application {client_id!r}."
        super().__init__(session, now, advice)
        self._client_id = client_id
        self._audience = audience

    def start(self) -> Mapping[str, Any]:
        # One retry only: a person is waiting, and can try again.
        return self._form("auth/device", {}, safe=True, retries=1)

    def ask(self, device_code: str) -> Mapping[str, Any]:
        return self._form("token", {"grant_type": DEVICE_CODE_GRANT, "device_code": device_code}, retries=0)

    def tokens(self, answer: Mapping[str, Any], before: Token | None = None) -> Token:
        """Exchange the access token of an answer for one of DIALS; raises LoginError if that is refused."""
        exchange = {
            "grant_type": TOKEN_EXCHANGE_GRANT,
            "subject_token": models.required(answer, "access_token"),
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "audience": self._audience,
        }
        try:
            exchanged = self._form("token", exchange, safe=True)
        except (BadRequestError, AuthenticationError) as refused:
            message = f"{self._session.base_url} gives no token for {self._audience} ({_said(refused)})"
            advice = "Check the audience, and that your account may use DIALS."
            if not self._session.base_url.startswith(KEYCLOAK_URL):
                advice += (
                    f" Whoever runs this Keycloak has to let {self._client_id} exchange its tokens: start it with"
                    " --features=token-exchange,admin-fine-grained-authz:v1, and give that client the permission"
                    f" token-exchange of {self._audience}."
                )
            raise LoginError(message, advice=advice) from None
        return models.token(answer, self._now(), access=exchanged, before=before)

    def refresh(self, token: Token, rotated: Callable[[Token], None] | None = None) -> Token:
        answer = self._form("token", {"grant_type": "refresh_token", "refresh_token": token.refresh_token})
        if rotated is not None:
            rotated(models.token({**answer, "expires_in": 0}, self._now(), before=token))
        return self.tokens(answer, token)

    def end(self, refused: RequestFailedError) -> str:
        # A refusal has a code; a page without one is of a proxy, which says nothing of the login.
        if isinstance(refused, BadRequestError | AuthenticationError) and refused.code:
            return _has_ended(refused)
        return ""

    def revoke(self, token: Token) -> bool:
        fields = {"token": token.refresh_token, "token_type_hint": "refresh_token"}
        self._form("revoke", fields, safe=True, read=lambda _: {})
        return True

    def application(self, client_id: str, client_secret: str) -> ApiToken:
        """Log an application in; see `AuthClient.api_access_token`."""
        named = {"client_id": client_id, "client_secret": client_secret, "audience": self._audience}
        fields = Undisclosed({"grant_type": "client_credentials", **named})
        try:
            try:
                request = {"method": "POST", "url": "/api-access/token", "data": fields}
                answer = self._perform(request, safe=True)
            except (NotFoundError, MethodNotAllowedError):
                # That endpoint is CERN's own. Every Keycloak has the plain grant, for the audience that its realm sets.
                answer = self._form("token", fields, safe=True)
        except (BadRequestError, AuthenticationError) as refused:
            problem = f"the application {client_id!r} in ({refused.code or refused.status_code})"
            message = f"{self._session.base_url} does not let {problem}"
            advice = (
                "Check its client id and secret, and that the DIALS developers have granted it access to the API "
                f"of {self._audience}. For another Keycloak give AuthClient its keycloak_url (--keycloak-url)."
            )
            raise LoginError(message, advice=advice) from None
        return models.api_token(answer, self._now())

    def _form(self, path: str, fields: Mapping[str, str], **how: Any) -> dict[str, Any]:
        data = Undisclosed({"client_id": self._client_id, **fields})
        request = {"method": "POST", "url": f"/protocol/openid-connect/{path}", "data": data}
        return self._perform(request, **how)


def refusal(refused: ResponseError) -> LoginError:
    """Return the error for a device code that the service gives no tokens for."""
    match refused.code:
        case "authorization_pending" | "slow_down":
            return PendingAuthorizationError()
        case "access_denied":
            return LoginDeniedError()
        case "expired_token":
            return LoginExpiredError()
    message = f"the login service refuses this login ({_said(refused)})"
    return LoginError(message, advice="Start the login again; if it stays, report it with this message.")


def _has_ended(refused: ResponseError) -> str:
    return f"has ended: it is expired or revoked ({_said(refused)})"


def _said(refused: ResponseError) -> str:
    """Return the code of a refusal, or its status, and the service's description."""
    return ": ".join(part for part in (refused.code or str(refused.status_code), refused.detail) if part)
