"""Where a page or a result keeps its rows: as columns, until somebody asks for the rows themselves.

From then on the list of rows is what it holds, since its owner may sort it, cut it or change its rows; frames are
made of what the rows are at that time. Rows that nobody has changed still stand for their columns, so a result
whose rows were only counted or read is converted as fast as one that was not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cmsdials_api.records import Record, row_of

if TYPE_CHECKING:
    from cmsdials.table.columns import Columns

__all__ = ["RowStore"]

RecordT = TypeVar("RecordT", bound=Record)


class RowStore(Generic[RecordT]):
    """The rows of a page or a result.

    Args:
        record: What they are.
        blocks: The rows as columns, block after block.
        rows: The rows as records, instead.
        fields: The fields that were asked for, which are those of no rows at all; None for all.
    """

    def __init__(
        self,
        record: type[RecordT],
        blocks: Iterable[Columns[RecordT]] = (),
        *,
        rows: list[RecordT] | None = None,
        fields: Sequence[str] | None = None,
    ) -> None:
        self.record = record
        self.fields = fields
        # Whoever asks for both takes the blocks first: another thread may make rows of them in that moment.
        self._blocks = [*blocks]
        self._made: dict[str, list[RecordT]] = {} if rows is None else {"rows": rows}

    @property
    def rows(self) -> list[RecordT]:
        """The rows as records: one list, which its owner may change."""
        if self._rows is None:
            # One step of Python, so that all threads get the same list.
            self._made.setdefault("rows", [row for block in self._blocks for row in block.records()])
            self._blocks = []
        return self._made["rows"]

    @rows.setter
    def rows(self, rows: Iterable[RecordT]) -> None:
        self._made["rows"] = rows if isinstance(rows, list) else [*rows]
        self._blocks = []

    @property
    def _rows(self) -> list[RecordT] | None:
        return self._made.get("rows")

    def blocks(self) -> list[Columns[RecordT]]:
        """Return the rows as columns, block after block."""
        blocks = self._blocks
        if self._rows is None:
            return [*blocks]
        from cmsdials.table import columns  # noqa: PLC0415  # it brings NumPy

        return columns.of_records(self.record, self._rows)

    def add(self, block: Columns[RecordT]) -> None:
        """Add rows at the end."""
        if self._rows is None:
            self._blocks.append(block)
        else:
            self._rows.extend(block.records())

    def cut(self, length: int) -> None:
        """Drop what stands behind so many rows."""
        if self._rows is not None:
            del self._rows[length:]
            return
        kept: list[Columns[RecordT]] = []
        for block in self._blocks:
            part = block.between(0, min(len(block), length))
            length -= len(part)
            if len(part):
                kept.append(part)
        self._blocks = kept

    def copy(self) -> RowStore[RecordT]:
        """Return the same rows in a store of their own."""
        blocks = self._blocks
        rows = None if self._rows is None else [*self._rows]
        return RowStore(self.record, blocks, rows=rows, fields=self.fields)

    def __len__(self) -> int:
        blocks = self._blocks
        return sum(map(len, blocks)) if self._rows is None else len(self._rows)

    def __iter__(self) -> Iterator[RecordT]:
        blocks = self._blocks
        if self._rows is not None:
            yield from self._rows
            return
        for block in blocks:
            for index in range(len(block)):
                yield block.at(index)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RowStore):
            return NotImplemented
        return self.record is other.record and len(self) == len(other) and all(map(_same, self, other))

    __hash__ = None  # type: ignore[assignment]  # its rows can change

    def __getstate__(self) -> dict[str, Any]:
        # Rows that somebody may have changed travel as they are, the others as columns.
        changed = self._rows is not None and any(row_of(row) is None for row in self._rows)
        return {
            "record": self.record,
            "fields": self.fields,
            "_blocks": [] if changed else self.blocks(),
            "_made": {"rows": self._rows} if changed else {},
        }


def _same(one: Record, other: Record) -> bool:
    return one == other
