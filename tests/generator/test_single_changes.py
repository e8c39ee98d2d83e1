"""One change of what the service publishes, and what it means for those who use our client: no false alarm, no miss.

Each row changes a document to which the project's own corrections apply, in one place, as an upstream release would. The
verdict is that of a consumer of the API: does a client that was written for the contract still work? Beside it stand the
line of the report, and how many corrections no longer fit. What differs only because those were not applied is not
reported as a change of the service.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from cmsdials_generator import canonical
from cmsdials_generator.canonical import operations
from cmsdials_generator.check import check_source
from cmsdials_generator.overlay_document import Action, apply_overlay, load_overlay
from cmsdials_generator.pull import OVERLAYS, make_contract
from cmsdials_generator.report import Report

from tests.generator.dials_document import published

Json = Any

KEPT = (
    "/api/v1/auth/device-token/", "/api/v1/auth/user-default-workspace/", "/api/v1/caf/", "/api/v1/file-index/",
    "/api/v1/mes/", "/api/v1/ml-bad-lumisection/cert-json", "/api/v1/run/", "/api/v1/run/count/",
    "/api/v1/run/{dataset_id}/{run_number}/", "/api/v1/th2/",
)  # fmt: skip
"""Paths of the document: a comparison of all of them for each row would take minutes."""

BREAKING, COMPATIBLE, NONE = 2, 1, 0


# Places of the document.


def run(d: Json) -> Json:
    return d["paths"]["/api/v1/run/"]["get"]


def one(d: Json) -> Json:
    return d["paths"]["/api/v1/run/{dataset_id}/{run_number}/"]["get"]


def th2(d: Json) -> Json:
    return d["paths"]["/api/v1/th2/"]["get"]


def token(d: Json) -> Json:
    return d["paths"]["/api/v1/auth/device-token/"]["post"]


def schema(d: Json, name: str) -> Json:
    return d["components"]["schemas"][name]


def fields(d: Json, name: str) -> Json:
    return schema(d, name)["properties"]


def parameter(operation: Json, name: str) -> Json:
    return next(one for one in operation["parameters"] if one["name"] == name)


def answer(operation: Json) -> Json:
    return operation["responses"]["200"]["content"]["application/json"]


# Kinds of changes.


def drop(holder: Callable[[Json], Json], key: Any) -> Callable[[Json], None]:
    def change(d: Json) -> None:
        del holder(d)[key]

    return change


def put(holder: Callable[[Json], Json], **values: Json) -> Callable[[Json], None]:
    return lambda d: holder(d).update(values)


def add(holder: Callable[[Json], Json], value: Json) -> Callable[[Json], None]:
    return lambda d: holder(d).append(value)


def without(operation: Callable[[Json], Json], name: str) -> Callable[[Json], None]:
    def change(d: Json) -> None:
        operation(d)["parameters"].remove(parameter(operation(d), name))

    return change


def renamed_text(old: str, new: str) -> Callable[[Json], None]:
    def change(d: Json) -> None:
        text = json.dumps(d).replace(json.dumps(old), json.dumps(new))
        d.clear()
        d.update(json.loads(text))

    return change


def renamed(holder: Callable[[Json], Json], old: str, new: str) -> Callable[[Json], None]:
    def change(d: Json) -> None:
        node = holder(d)
        node[new] = node.pop(old)

    return change


def each_security(change_ways: Callable[[Json], Json]) -> Callable[[Json], None]:
    def change(d: Json) -> None:
        for _, _, operation in operations(d):
            if "security" in operation:
                operation["security"] = change_ways(operation["security"])

    return change


def all_of(*changes: Callable[[Json], None]) -> Callable[[Json], None]:
    def change(d: Json) -> None:
        for one_change in changes:
            one_change(d)

    return change


def moved_to_the_path(d: Json) -> None:
    """Declare a parameter for the path, as other generators of documents do."""
    item = d["paths"]["/api/v1/run/"]
    item["parameters"] = [parameter(item["get"], "workspace")]
    item["get"]["parameters"].remove(item["parameters"][0])


def shared_parameter(d: Json) -> None:
    d["components"]["parameters"] = {"workspace": parameter(run(d), "workspace")}
    at = run(d)["parameters"].index(d["components"]["parameters"]["workspace"])
    run(d)["parameters"][at] = {"$ref": "#/components/parameters/workspace"}


def page_as_component(d: Json) -> None:
    d["components"]["schemas"]["PaginatedRunList"] = answer(run(d))["schema"]
    answer(run(d))["schema"] = {"$ref": "#/components/schemas/PaginatedRunList"}


SECRET, BEARER = {"Client Secret Key": []}, {"Bearer Token": []}
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
PLAIN: Json = {"get": {"parameters": [], "responses": {"200": {"description": ""}}}}
RUN, DATASET = "component Run ", "GET /api/v1/run/ query parameter dataset: "


@frozen
class Row:
    """A change, the verdict, a line of the report, and how many corrections it makes stale."""

    id: str
    change: Callable[[Json], None]
    verdict: int
    line: str = ""
    stale: int = 0
    changes: int | None = None


def query(name: str, schema: Json, **more: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


ROWS = [
    # Operations and paths
    Row("path added", lambda d: d["paths"].update({"/api/v1/shift/": copy.deepcopy(PLAIN)}), COMPATIBLE, "/api/v1/shift/: path added", 5),
    Row("path removed", drop(lambda d: d["paths"], "/api/v1/caf/"), BREAKING, "/api/v1/caf/: path removed", 8),
    Row("path renamed", renamed(lambda d: d["paths"], "/api/v1/run/", "/api/v1/runs/"), BREAKING, "/api/v1/run/: path removed", 0, 2),
    Row("path of another version", renamed(lambda d: d["paths"], "/api/v1/run/", "/api/v2/run/"), BREAKING, "/api/v1/run/: path removed", 0, 2),
    Row("trailing slash lost", renamed(lambda d: d["paths"], "/api/v1/run/", "/api/v1/run"), BREAKING, "now without a trailing slash"),
    Row("path repaired upstream", renamed(lambda d: d["paths"], "/api/v1/ml-bad-lumisection/cert-json", "/api/v1/ml-bad-lumisection/cert-json/"), NONE, "", 1),
    Row("variable of a path renamed", lambda d: d["paths"].update({"/api/v1/run/{dataset}/{run_number}/": json.loads(json.dumps(d["paths"].pop("/api/v1/run/{dataset_id}/{run_number}/")).replace('"dataset_id"', '"dataset"'))}), NONE),
    Row("operation added", lambda d: d["paths"]["/api/v1/run/"].update(put=copy.deepcopy(PLAIN["get"])), COMPATIBLE, "PUT /api/v1/run/: operation added", 5),
    Row("operation replaced by another method", renamed(lambda d: d["paths"]["/api/v1/caf/"], "get", "put"), BREAKING, "GET /api/v1/caf/: operation removed", 2, 2),
    Row("operation deprecated", put(run, deprecated=True), COMPATIBLE, "GET /api/v1/run/: deprecated"),
    Row("operationId renamed", put(run, operationId="runsList"), NONE),
    Row("tags renamed", put(run, tags=["runs", "dqm"]), NONE),
    Row("words changed", put(run, summary="Runs", description="All of them."), NONE),
    Row("version of the document", lambda d: d.update(info={"title": "DIALS", "version": "9.9"}), NONE),
    Row("server of the document", lambda d: d.update(servers=[{"url": "https://cmsdials-api.web.cern.ch"}, {"url": "https://dev-cmsdials-api.web.cern.ch"}]), NONE, "", 1),
    Row("another server", lambda d: d.update(servers=[{"url": "https://dials.cern.ch"}]), BREAKING, "server removed", 1, 3),
    # Parameters
    Row("filter added", add(lambda d: run(d)["parameters"], query("fill", WHOLE)), COMPATIBLE, "query parameter fill: parameter added"),
    Row("required filter added", add(lambda d: run(d)["parameters"], query("fill", WHOLE) | {"required": True}), BREAKING, "query parameter fill: required parameter added"),
    Row("filter removed", without(run, "dataset"), BREAKING, DATASET + "parameter removed"),
    Row("repaired filter removed", without(run, "run_number"), BREAKING, "query parameter run_number: parameter removed", 1),
    Row("filter renamed", lambda d: parameter(run(d), "dataset").update(name="dataset_name"), BREAKING, DATASET + "parameter removed", 0, 2),
    Row("filter newly required", lambda d: parameter(run(d), "dataset").update(required=True), BREAKING, DATASET + "newly required"),
    Row("filter moved to a header", lambda d: parameter(run(d), "dataset").update({"in": "header"}), BREAKING, DATASET + "moved from query to header"),
    Row("filter retyped", lambda d: parameter(run(d), "dataset").update(schema=WHOLE), BREAKING, DATASET + "type changed from string to integer"),
    Row("filter repaired upstream", lambda d: parameter(run(d), "run_number").update(schema=WHOLE), NONE, "", 1),
    Row("repaired filter retyped", lambda d: parameter(run(d), "run_number").update(schema={"type": "boolean"}), BREAKING, "query parameter run_number: type changed from integer to boolean", 1),
    Row("filter limited to values", lambda d: parameter(run(d), "dataset")["schema"].update(enum=["a", "b"]), BREAKING, DATASET + "values newly limited to a list"),
    Row("filter limited in length", lambda d: parameter(run(d), "dataset")["schema"].update(maxLength=20), BREAKING, DATASET + "maxLength changed from none to 20"),
    Row("filter limited by a pattern", lambda d: parameter(run(d), "dataset")["schema"].update(pattern="^/"), BREAKING, DATASET + "pattern changed"),
    Row("filter with a lower bound", lambda d: parameter(run(d), "page_size")["schema"].update(minimum=1), BREAKING, "query parameter page_size: minimum changed from none to 1"),
    Row("default of a filter changed", lambda d: parameter(run(d), "dataset")["schema"].update(default="x"), COMPATIBLE, DATASET + "default changed"),
    Row("filter deprecated", lambda d: parameter(run(d), "dataset").update(deprecated=True), COMPATIBLE, DATASET + "deprecated"),
    Row("filter described", lambda d: parameter(run(d), "dataset").update(description="Words.", example="/a/b/c"), NONE),
    Row("list written otherwise", lambda d: parameter(run(d), "dataset_id__in").update(explode=True), BREAKING, "query parameter dataset_id__in: explode changed from false to true"),
    Row("items of a list retyped", lambda d: parameter(run(d), "dataset_id__in")["schema"].update(items=TEXT), BREAKING, "query parameter dataset_id__in []: type changed from integer to string"),
    Row("variable of a path retyped", lambda d: one(d)["parameters"][0].update(schema={"type": "boolean"}), BREAKING, "path parameter dataset_id: type changed from integer to boolean", 1),
    Row("variable of a path repaired", lambda d: one(d)["parameters"][0].update(schema=WHOLE), NONE, "", 1),
    Row("header removed", without(run, "workspace"), BREAKING, "header parameter workspace: parameter removed"),
    Row("header written otherwise", lambda d: parameter(run(d), "workspace").update(name="Workspace"), NONE),
    Row("parameter shared by the path", moved_to_the_path, NONE),
    Row("parameter as a component", shared_parameter, NONE),
    Row("parameter as a document", lambda d: run(d)["parameters"].append({"name": "filter", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}}), COMPATIBLE, "query parameter filter: parameter added"),
    Row("order of parameters", lambda d: run(d)["parameters"].reverse(), NONE),
    Row("order_by published as foreseen", add(lambda d: run(d)["parameters"], query("order_by", {"type": "array", "items": TEXT}, style="form", explode=True)), NONE, "", 1),
    Row("order_by published otherwise", add(lambda d: run(d)["parameters"], query("order_by", TEXT)), BREAKING, "query parameter order_by: type changed from array of string to string", 1),
    # Records
    Row("field added", lambda d: fields(d, "Run").update(fill=WHOLE), COMPATIBLE, RUN + "fill: field added"),
    Row("required field added", all_of(lambda d: fields(d, "Run").update(fill=WHOLE), add(lambda d: schema(d, "Run")["required"], "fill")), COMPATIBLE, RUN + "fill: field added"),
    Row("field newly required", add(lambda d: schema(d, "DatasetIndex" if "DatasetIndex" in d["components"]["schemas"] else "Run")["required"], "ls_count"), NONE),
    Row("field removed", drop(lambda d: fields(d, "Run"), "ls_count"), BREAKING, RUN + "ls_count: field removed"),
    Row("field that a repair requires removed", drop(lambda d: fields(d, "Run"), "dataset"), BREAKING, RUN + "dataset: field removed", 1),
    Row("field renamed", renamed(lambda d: fields(d, "FileIndex"), "file_size", "size"), BREAKING, "component FileIndex file_size: field removed", 0, 2),
    Row("field no longer required", lambda d: schema(d, "Run")["required"].remove("ls_count"), BREAKING, RUN + "ls_count: no longer required"),
    Row("field retyped", lambda d: fields(d, "Run")["ls_count"].update(type="string"), BREAKING, RUN + "ls_count: type changed from integer to string"),
    Row("field of another number", lambda d: fields(d, "Run")["ls_count"].update(type="number"), BREAKING, RUN + "ls_count: type changed from integer to number"),
    Row("field newly null", lambda d: fields(d, "Run")["ls_count"].update(nullable=True), BREAKING, RUN + "ls_count: newly nullable"),
    Row("field limited to values", lambda d: fields(d, "FileIndex")["status"].update(enum=["FINISHED"]), COMPATIBLE, "component FileIndex status: values newly limited"),
    Row("time as text", lambda d: fields(d, "FileIndex")["creation_date"].pop("format"), BREAKING, "component FileIndex creation_date: format changed from date-time to none"),
    Row("size of a number", lambda d: fields(d, "Run")["ls_count"].update(format="int64"), COMPATIBLE, RUN + "ls_count: format changed"),
    Row("storage bound of a field", lambda d: fields(d, "Run")["ls_count"].update(maximum=32767, minimum=0), NONE),
    Row("example of a field", lambda d: fields(d, "Run")["ls_count"].update(example=3, title="LS", description="Words."), NONE),
    Row("field deprecated", lambda d: fields(d, "Run")["ls_count"].update(deprecated=True), COMPATIBLE, RUN + "ls_count: deprecated"),
    Row("contents as rows, repaired upstream", lambda d: fields(d, "TH2")["data"].update(items={"type": "array", "items": {"type": "number"}}), NONE, "", 1),
    Row("contents as text", lambda d: fields(d, "TH2").update(data=TEXT), BREAKING, "component TH2 data: type changed from array of array of number to string", 1),
    Row("number of bins as text", lambda d: fields(d, "TH2")["x_bin"].update(type="string"), BREAKING, "component TH2 x_bin: type changed from integer to string", 1),
    Row("number of bins repaired upstream", lambda d: fields(d, "TH2").update(x_bin={"type": "number", "multipleOf": 1}), NONE, "", 1),
    Row("more that is required by mistake", add(lambda d: schema(d, "UserDefaultWorkspace")["required"], "user"), COMPATIBLE, "component UserDefaultWorkspace user: field added", 1),
    Row("required list repaired upstream", lambda d: schema(d, "UserDefaultWorkspace").update(required=["workspace"]), NONE, "", 1),
    Row("record renamed", renamed_text("#/components/schemas/Run", "#/components/schemas/RunRecord"), BREAKING, "type changed"),
    Row("record renamed with its definition", all_of(renamed(lambda d: d["components"]["schemas"], "FileIndex", "File"), renamed_text("#/components/schemas/FileIndex", "#/components/schemas/File")), NONE, "", 2),
    # Answers
    Row("error answer added", lambda d: run(d)["responses"].update({"418": {"description": ""}}), COMPATIBLE, "answer 418: error answer added"),
    Row("error answer published as foreseen", lambda d: run(d)["responses"].update({"502": {"description": "", "content": {"text/html": {"schema": TEXT}}}}), NONE, "", 1),
    Row("success answer of another status", renamed(lambda d: run(d)["responses"], "200", "206"), BREAKING, "answer 200: success answer removed", 0, 2),
    Row("answer of another media type", renamed(lambda d: run(d)["responses"]["200"]["content"], "application/json", "application/xml"), BREAKING, "media type changed from application/json to application/xml"),
    Row("media type added", lambda d: run(d)["responses"]["200"]["content"].update({"text/csv": {"schema": TEXT}}), COMPATIBLE, "media type added: text/csv"),
    Row("header of an answer", lambda d: run(d)["responses"]["200"].update(headers={"Age": {"schema": WHOLE}}), COMPATIBLE, "header age: header added"),
    Row("page as a component", page_as_component, NONE, "", 0),
    Row("field of a page added", lambda d: answer(run(d))["schema"]["properties"].update(total=WHOLE), COMPATIBLE, "component RunPage total: field added"),
    Row("rows of a page renamed", lambda d: answer(run(d))["schema"]["properties"].update(rows=answer(run(d))["schema"]["properties"].pop("results")), BREAKING, "component RunPage results: field removed", 1, 2),
    Row("page became an array", lambda d: answer(run(d)).update(schema={"type": "array", "items": {"$ref": "#/components/schemas/Run"}}), BREAKING, "answer 200: type changed", 1),
    Row("number of rows repaired upstream", lambda d: answer(d["paths"]["/api/v1/run/count/"]["get"])["schema"].update(properties={"count": WHOLE}, required=["count"]), NONE, "", 1),
    Row("number of rows as text", lambda d: answer(d["paths"]["/api/v1/run/count/"]["get"])["schema"]["properties"]["count"].update(type="string"), BREAKING, "component Count count: type changed from integer to string", 1),
    # Bodies
    Row("field of a body added", lambda d: token(d)["requestBody"]["content"]["application/json"]["schema"]["properties"].update(note=TEXT), COMPATIBLE, "component DeviceCode note: field added"),
    Row("required field of a body added", lambda d: token(d)["requestBody"]["content"]["application/json"]["schema"].update(properties={"device_code": TEXT, "note": TEXT}, required=["device_code", "note"]), BREAKING, "component DeviceCode note: required field added"),
    Row("field of a body removed", lambda d: token(d)["requestBody"]["content"]["application/json"]["schema"].update(properties={}, required=[]), BREAKING, "component DeviceCode device_code: field removed"),
    Row("body removed", drop(token, "requestBody"), BREAKING, "request body removed", 1),
    Row("body as a form", renamed(lambda d: token(d)["requestBody"]["content"], "application/json", "application/x-www-form-urlencoded"), BREAKING, "request body: media type changed"),
    # Credentials
    Row("credentials renamed", renamed_text("Bearer Token", "Keycloak"), NONE),
    Row("both credentials renamed", all_of(renamed_text("Bearer Token", "JWT"), renamed_text("Client Secret Key", "Secret")), NONE),
    Row("definition of credentials described", lambda d: d["components"]["securitySchemes"]["Bearer Token"].update(description="Words.", bearerFormat="opaque"), NONE),
    Row("credentials no longer optional", each_security(lambda ways: [way for way in ways if way]), NONE, "", 1),
    Row("secret retired", each_security(lambda ways: [way for way in ways if way != SECRET]), BREAKING, "header x-client-secret no longer enough"),
    Row("secret retired with its scheme", all_of(each_security(lambda ways: [way for way in ways if way != SECRET]), drop(lambda d: d["components"]["securitySchemes"], "Client Secret Key")), BREAKING, "header x-client-secret no longer enough"),
    Row("secret in another header", lambda d: d["components"]["securitySchemes"]["Client Secret Key"].update(name="X-API-KEY"), BREAKING, "header x-client-secret no longer enough", 0, 3),
    Row("both credentials needed", each_security(lambda ways: [SECRET | BEARER, {}]), BREAKING, "no longer enough", 0, None),
    Row("another way to log in", all_of(lambda d: d["components"]["securitySchemes"].update(OIDC={"type": "openIdConnect", "openIdConnectUrl": "https://a.example/"}), each_security(lambda ways: [{"OIDC": []}, *ways])), COMPATIBLE, "OpenID Connect https://a.example/ newly enough"),
    Row("bearer replaced by OpenID Connect", all_of(lambda d: d["components"]["securitySchemes"].update({"Bearer Token": {"type": "openIdConnect", "openIdConnectUrl": "https://a.example/"}})), BREAKING, "http bearer no longer enough", 0, 3),
    Row("an operation open to all", lambda d: run(d).update(security=[]), COMPATIBLE, "GET /api/v1/run/ security: credentials no longer required", 4),
    Row("nothing said of credentials", all_of(drop(lambda d: d["components"], "securitySchemes"), lambda d: [operation.pop("security", None) for _, _, operation in operations(d)]), NONE, "", 1),
    Row("other credentials altogether", all_of(lambda d: d["components"].update(securitySchemes={"basic": {"type": "http", "scheme": "basic"}}), each_security(lambda ways: [{"basic": []}, {}])), BREAKING, "http bearer no longer enough", 0, 5),
    Row("credentials left to the document", lambda d: run(d).pop("security"), NONE, "", 1),
    # The form of the document
    Row("OpenAPI 3.1", all_of(lambda d: d.update(openapi="3.1.0"), lambda d: fields(d, "FileIndex").update(err_trace={"type": ["string", "null"]})), NONE, "", 1),
    Row("null as an alternative", lambda d: fields(d, "FileIndex").update(err_trace={"anyOf": [{"type": "string"}, {"type": "null"}]}), NONE, "", 1),
    Row("order of all keys", lambda d: d.update(json.loads(json.dumps(d, sort_keys=True))), NONE),
    Row("extensions", lambda d: (d.update({"x-generator": "new"}), run(d).update({"x-code": []})), NONE),
]  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> tuple[Any, Any]:
    return canonical.load_names(), canonical.load_words()


@pytest.fixture(scope="module")
def small() -> tuple[Json, dict[str, tuple[Action, ...]], bytes]:
    """A document of some operations, the corrections that fit it, and the contract that they make of it."""
    document = published()
    document["paths"] = {path: item for path, item in document["paths"].items() if path in KEPT}
    schemas = document["components"]["schemas"]
    used = json.dumps(document["paths"])
    for _ in schemas:  # a schema may be used by another one only
        used += json.dumps([node for name, node in schemas.items() if f'schemas/{name}"' in used])
    document["components"]["schemas"] = {
        name: node for name, node in schemas.items() if f'schemas/{name}"' in used
    }
    fitting: dict[str, tuple[Action, ...]] = {}
    current = canonical.strip(document)
    for overlay in OVERLAYS:
        every = [one for one in load_overlay(overlay) if one.target != "$.paths"]
        counts = {stale.group: stale.count for stale in apply_overlay(current, every).stale}
        recounted = [
            evolve(one, count=counts.get(one.group) or one.count) if one.count else one for one in every
        ]
        applied = apply_overlay(current, recounted)
        fitting[overlay], current = applied.actions, applied.document
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cmsdials_generator.pull.load_overlay", lambda name: fitting[name])
        made = make_contract(document)
    assert (made.stale, made.problems) == ((), ())
    return document, fitting, made.content


@pytest.fixture
def upstream(
    small: tuple[Json, dict[str, tuple[Action, ...]], bytes],
    tables: tuple[Any, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[Json], Any]], Report]:
    """Change what is published, and check it."""
    document, fitting, contract = small
    monkeypatch.setattr("cmsdials_generator.pull.load_overlay", lambda name: fitting[name])
    monkeypatch.setattr(canonical, "load_names", lambda: tables[0])
    monkeypatch.setattr(canonical, "load_words", lambda: tables[1])
    monkeypatch.setattr(
        "cmsdials_generator.pull.faults", lambda _: []
    )  # they have tests of their own, and take long
    spec = tmp_path / "openapi.json"
    spec.write_bytes(contract)

    def check(change: Callable[[Json], Any]) -> Report:
        changed = copy.deepcopy(document)
        change(changed)
        source = tmp_path / "published.json"
        source.write_text(json.dumps(changed), encoding="utf-8")
        return check_source(str(source), spec)

    return check


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_a_single_change(upstream: Callable[[Callable[[Json], Any]], Report], row: Row) -> None:
    report = upstream(row.change)
    said = [f"{change.severity} {change.where}: {change.what}" for change in report.changes]
    verdict = BREAKING if report.breaking else COMPATIBLE if report.changes else NONE
    assert verdict == row.verdict, said
    assert any(row.line in line for line in said) or not row.line, said
    expected = row.changes if row.changes is not None else min(1, row.verdict)
    assert len(said) == expected or (row.changes is None and len(said) >= expected), said
    assert len(report.stale) == row.stale, [(stale.target, stale.found) for stale in report.stale]


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 60
    assert len({row.id for row in ROWS}) == len(ROWS)
