"""Coverage: which lumisections of each run have come, and which have not."""

from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import CheckpointError, ConfigurationError, FilterError
from cmsdials.filters import LumisectionFilters, LumisectionHistogram1DFilters
from cmsdials.listing.coverage import NOTHING_LISTED, covered, notes_on, ranges
from cmsdials.models import Lumisection, LumisectionHistogram1D
from cmsdials_sandbox import Sandbox


def lumisections(run: int, *numbers: int, dataset: int = 1) -> list[Lumisection]:
    keys = {"dataset_id": dataset, "run_number": run}
    return [Lumisection.from_dict(keys | {"ls_number": number}, partial=True) for number in numbers]


def histograms(run: int, me: int, *numbers: int, entries: int = 5) -> list[LumisectionHistogram1D]:
    keys = {"dataset_id": 1, "run_number": run, "me_id": me, "me": f"me/{me}", "entries": entries}
    return [
        LumisectionHistogram1D.from_dict(keys | {"ls_number": number}, partial=True) for number in numbers
    ]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([3], [(3, 3)]),
        ([3, 1, 2, 7, 8, 2], [(1, 3), (7, 8)]),
        ([1, 3, 5], [(1, 1), (3, 3), (5, 5)]),
    ],
)
def test_ranges(numbers: list[int], expected: list[Any]) -> None:
    assert ranges(numbers) == expected


def test_everything_has_come() -> None:
    found = covered(lumisections(7, 1, 2, 3), histograms(7, 5, 1, 2, 3), listing_complete=True)
    assert found.complete
    assert (found.rows[0].expected, found.rows[0].retrieved, found.rows[0].missing) == (3, 3, [])
    assert str(found).endswith("\ncomplete")


def test_what_is_missing_empty_doubled_and_unlisted() -> None:
    rows = [*histograms(7, 5, 1, 1, 4), *histograms(7, 5, 2, entries=0), *histograms(7, 5, 99)]
    found = covered(lumisections(7, *range(1, 9)), rows, listing_complete=True)
    (row,) = found.rows
    assert (row.missing, row.empty, row.duplicate, row.unlisted) == (
        [(3, 3), (5, 8)],
        [(2, 2)],
        [(1, 1)],
        [(99, 99)],
    )
    assert (row.expected, row.retrieved, found.complete) == (8, 3, False)
    assert "3,5-8" in str(found)
    assert str(found).endswith("NOT complete")


def test_a_histogram_without_entries_counts_and_one_too_many_does_not() -> None:
    listed = lumisections(7, 1, 2)
    empty = covered(listed, histograms(7, 5, 1, 2, entries=0), listing_complete=True)
    assert (empty.rows[0].empty, empty.complete) == ([(1, 2)], True)
    doubled = covered(listed, histograms(7, 5, 1, 1, 2), listing_complete=True)
    assert (doubled.rows[0].missing, doubled.rows[0].unlisted, doubled.complete) == ([], [], False)


def test_one_run_that_lacks_something_is_enough() -> None:
    listed = [*lumisections(7, 1), *lumisections(8, 1)]
    found = covered(listed, histograms(8, 5, 1), listing_complete=True)
    assert [row.complete for row in found.rows] == [False, True]
    assert not found.complete


def test_runs_and_elements_are_sorted_and_named() -> None:
    listed = [
        lumisections(8, 1, dataset=3)[0],
        *lumisections(9, 1, dataset=2),
        *lumisections(8, 1, dataset=2),
    ]
    found = covered(listed, [*histograms(8, 6, 1), *histograms(8, 5, 1)], listing_complete=True)
    assert [(row.dataset_id, row.run_number, row.me_id, row.me) for row in found.rows] == [
        (dataset, run, me, f"me/{me}") for dataset, run in ((1, 8), (2, 8), (2, 9), (3, 8)) for me in (5, 6)
    ]


def test_rows_without_names_and_entries_can_be_compared() -> None:
    keys = {"dataset_id": 1, "run_number": 7, "ls_number": 1, "me_id": 5}
    row = LumisectionHistogram1D.from_dict(keys, partial=True)
    found = covered(lumisections(7, 1), [row], listing_complete=True)
    assert (found.rows[0].me, found.rows[0].empty, found.complete) == (None, [], True)


TABLE = """
dataset_id  run  me_id  expected  retrieved             missing  empty  duplicate
         1    7      5        12          4            2-3,6-11      5          4
         1    8      5        10          0  1,3,5,7 and 6 more      -          -
note: a hint
NOT complete: the listing itself stopped early
"""


def test_what_a_table_looks_like() -> None:
    listed = [*lumisections(7, *range(1, 13)), *lumisections(8, *range(1, 21, 2))]
    rows = [*histograms(7, 5, 1, 4, 4, 12), *histograms(7, 5, 5, entries=0)]
    found = covered(listed, rows, listing_complete=False, notes=["note: a hint"])
    assert str(found) == repr(found) == TABLE.strip("\n")


@pytest.mark.parametrize(("missing", "shown"), [(4, "1,3,5,7"), (5, "1,3,5,7 and 1 more")])
def test_a_table_shows_four_ranges(missing: int, shown: str) -> None:
    found = covered(lumisections(7, *range(1, 2 * missing, 2)), [], listing_complete=True)
    assert f"  {shown}  " in str(found).splitlines()[1]


