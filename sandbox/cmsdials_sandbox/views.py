"""The data endpoints: lists in pages, single records, counts, and the plain arrays of MEs.

Each class is one kind of answer; `urls` makes an endpoint of it by giving it a record and its filters.
"""

from typing import Any

from django.db.models import Model, QuerySet
from django_filters import FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmsdials_sandbox import models, paging, records
from cmsdials_sandbox.catalogue import DEFAULT_WORKSPACE
from cmsdials_sandbox.errors import Absent, Breakdown
from cmsdials_sandbox.installation import Content, installation
from cmsdials_sandbox.records import Record, Row

Rows = QuerySet[Model, Model]


class Endpoint(APIView):
    """What every endpoint shares: it answers 405 to any method it has no function for, OPTIONS too."""

    http_method_names = ["get", "head", "post"]  # noqa: RUF012  (so it is declared in Django)


class DataEndpoint(Endpoint):
    """An endpoint that reads the workspace named in the header `Workspace`."""

    # Django wants a view's options to have a default; `urls` gives each endpoint its own.
    record: Record = records.DATASET_INDEX
    filters: type[FilterSet] = FilterSet

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Let the asker in, then choose the database."""
        super().initial(request, *args, **kwargs)
        self.workspace = request.headers.get("Workspace") or DEFAULT_WORKSPACE
        if self.workspace not in installation().databases:
            message = f"Workspace '{self.workspace}' not found"
            raise Absent(message)

    @property
    def content(self) -> Content:
        """Names behind the ids of the workspace."""
        return installation().contents[self.workspace]

    def rows(self, model: type[Model]) -> Rows:
        """All rows of a table of the workspace."""
        return model._default_manager.using(self.workspace).all()

    def filtered(self, request: Request) -> Rows:
        """Return the rows that the query's filters let through; raises a 400 that names the filters it cannot read."""
        return filtered(self.filters, request, self.rows(self.record.model))


class ListEndpoint(DataEndpoint):
    """A list in pages."""

    def get(self, request: Request) -> Response:
        """One page."""
        query = request.query_params
        by = paging.order(query, self.record.key, self.record.sortable)
        token = query.get("next_token")
        cursor = paging.decode(token, by) if token else None
        wanted = self.record.chosen(query.get("fields"))
        rows = self.record.select(self.filtered(request), wanted, by.columns)
        page = paging.read(rows, by, cursor, paging.page_size(query))
        return Response(
            {
                "next": paging.link(request, page.next, by),
                "previous": paging.link(request, page.previous, by),
                "results": self.record.make(page.rows, wanted, self.content),
            }
        )


class ArrayEndpoint(DataEndpoint):
    """A list that comes whole."""

    def get(self, request: Request) -> Response:
        """All rows."""
        by = paging.order(request.query_params, self.record.key, self.record.sortable)
        wanted = self.record.chosen(request.query_params.get("fields"))
        rows = self.record.select(self.filtered(request), wanted, by.columns)
        rows = rows.order_by(*(f"-{column}" if by.descending else column for column in by.columns))
        return Response(self.record.make(list(rows), wanted, self.content))


class CountEndpoint(DataEndpoint):
    """How many rows a list has."""

    def get(self, request: Request) -> Response:
        """Count them."""
        return Response({"count": self.filtered(request).count()})


class DetailEndpoint(DataEndpoint):
    """The record with a primary key, which stands in the path."""

    def get(self, _request: Request, **key: int) -> Response:
        """Find the record."""
        wanted = self.record.fields
        rows: list[Row] = list(self.record.select(self.rows(self.record.model).filter(**key), wanted)[:1])
        if not rows:
            message = f"No {self.record.name} matches the given query."
            raise Absent(message)
        return Response(self.record.make(rows, wanted, self.content)[0])


class MEsOfRunEndpoint(DataEndpoint):
    """The MEs that a run has histograms of."""

    record = records.MES_OF_RUN

    def get(self, _request: Request, **run: int) -> Response:
        """All of them; an unknown run breaks the service."""
        if not self.rows(models.Run).filter(**run).exists():
            message = f"no such run: {run}"
            raise Breakdown(message)
        found: set[Any] = set()
        for model in (models.TH1, models.TH2):
            found.update(self.rows(model).filter(**run).values_list("me_id", flat=True).distinct())
        mes = self.rows(models.MEs).filter(me_id__in=found).order_by("me_id")
        wanted = self.record.fields
        return Response(self.record.make(list(self.record.select(mes, wanted)), wanted, self.content))


def filtered(filters: type[FilterSet], request: Request, rows: Rows) -> Rows:
    """Return the rows that pass the filters in the query."""
    chosen = filters(data=request.query_params, queryset=rows)
    if not chosen.is_valid():
        raise ValidationError({name: [str(e) for e in errors] for name, errors in chosen.errors.items()})
    found: Rows = chosen.qs
    return found
