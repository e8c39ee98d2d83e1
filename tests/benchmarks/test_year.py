"""The year on paper: its page shows what the program says, and a folder of many files is opened and verified."""

import re
from pathlib import Path

import pytest
from cmsdials import verify

from benchmarks.year import KINDS, WORKERS, Year, efficiency, main, manifest, table

PAGE = Path(__file__).parents[2] / "docs" / "a-year.md"


def test_the_page_shows_the_table() -> None:
    assert table(Year()) in PAGE.read_text("utf-8")


def test_a_year_is_as_large_as_the_page_says() -> None:
    year = Year()
    assert year.rows == 300_000_000
    assert len({run for _, run, _ in year.listed()}) == year.runs
    assert len({*year.listed()}) == year.datasets * year.of_dataset


def test_three_workers_take_a_third() -> None:
    year = Year(datasets=2)
    for kind in KINDS:
        assert year.seconds(kind, WORKERS) == pytest.approx(year.seconds(kind, 1) / WORKERS, rel=0.05)
        pages = -(-year.lumisections * year.elements // kind.page)
        whole = pages * 0.03 + year.lumisections * year.elements * (kind.seconds(1) - 0.03)
        assert year.seconds(kind, 1) == pytest.approx(50 * whole, rel=0.01)
    assert 0.5 < efficiency() < 1


def test_a_manifest_of_many_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = manifest(tmp_path, 3000)
    assert said.startswith("3 000 files: manifest of ")
    assert "3000 of 3000 files are finished: 1500000 rows" in said
    assert [*{one.problem for one in verify(tmp_path).problems}] == ["missing"]
    main(["--manifest", "7"])
    assert re.search(r"7 of 7 files", capsys.readouterr().out)
