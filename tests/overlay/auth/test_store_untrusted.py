"""What is in place of the file of logins, what it holds, and whose it is: nothing is taken on trust."""

import json
import os
import socket
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials.auth import models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import NotLoggedInError, TokenStoreError

from .conftest import Clock, LoginService, tokens

LONGEST = 300.0
"""Seconds that nothing here takes, however slow the machine is."""

posix = pytest.mark.skipif(os.name != "posix", reason="files have no owner and no mode here")


def log_in(name: str, cache: Path | None, client: AuthClient, **changed: Any) -> Credentials:
    return Credentials.from_authclient_token(
        models.token(tokens(name, **changed), client.now()), cache, client
    )


def finished(call: Callable[[], Any]) -> Any:
    """Return what a call returns or raises; fail if it waits."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001  # the caller looks at it
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONGEST)
    assert results, "it waits"
    return results[0]


# --- what is no file of logins


@pytest.fixture
def place(file: Path) -> Iterator[Callable[[str], Path]]:
    """Put something in place of the file of logins."""
    with socket.socket(socket.AF_UNIX) as made:

        def put(kind: str) -> Path:
            file.parent.mkdir()
            if kind == "pipe":
                os.mkfifo(file, 0o600)
            elif kind == "folder":
                file.mkdir()
            elif kind == "socket":
                made.bind(os.fspath(file))
            elif kind == "3 GB":
                file.touch(0o600)
                os.truncate(file, 3 << 30)
            elif kind.startswith("link to "):
                target = kind.removeprefix("link to ")
                if target == "pipe":
                    os.mkfifo(file.with_name("pipe"), 0o600)
                    target = "pipe"
                file.symlink_to(target)
            return file

        yield put


KINDS = {
    "pipe": "it is a pipe or a device",
    "folder": "Is a directory",
    "socket": "No such device",
    "3 GB": "more than 1000000 bytes",
    "link to pipe": "it is a pipe or a device",
    "link to /dev/null": "it is a pipe or a device",
    "link to /dev/zero": "it is a pipe or a device",
    "link to /": "Is a directory",
}


@posix
@pytest.mark.parametrize("way", ["argument", "CMSDIALS_CACHE_DIR", "CMSDIALS_TOKEN_FILE"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_of_logins_is_neither_waited_for_nor_read_nor_moved(
    kind: str,
    way: str,
    place: Callable[[str], Path],
    through_dials: AuthClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = place(kind)
    before = file.stat()
    if way != "argument":
        monkeypatch.setenv(way, str(file if way.endswith("FILE") else file.parent))
    cache = file.parent if way == "argument" else None
    refused = finished(lambda: Credentials.from_creds_file(cache, through_dials))
    assert type(refused) is TokenStoreError
    assert f"{file} cannot be read (" in str(refused)
    assert KINDS[kind] in str(refused)
    assert "CMSDIALS_CACHE_DIR" in str(refused), "it says what to do"
    # Who has just logged in keeps that login for this process.
    with pytest.warns(RuntimeWarning, match="you are logged in for this process alone: .* cannot be read"):
        log_in("1", cache, through_dials)
    after = file.stat()
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)
    assert not list(file.parent.glob("*.damaged"))


@posix
def test_a_file_that_becomes_a_pipe_ends_no_listing(
    file: Path, cache: Path, through_dials: AuthClient, service: LoginService, clock: Clock
) -> None:
    creds = log_in("1", cache, through_dials)
    file.unlink()
    os.mkfifo(file, 0o600)
    clock.seconds += 2000
    service.will(tokens("2"))
    with pytest.warns(RuntimeWarning, match="the login is renewed for this process alone: .*it is a pipe"):
        assert finished(creds.check).access_token == "access-2"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 900_000,
        b'{"logins":' * 90_000,
        b"\x80\x04\x95" + b"\0" * 900_000,
        b"7" * 900_000,
        b'{"logins": "\xed\xa0\x80"}',
    ],
    ids=["deep list", "deep object", "binary", "long number", "half a letter"],
)
def test_what_is_no_json_is_damaged(
    content: bytes, file: Path, cache: Path, through_dials: AuthClient
) -> None:
    cache.mkdir()
    file.write_bytes(content)
    file.chmod(0o600)
    with (
        pytest.warns(RuntimeWarning, match=r"is damaged: it is now .*\.damaged; log in again"),
        pytest.raises(NotLoggedInError, match="there is no login"),
    ):
        Credentials.from_creds_file(cache, through_dials)
    assert file.with_name("credentials.json.damaged").read_bytes() == content


DATES = [
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+00:00",
    "0001-01-01T00:00:00+23:59",
    "1969-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59",
    "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-23:59",
]


@pytest.mark.parametrize("name", ["expires_at", "refresh_expires_at"])
@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "with the other"])
def test_dates_that_no_one_can_reckon_with(
    name: str, date: str, is_alone: bool, file: Path, cache: Path, through_dials: AuthClient
) -> None:
    log_in("1", cache, through_dials)
    content = json.loads(file.read_text())
    (entry,) = content["logins"].values()
    if is_alone:
        entry.pop("refresh_expires_at")
    entry[name] = date
    file.write_text(json.dumps(content))
    with (
        pytest.warns(RuntimeWarning, match=rf"is not usable \({name} is not usable\); log in again"),
        pytest.raises(NotLoggedInError),
    ):
        Credentials.from_creds_file(cache, through_dials)


def test_no_login_is_kept_that_could_not_be_read_again(
    file: Path, cache: Path, through_dials: AuthClient
) -> None:
    log_in("1", cache, through_dials)
    before = file.read_bytes()
    with pytest.warns(
        RuntimeWarning, match="for this process alone: .*it would have more than 1000000 bytes"
    ):
        creds = log_in("2", cache, through_dials, refresh_token="r" * 1_000_000)
    assert creds.token == "access-2"
    assert file.read_bytes() == before
    assert [one.name for one in cache.iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize("named", ["a\0b", "a\ud800", 3, b"a", ["a"]], ids=repr)
def test_a_folder_that_cannot_be_called_so(named: Any, through_dials: AuthClient) -> None:
    with pytest.raises(TokenStoreError, match=r"no folder and no file can be called .*Name a folder"):
        Credentials.from_creds_file(named, through_dials)


# --- whose it is


def belongs_to_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file or folder belong to another user than the one who runs the tests."""
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        return
    really = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: really + 1)


