"""Listings of good lumisections: what a mask selects of the whole listing, while no other run is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve
from cmsdials import Dials, LumiMask
from cmsdials.errors import (
    CheckpointError,
    ConfigurationError,
    CursorRefusedError,
    FilterError,
    RequestFailedError,
)
from cmsdials.filters import (
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
)
from cmsdials.result import load
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.overlay.download.service import Histograms
from tests.overlay.resources.lumisections import Lumisections, cursor, serving

OTHER = {"dataset_id": 15000000, "dataset": "/Z/S/D"}
DATASET = {"dataset_id": 14677060, "dataset": "/Z/R/D"}


@pytest.fixture
def service(session_type: Any) -> Iterator[Lumisections]:
    with serving(session_type) as made:
        yield made


@pytest.fixture
def histograms(session_type: Any) -> Histograms:
    return Histograms(session_type)


def has(service: Lumisections, lumis: dict[tuple[int, int], Any], unlisted: Any = ()) -> None:
    """Give a service the lumisections of datasets and runs; some runs may not be listed."""
    of = {one["dataset_id"]: one for one in (DATASET, OTHER)}
    service.rows = [
        {**of[dataset], "run_number": run, "ls_number": ls, "th1_count": 1, "th2_count": 2}
        for (dataset, run), numbers in sorted(lumis.items())
        for ls in sorted(numbers)
    ]
    service.runs = [
        {**of[dataset], "run_number": run, "ls_count": len(numbers)}
        for (dataset, run), numbers in sorted(lumis.items())
        if (dataset, run) not in unlisted
    ]


def asked_outside(service: Lumisections, mask: LumiMask, since: int = 0) -> list[dict[str, Any]]:
    """Return the requests for rows that are for a run which the service lists and the mask has not."""
    outside = []
    for asked in service.asked[since:]:
        if asked["place"] not in ("lumisection", "th1", "th2"):
            continue
        first, last = (
            int(asked.get("run_number", asked.get(f"run_number__{end}", open_end)))
            for end, open_end in (("gte", 0), ("lte", 10**9))
        )
        for run in service.runs:
            is_of = asked.get("dataset_id", str(run["dataset_id"])) == str(run["dataset_id"])
            if is_of and first <= run["run_number"] <= last and run["run_number"] not in mask.runs:
                outside.append(asked)
    return outside


RUNS = st.integers(1, 9)
LUMIS = st.sets(st.integers(1, 40), max_size=40)
RANGES = st.lists(
    st.tuples(st.integers(0, 45), st.integers(0, 8)).map(lambda one: [one[0], sum(one)]), max_size=5
)


def bounds(numbers: Any) -> Any:
    """Two bounds in order, or open."""
    ordered = st.tuples(numbers, numbers).map(sorted).map(tuple)
    return (
        ordered
        | st.sampled_from([(None, None)])
        | st.tuples(st.none(), numbers)
        | st.tuples(numbers, st.none())
    )


@pytest.fixture(scope="module")
def one_service(session_type: Any) -> Iterator[Lumisections]:
    with serving(session_type) as made:
        yield made


@pytest.mark.filterwarnings("ignore:no rows")
def test_it_is_what_a_mask_selects_of_all_rows(one_service: Lumisections) -> None:
    @settings(max_examples=max(30, settings().max_examples // 2))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        service = one_service
        places = st.tuples(st.sampled_from([DATASET["dataset_id"], OTHER["dataset_id"]]), RUNS)
        lumis = data.draw(st.dictionaries(places, LUMIS, max_size=12))
        unlisted = data.draw(st.sets(st.sampled_from(sorted(lumis)), max_size=2)) if lumis else set()
        has(service, lumis, unlisted)
        mask = LumiMask(data.draw(st.dictionaries(RUNS, RANGES)))
        first, last = data.draw(bounds(RUNS))
        low, high = data.draw(bounds(st.integers(1, 40)))
        filters = LumisectionFilters(
            dataset_id=data.draw(st.sampled_from([DATASET["dataset_id"], None, None])),
            run_number=data.draw(st.sampled_from([None, None, None, 4])),
            run_number__gte=first,
            run_number__lte=last,
            ls_number__gte=low,
            ls_number__lte=high,
            page_size=data.draw(st.sampled_from([None, 1, 7, 20])),
        )
        # A dataset of which the service lists no run, as far as it is asked, is known only if it is named.
        span = range(mask.runs[0], mask.runs[-1] + 1) if mask else ()
        listed = {
            one["dataset_id"]
            for one in service.runs
            if one["run_number"] in span
            and filters.run_number in (None, one["run_number"])
            and (first or 0) <= one["run_number"] <= (last or 9)
        }
        has_lost = {row["dataset_id"] for row in service.rows} - listed
        if unlisted and has_lost and filters.dataset_id is None:
            return
        whole = service.lumi.list_all(filters, enable_progress=False)
        since = len(service.asked)
        found = service.lumi.list_all(
            filters, good=mask, concurrency=data.draw(st.sampled_from([1, 3])), enable_progress=False
        )
        assert found == mask.select(whole)
        assert found.complete
        part = service.lumi.list_all(
            filters, good=mask, max_pages=data.draw(st.integers(1, 4)), enable_progress=False
        )
        # With pages of another size other gaps are fetched than before.
        sized = evolve(filters, page_size=data.draw(st.sampled_from([None, 1, 7])))
        if not part.complete:
            rest = service.lumi.list_all(sized, good=mask, resume_from=part, enable_progress=False)
            assert rest == found
        if not unlisted:
            assert asked_outside(service, mask, since) == []

    check()


MANY = {(14677060, run): range(1, 101) for run in range(100, 110)}


def test_other_runs_are_not_asked_for_and_neighbours_are_asked_for_at_once(service: Lumisections) -> None:
    has(service, MANY)
    mask = LumiMask({100: [[1, 100]], 101: [[2, 97]], 102: [[1, 100]], 106: [[11, 20]]})
    found = service.lumi.list_all(good=mask)
    assert [row.run_number for row in found] == [100] * 100 + [101] * 96 + [102] * 100 + [106] * 10
    assert asked_outside(service, mask) == []
    ranges = [
        {name: value for name, value in one.items() if name.startswith(("run_", "ls_"))}
        for one in service.requests
    ]
    assert ranges == [
        {"run_number__gte": "100", "run_number__lte": "102", "ls_number__gte": "1", "ls_number__lte": "100"},
        {"run_number": "106", "ls_number__gte": "11", "ls_number__lte": "20"},
    ]
    runs = [one for one in service.asked if one["place"] == "run"]
    assert [(one["run_number__gte"], one["run_number__lte"]) for one in runs] == [("100", "106")]


def test_long_gaps_are_not_fetched_and_short_ones_are(histograms: Histograms) -> None:
    histograms.has = {(14677060, 5): 600}
    mask = LumiMask({5: [[1, 100], [103, 110], [590, 600]]})
    for resource, filters, pieces in (
        # 300 TH1 cost what a request does, and 25 TH2.
        (histograms.dials.h1d, LumisectionHistogram1DFilters(me="P/size"), [("1", "110"), ("590", "600")]),
        (histograms.dials.h1d, LumisectionHistogram1DFilters(), [("1", "110"), ("590", "600")]),
        (histograms.dials.h2d, LumisectionHistogram2DFilters(), [("1", "110"), ("590", "600")]),
    ):
        histograms.asked.clear()
        found = resource.list_all(filters, good=mask)
        assert len(found) == len(mask) * (1 if filters.given() else 2)
        first = [one for one in histograms.asked if one["place"].startswith("th") and "next_token" not in one]
        assert [(one["ls_number__gte"], one["ls_number__lte"]) for one in first] == pieces
        assert sum(one["rows"] for one in histograms.asked if one["place"].startswith("th")) == len(
            found
        ) + 2 * (1 if filters.given() else 2)


def test_of_many_elements_every_gap_is_left_out(histograms: Histograms) -> None:
    histograms.elements = {number: (f"P/{number}", 2) for number in range(3, 33)}
    histograms.has = {(14677060, 5): 20}
    mask = LumiMask({5: [[1, 4], [6, 7], [9, 20]]})
    assert len(histograms.dials.h2d.list_all(good=mask)) == 18 * 30
    assert sum(one["rows"] for one in histograms.asked if one["place"] == "th2") == 18 * 30


@pytest.mark.parametrize("form", ["mask", "dict", "text", "path"])
def test_a_mask_is_given_in_any_form(service: Lumisections, tmp_path: Path, form: str) -> None:
    has(service, MANY)
    text = '{"103": [[5, 6]]}'
    path = tmp_path / "good.json"
    path.write_text(text)
    good = {"mask": LumiMask(text), "dict": {"103": [[5, 6]]}, "text": text, "path": path}[form]
    frame = service.lumi.to_pandas(good=good)
    assert frame[["run_number", "ls_number"]].to_numpy().tolist() == [[103, 5], [103, 6]]
    assert service.lumi.to_arrow(good=good).num_rows == service.lumi.to_polars(good=good).height == 2
    assert service.lumi.to_numpy(good=good)["ls_number"].tolist() == [5, 6]
    assert [row.ls_number for row in service.lumi.iterate(good=good)] == [5, 6]
    with service.lumi.pages(good=good) as pages:
        assert [row.ls_number for page in pages for row in page.rows] == [5, 6]


@pytest.mark.parametrize("good", [{}, {103: []}, {99: [[1, 5]]}, {103: [[400, 500]]}])
def test_nothing_good_is_no_row_and_hardly_a_request(service: Lumisections, good: Any) -> None:
    has(service, MANY)
    found = service.lumi.list_all(LumisectionFilters(run_number__gte=100), good=good)
    assert (len(found), found.complete) == (0, True)
    assert len(service.requests) <= 1
    assert asked_outside(service, LumiMask(good)) == []


def test_max_pages_counts_answers_with_good_rows(service: Lumisections) -> None:
    has(service, MANY)
    mask = LumiMask({100: [[1, 5]], 103: [[7, 8], [12, 40]], 109: [[50, 51]]})
    few = service.lumi.list_all(good=mask, max_pages=2)
    assert [(row.run_number, row.ls_number) for row in few] == [*mask][: len(few)]
    assert all(one["rows"] <= 10 for one in service.requests)
    assert len(service.requests) == 2
    assert not few.complete
    rest = service.lumi.list_all(good=mask, resume_from=few)
    assert [(row.run_number, row.ls_number) for row in rest] == [*mask]
    assert rest.complete
    sized = service.lumi.list_all(LumisectionFilters(page_size=4), good=mask, max_pages=3)
    assert len(sized) <= 12
    with pytest.raises(ConfigurationError, match="max_pages and concurrency exclude each other"):
        service.lumi.list_all(good=mask, max_pages=2, concurrency=3)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_sandboxes_answer_the_same(now: Dials, v112: Dials, concurrency: int) -> None:
    mask = LumiMask({367112: [[3, 40], [43, 60], [90, 200]], 379058: [[1, 10]], 382921: [[5, 9]]})
    chosen: dict[str, Any] = {"run_number__lte": 379060, "page_size": 60}
    for dials in (now, v112):
        lists: tuple[tuple[Any, Any], ...] = (
            (dials.h1d, LumisectionHistogram1DFilters(me__regex="charge_PXLayer_[12]", **chosen)),
            (
                dials.h2d,
                LumisectionHistogram2DFilters(dataset__regex="2024B", me__regex="PXLayer_[12]", **chosen),
            ),
            (dials.lumi, LumisectionFilters(**chosen)),
        )
        for resource, filters in lists:
            fields = ["dataset_id", "run_number", "ls_number"]
            whole = resource.list_all(filters, fields=fields)
            found = resource.list_all(filters, fields=fields, good=mask, concurrency=concurrency)
            assert len(found) > 10
            assert found == mask.select(whole)
            part = resource.list_all(filters, fields=fields, good=mask, max_pages=2)
            assert not part.complete
            assert resource.list_all(filters, fields=fields, good=mask, resume_from=part) == found


def test_the_sandbox_narrows_by_files(now: Dials) -> None:
    row = now.h1d.get(dataset_id=14677060, run_number=367112, ls_number=10, me_id=1)
    (file,) = now.file_index.list_all(FileIndexFilters(dataset_id=14677060)).results[:1]
    for filters in (
        LumisectionHistogram1DFilters(file_id=row.file_id),
        LumisectionHistogram1DFilters(logical_file_name=file.logical_file_name),
    ):
        plan = now.h1d.download(filters, "nowhere", dry_run=True)
        assert [sorted(one.runs) for one in plan.partitions] == [[367112]]
        mask = LumiMask({367112: [[1, 12]], 379058: [[1, 10]]})
        assert now.h1d.list_all(filters, good=mask) == mask.select(now.h1d.list_all(filters))


# --- interrupted and continued


def fail_at(service: Lumisections, number: int, status: int = 400) -> None:
    service.before = lambda at: httpx.Response(status, json={"detail": "not now"}) if at == number else None


@pytest.mark.parametrize(("page_size", "concurrency"), [(5, 1), (10, 3)])
def test_it_is_resumed_wherever_it_stopped(
    service: Lumisections, tmp_path: Path, page_size: int, concurrency: int
) -> None:
    has(service, MANY)
    mask = LumiMask(
        {100: [[1, 5], [9, 9]], 101: [[3, 22]], 103: [[7, 8], [12, 30], [90, 100]], 109: [[50, 61]]}
    )
    filters = LumisectionFilters(page_size=page_size)
    whole = service.lumi.list_all(filters, good=mask)
    first = len(service.requests)
    for number in range(first):
        path = tmp_path / f"{number}.dials"
        service.before = lambda _at: None
        fail_at(service, service.lists + number)
        how: dict[str, Any] = {"good": mask, "concurrency": concurrency}
        with pytest.warns(RuntimeWarning, match="not now"):
            part = service.lumi.list_all(filters, checkpoint=path, keep_failed=True, **how)
        assert [row.dict() for row in part] == [row.dict() for row in whole][: len(part)]
        assert "good=" in part.status or not len(part)
        since = len(service.asked)
        fail_at(service, -1)
        in_memory = service.lumi.list_all(filters, resume_from=part, **how)
        in_file = service.lumi.list_all(filters, resume_from=path, checkpoint=path, **how)
        for found in (in_memory, in_file, load(path)):
            assert [row.dict() for row in found] == [row.dict() for row in whole]
            assert found.complete
            assert found.origin.mask == mask
        assert asked_outside(service, mask, since) == []


def test_the_file_of_a_listing_holds_good_rows_only(service: Lumisections, tmp_path: Path) -> None:
    has(service, {(14677060, 5): range(1, 200)})
    mask = LumiMask({5: [[1, 10], [13, 13], [20, 60]]})
    service.lumi.list_all(LumisectionFilters(page_size=8), good=mask, checkpoint=tmp_path / "a")
    assert [(row.run_number, row.ls_number) for row in load(tmp_path / "a")] == [*mask]


def test_a_listing_of_another_mask_is_refused_with_what_differs(
    service: Lumisections, tmp_path: Path
) -> None:
    has(service, MANY)
    mask = LumiMask({103: [[1, 50]]})
    part = service.lumi.list_all(LumisectionFilters(page_size=5), good=mask, max_pages=1)
    path = tmp_path / "a"
    part.save(path)
    for source in (part, path):
        for good, said in (
            ({103: [[2, 51]]}, r"mask.*run 103: 1.* only there.*run 103: 51.* only here"),
            (None, "by no mask here"),
        ):
            with pytest.raises(CheckpointError, match=said):
                service.lumi.list_all(good=good, resume_from=source)


def test_what_was_selected_afterwards_is_resumed_as_what_it_was_selected_from(service: Lumisections) -> None:
    has(service, MANY)
    mask = LumiMask({100: [[1, 50]]})
    part = mask.select(service.lumi.list_all(max_pages=1))
    with pytest.raises(
        CheckpointError, match=r"was listed without good=.*Resume the listing that it was selected from"
    ):
        service.lumi.list_all(good=mask, resume_from=part)


def test_a_listing_whose_position_is_refused_is_started_again(service: Lumisections, tmp_path: Path) -> None:
    has(service, MANY)
    mask = LumiMask({100: [[1, 20]], 103: [[7, 8], [12, 30]], 109: [[50, 61]]})
    filters = LumisectionFilters(page_size=5)
    part = service.lumi.list_all(filters, good=mask, max_pages=3)
    refused = cursor(service.rows[14])
    asked = service.lists

    def before(number: int) -> httpx.Response | None:
        is_refused = number == asked and service.asked[-1].get("next_token") == refused
        return httpx.Response(404, json={"detail": "Invalid cursor"}) if is_refused else None

    service.before = before
    with pytest.warns(RuntimeWarning, match="does not accept the position"):
        whole = service.lumi.list_all(filters, good=mask, resume_from=part)
    assert [(row.run_number, row.ls_number) for row in whole] == [*mask]
    assert asked_outside(service, mask) == []
    assert issubclass(CursorRefusedError, RequestFailedError)


def test_pages_ask_again_for_the_one_that_failed(service: Lumisections) -> None:
    has(service, MANY)
    mask = LumiMask({100: [[1, 20]], 109: [[50, 61]]})
    rows = service.lumi.iterate(LumisectionFilters(page_size=5), good=mask)
    fail_at(service, 2)
    found, failed = [], 0
    while True:
        try:
            found.append(next(rows))
        except RequestFailedError:
            failed += 1
        except StopIteration:
            break
    assert failed == 1
    assert [(row.run_number, row.ls_number) for row in found] == [*mask]
    assert rows.pages.origin.mask == mask


def test_a_service_that_never_ends_is_noticed(service: Lumisections) -> None:
    has(service, MANY)
    body = {"previous": None, "results": []}
    service.before = lambda number: httpx.Response(
        200, json={**body, "next": f"http://x/?next_token={number}"}
    )
    with pytest.raises(RequestFailedError, match="would never end"):
        service.lumi.list_all(good={100: [[1, 20]]})


# --- what it cannot be


@pytest.mark.parametrize(
    ("asking", "said"),
    [
        (lambda dials, good: dials.run.list_all(good=good), r"run cannot be asked for ranges.*in mask\.runs"),
        (lambda dials, good: dials.dataset_index.list_all(good=good), "dataset_index cannot .*dials.lumi"),
        (lambda dials, good: dials.file_index.pages(good=good), "file_index cannot"),
        (lambda dials, good: dials.ml_models_index.iterate(good=good), "ml_models_index cannot"),
        (
            lambda dials, good: dials.ml_bad_lumis.list_all(good=good),
            r"ml_bad_lumis cannot.*select\(dials\.ml_bad_lumis",
        ),
        (
            lambda dials, good: dials.lumi.list_all(LumisectionFilters(next_token="c5"), good=good),
            "next_token is of one listing",
        ),
        (
            lambda dials, good: dials.lumi.list_all(LumisectionFilters(order_by="-ls_number"), good=good),
            "order_by and good= exclude each other",
        ),
        (
            lambda dials, good: dials.h1d.list_all(fields=["run_number", "data"], good=good),
            "lacks dataset_id, ls_number",
        ),
    ],
)
def test_what_no_mask_chooses_from_is_refused(histograms: Histograms, asking: Any, said: str) -> None:
    dials: Dials = histograms.dials
    with pytest.raises(FilterError, match=said):
        asking(dials, LumiMask({5: [[1, 2]]}))
    assert histograms.asked == []


@pytest.mark.parametrize("good", [5, "no such file", {"5": [[2, 1]]}, ["5"], "[1]", b"{"])
def test_what_makes_no_mask_is_refused(histograms: Histograms, good: Any) -> None:
    with pytest.raises(ConfigurationError):
        histograms.dials.h1d.list_all(good=good)
    assert histograms.asked == []


def test_coverage_asks_for_runs_of_the_mask_only(histograms: Histograms) -> None:
    histograms.missing = {(14677060, 367101, 2, 1), (14677060, 367103, 1, 1)}
    mask = LumiMask({367101: [[1, 3]]})
    result = histograms.dials.h1d.list_all(LumisectionHistogram1DFilters(me_id=1), good=mask)
    since = len(histograms.asked)
    coverage = histograms.dials.h1d.coverage(result)
    assert [(row.dataset_id, row.expected, row.missing) for row in coverage.rows] == [
        (14677060, 3, [(2, 2)]),
        (15000000, 3, []),
    ]
    assert asked_outside(histograms, mask, since) == []
