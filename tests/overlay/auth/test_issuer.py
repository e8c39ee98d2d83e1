"""The login that cmsdials 1.8 left is sent to the service that it is for, and nowhere else."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cmsdials.auth import client_credentials, models
from cmsdials.auth._issuer import issued_elsewhere
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import NotLoggedInError

from .conftest import Clock, LoginService, entries, legacy, tokens

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
        ({"iss": OWN}, {"base_url": "https://a.test/", "keycloak_url": "http://localhost:8080/auth", "realm": "own"}, ""),
        ({"iss": OWN}, {"base_url": "https://a.test/", "keycloak_url": "http://[::1]:8080/auth/", "realm": "own"}, ""),
        ({"iss": OWN}, {"base_url": "https://a.test/", "keycloak_url": "http://127.0.0.1:8081/auth/", "realm": "own"}, f"at {OWN}"),
        ({"iss": OWN}, {"base_url": "http://localhost.:9000/"}, ""),
        ({"iss": OWN}, {"base_url": "http://127.0.0.2:8080/"}, f"at {OWN}"),
        ({"iss": OWN}, {"base_url": "http://localhost.test:8080/"}, f"at {OWN}"),
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


# --- the names of this machine


NAMES = [
    "http://localhost:8000/",
    "http://localhost:8000",
    "http://127.0.0.1:8000/",
    "http://[::1]:8000/",
    "http://[0:0:0:0:0:0:0:1]:8000",
    "http://LocalHost:8000/",
    "http://localhost.:8000//",
    "HTTP://127.0.0.1:8000///",
]
USUAL = [
    "http://localhost/",
    "http://localhost:80",
    "http://127.0.0.1",
    "http://[::1]:80/",
    "http://LOCALHOST.:80/",
]
SECURE = ["https://localhost/", "https://localhost:443", "https://127.0.0.1:443/", "https://[::1]"]
OTHERS = [
    "http://localhost:8001/",
    "https://localhost:8000/",
    "http://localhost:8000/dials/",
    "http://127.0.0.2:8000/",
    "http://0.0.0.0:8000/",
    "http://[::]:8000/",
    "http://[::2]:8000/",
    "http://localhost.test:8000/",
    "http://my-localhost:8000/",
    "http://localhost..:8000/",
    "http://dials.test:8000/",
]


def keep(base_url: str, cache: Path, name: str = "1", **changed: Any) -> None:
    client = AuthClient(base_url)
    Credentials.from_authclient_token(models.token(tokens(name, **changed), client.now()), cache, client)


def found(base_url: str, cache: Path, **options: Any) -> str | None:
    credentials = Credentials.stored(cache, AuthClient(base_url, **options))
    return credentials.check().access_token if credentials else None


@pytest.mark.parametrize("names", [NAMES, USUAL, SECURE], ids=["a port", "http", "https"])
def test_the_names_of_this_machine_are_one_login(names: list[str], tmp_path: Path) -> None:
    for number, name in enumerate(names):
        keep(name, tmp_path, str(number))
        assert [found(one, tmp_path) for one in names] == [f"access-{number}"] * len(names)
    assert list(entries(tmp_path / "credentials.json")) == [f"{names[0]} dials"]


def test_another_port_scheme_path_or_host_is_another_login(tmp_path: Path) -> None:
    different = [NAMES[0], USUAL[0], SECURE[0], *OTHERS]
    for number, name in enumerate(different):
        keep(name, tmp_path, str(number))
    assert [found(name, tmp_path) for name in different] == [
        f"access-{number}" for number in range(len(different))
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://dials.test/", "http://DIALS.test/"),
        ("http://dials.test/", "http://dials.test:80/"),
        ("http://dials.test/", "http://dials.test./"),
    ],
)
def test_for_other_hosts_nothing_changes(one: str, other: str, tmp_path: Path) -> None:
    keep(one, tmp_path)
    assert found(other, tmp_path) is None
    assert list(entries(tmp_path / "credentials.json")) == [f"{one} dials"]


def test_an_application_is_found_by_each_name_of_its_keycloak_and_sent_to_no_other(tmp_path: Path) -> None:
    realms = [f"{name.rstrip('/')}/auth/" for name in NAMES]
    client = AuthClient("http://dials.test/", keycloak_url=realms[2])
    client_credentials.Credentials("app", "the-secret", client).keep_in(tmp_path)
    for realm in realms:
        local = AuthClient("http://dials.test/", keycloak_url=realm)
        assert isinstance(Credentials.stored(tmp_path, local), client_credentials.Credentials)
    for other in OTHERS:
        elsewhere = AuthClient("http://dials.test/", keycloak_url=f"{other}auth/")
        assert Credentials.stored(tmp_path, elsewhere) is None


@pytest.mark.parametrize("newest", NAMES[:4])
def test_what_was_kept_under_another_name_is_found_and_deleted(newest: str, tmp_path: Path) -> None:
    """As by earlier versions, or in the file of an older cmsdials on the same machine."""
    path = tmp_path / "credentials.json"
    logins = {}
    for number, name in enumerate(NAMES[:4]):
        keep(name, tmp_path, str(number), expires_in=5000 if name == newest else 1000)
        (entry,) = entries(path).values()
        logins[f"{name} dials"] = entry | {"issuer": name}
    path.write_text(json.dumps({"version": 1, "logins": logins}))
    assert {found(name, tmp_path) for name in NAMES} == {f"access-{NAMES.index(newest)}"}
    keep("http://other.test/", tmp_path)
    assert list(entries(path)) == [f"{NAMES[0]} dials", "http://other.test/ dials"]
