"""What a folder of histograms says about itself: which rows it should hold, and which files hold them.

A file of lines, each with its checksum, that is only ever appended to and written through to the disk: a process that is
killed loses at most the line that it was writing, and there is nothing in it that a second process would overwrite.
SQLite, the other choice, is only as safe as the locks of a network file system. The last line about a file counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import asdict, define, field, frozen

from cmsdials.download.plan import Partition
from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.listing.provenance import Origin
from cmsdials.redaction import printable
from cmsdials.runtime.background import load
from cmsdials.runtime.console import warn
from cmsdials.runtime.version import client_version

__all__ = ["Entry", "Manifest", "alone", "checksum", "damage", "folder_of"]

NAME = "manifest.jsonl"
FORMAT = 1
FINISHED, PLANNED, FAILED = "finished", "planned", "failed"


@frozen(kw_only=True)
class Entry:
    """A line about a file.

    Attributes:
        partition: What it holds.
        status: planned, finished or failed.
        rows: Number of rows.
        bytes: Its size.
        sha256: Its checksum.
        elements: Paths of the monitoring elements in it, by their ids.
        groups: Run, id of the monitoring element and number of rows of each of its row groups, in order.
        retrieved: Distinct lumisections of each run.
        started: When fetching began, in UTC.
        ended: When it was finished or failed.
        client: Version of the client that wrote it.
        error: Why it failed.
    """

    partition: Partition
    status: str = PLANNED
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    elements: Mapping[int, str] = field(factory=dict)
    groups: tuple[tuple[int, int, int], ...] = ()
    retrieved: Mapping[int, int] = field(factory=dict)
    started: str = ""
    ended: str = ""
    client: str = field(factory=client_version)
    error: str = ""

    @property
    def path(self) -> str:
        """Where its file is, below the folder ``data``."""
        return self.partition.path

    @property
    def is_finished(self) -> bool:
        """Whether the file has been written whole."""
        return self.status == FINISHED

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Entry:
        """Make one of what JSON has left of it, which makes text of the keys. Raises if anything is missing."""
        known = dict(stored)
        partition = Partition(**known.pop("partition"))
        for name in ("elements", "retrieved"):
            known[name] = {int(key): value for key, value in known[name].items()}
        known["groups"] = tuple((run, me_id, rows) for run, me_id, rows in known["groups"])
        runs = {int(key): value for key, value in partition.runs.items()}
        whole = Partition(
            str(partition.dataset), int(partition.dataset_id), int(partition.first), int(partition.last), runs
        )
        return cls(partition=whole, **known)


@define
class Manifest:
    """The manifest of a folder.

    Attributes:
        folder: The folder.
        origin: What is in it: the resource, service, workspace and filters.
        contract: Hash of the fields of a row, as this client knew them.
        begun: When it was begun, in UTC.
        entries: The last line about each file, by its path.
        damaged: Numbers of the lines that are not as they were written.
    """

    folder: Path
    origin: Origin
    contract: str
    begun: str
    entries: dict[str, Entry] = field(factory=dict)
    damaged: list[int] = field(factory=list)

    @property
    def data(self) -> Path:
        """Where the files are."""
        return self.folder / "data"

    @property
    def finished(self) -> list[Entry]:
        """The lines about finished files."""
        return [one for one in self.entries.values() if one.is_finished]

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Read the manifest of a folder; None if it has none.

        Raises:
            CheckpointError: It cannot be read, or its first line is damaged.
        """
        path = folder / NAME
        try:
            lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last end of a line was cut off
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise damage(path, "cannot be read", problem) from None
        if not lines:
            return None
        try:
            head = _read(lines[0])
            if head["format"] != FORMAT:
                message = f"{path} is of format {head['format']!r}, and this client reads format {FORMAT}"
                raise CheckpointError(message, advice="Upgrade cmsdials.")
            made = cls(folder, Origin.from_json(head["origin"]), str(head["contract"]), str(head["begun"]))
        except (ValueError, KeyError, TypeError):
            message = f"the first line of {path}, which says what is in the folder, is damaged"
            raise CheckpointError(
                message, advice="Restore it from a copy, or download to another folder."
            ) from None
        for number, line in enumerate(lines[1:], 2):
            try:
                entry = Entry.from_json(_read(line))
                made.entries[entry.path] = entry
            except (ValueError, KeyError, TypeError, AttributeError):
                made.damaged.append(number)
        return made

    def begin(self) -> None:
        """Write the first line."""
        head = {"format": FORMAT, "origin": self.origin.as_json(), "contract": self.contract}
        self._append([{**head, "begun": self.begun}])

    def add(self, entries: Iterable[Entry]) -> None:
        """Write lines, through to the disk."""
        added = [*entries]
        self._append(map(asdict, added))
        self.entries.update((one.path, one) for one in added)

    def _append(self, lines: Iterable[Any]) -> None:
        path = self.folder / NAME
        text = b"".join(map(_line, lines))
        try:
            with path.open("ab", buffering=0) as file:
                written = 0
                while written < len(text):
                    written += file.write(text[written:])
                os.fsync(file.fileno())
        except OSError as problem:
            raise damage(path, "cannot be written", problem) from None

    @staticmethod
    def cut(folder: Path) -> None:
        """Drop an end of the file that is not a whole line, which only a killed process leaves. Needs the lock."""
        path = folder / NAME
        with suppress(FileNotFoundError), path.open("r+b") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)

    def __str__(self) -> str:
        entries = [*self.entries.values()]
        finished = self.finished
        size = sum(one.bytes for one in finished) / 1e6
        lines = [
            f"{self.origin.resource} of {self.origin.base_url}, workspace {self.origin.workspace}, since {self.begun}",
            f"{len(finished)} of {len(entries)} files are finished: {sum(one.rows for one in finished)} rows, {size:.1f} MB",
        ]
        if finished:
            lines.append(f"the last one was finished at {max(one.ended for one in finished)}")
        lines += [f"failed: {one.path}: {one.error}" for one in entries if one.status == FAILED]
        lines += [f"line {number} of the manifest is damaged" for number in self.damaged]
        return printable("\n".join(lines), lines=True)


