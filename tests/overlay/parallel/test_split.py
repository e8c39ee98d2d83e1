"""Parts in a row are the listing: whatever is known, guessed, learnt or resumed from, and however long a part is."""

import bisect
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from attrs import define, evolve
from cmsdials.filters import LumisectionHistogram1DFilters, MLBadLumisectionFilters, RunFilters
from cmsdials.parallel.split import MOST_PAGES, Part, Position, Splitter, can_be_split, read_position
from hypothesis import given
from hypothesis import strategies as st

Row = tuple[int, int, int, int]
KEYS = ("dataset_id", "run_number", "ls_number", "me_id")
ALL = LumisectionHistogram1DFilters.PARAMETERS
NAMES = {1: "/A", 2: "/B", 3: "/A"}


def lets_through(query: Mapping[str, Any], row: Row) -> bool:
    for name, value in query.items():
        key, _, comparison = name.partition("__")
        has: Any = NAMES[row[0]] if key == "dataset" else row[KEYS.index(key)]
        if comparison == "gte":
            good = has >= value
        elif comparison == "lte":
            good = has <= value
        elif comparison == "regex":
            good = value in has
        else:
            good = has == value
        if not good:
            return False
    return True


def answer(query: Mapping[str, Any], table: Sequence[Row]) -> list[Row]:
    """What the service would answer, in one page."""
    return sorted(row for row in table if lets_through(query, row))


@define(eq=False)
class Asked:
    """A page that was asked for, what comes of it, and when it was asked for, in seconds."""

    part: Part
    rows: list[Row]
    cursor: str | None
    begun: float


class Service:
    """Answers page by page. A cursor means the rows after a row, whatever filters are asked for with it."""

    def __init__(self, table: Sequence[Row]) -> None:
        self._rows = sorted(table)

    def ask(self, part: Part, page_rows: int) -> tuple[list[Row], str | None]:
        """Return a page of a part, and the cursor of the next one, if there are more rows."""
        query, rows = part.query, list[Row]()
        dataset, run = query.get("dataset_id"), query.get("run_number")
        low = query.get("run_number__gte", -math.inf) if run is None else run
        begin = 0 if dataset is None else bisect.bisect_left(self._rows, (dataset, low))  # type: ignore[type-var]  # as tuples do
        if part.cursor is not None:
            after = tuple(int(key) for key in part.cursor.split("/"))
            begin = max(begin, bisect.bisect_right(self._rows, after))  # type: ignore[type-var]
        for place in range(begin, len(self._rows)):
            row = self._rows[place]
            if dataset is not None and row[0] > dataset:
                break
            if lets_through(query, row):
                if len(rows) == page_rows:
                    return rows, "/".join(str(key) for key in rows[-1])
                rows.append(row)
        return rows, None


def walk(
    service: Service,
    cutting: Splitter,
    workers: int,
    choose: Callable[[list[Asked]], Asked],
    *,
    planned: int = 1,
    query: Mapping[str, Any] | None = None,
    after: Position | None = None,
) -> tuple[list[Row], list[Asked]]:
    """Fetch all parts, so many pages at a time: what is left of one takes its place in the line.

    The listing begins with its first page, and is cut once it is planned, which is when so many pages have come; or it
    begins after a position. `choose` says which page comes next. Returns the rows and the pages in their order.
    """
    line: list[Asked | Iterator[Part]] = [
        iter([Part(query or {})]) if after is None else cutting.parts(after)
    ]
    busy: list[Asked] = []
    now, have_come = 0.0, 0
    while True:
        place = 0
        while place < len(line) and len(busy) < workers:
            one = line[place]
            if isinstance(one, Asked):
                place += 1
            elif (part := next(one, None)) is None:
                del line[place]
            else:
                busy.append(Asked(part, *service.ask(part, cutting.page_rows), now))
                line.insert(place, busy[-1])
        if not busy:
            break
        page = choose(busy)
        now = max(now, seconds(page))
        busy.remove(page)
        have_come += 1
        line.insert(line.index(page) + 1, iter(left_of(page, cutting, is_planned=have_come >= planned)))
    pages = [one for one in line if isinstance(one, Asked)]
    return [row for page in pages for row in page.rows], pages


def left_of(page: Asked, cutting: Splitter, *, is_planned: bool) -> Iterable[Part]:
    first, last = (Position(*page.rows[place][:3]) if page.rows else None for place in (0, -1))
    if page.part.end is not None:
        return cutting.rest(page.part, last, len(page.rows), page.cursor)
    if page.cursor is None:
        return []
    if not is_planned or first is None or last is None:
        return [evolve(page.part, cursor=page.cursor)]
    return cutting.parts_from(first, last, len(page.rows), page.cursor)


