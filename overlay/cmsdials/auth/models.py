"""What logins are made of: tokens, and device codes waiting to be confirmed. No I/O.

Secrets are in attributes and never in a repr. Times have a time zone; naive ones, as in older scripts and
files, are taken as local time.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from attrs import asdict, field, frozen
from cmsdials_api.pydantic_like import FrozenPydanticLike

from cmsdials.errors import DecodeError, LoginError
from cmsdials.legacy import getter
from cmsdials.table.decode import read_json

__all__ = ["ApiToken", "Device", "Token"]


LARGEST = 1_000_000
"""Bytes of an answer that is read: JSON takes twenty times as much memory."""
LONGEST = 10 * 365 * 86400
"""Longest lifetime, in seconds; more could not be added to a date."""
LATEST = 4e9
"""Later than any clock, in seconds since the epoch. Around later times, and before the epoch, dates cannot be reckoned with."""
USUAL_LIFETIME = 300
"""Seconds that an access token is taken to last where nothing says so. If it lasts less, DIALS refuses it, and it is renewed then."""
USUAL_INTERVAL = 5.0
"""Seconds between two polls where the service names no interval (RFC 8628, section 3.2)."""


def _aware(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.astimezone()


def _access_lifetime(value: object) -> int:
    return _lifetime(value, USUAL_LIFETIME)


def _refresh_lifetime(value: object) -> int:
    return _lifetime(value, 0)


def _scheme(_: object) -> str:
    return "Bearer"  # DIALS knows no other spelling


def _secret() -> Any:
    return field(repr=lambda value: "'***'" if value else "''")


@frozen(kw_only=True)
class Device(FrozenPydanticLike):
    """A login that waits for its user.

    Attributes:
        device_code: Secret code to poll with.
        verification_uri_complete: Page on which the user confirms, with the code filled in; `verification_uri` if the
            service sends no such link, and the code has to be typed in.
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
    interval: float = USUAL_INTERVAL


@frozen(kw_only=True)
class ApiToken(FrozenPydanticLike):
    """A token that cannot be refreshed: an application requests a new one.

    Attributes:
        access_token: The secret.
        expires_in: Seconds that it lasts from its issue.
        token_type: How it is sent: Bearer, however the service spells it.
        expires_at: When it expires.
    """

    access_token: str = _secret()
    expires_in: int = field(converter=_access_lifetime)
    token_type: str = field(default="Bearer", converter=_scheme)
    expires_at: datetime = field(converter=_aware)

    @property
    def issued_at(self) -> datetime:
        """When it was requested."""
        return self.expires_at - timedelta(seconds=self.expires_in)

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the token (`preferred_username`, `aud`, ...), unverified; empty if it is not a JWT."""
        return _claims(self.access_token)


@frozen(kw_only=True)
class Token(ApiToken):
    """Tokens of a person: one to send, and one to renew both with.

    Attributes:
        refresh_token: The secret that the next tokens are requested with; empty if the service gave none, so that the
            login ends with the access token.
        refresh_expires_in: Seconds that it lasts from its issue; 0 if it lasts until it is revoked.
        refresh_expires_at: When it expires.
        session_state: Identifier of the login session, where the service sends one.
        scope: Scopes granted.
    """

    refresh_token: str = _secret()
    refresh_expires_in: int = field(converter=_refresh_lifetime)
    refresh_expires_at: datetime = field(converter=_aware)
    session_state: str = ""
    scope: str = ""

    @property
    def refresh_lasts_forever(self) -> bool:
        """Whether the refresh token has no end of its own (Keycloak says 0 seconds for an offline one)."""
        return self.refresh_expires_in == 0 and bool(self.refresh_token)

    def as_json(self) -> dict[str, Any]:
        """Return everything, secrets included, as it is stored."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Make tokens from what `as_json` returned, or cmsdials 1.8 or 2.4 stored.

        Only `access_token` and `expires_at` have to be there.

        Raises:
            ValueError: Something is missing or of the wrong type; the message names it and repeats no value.
        """
        for name in ("access_token", "refresh_token"):
            value = stored.get(name)
            if not isinstance(value, str) and (value is not None or name == "access_token"):
                message = f"{name} is {'missing' if value is None else 'not usable'}"
                raise ValueError(message)
        access_token, refresh_token = stored["access_token"], stored.get("refresh_token") or ""
        lasts = _lifetime(stored.get("expires_in"), _own_lifetime(access_token))
        refresh_lasts = _refresh_lifetime(stored.get("refresh_expires_in"))
        ends, refresh_ends = _moment(stored, "expires_at"), _moment(stored, "refresh_expires_at")
        if ends is None:
            message = "expires_at is missing"
            raise ValueError(message)
        if not refresh_token:
            refresh_lasts, refresh_ends = lasts, ends
        return cls(
            access_token=access_token,
            expires_in=lasts,
            expires_at=ends,
            refresh_token=refresh_token,
            refresh_expires_in=refresh_lasts,
            refresh_expires_at=refresh_ends or ends + timedelta(seconds=refresh_lasts - lasts),
            session_state=_optional(stored, "session_state"),
            scope=_optional(stored, "scope"),
        )


def answer(body: bytes) -> dict[str, Any]:
    """Read the answer of a login service, which is a JSON object.

    Raises:
        DecodeError: It is not JSON, or larger than any answer of one.
        LoginError: It is not an object.
    """
    if len(body) > LARGEST:
        message = f"the answer has {len(body)} bytes, and those of login services have some thousand"
        raise DecodeError(message)
    read = read_json(body)
    if isinstance(read, dict):
        return read
    message = f"the login service sent {type(read).__name__} instead of tokens"
    raise LoginError(message)


def api_token(answer: Mapping[str, Any], now: datetime) -> ApiToken:
    """Make a token from a token endpoint's answer to a request at `now`; raises LoginError if it holds none."""
    access_token = required(answer, "access_token")
    lasts = _lifetime(answer.get("expires_in"), _own_lifetime(access_token))
    return ApiToken(access_token=access_token, expires_in=lasts, expires_at=now + timedelta(seconds=lasts))


