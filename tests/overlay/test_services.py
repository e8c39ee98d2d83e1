"""Workspaces, CAF, Run Registry and luminosity."""

from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.errors import FilterError, SchemaError
from cmsdials.services import CAF, BrilWS, RunRegistry, Workspaces

from .conftest import Scripted


def test_workspaces_of_the_present_service(now: Dials) -> None:
    names = {one["name"] for one in now.workspaces.list()}
    assert {"tracker", "jetmet"} <= names
    assert now.workspaces.default()["name"] == now.workspace.my_workspace()["name"] == "tracker"


def test_workspaces_of_v112(v112: Dials) -> None:
    assert {"tracker", "jetmet"} <= set(v112.workspaces.list()["workspaces"])
    assert v112.workspaces.default() == {"workspace": "tracker"}


@pytest.mark.parametrize("kind", ["golden", "muon", "dcs"])
def test_certification_files_map_runs_to_ranges(now: Dials, kind: Any) -> None:
    file = now.caf.get("Collisions24", kind)
    assert file.name
    assert all(first <= last for ranges in file.content.values() for first, last in ranges)


def test_a_kind_that_does_not_exist_is_refused(service: Scripted) -> None:
    with pytest.raises(FilterError, match="there are golden, muon and dcs"):
        CAF(service.session).get("Collisions24", "silver")  # type: ignore[arg-type]
    assert service.asked == []


def test_run_registry_answers_run_numbers(now: Dials) -> None:
    runs = now.runregistry.editable_datasets("Collisions24", "/PromptReco/Collisions2024B/DQM", "OPEN")
    assert runs
    assert all(isinstance(run, int) for run in runs)


@pytest.mark.parametrize("body", [{"runs": [1]}, ["1"], [1.5]])
def test_run_numbers_are_whole_numbers(service: Scripted, body: Any) -> None:
    service.will_answer(body)
    with pytest.raises(SchemaError, match="not a list of run numbers"):
        RunRegistry(service.session).editable_datasets("a", "b", "c", retries=0)


def test_luminosity_sends_only_what_is_given(service: Scripted, now: Dials) -> None:
    assert now.brilws.brilcalc_lumi(runnumber=382921, byls=True, scope="detailed")
    service.will_answer({})
    BrilWS(service.session).brilcalc_lumi(runnumber=3, byls=True, beamstatus="STABLE BEAMS")
    assert service.queries == [{"runnumber": "3", "beamstatus": "STABLE BEAMS", "byls": "true"}]


def test_none_of_them_sends_a_workspace(service: Scripted) -> None:
    service.will_answer([], {}, [3], {})
    Workspaces(service.session).list()
    Workspaces(service.session).default()
    RunRegistry(service.session).editable_datasets("a", "b", "c")
    BrilWS(service.session).brilcalc_lumi()
    assert not any("Workspace" in request.headers for request in service.asked)