def splitter(query: dict[str, Any], runs: Any, **changed: Any) -> Splitter:
    usual: dict[str, Any] = {"page_rows": 500, "workers": 3, "rows_per_lumisection": 1.0}
    return Splitter(query, runs, **{**usual, **changed})


def pages_of_one(query: dict[str, Any], runs: Any, **changed: Any) -> Splitter:
    """One whose parts have a page."""
    return splitter(query, runs, **{"most_pages": 1, **changed})


def came(cutting: Splitter, part: Part, rows: int) -> None:
    """Let all of a part come in one page."""
    assert list(cutting.rest(part, None, rows, None)) == []


def all_parts(
    cutting: Splitter,
    after: Position | None = None,
    rows: Callable[[Part], int] = lambda part: part.lumisections,
) -> list[Part]:
    parts = []
    for part in cutting.parts(after):
        parts.append(part)
        came(cutting, part, rows(part))
        assert len(parts) < 10_000
    return parts


# --- what is asked


def test_whole_runs_are_combined_as_long_as_they_fit_a_part() -> None:
    runs = [(7, 100 + 10 * number, 200) for number in range(40)]
    query = {"dataset": "/A", "me_id": 3, "fields": ["data"]}
    first, second, *_ = all_parts(pages_of_one(query, runs))
    assert first.query == {"me_id": 3, "fields": ["data"], "dataset_id": 7, "run_number__lte": 119}
    assert second.query == {
        "me_id": 3,
        "fields": ["data"],
        "dataset_id": 7,
        "run_number__gte": 120,
        "run_number__lte": 139,
    }
    assert (first.end, first.rows, first.lumisections) == (Position(7, 119), 400, 400)
    # A third of them would be 5.3 pages.
    first, *_ = all_parts(splitter(query, runs))
    assert (first.end, first.rows) == (Position(7, 219), 2400)


@pytest.mark.parametrize(
    ("lumisections", "most_pages", "whole_runs"),
    [
        (230, 4, 8),  # 3.7 pages
        (360, 4, 4),  # 2.9 pages; of 3.6 the last one would be less full
        (400, 4, 4),  # 3.2 pages are filled as well as 0.8
        (480, 4, 4),  # 3.8; one alone has no room in its page
        (500, 4, 3),  # 3.0 need room in a fourth
        (500, 1, 0),
        (2500, 4, 0),
    ],
)
def test_parts_of_whole_runs_have_full_pages(lumisections: int, most_pages: float, whole_runs: int) -> None:
    runs = [(7, 100 + number, lumisections) for number in range(400)]
    first, *_ = splitter({"run_number__gte": 100}, runs, most_pages=most_pages).parts()
    assert first.end is not None
    if whole_runs:
        assert first.end == Position(7, 99 + whole_runs)
    else:
        assert first.end.run_number == 100


def test_a_long_run_is_cut_into_pieces_and_its_neighbourhood_is_asked_too() -> None:
    parts = all_parts(pages_of_one({"dataset_id": 7}, [(7, 100, 4000)], page_rows=1000))
    assert [part.query for part in parts] == [
        {"dataset_id": 7},  # a wish: what comes of it is cut
    ]
    runs = [(7, 100, 4000), (7, 200, 4000)]
    parts = all_parts(pages_of_one({"dataset_id": 7}, runs, page_rows=1000))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number__lte": 100},
        {"dataset_id": 7, "run_number__gte": 101},
    ]
    parts = all_parts(pages_of_one({"dataset_id": 7}, [(7, 100, 3900)], page_rows=400))
    piece = {"dataset_id": 7, "run_number": 100}
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number__lte": 99},
        {**piece, "ls_number__lte": 390},
        *({**piece, "ls_number__gte": ls + 1, "ls_number__lte": ls + 390} for ls in range(390, 3510, 390)),
        {**piece, "ls_number__gte": 3511},
        {"dataset_id": 7, "run_number__gte": 101},
    ]
    assert [str(part.end) for part in parts] == [
        "after.7.99",
        *(f"after.7.100.{ls}" for ls in range(390, 3511, 390)),
        "after.7.100",
        "after.7",
    ]


@pytest.mark.parametrize(
    ("lumisections", "pieces"),
    [
        (2000, [2000]),  # not 1950, and 50 that need a request
        (2250, [1450, 800]),  # 3 and 2 pages; twice 2.3 would need 6
        (3900, [1950, 1950]),
        (4000, [2000, 2000]),
        (4500, [1500, 1500, 1500]),
    ],
)
def test_the_pieces_of_a_run_have_full_pages(lumisections: int, pieces: list[int]) -> None:
    runs = [(7, 100, lumisections), (7, 101, 50_000)]
    parts = splitter({"run_number__gte": 100}, runs, most_pages=4).parts()
    assert [next(parts).lumisections for _ in pieces] == pieces
    assert next(parts).query["run_number"] == 101


