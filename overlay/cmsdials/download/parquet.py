"""From pages to Parquet files: one row group for each run and monitoring element, of which readers skip what they do not want.

Rows come lumisection by lumisection, so those of a run are held until it has ended: in memory while they are few, then in
files of Arrow beside the one that is written. A run is written in another thread while the next one is fetched.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from cmsdials_api.records import Record

from cmsdials.download.files import checksum
from cmsdials.errors import SchemaError
from cmsdials.listing.page import Page
from cmsdials.runtime import extras
from cmsdials.runtime.background import Begun
from cmsdials.table.columns import Columns, Values

__all__ = ["KEY", "PartitionFile", "columns_of_table", "contract_of", "flat_table", "read_back", "schema_of"]

KEY = "dataset"
"""What stands in the name of the folder, and therefore not in the file."""

_HELD = 8 * 2**20  # bytes of a run in memory
_GROUP = (
    16 * 2**20
)  # bytes of a row group, from which on a run and monitoring element has several: readers hold whole ones
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


@frozen
class _Part:
    """Rows of one run that came together, and the monitoring element of each."""

    table: Any
    ids: Any


@frozen
class _Spilt:
    """Rows of one run in a file of Arrow, and the monitoring element of each of its batches."""

    path: Path
    elements: list[int]


_Rows = Callable[[], Any]
"""Gives rows of one run and one monitoring element, as a table."""


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
            use_dictionary=True,  # of the contents too: counts are few different numbers
            write_statistics=plain,
            write_page_checksum=True,
        )
        self._run: int | None = None
        self._held: list[_Part] = []
        self._bytes = 0
        self._spilt: list[_Spilt] = []
        self._lumisections: set[int] = set()
        self._writing: Begun[None] | None = None
        # For the writer: an interrupt must not close it while another thread uses it.
        self._using = threading.Lock()
        self._is_abandoned = False
        self._binnings: dict[int, dict[tuple[Any, ...], None]] = {}
        self.rows = 0
        self.groups: list[tuple[int, int, int]] = []
        self.elements: dict[int, str] = {}
        self.retrieved: dict[int, int] = {}

    def add(self, page: Page[Any]) -> None:
        """Add rows. Those of a run come one after the other."""
        if not len(page):
            return
        table = flat_table(page, self._schema)
        runs, ids, numbers = (table[name].to_numpy() for name in ("run_number", "me_id", "ls_number"))
        self._look_at(table, ids)
        for start, stop in _equal(runs):
            run = int(runs[start])
            if run != self._run:
                self._end_run()
                self._run = run
            part = _Part(table.slice(start, stop - start), ids[start:stop])
            self._held.append(part)
            self._lumisections.update(numbers[start:stop].tolist())
            self._bytes += part.table.nbytes
            if self._bytes > _HELD:
                self._spill()

    def _look_at(self, table: Any, ids: Any) -> None:
        """Note the names and binnings of the monitoring elements."""
        columns = [ids, *(table[name].to_numpy() for name in self._binning)]
        _, firsts = np.unique(np.stack(columns), axis=1, return_index=True)
        for first in firsts.tolist():
            me_id, *binning = (column[first].item() for column in columns)
            if me_id not in self.elements:
                self.elements[me_id] = table["me"][first].as_py()
            self._binnings.setdefault(me_id, {})[tuple(binning)] = None

    def _held_of_elements(self) -> defaultdict[int, list[_Rows]]:
        """Return what gives the rows in memory, by monitoring element."""
        found: defaultdict[int, list[_Rows]] = defaultdict(list)
        for part in self._held:
            order = np.argsort(part.ids, kind="stable")
            for start, stop in _equal(part.ids[order]):
                found[int(part.ids[order[start]])].append(partial(_rows, part.table, order[start:stop]))
        return found

    def _spill(self) -> None:
        """Move the rows in memory to a file, in which those of a monitoring element stand together."""
        path = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        of_elements = self._held_of_elements()
        spilt = _Spilt(path, sorted(of_elements))
        self._spilt.append(spilt)
        self._held, self._bytes = [], 0
        with self._pa.OSFile(str(path), "wb") as file, self._pa.ipc.new_file(file, self._schema) as writer:
            for me_id in spilt.elements:
                rows = of_elements.pop(me_id)
                writer.write_table(self._pa.concat_tables(give() for give in rows).combine_chunks())

    def _end_run(self) -> None:
        """Have the rows of a run written, once those of the one before are."""
        if self._writing is not None:
            self._writing.outcome()
        if self._run is None:
            return
        if self._spilt and self._held:
            self._spill()  # it is a large one: hold nothing of it while it is written
        of_elements: defaultdict[int, list[_Rows]] = defaultdict(list)
        for spilt in self._spilt:
            for number, me_id in enumerate(spilt.elements):
                of_elements[me_id].append(partial(_read, self._pa, spilt.path, number))
        for me_id, rows in self._held_of_elements().items():
            of_elements[me_id] += rows
        self.retrieved[self._run] = len(self._lumisections)
        work = partial(self._write, self._run, of_elements, [one.path for one in self._spilt])
        self._held, self._spilt, self._bytes = [], [], 0
        self._lumisections = set()
        self._writing = Begun(work)

    def _write(self, run: int, of_elements: dict[int, list[_Rows]], spilt: list[Path]) -> None:
        """Write the rows of a run, a row group for each monitoring element, or several if it is large.

        In as few calls as can be: each waits for threads that read answers meanwhile.
        """
        with self._using:
            for me_id in sorted(of_elements):
                if self._is_abandoned:
                    break
                for group in _groups(self._pa, of_elements.pop(me_id)):
                    self._writer.write_table(group, row_group_size=len(group))
                    self.rows += len(group)
                    self.groups.append((run, me_id, len(group)))
                    del group
            of_elements.clear()
            if spilt:
                _remove(spilt)
                self._pa.default_memory_pool().release_unused()

    def finish(self) -> None:
        """Write what is held and the end of the file, through to the disk."""
        self._end_run()
        if self._writing is not None:
            self._writing.outcome()
        binning = {
            self.elements[me_id]: [dict(zip(self._binning, one, strict=True)) for one in known]
            for me_id, known in sorted(self._binnings.items())
        }
        self._writer.add_key_value_metadata({_METADATA: json.dumps({"binning": binning})})
        self._writer.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def abandon(self) -> None:
        """Remove the file, and those beside it."""
        self._is_abandoned = True
        self._held = []
        with self._using, suppress(OSError):  # the disk may be full
            self._writer.close()
        _remove([*self._path.parent.glob(f"{self._path.name}*")])


def _rows(table: Any, numbers: Any) -> Any:
    """Return some rows of a table, in order: a part of it if there is nothing in between, else a copy."""
    first, last = int(numbers[0]), int(numbers[-1])
    if last - first == len(numbers) - 1:
        return table.slice(first, len(numbers))
    return table.take(numbers)


def _groups(pa: Any, rows: list[_Rows]) -> Iterator[Any]:
    """Yield the rows of a row group: all of them, or some of them at a time if they are large."""
    tables: list[Any] = []
    size = 0
    while rows:
        tables.append(rows.pop(0)())
        size += tables[-1].nbytes
        if size > _GROUP or not rows:
            group = pa.concat_tables(tables)
            tables, size = [], 0
            yield group
            del group


def _read(pa: Any, path: Path, number: int) -> Any:
    """Return a batch of a file, as a table in memory of its own."""
    with pa.OSFile(str(path)) as file:
        return pa.Table.from_batches([pa.ipc.open_file(file).get_batch(number)])


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def flat_table(page: Page[Any], schema: Any) -> Any:
    """Return the rows of a page as a table of a schema whose contents are flat lists.

    Raises:
        SchemaError: A whole number does not fit into 64 bits.
    """
    pa = extras.pyarrow()
    table = page.to_arrow()
    columns = [_flat(pa, table[one.name]) if one.name == "data" else table[one.name] for one in schema]
    for number, wanted in enumerate(schema):
        try:
            columns[number] = columns[number].cast(wanted.type)
        except pa.ArrowInvalid:
            message = "holds a number that 64 bits do not"
            raise SchemaError(message, resource=page.store.record.__name__, field=wanted.name) from None
    return pa.table(columns, schema=schema)


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
    """Read a whole file as its readers will. Returns its number of rows and its checksum.

    Raises:
        OSError: It is damaged, or cannot be read.
    """
    parquet = extras.require("pyarrow.parquet")
    try:
        # In small batches, because a row group alone may be 200 MB; of one large column, which threads cannot share.
        with parquet.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            rows = sum(len(batch) for batch in file.iter_batches(_AT_A_TIME, use_threads=False))
    except extras.pyarrow().ArrowException as problem:  # what the metadata says makes no sense
        raise OSError(str(problem)) from problem
    return rows, checksum(path)