def _line(what: Any) -> bytes:
    text = json.dumps(what, separators=(",", ":"), ensure_ascii=True).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> Any:
    checksum, _, text = line.partition(b" ")
    if int(checksum, 16) != zlib.crc32(text):
        raise ValueError
    return json.loads(text)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_of(given: str | os.PathLike[str]) -> Path:
    """Return the path of a folder that a user named."""
    checked: object = given
    if not isinstance(checked, str | os.PathLike) or not isinstance(os.fspath(checked), str):
        message = f"the folder must be a path, not {type(given).__name__}"
        raise ConfigurationError(message, advice="Give it as text or as a pathlib.Path.")
    return Path(given).expanduser()


def damage(path: Path, what: str, problem: OSError) -> CheckpointError:
    """Return the error for what a file system refuses."""
    reason = problem.strerror or str(problem)
    return CheckpointError(
        f"{path} {what}: {reason}", advice="Mend that, or name another folder; then the same call continues."
    )


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Keep other processes from writing to a folder. The value is whether its file system has locks.

    Raises:
        CheckpointError: Another process writes to it.
    """
    load("filelock")
    from filelock import FileLock, Timeout  # noqa: PLC0415  # only a download needs it

    # Not a lock by the mere existence of a file: one that a killed process left would be waited for.
    lock = FileLock(folder / "lock", timeout=0, fallback_to_soft=False)
    is_locked = True
    try:
        lock.acquire()
    except Timeout:
        message = f"another process downloads to {folder} at this moment"
        raise CheckpointError(message, advice="Wait until it has ended, or name another folder.") from None
    except (OSError, RuntimeError) as problem:  # a RuntimeError if the system has no locks
        is_locked = False
        reason = getattr(problem, "strerror", None) or "its file system has no locks"
        warn(f"{folder} cannot be locked ({reason}): let no other process download to it meanwhile")
    try:
        yield is_locked
    finally:
        if is_locked:
            lock.release()
