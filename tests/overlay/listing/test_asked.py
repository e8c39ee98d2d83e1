"""Rows that were not asked for are an error, on every way to them; rows that were asked for never are."""

import json
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmsdials import filters
from cmsdials.errors import CheckpointError, PaginationError, SchemaError
from cmsdials.expressions import refusal_of, search_of
from cmsdials.filters import LumisectionFilters, LumisectionHistogram1DFilters, RunFilters
from cmsdials.listing.asked import Wanted
from cmsdials.models import Run
from cmsdials.result import load
from cmsdials.table.rows import RowStore
from cmsdials_api.resources import RESOURCES

from tests.overlay.conftest import Scripted, run_row
from tests.overlay.histogram_rows import th1, th2
from tests.overlay.resources.lumisections import ROWS as ROWS_OF_LUMISECTIONS
from tests.overlay.resources.lumisections import dicts, serving

PAGING = {"next_token", "page_size", "fields", "order_by"}

DATASET, TIME = "/Z/R-v1/DQMIO", "2024-01-01T00:00:00Z"
ROWS: dict[str, dict[str, Any]] = {
    "dataset_index": {
        "dataset_id": 14677060,
        "dataset": DATASET,
        "era": "R",
        "data_tier": "DQMIO",
        "primary_ds_name": "Z",
        "processed_ds_name": "R-v1",
        "processing_version": 1,
        "last_modification_date": TIME,
    },
    "file_index": {
        "dataset_id": 14677060,
        "dataset": DATASET,
        "file_id": 3393809397,
        "file_size": 1000,
        "creation_date": TIME,
        "last_modification_date": TIME,
        "logical_file_name": "/store/a.root",
        "status": "FINISHED",
        "err_trace": None,
    },
    "mes": {"me_id": 1, "me": "P/charge", "count": 7, "dim": 1},
    "run": run_row(367112, dataset=DATASET),
    "lumi": {
        "dataset_id": 14677060,
        "dataset": DATASET,
        "run_number": 367112,
        "ls_number": 1,
        "th1_count": 1,
        "th2_count": 1,
    },
    "h1d": th1(1),
    "h2d": th2(1),
    "ml_models_index": {"model_id": 1, "filename": "a.onnx", "target_me": "P/charge", "active": True},
    "ml_bad_lumis": {
        "model_id": 1,
        "dataset_id": 14677060,
        "file_id": 3393809397,
        "run_number": 367112,
        "ls_number": 1,
        "me_id": 1,
        "mse": 0.5,
    },
}
MODEL_OF_TODAY = {
    "id": 1,
    "name": "a",
    "revision": 1,
    "ready": True,
    "active": True,
    "type": "onnx",
    "anomaly_threshold": None,
    "builtin_threshold": False,
    "description": "",
    "flagging_key": None,
    "input_signature": [],
    "metric_key": None,
    "output_signature": [],
    "tags": [],
    "isvc_service_name": None,
    "isvc_yaml": None,
    "created_by": "a",
    "modified_by": "a",
    "created_at": TIME,
    "modified_at": TIME,
}

