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

from cmsdials_sandbox import models, records
from cmsdials_sandbox.authentication import caller
from cmsdials_sandbox.errors import Absent, Breakdown
from cmsdials_sandbox.installation import Content, installation
from cmsdials_sandbox.keeping import WORKSPACE, kept
from cmsdials_sandbox.paging import Pages
from cmsdials_sandbox.records import Record, Row

Rows = QuerySet[Model, Model]


class Endpoint(APIView):
    """Base of every endpoint: it answers 405 to methods it does not implement; in today's service also to OPTIONS."""

    http_method_names = ["get", "head", "post"] + (
        ["options"] if installation().generation == "v1.12" else []
    )


class DataEndpoint(Endpoint):
    """An endpoint that reads the workspace named in the header `Workspace`, else the caller's default."""

    # Django requires a default for a view's options; `urls` gives each endpoint its own.
    record: Record = records.DATASET_INDEX
    filters: type[FilterSet] = FilterSet

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Authenticate the caller, then choose the database."""
        super().initial(request, *args, **kwargs)
        self.workspace = request.headers.get(WORKSPACE) or caller(request).workspace
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
        """Return the rows that pass the query's filters; raises a 400 that names the invalid filters."""
        return filtered(self.filters, request, self.rows(self.record.model))


class ListEndpoint(DataEndpoint):
    """A list in pages."""

    @kept
    def get(self, request: Request) -> Response:
        """One page."""
        wanted = self.record.chosen(request.query_params.get("fields"))
        pages = Pages()
        page = pages.read(request, self.record, self.content, self.filtered(request), wanted)
        results = self.record.make(page, wanted, self.content)
        return Response(
            {"next": pages.get_next_link(), "previous": pages.get_previous_link(), "results": results}
        )


class ArrayEndpoint(DataEndpoint):
    """A list without pages."""

    @kept
    def get(self, request: Request) -> Response:
        """All rows, by key; `order_by` is for lists with pages and is ignored."""
        wanted = self.record.chosen(request.query_params.get("fields"))
        rows = self.record.select(self.filtered(request), wanted).order_by(*self.record.key)
        return Response(self.record.make(list(rows), wanted, self.content))


class CountEndpoint(DataEndpoint):
    """How many rows a list has."""

    @kept
    def get(self, request: Request) -> Response:
        """Count the rows."""
        return Response({"count": self.filtered(request).count()})


class DetailEndpoint(DataEndpoint):
    """The record with the primary key in the path."""

    @kept
    def get(self, request: Request, **key: int) -> Response:
        """Find the record."""
        wanted = self.record.chosen(request.query_params.get("fields"))
        rows: list[Row] = list(self.record.select(self.rows(self.record.model).filter(**key), wanted)[:1])
        if not rows:
            message = f"No {self.record.name} matches the given query."
            raise Absent(message)
        return Response(self.record.make(rows, wanted, self.content)[0])


class MEsOfRunEndpoint(DataEndpoint):
    """The MEs that a run has histograms of."""

    record = records.MES_OF_RUN

    @kept
    def get(self, _request: Request, **run: int) -> Response:
        """All MEs of the run; an unknown run breaks the service."""
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
