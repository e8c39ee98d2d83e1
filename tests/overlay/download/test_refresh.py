"""Files that are there: passed over quickly, checked wholly, and fetched again if the service has others by now."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cmsdials import open_dataset, verify
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D

from .service import DATASETS, Histograms, named
from .test_download import files

A, B = DATASETS


def flipped(path: Path) -> None:
    """Flip a bit, and put the time back."""
    was = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def entries(folder: Path) -> list[dict[str, Any]]:
    lines = [
        json.loads(line.partition(b" ")[2]) for line in (folder / "manifest.jsonl").read_bytes().splitlines()
    ]
    return [one for one in lines if one.get("status") == "finished"]


# --- as they were written


def test_files_of_the_same_size_and_time_are_not_read(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    paths = sorted(tmp_path.glob("data/*/*.parquet"))
    for path in paths:
        path.chmod(0)  # only the size and the time are needed
    opened: list[str] = []
    unlike = Path.open

    def noted(self: Path, *how: Any, **more: Any) -> Any:
        opened.append(self.name)
        return unlike(self, *how, **more)

    monkeypatch.setattr(Path, "open", noted)
    before = (tmp_path / "manifest.jsonl").read_bytes()
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=20).fetched == 0
    assert not {path.name for path in paths} & {*opened}
    assert (tmp_path / "manifest.jsonl").read_bytes() == before
    os.utime(paths[0], ns=(1, 1))
    paths[0].chmod(0o600)
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=20).fetched == 0
    assert opened.count(paths[0].name) == 1
    # Read once, and from then on by its new time.
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=20).fetched == 0
    assert opened.count(paths[0].name) == 1


def test_a_folder_that_was_copied_is_read_once_and_is_whole(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path / "a", rows_per_file=20)
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    assert service.dials.h1d.download(None, tmp_path / "b", rows_per_file=20).fetched == 0
    assert verify(tmp_path / "b", service.dials).complete


def test_a_byte_that_flips_unseen_is_found_by_verify(service: Histograms, tmp_path: Path) -> None:
    done = service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    before = files(tmp_path)
    path = min(tmp_path.glob("data/*/*.parquet"))
    flipped(path)
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=20).fetched == 0
    (problem,) = verify(tmp_path).problems
    assert (problem.problem, "remove it. Then: Call download again" in problem.advice) == ("changed", True)
    path.unlink()
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=20).fetched == 1
    assert verify(tmp_path).complete
    assert files(tmp_path) == before
    assert done.files == len(before)


# --- as the service has them


def refreshed(service: Histograms, folder: Path) -> list[tuple[int, int, int]]:
    """Refresh, and return what was asked for again."""
    asked = len(service.fetched)
    plan = service.dials.h1d.download(None, folder, rows_per_file=1, dry_run=True, refresh=True)
    done = service.dials.h1d.download(None, folder, rows_per_file=1, refresh=True)
    assert done.fetched == len(plan.partitions) - len(plan.finished)
    assert verify(folder, service.dials).problems == ()
    return service.fetched[asked:]


def changed(service: Histograms, run: int, when: str = "2024-05-03T12:00:00.5Z", dataset: int = A) -> None:
    file_id, name, _ = service.file_of(dataset, run)
    service.files[dataset, run] = (file_id, name, when)


def test_a_file_that_was_read_anew_is_fetched_again(service: Histograms, tmp_path: Path) -> None:
    service.missing = {(A, 367101, 1, 1)}
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert refreshed(service, tmp_path) == []
    service.missing = set()
    changed(service, 367101)
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=1).fetched == 0
    assert refreshed(service, tmp_path) == [(A, 367101, 367101)]
    assert len(open_dataset(tmp_path)) == 2 * sum(service.has.values())
    assert refreshed(service, tmp_path) == []


@pytest.mark.parametrize(
    "when", ["2020-01-01T00:00:00Z", "2024-05-01T10:00:01+00:00", "2030-01-01T00:00:00.25Z"]
)
def test_any_other_time_counts(service: Histograms, tmp_path: Path, when: str) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    changed(service, 367103, when, B)
    assert refreshed(service, tmp_path) == [(B, 367103, 367103)]
    assert refreshed(service, tmp_path) == []


def test_a_file_that_is_gone_or_another_one_counts(service: Histograms, tmp_path: Path) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    file_id, name, when = service.file_of(A, 367110)
    service.files[A, 367110] = (file_id + 1, name, when)
    assert refreshed(service, tmp_path) == [(A, 367110, 367110)]
    assert refreshed(service, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "again"),
    [
        (named(367101, "second.root"), [(A, 367101, 367101)]),
        (named(367105, "of a run without rows.root"), []),
        (
            "/store/data/Run2018A/Z/DQMIO/UL2018-v2/270000/0A.root",
            [(A, run, run) for run in (367100, 367101, 367103, 367110)],
        ),
    ],
)
def test_a_new_file_counts_where_it_may_belong(
    service: Histograms, tmp_path: Path, name: str, again: list[tuple[int, int, int]]
) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    service.more_files = [(A, 5, name, "2024-06-01T00:00:00Z")]
    assert refreshed(service, tmp_path) == again
    assert refreshed(service, tmp_path) == []


def test_old_files_of_other_things_do_not_count(service: Histograms, tmp_path: Path) -> None:
    service.more_files = [
        (A, 5, "/store/other.root", "2024-04-01T00:00:00Z"),
        (A, 6, "/store/o.root", "2024-05-01T00:00:00Z"),
    ]
    service.dials.h1d.download(Filters1D(me="P/size"), tmp_path, rows_per_file=1)
    assert service.dials.h1d.download(Filters1D(me="P/size"), tmp_path, refresh=True).fetched == 0


def test_files_that_the_service_never_lists_are_no_change(service: Histograms, tmp_path: Path) -> None:
    service.unlisted = {service.file_of(A, 367101)[0]}
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert refreshed(service, tmp_path) == []
    service.unlisted = set()
    assert refreshed(service, tmp_path) == [(A, 367101, 367101)]


def test_counts_of_histograms_are_compared_from_the_second_time_on(
    service: Histograms, tmp_path: Path
) -> None:
    service.uncounted = {(B, 367101): 1}
    service.dials.h1d.download(None, tmp_path, rows_per_file=1, refresh=True)
    assert all(one["counts"] for one in entries(tmp_path))
    assert refreshed(service, tmp_path) == []
    service.uncounted = {}
    assert refreshed(service, tmp_path) == [(B, 367101, 367101)]
    assert refreshed(service, tmp_path) == []


def test_within_a_mask_only_good_lumisections_are_counted(service: Histograms, tmp_path: Path) -> None:
    how: dict[str, Any] = {"good": {367101: [[2, 3]], 367103: [[1, 3]]}, "rows_per_file": 1, "refresh": True}
    service.dials.h1d.download(None, tmp_path, **how)
    service.uncounted = {(A, 367101): 1}  # in its first lumisection
    assert service.dials.h1d.download(None, tmp_path, **how).fetched == 0
    service.uncounted = {(A, 367103): 1}
    assert service.dials.h1d.download(None, tmp_path, **how).fetched == 1


def test_what_an_older_client_fetched_is_fetched_again(service: Histograms, tmp_path: Path) -> None:
    import zlib

    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    path = tmp_path / "manifest.jsonl"
    lines = [json.loads(line.partition(b" ")[2]) for line in path.read_bytes().splitlines()]
    new = ("modified", "files", "indexed", "counts")
    texts = [
        json.dumps({name: value for name, value in one.items() if name not in new}).encode() for one in lines
    ]
    path.write_bytes(b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in texts))
    assert verify(tmp_path).problems == ()
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=1).fetched == 0
    assert len(refreshed(service, tmp_path)) == 8
    assert refreshed(service, tmp_path) == []


def test_an_ordinary_call_asks_for_files_only_if_there_is_something_to_fetch(
    service: Histograms, tmp_path: Path
) -> None:
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert [one["dataset_id"] for one in service.indexed] == [str(A), str(B)]
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert len(service.indexed) == 2
    service.has[B, 367999] = 2
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert [one["dataset_id"] for one in service.indexed[2:]] == [str(B)]


def test_what_changes_while_it_is_fetched_is_noticed_the_next_time(
    service: Histograms, tmp_path: Path
) -> None:
    service.before = lambda _number: changed(service, 367103, "2024-07-01T00:00:00Z")
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    service.before = lambda _number: None
    assert refreshed(service, tmp_path) == [(A, 367103, 367103)]


def test_what_the_service_no_longer_has_stays(service: Histograms, tmp_path: Path) -> None:
    done = service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    for dataset, run in [*service.has]:
        if run == 367103 or dataset == B:
            del service.has[dataset, run]
    again = service.dials.h1d.download(None, tmp_path, rows_per_file=1, refresh=True)
    assert (again.fetched, again.rows) == (0, done.rows)
