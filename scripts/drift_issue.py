"""Keeps one issue on the forge in step with a drift report: scripts/drift_issue.py CODE REPORT.

CODE is the exit code of scripts/check-drift: 1 and 2 open the issue or write the report into it, 0 closes it, 3 (could
not check) changes nothing. REPORT is the file of the report, in Markdown.

On GitHub: GITHUB_REPOSITORY and GITHUB_API_URL, which Actions sets, and GITHUB_TOKEN (permission `issues: write`).
On GitLab: CI_PROJECT_ID and CI_API_V4_URL, which CI sets, and DRIFT_TOKEN, a project access token (role Reporter, scope
`api`), as the token of a job may not write issues.

Exit code: 0 done, 3 could not. The token is never shown.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

TITLE = "DIALS API: drift of the service"
MARK = "<!-- drift of the service: written by scripts/drift_issue.py -->"
"""In the text of the issue: the one that was opened here is known by it, whatever its title."""

LARGEST = 60_000
"""GitHub refuses a text of more than 65 536 characters."""

TIMEOUT = 30.0
PAGE = 100
NO_DRIFT, COULD_NOT = 0, 3


class CannotTell(Exception):
    """The forge was not asked, or did not do it; the message says what to do."""


class Forge(NamedTuple):
    """How a forge is asked. Its issues have a number, a text and a state under the names given here."""

    name: str
    issues: str
    headers: Mapping[str, str]
    number: str
    text: str
    update: str
    open: Mapping[str, str]
    reopen: Mapping[str, str]
    close: Mapping[str, str]


def forge_of(environment: Mapping[str, str]) -> Forge:
    """Return the forge on which this runs."""

    def needed(name: str, advice: str) -> str:
        value = environment.get(name, "").strip()
        if not value or any(ord(char) < 33 or ord(char) > 126 for char in value):
            message = f"{name} is not set, or is not what it should be. {advice}"
            raise CannotTell(message)
        return value

    if environment.get("GITHUB_REPOSITORY"):
        token = needed("GITHUB_TOKEN", "Pass it to the step, and give the job `issues: write`.")
        address = environment.get("GITHUB_API_URL", "https://api.github.com")
        return Forge(
            "GitHub",
            f"{address}/repos/{needed('GITHUB_REPOSITORY', 'Actions sets it.')}/issues",
            {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
            number="number", text="body", update="PATCH",
            open={"state": "open"}, reopen={"state": "open"}, close={"state": "closed"},
        )  # fmt: skip
    if environment.get("CI_PROJECT_ID"):
        advice = "Make a project access token (role Reporter, scope api) and save it as a masked CI variable DRIFT_TOKEN."
        token = needed("DRIFT_TOKEN", advice)
        address = needed("CI_API_V4_URL", "GitLab CI sets it.")
        project = urllib.parse.quote(environment["CI_PROJECT_ID"], safe="")
        return Forge(
            "GitLab", f"{address}/projects/{project}/issues", {"PRIVATE-TOKEN": token},
            number="iid", text="description", update="PUT",
            open={"state": "opened"}, reopen={"state_event": "reopen"}, close={"state_event": "close"},
        )  # fmt: skip
    message = (
        "neither GITHUB_REPOSITORY nor CI_PROJECT_ID is set. Run it in a job of GitHub Actions or GitLab CI."
    )
    raise CannotTell(message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a token goes to no other host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def ask(forge: Forge, method: str, address: str, content: Mapping[str, str] | None = None) -> Any:
    """Send a request; return what the answer holds.

    Raises:
        CannotTell: No usable answer came.
    """
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        message = f"{forge.name} is not at an http address. Correct the address of its API."
        raise CannotTell(message)
    body = None if content is None else json.dumps(content).encode()
    headers = {**forge.headers, "Content-Type": "application/json", "User-Agent": "cmsdials-drift"}
    request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310  # checked above
    try:
        with _opener.open(request, timeout=TIMEOUT) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        hints = {
            401: "The token is not accepted, or has expired: make another one.",
            403: "The token may not write issues, or too many requests were sent: see its permissions, or wait.",
            404: "The token does not reach this project, or its issues are disabled: see the settings.",
            410: "Issues are disabled: enable them in the settings.",
        }
        hint = hints.get(
            error.code, "Try again later." if error.code >= 500 else "See the settings of the project."
        )
        message = f"{forge.name} answered HTTP {error.code} to {method} issues. {hint}"
        raise CannotTell(message) from None
    except (OSError, ValueError) as error:
        reason = type(getattr(error, "reason", error)).__name__
        message = f"{forge.name} gave no usable answer ({reason}). Try again later, or check the network."
        raise CannotTell(message) from None


def found(forge: Forge) -> list[dict[str, Any]]:
    """Return the open issues that were opened here, the oldest first."""
    issues: list[dict[str, Any]] = []
    for page in range(1, 101):
        query = urllib.parse.urlencode({**forge.open, "per_page": PAGE, "page": page})
        answer = ask(forge, "GET", f"{forge.issues}?{query}")
        if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
            message = (
                f"{forge.name} answered something other than a list of issues. Check the address of its API."
            )
            raise CannotTell(message)
        issues += [
            one for one in answer if MARK in str(one.get(forge.text) or "") and "pull_request" not in one
        ]
        if len(answer) < PAGE:
            break
    return sorted(issues, key=lambda one: int(one[forge.number]))


def text_of(report: str) -> str:
    """Return the text of the issue; a long report is cut."""
    if len(report) > LARGEST:
        cut = report[:LARGEST].rpartition("\n")[0]
        report = f"{cut}\n\nThe report is longer: run `scripts/check-drift` for the rest, or see the job."
    return f"{MARK}\n{report}"


def tell(code: int, report: str, environment: Mapping[str, str]) -> str:
    """Open, update or close the issue; return what was done.

    Raises:
        CannotTell: It could not be done.
    """
    if code not in (NO_DRIFT, 1, 2):
        return "nothing was checked, so the issue stays as it is"
    forge = forge_of(environment)
    first, *others = found(forge) or [None]
    for one in others if code else [first, *others]:
        if one is not None:
            ask(forge, forge.update, f"{forge.issues}/{one[forge.number]}", forge.close)
    if code == NO_DRIFT:
        return (
            f"issue {first[forge.number]} was closed: the drift is gone"
            if first
            else "no drift, and no issue"
        )
    text = text_of(report)
    if first is None:
        made = ask(forge, "POST", forge.issues, {"title": TITLE, forge.text: text})
        return f"issue {made[forge.number]} was opened"
    if str(first.get(forge.text)).replace("\r\n", "\n").strip() == text.strip():
        return f"issue {first[forge.number]} says so already"
    ask(forge, forge.update, f"{forge.issues}/{first[forge.number]}", {forge.text: text})
    return f"issue {first[forge.number]} was updated"


def main(arguments: list[str]) -> int:
    """Do what the command line says, and return the exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    try:
        code, path = arguments
        report = Path(path).read_text(encoding="utf-8") if int(code) in (1, 2) else ""
    except (ValueError, OSError) as error:
        print(f"usage: drift_issue.py CODE REPORT ({error})", file=sys.stderr)
        return COULD_NOT
    try:
        print(tell(int(code), report, os.environ))
    except (CannotTell, KeyError, TypeError) as problem:
        print(f"cannot keep the issue: {problem}", file=sys.stderr)
        return COULD_NOT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
