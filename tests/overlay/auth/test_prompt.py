"""What a person sees while logging in: on a terminal, in a notebook, in a log file; and where a browser opens."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials
from cmsdials.errors import LoginError, NotLoggedInError

from .conftest import Clock, Logins, LoginService, device, exchanged, tokens

LINK = "https://auth.cern.ch/device?user_code=WDJB-MJHT"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


OpenTerminal = Callable[[], Terminal]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> OpenTerminal:
    """Opens one. To be called in the test: pytest itself puts sys.stderr back between a fixture and its test."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "BROWSER", "CMSDIALS_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def open_terminal() -> Terminal:
        screen = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return open_terminal


def log_in(service: LoginService, keycloak: AuthClient) -> None:
    service.will(device())
    service.will_refuse("authorization_pending")
    service.will(tokens(), exchanged())
    keycloak.device_auth_flow()


# --- a terminal


def test_a_terminal_counts_down(
    terminal: OpenTerminal, service: LoginService, keycloak: AuthClient, clock: Clock
) -> None:
    screen = terminal()
    log_in(service, keycloak)
    said = screen.getvalue()
    before, _, rest = said.partition("\r")
    assert before == (
        f"To log in, open this link in a browser:\n\n    {LINK}\n\nThe page shows this code: WDJB-MJHT\n"
        "Waiting until you confirm; the link is good for 10 minutes.\n"
    )
    counts = [part.strip() for part in rest.split("\r") if "left" in part]
    assert counts == ["10:00 left", *(f"9:{second} left" for second in range(59, 50, -1))]
    assert said.endswith("\r" + " " * 20 + "\rLogged in.\n")
    assert clock.waits == [1.0] * 10


