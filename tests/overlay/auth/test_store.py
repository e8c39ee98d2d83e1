"""The file that keeps logins: private, whole at any moment, and never lost to damage."""

import contextlib
import json
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cmsdials.auth import models
from cmsdials.auth._store import LoginKey, TokenStore, legacy_token
from cmsdials.auth.models import Token
from cmsdials.errors import TokenStoreError

from .conftest import Clock, tokens

KEY = LoginKey("https://auth.test/realms/r/", "public-app", "dials-app")
OTHER = LoginKey("http://localhost:8000/", "dials")


@pytest.fixture
def token(clock: Clock) -> Token:
    return models.token(tokens(), clock.now())


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore.at(tmp_path / "cache")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_login_comes_back_as_it_was(store: TokenStore, token: Token) -> None:
    assert store.token(KEY) is None
    store.keep(KEY, token)
    assert store.token(KEY) == token
    assert store.token(OTHER) is None


def test_logins_stand_side_by_side(store: TokenStore, token: Token, clock: Clock) -> None:
    other = models.token(tokens("2"), clock.now())
    store.keep(KEY, token)
    store.keep(OTHER, other)
    assert (store.token(KEY), store.token(OTHER)) == (token, other)
    store.forget(KEY)
    assert (store.token(KEY), store.token(OTHER)) == (None, other)
    store.forget(KEY)


def test_nobody_else_can_read_it(store: TokenStore, token: Token) -> None:
    store.keep(KEY, token)
    assert mode(store.path) == 0o600
    assert mode(store.path.parent) == 0o700
    assert {path.name for path in store.path.parent.iterdir()} <= {
        "credentials.json",
        "credentials.json.lock",
    }


@pytest.mark.parametrize("way", ["argument", "CMSDIALS_CACHE_DIR", "default", "CMSDIALS_TOKEN_FILE"])
def test_where_it_is(way: str, tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert TokenStore.at(chosen).path == expected


def test_reading_makes_nothing(store: TokenStore) -> None:
    assert store.token(KEY) is None
    assert not store.path.parent.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"logins": 3}', b"\xff\xfe\x00", b"null"])
def test_a_damaged_file_is_set_aside(store: TokenStore, token: Token, content: bytes) -> None:
    store.path.parent.mkdir(mode=0o700)
    store.path.write_bytes(content)
    store.path.chmod(0o600)
    with pytest.warns(
        RuntimeWarning, match=r"is damaged: it is now .*credentials.json.damaged; log in again"
    ):
        assert store.token(KEY) is None
    assert store.path.with_name("credentials.json.damaged").read_bytes() == content
    store.keep(KEY, token)
    assert store.token(KEY) == token


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"access_token": 3}, "access_token is no such value"),
        ({"refresh_token": None}, "refresh_token is missing"),
        ({"expires_at": "soon"}, "not usable"),
        ({"expires_in": 1e300}, "expires_in is no such value"),
    ],
)
def test_a_damaged_entry_costs_only_itself(
    store: TokenStore, token: Token, change: dict[str, Any], said: str
) -> None:
    store.keep(KEY, token)
    store.keep(OTHER, token)
    content = json.loads(store.path.read_text())
    content["logins"][str(KEY)] |= change
    store.path.write_text(json.dumps(content))
    with pytest.warns(RuntimeWarning, match=said):
        assert store.token(KEY) is None
    assert store.token(OTHER) == token


def test_a_file_of_another_version_is_left_alone(store: TokenStore, token: Token) -> None:
    store.keep(KEY, token)
    content = json.loads(store.path.read_text()) | {"version": 2}
    store.path.write_text(json.dumps(content))
    with pytest.raises(TokenStoreError, match=r"another version of cmsdials.*Update cmsdials"):
        store.keep(KEY, token)
    assert json.loads(store.path.read_text()) == content


def test_a_file_that_others_can_read_is_reported(store: TokenStore, token: Token) -> None:
    store.keep(KEY, token)
    store.path.chmod(0o644)
    with pytest.warns(RuntimeWarning, match=r"chmod 600"):
        assert store.token(KEY) == token


def test_a_folder_that_cannot_be_made(tmp_path: Path, token: Token) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenStoreError, match=r"cannot be made.*CMSDIALS_CACHE_DIR"):
        TokenStore.at(tmp_path / "file" / "cache").keep(KEY, token)


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(store: TokenStore, token: Token) -> None:
    store.path.mkdir(parents=True)
    (store.path / "in the way").write_text("")
    with pytest.raises(TokenStoreError, match=r"cannot be read"):
        store.keep(KEY, token)
    assert sorted(path.name for path in store.path.parent.iterdir()) == [
        "credentials.json",
        "credentials.json.lock",
    ]


def test_a_full_disk_keeps_the_old_login(
    store: TokenStore, token: Token, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep(KEY, token)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TokenStoreError, match=r"cannot be written.*No space left"):
        store.keep(KEY, models.token(tokens("2"), clock.now()))
    assert store.token(KEY) == token
    assert not list(store.path.parent.glob(".credentials*"))


