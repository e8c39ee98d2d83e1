"""Where there is no Keycloak to be had, the run says that it was not run, and why; here with scripts in place of Java and Maven."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .distribution import ARTIFACT, NAMED, MissingError, unpacked

JAVA = "echo 'openjdk version \"{}\" 2026-01-20' >&2"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs, still empty."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.fspath(folder))
    for variable in (NAMED, "JAVA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return folder


def program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("java", "why"),
    [
        (None, "no Java: apt-get install default-jre-headless"),
        (JAVA.format("1.8.0_442"), r"needs Java 17, and \S+/java is another: openjdk version \"1\.8"),
        (JAVA.format("11.0.26"), "needs Java 17"),
        ("", "needs Java 17"),
        ("echo Picked up JAVA_TOOL_OPTIONS: -Xmx1g >&2; exit 1", "/java does not run: .* exit status 1"),
        (
            JAVA.format("21.0.6"),
            f"no Maven to bring {ARTIFACT}: apt-get install maven, or name a .* in {NAMED}",
        ),
        (JAVA.format("27-ea"), "no Maven"),
    ],
)
def test_without_a_java_that_can(programs: Path, tmp_path: Path, java: str | None, why: str) -> None:
    if java is not None:
        program(programs, "java", java)
    with pytest.raises(MissingError, match=why):
        unpacked(tmp_path)


def test_the_java_that_keycloak_takes_is_looked_at(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "java", JAVA.format("21.0.6"))
    monkeypatch.setenv("JAVA_HOME", os.fspath(tmp_path))
    with pytest.raises(MissingError, match=f"no Java in JAVA_HOME, {tmp_path}"):
        unpacked(tmp_path)
    program(tmp_path / "bin", "java", JAVA.format("11.0.26"))
    with pytest.raises(MissingError, match="needs Java 17"):
        unpacked(tmp_path)


def test_maven_without_a_network(programs: Path, tmp_path: Path) -> None:
    program(programs, "java", JAVA.format("21.0.6"))
    program(programs, "mvn", "echo Unknown host repo.example.org; exit 1")
    with pytest.raises(MissingError, match=f"Maven could not bring {ARTIFACT}: Unknown host"):
        unpacked(tmp_path)


@pytest.mark.parametrize(
    ("name", "why"), [("missing.zip", "names no file and no folder"), ("empty.zip", "is no zip")]
)
def test_what_is_named_is_no_distribution(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    program(programs, "java", JAVA.format("21.0.6"))
    (tmp_path / "empty.zip").touch()
    monkeypatch.setenv(NAMED, os.fspath(tmp_path / name))
    with pytest.raises(MissingError, match=why):
        unpacked(tmp_path)


def test_the_run_says_why_it_was_not_run(programs: Path) -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "tests/keycloak/test_exchange.py",
            "-k",
            "keycloak]",
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert run.returncode == 0, run.stdout
    assert "no Keycloak: no Java: apt-get install default-jre-headless" in run.stdout
    assert " passed" not in run.stdout
