"""The command that shows which workspaces the service has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cmsdials.cli.options import LoginOptions, with_options
from cmsdials.cli.output import OutputOptions, Source
from cmsdials.dials import Dials
from cmsdials.errors import SchemaError
from cmsdials.redaction import printable
from cmsdials.resources.workspaces import name_of
from cmsdials.runtime import cache

__all__ = ["workspace_name", "workspaces"]

_LONGEST = 200
_COLUMNS = ("name", "description", "default")


@with_options
def workspaces(output: OutputOptions, login: LoginOptions) -> None:
    """List the workspaces of the service."""
    output.named(_COLUMNS)
    client = login.client()
    with Dials(login.credentials(client), base_url=client.base_url) as dials:
        listed = dials.workspaces.list(retries=1)
        default = workspace_name(dials.workspaces.default(retries=1))
    items = listed.get("workspaces") if isinstance(listed, Mapping) else listed
    if not isinstance(items, list):
        problem = "is not a list"
        raise SchemaError(problem, resource="workspaces", field="workspaces")
    rows = []
    for item in items:
        name = workspace_name(item)
        described = printable(item.get("description") or "", _LONGEST) if isinstance(item, Mapping) else ""
        rows.append({"name": name, "description": described, "default": name == default})
    kept = [{"name": row["name"]} for row in rows]
    cache.keep("workspaces", client.base_url, "", kept, datetime.now(UTC))
    output.write(
        Source(columns=_COLUMNS, shown=_COLUMNS, usual=_COLUMNS, pages=lambda _, limit: [rows[:limit]])
    )


def workspace_name(answer: object) -> str:
    """Return the name in an answer about a workspace, which differs between versions of the service."""
    return printable(name_of(answer) or answer, _LONGEST)
