"""Parts in a row are the listing: whatever is known, guessed, learnt or resumed from."""

import heapq
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cmsdials.filters import LumisectionHistogram1DFilters, MLBadLumisectionFilters, RunFilters
from cmsdials.parallel.split import Part, Position, Splitter, can_be_split, read_position
from hypothesis import given
from hypothesis import strategies as st

Row = tuple[int, int, int, int]
KEYS = ("dataset_id", "run_number", "ls_number", "me_id")
ALL = LumisectionHistogram1DFilters.PARAMETERS
NAMES = {1: "/A", 2: "/B", 3: "/A"}


def answer(query: dict[str, Any], table: Sequence[Row]) -> list[Row]:
    """What the service would answer."""

    def lets_through(row: Row) -> bool:
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

    return sorted(row for row in table if lets_through(row))


def splitter(query: dict[str, Any], runs: Any, **changed: Any) -> Splitter:
    usual: dict[str, Any] = {"rows_per_lumisection": 1.0, "page_rows": 500, "workers": 3}
    return Splitter(query, runs, **{**usual, **changed})


def all_parts(cutting: Splitter, rows: Callable[[Part], int] | None = None) -> list[Part]:
    parts = []
    while (part := cutting.next()) is not None:
        parts.append(part)
        cutting.learn(part, part.lumisections if rows is None else rows(part))
        assert len(parts) < 10_000
    return parts


# --- what is asked


def test_whole_runs_are_combined_as_long_as_they_fit_a_page() -> None:
    runs = [(7, 100 + 10 * number, 200) for number in range(40)]
    first, second, *_ = all_parts(splitter({"dataset": "/A", "me_id": 3, "fields": ["data"]}, runs))
    assert first.query == {"me_id": 3, "fields": ["data"], "dataset_id": 7, "run_number__lte": 119}
    assert second.query == {
        "me_id": 3,
        "fields": ["data"],
        "dataset_id": 7,
        "run_number__gte": 120,
        "run_number__lte": 139,
    }
    assert (first.end, first.rows) == (Position(7, 119), 400)


def test_a_long_run_is_cut_into_pieces_of_one_size_and_its_neighbourhood_is_asked_too() -> None:
    parts = all_parts(splitter({"dataset_id": 7}, [(7, 100, 1000)], page_rows=400, workers=1))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number__lte": 99},
        {"dataset_id": 7, "run_number": 100, "ls_number__lte": 334},
        {"dataset_id": 7, "run_number": 100, "ls_number__gte": 335, "ls_number__lte": 667},
        {"dataset_id": 7, "run_number": 100, "ls_number__gte": 668},
        {"dataset_id": 7, "run_number__gte": 101},
    ]
    assert [str(part.end) for part in parts] == [
        "after.7.99",
        "after.7.100.334",
        "after.7.100.667",
        "after.7.100",
        "after.7",
    ]


def test_one_run_needs_no_part_beside_it() -> None:
    parts = all_parts(splitter({"run_number": 100}, [(7, 100, 1000)], workers=1))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number": 100, "ls_number__lte": 500},
        {"dataset_id": 7, "run_number": 100, "ls_number__gte": 501},
    ]


