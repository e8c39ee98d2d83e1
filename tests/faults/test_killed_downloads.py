"""Downloads that are killed while the service fails: in the end the folder is as that of a quiet one, whenever that was."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials import open_dataset, verify
from cmsdials.errors import CheckpointError
from cmsdials.filters import LumisectionHistogram1DFilters
from hypothesis import settings

from .conftest import HERE, Client, Fault, FaultServer
from .downloading import FAILED, FILTERS, ROWS
from .forks import Forks

IS_NIGHTLY = settings().max_examples >= 1000
KILLS = 30 if IS_NIGHTLY else 4
PLACES = [
    ("append", 1),  # the first line of the manifest
    ("append", 2),  # what is planned
    ("append", 4),  # what is finished: the file stands in its place, and no line says so
    ("os.rename", 2),
    ("os.remove", 1),  # of what the one that was killed before has left
    ("open", 3),
]
"""What a process is about to do in the folder when it is killed: an event, and which one of them."""
KINDS = (
    "accept_close",
    "chunked_cut",
    "close_before",
    "cut_gzip",
    "cut_headers",
    "cut_json",
    "damaged_gzip",
    "empty_body",
    "garbage",
    "html_200",
    "reset_before",
    "reset_body",
    "reset_headers",
    "short_body",
    "status",
    "worker_killed",
)
REQUESTS = 76
"""How many a whole download needs."""
BOUND = 120.0
KEY = [(name, "ascending") for name in ("dataset_id", "run_number", "ls_number", "me_id")]


def faults(moments: random.Random) -> dict[int, Fault]:
    """One request in six meets one, all over a download."""
    return {
        number: {
            "kind": moments.choice(KINDS),
            "at": moments.random(),
            "status": moments.choice([429, 502, 504]),
        }
        for number in range(2 * REQUESTS)
        if moments.random() < 1 / 6
    }


class Downloads(Forks):
    """Processes that download, to be killed."""

    def __init__(self, server: FaultServer) -> None:
        super().__init__(HERE / "downloading.py")
        self._server = server

    def whole(self, folder: Path, *more: object) -> int:
        """Have a process download into a folder; return its exit code."""
        self.start(self._server.url, str(folder), *map(str, more))
        return self.ended()

    def killed(self, folder: Path, concurrency: int, requests: int, then: float) -> int:
        """Have a process download, and kill it some seconds after so many requests, if it has not ended by itself."""
        pid = self.start(self._server.url, str(folder), str(concurrency))
        until = time.monotonic() + then + 1
        while len(self._server.asked) < requests and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(then)
        os.kill(pid, signal.SIGKILL)
        return self.ended()


@pytest.fixture
def forks(server: FaultServer) -> Iterator[Downloads]:
    forks = Downloads(server)
    yield forks
    forks.stop()


@pytest.fixture
def quiet(server: FaultServer, client: Client, folder: Path) -> Any:
    """The rows of a download that nothing disturbs."""
    filters = LumisectionHistogram1DFilters(**FILTERS)  # type: ignore[arg-type]
    client.dials.h1d.download(filters, folder / "quiet", rows_per_file=ROWS)
    assert len(server.asked) <= REQUESTS
    return open_dataset(folder / "quiet").to_table().sort_by(KEY)


def whole_files(folder: Path) -> int:
    """How many files are finished; nothing else may be wrong with the folder."""
    if not (folder / "manifest.jsonl").exists():
        with pytest.raises(CheckpointError, match="there is no download"):
            verify(folder)
        return 0
    found = verify(folder)
    assert {one.problem for one in found.problems} <= {"unfinished"}
    return found.files


def finish(server: FaultServer, forks: Downloads, folder: Path, moments: random.Random) -> None:
    """Download to the end, while the service goes on failing."""
    for _ in range(100):
        server.begin(faults(moments))
        code = forks.whole(folder, moments.choice([1, 3]))
        if code == 0:
            return
        assert code == FAILED
    pytest.fail("it does not come to an end")


def is_as_quiet(folder: Path, quiet: Any) -> None:
    assert verify(folder).problems == ()
    assert open_dataset(folder).to_table().sort_by(KEY).equals(quiet)
    assert not [*(folder / "unfinished").iterdir()]


def test_killed_at_random_moments_while_the_service_fails(
    server: FaultServer, forks: Downloads, quiet: Any, folder: Path
) -> None:
    moments = random.Random(20260417)
    place, finished, killed = folder / "killed", 0, 0
    for _ in range(KILLS):
        server.begin(faults(moments))
        code = forks.killed(place, moments.choice([1, 3]), moments.randint(1, 12), moments.random() / 20)
        assert code in (-signal.SIGKILL, 0, FAILED)
        killed += code == -signal.SIGKILL
        path = place / "manifest.jsonl"
        if (
            path.exists() and moments.random() < 0.3
        ):  # as if the disk had been slower: the last line came in part
            os.truncate(path, max(0, path.stat().st_size - moments.randint(1, 300)))
        elif place.exists():
            now = whole_files(place)
            assert now >= finished, "what is finished stays finished"
        finished = whole_files(place) if place.exists() else 0
    assert killed > KILLS / 2, "most were killed in the middle"
    finish(server, forks, place, moments)
    is_as_quiet(place, quiet)


@pytest.mark.parametrize("concurrency", [1, 3] if IS_NIGHTLY else [3])
def test_killed_at_each_place(
    server: FaultServer, forks: Downloads, quiet: Any, folder: Path, concurrency: int
) -> None:
    moments = random.Random(20260418)
    place = folder / "killed"
    for event, number in PLACES:
        server.begin(faults(moments))
        code = forks.whole(place, concurrency, event, number)
        assert code == -signal.SIGKILL, f"it never came to {event} {number}"
        whole_files(place)
    finish(server, forks, place, moments)
    is_as_quiet(place, quiet)
