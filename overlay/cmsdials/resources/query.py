"""From filters to a request: which names this list takes, which fields are wanted, and the rest of the query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote_plus

from cmsdials_api.filters import Filters
from cmsdials_api.resources import Resource
from cmsdials_api.types import RequestArguments

from cmsdials.errors import FilterError, UnknownFilterError
from cmsdials.filters import checked_value

__all__ = ["PAGING", "chosen", "count_request", "list_query", "refuse_too_long"]

PAGING = ("next_token", "page_size", "fields", "order_by")
"""Filters that say how rows come, not which rows."""

LONGEST_URL = 4094 - len("GET  HTTP/1.1")
"""Characters. v1.12 reads 4094 bytes of the first line of a request, and answers a longer one with HTTP 400."""

_CURSOR_AND_SIZE = 300  # characters that the paging may add to the URL of a page
_OF_ORDER = {
    "string": 700
}  # and that a field of order_by may, by its kind: its name, and its value in the cursor
_OF_ORDER_ELSE = 80


def list_query(
    table: Resource,
    filters: Filters | None,
    fields: Sequence[str] | None = None,
    *,
    twice: Collection[str] = (),
) -> dict[str, Any]:
    """Return the query of a list, by wire name. Names in `twice` are sent under two names.

    Any filter object will do if this list takes its filters: one for 1D histograms serves 2D histograms too.

    Raises:
        UnknownFilterError: The list does not take one of the filters.
        FilterError: A value is of the wrong kind, there is no such field, rows cannot have that order, or the lists of
            values make a URL that is too long.
    """
    query = _given(table.filters, filters, accepted=table.filters.PARAMETERS)
    if fields is not None:
        query["fields"] = checked_value(f"{table.filters.__name__}.fields", "strings", fields)
    known = [field.name for field in table.record.FIELDS]
    for name in query.get("fields", ()):
        if name not in known:
            # The service leaves out what it does not know, without an error.
            raise _unknown_field(table, name, known)
    order = query.get("order_by", ())
    _check_order(table, order)
    kinds = {field.name: field.kind for field in table.record.FIELDS}
    named = [*(text.removeprefix("-") for text in order), *table.keys] if order else []
    more = sum(_OF_ORDER.get(kinds.get(name, ""), _OF_ORDER_ELSE) for name in named)
    owner = table.filters.__name__
    loop = ("rows = []", f"rows += dials.{table.name}.list_all({owner}({{}}))")
    refuse_too_long(owner, table.path, query, loop=loop, twice=twice, more=more)
    return query


def refuse_too_long(
    owner: str,
    path: str,
    query: Mapping[str, Any],
    *,
    loop: tuple[str, str],
    splits: Collection[str] | None = None,
    twice: Collection[str] = (),
    more: int = 0,
) -> None:
    """Refuse a query whose URL is too long for servers, with advice on a loop that asks in parts.

    The `loop` says how the total begins, and how a part is added to it, with {} for its arguments; `splits` for which
    lists that is right (None: for all). Names in `twice` are sent under two names, and `more` characters may be added.
    """
    copies = {name: 2 if name in twice else 1 for name in query}
    lengths = {name: copies[name] * _encoded_length(name, value) for name, value in query.items()}
    length = len(path) + sum(lengths.values()) + _CURSOR_AND_SIZE + more
    if length <= LONGEST_URL:
        return
    longest = max(lengths, key=lambda name: lengths[name])
    value = query[longest]
    holds = f"{len(value)} values" if isinstance(value, list) else f"{len(str(value))} characters"
    message = f"{owner}.{longest} has {holds}, which makes a URL of about {length} characters; servers read {LONGEST_URL}"
    if not isinstance(value, list):
        raise FilterError(message, advice="Give a shorter one.")
    room = LONGEST_URL - (length - lengths[longest]) - copies[longest] * len(f"&{longest}=")
    fit = room // max(copies[longest] * len(quote_plus(f"{one},")) for one in value)
    if fit < 1:
        raise FilterError(message, advice="Split this list, and the other filters that are as long.")
    advice = f"Split the list, and ask with {fit} values at a time"
    if splits is not None and longest not in splits:
        raise FilterError(message, advice=f"{advice}.")
    adds, asks = loop
    others = {name: one for name, one in query.items() if name not in (longest, *twice) or one != value}
    part = ", ".join(
        [f"{longest}=values[start : start + {fit}]", *(f"{name}={one!r}" for name, one in others.items())]
    )
    refused = FilterError(message)
    refused.advice = (  # set here, because errors escape the line ends of what they are made with
        f"{advice}. Where values is the list, with each value once:\n"
        f"    {adds}\n"
        f"    for start in range(0, len(values), {fit}):\n"
        f"        {asks.format(part)}"
    )
    raise refused


def _encoded_length(name: str, value: Any) -> int:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return len(f"&{name}=") + len(quote_plus(text))


def _unknown_field(table: Resource, name: str, known: Sequence[str]) -> FilterError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return FilterError(f"{table.name} has no field {name!r}; {hint}")


def chosen(filters: type[Filters], query: Mapping[str, Any]) -> Filters:
    """Return the filters of a query that another list takes too."""
    return filters(
        **{name: query[name] for name in filters.PARAMETERS if name in query and name not in PAGING}
    )


_JOINED = {"dataset": "dataset_id", "me": "me_id"}
"""Names that most lists take from another table, which they cannot order by -> the ids to order by instead."""


def _check_order(table: Resource, order: Sequence[str]) -> None:
    """Refuse an order that the service breaks on: HTTP 500, or pages that never end."""
    names = [text.removeprefix("-") for text in order]
    known = [one.name for one in table.record.FIELDS]
    problems = {
        one.name: "which may be null or is not a single value"
        for one in table.record.FIELDS
        if one.nullable or one.kind in ("array", "object")
    }
    # The service cannot read its own cursors if rows are ordered by numbers of bins.
    bins = [name for one in table.record.FIELDS for name in one.lengths]
    problems |= dict.fromkeys(bins, "whose pages would not follow each other")
    own = table.keys[-1]  # for datasets dataset_id, so their names are in the same table
    problems |= {
        name: f"which stands in another table: order by {number}"
        for name, number in _JOINED.items()
        if number != own or len(table.keys) > 1
    }
    for name in names:
        if name not in known:
            raise _unknown_field(table, name, known)
        if name in problems:
            message = f"{table.name} cannot be ordered by {name}, {problems[name]}"
            sortable = ", ".join(one for one in known if one not in problems)
            raise FilterError(message, advice=f"Order by one or some of {sortable}.")
        if names.count(name) > 1:
            message = f"{table.filters.__name__}.order_by names {name} more than once"
            raise FilterError(message, advice="Name each field once.")


def count_request(
    table: Resource, count: Callable[..., RequestArguments], filters: Filters | None
) -> RequestArguments:
    """Return the request for the number of rows that match the filters. Raises as `list_query`."""
    accepted = dict.fromkeys((*table.countable, *PAGING))
    query = _given(table.filters, filters, accepted=accepted)
    query = {name: value for name, value in query.items() if name not in PAGING}
    owner = table.filters.__name__
    loop = ("count = 0", f"count += dials.{table.name}.count({owner}({{}}))")
    refuse_too_long(owner, f"{table.path}count/", query, loop=loop)
    return count(**query)


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
