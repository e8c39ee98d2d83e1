"""Parts page by page: what a page of a part is, where a listing resumes, and which threads stop. No network."""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from attrs import evolve
from cmsdials.errors import ConfigurationError, GatewayError, ServerError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import Listing
from cmsdials.listing.parts import Fetching, Parts, Runs, are_parts
from cmsdials.listing.provenance import Origin
from cmsdials.models import Lumisection
from cmsdials.parallel.split import Position, read_position
from cmsdials.runtime.interrupts import current_stop
from cmsdials.table.rows import RowStore
from cmsdials_api.filters import LumisectionFilters, MLBadLumisectionFilters, RunFilters

BOUND = 120.0  # seconds until what should have happened is given up on
ACCEPTS = LumisectionFilters.PARAMETERS
ORIGIN = Origin(resource="lumi", base_url="http://dials.test/", workspace=None, query={})
OTHERS: dict[str, Any] = {"dataset_id": 14677060, "dataset": "/Z/R/D", "th1_count": 1, "th2_count": 2}
KEYS = [(14677060, run, 50) for run in (367111, 367112, 367113, 367114)]


def crew() -> list[threading.Thread]:
    """Return the threads that fetch parts."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("cmsdials-")]


def all_gone() -> bool:
    for thread in crew():
        thread.join(BOUND)
    return crew() == []


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert all_gone()


class Service:
    """What pages are asked of. A cursor of it means the rows after a row, whatever filters it comes with.

    Its first page comes when the runs are known, if these are asked for beside it.

    Attributes:
        asked: The query and the paging of each page.
        plans: How often the runs were asked for.
        before: Called with the number of each page that is asked for; it may raise.
        find: Called when the runs are asked for; it may raise.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.plans = 0
        self._counting = threading.Lock()
        self.before: Callable[[int], object] = lambda _number: None
        self.find: Callable[[], object] = lambda: None

    def runs(self) -> Runs:
        self.plans += 1
        self.find()
        return [*KEYS]

    def fetch(self, query: Mapping[str, Any], listing: Listing, _retry_when_slow: bool) -> Page[Lumisection]:
        paging = listing.parameters()
        with self._counting:
            number = len(self.asked)
            self.asked.append({**query, **paging})
        if not number:
            for thread in crew():
                if thread.name == "cmsdials-beside":
                    thread.join(BOUND)
        self.before(number)
        cursor = tuple(int(key) for key in paging.get("next_token", "0/0").split("/"))
        rows = [row for row in ROWS if wanted(query, *row) and row > cursor]
        page = rows[: paging["page_size"]]
        link = "http://dials.test/?next_token={}/{}".format(*page[-1]) if len(page) < len(rows) else None
        return Page(self.store(page), link, None, bodies=(b"page %d" % number,))

    def store(self, rows: Sequence[tuple[int, int]]) -> RowStore[Lumisection]:
        return RowStore(
            Lumisection, rows=[Lumisection(run_number=run, ls_number=ls, **OTHERS) for run, ls in rows]
        )

    def parts(self, *, workers: int = 2, page_size: int | None = 20, **query: Any) -> Parts[Lumisection]:
        fetching = Fetching(
            evolve(ORIGIN, query=query),
            Lumisection,
            self.fetch,
            self.runs,
            lambda position: f"http://dials.test/?next_token={position}",
            page_size,
        )
        return Parts(fetching, workers)

    def pages(self, cursor: str | None = None, **options: Any) -> Pages[Lumisection]:
        parts, listing = self.parts(**options), after(cursor)
        listing.in_parts = True
        return Pages(parts, listing, lambda: ORIGIN, close=parts.close)


ROWS = [(run, ls) for _, run, count in KEYS for ls in range(1, count + 1)]


def wanted(query: Mapping[str, Any], run: int, ls: int) -> bool:
    bounds = [("run_number", run), ("ls_number", ls)]
    return all(
        query.get(name, value) == value
        and query.get(f"{name}__gte", value) <= value <= query.get(f"{name}__lte", value)
        for name, value in bounds
    )


def after(position: object | None) -> Listing:
    """A listing that has come to a position, or to a cursor of the service."""
    return Listing(page_size=None, max_pages=None, cursor=None if position is None else str(position))


def keys(pages: Any) -> list[tuple[int, int]]:
    return [(row.run_number, row.ls_number) for page in pages for row in page.rows]


