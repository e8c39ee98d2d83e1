"""What pages and results have in common: rows that become frames, tables, arrays and histograms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from html import escape
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from cmsdials_api.records import Record

from cmsdials.errors import ConfigurationError, FilterError
from cmsdials.redaction import shortened
from cmsdials.runtime import extras
from cmsdials.runtime.background import load
from cmsdials.table.histograms import hist_of
from cmsdials.table.rows import RowStore

if TYPE_CHECKING:
    import hist
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from cmsdials.table.lumi_mask import LumiMask

__all__ = ["Cells", "Tabular", "checked_cells", "checked_groups", "frame_of", "join", "stack"]

RecordT = TypeVar("RecordT", bound=Record)
_Arrays = dict[str, "np.ndarray[Any, Any]"]
Cells = Literal["array", "list"]
"""What the cells of `data` in a DataFrame are."""


def checked_groups(group_by: Any, record: type[Record], fields: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the fields to group by, of those that rows have; `fields` is None if they have all.

    Raises:
        FilterError: It is not the name of a field that has one value in each row.
    """
    sent = [one for one in record.FIELDS if fields is None or one.name in fields]
    known = [one.name for one in sent if one.kind in _GROUPING]
    names = [group_by] if isinstance(group_by, str) or not isinstance(group_by, Iterable) else [*group_by]
    wrong = [name for name in names if name not in known]
    if names and not wrong:
        return tuple(names)
    near = get_close_matches(str(wrong[0]), known, n=1) if wrong else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    message = f"rows cannot be grouped by {', '.join(map(repr, wrong)) or 'nothing'}{hint}"
    have = (
        f"Fields to group by: {', '.join(known)}."
        if known
        else "With these fields= there is nothing to group by."
    )
    raise FilterError(message, advice=have)


def checked_cells(cells: object) -> str:
    """Return what the cells of a frame are to be.

    Raises:
        ConfigurationError: There is no such choice.
    """
    if not isinstance(cells, str) or cells not in ("array", "list"):
        message = f"cells must be 'array' or 'list', not {shortened(repr(cells), 60)}"
        advice = (
            "With 'array', which is the default, cells are arrays; with 'list' they are lists of numbers."
        )
        raise ConfigurationError(message, advice=advice)
    return cells


def frame_of(store: RowStore[Any], cells: Cells, *, copy: bool = True) -> pd.DataFrame:
    """Make a DataFrame: see `Tabular.to_pandas`. Without a copy it takes the contents over from the store."""
    as_lists = checked_cells(cells) == "list"
    load("cmsdials.table.to_pandas")
    from cmsdials.table.to_pandas import to_pandas  # noqa: PLC0415  # it imports NumPy

    return to_pandas(store, as_lists=as_lists, copy=copy)


_GROUPING = ("integer", "number", "string", "boolean", "datetime")


class Tabular(Generic[RecordT]):
    """Rows that can be converted. The store that holds them is an attribute of the class that inherits this."""

    __slots__ = ()

    store: RowStore[RecordT]

    def selected(self, store: RowStore[RecordT], mask: LumiMask) -> Self:
        """Return the same with those of its rows that a mask has selected; `LumiMask.select` calls it."""
        raise NotImplementedError

    def to_pandas(self, *, cells: Cells = "array") -> pd.DataFrame:
        """Return a DataFrame, a row for each row and a column for each field that the service sent.

        The columns are in the order of the contract, with a RangeIndex; without rows they are there too,
        with the same types. All values belong to the frame: changing them changes neither these rows nor any other
        frame or table made of them.

        Args:
            cells: What the cells of `data` are. "array": float64 arrays of x_bin contents; in 2D lists of y_bin such
                arrays, indexed `[y][x]` or `[y, x]`, which calculate like one array of the shape (y_bin, x_bin).
                "list": lists of x_bin numbers, in 2D lists of y_bin such lists, for what compares cells or writes
                JSON; they take several times as much memory. `cmsdials.stack` makes one array of such a column.

        Raises:
            MissingDependencyError: pandas is not installed; the message holds the command.
            ConfigurationError: `cells` is something else.
        """
        return frame_of(self.store, cells)

    def _repr_html_(self) -> str:
        """Show the first rows in notebooks: what all rows have in common once, and histograms as small pictures."""
        load("cmsdials.table.to_html")
        from cmsdials.table.to_html import html_of_rows  # noqa: PLC0415  # it imports NumPy

        return f"<p>{escape(repr(self))}</p>{html_of_rows(self.store)}"

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with the columns of `to_pandas`.

        `data` becomes lists of float64 (2D: lists of lists, `[y][x]`), which share the memory of these rows.

        Raises:
            MissingDependencyError: pyarrow is not installed; the message holds the command.
        """
        load("cmsdials.table.to_arrow")
        from cmsdials.table.to_arrow import to_arrow  # noqa: PLC0415  # it imports NumPy

        return to_arrow(self.store)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame with the columns of `to_arrow`.

        Raises:
            MissingDependencyError: polars is not installed; the message holds the command.
        """
        polars = extras.polars()
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow())
        return frame

    @overload
    def to_numpy(self) -> _Arrays: ...
    @overload
    def to_numpy(self, *, group_by: str | Sequence[str], align: bool = False) -> Mapping[Any, _Arrays]: ...
    @overload
    def to_numpy(
        self, *, align: Literal[True], group_by: str | Sequence[str] | None = None
    ) -> Mapping[Any, _Arrays]: ...
    @overload
    def to_numpy(self, *, group_by: str | Sequence[str] | None, align: bool = False) -> Any: ...
    def to_numpy(self, *, group_by: str | Sequence[str] | None = None, align: bool = False) -> Any:
        """Return an array for each field, by name.

        For n histograms, `data` has the shape (n, x_bin), or (n, y_bin, x_bin) in 2D, and is float64. The other
        fields have the shape (n,): int64, float64 (NaN where a number or a flag is missing), bool, datetime64[us] in UTC,
        text of fixed width ("" where it is missing), and JSON text for lists and objects. The arrays belong to the
        caller, and `np.savez` writes them so that `np.load` reads them without pickle; except text that fixed width
        would change (a NUL at the end, or some missing and some empty) or make larger than 64 MiB, and integers of
        more than 64 bits, which are arrays of objects.

        Args:
            group_by: Field, or fields, by whose values the rows are grouped, such as "me".
            align: Give all groups the same m lumisections (dataset_id, run_number, ls_number), in order: all that one
                of them has. So `data` is of the shape (m, x_bin) or (m, y_bin, x_bin) in each. In a gap, where a
                group lacks one, `data` is NaN, and so are the numbers that the histogram would have, which are
                therefore float64 (`entries`, `file_id`); a bool array `gap` of the shape (m,) is True there. Groups
                of different runs or datasets, where `group_by` says so, keep to their own lumisections. Without
                `group_by` the groups are those of "me", or of "me_id" if the rows have no "me".

        Returns:
            Arrays by field; with `group_by` or `align` such arrays by value (by tuple of values for several fields), in
            order of first appearance.

        Raises:
            BinningError: Histograms with different binnings would share one array; the message names them.
            FilterError: There is no such field to group by; or rows cannot be aligned, because they lack their run or
                lumisection, or a group has several for one lumisection.
        """
        load("cmsdials.table.to_numpy")
        from cmsdials.table.to_numpy import grouped, to_numpy  # noqa: PLC0415  # it imports NumPy

        if group_by is None and align:
            sent = self.store.fields
            group_by = "me_id" if sent is not None and "me" not in sent else "me"
        if group_by is None:
            return to_numpy(self.store)
        names = checked_groups(group_by, self.store.record, self.store.fields)
        groups = grouped(self.store, names)
        if align:
            from cmsdials.table.aligned import aligned  # noqa: PLC0415  # it imports NumPy

            groups = aligned(groups, names)
        return {key: arrays for (key,), arrays in groups.items()} if isinstance(group_by, str) else groups

    def to_hist(self) -> list[hist.Hist[Any]]:
        """Return a `hist.Hist` for each row, which is a histogram; see `LumisectionHistogram1D.to_hist`.

        Raises:
            MissingDependencyError: hist is not installed; the message holds the command.
            BinningError: The rows are not histograms, or were listed without their binning or contents.
        """
        return [hist_of(row) for row in self.store]

    def join(
        self, right: Any, *, on: str | Sequence[str] | Mapping[str, Any] | None = None, suffix: str = "_right"
    ) -> Any:
        """Return a frame of these rows with the columns of others, by run and lumisection; see `cmsdials.join`."""
        return join(self, right, on=on, suffix=suffix)


