"""The signing keys, of which one is made at the start, and the JWTs they sign.

A signature shows that a token was issued here; `sessions` knows whether it is still valid.
ES256 is used because its key is made in a millisecond; one for RSA takes a noticeable part of a second.
"""

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from cmsdials_sandbox.logins.refusals import BadToken, Fault

ALGORITHM = "ES256"


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)


class Signer:
    """Makes tokens with its newest key, and recognises those of all its keys.

    Refresh tokens are only for the realm: they are signed with a key that is neither published nor rotated.
    """

    def __init__(self) -> None:
        self._own_key = _new_key()
        self._keys: tuple[ECKey, ...] = (_new_key(),)

    def rotate(self) -> None:
        """Sign with a new key from now on; tokens of the other keys stay valid."""
        self._keys = (_new_key(), *self._keys)

    def remove_old_keys(self) -> None:
        """Keep only the newest key; tokens of the others become invalid."""
        self._keys = self._keys[:1]

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return a JWT."""
        key = self._own_key if claims.get("typ") == "Refresh" else self._keys[0]
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": str(key.kid)}
        return jwt.encode(header, dict(claims), key, algorithms=[ALGORITHM])

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token signed here; raises `BadToken` for any other."""
        try:
            # No other algorithm, even if the header names one.
            return jwt.decode(token, KeySet([*self._keys, self._own_key]), algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise BadToken(Fault.UNKNOWN) from error

    def published(self) -> dict[str, list[dict[str, object]]]:
        """Return the public halves, the newest first, as a JWK set (RFC 7517)."""
        return {"keys": [dict(key.as_dict(private=False)) for key in self._keys]}
