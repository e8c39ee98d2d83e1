"""Downloads and frames that the workers of a Dask cluster fetch: the same data, whatever becomes of a worker, and no secret."""

import base64
import contextlib
import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pyarrow as pa
import pytest
from cmsdials import Dials, open_dataset, verify
from cmsdials.auth import client_credentials
from cmsdials.auth.client import AuthClient
from cmsdials.download.manifest import Manifest
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D
from cmsdials.filters import LumisectionHistogram2DFilters as Filters2D
from cmsdials_sandbox import Sandbox
from hypothesis import settings

from .child import FILTERS, ROWS
from .test_download import sorted_rows

distributed = pytest.importorskip("distributed")

NIGHTLY = settings().max_examples >= 1000
BOUND = 120.0
FILTERS_1D = Filters1D(**FILTERS, page_size=20)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def environment(sandbox_now: Sandbox) -> Iterator[Sandbox]:
    """Names an application in the environment of this process and of its workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(client_credentials.CLIENT_ID, sandbox_now.client_id)
        patch.setenv(client_credentials.CLIENT_SECRET, sandbox_now.client_secret)
        yield sandbox_now


def _keycloak(sandbox: Sandbox) -> AuthClient:
    return AuthClient(sandbox.url, keycloak_url=sandbox.keycloak_url)


@pytest.fixture(scope="module")
def dials(environment: Sandbox) -> Iterator[Dials]:
    login = client_credentials.from_environment(_keycloak(environment))
    assert login is not None
    with Dials(login, "tracker", environment.url) as made:
        yield made


@contextlib.contextmanager
def processes(workers: int, folder: Path) -> Iterator[Any]:
    """A client of a cluster of processes, which have the environment of this one."""
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
            local_directory=str(folder),
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def two(environment: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with processes(2, tmp_path_factory.mktemp("dask")) as client:
        yield client


@pytest.fixture(scope="module")
def quiet(now: Dials, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quiet")
    now.h1d.download(FILTERS_1D, folder, rows_per_file=ROWS)
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("data/*/*.parquet"))


def _killed_in_the_middle(client: Any, dials: Dials, quiet: Path, folder: Path) -> None:
    pids = client.run(os.getpid)
    killed: list[int] = []
    add = Manifest.add

    def killing(manifest: Manifest, entries: Any) -> None:
        """Kill a worker that is fetching, once the first file is there."""
        add(manifest, entries)
        busy = [worker for worker, tasks in client.processing().items() if tasks]
        if busy and not killed:
            killed.append(pids[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "add", killing)
        done = dials.h1d.download(FILTERS_1D, folder, rows_per_file=ROWS, client=client)
    assert len(killed) == 1
    assert done.fetched == done.files == len(_names(quiet))
    assert _names(folder) == _names(quiet)
    assert sorted_rows(folder).equals(sorted_rows(quiet))
    assert verify(folder, dials).complete
    assert not [*(folder / "unfinished").iterdir()]
    again = dials.h1d.download(FILTERS_1D, folder, rows_per_file=ROWS, client=client)
    assert (again.fetched, again.rows) == (0, done.rows)


@pytest.mark.parametrize("workers", [1, 4] if NIGHTLY else [1])
def test_a_worker_that_is_killed_changes_nothing(
    environment: Sandbox, dials: Dials, quiet: Path, tmp_path: Path, workers: int
) -> None:
    with processes(workers, tmp_path / "dask") as client:
        _killed_in_the_middle(client, dials, quiet, tmp_path / "many")


def test_one_of_two_workers_that_is_killed_changes_nothing(
    two: Any, dials: Dials, quiet: Path, tmp_path: Path
) -> None:
    _killed_in_the_middle(two, dials, quiet, tmp_path / "many")


def _secrets(sandbox: Sandbox, credentials: Any) -> list[bytes]:
    headers: dict[str, str] = {}
    credentials.before_request(headers)
    token = headers["Authorization"].partition(" ")[2]
    return [one.encode() for one in (token, sandbox.client_secret)]


@pytest.fixture
def pickled(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that Dask pickles in this process."""
    from distributed.protocol import pickle as pickling

    made: list[bytes] = []
    for module in (pickling, distributed.protocol.serialize.pickle):
        dumps = module.dumps

        def recording(*given: Any, _dumps: Any = dumps, **more: Any) -> bytes:
            made.append(_dumps(*given, **more))
            buffers = more.get("buffer_callback")
            assert buffers is None or callable(buffers)
            return made[-1]

        monkeypatch.setattr(module, "dumps", recording)
    return made


def test_no_secret_is_in_any_task(
    two: Any, environment: Sandbox, dials: Dials, tmp_path: Path, pickled: list[bytes]
) -> None:
    credentials = dials.h1d._session.credentials  # type: ignore[attr-defined]
    secrets = _secrets(environment, credentials)
    assert all(secret in pickle.dumps(credentials) for secret in secrets)  # they are what to look for
    frame = dials.h1d.to_dask(FILTERS_1D, rows_per_partition=ROWS)
    dials.h1d.download(FILTERS_1D, tmp_path / "a", rows_per_file=2000, client=two)
    rows = len(frame.compute(scheduler=two))
    assert rows == len(open_dataset(tmp_path / "a"))
    whole = b"".join([*pickled, cloudpickle.dumps(frame), cloudpickle.dumps(dict(frame.__dask_graph__()))])
    assert b"Elsewhere" in b"".join(pickled)
    assert environment.url.encode() in whole
    for secret in secrets:
        assert secret not in whole
        assert base64.b64encode(secret)[:-4] not in whole


@pytest.mark.parametrize("kind", ["h1d", "h2d"])
def test_a_frame_has_the_rows_of_the_list(two: Any, dials: Dials, kind: str) -> None:
    import pandas as pd

    filters = {"h1d": Filters1D, "h2d": Filters2D}[kind](
        dataset__regex="2024B", me__regex="PXLayer_1$", run_number__lte=379100, page_size=50
    )
    resource = getattr(dials, kind)
    frame = resource.to_dask(filters, rows_per_partition=60)
    assert frame.npartitions > 1
    assert frame.dtypes["data"] == pd.ArrowDtype(pa.list_(pa.float64()))
    listed = resource.list_all(filters).to_arrow()
    flat = [
        [number for line in row for number in line] if kind == "h2d" else row
        for row in listed["data"].to_pylist()
    ]
    for scheduler in (two, "threads"):
        found = frame.compute(scheduler=scheduler)
        assert (found.dtypes == frame.dtypes).all()
        table = pa.Table.from_pandas(found, preserve_index=False)
        assert table["data"].to_pylist() == flat
        for name in set(listed.column_names) - {"data"}:
            assert table[name].to_pylist() == listed[name].to_pylist()
    sums = frame.map_partitions(lambda part: part["data"].list.flatten().sum(), meta=("data", "f8"))
    assert sums.sum().compute(scheduler=two) == pytest.approx(sum(map(sum, flat)))


def test_a_frame_of_nothing_has_the_columns(dials: Dials) -> None:
    with pytest.warns(RuntimeWarning, match="no such"):
        frame = dials.h1d.to_dask(Filters1D(me="no such"))
    assert len(frame.compute()) == 0
    assert {"data", "run_number", "dataset"} <= {*frame.columns}
