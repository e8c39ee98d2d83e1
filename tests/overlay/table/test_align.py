"""`to_numpy(align=True)`: every group has the same lumisections, and what it lacks is NaN and marked."""

from typing import Any

import numpy as np
import pytest
from cmsdials import Dials, arrays
from cmsdials.errors import BinningError, FilterError
from cmsdials.filters import LumisectionHistogram2DFilters
from cmsdials.models import LumisectionHistogram1D, LumisectionHistogram2D, Run
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1, th2
from tests.overlay.table.listings import listed, made_of


def row(me: int, run: int, ls: int, dataset: int = 1, **changes: Any) -> LumisectionHistogram1D:
    return LumisectionHistogram1D.from_dict(
        th1(
            ls, me_id=me, me=f"P/{me}", run_number=run, dataset_id=dataset, dataset=f"/D/{dataset}", **changes
        )
    )


rows = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(5, 6), st.integers(1, 4)),
    unique=True,
    max_size=20,
)


@given(keys=rows, by_run=st.booleans())
def test_all_groups_have_the_lumisections_that_one_of_them_has(
    keys: list[tuple[int, int, int, int]], by_run: bool
) -> None:
    """Whatever the order of the rows is."""
    made_here = [row(me, run, ls, dataset, data=[me + ls, run, dataset]) for me, dataset, run, ls in keys]
    result = made_of(made_here, LumisectionHistogram1D)
    names = ("me_id", "run_number") if by_run else ("me_id",)
    made = result.to_numpy(group_by=names, align=True)
    assert [*made] == [*result.to_numpy(group_by=names)]
    for key, group in made.items():
        expected = sorted({(dataset, run, ls) for _, dataset, run, ls in keys if not by_run or run == key[1]})
        found = zip(
            group["dataset_id"].tolist(),
            group["run_number"].tolist(),
            group["ls_number"].tolist(),
            strict=True,
        )
        assert [*found] == expected
        assert group["dataset"].tolist() == [f"/D/{dataset}" for dataset, _, _ in expected]
        there = [(key[0], *one) in keys for one in expected]
        assert group["gap"].tolist() == [not one for one in there]
        for at, (is_there, (dataset, run, ls)) in enumerate(zip(there, expected, strict=True)):
            values = [key[0] + ls, run, dataset] if is_there else [np.nan] * 3
            np.testing.assert_array_equal(group["data"][at], values)
            np.testing.assert_equal(group["entries"][at], ls if is_there else np.nan)
        for name, value in {"me_id": key[0], "me": f"P/{key[0]}", "x_min": 0, "x_max": 3, "x_bin": 3}.items():
            assert {*group[name].tolist()} == {value}
        kinds = {name: str(values.dtype) for name, values in group.items()}
        assert (kinds["run_number"], kinds["ls_number"], kinds["x_bin"]) == ("int64", "int64", "int64")
        assert (kinds["entries"], kinds["gap"]) == ("float64", "bool")


def test_maps_of_other_binnings_are_aligned_and_loadable(tmp_path: Any) -> None:
    other = {"me_id": 2, "me": "P/other", "y_bin": 1, "data": [[1.0, 2.0, 3.0]]}
    result = listed(th2(1), th2(2), th2(2, **other), th2(3, **other), record=LumisectionHistogram2D)
    made = result.to_numpy(align=True)
    shapes = {me: group["data"].shape for me, group in made.items()}
    assert shapes == {"P/charge": (3, 2, 3), "P/other": (3, 1, 3)}
    assert made["P/charge"]["gap"].tolist() == [False, False, True]
    assert made["P/other"]["gap"].tolist() == [True, False, False]
    np.savez(tmp_path / "x.npz", **made["P/other"])
    with np.load(tmp_path / "x.npz") as stored:
        np.testing.assert_equal(dict(stored), made["P/other"])


def test_without_names_the_groups_are_those_of_ids() -> None:
    names = ["me_id", "run_number", "ls_number", "data"]
    made = listed(*[{name: th1(1)[name] for name in names}], fields=names).to_numpy(align=True)
    assert [*made] == [1]
    assert [*made[1]] == ["run_number", "ls_number", "me_id", "data", "gap"]


def test_sums_and_means_of_what_is_aligned_respect_gaps() -> None:
    result = made_of(
        [row(1, 5, ls) for ls in (1, 2, 4, 5)] + [row(2, 5, ls) for ls in (1, 2, 3, 4)],
        LumisectionHistogram1D,
    )
    groups = result.to_numpy(group_by="me_id", align=True)
    sums = arrays.sum_lumis(groups, 2)
    assert [sums[me]["ls_number"].tolist() for me in (1, 2)] == [[1, 4], [1, 3]]
    assert sums[1]["entries"].tolist() == [3, 9]
    assert "gap" not in sums[1]
    assert np.isnan(arrays.moments(groups)[1]["mean"]).tolist() == [False, False, True, False, False]


def test_pages_resources_and_empty_results_align(service: Scripted, now: Dials) -> None:
    service.will_page([th1(1), th1(1, me_id=2, me="P/other")], 2)
    (page,) = service.dials.h1d.pages()
    assert [*page.to_numpy(align=True)] == ["P/charge", "P/other"]
    assert listed().to_numpy(align=True) == {}
    filters = LumisectionHistogram2DFilters(
        run_number=367112, me__regex="PXBarrel/clusters_per", ls_number__lte=3
    )
    shapes = {group["data"].shape for group in now.h2d.to_numpy(filters, align=True).values()}
    assert shapes == {(3, bins, 72) for bins in (26, 58, 90, 130)}


@pytest.mark.parametrize(
    ("rows", "how", "said"),
    [
        (
            [row(1, 5, 1), row(2, 5, 1)],
            {"group_by": "run_number"},
            'the group 5 has several rows of dataset_id 1, run_number 5, ls_number 1. .*group_by="me"',
        ),
        ([row(1, 5, 1)], {"group_by": "ls_number"}, "groups of one ls_number have nothing to align"),
        ([row(1, 5, 1)], {"group_by": "me_idd"}, "did you mean 'me_id'"),
    ],
)
def test_what_cannot_be_aligned_is_refused(rows: list[Any], how: Any, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        made_of(rows, LumisectionHistogram1D).to_numpy(align=True, **how)


def test_rows_without_lumisections_are_not_aligned() -> None:
    with pytest.raises(FilterError, match="aligned by run_number and ls_number, and do not have both"):
        listed(run_row(1), record=Run).to_numpy(group_by="dataset", align=True)
    with pytest.raises(FilterError, match="cannot be grouped by 'me'"):
        listed(run_row(1), record=Run).to_numpy(align=True)
    changed = row(1, 5, 1)
    changed.ls_number = None
    with pytest.raises(FilterError, match="ls_number of a row is missing"):
        made_of([changed], LumisectionHistogram1D).to_numpy(align=True)
    other = row(1, 5, 2, x_bin=2, data=[1, 2])
    with pytest.raises(BinningError, match="2 different binnings"):
        made_of([row(1, 5, 1), other], LumisectionHistogram1D).to_numpy(align=True)
