"""Listings that stream: page by page and row by row, and on after an error."""

import os
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cmsdials.errors import BadRequestError, PaginationError
from cmsdials.filters import RunFilters
from cmsdials.resources import RunResource

from .conftest import Scripted, run_row


@pytest.fixture
def run(service: Scripted) -> RunResource:
    return RunResource(service.session)


def test_pages_come_one_by_one(service: Scripted, run: RunResource) -> None:
    service.will_page([run_row(n) for n in range(5)], 2)
    pages = run.pages(RunFilters(page_size=2))
    assert service.asked == []
    assert [row.run_number for row in next(pages).rows] == [0, 1]
    assert (len(service.asked), pages.pages, pages.rows, pages.complete) == (1, 1, 2, False)
    assert [[row.run_number for row in page.rows] for page in pages] == [[2, 3], [4]]
    assert (pages.complete, pages.next) == (True, None)
    assert list(pages) == []
    assert "3 pages, 5 rows of run, complete" in repr(pages)


def test_rows_come_one_by_one(service: Scripted, run: RunResource) -> None:
    service.will_page([run_row(n) for n in range(5)], 2)
    rows = run.iterate(RunFilters(page_size=2))
    assert next(rows).run_number == 0
    assert next(rows).run_number == 1
    assert len(service.asked) == 1
    assert [row.run_number for row in rows] == [2, 3, 4]
    assert list(rows) == []


def test_an_empty_page_in_the_middle_does_not_end_it(service: Scripted, run: RunResource) -> None:
    service.will_answer({"next": "http://x/?next_token=a", "previous": None, "results": []})
    service.will_page([run_row(1)], 2)
    assert [row.run_number for row in run.iterate()] == [1]


@pytest.mark.parametrize("way", ["pages", "iterate"])
def test_after_an_error_the_same_page_is_asked_for_again(
    service: Scripted, run: RunResource, way: str
) -> None:
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


def test_a_cursor_that_repeats_raises(service: Scripted, run: RunResource) -> None:
    looping = {"next": "http://x/?next_token=a", "previous": None, "results": [run_row(1)]}
    service.will_answer(looping, looping)
    with pytest.raises(PaginationError):
        list(run.pages())


def test_max_pages(service: Scripted, run: RunResource) -> None:
    service.will_page([run_row(n) for n in range(50)], 10)
    assert len(list(run.iterate(max_pages=2))) == 20
    assert len(service.asked) == 2


def test_a_gateway_timeout_is_not_repeated_but_cut_in_two(service: Scripted, run: RunResource) -> None:
    late = httpx.Response(504, html="<h1>504 Gateway Time-out</h1>")
    service.will_answer(late, late)
    service.will_page([run_row(n) for n in range(12)], 2)
    assert len(list(run.iterate())) == 12
    assert [query["page_size"] for query in service.queries] == ["500", "250", *["125"] * 4, "250", "250"]
    assert service.waits == []


# --- being told to stop


def stop_at_the_second_request(service: Scripted, stop: Callable[[], None]) -> None:
    stops = [stop]

    def answer(request: httpx.Request) -> httpx.Response:
        if len(service.asked) == 1 and stops:
            stops.pop()()
        return service._answer(request)

    service.session._pool.client()._transport = httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("stop", "name"),
    [
        (lambda: signal.raise_signal(signal.SIGINT), "KeyboardInterrupt"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "Terminated"),
    ],
)
def test_what_has_come_is_kept_when_told_to_stop(
    service: Scripted, run: RunResource, stop: Callable[[], None], name: str
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


def test_ctrl_c_passes_where_nothing_is_to_be_kept(service: Scripted, run: RunResource) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    stop_at_the_second_request(service, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run.list_all(RunFilters(page_size=2))


def test_a_handler_of_the_application_is_left_alone(service: Scripted, run: RunResource) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        service.will_page([run_row(1)], 2)
        os.kill(os.getpid(), signal.SIGTERM)
        run.list_all(keep_failed=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]
