"""A folder of histograms: what is planned, fetched, written, continued, and what keeps it from being damaged."""

import json
import multiprocessing
import os
import shutil
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cmsdials import Dials, open_dataset, verify
from cmsdials.errors import (
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    ConnectionFailedError,
    FilterError,
    MissingDependencyError,
    RequestFailedError,
    RequestTimeoutError,
    SchemaError,
)
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D
from cmsdials.filters import LumisectionHistogram2DFilters as Filters2D

from .service import DATASETS, NAMES, Histograms

KEY = ["dataset_id", "run_number", "ls_number", "me_id"]


def sorted_rows(folder: Path) -> pa.Table:
    return open_dataset(folder).to_table().sort_by([(name, "ascending") for name in KEY])


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder / "data")): path.read_bytes() for path in folder.glob("data/*/*.parquet")
    }


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("page_size", [None, 7])
def test_all_rows_arrive(
    service: Histograms, tmp_path: Path, concurrency: int, page_size: int | None
) -> None:
    filters = Filters2D(page_size=page_size) if page_size else None
    done = service.dials.h2d.download(filters, tmp_path / "a", rows_per_file=30, concurrency=concurrency)
    listed = service.dials.h2d.list_all()
    table = sorted_rows(tmp_path / "a")
    assert done.rows == len(listed) == len(table)
    for row, held in zip(listed, table.to_pylist(), strict=True):
        expected = row.dict()
        expected["data"] = [number for line in expected["data"] for number in line]
        assert held == expected


def test_a_row_group_is_a_run_and_an_element_and_the_key_is_only_in_the_name(
    service: Histograms, tmp_path: Path
) -> None:
    service.dials.h2d.download(None, tmp_path)
    for path in tmp_path.glob("data/*/*.parquet"):
        file = pq.ParquetFile(path)
        assert "dataset" not in file.schema_arrow.names
        assert file.schema_arrow.field("data").type == pa.list_(pa.float64())
        found = []
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            found += {*zip(group["run_number"].to_pylist(), group["me_id"].to_pylist(), strict=True)}
            assert file.metadata.row_group(number).column(0).compression == "ZSTD"
        assert found == sorted({(run, me_id) for _, run in service.has for me_id in (3, 4)})
        binning = json.loads(file.metadata.metadata[b"cmsdials"])["binning"]
        assert [one["x_bin"] for one in binning["P/map"]] == [3]
        assert [one["y_bin"] for one in binning["P/odd map"]] == [1]


def test_a_dry_run_shows_the_plan_and_writes_nothing(service: Histograms, tmp_path: Path) -> None:
    plan = service.dials.h1d.download(Filters1D(me="P/size"), tmp_path / "a", dry_run=True)
    assert not (tmp_path / "a").exists()
    assert service.fetched == []
    assert (plan.rows, plan.elements, plan.datasets) == (
        sum(service.has.values()),
        {2: "P/size"},
        [*DATASETS.values()],
    )
    for shown in (
        "h1d of http://dials.test/",
        "2 datasets, 8 runs, 1 monitoring element: up to",
        *DATASETS.values(),
    ):
        assert shown in repr(plan)


def test_the_plan_counts_only_chosen_lumisections(service: Histograms, tmp_path: Path) -> None:
    for filters, each in (
        (Filters1D(ls_number=2), 1),
        (Filters1D(ls_number__gte=2, ls_number__lte=3), 2),
        (Filters1D(ls_number=99), 0),
    ):
        plan = service.dials.h1d.download(filters, tmp_path, dry_run=True)
        assert plan.rows == 8 * 2 * each


