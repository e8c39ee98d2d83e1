"""What makes a document invalid: each fault once, with its place and its cause, and nothing is fetched for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator.command import main
from cmsdials_generator.faults import faults
from cmsdials_generator.pull import make_contract
from cmsdials_generator.read import read_document

Json = Any

pytestmark = pytest.mark.usefixtures("corrections")


def runs(d: Json) -> Json:
    return d["paths"]["/api/v1/run/"]["get"]


def fields(d: Json, name: str = "Shift") -> Json:
    return d["components"]["schemas"][name]["properties"]


def parameter(**parts: Json) -> Callable[[Json], None]:
    return lambda d: runs(d)["parameters"].append(parts)


def field(node: Json, name: str = "x") -> Callable[[Json], None]:
    return lambda d: fields(d).update({name: node})


def many(d: Json) -> None:
    fields(d).update({f"x{at}": {"type": "int"} for at in range(4)})


FAULTS: dict[str, tuple[Callable[[Json], Any], list[str]]] = {
    "int, four times": (many, [f"component Shift field x{at}: 'int' is not a type of JSON Schema; integer is meant, perhaps" for at in range(4)]),
    "float": (field({"type": "float"}), ["component Shift field x: 'float' is not a type of JSON Schema; number is meant, perhaps"]),
    "a misspelt type": (field({"type": "strng"}), ["component Shift field x: 'strng' is not a type of JSON Schema; string is meant, perhaps"]),
    "no type at all": (field({"type": "???"}), ["component Shift field x: '???' is not a type of JSON Schema; there are string, integer, number, boolean, array, object"]),
    "a number for a type": (field({"type": 3}), ["component Shift field x: 3 is not a type of JSON Schema; there are"]),
    "a type deep down": (field({"type": "array", "items": {"type": "object", "properties": {"y": {"type": "bool"}}}}), ["component Shift field x items field y: 'bool' is not a type"]),
    "a type of a parameter": (parameter(name="q", **{"in": "query"}, schema={"type": "long"}), ["GET /api/v1/run/ query parameter q: 'long' is not a type"]),
    "a field called type": (field({"type": "dict"}, "type"), ["component Shift field type: 'dict' is not a type"]),
    "an array of nothing": (field({"type": "array"}), ["component Shift field x: an array that does not say what its items are"]),
    "a default of another type": (parameter(name="q", **{"in": "query"}, schema={"type": "integer", "default": "x"}), ["GET /api/v1/run/ query parameter q default: the default 'x' is not of type integer"]),
    "a keyword of another version": (field({"type": "string", "prefixItems": []}), ["component Shift field x: 'prefixItems' does not match any of the regexes"]),
    "a keyword of a wrong type": (field({"type": "integer", "multipleOf": "x"}), ["component Shift field x multipleOf: 'x' is not of type 'number'"]),
    "a schema that is not there": (field({"$ref": "#/components/schemas/Runs"}), ["component Shift field x: refers to '#/components/schemas/Runs', which is not defined; the nearest is Run"]),
    "a schema that is itself": (lambda d: d["components"]["schemas"].update(A={"$ref": "#/components/schemas/A"}), ["component A: refers to '#/components/schemas/A', and so to itself"]),
    "a parameter that is not there": (parameter(**{"$ref": "#/components/parameters/none"}), ["GET /api/v1/run/ parameter 5: refers to '#/components/parameters/none', which is not defined"]),
    "a parameter without a name": (parameter(**{"in": "query"}, schema={"type": "string"}), ["GET /api/v1/run/ parameter 5: a parameter without 'name'"]),
    "a parameter without a place": (parameter(name="q", schema={"type": "string"}), ["GET /api/v1/run/ parameter q: a parameter without 'in'"]),
    "a parameter in the body": (parameter(name="q", **{"in": "body"}, schema={"type": "string"}), ["GET /api/v1/run/ body parameter q: a parameter is in path, query, header, cookie, not in 'body'"]),
    "a parameter without a schema": (parameter(name="q", **{"in": "query"}), ["GET /api/v1/run/ query parameter q: a parameter has either a schema or content"]),
    "a parameter twice": (lambda d: runs(d)["parameters"].append(runs(d)["parameters"][2]), ["GET /api/v1/run/ query parameter dataset: a parameter that is there twice"]),
    "credentials that are not defined": (lambda d: d["paths"]["/api/v1/shifts"]["get"].update(security=[{"Unknown": []}]), ["GET /api/v1/shifts/ security 0: asks for the security scheme 'Unknown', which is not defined"]),
    "a status that is none": (lambda d: runs(d)["responses"].update(ok={"description": ""}), ["GET /api/v1/run/ responses: Additional properties are not allowed ('ok' was unexpected)"]),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_once_with_its_place(
    published: Json, spoil: Callable[[Json], Any], said: list[str]
) -> None:
    spoil(published)
    problems = make_contract(published).problems
    assert len(problems) == len(said), problems
    assert [one for one, expected in zip(problems, said, strict=True) if not one.startswith(expected)] == []


def test_faults_of_all_kinds_are_named_at_once(published: Json) -> None:
    many(published)
    parameter(name="q", schema={"type": "string"})(published)
    field({"type": "integer", "multipleOf": "x"}, "z")(published)
    assert len(make_contract(published).problems) == 6


def test_a_document_is_not_changed_by_looking_at_it(published: Json) -> None:
    many(published)
    document = make_contract(published).document
    before = json.dumps(document)
    faults(document)
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    "data", [{"default": {"$ref": "#/x"}}, {"enum": [{"$ref": "#/x"}]}, {"default": [1]}], ids=str
)
def test_values_are_data_and_no_references(published: Json, data: Json) -> None:
    field(data)(published)
    assert make_contract(published).problems == ()


def test_null_and_constants_of_openapi_3_1(published: Json, tmp_path: Path) -> None:
    published["openapi"] = "3.1.0"
    fields(published).update(
        a={"type": ["string", "null"]},
        b={"anyOf": [{"$ref": "#/components/schemas/Run"}, {"type": "null"}]},
        c={"const": "day"},
        d={"type": "integer", "exclusiveMinimum": 0},
        e={"oneOf": [{"type": "string"}, {"type": "null"}]},
        f={"type": ["string", "integer"]},
    )
    (tmp_path / "d.json").write_text(json.dumps(published), encoding="utf-8")
    read = read_document(tmp_path / "d.json")
    assert [one[:24] for one in read.warnings] == ["it is OpenAPI 3.1.0, and"]
    made = make_contract(read.document)
    assert made.problems == ()
    shift = made.document["components"]["schemas"]["Shift"]["properties"]
    assert [shift[name] for name in "abcdef"] == [
        {"type": "string", "nullable": True},
        {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Run"}]},
        {"enum": ["day"]},
        {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
        {"type": "string", "nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    ]


# Out of the document


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server that would answer, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/secret.json", asked
        finally:
            server.shutdown()
            thread.join()


OUTSIDE: dict[str, Callable[[Json, Json], Any]] = {
    "a field": lambda d, ref: fields(d).update(x=ref),
    "items": lambda d, ref: fields(d).update(x={"type": "array", "items": ref}),
    "a part": lambda d, ref: fields(d).update(x={"allOf": [ref, {"type": "object"}]}),
    "a component": lambda d, ref: d["components"]["schemas"].update(X=ref),
    "a parameter": lambda d, ref: runs(d)["parameters"].append(ref),
    "a parameter of a path": lambda d, ref: d["paths"]["/api/v1/run/"].update(parameters=[ref]),
    "the schema of a parameter": lambda d, ref: runs(d)["parameters"][2].update(schema=ref),
    "an answer": lambda d, ref: runs(d)["responses"].update({"404": ref}),
    "a body": lambda d, ref: runs(d).update(requestBody=ref),
    "a path": lambda d, ref: d["paths"].update({"/api/v1/x/": ref}),
    "a header": lambda d, ref: runs(d)["responses"]["200"].update(headers={"X": ref}),
    "a security scheme": lambda d, ref: d["components"]["securitySchemes"].update(X=ref),
    "a default": lambda d, ref: fields(d).update(x={"type": "object", "default": ref}),
    "a kind of a union": lambda d, ref: fields(d).update(x={"oneOf": [ref], "discriminator": {"propertyName": "k", "mapping": {"a": ref["$ref"]}}}),
}  # fmt: skip


@pytest.mark.parametrize("command", ["pull", "check", "generate"])
@pytest.mark.parametrize("put", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_a_reference_out_of_the_document_is_never_followed(
    put: Callable[[Json, Json], Any],
    command: str,
    published: Json,
    elsewhere: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, asked = elsewhere
    secret = tmp_path / "secret.json"
    secret.write_text('{"type": "string"}', encoding="utf-8")
    contract = make_contract(published).document
    odd = ("secret.json", "//127.0.0.1/x.json") if put is OUTSIDE["a field"] else ()
    for reference in (f"{address}#/x", secret.as_uri(), *odd):
        changed = json.loads(json.dumps(contract if command == "generate" else published))
        put(changed, {"$ref": reference})
        source = tmp_path / "d.json"
        source.write_text(json.dumps(changed), encoding="utf-8")
        if command == "generate":
            if "default" in json.dumps(changed):
                continue  # data, which the code does not hold
            code = main(["generate", "--spec", str(source), "--out", str(tmp_path / "out")])
        elif command == "pull":
            code = main(["pull", "--source", str(source), "--out", str(tmp_path / "c.json")])
        else:
            spec = tmp_path / "spec.json"
            spec.write_bytes(json.dumps(contract).encode())
            code = main(["check", "--source", str(source), "--spec", str(spec)])
        assert code in ((1, 2) if command == "check" else (3,)) or "default" in json.dumps(changed)
    assert asked == []