def join(
    left: Any,
    right: Any,
    *,
    on: str | Sequence[str] | Mapping[str, Any] | None = None,
    suffix: str = "_right",
) -> Any:
    """Return rows with the columns of other rows of the same run and lumisection.

    Every row on the left stays, in its place, with its values. Where the right has none for it, the values of the
    right are missing; so its integers and flags become Int64 and boolean in pandas (also where none is missing), and
    stay what they are in Arrow and polars, where any value may be null. Rows on the right without a partner, or
    without a key, are left out.

    Args:
        left: A result or page, rows of OMS, a DataFrame of pandas or polars, an Arrow table, or a list of dicts.
        right: The same, or the path of a CSV file of ``brilcalc lumi --byls -o``. It may have a row for each
            lumisection, for each range of them (both ends included), or for each run. Each key may come once.
        on: Columns to compare, all of which hold whole numbers from 0 on, or text of their digits: a name or several,
            or a dict of left to right if they differ, and on the right a pair of names for a range: ``{"run_number":
            "run", "ls_number": ("first", "last")}``. None for the run and, if both have it, the lumisection, by the
            names that DIALS, OMS, the Run Registry, brilcalc and CMSSW give them. Of text such as ``1:1``, which
            brilcalc writes, the number before the colon counts.
        suffix: What is added to the name of a column on the right that the left has too.

    Returns:
        What `left` is. Of a result, a page, rows of OMS or dicts: a frame of the library of `right`, or, if that is
        none either, of pandas. The columns of the left come first, then those of the right except the keys (ranges and
        ``run:fill`` stay). The index of pandas is that of `left`.

    Raises:
        ConfigurationError: Several rows on the right have one key, or overlapping ranges, which the message names; there are no
            such columns, or they hold something other than whole numbers; a name would come twice; or the rows are
            something else.
        MissingDependencyError: The library is not installed; the message holds the command.
    """
    load("cmsdials.table.joining")
    from cmsdials.table.joining import joined  # noqa: PLC0415  # it imports NumPy

    return joined(left, right, on, suffix)


def stack(column: Any) -> np.ndarray[Any, Any]:
    """Return one array of the contents of many histograms.

    Args:
        column: Their contents: the column `data` of a frame or table of pandas, polars or Arrow, whether it was made
            here or read from Parquet, or any list of arrays, of lists or of `row.data`. All must have the same
            binning.

    Returns:
        A float64 array of its own: of the shape (n, x_bin) for n histograms, or (n, y_bin, x_bin) in 2D.

    Raises:
        BinningError: Rows have different numbers of bins, a row or a bin is missing, or there are no rows; the
            message says which row.
        ConfigurationError: It is not such a column; the message says which row holds something else.
    """
    load("cmsdials.table.stacking")
    from cmsdials.table.stacking import stacked  # noqa: PLC0415  # it imports NumPy

    return stacked(column)