def test_the_same_call_again_fetches_nothing(service: Histograms, tmp_path: Path) -> None:
    first = service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    before, asked = files(tmp_path), len(service.fetched)
    again = service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    assert (first.fetched, again.fetched, again.rows) == (first.files, 0, first.rows)
    assert len(service.fetched) == asked
    assert files(tmp_path) == before
    plan = service.dials.h1d.download(None, tmp_path, dry_run=True)
    assert (len(plan.finished), plan.rows_left) == (first.files, 0)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Any] = {
    "changed": flip,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "missing": lambda path: path.unlink(),
    "renamed": lambda path: path.rename(path.with_name("1-2.parquet")),
    "unknown": lambda path: path.with_name("1-2.parquet").write_bytes(path.read_bytes()),
    "unreadable": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_mended(service: Histograms, tmp_path: Path, kind: str) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    before = files(tmp_path)
    assert verify(tmp_path).complete
    name = sorted(before)[1]
    DAMAGE[kind](tmp_path / "data" / name)
    found = verify(tmp_path)
    assert [one.problem for one in found.problems] == [kind]
    assert not found.complete
    assert kind in str(found)
    if kind in ("missing", "cut off", "renamed", "unreadable"):
        with pytest.raises(CheckpointError, match=r"missing, or not as long.*download again"):
            open_dataset(tmp_path)
    stray = (tmp_path / "data" / name).with_name("1-2.parquet")
    if kind == "unreadable":
        (tmp_path / "data" / name).rmdir()
    if stray.exists():
        with pytest.warns(RuntimeWarning, match=r"1-2\.parquet is not of this download"):
            service.dials.h1d.download(None, tmp_path, rows_per_file=20)
        stray.unlink()
    else:
        service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    assert verify(tmp_path).complete
    assert files(tmp_path).keys() == before.keys()


@pytest.mark.parametrize("which", [0, -1])
def test_any_byte_that_changes_is_found(service: Histograms, tmp_path: Path, which: int) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    path = sorted(tmp_path.glob("data/*/*.parquet"))[which]
    whole = path.read_bytes()
    for at in {*range(0, len(whole), 331), *range(12), *range(len(whole) - 12, len(whole))}:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        assert [one.problem for one in verify(tmp_path).problems] == ["changed"]
    path.write_bytes(whole)
    assert verify(tmp_path).complete


def test_any_byte_of_the_manifest_that_changes_is_found(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(Filters1D(dataset_id=14677060), tmp_path)
    path = tmp_path / "manifest.jsonl"
    whole = path.read_bytes()
    starts = [0, *(at + 1 for at, byte in enumerate(whole[:-1]) if byte == ord("\n"))]
    in_checksums = {start + digit for start in starts for digit in range(9)}
    for at in sorted({*range(0, len(whole), 97), *in_checksums, len(whole) - 1}):
        for bit in (1, 32):  # the second makes another case of a letter
            path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            try:
                assert not verify(tmp_path).complete, (at, bit)
            except CheckpointError as error:
                assert at <= whole.index(b"\n"), error  # noqa: PT017  # of the first line, which all else needs
    path.write_bytes(whole)
    assert verify(tmp_path).complete


@pytest.mark.parametrize(
    "name", ["stray.parquet", "dataset=new/1-2.parquet", "{old}/note.txt", "{old}/.hidden.parquet"]
)
def test_any_file_that_is_added_is_found(service: Histograms, tmp_path: Path, name: str) -> None:
    service.dials.h1d.download(None, tmp_path)
    old = next((tmp_path / "data").iterdir()).name
    path = tmp_path / "data" / name.format(old=old)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"PAR1")
    found = verify(tmp_path)
    assert [(one.path, one.problem) for one in found.problems] == [
        (f"data/{name.format(old=old)}", "unknown")
    ]
    path.unlink()
    assert verify(tmp_path).complete


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="the system has no file that cannot be read")
def test_a_file_that_nobody_can_read_is_unknown(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path)
    min(tmp_path.glob("data/*/*.parquet")).unlink()
    (tmp_path / "data" / "memory").symlink_to("/proc/self/mem")
    assert {one.problem for one in verify(tmp_path).problems} == {"missing", "unknown"}


