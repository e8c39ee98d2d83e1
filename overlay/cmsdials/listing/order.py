"""The order that the rows of a listing come in, and the check that they do.

The service orders rows by fields. Rows that are equal there have no order, so pages lose and repeat some. An order that
ends in the whole key leaves none equal: each row then comes after the one before it, and a row that comes twice, or an
order that the service has not kept, shows at the next row, without keeping earlier ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from operator import le, lt, neg
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen
from cmsdials_api.records import Record

from cmsdials.errors import PaginationError
from cmsdials.redaction import shortened
from cmsdials.table.objects import ABSENT, as_list

if TYPE_CHECKING:
    from cmsdials.table.rows import Block, RowStore

__all__ = ["RowOrder", "Term"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 100  # characters of a value in a message


@frozen
class Term:
    """A field that rows are ordered by.

    Attributes:
        name: The field.
        descending: Whether the largest comes first.
    """

    name: str
    descending: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """Make one from what the user wrote, such as run_number or -run_number."""
        return cls(text.removeprefix("-"), text.startswith("-"))

    def __str__(self) -> str:
        return f"-{self.name}" if self.descending else self.name


class RowOrder:
    """The order of one listing.

    Texts are ordered as the database collates them, which is not known here; it is only checked that equal ones
    stand together.

    Args:
        record: What the rows are.
        asked: The fields that the user wants them ordered by; none for the order of the service.
        key: The fields that tell any two rows apart, of whichever generation of the service.
        query: The query. Rows lack what is not in its `fields`, and are equal in what it chooses by an exact filter.
    """

    def __init__(
        self,
        record: type[Record],
        asked: Iterable[str] = (),
        key: Sequence[str] = (),
        query: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        wanted = [Term.read(text) for text in asked]
        self.is_asked = bool(wanted)
        named = {term.name for term in wanted}
        self.terms = (*wanted, *(Term(name) for name in key if name not in named))
        self._kinds = {one.name: one.kind for one in record.FIELDS}
        # The order can be seen up to the first field that was not requested.
        differing = [term for term in self.terms if term.name not in query]
        seen = [term.name in query.get("fields", self._kinds) for term in differing]
        self._seen = differing[: seen.index(False)] if False in seen else differing
        self._tells_apart = bool(self.terms) and self._seen == differing
        self._texts: dict[Any, int] = {}
        self._texts_of_page: dict[Any, int] = {}
        self._page = 0

    @property
    def names(self) -> list[str]:
        """The whole order, as it is sent; empty for the order of the service."""
        return [str(term) for term in self.terms] if self.is_asked else []

    def check(self, store: RowStore[Any], *, page: int = 0, before: RowStore[Any] | None = None) -> None:
        """Refuse a page whose rows are not in order, or do not come after those before.

        Args:
            store: The rows.
            page: Number of pages before this one, the same for each attempt at it.
            before: The rows of the previous page, or all those of a resumed listing; None if there are none.

        Raises:
            PaginationError: They are not.
        """
        if page > self._page:
            self._texts |= self._texts_of_page
        self._page, self._texts_of_page = page, {}
        blocks = _with_rows(store)
        if not blocks or not (self._seen or self._tells_apart):
            return
        if before is not None and (earlier := _with_rows(before)):
            if page == 0:
                deque(self._columns(earlier), maxlen=0)  # to record their texts
            blocks.insert(0, earlier[-1].between(len(earlier[-1]) - 1, len(earlier[-1])))
        rows = sum(map(len, blocks))
        columns = [*self._columns(blocks)]
        keys = [*zip(*columns, strict=True)] if columns else [()] * rows
        may_follow = lt if self._tells_apart else le
        if not all(map(may_follow, keys, islice(keys, 1, None))):
            first = next(at for at in range(1, rows) if not may_follow(keys[at - 1], keys[at]))
            is_twice = keys[first - 1] == keys[first]
            raise self._error(page, first - (rows - len(store)), store, is_twice=is_twice)

    def _columns(self, blocks: Sequence[Block[Any]]) -> Iterator[list[Any]]:
        """Yield the fields that rows are ordered by, as values that compare like the rows."""
        before: list[list[Any]] = []
        for term in self._seen:
            parts = [as_list(block.column(term.name)) for block in blocks]
            if any(ABSENT in part or None in part for part in parts):
                continue  # a field of the other generation
            values = [*chain.from_iterable(parts)]
            kind = self._kinds[term.name]
            if kind == "string":
                values = self._groups(values, before)
            elif term.descending:
                values = [_EPOCH - value for value in values] if kind == "datetime" else [*map(neg, values)]
            before.append(values)
            yield values

    def _groups(self, texts: list[Any], before: list[list[Any]]) -> list[int]:
        """Number texts by first appearance, separately for each value of the fields ordered before them."""
        numbers = []
        for key in zip(*before, texts, strict=True):
            number = self._texts.get(key)
            if number is None:
                number = self._texts_of_page.setdefault(key, len(self._texts) + len(self._texts_of_page))
            numbers.append(number)
        return numbers

    def _error(self, page: int, number: int, store: RowStore[Any], *, is_twice: bool) -> PaginationError:
        row = [*store][number]
        names = [term.name for term in self.terms if hasattr(row, term.name)]
        shown = ", ".join(f"{name}={shortened(repr(getattr(row, name)), _LONGEST)}" for name in names)
        problem = "comes twice" if is_twice else "is not behind the one before it"
        message = f"row {number} of page {page + 1} {problem} ({shown}): the service has not kept to"
        if not self.is_asked:
            return PaginationError(f"{message} the order of its rows")
        message += f" order_by={','.join(self.names)}"
        return PaginationError(message, advice="Leave order_by out, and sort the rows afterwards.")


def _with_rows(store: RowStore[Any]) -> list[Block[Any]]:
    return [block for block in store.held() if len(block)]
