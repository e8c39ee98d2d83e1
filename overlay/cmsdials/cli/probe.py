"""Asking a DIALS what `cmsdials doctor --probe` wants to know, and what is noted of its answers.

Never a value of a row, a name of a person or a token: the report is to be sent around. And nothing that differs from one
run to the next, so that two reports can be compared with `diff`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from attrs import define, frozen

from cmsdials.cli.asking import Asker, Came
from cmsdials.errors import ConfigurationError
from cmsdials.http.request import check_workspace
from cmsdials.listing.page import cursor_of
from cmsdials.redaction import printable
from cmsdials.resources.workspaces import name_of
from cmsdials.runtime.version import client_version

__all__ = [
    "DEFAULTS",
    "Probe",
    "Question",
    "Row",
    "Verdict",
    "detail_of",
    "noted",
    "position_of",
    "report",
    "rows_of",
    "shape_of",
    "verdict_on",
]

VERSION = 1
"""Of the questions and of the form of the report."""

Row: TypeAlias = Mapping[str, Any]
Verdict: TypeAlias = "tuple[dict[str, Any], bool | None]"
"""What came, without values, and whether the belief holds; None if the answer does not show that."""

DEFAULTS = ("workspaces/my-default/", "auth/user-default-workspace/")
"""Where the user's default workspace is, in the present generation and in v1.12."""

_NO_VERDICT = (None, 401, 403, 429, 502, 503, 504)


@define
class Probe:
    """Asks, and remembers what later questions need.

    Attributes:
        asker: What asks.
        workspace: The user's default workspace, which later questions name.
        default: What came for the default workspace, of the present generation and of v1.12.
        run: A row of a run to ask about, with its dataset; empty if there is none.
        elements: A monitoring element of that run, by dimension.
    """

    asker: Asker
    workspace: str | None
    default: tuple[Came, Came]
    run: Row
    elements: Mapping[int, int]

    @classmethod
    def begin(cls, asker: Asker) -> Probe:
        """Find out what there is to ask about. Raises as `Asker.ask`."""
        default = asker.ask(DEFAULTS[0]), asker.ask(DEFAULTS[1])
        names = (_usable(name_of(one.json)) for one in default if one.status == 200)
        begun = cls(asker, next(filter(None, names), None), default, {}, {})
        runs = [row for row in rows_of(begun.ask("run/")) if _is_run(row)]
        if runs:
            begun.run = max(runs, key=lambda row: row["ls_count"])
            listed = begun.ask(f"mes/{begun.run['dataset_id']}/{begun.run['run_number']}/").json
            listed = listed if isinstance(listed, list) else []
            known = [one for one in listed if isinstance(one, dict) and {"dim", "me_id"} <= one.keys()]
            begun.elements = {one["dim"]: one["me_id"] for one in reversed(known)}
        return begun

    @property
    def generation(self) -> str:
        """Which generation it seems to be: now, v1.12 or unknown, by where the default workspace is."""
        if self.default[0].status == 200:
            return "now"
        return "v1.12" if self.default[1].status == 200 else "unknown"

    def ask(self, path: str, *params: tuple[str, object], workspace: str | None = None) -> Came:
        """Ask in the default workspace, or another one."""
        return self.asker.ask(path, params, workspace=workspace or self.workspace)

    def in_dataset(self, path: str, *params: tuple[str, object]) -> Came:
        """Ask about the dataset of the run, which costs the service least."""
        return self.ask(path, ("dataset_id", self.run["dataset_id"]), *params)

    def of_run(self, *params: tuple[str, object]) -> Came:
        """Ask for lumisections of the run."""
        return self.in_dataset("lumisection/", ("run_number", self.run["run_number"]), *params)


@frozen
class Question:
    """A belief, and how to find out whether it holds.

    Attributes:
        name: Its name, by which two files are compared.
        belief: What we take for true.
        source: Where that comes from.
        ask: Asks and says what came, and whether the belief holds.
    """

    name: str
    belief: str
    source: str
    ask: Callable[[Probe], Verdict]


def report(probe: Probe, questions: Iterable[Question]) -> dict[str, Any]:
    """Ask everything, one after the other, and return what is to be written. Raises as `Asker.ask`."""
    asked: dict[str, Any] = {}
    for one in questions:
        try:
            came, holds = one.ask(probe)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as unforeseen:
            came, holds = {"unforeseen": type(unforeseen).__name__}, None  # JSON of another shape
        asked[one.name] = {"belief": one.belief, "source": one.source, "came": came, "holds": holds}
    return {
        "probe": VERSION,
        "client": client_version(),
        "host": urlsplit(probe.asker.base_url).netloc,
        "generation": probe.generation,
        "questions": asked,
    }


# --- what is noted of an answer -------------------------------------------------------------------------------


def noted(came: Came, **more: Any) -> dict[str, Any]:
    """Return status and form of an answer, and more."""
    if came.status is None:
        return {"failed": type(came.failure).__name__}
    return {"status": came.status, "form": came.form, **more}


def verdict_on(came: Came, holds: bool | None, **more: Any) -> Verdict:
    """Return a verdict, which an answer that says "not now" or "not you" does not give."""
    return noted(came, **more), None if came.status in _NO_VERDICT else holds


def rows_of(came: Came) -> list[Row]:
    """Return the rows of a page, or of a plain list; none of what is neither."""
    answer = came.json
    rows = answer.get("results") if isinstance(answer, dict) else answer
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def shape_of(answer: object) -> Any:
    """Return the shape of a JSON value: names and types, no values."""
    if isinstance(answer, dict):
        return {printable(name, 60): shape_of(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [shape_of(answer[0])] if answer else []
    return "null" if answer is None else type(answer).__name__


def detail_of(came: Came) -> str:
    """Return what an error answer says, for a comparison only."""
    answer = came.json
    return str(answer.get("detail", "")) if isinstance(answer, dict) else ""


def position_of(came: Came) -> str | None:
    """Return the cursor of the next page; None if there is none."""
    answer = came.json
    return cursor_of(answer.get("next")) if isinstance(answer, dict) else None


def _usable(name: str | None) -> str | None:
    """Return the name of a workspace if a request can carry it, else None: the service then chooses."""
    try:
        check_workspace(name)
    except ConfigurationError:
        return None
    return name


def _is_run(row: Row) -> bool:
    whole = (row.get("dataset_id"), row.get("run_number"), row.get("ls_count"))
    return all(isinstance(one, int) for one in whole) and isinstance(row.get("dataset"), str)
