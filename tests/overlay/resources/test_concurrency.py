"""Listings in parts: the same rows as page by page, to the byte; what can be asked for; how much is under way.

The sandboxes answer where rows are compared. Where requests are counted, a service of lumisections answers that is a
list in this process (`Lumisections`), so that threads can be held wherever a test wants them. What uneven listings
cost is in test_uneven.py.
"""

import io
import sys
import threading
import time
import types
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import (
    ConfigurationError,
    GatewayError,
    InvalidCursorError,
    SchemaError,
    WorkspaceNotFoundError,
)
from cmsdials.filters import (
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MLBadLumisectionFilters,
    RunFilters,
)
from cmsdials.parallel.workers import MOST_RESULTS_AHEAD
from cmsdials.result import load
from cmsdials_sandbox import Sandbox
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.resources.lumisections import (
    BOUND,
    ROWS,
    RUNS,
    Lumisections,
    all_gone,
    crew,
    cursor,
    dicts,
    of_session,
    serving,
)

# --- the same rows, to the byte


def to_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return sink.getvalue()


FEW_RUNS: list[dict[str, Any]] = [
    {"dataset_id": 14446401},
    {"dataset": "/ZeroBias/Run2022G-PromptReco-v1/DQMIO"},
    {"dataset_id": 14781912},
    {"dataset_id": 14781977},
    {"dataset": "/JetHT/Run2024F-PromptReco-v2/DQMIO"},
    {"dataset__regex": "Run2024F"},
    {"dataset__regex": "ZeroBias", "run_number__gte": 361333, "run_number__lte": 379060},
    {"dataset_id": 14677060, "run_number": 367112},
    {"dataset_id": 14677060, "run_number__lte": 379100},
    {"dataset_id": 14677060, "run_number__gte": 380000},
    {"run_number": 382921},
    {"run_number": 367112},
    {"run_number__gte": 360392, "run_number__lte": 360500},
    {"run_number__gte": 382914},
    {"run_number__lte": 360392},
    {"run_number": 367112, "run_number__gte": 367112},
    {"run_number": 360000},
    {"run_number__gte": 390000},
    {"run_number": 361020, "run_number__gte": 361021},
    {"dataset_id": 1},
    {"dataset_id": 14446401, "dataset": "/JetHT/Run2024F-PromptReco-v2/DQMIO"},
    {},
]
FEW_LUMISECTIONS: list[dict[str, Any]] = [
    {"ls_number": 10},
    {"ls_number": 1},
    {"ls_number": 999},
    {"ls_number__gte": 15, "ls_number__lte": 17},
    {"ls_number__gte": 3, "ls_number__lte": 12},
    {"ls_number__lte": 2},
    {"ls_number__lte": 9},
    {"ls_number__gte": 15},
    {"ls_number__gte": 105},
    {"ls_number": 9, "ls_number__gte": 10},
]
FEW_ELEMENTS: dict[str, list[dict[str, Any]]] = {
    "h1d": [
        {"me_id": 1},
        {"me_id": 999},
        {"me": "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_3"},
        {"me__regex": "charge_PXLayer_[12]"},
        {"me__regex": "nothing of that name"},
    ],
    "h2d": [
        {"me_id": 100},
        {"me": "EcalBarrel/EBOccupancyTask/EBOT digi occupancy"},
        {"me__regex": "EEOT digi occupancy EE \\+"},
    ],
}
FIELDS = [
    None,
    None,
    ["dataset_id", "run_number", "ls_number", "me_id"],
    ["run_number", "data"],
    ["me", "entries"],
    ["data"],
]
LUMI_FIELDS = [None, None, ["ls_number"], ["dataset", "th1_count"]]
FILTERS: dict[str, Any] = {
    "h1d": LumisectionHistogram1DFilters,
    "h2d": LumisectionHistogram2DFilters,
    "lumi": LumisectionFilters,
}


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[str] | None]:
    """A list, its filters and fields; of histograms so few that it does not take long."""
    name = draw(st.sampled_from(["h1d", "h1d", "h2d", "lumi"]))
    query: dict[str, Any] = dict(draw(st.sampled_from(FEW_RUNS)))
    if name == "lumi":
        query |= draw(st.sampled_from([{}, *FEW_LUMISECTIONS]))
        # 4273 lumisections in pages of 7 would be many pages.
        sizes = [20, 100, 500, None] if query.keys() - {"dataset", "dataset__regex"} else [500, None]
        fields = draw(st.sampled_from(LUMI_FIELDS))
    else:
        # Many MEs of one lumisection, or a few of many: a page of contents is what takes its time.
        elements = draw(st.sampled_from([*([{}] if name == "h1d" else []), *FEW_ELEMENTS[name]]))
        one_run = "run_number" in query and elements
        query |= elements | draw(st.sampled_from([*FEW_LUMISECTIONS, *[{}] * 4 * bool(one_run)]))
        query |= draw(st.sampled_from([*[{}] * 5, *[{"entries__gte": 100}] * 3, {"entries__gte": 10**9}]))
        sizes = [7, 30, 100, None]
        fields = draw(st.sampled_from(FIELDS))
    size = draw(st.sampled_from(sizes))
    return name, query if size is None else query | {"page_size": size}, fields


