"""Which lumisections are good: what `good=` of a listing is made of, and what of a query it leaves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

from cmsdials_api.models.certification_file import CertificationFile
from cmsdials_api.resources import Resource

from cmsdials.errors import FilterError
from cmsdials.parallel.split import can_be_split
from cmsdials.table.lumi_mask import LumiMask

__all__ = ["Good", "mask_of", "within"]

Good: TypeAlias = LumiMask | CertificationFile | Mapping[Any, Any] | str | bytes | os.PathLike[str]
"""A mask, or what one is made of."""

_KEYS = ("dataset_id", "run_number", "ls_number")


def mask_of(table: Resource, query: Mapping[str, Any], good: Good | None) -> LumiMask | None:
    """Return the mask that a listing of a resource is of, given its query; None if it is of all lumisections.

    Raises:
        FilterError: The resource does not list by runs and lumisections, or the query cannot be asked for some of them.
        ConfigurationError: No mask can be made of it.
    """
    if good is None:
        return None
    mask = good if isinstance(good, LumiMask) else LumiMask(good)
    if not can_be_split(table.filters.PARAMETERS):
        message = f"{table.name} cannot be asked for ranges of lumisections, so it takes no good="
        raise FilterError(message, advice=_instead(table))
    for name, why in (
        ("next_token", "is of one listing, and a mask makes several"),
        ("order_by", "and good= exclude each other: good lumisections come in the order of the service"),
    ):
        if name in query:
            advice = "Leave it out." if name == "next_token" else "Leave it out, and sort the result."
            message = f"{table.filters.__name__}.{name} {why}"
            raise FilterError(message, advice=advice)
    lacking = [name for name in _KEYS if name not in query.get("fields", _KEYS)]
    if lacking:
        message = (
            f"rows within a mask need the fields {', '.join(_KEYS)}, and fields= lacks {', '.join(lacking)}"
        )
        raise FilterError(message, advice="Add them to fields=.")
    return mask


def _instead(table: Resource) -> str:
    names = {one.name for one in table.record.FIELDS}
    if {"run_number", "ls_number"} <= names:
        return f"List them, and select afterwards: LumiMask(...).select(dials.{table.name}.list_all(...))."
    if "run_number" in names:
        return "Choose runs afterwards: [row for row in rows if row.run_number in mask.runs]."
    return "Leave it out. Lumisections and histograms have them: dials.lumi, dials.h1d, dials.h2d."


def within(query: Mapping[str, Any], mask: LumiMask | None) -> dict[str, Any] | None:
    """Return a query for no runs before the first one of a mask or behind its last; None if that leaves none."""
    if mask is None:
        return dict(query)
    if not mask:
        return None
    low = max(query.get("run_number__gte", 0), mask.runs[0])
    high = min(query.get("run_number__lte", mask.runs[-1]), mask.runs[-1])
    if not low <= query.get("run_number", low) <= high:
        return None
    return {**query, "run_number__gte": low, "run_number__lte": high}
