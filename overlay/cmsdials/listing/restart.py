"""Where to continue a listing that starts again because the service no longer accepts its position.

Rows come in the order of their keys, so those after the last row fetched are known by their keys, whatever the cursors
are. Until that row is found again, only keys are fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Self, TypeVar

from attrs import evolve, frozen
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials.errors import CursorRefusedError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.provenance import Origin
from cmsdials.listing.result import bodies_of
from cmsdials.table.rows import RowStore

__all__ = ["LastRow"]

RecordT = TypeVar("RecordT", bound=Record)


@frozen
class LastRow:
    """The last row fetched.

    Attributes:
        origin: What is listed.
        names: The fields of the key, in the order that rows are sorted by; none if no row was fetched.
        key: The row's values of these.
        query: Selects all rows after it, and few before.
    """

    origin: Origin
    names: tuple[str, ...]
    key: tuple[Any, ...]
    query: Mapping[str, Any]

    @classmethod
    def of(cls, origin: Origin, store: RowStore[Any], refused: CursorRefusedError) -> Self:
        """Return the last row of a store.

        Raises:
            CursorRefusedError: `refused` itself, if the place of a row in the listing cannot be found.
        """
        if not len(store):
            return cls(origin, (), (), origin.query)
        names, keys = _keys_in(origin, store)
        if "order_by" in origin.query:
            reason = "with order_by= rows do not come in the order of their keys"
        elif not names:
            reason = "its rows lack their keys (fields=)"
        elif any(one >= following for one, following in pairwise(keys)):
            reason = "its rows are not in the order of their keys"
        else:
            query, takes = dict(origin.query), RESOURCES[origin.resource].filters.PARAMETERS
            if "dataset_id" in query and "run_number__gte" in takes:
                query["run_number__gte"] = keys[-1][names.index("run_number")]
            return cls(origin, names, keys[-1], query)
        refused.advice = (
            f"The service does not accept the position of this listing any more, after {len(store)} rows. It"
            f" cannot be resumed, because {reason}: start the listing again without resume_from=."
        )
        raise refused

    def cursor_before(self, pages: Pages[Any]) -> str | None:
        """Return the cursor of the first page with rows after this one, or of the last page; None is the first page."""
        cursor = None
        for page in pages if self.names else ():
            if page.next is None or any(key > self.key for key in _keys(page.store, self.names)):
                break
            cursor = cursor_of(page.next)
        return cursor

    def rows_behind(self, page: Page[RecordT]) -> Page[RecordT]:
        """Return a page without the rows up to this one."""
        passed = sum(key <= self.key for key in _keys(page.store, self.names)) if self.names else 0
        if not passed:
            return page
        store = RowStore(page.store.record, fields=page.store.fields)
        for block in page.store.blocks():
            if passed < len(block):
                store.add(block.between(passed, len(block)))
            passed = max(0, passed - len(block))
        return evolve(page, store=store, bodies=bodies_of(store, self.origin), dropped=0)


def _keys_in(origin: Origin, store: RowStore[Any]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return the names of the fields that tell rows apart, and each row's values; no names if rows lack them."""
    table = RESOURCES[origin.resource]
    blocks = store.blocks()
    # Models have `id` where v1.12 had `model_id`, and verdicts of v1.12 have a monitoring element.
    names = tuple(
        name
        for name in dict.fromkeys((*table.keys, *table.keys_v1_12, "id"))
        if all(name in block.values for block in blocks)
    )
    if "id" not in names and not {*table.keys} <= {*names}:
        return (), []
    return names, [*_keys(store, names)]


def _keys(store: RowStore[Any], names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    for block in store.blocks():
        columns = [block.values[name] for name in names]
        yield from zip(*(getattr(one, "tolist", lambda one=one: one)() for one in columns), strict=True)
