"""Access control: an application with its secret, or anyone with a bearer token for DIALS.

Every refusal is a 403, as at the service; a bearer token with the parts of a JWT that cannot be read is a 500.
"""

import base64
import re
from dataclasses import dataclass
from typing import cast

import orjson
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cmsdials_sandbox.errors import Breakdown, Refused
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins.clients import AUDIENCES, own_workspace
from cmsdials_sandbox.logins.external import RealmUnreachable
from cmsdials_sandbox.logins.refusals import BadToken, Fault
from cmsdials_sandbox.options import DEFAULT_WORKSPACE

_SCHEME = "Bearer "
# Number of dots in a signed and in an encrypted JWT.
_PARTS = {2, 4}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Caller:
    """An authenticated person or program, and its default workspace."""

    name: str
    workspace: str = DEFAULT_WORKSPACE
    is_authenticated: bool = True


def caller(request: Request) -> Caller:
    """Return the caller."""
    return cast(Caller, request.user)


class ServiceAuthentication(BaseAuthentication):
    """X-CLIENT-SECRET if sent, else Authorization: Bearer, else a refusal."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        """Return the caller; raises `Refused` or `Breakdown`."""
        secret = request.headers.get("X-Client-Secret")
        if secret is not None:
            return _by_secret(secret), None
        header = request.headers.get("Authorization")
        if header is None:
            raise Refused("Authentication credentials were not provided.", "authorization_not_found")  # noqa: EM101
        # Any other spelling of the scheme is read as part of the token.
        return _by_token(header.split(_SCHEME)[-1].strip()), None


def _by_secret(secret: str) -> Caller:
    workspace = own_workspace(installation().options.secret, secret)
    if workspace is None:
        raise Refused("The client secret is not valid.", "token_not_valid")  # noqa: EM101
    return Caller("sandbox", workspace)


def _by_token(token: str) -> Caller:
    if token.count(".") not in _PARTS:
        raise Refused("The token is not valid.", "token_not_valid")  # noqa: EM101
    _break_on_nonsense(token)
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
    # A token may have several audiences, or none at all (RFC 7519, 4.1.3).
    audience = claims.get("aud", [])
    if AUDIENCES.isdisjoint([audience] if isinstance(audience, str) else audience):
        raise Refused("The token is not meant for DIALS.", "token_not_valid")  # noqa: EM101
    workspace = own_workspace(installed.options.client_id, str(claims.get("azp", "")))
    return Caller(str(claims.get("preferred_username") or claims.get("sub")), workspace or DEFAULT_WORKSPACE)


def _break_on_nonsense(token: str) -> None:
    """Break as the service does if a token has the parts of a JWT, but no readable claims."""
    try:
        header, payload = (orjson.loads(_bytes(part)) for part in token.split(".")[:2])
        token.encode("ascii")
        header["alg"], payload["azp"]
    except (ValueError, TypeError, KeyError) as error:
        message = "a bearer token whose parts cannot be read"
        raise Breakdown(message) from error


def _bytes(part: str) -> bytes:
    if not _BASE64URL.fullmatch(part):
        message = "not base64url"
        raise ValueError(message)
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
