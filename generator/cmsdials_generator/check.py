"""Has anything drifted?

Offline: does the emitted code match the contract exactly? The code is emitted again and compared in both
directions. With a source: does the document published there still say what the contract says?
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from . import compare, lock, project
from .generate import CannotGenerate, emit, load_contract
from .pull import make_contract
from .read import read_document
from .report import Report


def check_source(source: str, spec: Path = project.CONTRACT) -> Report:
    """Compare the document published at `source`, corrected, with the contract.

    Corrections that no longer fit are listed as stale, and the comparison goes on without them.

    Raises:
        CannotRead: There is no document at `source`.
        CannotGenerate: There is no contract to compare with.
    """
    content, contract = load_contract(spec)
    published = read_document(source)
    made = make_contract(published.document)
    problems = tuple(f"corrected, the document is not valid OpenAPI: {problem}" for problem in made.problems)
    return Report(
        source=published.source,
        warnings=(*published.warnings, *problems),
        stale=made.stale,
        changes=tuple(compare.compare(contract, made.document)),
        published_sha256=hashlib.sha256(published.raw).hexdigest(),
        canonical_sha256=hashlib.sha256(made.content).hexdigest(),
        contract_sha256=hashlib.sha256(content).hexdigest(),
    )


def check_tree(spec: Path = project.CONTRACT, out: Path = project.CLIENT) -> list[str]:
    """List the differences between the emitted code and the contract; empty if there are none.

    Raises:
        CannotGenerate: There is no contract, or it cannot be emitted.
    """
    content, contract = load_contract(spec)
    differences: list[str] = []
    with tempfile.TemporaryDirectory(prefix="cmsdials-check-") as folder:
        fresh = _files(emit(contract, Path(folder)).parent / project.PACKAGE)
        present = {f"{project.PACKAGE}/{name}": body for name, body in fresh.items()}
    found = _files(out)
    for name in sorted(present.keys() | found.keys()):
        if name not in found:
            differences.append(f"{out.name}/{name}: missing")
        elif name not in present:
            differences.append(f"{out.name}/{name}: not emitted by the generator")
        elif present[name] != found[name]:
            differences.append(f"{out.name}/{name}: differs from what the contract gives")
    if spec.resolve() == project.CONTRACT and out.resolve() == project.CLIENT:
        differences += _check_copies(content)
    return differences


def _check_copies(contract: bytes) -> list[str]:
    differences = []
    served = project.SERVED_CONTRACT
    if not served.exists() or served.read_bytes() != contract:
        differences.append(f"{served.relative_to(project.ROOT)}: not the contract that openapi.json holds")
    recorded = lock.read()
    sha256 = hashlib.sha256(contract).hexdigest()
    if recorded.get("generate") != lock.generation(contract):
        differences.append("generation.lock: not of this contract, configuration and tools")
    if recorded.get("pull", {}).get("contract_sha256") != sha256:
        differences.append("openapi.json: not what `pull` wrote; the contract is not edited by hand")
    return differences


def _files(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


__all__ = ["CannotGenerate", "check_source", "check_tree"]
