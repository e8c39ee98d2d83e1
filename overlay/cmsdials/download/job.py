"""A download: plans, fetches file after file, and says how far it got.

It asks nothing of the service itself: a resource hands it runs, names and pages (`Source`). A file counts once it has
been written under another name, read back, renamed, and entered in the manifest; so whatever ends a download, the same
call continues it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from cmsdials.download.changes import Known, SourceFile
from cmsdials.download.cluster import Cluster, Remake, frame
from cmsdials.download.fetch import UNFINISHED, Outcome, Source, attempted, now, put
from cmsdials.download.files import alone, checksum, damage, folder_of
from cmsdials.download.manifest import NAME, Entry, Manifest
from cmsdials.download.plan import Partition, Plan, lumisections, partitions
from cmsdials.download.shards import Shard
from cmsdials.download.watching import Watched
from cmsdials.errors import (
    AuthenticationError,
    CheckpointError,
    DialsError,
    FilterError,
    SchemaError,
)
from cmsdials.redaction import printable
from cmsdials.runtime import extras
from cmsdials.runtime.arguments import checked_count
from cmsdials.runtime.background import Begun, load
from cmsdials.runtime.console import warn
from cmsdials.runtime.interrupts import sleep
from cmsdials.runtime.progress import progress_bar
from cmsdials.table.html import html_lines, html_rows
from cmsdials.wording import counted

__all__ = ["Download", "download", "to_dask"]

_ROWS = {
    1: 200_000,
    2: 20_000,
}  # in a file, by the dimensions of a histogram: some 300 MB uncompressed, of which few are in memory
_MOST_FAILURES = 3  # in a row, before the service is taken to be down
_TRIES, _PAUSE = (
    120,
    0.5,
)  # times and seconds to wait for the plan of another process, over a slow file system


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
        shard: Whose files are counted, such as 2/8; all, if it is empty.
    """

    folder: str
    rows: int
    bytes: int
    files: int
    fetched: int
    note: str = ""

    shard: str = ""

    def __repr__(self) -> str:
        if self.note:
            return printable(f"<nothing to download to {self.folder}: {self.note}>")
        kept = self.files - self.fetched
        of = f"shard {self.shard} of " if self.shard else ""
        what = f"{counted(self.rows, 'row')}, {self.bytes / 1e6:.1f} MB in {counted(self.files, 'file')}"
        return printable(f"<{of}{self.folder}: {what}, {self.fetched} fetched, {kept} there before>")

    def _repr_html_(self) -> str:
        """Show in notebooks what was done."""
        counts = {
            "rows": self.rows,
            "MB": f"{self.bytes / 1e6:.1f}",
            "files": self.files,
            "fetched": self.fetched,
            "there before": self.files - self.fetched,
        }
        if self.note:
            return html_lines([repr(self)[1:-1]])
        of = f"shard {self.shard} of " if self.shard else ""
        return html_lines([of + self.folder]) + html_rows(counts, [[*counts.values()]], 1)


def download(
    source: Source,
    folder: str | os.PathLike[str],
    *,
    dry_run: bool,
    rows_per_file: int | None,
    refresh: bool = False,
    shard: Shard | None = None,
    cluster: Cluster | None = None,
    enable_progress: bool | None,
) -> Download | Plan:
    """Plan and fetch: what `download` of a resource does, with its arguments and errors."""
    rows = _checked(source, "rows_per_file", rows_per_file)
    job = _Job(source, folder_of(folder), rows, shard, cluster, refresh=refresh)
    manifest = job.manifest()  # first, so that the folder of another download is refused at once
    listed = _listed(source)
    made = job.made(manifest, listed)
    note = "" if made else source.why_empty() or listed.lacking
    if dry_run:
        return evolve(job.plan(manifest, listed, made), note=note)
    if not made:
        return Download(str(job.folder), 0, 0, 0, 0, note)
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise damage(job.folder, "cannot be made", problem) from None
    with alone(job.folder, shard) as is_locked:
        return job.run(listed, enable_progress, is_locked=is_locked)


