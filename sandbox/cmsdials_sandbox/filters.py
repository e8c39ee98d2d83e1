"""The filters of each list; unknown names are ignored, as by the service.

Like django-filter, this reads only the names it knows and only the last value of a repeated name: these are the traps for
users of the service.  Filters on the name of a dataset, ME or file are turned into lists of ids first:
a regex then runs over a few names instead of a million rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import django_filters
from django.db.models import Model, QuerySet

from cmsdials_sandbox import models
from cmsdials_sandbox.errors import Breakdown, TimedOut
from cmsdials_sandbox.expressions import BadExpression, TooSlow, expression
from cmsdials_sandbox.options import Generation

Rows = QuerySet[Any, Any]


class NumberListFilter(django_filters.BaseInFilter, django_filters.NumberFilter):
    """Numbers separated by commas, with blanks dropped; those too large for a column match nothing."""

    def filter(self, qs: Rows, value: Sequence[Any] | None) -> Rows:
        """Keep the rows with one of these numbers."""
        if not value:
            return qs
        possible = [number for number in value if number is not None and abs(number) < 2**63]
        return super().filter(qs, possible) if possible else qs.none()


class TruthFilter(django_filters.CharFilter):
    """true and false in any case, 1 and 0; other words are ignored."""

    def filter(self, qs: Rows, value: str) -> Rows:
        """Keep the rows that have this value."""
        truth = {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
        return qs if truth is None else qs.filter(**{str(self.field_name): truth})


class RegexFilter(django_filters.CharFilter):
    """A regular expression, searched for anywhere; an invalid one breaks the service."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("lookup_expr", "regex")
        super().__init__(**kwargs)

    def filter(self, qs: Rows, value: str) -> Rows:
        """Keep the rows that match."""
        if not value:
            return qs
        matches = matching(value)
        names = qs.model._default_manager.using(qs.db).values_list(str(self.field_name), flat=True).distinct()
        return qs.filter(**{f"{self.field_name}__in": [name for name in names if matches(name)]})


