"""Listings in a file: each good page as it comes, so that a killed process loses at most the page in flight.

The file begins with a line of JSON that says what it is and of which listing (`Origin`). Each page follows as a
line `page <bytes> <sha256>` and that many bytes, compressed with zlib: a line of JSON that says where the listing
continues, and the answers of the service themselves (several where parts of a listing were fetched concurrently).
Pages are only appended, and reach the disk before they count. Pages that do not say where the listing continues count
together with the next one that does: so a result is copied whole or not at all. The last page is dropped if it is
cut off or damaged, because the process was killed or the power failed while it was written; damage anywhere else is
an error.

A file may come from anywhere. What it holds is checked, and nothing is unpacked beyond what a page can have.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from attrs import evolve, frozen

from cmsdials.errors import CheckpointError, ConfigurationError, DecodeError
from cmsdials.listing.provenance import Origin
from cmsdials.runtime.interrupts import Closing
from cmsdials.table import decode

__all__ = [
    "LARGEST_BODY",
    "CheckpointFile",
    "Stored",
    "StoredPage",
    "explained",
    "holds_something",
    "is_same_file",
    "read_checkpoint",
    "write_whole",
]

LARGEST_BODY = 2**27
"""Bytes of an answer. The service has 30 s for one, and writes about 4 MB of histograms in a second."""

FORMAT = "cmsdials listing"
VERSION = 2
_PAGE = re.compile(rb"page (\d{1,12}) ([0-9a-f]{64})\n")
_LONGEST_LINE = 100
_LONGEST_HEADER = 1 << 20
_MOST_EXPANDED = 256  # times: zlib makes text at most 229 times smaller at the level used here
_PIECE = 1 << 18  # bytes of a page that are unpacked at a time
_BEGINNING = b'{"format": "%s"' % FORMAT.encode()


class StoredPage(NamedTuple):
    """A page, or the pages of a part: its answers, and what else is known about it."""

    said: Mapping[str, Any]  # `next`; of a saved result also `complete`, `passed` and `retrieved`
    bodies: Iterable[bytes]  # of a page in a file, they are unpacked each time


@frozen
class Stored:
    """What a file is a listing of, and where its pages end."""

    origin: Origin
    began: datetime
    whole: bool  # it was renamed into place when all was written, so its end must be there
    end: int  # after the last whole page
    rest: tuple[int, bytes] = (0, b"")  # what was cut off: where it ends, and its checksum


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
        self._place = path.absolute()  # a script may change its folder
        self._end = 0 if after is None else after.end
        with explained(path, "opened"):
            mode = "r+" if after is not None or path.exists() else "x+"
            # Unbuffered: a buffer would keep what a full disk refuses, and write it later.
            self._file = io.FileIO(os.path.realpath(path), mode)
        try:
            _lock(self._file, path)
            self._size = os.fstat(self._file.fileno()).st_size
            # Only now: another process may have written it, and finished, before the lock was ours.
            if after is None and holds_something(path):
                message = f"{path} is there already, and may hold a listing"
                advice = "Pass it as resume_from= too, to resume it; or name another file."
                raise CheckpointError(message, advice=advice)
            with explained(path, "written"):
                if after is None:
                    self._write(_header(origin, whole=whole))
                elif _rest(self._file, after.end) != after.rest:
                    message = f"another process has written {path} just now"
                    advice = "Continue from what it holds now: pass it as resume_from=."
                    raise CheckpointError(message, advice=advice)
        except BaseException:
            self.close()
            raise

    def append(self, page: StoredPage) -> None:
        """Append a page, and flush it to the disk.

        Raises:
            CheckpointError: It cannot be written, and what was there before is still good; or it is not the file any
                more that was opened.
        """
        bodies = [*page.bodies]
        said = {**page.said, "bytes": [len(body) for body in bodies]}
        if max(said["bytes"], default=0) > LARGEST_BODY:
            message = f"a page has {max(said['bytes'])} bytes, and a listing file holds pages of {LARGEST_BODY} at most"
            raise CheckpointError(message, advice="Ask for smaller ones (page_size=).")
        text = b"\n".join([json.dumps(said).encode(), b"".join(bodies)])
        packed = zlib.compress(text, 1)
        if len(text) > _MOST_EXPANDED * len(packed):  # by another zlib, which packs better
            packed = zlib.compress(text, 0)
        with explained(self._path, "written"):
            self._check_place()
            self._write(b"page %d %s\n%s\n" % (len(packed), _checksum(packed), packed))

    def _check_place(self) -> None:
        """Refuse to go on where others have deleted, replaced or changed the file."""
        ours = os.fstat(self._file.fileno())
        try:
            there = self._place.stat()
        except FileNotFoundError:
            happened = "deleted"
        else:
            if os.path.samestat(ours, there) and ours.st_size == self._size:
                return
            happened = "changed" if os.path.samestat(ours, there) else "replaced"
        message = f"{self._path} has been {happened} while it was written"
        advice = (
            "What came before may be lost: start the listing again in another file, where no one else writes."
        )
        raise CheckpointError(message, advice=advice)

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
            self._size = os.fstat(self._file.fileno()).st_size
            raise
        self._end += len(record)
        self._size = self._end


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two names refer to the same file, which need not exist."""
    return os.path.realpath(_named(one)) == os.path.realpath(_named(other))


