"""What a folder of histograms says about itself: which rows it should hold, and which files hold them.

Files of lines, each with its checksum, that are only ever appended to and written through to the disk: a process that is
killed loses at most the line that it was writing, and there is nothing in them that a second process would overwrite.
SQLite, the other choice, is only as safe as the locks of a network file system.

Processes that share a folder need no lock for it, and no clocks that agree:

- What there is to fetch is a sequence of plans, and each plan a file that appears whole and only once
  (``manifest.jsonl``, ``plan-2.jsonl``, ...). Who comes second with a plan reads the first one and plans anew.
- Each appends what it did to a file of its own. Of the lines about a file that of the highest edition counts, as each
  writer counts from the ones that it has read; and a finished one before others.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, fields, frozen

from cmsdials.download.files import appears, append, cut, lines_of, read, sum_of
from cmsdials.download.plan import Partition
from cmsdials.download.shards import Shard, shares
from cmsdials.errors import CheckpointError
from cmsdials.listing.provenance import Origin
from cmsdials.redaction import printable
from cmsdials.runtime.version import client_version
from cmsdials.wording import counted

__all__ = ["NAME", "Entry", "Manifest"]

NAME = "manifest.jsonl"
FORMAT = 1
FINISHED, PLANNED, FAILED = "finished", "planned", "failed"
_MENDED = "mended"


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
        edition: How many lines there were about the file before, as far as its writer knew.
        modified: When the file system says that the file was last changed, in ns. As long as that and the size stay, it is
            taken to be as it was written.
        files: The DQMIO files that its rows are from, by their ids, and when the service last did anything with them.
        indexed: When the service last did anything with any file of the dataset, before it was fetched.
        counts: Histograms that the service counted in each run, if that was asked for.
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
    edition: int = 0
    modified: int = 0
    files: Mapping[int, str] = field(factory=dict)
    indexed: str = ""
    counts: Mapping[int, int] = field(factory=dict)

    @property
    def path(self) -> str:
        """Where its file is, below the folder ``data``."""
        return self.partition.path

    @property
    def is_finished(self) -> bool:
        """Whether the file has been written whole."""
        return self.status == FINISHED

    def outweighs(self, other: Entry) -> bool:
        """Whether this line about a file counts, and not another one.

        Two of the same edition, of processes that fetched it at the same moment, are decided in any way that all readers
        share: if the file is that of the other, it does not have this checksum and is fetched again.
        """
        return self._weight >= other._weight

    @property
    def _weight(self) -> tuple[bool, int, str, str]:
        return self.is_finished, self.edition, self.ended, self.sha256

    def as_json(self) -> dict[str, Any]:
        """Return what stands in the line."""
        partition = self.partition
        return {
            **{name: getattr(self, name) for name in _STORED},
            "partition": {name: getattr(partition, name) for name in _STORED_OF_PARTITION},
        }

    @classmethod
    def from_json(
        cls, stored: Mapping[str, Any], shared: Callable[[Any], Any] = lambda value: value
    ) -> Entry:
        """Make one of what JSON has left of it, which makes text of the keys. Raises if anything is missing.

        `shared` returns the value that is equal and was there first, so that many lines take less memory.
        """
        known = {**stored}
        partition = {**known.pop("partition")}
        runs = partition["runs"] = {int(key): value for key, value in partition["runs"].items()}
        partition["dataset"] = shared(str(partition["dataset"]))
        known["client"] = shared(known["client"])
        if known["status"] == PLANNED:
            known["groups"] = ()  # nothing is known of what it holds
        else:
            known["elements"] = {int(key): shared(value) for key, value in known["elements"].items()}
            retrieved = {int(key): value for key, value in known["retrieved"].items()}
            known["retrieved"] = runs if retrieved == runs else retrieved
            known["groups"] = tuple([(run, me_id, rows) for run, me_id, rows in known["groups"]])
            # Older versions do not write what follows.
            known["files"] = {int(key): shared(value) for key, value in known.get("files", {}).items()}
            known["counts"] = {int(key): value for key, value in known.get("counts", {}).items()}
            for name in ("status", "started", "ended", "indexed"):
                known[name] = shared(known.get(name, ""))
        return cls(partition=Partition(**partition), **known)


_STORED = [one.name for one in fields(Entry)]
_STORED_OF_PARTITION = [one.name for one in fields(Partition)]


@define
class Manifest:
    """The manifest of a folder, joined from the files of all that write to it.

    Attributes:
        folder: The folder.
        origin: What is in it: the resource, service, workspace and filters.
        contract: Hash of the fields of a row, as this client knew them.
        begun: When it was begun, in UTC.
        entries: The line about each file that counts, by its path.
        plans: The files planned at one time, one plan after the other.
        shards: Those that have begun.
        damage: Places of the lines that are not as they were written, and their checksums.
        mended: The same of those that a download has made up for.
        latest: Number of the last plan; 0 if there is none yet.
        own: The file that this process appends to.
    """

    folder: Path
    origin: Origin
    contract: str
    begun: str
    entries: dict[str, Entry] = field(factory=dict)
    plans: list[list[Partition]] = field(factory=list)
    shards: list[Shard] = field(factory=list)
    damage: dict[str, str] = field(factory=dict)
    mended: dict[str, str] = field(factory=dict)
    latest: int = 0
    own: str = NAME

    @property
    def data(self) -> Path:
        """Where the files are."""
        return self.folder / "data"

    @property
    def damaged(self) -> list[str]:
        """Places of the lines that are not as they were written, and that no download has made up for since."""
        return [place for place, found in self.damage.items() if self.mended.get(place) != found]

    @property
    def finished(self) -> list[Entry]:
        """The lines about finished files."""
        return [one for one in self.entries.values() if one.is_finished]

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Read the manifest of a folder; None if it has none.

        Raises:
            CheckpointError: It cannot be read, its first line is damaged, or its first file is gone.
        """
        path = folder / NAME
        parts, plans = _parts(folder)
        lines = lines_of(path)
        first = next(lines, None)
        if first is None:
            if parts or plans:
                message = f"{path} is gone, and {[*plans.values(), *parts][0].name} is still there"
                advice = "Restore it from a copy, or download to another folder."
                raise CheckpointError(message, advice=advice)
            return None
        try:
            head = read(first)
            if head["format"] != FORMAT:
                message = f"{path} is of format {head['format']!r}, and this client reads format {FORMAT}"
                raise CheckpointError(message, advice="Upgrade cmsdials.")
            made = cls(folder, Origin.from_json(head["origin"]), str(head["contract"]), str(head["begun"]))
        except (ValueError, KeyError, TypeError):
            message = f"the first line of {path}, which says what is in the folder, is damaged"
            raise CheckpointError(
                message, advice="Restore it from a copy, or download to another folder."
            ) from None
        known: dict[Any, Any] = {}
        with _without_collecting():
            made._take(NAME, enumerate(lines, 2), known)
            for one in (*plans.values(), *parts):
                made._take(one.name, enumerate(lines_of(one), 1), known)
        made.latest = max([1, *plans])
        begun = (Shard.of_name(one.name.removeprefix("manifest-")) for one in parts)
        made.shards = sorted({one for one in begun if one is not None})
        return made

    def _take(self, name: str, lines: Iterable[tuple[int, bytes]], known_values: dict[Any, Any]) -> None:
        def shared(value: Any) -> Any:
            return known_values.setdefault(value, value)

        planned: list[Partition] = []
        for number, line in lines:
            try:
                stored = read(line)
                if _MENDED in stored:
                    self.mended.update(stored[_MENDED])
                    continue
                entry = Entry.from_json(stored, shared)
            except (ValueError, KeyError, TypeError, AttributeError):
                self.damage[f"{name}, line {number}"] = sum_of(line)
                continue
            if entry.status == PLANNED:
                planned.append(entry.partition)
            path = entry.path
            known = self.entries.get(path)
            if known is None or entry.outweighs(known):
                self.entries[path] = entry
        if planned:
            self.plans.append(planned)

    def plan(self, partitions: Iterable[Partition]) -> bool:
        """Write down which other files there are to be, through to the disk, if this process is the first to do so.

        Returns:
            Whether it was. If not, read the manifest again, and plan by what it says then.
        """
        added = [Entry(partition=one) for one in partitions]
        lines = [*map(Entry.as_json, added)]
        if not self.latest:
            head = {"format": FORMAT, "origin": self.origin.as_json(), "contract": self.contract}
            lines.insert(0, {**head, "begun": self.begun})
        if not appears(self.folder / (f"plan-{self.latest + 1}.jsonl" if self.latest else NAME), lines):
            return False
        self.latest += 1
        self.entries.update((one.path, one) for one in added)
        self.plans.append([one.partition for one in added])
        return True

    def begin(self, own: str, shard: Shard | None) -> None:
        """Make the file that this process appends to, which says that its shard has begun."""
        self.own = own
        if shard is not None and shard not in self.shards:
            self.shards = sorted([*self.shards, shard])
        append(self.folder / self.own, [])

    def add(self, entries: Iterable[Entry]) -> None:
        """Write lines, through to the disk."""
        added = []
        for one in entries:
            known = self.entries.get(one.path)
            added.append(one if known is None else evolve(one, edition=known.edition + 1))
        append(self.folder / self.own, map(Entry.as_json, added))
        self.entries.update((one.path, one) for one in added)

    def mend(self, own: str) -> None:
        """Have damaged lines count no more, if what has been planned and fetched since has all files.

        Call it after the service was asked what there is to be, so that no file is unknown because of its line.
        """
        if self.damaged and len(self.finished) == len(self.entries):
            self.own = own
            append(self.folder / own, [{_MENDED: {place: self.damage[place] for place in self.damaged}}])
            self.mended.update(self.damage)

    @staticmethod
    def cut(folder: Path, own: str) -> None:
        """Drop an end of a file that is not a whole line, which only a killed process leaves. Needs the lock."""
        path = folder / own
        with suppress(FileNotFoundError):
            if not cut(path) and own == NAME:
                path.unlink()

    def share(self, of: int, further: Iterable[Partition] = ()) -> dict[str, Shard]:
        """Return which shard has each file, if there are so many; `further` ones are to be planned next."""
        planned = {one.path for plan in self.plans for one in plan}
        others = [one.partition for path, one in self.entries.items() if path not in planned]
        plans = [*self.plans, [*others, *further]]
        return shares([{one.path: self._rows(one) for one in plan} for plan in plans], of)

    def _rows(self, partition: Partition) -> int:
        # Each run takes some time, even one without a lumisection.
        return len(partition.runs) + partition.lumisections(self.origin)

    def left(self, paths: Iterable[str] | None = None) -> dict[Shard, list[str]]:
        """Return the files that each shard has yet to fetch, of all numbers of shards that the folder has seen.

        Args:
            paths: The files that are to be fetched; None for those that are not finished.
        """
        if paths is None:
            paths = [path for path, one in self.entries.items() if not one.is_finished]
        wanted = [*paths]
        found: dict[Shard, list[str]] = {}
        for of in sorted({one.of for one in self.shards}):
            has = self.share(of)
            for path in wanted:
                found.setdefault(has[path], []).append(path)
        return dict(sorted(found.items()))

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
        for shard, paths in self.left().items():
            begun = "" if shard in self.shards else ", and has not begun"
            lines.append(f"shard {shard} has {counted(len(paths), 'file')} left{begun}")
        lines += [f"{place} is damaged" for place in self.damaged]
        return printable("\n".join(lines), lines=True)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Have Python look for no garbage meanwhile: of millions of new objects, none refers to itself, it would find nothing."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def _parts(folder: Path) -> tuple[list[Path], dict[int, Path]]:
    """Return the files that single processes have written, and those of plans after the first by their numbers."""
    found = [(re.fullmatch(r"plan-(\d{1,9})\.jsonl", one.name), one) for one in folder.glob("plan-*.jsonl")]
    plans = {int(match[1]): one for match, one in found if match}
    return sorted(folder.glob("manifest-*.jsonl")), dict(sorted(plans.items()))
