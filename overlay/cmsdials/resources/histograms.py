"""Histograms of lumisections, of any number of dimensions, and whether any are missing."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from cmsdials_api.filters import Filters

from cmsdials.errors import CheckpointError, ConfigurationError, FilterError
from cmsdials.filters import LumisectionFilters, LumisectionHistogram1DFilters, LumisectionHistogram2DFilters
from cmsdials.http.retry import Retries
from cmsdials.listing.coverage import Coverage, covered, notes_on
from cmsdials.listing.pagination import Listing
from cmsdials.listing.parts import Runs
from cmsdials.listing.result import Result
from cmsdials.models import FileIndex, LumisectionHistogram1D, LumisectionHistogram2D
from cmsdials.resources.base import FiltersT, PaginatedResource, RecordT
from cmsdials.resources.good import Good, mask_of
from cmsdials.resources.index import FileIndexResource, LumisectionResource, names_of_datasets
from cmsdials.resources.query import chosen
from cmsdials.runtime import extras
from cmsdials.runtime.arguments import checked_count
from cmsdials.table.lumi_mask import LumiMask

if TYPE_CHECKING:
    from cmsdials.download.fetch import Source
    from cmsdials.download.job import Download
    from cmsdials.download.plan import Plan
    from cmsdials.resources.elsewhere import Elsewhere

__all__ = ["HistogramResource", "LumisectionHistogram1DResource", "LumisectionHistogram2DResource"]


_OF_FILES = frozenset({"file_id", "logical_file_name", "logical_file_name__regex"})


class HistogramResource(PaginatedResource[RecordT, FiltersT]):
    """Histograms; `data` holds the contents, with the index `[y][x]` in 2D and `[z][y][x]` in 3D.

    Only the kinds that scripts of 1.8 know have a class of their own; others are named when they are made.
    """

    def get(
        self, dataset_id: int, run_number: int, ls_number: int, me_id: int, *, retries: Retries = None
    ) -> RecordT:
        """Fetch the histogram of one monitoring element in one lumisection."""
        return self._row(
            retries, dataset_id=dataset_id, run_number=run_number, ls_number=ls_number, me_id=me_id
        )

    def coverage(
        self, result: Result[RecordT], *, retries: Retries = None, enable_progress: bool | None = None
    ) -> Coverage:
        """Compare the lumisections that the service lists for each run with those of a result.

        It covers the runs that the result's own filters choose (dataset, run and lumisection), so that a run
        without a single histogram is noticed too; within the mask, if it was selected by one. Only keys are fetched.

        Args:
            result: What `list_all` returned, with at least the fields dataset_id, run_number, ls_number and me_id.
            retries: How often to try again, as in `list_all`.
            enable_progress: As in `list_all`.

        Returns:
            A table: for each run and monitoring element, the lumisections that are missing, empty or doubled.

        Raises:
            FilterError: The result lacks one of these fields.
            CheckpointError: The result is of another service, workspace or resource.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        given: object = result
        if not isinstance(given, Result):
            message = f"coverage is of the result of list_all, not of {type(given).__name__}"
            raise ConfigurationError(message)
        needed = ("dataset_id", "run_number", "ls_number", "me_id")
        lacking = [name for name in needed if result.fields is not None and name not in result.fields]
        if lacking:
            message = f"coverage needs the fields {', '.join(lacking)}, which the result was listed without"
            raise FilterError(message, advice=f"List with fields={list(needed)!r} or more.")
        self._session.named_workspace(retries)
        mask = result.origin.mask
        here = self._origin(result.origin.query, mask)
        different = here.differences(result.origin)
        if different:
            message = f"the result is of another listing: {'; '.join(different)}"
            raise CheckpointError(message, advice="Ask the Dials object that it came from.")
        listed = LumisectionResource(self._session).list_all(
            chosen(LumisectionFilters, here.query),
            fields=needed[:3],
            retries=retries,
            enable_progress=enable_progress,
            good=mask,
        )
        return covered(listed, result, listing_complete=result.complete, notes=notes_on(here.query))

    @overload
    def download(
        self,
        filters: FiltersT | Filters | None,
        folder: str | os.PathLike[str],
        *,
        dry_run: Literal[False] = False,
        good: Good | None = None,
        refresh: bool = False,
        rows_per_file: int | None = None,
        shard: str | None = None,
        client: Any = None,
        concurrency: int = 1,
        retries: Retries = None,
        enable_progress: bool | None = None,
    ) -> Download: ...
    @overload
    def download(
        self,
        filters: FiltersT | Filters | None,
        folder: str | os.PathLike[str],
        *,
        dry_run: Literal[True],
        good: Good | None = None,
        refresh: bool = False,
        rows_per_file: int | None = None,
        shard: str | None = None,
        client: Any = None,
        concurrency: int = 1,
        retries: Retries = None,
        enable_progress: bool | None = None,
    ) -> Plan: ...
    @overload
    def download(
        self,
        filters: FiltersT | Filters | None,
        folder: str | os.PathLike[str],
        *,
        dry_run: bool,
        good: Good | None = None,
        refresh: bool = False,
        rows_per_file: int | None = None,
        shard: str | None = None,
        client: Any = None,
        concurrency: int = 1,
        retries: Retries = None,
        enable_progress: bool | None = None,
    ) -> Download | Plan: ...
    def download(
        self,
        filters: FiltersT | Filters | None,
        folder: str | os.PathLike[str],
        *,
        dry_run: bool = False,
        good: Good | None = None,
        refresh: bool = False,
        rows_per_file: int | None = None,
        shard: str | None = None,
        client: Any = None,
        concurrency: int = 1,
        retries: Retries = None,
        enable_progress: bool | None = None,
    ) -> Download | Plan:
        """Fetch histograms into Parquet files, with a manifest that says what each of them holds.

        The same call again continues: files that are as the manifest says are passed over, others are fetched again, and
        so are runs that are new at the service or have other numbers of lumisections than before. A killed process loses
        at most the file in flight. A file holds a range of runs of one dataset. If files fail, the others are still
        fetched, and the first failure is raised at the end; after three in a row it is raised at once.

        Args:
            filters: Which histograms; None for all. `order_by` and `next_token` have no place here.
            folder: Where to; it is made if it does not exist. The files are in ``FOLDER/data``; read them with
                `cmsdials.open_dataset`, and hold them against the service with `cmsdials.verify`.
            dry_run: Fetch only the indices, write nothing, and return the plan.
            good: Which lumisections: a `LumiMask`, or the path or dict that one is made of; None for all. Other runs are
                not asked for. The mask is part of what the folder holds, so that another one needs another folder.
            refresh: Ask also what has changed at the service since files were fetched: when it last read the DQMIO files
                that their histograms are from, and how many histograms it counts in each run, if it was asked before.
            rows_per_file: About how many rows a file holds; no file is less than a run. None for 200 000 in 1D and 20 000
                in 2D, which are some 300 MB before they are compressed. Files that are there keep their size.
            shard: Which of several processes this is, such as ``"2/8"``, the second of eight. Each fetches its own part of
                the files, which stays the same when runs are added, and may run at any time, on any machine that has the
                folder. None fetches what is not there, whoever began it.
            client: A `dask.distributed.Client`, whose workers fetch the files; None to fetch them here. Workers need the
                same folder by the same path, and the login: from a file that they see too, or from the environment. All
                of them together send three requests at a time. The files of workers that are lost are fetched by others.
            concurrency: How many parts of a file to fetch at a time, as in `list_all`; 1 with `shard` or `client`.
            retries: How often to try each page again, as in `list_all`.
            enable_progress: A progress bar; None shows one on a terminal and in a notebook, if tqdm is installed.

        Returns:
            What was done, by this shard if it is one; the plan, whose `repr` shows datasets, runs and numbers of rows, if it is a dry run.

        Raises:
            MissingDependencyError: pyarrow, or distributed for a client, is not installed; the message holds the command.
            FilterError: A filter is not one of this list, of the wrong kind, or has no place here.
            CheckpointError: The folder is of another download, is in use by another process, or cannot be written, or
                workers do not see it.
            ConfigurationError: An argument is unusable, such as a shard 9 of 8, or what no mask can be made of.
            CredentialsError: There is a client, and the login is only in the memory of this process.
            RequestFailedError: Something could not be fetched; see `cmsdials.errors`.
        """
        from cmsdials.download.cluster import Cluster  # noqa: PLC0415  # most listings need none of it
        from cmsdials.download.job import download  # noqa: PLC0415  # most listings need none of it
        from cmsdials.download.shards import Shard  # noqa: PLC0415  # most listings need none of it

        extras.require("pyarrow.parquet", needed_by="download")
        part = None if shard is None else Shard.parse(shard)
        if part is not None and client is not None:
            message = "shard and client are two ways to divide the work"
            raise ConfigurationError(message, advice="Give one of them.")
        if concurrency != 1 and (part is not None or client is not None):
            message = f"with {'client' if part is None else 'shard'} there is one request at a time for each file, so no concurrency"
            raise ConfigurationError(message, advice="Leave it out; what runs side by side is as fast.")
        query, page_size, mask = self._divided(filters, good, retries)
        cluster = None
        if client is not None:
            cluster = Cluster.of(client, self._elsewhere(query, page_size, mask, retries))
        return download(
            self._source(query, page_size, mask, retries, concurrency),
            folder,
            dry_run=dry_run,
            refresh=refresh,
            rows_per_file=rows_per_file,
            shard=part,
            cluster=cluster,
            enable_progress=enable_progress,
        )

    def to_dask(
        self,
        filters: FiltersT | Filters | None = None,
        *,
        good: Good | None = None,
        rows_per_partition: int | None = None,
        retries: Retries = None,
    ) -> Any:
        """Return a Dask DataFrame of histograms, which its workers fetch when it is computed.

        Each partition is a range of runs of one dataset, as a file of `download` is, in the order of the service. Columns
        are backed by Arrow; `data` is a flat list of float64, row-major: the content of the bins x, y is number
        ``y * x_bin + x``. All workers of a cluster together send three requests at a time, and so does this process
        without a cluster. Datasets, runs and monitoring elements are asked for at once, with no histogram. What is
        computed twice is fetched twice: `persist()` it, or `download` and read the files.

        Args:
            filters: Which histograms; None for all. `order_by` and `next_token` have no place here.
            good: Which lumisections, as in `download`.
            rows_per_partition: About how many rows a partition holds; no partition is less than a run. None for as many as a
                file of `download` has.
            retries: How often to try each page again, as in `list_all`.

        Returns:
            A `dask.dataframe.DataFrame`; its divisions are not known.

        Raises:
            MissingDependencyError: dask is not installed; the message holds the command.
            FilterError: A filter is not one of this list, of the wrong kind, or has no place here.
            ConfigurationError: rows_per_partition is not a whole number from 1, or no mask can be made of `good`.
            CredentialsError: The login is only in the memory of this process, where workers cannot open it.
            RequestFailedError: Datasets, runs or monitoring elements could not be fetched; see `cmsdials.errors`.
        """
        from cmsdials.download.job import to_dask  # noqa: PLC0415  # most listings need none of it

        query, page_size, mask = self._divided(filters, good, retries)
        remake = self._elsewhere(query, page_size, mask, retries)
        return to_dask(self._source(query, page_size, mask, retries, 1), remake, rows_per_partition)

    def _divided(
        self, filters: FiltersT | Filters | None, good: Good | None, retries: Retries
    ) -> tuple[dict[str, Any], int | None, LumiMask | None]:
        """Return the query, the size of pages and the mask of a download, with the name of the workspace known."""
        query = self._query(filters, None)
        page_size = query.pop("page_size", None)
        mask = mask_of(self._table, query, good)
        self._session.named_workspace(retries)
        return query, page_size, mask

    def _elsewhere(
        self, query: Mapping[str, Any], page_size: int | None, mask: LumiMask | None, retries: Retries
    ) -> Elsewhere:
        from cmsdials.resources.elsewhere import Elsewhere  # noqa: PLC0415  # most listings need none of it

        make = partial(
            HistogramResource._source,
            query=query,
            page_size=page_size,
            mask=mask,
            retries=retries,
            concurrency=1,
        )
        return Elsewhere.of(type(self), self.name, self._session, make)

    def _source(
        self,
        query: Mapping[str, Any],
        page_size: int | None,
        mask: LumiMask | None,
        retries: Retries,
        concurrency: int,
    ) -> Source:
        from cmsdials.download.changes import SourceFile  # noqa: PLC0415  # most listings need none of it
        from cmsdials.download.fetch import Source  # noqa: PLC0415  # most listings need none of it

        return Source(
            origin=self._origin(query, mask),
            record=self._record,
            runs=partial(self._runs, query, retries, mask),
            datasets=partial(names_of_datasets, self._session, query, retries),
            elements=lambda: self._chosen_elements(query, retries),
            pages=lambda part: self._pages(
                part,
                Listing(page_size=page_size, max_pages=None),
                retries=retries,
                concurrency=concurrency,
                mask=mask,
            ),
            files=lambda dataset_id: [
                SourceFile.of(one.file_id, one.logical_file_name, one.last_modification_date)
                for one in self._files({"dataset_id": dataset_id}, retries)
            ],
            counts=lambda: self._counts(query, mask, retries),
            why_empty=partial(self._why_empty, query),
            concurrency=checked_count("concurrency", concurrency),
        )

    def _files(self, query: Mapping[str, Any], retries: Retries) -> Result[FileIndex]:
        """Return the DQMIO files that a query chooses, by all but its file_id."""
        index = FileIndexResource(self._session)
        fields = ["dataset_id", "file_id", "last_modification_date", "logical_file_name"]
        return index.list_all(
            chosen(index.filters, query), fields=fields, retries=retries, enable_progress=False
        )

    def _counts(
        self, query: Mapping[str, Any], mask: LumiMask | None, retries: Retries
    ) -> dict[tuple[int, int], int]:
        """Return how many histograms, of all monitoring elements, the service counts in each dataset and run."""
        fields = ["dataset_id", "run_number", "ls_number", f"th{self._dimensions}_count"]
        lumisections = LumisectionResource(self._session)
        listed = lumisections.list_all(
            chosen(lumisections.filters, query),
            fields=fields,
            retries=retries,
            enable_progress=False,
            good=mask,
        )
        arrays = listed.to_numpy()
        found: Counter[tuple[int, int]] = Counter()
        columns = (arrays[name].tolist() for name in fields)
        for dataset_id, run, _, number in zip(*columns, strict=True):
            found[dataset_id, run] += number
        return dict(found)

    def _runs(self, query: Mapping[str, Any], retries: Retries, mask: LumiMask | None = None) -> Runs:
        listed = super()._runs(query, retries, mask)
        if not listed or not _OF_FILES & query.keys():
            return listed
        from cmsdials.download.changes import run_in  # noqa: PLC0415  # most listings need none of it

        of: defaultdict[int, set[int | None]] = defaultdict(set)
        for one in self._files(query, retries):
            if query.get("file_id", one.file_id) == one.file_id:
                of[one.dataset_id].add(run_in(one.logical_file_name))
        # A file whose name does not say its run may hold any.
        return [one for one in listed if {one[1], None} & of[one[0]]]

    def _density(self, query: Mapping[str, Any], retries: Retries) -> float:
        is_one = "me" in query or "me_id" in query
        return 1.0 if is_one else max(1.0, len(self._chosen_elements(query, retries)))

    def _chosen_elements(self, query: Mapping[str, Any], retries: Retries) -> dict[int, str]:
        """Return the paths of the monitoring elements that a query chooses, by their ids."""
        asked = {name: query[name] for name in ("me", "me__regex") if name in query}
        listed = self._elements({**asked, "dim": self._dimensions}, retries)
        return {one.me_id: one.me for one in listed if query.get("me_id", one.me_id) == one.me_id}


class LumisectionHistogram1DResource(
    HistogramResource[LumisectionHistogram1D, LumisectionHistogram1DFilters]
):
    """One-dimensional histograms; `data` holds the contents of x_bin bins."""

    name = "h1d"


class LumisectionHistogram2DResource(
    HistogramResource[LumisectionHistogram2D, LumisectionHistogram2DFilters]
):
    """Two-dimensional histograms; `data` holds y_bin rows of x_bin contents, so its index is `[y][x]`."""

    name = "h2d"