def token(
    answer: Mapping[str, Any],
    now: datetime,
    *,
    access: Mapping[str, Any] | None = None,
    before: Token | None = None,
) -> Token:
    """Make tokens as `api_token`.

    Args:
        answer: The answer of the token endpoint.
        now: When it was asked.
        access: After an exchange, the answer that holds the access token.
        before: The tokens that were renewed: their refresh token stays where the service sends no other (RFC 6749,
            section 6).
    """
    issued = api_token(answer if access is None else access, now)
    lasts = _refresh_lifetime(answer.get("refresh_expires_in"))
    ends = now + timedelta(seconds=lasts)
    refresh_token = _optional(answer, "refresh_token")
    if not refresh_token and before is not None:
        refresh_token = before.refresh_token
        if _number(answer.get("refresh_expires_in")) is None:
            lasts, ends = before.refresh_expires_in, before.refresh_expires_at
    if not refresh_token:
        lasts, ends = issued.expires_in, issued.expires_at
    return Token(
        **asdict(issued),
        refresh_token=refresh_token,
        refresh_expires_in=lasts,
        refresh_expires_at=ends,
        session_state=_optional(answer, "session_state"),
        scope=_optional(answer, "scope"),
    )


def device(answer: Mapping[str, Any]) -> Device:
    """Make a waiting login from a device endpoint's answer; raises LoginError if something is missing."""
    uri = _optional(answer, "verification_uri")
    whole = _optional(answer, "verification_uri_complete")
    code = answer.get("user_code")
    if uri and not whole:  # RFC 8628, section 3.3.1: it is optional
        code = required(answer, "user_code")
    if _number(answer.get("expires_in")) is None:
        message = "the login service sent no usable expires_in"
        raise LoginError(message)
    lasts = _lifetime(answer["expires_in"], 0)
    interval = _number(answer.get("interval"))
    return Device(
        device_code=required(answer, "device_code"),
        verification_uri_complete=whole or uri or required(answer, "verification_uri_complete"),
        expires_in=lasts,
        user_code=str(code or ""),
        verification_uri=uri,
        interval=USUAL_INTERVAL if interval is None or not 0 <= interval <= lasts else float(interval),
    )


def required(answer: Mapping[str, Any], name: str) -> str:
    """Return a member of an answer that has to be there; raises LoginError if it is not."""
    value = _optional(answer, name)
    if value:
        return value
    message = f"the login service sent no {name}"
    raise LoginError(message)


def _optional(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _lifetime(value: object, otherwise: int) -> int:
    """Read a lifetime in whole seconds; `otherwise` if the value is not a number."""
    number = _number(value)
    return otherwise if number is None else int(min(max(number, 0), LONGEST))


def _own_lifetime(access_token: str) -> int:
    """Return how long a token says that it lasts: RFC 6749 only recommends that the answer does."""
    claims = _claims(access_token)
    start, end = _number(claims.get("iat")), _number(claims.get("exp"))
    return USUAL_LIFETIME if start is None or end is None else _lifetime(end - start, USUAL_LIFETIME)


def _number(value: object) -> float | None:
    """Read a number, which some services send as text; None if it is not one."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value == value else None  # noqa: PLR0124  # NaN is not


def _moment(stored: Mapping[str, Any], name: str) -> datetime | None:
    """Read a time; raises ValueError if it is of the wrong type."""
    value = stored.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        with contextlib.suppress(ValueError, OverflowError, OSError):
            moment = _aware(value)
            if 0 <= moment.timestamp() < LATEST:
                return moment
    message = f"{name} is not usable"
    raise ValueError(message)


def _claims(access_token: str) -> dict[str, Any]:
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


__getattr__ = getter(__name__)
