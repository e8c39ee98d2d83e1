"""What a plot is of: the histograms of one monitoring element, in the order of runs and lumisections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from attrs import evolve, frozen
from cmsdials_api.records import Field, Record

from cmsdials.arrays.stacks import edges
from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting.sections import Sections, sections_of
from cmsdials.plotting.units import axis_labels, unit_of
from cmsdials.redaction import printable, shortened
from cmsdials.table.columns import Array, plain
from cmsdials.table.keys import numbers_of
from cmsdials.table.rows import RowStore
from cmsdials.table.tabular import Tabular, stack
from cmsdials.table.to_numpy import to_numpy
from cmsdials.wording import counted

__all__ = ["Arrays", "Subject", "are_counts", "chosen", "subject_of"]

Arrays = Mapping[str, Any]

_ONE = {
    "me": "monitoring elements",
    "me_id": "monitoring elements",
    "dataset": "datasets",
    "dataset_id": "datasets",
}
_KEYS = ("run_number", "ls_number")
_FEW = 4
_LARGEST_COUNT = 2.0**53  # beyond it, every float64 is a whole number


@frozen(eq=False)
class Subject:
    """Histograms of one ME and one dataset, in order.

    Attributes:
        arrays: Their fields, as `to_numpy` returns them.
        data: Their contents, of the shape (n, x_bin) or (n, y_bin, x_bin).
        edges: Edges of the bins of each axis, x first.
        labels: What each axis shows.
        sections: Where each lumisection stands on an axis.
        me: Path of the ME; empty if the rows do not have it.
        dataset: Path of the dataset; empty if the rows do not have it.
    """

    arrays: Arrays
    data: Array
    edges: tuple[Array, ...]
    labels: tuple[str, ...]
    sections: Sections
    me: str
    dataset: str

    def __len__(self) -> int:
        return len(self.data)

    @property
    def dimensions(self) -> int:
        """1, 2 or 3."""
        return self.data.ndim - 1

    @property
    def when(self) -> str:
        """The runs and lumisections in words, and how many there are if some are missing."""
        runs, ls, many = self.sections.runs, self.sections.ls, self.sections.many
        if not len(ls):
            return "no lumisections"
        if len(runs) > 1:
            return f"{len(runs)} runs {runs[0]}\N{EN DASH}{runs[-1]}, {many} LS"
        first, last = ls[0], self.sections.last[-1]
        words = f"Run {runs[0]}, LS {first}" + (f"\N{EN DASH}{last}" if last > first else "")
        return words if many == last - first + 1 else f"{words} ({many} LS)"

    def only(self, keep: Array) -> Subject:
        """Return the same with some of the lumisections, by their positions or by a mask of them."""
        arrays = {name: np.asarray(values)[keep] for name, values in self.arrays.items()}
        sections = sections_of(self.sections.run[keep], self.sections.ls[keep], self.sections.last[keep])
        return evolve(self, arrays=arrays, data=self.data[keep], sections=sections)

    def contents_label(self, power: str = "", *, normalise: bool = False) -> str:
        """Return what the axis or the scale of the contents shows: entries, where they are counts.

        Args:
            power: What contents were divided by, from `scaled`.
            normalise: Whether they were divided by their sum.
        """
        if normalise:
            return "Fraction per bin"
        if power or not are_counts(self.data):
            return f"Content per bin{power}"
        widths, unit = np.diff(self.edges[0]), unit_of(self.labels[0]).strip(" []")
        if self.dimensions == 1 and unit and np.allclose(widths, widths[0]):
            return f"Entries / {widths[0]:g} {unit}"
        return "Entries per bin"

    def check_dimensions(self, wanted: int, plot: str, advice: str) -> None:
        """Refuse what a plot cannot show.

        Raises:
            BinningError: The histograms have another number of dimensions.
        """
        if self.dimensions != wanted:
            message = (
                f"{plot} is of {wanted}D histograms, and these have {counted(self.dimensions, 'dimension')}"
            )
            raise BinningError(message, advice=advice)


def are_counts(data: Array) -> bool:
    """Whether contents are whole numbers from 0 on, so that their square roots are their uncertainties."""
    return bool(((data >= 0) & (data < _LARGEST_COUNT) & (np.rint(data) == data)).all())


def subject_of(rows: Any) -> Subject:
    """Return what is to be drawn.

    Args:
        rows: A result, a page, a row, a list of rows, a frame of pandas or polars, or the arrays of `to_numpy`.

    Raises:
        ConfigurationError: They are of several monitoring elements or datasets, lack their run or lumisection, have a
            lumisection twice, or are something else.
        BinningError: They are not histograms of one binning, or lack their binning or contents.
    """
    arrays = _arrays_of(rows)
    data = np.asarray(arrays["data"], np.float64)
    if lacking := [name for name in _KEYS if name not in arrays]:
        message = f"these rows have no {' and no '.join(lacking)}, so they have no place in a plot"
        raise ConfigurationError(message, advice="List without fields=, or with fields= that include them.")
    names = {
        name: _only_one(name, np.unique(_texts(arrays[name])).tolist()) for name in _ONE if name in arrays
    }
    (run, has_run), (ls, has_ls) = (
        numbers_of(arrays[name], what) for name, what in zip(_KEYS, ("run", "lumisection"), strict=True)
    )
    is_there = has_run & has_ls & ~np.isnan(data).all(axis=tuple(range(1, data.ndim)))
    order = np.lexsort((ls, run))
    order = order[is_there[order]]
    run, ls = run[order].astype(np.int64), ls[order].astype(np.int64)
    _refuse_twice(run, ls)
    if not len(order):
        data = np.zeros(
            (len(data), *(max(1, bins) for bins in data.shape[1:]))
        )  # so that there are axes to show
    borders = tuple(
        _edges(arrays, axis, bins) for axis, bins in zip("xyz", reversed(data.shape[1:]), strict=False)
    )
    me = names.get("me", "")
    return Subject(
        arrays={name: np.asarray(values)[order] for name, values in arrays.items()},
        data=data[order],
        edges=borders,
        labels=axis_labels(me, data.ndim - 1),
        sections=sections_of(run, ls, _lasts(arrays, order, ls)),
        me=printable(me) or (f"ME {names['me_id']}" if names.get("me_id") else ""),
        dataset=printable(names.get("dataset", "")),
    )


def chosen(rows: Any, wanted: Mapping[str, Any]) -> Any:
    """Return the rows whose fields have one of the values wanted. See `cmsdials.plotting.Plots.of`."""
    store = _store_of(rows)
    if store is None:
        arrays = _columns_of(rows)
        _check_fields(wanted, [*arrays])
        keep = _have(arrays.get, wanted, len(arrays["data"]))
        _check_found(bool(keep.any()), arrays.get, wanted)
        return {name: np.asarray(values)[keep] for name, values in arrays.items()}
    _check_fields(wanted, [one.name for one in store.record.FIELDS if not one.dimensions])
    kept: RowStore[Any] = RowStore(store.record, fields=store.fields)
    for block in store.held():
        if len(block):
            keep = _have(block.column, wanted, len(block))
            kept.add(block if keep.all() else block.chosen(keep.tolist()))
    _check_found(len(kept) > 0, lambda name: _all_of(store, name), wanted)
    return kept


# --- from whatever holds rows to arrays


def _store_of(rows: Any) -> RowStore[Any] | None:
    """Return the rows in a store; None if they are columns."""
    if isinstance(rows, RowStore):
        return rows
    if isinstance(rows, Tabular):
        return rows.store
    if isinstance(rows, Record):
        rows = [rows]
    if isinstance(rows, list | tuple) and rows and all(isinstance(one, Record) for one in rows):
        return RowStore(type(rows[0]), rows=[*rows])
    return None


def _arrays_of(rows: Any) -> Arrays:
    store = _store_of(rows)
    if store is None:
        return _columns_of(rows)
    field: Field = max(store.record.FIELDS, key=lambda one: one.dimensions)
    if not field.dimensions:
        message = f"these rows are of {store.record.__name__}, which has no contents to draw"
        raise BinningError(message, advice="Histograms are in h1d and h2d.")
    for name in _ONE:
        _only_one(name, sorted({str(one) for one in _all_of(store, name) if one is not None}))
    try:
        arrays = to_numpy(store)
    except BinningError as error:
        message = error.message
        advice = "Draw those of one binning at a time, such as result.plot.of(run_number=367112).overlay()."
        raise BinningError(message, advice=advice) from error
    if "data" not in arrays:
        message = "these rows were listed without data"
        raise BinningError(message, advice="List without fields=, or with fields= that include data.")
    return arrays


def _columns_of(rows: Any) -> Arrays:
    if isinstance(rows, Mapping):
        arrays = dict(rows)
    elif hasattr(rows, "columns") and hasattr(rows, "__getitem__") and "data" in [*rows.columns]:
        arrays = {name: rows[name].to_numpy() for name in rows.columns if name != "data"}
        arrays["data"] = stack(rows["data"])
    else:
        message = f"a plot cannot be made of {shortened(type(rows).__name__, 60)}"
        advice = "Give a result, a page, rows of h1d or h2d, a frame with the column data, or the arrays of to_numpy()."
        raise ConfigurationError(message, advice=advice)
    data = arrays.get("data")
    if isinstance(data, np.ndarray) and 2 <= data.ndim <= 4 and data.dtype.kind in "biuf":
        if odd := [name for name, values in arrays.items() if np.shape(values)[:1] != (len(data),)]:
            message = f"{odd[0]} has not a value for each of {len(data)} histograms"
            raise ConfigurationError(message, advice="Give arrays of one length, as to_numpy() returns them.")
        return arrays
    if arrays and all(isinstance(one, Mapping) for one in arrays.values()):
        message = (
            f"these are arrays of {len(arrays)} groups ({_few([*map(repr, arrays)])}), and a plot shows one"
        )
        raise ConfigurationError(message, advice="Choose one of them by its key.")
    message = "these arrays have no data of the shape (n, x_bin) or (n, y_bin, x_bin)"
    raise BinningError(message, advice="Give the arrays that to_numpy() returns for histograms.")


def _all_of(store: RowStore[Any], name: str) -> list[Any]:
    """Return the different values of a field, in order of appearance."""
    found: dict[Any, None] = {}
    for block in store.held():
        column = block.column(name)
        found |= dict.fromkeys(plain(column) if column is not None else ())
    return [*found]


def _texts(values: Any) -> list[str]:
    return [str(one) for one in np.asarray(values).tolist() if one is not None and one == one]  # noqa: PLR0124  # NaN


def _only_one(name: str, values: list[str]) -> str:
    """Return the only value of a field there is, empty if there is none.

    Raises:
        ConfigurationError: There are several.
    """
    if len(values) < 2:
        return values[0] if values else ""
    message = f"these rows are of {len(values)} {_ONE[name]} ({_few(values)}), and a plot shows one"
    example = values[0] if name.endswith("_id") else repr(values[0])
    advice = f"Choose one, such as result.plot.of({name}={printable(example)}).trend()."
    raise ConfigurationError(message, advice=advice)


def _few(values: list[str]) -> str:
    more = f", and {len(values) - _FEW} more" if len(values) > _FEW else ""
    return ", ".join(printable(one) for one in values[:_FEW]) + more


def _lasts(arrays: Arrays, order: Array, ls: Array) -> Array:
    """Return the last lumisection of each row: its own, or for a sum of `cmsdials.arrays.sum_lumis` that of the sum."""
    if "ls_last" not in arrays:
        return ls
    numbers, are_known = numbers_of(arrays["ls_last"], "lumisection")
    last = numbers.astype(np.int64)[order]
    return np.where(are_known[order] & (last >= ls), last, ls)


def _refuse_twice(run: Array, ls: Array) -> None:
    twice = np.flatnonzero((np.diff(run) == 0) & (np.diff(ls) == 0))
    if len(twice):
        message = f"lumisection {ls[twice[0]]} of run {run[twice[0]]} comes twice in these rows"
        raise ConfigurationError(message, advice="Keep one row for each lumisection.")


def _edges(arrays: Arrays, axis: str, bins: int) -> Array:
    """Return the edges along an axis; numbers of bins if it has no width, or if there are no rows."""
    made = edges(arrays, axis, bins) if len(arrays["data"]) else np.full(bins + 1, np.nan)
    if not np.isfinite(made).all() or made[0] == made[-1]:
        return np.arange(bins + 1.0)
    return made


# --- which rows to draw


def _check_fields(wanted: Iterable[str], known: list[str]) -> None:
    if wrong := [name for name in wanted if name not in known or name == "data"]:
        message = f"rows cannot be chosen by {', '.join(map(repr, wrong))}"
        raise ConfigurationError(
            message, advice=f"There are: {', '.join(one for one in known if one != 'data')}."
        )


def _have(column: Any, wanted: Mapping[str, Any], length: int) -> Array:
    keep = np.ones(length, bool)
    for name, value in wanted.items():
        values = column(name)
        cells = plain(values) if isinstance(values, list | np.ndarray) else [None] * length
        one_of = {value} if isinstance(value, str) or not isinstance(value, Iterable) else {*value}
        keep &= [cell in one_of for cell in cells]
    return keep


def _check_found(found: bool, column: Any, wanted: Mapping[str, Any]) -> None:
    if found:
        return
    asked = ", ".join(f"{name}={shortened(repr(value), 60)}" for name, value in wanted.items())
    message = f"no row has {asked}"
    lists = []
    for name in wanted:
        values = column(name)
        there = sorted({*_texts([] if values is None else values)})
        lists.append(f"{name}: {_few(there) or 'none'}")
    raise ConfigurationError(message, advice=f"There are: {'; '.join(lists)}.")
