"""The shell completes what is typed of a command; `--version`."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cmsdials import __version__

COMMANDS = (
    "login logout whoami workspaces datasets runs lumis files mes count get mask download status verify doctor sandbox"
).split()


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
    return subprocess.run(
        ["bash", "--norc", "-c", script], env=env, text=True, capture_output=True, check=False, timeout=300
    )


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