@pytest.fixture
def service() -> Service:
    return Service()


# --- which listings are


@pytest.mark.parametrize(
    ("query", "accepts", "cursor", "concurrency", "are"),
    [
        ({}, ACCEPTS, None, 1, False),
        ({}, ACCEPTS, None, 2, True),
        ({"ls_number": 3}, ACCEPTS, None, 3, True),
        ({"run_number": 3}, ACCEPTS, None, 3, True),
        ({"run_number__gte": 3, "ls_number": 3}, ACCEPTS, None, 3, True),
        # What was begun in parts goes on so, and a cursor of the service is good for both.
        ({}, ACCEPTS, "an opaque cursor", 3, True),
        ({}, ACCEPTS, "an opaque cursor", 1, False),
        ({}, ACCEPTS, "after.14677060.367112.10", 3, True),
        ({}, ACCEPTS, "after.14677060", 1, True),
        # Of these there are not so many.
        ({}, RunFilters.PARAMETERS, None, 3, False),
        ({}, MLBadLumisectionFilters.PARAMETERS, None, 3, False),
        ({"file_id": 3}, ACCEPTS, None, 3, False),
        ({"logical_file_name": "a"}, ACCEPTS, None, 3, False),
        ({"run_number": 3, "ls_number": 3}, ACCEPTS, None, 3, False),
        # Where a row is has to be known.
        ({"fields": ["ls_number"]}, ACCEPTS, None, 3, False),
        ({"fields": ["ls_number", "run_number", "dataset_id"]}, ACCEPTS, None, 3, True),
    ],
)
def test_which_listings_are_fetched_in_parts(
    query: Any, accepts: Any, cursor: str | None, concurrency: int, are: bool
) -> None:
    assert are_parts(query, accepts, after(cursor), concurrency) is are


def test_pages_that_are_counted_go_on_one_by_one_from_a_cursor() -> None:
    listing = Listing(page_size=None, max_pages=3, cursor="an opaque cursor")
    assert are_parts({}, ACCEPTS, listing, 3) is False


@pytest.mark.parametrize(
    ("query", "max_pages", "cursor", "concurrency", "says"),
    [
        ({}, None, None, 0, "concurrency must be a whole number"),
        ({"order_by": "ls_number"}, None, None, 2, "order_by and concurrency"),
        ({}, 3, None, 2, "max_pages and concurrency"),
        ({}, 3, "after.14677060", 1, "max_pages counts pages, and this listing was begun with concurrency"),
    ],
)
def test_what_cannot_be(
    query: Any, max_pages: int | None, cursor: str | None, concurrency: int, says: str
) -> None:
    listing = Listing(page_size=None, max_pages=max_pages, cursor=cursor)
    with pytest.raises(ConfigurationError, match=says):
        are_parts(query, ACCEPTS, listing, concurrency)


# --- what a page is


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("begin", [None, Position(0), Position(14677060, 367110)])
def test_each_page_has_its_rows_its_answers_and_how_far_it_is(
    service: Service, workers: int, begin: Position | None
) -> None:
    pages = []
    with closing(service.parts(workers=workers)) as fetch:
        cursor: str | None = None if begin is None else str(begin)
        while not pages or cursor is not None:
            pages.append(fetch(after(cursor), False))
            cursor = cursor_of(pages[-1].next)
    assert keys(pages) == ROWS
    assert [len(page.bodies) for page in pages] == [1] * (len(pages) - 1) + [len(pages[-1].rows) and 1]
    assert {body for page in pages for body in page.bodies} == {
        b"page %d" % number for number in range(len(service.asked))
    }
    got: list[tuple[int, int]] = []
    for page in pages[:-1]:
        got += keys([page])
        assert len(page.rows) <= 20
        position = read_position(cursor_of(page.next))
        if position is None:
            assert cursor_of(page.next) == "{}/{}".format(*got[-1])
        else:
            assert got + rows_after(position) == ROWS


def rows_after(position: Position) -> list[tuple[int, int]]:
    reached = (position.run_number or 10**9, position.ls_number or 10**9)
    return [key for key in ROWS if key > reached]