def test_a_log_file_is_not_filled_with_counts(
    service: LoginService, keycloak: AuthClient, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(service, keycloak)
    said = capsys.readouterr()
    assert said.out == ""
    assert "\r" not in said.err
    assert "left" not in said.err
    assert clock.waits == [5, 5]


def test_without_standard_error(
    service: LoginService, keycloak: AuthClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    log_in(service, keycloak)


@pytest.mark.parametrize(
    "changed",
    [
        {"verification_uri_complete": "https://auth.cern.ch/\x1b]0;title\x07"},
        {"verification_uri_complete": "https://auth.cern.ch/device now"},
        {"verification_uri_complete": "https://auth.cern.ch/\u202edevice"},
        {"verification_uri_complete": "https://[auth.cern.ch/"},
        {"user_code": "WDJB\x1b[2J"},
        {"user_code": "WDJB\nThe page shows this code: EVIL"},
    ],
)
def test_nothing_is_shown_that_a_terminal_obeys(
    terminal: OpenTerminal, service: LoginService, keycloak: AuthClient, changed: dict[str, str]
) -> None:
    screen = terminal()
    service.will(device(**changed))
    with pytest.raises(LoginError, match=r"not a web page|cannot be shown"):
        keycloak.device_auth_flow(open_browser=True)
    assert screen.getvalue() == ""


def until(master: int, words: bytes, seconds: float = 300.0) -> bytes:
    """What a program writes to its terminal, until it has written something."""
    seen, end = b"", time.monotonic() + seconds
    while words not in seen:
        if not select.select([master], [], [], max(0.0, end - time.monotonic()))[0]:
            raise AssertionError(seen)
        try:
            part = os.read(master, 4096)
        except OSError:  # Linux says so when the other end is closed
            part = b""
        if not part:
            raise AssertionError(seen)
        seen += part
    return seen


@pytest.mark.parametrize("end", ["ctrl-c", "approve"])
def test_a_real_terminal(end: str, undecided: Logins, empty_home: Path) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "cmsdials", "login", "--instance", undecided.url]
    command += ["--keycloak-url", undecided.sandbox.keycloak_url]
    environment = {"HOME": str(empty_home), "PATH": os.environ["PATH"], "TERM": "xterm"}
    process = subprocess.Popen(
        command,
        env=environment,
        close_fds=True,
        pass_fds=[slave],
        preexec_fn=lambda: os.login_tty(slave),  # noqa: PLW1509
    )
    os.close(slave)
    try:
        seen = until(master, b" left ")
        assert re.search(rb"\r (10:00| 9:[0-5]\d) left ", seen)
        code = seen.split(b"user_code=")[1].split()[0].decode()
        assert f"The page shows this code: {code}".encode() in seen
        if end == "approve":
            undecided.control("approve", user_code=code)
            seen += until(master, b"kept in ")
            assert b"left \r" + b" " * 20 + b"\rLogged in.\r\nphysicist is logged in at " in seen
        else:
            os.write(master, b"\x03")
            seen += until(master, b"nothing has changed.\r\n")
            assert seen.endswith(b"\r" + b" " * 20 + b"\rLogin abandoned; nothing has changed.\r\n")
        assert process.wait(300) == (0 if end == "approve" else 130)
        assert b"Traceback" not in seen
    finally:
        process.kill()
        process.wait()
        os.close(master)


# --- a notebook


class Notebook:
    """As much of IPython as a notebook has: a kernel, and a place for HTML."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[str] = []
        self.kernel = SimpleNamespace(_allow_stdin=True)
        ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
        ipython.get_ipython = lambda: SimpleNamespace(kernel=self.kernel)
        display.HTML = str
        display.display = self.shown.append
        for module in (ipython, display, ModuleType("ipykernel")):
            monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    monkeypatch.delenv("CMSDIALS_INTERACTIVE")
    return Notebook(monkeypatch)


def test_a_notebook_shows_html(
    notebook: Notebook,
    service: LoginService,
    keycloak: AuthClient,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_in(service, keycloak)
    shown, end = notebook.shown
    assert end == "<p>Logged in.</p>"
    assert f'<a href="{LINK}" target="_blank" rel="noopener noreferrer">{LINK}</a>' in shown
    assert "<b>WDJB-MJHT</b>" in shown
    assert "10 minutes" in shown
    assert capsys.readouterr().err == ""
    assert clock.waits == [5, 5]


def test_html_in_the_answer_is_only_text(
    notebook: Notebook, service: LoginService, keycloak: AuthClient
) -> None:
    link = "https://auth.cern.ch/device?a=\"><script>alert(1)</script>&b='x'"
    service.will(device(verification_uri_complete=link, user_code="<img/src=x>"))
    service.will(tokens(), exchanged())
    keycloak.device_auth_flow()
    shown, _ = notebook.shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert "a=&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;b=&#x27;x&#x27;" in shown


# --- can a person be asked?


Asks = Callable[[], bool]


@pytest.fixture
def asks(service: LoginService, keycloak: AuthClient, tmp_path: Path) -> Asks:
    """Says whether a person is asked to log in, where there is no login."""
    folders = (tmp_path / str(number) for number in range(9))

    def is_asked() -> bool:
        service.will(device(), tokens(), exchanged())
        try:
            Credentials.from_creds_file(next(folders), keycloak)
        except NotLoggedInError:
            service.answers.clear()
            return False
        return True

    return is_asked


def test_a_person_is_asked_at_a_terminal_and_in_a_notebook(
    terminal: OpenTerminal, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal()
    assert asks()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert not asks()
    notebook = Notebook(monkeypatch)
    assert asks()
    notebook.kernel._allow_stdin = False  # nbconvert, papermill
    assert not asks()


def test_a_program_that_merely_has_ipykernel_is_no_notebook(
    terminal: OpenTerminal, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal()
    notebook = Notebook(monkeypatch)
    notebook.kernel = None
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert not asks()


@pytest.mark.parametrize("closed", ["stdin", "stderr"])
def test_nothing_is_asked_without_a_stream(
    closed: str, terminal: OpenTerminal, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal()
    monkeypatch.setattr(sys, closed, None)
    assert not asks()
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, closed, stream)
    assert not asks()


@pytest.mark.parametrize(
    ("setting", "asked"),
    [("1", True), ("yes", True), ("0", False), ("False", False), (" no ", False), ("off", False)],
)
def test_the_environment_overrules(
    setting: str, asked: bool, asks: Asks, terminal: OpenTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not asked:
        terminal()
    monkeypatch.setenv("CMSDIALS_INTERACTIVE", setting)
    assert asks() is asked


# --- the browser


class Browsers:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.kind: Any = webbrowser.BackgroundBrowser("firefox")
        monkeypatch.setattr(webbrowser, "get", lambda: self.kind)
        monkeypatch.setattr(webbrowser, "open", self.opened.append)


@pytest.mark.parametrize(
    ("environment", "kind", "opens"),
    [
        ({"DISPLAY": ":0"}, webbrowser.BackgroundBrowser("firefox"), True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, webbrowser.BackgroundBrowser("xdg-open"), True),
        ({}, webbrowser.BackgroundBrowser("firefox"), False),
        (
            {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a 1 b 2"},
            webbrowser.BackgroundBrowser("firefox"),
            False,
        ),
        ({"DISPLAY": ":0"}, webbrowser.GenericBrowser("lynx"), False),
    ],
)
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there, a browser needs no DISPLAY")
def test_a_browser_opens_where_there_is_one(
    environment: dict[str, str],
    kind: Any,
    opens: bool,
    terminal: OpenTerminal,
    monkeypatch: pytest.MonkeyPatch,
    service: LoginService,
    keycloak: AuthClient,
) -> None:
    terminal()
    browsers = Browsers(monkeypatch)
    browsers.kind = kind
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    log_in(service, keycloak)
    assert browsers.opened == ([LINK] if opens else [])


def test_no_browser_opens_for_a_log_file_or_a_notebook(
    monkeypatch: pytest.MonkeyPatch, service: LoginService, keycloak: AuthClient
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    browsers = Browsers(monkeypatch)
    log_in(service, keycloak)
    monkeypatch.setattr("sys.stderr", Terminal())
    Notebook(monkeypatch)
    log_in(service, keycloak)
    assert browsers.opened == []


def test_a_browser_that_cannot_be_opened_stops_nothing(
    terminal: OpenTerminal, monkeypatch: pytest.MonkeyPatch, service: LoginService, keycloak: AuthClient
) -> None:
    def broken(*_: str) -> None:
        raise webbrowser.Error

    terminal()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", broken)
    service.will(device(), tokens(), exchanged())
    assert keycloak.device_auth_flow(open_browser=True).access_token == "exchanged-1"
    browsers = Browsers(monkeypatch)
    monkeypatch.setattr(webbrowser, "get", broken)
    log_in(service, keycloak)
    assert browsers.opened == []
