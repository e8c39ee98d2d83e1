"""Drift: of the emitted code from the contract, and of what is published from the contract."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator import check, project
from cmsdials_generator.check import check_source, check_tree
from cmsdials_generator.command import main
from cmsdials_generator.generate import CannotGenerate
from cmsdials_generator.pull import make_contract

Json = Any
TreeOf = Callable[[Path], dict[str, bytes]]


# Offline


@pytest.fixture
def tree(tmp_path: Path, emitted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the emitted code, for the test to change; emitting it anew takes no time here."""

    def emit(_: object, folder: Path) -> Path:
        return shutil.copytree(emitted / project.PACKAGE, folder / project.PACKAGE)

    monkeypatch.setattr(check, "emit", emit)
    return shutil.copytree(emitted, tmp_path / "generated_client")


def test_a_tree_left_alone_has_not_drifted(tree: Path) -> None:
    assert check_tree(out=tree) == []


def test_an_edited_file_is_named(tree: Path) -> None:
    path = tree / "cmsdials_api" / "models" / "run.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert check_tree(out=tree) == [
        "generated_client/cmsdials_api/models/run.py: differs from what the contract gives"
    ]


def test_a_deleted_file_is_named(tree: Path) -> None:
    (tree / "cmsdials_api" / "py.typed").unlink()
    assert check_tree(out=tree) == ["generated_client/cmsdials_api/py.typed: missing"]


@pytest.mark.parametrize(
    "name", ["cmsdials_api/models/mine.py", "cmsdials_api/notes.txt", "other/__init__.py"]
)
def test_an_added_file_is_named(tree: Path, name: str) -> None:
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("", encoding="utf-8")
    assert check_tree(out=tree) == [f"generated_client/{name}: not emitted by the generator"]


def test_a_renamed_file_is_named_twice(tree: Path) -> None:
    (tree / "cmsdials_api" / "client.py").rename(tree / "cmsdials_api" / "clients.py")
    assert check_tree(out=tree) == [
        "generated_client/cmsdials_api/client.py: missing",
        "generated_client/cmsdials_api/clients.py: not emitted by the generator",
    ]


def test_what_python_caches_is_not_drift(tree: Path) -> None:
    cache = tree / "cmsdials_api" / "__pycache__"
    cache.mkdir()
    (cache / "client.cpython-311.pyc").write_bytes(b"x")
    assert check_tree(out=tree) == []


def test_a_tree_that_is_not_there_lacks_everything(tree: Path, tree_of: TreeOf) -> None:
    names = sorted(tree_of(tree))
    shutil.rmtree(tree)
    assert check_tree(out=tree) == [f"generated_client/{name}: missing" for name in names]


def test_without_a_contract_nothing_can_be_checked(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotGenerate, match="cannot read the contract"):
        check_tree(tmp_path / "none.json", tree)


