"""Workspaces, CAF, Run Registry and luminosity."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cmsdials import Dials
from cmsdials.errors import DialsError, FilterError, NotFoundError, SchemaError

from tests.overlay.conftest import Scripted


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
    assert file.content
    assert all(first <= last for ranges in file.content.values() for first, last in ranges)


def test_a_kind_that_does_not_exist_is_refused(service: Scripted) -> None:
    with pytest.raises(FilterError, match="there are golden, muon and dcs"):
        service.dials.caf.get("Collisions24", "silver")
    assert service.asked == []


def test_run_registry_answers_run_numbers(now: Dials) -> None:
    runs = now.runregistry.editable_datasets("Collisions24", "/PromptReco/Collisions2024B/DQM", "OPEN")
    assert runs
    assert all(isinstance(run, int) for run in runs)


@pytest.mark.parametrize("body", [{"runs": [1]}, ["1"], [1.5]])
def test_run_numbers_are_whole_numbers(service: Scripted, body: Any) -> None:
    service.will_answer(body)
    with pytest.raises(SchemaError, match="not a list of run numbers"):
        service.dials.runregistry.editable_datasets("a", "b", "c", retries=0)


def test_luminosity_sends_only_what_is_given(service: Scripted, now: Dials) -> None:
    assert now.brilws.brilcalc_lumi(runnumber=382921, byls=True, scope="detailed")
    service.will_answer({})
    service.dials.brilws.brilcalc_lumi(runnumber=3, byls=True, beamstatus="STABLE BEAMS")
    assert service.queries == [{"runnumber": "3", "beamstatus": "STABLE BEAMS", "byls": "true"}]


def test_none_of_them_sends_a_workspace(service: Scripted) -> None:
    service.will_answer([], {}, [3], {})
    service.dials.workspaces.list()
    service.dials.workspaces.default()
    service.dials.runregistry.editable_datasets("a", "b", "c")
    service.dials.brilws.brilcalc_lumi()
    assert not any("Workspace" in request.headers for request in service.asked)


@pytest.mark.parametrize(
    ("asking", "said"),
    [
        (lambda dials: dials.caf.get(None), "class_name takes text, not None"),
        (
            lambda dials: dials.runregistry.editable_datasets("a", 3, "c"),
            "dataset_name takes text, not 3",
        ),
        (lambda dials: dials.brilws.brilcalc_lumi(runnumber="x"), "runnumber takes a whole number"),
        (lambda dials: dials.brilws.brilcalc_lumi(byls="x"), "byls takes True or False"),
        (lambda dials: dials.brilws.brilcalc_lumi(scope="x"), "there is no scope 'x'"),
    ],
)
def test_arguments_of_another_kind_are_refused(
    service: Scripted, asking: Callable[[Any], Any], said: str
) -> None:
    with pytest.raises(FilterError, match=said):
        asking(service.dials)
    assert service.asked == []


ASKING: dict[str, Callable[[Any], Any]] = {
    "workspaces": lambda dials: dials.workspaces.list(retries=0),
    "caf": lambda dials: dials.caf.get("Collisions24", retries=0),
    "runregistry": lambda dials: dials.runregistry.editable_datasets("a", "b", "c", retries=0),
    "brilws": lambda dials: dials.brilws.brilcalc_lumi(runnumber=3, retries=0),
}
FAILING: dict[str, Callable[[], Any]] = {
    "404": lambda: httpx.Response(404, json={"detail": "Nothing there."}),
    "403": lambda: httpx.Response(403, json={"detail": "no"}),
    "504": lambda: httpx.Response(504, html="<h1>Gateway Time-out</h1>"),
    "timeout": lambda: httpx.ReadTimeout("slow"),
}


@pytest.mark.parametrize("asking", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING)
def test_the_advice_is_about_what_was_asked(
    service: Scripted, asking: Callable[[Any], Any], failing: Callable[[], Any]
) -> None:
    """Not about ids, workspaces, monitoring elements or cursors, which none of these has."""
    service.will_answer(failing(), failing())
    with pytest.raises(DialsError) as caught:
        asking(service.dials)
    advice = caught.value.advice
    assert advice
    assert not [word for word in ("workspace", "me_id", "page_size", "ids", "cursor") if f" {word}" in advice]


def test_advice_for_this_very_error_stays(service: Scripted) -> None:
    service.will_answer(httpx.Response(404, html="<h1>Not Found</h1>"))
    with pytest.raises(NotFoundError, match="knows no such path: check base_url"):
        service.dials.caf.get("Collisions24")


def test_a_file_that_does_not_exist(now: Dials) -> None:
    with pytest.raises(NotFoundError, match="check class_name"):
        now.caf.get("Collisions99")
