"""Tokens of an external realm, checked as by the service: only by the keys that the realm publishes.

So a token is valid until it expires, even if its session has ended or its person was disabled meanwhile.
"""

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet

from cmsdials_sandbox.logins.refusals import BadToken, Fault

# Only signatures with private keys: published keys must not be enough to sign (RFC 8725, 2.1).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")

# Seconds after which the keys are read again at the latest, so that withdrawn keys are dropped.
GREATEST_AGE = 300.0
TIMEOUT = 10.0


class RealmUnreachable(Exception):
    """The realm's keys cannot be read."""


def fetched(url: str) -> Any:
    """Return the JSON at an address; raises `RealmUnreachable`."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  (`command` takes http and https only)
            return json.load(answer)
    except (OSError, ValueError) as error:
        message = f"no keys at {url}: {error}"
        raise RealmUnreachable(message) from error


class ExternalRealm:
    """An external realm.

    `url` is its address, `clock` the time in seconds since the epoch, `fetch` reads the JSON at an address.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] = time.time, fetch: Callable[[str], Any] = fetched
    ) -> None:
        self.issuer = url.rstrip("/")
        self._clock = clock
        self._fetch = fetch
        self._lock = threading.Lock()
        self._keys = KeySet([])
        self._read_at = float("-inf")

    def check(self, token: str) -> dict[str, Any]:
        """Return the claims of a valid access token; raises `BadToken`, or `RealmUnreachable`."""
        try:
            claims = jwt.decode(token, self._key, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise BadToken(Fault.UNKNOWN) from error
        expires = claims.get("exp")
        if claims.get("iss") != self.issuer or claims.get("typ") != "Bearer":
            raise BadToken(Fault.UNKNOWN)
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise BadToken(Fault.UNKNOWN)
        if self._clock() >= expires:
            raise BadToken(Fault.EXPIRED)
        return claims

    def _key(self, signed: GuestProtocol) -> Key:
        """Return the key that a token names; an unknown key may have been published since."""
        header = signed.headers()
        with self._lock:
            if self._clock() - self._read_at < GREATEST_AGE:
                with contextlib.suppress(InvalidKeyIdError):
                    return _named(self._keys, header)
            self._keys = KeySet.import_key_set(self._fetch(f"{self.issuer}/protocol/openid-connect/certs"))
            self._read_at = self._clock()
            return _named(self._keys, header)


def _named(keys: KeySet, header: Mapping[str, Any]) -> Key:
    return keys.get_by_kid(header.get("kid"), {"alg": header["alg"], "use": "sig"})
