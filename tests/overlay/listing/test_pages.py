"""Listings that stream: page by page and row by row, and on after an error."""

import gc
import inspect
import itertools
import os
import signal
import sys
import threading
import tracemalloc
import types
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
from cmsdials.errors import BadRequestError, ConfigurationError, PaginationError, RequestTimeoutError
from cmsdials.filters import RunFilters
from cmsdials.result import Rows, load

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1

PAGES = Path(inspect.getfile(Rows))


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


@pytest.mark.parametrize("change", ["sort", "clear", "junk", "of a row"])
def test_what_a_script_does_to_a_page_changes_nothing_about_the_next(
    service: Scripted, run: Any, change: str
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    came = []
    for page in run.pages(RunFilters(dataset_id=14677060, page_size=2)):
        came += [row.run_number for row in page.rows]
        match change:
            case "sort":
                page.rows.reverse()
            case "clear":
                page.rows.clear()
            case "junk":
                page.rows[-1] = "junk"
            case _:
                page.rows[-1].run_number = 10**9
    assert came == list(range(6))
    assert [one.get("run_number__gte") for one in service.queries] == [None, "1", "3"]


def test_rows_come_one_by_one(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(5)], 2)
    rows = run.iterate(RunFilters(page_size=2))
    assert next(rows).run_number == 0
    assert next(rows).run_number == 1
    assert len(service.asked) == 1
    assert [row.run_number for row in rows] == [2, 3, 4]
    assert list(rows) == []


def test_rows_that_come_one_by_one_keep_no_others_in_memory(service: Scripted) -> None:
    bins = 10_000
    contents = [number + 0.25 for number in range(bins)]
    page = [th1(number, x_bin=float(bins), data=contents) for number in range(1, 21)]
    service.will_answer(*[{"next": None, "previous": None, "results": page}] * 2)
    next(service.dials.h1d.iterate())  # what is made once is made
    tracemalloc.start()
    try:
        rows = service.dials.h1d.iterate()
        kept = [next(rows), next(rows)]
        del rows
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert [row.ls_number for row in kept] == [1, 2]
    assert len(kept) * bins * 8 <= held < 4 * bins * 8, "two rows of the twenty"


