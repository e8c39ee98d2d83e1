"""One page of a list: its rows, and where the next one is.

The link to the next page is the service's own idea of its address. That address is never used: only the
cursor in it is, with the address that the user gave.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Generic, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, field, frozen
from cmsdials_api.records import Record

from cmsdials.plotting.accessor import Plotted
from cmsdials.table import decode
from cmsdials.table.lumi_mask import LumiMask
from cmsdials.table.rows import RowStore
from cmsdials.table.tabular import Tabular
from cmsdials.wording import counted

__all__ = ["Page", "cursor_of", "page_of"]

RecordT = TypeVar("RecordT", bound=Record)


@frozen(repr=False)
class Page(Tabular[RecordT], Plotted, Generic[RecordT]):
    """A page as the service answered it.

    Attributes:
        store: Its rows, as they are stored.
        next: Link to the next page as the service sent it; None on the last one.
        previous: Link to the page before.
        bodies: The answers that it was read from: one, or none where there was nothing left to ask for.
        seconds: How long the service took for it.
        dropped: How many of the rows in these answers a mask has left out.
    """

    store: RowStore[RecordT]
    next: str | None
    previous: str | None
    bodies: tuple[bytes, ...] = field(default=(), repr=False, eq=False)
    seconds: float = field(default=0.0, repr=False, eq=False)
    dropped: int = field(default=0, repr=False, eq=False)

    @property
    def rows(self) -> list[RecordT]:
        """Its rows."""
        return self.store.rows

    @property
    def size(self) -> int:
        """Bytes of the answers that it was read from."""
        return sum(map(len, self.bodies))

    def selected(self, store: RowStore[RecordT], mask: LumiMask) -> Self:
        """Return the page with the rows that a mask has selected; it may then no longer be as the service answered it."""
        del mask
        return evolve(self, store=store, dropped=self.dropped + len(self.store) - len(store))

    def __len__(self) -> int:
        return len(self.store)

    def __bool__(self) -> bool:
        """A page is true even without rows."""
        return True

    def __repr__(self) -> str:
        more = "the last page" if self.next is None else "more to come"
        return f"<page of {counted(len(self), 'row')} of {self.store.record.__name__}, {more}>"


def page_of(
    body: bytes, record: type[RecordT], resource: str, *, fields: Iterable[str] | None = None
) -> Page[RecordT]:
    """Read a page. Arguments and errors as in `cmsdials.table.decode.read_page`."""
    asked = None if fields is None else [*fields]
    parsed = decode.read_page(body, record, resource, fields=asked)
    store = RowStore(record, parsed.blocks, fields=asked)
    return Page(store, next=parsed.next, previous=parsed.previous, bodies=(body,))


@lru_cache(maxsize=16)
def cursor_of(link: str | None) -> str | None:
    """Return the cursor that a link carries, None where there is no link or no cursor in it."""
    if not link:
        return None
    try:
        values = parse_qs(urlsplit(str(link)).query).get("next_token")
    except ValueError:  # not a URL
        return None
    return values[-1] if values else None
