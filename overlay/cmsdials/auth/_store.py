"""Where logins are kept: one file for all, readable by its owner alone.

The file `credentials.json` stands in the user's cache folder (`CMSDIALS_CACHE_DIR`, or the argument `cache_dir`,
name another). It holds an entry for each (issuer, client, audience). It is replaced as a whole, so readers need no
lock; who changes it holds `lock()`, which works between processes. A file that cannot be understood is set aside,
with a warning, and not lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from cmsdials.auth.models import Token
from cmsdials.errors import TokenStoreError
from cmsdials.undisclosed import Undisclosed

__all__ = ["CACHE_DIR", "TOKEN_FILE", "LoginKey", "TokenStore", "legacy_token"]

CACHE_DIR = "CMSDIALS_CACHE_DIR"
TOKEN_FILE = "CMSDIALS_TOKEN_FILE"  # noqa: S105  # the name of a variable
FILE_NAME = "credentials.json"
VERSION = 1
LONGEST_WAIT = 60.0
"""Seconds to wait for another process that is just renewing; it takes one or two."""


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
    """

    path: Path = field(converter=Path)

    @classmethod
    def at(cls, cache_dir: str | os.PathLike[str] | None = None) -> TokenStore:
        """Return the store in a folder: the argument, else what the environment names, else the user's cache."""
        if cache_dir is None and os.environ.get(TOKEN_FILE):
            return cls(Path(os.environ[TOKEN_FILE]).expanduser())
        folder = cache_dir or os.environ.get(CACHE_DIR)
        if folder is None:
            from platformdirs import user_cache_path  # noqa: PLC0415  # only who logs in needs it

            folder = user_cache_path("cmsdials")
        return cls(Path(folder).expanduser() / FILE_NAME)

    def token(self, key: LoginKey) -> Token | None:
        """Return the tokens of a login, None if there are none."""
        entry = self._entries().get(str(key))
        if entry is None or "access_token" not in entry:
            return None
        try:
            return Token.from_json(entry)
        except ValueError as problem:
            warnings.warn(
                f"the login for {key} in {self.path} is not usable ({problem}); log in again",
                RuntimeWarning,
                stacklevel=2,
            )
            return None

    def application_secret(self, key: LoginKey) -> str | None:
        """Return the stored secret of an application, None if there is none."""
        secret = self._entries().get(str(key), {}).get("client_secret")
        return secret if isinstance(secret, str) else None

    def applications(self, place: LoginKey) -> list[LoginKey]:
        """Return the applications that are logged in at a place: those with its issuer and audience."""
        return [
            LoginKey(entry["issuer"], entry["client"], entry["audience"])
            for entry in self._entries().values()
            if entry.get("issuer") == place.issuer
            and entry.get("audience") == place.audience
            and isinstance(entry.get("client_secret"), str)
        ]

    def keep(self, key: LoginKey, token: Token) -> None:
        """Store the tokens of a login in place of earlier ones.

        Raises:
            TokenStoreError: The file cannot be written.
        """
        self._change(key, Undisclosed(token.as_json()))

    def keep_application(self, key: LoginKey, client_secret: str) -> None:
        """Store the secret of an application. Raises as `keep`."""
        content = Undisclosed({"client_secret": client_secret})
        del client_secret
        self._change(key, content)

    def forget(self, key: LoginKey) -> None:
        """Delete a login, if there is one. Raises as `keep`."""
        if str(key) in self._entries():
            self._change(key, None)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store against other processes (and threads); may be held twice by the same thread.

        Raises:
            TokenStoreError: The folder cannot be made, or another process holds the store for too long.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  # only who changes the store needs it

        self._make_folder()
        lock_path = self.path.with_name(f"{self.path.name}.lock")
        lock = FileLock(lock_path, timeout=LONGEST_WAIT, mode=0o600, is_singleton=True)
        try:
            lock.acquire()
        except Timeout:
            message = f"another process has held {lock_path} for {LONGEST_WAIT:.0f} s"
        except OSError as problem:
            message = f"{lock_path} cannot be locked ({problem.strerror})"
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
            entries[str(key)] = named | dict(content)
        return _replace(self.path, json.dumps({"version": VERSION, "logins": entries}, indent=2))

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            text = ""
        except OSError as problem:
            message = f"{self.path} cannot be read ({problem.strerror})"
            raise TokenStoreError(message) from None
        _warn_if_others_can_read(self.path)
        try:
            stored = json.loads(text)
        except ValueError:
            stored = None
        del text
        if not isinstance(stored, dict) or not isinstance(stored.get("logins"), dict):
            del stored
            self._set_aside("is damaged")
            return {}
        if stored.get("version") == VERSION:
            return {name: entry for name, entry in stored["logins"].items() if isinstance(entry, dict)}
        del stored  # an error would carry it along
        message = f"{self.path} was written by another version of cmsdials"
        advice = f"Update cmsdials, or name another folder in {CACHE_DIR}, and log in there."
        raise TokenStoreError(message, advice=advice)

    def _set_aside(self, problem: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged")
        try:
            self.path.replace(aside)
            done = f"it is now {aside}"
        except OSError:
            done = "it could not be set aside"
        warnings.warn(
            f"{self.path} {problem}: {done}; log in again if you are asked to", RuntimeWarning, stacklevel=4
        )

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            message = f"the folder {self.path.parent} cannot be made ({problem.strerror})"
            raise TokenStoreError(message) from None


def _replace(path: Path, text: str) -> str:
    """Put a new file, readable by its owner alone, in the place of another; return what went wrong."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
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
        stored = json.loads(path.read_text(encoding="utf-8"))
        token = Token.from_json(stored)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        warnings.warn(f"{path}, left by an older cmsdials, cannot be used", RuntimeWarning, stacklevel=2)
        return None
    _warn_if_others_can_read(path)
    return token


def _warn_if_others_can_read(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        warnings.warn(
            f"{path} holds secrets, and others than you can read it: run `chmod 600 {path}`",
            RuntimeWarning,
            stacklevel=3,
        )