@pytest.mark.filterwarnings("ignore:no rows")
@given(case=queries(), concurrency=st.sampled_from([2, 3]), generation=st.sampled_from(["now", "v1.12"]))
def test_in_parts_it_is_the_same(
    now: Dials, v112: Dials, case: Any, concurrency: int, generation: str
) -> None:
    name, query, fields = case
    resource: Any = getattr(now if generation == "now" else v112, name)
    filters = FILTERS[name](**query)
    alone = resource.list_all(filters, fields=fields)
    together = resource.list_all(filters, fields=fields, concurrency=concurrency)
    assert to_bytes(together.to_arrow()) == to_bytes(alone.to_arrow())
    assert together.complete
    assert together.next is None


@pytest.mark.filterwarnings("ignore:no rows")
def test_the_queries_are_not_all_of_nothing(now: Dials) -> None:
    sizes = [len(now.lumi.list_all(LumisectionFilters(**query))) for query in FEW_RUNS]
    assert sum(size > 0 for size in sizes) >= 16
    assert sum(size == 0 for size in sizes) == 5


@pytest.mark.parametrize("conversion", ["to_pandas", "to_arrow", "to_polars", "to_numpy", "iterate", "pages"])
def test_every_way_to_all_rows(now: Dials, conversion: str) -> None:
    filters = LumisectionHistogram1DFilters(run_number=382921, ls_number__lte=30, me_id=2, page_size=20)
    alone, together = (
        getattr(now.h1d, conversion)(filters, concurrency=concurrency) for concurrency in (1, 3)
    )
    match conversion:
        case "to_pandas" | "to_polars":
            assert len(alone) == 60
            assert together.equals(alone) if conversion == "to_polars" else True
            assert [str(cell) for cell in together["data"]] == [str(cell) for cell in alone["data"]]
        case "to_arrow":
            assert to_bytes(together) == to_bytes(alone)
        case "to_numpy":
            assert together.keys() == alone.keys()
            assert all(np.array_equal(together[name], alone[name]) for name in alone)
            assert len(alone["data"]) == 60
        case "iterate":
            assert [row.dict() for row in together] == [row.dict() for row in alone]
        case "pages":
            rows, same = ([row.dict() for page in pages for row in page.rows] for pages in (alone, together))
            assert rows == same


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("run", RunFilters(page_size=7)),
        ("run", RunFilters(dataset__regex="2022")),
        ("file_index", FileIndexFilters(page_size=50, dataset_id=15042670)),
        ("ml_bad_lumis", MLBadLumisectionFilters(page_size=50)),
    ],
)
def test_resources_that_are_not_split_are_the_same(jetmet: Dials, name: str, filters: Any) -> None:
    resource: Any = getattr(jetmet, name)
    alone = resource.list_all(filters)
    together = resource.list_all(filters, concurrency=3)
    assert to_bytes(together.to_arrow()) == to_bytes(alone.to_arrow())
    assert together.complete


