"""A miniature of such a service: the document it publishes, faulty as the real one is, and its corrections.

The real published document may not stand in this repository, so everything here is written by us.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator import project
from cmsdials_generator.generate import generate
from cmsdials_generator.overlay_document import Action, parse_overlay

Json = Any

REPAIRS, ADDITIONS = "repairs.overlay.yaml", "additions.overlay.yaml"

LOCKED: Json = [{"Secret Key": []}, {"Bearer Token": []}, {}]


def _ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _answer(schema: Json) -> Json:
    return {"200": {"description": "All went well.", "content": {"application/json": {"schema": schema}}}}


def _query(name: str, schema: Json, **more: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


def _published() -> dict[str, Json]:
    envelope = {
        "type": "object",
        "properties": {
            "next": {"type": "string", "nullable": True},
            "results": {"type": "array", "items": _ref("Run")},
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "A service of runs", "version": "v7.1", "description": "Words of upstream."},
        "paths": {
            "/api/v1/run/": {
                "get": {
                    "operationId": "listRunsOfTheService",
                    "tags": ["runs"],
                    "summary": "Words of upstream.",
                    "description": "More words of upstream.",
                    "parameters": [
                        _query("page_size", {"type": "number"}, description="Words of upstream."),
                        _query("run_number", {"type": "string"}, example="1"),
                        _query("dataset", {"type": "string"}),
                        _query(
                            "dataset_id__in",
                            {"type": "array", "items": {"type": "integer"}},
                            style="form",
                            explode=False,
                        ),
                        {
                            "name": "workspace",
                            "in": "header",
                            "required": False,
                            "schema": {"type": "string"},
                        },
                    ],
                    "responses": _answer(envelope),
                    "security": LOCKED,
                }
            },
            "/api/v1/run/{dataset_id}/{run_number}/": {
                "get": {
                    "operationId": "retrieveRun",
                    "parameters": [
                        {"name": name, "in": "path", "required": True, "schema": {"type": "int"}}
                        for name in ("dataset_id", "run_number")
                    ],
                    "responses": _answer(_ref("Run")),
                    "security": LOCKED,
                }
            },
            "/api/v1/shifts": {
                "get": {
                    "operationId": "shiftList",
                    "parameters": [],
                    "responses": _answer({"type": "array", "items": _ref("Shift")}),
                }
            },
            "/api/v1/auth/device-token/": {
                "post": {
                    "operationId": "deviceToken",
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["device_code"],
                                    "properties": {"device_code": {"type": "string"}},
                                }
                            }
                        }
                    },
                    "responses": _answer(
                        {"type": "object", "properties": {"access_token": {"type": "string"}}}
                    ),
                }
            },
        },
        "components": {
            "schemas": {
                "Run": {
                    "type": "object",
                    "title": "Run",
                    "required": ["run_number", "run"],
                    "properties": {
                        "run_number": {"type": "integer", "maximum": 9223372036854776000},
                        "dataset": {"type": "string", "maxLength": 255, "title": "Dataset"},
                        "dataset_id": {"type": "integer"},
                        "ls_count": {"type": "integer", "description": "Words of upstream."},
                    },
                },
                "Shift": {
                    "type": "object",
                    "required": ["leader"],
                    "properties": {
                        "leader": {"type": "string"},
                        "kind": {"type": "string", "enum": ["day", "night"]},
                        "notes": {"type": "string"},
                    },
                },
            },
            "securitySchemes": {
                "Secret Key": {"type": "apiKey", "in": "header", "name": "X-SECRET"},
                "Bearer Token": {"type": "http", "scheme": "Bearer", "in": "header", "name": "Authorization"},
            },
        },
    }


RUNS = "$.paths['/api/v1/run/'].get"
ONE_RUN = "$.paths['/api/v1/run/{dataset_id}/{run_number}/'].get"
TOKEN = "$.paths['/api/v1/auth/device-token/'].post"


def _retyped(target: str, wrong: str, reason: str) -> dict[str, Json]:
    return {
        "target": f"{target}.schema",
        "description": reason,
        "x-expect": {"type": wrong},
        "update": {"type": "integer"},
    }


def _corrections() -> dict[str, list[dict[str, Json]]]:
    body = _published()["paths"]["/api/v1/auth/device-token/"]["post"]["requestBody"]["content"]
    repairs: list[dict[str, Json]] = [
        {
            "target": "$.components.securitySchemes['Secret Key']",
            "description": "No legal key.",
            "x-group": "security",
            "x-expect": {"type": "apiKey", "in": "header", "name": "X-SECRET"},
            "remove": True,
        },
        {
            "target": "$.components.securitySchemes['Bearer Token']",
            "description": "No legal key.",
            "x-group": "security",
            "x-rename": "bearer",
        },
        {
            "target": "$.components.securitySchemes.bearer.in",
            "description": "A bearer scheme has no place.",
            "x-group": "security",
            "x-expect": "header",
            "remove": True,
        },
        {
            "target": "$.components.securitySchemes.bearer.name",
            "description": "A bearer scheme has no name.",
            "x-group": "security",
            "x-expect": "Authorization",
            "remove": True,
        },
        {
            "target": "$",
            "description": "All but the login wants a token.",
            "update": {"security": [{"bearer": []}]},
        },
        *(
            {
                "target": f"{operation}.security",
                "description": "Credentials are not optional.",
                "x-expect": LOCKED,
                "remove": True,
            }
            for operation in (RUNS, ONE_RUN)
        ),
        {"target": TOKEN, "description": "Logging in needs no token.", "update": {"security": []}},
        _retyped(f"{RUNS}.parameters[?@.name=='page_size']", "number", "A whole number."),
        _retyped(f"{RUNS}.parameters[?@.name=='run_number']", "string", "A number, declared as string."),
        _retyped(f"{ONE_RUN}.parameters[?@.name=='dataset_id']", "int", "No type of JSON Schema."),
        _retyped(f"{ONE_RUN}.parameters[?@.name=='run_number']", "int", "No type of JSON Schema."),
        {
            "target": "$.paths['/api/v1/shifts']",
            "description": "Published without its trailing slash.",
            "x-rename": "/api/v1/shifts/",
        },
        {
            "target": "$.components.schemas.Run.required",
            "description": "Names a field that does not exist.",
            "x-group": "fields of a run",
            "x-expect": ["run_number", "run"],
            "remove": True,
        },
        {
            "target": "$.components.schemas.Run",
            "description": "The fields that are sent.",
            "x-group": "fields of a run",
            "x-expect": {"properties": {"run_number": {}, "dataset": {}}},
            "update": {"required": ["run_number", "dataset"]},
        },
        {
            "target": f"{TOKEN}.requestBody.content['application/json'].schema",
            "description": "A body without a name.",
            "x-group": "body",
            "x-expect": body["application/json"]["schema"],
            "remove": True,
        },
        {
            "target": "$.components.schemas",
            "description": "The body under a name.",
            "x-group": "body",
            "update": {"DeviceCode": body["application/json"]["schema"]},
        },
        {
            "target": f"{TOKEN}.requestBody.content['application/json']",
            "description": "The named body.",
            "x-group": "body",
            "update": {"schema": _ref("DeviceCode")},
        },
    ]
    additions: list[dict[str, Json]] = [
        {
            "target": "$.components.schemas.Run",
            "description": "Sent, but not published.",
            "update": {"properties": {"ls_completeness": {"type": "number", "nullable": True}}},
        },
        {
            "target": f"{RUNS}.parameters",
            "description": "Accepted, but not published.",
            "update": _query("order_by", {"type": "string"}),
        },
    ]
    return {REPAIRS: repairs, ADDITIONS: additions}


@pytest.fixture
def published() -> dict[str, Json]:
    """The document that the miniature publishes, for the test to change."""
    return _published()


@pytest.fixture
def corrections(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Json]]]:
    """The actions of the miniature's two overlay documents, in place of the project's; for the test to change."""
    raw = _corrections()

    def load(name: str) -> tuple[Action, ...]:
        return parse_overlay(name, {"overlay": "1.0.0", "actions": raw[name]})

    monkeypatch.setattr("cmsdials_generator.pull.load_overlay", load)
    return raw


@pytest.fixture(scope="session")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package emitted from the project's contract; not for a test to change."""
    out = tmp_path_factory.mktemp("emitted")
    generate(project.CONTRACT, out)
    return out


def _tree_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="session")
def tree_of() -> Callable[[Path], dict[str, bytes]]:
    """Name and content of every file below a folder, but of what Python caches there."""
    return _tree_of
