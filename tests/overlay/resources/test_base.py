"""get, list, list_all and count, against a service that answers from a script."""

import inspect
import pickle
import sys
from typing import Any

import httpx
import pytest
from cmsdials import Dials, models
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import (
    FilterError,
    GatewayError,
    MissingDependencyError,
    NotFoundError,
    PaginationError,
    SchemaError,
    UnknownFilterError,
)
from cmsdials.filters import (
    FileIndexFilters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    MEFilters,
    RunFilters,
)
from cmsdials.models import Run
from cmsdials.result import Result
from cmsdials_api.resources import RESOURCES
from urllib3.util import Retry

from tests.overlay.conftest import Scripted, run_row

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def run(service: Scripted) -> Any:
    return service.dials.run


def numbers(result: Result[Run]) -> list[int]:
    return [row.run_number for row in result.results]


def resources() -> list[Any]:
    dials = Dials(Credentials(token="s"))
    return [one for one in vars(dials).values() if getattr(one, "name", None) in RESOURCES]


# --- the typed lines and the generated table


def test_every_resource_of_the_table_is_an_attribute_of_dials() -> None:
    assert {one.name for one in resources()} == set(RESOURCES)


@pytest.mark.parametrize("resource", resources(), ids=lambda resource: resource.name)
def test_the_typed_lines_say_what_the_table_says(resource: Any) -> None:
    table = RESOURCES[resource.name]
    signature = inspect.signature(type(resource).get, eval_str=True)
    keys = [
        name
        for name, one in signature.parameters.items()
        if name not in ("self", "retries") and one.default is inspect.Parameter.empty
    ]
    assert keys == (["id"] if resource.name == "mes" else list(table.keys))
    assert hasattr(resource, "pages") is table.paginated
    assert hasattr(resource, "count") is (table.count is not None)
    bases = [base for base in _generic_bases(type(resource)) if len(base.__args__) == 2]
    record, filter_class = bases[0].__args__
    assert record is getattr(models, table.record.__name__)
    assert issubclass(record, table.record)
    assert issubclass(filter_class, table.filters)


def _generic_bases(kind: type) -> list[Any]:
    return [
        base
        for one in kind.__mro__
        for base in getattr(one, "__orig_bases__", ())
        if hasattr(base, "__args__")
    ]


# --- get


def test_get_asks_for_the_row_by_its_keys(service: Scripted, run: Any) -> None:
    service.will_answer(run_row(367112))
    row = run.get(dataset_id=14677060, run_number=367112)
    assert isinstance(row, Run)
    assert service.asked[0].url.path == "/api/v1/run/14677060/367112/"
    assert service.asked[0].headers["Workspace"] == "tracker"
    assert service.asked[0].headers["X-CLIENT-SECRET"] == "a-secret"


def test_get_of_what_is_not_there(service: Scripted, run: Any) -> None:
    service.will_answer({"detail": "No Run matches the given query."}, status=404)
    with pytest.raises(NotFoundError, match="No Run matches the given query"):
        run.get(1, 2)


def test_a_row_that_is_not_as_agreed_names_resource_and_field(service: Scripted, run: Any) -> None:
    service.will_answer({"dataset_id": 1, "dataset": "/Z", "run_number": "x", "ls_count": 3})
    with pytest.raises(SchemaError, match="run: field 'run_number' is 'x', not of type integer"):
        run.get(1, 2)


# --- list


def test_list_sends_the_filters_by_their_wire_names(service: Scripted, run: Any) -> None:
    service.will_page([run_row(1, dataset_id=2)], 10)
    run.list(RunFilters(run_number__gte=1, dataset_id__in=[1, 2], page_size=3))
    assert service.queries == [{"page_size": "3", "dataset_id__in": "1,2", "run_number__gte": "1"}]
    assert service.asked[0].url.raw_path.count(b"dataset_id__in") == 1


def test_list_without_filters_sends_none(service: Scripted, run: Any) -> None:
    service.will_page([run_row(1), run_row(2)], 1)
    result = run.list()
    assert service.queries == [{}]
    assert (len(result), result.next is not None, result.exc_type) == (1, True, None)


