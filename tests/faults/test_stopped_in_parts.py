"""Told to stop while several threads wait for a server that does not answer: all of them end, at once, in order."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.parallel.workers import MOST_RESULTS_AHEAD
from cmsdials.result import load

from .child import OnceTheRunsAreKnown
from .conftest import HERE, Client, Fault, FaultServer
from .server import FIRST_RUN, SPLIT, rows_of

SIZE = 20
FILTERS = LumisectionHistogram1DFilters(dataset_id=SPLIT, page_size=SIZE)
BOUND = 60.0  # seconds after which it has waited for the server, or for the pause: these take longer by far
WORKERS = 3
SILENT_FROM = FIRST_RUN + 4
ROWS_BEFORE = sum(row["run_number"] < SILENT_FROM for row in rows_of("th1"))

SILENT: dict[str, Fault] = {
    "nothing": {"kind": "stall_before"},
    "half": {"kind": "stall_body", "at": 0.5},
    "a pause": {"kind": "status", "status": 503, "retry_after": "50", "together": WORKERS},
}


def begin(server: FaultServer, what: str) -> None:
    """Have the server fall silent from a run on.

    All workers come to it, because all parts of before are answered; and by then rows have been taken, because there
    are more pages of before than may wait to be taken.
    """
    assert ROWS_BEFORE / SIZE > WORKERS * MOST_RESULTS_AHEAD + 1
    server.begin(beyond=("run_number", SILENT_FROM, SILENT[what]))


def crew() -> list[threading.Thread]:
    """Return the threads that fetch parts, and the one that lists the runs beside."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("cmsdials-")]


def dicts(rows: Any) -> list[dict[str, Any]]:
    return [row.dict() for row in rows]


@pytest.fixture
def dials(server: FaultServer) -> Iterator[Dials]:
    with Dials(OnceTheRunsAreKnown(), "tracker", server.url, timeout=None) as dials:
        yield dials


@contextmanager
def signalled(
    dials: Dials,
    server: FaultServer,
    what: str,
    number: signal.Signals,
    rows: Sequence[object] | None = None,
) -> Iterator[None]:
    """Send this process a signal when all workers wait, and all rows that can come have been taken if they are given."""
    sleeping: SimpleQueue[float] = SimpleQueue()

    def sleep(seconds: float) -> None:
        sleeping.put(seconds)
        really_sleep(10 * seconds)

    def tell() -> None:
        try:
            server.wait_until_asked(0, faults=WORKERS)
            for _ in range(WORKERS if what == "a pause" else 0):
                sleeping.get(timeout=BOUND)
            while rows is not None and not (len(rows) >= ROWS_BEFORE and is_waiting(main)):
                time.sleep(0.005)
        finally:
            began.append(time.monotonic())
            os.kill(os.getpid(), number)

    began: list[float] = []
    main = threading.get_ident()
    really_sleep, dials._session._sleep = dials._session._sleep, sleep
    teller = threading.Thread(target=tell)
    teller.start()
    yield
    ended = time.monotonic()
    teller.join()
    assert ended - began[0] < BOUND


def is_waiting(thread: int) -> bool:
    """Whether a thread is within the call that takes a page, and not in the code of whoever wants it."""
    frame = sys._current_frames()[thread]
    return any(Path(one.f_code.co_filename).name == "workers.py" for one, _ in traceback.walk_stack(frame))


def nothing_follows(server: FaultServer) -> None:
    """Check that the threads have ended, without having asked for anything more."""
    asked = len(server.asked)
    all_end()
    assert len(server.asked) == asked


def all_end() -> None:
    for thread in crew():
        thread.join(BOUND)
    assert crew() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", SILENT)
