"""Monitoring elements: what is booked, overall or in a run."""

from __future__ import annotations

from collections.abc import Sequence

from cmsdials_api import operations
from cmsdials_api.filters import Filters

from cmsdials.filters import MEFilters
from cmsdials.http.retry import Retries
from cmsdials.listing.asked import array_asked_for
from cmsdials.models import MonitoringElement, RunMonitoringElement
from cmsdials.resources.base import Resource
from cmsdials.resources.query import list_query

__all__ = ["MonitoringElementResource"]

_Elements = list[MonitoringElement]  # inside the class, `list` is its method
_RunElements = list[RunMonitoringElement]


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
            filters: Which ones; None for all.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.
            fields: Names of the fields to fetch; the records hold only these. None for all.

        Raises:
            FilterError: A filter or field is not one of this list, or of the wrong kind.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        query = list_query(self._table, filters, fields)
        found = self._elements(query, retries)
        if not found:
            self._why_empty(query)
        return found

    list_all = list
    """The same as `list`: there is only one page."""

    def list_run(self, dataset_id: int, run_number: int, *, retries: Retries = None) -> _RunElements:
        """Fetch the monitoring elements that a run of a dataset has, as a plain list.

        Raises:
            ServerError: There is no such run: the service then answers HTTP 500.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        keys = self._checked_keys({"dataset_id": dataset_id, "run_number": run_number})
        return self._session.perform(
            operations.list_mes_of_run.request(keys["dataset_id"], keys["run_number"]),
            lambda body: array_asked_for(body, RunMonitoringElement, self.name, {}, "me_id"),
            retries=retries,
        )
