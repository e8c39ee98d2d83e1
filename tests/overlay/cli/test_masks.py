"""The command that combines certification files."""

import json
from pathlib import Path

import pytest
from cmsdials import LumiMask

from tests.overlay.cli.conftest import AtTerminal, Run

A, B, C = {"1": [[1, 10]], "2": [[5, 5]]}, {"1": [[4, 20]], "3": [[1, 1]]}, {"1": [[6, 7]]}


@pytest.fixture(autouse=True)
def files(run: Run, tmp_path: Path) -> None:
    for name, content in (("a", A), ("b", B), ("c", C)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("options", "mask"),
    [
        ("", LumiMask(A)),
        ("--and b.json", LumiMask(A) & LumiMask(B)),
        ("--or b.json", LumiMask(A) | LumiMask(B)),
        ("--minus c.json", LumiMask(A) - LumiMask(C)),
        ("--minus c.json --and b.json", (LumiMask(A) & LumiMask(B)) - LumiMask(C)),
        ("--minus c.json --or c.json", LumiMask(A) - LumiMask(C)),
        ("--minus c.json --minus b.json", LumiMask(A) - LumiMask(C) - LumiMask(B)),
        ("--or b.json --or c.json --and c.json", LumiMask(C)),
        ("--and a.json --runs 2", LumiMask({"2": [[5, 5]]})),
        ("--or b.json --runs 2-9", LumiMask({"2": [[5, 5]], "3": [[1, 1]]})),
        ("--runs 9", LumiMask({})),
    ],
)
def test_masks_are_combined(options: str, mask: LumiMask, run: Run, tmp_path: Path) -> None:
    done = run(f"mask a.json {options} --json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert LumiMask(done.stdout) == mask
    assert run(f"mask a.json {options} -o out.json").stdout == f"out.json: {mask}\n"
    assert LumiMask(tmp_path / "out.json") == mask


def test_the_table(run: Run, at_terminal: AtTerminal) -> None:
    text = "run_number  ls_count  ranges\n         1        18  1-5,8-20\n         2         1  5\n"
    line = "mask a.json --or b.json --minus c.json --runs 1-2"
    assert run(line).stdout == text
    shown = at_terminal(line)
    assert [row.split() for row in shown.text.splitlines()[1:3]] == [["1", "18", "1-5,8-20"], ["2", "1", "5"]]
    assert "a mask of 19 lumisections in 2 runs from 1 to 2" in shown.text
    assert (
        run(f"{line} --csv --columns run_number,ls_count --limit 1").stdout == "run_number,ls_count\n1,18\n"
    )
    assert run(f"{line} -o out.parquet").stdout == "out.parquet: 2 rows\n"


def test_a_file_from_the_standard_input(run: Run) -> None:
    done = run("mask - --and b.json --json", '{"1": [[19, 30]]}')
    assert LumiMask(done.stdout) == LumiMask({"1": [[19, 20]]})
    assert run("mask -", "").exit_code == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mask none.json", "the certification file 'none.json' cannot be read: No such file or directory"),
        ("mask a.json --and none.json", "'none.json' cannot be read"),
        ("mask text.json", "is not JSON"),
        ("mask a.json --runs x", "--runs 'x' is neither a number nor a range of numbers"),
        ("mask a.json --json --columns ranges", "is written as a whole, without --columns and --limit"),
        ("mask a.json -o out.json --limit 1", "is written as a whole, without --columns and --limit"),
        ("mask a.json -o out.root", "says no format"),
        ("mask a.json -o nowhere/out.json", "cannot be written (No such file or directory)"),
    ],
)
def test_what_makes_no_sense_is_said(line: str, said: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("367112: 1-5")
    done = run(line)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert not (tmp_path / "out.json").exists()
