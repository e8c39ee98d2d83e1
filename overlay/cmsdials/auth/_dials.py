"""Logging in through a DIALS itself, as cmsdials 1.8 does everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cmsdials.auth import models
from cmsdials.auth.models import Token
from cmsdials.errors import AuthenticationError, BadRequestError, MethodNotAllowedError, NotFoundError
from cmsdials.http.session import Session
from cmsdials.redaction import Undisclosed

__all__ = ["DialsLogin"]


class DialsLogin:
    """A DIALS, where people log in. See `cmsdials.auth._keycloak.Keycloak`.

    Args:
        session: Sends requests to DIALS.
        now: The present time, aware.
    """

    # Without these paths it is a DIALS that leaves logins to Keycloak by now.
    ended = (BadRequestError, AuthenticationError, NotFoundError, MethodNotAllowedError)
    advice = (
        "Check the address. If people log in at this DIALS through a Keycloak, name that: --keycloak-url, or"
        " AuthClient(keycloak_url=...)."
    )

    def __init__(self, session: Session, now: Callable[[], datetime]) -> None:
        self._session = session
        self._now = now

    def start(self) -> Mapping[str, Any]:
        """Ask for the codes of a new login."""
        request = {"method": "GET", "url": "/api/v1/auth/new-device/"}
        return self._session.perform(request, models.answer, retries=1, workspace=False)

    def ask(self, device_code: str) -> Mapping[str, Any]:
        """Ask once whether a login is confirmed; return the answer of which `tokens` makes tokens."""
        body = Undisclosed({"device_code": device_code})
        request = {"method": "POST", "url": "/api/v1/auth/device-token/", "json": body}
        return self._session.perform(request, models.answer, retries=0, workspace=False)

    def tokens(self, answer: Mapping[str, Any]) -> Token:
        """Make tokens of an answer."""
        return models.token(answer, self._now())

    def refresh(self, token: Token, rotated: Callable[[Token], None] | None = None) -> Token:
        """Get the next tokens; nothing can fail between the new refresh token and the rest."""
        del rotated
        request = {
            "method": "POST",
            "url": "/api/v1/auth/refresh-token/",
            "json": Undisclosed({"refresh_token": token.refresh_token}),
            "headers": Undisclosed({"Authorization": f"{token.token_type} {token.access_token}"}),
        }
        return self.tokens(self._session.perform(request, models.answer, workspace=False))

    def revoke(self, token: Token) -> bool:
        """Return False: DIALS has no way to end a login."""
        del token
        return False
