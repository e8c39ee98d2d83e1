"""Which service a token is for, by what it says of itself: so that none is sent to another.

What a token says is not verified here, and need not be: nothing is trusted because of it, something is held back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cmsdials.auth.client import AuthClient
from cmsdials.instances import DEVELOPMENT, PRODUCTION
from cmsdials.redaction import shortened, without_secrets

__all__ = ["issued_elsewhere"]


def issued_elsewhere(claims: Mapping[str, Any], client: AuthClient) -> str:
    """Say whose login a token is, if it is not for the service of a client; empty if it may be sent there.

    A token is for the realm that the client is known to log in at, or for the host of the service. If it names an
    application of production or development, in `aud` or `azp`, that has to be the client's. A token that does not say
    who issued it (`claims` is empty if it is no JWT) may be sent.
    """
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        return ""
    in_realm = client.knows_realm and issuer.rstrip("/") == client.realm_url.rstrip("/")
    if not in_realm and not _same_host(issuer, client.base_url):
        return f"a login at {shortened(without_secrets(issuer), 100)}"
    audience = claims.get("aud")
    named = [*(audience if isinstance(audience, list) else [audience]), claims.get("azp")]
    if in_realm and client.client_id not in named and client.audience not in named:
        for instance in (PRODUCTION, DEVELOPMENT):
            if instance.client_id in named or instance.audience in named:
                return f"a login for {instance.name} ({instance.base_url})"
    return ""


def _same_host(issuer: str, base_url: str) -> bool:
    try:
        hosts = {(urlsplit(url).hostname or "").lower() for url in (issuer, base_url)}
    except ValueError:
        return False
    return len(hosts) == 1 or hosts <= {"localhost", "127.0.0.1", "::1"}
