"""The commands about folders of histograms: `download`, `status` and `verify`."""

import json
import logging
import re
from pathlib import Path

import pytest
from attrs import evolve
from cmsdials import Dials, open_dataset
from cmsdials.download.manifest import Manifest
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials_sandbox import Sandbox

from tests.overlay.cli.conftest import AtTerminal, Run

LAYER = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_"
DIGIS = "EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +"
DATASET = "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"
CHOICE = "--workspace tracker --dataset 2024B --me 'charge_PXLayer_[12]$' --runs 367112-379100"


def test_from_the_plan_to_the_check(run: Run, tmp_path: Path, now: Dials) -> None:
    planned = run(f"download h1d {CHOICE} -o out LOGIN --dry-run")
    assert planned.exit_code == 0, planned.output
    assert "/ZeroBias/Run2024B-PromptReco-v1/DQMIO: 3 runs, 367112 to 379096" in planned.output
    assert not (tmp_path / "out").exists()

    done = run(f"download h1d {CHOICE} -o out LOGIN --concurrency 2")
    assert done.exit_code == 0, done.output
    filters = LumisectionHistogram1DFilters(
        dataset__regex="2024B", me__regex="charge_PXLayer_[12]$", run_number__lte=379100
    )
    rows = len(now.h1d.list_all(filters))
    assert f"out: {rows} rows" in done.output
    assert len(open_dataset("out")) == rows
    assert "0 fetched, 1 there before" in run(f"download h1d {CHOICE} -o out LOGIN").output

    assert f"1 of 1 files are finished: {rows} rows" in run("status out").output
    offline = run("verify out --offline")
    assert (offline.exit_code, "no problem" in offline.output) == (0, True)
    online = run("verify out LOGIN")
    assert (online.exit_code, "of runs are complete" in online.output) == (0, True), online.output

    next(Path("out").glob("data/*/*.parquet")).unlink()
    damaged = run("verify out --offline")
    assert (damaged.exit_code, "missing: data/dataset=%2FZeroBias" in damaged.output) == (3, True)


@pytest.mark.parametrize("command", ["download h1d --me x LOGIN -o", "status", "verify --offline"])
def test_a_variable_that_is_not_set_is_no_folder(run: Run, tmp_path: Path, command: str) -> None:
    before = [*tmp_path.iterdir()]
    refused = run(f"{command} ''")
    assert (refused.exit_code, "the name of the folder is empty" in refused.output) == (1, True), (
        refused.output
    )
    assert [*tmp_path.iterdir()] == before


def test_a_log_instead_of_a_bar(run: Run, tmp_path: Path) -> None:
    done = run(f"download h1d {CHOICE} -o out LOGIN --log")
    assert done.exit_code == 0, done.output
    (line,) = done.stderr.splitlines()
    found = re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (\d+) of at most \d+ rows, 1 of 1 files, [\d.]+ MB", line
    )
    assert found is not None
    assert f"out: {found[1]} rows" in done.stdout
    assert run(f"download h1d {CHOICE} -o out LOGIN").stderr == ""
    assert not logging.getLogger("cmsdials.download").handlers


