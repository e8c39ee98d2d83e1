"""The runs, lumisections, files and MEs of the local DIALS (`cmsdials sandbox`), for the benchmark server.

They are as uneven as the real ones: datasets that lack an ME, short and long runs, lumisections that are missing. Only
the contents of the histograms are those of `benchmarks.tables`.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cmsdials_sandbox.catalogue import Dataset, Workspace, workspaces
from cmsdials_sandbox.filling import fill
from cmsdials_sandbox.mes import MonitoringElement
from cmsdials_sandbox.options import DEFAULT_WORKSPACE, Options

from benchmarks.tables import Element, Table, dataset_row, element_rows, histograms, occupancy, spectrum

__all__ = ["Extract", "make_tables"]

DIFFERENT = 31
"""Number of different contents of each ME: these MEs are larger than those of the other scenarios, and there are more."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Extract:
    """How much of the local DIALS there is.

    Attributes:
        runs: Fraction of the runs of each dataset; at least one stays, and all where none of the MEs is filled.
        th1: Regular expression of the one-dimensional MEs; those of other names are left out.
        th2: The same for the two-dimensional ones.
    """

    runs: float = 1.0
    th1: str = "$^"
    th2: str = "$^"

    def has(self, me: MonitoringElement) -> bool:
        """Whether an ME is in it."""
        return re.search(self.th1 if me.dim == 1 else self.th2, me.me) is not None


def make_tables(extract: Extract) -> dict[str, Table]:
    """Make the tables of a service, by path."""
    options = Options()
    whole = next(one for one in workspaces(options.scale) if one.name == DEFAULT_WORKSPACE)
    mes = tuple(me for me in whole.mes if extract.has(me))
    datasets = tuple(_part(one, {me.me_id for me in mes}, extract.runs) for one in whole.datasets)
    workspace = replace(whole, mes=mes, datasets=datasets, models=())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "extract.sqlite3"
        fill(path, workspace, options.seed)
        with closing(sqlite3.connect(path)) as database:
            database.row_factory = sqlite3.Row
            return _tables(database, workspace)


def _part(dataset: Dataset, mes: set[int], runs: float) -> Dataset:
    me_ids = tuple(me_id for me_id in dataset.me_ids if me_id in mes)
    # Runs without rows cost nothing, and a listing in parts has to get past them.
    kept = max(1, round(runs * len(dataset.runs))) if me_ids else len(dataset.runs)
    return replace(dataset, runs=dataset.runs[:kept], me_ids=me_ids)


def _tables(database: sqlite3.Connection, workspace: Workspace) -> dict[str, Table]:
    datasets = {one.dataset_id: one for one in workspace.datasets}
    elements = {me.me_id: _element(me) for me in workspace.mes}
    counts: Counter[int] = Counter()
    filled = []
    for path in ("th1", "th2"):
        rows = _rows(database, path, ("dataset_id", "run_number", "ls_number", "me_id"), datasets)
        counts.update(row["me_id"] for row in rows)
        filled.append(histograms(path, ((row, elements[row["me_id"]]) for row in rows), DIFFERENT))
    tables = [
        Table(
            "dataset-index",
            (dataset_row(one, datasets[one].dataset) for one in sorted(datasets)),
            keys=("dataset_id",),
        ),
        *(
            Table(path, _rows(database, name, keys, datasets), keys=keys)
            for path, name, keys in (
                ("file-index", "file", ("dataset_id", "file_id")),
                ("run", "run", ("dataset_id", "run_number")),
                ("lumisection", "lumisection", ("dataset_id", "run_number", "ls_number")),
            )
        ),
        Table("mes", element_rows(elements.values(), counts.__getitem__), keys=("me_id",), paginated=False),
        *filled,
    ]
    return {table.path: table for table in tables}


def _rows(
    database: sqlite3.Connection, table: str, keys: tuple[str, ...], datasets: dict[int, Dataset]
) -> list[Row]:
    found = database.execute(f"SELECT * FROM {table} ORDER BY {', '.join(keys)}")  # noqa: S608  # names of ours
    return [{**dict(row), "dataset": datasets[row["dataset_id"]].dataset} for row in found]


def _element(me: MonitoringElement) -> Element:
    x = (me.x.low, me.x.high, me.x.bins)
    if me.y is None:
        return spectrum(me.me_id, me.me, *x)
    return occupancy(me.me_id, me.me, x, (me.y.low, me.y.high, me.y.bins))
