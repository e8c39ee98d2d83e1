"""Where logins are kept: one file for all, readable only by its owner.

The file `credentials.json` is in the user's cache folder, or in the one that `CMSDIALS_CACHE_DIR` or the argument
`cache_dir` names. It holds an entry for each (issuer, client, audience). It is replaced as a whole, so readers need no
lock; writers hold `lock()`, which works across processes, where the file system has locks. A damaged file is renamed,
with a warning, and not lost; a file that the user names (`CMSDIALS_TOKEN_FILE`) is left where it is. What is no file, or
larger than logins are, is neither read nor moved.

A file or folder that others can read, change or replace is warned of, and not refused: mounted disks have owners and
modes that mean nothing. On AFS the access list of the folder says who can do what.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import asdict, define, field, frozen

from cmsdials.auth.models import Token
from cmsdials.errors import TokenStoreError
from cmsdials.instances import one_name
from cmsdials.redaction import shortened
from cmsdials.runtime.background import load
from cmsdials.runtime.cache import CACHE_DIR, cache_folder
from cmsdials.runtime.console import warn

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["CACHE_DIR", "TOKEN_FILE", "LoginKey", "TokenStore", "legacy_token"]

TOKEN_FILE = "CMSDIALS_TOKEN_FILE"  # noqa: S105  # the name of a variable
FILE_NAME = "credentials.json"
VERSION = 1
LONGEST_WAIT = 60.0
"""Seconds to wait for another process that is renewing a login, which takes one or two."""
MOST_LINKS = 40
"""Symbolic links that may follow each other, as in Linux."""
ROOM = 8192
"""Characters that a login may take in the file."""
LARGEST = 1_000_000
"""Bytes that the file may have: a hundred logins."""
NO_HOME = "HOME is not set, and this user has no home folder"

_Entry = dict[str, Any]


@frozen
class LoginKey:
    """What identifies a login: its issuer, its application, and its audience (empty if the issuer has none)."""

    issuer: str = field(converter=one_name)
    client: str
    audience: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.issuer, self.client, self.audience) if part)


def _place(path: str | os.PathLike[str]) -> Path:
    """Return the whole path of a place: it stays the same when the process changes its folder."""
    named = Path(path)
    try:
        if b"\0" in os.fsencode(named):
            raise _no_name(path)
        return named.expanduser().absolute()
    except UnicodeEncodeError:
        raise _no_name(path) from None
    except RuntimeError:
        whose = named.parts[0]
        raise _nowhere(NO_HOME if whose == "~" else f"{whose} is the home folder of no user") from None
    except OSError:
        problem = f"{named} is below the current folder, which is gone"
        raise _nowhere(problem) from None


def _no_name(named: object) -> TokenStoreError:
    return _nowhere(f"no folder and no file can be called {shortened(repr(named), 100)}")


def _nowhere(problem: str) -> TokenStoreError:
    advice = f"Name a folder in {CACHE_DIR}, or a file in {TOKEN_FILE}, by its whole path."
    return TokenStoreError(f"there is no place to keep logins: {problem}", advice=advice)


@define
class TokenStore:
    """The file that holds logins. Nothing is read or created before it is needed.

    Every method raises TokenStoreError if the file cannot be read or written. A symbolic link stays one: what it names is
    read and written.

    Attributes:
        path: The file.
        named_by: How the user named it: by the argument `cache_dir`, or as the file in CMSDIALS_TOKEN_FILE, which may
            not be one of ours and is never moved; None for the usual folder.
    """

    path: Path = field(converter=_place)
    named_by: Literal["argument", "file"] | None = None

    @classmethod
    def at(cls, cache_dir: str | os.PathLike[str] | None = None) -> TokenStore:
        """Return the store in a folder: the argument, else what the environment names, else the user's cache."""
        if cache_dir:
            if not isinstance(cache_dir, str | os.PathLike):
                raise _no_name(cache_dir)
            return cls(Path(cache_dir) / FILE_NAME, "argument")
        if os.environ.get(TOKEN_FILE):
            return cls(Path(os.environ[TOKEN_FILE]), "file")
        try:
            folder = cache_folder()
        except RuntimeError:  # from newer platformdirs; earlier ones leave the ~
            raise _nowhere(NO_HOME) from None
        return cls(folder / FILE_NAME)

    def token(self, key: LoginKey) -> Token | None:
        """Return the tokens of a login, None if there are none."""
        entry = self._entries().get(str(key), {})
        try:
            return Token.from_json(entry) if "access_token" in entry else None
        except ValueError as problem:
            warn(f"the login for {key} in {self.path} is not usable ({problem}); log in again")
        return None

    def applications(self, place: LoginKey) -> dict[LoginKey, str]:
        """Return the secrets of the applications that are logged in with the issuer and audience of `place`."""
        found: dict[LoginKey, str] = {}
        for entry in self._entries().values():
            issuer, client, audience, secret = map(
                entry.get, ("issuer", "client", "audience", "client_secret")
            )
            if isinstance(issuer, str) and isinstance(client, str) and isinstance(secret, str):
                key = LoginKey(issuer, client, place.audience)
                if (key.issuer, audience) == (place.issuer, place.audience):
                    found[key] = secret
        return found

    def contents(self) -> str:
        """Describe the contents, without secrets."""
        if not self.path.exists():
            return "there is no such file"
        names = sorted(self._entries())
        return f"it holds logins for {', '.join(names)}" if names else "it holds no login"

    def holds(self, key: LoginKey) -> bool:
        """Whether there is anything for this login, usable or not."""
        return str(key) in self._entries()

    def take(self, key: LoginKey) -> tuple[Token | None, TokenStoreError | None]:
        """Delete a login; return its newest tokens, None if it has none, and the error if it could not be deleted."""
        with self.lock():
            token = self.token(key)
            try:
                self.change(key, None)
            except TokenStoreError as problem:
                return token, problem
        return token, None

    @contextlib.contextmanager
    def lock(self) -> Iterator[str]:
        """Lock the store against other processes and threads; the thread that holds the lock may take it again.

        The value is why there is no lock, if the file system refuses one: nothing is waited for then. It is empty if
        there is one.
        """
        load("filelock")
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only changes need it

        target = _target(self.path)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise _failure(target.parent, "cannot be made", problem) from None
        path = target.with_name(f"{target.name}.lock")
        locks: dict[Path, FileLock] = _own.__dict__.setdefault("locks", {})
        # Not a lock by the mere existence of a file: one that a killed process left would be waited for.
        made = FileLock(path, timeout=LONGEST_WAIT, mode=0o600, fallback_to_soft=False)
        lock = locks.setdefault(path, made)
        refused = ""
        try:
            lock.acquire()
        except Timeout:
            message = f"another process has held {path} for {LONGEST_WAIT:.0f} s"
            with contextlib.suppress(OSError):
                message += ", which belongs to another user" if _is_foreign(path.stat(), path) else ""
            held = TokenStoreError(message, advice="Try again when it has ended, or end it.")
            held.errno = errno.ETIMEDOUT
            raise held from None
        except (OSError, RuntimeError) as problem:
            # A RuntimeError if the system has no locks, or the last one could not be released.
            reason = getattr(problem, "strerror", None) or "its file system has no locks"
            refused = f"{path} cannot be locked ({reason})"
        try:
            yield refused
        finally:
            if not refused:
                with contextlib.suppress(OSError):
                    lock.release()

    def change(self, key: LoginKey, content: Mapping[str, Any] | None) -> None:
        """Store the tokens of a person, or the secret of an application, in place of earlier ones; None deletes them.

        Warns, once in a process for each folder, if the file system has no locks.
        """
        with self.lock() as refused:
            entries = self._entries()
            if content is not None:
                entries[str(key)] = {**content, **asdict(key)}
            elif entries.pop(str(key), None) is None:
                return
            target = _target(self.path)
            with _new_file(target, entries, target.parent) as new:
                new.replace(target)
            self._look_at_folders()
        if refused:
            _warn_once(self.path.parent, refused)

    def check(self) -> None:
        """Find out whether a login could be stored. Nothing is left behind."""
        self._entries()
        target = _target(self.path)
        try:
            folder = next(one for one in target.parents if one.exists())
        except OSError as problem:
            raise _failure(target, "cannot be written", problem) from None
        with _new_file(target, {"": {"room": "x" * ROOM}}, folder):
            pass

    def _entries(self) -> dict[str, _Entry]:
        content = _read(self.path)
        if content is None:
            return {}
        self._look_at_folders()
        stored = _parsed(content)
        logins = stored.get("logins")
        if isinstance(logins, dict):
            if stored.get("version") == VERSION:
                return _by_one_name(logins)
            message = f"{self.path} was written by another version of cmsdials"
            advice = f"Update cmsdials, or name another folder in {CACHE_DIR}, and log in there."
            raise TokenStoreError(message, advice=advice)
        if self.named_by == "file":
            message = f"{self.path}, which {TOKEN_FILE} names, is not a file that `cmsdials login` wrote"
            raise TokenStoreError(message, advice="Name a copy of the file that `cmsdials login` names.")
        self._set_aside(content)
        return {}

    def _look_at_folders(self) -> None:
        for folder in {self.path.parent, _target(self.path).parent}:
            _look_at_folder(folder)

    def _set_aside(self, content: bytes) -> None:
        target = _target(self.path)
        damaged = target.with_name(f"{target.name}.damaged")
        done = f"it is now {damaged}"
        try:
            with self.lock():
                # Another process may have renamed it, and logged in, since it was read.
                if _content(target)[0] == content:
                    target.replace(damaged)
        except FileNotFoundError:
            pass
        except (OSError, TokenStoreError):
            done = "it could not be renamed"
        warn(f"{self.path} is damaged: {done}; log in again if you are asked to")