class ByIdFilter(django_filters.CharFilter):
    """A filter on a name in another table: `identified` finds the ids there, which are applied to `column` here."""

    def __init__(self, table: type[Model], column: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table, self.column = table, column

    def filter(self, qs: Rows, value: str) -> Rows:
        """Keep the rows whose id belongs to a name that matches."""
        if not value:
            return qs
        matches = matching(value) if self.lookup_expr == "regex" else value.__eq__
        named = self.table._default_manager.using(qs.db).values_list(self.column, str(self.field_name))
        ids = [number for number, name in named.order_by(self.column) if matches(name)]
        # With a single id SQLite seeks along the key; with a list of one it does not.
        return qs.filter(**{self.column: ids[0]} if len(ids) == 1 else {f"{self.column}__in": ids})


def matching(text: str) -> Callable[[str], bool]:
    """Return whether a name matches an expression, as PostgreSQL reads it; an invalid one breaks the service."""
    try:
        read = expression(text)
    except BadExpression as error:
        message = f"invalid regular expression: {error}"
        raise Breakdown(message) from error
    except TooSlow as error:
        raise TimedOut from error

    def matches(name: str) -> bool:
        try:
            return read.found_in(name)
        except TooSlow as error:
            raise TimedOut from error

    return matches


def _dataset() -> ByIdFilter:
    return ByIdFilter(models.DatasetIndex, "dataset_id", field_name="dataset", lookup_expr="exact")


def _dataset_regex() -> ByIdFilter:
    return ByIdFilter(models.DatasetIndex, "dataset_id", field_name="dataset", lookup_expr="regex")


def _number(name: str, lookup: str = "exact") -> django_filters.NumberFilter:
    return django_filters.NumberFilter(field_name=name, lookup_expr=lookup)


class DatasetIndexFilters(django_filters.FilterSet):
    """dataset-index/."""

    dataset = django_filters.CharFilter()
    dataset__regex = RegexFilter(field_name="dataset")


class FileIndexFilters(django_filters.FilterSet):
    """file-index/."""

    dataset_id = _number("dataset_id")
    dataset = _dataset()
    dataset__regex = _dataset_regex()
    logical_file_name = django_filters.CharFilter()
    logical_file_name__regex = RegexFilter(field_name="logical_file_name")
    status = django_filters.CharFilter()
    min_size = _number("file_size", "gte")


class MEsFilters(django_filters.FilterSet):
    """mes/."""

    me = django_filters.CharFilter()
    me__regex = RegexFilter(field_name="me")
    dim = _number("dim")


class RunFilters(django_filters.FilterSet):
    """run/."""

    dataset_id = _number("dataset_id")
    dataset_id__in = NumberListFilter(field_name="dataset_id")
    dataset = _dataset()
    dataset__regex = _dataset_regex()
    run_number = _number("run_number")
    run_number__lte = _number("run_number", "lte")
    run_number__gte = _number("run_number", "gte")


class LumisectionFilters(django_filters.FilterSet):
    """lumisection/."""

    dataset_id = _number("dataset_id")
    dataset = _dataset()
    dataset__regex = _dataset_regex()
    run_number = _number("run_number")
    run_number__lte = _number("run_number", "lte")
    run_number__gte = _number("run_number", "gte")
    ls_number = _number("ls_number")
    ls_number__lte = _number("ls_number", "lte")
    ls_number__gte = _number("ls_number", "gte")


class HistogramFilters(LumisectionFilters):
    """th1/ and th2/."""

    file_id = _number("file_id")
    me_id = _number("me_id")
    entries__gte = _number("entries", "gte")
    me = ByIdFilter(models.MEs, "me_id", field_name="me", lookup_expr="exact")
    me__regex = ByIdFilter(models.MEs, "me_id", field_name="me", lookup_expr="regex")
    logical_file_name = ByIdFilter(
        models.FileIndex, "file_id", field_name="logical_file_name", lookup_expr="exact"
    )
    logical_file_name__regex = ByIdFilter(
        models.FileIndex, "file_id", field_name="logical_file_name", lookup_expr="regex"
    )


class MLModelsIndexFiltersV112(django_filters.FilterSet):
    """ml-models-index/ of v1.12."""

    model_id = _number("model_id")
    model_id__in = NumberListFilter(field_name="model_id")
    filename = django_filters.CharFilter(field_name="name")
    filename__regex = RegexFilter(field_name="name")
    target_me = django_filters.CharFilter()
    target_me__regex = RegexFilter(field_name="target_me")
    active = TruthFilter()


class MLModelsIndexFilters(django_filters.FilterSet):
    """ml-models-index/ of today, where a model may have several inputs and carries tags."""

    id = _number("model_id")
    id__in = NumberListFilter(field_name="model_id")
    name = django_filters.CharFilter()
    name__regex = RegexFilter(field_name="name")
    active = TruthFilter()
    ready = TruthFilter()
    type = django_filters.CharFilter()
    input_signature_contains_me = django_filters.CharFilter(method="with_input")
    input_signature_contains_me__regex = django_filters.CharFilter(method="with_input_like")
    tag_name = django_filters.CharFilter(method="with_tag")
    tag_value = django_filters.CharFilter(method="with_tag")

    def with_input(self, rows: Rows, _name: str, value: str) -> Rows:
        """Models that read this ME."""
        return _having(rows, "input_signature", "me", value.__eq__)

    def with_input_like(self, rows: Rows, _name: str, value: str) -> Rows:
        """Models that read an ME whose path matches."""
        return _having(rows, "input_signature", "me", matching(value))

    def with_tag(self, rows: Rows, name: str, value: str) -> Rows:
        """Models with a tag of this name, or this value."""
        key = name.removeprefix("tag_")
        return _having(rows, "tags", key, value.__eq__)


def _having(rows: Rows, column: str, key: str, matches: Callable[[str], bool]) -> Rows:
    """Models with a matching value in some element of a JSON list; there are few models, so all are checked."""
    ids = [
        model_id
        for model_id, listed in rows.values_list("model_id", column)
        if any(matches(element[key]) for element in listed or ())
    ]
    return rows.filter(model_id__in=ids)


class MLBadLumisectionFilters(django_filters.FilterSet):
    """ml-bad-lumisection/."""

    model_id = _number("model_id")
    model_id__in = NumberListFilter(field_name="model_id")
    dataset_id = _number("dataset_id")
    dataset_id__in = NumberListFilter(field_name="dataset_id")
    dataset = _dataset()
    dataset__regex = _dataset_regex()
    me_id = _number("me_id")
    me = ByIdFilter(models.MEs, "me_id", field_name="me", lookup_expr="exact")
    me__regex = ByIdFilter(models.MEs, "me_id", field_name="me", lookup_expr="regex")
    run_number = _number("run_number")
    run_number__in = NumberListFilter(field_name="run_number")
    ls_number = _number("ls_number")


def models_index_filters(generation: Generation) -> type[django_filters.FilterSet]:
    """Return the filters of ml-models-index/ of a generation."""
    return MLModelsIndexFilters if generation == "now" else MLModelsIndexFiltersV112
