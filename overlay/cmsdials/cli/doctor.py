"""The command that says whether everything is well, and what the service does that the client counts on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cmsdials.cli.asking import Asker
from cmsdials.cli.beliefs import QUESTIONS
from cmsdials.cli.checks import Finding, findings
from cmsdials.cli.options import LoginOptions, complain, console, say, with_options
from cmsdials.cli.output import replaced
from cmsdials.cli.probe import Probe, report
from cmsdials.errors import ConfigurationError
from cmsdials.redaction import printable
from cmsdials.runtime.version import client_version

__all__ = ["doctor"]

_WORDS = {True: ("ok", "green"), False: ("wrong", "red"), None: ("unknown", "yellow")}
_LONGEST = 1000


@with_options
def doctor(
    login: LoginOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Write what was found as JSON.")] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Ask the service whether it does what this client counts on.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for what --probe finds.")
    ] = None,
) -> None:
    """Check login, address, proxy, certificates, versions, clock and disk, and say what to do.

    Ends with 0 if all is well, and with 1 if something is wrong. No secret is shown.

    --probe asks the service some forty harmless questions instead, one at a time, and writes JSON that holds no
    secrets, names or data: send it to the developers of cmsdials.
    """
    if output is not None and not probe:
        message = "-o names the file for what --probe finds"
        raise ConfigurationError(message, advice="Add --probe, or leave -o out.")
    if probe:
        _probe(login, output)
        return
    found = [*(findings(login) if as_json else _shown(findings(login)))]
    is_well = all(one.ok is not False for one in found)
    if as_json:
        checks = {one.name: {"ok": one.ok, "said": one.said, "advice": one.advice} for one in found}
        sys.stdout.write(_as_json({"client": client_version(), "ok": is_well, "checks": checks}))
    if not is_well:
        raise typer.Exit(1)


def _shown(found: Iterable[Finding]) -> Iterable[Finding]:
    """Show each finding when it is there."""
    for one in found:
        word, colour = _WORDS[one.ok]
        said = f" {one.name:13} {printable(one.said, _LONGEST)}"
        console().print(Text.assemble((f"{word:8}", colour), said))
        if one.advice:
            console().print(Text(f"{'':22} -> {printable(one.advice, _LONGEST)}"))
        yield one


def _probe(login: LoginOptions, output: Path | None) -> None:
    client = login.client()
    with Asker(client.base_url, login.credentials(client)) as asker:
        found = report(Probe.begin(asker), QUESTIONS)
    written = _as_json(found)
    if output is None:
        sys.stdout.write(written)
    else:
        with replaced(output) as path:
            path.write_text(written, encoding="ascii")
        say(
            f"Written to {output}: send it to the developers of cmsdials. It holds no secrets, names or data."
        )
    questions = found["questions"]
    fail = [name for name, one in questions.items() if one["holds"] is False]
    unknown = sum(one["holds"] is None for one in questions.values())
    complain(
        f"Of {len(questions)} beliefs {len(questions) - len(fail) - unknown} hold, {unknown} are unknown"
        + (f", and these do not hold: {', '.join(fail)}" if fail else "")
    )


def _as_json(value: Any) -> str:
    """Return JSON that is the same for the same findings, in ASCII, without characters that a terminal would obey."""
    return json.dumps(value, indent=2, sort_keys=True).replace("\x7f", "\\u007f") + "\n"
