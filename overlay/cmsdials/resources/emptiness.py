"""Why a listing is empty: for a name or an id that it does not know, the service returns no rows, and no error.

An empty listing may be right, as for a run without histograms. So the index that should hold the name is fetched, once
for each name and process, and only names that it does not hold are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

from attrs import field, frozen

from cmsdials.errors import DialsError
from cmsdials.redaction import printable, shortened
from cmsdials.runtime.console import warn

__all__ = ["Held", "Place", "why_empty"]

Place: TypeAlias = tuple[str, str | int]
"""Address of a service, and the workspace, or a substitute if its name is not known."""

Held: TypeAlias = Mapping[int | str, int]
"""An index, by id and by name: the dimension of an ME, 0 of a dataset."""

_INDEXES = {"dataset": "dataset", "dataset_id": "dataset", "me": "ME", "me_id": "ME"}
_OTHER_NAMES = ("logical_file_name", "name", "filename", "target_me")
_OTHER = {1: "is one-dimensional: ask h1d", 2: "is two-dimensional: ask h2d"}
_LONGEST = 200


@frozen
class _Known:
    """What this process knows of an index, and what to report about the names that it looked up there."""

    held: dict[int | str, int] = field(factory=dict)
    absent: dict[int | str, str] = field(factory=dict)


_known: dict[tuple[Place, str], _Known] = {}
_warned: set[tuple[Place, str]] = set()


def why_empty(
    place: Place, query: Mapping[str, Any], fetch: Callable[[str], Held], *, dimensions: int
) -> str:
    """Say which exact filters of a query cannot match, and warn of it once; empty text if all can.

    `fetch` returns the index of each "dataset" or "ME"; if it fails, nothing is reported. `dimensions` are those of the
    histograms that were listed, 0 if something else was.
    """
    said = [_why(place, name, value, fetch, dimensions) for name, value in query.items()]
    note = printable("; ".join(filter(None, said)))
    if note and (place, note) not in _warned:
        _warned.add((place, note))
        warn(f"no rows: {note}")
    return note


def _why(place: Place, name: str, value: Any, fetch: Callable[[str], Held], dimensions: int) -> str:
    what = _INDEXES.get(name)
    if what is None:
        return _not_a_pattern(name) if name in _OTHER_NAMES and "*" in value else ""
    known = _known.setdefault((place, what), _Known())
    if value not in known.held and value not in known.absent:
        known.absent[value] = ""  # looked up once, whatever the outcome
        try:
            known.held.update(fetch(what))
        except DialsError:
            return ""
        known.absent[value] = _absent(name, what, value, known.held, place[1])
    dimension = known.held.get(value)
    if dimension is None:
        return known.absent[value]
    if dimensions in (0, dimension) or dimension not in _OTHER:
        return ""
    return f"{name}={shortened(repr(value), _LONGEST)} {_OTHER[dimension]}"


def _absent(name: str, what: str, value: int | str, held: Held, workspace: str | int) -> str:
    where = f"the workspace {workspace}" if isinstance(workspace, str) else "your workspace"
    text = f"there is no {what} with {name}={shortened(repr(value), _LONGEST)} in {where}"
    if isinstance(value, int):
        return text
    if "*" in value:
        return f"{text}: {_not_a_pattern(name)}"
    if name == "dataset" and not value.startswith("/"):
        text += ": names of datasets begin with a slash"
    near = get_close_matches(value, [one for one in held if isinstance(one, str)])
    return f"{text}; the nearest: {', '.join(map(repr, near))}" if near else text


def _not_a_pattern(name: str) -> str:
    return f"* means nothing in an exact name, use {name}__regex"
