"""Listings in parts whose rows are few, uneven or large: what they cost, and that nothing is worse than page by page.

The sandbox answers where it is about rows of the real kind; where threads are held, a list in this process.
"""

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import PaginationError
from cmsdials.filters import LumisectionFilters, LumisectionHistogram1DFilters, RunFilters
from cmsdials.listing import pagination
from cmsdials.parallel import workers
from cmsdials_sandbox import Sandbox
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.overlay.resources.lumisections import (
    BOUND,
    DATASET,
    ROWS,
    RUNS,
    Lumisections,
    all_gone,
    cursor,
    dicts,
    of_session,
    serving,
)
from tests.overlay.resources.test_concurrency import FILTERS, Bar, to_bytes

PAGE = 20
SIZE = LumisectionFilters(page_size=PAGE)
A_WHILE = (
    0.1  # seconds in which what must not happen may happen; on a busy machine it is only seen less often
)
FILTERS_OF: dict[str, Any] = {**FILTERS, "run": RunFilters}


@pytest.fixture
def service(session_type: Any) -> Iterator[Lumisections]:
    with serving(session_type) as service:
        yield service


# --- selective queries


class Changed(httpx.BaseTransport):
    """The way to a service, on which a request may be changed or answered; it counts those that are sent.

    Attributes:
        sent: The queries of the requests.
    """

    def __init__(
        self, change: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None
    ) -> None:
        self.sent: list[dict[str, str]] = []
        self._change = change
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(dict(request.url.params))
        return self._change(request) or self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def listed(session_type: Any, sandbox: Sandbox, way: Changed, name: str, query: Any, **options: Any) -> Any:
    """List all of a sandbox by a way of the test."""
    with session_type(sandbox.url, Credentials(token=sandbox.secret), "tracker", transport=way) as session:
        return of_session(session, name).list_all(FILTERS_OF[name](**query), **options)


@pytest.mark.parametrize(
    ("name", "query", "more"),
    [
        ("h1d", {"me_id": 1, "ls_number": 78}, 1),
        ("h2d", {"me_id": 100, "ls_number": 10}, 1),
        ("lumi", {"ls_number": 10}, 1),
        ("lumi", {"run_number": 382921}, 1),
        ("h1d", {"file_id": 0}, 0),
        ("h1d", {"file_id": 0, "page_size": 3}, 0),
        ("h1d", {"logical_file_name": "", "page_size": 100}, 0),
        ("h1d", {"run_number": 382921, "ls_number": 9, "page_size": 1}, 0),
        ("lumi", {"run_number": 382921, "ls_number": 9}, 0),
    ],
)
def test_a_selective_query_costs_one_request_more_at_most(
    now: Dials, session_type: Any, sandbox_now: Sandbox, name: str, query: dict[str, Any], more: int
) -> None:
    file_id = now.h1d.list(LumisectionHistogram1DFilters(page_size=1)).results[0].file_id
    if "file_id" in query:
        query = {**query, "file_id": file_id, "me_id": 1}
    if "logical_file_name" in query:
        files = now.file_index.list_all().results
        query = {
            **query,
            "logical_file_name": next(one.logical_file_name for one in files if one.file_id == file_id),
        }
    alone, together = Changed(), Changed()
    rows = listed(session_type, sandbox_now, alone, name, query)
    same = listed(session_type, sandbox_now, together, name, query, concurrency=3)
    assert to_bytes(same.to_arrow()) == to_bytes(rows.to_arrow())
    assert len(rows) > 0
    assert len(together.sent) == len(alone.sent) + more


