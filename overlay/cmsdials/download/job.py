"""A download: plans, fetches file after file, and says how far it got.

It asks nothing of the service itself: a resource hands it runs, names and pages (`Source`). A file counts once it has
been written under another name, read back, renamed, and entered in the manifest; so whatever ends a download, the same
call continues it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from attrs import evolve, frozen

from cmsdials.download.fetch import UNFINISHED, Source, fetched
from cmsdials.download.manifest import FAILED, Entry, Manifest, alone, checksum, damage, folder_of
from cmsdials.download.plan import Partition, Plan, counted, partitions
from cmsdials.errors import (
    AuthenticationError,
    CheckpointError,
    ConfigurationError,
    FilterError,
    RequestFailedError,
    SchemaError,
)
from cmsdials.redaction import printable
from cmsdials.runtime.background import load
from cmsdials.runtime.console import warn
from cmsdials.runtime.progress import Progress, progress_bar

__all__ = ["Download", "download"]

_ROWS = {
    1: 200_000,
    2: 20_000,
}  # in a file, by the dimensions of a histogram: some 300 MB uncompressed, of which few are in memory
_MOST_FAILURES = 3  # in a row, before the service is taken to be down


@frozen(repr=False)
class Download:
    """What a finished download did.

    Attributes:
        folder: The folder, for `cmsdials.open_dataset` and `cmsdials.verify`.
        rows: Rows that it holds.
        bytes: Size of its files.
        files: How many it has.
        fetched: How many of them are new.
        note: Why there is nothing, if there is nothing.
    """

    folder: str
    rows: int
    bytes: int
    files: int
    fetched: int
    note: str = ""

    def __repr__(self) -> str:
        if not self.files:
            return printable(f"<nothing to download to {self.folder}: {self.note or 'no such rows'}>")
        kept = self.files - self.fetched
        what = f"{counted(self.rows, 'row')}, {self.bytes / 1e6:.1f} MB in {counted(self.files, 'file')}"
        return printable(f"<{self.folder}: {what}, {self.fetched} fetched, {kept} there before>")


def download(
    source: Source,
    folder: str | os.PathLike[str],
    *,
    dry_run: bool,
    rows_per_file: int | None,
    enable_progress: bool | None,
) -> Download | Plan:
    """Plan and fetch: what `download` of a resource does, with its arguments and errors."""
    for name in ("next_token", "order_by", "fields"):
        if name in source.origin.query:
            message = f"a download is of whole rows in the order of the service, so it takes no {name}"
            raise FilterError(message, advice="Leave it out; choose columns when you open the folder.")
    if rows_per_file is not None and (type(rows_per_file) is not int or rows_per_file < 1):
        message = f"rows_per_file must be a whole number from 1, not {rows_per_file!r}"
        raise ConfigurationError(message, advice="Leave it out for files of a sensible size.")
    load("cmsdials.download.parquet")  # raises if a library is missing, before anything is asked
    job = _Job(source, folder_of(folder), rows_per_file)
    manifest = job.manifest()  # first, so that the folder of another download is refused at once
    listed = job.listed()
    plan = job.plan(manifest, listed)
    if dry_run:
        return plan
    if not plan.partitions:
        return Download(str(job.folder), 0, 0, 0, 0, source.why_empty())
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise damage(job.folder, "cannot be made", problem) from None
    with alone(job.folder) as is_locked:
        return job.run(listed, enable_progress, sweep=is_locked)


@frozen
class _Listed:
    """What the service has: runs, names of datasets and monitoring elements, as in `Source`."""

    runs: list[tuple[int, int, int | None]]
    names: Mapping[int, str]
    elements: Mapping[int, str]


class _Job:
    def __init__(self, source: Source, folder: Path, rows_per_file: int | None) -> None:
        self.folder = folder
        self._source = source
        dimensions = max(one.dimensions for one in source.record.FIELDS)
        self._rows = rows_per_file or _ROWS.get(dimensions, 1_000)
        self._unfinished = folder / UNFINISHED

    def listed(self) -> _Listed:
        """Ask the service what there is."""
        runs = [*self._source.runs()]
        elements = self._source.elements() if runs else {}
        names = self._source.datasets() if elements else {}
        if lacking := {dataset_id for dataset_id, _, _ in runs if elements} - names.keys():
            problem = f"does not name dataset {min(lacking)}, which has runs"
            raise SchemaError(problem, resource="dataset_index", field="dataset_id")
        return _Listed(runs if elements else [], names, elements)

    def plan(self, manifest: Manifest, listed: _Listed) -> Plan:
        """Plan the files. Those that are there are not looked at."""
        known = [one.partition for one in manifest.entries.values()]
        most = self._rows / max(1, len(listed.elements))
        made = tuple(partitions(listed.runs, listed.names, known, most=most))
        finished = tuple(one for one in made if self._is_up_to_date(manifest, one))
        return Plan(self._source.origin, str(self.folder), made, finished, listed.elements)

    def manifest(self) -> Manifest:
        """Read the manifest, and refuse that of another download."""
        from cmsdials.download.parquet import contract_of  # noqa: PLC0415  # it imports NumPy

        origin, contract = self._source.origin, contract_of(self._source.record)
        found = Manifest.read(self.folder)
        if found is None:
            return Manifest(self.folder, origin, contract, _now())
        different = origin.differences(found.origin)
        if found.contract != contract:
            different.append("the fields of a row are others there")
        if different:
            message = f"{self.folder} is of another download: {'; '.join(different)}"
            raise CheckpointError(message, advice="Name another folder, or ask the same as before.")
        return found

    @staticmethod
    def _is_up_to_date(manifest: Manifest, partition: Partition) -> bool:
        entry = manifest.entries.get(partition.path)
        return entry is not None and entry.is_finished and entry.partition == partition

    def run(self, listed: _Listed, enable_progress: bool | None, *, sweep: bool) -> Download:
        """Fetch what is not there, or not as it should be."""
        try:
            if sweep:
                Manifest.cut(self.folder)
                _remove_all(self._unfinished)
            self._unfinished.mkdir(exist_ok=True)
            (self.folder / "data").mkdir(exist_ok=True)
        except OSError as problem:
            raise damage(self.folder, "cannot be written", problem) from None
        manifest = self.manifest()  # again: another process may have written to it before the lock was ours
        plan = self.plan(manifest, listed)
        if Manifest.read(self.folder) is None:
            manifest.begin()
        new = [Entry(partition=one) for one in plan.partitions if one.path not in manifest.entries]
        if new:
            manifest.add(new)
        left = [one for one in plan.partitions if not self._is_whole(manifest, one)]
        rows = plan.expected(left)
        with progress_bar(
            enable_progress, total=rows, unit="row", description=self._source.origin.resource
        ) as bar:
            self._fetch_all(manifest, left, bar)
        _remove_all(self._unfinished)
        known = {manifest.data / path for path in manifest.entries}
        for path in sorted({*manifest.data.rglob("*.parquet")} - known):
            warn(f"{path} is not of this download, but other programs read it too: remove it")
        finished = manifest.finished
        return Download(
            str(self.folder),
            sum(one.rows for one in finished),
            sum(one.bytes for one in finished),
            len(finished),
            len(left),
        )

    def _is_whole(self, manifest: Manifest, partition: Partition) -> bool:
        if not self._is_up_to_date(manifest, partition):
            return False
        path, entry = manifest.data / partition.path, manifest.entries[partition.path]
        try:
            return path.stat().st_size == entry.bytes and checksum(path) == entry.sha256
        except OSError:
            return False

    def _fetch_all(self, manifest: Manifest, left: list[Partition], bar: Progress) -> None:
        failures: list[RequestFailedError] = []
        in_a_row = 0
        for number, partition in enumerate(left):
            started = _now()
            words = f"{number} of {len(left)} files"
            try:
                entry = fetched(self._source, self.folder, partition, partial(bar.update, said=words))
            except RequestFailedError as failure:
                entry = Entry(partition=partition, status=FAILED, error=str(failure))
                failures.append(failure)
                in_a_row += 1
            else:
                in_a_row = 0
            # After a failure the older rows still count, if there are any.
            if entry.is_finished or not manifest.entries[entry.path].is_finished:
                manifest.add([evolve(entry, started=started, ended=_now())])
            if failures and (in_a_row == _MOST_FAILURES or isinstance(failures[-1], AuthenticationError)):
                break
        if failures:
            done = f"{len(manifest.finished)} of {len(manifest.entries)} files are finished in {self.folder}"
            failures[0].advice = f"{failures[0].advice} {done}; the same call continues.".lstrip()
            raise failures[0]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _remove_all(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
