"""What logins are made of: tokens, and device codes waiting to be confirmed. No I/O.

Secrets are in attributes and never in a repr. Times have a time zone; naive ones, as in older scripts and
files, are taken as local time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self, TypeGuard

from attrs import NOTHING, asdict, field, fields, frozen
from cmsdials_api.pydantic_like import FrozenPydanticLike

from cmsdials.errors import LoginError
from cmsdials.legacy import getter
from cmsdials.table.decode import read_json

__all__ = ["ApiToken", "Device", "Token"]


LONGEST = 10 * 365 * 86400
"""Longest lifetime, in seconds; more could not be added to a date."""


def _aware(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.astimezone()


def _secret() -> Any:
    return field(repr=lambda value: "'***'" if value else "''")


@frozen(kw_only=True)
class Device(FrozenPydanticLike):
    """A login that waits for its user.

    Attributes:
        device_code: Secret code to poll with.
        verification_uri_complete: Page on which the user confirms, with the code filled in.
        expires_in: Seconds until the codes expire.
        user_code: Code that the page shows, to be compared; empty if the service sends none.
        verification_uri: The page, for typing the code in.
        interval: Shortest time between two polls, in seconds.
    """

    device_code: str = _secret()
    verification_uri_complete: str
    expires_in: int
    user_code: str = ""
    verification_uri: str = ""
    interval: float = 5.0


@frozen(kw_only=True)
class ApiToken(FrozenPydanticLike):
    """A token that cannot be refreshed: an application requests a new one.

    Attributes:
        access_token: The secret.
        expires_in: Seconds that it lasts from its issue.
        token_type: How it is sent, Bearer.
        expires_at: When it expires.
    """

    access_token: str = _secret()
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105  # not a secret
    expires_at: datetime = field(converter=_aware)

    @property
    def issued_at(self) -> datetime:
        """When it was requested."""
        return self.expires_at - timedelta(seconds=self.expires_in)

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the token (`preferred_username`, `aud`, ...), unverified; empty if it is not a JWT."""
        parts = self.access_token.split(".")
        if len(parts) != 3:
            return {}
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return {}
        return claims if isinstance(claims, dict) else {}


@frozen(kw_only=True)
class Token(ApiToken):
    """Tokens of a person: one to send, and one to renew both with.

    Attributes:
        refresh_token: The secret that the next tokens are requested with.
        refresh_expires_in: Seconds that it lasts from its issue; 0 if it lasts until it is revoked.
        refresh_expires_at: When it expires.
        session_state: Identifier of the login session, where the service sends one.
        scope: Scopes granted.
    """

    refresh_token: str = _secret()
    refresh_expires_in: int
    refresh_expires_at: datetime = field(converter=_aware)
    session_state: str = ""
    scope: str = ""

    @property
    def refresh_lasts_forever(self) -> bool:
        """Whether the refresh token has no end of its own (Keycloak says 0 seconds for an offline one)."""
        return self.refresh_expires_in == 0

    def as_json(self) -> dict[str, Any]:
        """Return everything, secrets included, as it is stored."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Make tokens from what `as_json` returned, or cmsdials 1.8 or 2.4 stored.

        Raises:
            ValueError: Something is missing or of the wrong type; the message names it and repeats no value.
        """
        found: dict[str, Any] = {
            one.name: stored.get(one.name)
            for one in fields(cls)
            if one.default is NOTHING or one.name in stored
        }
        for name, value in found.items():
            if not (_is_duration(value) if name.endswith("_in") else isinstance(value, str)):
                message = f"{name} is {'missing' if value is None else 'not usable'}"
                raise ValueError(message)
        return cls(**found)


def answer(body: bytes) -> dict[str, Any]:
    """Read the answer of a login service, which is a JSON object.

    Raises:
        DecodeError: It is not JSON.
        LoginError: It is not an object.
    """
    read = read_json(body)
    if isinstance(read, dict):
        return read
    message = f"the login service sent {type(read).__name__} instead of tokens"
    raise LoginError(message)


def api_token(answer: Mapping[str, Any], now: datetime) -> ApiToken:
    """Make a token from a token endpoint's answer to a request at `now`; raises LoginError if something is missing."""
    lasts = int(_duration(answer, "expires_in"))
    return ApiToken(
        access_token=_text(answer, "access_token"),
        expires_in=lasts,
        token_type=str(answer.get("token_type") or "Bearer"),
        expires_at=now + timedelta(seconds=lasts),
    )


def token(answer: Mapping[str, Any], now: datetime, *, access: Mapping[str, Any] | None = None) -> Token:
    """Make tokens as `api_token`; after an exchange, `access` is the answer that holds the access token."""
    lasts = int(_duration(answer, "refresh_expires_in", default=0))
    return Token(
        refresh_token=_text(answer, "refresh_token"),
        **asdict(api_token(answer if access is None else access, now)),
        refresh_expires_in=lasts,
        refresh_expires_at=now + timedelta(seconds=lasts),
        session_state=str(answer.get("session_state") or ""),
        scope=str(answer.get("scope") or ""),
    )


def device(answer: Mapping[str, Any]) -> Device:
    """Make a waiting login from a device endpoint's answer; raises LoginError if something is missing."""
    return Device(
        device_code=_text(answer, "device_code"),
        verification_uri_complete=_text(answer, "verification_uri_complete"),
        expires_in=int(_duration(answer, "expires_in")),
        user_code=str(answer.get("user_code") or ""),
        verification_uri=str(answer.get("verification_uri") or ""),
        interval=_duration(answer, "interval", default=5),
    )


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if isinstance(value, str) and value:
        return value
    message = f"the login service sent no {name}"
    raise LoginError(message)


def _duration(answer: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = answer.get(name, default)
    if _is_duration(value):
        return float(value)
    message = f"the login service sent no usable {name}"
    raise LoginError(message)


def _is_duration(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST


__getattr__ = getter(__name__)