def test_fields_cut_the_rows(service: Scripted, run: Any) -> None:
    service.will_page([{"run_number": 1}], 10)
    result = run.list(fields=["run_number"])
    assert service.queries == [{"fields": "run_number"}]
    assert result.results[0].dict() == {"run_number": 1}
    assert list(result.to_pandas().columns) == ["run_number"]
    with pytest.raises(AttributeError, match="`fields` left it out"):
        _ = result.results[0].ls_count


def test_a_field_that_does_not_exist_is_refused(service: Scripted, run: Any) -> None:
    with pytest.raises(FilterError, match="run has no field 'runs'; it has dataset_id"):
        run.list(fields=["runs"])
    assert service.asked == []


def test_a_row_without_a_required_field_is_refused_unless_fields_were_asked(
    service: Scripted, run: Any
) -> None:
    service.will_page([run_row(1), {"run_number": 1}], 10)
    with pytest.raises(SchemaError, match="run, row 1: field 'dataset_id' is missing"):
        run.list(retries=0)


def test_a_field_of_the_future_is_kept_apart(service: Scripted, run: Any) -> None:
    service.will_page([run_row(1, colour="red")], 10)
    row = run.list().results[0]
    assert row.extra == {"colour": "red"}
    assert "colour" not in row.__dict__
    assert "colour" not in row.dict()


def test_filters_of_a_like_list_are_taken(service: Scripted) -> None:
    service.will_page([], 10)
    service.dials.h2d.list(LumisectionHistogram1DFilters(run_number=3))
    assert service.queries == [{"run_number": "3"}]


def test_filters_of_another_list_are_taken_if_it_takes_them_all(service: Scripted, run: Any) -> None:
    service.will_page([], 10)
    run.list(LumisectionFilters(run_number=3))
    with pytest.raises(UnknownFilterError, match="has no filter 'ls_number'"):
        run.list(LumisectionFilters(run_number=3, ls_number=4))
    assert len(service.asked) == 1


def test_a_dict_is_not_a_filter_object(run: Any) -> None:
    with pytest.raises(FilterError, match=r"filters must be RunFilters\(\.\.\.\), not dict"):
        run.list({"run_number": 1})


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"results": null}', '{"results": [1]}', '{"results": [], "next": 3}', "null"]
)
def test_an_answer_that_is_not_a_page_is_refused(service: Scripted, run: Any, body: str) -> None:
    service.will_answer(httpx.Response(200, text=body))
    with pytest.raises(SchemaError, match=r"^GET http://dials\.test/api/v1/run/: run"):
        run.list(retries=0)


def test_mes_come_as_a_plain_list(service: Scripted) -> None:
    mes = service.dials.mes
    me = {"me_id": 1, "me": "a/b", "count": 3, "dim": 1}
    service.will_answer([me], [me], me, [{"me_id": 1, "me": "a/b", "dim": 1}])
    assert [one.me for one in mes.list(MEFilters(dim=1))] == ["a/b"]
    assert mes.list_all(MEFilters(me__regex="b")) == mes_of(me)
    assert mes.get(id=1).me_id == 1
    assert mes.list_run(14677060, 367112)[0].me == "a/b"
    assert [request.url.path for request in service.asked] == [
        "/api/v1/mes/",
        "/api/v1/mes/",
        "/api/v1/mes/1/",
        "/api/v1/mes/14677060/367112/",
    ]


def mes_of(*rows: dict[str, Any]) -> list[Any]:
    from cmsdials.models import MonitoringElement

    return [MonitoringElement.from_dict(row) for row in rows]


# --- count


def test_count_leaves_out_what_says_how_rows_come(service: Scripted, run: Any) -> None:
    service.will_answer({"count": 7})
    assert (
        run.count(RunFilters(run_number__gte=3, page_size=500, fields=["run_number"], order_by="ls_count"))
        == 7
    )
    assert service.queries == [{"run_number__gte": "3"}]
    assert service.asked[0].url.path == "/api/v1/run/count/"