@pytest.mark.parametrize(
    ("name", "query", "fields"),
    [
        ("h1d", {"file_id": 3, "page_size": PAGE}, None),
        ("h1d", {"logical_file_name": "/store/f.root", "page_size": PAGE}, None),
        ("h1d", {"page_size": PAGE}, ["dataset_id", "run_number", "me_id"]),
        ("lumi", {"page_size": 1, "run_number": 367103, "ls_number": 3}, None),
        ("lumi", {"page_size": PAGE}, ["run_number", "ls_number"]),
    ],
)
def test_what_is_never_split_asks_for_no_runs(
    service: Lumisections, name: str, query: dict[str, Any], fields: list[str] | None
) -> None:
    if name == "h1d":
        fields = fields or [*KEYS]
        service.rows = [{**row, "me_id": 1} for row in ROWS]
    rows = getattr(service, name).list_all(FILTERS[name](**query), fields=fields, concurrency=3)
    assert [row.run_number for row in rows] == [
        row["run_number"] for row in service.rows if len(rows) > 1 or cursor(row) == cursor(ROWS[302])
    ]
    assert {one["place"] for one in service.asked} == {"th1" if name == "h1d" else "lumisection"}
    cursors = [one.get("next_token") for one in service.requests]
    assert cursors == [None, *(cursor(service.rows[at - 1]) for at in range(PAGE, len(rows), PAGE))]


# --- the first page


def test_pages_come_though_the_list_of_runs_never_does(service: Lumisections) -> None:
    held = threading.Event()

    def before_runs() -> None:
        held.wait(BOUND)

    service.before_runs = before_runs
    with service.lumi.pages(SIZE, concurrency=3) as pages:
        assert dicts(next(pages).rows) == ROWS[:PAGE]
        assert dicts(row for page in pages for row in page.rows) == ROWS[PAGE:]
        assert pages.complete
    assert not held.is_set()
    held.set()
    cursors = [one.get("next_token") for one in service.requests]
    assert cursors == [None, *(cursor(ROWS[at - 1]) for at in range(PAGE, 800, PAGE))]


def test_the_first_page_is_there_while_the_first_datasets_are_empty(service: Lumisections) -> None:
    empty = [{**run, "dataset_id": dataset_id} for dataset_id in range(100, 110) for run in RUNS]
    service.runs = [*empty, *RUNS]
    held, others = threading.Event(), threading.Event()

    def before(number: int) -> None:
        if number:
            others.set()
            held.wait(BOUND)

    service.splits(before)
    with service.lumi.pages(SIZE, concurrency=3) as pages:
        assert dicts(next(pages).rows) == ROWS[:PAGE]
        assert others.wait(BOUND)
        held.set()
        assert dicts(row for page in pages for row in page.rows) == ROWS[PAGE:]
    assert not [one for one in service.requests if "dataset_id" in one and int(one["dataset_id"]) < 110]


# --- Ctrl-C


@pytest.mark.parametrize("has_runs", [True, False])
def test_after_a_ctrl_c_what_has_come_is_kept(
    service: Lumisections, has_runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Any] = Bar.made(monkeypatch)
    held = threading.Event()

    def before_runs() -> None:
        held.wait(BOUND)

    def before(number: int) -> None:
        if number >= 6:
            held.wait(BOUND)

    if has_runs:
        service.splits(before)
    else:
        service.before, service.before_runs = before, before_runs

    def interrupt() -> None:
        until = time.monotonic() + BOUND
        while (not bars or bars[0].done < PAGE or service.lists <= 6) and time.monotonic() < until:
            time.sleep(0.001)
        shown.append(bars[0].done)
        _thread.interrupt_main()

    shown: list[int] = []
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.warns(RuntimeWarning, match="0 rows of lumi: stopped by KeyboardInterrupt"):
        partial = service.lumi.list_all(SIZE, keep_failed=True, concurrency=3, enable_progress=True)
    thread.join()
    assert partial.exc_type == "KeyboardInterrupt"
    assert len(partial) >= shown[0] >= PAGE
    assert dicts(partial) == ROWS[: len(partial)]
    held.set()
    assert all_gone()
    service.asked.clear()
    whole = service.lumi.list_all(SIZE, resume_from=partial, concurrency=3)
    assert dicts(whole) == ROWS
    assert sum(one["rows"] for one in service.requests) == 800 - len(partial), "nothing is asked for again"


# --- how much is under way


class Taken:
    """How many bytes a service has sent that a consumer has not taken."""

    def __init__(self, service: Lumisections, most: float) -> None:
        self.most = 0
        self.is_too_much = threading.Event()
        self._service = service
        self._taken = 0
        self._may_be = most

    def look(self) -> None:
        under_way = sum(one.get("bytes", 0) for one in self._service.requests) - self._taken
        self.most = max(self.most, under_way)
        if under_way > self._may_be:
            self.is_too_much.set()

    def take(self, pages: Any, how_many: int, slowly: int) -> Iterator[Any]:
        """Take pages, some of them slowly."""
        for number, page in enumerate(pages):
            self._taken += page.size
            if number < slowly:
                self.is_too_much.wait(A_WHILE)
            self.look()
            yield page
            if number + 1 == how_many:
                return


