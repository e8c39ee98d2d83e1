"""The command that joins two tables by run and lumisection."""

import io
import json
import math
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.overlay.cli.conftest import AtTerminal, Run

LEFT = "run_number,ls_number,entries\n5,1,10\n5,2,20\n6,1,30\n"
RIGHT = [
    {"run_number": 5, "lumisection_number": 2, "beams_stable": True, "note": "a b"},
    {"run_number": 6, "lumisection_number": 9, "beams_stable": False, "note": None},
]
JOINED = [
    {"run_number": 5, "ls_number": 1, "entries": 10, "beams_stable": None, "note": None},
    {"run_number": 5, "ls_number": 2, "entries": 20, "beams_stable": True, "note": "a b"},
    {"run_number": 6, "ls_number": 1, "entries": 30, "beams_stable": None, "note": None},
]


@pytest.fixture(autouse=True)
def files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "left.csv").write_text(LEFT)
    (tmp_path / "right.json").write_text(json.dumps(RIGHT))
    pyarrow.parquet.write_table(pa.Table.from_pylist(RIGHT), tmp_path / "right.parquet")


@pytest.mark.parametrize("right", ["right.json", "right.parquet"])
def test_every_row_on_the_left_stays(right: str, run: Run, at_terminal: AtTerminal, tmp_path: Path) -> None:
    line = f"join left.csv {right}"
    assert json.loads(run(f"{line} --json").stdout) == JOINED
    assert json.loads(run(f"join - {right} --json", LEFT).stdout) == JOINED
    text = run(line)
    assert (text.exit_code, text.stdout.splitlines()[2].split()) == (0, ["5", "2", "20", "true", "a", "b"])
    assert "\x1b[1mbeams_stable" in at_terminal(line).text
    assert run(f"{line} -o out.parquet --columns note,entries --limit 2").exit_code == 0
    written = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert written.to_pylist() == [{"note": None, "entries": 10}, {"note": "a b", "entries": 20}]
    assert (
        run(f"{line} --csv --columns entries,beams_stable").stdout
        == "entries,beams_stable\n10,\n20,true\n30,\n"
    )


def test_a_listing_is_joined_with_what_brilcalc_wrote(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lumi.csv").write_text(
        "#Data tag : 24v1 , Norm tag: onlineresult\n"
        "#run:fill,ls,time,beamstatus,E(GeV),delivered(/ub),recorded(/ub),avgpu,source\n"
        "367112:8700,2:2,05/02/23 10:00:00,STABLE BEAMS,6800,1500.5,1400.25,40.1,HFET\n"
        "#Summary:\n"
    )
    listed = run("lumis --run 367112 --ls 1-2 --csv --columns run_number,ls_number LOGIN").stdout
    done = run("join - lumi.csv --json", listed)
    assert done.exit_code == 0, done.output
    first, second = json.loads(done.stdout)
    assert first["ls_number"] == 1
    recorded = next(name for name in second if name.startswith("recorded"))
    assert (first[recorded], math.isclose(second[recorded], 1400.25)) == (None, True)


BY_LS = "#Data tag : 24v1\n#run:fill,ls,recorded(/ub)\n5:8700,2:2,1400.25\n#Summary:\n#nfill\n"


@pytest.mark.parametrize("name", ["lumi.csv", "lumi.txt", "-"])
def test_what_brilcalc_wrote_is_known_by_its_content_on_either_side(
    name: str, run: Run, tmp_path: Path
) -> None:
    if name != "-":
        (tmp_path / name).write_text(BY_LS)
    right = run(f"join left.csv {name} --json", BY_LS)
    assert [row["recorded(/ub)"] for row in json.loads(right.stdout)] == [None, 1400.25, None]
    left = run(f"join {name} right.json --json", BY_LS)
    assert json.loads(left.stdout) == [
        {"run": 5, "fill": 8700, "ls": 2, "recorded(/ub)": 1400.25, "beams_stable": True, "note": "a b"}
    ]


