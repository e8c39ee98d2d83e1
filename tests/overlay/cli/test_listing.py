"""The commands that list, count and fetch: as text, as JSON and CSV, as files, at a terminal, and used wrongly."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from cmsdials import Dials
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    RunFilters,
)

from tests.overlay.cli.conftest import AtTerminal, Run

LAYER = "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_"
DIGIS = "EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +"
DATASET = "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"

# line, what the library lists for it, columns of the text, whether programs get contents
LISTS = {
    "datasets --dataset 2024": (
        lambda dials: dials.dataset_index.list_all(DatasetIndexFilters(dataset__regex="2024")),
        "dataset_id dataset era last_modification_date",
    ),
    "runs --runs 360392-365000": (
        lambda dials: dials.run.list_all(RunFilters(run_number__gte=360392, run_number__lte=365000)),
        "run_number dataset_id dataset ls_count",
    ),
    f"runs --dataset {DATASET}": (
        lambda dials: dials.run.list_all(RunFilters(dataset=DATASET)),
        "run_number dataset_id dataset ls_count",
    ),
    "lumis --run 367112 --ls 5-20 --dataset-id 14677060": (
        lambda dials: dials.lumi.list_all(
            LumisectionFilters(run_number=367112, ls_number__gte=5, ls_number__lte=20, dataset_id=14677060)
        ),
        "run_number ls_number dataset_id th1_count th2_count",
    ),
    "files --status FINISHED --min-size 1000 --file 2024B": (
        lambda dials: dials.file_index.list_all(
            FileIndexFilters(status="FINISHED", min_size=1000, logical_file_name__regex="2024B")
        ),
        "file_id dataset_id status file_size logical_file_name",
    ),
    "mes --dim 2": (
        lambda dials: [one for one in dials.mes.list() if one.dim == 2],
        "me_id me count dim",
    ),
    "mes --me 'charge_PXLayer_[12]$'": (
        lambda dials: [one for one in dials.mes.list() if one.me in (f"{LAYER}1", f"{LAYER}2")],
        "me_id me count dim",
    ),
    f"get h1d --me {LAYER}1 --run 367112 --ls 1-3": (
        lambda dials: dials.h1d.list_all(
            LumisectionHistogram1DFilters(me=f"{LAYER}1", run_number=367112, ls_number__lte=3)
        ),
        "run_number ls_number dataset_id me entries",
    ),
    f"get h2d --me '{DIGIS}' --ls 78 --min-entries 1 --concurrency 2": (
        lambda dials: dials.h2d.list_all(
            LumisectionHistogram2DFilters(me=DIGIS, ls_number=78, entries__gte=1)
        ),
        "run_number ls_number dataset_id me entries",
    ),
}


def as_sent(rows: Any) -> list[dict[str, Any]]:
    """Rows as JSON holds them."""
    return [
        {
            name: value if not hasattr(value, "isoformat") else value.isoformat().replace("+00:00", "Z")
            for name, value in row.dict().items()
        }
        for row in rows
    ]


@pytest.mark.parametrize("line", LISTS)
def test_one_listing_in_every_form(
    line: str, run: Run, at_terminal: AtTerminal, now: Dials, tmp_path: Path
) -> None:
    list_it, shown = LISTS[line]
    rows = as_sent(list_it(now))
    assert rows

    done = run(f"{line} --json LOGIN")
    assert (done.exit_code, done.stderr) == (0, "")
    key = "me_id" if line.startswith("mes") else next(iter(rows[0]))
    assert sorted(json.loads(done.stdout), key=lambda row: str(row[key])) == sorted(
        rows, key=lambda row: str(row[key])
    )

    done = run(f"{line} --csv LOGIN")
    lines = [*csv.DictReader(io.StringIO(done.stdout))]
    assert (done.exit_code, len(lines), [*lines[0]]) == (0, len(rows), [*rows[0]])

    done = run(f"{line} -o out.parquet LOGIN")
    assert (done.exit_code, done.stdout) == (0, f"out.parquet: {len(rows)} row{'s' * (len(rows) != 1)}\n")
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert (table.num_rows, table.column_names) == (len(rows), [*rows[0]])

    text = run(f"{line} LOGIN")
    assert (text.exit_code, text.stderr) == (0, "")
    assert text.stdout.isascii()
    header, *lines = text.stdout.splitlines()
    assert (header.split(), len(lines)) == (shown.split(), len(rows))
    assert not any(len(line) > 300 for line in lines)  # no contents of histograms

    person = at_terminal(f"{line} --limit 1 LOGIN")
    assert person.exit_code == 0
    assert "\x1b[1m" in person.text  # a header in bold
    assert ("There are more rows than 1" in person.text) == (len(rows) > 1)
    assert "\x1b" not in text.stdout

    wrong = run(f"{line} --columns run_numer LOGIN")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("there is no column 'run_numer'. There are ")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("count runs --runs 360392-365000", 20),
        ("count lumis --run 367112", 104),
        (f"count files --dataset {DATASET} --status FINISHED", None),
        ("count runs", 56),
    ],
)
def test_counting(line: str, count: int | None, run: Run, at_terminal: AtTerminal, now: Dials) -> None:
    count = count or now.file_index.count(FileIndexFilters(dataset=DATASET, status="FINISHED"))
    assert run(f"{line} LOGIN").stdout == f"{count}\n"
    assert json.loads(run(f"{line} --json LOGIN").stdout) == {"count": count}
    assert at_terminal(f"{line} LOGIN").text == f"{count}\n"


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("mes layer 2 charge", [f"{LAYER}2"]),
        ("mes 'charge_PXLayer_?'", [f"{LAYER}{number}" for number in range(1, 5)]),
        ("datasets zerobias 2024b", [DATASET]),
        ("datasets --run 367112", [DATASET]),
        ("datasets --runs 367000-367200 DQMIO --dataset ZeroBias", [DATASET]),
        ("datasets --runs 1-2", []),
    ],
)
def test_searching(line: str, names: list[str], run: Run) -> None:
    done = run(f"{line} --json LOGIN")
    assert done.exit_code == 0, done.output
    assert [row.get("me") or row.get("dataset") for row in json.loads(done.stdout)] == names


def test_nothing_found_names_the_nearest(run: Run) -> None:
    done = run("mes charge_PXLaier_2 LOGIN")
    assert (done.exit_code, done.stdout.split()) == (0, ["me_id", "me", "count", "dim"])
    assert "charge_PXLayer_2" in done.stderr


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{LAYER}1", {f"{LAYER}1"}),
        ("charge_PXLayer_[12]", {f"{LAYER}1", f"{LAYER}2"}),
        (DIGIS, {DIGIS}),  # whose + is no operator
        ("EEOT digi occupancy EE +", {DIGIS, f"{DIGIS[:-1]}-"}),  # where it is one
    ],
)
def test_a_whole_name_means_one_monitoring_element(text: str, names: set[str], run: Run) -> None:
    kind = "h2d" if "EEOT" in text else "h1d"
    done = run(f"get {kind} --me '{text}' --ls 78 --columns me --json LOGIN")
    assert {row["me"] for row in json.loads(done.stdout)} == names


@pytest.mark.parametrize("limit", [0, 1, 20, 21, 499, 500, 501, 1200])
def test_limits(limit: int, run: Run, now: Dials) -> None:
    rows = now.lumi.count()
    done = run(f"lumis --csv --columns ls_number --limit {limit} LOGIN")
    assert len(done.stdout.splitlines()) - 1 == (min(limit, rows) or rows)


def test_a_terminal_shows_a_hundred_rows_unless_it_is_asked_for_more(at_terminal: AtTerminal) -> None:
    shown = at_terminal("lumis --columns ls_number LOGIN").text.splitlines()
    assert len(shown) == 102
    assert "There are more rows than 100: see them with --limit, or all with --limit 0." in shown[-1]
    assert len(at_terminal("lumis --limit 0 --run 367112 LOGIN").text.splitlines()) == 105
    assert len(at_terminal("lumis --csv --run 367112 LOGIN").text.splitlines()) == 105


def test_good_lumisections_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text('{"367112": [[2, 3], [7, 7]], "1": [[1, 9]]}')
    done = run("lumis --good golden.json --json --columns ls_number LOGIN")
    assert json.loads(done.stdout) == [{"ls_number": number} for number in (2, 3, 7)]
    done = run(f"get h1d --me {LAYER}1 --good golden.json --limit 2 --csv --columns entries,ls_number LOGIN")
    assert [line.split(",")[1] for line in done.stdout.splitlines()] == ["ls_number", "2", "3"]
    (tmp_path / "golden.json").write_text("{}")
    assert json.loads(run("lumis --good golden.json --json LOGIN").stdout) == []
    assert run("lumis --good golden.json -o none.parquet LOGIN").stdout == "none.parquet: 0 rows\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("runs --json --csv", "--json and --csv exclude each other. Give one of them."),
        (
            "runs -o runs.txt",
            "the ending of runs.txt says no format. End the name in .parquet, .csv or .json.",
        ),
        ("runs --json -o runs.csv", "--json contradicts the ending of runs.csv."),
        ("runs -o nowhere/runs.csv", "nowhere/runs.csv cannot be written (No such file or directory)."),
        ("runs -o folder.csv", "folder.csv cannot be written (Is a directory)."),
        ("runs --json -o /dev/full", "/dev/full cannot be written (No space left on device)."),
        ("runs --columns ,", "--columns ',' names no column."),
        ("runs --columns run_number,run_number", "names a column twice."),
        (
            "runs --runs from",
            "--runs 'from' is neither a number nor a range of numbers. Write it as 367100-367200",
        ),
        ("runs --runs 5-3", "--runs '5-3' ends before it begins. Swap the two bounds: 3-5."),
        ("runs --runs ''", "is neither a number nor a range"),
        ("runs --runs -5", "is neither a number nor a range"),
        ("runs --runs 1-2-3", "is neither a number nor a range"),
        ("runs --runs \u0661", "is neither a number nor a range"),
        ("runs --dataset '('", "cannot be sent"),
        ("runs --dataset ''", "is empty"),
        ("lumis --ls 1:5", "--ls '1:5' is neither"),
        ("lumis --good none.json", "the certification file 'none.json' cannot be read"),
        ("count files --runs 5", "--runs does not choose among files. Leave it out."),
        ("count runs --ls 5", "--ls does not choose among runs. Leave it out."),
        ("count lumis --min-size 5", "--min-size does not choose among lumis. Leave it out."),
        ("mes layer --me layer", "words and --me exclude each other."),
        ("get h1d --me '('", "cannot be sent"),
        ("get h1d --show --json", "--show draws, and writes no columns, JSON, CSV or file."),
        ("get h1d --show --columns me", "--show draws"),
        ("runs --workspace nowhere", "Workspace 'nowhere' not found"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(line: str, said: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    done = run(f"{line} LOGIN")
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"folder.csv", "cache"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("runz", "cmsdials: No such command 'runz'"),
        ("runs --dtaset x", "cmsdials runs: No such option: --dtaset"),
        ("runs --limit -1", "cmsdials runs: Invalid value for '--limit'"),
        ("runs 5", "cmsdials runs: Got unexpected extra argument"),
        ("get", "cmsdials get: Missing argument"),
        ("get h3d", "cmsdials get: Invalid value for "),
        ("count", "cmsdials count: Missing argument"),
        ("mask", "cmsdials mask: Missing argument"),
        ("whoami --jsn", "cmsdials whoami: No such option: --jsn"),
    ],
)
def test_what_is_typed_wrongly_is_said_in_a_line(line: str, said: str, at_terminal: AtTerminal) -> None:
    done = at_terminal(line)
    assert done.exit_code == 2
    assert done.text.startswith(said)
    assert done.text.count("\n") == 1
    assert "--help." in done.text


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept.csv").write_text("older")
    assert run("runs --workspace nowhere -o kept.csv LOGIN").exit_code == 1
    assert (tmp_path / "kept.csv").read_text() == "older"
    (tmp_path / "link.csv").symlink_to("kept.csv")
    assert run("runs --run 367112 --columns run_number -o link.csv LOGIN").exit_code == 0
    assert (tmp_path / "kept.csv").read_text() == "run_number\n367112\n"
    assert (tmp_path / "link.csv").is_symlink()
    assert sorted(path.name for path in tmp_path.glob("*.csv*")) == ["kept.csv", "link.csv"]
    assert [*tmp_path.glob(".*")] == []


def test_a_reader_that_has_enough_ends_the_command_quietly(login: str) -> None:
    command = shlex.join([sys.executable, "-m", "cmsdials", "lumis", "--json", *login.split()])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 5; echo ${{PIPESTATUS[0]}}"],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout.replace("\n", "").removesuffix("141")[:3], done.stderr) == ('[{"', "")
    assert done.stdout.rstrip().endswith("141")


def test_rows_come_while_others_are_fetched(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second page fails: the rows of the first are there, and the exit code says that they are not all."""
    from cmsdials.listing.pages import Pages

    fetch, pages = Pages.__next__, []

    def second_fails(self: Any) -> Any:
        if len(pages) == 1:
            from cmsdials.errors import ServerError

            message = "no more"
            raise ServerError(message, status_code=500)
        pages.append(fetch(self))
        return pages[-1]

    monkeypatch.setattr(Pages, "__next__", second_fails)
    done = run("lumis --csv --columns ls_number LOGIN")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) - 1 == len(pages[0]) > 1
    assert "no more" in done.stderr


