"""The command `scripts/bench`: run the scenarios, print and write the report, and with --publish put it on the page."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import environments, report
from benchmarks.environments import PROJECT
from benchmarks.rounds import run_scenario
from benchmarks.scenarios import OURS, PUBLISHED, PUBLISHED_PARQUET, SCENARIOS

__all__ = ["PAGE", "PICTURE", "RESULTS", "main", "on_page", "parser"]

PAGE = PROJECT / "docs" / "performance.md"
RESULTS = PROJECT / "docs" / "benchmarks" / "results.json"
PICTURE = RESULTS.with_name("results.png")
WRITTEN = PROJECT / ".bench"
BEGIN, END = "<!-- results: written by scripts/bench -->", "<!-- end of results -->"
QUICK = 0.01


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure the client and compare it with the published one and with the limit. Exit code 1 if a client"
        " failed, or fetched something else than the others.",
    )
    names = [scenario.name for scenario in SCENARIOS]
    options.add_argument(
        "--only", type=_names, default=names, metavar="NAMES", help=f"scenarios to run, of {','.join(names)}"
    )
    options.add_argument(
        "--rounds", type=_at_least_one, default=5, metavar="N", help="rounds that count (default 5)"
    )
    options.add_argument(
        "--rows", type=_positive, default=1.0, metavar="FACTOR", help="scale the number of rows"
    )
    options.add_argument("--gzip", action="store_true", help="let the server compress its answers")
    options.add_argument(
        "--quick",
        action="store_true",
        help="a hundredth of the rows, one round, no warm-up; our clients in this environment, the published one only if"
        " its environment exists already",
    )
    options.add_argument(
        "--output",
        type=Path,
        default=WRITTEN,
        metavar="FOLDER",
        help="where JSON and PNG go (default .bench)",
    )
    options.add_argument("--publish", action="store_true", help="put JSON, PNG and tables into docs/")
    return options


def _names(text: str) -> list[str]:
    known = [scenario.name for scenario in SCENARIOS]
    names = text.split(",")
    for name in names:
        if name not in known:
            message = f"{name!r} is not one of {', '.join(known)}"
            raise argparse.ArgumentTypeError(message)
    return names


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")  # noqa: EM101  # argparse shows it, not a traceback
    return number


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be above 0")  # noqa: EM101
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = parser()
    asked = options.parse_args(arguments)
    if asked.publish and (asked.quick or asked.gzip or len(asked.only) < len(SCENARIOS)):
        options.error("--publish needs a full run: it excludes --only, --gzip and --quick")
    chosen = [scenario for scenario in SCENARIOS if scenario.name in asked.only]
    needed = {contender.environment for scenario in chosen for contender in scenario.contenders}
    places = {}
    for name in (PUBLISHED, PUBLISHED_PARQUET):
        is_for_parquet = name == PUBLISHED_PARQUET
        if not asked.quick and name in needed:
            places[name] = environments.make_published(parquet=is_for_parquet)
        elif environments.published(parquet=is_for_parquet).exists and name in needed:
            places[name] = environments.published(parquet=is_for_parquet)
    if asked.quick:
        asked.rounds, asked.rows = 1, QUICK
        places[OURS] = environments.here()
    else:
        places[OURS] = environments.make_ours()
    measured = {}
    for scenario in chosen:
        outcomes = run_scenario(
            scenario,
            places,
            rounds=asked.rounds,
            factor=asked.rows,
            warm_up=not asked.quick,
            compressed=asked.gzip,
            log=lambda line: print(line, file=sys.stderr, flush=True),
        )
        clients = {name: outcome.dict() for name, outcome in outcomes.items()}
        measured[scenario.name] = {"title": scenario.titled(asked.rows), "clients": clients}
    about = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": asked.rounds,
        "size": asked.rows,
        "gzip": asked.gzip,
        "libraries": {name: place.versions() for name, place in places.items()},
    }
    found = report.make_report(measured, about)
    print(report.as_text(found))
    asked.output.mkdir(parents=True, exist_ok=True)
    _write(found, asked.output / RESULTS.name, asked.output / PICTURE.name)
    if asked.publish:
        RESULTS.parent.mkdir(exist_ok=True)
        _write(found, RESULTS, PICTURE)
        PAGE.write_text(on_page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    return 1 if report.failures(found) or found["disagreements"] else 0


def _write(found: report.Report, results: Path, picture: Path) -> None:
    results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if len(found["scenarios"]) == len(SCENARIOS):
        from benchmarks.picture import draw  # noqa: PLC0415  # matplotlib takes a second, and a partial run has no picture

        draw(found, picture)


def on_page(page: str, found: report.Report) -> str:
    """Return the page with the tables of a report between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"the page lacks {BEGIN} or {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n\n{report.as_markdown(found)}\n\n{END}{after}"
