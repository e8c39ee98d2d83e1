"""The shell completes what is typed of a command; `--version`."""

import os
import pty
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cmsdials import __version__
from cmsdials.runtime import cache

COMMANDS = [
    "login",
    "logout",
    "whoami",
    "workspaces",
    "datasets",
    "runs",
    "lumis",
    "files",
    "mes",
    "count",
    "get",
    "mask",
    "join",
    "download",
    "status",
    "verify",
    "doctor",
    "sandbox",
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home folder, and the command in the PATH."""
    command = tmp_path / "bin" / "cmsdials"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cmsdials "$@"\n')
    command.chmod(0o755)
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {"HOME": str(tmp_path), "PATH": f"{command.parent}:{os.environ['PATH']}", **kept}


def bash(script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # It stays, as what runs the command, whose shell is then known: it would put a last command in its own place.
    words = ["bash", "--norc", "-c", f"{script}\nexit $?"]
    return subprocess.run(words, env=env, text=True, capture_output=True, check=False, timeout=300)


def completed(typed: str, env: dict[str, str]) -> list[str]:
    """What bash offers for the last word of a line, with the completion that the command itself gives."""
    words = shlex.split(typed) + ([""] if typed.endswith(" ") else [])
    done = bash(
        'eval "$(cmsdials --show-completion bash)"\n'
        f"COMP_WORDS=({' '.join(shlex.quote(word) for word in words)}); COMP_CWORD={len(words) - 1}\n"
        'function=$(complete -p cmsdials | sed "s/.* -F //; s/ .*//")\n'
        '"$function" cmsdials\n'
        'printf "%s\\n" "${COMPREPLY[@]}"',
        env,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cmsdials ", COMMANDS),
        ("cmsdials lo", ["login", "logout"]),
        ("cmsdials whoami --k", ["--keycloak-url"]),
        ("cmsdials login -i ", ["prod", "dev"]),
        ("cmsdials workspaces --instance d", ["dev"]),
        ("cmsdials login -i dev --a", ["--application", "--audience"]),
        ("cmsdials sandbox --ge", ["--generation"]),
        ("cmsdials sandbox --port 8001 --scale ", ["small", "medium", "large"]),
        ("cmsdials sandbox --json --generation v", ["v1.12"]),
    ],
)
def test_bash_completes(typed: str, offered: list[str], environment: dict[str, str]) -> None:
    assert completed(typed, environment) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_for_each_shell(shell: str, environment: dict[str, str]) -> None:
    done = bash(f"cmsdials --show-completion {shell}", environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_CMSDIALS_COMPLETE" in done.stdout


def test_installing_it(environment: dict[str, str], tmp_path: Path) -> None:
    done = bash("cmsdials --install-completion bash", environment)
    assert done.returncode == 0
    assert "completion installed" in done.stdout
    assert ".bash_completions" in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(option: str, environment: dict[str, str]) -> None:
    done = bash(f"cmsdials {option}", environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"cmsdials {__version__}\n", "")


NAMES = [
    "EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +",
    "EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE -",
    "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1",
    'Odd/it\'s $HOME (a "b"); c:d=e & é',
]
DATASET = "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"


@pytest.fixture
def kept(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The same, with names that earlier commands have kept, of production and of another DIALS."""
    folder = str(tmp_path / "cache")
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", folder)
    when = datetime(2024, 1, 1, tzinfo=UTC)
    prod, local = "https://cmsdials-api.web.cern.ch/", "http://localhost:8000/"
    rows = [{"me_id": number, "me": name} for number, name in enumerate(NAMES)]
    cache.keep("mes", f"{prod}api/v1/mes/", "tracker", rows, when)
    cache.keep("mes", f"{prod}api/v1/mes/", "csc", [{"me_id": 1, "me": "CSC/recHits"}], when)
    cache.keep("datasets", f"{local}api/v1/x/", "tracker", [{"dataset": DATASET}], when)
    cache.keep("workspaces", prod, "", [{"name": "tracker"}, {"name": "csc"}], when)
    return environment | {"CMSDIALS_CACHE_DIR": folder, "LANG": "C.UTF-8"}


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cmsdials get h1d --me Pixel", [NAMES[2]]),
        ("cmsdials get h1d -w csc --me ", ["CSC/recHits"]),
        ("cmsdials runs -i nonsense --dataset /", []),
        ("cmsdials runs -i http://localhost:8000 --dataset /Z", [DATASET]),
        ("cmsdials runs --workspace ", ["csc", "tracker"]),
        ("cmsdials get h", ["h1d", "h2d"]),
    ],
)
def test_names_that_were_kept(typed: str, offered: list[str], kept: dict[str, str]) -> None:
    assert completed(typed, kept) == offered


