"""The resources of the service: a name, a record, filters, and the signature of `get`.

A test holds these lines to the generated table. Behaviour is in `cmsdials.resources.base`, and where a resource has
more of it than the others, in its own module (`cmsdials.resources.machine_learning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import evolve
from cmsdials_api import operations
from cmsdials_api.filters import Filters
from cmsdials_api.records import Record

from cmsdials.errors import CheckpointError, ConfigurationError, FilterError
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MEFilters,
    RunFilters,
)
from cmsdials.http.retry import Retries
from cmsdials.listing.result import Result
from cmsdials.models import (
    DatasetIndex,
    FileIndex,
    Lumisection,
    LumisectionHistogram1D,
    LumisectionHistogram2D,
    MonitoringElement,
    Run,
    RunMonitoringElement,
)
from cmsdials.resources.base import CountedResource, PaginatedResource, Resource, chosen
from cmsdials.resources.coverage import Coverage, covered, notes_on
from cmsdials.resources.query import list_query
from cmsdials.table import decode

__all__ = [
    "DatasetIndexResource",
    "FileIndexResource",
    "LumisectionHistogram1DResource",
    "LumisectionHistogram2DResource",
    "LumisectionResource",
    "MonitoringElementResource",
    "RunResource",
]

RecordT = TypeVar("RecordT", bound=Record)
FiltersT = TypeVar("FiltersT", bound=Filters)
_Elements = list[MonitoringElement]  # inside the class, `list` is its method
_RunElements = list[RunMonitoringElement]


class DatasetIndexResource(PaginatedResource[DatasetIndex, DatasetIndexFilters]):
    """Datasets that DIALS has indexed."""

    name = "dataset_index"

    def get(self, dataset_id: int, *, retries: Retries = None) -> DatasetIndex:
        """Fetch one dataset."""
        return self._row(retries, dataset_id=dataset_id)


class FileIndexResource(CountedResource[FileIndex, FileIndexFilters]):
    """DQMIO files, and how their ingestion went."""

    name = "file_index"

    def get(self, dataset_id: int, file_id: int, *, retries: Retries = None) -> FileIndex:
        """Fetch one file."""
        return self._row(retries, dataset_id=dataset_id, file_id=file_id)


class RunResource(CountedResource[Run, RunFilters]):
    """Runs of each dataset."""

    name = "run"

    def get(self, dataset_id: int, run_number: int, *, retries: Retries = None) -> Run:
        """Fetch one run of a dataset."""
        return self._row(retries, dataset_id=dataset_id, run_number=run_number)


class LumisectionResource(CountedResource[Lumisection, LumisectionFilters]):
    """Lumisections of each run."""

    name = "lumi"

    def get(
        self, dataset_id: int, run_number: int, ls_number: int, *, retries: Retries = None
    ) -> Lumisection:
        """Fetch one lumisection."""
        return self._row(retries, dataset_id=dataset_id, run_number=run_number, ls_number=ls_number)


class _HistogramResource(PaginatedResource[RecordT, FiltersT]):
    """What both kinds of histograms share."""

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

        Asked are the runs that the result's own filters choose (dataset, run and lumisection), so that a run
        without a single histogram is noticed too. Only keys are fetched.

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
        here = evolve(self._origin({}), query=result.origin.query)
        different = here.differences(result.origin)
        if different:
            message = f"the result is of another listing: {'; '.join(different)}"
            raise CheckpointError(message, advice="Ask the Dials object that it came from.")
        lumisections = LumisectionResource(self._session)
        listed = lumisections.list_all(
            chosen(LumisectionFilters, result.origin.query),
            fields=needed[:3],
            retries=retries,
            enable_progress=enable_progress,
        )
        return covered(
            listed,
            result,
            listing_complete=result.complete,
            notes=notes_on(result.origin.query),
        )


class LumisectionHistogram1DResource(
    _HistogramResource[LumisectionHistogram1D, LumisectionHistogram1DFilters]
):
    """One-dimensional histograms; `data` holds the contents of x_bin bins."""

    name = "h1d"


class LumisectionHistogram2DResource(
    _HistogramResource[LumisectionHistogram2D, LumisectionHistogram2DFilters]
):
    """Two-dimensional histograms; `data` holds y_bin rows of x_bin contents, so its index is [y][x]."""

    name = "h2d"


class MonitoringElementResource(Resource[MonitoringElement, MEFilters]):
    """Monitoring elements, the paths under which histograms are booked. They come in one answer, without pages."""

    name = "mes"

    def get(self, id: int, *, retries: Retries = None) -> MonitoringElement:
        """Fetch one monitoring element by its me_id."""
        return self._row(retries, me_id=id)

    def list(
        self,
        filters: MEFilters | Filters | None = None,
        retries: Retries = None,
        *,
        fields: Sequence[str] | None = None,
    ) -> _Elements:
        """Fetch all monitoring elements that match, as a plain list.

        Args:
            filters: Which; None for all.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.
            fields: Names of the fields to fetch; the records hold only these. None for all.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        query = list_query(self._table, filters, fields)
        return self._session.perform(
            self._table.list(**query),
            lambda body: decode.read_array(body, MonitoringElement, self.name, fields=query.get("fields")),
            retries=retries,
        )

    list_all = list
    """The same as `list`: there is but one page."""

    def list_run(self, dataset_id: int, run_number: int, *, retries: Retries = None) -> _RunElements:
        """Fetch the monitoring elements that a run of a dataset has, as a plain list.

        Raises:
            ServerError: There is no such run: the service answers HTTP 500 to it.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        keys = self._checked_keys({"dataset_id": dataset_id, "run_number": run_number})
        return self._session.perform(
            operations.list_mes_of_run.request(keys["dataset_id"], keys["run_number"]),
            lambda body: decode.read_array(body, RunMonitoringElement, self.name),
            retries=retries,
        )
