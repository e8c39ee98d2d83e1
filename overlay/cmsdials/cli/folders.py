"""The commands about folders of histograms: fetch one, say how far it is, check it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from cmsdials.cli.options import LoginOptions, reported, say, with_options
from cmsdials.dials import Dials
from cmsdials.download.verify import manifest_of
from cmsdials.download.verify import verify as verified
from cmsdials.errors import ConfigurationError
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters

__all__ = ["download", "status", "verify"]

DAMAGED, LACKING = 3, 4
_FOLDER = typer.Argument(metavar="FOLDER", help="Folder that a download wrote to.", show_default=False)


@with_options
def download(
    login: LoginOptions,
    kind: Annotated[Literal["h1d", "h2d"], typer.Argument(help="Histograms of one or two dimensions.")],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write to.", show_default=False)
    ],
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="NAME", help="Workspace; default: your own.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="REGEX", help="Datasets; default: all.")
    ] = None,
    me: Annotated[
        str | None, typer.Option("--me", metavar="REGEX", help="Monitoring elements; default: all.")
    ] = None,
    runs: Annotated[
        str | None, typer.Option("--runs", metavar="A-B", help="Runs from A to B, or one; default: all.")
    ] = None,
    good: Annotated[
        Path | None,
        typer.Option(
            "--good", metavar="FILE", help="JSON of good lumisections, such as the golden one; default: all."
        ),
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Ask also what has changed at the service since files were fetched."),
    ] = False,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", help="How many parts to fetch at a time.")
    ] = 1,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Fetch the part of job I of N, counted from 1, only."),
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Write a line a minute to standard error, instead of a bar.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what there is, and fetch nothing.")
    ] = False,
) -> None:
    """Fetch histograms into a folder of Parquet files; the same command again continues."""
    first, last = _runs(runs)
    filters = LumisectionHistogram1DFilters if kind == "h1d" else LumisectionHistogram2DFilters
    chosen = filters(dataset__regex=dataset, me__regex=me, run_number__gte=first, run_number__lte=last)
    client = login.client()
    with _logged(log), Dials(login.credentials(client), workspace, client.base_url) as dials:
        resource = dials.h1d if kind == "h1d" else dials.h2d
        done = resource.download(
            chosen,
            folder,
            dry_run=dry_run,
            good=good,
            refresh=refresh,
            shard=shard,
            concurrency=concurrency,
            enable_progress=False if log else None,
        )
    for line in repr(done).strip("<>").splitlines():
        say(line)


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


def _runs(given: str | None) -> tuple[int | None, int | None]:
    if given is None:
        return None, None
    found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", given, re.ASCII)
    if found is None:
        message = f"--runs {given!r} is neither a run nor a range of runs"
        raise ConfigurationError(message, advice="Write it as 367100-367200, or as 367100.")
    return int(found[1]), int(found[2] or found[1])


@reported
def status(folder: Annotated[Path, _FOLDER]) -> None:
    """Say how far the download in a folder is; it may be under way."""
    for line in str(manifest_of(folder)).splitlines():
        say(line)


@with_options
def verify(
    login: LoginOptions,
    folder: Annotated[Path, _FOLDER],
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at the files only, and ask no service.")
    ] = False,
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
    for line in str(found).splitlines():
        say(line)
    if found.problems:
        raise typer.Exit(DAMAGED)
    if not found.complete:
        raise typer.Exit(LACKING)