def test_one_run_needs_no_part_beside_it() -> None:
    parts = all_parts(pages_of_one({"run_number": 100}, [(7, 100, 900)]))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number": 100, "ls_number__lte": 450},
        {"dataset_id": 7, "run_number": 100, "ls_number__gte": 451},
    ]


def test_one_worker_gets_it_all() -> None:
    runs = [(8, 1, 10), *((7, number, 1500) for number in range(1000))]
    parts = all_parts(splitter({"ls_number": 78}, runs, workers=1))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "ls_number": 78},
        {"dataset_id": 8, "ls_number": 78},
    ]


def test_an_exact_lumisection_is_asked_run_by_run() -> None:
    runs = [(7, number, 1500) for number in range(900)]
    parts = all_parts(pages_of_one({"ls_number": 78}, runs))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number__lte": 449, "ls_number": 78},
        {"dataset_id": 7, "run_number__gte": 450, "ls_number": 78},
    ]


def test_what_contradicts_itself_is_not_asked() -> None:
    runs = [(7, 100, 2000)]
    assert all_parts(splitter({"run_number": 5, "run_number__gte": 7}, runs)) == []
    assert all_parts(splitter({"ls_number": 5, "ls_number__lte": 4}, runs)) == []
    assert all_parts(splitter({}, [])) == []


@pytest.mark.parametrize("runs", [[], [(7, 100, 2000)]])
def test_a_dataset_that_is_asked_for_by_its_id_is_asked_even_if_no_run_of_it_is_listed(runs: Any) -> None:
    query = {"dataset": "/B", "dataset_id": 8, "run_number__gte": 5}
    (part,) = all_parts(splitter(query, runs))
    assert (part.query, part.end) == (query, Position(8))
    assert all_parts(splitter(query, runs), part.end) == []


def test_runs_of_which_nothing_is_known_count_as_the_others() -> None:
    parts = all_parts(splitter({}, [(7, 1, 100), (7, 2, None), (7, 3, 100), (7, 3, 90)], workers=1))
    assert [(part.query, part.lumisections) for part in parts] == [({"dataset_id": 7}, 300)]
    (alone,) = all_parts(splitter({"run_number": 1}, [(7, 1, None)], workers=1))
    assert alone.lumisections == 500


@pytest.mark.parametrize(
    ("counts", "lumisections"),
    [
        ((90, 100), 100),
        ((100, 90), 100),
        ((None, 90), 90),
        ((90, None), 90),
        ((90, 100, 95), 100),
        ((3, 3), 3),
    ],
)
def test_a_run_that_is_listed_twice_has_as_many_lumisections_as_the_longer(
    counts: tuple[int | None, ...], lumisections: int
) -> None:
    (part,) = all_parts(splitter({"run_number": 1}, [(7, 1, count) for count in counts]))
    assert part.lumisections == lumisections


@pytest.mark.parametrize("rows", [0, 1, 400])
@pytest.mark.parametrize("pages", [1, 3])
def test_a_part_between_the_runs_that_are_known_teaches_nothing(rows: int, pages: int) -> None:
    """What is found where nothing was expected says nothing of how many rows a lumisection has."""
    first, untaught = (pages_of_one({"dataset_id": 7}, [(7, 100, 4000)], page_rows=400) for _ in "12")
    parts, others = first.parts(), untaught.parts()
    between, same = next(parts), next(others)
    assert between.lumisections == 0
    assert between.query == same.query
    for page in range(1, pages):
        (between,) = first.rest(between, Position(7, 10, page), 400, f"cursor {page}")
    came(first, between, rows)
    assert [part.query for part in parts] == [part.query for part in others]


def test_a_dataset_that_only_the_position_knows_is_still_held_to_the_filters() -> None:
    rest = all_parts(splitter({"dataset": "/A"}, [(9, 1, 10)]), Position(8, 3))
    assert [part.query for part in rest] == [
        {"dataset": "/A", "dataset_id": 8, "run_number__gte": 4},
        {"dataset_id": 9},
    ]


