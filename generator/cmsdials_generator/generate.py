"""From the contract to `generated_client`: openapi-python-client with our templates, our tables, copied modules.

Everything is emitted into a temporary folder beside the target and swapped in whole at the end, so a failure
leaves what was there. The tools are run with the interpreter that runs this, so no environment need be active.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

from . import lock, project
from .canonical import Names, load_names, operations
from .emittable import CannotEmit, check_emittable, merged
from .faults import schemas_of
from .overlay_document import Node
from .tables import modules

_HERE = Path(__file__).parent
COPIED = _HERE / "copied"
"""Modules of the package in which nothing depends on the contract."""
BANNER = (
    "# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).\n"
    "# Do not edit: change the contract, the templates or the tables of the generator, and generate again.\n\n"
)


class CannotGenerate(Exception):
    """The code could not be emitted; the message says why. What was there before is still there."""


def generate(spec: Path = project.CONTRACT, out: Path = project.CLIENT) -> list[Path]:
    """Emit the package `cmsdials_api` for the contract `spec` into the folder `out`.

    For the project's own contract and folder, the copy that the sandbox serves and `generation.lock` are
    written too.

    Args:
        spec: A contract, as `pull` writes it.
        out: Folder that holds (only) the package.

    Returns:
        The files of the package.

    Raises:
        CannotGenerate: The contract is not there or not usable, a tool failed, or `out` cannot be written.
    """
    content, contract = load_contract(spec)
    target = out / project.PACKAGE
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{project.PACKAGE}-", dir=out) as folder:
            fresh = emit(contract, Path(folder))
            _swap(fresh, target, Path(folder) / "previous")
    except OSError as problem:
        message = f"cannot write {out}: {problem.strerror}; give a folder with --out"
        raise CannotGenerate(message) from None
    if spec.resolve() == project.CONTRACT and out.resolve() == project.CLIENT:
        project.SERVED_CONTRACT.write_bytes(content)
        lock.record_generation(content)
    return sorted(target.rglob("*.py"))


def load_contract(spec: Path) -> tuple[bytes, dict[str, Node]]:
    """Read a contract.

    Raises:
        CannotGenerate: It is not there, or not a contract.
    """
    try:
        content = spec.read_bytes()
        contract = json.loads(content)
    except OSError as problem:
        message = f"cannot read the contract {spec}: {problem.strerror}; `pull` makes one"
        raise CannotGenerate(message) from None
    except ValueError as problem:
        message = f"the contract {spec} is not JSON: {problem}; `pull` makes one from a published document"
        raise CannotGenerate(message) from None
    if not isinstance(contract, dict) or "paths" not in contract or "components" not in contract:
        message = f"{spec} is not an OpenAPI document; `pull` makes one from what the service publishes"
        raise CannotGenerate(message)
    return content, contract


def emit(contract: Mapping[str, Node], folder: Path) -> Path:
    """Emit the package into a new folder below `folder` and return it.

    Raises:
        CannotGenerate: See `generate`.
    """
    names = load_names()
    try:
        check_emittable(contract)
        tables = modules(contract, names)
    except CannotEmit as problem:
        message = f"the contract cannot be emitted: {problem}; add an action to contract/repairs.overlay.yaml"
        raise CannotGenerate(message) from None
    except (KeyError, TypeError) as problem:
        message = f"the contract was not made by `pull`: {type(problem).__name__} {problem}"
        raise CannotGenerate(message) from None
    spec, config, package = folder / "openapi.json", folder / "config.json", folder / project.PACKAGE
    spec.write_text(json.dumps(_spelled_out(contract)), encoding="utf-8")
    config.write_text(json.dumps(_config(names)), encoding="utf-8")
    _run(
        "openapi_python_client", "generate", "--path", str(spec), "--config", str(config),
        "--custom-template-path", str(_HERE / "templates" / "client"), "--meta", "none",
        "--output-path", str(package), "--fail-on-warning",
    )  # fmt: skip
    for name, text in tables.items():
        (package / name).write_text(text, encoding="utf-8")
    (package / "py.typed").write_text("", encoding="utf-8")
    for path in package.rglob("*.py"):
        path.write_text(BANNER + path.read_text(encoding="utf-8"), encoding="utf-8")
    settings = ("--isolated", "--no-cache", "--target-version", "py311", "--line-length", "110")
    _run("ruff", "check", *settings, "--fix-only", "--extend-select", "I,UP", str(package))
    _run("ruff", "format", *settings, str(package))
    for path in COPIED.rglob("*.py"):  # after the formatter, so that they are what stands here to the byte
        text = path.read_text(encoding="utf-8")
        (package / path.relative_to(COPIED)).write_text(BANNER + text, encoding="utf-8")
    _check_importable(folder)
    return package


def _check_importable(folder: Path) -> None:
    """Import all of the package, so that what nothing above has foreseen is not found by those who use it."""
    try:
        _run_python("-c", _IMPORTS_ALL, str(folder), project.PACKAGE)
    except CannotGenerate as problem:
        last = str(problem).strip().splitlines()[-1]
        message = (
            f"the emitted package cannot be imported: {last}; add an action to contract/repairs.overlay.yaml"
        )
        raise CannotGenerate(message) from None


_IMPORTS_ALL = """
import importlib, pkgutil, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
package = importlib.import_module(sys.argv[2])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    try:
        importlib.import_module(module.name)
    except Exception as problem:
        sys.exit(f"{module.name}: {type(problem).__name__}: {problem}")
