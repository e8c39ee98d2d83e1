"""`to_pandas` of a resource: one call, whose frame takes over what was fetched."""

import tracemalloc
from typing import Any

import pandas as pd
import pytest
from cmsdials.filters import LumisectionHistogram2DFilters

from tests.overlay.conftest import Scripted
from tests.overlay.histogram_rows import page, th1, th2

BINS = 200
LARGE = [th2(at, x_bin=BINS, y_bin=BINS, data=[[float(at + 2)] * BINS] * BINS) for at in range(40)]


@pytest.mark.parametrize("cells", ["array", "list"])
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("h1d", [th1(1), th1(2)]),
        ("h2d", [th2(1), th2(2)]),
        ("h1d", [th1(1), th1(2, x_bin=1, data=[1.0])]),
        ("h2d", []),
    ],
    ids=["1d", "2d", "binnings", "empty"],
)
def test_the_frame_is_that_of_list_all(service: Scripted, name: str, rows: list[Any], cells: Any) -> None:
    service.will_answer(page(*rows, next=None), page(*rows, next=None))
    resource = getattr(service.dials, name)
    frame = resource.to_pandas(cells=cells)
    pd.testing.assert_frame_equal(frame, resource.list_all().to_pandas(cells=cells))
    for cell in frame["data"]:
        cell[0] = -1.0 if name == "h1d" else [-1.0] * 3
    assert all(cell[0] == -1.0 if name == "h1d" else [*cell[0]] == [-1.0] * 3 for cell in frame["data"])


def test_the_contents_are_in_memory_once(service: Scripted) -> None:
    service.will_answer(page(*LARGE, next=None))
    service.dials.h2d.to_pandas()  # loads what it needs
    size = 8 * BINS * BINS * len(LARGE)

    def kept(make: Any) -> int:
        service.will_answer(page(*LARGE, next=None))
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            frame = make()
            assert len(frame) == len(LARGE)
            return tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()

    wanted = LumisectionHistogram2DFilters(page_size=len(LARGE))
    one_call = kept(lambda: service.dials.h2d.to_pandas(wanted))
    result = []

    def two_calls() -> pd.DataFrame:
        result.append(service.dials.h2d.list_all(wanted))
        return result[0].to_pandas()

    assert one_call < 1.5 * size
    assert kept(two_calls) > 1.9 * size
