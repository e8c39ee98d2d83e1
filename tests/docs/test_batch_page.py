"""docs/batch.md: its submit file does what it says, when it is carried out as HTCondor does."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cmsdials_sandbox import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "batch.md").read_text("utf-8")
ADDRESS = "http://localhost:8000/"


def _saved(name: str) -> str:
    block = re.search(rf"_Saved as `{re.escape(name)}`\._\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return block[1]


def _jobs(submit: str, home: Path) -> Iterator[dict[str, str]]:
    """The settings of each job that a submit file queues."""
    *lines, last = submit.strip().splitlines()
    queue = re.fullmatch(r"queue (\w+) in \((.*)\)", last)
    assert queue is not None
    for item in queue[2].split(","):
        text = "\n".join(lines).replace(f"$({queue[1]})", item.strip()).replace("$ENV(HOME)", str(home))
        assert "$" not in text
        yield {
            key.strip(): value.strip() for key, value in (line.split("=", 1) for line in text.splitlines())
        }


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",")]


def _carry_out(job: dict[str, str], folder: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Take the input there, run, and bring the output back; nothing else reaches the job."""
    scratch.mkdir()
    for name in _names(job["transfer_input_files"]):
        shutil.copy(folder / name, scratch)
    environment = dict(setting.split("=", 1) for setting in shlex.split(job["environment"].strip('"')))
    done = subprocess.run(
        [sys.executable, *shlex.split(job["arguments"])],
        cwd=scratch,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    for name in _names(job["transfer_output_files"]):
        shutil.copy(scratch / name, folder)
    return done


@pytest.fixture
def submitted(home: Path, local_dials: Sandbox) -> list[dict[str, str]]:
    """The jobs, after logging in at home and writing the script."""
    command = [sys.executable, "-m", "cmsdials", "login", "--instance", local_dials.url]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    (home / "charge.py").write_text(_saved("charge.py").replace(ADDRESS, local_dials.url), encoding="utf-8")
    return list(_jobs(_saved("charge.sub"), home))


def test_the_jobs_bring_their_result_and_nothing_else(
    submitted: list[dict[str, str]], home: Path, tmp_path: Path
) -> None:
    before = set(home.iterdir())
    kept = (home / ".cache" / "cmsdials" / "credentials.json").read_bytes()
    for number, job in enumerate(submitted):
        done = _carry_out(job, home, tmp_path / f"scratch{number}")
        assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in set(home.iterdir()) - before} == {
        "charge_367112.parquet",
        "charge_379058.parquet",
    }
    assert (home / ".cache" / "cmsdials" / "credentials.json").read_bytes() == kept


def test_it_says_what_htcondor_needs(submitted: list[dict[str, str]]) -> None:
    assert len({job["output"] for job in submitted}) == len(submitted) == 2
    for job in submitted:
        assert job["MY.JobFlavour"] == '"longlunch"'
        assert (job["should_transfer_files"], job["transfer_executable"]) == ("YES", "False")
        assert "TOKEN=" not in job["environment"]
        assert "SECRET" not in job["environment"]