WRONG: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("run", {"run_number": 367113}, {"run_number": 367112}),
    ("run", {"run_number__gte": 367113}, {"run_number": 367112}),
    ("run", {"run_number__lte": 367111}, {"run_number": 367112}),
    ("run", {"dataset_id": 1}, {"dataset_id": 14677060}),
    ("run", {"dataset_id__in": [1, 2, 2**70]}, {"dataset_id": 14677060}),
    ("run", {"run_number": 2**64}, {"run_number": 367112}),
    ("run", {"dataset": "/z/r-v1/dqmio"}, {"dataset": DATASET}),
    ("run", {"dataset__regex": "R-v[2-9]"}, {"dataset": DATASET}),
    ("run", {"dataset__regex": "^Z"}, {"dataset": DATASET}),
    ("run", {"dataset": "/Z/R"}, {"dataset": "/Z/R\u202e"}),
    ("lumi", {"ls_number": 2}, {"ls_number": 1}),
    ("lumi", {"ls_number__gte": 2}, {"ls_number": 1}),
    ("lumi", {"ls_number__lte": 0}, {"ls_number": 1}),
    ("h1d", {"me_id": 2}, {"me_id": 1}),
    ("h1d", {"file_id": 2}, {"file_id": 3393809397}),
    ("h1d", {"entries__gte": 2}, {"entries": 1}),
    ("h1d", {"me": "P/charge_"}, {"me": "P/charge"}),
    ("h1d", {"me__regex": "(?i)p/CHARG(es|ing)"}, {"me": "P/charge"}),
    ("h1d", {"dataset__regex": "v2|v3"}, {"dataset": DATASET}),
    ("h2d", {"me_id": 2}, {"me_id": 1}),
    ("h2d", {"ls_number__lte": 0}, {"ls_number": 1}),
    ("file_index", {"status": "PENDING"}, {"status": "FINISHED"}),
    ("file_index", {"min_size": 1001}, {"file_size": 1000}),
    ("file_index", {"logical_file_name": "/store/b.root"}, {"logical_file_name": "/store/a.root"}),
    ("file_index", {"logical_file_name__regex": r"b\.root$"}, {"logical_file_name": "/store/a.root"}),
    ("dataset_index", {"dataset": "/A/B/C"}, {"dataset": DATASET}),
    ("mes", {"me": "Q"}, {"me": "P/charge"}),
    ("mes", {"me__regex": "Q+"}, {"me": "P/charge"}),
    ("mes", {"dim": 2}, {"dim": 1}),
    ("ml_models_index", {"model_id": 2}, {"model_id": 1}),
    ("ml_models_index", {"id__in": [2, 3]}, {"model_id": 1}),
    ("ml_models_index", {"active": False}, {"active": True}),
    ("ml_models_index", {"filename": "b.onnx"}, {"filename": "a.onnx"}),
    ("ml_models_index", {"target_me__regex": "^charge"}, {"target_me": "P/charge"}),
    ("ml_models_index", {"id": 2}, MODEL_OF_TODAY),
    ("ml_models_index", {"model_id__in": [2]}, MODEL_OF_TODAY),
    ("ml_models_index", {"ready": False}, MODEL_OF_TODAY),
    ("ml_models_index", {"type": "torch"}, MODEL_OF_TODAY),
    ("ml_models_index", {"name__regex": "b"}, MODEL_OF_TODAY),
    ("ml_bad_lumis", {"model_id": 2}, {"model_id": 1}),
    ("ml_bad_lumis", {"run_number__in": [1, 2]}, {"run_number": 367112}),
    ("ml_bad_lumis", {"me_id": 2}, {"me_id": 1}),
    ("ml_bad_lumis", {"ls_number": 2}, {"ls_number": 1}),
]


def filters_of(name: str, asked: dict[str, Any]) -> Any:
    return getattr(filters, RESOURCES[name].filters.__name__)(**asked)


def answer(name: str, *rows: Any, next: str | None = None) -> Any:
    link = None if next is None else f"http://x/?next_token={next}"
    return [*rows] if name == "mes" else {"next": link, "previous": None, "results": [*rows]}


