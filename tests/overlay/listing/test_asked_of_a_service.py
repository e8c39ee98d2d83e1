"""Any filters, asked of a sandbox of either generation: its answers pass, and one with a row too many does not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import httpx
import pytest
from cmsdials import Dials, filters
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import SchemaError
from cmsdials_api.resources import RESOURCES
from cmsdials_sandbox import Sandbox
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.overlay.conftest import Scripted

pytestmark = pytest.mark.filterwarnings("ignore:no rows")

Query = dict[str, Any]
Row = dict[str, Any]

FIELDS = ["dataset_id", "dataset", "me", "file_id", "run_number", "ls_number", "me_id", "entries"]
"""Of histograms: without their contents, which no filter is about."""

FILES = {"file_id": st.just(3393809397)}
DATASETS = {
    "dataset_id": st.sampled_from([14677060, 15102369, 1]),
    "dataset": st.sampled_from(
        ["/ZeroBias/Run2024B-PromptReco-v1/DQMIO", " /ZeroBias/Run2024B-PromptReco-v1/DQMIO ", "/A/B/C"]
    ),
    "dataset__regex": st.sampled_from(["2024B", "(?i)zerobias", "^/Z.*DQMIO$", "Run202[2-3]|JetMET", "v1 "]),
}
RUNS = {
    "run_number": st.sampled_from([367112, 386951, 360392, 1]),
    "run_number__gte": st.integers(360_000, 370_000),
    "run_number__lte": st.integers(360_000, 390_000),
}
LUMISECTIONS = {
    "ls_number": st.integers(1, 4),
    "ls_number__gte": st.integers(0, 3),
    "ls_number__lte": st.integers(2, 10**12),
}
ELEMENTS = {
    "me": st.sampled_from(
        ["PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1", "JetMET/Jet/Cleanedak4PFJetsCHS/Pt"]
    ),
    "me__regex": st.sampled_from(
        [
            "PXBarrel",
            r"EE \+$",
            "EEOT digi occupancy EE +",
            "(?i)PXLAYER_[12]",
            r"Layer_\d",
            "Pt|charge",
            "[^a-z]$",
        ]
    ),
}
HISTOGRAMS = {
    **DATASETS,
    **RUNS,
    **LUMISECTIONS,
    **ELEMENTS,
    **FILES,
    "me_id": st.sampled_from([1, 2, 100]),
    "entries__gte": st.sampled_from([0, 1, 1000, 30_000, 100_000]),
}
NUMBERS = st.lists(st.sampled_from([1, 19, 20, 14677060, 15102369, 385764, 386951]), min_size=1, max_size=4)
MODELS = {"model_id": st.sampled_from([1, 19, 7]), "model_id__in": NUMBERS}
KNOWN: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "dataset_index": {name: DATASETS[name] for name in ("dataset", "dataset__regex")},
    "file_index": {
        **DATASETS,
        "status": st.sampled_from(["FINISHED", "COPY_ERROR", "finished"]),
        "min_size": st.sampled_from([0, 10**6, 10**9, 2 * 10**9, 10**12]),
        "logical_file_name__regex": st.sampled_from(["root$", "[0-4]", "/store/.*a"]),
    },
    "mes": {**ELEMENTS, "dim": st.integers(0, 3)},
    "run": {**DATASETS, **RUNS, "dataset_id__in": NUMBERS},
    "lumi": {**DATASETS, **RUNS, **LUMISECTIONS},
    "h1d": HISTOGRAMS,
    "h2d": HISTOGRAMS,
    "ml_models_index": {**MODELS, "active": st.booleans()},
    "ml_bad_lumis": {**DATASETS, **MODELS, "run_number__in": NUMBERS, "dataset_id__in": NUMBERS},
}
KNOWN["ml_bad_lumis"] |= {"run_number": RUNS["run_number"], "ls_number": st.sampled_from([36, 1])}
OF_GENERATION: dict[tuple[str, str], dict[str, st.SearchStrategy[Any]]] = {
    ("now", "ml_models_index"): {
        "ready": st.booleans(),
        "type": st.sampled_from(["AE", "onnx", "x"]),
        "name": st.sampled_from(["a", "b"]),
        "name__regex": st.sampled_from(["a", "_", "[0-9]"]),
        "input_signature_contains_me__regex": st.sampled_from(["Jet", "Pt$"]),
        "input_signature_contains_me": ELEMENTS["me"],
        "tag_name": st.sampled_from(["a"]),
    },
    ("v1.12", "ml_models_index"): {
        "filename": st.sampled_from(["a.onnx"]),
        "filename__regex": st.sampled_from(["onnx$", "a", "[0-9]"]),
        "target_me": ELEMENTS["me"],
        "target_me__regex": ELEMENTS["me__regex"],
    },
    ("v1.12", "ml_bad_lumis"): {"me_id": HISTOGRAMS["me_id"], **ELEMENTS},
}
ELSEWHERE = {
    *("input_signature_contains_me", "input_signature_contains_me__regex", "tag_name"),
    *("logical_file_name", "logical_file_name__regex"),
}
"""Filters that rows do not show."""

SMALL: dict[str, Query] = {
    "lumi": {"run_number__gte": 367000, "run_number__lte": 367200, "ls_number__lte": 9},
    "h1d": {"run_number__gte": 360392, "run_number__lte": 367112, "ls_number__lte": 2},
    "h2d": {"run_number__gte": 360392, "run_number__lte": 367112, "ls_number__lte": 2},
}
"""What all filters of a large list are joined with."""


@pytest.fixture(params=["now", "v1.12"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    found: Sandbox = request.getfixturevalue(f"sandbox_{request.param.replace('v1.12', 'v112')}")
    return found


def queries(sandbox: Sandbox, name: str) -> st.SearchStrategy[Query]:
    known = {**KNOWN[name], **OF_GENERATION.get((sandbox.generation, name), {})}
    return st.sets(st.sampled_from(sorted(known)), max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({one: known[one] for one in sorted(names)})
    )


def filters_of(name: str, query: Query) -> Any:
    wanted = {**SMALL.get(name, {}), **query}
    for low in [one for one in wanted if one.endswith("__gte")]:
        high = low.replace("__gte", "__lte")
        if high in wanted and wanted[low] > wanted[high]:
            wanted[low], wanted[high] = wanted[high], wanted[low]
    return getattr(filters, RESOURCES[name].filters.__name__)(**wanted)


@contextmanager
def asking(sandbox: Sandbox, name: str) -> Iterator[Callable[[Query], list[Row]]]:
    """Yield what asks the sandbox itself, without the client, for all rows."""
    workspace = "jetmet" if name.startswith("ml_") else "tracker"
    headers = {"X-CLIENT-SECRET": sandbox.secret, "Workspace": workspace}

    def ask(query: Query) -> list[Row]:
        sent = {
            one: ",".join(map(str, value)) if isinstance(value, list) else value
            for one, value in query.items()
        }
        sent |= {one.replace("model_", ""): value for one, value in sent.items() if name == "ml_models_index"}
        sent |= {"page_size": 500} if RESOURCES[name].paginated else {}
        sent |= {"fields": ",".join(FIELDS)} if name in ("h1d", "h2d") else {}
        rows: list[Row] = []
        while True:
            answer: Any = client.get(RESOURCES[name].path, params=sent).raise_for_status().json()
            if isinstance(answer, list):
                return answer
            rows += answer["results"]
            if answer["next"] is None:
                return rows
            sent["next_token"] = httpx.URL(answer["next"]).params["next_token"]

    with httpx.Client(base_url=sandbox.url, headers=headers) as client:
        yield ask


@pytest.mark.parametrize("name", KNOWN)
def test_a_true_answer_passes_and_one_with_a_row_too_many_does_not(sandbox: Sandbox, name: str) -> None:
    workspace = "jetmet" if name.startswith("ml_") else "tracker"
    with asking(sandbox, name) as ask:
        hold(sandbox, name, workspace, ask)


def hold(sandbox: Sandbox, name: str, workspace: str, ask: Callable[[Query], list[Row]]) -> None:
    everything = ask(SMALL.get(name, {}))
    fields: Any = {"fields": FIELDS} if name in ("h1d", "h2d") else {}
    keys = RESOURCES[name].keys_v1_12 or RESOURCES[name].keys
    key = itemgetter(
        *(one if one in everything[0] else "id" for one in keys if one in everything[0] or one == "model_id")
    )
    assert everything

    with Dials(Credentials(token=sandbox.secret), workspace, sandbox.url) as dials:
        resource = getattr(dials, name)

        @settings(max_examples=max(10, settings().max_examples // 8))
        @given(st.data())
        def check(data: st.DataObject) -> None:
            asked = filters_of(name, data.draw(queries(sandbox, name)))
            true = ask(asked.given())
            came = resource.list_all(asked, **fields)
            assert [key(row.dict()) for row in came] == [key(row) for row in true]
            excluded = [row for row in everything if row not in true]
            shows = not asked.given().keys() & ELSEWHERE and (
                name != "ml_bad_lumis"
                or not asked.given().keys() & {"dataset", "dataset__regex", "me", "me__regex"}
            )
            if excluded and shows:
                rows = sorted([*true, data.draw(st.sampled_from(excluded))], key=key)[-500:]
                page: Any = {"next": None, "previous": None, "results": rows}
                broken = Scripted(workspace)
                broken.will_answer(page if RESOURCES[name].paginated else rows)
                if len(true) < 500:
                    with pytest.raises(SchemaError, match="the service has ignored this filter"):
                        getattr(broken.dials, name).list_all(asked, **fields)

        check()
