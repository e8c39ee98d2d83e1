"""From a published document to the contract: what is written, and what stops it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator import lock, project
from cmsdials_generator.pull import CannotPull, make_contract, pull
from cmsdials_generator.read import CannotRead

Json = Any

pytestmark = pytest.mark.usefixtures("corrections")


@pytest.fixture
def source(tmp_path: Path, published: Json) -> Path:
    """The published document of the miniature, as a file."""
    path = tmp_path / "published.json"
    path.write_text(json.dumps(published), encoding="utf-8")
    return path


@pytest.fixture
def changed_source(source: Path, published: Json) -> Path:
    """The same, with a repair overtaken by upstream."""
    parameter = published["paths"]["/api/v1/run/"]["get"]["parameters"][0]
    parameter["schema"]["type"] = "integer"
    source.write_text(json.dumps(published), encoding="utf-8")
    return source


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of our own in a temporary folder, with its contract and its lock."""
    monkeypatch.setattr(project, "CONTRACT", tmp_path / "openapi.json")
    monkeypatch.setattr(project, "LOCK", tmp_path / "generation.lock")
    return tmp_path


def test_the_contract_is_the_corrected_document(published: Json) -> None:
    made = make_contract(published)
    assert (made.stale, made.problems) == ((), ())
    assert len(made.actions) == 20
    assert list(made.document["paths"]) == [
        "/api/v1/auth/device-token/",
        "/api/v1/run/",
        "/api/v1/run/{dataset_id}/{run_number}/",
        "/api/v1/shifts/",
    ]
    assert made.document["components"]["securitySchemes"] == {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Access token of a person or of an application.",
        }
    }
    assert made.document["components"]["schemas"]["Run"] == {
        "type": "object",
        "description": "A run of a dataset.",
        "required": ["dataset", "run_number"],
        "properties": {
            "dataset_id": {
                "type": "integer",
                "description": "Identifier of the dataset, a number of 8 digits such as 14677060.",
            },
            "dataset": {
                "type": "string",
                "description": "Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.",
            },
            "run_number": {
                "type": "integer",
                "description": "Number of the run, a period of data taking, such as 367112.",
            },
            "ls_count": {
                "type": "integer",
                "description": "Number of lumisections of the run that DIALS holds.",
            },
            "ls_completeness": {
                "type": "number",
                "nullable": True,
                "description": "Fraction of the run's lumisections that DIALS holds; null where it is not known. "
                "Not sent by v1.12.",
            },
        },
    }


def test_no_wording_of_upstream_is_left(published: Json) -> None:
    assert b"upstream" not in make_contract(published).content


def test_the_published_document_is_not_changed(published: Json) -> None:
    before = json.dumps(published)
    make_contract(published)
    assert json.dumps(published) == before