def test_the_first_page_is_asked_for_as_it_is_and_the_others_in_parts(service: Service) -> None:
    assert keys(service.pages(me_id=3)) == ROWS
    assert service.asked[0] == {"me_id": 3, "page_size": 20}
    assert all({"me_id", "dataset_id"} <= {*one} for one in service.asked[1:])
    assert len({one.get("run_number", one.get("run_number__gte")) for one in service.asked[1:]}) > 1
    assert len(service.asked) <= 13
    assert service.plans == 1


def test_one_page_is_one_request(service: Service) -> None:
    pages = [*service.pages(page_size=500)]
    assert [(len(page.rows), page.next) for page in pages] == [(200, None)]
    assert (len(service.asked), service.plans) == (1, 1)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_follows_a_cursor_of_the_service_is_fetched_in_parts(service: Service, workers: int) -> None:
    assert keys(service.pages("367112/7", workers=workers)) == rows_after(Position(14677060, 367112, 7))
    assert service.asked[0]["next_token"] == "367112/7"


def test_no_rows_have_the_fields_that_were_asked_for(service: Service) -> None:
    end = service.parts(fields=["ls_number"])(after("after.14677060"), False)
    assert (len(end), end.store.fields) == (0, ["ls_number"])


def test_runs_are_asked_for_when_the_first_page_is(service: Service) -> None:
    pages = service.pages()
    assert (service.plans, service.asked) == (0, [])
    next(pages)
    assert service.plans == 1
    list(pages)
    assert service.plans == 1


def test_one_worker_asks_for_no_runs(service: Service) -> None:
    """It fetches page after page, as any listing."""
    assert keys(service.pages(workers=1)) == ROWS
    assert (service.plans, len(service.asked)) == (0, 10)


@pytest.mark.parametrize("begin", [None, "after.14677060.367110"])
@pytest.mark.parametrize("wanted", [None, 100])
def test_what_one_part_learns_about_slow_pages_serves_the_others(
    service: Service, begin: str | None, wanted: int | None
) -> None:
    def before(number: int) -> None:
        if service.asked[number]["page_size"] > 25:
            raise GatewayError(status_code=504)

    service.before = before
    # One page after the other, so that the order is known.
    pages = list(service.pages(begin, workers=1, page_size=wanted))
    assert keys(pages) == ROWS
    refused = [one["page_size"] for one in service.asked if one["page_size"] > 25]
    halves = [500, 250, 125, 62, 31] if wanted is None else [100, 50]
    assert refused[: len(halves)] == halves
    assert refused.count(halves[0]) == 1


# --- if it is not known which runs there are


def test_that_the_runs_cannot_be_listed_is_an_error_after_the_first_page(service: Service) -> None:
    def find() -> None:
        raise ServerError(status_code=500)

    service.find = find
    pages = service.pages()
    assert keys([next(pages)]) == ROWS[:20]
    with pytest.raises(ServerError):
        next(pages)
    service.find = lambda: None
    assert keys(pages) == ROWS[20:]


def test_that_the_runs_cannot_be_listed_does_not_matter_for_one_page(service: Service) -> None:
    def find() -> None:
        raise ServerError(status_code=500)

    service.find = find
    assert keys(service.pages(page_size=500)) == ROWS


def test_as_long_as_the_runs_are_not_known_pages_come_one_after_the_other(service: Service) -> None:
    found = threading.Event()

    def find() -> None:
        assert found.wait(BOUND)

    def before(number: int) -> None:
        if number == 5:
            found.set()

    class Unplanned(Service):
        def fetch(
            self, query: Mapping[str, Any], listing: Listing, retry_when_slow: bool
        ) -> Page[Lumisection]:
            if not self.asked:
                self.asked.append({})  # so that its first page does not wait for the runs
            return super().fetch(query, listing, retry_when_slow)

    service = Unplanned()
    service.find, service.before = find, before
    assert keys(service.pages()) == ROWS
    assert [one.get("next_token") for one in service.asked[1:6]] == [
        None,
        *(f"{run}/{ls}" for run, ls in (ROWS[19], ROWS[39], ROWS[59], ROWS[79])),
    ]


# --- resuming


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("failing", [0, 1, 3, 6, 9])
def test_after_an_error_it_goes_on_where_it_has_come(service: Service, workers: int, failing: int) -> None:
    def before(number: int) -> None:
        if number == failing:
            raise ServerError(status_code=500)

    service.before = before
    pages = service.pages(workers=workers)
    rows: list[tuple[int, int]] = []

    def go() -> None:
        for page in pages:
            rows.extend(keys([page]))

    with pytest.raises(ServerError):
        go()
    assert rows == ROWS[: len(rows)]
    assert all_gone()
    go()
    assert rows == ROWS
    assert service.plans <= 2


