"""The first example of the README: from an empty home folder to a table, by hand and as a batch job."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from cmsdials_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
ADDRESS = "http://localhost:8000/"
TOKEN_FILE = "CMSDIALS_TOKEN_FILE"


@pytest.fixture
def script(home: Path, local_dials: Sandbox) -> Path:
    """The example as somebody saves it, with the address of the sandbox."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## A first example")[2]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block is not None
    saved = home / "first.py"
    saved.write_text(block[1].replace(ADDRESS, local_dials.url), encoding="utf-8")
    return saved


@pytest.fixture
def login(home: Path, local_dials: Sandbox) -> Path:
    """The file that `cmsdials login` leaves in the empty home folder."""
    command = [sys.executable, "-m", "cmsdials", "login", "--instance", local_dials.url]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file = home / ".cache" / "cmsdials" / "credentials.json"
    assert f"kept in {file}" in done.stdout
    return file


def _run(script: Path, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script)]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_by_hand(script: Path, login: Path, home: Path) -> None:
    assert login.exists()
    done = _run(script, home, dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["0", "367112", "1", "28503", "200"]


def test_as_a_batch_job(script: Path, login: Path, tmp_path: Path, local_dials: Sandbox) -> None:
    """With a copy of the login, a token that has expired, and no other variable."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shutil.copy(login, scratch)
    httpx.post(f"{local_dials.url}sandbox/logins/expire-access-tokens/", timeout=120)
    done = _run(script, scratch, {TOKEN_FILE: login.name})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["0", "367112", "1", "28503", "200"]
    kept, renewed = (json.loads(file.read_text("utf-8")) for file in (login, scratch / login.name))
    assert kept["logins"].keys() == renewed["logins"].keys()
    assert kept != renewed


def test_without_a_login_it_says_what_to_do(script: Path, tmp_path: Path) -> None:
    done = _run(script, tmp_path, {TOKEN_FILE: "nothing.json"})
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cmsdials.errors.NotLoggedInError: ")
    assert "nothing.json" in last
    assert "`cmsdials login --instance " in last