@posix
def test_a_file_of_another_user_is_reported(
    file: Path, cache: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in("1", cache, through_dials)
    belongs_to_another(file, monkeypatch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        creds = Credentials.from_creds_file(cache, through_dials)
    assert any(
        f"{file} belongs to another user, who can change the login that it holds: copy it" in str(one.message)
        for one in caught
    )
    assert {Path(one.filename).name for one in caught} == {Path(__file__).name}
    assert isinstance(creds, Credentials)


@posix
@pytest.mark.parametrize("way", ["sudo", "afs"])
def test_owners_that_say_nothing(
    way: str, file: Path, cache: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root by sudo is still the user; on AFS a user has another number."""
    log_in("1", cache, through_dials)
    if way == "sudo":
        if os.geteuid() != 0:
            pytest.skip("only root can have come from sudo")
        monkeypatch.setenv("SUDO_UID", "12345")
    else:
        monkeypatch.setattr(os.path, "realpath", lambda path: f"/afs{path}")
        cache.chmod(0o777)
    belongs_to_another(file, monkeypatch)
    assert isinstance(Credentials.from_creds_file(cache, through_dials), Credentials)


@posix
def test_a_file_of_1_8_that_another_user_left_is_not_used(
    clock: Clock, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for in the current folder, such as /tmp: it is nothing that the user has named."""
    left = Path(".cache", "creds").absolute()
    left.parent.mkdir()
    left.write_text(json.dumps(models.token(tokens("theirs"), clock.now()).as_json()))
    left.chmod(0o600)
    assert isinstance(Credentials.from_creds_file(client=through_dials), Credentials)
    belongs_to_another(left, monkeypatch)
    with (
        pytest.warns(
            RuntimeWarning,
            match=r"creds cannot be read \(it belongs to another user\); an older cmsdials left it",
        ),
        pytest.raises(NotLoggedInError),
    ):
        Credentials.from_creds_file(client=through_dials)


@posix
@pytest.mark.parametrize("mode", [0o660, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_change_is_reported(
    mode: int, file: Path, cache: Path, through_dials: AuthClient
) -> None:
    log_in("1", cache, through_dials)
    file.chmod(mode)
    with pytest.warns(RuntimeWarning, match=rf"others can read and change it: run `chmod 600 {file}`"):
        Credentials.from_creds_file(cache, through_dials)


@posix
@pytest.mark.parametrize("mode", [0o777, 0o733, 0o702, 0o700, 0o755, 0o775, 0o1777])
def test_a_folder_in_which_everybody_may_write_is_reported(
    mode: int, cache: Path, through_dials: AuthClient
) -> None:
    """A group may be the user alone, and in a sticky folder, such as /tmp, no one else replaces a file of ours."""
    cache.mkdir()
    cache.chmod(mode)

    def said(call: Callable[[], Any]) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        return sorted({str(one.message) for one in caught})

    expected = []
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        said_of_it = (
            f"logins are kept in {cache}, where everybody can replace them: run `chmod go-w {cache}`, or name a folder"
            " of yours in CMSDIALS_CACHE_DIR, or a file there in CMSDIALS_TOKEN_FILE"
        )
        expected = [said_of_it]
    assert said(lambda: log_in("1", cache, through_dials)) == expected
    assert said(lambda: Credentials.from_creds_file(cache, through_dials)) == expected


@posix
def test_the_folder_of_a_link_is_reported_too(cache: Path, tmp_path: Path, through_dials: AuthClient) -> None:
    for folder in (cache, tmp_path / "elsewhere"):
        folder.mkdir()
        folder.chmod(0o777)
    (cache / "credentials.json").symlink_to(tmp_path / "elsewhere" / "logins.json")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log_in("1", cache, through_dials)
    said = {str(one.message).partition(",")[0] for one in caught}
    assert said == {f"logins are kept in {folder}" for folder in (cache, tmp_path / "elsewhere")}


@posix
def test_a_folder_of_another_user_is_reported(
    cache: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    belongs_to_another(cache, monkeypatch)
    with pytest.warns(RuntimeWarning, match=f"logins are kept in {cache}, which belongs to another user"):
        log_in("1", cache, through_dials)


@posix
def test_the_command_that_is_shown_can_be_pasted(tmp_path: Path, through_dials: AuthClient) -> None:
    folder = tmp_path / "my logins; true"
    log_in("1", folder, through_dials)
    (folder / "credentials.json").chmod(0o644)
    with pytest.warns(RuntimeWarning, match=rf"run `chmod 600 '{folder}/credentials\.json'`"):
        Credentials.from_creds_file(folder, through_dials)