def test_a_wrong_workspace_is_one_request(sandbox_now: Sandbox) -> None:
    with Dials(Credentials(token=sandbox_now.secret), "nowhere", sandbox_now.url) as dials:
        with pytest.raises(WorkspaceNotFoundError, match="nowhere") as caught:
            dials.h1d.list_all(LumisectionHistogram1DFilters(run_number=382921), concurrency=3)
        assert caught.value.attempts == 1
        assert crew() == []


PAGE = 20
SIZE = LumisectionFilters(page_size=PAGE)


@pytest.fixture
def service(session_type: Any) -> Iterator[Lumisections]:
    with serving(session_type) as service:
        yield service


# --- arguments


@pytest.mark.parametrize("wrong", [0, -1, True, False, "3", 2.5, None, float("nan")])
@pytest.mark.parametrize(
    "way", ["list_all", "pages", "iterate", "to_pandas", "to_arrow", "to_polars", "to_numpy"]
)
def test_concurrency_that_cannot_be(service: Lumisections, wrong: Any, way: str) -> None:
    with pytest.raises(ConfigurationError, match="concurrency must be a whole number from 1 on, not"):
        getattr(service.lumi, way)(SIZE, concurrency=wrong)
    assert service.asked == []


def test_more_threads_than_can_be_of_any_use_are_refused(service: Lumisections) -> None:
    with pytest.raises(ConfigurationError, match=r"at most 100, not 2000000\. DIALS has 3 workers"):
        service.lumi.list_all(concurrency=2_000_000)
    assert not service.asked


def test_concurrency_may_be_a_number_of_numpy(service: Lumisections) -> None:
    assert dicts(service.lumi.list_all(SIZE, concurrency=np.int64(2))) == ROWS


def test_concurrency_goes_with_no_max_pages(service: Lumisections) -> None:
    with pytest.raises(ConfigurationError, match="max_pages and concurrency exclude each other"):
        service.lumi.list_all(SIZE, max_pages=3, concurrency=2)
    assert service.asked == []
    assert len(service.lumi.list_all(SIZE, max_pages=3, concurrency=1)) == 60


def test_concurrency_goes_with_no_order(service: Lumisections) -> None:
    with pytest.raises(ConfigurationError, match="order_by and concurrency exclude each other"):
        service.lumi.list_all(LumisectionFilters(order_by="-ls_number"), concurrency=2)
    assert service.asked == []
    assert dicts(service.lumi.list_all(LumisectionFilters(order_by="dataset_id"), concurrency=1)) == ROWS


def test_more_than_the_service_has_workers_is_a_warning_where_it_is_written(service: Lumisections) -> None:
    with pytest.warns(RuntimeWarning, match="DIALS has 3 workers: concurrency=4") as caught:
        assert dicts(service.lumi.list_all(SIZE, concurrency=4)) == ROWS
    assert [one.filename for one in caught] == [__file__]
    service.lumi.list_all(SIZE, concurrency=3)  # a warning would be an error


def test_one_at_a_time_is_page_by_page(service: Lumisections) -> None:
    service.lumi.list_all(SIZE, concurrency=1)
    assert {one["place"] for one in service.asked} == {"lumisection"}
    assert not any("run_number" in name for one in service.asked for name in one)


def test_a_selection_of_nothing(service: Lumisections) -> None:
    service.runs = []
    result = service.lumi.list_all(LumisectionFilters(run_number=1), concurrency=3)
    assert (len(result), result.complete, result.next) == (0, True, None)
    assert result.to_arrow().num_rows == 0
    assert len(service.requests) == 1


# --- what is asked for


