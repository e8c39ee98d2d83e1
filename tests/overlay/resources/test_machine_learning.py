"""Models, verdicts and certification files, on both generations of the service."""

from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.errors import (
    FilterError,
    MethodNotAllowedError,
    NotFoundError,
    RequestFailedError,
    WorkspaceNotFoundError,
)
from cmsdials.filters import MLBadLumisectionFilters, MLModelsIndexFilters

from tests.overlay.conftest import Scripted

ASKED: dict[str, list[int]] = {
    "model_id__in": [20, 19],
    "dataset_id__in": [15042670],
    "run_number__in": [385801, 385799, 385764],
}
NO_PATH = {"detail": "Not found."}


@pytest.fixture
def models(service: Scripted) -> Any:
    return service.dials.ml_models_index


@pytest.fixture
def verdicts(service: Scripted) -> Any:
    return service.dials.ml_bad_lumis


# --- against the sandboxes


def test_models_and_verdicts_of_either_generation(jetmet: Dials) -> None:
    model = jetmet.ml_models_index(model_id=1)
    assert model == jetmet.ml_models_index.get(1)
    identifier = model.dict().get("id", model.dict().get("model_id"))
    assert identifier == 1
    key = {"model_id": 19, "dataset_id": 15102369, "run_number": 386951, "ls_number": 36}
    verdict = jetmet.ml_bad_lumisection(**key)
    assert verdict == jetmet.ml_bad_lumis.get(**key)
    assert key.items() <= verdict.dict().items()
    listed = jetmet.ml_bad_lumis.list_all(MLBadLumisectionFilters(**key)).results
    assert listed == [verdict]
    me_id = verdict.dict().get("me_id", 7)
    assert jetmet.ml_bad_lumis.get(**key, me_id=me_id) == verdict


@pytest.mark.parametrize("name", ["id", "model_id"])
def test_either_name_of_the_identifier_works_with_either_generation(jetmet: Dials, name: str) -> None:
    chosen = jetmet.ml_models_index.list_all(MLModelsIndexFilters(**{f"{name}__in": [19, 20]})).to_pandas()
    assert sorted(chosen.iloc[:, 0 if "model_id" in chosen else list(chosen).index("id")]) == [19, 20]
    assert len(jetmet.ml_models_index.list(MLModelsIndexFilters(**{name: 19})).results) == 1


def test_a_filter_of_the_other_generation_is_not_ignored(jetmet: Dials) -> None:
    is_old = "model_id" in jetmet.ml_models_index.get(1).__dict__
    wrong = MLModelsIndexFilters(name__regex="x") if is_old else MLModelsIndexFilters(filename__regex="x")
    with pytest.raises(FilterError, match="has ignored the filter"):
        jetmet.ml_models_index.list(wrong)


def test_certification_files_of_either_generation(jetmet: Dials) -> None:
    cert = jetmet.ml_bad_lumis.cert_json(**ASKED)
    golden = jetmet.ml_bad_lumis.golden_json(**ASKED)
    assert set(cert) == set(golden) == {"385764", "385799", "385801"}
    for run, bad in cert.items():
        good = {ls for first, last in golden[run] for ls in range(first, last + 1)}
        assert good.isdisjoint(int(ls) for ls in bad)


# --- against a script


def test_the_second_certification_of_an_old_service_asks_in_its_way_at_once(
    service: Scripted, verdicts: Any
) -> None:
    service.will_answer({"detail": 'Method "POST" not allowed.'}, status=405)
    service.will_answer({"1": {}}, {"1": [[1, 2]]})
    assert verdicts.cert_json(**ASKED) == {"1": {}}
    assert verdicts.golden_json(**ASKED) == {"1": [[1, 2]]}
    assert [request.method for request in service.asked] == ["POST", "GET", "GET"]
    assert service.queries[1]["model_id__in"] == "20,19"


def test_the_present_service_gets_a_body(service: Scripted, verdicts: Any) -> None:
    service.will_answer({})
    verdicts.cert_json(**ASKED)
    assert service.bodies == [ASKED]
    assert service.asked[0].headers["Workspace"] == "tracker"


def test_a_post_that_changes_nothing_is_tried_again(service: Scripted, verdicts: Any) -> None:
    service.will_answer(httpx.Response(503, html="<h1>busy</h1>"), {})
    assert verdicts.golden_json(**ASKED) == {}


def test_a_service_that_takes_neither_method(service: Scripted, verdicts: Any) -> None:
    service.will_answer({"detail": "no"}, {"detail": "no"}, status=405)
    with pytest.raises(MethodNotAllowedError):
        verdicts.cert_json(**ASKED)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(504, html="<h1>Gateway Time-out</h1>"), httpx.ReadTimeout("slow")],
    ids=["504", "timeout"],
)
def test_the_advice_is_about_certification(service: Scripted, verdicts: Any, answer: Any) -> None:
    service.will_answer(answer)
    with pytest.raises(RequestFailedError) as caught:
        verdicts.golden_json(**ASKED, retries=0)
    assert "fewer runs" in caught.value.advice
    assert "page_size" not in caught.value.advice


