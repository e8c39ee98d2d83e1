"""Rows of histograms as the service sends them, for tests."""

from typing import Any


def th1(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A 1D histogram of 3 bins, as JSON."""
    row = {
        "dataset": "/Z/R-v1/DQMIO",
        "me": "P/charge",
        "dataset_id": 14677060,
        "file_id": 3393809397,
        "run_number": 367112,
        "ls_number": number,
        "me_id": 1,
        "x_min": 0.0,
        "x_max": 3.0,
        "x_bin": 3.0,
        "entries": number,
        "data": [number + 0.5, 1.0, 2.0],
    }
    return row | changes


def th2(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A 2D histogram of 3 x 2 bins, as JSON: two rows of three numbers."""
    limits = {"y_min": -1.0, "y_max": 1.0, "y_bin": 2, "data": [[float(number), 1.5, 2.0], [3.0, 4.0, 5.0]]}
    return th1(number) | limits | changes


def page(*rows: Any, **changes: Any) -> dict[str, Any]:
    """A page of them, as JSON."""
    return {"next": "http://x/?next_token=a", "previous": None, "results": [*rows]} | changes
