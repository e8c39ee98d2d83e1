"""Logging in through a Keycloak: the device grant (RFC 8628), then an exchange for a token of DIALS (RFC 8693)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cmsdials.auth import models
from cmsdials.auth.models import ApiToken, Token
from cmsdials.errors import (
    AuthenticationError,
    BadRequestError,
    LoginError,
    MethodNotAllowedError,
    NotFoundError,
    ResponseError,
)
from cmsdials.http.session import Session
from cmsdials.instances import KEYCLOAK_URL
from cmsdials.redaction import Undisclosed

__all__ = ["Keycloak", "said"]

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # the name of a grant
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type


class Keycloak:
    """A realm of a Keycloak, where people and applications log in.

    The methods are those of `cmsdials.auth._dials.DialsLogin`, and one for applications. They raise BadRequestError
    or AuthenticationError if the realm refuses, another RequestFailedError if no usable answer came.

    Args:
        session: Sends requests to the realm.
        client_id: Public application that people log in with.
        audience: Application that the tokens are for.
        now: The present time, aware.
    """

    ended = (BadRequestError, AuthenticationError)
    """By these `refresh` says that a login has ended."""

    def __init__(self, session: Session, client_id: str, audience: str, now: Callable[[], datetime]) -> None:
        self._session = session
        self._client_id = client_id
        self._audience = audience
        self._now = now
        self.advice = f"Check the address, the realm, and that it knows the application {client_id!r}."

    def start(self) -> Mapping[str, Any]:
        """Ask for the codes of a new login."""
        path = "/protocol/openid-connect/auth/device"
        # Tried again once only: a person is waiting, and can do that too.
        return self._form(path, safe=True, retries=1, client_id=self._client_id)

    def ask(self, device_code: str) -> Mapping[str, Any]:
        """Ask once whether a login is confirmed; return the answer of which `tokens` makes tokens."""
        return self._grant(DEVICE_CODE_GRANT, retries=0, device_code=device_code)

    def tokens(self, answer: Mapping[str, Any]) -> Token:
        """Exchange the access token of an answer for one of DIALS.

        Raises:
            LoginError: The exchange is refused.
        """
        try:
            exchanged = self._grant(
                TOKEN_EXCHANGE_GRANT,
                safe=True,
                subject_token=str(answer.get("access_token", "")),
                subject_token_type=ACCESS_TOKEN_TYPE,
                audience=self._audience,
            )
        except (BadRequestError, AuthenticationError) as refused:
            problem = f"gives no token for {self._audience} ({said(refused)})"
            message = f"{self._session.base_url} {problem}"
            advice = "Check the audience, and that your account may use DIALS."
            if not self._session.base_url.startswith(KEYCLOAK_URL):
                advice += (
                    f" Whoever runs this Keycloak has to let {self._client_id} exchange its tokens: start it with"
                    " --features=token-exchange,admin-fine-grained-authz:v1, and give that client the permission"
                    f" token-exchange of {self._audience}."
                )
            raise LoginError(message, advice=advice) from None
        return models.token(answer, self._now(), access=exchanged)

    def refresh(self, token: Token, rotated: Callable[[Token], None] | None = None) -> Token:
        """Get the next tokens; `rotated` gets the new refresh token before the access token is exchanged."""
        answer = self._grant("refresh_token", refresh_token=token.refresh_token)
        if rotated is not None:
            rotated(models.token({**answer, "expires_in": 0}, self._now()))
        return self.tokens(answer)

    def revoke(self, token: Token) -> bool:
        """End a login."""
        fields = {"client_id": self._client_id, "token": token.refresh_token}
        data = Undisclosed(fields | {"token_type_hint": "refresh_token"})
        request = {"method": "POST", "url": "/protocol/openid-connect/revoke", "data": data}
        return self._session.perform(request, lambda _: True, safe=True, workspace=False)

    def application(self, client_id: str, client_secret: str) -> ApiToken:
        """Log an application in.

        Raises:
            LoginError: The realm does not know the application, or the secret is another one.
        """
        fields = Undisclosed(
            {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
                "audience": self._audience,
            }
        )
        del client_secret
        try:
            try:
                answer = self._form("/api-access/token", safe=True, **fields)
            except (NotFoundError, MethodNotAllowedError):
                # That one is CERN's own. Every Keycloak has the grant itself, for the audience that the realm gives.
                answer = self._form("/protocol/openid-connect/token", safe=True, **fields)
        except (BadRequestError, AuthenticationError) as refused:
            problem = f"the application {client_id!r} in ({refused.code or refused.status_code})"
            message = f"{self._session.base_url} does not let {problem}"
            advice = (
                "Check its client id and secret, and that the DIALS developers have granted it access to the API "
                f"of {self._audience}. For another Keycloak give AuthClient its keycloak_url (--keycloak-url)."
            )
            raise LoginError(message, advice=advice) from None
        return models.api_token(answer, self._now())

    def _grant(
        self, kind: str, *, safe: bool = False, retries: int | None = None, **fields: str
    ) -> Mapping[str, Any]:
        fields |= {"client_id": self._client_id, "grant_type": kind}
        return self._form("/protocol/openid-connect/token", safe=safe, retries=retries, **fields)

    def _form(
        self, path: str, *, safe: bool = False, retries: int | None = None, **fields: str
    ) -> Mapping[str, Any]:
        request = {"method": "POST", "url": path, "data": Undisclosed(fields)}
        return self._session.perform(request, models.answer, safe=safe, retries=retries, workspace=False)


def said(refused: ResponseError) -> str:
    """Return the code of a refusal, or its status, and the service's words for it."""
    if refused.code is None:
        return str(refused.status_code)
    return f"{refused.code}: {refused.detail}" if refused.detail else refused.code
