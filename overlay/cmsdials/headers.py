"""What no header of a request can carry: refused before anything is sent, and never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cmsdials.credentials import header_problem
from cmsdials.errors import ConfigurationError

__all__ = ["checked_workspace", "refuse_unsendable"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1


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


def checked_workspace(workspace: str | None) -> str | None:
    """Return the name of a workspace, which travels in a header.

    Raises:
        ConfigurationError: If no header can carry it.
    """
    problem = "" if workspace is None else header_problem(workspace)
    if problem:
        message = f"workspace {workspace!r} cannot be a name: {problem}"
        raise ConfigurationError(message)
    return workspace
