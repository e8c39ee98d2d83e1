"""What a listing is of: which resource, where, in which workspace, with which filters.

It is part of every result and every checkpoint file, so that rows of different listings are never joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field, fields, frozen

from cmsdials.redaction import shortened
from cmsdials.runtime.version import client_version
from cmsdials.table.lumi_mask import LumiMask

__all__ = ["Origin"]

LONGEST = 100
"""Characters of a filter's value in a message."""


@frozen(kw_only=True)
class Origin:
    """What a listing is of.

    Attributes:
        resource: Attribute of `Dials`, such as h1d.
        base_url: Address of the service.
        workspace: The workspace; None for a default one whose name was not known.
        query: Filters and fields by wire name; not the paging, which changes nothing about the rows.
        mask: What its rows were selected by afterwards; None if they were not.
        client: Version of the client that began the listing; listings of different ones can be joined.
        is_by_default: Whether the user named no workspace, so that it may continue a listing that does not know its
            name. Not stored in files.
    """

    resource: str
    base_url: str
    workspace: str | None
    query: Mapping[str, Any]
    mask: LumiMask | None = None
    client: str = field(factory=client_version, eq=False)
    is_by_default: bool = field(default=False, eq=False)

    def differences(self, other: Origin) -> list[str]:
        """Say what differs from another listing; empty if nothing does."""
        compared = ["resource", "base_url", "workspace"]
        if self.is_by_default and other.workspace is None:
            compared.remove("workspace")  # an older client did not ask for the name
        said = [
            f"{name} is {getattr(other, name)!r} there and {getattr(self, name)!r} here"
            for name in compared
            if getattr(self, name) != getattr(other, name)
        ]
        if self.mask != other.mask:
            masks = ["no mask" if one.mask is None else str(one.mask) for one in (other, self)]
            more = "" if self.mask is None or other.mask is None else _difference(other.mask, self.mask)
            said.append(f"its rows are selected by {masks[0]} there and by {masks[1]} here{more}")
        for name in sorted(self.query.keys() | other.query.keys()):
            here, there = self.query.get(name), other.query.get(name)
            changes_nothing = name != "order_by" and _values(here) == _values(there)
            if here != there and not changes_nothing:
                shown = [shortened(repr(value), LONGEST) for value in (there, here)]
                said.append(f"the filter {name} is {shown[0]} there and {shown[1]} here")
        return said

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        stored = {name: getattr(self, name) for name in _STORED}
        return stored if self.mask is None else {**stored, "mask": self.mask.ranges}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Make one from what `as_json` returned.

        Raises:
            KeyError: Something is missing.
            TypeError: Something is of the wrong kind.
            ValueError: So is its mask.
        """
        found = {name: stored[name] for name in _STORED}
        mask = stored.get("mask")
        query, texts = (
            found["query"],
            [found["workspace"] or "", found["resource"], found["base_url"], found["client"]],
        )
        if not all(isinstance(text, str) for text in texts) or not isinstance(query, Mapping):
            raise TypeError
        if not isinstance(mask, Mapping | None):
            raise TypeError
        if not all(_can_be(name, value) for name, value in query.items()):
            raise TypeError
        return cls(**found, mask=None if mask is None else LumiMask(mask))


def _difference(there: LumiMask, here: LumiMask) -> str:
    """Say which lumisections only one of two masks has."""
    only = [
        f"{_first_of(left)} only {where}"
        for left, where in ((there - here, "there"), (here - there, "here"))
        if left
    ]
    return f" ({', '.join(only)})"


def _first_of(mask: LumiMask) -> str:
    run, ((first, last), *_) = next(iter(mask.ranges.items()))
    shown = f"run {run}: {first}" + (f" to {last}" if last > first else "")
    left = len(mask) - (last - first + 1)
    return f"{shown} and {left} more" if left else shown


_STORED = [one.name for one in fields(Origin) if one.name not in ("is_by_default", "mask")]


def _can_be(name: str, value: Any) -> bool:
    """Whether part of a query may have a value."""
    if name in ("fields", "order_by"):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if name == "next_token":
        return isinstance(value, str)
    return all(isinstance(one, str | int | float) for one in (value if isinstance(value, list) else [value]))


def _values(value: Any) -> Any:
    """A filter's value, without the order and the repetitions of a list, which change nothing about the rows."""
    return sorted(set(value)) if isinstance(value, list | tuple) else value
