"""The canonical form, step by step, and what must hold of the contract that came out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest
from cmsdials_generator import canonical, project
from cmsdials_generator.canonical import Names, Words
from cmsdials_generator.pull import make_contract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV30SpecValidator

Json = Any


def schema_document(**schemas: Json) -> dict[str, Json]:
    return {"openapi": "3.0.3", "paths": {}, "components": {"schemas": schemas}}


def operation_document(path: str = "/api/v1/x/", method: str = "get", **operation: Json) -> dict[str, Json]:
    return {"openapi": "3.0.3", "paths": {path: {method: {"responses": {}, **operation}}}, "components": {}}


# strip


def stripped_operation(**operation: Json) -> Json:
    return canonical.strip(operation_document(**operation))["paths"]["/api/v1/x/"]["get"]


def stripped_schema(schema: Json) -> Json:
    return canonical.strip(schema_document(X=schema))["components"]["schemas"]["X"]


@pytest.mark.parametrize(
    "wording",
    [
        {"description": "w"},
        {"summary": "w"},
        {"tags": ["w"]},
        {"operationId": "w"},
        {"externalDocs": {"url": "w"}},
        {"x-code-samples": ["w"]},
    ],
    ids=lambda wording: next(iter(wording)),
)
def test_strip_drops_the_wording_of_an_operation(wording: Json) -> None:
    assert stripped_operation(**wording, deprecated=True) == {"deprecated": True, "responses": {}}


@pytest.mark.parametrize("key", ["description", "title", "example", "examples", "externalDocs", "x-order"])
def test_strip_drops_the_wording_of_a_schema_at_every_depth(key: str) -> None:
    def schema(**wording: Json) -> Json:
        integer = {"type": "integer"} | wording
        return {
            "type": "object",
            "properties": {"data": {"type": "array", "items": integer} | wording, "any": {"anyOf": [integer]} | wording},
            "additionalProperties": integer,
        } | wording  # fmt: skip

    assert stripped_schema(schema(**{key: "w"})) == schema()


@pytest.mark.parametrize("key", ["description", "example", "examples", "x-order"])
@pytest.mark.parametrize(
    ("kind", "wrapped"),
    [
        ("parameters", lambda holder: [holder]),
        ("requestBody", lambda holder: holder),
        ("responses", lambda holder: {"200": holder}),
        ("responses", lambda holder: {"200": {"headers": {"X-Total": holder}}}),
    ],
    ids=["parameter", "body", "answer", "header"],
)
def test_strip_drops_the_wording_around_a_schema(kind: str, wrapped: Any, key: str) -> None:
    wordy = {key: "w", "content": {"application/json": {key: "w", "schema": {"type": "string", key: "w"}}}}
    plain = {"content": {"application/json": {"schema": {"type": "string"}}}}
    assert stripped_operation(**{kind: wrapped(wordy)})[kind] == wrapped(plain)


def test_strip_drops_the_wording_of_paths_servers_and_schemes() -> None:
    document = operation_document()
    document["servers"] = [{"url": "https://a", "description": "w"}]
    document["info"] = {"title": "w", "version": "1", "contact": {"name": "w"}}
    document["tags"] = [{"name": "w"}]
    document["paths"]["/api/v1/x/"] |= {
        "summary": "w",
        "parameters": [{"name": "a", "in": "query", "description": "w"}],
    }
    document["paths"]["x-groups"] = {"w": "w"}
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "description": "w"}}
    document["components"]["responses"] = {"Gone": {"description": "w"}}
    assert canonical.strip(document) == {
        "openapi": "3.0.3",
        "servers": [{"url": "https://a"}],
        "paths": {
            "/api/v1/x/": {"get": {"parameters": [{"name": "a", "in": "query"}], "responses": {}}},
        },
        "components": {"securitySchemes": {"bearer": {"type": "http"}}, "responses": {"Gone": {}}},
    }


def parameter(name: str, kind: str) -> Json:
    return {"name": name, "in": "query", "schema": {"type": kind}}


def test_parameters_that_operations_share_stand_in_each_of_them() -> None:
    document = operation_document(
        parameters=[parameter("own", "integer"), {"$ref": "#/components/parameters/page"}]
    )
    document["paths"]["/api/v1/x/"] |= {
        "parameters": [parameter("own", "string"), {"$ref": "#/components/parameters/all"}],
        "post": {"responses": {}},
    }
    document["components"]["parameters"] = {
        "page": parameter("page", "integer") | {"description": "w"},
        "all": {"$ref": "#/components/parameters/every"},
        "every": parameter("every", "boolean"),
    }
    stripped = canonical.strip(document)
    item = stripped["paths"]["/api/v1/x/"]
    assert [*item] == ["get", "post"]
    assert item["get"]["parameters"] == [
        parameter("every", "boolean"),
        parameter("own", "integer"),
        parameter("page", "integer"),
    ]
    assert item["post"]["parameters"] == [parameter("own", "string"), parameter("every", "boolean")]
    assert "parameters" not in stripped["components"]


@pytest.mark.parametrize(
    "reference", ["#/components/parameters/none", "#/components/parameters/circle", "http://a.example/b"]
)
def test_a_parameter_that_refers_to_nothing_is_left_as_it_is(reference: str) -> None:
    document = operation_document(parameters=[{"$ref": reference}])
    document["components"]["parameters"] = {"circle": {"$ref": "#/components/parameters/circle"}}
    (left,) = canonical.strip(document)["paths"]["/api/v1/x/"]["get"]["parameters"]
    assert left == {"$ref": reference}


@pytest.mark.parametrize(
    "field",
    ["description", "summary", "title", "example", "examples", "tags", "operationId", "x-ray", "maximum"],
)
def test_strip_keeps_a_field_that_is_called_as_wording_is(field: str) -> None:
    schema = {"type": "object", "properties": {field: {"type": "string"}}, "required": [field]}
    assert stripped_schema(schema) == schema


@pytest.mark.parametrize("bound", [{"minimum": 0}, {"maximum": 2**63 - 1}, {"maxLength": 255}], ids=str)
def test_strip_drops_the_storage_bounds_of_components(bound: Json) -> None:
    assert stripped_schema({"type": "array", "items": {"type": "integer"} | bound}) == {
        "type": "array",
        "items": {"type": "integer"},
    }


@pytest.mark.parametrize("bound", [{"minimum": 1}, {"maximum": 500}, {"maxLength": 9}], ids=str)
def test_strip_keeps_the_bounds_of_parameters(bound: Json) -> None:
    parameter = {"name": "page_size", "in": "query", "schema": {"type": "integer"} | bound}
    assert stripped_operation(parameters=[parameter])["parameters"] == [parameter]


def test_strip_changes_nothing_it_was_given(published: Json) -> None:
    before = json.dumps(published)
    canonical.strip(published)
    assert json.dumps(published) == before


# name

NAMES = Names(
    operations={
        "/api/v1/run/": {"get": ("list_run", "run")},
        "/api/v1/dataset/": {"get": ("list_dataset", "dataset")},
    },
    fields={"Run": ("dataset", "run_number", "ls_count")},
    classes={},
    filters={},
)


@pytest.mark.parametrize(
    ("path", "method", "operation_id", "tag"),
    [
        ("/api/v1/run/", "get", "list_run", "run"),
        ("/api/v1/run/", "post", "post_run", "run"),
        ("/api/v1/lumi-section/{run_number}/", "get", "get_lumi_section_run_number", "lumi"),
        ("/api/v2/Run/", "get", "get_run", "run"),
        ("/static/swagger.json", "get", "get_static_swagger_json", "static"),
        ("/", "get", "get", "root"),
    ],
)
def test_an_operation_is_named_by_the_table_or_by_its_path(
    path: str, method: str, operation_id: str, tag: str
) -> None:
    named = canonical.name(operation_document(path, method), NAMES)
    operation = named["paths"][path][method]
    assert (operation["operationId"], operation["tags"]) == (operation_id, [tag])


def test_paths_stand_in_the_order_of_the_table_and_unknown_ones_after_them() -> None:
    paths: Json = {path: {} for path in ("/api/v1/b/", "/api/v1/dataset/", "/api/v1/a/", "/api/v1/run/")}
    named = canonical.name({"paths": paths, "components": {}}, NAMES)
    assert list(named["paths"]) == ["/api/v1/run/", "/api/v1/dataset/", "/api/v1/a/", "/api/v1/b/"]


def test_fields_stand_in_the_order_of_the_table_and_unknown_ones_after_them() -> None:
    fields = {key: {"type": "string"} for key in ("new", "ls_count", "dataset", "newer")}
    run = {"properties": fields, "required": ["ls_count", "newer", "dataset"]}
    named = canonical.name(schema_document(Run=run), NAMES)["components"]["schemas"]["Run"]
    assert list(named["properties"]) == ["dataset", "ls_count", "new", "newer"]
    assert named["required"] == ["dataset", "ls_count", "newer"]


def test_schemas_stand_in_the_order_of_the_table_and_unknown_ones_after_them() -> None:
    named = canonical.name(schema_document(B={}, Run={}, A={}), NAMES)
    assert list(named["components"]["schemas"]) == ["Run", "A", "B"]


# describe

WORDS = Words(
    info={"title": "t", "version": "v1"},
    tags={"run": "Runs.", "lumi": "Lumisections."},
    operations={"list_run": "List runs."},
    schemas={"Run": "A run.", "Shift": "A shift."},
    fields={
        "run_number": "Number of the run.",
        "Run.run_number": "Its number.",
        "list_run.run_number": "Runs of this number.",
        "x__lte": "As it stands.",
    },
    statuses={"200": "All well.", "list_run.400": "Not so."},
)


@pytest.mark.parametrize(
    ("owner", "field", "text"),
    [
        ("Run", "run_number", "Its number."),
        ("Lumisection", "run_number", "Number of the run."),
        ("Lumisection", "me", None),
        ("count_run", "run_number__lte", "Upper bound, inclusive. Number of the run."),
        ("list_run", "run_number__gte", "Lower bound, inclusive. Runs of this number."),
        ("count_run", "run_number__in", "Any of these values, sent comma-separated. Number of the run."),
        (
            "count_run",
            "run_number__regex",
            "Regular expression searched in the value (an invalid one is answered with HTML 500). Number of the run.",
        ),
        ("count_run", "run_number__like", None),
        ("count_run", "me__lte", None),
        ("count_run", "__lte", None),
        ("count_run", "x__lte", "As it stands."),
    ],
)
def test_words_of_a_field(owner: str, field: str, text: str | None) -> None:
    assert canonical.field_words(WORDS, owner, field) == text


def described(document: dict[str, Json]) -> dict[str, Json]:
    return canonical.describe(canonical.name(document, NAMES), WORDS)


def test_an_operation_its_parameters_and_answers_are_described() -> None:
    document = operation_document(
        "/api/v1/run/",
        parameters=[{"name": "run_number", "in": "query"}, {"name": "odd", "in": "query"}],
        responses={"200": {}, "400": {}, "418": {}, "500": {"$ref": "#/components/responses/Failed"}},
    )
    operation = described(document)["paths"]["/api/v1/run/"]["get"]
    assert operation["summary"] == "List runs."
    assert operation["parameters"] == [
        {"name": "run_number", "in": "query", "description": "Runs of this number."},
        {"name": "odd", "in": "query"},
    ]
    assert operation["responses"] == {
        "200": {"description": "All well."},
        "400": {"description": "Not so."},
        "418": {"description": ""},
        "500": {"$ref": "#/components/responses/Failed"},
    }


def test_an_unknown_operation_has_no_summary() -> None:
    assert "summary" not in described(operation_document())["paths"]["/api/v1/x/"]["get"]


def test_schemas_and_fields_are_described() -> None:
    run = {"type": "object", "properties": {"run_number": {"type": "integer"}, "odd": {"type": "string"}}}
    assert described(schema_document(Run=run))["components"]["schemas"]["Run"] == {
        "type": "object",
        "description": "A run.",
        "properties": {
            "run_number": {"type": "integer", "description": "Its number."},
            "odd": {"type": "string"},
        },
    }


def test_a_reference_keeps_no_siblings() -> None:
    reference = {"$ref": "#/components/schemas/Other"}
    document = schema_document(Run={"properties": {"run_number": reference}}, Shift=reference)
    schemas = described(document)["components"]["schemas"]
    assert schemas["Run"]["properties"]["run_number"] == reference
    assert schemas["Shift"] == reference


def test_only_tags_in_use_are_listed() -> None:
    assert described(operation_document("/api/v1/run/"))["tags"] == [{"name": "run", "description": "Runs."}]


# serialise


def test_serialised_keys_stand_in_one_order() -> None:
    document = {
        "zzz": 1, "paths": {"/b/": {}, "/a/": {}}, "aaa": 2, "openapi": "3.0.3",
        "components": {
            "securitySchemes": {"b": {}, "a": {}},
            "schemas": {"X": {"properties": {"type": {}, "name": {}, "responses": {"type": "string", "format": "y"}}}},
        },
    }  # fmt: skip
    written = json.loads(canonical.serialise(document), object_pairs_hook=lambda pairs: pairs)
    assert written == [
        ("openapi", "3.0.3"),
        ("paths", [("/b/", []), ("/a/", [])]),
        ("components", [
            ("schemas", [("X", [("properties", [
                ("type", []), ("name", []), ("responses", [("type", "string"), ("format", "y")]),
            ])])]),
            ("securitySchemes", [("a", []), ("b", [])]),
        ]),
        ("aaa", 2),
        ("zzz", 1),
    ]  # fmt: skip


def test_statuses_and_media_types_are_sorted() -> None:
    content: Json = {"text/html": {}, "application/json": {}}
    document = {"responses": {"default": {}, "500": {"content": content}, "200": {}}}
    written = json.loads(canonical.serialise(document))
    assert list(written["responses"]) == ["200", "500", "default"]
    assert list(written["responses"]["500"]["content"]) == ["application/json", "text/html"]


def test_text_is_written_as_it_is_and_the_last_line_ends() -> None:
    assert canonical.serialise({"info": "é µ"}) == '{\n  "info": "é µ"\n}\n'.encode()


def shuffled(node: Json, random: Random, *, keep: bool = False) -> Json:
    if isinstance(node, list):
        return [shuffled(item, random) for item in node]
    if not isinstance(node, dict):
        return node
    keys = list(node) if keep else random.sample(list(node), len(node))
    # Fields that the tables do not know stay in the order in which they are published.
    return {
        key: shuffled(node[key], random, keep=key == "properties" and "run_number" not in node[key])
        for key in keys
    }


@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(random=st.randoms(use_true_random=False))
def test_the_order_of_keys_in_the_published_document_does_not_matter(
    published: Json, corrections: Json, random: Random
) -> None:
    assert make_contract(shuffled(published, random)).content == make_contract(published).content


# The contract of the project


@pytest.fixture(scope="module")
def contract() -> dict[str, Json]:
    loaded: dict[str, Json] = json.loads(project.CONTRACT.read_bytes())
    return loaded


ENDPOINTS = """\
GET /static/swagger.json
GET /api/v1/dataset-index/
GET /api/v1/dataset-index/{dataset_id}/
GET /api/v1/file-index/
GET /api/v1/file-index/{dataset_id}/{file_id}/
GET /api/v1/file-index/count/
GET /api/v1/mes/
GET /api/v1/mes/{me_id}/
GET /api/v1/mes/{dataset_id}/{run_number}/
GET /api/v1/run/
GET /api/v1/run/{dataset_id}/{run_number}/
GET /api/v1/run/count/
GET /api/v1/lumisection/
GET /api/v1/lumisection/{dataset_id}/{run_number}/{ls_number}/
GET /api/v1/lumisection/count/
GET /api/v1/th1/
GET /api/v1/th1/{dataset_id}/{run_number}/{ls_number}/{me_id}/
GET /api/v1/th2/
GET /api/v1/th2/{dataset_id}/{run_number}/{ls_number}/{me_id}/
GET /api/v1/ml-models-index/
GET /api/v1/ml-models-index/{model_id}/
GET /api/v1/ml-bad-lumisection/
GET /api/v1/ml-bad-lumisection/{model_id}/{dataset_id}/{run_number}/{ls_number}/
GET /api/v1/ml-bad-lumisection/{model_id}/{dataset_id}/{run_number}/{ls_number}/{me_id}/
GET /api/v1/ml-bad-lumisection/cert-json/
POST /api/v1/ml-bad-lumisection/cert-json/
GET /api/v1/ml-bad-lumisection/golden-json/
POST /api/v1/ml-bad-lumisection/golden-json/
GET /api/v1/oms-proxy/
GET /api/v1/caf/
GET /api/v1/runregistry/editable-datasets/
GET /api/v1/brilws/brilcalc-lumi/
GET /api/v1/auth/workspaces/
GET /api/v1/auth/user-default-workspace/
GET /api/v1/workspaces/
GET /api/v1/workspaces/my-default/
GET /api/v1/auth/new-device/
POST /api/v1/auth/device-token/
POST /api/v1/auth/refresh-token/
""".splitlines()

SUPERSEDED = [
    "GET /api/v1/auth/user-default-workspace/",
    "GET /api/v1/auth/workspaces/",
    "GET /api/v1/ml-bad-lumisection/cert-json/",
    "GET /api/v1/ml-bad-lumisection/golden-json/",
    "GET /api/v1/ml-bad-lumisection/{model_id}/{dataset_id}/{run_number}/{ls_number}/{me_id}/",
]

_LIST = ["next_token", "page_size", "fields", "order_by"]
_DATASET = ["dataset", "dataset__regex"]
_RUNS = ["run_number", "run_number__lte", "run_number__gte"]
_LUMIS = ["ls_number", "ls_number__lte", "ls_number__gte"]
_FILES = ["dataset_id", *_DATASET, "logical_file_name", "logical_file_name__regex", "status", "min_size"]
_HISTOGRAMS = [
    "dataset_id", "file_id", *_RUNS, *_LUMIS, "me_id", "entries__gte", *_DATASET,
    "logical_file_name", "logical_file_name__regex", "me", "me__regex",
]  # fmt: skip
_ML_V1_12 = ["model_id", "model_id__in", "filename", "filename__regex", "target_me", "target_me__regex"]
_ML_NOW = [
    "id", "id__in", "name", "name__regex", "ready", "type", "input_signature_contains_me",
    "input_signature_contains_me__regex", "tag_name", "tag_value",
]  # fmt: skip
QUERIES = {
    "list_dataset_index": [*_DATASET, *_LIST],
    "list_file_index": [*_FILES, *_LIST],
    "count_file_index": _FILES,
    "list_mes": ["me", "me__regex", "dim", "fields"],
    "list_run": ["dataset_id", "dataset_id__in", *_RUNS, *_DATASET, *_LIST],
    "count_run": ["dataset_id", "dataset_id__in", *_RUNS, *_DATASET],
    "list_lumi": ["dataset_id", *_RUNS, *_LUMIS, *_DATASET, *_LIST],
    "count_lumi": ["dataset_id", *_RUNS, *_LUMIS, *_DATASET],
    "list_h1d": [*_HISTOGRAMS, *_LIST],
    "list_h2d": [*_HISTOGRAMS, *_LIST],
    "list_ml_models_index": [*_ML_V1_12, *_ML_NOW, "active", *_LIST],
    "list_ml_bad_lumis": [
        "model_id", "model_id__in", "dataset_id", "dataset_id__in", *_DATASET, "me_id", "me", "me__regex",
        "run_number", "run_number__in", "ls_number", *_LIST,
    ],
    "get_cert_json_v1_12": ["model_id__in", "dataset_id__in", "run_number__in"],
    "get_golden_json_v1_12": ["model_id__in", "dataset_id__in", "run_number__in"],
    "query_oms": ["endpoint", "filter", "page"],
    "get_caf": ["class_name", "kind"],
    "list_editable_datasets": ["class_name", "dataset_name", "global_state"],
    "get_brilcalc_lumi": [
        "brilws_version", "connect", "fillnum", "runnumber", "beamstatus", "unit", "amodetag", "normtag", "begin",
        "end", "byls", "scope",
    ],
}  # fmt: skip

NUMBERS = {
    "dataset_id", "file_id", "run_number", "ls_number", "me_id", "model_id", "id", "entries", "dim", "min_size",
    "page_size", "fillnum", "runnumber",
}  # fmt: skip

# Fields by record; those with ? may be null, those with - are not always sent.
FIELDS = {
    "DatasetIndex": "dataset_id dataset era data_tier primary_ds_name processed_ds_name processing_version "
    "last_modification_date",
    "FileIndex": "dataset_id dataset file_id file_size creation_date last_modification_date logical_file_name status "
    "err_trace?",
    "MEs": "me_id me count dim",
    "MinifiedMEs": "me_id me dim",
    "Run": "dataset_id dataset run_number ls_count ls_completeness?-",
    "Lumisection": "dataset_id dataset run_number ls_number th1_count th2_count",
    "TH1": "dataset me dataset_id file_id run_number ls_number me_id x_min x_max x_bin entries data",
    "TH2": "dataset me dataset_id file_id run_number ls_number me_id x_min x_max x_bin y_min y_max y_bin entries data",
    "MLModelsIndex": "model_id- filename- target_me- id- name- revision- ready- active type- anomaly_threshold?- "
    "builtin_threshold- description- flagging_key?- input_signature- metric_key?- output_signature- tags?- "
    "isvc_service_name?- isvc_yaml?- created_by- modified_by- created_at- modified_at-",
    "MLBadLumisection": "model_id dataset_id file_id- run_number ls_number me_id- mse- metric_value-",
    "DeviceToken": "access_token expires_in refresh_expires_in refresh_token token_type session_state scope",
    "Count": "count",
    "RunPage": "next? previous? results",
}


def operations(document: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for path, method, operation in canonical.operations(document):
        yield f"{method.upper()} {path}", operation


def parameters(document: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for _, operation in operations(document):
        for parameter in operation.get("parameters", []):
            yield f"{operation['operationId']} {parameter['name']}", parameter


def nodes(node: Json) -> Iterator[dict[str, Json]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def test_the_contract_is_valid(contract: Json) -> None:
    assert [problem.message for problem in OpenAPIV30SpecValidator(contract).iter_errors()] == []


def test_the_contract_is_in_canonical_form(contract: Json) -> None:
    assert canonical.serialise(contract) == project.CONTRACT.read_bytes()


def test_the_contract_has_every_endpoint_of_both_generations_and_no_other(contract: Json) -> None:
    assert sorted(where for where, _ in operations(contract)) == sorted(ENDPOINTS)


def test_what_is_superseded_is_deprecated_and_nothing_else(contract: Json) -> None:
    deprecated = [where for where, operation in operations(contract) if operation.get("deprecated")]
    assert sorted(deprecated) == SUPERSEDED


def test_the_model_filters_of_v1_12_are_deprecated_and_no_others(contract: Json) -> None:
    deprecated = [where for where, parameter in parameters(contract) if parameter.get("deprecated")]
    assert sorted(deprecated) == sorted(f"list_ml_models_index {name}" for name in _ML_V1_12)


@pytest.mark.parametrize("record", FIELDS)
def test_a_record_has_its_fields_in_order(contract: Json, record: str) -> None:
    schema = contract["components"]["schemas"][record]
    fields = [
        name + "?" * node.get("nullable", False) + "-" * (name not in schema["required"])
        for name, node in schema["properties"].items()
    ]
    assert fields == FIELDS[record].split()


def test_operations_take_the_query_parameters_that_the_service_knows(contract: Json) -> None:
    taken = {
        operation["operationId"]: sorted(
            one["name"] for one in operation["parameters"] if one["in"] == "query"
        )
        for _, operation in operations(contract)
        if any(one["in"] == "query" for one in operation.get("parameters", []))
    }
    assert taken == {operation_id: sorted(names) for operation_id, names in QUERIES.items()}


def test_every_operation_has_a_name_a_tag_and_a_summary(contract: Json) -> None:
    declared = [tag["name"] for tag in contract["tags"]]
    for where, operation in operations(contract):
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", operation["operationId"]), where
        assert len(operation["tags"]) == 1, where
        assert operation["tags"][0] in declared, where
        assert operation["summary"].endswith("."), where


def test_no_operation_id_is_used_twice(contract: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(contract)]
    assert sorted(set(ids)) == sorted(ids)


def test_every_parameter_is_described(contract: Json) -> None:
    assert [where for where, parameter in parameters(contract) if not parameter.get("description")] == []


def test_every_schema_and_field_is_described(contract: Json) -> None:
    silent = []
    for name, schema in contract["components"]["schemas"].items():
        described = {name: schema} | {
            f"{name}.{key}": node for key, node in schema.get("properties", {}).items()
        }
        silent += [key for key, node in described.items() if not {"description", "$ref"} & node.keys()]
    assert silent == []


def test_every_word_of_ours_is_used(contract: Json) -> None:
    words = canonical.load_words()
    owned = [
        *((operation["operationId"], one["name"]) for _, operation in operations(contract) for one in operation.get("parameters", [])),
        *((name, field) for name, schema in contract["components"]["schemas"].items() for field in schema.get("properties", {})),
    ]  # fmt: skip
    suffixed = {re.sub(r"__(lte|gte|in|regex)$", "", field) for _, field in owned}
    used = {field for _, field in owned} | {f"{owner}.{field}" for owner, field in owned} | suffixed
    assert sorted(words.fields.keys() - used) == []
    assert sorted(words.schemas.keys() ^ contract["components"]["schemas"].keys()) == []
    assert sorted(words.operations.keys() ^ {one["operationId"] for _, one in operations(contract)}) == []
    assert sorted(words.tags.keys() ^ {tag["name"] for tag in contract["tags"]}) == []


def test_numeric_parameters_are_integers(contract: Json) -> None:
    wrong = []
    for where, parameter in parameters(contract):
        if parameter["name"].split("__")[0] in NUMBERS and not parameter["name"].endswith("__regex"):
            schema = parameter["schema"]
            wrong += [where] if schema.get("items", schema)["type"] != "integer" else []
    assert wrong == []


def test_lists_in_a_query_are_sent_comma_separated_but_for_the_order(contract: Json) -> None:
    lists = {where: one for where, one in parameters(contract) if one["schema"]["type"] == "array"}
    assert {one["style"] for one in lists.values()} == {"form"}
    assert {one["name"] for one in lists.values() if one["explode"]} == {"order_by"}
    assert {one["explode"] for one in lists.values() if one["name"] == "order_by"} == {True}
    assert [
        where for where, one in parameters(contract) if where.endswith("__in") and where not in lists
    ] == []


def test_types_are_those_of_json_schema(contract: Json) -> None:
    types = {node["type"] for node in nodes(contract) if isinstance(node.get("type"), str)}
    assert types <= {"object", "array", "string", "integer", "number", "boolean", "http", "apiKey"}


def test_every_reference_leads_to_a_component_and_every_component_is_referred_to(contract: Json) -> None:
    referred = {node["$ref"] for node in nodes(contract) if isinstance(node.get("$ref"), str)}
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in contract["components"][kind]
    }
    assert referred == components


def test_errors_are_documented(contract: Json) -> None:
    """HTML of the gateway everywhere, HTML 500 of the service, and JSON where a request can be wrong."""
    for where, operation in operations(contract):
        statuses = operation["responses"].keys()
        parameters = [one["in"] for one in operation.get("parameters", [])]
        assert {"502", "504"} <= statuses, where
        if where != "GET /static/swagger.json":
            assert "500" in statuses, where
            assert ("403" in statuses) == (operation.get("security") is None), where
        if "query" in parameters or "requestBody" in operation:
            assert "400" in statuses, where
        if "path" in parameters or "header" in parameters:
            assert "404" in statuses, where
        if re.search(r"(cert|golden)-json", where):
            assert "405" in statuses, where


@pytest.mark.parametrize("status", ["500", "502", "504"])
def test_failures_of_the_server_are_html(contract: Json, status: str) -> None:
    for where, operation in operations(contract):
        if status in operation["responses"]:
            kind = operation["responses"][status]["$ref"].rsplit("/", 1)[-1]
            assert list(contract["components"]["responses"][kind]["content"]) == ["text/html"], where


def test_lists_answer_a_named_page(contract: Json) -> None:
    listed = {
        operation["operationId"]: operation["responses"]["200"]["content"]["application/json"]["schema"]
        for _, operation in operations(contract)
        if operation["operationId"].startswith("list_") and "next_token" in str(operation)
    }
    assert len(listed) == 8
    assert [name for name, schema in listed.items() if not schema["$ref"].endswith("Page")] == []


def test_a_two_dimensional_histogram_is_a_list_of_rows(contract: Json) -> None:
    data = contract["components"]["schemas"]["TH2"]["properties"]["data"]
    assert (data["type"], data["items"]["type"], data["items"]["items"]["type"]) == (
        "array",
        "array",
        "number",
    )


def test_servers_and_security_are_those_of_the_service(contract: Json) -> None:
    assert [server["url"] for server in contract["servers"]] == [
        "https://cmsdials-api.web.cern.ch",
        "https://dev-cmsdials-api.web.cern.ch",
    ]
    assert contract["security"] == [{"bearer": []}, {"clientSecret": []}]
    schemes = contract["components"]["securitySchemes"]
    assert (schemes["clientSecret"]["in"], schemes["clientSecret"]["name"]) == ("header", "X-CLIENT-SECRET")
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")


def test_only_logging_in_and_the_document_go_without_credentials(contract: Json) -> None:
    without = {
        where
        for where, operation in operations(contract)
        if operation.get("security") in ([], [{"bearer": []}, {}])
    }
    assert without == {
        "GET /static/swagger.json",
        "GET /api/v1/auth/new-device/",
        "POST /api/v1/auth/device-token/",
        "POST /api/v1/auth/refresh-token/",
    }