def row_of(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    return changes if changes is MODEL_OF_TODAY else ROWS[name] | changes


@pytest.mark.parametrize(("name", "asked", "came"), WRONG)
def test_a_row_that_a_filter_excludes(
    service: Scripted, name: str, asked: dict[str, Any], came: dict[str, Any]
) -> None:
    resource, wanted = getattr(service.dials, name), filters_of(name, asked)
    service.will_answer(answer(name, row_of(name, came)))
    with pytest.raises(SchemaError) as caught:
        resource.list(wanted)
    ((parameter, value),) = asked.items()
    field = caught.value.field
    shown = f"field {field!r} is {row_of(name, came)[field]!r}, and {parameter}={value!r} was asked for"
    assert shown in str(caught.value) or parameter in ("model_id", "id", "model_id__in", "id__in")
    assert "the service has ignored this filter. None of this answer was used" in str(caught.value)
    assert "report this message to the DIALS developers" in str(caught.value)
    assert (caught.value.resource, caught.value.row, caught.value.attempts) == (name, 0, 1)


@pytest.mark.parametrize(("name", "asked", "came"), WRONG)
def test_what_is_missing_from_rows_excludes_none(
    service: Scripted, name: str, asked: dict[str, Any], came: dict[str, Any]
) -> None:
    row = row_of(name, came)
    few = [next(iter({*row} - {next(iter(asked)).split("__")[0], *came}), "created_at")]
    if not RESOURCES[name].paginated:
        few = ["count"]
    service.will_answer(answer(name, {one: row[one] for one in few}))
    assert len(getattr(service.dials, name).list(filters_of(name, asked), fields=few)) == 1


def test_the_filters_that_rows_are_not_held_against() -> None:
    """A filter that is new in the contract is held against rows as its name says, or belongs here with a reason."""
    samples = {"integer": 1, "integers": [1], "string": "a", "strings": ["a"], "boolean": True}
    unheld = {
        f"{name}.{parameter}"
        for name, table in RESOURCES.items()
        for parameter, kind in table.filters.PARAMETERS.items()
        if parameter not in PAGING and not Wanted(table.record, {parameter: samples[kind]}).names
    }
    in_another_table = {
        *(f"h{n}d.logical_file_name{one}" for n in (1, 2) for one in ("", "__regex")),
        *(f"ml_bad_lumis.{one}" for one in ("dataset", "dataset__regex", "me", "me__regex")),
    }
    inside_of_objects = {
        f"ml_models_index.{one}"
        for one in (
            "input_signature_contains_me",
            "input_signature_contains_me__regex",
            "tag_name",
            "tag_value",
        )
    }
    assert unheld == in_another_table | inside_of_objects


@pytest.mark.parametrize(
    ("asked", "came"),
    [
        ({"dataset": f" {DATASET}\t"}, {"dataset": DATASET}),
        ({"dataset": DATASET}, {"dataset": f"{DATASET} "}),
        ({"dataset__regex": "DQMIO "}, {"dataset": DATASET}),
        ({"dataset__regex": r"\yDQMIO"}, {"dataset": "/A"}),
        ({"dataset__regex": "[[:digit:]]"}, {"dataset": "/A"}),
        ({"dataset__regex": "***=a|b"}, {"dataset": "a|b"}),
        ({"dataset__regex": "(a|b)+c"}, {"dataset": "/A"}),
        ({"dataset__regex": r"(a)\1"}, {"dataset": "/A"}),
        ({"dataset__regex": "é"}, {"dataset": "/A"}),
        ({"dataset__regex": "b"}, {"dataset": "/Ä"}),
        ({"dataset__regex": "b$"}, {"dataset": "a\nb\nc"}),
        ({"dataset__regex": "b"}, {"dataset": "a" * 10_000}),
        ({"run_number": 367112.0}, {"run_number": 367112.0}),
        ({"run_number": "367112"}, {}),
        ({"run_number__gte": -1, "run_number__lte": 2**80}, {}),
        ({"dataset_id__in": f"1,,{14677060},"}, {}),
        ({"dataset_id__in": {14677060, 2**70}}, {}),
        ({"run_number": 2**70}, {"run_number": 2**70}),
        ({"run_number__gte": 2**69}, {"run_number": 2**70}),
    ],
)
def test_a_true_row_is_no_error(service: Scripted, asked: dict[str, Any], came: dict[str, Any]) -> None:
    service.will_answer(answer("run", ROWS["run"] | came))
    assert len(service.dials.run.list(RunFilters(**asked))) == 1


def test_the_misspelt_filter_is_held_too(service: Scripted) -> None:
    with pytest.warns(DeprecationWarning, match="misspelling"):
        misspelt = LumisectionHistogram1DFilters(ls_numbet__lte=1)
    service.will_answer(answer("h1d", th1(1), th1(2)))
    with pytest.raises(
        SchemaError, match="h1d, row 1: field 'ls_number' is 2, and ls_number__lte=1 was asked"
    ):
        service.dials.h1d.list_all(misspelt)


# --- every way to rows

RUN = RunFilters(run_number=367112)


def ways(service: Scripted, tmp_path: Path) -> dict[str, Any]:
    run = service.dials.run
    return {
        "list": lambda: run.list(RUN),
        "list_all": lambda: run.list_all(RUN),
        "checkpoint": lambda: run.list_all(RUN, checkpoint=tmp_path / "runs"),
        "max_pages": lambda: run.list_all(RUN, 1),
        "pages": lambda: next(run.pages(RUN)),
        "iterate": lambda: next(run.iterate(RUN)),
        "to_pandas": lambda: run.to_pandas(RUN),
        "to_arrow": lambda: run.to_arrow(RUN),
        "to_polars": lambda: run.to_polars(RUN),
        "to_numpy": lambda: run.to_numpy(RUN),
        "order_by": lambda: run.list_all(RunFilters(run_number=367112, order_by="-ls_count")),
    }


@pytest.mark.parametrize("way", ways(Scripted(), Path()))
def test_the_rows_of_another_run_are_never_handed_on(service: Scripted, tmp_path: Path, way: str) -> None:
    service.will_answer(answer("run", run_row(111), run_row(222)))
    with pytest.raises(SchemaError, match="field 'run_number' is 111, and run_number=367112 was asked for"):
        ways(service, tmp_path)[way]()
    assert len(service.asked) == 1
    if way == "checkpoint":
        assert len(load(tmp_path / "runs")) == 0


def test_what_came_before_is_kept(service: Scripted, tmp_path: Path) -> None:
    dataset = {"dataset_id": 14677060}
    service.will_answer(
        answer("run", run_row(1), run_row(2), next="a"), answer("run", run_row(3, dataset_id=5))
    )
    path = tmp_path / "runs"
    with pytest.warns(RuntimeWarning, match="2 rows of run: stopped by SchemaError"):
        kept = service.dials.run.list_all(RunFilters(**dataset), keep_failed=True, checkpoint=path)
    assert [row.run_number for row in kept] == [1, 2]
    assert (kept.complete, kept.exc_type) == (False, "SchemaError")
    assert load(path).results == kept.results
    service.will_answer(answer("run", run_row(3)))
    whole = service.dials.run.list_all(RunFilters(**dataset), resume_from=path, checkpoint=path)
    assert [row.run_number for row in whole] == [1, 2, 3]
    assert whole.complete


def test_pages_can_ask_again(service: Scripted) -> None:
    service.will_answer(answer("run", run_row(111)), answer("run", run_row(367112)))
    pages = service.dials.run.pages(RUN)
    with pytest.raises(SchemaError):
        next(pages)
    assert [row.run_number for row in next(pages).rows] == [367112]


def test_coverage_is_of_the_lumisections_of_the_result(service: Scripted) -> None:
    service.will_answer(answer("h1d", th1(1)))
    result = service.dials.h1d.list_all(LumisectionHistogram1DFilters(run_number=367112))
    keys = {"dataset_id": 14677060, "run_number": 5, "ls_number": 1}
    service.will_answer(answer("lumi", keys))
    with pytest.raises(SchemaError, match="lumi, row 0: field 'run_number' is 5, and run_number=367112 was"):
        service.dials.h1d.coverage(result)


def test_parts_that_a_service_ignores(session_type: Any) -> None:
    """The bounds of a part are ours; a service that ignores them sends rows that another part has."""
    first = json.dumps(answer("lumi", *ROWS_OF_LUMISECTIONS[:100])).encode()

    def then(number: int) -> httpx.Response | None:
        return None if number < 3 else httpx.Response(200, content=first)

    with serving(session_type) as service:
        service.splits(then)
        filters = LumisectionFilters(page_size=100)
        with pytest.warns(RuntimeWarning, match="stopped by (Schema|Pagination)Error"):
            kept = service.lumi.list_all(filters, concurrency=3, keep_failed=True)
    assert dicts(kept) == ROWS_OF_LUMISECTIONS[: len(kept)]
    assert 100 <= len(kept) < len(ROWS_OF_LUMISECTIONS)
    assert not kept.complete


# --- single rows


@pytest.mark.parametrize(
    ("name", "keys", "came", "field"),
    [
        ("run", {"dataset_id": 14677060, "run_number": 2}, {}, "run_number"),
        ("run", {"dataset_id": 1, "run_number": 367112}, {}, "dataset_id"),
        ("lumi", {"dataset_id": 14677060, "run_number": 367112, "ls_number": 2}, {}, "ls_number"),
        ("dataset_index", {"dataset_id": 2}, {}, "dataset_id"),
        ("file_index", {"dataset_id": 14677060, "file_id": 2}, {}, "file_id"),
        ("mes", {"id": 2}, {}, "me_id"),
        ("h1d", {"dataset_id": 14677060, "run_number": 367112, "ls_number": 1, "me_id": 2}, {}, "me_id"),
        ("h2d", {"dataset_id": 14677060, "run_number": 1, "ls_number": 1, "me_id": 1}, {}, "run_number"),
        ("ml_models_index", {"model_id": 2}, {}, "model_id"),
        ("ml_models_index", {"model_id": 2}, MODEL_OF_TODAY, "id"),
        (
            "ml_bad_lumis",
            {"model_id": 2, "dataset_id": 14677060, "run_number": 367112, "ls_number": 1},
            {},
            "model_id",
        ),
        (
            "ml_bad_lumis",
            {"model_id": 1, "dataset_id": 14677060, "run_number": 367112, "ls_number": 1, "me_id": 2},
            {},
            "me_id",
        ),
    ],
)
def test_get_of_another_row(
    service: Scripted, name: str, keys: dict[str, int], came: dict[str, Any], field: str
) -> None:
    row = row_of(name, came)
    service.will_answer(row)
    with pytest.raises(SchemaError) as caught:
        getattr(service.dials, name).get(**keys)
    asked = {**keys, {"mes": "me_id", "ml_models_index": "id"}.get(name, ""): next(iter(keys.values()))}
    message = f"{name}: field {field!r} is {row[field]}, and {field}={asked[field]} was asked for: the service has sent"
    assert message in str(caught.value)
    service.will_answer(row)
    right = {key: row.get(key, row.get("me_id") if name == "mes" else row.get("id")) for key in keys}
    found = getattr(service.dials, name).get(**right)
    assert getattr(found, field) == row[field]


def test_a_verdict_found_by_its_list(service: Scripted) -> None:
    """v1.12 has no path without me_id: the list is asked, and may answer another question."""
    keys = {"model_id": 1, "dataset_id": 14677060, "run_number": 367112, "ls_number": 1}
    no_path = httpx.Response(404, text="<html>", headers={"Content-Type": "text/html"})
    service.will_answer(no_path, answer("ml_bad_lumis", ROWS["ml_bad_lumis"] | {"run_number": 5}))
    with pytest.raises(SchemaError, match="field 'run_number' is 5, and run_number=367112 was asked for"):
        service.dials.ml_bad_lumis.get(**keys)


# --- pages


@pytest.mark.parametrize(("size", "rows"), [(2, 3), (1, 2), (500, 501), (None, 501), (700, 701)])
@pytest.mark.parametrize("way", ["list", "list_all", "pages"])
def test_a_page_larger_than_asked(service: Scripted, size: int | None, rows: int, way: str) -> None:
    most = min(500, size or 500) if way != "list" else size or 500
    service.will_answer(answer("run", *(run_row(number) for number in range(rows))))
    call = getattr(service.dials.run, way)
    with pytest.raises(PaginationError, match=rf"has {rows} rows, and .*\b{most}\b.*has ignored its size"):
        [*call(RunFilters(page_size=size))]


@pytest.mark.parametrize("rows", [0, 1, 100, 500])
def test_a_smaller_page_is_none(service: Scripted, rows: int) -> None:
    """A server may cap pages below what is asked for; without page_size it says how many there are."""
    service.will_page([run_row(number) for number in range(1000)], max(rows, 100))
    assert len(service.dials.run.list_all(RunFilters(page_size=500))) == 1000
    service.will_answer(answer("run", *(run_row(number) for number in range(rows))))
    assert len(service.dials.run.list()) == rows


@pytest.mark.parametrize("way", ["list", "list_all", "pages", "iterate"])
def test_a_page_that_does_not_say_whether_it_is_the_last(service: Scripted, way: str) -> None:
    for name, row in (("run", run_row(1)), ("h1d", th1(1)), ("run", None)):
        service.will_answer({"previous": None, "results": [] if row is None else [row]})
        with pytest.raises(SchemaError, match=f"{name}: field 'next' is missing"):
            [*getattr(getattr(service.dials, name), way)()]


KEYS_ARE_KNOWN = LumisectionHistogram1DFilters(dataset_id=14677060, run_number=367112, me_id=1, page_size=2)


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ([1, 2], "row 0 of page 2 is not behind the one before it"),
        ([2, 3], "row 0 of page 2 comes twice"),
        ([4, 3], "row 1 of page 2 is not behind"),
        ([3, 3], "row 1 of page 2 comes twice"),
    ],
)
@pytest.mark.parametrize("fields", [None, ["ls_number", "entries"], ["ls_number"]])
def test_rows_that_go_backwards_under_fresh_cursors(
    service: Scripted, second: list[int], problem: str, fields: list[str] | None
) -> None:
    """Also where the rest of the key is not in the rows, but chosen by the filters."""
    for number, page in enumerate(([1, 2], second)):
        rows = [{name: th1(ls)[name] for name in fields or th1()} for ls in page]
        service.will_answer(answer("h1d", *rows, next=f"fresh{number}"))
    with pytest.raises(
        PaginationError, match=f"{problem}.*: the service has not kept to the order of its rows"
    ):
        service.dials.h1d.list_all(KEYS_ARE_KNOWN, fields=fields)
    assert len(service.asked) == 2


