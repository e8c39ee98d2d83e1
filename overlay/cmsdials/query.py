"""From filters to a request: which names this list takes, which fields are wanted, and the rest of the query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cmsdials_api.filters import Filters
from cmsdials_api.resources import Resource
from cmsdials_api.types import RequestArguments

from cmsdials.errors import FilterError, UnknownFilterError
from cmsdials.filters import checked_value

__all__ = ["PAGING", "count_request", "list_query"]

PAGING = ("next_token", "page_size", "fields", "order_by")
"""What says how rows come, and not which."""


def list_query(
    table: Resource, filters: Filters | None, fields: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the query of a list, by wire name.

    Any filter object will do whose filters this list takes: one for 1D histograms serves 2D histograms too.

    Args:
        table: The resource that lists.
        filters: Which rows; None for all.
        fields: Names of the fields to answer; None leaves it to the filters.

    Raises:
        UnknownFilterError: The list does not take one of the filters.
        FilterError: A value is of the wrong kind, or there is no such field.
    """
    query = _given(table.filters, filters, accepted=table.filters.PARAMETERS)
    if fields is not None:
        query["fields"] = checked_value(f"{table.filters.__name__}.fields", "strings", fields)
    known = [field.name for field in table.record.FIELDS]
    for name in query.get("fields", ()):
        if name not in known:
            # The service leaves out what it does not know, in silence.
            message = f"{table.name} has no field {name!r}; it has {', '.join(known)}"
            raise FilterError(message)
    return query


def count_request(
    table: Resource, count: Callable[..., RequestArguments], filters: Filters | None
) -> RequestArguments:
    """Return the request for the number of rows that the filters let through.

    Raises:
        UnknownFilterError: The service cannot count with one of the filters.
    """
    accepted = dict.fromkeys((*table.countable, *PAGING))
    query = _given(table.filters, filters, accepted=accepted)
    return count(**{name: value for name, value in query.items() if name not in PAGING})


def _given(own: type[Filters], filters: object, accepted: Mapping[str, Any]) -> dict[str, Any]:
    if filters is None:
        return {}
    if not isinstance(filters, Filters):
        message = f"filters must be {own.__name__}(...), not {type(filters).__name__}"
        raise FilterError(message, advice=f"Write: from cmsdials.filters import {own.__name__}")
    given = filters.given()
    for name in given:
        if name not in accepted:
            raise UnknownFilterError(filter_class=own.__name__, unknown=name, valid=accepted)
    return given
