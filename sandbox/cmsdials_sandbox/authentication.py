"""Who may ask: an application with its secret, or whoever has a bearer token for DIALS.

Every refusal is a 403, as with the service; a bearer token that is no token at all breaks it.
"""

import re
import secrets
from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cmsdials_sandbox.errors import Breakdown, Refused
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins.clients import AUDIENCES
from cmsdials_sandbox.logins.external import RealmUnreachable
from cmsdials_sandbox.logins.refusals import BadToken, Fault

# Header, payload and signature in base64url.
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Caller:
    """A person or a program that identified itself."""

    name: str
    is_authenticated: bool = True


class ServiceAuthentication(BaseAuthentication):
    """The header X-CLIENT-SECRET, else Authorization: Bearer, else refused."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        """Return who is asking; raises `Refused` or `Breakdown`."""
        secret = request.headers.get("X-Client-Secret")
        if secret is not None:
            return _by_secret(secret), None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("Authentication credentials were not provided.", "authorization_not_found")  # noqa: EM101
        return _by_token(token.strip()), None


def _by_secret(secret: str) -> Caller:
    if not secrets.compare_digest(secret.encode(), installation().options.secret.encode()):
        raise Refused("The client secret is not valid.", "token_not_valid")  # noqa: EM101
    return Caller("sandbox")


def _by_token(token: str) -> Caller:
    if not _JWT.fullmatch(token):
        message = "a bearer token that is not a JWT"
        raise Breakdown(message)
    installed = installation()
    try:
        claims = (installed.external or installed.realm.sessions).check(token)
    except RealmUnreachable as unreachable:
        raise Breakdown(str(unreachable)) from unreachable
    except BadToken as bad:
        if bad.fault is Fault.EXPIRED:
            installed.realm.counters.add("access_token_expired")
            raise Refused("The access token has expired.", "access_token_expired") from bad  # noqa: EM101
        raise Refused("The token is not valid.", "token_not_valid") from bad  # noqa: EM101
    # A token may be for several, and one that nobody asked to be for anything says nothing of it (RFC 7519, 4.1.3).
    audience = claims.get("aud", [])
    if AUDIENCES.isdisjoint([audience] if isinstance(audience, str) else audience):
        raise Refused("The token is not meant for DIALS.", "token_not_valid")  # noqa: EM101
    return Caller(str(claims.get("preferred_username") or claims.get("sub")))
