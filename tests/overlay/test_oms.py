"""OMS: the raw answer of a page, and all pages as rows."""

import numpy as np
import pytest
from cmsdials import Dials
from cmsdials.errors import BadRequestError, DialsError, FilterError, PaginationError
from cmsdials.filters import OMSFilter, OMSPage
from cmsdials.oms import OMS

from .conftest import Scripted

RUN = [OMSFilter(attribute_name="run_number", value=382921, operator="EQ")]


def test_query_answers_the_raw_document(now: Dials) -> None:
    answer = now.oms.query(
        endpoint="lumisections", filters=RUN, pages=[OMSPage(attribute_name="limit", value=7)]
    )
    assert len(answer["data"]) == 7
    assert answer["data"][0]["attributes"]["run_number"] == 382921
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
    OMS(service.session).query("runs", filters, [OMSPage(attribute_name="offset", value=4)])
    assert service.queries == [
        {
            "endpoint": "runs",
            "filter[run_number][GE]": "3",
            "filter[run_number][LT]": "9",
            "page[offset]": "4",
        }
    ]
    assert "Workspace" not in service.asked[0].headers


def test_a_query_without_filters_sends_none(service: Scripted) -> None:
    service.will_answer({"data": []})
    OMS(service.session).query("runs")
    assert service.queries == [{"endpoint": "runs"}]


def test_two_values_for_one_condition_are_refused(service: Scripted) -> None:
    filters = [OMSFilter(attribute_name="a", value=value, operator="EQ") for value in (1, 2)]
    with pytest.raises(FilterError, match="two filters a EQ"):
        OMS(service.session).query("runs", filters)


def test_an_end_before_the_end_is_an_error(service: Scripted) -> None:
    row = {"id": "1", "attributes": {"run_number": 1}}
    service.will_answer(
        {"data": [row], "meta": {"totalResourceCount": 3}}, {"data": [], "meta": {"totalResourceCount": 3}}
    )
    with pytest.raises(PaginationError, match="says that 3 rows match and ends after 1"):
        OMS(service.session).list_all("runs")


def test_a_document_without_a_total_ends_with_a_short_page(service: Scripted) -> None:
    row = {"id": "1", "attributes": {"run_number": 1}}
    service.will_answer({"data": [row, row]}, {"data": [row]})
    assert len(OMS(service.session).list_all("runs", page_size=2)) == 3


def test_a_single_resource_is_a_row_too(service: Scripted) -> None:
    service.will_answer({"data": {"id": "1", "attributes": {"run_number": 1}}})
    assert OMS(service.session).list_all("runs").results == [{"id": "1", "run_number": 1}]


def test_an_endpoint_that_does_not_exist(now: Dials) -> None:
    with pytest.raises(DialsError):
        now.oms.query("no-such-endpoint")


def test_the_service_says_what_is_missing(now: Dials) -> None:
    with pytest.raises(BadRequestError, match="endpoint"):
        now.oms.query("")