def to_dask(source: Source, remake: Remake, rows_per_partition: int | None) -> Any:
    """Plan, and return a frame that fetches: what `to_dask` of a resource does, with its arguments and errors."""
    extras.require("dask.dataframe", needed_by="to_dask")
    most = _checked(source, "rows_per_partition", rows_per_partition)
    return frame(source, remake, _planned(source, _listed(source), [], most))


def _checked(source: Source, name: str, rows: int | None) -> int:
    """Refuse what makes no sense for whole rows in files or partitions, and return how many go into one."""
    for refused in ("next_token", "order_by", "fields"):
        if refused in source.origin.query:
            message = f"a download is of whole rows in the order of the service, so it takes no {refused}"
            raise FilterError(message, advice="Leave it out; choose columns of what comes.")
    wanted = None if rows is None else checked_count(name, rows)
    load("cmsdials.download.parquet")  # raises if a library is missing, before anything is asked
    dimensions = max(one.dimensions for one in source.record.FIELDS)
    return wanted or _ROWS.get(dimensions, 1_000)


@frozen
class _Listed:
    """What the service has.

    Attributes:
        runs: As in `Source`; none if there is no monitoring element.
        names: Of datasets, by their ids.
        elements: Paths of the monitoring elements, by their ids.
        lacking: What there is none of, if there are no rows.
    """

    runs: list[tuple[int, int, int | None]]
    names: Mapping[int, str]
    elements: Mapping[int, str]
    lacking: str


def _listed(source: Source) -> _Listed:
    """Ask the service what there is: for the runs and, if it may be asked for several things at a time, for their names too."""
    elements_of, names_of = (
        Begun(ask).outcome if beside < source.concurrency else ask
        for beside, ask in enumerate((source.elements, source.datasets), 1)
    )
    runs = [one for one in source.runs() if source.origin.mask is None or source.origin.mask.of_run(one[1])]
    elements = elements_of() if runs else {}
    names = names_of() if elements else {}
    if unnamed := {dataset_id for dataset_id, _, _ in runs if elements} - names.keys():
        problem = f"does not name dataset {min(unnamed)}, which has runs"
        raise SchemaError(problem, resource="dataset_index", field="dataset_id")
    by_name: dict[str, int] = {}
    for dataset_id in sorted({dataset_id for dataset_id, _, _ in runs if elements}):
        if (other := by_name.setdefault(names[dataset_id], dataset_id)) != dataset_id:
            problem = f"is the same of {other} and {dataset_id}, and names the folder of their files"
            raise SchemaError(problem, resource="dataset_index", field="dataset")
    lacking = "" if elements else "no monitoring element of this kind is as the filters say"
    if not runs:
        lacking = "no run is as the filters say"
        if source.origin.mask is not None:
            lacking += f" and has lumisections in {source.origin.mask}"
    return _Listed(runs if elements else [], names, elements, lacking)


def _planned(source: Source, listed: _Listed, known: Iterable[Partition], rows: int) -> list[Partition]:
    most, origin = rows / max(1, len(listed.elements)), source.origin
    size = partial(lumisections, origin.query, origin.mask)
    return [*partitions(listed.runs, listed.names, known, most=most, size=size)]


