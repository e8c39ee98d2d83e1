"""The signing key, made at the start, and the JWTs it signs.

A signature says that a token comes from here; whether it still holds is known to `sessions`.
ES256: its key is made in a millisecond, one for RSA takes a noticeable part of a second.
"""

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from cmsdials_sandbox.logins.refusals import BadToken, Fault

ALGORITHM = "ES256"


class Signer:
    """One key: makes tokens and recognises them."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return a JWT."""
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": str(self._key.kid)}
        return jwt.encode(header, dict(claims), self._key, algorithms=[ALGORITHM])

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token signed here; raises `BadToken` for any other."""
        try:
            # No other algorithm, whatever the header asks for.
            return jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise BadToken(Fault.UNKNOWN) from error

    def published(self) -> dict[str, object]:
        """Return the public half, as a JWK set (RFC 7517)."""
        return {"keys": [dict(self._key.as_dict(private=False))]}