@pytest.mark.parametrize("becomes", ["another", "damaged", "gone"])
def test_a_file_that_a_download_replaces_meanwhile_is_said(
    service: Histograms, tmp_path: Path, becomes: str
) -> None:
    service.dials.h1d.download(None, tmp_path)
    path = min(tmp_path.glob("data/*/*.parquet"))
    fewer = pq.ParquetFile(path).read_row_group(0)

    def replaced(_number: int) -> None:
        """Come after the checksums and before the contents: when the lumisections are asked for."""
        if becomes == "another":
            pq.write_table(fewer, path)
        elif becomes == "damaged":
            path.write_bytes(b"")
        else:
            path.unlink(missing_ok=True)

    service.before = replaced
    with pytest.raises(CheckpointError, match=r"has become another one .* verify again"):
        verify(tmp_path, service.dials)


def test_new_runs_are_added_and_changed_ones_fetched_again(service: Histograms, tmp_path: Path) -> None:
    dataset = 14677060
    service.dials.h1d.download(Filters1D(dataset_id=dataset), tmp_path, rows_per_file=20)
    before = len(service.fetched)
    service.has[dataset, 367102] = 3  # between two files, or in the range of one
    service.has[dataset, 367999] = 2
    service.has[dataset, 367110] += 1
    service.dials.h1d.download(Filters1D(dataset_id=dataset), tmp_path, rows_per_file=20)
    asked = service.fetched[before:]
    assert (dataset, 367110, 367110) in [(one, max(first, 367110), last) for one, first, last in asked]
    assert (dataset, 367999, 367999) in asked
    listed = service.dials.h1d.list_all(Filters1D(dataset_id=dataset))
    assert sorted_rows(tmp_path).select(KEY).to_pylist() == [
        {name: getattr(row, name) for name in KEY} for row in listed
    ]
    assert verify(tmp_path, service.dials).complete


def test_files_that_fail_do_not_keep_others_from_coming(service: Histograms, tmp_path: Path) -> None:
    service.fails = {(14677060, 367101)}
    with pytest.raises(BadRequestError, match=r"7 of 8 files are finished in .*; the same call continues"):
        service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    found = verify(tmp_path)
    assert [one.problem for one in found.problems] == ["unfinished"]
    assert "this one is not good" in found.problems[0].advice
    with pytest.warns(RuntimeWarning, match="1 of 8 files"):
        open_dataset(tmp_path)
    service.fails = set()
    before = len(service.fetched)
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=1).fetched == 1
    assert len(service.fetched) == before + 1
    assert verify(tmp_path, service.dials).complete


def test_rows_stay_until_newer_ones_are_there(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path)
    rows = len(open_dataset(tmp_path).to_table())
    service.has[14677060, 367101] += 1
    service.fails = {(14677060, 367100)}
    with pytest.raises(BadRequestError, match="the same call continues"):
        service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path).complete
    assert len(open_dataset(tmp_path).to_table()) == rows
    service.fails = set()
    assert service.dials.h1d.download(None, tmp_path).fetched == 1
    assert len(open_dataset(tmp_path).to_table()) == rows + 2


@pytest.mark.parametrize(
    ("breaks", "error"),
    [
        (httpx.ConnectError("no way"), ConnectionFailedError),
        (httpx.ReadTimeout("too late"), RequestTimeoutError),
        (httpx.RemoteProtocolError("cut"), RequestFailedError),
    ],
)
def test_a_connection_that_breaks_is_no_trouble_of_the_disk(
    service: Histograms, tmp_path: Path, breaks: Exception, error: type[Exception]
) -> None:
    service.fails, service.breaks = {(14677060, 367101)}, breaks
    with pytest.raises(error, match=r"7 of 8 files are finished in .*; the same call continues"):
        service.dials.h1d.download(None, tmp_path, rows_per_file=1, retries=0)
    assert [one.problem for one in verify(tmp_path).problems] == ["unfinished"]


