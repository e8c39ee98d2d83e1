"""Histograms fetched by the workers of a Dask cluster: the files of a download, and the partitions of a Dask DataFrame.

Workers write files where they do not count yet; only the process that called puts them into their places and writes the
manifest. So a worker that is lost, and may not know it, changes nothing, and its file is fetched by another one.
All workers of a cluster together send a few requests at a time to an instance, whatever they work for.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from attrs import frozen

from cmsdials.download.fetch import Outcome, Source, attempted, failed
from cmsdials.download.plan import Partition
from cmsdials.errors import CheckpointError, ConfigurationError, DialsError
from cmsdials.runtime import extras

__all__ = ["Cluster", "frame"]

REQUESTS = 3
"""Requests at a time of a whole cluster: the service has as many workers, for everybody."""
_READY = 2 * REQUESTS  # files that workers have at one time, so that one begins as soon as another ends

Remake = Callable[[], Source]
"""Makes a source in another process, from nothing that is secret."""


@frozen
class Cluster:
    """The workers that fetch the files of a download.

    Attributes:
        client: A `distributed.Client`.
        remake: Makes the source there.
    """

    client: Any
    remake: Remake

    @classmethod
    def of(cls, client: object, remake: Remake) -> Cluster:
        """Check a client.

        Raises:
            ConfigurationError: It is something else, one for asyncio, or closed.
            MissingDependencyError: distributed is not installed.
        """
        distributed = extras.require("distributed", needed_by="client=")
        if not isinstance(client, distributed.Client):
            message = f"client must be a dask.distributed.Client, not {type(client).__name__}"
            raise ConfigurationError(message, advice="Write: client=Client(cluster)")
        if client.asynchronous:
            message = "client is one for asyncio, and download waits for its results"
            raise ConfigurationError(
                message, advice="Make one with Client(cluster), without asynchronous=True."
            )
        if client.status != "running":
            message = f"client has no scheduler: it is {client.status}"
            raise ConfigurationError(message, advice="Make one with Client(cluster).")
        return cls(client, remake)

    def outcomes(self, unfinished: Path, name: str, left: list[Partition]) -> Generator[Outcome]:
        """Have files fetched, and yield what comes of them as it comes.

        Args:
            unfinished: The folder that they are written to.
            name: What their names begin with.
            left: What to fetch.

        Raises:
            CheckpointError: The workers have not the same folder, or are there no more; or the client was closed.
            DialsError: A worker cannot fetch at all, such as without a login.
        """
        distributed = extras.require("distributed")
        # It is there as long as the results are wanted, and shows that workers have the same folder.
        mark = (unfinished / f"{name}.mark").absolute()
        mark.touch()
        running: dict[Any, Partition] = {}
        completed = distributed.as_completed(loop=self.client.loop)  # else that of the newest client
        numbered = enumerate(left)

        def begin(many: int) -> None:
            for _, (number, partition) in zip(range(many), numbered, strict=False):
                key = f"cmsdials-{name}-{number}"
                future = self.client.submit(
                    _fetch_file, self.remake, str(mark), number, partition, key=key, pure=False
                )
                running[future] = partition
                completed.add(future)

        try:
            begin(_READY)
            for future in completed:
                partition = running.pop(future)
                begin(1)
                yield _result(future, partition)
        except DialsError:
            raise
        except Exception as problem:
            if self.client.status == "running":
                raise
            message = (
                f"the client has lost its scheduler, or was closed ({type(problem).__name__}: {problem})"
            )
            raise CheckpointError(message, advice="The same call with another client continues.") from None
        finally:
            mark.unlink(missing_ok=True)
            with suppress(Exception):  # of a client that is closed, workers have nothing left to do
                self.client.cancel([*running])
            for path in unfinished.glob(f"{name}*"):
                path.unlink(missing_ok=True)


def _result(future: Any, partition: Partition) -> Outcome:
    distributed = extras.require("distributed")
    try:
        outcome: Outcome = future.result()
    except DialsError:
        raise
    except distributed.KilledWorker as problem:
        message = f"the workers that fetched it have died: {problem}"
        advice = "Look at their logs; they may need more memory, or smaller files (rows_per_file)."
        return failed(partition, CheckpointError(message, advice=advice))
    except Exception as problem:
        message = f"a worker could not fetch {partition.path} ({type(problem).__name__}: {problem})"
        advice = 'Look at its log. Workers need "cmsdials[arrow]" of the same version; then the same call continues.'
        raise CheckpointError(message, advice=advice) from problem
    return outcome


_SHARED = "Name a folder on a file system that all of the workers share with this process, by the same path."


def _fetch_file(remake: Remake, mark: str, number: int, partition: Partition) -> Outcome:
    """Fetch a file, on a worker."""
    wanted = Path(mark)

    def check(_rows: int = 0) -> None:
        if not wanted.exists():
            message = f"the worker on {socket.gethostname()} does not see {wanted.parent}, or the download has ended"
            raise CheckpointError(message, advice=_SHARED)

    check()
    source = remake()
    with _lease(source.origin.base_url):
        check()
        path = wanted.with_suffix(f".{number}-{threading.get_ident()}.part")
        return attempted(source, path, partition, check)


_semaphores: WeakKeyDictionary[Any, dict[str, AbstractContextManager[Any]]] = WeakKeyDictionary()
_here: dict[str, threading.BoundedSemaphore] = {}
_lock = threading.Lock()


def _lease(address: str) -> AbstractContextManager[Any]:
    """Return what is entered by at most three at a time: in a cluster, or in this process if it is not part of one.

    The scheduler of a cluster frees what a worker holds that is lost.
    """
    worker = None
    with suppress(ImportError, ValueError):
        worker = extras.require("distributed").get_worker()
    with _lock:
        if worker is None:
            return _here.setdefault(address, threading.BoundedSemaphore(REQUESTS))
        # One for each worker, because each renews its leases for as long as it exists.
        own = _semaphores.setdefault(worker, {})
        if address not in own:
            own[address] = extras.require("distributed").Semaphore(REQUESTS, name=f"cmsdials {address}")
        return own[address]


@frozen
class _Rows:
    """Fetches a partition of a frame, on a worker."""

    remake: Remake

    def __call__(self, partition: Partition) -> Any:
        from cmsdials.download.parquet import flat_table, schema_of  # noqa: PLC0415  # it imports NumPy

        source = self.remake()
        schema = schema_of(source.record)
        with _lease(source.origin.base_url), source.pages(partition.query(source.origin.query)) as pages:
            tables = [flat_table(page, schema) for page in pages if len(page)]
        return _frame_of(extras.pyarrow().concat_tables([schema.empty_table(), *tables]))


def _frame_of(table: Any) -> Any:
    return table.to_pandas(types_mapper=extras.pandas().ArrowDtype)


def frame(source: Source, remake: Remake, partitions: list[Partition]) -> Any:
    """Return a Dask DataFrame of the rows of partitions, in their order."""
    from cmsdials.download.parquet import schema_of  # noqa: PLC0415  # it imports NumPy

    dask = extras.require("dask.dataframe", needed_by="to_dask")
    empty = _frame_of(schema_of(source.record).empty_table())
    if not partitions:
        source.why_empty()
        return dask.from_pandas(empty, npartitions=1)
    return dask.from_map(_Rows(remake), partitions, meta=empty, label=f"cmsdials-{source.origin.resource}")
