"""A Keycloak in development mode, on this machine alone and with its data in memory."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests import guard

from . import realm

ADMINISTRATOR = "admin"
ADMINISTRATOR_PASSWORD = "for-tests-only"

EXCHANGE = ("token-exchange", "admin-fine-grained-authz:v1")
"""The features without which a public client cannot exchange its token for another audience."""

LONGEST_START = 300.0
"""Seconds until it has built itself and imported the realm; 20 on a machine with nothing else to do."""
LONGEST_STOP = 300.0

READY = "Listening on:"


@contextlib.contextmanager
def keycloak(distribution: Path, features: Sequence[str] = EXCHANGE) -> Iterator[str]:
    """Start a server, wait until it answers, yield its address, and stop it in any case.

    Raises:
        RuntimeError: It ended, or did not answer in time; with the last lines that it wrote.
    """
    imports = distribution / "data" / "import"
    imports.mkdir(parents=True, exist_ok=True)
    (imports / "realm.json").write_text(json.dumps(realm.document()), encoding="utf-8")
    port = _free_port()
    command = ["bash", "-c", guard.COMMAND, "guard", "bash", str(distribution / "bin" / "kc.sh")]
    command += ["start-dev", "--import-realm"]
    command += ["--http-host=127.0.0.1", f"--http-port={port}", "--http-relative-path=/auth"]
    command += ["--cache=local", "--db=dev-mem"]
    command += [f"--features={','.join(features)}"] if features else []
    environment = os.environ | {
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMINISTRATOR_PASSWORD,
        "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx700m",
        # It lives for a minute: code that is compiled in a hurry is ready sooner.
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
    }
    # The script waits for its Java, and starts a second one after building: both are one group, stopped as one.
    child = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    output = _Output(child)
    try:
        output.wait_until_ready()
        yield f"http://127.0.0.1:{port}/auth/"
    finally:
        _stop(child)
        output.close()


class _Output:
    """What the server writes: read to the end, so that it never waits for its reader."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        self._lines: list[str] = []
        self._decided = threading.Event()
        self._ready = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._lines.append(line.rstrip())
            if READY in line:
                self._ready = True
                self._decided.set()
        self._decided.set()

    def wait_until_ready(self) -> None:
        if self._decided.wait(LONGEST_START) and self._ready:
            return
        problem = "ended" if self._decided.is_set() else f"was not ready after {LONGEST_START:.0f} s"
        message = f"Keycloak {problem}; it wrote last:\n" + "\n".join(self._lines[-20:])
        raise RuntimeError(message)

    def close(self) -> None:
        self._reader.join(timeout=LONGEST_STOP)
        if self._child.stdout is not None:
            self._child.stdout.close()


def _stop(child: subprocess.Popen[str]) -> None:
    """Stop the script and its Java by the group that they alone are in; their data are not worth waiting for."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(timeout=LONGEST_STOP)
    assert child.stdin is not None
    child.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