@pytest.mark.parametrize(
    ("query", "after", "asked"),
    [
        ({}, Position(7, 100, 10), [{"run_number": 100, "ls_number__gte": 11}, {"run_number__gte": 101}]),
        ({"run_number": 100}, Position(7, 100, 10), [{"run_number": 100, "ls_number__gte": 11}]),
        ({"run_number": 100}, Position(7, 100), []),
        ({"run_number": 100}, Position(7, 101, 3), []),
        ({"run_number": 100}, Position(7, 99, 3), [{"run_number": 100}]),
        ({"run_number__gte": 100}, Position(7, 98), [{"run_number__gte": 100}]),
        ({"ls_number__lte": 10}, Position(7, 100, 10), [{"run_number__gte": 101, "ls_number__lte": 10}]),
        (
            {"ls_number__lte": 11},
            Position(7, 100, 10),
            [{"run_number": 100, "ls_number": 11}, {"run_number__gte": 101, "ls_number__lte": 11}],
        ),
        (
            {"ls_number__gte": 20},
            Position(7, 100, 10),
            [{"run_number": 100, "ls_number__gte": 20}, {"run_number__gte": 101, "ls_number__gte": 20}],
        ),
        ({}, Position(7, 102, 3), [{"run_number": 102, "ls_number__gte": 4}, {"run_number__gte": 103}]),
        ({}, Position(7), []),
        ({"dataset_id": 7}, Position(6, 200, 5), [{}]),
        ({}, Position(6, 100), [{"dataset_id": 6, "run_number__gte": 101}, {}]),
    ],
)
def test_where_a_listing_is_resumed(query: Any, after: Position, asked: Any) -> None:
    parts = all_parts(splitter(query, [(7, 100, 300)]), after)
    assert [part.query for part in parts] == [{"dataset_id": 7, **one} for one in asked]


def test_a_run_that_is_resumed_is_expected_to_have_what_is_left_of_it() -> None:
    (part,) = splitter({"run_number": 100}, [(7, 100, 1000)]).parts(Position(7, 100, 900))
    assert (part.rows, part.lumisections) == (100, 100)


@pytest.mark.parametrize(
    ("accepts", "can"),
    [
        (ALL, True),
        (RunFilters.PARAMETERS, False),  # one that lists them all is what a plan is made of
        (MLBadLumisectionFilters.PARAMETERS, False),
    ],
)
def test_which_lists_can_be_split(accepts: Any, can: bool) -> None:
    assert can_be_split(accepts) is can


# --- positions


@given(
    st.builds(Position, st.integers(-(10**17), 10**17)) | st.builds(Position, *[st.integers(-9, 10**9)] * 3)
)
def test_a_position_survives_as_text(position: Position) -> None:
    assert read_position(str(position)) == position


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "after",
        "after.",
        "after.x",
        "after.1.2.3.4",
        "after.1..3",
        "after.1.2.",
        " after.1",
        "after.1\n",
        "after.\u0661",
        "cD0yMDI0",
        "after." + "9" * 5000,
    ],
)
def test_what_is_not_a_position(text: str | None) -> None:
    assert read_position(text) is None


# --- what is left of a part


def test_what_is_left_of_a_run_is_cut_and_begins_with_the_cursor() -> None:
    cutting = pages_of_one({"dataset_id": 7}, [(7, 100, 2000), (7, 200, 10)])
    parts = cutting.parts()
    part = next(parts)
    assert part.query == {"dataset_id": 7, "run_number__lte": 100}
    left = [*cutting.rest(part, Position(7, 100, 500), 500, "next")]
    piece = {"dataset_id": 7, "run_number": 100}
    assert [(one.query, one.cursor, str(one.end)) for one in left] == [
        ({**piece, "ls_number__gte": 500, "ls_number__lte": 948}, "next", "after.7.100.948"),
        ({**piece, "ls_number__gte": 949, "ls_number__lte": 1397}, None, "after.7.100.1397"),
        ({**piece, "ls_number__gte": 1398, "ls_number__lte": 1846}, None, "after.7.100.1846"),
        ({**piece, "ls_number__gte": 1847}, None, "after.7.100"),
    ]
    assert [one.query for one in parts] == [{"dataset_id": 7, "run_number__gte": 101}]


def test_what_is_left_of_runs_is_asked_from_the_last_one_on() -> None:
    """So that the service need not pass over those before it."""
    cutting = splitter({"dataset_id": 7}, [(7, number, 100) for number in range(100, 190)])
    part = next(cutting.parts())
    assert (part.query, part.lumisections) == ({"dataset_id": 7, "run_number__lte": 128}, 2900)
    (left, *_) = cutting.rest(part, Position(7, 105, 30), 500, "next")
    assert left.query == {"dataset_id": 7, "run_number__gte": 105, "run_number__lte": 128}
    assert (left.cursor, left.end, left.lumisections) == ("next", Position(7, 128), 71 + 23 * 100)


def test_only_the_first_piece_of_what_is_left_begins_with_the_cursor() -> None:
    """The others begin with their first row, and need not pass over those before it."""
    cutting = splitter({"dataset_id": 7}, [(7, number, 100) for number in range(100, 190)])
    part = next(cutting.parts())
    cutting.most_pages = 1
    left = [*cutting.rest(part, Position(7, 105, 30), 500, "next")]
    assert len(left) > 3
    assert [one.cursor for one in left] == ["next", *[None] * (len(left) - 1)]


