"""One download by several processes, each with a number, on machines that share nothing but the folder."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import filelock
import pytest
from cmsdials import Dials, open_dataset, verify
from cmsdials.cli.app import app
from cmsdials.download.manifest import Manifest
from cmsdials.download.shards import Shard, shares
from cmsdials.errors import BadRequestError, CheckpointError, ConfigurationError
from cmsdials.filters import LumisectionHistogram1DFilters as Filters1D
from cmsdials_sandbox import Sandbox
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from .child import FILTERS, ROWS
from .service import Histograms
from .test_download import files, sorted_rows

CHILD = Path(__file__).with_name("child.py")
BOUND = 120.0
LATER = "2999-01-01T00:00:00+00:00"


def shards(service: Histograms, folder: Path, *which: str, rows: int = 20) -> list[Any]:
    return [service.dials.h1d.download(None, folder, rows_per_file=rows, shard=one) for one in which]


def appended(path: Path, of: Any) -> None:
    """Append a line to a part as its process does."""
    text = json.dumps(of).encode()
    with path.open("ab") as file:
        file.write(b"%08x %s\n" % (zlib.crc32(text), text))


def lines(path: Path) -> list[Any]:
    return [json.loads(line.partition(b" ")[2]) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    "which",
    [["1/1"], ["1/2", "2/2"], ["3/3", "1/3", "2/3"], [f"{one}/20" for one in range(20, 0, -1)]],
)
def test_shards_have_together_what_one_process_has(
    service: Histograms, tmp_path: Path, which: list[str]
) -> None:
    whole = service.dials.h1d.download(None, tmp_path / "whole", rows_per_file=20)
    asked = len(service.fetched)
    done = shards(service, tmp_path / "parts", *which)
    assert len(service.fetched) - asked == whole.files == sum(one.files for one in done)
    assert sum(one.rows for one in done) == whole.rows
    assert [one.shard for one in done] == which
    assert sorted_rows(tmp_path / "parts").equals(sorted_rows(tmp_path / "whole"))
    assert files(tmp_path / "parts").keys() == files(tmp_path / "whole").keys()
    assert verify(tmp_path / "parts", service.dials).complete
    joined = service.dials.h1d.download(None, tmp_path / "parts", rows_per_file=20)
    assert (joined.fetched, joined.rows, joined.files) == (0, whole.rows, whole.files)


def test_a_shard_says_what_it_did(service: Histograms, tmp_path: Path) -> None:
    (done,) = shards(service, tmp_path, "2/3", rows=1)
    assert repr(done).startswith(f"<shard 2/3 of {tmp_path}: ")
    assert repr(done).endswith(f"{done.files} fetched, 0 there before>")
    (nothing,) = shards(service, tmp_path, "40/40", rows=1)
    assert (
        repr(nothing) == f"<shard 40/40 of {tmp_path}: 0 rows, 0.0 MB in 0 files, 0 fetched, 0 there before>"
    )


def test_the_plan_of_a_shard_is_its_part(service: Histograms, tmp_path: Path) -> None:
    plans = [
        service.dials.h1d.download(None, tmp_path / "a", rows_per_file=1, shard=f"{one}/3", dry_run=True)
        for one in (1, 2, 3)
    ]
    assert not (tmp_path / "a").exists()
    whole = service.dials.h1d.download(None, tmp_path / "a", rows_per_file=1, dry_run=True)
    assert sorted(one.path for plan in plans for one in plan.partitions) == sorted(
        one.path for one in whole.partitions
    )
    for number, plan in enumerate(plans, 1):
        service.dials.h1d.download(None, tmp_path / "a", rows_per_file=1, shard=f"{number}/3")
        again = service.dials.h1d.download(
            None, tmp_path / "a", rows_per_file=1, shard=f"{number}/3", dry_run=True
        )
        assert [*again.finished] == [*plan.partitions]


PLANS = st.lists(st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), max_size=30), max_size=4)


@given(plans=PLANS, of=st.integers(1, 12))
def test_each_shard_has_about_as_many_rows(plans: list[dict[str, int]], of: int) -> None:
    given = shares(plans, of)
    assert given.keys() == {path for plan in plans for path in plan}
    assert {one.of for one in given.values()} <= {of}
    held = dict.fromkeys(range(1, of + 1), 0)
    seen: set[str] = set()
    for plan in plans:
        new = {path: rows for path, rows in plan.items() if path not in seen}
        seen |= new.keys()
        for path, rows in new.items():
            held[given[path].number] += rows
        largest = max((rows for one in plans for rows in one.values()), default=0)
        assert max(held.values()) - min(held.values()) <= largest


@given(plans=PLANS, later=PLANS, of=st.integers(1, 12))
def test_what_is_planned_later_moves_nothing(
    plans: list[dict[str, int]], later: list[dict[str, int]], of: int
) -> None:
    before = shares(plans, of)
    assert before.items() <= shares([*plans, *later], of).items()


@pytest.mark.parametrize(
    "shard",
    [
        "",
        "2",
        "2/",
        "/8",
        "2/8/1",
        "a/b",
        "-1/8",
        "2.0/8",
        "²/8",
        "2 of 8",
        (2, 8),
        2,
        True,
        b"2/8",
        ["2/8"],
        "1e1/20",
    ],
)
def test_what_is_no_shard_is_refused(service: Histograms, tmp_path: Path, shard: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"a shard is a text such as '2/8'"):
        service.dials.h1d.download(None, tmp_path / "a", shard=shard)
    assert service.asked == []


@pytest.mark.parametrize("shard", ["0/8", "9/8", "0/0", "1/0", "5/4"])
def test_shards_are_counted_from_one(service: Histograms, tmp_path: Path, shard: str) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no shard .*\$\(Process\)"):
        service.dials.h1d.download(None, tmp_path / "a", shard=shard)
    assert service.asked == []


def test_too_many_shards_are_refused(service: Histograms, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="more than the 10000"):
        service.dials.h1d.download(None, tmp_path / "a", shard="1/10001")
    with pytest.raises(ConfigurationError, match="with shard there is one request at a time"):
        service.dials.h1d.download(None, tmp_path / "a", shard="1/2", concurrency=3)
    assert service.asked == []


@pytest.mark.parametrize("shard", ["1/2", " 1/2\n", "01 / 02"])
def test_a_shard_may_be_written_with_blanks(service: Histograms, tmp_path: Path, shard: str) -> None:
    assert shards(service, tmp_path, shard)[0].shard == "1/2"


def _hold(path: str, ready: Any, end: Any) -> None:
    with filelock.FileLock(path):
        ready.set()
        end.wait(BOUND)


def test_one_of_the_same_number_is_refused_and_others_are_not(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/2")
    started = multiprocessing.get_context("spawn")
    ready, end = started.Event(), started.Event()
    other = started.Process(target=_hold, args=(str(tmp_path / "lock-2-of-2"), ready, end))
    other.start()
    try:
        assert ready.wait(BOUND)
        with pytest.raises(CheckpointError, match="another process is shard 2/2 and downloads to"):
            shards(service, tmp_path, "2/2")
        shards(service, tmp_path, "1/2", "2/3")
    finally:
        end.set()
        other.join(BOUND)
    shards(service, tmp_path, "2/2")
    assert verify(tmp_path, service.dials).complete


def test_another_number_of_shards_continues(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/3", rows=1)
    there = files(tmp_path)
    asked = len(service.fetched)
    done = shards(service, tmp_path, "1/2", "2/2", rows=1)
    assert len(service.fetched) - asked == 8 - len(there) == sum(one.fetched for one in done)
    assert sum(one.files for one in done) == 8
    assert there.items() <= files(tmp_path).items()
    assert verify(tmp_path, service.dials).complete


def test_new_runs_move_no_file_to_another_shard(service: Histograms, tmp_path: Path) -> None:
    has = {}
    for one in ("1/3", "2/3", "3/3"):
        before = files(tmp_path)
        shards(service, tmp_path, one, rows=1)
        has[one] = files(tmp_path).keys() - before.keys()
    service.has = {**service.has, **{(14677060, run): 9 for run in range(367990, 367999)}, (15000000, 1): 3}
    for one, own in has.items():
        plan = service.dials.h1d.download(None, tmp_path, rows_per_file=1, shard=one, dry_run=True)
        assert {part.path for part in plan.finished} == own
        assert len(plan.partitions) > len(own)


def test_a_file_without_a_line_is_not_doubled(service: Histograms, tmp_path: Path) -> None:
    """As a process leaves it that is killed between the two."""
    shards(service, tmp_path, "1/2", "2/2")
    before = files(tmp_path)
    rows = sorted_rows(tmp_path)
    for cut in (1, None):
        part = tmp_path / "manifest-1-of-2.jsonl"
        content = part.read_bytes()
        part.write_bytes(content[:-cut] if cut else b"")
        found = verify(tmp_path)
        assert {one.problem for one in found.problems} == {"unfinished"}
        assert found.shards == {"1/2": len(found.problems)}
        shards(service, tmp_path, *(["1/2"] if cut else ["1/3", "2/3", "3/3"]))
        assert files(tmp_path).keys() == before.keys()
        assert sorted_rows(tmp_path).equals(rows)
        assert verify(tmp_path, service.dials).complete


def test_two_that_plan_at_the_same_time_agree(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one has listed other runs than the first, and no file may hold what another one does."""
    service.has = {(14677060, run): 3 for run in range(367100, 367110)}
    plan, nested = Manifest.plan, []

    def slow(manifest: Manifest, partitions: Any) -> bool:
        if not nested:
            nested.append(True)
            service.has[14677060, 367105] = 9
            service.has[14677060, 367110] = 3
            shards(service, tmp_path, "2/2", rows=12)
        return plan(manifest, partitions)

    monkeypatch.setattr(Manifest, "plan", slow)
    for rows in (12, 18):  # the second time with plans there already
        service.has = {**service.has, **{(14677060, 367120 + rows + one): 3 for one in range(5)}}
        nested.clear()
        shards(service, tmp_path, "1/2", rows=rows)
        done = service.dials.h1d.download(None, tmp_path, rows_per_file=rows)
        assert done.rows == sum(service.has.values()) * 2
        assert verify(tmp_path, service.dials).complete
        service.has[14677060, 367105] = 3
    assert (tmp_path / "plan-2.jsonl").exists()


