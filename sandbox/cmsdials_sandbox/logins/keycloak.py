"""The realm's addresses under `/auth/realms/cern/`, as Keycloak and CERN's API access answer.

Requests are forms; errors are JSON `{error, error_description}` with 400, or 401 if the client itself is not accepted.
Statuses and codes are those of a real Keycloak (26.7); `api-access/token` is CERN's own, imitated from its documentation.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins import addresses
from cmsdials_sandbox.logins.clients import AUDIENCES, PRODUCTION, PUBLIC_CLIENTS, Client
from cmsdials_sandbox.logins.realm import Realm
from cmsdials_sandbox.logins.refusals import BadToken, Fault, LoginRefused
from cmsdials_sandbox.logins.sessions import PERSON, SCOPE, AccessToken, Tokens
from cmsdials_sandbox.logins.tokens import ALGORITHM
from cmsdials_sandbox.options import REALM

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  (a name)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a name)
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105  (a name)

Answer = dict[str, object]


@dataclass(frozen=True)
class Asked:
    """A request: its form, the realm of this process, and the realm's name as requested."""

    form: Mapping[str, str]
    realm: Realm
    request: HttpRequest

    @property
    def issuer(self) -> str:
        """The name of the realm."""
        return addresses.issuer(self.request)

    def field(self, name: str) -> str:
        """Return a required field."""
        try:
            return self.form[name]
        except KeyError:
            raise LoginRefused("invalid_request", f"Missing form parameter: {name}") from None  # noqa: EM101

    def public_client(self) -> Client:
        """Return the public client of the request; the other known clients need a secret."""
        client_id = self.form.get("client_id", "")
        try:
            return PUBLIC_CLIENTS[client_id]
        except KeyError:
            raise _client_not_accepted(known=client_id in self.confidential) from None

    def application(self, *, distinct_codes: bool) -> str:
        """Return the client id of the application; if `distinct_codes`, a wrong secret and a wrong id have different codes."""
        client_id = self.form.get("client_id", "")
        if not self.realm.application.is_known_by(client_id, self.form.get("client_secret", "")):
            raise _client_not_accepted(known=distinct_codes and client_id in self.confidential)
        return client_id

    @property
    def confidential(self) -> frozenset[str]:
        """Clients that have a secret."""
        return AUDIENCES | {self.realm.application.client_id}


def _oauth(answer: Callable[[Asked], Answer]) -> Callable[[HttpRequest], HttpResponse]:
    """Turn a function from a request to its answer into a view."""

    @require_POST
    @functools.wraps(answer)
    def view(request: HttpRequest) -> HttpResponse:
        realm = installation().realm
        try:
            status, content = 200, answer(Asked(_form(request), realm, request))
        except LoginRefused as refusal:
            realm.counters.add_refusal(refusal)
            status = refusal.status
            content = {"error": refusal.error, "error_description": refusal.description}
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        if content:
            return JsonResponse(content, status=status, headers=headers)
        empty = HttpResponse(headers=headers)
        del empty.headers["Content-Type"]
        return empty

    return view


@_oauth
def device(asked: Asked) -> Answer:
    """Begin a login on a device (RFC 8628, 3.1)."""
    asked.realm.counters.add("device")
    devices = asked.realm.devices
    login = devices.start(asked.public_client())
    return {
        "device_code": login.device_code,
        "user_code": login.user_code,
        "verification_uri": addresses.verification(asked.request),
        "verification_uri_complete": addresses.verification(asked.request, login),
        "expires_in": installation().options.device_lifetime,
        "interval": int(login.interval) if login.interval.is_integer() else login.interval,
    }


@_oauth
def token(asked: Asked) -> Answer:
    """Give tokens for a grant (RFC 6749, 3.2)."""
    grant = _GRANTS.get(asked.field("grant_type"))
    if grant is None:
        raise LoginRefused("unsupported_grant_type", "Unsupported grant_type")  # noqa: EM101
    return grant(asked)


@_oauth
def revoke(asked: Asked) -> Answer:
    """Revoke a token (RFC 7009); for an unknown token there is nothing to do, which is not an error."""
    asked.realm.counters.add("revoke")
    client = asked.public_client()
    if asked.realm.sessions.revoke(asked.field("token"), client.client_id):
        return {}
    return {"error": "invalid_token", "error_description": "Invalid token"}


@_oauth
def api_access(asked: Asked) -> Answer:
    """Give an application a token (RFC 6749, 4.4), as CERN's API access does."""
    asked.realm.counters.add("api_access")
    if asked.field("grant_type") != "client_credentials":
        raise LoginRefused("unsupported_grant_type", "Unsupported grant_type")  # noqa: EM101
    client_id = asked.application(distinct_codes=False)
    audience = asked.field("audience")
    if audience not in AUDIENCES:
        raise LoginRefused("access_denied", "The client may not have tokens for this audience.")  # noqa: EM101
    return _access(asked.realm.sessions.open_for_application(client_id, audience, asked.issuer))