def test_what_is_left_of_a_piece_of_a_run_ends_where_it_does() -> None:
    cutting = splitter({"run_number": 100}, [(7, 100, 2250)], workers=2)
    part = next(cutting.parts())
    assert (part.lumisections, part.end) == (950, Position(7, 100, 950))
    (left,) = cutting.rest(part, Position(7, 100, 500), 500, "next")
    assert left.end == Position(7, 100, 950)
    assert left.query == {"dataset_id": 7, "run_number": 100, "ls_number__gte": 500, "ls_number__lte": 950}


def test_what_is_left_of_a_part_without_rows_is_the_part() -> None:
    cutting = splitter({"dataset_id": 7}, [(7, 100, 100)])
    (part,) = cutting.parts()
    (left,) = cutting.rest(part, None, 0, "next")
    assert (left.query, left.end, left.cursor) == (part.query, part.end, "next")


@pytest.mark.parametrize("rows", [1, 5])
def test_what_is_left_of_a_lumisection_of_many_pages_is_fetched_by_cursors(rows: int) -> None:
    cutting = splitter({"run_number": 3}, [(7, 3, 1)], page_rows=rows)
    (part,) = cutting.parts()
    for page in range(100):
        (part,) = cutting.rest(part, Position(7, 3, 1), rows, f"cursor {page}")
        assert (part.query, part.cursor) == (
            {"dataset_id": 7, "run_number": 3, "ls_number__gte": 1},
            f"cursor {page}",
        )
    came(cutting, part, 0)


@pytest.mark.parametrize(
    ("runs", "workers", "parts"),
    [
        ([(7, 1, 1400)], 3, 1),  # less than two pages are left
        ([(7, 1, 1600)], 3, 4),
        ([(7, 1, 1600)], 1, 1),
        ([(dataset, 1, 600) for dataset in range(7, 17)], 3, 1),  # of less than four pages each
        ([(dataset, 1, 6000) for dataset in range(7, 17)], 3, 12),
    ],
)
def test_what_is_not_worth_cutting_goes_on_by_cursor(runs: Any, workers: int, parts: int) -> None:
    query = {"me_id": 3, "dataset__regex": "/"}
    cutting = splitter(query, runs, workers=workers)
    left = [*cutting.parts_from(Position(7, 1, 1), Position(7, 1, 500), 500, "next")]
    assert [one.cursor for one in left] == ["next", *[None] * (parts - 1)]
    if parts == 1:
        assert (left[0].query, left[0].end) == (query, None)


@pytest.mark.parametrize("density", [0.01, 1, 8, 96, 500])
def test_the_first_page_says_how_many_rows_to_expect(density: float) -> None:
    """Whatever was expected before."""
    for guess in (0.01, 1.0, 100.0):
        cutting = splitter({}, [(7, run, 1000) for run in range(1, 200)], rows_per_lumisection=guess)
        run, ls = divmod(math.ceil(500 / density) - 1, 1000)
        cutting.parts_from(Position(7, 1, 1), Position(7, 1 + run, 1 + ls), 500, "next")
        assert cutting.rows_left == pytest.approx(density * (199_000 - 500 / density), rel=0.15)
        assert cutting.rows_after(Position(7, 100, 1)) == pytest.approx(density * 100_000, rel=0.15)


# --- sizes

Counts = dict[tuple[int, int], list[tuple[int, int]]]
"""For each dataset and run, lumisections and how many rows they have."""


def rows_of(counts: Counts) -> list[Row]:
    return [
        (*run, ls, me)
        for run, lumisections in counts.items()
        for ls, many in lumisections
        for me in range(many)
    ]


def lumisections_of(counts: Counts) -> list[tuple[int, int, int | None]]:
    """What the service lists: how many lumisections each run has."""
    return [(*run, max((ls for ls, _ in counted), default=0)) for run, counted in counts.items()]


def even(pages: int, density: int, lumisections: int, page_rows: int = 500) -> Counts:
    """So many pages of rows, so many in each lumisection, in runs that have gaps between them."""
    counts: Counts = {}
    left = math.ceil(pages * page_rows / density)
    while left > 0:
        here = min(lumisections, left)
        counts[7, 1000 + 3 * len(counts)] = [(ls, density) for ls in range(1, here + 1)]
        left -= here
    return counts


def seconds(page: Asked) -> float:
    """When a page comes: 30 ms for a request and 0.28 ms for a row, as measured on the service."""
    return page.begun + 0.03 + 0.00028 * len(page.rows)


