"""The state of a listing: it moves after good pages only, and cannot go round in circles."""

from typing import Any

import pytest
from attrs import evolve
from cmsdials.errors import ConfigurationError, PaginationError
from cmsdials.listing.page import Page, cursor_of
from cmsdials.listing.pagination import (
    GOOD_PAGES_TO_GROW,
    LARGEST_PAGE,
    MOST_EMPTY_PAGES,
    MOST_PAGES_TO_GROW,
    Listing,
    PageSize,
)
from cmsdials.models import Run
from cmsdials.table.rows import RowStore


def page(*numbers: int, next: str | None = None) -> Page[Run]:
    rows = [Run(dataset_id=1, dataset="/Z", run_number=number, ls_count=1) for number in numbers]
    link = None if next is None else f"https://somewhere.test/api/v1/run/?page_size=3&next_token={next}"
    return Page(RowStore(Run, rows=rows), link, None)


def listing(**options: Any) -> Listing:
    return Listing(**({"page_size": None, "max_pages": None} | options))


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        (None, None),
        ("", None),
        ("http://x/?next_token=abc", "abc"),
        ("http://x/?page_size=3&next_token=cD0%3D&fields=a", "cD0="),
        ("/api/v1/run/?next_token=a&next_token=b", "b"),
        ("http://x/?page_size=3", None),
        ("http://[x/?next_token=abc", None),
    ],
)
def test_a_link_gives_its_cursor_alone(link: str | None, cursor: str | None) -> None:
    assert cursor_of(link) == cursor


def test_it_goes_from_cursor_to_cursor_until_there_is_no_link() -> None:
    state = listing(page_size=2)
    assert state.parameters() == {"page_size": 2}
    state.accept(page(1, 2, next="a"))
    assert (state.parameters(), state.finished) == ({"page_size": 2, "next_token": "a"}, False)
    state.accept(page(3))
    assert (state.finished, state.reached.complete, state.reached.next) == (True, True, None)
    assert (state.reached.pages, state.reached.rows) == (2, 3)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, {"page_size": LARGEST_PAGE}),
        ({"max_pages": 5}, {}),
        ({"page_size": 7}, {"page_size": 7}),
        ({"page_size": 7, "max_pages": 5}, {"page_size": 7}),
        ({"cursor": "c"}, {"page_size": LARGEST_PAGE, "next_token": "c"}),
    ],
)
def test_the_page_size_is_ours_to_choose_only_when_nothing_is_said(options: Any, asked: Any) -> None:
    assert listing(**options).parameters() == asked


def test_max_pages_ends_it_without_another_request() -> None:
    state = listing(max_pages=1)
    state.accept(page(1, next="a"))
    assert (state.finished, state.reached.complete) == (True, False)
    assert cursor_of(state.reached.next) == "a"


def test_an_empty_page_with_a_link_is_stepped_over() -> None:
    state = listing()
    state.accept(page(next="a"))
    assert not state.finished
    state.accept(page(1))
    assert state.reached.rows == 1


@pytest.mark.parametrize("back_to", ["start", "a"])
def test_a_cursor_that_repeats_raises_and_leaves_the_state(back_to: str) -> None:
    state = listing(cursor="start")
    state.accept(page(1, next="a"))
    with pytest.raises(PaginationError, match="page 2 links back"):
        state.check(page(2, next=back_to))
    assert state.reached.rows == 1
    assert (state.reached.pages, cursor_of(state.reached.next)) == (1, "a")


def test_a_link_without_a_cursor_raises() -> None:
    with pytest.raises(PaginationError, match="without a cursor"):
        listing().check(Page(RowStore(Run), "http://x/?page_size=3", None))


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [250, 125, 62, 31, 15, 7, 3, 1]),
        ({"page_size": 100}, [50, 25, 12, 6, 3, 1]),
        ({"page_size": 2000}, [250, 125, 62, 31, 15, 7, 3, 1]),
        ({"max_pages": 3}, [5, 2, 1]),
        ({"max_pages": 3, "page_size": 500}, [250, 125, 62, 31, 15, 7, 3, 1]),
    ],
)
def test_it_shrinks_whoever_chose_the_size(options: Any, sizes: list[int]) -> None:
    state = listing(**options)
    came = []
    while state.can_shrink:
        state.shrink()
        came.append(state.parameters()["page_size"])
    assert came == sizes


