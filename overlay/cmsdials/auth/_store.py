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


@frozen
class LoginKey:
    """What a login is for: who issued it, to which application, for which (empty where the issuer knows none)."""

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
        """Return the store in a folder: the argument, else what the environment names, else the user's cache."""
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
        try:
            return Token.from_json(entry) if "access_token" in entry else None
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

    def holds(self, key: LoginKey) -> bool:
        """Whether there is anything for this login, usable or not."""
        return str(key) in self._entries()

    def take(self, key: LoginKey) -> Token | None:
        """Delete a login, and return its newest tokens, None if it has none."""
        with self.lock():
            token = self.token(key)
            self.change(key, None)
        return token

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store against other processes and threads; the thread that holds it may ask again."""
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only who changes the store needs it

        path = self.path.with_name(f"{self.path.name}.lock")
        locks: dict[Path, FileLock] = _own.__dict__.setdefault("locks", {})
        lock = locks.setdefault(path, FileLock(path, timeout=LONGEST_WAIT, mode=0o600))
        problem = f"the folder {self.path.parent} cannot be made"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            problem = f"{path} cannot be locked"
            lock.acquire()
        except Timeout:
            message = f"another process has held {path} for {LONGEST_WAIT:.0f} s"
            raise TokenStoreError(message) from None
        except (OSError, NotImplementedError) as error:  # the latter from filelock before 3.21
            message = f"{problem} ({getattr(error, 'strerror', None) or 'its file system has no locks'})"
            raise TokenStoreError(message) from None
        try:
            yield
        finally:
            lock.release()

    def change(self, key: LoginKey, content: Mapping[str, Any] | None) -> None:
        """Store the tokens of a person, or the secret of an application, in place of earlier ones; None deletes them."""
        with self.lock():
            entries = self._entries()
            if content is not None:
                entries[str(key)] = {**content, **asdict(key)}
            elif entries.pop(str(key), None) is None:
                return
            _replace(self.path, entries)

    def _entries(self) -> dict[str, _Entry]:
        content = _read(self.path)
        if content is None:
            return {}
        stored = _parsed(content)
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
        self._set_aside(content)
        return {}

    def _set_aside(self, content: bytes) -> None:
        damaged = self.path.with_name(f"{self.path.name}.damaged")
        done = f"it is now {damaged}"
        try:
            with self.lock():
                # Another process may have set it aside, and have logged in, since it was read.
                if self.path.read_bytes() == content:
                    self.path.replace(damaged)
        except FileNotFoundError:
            pass
        except (OSError, TokenStoreError):
            done = "it could not be set aside"
        warn(f"{self.path} is damaged: {done}; log in again if you are asked to")


_own = threading.local()
"""`locks`: those of this thread, by path."""


def legacy_token(folder: str | os.PathLike[str]) -> Token | None:
    """Read the file that cmsdials 1.8 and 2.4 left in a folder, and never change it.

    None if there is no such file, or it cannot be understood (which warns).
    """
    path = Path(folder) / "creds"
    try:
        content = _read(path)
        return None if content is None else Token.from_json(_parsed(content))
    except (TokenStoreError, ValueError):
        warn(f"{path}, left by an older cmsdials, cannot be used")
    return None


def _read(path: Path) -> bytes | None:
    """Read a file that holds secrets; None if there is none."""
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read()
    except FileNotFoundError:
        return None
    except OSError as problem:
        message = f"{path} cannot be read ({problem.strerror})"
        raise TokenStoreError(message) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        warn(f"{path} holds secrets, and others than you can read it: run `chmod 600 {path}`")
    return content


def _parsed(content: bytes) -> _Entry:
    """Read a JSON object; what is none is empty."""
    stored: object = None
    with contextlib.suppress(ValueError, RecursionError):  # a JSONDecodeError holds the whole text
        stored = json.loads(content)
    return stored if isinstance(stored, dict) else {}


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
