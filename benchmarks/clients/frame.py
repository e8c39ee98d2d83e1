"""The contents of a DataFrame of histograms, whatever its cells are made of."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from benchmarks.clients.task import Contents, Measurement

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KEYS", "data_checksum", "measured_frame"]

KEYS = ("run_number", "ls_number", "me_id")


def data_checksum(before: int, data: Any) -> int:
    """Continue a checksum over the bins of a histogram: an array, a list, or a list of either."""
    import numpy as np  # noqa: PLC0415  # needed only if something is fetched

    return zlib.crc32(np.ascontiguousarray(np.asarray(data, dtype=np.float64)).tobytes(), before)


def measured_frame(frame: pd.DataFrame) -> Measurement:
    """Return a measurement with the contents of a frame."""
    data = 0
    for cell in frame["data"]:
        data = data_checksum(data, cell)
    keys = zlib.crc32(frame[list(KEYS)].to_numpy(dtype="int64").tobytes())
    return Measurement(contents=Contents(rows=len(frame), data=data, keys=keys))
