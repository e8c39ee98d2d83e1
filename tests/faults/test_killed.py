"""Processes that are killed while they list: what they kept is whole pages, and going on gives every row once."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cmsdials.errors import CheckpointError
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters
from cmsdials.result import load

from .conftest import HERE, Client, FaultServer
from .server import SPLIT, rows_of

SIZE = 40  # as in child.py
PAGES = 65
MOMENTS = 50
MOMENTS_IN_PARTS = 15
BOUND = 30.0  # seconds after which a test gives up


@contextmanager
def child(server: FaultServer, *arguments: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that is about to list."""
    process = subprocess.Popen(
        [sys.executable, HERE / "child.py", server.url, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


class Forks:
    """Starts processes that list, and kills them."""

    def __init__(self, server: FaultServer) -> None:
        self._url = server.url
        self._process = subprocess.Popen(
            [sys.executable, HERE / "child.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _tell(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def killed(self, path: Path, size: int, then: float, *more: str) -> None:
        """Have a process list into a file, and kill it some seconds after the file has a size."""
        pid = self._tell(json.dumps([self._url, str(path), *more]))
        wait_for(path, size, then)
        os.kill(
            pid, signal.SIGKILL
        )  # it stays a zombie, so the number is its own, until somebody waits for it
        assert self._tell("wait") in (signal.SIGKILL, 0)

    def stop(self) -> None:
        self._process.communicate(timeout=BOUND)


@pytest.fixture
def forks(server: FaultServer) -> Iterator[Forks]:
    forks = Forks(server)
    yield forks
    forks.stop()


def wait_for(path: Path, size: int, then: float) -> None:
    """Wait until a file has a size, and some seconds more."""
    bound = time.monotonic() + BOUND
    while not (path.exists() and path.stat().st_size >= size):
        assert time.monotonic() < bound, f"{path} does not grow"
    bound = time.monotonic() + then
    while time.monotonic() < bound:
        pass


def gone_on(client: Client, path: Path) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="resume_from is complete")
        result = client.dials.run.list_all(
            RunFilters(page_size=SIZE), checkpoint=path, resume_from=path, retries=0
        )
    assert result.complete
    assert load(path).results == result.results
    return [row.dict() for row in result]


def gone_on_in_parts(client: Client, path: Path, concurrency: int) -> list[dict[str, Any]]:
    filters = LumisectionHistogram1DFilters(dataset_id=SPLIT, page_size=SIZE)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="resume_from is complete")
        result = client.dials.h1d.list_all(
            filters, checkpoint=path, resume_from=path, retries=0, concurrency=concurrency
        )
    assert result.complete
    assert load(path).results == result.results
    return [row.dict() for row in result]


@pytest.fixture
def patient(server: FaultServer) -> Iterator[Client]:
    """A client that waits longer than a busy machine makes it."""
    server.begin()
    client = Client(server, timeout=10)
    with client.dials:
        yield client


@pytest.fixture
def size(patient: Client, folder: Path) -> int:
    """How large the file of a quiet run is."""
    assert gone_on(patient, folder / "quiet") == rows_of("run")
    return (folder / "quiet").stat().st_size


def test_killed_at_any_moment(forks: Forks, patient: Client, size: int, folder: Path) -> None:
    moments = random.Random(20240504)
    path, copy = folder / "listing.dials", folder / "copy.dials"
    kept = []
    for _ in range(MOMENTS):
        began = path.stat().st_size if path.exists() else 0
        # Somewhere in what is left; soon after the file is there, when its first line is being written; in between.
        at = moments.choice([0, began, *(moments.randint(began, size) for _ in range(4))])
        forks.killed(path, at, moments.random() / 250)
        kept.append(path.stat().st_size if path.exists() else 0)
        assert kept[-1] >= began
        copy.unlink(missing_ok=True)
        if path.exists():
            shutil.copyfile(path, copy)
            if moments.random() < 0.5:  # as if the disk had been slower: the last page came in part
                os.truncate(copy, max(0, kept[-1] - moments.randint(1, 300)))
        assert gone_on(patient, copy) == rows_of("run"), "whoever goes on now has every row"
        if kept[-1] >= size * 0.9:
            path.unlink()
    assert sum(0 < one < size for one in kept) > MOMENTS / 2, "most were killed in the middle"


def test_killed_at_any_moment_in_parts(forks: Forks, patient: Client, folder: Path) -> None:
    moments = random.Random(20260214)
    path, copy = folder / "listing.dials", folder / "copy.dials"
    assert gone_on_in_parts(patient, folder / "quiet", 3) == rows_of("th1")
    size = (folder / "quiet").stat().st_size
    kept = []
    for _ in range(MOMENTS_IN_PARTS):
        began = path.stat().st_size if path.exists() else 0
        at = moments.choice([began, *(moments.randint(began, size) for _ in range(4))])
        forks.killed(path, int(at * 0.95), moments.random() / 250, "", "3")
        kept.append(path.stat().st_size if path.exists() else 0)
        assert kept[-1] >= began
        copy.unlink(missing_ok=True)
        if path.exists():
            shutil.copyfile(path, copy)
            if moments.random() < 0.5:
                os.truncate(copy, max(0, kept[-1] - moments.randint(1, 300)))
        concurrency = moments.choice([1, 2, 3])
        assert gone_on_in_parts(patient, copy, concurrency) == rows_of("th1"), "whoever goes on has every row"
        if kept[-1] >= size * 0.8:
            path.unlink()
    assert sum(0 < one < size for one in kept) > MOMENTS_IN_PARTS / 2, "most were killed in the middle"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.8])
def test_told_to_stop(
    server: FaultServer, patient: Client, size: int, folder: Path, number: signal.Signals, part: float
) -> None:
    path, saved = folder / "listing.dials", folder / "saved.dials"
    server.begin(
        {min(PAGES - 1, int(part * PAGES) + 8): {"kind": "hold"}}
    )  # it does not end before it is told to
    with child(server, path, saved) as process:
        wait_for(path, int(part * size), 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=BOUND)
    assert process.returncode == 0, err
    rows, stopped_by = out.split()
    assert stopped_by == ("Terminated" if number == signal.SIGTERM else "KeyboardInterrupt")
    partial = load(saved)
    assert len(partial) == int(rows)
    assert not partial.complete
    assert [row.dict() for row in partial] == rows_of("run")[: len(partial)]
    server.begin()
    # The page in flight may have been kept and not have counted.
    assert 0 <= len(load(path)) - len(partial) <= SIZE
    whole = patient.dials.run.list_all(RunFilters(page_size=SIZE), resume_from=partial)
    assert [row.dict() for row in whole] == rows_of("run")
    both = patient.dials.run.list_all(RunFilters(page_size=SIZE), resume_from=partial, checkpoint=path)
    assert [row.dict() for row in both] == [row.dict() for row in load(path)] == rows_of("run")


def test_one_file_has_one_writer(server: FaultServer, patient: Client, folder: Path) -> None:
    path = folder / "listing.dials"
    server.begin({30: {"kind": "hold"}})  # with its 31st page to come
    with child(server, path) as process:
        assert server.tell("wait_until_held")
        with pytest.raises(CheckpointError, match=r"another process is writing .*listing\.dials"):
            gone_on(patient, path)
        assert len(load(path)) == 30 * SIZE, "reading is allowed"
        server.tell("release")
        out, _ = process.communicate(timeout=BOUND)
    assert out.split() == [str(len(rows_of("run"))), "None"]
    assert gone_on(patient, path) == rows_of("run")
