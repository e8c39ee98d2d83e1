"""What a check found, for three readers: a terminal, a program, and the summary page of a CI job.

Nothing here looks at documents: a `Report` holds the outcome, and one function per form writes it down. The
strings come from a document on the network, so each form escapes them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import asdict, frozen

from .compare import Change
from .overlay_document import Stale

NO_DRIFT, COMPATIBLE_DRIFT, BREAKING_DRIFT = 0, 1, 2

_LISTED = 5
_NOT_VALID = "corrected, the document is not valid OpenAPI: "


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
        following: What differs only because the stale corrections were not applied.
        problems: What makes the corrected document invalid.
    """

    source: str
    warnings: tuple[str, ...]
    stale: tuple[Stale, ...]
    changes: tuple[Change, ...]
    published_sha256: str
    canonical_sha256: str
    contract_sha256: str
    following: tuple[Change, ...] = ()
    problems: tuple[str, ...] = ()

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
        """0 if nothing is to be done, 2 with a breaking change, 1 with other changes or what `pull` would stop at."""
        if self.breaking:
            return BREAKING_DRIFT
        return COMPATIBLE_DRIFT if self.changes or self.stale or self.problems else NO_DRIFT

    @property
    def verdict(self) -> str:
        """The outcome in one line: `breaking drift: 2 breaking changes, 1 compatible change`."""
        counts = [(len(self.breaking), "breaking change"), (len(self.compatible), "compatible change")]
        listed = [_counted(count, what) for count, what in counts if count]
        if self.stale:
            listed.append(f"{_counted(len(self.stale), 'correction')} to mend")
        if self.problems:
            listed.append(f"{_counted(len(self.problems), 'place')} not valid")
        if not listed:
            return "no drift: the published document says what the contract says"
        if not self.changes:
            return f"no change for clients, but `pull` would stop: {', '.join(listed)}"
        return f"{'breaking' if self.breaking else 'compatible'} drift: {', '.join(listed)}"


@frozen
class StaleGroup:
    """Stale corrections that are to be mended alike.

    Attributes:
        title: What has become of the places that they correct.
        advice: What to do.
        members: The corrections.
    """

    title: str
    advice: str
    members: tuple[Stale, ...]


def stale_groups(stale: Iterable[Stale]) -> list[StaleGroup]:
    """Group stale corrections by what has become of their places, the largest groups first."""
    groups: dict[tuple[str, str], list[Stale]] = {}
    for one in stale:
        groups.setdefault((one.kind, _cause(one)), []).append(one)
    made = [
        StaleGroup(_TITLES.get(kind, _TITLES["changed"]).format(cause), members[0].advice, tuple(members))
        for (kind, cause), members in groups.items()
    ]
    return sorted(made, key=lambda group: -len(group.members))


_TITLES = {
    "fixed": "Upstream fixed it",
    "gone": "{} is not there",
    "published": "Published now, and differently",
    "count": "Another number of places",
    "changed": "Changed to something else: {}",
}


def _cause(stale: Stale) -> str:
    match stale.kind:
        case "gone":
            return stale.place
        case "changed":
            return f"{stale.expected or 'something'} was expected, and {stale.found}"
        case "fixed" | "published":
            return stale.advice  # it names the group of actions, if there is one
        case _:
            return ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _next_steps(report: Report) -> Iterator[str]:
    """Say what to do, in order."""
    pull = f"python -m cmsdials_generator pull --source {shlex.quote(_plain(report.source))}"
    fixed = [stale for stale in report.stale if stale.kind == "fixed"]
    others = len(report.stale) - len(fixed)
    if fixed:
        yield f"Delete the {_counted(len(fixed), 'correction')} that upstream has made in the document: {_files(fixed)}."
    if others:
        yield (
            f"Mend the {'other ' if fixed else ''}{_counted(others, 'correction')} as each says, or delete what is no "
            f"longer needed: {_files(one for one in report.stale if one.kind != 'fixed')}."
        )
    if report.following:
        yield "Check again: what only follows from these corrections is then gone from the report."
    if report.problems:
        yield "Add a repair for each place that is not valid."
    if report.breaking:
        yield (
            "Read the breaking changes. A mistake of the document (the service answers as before) needs a new "
            "action in the repairs; a real one needs the overlay adapted and a line in the CHANGELOG."
        )
    if report.changes:
        yield f"Take the changes over: {pull}"
    if report.exit_code:
        yield "Run scripts/regenerate, read the difference it makes, and run scripts/test."
    else:
        yield "Nothing to do."


