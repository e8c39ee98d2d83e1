"""The scripts of the generator: their help, and their exit codes where they cannot begin."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COULD_NOT = 3
TOOLS = ("bash", "cat", "chmod", "cksum", "dirname", "env", "mkdir", "sed")

# Makes an environment whose Python fails in everything, as where the package index does not answer.
MAKES_A_BROKEN_ENVIRONMENT = """\
#!/usr/bin/env bash
if [ "$2" = venv ]; then
  mkdir -p .venv/bin
  printf '#!/usr/bin/env bash\\nexit 1\\n' >.venv/bin/python
  chmod +x .venv/bin/python
fi
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a script needs to set itself up, without an environment, and a folder `bin` of a few programs."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def run(project: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "scripts" / script, *arguments],
        env={"PATH": str(project / "bin"), "HOME": str(project)},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("check-drift", ["[SOURCE]", "--format text|json|markdown", "3 could not check"]),
        ("regenerate", ["[--pull [SOURCE]]", "Exit code: 0 done, 3 could not"]),
        ("lint", ["--fix"]),
        ("test", ["go to pytest"]),
    ],
)
def test_help_needs_no_environment(script: str, said: list[str], option: str, project: Path) -> None:
    done = run(project, script, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert [text for text in said if text not in done.stdout] == []
    assert "set -e" not in done.stdout
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("script", ["check-drift", "regenerate"])
def test_no_python(script: str, project: Path) -> None:
    done = run(project, script)
    assert done.returncode == COULD_NOT
    assert "Install one, or name it in CMSDIALS_PYTHON" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["check-drift", "production"], ["regenerate"], ["regenerate", "--pull"]]
)
def test_an_environment_that_cannot_be_made(arguments: list[str], project: Path) -> None:
    python = project / "bin" / "python3"
    python.write_text(MAKES_A_BROKEN_ENVIRONMENT)
    python.chmod(0o755)
    assert run(project, *arguments).returncode == COULD_NOT
    assert os.access(project / ".venv" / "bin" / "python", os.X_OK)


@pytest.mark.parametrize("arguments", [["--pul"], ["swagger.json"], ["--pull", "swagger.json", "more"]])
def test_arguments_that_regenerate_does_not_know(arguments: list[str], project: Path) -> None:
    done = run(project, "regenerate", *arguments)
    assert done.returncode == COULD_NOT
    assert done.stderr == f"unknown argument: {arguments[-1]}. See scripts/regenerate --help\n"
    assert not (project / ".venv").exists()
