"""Processes that are killed while they list: what they kept is whole pages, and going on gives every row once."""

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
from .forks import Forks
from .server import SPLIT, rows_of

SIZE = 40  # as in child.py
PAGES = 65
MOMENTS = 50
MOMENTS_IN_PARTS = 15
CONCURRENCY = 3
AHEAD = 3  # pages that are answered after the moment; no more are, so that none is killed too late
BOUND = 120.0  # seconds after which a test gives up


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


class Listings(Forks):
    """Processes that list, to be killed."""

    def __init__(self, server: FaultServer) -> None:
        super().__init__(HERE / "child.py")
        self._server = server

    def killed(self, path: Path, requests: int, then: float, *more: str) -> None:
        """Have a process list into a file, and kill it some seconds after so many requests.

        It needs more than `AHEAD` requests after these, so that it cannot have ended.
        """
        ahead = requests + AHEAD
        self._server.begin({number: {"kind": "hold"} for number in range(ahead, ahead + CONCURRENCY)})
        pid = self.start(self._server.url, str(path), *more)
        self._server.wait_until_asked(requests)
        time.sleep(then)
        os.kill(pid, signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL, "it was under way"
        self._server.begin()


@pytest.fixture
def forks(server: FaultServer) -> Iterator[Listings]:
    forks = Listings(server)
    yield forks
    forks.stop()


def kept_in(path: Path) -> int:
    """How many rows a file has; a process that was killed at once has left none, or not even its first line."""
    try:
        return len(load(path))
    except CheckpointError:
        return 0


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
    server.begin()
    client = Client(server)
    with client.dials:
        yield client


def test_killed_at_any_moment(forks: Listings, patient: Client, folder: Path) -> None:
    moments = random.Random(20240504)
    path, copy = folder / "listing.dials", folder / "copy.dials"
    kept = [0]
    for _ in range(MOMENTS):
        # Somewhere in what is left; when its first line is being written; in between.
        at = moments.choice(
            [0, *(moments.randint(0, PAGES - kept[-1] // SIZE - AHEAD - 1) for _ in range(5))]
        )
        forks.killed(path, at, moments.random() / (250 if at else 50))
        kept.append(kept_in(path))
        assert max(0, at - 1) * SIZE <= kept[-1] - kept[-2] <= (at + AHEAD) * SIZE
        copy.unlink(missing_ok=True)
        if path.exists():
            shutil.copyfile(path, copy)
            if moments.random() < 0.5:  # as if the disk had been slower: the last page came in part
                os.truncate(copy, max(0, path.stat().st_size - moments.randint(1, 300)))
        assert gone_on(patient, copy) == rows_of("run"), "whoever goes on now has every row"
        if kept[-1] >= len(rows_of("run")) * 0.9:
            path.unlink()
            kept.append(0)
    assert sum(one > 0 for one in kept) > MOMENTS / 2, "most were killed in the middle"


def test_killed_at_any_moment_in_parts(forks: Listings, patient: Client, folder: Path) -> None:
    moments = random.Random(20260214)
    path, copy = folder / "listing.dials", folder / "copy.dials"
    kept = [0]
    for _ in range(MOMENTS_IN_PARTS):
        # So many requests at least are left, however it is cut.
        left = (len(rows_of("th1")) - kept[-1]) // SIZE
        forks.killed(path, moments.randint(0, left - AHEAD - 1), moments.random() / 250, "", str(CONCURRENCY))
        kept.append(kept_in(path))
        assert kept[-2] <= kept[-1] < len(rows_of("th1"))
        copy.unlink(missing_ok=True)
        if path.exists():
            shutil.copyfile(path, copy)
            if moments.random() < 0.5:
                os.truncate(copy, max(0, path.stat().st_size - moments.randint(1, 300)))
        concurrency = moments.choice([1, 2, 3])
        assert gone_on_in_parts(patient, copy, concurrency) == rows_of("th1"), "whoever goes on has every row"
        if kept[-1] >= len(rows_of("th1")) * 0.8:
            path.unlink()
            kept.append(0)
    assert sum(one > 0 for one in kept) > MOMENTS_IN_PARTS / 2, "most were killed in the middle"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.8])
def test_told_to_stop(
    server: FaultServer, patient: Client, folder: Path, number: signal.Signals, part: float
) -> None:
    path, saved = folder / "listing.dials", folder / "saved.dials"
    server.begin(
        {min(PAGES - 1, int(part * PAGES) + 8): {"kind": "hold"}}
    )  # it does not end before it is told to
    with child(server, path, saved) as process:
        server.wait_until_asked(int(part * PAGES) + 1)  # with a page kept at least
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
