"""OMS: the raw answer of a page, and all pages as rows."""

from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import (
    BadRequestError,
    DialsError,
    FilterError,
    NotFoundError,
    PaginationError,
    SchemaError,
)
from cmsdials.filters import OMSFilter, OMSPage
from cmsdials_sandbox import Sandbox

from tests.overlay.conftest import Scripted

RUN = [OMSFilter(attribute_name="run_number", value=382921, operator="EQ")]


def test_query_answers_the_raw_document(now: Dials) -> None:
    answer = now.oms.query(
        endpoint="lumisections",
        filters=RUN,
        pages=[OMSPage(attribute_name="limit", value=7)],
        sort="-lumisection_number",
        fields=["run_number", "lumisection_number"],
    )
    assert len(answer["data"]) == 7
    numbers = [row["attributes"]["lumisection_number"] for row in answer["data"]]
    assert numbers == sorted(numbers, reverse=True)
    assert {*answer["data"][0]["attributes"]} == {"run_number", "lumisection_number"}
    assert answer["meta"]["totalResourceCount"] > 100


def test_all_pages_become_a_frame(now: Dials) -> None:
    total = now.oms.query("lumisections", RUN)["meta"]["totalResourceCount"]
    rows = now.oms.list_all("lumisections", RUN, page_size=50)
    frame = rows.to_pandas()
    assert len(rows) == len(frame) == total
    assert frame["lumisection_number"].is_unique
    assert frame.equals(now.oms.list_all("lumisections", RUN).to_pandas())


def test_filters_hold_together(now: Dials) -> None:
    filters = [*RUN, OMSFilter(attribute_name="dataset_name", value="ZeroBias", operator="EQ")]
    frame = now.oms.list_all("datasetrates", filters).to_pandas()
    assert len(frame) > 100
    assert set(frame["dataset_name"]) == {"ZeroBias"}


def test_what_goes_over_the_wire(service: Scripted) -> None:
    service.will_answer({"data": [], "meta": {"totalResourceCount": 0}})
    filters = [
        OMSFilter(attribute_name="run_number", value=np.int64(3), operator="GE"),
        OMSFilter(attribute_name="run_number", value=9, operator="LT"),
    ]
    service.dials.oms.query("runs", filters, [OMSPage(attribute_name="offset", value=4)])
    assert service.queries == [
        {
            "endpoint": "runs",
            "filter[run_number][GE]": "3",
            "filter[run_number][LT]": "9",
            "page[offset]": "4",
            "include": "meta",
        }
    ]
    assert "Workspace" not in service.asked[0].headers


def test_what_is_not_given_is_not_sent(service: Scripted) -> None:
    service.will_answer({"data": []})
    service.dials.oms.query("runs", include=None)
    assert service.queries == [{"endpoint": "runs"}]


def test_one_condition_needs_no_list(service: Scripted) -> None:
    service.will_answer({"data": []}, {"data": []})
    oms = service.dials.oms
    oms.query("runs", RUN[0], OMSPage(attribute_name="limit", value=2))
    oms.list_all("runs", RUN[0])
    asked = {"endpoint": "runs", "filter[run_number][EQ]": "382921", "include": "meta"}
    assert service.queries == [
        {**asked, "page[limit]": "2"},
        {**asked, "page[limit]": "1000", "page[offset]": "0"},
    ]


def test_a_short_page_is_not_the_end(service: Scripted) -> None:
    """OMS caps its pages, and its links say whether there are more."""
    row = {"id": "1", "attributes": {}}
    link = {"next": "https://oms.test/api/v1/runs?page[offset]=2", "self": "x"}
    service.will_answer({"data": [row, row], "links": link}, {"data": [row], "links": {**link, "next": None}})
    assert len(service.dials.oms.list_all("runs", page_size=1000)) == 3
    assert [query["page[offset]"] for query in service.queries] == ["0", "2"]


def test_conditions_may_come_from_a_generator(service: Scripted) -> None:
    row = {"id": "1", "attributes": {}}
    service.will_answer({"data": [row]}, {"data": []})
    assert len(service.dials.oms.list_all("runs", iter(RUN), page_size=1)) == 1
    assert [query["filter[run_number][EQ]"] for query in service.queries] == ["382921", "382921"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs", 5), r"filters takes OMSFilter\(...\), or a list of them, not 5"),
        (("runs", ["run_number"]), "filters takes OMSFilter"),
        (("runs", {"run_number": 3}), "filters takes OMSFilter"),
        (("runs", ["x" * 5000]), r"not 'x+\.\.\."),
        (("runs", None, [3]), "pages takes OMSPage"),
        ((5,), "endpoint takes text, not 5"),
    ],
)
def test_arguments_of_another_kind_are_refused(service: Scripted, arguments: Any, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        service.dials.oms.query(*arguments)
    assert service.asked == []


@pytest.mark.parametrize("size", [0, -1, "many"])
def test_a_page_has_rows(service: Scripted, size: Any) -> None:
    with pytest.raises(FilterError):
        service.dials.oms.list_all("runs", page_size=size)
    assert service.asked == []


def test_repr_says_where(service: Scripted) -> None:
    assert repr(service.dials.oms) == "<oms of http://dials.test/>"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"detail": "Not found."}),
        httpx.Response(403, json={"detail": "no"}),
        httpx.Response(504, html="<h1>Gateway Time-out</h1>"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["404", "403", "504", "timeout"],
)
def test_the_advice_is_about_oms(service: Scripted, answer: Any) -> None:
    """Not about ids, workspaces, monitoring elements or cursors, which a query to OMS has none of."""
    service.will_answer(answer)
    with pytest.raises(DialsError) as caught:
        service.dials.oms.query("runs", retries=0)
    assert caught.value.advice
    assert not [
        word for word in ("workspace", "me_id", "page_size", "ids", "cursor") if word in caught.value.advice
    ]


