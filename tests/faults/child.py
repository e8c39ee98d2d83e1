"""A process that lists, to be killed: python child.py URL CHECKPOINT [RESULT [CONCURRENCY [ONCE]]]

The same call begins and goes on. With RESULT it keeps what has come when it is told to stop, saves that, and says what
stopped it. It lists runs, or histograms if it is given a CONCURRENCY; with ONCE, whatever it is, it asks for more than a
page only once it knows the runs, so that from there on several threads ask.

`python child.py` alone reads such arguments as lines of JSON and forks a process for each, because starting Python fifty
times takes longer than all the rest; the line `wait` has it wait for the last one and say how that ended.
"""

import sys
import threading
import warnings
from typing import Any

import httpx  # noqa: F401  # before the fork, not after it
from cmsdials import Dials
from cmsdials.filters import LumisectionHistogram1DFilters, RunFilters


class Credentials:
    def before_request(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = "Bearer token-0"


class OnceTheRunsAreKnown(Credentials):
    """Has whoever fetches parts wait with the second request until the runs are known."""

    def __init__(self) -> None:
        self._requests = 0
        self._counting = threading.Lock()

    def before_request(self, headers: dict[str, str]) -> None:
        super().before_request(headers)
        beside = [one for one in threading.enumerate() if one.name == "cmsdials-beside"]
        if threading.current_thread() in beside:
            return
        with self._counting:
            self._requests += 1
            is_first = self._requests == 1
        for thread in beside if not is_first else ():
            thread.join()


def main(url: str, checkpoint: str, saved: str = "", concurrency: str = "", once: str = "") -> None:
    warnings.simplefilter("ignore", RuntimeWarning)
    dials = Dials(OnceTheRunsAreKnown() if once else Credentials(), "tracker", url, timeout=None)
    print("ready", flush=True)
    options: dict[str, Any] = {
        "checkpoint": checkpoint,
        "resume_from": checkpoint,
        "keep_failed": bool(saved),
    }
    if concurrency:
        filters = LumisectionHistogram1DFilters(dataset_id=15102369, page_size=40)
        result = dials.h1d.list_all(filters, **options, concurrency=int(concurrency))
    else:
        result = dials.run.list_all(RunFilters(page_size=40), **options)
    if saved:
        result.save(saved)
    print(len(result), result.exc_type, flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
    else:
        from forks import fork_for_each_line  # a neighbour of this program

        fork_for_each_line(main)
