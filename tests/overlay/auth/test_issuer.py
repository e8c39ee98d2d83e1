"""The login that cmsdials 1.8 left is sent to the service that it is for, and nowhere else."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cmsdials.auth._issuer import issued_elsewhere
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import NotLoggedInError

from .conftest import Clock, LoginService, legacy

CERN = "https://auth.cern.ch/auth/realms/cern"
PROD = "https://cmsdials-api.web.cern.ch/"
DEV = "https://dev-cmsdials-api.web.cern.ch/"
LOCAL = "http://localhost:8000/"
OWN = "http://127.0.0.1:8080/auth/realms/own"


@pytest.mark.parametrize(
    ("claims", "options", "whose"),
    [
        ({}, {"base_url": LOCAL}, ""),
        ({"iss": 7}, {"base_url": LOCAL}, ""),
        ({"iss": CERN}, {"base_url": PROD}, ""),
        ({"iss": f"{CERN}/"}, {"base_url": DEV}, ""),
        ({"iss": CERN, "aud": "cms-dials-prod-confidential-app"}, {"base_url": PROD}, ""),
        ({"iss": CERN, "aud": ["account", "cms-dials-prod-confidential-app"]}, {"base_url": PROD}, ""),
        ({"iss": CERN, "aud": "account", "azp": "cms-dials-prod-public-app"}, {"base_url": PROD}, ""),
        ({"iss": CERN, "aud": "cms-dials-prod-confidential-app"}, {"base_url": DEV}, "for prod"),
        ({"iss": CERN, "azp": "cms-dials-dev-public-app"}, {"base_url": PROD}, "for dev"),
        ({"iss": CERN, "aud": "cms-dials-prod-confidential-app"}, {"base_url": LOCAL}, f"at {CERN}"),
        ({"iss": CERN}, {"base_url": "https://elsewhere.test/"}, f"at {CERN}"),
        ({"iss": CERN}, {"base_url": "https://elsewhere.test/", "keycloak_url": "https://auth.cern.ch/auth/"}, ""),
        ({"iss": "https://elsewhere.test/realm"}, {"base_url": PROD}, "at https://elsewhere.test/realm"),
        ({"iss": OWN, "aud": "cms-dials-dev-confidential-app"}, {"base_url": LOCAL}, ""),
        ({"iss": OWN}, {"base_url": "http://127.0.0.1:9000/"}, ""),
        ({"iss": OWN}, {"base_url": PROD}, f"at {OWN}"),
        ({"iss": OWN}, {"base_url": "https://a.test/", "keycloak_url": "http://127.0.0.1:8080/auth/", "realm": "own"}, ""),
        ({"iss": "http://["}, {"base_url": LOCAL}, "at http://["),
        ({"iss": "https://u:hunter2@elsewhere.test/"}, {"base_url": LOCAL}, "at https://elsewhere.test/"),
    ],
)  # fmt: skip
def test_whose_a_token_is(claims: dict[str, Any], options: dict[str, str], whose: str) -> None:
    said = issued_elsewhere(claims, AuthClient(**options))
    assert whose in said
    assert bool(whose) is bool(said)
    assert "hunter2" not in said


def jwt(**claims: Any) -> str:
    parts = [{"alg": "none"}, claims]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), "x"])


def test_the_file_of_1_8_is_not_sent_to_another_service(
    service: LoginService, clock: Clock, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "0")
    token = jwt(iss=CERN, aud="cms-dials-prod-confidential-app")
    legacy(empty_home / ".cache", clock, access_token=token, refresh_expires_in=0)

    def login(base_url: str) -> Any:
        client = AuthClient(base_url, transport=service.transport, clock=clock, sleep=clock.sleep)
        return Credentials.from_creds_file(client=client)

    assert login(PROD).token == token
    with pytest.raises(
        NotLoggedInError, match=r"creds is a login for prod .* and is not sent here"
    ) as caught:
        login(DEV)
    assert token not in str(caught.value)
    with pytest.raises(
        NotLoggedInError, match=r"creds is a login at https://auth\.cern\.ch/.* is not sent here"
    ):
        login(LOCAL)
    assert service.asked == []
