"""Parts as pages: what a page of a part is, where a listing resumes, and which threads stop. No network."""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
from attrs import evolve
from cmsdials.errors import ConfigurationError, GatewayError, ServerError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pages import Pages
from cmsdials.listing.pagination import Listing
from cmsdials.listing.parts import OnePart, Parts, Plan, are_parts
from cmsdials.listing.provenance import Origin
from cmsdials.models import Lumisection
from cmsdials.parallel.split import Position
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
    """What pages are asked of.

    Attributes:
        asked: The query and the paging of each page.
        plans: How often the runs were asked for.
        density: Rows that it is thought to have in a lumisection; there is one.
        before: Called with the number of each page that is asked for; it may raise.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.plans = 0
        self.density = 1.0
        self._counting = threading.Lock()
        self.before: Callable[[int], object] = lambda _number: None

    def plan(self) -> Plan:
        self.plans += 1
        return [*KEYS], self.density

    def fetch(self, query: Mapping[str, Any], listing: Listing, _retry_when_slow: bool) -> Page[Lumisection]:
        paging = listing.parameters()
        with self._counting:
            number = len(self.asked)
            self.asked.append({**query, **paging})
        self.before(number)
        begin = int(paging.get("next_token", 0))
        end = begin + paging["page_size"]
        rows = [key for key in ROWS if wanted(query, *key)]
        link = f"http://elsewhere.test/?next_token={end}" if end < len(rows) else None
        records = [Lumisection(run_number=run, ls_number=ls, **OTHERS) for run, ls in rows[begin:end]]
        return Page(RowStore(Lumisection, rows=records), link, None, bodies=(b"page %d" % number,))

    def parts(self, *, workers: int = 2, page_size: int | None = 20, **query: Any) -> Parts[Lumisection]:
        one = OnePart(
            evolve(ORIGIN, query=query),
            Lumisection,
            self.fetch,
            lambda position: f"http://dials.test/?next_token={position}",
            page_size,
        )
        return Parts(one, plan=self.plan, workers=workers)

    def pages(self, **options: Any) -> Pages[Lumisection]:
        parts, listing = self.parts(**options), Listing(page_size=None, max_pages=None)
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
        # What was begun page by page goes on so, what was begun in parts too.
        ({}, ACCEPTS, "an opaque cursor", 3, False),
        ({}, ACCEPTS, "after.14677060.367112.10", 3, True),
        ({}, ACCEPTS, "after.14677060", 1, True),
        # Of these there are not so many.
        ({}, RunFilters.PARAMETERS, None, 3, False),
        ({}, MLBadLumisectionFilters.PARAMETERS, None, 3, False),
    ],
)
def test_which_listings_are_fetched_in_parts(
    query: Any, accepts: Any, cursor: str | None, concurrency: int, are: bool
) -> None:
    listing = Listing(page_size=None, max_pages=None, cursor=cursor)
    assert are_parts(query, accepts, listing, concurrency) is are


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
def test_a_page_is_a_part_with_its_rows_its_answers_and_how_far_it_is(service: Service, workers: int) -> None:
    asked: list[str | None] = [None]
    pages = []
    with closing(service.parts(workers=workers)) as fetch:
        while not pages or pages[-1].next is not None:
            pages.append(fetch(after(asked[-1]), False))
            asked.append(cursor_of(pages[-1].next))
    assert keys(pages) == ROWS
    *parts, end = pages
    assert (len(end.rows), end.bodies) == (0, ())
    assert sorted(body for page in parts for body in page.bodies) == sorted(
        b"page %d" % number for number in range(len(service.asked))
    )
    assert parts[-1].next == "http://dials.test/?next_token=after.14677060"
    for page in parts:
        last = keys([page])[-1:]
        position = str(page.next).partition("=")[2].split(".")[2:]
        assert [*map(int, position)] in ([*last[0]], [last[0][0]], []) if last else True


def test_a_part_of_several_pages_is_one_page(service: Service) -> None:
    service.density = 0.25
    assert keys(service.pages()) == ROWS
    assert any("next_token" in one for one in service.asked)


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


def test_what_one_part_learns_about_slow_pages_serves_the_others(service: Service) -> None:
    def before(number: int) -> None:
        if service.asked[number]["page_size"] > 25:
            raise GatewayError(status_code=504)

    service.before = before
    service.density = 10.0  # than which there is less, so there are several parts
    # One part after the other, so that the order is known.
    pages = list(service.pages(workers=1, page_size=None))
    assert keys(pages) == ROWS
    assert sum(len(page.rows) > 0 for page in pages) >= 3
    refused = [one["page_size"] for one in service.asked if one["page_size"] > 25]
    assert refused[:5] == [500, 250, 125, 62, 31]
    assert refused.count(500) == 1


# --- resuming


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_after_an_error_it_goes_on_where_it_has_come(service: Service, workers: int) -> None:
    def before(number: int) -> None:
        if number == 6:
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
    asked = len(service.asked)
    go()
    assert rows == ROWS
    assert service.plans == 2
    assert len(service.asked) - asked <= len(KEYS) * 50 / 2


def after(position: object | None) -> Listing:
    """A listing that has come to a position."""
    return Listing(page_size=None, max_pages=None, cursor=None if position is None else str(position))


@pytest.mark.parametrize(
    "position", [Position(14677060), Position(14677060, 367112), Position(14677060, 367112, 7)]
)
def test_it_begins_after_a_position(service: Service, position: Position) -> None:
    parts = service.parts()
    page = parts(after(position), False)
    reached = (position.run_number or 10**9, position.ls_number or 10**9)
    got = keys([page])
    while page.next is not None:
        page = parts(after(cursor_of(page.next)), False)
        got += keys([page])
    assert got == [key for key in ROWS if key > reached]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_is_asked_for_again_comes_again(service: Service, workers: int) -> None:
    """As after an error of whoever keeps the pages, to whom the page has come and does not count."""
    rows: list[tuple[int, int]] = []
    with closing(service.parts(workers=workers)) as parts:
        reached: str | None = None
        while True:
            page, again = parts(after(reached), False), parts(after(reached), False)
            assert keys([again]) == keys([page])
            assert again.next == page.next
            rows += keys([page])
            if page.next is None:
                break
            reached = cursor_of(page.next)
    assert rows == ROWS


# --- stopping


class Held:
    """Pages never come, but for what is before all runs and for the first rows, unless the thread is told to stop.

    Attributes:
        waiting: Released once for each that waits.
        ended: Released once for each that was to stop.
    """

    def __init__(self, service: Service) -> None:
        self.waiting, self.ended = threading.Semaphore(0), threading.Semaphore(0)
        self._service = service

    def __call__(self, number: int) -> None:
        stop = current_stop()
        assert stop is not None
        stop.check()
        if "ls_number__gte" in self._service.asked[number]:
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
    held = Held(service)
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
    held = Held(service)

    def before(number: int) -> None:
        if service.asked[number].get("ls_number__lte") == 17:  # the first rows
            assert held.waiting.acquire(timeout=BOUND)
            raise ServerError(status_code=500)
        held(number)

    service.before = before
    with pytest.raises(ServerError):
        list(service.pages())
    assert held.ended.acquire(timeout=BOUND)


def test_what_was_closed_can_be_gone_on_with(service: Service) -> None:
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

    def __init__(self, *runs: int) -> None:
        super().__init__()
        self.runs = runs

    def fetch(self, query: Mapping[str, Any], listing: Listing, retry_when_slow: bool) -> Page[Lumisection]:
        page = super().fetch(query, listing, retry_when_slow)
        rows = [row for row in page.rows if row.run_number in self.runs]
        return Page(RowStore(Lumisection, rows=rows), page.next, None, bodies=page.bodies)


@pytest.mark.parametrize("runs", [(), (367111,), (367113,), (367114,)])
def test_only_parts_with_rows_are_handed_on_or_one_if_there_are_none(runs: tuple[int, ...]) -> None:
    pages = Sparse(*runs).pages()
    came = [len(page.store) for page in pages]
    assert all(came) if runs else came == [0]
    assert sum(came) == 50 * len(runs)