@pytest.fixture(scope="module")
def whole_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of everything that the generator reads and writes, itself included."""
    root = tmp_path_factory.mktemp("project")
    for place in (project.CONTRACT, project.LOCK, project.SERVED_CONTRACT):
        copied = root / place.relative_to(project.ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(place, copied)
    for folder in (project.CLIENT, project.ROOT / "generator"):
        shutil.copytree(folder, root / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def check_offline(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(root / "generator"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "cmsdials_generator", "check"]
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)


def test_a_project_left_alone_exits_with_0(whole_project: Path) -> None:
    done = check_offline(whole_project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no drift: the emitted code is what the contract gives\n"


def test_a_changed_project_exits_with_2_names_all_and_changes_nothing(
    whole_project: Path, tree_of: TreeOf
) -> None:
    package = whole_project / "generated_client" / "cmsdials_api"
    (package / "client.py").write_text("", encoding="utf-8")
    (package / "filters.py").unlink()
    (package / "mine.py").write_text("", encoding="utf-8")
    contract = whole_project / "openapi.json"
    contract.write_bytes(contract.read_bytes() + b"\n")
    before = tree_of(whole_project)
    done = check_offline(whole_project)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "generated_client/cmsdials_api/client.py: differs from what the contract gives",
        "generated_client/cmsdials_api/filters.py: missing",
        "generated_client/cmsdials_api/mine.py: not emitted by the generator",
        "sandbox/cmsdials_sandbox/contract.json: not the contract that openapi.json holds",
        "generation.lock: not of this contract, configuration and tools",
        "openapi.json: not what `pull` wrote; the contract is not edited by hand",
        "The emitted code is not what the contract gives. Run scripts/regenerate and commit what it changes.",
    ]
    assert tree_of(whole_project) == before


# Against what is published


class Miniature:
    """The contract of the miniature and what it publishes now, both as files."""

    def __init__(self, folder: Path, published: Json) -> None:
        self.published = published
        self.source = folder / "published.json"
        self.spec = folder / "openapi.json"
        self.spec.write_bytes(make_contract(published).content)

    def at(self, path: str) -> Json:
        """The published node at a path of keys, `/run` and `/one` standing for the two paths of runs."""
        node = self.published
        shorts = {
            "/run": "/api/v1/run/",
            "/one": "/api/v1/run/{dataset_id}/{run_number}/",
            "/shifts": "/api/v1/shifts",
        }
        for step in path.split():
            node = node[int(step) if step.isdigit() and isinstance(node, list) else shorts.get(step, step)]
        return node

    def check(self, *options: str) -> int:
        self.source.write_text(json.dumps(self.published), encoding="utf-8")
        return main(["check", "--source", str(self.source), "--spec", str(self.spec), *options])


@pytest.fixture
def miniature(tmp_path: Path, published: Json, corrections: Json) -> Miniature:
    return Miniature(tmp_path, published)


def test_what_is_published_unchanged_exits_with_0(
    miniature: Miniature, capsys: pytest.CaptureFixture[str]
) -> None:
    assert miniature.check() == 0
    assert capsys.readouterr().out.startswith("no drift: ")


def reword(miniature: Miniature) -> None:
    listing = miniature.at("paths /run get")
    listing |= {"operationId": "runs_list", "tags": ["else"], "summary": "Other words.", "x-new": True}
    listing["parameters"][0] |= {"description": "Other words.", "example": 3}
    run = miniature.at("components schemas Run")
    run |= {"title": "A run", "example": {}}
    miniature.published["info"]["version"] = "v7.2"


def test_other_words_are_no_drift(miniature: Miniature) -> None:
    reword(miniature)
    assert miniature.check() == 0


TEXT = {"type": "string"}
ANSWERED = {"get": {"responses": {"200": {"description": "x"}}}}
BODY = "paths /api/v1/auth/device-token/ post requestBody content application/json schema"
ENVELOPE = "paths /run get responses 200 content application/json schema properties"

# (what stands where, key or place in it, new value): a new value replaces or adds, DELETED removes.
DELETED = object()
COMPATIBLE = {
    "field": ("components schemas Run properties", "weather", TEXT, "component Run weather: field added"),
    "field of a free record": (
        "components schemas Shift properties",
        "day",
        TEXT,
        "component Shift day: field added",
    ),
    "field of an envelope": (ENVELOPE, "total", {"type": "integer"}, "component RunPage total: field added"),
    "field of a body": (f"{BODY} properties", "note", TEXT, "component DeviceCode note: field added"),
    "path": ("paths", "/api/v1/weather/", ANSWERED, "/api/v1/weather/: path added"),
    "operation": ("paths /run", "put", ANSWERED["get"], "PUT /api/v1/run/: operation added"),
    "parameter": (
        "paths /run get parameters",
        None,
        {"name": "me", "in": "query", "schema": TEXT},
        "GET /api/v1/run/ query parameter me: parameter added",
    ),
    "parameter of a renamed path": (
        "paths /shifts get parameters",
        None,
        {"name": "day", "in": "query", "schema": TEXT},
        "GET /api/v1/shifts/ query parameter day: parameter added",
    ),
    "error answer": (
        "paths /run get responses",
        "418",
        {"description": "x"},
        "answer 418: error answer added",
    ),
}
BREAKING = {
    "field removed": ("components schemas Run properties", "ls_count", DELETED, "component Run ls_count: field removed"),
    "required field removed": (
        "components schemas Shift properties",
        "leader",
        DELETED,
        "component Shift leader:",
    ),
    "field removed that a repair requires": (
        "components schemas Run properties",
        "dataset",
        DELETED,
        "component Run dataset: field removed",
    ),
    "field of an envelope removed": (ENVELOPE, "results", DELETED, "component RunPage results: field removed"),
    "field of a body removed": (f"{BODY} properties", "device_code", DELETED, "component DeviceCode device_code:"),
    "field retyped": (
        "components schemas Run properties",
        "ls_count",
        TEXT,
        "component Run ls_count: type changed from integer to string",
    ),
    "field that a repair requires retyped": (
        "components schemas Run properties",
        "dataset",
        {"type": "boolean"},
        "component Run dataset: type changed from string to boolean",
    ),
    "field of an envelope retyped": (ENVELOPE, "next", {"type": "integer"}, "component RunPage next: type changed"),
    "items retyped": (f"{ENVELOPE} results", "items", TEXT, "component RunPage results[]: type changed"),
    "field of a body retyped": (f"{BODY} properties device_code", "type", "integer", "component DeviceCode device_code:"),
    "enum narrowed": (
        "components schemas Shift properties kind",
        "enum",
        ["day"],
        'component Shift kind: enum value removed: "night"',
    ),
    "parameter removed": (
        "paths /run get parameters",
        2,
        DELETED,
        "GET /api/v1/run/ query parameter dataset: parameter removed",
    ),
    "repaired parameter removed": (
        "paths /run get parameters",
        0,
        DELETED,
        "GET /api/v1/run/ query parameter page_size: parameter removed",
    ),
    "header removed": (
        "paths /run get parameters",
        4,
        DELETED,
        "GET /api/v1/run/ header parameter workspace: parameter removed",
    ),
    "parameter retyped": (
        "paths /run get parameters 2 schema",
        "type",
        "integer",
        "GET /api/v1/run/ query parameter dataset: type changed from string to integer",
    ),
    "repaired parameter retyped": (
        "paths /run get parameters 1 schema",
        "type",
        "boolean",
        "GET /api/v1/run/ query parameter run_number: type changed from integer to boolean",
    ),
    "list written otherwise": (
        "paths /run get parameters 3",
        "explode",
        True,
        "GET /api/v1/run/ query parameter dataset_id__in: explode changed",
    ),
    "path parameter retyped": (
        "paths /one get parameters 0 schema",
        "type",
        "boolean",
        "path parameter dataset_id: type changed from integer to boolean",
    ),
    "parameter newly required": (
        "paths /run get parameters 2",
        "required",
        True,
        "GET /api/v1/run/ query parameter dataset: newly required",
    ),
    "required parameter added": (
        "paths /run get parameters",
        None,
        {"name": "me", "in": "query", "required": True, "schema": TEXT},
        "GET /api/v1/run/ query parameter me: required parameter added",
    ),
    "path removed": ("paths", "/api/v1/run/", DELETED, "/api/v1/run/: path removed"),
    "renamed path removed": ("paths", "/api/v1/shifts", DELETED, "/api/v1/shifts/: path removed"),
    "operation removed": ("paths /one", "get", DELETED, "/api/v1/run/{dataset_id}/{run_number}/: path removed"),
    "body removed": (
        "paths /api/v1/auth/device-token/ post",
        "requestBody",
        DELETED,
        "POST /api/v1/auth/device-token/ request body: request body removed",
    ),
    "answer removed": ("paths /run get responses", "200", DELETED, "GET /api/v1/run/ answer 200: success answer removed"),
    "record removed": ("components schemas", "Shift", DELETED, "component Shift: type changed from object Shift to"),
    "node of a wrong JSON type": ("paths /run get", "parameters", None, "query parameter dataset: parameter removed"),
}  # fmt: skip


def change(miniature: Miniature, path: str, key: Any, value: Any) -> None:
    node = miniature.at(path)
    if value is DELETED:
        del node[key]
    elif key is None and isinstance(node, list):
        node.append(value)
    else:
        node[key] = value


@pytest.mark.parametrize(("path", "key", "value", "line"), COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_a_compatible_change_exits_with_1(
    miniature: Miniature, capsys: pytest.CaptureFixture[str], path: str, key: Any, value: Any, line: str
) -> None:
    change(miniature, path, key, value)
    assert miniature.check() == 1
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(("path", "key", "value", "line"), BREAKING.values(), ids=BREAKING.keys())
def test_a_breaking_change_exits_with_2(
    miniature: Miniature, capsys: pytest.CaptureFixture[str], path: str, key: Any, value: Any, line: str
) -> None:
    change(miniature, path, key, value)
    assert miniature.check() == 2
    assert line in capsys.readouterr().out


def test_one_breaking_change_among_compatible_ones_exits_with_2(miniature: Miniature) -> None:
    miniature.at("components schemas Run properties")["weather"] = TEXT
    miniature.at("components schemas Shift properties").pop("notes")
    assert miniature.check() == 2


# Corrections that upstream has overtaken


def test_a_stale_repair_is_listed_and_exits_with_1(
    miniature: Miniature, capsys: pytest.CaptureFixture[str]
) -> None:
    miniature.at("paths /run get parameters 0 schema")["type"] = "integer"
    assert miniature.check() == 1  # `pull` would stop
    out = capsys.readouterr().out
    assert "repairs.overlay.yaml: $.paths['/api/v1/run/'].get.parameters[?@.name=='page_size'].schema" in out
    assert "made because: A whole number." in out
    assert "found: type is 'integer'" in out


def test_the_comparison_goes_on_past_a_stale_repair(
    miniature: Miniature, capsys: pytest.CaptureFixture[str]
) -> None:
    miniature.at("paths /run get parameters 0 schema")["type"] = "integer"
    miniature.at("components schemas Run properties")["ls_count"] = TEXT
    assert miniature.check() == 2
    out = capsys.readouterr().out
    assert "component Run ls_count: type changed" in out
    assert "Stale corrections" in out


def test_an_addition_that_is_published_as_it_was_foreseen_is_no_change(
    miniature: Miniature, capsys: pytest.CaptureFixture[str]
) -> None:
    miniature.at("components schemas Run properties")["ls_completeness"] = {
        "type": "number",
        "nullable": True,
    }
    assert miniature.check() == 1
    assert capsys.readouterr().out.startswith("no change for clients, but `pull` would stop: 1 correction")


def test_an_addition_that_is_published_otherwise_is_drift(miniature: Miniature) -> None:
    miniature.at("components schemas Run properties")["ls_completeness"] = TEXT
    assert miniature.check() == 2


def test_all_repairs_overtaken_at_once_are_no_change(miniature: Miniature, corrections: Json) -> None:
    """Upstream publishes the contract itself: every correction is stale, nothing has changed."""
    miniature.published = json.loads(miniature.spec.read_bytes())
    miniature.source.write_text(json.dumps(miniature.published), encoding="utf-8")
    report = check_source(str(miniature.source), miniature.spec)
    assert (report.exit_code, report.changes, report.following, report.warnings) == (1, (), (), ())
    assert len(report.stale) > 8


def test_what_makes_the_document_invalid_is_a_warning(
    miniature: Miniature, capsys: pytest.CaptureFixture[str]
) -> None:
    miniature.at("paths /run get")["parameters"] = None
    miniature.check()
    out = capsys.readouterr().out
    assert (
        "warning: corrected, the document is not valid OpenAPI: paths//api/v1/run//get/parameters: null"
        in out
    )


# Forms


def test_the_json_report_is_for_programs(miniature: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    miniature.at("paths /run get parameters 0 schema")["type"] = "integer"
    miniature.at("components schemas Run properties")["ls_count"] = TEXT
    assert miniature.check("--format", "json") == 2
    report = json.loads(capsys.readouterr().out)
    assert report["exit_code"] == 2
    assert report["source"] == str(miniature.source)
    assert [one["where"] for one in report["changes"]] == ["component Run ls_count"]
    assert [one["found"] for one in report["stale"]] == ["type is 'integer'"]


def test_the_markdown_report_is_for_people(miniature: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    miniature.at("components schemas Run properties")["ls_count"] = TEXT
    assert miniature.check("--format", "markdown") == 2
    out = capsys.readouterr().out
    assert out.startswith("## DIALS API: breaking drift: 1 breaking change\n")
    assert "| **breaking** | component Run ls_count | type changed from integer to string |" in out


def test_warnings_of_reading_are_reported(miniature: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps(miniature.published, indent=1).replace('"leader"\n', '"leader",\n', 1)
    miniature.source.write_text(text, encoding="utf-8")
    assert main(["check", "--source", str(miniature.source), "--spec", str(miniature.spec)]) == 0
    assert "warning: not valid JSON: a trailing comma" in capsys.readouterr().out


# Nothing to compare


@contextmanager
def serving(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """A server of one answer on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/static/swagger.json"
        finally:
            server.shutdown()
            thread.join()


PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"


def test_a_document_that_is_served_is_compared(miniature: Miniature) -> None:
    body = json.dumps(miniature.published).encode()
    with serving(200, "application/json", body) as url:
        assert main(["check", "--source", url, "--spec", str(miniature.spec)]) == 0


@pytest.mark.parametrize(
    ("status", "content_type", "body", "message"),
    [
        (200, "text/html; charset=utf-8", PAGE, "an HTML page came instead of a JSON document"),
        (200, "application/json", PAGE, "an HTML page came instead of a JSON document"),
        (404, "text/html", PAGE, "answered HTTP 404"),
        (503, "text/html", PAGE, "answered HTTP 503"),
        (200, "application/json", b"[]", "not an OpenAPI document"),
        (200, "application/json", b"", "it is empty"),
    ],
    ids=["page", "page called JSON", "404", "503", "array", "nothing"],
)
def test_what_is_served_instead_of_a_document_exits_with_3(
    miniature: Miniature,
    capsys: pytest.CaptureFixture[str],
    status: int,
    content_type: str,
    body: bytes,
    message: str,
) -> None:
    with serving(status, content_type, body) as url:
        assert main(["check", "--source", url, "--spec", str(miniature.spec)]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith(f"cannot check: Cannot read {url}: ")
    assert message in captured.err
    assert captured.out == ""


def test_a_refused_connection_exits_with_3(miniature: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:  # bound but not listening, so that nobody else answers on the port
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/static/swagger.json"
        assert main(["check", "--source", url, "--spec", str(miniature.spec)]) == 3
    assert "the connection was refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"openapi: 3.0.3\n", "It looks like YAML"),
        (b"\x00", "it is not JSON"),
    ],
    ids=["missing", "YAML", "bytes"],
)
def test_a_file_that_is_no_document_exits_with_3(
    miniature: Miniature, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    if content is not None:
        miniature.source.write_bytes(content)
    assert main(["check", "--source", str(miniature.source), "--spec", str(miniature.spec)]) == 3
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"{", b"[]"], ids=["missing", "not JSON", "array"])
def test_a_contract_that_is_none_exits_with_3(
    miniature: Miniature, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    miniature.spec.unlink()
    if content is not None:
        miniature.spec.write_bytes(content)
    assert miniature.check() == 3
    assert str(miniature.spec) in capsys.readouterr().err


@pytest.mark.parametrize("key", ["ls_count", "weather", None], ids=["breaking", "compatible", "unreadable"])
def test_nothing_is_overwritten(
    miniature: Miniature, tmp_path: Path, tree_of: TreeOf, key: str | None
) -> None:
    properties = miniature.at("components schemas Run properties")
    if key is None:
        miniature.spec.write_bytes(b"mine")
    else:
        properties[key] = TEXT
    miniature.source.write_text(json.dumps(miniature.published), encoding="utf-8")
    before = tree_of(tmp_path)
    miniature.check()
    assert tree_of(tmp_path) == before
