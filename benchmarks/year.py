"""A year of one detector, on paper: `python -m benchmarks.year [--manifest FILES]` prints the tables of docs/a-year.md.

The costs are those measured on the real service (`benchmarks.costs.REAL`), the files those that the planner of `download`
makes, and three workers are simulated page by page. With --manifest it writes the manifest of a folder with so many files
and reads it again, which is a measurement of this machine.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cmsdials.download.manifest import FINISHED, Entry, Manifest
from cmsdials.download.plan import Partition, partitions
from cmsdials.listing.provenance import Origin

from benchmarks.clients.memory import Memory
from benchmarks.command import RESULTS
from benchmarks.costs import REAL, Work

__all__ = ["KINDS", "Kind", "Year", "efficiency", "main", "table"]

WORKERS = 3
PAGE_ROWS, PAGE_BYTES = 500, 5e6
"""The largest page: of so many rows, and of about so many bytes."""


@dataclass(frozen=True)
class Kind:
    """Histograms of one kind.

    Attributes:
        name: In words.
        path: Their table, th1 or th2.
        answer: Bytes of JSON of one of them.
        disk: Bytes of one in a file, as the sandbox's take.
        file: Rows of a file, by default.
    """

    name: str
    path: str
    answer: int
    disk: int
    file: int

    @property
    def page(self) -> int:
        """Rows of a page."""
        return min(PAGE_ROWS, int(PAGE_BYTES / self.answer))

    def seconds(self, rows: int) -> float:
        """Return how long a worker is busy with a page of so many rows."""
        return REAL.busy(Work(self.path, rows, rows * self.answer))


KINDS = (
    Kind("1D, 200 bins", "th1", 1_200, 250, 200_000),
    Kind("2D, 72 x 26 bins", "th2", 10_000, 1_100, 20_000),
    Kind("2D, 100 x 100 bins", "th2", 42_000, 6_500, 20_000),
)


@dataclass(frozen=True)
class Year:
    """What there is: datasets, which share so many runs, and lumisections of each run of a dataset.

    Each dataset has `of_dataset` of the runs, so that there are 300 million rows.
    """

    datasets: int = 400
    runs: int = 1_500
    of_dataset: int = 25
    lumisections: int = 500
    elements: int = 60

    @property
    def rows(self) -> int:
        """Histograms, if each lumisection has each of them."""
        return self.datasets * self.of_dataset * self.lumisections * self.elements

    def listed(self) -> Iterator[tuple[int, int, int]]:
        """Yield dataset, run and number of lumisections of each run of a dataset."""
        for dataset in range(self.datasets):
            for number in range(self.of_dataset):
                yield dataset, 370_000 + (dataset * 4 + number) % self.runs, self.lumisections

    def files(self, rows: int) -> int:
        """Return how many files the planner makes of so many rows each."""
        names = {number: f"/Dataset{number}/Run2026A-v1/DQMIO" for number in range(self.datasets)}
        return sum(1 for _ in partitions(self.listed(), names, [], most=rows / self.elements))

    def seconds(self, kind: Kind, workers: int) -> float:
        """Return how long so many workers are busy, each taking the next page when it is free.

        A page holds rows of one run of a dataset only, as parts of a listing do: the last one is smaller.
        """
        whole, rest = divmod(self.lumisections * self.elements, kind.page)
        of_run = [kind.seconds(kind.page)] * whole + ([kind.seconds(rest)] if rest else [])
        free = [0.0] * workers
        for seconds in of_run * min(self.of_dataset, 4 * workers):  # after some runs it goes on like that
            heapq.heapreplace(free, free[0] + seconds)
        return max(free) * self.datasets * self.of_dataset / min(self.of_dataset, 4 * workers)


def efficiency() -> float:
    """Return the part of the time that three workers are busy with our requests, as the last benchmark measured it."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["scenarios"]["real"]["clients"]
    ours = found["ours, concurrency=3"]
    shares: list[float] = [
        busy / WORKERS / seconds for busy, seconds in zip(ours["busy"], ours["seconds"], strict=True)
    ]
    return sorted(shares)[len(shares) // 2]


def table(year: Year) -> str:
    """Return the table of how long a year takes, and what it leaves on the disk, if all of it were of one kind."""
    share = efficiency()
    lines = [
        "| All rows are | All three workers | One request at a time | Requests | Files | On disk |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind in KINDS:
        three, one = year.seconds(kind, WORKERS) / share, year.seconds(kind, 1)
        cells = (
            kind.name,
            _long(three),
            _long(one),
            _number(year.rows / kind.page),
            _number(year.files(kind.file)),
            f"{year.rows * kind.disk / 1e9:.0f} GB",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _long(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def manifest(folder: Path, files: int) -> str:
    """Write the manifest of so many finished files of one run and one monitoring element each, and read it again."""
    origin = Origin(resource="h1d", base_url="https://dials.example/", workspace="tracker", query={})
    written = Manifest(folder, origin, "0" * 64, "2026-01-01T00:00:00+00:00")
    planned = [_partition(number) for number in range(files)]
    written.plan(planned)
    written.add(map(_finished, planned))
    size = sum(path.stat().st_size for path in folder.iterdir())
    del written, planned
    memory, began = Memory(), time.perf_counter()
    held = Manifest.read(folder)
    opened = time.perf_counter() - began
    shown = str(held)
    whole = time.perf_counter() - began
    return (
        f"{_number(files)} files: manifest of {size / 1e6:.0f} MB, read in {opened:.1f} s with {memory.peak() / 1e6:.0f} MB of"
        f" memory, status after {whole:.1f} s\n{shown.splitlines()[1]}"
    )


def _partition(number: int) -> Partition:
    dataset, run = number % 400, 360_000 + number // 400
    return Partition(f"/Dataset{dataset}/Run2026A-v1/DQMIO", 15_000_000 + dataset, run, run, {run: 500})


def _finished(partition: Partition) -> Entry:
    run, me_id = partition.first, 1 + partition.first % 60
    return Entry(
        partition=partition,
        status=FINISHED,
        rows=500,
        bytes=125_000,
        sha256=f"{run * 400 + partition.dataset_id:064x}",
        elements={me_id: f"PixelPhase1/Tracks/PXBarrel/charge_PXLayer_{me_id}"},
        groups=((run, me_id, 500),),
        retrieved={run: 500},
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:01:00+00:00",
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.year", description="A year, on paper.")
    options.add_argument("--manifest", type=int, metavar="FILES", help="measure a manifest of so many files")
    asked = options.parse_args(arguments)
    if asked.manifest is None:
        print(table(Year()))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(manifest(Path(folder), asked.manifest))


if __name__ == "__main__":
    main(sys.argv[1:])
