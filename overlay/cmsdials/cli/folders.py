"""The commands about folders of histograms: fetch one, say how far it is, check it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer
from attrs import asdict

from cmsdials.cli.choice import GoodFile, HistogramOptions, mask_of
from cmsdials.cli.options import LoginOptions, ServiceOptions, say, with_options
from cmsdials.cli.output import json_of
from cmsdials.dials import Dials
from cmsdials.download.files import folder_of
from cmsdials.download.manifest import FAILED, Manifest
from cmsdials.download.plan import Plan
from cmsdials.download.shards import Shard
from cmsdials.download.verify import Verification, manifest_of
from cmsdials.download.verify import verify as verified
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters

__all__ = ["download", "status", "verify"]

DAMAGED, LACKING = 3, 4
# Text and not a Path, which would make the working folder of an empty name, as of a variable that is not set.
_FOLDER = typer.Argument(
    metavar="FOLDER", help="Folder that a download wrote to.", show_default=False, path_type=str
)
_AsJson = Annotated[bool, typer.Option("--json", help="Write a JSON object.")]


@with_options
def download(
    kind: Annotated[Literal["h1d", "h2d"], typer.Argument(help="Histograms of one or two dimensions.")],
    folder: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder to write to.", show_default=False, path_type=str
        ),
    ],
    good: GoodFile = None,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Ask also what has changed at the service since files were fetched."),
    ] = False,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", help="How many parts to fetch at a time.", min=1)
    ] = 1,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Fetch the part of job I of N, counted from 1, only."),
    ] = None,
    rows_per_file: Annotated[
        int | None,
        typer.Option(
            "--rows-per-file",
            metavar="N",
            help="About how many rows a file holds; default: 200000, or 20000 in 2D. Shards share files.",
            show_default=False,
            min=1,
        ),
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Write a line a minute to standard error, instead of a bar.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what there is, and fetch nothing.")
    ] = False,
    as_json: _AsJson = False,
    *,
    choice: HistogramOptions,
    service: ServiceOptions,
) -> None:
    """Fetch histograms into a folder of Parquet files; the same command again continues."""
    filters = LumisectionHistogram1DFilters if kind == "h1d" else LumisectionHistogram2DFilters
    mask = mask_of(good)
    filters(**choice.given())  # what makes no sense is said before a login is asked for
    if shard is not None:
        Shard.parse(shard)
    with _logged(log), service.dials() as dials:
        resource = dials.h1d if kind == "h1d" else dials.h2d
        done = resource.download(
            filters(**_as_begun(folder, choice.given_at(dials))),
            folder,
            dry_run=dry_run,
            good=mask,
            refresh=refresh,
            rows_per_file=rows_per_file,
            shard=shard,
            concurrency=concurrency,
            enable_progress=False if log else None,
        )
    if as_json:
        say(json_of(_of_plan(done) if isinstance(done, Plan) else asdict(done)))
        return
    for line in repr(done).strip("<>").splitlines():
        say(line)


def _as_begun(folder: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the filters that a folder was begun with, if these options may mean them, so that it continues.

    A text may be a whole name today that was none then, and one run is also a range.
    """
    begun = Manifest.read(folder_of(folder))
    if begun is not None and _options_of(begun.origin.query) == _options_of(given):
        return {**begun.origin.query}
    return given


def _options_of(query: Mapping[str, Any]) -> dict[str, str]:
    """Return filters without what the options leave open: whether a text is a name, and one number a range."""
    found: dict[str, str] = {}
    for name, value in query.items():
        ends = ("__gte", "__lte") if name in ("run_number", "ls_number") else ("",)
        found.update({f"{name.removesuffix('__regex')}{end}": str(value) for end in ends})
    return found


def _of_plan(plan: Plan) -> dict[str, Any]:
    return {
        "folder": plan.folder,
        "datasets": plan.datasets,
        "mes": [{"me_id": me_id, "me": me} for me_id, me in plan.elements.items()],
        "runs": sum(len(one.runs) for one in plan.partitions),
        "files": len(plan.partitions),
        "files_left": len(plan.partitions) - len(plan.finished),
        "rows": plan.rows,
        "rows_left": plan.rows_left,
        "bytes": plan.bytes,
        "bytes_left": plan.bytes_left,
        "seconds_left": plan.seconds_left,
    }


@contextmanager
def _logged(wanted: bool) -> Iterator[None]:
    """Write what a download logs to standard error, if that is wanted."""
    if not wanted:
        yield
        return
    logger, handler = logging.getLogger("cmsdials.download"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@with_options
def status(folder: Annotated[str, _FOLDER], as_json: _AsJson = False) -> None:
    """Say how far the download in a folder is; it may be under way."""
    manifest = manifest_of(folder)
    if as_json:
        say(json_of(_of_manifest(manifest)))
        return
    for line in str(manifest).splitlines():
        say(line)


def _of_manifest(manifest: Manifest) -> dict[str, Any]:
    entries, finished, origin = [*manifest.entries.values()], manifest.finished, manifest.origin
    failures = [{"path": one.path, "error": one.error} for one in entries if one.status == FAILED]
    return {
        "folder": str(manifest.folder),
        "kind": origin.resource,
        "instance": origin.base_url,
        "workspace": origin.workspace,
        "filters": origin.query,
        "begun": manifest.begun,
        "last_finished": max((one.ended for one in finished), default=None),
        "files": len(entries),
        "finished": len(finished),
        "failed": len(failures),
        "planned": len(entries) - len(finished) - len(failures),
        "rows": sum(one.rows for one in finished),
        "bytes": sum(one.bytes for one in finished),
        "failures": failures,
        "shards": [
            {"shard": str(shard), "files_left": len(paths), "begun": shard in manifest.shards}
            for shard, paths in manifest.left().items()
        ],
        "damaged": manifest.damaged,
    }


@with_options
def verify(
    login: LoginOptions,
    folder: Annotated[str, _FOLDER],
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at the files only, and ask no service.")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Check the files of a folder, and whether each lumisection is there.

    Exit code 3: files are damaged, missing, unknown or unfinished. 4: lumisections are missing or doubled.
    """
    if offline:
        found = verified(folder)
    else:
        client = login.client()
        origin = manifest_of(folder).origin
        with Dials(login.credentials(client), origin.workspace, client.base_url) as dials:
            found = verified(folder, dials)
    for line in [json_of(_of_verification(found))] if as_json else str(found).splitlines():
        say(line)
    if found.problems:
        raise typer.Exit(DAMAGED)
    if not found.complete:
        raise typer.Exit(LACKING)


def _of_verification(found: Verification) -> dict[str, Any]:
    coverage = found.coverage
    return {
        "folder": found.folder,
        "complete": found.complete,
        "files": found.files,
        "rows": found.rows,
        "problems": [asdict(one) for one in found.problems],
        "shards": [{"shard": shard, "files_left": many} for shard, many in found.shards.items()],
        "coverage": None
        if coverage is None
        else [{**asdict(row), "complete": row.complete} for row in coverage.rows],
        "notes": [] if coverage is None else [*coverage.notes],
    }
