"""The contents of histograms of two and more dimensions in a frame: lists of arrays, which Parquet can hold, that calculate like one array."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from cmsdials.table.columns import Array

__all__ = ["Cell", "as_cell"]


class Cell(NDArrayOperatorsMixin, list[Array]):
    """The contents of a 2D histogram: y_bin arrays of x_bin numbers, indexed as `cell[y][x]` or `cell[y, x]`.

    In 3D it holds z_bin such cells. It is a list, so that pandas writes it to Parquet, and otherwise behaves like a
    NumPy array of the shape (y_bin, x_bin): operators work bin by bin, it has `shape`, `sum`, `T`, `tolist` and so on, and `np.asarray(cell)`
    shares its numbers. What has the same number of dimensions is a cell again. `==` compares bin by bin, and the
    outcome is true if all bins are equal.

    Args:
        whole: The array, which the cell shares.
    """

    __slots__ = ("_whole",)
    __hash__ = None  # its numbers can change

    def __init__(self, whole: Array) -> None:
        # Faster than super(), and a frame has many cells.
        list.__init__(self, whole if whole.ndim == 2 else map(Cell, whole))
        self._whole = whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is None:  # which NumPy 1 does not know
            return np.asarray(self._whole, dtype)
        return np.array(self._whole, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **how: Any) -> Any:
        out = how.get("out")
        if out is not None:
            how["out"] = tuple(map(_array, out))
        made = getattr(ufunc, method)(*map(_array, inputs), **how)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return tuple(map(as_cell, made)) if isinstance(made, tuple) else as_cell(made)

    def __getattr__(self, name: str) -> Any:
        """Return what an array has: its shape, its sum, ..."""
        if name.startswith("_"):  # nor the protocols by which libraries recognise arrays
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        found = getattr(self._whole, name)
        return (
            (lambda *given, **named: as_cell(found(*given, **named))) if callable(found) else as_cell(found)
        )

    def __getitem__(self, index: Any) -> Any:
        # The rows as they are in the list, which is faster than to make them again.
        return super().__getitem__(index) if isinstance(index, int) else as_cell(self._whole[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._whole[index] = value

    def __contains__(self, value: object) -> bool:
        return value in self._whole

    def __eq__(self, other: object) -> Any:
        return self._compared(operator.eq, other, _Equal, False)

    def __ne__(self, other: object) -> Any:
        return self._compared(operator.ne, other, _Unequal, True)

    def _compared(
        self, compare: Callable[[Any, Any], Any], other: Any, kind: type[Array], if_unlike: bool
    ) -> Any:
        try:
            given = np.asarray(other)
            is_like = not isinstance(other, list) or given.shape == self._whole.shape
            np.broadcast_shapes(given.shape, self._whole.shape)
        except ValueError:  # uneven lists, or shapes that do not fit
            return if_unlike
        return compare(self._whole, given).view(kind) if is_like else if_unlike

    def __copy__(self) -> Cell:
        return Cell(self._whole.copy())

    copy = __copy__

    def __reduce__(self) -> tuple[Any, ...]:
        return Cell, (self._whole,)

    def __repr__(self) -> str:
        return repr(self._whole)

    def _keeps_its_rows(self, *_: Any, **__: Any) -> NoReturn:
        message = (
            "a cell of 2D contents keeps the number and the order of its rows: make a list of it with cell.tolist(), "
            'or of all with to_pandas(cells="list")'
        )
        raise TypeError(message)

    __delitem__ = append = clear = extend = insert = pop = remove = reverse = sort = _keeps_its_rows


def as_cell(made: Any) -> Any:
    """Return numbers in two dimensions or more as a cell; anything else, such as a mask, as it is."""
    is_map = isinstance(made, np.ndarray) and made.ndim > 1 and made.dtype != bool
    return Cell(made) if is_map else made


def _array(given: Any) -> Any:
    return given._whole if isinstance(given, Cell) else given


class _Compared(np.ndarray[Any, Any]):
    """Which bins are equal, or differ: a mask that has a truth value, as the outcome for lists has."""

    def __array_wrap__(self, made: Any, *_: Any) -> Any:
        return np.asarray(made)[()]  # what is made of it is like what is made of any mask


class _Equal(_Compared):
    def __bool__(self) -> bool:
        return bool(np.asarray(self).all())


class _Unequal(_Compared):
    def __bool__(self) -> bool:
        return bool(np.asarray(self).any())