def test_whoami_for_programs(run: Run, sandbox_now: Any) -> None:
    done = run("whoami --json LOGIN")
    said = json.loads(done.stdout)
    assert said.pop("token_until").endswith("Z")
    assert said == {
        "user": "service-account-sandbox-app",
        "instance": sandbox_now.url,
        "workspace": "tracker",
        "login_until": None,
        "is_application": True,
    }


def test_workspaces_for_programs(run: Run, at_terminal: AtTerminal) -> None:
    rows = json.loads(run("workspaces --json LOGIN").stdout)
    assert [row["name"] for row in rows if row["default"]] == ["tracker"]
    assert run("workspaces --csv --columns name --limit 2 LOGIN").stdout == "name\ncsc\necal\n"
    assert "Pixel and strip tracker" in at_terminal("workspaces LOGIN").text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("runs --runs 5-3", "--runs '5-3' ends before it begins"),
        ("runs --columns nothing", "there is no column 'nothing'"),
        ("runs --dataset (", "a parenthesis ( is not closed"),
        ("datasets --run 5-3", "--runs '5-3' ends before it begins"),
        ("datasets --columns nothing", "there is no column 'nothing'"),
        ("lumis --ls a", "--ls 'a' is neither a number"),
        ("lumis --good none.json", "the certification file 'none.json' cannot be read"),
        ("files --columns a,a", "names a column twice"),
        ("mes --me (", "a parenthesis ( is not closed"),
        ("mes --columns nothing", "there is no column 'nothing'"),
        ("count runs --ls 3", "--ls does not choose among runs"),
        ("count lumis --ls 3-1", "--ls '3-1' ends before it begins"),
        ("get h1d --json --csv", "--json and --csv exclude each other"),
        ("get h1d --runs 5-3 -o x.parquet", "--runs '5-3' ends before it begins"),
        ("get h1d -o x.root", "the ending of x.root says no format"),
        ("workspaces --columns nothing", "there is no column 'nothing'"),
        ("download h1d -o out --runs 5-3", "--runs '5-3' ends before it begins"),
        ("download h1d -o out --dataset (", "a parenthesis ( is not closed"),
        ("download h1d -o out --shard 3/2", "there is no shard 3 of 2"),
    ],
)
def test_what_makes_no_sense_is_said_before_a_login_is_asked_for(
    line: str, said: str, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CMSDIALS_CLIENT_ID", "CMSDIALS_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    done = run(f"{line} LOGIN".replace("(", "'('"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not [*tmp_path.glob("*out*"), *tmp_path.glob("*x.*")]
