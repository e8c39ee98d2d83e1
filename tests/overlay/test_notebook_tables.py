"""What notebooks show: short tables, in which text of the service and of paths is text and no markup."""

import re
from pathlib import Path
from typing import Any

import pytest
from cmsdials import LumiMask, open_dataset, verify
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.resources.oms import OMSRows
from hypothesis import given
from hypothesis import strategies as st

from tests.overlay.download import service as of_downloads
from tests.overlay.download.service import Histograms

DATASET = "/Z/<b>R</b>-v1/DQMIO"
ELEMENT = "P/<b>charge</b> & <script>"
OTHER = 15000000
TAGS = {"table", "thead", "tbody", "tr", "th", "td", "p"}


@pytest.fixture
def service(session_type: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Histograms:
    monkeypatch.setenv("CMSDIALS_CACHE_DIR", str(tmp_path / "cache"))
    for names in (of_downloads.NAMES, of_downloads.DATASETS):
        monkeypatch.setitem(names, 14677060, DATASET)
    made = Histograms(session_type)
    made.elements[1] = (ELEMENT, 1)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "<b>data</b>"


def cells_of(shown: str) -> list[list[str]]:
    """Return the rows of the tables."""
    return [
        re.findall(r"<td.*?>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", shown) if "<td" in row
    ]


def lines_of(shown: str) -> list[str]:
    return re.findall(r"<p>(.*?)</p>", shown)


def refuse_markup(shown: str) -> None:
    """Fail if there is any tag besides those of tables, or one that is not closed."""
    found = re.findall(r"<(/?)(\w+)[^>]*>", shown)
    assert {name for _, name in found} <= TAGS
    for tag in TAGS:
        assert found.count(("", tag)) == found.count(("/", tag))
    assert "&lt;b&gt;" in shown


def test_a_selection_is_two_tables(service: Histograms) -> None:
    selection = service.dials.histograms(["P/*"], run=[367100, 367103, 1])
    shown = selection._repr_html_()
    refuse_markup(shown)
    elements = [one for one in cells_of(shown) if one[0] in ("h1d", "h2d")]
    assert elements[0] == ["h1d", "1", "P/&lt;b&gt;charge&lt;/b&gt; &amp; &lt;script&gt;"]
    assert len(elements) == 4
    datasets = cells_of(shown)[4:]
    assert datasets[0] == ["/Z/&lt;b&gt;R&lt;/b&gt;-v1/DQMIO", "2 runs, 367100 to 367103", "12"]
    assert len(datasets) == 2
    first, last = lines_of(shown)
    assert first == repr(selection).splitlines()[0]
    assert last == "in none of them: 1 run (1)"


def test_many_elements_are_cut(service: Histograms) -> None:
    service.elements = {number: (f"P/<b>{number}", 1) for number in range(1, 31)}
    shown = service.dials.histograms("P/*", run=367100)._repr_html_()
    refuse_markup(shown)
    assert len(cells_of(shown)) == 10 + 2
    assert "and 20 more" in lines_of(shown)


def test_a_plan_and_a_download_and_what_it_holds(service: Histograms, folder: Path) -> None:
    h1d = service.dials.h1d
    plan = h1d.download(None, folder, dry_run=True)
    shown = plan._repr_html_()
    refuse_markup(shown)
    assert cells_of(shown)[0] == ["/Z/&lt;b&gt;R&lt;/b&gt;-v1/DQMIO", "4", "367100", "367110", "1", "40"]
    assert len(cells_of(shown)) == 2
    assert f"up to {plan.rows} rows in 2 files" in shown
    done = h1d.download(None, folder)
    shown = done._repr_html_()
    refuse_markup(shown)
    (cells,) = cells_of(shown)
    assert [cells[0], *cells[2:]] == [str(done.rows), "2", "2", "0"]
    dataset = open_dataset(folder)
    shown = dataset._repr_html_()
    refuse_markup(shown)
    assert cells_of(shown)[:2] == [
        ["/Z/&lt;b&gt;R&lt;/b&gt;-v1/DQMIO", "4", "1", "40"],
        ["/ZeroBias &amp; 100%/Zürich=1/DQMIO", "4", "1", "40"],
    ]
    assert cells_of(shown)[2:] == [["P/&lt;b&gt;charge&lt;/b&gt; &amp; &lt;script&gt;"], ["P/size"]]
    assert len(dataset) == 80


def test_a_download_of_nothing_says_why(service: Histograms, folder: Path) -> None:
    with pytest.warns(RuntimeWarning, match="no rows"):
        done = service.dials.h1d.download(LumisectionHistogram1DFilters(me="<b>none"), folder)
    shown = done._repr_html_()
    refuse_markup(shown)
    assert "there is no ME" in shown
    assert "<table>" not in shown


def test_a_verification_shows_problems_and_what_is_not_complete(service: Histograms, folder: Path) -> None:
    service.missing = {(14677060, 367103, 2, 1)}
    service.dials.h1d.download(None, folder)
    whole = verify(folder)._repr_html_()
    refuse_markup(whole)
    assert cells_of(whole) == []
    assert lines_of(whole)[-1] == "no problem"
    path = next((folder / "data").rglob("*.parquet"))
    (path.parent / "<b>other.parquet").write_bytes(b"")
    found = verify(folder, service.dials)
    shown = found._repr_html_()
    refuse_markup(shown)
    unknown, *lacking = cells_of(shown)
    assert unknown[0] == "unknown"
    assert "&lt;b&gt;other.parquet" in unknown[1]
    assert [row[1:6] for row in lacking] == [["367103", "1", "6", "5", "2"]]
    assert "1 problem" in lines_of(shown)
    assert lines_of(shown)[-1] == "NOT complete"
    assert found.coverage is not None
    assert shown.endswith(found.coverage._repr_html_())


def test_a_coverage_shows_what_is_not_complete(service: Histograms) -> None:
    service.missing = {(14677060, 367100, ls, 1) for ls in (1, 3)}
    result = service.dials.h1d.list_all(LumisectionHistogram1DFilters(dataset_id=14677060))
    coverage = service.dials.h1d.coverage(result)
    shown = coverage._repr_html_()
    assert cells_of(shown) == [["14677060", "367100", "1", "6", "4", "1,3", "-", "-"]]
    assert lines_of(shown) == ["7 of 8 monitoring elements of runs are complete", "NOT complete"]
    service.missing = set()
    whole = service.dials.h1d.coverage(service.dials.h1d.list_all(LumisectionHistogram1DFilters(me_id=1)))
    assert lines_of(whole._repr_html_()) == ["8 of 8 monitoring elements of runs are complete", "complete"]
    assert "<table>" not in whole._repr_html_()


@pytest.mark.parametrize(
    ("runs", "rows", "more"),
    [
        ({}, [], []),
        ({5: [[2, 4], [7, 7]]}, [["5", "4"]], []),
        ({5: [[0, 2**32 - 1]]}, [["5", "all"]], []),
        ({run: [[1, run]] for run in range(1, 13)}, [[str(n), str(n)] for n in range(1, 11)], ["and 2 more"]),
    ],
)
def test_a_mask_shows_the_first_runs(runs: Any, rows: list[list[str]], more: list[str]) -> None:
    mask = LumiMask(runs)
    shown = mask._repr_html_()
    assert cells_of(shown) == rows
    assert lines_of(shown) == [str(mask), *more]


def test_rows_of_oms_show_the_first_rows_and_attributes() -> None:
    rows = [{"id": n, "<b>name": "<b>", "none": None, **{f"a{m}": m for m in range(20)}} for n in range(12)]
    shown = OMSRows(rows, "<b>runs")._repr_html_()
    refuse_markup(shown)
    assert len(cells_of(shown)) == 10
    assert cells_of(shown)[3][:4] == ["3", "&lt;b&gt;", "-", "0"]
    assert {len(row) for row in cells_of(shown)} == {12}
    assert lines_of(shown)[1:] == ["and 2 more", "and 11 more attributes: to_pandas() has them"]
    assert OMSRows([], "runs")._repr_html_() == "<p>0 rows of OMS runs</p>"


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.none() | st.text() | st.floats() | st.lists(st.integers()))
    )
)
def test_whatever_a_service_sends_is_text(rows: list[dict[str, Any]]) -> None:
    shown = OMSRows(rows, "runs")._repr_html_()
    assert {name for _, name in re.findall(r"<(/?)(\w+)", shown)} <= TAGS
    assert shown.isprintable()