def asked_of_one_page(
    session_type: Any, dimensions: int, concurrency: int, query: dict[str, Any]
) -> list[tuple[str, dict[str, str]]]:
    """Return what a service is asked for that has a run with one row; two at once if it is wanted in parts."""
    asked: list[tuple[str, dict[str, str]]] = []
    both = threading.Barrier(2)

    def answer(request: httpx.Request) -> httpx.Response:
        place = request.url.path.split("/")[-2]
        asked.append((place, dict(request.url.params)))
        if concurrency > 1:
            both.wait(BOUND)  # breaks if one waits for the answer to the other
        run = {"dataset_id": 14677060, "run_number": 367112}
        results = [{**run, "ls_count": 9} if place == "run" else {**run, "ls_number": 3}]
        return httpx.Response(200, json={"next": None, "previous": None, "results": results})

    name = {0: "lumi", 1: "h1d", 2: "h2d"}[dimensions]
    with session_type(
        "http://dials.test/", Credentials(token="a-secret"), "tracker", transport=httpx.MockTransport(answer)
    ) as session:
        fields = ["dataset_id", "run_number", "ls_number"]
        of = of_session(session, name)
        assert len(of.list_all(FILTERS[name](**query), fields=fields, concurrency=concurrency)) == 1
    assert all_gone()
    return asked


ANY_QUERY = [
    (0, {}),
    (0, {"run_number": 367112, "ls_number__lte": 3}),
    *(
        (dimensions, query)
        for dimensions in (1, 2)
        for query in (
            {},
            {"me__regex": "charge"},
            {"me": "P/charge"},
            {"me_id": 1, "ls_number": 3},
            {"me_id": 1, "me__regex": "charge", "run_number": 367112},
        )
    ),
]


@pytest.mark.parametrize(("dimensions", "query"), ANY_QUERY)
def test_the_first_page_is_asked_for_at_once_beside_the_runs_and_nothing_else_is(
    session_type: Any, dimensions: int, query: dict[str, Any]
) -> None:
    page = {**{name: str(value) for name, value in query.items()}, "page_size": "500"}
    of_runs = {name: str(query[name]) for name in ("run_number",) if name in query}
    of_runs |= {"fields": "dataset_id,run_number,ls_count", "page_size": "500"}
    place = ("lumisection", "th1", "th2")[dimensions]
    asked = asked_of_one_page(session_type, dimensions, 3, query)
    assert sorted(asked, key=str) == sorted(
        [(place, {**page, "fields": "dataset_id,run_number,ls_number"}), ("run", of_runs)], key=str
    )


@pytest.mark.parametrize(("dimensions", "query"), ANY_QUERY)
def test_page_by_page_nothing_but_pages_is_asked_for(
    session_type: Any, dimensions: int, query: dict[str, Any]
) -> None:
    ((place, _),) = asked_of_one_page(session_type, dimensions, 1, query)
    assert place == ("lumisection", "th1", "th2")[dimensions]


# --- resuming


def stopped_after(service: Lumisections, requests: int, concurrency: int) -> Any:
    """Return a result that ends in an error."""
    first = service.lists + requests

    def before(number: int) -> httpx.Response | None:
        return httpx.Response(503) if number >= first else None

    if concurrency == 1:
        service.before = before
    else:
        service.splits(before)
    with pytest.warns(RuntimeWarning, match=r"stopped by GatewayError"):
        result = service.lumi.list_all(SIZE, keep_failed=True, retries=0, concurrency=concurrency)
    service.before = lambda _number: None
    service.asked.clear()
    return result


