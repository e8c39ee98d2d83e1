"""A real DIALS answers as this client expects. Read-only, and only with credentials.

`SECRET_KEY` is the secret of an application; `BASE_URL` names another DIALS than production, `WORKSPACE` another
workspace than the default one of the application. Nothing is assumed about what is stored there, but that there is
something: what is asked for by its key was listed before.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import AuthenticationError
from cmsdials.filters import LumisectionFilters, OMSPage, RunFilters

SECRET = os.environ.get("SECRET_KEY", "")
if not SECRET:
    pytest.skip(
        "not run: the real service needs SECRET_KEY (and BASE_URL, optionally)", allow_module_level=True
    )

TABLES = ["dataset_index", "file_index", "run", "lumi", "h1d", "h2d", "ml_models_index", "ml_bad_lumis"]
KEYS = {
    "dataset_index": ["dataset_id"],
    "file_index": ["dataset_id", "file_id"],
    "run": ["dataset_id", "run_number"],
    "lumi": ["dataset_id", "run_number", "ls_number"],
    "h1d": ["dataset_id", "run_number", "ls_number", "me_id"],
    "h2d": ["dataset_id", "run_number", "ls_number", "me_id"],
}


def _dials(secret: str) -> Dials:
    base_url = os.environ.get("BASE_URL") or None
    return Dials(Credentials(token=secret), os.environ.get("WORKSPACE") or None, base_url)


@pytest.fixture(scope="module")
def dials() -> Iterator[Dials]:
    with _dials(SECRET) as client:
        yield client


@pytest.mark.parametrize("name", TABLES)
def test_a_page(dials: Dials, name: str) -> None:
    page = getattr(dials, name).list()
    assert len(page) <= 10
    unknown = {key for row in page for key in row.extra}
    assert not unknown, "the service sends fields that the contract does not know"


@pytest.mark.parametrize("name", KEYS)
def test_a_row_by_its_key(dials: Dials, name: str) -> None:
    resource: Any = getattr(dials, name)
    row = resource.list()[0]
    assert resource.get(**{key: getattr(row, key) for key in KEYS[name]}) == row


def test_pages_follow_each_other(dials: Dials) -> None:
    lumis = dials.lumi.list_all(max_pages=3)
    keys = [(row.dataset_id, row.run_number, row.ls_number) for row in lumis]
    assert len(keys) == len(set(keys))
    assert keys == sorted(keys)
    whole = dials.lumi.list_all(max_pages=2, resume_from=dials.lumi.list_all(max_pages=1))
    assert whole.results == lumis.results


def test_a_filter_is_applied(dials: Dials) -> None:
    run = dials.run.list()[0]
    exactly: dict[str, Any] = {"dataset_id": run.dataset_id, "run_number": run.run_number}
    assert dials.run.list_all(RunFilters(**exactly)).results == [run]
    lumis = dials.lumi.list_all(LumisectionFilters(**exactly), fields=["ls_number"])
    assert len(lumis) == dials.lumi.count(LumisectionFilters(**exactly))


def test_monitoring_elements(dials: Dials) -> None:
    run = dials.run.list()[0]
    known = {me.me_id: me.me for me in dials.mes.list()}
    for me in dials.mes.list_run(run.dataset_id, run.run_number):
        assert known[me.me_id] == me.me


def test_workspaces(dials: Dials) -> None:
    assert dials.workspaces.list()
    assert dials.workspaces.default()


def test_oms(dials: Dials) -> None:
    answer = dials.oms.query("runs", pages=[OMSPage(attribute_name="limit", value=1)])
    assert len(answer["data"]) == 1


def test_a_wrong_secret_is_refused() -> None:
    with _dials("wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.run.list()
