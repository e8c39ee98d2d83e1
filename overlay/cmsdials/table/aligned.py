"""Groups of arrays brought to the same lumisections, with gaps where a group lacks one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from cmsdials.errors import FilterError
from cmsdials.table.columns import Array

__all__ = ["aligned"]

_Arrays: TypeAlias = "dict[str, Array]"

_KEY = ("dataset_id", "run_number", "ls_number")
_APART = ("dataset_id", "dataset", "run_number")
"""Groups that differ in these have no lumisections in common."""

_OF_ELEMENT = ("me", "me_id", *(f"{axis}_{end}" for axis in "xyz" for end in ("min", "max", "bin")))


def aligned(
    groups: Mapping[tuple[Any, ...], _Arrays], names: Sequence[str]
) -> dict[tuple[Any, ...], _Arrays]:
    """Give all groups a row for each lumisection that one of them has. See `cmsdials.table.tabular.Tabular.to_numpy`.

    Args:
        groups: Arrays by the values of some fields.
        names: These fields.

    Raises:
        FilterError: Rows lack their run or lumisection, groups are of single lumisections, or a group has several rows
            for one.
    """
    if "ls_number" in names:
        message = "groups of one ls_number have nothing to align"
        raise FilterError(message, advice='Group by monitoring element, such as group_by="me".')
    together: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for key in groups:
        apart = tuple(value for name, value in zip(names, key, strict=True) if name in _APART)
        together.setdefault(apart, []).append(key)
    made: dict[tuple[Any, ...], _Arrays] = {}
    for members in together.values():
        made |= _of_one(members, [groups[key] for key in members], names)
    return {key: made[key] for key in groups}


def _of_one(
    members: Sequence[tuple[Any, ...]], all_arrays: Sequence[_Arrays], names: Sequence[str]
) -> dict[tuple[Any, ...], _Arrays]:
    fields = [name for name in _KEY if all(name in arrays for arrays in all_arrays)]
    if not {"run_number", "ls_number"} <= {*fields}:
        message = "rows are aligned by run_number and ls_number, and do not have both"
        raise FilterError(message, advice="List with fields= that include them, or without fields=.")
    keys = [np.stack([_whole(arrays[name], name) for name in fields], axis=1) for arrays in all_arrays]
    union, places = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    each = np.split(places.reshape(-1), np.cumsum([len(one) for one in keys])[:-1])
    known = dict(zip(fields, union.T, strict=True))
    if all("dataset" in arrays for arrays in all_arrays):
        texts = np.concatenate([arrays["dataset"] for arrays in all_arrays])
        known["dataset"] = np.empty(len(union), texts.dtype)
        known["dataset"][places.reshape(-1)] = texts
    same = {*_OF_ELEMENT, *names}
    made = {}
    for key, arrays, at in zip(members, all_arrays, each, strict=True):
        if len(np.unique(at)) < len(at):
            again = union[np.flatnonzero(np.bincount(at) > 1)[0]]
            where = ", ".join(f"{name} {value}" for name, value in zip(fields, again.tolist(), strict=True))
            message = f"the group {', '.join(map(str, key))} has several rows of {where}"
            raise FilterError(message, advice='Group by what they differ in too, such as group_by="me".')
        gap = np.ones(len(union), bool)
        gap[at] = False
        made[key] = {
            name: known[name].copy() if name in known else _spread(values, at, len(union), name in same)
            for name, values in arrays.items()
        } | {"gap": gap}
    return made


def _whole(values: Array, name: str) -> Array:
    if values.dtype.kind not in "iu":
        message = f"{name} of a row is missing, so the rows cannot be aligned"
        raise FilterError(message, advice="Leave these rows out first.")
    return values.astype(np.int64)


def _spread(values: Array, at: Array, rows: int, is_same: bool) -> Array:
    """Return values at their places, and between them the same one, or what stands for a missing one."""
    kind = values.dtype.kind
    dtype = np.dtype(np.float64) if kind in "iufb" and not is_same else values.dtype
    made = np.zeros((rows, *values.shape[1:]), dtype)
    if is_same and len({*values.tolist()}) == 1:
        made[:] = values[0]
    elif kind in "iufb":
        made = made.astype(np.float64)
        made[:] = np.nan
    elif kind in "mM":
        made[:] = np.array("NaT", dtype)
    elif kind == "O":
        made[:] = None
    made[at] = values
    return made
