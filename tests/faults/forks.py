"""Processes that a test kills: a program forks one for each line that it reads, because starting Python takes longer than the rest.

Programs import it as a neighbour (`forks`), tests as a part of theirs.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

BOUND = 120.0


class Forks:
    """Starts processes, one at a time.

    Args:
        program: What calls `fork_for_each_line`.
    """

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, *arguments: str) -> int:
        """Start one; return its number, which is its own until `ended`: it stays a zombie."""
        return self._tell(json.dumps(arguments))

    def ended(self) -> int:
        """Wait for it; return its exit code, which is negative if a signal ended it."""
        return self._tell("wait")

    def stop(self) -> None:
        self._process.communicate(timeout=BOUND)

    def _tell(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def fork_for_each_line(main: Callable[..., None]) -> None:
    """Fork a process for each line of standard input, a list of arguments as JSON; `wait` waits for the last one."""
    pid = 0
    while line := sys.stdin.readline().strip():
        if line == "wait":
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 1
            try:
                main(*json.loads(line))
                code = 0
            except SystemExit as end:
                code = int(str(end.code))
            except BaseException:  # noqa: BLE001  # whatever it is, the test looks at the exit code
                traceback.print_exc()
            finally:
                os._exit(code)
        print(pid, flush=True)
