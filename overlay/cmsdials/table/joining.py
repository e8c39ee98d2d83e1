"""Rows joined to others by run and lumisection, whatever libraries they are of.

For each row on the left the row on the right is looked up, by NumPy, and the columns of that are added. So no row on the
left can be lost, doubled or moved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from attrs import frozen

from cmsdials.errors import ConfigurationError
from cmsdials.table.brilcalc import read_brilcalc
from cmsdials.table.columns import Array
from cmsdials.table.documents import Documents
from cmsdials.table.frames import Kind, Pandas, converting, kind_of
from cmsdials.table.keys import integers_of
from cmsdials.table.lumi_mask import LARGEST
from cmsdials.table.tabular import Tabular

__all__ = ["joined"]

RUNS = ("run_number", "run", "run:fill", "#run:fill")
LUMIS = ("ls_number", "lumisection_number", "ls", "lumisection", "luminosityBlock")
RANGES = (("first_lumisection_number", "last_lumisection_number"), ("start", "end"))

_BITS = np.uint64(32)
_SHOWN = 3


@frozen
class _Key:
    """A column on the left, and what it is compared with.

    Attributes:
        left: Its name.
        right: The column on the right, or two of them: the first and the last lumisection of a range.
    """

    left: str
    right: str | tuple[str, str]

    @property
    def is_range(self) -> bool:
        return isinstance(self.right, tuple)

    @property
    def ends(self) -> tuple[str, str]:
        return self.right if isinstance(self.right, tuple) else (self.right, self.right)

    @property
    def is_repeated(self) -> bool:
        """Whether the column on the right says no more than the one on the left."""
        return isinstance(self.right, str) and ":" not in self.right


def joined(left: Any, right: Any, on: Any, suffix: Any) -> Any:
    """Return the rows on the left with the columns of those on the right. See `cmsdials.join`."""
    left, right = _rows(left, "left"), _rows(right, "right")
    kind = kind_of(left) or kind_of(right) or Pandas()
    with converting("on the left"):
        left = left if kind.is_one(left) else kind.of(left)
    with converting("on the right"):
        right = kind.of(right)
    names, others = kind.names(left), kind.names(right)
    keys = _keys([*names, *kind.levels(left)], others, on)
    rows, are_there = _matches(kind, left, right, keys)
    repeated = {key.right for key in keys if key.is_repeated}
    added = _renamed(names, [name for name in others if name not in repeated], suffix)
    with converting("on the right"):
        return kind.extended(left, right, added, rows, are_there)


def _rows(rows: Any, side: str) -> Any:
    """Return a listing, documents or a frame."""
    if side == "right" and isinstance(rows, str | os.PathLike):
        rows = read_brilcalc(rows)
    if isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows):
        rows = Documents([dict(row) for row in rows])
    if isinstance(rows, Documents) and not rows.names:
        message = f"there are no rows on the {side}, and nothing says which columns they would have"
        raise ConfigurationError(message, advice="Check what they were asked for with, such as the runs.")
    kind = kind_of(rows)
    if side == "right" and kind is not None:
        _check_names(kind.names(rows), side)
    if kind is not None or isinstance(rows, Tabular | Documents):
        return rows
    message = f"{type(rows).__name__} on the {side} cannot be joined"
    advice = (
        "Give a result, a page, rows of OMS, a DataFrame of pandas or polars, an Arrow table, or a list of dicts; on "
        "the right also the path of a CSV file of brilcalc."
    )
    if hasattr(rows, "collect_schema") and hasattr(rows, "collect"):
        advice = "Collect the LazyFrame first: frame.collect()."
    elif isinstance(rows, Mapping):
        advice = "Make a frame of it first, such as result.to_pandas() instead of result.to_numpy()."
        if isinstance(rows.get("detailed"), list):  # of brilcalc
            advice = 'Give the rows of the answer: answer["detailed"].'
        elif isinstance(rows.get("data"), list):  # of OMS
            advice = "Fetch the rows with dials.oms.list_all(...), which unpacks them."
    raise ConfigurationError(message, advice=advice)


# --- by which columns


def _keys(left: Sequence[Any], right: Sequence[Any], on: Any) -> list[_Key]:
    keys = _known(left, right) if on is None else _named(on)
    for key in keys:
        _check_name(left, key.left, "left")
        for name in key.ends:
            _check_name(right, name, "right")
    return keys


def _known(left: Sequence[Any], right: Sequence[Any]) -> list[_Key]:
    """Return the columns of runs and lumisections, by the names that they usually have."""
    runs = [_first(RUNS, names) for names in (left, right)]
    for run, names, side in zip(runs, (left, right), ("left", "right"), strict=True):
        if run is None:
            message = f"the rows on the {side} have no column of runs ({', '.join(RUNS[:2])})"
            raise ConfigurationError(
                message, advice=f"Name the columns with on=. There are: {_listed(names)}."
            )
    by_run = _Key(runs[0] or "", runs[1] or "")
    ls = _first(LUMIS, left)
    of_right: str | tuple[str, str] | None = _first(LUMIS, right)
    if of_right is None:
        of_right = next((pair for pair in RANGES if {*pair} <= {*right}), None)
    if of_right is None:
        return [by_run]
    if ls is None:
        message = "the rows on the right are of lumisections, and those on the left of runs"
        advice = f"Swap them, or name the columns with on=. On the left there are: {_listed(left)}."
        raise ConfigurationError(message, advice=advice)
    return [by_run, _Key(ls, of_right)]


def _named(on: Any) -> list[_Key]:
    """Return the columns that the caller names."""
    pairs = on
    if isinstance(on, str):
        pairs = {on: on}
    elif isinstance(on, Iterable) and not isinstance(on, Mapping | bytes):
        pairs = {name: name for name in on}
    keys: list[_Key] = []
    for left, right in pairs.items() if isinstance(pairs, Mapping) else ():
        ends = tuple(right) if isinstance(right, tuple | list) else right
        is_range = isinstance(ends, tuple) and len(ends) == 2 and all(isinstance(end, str) for end in ends)
        if not isinstance(left, str) or not (isinstance(ends, str) or is_range):
            keys = []
            break
        keys.append(_Key(left, ends))
    ranges = [key for key in keys if key.is_range]
    if not keys or len(ranges) > 1:
        message = f"on takes names of columns, not {on!r}"
        advice = (
            'Write on=["run_number", "ls_number"], or a dict if they differ: on={"run_number": "run", "ls_number": '
            '"lumi"}; for one range {"ls_number": ("first", "last")}.'
        )
        raise ConfigurationError(message, advice=advice)
    return [key for key in keys if key not in ranges] + ranges


def _first(known: Iterable[str], names: Sequence[Any]) -> str | None:
    return next((name for name in known if name in names), None)


def _check_names(names: Sequence[Any], side: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"the rows on the {side} have several columns {twice!r}"
        raise ConfigurationError(message, advice="Keep one of them.")


def _check_name(names: Sequence[Any], name: str, side: str) -> None:
    if names.count(name) == 1:
        return
    near = get_close_matches(name, [*map(str, names)], n=1)
    hint = f"; did you mean {near[0]!r}?" if near and name not in names else ""
    what = f"several columns {name!r}" if name in names else f"no column {name!r}{hint}"
    message = f"the rows on the {side} have {what}"
    advice = "Keep one of them." if name in names else f"Name it with on=. There are: {_listed(names)}."
    raise ConfigurationError(message, advice=advice)


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names[:20])) + (", ..." if len(names) > 20 else "") or "none"


def _renamed(left: Sequence[Any], right: Sequence[Any], suffix: Any) -> dict[Any, Any]:
    """Return the columns that are added, and the names that they get."""
    if not isinstance(suffix, str) or not suffix:
        message = f"suffix is text that is added to names that both have, not {suffix!r}"
        raise ConfigurationError(message, advice='The default is suffix="_right".')
    new = {name: f"{name}{suffix}" if name in left else name for name in right}
    names = [*left, *(new[name] for name in right)]
    twice = next((new[name] for name in right if names.count(new[name]) > 1), None)
    if twice is not None:
        message = f"there would be two columns {twice!r}"
        raise ConfigurationError(message, advice="Give another suffix=, or rename or drop one of them first.")
    return new


# --- which row on the right


def _matches(kind: Kind, left: Any, right: Any, keys: Sequence[_Key]) -> tuple[Array, Array]:
    """Return the row on the right for each row on the left, and whether there is one.

    All keys become one number on each side: on the right the first and the last one that a row stands for.

    Raises:
        ConfigurationError: Several rows on the right have one key; a range is reversed; or a key is not a number.
    """
    wanted, are_wanted = np.zeros(len(left), np.uint64), np.ones(len(left), bool)
    first = last = np.zeros(len(right), np.uint64)
    are_given = np.ones(len(right), bool)
    for at, key in enumerate(keys):
        numbers, known = _numbers(kind.column(left, key.left), key.left, "left")
        are_wanted &= known
        found = [_numbers(kind.column(right, name), name, "right") for name in dict.fromkeys(key.ends)]
        (starts, has_starts), (ends, has_ends) = found[0], found[-1]
        are_given &= has_starts & has_ends
        if key.is_range:  # which is compared in 32 bits
            _refuse_reversed(key, starts, ends, are_given)
            are_given &= (starts <= LARGEST) & (ends >= 0)
            starts, ends = np.clip(starts, 0, LARGEST), np.clip(ends, 0, LARGEST)
            are_wanted &= (numbers >= 0) & (numbers <= LARGEST)
            numbers = np.clip(numbers, 0, LARGEST)
        wanted, first, last = _and(wanted, first, numbers, starts, ends) if at else (numbers, starts, ends)
    places = np.flatnonzero(are_given)
    order = places[np.argsort(first[places], kind="stable")]
    again = np.flatnonzero(first[order][1:] <= last[order][:-1])
    if len(again):
        _refuse_double(kind, right, keys, (int(order[again[0]]), int(order[again[0] + 1])), len(again))
    if not len(order):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    before = np.searchsorted(first[order], wanted, "right")
    rows = order[np.maximum(before, 1) - 1]
    return rows, are_wanted & (before > 0) & (wanted <= last[rows])


def _and(
    wanted: Array, given: Array, numbers: Array, starts: Array, ends: Array
) -> tuple[Array, Array, Array]:
    """Return keys so far, wanted and given, together with another one: each pair as one number, in order."""
    before, given = _in_32_bits(wanted, given)
    if starts is ends:
        numbers, starts = _in_32_bits(numbers, starts)
        ends = starts
    rest = [one.astype(np.uint64) for one in (numbers, starts, ends)]
    return before << _BITS | rest[0], given << _BITS | rest[1], given << _BITS | rest[2]


def _in_32_bits(left: Array, right: Array) -> tuple[Array, Array]:
    """Return numbers of both sides, or their ranks where they would not fit."""
    both = np.concatenate([left, right])
    if len(both) and (both.min() < 0 or both.max() > LARGEST):
        both = np.unique(both, return_inverse=True)[1].reshape(-1)
    both = both.astype(np.uint64)
    return both[: len(left)], both[len(left) :]


def _numbers(column: Any, name: str, side: str) -> tuple[Array, Array]:
    values = np.asarray(column)
    if values.dtype.kind in "OUT":
        # As brilcalc writes run:fill and ls: its own number before the one of CMS, which is 0 where CMS took none.
        column = [one.partition(":")[0] if isinstance(one, str) else one for one in values.tolist()]
    try:
        numbers, are_there = integers_of(column, name)
    except ConfigurationError as error:
        message = f"the rows on the {side} cannot be joined: {error.message}"
        raise ConfigurationError(message, advice=error.advice) from None
    if numbers.ndim > 1:
        message = f"the rows on the {side} cannot be joined: {name} holds lists"
        raise ConfigurationError(message, advice="Name columns of whole numbers with on=.")
    return np.where(are_there, numbers, 0), are_there


def _refuse_reversed(key: _Key, starts: Array, ends: Array, are_given: Array) -> None:
    reversed_ = np.flatnonzero(are_given & (starts > ends))
    if len(reversed_):
        row = int(reversed_[0])
        message = f"row {row} on the right has a range from {key.ends[0]} {starts[row]} to {key.ends[1]} {ends[row]}"
        raise ConfigurationError(message, advice="Swap its two ends, or leave the row out.")


def _refuse_double(kind: Kind, right: Any, keys: Sequence[_Key], rows: tuple[int, int], many: int) -> None:
    def values(name: str) -> list[Any]:
        return [kind.cell(right, name, row) for row in rows]

    ends = [*dict.fromkeys(name for key in keys for name in key.ends)]
    named = [f"{name} {' and '.join(dict.fromkeys(map(str, values(name))))}" for name in ends]
    differ = [
        str(name)
        for name in kind.names(right)
        if name not in (*ends, "id") and len({*map(repr, values(name))}) > 1
    ]
    more = f", as {many - 1} more do" if many > 1 else ""
    message = f"two rows on the right have {', '.join(named)}: rows {rows[0]} and {rows[1]}{more}"
    advice = "They are equal: keep one of them, such as with drop_duplicates()."
    if differ:
        advice = f"They differ in {', '.join(differ[:_SHOWN])}: choose one of each first, or name more columns with on=."
    raise ConfigurationError(message, advice=advice)
