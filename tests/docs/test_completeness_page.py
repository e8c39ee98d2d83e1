"""docs/completeness.md: the script for the night can be killed and run again, as the page says."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.result import load
from cmsdials_sandbox import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "completeness.md").read_text("utf-8")
ADDRESS = "http://localhost:8000/"
QUIET_RUN = """\
379543 87 rows of h1d: all there are
379585 81 rows of h1d: all there are
379618 106 rows of h1d: all there are
"""

SILENT_AFTER = """\
import sys, threading
import httpx
send, numbers = httpx.Client.send, iter(range({requests}))
httpx.Client.send = lambda *asked, **how: threading.Event().wait() if next(numbers, None) is None else send(*asked, **how)
"""
"""As if DIALS fell silent after so many requests, so that the night is not over before it is killed."""


def _script(home: Path, address: str, changes: dict[str, str]) -> list[str]:
    """Save the script of the page, and return the command that runs it."""
    block = re.search(r"_Saved as `overnight.py`\._\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    text = block[1].replace(ADDRESS, address)
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    (home / "overnight.py").write_text(text, encoding="utf-8")
    return [sys.executable, "overnight.py"]


def _pages_in(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\npage ") for path in folder.glob("*.dials"))


@pytest.mark.parametrize("pages", [1, 40, 80])
def test_it_is_killed_and_run_again(home: Path, local_dials: Sandbox, pages: int) -> None:
    # Small pages, so that there are many moments to be killed in.
    small = {"me_id=1)": "me_id=1, page_size=2)"}
    silent = {"import sys\n": SILENT_AFTER.format(requests=pages + 20)}
    command = _script(home, local_dials.url, small | silent)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as night:
        until = time.monotonic() + 300
        while _pages_in(home / "charge") < pages and night.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.001)
        night.kill()
    assert night.returncode == -signal.SIGKILL
    assert _pages_in(home / "charge") >= pages

    command = _script(home, local_dials.url, small)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, QUIET_RUN, "")
    dials = Dials(Credentials(token="sandbox"), workspace="tracker", base_url=local_dials.url)
    for run in (379543, 379585, 379618):
        filters = LumisectionHistogram1DFilters(dataset_id=14677060, run_number=run, me_id=1)
        assert load(home / "charge" / f"{run}.dials").results == dials.h1d.list_all(filters).results


def test_a_run_that_fails_is_named_and_comes_the_next_time(home: Path, local_dials: Sandbox) -> None:
    refused = f'refused = Dials(Credentials(token="no"), workspace="tracker", base_url="{local_dials.url}")\n'
    changes = {
        "unfinished = []\n": f"unfinished = []\n{refused}",
        "dials.h1d.list_all(": "(refused if run.run_number == 379585 else dials).h1d.list_all(",
    }
    command = _script(home, local_dials.url, changes)
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    began = [line.split(":")[0] for line in first.stdout.splitlines()]
    assert began == ["379543 87 rows of h1d", "379585 GET http", "379618 106 rows of h1d"]
    assert (first.returncode, first.stderr) == (1, "to be resumed: [379585]\n")

    second = subprocess.run(_script(home, local_dials.url, {}), capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout, second.stderr) == (0, QUIET_RUN, "")
