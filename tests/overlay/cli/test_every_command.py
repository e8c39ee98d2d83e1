"""What holds for every command: its text, its JSON and its wrong use, at a terminal and piped."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from cmsdials.cli.app import app

from tests.overlay.auth.conftest import (
    Logins,
    approving,  # noqa: F401  # a fixture, as the next ones
    logins,  # noqa: F401
)
from tests.overlay.cli.conftest import AtTerminal
from tests.overlay.cli.test_commands import (
    Cli,
    Done,
    cli,  # noqa: F401
    hurry,  # noqa: F401
)

LAYER = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1"

# command -> line, what its text holds, how it ends, its wrong use and what is said of that
COMMANDS: dict[str, tuple[str, str, int, str, str]] = {
    "login": ("login --application LOGIN", "is logged in for http", 0, "login --realms x", "No such option"),
    "logout": ("logout LOGIN", "There is no login for http", 0, "logout me", "unexpected extra argument"),
    "whoami": ("whoami LOGIN", "user service-account-sandbox-app", 0, "whoami --jsn", "No such option"),
    "workspaces": ("workspaces LOGIN", "Pixel and strip tracker", 0, "workspaces --limit x", "not a valid"),
    "datasets": ("datasets 2024B LOGIN", "DQMIO", 0, "datasets --dataset", "requires an argument"),
    "runs": ("runs --run 367112 LOGIN", "367112 14677060", 0, "runs 5", "unexpected extra argument"),
    "lumis": ("lumis --run 367112 --ls 5 LOGIN", "367112 5", 0, "lumis --dataset-id x", "not a valid"),
    "files": ("files --limit 2 LOGIN", "FINISHED", 0, "files --min-size x", "not a valid"),
    "mes": ("mes charge layer 2 LOGIN", "charge_PXLayer_2", 0, "mes --dim two", "not a valid"),
    "count": ("count lumis --run 367112 LOGIN", "104", 0, "count", "Missing argument"),
    "get": (f"get h1d --me {LAYER} --run 367112 --ls 5 LOGIN", LAYER, 0, "get h3d", "Invalid value"),
    "mask": ("mask good.json", "1 2 5-6", 0, "mask", "Missing argument"),
    "join": ("join left.csv right.json", "5 1 7", 0, "join left.csv", "Missing argument"),
    "download": (
        f"download h1d --me {LAYER} --run 367112 -o kept LOGIN",
        "kept: 104 rows",
        0,
        "download h1d",
        "Missing option",
    ),
    "status": ("status out", "1 of 1 files are finished: 87 rows", 0, "status", "Missing argument"),
    "verify": ("verify out LOGIN", "NOT complete", 4, "verify out --offlin", "No such option"),
    "doctor": ("doctor --instance http://127.0.0.1:9/", "wrong", 1, "doctor --prob", "No such option"),
    "sandbox": (
        "sandbox --help",
        "Serve a local DIALS",
        0,
        "sandbox --port x",
        "argument --port: 'x' is not the number of a port",
    ),
}
WITHOUT_JSON = {"login", "logout", "sandbox"}


@pytest.fixture(autouse=True)
def files(login: str, tmp_path: Path) -> None:
    """Those that the lines name, apart from downloads."""
    (tmp_path / "good.json").write_text('{"1": [[5, 6]]}')
    (tmp_path / "left.csv").write_text("run_number,ls_number\n5,1\n")
    (tmp_path / "right.json").write_text('[{"run_number": 5, "ls_number": 1, "pileup": 7}]')


Piped = Callable[[str], Done]


@pytest.fixture
def piped(cli: Cli, login: str) -> Piped:  # noqa: F811
    """Runs a command, in this process, whose output is no terminal."""
    return lambda line: cli(shlex.split(line.replace("LOGIN", login)))


@pytest.fixture
def downloaded(command: str, piped: Piped) -> None:
    """The folder that some commands look at."""
    if command in ("status", "verify"):
        done = piped(f"download h1d --me {LAYER} --run 379543 -o out LOGIN")
        assert (done.exit_code, done.stderr) == (0, "")


def words(text: str) -> str:
    """Without colours, and on one line."""
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).split())


def shape(value: Any) -> Any:
    """The names in JSON, without values that differ from one time to the next."""
    return sorted(value) if isinstance(value, dict) else [*map(shape, value)]


def test_no_command_is_forgotten() -> None:
    made: Any = typer.main.get_command(app)
    assert {*made.commands} == {*COMMANDS}
    with_json = {
        name
        for name, one in made.commands.items()
        if any("--json" in parameter.opts for parameter in one.params)
    }
    assert with_json == COMMANDS.keys() - WITHOUT_JSON


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("downloaded")
def test_the_text(command: str, piped: Piped, at_terminal: AtTerminal) -> None:
    line, said, exit_code, _, _ = COMMANDS[command]
    done = piped(line)
    assert (done.exit_code, said in words(done.stdout)) == (exit_code, True), done.output
    assert "\x1b" not in done.output
    shown = at_terminal(line)
    assert (shown.exit_code, said in words(shown.text)) == (exit_code, True), shown.text


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in WITHOUT_JSON])
@pytest.mark.usefixtures("downloaded")
def test_the_json(command: str, piped: Piped, at_terminal: AtTerminal) -> None:
    line, _, exit_code, _, _ = COMMANDS[command]
    done = piped(f"{line} --json")
    assert (done.exit_code, done.stderr) == (exit_code, "")
    assert done.stdout.isascii()
    shown = at_terminal(f"{line} --json")
    assert shown.exit_code == exit_code
    found = json.loads(done.stdout)
    assert found
    # A bar, where there is one, comes before.
    assert shape(json.loads(shown.text[shown.text.index(done.stdout[0]) :])) == shape(found)


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_use(command: str, piped: Piped, at_terminal: AtTerminal, tmp_path: Path) -> None:
    _, _, _, line, said = COMMANDS[command]
    before = {*tmp_path.iterdir()}
    done = piped(line)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert f"cmsdials {command}" in done.stderr
    assert done.stderr.count("\n") == 1
    shown = at_terminal(line)
    assert (shown.exit_code, words(shown.text)) == (2, words(done.stderr))
    assert {*tmp_path.iterdir()} == before


@pytest.mark.usefixtures("hurry")
def test_a_person_logs_in_and_out_at_a_terminal(
    logins: Logins,  # noqa: F811
    at_terminal: AtTerminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CMSDIALS_CLIENT_ID", "CMSDIALS_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    here = f"--instance {logins.url}"
    shown = at_terminal(f"login {here}")
    assert shown.exit_code == 0
    assert "/device?user_code=" in shown.text
    assert f"physicist is logged in at {logins.url}; kept in" in words(shown.text)
    shown = at_terminal(f"whoami {here}")
    assert (shown.exit_code, "user physicist" in words(shown.text)) == (0, True)
    shown = at_terminal(f"logout {here}")
    assert (shown.exit_code, f"Logged out of {logins.url}" in words(shown.text)) == (0, True)
    shown = at_terminal(f"whoami {here}")
    assert (shown.exit_code, "there is no login for" in words(shown.text)) == (1, True)


COMMAND: Any = typer.main.get_command(app)
VALUES = [
    (name, parameter.opts)
    for name, command in COMMAND.commands.items()
    for parameter in command.params
    if not (getattr(parameter, "is_flag", True) or parameter.multiple)
]


@pytest.mark.parametrize(("command", "names"), VALUES, ids="".join)
def test_an_option_that_is_given_twice_is_refused(command: str, names: list[str], piped: Piped) -> None:
    """Only its last value would count, such as one of two monitoring elements."""
    done = piped(f"{command} {names[0]} 1 {names[-1]} 2")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{max(names, key=len)} is given more than once, and takes one value." in done.stderr
