"""Where output goes: pipes that close, disks that are full, streams that are not there, files that cannot be written."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cmsdials.cli.output import replaced
from cmsdials.errors import ConfigurationError, ConnectionFailedError, FilterError, RequestTimeoutError

FULL = Path("/dev/full")
COMMAND = [sys.executable, "-m", "cmsdials"]

LINES = {
    "help": ["--help"],
    "help of a command": ["runs", "--help"],
    "version": ["--version"],
    "rows": ["mask", "good.json"],
    "certification": ["mask", "good.json", "--json"],
    "findings": ["doctor", "--instance", "http://127.0.0.1:9/"],
}
each_line = pytest.mark.parametrize("line", LINES.values(), ids=LINES)


@pytest.fixture(autouse=True)
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good.json").write_text('{"5": [[1, 9]]}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """What nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@each_line
def test_a_pipe_that_is_not_read_ends_any_command_as_sigpipe_does(line: list[str], closed_pipe: int) -> None:
    done = subprocess.run([*COMMAND, *line], stdout=closed_pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


@each_line
@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_said(line: list[str]) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run([*COMMAND, *line], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "The output cannot be written: No space left on device. Make room, or name another place.\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_command_needs_no_output_and_no_error_output() -> None:
    for line, closed, code in (
        ("mask good.json", ">&-", 0),
        ("mask good.json", "2>&-", 0),
        ("mask none.json", "2>&-", 1),
        ("nothing", ">&- 2>&-", 2),
    ):
        shell = f'exec "$0" -m cmsdials {line} {closed}'
        done = subprocess.run(
            ["sh", "-c", shell, sys.executable], capture_output=True, text=True, check=False
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr


def test_a_file_may_be_a_pipe() -> None:
    line = [*COMMAND, "mask", "good.json", "--csv", "-o", "/dev/stdout"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout == "run_number,ls_count,ranges\n5,9,1-9\n/dev/stdout: 1 row\n"


@pytest.mark.parametrize(
    "problem",
    [
        ConnectionFailedError("no connection"),
        RequestTimeoutError("too slow"),
        FilterError("no such filter"),
        ConfigurationError("no such thing"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_failure_of_what_is_written_is_none_of_the_file(problem: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(problem)) as caught, replaced(tmp_path / "rows.csv"):
        raise problem
    assert caught.value is problem
    assert [one.name for one in tmp_path.iterdir()] == ["good.json"]
