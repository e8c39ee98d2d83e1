"""A process that downloads, to be killed: python downloading.py URL FOLDER CONCURRENCY [EVENT NUMBER]

With EVENT, the name of an audit event of Python (`open`, `os.rename`, `os.remove`), it kills itself
right before it does such a thing in the folder for the NUMBER-th time; `append` is the opening of the manifest to write.

`python downloading.py` alone reads such arguments as lines of JSON and forks a process for each, because starting Python
and Arrow takes longer than all the rest; the line `wait` has it wait for the last one and say how that ended.
"""

import importlib
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from cmsdials import Dials
from cmsdials.errors import RequestFailedError
from cmsdials.filters import LumisectionHistogram1DFilters

SPLIT = 15102369
FILTERS = {"dataset_id": SPLIT, "page_size": 20}
ROWS = 100
FAILED = 3
"""Exit code if something could not be fetched."""


class Credentials:
    def before_request(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = "Bearer token-0"


def kill_at(folder: str, event: str, number: int) -> None:
    """End at once, as a kill does, before an event in the folder."""
    seen = 0

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if name not in ("open", "os.rename", "os.remove") or not isinstance(arguments[0], str | Path):
            return
        path = str(arguments[0])
        is_append = name == "open" and path.endswith("manifest.jsonl") and "a" in str(arguments[1])
        if path.startswith(folder) and event == ("append" if is_append else name):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(url: str, folder: str, concurrency: str, event: str = "", number: str = "0") -> None:
    warnings.simplefilter("ignore", RuntimeWarning)
    dials = Dials(Credentials(), "tracker", url)
    dials._session._sleep = lambda _seconds: None
    if event:
        kill_at(folder, event, int(number))
    try:
        dials.h1d.download(
            LumisectionHistogram1DFilters(**FILTERS),  # type: ignore[arg-type]
            folder,
            rows_per_file=ROWS,
            concurrency=int(concurrency),
        )
    except RequestFailedError as error:
        print(type(error).__name__, error, flush=True)
        raise SystemExit(FAILED) from None


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
    else:
        from forks import fork_for_each_line  # a neighbour of this program

        for library in ("cmsdials.download.parquet", "filelock", "httpx", "pyarrow.parquet"):
            importlib.import_module(library)  # before the fork, not after it
        fork_for_each_line(main)
