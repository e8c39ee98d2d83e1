"""Logging in through DIALS itself, `/api/v1/auth/`: the codes and sessions of the realm, with DIALS's own client.

No credentials are needed here: an Authorization header is ignored, expired or not.  Polls need not keep to an
interval, as these answers name none.  v1.12 breaks on any refresh token that is refused.
"""

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.errors import Breakdown, LoginNotAccepted, Unreadable
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins import addresses
from cmsdials_sandbox.logins.clients import DIALS
from cmsdials_sandbox.logins.refusals import BadToken, LoginRefused
from cmsdials_sandbox.logins.sessions import PERSON, SCOPE, Tokens
from cmsdials_sandbox.views import Endpoint


class DeviceTokenRequest(serializers.Serializer[None]):
    """The body of device-token/."""

    device_code = serializers.CharField(trim_whitespace=False)


class RefreshTokenRequest(serializers.Serializer[None]):
    """The body of refresh-token/."""

    refresh_token = serializers.CharField(trim_whitespace=False)


class NewDevice(Endpoint):
    """auth/new-device/: begin a login."""

    authentication_classes = ()

    def get(self, request: Request) -> Response:
        """Return the code and the page of a new login."""
        realm = installation().realm
        realm.counters.add("device")
        login = realm.devices.start(DIALS)
        return _secret(
            {
                "device_code": login.device_code,
                "verification_uri_complete": addresses.verification(request, login),
                "expires_in": installation().options.device_lifetime,
            }
        )


class DeviceToken(Endpoint):
    """auth/device-token/: tokens for a code that was approved."""

    authentication_classes = ()

    def post(self, request: Request) -> Response:
        """Return the tokens, once."""
        realm = installation().realm
        realm.counters.add("device_poll")
        device_code = _field(request, DeviceTokenRequest, "device_code")
        try:
            realm.devices.poll(device_code, DIALS, paced=False)
        except LoginRefused as refusal:
            raise _not_accepted(refusal) from refusal
        return _secret(
            _tokens(realm.sessions.open(PERSON, DIALS.client_id, DIALS.audience, addresses.issuer(request)))
        )


class RefreshToken(Endpoint):
    """auth/refresh-token/: new tokens for a refresh token."""

    authentication_classes = ()

    def post(self, request: Request) -> Response:
        """Return the new tokens."""
        realm = installation().realm
        realm.counters.add("refresh")
        token = _field(request, RefreshTokenRequest, "refresh_token")
        try:
            return _secret(_tokens(realm.sessions.refresh(token, DIALS.client_id, addresses.issuer(request))))
        except BadToken as bad:
            refusal = _not_accepted(LoginRefused("invalid_grant", bad.fault.value))
            if installation().generation == "v1.12":
                raise Breakdown(bad.fault.value) from bad
            raise refusal from bad


def _field(request: Request, kind: type[serializers.Serializer[None]], name: str) -> str:
    """Return a field of the body; v1.12 only checks that it is present."""
    if installation().generation == "v1.12":
        if not isinstance(request.data, dict):
            message = "a body that is not an object"
            raise Breakdown(message)
        value = request.data.get(name)
        if not value:
            message = f"The body has no {name}."
            raise Unreadable(message)
        return value if isinstance(value, str) else ""  # no code and no token
    asked = kind(data=request.data)
    if not asked.is_valid():
        raise ValidationError(asked.errors)
    return str(asked.validated_data[name])


def _tokens(tokens: Tokens) -> dict[str, object]:
    return {
        "access_token": tokens.access.text,
        "expires_in": tokens.access.lifetime,
        "refresh_expires_in": tokens.refresh_lifetime,
        "refresh_token": tokens.refresh,
        "token_type": "Bearer",
        "session_state": tokens.access.session,
        "scope": SCOPE,
    }


def _secret(content: dict[str, object]) -> Response:
    return Response(content, headers={"Cache-Control": "no-store"})


def _not_accepted(refusal: LoginRefused) -> LoginNotAccepted:
    installation().realm.counters.add_refusal(refusal)
    return LoginNotAccepted(refusal.description, refusal.error)
