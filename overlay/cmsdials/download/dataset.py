"""A downloaded folder, opened: tables, frames and arrays of the rows that filters choose.

Filters are those of `cmsdials.filters`, as the service takes them. They become conditions on the columns of the files. Which
row groups may have such rows is known from the manifest, and the others are not read: pyarrow would compare the statistics
of each with each name that a pattern means.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen
from cmsdials_api.filters import Filters
from cmsdials_api.records import Record
from cmsdials_api.resources import RESOURCES

from cmsdials.download.manifest import Entry, Manifest
from cmsdials.download.verify import manifest_of
from cmsdials.errors import CheckpointError, FilterError
from cmsdials.redaction import printable
from cmsdials.runtime import extras
from cmsdials.runtime.arguments import checked_count
from cmsdials.runtime.background import load
from cmsdials.runtime.console import warn
from cmsdials.table.histograms import model_of
from cmsdials.table.html import html_lines, html_rows
from cmsdials.table.rows import RowStore
from cmsdials.table.tabular import Cells, Tabular, checked_cells
from cmsdials.wording import counted

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["HistogramDataset", "open_dataset"]

_MOST_SHOWN = 10  # in a notebook


def open_dataset(folder: str | os.PathLike[str]) -> HistogramDataset:
    """Open what `download` has written, without reading it.

    Only files that the manifest says are finished count, and nothing else that lies there. If some are not, a warning says
    so.

    Args:
        folder: Where `download` wrote to.

    Raises:
        CheckpointError: There is no download in the folder, its manifest cannot be read, or files are missing or cut off.
        MissingDependencyError: pyarrow is not installed; the message holds the command.
    """
    extras.require("pyarrow.dataset", needed_by="open_dataset")
    manifest = manifest_of(folder)
    if manifest.origin.resource not in RESOURCES:
        message = f"{manifest.folder} holds {manifest.origin.resource}, which this client does not know"
        raise CheckpointError(message, advice="Upgrade cmsdials.")
    found: dict[str, _Stamp] = {}
    for entry in manifest.finished:
        path = manifest.data / entry.path
        stamp = _stamp(path)
        found[entry.path] = stamp
        if stamp is None or stamp[0] != entry.bytes:
            message = f"{path} is missing, or not as long as it was written"
            raise CheckpointError(message, advice="Call download again as before: it fetches this file.")
    if left := len(manifest.entries) - len(manifest.finished):
        warn(
            f"{left} of {len(manifest.entries)} files in {manifest.folder} are not finished, and their rows not there"
        )
    return HistogramDataset(manifest, found)


_Stamp: TypeAlias = tuple[int, int] | None
"""Size of a file and when it was last changed; None if there is none."""


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@frozen(repr=False)
class _Rows(Tabular[Any]):
    store: RowStore[Any]


@frozen
class _Condition:
    """What a filter says of a column.

    Attributes:
        column: Its name.
        on: Makes an Arrow expression of its field.
        of: Whether it is true of one value.
    """

    column: str
    on: Callable[[Any], Any]
    of: Callable[[Any], bool]


def _condition(column: str, operation: str, value: Any, kind: Any) -> _Condition:
    if operation == "gte":
        return _Condition(column, lambda field: field >= value, lambda one: one >= value)
    if operation == "lte":
        return _Condition(column, lambda field: field <= value, lambda one: one <= value)
    if not isinstance(value, list):
        return _Condition(column, lambda field: field == value, lambda one: one == value)
    values = extras.pyarrow().array(value, kind)
    return _Condition(column, lambda field: field.isin(values), frozenset(value).__contains__)


def _groups(entry: Entry, conditions: Sequence[_Condition]) -> list[int]:
    """Return which row groups of a file may have rows of which all conditions are true: each is of one run and element."""

    def chosen(column: str, values: Iterable[Any]) -> set[Any]:
        tests = [one.of for one in conditions if one.column == column]
        return {one for one in values if all(of(one) for of in tests)}

    partition = entry.partition
    if not (chosen("dataset", [partition.dataset]) and chosen("dataset_id", [partition.dataset_id])):
        return []
    runs = chosen("run_number", entry.retrieved)
    names = chosen("me", entry.elements.values())
    elements = {one for one in chosen("me_id", entry.elements) if entry.elements[one] in names}
    if not (runs and elements):
        return []
    return [
        number for number, (run, me_id, _) in enumerate(entry.groups) if run in runs and me_id in elements
    ]


class HistogramDataset:
    """A downloaded folder. Make one with `open_dataset`; it may be pickled, and opens the folder anew elsewhere.

    Each method takes `filters`, of the class that the download took (or the one of 1D for 2D), and `columns`, names of
    the fields to read; None for all. In tables and batches `data` is a flat list of float64, row-major: the content of
    the bins x, y is number ``y * x_bin + x``. Frames of pandas and arrays have them in the shape of the histogram.
    Rows are ordered by dataset, run, monitoring element and lumisection.

    Attributes:
        folder: The folder.
        schema: The Arrow schema of all rows.
    """

    def __init__(self, manifest: Manifest, stamps: Mapping[str, _Stamp]) -> None:
        load("cmsdials.download.parquet")
        from cmsdials.download.parquet import KEY, schema_of  # noqa: PLC0415  # it imports NumPy

        arrow = extras.require("pyarrow.dataset")
        self._arrow = arrow
        self._manifest = manifest
        self._data = manifest.data.absolute()  # the working folder may change
        self._record: type[Record] = model_of(RESOURCES[manifest.origin.resource].record)
        self.folder = str(manifest.folder)
        self.schema = schema_of(self._record)
        entries = sorted(manifest.finished, key=lambda one: (one.partition.dataset_id, one.partition.first))
        self._entries = entries
        self._stamps = stamps
        self._names = {
            KEY: sorted({one.partition.dataset for one in entries}),
            "me": sorted({me for one in entries for me in one.elements.values()}),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to other processes, such as those that load data for training, as the folder, which they open."""
        return open_dataset, (str(self._data.parent),)

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets."""
        return [*self._names["dataset"]]

    @property
    def elements(self) -> list[str]:
        """Paths of the monitoring elements."""
        return [*self._names["me"]]

    def __len__(self) -> int:
        return sum(one.rows for one in self._manifest.finished)

    def scanner(
        self, filters: Filters | None = None, columns: Sequence[str] | None = None, **options: Any
    ) -> Any:
        """Return a `pyarrow.dataset.Scanner` of rows; `options` are those of ``pyarrow.dataset.Scanner.from_dataset``.

        Raises:
            FilterError: A filter or column is not one of these rows.
        """
        conditions = self._conditions(filters)
        return self._files(conditions).scanner(
            columns=self._fields(columns), filter=self._all_of(conditions), **options
        )

    def to_table(self, filters: Filters | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Return an Arrow table. Errors as in `scanner`."""
        return self.scanner(filters, columns).to_table()

    def to_batches(
        self, filters: Filters | None = None, columns: Sequence[str] | None = None, *, batch_size: int = 1000
    ) -> Iterator[pa.RecordBatch]:
        """Yield Arrow batches of at most `batch_size` rows, so that not all are in memory.

        Errors as in `scanner`, and ConfigurationError if batch_size is not a whole number from 1.
        """
        size = checked_count("batch_size", batch_size)
        return self._batches(self._fields(columns), self._conditions(filters), size)

    def _batches(
        self, names: list[str], conditions: Sequence[_Condition], size: int
    ) -> Iterator[pa.RecordBatch]:
        # Files are read here, since a scanner of pyarrow decodes whole row groups, and several at a time.
        needed = dict.fromkeys((*names, *(one.column for one in conditions)))
        schema = extras.pyarrow().schema([self.schema.field(one) for one in needed])
        condition = self._all_of(conditions)
        for fragment in self._files(conditions).get_fragments(condition):
            chosen = fragment if condition is None else fragment.subset(condition, self.schema)
            for batch in _batches(chosen, schema, size):
                scanner = self._arrow.Scanner.from_batches(
                    [batch], schema=schema, columns=names, filter=condition, use_threads=False
                )
                yield from (one for one in scanner.to_batches() if one.num_rows)

    def to_polars(self, filters: Filters | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a polars DataFrame of `to_table`. Errors as in `scanner`, and MissingDependencyError."""
        frame: pl.DataFrame = extras.polars().from_arrow(self.to_table(filters, columns))
        return frame

    def to_pandas(
        self, filters: Filters | None = None, columns: Sequence[str] | None = None, *, cells: Cells = "array"
    ) -> pd.DataFrame:
        """Return a DataFrame as that of `list_all(...).to_pandas()`. Errors as in `scanner`, and MissingDependencyError."""
        checked_cells(cells)
        extras.pandas()
        return self._rows(filters, columns).to_pandas(cells=cells)

    def to_numpy(
        self,
        filters: Filters | None = None,
        columns: Sequence[str] | None = None,
        *,
        group_by: str | Sequence[str] | None = None,
        align: bool = False,
    ) -> Any:
        """Return arrays by field as `list_all(...).to_numpy()`: `data` of the shape (n, x_bin) or (n, y_bin, x_bin).

        Raises:
            FilterError: A filter, column or field to group by is not one of these rows.
            BinningError: Histograms with different binnings would share an array; `group_by="me"` keeps them apart.
        """
        return self._rows(filters, columns).to_numpy(group_by=group_by, align=align)

    def _rows(self, filters: Filters | None, columns: Sequence[str] | None) -> _Rows:
        from cmsdials.download.parquet import columns_of_table  # noqa: PLC0415  # it imports NumPy

        names = None if columns is None else [columns] if isinstance(columns, str) else [*columns]
        axes = [name for one in self._record.FIELDS if one.name in (names or ()) for name in one.lengths]
        asked = None if names is None else [*dict.fromkeys((*names, *axes))]
        table = self.to_table(filters, asked)
        return _Rows(RowStore(self._record, [columns_of_table(table, self._record, names)], fields=names))

    def _fields(self, columns: Sequence[str] | None) -> list[str]:
        names = (
            [*self.schema.names] if columns is None else [columns] if isinstance(columns, str) else [*columns]
        )
        for name in names:
            if name not in self.schema.names:
                message = f"{self._manifest.origin.resource} has no column {name!r}"
                raise FilterError(message, advice=f"It has {', '.join(self.schema.names)}.")
        return names

    def _files(self, conditions: Sequence[_Condition]) -> Any:
        """Return the files and row groups that may have rows of which all conditions are true."""
        arrow, fragments = self._arrow, []
        form, system = arrow.ParquetFileFormat(), extras.require("pyarrow.fs").LocalFileSystem()
        for entry in self._entries:
            path = self._data / entry.path
            groups = _groups(entry, conditions) if conditions else None
            if groups == []:
                continue
            if groups is not None and _stamp(path) != self._stamps[entry.path]:
                groups = None  # a download that ran since has put another file there, whose row groups are not known
            named = arrow.field("dataset") == entry.partition.dataset
            fragments.append(form.make_fragment(str(path), system, named, row_groups=groups))
        return arrow.FileSystemDataset(fragments, self.schema, form, system)

    def _all_of(self, conditions: Sequence[_Condition]) -> Any:
        parts = [one.on(self._arrow.field(one.column)) for one in conditions]
        return reduce(and_, parts) if parts else None

    def _conditions(self, filters: object) -> list[_Condition]:
        if filters is None:
            return []
        if not isinstance(filters, Filters):
            own = RESOURCES[self._manifest.origin.resource].filters.__name__
            message = f"filters must be {own}(...), not {type(filters).__name__}"
            raise FilterError(message, advice=f"Write: from cmsdials.filters import {own}")
        made = []
        for name, value in filters.given().items():
            column, _, operation = name.partition("__")
            if column not in self.schema.names or column == "data":
                message = (
                    f"{type(filters).__name__}.{name} cannot be asked of files, which have no such column"
                )
                raise FilterError(message, advice="Leave it out, or give it to download.")
            if operation == "regex":
                pattern = re.compile(value)  # filters refuse what the service reads differently
                chosen: Any = [known for known in self._names[column] if pattern.search(known)]
            else:
                chosen = value
            made.append(_condition(column, operation, chosen, self.schema.field(column).type))
        return made

    def __repr__(self) -> str:
        counts = {"row": len(self), "dataset": len(self.datasets), "monitoring element": len(self.elements)}
        what = ", ".join(counted(number, name) for name, number in counts.items())
        return printable(f"<{self._manifest.origin.resource} in {self.folder}: {what}>")

    def _repr_html_(self) -> str:
        """Show in notebooks which datasets and monitoring elements it has."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for one in self._manifest.finished:
            found[one.partition.dataset].append(one)
        rows = [
            (name, sum(len(one.partition.runs) for one in own), len(own), sum(one.rows for one in own))
            for name, own in sorted(found.items())
        ]
        datasets = html_rows(("dataset", "runs", "files", "rows"), rows, _MOST_SHOWN)
        elements = html_rows(("monitoring element",), [(name,) for name in self.elements], _MOST_SHOWN)
        return html_lines([repr(self)[1:-1]]) + datasets + elements


def _batches(fragment: Any, schema: Any, batch_size: int) -> Iterator[Any]:
    """Yield the row groups of a fragment in batches of some columns."""
    arrow, parquet, dataset = (
        extras.require(one) for one in ("pyarrow", "pyarrow.parquet", "pyarrow.dataset")
    )
    of_folder = dataset.get_partition_keys(fragment.partition_expression)
    of_file = [name for name in schema.names if name not in of_folder]
    groups = [one.id for one in fragment.row_groups]
    with parquet.ParquetFile(fragment.path, pre_buffer=False) as file:
        read = of_file or file.schema_arrow.names[:1]  # a batch of no columns has no length
        for batch in file.iter_batches(batch_size, row_groups=groups, columns=read, use_threads=False):
            columns = [
                batch.column(field.name).cast(field.type)
                if field.name in of_file
                else arrow.repeat(arrow.scalar(of_folder[field.name], field.type), len(batch))
                for field in schema
            ]
            yield arrow.RecordBatch.from_arrays(columns, schema=schema)
