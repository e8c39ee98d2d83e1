"""What a check found, for three readers: a terminal, a program, and the summary page of a CI job.

Nothing here looks at documents: a `Report` holds the outcome, and one function per form writes it down. The
strings come from a document on the network, so each form escapes them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from attrs import asdict, frozen

from .compare import Change
from .overlay_document import Stale

NO_DRIFT, COMPATIBLE_DRIFT, BREAKING_DRIFT = 0, 1, 2

_LISTED = 5


@frozen
class Report:
    """The outcome of comparing a published document, corrected, with the contract.

    Attributes:
        source: Where the document was read.
        warnings: What had to be overlooked to read it.
        stale: Corrections of ours that no longer fit it.
        changes: What it changes for a client of the contract, the breaking changes first.
        published_sha256: Checksum of the bytes that were read.
        canonical_sha256: Checksum of the canonical form that was compared.
        contract_sha256: Checksum of the contract it was compared with.
    """

    source: str
    warnings: tuple[str, ...]
    stale: tuple[Stale, ...]
    changes: tuple[Change, ...]
    published_sha256: str
    canonical_sha256: str
    contract_sha256: str

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes that break a client of the contract."""
        return tuple(change for change in self.changes if change.severity == "breaking")

    @property
    def compatible(self) -> tuple[Change, ...]:
        """The changes that do not."""
        return tuple(change for change in self.changes if change.severity != "breaking")

    @property
    def exit_code(self) -> int:
        """0 without changes, 1 with compatible ones only, 2 with a breaking one; stale corrections do not count."""
        if not self.changes:
            return NO_DRIFT
        return BREAKING_DRIFT if self.breaking else COMPATIBLE_DRIFT

    @property
    def verdict(self) -> str:
        """The outcome in one line: `breaking drift: 2 breaking changes, 1 compatible change`."""
        if not self.changes:
            return "no drift: the published document says what the contract says"
        counts = [(len(self.breaking), "breaking change"), (len(self.compatible), "compatible change")]
        listed = ", ".join(_counted(count, what) for count, what in counts if count)
        return f"{'breaking' if self.breaking else 'compatible'} drift: {listed}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _advice(stale: Stale) -> str:
    return f"upstream fixed it: delete this action from {stale.document} and run scripts/regenerate"


def _next_steps(report: Report) -> Iterator[str]:
    """Say what to do, in order."""
    pull = f"python -m cmsdials_generator pull --source {shlex.quote(_plain(report.source))}"
    if report.stale:
        files = " and ".join(sorted({_plain(stale.document) for stale in report.stale}))
        yield (
            f"Delete the stale {'action' if len(report.stale) == 1 else 'actions'} from {files} "
            "(mend instead of deleting where upstream changed the place without fixing it)."
        )
    if report.breaking:
        yield (
            "Read the breaking changes. A mistake of the document (the service answers as before) needs a new "
            "action in the repairs; a real one needs the overlay adapted and a line in the CHANGELOG."
        )
    if report.changes:
        yield f"Take the changes over: {pull}"
    if report.changes or report.stale:
        yield "Run scripts/regenerate, read the difference it makes, and run scripts/test."
    else:
        yield "Nothing to do."


def render_text(report: Report) -> str:
    """Write the report for a terminal without colour, and for logs."""
    lines = [_plain(report.verdict), f"  source: {_plain(report.source)}"]
    lines += [f"  {name}: {value}" for name, value in _checksums(report).items()]
    lines += [f"  warning: {_plain(warning)}" for warning in report.warnings]
    for title, changes in (("Breaking", report.breaking), ("Compatible", report.compatible)):
        if changes:
            lines += ["", f"{title} changes"]
            lines += [line for change in changes for line in _change_lines(change)]
    if report.stale:
        lines += [
            "",
            "Stale corrections (they do not fit the document any more; it was compared without them)",
        ]
        for stale in report.stale:
            lines += [
                f"  {_plain(stale.document)}: {_plain(stale.target)}",
                f"      made because: {_plain(stale.reason)}",
                f"      found: {_plain(stale.found)}",
                f"      {_plain(_advice(stale))}",
            ]
    lines += [
        "",
        "Next",
        *(f"  {number}. {step}" for number, step in enumerate(_next_steps(report), start=1)),
    ]
    return "\n".join(lines) + "\n"