@pytest.mark.parametrize("body", [{}, {"count": "7"}, {"count": None}, [7], {"count": True}])
def test_a_count_that_is_not_one_is_refused(service: Scripted, run: Any, body: Any) -> None:
    service.will_answer(httpx.Response(200, json=body))
    with pytest.raises(SchemaError, match="count"):
        run.count(retries=0)


def test_files_are_counted_by_dataset_id(service: Scripted) -> None:
    service.will_answer({"count": 2})
    assert service.dials.file_index.count(FileIndexFilters(dataset_id=1)) == 2
    assert service.queries == [{"dataset_id": "1"}]


# --- list_all


def test_list_all_follows_cursors_and_never_the_host_of_the_link(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(7)], 3)
    result = run.list_all(RunFilters(page_size=3, dataset_id=14677060))
    assert numbers(result) == list(range(7))
    assert result.next is None
    assert {request.url.host for request in service.asked} == {"dials.test"}
    assert [query.get("next_token") for query in service.queries] == [None, "c3", "c6"]
    assert all(query["dataset_id"] == "14677060" for query in service.queries)


def test_list_all_takes_no_filters_at_all(service: Scripted, run: Any) -> None:
    service.will_page([run_row(1)], 10)
    assert numbers(run.list_all()) == [1]
    assert service.queries == [{"page_size": "500"}]


def test_max_pages_makes_no_extra_request_and_leaves_the_page_size(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(50)], 10)
    result = run.list_all(max_pages=2)
    assert (len(result), len(service.asked)) == (20, 2)
    assert "page_size" not in service.queries[0]
    assert result.next is not None


def test_list_all_begins_at_the_cursor_of_the_filters(service: Scripted, run: Any) -> None:
    service.will_page([run_row(1)], 10)
    run.list_all(RunFilters(next_token="c30"))
    assert service.queries[0]["next_token"] == "c30"