def test_a_slow_consumer_has_no_more_bytes_waiting_than_is_said(service: Lumisections) -> None:
    service.weight = 300_000
    service.splits()
    # A page more for each worker, because it is not known how large one is that has not come, and what is at the head.
    taken = Taken(service, workers.MOST_AHEAD + 5 * PAGE * service.weight)
    with service.lumi.pages(SIZE, concurrency=3) as pages:
        came = [row for page in taken.take(pages, 8, slowly=8) for row in page.rows]
    assert dicts(came) == ROWS[: len(came)]
    assert not taken.is_too_much.is_set(), taken.most
    assert all(one["bytes"] <= pagination.WANTED_BYTES for one in service.requests[1:] if "bytes" in one)


PAGING = ("next_token", "page_size", "fields", "order_by")
KEYS = ("dataset_id", "run_number", "ls_number", "me_id")
WEIGHT = 100
FEW_BYTES = 20_000


class Case:
    """Histograms and runs of a service, and a query. Its repr is short, as there are thousands of rows."""

    def __init__(self, rows: list[dict[str, Any]], runs: list[dict[str, Any]], query: dict[str, Any]) -> None:
        self.rows, self.runs, self.query = rows, runs, query

    def __repr__(self) -> str:
        listed = [(run["dataset_id"], run["run_number"], run["ls_count"]) for run in self.runs]
        return f"<{len(self.rows)} rows, {self.query}, runs {listed}>"


@st.composite
def uneven(draw: st.DrawFn) -> Case:
    """Empty datasets, giant runs, elements that begin late."""
    rows: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    giant = draw(st.integers(0, 11))
    for dataset_id in range(1, 1 + draw(st.integers(1, 4))):
        dataset = {"dataset_id": dataset_id, "dataset": "/Z/R/D"}
        is_empty = draw(st.sampled_from([False, False, True]))
        elements = draw(st.integers(1, 3))
        begins = draw(st.sampled_from([1, 1, 1, 30]))
        for place in range(draw(st.integers(1, 4))):
            run = {**dataset, "run_number": 367100 + 3 * place}
            is_giant = giant == 3 * (dataset_id - 1) + place
            there_are = draw(st.integers(200, 400) if is_giant else st.integers(1, 60))
            said = draw(st.sampled_from([there_are, there_are, there_are, 1, 3 * there_are, "unlisted"]))
            if said != "unlisted":
                runs.append({**run, "ls_count": said})
            rows += [
                {**run, "ls_number": ls, "me_id": me_id}
                for ls in range(begins, there_are + 1)
                for me_id in range(1, elements + 1)
                if not is_empty
            ]
    query = draw(
        st.sampled_from(
            [{}, {}, {"dataset_id": 1}, {"run_number__gte": 367103}, {"run_number": 367100}, {"me_id": 1}]
        )
    )
    page_size = draw(st.sampled_from([7, PAGE, PAGE]))
    # The datasets have to be known, by one of the runs asked for; runs need not be.
    least, exact = query.get("run_number__gte", 0), query.get("run_number")
    known = {
        run["dataset_id"] for run in runs if run["run_number"] >= least and exact in (None, run["run_number"])
    }
    wanted = [row for row in rows if row["dataset_id"] in known or query == {"dataset_id": row["dataset_id"]}]
    return Case(wanted, runs, {**query, "page_size": page_size})


