"""Is a folder as its manifest says, and does it have every lumisection that the service lists?"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from cmsdials.download.files import checksum, folder_of
from cmsdials.download.manifest import NAME, Entry, Manifest
from cmsdials.download.shards import Shard
from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.filters import LumisectionFilters
from cmsdials.listing.coverage import Coverage, CoverageRow, lacking, notes_on, ranges, summary
from cmsdials.redaction import printable
from cmsdials.runtime import extras
from cmsdials.table.html import html_lines, html_rows
from cmsdials.wording import counted

__all__ = ["Problem", "Verification", "manifest_of", "verify"]

_MOST_SHOWN, _MOST_IN_A_NOTEBOOK = 50, 20


@frozen
class Problem:
    """One thing that is not as the manifest says.

    Attributes:
        path: The file, relative to the folder.
        problem: unfinished, missing, cut off, changed, unreadable, renamed, unknown or damaged.
        advice: What to do about it.
    """

    path: str
    problem: str
    advice: str


@frozen(repr=False)
class Verification:
    """What `verify` found.

    Attributes:
        folder: The folder.
        files: Number of files that are as the manifest says.
        rows: How many rows they hold.
        problems: What is not.
        coverage: Lumisections of the service against those of the files; None without a service.
        shards: How many of the files with problems each shard such as 2/8 would fetch.
    """

    folder: str
    files: int
    rows: int
    problems: tuple[Problem, ...]
    coverage: Coverage | None = None
    shards: Mapping[str, int] = field(factory=dict)

    @property
    def complete(self) -> bool:
        """Whether there is no problem, and no lumisection is missing or doubled as far as a service was asked."""
        return not self.problems and (self.coverage is None or self.coverage.complete)

    def __str__(self) -> str:
        lines = [self._written]
        lines += [f"{one.problem}: {one.path}. {one.advice}" for one in self.problems]
        lines += self._counts
        if self.coverage is not None:
            lines.append(_shown(self.coverage))
        return printable("\n".join(lines), lines=True)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show in notebooks what is not as it should be."""
        rows = [(one.problem, one.path, one.advice) for one in self.problems]
        table = html_rows(("problem", "file", "advice"), rows, _MOST_IN_A_NOTEBOOK)
        shown = html_lines([self._written]) + table + html_lines(self._counts)
        return shown if self.coverage is None else shown + _of_files(self.coverage)._repr_html_()

    @property
    def _written(self) -> str:
        return f"{self.folder}: {counted(self.files, 'file')} with {counted(self.rows, 'row')} as written"

    @property
    def _counts(self) -> list[str]:
        problems = counted(len(self.problems), "problem") if self.problems else "no problem"
        shards = [f"shard {shard} has {counted(many, 'file')} left" for shard, many in self.shards.items()]
        return [problems, *shards]


def _of_files(coverage: Coverage) -> Coverage:
    """Return it without the word that a listing stopped: which files are not there is said before, one by one."""
    return evolve(coverage, listing_complete=True) if lacking(coverage) else coverage


def _shown(coverage: Coverage) -> str:
    """Return what is not complete as a table, of a reasonable length."""
    rows, whole = lacking(coverage), summary(coverage)
    if coverage.rows and not rows:
        verdict = whole if coverage.listing_complete else f"{whole}, of the files that are there"
        return "\n".join([*coverage.notes, verdict])
    table = str(evolve(_of_files(coverage), rows=tuple(rows[:_MOST_SHOWN])))
    more = f"{len(rows) - _MOST_SHOWN} more lines are in coverage.to_pandas()"
    return "\n".join([whole, table, *([more] if len(rows) > _MOST_SHOWN else [])])