def test_a_service_that_is_down_is_given_up_on(service: Histograms, tmp_path: Path) -> None:
    service.fails = set(service.has)
    with pytest.raises(BadRequestError):
        service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert len(service.fetched) == 3


def test_lumisections_that_are_missing_are_found(service: Histograms, tmp_path: Path) -> None:
    service.missing = {(14677060, 367101, 2, 1), (14677060, 367101, 3, 1)}
    service.has[15000000, 367105] = 2
    service.missing |= {(15000000, 367105, ls, me_id) for ls in (1, 2) for me_id in (1, 2)}
    service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path).complete
    found = verify(tmp_path, service.dials)
    assert not found.complete
    assert found.coverage is not None
    assert [(one.run_number, one.me, one.missing) for one in found.coverage.rows if not one.complete] == [
        (367101, "P/charge", [(2, 3)]),
        (367105, "P/charge", [(1, 2)]),
        (367105, "P/size", [(1, 2)]),
    ]


def test_datasets_may_have_elements_of_their_own(service: Histograms, tmp_path: Path) -> None:
    service.missing = {(15000000, run, ls, 1) for _, run in service.has for ls in range(1, 9)}
    service.dials.h1d.download(None, tmp_path)
    coverage = verify(tmp_path, service.dials).coverage
    assert coverage is not None
    assert {(one.dataset_id, one.me) for one in coverage.rows} == {
        (14677060, "P/charge"),
        (14677060, "P/size"),
        (15000000, "P/size"),
    }
    assert coverage.complete


