"""Makes the database of a workspace from the catalogue.

The few datasets, files and models are made in Python; the histograms, of which there may be millions, by
INSERT ... SELECT inside SQLite, which is fifty times as fast.  They have no contents: those are computed on request
(see `counting`).
"""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path

import orjson

from cmsdials_sandbox.catalogue import (
    ALWAYS_FLAGGED,
    EMPTY,
    GAPPY,
    LS_PER_FILE,
    MISSING,
    Dataset,
    Model,
    Run,
    Workspace,
)
from cmsdials_sandbox.dates import iso, taken
from cmsdials_sandbox.mixing import mixed

# Statuses of a file that could not be read, and the end of the traceback that the service stores.
UNREAD = (
    ("PENDING", None),
    ("STARTED", None),
    ("FILE_NOT_AVAILABLE", "No such file at any site"),
    ("COPY_ERROR", "XRootD: [ERROR] Operation expired"),
    ("ROOTFILE_ERROR", "TFile::Init: file is truncated at 1073741824 bytes"),
    ("PARSING_ERROR", "KeyError: 'Indices'"),
)

# The lumisections that exist: the plan times a counter, without the gaps.
_PRESENT = f"""
WITH RECURSIVE counter(ls_number) AS (
  VALUES (1) UNION ALL SELECT ls_number + 1 FROM counter WHERE ls_number < (SELECT max(last_ls) FROM plan)
)
INSERT INTO present
SELECT dataset_id, run_number, ls_number, first_file_id + (ls_number - 1) / {LS_PER_FILE}
FROM plan CROSS JOIN counter
WHERE ls_number <= last_ls AND NOT ({GAPPY} AND ls_number % 40 = 0)
ORDER BY 1, 2, 3
"""  # noqa: S608  (our own constants)

# Entries fall with the pileup along the run, with 10 % noise.
_HISTOGRAMS = f"""
INSERT INTO {{table}}
SELECT dataset_id, run_number, ls_number, me_id, file_id,
  CAST(entries_at_start * 400.0 / (400 + ls_number)
    * (0.95 + 0.1 * ((run_number * 7919 + ls_number * 104729 + me_id * 1299709 + :seed * 15485863) % 9973) / 9973.0)
    * (CASE WHEN {EMPTY} THEN 0.0001 ELSE 1 END) AS INTEGER)
FROM present CROSS JOIN filled USING (dataset_id)
WHERE dim = :dim AND NOT ({MISSING})
"""  # noqa: S608

_LUMISECTIONS = """
INSERT INTO lumisection
SELECT dataset_id, run_number, ls_number, ifnull(one.n, 0), ifnull(two.n, 0)
FROM present
LEFT JOIN (SELECT dataset_id, run_number, ls_number, count(*) AS n FROM th1 GROUP BY 1, 2, 3) AS one
  USING (dataset_id, run_number, ls_number)
LEFT JOIN (SELECT dataset_id, run_number, ls_number, count(*) AS n FROM th2 GROUP BY 1, 2, 3) AS two
  USING (dataset_id, run_number, ls_number)
"""

# Completeness is not computed for every run.
_RUNS = """
INSERT INTO run
SELECT dataset_id, run_number, count(*),
  CASE WHEN run_number % 13 = 4 THEN NULL ELSE round(count(*) * 1.0 / last_ls, 4) END
FROM present JOIN plan USING (dataset_id, run_number)
GROUP BY dataset_id, run_number
"""

_COUNTS = """
UPDATE me SET count = ifnull((
  SELECT n FROM (
    SELECT me_id, count(*) AS n FROM th1 GROUP BY me_id UNION ALL
    SELECT me_id, count(*) AS n FROM th2 GROUP BY me_id
  ) AS counted WHERE counted.me_id = me.me_id), 0)
"""

# About one lumisection in 29 is flagged, and those of ALWAYS_FLAGGED; only where the model had its histogram.
_FLAGGED = """
INSERT INTO ml_bad_lumisection
SELECT model_id, dataset_id, run_number, ls_number, me_id, file_id,
  0.05 + ((run_number * 31 + ls_number * 7919 + :seed) % 997) / 997.0
FROM ml_model CROSS JOIN me ON me.me = target_me CROSS JOIN {table} AS th USING (me_id)
WHERE (run_number * 13 + ls_number * 101 + model_id * 7 + :seed) % 29 = 0
  OR (model_id, dataset_id, run_number, ls_number) IN (SELECT * FROM always_flagged)
ORDER BY 1, 2, 3, 4, 5
"""