@pytest.mark.parametrize(("wrong", "said"), [([], "is empty"), (["x"], "whole number"), (19, "takes a list")])
def test_lists_are_checked_before_they_are_sent(
    service: Scripted, verdicts: Any, wrong: Any, said: str
) -> None:
    with pytest.raises(FilterError, match=f"model_id__in.* {said}"):
        verdicts.cert_json(**(ASKED | {"model_id__in": wrong}))
    assert service.asked == []


def test_several_verdicts_on_one_lumisection_want_the_element(service: Scripted, verdicts: Any) -> None:
    row = {"model_id": 1, "dataset_id": 2, "file_id": 9, "run_number": 3, "ls_number": 4, "mse": 0.5}
    service.will_answer(NO_PATH, status=404)
    service.will_page([{**row, "me_id": 7}, {**row, "me_id": 8}], 10)
    with pytest.raises(FilterError, match="Give me_id too, one of 7, 8"):
        verdicts.get(1, 2, 3, 4)


def test_a_verdict_that_does_not_exist(service: Scripted, verdicts: Any) -> None:
    service.will_answer(NO_PATH, status=404)
    service.will_page([], 10)
    with pytest.raises(
        NotFoundError, match="no verdict has model_id=1, dataset_id=2, run_number=3"
    ) as caught:
        verdicts.get(1, 2, 3, 4)
    assert caught.value.url == "http://dials.test/api/v1/ml-bad-lumisection/"


def test_an_old_service_that_has_no_such_verdict_is_asked_once(service: Scripted, verdicts: Any) -> None:
    service.will_answer({"detail": "No MLBadLumisection matches the given query."}, status=404)
    with pytest.raises(NotFoundError) as caught:
        verdicts.get(1, 2, 3, 4, 5)
    assert caught.value.url == "http://dials.test/api/v1/ml-bad-lumisection/1/2/3/4/5/"


def test_a_new_service_that_has_no_such_verdict_is_asked_in_its_way(service: Scripted, verdicts: Any) -> None:
    service.will_answer(httpx.Response(404, html="<h1>Not Found</h1>"))
    service.will_answer({"detail": "No MLBadLumisection matches the given query."}, status=404)
    with pytest.raises(NotFoundError) as caught:
        verdicts.get(1, 2, 3, 4, 5)
    assert caught.value.url == "http://dials.test/api/v1/ml-bad-lumisection/1/2/3/4/"


def test_where_both_paths_are_unknown_the_error_is_of_what_was_asked(
    service: Scripted, verdicts: Any
) -> None:
    service.will_answer(NO_PATH, NO_PATH, status=404)
    with pytest.raises(NotFoundError) as caught:
        verdicts.get(1, 2, 3, 4, 5)
    assert caught.value.url.endswith("/1/2/3/4/5/")


def test_a_workspace_that_does_not_exist_is_not_looked_for_elsewhere(
    service: Scripted, verdicts: Any
) -> None:
    service.will_answer({"detail": "Workspace 'trackre' not found"}, status=404)
    with pytest.raises(WorkspaceNotFoundError):
        verdicts.get(1, 2, 3, 4, 5)


def test_a_wrong_element(jetmet: Dials) -> None:
    """A v1.12 service has no such verdict; a newer one has no use for the element."""
    key = {"model_id": 19, "dataset_id": 15102369, "run_number": 386951, "ls_number": 36}
    if "me_id" not in jetmet.ml_bad_lumis.get(**key).dict():
        assert jetmet.ml_bad_lumis.get(**key, me_id=99999).dict().items() >= key.items()
        return
    with pytest.raises(NotFoundError) as caught:
        jetmet.ml_bad_lumis.get(**key, me_id=99999)
    assert caught.value.url.endswith("/19/15102369/386951/36/99999/")


def test_lists_that_make_the_url_too_long_are_refused(service: Scripted, models: Any, verdicts: Any) -> None:
    with pytest.raises(FilterError, match=r"MLModelsIndexFilters.(model_)?id__in has 700 values"):
        models.list(MLModelsIndexFilters(id__in=range(1000, 1700)))  # twice, for either generation
    service.will_answer({"detail": 'Method "POST" not allowed.'}, status=405)
    with pytest.raises(FilterError, match=r"run_number__in has 1000 values.*Split the list"):
        verdicts.cert_json([19], [15042670], range(385000, 386000))
    service.will_answer({})
    assert verdicts.cert_json([19], [15042670], range(385000, 386000)) == {}  # a body has room for all


def test_two_values_for_one_identifier(service: Scripted, models: Any) -> None:
    with pytest.raises(FilterError, match="same filter with two values"):
        models.list(MLModelsIndexFilters(id=1, model_id=2))
    service.will_page([], 10)
    models.list(MLModelsIndexFilters(id=1, model_id=1))
    assert service.queries == [{"id": "1", "model_id": "1"}]