def stepping(then: Callable[[], object], *, at: int, event: str, within: Path) -> Callable[..., Any]:
    """Return what, as a trace function, does something at the so manyth step within a file or folder, once."""
    steps = itertools.count(1)

    def trace(frame: FrameType, what: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(str(within)):
            return None
        frame.f_trace_opcodes = event == "opcode"
        if what == event and next(steps) == at:
            reached.append(at)
            then()
        return trace

    reached: list[int] = []
    trace.reached = reached  # type: ignore[attr-defined]
    return trace


def interrupt() -> None:
    raise KeyboardInterrupt


class TwoByTwo(Scripted):
    """A service with three runs, whatever page is asked for, and however often."""

    def _answer(self, request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("next_token", 0))
        link = f"http://dials.test/?next_token={start + 2}" if start < 2 else None
        rows = [run_row(number) for number in range(start, min(start + 2, 3))]
        return httpx.Response(200, json={"next": link, "previous": None, "results": rows})


def test_after_a_ctrl_c_anywhere_rows_go_on_with_those_that_have_not_come() -> None:
    tracing = sys.gettrace()
    lost = []
    run = TwoByTwo().dials.run
    for instruction in itertools.count(1):
        rows = run.iterate()
        got: list[int] = []
        trace: Any = stepping(interrupt, at=instruction, event="opcode", within=PAGES)
        sys.settrace(trace)
        try:
            got.extend(row.run_number for row in rows)
        except KeyboardInterrupt:
            sys.settrace(tracing)
            got.extend(row.run_number for row in rows)
        finally:
            sys.settrace(tracing)
        assert got == sorted(set(got)), instruction
        lost.append(3 - len(got))
        if not trace.reached:
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


# --- stopping


def stop_at_the_second_request(service: Scripted, stop: Callable[[], None]) -> None:
    def stopped(_: httpx.Request) -> httpx.Response:
        stop()
        message = "whoever asked has stopped"
        raise httpx.ReadError(message)

    service.answers.insert(1, stopped)


@pytest.mark.parametrize(
    ("stop", "name"),
    [
        (lambda: signal.raise_signal(signal.SIGINT), "KeyboardInterrupt"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "Terminated"),
    ],
)
def test_what_has_come_is_kept_when_a_signal_comes(
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


def stopped_at(path: Path, number: signal.Signals, step: int) -> tuple[Any, bool]:
    """List six runs two by two, with a signal at a step; return the result, if there is one, and whether it came."""

    def send() -> None:
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_DFL:
            signal.raise_signal(number)

    service = Scripted()
    service.will_page([run_row(n) for n in range(6)], 2)
    trace: Any = stepping(send, at=step, event="line", within=PAGES.parent)
    partial, tracing = None, sys.gettrace()
    sys.settrace(trace)
    try:
        partial = service.dials.run.list_all(RunFilters(page_size=2), keep_failed=True, checkpoint=path)
    except KeyboardInterrupt:
        pass  # before the first page was asked for, or when all was done
    finally:
        sys.settrace(tracing)
    return partial, bool(trace.reached)


def resumed_from(came: int, **options: Any) -> list[int]:
    service = Scripted()
    service.will_page([run_row(n) for n in range(6)], 2)
    del service.answers[: came // 2]
    return [row.run_number for row in service.dials.run.list_all(RunFilters(page_size=2), **options)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.filterwarnings(
    "ignore:.*rows of run",
    "ignore:resume_from is complete",
    "ignore::pytest.PytestUnraisableExceptionWarning",  # a file that Python closes, where the next line would have
)
def test_a_signal_between_two_lines(number: signal.Signals, tmp_path: Path) -> None:
    """Wherever a signal comes, rows and cursor of the result agree, and so do those of the file."""
    name = {signal.SIGINT: "KeyboardInterrupt", signal.SIGTERM: "Terminated"}[number]
    seen = set()
    for step in itertools.count(1, 5):
        path = tmp_path / f"{step}.dials"
        partial, has_come = stopped_at(path, number, step)
        if not has_come:
            break
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        kept = [row.run_number for row in load(path)] if path.exists() and path.stat().st_size else []
        assert kept == list(range(len(kept)))
        if partial is not None:
            came = [row.run_number for row in partial]
            seen.add((len(came), len(kept), partial.exc_type))
            assert partial.exc_type in (None, name)
            assert came == list(range(len(came)))
            assert partial.complete is (partial.next is None and len(came) == 6)
            assert len(kept) in (len(came), len(came) + 2)
            assert resumed_from(len(came), resume_from=partial) == list(range(6))
            if kept:
                assert resumed_from(len(kept), resume_from=partial, checkpoint=path) == list(range(6))
        assert resumed_from(len(kept), resume_from=path, checkpoint=path) == list(range(6))
        assert [row.run_number for row in load(path)] == list(range(6))
    assert {(0, 0, name), (0, 2, name), (2, 2, name), (2, 4, name), (4, 4, name), (6, 6, name)} <= seen


@pytest.fixture
def at_the_end(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What is done when the progress bar closes, which is after the last row and before the result."""
    todo: list[Callable[[], object]] = []

    class Bar:
        def __init__(self, **_: Any) -> None:
            pass

        total: int | None = None

        def update(self, _: int) -> None:
            pass

        def refresh(self) -> None:
            pass

        def set_postfix_str(self, *_: Any, **__: Any) -> None:
            pass

        def close(self) -> None:
            for one in todo:
                one()

    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return todo


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.filterwarnings("ignore:.*rows of run")
def test_a_signal_when_all_rows_have_come(
    service: Scripted, run: Any, number: signal.Signals, at_the_end: list[Any]
) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[1:1] = [httpx.Response(200, json={"count": 4})]  # for the bar
    at_the_end.append(lambda: signal.raise_signal(number))
    result = run.list_all(RunFilters(page_size=2), keep_failed=True, enable_progress=True)
    assert (len(result), result.complete) == (4, True)
    assert result.exc_type in ("KeyboardInterrupt", "Terminated")


def test_a_second_sigterm_ends_the_process(service: Scripted, run: Any, at_the_end: list[Any]) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    stop_at_the_second_request(service, lambda: os.kill(os.getpid(), signal.SIGTERM))
    then: list[Any] = []
    at_the_end.append(lambda: then.append(signal.getsignal(signal.SIGTERM)))
    with pytest.warns(RuntimeWarning, match="stopped by Terminated"):
        run.list_all(RunFilters(page_size=2), keep_failed=True, enable_progress=True)
    assert then == [signal.SIG_DFL], "while the first one is still being handled"


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
def test_two_threads_do_not_take_from_one_listing_at_a_time(service: Scripted, run: Any, way: str) -> None:
    walk = getattr(run, way)(RunFilters(page_size=2))
    refused: list[str] = []

    def take() -> None:
        try:
            next(walk)
        except ConfigurationError as error:
            refused.append(str(error))

    def meanwhile(answer: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
        def answered(_: httpx.Request) -> httpx.Response:
            other = threading.Thread(target=take)
            other.start()
            other.join()
            return answer

        return answered

    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[0] = meanwhile(service.answers[0])  # type: ignore[arg-type]
    first = next(walk)
    what = {"iterate": "rows", "pages": "pages"}[way]
    (said,) = refused
    assert said.startswith(
        f"another thread takes {what} of this listing at this moment, and there can be only one"
    )
    taken = [first, *walk]
    rows = taken if way == "iterate" else [row for page in taken for row in page.rows]
    assert [row.run_number for row in rows] == [0, 1, 2, 3]


def test_another_thread_may_go_on_after_an_error(service: Scripted, run: Any) -> None:
    service.will_answer({"detail": "no"}, status=400)
    service.will_page([run_row(1)], 2)
    rows = run.iterate()
    with pytest.raises(BadRequestError):
        next(rows)
    taken: list[Any] = []
    other = threading.Thread(target=lambda: taken.extend(rows))
    other.start()
    other.join()
    assert [row.run_number for row in taken] == [1]


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


@pytest.mark.parametrize("link", ["http://x/?page_size=3", "http://x/?next_token=c2"])
def test_a_page_that_does_not_follow_is_not_kept(
    service: Scripted, run: Any, link: str, tmp_path: Path
) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[1] = httpx.Response(200, json={"next": link, "previous": None, "results": [run_row(9)]})
    path = tmp_path / "runs.dials"
    with pytest.raises(PaginationError, match=r"page 2 links"):
        run.list_all(RunFilters(page_size=2), checkpoint=path)
    assert [row.run_number for row in load(path)] == [0, 1]