def test_what_has_come_is_returned(
    server: FaultServer, dials: Dials, client: Client, folder: Path, what: str, number: signal.Signals
) -> None:
    path = folder / "listing.dials"
    begin(server, what)
    with (
        signalled(dials, server, what, number),
        pytest.warns(RuntimeWarning, match="of h1d: stopped by"),
    ):
        partial = dials.h1d.list_all(FILTERS, keep_failed=True, checkpoint=path, concurrency=WORKERS)
    nothing_follows(server)
    assert partial.exc_type == ("Terminated" if number == signal.SIGTERM else "KeyboardInterrupt")
    assert not partial.complete
    assert 0 < len(partial) < len(rows_of("th1"))
    assert dicts(partial) == rows_of("th1")[: len(partial)]
    server.begin()
    for concurrency in (1, WORKERS):
        whole = client.dials.h1d.list_all(FILTERS, resume_from=partial, concurrency=concurrency)
        assert dicts(whole) == rows_of("th1")
    again = client.dials.h1d.list_all(FILTERS, resume_from=path, checkpoint=path, concurrency=WORKERS)
    assert dicts(again) == dicts(load(path)) == rows_of("th1")


@pytest.mark.parametrize("what", SILENT)
def test_what_is_streamed_can_be_gone_on_with(server: FaultServer, dials: Dials, what: str) -> None:
    begin(server, what)
    rows: list[dict[str, Any]] = []
    pages = dials.h1d.pages(FILTERS, concurrency=WORKERS)

    def go() -> None:
        for page in pages:
            rows.extend(dicts(page.rows))

    with signalled(dials, server, what, signal.SIGINT, rows), pytest.raises(KeyboardInterrupt):
        go()
    nothing_follows(server)
    assert rows == rows_of("th1")[: len(rows)]
    server.begin()
    dials._session._sleep = lambda _seconds: None  # the pause that was asked for is of the server of before
    go()
    assert rows == rows_of("th1")


@pytest.mark.parametrize("how", ["close", "break"])
def test_who_leaves_early_breaks_off_what_is_under_way(server: FaultServer, dials: Dials, how: str) -> None:
    server.begin(beyond=("ls_number", 2, SILENT["nothing"]))  # all but the first page
    pages = dials.h1d.pages(FILTERS, concurrency=WORKERS)
    next(pages)
    server.wait_until_asked(0, faults=WORKERS)  # so that each worker waits for an answer that never comes
    asked = len(server.asked)
    if how == "close":
        pages.close()
    else:
        del pages
    all_end()
    assert len(server.asked) == asked, "what was under way was asked for already, and nothing follows it"


@pytest.mark.parametrize("saves", [True, False])
@pytest.mark.parametrize(
    ("of_list", "waiting"),
    [
        ({"th1": {0: SILENT["nothing"]}}, 1),
        ({"run": {0: SILENT["nothing"]}, "th1": {0: SILENT["nothing"]}}, 2),
        ({"run": {0: SILENT["nothing"]}, "th1": {3: SILENT["nothing"]}}, 2),
        ({}, WORKERS),
    ],
    ids=["first page", "first page and runs", "runs and a later page", "parts"],
)
def test_the_process_ends(
    server: FaultServer,
    client: Client,
    folder: Path,
    saves: bool,
    of_list: dict[str, dict[int, Fault]],
    waiting: int,
) -> None:
    path, saved = folder / "listing.dials", folder / "saved.dials"
    begin(server, "nothing")
    if of_list:
        server.begin(of_list=of_list)
    command: list[str | Path] = [
        sys.executable,
        HERE / "child.py",
        server.url,
        path,
        saved if saves else "",
        str(WORKERS),
        "" if of_list else "once the runs are known",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        server.wait_until_asked(2, faults=waiting)
        asked = len(server.asked)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=BOUND)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == (0 if saves else -signal.SIGINT), err
    assert len(server.asked) == asked
    server.begin()
    if saves:
        partial = load(saved)
        assert out.split() == ["ready", str(len(partial)), "KeyboardInterrupt"]
        assert dicts(partial) == rows_of("th1")[: len(partial)]
        assert dicts(client.dials.h1d.list_all(FILTERS, resume_from=partial)) == rows_of("th1")
    else:
        assert err.rstrip().endswith("KeyboardInterrupt")
    whole = client.dials.h1d.list_all(FILTERS, resume_from=path, checkpoint=path, concurrency=WORKERS)
    assert dicts(whole) == rows_of("th1")
