"""A whole script, from the start of Python to its end, imports included; the option `job` says which.

It is measured in another, fresh process. What it fetched is checked in one more, which does not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clients.task import Contents, Measurement, Task

_DIALS = """
import json, sys
{also}
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters
url, asked = sys.argv[1], json.loads(sys.argv[2])
dials = Dials(Credentials(token="benchmark"), workspace="tracker", base_url=url)
{job}
"""
_NUMPY = "import numpy as np"
# What a client that asks by httpx cannot do without: its libraries, the pages, the numbers.
_LIMIT = """
import json, sys
{also}
import httpx
url, asked = sys.argv[1], json.loads(sys.argv[2])
found = []
with httpx.Client(timeout=None, headers=dict(authorization="Bearer benchmark")) as client:
    query = asked
    while True:
        page = {parse}(client.get(f"{{url}}api/v1/{path}/", params=query).content)
        {job}
        if page["next"] is None:
            break
        query = dict(asked, next_token=httpx.URL(page["next"]).params["next_token"])
        del page
"""

JOBS = {
    "th1 to rows": _DIALS.format(
        also="",
        job="found = [row.data for row in dials.h1d.list_all(LumisectionHistogram1DFilters(**asked)).results]",
    ),
    "th2 to numpy": _DIALS.format(
        also=_NUMPY, job="found = dials.h2d.to_numpy(LumisectionHistogram2DFilters(**asked))['data']"
    ),
    # 2.4.1 has no to_numpy, and this is what its users write.
    "th2 to numpy, row by row": _DIALS.format(
        also=_NUMPY,
        job="rows = dials.h2d.list_all(LumisectionHistogram2DFilters(**asked)).results\n"
        "found = np.array([row.data for row in rows])",
    ),
    "th2 to pandas": _DIALS.format(
        also="",
        job="found = dials.h2d.list_all(LumisectionHistogram2DFilters(**asked)).to_pandas()['data']",
    ),
    "first th2": _DIALS.format(
        also="", job="found = [next(dials.h2d.iterate(LumisectionHistogram2DFilters(**asked))).data]"
    ),
    # 2.4.1 cannot fetch row by row: its first row comes with the first page.
    "first th2 of a page": _DIALS.format(
        also="", job="found = [dials.h2d.list(LumisectionHistogram2DFilters(**asked)).results[0].data]"
    ),
    "get": _DIALS.format(also="", job="found = [dials.h1d.get(**asked).data]"),
    "import pandas": "import pandas",
    "th1 to rows, at the limit": _LIMIT.format(
        also="", path="th1", parse="json.loads", job="found += [row['data'] for row in page['results']]"
    ),
    "th2 to numpy, at the limit": _LIMIT.format(
        also=f"{_NUMPY}, simdjson",
        path="th2",
        parse="simdjson.Parser().parse",
        job="found += [np.frombuffer(row['data'].as_buffer(of_type='d')) for row in page['results']]",
    ),
}

_CHECK = """
sys.path.append(sys.argv[3])
from benchmarks.clients.frame import data_checksum
data = 0
for one in found:
    data = data_checksum(data, one)
print(json.dumps([len(found), data]))
"""
_ROOT = Path(__file__).parents[2]


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """See `task.Client`."""
    code = JOBS[task.options["job"]]
    arguments = [task.url, json.dumps(task.filters)] if task.url else []

    def run() -> float:
        began = time.perf_counter()
        _python(code, *arguments)
        return time.perf_counter() - began

    def measured(seconds: float) -> Measurement:
        if not arguments:
            return Measurement(seconds)
        rows, data = json.loads(_python(code + _CHECK, *arguments, str(_ROOT)))
        return Measurement(seconds, Contents(rows=rows, data=data))

    return run, measured


def _python(code: str, *arguments: str) -> str:
    # 2.4.1 warns that the older credentials are deprecated; both clients accept them.
    command = [sys.executable, "-I", "-W", "ignore::DeprecationWarning", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # this Python, and the code above
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout
