"""Downloads and frames that the workers of a Dask cluster fetch: the same data, whatever becomes of a worker, and no secret."""

import base64
import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cloudpickle
import pyarrow as pa
import pytest
from cmsdials import Dials, open_dataset, verify
from cmsdials.auth import client_credentials, device, models, secret_key
from cmsdials.auth.client import AuthClient
from cmsdials.download.manifest import Manifest
from cmsdials.errors import (
    CheckpointError,
    ConfigurationError,
    CredentialsError,
    FilterError,
    MissingDependencyError,
    NotLoggedInError,
)
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D
from cmsdials.filters import LumisectionHistogram2DFilters as Filters2D
from cmsdials.resources.elsewhere import Elsewhere
from cmsdials_sandbox import Sandbox, serve
from hypothesis import settings

from .service import Histograms
from .test_download import sorted_rows

distributed = pytest.importorskip("distributed")

NIGHTLY = settings().max_examples >= 1000
BOUND = 120.0
FILTERS_1D = Filters1D(
    dataset__regex="2024B", me__regex="charge_PXLayer_[12]$", run_number__lte=379180, page_size=20
)
"""Five runs, in a file each."""


@pytest.fixture(scope="module")
def environment() -> Iterator[Sandbox]:
    """A service whose application the environment of this process, and of its workers, names."""
    with serve(client_secret="hidden-from-all") as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv(client_credentials.CLIENT_ID, sandbox.client_id)
        patch.setenv(client_credentials.CLIENT_SECRET, sandbox.client_secret)
        yield sandbox


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
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
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
def quiet(dials: Dials, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quiet")
    dials.h1d.download(FILTERS_1D, folder, rows_per_file=1)
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
        done = dials.h1d.download(FILTERS_1D, folder, rows_per_file=1, client=client)
    assert len(killed) == 1
    assert done.fetched == done.files == len(_names(quiet))
    assert _names(folder) == _names(quiet)
    assert sorted_rows(folder).equals(sorted_rows(quiet))
    assert verify(folder, dials).complete
    assert not [*(folder / "unfinished").iterdir()]
    again = dials.h1d.download(FILTERS_1D, folder, rows_per_file=1, client=client)
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
    dumps = pickling.dumps

    def recording(*given: Any, **more: Any) -> bytes:
        made.append(dumps(*given, **more))
        return made[-1]

    monkeypatch.setattr(pickling, "dumps", recording)
    return made


@pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler")  # from older versions
def test_no_secret_is_in_any_task(
    two: Any, environment: Sandbox, dials: Dials, tmp_path: Path, pickled: list[bytes]
) -> None:
    credentials = dials.h1d._session.credentials  # type: ignore[attr-defined]
    secrets = _secrets(environment, credentials)
    assert all(secret in pickle.dumps(credentials) for secret in secrets)  # they are what to look for
    filters = Filters1D(dataset__regex="2024B", me__regex="charge_PXLayer_1$", run_number__lte=379096)
    frame = dials.h1d.to_dask(filters, rows_per_partition=1)
    dials.h1d.download(filters, tmp_path / "a", rows_per_file=1, client=two)
    rows = len(open_dataset(tmp_path / "a"))
    assert len(frame.compute(scheduler=two)) == len(frame.compute(scheduler="sync")) == rows
    whole = b"".join([*pickled, cloudpickle.dumps(frame), cloudpickle.dumps(dict(frame.__dask_graph__()))])
    assert b"Elsewhere" in b"".join(pickled)
    assert environment.url.encode() in whole
    for secret in secrets:
        assert secret not in whole
        assert base64.b64encode(secret)[:-4] not in whole


@pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler")  # from older versions
@pytest.mark.parametrize("kind", ["h1d", "h2d"])
def test_a_frame_has_the_rows_of_the_list(two: Any, dials: Dials, kind: str) -> None:
    import pandas as pd

    filters = {"h1d": Filters1D, "h2d": Filters2D}[kind](
        dataset__regex="2024B", me__regex="PXLayer_1$", run_number__lte=379070, page_size=50
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
    sums = frame.map_partitions(lambda part: part["data"].map(sum), meta=("data", "f8"))
    assert sums.sum().compute(scheduler=two) == pytest.approx(sum(map(sum, flat)))


def test_a_frame_of_nothing_has_the_columns(dials: Dials) -> None:
    with pytest.warns(RuntimeWarning, match="no such"):
        frame = dials.h1d.to_dask(Filters1D(me="no such"))
    assert len(frame.compute()) == 0
    assert {"data", "run_number", "dataset"} <= {*frame.columns}


def test_credentials_of_this_process_alone_are_refused(service: Histograms, tmp_path: Path) -> None:
    for ask in (
        service.dials.h1d.to_dask,
        lambda: service.dials.h1d.download(None, tmp_path / "a", client=object()),
    ):
        with pytest.raises(CredentialsError, match=r"only in the memory .*cmsdials login") as caught:
            ask()
        assert "a-secret" not in str(caught.value)
    assert service.asked == []
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("kind", ["application", "secret with id", "person", "object of a script"])
def test_each_kind_of_credentials_that_is_not_kept_is_refused(
    kind: str, sandbox_now: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(client_credentials.CLIENT_ID, raising=False)
    monkeypatch.delenv(client_credentials.CLIENT_SECRET, raising=False)
    keycloak = _keycloak(sandbox_now)

    class Own:
        def before_request(self, headers: dict[str, str]) -> None:
            headers["Authorization"] = "Bearer of-a-script"

    made: Any = {
        "application": lambda: client_credentials.Credentials("app", "hidden", keycloak),
        "secret with id": lambda: secret_key.Credentials("hidden", "app", keycloak),
        "person": lambda: device.Credentials(**TOKENS, cache_dir=tmp_path, client=keycloak),
        "object of a script": Own,
    }[kind]()
    with Dials(made, "tracker", sandbox_now.url) as dials, pytest.raises(CredentialsError) as caught:
        dials.h2d.to_dask()
    assert "hidden" not in str(caught.value)


TOKENS: dict[str, Any] = {
    "token": "access-hidden",
    "expires_at": datetime(2090, 1, 1, tzinfo=UTC),
    "expires_in": 86400,
    "refresh_expires_at": datetime(2090, 1, 1, tzinfo=UTC),
    "refresh_expires_in": 86400,
    "refresh_token": "refresh-hidden",
}


def test_the_login_of_a_person_goes_as_the_path_of_its_file(sandbox_now: Sandbox, tmp_path: Path) -> None:
    client = AuthClient(sandbox_now.url)
    token = models.Token(access_token=TOKENS["token"], **{k: v for k, v in TOKENS.items() if k != "token"})
    made = device.Credentials.from_authclient_token(token, tmp_path, client)
    with Dials(made, "tracker", sandbox_now.url) as dials:
        sent = cloudpickle.dumps(Elsewhere.of(type(dials.h1d), "h1d", dials.h1d._session, repr))
    assert b"hidden" not in sent
    assert tmp_path.name.encode() in sent
    opened = pickle.loads(sent).login.open()
    assert isinstance(opened, device.Credentials)
    assert (opened.token, opened.refresh_token) == (TOKENS["token"], TOKENS["refresh_token"])
    (tmp_path / "credentials.json").unlink()
    with pytest.raises(NotLoggedInError, match=r"no login for .*credentials\.json: there is no such file"):
        pickle.loads(sent)()


def test_workers_open_the_login_of_a_folder(two: Any, environment: Sandbox, tmp_path: Path) -> None:
    keycloak = _keycloak(environment)
    client_credentials.Credentials(environment.client_id, environment.client_secret, keycloak).keep_in(
        tmp_path / "login"
    )
    for process in (lambda work: work(), two.run):
        process(_without_environment)
    try:
        login = device.Credentials.from_creds_file(tmp_path / "login", keycloak)
        filters = Filters1D(me__regex="charge_PXLayer_1$", run_number=379096)
        with Dials(login, "tracker", environment.url) as dials:
            done = dials.h1d.download(filters, tmp_path / "a", client=two)
            assert done.rows == len(dials.h1d.list_all(filters)) > 0
        with Dials(_application(environment), "tracker", environment.url) as dials:
            _with_environment(environment.client_id, environment.client_secret)
            with pytest.raises(NotLoggedInError, match=r"is not in CMSDIALS_CLIENT_ID and .*of this process"):
                dials.h1d.download(filters, tmp_path / "b", client=two)
    finally:
        _with_environment(environment.client_id, environment.client_secret)
        two.run(_with_environment, environment.client_id, environment.client_secret)


def _application(sandbox: Sandbox) -> client_credentials.Credentials:
    return client_credentials.Credentials(sandbox.client_id, sandbox.client_secret, _keycloak(sandbox))


def _without_environment() -> None:
    import os

    os.environ.pop("CMSDIALS_CLIENT_ID", None)
    os.environ.pop("CMSDIALS_CLIENT_SECRET", None)


def _with_environment(client_id: str, client_secret: str) -> None:
    import os

    os.environ["CMSDIALS_CLIENT_ID"] = client_id
    os.environ["CMSDIALS_CLIENT_SECRET"] = client_secret


@pytest.mark.skipif(
    not Path("/proc/self/cwd").exists(), reason="a path that means another folder in each process"
)
def test_workers_that_do_not_see_the_folder_are_an_error(
    two: Any, dials: Dials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = two.run(os.getcwd)
    (tmp_path / "elsewhere").mkdir()
    two.run(os.chdir, str(tmp_path / "elsewhere"))
    try:
        with pytest.raises(
            CheckpointError, match=r"the worker on .* does not see /proc/self/cwd/a/unfinished"
        ):
            dials.h1d.download(FILTERS_1D, "/proc/self/cwd/a", rows_per_file=1, client=two)
    finally:
        for worker, folder in before.items():
            two.run(os.chdir, folder, workers=[worker])
    assert not [*(tmp_path / "a" / "data").iterdir()]
    assert not [*(tmp_path / "elsewhere").iterdir()]


def test_a_worker_that_dies_each_time_is_a_failure(two: Any, dials: Dials, tmp_path: Path) -> None:
    scheduler = two.cluster.scheduler
    allowed, scheduler.allowed_failures = scheduler.allowed_failures, 0
    try:
        with pytest.raises(CheckpointError, match=r"have died.*the same call continues"):
            _killed_in_the_middle(two, dials, tmp_path, tmp_path / "a")
    finally:
        scheduler.allowed_failures = allowed
    found = verify(tmp_path / "a")
    assert {one.problem for one in found.problems} == {"unfinished"}
    assert [one for one in found.problems if "have died" in one.advice]
    assert found.files
    dials.h1d.download(FILTERS_1D, tmp_path / "a", rows_per_file=1, client=two)
    assert verify(tmp_path / "a", dials).complete


def test_an_interrupt_ends_the_work_of_the_cluster(
    two: Any, dials: Dials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Manifest.add

    def interrupted(manifest: Manifest, entries: Any) -> None:
        add(manifest, entries)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Manifest, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dials.h1d.download(FILTERS_1D, tmp_path / "a", rows_per_file=1, client=two)
    monkeypatch.undo()
    until = time.monotonic() + BOUND
    while any(tasks for tasks in two.processing().values()) or [*(tmp_path / "a" / "unfinished").iterdir()]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert verify(tmp_path / "a").files == 1
    assert dials.h1d.download(FILTERS_1D, tmp_path / "a", rows_per_file=1, client=two).fetched > 0
    assert verify(tmp_path / "a", dials).complete


def test_the_client_that_is_given_is_used_and_no_other(
    two: Any, dials: Dials, quiet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Any:
        raise ValueError

    monkeypatch.setattr(distributed.client, "default_client", none)
    with distributed.Client(two.scheduler.address, set_as_default=False) as client:
        dials.h1d.download(FILTERS_1D, tmp_path, rows_per_file=1, client=client)
    assert sorted_rows(tmp_path).equals(sorted_rows(quiet))


def test_a_client_that_is_closed_is_said(
    two: Any, dials: Dials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = Filters1D(dataset__regex="2024B", me__regex="charge_PXLayer_1$", run_number__lte=379500)
    client = distributed.Client(two.scheduler.address, set_as_default=False)
    add = Manifest.add

    def closing(manifest: Manifest, entries: Any) -> None:
        """Close the client once the first file is there, and before all are asked for."""
        add(manifest, entries)
        client.close()

    with monkeypatch.context() as patched:
        patched.setattr(Manifest, "add", closing)
        with pytest.raises(CheckpointError, match=r"(was closed|could not fetch).*continues"):
            dials.h1d.download(filters, tmp_path / "a", rows_per_file=1, client=client)
    with pytest.raises(ConfigurationError, match="client has no scheduler: it is closed"):
        dials.h1d.download(filters, tmp_path / "b", rows_per_file=1, client=client)
    assert dials.h1d.download(filters, tmp_path / "a", rows_per_file=1, client=two).files > 6
    assert verify(tmp_path / "a", dials).complete


def test_a_cluster_sends_three_requests_at_a_time(
    environment: Sandbox, dials: Dials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmsdials.download import cluster

    attempted, lease = cluster.attempted, cluster._lease
    lock, inside, most, arrived = threading.Lock(), [0], [0], threading.Semaphore(0)
    came = threading.Event()

    def arriving(address: str) -> Any:
        arrived.release()
        return lease(address)

    def counted(*given: Any) -> Any:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        try:
            assert came.wait(BOUND)
            return attempted(*given)
        finally:
            with lock:
                inside[0] -= 1

    def all_came() -> None:
        for _ in range(6):  # as many as there are files
            arrived.acquire(timeout=BOUND)
        came.set()

    monkeypatch.setattr(cluster, "attempted", counted)
    monkeypatch.setattr(cluster, "_lease", arriving)
    threading.Thread(target=all_came, daemon=True).start()
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=4,
            processes=False,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as local,
        distributed.Client(local) as client,
    ):
        filters = Filters1D(dataset__regex="2024B", me__regex="PXLayer_1$", run_number__lte=379300)
        done = dials.h1d.download(filters, tmp_path / "a", rows_per_file=1, client=client)
    assert done.files >= 6
    assert most == [3]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"client": 7}, ConfigurationError),
        ({"client": "tcp://127.0.0.1:8786"}, ConfigurationError),
        ({"client": "two", "shard": "1/2"}, ConfigurationError),
        ({"client": "two", "concurrency": 3}, ConfigurationError),
        ({"client": "two", "rows_per_file": 0}, ConfigurationError),
    ],
)
def test_what_makes_no_sense_is_refused(
    two: Any, dials: Dials, tmp_path: Path, more: dict[str, Any], error: type[Exception]
) -> None:
    client = two if more["client"] == "two" else more["client"]
    with pytest.raises(error):
        dials.h1d.download(FILTERS_1D, tmp_path / "a", **{**more, "client": client})
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("filters", "rows", "error"),
    [
        (Filters1D(order_by="-ls_number"), None, FilterError),
        (Filters1D(next_token="abc"), None, FilterError),
        (None, 0, ConfigurationError),
        (None, True, ConfigurationError),
        ("/ZeroBias", None, FilterError),
    ],
)
def test_a_frame_that_makes_no_sense_is_refused(
    dials: Dials, filters: Any, rows: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        dials.h1d.to_dask(filters, rows_per_partition=rows)


def test_without_dask_it_says_what_to_install(
    dials: Dials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, ask in (
        ("distributed", lambda: dials.h1d.download(None, tmp_path / "a", client=object())),
        ("dask.dataframe", dials.h1d.to_dask),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingDependencyError, match=r"cmsdials\[dask\]"):
            ask()
    assert not (tmp_path / "a").exists()
