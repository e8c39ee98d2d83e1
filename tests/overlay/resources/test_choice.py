"""From what is chosen to listings: together they have all of it, in order, and nothing twice; by hypothesis."""

import re
from typing import Any

import pytest
from cmsdials import LumiMask
from cmsdials.expressions import refusal_of
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.resources.choice import Choice, any_of, between, ends
from hypothesis import example, given
from hypothesis import strategies as st

LAST = 6  # lumisections of each run here
counts = st.dictionaries(
    st.integers(1, 4),
    st.dictionaries(st.integers(1, 9), st.just(LAST), min_size=1, max_size=8),
    min_size=1,
    max_size=3,
)
numbers = st.one_of(st.none(), st.frozensets(st.integers(1, 9), min_size=1), st.just(range(3, 8)))
lumis = st.one_of(st.none(), st.frozensets(st.integers(1, LAST), min_size=1), st.just(range(2, 5)))
masks = st.one_of(
    st.none(),
    st.dictionaries(
        st.integers(1, 9), st.lists(st.integers(1, LAST).map(lambda ls: [ls, ls]), min_size=1), min_size=1
    ).map(LumiMask),
)


def is_in(query: dict[str, Any], row: tuple[int, int, int]) -> bool:
    dataset_id, run, ls = row
    return (
        query.get("dataset_id", dataset_id) == dataset_id
        and re.search(query.get("dataset__regex", ""), f"/{dataset_id}") is not None
        and query.get("run_number", run) == run
        and query.get("run_number__gte", run) <= run <= query.get("run_number__lte", run)
        and query.get("ls_number", ls) == ls
        and query.get("ls_number__gte", ls) <= ls <= query.get("ls_number__lte", ls)
    )


@given(counts, st.booleans(), numbers, lumis, masks)
def test_the_listings_have_what_is_chosen_in_order_and_nothing_twice(
    there: dict[int, dict[int, int]], is_named: bool, runs: Any, ls: Any, good: Any
) -> None:
    named = {one: f"/{one}" for one in there} if is_named else None
    if good is not None:
        runs = frozenset(run for run in good.runs if runs is None or run in runs)
    choice = Choice(datasets=named, runs=runs, ls=ls, good=good, there=there)
    rows = [
        (one, run, at) for one in sorted(there) for run in sorted(there[one]) for at in range(1, LAST + 1)
    ]
    wanted = [
        row
        for row in rows
        if (runs is None or row[1] in runs)
        and (ls is None or row[2] in ls)
        and (good is None or row[1:] in good)
    ]
    mask = choice.mask() if choice.found else None
    listings = choice.listings(mask) if choice.found else []
    came = [row for one in listings for row in rows if is_in(one, row)]
    came = [row for row in came if mask is None or row[1:] in mask]
    assert came == wanted
    if not choice.found:
        return
    whole = choice.whole()
    assert [row for row in rows if is_in(whole, row) and (mask is None or row[1:] in mask)] == wanted
    if good is None and len(listings) == 1 and (ls is None or isinstance(ls, range)):
        assert mask is None


def test_one_run_and_runs_without_others_between_are_one_listing() -> None:
    there = {1: {3: LAST, 5: LAST, 9: LAST}, 2: {5: LAST}}

    def listings(runs: Any, datasets: Any = None) -> list[dict[str, Any]]:
        return Choice(datasets=datasets, runs=runs, ls=None, good=None, there=there).listings(None)

    assert listings(None) == [{}]
    assert listings(frozenset({5})) == [{"run_number": 5}]
    assert listings(frozenset({3, 5})) == [{"run_number__gte": 3, "run_number__lte": 5}]
    assert listings(range(1, 10**12)) == [{"run_number__gte": 3, "run_number__lte": 9}]
    assert [one["run_number"] for one in listings(frozenset({3, 9}))] == [3, 9]
    assert listings(None, {1: "/1", 2: "/2"}) == [{"dataset_id": 1}, {"dataset_id": 2}]


def test_ranges_that_are_too_long_to_go_through_are_none_the_less_known() -> None:
    assert ends(range(10**15)) == (0, 10**15 - 1)
    assert ends(range(9, 0, -3)) == (3, 9)
    assert between("x", {7}) == {"x": 7}


# --- an expression of names

some_names = st.lists(
    st.text(st.sampled_from("ab/_+-. (|[\\é^$"), min_size=1, max_size=8), min_size=1, max_size=9
)


@given(some_names, st.text(st.sampled_from("ab/_+-. (|[\\é^$"), max_size=8))
@example(["a", "ab", "abc"], "ac")
@example(["", "a"], "b")
def test_an_expression_matches_these_names_and_no_other(names: list[str], other: str) -> None:
    expression, length = any_of(names)
    assert length >= len(expression)
    assert refusal_of(expression) is None
    for name in [*names, other]:
        assert (re.fullmatch(expression, name) is not None) == (name in names)


def test_it_says_once_what_they_have_in_common() -> None:
    names = [f"PixelPhase1/Tracks/PXBarrel/charge_PXLayer_{layer}" for layer in range(1, 5)]
    assert any_of(names)[0] == "^PixelPhase1/Tracks/PXBarrel/charge_PXLayer_(?:1|2|3|4)$"
    many = [f"PixelPhase1/Tracks/PXBarrel/{what}_PXLayer_{layer}" for what in "abc" for layer in range(99)]
    assert any_of(many)[1] < 2000
    LumisectionHistogram1DFilters(me__regex=any_of(many)[0])


@pytest.mark.parametrize(
    "name", ["EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +", "a\tb", "漢字/x", "a" * 3000]
)
def test_odd_names_are_matched(name: str) -> None:
    expression, _ = any_of([name])
    assert re.fullmatch(expression, name)
    assert refusal_of(expression) is None