def test_only_what_is_good(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text('{"367112": [[5, 14]], "379543": [[1, 9]], "379544": [[1, 50]]}')
    line = "download h1d --workspace tracker --dataset 2024B --me 'charge_PXLayer_[12]$' --good good.json -o out LOGIN"
    planned = run(f"{line} --dry-run")
    assert (
        planned.exit_code,
        "only what is good by a mask of 69 lumisections in 3 runs" in planned.output,
    ) == (0, True)
    done = run(line)
    assert (done.exit_code, "out: 38 rows" in done.output) == (0, True), done.output
    found = open_dataset("out").to_table(columns=["run_number", "ls_number"])
    pairs = {*zip(found["run_number"].to_pylist(), found["ls_number"].to_pylist(), strict=True)}
    assert pairs == {*((367112, ls) for ls in range(5, 15)), *((379543, ls) for ls in range(1, 10))}
    assert run("verify out LOGIN").exit_code == 0
    again = run(f"{line} --refresh")
    assert (again.exit_code, "0 fetched, 1 there before" in again.output) == (0, True), again.output
    other = run(line.replace("--good good.json", ""))
    assert (other.exit_code, "by no mask here" in other.output) == (1, True)


def test_what_the_service_lacks_has_an_exit_code_of_its_own(run: Run) -> None:
    assert run("download h1d --me charge_PXLayer_1$ --runs 379543 -o out LOGIN").exit_code == 0
    assert run("verify out --offline").exit_code == 0
    lacking = run("verify out LOGIN")
    assert (lacking.exit_code, "NOT complete" in lacking.output) == (4, True), lacking.output


@pytest.mark.parametrize(
    ("options", "element", "numbers"),
    [
        (f"h2d --me '{DIGIS}' --runs 379096 --ls 78", DIGIS, {78}),  # whose + is no operator
        (f"h1d -m {LAYER}1 -r 367112 --ls 5-7 -d {DATASET}", f"{LAYER}1", {5, 6, 7}),
        ("h1d --me-id 1 --run 367112 --ls 5-7 --dataset-id 14677060", f"{LAYER}1", {5, 6, 7}),
        ("h1d -w tracker --me charge_PXLayer_1$ --run 367112 --ls 5 --min-entries 1", f"{LAYER}1", {5}),
    ],
)
def test_the_options_are_those_of_other_commands(
    options: str, element: str, numbers: set[int], run: Run
) -> None:
    done = run(f"download {options} -o out LOGIN")
    assert done.exit_code == 0, done.output
    found = open_dataset("out").to_table(columns=["me", "ls_number"])
    assert {*found["me"].to_pylist()} == {element}
    assert {*found["ls_number"].to_pylist()} == numbers
    again = run(f"download {options} -o out LOGIN")
    assert "0 fetched, 1 there before" in again.output, again.output


@pytest.mark.parametrize(
    ("begun", "options", "continues"),
    [
        ({"me__regex": f"{LAYER}1"}, f"--me {LAYER}1 --runs 367112-367113", True),
        ({"me": f"{LAYER}1"}, f"--me {LAYER}1 --runs 367112-367113", True),
        (
            {"me": f"{LAYER}1", "dataset__regex": DATASET},
            f"--me {LAYER}1 -d {DATASET} -r 367112-367113",
            True,
        ),
        ({"me__regex": "XLayer_1$"}, "--me XLayer_1$ --runs 367112-367113", True),
        ({"me__regex": "XLayer_1$", "run_number__lte": 367112}, "--me XLayer_1$ --run 367112", True),
        ({"me__regex": "XLayer_1$"}, "--me XLayer_2$ --runs 367112-367113", False),
        ({"me__regex": "XLayer_1$"}, "--me XLayer_1$ --runs 367112", False),
        ({"me__regex": "XLayer_1$"}, "--me XLayer_1$ --runs 367112-367113 --ls 5", False),
        ({"me__regex": "XLayer_1$"}, "--me-id 1 --runs 367112-367113", False),
    ],
)
def test_a_folder_continues_with_the_filters_that_began_it(
    begun: dict[str, str], options: str, continues: bool, run: Run, now: Dials
) -> None:
    asked = {"run_number__gte": 367112, "run_number__lte": 367113, **begun}
    now.h1d.download(LumisectionHistogram1DFilters(**asked), "out")
    done = run(f"download h1d --workspace tracker {options} -o out LOGIN")
    said = "0 fetched, 1 there before" if continues else "out is of another download: the filter"
    assert (done.exit_code, said in done.output) == (0 if continues else 1, True), done.output


def test_for_programs(run: Run, at_terminal: AtTerminal, sandbox_now: Sandbox) -> None:
    line = "download h1d --workspace tracker --me 'charge_PXLayer_[12]$' --runs 379543 -o out --json LOGIN"
    plan = json.loads(run(f"{line} --dry-run").stdout)
    low, high = plan.pop("seconds_left")
    assert 0 < low <= high
    assert plan.pop("bytes_left") == plan.pop("bytes") > 0
    assert plan == {
        "folder": "out",
        "datasets": [DATASET],
        "mes": [{"me_id": 1, "me": f"{LAYER}1"}, {"me_id": 2, "me": f"{LAYER}2"}],
        "runs": 1,
        "files": 1,
        "files_left": 1,
        "rows": 182,
        "rows_left": 182,
    }
    done = run(line)
    assert (done.exit_code, done.stderr) == (0, "")
    fetched = json.loads(done.stdout)
    (file,) = Path("out").glob("data/*/*.parquet")
    rows, size = len(open_dataset("out")), file.stat().st_size
    counts = {"folder": "out", "rows": rows, "bytes": size, "files": 1, "note": "", "shard": ""}
    assert fetched == {**counts, "fetched": 1}
    assert json.loads(run(line).stdout) == {**counts, "fetched": 0}
    nothing = json.loads(run(line.replace("379543", "1").replace("-o out", "-o none")).stdout)
    assert (nothing["rows"], bool(nothing["note"])) == (0, True)

    status = json.loads(run("status out --json").stdout)
    assert status.pop("begun") <= status.pop("last_finished")
    assert status == {
        "folder": "out",
        "kind": "h1d",
        "instance": sandbox_now.url,
        "workspace": "tracker",
        "filters": {"me__regex": "charge_PXLayer_[12]$", "run_number": 379543},
        "files": 1,
        "finished": 1,
        "failed": 0,
        "planned": 0,
        "rows": rows,
        "bytes": size,
        "failures": [],
        "shards": [],
        "damaged": [],
    }
    assert json.loads(at_terminal("status out --json").text)["rows"] == rows

    offline = run("verify out --offline --json")
    whole = {"folder": "out", "complete": True, "files": 1, "rows": rows, "problems": [], "shards": []}
    assert (offline.exit_code, json.loads(offline.stdout)) == (0, {**whole, "coverage": None, "notes": []})
    online = run("verify out --json LOGIN")
    lacking = json.loads(online.stdout)
    assert (online.exit_code, online.stderr, lacking["complete"], lacking["problems"]) == (4, "", False, [])
    first, second = lacking["coverage"]
    assert first == {
        "dataset_id": 14677060,
        "run_number": 379543,
        "me_id": 1,
        "me": f"{LAYER}1",
        "expected": 91,
        "retrieved": 87,
        "missing": [[11, 11], [34, 34], [57, 57], [80, 80]],
        "empty": [],
        "duplicate": [],
        "unlisted": [],
        "complete": False,
    }
    assert second["me_id"] == 2

    file.unlink()
    damaged = at_terminal("verify out --offline --json")
    said = json.loads(damaged.text)
    assert (damaged.exit_code, said["complete"], said["files"], said["rows"]) == (3, False, 0, 0)
    (problem,) = said["problems"]
    assert (problem["path"], problem["problem"]) == (file.relative_to("out").as_posix(), "missing")
    assert problem["advice"].startswith("Call download again")


def test_shards_for_programs(run: Run) -> None:
    line = "download h1d --workspace tracker --me XLayer_1$ -o out LOGIN --json --shard"
    assert json.loads(run(f"{line} 2/3").stdout)["shard"] == "2/3"
    status = json.loads(run("status out --json").stdout)
    verified = run("verify out --offline --json")
    left = json.loads(verified.stdout)
    assert verified.exit_code == (3 if status["planned"] else 0)
    assert [{**one, "begun": False} for one in left["shards"]] == status["shards"]
    assert status["files"] == status["finished"] + status["planned"]
    assert (
        len(left["problems"]) == sum(one["files_left"] for one in status["shards"]) == status["planned"] > 0
    )


def test_files_may_be_smaller_so_that_more_shards_share_them(run: Run) -> None:
    line = "download h1d --workspace tracker --me XLayer_1$ -o out LOGIN --json --dry-run"
    usual, small = (json.loads(run(f"{line} {more}").stdout) for more in ("", "--rows-per-file 150"))
    assert usual["rows"] == small["rows"]
    assert small["files"] > 4 * usual["files"]
    assert run(f"{line} --rows-per-file 0").exit_code == 2


def test_what_failed_for_programs(run: Run) -> None:
    run("download h1d --workspace tracker --me XLayer_1$ -o out LOGIN --shard 2/3")
    manifest = Manifest.read(Path("out"))
    planned = next(one for one in manifest.entries.values() if not one.is_finished)
    manifest.add([evolve(planned, status="failed", error="the service said \x1b[2J no")])
    with Path("out/manifest.jsonl").open("a") as file:
        file.write("not as it was written\n")
    done = run("status out --json")
    assert (done.exit_code, "\x1b" in done.stdout) == (0, False)
    status = json.loads(done.stdout)
    assert status["failures"] == [{"path": planned.path, "error": "the service said \x1b[2J no"}]
    assert status["files"] == status["finished"] + status["failed"] + status["planned"]
    (place,) = status["damaged"]
    verified = run("verify out --offline --json")
    problems = {one["path"]: one for one in json.loads(verified.stdout)["problems"]}
    assert (verified.exit_code, problems[place]["problem"]) == (3, "damaged")
    failed = problems[f"data/{planned.path}"]
    assert failed["problem"] == "unfinished"
    assert "It failed: the service said" in failed["advice"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("download h1d --runs 5-3 -o out LOGIN", "Swap the two bounds"),
        ("download h1d --runs from -o out LOGIN", "Write it as 367100-367200"),
        ("download h1d --runs 1-2-3 -o out LOGIN", "Write it as 367100-367200"),
        ("download h1d --me '(' -o out LOGIN", "cannot be sent"),
        ("download h1d --good nowhere.json -o out LOGIN", "nowhere.json' cannot be read"),
        ("download h1d --ls 1:5 -o out LOGIN", "--ls '1:5' is neither a number nor a range"),
        ("download h1d --dataset '' -o out LOGIN", "is empty"),
        ("download h1d --me '' -o out LOGIN", "is empty"),
        ("download h1d --shard 9/8 -o out --json LOGIN", "there is no shard 9 of 8"),
        ("download h1d --workspace nowhere --json -o out LOGIN", "Workspace 'nowhere' not found"),
        ("status nowhere --json", "there is no download in nowhere"),
        ("verify nowhere --offline --json", "there is no download in nowhere"),
        ("status nowhere", "there is no download in nowhere"),
        ("verify nowhere --offline", "there is no download in nowhere"),
        ("verify nowhere LOGIN", "there is no download in nowhere"),
    ],
)
def test_what_makes_no_sense_is_said(run: Run, line: str, said: str) -> None:
    done = run(line)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "line",
    [
        "download",
        "download h3d -o out",
        "download h1d",
        "download h1d -o out --concurrency 0",
        "status",
        "verify",
    ],
)
def test_what_is_lacking_is_said(run: Run, line: str) -> None:
    assert run(line).exit_code == 2