@pytest.mark.parametrize("newer", [["1/3", "2/3", "3/3"], [None]])
def test_clocks_do_not_decide_which_line_counts(
    service: Histograms, tmp_path: Path, newer: list[str | None]
) -> None:
    service.has = {(14677060, run): 3 for run in (367100, 367101, 367102)}
    shards(service, tmp_path, "1/2", "2/2", rows=1)
    for part in tmp_path.glob("manifest-*.jsonl"):
        stored = lines(part)
        part.write_bytes(b"")
        for line in stored:
            appended(part, {**line, "started": LATER, "ended": LATER})
    service.has = dict.fromkeys(service.has, 5)
    for one in newer:
        service.dials.h1d.download(None, tmp_path, rows_per_file=1, shard=one)
    assert len(open_dataset(tmp_path)) == 3 * 5 * 2
    assert verify(tmp_path, service.dials).complete
    assert service.dials.h1d.download(None, tmp_path, rows_per_file=1).fetched == 0


def test_two_that_fetched_the_same_file_at_the_same_time_do_no_harm(
    service: Histograms, tmp_path: Path
) -> None:
    """The line of one counts, and the file is the other's."""
    shards(service, tmp_path, "1/1", rows=1000)
    (line,) = [
        one for one in lines(tmp_path / "manifest-1-of-1.jsonl") if "14677060" in str(one["partition"])
    ]
    other = {**line, "sha256": "f" * 64, "bytes": line["bytes"] + 1, "ended": LATER}
    appended(tmp_path / "manifest-1-of-2.jsonl", other)
    assert [one.problem for one in verify(tmp_path).problems] == ["cut off"]
    done = service.dials.h1d.download(None, tmp_path, rows_per_file=1000)
    assert (done.fetched, done.files) == (1, 2)
    assert verify(tmp_path, service.dials).complete


