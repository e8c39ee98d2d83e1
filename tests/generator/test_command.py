"""The command line: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator import command, project
from cmsdials_generator.command import main
from cmsdials_generator.overlay_document import InvalidOverlay
from cmsdials_generator.pull import make_contract
from cmsdials_generator.read import CannotRead

Json = Any


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as people do, but with nothing set up around it."""
    return subprocess.run(
        [sys.executable, "-m", "cmsdials_generator", *arguments],
        env={"PATH": "/usr/bin:/bin"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def source(tmp_path: Path, published: Json, corrections: Json) -> Path:
    path = tmp_path / "published.json"
    path.write_text(json.dumps(published), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], ["pull", "generate", "check", "drift"]),
        (["pull", "--help"], ["--source", "--out", project.PRODUCTION]),
        (["generate", "--help"], ["--spec", "--out", "openapi.json"]),
        (["check", "--help"], ["--source", "--spec", "--format", "text,json,markdown", "production"]),
    ],
    ids=lambda value: " ".join(value) if value[-1] == "--help" else "",
)
def test_help(
    arguments: list[str],
    shown: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert end.value.code == 0
    assert [text for text in shown if text not in captured.out] == []
    assert captured.out.startswith("usage: python -m cmsdials_generator")
    assert captured.err == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["push"], ["check", "--sauce", "x"], ["check", "--format", "xml"], ["pull", "--source"]],
    ids=" ".join,
)
def test_wrong_arguments_exit_with_3(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Not with the 2 of argparse, which would say that there is breaking drift."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert end.value.code == 3
    assert captured.err.startswith("usage: python -m cmsdials_generator")
    assert captured.out == ""


def test_pull_says_what_it_did(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "openapi.json"
    assert main(["pull", "--source", str(source), "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{out}: 4 paths, 20 corrections applied\n")
    assert captured.err == ""


def test_pull_warns_on_stderr(
    source: Path, published: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps(published, indent=1).replace('"leader"\n', '"leader",\n', 1)
    source.write_text(text, encoding="utf-8")
    assert main(["pull", "--source", str(source), "--out", str(tmp_path / "out.json")]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("warning: not valid JSON: a trailing comma")
    assert "warning" not in captured.out


def test_a_stale_correction_makes_pull_exit_with_3(
    source: Path, published: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published["paths"]["/api/v1/run/"]["get"]["parameters"][0]["schema"]["type"] = "integer"
    source.write_text(json.dumps(published), encoding="utf-8")
    assert main(["pull", "--source", str(source), "--out", str(tmp_path / "out.json")]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("cannot pull: 1 correction(s) no longer fit ")
    assert captured.out == ""


def test_a_document_that_is_not_there_makes_pull_exit_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", "--source", str(tmp_path / "none"), "--out", str(tmp_path / "out.json")]) == 3
    assert capsys.readouterr().err.startswith("cannot pull: Cannot read ")


def test_generate_says_what_it_did(
    published: Json, corrections: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "openapi.json"
    spec.write_bytes(make_contract(published).content)
    assert main(["generate", "--spec", str(spec), "--out", str(tmp_path / "out")]) == 0
    count = len(list((tmp_path / "out").rglob("*.py")))
    assert capsys.readouterr().out == f"{tmp_path / 'out' / 'cmsdials_api'}: {count} modules\n"


def test_a_contract_that_is_not_there_makes_generate_exit_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--spec", str(tmp_path / "none"), "--out", str(tmp_path)]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("cannot generate: cannot read the contract ")
    assert captured.out == ""


@pytest.mark.parametrize(("differences", "code"), [([], 0), (["client.py: missing"], 2)], ids=["none", "one"])
def test_check_without_a_source_exits_with_0_or_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], differences: list[str], code: int
) -> None:
    monkeypatch.setattr(command, "check_tree", lambda _: differences)
    assert main(["check"]) == code
    shown = capsys.readouterr().out
    assert ("no drift" in shown) == (code == 0)
    assert [line for line in differences if line not in shown] == []


def test_production_stands_for_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def check_source(source: str, _: Path) -> Json:
        asked.append(source)
        raise InvalidOverlay

    monkeypatch.setattr(command, "check_source", check_source)
    main(["check", "--source", "production"])
    assert asked == ["https://cmsdials-api.web.cern.ch/static/swagger.json"]


def test_a_malformed_overlay_of_ours_exits_with_3(
    source: Path, corrections: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corrections["repairs.overlay.yaml"].append({"target": "$"})
    assert main(["pull", "--source", str(source), "--out", str(tmp_path / "out.json")]) == 3
    assert capsys.readouterr().err.startswith(
        "cannot pull: repairs.overlay.yaml: action 19 ($): needs a target"
    )


def test_a_mistake_of_ours_exits_with_3_and_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not with the 1 of Python, which would say that there is compatible drift."""

    def fail(_: object) -> list[str]:
        raise ZeroDivisionError

    monkeypatch.setattr(command, "check_tree", fail)
    assert main(["check"]) == 3
    captured = capsys.readouterr().err
    assert captured.startswith("Traceback (most recent call last):")
    assert captured.endswith("cannot check: this is a bug in the generator\n")


def test_an_interruption_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "check_tree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main(["check"])


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m cmsdials_generator")


def test_the_exit_code_of_the_module_is_that_of_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--source", "none.json")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("cannot check: Cannot read none.json: there is no such file.")


def test_relative_paths_are_those_of_the_caller(tmp_path: Path) -> None:
    """The document here is the contract itself, which every correction finds repaired: nothing changed, and `pull` stops."""
    (tmp_path / "published.json").write_bytes(project.CONTRACT.read_bytes())
    done = run(tmp_path, "check", "--source", "published.json", "--format", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["changes"], report["source"]) == (1, [], "published.json")
    assert len(report["stale"]) > 100


def test_what_a_document_says_is_not_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "\x1b]2;named\x07\u202e.json"
    source.write_text(json.dumps({"swagger": "\x1b[31m2.0\x9b2J\r\u202e\u2028"}), encoding="utf-8")
    assert main(["pull", "--source", str(source), "--out", str(tmp_path / "out.json")]) == 3
    said = capsys.readouterr().err
    assert r"a Swagger \x1b[31m2.0\x9b2J\r\u202e\u2028 document" in said
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("command", ["pull", "check"])
@pytest.mark.parametrize("source", ["production", None])
def test_production_has_a_name(command: str, source: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def stop(source: str, *_: object, **__: object) -> None:
        asked.append(source)
        message = "stop"
        raise CannotRead(message)

    monkeypatch.setattr("cmsdials_generator.command.pull", stop)
    monkeypatch.setattr("cmsdials_generator.command.check_source", stop)
    given = ["--source", source] if source else [] if command == "pull" else ["--source", project.PRODUCTION]
    assert main([command, *given]) == 3
    assert asked == [project.PRODUCTION]
