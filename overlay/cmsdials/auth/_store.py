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
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import define, field, frozen

from cmsdials.auth.models import Token
from cmsdials.errors import TokenStoreError
from cmsdials.redaction import Undisclosed

__all__ = ["CACHE_DIR", "TOKEN_FILE", "LoginKey", "TokenStore", "legacy_token"]

CACHE_DIR = "CMSDIALS_CACHE_DIR"
TOKEN_FILE = "CMSDIALS_TOKEN_FILE"  # noqa: S105  # the name of a variable
FILE_NAME = "credentials.json"
VERSION = 1
LONGEST_WAIT = 60.0
"""Seconds to wait for another process that is just renewing; it takes one or two."""

_Seen = tuple[int, int, int]
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
        if not cache_dir and os.environ.get(TOKEN_FILE):
            return cls(_expanded(os.environ[TOKEN_FILE]), "file")
        if cache_dir:
            return cls(_expanded(cache_dir) / FILE_NAME, "argument")
        folder = os.environ.get(CACHE_DIR)
        return cls((_expanded(folder) if folder else _users_folder()) / FILE_NAME)

    def token(self, key: LoginKey) -> Token | None:
        """Return the tokens of a login, None if there are none.

        Raises:
            TokenStoreError: The file cannot be read.
        """
        entry = self._entries().get(str(key))
        if entry is None or "access_token" not in entry:
            return None
        try:
            return Token.from_json(entry)
        except ValueError as problem:
            said = str(problem)
        warnings.warn(
            f"the login for {key} in {self.path} is not usable ({said}); log in again",
            RuntimeWarning,
            stacklevel=2,
        )
        return None

    def application_secret(self, key: LoginKey) -> Undisclosed | None:
        """Return the stored `client_secret` of an application, None if there is none. Raises as `token`."""
        entry = self._entries().get(str(key))
        return entry if entry is not None and isinstance(entry.get("client_secret"), str) else None

    def applications(self, place: LoginKey) -> list[LoginKey]:
        """Return the applications that are logged in at a place: those with its issuer and audience."""
        return [
            LoginKey(entry["issuer"], entry["client"], entry["audience"])
            for entry in self._entries().values()
            if entry.get("issuer") == place.issuer
            and entry.get("audience") == place.audience
            and isinstance(entry.get("client"), str)
            and isinstance(entry.get("client_secret"), str)
        ]

    def contents(self) -> str:
        """Say what is there, in words that hold no secret. Raises as `token`."""
        if not self.path.exists():
            return "there is no such file"
        names = sorted(self._entries())
        return f"it holds logins for {', '.join(names)}" if names else "it holds no login"

    def keep(self, key: LoginKey, token: Token) -> None:
        """Store the tokens of a login in place of earlier ones.

        Raises:
            TokenStoreError: The file cannot be written.
        """
        self._change(key, Undisclosed(token.as_json()))

    def keep_application(self, key: LoginKey, secret: Undisclosed) -> None:
        """Store the `client_secret` of an application. Raises as `keep`."""
        self._change(key, secret)

    def holds(self, key: LoginKey) -> bool:
        """Whether there is anything for this login, usable or not. Raises as `token`."""
        return str(key) in self._entries()

    def forget(self, key: LoginKey) -> None:
        """Delete a login, if there is one. Raises as `keep`."""
        if self.holds(key):
            self._change(key, None)

    def take(self, key: LoginKey) -> Token | None:
        """Delete a login and return its newest tokens, None if it has none. Raises as `keep`."""
        with self.lock():
            token = self.token(key)
            self.forget(key)
        return token

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store against other processes and threads; the thread that holds it may ask again.

        Raises:
            TokenStoreError: The folder cannot be made, or another process holds the store for too long.
        """
        path = self.path.with_name(f"{self.path.name}.lock")
        held: set[Path] = _held.__dict__.setdefault("paths", set())
        if path in held:
            yield
            return
        with self._locked(path):
            held.add(path)
            try:
                yield
            finally:
                held.discard(path)

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only who changes the store needs it

        self._make_folder()
        lock = FileLock(path, timeout=LONGEST_WAIT, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            message = f"another process has held {path} for {LONGEST_WAIT:.0f} s"
        except OSError as problem:
            message = f"{path} cannot be locked ({problem.strerror})"
        except NotImplementedError:  # from filelock before 3.21
            message = f"{path} cannot be locked (its file system has no locks)"
        else:
            try:
                yield
            finally:
                lock.release()
            return
        raise TokenStoreError(message)

    def _change(self, key: LoginKey, content: Mapping[str, Any] | None) -> None:
        with self.lock():
            problem = self._rewrite(key, content)
        if problem:
            message = f"{self.path} cannot be written ({problem})"
            raise TokenStoreError(message)

    def _rewrite(self, key: LoginKey, content: Mapping[str, Any] | None) -> str:
        """Write the file with one entry changed; return what went wrong."""
        entries = self._entries()
        entries.pop(str(key), None)
        if content is not None:
            named = {"issuer": key.issuer, "client": key.client, "audience": key.audience}
            entries[str(key)] = Undisclosed({**content, **named})
        return _replace(self.path, entries)

    def _entries(self) -> dict[str, Undisclosed]:
        """Read the file. Its secrets are in no local variable when something is said of it."""
        found = _read(self.path)
        if found is None:
            return {}
        stored, seen = found
        logins = stored.get("logins")
        if isinstance(logins, Mapping):
            if stored.get("version") == VERSION:
                return {name: Undisclosed(entry) for name, entry in logins.items() if isinstance(entry, dict)}
            del logins
            message = f"{self.path} was written by another version of cmsdials"
            advice = f"Update cmsdials, or name another folder in {CACHE_DIR}, and log in there."
            raise TokenStoreError(message, advice=advice)
        del logins
        if self.named_by == "file":
            message = f"{self.path}, which {TOKEN_FILE} names, is no file that `cmsdials login` wrote"
            raise TokenStoreError(message, advice="Name a copy of the file that `cmsdials login` tells of.")
        self._set_aside(seen)
        return {}

    def _set_aside(self, seen: _Seen) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged")
        done = f"it is now {aside}"
        try:
            with self.lock():
                # Another process may have set it aside, and have logged in, since it was read.
                if _identity(self.path.stat()) == seen:
                    self.path.replace(aside)
        except FileNotFoundError:
            pass
        except (OSError, TokenStoreError):
            done = "it could not be set aside"
        warnings.warn(
            f"{self.path} is damaged: {done}; log in again if you are asked to", RuntimeWarning, stacklevel=4
        )

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
        except OSError as problem:
            message = f"the folder {self.path.parent} cannot be made ({problem.strerror})"
        raise TokenStoreError(message)


_held = threading.local()
"""`paths`: the locks that this thread holds."""


def _users_folder() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415  # only who logs in needs it

    try:
        folder = user_cache_path("cmsdials")
    except RuntimeError:
        raise _homeless() from None
    return _expanded(folder)


def _expanded(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise _homeless() from None


def _homeless() -> TokenStoreError:
    message = "there is no place to keep logins: HOME is not set, and this user has no home folder"
    return TokenStoreError(message, advice=f"Name a folder in {CACHE_DIR}, or a file in {TOKEN_FILE}.")


def _identity(status: os.stat_result) -> _Seen:
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _read(path: Path) -> tuple[Undisclosed, _Seen] | None:
    """Read a JSON object, and which file it was; None if there is no file. What is no object is empty.

    Raises:
        TokenStoreError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            _warn_if_others_can_read(path, status)
            stored = _parsed(file.read())
    except FileNotFoundError:
        return None
    except OSError as problem:
        message = f"{path} cannot be read ({problem.strerror})"
    else:
        return stored, _identity(status)
    raise TokenStoreError(message)


def _parsed(content: bytes) -> Undisclosed:
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError):
        return Undisclosed({})
    return Undisclosed(stored if isinstance(stored, dict) else {})


def _replace(path: Path, entries: Mapping[str, Undisclosed]) -> str:
    """Put a new file, readable by its owner alone, in the place of another; return what went wrong."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "logins": entries}, file, indent=2, default=dict)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        return problem.strerror or type(problem).__name__
    return ""


def legacy_token(folder: str | os.PathLike[str]) -> Token | None:
    """Read the file that cmsdials 1.8 and 2.4 left in a folder. It is never changed.

    Returns:
        The tokens; None if there is no such file, or it cannot be understood (which warns).
    """
    path = Path(folder) / "creds"
    try:
        found = _read(path)
        if found is None:
            return None
        return Token.from_json(found[0])
    except (TokenStoreError, ValueError):
        pass
    warnings.warn(f"{path}, left by an older cmsdials, cannot be used", RuntimeWarning, stacklevel=2)
    return None


def _warn_if_others_can_read(path: Path, status: os.stat_result) -> None:
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        warnings.warn(
            f"{path} holds secrets, and others than you can read it: run `chmod 600 {path}`",
            RuntimeWarning,
            stacklevel=4,
        )