@pytest.mark.parametrize(
    "position", [Position(14677060), Position(14677060, 367112), Position(14677060, 367112, 7)]
)
def test_it_begins_after_a_position(service: Service, position: Position) -> None:
    assert keys(service.pages(str(position))) == rows_after(position)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_is_asked_for_again_comes_again(service: Service, workers: int) -> None:
    """As after an error of whoever keeps the pages, to whom the page has come and does not count."""
    rows: list[tuple[int, int]] = []
    with closing(service.parts(workers=workers)) as parts:
        reached: str | None = None
        while True:
            page, again = parts(after(reached), False), parts(after(reached), False)
            # It may be cut otherwise.
            assert all(one == other for one, other in zip(keys([page]), keys([again]), strict=False))
            rows += keys([again])
            if again.next is None:
                break
            reached = cursor_of(again.next)
    assert rows == ROWS


# --- stopping


class Held:
    """Pages never come, but for the first one, unless the thread is told to stop.

    Attributes:
        waiting: Released once for each that waits.
        ended: Released once for each that was to stop.
    """

    def __init__(self) -> None:
        self.waiting, self.ended = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, number: int) -> None:
        stop = current_stop()
        assert stop is not None
        stop.check()
        if number:
            self.waiting.release()
            assert stop.wait(BOUND)
            self.ended.release()
            stop.check()

    def all_wait(self) -> bool:
        return all(self.waiting.acquire(timeout=BOUND) for _ in range(2))

    def all_ended(self) -> bool:
        return all(self.ended.acquire(timeout=BOUND) for _ in range(2))


@pytest.mark.parametrize("how", ["close", "with", "forget", "another error"])
def test_what_is_under_way_stops_when_it_is_not_wanted_any_more(service: Service, how: str) -> None:
    held = Held()
    service.before = held
    pages = service.pages()
    next(pages)
    assert held.all_wait()
    match how:
        case "close":
            pages.close()
        case "with":
            with pages:
                pass
        case "forget":
            del pages
            gc.collect()
        case _:
            with pytest.raises(ZeroDivisionError), pages:
                1 / 0  # noqa: B018
    assert held.all_ended()
    asked = len(service.asked)
    assert all_gone()
    assert len(service.asked) == asked


def test_an_error_of_one_ends_the_others(service: Service) -> None:
    held = Held()

    def before(number: int) -> None:
        query = service.asked[number]
        if (
            query.get("run_number") == 367111 and "next_token" in query
        ):  # the second page, while another waits
            assert held.waiting.acquire(timeout=BOUND)
            raise ServerError(status_code=500)
        held(number)

    service.before = before
    with pytest.raises(ServerError):
        list(service.pages())
    assert held.ended.acquire(timeout=BOUND)


def test_what_was_closed_can_be_continued(service: Service) -> None:
    pages = service.pages()
    rows = keys([next(pages), next(pages)])
    pages.close()
    pages.close()
    assert all_gone()
    assert rows + keys(pages) == ROWS


def test_parts_that_are_too_slow_are_not_asked_for_in_smaller_pieces_twice(service: Service) -> None:
    def before(_: int) -> None:
        raise GatewayError(status_code=504)

    service.before = before
    with pytest.raises(GatewayError):
        next(service.pages(workers=1, page_size=None))
    assert [one["page_size"] for one in service.asked] == [500, 250, 125, 62, 31, 15, 7, 3, 1]


class Sparse(Service):
    """What has no row in some of its runs."""

    def __init__(self, *filled: int) -> None:
        super().__init__()
        self.filled = filled

    def store(self, rows: Sequence[tuple[int, int]]) -> RowStore[Lumisection]:
        return super().store([row for row in rows if row[0] in self.filled])


@pytest.mark.parametrize("runs", [(), (367111,), (367113,), (367114,)])
def test_only_pages_with_rows_are_handed_on_or_one_if_there_are_none(runs: tuple[int, ...]) -> None:
    pages = Sparse(*runs).pages()
    came = [len(page.store) for page in pages]
    assert all(came) if runs else came == [0]
    assert sum(came) == 50 * len(runs)
