"""Downloads of good lumisections and of the files of the service only, and what a plan estimates."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cmsdials import LumiMask, open_dataset, verify
from cmsdials.errors import CheckpointError, ConfigurationError
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D
from cmsdials.filters import LumisectionHistogram2DFilters as Filters2D

from .service import DATASETS, Histograms, named
from .test_download import files, sorted_rows

A, B = DATASETS
GOOD = LumiMask({367100: [[1, 2], [4, 4]], 367103: [[2, 9]], 367105: [[1, 5]], 367110: [[1, 1]]})
KEYS = ["dataset_id", "run_number", "ls_number", "me_id"]


def asked_runs(service: Histograms) -> set[tuple[int, int]]:
    """Return the datasets and runs that were asked for histograms of."""
    asked = [one for one in service.asked if one["place"] in ("th1", "th2")]
    return {
        (dataset, run)
        for one in asked
        for dataset, run in service.has
        if dataset == int(one["dataset_id"])
        and int(one.get("run_number", one.get("run_number__gte")))
        <= run
        <= int(one.get("run_number", one.get("run_number__lte")))
    }


@pytest.mark.parametrize(("rows_per_file", "concurrency"), [(1, 1), (20, 3), (None, 3)])
def test_a_download_of_a_mask_is_the_listing_of_it(
    service: Histograms, tmp_path: Path, concurrency: int, rows_per_file: int | None
) -> None:
    done = service.dials.h1d.download(
        None, tmp_path, good=GOOD, concurrency=concurrency, rows_per_file=rows_per_file
    )
    assert asked_runs(service) == {(dataset, run) for dataset in DATASETS for run in (367100, 367103, 367110)}
    listed = GOOD.select(service.dials.h1d.list_all())
    rows = sorted_rows(tmp_path).select(KEYS).to_pylist()
    assert rows == [{name: getattr(row, name) for name in KEYS} for row in listed]
    assert done.rows == len(rows) == 2 * 2 * (3 + 5 + 1)
    assert verify(tmp_path, service.dials).complete
    asked = len(service.asked)
    again = service.dials.h1d.download(None, tmp_path, good=GOOD, rows_per_file=rows_per_file)
    assert (again.fetched, again.rows) == (0, done.rows)
    assert [one["place"] for one in service.asked[asked:]] == ["run"]


def test_the_plan_of_a_mask_counts_good_lumisections_only(service: Histograms, tmp_path: Path) -> None:
    plan = service.dials.h1d.download(Filters1D(me="P/size"), tmp_path, good=GOOD, dry_run=True)
    assert plan.rows == 2 * (3 + 5 + 1)
    assert "only what is good by a mask of 17 lumisections in 4 runs" in repr(plan)
    narrow = Filters1D(me="P/size", ls_number__gte=2, ls_number__lte=3)
    assert service.dials.h1d.download(narrow, tmp_path, good=GOOD, dry_run=True).rows == 2 * (1 + 2)
    nothing = service.dials.h1d.download(None, tmp_path, good={1: [[1, 5]]})
    assert (nothing.rows, nothing.files) == (0, 0)
    assert asked_runs(service) == set()


def test_what_is_missing_counts_within_the_mask(service: Histograms, tmp_path: Path) -> None:
    service.missing = {(A, 367100, 3, 1), (A, 367101, 1, 1), (A, 367103, 2, 1), (B, 367110, 2, 2)}
    service.dials.h1d.download(None, tmp_path, good=GOOD)
    coverage = verify(tmp_path, service.dials).coverage
    assert coverage is not None
    assert [
        (row.dataset_id, row.run_number, row.me_id, row.missing) for row in coverage.rows if row.missing
    ] == [(A, 367103, 1, [(2, 2)])]
    assert {row.run_number for row in coverage.rows} == {367100, 367103, 367110}


@pytest.mark.parametrize(
    ("good", "said"),
    [
        (None, "selected by a mask of 17 .* there and by no mask here"),
        ({**GOOD.ranges, 367110: [[1, 2]]}, r"run 367110: 2 only here.*Name another folder, or ask the same"),
        ({**GOOD.ranges, 367100: [[1, 2]]}, "run 367100: 4 only there"),
    ],
)
def test_a_folder_is_of_one_mask(service: Histograms, tmp_path: Path, good: Any, said: str) -> None:
    service.dials.h1d.download(None, tmp_path, good=GOOD)
    before = files(tmp_path)
    with pytest.raises(CheckpointError, match=said):
        service.dials.h1d.download(None, tmp_path, good=good)
    # The same mask in another form, and in another order.
    unordered = json.dumps({str(run): ranges[::-1] for run, ranges in reversed(GOOD.ranges.items())})
    assert service.dials.h1d.download(None, tmp_path, good=unordered).fetched == 0
    assert files(tmp_path) == before


def test_new_good_runs_are_added(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path, good=GOOD)
    service.has[A, 367105] = 3
    service.has[A, 367104] = 3
    service.asked.clear()
    done = service.dials.h1d.download(None, tmp_path, good=GOOD)
    assert done.fetched == 1
    assert (A, 367105) in asked_runs(service)
    assert not {(A, 367104), (A, 367101)} & asked_runs(service)
    assert {*open_dataset(tmp_path).to_table()["run_number"].to_pylist()} == {367100, 367103, 367105, 367110}
    assert verify(tmp_path, service.dials).complete


def test_shards_share_a_mask(service: Histograms, tmp_path: Path) -> None:
    for shard in ("2/2", "1/2"):
        service.dials.h1d.download(None, tmp_path, good=GOOD, rows_per_file=1, shard=shard)
    assert verify(tmp_path, service.dials).complete
    assert len(open_dataset(tmp_path)) == 2 * 2 * (3 + 5 + 1)


@pytest.mark.parametrize("good", [5, "no such file", {"5": [[2, 1]]}])
def test_what_makes_no_mask_makes_no_folder(service: Histograms, tmp_path: Path, good: Any) -> None:
    with pytest.raises(ConfigurationError):
        service.dials.h1d.download(None, tmp_path / "a", good=good)
    assert not (tmp_path / "a").exists()
    assert service.asked == []


# --- filters of files


@pytest.mark.parametrize(
    ("filters", "runs"),
    [
        (Filters1D(logical_file_name=named(367101)), {(A, 367101), (B, 367101)}),
        (Filters1D(logical_file_name=named(367101), dataset_id=A), {(A, 367101)}),
        (
            Filters1D(logical_file_name__regex="/367/1(00|10)/"),
            {(one, run) for one in DATASETS for run in (367100, 367110)},
        ),
        (Filters1D(file_id=3671030 + B % 7), {(B, 367103)}),
        (Filters1D(file_id=3671030 + B % 7, dataset_id=A), set()),
        (Filters1D(file_id=1), set()),
        (Filters1D(logical_file_name="/store/none.root"), set()),
    ],
)
def test_filters_of_files_choose_the_runs_to_ask_for(
    service: Histograms, tmp_path: Path, filters: Filters1D, runs: set[tuple[int, int]]
) -> None:
    plan = service.dials.h1d.download(filters, tmp_path, dry_run=True)
    assert {(one.dataset_id, run) for one in plan.partitions for run in one.runs} == runs
    done = service.dials.h1d.download(filters, tmp_path)
    # What lies between two runs of a file is within its range, and has no rows of these files.
    assert runs <= asked_runs(service)
    assert (asked_runs(service) == set()) == (runs == set())
    assert done.rows == len(service.dials.h1d.list_all(filters)) == sum(2 * service.has[one] for one in runs)


def test_a_file_whose_name_says_no_run_may_hold_any(service: Histograms, tmp_path: Path) -> None:
    name = "/store/data/Run2018A/Z/DQMIO/12Nov2019_UL2018-v2/270000/0A-1.root"
    service.files[A, 367101] = (77, name, "2024-05-01T10:00:00Z")
    plan = service.dials.h1d.download(Filters1D(logical_file_name=name), tmp_path, dry_run=True)
    assert {(one.dataset_id, run) for one in plan.partitions for run in one.runs} == {
        place for place in service.has if place[0] == A
    }
    assert (
        service.dials.h1d.download(Filters1D(logical_file_name=name), tmp_path).rows
        == 2 * service.has[A, 367101]
    )


# --- what it will cost


def test_a_plan_estimates_bytes_and_time(service: Histograms, tmp_path: Path) -> None:
    plan = service.dials.h2d.download(None, tmp_path, dry_run=True)
    assert (plan.bytes, plan.bytes_left) == (plan.rows * 2000, plan.rows * 2000)
    assert "a guess that knows no binning" in repr(plan)
    assert plan.seconds_left == pytest.approx((plan.rows * 1.06 / 500, plan.rows * 5.4 / 500))
    half = Filters2D(me="P/map")
    done = service.dials.h2d.download(half, tmp_path)
    service.has[A, 367999] = 4
    plan = service.dials.h2d.download(half, tmp_path, dry_run=True)
    assert plan.bytes_each == done.bytes / done.rows
    assert (plan.rows_left, plan.bytes_left) == (4, round(4 * done.bytes / done.rows))
    assert "as the files that are there" in repr(plan)
    assert service.dials.h1d.download(None, tmp_path / "b", dry_run=True).bytes == 200 * 2 * sum(
        service.has.values()
    )


@pytest.mark.parametrize(
    ("rows", "size", "time"),
    [
        (10, "0.02 MB", "1 s"),
        (8_000, "16.0 MB", "17 s to 86 s"),
        (80_000, "160.0 MB", "3 min to 14 min"),
        (8_000_000, "16.0 GB", "5 hours to 24 hours"),
        (300_000_000, "600.0 GB", "7 days to 38 days"),
        (8_000_000_000, "16.0 TB", "196 days to 1000 days"),
    ],
)
def test_estimates_are_in_units_that_can_be_read(
    service: Histograms, tmp_path: Path, rows: int, size: str, time: str
) -> None:
    plan = service.dials.h2d.download(Filters2D(me="P/map"), tmp_path, dry_run=True)
    one = evolve(plan.partitions[0], runs={367100: rows})
    shown = repr(evolve(plan, partitions=(one,)))
    assert f"about {size}, " in shown
    assert f"about {time} for the service" in shown
