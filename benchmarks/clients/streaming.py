"""Row after row, or page after page, each dropped as soon as its histogram has been looked at."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.clients.frame import KEYS, data_checksum
from benchmarks.clients.task import Contents, Measurement, Task


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """Import everything, by streaming one row; see `task.Client`.

    The option `by` is iterate or pages; the others are arguments of that method.
    """
    from cmsdials import Dials  # noqa: PLC0415  # the import is not part of what is measured
    from cmsdials.auth.secret_key import Credentials  # noqa: PLC0415
    from cmsdials.filters import LumisectionHistogram1DFilters, LumisectionHistogram2DFilters  # noqa: PLC0415

    filters: Any = {"h1d": LumisectionHistogram1DFilters, "h2d": LumisectionHistogram2DFilters}[task.resource]
    dials = Dials(Credentials(token="benchmark"), workspace="tracker", base_url=task.url)  # noqa: S106

    by = task.options["by"]
    how = {name: value for name, value in task.options.items() if name != "by"}

    def rows(asked: dict[str, Any]) -> Iterator[Any]:
        listing = getattr(getattr(dials, task.resource), by)(filters(**asked), **how)
        if by == "iterate":
            yield from listing
        else:
            for page in listing:
                yield from page.rows

    def stream(asked: dict[str, Any]) -> Measurement:
        count = data = keys = 0
        first = None
        began = time.perf_counter()
        for row in rows(asked):
            if first is None:
                first = time.perf_counter() - began
            count += 1
            data = data_checksum(data, row.data)
            keys = zlib.crc32(repr([getattr(row, key) for key in KEYS]).encode(), keys)
        return Measurement(contents=Contents(rows=count, data=data, keys=keys), first=first)

    stream(task.one)
    return lambda: stream(task.filters), lambda measurement: measurement
