"""Monitoring elements: what is booked, overall or in a run, and how to find it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from cmsdials_api import operations
from cmsdials_api.filters import Filters

from cmsdials.filters import MEFilters, checked_value
from cmsdials.http.retry import Retries
from cmsdials.listing.asked import array_asked_for
from cmsdials.models import MonitoringElement, RunMonitoringElement
from cmsdials.resources.base import Resource
from cmsdials.resources.catalogue import Catalogue, Listed
from cmsdials.resources.query import list_query

if TYPE_CHECKING:
    from cmsdials.table.found import Found

__all__ = ["MonitoringElementResource"]

_Elements = list[MonitoringElement]  # inside the class, `list` is its method
_RunElements = list[RunMonitoringElement]
_Rows = list[dict[str, Any]]
_Names = list[str]


class MonitoringElementResource(Catalogue[MonitoringElement], Resource[MonitoringElement, MEFilters]):
    """Monitoring elements, the paths under which histograms are booked. They come in one answer, without pages.

    ``dials.mes[name]`` is the one with exactly this name, ``name in dials.mes`` says whether there is one, and `find`
    searches. These three, and iterating, keep the list: for a day, in memory and in the cache folder.
    """

    name = "mes"
    _kind = "mes"
    _what = "monitoring element"
    _columns: ClassVar[dict[str, type]] = {"me_id": int, "me": str, "dim": int, "count": int}

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

    def find(
        self,
        name: str | None = None,
        *,
        regex: Any = None,
        dim: int | None = None,
        refresh: bool = False,
        retries: Retries = None,
    ) -> Found[MonitoringElement]:
        """Search the monitoring elements of the workspace, in the list that is kept.

        Args:
            name: Words, all of which stand somewhere in the path, in any order and case: "charge layer 2" finds
                .../charge_PXLayer_2, and .../charge_PXLayer_12 after it. Or a glob, if it holds * or ?, for the whole path
                or what follows a slash in it: "charge_PXLayer_?". None for all.
            regex: A regular expression of Python, as text or compiled, which is found in the path; upper and lower case
                differ.
            dim: The dimension of the histograms, 1 or 2; None for any.
            refresh: Fetch the list again first. Without it, that is done if it is older than a day, or if nothing is found.
            retries: How often to try again, as in `list`.

        Returns:
            The monitoring elements, best first; for a glob or an expression in the order of their names. It is a
            sequence and a table: `names`, `ids`, `to_pandas()`. If nothing is found it is empty, and its `note` says
            which names are the nearest.

        Raises:
            FilterError: `regex` is no regular expression, or an argument is of the wrong kind.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        from cmsdials.resources.ranking import ranked  # noqa: PLC0415  # for a search only

        wanted = None if dim is None else checked_value("dials.mes.find(dim=)", "integer", dim)

        def search(listed: Listed[MonitoringElement]) -> _Names:
            found = ranked(listed.by_name, name, regex)
            return [one for one in found if wanted is None or listed.by_name[one].dim == wanted]

        return self._searched(search, name, retries, refresh=refresh)

    def _fetched_rows(self, retries: Retries) -> _Rows:
        return [one.dict() for one in self._elements({"fields": [*self._columns]}, retries)]

    def _entries(self, rows: _Rows) -> _Elements:
        read = partial(array_asked_for, resource=self.name, query={"fields": [*self._columns]}, key="me_id")
        return read(json.dumps(rows).encode(), MonitoringElement)

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
