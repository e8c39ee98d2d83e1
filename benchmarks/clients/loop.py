"""The loop that people write: a file for each run, from the frame of a listing. The same for cmsdials 2.4.1 and this client."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clients.frame import measured_frame
from benchmarks.clients.task import Measurement, Task


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """Import everything, by fetching and writing one row; see `task.Client`. The option `page_size` is that of the listings."""
    import pandas as pd  # noqa: PLC0415  # the import is not part of what is measured, yet may fail
    from cmsdials import Dials  # noqa: PLC0415
    from cmsdials.auth.secret_key import Credentials  # noqa: PLC0415
    from cmsdials.filters import LumisectionHistogram2DFilters, RunFilters  # noqa: PLC0415

    with warnings.catch_warnings():
        # 2.4.1 warns that the older credentials are deprecated; both clients accept them.
        warnings.simplefilter("ignore", DeprecationWarning)
        credentials = Credentials(token="benchmark")  # noqa: S106  # not checked
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))

    def loop(asked: dict[str, Any]) -> list[Path]:
        dials = Dials(credentials, workspace="tracker", base_url=task.url)
        of_runs = {
            name: value
            for name, value in asked.items()
            if name == "dataset_id" or name.startswith("run_number")
        }
        of_rows = {name: value for name, value in asked.items() if not name.startswith("run_number")}
        written = []
        for run in dials.run.list_all(RunFilters(**of_runs)).results:
            filters = LumisectionHistogram2DFilters(**of_rows, run_number=run.run_number, **task.options)
            written.append(folder / f"{run.run_number}.parquet")
            dials.h2d.list_all(filters).to_pandas().to_parquet(written[-1])
        return written

    def measured(written: list[Path]) -> Measurement:
        frame = pd.concat([pd.read_parquet(path) for path in written], ignore_index=True)
        # Rows of two dimensions come back as arrays of arrays.
        frame["data"] = [[line.tolist() for line in cell] for cell in frame["data"]]
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        return measured_frame(frame)

    loop({name: value for name, value in task.one.items() if name != "page_size"})
    return lambda: loop(task.filters), measured
