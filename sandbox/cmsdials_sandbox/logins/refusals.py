"""Why a login or a token is refused, in the error codes of OAuth 2.0, which DIALS uses too."""

from enum import Enum


class LoginRefused(Exception):
    """A login is refused.

    `error` is a code of RFC 6749, 8628 or 8693; `description` contains no secret; `status` is the HTTP status.
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """Refuse."""
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class Fault(Enum):
    """What can be wrong with a token; the value is a sentence."""

    UNKNOWN = "The token was not issued here or is of another kind."
    EXPIRED = "The token has expired."
    REVOKED = "The token or its session was revoked."
    USED = "The refresh token was used before."
    DISABLED = "The account is disabled."


class BadToken(Exception):
    """An invalid token."""

    def __init__(self, fault: Fault) -> None:
        """Refuse it."""
        super().__init__(fault.value)
        self.fault = fault
