"""Histograms of lumisections, of any number of dimensions, and whether any are missing."""

from __future__ import annotations

from attrs import evolve

from cmsdials.errors import CheckpointError, ConfigurationError, FilterError
from cmsdials.filters import LumisectionFilters, LumisectionHistogram1DFilters, LumisectionHistogram2DFilters
from cmsdials.http.retry import Retries
from cmsdials.listing.result import Result
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D
from cmsdials.resources.base import FiltersT, PaginatedResource, RecordT
from cmsdials.resources.coverage import Coverage, covered, notes_on
from cmsdials.resources.index import LumisectionResource
from cmsdials.resources.query import chosen

__all__ = ["HistogramResource", "LumisectionHistogram1DResource", "LumisectionHistogram2DResource"]


class HistogramResource(PaginatedResource[RecordT, FiltersT]):
    """Histograms; `data` holds the contents, with the index [y][x] in 2D and [z][y][x] in 3D.

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
        here = evolve(self._origin(result.origin.query), mask=mask)
        different = here.differences(result.origin)
        if different:
            message = f"the result is of another listing: {'; '.join(different)}"
            raise CheckpointError(message, advice="Ask the Dials object that it came from.")
        listed = LumisectionResource(self._session).list_all(
            chosen(LumisectionFilters, here.query),
            fields=needed[:3],
            retries=retries,
            enable_progress=enable_progress,
        )
        listed = listed if mask is None else mask.select(listed)
        return covered(listed, result, listing_complete=result.complete, notes=notes_on(here.query))


class LumisectionHistogram1DResource(
    HistogramResource[LumisectionHistogram1D, LumisectionHistogram1DFilters]
):
    """One-dimensional histograms; `data` holds the contents of x_bin bins."""

    name = "h1d"


class LumisectionHistogram2DResource(
    HistogramResource[LumisectionHistogram2D, LumisectionHistogram2DFilters]
):
    """Two-dimensional histograms; `data` holds y_bin rows of x_bin contents, so its index is [y][x]."""

    name = "h2d"
