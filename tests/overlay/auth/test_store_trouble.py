"""What a file system refuses costs no login: locks, room, a folder that is gone. Links stay links."""

import errno
import fcntl
import json
import os
import pickle
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cmsdials.auth import client_credentials, models
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import LoginError, TokenStoreError

from .conftest import Clock, LoginService, entries, tokens
from .conftest import device as device_answer

UNLOCKED = r"credentials\.json\.lock cannot be locked \(.+\): the login is kept without a lock\. Two programs that renew it"
ALONE = r"for this process alone: .*CMSDIALS_CACHE_DIR.*CMSDIALS_TOKEN_FILE"
REFUSALS = [
    "ENOSYS",
    "ENOLCK",
    "EOPNOTSUPP",
    "EINVAL",
    "EPERM",
    "EROFS",
    "EIO",
    "EBADF",
    "ENOTTY",
    "ESTALE",
    "ENODEV",
]
FULL = ["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO"]


@pytest.fixture
def a_person_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", "1")


def log_in(name: str, cache: Path | None, client: AuthClient, **changed: Any) -> Credentials:
    return Credentials.from_authclient_token(
        models.token(tokens(name, **changed), client.now()), cache, client
    )


def sent(credentials: Any) -> str:
    headers: dict[str, str] = {}
    credentials.before_request(headers)
    return headers["Authorization"]


def renew(creds: Credentials, service: LoginService, clock: Clock, *names: str) -> None:
    """What a long listing does: each token ends, and the next one is asked for."""
    for name in names:
        clock.seconds += 2000
        service.will(tokens(name))
        assert sent(creds) == f"Bearer access-{name}"


def stored(file: Path) -> str:
    (entry,) = entries(file).values()
    token: str = entry["access_token"]
    return token


def said(caught: Any) -> list[str]:
    return [str(one.message) for one in caught]


