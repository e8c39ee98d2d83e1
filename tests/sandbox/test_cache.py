"""v1.12 keeps answers for 30 s by address and workspace, not by user; today's sandbox keeps none."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest
from cmsdials_sandbox import Sandbox, serve
from cmsdials_sandbox.cache import Cache, Kept


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serve(generation="v1.12") as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_kept(sandbox):
    assert httpx.post(f"{sandbox.url}sandbox/cache/clear/").status_code == 200


def ask(sandbox, path="run/", workspace=None, of=None):
    """Ask as the application whose own workspace is `of`."""
    headers = {"X-CLIENT-SECRET": sandbox.secret if of is None else sandbox.secret_of(of)}
    if workspace is not None:
        headers["Workspace"] = workspace
    return httpx.get(f"{sandbox.url}api/v1/{path}", headers=headers, timeout=30)


def advance(sandbox, seconds):
    answer = httpx.post(f"{sandbox.url}sandbox/cache/advance/", json={"seconds": seconds})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["run/", "run/count/", "mes/", "dataset-index/"])
def test_one_user_is_shown_the_workspace_of_another(sandbox, path):
    own = ask(sandbox, path)
    assert ask(sandbox, path, of="jetmet").content == own.content
    assert ask(sandbox, path, "tracker").content == own.content
    assert ask(sandbox, path, "jetmet").content != own.content
    advance(sandbox, 31)
    assert ask(sandbox, path, of="jetmet").content == ask(sandbox, path, "jetmet").content != own.content


def test_with_the_header_all_is_right(sandbox):
    for _ in range(2):
        for workspace in ("tracker", "jetmet"):
            datasets = {
                row["dataset_id"] for row in ask(sandbox, "dataset-index/", workspace).json()["results"]
            }
            assert (15042670 in datasets) == (workspace == "jetmet")


def test_headers(sandbox):
    first = ask(sandbox)
    assert first.headers["Cache-Control"] == "max-age=30"
    assert "Age" not in first.headers
    assert {"Workspace", "Accept-Encoding"} <= {name.strip() for name in first.headers["Vary"].split(",")}
    advance(sandbox, 10)
    again = ask(sandbox)
    assert 10 <= int(again.headers["Age"]) < 30
    assert again.headers["Expires"] == first.headers["Expires"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    advance(sandbox, 21)
    anew = ask(sandbox)
    assert "Age" not in anew.headers
    later = parsedate_to_datetime(anew.headers["Expires"]) - parsedate_to_datetime(first.headers["Expires"])
    assert later.total_seconds() >= 31


def test_another_address_is_another_answer(sandbox):
    assert len(ask(sandbox, "run/?page_size=3").json()["results"]) == 3
    assert len(ask(sandbox, "run/?page_size=4").json()["results"]) == 4
    assert "Age" not in ask(sandbox, "run/?page_size=3&x=1").headers
    assert "Age" in ask(sandbox, "run/?page_size=3").headers


def test_who_asks_is_checked_first(sandbox):
    ask(sandbox)
    assert httpx.get(f"{sandbox.url}api/v1/run/").status_code == 403


def test_errors_are_not_kept(sandbox):
    for _ in range(2):
        response = ask(sandbox, "run/1/2/")
        assert response.status_code == 404
        assert "Age" not in response.headers
        assert "Cache-Control" not in response.headers


def test_each_application_has_a_workspace_of_its_own(sandbox):
    for workspace in sandbox.databases:
        answer = ask(sandbox, "auth/user-default-workspace/", of=workspace)
        assert answer.json() == {"workspace": workspace}
    assert ask(sandbox, "auth/user-default-workspace/").json() == {"workspace": "tracker"}
    assert ask(sandbox, of="nowhere").status_code == 403


def test_applications_with_tokens_too(sandbox):
    found = {}
    for name in ("sandbox-app", "sandbox-app-jetmet"):
        form = {
            "grant_type": "client_credentials",
            "client_id": name,
            "client_secret": sandbox.client_secret,
            "audience": "cms-dials-prod-confidential-app",
        }
        token = httpx.post(f"{sandbox.keycloak_url}realms/{sandbox.realm}/api-access/token", data=form).json()
        answer = httpx.get(
            f"{sandbox.url}api/v1/auth/user-default-workspace/",
            headers={"Authorization": f"Bearer {token['access_token']}"},
        )
        found[name] = answer.json()["workspace"]
    assert found == {"sandbox-app": "tracker", "sandbox-app-jetmet": "jetmet"}


def test_today_nothing_is_kept(now):
    response = now.get("run/")
    assert "Cache-Control" not in response.headers
    headers = {"X-CLIENT-SECRET": now.sandbox.secret_of("jetmet")}
    assert now.client.get("run/count/", headers=headers).json() != now.json("run/count/")


def test_it_can_be_turned_off(v112):
    assert "Cache-Control" not in v112.get("run/").headers


def test_the_clock(clock):
    cache = Cache(30, clock)
    key = ("http://x/", "", "GET")
    cache.keep(key, Kept(clock(), b"1", "application/json"))
    clock.advance(29.9)
    assert cache.find(key).content == b"1"
    clock.advance(0.1)
    assert cache.find(key) is None
    cache.keep(("http://y/", "", "GET"), Kept(clock(), b"2", "application/json"))
    assert cache.clear() == 1


@pytest.mark.parametrize("body", [{}, {"seconds": -1}, {"seconds": "x"}, [1]])
def test_a_wrong_clock(sandbox, body):
    assert httpx.post(f"{sandbox.url}sandbox/cache/advance/", json=body).status_code == 400