def test_the_lock_may_be_held_twice_by_one_thread(store: TokenStore, token: Token) -> None:
    with store.lock():
        store.keep(KEY, token)
    assert store.token(KEY) == token


def test_many_writers_lose_nothing(store: TokenStore, token: Token) -> None:
    keys = [LoginKey(f"http://dials{number}.test/", "dials") for number in range(40)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: store.keep(key, token), keys))
    assert all(store.token(key) == token for key in keys)


# --- what cmsdials 1.8 left


def legacy(folder: Path, clock: Clock, **changed: Any) -> Path:
    folder.mkdir()
    expires = clock.now().replace(tzinfo=None)
    stored = (
        tokens("old")
        | {"expires_at": expires.isoformat(), "refresh_expires_at": expires.isoformat()}
        | changed
    )
    path = folder / "creds"
    path.write_text(json.dumps(stored))
    path.chmod(0o600)
    return path


def test_the_file_of_1_8_is_read(tmp_path: Path, clock: Clock) -> None:
    path = legacy(tmp_path / ".cache", clock)
    before = path.read_bytes()
    token = legacy_token(tmp_path / ".cache")
    assert token is not None
    assert (token.access_token, token.refresh_token) == ("access-old", "refresh-old")
    assert token.expires_at.tzinfo is not None
    assert path.read_bytes() == before


def test_the_file_of_1_8_that_others_can_read_is_reported(tmp_path: Path, clock: Clock) -> None:
    legacy(tmp_path / ".cache", clock).chmod(0o644)
    with pytest.warns(RuntimeWarning, match=r"chmod 600"):
        assert legacy_token(tmp_path / ".cache")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"access_token": "a"}'])
def test_a_file_of_1_8_that_is_damaged_is_no_login(tmp_path: Path, content: str) -> None:
    (tmp_path / "creds").write_text(content)
    (tmp_path / "creds").chmod(0o600)
    with pytest.warns(RuntimeWarning, match=r"cannot be used"):
        assert legacy_token(tmp_path) is None
    assert (tmp_path / "creds").read_text() == content


def test_no_file_of_1_8(tmp_path: Path) -> None:
    assert legacy_token(tmp_path) is None


# --- what others do at the same time, and what users name


def test_a_file_that_was_mended_meanwhile_is_not_set_aside(
    store: TokenStore, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process sets the damaged file aside and logs in, between our reading it and our taking the lock."""
    store.path.parent.mkdir(mode=0o700)
    store.path.write_text("{")
    store.path.chmod(0o600)
    good = TokenStore.at(store.path.parent.parent / "other")
    good.keep(KEY, token)

    @contextlib.contextmanager
    def slow(_: TokenStore) -> Iterator[None]:
        good.path.replace(store.path)
        yield

    monkeypatch.setattr(TokenStore, "lock", slow)
    with pytest.warns(RuntimeWarning, match=r"is damaged"):
        assert store.token(KEY) is None
    assert store.token(KEY) == token
    assert not store.path.with_name("credentials.json.damaged").exists()


@pytest.mark.parametrize("content", ["a-token", "{}", '{"access_token": "a"}', "[1]"])
def test_a_file_that_the_user_names_is_never_moved(
    content: str, tmp_path: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "named"
    path.write_text(content)
    path.chmod(0o600)
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", str(path))
    for step in (lambda: TokenStore.at().token(KEY), lambda: TokenStore.at().keep(KEY, token)):
        with pytest.raises(
            TokenStoreError, match=r"CMSDIALS_TOKEN_FILE names, is no file that `cmsdials login` wrote"
        ):
            step()
    assert path.read_text() == content


@pytest.mark.parametrize("cache_dir", [None, ""])
def test_an_empty_name_is_no_name(
    cache_dir: str | None, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", "")
    monkeypatch.setenv("CMSDIALS_TOKEN_FILE", "")
    assert TokenStore.at(cache_dir).path.is_relative_to(empty_home)
    assert len(TokenStore.at(cache_dir).path.relative_to(empty_home).parts) > 1


@pytest.mark.parametrize(
    "problem", [NotImplementedError("no flock"), OSError(38, "Function not implemented")]
)
def test_a_file_system_without_locks(
    problem: Exception, store: TokenStore, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lockless(*_: Any, **__: Any) -> None:
        raise problem

    monkeypatch.setattr("filelock.FileLock.acquire", lockless)
    with pytest.raises(TokenStoreError, match=r"cannot be locked \((its file system|Function not)"):
        store.keep(KEY, token)


def test_a_store_that_another_process_holds_for_too_long(
    store: TokenStore, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmsdials.auth._store.LONGEST_WAIT", 0.0)
    with (
        store.lock(),
        ThreadPoolExecutor(1) as other,
        pytest.raises(TokenStoreError, match=r"has held .*lock for 0 s"),
    ):
        other.submit(store.keep, KEY, token).result()
    store.keep(KEY, token)


def test_a_file_says_what_it_holds(store: TokenStore, token: Token) -> None:
    assert store.contents() == "there is no such file"
    store.keep(KEY, token)
    assert store.contents() == f"it holds logins for {KEY}"
    assert store.take(KEY) == token
    assert store.contents() == "it holds no login"
    assert store.take(KEY) is None
