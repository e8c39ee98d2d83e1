"""Listings whose position the service does not accept any more: what they say, and how they start again."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cmsdials import Dials
from cmsdials.errors import (
    BadRequestError,
    CursorFailedError,
    CursorRefusedError,
    InvalidCursorError,
    NotFoundError,
    PaginationError,
    ServerError,
)
from cmsdials.filters import (
    DatasetIndexFilters,
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    MLBadLumisectionFilters,
    MLModelsIndexFilters,
    RunFilters,
)
from cmsdials.result import load
from urllib3.util import Retry

from tests.overlay.conftest import Scripted
from tests.overlay.histogram_rows import th1

DATASETS, RUNS, LUMISECTIONS, ELEMENTS = (14677060, 14677061), (100, 101), (1, 2, 3), (1, 2)
KEY = ("dataset_id", "run_number", "ls_number", "me_id")
DATASET = LumisectionHistogram1DFilters(dataset_id=DATASETS[0], page_size=5)
ALL = LumisectionHistogram1DFilters(page_size=5)
REFUSALS = [404, 500]


class Changing(Scripted):
    """A service that refuses the cursors it gave before it was changed.

    Attributes:
        rows: Its histograms, in their order.
        refusal: The status with which it refuses a cursor.
        before: Called with the number of each request for histograms, counted from 1; it may answer instead.
    """

    def __init__(self, refusal: int = 404) -> None:
        super().__init__()
        self.rows = [
            th1(ls, dataset_id=dataset, run_number=run, me_id=me, data=[float(ls), 1.0, float(me)])
            for dataset in DATASETS
            for run in RUNS
            for ls in LUMISECTIONS
            for me in ELEMENTS
        ]
        self.refusal = refusal
        self.generation = 0
        self.before: Callable[[int], httpx.Response | None] = lambda _number: None

    def change(self) -> None:
        self.generation += 1

    def changes_before(self, *numbers: int) -> None:
        self.before = lambda number: self.change() if number in numbers else None

    @property
    def asked_for(self) -> list[dict[str, str]]:
        """The queries for histograms."""
        return [dict(one.url.params) for one in self.asked if one.url.path.endswith("/th1/")]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        query = dict(request.url.params)
        if request.url.path.endswith("/run/"):
            runs = [{"dataset_id": one, "run_number": run, "ls_count": 3} for one in DATASETS for run in RUNS]
            return httpx.Response(200, json={"next": None, "previous": None, "results": runs})
        if request.url.path.endswith("/mes/"):
            return httpx.Response(200, json=[{"me_id": me} for me in ELEMENTS])
        if (instead := self.before(len(self.asked_for))) is not None:
            return instead
        rows = [row for row in self.rows if wanted(row, query)]
        if token := query.get("next_token"):
            generation, *position = map(int, token.split("_"))
            if generation != self.generation:
                html = {"html": "<title>Server Error (500)</title>"}
                of_404 = {"json": {"detail": "Invalid cursor"}}
                return httpx.Response(self.refusal, **(html if self.refusal == 500 else of_404))
            rows = [row for row in rows if key(row) > position]
        size = int(query.get("page_size", 10))
        link = None
        if len(rows) > size:
            cursor = "_".join(map(str, [self.generation, *key(rows[size - 1])]))
            link = f"http://elsewhere.test/api/v1/th1/?next_token={cursor}"
        fields = query["fields"].split(",") if "fields" in query else rows[0] if rows else ()
        results = [{name: row[name] for name in fields} for row in rows[:size]]
        return httpx.Response(200, json={"next": link, "previous": None, "results": results})


def key(row: dict[str, Any]) -> list[int]:
    return [row[name] for name in KEY]


def wanted(row: dict[str, Any], query: dict[str, str]) -> bool:
    for name in KEY:
        bounds = [query.get(name), query.get(f"{name}__gte"), query.get(f"{name}__lte")]
        exact, low, high = (None if one is None else int(one) for one in bounds)
        value = row[name]
        if exact not in (None, value) or (low is not None and value < low) or (high or value) < value:
            return False
    return True


def dicts(result: Any) -> list[dict[str, Any]]:
    return [row.dict() for row in result]


def undisturbed(filters: Any, **options: Any) -> list[dict[str, Any]]:
    return dicts(Changing().dials.h1d.list_all(filters, **options))


def started_again() -> Any:
    return pytest.warns(RuntimeWarning, match="does not accept the position .* it is started again")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "charge.dials"


# --- started again


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize(
    ("filters", "page"), [(DATASET, 2), (DATASET, 3), (ALL, 2), (ALL, 3), (ALL, 4), (ALL, 5)]
)
def test_with_a_checkpoint_it_starts_again_and_has_what_an_undisturbed_one_has(
    path: Path, refusal: int, filters: Any, page: int
) -> None:
    service = Changing(refusal)
    service.changes_before(page)
    with started_again():
        result = service.dials.h1d.list_all(filters, checkpoint=path)
    assert dicts(result) == dicts(load(path)) == undisturbed(filters)
    assert result.complete
    assert load(path).complete


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("way", ["result", "saved", "checkpoint", "file alone"])
def test_what_is_resumed_starts_again_where_its_position_is_refused(
    path: Path, refusal: int, way: str
) -> None:
    service = Changing(refusal)
    kept = path if way in ("checkpoint", "file alone") else None
    source: Any = service.dials.h1d.list_all(ALL, max_pages=2, checkpoint=kept)
    if way == "saved":
        source.save(path)
    source = source if way == "result" else path
    service.change()
    with started_again():
        result = service.dials.h1d.list_all(
            ALL, resume_from=source, checkpoint=path if way == "checkpoint" else None
        )
    assert dicts(result) == undisturbed(ALL)
    if way == "checkpoint":
        assert dicts(load(path)) == undisturbed(ALL)


def test_the_way_back_asks_for_keys_and_not_for_earlier_runs(path: Path) -> None:
    service = Changing()
    service.changes_before(3)
    with started_again():
        service.dials.h1d.list_all(DATASET, checkpoint=path)
    first, second, bounded, refused, way, *rest = service.asked_for
    assert bounded == {**refused, "run_number__gte": "101"}
    assert "next_token" in refused
    assert way["fields"] == ",".join(KEY)
    # Ten rows have come, the last of run 101: that run alone is gone through, and its first page has another row.
    assert all(one["run_number__gte"] == "101" and one["dataset_id"] == "14677060" for one in [way, *rest])
    assert not any("run_number__gte" in one for one in (first, refused))
    assert second["run_number__gte"] == "100"
    assert [("next_token" in one, "fields" in one) for one in [way, *rest]] == [
        (False, True),
        (False, False),
        (True, False),
    ]


def test_where_a_dataset_follows_all_runs_are_gone_through(path: Path) -> None:
    service = Changing()
    service.changes_before(4)
    with started_again():
        service.dials.h1d.list_all(ALL, checkpoint=path)
    assert not any("run_number__gte" in one for one in service.asked_for)


def test_a_bound_of_the_user_is_kept(path: Path) -> None:
    filters = LumisectionHistogram1DFilters(
        dataset_id=DATASETS[0], run_number__gte=100, run_number__lte=100, me_id=2, page_size=2
    )
    service = Changing()
    service.changes_before(2)
    with started_again():
        result = service.dials.h1d.list_all(filters, checkpoint=path)
    assert dicts(result) == undisturbed(filters)
    assert len(result) == 3


def test_pages_that_are_gone_through_again_do_not_count(path: Path) -> None:
    service = Changing()
    service.changes_before(3)
    with started_again():
        result = service.dials.h1d.list_all(ALL, max_pages=4, checkpoint=path)
    assert dicts(result) == undisturbed(ALL)[:20]
    assert not result.complete
    assert dicts(service.dials.h1d.list_all(ALL, checkpoint=path, resume_from=path)) == undisturbed(ALL)


def test_each_refusal_further_on_starts_it_again(path: Path) -> None:
    service = Changing()
    seen: list[int] = []

    def before(_: int) -> None:
        query = service.asked_for[-1]
        if (
            "next_token" in query
            and "fields" not in query
            and (reached := len(dicts(load(path)))) not in seen
        ):
            seen.append(reached)
            service.change()

    service.before = before
    with started_again():
        result = service.dials.h1d.list_all(ALL, checkpoint=path)
    assert dicts(result) == undisturbed(ALL)
    assert len(seen) > 2


def test_an_order_of_another_page_size_is_the_same(path: Path) -> None:
    service = Changing()
    service.dials.h1d.list_all(ALL, max_pages=3, checkpoint=path)
    service.change()
    larger = LumisectionHistogram1DFilters(page_size=7)
    with started_again():
        result = service.dials.h1d.list_all(larger, checkpoint=path, resume_from=path)
    assert dicts(result) == dicts(load(path)) == undisturbed(ALL)


def test_a_listing_that_had_no_row_yet_begins_again(path: Path) -> None:
    service = Changing()
    rows, service.rows = service.rows, []
    empty = httpx.Response(
        200,
        json={"next": "http://x/?next_token=0_1_1_1_1", "previous": None, "results": []},
    )
    service.before = lambda number: empty if number == 1 else None
    part = service.dials.h1d.list_all(ALL, max_pages=1)
    service.rows = rows
    service.change()
    with started_again():
        result = service.dials.h1d.list_all(ALL, resume_from=part)
    assert dicts(result) == undisturbed(ALL)


def test_what_follows_a_cursor_of_the_user_begins_there_again(path: Path) -> None:
    cursor = "0_14677060_101_1_1"
    filters = LumisectionHistogram1DFilters(page_size=5, next_token=cursor)
    service = Changing()
    whole = dicts(service.dials.h1d.list_all(filters))
    service = Changing()
    part = service.dials.h1d.list_all(filters, max_pages=2)
    part.next = "http://x/?next_token=9_1_1_1_1"
    with started_again():
        assert dicts(service.dials.h1d.list_all(filters, resume_from=part)) == whole


# --- rows that have come or gone at the service


@pytest.mark.parametrize("refusal", REFUSALS)
def test_rows_that_came_and_went_meanwhile(path: Path, refusal: int) -> None:
    service = Changing(refusal)
    service.dials.h1d.list_all(ALL, max_pages=2, checkpoint=path)
    last, following = service.rows[9], service.rows[10:]
    service.change()
    early, late = th1(9, run_number=99, me_id=7), th1(9, dataset_id=DATASETS[1], run_number=102, me_id=7)
    service.rows = [early, *service.rows[:5], *following, late]  # the last row that came is gone
    with started_again():
        result = service.dials.h1d.list_all(ALL, checkpoint=path, resume_from=path)
    keys = [key(row) for row in dicts(result)]
    assert keys[10:] == [*map(key, following), key(late)]
    assert key(last) in keys[:10]
    assert keys == sorted(keys)
    assert dicts(load(path)) == dicts(result)


def test_nothing_behind_the_last_row(path: Path) -> None:
    service = Changing()
    service.dials.h1d.list_all(ALL, max_pages=2, checkpoint=path)
    service.rows = service.rows[:10]
    service.change()
    with started_again():
        result = service.dials.h1d.list_all(ALL, checkpoint=path, resume_from=path)
    assert (len(result), result.complete, len(load(path)), load(path).complete) == (10, True, 10, True)


# --- and where it does not


@pytest.mark.parametrize("way", ["pages", "iterate", "list_all"])
@pytest.mark.parametrize(
    ("refusal", "kind", "old"),
    [(404, InvalidCursorError, NotFoundError), (500, CursorFailedError, ServerError)],
)
def test_without_a_file_the_error_says_what_to_do(
    way: str, refusal: int, kind: type[CursorRefusedError], old: type[Exception]
) -> None:
    service = Changing(refusal)
    service.changes_before(3)
    with pytest.raises(PaginationError) as caught:
        list(getattr(service.dials.h1d, way)(ALL))
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, CursorRefusedError)
    assert isinstance(error, old)
    assert f"HTTP {refusal}" in str(error)
    assert "position of this listing any more, after 10 rows" in str(error)
    assert "list_all with checkpoint= or resume_from= does so by itself" in str(error)
    assert (error.status_code, error.method) == (refusal, "GET")  # type: ignore[attr-defined]
    assert "next_token" in error.url


def test_a_page_that_failed_once_comes_when_it_is_asked_for_again() -> None:
    service = Changing()
    service.before = lambda number: httpx.Response(500) if number == 3 else None
    rows = service.dials.h1d.iterate(ALL)
    came: list[dict[str, Any]] = []

    def go() -> None:
        for row in rows:
            came.append(row.dict())  # those that come before an error are kept

    with pytest.raises(ServerError):
        go()
    go()
    assert came == undisturbed(ALL)


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("in_passing", [False, True])
def test_refused_twice_in_one_place_is_an_error(path: Path, refusal: int, in_passing: bool) -> None:
    """On the way back, or for the page behind it: it does not go round in circles."""
    service = Changing(refusal)

    def before(number: int) -> None:
        query = service.asked_for[-1]
        if number > 2 and "next_token" in query and ("fields" not in query or in_passing):
            service.change()

    service.before = before
    with (
        started_again(),
        pytest.raises(CursorRefusedError, match=r"started again, and .* once more, after 10 rows"),
    ):
        service.dials.h1d.list_all(ALL, checkpoint=path)
    assert len(service.asked) <= 8
    assert dicts(load(path)) == undisturbed(ALL)[:10]
    service.before = lambda _: None
    with started_again():
        result = service.dials.h1d.list_all(ALL, checkpoint=path, resume_from=path)
    assert dicts(result) == dicts(load(path)) == undisturbed(ALL)


@pytest.mark.parametrize(
    ("filters", "fails_at"), [*((DATASET, at) for at in range(5, 8)), *((ALL, at) for at in range(4, 10))]
)
def test_what_fails_while_it_starts_again_can_be_resumed(path: Path, filters: Any, fails_at: int) -> None:
    """Wherever it stops: the result does not say that it goes on with rows that it has, nor that it is at its end."""
    service = Changing()

    def before(number: int) -> httpx.Response | None:
        if number == 3:
            service.change()
        return httpx.Response(400) if number == fails_at else None

    service.before = before
    with started_again(), pytest.warns(RuntimeWarning, match="stopped by BadRequestError"):
        part = service.dials.h1d.list_all(filters, checkpoint=path, keep_failed=True)
    assert part.exc_type == BadRequestError.__name__
    whole = undisturbed(filters)
    assert dicts(part) == dicts(load(path)) == whole[: len(part)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert dicts(service.dials.h1d.list_all(filters, resume_from=part)) == whole
        assert dicts(service.dials.h1d.list_all(filters, resume_from=path, checkpoint=path)) == whole
    assert dicts(load(path)) == whole


@pytest.mark.parametrize(
    ("filters", "options", "said"),
    [
        (
            LumisectionHistogram1DFilters(page_size=5, order_by="dataset_id"),
            {},
            "with order_by= rows do not come",
        ),
        (ALL, {"fields": ["entries", "run_number"]}, "its rows lack their keys"),
    ],
)
def test_what_cannot_be_started_again_says_so(path: Path, filters: Any, options: Any, said: str) -> None:
    service = Changing()
    service.changes_before(3)
    with pytest.raises(CursorRefusedError, match=f"after 10 rows. It cannot be resumed, because {said}"):
        service.dials.h1d.list_all(filters, checkpoint=path, **options)
    assert len(service.asked) == 3
    assert len(load(path)) == 10


def test_rows_that_a_script_has_sorted_are_not_continued() -> None:
    service = Changing()
    part = service.dials.h1d.list_all(ALL, max_pages=2)
    part.results.reverse()
    service.change()
    with pytest.raises(CursorRefusedError, match="not in the order of their keys"):
        service.dials.h1d.list_all(ALL, resume_from=part)


def test_a_cursor_of_the_user_is_not_a_position_of_the_listing(path: Path) -> None:
    filters = LumisectionHistogram1DFilters(next_token="9_1_1_1_1")
    service = Changing()
    with pytest.raises(InvalidCursorError, match="damaged or of another query"):
        service.dials.h1d.list_all(filters, checkpoint=path)
    service.refusal = 500
    with pytest.raises(ServerError) as caught:
        service.dials.h1d.list_all(filters, checkpoint=path)
    assert type(caught.value) is ServerError


def test_a_failure_that_is_not_of_the_cursor_is_not_taken_for_one(path: Path) -> None:
    for status, headers in ((503, {}), (400, {}), (500, {"Retry-After": "86400"})):
        service = Changing()
        failed = httpx.Response(status, headers=headers)
        service.before = lambda number, failed=failed: failed if number == 3 else None  # type: ignore[misc]
        path.unlink(missing_ok=True)
        with pytest.raises(Exception, match=str(status)) as caught:
            service.dials.h1d.list_all(ALL, checkpoint=path, retries=0)
        assert not isinstance(caught.value, CursorRefusedError)


def test_retries_come_first(path: Path) -> None:
    service = Changing()
    service.before = lambda number: httpx.Response(500) if number == 3 else None
    retries = Retry(total=2, backoff_factor=0, status_forcelist=[500])
    assert dicts(service.dials.h1d.list_all(ALL, checkpoint=path, retries=retries)) == undisturbed(ALL)
    assert len(service.asked) == 6


# --- in parts


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("concurrency", [2, 3])
def test_in_parts_it_is_started_again_too(refusal: int, concurrency: int) -> None:
    """Without a file, because parts take up their work at cursors more often than pages that follow each other."""
    service = Changing(refusal)
    refused: list[str] = []

    def before(_: int) -> None:
        if "next_token" in service.asked_for[-1] and not refused:
            refused.append(service.asked_for[-1]["next_token"])
            service.change()

    service.before = before
    filters = LumisectionHistogram1DFilters(page_size=1)
    with started_again():
        result = service.dials.h1d.list_all(filters, concurrency=concurrency)
    assert dicts(result) == undisturbed(ALL)
    assert refused
    assert not any("after." in one.get("next_token", "") for one in service.asked_for)


def test_in_parts_a_position_that_is_refused_again_is_an_error_and_can_be_resumed(path: Path) -> None:
    service = Changing()
    service.before = lambda _: service.change() if "next_token" in service.asked_for[-1] else None
    filters = LumisectionHistogram1DFilters(page_size=1)
    with (
        started_again(),
        pytest.raises(CursorRefusedError, match=r"refuses its position once more, after \d+ rows"),
    ):
        service.dials.h1d.list_all(filters, concurrency=2, checkpoint=path)
    service.before = lambda _: None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = service.dials.h1d.list_all(filters, concurrency=2, checkpoint=path, resume_from=path)
    assert dicts(result) == dicts(load(path)) == undisturbed(ALL)


def test_what_was_begun_page_by_page_starts_again_page_by_page(path: Path) -> None:
    service = Changing()
    service.dials.h1d.list_all(ALL, max_pages=2, checkpoint=path)
    service.change()
    with started_again():
        result = service.dials.h1d.list_all(
            ALL, checkpoint=path, resume_from=path, concurrency=3, max_pages=9
        )
    assert dicts(result) == dicts(load(path)) == undisturbed(ALL)
    assert all(one.url.path.endswith("/th1/") for one in service.asked)


# --- the sandbox


LISTS = [
    ("dataset_index", DatasetIndexFilters(page_size=1)),
    ("file_index", FileIndexFilters(page_size=2)),
    ("run", RunFilters(page_size=7)),
    ("run", RunFilters(page_size=7, dataset_id=14677060)),
    ("lumi", LumisectionFilters(page_size=30, run_number__gte=367112, run_number__lte=367131)),
    ("h1d", LumisectionHistogram1DFilters(page_size=20, dataset_id=14677060, run_number=367112, me_id=2)),
    ("h2d", LumisectionHistogram2DFilters(page_size=20, run_number=367112, me_id=100)),
]
OF_MODELS = [
    ("ml_models_index", MLModelsIndexFilters(page_size=1)),
    ("ml_bad_lumis", MLBadLumisectionFilters(page_size=10, run_number=385764)),
]
# Garbage, and the cursor of another list.
CURSORS = [("eyJ4IjoxfQ", None), ("", "dataset_index")]


def check_resumed(dials: Dials, name: str, filters: Any, garbage: str, other: str | None) -> None:
    resource = getattr(dials, name)
    whole = resource.list_all(filters)
    part = resource.list_all(filters, max_pages=1)
    assert part.next is not None
    assert len(part) < len(whole)
    cursor = garbage
    if other is not None:
        link = getattr(dials, other).list_all(DatasetIndexFilters(page_size=1), max_pages=1).next
        cursor = httpx.URL(link).params["next_token"]
    part.next = f"{dials.run.base_url}?next_token={quote(cursor)}"
    with started_again():
        again = resource.list_all(filters, resume_from=part)
    assert dicts(again) == dicts(whole)
    assert again.complete


@pytest.mark.parametrize(
    ("name", "filters", "garbage", "other"),
    [
        pytest.param(*one, *cursor, id=f"{one[0]}-{cursor[1] or 'garbage'}")
        for one in LISTS
        for cursor in CURSORS
        if one[0] != cursor[1]  # which would be its own
    ],
)
def test_in_the_sandbox(now: Dials, name: str, filters: Any, garbage: str, other: str | None) -> None:
    check_resumed(now, name, filters, garbage, other)


@pytest.mark.parametrize(("name", "filters"), OF_MODELS)
def test_models_and_verdicts_in_the_sandbox(jetmet: Dials, name: str, filters: Any) -> None:
    check_resumed(jetmet, name, filters, "eyJ4IjoxfQ", None)
