"""Nodes of the wrong JSON type are taken out and named; everything else is left alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cmsdials_generator.pull import make_contract
from cmsdials_generator.shape import well_typed

Json = Any

RUNS = ("paths", "/api/v1/run/")
SLIPS: dict[str, tuple[tuple[str | int, ...], Json, str]] = {
    "path item": (RUNS, None, "null where an object is needed"),
    "operation": ((*RUNS, "get"), [], "an array where an object is needed"),
    "parameters": ((*RUNS, "get", "parameters"), {}, "an object where an array is needed"),
    "parameter": ((*RUNS, "get", "parameters", 1), "x", "a string where an object is needed"),
    "name": ((*RUNS, "get", "parameters", 1, "name"), 3, "a number where a string is needed"),
    "content": ((*RUNS, "get", "responses", "200", "content"), True, "a boolean where an object is needed"),
    "answers": ((*RUNS, "get", "responses"), None, "null where an object is needed"),
    "schemas": (("components", "schemas"), [], "an array where an object is needed"),
    "field": (
        ("components", "schemas", "Run", "properties", "dataset"),
        None,
        "null where an object is needed",
    ),
    "required": (
        ("components", "schemas", "Run", "required"),
        "dataset",
        "a string where an array is needed",
    ),
    "required name": (("components", "schemas", "Run", "required", 0), None, "null where a string is needed"),
    "scheme": (("components", "securitySchemes", "Secret Key"), 1.5, "a number where an object is needed"),
    "components": (("components",), 7, "a number where an object is needed"),
}


def parent_of(document: Json, path: tuple[str | int, ...]) -> Json:
    for step in path[:-1]:
        document = document[step]
    return document


@pytest.fixture(params=SLIPS.values(), ids=list(SLIPS))
def slip(request: pytest.FixtureRequest, published: Json) -> tuple[Json, Json, str]:
    """A document with a slip, the document without that node, and how the slip is named."""
    path, wrong, problem = request.param
    without = copy.deepcopy(published)
    del parent_of(without, path)[path[-1]]
    parent_of(published, path)[path[-1]] = wrong
    return published, without, f"{'/'.join(map(str, path))}: {problem}"


def test_a_node_of_the_wrong_type_is_taken_out_and_named(slip: tuple[Json, Json, str]) -> None:
    document, without, problem = slip
    assert well_typed(document) == (without, (problem,))


@pytest.mark.usefixtures("corrections")
def test_a_contract_is_made_all_the_same_and_has_the_problem(slip: tuple[Json, Json, str]) -> None:
    document, without, problem = slip
    made = make_contract(document)
    assert made.problems[0] == problem
    assert made.content == make_contract(without).content


def test_every_slip_of_a_document_is_named(published: Json) -> None:
    published["paths"]["/api/v1/run/"] = None
    published["components"]["schemas"]["Run"] = "object"
    assert len(well_typed(published)[1]) == 2


def test_a_well_typed_document_is_left_as_it_is(published: Json) -> None:
    assert well_typed(published) == (published, ())


def test_a_boolean_is_a_schema() -> None:
    schema = {"additionalProperties": False, "properties": {"any": True}}
    document = {"paths": {}, "components": {"schemas": {"X": schema}}}
    assert well_typed(document) == (document, ())


def test_examples_and_extensions_may_be_anything(published: Json) -> None:
    published["paths"]["x-groups"] = None
    published["components"]["schemas"]["Run"] |= {"example": None, "default": 3, "x-order": []}
    assert well_typed(published) == (published, ())
