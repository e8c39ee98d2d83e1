"""Histograms into a folder, as `download` puts them there; or the same listing without writing anything."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable
from typing import Any

from benchmarks.clients.frame import KEYS, data_checksum, measured_frame
from benchmarks.clients.task import Contents, Measurement, Task


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """Import everything, by fetching one row; see `task.Client`.

    The option `by` is download or list_all; the others are arguments of that method.
    """
    import cmsdials  # noqa: PLC0415  # the import is not part of what is measured
    from cmsdials import Dials  # noqa: PLC0415
    from cmsdials.auth.secret_key import Credentials  # noqa: PLC0415
    from cmsdials.filters import LumisectionHistogram2DFilters  # noqa: PLC0415

    dials = Dials(Credentials(token="benchmark"), workspace="tracker", base_url=task.url)  # noqa: S106
    how = {name: value for name, value in task.options.items() if name != "by"}

    if task.options["by"] == "list_all":

        def listed(asked: dict[str, Any]) -> Any:
            return dials.h2d.list_all(LumisectionHistogram2DFilters(**asked), **how)

        listed(task.one).to_pandas()
        return lambda: listed(task.filters), lambda result: measured_frame(result.to_pandas())

    place = tempfile.TemporaryDirectory(prefix="benchmark-")

    def downloaded(asked: dict[str, Any], name: str) -> str:
        folder = f"{place.name}/{name}"
        dials.h2d.download(LumisectionHistogram2DFilters(**asked), folder, **how)
        return folder

    def measured(folder: str) -> Measurement:
        rows = data = keys = 0
        for batch in cmsdials.open_dataset(folder).to_batches():
            rows += len(batch)
            data = data_checksum(data, batch["data"].flatten().to_numpy())
            ours = [batch[name].to_pylist() for name in KEYS]
            keys = zlib.crc32(_as_int64([*zip(*ours, strict=True)]), keys)
        place.cleanup()
        return Measurement(contents=Contents(rows=rows, data=data, keys=keys))

    downloaded(task.one, "one")
    return lambda: downloaded(task.filters, "all"), measured


def _as_int64(keys: list[tuple[int, ...]]) -> bytes:
    import numpy as np  # noqa: PLC0415  # needed only if something is fetched

    return np.array(keys, dtype="int64").tobytes()
