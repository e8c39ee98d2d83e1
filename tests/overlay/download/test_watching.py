"""What a download says of itself while it runs."""

import logging

import pytest
from cmsdials.download.manifest import FAILED, FINISHED, Entry
from cmsdials.download.plan import Partition
from cmsdials.download.watching import Watched
from cmsdials.runtime.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(size: int, status: str = FINISHED) -> Entry:
    return Entry(partition=Partition("/A/B/C", 1, 1, 2, {1: 1}), status=status, bytes=size)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [one.getMessage() for one in caplog.records]
    caplog.clear()
    return said


def test_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cmsdials.download")
    clock = Clock()
    watched = Watched(Progress(), 1000, 4, now=clock)
    for seconds, rows in ((0, 10), (59, 40), (1, 50), (30, 50)):
        clock.now += seconds
        watched.came(rows)
    assert lines(caplog) == ["100 of at most 1000 rows, 0 of 4 files, 0.0 MB, about 9 min left"]
    watched.done(entry(2_500_000))
    clock.now += 40
    watched.done(entry(0, FAILED))
    assert lines(caplog) == ["150 of at most 1000 rows, 2 of 4 files, 2.5 MB, about 12 min left"]
    watched.came(800)
    watched.done(entry(1))
    watched.done(entry(1))
    assert lines(caplog) == ["950 of at most 1000 rows, 4 of 4 files, 2.5 MB"]


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(60, "1 min"), (6_000, "100 min"), (7_200, "2 h"), (90_000, "25 h"), (400_000, "5 days")],
)
def test_the_time_that_is_left(seconds: int, left: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cmsdials.download")
    clock = Clock()
    watched = Watched(Progress(), 2, 2, now=clock)
    clock.now += seconds
    watched.came(1)
    assert lines(caplog) == [f"1 of at most 2 rows, 0 of 2 files, 0.0 MB, about {left} left"]


def test_nothing_is_divided_by_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cmsdials.download")
    clock = Clock()
    watched = Watched(Progress(), 0, 1, now=clock)
    clock.now += 61
    watched.came(0)
    watched.came(5)
    assert lines(caplog) == ["0 of at most 0 rows, 0 of 1 files, 0.0 MB"]


class Bar:
    """A bar as tqdm has it."""

    total: int | None = None

    def __init__(self) -> None:
        self.n = 0
        self.said = ""

    def set_postfix_str(self, said: str, **_: bool) -> None:
        self.said = said

    def update(self, n: int) -> None:
        self.n += n


def test_the_bar_ends_with_the_last_file() -> None:
    bar = Bar()
    watched = Watched(Progress(bar), 100, 1)
    watched.came(100)
    assert (bar.n, bar.said) == (100, "0 of 1 files, 0.0 MB")
    watched.done(entry(2_500_000))
    assert (bar.n, bar.said) == (100, "1 of 1 files, 2.5 MB")
