"""Runs commands against the sandbox, as an application that is logged in: piped, and at a terminal."""

import io
import os
import pty
import shlex
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from cmsdials.cli.app import app
from cmsdials.cli.entry import main
from cmsdials_sandbox import Sandbox
from typer.testing import CliRunner

Run = Callable[..., Result]


@dataclass
class Shown:
    """What a terminal shows of a command, and how that ended."""

    exit_code: int
    text: str


AtTerminal = Callable[..., Shown]


@pytest.fixture
def login(sandbox_now: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The options of a login, from an empty folder."""
    monkeypatch.setenv("CMSDIALS_CLIENT_ID", sandbox_now.client_id)
    monkeypatch.setenv("CMSDIALS_CLIENT_SECRET", sandbox_now.client_secret)
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return f"--instance {sandbox_now.url} --keycloak-url {sandbox_now.keycloak_url}"


@pytest.fixture
def run(login: str) -> Run:
    """Runs a command whose output is no terminal; LOGIN stands for the options of the login."""
    return lambda line, typed=None: CliRunner().invoke(
        app, shlex.split(line.replace("LOGIN", login)), input=typed
    )


@pytest.fixture
def at_terminal(login: str, monkeypatch: pytest.MonkeyPatch) -> AtTerminal:
    """Runs a command, in this process, whose output is a terminal of 100 columns."""

    def run_there(line: str, encoding: str = "utf-8") -> Shown:
        ours, theirs = pty.openpty()
        shown = bytearray()

        def read() -> None:
            while True:
                try:
                    read = os.read(ours, 65536)
                except OSError:  # nothing has it open any more
                    return
                shown.extend(read)

        reader = threading.Thread(target=read, daemon=True)
        with monkeypatch.context() as patched, os.fdopen(theirs, "w", encoding=encoding) as stream:
            reader.start()
            patched.setenv("COLUMNS", "100")
            patched.setenv("TERM", "xterm")
            patched.setattr(sys, "argv", ["cmsdials", *shlex.split(line.replace("LOGIN", login))])
            patched.setattr(sys, "stdin", io.StringIO())
            patched.setattr(sys, "excepthook", sys.excepthook)  # main changes both
            patched.setattr(warnings, "showwarning", warnings.showwarning)
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream)
            with pytest.raises(SystemExit) as ended:
                main()
        reader.join(60)
        os.close(ours)
        return Shown(int(ended.value.code or 0), shown.decode(encoding).replace("\r\n", "\n"))

    return run_there
