"""Where logins are kept: one file for all, readable by its owner alone.

The file `credentials.json` stands in the user's cache folder (`CMSDIALS_CACHE_DIR`, or the argument `cache_dir`,
name another). It holds an entry for each (issuer, client, audience). It is replaced as a whole, so readers need no
lock; who changes it holds `lock()`, which works between processes. A file that cannot be understood is set aside,
with a warning, and not lost; a file that the user names (`CMSDIALS_TOKEN_FILE`) is left where it is.

On AFS the access list of the folder says who can read the file, whatever its mode.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import asdict, define, field, frozen

from cmsdials.auth.models import Token
from cmsdials.errors import TokenStoreError
from cmsdials.runtime.console import warn

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["CACHE_DIR", "TOKEN_FILE", "LoginKey", "TokenStore", "legacy_token"]

CACHE_DIR = "CMSDIALS_CACHE_DIR"
TOKEN_FILE = "CMSDIALS_TOKEN_FILE"  # noqa: S105  # the name of a variable
FILE_NAME = "credentials.json"
VERSION = 1
LONGEST_WAIT = 60.0
"""Seconds to wait for another process that is just renewing; it takes one or two."""

_Entry = dict[str, Any]
_Identity = tuple[int, int, int]
"""Which file was read, and when it was written: device, inode, nanoseconds."""


@frozen
class LoginKey:
    """What a login is for.

    Attributes:
        issuer: Address of the service that issued it.
        client: The application that the person, or the application itself, logged in with.
        audience: The application that the tokens are for; empty where the issuer knows none.
    """

    issuer: str
    client: str
    audience: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.issuer, self.client, self.audience) if part)


@define
class TokenStore:
    """The file that holds logins. Nothing is read or made before it is needed.

    Every method raises TokenStoreError if the file cannot be read or written.

    Attributes:
        path: The file.
        named_by: How the user named it: by the argument `cache_dir`, or as the file in CMSDIALS_TOKEN_FILE, which may
            be none of ours and is never moved; None for the usual folder.
    """

    path: Path = field(converter=Path)
    named_by: Literal["argument", "file"] | None = None

    @classmethod
    def at(cls, cache_dir: str | os.PathLike[str] | None = None) -> TokenStore:
        """Return the store in a folder: the argument, else what the environment names, else the user's cache.

        Raises:
            TokenStoreError: The user has no home folder, and nothing else is named.
        """
        from platformdirs import user_cache_path  # noqa: PLC0415  # only who logs in needs it

        try:
            if cache_dir:
                return cls(Path(cache_dir).expanduser() / FILE_NAME, "argument")
            if os.environ.get(TOKEN_FILE):
                return cls(Path(os.environ[TOKEN_FILE]).expanduser(), "file")
            folder = os.environ.get(CACHE_DIR) or user_cache_path("cmsdials")
            return cls(Path(folder).expanduser() / FILE_NAME)
        except RuntimeError:  # from pathlib
            message = "there is no place to keep logins: HOME is not set, and this user has no home folder"
            advice = f"Name a folder in {CACHE_DIR}, or a file in {TOKEN_FILE}."
            raise TokenStoreError(message, advice=advice) from None

    def token(self, key: LoginKey) -> Token | None:
        """Return the tokens of a login, None if there are none."""
        entry = self._entries().get(str(key), {})
        if "access_token" not in entry:
            return None
        try:
            return Token.from_json(entry)
        except ValueError as problem:
            warn(f"the login for {key} in {self.path} is not usable ({problem}); log in again")
        return None

    def applications(self, place: LoginKey) -> dict[LoginKey, str]:
        """Return the secrets of the applications that are logged in at a place: with its issuer and audience."""
        return {
            LoginKey(entry["issuer"], entry["client"], entry["audience"]): entry["client_secret"]
            for entry in self._entries().values()
            if entry.get("issuer") == place.issuer
            and entry.get("audience") == place.audience
            and isinstance(entry.get("client"), str)
            and isinstance(entry.get("client_secret"), str)
        }

    def contents(self) -> str:
        """Say what is there, in words that hold no secret."""
        if not self.path.exists():
            return "there is no such file"
        names = sorted(self._entries())
        return f"it holds logins for {', '.join(names)}" if names else "it holds no login"

    def keep(self, key: LoginKey, token: Token) -> None:
        """Store the tokens of a login in place of earlier ones."""
        self._change(key, token.as_json())

    def keep_application(self, key: LoginKey, client_secret: str) -> None:
        """Store the secret of an application."""
        self._change(key, {"client_secret": client_secret})

    def holds(self, key: LoginKey) -> bool:
        """Whether there is anything for this login, usable or not."""
        return str(key) in self._entries()

    def take(self, key: LoginKey) -> Token | None:
        """Delete a login, and return its newest tokens, None if it has none."""
        with self.lock():
            token = self.token(key)
            self._change(key, None)
        return token

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store against other processes and threads; the thread that holds it may ask again.

        Raises:
            TokenStoreError: The folder cannot be made, or another process holds the store for too long.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only who changes the store needs it

        path = self.path.with_name(f"{self.path.name}.lock")
        locks: dict[Path, FileLock] = _own.__dict__.setdefault("locks", {})
        lock = locks.setdefault(path, FileLock(path, timeout=LONGEST_WAIT, mode=0o600))
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"the folder {self.path.parent} cannot be made ({error.strerror})"
            raise TokenStoreError(message) from None
        try:
            lock.acquire()
        except Timeout:
            message = f"another process has held {path} for {LONGEST_WAIT:.0f} s"
            raise TokenStoreError(message) from None
        except (OSError, NotImplementedError) as error:  # the latter from filelock before 3.21
            reason = getattr(error, "strerror", None) or "its file system has no locks"
            message = f"{path} cannot be locked ({reason})"
            raise TokenStoreError(message) from None
        try:
            yield
        finally:
            lock.release()

    def _change(self, key: LoginKey, content: Mapping[str, Any] | None) -> None:
        with self.lock():
            entries = self._entries()
            if content is not None:
                entries[str(key)] = {**content, **asdict(key)}
            elif entries.pop(str(key), None) is None:
                return
            _replace(self.path, entries)

    def _entries(self) -> dict[str, _Entry]:
        found = _read(self.path)
        if found is None:
            return {}
        stored, identity = found
        logins = stored.get("logins")
        if isinstance(logins, dict):
            if stored.get("version") == VERSION:
                return {name: entry for name, entry in logins.items() if isinstance(entry, dict)}
            message = f"{self.path} was written by another version of cmsdials"
            advice = f"Update cmsdials, or name another folder in {CACHE_DIR}, and log in there."
            raise TokenStoreError(message, advice=advice)
        if self.named_by == "file":
            message = f"{self.path}, which {TOKEN_FILE} names, is not a file that `cmsdials login` wrote"
            raise TokenStoreError(message, advice="Name a copy of the file that `cmsdials login` names.")
        self._set_aside(identity)
        return {}

    def _set_aside(self, identity: _Identity) -> None:
        damaged = self.path.with_name(f"{self.path.name}.damaged")
        done = f"it is now {damaged}"
        try:
            with self.lock():
                # Another process may have set it aside, and have logged in, since it was read.
                if _identity(self.path.stat()) == identity:
                    self.path.replace(damaged)
        except FileNotFoundError:
            pass
        except (OSError, TokenStoreError):
            done = "it could not be set aside"
        warn(f"{self.path} is damaged: {done}; log in again if you are asked to")


_own = threading.local()
"""`locks`: those of this thread, by path."""


def legacy_token(folder: str | os.PathLike[str]) -> Token | None:
    """Read the file that cmsdials 1.8 and 2.4 left in a folder. It is never changed.

    Returns:
        The tokens; None if there is no such file, or it cannot be understood (which warns).
    """
    path = Path(folder) / "creds"
    try:
        found = _read(path)
        return None if found is None else Token.from_json(found[0])
    except (TokenStoreError, ValueError):
        warn(f"{path}, left by an older cmsdials, cannot be used")
    return None


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _read(path: Path) -> tuple[_Entry, _Identity] | None:
    """Read a JSON object, and which file it was; None if there is no file. What is not an object is empty."""
    try:
        with path.open("rb") as file:
            status, content = os.fstat(file.fileno()), file.read()
    except FileNotFoundError:
        return None
    except OSError as problem:
        message = f"{path} cannot be read ({problem.strerror})"
        raise TokenStoreError(message) from None
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        warn(f"{path} holds secrets, and others than you can read it: run `chmod 600 {path}`")
    stored: object = None
    with contextlib.suppress(ValueError, RecursionError):  # a JSONDecodeError holds the whole text
        stored = json.loads(content)
    return stored if isinstance(stored, dict) else {}, _identity(status)


def _replace(path: Path, entries: Mapping[str, _Entry]) -> None:
    """Put a new file, readable by its owner alone, in the place of another."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "logins": entries}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        message = f"{path} cannot be written ({problem.strerror or type(problem).__name__})"
        raise TokenStoreError(message) from None
