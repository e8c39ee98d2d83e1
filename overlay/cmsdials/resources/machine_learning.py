"""Models, the lumisections they judge bad, and certification files made from both.

The resources in which the two generations of the service differ most. Each call works with either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve
from cmsdials_api import operations
from cmsdials_api.filters import Filters
from cmsdials_api.models.certification_query import CertificationQuery

from cmsdials.errors import FilterError, MethodNotAllowedError, NotFoundError
from cmsdials.filters import MLBadLumisectionFilters, MLModelsIndexFilters, checked_value
from cmsdials.http.retry import Retries
from cmsdials.listing.order import RowOrder, Term
from cmsdials.listing.page import Page
from cmsdials.models import MLBadLumisection, MLModelsIndex
from cmsdials.redaction import shortened
from cmsdials.resources.advice import OF_CERTIFICATION, advised
from cmsdials.resources.base import FiltersT, PaginatedResource, RecordT
from cmsdials.resources.query import PAGING, list_query, refuse_too_long
from cmsdials.table import decode

__all__ = ["MLBadLumisectionResource", "MLModelsIndexResource"]

_RENAMED = {"model_id": "id", "model_id__in": "id__in"}
"""Filters of v1.12 -> the same ones of a newer service."""


class _OfTwoGenerations(PaginatedResource[RecordT, FiltersT]):
    """A list whose rows have different fields, and a different key, in each generation of the service."""

    _renamed: ClassVar[Mapping[str, str]] = {}
    """Fields of one generation -> the same ones of the other."""

    _sent: tuple[str, ...] = ()

    def _order(self, query: Mapping[str, Any], retries: Retries) -> RowOrder:
        asked = query.get("order_by", ())
        key = [*self._renamed] or self._table.keys_v1_12
        if not asked:
            return RowOrder(self._record, (), key, query)
        sent = self._fields_sent(query, retries)
        if not sent:
            return RowOrder(self._record)  # there are no rows to order
        terms = [Term.read(text) for text in asked]
        terms = [
            term if term.name in sent else evolve(term, name=self._renamed.get(term.name, term.name))
            for term in terms
        ]
        for term in terms:
            if term.name not in sent:
                message = (
                    f"{self.name} of this DIALS cannot be ordered by {term.name}, which its rows do not have"
                )
                raise FilterError(message, advice=f"They have {', '.join(sent)}.")
        return RowOrder(self._record, map(str, terms), [name for name in key if name in sent], query)

    def _fields_sent(self, query: Mapping[str, Any], retries: Retries) -> tuple[str, ...]:
        """Find out which fields this generation has, from one row; none if there is no row."""
        if not self._sent:
            which = {name: value for name, value in query.items() if name not in PAGING}
            for row in self._page({**which, "page_size": 1}, retries).store:
                self._sent = tuple(row.__dict__)
        return self._sent


class MLModelsIndexResource(_OfTwoGenerations[MLModelsIndex, MLModelsIndexFilters]):
    """Models that judge lumisections.

    The identifier is `model_id` for a v1.12 service and `id` for a newer one; either filter name works with both.
    """

    name = "ml_models_index"
    _renamed: ClassVar[Mapping[str, str]] = {"model_id": "id", "id": "model_id"}

    def get(self, model_id: int, *, retries: Retries = None) -> MLModelsIndex:
        """Fetch one model."""
        keys = self._checked_keys({"model_id": model_id})
        return self._fetched(self._table.get(**keys), retries, {**keys, "id": keys["model_id"]})

    __call__ = get

    def _query(self, filters: Filters | None, fields: Sequence[str] | None) -> dict[str, Any]:
        query = list_query(self._table, filters, fields, twice={*_RENAMED, *_RENAMED.values()})
        for old, new in _RENAMED.items():
            if old in query and new in query and query[old] != query[new]:
                both = " and ".join(f"{name}={shortened(repr(query[name]), 100)}" for name in (old, new))
                message = f"{both} are the same filter with two values"
                raise FilterError(message, advice=f"Give {new} alone.")
            # Each generation ignores the other's name, so both are sent.
            value = query.get(old, query.get(new))
            if value is not None:
                query |= {old: value, new: value}
        return query

    def _page(self, query: Mapping[str, Any], retries: Retries, **options: Any) -> Page[MLModelsIndex]:
        page = super()._page(query, retries, **options)
        if page.rows:
            self._check_generation(query, page.rows[0])
        return page

    def _check_generation(self, query: Mapping[str, Any], row: MLModelsIndex) -> None:
        """Refuse an answer to filters that this generation of the service has ignored."""
        old_only = self._table.filters.DEPRECATED
        is_old = "model_id" in row.__dict__ or "filename" in row.__dict__
        is_new = "id" in row.__dict__ or "revision" in row.__dict__
        shared = {"next_token", "page_size", "fields", "order_by", "active", *_RENAMED, *_RENAMED.values()}
        for name in query.keys() - shared:
            if (is_new and name in old_only) or (is_old and name not in old_only):
                ours, theirs = ("a newer one", "v1.12") if is_new else ("v1.12", "newer ones")
                message = f"this DIALS is {ours} and has ignored the filter {name}, which is for {theirs}"
                known = self._table.filters.PARAMETERS
                names = [one for one in known if one in shared or (one in old_only) is is_old]
                raise FilterError(message, advice=f"Filters that it knows: {', '.join(names)}.")


class MLBadLumisectionResource(_OfTwoGenerations[MLBadLumisection, MLBadLumisectionFilters]):
    """Lumisections that a model judges bad, and certification files."""

    name = "ml_bad_lumis"

    _is_v1_12 = False

    def get(
        self,
        model_id: int,
        dataset_id: int,
        run_number: int,
        ls_number: int,
        me_id: int | None = None,
        *,
        retries: Retries = None,
    ) -> MLBadLumisection:
        """Fetch the verdict of a model on one lumisection.

        Args:
            model_id: The model.
            dataset_id: The dataset.
            run_number: The run.
            ls_number: The lumisection.
            me_id: The monitoring element, which is part of the key in a v1.12 service; a newer one does not
                need it.
            retries: As in `list`.

        Raises:
            NotFoundError: There is no such verdict.
            FilterError: A v1.12 service has verdicts on several monitoring elements, and me_id is not given.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        given = {
            "model_id": model_id,
            "dataset_id": dataset_id,
            "run_number": run_number,
            "ls_number": ls_number,
        }
        keys = self._checked_keys(given)
        requests = [self._table.get(**keys)]
        wanted = keys if me_id is None else {**keys, **self._checked_keys({"me_id": me_id})}
        if me_id is not None and self._table.get_v1_12 is not None:
            requests.insert(0, self._table.get_v1_12(**wanted))
        problems = []
        for request in requests:
            try:
                return self._fetched(request, retries, wanted)
            except NotFoundError as error:
                if not _may_lack_the_path(error):
                    raise
                problems.append(error)  # the other generation has no such path
        if me_id is not None:
            raise problems[0]
        rows = self._page(keys, retries).rows
        verdicts = [row for row in rows if "me_id" in row.__dict__]
        if not verdicts:
            asked = ", ".join(f"{name}={key}" for name, key in keys.items())
            code, detail = problems[0].status_code, problems[0].detail
            message = f"HTTP {code}: no verdict has {asked}"
            raise NotFoundError(message, status_code=code, detail=detail, method="GET", url=self._address)
        if len(verdicts) > 1:
            mes = ", ".join(str(row.me_id) for row in verdicts)
            message = f"this model has verdicts on {len(verdicts)} monitoring elements of this lumisection"
            raise FilterError(message, advice=f"Give me_id too, one of {mes}.")
        return verdicts[0]

    __call__ = get

    def cert_json(
        self,
        model_id__in: Sequence[int],
        dataset_id__in: Sequence[int],
        run_number__in: Sequence[int],
        *,
        retries: Retries = None,
    ) -> dict[str, Any]:
        """Fetch what each model says about each bad lumisection: run number -> lumisection number -> verdicts.

        Args:
            model_id__in: The models.
            dataset_id__in: The datasets.
            run_number__in: The runs.
            retries: As in `list`; the POST of a newer service changes nothing there, so it is tried again too.

        Returns:
            JSON as the service sends it; its members differ between generations.

        Raises:
            FilterError: A list is empty, or holds something other than whole numbers.
            RequestFailedError: No usable answer came; see `cmsdials.errors`.
        """
        return self._certification("cert_json", retries, model_id__in, dataset_id__in, run_number__in)

    def golden_json(
        self,
        model_id__in: Sequence[int],
        dataset_id__in: Sequence[int],
        run_number__in: Sequence[int],
        *,
        retries: Retries = None,
    ) -> dict[str, Any]:
        """Fetch the lumisections that no model judges bad: run number -> inclusive ranges [first, last].

        Arguments and errors as in `cert_json`.
        """
        return self._certification("golden_json", retries, model_id__in, dataset_id__in, run_number__in)

    def _certification(self, way: str, retries: Retries, *lists: Sequence[int]) -> dict[str, Any]:
        names = ("model_id__in", "dataset_id__in", "run_number__in")
        asked = {name: checked_value(name, "integers", one) for name, one in zip(names, lists, strict=True)}

        def certify(*, is_v1_12: bool) -> dict[str, Any]:
            if is_v1_12:  # which reads the lists from the URL
                request = getattr(operations, f"get_{way}_v1_12").request(**asked)
                loop = ("runs = {}", f"runs |= dials.{self.name}.{way}({{}})")
                refuse_too_long(self.name, request["url"], asked, loop=loop, splits=names[2:])
            else:
                request = getattr(operations, f"get_{way}").request(body=CertificationQuery(**asked))
            with advised(OF_CERTIFICATION):
                return self._session.perform(
                    request, lambda body: decode.read_object(body, self.name), retries=retries, safe=True
                )

        is_v1_12 = self._is_v1_12
        try:
            return certify(is_v1_12=is_v1_12)
        except MethodNotAllowedError:
            pass  # the other generation; if that is refused too, its error says so
        answer = certify(is_v1_12=not is_v1_12)
        self._is_v1_12 = not is_v1_12  # threads that find it out at the same time set the same value
        return answer


def _may_lack_the_path(error: NotFoundError) -> bool:
    """Whether a 404 may be about the path, which another generation has, and not about the row."""
    return error.body.lstrip().startswith("<") or error.detail.rstrip(".").lower() in ("", "not found")
