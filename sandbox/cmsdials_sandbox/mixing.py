"""Pseudo-random numbers that depend only on a key: the same histogram at every start and in any page.

The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
It is counter-based, so a whole page of histograms is made at once, each independent of the others.
"""

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_STEP = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def mixed(*key: int) -> int:
    """Mix a key of integers into 64 bits."""
    word = 0
    for part in key:
        word = (word + part + _STEP) & _MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        word ^= word >> 31
    return word


def mixed_words(words: Words) -> Words:
    """Mix each word of an array in the same way."""
    word = words + np.uint64(_STEP)
    word ^= word >> np.uint64(30)
    word *= np.uint64(0xBF58476D1CE4E5B9)
    word ^= word >> np.uint64(27)
    word *= np.uint64(0x94D049BB133111EB)
    word ^= word >> np.uint64(31)
    return word


def mixed_keys(seed: int, keys: npt.NDArray[np.int64]) -> Words:
    """One word for each row of an (n, k) array of keys."""
    words = np.full(len(keys), mixed(seed), dtype=np.uint64)
    for column in keys.T:
        words = mixed_words(words + column.astype(np.uint64))
    return words


def normals(words: Words, bins: int) -> npt.NDArray[np.float64]:
    """(n, bins) numbers of mean 0 and width 1, from one word for each row.

    The sum of four uniform 16-bit numbers: close enough to a Gaussian for the noise of a bin, and it takes one mixing for each.
    """
    steps = np.arange(1, bins + 1, dtype=np.uint64) * np.uint64(_STEP)
    parts = mixed_words(words[:, None] + steps[None, :]).view(np.uint16).reshape(len(words), bins, 4)
    sums: npt.NDArray[np.float64] = parts.sum(axis=2, dtype=np.float64)
    # Four uniform numbers of variance 1/12 each.
    noise: npt.NDArray[np.float64] = (sums - 2.0 * 65535) * (3.0**0.5 / 65536)
    return noise
