"""Records of the emitted package: exactly what the service sent, checked against the contract."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from typing import Any

import pytest
from cmsdials_api.errors import ApiError, MalformedAnswer
from cmsdials_api.models import (
    CertificationFile,
    DatasetIndex,
    FileIndex,
    FreeForm,
    GoldenJson,
    LumisectionHistogram1D,
    LumisectionHistogram2D,
    MLBadLumisection,
    MLModelsIndex,
    Run,
    RunPage,
    TH1Page,
)
from cmsdials_api.records import Field, Record
from hypothesis import given
from hypothesis import strategies as st

Json = Any

RUN = {
    "dataset_id": 14677060,
    "dataset": "/ZeroBias/Run2024B-PromptReco-v1/DQMIO",
    "run_number": 367112,
    "ls_count": 3,
}
HISTOGRAM = {
    "dataset": "/ZeroBias/Run2024B-PromptReco-v1/DQMIO", "me": "PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2",
    "dataset_id": 14677060, "file_id": 3393809397, "run_number": 367112, "ls_number": 10, "me_id": 96,
    "x_min": 0.0, "x_max": 80000.0, "x_bin": 3, "entries": 6, "data": [1.0, 2.0, 3.0],
}  # fmt: skip
MAP = HISTOGRAM | {"x_bin": 2, "y_min": -1.5, "y_max": 1.5, "y_bin": 1, "data": [[1.0, 5.0]]}
FILE = {
    "dataset_id": 14677060, "dataset": "/ZeroBias/Run2024B-PromptReco-v1/DQMIO", "file_id": 3393809397,
    "file_size": 1_000_000, "creation_date": "2024-04-08T10:00:00Z",
    "last_modification_date": "2024-04-08T12:00:00.250000+02:00", "logical_file_name": "/store/data/x.root",
    "status": "FINISHED", "err_trace": None,
}  # fmt: skip
MODEL = {"id": 19, "active": True, "tags": [{"name": "a"}], "input_signature": [{"me": "x"}]}


# What was sent


def test_a_record_holds_what_was_sent() -> None:
    assert Run.from_dict(RUN).__dict__ == RUN


def test_fields_stand_in_the_order_of_the_contract_whatever_was_sent() -> None:
    run = Run.from_dict(dict(reversed(RUN.items())))
    assert list(run.__dict__) == ["dataset_id", "dataset", "run_number", "ls_count"]


def test_a_field_that_was_not_sent_is_no_attribute() -> None:
    run = Run.from_dict(RUN)
    assert not hasattr(run, "ls_completeness")
    with pytest.raises(
        AttributeError, match=r"this Run has no 'ls_completeness': the service did not send it"
    ):
        _ = run.ls_completeness


def test_a_name_that_no_field_has_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^'Run' object has no attribute 'run_numer'") as error:
        _ = Run.from_dict(RUN).run_numer
    assert (error.value.name, type(error.value.obj)) == ("run_numer", Run)


def test_what_the_contract_does_not_know_is_extra() -> None:
    run = Run.from_dict(RUN | {"weather": "fine"})
    assert run.extra == {"weather": "fine"}
    assert run.__dict__ == RUN
    assert not hasattr(run, "weather")


def test_nothing_is_extra_otherwise() -> None:
    assert Run.from_dict(RUN).extra == {}


def test_an_extra_key_called_extra_does_no_harm() -> None:
    assert Run.from_dict(RUN | {"extra": 1, "__dict__": 2}).extra == {"extra": 1, "__dict__": 2}


def test_null_is_kept_where_it_may_stand() -> None:
    assert Run.from_dict(RUN | {"ls_completeness": None}).ls_completeness is None
    assert FileIndex.from_dict(FILE).err_trace is None


def test_both_generations_are_read() -> None:
    new = {"model_id": 19, "dataset_id": 1, "run_number": 2, "ls_number": 3, "metric_value": 0.5}
    old = {
        "model_id": 19,
        "dataset_id": 1,
        "file_id": 7,
        "run_number": 2,
        "ls_number": 3,
        "me_id": 4,
        "mse": 0.5,
    }
    assert MLBadLumisection.from_dict(new).__dict__ == new
    assert MLBadLumisection.from_dict(old).__dict__ == old


# What may be missing


@pytest.mark.parametrize("field", RUN)
def test_a_required_field_that_is_missing_is_named(field: str) -> None:
    with pytest.raises(MalformedAnswer, match=rf"^{field} is missing$") as error:
        Run.from_dict({name: value for name, value in RUN.items() if name != field})
    assert error.value.where == field


def test_a_partial_record_has_what_there_is() -> None:
    run = Run.from_dict({"ls_count": 3, "run_number": 367112}, partial=True)
    assert run.dict() == {"run_number": 367112, "ls_count": 3}


def test_a_partial_record_is_checked_all_the_same() -> None:
    with pytest.raises(MalformedAnswer, match="ls_count is 'many', not of type integer"):
        Run.from_dict({"ls_count": "many"}, partial=True)


# Kinds


@pytest.mark.parametrize(("sent", "read"), [(100, 100), (100.0, 100), (0.0, 0), (-1, -1), (2**40, 2**40)])
def test_a_number_of_bins_is_whole_however_it_is_written(sent: float, read: int) -> None:
    x_bin: object = LumisectionHistogram1D.from_dict(HISTOGRAM | {"x_bin": sent}).x_bin
    assert (x_bin, type(x_bin)) == (read, int)


@pytest.mark.parametrize(("sent", "read"), [(0, 0.0), (-1.5, -1.5), (80_000, 80_000.0)])
def test_an_edge_is_a_float(sent: float, read: float) -> None:
    x_min: object = LumisectionHistogram1D.from_dict(HISTOGRAM | {"x_min": sent}).x_min
    assert (x_min, type(x_min)) == (read, float)


WRONG = [
    (LumisectionHistogram1D, HISTOGRAM, "x_bin", 100.5, "x_bin is 100.5, not of type integer"),
    (LumisectionHistogram1D, HISTOGRAM, "x_bin", "100", "x_bin is '100', not of type integer"),
    (LumisectionHistogram1D, HISTOGRAM, "x_bin", True, "x_bin is True, not of type integer"),
    (LumisectionHistogram1D, HISTOGRAM, "x_bin", None, "x_bin is None, not of type integer"),
    (LumisectionHistogram1D, HISTOGRAM, "x_bin", float("inf"), "x_bin is inf, not of type integer"),
    (LumisectionHistogram1D, HISTOGRAM, "x_min", "0", "x_min is '0', not of type number"),
    (LumisectionHistogram1D, HISTOGRAM, "x_min", False, "x_min is False, not of type number"),
    (LumisectionHistogram1D, HISTOGRAM, "me", 1, "me is 1, not of type string"),
    (LumisectionHistogram1D, HISTOGRAM, "me", None, "me is None, not of type string"),
    (LumisectionHistogram1D, HISTOGRAM, "data", {}, "data is {}, not of type array"),
    (LumisectionHistogram1D, HISTOGRAM, "data", "[]", "data is '[]', not of type array"),
    (
        FileIndex,
        FILE,
        "creation_date",
        "yesterday",
        "creation_date is 'yesterday', not of type date and time",
    ),
    (FileIndex, FILE, "creation_date", 1712570400, "creation_date is 1712570400, not of type date and time"),
    (FileIndex, FILE, "err_trace", 1, "err_trace is 1, not of type string"),
    (MLModelsIndex, MODEL, "active", 1, "active is 1, not of type boolean"),
    (MLModelsIndex, MODEL, "tags", [{}, "a"], "tags[1] is 'a', not an object"),
]


@pytest.mark.parametrize(
    ("record", "sent", "field", "value", "message"), WRONG, ids=[row[-1].split(",")[0] for row in WRONG]
)
def test_a_field_of_another_kind_is_refused(
    record: type[Record], sent: Json, field: str, value: Json, message: str
) -> None:
    with pytest.raises(MalformedAnswer) as error:
        record.from_dict(sent | {field: value})
    assert str(error.value) == message


@pytest.mark.parametrize("source", [None, 3, "x", [RUN], True], ids=str)
def test_what_is_no_object_is_refused(source: Json) -> None:
    with pytest.raises(MalformedAnswer, match=r"^the answer is .*, not an object$"):
        Run.from_dict(source)


def test_a_long_value_is_shown_shortened() -> None:
    with pytest.raises(MalformedAnswer) as error:
        LumisectionHistogram1D.from_dict(HISTOGRAM | {"me": [0.0] * 1000})
    assert len(str(error.value)) < 130


def test_the_error_can_be_caught_and_sent_between_processes() -> None:
    error = MalformedAnswer("results[3].x_bin", "is missing")
    assert isinstance(error, ApiError)
    assert str(pickle.loads(pickle.dumps(error))) == "results[3].x_bin is missing"


def test_datetimes_are_aware() -> None:
    file = FileIndex.from_dict(FILE)
    assert file.creation_date == dt.datetime(2024, 4, 8, 10, tzinfo=dt.UTC)
    assert file.last_modification_date.utcoffset() == dt.timedelta(hours=2)


def test_contents_are_taken_as_they_are() -> None:
    """Bins are not looked at one by one: that is what makes reading histograms slow."""
    rows = [[1.0, 5.0]]
    assert LumisectionHistogram2D.from_dict(MAP | {"data": rows}).data is rows


# Records in records


def test_a_page_holds_records() -> None:
    page = RunPage.from_dict({"next": None, "previous": None, "results": [RUN]})
    assert page.results == [Run.from_dict(RUN)]
    assert (page.next, page.previous) == (None, None)


def test_the_place_of_a_mistake_in_a_page_is_named() -> None:
    rows = [HISTOGRAM, HISTOGRAM | {"x_bin": "many"}]
    with pytest.raises(MalformedAnswer, match=r"^results\[1\]\.x_bin is 'many', not of type integer$"):
        TH1Page.from_dict({"next": None, "previous": None, "results": rows})


def test_an_object_of_free_form_is_a_dict() -> None:
    model = MLModelsIndex.from_dict(MODEL)
    assert model.tags == [{"name": "a"}]
    assert type(model.tags[0]) is FreeForm


def test_a_golden_json_is_a_dict() -> None:
    content = {"367112": [[1, 10], [12, 20]]}
    sent = {"name": "n", "url": "u", "last_modified": "l", "size": "s", "content": content}
    file = CertificationFile.from_dict(sent)
    assert type(file.content) is GoldenJson
    assert file.content == content
    assert file.to_dict() == sent


def test_a_golden_json_is_an_object() -> None:
    with pytest.raises(MalformedAnswer, match=r"^the answer is \[\], not an object$"):
        GoldenJson.from_dict([])


# Making one's own


def test_a_record_can_be_made() -> None:
    assert Run(dataset_id=1, dataset="/a/b/c", run_number=2, ls_count=3) == Run.from_dict(
        {"dataset_id": 1, "dataset": "/a/b/c", "run_number": 2, "ls_count": 3}
    )


def test_a_record_made_has_only_what_was_given() -> None:
    model = MLModelsIndex(active=True, id=19)
    assert model.__dict__ == {"id": 19, "active": True}
    assert model.extra == {}


def test_a_record_is_made_with_what_is_required() -> None:
    with pytest.raises(TypeError, match="ls_count"):
        Run(dataset_id=1, dataset="/a/b/c", run_number=2)


# As other things


RECORDS = {
    "run": Run.from_dict(RUN | {"weather": [1, {"a": None}]}),
    "file": FileIndex.from_dict(FILE),
    "histogram": LumisectionHistogram1D.from_dict(HISTOGRAM),
    "map": LumisectionHistogram2D.from_dict(MAP),
    "model": MLModelsIndex.from_dict(MODEL),
    "partial": Run.from_dict({"ls_count": 1}, partial=True),
    "page": RunPage.from_dict({"next": None, "previous": "https://d/?next_token=x", "results": [RUN]}),
}
any_record = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())


@any_record
@pytest.mark.parametrize(
    "way",
    [
        copy.copy,
        copy.deepcopy,
        lambda record: pickle.loads(pickle.dumps(record)),
        lambda record: pickle.loads(pickle.dumps(record, protocol=2)),
        lambda record: type(record).from_dict(record.to_dict(), partial=True),
        lambda record: type(record).from_dict(json.loads(json.dumps(record.to_dict())), partial=True),
    ],
    ids=["copy", "deepcopy", "pickle", "pickle 2", "dict", "json"],
)
def test_a_record_survives(record: Record, way: Any) -> None:
    again = way(record)
    assert again == record
    assert again is not record
    assert (list(again.__dict__), again.extra) == (list(record.__dict__), record.extra)


def test_a_deep_copy_shares_nothing() -> None:
    run = Run.from_dict(RUN | {"weather": ["fine"]})
    copy.deepcopy(run).extra["weather"].append("foul")
    assert run.extra == {"weather": ["fine"]}


def test_to_dict_gives_back_what_was_sent() -> None:
    sent = RUN | {"weather": "fine"}
    assert Run.from_dict(sent).to_dict() == sent


def test_to_dict_writes_times_as_the_service_does() -> None:
    assert FileIndex.from_dict(FILE).to_dict()["creation_date"] == "2024-04-08T10:00:00Z"


def test_dict_has_the_fields_and_nothing_else() -> None:
    run = Run.from_dict(RUN | {"weather": "fine"})
    assert run.dict() == RUN
    run.dict()["ls_count"] = 0
    assert run.ls_count == 3


def test_repr_shows_the_fields_shortened() -> None:
    assert repr(Run.from_dict(RUN | {"weather": "fine"})) == (
        "Run(dataset_id=14677060, dataset='/ZeroBias/Run2024B-PromptReco-v1/DQMIO', run_number=367112, ls_count=3)"
    )
    assert len(repr(LumisectionHistogram1D.from_dict(HISTOGRAM | {"data": [0.0] * 10_000}))) < 500


def test_records_with_arrays_in_them_can_be_compared() -> None:
    numpy = pytest.importorskip("numpy")
    one, other, third = (Run.from_dict(RUN) for _ in range(3))
    one.ls_count = [numpy.array([1, 2]), numpy.array([3, 4])]
    other.ls_count = [[1, 2], [3, 4]]
    third.ls_count = [numpy.array([1, 2]), numpy.array([3, 5])]
    assert one == other
    assert one != third


@pytest.mark.parametrize(
    "other",
    [
        Run.from_dict(RUN | {"ls_count": 4}),
        Run.from_dict(RUN | {"ls_completeness": None}),
        Run.from_dict(RUN | {"weather": "fine"}),
        Run.from_dict({"ls_count": 3}, partial=True),
        RUN,
        None,
    ],
    ids=["value", "field", "extra", "partial", "dict", "None"],
)
def test_records_are_equal_only_if_all_is(other: object) -> None:
    assert Run.from_dict(RUN) != other


def test_a_record_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Run.from_dict(RUN))


def test_documentation_describes_every_field() -> None:
    documented = LumisectionHistogram1D.__doc__ or ""
    assert [
        field.name for field in LumisectionHistogram1D.FIELDS if f"        {field.name}: " not in documented
    ] == []
    assert "14677060" in (DatasetIndex.__doc__ or "")


def fits(field: Field, sent: Json) -> bool:
    if field.name not in sent:
        return not field.required
    kinds: dict[str, type | tuple[type, ...]] = {"integer": int, "number": (int, float), "string": str}
    return (sent[field.name] is None and field.nullable) or isinstance(sent[field.name], kinds[field.kind])


@given(
    st.dictionaries(
        st.sampled_from([*RUN, "ls_completeness", "weather"]), st.none() | st.integers() | st.text()
    )
)
def test_any_object_is_read_or_refused_with_its_place(sent: Json) -> None:
    wrong = {field.name for field in Run.FIELDS if not fits(field, sent)}
    if wrong:
        with pytest.raises(MalformedAnswer) as refusal:
            Run.from_dict(sent)
        assert refusal.value.where in wrong
    else:
        assert Run.from_dict(sent).to_dict() == sent
