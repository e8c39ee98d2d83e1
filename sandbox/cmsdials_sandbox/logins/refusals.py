"""Why a login or a token is refused, in the words of OAuth 2.0, which DIALS uses as its codes too."""

from enum import Enum


class LoginRefused(Exception):
    """What was asked for is not given.

    `error` is a code of RFC 6749, 8628 or 8693; `description` names no secret; `status` is that of HTTP.
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
    """A token that does not hold."""

    def __init__(self, fault: Fault) -> None:
        """Refuse it."""
        super().__init__(fault.value)
        self.fault = fault