def entered(typed: str, env: dict[str, str], tmp_path: Path) -> list[str]:
    """The arguments that `cmsdials` gets from a bash at a terminal, in which tabulators complete."""
    real = tmp_path / "bin" / "real"
    command = tmp_path / "bin" / "cmsdials"
    if not real.exists():
        command.rename(real)
        command.write_text(
            f'#!/bin/sh\n[ -n "$_CMSDIALS_COMPLETE" ] && exec {real} "$@"\nprintf "<%s>" "got" "$@" "."\n'
        )
        command.chmod(0o755)
    ours, theirs = pty.openpty()
    script = bash(f"{real} --show-completion bash", env).stdout
    (tmp_path / "rc").write_text(f"{script}\nPS1='ready> '\nbind 'set bell-style none'\n")
    shell = ["bash", "--noprofile", "--rcfile", str(tmp_path / "rc"), "-i"]
    with subprocess.Popen(
        shell, env=env | {"TERM": "dumb", "COLUMNS": "400"}, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = ""
        # The line, then what ends it: readline works off one key after the other.
        os.write(ours, f"{typed}\nexit\n".encode())
        try:
            while "<.>" not in shown.partition("<got>")[2]:
                shown += os.read(ours, 65536).decode(errors="replace")
        finally:
            process.kill()
            os.close(ours)
    return re.findall(r"<(.*?)>", shown.rpartition("<got>")[2].partition("<.>")[0], re.DOTALL)


@pytest.mark.parametrize(
    ("typed", "arguments"),
    [
        ("cmsdials get h1d --me Pi\t", ["get", "h1d", "--me", NAMES[2]]),
        # The part that both have, to which one more letter is typed.
        ("cmsdials get h2d --me Ecal\t+\t", ["get", "h2d", "--me", NAMES[0]]),
        (
            "cmsdials get h2d --me EcalEndcap/EEOccupancyTask/EEOT\\ dig\t-\t",
            ["get", "h2d", "--me", NAMES[1]],
        ),
        ('cmsdials get h2d --me "EcalEndcap/EEOccupancyTask/EEOT dig\t-"', ["get", "h2d", "--me", NAMES[1]]),
        ("cmsdials get h2d --me 'EcalEndcap/EEOccupancyTask/EEOT dig\t+'", ["get", "h2d", "--me", NAMES[0]]),
        ("cmsdials get h1d --me Odd\t", ["get", "h1d", "--me", NAMES[3]]),
        ("cmsdials get h1d -w tra\t --me Pi\t", ["get", "h1d", "-w", "tracker", "--me", NAMES[2]]),
        # Of which bash makes several words.
        (
            "cmsdials runs -i http://localhost:8000/ -d /Z\t",
            ["runs", "-i", "http://localhost:8000/", "-d", DATASET],
        ),
        (
            "cmsdials runs --instance=http://localhost:8000 --dataset=/Z\t",
            ["runs", "--instance=http://localhost:8000", f"--dataset={DATASET}"],
        ),
        (
            'cmsdials get h2d --me="EcalEndcap/EEOccupancyTask/EEOT dig\t-"',
            ["get", "h2d", f"--me={NAMES[1]}"],
        ),
        ("cmsdials get h2d --me=\tPi\t", ["get", "h2d", f"--me={NAMES[2]}"]),
    ],
)
def test_names_with_blanks_in_a_bash_at_a_terminal(
    typed: str, arguments: list[str], kept: dict[str, str], tmp_path: Path
) -> None:
    assert entered(typed, kept, tmp_path) == arguments


HEAVY = ("httpx", "numpy", "pandas", "pyarrow", "urllib3", "orjson", "cmsdials.dials", "cmsdials.filters")


@pytest.mark.parametrize("command", ["mes", "get", "mask", "join"])
def test_help_and_completion_load_nothing_that_asks_the_service(command: str, kept: dict[str, str]) -> None:
    start = (
        "import atexit, sys; from cmsdials.__main__ import main;"
        f"atexit.register(lambda: sys.stderr.write(repr([one for one in {HEAVY} if one in sys.modules])));"
        f"sys.argv = ['cmsdials', *{{words}}]; main()"
    )
    for words, more in (
        ([command, "--help"], {}),
        (
            [],
            {
                "_CMSDIALS_COMPLETE": "complete_bash",
                "COMP_WORDS": f"cmsdials\n{command}\n--",
                "COMP_CWORD": "2",
            },
        ),
    ):
        code = start.replace("{words}", repr(words))
        done = subprocess.run(
            [sys.executable, "-c", code], env=kept | more, text=True, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "[]")
        assert "--json" in done.stdout


def test_no_help_loads_what_is_slow(kept: dict[str, str]) -> None:
    done = bash(
        f"{sys.executable} -X importtime -m cmsdials --help 2>&1 >/dev/null | grep -cE '\\b(httpx|numpy|pandas)$'",
        kept,
    )
    assert done.stdout == "0\n"
