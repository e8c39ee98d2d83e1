"""A process that is interrupted while it imports a library: python interrupted_import.py URL LIBRARY MOMENTS

It forks a child for each of so many moments, spread over the import. A child uses the library for the first time, gets a
KeyboardInterrupt when that library looks for the n-th of its modules, and uses it again over the same `Dials`, which has
to go well. Prints how many children there were.
"""

import _thread
import contextlib
import faulthandler
import importlib.abc
import io
import os
import sys
from collections.abc import Callable
from typing import Any

from cmsdials import Dials
from cmsdials.errors import ResponseError
from cmsdials.filters import LumisectionHistogram1DFilters

PATIENCE = 120  # seconds without any progress


class Credentials:
    def before_request(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = "Bearer token-0"


class Interrupting(importlib.abc.MetaPathFinder):
    """Finds nothing; interrupts the main thread when the n-th module of a library is looked for."""

    def __init__(self, libraries: tuple[str, ...], moment: int) -> None:
        self.count = 0
        self._libraries = libraries
        self._moment = moment

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] in self._libraries:
            self.count += 1
            if self.count == self._moment:
                _thread.interrupt_main()


def rows(dials: Dials) -> Any:
    filters = LumisectionHistogram1DFilters(page_size=10)
    return dials.h1d.list_all(filters, max_pages=1, enable_progress=False)


def rows_after_a_failure(dials: Dials) -> Any:
    with contextlib.suppress(ResponseError):
        dials.run.get(dataset_id=1, run_number=1)
    return rows(dials)


def rows_beside_numpy(dials: Dials) -> Any:
    rows(dials).to_numpy()
    return rows(dials)


USES: dict[str, Callable[[Dials], Any]] = {
    "httpx": rows,
    "urllib3": rows_after_a_failure,
    "numpy": lambda dials: rows(dials).to_numpy(),
    "simdjson": rows_beside_numpy,
    "pandas": lambda dials: rows(dials).to_pandas(),
    "pyarrow": lambda dials: rows(dials).to_arrow(),
    "polars": lambda dials: rows(dials).to_polars(),
    "hist": lambda dials: rows(dials).to_hist(),
    "tqdm": lambda dials: dials.h1d.list_all(
        LumisectionHistogram1DFilters(page_size=500), enable_progress=True
    ),
}
PARTS = {"simdjson": ("simdjson", "csimdjson"), "hist": ("hist", "boost_histogram")}


def used(url: str, library: str, moment: int) -> int:
    """Use a library, be interrupted in the import of it if the moment is not 0, and use it again; return its modules."""
    dials = Dials(Credentials(), "tracker", url)
    finder = Interrupting(PARTS.get(library, (library,)), moment)
    assert not {*PARTS.get(library, (library,))} & sys.modules.keys()
    sys.meta_path.insert(0, finder)
    with contextlib.redirect_stderr(io.StringIO()):  # the bar
        try:
            USES[library](dials)
            assert not moment, "it was not interrupted"
        except KeyboardInterrupt:
            assert moment
        assert len(USES[library](dials))
        dials.close()
    return finder.count


def in_a_child(work: Callable[[], int]) -> int:
    """Do something in a child process, and return what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        code = 1
        try:
            os.write(writing, str(work()).encode())
            code = 0
        except BaseException:  # noqa: BLE001  # the process ends here
            sys.excepthook(*sys.exc_info())
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as said:
        answer = said.read()
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(1)
    return int(answer)


if __name__ == "__main__":
    url, library, moments = sys.argv[1], sys.argv[2], int(sys.argv[3])
    there_are = in_a_child(lambda: used(url, library, 0))
    chosen = sorted({1 + number * (there_are - 1) // max(1, moments - 1) for number in range(moments)})
    for moment in chosen:
        in_a_child(lambda moment=moment: used(url, library, moment))
    print(len(chosen), flush=True)
