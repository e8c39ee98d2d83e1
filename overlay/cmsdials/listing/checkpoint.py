"""Listings in a file: each good page as it comes, so that a killed process loses at most the page in flight.

The file begins with a line of JSON that says what it is and of which listing (`Origin`). Each page follows as a
line `page <bytes> <sha256>` and that many bytes, compressed with zlib: a line of JSON that says where the listing
continues, and the answers of the service themselves (several where parts of a listing were fetched concurrently).
Pages are only appended, and reach the disk before they count. Pages that do not say where the listing continues count
together with the next one that does: so a result is copied whole or not at all. The last page is dropped if it is
cut off or damaged, because the process was killed or the power failed while it was written; damage anywhere else is
an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from attrs import evolve, frozen

from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.listing.provenance import Origin
from cmsdials.runtime.interrupts import Closing

__all__ = [
    "CheckpointFile",
    "Stored",
    "StoredPage",
    "holds_something",
    "is_same_file",
    "read_checkpoint",
    "write_whole",
]

FORMAT = "cmsdials listing"
VERSION = 2
_PAGE = re.compile(rb"page (\d{1,12}) ([0-9a-f]{64})\n")
_LONGEST_LINE = 100
_BEGINNING = b'{"format": "%s"' % FORMAT.encode()


class StoredPage(NamedTuple):
    """A page, or the pages of a part: its answers, and what else is known about it."""

    said: Mapping[str, Any]  # `next`; of a saved result also `complete`, `passed` and `retrieved`
    bodies: tuple[bytes, ...]


@frozen
class Stored:
    """What a file is a listing of, and where its pages end."""

    origin: Origin
    began: datetime
    whole: bool  # it was renamed to this when all was written, so its end must be there
    end: int  # after the last whole page
    size: int  # with what was cut off


def _named(path: object) -> Path:
    """Return the file that a user has named.

    Raises:
        ConfigurationError: It is not a name.
    """
    problem = ""
    if isinstance(path, str | os.PathLike) and os.fspath(path):
        try:
            named = Path(path).expanduser()
            if "\0" not in str(named):
                return named
        except RuntimeError as error:  # a home folder of an unknown user
            problem = f" ({error})"
    message = f"a file for a listing must be named by text or a path, not {path!r}{problem}"
    raise ConfigurationError(message)


class CheckpointFile(Closing):
    """A file that pages are appended to, after what it holds (`after`) or as a new one. Other processes are locked out.

    Raises:
        CheckpointError: It cannot be created or locked, there is a file already and `after` is None, or it has
            changed since it was read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        origin: Origin,
        *,
        after: Stored | None = None,
        whole: bool = False,
    ) -> None:
        self._path = path = _named(path)
        self._end = 0 if after is None else after.end
        with _explained(path, "opened"):
            mode = "r+" if after is not None or path.exists() else "x+"
            # Unbuffered: a buffer would keep what a full disk refuses, and write it later.
            self._file = io.FileIO(os.path.realpath(path), mode)
        try:
            _lock(self._file, path)
            # Only now: another process may have written it, and finished, before the lock was ours.
            if after is None and holds_something(path):
                message = f"{path} is there already, and may hold a listing"
                advice = "Pass it as resume_from= too, to resume it; or name another file."
                raise CheckpointError(message, advice=advice)
            with _explained(path, "written"):
                if after is None:
                    self._write(_header(origin, whole=whole))
                elif os.fstat(self._file.fileno()).st_size != after.size:
                    message = f"another process has written {path} just now"
                    advice = "Continue from what it holds now: pass it as resume_from=."
                    raise CheckpointError(message, advice=advice)
        except BaseException:
            self.close()
            raise

    def append(self, page: StoredPage) -> None:
        """Append a page, and flush it to the disk.

        Raises:
            CheckpointError: It cannot be written. What was there before is still good.
        """
        said = {**page.said, "bytes": [len(body) for body in page.bodies]}
        packed = zlib.compress(b"\n".join([json.dumps(said).encode(), b"".join(page.bodies)]), 1)
        with _explained(self._path, "written"):
            self._write(b"page %d %s\n%s\n" % (len(packed), _checksum(packed), packed))

    def close(self) -> None:
        """Close the file, and let others append to it."""
        with contextlib.suppress(OSError):  # all that counts has reached the disk
            self._file.close()

    def _write(self, record: bytes) -> None:
        # Half a page may be here, left by a process that was killed or by a full disk.
        self._file.truncate(self._end)
        self._file.seek(self._end)
        try:
            rest = memoryview(record)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)
            raise
        self._end += len(record)


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two names refer to the same file, which need not exist."""
    return os.path.realpath(_named(one)) == os.path.realpath(_named(other))


def write_whole(path: str | os.PathLike[str], origin: Origin, pages: Iterable[StoredPage]) -> None:
    """Write a whole file: under another name first, so that the file of this name is always complete."""
    path = Path(os.path.realpath(_named(path)))  # a link stays a link
    with _explained(path, "written"):
        if not path.parent.is_dir():
            message = f"there is no folder {path.parent}"
            raise CheckpointError(
                message, advice=f"Make it, or name a file in another one, instead of {path}."
            )
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with CheckpointFile(partial, origin, whole=True) as file:
            for page in pages:
                file.append(page)
        with _explained(path, "written"):
            partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[Stored, list[StoredPage]]:
    """Read a file and check every page of it.

    Raises:
        CheckpointError: There is no such file, it is something else, or it is damaged before its end.
    """
    path = _named(path)
    pages: list[StoredPage] = []
    counted = 0
    with _explained(path, "read"), path.open("rb") as file:
        stored = _read_header(path, file)
        for page in _pages(path, file):
            pages.append(page)
            if "next" in page.said:
                counted, stored = len(pages), evolve(stored, end=file.tell())
    if stored.whole and not counted:
        message = f"{path} is cut off: it was saved whole, and its end is missing"
        raise CheckpointError(
            message, advice="Copy it again from where it is whole, or start the listing again."
        )
    return stored, pages[:counted]


def holds_something(path: str | os.PathLike[str]) -> bool:
    """Whether a file is there and must be kept.

    A file that a process left before anything that counts was in it need not be kept.
    """
    path = _named(path)
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20)
            if not line.endswith(b"\n"):
                return not _BEGINNING.startswith(line[: len(_BEGINNING)])
            file.seek(0)
            whole = _read_header(path, file).whole
            return whole or any("next" in page.said for page in _pages(path, file))
    except FileNotFoundError:
        return False
    except (OSError, CheckpointError):
        return True


def _header(origin: Origin, *, whole: bool) -> bytes:
    began = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"format": FORMAT, "version": VERSION, "whole": whole, "began": began, **origin.as_json()}
    return json.dumps(content).encode() + b"\n"


def _read_header(path: Path, file: BinaryIO) -> Stored:
    """Return what the first line says, without the pages."""
    line = file.readline(1 << 20)
    content: Any = None
    with contextlib.suppress(ValueError):
        content = json.loads(line)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT or not line.endswith(b"\n"):
        message = f"{path} is not a listing of cmsdials"
        raise CheckpointError(message, advice="Name the file that checkpoint= or save() wrote.")
    version = content.get("version")
    if version != VERSION:
        message = f"{path} has version {version!r} of the format, and this cmsdials reads version {VERSION}"
        raise CheckpointError(message, advice="Use the version of cmsdials that wrote it, or a newer one.")
    try:
        began = datetime.fromisoformat(content["began"])
        origin = Origin.from_json(content)
    except (KeyError, TypeError, ValueError):
        message = f"{path} does not say what it is a listing of"
        raise CheckpointError(message) from None
    size = os.fstat(file.fileno()).st_size
    return Stored(origin, began, content.get("whole", False), end=file.tell(), size=size)


def _pages(path: Path, file: BinaryIO) -> Iterator[StoredPage]:
    number = 0
    start = file.tell()
    while line := file.readline(_LONGEST_LINE):
        number += 1
        match = _PAGE.fullmatch(line)
        packed, end = (file.read(int(match[1])), file.read(1)) if match else (b"", b"")
        if match is None or end != b"\n" or _checksum(packed) != match[2]:
            with mmap(file.fileno(), 0, access=ACCESS_READ) as whole:
                if _PAGE.search(whole, start + 1):  # another one follows
                    message = f"page {number} of {path} is damaged"
                    advice = "The pages before it cannot be trusted either: start the listing again."
                    raise CheckpointError(message, advice=advice)
            return  # the last one, which was being written when the process was killed or the power failed
        start = file.tell()
        line, _, answers = zlib.decompress(packed).partition(b"\n")
        said, rest = json.loads(line), io.BytesIO(answers)
        yield StoredPage(said, tuple(map(rest.read, said.pop("bytes"))))


def _checksum(packed: bytes) -> bytes:
    return hashlib.sha256(packed).hexdigest().encode()


def _lock(file: io.FileIO, path: Path) -> None:
    try:
        import fcntl  # noqa: PLC0415  # there is none on Windows, where the open file is locked anyway

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = f"another process is writing {path}"
        raise CheckpointError(message, advice="Wait for it, or name another file.") from None
    except (ImportError, OSError):
        return  # a file system without locks


@contextlib.contextmanager
def _explained(path: Path, done: str) -> Iterator[None]:
    try:
        yield
        return
    except IsADirectoryError:
        message, advice = f"{path} is a folder", "Name a file in it."
    except FileNotFoundError:
        message, advice = f"there is no {path}", "Check the name and its folder."
    except OSError as problem:
        message = f"{path} cannot be {done} ({problem.strerror})"
        advice = "What it held before is still good."
    raise CheckpointError(message, advice=advice)
