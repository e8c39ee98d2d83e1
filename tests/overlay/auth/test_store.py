"""The file that keeps logins: private, whole at any moment, and never lost to damage."""

import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cmsdials.auth import models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.auth.models import Token
from cmsdials.errors import NotLoggedInError, TokenStoreError
from filelock import FileLock

from .conftest import Clock, entries, legacy, tokens

KEY = "https://auth.cern.ch/auth/realms/cern/ cms-dials-prod-public-app cms-dials-prod-confidential-app"
"""Under which the logins of `keycloak` stand in the file."""


@pytest.fixture
def token(clock: Clock) -> Token:
    return models.token(tokens(), clock.now())


def keep(token: Token, cache: Path | None, client: AuthClient) -> None:
    Credentials.from_authclient_token(token, cache, client)


def kept(cache: Path | None, client: AuthClient) -> Token | None:
    """The tokens that are stored, as somebody who uses them sees them."""
    found = Credentials.stored(cache, client)
    if found is None:
        return None
    assert isinstance(found, Credentials)
    return Token(
        access_token=found.token,
        token_type=found.token_type,
        expires_in=found.expires_in,
        expires_at=found.expires_at,
        refresh_token=found.refresh_token,
        refresh_expires_in=found.refresh_expires_in,
        refresh_expires_at=found.refresh_expires_at,
        session_state="s",
        scope="openid",
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def damage(file: Path, content: bytes | str) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o600)


def test_a_login_comes_back_as_it_was(
    cache: Path, file: Path, token: Token, keycloak: AuthClient, through_dials: AuthClient
) -> None:
    assert kept(cache, keycloak) is None
    keep(token, cache, keycloak)
    assert kept(cache, keycloak) == token
    assert kept(cache, through_dials) is None
    assert Token.from_json(entries(file)[KEY]) == token


def test_logins_stand_side_by_side(
    cache: Path, file: Path, token: Token, clock: Clock, keycloak: AuthClient, through_dials: AuthClient
) -> None:
    other = models.token(tokens("2"), clock.now())
    keep(token, cache, keycloak)
    keep(other, cache, through_dials)
    assert (kept(cache, keycloak), kept(cache, through_dials)) == (token, other)
    assert sorted(entries(file)) == ["http://dials.test/ dials", KEY]


def test_only_its_owner_can_read_it(cache: Path, file: Path, token: Token, keycloak: AuthClient) -> None:
    keep(token, cache, keycloak)
    assert mode(file) == 0o600
    assert mode(cache) == 0o700
    assert {path.name for path in cache.iterdir()} <= {"credentials.json", "credentials.json.lock"}


@pytest.mark.parametrize("way", ["argument", "CMSDIALS_CACHE_DIR", "default", "CMSDIALS_TOKEN_FILE"])
def test_where_it_is(
    way: str,
    tmp_path: Path,
    empty_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: Token,
    keycloak: AuthClient,
) -> None:
    expected = {
        "argument": tmp_path / "chosen" / "credentials.json",
        "CMSDIALS_CACHE_DIR": tmp_path / "named" / "credentials.json",
        "CMSDIALS_TOKEN_FILE": tmp_path / "copied.json",
        "default": empty_home / ".cache" / "cmsdials" / "credentials.json",
    }[way]
    if way != "default":
        monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "named"))
    if way in ("CMSDIALS_TOKEN_FILE", "argument"):
        monkeypatch.setenv("CMSDIALS_TOKEN_FILE", str(tmp_path / "copied.json"))
    chosen = tmp_path / "chosen" if way == "argument" else None
    if way == "default" and sys.platform != "linux":
        pytest.skip("the user's cache folder is another one on this system")
    keep(token, chosen, keycloak)
    assert entries(expected).keys() == {KEY}
    assert kept(chosen, keycloak) == token


