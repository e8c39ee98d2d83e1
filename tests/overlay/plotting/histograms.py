"""Histograms to draw, the same on every machine: arrays as `to_numpy` returns them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

RUN = 367112
DATASET = "/ZeroBias/Run2023C-PromptReco-v1/DQMIO"
CHARGE = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2"
CLUSTERS = "PixelPhase1/Phase1_MechanicalView/PXBarrel/clusters_per_SignedModuleCoord_per_SignedLadderCoord_PXLayer_1"
Arrays = dict[str, Any]


def charge(ls: Iterable[int], run: int = RUN, **changed: Any) -> Arrays:
    """A peak that becomes lower, and moves to the right in 300 lumisections, in 20 bins from 0 to 40 000 e."""
    numbers = np.array([*ls], np.int64)
    centres = np.linspace(1000, 39_000, 20)
    peak = 12_000 + 40 * (numbers[:, None] % 300)
    data = np.floor(900 * np.exp(-numbers[:, None] / 1500) * np.exp(-(((centres - peak) / 6000) ** 2)))
    limits = {"x_min": 0.0, "x_max": 40_000.0, "x_bin": 20.0}
    return _arrays(numbers, run, data, {"me": CHARGE, "me_id": 2} | limits | changed)


def clusters(ls: Iterable[int], run: int = RUN, **changed: Any) -> Arrays:
    """Maps of 8 x 6 bins, of which one row, one column and one more bin are empty."""
    numbers = np.array([*ls], np.int64)
    y, x = np.mgrid[:6, :8]
    data = np.floor(50 + 5 * x + 3 * y + numbers[:, None, None])
    data[:, 3], data[:, :, 4], data[:, 1, 6] = 0, 0, 0
    limits = {"x_min": -4.0, "x_max": 4.0, "x_bin": 8.0, "y_min": -3.0, "y_max": 3.0, "y_bin": 6.0}
    return _arrays(numbers, run, data, {"me": CLUSTERS, "me_id": 100} | limits | changed)


def together(*several: Arrays) -> Arrays:
    """Rows after each other."""
    return {name: np.concatenate([one[name] for one in several]) for name in several[0]}


def _arrays(numbers: Any, run: int, data: Any, values: dict[str, Any]) -> Arrays:
    many = {name: np.array([value] * len(numbers)) for name, value in values.items()}
    entries = data.sum(axis=tuple(range(1, data.ndim))).astype(np.int64)
    keys = {
        "dataset": np.array([DATASET] * len(numbers), np.str_),
        "run_number": np.full(len(numbers), run),
        "ls_number": numbers,
    }
    return keys | many | {"entries": entries, "data": data}
