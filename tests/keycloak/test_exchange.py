"""The public application's token becomes one for DIALS, if the realm lets it."""

import pytest
from cmsdials.errors import LoginError

from .realm import APPLICATION, AUDIENCE, PUBLIC
from .services import client


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


def test_without_the_feature(service, log_in):
    """The error says what is missing, and who can add it."""
    with service.without_exchange() as keycloak_url, pytest.raises(LoginError) as caught:
        log_in.token(client(service, keycloak_url=keycloak_url), service)
    said = str(caught.value)
    assert f"gives no token for {AUDIENCE} (invalid_request: Standard token exchange is not enabled" in said
    assert "--features=token-exchange,admin-fine-grained-authz:v1" in said
    assert f"let {PUBLIC} exchange its tokens" in said