def test_a_folder_below_home(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, token: Token, keycloak: AuthClient
) -> None:
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", "~/named.json")
    keep(token, None, keycloak)
    keep(token, Path("~/named"), keycloak)
    assert (empty_home / "named.json").exists()
    assert (empty_home / "named" / "credentials.json").exists()


def test_reading_makes_nothing(cache: Path, keycloak: AuthClient) -> None:
    assert kept(cache, keycloak) is None
    assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"logins": 3}', b"\xff\xfe\x00", b"null"])
def test_a_damaged_file_is_set_aside(
    cache: Path, file: Path, token: Token, keycloak: AuthClient, content: bytes
) -> None:
    damage(file, content)
    with pytest.warns(
        RuntimeWarning, match=r"is damaged: it is now .*credentials.json.damaged; log in again"
    ) as caught:
        assert kept(cache, keycloak) is None
    assert {Path(warning.filename).name for warning in caught} == {"test_store.py"}
    assert (cache / "credentials.json.damaged").read_bytes() == content
    keep(token, cache, keycloak)
    assert kept(cache, keycloak) == token


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"access_token": 3}, "access_token is not usable"),
        ({"access_token": None}, "access_token is missing"),
        ({"refresh_token": 3}, "refresh_token is not usable"),
        ({"expires_at": None}, "expires_at is missing"),
        ({"expires_at": "soon"}, "expires_at is not usable"),
        ({"expires_at": 7}, "expires_at is not usable"),
        ({"refresh_expires_at": []}, "refresh_expires_at is not usable"),
    ],
)
def test_a_damaged_entry_costs_only_itself(
    cache: Path,
    file: Path,
    token: Token,
    keycloak: AuthClient,
    through_dials: AuthClient,
    change: dict[str, Any],
    said: str,
) -> None:
    keep(token, cache, keycloak)
    keep(token, cache, through_dials)
    content = json.loads(file.read_text())
    content["logins"][KEY] |= change
    file.write_text(json.dumps(content))
    with pytest.warns(RuntimeWarning, match=said):
        assert kept(cache, keycloak) is None
    assert kept(cache, through_dials) == token


def test_a_file_of_another_version_is_left_alone(
    cache: Path, file: Path, token: Token, keycloak: AuthClient
) -> None:
    keep(token, cache, keycloak)
    content = json.loads(file.read_text()) | {"version": 2}
    file.write_text(json.dumps(content))
    with pytest.raises(TokenStoreError, match=r"another version of cmsdials.*Update cmsdials"):
        keep(token, cache, keycloak)
    assert json.loads(file.read_text()) == content


def test_a_file_that_others_can_read_is_reported(
    cache: Path, file: Path, token: Token, keycloak: AuthClient
) -> None:
    keep(token, cache, keycloak)
    file.chmod(0o644)
    with pytest.warns(RuntimeWarning, match=r"chmod 600"):
        assert kept(cache, keycloak) == token


def test_a_folder_that_cannot_be_made(tmp_path: Path, token: Token, keycloak: AuthClient) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match=r"this process alone: .* cannot be made.*CMSDIALS_CACHE_DIR"):
        keep(token, tmp_path / "file" / "cache", keycloak)


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(
    cache: Path, file: Path, token: Token, keycloak: AuthClient
) -> None:
    file.mkdir(parents=True)
    (file / "in the way").write_text("")
    with pytest.warns(RuntimeWarning, match=r"this process alone: .* cannot be read"):
        keep(token, cache, keycloak)
    assert sorted(path.name for path in cache.iterdir()) == ["credentials.json", "credentials.json.lock"]


def test_many_writers_lose_nothing(cache: Path, file: Path, token: Token) -> None:
    clients = [AuthClient(f"http://dials{number}.test/") for number in range(40)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda client: keep(token, cache, client), clients))
    assert len(entries(file)) == 40
    assert all(kept(cache, client) == token for client in clients)


# --- what cmsdials 1.8 left