def raising(name: str) -> Callable[..., None]:
    number = getattr(errno, name)

    def fails(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fails


# --- locks


@pytest.mark.parametrize("name", REFUSALS)
def test_a_lock_that_is_refused_costs_one_warning_and_no_login(
    name: str,
    cache: Path,
    file: Path,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fcntl, "flock", raising(name))
    with pytest.warns(RuntimeWarning) as caught:
        creds = log_in("1", cache, through_dials)
    (only,) = said(caught)
    assert Path(caught[0].filename).name == "test_store_trouble.py"
    assert os.strerror(getattr(errno, name)) in only
    assert "may both be logged out" in only
    assert "CMSDIALS_CACHE_DIR" in only
    assert stored(file) == "access-1"
    for renewed in ("2", "3"):  # any further warning is an error
        clock.seconds += 2000
        service.will(tokens(renewed))
        assert sent(creds) == f"Bearer access-{renewed}"
        assert stored(file) == f"access-{renewed}"
    assert sent(Credentials.from_creds_file(cache, through_dials)) == "Bearer access-3"


def test_each_folder_without_locks_is_named_once(
    tmp_path: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", raising("ENOLCK"))
    folders = [tmp_path / name for name in ("one", "two", "one", "two")]
    with pytest.warns(RuntimeWarning) as caught:
        logged_in = [log_in("1", folder, through_dials) for folder in folders]
    assert len(logged_in) == 4
    assert [
        f"{tmp_path}/{folder}/" in one for folder, one in zip(("one", "two"), said(caught), strict=True)
    ] == [
        True,
        True,
    ]


def test_without_locks_what_another_process_renewed_is_taken(
    cache: Path, through_dials: AuthClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    creds = log_in("1", cache, through_dials)
    clock.seconds += 2000
    log_in("theirs", cache, through_dials)
    monkeypatch.setattr(fcntl, "flock", raising("EOPNOTSUPP"))
    assert sent(creds) == "Bearer access-theirs"  # nothing is written, so nothing is warned of


@pytest.mark.parametrize("name", ["EACCES", "EPERM", "ENOLCK", "EMFILE"])
def test_a_lock_file_that_cannot_be_opened(
    name: str, cache: Path, file: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that another user has left, readable only by them."""
    cache.mkdir()
    (cache / "credentials.json.lock").touch(0o600)
    really = os.open

    def opened(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(".lock"):
            raising(name)()
        return really(path, *arguments, **options)

    monkeypatch.setattr(os, "open", opened)
    with pytest.warns(RuntimeWarning, match=UNLOCKED) as caught:
        log_in("1", cache, through_dials)
    assert len(caught) == 1
    assert stored(file) == "access-1"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another user"
)
def test_a_lock_file_that_another_user_left(through_dials: AuthClient) -> None:
    with tempfile.TemporaryDirectory() as shared:
        folder = Path(shared)
        folder.chmod(0o1777)
        (folder / "credentials.json.lock").touch(0o600)
        log_in("1", folder / "warm", through_dials)  # what is imported late may be unreadable for others
        os.seteuid(65534)
        try:
            with pytest.warns(RuntimeWarning, match=UNLOCKED):
                log_in("1", folder, through_dials)
        finally:
            os.seteuid(0)
        assert stored(folder / "credentials.json") == "access-1"
        assert (folder / "credentials.json").stat().st_uid == 65534


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "loop"])
def test_something_else_in_place_of_the_lock_file(
    kind: str, cache: Path, file: Path, tmp_path: Path, through_dials: AuthClient
) -> None:
    cache.mkdir()
    lock, precious = cache / "credentials.json.lock", tmp_path / "precious"
    precious.write_text("kept")
    if kind == "folder":
        lock.mkdir()
    else:
        lock.symlink_to({"link": precious, "dangling link": tmp_path / "nothing", "loop": lock}[kind])
    with pytest.warns(RuntimeWarning, match=UNLOCKED):
        log_in("1", cache, through_dials)
    assert stored(file) == "access-1"
    assert precious.read_text() == "kept"
    assert not (tmp_path / "nothing").exists()


def test_a_lock_that_cannot_be_released(
    cache: Path, file: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = fcntl.flock

    def flock(handle: int, operation: int) -> None:
        if operation == fcntl.LOCK_UN:
            raising("ENOLCK")()
        really(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    log_in("1", cache, through_dials)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log_in("2", cache, through_dials)
    assert all("the login is kept without a lock" in one for one in said(caught))
    assert stored(file) == "access-2"


HOLDER = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
    with open(sys.argv[2], "w") as done:
        done.write("released")
"""


def test_another_process_that_does_hold_the_lock_is_waited_for(
    cache: Path, file: Path, tmp_path: Path, through_dials: AuthClient
) -> None:
    cache.mkdir()
    mark = tmp_path / "mark"
    command = [sys.executable, "-c", HOLDER, f"{file}.lock", str(mark)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        seen: list[bool] = []

        def keep() -> None:
            log_in("1", cache, through_dials)
            seen.append(mark.exists())

        waiting = threading.Thread(target=keep)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert not file.exists()
        holder.communicate("go\n", timeout=300)
        waiting.join(300)
    assert seen == [True]
    assert stored(file) == "access-1"


def test_a_lock_that_is_held_for_too_long_costs_no_login(
    cache: Path, file: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmsdials.auth._store.LONGEST_WAIT", 0.1)
    cache.mkdir()
    with Path(f"{file}.lock").open("w") as held, ThreadPoolExecutor(1) as other:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.warns(
            RuntimeWarning, match=r"you are logged in for this process alone: another process has held"
        ):
            creds = other.submit(log_in, "1", cache, through_dials).result()
    assert sent(creds) == "Bearer access-1"
    assert not file.exists()


# --- room


@pytest.fixture(
    params=[(os, "fsync"), (os, "replace"), (tempfile, "mkstemp"), (json, "dump")], ids=lambda one: one[1]
)
def full(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes writing fail at one of its steps with an error; with none it works again."""
    place, step = request.param
    works = getattr(place, step)
    return lambda name: monkeypatch.setattr(place, step, raising(name) if name else works)


@pytest.mark.parametrize("name", FULL)
def test_a_login_that_cannot_be_kept_is_good_for_this_process(
    name: str,
    full: Callable[[str], None],
    cache: Path,
    file: Path,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
    a_person_is_there: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = AuthClient("http://other.test/", clock=clock)
    log_in("other", cache, other, expires_in=100000)
    before = file.read_bytes()
    full(name)
    service.will(device_answer(), tokens())
    with pytest.warns(RuntimeWarning, match=ALONE) as caught:
        creds = Credentials.from_creds_file(cache, through_dials)
    (only,) = said(caught)
    assert only.startswith(f"you are logged in for this process alone: {file} cannot be written (")
    assert os.strerror(getattr(errno, name)) in only
    assert capsys.readouterr().err.rstrip().endswith("Logged in.")
    renew(creds, service, clock, "2", "3")  # the listing goes on, and any further warning would be an error
    assert file.read_bytes() == before
    assert {one.name for one in cache.iterdir()} == {"credentials.json", "credentials.json.lock"}
    full("")
    clock.seconds += 2000
    service.will(tokens("4"))
    assert sent(creds) == "Bearer access-4"
    assert sent(Credentials.from_creds_file(cache, through_dials)) == "Bearer access-4"
    assert sent(Credentials.from_creds_file(cache, other))


@pytest.mark.parametrize("name", FULL)
def test_a_disk_that_fills_up_does_not_end_a_listing(
    name: str,
    full: Callable[[str], None],
    cache: Path,
    file: Path,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
) -> None:
    creds = log_in("1", cache, through_dials)
    before = file.read_bytes()
    full(name)
    with pytest.warns(RuntimeWarning, match=r"the login is renewed " + ALONE) as caught:
        renew(creds, service, clock, "2", "3", "4")
    assert len(caught) == 1
    assert [body["refresh_token"] for body in service.bodies] == ["refresh-1", "refresh-2", "refresh-3"]
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["EIO", "EACCES", "ESTALE"])
def test_a_file_that_can_no_longer_be_read_does_not_end_a_listing(
    name: str,
    cache: Path,
    file: Path,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    creds = log_in("1", cache, through_dials)
    really = os.open

    def opened(path: Any, *arguments: Any, **options: Any) -> Any:
        return raising(name)() if os.fspath(path) == str(file) else really(path, *arguments, **options)

    monkeypatch.setattr(os, "open", opened)
    clock.seconds += 2000
    service.will(tokens("2"))
    with pytest.warns(
        RuntimeWarning, match=r"the login is renewed for this process alone: .* cannot be read"
    ):
        assert sent(creds) == "Bearer access-2"
    clock.seconds += 2000
    service.will_refuse("invalid_grant")
    with pytest.raises(LoginError, match=r"has ended"):  # and not that the file cannot be read
        sent(creds)


@pytest.mark.parametrize("kind", ["home", "cache folder", "folder above", "dangling folder"])
def test_a_place_that_is_no_folder(
    kind: str,
    tmp_path: Path,
    through_dials: AuthClient,
    service: LoginService,
    a_person_is_there: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "place"
    if kind == "dangling folder":
        place.symlink_to(tmp_path / "nothing")
    else:
        place.write_text("a file")
    if kind == "home":
        monkeypatch.setenv("HOME", str(place))
    named = {"home": None, "folder above": place / "a" / "b"}.get(kind, place)
    service.will(device_answer(), tokens())
    with pytest.warns(RuntimeWarning, match=r"you are logged in " + ALONE):
        creds = Credentials.from_creds_file(named, through_dials)
    assert sent(creds) == "Bearer access-1"


def test_no_home_folder_costs_no_login(through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.warns(
        RuntimeWarning, match=r"you are logged in for this process alone: .*HOME is not set.*CMSDIALS_"
    ):
        creds = log_in("1", None, through_dials)
    assert sent(creds) == "Bearer access-1"


def test_a_folder_that_is_gone(
    cache: Path, file: Path, through_dials: AuthClient, service: LoginService, clock: Clock
) -> None:
    """It may have been deleted to log out: what was in it does not come back."""
    creds = log_in("1", cache, through_dials)
    for one in cache.iterdir():
        one.unlink()
    cache.rmdir()
    with pytest.warns(
        RuntimeWarning, match=r"for this process alone: .*credentials.json is gone. Log in again"
    ) as caught:
        renew(creds, service, clock, "2", "3")
    assert len(caught) == 1
    assert not file.exists()


def test_an_application_that_cannot_be_kept(
    full: Callable[[str], None], cache: Path, file: Path, keycloak: AuthClient
) -> None:
    log_in("1", cache, keycloak)
    before = file.read_bytes()
    full("ENOSPC")
    with pytest.raises(TokenStoreError, match=r"cannot be written \(No space left on device\)"):
        client_credentials.Credentials("app", "app-secret", keycloak).keep_in(cache)
    assert file.read_bytes() == before


# --- places


WAYS = ["argument", "CMSDIALS_CACHE_DIR", "CMSDIALS_TOKEN_FILE"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "named", ["here", "./here", "down/../here", "here/", "~/home", "nested/here", "Übung €"]
)
@pytest.mark.parametrize("made", ["logged in", "found", "pickled"])
def test_a_place_stays_where_it_was_when_the_folder_changes(
    way: str,
    named: str,
    made: str,
    tmp_path: Path,
    empty_home: Path,
    service: LoginService,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = AuthClient("http://dials.test/", transport=service.transport, clock=clock, sleep=clock.sleep)
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "down").mkdir(parents=True)
    second.mkdir()
    monkeypatch.chdir(first)
    if way != "argument":
        monkeypatch.setenv(way, named)
    folder = named if way == "argument" else None
    creds = log_in("1", folder, client)
    if made == "found":
        creds = Credentials.from_creds_file(folder, client)
    elif made == "pickled":
        creds = Credentials.from_creds_file(folder, AuthClient("http://dials.test/"))
        creds = pickle.loads(pickle.dumps(creds))
        creds.client, creds._now = client, clock.now
    monkeypatch.chdir(second)
    clock.seconds += 2000
    service.will(tokens("2"))
    assert sent(creds) == "Bearer access-2"
    assert list(second.rglob("*")) == []
    monkeypatch.chdir(first)
    assert sent(Credentials.from_creds_file(folder, client)) == "Bearer access-2"
    (home,) = [empty_home] if named.startswith("~") else [first]
    assert [one for one in tmp_path.rglob("*") if "~" in one.parts] == []
    assert [one for one in home.rglob("*") if one.is_file() and one.suffix != ".lock"]


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("~nosuchuser/logins", r"~nosuchuser is the home folder of no user"),
        ("gone", r"gone(/credentials.json)? is below the current folder, which is gone"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_place_that_is_nowhere(
    way: str,
    named: str,
    problem: str,
    tmp_path: Path,
    through_dials: AuthClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if named == "gone":
        (tmp_path / "was").mkdir()
        monkeypatch.chdir(tmp_path / "was")
        (tmp_path / "was").rmdir()
    if way != "argument":
        monkeypatch.setenv(way, named)
    with pytest.raises(TokenStoreError, match=f"{problem}.*CMSDIALS_CACHE_DIR.*CMSDIALS_TOKEN_FILE"):
        Credentials.from_creds_file(named if way == "argument" else None, through_dials)
    monkeypatch.chdir(tmp_path)


# --- links


LINKS = ["absolute", "relative", "chain", "dangling", "dangling into a new folder", "through a linked folder"]


@pytest.mark.parametrize("way", ["argument", "CMSDIALS_TOKEN_FILE"])
@pytest.mark.parametrize("kind", LINKS)
def test_a_link_stays_a_link(
    kind: str,
    way: str,
    cache: Path,
    tmp_path: Path,
    through_dials: AuthClient,
    service: LoginService,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    target = elsewhere / ("new/deep/logins.json" if kind == "dangling into a new folder" else "logins.json")
    elsewhere.mkdir(0o755)
    cache.mkdir()
    link = cache / "credentials.json"
    if not kind.startswith("dangling"):
        log_in("0", elsewhere, through_dials)
        (elsewhere / "credentials.json").rename(target)
    links = [link]
    if kind == "relative":
        link.symlink_to("../elsewhere/logins.json")
    elif kind == "chain":
        links += [cache / "middle", elsewhere / "last"]
        link.symlink_to("middle")
        links[1].symlink_to("../elsewhere/last")
        links[2].symlink_to("logins.json")
    elif kind == "through a linked folder":
        (tmp_path / "linked").symlink_to(elsewhere)
        link.symlink_to("../linked/logins.json")
    else:
        link.symlink_to(target)
    if way == "CMSDIALS_TOKEN_FILE":
        monkeypatch.setenv(way, str(link))
    folder = cache if way == "argument" else None
    creds = log_in("1", folder, through_dials)
    clock.seconds += 2000
    service.will(tokens("2"))
    assert sent(creds) == "Bearer access-2"
    assert all(one.is_symlink() for one in links)
    assert not target.is_symlink()
    assert stored(target) == stored(link) == "access-2"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert {one.name for one in target.parent.iterdir()} - {"last", "new"} <= {
        "logins.json",
        "logins.json.lock",
        "credentials.json.lock",
    }


def test_a_link_to_another_file_system(
    cache: Path, through_dials: AuthClient, service: LoginService, clock: Clock
) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == cache.parent.stat().st_dev:
        pytest.skip("there is only one file system here")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        cache.mkdir()
        (cache / "credentials.json").symlink_to(Path(other) / "logins.json")
        creds = log_in("1", cache, through_dials)
        clock.seconds += 2000
        service.will(tokens("2"))
        sent(creds)
        assert (cache / "credentials.json").is_symlink()
        assert stored(Path(other) / "logins.json") == "access-2"


def test_two_links_to_one_file_share_its_lock(
    tmp_path: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmsdials.auth._store.LONGEST_WAIT", 0.1)
    for name in ("a", "b", "shared"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / name / "credentials.json").symlink_to("../shared/logins.json")
    log_in("1", tmp_path / "a", through_dials)
    with (tmp_path / "shared" / "logins.json.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for name in ("a", "b"):
            with pytest.warns(RuntimeWarning, match=r"another process has held .*shared/logins\.json\.lock"):
                log_in("2", tmp_path / name, through_dials)


def test_a_damaged_file_behind_a_link_is_renamed_there(
    cache: Path, tmp_path: Path, through_dials: AuthClient
) -> None:
    target = tmp_path / "logins.json"
    target.write_text("{")
    target.chmod(0o600)
    cache.mkdir()
    (cache / "credentials.json").symlink_to(target)
    with pytest.warns(RuntimeWarning, match=r"is damaged: it is now .*/logins\.json\.damaged"):
        log_in("1", cache, through_dials)
    assert (tmp_path / "logins.json.damaged").read_text() == "{"
    assert (cache / "credentials.json").is_symlink()
    assert stored(target) == "access-1"


@pytest.mark.parametrize("kind", ["another user's link", "a link of ours to another user's"])
def test_a_link_that_another_user_made_is_not_written_through(
    kind: str, cache: Path, tmp_path: Path, through_dials: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shared folder it could name any file of ours. It is replaced, as it always was."""
    log_in("0", tmp_path / "precious", through_dials)
    precious = tmp_path / "precious" / "credentials.json"
    before = precious.read_bytes()
    cache.mkdir()
    link, theirs = cache / "credentials.json", cache / "theirs"
    theirs.symlink_to(precious)
    link.symlink_to(theirs if kind.startswith("a link") else precious)
    if os.geteuid() == 0:
        os.lchown(theirs if kind.startswith("a link") else link, 12345, 12345)
    else:
        really = Path.lstat

        def lstat(path: Path) -> os.stat_result:
            found = list(really(path))
            if path == (theirs if kind.startswith("a link") else link):
                found[stat.ST_UID] = 12345
            return os.stat_result(found)

        monkeypatch.setattr(Path, "lstat", lstat)
    log_in("1", cache, through_dials)
    assert precious.read_bytes() == before
    assert not link.is_symlink()
    assert stored(link) == "access-1"


@pytest.mark.parametrize("kind", ["device", "folder", "loop"])
def test_a_link_to_something_that_is_no_file(
    kind: str, cache: Path, tmp_path: Path, through_dials: AuthClient
) -> None:
    cache.mkdir()
    link = cache / "credentials.json"
    link.symlink_to({"device": "/dev/null", "folder": tmp_path / "cache", "loop": link}[kind])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        creds = log_in("1", cache, through_dials)
    assert sent(creds) == "Bearer access-1"
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert not Path("/dev/null.damaged").exists()
    assert [f"{link} cannot be read (" in one for one in said(caught)] == [True]
    assert link.is_symlink()
