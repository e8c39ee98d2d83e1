"""One file of a download: fetched, written under another name, read back, and put into its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from cmsdials_api.records import Record

from cmsdials.download.changes import SourceFile
from cmsdials.download.files import damage
from cmsdials.download.manifest import FAILED, FINISHED, Entry
from cmsdials.download.plan import Partition
from cmsdials.errors import CheckpointError, DialsError, RequestFailedError
from cmsdials.listing.pages import Pages
from cmsdials.listing.provenance import Origin
from cmsdials.table.objects import ABSENT, as_list

__all__ = ["UNFINISHED", "Outcome", "Source", "attempted", "failed", "now", "put"]

UNFINISHED = "unfinished"
"""Folder of the files that are being written."""

_CHECK = "Check the disk; then the same call continues."


@frozen(kw_only=True)
class Source:
    """What a download needs of the service, and how to ask for it.

    Attributes:
        origin: What is to be fetched.
        record: What the rows are.
        runs: Asks for dataset, run and number of lumisections of each run.
        datasets: Asks for the names of all datasets, by their ids.
        elements: Asks for the paths of the monitoring elements, by their ids.
        pages: Fetches the rows of a query.
        files: Asks for the DQMIO files of a dataset, by its id.
        counts: Asks how many histograms each dataset and run has.
        why_empty: Says why there is nothing, and warns the user.
        concurrency: How many requests may be under way at a time.
    """

    origin: Origin
    record: type[Record]
    runs: Callable[[], Iterable[tuple[int, int, int | None]]]
    datasets: Callable[[], Mapping[int, str]]
    elements: Callable[[], Mapping[int, str]]
    pages: Callable[[Mapping[str, Any]], Pages[Any]]
    files: Callable[[int], Iterable[SourceFile]]
    counts: Callable[[], Mapping[tuple[int, int], int]]
    why_empty: Callable[[], str]
    concurrency: int = 1


@frozen
class Outcome:
    """What came of fetching a file.

    Attributes:
        entry: The line about it, as if it were in its place.
        path: Where it is; nowhere if it failed.
        failure: Why it failed.
    """

    entry: Entry
    path: Path
    failure: DialsError | None = None


def failed(partition: Partition, failure: DialsError, started: str = "") -> Outcome:
    """Return that a file could not be fetched."""
    entry = Entry(partition=partition, status=FAILED, error=str(failure), started=started, ended=now())
    return Outcome(entry, Path(), failure)


def attempted(source: Source, path: Path, partition: Partition, update: Callable[[int], None]) -> Outcome:
    """Fetch the rows of a partition into a file that does not count yet.

    Args:
        source: Where from.
        path: The file, in the folder `UNFINISHED`. It is removed if anything fails.
        partition: What to fetch.
        update: Is called with the number of rows of each page.

    Raises:
        CheckpointError: The file cannot be written, or does not hold what was written.
    """
    started = now()
    try:
        entry = _written(source, path, partition, update)
    except RequestFailedError as failure:  # some are an OSError too
        return failed(partition, failure, started)
    except OSError as problem:
        target = path.parent.parent / "data" / partition.path
        raise damage(target, "cannot be written", problem) from None
    return Outcome(evolve(entry, started=started, ended=now()), path)


def _written(source: Source, path: Path, partition: Partition, update: Callable[[int], None]) -> Entry:
    from cmsdials.download.parquet import PartitionFile, read_back  # noqa: PLC0415  # it imports NumPy

    file = PartitionFile(path, source.record)
    files: set[int] = set()
    try:
        with source.pages(partition.query(source.origin.query)) as pages:
            for page in pages:
                file.add(page)
                found = {one for block in page.store.held() for one in as_list(block.column("file_id"))}
                files |= found - {ABSENT}
                update(len(page))
        file.finish()
        try:
            rows, sha256 = read_back(path)
            size = path.stat().st_size
        except OSError as problem:
            message = f"{path} cannot be read again after it was written: {problem}"
            raise CheckpointError(message, advice=_CHECK) from None
        if rows != file.rows:
            message = f"{path} holds {rows} rows when it is read again, and {file.rows} were written"
            raise CheckpointError(message, advice=_CHECK)
    except BaseException:
        file.abandon()
        raise
    return Entry(
        partition=partition,
        status=FINISHED,
        rows=rows,
        bytes=size,
        sha256=sha256,
        elements=file.elements,
        groups=tuple(file.groups),
        retrieved=file.retrieved,
        files=dict.fromkeys(sorted(files), ""),
    )


def put(path: Path, target: Path) -> int:
    """Put a file that was written into its place, over what may be there; return when it was last changed, in ns.

    Raises:
        CheckpointError: That is not possible.
    """
    try:
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
        _sync(target.parent)
        return target.stat().st_mtime_ns
    except OSError as problem:
        raise damage(target, "cannot be written", problem) from None


def now() -> str:
    """Return the time as the manifest writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _sync(folder: Path) -> None:
    """Write the names in a folder through to the disk, where the system lets folders be opened."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