def test_two_values_for_one_condition_are_refused(service: Scripted) -> None:
    filters = [OMSFilter(attribute_name="a", value=value, operator="EQ") for value in (1, 2)]
    with pytest.raises(FilterError, match="two filters a EQ"):
        service.dials.oms.query("runs", filters)


def test_an_end_before_the_end_is_an_error(service: Scripted) -> None:
    row = {"id": "1", "attributes": {"run_number": 1}}
    service.will_answer(
        {"data": [row], "meta": {"totalResourceCount": 3}}, {"data": [], "meta": {"totalResourceCount": 3}}
    )
    with pytest.raises(PaginationError, match="counts 3 rows and ends after 1"):
        service.dials.oms.list_all("runs", enable_progress=False)


def test_more_rows_than_there_are_is_an_error(service: Scripted) -> None:
    """Rows have gone meanwhile, and those that moved up are missing."""
    pages = [{"data": [{"id": str(one)}], "meta": {"totalResourceCount": 2 - one // 2}} for one in range(3)]
    for page, more in zip(pages, ["x", "x", None], strict=True):
        page["links"] = {"next": more}
    service.will_answer(*pages)
    with pytest.raises(PaginationError, match=r"counts 1 row and ends after 3.* Ask for all rows again"):
        service.dials.oms.list_all("runs", enable_progress=False)


@pytest.mark.parametrize("meta", [{}, {"meta": {"totalResourceCount": 9}}], ids=["no total", "a total"])
def test_the_same_page_again_is_an_error(service: Scripted, meta: Any) -> None:
    """Of a proxy that does not pass on the offset: it would never end."""
    page = {"data": [{"id": "1"}, {"id": "2"}], "links": {"next": "x"}, **meta}
    service.will_answer(*[page] * 9)
    with pytest.raises(
        PaginationError, match=r"sends the same 2 rows again after 2\. It does not keep to page"
    ):
        service.dials.oms.list_all("runs", enable_progress=False)
    assert len(service.asked) == 2


@pytest.mark.parametrize("meta", [{}, {"meta": {"totalResourceCount": 1}}], ids=["no total", "a total"])
def test_a_link_to_more_on_an_empty_page_is_an_error(service: Scripted, meta: Any) -> None:
    link = {"links": {"next": "x"}, **meta}
    service.will_answer({"data": [{"id": "1"}], **link}, {"data": [], **link})
    with pytest.raises(PaginationError, match="links to more rows after 1 and sends none"):
        service.dials.oms.list_all("runs", enable_progress=False)


def test_a_negative_total_is_an_error(service: Scripted) -> None:
    service.will_answer({"data": [], "meta": {"totalResourceCount": -1}})
    with pytest.raises(SchemaError, match="OMS runs: field 'totalResourceCount' is negative"):
        service.dials.oms.list_all("runs", enable_progress=False)


def test_without_links_and_total_only_an_empty_page_is_the_end(service: Scripted) -> None:
    row = {"id": "1", "attributes": {"run_number": 1}}
    service.will_answer({"data": [row, row]}, {"data": [row]}, {"data": []})
    assert len(service.dials.oms.list_all("runs", page_size=2)) == 3


def test_a_single_resource_is_a_row_too(service: Scripted) -> None:
    service.will_answer({"data": {"id": "1", "attributes": {"run_number": 1}}})
    assert service.dials.oms.list_all("runs").results == [{"id": "1", "run_number": 1}]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"data": "x"}, "field 'data' is neither"),
        ({"data": 5}, "field 'data' is neither"),
        ({"data": [{"id": "1"}, None]}, "field 'data' is neither"),
        (
            {"data": [{"id": "1"}, {"id": "2", "attributes": "x"}]},
            "OMS runs, row 1: field 'attributes' is not an object",
        ),
    ],
)
def test_what_is_no_document_of_rows_is_an_error(service: Scripted, answer: Any, said: str) -> None:
    service.will_answer(answer)
    with pytest.raises(SchemaError, match=said):
        service.dials.oms.list_all("runs")


def test_an_endpoint_that_does_not_exist(now: Dials) -> None:
    with pytest.raises(NotFoundError, match="check the endpoint"):
        now.oms.query("no-such-endpoint")


def test_a_request_that_is_too_long(sandbox_v112: Sandbox) -> None:
    with (
        Dials(Credentials(token=sandbox_v112.secret), "tracker", sandbox_v112.url) as dials,
        pytest.raises(
            BadRequestError, match=r"may be too long: DIALS v1\.12 reads 4094 bytes .* fewer or shorter"
        ),
    ):
        dials.oms.list_all("runs", fields=[f"attribute_{one}" for one in range(400)])


def test_the_service_says_what_is_missing(now: Dials) -> None:
    with pytest.raises(BadRequestError, match="endpoint"):
        now.oms.query("")


def test_a_whole_frame_is_no_list_of_runs(service: Scripted) -> None:
    with pytest.raises(
        FilterError, match=r"a whole DataFrame. Give one of its columns: runs=table\[...\]\.$"
    ):
        service.dials.oms.list_all("runs", runs=pd.DataFrame({"run_number": [1]}))