def test_the_same_document_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    pull(str(source), tmp_path / "one.json")
    pull(str(source), tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_file_holds_the_contract_returned(source: Path, tmp_path: Path) -> None:
    published, contract = pull(str(source), tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == contract.content
    assert (published.source, published.warnings) == (str(source), ())


def test_a_stale_correction_stops_it_with_its_name(changed_source: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotPull) as stop:
        pull(str(changed_source), tmp_path / "out.json")
    message = str(stop.value)
    assert "1 correction(s) no longer fit" in message
    assert (
        "repairs.overlay.yaml: $.paths['/api/v1/run/'].get.parameters[?@.name=='page_size'].schema" in message
    )
    assert "made because: A whole number." in message
    assert "expected: {'type': 'number'}\n      but: type is 'integer'" in message
    assert "upstream fixed it: delete this action" in message
    assert "Nothing was written" in message


def test_nothing_is_written_when_a_correction_is_stale(changed_source: Path, own: Path) -> None:
    (own / "openapi.json").write_text("as it was", encoding="utf-8")
    with pytest.raises(CannotPull):
        pull(str(changed_source), own / "openapi.json")
    assert (own / "openapi.json").read_text(encoding="utf-8") == "as it was"
    assert not (own / "generation.lock").exists()


def test_every_stale_correction_is_named(published: Json) -> None:
    del published["paths"]["/api/v1/run/"]
    targets = [stale.target for stale in make_contract(published).stale]
    assert [target for target in targets if not target.startswith("$.paths['/api/v1/run/'].get.")] == []
    assert len(targets) == 4


def test_an_addition_published_in_the_meantime_is_stale(published: Json) -> None:
    published["components"]["schemas"]["Run"]["properties"]["ls_completeness"] = {"type": "integer"}
    (stale,) = make_contract(published).stale
    assert (stale.document, stale.target) == ("additions.overlay.yaml", "$.components.schemas.Run")
    assert stale.found == "properties.ls_completeness.type is published now, as 'integer'"


def test_a_withdrawn_field_is_not_brought_back(published: Json) -> None:
    del published["components"]["schemas"]["Run"]["properties"]["dataset"]
    made = make_contract(published)
    run = made.document["components"]["schemas"]["Run"]
    assert "dataset" not in run["properties"]
    assert [stale.found for stale in made.stale] == ["properties.dataset is not there"]


INVALID = {
    "a type of no language": (
        "components schemas Shift properties leader type",
        "text",
        "component Shift field leader: 'text' is not a type of JSON Schema; string is meant, perhaps",
    ),
    "a reference to nowhere": (
        "components schemas Shift properties leader",
        {"$ref": "#/components/schemas/Person"},
        "/components/schemas/Person",
    ),
    "an undeclared path parameter": (
        "paths /api/v1/shifts get parameters",
        [{"name": "day", "in": "path", "required": True, "schema": {"type": "string"}}],
        "day",
    ),
    "a node of the wrong JSON type": (
        "paths /api/v1/shifts get responses",
        None,
        "null where an object is needed",
    ),
}


@pytest.mark.parametrize(("path", "value", "named"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_result_stops_it(
    source: Path, tmp_path: Path, published: Json, path: str, value: Json, named: str
) -> None:
    *way, last = path.split(" ")
    node = published
    for step in way:
        node = node[step]
    node[last] = value
    source.write_text(json.dumps(published), encoding="utf-8")
    with pytest.raises(CannotPull) as stop:
        pull(str(source), tmp_path / "out.json")
    assert "is not a valid OpenAPI document" in str(stop.value)
    assert named in str(stop.value)
    assert not (tmp_path / "out.json").exists()


def test_a_document_that_is_not_quite_json_is_read_with_a_warning(
    source: Path, tmp_path: Path, published: Json
) -> None:
    text = json.dumps(published, indent=2)
    source.write_text(text.replace('"leader"\n', '"leader",\n', 1), encoding="utf-8")
    read, contract = pull(str(source), tmp_path / "out.json")
    assert len(read.warnings) == 1
    assert "trailing comma" in read.warnings[0]
    assert contract.content == make_contract(published).content


def test_a_document_that_is_not_there_is_not_pulled(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="no such file"):
        pull(str(tmp_path / "none.json"), tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "no" / "such" / "folder.json"
    with pytest.raises(CannotPull, match=r"cannot write .*folder\.json: No such file or directory"):
        pull(str(source), out)


def test_the_project_s_own_contract_is_recorded(source: Path, own: Path) -> None:
    _, contract = pull(str(source), own / "openapi.json")
    recorded = lock.read()["pull"]
    assert recorded == {
        "published_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "published_version": "v7.1",
        "contract_sha256": hashlib.sha256(contract.content).hexdigest(),
        "corrections": [f"{action.document}: {action.target}" for action in contract.actions],
    }
    assert recorded["corrections"][0] == "repairs.overlay.yaml: $.components.securitySchemes['Secret Key']"


def test_recording_keeps_what_generate_recorded(source: Path, own: Path) -> None:
    lock.record_generation(b"{}")
    before = lock.read()["generate"]
    pull(str(source), own / "openapi.json")
    assert lock.read()["generate"] == before


def test_the_lock_is_the_same_for_the_same_document(source: Path, own: Path) -> None:
    pull(str(source), own / "openapi.json")
    first = (own / "generation.lock").read_bytes()
    pull(str(source), own / "openapi.json")
    assert (own / "generation.lock").read_bytes() == first


def test_another_contract_is_not_recorded(source: Path, own: Path) -> None:
    pull(str(source), own / "elsewhere.json")
    assert not (own / "generation.lock").exists()
