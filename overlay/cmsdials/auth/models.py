"""What logins are made of: tokens, and device codes waiting to be confirmed. No I/O.

Secrets are in attributes and never in a repr. Times are aware; a naive one, as older scripts and files have them,
is taken for local time.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from attrs import field, frozen

from cmsdials.errors import LoginError

__all__ = ["ApiToken", "Device", "Token"]


LONGEST = 10 * 365 * 86400
"""Seconds that anything here lasts at most; more would be no date."""


def _masked(value: str) -> str:
    return "'***'" if value else "''"


def _aware(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.astimezone()


def _secret() -> Any:
    return field(repr=_masked)


@frozen(kw_only=True)
class Device:
    """A login that waits for its user.

    Attributes:
        device_code: Secret code to ask with.
        verification_uri_complete: Page on which the user confirms, with the code filled in.
        expires_in: Seconds until the codes expire.
        user_code: Code that the page shows, to be compared; empty if the service sends none.
        verification_uri: The page, for typing the code in.
        interval: Seconds between two questions at least.
    """

    device_code: str = _secret()
    verification_uri_complete: str
    expires_in: int
    user_code: str = ""
    verification_uri: str = ""
    interval: float = 5.0


@frozen(kw_only=True)
class ApiToken:
    """A token that cannot be refreshed: an application asks for the next one.

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
        """When it was asked for."""
        return self.expires_at - timedelta(seconds=self.expires_in)

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says of itself (`preferred_username`, `aud`, ...), unverified; empty if it is no JWT."""
        parts = self.access_token.split(".")
        if len(parts) != 3:
            return {}
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (binascii.Error, ValueError):
            return {}
        return claims if isinstance(claims, dict) else {}


@frozen(kw_only=True)
class Token(ApiToken):
    """Tokens of a person: one to send, and one to get the next with.

    Attributes:
        refresh_token: The secret that buys the next tokens.
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
            "access_token": self.access_token,
            "expires_in": self.expires_in,
            "token_type": self.token_type,
            "expires_at": self.expires_at.isoformat(),
            "refresh_token": self.refresh_token,
            "refresh_expires_in": self.refresh_expires_in,
            "refresh_expires_at": self.refresh_expires_at.isoformat(),
            "session_state": self.session_state,
            "scope": self.scope,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Make tokens of what `as_json` gave, or what cmsdials 1.8 or 2.4 stored.

        Raises:
            ValueError: Something is missing or of another type; the message names it and repeats no value.
        """
        for name, kind in _STORED.items():
            if name in stored or name not in _OPTIONAL:
                value = stored.get(name)
                fits = isinstance(value, kind) and not isinstance(value, bool)
                if fits and isinstance(value, int | float):
                    fits = 0 <= value <= LONGEST
                problem = "is missing" if value is None else "is no such value"
                del value
                if not fits:
                    message = f"{name} {problem}"
                    raise ValueError(message)
        return cls(**{name: stored[name] for name in _STORED if name in stored})


_OPTIONAL = ("session_state", "scope")
_STORED: Mapping[str, type | tuple[type, ...]] = {
    "access_token": str,
    "expires_in": (int, float),
    "token_type": str,
    "expires_at": (str, datetime),
    "refresh_token": str,
    "refresh_expires_in": (int, float),
    "refresh_expires_at": (str, datetime),
    "session_state": str,
    "scope": str,
}


def api_token(answer: Mapping[str, Any], now: datetime) -> ApiToken:
    """Make a token of a token endpoint's answer.

    Args:
        answer: The JSON object.
        now: When it was asked for.

    Raises:
        LoginError: Something is missing.
    """
    _require(answer, "access_token")
    return ApiToken(**_common(answer, now))


def token(answer: Mapping[str, Any], now: datetime, *, access: Mapping[str, Any] | None = None) -> Token:
    """Make tokens of a token endpoint's answer.

    Args:
        answer: The JSON object, which holds the refresh token.
        now: When it was asked for.
        access: Where the access token is another one (after an exchange), the answer that holds it.

    Raises:
        LoginError: Something is missing.
    """
    _require(answer, "refresh_token")
    issued = answer if access is None else access
    _require(issued, "access_token")
    lasts = _seconds(answer, "refresh_expires_in", default=0)
    return Token(
        **_common(issued, now),
        refresh_token=answer["refresh_token"],
        refresh_expires_in=lasts,
        refresh_expires_at=now + timedelta(seconds=lasts),
        session_state=str(answer.get("session_state") or ""),
        scope=str(answer.get("scope") or ""),
    )


def device(answer: Mapping[str, Any]) -> Device:
    """Make a waiting login of a device endpoint's answer.

    Raises:
        LoginError: Something is missing.
    """
    _require(answer, "device_code", "verification_uri_complete")
    return Device(
        device_code=answer["device_code"],
        verification_uri_complete=answer["verification_uri_complete"],
        expires_in=_seconds(answer, "expires_in"),
        user_code=str(answer.get("user_code") or ""),
        verification_uri=str(answer.get("verification_uri") or ""),
        interval=_number(answer, "interval", default=5),
    )


def _require(answer: Mapping[str, Any], *names: str) -> None:
    # Secrets are not taken into local variables here: an error would carry them along.
    for name in names:
        if not isinstance(answer.get(name), str) or not answer[name]:
            message = f"the login service sent no {name}"
            raise LoginError(message)


def _common(answer: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    lasts = _seconds(answer, "expires_in")
    return {
        "access_token": answer["access_token"],
        "expires_in": lasts,
        "token_type": str(answer.get("token_type") or "Bearer"),
        "expires_at": now + timedelta(seconds=lasts),
    }


def _seconds(answer: Mapping[str, Any], name: str, default: int | None = None) -> int:
    return int(_number(answer, name, default))


def _number(answer: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = answer.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        message = f"the login service sent no usable {name}"
        raise LoginError(message)
    return float(value)
