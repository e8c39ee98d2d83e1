"""Which service a token is for, according to its claims, so that it is not sent to another one.

The claims are not verified here, and need not be: they can only stop a token from being sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cmsdials.auth.client import AuthClient
from cmsdials.instances import DEVELOPMENT, PRODUCTION, is_this_machine, one_name, with_slash
from cmsdials.redaction import shortened, without_secrets

__all__ = ["issued_elsewhere"]


def issued_elsewhere(claims: Mapping[str, Any], client: AuthClient) -> str:
    """Name the login that a token belongs to, if it is not for the service of a client; empty if it may be sent there.

    A token may be sent if its issuer is the realm that the client is known to log in at, or the host of the service. If
    it names an application of production or development, in `aud` or `azp`, that has to be the client's. A token
    without an issuer (`claims` is empty if it is not a JWT) may be sent.
    """
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        return ""
    in_realm = client.knows_realm and one_name(with_slash(issuer)) == one_name(client.realm_url)
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
    return len(hosts) == 1 or all(map(is_this_machine, hosts))
