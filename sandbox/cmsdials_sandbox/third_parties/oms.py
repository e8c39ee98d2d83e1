"""oms-proxy/: the Online Monitoring System, in its JSON:API form, with filters and pages.

A page has 100 rows at most, whatever `page[limit]` says, so a short page is not the last one; `links.next` says whether there is another.
The total comes only with `include=meta`.  `sort` (comma-separated attributes, '-' reverses) and `fields` are passed on like any other
parameter.  In LIKE `%` matches anything; without it the text is found anywhere.  Errors are DIALS's `{"detail"}`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.catalogue import runs
from cmsdials_sandbox.errors import Absent
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.third_parties.oms_rows import RESOURCES, Attributes
from cmsdials_sandbox.views import Endpoint

MAX_LIMIT = 100
OPERATORS = ("EQ", "NEQ", "LT", "GT", "LE", "GE", "LIKE")

_OMS = "https://cmsoms.cern.ch/agg/api/v1"
_FILTER = re.compile(r"filter\[([^\]]*)\](?:\[([^\]]*)\])?")


@dataclass(frozen=True)
class Condition:
    """One `filter[ATTR][OP]=value`."""

    attribute: str
    operator: str
    value: str

    def holds(self, attributes: Attributes) -> bool:
        """Whether a row passes; raises a 400 if it has no such attribute or the value is of another type."""
        if self.attribute not in attributes:
            known = ", ".join(attributes)
            raise ValidationError({f"filter[{self.attribute}]": [f"Unknown attribute; use one of {known}."]})
        found = attributes[self.attribute]
        if found is None:
            return self.operator == "NEQ"
        if self.operator == "LIKE":
            return _like(self.value).fullmatch(str(found)) is not None
        wanted = self._as_type_of(found)
        match self.operator:
            case "EQ":
                return bool(found == wanted)
            case "NEQ":
                return bool(found != wanted)
            case "LT":
                return bool(found < wanted)
            case "GT":
                return bool(found > wanted)
            case "LE":
                return bool(found <= wanted)
            case _:
                return bool(found >= wanted)

    def _as_type_of(self, found: Any) -> Any:
        if isinstance(found, bool):
            return self.value.lower() == "true"
        if isinstance(found, int | float):
            try:
                return float(self.value)
            except ValueError as error:
                raise ValidationError({f"filter[{self.attribute}]": ["Enter a number."]}) from error
        return self.value


class OMSProxy(Endpoint):
    """A page of one OMS endpoint."""

    def get(self, request: Request) -> Response:
        """JSON:API: data, links, meta."""
        query = request.query_params
        endpoint = query.get("endpoint", "").strip("/")
        if not endpoint:
            raise ValidationError({"endpoint": ["This field is required."]})
        if endpoint not in RESOURCES:
            message = f"OMS has no endpoint '{endpoint}'; this sandbox knows {', '.join(sorted(RESOURCES))}"
            raise Absent(message)
        resource = RESOURCES[endpoint]
        conditions = list(_conditions(query))
        limit = min(_number(query, "page[limit]", MAX_LIMIT, least=1), MAX_LIMIT)
        offset = _number(query, "page[offset]", 0, least=0)
        # Rows of other runs are not made at all: there may be tens of thousands.
        about_runs = [c for c in conditions if c.attribute == "run_number"] if resource.by_run else []
        known = [
            run
            for run in runs(installation().options.scale)
            if all(c.holds({"run_number": run[0]}) for c in about_runs)
        ]
        found = [row for row in resource.rows(known) if all(c.holds(row) for c in conditions)]
        _sort(found, query.get("sort", ""))
        wanted = [
            name
            for name in (query.get("fields") or query.get(f"fields[{endpoint}]") or "").split(",")
            if name
        ]
        answer: dict[str, Any] = {
            "data": [_resource_object(endpoint, row, wanted) for row in found[offset : offset + limit]],
            "links": _links(endpoint, query, len(found), limit, offset),
        }
        if "meta" in query.get("include", "").split(","):
            answer["meta"] = {"totalResourceCount": len(found)}
        return Response(answer)


def _sort(rows: list[Attributes], by: str) -> None:
    """Sort rows by attributes, the first one first; raises a 400 for an unknown attribute."""
    for name in reversed([name for name in by.split(",") if name]):
        attribute = name.removeprefix("-")
        if rows and attribute not in rows[0]:
            raise ValidationError({"sort": [f"Unknown attribute; use one of {', '.join(rows[0])}."]})
        rows.sort(key=lambda row: _sortable(row[attribute]), reverse=name.startswith("-"))


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is None, str(value) if isinstance(value, list) else value


def _resource_object(endpoint: str, row: Attributes, wanted: list[str]) -> dict[str, Any]:
    """Wrap a row as JSON:API, with the requested attributes."""
    key = "_".join(str(row[part]) for part in RESOURCES[endpoint].key)
    attributes = {name: value for name, value in row.items() if not wanted or name in wanted}
    return {
        "id": key,
        "type": endpoint,
        "attributes": attributes,
        "links": {"self": f"{_OMS}/{endpoint}/{key}"},
    }


def _conditions(query: Mapping[str, str]) -> Iterator[Condition]:
    for name, value in query.items():
        if match := _FILTER.fullmatch(name):
            operator = (match[2] or "EQ").upper()
            if operator not in OPERATORS:
                raise ValidationError({name: [f"Unknown operator; use one of {', '.join(OPERATORS)}."]})
            yield Condition(match[1], operator, value)


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    try:
        number = int(query.get(name, default))
    except ValueError as error:
        raise ValidationError({name: ["Enter a number."]}) from error
    if number < least:
        raise ValidationError({name: [f"Ensure this value is greater than or equal to {least}."]})
    return number


def _links(
    endpoint: str, query: Mapping[str, str], total: int, limit: int, offset: int
) -> dict[str, str | None]:
    """Addresses at OMS itself, as the proxy passes them on."""
    repeated = [
        (name, value)
        for name, value in query.items()
        if name not in {"endpoint", "page[offset]", "page[limit]"}
    ]

    def link(start: int) -> str:
        query = urlencode([*repeated, ("page[offset]", start), ("page[limit]", limit)], safe="[]")
        return f"{_OMS}/{endpoint}?{query}"

    last = max(0, (total - 1) // limit * limit)
    return {
        "self": link(offset),
        "first": link(0),
        "last": link(last),
        "prev": link(max(0, offset - limit)) if offset > 0 else None,
        "next": link(offset + limit) if offset + limit < total else None,
    }


def _like(pattern: str) -> re.Pattern[str]:
    text = pattern if "%" in pattern else f"%{pattern}%"
    return re.compile(".*".join(re.escape(part) for part in text.split("%")), re.DOTALL | re.IGNORECASE)
