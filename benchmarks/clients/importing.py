"""The import at the start of every script, or of the package alone, or the start of a command; the option `only` says which.

It is measured in another, fresh process: modules that are already loaded would not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.clients.task import Measurement, Task

_COMMAND = """
import contextlib, io, sys
sys.argv = ["cmsdials", *{words}]
from cmsdials.__main__ import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""
IMPORTS = {
    "command --version": _COMMAND.format(words=["--version"]),
    "command runs --help": _COMMAND.format(words=["runs", "--help"]),
    "libraries of a command": "import typer, rich, httpx",
    "package": "import cmsdials",
    "script": "from cmsdials import Dials; from cmsdials.filters import LumisectionHistogram1DFilters",
}
HEAVY = ("attrs", "httpx", "numpy", "pandas", "urllib3")

_TIMED = """
import time
began = time.perf_counter()
{imports}
seconds = time.perf_counter() - began
import json, sys
print(json.dumps([seconds, [name for name in {heavy} if name in sys.modules]]))
"""


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """See `task.Client`."""
    code = _TIMED.format(imports=IMPORTS[task.options["only"]], heavy=HEAVY)

    def imported() -> str:
        return subprocess.run(  # noqa: S603  # this Python, and the code above
            [sys.executable, "-I", "-c", code], stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def measured(written: str) -> Measurement:
        seconds, loaded = json.loads(written)
        return Measurement(seconds=seconds, loaded=loaded)

    return imported, measured
