"""The realm that Keycloak imports: the applications and people that the sandbox's realm has, under the same names."""

from typing import Any

REALM = "cern"
PUBLIC = "cms-dials-prod-public-app"
AUDIENCE = "cms-dials-prod-confidential-app"
APPLICATION = "sandbox-app"
APPLICATION_SECRET = "sandbox"
PERSON = "physicist"
PASSWORD = "for-tests-only"

SETTINGS: dict[str, Any] = {
    "accessTokenLifespan": 1200,
    "ssoSessionIdleTimeout": 36000,
    "ssoSessionMaxLifespan": 36000,
    "oauth2DeviceCodeLifespan": 600,
    "oauth2DevicePollingInterval": 5,
    "revokeRefreshToken": True,
    "refreshTokenMaxReuse": 0,
}
"""What tests change, as it is at the start: the sandbox's defaults."""


def document() -> dict[str, Any]:
    """Return the realm as `--import-realm` reads it."""
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        **SETTINGS,
        # They are counted, as the sandbox counts what it was asked.
        "eventsEnabled": True,
        "enabledEventTypes": ["REFRESH_TOKEN", "TOKEN_EXCHANGE"],
        "users": [
            {
                "username": PERSON,
                "enabled": True,
                "email": "physicist@example.org",
                "emailVerified": True,
                "firstName": "Test",
                "lastName": "Physicist",
                "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
            }
        ],
        "clients": [
            {
                "clientId": PUBLIC,
                "name": "DIALS client (production)",
                "publicClient": True,
                "standardFlowEnabled": False,
                "directAccessGrantsEnabled": False,
                "consentRequired": True,
                "attributes": {"oauth2.device.authorization.grant.enabled": "true"},
            },
            {
                "clientId": AUDIENCE,
                "name": "DIALS",
                "publicClient": False,
                "secret": "of-dials-itself",
                "standardFlowEnabled": False,
            },
            {
                "clientId": APPLICATION,
                "publicClient": False,
                "secret": APPLICATION_SECRET,
                "serviceAccountsEnabled": True,
                "standardFlowEnabled": False,
                "protocolMappers": [_audience()],
            },
        ],
    }


def _audience() -> dict[str, Any]:
    """Let the application's own tokens be for DIALS."""
    return {
        "name": "audience of DIALS",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.client.audience": AUDIENCE, "access.token.claim": "true"},
    }