def test_one_key_has_one_row(service: Scripted) -> None:
    filters = LumisectionHistogram1DFilters(dataset_id=14677060, run_number=367112, ls_number=1, me_id=1)
    for fields in (None, ["entries"]):
        row = {name: th1(1)[name] for name in fields or th1()}
        service.will_answer(answer("h1d", row, row | {"entries": 7}))
        with pytest.raises(PaginationError, match="row 1 of page 1 comes twice"):
            service.dials.h1d.list(filters, fields=fields)


def test_without_the_key_rows_may_be_equal(service: Scripted) -> None:
    rows = [{"ls_number": number} for number in (1, 1, 2)]
    service.will_answer(answer("h1d", *rows))
    filters = LumisectionHistogram1DFilters(dataset_id=14677060, run_number=367112)
    assert len(service.dials.h1d.list_all(filters, fields=["ls_number"])) == 3
    service.will_answer(answer("h1d", *reversed(rows)))
    with pytest.raises(PaginationError, match="not behind"):
        service.dials.h1d.list_all(filters, fields=["ls_number"])


def test_monitoring_elements_come_once(service: Scripted) -> None:
    elements = [ROWS["mes"] | {"me_id": number} for number in (3, 1, 2, 1)]
    some = [{"dim": 1, "me_id": 1}, {"dim": 1}, {"dim": 1}]
    service.will_answer(elements[:3], elements, elements, [{"dim": 1}, {"dim": 1}], some)
    assert len(service.dials.mes.list()) == 3
    with pytest.raises(SchemaError, match="mes, row 3: field 'me_id' is 1 as in a row before it"):
        service.dials.mes.list()
    with pytest.raises(SchemaError, match="me_id"):
        service.dials.mes.list_run(1, 2)
    assert len(service.dials.mes.list(fields=["dim"])) == 2
    assert len(service.dials.mes.list(fields=["dim"])) == 3