def write_whole(path: str | os.PathLike[str], origin: Origin, pages: Iterable[StoredPage]) -> None:
    """Write a whole file: under another name first, so that the file of this name is always complete."""
    path = Path(os.path.realpath(_named(path)))  # a link stays a link
    with explained(path, "written"):
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
        with explained(path, "written"):
            partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[Stored, list[StoredPage]]:
    """Read a file and check every page of it. Their answers are checked when they are unpacked.

    Raises:
        CheckpointError: There is no such file, it is something else, or it is damaged before its end.
    """
    path = _named(path)
    pages: list[StoredPage] = []
    counted = 0
    with explained(path, "read"), _opened(path) as file:
        stored = _read_header(path, file)
        for page in _pages(path, file):
            pages.append(page)
            if "next" in page.said:
                counted, stored = len(pages), evolve(stored, end=file.tell())
        stored = evolve(stored, rest=_rest(file, stored.end))
    if stored.whole and not counted:
        message = f"{path} is cut off: it was saved whole, and its end is missing"
        raise CheckpointError(
            message, advice="Copy it again from where it is whole, or start the listing again."
        )
    return stored, pages[:counted]


def holds_something(path: str | os.PathLike[str]) -> bool:
    """Whether a file is there and must be kept.

    A file that a process left before it held anything that counts need not be kept.
    """
    path = _named(path)
    try:
        with _opened(path) as file:
            line = file.readline(_LONGEST_HEADER)
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
    header = json.dumps(content).encode() + b"\n"
    if len(header) > _LONGEST_HEADER:
        message = "the filters or the mask of this result are too long for a listing file"
        raise CheckpointError(message, advice="Save it before a mask selects, or write a frame to Parquet.")
    return header


def _read_header(path: Path, file: BinaryIO) -> Stored:
    """Return what the first line says, without the pages."""
    line = file.readline(_LONGEST_HEADER)
    content: Any = None
    with contextlib.suppress(DecodeError):
        content = decode.read_json(line)
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
        whole = content.get("whole", False)
        if not isinstance(whole, bool):
            raise TypeError
    except (KeyError, TypeError, ValueError):
        message = f"{path} does not say what it is a listing of"
        raise CheckpointError(message) from None
    return Stored(origin, began, whole, end=file.tell())


def _rest(file: BinaryIO | io.FileIO, start: int) -> tuple[int, bytes]:
    """Return where a file ends, and the checksum of what it holds from a place on."""
    file.seek(start)
    return os.fstat(file.fileno()).st_size, _checksum(file.read())


def _pages(path: Path, file: BinaryIO) -> Iterator[StoredPage]:
    number = 0
    start, size = file.tell(), os.fstat(file.fileno()).st_size
    while line := file.readline(_LONGEST_LINE):
        number += 1
        match = _PAGE.fullmatch(line)
        is_there = match is not None and int(match[1]) <= size - start
        packed, end = (file.read(int(match[1])), file.read(1)) if match and is_there else (b"", b"")
        if match is None or end != b"\n" or _checksum(packed) != match[2]:
            with mmap(file.fileno(), 0, access=ACCESS_READ) as whole:
                if _PAGE.search(whole, start + 1):  # another one follows
                    message = f"page {number} of {path} is damaged"
                    advice = "The pages before it cannot be trusted either: start the listing again."
                    raise CheckpointError(message, advice=advice)
            return  # the last one, which was being written when the process was killed or the power failed
        start = file.tell()
        packed_page = _PackedPage(f"page {number} of {path}", packed)
        said = packed_page.said()
        yield StoredPage({name: value for name, value in said.items() if name != "bytes"}, packed_page)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one <= LARGEST_BODY for one in value)