def fill(path: Path, workspace: Workspace, seed: int) -> int:
    """Write the database of a workspace to a new file; return the number of its histograms."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # A half-written file is discarded, so nothing needs to survive a crash.
        connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
        )
        connection.executescript(resources.files(__package__).joinpath("schema.sql").read_text())
        _plan(connection, workspace)
        connection.execute("BEGIN")
        _small_tables(connection, workspace, seed)
        mixed_seed = mixed(seed) % 1_000_003
        connection.execute(_PRESENT)
        for dim in (1, 2):
            connection.execute(_HISTOGRAMS.format(table=f"th{dim}"), {"dim": dim, "seed": mixed_seed})
        for statement in (_LUMISECTIONS, _RUNS, _COUNTS):
            connection.execute(statement)
        for dim in (1, 2):
            connection.execute(_FLAGGED.format(table=f"th{dim}"), {"seed": mixed_seed})
        connection.execute("COMMIT")
        # Lets the planner skip datasets when only a run number is given.
        connection.executescript("PRAGMA analysis_limit = 1000; ANALYZE;")
        (histograms,) = connection.execute("SELECT sum(count) FROM me").fetchone()
        return int(histograms)
    finally:
        connection.close()


def _plan(connection: sqlite3.Connection, workspace: Workspace) -> None:
    """Create temporary tables of what is to be made."""
    connection.executescript(
        """
        CREATE TEMP TABLE plan (dataset_id, run_number, last_ls, first_file_id, PRIMARY KEY (dataset_id, run_number));
        CREATE TEMP TABLE present (dataset_id INTEGER, run_number INTEGER, ls_number INTEGER, file_id INTEGER,
          PRIMARY KEY (dataset_id, run_number, ls_number)) WITHOUT ROWID;
        CREATE TEMP TABLE filled (dataset_id INTEGER, dim INTEGER, me_id INTEGER, entries_at_start INTEGER,
          PRIMARY KEY (dataset_id, dim, me_id)) WITHOUT ROWID;
        CREATE TEMP TABLE always_flagged (model_id, dataset_id, run_number, ls_number);
        """
    )
    mes = {me.me_id: me for me in workspace.mes}
    for dataset in workspace.datasets:
        connection.executemany(
            "INSERT INTO plan VALUES (?, ?, ?, ?)",
            [(dataset.dataset_id, run.run_number, run.last_ls, run.first_file_id) for run in dataset.runs],
        )
        connection.executemany(
            "INSERT INTO filled VALUES (?, ?, ?, ?)",
            [(dataset.dataset_id, mes[i].dim, i, mes[i].entries) for i in dataset.me_ids],
        )
    connection.executemany(
        "INSERT INTO always_flagged VALUES (?, ?, ?, ?)", ALWAYS_FLAGGED.get(workspace.name, ())
    )


def _small_tables(connection: sqlite3.Connection, workspace: Workspace, seed: int) -> None:
    """Insert datasets, files, MEs and models."""
    for dataset in workspace.datasets:
        last = max(run.run_number for run in dataset.runs)
        connection.execute(
            "INSERT INTO dataset VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                dataset.dataset_id,
                dataset.dataset,
                dataset.era,
                dataset.data_tier,
                dataset.primary_ds_name,
                dataset.processed_ds_name,
                dataset.processing_version,
                iso(taken(last) + timedelta(days=3)),
            ),
        )
        connection.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _files(dataset, seed))
    connection.executemany(
        "INSERT INTO me VALUES (?, ?, 0, ?)", [(me.me_id, me.me, me.dim) for me in workspace.mes]
    )
    names = {me.me_id: me.me for me in workspace.mes}
    for model in workspace.models:
        row = _model(model, names[model.me_id])
        connection.execute(f"INSERT INTO ml_model VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


FileRow = tuple[int, int, int, str, str, str, str, str | None]


def _files(dataset: Dataset, seed: int) -> Iterator[FileRow]:
    """List the files of the histograms, and for the first run one file of each error status."""
    for run in dataset.runs:
        for number in range((run.last_ls - 1) // LS_PER_FILE + 1):
            yield _file(dataset, run, number, "FINISHED", None, seed)
    run = dataset.runs[0]
    for number, (status, trace) in enumerate(UNREAD, (run.last_ls - 1) // LS_PER_FILE + 1):
        yield _file(dataset, run, number, status, trace, seed)


def _file(dataset: Dataset, run: Run, number: int, status: str, trace: str | None, seed: int) -> FileRow:
    file_id = run.first_file_id + number
    random = mixed(seed, file_id)
    created = taken(run.run_number, (number + 1) * LS_PER_FILE) + timedelta(hours=48)
    name = (
        f"/store/data/{dataset.era}/{dataset.primary_ds_name}/{dataset.data_tier}/{dataset.processing}"
        f"/000/{run.run_number // 1000}/{run.run_number % 1000:03d}/00000"
        f"/{random >> 32:08x}-{random & 0xFFFF:04x}-4{random >> 16 & 0xFFF:03x}-a{random >> 20 & 0xFFF:03x}-{file_id:012x}.root"
    )
    size = 150_000_000 + random % 350_000_000
    changed = created + timedelta(minutes=random % 600)
    return (dataset.dataset_id, file_id, size, iso(created), iso(changed), name, status, trace)


def _model(model: Model, me: str) -> tuple[str | int | float | None, ...]:
    """Return a row of ml_model, with the columns of both generations."""
    made = taken(378_000 + model.model_id * 100)
    inputs = [{"name": "input_0", "datatype": "FP32", "dims": [-1, 100], "me": me}]
    outputs = [
        {"name": "reconstruction", "datatype": "FP32", "dims": [-1, 100]},
        {"name": "mse", "datatype": "FP32", "dims": [-1]},
    ]
    tags = [{"name": "group", "value": "sandbox"}, {"name": "era", "value": "2024"}]
    return (
        model.model_id,
        model.name,
        me,
        model.active,
        model.active,
        1 + model.model_id % 3,
        "autoencoder" if "autoencoder" in model.name else "nmf",
        0.05,
        False,
        f"Reconstructs {me} and flags lumisections it reconstructs badly",
        None,
        orjson.dumps(inputs).decode(),
        "mse",
        orjson.dumps(outputs).decode(),
        orjson.dumps(tags).decode() if model.active else None,
        f"sandbox-model-{model.model_id}" if model.active else None,
        None,
        "shifter",
        "shifter",
        iso(made),
        iso(made + timedelta(days=2)),
    )
