"""Listings that stream: page by page and row by row, and on after an error."""

import itertools
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import numpy as np
import pytest
from cmsdials.errors import BadRequestError, ConfigurationError, PaginationError, RequestTimeoutError
from cmsdials.filters import RunFilters
from cmsdials.http.session import Session
from cmsdials.listing import pages as pages_module
from cmsdials.listing.checkpoint import CheckpointFile
from cmsdials.listing.page import Page
from cmsdials.listing.pages import Pages, Rows
from cmsdials.listing.pagination import Listing
from cmsdials.listing.provenance import Origin
from cmsdials.models import LumisectionHistogram1D, Run
from cmsdials.result import load
from cmsdials.runtime.interrupts import Terminated, sigterm_raises
from cmsdials.runtime.progress import Progress
from cmsdials.table.columns import _Row, from_objects
from cmsdials.table.rows import RowStore
from cmsdials_api.records import row_of

from tests.overlay.conftest import Scripted, dials_over, run_row
from tests.overlay.histogram_rows import th1

ORIGIN = Origin(resource="run", base_url="http://dials.test/", workspace=None, query={})


@pytest.fixture
def run(service: Scripted) -> Any:
    return service.dials.run


def test_pages_come_one_by_one(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(5)], 2)
    pages = run.pages(RunFilters(page_size=2))
    assert service.asked == []
    assert [row.run_number for row in next(pages).rows] == [0, 1]
    assert (len(service.asked), pages.pages, pages.rows, pages.complete) == (1, 1, 2, False)
    assert [[row.run_number for row in page.rows] for page in pages] == [[2, 3], [4]]
    assert (pages.complete, pages.next) == (True, None)
    assert list(pages) == []
    assert "3 pages, 5 rows of run, complete" in repr(pages)


def test_rows_come_one_by_one(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(5)], 2)
    rows = run.iterate(RunFilters(page_size=2))
    assert next(rows).run_number == 0
    assert next(rows).run_number == 1
    assert len(service.asked) == 1
    assert [row.run_number for row in rows] == [2, 3, 4]
    assert list(rows) == []


def test_rows_that_come_one_by_one_keep_no_others_in_memory(service: Scripted) -> None:
    service.will_answer({"next": None, "previous": None, "results": [th1(n) for n in (1, 2, 3)]})
    rows = service.dials.h1d.iterate()
    first, second = next(rows), next(rows)
    latest = rows.pages.latest
    assert latest is not None
    (block,) = latest.blocks()
    made_of = row_of(second)
    assert isinstance(made_of, _Row)
    assert len(made_of.columns) == 1
    assert not np.shares_memory(made_of.columns.values["data"], block.values["data"])
    assert [first, second, next(rows)] == [LumisectionHistogram1D.from_dict(th1(n)) for n in (1, 2, 3)]


class Interrupting:
    """Raises KeyboardInterrupt before one of the instructions of `cmsdials.listing.pages`, and never again."""

    def __init__(self, instruction: int) -> None:
        self.left = instruction

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != pages_module.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def runs_two_by_two(request: httpx.Request) -> httpx.Response:
    """A service with five runs, whatever page is asked for, and however often."""
    start = int(request.url.params.get("next_token", 0))
    link = f"http://dials.test/?next_token={start + 2}" if start < 4 else None
    rows = [run_row(number) for number in range(start, min(start + 2, 5))]
    return httpx.Response(200, json={"next": link, "previous": None, "results": rows})


def test_after_a_ctrl_c_anywhere_rows_go_on_with_those_that_have_not_come() -> None:
    tracing = sys.gettrace()
    lost = []
    for instruction in itertools.count(1):
        session = Session("http://dials.test/", None, transport=httpx.MockTransport(runs_two_by_two))
        rows = dials_over(session).run.iterate()
        got: list[int] = []
        interrupting = Interrupting(instruction)
        sys.settrace(interrupting)
        try:
            got.extend(row.run_number for row in rows)
        except KeyboardInterrupt:
            sys.settrace(tracing)
            got.extend(row.run_number for row in rows)
        finally:
            sys.settrace(tracing)
        assert got == sorted(set(got)), instruction
        lost.append(5 - len(got))
        if interrupting.left > 0:
            break
    assert len(lost) > 100
    assert max(lost) <= 1, "the row that was being handed over, and no page"


def test_an_empty_page_in_the_middle_does_not_end_it(service: Scripted, run: Any) -> None:
    service.will_answer({"next": "http://x/?next_token=a", "previous": None, "results": []})
    service.will_page([run_row(1)], 2)
    assert [row.run_number for row in run.iterate()] == [1]


@pytest.mark.parametrize("way", ["pages", "iterate"])
def test_after_an_error_the_same_page_is_asked_for_again(service: Scripted, run: Any, way: str) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers.insert(1, httpx.Response(400, json={"detail": "x"}))
    walk: Any = getattr(run, way)(RunFilters(page_size=2))
    seen: list[int] = []

    def go() -> None:
        for item in walk:
            seen.extend(row.run_number for row in (item.rows if way == "pages" else [item]))

    with pytest.raises(BadRequestError):
        go()
    assert seen == [0, 1]
    go()
    assert seen == [0, 1, 2, 3]