# --- files


@pytest.mark.parametrize("keeps", [False, True])
def test_a_file_with_rows_of_another_listing(service: Scripted, tmp_path: Path, keeps: bool) -> None:
    path = tmp_path / "runs"
    service.will_page([run_row(number) for number in range(4)], 2)
    filters = RunFilters(dataset_id=14677060, page_size=2)
    part = service.dials.run.list_all(filters, 1)
    part.results[1].dataset_id = 5
    part.save(path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        service.dials.run.list_all(filters, resume_from=path, checkpoint=path if keeps else None)
    assert f"{path} is of a listing with dataset_id=14677060, and its row 1 has dataset_id=5" in str(
        caught.value
    )
    assert "Start the listing again in another file" in str(caught.value)
    assert path.read_bytes() == before
    assert len(service.asked) == 1
    assert [row.dataset_id for row in load(path)] == [14677060, 5]  # which its owner has changed


@pytest.mark.parametrize(
    "query",
    [
        {"run_number": "x"},
        {"run_number": None},
        {"run_number": [1]},
        {"run_number__gte": {}},
        {"run_number__lte": "1"},
        {"dataset_id__in": 5},
        {"dataset_id__in": ["a", None]},
        {"dataset": 5},
        {"dataset__regex": ["a"]},
        {"dataset__regex": "("},
        {"dataset__gte": "a"},
        {"run_number__near": 1},
        {"__": 1, "": 2},
    ],
)
def test_a_query_that_no_client_wrote_excludes_nothing(query: dict[str, Any]) -> None:
    """The head of a file may hold any JSON."""
    wanted = Wanted(Run, query)
    assert wanted.names == []
    assert (
        wanted.unwanted(RowStore(Run, rows=[Run(dataset_id=1, dataset="/Z", run_number=2, ls_count=3)]))
        is None
    )


# --- regular expressions


CONSTRUCTS = json.loads((Path(__file__).parents[2] / "data" / "regex_dialect.json").read_text())["constructs"]
"""Patterns, and what a PostgreSQL and Python find with them."""


def test_a_name_that_postgresql_finds_is_never_excluded() -> None:
    searched = 0
    for one in CONSTRUCTS:
        if refusal_of(one["pattern"]) is None and (search := search_of(one["pattern"])) is not None:
            searched += 1
            excluded = [name for name in one["names"] if not search(name)]
            assert not {*excluded} & {*one["postgresql"]}, one["pattern"]
            plain = {name for name in one["names"] if name.isprintable() and name.isascii()}
            assert plain - {*excluded} == plain & {*one["postgresql"]}, one["pattern"]
    assert searched >= 60


@pytest.mark.parametrize(
    "pattern",
    [
        "PXBarrel",
        "charge_PXLayer_[1-4]",
        r"EEOT digi occupancy EE \+",
        "EEOT digi occupancy EE +",
        ".*2024B.*",
        "(?i)zerobias",
        "PXLayer_(1|2|30?)$",
        "^/ZeroBias/Run2024[B-D]-PromptReco-v[0-9]+/DQMIO$",
        "|".join(f"element_{number}" for number in range(100)),
    ],
)
def test_what_people_search_for_is_held(pattern: str) -> None:
    search = search_of(pattern)
    assert search is not None
    assert not search("something else")


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+!", "(a|a)*!", "(a|aa)(a|aa)(a|aa)(a|aa)(a|aa)(a|aa)(a|aa)!", "a?" * 30 + "a" * 30, ".*.*.*.*!"],
)
def test_no_search_takes_for_ever(pattern: str) -> None:
    """Python would go back and forth in these for hours, where a page has but one long name."""
    assert search_of(pattern) is None


@pytest.mark.parametrize("pattern", ["a--b", "[a&&b]", "[[a]", "[a||b]"])
def test_nothing_is_warned_of(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = search_of(pattern)
    assert search is None
