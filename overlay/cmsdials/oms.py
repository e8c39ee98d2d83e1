"""The CMS Online Monitoring System, asked through DIALS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cmsdials_api.api.oms import query_oms

from cmsdials import decode, extras
from cmsdials.errors import FilterError, PaginationError
from cmsdials.filters import OMSFilter, OMSPage, checked_value
from cmsdials.progress import progress_bar
from cmsdials.retry import Retries
from cmsdials.session import Session

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OMS", "OMSRows"]

LARGEST_PAGE = 1000


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
        # OMS says what its attributes are only where there is a row; its id is always there.
        columns = None if self.results else ["id"]
        frame: pd.DataFrame = extras.pandas().DataFrame(self.results, columns=columns)
        return frame

    def __repr__(self) -> str:
        return f"<{len(self.results)} rows of OMS {self.endpoint}>"


class OMS:
    """Queries to OMS.

    Args:
        session: What requests go through; OMS knows no workspaces.
    """

    name = "oms"

    def __init__(self, session: Session) -> None:
        self._session = session

    def query(
        self,
        endpoint: str,
        filters: Sequence[OMSFilter] = (),
        pages: Sequence[OMSPage] | None = None,
        retries: Retries = None,
    ) -> dict[str, Any]:
        """Ask for one page and return the answer as it is.

        Args:
            endpoint: OMS endpoint, such as runs, lumisections or datasetrates.
            filters: Conditions, all of which hold.
            pages: limit and offset; OMS chooses those that are not given.
            retries: How often to try again: a number or urllib3's `Retry`; None for five times.

        Returns:
            The JSON:API document: `data` (a list of {id, type, attributes}), `links`, and the number of all
            matching rows in `meta.totalResourceCount`.

        Raises:
            FilterError: Two filters say different things of the same attribute and operator.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        request = query_oms.request(
            endpoint=endpoint,
            filter=_nested(filters) or None,
            page={one.attribute_name: one.value for one in pages or ()} or None,
        )
        return self._session.perform(
            request, lambda answer: decode.read_object(answer, self.name), retries=retries, workspace=False
        )

    def list_all(
        self,
        endpoint: str,
        filters: Sequence[OMSFilter] = (),
        *,
        page_size: int = LARGEST_PAGE,
        enable_progress: bool | None = None,
        retries: Retries = None,
    ) -> OMSRows:
        """Fetch all pages.

        Args:
            endpoint: OMS endpoint, such as runs, lumisections or datasetrates.
            filters: Conditions, all of which hold.
            page_size: Rows in a page.
            enable_progress: A progress bar; None shows one if tqdm is installed and somebody is looking.
            retries: As in `query`, for each page.

        Returns:
            All rows, unpacked; `to_pandas()` makes a DataFrame of them.

        Raises:
            PaginationError: OMS ends before it has sent as many rows as it says there are.
            FilterError, RequestFailedError: As in `query`.
        """
        page_size = checked_value("page_size", "integer", page_size)
        rows: list[dict[str, Any]] = []
        with progress_bar(enable_progress, total=None, unit="row", description=f"OMS {endpoint}") as progress:
            while True:
                pages = [
                    OMSPage(attribute_name="limit", value=page_size),
                    OMSPage(attribute_name="offset", value=len(rows)),
                ]
                answer = self.query(endpoint, filters, pages, retries)
                came = [_unpacked(row) for row in _data(answer)]
                rows += came
                total = _total(answer, default=len(rows) + (0 if len(came) < page_size else 1))
                progress.set_total(total)
                progress.update(len(came))
                if len(rows) >= total:
                    return OMSRows(rows, endpoint)
                if not came:
                    message = f"OMS {endpoint} says that {total} rows match and ends after {len(rows)}"
                    raise PaginationError(message)


def _nested(filters: Iterable[OMSFilter]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for one in filters:
        value = one.value.item() if hasattr(one.value, "item") else one.value
        operators = nested.setdefault(one.attribute_name, {})
        if operators.setdefault(one.operator, value) != value:
            message = f"two filters {one.attribute_name} {one.operator}: OMS takes one of each"
            raise FilterError(message)
    return nested


def _data(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = answer.get("data")
    if isinstance(data, Mapping):  # a single resource
        return [data]
    return list(data or ())


def _unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row.get("id"), **(row.get("attributes") or {})}


def _total(answer: Mapping[str, Any], default: int) -> int:
    meta = answer.get("meta")
    total = meta.get("totalResourceCount") if isinstance(meta, Mapping) else None
    return total if isinstance(total, int) else default
