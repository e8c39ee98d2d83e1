"""Answers that are not JSON, or not all of it."""

import traceback

import httpx
import pytest
from cmsdials.errors import DecodeError, SchemaError

from tests.overlay.conftest import Scripted


@pytest.mark.parametrize("resource", ["run", "h1d"])
def test_json_that_is_not_whole(service: Scripted, resource: str) -> None:
    service.will_answer(httpx.Response(200, content=b'{"next": "a-secret"'))
    with pytest.raises(DecodeError, match=r"not whole JSON \(.*; 19 bytes\)") as caught:
        getattr(service.dials, resource).list(retries=0)
    assert "a-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ([], "results"),
        ({"detail": "no"}, "results"),
        ({"results": {}}, "results"),
        ({"results": [], "next": 3}, "next"),
        ({"results": [], "next": None, "previous": {}}, "previous"),
        ({"results": [3]}, "(the row)"),
    ],
)
@pytest.mark.parametrize("resource", ["run", "h1d"])
def test_json_that_is_not_a_page(service: Scripted, resource: str, answer: object, field: str) -> None:
    service.will_answer(answer)
    with pytest.raises(SchemaError) as caught:
        getattr(service.dials, resource).list(retries=0)
    assert (caught.value.resource, caught.value.field) == (resource, field)