@pytest.mark.filterwarnings("ignore:no rows")
@given(case=uneven(), concurrency=st.sampled_from([2, 3]), slowly=st.integers(0, 2), is_split=st.booleans())
def test_however_rows_are_spread_they_come_in_order_once_and_never_too_many(
    session_type: Any, case: Case, concurrency: int, slowly: int, is_split: bool
) -> None:
    service = Lumisections(session_type)
    service.rows, service.runs, query = case.rows, case.runs, case.query
    service.weight = WEIGHT
    filters = LumisectionHistogram1DFilters(**query)
    alone = service.h1d.list_all(filters, fields=[*KEYS])
    service.asked.clear()
    if is_split:
        service.splits()
    most = FEW_BYTES + (concurrency + 2) * WEIGHT * PAGE
    taken = Taken(service, most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "MOST_AHEAD", FEW_BYTES)
        with service.h1d.pages(filters, fields=[*KEYS], concurrency=concurrency) as pages:
            came = [*taken.take(pages, 10**6, slowly)]
        assert pages.complete
    rows = [tuple(row.dict()[key] for key in KEYS) for page in came for row in page.rows]
    assert rows == [tuple(row.dict()[key] for key in KEYS) for row in alone]
    assert rows == sorted(set(rows))
    assert not [page for page in came[1:] if not len(page)]
    assert max(map(len, came)) <= query["page_size"]
    of_rows = [one for one in service.requests if one["place"] == "th1"]
    assert sum(one["rows"] for one in of_rows) == len(rows), "no row is sent twice"
    assert not taken.is_too_much.is_set(), taken.most
    service.session.close()
    assert all_gone()


# --- bounds of what a cursor steps over


BOUNDED = [
    ("run", {"dataset_id": 14677060}, [3, 20]),
    ("run", {"dataset": "/ZeroBias/Run2022G-PromptReco-v1/DQMIO"}, [3, 20]),
    ("run", {"dataset__regex": "2024"}, [3]),
    ("run", {"run_number__gte": 367112}, [3]),
    ("lumi", {"dataset_id": 14677060}, [100, 300]),
    ("lumi", {"dataset": "/JetHT/Run2024F-PromptReco-v2/DQMIO"}, [100]),
    ("lumi", {"dataset_id": 14677060, "run_number": 367112}, [20]),
    ("lumi", {"run_number": 367112}, [20]),
    ("lumi", {"run_number__gte": 360392, "run_number__lte": 360500}, [20]),
    ("lumi", {"dataset_id": 14677060, "ls_number__gte": 5, "ls_number__lte": 12}, [7]),
    ("h1d", {"dataset_id": 14677060, "me_id": 1}, [100]),
    ("h1d", {"dataset_id": 14677060, "run_number": 367112, "ls_number__lte": 20}, [30]),
    ("h1d", {"dataset": "/JetHT/Run2024F-PromptReco-v2/DQMIO", "me_id": 2}, [30, 100]),
    ("h1d", {"dataset_id": 14677060, "me__regex": "charge_PXLayer_[12]", "ls_number__lte": 4}, [30]),
    ("h2d", {"dataset_id": 14677060, "me_id": 100, "ls_number__lte": 8}, [20]),
    ("h2d", {"dataset": "/JetHT/Run2024F-PromptReco-v2/DQMIO", "me_id": 140}, [20]),
]


def without(query: dict[str, Any]) -> Changed:
    """A way to a service that takes from requests whatever was not asked for by the user."""
    names = {*query, "page_size", "next_token", "fields"}

    def change(request: httpx.Request) -> None:
        params = {name: value for name, value in request.url.params.items() if name in names}
        request.url = request.url.copy_with(params=params)

    return Changed(change)


few = settings() if settings().max_examples > 100 else settings(max_examples=25)


