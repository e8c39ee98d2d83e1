"""The fault server as the tests hold it, and clients of it that count their waits instead of waiting."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials

HERE = Path(__file__).parent
LONG = 120.0  # seconds that a client waits for an answer which comes, on the busiest machine
SHORT = 1.0  # seconds that a client waits for one which does not come, while others do
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

Fault = dict[str, Any]


class FaultServer:
    """A fault server in its own process (see server.py for the commands)."""

    def __init__(self, *options: str) -> None:
        self._telling = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, HERE / "server.py", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/"

    def tell(self, command: str, **options: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self._telling:
            self.process.stdin.write(json.dumps([command, options]) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def begin(
        self,
        faults: dict[int, Fault] | None = None,
        limit: float | None = None,
        beyond: tuple[str, int, Fault] | None = None,
        of_list: dict[str, dict[int, Fault]] | None = None,
    ) -> None:
        """Begin again, with faults by number of the request, by list and number, or of all from a value of a field on."""
        self.tell(
            "down"
        )  # what a client sent that has gone meanwhile is not to be counted as a request of the next
        self.tell("up")
        self.tell("reset", faults=faults or {}, limit=limit, beyond=beyond, of_list=of_list)

    def wait_until_asked(self, requests: int, faults: int = 0) -> None:
        """Wait until so many requests have come, and so many of them have met a fault."""
        assert self.tell("wait_until_asked", requests=requests, faults=faults), self.asked

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What was asked: the query, the path and the fault of each request."""
        asked: list[dict[str, Any]] = self.tell("asked")
        return asked

    def stop(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=5)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Tokens:
    """Credentials whose token expires when the server says so."""

    def __init__(self) -> None:
        self.renewed = 0
        self._renewing = threading.Lock()

    def before_request(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = f"Bearer token-{self.renewed}"

    def renew(self, rejected: Any) -> bool:
        with self._renewing:
            number = int(rejected["Authorization"].removeprefix("Bearer token-"))
            assert number <= self.renewed
            if number == self.renewed:  # or else another thread was faster
                self.renewed += 1
        return True


class Client:
    """A client whose waits cost no time; a server that is down is up again after a wait.

    Attributes:
        waits: Seconds that it would have waited.
    """

    def __init__(
        self,
        server: FaultServer,
        timeout: float = LONG,
        workspace: str = "tracker",
        url: str = "",
        credentials: Any = None,
    ) -> None:
        self.server = server
        self.waits: list[float] = []
        self.credentials = credentials or Tokens()
        self.dials = Dials(self.credentials, workspace, url or server.url, timeout=(LONG, timeout))
        self.dials._session._sleep = self._wait

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.server.tell("up")


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    server = FaultServer()
    yield server
    server.stop()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: a killed process loses nothing that it wrote, whatever the disk does."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as name:
        yield Path(name)


@pytest.fixture
def client(server: FaultServer) -> Iterator[Client]:
    server.begin()
    client = Client(server)
    with client.dials:
        yield client
