"""The realm's addresses under `/auth/realms/cern/`, as Keycloak and CERN's API access answer.

Requests are forms; errors are JSON `{error, error_description}` with 400, or 401 where the client itself is not accepted.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins import addresses
from cmsdials_sandbox.logins.clients import AUDIENCES, PUBLIC_CLIENTS, Client
from cmsdials_sandbox.logins.realm import Realm
from cmsdials_sandbox.logins.refusals import BadToken, Fault, LoginRefused
from cmsdials_sandbox.logins.sessions import PERSON, SCOPE, AccessToken, Tokens
from cmsdials_sandbox.logins.tokens import ALGORITHM
from cmsdials_sandbox.options import REALM

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  (a name)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a name)

Answer = dict[str, object]


@dataclass(frozen=True)
class Asked:
    """A request: its form, the realm of this process, and the name by which the realm was asked."""

    form: Mapping[str, str]
    realm: Realm
    request: HttpRequest

    @property
    def issuer(self) -> str:
        """The name of the realm."""
        return addresses.issuer(self.request)

    def field(self, name: str) -> str:
        """Return a field that must be there."""
        try:
            return self.form[name]
        except KeyError:
            raise LoginRefused("invalid_request", f"Missing parameter: {name}") from None  # noqa: EM101

    def public_client(self) -> Client:
        """Return the public client asking."""
        try:
            return PUBLIC_CLIENTS[self.form.get("client_id", "")]
        except KeyError:
            raise _client_not_accepted() from None

    def audience(self, allowed: frozenset[str]) -> str:
        """Return the audience asked for, which must be allowed."""
        audience = self.field("audience")
        if audience not in allowed:
            raise LoginRefused("access_denied", "The client may not have tokens for this audience.")  # noqa: EM101
        return audience


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
            status = 401 if refusal.error == "invalid_client" else 400
            content = {"error": refusal.error, "error_description": refusal.description}
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        return JsonResponse(content, status=status, headers=headers)

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
    """End a token (RFC 7009); one that is unknown has ended already."""
    asked.realm.counters.add("revoke")
    client = asked.public_client()
    asked.realm.sessions.revoke(asked.field("token"), client.client_id)
    return {}


@_oauth
def api_access(asked: Asked) -> Answer:
    """Give an application a token (RFC 6749, 4.4), as CERN's API access does."""
    asked.realm.counters.add("api_access")
    if asked.field("grant_type") != "client_credentials":
        raise LoginRefused("unsupported_grant_type", "Unsupported grant_type")  # noqa: EM101
    client_id = asked.form.get("client_id", "")
    if not asked.realm.application.is_known_by(client_id, asked.form.get("client_secret", "")):
        raise _client_not_accepted()
    audience = asked.audience(AUDIENCES)
    return _access(asked.realm.sessions.open_for_application(client_id, audience, asked.issuer))


@require_safe
def certs(_request: HttpRequest) -> HttpResponse:
    """Publish the key that tokens are signed with (RFC 7517)."""
    return JsonResponse(installation().realm.signer.published())


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """Say where everything is (OpenID Connect Discovery; what the sandbox has of it)."""
    endpoints = "protocol/openid-connect"
    return JsonResponse(
        {
            "issuer": addresses.issuer(request),
            "device_authorization_endpoint": addresses.below(request, f"{endpoints}/auth/device"),
            "token_endpoint": addresses.below(request, f"{endpoints}/token"),
            "revocation_endpoint": addresses.below(request, f"{endpoints}/revoke"),
            "jwks_uri": addresses.below(request, f"{endpoints}/certs"),
            "grant_types_supported": list(_GRANTS),
            "token_endpoint_auth_methods_supported": ["none"],
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
    return _tokens(asked.realm.sessions.open(PERSON, client.client_id, client.client_id, asked.issuer))


def _by_refresh_token(asked: Asked) -> Answer:
    asked.realm.counters.add("refresh")
    client = asked.public_client()
    text = asked.field("refresh_token")
    try:
        return _tokens(asked.realm.sessions.refresh(text, client.client_id, asked.issuer))
    except BadToken as bad:
        raise LoginRefused("invalid_grant", bad.fault.value) from bad  # noqa: EM101


def _by_exchange(asked: Asked) -> Answer:
    """RFC 8693; a dead session is told apart from a dead token, so that the client knows whether to refresh."""
    asked.realm.counters.add("exchange")
    client = asked.public_client()
    text = asked.field("subject_token")
    if asked.field("subject_token_type") != ACCESS_TOKEN:
        raise LoginRefused("invalid_request", "Unsupported subject_token_type")  # noqa: EM101
    if asked.form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise LoginRefused("invalid_request", "Unsupported requested_token_type")  # noqa: EM101
    audience = asked.audience(frozenset({client.audience}))
    try:
        exchanged = asked.realm.sessions.exchange(text, client.client_id, audience, asked.issuer)
    except BadToken as bad:
        error = "invalid_grant" if bad.fault is Fault.REVOKED else "invalid_token"
        raise LoginRefused(error, bad.fault.value) from bad
    return _access(exchanged) | {"issued_token_type": ACCESS_TOKEN, "session_state": exchanged.session}


_GRANTS: Mapping[str, Callable[[Asked], Answer]] = {
    DEVICE_CODE: _by_device_code,
    "refresh_token": _by_refresh_token,
    TOKEN_EXCHANGE: _by_exchange,
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
    """Return the fields that have a value; each may be there once (RFC 6749, 3.2)."""
    for name, values in request.POST.lists():
        if len(values) > 1:
            raise LoginRefused("invalid_request", f"Repeated parameter: {name}")  # noqa: EM101
    return {name: value for name, value in request.POST.items() if isinstance(value, str) and value}


def _client_not_accepted() -> LoginRefused:
    return LoginRefused("invalid_client", "Invalid client or Invalid client credentials")