def test_where_there_are_no_second_names_one_plan_counts_too(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))  # as Linux says of FAT

    monkeypatch.setattr(os, "link", link)
    test_two_that_plan_at_the_same_time_agree(service, tmp_path / "a", monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr(os, "link", link)
    shards(service, tmp_path / "b", "1/2", "2/2")
    assert verify(tmp_path / "b", service.dials).complete
    assert not [*(tmp_path / "b").glob("*.claim")]
    assert not [*(tmp_path / "b").glob("*.jsonl.*")]


def test_what_a_killed_planner_left_is_named(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmsdials.download import job

    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(job, "_PAUSE", 0.0)
    (tmp_path / "manifest.jsonl.claim").mkdir()
    with pytest.raises(CheckpointError, match=r"remove .* what ends in \.claim"):
        shards(service, tmp_path, "1/2")
    (tmp_path / "manifest.jsonl.claim").rmdir()
    shards(service, tmp_path, "1/2", "2/2")
    assert verify(tmp_path).complete


def test_where_there_are_no_locks_each_process_has_a_part(
    service: Histograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def acquire(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "1-of-2-abc.0.part").write_bytes(b"of another process")
    with pytest.warns(RuntimeWarning, match="let no other shard 1/2 download to it"):
        shards(service, tmp_path, "1/2")
    with pytest.warns(RuntimeWarning, match="let no other shard 1/2"):
        shards(service, tmp_path, "1/2")
    with pytest.warns(RuntimeWarning, match="let no other process"):
        service.dials.h1d.download(None, tmp_path, rows_per_file=20)
    assert len([*tmp_path.glob("manifest-1-of-2-*.jsonl")]) == 2
    assert (tmp_path / "unfinished" / "1-of-2-abc.0.part").exists()
    assert verify(tmp_path, service.dials).complete


def test_verify_and_status_say_which_shard_has_what_left(service: Histograms, tmp_path: Path) -> None:
    service.fails = {(14677060, 367101)}
    planned = [
        service.dials.h1d.download(None, tmp_path, rows_per_file=1, shard=f"{one}/3", dry_run=True).partitions
        for one in (1, 2, 3)
    ]
    (failing,) = (
        number
        for number, own in enumerate(planned, 1)
        for one in own
        if (one.dataset_id, one.first) in service.fails
    )
    with pytest.raises(BadRequestError, match="the same call continues"):
        shards(service, tmp_path, f"{failing}/3", rows=1)
    told = verify(tmp_path, service.dials)
    assert str(told).endswith("\nNOT complete")
    assert "listing" not in told._repr_html_()
    found = verify(tmp_path)
    left = {f"{one}/3": len(own) for one, own in enumerate(planned, 1)} | {f"{failing}/3": 1}
    assert found.shards == left
    assert len(found.problems) == 8 - found.files == sum(left.values())
    for one in found.problems:
        assert one.problem == "unfinished"
        assert any(f"Shard {shard} has it." in one.advice for shard in left)
    status = CliRunner().invoke(app, ["status", str(tmp_path)]).output
    for shard, many in left.items():
        said = f"shard {shard} has {many} file{'' if many == 1 else 's'} left"
        assert sum(f"Shard {shard} has it." in one.advice for one in found.problems) == many
        assert said in str(found).splitlines()
        assert said + ("" if shard == f"{failing}/3" else ", and has not begun") in status.splitlines()
    service.fails = set()
    shards(service, tmp_path, "1/3", "2/3", "3/3", rows=1)
    assert "shard" not in str(verify(tmp_path))
    assert verify(tmp_path).shards == {}


def test_a_file_that_is_damaged_later_is_of_its_shard(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/2", "2/2", rows=1)
    path = sorted(tmp_path.glob("data/*/*.parquet"))[3]
    path.write_bytes(path.read_bytes()[:-1])
    (shard,) = verify(tmp_path).shards
    (other,) = {"1/2", "2/2"} - {shard}
    assert [one.fetched for one in shards(service, tmp_path, other, shard, rows=1)] == [0, 1]
    assert verify(tmp_path).complete


def test_what_others_do_meanwhile_is_left_alone(
    service: Histograms, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    shards(service, tmp_path, "1/2", rows=1)
    foreign = tmp_path / "unfinished" / "2-of-2-abc.0.part"
    foreign.write_bytes(b"is being written")
    own = tmp_path / "unfinished" / "1-of-2-abc.0.part"
    own.write_bytes(b"was being written")
    shards(service, tmp_path, "1/2", rows=1)
    assert (foreign.exists(), own.exists()) == (True, False)
    with filelock.FileLock(tmp_path / "lock-2-of-2"):
        service.dials.h1d.download(None, tmp_path, rows_per_file=1)
        assert foreign.exists()
    service.dials.h1d.download(None, tmp_path, rows_per_file=1)
    assert not foreign.exists()
    assert not [*recwarn]


def test_without_its_first_file_a_manifest_is_not_begun_again(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/2")
    (tmp_path / "manifest.jsonl").unlink()
    with pytest.raises(
        CheckpointError, match=r"manifest\.jsonl is gone, and manifest-1-of-2\.jsonl is still there"
    ):
        shards(service, tmp_path, "1/2")


def test_a_damaged_line_of_a_part_is_found(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/2", "2/2")
    part = tmp_path / "manifest-2-of-2.jsonl"
    part.write_bytes(part.read_bytes().replace(b"finished", b"finishes", 1))
    found = verify(tmp_path)
    assert [one.path for one in found.problems if one.problem == "damaged"] == [
        "manifest-2-of-2.jsonl, line 1"
    ]
    assert found.shards == {"2/2": 1}


def test_all_shards_together_make_up_for_a_damaged_line(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/2", "2/2")
    part = tmp_path / "manifest-2-of-2.jsonl"
    part.write_bytes(part.read_bytes().replace(b"finished", b"finishes", 1))
    shards(service, tmp_path, "1/2")
    assert {one.problem for one in verify(tmp_path).problems} == {"damaged", "unfinished"}
    shards(service, tmp_path, "2/2")
    assert verify(tmp_path, service.dials).complete


@pytest.mark.parametrize("name", ["0-of-0", "9-of-8", "0-of-3", "1-of-999999999"])
def test_a_part_of_no_shard_is_none(service: Histograms, tmp_path: Path, name: str) -> None:
    shards(service, tmp_path, "1/2")
    (tmp_path / f"manifest-{name}.jsonl").touch()
    assert {*verify(tmp_path).shards} == {"2/2"}
    assert "shard 2/2 has" in str(verify(tmp_path))
    service.dials.h1d.download(None, tmp_path)
    assert verify(tmp_path, service.dials).complete


def test_shards_of_another_query_are_refused(service: Histograms, tmp_path: Path) -> None:
    shards(service, tmp_path, "1/2")
    with pytest.raises(CheckpointError, match="of another download"):
        service.dials.h1d.download(Filters1D(me="P/size"), tmp_path, shard="2/2")


def test_jobs_side_by_side_one_of_them_killed(sandbox_now: Sandbox, now: Dials, tmp_path: Path) -> None:
    filters = Filters1D(**FILTERS)  # type: ignore[arg-type]
    now.h1d.download(filters, tmp_path / "quiet", rows_per_file=ROWS)
    folder = tmp_path / "many"
    jobs = [
        subprocess.Popen([sys.executable, CHILD, sandbox_now.url, sandbox_now.secret, folder, f"{one}/3"])
        for one in (1, 2, 3)
    ]
    try:
        until = time.monotonic() + BOUND
        while not (folder / "manifest-1-of-3.jsonl").exists() and jobs[0].poll() is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        jobs[0].kill()
        for job in jobs:
            job.wait(BOUND)
    finally:
        for job in jobs:
            job.kill()
            job.wait()
    assert [job.returncode for job in jobs[1:]] == [0, 0]
    assert verify(folder).shards.keys() <= {"1/3"}
    done = now.h1d.download(filters, folder, rows_per_file=ROWS)
    assert done.files == len([*(tmp_path / "quiet").glob("data/*/*.parquet")])
    assert sorted_rows(folder).equals(sorted_rows(tmp_path / "quiet"))
    assert verify(folder, now).complete
    assert not [*(folder / "unfinished").iterdir()]


def test_a_shard_on_the_command_line(
    sandbox_now: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSDIALS_CLIENT_ID", sandbox_now.client_id)
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", sandbox_now.client_secret)
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))
    login = ["--instance", sandbox_now.url, "--keycloak-url", sandbox_now.keycloak_url]
    line = ["download", "h1d", "--workspace", "tracker", "--dataset", "2024B", "--me", "charge_PXLayer_1$"]
    for shard, code, said in (
        ("0/2", 1, "there is no shard 0 of 2"),
        ("2/2", 0, "shard 2/2 of "),
        ("1/2", 0, "shard 1/2 of "),
    ):
        done = CliRunner().invoke(app, [*line, "-o", str(tmp_path / "out"), "--shard", shard, *login])
        assert (done.exit_code, said in done.output) == (code, True), done.output
    assert verify(tmp_path / "out").complete


def test_a_shard_is_shown_as_it_is_given() -> None:
    assert str(Shard.parse(" 02/8")) == "2/8"