def test_the_file_of_1_8_is_read(tmp_path: Path, clock: Clock, keycloak: AuthClient) -> None:
    path = legacy(tmp_path / ".cache", clock, refresh_expires_in=0)
    before = path.read_bytes()
    found = Credentials.stored(tmp_path / ".cache", keycloak)
    assert isinstance(found, Credentials)
    assert (found.token, found.refresh_token) == ("access-old", "refresh-old")
    assert found.expires_at.tzinfo is not None
    assert path.read_bytes() == before


def test_the_file_of_1_8_that_others_can_read_is_reported(
    tmp_path: Path, clock: Clock, keycloak: AuthClient
) -> None:
    legacy(tmp_path / ".cache", clock, refresh_expires_in=0).chmod(0o644)
    with pytest.warns(RuntimeWarning, match=r"chmod 600"):
        assert Credentials.stored(tmp_path / ".cache", keycloak)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"access_token": "a"}'])
def test_a_file_of_1_8_that_is_damaged_is_no_login(
    tmp_path: Path, keycloak: AuthClient, content: str
) -> None:
    damage(tmp_path / "creds", content)
    with pytest.warns(RuntimeWarning, match=r"creds, left by an older cmsdials, cannot be used"):
        assert kept(tmp_path, keycloak) is None
    assert (tmp_path / "creds").read_text() == content


# --- what others do at the same time, and what users name


def test_a_file_that_was_mended_meanwhile_is_not_set_aside(
    cache: Path,
    file: Path,
    tmp_path: Path,
    token: Token,
    keycloak: AuthClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process sets the damaged file aside and logs in, between our reading it and our taking the lock."""
    keep(token, tmp_path / "other", keycloak)
    damage(file, "{")
    acquire = FileLock.acquire

    def slow(lock: FileLock, *arguments: Any, **options: Any) -> Any:
        (tmp_path / "other" / "credentials.json").replace(file)
        return acquire(lock, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(FileLock, "acquire", slow)
        with pytest.warns(RuntimeWarning, match=r"is damaged"):
            assert kept(cache, keycloak) is None
    assert kept(cache, keycloak) == token
    assert not (cache / "credentials.json.damaged").exists()


@pytest.mark.parametrize("content", ["a-token", "{}", '{"access_token": "a"}', "[1]"])
def test_a_file_that_the_user_names_is_never_moved(
    content: str, tmp_path: Path, token: Token, keycloak: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "named"
    damage(path, content)
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", str(path))
    for step in (lambda: kept(None, keycloak), lambda: keep(token, None, keycloak)):
        with pytest.raises(
            TokenStoreError, match=r"CMSDIALS_TOKEN_FILE names, is not a file that `cmsdials login` wrote"
        ):
            step()
    assert path.read_text() == content


@pytest.mark.parametrize("cache_dir", [None, ""])
def test_an_empty_name_is_no_name(
    cache_dir: Any, empty_home: Path, token: Token, keycloak: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", "")
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", "")
    keep(token, cache_dir, keycloak)
    (path,) = empty_home.rglob("credentials.json")
    assert path.parent != empty_home


def test_a_system_without_locks(
    cache: Path, token: Token, keycloak: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lockless(*_: Any, **__: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", lockless)
    with pytest.warns(RuntimeWarning, match=r"cannot be locked \(its file system has no locks\)"):
        keep(token, cache, keycloak)
    assert kept(cache, keycloak) == token


def test_the_error_says_what_the_file_holds(
    cache: Path, file: Path, token: Token, keycloak: AuthClient, through_dials: AuthClient
) -> None:
    def said() -> str:
        with pytest.raises(NotLoggedInError) as caught:
            Credentials.from_creds_file(cache, through_dials)
        return str(caught.value)

    assert f"in {file}: there is no such file, and no person can be asked" in said()
    keep(token, cache, keycloak)
    assert f"in {file}: it holds logins for {KEY}," in said()
    file.write_text('{"version": 1, "logins": {}}')
    assert f"in {file}: it holds no login," in said()
