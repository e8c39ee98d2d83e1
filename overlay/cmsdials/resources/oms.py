"""The CMS Online Monitoring System, asked through DIALS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen
from cmsdials_api import operations

from cmsdials.errors import FilterError, PaginationError, SchemaError
from cmsdials.filters import OMSFilter, OMSPage, checked_value
from cmsdials.http.retry import Retries
from cmsdials.redaction import shortened
from cmsdials.resources.advice import OF_OMS
from cmsdials.resources.services import Service
from cmsdials.runtime import extras
from cmsdials.runtime.progress import progress_bar
from cmsdials.table import decode

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OMS", "OMSRows"]

LARGEST_PAGE = 1000

T = TypeVar("T")

_AGAIN = "Ask for all rows again: they may have changed meanwhile, and those that came are not kept."
_ONE_PAGE = "It does not keep to page[offset]: ask for a single page with oms.query, or for other rows."


@frozen(repr=False)
class OMSRows:
    """All rows of an OMS query.

    Attributes:
        results: A dict for each row: its `id`, then its attributes.
        endpoint: The OMS endpoint that was asked.
    """

    results: list[dict[str, Any]]
    endpoint: str

    def __len__(self) -> int:
        return len(self.results)

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame, a row for each row and a column for each attribute.

        Raises:
            MissingDependencyError: pandas is not installed; the message holds the command.
        """
        # OMS names its attributes only in rows; the id is always there.
        columns = None if self.results else ["id"]
        frame: pd.DataFrame = extras.pandas().DataFrame(self.results, columns=columns)
        return frame

    def __repr__(self) -> str:
        return f"<{len(self.results)} rows of OMS {self.endpoint}>"


