"""Why a listing is empty: for a name or an id that it does not know, the service returns no rows, and no error.

An empty listing may be right, as for a run without histograms. So the index that should hold the name is fetched, once
for each name and process, and only names that it does not hold are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen
from cmsdials_api.resources import RESOURCES

from cmsdials.errors import DialsError
from cmsdials.redaction import printable, shortened
from cmsdials.runtime.console import warn

__all__ = ["Held", "Place", "place_in_words", "why_empty"]

Place: TypeAlias = tuple[str, str | int | None]
"""Address of a service, and the workspace; a substitute or None if its name is not known."""

Held: TypeAlias = Mapping[int | str, int]
"""An index, by id and by name: the dimension of an ME, 0 of a dataset."""

_INDEXES = {
    "dataset": "dataset",
    "dataset_id": "dataset",
    "dataset_id__in": "dataset",
    "me": "ME",
    "me_id": "ME",
}
_OTHER_NAMES = ("logical_file_name", "name", "filename", "target_me")
_STATES = (
    "PENDING",
    "STARTED",
    "FILE_NOT_AVAILABLE",
    "COPY_ERROR",
    "ROOTFILE_ERROR",
    "PARSING_ERROR",
    "FINISHED",
)
_WITH_A_SLASH = {"dataset": "datasets", "logical_file_name": "files"}
_WILDCARDS = "*%?"
_IN_WORDS = {1: "one", 2: "two", 3: "three"}
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
    said = [
        _why(place, name, value, fetch, dimensions) if name in _INDEXES else _why_not(name, value)
        for name, value in query.items()
    ]
    note = printable("; ".join(filter(None, said)))
    if note and (place, note) not in _warned:
        _warned.add((place, note))
        warn(f"no rows: {note}")
    return note


def _why(place: Place, name: str, value: Any, fetch: Callable[[str], Held], dimensions: int) -> str:
    what, values = _INDEXES[name], value if isinstance(value, list) else [value]
    known = _known.setdefault((place, what), _Known())
    unknown = [one for one in values if one not in known.held and one not in known.absent]
    if unknown:
        known.absent.update(dict.fromkeys(unknown, ""))  # looked up once, whatever the outcome
        try:
            known.held.update(fetch(what))
        except DialsError:
            return ""
        known.absent.update({one: _absent(name, what, one, known.held, place) for one in unknown})
    said = [_why_one(known, name, one, dimensions) for one in values]
    if not all(said):
        return ""  # one of several can match
    # The same for each part of a long list, so that it is warned of once.
    return (
        f"there is no {what} with any of the ids of {name} in {place_in_words(place)}"
        if len(said) > 1
        else said[0]
    )


def _why_one(known: _Known, name: str, value: int | str, dimensions: int) -> str:
    dimension = known.held.get(value)
    if dimension is None:
        return known.absent[value]
    if dimensions in (0, dimension):
        return ""
    kinds = ((max(len(one.axes) for one in table.record.FIELDS), kind) for kind, table in RESOURCES.items())
    other = dict(kinds).get(dimension)
    if other is None or dimension not in _IN_WORDS:
        return ""
    return f"{name}={shortened(repr(value), _LONGEST)} is {_IN_WORDS[dimension]}-dimensional: ask {other}"


def _why_not(name: str, value: Any) -> str:
    """Say why a name that is in no index cannot match."""
    if name == "status" and value not in _STATES:
        return f"status={shortened(repr(value), _LONGEST)} is none that is known: {', '.join(_STATES)}"
    if name in _OTHER_NAMES and "*" in value:
        return _not_a_pattern("*", name)
    return _without_a_slash(name, value)


def place_in_words(place: Place) -> str:
    """Return the workspace as messages say it."""
    return f"the workspace {place[1]}" if isinstance(place[1], str) else "your workspace"


def _absent(name: str, what: str, value: int | str, held: Held, place: Place) -> str:
    from cmsdials.resources.ranking import nearest_in_words  # noqa: PLC0415  # for names that are not there

    name = name.removesuffix("__in")
    text = f"there is no {what} with {name}={shortened(repr(value), _LONGEST)} in {place_in_words(place)}"
    if isinstance(value, int):
        return text
    for wildcard in _WILDCARDS:
        if wildcard in value:
            return f"{text}: {_not_a_pattern(wildcard, name)}"
    if problem := _without_a_slash(name, value):
        text += f": {problem}"
    near = nearest_in_words(value, [one for one in held if isinstance(one, str)])
    return f"{text}; {near}" if near else text


def _without_a_slash(name: str, value: Any) -> str:
    if name not in _WITH_A_SLASH or value.startswith("/"):
        return ""
    return f"names of {_WITH_A_SLASH[name]} begin with a slash"


def _not_a_pattern(wildcard: str, name: str) -> str:
    return f"{wildcard} means nothing in an exact name, use {name}__regex"
