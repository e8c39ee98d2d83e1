"""What rows, results and filters have of pydantic's models: `expected` is what pydantic 2 answers to the same."""

import base64
import json
import math
import pickle
import warnings
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from cmsdials.auth.models import Token
from cmsdials.errors import FilterError, UnknownFilterError
from cmsdials.filters import LumisectionHistogram1DFilters, MEFilters, OMSFilter, OMSPage, RunFilters
from cmsdials.models import DatasetIndex, LumisectionHistogram1D, MLBadLumisection, MLModelsIndex, Run

from tests.overlay.conftest import Scripted, run_row

MOMENT = datetime(2024, 1, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = MLModelsIndex(
    id=3,
    active=True,
    flagging_key=None,
    input_signature=[{"name": "é", "dims": [-1, 100.5, math.nan]}],  # type: ignore[list-item]
    created_at=MOMENT,
)


def test_a_dump_is_plain_python() -> None:
    dumped = MODEL.model_dump()
    signature = dumped.pop("input_signature")
    assert dumped == {"id": 3, "active": True, "flagging_key": None, "created_at": MOMENT}
    assert type(signature[0]) is dict
    assert signature[0]["dims"][:2] == [-1, 100.5]
    signature[0]["dims"].append(1)
    assert len(MODEL.input_signature[0]["dims"]) == 3


def test_a_dump_for_json() -> None:
    expected = '{"id":3,"active":true,"flagging_key":null,"input_signature":[{"name":"é","dims":[-1,100.5,null]}],"created_at":"2024-01-01T02:03:04.000005Z"}'
    assert MODEL.model_dump_json() == MODEL.json() == expected
    assert MODEL.model_dump(mode="json") == json.loads(expected)
    assert MODEL.model_dump_json(include={"id", "active"}, indent=2) == '{\n  "id": 3,\n  "active": true\n}'


def test_arrays_that_someone_has_put_there() -> None:
    row = MODEL.model_copy(update={"output_signature": np.array([[1.0, np.inf]]), "id": np.int64(4)})
    assert json.loads(row.model_dump_json(include=["id", "output_signature"])) == {
        "id": 4,
        "output_signature": [[1.0, None]],
    }


@pytest.mark.parametrize(
    ("how", "names"),
    [
        ({"include": {"id"}}, {"id"}),
        ({"exclude": ["id", "input_signature", "nothing"]}, {"active", "flagging_key", "created_at"}),
        ({"exclude_none": True, "exclude": {"input_signature"}}, {"id", "active", "created_at"}),
        ({"exclude_unset": True, "include": {"id", "flagging_key"}}, {"id", "flagging_key"}),
        ({"by_alias": True, "include": {"id"}}, {"id"}),
    ],
)
def test_what_to_leave_out(how: dict[str, Any], names: set[str]) -> None:
    assert MODEL.model_dump(**how).keys() == MODEL.dict(**how).keys() == names
    assert json.loads(MODEL.json(**how)).keys() == names


@pytest.mark.parametrize("how", [{"include": "id"}, {"exclude": {"id": True}}])
def test_names_are_given_as_a_set_or_a_list(how: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="a set or a list of names"):
        MODEL.model_dump(**how)
    with pytest.raises(TypeError):
        MODEL.model_dump(excluded={"id"})  # type: ignore[call-arg]


def test_copies() -> None:
    row = LumisectionHistogram1D(
        dataset="/a/b/c", me="m", dataset_id=1, file_id=2, run_number=3, ls_number=4, me_id=5,
        x_min=0.0, x_max=1.0, x_bin=2, entries=3, data=[1.0, 2.0],
    )  # fmt: skip
    assert row.copy() == row.model_copy(deep=True) == row
    assert row.copy().data is row.data
    assert row.model_copy(deep=True).data is not row.data
    other = row.copy(update={"ls_number": 5})
    assert (type(other), other.ls_number, row.ls_number) == (LumisectionHistogram1D, 5, 4)


def test_fields_of_a_class() -> None:
    assert list(Run.model_fields) == ["dataset_id", "dataset", "run_number", "ls_count", "ls_completeness"]
    assert Run.model_fields["run_number"].annotation is int
    assert Run.model_fields["run_number"].is_required()
    assert not Run.model_fields["ls_completeness"].is_required()
    assert LumisectionHistogram1D.model_fields["data"].annotation == list[float]
    assert DatasetIndex.model_fields["last_modification_date"].annotation is datetime
    assert tuple(RunFilters.model_fields) == tuple(RunFilters.PARAMETERS)
    assert RunFilters.model_fields["dataset"].annotation == str | None
    assert RunFilters.model_fields["dataset"].default is None
    assert Run(**run_row(1)).model_fields.keys() == Run.model_fields.keys()


def test_rows_that_are_kept_as_columns(service: Scripted) -> None:
    service.will_page([run_row(1, ls_completeness=None), run_row(2, ls_completeness=0.5)], 2)
    listed = service.dials.run.list()
    rows = [run_row(1, ls_completeness=None), run_row(2, ls_completeness=0.5)]
    empty = {"next": None, "previous": None, "exc_type": None, "exc_formatted": None}
    assert listed.model_dump() == listed.dict() == {**empty, "results": rows}
    assert list(listed.model_dump()) == list(type(listed).model_fields)
    assert json.loads(listed.model_dump_json()) == {**empty, "results": rows}
    bare = {"results": [run_row(1), rows[1]]}
    assert listed.model_dump(exclude_none=True) == listed.dict(exclude_none=True) == bare
    assert listed.model_fields_set == {"next", "previous", "results"}
    assert listed.results[0].model_fields_set == {*rows[0]}


def test_a_copy_of_a_result_has_a_list_of_its_own(service: Scripted) -> None:
    service.will_page([run_row(1), run_row(2)], 2)
    listed = service.dials.run.list()
    copied = listed.copy(update={"results": listed.results[:1], "exc_type": "Stopped"})
    assert (len(copied), copied.exc_type, copied.origin) == (1, "Stopped", listed.origin)
    assert (len(listed), listed.exc_type) == (2, None)
    listed.model_copy().results.clear()
    assert len(listed) == 2


def test_filters() -> None:
    filters = RunFilters(run_number=367112, dataset_id__in=[2, 1])
    given = {"dataset_id__in": [2, 1], "run_number": 367112}
    assert filters.cleandict() == filters.dict() == filters.model_dump(exclude_none=True) == given
    assert filters.model_dump(exclude_unset=True) == filters.model_dump(exclude_defaults=True) == given
    assert filters.model_dump() == {**dict.fromkeys(RunFilters.PARAMETERS), **given}
    assert RunFilters(**filters.model_dump()) == filters
    assert json.loads(filters.json(exclude_none=True)) == given
    assert filters.model_fields_set == {*given}
    assert MEFilters(me="a").dict(exclude={"me"}, exclude_none=True) == {}


def test_a_copy_of_filters_is_checked() -> None:
    filters = RunFilters(run_number=367112)
    changed = filters.copy(update={"run_number": "367130", "page_size": 5})
    assert (type(changed), changed.dict()) == (RunFilters, {"run_number": 367130, "page_size": 5})
    assert filters.dict() == {"run_number": 367112}
    with pytest.raises(UnknownFilterError, match="run_number"):
        filters.copy(update={"run_numer": 1})
    with pytest.raises(FilterError, match="a whole number"):
        filters.model_copy(update={"run_number": "many"})
    with pytest.warns(DeprecationWarning, match="ls_number__lte"):
        few = LumisectionHistogram1DFilters().copy(update={"ls_numbet__lte": 5})
    assert few.ls_number__lte == 5


def test_parts_of_an_oms_query() -> None:
    one = OMSFilter(attribute_name="run_number", value=367112, operator="EQ")
    assert one.dict() == {"attribute_name": "run_number", "value": 367112, "operator": "EQ"}
    assert one.copy(update={"operator": "GE"}) == OMSFilter(
        attribute_name="run_number", value=367112, operator="GE"
    )
    with pytest.raises(FilterError, match="no operator"):
        one.copy(update={"operator": "GREATER"})
    assert json.loads(OMSPage(attribute_name="limit", value=5).json()) == {
        "attribute_name": "limit",
        "value": 5,
    }


def test_tokens() -> None:
    token = Token(
        access_token="a-secret", expires_in=60, expires_at=MOMENT,
        refresh_token="another-secret", refresh_expires_in=60, refresh_expires_at=MOMENT,
    )  # fmt: skip
    dumped = token.model_dump()
    assert (dumped["access_token"], dumped["expires_at"]) == ("a-secret", MOMENT)
    assert Token(**dumped) == token
    assert Token.from_json(json.loads(token.model_dump_json())) == token
    assert "secret" not in repr(token.copy(update={"expires_in": 30}))
    assert Token.model_fields["refresh_token"].is_required()


def test_a_model_answers_to_both_names_of_its_number() -> None:
    now, before = MLModelsIndex(id=3, active=True), MLModelsIndex(model_id=3, active=True)
    assert now.model_id == before.id == 3
    assert (now.dict(), before.dict()) == ({"id": 3, "active": True}, {"model_id": 3, "active": True})
    for lacking in (MLModelsIndex(active=True), MLBadLumisection.from_dict({"model_id": 3}, partial=True)):
        with pytest.raises(AttributeError, match="id"):
            lacking.id  # type: ignore[union-attr]  # noqa: B018  # it raises


def test_rows_that_stand_in_columns_do_too(service: Scripted) -> None:
    service.will_answer({"next": None, "previous": None, "results": [{"id": 3, "active": True, "name": "a"}]})
    listed = service.dials.ml_models_index.list()
    assert [row.model_id for row in listed] == [3]
    assert [*listed.to_pandas().columns] == ["id", "name", "active"]


PICKLED_ROWS = (
    "gAJdcQBjY21zZGlhbHMuY2xpZW50cy5ydW4ubW9kZWxzClJ1bgpxASmBcQJ9cQMoWAgAAABfX2RpY3RfX3EEfXEFKFgKAAAAZGF0YXNldF9p"
    "ZHEGSkT03wBYBwAAAGRhdGFzZXRxB1gGAAAAL1ovUi9EcQhYCgAAAHJ1bl9udW1iZXJxCUoImgUAWAgAAABsc19jb3VudHEKSwlYDwAAAGxz"
    "X2NvbXBsZXRlbmVzc3ELTnVYEgAAAF9fcHlkYW50aWNfZXh0cmFfX3EMTlgXAAAAX19weWRhbnRpY19maWVsZHNfc2V0X19xDWNfX2J1aWx0"
    "aW5fXwpzZXQKcQ5dcQ8oaAloB2gKaAZoC2WFcRBScRFYFAAAAF9fcHlkYW50aWNfcHJpdmF0ZV9fcRJOdWJhLg=="
)
"""A list of one run, as 2.4.1 pickles it."""


def test_rows_that_2_4_has_pickled() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        rows = pickle.loads(base64.b64decode(PICKLED_ROWS))
    assert rows == [Run(**run_row(367112, ls_completeness=None))]
    assert pickle.loads(pickle.dumps(rows)) == rows
