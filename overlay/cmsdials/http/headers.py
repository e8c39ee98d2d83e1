"""What no header of a request can carry: refused before anything is sent, and never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cmsdials.errors import ConfigurationError
from cmsdials.http.credentials import header_problem
from cmsdials.redaction import without_secrets

__all__ = ["refuse_unsendable", "workspace_refusal"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_LONGEST_WORKSPACE = 64


def refuse_unsendable(headers: Mapping[str, str]) -> None:
    """Refuse names and values that no header can have.

    Raises:
        ConfigurationError: If there is one; it says the name.
    """
    for name in headers:
        problem = header_problem(headers[name]) if _NAME.fullmatch(name) else "its name is not one"
        if problem:
            message = f"the header {name!r} cannot be sent: {problem}"
            raise ConfigurationError(message)


def workspace_refusal(workspace: object) -> ConfigurationError | None:
    """Return the error for a name of a workspace that cannot be one; None if it can.

    The caller raises it, and first forgets the name, which may be a token that was passed in its place.
    """
    if workspace is None:
        return None
    problem = header_problem(workspace)
    if not problem and isinstance(workspace, str):
        if len(workspace) > _LONGEST_WORKSPACE:
            problem = f"it has {len(workspace)} characters"
        elif without_secrets(workspace) != workspace:
            problem = "it looks like a token"
    if not problem:
        return None
    advice = "Give a short name such as tracker; tokens and secrets belong into credentials."
    return ConfigurationError(f"workspace is not the name of one: {problem}", advice=advice)
