"""From the published document to the contract.

`make_contract` is the whole of it, without I/O; `pull` reads the source and writes the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen
from openapi_spec_validator import OpenAPIV30SpecValidator

from . import canonical, lock, project
from .overlay_document import Action, Node, Stale, apply_overlay, load_overlay
from .read import Published, read_document
from .report import stale_groups
from .shape import well_typed

OVERLAYS = ("repairs.overlay.yaml", "additions.overlay.yaml")


def corrections() -> tuple[Action, ...]:
    """Read all corrections, in the order in which they are applied."""
    return tuple(action for overlay in OVERLAYS for action in load_overlay(overlay))


class CannotPull(Exception):
    """The published document does not become a valid contract; the message says why and what to do."""


@frozen
class Contract:
    """A contract made of a published document.

    Attributes:
        document: The contract.
        content: Its canonical bytes.
        actions: The corrections that were applied.
        stale: Those that no longer fit the published document.
        unfit: All corrections that stand or fall with these.
        problems: What makes the contract invalid, empty for a valid one.
    """

    document: dict[str, Node]
    content: bytes
    actions: tuple[Action, ...]
    stale: tuple[Stale, ...]
    problems: tuple[str, ...]
    unfit: tuple[Action, ...] = ()


def make_contract(published: Mapping[str, Node]) -> Contract:
    """Strip, correct, name and describe the published document."""
    typed, mistyped = well_typed(published)
    document = canonical.strip(typed)
    actions: tuple[Action, ...] = ()
    stale: tuple[Stale, ...] = ()
    unfit: tuple[Action, ...] = ()
    for overlay in OVERLAYS:
        applied = apply_overlay(document, load_overlay(overlay))
        document = applied.document
        actions += applied.actions
        stale += applied.stale
        unfit += applied.unfit
    document = canonical.name(document, canonical.load_names())
    document = canonical.describe(document, canonical.load_words())
    content = canonical.serialise(document)
    document = json.loads(content)
    return Contract(document, content, actions, stale, (*mistyped, *_invalid(document)), unfit)


def _invalid(document: Mapping[str, Node]) -> Iterator[str]:
    """Say where the document is not OpenAPI."""
    try:
        for problem in OpenAPIV30SpecValidator(document).iter_errors():
            where = "/".join(str(step) for step in problem.path) or "document"
            yield f"{where}: {problem.message.splitlines()[0]}"
    except Exception as problem:  # noqa: BLE001  # a reference that leads nowhere, and whatever else upstream can do
        yield f"document: the validator gave up: {type(problem).__name__}: {str(problem)[:100]}"


def pull(source: str, out: Path = project.CONTRACT) -> tuple[Published, Contract]:
    """Make the contract of the document at `source` and write it to `out`.

    Nothing is written unless everything fits. The project's own contract is recorded in `generation.lock`.

    Args:
        source: URL or path of the published document.
        out: Where the contract goes.

    Raises:
        CannotRead: There is no document at `source`.
        CannotPull: A correction no longer fits the document, the result is not a valid OpenAPI document, or it
            cannot be written.
    """
    published = read_document(source)
    contract = make_contract(published.document)
    if contract.stale:
        listed = "\n".join(
            f"  {group.title} ({len(group.members)}): {group.advice}\n"
            + "\n".join(
                f"    {one.document}: {one.target}\n      made because: {one.reason}\n"
                f"      expected: {one.expected}\n      but: {one.found}"
                for one in group.members
            )
            for group in stale_groups(contract.stale)
        )
        message = (
            f"{len(contract.stale)} correction(s) no longer fit {published.source}:\n{listed}\n"
            f"Nothing was written. `check --source {published.source}` shows what else has changed."
        )
        raise CannotPull(message)
    if contract.problems:
        listed = "\n".join(f"  {problem}" for problem in contract.problems[:20])
        message = (
            f"{published.source}, corrected, is not a valid OpenAPI document:\n{listed}\n"
            "Add an action to contract/repairs.overlay.yaml for each. Nothing was written."
        )
        raise CannotPull(message)
    try:
        out.write_bytes(contract.content)
    except OSError as problem:
        message = f"cannot write {out}: {problem.strerror}; give a file in a folder that exists with --out"
        raise CannotPull(message) from None
    if out.resolve() == project.CONTRACT:
        lock.record_pull(
            published_sha256=hashlib.sha256(published.raw).hexdigest(),
            published_version=str(published.document.get("info", {}).get("version", "")),
            contract=contract.content,
            actions=[f"{action.document}: {action.target}" for action in contract.actions],
        )
    return published, contract
