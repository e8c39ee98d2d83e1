"""Unknown arguments and resources: errors that say what was probably meant, instead of Python's bare ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import FunctionType
from typing import Any, Protocol, TypeVar

from cmsdials_api.resources import Resource as Table

from cmsdials.errors import UnknownNameError
from cmsdials.filters import instead_of
from cmsdials.redaction import shortened

__all__ = ["explaining", "no_resource"]

_NUMBERS_OF_ROWS = frozenset({"limit", "n", "nrows", "max_rows", "max_results", "per_page", "size"})
_OF_DIALS = frozenset({"workspace", "base_url", "timeout", "creds"})

T = TypeVar("T")


class _Named(Protocol):
    name: str
    _table: Table


def explaining(cls: type[T]) -> None:
    """Make the methods of a class of resources say what was meant by an argument that they do not take.

    Signatures and types stay as they are.
    """
    made: dict[Any, Callable[..., Any]] = {}
    for name, method in [*vars(cls).items()]:
        if isinstance(method, FunctionType) and not name.startswith("_"):
            setattr(cls, name, made.setdefault(method, _explaining(method)))


def _explaining(method: FunctionType) -> Callable[..., Any]:
    code = method.__code__
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(method)
    def explained(self: _Named, *arguments: Any, **named: Any) -> Any:
        for name, value in named.items():
            if name not in known:
                message = f"dials.{self.name}.{method.__name__} takes no argument {name!r}"
                raise UnknownNameError(message, advice=_meant(self._table, known, name, value))
        return method(self, *arguments, **named)

    return explained


def _meant(table: Table, known: tuple[str, ...], name: str, value: object) -> str:
    """Say what an argument was meant for."""
    if name in _OF_DIALS:
        return f"It is an argument of Dials(creds, {name}=...)."
    has_filters = "filters" in known
    filters, accepted = table.filters.__name__, table.filters.PARAMETERS if has_filters else {}
    if name in accepted:
        shown = shortened(repr(value), 60)
        return f"It is a filter: pass {filters}({name}={shown}), from cmsdials.filters."
    if name in _NUMBERS_OF_ROWS and "page_size" in accepted:
        pages = "; max_pages= is how many pages to fetch" if "max_pages" in known else ""
        return f"How many rows a page has is a filter: pass {filters}(page_size=...), 500 at most{pages}."
    if other := instead_of(name, accepted):
        return f"Filters go into {filters}(...). {other}"
    if near := _near(name, known):
        return f"Did you mean {near[0]}=?"
    if near := _near(name, accepted):
        return f"Did you mean the filter {filters}({near[0]}=...)?"
    also = f" Filters go into {filters}(...)." if has_filters else ""
    return f"It takes {', '.join(known)}.{also}"


def _near(name: str, known: Iterable[str]) -> list[str]:
    """Return what begins with a name, or else is like it, the nearest first."""
    known = [*known]
    return [one for one in known if one.startswith(f"{name}_")] or get_close_matches(name, known, n=1)


def no_resource(name: str, resources: Iterable[str], tables: Mapping[str, Table]) -> UnknownNameError:
    """Return the error for an attribute that `Dials` does not have.

    Args:
        name: The attribute.
        resources: The resources that it has.
        tables: What the service calls them.
    """
    called = {one: one for one in resources}
    called |= {table.path.split("/")[-2].replace("-", "_"): one for one, table in tables.items()}
    part = name.lower().removesuffix("s")
    holding = sorted((one for one in called if len(part) > 1 and part in one), key=len)
    near = holding or get_close_matches(name, called, n=1)
    advice = f"Did you mean dials.{called[near[0]]}?" if near else f"There are {', '.join(resources)}."
    return UnknownNameError(f"Dials has no resource {name!r}", advice=advice)
