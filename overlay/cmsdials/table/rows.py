"""Where a page or a result keeps its rows: as columns, until the list of rows is asked for.

From then on it holds that list, since its owner may sort it, cut it or change its rows, and `blocks` makes columns
from it as it is at that time. Unchanged rows still refer to the columns that they were made from, so a result
whose rows were only read is converted without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import eq
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from cmsdials_api.records import Record, row_of

from cmsdials.errors import ConfigurationError
from cmsdials.runtime.background import load
from cmsdials.table.objects import ABSENT, Objects

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns

__all__ = ["Block", "RowStore"]

RecordT = TypeVar("RecordT", bound=Record)
Block: TypeAlias = "Columns[RecordT] | Objects[RecordT]"
"""Rows of one kind: as columns, or those of a small answer as objects, as long as nothing needs columns."""


class RowStore(Generic[RecordT]):
    """The rows of a page or a result.

    Args:
        record: What they are.
        blocks: The rows, block after block.
        rows: The rows as records, instead.
        fields: The fields that were requested, which an empty table has too; None for all.
    """

    def __init__(
        self,
        record: type[RecordT],
        blocks: Iterable[Block[RecordT]] = (),
        *,
        rows: list[RecordT] | None = None,
        fields: Sequence[str] | None = None,
    ) -> None:
        self.record = record
        self.fields = fields
        self._blocks = [*blocks]
        self._made: dict[str, list[RecordT]] = {} if rows is None else {"rows": rows}

    def _held(self) -> tuple[list[Block[RecordT]], list[RecordT] | None]:
        """Return the blocks, and the list of rows that counts instead once there is one."""
        blocks = self._blocks  # first: another thread may make the list at this moment, which drops them
        return blocks, self._made.get("rows")

    @property
    def is_handed_out(self) -> bool:
        """Whether the list of rows was asked for, so that its owner may have changed it."""
        return "rows" in self._made

    @property
    def rows(self) -> list[RecordT]:
        """The rows as records: one list, which its owner may change."""
        blocks, rows = self._held()
        if rows is None:
            # Atomic in Python, so that all threads get the same list.
            rows = self._made.setdefault("rows", [row for block in blocks for row in block.records()])
            self._blocks = []
        return rows

    @rows.setter
    def rows(self, rows: Iterable[RecordT]) -> None:
        self._made["rows"] = rows if isinstance(rows, list) else [*rows]
        self._blocks = []

    def blocks(self) -> list[Columns[RecordT]]:
        """Return the rows as columns, block after block.

        Raises:
            ConfigurationError: Something other than a row was put into the list.
        """
        return [block.columns if isinstance(block, Objects) else block for block in self.held()]

    def held(self) -> list[Block[RecordT]]:
        """Return the rows as they are held, block after block. Errors as in `blocks`."""
        blocks, rows = self._held()
        return [*blocks] if rows is None else _blocks_of(self.record, rows)

    def add(self, block: Block[RecordT]) -> None:
        """Add rows at the end."""
        blocks, rows = self._held()
        if rows is None:
            blocks.append(block)
        else:
            rows.extend(block.records())

    def cut(self, length: int) -> None:
        """Drop all rows after the first `length`."""
        blocks, rows = self._held()
        if rows is not None:
            del rows[length:]
            return
        kept: list[Block[RecordT]] = []
        for block in blocks:
            if part := block.between(0, min(len(block), length)):
                kept.append(part)
            length -= len(part)
        self._blocks = kept

    def integers_at(self, which: int, names: Iterable[str]) -> dict[str, int]:
        """Return fields of the first (0) or the last (-1) row, those that it has and that are whole numbers."""
        blocks = [block for block in self.held() if len(block)]
        columns = {name: blocks[which].column(name) for name in names if blocks}
        cells = {name: column[which] for name, column in columns.items() if column is not None}
        return {name: int(cell) for name, cell in cells.items() if hasattr(cell, "__index__")}

    def copy(self) -> RowStore[RecordT]:
        """Return the same rows in a store of their own."""
        blocks, rows = self._held()
        return RowStore(self.record, blocks, rows=None if rows is None else [*rows], fields=self.fields)

    def __len__(self) -> int:
        blocks, rows = self._held()
        return sum(map(len, blocks)) if rows is None else len(rows)

    def __iter__(self) -> Iterator[RecordT]:
        blocks, rows = self._held()
        if rows is None:
            return (block.at(index) for block in blocks for index in range(len(block)))
        return iter(rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RowStore):
            return NotImplemented
        return self.record is other.record and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # its rows can change

    def __getstate__(self) -> dict[str, Any]:
        rows = self._made.get("rows")
        # Rows on their own may have attributes beyond their fields; others are smaller and faster as columns.
        as_rows = rows is not None and any(row_of(row) is None for row in rows)
        return {
            "record": self.record,
            "fields": self.fields,
            "_blocks": [] if as_rows else self.blocks(),
            "_made": {"rows": rows} if as_rows else {},
        }


def _blocks_of(record: type[RecordT], rows: Sequence[Any]) -> list[Block[RecordT]]:
    """Return rows block by block, whatever their owner has put into them.

    Raises:
        ConfigurationError: One is not a row.
    """
    for number, row in enumerate(rows):
        if not isinstance(row, Record):
            message = f"row {number} of the results is of type {type(row).__name__}, not a {record.__name__}"
            raise ConfigurationError(message, advice="Keep in the results only what the service sent.")
    blocks: list[Block[RecordT]] = []
    for place, group in groupby(enumerate(rows), key=_place):
        numbered = [*group]
        if place is None:
            blocks.append(_standing_alone(record, [row for _, row in numbered]))
        else:
            source, shift = place
            start = numbered[0][0] + shift
            blocks.append(source.between(start, start + len(numbered)))
    return blocks


def _place(numbered: tuple[int, Record]) -> tuple[Block[Any], int] | None:
    """Return a value that rows share if they are consecutive in the same columns; None for changed rows."""
    number, row = numbered
    made_of: Any = row_of(row)  # once: another thread that accesses the row can detach it from its columns
    return None if made_of is None else (made_of.columns, made_of.index - number)


def _standing_alone(record: type[RecordT], rows: Sequence[RecordT]) -> Columns[RecordT]:
    load("cmsdials.table.columns")
    from cmsdials.table import columns  # noqa: PLC0415  # it imports NumPy

    values = {}
    for one in record.FIELDS:
        cells = [columns.cell_of(row, one) for row in rows]
        if any(cell is not ABSENT for cell in cells):
            values[one.name] = columns.joined(cells) if one.dimensions else columns.column_of(one.kind, cells)
    extra = [row.extra for row in rows]
    return columns.Columns(record, len(rows), values, extra if any(extra) else None)
