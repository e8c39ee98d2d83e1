"""What plots are held against: a reference run, or one histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen

from cmsdials.errors import BinningError, ConfigurationError
from cmsdials.plotting.canvas import scaled
from cmsdials.plotting.subject import Subject, subject_of
from cmsdials.redaction import shortened
from cmsdials.runtime import extras
from cmsdials.table.columns import Array

__all__ = ["Reference", "reference_of"]


@frozen(eq=False)
class Reference:
    """A reference of the same binning as what is drawn.

    Attributes:
        data: Contents of its lumisections, or of the one histogram that it is; of the shape (n, x_bin) or (n, y_bin, x_bin).
        edges: Edges of the bins of each axis, x first.
        name: What it is called.
        rows: Its lumisections; None if it is one histogram.
    """

    data: Array
    edges: tuple[Array, ...]
    name: str
    rows: Subject | None

    @property
    def added(self) -> Array:
        """Their sum; of several that are huge divided by a power of ten, so that it still has a shape."""
        made: Array = self.data[0] if len(self.data) == 1 else scaled(self.data)[0].sum(axis=0)
        return made


def reference_of(subject: Subject, reference: Any) -> Reference:
    """Return what was given as a reference.

    Args:
        subject: What is drawn.
        reference: Anything that can be drawn; or one histogram that follows the UHI convention.

    Raises:
        ConfigurationError: It is neither.
        BinningError: It has another binning than what is drawn.
    """
    if hasattr(reference, "kind") or isinstance(reference, tuple):
        contents, borders = _of_uhi(reference)
        found = Reference(contents[None], borders, "a histogram", None)
    else:
        found = _of_rows(subject, subject_of(reference))
    if len(subject):
        _check_binning(subject, found.edges)
    return found


def _of_rows(subject: Subject, rows: Subject) -> Reference:
    name = (
        rows.when
        if "" in (rows.me, subject.me) or rows.me == subject.me
        else f"{rows.me.rpartition('/')[2]}, {rows.when}"
    )
    if not len(rows):
        return Reference(np.zeros((0, *subject.data.shape[1:])), subject.edges, name, rows)
    return Reference(rows.data, rows.edges, name, rows)


def _check_binning(subject: Subject, borders: tuple[Array, ...]) -> None:
    """Refuse a reference of another binning.

    Raises:
        BinningError: It has one.
    """
    if [*map(len, borders)] == [*map(len, subject.edges)] and all(
        np.allclose(ours, theirs) for ours, theirs in zip(subject.edges, borders, strict=True)
    ):
        return
    message = f"the reference has {_binning(borders)}, and the histograms have {_binning(subject.edges)}"
    raise BinningError(message, advice="Compare with histograms of the same monitoring element.")


def _of_uhi(histogram: Any) -> tuple[Array, tuple[Array, ...]]:
    """Return contents, the last axis first, and edges of what follows the UHI convention.

    Raises:
        ConfigurationError: It does not.
    """
    uhi = extras.require("uhi.numpy_plottable", "hist", needed_by="reference=")
    try:
        plottable = uhi.ensure_plottable_histogram(histogram)
        borders = tuple(
            np.array([axis[0][0], *(axis[at][1] for at in range(len(axis)))], float)
            for axis in plottable.axes
        )
        return np.asarray(plottable.values(), float).T, borders
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        message = f"the reference is not a histogram with numbers as its edges: {shortened(str(error), 100)}"
        raise ConfigurationError(message, advice="Give a result, rows, arrays or a hist.Hist.") from error


def _binning(borders: tuple[Array, ...]) -> str:
    return " x ".join(f"{len(one) - 1} bins from {one[0]:g} to {one[-1]:g}" for one in borders)
