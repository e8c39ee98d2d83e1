"""That no browser outlives the tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chromium import chromium

STARTS = """
from pathlib import Path
from tests.chromium import chromium

with chromium(Path({folder!r})) as driver:
    print(driver.service.process.pid, flush=True)
    input()
"""

LONGEST = 300.0


def programs(group: int) -> list[str]:
    """Return what runs in a group of processes."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, _parent, its_group, *_ = after.split()
        if int(its_group) == group and state != "Z":
            found.append(before.partition("(")[2])
    return found


def wait_until_none_runs(group: int) -> None:
    end = time.monotonic() + LONGEST
    while running := programs(group):
        assert time.monotonic() < end, running
        time.sleep(0.05)


pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to see processes in"),
]


def test_it_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with chromium(tmp_path / "first") as driver:  # skips where there is none
        group = driver.service.process.pid
        assert len(programs(group)) > 2
    wait_until_none_runs(group)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", STARTS.format(folder=str(tmp_path / "second"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=environment,
    ) as run:
        assert run.stdout is not None
        group = int(run.stdout.readline())
        assert len(programs(group)) > 2
        run.kill()
    wait_until_none_runs(group)