def test_rows_that_two_files_hold_are_found(service: Histograms, tmp_path: Path) -> None:
    """As two processes could leave them where the file system has no locks."""
    filters = Filters1D(dataset_id=14677060, me="P/size")
    for name, rows in (("a", 1), ("b", 1000)):
        service.dials.h1d.download(filters, tmp_path / name, rows_per_file=rows)
    shutil.copytree(tmp_path / "b" / "data", tmp_path / "a" / "data", dirs_exist_ok=True)
    lines = (tmp_path / "b" / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    with (tmp_path / "a" / "manifest.jsonl").open("ab") as manifest:
        manifest.writelines(lines[1:])
    found = verify(tmp_path / "a", service.dials)
    assert found.coverage is not None
    assert [one.duplicate for one in found.coverage.rows] == [[(1, 6)], [(1, 4)]] * 2
    assert not found.complete


def test_only_what_lacks_is_shown(service: Histograms, tmp_path: Path) -> None:
    service.has = {(14677060, run): 2 for run in range(367100, 367170)}
    service.dials.h1d.download(None, tmp_path)
    assert str(verify(tmp_path, service.dials)).endswith(
        "140 of 140 monitoring elements of runs are complete"
    )
    service.has = dict.fromkeys(service.has, 3)
    shown = str(verify(tmp_path, service.dials)).splitlines()
    assert shown[2] == "0 of 140 monitoring elements of runs are complete"
    assert shown[-1] == "90 more lines are in coverage.to_pandas()"
    assert len(shown) < 60


def test_a_dataset_without_any_histogram_is_missing(service: Histograms, tmp_path: Path) -> None:
    service.missing = {
        (15000000, run, ls, me_id) for _, run in service.has for ls in range(1, 9) for me_id in (1, 2)
    }
    service.dials.h1d.download(None, tmp_path)
    coverage = verify(tmp_path, service.dials).coverage
    assert coverage is not None
    assert [one.run_number for one in coverage.rows if one.me is None] == [367100, 367101, 367103, 367110]
    assert not coverage.complete


def test_a_lumisection_that_the_service_no_longer_lists_is_found(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path)
    service.has[14677060, 367101] -= 1
    coverage = verify(tmp_path, service.dials).coverage
    assert coverage is not None
    found = [(one.run_number, one.unlisted) for one in coverage.rows if not one.complete]
    assert found == [(367101, [(4, 4)])] * 2


def test_a_folder_is_of_one_download(service: Histograms, tmp_path: Path, now: Dials) -> None:
    service.dials.h1d.download(Filters1D(me="P/size"), tmp_path)
    with pytest.raises(CheckpointError, match=r"the filter me is 'P/size' there"):
        service.dials.h1d.download(Filters1D(me="P/charge"), tmp_path)
    with pytest.raises(CheckpointError, match="resource is 'h1d' there and 'h2d' here"):
        service.dials.h2d.download(Filters2D(me="P/size"), tmp_path)
    with pytest.raises(ConfigurationError, match="must be a Dials object, not str"):
        verify(tmp_path, "tracker")
    with pytest.raises(CheckpointError, match="of base_url"):
        verify(tmp_path, now)


def test_nothing_there_is_not_already_here(service: Histograms, tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="P/sise"):
        done = service.dials.h1d.download(Filters1D(me="P/sise"), tmp_path / "a")
    assert (done.files, done.rows) == (0, 0)
    assert "nothing to download" in repr(done)
    assert "P/size" in done.note
    assert not (tmp_path / "a").exists()
    empty = service.dials.h1d.download(Filters1D(ls_number=99), tmp_path / "b")
    assert (empty.rows, empty.fetched) == (0, empty.files)
    assert len(open_dataset(tmp_path / "b").to_table()) == 0
    assert open_dataset(tmp_path / "b").to_pandas().empty


@pytest.mark.parametrize(
    ("filters", "good", "lacking"),
    [
        (Filters1D(dataset__regex="nothing"), None, "no run is as the filters say"),
        (Filters1D(run_number__lte=5), None, "no run is as the filters say"),
        (
            Filters1D(run_number__lte=367105),
            {367110: [[1, 2]]},
            "no run is as the filters say and has lumisections in a mask of 2 lumisections in run 367110",
        ),
        (None, {}, "no run is as the filters say and has lumisections in a mask without lumisections"),
        (Filters1D(me__regex="map"), None, "no monitoring element of this kind is as the filters say"),
    ],
)
def test_what_there_is_none_of_is_said(
    service: Histograms, tmp_path: Path, filters: Any, good: Any, lacking: str
) -> None:
    done = service.dials.h1d.download(filters, tmp_path / "a", good=good)
    assert repr(done) == f"<nothing to download to {tmp_path / 'a'}: {lacking}>"
    plan = service.dials.h1d.download(filters, tmp_path / "a", good=good, dry_run=True)
    assert repr(plan).splitlines()[-1] == f"nothing to download: {lacking}"
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("filters", "more", "error"),
    [
        (Filters1D(order_by="-ls_number"), {}, FilterError),
        (Filters1D(next_token="abc"), {}, FilterError),
        (None, {"rows_per_file": 0}, ConfigurationError),
        (None, {"rows_per_file": 1.5}, ConfigurationError),
        (None, {"rows_per_file": True}, ConfigurationError),
        (None, {"concurrency": 0}, ConfigurationError),
        ("/ZeroBias", {}, FilterError),
    ],
)
def test_what_makes_no_sense_is_refused(
    service: Histograms, tmp_path: Path, filters: Any, more: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        service.dials.h1d.download(filters, tmp_path / "a", **more)
    assert service.fetched == []


def test_without_pyarrow_it_says_what_to_install(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"cmsdials\[arrow\]"):
        service.dials.h1d.download(None, tmp_path / "a")
    assert service.asked == []


def _hold(folder: str, ready: Any, end: Any) -> None:
    from filelock import FileLock

    with FileLock(Path(folder) / "lock"):
        ready.set()
        end.wait(120)


def test_a_second_process_is_refused_and_changes_nothing(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path)
    service.has[14677060, 367999] = 2
    started = multiprocessing.get_context("spawn")
    ready, end = started.Event(), started.Event()
    other = started.Process(target=_hold, args=(str(tmp_path), ready, end))
    other.start()
    try:
        assert ready.wait(120)
        before = files(tmp_path), (tmp_path / "manifest.jsonl").read_bytes()
        with pytest.raises(CheckpointError, match="another process downloads to"):
            service.dials.h1d.download(None, tmp_path)
        assert (files(tmp_path), (tmp_path / "manifest.jsonl").read_bytes()) == before
    finally:
        end.set()
        other.join(120)
    service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path, service.dials).complete


