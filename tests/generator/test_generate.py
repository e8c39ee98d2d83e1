"""Emitting the package: the same tree each time, whole or not at all, whatever the environment."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cmsdials_generator import lock, project
from cmsdials_generator.command import main
from cmsdials_generator.generate import BANNER, COPIED, CannotGenerate, emit, generate
from cmsdials_generator.pull import make_contract

Json = Any
TreeOf = Callable[[Path], dict[str, bytes]]

BARE = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def contract(published: Json, corrections: Json) -> Json:
    """The contract of the miniature, for the test to spoil."""
    return make_contract(published).document


@pytest.fixture
def spec(tmp_path: Path, contract: Json) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(contract), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that holds an earlier package."""
    package = tmp_path / "out" / "cmsdials_api"
    package.mkdir(parents=True)
    (package / "earlier.py").write_text("x = 1\n", encoding="utf-8")
    return tmp_path / "out"


EARLIER = {"cmsdials_api/earlier.py": b"x = 1\n"}


def test_the_committed_package_is_what_the_contract_gives(emitted: Path, tree_of: TreeOf) -> None:
    assert tree_of(emitted) == tree_of(project.CLIENT)


def test_a_second_time_gives_the_same_bytes_without_an_environment(
    emitted: Path, tmp_path: Path, tree_of: TreeOf
) -> None:
    """With a bare PATH, no virtual environment activated, and from another folder."""
    command = [
        sys.executable,
        "-m",
        "cmsdials_generator",
        "generate",
        "--spec",
        str(project.CONTRACT),
        "--out",
        "x",
    ]
    done = subprocess.run(command, env=BARE, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert tree_of(tmp_path / "x") == tree_of(emitted)


def test_settings_of_the_tools_elsewhere_change_nothing(
    spec: Path, tmp_path: Path, tree_of: TreeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(spec, tmp_path / "plain")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 40\n", encoding="utf-8")
    monkeypatch.setenv("RUFF_LINE_LENGTH", "50")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "plain"))
    monkeypatch.chdir(tmp_path)
    generate(spec, tmp_path / "set")
    assert tree_of(tmp_path / "set") == tree_of(tmp_path / "plain")


def test_every_module_says_that_it_is_generated_and_by_what(emitted: Path) -> None:
    modules = list(emitted.rglob("*.py"))
    assert len(modules) > 80
    assert [path for path in modules if not path.read_text(encoding="utf-8").startswith(BANNER)] == []
    assert "`python -m cmsdials_generator generate`" in BANNER


COPIES = sorted(path.relative_to(COPIED).as_posix() for path in COPIED.rglob("*.py"))


def test_what_is_copied() -> None:
    assert COPIES == [
        "__init__.py",
        "client.py",
        "errors.py",
        "pydantic_like.py",
        "records.py",
        "times.py",
        "types.py",
    ]


@pytest.mark.parametrize("name", COPIES)
def test_a_copied_module_is_emitted_to_the_byte(emitted: Path, name: str) -> None:
    copy = (emitted / "cmsdials_api" / name).read_bytes()
    assert copy == BANNER.encode() + (COPIED / name).read_bytes()


