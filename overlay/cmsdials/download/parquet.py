"""From pages to Parquet files: one row group for each run and monitoring element, of which readers skip what they do not want.

Rows come lumisection by lumisection, so those of a run are held until it has ended: in memory while they are few, then in
files of Arrow beside the one that is written.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from cmsdials_api.records import Record

from cmsdials.download.files import checksum
from cmsdials.listing.page import Page
from cmsdials.runtime import extras
from cmsdials.table.columns import Columns, Values

__all__ = ["KEY", "PartitionFile", "columns_of_table", "contract_of", "flat_table", "read_back", "schema_of"]

KEY = "dataset"
"""What stands in the name of the folder, and therefore not in the file."""

_HELD = 64 * 2**20  # bytes of a run in memory
_AT_A_TIME = 100  # rows
_METADATA = "cmsdials"


def schema_of(record: type[Record]) -> Any:
    """Return the Arrow schema of rows: the contents of a histogram are a flat list, row-major, whatever its dimensions."""
    pa = extras.pyarrow()
    kinds = {"integer": pa.int64(), "number": pa.float64(), "array": pa.list_(pa.float64())}
    return pa.schema([(one.name, kinds.get(one.kind, pa.string())) for one in record.FIELDS])


def contract_of(record: type[Record]) -> str:
    """Return the hash of the fields of a row."""
    return hashlib.sha256(repr(record.FIELDS).encode()).hexdigest()


class PartitionFile:
    """A Parquet file that is being written.

    Args:
        path: The file.
        record: What the rows are.

    Attributes:
        rows: Number of rows so far.
        groups: Run, id of the monitoring element and number of rows of each row group.
        elements: Paths of the monitoring elements, by their ids.
        retrieved: Distinct lumisections of each run.
    """

    def __init__(self, path: Path, record: type[Record]) -> None:
        self._pa = extras.pyarrow()
        parquet = extras.require("pyarrow.parquet")
        whole = schema_of(record)
        self._schema = whole.remove(whole.get_field_index(KEY))
        self._binning = [
            f"{axis}_{end}" for one in record.FIELDS for axis in one.axes for end in ("bin", "min", "max")
        ]
        plain = [one.name for one in self._schema if one.name != "data"]
        self._path = path
        self._writer = parquet.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            use_dictionary=plain,
            write_statistics=plain,
            write_page_checksum=True,
        )
        self._run: int | None = None
        self._held: list[Any] = []
        self._mapped: list[Any] = []
        self._bytes = 0
        self._spilt: list[Path] = []
        self._binnings: dict[str, list[dict[str, Any]]] = {}
        self.rows = 0
        self.groups: list[tuple[int, int, int]] = []
        self.elements: dict[int, str] = {}
        self.retrieved: dict[int, int] = {}

    def add(self, page: Page[Any]) -> None:
        """Add rows. Those of a run come one after the other."""
        if not len(page):
            return
        table = flat_table(page, self._schema).combine_chunks()
        for start, stop in _equal(table["run_number"].to_numpy()):
            part = table.slice(start, stop - start)
            run = part["run_number"][0].as_py()
            if run != self._run:
                self._end_run()
                self._run = run
            self._held.append(part.take(np.argsort(part["me_id"].to_numpy(), kind="stable")))
            self._bytes += self._held[-1].nbytes
            if self._bytes > _HELD:
                self._spill()

    def _spill(self) -> None:
        """Move the rows in memory to a file, which is read like memory."""
        path = self._path.with_name(f"{self._path.name}.{len(self._spilt)}")
        self._spilt.append(path)
        with self._pa.OSFile(str(path), "wb") as file, self._pa.ipc.new_file(file, self._schema) as writer:
            for table in self._held:
                writer.write_table(table.combine_chunks())
        reader = self._pa.ipc.open_file(self._pa.memory_map(str(path)))
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        self._mapped += [self._pa.Table.from_batches([batch]) for batch in batches]
        self._held, self._bytes = [], 0

    def _end_run(self) -> None:
        """Write the rows of a run, a row group for each monitoring element."""
        of_elements: defaultdict[int, list[Any]] = defaultdict(list)
        lumisections: set[int] = set()
        for table in (*self._mapped, *self._held):
            lumisections.update(np.unique(table["ls_number"].to_numpy()).tolist())
            ids = table["me_id"].to_numpy()
            for start, stop in _equal(ids):
                of_elements[int(ids[start])].append(table.slice(start, stop - start))
        for me_id, parts in sorted(of_elements.items()):
            group = self._pa.concat_tables(parts)
            self._writer.write_table(group, row_group_size=len(group))
            name = group["me"][0].as_py()
            self.elements[me_id] = name
            known = self._binnings.setdefault(name, [])
            if (binning := {one: group[one][0].as_py() for one in self._binning}) not in known:
                known.append(binning)
            self.rows += len(group)
            self.groups.append((self._run or 0, me_id, len(group)))
        if self._run is not None:
            self.retrieved[self._run] = len(lumisections)
        self._held, self._mapped, self._bytes = [], [], 0
        self._remove_spilt()

    def _remove_spilt(self) -> None:
        for path in self._spilt:
            path.unlink(missing_ok=True)
        self._spilt = []

    def finish(self) -> None:
        """Write what is held and the end of the file, through to the disk."""
        self._end_run()
        self._writer.add_key_value_metadata({_METADATA: json.dumps({"binning": self._binnings})})
        self._writer.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def abandon(self) -> None:
        """Remove the file."""
        self._held, self._mapped = [], []
        with suppress(OSError):  # the disk may be full
            self._writer.close()
        self._remove_spilt()
        self._path.unlink(missing_ok=True)


def flat_table(page: Page[Any], schema: Any) -> Any:
    """Return the rows of a page as a table of a schema whose contents are flat lists."""
    table = page.to_arrow()
    flat = _flat(extras.pyarrow(), table["data"])
    table = table.set_column(table.schema.get_field_index("data"), "data", flat)
    return table.select(schema.names).cast(schema)


def _flat(pa: Any, column: Any) -> Any:
    """Return lists of lists as lists of their numbers."""
    chunks = []
    for chunk in column.chunks:
        while pa.types.is_list(chunk.type.value_type):
            inner = chunk.values
            mask = chunk.is_null() if chunk.null_count else None
            chunk = pa.ListArray.from_arrays(  # noqa: PLW2901  # one level less
                inner.offsets.take(chunk.offsets), inner.values, mask=mask
            )
        chunks.append(chunk)
    return pa.chunked_array(chunks, pa.list_(pa.float64()))


def columns_of_table(table: Any, record: type[Record], names: Sequence[str] | None) -> Columns[Any]:
    """Return the rows of a table as columns, with contents in the shape of their histograms.

    Args:
        table: The rows, with the numbers of bins that the contents have.
        record: What they are.
        names: The fields wanted; None for all.
    """
    values: dict[str, Values] = {}
    for field in record.FIELDS:
        if names is not None and field.name not in names:
            continue
        column = table[field.name]
        if field.dimensions:
            bins = [table[name].to_numpy() for name in field.lengths]
            parts = [chunk.flatten().to_numpy() for chunk in column.chunks]
            values[field.name] = _contents(np.concatenate([*parts, np.empty(0)]), np.stack(bins, axis=1))
        else:
            values[field.name] = column.to_pylist() if field.kind == "string" else column.to_numpy()
    return Columns(record, len(table), values)


def _contents(numbers: Any, shapes: Any) -> Values:
    """Return a block of histograms, or a list of them if their shapes differ."""
    if not len(shapes) or (shapes == shapes[0]).all():
        made: Values = numbers.reshape(len(shapes), *(shapes[0] if len(shapes) else [0] * shapes.shape[1]))
        return made
    ends = np.cumsum(shapes.prod(axis=1))
    parts = np.split(numbers, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _equal(values: Any) -> list[tuple[int, int]]:
    """Return where runs of equal values start and stop."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(start, stop) for start, stop in itertools.pairwise(edges) if start < stop]


def read_back(path: Path) -> tuple[int, str]:
    """Read a whole file as its readers will. Returns its number of rows and its checksum."""
    parquet = extras.require("pyarrow.parquet")
    # In small batches, because a row group alone may be 200 MB.
    with parquet.ParquetFile(path, page_checksum_verification=True) as file:
        rows = sum(len(batch) for batch in file.iter_batches(_AT_A_TIME))
    return rows, checksum(path)
