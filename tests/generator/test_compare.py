"""One row per kind of change, and the properties that hold of all of them."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from attrs import frozen
from cmsdials_generator.compare import Change, compare
from hypothesis import given, settings
from hypothesis import strategies as st

Json = Any

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def an_object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def array(items: Json) -> Json:
    return {"type": "array", "items": items}


def query(name: str, schema: Json, **more: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema, **more}


def body(schema: Json, media: str = "application/json", **more: Json) -> Json:
    return {"content": {media: {"schema": schema}}, **more}


def operation(*parameters: Json, answer: Json = None, request: Json = None, **more: Json) -> Json:
    """An operation with one answer; `answer` and `request` are schemas."""
    node = {"parameters": list(parameters), "responses": {"200": {"description": "", **body(answer or {})}}}
    if request is not None:
        node["requestBody"] = body(request, required=True)
    return node | more


def document(paths: Json, schemas: Json = None, **more: Json) -> Json:
    components = {"schemas": schemas or {}, **more.pop("components", {})}
    return {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "paths": paths,
        "components": components,
    } | more


def get(*parameters: Json, **more: Json) -> Json:
    return document({"/api/v1/run/": {"get": operation(*parameters, **more)}})


def answered(schema: Json, **schemas: Json) -> Json:
    return document({"/api/v1/run/": {"get": operation(answer=schema)}}, schemas)


def sent(schema: Json, **schemas: Json) -> Json:
    return document({"/api/v1/run/": {"post": operation(request=schema)}}, schemas)


def secured(*ways: Json, **more: Json) -> Json:
    schemes = {
        "secret": {"type": "apiKey", "in": "header", "name": "X-CLIENT-SECRET"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    return document(
        {"/api/v1/run/": {"get": operation(security=list(ways))}}, components={"securitySchemes": schemes}
    )


def paths(**items: Json) -> Json:
    return document({f"/api/v1/{name}/": item for name, item in items.items()})


RUN = {"get": operation()}
ONE = {"name": "a", "in": "path", "required": True, "schema": INTEGER}
TWO = {"name": "b", "in": "path", "required": True, "schema": INTEGER}


@frozen
class Row:
    """What is expected of one difference; `severity` None stands for no change at all."""

    id: str
    before: Json
    after: Json
    severity: str | None
    where: str = ""
    what: str = ""


BREAKING, COMPATIBLE = "breaking", "compatible"

PATHS = [
    Row("path removed", paths(run=RUN, caf=RUN), paths(run=RUN), BREAKING, "/api/v1/caf/", "path removed"),
    Row("path added", paths(run=RUN), paths(run=RUN, caf=RUN), COMPATIBLE, "/api/v1/caf/", "path added"),
    Row(
        "method removed", paths(run={**RUN, "post": operation()}), paths(run=RUN),
        BREAKING, "POST /api/v1/run/", "operation removed",
    ),
    Row(
        "method added", paths(run=RUN), paths(run={**RUN, "post": operation()}),
        COMPATIBLE, "POST /api/v1/run/", "operation added",
    ),
    Row(
        "trailing slash lost", document({"/a/": RUN}), document({"/a": RUN}),
        BREAKING, "/a/", "now without a trailing slash",
    ),
    Row(
        "trailing slash gained", document({"/a": RUN}), document({"/a/": RUN}),
        BREAKING, "/a", "now with a trailing slash",
    ),
    Row(
        "path variable renamed",
        document({"/a/{a}/": {"get": operation(ONE)}}),
        document({"/a/{x}/": {"get": operation({**ONE, "name": "x"})}}),
        None,
    ),
    Row(
        "renamed path variable retyped",
        document({"/a/{a}/": {"get": operation(ONE)}}),
        document({"/a/{x}/": {"get": operation({**ONE, "name": "x", "schema": STRING})}}),
        BREAKING, "GET /a/{a}/ path parameter a", "type changed from integer to string",
    ),
    Row(
        "path variables swapped",
        document({"/{a}/{b}/": {"get": operation(ONE, TWO)}}),
        document({"/{b}/{a}/": {"get": operation(ONE, TWO)}}),
        BREAKING, "/{a}/{b}/", "changed places",
    ),
    Row("operation deprecated", get(), get(deprecated=True), COMPATIBLE, "GET /api/v1/run/", "deprecated"),
    Row("operation revived", get(deprecated=True), get(), COMPATIBLE, "GET /api/v1/run/", "no longer deprecated"),
    Row(
        "server removed", document({"/a": RUN}, servers=[{"url": "https://a"}, {"url": "/"}]), document({"/a": RUN}),
        BREAKING, "servers", "server removed: https://a",
    ),
    Row(
        "server added",
        document({"/a": RUN}, servers=[{"url": "https://a/"}]),
        document({"/a": RUN}, servers=[{"url": "https://b"}, {"url": "https://{h}", "variables": {"h": {"default": "a"}}}]),
        COMPATIBLE, "servers", "server added: https://b",
    ),
    Row(
        "operation served elsewhere too", get(), get(servers=[{"url": "https://b"}, {"url": "/"}]),
        COMPATIBLE, "GET /api/v1/run/ servers", "server added: https://b",
    ),
]  # fmt: skip

RUN_NUMBER = "GET /api/v1/run/ query parameter run_number"


def changed_parameter(id: str, before: Json, after: Json, severity: str | None, what: str = "") -> Row:
    """A change of a query parameter: the two are what else a parameter says."""
    return Row(
        id,
        get({"name": "run_number", "in": "query", **before}),
        get({"name": "run_number", "in": "query", **after}),
        severity,
        RUN_NUMBER,
        what,
    )


PARAMETERS = [
    Row(
        "path parameter removed",
        document({"/a/{n}/": {"get": operation({**query("n", INTEGER), "in": "path", "required": True})}}),
        document({"/a/{n}/": {"get": operation()}}),
        BREAKING, "path parameter n", "parameter removed",
    ),
    Row("parameter removed", get(query("run_number", INTEGER)), get(), BREAKING, RUN_NUMBER, "parameter removed"),
    Row("parameter added", get(), get(query("run_number", INTEGER)), COMPATIBLE, RUN_NUMBER, "parameter added"),
    Row(
        "required parameter added", get(), get(query("run_number", INTEGER, required=True)),
        BREAKING, RUN_NUMBER, "required parameter added",
    ),
    Row(
        "parameter moved", get(query("run_number", INTEGER)), get({**query("run_number", INTEGER), "in": "header"}),
        BREAKING, RUN_NUMBER, "moved from query to header",
    ),
    Row(
        "header in other case",
        get({"name": "Workspace", "in": "header", "schema": STRING}),
        get({"name": "workspace", "in": "header", "schema": STRING}),
        None,
    ),
    Row(
        "parameter of the path item",
        document({"/a": {"get": operation(query("n", INTEGER))}}),
        document({"/a": {"get": operation(), "parameters": [query("n", INTEGER)]}}),
        None,
    ),
    Row(
        "parameter order", get(query("a", INTEGER), query("b", STRING)), get(query("b", STRING), query("a", INTEGER)), None,
    ),
    changed_parameter("newly required", {"schema": STRING}, {"schema": STRING, "required": True}, BREAKING, "newly required"),
    changed_parameter(
        "no longer required", {"schema": STRING, "required": True}, {"schema": STRING}, COMPATIBLE, "no longer required"
    ),
    changed_parameter("parameter deprecated", {"schema": STRING}, {"schema": STRING, "deprecated": True}, COMPATIBLE, "deprecated"),
    changed_parameter("retyped", {"schema": INTEGER}, {"schema": STRING}, BREAKING, "type changed from integer to string"),
    changed_parameter("retyped back", {"schema": STRING}, {"schema": INTEGER}, BREAKING, "type changed from string to integer"),
    changed_parameter("integer to number", {"schema": INTEGER}, {"schema": NUMBER}, BREAKING, "from integer to number"),
    changed_parameter("number to integer", {"schema": NUMBER}, {"schema": INTEGER}, BREAKING, "from number to integer"),
    changed_parameter("scalar to array", {"schema": INTEGER}, {"schema": array(INTEGER)}, BREAKING, "to array of integer"),
    changed_parameter("array to scalar", {"schema": array(INTEGER)}, {"schema": INTEGER}, BREAKING, "from array of integer"),
    changed_parameter("to anything", {"schema": INTEGER}, {}, COMPATIBLE, "from integer to anything"),
    changed_parameter("from anything", {}, {"schema": INTEGER}, BREAKING, "from anything to integer"),
    changed_parameter(
        "enum narrowed", {"schema": {**STRING, "enum": ["a", "b"]}}, {"schema": {**STRING, "enum": ["a"]}},
        BREAKING, 'enum value removed: "b"',
    ),
    changed_parameter(
        "enum widened", {"schema": {**STRING, "enum": ["a"]}}, {"schema": {**STRING, "enum": ["b", "a"]}},
        COMPATIBLE, 'enum value added: "b"',
    ),
    changed_parameter(
        "enum imposed", {"schema": STRING}, {"schema": {**STRING, "enum": ["a"]}}, BREAKING, "newly limited to a list",
    ),
    changed_parameter(
        "enum lifted", {"schema": {**STRING, "enum": ["a"]}}, {"schema": STRING}, COMPATIBLE, "no longer limited to a list",
    ),
    changed_parameter(
        "style", {"schema": array(STRING), "explode": False}, {"schema": array(STRING), "style": "pipeDelimited", "explode": False},
        BREAKING, 'style changed from "form" to "pipeDelimited"',
    ),
    changed_parameter(
        "explode", {"schema": array(STRING), "explode": False}, {"schema": array(STRING)},
        BREAKING, "explode changed from false to true",
    ),
    changed_parameter("explode of a scalar", {"schema": STRING}, {"schema": STRING, "explode": False}, None),
    changed_parameter(
        "defaults said aloud", {"schema": array(STRING)}, {"schema": array(STRING), "style": "form", "explode": True}, None,
    ),
    changed_parameter(
        "sent as JSON", {"schema": array(STRING)}, body(array(STRING)), BREAKING, "serialisation changed from plain to",
    ),
    changed_parameter("JSON retyped", body(INTEGER), body(STRING), BREAKING, "type changed from integer to string"),
    changed_parameter("reserved refused", {"allowReserved": True}, {}, BREAKING, "allowReserved changed"),
    changed_parameter("empty allowed", {}, {"allowEmptyValue": True}, COMPATIBLE, "allowEmptyValue changed"),
    changed_parameter("default", {"schema": INTEGER}, {"schema": {**INTEGER, "default": 10}}, COMPATIBLE, "default changed from null to 10"),
    changed_parameter("maximum lowered", {"schema": {**INTEGER, "maximum": 500}}, {"schema": {**INTEGER, "maximum": 100}}, BREAKING, "maximum changed from 500 to 100"),
    changed_parameter("maximum raised", {"schema": {**INTEGER, "maximum": 500}}, {"schema": {**INTEGER, "maximum": 501}}, COMPATIBLE, "maximum changed"),
    changed_parameter("maximum imposed", {"schema": INTEGER}, {"schema": {**INTEGER, "maximum": 500}}, BREAKING, "maximum changed from none to 500"),
    changed_parameter("minimum lowered", {"schema": {**INTEGER, "minimum": 10}}, {"schema": {**INTEGER, "minimum": 1}}, COMPATIBLE, "minimum changed from 10 to 1"),
    changed_parameter(
        "minimum exclusive", {"schema": {**INTEGER, "minimum": 10}},
        {"schema": {**INTEGER, "minimum": 10, "exclusiveMinimum": True}}, BREAKING, "from 10 to 10 (exclusive)",
    ),
    changed_parameter(
        "exclusive as in OpenAPI 3.1", {"schema": {**INTEGER, "maximum": 10, "exclusiveMaximum": True}},
        {"schema": {**INTEGER, "exclusiveMaximum": 10}}, None,
    ),
    changed_parameter("length limited", {"schema": STRING}, {"schema": {**STRING, "maxLength": 9}}, BREAKING, "maxLength changed from none to 9"),
    changed_parameter("no length is least", {"schema": STRING}, {"schema": {**STRING, "minLength": 0}}, None),
    changed_parameter("pattern imposed", {"schema": STRING}, {"schema": {**STRING, "pattern": "a+"}}, BREAKING, "pattern changed"),
    changed_parameter("size of integers", {"schema": {**INTEGER, "format": "int64"}}, {"schema": {**INTEGER, "format": "int32"}}, BREAKING, "format changed from int64 to int32"),
    changed_parameter("format imposed", {"schema": STRING}, {"schema": {**STRING, "format": "date"}}, BREAKING, "format changed from none to date"),
    changed_parameter("format lifted", {"schema": {**STRING, "format": "date"}}, {"schema": STRING}, COMPATIBLE, "format changed from date to none"),
]  # fmt: skip


def changed_answer(
    id: str, before: Json, after: Json, severity: str | None, what: str = "", path: str = "results[].data"
) -> Row:
    """A change of the field `data` of the rows of a page."""

    def page(schema: Json) -> Json:
        return answered(an_object(results=array(an_object(("data",), data=schema))))

    return Row(id, page(before), page(after), severity, f"GET /api/v1/run/ answer 200 {path}", what)


def changed_row(
    id: str, before: Json, after: Json, severity: str | None, what: str = "", field: str = ""
) -> Row:
    return Row(
        id,
        answered(before),
        answered(after),
        severity,
        f"GET /api/v1/run/ answer 200{field and ' ' + field}",
        what,
    )


A = an_object(a=INTEGER)
B = an_object(b=STRING)

ANSWERS = [
    changed_answer("field retyped", INTEGER, STRING, BREAKING, "type changed from integer to string"),
    changed_answer("field integer to number", INTEGER, NUMBER, BREAKING, "type changed from integer to number"),
    changed_answer("whole number written otherwise", INTEGER, {**NUMBER, "multipleOf": 1}, None, ""),
    changed_answer("field no longer whole", {**NUMBER, "multipleOf": 1}, NUMBER, BREAKING, "from integer to number"),
    changed_answer("field number to integer", NUMBER, INTEGER, BREAKING, "type changed from number to integer"),
    changed_answer("field to array", NUMBER, array(NUMBER), BREAKING, "type changed from number to array of number"),
    changed_answer(
        "flat to nested", array(NUMBER), array(array(NUMBER)), BREAKING,
        "type changed from number to array of number", "results[].data[]",
    ),
    changed_answer("field now anything", INTEGER, {}, BREAKING, "type changed from integer to anything"),
    changed_answer("field was anything", {}, INTEGER, COMPATIBLE, "type changed from anything to integer"),
    changed_answer("boolean schema", True, {}, None),
    changed_answer("nothing any more", INTEGER, False, COMPATIBLE, "type changed from integer to nothing"),
    changed_answer("newly nullable", STRING, {**STRING, "nullable": True}, BREAKING, "newly nullable"),
    changed_answer("no longer nullable", {**STRING, "nullable": True}, STRING, COMPATIBLE, "no longer nullable"),
    changed_answer("nullable, other spellings", {**STRING, "nullable": True}, {"type": ["null", "string"]}, None),
    changed_answer("nullable, as a union", {**STRING, "nullable": True}, {"anyOf": [STRING, {"type": "null"}]}, None),
    changed_answer("nullable, as an enum", {**STRING, "enum": ["a", None], "nullable": True}, {"oneOf": [{"enum": ["a"]}, {"enum": [None]}]}, None),
    changed_answer("enum value added", {"enum": ["a"]}, {"enum": ["a", "b"]}, COMPATIBLE, 'enum value added: "b"'),
    changed_answer("enum value removed", {"enum": ["a", "b"]}, {"enum": ["a"]}, BREAKING, 'enum value removed: "b"'),
    changed_answer("enum order", {"enum": ["a", "b"]}, {"enum": ["b", "a"]}, None),
    changed_answer("enum of two schemas", {**STRING, "enum": ["a", ""]}, {"oneOf": [{"enum": ["a"]}, {"enum": [""]}]}, None),
    changed_answer("const", {"const": "a"}, {"enum": ["a"]}, None),
    changed_answer("date-time lost", {**STRING, "format": "date-time"}, STRING, BREAKING, "format changed from date-time to none"),
    changed_answer("date-time gained", STRING, {**STRING, "format": "date-time"}, COMPATIBLE, "format changed"),
    changed_answer("format of no weight", {**STRING, "format": "uri"}, STRING, COMPATIBLE, "format changed"),
    changed_answer("larger integers", {**INTEGER, "format": "int32"}, {**INTEGER, "format": "int64"}, COMPATIBLE, "format changed"),
    changed_answer("bound lifted", {**STRING, "maxLength": 255}, STRING, COMPATIBLE, "maxLength changed from 255 to none"),
    changed_answer("field deprecated", STRING, {**STRING, "deprecated": True}, COMPATIBLE, "deprecated"),
    changed_answer("one type more", INTEGER, {"oneOf": [INTEGER, STRING]}, BREAKING, "type changed from integer to integer or string"),
    changed_answer("one type fewer", {"anyOf": [INTEGER, STRING]}, INTEGER, COMPATIBLE, "to integer"),
    changed_answer("types as a list", {"anyOf": [INTEGER, STRING]}, {"type": ["string", "integer"]}, None),
    changed_answer("order of alternatives", {"oneOf": [A, B]}, {"oneOf": [B, A]}, None),
    changed_answer("alternative twice", {"oneOf": [A, B]}, {"oneOf": [A, B, {**B, "description": "again"}]}, None),
    changed_answer("alternative added", {"oneOf": [A, B]}, {"oneOf": [B, A, an_object(c=STRING)]}, BREAKING, "an alternative added"),
    changed_answer("change in an alternative", {"oneOf": [A, B]}, {"oneOf": [B, an_object()]}, BREAKING, "field removed", "results[].data.a"),
    changed_answer("allOf is its parts", {"allOf": [A, B]}, an_object(a=INTEGER, b=STRING), None),
    changed_answer("field removed from a part", {"allOf": [A, B]}, {"allOf": [B]}, BREAKING, "field removed", "results[].data.a"),
    changed_answer("allOf narrows", {"allOf": [NUMBER, INTEGER]}, INTEGER, None),
    changed_answer("map of values", {"type": "object", "additionalProperties": INTEGER}, {"type": "object", "additionalProperties": STRING}, BREAKING, "type changed from integer to string", "results[].data.*"),
    changed_answer("any object", {"type": "object"}, {"type": "object", "additionalProperties": {}}, None),
    changed_answer("map emptied", {"type": "object", "additionalProperties": INTEGER}, {"type": "object", "additionalProperties": False}, BREAKING, "other fields no longer allowed"),
    changed_answer("other fields excluded", A, {**A, "additionalProperties": False}, COMPATIBLE, "other fields no longer allowed"),
    changed_answer("other fields allowed", {**A, "additionalProperties": False}, A, COMPATIBLE, "other fields newly allowed"),
    changed_answer("keyword compared as a whole", {"not": STRING}, {"not": INTEGER}, BREAKING, "not changed"),
    changed_answer("unknown type", INTEGER, {"type": "int"}, BREAKING, "type changed from integer to int"),
    changed_answer("type inferred from keywords", {"items": STRING}, array(STRING), None),
    changed_answer("types inferred from values", {"enum": [1, 1.5, True, [2], {}]}, {"enum": [{}, [2], True, 1.5, 1]}, None),
    changed_answer("types without values", {"type": ["string", "integer"], "enum": ["a"]}, {"enum": ["a"]}, None),
    changed_answer("enum of the wrong type", {**STRING, "enum": [1]}, {**STRING, "enum": [1, 2]}, COMPATIBLE, "enum value added: 2"),
    changed_answer("nothing meets, in any order", {"allOf": [{**STRING, "format": "date"}, {"allOf": [STRING, INTEGER]}]}, {"allOf": [INTEGER, STRING]}, None),
    changed_answer("or nothing", {"oneOf": [STRING, False]}, STRING, None),
    changed_answer("bounds meet", {"allOf": [{**INTEGER, "minimum": 1, "maximum": 9}, {**INTEGER, "minimum": 3, "maximum": 12}]}, {**INTEGER, "minimum": 3, "maximum": 9}, None),
    changed_answer("enums meet", {"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, {"enum": ["b"]}, None),
    changed_answer("patterns meet", {"allOf": [{**STRING, "pattern": "a"}, {**STRING, "pattern": "b"}]}, {**STRING, "pattern": "b"}, None),
    changed_answer("array of anything", array({}), array({"oneOf": [{}, STRING]}), None),
    changed_answer("one of them is anything", {"oneOf": [STRING, {}]}, INTEGER, COMPATIBLE, "type changed from anything to integer"),
    changed_answer("prefix of an array", {**array({}), "prefixItems": [STRING]}, {**array({}), "prefixItems": [INTEGER]}, BREAKING, "prefixItems changed"),
    changed_row("field removed", an_object(a=INTEGER, b=STRING), A, BREAKING, "field removed", "b"),
    changed_row("field removed, still listed", an_object(("a",), a=INTEGER), an_object(("a",)), BREAKING, "field removed", "a"),
    changed_row("field added", A, an_object(a=INTEGER, b=STRING), COMPATIBLE, "field added", "b"),
    changed_row("required field added", A, an_object(("b",), a=INTEGER, b=STRING), COMPATIBLE, "field added", "b"),
    changed_row("field no longer sent always", an_object(("a",), a=INTEGER), A, BREAKING, "no longer required", "a"),
    changed_row("field now sent always", A, an_object(("a",), a=INTEGER), COMPATIBLE, "newly required", "a"),
    changed_row("required, but not there", A, an_object(("x",), a=INTEGER), COMPATIBLE, "field added", "x"),
    changed_row("writeOnly is not answered", A, an_object(a=INTEGER, p={**STRING, "writeOnly": True}), None),
    Row(
        "media type changed", get(responses={"200": body({})}), get(responses={"200": body({}, "text/csv")}),
        BREAKING, "GET /api/v1/run/ answer 200", "media type changed from application/json to text/csv",
    ),
    Row(
        "media type added",
        get(responses={"200": body({})}),
        get(responses={"200": {"content": {"application/json; charset=utf-8": {}, "text/csv": {}}}}),
        COMPATIBLE, "GET /api/v1/run/ answer 200", "media type added: text/csv",
    ),
    Row(
        "answer body gone", get(responses={"200": body({})}), get(responses={"200": {}}),
        BREAKING, "GET /api/v1/run/ answer 200", "media type removed: application/json",
    ),
    Row(
        "success answer removed", get(responses={"200": {}, "204": {}}), get(responses={"200": {}}),
        BREAKING, "GET /api/v1/run/ answer 204", "success answer removed",
    ),
    Row(
        "success answer added", get(responses={"200": {}, "default": {}}), get(responses={"200": {}, "202": {}, "default": {}}),
        BREAKING, "GET /api/v1/run/ answer 202", "success answer added",
    ),
    Row(
        "error answer removed", get(responses={"200": {}, "404": {}}), get(responses={"200": {}}),
        COMPATIBLE, "GET /api/v1/run/ answer 404", "error answer removed",
    ),
    Row(
        "error answer added", get(responses={"200": {}}), get(responses={"200": {}, "404": {}}),
        COMPATIBLE, "GET /api/v1/run/ answer 404", "error answer added",
    ),
    Row("error within a range", get(responses={"200": {}, "4XX": {}}), get(responses={"200": {}, "404": {}, "4xx": {}}), None),
    Row(
        "header of an answer removed", get(responses={"200": {"headers": {"Retry-After": {"schema": INTEGER}}}}),
        get(responses={"200": {}}), BREAKING, "answer 200 header retry-after", "header removed",
    ),
    Row(
        "header of an answer added", get(responses={"200": {}}),
        get(responses={"200": {"headers": {"ETag": {"schema": STRING}}}}), COMPATIBLE, "header etag", "header added",
    ),
    Row(
        "header of an answer retyped", get(responses={"200": {"headers": {"Retry-After": {"schema": INTEGER}}}}),
        get(responses={"200": {"headers": {"retry-after": {"schema": STRING}}}}), BREAKING, "header retry-after", "type changed",
    ),
]  # fmt: skip

SENT = "POST /api/v1/run/ request body"


def changed_body(
    id: str, before: Json, after: Json, severity: str | None, what: str = "", field: str = ""
) -> Row:
    return Row(id, sent(before), sent(after), severity, f"{SENT}{field and ' ' + field}", what)


def post(**more: Json) -> Json:
    return document({"/api/v1/run/": {"post": operation(**more)}})


REQUESTS = [
    Row("body removed", sent(A), post(), BREAKING, SENT, "request body removed"),
    Row("body added", post(), post(requestBody=body(A)), COMPATIBLE, SENT, "request body added"),
    Row("required body added", post(), sent(A), BREAKING, SENT, "required request body added"),
    Row("body newly required", post(requestBody=body(A)), sent(A), BREAKING, SENT, "newly required"),
    Row("body no longer required", sent(A), post(requestBody=body(A)), COMPATIBLE, SENT, "no longer required"),
    Row(
        "media type of the body", post(requestBody=body(A)), post(requestBody=body(A, "multipart/form-data")),
        BREAKING, SENT, "media type changed",
    ),
    Row("any media type accepted", post(requestBody=body(A)), post(requestBody=body(A, "application/*")), COMPATIBLE, SENT, "application/*"),
    changed_body("sent field removed", an_object(a=INTEGER, b=STRING), A, BREAKING, "field removed", "b"),
    changed_body("optional field accepted", A, an_object(a=INTEGER, b=STRING), COMPATIBLE, "field added", "b"),
    changed_body("field demanded", A, an_object(("b",), a=INTEGER, b=STRING), BREAKING, "required field added", "b"),
    changed_body("field newly required", A, an_object(("a",), a=INTEGER), BREAKING, "newly required", "a"),
    changed_body("field no longer required", an_object(("a",), a=INTEGER), A, COMPATIBLE, "no longer required", "a"),
    changed_body("null accepted", A, an_object(a={**INTEGER, "nullable": True}), COMPATIBLE, "newly nullable", "a"),
    changed_body("null refused", an_object(a={**INTEGER, "nullable": True}), A, BREAKING, "no longer nullable", "a"),
    changed_body("other type accepted", A, an_object(a={"oneOf": [INTEGER, STRING]}), COMPATIBLE, "type changed", "a"),
    changed_body("number accepted", A, an_object(a=NUMBER), BREAKING, "type changed", "a"),
    changed_body("extras refused", A, {**A, "additionalProperties": False}, BREAKING, "other fields no longer allowed"),
    changed_body("readOnly is not sent", A, an_object(a=INTEGER, id={**INTEGER, "readOnly": True}), None),
    changed_body("readOnly is no longer sent", A, an_object(a={**INTEGER, "readOnly": True}), BREAKING, "field removed", "a"),
]  # fmt: skip

SECRET: Json = {"secret": []}
BEARER: Json = {"bearer": []}
NONE: Json = {}

SECURITY = [
    Row("credentials required", secured(), secured(SECRET), BREAKING, "GET /api/v1/run/ security", "credentials newly required"),
    Row("no longer optional", secured(SECRET, NONE), secured(SECRET), BREAKING, "security", "credentials newly required"),
    Row("credentials no longer required", secured(SECRET), secured(SECRET, NONE), COMPATIBLE, "security", "no longer required"),
    Row("a way in fewer", secured(SECRET, BEARER), secured(BEARER), BREAKING, "security", "header x-client-secret no longer enough"),
    Row("a way in more", secured(BEARER), secured(BEARER, SECRET), COMPATIBLE, "security", "header x-client-secret newly enough"),
    Row("both needed", secured(BEARER), secured(BEARER | SECRET), BREAKING, "security", "http bearer no longer enough"),
    Row("order of ways in", secured(BEARER, SECRET), secured(SECRET, BEARER), None),
    Row("empty is none", secured(), secured(NONE), None),
    Row(
        "a scope more", secured(BEARER), secured({"bearer": ["write"]}), BREAKING, "security", "http bearer no longer enough",
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", [*PATHS, *PARAMETERS, *ANSWERS, *REQUESTS, *SECURITY], ids=lambda row: row.id)
def test_kind_of_change(row: Row) -> None:
    before, after = copy.deepcopy(row.before), copy.deepcopy(row.after)
    changes = compare(before, after)

    assert (before, after) == (row.before, row.after), "compare changed what it was given"
    assert [change.severity for change in changes] == ([row.severity] if row.severity else [])
    for change in changes:
        assert change.where.endswith(row.where)
        assert row.what in change.what


def test_type_change_carries_old_and_new() -> None:
    (change,) = compare(get(query("run_number", INTEGER)), get(query("run_number", STRING)))
    assert change == Change(
        "breaking",
        RUN_NUMBER,
        "type changed from integer to string",
        "integer",
        "string",
        ("GET /api/v1/run/",),
    )


def test_a_wider_number_may_have_narrower_bounds() -> None:
    changes = compare(sent(A), sent(an_object(a={**NUMBER, "maximum": 5})))
    assert [(change.severity, change.what) for change in changes] == [
        ("breaking", "maximum changed from none to 5"),
        ("breaking", "type changed from integer to number"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        {"description": "d", "summary": "s", "tags": ["t"], "operationId": "o", "x-any": {"a": 1}},
        {"externalDocs": {"url": "https://a"}},
    ],
)
def test_prose_of_an_operation_is_no_change(words: Json) -> None:
    assert compare(get(), get(**words)) == []


def test_prose_of_everything_else_is_no_change() -> None:
    plain = answered(ref("Run"), Run=an_object(a=INTEGER))
    worded = answered(
        {"allOf": [ref("Run")], "description": "A run."},
        Run={
            **an_object(a={**INTEGER, "title": "A", "example": 1, "x-order": 3}),
            "description": "Run",
            "xml": {},
        },
    )
    worded["info"] = {"title": "other", "version": "2", "description": "new"}
    worded["tags"] = [{"name": "run"}]
    assert compare(plain, worded) == []
    assert compare(worded, plain) == []


class TestComponents:
    def test_a_change_stands_once_with_its_operations(self) -> None:
        def doc(run: Json) -> Json:
            items = {f"/{n}/": {"get": operation(answer=array(ref("Run")))} for n in range(20)}
            return document(items, {"Run": run})

        (change,) = compare(doc(an_object(a=INTEGER)), doc(an_object(a=STRING)))
        assert change.where == "component Run a"
        assert change.what == "type changed from integer to string"
        assert change.operations == tuple(sorted(f"GET /{n}/" for n in range(20)))

    def test_operations_reach_through_components(self) -> None:
        def doc(run: Json) -> Json:
            page = an_object(results=array(ref("Run")))
            items = {
                "/list/": {"get": operation(answer=ref("Page"))},
                "/one/": {"get": operation(answer=ref("Run"))},
            }
            return document(items, {"Run": run, "Page": page})

        (change,) = compare(doc(A), doc(an_object()))
        assert (change.where, change.what) == ("component Run a", "field removed")
        assert change.operations == ("GET /list/", "GET /one/")

    def test_names_do_not_matter(self) -> None:
        before = answered(array(ref("Run")), Run=an_object(of=ref("Dataset")), Dataset=A)
        after = answered(array(ref("RunRecord")), RunRecord=an_object(of=ref("D")), D=A)
        assert compare(before, after) == []

    @pytest.mark.parametrize("inline", [A, {"allOf": [A]}, {"oneOf": [ref("Other")]}])
    def test_inlining_does_not_matter(self, inline: Json) -> None:
        before, after = answered(array(ref("Run")), Run=A), answered(array(inline), Other=A)
        assert compare(before, after) == []
        assert compare(after, before) == []

    def test_a_component_that_was_inlined_keeps_its_name(self) -> None:
        (change,) = compare(answered(array(ref("Run")), Run=A), answered(array(an_object())))
        assert change.where == "component Run a"

    def test_a_nullable_use_is_not_a_change_of_the_component(self) -> None:
        before = answered(an_object(run=ref("Run")), Run=A)
        after = answered(an_object(run={"allOf": [ref("Run")], "nullable": True}), Run=A)
        (change,) = compare(before, after)
        assert (change.where, change.what) == ("GET /api/v1/run/ answer 200 run", "newly nullable")

    def test_a_nullable_component_is(self) -> None:
        before = answered(an_object(a=ref("Run"), b=ref("Run")), Run=A)
        after = answered(an_object(a=ref("Run"), b=ref("Run")), Run={**A, "nullable": True})
        (change,) = compare(before, after)
        assert (change.where, change.what) == ("component Run", "newly nullable")

    def test_each_direction_is_judged_by_itself(self) -> None:
        def doc(schema: Json) -> Json:
            items = {
                "/a/": {"get": operation(answer=ref("Run"))},
                "/b/": {"post": operation(request=ref("Run"))},
            }
            return document(items, {"Run": an_object(n=schema)})

        changes = compare(doc(INTEGER), doc({"anyOf": [INTEGER, STRING]}))
        assert [(change.severity, change.operations) for change in changes] == [
            ("breaking", ("GET /a/",)),
            ("compatible", ("POST /b/",)),
        ]

    def test_one_use_exchanged_for_another_component(self) -> None:
        def items(second: str) -> Json:
            return {
                "/a/": {"get": operation(answer=ref("Run"))},
                "/b/": {"get": operation(answer=ref(second))},
            }

        schemas = {"Run": A, "Other": an_object(a=STRING)}
        (change,) = compare(document(items("Run"), schemas), document(items("Other"), schemas))
        assert (change.where, change.operations) == ("component Run a", ("GET /b/",))

    def test_an_unused_component_is_no_matter(self) -> None:
        assert compare(answered({}, Unused=A), answered({})) == []

    def test_shared_parameters_and_answers(self) -> None:
        def doc(schema: Json) -> Json:
            use = operation(
                {"$ref": "#/components/parameters/page_size"},
                responses={"404": {"$ref": "#/components/responses/E"}},
            )
            return document(
                {"/a/": {"get": use}, "/b/": {"get": use}},
                components={
                    "parameters": {"page_size": query("page_size", schema)},
                    "responses": {"E": body(schema)},
                },
            )

        changes = compare(doc(INTEGER), doc(STRING))
        assert [change.where for change in changes] == [
            "component parameters/page_size",
            "component responses/E",
        ]
        assert {change.operations for change in changes} == {("GET /a/", "GET /b/")}


class TestRecursion:
    TREE = an_object(value=INTEGER, children=array(ref("Tree")))

    def test_equal(self) -> None:
        assert (
            compare(
                answered(ref("Tree"), Tree=self.TREE),
                answered(ref("Node"), Node=json.loads(json.dumps(self.TREE).replace("Tree", "Node"))),
            )
            == []
        )

    def test_unrolled_once(self) -> None:
        unrolled = an_object(value=INTEGER, children=array(self.TREE))
        assert compare(answered(ref("Tree"), Tree=self.TREE), answered(unrolled, Tree=self.TREE)) == []

    def test_a_change_within(self) -> None:
        later = an_object(value=STRING, children=array(ref("Tree")))
        (change,) = compare(answered(ref("Tree"), Tree=self.TREE), answered(ref("Tree"), Tree=later))
        assert change.where == "component Tree value"

    @pytest.mark.parametrize(
        "schemas",
        [
            {"A": {"oneOf": [INTEGER, array(ref("A"))]}},
            {"A": {"oneOf": [an_object(left=ref("A")), an_object(right=ref("A"))]}},
            {"A": {"allOf": [ref("A")]}},
            {"A": {"allOf": [ref("B"), an_object(child=ref("A"))]}, "B": an_object(child=ref("B"))},
            {"A": {"additionalProperties": ref("A"), "type": "object"}},
            {"A": {"not": ref("A")}},
            {"A": ref("A")},
            {"A": ref("Missing")},
        ],
    )
    def test_comes_to_an_end(self, schemas: Json) -> None:
        before = answered(ref("A"), **schemas)
        assert compare(before, copy.deepcopy(before)) == []
        assert compare(before, answered(INTEGER))


class TestSecurityOfAll:
    def test_is_one_change(self) -> None:
        def doc(*ways: Json) -> Json:
            return document({"/a/": RUN, "/b/": RUN}, security=list(ways))

        (change,) = compare(doc(), doc(BEARER))
        assert (change.where, change.operations) == ("security", ("GET /a/", "GET /b/"))

    def test_a_renamed_scheme_is_no_change(self) -> None:
        before = secured(SECRET, BEARER)
        after = json.loads(
            json.dumps(before).replace('"secret"', '"Client Secret Key"').replace('"bearer"', '"Bearer"')
        )
        assert compare(before, after) == []

    @pytest.mark.parametrize(
        "scheme",
        [
            {"type": "openIdConnect", "openIdConnectUrl": "https://a"},
            {"type": "oauth2", "flows": {"implicit": {}}},
            {"type": "apiKey", "in": "query", "name": "key"},
            None,
        ],
    )
    def test_another_kind_of_credentials(self, scheme: Json) -> None:
        before = secured(BEARER)
        after = copy.deepcopy(before)
        after["components"]["securitySchemes"]["bearer"] = scheme
        expected = (
            ["breaking", "compatible"] if scheme else ["breaking"]
        )  # nothing can be sent for what is not defined
        assert [change.severity for change in compare(before, after)] == expected


def test_breaking_comes_first_then_place() -> None:
    before = get(query("b", INTEGER), query("a", INTEGER))
    after = get(query("A", INTEGER))
    changes = compare(before, after)
    assert [(change.severity, change.where.split()[-1]) for change in changes] == [
        ("breaking", "a"),
        ("breaking", "b"),
        ("compatible", "A"),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"paths": None},
        {"paths": {"/a/": None, "x-a": RUN}},
        {"paths": {"/a/": {"get": {"parameters": [None, {}, {"$ref": "#/nowhere"}], "responses": None}}}},
        {
            "paths": {
                "/a/": {"get": {"parameters": {}, "responses": {"200": [], 404: None}, "requestBody": []}}
            }
        },
        {
            "paths": {
                "/a/": {"get": operation(answer={"type": 3, "enum": "no", "properties": []}, security=None)}
            }
        },
        {"paths": {"/a/": {"get": operation(answer={"type": "object", "properties": [], "required": [1]})}}},
        {"paths": {"/a/": {"get": operation(answer={"type": "array", "items": [INTEGER], "minItems": "3"})}}},
        {"paths": {"/a/": {"get": operation(answer={"type": "object", "format": {"a": 1}})}}},
        {"paths": {"/a/": {"get": operation(answer={"$ref": "other.json#/a"})}}, "servers": {}},
    ],
)
def test_a_faulty_document_is_compared_as_far_as_it_goes(broken: Json) -> None:
    whole = document({"/a/": {"get": operation(query("n", INTEGER), answer=A, request=B)}})
    assert compare(broken, copy.deepcopy(broken)) == []
    assert any(change.severity == "breaking" for change in compare(whole, broken))
    compare(broken, whole)


# Properties.

NAMES = st.sampled_from(["a", "b", "c", "run_number", "dataset"])
COMPONENTS = ("Run", "Page", "Tree")
LEAVES = st.sampled_from(
    [
        STRING, INTEGER, NUMBER, {"type": "boolean"}, {}, {"type": "int"},
        {**STRING, "nullable": True}, {**STRING, "format": "date-time"}, {**STRING, "enum": ["x", "y"]},
        {**INTEGER, "minimum": 1, "maximum": 9}, {"type": "object"}, {"enum": [1, "x", None]}, *map(ref, COMPONENTS),
    ]
)  # fmt: skip


def _objects(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.dictionaries(NAMES, inner, max_size=3).flatmap(
        lambda properties: st.builds(
            lambda required, more: {**an_object(tuple(required), **properties), **more},
            st.lists(st.sampled_from(sorted(properties)), unique=True) if properties else st.just([]),
            st.sampled_from(
                [{}, {"additionalProperties": False}, {"additionalProperties": INTEGER}, {"nullable": True}]
            ),
        )
    )


def _compound(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(array, inner),
        _objects(inner),
        st.builds(lambda key, parts: {key: parts}, st.sampled_from(["oneOf", "anyOf", "allOf"]), several),
    )


SCHEMAS = st.recursive(LEAVES, _compound, max_leaves=5)
OBJECTS = _objects(SCHEMAS)
PARAMETERS_OF_ONE = st.lists(
    st.builds(
        lambda name, place, schema, more: {"name": name, "in": place, "schema": schema, **more},
        NAMES,
        st.sampled_from(["query", "header", "cookie"]),
        SCHEMAS,
        st.sampled_from([{}, {"required": True}, {"explode": False}, {"style": "form", "deprecated": True}]),
    ),
    max_size=4,
    unique_by=lambda parameter: (parameter["in"], parameter["name"]),
)
OPERATIONS = st.builds(
    lambda parameters, answer, request, status: {
        "parameters": parameters,
        "responses": {status: body(answer), "default": {}},
        **({} if request is None else {"requestBody": body(request)}),
    },
    PARAMETERS_OF_ONE,
    SCHEMAS,
    st.none() | SCHEMAS,
    st.sampled_from(["200", "2XX", "404"]),
)
DOCUMENTS = st.builds(
    document,
    st.dictionaries(
        st.sampled_from(["/run/", "/run/{a}/", "/caf"]),
        st.dictionaries(st.sampled_from(["get", "post"]), OPERATIONS, min_size=1),
        min_size=1,
    ),
    st.fixed_dictionaries(dict.fromkeys(COMPONENTS, OBJECTS | SCHEMAS)),
)


def shuffled(node: Json, chance: random.Random, key: str = "") -> Json:
    """The same document written in another order and other words."""
    if isinstance(node, list):
        items = [shuffled(item, chance) for item in node]
        free = key in ("parameters", "required", "oneOf", "anyOf", "allOf", "enum")
        return chance.sample(items, len(items)) if free else items
    if not isinstance(node, dict):
        return node
    named = key in ("properties", "paths", "schemas", "responses", "content", "components")
    words: Json = {} if named else chance.choice([{}, {"description": "other words"}, {"x-note": 1}])
    keys = chance.sample(list(node), len(node))
    return {one: shuffled(node[one], chance, "" if key == "properties" else one) for one in keys} | words


@settings(deadline=None)
@given(DOCUMENTS)
def test_nothing_changes_without_a_change(doc: Json) -> None:
    assert compare(doc, copy.deepcopy(doc)) == []


@settings(deadline=None)
@given(DOCUMENTS, st.integers(0, 2**32))
def test_order_and_prose_are_no_change(doc: Json, seed: int) -> None:
    other = shuffled(doc, random.Random(seed))
    assert compare(doc, other) == []
    assert compare(other, doc) == []


@settings(deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_any_two_documents_compare(before: Json, after: Json) -> None:
    changes = compare(before, after)
    assert [change.severity for change in changes] == sorted(change.severity for change in changes)
    assert len(set(changes)) == len(changes)
    assert bool(changes) == bool(compare(after, before))


@settings(deadline=None)
@given(DOCUMENTS, SCHEMAS, st.sampled_from(["path", "method", "parameter", "error"]))
def test_an_added_optional_thing_is_never_breaking(doc: Json, schema: Json, addition: str) -> None:
    after = copy.deepcopy(doc)
    item = next(iter(after["paths"].values()))
    one = next(iter(item.values()))
    match addition:
        case "path":
            after["paths"]["/new/{thing}/"] = {"get": operation(query("q", schema, required=True))}
        case "method":
            item["put"] = operation(request=schema)
        case "parameter":
            one["parameters"].append(query("brand_new", schema))
        case "error":
            one["responses"]["418"] = body(schema)
    assert "breaking" not in [change.severity for change in compare(doc, after)]


@settings(deadline=None)
@given(OBJECTS, SCHEMAS)
def test_an_added_optional_field_is_compatible(record: Json, schema: Json) -> None:
    schemas = dict.fromkeys(COMPONENTS, A)
    after = copy.deepcopy(record)
    after["properties"]["brand_new"] = schema
    for place in (answered, sent):
        changes = compare(place(record, **schemas), place(after, **schemas))
        assert [(change.severity, change.what) for change in changes] == [("compatible", "field added")]


def a_way(**schemes: Json) -> Json:
    made = secured(*({name: []} for name in schemes), {})
    made["components"]["securitySchemes"] = schemes
    return made


def test_credentials_that_are_taken_no_longer_are_lost_even_if_none_are_needed() -> None:
    secret = {"type": "apiKey", "in": "header", "name": "X-CLIENT-SECRET"}
    bearer = {"type": "http", "scheme": "bearer"}
    (change,) = compare(a_way(secret=secret, bearer=bearer), a_way(bearer=bearer))
    assert (change.severity, change.what) == ("breaking", "header x-client-secret no longer enough")
    assert compare(a_way(secret=secret), a_way(secret=secret, bearer=bearer))[0].severity == "compatible"


def test_credentials_that_are_not_defined_are_none_that_can_be_sent() -> None:
    before, after = secured(BEARER, SECRET), secured(BEARER, SECRET)
    del after["components"]["securitySchemes"]["secret"]
    (change,) = compare(before, after)
    assert (change.severity, change.what) == ("breaking", "header x-client-secret no longer enough")


@pytest.mark.parametrize("after", [an_object(("a", "b"), a=INTEGER, b=STRING), an_object(("a",), a=INTEGER)])
def test_a_field_that_is_always_sent_from_now_on_has_a_note(after: Json) -> None:
    (change,) = compare(answered(an_object((), a=INTEGER)), answered(after))[-1:]
    noted = [one for one in compare(answered(A), answered(after)) if one.note]
    assert noted
    assert {one.severity for one in noted} == {"compatible"}
    assert "refuses what an older service answers without it" in noted[0].note
    assert [one for one in compare(sent(A), sent(after)) if one.note] == []
    assert change.severity == "compatible"