def verify(folder: str | os.PathLike[str], dials: Any = None) -> Verification:
    """Hold the files of a download against its manifest and, with a service, against its lists of lumisections.

    Every file is read and its checksum taken. A file that is missing, cut off, changed, renamed, or unknown to the
    manifest is a problem, and so is one that has not been fetched yet.

    Args:
        folder: Where `download` wrote to.
        dials: The `Dials` of the same service and workspace; None to look at the files only.

    Returns:
        What was found: `complete`, `problems`, `coverage`; its `str` is a table of what is not complete.

    Raises:
        CheckpointError: There is no download in the folder, its manifest cannot be read, a download that runs has
            replaced a file meanwhile, or `dials` is of another service or workspace.
        ConfigurationError: `dials` is something else.
        RequestFailedError: The lists could not be fetched; see `cmsdials.errors`.
        MissingDependencyError: pyarrow is not installed, and the files have to be read for their lumisections.
    """
    manifest = manifest_of(folder)
    whole: list[Entry] = []
    problems: list[Problem] = []
    for entry in manifest.entries.values():
        if problem := _problem(manifest, entry):
            problems.append(problem)
        elif entry.is_finished:
            whole.append(entry)
    left = manifest.left(one.path.removeprefix("data/") for one in problems)
    problems = [*_strays(manifest, [*_with_shards(problems, left)])]
    advice = "Restore the manifest from a copy, or call download again, which fetches what it does not know."
    problems += [Problem(place, "damaged", advice) for place in manifest.damaged]
    coverage = None if dials is None else _covered(manifest, whole, dials)
    rows = sum(one.rows for one in whole)
    shards = {str(shard): len(paths) for shard, paths in left.items()}
    return Verification(str(manifest.folder), len(whole), rows, tuple(problems), coverage, shards)


def manifest_of(folder: str | os.PathLike[str]) -> Manifest:
    """Read the manifest of a folder that has one.

    Raises:
        CheckpointError: It has none, or it cannot be read.
    """
    path = folder_of(folder)
    found = Manifest.read(path)
    if found is None:
        message = f"there is no download in {path}: it has no {NAME}"
        raise CheckpointError(message, advice="Name the folder that download wrote to, not the one below it.")
    return found


_AGAIN = "Call download again as before: it fetches this file."


def _problem(manifest: Manifest, entry: Entry) -> Problem | None:
    shown, path = f"data/{entry.path}", manifest.data / entry.path
    if not entry.is_finished:
        why = f"It failed: {entry.error} " if entry.error else ""
        return Problem(shown, "unfinished", f"{why}{_AGAIN}")
    try:
        found = checksum(path)  # before its size, so that what is no file is found to be unreadable
        size, modified = path.stat().st_size, path.stat().st_mtime_ns
    except FileNotFoundError:
        return Problem(shown, "missing", _AGAIN)
    except OSError as problem:
        return Problem(shown, "unreadable", f"{problem.strerror}. Mend that, or remove it. {_AGAIN}")
    if (size, found) == (entry.bytes, entry.sha256):
        return None
    if (size, modified) == (entry.bytes, entry.modified):
        # Of the disk, or of what restores such times: a download, which looks at size and time, would pass it over.
        return Problem(shown, "changed", f"Its size and time have stayed, so remove it. Then: {_AGAIN}")
    return Problem(shown, "cut off" if size < entry.bytes else "changed", _AGAIN)


def _with_shards(problems: list[Problem], left: Mapping[Shard, list[str]]) -> Iterator[Problem]:
    of = {f"data/{path}": shard for shard, paths in left.items() for path in paths}
    for one in problems:
        yield evolve(one, advice=f"{one.advice} Shard {of[one.path]} has it.") if one.path in of else one


def _strays(manifest: Manifest, problems: list[Problem]) -> Iterator[Problem]:
    """Yield the problems, with those files that the manifest does not know, or knows by another name."""
    gone = {one.path for one in problems if one.problem == "missing"}
    missing = {one.sha256: one.path for one in manifest.finished if f"data/{one.path}" in gone}
    renamed: dict[str, str] = {}
    for path in sorted(manifest.data.rglob("*")):
        name = path.relative_to(manifest.data).as_posix()
        if name in manifest.entries or path.is_dir():
            continue
        was = missing.get(_checksum_of_other(path)) if missing else None
        if was is None or was in renamed:
            yield Problem(f"data/{name}", "unknown", "It is not of this download: remove it.")
        else:
            renamed[was] = name
    for one in problems:
        now = renamed.get(one.path.removeprefix("data/"))
        if one.problem == "missing" and now is not None:
            yield Problem(f"data/{now}", "renamed", f"Give it back its name, {one.path}.")
        else:
            yield one