def test_parts_shrink_for_themselves() -> None:
    of_parts = listing()
    of_parts.in_parts = True
    assert not of_parts.can_shrink


def test_it_grows_again_after_good_pages() -> None:
    state = listing()
    state.shrink()
    state.shrink()
    sizes = []
    for number in range(12):
        sizes.append(state.parameters()["page_size"])
        state.accept(page(number, next=f"c{number}"))
    assert sizes == [125] * 4 + [250] * 4 + [500] * 4


def walked(state: Listing, limit: int, requests: int) -> list[int]:
    """The page sizes asked for, if pages larger than the limit take too long."""
    sizes: list[int] = []
    for number in range(requests):
        sizes.append(state.parameters()["page_size"])
        if sizes[-1] > limit:
            state.shrink()
        else:
            state.accept(page(number, next=f"c{state.reached.pages}"))
    return sizes


@pytest.mark.parametrize(("limit", "best"), [(300, 250), (130, 125), (1, 1), (499, 250)])
def test_it_does_not_run_against_a_limit_for_ever(limit: int, best: int) -> None:
    sizes = walked(listing(), limit, 2000)
    late = [number for number, size in enumerate(sizes) if size > limit]
    assert len(late) < 25
    assert set(sizes[late[0] :]) - {size for size in sizes if size > limit} == {best}
    assert late[-1] - late[-2] == MOST_PAGES_TO_GROW + 1, "but it tries again from time to time"