_own = threading.local()
"""`locks`: those of this thread, by path."""
_warned: dict[str, object] = {}
"""Folders whose file system has no locks."""


def _warn_once(folder: Path, refused: str) -> None:
    mine = object()
    if _warned.setdefault(str(folder), mine) is mine:  # for one thread only
        warn(
            f"{refused}: the login is kept without a lock. Two programs that renew it at the same moment may both be"
            f" logged out. If you run several at a time, name a folder on another file system in {CACHE_DIR}, or a file"
            f" there in {TOKEN_FILE}."
        )


def _by_one_name(logins: Mapping[str, Any]) -> dict[str, _Entry]:
    """Return the entries; of those that earlier versions kept for several names of this machine the newest."""
    found: dict[str, _Entry] = {}
    for key, entry in logins.items():
        issuer, *rest = key.split(" ")
        name = " ".join([one_name(issuer), *rest])
        if isinstance(entry, dict) and (name not in found or _end(found[name]) < _end(entry)):
            found[name] = entry
    return found


def _end(entry: _Entry) -> str:
    return str(entry.get("expires_at", ""))


def legacy_token(folder: str | os.PathLike[str]) -> Token | None:
    """Read the file that cmsdials 1.8 and 2.4 left in a folder; it is never changed.

    None if there is no such file or, with a warning, if it cannot be read.
    """
    path = _place(Path(folder) / "creds")
    try:
        content = _read(path, is_named=False)
        return None if content is None else Token.from_json(_parsed(content))
    except TokenStoreError as problem:
        warn(f"{problem.message}; an older cmsdials left it, and it cannot be used")
    except ValueError:
        warn(f"{path}, left by an older cmsdials, cannot be used")
    return None