class OMS(Service):
    """Queries to OMS."""

    name = "oms"
    not_found = (
        "OMS has nothing of this name: check the endpoint, such as runs, lumisections or datasetrates."
    )
    advice = OF_OMS

    def query(
        self,
        endpoint: str,
        filters: OMSFilter | Iterable[OMSFilter] | None = None,
        pages: OMSPage | Iterable[OMSPage] | None = None,
        retries: Retries = None,
        *,
        sort: str | Sequence[str] | None = None,
        fields: str | Sequence[str] | None = None,
        include: str | Sequence[str] | None = "meta",
    ) -> dict[str, Any]:
        """Ask for one page and return the answer as it is.

        Args:
            endpoint: OMS endpoint, such as runs, lumisections or datasetrates.
            filters: A condition, or several, all of which must hold.
            pages: limit and offset; OMS chooses those that are not given.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.
            sort: Attributes to order the rows by, descending with a leading minus.
            fields: Attributes to return; None for all.
            include: What to return besides the rows; meta counts them. None leaves that to OMS.

        Returns:
            The JSON:API document: `data` (a list of {id, type, attributes}), `links`, and the number of all
            matching rows in `meta.totalResourceCount`.

        Raises:
            FilterError: Two filters have different values for the same attribute and operator, or an argument is
                of the wrong kind.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        request = operations.query_oms.request(
            endpoint=checked_value("endpoint", "string", endpoint),
            filter=_nested(_each("filters", filters, OMSFilter)) or None,
            page={one.attribute_name: one.value for one in _each("pages", pages, OMSPage)} or None,
        )
        passed_on = {"sort": sort, "fields": fields, "include": include}
        more = {
            name: ",".join(checked_value(f"oms.query({name}=)", "strings", value))
            for name, value in passed_on.items()
            if value is not None
        }
        request["params"] |= more
        return self._ask(request, lambda body: decode.read_object(body, self.name), retries)

    def list_all(
        self,
        endpoint: str,
        filters: OMSFilter | Iterable[OMSFilter] | None = None,
        *,
        page_size: int = LARGEST_PAGE,
        enable_progress: bool | None = None,
        retries: Retries = None,
        sort: str | Sequence[str] | None = None,
        fields: str | Sequence[str] | None = None,
    ) -> OMSRows:
        """Fetch all pages. OMS may send shorter ones than requested; its links say whether there are more.

        Args:
            endpoint: OMS endpoint, such as runs, lumisections or datasetrates.
            filters: A condition, or several, all of which must hold.
            page_size: Rows in a page.
            enable_progress: A progress bar; None shows one if tqdm is installed and stderr is a
                terminal or a notebook.
            retries: As in `query`, for each page.
            sort: As in `query`.
            fields: As in `query`.

        Returns:
            All rows, unpacked; `to_pandas()` makes a DataFrame of them.

        Raises:
            PaginationError: OMS ends with another number of rows than it says there are, or sends the same ones again.
            FilterError, RequestFailedError: As in `query`.
        """
        page_size = checked_value("page_size", "integer", page_size)
        conditions = _each("filters", filters, OMSFilter)
        rows: list[dict[str, Any]] = []
        came: list[dict[str, Any]] = []
        with progress_bar(enable_progress, total=None, unit="row", description=f"OMS {endpoint}") as progress:
            while True:
                pages = [
                    OMSPage(attribute_name="limit", value=page_size),
                    OMSPage(attribute_name="offset", value=len(rows)),
                ]
                answer = self.query(endpoint, conditions, pages, retries, sort=sort, fields=fields)
                before, came = came, _rows(answer, endpoint)
                if came and came == before and came[0]["id"] is not None:
                    message = f"OMS {endpoint} sends the same {len(came)} rows again after {len(rows)}"
                    raise PaginationError(message, advice=_ONE_PAGE)
                rows += came
                total = _total(answer, endpoint)
                progress.set_total(total)
                progress.update(len(came))
                if _has_more(answer, came, len(rows), total):
                    continue
                if total is None or len(rows) == total:
                    return OMSRows(rows, endpoint)
                message = f"OMS {endpoint} says that {total} rows match and ends after {len(rows)}"
                raise PaginationError(message, advice=_AGAIN)


def _each(name: str, given: T | Iterable[T] | None, kind: type[T]) -> list[T]:
    """Return what was given as a list: one, several or none."""
    if given is None:
        return []
    found = [given] if isinstance(given, kind) or not isinstance(given, Iterable) else list(given)
    for one in found:
        if not isinstance(one, kind):
            message = f"{name} takes {kind.__name__}(...), or a list of them, not {shortened(repr(one), 100)}"
            raise FilterError(message, advice=f"Write: from cmsdials.filters import {kind.__name__}")
    return found


def _nested(filters: Iterable[OMSFilter]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for one in filters:
        operators = nested.setdefault(one.attribute_name, {})
        if operators.setdefault(one.operator, one.value) != one.value:
            message = f"two filters {one.attribute_name} {one.operator}: OMS takes one of each"
            raise FilterError(message)
    return nested


def _rows(answer: Mapping[str, Any], endpoint: str) -> list[dict[str, Any]]:
    data = answer.get("data") or []
    rows = [data] if isinstance(data, Mapping) else data  # a single resource, or several
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        problem = "is neither an object nor a list of objects"
        raise SchemaError(problem, resource=f"OMS {endpoint}", field="data")
    for number, row in enumerate(rows):
        if not isinstance(row.get("attributes") or {}, Mapping):
            problem = "is not an object"
            raise SchemaError(problem, resource=f"OMS {endpoint}", field="attributes", row=number)
    return [{"id": row.get("id"), **(row.get("attributes") or {})} for row in rows]


def _total(answer: Mapping[str, Any], endpoint: str) -> int | None:
    meta = answer.get("meta")
    total = meta.get("totalResourceCount") if isinstance(meta, Mapping) else None
    if not isinstance(total, int) or isinstance(total, bool):
        return None
    if total < 0:
        problem = "is negative"
        raise SchemaError(problem, resource=f"OMS {endpoint}", field="totalResourceCount")
    return total


def _has_more(answer: Mapping[str, Any], came: list[dict[str, Any]], rows: int, total: int | None) -> bool:
    """Whether to ask for another page: by the link to it, else by the total, else until none comes.

    Raises:
        PaginationError: There is a link to another page, and this one has no rows.
    """
    if isinstance(answer.get("data"), Mapping):  # a single resource
        return False
    links = answer.get("links")
    is_linked = bool(links["next"]) if isinstance(links, Mapping) and "next" in links else None
    if not came:
        if is_linked:
            message = f"OMS links to more rows after {rows} and sends none"
            raise PaginationError(message, advice=_AGAIN)
        return False
    return is_linked if is_linked is not None else total is None or rows < total
