"""The public application's token becomes one for DIALS, if the realm lets it."""

import pytest
from cmsdials.auth.models import ApiToken
from cmsdials.errors import LoginError

from .realm import APPLICATION, AUDIENCE, PUBLIC
from .services import DEVICE_CODE, EXCHANGE, ask, client, refused


def test_for_dials(service, log_in):
    """The refresh token that is kept is the login's: what is refreshed is exchanged again."""
    auth = client(service)
    before = service.counts()
    token = log_in.token(auth, service)
    again = auth.refresh(token)
    assert [t.claims["aud"] for t in (token, again)] == [AUDIENCE] * 2
    assert again.claims["azp"] == PUBLIC
    after = service.counts()
    assert (after.refreshes - before.refreshes, after.exchanges - before.exchanges) == (1, 2)


@pytest.mark.parametrize("audience", ["no-such-app", APPLICATION])
def test_for_another(service, log_in, audience):
    with pytest.raises(LoginError, match=f"gives no token for {audience}"):
        log_in.token(client(service, audience=audience), service)


def test_the_bare_answers(service):
    """The token of a login is not for DIALS; the one that it is exchanged for is, and has a refresh token beside it."""
    auth = client(service)
    device = auth.new_device()
    service.pages.approve(device.verification_uri_complete)
    own = ask(service, DEVICE_CODE, device_code=device.device_code).json()
    assert AUDIENCE not in claims(own).get("aud", ())
    subject = {
        "subject_token": own["access_token"],
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    exchanged = ask(service, EXCHANGE, **subject, audience=AUDIENCE).json()
    assert claims(exchanged)["aud"] == AUDIENCE
    assert exchanged["refresh_token"]
    assert refused(service, EXCHANGE, **subject, audience="no-such-app") == (400, "invalid_client")
    assert refused(service, EXCHANGE, **subject, audience=APPLICATION) == (403, "access_denied")
    fields = {"token": own["refresh_token"]}
    revoked = ask(service, "", path="protocol/openid-connect/revoke", **fields)
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert refused(service, EXCHANGE, **subject, audience=AUDIENCE) == (400, "invalid_request")


def claims(answer):
    return ApiToken(access_token=answer["access_token"], expires_in=0, expires_at="2000-01-01").claims


def test_without_the_feature(service, log_in):
    """The error says what is missing, and who can add it."""
    with service.without_exchange() as keycloak_url, pytest.raises(LoginError) as caught:
        log_in.token(client(service, keycloak_url=keycloak_url), service)
    said = str(caught.value)
    assert f"gives no token for {AUDIENCE} (invalid_request: Standard token exchange is not enabled" in said
    assert "--features=token-exchange,admin-fine-grained-authz:v1" in said
    assert f"let {PUBLIC} exchange its tokens" in said
