"""Files that several processes write to, any of which may be killed: lines with checksums, and what only one can do.

Nothing here knows what the lines say.
"""

from __future__ import annotations

import hashlib
import os
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from cmsdials.download.shards import Shard
from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.runtime.background import load
from cmsdials.runtime.console import warn

__all__ = [
    "alone",
    "appears",
    "append",
    "checksum",
    "cut",
    "damage",
    "folder_of",
    "lines_of",
    "read",
    "sum_of",
]


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, for `read`; none if there is no file."""
    try:
        with path.open("rb") as file:
            # What follows the last end of a line was cut off.
            yield from (line[:-1] for line in file if line.endswith(b"\n"))
    except FileNotFoundError:
        return
    except OSError as problem:
        raise damage(path, "cannot be read", problem) from None


def appears(path: Path, lines: Iterable[Any]) -> bool:
    """Let a file appear with all of its content; return False if there is one, or is about to be."""
    written = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        try:
            _write(written, b"".join(map(_line, lines)), "xb")
            return _linked(written, path)
        finally:
            written.unlink(missing_ok=True)
    except OSError as problem:
        raise damage(path, "cannot be written", problem) from None


def _linked(written: Path, path: Path) -> bool:
    try:
        os.link(written, path)
    except FileExistsError:
        return False
    except OSError:  # this file system has no second names; but one of two that make a folder is first
        claim = path.with_name(f"{path.name}.claim")
        try:
            claim.mkdir()
        except FileExistsError:
            return False
        try:
            if path.exists():
                return False
            written.replace(path)
        finally:
            claim.rmdir()
    return True


def append(path: Path, lines: Iterable[Any]) -> None:
    """Append lines, through to the disk."""
    try:
        _write(path, b"".join(map(_line, lines)), "ab")
    except OSError as problem:
        raise damage(path, "cannot be written", problem) from None


def cut(path: Path) -> int:
    """Drop an end of a file that is not a whole line, and return its length. Needs the lock."""
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
    return whole


def _write(path: Path, text: bytes, mode: str) -> None:
    with path.open(mode, buffering=0) as file:
        written = 0
        while written < len(text):
            written += file.write(text[written:])
        os.fsync(file.fileno())


def _line(what: Any) -> bytes:
    text = orjson.dumps(what, option=orjson.OPT_NON_STR_KEYS)
    return b"%s %s\n" % (sum_of(text).encode(), text)


def sum_of(text: bytes) -> str:
    """Return the checksum of a line, by which one that is damaged is known again."""
    return f"{zlib.crc32(text):08x}"


def read(line: bytes) -> Any:
    """Return what a line holds; raise ValueError if it is not as it was written."""
    checksum, _, text = line.partition(b" ")
    if checksum != sum_of(text).encode():
        raise ValueError
    return orjson.loads(text)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_of(given: str | os.PathLike[str]) -> Path:
    """Return the path of a folder that a user named.

    Raises:
        ConfigurationError: It is not a path; or an empty one, as of a variable of the shell that is not set.
    """
    checked: object = given
    if not isinstance(checked, str | os.PathLike) or not isinstance(os.fspath(checked), str):
        message = f"the folder must be a path, not {type(given).__name__}"
        raise ConfigurationError(message, advice="Give it as text or as a pathlib.Path.")
    name = os.fspath(given)
    if not name or "\0" in name:
        message = f"the name of the folder {'is empty' if not name else 'has a zero byte in it'}"
        raise ConfigurationError(message, advice="Name a folder; the working folder is '.'.")
    try:
        return Path(name).expanduser()
    except RuntimeError:
        message = f"the folder {name!r} is in the home of a user that this system does not know"
        raise ConfigurationError(message, advice="Write out the path, or put ./ before it.") from None


def damage(path: Path, what: str, problem: OSError) -> CheckpointError:
    """Return the error for what a file system refuses."""
    reason = problem.strerror or str(problem)
    return CheckpointError(
        f"{path} {what}: {reason}", advice="Mend that, or name another folder; then the same call continues."
    )


@contextmanager
def alone(folder: Path, shard: Shard | None = None) -> Iterator[bool]:
    """Keep other processes from doing the same in a folder. The value is whether its file system has locks.

    Raises:
        CheckpointError: Another process does.
    """
    load("filelock")
    from filelock import FileLock, Timeout  # noqa: PLC0415  # only a download needs it

    name = "lock" if shard is None else f"lock-{shard.name}"
    it = "downloads" if shard is None else f"is shard {shard} and downloads"
    # Not a lock by the mere existence of a file: one that a killed process left would be waited for.
    lock = FileLock(folder / name, timeout=0, fallback_to_soft=False)
    is_locked = True
    try:
        lock.acquire()
    except Timeout:
        message = f"another process {it} to {folder} at this moment"
        raise CheckpointError(message, advice="Wait until it has ended, or name another folder.") from None
    except (OSError, RuntimeError) as problem:  # a RuntimeError if the system has no locks
        is_locked = False
        reason = getattr(problem, "strerror", None) or "its file system has no locks"
        other = "process" if shard is None else f"shard {shard}"
        warn(f"{folder} cannot be locked ({reason}): let no other {other} download to it meanwhile")
    try:
        yield is_locked
    finally:
        if is_locked:
            lock.release()