def by_time(asked: list[Asked]) -> Asked:
    return min(asked, key=seconds)


class Clock:
    """Lets pages come when they would, and knows when that is."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self, asked: list[Asked]) -> Asked:
        self.now = seconds(by_time(asked))
        return by_time(asked)


def fetch_all(counts: Counts, workers: int, runs: Any = None, **changed: Any) -> tuple[float, float]:
    """Fetch it all; return how many requests that is, and how fast, of what it is one after the other."""
    table, clock = sorted(rows_of(counts)), Clock()
    cutting = splitter({}, lumisections_of(counts) if runs is None else runs, workers=workers, **changed)
    rows, requests = walk(Service(table), cutting, workers, clock)
    assert rows == table
    pages = max(1, math.ceil(len(table) / 500))
    return len(requests) / pages, (0.03 * pages + 0.00028 * len(table)) / clock.now


@pytest.mark.parametrize("density", [1, 8, 96])
@pytest.mark.parametrize("lumisections", [50, 200, 990])
@pytest.mark.parametrize(
    ("pages", "most_requests", "least_speed"),
    [(2, 1.0, 1.0), (3, 1.67, 0.9), (5, 1.4, 1.5), (10, 1.3, 1.9), (20, 1.2, 2.3), (50, 1.2, 2.6)],
)
def test_few_requests_more_than_one_after_the_other_and_much_faster(
    density: int, lumisections: int, pages: int, most_requests: float, least_speed: float
) -> None:
    counts = even(pages, density, lumisections)
    requests, speed = fetch_all(counts, 3)
    assert requests <= most_requests
    assert speed >= least_speed
    assert fetch_all(counts, 1) == (1.0, pytest.approx(1.0))


CHANCE = random.Random(3)
UNEVEN: dict[str, Counts] = {
    "random lengths and numbers": {
        (7, 1000 + 3 * run): [(ls, CHANCE.choice([0, 1, 1, 5])) for ls in range(1, CHANCE.randrange(2, 1500))]
        for run in range(40)
    },
    "one giant run": {
        (7, 1000 + run): [(ls, 8 if run == 15 else 1) for ls in range(1, 2500 if run == 15 else 30)]
        for run in range(30)
    },
    "begins late": {
        (7, 1000 + 2 * run): [(ls, 8 if run >= 60 else 0) for ls in range(1, 200)] for run in range(80)
    },
    "empty datasets first": {
        (dataset, 1000 + 2 * run): [(ls, 8 if dataset >= 5 else 0) for ls in range(1, 200)]
        for dataset in range(8)
        for run in range(12)
    },
    "empty datasets between": {
        (dataset, 1000 + 2 * run): [(ls, 8 if dataset in {0, 5} else 0) for ls in range(1, 200)]
        for dataset in range(6)
        for run in range(20)
    },
    "one lumisection of each run": {
        (7, 1000 + 2 * run): [(ls, int(ls == 78)) for ls in range(1, 200)] for run in range(8000)
    },
    "many small datasets": {(dataset, run): [(1, 50)] for dataset in range(40) for run in range(3)},
}


@pytest.mark.parametrize("name", UNEVEN)
def test_uneven_listings_take_few_requests_more(name: str) -> None:
    requests, speed = fetch_all(UNEVEN[name], 3)
    assert requests <= 1.3
    assert speed >= (0.99 if name == "many small datasets" else 2.2)


@pytest.mark.parametrize("guess", [0.01, 1.0, 40.0])
def test_a_wrong_guess_costs_nothing_once_a_page_has_come(guess: float) -> None:
    assert fetch_all(even(20, 8, 200), 3, rows_per_lumisection=guess)[0] <= 1.2


@pytest.mark.parametrize("runs", [1, 20])
@pytest.mark.parametrize("empty", [1, 7])
def test_a_dataset_without_rows_costs_one_request(empty: int, runs: int) -> None:
    counts: Counts = {
        (dataset, 1000 + 2 * run): [(ls, 8 * int(dataset in {0, 8})) for ls in range(1, 900)]
        for dataset in (0, *range(1, empty + 1), 8)
        for run in range(3 if dataset in {0, 8} else runs)
    }
    without = {run: counted for run, counted in counts.items() if run[0] in {0, 8}}
    pages = math.ceil(len(rows_of(counts)) / 500)
    assert fetch_all(counts, 3)[0] * pages <= fetch_all(without, 3)[0] * pages + empty + 1


def test_a_plan_that_knows_half_of_the_runs_is_good_for_all() -> None:
    counts = even(50, 8, 200)
    requests, speed = fetch_all(counts, 3, lumisections_of(counts)[1::2])
    assert (requests <= 1.35, speed >= 2.3) == (True, True)


@pytest.mark.parametrize("most_pages", [0.1, 1.0, 2.4])
def test_large_pages_make_small_parts(most_pages: float) -> None:
    """So that little has to wait for its turn."""
    runs = [(7, number, 37 * number % 1900 + 1) for number in range(1, 90)]
    for part in all_parts(splitter({"run_number__gte": 1}, runs, most_pages=most_pages)):
        assert part.rows <= 500 * max(1, int(most_pages)) + 1e-6


def test_parts_are_no_longer_than_what_waits_for_them_allows() -> None:
    runs = [(7, number, 100) for number in range(1, 9000)]
    first, *_ = splitter({}, runs, most_pages=100).parts()
    assert 500 * (MOST_PAGES - 1) < first.rows <= 500 * MOST_PAGES


def test_many_short_runs_are_soon_cut() -> None:
    """Where hardly anything is, a part has very many of them."""
    runs = [(7, number, 2) for number in range(1, 100_000)]
    cutting = splitter({}, runs, rows_per_lumisection=0.001)
    assert sum(part.lumisections for part in all_parts(cutting, rows=lambda _: 0)) == 2 * 99_999


def test_what_is_left_is_what_is_beyond_the_pages_that_come() -> None:
    cutting = splitter({"ls_number__gte": 101}, [(7, 1, 1000), (7, 2, 300), (8, 1, 50)])
    parts = cutting.parts()
    assert cutting.rows_left == 900 + 200 + 1  # a run counts as one lumisection at least
    part = next(parts)
    assert cutting.rows_left == 1101 - min(500, part.rows)
    for one in [part, *parts]:
        came(cutting, one, round(one.rows))
    assert cutting.rows_left == pytest.approx(0)


# --- all of it, once, in order

runs_of_table = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(-2, 12)),
    st.dictionaries(st.integers(-3, 14), st.integers(0, 3), max_size=12),
    max_size=14,
)


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for name, low, high in (("run_number", -3, 13), ("ls_number", -4, 15)):
        values = st.none() | st.none() | st.integers(low, high)
        for suffix in ("", "__gte", "__lte"):
            value = draw(values)
            if value is not None:
                query[name + suffix] = value
    query.update(
        draw(
            st.sampled_from(
                [{}, {"dataset_id": 2}, {"dataset": "/A"}, {"dataset__regex": "/A"}, {"dataset__regex": "/"}]
            )
        )
    )
    if draw(st.booleans()):
        query["me_id"] = draw(st.integers(0, 2))
    return query


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Row], dict[str, Any], list[tuple[int, int, int | None]]]:
    """A table, a query, and what is known of the runs: some, wrongly, doubly, in any order."""
    contents = draw(runs_of_table)
    table = [
        (d, r, ls, me) for (d, r), counts in contents.items() for ls, n in counts.items() for me in range(n)
    ]
    if contents and draw(st.booleans()):
        giant, many = draw(st.sampled_from(sorted(contents))), draw(st.integers(4, 40))
        contents[giant] = dict.fromkeys(range(1, 15), many)
    query = draw(queries())
    datasets = sorted({row[0] for row in answer(query, table)})
    known: list[tuple[int, int, int | None]] = []
    for dataset in datasets:
        # At least one run of each dataset, or the dataset would not be known, unless it is asked for by its id.
        if "dataset_id" not in query or draw(st.booleans()):
            known.append((dataset, draw(st.integers(-2, 12)), draw(st.integers(0, 16))))
        elif draw(st.booleans()):
            continue
        numbers = draw(st.lists(st.integers(-2, 12), max_size=12))
        known += [(dataset, number, draw(st.none() | st.integers(0, 16))) for number in numbers]
    return table, query, draw(st.permutations(known))


def sizes(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "rows_per_lumisection": draw(st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0, 40.0])),
        "page_rows": draw(st.sampled_from([1, 2, 5, 20, 500])),
        "workers": draw(st.integers(1, 4)),
        "most_pages": draw(st.sampled_from([0.2, 1.0, 2.5, 100.0])),
    }


@st.composite
def learners(draw: st.DrawFn) -> tuple[dict[str, Any], list[int]]:
    return sizes(draw), draw(st.lists(st.integers(-1, 200), max_size=30))


def cut(cutting: Splitter, learnt: list[int], after: Position | None = None) -> list[Part]:
    """Take all parts; some have come by then (in any order), and some never do."""
    parts: list[Part] = []
    waiting: list[Part] = []
    for part in cutting.parts(after):
        parts.append(part)
        waiting.append(part)
        assert len(parts) < 1000
        if len(parts) <= len(learnt) and learnt[len(parts) - 1] >= 0:
            rows = learnt[len(parts) - 1]
            came(cutting, waiting.pop(rows % len(waiting)), rows)
    return parts


def rest_after(rows: list[Row], position: Position) -> list[Row]:
    keys = [key for key in (position.dataset_id, position.run_number, position.ls_number) if key is not None]
    return [row for row in rows if list(row[: len(keys)]) > keys]


def check_sound(parts: Iterable[Part], query: dict[str, Any]) -> None:
    for part in parts:
        assert "dataset_id" in part.query
        assert "next_token" not in part.query
        for name in ("run_number", "ls_number"):
            low, high = part.query.get(f"{name}__gte"), part.query.get(f"{name}__lte")
            assert low is None or high is None or low < high
            assert name not in part.query or (low is None and high is None)
        others = {name: value for name, value in query.items() if name.startswith(("me", "fields"))}
        assert others.items() <= part.query.items()


@given(cases(), learners())
def test_the_parts_in_a_row_are_the_listing(case: Any, learner: Any) -> None:
    table, query, known = case
    options, learnt = learner
    parts = cut(splitter(query, known, **options), learnt)
    check_sound(parts, query)
    whole = answer(query, table)
    assert [row for part in parts for row in answer(part.query, table)] == whole
    got: list[Row] = []
    for part in parts:
        got += answer(part.query, table)
        assert part.end is not None
        assert got + rest_after(whole, part.end) == whole


@given(cases(), learners(), learners(), st.data())
def test_from_every_position_the_rest_comes(
    case: Any, learner: Any, another: Any, data: st.DataObject
) -> None:
    """However the listing was cut before, and whatever is known of its runs by then."""
    table, query, known = case
    parts = cut(splitter(query, known, **learner[0]), learner[1])
    whole = answer(query, table)
    known_by_then = known + [
        (row[0], row[1], 5) for row in table if (row[0], 1) in {(k[0], 1) for k in known}
    ]
    for part in parts:
        position = read_position(str(part.end))
        assert position is not None
        runs = data.draw(st.sampled_from([known, known_by_then]))
        cutting = splitter({**query, "next_token": str(position)}, runs, **another[0])
        rest = cut(cutting, another[1], position)
        check_sound(rest, query)
        assert [row for one in rest for row in answer(one.query, table)] == rest_after(whole, position)


@given(
    cases(),
    learners(),
    st.builds(Position, st.integers(0, 4), st.none() | st.integers(-4, 14))
    | st.builds(Position, st.integers(0, 4), st.integers(-4, 14), st.integers(-5, 16)),
)
def test_from_any_position_at_all_the_rest_comes(case: Any, learner: Any, position: Position) -> None:
    """One that this cutting would not have stopped at, and one that is of no row."""
    table, query, known = case
    parts = cut(splitter(query, known, **learner[0]), learner[1], position)
    check_sound(parts, query)
    rows = [row for part in parts for row in answer(part.query, table)]
    assert rows == rest_after(answer(query, table), position)


# --- all of it, once, in order, page by page


@given(cases(), learners(), st.integers(1, 5), st.data())
def test_page_by_page_every_row_comes_once_and_in_order(
    case: Any, learner: Any, planned: int, data: st.DataObject
) -> None:
    """Whichever page comes first, how large pages become meanwhile, and when it is known which runs there are."""
    table, query, known = case
    options, _ = learner
    cutting = splitter(query, known, **options)

    def choose(asked: list[Asked]) -> Asked:
        if data.draw(st.booleans()):
            cutting.page_rows = data.draw(st.sampled_from([1, 2, 5, 20]))
        return data.draw(st.sampled_from(asked))

    whole = answer(query, table)
    rows, requests = walk(Service(table), cutting, options["workers"], choose, planned=planned, query=query)
    assert rows == whole
    check_ends(requests, whole)


@given(cases(), learners(), st.data())
def test_page_by_page_what_is_left_comes_after_any_position(
    case: Any, learner: Any, data: st.DataObject
) -> None:
    table, query, known = case
    options, _ = learner
    position = Position(data.draw(st.integers(0, 4)), data.draw(st.integers(-4, 14)))
    cutting = splitter(query, known, **options)

    def choose(asked: list[Asked]) -> Asked:
        return data.draw(st.sampled_from(asked))

    rows, _ = walk(Service(table), cutting, options["workers"], choose, after=position)
    assert rows == rest_after(answer(query, table), position)


def check_ends(requests: list[Asked], whole: list[Row]) -> None:
    """Check that the end of each part is where its last page is."""
    got: list[Row] = []
    for one in requests:
        got += one.rows
        assert got == whole[: len(got)]
        if one.cursor is None and one.part.end is not None:
            assert got + rest_after(whole, one.part.end) == whole
