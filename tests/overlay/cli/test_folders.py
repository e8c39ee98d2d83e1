"""The commands about folders of histograms: `download`, `status` and `verify`."""

import logging
import re
from pathlib import Path

import pytest
from cmsdials import Dials, open_dataset
from cmsdials.filters import LumisectionHistogram1DFilters

from tests.overlay.cli.conftest import Run

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
    ("line", "said"),
    [
        ("download h1d --runs 5-3 -o out LOGIN", "Swap the two bounds"),
        ("download h1d --runs from -o out LOGIN", "Write it as 367100-367200"),
        ("download h1d --runs 1-2-3 -o out LOGIN", "Write it as 367100-367200"),
        ("download h1d --me '(' -o out LOGIN", "cannot be sent"),
        ("download h1d --good nowhere.json -o out LOGIN", "nowhere.json' cannot be read"),
        ("status nowhere", "there is no download in nowhere"),
        ("verify nowhere --offline", "there is no download in nowhere"),
        ("verify nowhere LOGIN", "there is no download in nowhere"),
    ],
)
def test_what_makes_no_sense_is_said(run: Run, line: str, said: str) -> None:
    done = run(line)
    assert done.exit_code == 1
    assert said in " ".join(done.output.split())
    assert not Path("out").exists()


@pytest.mark.parametrize("line", ["download", "download h3d -o out", "download h1d", "status", "verify"])
def test_what_is_lacking_is_said(run: Run, line: str) -> None:
    assert run(line).exit_code == 2