@require_safe
def certs(_request: HttpRequest) -> HttpResponse:
    """Publish the keys that tokens are signed with (RFC 7517)."""
    return JsonResponse(installation().realm.signer.published())


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """Publish the addresses (OpenID Connect Discovery, as far as the sandbox supports it)."""
    endpoints = "protocol/openid-connect"
    return JsonResponse(
        {
            "issuer": addresses.issuer(request),
            "device_authorization_endpoint": addresses.below(request, f"{endpoints}/auth/device"),
            "token_endpoint": addresses.below(request, f"{endpoints}/token"),
            "revocation_endpoint": addresses.below(request, f"{endpoints}/revoke"),
            "jwks_uri": addresses.below(request, f"{endpoints}/certs"),
            "grant_types_supported": list(_GRANTS),
            "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": SCOPE.split(),
            "claims_supported": [
                "sub",
                "preferred_username",
                "aud",
                "azp",
                "iss",
                "exp",
                "iat",
                "jti",
                "sid",
            ],
        }
    )


def no_such_realm(_request: HttpRequest, name: str, _rest: str) -> HttpResponse:
    """Answer anything else under `/auth/realms/`."""
    error = "HTTP 404 Not Found" if name == REALM else "Realm does not exist"
    return JsonResponse({"error": error}, status=404)


def _by_device_code(asked: Asked) -> Answer:
    asked.realm.counters.add("device_poll")
    client = asked.public_client()
    asked.realm.devices.poll(asked.field("device_code"), client)
    return _tokens(asked.realm.sessions.open(PERSON, client.client_id, "", asked.issuer))


def _by_refresh_token(asked: Asked) -> Answer:
    asked.realm.counters.add("refresh")
    client = asked.public_client()
    text = asked.field("refresh_token")
    try:
        return _tokens(asked.realm.sessions.refresh(text, client.client_id, asked.issuer))
    except BadToken as bad:
        raise LoginRefused("invalid_grant", _NOT_REFRESHED[bad.fault]) from bad  # noqa: EM101


def _by_secret(asked: Asked) -> Answer:
    """RFC 6749, 4.4; the audience is always the application's own (a mapper of Keycloak)."""
    asked.realm.counters.add("api_access")
    client_id = asked.application(distinct_codes=True)
    return _access(asked.realm.sessions.open_for_application(client_id, PRODUCTION, asked.issuer))


def _by_exchange(asked: Asked) -> Answer:
    """RFC 8693; includes the session's refresh token unless only an access token is requested."""
    asked.realm.counters.add("exchange")
    client = asked.public_client()
    text = asked.field("subject_token")
    if not asked.realm.features.exchange:
        message = "Standard token exchange is not enabled for the requested client"
        raise LoginRefused("invalid_request", message)  # noqa: EM101
    if asked.field("subject_token_type") != ACCESS_TOKEN:
        raise LoginRefused("invalid_request", "Invalid token type, must be access token")  # noqa: EM101
    wanted = asked.form.get("requested_token_type", REFRESH_TOKEN)
    if wanted not in (ACCESS_TOKEN, REFRESH_TOKEN):
        raise LoginRefused("invalid_request", "Unsupported requested_token_type")  # noqa: EM101
    audience = asked.form.get("audience", "")
    if audience not in asked.confidential | PUBLIC_CLIENTS.keys():
        raise LoginRefused("invalid_client", "Audience not found")  # noqa: EM101
    if audience != client.audience:
        raise LoginRefused("access_denied", "Client not allowed to exchange", 403)  # noqa: EM101
    try:
        exchanged = asked.realm.sessions.exchange(text, client.client_id, audience, asked.issuer)
    except BadToken as bad:
        raise LoginRefused("invalid_request", "Invalid token") from bad  # noqa: EM101
    if wanted == REFRESH_TOKEN:
        return _tokens(exchanged) | {"issued_token_type": wanted}
    return _access(exchanged.access) | {
        "issued_token_type": wanted,
        "session_state": exchanged.access.session,
    }


_NOT_REFRESHED = {
    Fault.UNKNOWN: "Invalid refresh token",
    Fault.EXPIRED: "Token is not active",
    Fault.REVOKED: "Session not active",
    Fault.USED: "Maximum allowed refresh token reuse exceeded",
    Fault.DISABLED: "User disabled",
}


_GRANTS: Mapping[str, Callable[[Asked], Answer]] = {
    DEVICE_CODE: _by_device_code,
    "refresh_token": _by_refresh_token,
    TOKEN_EXCHANGE: _by_exchange,
    "client_credentials": _by_secret,
}


def _tokens(tokens: Tokens) -> Answer:
    return _access(tokens.access) | {
        "refresh_expires_in": tokens.refresh_lifetime,
        "refresh_token": tokens.refresh,
        "session_state": tokens.access.session,
    }


def _access(access: AccessToken) -> Answer:
    return {
        "access_token": access.text,
        "expires_in": access.lifetime,
        "refresh_expires_in": 0,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "scope": SCOPE,
    }


def _form(request: HttpRequest) -> dict[str, str]:
    """Return the fields that have a value; each may occur once (RFC 6749, 3.2)."""
    for name, values in request.POST.lists():
        if len(values) > 1:
            raise LoginRefused("invalid_request", f"Repeated parameter: {name}")  # noqa: EM101
    return {name: value for name, value in request.POST.items() if isinstance(value, str) and value}


def _client_not_accepted(*, known: bool) -> LoginRefused:
    error = "unauthorized_client" if known else "invalid_client"
    return LoginRefused(error, "Invalid client or Invalid client credentials", 401)