def _change_lines(change: Change) -> Iterator[str]:
    yield f"  {_plain(change.where)}: {_plain(change.what)}"
    if change.operations and not any(change.where.startswith(one) for one in change.operations):
        yield f"      in {_plain(_some(change.operations))}"


def _some(operations: tuple[str, ...]) -> str:
    more = len(operations) - _LISTED
    return ", ".join(operations[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _checksums(report: Report) -> dict[str, str]:
    return {
        "published sha256": report.published_sha256,
        "canonical sha256": report.canonical_sha256,
        "contract sha256": report.contract_sha256,
    }


def _plain(text: str) -> str:
    """Keep a string on its line, and control characters (a terminal obeys them) out of it."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def as_lines(text: object) -> str:
    """Return a text of several lines, each of them plain."""
    return "\n".join(map(_plain, str(text).split("\n")))


def render_json(report: Report) -> str:
    """Write the report for programs: an object with every field of it, the exit code and the next steps."""
    content = {
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "source": report.source,
        "warnings": list(report.warnings),
        "published_sha256": report.published_sha256,
        "canonical_sha256": report.canonical_sha256,
        "contract_sha256": report.contract_sha256,
        "changes": [asdict(change) for change in report.changes],
        "stale": [asdict(stale) | {"advice": _advice(stale)} for stale in report.stale],
        "next": list(_next_steps(report)),
    }
    return json.dumps(content, indent=2) + "\n"


def render_markdown(report: Report) -> str:
    """Write the report for the summary of a CI job or a comment on a merge request."""
    lines = [f"## DIALS API: {_cell(report.verdict)}", "", f"Read from {_cell(report.source)}."]
    if report.changes:
        lines += [
            "",
            "| | Where | What | Contract | Published | Operations |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(change) for change in report.changes]
    if report.stale:
        lines += ["", f"### {_counted(len(report.stale), 'stale correction')}", ""]
        lines += [_stale_item(stale) for stale in report.stale]
    if report.warnings:
        lines += ["", "### Warnings", "", *(f"- {_cell(warning)}" for warning in report.warnings)]
    lines += ["", "### Next", ""]
    lines += [f"{number}. {_cell(step)}" for number, step in enumerate(_next_steps(report), start=1)]
    lines += ["", *(f"- {name}: `{value}`" for name, value in _checksums(report).items())]
    return "\n".join(lines) + "\n"


def _row(change: Change) -> str:
    severity = "**breaking**" if change.severity == "breaking" else change.severity
    values = ["" if value is None else _cell(_value(value)) for value in (change.old, change.new)]
    cells = [severity, _cell(change.where), _cell(change.what), *values, _cell(_some(change.operations))]
    return f"| {' | '.join(cells)} |"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _stale_item(stale: Stale) -> str:
    parts = (stale.document, stale.target, stale.reason, stale.found, _advice(stale))
    document, target, reason, found, advice = map(_cell, parts)
    return f"- {document}: {target} (made because: {reason}; found: {found}): {advice}"


def _cell(text: str) -> str:
    """Escape text, so that Markdown shows it as it is and within its cell."""
    escaped = re.sub(r"([\\`*\[\]|~#])", r"\\\1", " ".join(_plain(re.sub(r"\s+", " ", text)).split()))
    entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
    return "".join(entities.get(char, char) for char in escaped)


RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "text": render_text,
    "json": render_json,
    "markdown": render_markdown,
}
"""The forms a report can take, by the name that the command line knows them by."""
