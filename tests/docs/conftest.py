"""What the pages meet: a local DIALS at which everybody says yes at once, an empty home folder, and no long waits."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cmsdials.auth.client import AuthClient
from cmsdials.plotting import AXES
from cmsdials_sandbox import Sandbox, serve

LONGEST_WAIT = 0.1
"""Seconds between two questions whether a login is confirmed; DIALS itself says 5, by saying nothing."""

HURRY = f"""\
import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, {LONGEST_WAIT}))
"""


@pytest.fixture(scope="session")
def local_dials() -> Iterator[Sandbox]:
    """A sandbox that approves each login at once."""
    with serve(auto_approve=0, interval=0.05) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def axes_of_plots() -> Iterator[None]:
    """Pages add to the table of what axes show, which other tests do not expect."""
    before = dict(AXES)
    yield
    AXES.clear()
    AXES.update(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, which is the working folder too; also for the processes that a test starts."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("CMSDIALS_", "XDG_", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    hurry = tmp_path / "hurry"
    hurry.mkdir()
    (hurry / "sitecustomize.py").write_text(HURRY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(hurry), prepend=os.pathsep)
    monkeypatch.setitem(_defaults(AuthClient.__init__), "sleep", _short_sleep)
    return folder


def _defaults(function: Callable[..., None]) -> dict[str, object]:
    defaults: dict[str, object] = getattr(function, "__kwdefaults__", {})
    return defaults


def _short_sleep(seconds: float) -> None:
    time.sleep(min(seconds, LONGEST_WAIT))
