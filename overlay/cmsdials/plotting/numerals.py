"""Numbers in the words of plots."""

from __future__ import annotations

import numpy as np

__all__ = ["short", "with_error"]


def short(number: float, size: float = 0.0) -> str:
    """Return a number with four digits of itself or of a larger size, or all digits before its point."""
    size = max(abs(number), np.nan_to_num(size))
    if not size:
        return "0"
    power = int(np.floor(np.log10(size)))
    if -3 <= power < 6:
        after = max(3 - power, 0)
        return f"{round(number, after) + 0.0:.{after}f}"  # 0.0 for -0.0
    digits, _, exponent = f"{number:.3e}".partition("e")
    return f"{digits}e{int(exponent)}"


def with_error(number: float, error: float) -> str:
    """Return a number and its uncertainty, both down to the second digit of this; the number alone if there is none."""
    if not error > 0 or not np.isfinite(error):
        return short(number)
    after = max(1 - int(np.floor(np.log10(error))), 0)
    if after > 6 or max(abs(number), error) >= 1e6:
        return f"{short(number)} \N{PLUS-MINUS SIGN} {short(error)}"
    return f"{round(number, after) + 0.0:.{after}f} \N{PLUS-MINUS SIGN} {error:.{after}f}"
