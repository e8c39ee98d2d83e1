"""Histogram contents: the counts of each bin, computed on request instead of stored.

A million histograms of 72 x 130 bins would fill a disk; a key and a seed take no space.  The counts are whole numbers
with Poisson-like noise and add up to exactly `entries`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cmsdials_sandbox.mes import MonitoringElement
from cmsdials_sandbox.mixing import mixed_keys, normals
from cmsdials_sandbox.shapes import density

Floats = npt.NDArray[np.float64]
Key = tuple[int, int, int, int]

# Bins processed at once, so that the arrays of a step stay in the processor's cache.
_BINS_AT_ONCE = 250_000


def counts(me: MonitoringElement, keys: Sequence[Key], entries: Sequence[int], seed: int) -> Floats:
    """Contents of histograms of one ME, (n, x) or (n, y, x).

    `keys` are (dataset_id, run_number, ls_number, me_id); each row depends only on its key, not on its neighbours.
    """
    flat = np.empty((len(keys), me.bins))
    step = max(1, _BINS_AT_ONCE // me.bins)
    for start in range(0, len(keys), step):
        part = slice(start, start + step)
        flat[part] = _counts(me, keys[part], entries[part], seed)
    return flat if me.y is None else flat.reshape(len(keys), me.y.bins, me.x.bins)


def _counts(me: MonitoringElement, keys: Sequence[Key], entries: Sequence[int], seed: int) -> Floats:
    words = mixed_keys(seed, np.array(keys, dtype=np.int64))
    total = np.array(entries, dtype=np.float64)[:, None]
    expected = np.stack([density(me, run_number, seed) for _, run_number, _, _ in keys]) * total
    noisy = np.maximum(expected + np.sqrt(expected) * normals(words, me.bins), 0.0)
    # If the noise leaves nothing (very few entries), the expected values are used.
    noisy = np.where(noisy.sum(axis=1, keepdims=True) > 0, noisy, expected)
    # Rounding the running sum instead of the bins keeps the total: each entry falls into one bin.
    running = np.cumsum(noisy, axis=1)
    running *= total / np.maximum(running[:, -1:], 1e-300)
    running += 0.25 + (words[:, None] >> np.uint64(32)) / 2.0**33
    np.floor(running, out=running)
    return np.diff(running, axis=1, prepend=0.0)
