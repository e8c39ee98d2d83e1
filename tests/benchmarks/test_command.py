"""A run from end to end, tiny; and the page shows what the last run wrote."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import command, environments, report
from benchmarks.scenarios import OURS, PUBLISHED, PUBLISHED_PARQUET, SCENARIOS

ROOT = Path(__file__).parents[2]


def test_a_quick_run_measures_all_of_our_clients(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert (done.returncode, report.failures(found), found["disagreements"]) == (0, [], []), done.stderr
    made = {PUBLISHED: environments.published(), PUBLISHED_PARQUET: environments.published(parquet=True)}
    there = {OURS, *(name for name, one in made.items() if one.exists)}
    for scenario in SCENARIOS:
        expected = [one.name for one in scenario.contenders if one.environment in there]
        clients = found["scenarios"][scenario.name]["clients"]
        assert list(clients) == expected
        for said in clients.values():
            assert len(said["seconds"]) == scenario.repeat
            assert all(seconds > 0 for seconds in said["seconds"])
            if scenario.resource is not None and "contents" in said:
                assert said["contents"]["rows"] > 0
                assert all(requests > 0 for requests in said["requests"])
                assert ("busy" in said) == (scenario.cost.workers is not None)
    for name in ("uneven", "requests"):
        assert all(one["first"][0] > 0 for one in found["scenarios"][name]["clients"].values())
    rows = [one["contents"]["rows"] for one in found["scenarios"]["streaming"]["clients"].values()]
    assert rows == [20, 200, 20, 200]
    for title in (one["title"] for one in found["scenarios"].values()):
        assert title in done.stdout
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_a_client_that_fails_makes_the_run_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "python"
    broken.write_text(
        "#!/bin/sh\ncase $2 in benchmarks.clients) echo Broken: it is >&2; exit 3;; esac\necho '{}'\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(environments, "here", lambda: environments.Environment(broken))
    monkeypatch.setattr(environments, "published", lambda **_: environments.Environment(tmp_path / "no"))
    assert command.main(["--quick", "--only", "import", "--output", str(tmp_path)]) == 1
    assert "failed: Broken: it is" in capsys.readouterr().out


def test_the_page_shows_the_last_run() -> None:
    found = json.loads(command.RESULTS.read_text("utf-8"))
    page = command.PAGE.read_text("utf-8")
    assert command.on_page(page, found) == page
    assert found["targets"] == report.measured_targets(found["scenarios"])
    assert found["disagreements"] == report.disagreements(found["scenarios"]) == []
    # Scenarios that came later than the last run are named on the page.
    missing = [scenario.name for scenario in SCENARIOS if scenario.name not in found["scenarios"]]
    assert ("Not in this run" in page) == bool(missing)


def test_results_name_no_machine() -> None:
    text = command.RESULTS.read_text("utf-8")
    assert not re.search(r"/(home|root|tmp|usr|work)\b|https?://", text)


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        command.on_page("# Performance\n", json.loads(command.RESULTS.read_text("utf-8")))


def test_commands_on_the_page_are_understood() -> None:
    page = command.PAGE.read_text("utf-8")
    commands = re.findall(r"^\./scripts/bench.*$", page, re.MULTILINE)
    assert len(commands) >= 4
    for line in commands:
        command.parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "th3"],
        ["--rounds", "0"],
        ["--rows", "0"],
        ["--publish", "--quick"],
        ["--publish", "--gzip"],
        ["--publish", "--only", "th2"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
