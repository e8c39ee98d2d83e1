"""Names that a shell completes: those of the lists that earlier commands have kept, without asking the service."""

from __future__ import annotations

import os
import re
from typing import Any

from cmsdials.cli.options import instance_url
from cmsdials.errors import DialsError
from cmsdials.runtime import cache

__all__ = ["names"]

_UNQUOTED = re.compile(r"([^\w/.,%+-])", re.ASCII)
_QUOTED = re.compile(r"([$`\"\\!])")


def names(kind: str, context: Any, begun: str) -> list[str]:
    """Return the names that begin like that, as the shell takes them; see `cmsdials.runtime.cache.cached_names`.

    Args:
        kind: "mes", "datasets" or "workspaces".
        context: What has been typed before, of which the instance and the workspace count.
        begun: What has been typed of the name.
    """
    try:
        address = instance_url(context.params.get("instance") or "prod")
    except DialsError:
        return []
    workspace = None if kind == "workspaces" else context.params.get("workspace")
    found = [name for name in cache.cached_names(kind, address, workspace) if name.startswith(begun)]
    if not os.environ.get("_CMSDIALS_COMPLETE", "").endswith("bash"):
        return found  # other shells quote by themselves
    return [_quoted(name) for name in found]


class _Quoted(str):
    """A name as bash puts it into the line. Typer would leave it out, since it begins otherwise than what was typed."""

    __slots__ = ()

    def startswith(self, *_typed: Any) -> bool:
        return True


def _quoted(name: str) -> str:
    """Return a name within the quote that is open, or with backslashes."""
    words, at = os.environ.get("COMP_WORDS", "").split("\n"), int(os.environ.get("COMP_CWORD", "0"))
    opened = words[at][:1] if at < len(words) else ""
    if opened == "'":
        return name
    return _Quoted((_QUOTED if opened == '"' else _UNQUOTED).sub(r"\\\1", name))