def test_an_exact_lumisection_is_asked_run_by_run() -> None:
    runs = [(7, number, 1500) for number in range(1000)]
    parts = all_parts(splitter({"ls_number": 78}, runs, workers=1))
    assert [part.query for part in parts] == [
        {"dataset_id": 7, "run_number__lte": 499, "ls_number": 78},
        {"dataset_id": 7, "run_number__gte": 500, "ls_number": 78},
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
    assert all_parts(splitter(query, runs, after=part.end)) == []


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
    cutting = splitter({"run_number": 1}, [(7, 1, count) for count in counts], workers=1)
    assert cutting.rows_left == lumisections
    (part,) = all_parts(cutting)
    assert part.lumisections == lumisections


@pytest.mark.parametrize("rows", [0, 1, 400, 10_000])
def test_a_part_between_the_runs_that_are_known_teaches_nothing(rows: int) -> None:
    """What is found where nothing was expected says nothing of how many rows a lumisection has."""
    cutting, untaught = (
        splitter({"dataset_id": 7}, [(7, 100, 1000)], page_rows=400, workers=1) for _ in "12"
    )
    between, same = cutting.next(), untaught.next()
    assert between is not None
    assert (between.lumisections, between) == (0, same)
    cutting.learn(between, rows)
    assert cutting.rows_left == untaught.rows_left == 1000
    for each in (cutting, untaught):
        first = each.next()
        assert first is not None
        each.learn(first, 3 * first.lumisections)
    assert cutting.rows_left == untaught.rows_left
    assert all_parts(cutting) == all_parts(untaught)


def test_a_dataset_that_only_the_position_knows_is_still_held_to_the_filters() -> None:
    rest = all_parts(splitter({"dataset": "/A"}, [(9, 1, 10)], after=Position(8, 3)))
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
    parts = all_parts(splitter(query, [(7, 100, 300)], workers=1, after=after))
    assert [part.query for part in parts] == [{"dataset_id": 7, **one} for one in asked]


def test_a_run_that_is_is_resumed_is_expected_to_have_what_is_left_of_it() -> None:
    cutting = splitter({"run_number": 100}, [(7, 100, 1000)], after=Position(7, 100, 900))
    assert cutting.rows_left == 100


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


# --- sizes


class Service:
    """Workers that ask parts of a service whose time is counted, not spent: 20 ms a request, 1 ms a row."""

    def __init__(self, rows: Callable[[Part], int]) -> None:
        self.rows = rows
        self.requests = self.total = 0
        self.end = 0.0

    def serve(self, cutting: Splitter, workers: int) -> None:
        busy: list[tuple[float, int, Part | None]] = [(0.0, number, None) for number in range(workers)]
        while busy:
            now, worker, part = heapq.heappop(busy)
            self.end = max(self.end, now)
            if part is not None:
                cutting.learn(part, self.rows(part))
            part = cutting.next()
            if part is not None:
                rows = self.rows(part)
                requests = max(1, math.ceil(rows / 500))
                self.requests += requests
                self.total += rows
                heapq.heappush(busy, (now + 20 * requests + rows, worker, part))

    def ideal(self, workers: int) -> float:
        return (self.total + 20 * math.ceil(self.total / 500)) / workers


@pytest.mark.parametrize("step", [1, 10])
def test_workers_end_at_about_the_same_time(step: int) -> None:
    service = Service(lambda part: part.lumisections)
    service.serve(splitter({"me_id": 1}, [(7, 1000 + step * number, 200) for number in range(40)]), 3)
    assert service.total == 8000
    assert service.end <= 1.06 * service.ideal(3)


@pytest.mark.parametrize("rows_per_lumisection", [0.1, 1.0, 10.0])
def test_a_wrong_guess_is_soon_made_good(rows_per_lumisection: float) -> None:
    service = Service(lambda part: part.lumisections)
    runs = [(7, 1000 + number, 200) for number in range(200)]
    service.serve(splitter({}, runs, rows_per_lumisection=rows_per_lumisection), 3)
    assert service.end <= 1.06 * service.ideal(3)
    assert service.requests <= 1.6 * 40_000 / 500


@pytest.mark.parametrize(("every", "most"), [(100, 20), (10**9, 20)])
def test_where_there_is_hardly_anything_few_requests_are_made(every: int, most: int) -> None:
    """As many requests as pages were expected would be 160."""
    service = Service(lambda part: part.lumisections // every)
    service.serve(splitter({}, [(7, 1000 + number, 200) for number in range(400)]), 3)
    assert service.requests <= most


def test_no_part_is_expected_to_be_more_than_a_page() -> None:
    runs = [(7, number, 37 * number % 1900) for number in range(1, 90)]
    for part in all_parts(splitter({}, runs, rows_per_lumisection=3.7), lambda part: round(part.rows)):
        assert part.rows <= 500.001


def test_what_is_left_is_what_is_still_expected() -> None:
    cutting = splitter({"ls_number__gte": 101}, [(7, 1, 1000), (7, 2, 300), (8, 1, 50)], workers=1)
    assert cutting.rows_left == 900 + 200 + 1  # a run counts as one lumisection at least
    while (part := cutting.next()) is not None:
        before = cutting.rows_left + part.rows
        assert before <= 1101
    assert cutting.rows_left == 0


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
    }


@st.composite
def learners(draw: st.DrawFn) -> tuple[dict[str, Any], list[int]]:
    return sizes(draw), draw(st.lists(st.integers(-1, 200), max_size=30))


def cut(cutting: Splitter, learnt: list[int]) -> list[Part]:
    """Take all parts; some have come by then (in any order), and some never do."""
    parts: list[Part] = []
    while (part := cutting.next()) is not None:
        parts.append(part)
        assert len(parts) < 1000
        if len(parts) <= len(learnt) and learnt[len(parts) - 1] >= 0:
            rows = learnt[len(parts) - 1]
            cutting.learn(parts[rows % len(parts)], rows)
    return parts


def rest_after(rows: list[Row], position: Position) -> list[Row]:
    keys = [key for key in (position.dataset_id, position.run_number, position.ls_number) if key is not None]
    return [row for row in rows if list(row[: len(keys)]) > keys]


def check_sound(parts: list[Part], query: dict[str, Any]) -> None:
    for part in parts:
        assert "dataset_id" in part.query
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
    come: list[Row] = []
    for part in parts:
        come += answer(part.query, table)
        assert come + rest_after(whole, part.end) == whole


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
        rest = cut(
            splitter({**query, "next_token": str(position)}, runs, **another[0], after=position), another[1]
        )
        check_sound(rest, query)
        assert all("next_token" not in one.query for one in rest)
        assert [row for one in rest for row in answer(one.query, table)] == rest_after(whole, part.end)


@given(
    cases(),
    learners(),
    st.builds(Position, st.integers(0, 4), st.none() | st.integers(-4, 14))
    | st.builds(Position, st.integers(0, 4), st.integers(-4, 14), st.integers(-5, 16)),
)
def test_from_any_position_at_all_the_rest_comes(case: Any, learner: Any, position: Position) -> None:
    """One that this cutting would not have stopped at, and one that is of no row."""
    table, query, known = case
    parts = cut(splitter(query, known, **learner[0], after=position), learner[1])
    check_sound(parts, query)
    rows = [row for part in parts for row in answer(part.query, table)]
    assert rows == rest_after(answer(query, table), position)
