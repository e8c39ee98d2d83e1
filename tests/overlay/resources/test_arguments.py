"""What is written where it does not belong: the error says what was meant, and stays the error that Python would raise."""

import copy
import inspect
import pickle
import pydoc
from collections.abc import Callable
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import DialsError, UnknownFilterError, UnknownNameError
from cmsdials.filters import LumisectionHistogram1DFilters, MEFilters, MLBadLumisectionFilters, RunFilters


@pytest.fixture(scope="module")
def dials() -> Dials:
    return Dials(Credentials(token="a-secret"), "tracker")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda dials: dials.run.list_all(run_number=367112), "pass RunFilters(run_number=367112)"),
        (lambda dials: dials.run.list(run_number=367112), "pass RunFilters(run_number=367112)"),
        (lambda dials: dials.run.count(run_number=367112), "pass RunFilters(run_number=367112)"),
        (lambda dials: dials.h1d.to_pandas(me_id=1), "pass LumisectionHistogram1DFilters(me_id=1)"),
        (lambda dials: dials.lumi.pages(ls_number=1), "pass LumisectionFilters(ls_number=1)"),
        (lambda dials: dials.mes.list(me__regex="PX"), "pass MEFilters(me__regex='PX')"),
        (lambda dials: dials.mes.list_all(dim=2), "pass MEFilters(dim=2)"),
        (lambda dials: dials.run.list_all(page_size=5), "pass RunFilters(page_size=5)"),
        (lambda dials: dials.run.list(limit=5), "pass RunFilters(page_size=...)"),
        (lambda dials: dials.run.list_all(limit=5), "max_pages= is how many pages"),
        (lambda dials: dials.run.list_all(run_number__in=[1]), "in a loop over them"),
        (lambda dials: dials.run.list_all(max_page=5), "Did you mean max_pages=?"),
        (lambda dials: dials.run.list_all(progress=True), "Did you mean enable_progress=?"),
        (lambda dials: dials.run.list_all(run=5), "Did you mean the filter RunFilters(run_number=...)?"),
        (lambda dials: dials.run.list_all(workspace="jetmet"), "an argument of Dials(creds, workspace=...)"),
        (lambda dials: dials.run.get(dataset_id=1, run=5), "Did you mean run_number=?"),
        (lambda dials: dials.run.get(dataset_id=1, xyz=5), "It takes dataset_id, run_number, retries."),
        (
            lambda dials: dials.mes.list(limit=5),
            "It takes filters, retries, fields. Filters go into MEFilters",
        ),
        (lambda dials: dials.h1d.coverage(results=[]), "Did you mean result=?"),
        (lambda dials: dials.ml_bad_lumis.cert_json(model_ids=[1]), "Did you mean model_id__in=?"),
    ],
)
def test_an_argument_that_a_method_does_not_take(
    dials: Dials, call: Callable[[Dials], Any], said: str
) -> None:
    with pytest.raises(UnknownNameError, match="takes no argument") as caught:
        call(dials)
    assert said in str(caught.value)
    assert isinstance(caught.value, DialsError)
    assert isinstance(caught.value, TypeError)
    assert "a-secret" not in str(caught.value)


def test_what_is_long_is_cut_and_what_is_secret_masked(dials: Dials) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
    with pytest.raises(UnknownNameError) as caught:
        dials.run.list_all(next_token=token)  # type: ignore[call-arg]
    assert token not in repr(vars(caught.value)) + str(caught.value)
    with pytest.raises(UnknownNameError) as caught:
        dials.run.list_all(dataset="x" * 1000)  # type: ignore[call-arg]
    assert len(str(caught.value)) < 300


def test_signatures_and_words_stay(dials: Dials) -> None:
    for resource in (dials.run, dials.h1d, dials.mes, dials.ml_bad_lumis):
        for name in ("list", "list_all", "get"):
            method = getattr(resource, name)
            assert method.__doc__
            kinds = {one.kind for one in inspect.signature(method).parameters.values()}
            assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert "max_pages: 'int | None' = None" in pydoc.render_doc(dials.run.list_all)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("runs", "run"),
        ("lumis", "lumi"),
        ("lumisection", "lumi"),
        ("lumisections", "lumi"),
        ("th1", "h1d"),
        ("th2", "h2d"),
        ("H2D", "h2d"),
        ("me", "mes"),
        ("dataset", "datasets"),
        ("dataset_indexes", "dataset_index"),
        ("files", "file_index"),
        ("ml_models", "ml_models_index"),
        ("bad_lumis", "ml_bad_lumis"),
        ("run_registry", "runregistry"),
    ],
)
def test_a_resource_that_there_is_not(dials: Dials, name: str, meant: str) -> None:
    with pytest.raises(
        UnknownNameError, match=f"no resource '{name}'. Did you mean dials.{meant}\\?"
    ) as caught:
        getattr(dials, name)
    assert isinstance(caught.value, AttributeError)
    assert not hasattr(dials, name)


def test_a_resource_like_none(dials: Dials) -> None:
    with pytest.raises(UnknownNameError, match=r"There are dataset_index, .*oms") as caught:
        dials.xyzzy  # type: ignore[attr-defined]  # noqa: B018  # it raises
    assert "_session" not in str(caught.value)


def test_what_python_looks_for_is_not_a_resource(dials: Dials) -> None:
    for name in ("_ipython_display_", "__len__", "_session_"):
        with pytest.raises(AttributeError) as caught:
            getattr(dials, name)
        assert not isinstance(caught.value, UnknownNameError)
    assert copy.copy(dials).base_url == pickle.loads(pickle.dumps(dials)).base_url == dials.base_url
    assert copy.copy(UnknownNameError("a", advice="b")).advice == "b"


@pytest.mark.parametrize(
    ("filters", "name", "said"),
    [
        (RunFilters, "run_number__in", "in a loop over them, or ask for all between run_number__gte= and"),
        (LumisectionHistogram1DFilters, "me_id__in", "takes one me_id at a time: ask in a loop over them. "),
        (MEFilters, "me__contains", "me__regex=, a regular expression"),
        (LumisectionHistogram1DFilters, "dataset__startswith", "dataset__regex=, a regular expression"),
    ],
)
def test_filters_that_this_list_lacks(filters: Any, name: str, said: str) -> None:
    with pytest.raises(UnknownFilterError) as caught:
        filters(**{name: [1, 2]})
    assert said in caught.value.advice
    assert pickle.loads(pickle.dumps(caught.value)).advice == caught.value.advice
    MLBadLumisectionFilters(run_number__in=[1, 2])


def test_where_each_resource_is_asked(dials: Dials) -> None:
    other = Dials(Credentials(token="x"), base_url="http://localhost:1/dials", route="rest", version="v2/")
    resources = [one for one in vars(other) if not one.startswith("_")]
    assert {getattr(other, one).api_url for one in resources} == {"http://localhost:1/dials/rest/v2/"}
    assert {getattr(dials, one).api_url for one in resources} == {dials.base_url + "api/v1/"}
    assert (other.oms.route, other.oms.version, other.oms.base_url) == ("rest/", "v2/", other.base_url)