def _files(stale: Iterable[Stale]) -> str:
    return " and ".join(sorted({_plain(one.document) for one in stale}))


def render_text(report: Report) -> str:
    """Write the report for a terminal without colour, and for logs."""
    lines = [_plain(report.verdict), f"  source: {_plain(report.source)}"]
    lines += [f"  {name}: {value}" for name, value in _checksums(report).items()]
    lines += [f"  warning: {_plain(warning)}" for warning in report.warnings]
    lines += [f"  warning: {_NOT_VALID}{_plain(problem)}" for problem in report.problems]
    for title, changes in (("Breaking", report.breaking), ("Compatible", report.compatible)):
        if changes:
            lines += ["", f"{title} changes"]
            lines += [line for change in changes for line in _change_lines(change)]
    if report.stale:
        lines += [
            "",
            "Stale corrections (they do not fit the document any more; it was compared without them)",
        ]
        for group in stale_groups(report.stale):
            lines += [f"  {_plain(group.title)} ({len(group.members)})", f"    {_plain(group.advice)}"]
            for stale in group.members:
                lines += [
                    f"    {_plain(stale.document)}: {_plain(stale.target)}",
                    f"        made because: {_plain(stale.reason)}",
                    f"        expected: {_plain(stale.expected)}; found: {_plain(stale.found.removeprefix('found '))}",
                ]
    if report.following:
        lines += ["", "Not changes of the service: these follow from the corrections that no longer fit"]
        lines += [line for change in report.following for line in _change_lines(change)]
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
    if change.note:
        yield f"      {_plain(change.note)}"


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
        "following": [asdict(change) for change in report.following],
        "stale": [asdict(stale) for stale in report.stale],
        "stale_groups": [
            {"title": group.title, "advice": group.advice, "targets": [one.target for one in group.members]}
            for group in stale_groups(report.stale)
        ],
        "problems": list(report.problems),
        "next": list(_next_steps(report)),
    }
    return json.dumps(content, indent=2) + "\n"


def render_markdown(report: Report) -> str:
    """Write the report for the summary of a CI job or a comment on a merge request."""
    lines = [f"## DIALS API: {_cell(report.verdict)}", "", f"Read from {_cell(report.source)}."]
    if report.changes or report.following:
        lines += [
            "",
            "| | Where | What | Contract | Published | Operations |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(change) for change in report.changes]
        lines += [_row(change, "follows from a stale correction") for change in report.following]
    if report.stale:
        lines += ["", f"### {_counted(len(report.stale), 'stale correction')}"]
        for group in stale_groups(report.stale):
            lines += ["", f"**{_cell(group.title)}** ({len(group.members)}): {_cell(group.advice)}", ""]
            lines += [_stale_item(stale) for stale in group.members]
    notes = (*report.warnings, *(_NOT_VALID + problem for problem in report.problems))
    if notes:
        lines += ["", "### Warnings", "", *(f"- {_cell(note)}" for note in notes)]
    lines += ["", "### Next", ""]
    lines += [f"{number}. {_cell(step)}" for number, step in enumerate(_next_steps(report), start=1)]
    lines += ["", *(f"- {name}: `{value}`" for name, value in _checksums(report).items())]
    return "\n".join(lines) + "\n"


def _row(change: Change, severity: str = "") -> str:
    severity = severity or ("**breaking**" if change.severity == "breaking" else change.severity)
    values = ["" if value is None else _cell(_value(value)) for value in (change.old, change.new)]
    what = f"{change.what} ({change.note})" if change.note else change.what
    cells = [severity, _cell(change.where), _cell(what), *values, _cell(_some(change.operations))]
    return f"| {' | '.join(cells)} |"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _stale_item(stale: Stale) -> str:
    found = stale.found.removeprefix("found ")
    parts = (stale.document, stale.target, stale.reason, stale.expected, found)
    document, target, reason, expected, found = map(_cell, parts)
    return f"- {document}: {target} (made because: {reason} expected: {expected}; found: {found})"


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