def test_objects_need_not_have_the_same_names_and_hold_any_number(run: Run, tmp_path: Path) -> None:
    right = [
        {"run": 5, "ls": 1},
        {"run": 5, "ls": 2, "late": 7, "big": 10**30, "mixed": "a"},
        {"run": 6, "ls": 1, "mixed": 5, "big": 1, "nan": math.nan},
    ]
    (tmp_path / "any.json").write_text(json.dumps(right))
    first, second, third = json.loads(run("join left.csv any.json --json").stdout)
    assert (first["late"], second["late"], third["late"]) == (None, 7, None)
    assert (second["big"], third["big"]) == (str(10**30), "1")  # as text, since no column holds it
    assert third["nan"] is None
    assert (second["mixed"], third["mixed"]) == ('"a"', "5")


def test_numbers_that_are_none_are_told_apart_in_csv_and_are_null_in_json(run: Run, tmp_path: Path) -> None:
    table = pa.table({"run": [5, 5], "ls": [1, 2], "f": [math.nan, -math.inf], "l": [[math.nan, 1.5], None]})
    pyarrow.parquet.write_table(table, tmp_path / "odd.parquet")
    line = "join left.csv odd.parquet --columns f,l"
    assert run(f"{line} --csv").stdout == 'f,l\nnan,"[null, 1.5]"\n-inf,\n,\n'
    nothing = {"f": None, "l": None}
    assert json.loads(run(f"{line} --json").stdout) == [{"f": None, "l": [None, 1.5]}, nothing, nothing]
    assert pd.read_csv(io.StringIO(run(f"{line} --csv").stdout))["f"].tolist()[1] == -math.inf


def test_text_of_csv_stays_what_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text(
        'run,ls,text,number\n5,1,NA,NA\n5,2,null,\n6,1,,3\n6,2,"a, ""b""\n=c",nan\n'
    )
    first, second, third, fourth = json.loads(run("join text.csv text.csv --json").stdout)
    assert [row["text"] for row in (first, second, third, fourth)] == ["NA", "null", None, 'a, "b"\n=c']
    assert [row["number_right"] for row in (first, second, third, fourth)] == [None, None, 3, None]
    written = run("join text.csv text.csv --csv --columns text").stdout
    assert written == 'text\nNA\nnull\n""\n"a, ""b""\n=c"\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("join none.csv right.json", "none.csv cannot be read as a table: No such file or directory."),
        ("join left.csv none.csv", "none.csv cannot be read as a table: No such file or directory."),
        ("join empty.csv right.json", "empty.csv cannot be read as a table: "),
        ("join left.csv broken.json", "broken.json cannot be read as a table: "),
        ("join left.csv numbers.json", "numbers.json cannot be read as a table: "),
        ("join left.csv twice.csv", "twice.csv has several columns of the same name."),
        ("join left.csv double.csv", "5"),
        ("join left.csv right.json --on entries", "entries"),
        ("join left.csv right.json --columns nothing", "there is no column 'nothing'."),
        ("join . right.json", "cannot be read as a table: Is a directory"),
        ("join left.csv none.json", "the rows on the right have no column of runs (run_number, run)"),
        ("join left.csv right.json --on ,", "--on ',' names no column. Name columns that both files have"),
        ("join left.csv left.csv --suffix ''", "--suffix is empty"),
        ("join left.csv comment.csv", "comment.csv has no line #run:fill"),
        ("join left.csv right.json -o ./", "says no format"),
    ],
)
def test_what_makes_no_sense_is_said(line: str, said: str, run: Run, tmp_path: Path) -> None:
    for name, content in (
        ("empty.csv", ""),
        ("broken.json", '[{"run_number": 5'),
        ("numbers.json", "[1, 2]"),
        ("twice.csv", "run_number,ls_number,a,a\n5,1,1,1\n"),
        ("none.json", "[]"),
        ("comment.csv", "# of mine\nrun,ls\n1,1\n"),
        ("double.csv", "run_number,ls_number,a\n5,1,1\n5,1,2\n"),
    ):
        (tmp_path / name).write_text(content)
    done = run(line)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