class _Job:
    def __init__(
        self,
        source: Source,
        folder: Path,
        rows: int,
        shard: Shard | None,
        cluster: Cluster | None,
        *,
        refresh: bool,
    ) -> None:
        self.folder = folder
        self._source = source
        self._rows = rows
        self._shard = shard
        self._cluster = cluster
        self._refresh = refresh
        self._unfinished = folder / UNFINISHED
        self._known = Known({})
        # What this process alone writes to begins with this name.
        self._name = f"{shard.name if shard else 'all'}-{uuid.uuid4().hex}"

    def made(self, manifest: Manifest, listed: _Listed) -> list[Partition]:
        """Return the files that there are to be, those of all shards."""
        return _planned(
            self._source, listed, (one.partition for one in manifest.entries.values()), self._rows
        )

    def plan(self, manifest: Manifest, listed: _Listed, made: list[Partition]) -> Plan:
        """Plan what this process has to do. Files that are there are not looked at."""
        if self._shard is not None:
            share = manifest.share(self._shard.of, self._new(manifest, made))
            made = [one for one in made if share[one.path] == self._shard]
        finished = [one for one in made if self._is_up_to_date(manifest, one)]
        if self._refresh:
            stale = self._changed(manifest, finished, listed)
            finished = [one for one in finished if one.path not in stale]
        there = manifest.finished
        rows = sum(one.rows for one in there)
        return Plan(
            self._source.origin,
            str(self.folder),
            tuple(made),
            tuple(finished),
            listed.elements,
            dimensions=max(one.dimensions for one in self._source.record.FIELDS),
            bytes_each=sum(one.bytes for one in there) / rows if rows else None,
        )

    def _changed(self, manifest: Manifest, finished: Iterable[Partition], listed: _Listed) -> set[str]:
        """Return the files whose histograms have changed at the service; ask it what it has read and counted since.

        Those of runs that it does not list any more stay.
        """
        there = {(dataset_id, run) for dataset_id, run, _ in listed.runs}
        kept = [one for one in finished if any((one.dataset_id, run) in there for run in one.runs)]
        self._known = Known(self._files_of(kept), self._source.counts())
        return self._known.changed((manifest.entries[one.path] for one in kept), manifest.finished)

    def _files_of(self, wanted: Iterable[Partition]) -> dict[int, Mapping[int, SourceFile]]:
        """Return the DQMIO files of datasets, of those that are known already as they were."""
        files = dict(self._known.files)
        for dataset_id in sorted({one.dataset_id for one in wanted} - files.keys()):
            files[dataset_id] = {one.file_id: one for one in self._source.files(dataset_id)}
        return files

    @staticmethod
    def _new(manifest: Manifest, made: list[Partition]) -> list[Partition]:
        return [one for one in made if one.path not in manifest.entries]

    def manifest(self) -> Manifest:
        """Read the manifest, and refuse that of another download."""
        from cmsdials.download.parquet import contract_of  # noqa: PLC0415  # it imports NumPy

        origin, contract = self._source.origin, contract_of(self._source.record)
        found = Manifest.read(self.folder)
        if found is None:
            return Manifest(self.folder, origin, contract, now())
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

    def run(self, listed: _Listed, enable_progress: bool | None, *, is_locked: bool) -> Download:
        """Fetch what is not there, or not as it should be."""
        own = NAME if self._shard is None else f"manifest-{self._shard.name}.jsonl"
        if not is_locked:  # another process may do the same, and write to a file of the same name
            own = f"manifest-{self._name}.jsonl"
        try:
            if is_locked:
                Manifest.cut(self.folder, own)
                self._sweep()
            self._unfinished.mkdir(exist_ok=True)
            (self.folder / "data").mkdir(exist_ok=True)
        except OSError as problem:
            raise damage(self.folder, "cannot be written", problem) from None
        manifest, made = self._agreed(listed)
        manifest.begin(own, self._shard)
        plan = self.plan(manifest, listed, made)
        whole = self._whole(manifest, plan.finished)
        left = [one for one in plan.partitions if one.path not in whole]
        # Before they are fetched: what changes meanwhile is then noticed the next time.
        self._known = evolve(self._known, files=self._files_of(left))
        with progress_bar(
            enable_progress,
            total=plan.expected(left),
            unit="row",
            description=self._source.origin.resource,
        ) as bar:
            self._fetch_all(manifest, left, Watched(bar, plan.expected(left), len(left)))
        _remove(self._unfinished.glob(f"{self._name}*"))
        self._look_at_all(manifest.own)
        chosen = {one.path for one in plan.partitions}
        finished = [one for one in manifest.finished if one.path in chosen]
        return Download(
            str(self.folder),
            sum(one.rows for one in finished),
            sum(one.bytes for one in finished),
            len(finished),
            len(left),
            shard=str(self._shard or ""),
        )

    def _agreed(self, listed: _Listed) -> tuple[Manifest, list[Partition]]:
        """Plan, until this process has written its plan down or has nothing to add to those of others."""
        for _ in range(_TRIES):
            manifest = self.manifest()
            made = self.made(manifest, listed)
            new = self._new(manifest, made)
            if (manifest.latest and not new) or manifest.plan(new):
                return manifest, made
            sleep(_PAUSE)
        message = f"another process is planning what goes to {self.folder}, and does not come to an end"
        advice = f"If there is none, remove an empty {NAME} and what ends in .claim from the folder."
        raise CheckpointError(message, advice=advice)

    def _sweep(self) -> None:
        """Remove what killed processes left: that of others, if they do not run, unless this is one of many."""
        if self._shard is not None:
            _remove(self._unfinished.glob(f"{self._shard.name}-*"))
            return
        for path in [*self._unfinished.glob("*")]:
            shard = Shard.of_name(path.name)
            with suppress(CheckpointError):
                if shard is None:
                    _remove([path])
                else:
                    with alone(self.folder, shard):
                        _remove([path])

    def _look_at_all(self, own: str) -> None:
        """Warn of files that no plan knows; if all are there, lines that are damaged have been made up for.

        Those of other processes are planned before they appear.
        """
        there = {*(self.folder / "data").rglob("*.parquet")}
        manifest = self.manifest()
        manifest.mend(own)
        for path in sorted(there - {manifest.data / one for one in manifest.entries}):
            warn(f"{path} is not of this download, but other programs read it too: remove it")

    def _whole(self, manifest: Manifest, finished: Iterable[Partition]) -> set[str]:
        """Return the files that are as the manifest says, and note what is new about them."""
        whole: list[Entry] = []
        for entry in (manifest.entries[one.path] for one in finished):
            path = manifest.data / entry.path
            try:
                found = path.stat()
                is_whole = found.st_size == entry.bytes and (
                    found.st_mtime_ns == entry.modified or checksum(path) == entry.sha256
                )
            except OSError:
                continue
            if is_whole:
                whole.append(self._known.counted(evolve(entry, modified=found.st_mtime_ns)))
        if noted := [one for one in whole if one != manifest.entries[one.path]]:
            manifest.add(noted)
        return {one.path for one in whole}

    def _fetch_all(self, manifest: Manifest, left: list[Partition], watched: Watched) -> None:
        failures: list[DialsError] = []
        in_a_row = 0
        with closing(self._outcomes(left, watched)) as outcomes:
            for outcome in outcomes:
                entry, failure = outcome.entry, outcome.failure
                watched.done(entry)
                if failure is None:
                    modified = put(outcome.path, manifest.data / entry.path)
                    entry = evolve(self._known.noted(entry), modified=modified)
                    in_a_row = 0
                else:
                    failures.append(failure)
                    in_a_row += 1
                # After a failure the older rows still count, if there are any.
                if entry.is_finished or not manifest.entries[entry.path].is_finished:
                    manifest.add([entry])
                if failures and (in_a_row == _MOST_FAILURES or isinstance(failures[-1], AuthenticationError)):
                    break
        if failures:
            done = f"{len(manifest.finished)} of {len(manifest.entries)} files are finished in {self.folder}"
            failures[0].advice = f"{failures[0].advice} {done}; the same call continues.".lstrip()
            raise failures[0]

    def _outcomes(self, left: list[Partition], watched: Watched) -> Generator[Outcome]:
        if self._cluster is not None:
            with closing(self._cluster.outcomes(self._unfinished, self._name, left)) as outcomes:
                for outcome in outcomes:
                    watched.came(outcome.entry.rows)
                    yield outcome
            return
        for number, partition in enumerate(left):
            path = self._unfinished / f"{self._name}.{number}.part"
            yield attempted(self._source, path, partition, watched.came)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
