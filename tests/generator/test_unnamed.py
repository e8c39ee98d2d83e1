"""What a contract lacks names and words for: the lines to add, and nothing where nothing is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cmsdials_generator import canonical, project
from cmsdials_generator.unnamed import as_text, unnamed

Json = Any


@pytest.fixture
def contract() -> Json:
    return json.loads(project.CONTRACT.read_bytes())


def missing(contract: Json) -> dict[str, tuple[str, ...]]:
    names, words = canonical.load_names(), canonical.load_words()
    named = canonical.describe(canonical.name(contract, names), words)
    return {f"{one.file} {one.section}": one.lines for one in unnamed(named, names, words)}


def rows(name: str) -> Json:
    answer = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    return {"200": {"description": "", "content": {"application/json": {"schema": answer}}}}


def test_our_contract_lacks_nothing(contract: Json) -> None:
    assert missing(contract) == {}
    assert as_text(()) == ""


def test_a_list_that_is_like_no_other(contract: Json) -> None:
    contract["components"]["schemas"]["Shift"] = {
        "type": "object",
        "properties": {"leader": {"type": "string"}, "run_number": {"type": "integer"}},
    }
    contract["paths"] |= {
        "/api/v1/shift-leader/": {
            "get": {"responses": rows("Shift"), "parameters": [{"name": "leader__regex", "in": "query", "schema": {"type": "string"}}]}
        },
        "/api/v1/shift-leader/{run_number}/": {"get": {"responses": {}}},
        "/api/v1/shift-leader/count/": {"get": {"responses": {}}},
        "/api/v1/run/": contract["paths"]["/api/v1/run/"] | {"post": {"responses": {}}},
    }  # fmt: skip
    assert missing(contract) == {
        "names.yaml operations": (
            "(below /api/v1/run/:)   post: {operationId: post_run, tag: run}",
            "/api/v1/shift-leader/:",
            "  get: {operationId: list_shift_leader, tag: shift_leader}",
            "/api/v1/shift-leader/count/:",
            "  get: {operationId: count_shift_leader, tag: shift_leader}",
            "/api/v1/shift-leader/{run_number}/:",
            "  get: {operationId: get_shift_leader, tag: shift_leader}",
        ),
        "names.yaml fields": ("Shift: [leader, run_number]",),
        "names.yaml filters": ("shift_leader: ShiftFilters",),
        "words.yaml tags": ("shift_leader: TO BE WRITTEN",),
        "words.yaml operations": (
            "post_run: TO BE WRITTEN",
            "list_shift_leader: TO BE WRITTEN",
            "count_shift_leader: TO BE WRITTEN",
            "get_shift_leader: TO BE WRITTEN",
        ),
        "words.yaml schemas": ("Shift: TO BE WRITTEN",),
        "words.yaml fields": ("leader: TO BE WRITTEN",),
    }


def test_a_new_field_and_a_bound_that_is_text(contract: Json) -> None:
    contract["components"]["schemas"]["Run"]["properties"]["fill"] = {"type": "integer"}
    contract["paths"]["/api/v1/run/"]["get"]["parameters"].append(
        {"name": "fill__lte", "in": "query", "required": False, "schema": {"type": "string"}}
    )
    found = missing(contract)
    assert found["names.yaml fields"] == (
        "Run: [dataset_id, dataset, run_number, ls_count, ls_completeness, fill]",
    )
    assert found["words.yaml fields"] == ("fill: TO BE WRITTEN",)
    assert found["repairs.overlay.yaml actions"][0] == (
        "- target: $.paths[*][*].parameters[?@.name=='fill__lte' && @.in=='query'].schema"
    )
    assert len(found) == 3