def _is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(value)  # type: ignore[arg-type]  # a TypeError
    except (TypeError, ValueError):
        return False
    return True


_IS_SAID: Mapping[str, Callable[[object], bool]] = {
    "bytes": _is_sizes,
    "next": _is_text,
    "complete": lambda value: isinstance(value, bool),
    "passed": _is_texts,
    "retrieved": _is_time,
}


@frozen
class _PackedPage(Iterable[bytes]):
    """A page as it is in a file: its answers are unpacked one at a time, each time that they are asked for."""

    name: str
    packed: bytes

    def said(self) -> dict[str, Any]:
        """Return what its first line says."""
        return self._said(_Unpacking(self.packed, self.name).line())

    def __iter__(self) -> Iterator[bytes]:
        unpacking = _Unpacking(self.packed, self.name)
        for size in self._said(unpacking.line())["bytes"]:
            yield unpacking.read(size)
        unpacking.end()

    def _said(self, line: bytes) -> dict[str, Any]:
        said: Any = None
        with contextlib.suppress(DecodeError):
            said = decode.read_json(line)
        if not isinstance(said, dict) or not all(
            is_right(said.get(name)) for name, is_right in _IS_SAID.items() if name in said or name == "bytes"
        ):
            raise _damaged(self.name, "its first line does not say what it holds")
        return said


class _Unpacking:
    """Unpacks a page piece by piece, so that what it claims to hold costs no memory before it is there."""

    def __init__(self, packed: bytes, name: str) -> None:
        self._packed = memoryview(packed)
        self._name = name
        self._inflate = zlib.decompressobj()
        self._ready = b""
        self._left = _MOST_EXPANDED * len(packed)

    def line(self) -> bytes:
        """Return the first line."""
        pieces = [self._piece(_PIECE)]
        while b"\n" not in pieces[-1]:
            pieces.append(self._piece(_PIECE))
        line, _, self._ready = b"".join(pieces).partition(b"\n")
        return line

    def read(self, size: int) -> bytes:
        """Return so many bytes."""
        pieces, self._ready = [self._ready[:size]], self._ready[size:]
        missing = size - len(pieces[0])
        while missing:
            pieces.append(self._piece(missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def end(self) -> None:
        """Check that nothing is left."""
        if (
            self._ready
            or self._unpacked(1)
            or not self._inflate.eof
            or self._inflate.unused_data
            or self._packed
        ):
            raise _damaged(self._name, "it holds more than it says")

    def _piece(self, most: int) -> bytes:
        piece = self._unpacked(most)
        self._left -= len(piece)
        if not piece or self._left < 0:
            raise _damaged(
                self._name, "it holds less than it says" if not piece else "it holds more than a page can"
            )
        return piece

    def _unpacked(self, most: int) -> bytes:
        try:
            while not self._inflate.eof:
                source: Any = self._inflate.unconsumed_tail
                if not source:
                    source, self._packed = self._packed[:_PIECE], self._packed[_PIECE:]
                if (piece := self._inflate.decompress(source, most)) or not len(source):
                    return piece
        except zlib.error:
            raise _damaged(self._name, "it cannot be unpacked") from None
        return b""


def _damaged(name: str, why: str) -> CheckpointError:
    advice = "The pages before it cannot be trusted either: start the listing again."
    return CheckpointError(f"{name} is damaged: {why}", advice=advice)


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


def _opened(path: Path) -> BinaryIO:
    """Open a file for reading. A pipe or a device, which may have no end, is none."""
    # A pipe would wait here for a writer.
    nonblock = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | nonblock))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        message = f"{path} is not a file"
        raise CheckpointError(message, advice="Name the file that checkpoint= or save() wrote.")
    return file


@contextlib.contextmanager
def explained(path: str | os.PathLike[str], done: str) -> Iterator[None]:
    """Raise a CheckpointError for what the operating system says while a file is read or written."""
    try:
        yield
        return
    except IsADirectoryError:
        message, advice = f"{path} is a folder", "Name a file in it."
    except FileNotFoundError:
        message, advice = f"there is no {path}", "Check the name and its folder."
    except MemoryError:
        message, advice = f"{path} does not fit into memory", "Read it on a machine that has more."
    except OSError as problem:
        message = f"{path} cannot be {done} ({problem.strerror})"
        advice = "What it held before is still good."
    raise CheckpointError(message, advice=advice)
