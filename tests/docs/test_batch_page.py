"""docs/batch.md: its submit files do what it says, when they are carried out as HTCondor does."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cmsdials import open_dataset, verify
from cmsdials_sandbox import Sandbox

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "batch.md").read_text("utf-8")
ADDRESS = "http://localhost:8000/"


def _saved(name: str) -> str:
    block = re.search(rf"_Saved as `{re.escape(name)}`\._\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return block[1]


COMMANDS = {
    "arguments",
    "environment",
    "error",
    "executable",
    "log",
    "max_materialize",
    "max_retries",
    "my.jobflavour",
    "output",
    "should_transfer_files",
    "transfer_executable",
    "transfer_input_files",
    "transfer_output_files",
}


def _jobs(submit: str, home: Path, **changed: str) -> Iterator[dict[str, str]]:
    """The settings of each job that a submit file queues. What is not a command of HTCondor is a name for a text."""
    *lines, last = submit.strip().splitlines()
    found = [re.fullmatch(r"([\w.]+) *= *(.*)", line) for line in lines]
    settings = {one[1]: one[2] for one in found if one is not None}
    assert len(settings) == len(lines)
    settings |= changed
    queue = re.fullmatch(r"queue (?:(\$?[\w()]+)|(\w+) in \((.*)\))", last)
    assert queue is not None
    items = queue[3].split(",") if queue[3] else [""] * int(_expanded(queue[1], settings, home))
    for process, item in enumerate(items):
        own = {**settings, "Process": str(process), **({queue[2]: item.strip()} if queue[2] else {})}
        yield {
            name: _expanded(value, own, home) for name, value in settings.items() if name.lower() in COMMANDS
        }
    used = {name for value in settings.values() for name in re.findall(r"\$(?:INT)?\((\w+)\)", value)}
    assert {name for name in settings if name.lower() not in COMMANDS} <= used | {
        queue[1][2:-1] if queue[1] else ""
    }


def _expanded(value: str, names: Mapping[str, str], home: Path) -> str:
    """The text with what HTCondor puts in for $(NAME), $INT(NAME) and $ENV(HOME)."""

    def found(reference: re.Match[str]) -> str:
        kind, name = reference.groups()
        if kind == "ENV":
            assert name == "HOME"
            return str(home)
        inside = _expanded(names[name], names, home)
        return str(sum(map(int, inside.split("+")))) if kind == "INT" else inside

    expanded = re.sub(r"\$(INT|ENV|)\((\w+)\)", found, value)
    assert "$" not in expanded
    return expanded


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.strip('"').split(",") if name.strip()]


def _carry_out(
    job: dict[str, str], folder: Path, scratch: Path, *program: str
) -> subprocess.CompletedProcess[str]:
    """Take the input there, run, and bring the output back; nothing else reaches the job."""
    scratch.mkdir()
    for name in _names(job["transfer_input_files"]):
        shutil.copy(folder / name, scratch)
    environment = dict(setting.split("=", 1) for setting in shlex.split(job["environment"].strip('"')))
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")  # so that it runs what is tested
    done = subprocess.run(
        [sys.executable, *program, *shlex.split(job["arguments"])],
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


def test_the_example_is_the_file_on_the_page() -> None:
    assert (DOCS / "examples" / "clusters.sub").read_text("utf-8") == _saved("clusters.sub")


def test_jobs_share_a_download(home: Path, local_dials: Sandbox, tmp_path: Path) -> None:
    keycloak = ["--keycloak-url", local_dials.keycloak_url, "--instance", local_dials.url]
    login = ["login", "--application", "--cache-dir", str(home / "private" / "dials-application"), *keycloak]
    named = {"CMSDIALS_CLIENT_ID": local_dials.client_id, "CMSDIALS_CLIENT_SECRET": local_dials.client_secret}
    subprocess.run(
        [sys.executable, "-m", "cmsdials", *login],
        env={**os.environ, **named},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    whole = [*_jobs(_saved("clusters.sub"), home)]
    assert [job["arguments"].split()[-1] for job in whole] == [f"{one}/8" for one in range(1, 9)]
    assert len({job["output"] for job in whole}) == 8
    few = [*_jobs(_saved("clusters.sub"), home, shards="2")]
    before = {*home.iterdir()}
    for number, job in enumerate(few):
        # A smaller part of it, from the local DIALS.
        job["arguments"] += " --runs 379503-379543 " + shlex.join(keycloak)
        done = _carry_out(job, home, tmp_path / f"scratch{number}", "-m", "cmsdials")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"shard {number + 1}/2 of ")
    assert {*home.iterdir()} - before == {home / "clusters"}
    assert verify(home / "clusters").complete
    assert len(open_dataset(home / "clusters")) > 0


def test_htcondor_reads_the_submit_file_as_this_test_does(home: Path) -> None:
    htcondor = pytest.importorskip("htcondor2")
    read = htcondor.Submit(_saved("clusters.sub"))
    assert read.getQArgs() == "$(shards)"
    (first, *_) = _jobs(_saved("clusters.sub"), home)
    for name, value in first.items():
        assert read.expand(name) == value
    assert read.expand("shards") == "8"
    assert (first["max_materialize"], first["MY.JobFlavour"]) == ("3", '"workday"')
    assert "SECRET" not in first["environment"]