def place_after(partial: Any) -> str:
    """Return the cursor of the service after some rows or, at the end of a part, the position of ours."""
    if "after." not in partial.next:
        return cursor(ROWS[len(partial) - 1])
    *_, dataset_id, run, ls = [*partial.next.partition("after.")[2].split("."), ""][:3]
    last = ROWS[len(partial) - 1]
    assert (int(dataset_id), int(run)) == (last["dataset_id"], last["run_number"])
    assert ls in ("", str(last["ls_number"])), "a run is whole, or it is said up to where"
    assert ls or last["ls_number"] == 100
    return str(partial.next.partition("next_token=")[2])


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_what_was_begun_in_parts_goes_on_in_parts(service: Lumisections, concurrency: int) -> None:
    partial = stopped_after(service, 12, 3)
    assert 0 < len(partial) < len(ROWS)
    assert dicts(partial) == ROWS[: len(partial)]
    assert partial.next.endswith(f"?next_token={place_after(partial)}")
    whole = service.lumi.list_all(SIZE, resume_from=partial, concurrency=concurrency)
    assert dicts(whole) == ROWS
    assert whole.complete
    assert not any(one.get("next_token", "").startswith("after") for one in service.asked)
    assert len(partial) < len(ROWS), "what was resumed stays as it is"


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_what_was_begun_page_by_page_goes_on_with_any_concurrency(
    service: Lumisections, concurrency: int
) -> None:
    partial = stopped_after(service, 12, 1)
    assert len(partial) == 240
    if concurrency > 1:
        service.splits()
    whole = service.lumi.list_all(SIZE, resume_from=partial, concurrency=concurrency)
    assert dicts(whole) == ROWS
    assert whole.complete
    cursors = [one.get("next_token") for one in service.requests]
    assert cursors[0] == cursor(ROWS[239])
    if concurrency == 1:
        assert cursors == [cursor(ROWS[number - 1]) for number in range(240, 800, 20)]
    else:
        assert None in cursors, "what follows its first page is split"
    assert sum(one["rows"] for one in service.requests) == 560, "no row is sent twice"


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_the_position_after_a_part_goes_on_with_any_concurrency(
    service: Lumisections, concurrency: int
) -> None:
    filters = LumisectionFilters(page_size=PAGE, next_token="after.14677060.367103.70")
    assert dicts(service.lumi.list_all(filters, concurrency=concurrency)) == ROWS[370:]
    filters = LumisectionFilters(page_size=PAGE, next_token="after.14677060.367103")
    assert dicts(service.lumi.list_all(filters, concurrency=concurrency)) == ROWS[400:]
    filters = LumisectionFilters(page_size=PAGE, next_token="after.14677060")
    assert service.lumi.list_all(filters, concurrency=concurrency).results == []


def test_a_file_of_parts_is_gone_on_with(service: Lumisections, tmp_path: Any) -> None:
    path = tmp_path / "listing.dials"
    service.splits(lambda number: httpx.Response(503) if number >= 12 else None)
    with pytest.warns(RuntimeWarning, match="stopped by GatewayError"):
        partial = service.lumi.list_all(SIZE, checkpoint=path, keep_failed=True, retries=0, concurrency=3)
    service.before = lambda _number: None
    assert dicts(load(path)) == dicts(partial) == ROWS[: len(partial)] != []
    whole = service.lumi.list_all(SIZE, checkpoint=path, resume_from=path)
    assert dicts(whole) == dicts(load(path)) == ROWS


def test_what_has_come_to_its_end_is_not_asked_again(service: Lumisections) -> None:
    whole = service.lumi.list_all(SIZE, concurrency=3)
    asked = len(service.asked)
    with pytest.warns(RuntimeWarning, match="resume_from is complete"):
        again = service.lumi.list_all(SIZE, resume_from=whole, concurrency=3)
    assert dicts(again) == ROWS
    assert len(service.asked) == asked


@pytest.mark.parametrize("at", [1, 400, 421, 799])
def test_what_begins_at_a_cursor_of_the_service_is_split_too(service: Lumisections, at: int) -> None:
    filters = LumisectionFilters(page_size=PAGE, next_token=cursor(ROWS[at - 1]))
    service.splits()
    result = service.lumi.list_all(filters, concurrency=3)
    assert dicts(result) == ROWS[at:]
    assert not result.complete, "rows of before are missing"
    others = [one for one in service.requests if "next_token" not in one]
    assert bool(others) == (at < 799)
    assert sum(one["rows"] for one in service.requests) == 800 - at


def test_after_an_error_the_next_call_goes_on(service: Lumisections) -> None:
    service.splits(lambda number: httpx.Response(500) if number == 12 else None)
    pages = service.lumi.pages(SIZE, retries=0, concurrency=3)
    rows: list[Any] = []

    def go() -> None:
        for page in pages:
            rows.extend(dicts(page.rows))

    with pytest.raises(Exception, match="HTTP 500"):
        go()
    assert rows == ROWS[: len(rows)] != ROWS
    go()
    assert rows == ROWS


