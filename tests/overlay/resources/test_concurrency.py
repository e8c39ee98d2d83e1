"""Listings in parts: the same rows as page by page, to the byte; what can be asked for; how much is under way.

The sandboxes answer where rows are compared. Where requests are counted, a service of lumisections answers that is a
list in this process (`Lumisections`), so that threads can be held wherever a test wants them.
"""

import io
import re
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
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
from cmsdials.result import load
from cmsdials_sandbox import Sandbox
from hypothesis import given
from hypothesis import strategies as st

BOUND = 120.0  # seconds until what should have happened is given up on

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


# --- a service of lumisections


DATASET = {"dataset_id": 14677060, "dataset": "/Z/R/D"}
ROWS = [
    {**DATASET, "run_number": run, "ls_number": ls, "th1_count": 1, "th2_count": 2}
    for run in range(367100, 367108)
    for ls in range(1, 101)
]
RUNS = [{**DATASET, "run_number": run, "ls_count": 100} for run in range(367100, 367108)]
SIZE = LumisectionFilters(page_size=20)


class Lumisections:
    """A service that lists runs and lumisections.

    Attributes:
        asked: Path and query of each request.
        before: Called with the number of each request for lumisections, from 0, in the thread that sends it; it may
            wait, or return what to answer instead.
        now: Seconds of its clock.
    """

    def __init__(self, session_type: Any) -> None:
        self.asked: list[dict[str, str]] = []
        self.lumisections = 0
        self.runs: list[dict[str, Any]] = RUNS
        self.before: Callable[[int], httpx.Response | None] = lambda _number: None
        self.sleep: Callable[[float], None] = self._pass
        self.now = 1_700_000_000.0
        self._counting = threading.Lock()
        self.session = session_type(
            "http://dials.test/",
            Credentials(token="a-secret"),
            "tracker",
            transport=httpx.MockTransport(self._answer),
            clock=lambda: self.now,
            sleep=self._sleep,
        )
        self.lumi, self.run = (of_session(self.session, name) for name in ("lumi", "run"))

    def _sleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        place = request.url.path.split("/")[-2]
        query = dict(request.url.params)
        with self._counting:
            self.asked.append({"place": place, **query})
            number = self.lumisections
            self.lumisections += place == "lumisection"
        instead = self.before(number) if place == "lumisection" else None
        if instead is not None:
            return instead
        rows = [row for row in (self.runs if place == "run" else ROWS) if _is_wanted(row, query)]
        begin, size = int(query.get("next_token", 0)), int(query.get("page_size", 10))
        end = begin + size
        link = f"http://elsewhere.test/?next_token={end}" if end < len(rows) else None
        wanted = query["fields"].split(",") if "fields" in query else [*ROWS[0], *RUNS[0]]
        results = [{key: row[key] for key in row if key in wanted} for row in rows[begin:end]]
        return httpx.Response(200, json={"next": link, "previous": None, "results": results})


def of_session(session: Any, name: str) -> Any:
    """A resource of a `Dials` that asks through a session."""
    return type(getattr(Dials(Credentials(token="a-secret")), name))(session)


def _is_wanted(row: dict[str, Any], query: dict[str, str]) -> bool:
    for name, value in query.items():
        field, _, operation = name.partition("__")
        if field in row and field != "dataset":
            held = (
                {"": row[field] == int(value)}
                if not operation
                else {
                    "gte": row[field] >= int(value),
                    "lte": row[field] <= int(value),
                }
            )
            if not held[operation]:
                return False
    return True


def crew() -> list[threading.Thread]:
    """Return the threads that fetch parts."""
    return [thread for thread in threading.enumerate() if re.fullmatch(r"cmsdials-\d+", thread.name)]


def all_gone() -> bool:
    for thread in crew():
        thread.join(BOUND)
    return crew() == []


@pytest.fixture
def service(session_type: Any) -> Iterator[Lumisections]:
    service = Lumisections(session_type)
    yield service
    service.session.close()
    assert all_gone()


def dicts(rows: Any) -> list[dict[str, Any]]:
    return [row.dict() for row in rows]


def parts(service: Lumisections) -> list[dict[str, str]]:
    return [one for one in service.asked if one["place"] == "lumisection"]


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
    assert parts(service) == []


# --- what is asked before it begins


