"""From what is chosen to filters and a mask: together they have all of it, and nothing else; by hypothesis."""

import re
from typing import Any
from urllib.parse import quote_plus

import pytest
from cmsdials import LumiMask
from cmsdials.expressions import refusal_of
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.resources.choice import Choice, any_of
from cmsdials.resources.numbers import between, ends
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
def test_filters_and_mask_have_what_is_chosen_and_nothing_else(
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
    mask = choice.mask()
    found = choice.found(mask)
    assert {(one, run) for one, counts in found.items() for run in counts} == {row[:2] for row in wanted}
    if found:
        query = choice.query(found)
        assert [row for row in rows if is_in(query, row) and (mask is None or row[1:] in mask)] == wanted
        filters_say_it = [row for row in rows if is_in(query, row)] == wanted
        if good is None and (ls is None or isinstance(ls, range)):
            assert (mask is None) == filters_say_it


def test_runs_without_others_between_need_no_mask() -> None:
    there = {1: {3: LAST, 5: LAST, 9: LAST}, 2: {5: LAST}, 3: {7: LAST}}

    def chosen(runs: Any, *datasets: int) -> tuple[dict[str, Any], list[int] | None]:
        listed = {one: there[one] for one in datasets or there}
        names = {one: f"/{one}" for one in datasets} if datasets else None
        choice = Choice(datasets=names, runs=runs, ls=None, good=None, there=listed)
        mask = choice.mask()
        return choice.query(choice.found(mask)), None if mask is None else mask.runs

    assert chosen(None) == ({}, None)
    assert chosen(frozenset({5})) == ({"run_number": 5}, None)
    assert chosen(frozenset({3, 5})) == ({"run_number__gte": 3, "run_number__lte": 5}, None)
    assert chosen(range(1, 10**12)) == ({"run_number__gte": 3, "run_number__lte": 9}, None)
    assert chosen(frozenset({3, 9})) == ({"run_number__gte": 3, "run_number__lte": 9}, [3, 9])
    assert chosen(None, 1) == ({"dataset_id": 1}, None)
    assert chosen(None, 1, 2) == ({"dataset__regex": "^/(?:1|2)$"}, None)
    # Of the dataset 3 nothing is asked for, so that its run is none between them.
    both = {"run_number__gte": 5, "run_number__lte": 9, "dataset_id": 1}
    assert chosen(frozenset({5, 9}), 1, 3) == (both, None)
    assert chosen(frozenset({5, 9}))[1] == [5, 9]


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
    expression = any_of(names)
    assert refusal_of(expression) is None
    for name in [*names, other]:
        assert (re.fullmatch(expression, name) is not None) == (name in names)


def test_it_says_once_what_they_have_in_common() -> None:
    names = [f"PixelPhase1/Tracks/PXBarrel/charge_PXLayer_{layer}" for layer in range(1, 5)]
    assert any_of(names) == "^PixelPhase1/Tracks/PXBarrel/charge_PXLayer_(?:1|2|3|4)$"
    many = [f"PixelPhase1/Tracks/PXBarrel/{what}_PXLayer_{layer}" for what in "abc" for layer in range(99)]
    assert len(quote_plus(any_of(many))) < 2000
    LumisectionHistogram1DFilters(me__regex=any_of(many))


@pytest.mark.parametrize(
    "name", ["EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +", "a\tb", "漢字/x", "a" * 3000]
)
def test_odd_names_are_matched(name: str) -> None:
    expression = any_of([name])
    assert re.fullmatch(expression, name)
    assert refusal_of(expression) is None
