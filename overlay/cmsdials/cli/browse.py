"""The commands that show what the service has."""

from __future__ import annotations

from collections.abc import Mapping

from cmsdials.cli.options import LoginOptions, say, with_login_options
from cmsdials.dials import Dials
from cmsdials.errors import SchemaError
from cmsdials.redaction import printable
from cmsdials.resources.workspaces import name_of

__all__ = ["workspace_name", "workspaces"]

_LONGEST = 200


@with_login_options
def workspaces(login: LoginOptions) -> None:
    """List the workspaces of the service."""
    client = login.client()
    with Dials(login.credentials(client), base_url=client.base_url) as dials:
        listed = dials.workspaces.list(retries=1)
        default = workspace_name(dials.workspaces.default(retries=1))
    items = listed.get("workspaces") if isinstance(listed, Mapping) else listed
    if not isinstance(items, list):
        problem = "is not a list"
        raise SchemaError(problem, resource="workspaces", field="workspaces")
    for item in items:
        name = workspace_name(item)
        described = printable(item.get("description") or "", _LONGEST) if isinstance(item, Mapping) else ""
        marked = "  (default)" if name == default else ""
        say(f"{name:12}{described}{marked}".rstrip())


def workspace_name(answer: object) -> str:
    """Return the name in an answer about a workspace, which differs between versions of the service."""
    return printable(name_of(answer) or answer, _LONGEST)
