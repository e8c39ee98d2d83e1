"""From the published document to the contract.

`make_contract` is the whole of it, without I/O; `pull` reads the source and writes the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from . import canonical, lock, project
from .faults import faults
from .overlay_document import Action, Node, Stale, apply_overlay, load_overlay
from .read import Published, read_document
from .report import stale_groups
from .shape import well_typed
from .unnamed import Missing, as_text, unnamed

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
        unnamed: What to add to the tables of names and words, if anything.
        problems: What makes the contract invalid, empty for a valid one.
    """

    document: dict[str, Node]
    content: bytes
    actions: tuple[Action, ...]
    stale: tuple[Stale, ...]
    problems: tuple[str, ...]
    unfit: tuple[Action, ...] = ()
    unnamed: tuple[Missing, ...] = ()


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
    names, words = canonical.load_names(), canonical.load_words()
    document = canonical.describe(canonical.name(document, names), words)
    content = canonical.serialise(document)
    document = json.loads(content)
    return Contract(
        document,
        content,
        actions,
        stale,
        (*mistyped, *faults(document)),
        unfit,
        unnamed(document, names, words),
    )


def pull(source: str, out: Path = project.CONTRACT, *, recount: bool = False) -> tuple[Published, Contract]:
    """Make the contract of the document at `source` and write it to `out`.

    Nothing is written unless everything fits. The project's own contract is recorded in `generation.lock`.

    Args:
        source: URL or path of the published document.
        out: Where the contract goes.
        recount: Write the number of places that a correction is found to fit into its overlay document, if nothing
            else is wrong with it.

    Raises:
        CannotRead: There is no document at `source`.
        CannotPull: A correction no longer fits the document, the result is not a valid OpenAPI document, or it
            cannot be written.
    """
    published = read_document(source)
    contract = make_contract(published.document)
    if recount and _recounted(contract.stale):
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
        if contract.unnamed:
            message += f"\n\n{as_text(contract.unnamed)}".rstrip()
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


def _recounted(stale: Iterable[Stale]) -> bool:
    """Write the counts that have changed into the overlay documents; tell whether there were any."""
    counted = [one for one in stale if one.count is not None]
    for one in counted:
        path = project.CORRECTIONS / one.document
        parts = re.split(r"(?m)^(?=  - target:)", path.read_text(encoding="utf-8"))
        number = int(one.group.removeprefix("action "))  # a counted one stands alone
        parts[number] = re.sub(r"(?m)^(    x-count: )\d+$", rf"\g<1>{one.count}", parts[number])
        path.write_text("".join(parts), encoding="utf-8")
    return bool(counted)