for one in importlib.import_module(package.__name__ + ".resources").RESOURCES.values():
    one.record, one.filters(), one.list.function, one.get.function, one.count and one.count.function
"""


def _spelled_out(contract: Mapping[str, Node]) -> dict[str, Node]:
    """Say again in each place what openapi-python-client does not look up elsewhere.

    It knows no security but an operation's own, describes a parameter by its schema, and does not tell templates
    whether a list is written by repeating its name: the example, which they get and do not use otherwise, shows that.
    It makes a class of each list of values, which an answer may hold more of one day, so only parameters keep theirs;
    and it reads an `allOf` of one part only.
    """
    spelled: dict[str, Node] = json.loads(json.dumps(contract))
    for path, schema in [*schemas_of(spelled)]:
        if len(schema.get("allOf", ())) > 1 and (joined := merged(contract, schema)) is not None:
            cast("dict[str, Node]", schema).clear()
            cast("dict[str, Node]", schema).update(joined)
        if "enum" in schema and not _is_list_of_words(path, schema):
            _without_list(cast("dict[str, Node]", schema))
    for _, _, operation in operations(spelled):
        operation.setdefault("security", spelled.get("security", []))
        for parameter in operation.get("parameters", []):
            parameter["schema"]["description"] = parameter.get("description", "")
            parameter["schema"].pop("example", None)
            if parameter["schema"].get("type") == "array" and parameter.get("explode", True):
                parameter["schema"]["example"] = "{0}=...&{0}=...".format(parameter["name"])
    return spelled


def _is_list_of_words(path: Sequence[str | int], schema: Mapping[str, Node]) -> bool:
    """Tell whether these are the values of a parameter, and each is a word that a name can be made of."""
    return path[-3:-2] == ("parameters",) and all(
        isinstance(value, str) and value.isascii() and value.isidentifier() for value in schema["enum"]
    )


def _without_list(schema: dict[str, Node]) -> None:
    """Say the values of a schema in its description, and only their type otherwise."""
    values = schema.pop("enum")
    kinds = {_JSON_TYPES.get(type(value)) for value in values if value is not None}
    if "type" not in schema and len(kinds) == 1 and None not in kinds:
        schema["type"] = kinds.pop()
    if None in values:
        schema["nullable"] = True
    said = f"One of {', '.join(map(str, (value for value in values if value is not None)))}, or another one some day."
    schema["description"] = f"{schema.get('description', '')} {said}".strip()


_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _config(names: Names) -> dict[str, Any]:
    configured: dict[str, Any] = YAML(typ="safe").load(_HERE / "config.yaml")
    overrides = {
        schema: {"class_name": python, "module_name": _module(python)}
        for schema, python in names.classes.items()
    }
    return configured | {"class_overrides": overrides}


def _module(class_name: str) -> str:
    """The module of a class: LumisectionHistogram1D -> lumisection_histogram_1d."""
    words: list[str] = []
    for before, character in zip(" " + class_name, class_name, strict=False):
        if (character.isupper() and before.islower()) or (character.isdigit() and not before.isdigit()):
            words.append("_")
        words.append(character.lower())
    return "".join(words)


def _run(module: str, *arguments: str) -> None:
    try:
        _run_python("-m", module, *arguments)
    except CannotGenerate as problem:
        said = str(problem)
        if (
            "Traceback (most recent call last)" in said
        ):  # of the tool's own, which says nothing of the contract
            said = said.strip().splitlines()[-1]
        message = f"{module} failed with {said}"
        raise CannotGenerate(message) from None


def _run_python(*arguments: str) -> None:
    # A clean environment: what the user has set for these tools elsewhere must not change the tree.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RUFF_", "PYTHON"))}
    done = subprocess.run(  # noqa: S603  # our own interpreter and constant arguments
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"PYTHONUTF8": "1"},
    )
    if done.returncode:
        message = f"exit code {done.returncode}:\n{(done.stdout + done.stderr).strip()}"
        raise CannotGenerate(message)


def _swap(fresh: Path, target: Path, kept: Path) -> None:
    if target.exists():
        target.rename(kept)
    try:
        fresh.rename(target)
    except OSError:
        if kept.exists():
            kept.rename(target)
        raise
    shutil.rmtree(kept, ignore_errors=True)