def _read(path: Path, *, is_named: bool = True) -> bytes | None:
    """Read a file that holds secrets; None if there is none.

    Another user's file is read where the user `is_named` its place, and not where it happened to be in the current folder.
    """
    try:
        content, found = _content(path)
        if _is_foreign(found, path):
            if not is_named:
                raise PermissionError(errno.EPERM, "it belongs to another user")
            warn(
                f"{path} belongs to another user, who can change the login that it holds: copy it to a folder of yours"
            )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise _failure(path, "cannot be read", problem) from None
    mode = stat.S_IMODE(found.st_mode)
    if os.name == "posix" and mode & 0o077:
        what = "read and change" if mode & 0o022 else "read"
        warn(f"{path} holds secrets, and others can {what} it: run `chmod 600 {shlex.quote(str(path))}`")
    return content


def _content(path: Path) -> tuple[bytes, os.stat_result]:
    """Read a file, and what the system knows of it. What is no file is not waited for; what is too large, is not read."""
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, and no file: copy what it gives into one")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST} bytes, so it is no file of logins")
    return content, found


def _is_foreign(found: os.stat_result, path: Path) -> bool:
    """Whether something belongs to another user, as far as its file system knows users."""
    return found.st_uid not in _trusted() and not _is_on_afs(path)