def test_rows_that_are_many_move_to_files_meanwhile(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmsdials.download import parquet

    service.dials.h2d.download(Filters2D(page_size=5), tmp_path / "a")
    monkeypatch.setattr(parquet, "_HELD", 1000)
    service.dials.h2d.download(Filters2D(page_size=5), tmp_path / "b")
    assert sorted_rows(tmp_path / "a").equals(sorted_rows(tmp_path / "b"))
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert not [*(tmp_path / "b" / "unfinished").iterdir()]


def test_a_binning_that_changes_within_a_run_is_noted(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = service._histograms

    def rebinned(place: str) -> Any:
        for row in rows(place):
            yield {**row, "x_max": 9.0 if row["ls_number"] > 2 else row["x_max"]}

    monkeypatch.setattr(service, "_histograms", rebinned)
    service.dials.h1d.download(Filters1D(run_number=367101, me="P/size"), tmp_path)
    for path in tmp_path.glob("data/*/*.parquet"):
        binning = json.loads(pq.read_metadata(path).metadata[b"cmsdials"])["binning"]
        assert len({one["x_max"] for one in binning["P/size"]}) == 2


def test_a_disk_that_is_full_is_said_and_leaves_nothing(service: Histograms, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most[1]))  # more than the manifest needs
    try:
        with pytest.raises(CheckpointError, match=r"cannot be written: .*the same call continues"):
            service.dials.h1d.download(None, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert not [*(tmp_path / "unfinished").iterdir()]
    service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path, service.dials).complete


def without_end(content: bytes) -> bytes:
    return content[:-60]


def another_end(content: bytes) -> bytes:
    return content[:-60] + bytes(60)


def another_middle(content: bytes) -> bytes:
    at = len(content) // 4
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("damaged", [without_end, another_end, another_middle, lambda _content: b""])
def test_a_file_that_the_disk_did_not_keep_does_not_count(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: Callable[[bytes], bytes]
) -> None:
    kept = os.fsync

    def fsync(descriptor: int) -> None:
        kept(descriptor)
        for path in (tmp_path / "unfinished").glob("*.part"):
            path.write_bytes(damaged(path.read_bytes()))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(
            CheckpointError, match=r"cannot be read again after it was written: .*Check the disk"
        ):
            service.dials.h1d.download(None, tmp_path)
    assert not [*(tmp_path / "unfinished").iterdir()]
    assert not files(tmp_path)
    service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path, service.dials).complete


def test_a_number_that_is_too_large_for_a_file_is_said(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = service._histograms

    def larger(place: str) -> Any:
        for row in rows(place):
            yield {**row, "entries": 2**63 if row["dataset_id"] == 14677060 else 2**63 - 1}

    monkeypatch.setattr(service, "_histograms", larger)
    with pytest.raises(
        SchemaError, match=r"'entries' holds a number that 64 bits do not.* 1 of 2 files are finished"
    ):
        service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path).rows == 40


@pytest.mark.parametrize("cut", [1, 30, None])
def test_a_manifest_that_was_cut_off_is_continued(
    service: Histograms, tmp_path: Path, cut: int | None
) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    path = tmp_path / "manifest.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-cut] if cut else content[:40])  # the last line, or the first
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    assert verify(tmp_path, service.dials).complete


