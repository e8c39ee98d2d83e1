"""Has anything drifted?

Offline: does the emitted code match the contract exactly? The code is emitted again and compared in both
directions. With a source: does the document published there still say what the contract says?
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import compare, lock, project
from .generate import CannotGenerate, emit, load_contract
from .overlay_document import Node
from .pull import Contract, corrections, make_contract
from .read import read_document
from .report import Report
from .revert import revert


def check_source(source: str, spec: Path = project.CONTRACT) -> Report:
    """Compare the document published at `source`, corrected, with the contract.

    Corrections that no longer fit are listed as stale, and the comparison goes on without them. What differs only
    because they are missing is told apart from what has changed.

    Raises:
        CannotRead: There is no document at `source`.
        CannotGenerate: There is no contract to compare with.
    """
    content, contract = load_contract(spec)
    published = read_document(source)
    made = make_contract(published.document)
    changes, following = _told_apart(contract, made)
    return Report(
        source=published.source,
        warnings=published.warnings,
        stale=made.stale,
        changes=changes,
        published_sha256=hashlib.sha256(published.raw).hexdigest(),
        canonical_sha256=hashlib.sha256(made.content).hexdigest(),
        contract_sha256=hashlib.sha256(content).hexdigest(),
        following=following,
        problems=made.problems,
    )


def _told_apart(
    contract: Mapping[str, Node], made: Contract
) -> tuple[tuple[compare.Change, ...], tuple[compare.Change, ...]]:
    """Return what has changed, and what differs only because stale corrections were not applied.

    For the latter the document is compared once more, with the contract as it would be without these corrections:
    what upstream has changed differs from that too.
    """
    changes = compare.compare(contract, made.document)
    if not made.unfit:
        return tuple(changes), ()
    uncorrected = revert(contract, made.unfit, corrections(), beside=made.document)
    still = compare.compare(uncorrected, made.document)
    real = [change for change in changes if any(_is_same(change, one) for one in still)]
    following = [change for change in changes if change not in real]
    # What such a change hides, as where upstream lists the values of what a stale correction has of another type.
    hidden = [
        one
        for one in still
        if not one.what.endswith("added")
        and any(_is_at(one, change) and change.what.startswith("type changed") for change in following)
        and not any(_is_at(one, change) for change in real)
    ]
    return (*real, *hidden), tuple(following)


def _is_same(change: compare.Change, other: compare.Change) -> bool:
    """Tell whether two comparisons speak of the same change, though a correction has moved or named its place."""
    kind, others = (re.split(r" from |: ", one.what)[0] for one in (change, other))
    is_whole = others.endswith((" added", " removed")) and not others.startswith("enum")
    if is_whole and _is_at(change, other):
        return True
    return kind == others and _is_at(change, other)


def _is_at(change: compare.Change, other: compare.Change) -> bool:
    """Tell whether two changes are in one place, or one in the place of the other."""
    if _within(change.where, other.where) or _within(other.where, change.where):
        return True
    shared = not {one.rstrip("/") for one in change.operations}.isdisjoint(
        one.rstrip("/") for one in other.operations
    )
    if other.what in ("path added", "operation added"):
        return shared
    places = (one.where.rstrip("/").split(" ")[-1] for one in (change, other))
    return shared and len({*places}) == 1


def _within(place: str, other: str) -> bool:
    """Tell whether a place of the comparison is another one, or lies in it."""
    return place.startswith(other) and place[len(other) :][:1] in ("", ".", "[")


def check_tree(spec: Path = project.CONTRACT, out: Path | None = None) -> list[str]:
    """List the differences between the emitted code and the contract; empty if there are none.

    Raises:
        CannotGenerate: There is no contract, or it cannot be emitted.
    """
    content, contract = load_contract(spec)
    out = out or project.CLIENT
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
