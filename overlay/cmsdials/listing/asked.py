"""Answers held against the question: rows that were not asked for are an error, and never reach anybody.

The service ignores what it does not understand without a word, and a proxy or a cache may answer another question. So
each answer is compared with the filters, or the keys, that were sent: whole columns at once. Not compared are fields
that the rows lack (because of `fields`, or of the service's generation), filters on other tables, and regular
expressions or texts that PostgreSQL and Python might read differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cmsdials_api.records import Record

from cmsdials.errors import PaginationError, SchemaError
from cmsdials.expressions import search_of
from cmsdials.listing.page import Page
from cmsdials.listing.pagination import LARGEST_PAGE
from cmsdials.redaction import shortened
from cmsdials.table import decode
from cmsdials.table.objects import ABSENT, as_list
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    from cmsdials.table.columns import Values

__all__ = ["Unwanted", "Wanted", "array_asked_for", "check_page", "row_asked_for"]

RecordT = TypeVar("RecordT", bound=Record)

_REPORT = "None of this answer was used. Ask again; if it stays, report this message to the DIALS developers."
_OF_PAGE = f"{_REPORT} The pages before it are sound: list_all keeps them with keep_failed=True."

_OTHER_NAMES = {"min_size": "file_size__gte"}
"""Filters that are not named after their field."""

_LONGEST = 100  # characters of a value in a message


class _Condition(NamedTuple):
    """What a filter demands of a field.

    `allows` decides on one value or, where `of_arrays` is set, on an array of numbers at once.
    """

    name: str
    field: str
    allows: Callable[[Any], Any]
    of_arrays: bool

    def first_wrong(self, values: Values) -> int | None:
        """Return the first place in a column whose value is excluded; None if there is none."""
        if self.of_arrays and not isinstance(values, list):
            is_right = self.allows(values)
            return None if is_right.all() else int(is_right.argmin())
        held = as_list(values)
        wrong = {one for one in {*held} if one is not ABSENT and (one is None or not self.allows(one))}
        return next(at for at, one in enumerate(held) if one in wrong) if wrong else None


class Unwanted(NamedTuple):
    """A row that a filter excludes: its number, the field, its value there, and the filter with the value asked for."""

    row: int
    field: str
    came: str
    asked: str


class Wanted:
    """What the rows of a query must be like.

    Args:
        record: What they are.
        query: Filters by wire name. The key of a single row is like an exact filter.
    """

    def __init__(self, record: type[Record], query: Mapping[str, Any]) -> None:
        kinds = {one.name: one.kind for one in record.FIELDS}
        made = (_condition(name, value, kinds) for name, value in query.items())
        self._conditions = [one for one in made if one is not None]
        self._query = query

    @property
    def names(self) -> list[str]:
        """The filters that rows are held against, if they have the fields."""
        return [one.name for one in self._conditions]

    def unwanted(self, store: RowStore[Any]) -> Unwanted | None:
        """Return a row that some filter excludes; None if there is none."""
        before = 0
        for block in store.held():
            for one in self._conditions:
                values = block.column(one.field)
                if values is not None and len(values) and (row := one.first_wrong(values)) is not None:
                    asked = f"{one.name}={_shown(self._query[one.name])}"
                    return Unwanted(before + row, one.field, _shown(values[row]), asked)
            before += len(block)
        return None

    def check(self, store: RowStore[Any], resource: str) -> None:
        """Refuse a list with a row that some filter excludes.

        Raises:
            SchemaError: There is one.
        """
        found = self.unwanted(store)
        if found is not None:
            message = f"is {found.came}, and {found.asked} was asked for: the service has ignored this filter"
            raise SchemaError(message, resource=resource, field=found.field, row=found.row, advice=_OF_PAGE)


def check_page(page: Page[Any], resource: str, query: Mapping[str, Any]) -> None:
    """Hold a page against the query that it answers.

    Raises:
        SchemaError: It has a row that a filter excludes.
        PaginationError: It has more rows than were asked for.
    """
    most = query.get("page_size", LARGEST_PAGE)
    if len(page) > most:
        asked = (
            f"page_size={most} was asked for" if "page_size" in query else f"{most} is the most without one"
        )
        message = f"the page has {len(page)} rows, and {asked}: the service has ignored its size"
        raise PaginationError(message, advice=_OF_PAGE)
    Wanted(page.store.record, query).check(page.store, resource)


def array_asked_for(
    body: bytes, record: type[RecordT], resource: str, query: Mapping[str, Any], key: str
) -> list[RecordT]:
    """Read a list that comes without pages, and hold it against its query; no two rows have the same `key`.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is not a list of such rows, or has one that a filter excludes, or two with one key.
    """
    rows = decode.read_array(body, record, resource, fields=query.get("fields"))
    store = RowStore(record, rows=rows)
    Wanted(record, query).check(store, resource)
    seen: set[Any] = set()
    for number, value in enumerate(value for block in store.held() for value in as_list(block.column(key))):
        if value in seen and hasattr(value, "__index__"):  # else it is the mark of a field that a row lacks
            message = f"is {_shown(value)} as in a row before it: the service has sent that twice"
            raise SchemaError(message, resource=resource, field=key, row=number, advice=_REPORT)
        seen.add(value)
    return rows


def row_asked_for(body: bytes, record: type[RecordT], resource: str, keys: Mapping[str, Any]) -> RecordT:
    """Read a single row, and hold it against the keys that it was asked for by.

    Raises:
        DecodeError: The body is not JSON.
        SchemaError: It is not such a row, or another one.
    """
    row = decode.read_row(body, record, resource)
    found = Wanted(record, keys).unwanted(RowStore(record, rows=[row]))
    if found is not None:
        message = f"is {found.came}, and {found.asked} was asked for: the service has sent another row"
        raise SchemaError(message, resource=resource, field=found.field, advice=_REPORT)
    return row


def _condition(name: str, value: Any, kinds: Mapping[str, str]) -> _Condition | None:
    """Return what a filter demands; None if rows cannot be held against it, or it says how they come."""
    field, _, lookup = _OTHER_NAMES.get(name, name).partition("__")
    kind = kinds.get(field, "")
    values = [value] if lookup != "in" else value if isinstance(value, list | tuple) else [None]
    # A file may hold anything as the query that it says it is of.
    if lookup not in _LOOKUPS.get(kind, ()) or not all(isinstance(one, _TYPES[kind]) for one in values):
        return None
    allows = _LOOKUPS[kind][lookup](value)
    return None if allows is None else _Condition(name, field, allows, lookup in ("", "gte", "lte"))


def _equal(value: Any) -> Callable[[Any], Any]:
    if not isinstance(value, str):
        return lambda held: held == value
    stripped = value.strip()  # as the service does
    return lambda held: held.strip() == stripped


def _at_least(value: Any) -> Callable[[Any], Any]:
    return lambda held: held >= value


def _at_most(value: Any) -> Callable[[Any], Any]:
    return lambda held: held <= value


def _one_of(values: Any) -> Callable[[Any], Any]:
    return frozenset(values).__contains__


def _matching(pattern: str) -> Callable[[Any], Any] | None:
    return search_of(pattern.strip())  # as the service does


_TYPES = {"integer": int, "string": str, "boolean": bool}
_LOOKUPS: Mapping[str, Mapping[str, Callable[[Any], Callable[[Any], Any] | None]]] = {
    "integer": {"": _equal, "gte": _at_least, "lte": _at_most, "in": _one_of},
    "string": {"": _equal, "in": _one_of, "regex": _matching},
    "boolean": {"": _equal},
}
"""What follows the name of a field, by its kind, and makes of the value asked for what decides on those that come."""


def _shown(value: Any) -> str:
    return shortened(repr(getattr(value, "tolist", lambda: value)()), _LONGEST)