def test_what_is_too_slow_is_not_begun_again_and_again(service: Lumisections) -> None:
    # A page becomes smaller, to 1 row, and then has its retries. One of a part does, and once is enough.
    service.splits(lambda number: httpx.Response(504) if number >= 3 else None)
    with pytest.raises(GatewayError) as caught:
        service.lumi.list_all(SIZE, concurrency=2, retries=3)
    assert caught.value.attempts == 5 + 3, "20, 10, 5, 2 and 1 row"
    assert len([one for one in service.asked if one["place"] == "run"]) == 1


def test_runs_without_their_keys_are_an_error_of_ours(service: Lumisections) -> None:
    service.runs = [{"dataset_id": 14677060, "ls_count": 100}]
    service.splits()
    with pytest.raises(SchemaError, match="run_number"):
        service.lumi.list_all(SIZE, concurrency=2)
    service.splits()
    with pytest.warns(RuntimeWarning, match="20 rows of lumi: stopped by SchemaError"):
        partial = service.lumi.list_all(SIZE, concurrency=2, keep_failed=True)
    assert dicts(partial) == ROWS[:20], "in its turn: the first page had come"
    service.before = lambda _number: None
    assert dicts(service.lumi.list_all(SIZE, resume_from=partial)) == ROWS


def test_a_position_in_filters_is_not_a_cursor_of_a_list_that_is_not_split(sandbox_now: Sandbox) -> None:
    with (
        Dials(Credentials(token=sandbox_now.secret), base_url=sandbox_now.url) as dials,
        pytest.raises(InvalidCursorError),
    ):
        dials.run.list_all(RunFilters(next_token="after.1.2.3"), concurrency=3)


def test_runs_are_not_listed_twice_to_list_them_once(service: Lumisections) -> None:
    rows = service.run.list_all(RunFilters(page_size=3), concurrency=3)
    assert dicts(rows) == service.runs
    assert len(service.asked) == 3


# --- leaving early


@pytest.mark.parametrize("how", ["with", "close", "break", "an error of the consumer"])
def test_whoever_leaves_early_leaves_no_thread(service: Lumisections, how: str) -> None:
    held, waiting = threading.Event(), threading.Semaphore(0)

    def before(number: int) -> None:
        if number:  # all but the first page
            waiting.release()
            held.wait(BOUND)

    def all_wait() -> bool:
        return all(waiting.acquire(timeout=BOUND) for _ in range(3))

    service.splits(before)
    pages = service.lumi.pages(SIZE, concurrency=3)
    match how:
        case "with":
            with pages:
                next(pages)
                assert all_wait()
                assert len(crew()) == 3
        case "close":
            next(pages)
            assert all_wait()
            pages.close()
        case "break":
            for page in pages:
                assert len(page.rows) <= 20
                assert all_wait()
                break
            del pages
        case _:
            with pytest.raises(ZeroDivisionError), pages:
                1 / (len(next(pages).rows) * (not all_wait()))
    assert all_gone(), "though the service has not answered"
    asked = len(service.asked)
    held.set()
    assert len(service.asked) == asked


def test_what_was_left_can_be_gone_on_with(service: Lumisections) -> None:
    with service.lumi.pages(SIZE, concurrency=3) as pages:
        rows = dicts(next(pages).rows) + dicts(next(pages).rows)
    assert all_gone()
    for page in pages:
        rows += dicts(page.rows)
    assert rows == ROWS


@pytest.mark.parametrize("how", ["break", "with"])
def test_rows_that_are_left_early_leave_no_thread(service: Lumisections, how: str) -> None:
    rows = service.lumi.iterate(SIZE, concurrency=3)
    if how == "with":
        with rows:
            assert next(rows).ls_number == 1
            assert len(crew()) == 3
    else:
        for row in rows:
            assert row.ls_number == 1
            break
        del row, rows
    assert all_gone()


def test_rows_of_parts_of_several_pages_come_one_by_one(service: Lumisections) -> None:
    service.splits()
    service.runs = [{**run, "ls_count": 20} for run in RUNS]  # there are five times as many
    assert dicts(service.lumi.iterate(SIZE, concurrency=2)) == ROWS
    assert any("next_token" in one for one in service.requests)


# --- how much is under way