def test_hints_stay_where_nothing_is_listed() -> None:
    assert covered([], [], listing_complete=True, notes=["a hint"]).notes == ("a hint", NOTHING_LISTED)


def test_filters_that_hide_histograms() -> None:
    hiding = ["entries__gte", "entries", "file_id", "file_id__in", "logical_file_name__regex"]
    assert notes_on(dict.fromkeys(["run_number", *hiding, "me_id", "ls_number__gte"], 1)) == [
        f"note: {name} hides histograms, which count as missing here" for name in hiding
    ]


def test_each_element_is_expected_in_each_run() -> None:
    listed = [*lumisections(7, 1, 2), *lumisections(8, 1)]
    found = covered(
        listed,
        [*histograms(7, 5, 1, 2), *histograms(7, 6, 1, 2), *histograms(8, 6, 1)],
        listing_complete=True,
    )
    assert [(row.run_number, row.me_id, row.missing) for row in found.rows] == [
        (7, 5, []),
        (7, 6, []),
        (8, 5, [(1, 1)]),
        (8, 6, []),
    ]


def test_a_run_without_a_histogram_is_noticed() -> None:
    found = covered(lumisections(7, 1, 2), [], listing_complete=True)
    assert [(row.run_number, row.me_id, row.missing) for row in found.rows] == [(7, None, [(1, 2)])]
    assert not found.complete


def test_a_listing_that_stopped_is_not_complete_whatever_came() -> None:
    found = covered(lumisections(7, 1), histograms(7, 5, 1), listing_complete=False)
    assert not found.complete
    assert "the listing itself stopped early" in str(found)


def test_a_table_for_pandas() -> None:
    frame = covered(lumisections(7, 1, 2), histograms(7, 5, 1), listing_complete=True).to_pandas()
    assert frame[["run_number", "me_id", "expected", "retrieved"]].to_numpy().tolist() == [[7, 5, 2, 1]]
    assert frame["missing"][0] == [(2, 2)]
    assert list(covered([], [], listing_complete=True).to_pandas().columns) == list(frame.columns)


# --- against the sandbox


def test_coverage_of_a_listing(now: Dials) -> None:
    chosen = {"dataset_id": 14677060, "run_number": 367112}
    result = now.h1d.list_all(
        LumisectionHistogram1DFilters(**chosen, me_id=2),
        fields=["dataset_id", "run_number", "ls_number", "me_id", "entries"],
    )
    found = now.h1d.coverage(result)
    assert (len(found.rows), found.rows[0].expected) == (
        1,
        len(now.lumi.list_all(LumisectionFilters(**chosen)).results),
    )
    cut = now.h1d.list_all(LumisectionHistogram1DFilters(**chosen, me_id=2), max_pages=2)
    partial = now.h1d.coverage(cut)
    assert not partial.complete
    assert partial.rows[0].retrieved == 20
    assert partial.rows[0].missing[0][0] == 21


def test_the_bounds_of_the_query_bound_what_is_expected(now: Dials) -> None:
    result = now.h1d.list_all(
        LumisectionHistogram1DFilters(
            dataset_id=14677060, run_number=367112, me_id=2, ls_number__gte=5, ls_number__lte=9
        )
    )
    found = now.h1d.coverage(result)
    assert (found.rows[0].expected, found.complete) == (5, True)


def test_a_filter_that_hides_histograms_is_named(now: Dials) -> None:
    filters = LumisectionHistogram1DFilters(
        dataset_id=14677060, run_number=367112, me_id=2, entries__gte=10**9
    )
    found = now.h1d.coverage(now.h1d.list_all(filters))
    assert "entries__gte hides histograms" in str(found)
    assert found.rows[0].retrieved == 0


def test_a_result_of_another_workspace_is_refused(now: Dials, sandbox_now: Sandbox) -> None:
    result = now.h1d.list(LumisectionHistogram1DFilters(run_number=367112))
    with Dials(Credentials(token=sandbox_now.secret), "jetmet", sandbox_now.url) as jetmet:
        with pytest.raises(CheckpointError, match="workspace is 'tracker' there and 'jetmet' here"):
            jetmet.h1d.coverage(result)
        with pytest.raises(CheckpointError, match="resource is 'h1d' there and 'h2d' here"):
            now.h2d.coverage(result)


def test_histograms_of_lumisections_that_are_not_listed_are_not_complete() -> None:
    found = covered([], histograms(7, 5, 1, 2), listing_complete=True)
    assert found.rows[0].unlisted == [(1, 2)]
    assert not found.complete


def test_keys_are_needed(now: Dials) -> None:
    result = now.h1d.list(LumisectionHistogram1DFilters(run_number=367112), fields=["ls_number"])
    with pytest.raises(FilterError, match="coverage needs the fields dataset_id, run_number, me_id"):
        now.h1d.coverage(result)


def test_nothing_to_compare_with_is_not_complete(now: Dials) -> None:
    nothing = now.h1d.list_all(LumisectionHistogram1DFilters(dataset_id=14677060, run_number=1, me_id=2))
    assert nothing.complete
    found = now.h1d.coverage(nothing)
    assert (found.rows, found.complete) == ((), False)
    assert "DIALS lists no lumisection for these filters" in str(found)
    assert "NOT complete" in str(found)


def test_coverage_is_of_a_result(now: Dials) -> None:
    wrong: Any = [1]
    with pytest.raises(ConfigurationError, match="coverage is of the result of list_all, not of list"):
        now.h1d.coverage(wrong)
