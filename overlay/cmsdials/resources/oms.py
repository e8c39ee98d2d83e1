"""The CMS Online Monitoring System, asked through DIALS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from cmsdials_api import operations

from cmsdials.errors import FilterError, PaginationError, SchemaError
from cmsdials.filters import OMSFilter, OMSPage, checked_value
from cmsdials.http.retry import Retries
from cmsdials.redaction import shortened
from cmsdials.resources.advice import OF_OMS
from cmsdials.resources.services import Service
from cmsdials.runtime.background import load
from cmsdials.runtime.progress import progress_bar
from cmsdials.table import decode
from cmsdials.table.documents import OMSRows
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.table.tabular import Tabular
from cmsdials.wording import counted

__all__ = ["OMS", "OMSRows"]

LARGEST_PAGE = 1000

T = TypeVar("T")

_AGAIN = "Ask for all rows again: they may have changed meanwhile, and those that came are not kept."
_ONE_PAGE = "It does not keep to page[offset]: ask for a single page with oms.query, or for other rows."


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
        runs: Any = None,
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
            runs: Only the rows of these runs, in order, one run after the other: numbers, or a result, a page or a mask, for
                the runs of its rows. The endpoint must know `run_number`.
            page_size: Rows in a page.
            enable_progress: A progress bar; None shows one if tqdm is installed and stderr is a
                terminal or a notebook.
            retries: As in `query`, for each page.
            sort: As in `query`.
            fields: As in `query`.

        Returns:
            All rows, unpacked; `to_pandas()` makes a DataFrame of them, and `cmsdials.join` and `Result.join` join
            them with others.

        Raises:
            PaginationError: OMS ends with another number of rows than it says there are, or sends the same ones again.
            FilterError, RequestFailedError: As in `query`.
        """
        page_size = checked_value("page_size", "integer", page_size)
        conditions = _each("filters", filters, OMSFilter)
        chosen = [None] if runs is None else [_of_run(run) for run in _runs(runs)]
        rows: list[dict[str, Any]] = []
        with progress_bar(enable_progress, total=None, unit="row", description=f"OMS {endpoint}") as progress:
            for of_run in chosen:
                only = conditions if of_run is None else [*conditions, of_run]

                def ask(offset: int, only: list[OMSFilter] = only) -> dict[str, Any]:
                    pages = [
                        OMSPage(attribute_name="limit", value=page_size),
                        OMSPage(attribute_name="offset", value=offset),
                    ]
                    return self.query(endpoint, only, pages, retries, sort=sort, fields=fields)

                for came, total in _pages(endpoint, ask):
                    rows += came
                    if len(chosen) == 1:
                        progress.set_total(total)
                    progress.update(len(came))
        known = [] if fields is None else checked_value("oms.list_all(fields=)", "strings", fields)
        return OMSRows(rows, endpoint, known=["id", *known] if known else [])


def _pages(
    endpoint: str, ask: Callable[[int], dict[str, Any]]
) -> Iterator[tuple[list[dict[str, Any]], int | None]]:
    """Yield the rows of each page, and how many there are in all as far as OMS says."""
    many = 0
    came: list[dict[str, Any]] = []
    while True:
        answer = ask(many)
        before, came = came, _rows(answer, endpoint)
        if came and came == before and came[0]["id"] is not None:
            message = f"OMS {endpoint} sends the same {counted(len(came), 'row')} again after {many}"
            raise PaginationError(message, advice=_ONE_PAGE)
        many += len(came)
        total = _total(answer, endpoint)
        yield came, total
        if _has_more(answer, came, many, total):
            continue
        if total is None or many == total:
            return
        message = f"OMS {endpoint} counts {counted(total, 'row')} and ends after {many}"
        raise PaginationError(message, advice=_AGAIN)


def _runs(runs: Any) -> list[int]:
    """Return the numbers of runs, each once, in order.

    Raises:
        FilterError: They are not numbers, or there are none.
        ConfigurationError: The rows have no run_number.
    """
    if isinstance(runs, LumiMask | Tabular):
        numbers = runs.runs if isinstance(runs, LumiMask) else _of_rows(runs)
        if not numbers:
            message = f"oms.list_all(runs=) has no runs: {runs!r}"
            raise FilterError(message, advice="Check what these rows were asked for with.")
        return numbers
    one = runs if isinstance(runs, Iterable) else [runs]
    return sorted(checked_value("oms.list_all(runs=)", "integers", one))


def _of_rows(rows: Tabular[Any]) -> list[int]:
    load("cmsdials.table.keys")
    from cmsdials.table.keys import runs_of  # noqa: PLC0415  # it imports NumPy

    return runs_of(rows)


def _of_run(run: int) -> OMSFilter:
    return OMSFilter(attribute_name="run_number", value=run, operator="EQ")


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