@pytest.mark.parametrize("concurrency", [2, 3])
def test_a_slow_consumer_holds_no_more_than_the_window(service: Lumisections, concurrency: int) -> None:
    service.rows = [{**row, "ls_number": ls} for row in ROWS[::100] for ls in range(1, 401)]
    service.runs = [{**run, "ls_count": 400} for run in RUNS]
    most = MOST_RESULTS_AHEAD * concurrency
    with service.lumi.pages(SIZE, concurrency=concurrency) as pages:
        for taken, _ in enumerate(pages, start=1):
            until = time.monotonic() + BOUND
            while taken < 20 and len(service.requests) < taken + most:  # it is as slow as it has to be
                assert time.monotonic() < until
                time.sleep(0.001)
            if taken < 4:
                time.sleep(0.05)  # in which more might come
            assert len(service.requests) <= taken + most + 1
    assert pages.complete
    assert len(service.requests) > 3 * most


def test_as_many_as_were_wanted_are_asked_at_a_time(service: Lumisections) -> None:
    together = threading.Barrier(3)
    at_once = 0
    most = 0
    counting = threading.Lock()

    def before(number: int) -> None:
        nonlocal at_once, most
        with counting:
            at_once += 1
            most = max(most, at_once)
        if 1 <= number <= 3:
            together.wait(BOUND)  # or breaks, if there are never three
        with counting:
            at_once -= 1

    service.splits(before)
    assert dicts(service.lumi.list_all(SIZE, concurrency=3)) == ROWS
    assert most == 3


class Bar:
    """A tqdm that only remembers."""

    def __init__(self, **options: Any) -> None:
        self.options, self.done = options, 0
        self.totals = [(0, options["total"])]

    @classmethod
    def made(cls, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Take the place of tqdm's; return a list of those that are made from then on."""
        bars: list[Any] = []

        def make(**options: Any) -> Any:
            bars.append(cls(**options))
            return bars[-1]

        monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=make))
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
        return bars

    @property
    def total(self) -> int | None:
        return self.totals[-1][1]

    @total.setter
    def total(self, total: int | None) -> None:
        self.totals.append((self.done, total))

    def update(self, n: int) -> None:
        self.done += n

    def refresh(self) -> None:
        pass

    def set_postfix_str(self, said: str, refresh: bool = True) -> None:
        pass

    def close(self) -> None:
        pass


def test_the_bar_counts_rows_and_knows_early_of_how_many(
    service: Lumisections, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = Bar.made(monkeypatch)
    service.splits()
    service.lumi.list_all(SIZE, concurrency=3, enable_progress=True)
    (bar,) = bars
    assert bar.done == 800
    assert bar.options["desc"] == "lumi"
    done, first = next(both for both in bar.totals if both[1] is not None)
    assert done == 0, "with the first page"
    assert 700 < first < 900, "as many as the runs let expect"
    assert bar.total == 800


# --- backing off together


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(503, headers={"Retry-After": "9"}), httpx.Response(429, headers={"Retry-After": "9"})],
)
def test_when_one_is_told_to_wait_all_do(service: Lumisections, answer: httpx.Response) -> None:
    started, told = threading.Barrier(3), threading.Event()
    asked_in_the_pause: list[int] = []
    waits: dict[str, float] = {}

    def over() -> None:
        asked_in_the_pause.append(service.lists - told_at[0])
        service.now += 9

    all_wait = threading.Barrier(3, action=over)
    told_at: list[int] = []

    def before(number: int) -> httpx.Response | None:
        if 1 <= number <= 3:
            started.wait(BOUND)
            if number == 1:
                return answer
            told.wait(BOUND)
        return None

    def sleep(seconds: float) -> None:
        if not told_at:
            told_at.append(service.lists)
            told.set()
        waits[threading.current_thread().name] = seconds
        all_wait.wait(BOUND)  # breaks if one of the three goes on without

    service.splits(before)
    service.sleep = sleep
    assert dicts(service.lumi.list_all(SIZE, concurrency=3)) == ROWS
    assert asked_in_the_pause == [0]
    assert waits == {f"cmsdials-{number}": 9.0 for number in (1, 2, 3)}
