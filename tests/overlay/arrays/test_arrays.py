"""Stacks of histograms calculated with: held against loops, expanded samples and what hist does with a single one."""

import math
import warnings
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import hist
import numpy as np
import pandas as pd
import pytest
from cmsdials import arrays as ar
from cmsdials.errors import BinningError, ConfigurationError
from hypothesis import given
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]

counts = st.integers(0, 50)
bins_1d = st.sampled_from([1, 2, 6, 12, 200])


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """What does not exist is NaN, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def stack_of(data: Any, **fields: Any) -> dict[str, Array]:
    """Arrays as `to_numpy` returns them: bins of width 0.5 from -1 on, along y of width 2 from 0 on."""
    made = np.asarray(data, np.float64)
    n = len(made)
    arrays = {
        "run_number": np.full(n, 367112),
        "ls_number": np.arange(1, n + 1),
        "x_min": np.full(n, -1.0),
        "x_max": np.full(n, -1.0 + 0.5 * made.shape[-1]),
        "x_bin": np.full(n, made.shape[-1]),
    }
    if made.ndim == 3:
        arrays |= {
            "y_min": np.zeros(n),
            "y_max": np.full(n, 2.0 * made.shape[1]),
            "y_bin": np.full(n, made.shape[1]),
        }
    return arrays | {"entries": np.arange(n) + 100, "data": made} | fields


@st.composite
def stacks(draw: st.DrawFn, *, dimensions: int | None = None) -> dict[str, Array]:
    """Counts of one or two dimensions, among them empty and missing histograms."""
    two = draw(st.booleans()) if dimensions is None else dimensions == 2
    shape = (draw(st.integers(0, 4)), *((draw(st.sampled_from([1, 4, 6])),) if two else ()), draw(bins_1d))
    seed = draw(st.integers(0, 2**32 - 1))
    data = np.random.default_rng(seed).poisson(3, shape).astype(float)
    for at in range(shape[0]):
        state = draw(st.sampled_from(["full", "full", "empty", "missing"]))
        if state != "full":
            data[at] = 0 if state == "empty" else np.nan
    return stack_of(data)


def hist_of(arrays: dict[str, Array], at: int) -> Any:
    axes = [
        hist.axis.Regular(
            arrays["data"].shape[-1], arrays["x_min"][at], arrays["x_max"][at], name="x", flow=False
        )
    ]
    if arrays["data"].ndim == 3:
        y = hist.axis.Regular(
            arrays["data"].shape[1], arrays["y_min"][at], arrays["y_max"][at], name="y", flow=False
        )
        axes.append(y)
    made = hist.Hist(*axes, storage="double")
    made.values()[...] = arrays["data"][at].T
    return made


# --- rebin and crop


@given(arrays=stacks())
def test_rebin_by_one_changes_nothing_and_shares_nothing(arrays: dict[str, Array]) -> None:
    made = ar.rebin(arrays, x=1)
    assert {*made} == {*arrays}
    np.testing.assert_equal(made, arrays)
    assert not np.shares_memory(made["data"], arrays["data"])


@given(arrays=stacks(), data=st.data())
def test_rebin_keeps_sums_and_is_what_hist_does(arrays: dict[str, Array], data: Any) -> None:
    factors = {
        "x": data.draw(st.sampled_from([one for one in (1, 2, 3, 4) if arrays["data"].shape[-1] % one == 0]))
    }
    if arrays["data"].ndim == 3:
        factors["y"] = data.draw(
            st.sampled_from([one for one in (1, 2) if arrays["data"].shape[1] % one == 0])
        )
    made = ar.rebin(arrays, **factors)
    every = tuple(range(1, arrays["data"].ndim))
    np.testing.assert_allclose(made["data"].sum(axis=every), arrays["data"].sum(axis=every), rtol=1e-12)
    assert made["x_bin"].tolist() == [arrays["data"].shape[-1] // factors["x"]] * len(arrays["data"])
    np.testing.assert_array_equal(ar.rebin(arrays["data"], **factors), made["data"])
    for at in range(len(arrays["data"])):
        steps = {
            name: slice(None, None, hist.rebin(factor)) for name, factor in factors.items() if factor > 1
        }
        one = hist_of(arrays, at)[steps] if steps else hist_of(arrays, at)
        np.testing.assert_array_equal(one.values().T, made["data"][at])
        assert one.axes[0].edges[-1] == made["x_max"][at]


limits = st.one_of(
    st.none(),
    st.floats(-3, 120).map(lambda one: round(one, 3)),
    st.integers(-8, 420).map(lambda at: -1 + 0.5 * at),
    st.sampled_from([-1.0, 0.0]),
)


@given(arrays=stacks(dimensions=1), low=limits, high=limits)
def test_crop_keeps_what_hist_keeps(arrays: dict[str, Array], low: float | None, high: float | None) -> None:
    bins = arrays["data"].shape[-1]
    first = 0 if low is None else max(0, math.floor((low + 1) / 0.5))
    last = bins if high is None else min(bins, math.floor((high + 1) / 0.5))
    if len(arrays["data"]) == 0:
        assert ar.crop(arrays, x=(low, high))["data"].shape == arrays["data"].shape
        return
    if first >= last:
        with pytest.raises(BinningError, match="no bin along x lies between"):
            ar.crop(arrays, x=(low, high))
        return
    made = ar.crop(arrays, x=(low, high))
    np.testing.assert_array_equal(made["data"], arrays["data"][:, first:last])
    assert {*made["x_bin"].tolist()} == {last - first}
    one = hist_of(arrays, 0)[
        hist.loc(low) if low is not None and low >= -1 else None : hist.loc(high)
        if high is not None and high < -1 + bins / 2
        else None
    ]
    np.testing.assert_array_equal(one.values(), made["data"][0])
    np.testing.assert_allclose(
        one.axes[0].edges, np.linspace(made["x_min"][0], made["x_max"][0], last - first + 1), atol=1e-12
    )


def test_limits_that_are_edges_but_for_rounding_are_edges() -> None:
    arrays = stack_of(np.arange(30.0)[None]) | {"x_min": np.array([0.0]), "x_max": np.array([3.0])}
    for at in range(30):
        made = ar.crop(arrays, x=(at * 0.1, (at + 1) / 10))  # 3 * 0.1 is above 0.3
        assert made["data"].tolist() == [[float(at)]]


def test_both_axes_are_cropped_and_rebinned() -> None:
    data = np.arange(2 * 4 * 6, dtype=float).reshape(2, 4, 6)
    arrays = stack_of(data)
    made = ar.crop(arrays, x=(-0.5, 1.0), y=(4, None))
    np.testing.assert_array_equal(made["data"], data[:, 2:, 1:4])
    ends = {name: {*made[name].tolist()} for name in ("x_min", "x_max", "x_bin", "y_min", "y_max", "y_bin")}
    assert ends == {
        "x_min": {-0.5},
        "x_max": {1.0},
        "x_bin": {3},
        "y_min": {4.0},
        "y_max": {8.0},
        "y_bin": {2},
    }
    one = hist_of(arrays, 1)[hist.loc(-0.5) : hist.loc(1.0), hist.loc(4.0) :]
    np.testing.assert_array_equal(one.values().T, made["data"][1])
    np.testing.assert_array_equal(
        ar.rebin(made, x=3, y=2)["data"], made["data"].sum(axis=(1, 2), keepdims=True)
    )
    np.testing.assert_array_equal(arrays["data"], data)
    cube = np.arange(48.0).reshape(1, 2, 4, 6)
    np.testing.assert_array_equal(ar.rebin(cube, z=2), cube.sum(axis=1, keepdims=True))


# --- normalise


@given(arrays=stacks())
def test_normalised_histograms_have_one_sum_and_their_shape(arrays: dict[str, Array]) -> None:
    made = ar.normalise(arrays, to=2.5)
    for before, after in zip(arrays["data"], made["data"], strict=True):
        if np.isnan(before).any() or before.sum() == 0:
            assert np.isnan(after).all()
        else:
            np.testing.assert_allclose(after, before / before.sum() * 2.5)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([1e308, 1e308, 0, 0], [0.5, 0.5, 0, 0]),
        ([5e-324, 0, 0, 0], [1, 0, 0, 0]),
        ([3, -1, 0, 0], [1.5, -0.5, 0, 0]),
        ([-1, -1, 0, 0], [0.5, 0.5, 0, 0]),
        ([1, -1, 0, 0], [np.nan] * 4),
        ([np.inf, 1, 0, 0], [np.nan] * 4),
        ([np.nan, 1, 0, 0], [np.nan] * 4),
    ],
)
def test_odd_contents_are_normalised_or_nan(content: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(ar.normalise(np.array([content])), [expected])
    np.testing.assert_array_equal(ar.normalise(np.array([content]).reshape(1, 2, 2)).reshape(4), expected)


# --- mean and RMS


@given(arrays=stacks())
def test_moments_are_those_of_the_expanded_sample(arrays: dict[str, Array]) -> None:
    for axis in ("x", "y")[: arrays["data"].ndim - 1]:
        made = ar.moments(arrays, axis)
        assert "data" not in made
        assert made["ls_number"].tolist() == arrays["ls_number"].tolist()
        bins = arrays["data"].shape[-1 if axis == "x" else 1]
        low, width = (-1, 0.5) if axis == "x" else (0, 2)
        centres = low + width * (np.arange(bins) + 0.5)
        for at, content in enumerate(arrays["data"]):
            along = content if content.ndim == 1 else content.sum(axis=0 if axis == "x" else 1)
            names = ("mean", "mean_error", "rms", "rms_error", "effective_entries")
            found = [made[name][at] for name in names]
            if not along.sum() > 0:
                assert np.isnan(found).all()
                continue
            sample = np.repeat(centres, along.astype(int))
            many, deviation = len(sample), sample.std()
            scatter = deviation if many > 1 else np.nan  # one entry does not tell
            expected = (sample.mean(), scatter / many**0.5, deviation, scatter / (2 * many) ** 0.5, many)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_means_are_those_of_a_profile_of_hist() -> None:
    arrays = stack_of(np.random.default_rng(3).poisson(4, (2, 6, 12)))
    profile = hist_of(arrays, 1).project("x")
    centres = profile.axes[0].centers
    made = ar.moments(arrays)
    assert made["mean"][1] == pytest.approx(np.average(centres, weights=profile.values()))


@pytest.mark.parametrize(
    ("content", "mean", "rms", "entries"),
    [
        ([1e308, 0, 1e308], 1.0, 1.0, np.inf),
        ([0, 5, 0], 1.0, 0.0, 5.0),
        ([-1, 4, 1], 1.5, 0.0, 4.0),  # its variance is negative
        ([-1, -1, -1], np.nan, np.nan, np.nan),
        ([1, -1, 0], np.nan, np.nan, np.nan),
        ([0, 0, 0], np.nan, np.nan, np.nan),
        ([0, np.nan, 3], np.nan, np.nan, np.nan),
        ([0, np.inf, 3], np.nan, np.nan, np.nan),
        ([5e-324, 0, 0], 0.0, 0.0, 5e-324),
    ],
)
def test_moments_of_odd_contents(content: list[float], mean: float, rms: float, entries: float) -> None:
    made = ar.moments(np.array([content]), centres=[0, 1, 2])
    assert {*made} == {"mean", "mean_error", "rms", "rms_error", "effective_entries"}
    np.testing.assert_equal(made["mean"], [mean])
    np.testing.assert_equal(made["effective_entries"], [entries])
    if content[0] == -1 and not math.isnan(mean):
        assert np.isnan(made["rms"]).all()
        assert np.isnan(made["mean_error"]).all()
    else:
        np.testing.assert_equal(made["rms"], [rms])


def test_entries_do_not_count_and_may_be_given() -> None:
    """`entries` may count underflow and overflow, which the contents do not have."""
    arrays = stack_of([[1, 2, 1], [4, 0, 0]], entries=np.array([10**6, 10**6]))
    assert ar.moments(arrays)["effective_entries"].tolist() == [4, 4]
    given_entries = ar.moments(ar.normalise(arrays), effective_entries=[16, 0])
    plain = ar.moments(arrays)
    np.testing.assert_allclose(given_entries["mean"], plain["mean"])
    np.testing.assert_allclose(given_entries["mean_error"], [plain["mean_error"][0] / 2, np.nan])
    assert ar.moments(arrays, effective_entries=9.0)["effective_entries"].tolist() == [9, 9]


@pytest.mark.parametrize(
    ("content", "known"),
    [([0, 1, 0], False), ([0.5, 0.5, 0], False), ([0, 1, 1], True), ([0, 2, 0], True), ([1e-9, 1, 0], False)],
)
def test_the_errors_of_a_single_entry_are_not_known(content: list[float], *, known: bool) -> None:
    made = ar.moments(np.array([content]), centres=[0, 1, 2])
    assert np.isfinite([*made["mean"], *made["rms"]]).all()
    assert np.isfinite([*made["mean_error"], *made["rms_error"]]).tolist() == [known, known]
    given = ar.moments(np.array([content]), centres=[0, 1, 2], effective_entries=[1.5])
    assert np.isnan([*given["mean_error"], *given["rms_error"]]).all()


def test_a_far_mean_keeps_its_digits() -> None:
    arrays = stack_of([[1, 1]]) | {"x_min": np.array([1e9]), "x_max": np.array([1e9 + 2])}
    assert ar.moments(arrays)["rms"].tolist() == [0.5]


# --- sums of lumisections


def summed(rows: list[tuple[int, int, int, Array]], n: int) -> dict[tuple[int, int, int], tuple[int, Array]]:
    """(me, run, first lumisection) -> how many, sum: by a loop."""
    found = {}
    ordered = sorted((row for row in rows if not np.isnan(row[3]).any()), key=lambda row: row[:3])
    for (me, run), group in groupby(ordered, key=lambda row: row[:2]):
        block: list[tuple[int, Array]] = []
        for _, _, ls, content in [*group, (me, run, -1, np.zeros(0))]:
            if block and (ls != block[-1][0] + 1 or len(block) == n):
                found[me, run, block[0][0]] = (len(block), sum(one for _, one in block))
                block = []
            block.append((ls, content))
    return found


@given(
    keys=st.lists(
        st.tuples(st.integers(1, 2), st.integers(5, 6), st.integers(1, 9)), max_size=30, unique=True
    ),
    n=st.integers(1, 5),
    missing=st.sets(st.integers(0, 29), max_size=4),
    seed=st.integers(0, 99),
    two=st.booleans(),
)
def test_sums_span_neither_gaps_nor_runs(
    keys: list[tuple[int, int, int]], n: int, missing: set[int], seed: int, two: bool
) -> None:
    data = np.random.default_rng(seed).integers(0, 9, (len(keys), *((2,) if two else ()), 3)).astype(float)
    data[[at for at in missing if at < len(keys)]] = np.nan
    columns = np.array(keys, np.int64).reshape(-1, 3).T
    arrays = stack_of(
        data,
        me_id=columns[0],
        run_number=columns[1],
        ls_number=columns[2],
        dataset=np.array(["d"] * len(keys)),
    )
    whole = summed([(*key, one) for key, one in zip(keys, data, strict=True)], n)

    kept = ar.sum_lumis(arrays, n, incomplete="keep")
    found = {
        key: (count, total)
        for key, count, total in zip(
            zip(kept["me_id"].tolist(), kept["run_number"].tolist(), kept["ls_number"].tolist(), strict=True),
            kept["ls_count"].tolist(),
            kept["data"],
            strict=True,
        )
    }
    assert {*found} == {*whole}
    for key, (count, total) in whole.items():
        assert found[key][0] == count
        np.testing.assert_array_equal(found[key][1], total)
    assert (kept["ls_last"] == kept["ls_number"] + kept["ls_count"] - 1).all()
    assert (kept["complete"] == (kept["ls_count"] == n)).all()
    np.testing.assert_array_equal(kept["data"].sum(axis=0), np.nansum(data, axis=0))
    there = ~np.isnan(data).any(axis=tuple(range(1, data.ndim)))
    assert kept["entries"].sum() == arrays["entries"][there].sum()

    dropped = ar.sum_lumis(arrays, n)
    assert dropped["complete"].all()
    assert {*dropped} == {*kept}
    for name, values in dropped.items():
        np.testing.assert_array_equal(values, kept[name][kept["complete"]])


def test_sums_come_in_the_order_of_their_first_rows() -> None:
    arrays = stack_of(
        [[1], [2], [3], [4]], run_number=np.array([9, 9, 5, 5]), ls_number=np.array([2, 1, 8, 7])
    )
    made = ar.sum_lumis(arrays, 2)
    assert (made["run_number"].tolist(), made["ls_number"].tolist(), made["data"].tolist()) == (
        [9, 5],
        [1, 7],
        [[3], [7]],
    )
    assert ar.sum_lumis(arrays, 3)["data"].shape == (0, 1)


def test_a_lumisection_that_comes_twice_is_refused() -> None:
    arrays = stack_of([[1], [2]], ls_number=np.array([4, 4]))
    with pytest.raises(
        BinningError, match=r"run 367112, lumisection 4 comes twice. Give the histograms of one"
    ):
        ar.sum_lumis(arrays, 2)
    assert len(ar.sum_lumis(arrays | {"me": np.array(["a", "b"])}, 1)["data"]) == 2


# --- compared with a reference


@given(arrays=stacks(dimensions=1), seed=st.integers(0, 99))
def test_shapes_are_compared_with_that_of_a_reference(arrays: dict[str, Array], seed: int) -> None:
    data = arrays["data"]
    reference = np.random.default_rng(seed).poisson(2, (3, data.shape[1])).astype(float)
    reference[1] = np.nan  # a gap in it
    added = np.nansum(reference, axis=0)
    made = {
        how: ar.compare(arrays, stack_of(reference), how)["data"] for how in ("ratio", "difference", "pull")
    }
    for at, content in enumerate(data):
        if not content.sum() > 0 or added.sum() == 0:
            assert all(np.isnan(one[at]).all() for one in made.values())
            continue
        shape, expected = content / content.sum(), added / added.sum()
        pooled = (content + added) / (content.sum() + added.sum())
        variance = pooled * (1 / content.sum() + 1 / added.sum())
        for bin_ in range(len(content)):
            values = {how: one[at, bin_] for how, one in made.items()}
            assert values["difference"] == pytest.approx(shape[bin_] - expected[bin_], abs=1e-15)
            if expected[bin_]:
                assert values["ratio"] == pytest.approx(shape[bin_] / expected[bin_])
            else:
                assert math.isnan(values["ratio"])
            if variance[bin_]:
                pull = (shape[bin_] - expected[bin_]) / variance[bin_] ** 0.5
                assert values["pull"] == pytest.approx(pull, abs=1e-12)
            else:
                assert math.isnan(values["pull"])


@given(arrays=stacks(dimensions=2), seed=st.integers(0, 99))
def test_contents_are_compared_as_they_are(arrays: dict[str, Array], seed: int) -> None:
    data = arrays["data"]
    reference = np.random.default_rng(seed).poisson(2, (3, *data.shape[1:])).astype(float)
    reference[1] = np.nan  # a gap in it
    added = np.nansum(reference, axis=0)
    ratio, difference, pull = (
        ar.compare(arrays, stack_of(reference), how, normalise=False)["data"]
        for how in ("ratio", "difference", "pull")
    )
    for at in np.ndindex(data.shape):
        ours, theirs = data[at], added[at[1:]]
        assert difference[at] == pytest.approx(ours - theirs, nan_ok=True)
        assert ratio[at] == pytest.approx(ours / theirs if theirs else math.nan, nan_ok=True)
        error = math.sqrt(ours + theirs) or math.nan
        assert pull[at] == pytest.approx((ours - theirs) / error, nan_ok=True)


def test_contents_that_are_missing_or_extreme_are_compared_as_they_are() -> None:
    rows = np.array([[0.0, 0.0], [-1.0, 4.0], [np.nan, 5.0], [1e308, 1e308]])
    ratio, pull = (ar.compare(rows, [2, 1e308], how, normalise=False).tolist() for how in ("ratio", "pull"))
    assert ratio[0] == [0, 0]  # empty is not missing
    assert ratio[1] == [-0.5, 4e-308]
    assert np.isnan([ratio[2], pull[2]]).all()
    assert pull[0] == pytest.approx([-(2**0.5), -1e154])
    assert math.isnan(pull[1][0])
    assert pull[3] == pytest.approx([1e154, 0])
    for reference in ([np.nan, np.nan], np.empty((0, 2))):
        assert np.isnan(ar.compare(rows, reference, "difference", normalise=False)).all()
    groups = {"a": stack_of([[2, 6]]), "b": stack_of([[1, 1]])}
    made = ar.compare(groups, [1, 2], normalise=False)
    assert {key: one["data"].tolist() for key, one in made.items()} == {"a": [[2, 3]], "b": [[1, 0.5]]}
    made = ar.compare(groups, {"a": [1, 2], "b": [1, 2]}, normalise=False)
    assert {key: one["data"].tolist() for key, one in made.items()} == {"a": [[2, 3]], "b": [[1, 0.5]]}


def test_pulls_of_samples_of_one_expectation_have_the_width_1() -> None:
    random = np.random.default_rng(2)
    pulls = [
        ar.compare(random.poisson(200, (1, 50)), random.poisson(200, 50), "pull", normalise=False)
        for _ in range(40)
    ]
    assert np.std(pulls) == pytest.approx(1, rel=0.05)
    assert abs(np.mean(pulls)) < 0.05


def test_a_reference_is_given_in_many_ways() -> None:
    arrays = stack_of([[1, 3], [2, 2]])
    expected = [[0.5, 1.5], [1, 1]]
    for reference in (stack_of([[1, 1], [4, 4]]), [[1, 1], [4, 4]], [5, 5], np.array([5.0, 5.0])):
        assert ar.compare(arrays, reference)["data"].tolist() == expected
        assert ar.compare(arrays["data"], reference).tolist() == expected
    groups = {"a": arrays, "b": stack_of([[1, 1, 2]])}
    made = ar.compare(groups, {"b": [1, 1, 2], "a": [5, 5], "c": [1]})
    assert (made["a"]["data"].tolist(), made["b"]["data"].tolist()) == (expected, [[1, 1, 1]])
    with pytest.raises(BinningError, match="there is no reference for the group 'b'"):
        ar.compare(groups, {"a": arrays})


def test_negative_contents_have_no_pull() -> None:
    made = ar.compare(np.array([[-0.1, 3.0, 2.0]]), [1, 1, 2], "pull")
    assert np.isnan(made[0]).tolist() == [True, False, False]
    made = ar.compare(np.array([[1e308, 1e308]]), [1, 3], "ratio")
    assert made.tolist() == [[2, 0.5 / 0.75]]


def test_few_fills_have_no_large_pull() -> None:
    reference = np.full(100, 1000.0)
    few = np.zeros((1, 100))
    few[0, [10, 50]] = 1
    pull = ar.compare(few, reference, "pull")[0]
    assert np.delete(pull, [10, 50]) == pytest.approx(
        -0.141, abs=0.01
    )  # one of the empty bins may well be empty
    assert (pull[[10, 50]] > 3).all()
    same = ar.compare(reference[None] / 10, reference, "pull")[0]
    assert same == pytest.approx(0, abs=1e-12)


def test_pulls_of_samples_of_one_shape_have_the_width_1() -> None:
    random = np.random.default_rng(1)
    shape = np.array([1.0, 5, 20, 60, 20, 5, 1]) / 112
    pulls = ar.compare(
        random.poisson(50_000 * shape, (400, 7)).astype(float),
        random.poisson(80_000 * shape).astype(float),
        "pull",
    )
    # A reference is the same for all, so each bin is shifted; around that the width is that of the samples alone.
    alone = (1 / 50_000 / (1 / 50_000 + 1 / 80_000)) ** 0.5
    assert pulls.std(axis=0) == pytest.approx(alone * np.sqrt(1 - shape), rel=0.15)


# --- of what kind


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float32, np.int64, bool])
def test_contents_of_any_type_are_added_as_float64(dtype: Any) -> None:
    data = np.array([[200, 100, 1, 0], [200, 0, 0, 0]]).astype(dtype)
    expected = data.astype(float)
    arrays = {**stack_of(expected), "data": data}
    np.testing.assert_array_equal(ar.rebin(arrays, x=2)["data"], expected.reshape(2, 2, 2).sum(axis=2))
    np.testing.assert_array_equal(ar.sum_lumis(arrays, 2)["data"], [expected.sum(axis=0)])


def test_what_is_masked_is_missing() -> None:
    data = np.ma.array([[1.0, 3.0], [3.0, 4.0]], mask=[[False, False], [True, False]])
    np.testing.assert_array_equal(ar.normalise(data), [[0.25, 0.75], [np.nan, np.nan]])


def test_more_lumisections_than_there_are_make_one_sum() -> None:
    made = ar.sum_lumis(stack_of([[1], [2]]), 10**30, incomplete="keep")
    assert (made["data"].tolist(), made["complete"].tolist()) == ([[3]], [False])
    assert ar.sum_lumis(stack_of([[1], [2]]), np.int64(2))["data"].tolist() == [[3]]  # type: ignore[arg-type]


def test_names_some_of_which_are_missing_tell_histograms_apart() -> None:
    names = np.array(["a", None, "a", None, ""], object)  # as to_numpy returns them where others are ""
    stack = stack_of([[1], [2], [4], [8], [16]], ls_number=np.array([1, 1, 2, 2, 3]), me=names)
    made = ar.sum_lumis(stack, 2)
    assert (made["me"].tolist(), made["data"].tolist()) == (["a", None], [[5], [10]])


def test_sums_that_no_float_holds_are_infinite_without_a_warning() -> None:
    stack = stack_of([[1e308, 1e308], [1e308, -1e308]])
    assert ar.rebin(stack, x=2)["data"].tolist() == [[math.inf], [0]]
    assert ar.sum_lumis(stack, 2)["data"].tolist() == [[math.inf, 0]]
    assert ar.rebin(np.array([[math.inf, -math.inf]]), x=2).tolist() == [
        [pytest.approx(math.nan, nan_ok=True)]
    ]


ACTIONS: dict[str, Any] = {
    "rebin": lambda stack: ar.rebin(stack, x=3),
    "crop": lambda stack: ar.crop(stack, x=(-1, 0.5)),
    "normalise": ar.normalise,
    "moments": ar.moments,
    "sum_lumis": lambda stack: ar.sum_lumis(stack, 2),
    "compare": lambda stack: ar.compare(
        stack, np.ones(stack["data"].shape[1:]) if "data" in stack else np.ones(3)
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_groups_are_treated_one_by_one_and_nothing_given_changes(action: str) -> None:
    groups = {"a": stack_of([[1, 2, 3]] * 3), ("b", 1): stack_of([[4, 5, 6]] * 2)}
    before = {key: {name: values.copy() for name, values in group.items()} for key, group in groups.items()}
    made = ACTIONS[action](groups)
    np.testing.assert_equal({**groups}, before)
    for key, group in groups.items():
        np.testing.assert_equal(made[key], ACTIONS[action](group))
    for values in made["a"].values():
        values[...] = 0
    assert groups["a"]["data"].tolist() == before["a"]["data"].tolist()
    assert ACTIONS[action]({}) == {}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (0, 0, 0), (2, 1)])
def test_stacks_without_rows_or_with_one_bin_stay_stacks(action: str, shape: tuple[int, ...]) -> None:
    if action == "rebin" and shape == (2, 1):
        return
    stack = stack_of(np.ones(shape))
    made = ACTIONS[action](stack)
    assert {len(values) for values in made.values()} == {
        1 if action == "sum_lumis" and shape[0] else shape[0]
    }


@pytest.mark.parametrize(
    ("calling", "error", "said"),
    [
        (
            lambda: ar.rebin(stack_of([[1] * 10]), x=3),
            BinningError,
            "10 bins along x cannot be merged 3 by 3. Take one of 2, 5, 10",
        ),
        (lambda: ar.rebin(stack_of([[1] * 7]), x=2), BinningError, "Take one of 7, or crop"),
        (
            lambda: ar.rebin(stack_of([[1]]), x=2),
            BinningError,
            "1 bin along x cannot be merged 2 by 2. Leave x= out for these histograms",
        ),
        (
            lambda: ar.sum_lumis(stack_of([[1], [2]], entries=np.array([5, None], object)), 2),
            ConfigurationError,
            "entries hold what is not a number",
        ),
        (lambda: ar.rebin(stack_of([[1] * 10]), y=2), BinningError, "no axis 'y'. They have x"),
        (
            lambda: ar.rebin(stack_of([[1]]), x=0),
            ConfigurationError,
            "x must be a whole number from 1 on, not 0",
        ),
        (lambda: ar.rebin(stack_of([[1]]), x=2.0), ConfigurationError, "not 2.0"),  # type: ignore[arg-type]
        (lambda: ar.rebin(stack_of([[1]]), x=True), ConfigurationError, "not True"),
        (
            lambda: ar.rebin([1, 2], x=2),
            BinningError,
            r"not \(2,\). For a single histogram write data\[None\]",
        ),
        (lambda: ar.rebin({"ls_number": np.ones(1)}, x=2), BinningError, "these arrays have no data"),
        (
            lambda: ar.rebin("abc", x=2),
            ConfigurationError,
            "a stack of histograms is one array of numbers, not str",
        ),
        (lambda: ar.rebin(None, x=2), BinningError, "no data"),
        (
            lambda: ar.rebin(pd.DataFrame({"data": [1]}), x=2),
            ConfigurationError,
            "not DataFrame. Give the arrays of to_numpy",
        ),
        (lambda: ar.compare([[1, 2]], [[1], [1, 2]]), ConfigurationError, "not list. Give the arrays"),
        (lambda: ar.normalise([[1, 2], [3]]), ConfigurationError, "not list. Give the arrays of to_numpy"),
        (
            lambda: ar.normalise(np.array([[1.0]], object)),
            ConfigurationError,
            r"not ndarray of object. .* such as of cmsdials.stack",
        ),
        (lambda: ar.normalise(np.ones((1, 1, 1, 1, 2))), BinningError, r"not \(1, 1, 1, 1, 2\)"),
        (lambda: ar.normalise([[1, 1]], to="x"), ConfigurationError, "to must be a finite number"),  # type: ignore[arg-type]
        (lambda: ar.normalise([[1, 1]], to=math.inf), ConfigurationError, "to must be a finite number"),
        (
            lambda: ar.moments(stack_of([[1, 1]], x_min=np.array(["a"]))),
            BinningError,
            "x_min holds what is not a number",
        ),
        (lambda: ar.compare(stack_of([[1, 1]]), "run 5"), ConfigurationError, "not ndarray of <U5"),
        (
            lambda: ar.crop(np.ones((1, 3)), x=(0, 1)),
            ConfigurationError,
            "contents alone have no limits .*take a slice",
        ),
        (lambda: ar.crop(stack_of([[1, 1]]), x=5), ConfigurationError, "x takes a pair of limits, not 5"),  # type: ignore[arg-type]
        (lambda: ar.crop(stack_of([[1, 1]]), x=(0, math.nan)), ConfigurationError, "pair of limits"),
        (lambda: ar.crop(stack_of([[1, 1]]), x=("0", 1)), ConfigurationError, "pair of limits"),  # type: ignore[arg-type]
        (lambda: ar.crop(stack_of([[1, 1]]), y=(0, 1)), BinningError, "no axis 'y'"),
        (lambda: ar.crop(stack_of([[1, 1]]), x=(5, 9)), BinningError, "The axis goes from -1 to 0"),
        (
            lambda: ar.crop(stack_of([[1]], x_max=np.array([-1.0])), x=(0, 1)),
            BinningError,
            "x_min is equal to x_max",
        ),
        (lambda: ar.crop({"data": np.ones((1, 2))}, x=(0, 1)), BinningError, "no x_min, x_max, x_bin"),
        (
            lambda: ar.moments(stack_of([[1, 1]] * 2, x_max=np.array([0.0, 1.0]))),
            BinningError,
            "different binnings along x",
        ),
        (lambda: ar.moments(stack_of([[1, 1]], x_bin=np.array([3]))), BinningError, "different binnings"),
        (lambda: ar.moments(np.ones((1, 2))), BinningError, "contents alone have no binning. Give centres="),
        (lambda: ar.moments(np.ones((1, 2)), centres=[1, 2, 3]), BinningError, "centres must be 2 numbers"),
        (lambda: ar.moments(stack_of([[1, 1]]), "phi"), BinningError, "no axis 'phi'"),
        (
            lambda: ar.moments(stack_of([[1, 1]]), effective_entries="many"),
            ConfigurationError,
            "effective_entries must be 1",
        ),
        (lambda: ar.sum_lumis(np.ones((1, 2)), 2), ConfigurationError, "need run_number"),  # type: ignore[arg-type]
        (lambda: ar.sum_lumis(stack_of([[1]]), 0), ConfigurationError, "n must be a whole number"),
        (
            lambda: ar.sum_lumis(stack_of([[1]]), 1, incomplete="flag"),
            ConfigurationError,
            "must be 'drop' or 'keep'",
        ),  # type: ignore[arg-type]
        (
            lambda: ar.sum_lumis(stack_of([[1]], ls_number=np.array([1.5])), 1),
            ConfigurationError,
            "need ls_number",
        ),
        (
            lambda: ar.sum_lumis(stack_of([[1]], me=np.array(["a", "b"])), 1),
            ConfigurationError,
            "me has not a value",
        ),
        (
            lambda: ar.compare(stack_of([[1, 1]]), [1, 2], "chi2"),
            ConfigurationError,
            "how must be one of ratio",
        ),  # type: ignore[arg-type]
        (
            lambda: ar.compare(stack_of([[1, 1]]), [1, 2, 3]),
            BinningError,
            r"bins of the shape \(3,\), and the histograms \(2,\)",
        ),
        (
            lambda: ar.compare(stack_of([[1, 1]]), stack_of([[1, 1]], x_max=np.array([5.0]))),
            BinningError,
            "the reference goes from -1 to 5 along x, and the histograms from -1 to 0",
        ),
    ],
)
def test_what_cannot_be_calculated_is_refused(calling: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        calling()