def test_a_damaged_line_of_the_manifest_is_found(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    path = tmp_path / "manifest.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[-2] = lines[-2].replace(b"finished", b"finishes")
    path.write_bytes(b"\n".join(lines))
    assert {one.problem for one in verify(tmp_path).problems} == {"damaged", "unfinished"}
    lines[0] = lines[0].replace(b"h1d", b"h2d")
    path.write_bytes(b"\n".join(lines))
    for ask in (verify, open_dataset, lambda where: service.dials.h1d.download(None, where)):
        with pytest.raises(CheckpointError, match="the first line of"):
            ask(tmp_path)


def test_a_download_makes_up_for_each_damaged_line(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    path = tmp_path / "manifest.jsonl"
    for number in range(1, path.read_bytes().count(b"\n")):
        lines = path.read_bytes().split(b"\n")
        lines[number] = lines[number].replace(b"dataset", b"datasex", 1)
        path.write_bytes(b"\n".join(lines))
        place = f"manifest.jsonl, line {number + 1}"
        assert [one.path for one in verify(tmp_path).problems if one.problem == "damaged"] == [place]
        service.dials.h1d.download(None, tmp_path, rows_per_file=20)
        assert verify(tmp_path, service.dials).complete
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"datasex", b"datases", 1)  # the same line again
    path.write_bytes(b"\n".join(lines))
    assert [one.path for one in verify(tmp_path).problems] == ["manifest.jsonl, line 3"]


@pytest.mark.parametrize("ask", [verify, open_dataset])
def test_a_folder_without_a_download_is_no_empty_one(tmp_path: Path, ask: Any) -> None:
    for folder in (tmp_path, tmp_path / "not there"):
        with pytest.raises(CheckpointError, match="there is no download in"):
            ask(folder)


def test_a_folder_of_a_newer_client_is_said(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path)
    path = tmp_path / "manifest.jsonl"
    head, rest = path.read_bytes().split(b"\n", 1)
    for old, new in ((b'"resource":"h1d"', b'"resource":"h7d"'), (b'"format":1', b'"format":2')):
        assert old in head
        text = head.partition(b" ")[2].replace(old, new)
        path.write_bytes(b"%08x %s\n" % (zlib.crc32(text), text) + rest)
        with pytest.raises(CheckpointError, match="Upgrade cmsdials"):
            open_dataset(tmp_path)


def test_what_the_service_no_longer_has_stays(service: Histograms, tmp_path: Path) -> None:
    first = service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    service.has = {}
    again = service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    assert (again.rows, again.files, again.fetched) == (first.rows, first.files, 0)
    assert verify(tmp_path).complete


@pytest.mark.parametrize("folder", [None, 7, b"folder", ["folder"]])
def test_a_folder_is_a_path(service: Histograms, folder: Any) -> None:
    asks: list[Any] = [verify, open_dataset, lambda where: service.dials.h1d.download(None, where)]
    for ask in asks:
        with pytest.raises(ConfigurationError, match="must be a path"):
            ask(folder)
    assert service.asked == []


@pytest.mark.parametrize("folder", ["", "~no-such-user-here/folder", "zero\0byte", Path("zero\0byte")])
def test_a_name_that_no_folder_can_have_is_refused(service: Histograms, folder: str | Path) -> None:
    asks: list[Any] = [verify, open_dataset, lambda where: service.dials.h1d.download(None, where)]
    for ask in asks:
        with pytest.raises(ConfigurationError, match=r"the (name of the )?folder"):
            ask(folder)
    assert service.asked == []


def test_a_dataset_without_a_name_is_an_error(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.has[16000000, 367100] = 2
    monkeypatch.setitem(NAMES, 16000000, "/not/in/the index")
    with pytest.raises(SchemaError, match="does not name dataset 16000000"):
        service.dials.h1d.download(None, tmp_path)


def test_two_datasets_of_one_name_are_an_error(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, 15000000, DATASETS[14677060])
    with pytest.raises(SchemaError, match="'dataset' is the same of 14677060 and 15000000"):
        service.dials.h1d.download(None, tmp_path)


def test_a_place_that_cannot_be_written_is_said(service: Histograms, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"cannot be (made|read)"):
        service.dials.h1d.download(None, tmp_path / "file")