def _trusted() -> set[int]:
    """Return the numbers of the users whose files and links are as good as ours: root, and who became root with sudo."""
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    before = os.environ.get("SUDO_UID", "")
    return {0, user, int(before) if user == 0 and before.isdecimal() else 0}


def _is_on_afs(path: Path) -> bool:
    """Whether owners and modes mean nothing, as on AFS: its users have other numbers, and its access lists decide."""
    return os.path.realpath(path).startswith("/afs/")


def _look_at_folder(folder: Path) -> None:
    """Warn of a folder in which others could put a login of theirs in place of ours."""
    with contextlib.suppress(OSError):
        found = folder.stat()
        other = f"name a folder of yours in {CACHE_DIR}, or a file there in {TOKEN_FILE}"
        if _is_foreign(found, folder):
            warn(f"logins are kept in {folder}, which belongs to another user, who can replace them: {other}")
        elif (
            os.name == "posix"
            and found.st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH
            and not _is_on_afs(folder)
        ):
            command = f"chmod go-w {shlex.quote(str(folder))}"
            warn(
                f"logins are kept in {folder}, where everybody can replace them: run `{command}`, or {other}"
            )


def _parsed(content: bytes) -> _Entry:
    """Read a JSON object; anything else counts as an empty one."""
    stored: object = None
    with contextlib.suppress(ValueError, RecursionError):  # a JSONDecodeError holds the whole text
        stored = json.loads(content)
    return stored if isinstance(stored, dict) else {}


def _target(path: Path) -> Path:
    """Return the file that a symbolic link names, there or not, if the link is ours or root's; else the path itself.

    A link that another user made, in a shared folder, may name any file of ours: it is not written through. Nor is one
    to a device or a folder.
    """
    trusted = _trusted()
    target = path
    with contextlib.suppress(OSError):
        for _ in range(MOST_LINKS):
            if not target.is_symlink():
                return target if target.is_file() or not target.exists() else path
            if target.lstat().st_uid not in trusted:
                break
            target = target.parent / target.readlink()
    return path


@contextlib.contextmanager
def _new_file(path: Path, entries: Mapping[str, _Entry], folder: Path) -> Iterator[Path]:
    """Write what shall replace a file, readable only by its owner; it is removed if it has not replaced it."""
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}-")  # made with 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "logins": entries}, file, indent=2)
                file.flush()
                if file.tell() > LARGEST:
                    raise OSError(errno.EFBIG, f"it would have more than {LARGEST} bytes")
                os.fsync(file.fileno())
            yield Path(name)
        finally:
            with contextlib.suppress(OSError):
                Path(name).unlink()
    except OSError as problem:
        raise _failure(path, "cannot be written", problem) from None


def _failure(path: Path, what: str, problem: OSError) -> TokenStoreError:
    error = TokenStoreError(f"{path} {what} ({problem.strerror or type(problem).__name__})")
    error.errno = problem.errno
    return error