def _checksum_of_other(path: Path) -> str:
    """Return the checksum of what may be anything; empty text if it is no file, or one that cannot be read."""
    with suppress(OSError):
        return checksum(path) if path.is_file() else ""
    return ""


_Key = tuple[int, int, int | None]
_KEYS = ("dataset_id", "run_number", "ls_number")


def _covered(manifest: Manifest, entries: list[Entry], dials: Any) -> Coverage:
    extras.require("pyarrow.parquet", needed_by="verify")
    if not hasattr(dials, "lumi"):
        message = f"dials must be a Dials object, not {type(dials).__name__}"
        raise ConfigurationError(message, advice="Leave it out to look at the files only.")
    query = manifest.origin.query
    taken = {name: value for name, value in query.items() if name in LumisectionFilters.PARAMETERS}
    listed = dials.lumi.list_all(
        LumisectionFilters(**taken), fields=_KEYS, enable_progress=False, good=manifest.origin.mask
    )
    here, there = listed.origin, manifest.origin
    for name in ("base_url", "workspace"):
        if getattr(here, name) != getattr(there, name):
            message = (
                f"the download is of {name} {getattr(there, name)}, and this Dials of {getattr(here, name)}"
            )
            advice = (
                "Verify with the Dials object that it came from; at the command line say its address with --instance, "
                "or only look at the files with --offline."
            )
            raise CheckpointError(message, advice=advice)
    expected: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    arrays = listed.to_numpy()
    for dataset_id, run, number in zip(*(arrays[name].tolist() for name in _KEYS), strict=True):
        expected[dataset_id, run].add(number)
    held: defaultdict[_Key, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    # By dataset, because not all are filled in each of them.
    elements: defaultdict[int, dict[int | None, str | None]] = defaultdict(dict)
    for entry in entries:
        dataset_id = entry.partition.dataset_id
        elements[dataset_id].update(entry.elements.items())
        path = manifest.data / entry.path
        try:
            groups = [*zip(entry.groups, _groups(path), strict=True)]
        except (OSError, ValueError):  # those of Arrow too
            message = f"{path} has become another one since it was found to be as written"
            advice = "If a download runs, wait until it has ended. Then verify again."
            raise CheckpointError(message, advice=advice) from None
        for (run, me_id, _), (numbers, filled) in groups:
            held[dataset_id, run, me_id][0].extend(numbers)
            held[dataset_id, run, me_id][1].extend(filled)
    rows = [
        _row((*run, me_id), me, expected[run], *held.get((*run, me_id), ([], [])))
        for run in sorted(expected.keys() | {key[:2] for key in held})
        for me_id, me in sorted((elements[run[0]] or {None: None}).items(), key=_by_id)
    ]
    is_whole = len(entries) == len(manifest.entries)
    return Coverage(tuple(rows), tuple(notes_on(query)), listing_complete=is_whole)


def _by_id(element: tuple[int | None, str | None]) -> int:
    return element[0] or 0


def _groups(path: Path) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the lumisections of each row group, and their numbers of entries."""
    parquet = extras.require("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=["ls_number", "entries"])
            yield table["ls_number"].to_pylist(), table["entries"].to_pylist()


def _row(
    key: _Key,
    me: str | None,
    wanted: set[int],
    numbers: list[int],
    entries: list[int],
) -> CoverageRow:
    dataset_id, run, me_id = key
    got = set(numbers)
    return CoverageRow(
        dataset_id=dataset_id,
        run_number=run,
        me_id=me_id,
        me=me,
        expected=len(wanted),
        retrieved=len(wanted & got),
        missing=ranges(wanted - got),
        empty=ranges(number for number, many in zip(numbers, entries, strict=True) if many == 0),
        duplicate=ranges(number for number, times in Counter(numbers).items() if times > 1),
        unlisted=ranges(got - wanted),
    )