@st.composite
def bounded(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name, query, sizes = draw(st.sampled_from(BOUNDED))
    return name, {**query, "page_size": draw(st.sampled_from(sizes))}


@few
@given(case=bounded(), fields=st.sampled_from([None, None, "keys", "others"]))
def test_bounds_change_nothing_about_the_rows(
    session_type: Any, sandbox_now: Sandbox, case: Any, fields: str | None
) -> None:
    name, query = case
    wanted = {"keys": ["dataset_id", "run_number"], "others": ["dataset"]}.get(fields or "")
    if wanted and name != "run":
        wanted += ["ls_number"]
    arguments = (session_type, sandbox_now)
    plain = listed(*arguments, without(query), name, query, fields=wanted).to_arrow()
    assert plain.num_rows > 0
    for concurrency in (1, 3):
        rows = listed(*arguments, Changed(), name, query, fields=wanted, concurrency=concurrency)
        assert to_bytes(rows.to_arrow()) == to_bytes(plain)


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize(
    ("case", "bound"),
    [
        (0, "run_number__gte"),
        (1, "dataset_id"),
        (4, "run_number__gte"),
        (6, "ls_number__gte"),
        (7, None),
        (10, "run_number__gte"),
        (11, "ls_number__gte"),
        (12, "dataset_id"),
        (14, "run_number__gte"),
    ],
)
def test_a_service_that_refuses_bounds_gives_all_rows_for_one_request_more(
    session_type: Any, sandbox_now: Sandbox, case: int, bound: str | None, status: int
) -> None:
    name, query, sizes = BOUNDED[case]
    query = {**query, "page_size": sizes[0]}

    def change(request: httpx.Request) -> httpx.Response | None:
        params = request.url.params
        is_bounded = "next_token" in params and {*params} - {*query, "next_token"}
        return httpx.Response(status, json={"detail": "no such filter"}) if is_bounded else None

    taking, refusing = Changed(), Changed(change)
    rows = listed(session_type, sandbox_now, taking, name, query)
    same = listed(session_type, sandbox_now, refusing, name, query, retries=0)
    assert to_bytes(same.to_arrow()) == to_bytes(rows.to_arrow())
    assert len(taking.sent) > 2
    later = taking.sent[1:]
    assert (
        all(bound in one for one in later)
        if bound
        else not [one for one in later if {*one} - {*query, "next_token"}]
    )
    assert len(refusing.sent) == len(taking.sent) + (bound is not None)


class Jealous(httpx.BaseTransport):
    """The way to a service that accepts a cursor only with the filters that it was given with.

    Each request has a connection of its own: clients of one session must not share any, as one that is given up breaks
    its connections off.
    """

    def __init__(self) -> None:
        self._given: set[tuple[str, frozenset[tuple[str, str]]]] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        params = dict(request.url.params)
        filters = frozenset((name, value) for name, value in params.items() if name not in PAGING)
        token = params.get("next_token")
        if token is not None and (token, filters) not in self._given:
            return httpx.Response(404, json={"detail": "Invalid cursor"})
        with httpx.HTTPTransport() as way, closing(way.handle_request(request)) as answer:
            answer.read()
        link = answer.json().get("next")
        if link is not None:
            self._given.add((httpx.URL(link).params["next_token"], filters))
        return httpx.Response(answer.status_code, json=answer.json())


@pytest.mark.parametrize("concurrency", [1, 2, 3])
@pytest.mark.parametrize("query", [{"dataset_id": 14677060}, {}])
@pytest.mark.filterwarnings("ignore:the service does not accept the position")
def test_a_service_that_takes_cursors_with_their_own_filters_only_gives_all_rows(
    session_type: Any, sandbox_now: Sandbox, query: dict[str, Any], concurrency: int
) -> None:
    query = {**query, "page_size": 300}
    rows = listed(session_type, sandbox_now, Changed(), "lumi", query)
    with session_type(
        sandbox_now.url, Credentials(token=sandbox_now.secret), "tracker", transport=Jealous()
    ) as session:
        lumi = of_session(session, "lumi")
        same = lumi.list_all(LumisectionFilters(**query), concurrency=concurrency, retries=0)
    assert to_bytes(same.to_arrow()) == to_bytes(rows.to_arrow())
    assert len(rows) > 1200


def test_bounds_are_those_of_the_last_row(service: Lumisections) -> None:
    filters = LumisectionFilters(page_size=PAGE, dataset_id=DATASET["dataset_id"])
    assert dicts(service.lumi.list_all(filters)) == ROWS
    firsts = [int(one["run_number__gte"]) for one in service.requests[1:]]
    assert firsts == [ROWS[at - 1]["run_number"] for at in range(PAGE, 800, PAGE)]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_empty_pages_without_end_are_an_error(service: Lumisections, concurrency: int) -> None:
    """Each with a new cursor, from the second page on."""
    filters = LumisectionFilters(page_size=PAGE)

    def before(number: int) -> httpx.Response | None:
        link = f"http://elsewhere.test/?next_token=x{number}"
        return httpx.Response(200, json={"next": link, "previous": None, "results": []}) if number else None

    service.before = before
    with pytest.raises(PaginationError, match="100 pages in a row have no rows"):
        service.lumi.list_all(filters, concurrency=concurrency)