def test_a_failed_page_is_an_error(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[1] = httpx.Response(500, html="<h1>Server Error (500)</h1>")
    with pytest.raises(Exception, match="HTTP 500"):
        run.list_all(RunFilters(page_size=2))


def test_what_has_come_is_kept_on_request_and_can_be_gone_on_from(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    failing = httpx.Response(500, html="<h1>Server Error (500)</h1>")
    service.answers.insert(1, failing)
    with pytest.warns(
        RuntimeWarning,
        match="2 rows of run: stopped by CursorFailedError; pass this result as resume_from= to go on",
    ) as warned:
        partial = run.list_all(RunFilters(page_size=2), keep_failed=True)
    assert warned[0].filename == __file__
    assert numbers(partial) == [0, 1]
    assert partial.exc_type == "CursorFailedError"
    assert partial.exc_formatted is not None
    assert "HTTP 500" in partial.exc_formatted
    assert "a-secret" not in partial.exc_formatted
    whole = run.list_all(RunFilters(page_size=2), keep_failed=True, resume_from=partial)
    assert numbers(whole) == list(range(6))
    assert numbers(partial) == [0, 1]
    assert (whole.exc_type, whole.next) == (None, None)
    assert service.queries[2]["next_token"] == "c2"


def test_a_failure_at_the_first_page_can_be_gone_on_from_too(service: Scripted, run: Any) -> None:
    service.will_answer({"detail": "no"}, status=400)
    with pytest.warns(RuntimeWarning, match="0 rows of run: stopped by BadRequestError"):
        partial = run.list_all(keep_failed=True)
    service.will_page([run_row(1)], 10)
    assert numbers(run.list_all(resume_from=partial)) == [1]


def test_going_on_from_a_partial_result(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(40)], 10)
    first = run.list_all(max_pages=2)
    second = run.list_all(max_pages=1, resume_from=first)
    assert (len(first), len(second)) == (20, 30)
    assert numbers(second) == list(range(30))
    assert second.results is not first.results


def test_going_on_from_a_complete_result_warns_and_asks_nothing(service: Scripted, run: Any) -> None:
    service.will_page([run_row(1)], 10)
    complete = run.list_all()
    with pytest.warns(RuntimeWarning, match="nothing left to fetch"):
        again = run.list_all(resume_from=complete)
    assert numbers(again) == [1]
    assert again.results is not complete.results
    assert len(service.asked) == 1


def test_a_cursor_that_repeats_ends_in_an_error(service: Scripted, run: Any) -> None:
    looping = {"next": "http://x/?next_token=a", "previous": None, "results": [run_row(1)]}
    service.will_answer(looping, looping)
    with pytest.raises(PaginationError, match="never end"):
        run.list_all()


def test_a_gateway_timeout_shrinks_the_page_we_chose(service: Scripted, run: Any) -> None:
    service.will_answer(httpx.Response(504, html="<h1>504 Gateway Time-out</h1>"))
    service.will_page([run_row(n) for n in range(4)], 2)
    assert numbers(run.list_all(retries=0)) == list(range(4))
    assert [query["page_size"] for query in service.queries] == ["500", "250", "250"]


def test_a_gateway_timeout_shrinks_a_page_size_of_the_user_too(service: Scripted, run: Any) -> None:
    service.will_answer(httpx.Response(504, html="<h1>504 Gateway Time-out</h1>"))
    service.will_page([run_row(n) for n in range(4)], 2)
    assert numbers(run.list_all(RunFilters(page_size=400), retries=0)) == list(range(4))
    assert [query["page_size"] for query in service.queries] == ["400", "200", "200"]


def test_max_pages_are_the_same_rows_whatever_they_come_in(service: Scripted, run: Any) -> None:
    rows = [run_row(n) for n in range(9)]
    service.will_answer(httpx.Response(504, html="<h1>504 Gateway Time-out</h1>"))
    service.will_page(rows, 2)
    result = run.list_all(RunFilters(page_size=4), max_pages=2, retries=0)
    assert numbers(result) == list(range(8))
    assert [query["page_size"] for query in service.queries] == ["4", "2", "2", "2", "2"]
    assert not result.complete


def test_one_page_is_never_made_smaller(service: Scripted, run: Any) -> None:
    service.will_answer(httpx.Response(504, html="<h1>504 Gateway Time-out</h1>"))
    with pytest.raises(GatewayError):
        run.list(RunFilters(page_size=400), retries=0)
    assert len(service.asked) == 1


@pytest.mark.parametrize("retries", [2, Retry(total=2), Retry(total=2, backoff_factor=0.1)])
def test_retries_cover_each_page(service: Scripted, run: Any, retries: int | Retry) -> None:
    busy = httpx.Response(503, html="<h1>503</h1>")
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[1:1] = [busy, httpx.ReadError("cut")]
    assert numbers(run.list_all(RunFilters(page_size=2), retries=retries)) == list(range(4))
    assert len(service.asked) == 4


def test_a_progress_bar_is_shown_on_request(
    service: Scripted, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[1:1] = [httpx.Response(200, json={"count": 4})]
    run.list_all(RunFilters(dataset_id=14677060, page_size=2), enable_progress=True)
    shown = capsys.readouterr().err
    assert "0/4 " in shown, "the service has said how many there will be, before the last page"
    assert "4/4 " in shown
    assert " MB" in shown
    assert [one.url.path.endswith("/count/") for one in service.asked] == [False, True, False]
    assert service.queries[1] == {"dataset_id": "14677060"}
    service.asked.clear()
    service.will_page([run_row(n) for n in range(4)], 2)
    run.list_all()
    assert capsys.readouterr().err == ""


def test_a_bar_needs_no_number_of_all_rows(
    service: Scripted, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    service.answers[1:1] = [httpx.Response(400, json={"detail": "no"})]
    run.list_all(enable_progress=True)
    assert "4/4 " in capsys.readouterr().err


def test_a_bar_of_pages_counts_them_and_says_what_it_waits_for(
    service: Scripted, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    service.will_page([run_row(n) for n in range(6)], 2)
    service.answers[1:1] = [httpx.ReadError("cut"), httpx.Response(503, html="<h1>503</h1>")]
    run.list_all(RunFilters(page_size=2), max_pages=2, enable_progress=True)
    shown = capsys.readouterr().err
    assert "2/2 " in shown
    assert "HTTP 503, attempt 3 of 6, again in 1 s" in shown


# --- results


def test_a_result_is_what_scripts_touch(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n, ls_completeness=None) for n in range(3)], 2)
    result = run.list()
    assert len(result.results) == len(result) == 2
    assert [row.run_number for row in result] == [0, 1]
    assert result[1].run_number == 1
    assert result.dict()["results"][0] == {**run_row(0), "ls_completeness": None}
    assert list(result.dict()) == ["next", "previous", "results", "exc_type", "exc_formatted"]
    assert repr(result) == "<2 rows of Run, more to come>"
    assert result.results[0].__dict__["ls_count"] == 9
    assert pickle.loads(pickle.dumps(result)) == result
    assert bool(run.list(RunFilters(run_number=2)) if service.answers else result)


@pytest.mark.parametrize(
    ("rows", "max_pages", "said"),
    [
        ([1], None, "1 row of run: all there are"),
        ([], None, "0 rows of run: all there are"),
        ([1, 2, 3], 1, "2 rows of run: there are more; pass this result as resume_from= to go on"),
    ],
)
def test_a_result_says_how_far_it_got(
    service: Scripted, run: Any, rows: list[int], max_pages: int | None, said: str
) -> None:
    service.will_page([run_row(n) for n in rows], 2)
    result = run.list_all(max_pages=max_pages)
    assert (result.status, bool(result)) == (said, True)


def test_a_result_whose_first_page_is_empty_goes_on(service: Scripted, run: Any) -> None:
    service.will_answer({"next": "http://x/?next_token=a", "previous": None, "results": []})
    assert run.list_all(max_pages=1).status.startswith("0 rows of run: there are more")


def test_results_are_equal_however_their_rows_were_fetched(service: Scripted, run: Any) -> None:
    service.will_page([run_row(n) for n in range(5)], 2)
    in_three = run.list_all(RunFilters(page_size=2))
    service.will_page([run_row(n) for n in range(5)], 3)
    in_two = run.list_all(RunFilters(page_size=3))
    assert in_three.passed != in_two.passed
    assert in_three == in_two


@pytest.mark.parametrize("way", ["to_pandas", "to_arrow", "to_polars", "to_numpy"])
def test_shortcuts_list_all_and_convert(service: Scripted, run: Any, way: str) -> None:
    service.will_page([run_row(n) for n in range(4)], 2)
    made = getattr(run, way)(RunFilters(page_size=2), fields=["run_number"], retries=0)
    assert service.queries[0] == {"page_size": "2", "fields": "run_number"}
    assert list(made["run_number"].to_pylist() if way == "to_arrow" else made["run_number"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("way", ["to_pandas", "to_arrow", "to_polars", "to_numpy"])
def test_shortcuts_pass_on_each_argument(
    service: Scripted, run: Any, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = httpx.Response(503, html="<h1>503</h1>")
    service.will_answer(busy, busy)
    service.will_page([{"run_number": 1}], 2)
    getattr(run, way)(RunFilters(dataset_id=3), retries=2, fields=["run_number"], enable_progress=True)
    assert service.queries[2] == {"dataset_id": "3", "fields": "run_number", "page_size": "500"}
    assert "1/1 " in capsys.readouterr().err
    service.will_answer(busy)
    with pytest.raises(GatewayError):
        getattr(run, way)(retries=0)


@pytest.mark.parametrize(
    ("way", "library"), [("to_pandas", "pandas"), ("to_arrow", "pyarrow"), ("to_polars", "polars")]
)
def test_nothing_is_fetched_for_a_library_that_is_missing(
    service: Scripted, run: Any, way: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "cmsdials\['):
        getattr(run, way)()
    assert service.asked == []


def test_nothing_is_fetched_for_a_group_that_cannot_be(service: Scripted, run: Any) -> None:
    with pytest.raises(FilterError, match=r"cannot be grouped by 'me'.*Fields to group by: run_number"):
        run.to_numpy(RunFilters(fields=["run_number"]), group_by="me")
    assert service.asked == []


def test_a_place_between_parts_is_not_a_page(service: Scripted, run: Any) -> None:
    with pytest.raises(FilterError, match=r"of a listing in parts.*list_all\(\)"):
        run.list(RunFilters(next_token="after.14677060.367112"))
    assert service.asked == []