def asked_before(
    session_type: Any, dimensions: int, concurrency: int = 3, **query: Any
) -> list[tuple[str, dict[str, str]]]:
    """Return what is asked before the first part, by place, of a service that has one run and no histograms."""
    asked: list[tuple[str, dict[str, str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        place = request.url.path.split("/")[-2]
        asked.append((place, dict(request.url.params)))
        if place == "mes":
            return httpx.Response(200, json=[{"me_id": 1}, {"me_id": 2}])
        results = [{"dataset_id": 14677060, "run_number": 367112, "ls_count": 9}] if place == "run" else []
        return httpx.Response(200, json={"next": None, "previous": None, "results": results})

    name = {0: "lumi", 1: "h1d", 2: "h2d"}[dimensions]
    with session_type(
        "http://dials.test/", Credentials(token="a-secret"), "tracker", transport=httpx.MockTransport(answer)
    ) as session:
        of = of_session(session, name)
        assert len(of.list_all(FILTERS[name](**query), concurrency=concurrency)) == 0
    assert all_gone()
    begun = next(number for number, (place, _) in enumerate(asked) if place not in ("run", "mes"))
    return asked[:begun]


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize(
    ("query", "of_elements"),
    [
        ({}, {}),
        ({"me__regex": "charge"}, {"me__regex": "charge"}),
        ({"run_number": 367112, "ls_number__lte": 3}, {}),
        ({"me": "P/charge"}, None),
        ({"me_id": 1}, None),
        ({"me_id": 1, "me__regex": "charge"}, None),
    ],
)
def test_elements_are_asked_for_only_where_it_is_not_said_which(
    session_type: Any, dimensions: int, query: dict[str, Any], of_elements: dict[str, str] | None
) -> None:
    (place, _), *others = asked_before(session_type, dimensions, **query)
    assert place == "run"
    if of_elements is None:
        assert others == []
    else:
        assert others == [("mes", {"dim": str(dimensions), "fields": "me_id", **of_elements})]


def test_lumisections_have_no_elements(session_type: Any) -> None:
    assert [place for place, _ in asked_before(session_type, 0)] == ["run"]


@pytest.mark.parametrize("query", [{}, {"me_id": 1}])
def test_page_by_page_nothing_is_asked_before(session_type: Any, query: dict[str, Any]) -> None:
    assert asked_before(session_type, 1, concurrency=1, **query) == []


# --- resuming


def stopped_after(service: Lumisections, requests: int, concurrency: int) -> Any:
    """Return a result that ends in an error."""
    first = service.lumisections + requests
    service.before = lambda number: httpx.Response(500) if number >= first else None
    with pytest.warns(RuntimeWarning, match=r"stopped by (Server|CursorFailed)Error"):
        result = service.lumi.list_all(SIZE, keep_failed=True, retries=0, concurrency=concurrency)
    service.before = lambda _number: None
    service.asked.clear()
    return result


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_what_was_begun_in_parts_goes_on_in_parts(service: Lumisections, concurrency: int) -> None:
    partial = stopped_after(service, 12, 3)
    assert 0 < len(partial) < len(ROWS)
    assert re.search(r"next_token=after\.14677060\.3671", partial.next)
    assert dicts(partial) == ROWS[: len(partial)]
    whole = service.lumi.list_all(SIZE, resume_from=partial, concurrency=concurrency)
    assert dicts(whole) == ROWS
    assert whole.complete
    assert not any(one.get("next_token", "").startswith("after") for one in service.asked)
    assert len(partial) < len(ROWS), "what was resumed stays as it is"


@pytest.mark.parametrize("concurrency", [1, 3])
def test_what_was_begun_page_by_page_goes_on_so(service: Lumisections, concurrency: int) -> None:
    partial = stopped_after(service, 12, 1)
    assert len(partial) == 240
    whole = service.lumi.list_all(SIZE, resume_from=partial, concurrency=concurrency)
    assert dicts(whole) == ROWS
    assert [one["next_token"] for one in service.asked] == [str(n) for n in range(240, 800, 20)]


def test_a_file_of_parts_is_gone_on_with(service: Lumisections, tmp_path: Any) -> None:
    path = tmp_path / "listing.dials"
    service.before = lambda number: httpx.Response(500) if number >= 12 else None
    with pytest.warns(RuntimeWarning, match="stopped by ServerError"):
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


def test_a_cursor_of_the_service_goes_on_page_by_page(service: Lumisections) -> None:
    filters = LumisectionFilters(page_size=20, next_token="760")
    assert dicts(service.lumi.list_all(filters, concurrency=3)) == ROWS[760:]
    assert [one["next_token"] for one in service.asked] == ["760", "780"]


def test_after_an_error_the_next_call_goes_on(service: Lumisections) -> None:
    service.before = lambda number: httpx.Response(500) if number == 12 else None
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
    # A listing makes its pages smaller, to 1 row, and then has its retries. Parts do, and once is enough.
    service.before = lambda number: httpx.Response(504) if number >= 3 else None
    with pytest.raises(GatewayError) as caught:
        service.lumi.list_all(concurrency=2, retries=3)
    assert caught.value.attempts <= 9 + 3
    assert len([one for one in service.asked if one["place"] == "run"]) == 1


def test_runs_without_their_keys_are_an_error_of_ours(service: Lumisections) -> None:
    service.runs = [{"dataset_id": 14677060, "ls_count": 100}]
    with pytest.raises(SchemaError, match="run_number"):
        service.lumi.list_all(SIZE, concurrency=2)


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
        if "ls_number__gte" in parts(service)[number]:  # all but the first page
            waiting.release()
            held.wait(BOUND)

    def all_wait() -> bool:
        return all(waiting.acquire(timeout=BOUND) for _ in range(3))

    service.before = before
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
    service.runs = [{**run, "ls_count": 20} for run in RUNS]  # there are five times as many
    assert dicts(service.lumi.iterate(SIZE, concurrency=2)) == ROWS
    assert any("next_token" in one for one in parts(service))


# --- how much is under way


@pytest.mark.parametrize("concurrency", [2, 3])
def test_a_slow_consumer_holds_no_more_than_the_window(service: Lumisections, concurrency: int) -> None:
    most = 2 * concurrency + 1  # because a part without rows came first

    def begun() -> int:
        # Each part is one page here, but for what a wrong guess of its rows makes of it.
        return len([one for one in parts(service) if "next_token" not in one])

    with service.lumi.pages(SIZE, concurrency=concurrency) as pages:
        for taken, _ in enumerate(pages, start=1):
            until = time.monotonic() + BOUND
            while taken < 20 and begun() < taken + most:  # it is as slow as it has to be
                assert time.monotonic() < until
                time.sleep(0.001)
            assert begun() <= taken + most
    assert pages.complete
    assert len(parts(service)) > 3 * most


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
        if number < 3:
            together.wait(BOUND)  # or breaks, if there are never three
        with counting:
            at_once -= 1

    service.before = before
    assert dicts(service.lumi.list_all(SIZE, concurrency=3)) == ROWS
    assert most == 3


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A tqdm that only remembers."""
    made: list[Any] = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            self.options, self.done = options, 0
            made.append(self)

        def update(self, n: int) -> None:
            self.done += n

        def close(self) -> None:
            pass

    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return made


def test_the_bar_counts_each_part_once(service: Lumisections, bars: list[Any]) -> None:
    service.lumi.list_all(SIZE, concurrency=3, enable_progress=True)
    (bar,) = bars
    begun = [one for one in parts(service) if "next_token" not in one]
    assert 3 < bar.done <= len(begun), "those without a row are stepped over"
    assert bar.options["desc"] == "lumi"


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
        asked_in_the_pause.append(service.lumisections - told_at[0])
        service.now += 9

    all_wait = threading.Barrier(3, action=over)
    told_at: list[int] = []

    def before(number: int) -> httpx.Response | None:
        if number < 3:
            started.wait(BOUND)
            if number == 0:
                return answer
            told.wait(BOUND)
        return None

    def sleep(seconds: float) -> None:
        if not told_at:
            told_at.append(service.lumisections)
            told.set()
        waits[threading.current_thread().name] = seconds
        all_wait.wait(BOUND)  # breaks if one of the three goes on without

    service.before, service.sleep = before, sleep
    assert dicts(service.lumi.list_all(SIZE, concurrency=3)) == ROWS
    assert asked_in_the_pause == [0]
    assert waits == {f"cmsdials-{number}": 9.0 for number in (1, 2, 3)}
