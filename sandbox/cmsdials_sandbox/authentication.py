"""Who may ask: today an application with its secret; the place where bearer tokens will be understood.

Every refusal is a 403, as with the service; a bearer token that is no token at all breaks it.
"""

import re
import secrets
from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cmsdials_sandbox.errors import Breakdown, Refused
from cmsdials_sandbox.installation import installation

# Header, payload and signature in base64url.
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Application:
    """A program that identified itself with its secret."""

    name: str
    is_authenticated: bool = True


class ServiceAuthentication(BaseAuthentication):
    """The header X-CLIENT-SECRET, else Authorization: Bearer, else refused."""

    def authenticate(self, request: Request) -> tuple[Application, None]:
        """Return the application asking; raises `Refused` or `Breakdown`."""
        secret = request.headers.get("X-Client-Secret")
        if secret is not None:
            return _application(secret), None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("Authentication credentials were not provided.", "authorization_not_found")  # noqa: EM101
        raise _bearer_refused(token.strip())


def _application(secret: str) -> Application:
    if not secrets.compare_digest(secret.encode(), installation().options.secret.encode()):
        raise Refused("The client secret is not valid.", "token_not_valid")  # noqa: EM101
    return Application("sandbox")


def _bearer_refused(token: str) -> Exception:
    if not _JWT.fullmatch(token):
        return Breakdown("a bearer token that is not a JWT")
    return Refused("The token is not valid.", "token_not_valid")