def test_a_page_that_is_late_once_in_a_while_costs_no_more_each_time() -> None:
    size = PageSize()
    for _ in range(50):
        for _ in range(100):
            size = size.after_a_good_page()
        assert size.rows == LARGEST_PAGE
        size = size.halved()
    assert size == PageSize(allowed=LARGEST_PAGE // 2)


def test_a_page_size_of_the_user_stays() -> None:
    state = listing(page_size=7)
    for number in range(2 * GOOD_PAGES_TO_GROW):
        assert state.parameters()["page_size"] == 7
        state.accept(page(number, next=f"c{number}"))


def test_after_an_outage_it_grows_as_fast_as_ever() -> None:
    state = listing()
    walked(state, 300, 500)
    while state.can_shrink:
        state.shrink()
    sizes = walked(state, 500, 300)
    assert len([size for size in sizes if size < 500]) < 9 * GOOD_PAGES_TO_GROW + MOST_PAGES_TO_GROW
    again = listing()
    while again.can_shrink:
        again.shrink()
    assert walked(again, 500, 40)[-1] == 500


def test_going_on_goes_before_where_the_listing_began() -> None:
    state = listing(next="http://x/?next_token=b", cursor="start")
    assert (state.parameters()["next_token"], cursor_of(state.reached.next)) == ("b", "b")


def test_going_on_notices_a_link_to_a_page_of_before() -> None:
    before = listing(cursor="start")
    before.accept(page(1, next="a"))
    before.accept(page(2, next="b"))
    assert before.passed == {"start", "a"}
    after = listing(next=before.reached.next, passed=before.passed)
    with pytest.raises(PaginationError, match="links back"):
        after.check(page(3, next="a"))
    after.accept(page(3, next="c"))
    assert after.passed == {"start", "a", "b"}


@pytest.mark.parametrize("in_parts", [False, True])
def test_empty_pages_without_end(in_parts: bool) -> None:
    state = listing()
    state.in_parts = in_parts
    state.accept(page(1, next="first"))
    for number in range(MOST_EMPTY_PAGES - 1):
        state.accept(page(next=f"c{number}"))
    with pytest.raises(PaginationError, match="100 pages in a row have no rows"):
        state.check(page(next="one more"))
    state.check(page())  # the last one may be empty
    state.check(page(2, next="one more"))
    state.accept(page(2, next="one more"))
    state.check(page(next="another"))


def test_any_number_of_parts_may_be_empty() -> None:
    state = listing()
    state.in_parts = True
    for number in range(3 * MOST_EMPTY_PAGES):
        state.check(page(next=f"after.1.{number}"))
        state.accept(page(next=f"after.1.{number}"))
    assert not state.finished


def test_the_last_page_may_be_empty_however_many_were_before() -> None:
    state = listing()
    for number in range(MOST_EMPTY_PAGES - 1):
        state.accept(page(next=f"c{number}"))
    state.accept(page())
    assert (state.reached.complete, state.reached.rows) == (True, 0)


@pytest.mark.parametrize(
    "options",
    [
        {"max_pages": 0},
        {"max_pages": -1},
        {"page_size": 0},
        {"max_pages": True},
        {"page_size": "7"},
        {"page_size": 2.5},
    ],
)
def test_numbers_below_one_and_what_is_not_a_number_are_refused(options: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a whole number from 1 on"):
        listing(**options)


def pages_of(rows: int, size: int, seconds: float, number: int) -> Page[Run]:
    made = page(*range(number * 1000, number * 1000 + rows), next=f"c{number}")
    return evolve(made, bodies=(b"x" * size,), seconds=seconds)


@pytest.mark.parametrize(
    ("bytes_each", "seconds_each", "options", "rows"),
    [
        (1_500, 0.0004, {}, 500),
        (10_000, 0.001, {}, 500),
        (40_000, 0.002, {}, 125),
        (40_000, 0.002, {"page_size": 500}, 125),
        (40_000, 0.002, {"page_size": 60}, 60),
        (1_000, 0.02, {}, 150),
        (40_000, 0.1, {}, 30),
        (8_000_000, 2.0, {}, 1),
    ],
)
def test_a_page_is_neither_too_large_nor_too_slow(
    bytes_each: int, seconds_each: float, options: Any, rows: int
) -> None:
    state = listing(**options)
    for number in range(3):
        asked = state.parameters()["page_size"]
        state.accept(pages_of(asked, asked * bytes_each, asked * seconds_each, number))
        assert state.parameters()["page_size"] == rows


def test_few_rows_that_took_long_say_nothing_of_many() -> None:
    state = listing()
    state.accept(pages_of(3, 3_000, 20.0, 0))
    assert state.parameters()["page_size"] == LARGEST_PAGE


def test_pages_that_become_lighter_become_larger_again() -> None:
    state = listing()
    state.accept(pages_of(500, 50_000_000, 9.0, 0))
    assert state.parameters()["page_size"] == 50
    state.accept(pages_of(50, 50_000, 0.1, 1))
    assert state.parameters()["page_size"] == LARGEST_PAGE


def test_max_pages_counts_pages_as_they_were_wanted() -> None:
    state = listing(max_pages=2, page_size=100)
    state.shrink()
    asked = []
    while not state.finished:
        rows = state.parameters()["page_size"]
        asked.append(rows)
        state.accept(page(*range(len(asked) * 1000, len(asked) * 1000 + rows), next=f"c{len(asked)}"))
        if len(asked) == 1:
            state.shrink()
    assert (sum(asked), state.reached.pages) == (200, 2)
    assert asked[:3] == [50, 25, 25]
    assert not state.reached.complete


def test_max_pages_of_the_usual_size_that_had_to_shrink() -> None:
    state = listing(max_pages=1)
    assert state.parameters() == {}
    state.shrink()
    state.accept(page(*range(5), next="a"))
    assert (state.finished, state.parameters()) == (False, {"page_size": 5, "next_token": "a"})
    state.accept(page(*range(5, 10), next="b"))
    assert state.finished