def test_a_cursor_that_repeats_raises(service: Scripted, run: Any) -> None:
    looping = {"next": "http://x/?next_token=a", "previous": None, "results": [run_row(1)]}
    service.will_answer(looping, looping)
    with pytest.raises(PaginationError):
        list(run.pages())


def test_max_pages(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(50)], 10)
    assert len(list(run.iterate(max_pages=2))) == 20
    assert len(service.asked) == 2


def test_a_gateway_timeout_is_not_repeated_but_cut_in_two(service: Scripted, run: Any) -> None:
    late = httpx.Response(504, html="<h1>504 Gateway Time-out</h1>")
    service.will_answer(late, late)
    service.will_page([run_row(n) for n in range(12)], 2)
    assert len(list(run.iterate())) == 12
    assert [query["page_size"] for query in service.queries] == ["500", "250", *["125"] * 4, "250", "250"]
    assert service.waits == []


@pytest.mark.parametrize(
    ("error", "sizes"),
    [
        (httpx.ReadTimeout("late"), ["500", "250", "125"]),
        (httpx.ConnectTimeout("late"), ["500", "500", "500"]),
        (httpx.ReadError("cut"), ["500", "500", "500"]),
        (httpx.Response(503, html="<h1>503</h1>"), ["500", "500", "500"]),
        (httpx.Response(502, html="<h1>502</h1>"), ["500", "250", "125"]),
    ],
    ids=["read timeout", "connect timeout", "break", "503", "502"],
)
def test_only_what_is_too_slow_is_cut_in_two(
    service: Scripted, run: Any, error: Any, sizes: list[str]
) -> None:
    service.will_answer(error, error)
    service.will_page([run_row(1)], 2)
    assert len(list(run.iterate(retries=2))) == 1
    assert [query["page_size"] for query in service.queries] == sizes


def test_what_is_too_slow_as_a_single_row_has_its_retries(service: Scripted, run: Any) -> None:
    service.will_answer(*[httpx.ReadTimeout("late")] * 12)
    with pytest.raises(RequestTimeoutError) as caught:
        list(run.iterate(retries=2))
    assert [query["page_size"] for query in service.queries][-4:] == ["3", "1", "1", "1"]
    assert caught.value.attempts == len(service.asked) == 11


def test_a_page_that_does_not_follow_says_what_was_asked(service: Scripted, run: Any) -> None:
    service.will_answer({"next": "http://[x/?next_token=a", "previous": None, "results": []})
    with pytest.raises(
        PaginationError, match=r"^GET http://dials\.test/api/v1/run/\S+: page 1 links"
    ) as caught:
        list(run.pages())
    assert caught.value.attempts == 1


def test_retries_are_checked_at_once(run: Any) -> None:
    with pytest.raises(ConfigurationError, match="retries must be"):
        run.pages(retries=-1)


# --- being told to stop


