"""That no Keycloak outlives the tests, here with a script in its place."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .server import keycloak

STARTS = """
from pathlib import Path
from tests.keycloak.server import keycloak

with keycloak(Path({folder!r})) as url:
    print("started", flush=True)
    input()
"""

LONGEST = 300.0


def script(folder: Path, body: str) -> None:
    """Put a shell script in the place of a Keycloak."""
    (folder / "bin").mkdir()
    (folder / "bin" / "kc.sh").write_text(body)


def runs(pid: int) -> bool:
    """Whether a process is there, and has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to see processes in")
def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    server = tmp_path / "pids"
    script(tmp_path, f"sleep 3600 & echo $$ $! > {server}; echo Listening on: here; wait\n")
    command = [sys.executable, "-c", STARTS.format(folder=str(tmp_path))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=environment
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "started\n"
        pids = [int(pid) for pid in server.read_text().split()]
        assert all(runs(pid) for pid in pids)
        run.kill()
    end = time.monotonic() + LONGEST
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < end, "it runs on"
        time.sleep(0.05)


def test_one_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    script(tmp_path, "echo no memory; exit 1\n")
    with pytest.raises(RuntimeError, match=r"Keycloak ended; it wrote last:\nno memory"), keycloak(tmp_path):
        pass