@pytest.mark.parametrize("name", COPIES)
def test_a_copied_module_is_what_the_formatter_of_the_package_leaves(name: str, tmp_path: Path) -> None:
    """It is copied after the formatter has run, and must not differ from its neighbours."""
    copy = tmp_path / name
    copy.write_bytes(BANNER.encode() + (COPIED / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length", "110", copy],
        capture_output=True,
        check=True,
    )
    assert copy.read_bytes() == BANNER.encode() + (COPIED / name).read_bytes()


def test_a_template_is_there_for_what_varies() -> None:
    """Code without a variable is a module that is copied, which linter and type checker read."""
    constant = [
        path
        for path in (COPIED.parent / "templates").rglob("*.jinja")
        if not any(mark in (text := path.read_text(encoding="utf-8")) for mark in ("{{", "{%"))
        and any(not isinstance(node, ast.Expr) for node in ast.parse(text).body)
    ]
    assert constant == []


def test_the_package_is_typed(emitted: Path) -> None:
    assert (emitted / "cmsdials_api" / "py.typed").read_bytes() == b""


def test_every_module_can_be_imported_from_there(emitted: Path, tmp_path: Path) -> None:
    program = (
        "import importlib, pkgutil, cmsdials_api\n"
        "names = [found.name for found in pkgutil.walk_packages(cmsdials_api.__path__, 'cmsdials_api.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(len(names), cmsdials_api.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=BARE | {"PYTHONPATH": str(emitted), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    count, place = done.stdout.split()
    assert int(count) > 80
    assert place == str(emitted / "cmsdials_api" / "__init__.py")


def test_importing_filters_loads_no_http_library(emitted: Path, tmp_path: Path) -> None:
    program = "import sys, cmsdials_api.filters; print('httpx' in sys.modules)"
    environment = BARE | {"PYTHONPATH": str(emitted), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_an_earlier_package_is_replaced_as_a_whole(spec: Path, out: Path, tree_of: TreeOf) -> None:
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    generate(spec, out)
    found = tree_of(out)
    assert "cmsdials_api/earlier.py" not in found
    assert "cmsdials_api/client.py" in found
    assert found["notes.txt"] == b"mine"


def test_nothing_else_is_left_behind(spec: Path, out: Path) -> None:
    generate(spec, out)
    assert [path.name for path in out.iterdir()] == ["cmsdials_api"]


def test_the_modules_are_returned(spec: Path, out: Path) -> None:
    assert generate(spec, out) == sorted((out / "cmsdials_api").rglob("*.py"))


def test_a_service_with_fewer_resources_is_emitted_too(spec: Path, out: Path) -> None:
    generate(spec, out)
    text = (out / "cmsdials_api" / "resources.py").read_text(encoding="utf-8")
    assert '    record="Run",' in text.replace("        ", "    ")
    assert "h1d" not in text


def test_an_operation_that_the_tables_do_not_know_is_emitted(spec: Path, out: Path) -> None:
    generate(spec, out)
    assert (out / "cmsdials_api" / "api" / "shifts" / "get_shifts.py").is_file()


def runs(contract: Json) -> Json:
    return contract["paths"]["/api/v1/run/"]["get"]


def spoil_list(contract: Json) -> None:
    del runs(contract)["parameters"][3]["explode"]


def spoil_operation_id(contract: Json) -> None:
    runs(contract)["operationId"] = "get_run"


def spoil_parameter(contract: Json) -> None:
    runs(contract)["parameters"][0]["name"] = "page-size"


def spoil_keyword_parameter(contract: Json) -> None:
    runs(contract)["parameters"][0]["name"] = "from"


def spoil_object_parameter(contract: Json) -> None:
    runs(contract)["parameters"][0]["schema"] = {"type": "object"}


def spoil_field(contract: Json) -> None:
    contract["components"]["schemas"]["Shift"]["properties"]["shift leader"] = {"type": "string"}


def spoil_path(contract: Json) -> None:
    contract["paths"]["/api/v1/run/{run}'+x/"] = contract["paths"].pop("/api/v1/run/")


def spoil_rows(contract: Json) -> None:
    runs(contract)["responses"]["200"]["content"] = {"text/html": {"schema": {"type": "string"}}}


def spoil_answer(contract: Json) -> None:
    shifts = contract["paths"]["/api/v1/shifts/"]["get"]
    shifts["responses"]["200"]["content"] = {"application/x-root": {"schema": {"type": "string"}}}


def spoil_reference(contract: Json) -> None:
    del contract["components"]["schemas"]["Shift"]


def spoil_with(name: str) -> Callable[[Json], None]:
    def spoil(contract: Json) -> None:
        runs(contract)["parameters"][0]["name"] = name

    spoil.__name__ = f"parameter {name}"
    return spoil


def spoil_field_with(name: str) -> Callable[[Json], None]:
    def spoil(contract: Json) -> None:
        contract["components"]["schemas"]["Shift"]["properties"][name] = {"type": "string"}

    spoil.__name__ = f"field {name}"
    return spoil


def spoil_cookie(contract: Json) -> None:
    runs(contract)["parameters"][0]["in"] = "cookie"


def spoil_content(contract: Json) -> None:
    one = runs(contract)["parameters"][0]
    one["content"] = {"application/json": {"schema": one.pop("schema")}}


def spoil_parameter_reference(contract: Json) -> None:
    contract["components"]["parameters"] = {"page": runs(contract)["parameters"][0]}
    runs(contract)["parameters"][0] = {"$ref": "#/components/parameters/page"}


def spoil_two_places(contract: Json) -> None:
    runs(contract)["parameters"][0]["name"] = "workspace"


def spoil_scheme(contract: Json) -> None:
    runs(contract)["security"] = [{"unknown": []}]


def spoil_parts(contract: Json) -> None:
    contract["components"]["schemas"]["Shift"]["properties"]["leader"] = {
        "allOf": [{"type": "string"}, {"type": "integer"}]
    }


def numbers(depth: int) -> Json:
    return {"type": "array", "items": numbers(depth - 1)} if depth else {"type": "number"}


def spoil_histogram(depth: int, *axes: str) -> Callable[[Json], None]:
    def spoil(contract: Json) -> None:
        contract["components"]["schemas"]["Shift"]["properties"] |= {
            "data": numbers(depth),
            **{f"{axis}_bin": {"type": "integer"} for axis in axes},
        }

    spoil.__name__ = f"histogram {depth} {axes}"
    return spoil


def spoil_names(contract: Json) -> None:
    del runs(contract)["operationId"]


OWN = "is a name that the emitted code uses itself"
ODD_NAMES = {
    "run number": "is not a Python identifier", "1st": "is not a Python identifier", "": "is not a Python identifier",
    "class": "is not a Python identifier", "None": "is not a Python identifier", "a-b": "is not a Python identifier",
    "page[size]": "is not a Python identifier", "a\nb": "is not a Python identifier", "_x": "begins with an underscore",
    "__x": "begins with an underscore", "\ufb01eld": "is another name in Python, which writes it 'field'",
    "client": OWN, "params": OWN, "headers": OWN, "body": OWN, "UNSET": OWN, "str": OWN, "dict": OWN, "given": OWN,
    "PARAMETERS": OWN, "quote": OWN, "model_dump": OWN,
}  # fmt: skip
ODD_FIELDS = {
    "from": "is not a Python identifier", "x.y": "is not a Python identifier", "_id": "begins with an underscore",
    "extra": OWN, "to_dict": OWN, "FIELDS": OWN, "datetime": OWN, "list": OWN, "Any": OWN,
}  # fmt: skip
SPOILT = [
    (spoil_list, "GET /api/v1/run/: parameter 'dataset_id__in' repeats its name for each item"),
    (spoil_operation_id, "operationId get_run is used twice"),
    (spoil_parameter, "GET /api/v1/run/: parameter 'page-size' is not a Python identifier"),
    (spoil_keyword_parameter, "GET /api/v1/run/: parameter 'from' is not a Python identifier"),
    (spoil_object_parameter, "GET /api/v1/run/: parameter 'page_size' is an object but not a deepObject"),
    (spoil_field, "schema Shift: field 'shift leader' is not a Python identifier"),
    (spoil_path, "the path contains something other than names, slashes and {parameters}"),
    (spoil_rows, "GET /api/v1/run/: answers neither a page nor an array of records"),
    (spoil_answer, "openapi_python_client failed with exit code 1"),
    (
        spoil_reference,
        "GET /api/v1/shifts/ answer 200 items: refers to '#/components/schemas/Shift', which is not in",
    ),
    *((spoil_with(name), f"GET /api/v1/run/: parameter {name!r} {why}") for name, why in ODD_NAMES.items()),
    *((spoil_field_with(name), f"schema Shift: field {name!r} {why}") for name, why in ODD_FIELDS.items()),
    (spoil_cookie, "GET /api/v1/run/: parameter 'page_size' is sent in a cookie"),
    (spoil_content, "GET /api/v1/run/: parameter 'page_size' is written as a document of its own"),
    (spoil_parameter_reference, "GET /api/v1/run/: a parameter that is a reference; `pull` writes it out"),
    (spoil_two_places, "GET /api/v1/run/: parameter 'workspace' stands in two places"),
    (spoil_scheme, "list_run: the security scheme 'unknown' is not defined"),
    (spoil_parts, "component Shift field leader: an allOf of parts that are not objects"),
    (spoil_histogram(1, "x", "y"), "schema Shift: its data are numbers but it has the axes x, y"),
    (
        spoil_histogram(3, "x", "y"),
        "schema Shift: its data are arrays of numbers, 3 deep, but it has the axes x, y",
    ),
    (
        spoil_histogram(2, "x", "z"),
        "schema Shift: its data are arrays of numbers, 2 deep, but it has the axes x, z",
    ),
    (spoil_histogram(4, "x", "y", "z", "t"), "schema Shift: the axis 't' is not one of x, y, z"),
    (spoil_names, "the contract was not made by `pull`: KeyError 'operationId'"),
]


@pytest.mark.parametrize(("spoil", "message"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_what_cannot_be_emitted_rightly_is_refused(
    contract: Json, spec: Path, out: Path, tree_of: TreeOf, spoil: Callable[[Json], None], message: str
) -> None:
    spoil(contract)
    spec.write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(CannotGenerate) as refusal:
        generate(spec, out)
    assert message in str(refusal.value)
    assert tree_of(out) == EARLIER


def emittable(contract: Json) -> None:
    """Add what the tool below makes something else of, or nothing that can be imported."""
    shift = contract["components"]["schemas"]["Shift"]["properties"]
    day = {"type": "string", "enum": ["day", "night"]}
    contract["components"]["schemas"] |= {
        "Kind": day,
        "Named": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    }
    shift |= {
        "kind2": day,
        "kind3": {"$ref": "#/components/schemas/Kind"},
        "kinds": {"type": "array", "items": day},
        "level": {"type": "integer", "enum": [1, 2]},
        "odd": {"enum": ["a b", "", None, "\u00e9", "class"]},
        "mixed": {"enum": [1, "a"]},
        "both": {
            "allOf": [{"$ref": "#/components/schemas/Named"}, {"type": "object", "properties": {"x": day}}]
        },
        "weights": {"type": "array", "items": {"type": "number"}},
    }
    runs(contract)["parameters"] += [
        {"name": "shift", "in": "query", "required": False, "schema": day},
        {"name": "level", "in": "query", "required": False, "schema": {"type": "integer", "enum": [1, 2]}},
        {"name": "odd", "in": "query", "required": False, "schema": {"type": "string", "enum": ["a b", "", "1"]}},
        {"name": "levels__in", "in": "query", "required": False, "explode": False, "schema": {"type": "array", "items": day}},
        {"name": "zähler", "in": "query", "required": False, "schema": {"type": "integer"}},
    ]  # fmt: skip


def test_lists_of_values_and_parts_give_a_package_that_imports_and_reads(
    contract: Json, tmp_path: Path
) -> None:
    emittable(contract)
    emit(contract, tmp_path)
    program = """
from cmsdials_api.models import Shift
from cmsdials_api.filters import RunFilters
from cmsdials_api import operations
sent = dict(leader="x", kind2="dusk", kind3="day", kinds=["day", "noon"], level=3, odd="new", mixed=[1], weights=[1.0],
            both={"name": "n", "x": "day"})
shift = Shift.from_dict(sent)
assert shift.to_dict() == sent, shift
assert (shift.both.name, shift.both.x, shift.kind2) == ("n", "day", "dusk")
assert [one.axes for one in Shift.FIELDS if one.name == "weights"] == [()]
print(operations.list_run.request(shift="day", level=1, odd="a b", levels__in=["day"], zähler=1)["params"])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, env=BARE | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "'level': 1" in done.stdout


def test_what_does_not_import_is_refused(
    contract: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was not foreseen: here, a check that is gone."""
    contract["components"]["schemas"]["Shift"]["properties"] |= {
        "list": {"type": "integer"},
        "zz": numbers(1),
    }
    monkeypatch.setattr("cmsdials_generator.generate.check_emittable", lambda _: None)
    with pytest.raises(
        CannotGenerate, match=r"the emitted package cannot be imported: cmsdials_api\..*: TypeError: "
    ):
        emit(contract, tmp_path)


def test_the_axes_of_a_histogram_are_emitted(contract: Json, tmp_path: Path) -> None:
    spoil_histogram(3, "x", "y", "z")(contract)
    text = (emit(contract, tmp_path) / "models" / "shift.py").read_text(encoding="utf-8")
    assert 'dimensions=3, axes=("x", "y", "z")' in text


def test_the_tool_says_which_endpoint_it_cannot_parse(contract: Json, tmp_path: Path) -> None:
    spoil_answer(contract)
    with pytest.raises(CannotGenerate, match=r"GET /api/v1/shifts/"):
        emit(contract, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the contract .*: No such file or directory; `pull` makes one"),
        (b"{", "is not JSON: "),
        (b"\xff\xfe", "is not JSON: "),
        (b"<html></html>", "is not JSON: "),
        (b"[]", "is not an OpenAPI document"),
        (b'{"paths": {}}', "is not an OpenAPI document"),
    ],
    ids=str,
)
def test_what_is_no_contract_is_refused(
    tmp_path: Path, out: Path, tree_of: TreeOf, content: bytes | None, message: str
) -> None:
    spec = tmp_path / "spec.json"
    if content is not None:
        spec.write_bytes(content)
    with pytest.raises(CannotGenerate, match=message):
        generate(spec, out)
    assert tree_of(out) == EARLIER


def test_a_failure_exits_with_3_and_says_why(
    contract: Json, spec: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil_list(contract)
    spec.write_text(json.dumps(contract), encoding="utf-8")
    assert main(["generate", "--spec", str(spec), "--out", str(out)]) == 3
    assert capsys.readouterr().err.startswith(
        "cannot generate: the contract cannot be emitted: GET /api/v1/run/"
    )


def test_a_failure_leaves_nothing_behind(contract: Json, spec: Path, out: Path) -> None:
    spoil_answer(contract)
    spec.write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(CannotGenerate):
        generate(spec, out)
    assert [path.name for path in out.iterdir()] == ["cmsdials_api"]


def test_a_swap_that_fails_puts_the_earlier_package_back(
    spec: Path, out: Path, tree_of: TreeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse_the_fresh_one(self: Path, target: Path) -> Path:
        if self.parent != out and target.parent == out and self.name != "previous":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_fresh_one)
    with pytest.raises(CannotGenerate, match="No space left on device"):
        generate(spec, out)
    assert tree_of(out) == EARLIER


def test_a_place_that_is_a_file_is_refused(spec: Path, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("mine", encoding="utf-8")
    with pytest.raises(CannotGenerate, match="cannot write"):
        generate(spec, place)
    assert place.read_text(encoding="utf-8") == "mine"


@pytest.fixture
def own(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of our own in a temporary folder."""
    monkeypatch.setattr(project, "CONTRACT", spec)
    monkeypatch.setattr(project, "CLIENT", tmp_path / "generated_client")
    monkeypatch.setattr(project, "LOCK", tmp_path / "generation.lock")
    monkeypatch.setattr(project, "SERVED_CONTRACT", tmp_path / "served.json")
    return tmp_path


def test_the_project_s_own_package_comes_with_the_served_copy_and_the_lock(own: Path, spec: Path) -> None:
    generate(spec, own / "generated_client")
    assert (own / "served.json").read_bytes() == spec.read_bytes()
    recorded = lock.read()
    assert recorded == {"generate": lock.generation(spec.read_bytes())}
    assert recorded["generate"]["openapi_python_client"] == "0.29.1"


def test_another_package_comes_without_them(own: Path, spec: Path) -> None:
    generate(spec, own / "elsewhere")
    assert not (own / "served.json").exists()
    assert not (own / "generation.lock").exists()


def test_the_hash_of_the_configuration_does_not_depend_on_the_place(tmp_path: Path) -> None:
    program = "from cmsdials_generator.lock import config_sha256; print(config_sha256())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=BARE, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == lock.config_sha256()


def test_the_hash_of_the_configuration_knows_the_copied_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "cmsdials_generator"
    shutil.copytree(COPIED.parent, here)
    monkeypatch.setattr(lock, "_HERE", here)
    assert lock.config_sha256() == (before := _recorded_hash())
    (here / "copied" / "errors.py").write_text("", encoding="utf-8")
    assert lock.config_sha256() != before


def _recorded_hash() -> str:
    recorded: str = lock.read()["generate"]["config_sha256"]
    return recorded


def test_no_path_of_a_machine_is_in_the_package(emitted: Path, tree_of: TreeOf) -> None:
    places = {os.fsencode(place) for place in (emitted, project.ROOT, Path.home()) if place != Path("/")}
    assert [
        name for name, content in tree_of(emitted).items() if any(place in content for place in places)
    ] == []