def stop_at_the_second_request(service: Scripted, stop: Callable[[], None]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        stop()
        message = "whoever asked has stopped"
        raise httpx.ReadError(message)

    service.answers.insert(1, answer)


@pytest.mark.parametrize(
    ("stop", "name"),
    [
        (lambda: signal.raise_signal(signal.SIGINT), "KeyboardInterrupt"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "Terminated"),
    ],
)
def test_what_has_come_is_kept_when_told_to_stop(
    service: Scripted, run: Any, stop: Callable[[], None], name: str
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    stop_at_the_second_request(service, stop)
    with pytest.warns(RuntimeWarning, match=f"2 rows of run: stopped by {name}"):
        partial = run.list_all(RunFilters(page_size=2), keep_failed=True)
    assert [row.run_number for row in partial.results] == [0, 1]
    assert partial.exc_type == name
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    whole = run.list_all(RunFilters(page_size=2), resume_from=partial)
    assert [row.run_number for row in whole.results] == list(range(6))


@pytest.mark.parametrize("when", ["keep", "accept", "update", "close"])
@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.filterwarnings("ignore:.*rows of run")
def test_told_to_stop_between_two_instructions(
    service: Scripted,
    run: Any,
    when: str,
    at: int,
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wherever a signal comes, rows and cursor of the result agree, and so do those of the file."""
    owner, name = {
        "keep": (CheckpointFile, "append"),  # kept and not counted
        "accept": (Listing, "accept"),  # counted, and not handed on
        "update": (Progress, "update"),
        "close": (Progress, "close"),  # all rows have come
    }[when]
    calls: list[int] = []
    real: Any = getattr(owner, name)

    def then_stop(*arguments: Any) -> None:
        real(*arguments)
        calls.append(1)
        if len(calls) == (1 if when == "close" else at):
            signal.raise_signal(number)

    path = tmp_path / "runs.dials"
    rows = [run_row(n) for n in range(6)]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, then_stop)
        service.will_page(rows, 2)
        partial = run.list_all(RunFilters(page_size=2), keep_failed=True, checkpoint=path)
    assert partial.exc_type == {signal.SIGINT: "KeyboardInterrupt", signal.SIGTERM: "Terminated"}[number]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    came = len(partial)
    assert [row.run_number for row in partial] == list(range(came))
    assert partial.complete is (partial.next is None and came == 6)
    kept = load(path)
    assert len(kept) == came + (2 if when == "keep" else 0)
    if not partial.complete:
        service.answers.clear()
        service.will_page(rows, 2)
        del service.answers[: came // 2]
        assert [row.run_number for row in run.list_all(resume_from=partial)] == list(range(6))
        service.answers.clear()
        service.will_page(rows, 2)
        del service.answers[: len(kept) // 2]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="resume_from is complete")
            both = run.list_all(resume_from=partial, checkpoint=path)
        assert [row.run_number for row in both] == list(range(6))
    assert [row.run_number for row in load(path)] == list(range(6))


def test_a_second_sigterm_ends_the_process() -> None:
    then: list[Any] = []

    def told_to_stop() -> None:
        with sigterm_raises():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                then.append(signal.getsignal(signal.SIGTERM))

    with pytest.raises(Terminated):
        told_to_stop()
    assert then == [signal.SIG_DFL]


def test_ctrl_c_passes_where_nothing_is_to_be_kept(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    stop_at_the_second_request(service, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run.list_all(RunFilters(page_size=2))


def test_a_handler_of_the_application_is_left_alone(service: Scripted, run: Any) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        service.will_page([run_row(1)], 2)
        os.kill(os.getpid(), signal.SIGTERM)
        run.list_all(keep_failed=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]


@pytest.mark.parametrize("way", ["pages", "iterate"])
def test_a_block_closes_what_is_fetched_ahead(service: Scripted, run: Any, way: str) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    closed: list[int] = []
    with getattr(run, way)(RunFilters(page_size=2)) as walk:
        (walk if way == "pages" else walk.pages)._close = lambda: closed.append(1)
        next(walk)
    assert closed == [1]


def test_two_threads_do_not_take_pages_at_a_time(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    pages = run.pages(RunFilters(page_size=2))
    refused: list[Exception] = []
    fetch = pages._fetch

    def meanwhile(*asked: Any) -> Any:
        other = threading.Thread(target=take)
        other.start()
        other.join()
        return fetch(*asked)

    def take() -> None:
        try:
            next(pages)
        except ConfigurationError as error:
            refused.append(error)

    pages._fetch = meanwhile
    assert [row.run_number for row in next(pages).rows] == [0, 1]
    (error,) = refused
    assert "another thread takes pages" in str(error)
    pages._fetch = fetch
    assert [[row.run_number for row in page.rows] for page in pages] == [[2, 3]]


def test_threads_may_take_pages_one_after_the_other(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    pages = run.pages(RunFilters(page_size=2))
    taken: list[list[int]] = []

    def take() -> None:
        taken.append([row.run_number for row in next(pages).rows])

    take()
    other = threading.Thread(target=take)
    other.start()
    other.join()
    take()
    assert taken == [[0, 1], [2, 3], [4, 5]]


def test_a_page_that_does_not_follow_is_not_kept(service: Scripted, run: Any, tmp_path: Path) -> None:
    good = {"next": "http://x/?next_token=b", "previous": None, "results": [run_row(1)]}
    service.will_answer(good, {"next": "http://x/?page_size=3", "previous": None, "results": [run_row(2)]})
    with pytest.raises(PaginationError, match="without a cursor"):
        run.list_all(checkpoint=tmp_path / "runs")
    assert [row.run_number for row in load(tmp_path / "runs")] == [1]


def test_rows_of_a_page_of_several_blocks_come_one_by_one() -> None:
    blocks = [from_objects(Run, [run_row(n) for n in numbers]) for numbers in ((), (1, 2), (), (3,))]
    pages = Pages(
        lambda *_: Page(RowStore(Run, blocks), None, None), Listing(page_size=None, max_pages=None), ORIGIN
    )
    assert [row.run_number for row in Rows(pages)] == [1, 2, 3]


def test_two_threads_do_not_take_rows_at_a_time(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    rows = run.iterate(RunFilters(page_size=2))
    refused: list[Exception] = []

    def take() -> None:
        try:
            next(rows)
        except ConfigurationError as error:
            refused.append(error)

    class Meanwhile:
        """Lets another thread ask for a row while one is being taken."""

        def __init__(self, walk: Any) -> None:
            self.store, self._walk = walk.store, walk

        def next(self) -> Any:
            other = threading.Thread(target=take)
            other.start()
            other.join()
            return self._walk.next()

    assert next(rows).run_number == 0
    rows._walk = Meanwhile(rows._walk)
    assert next(rows).run_number == 1
    (error,) = refused
    assert "another thread takes rows" in str(error)
    assert [row.run_number for row in rows] == [2, 3]
