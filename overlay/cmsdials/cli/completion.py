"""Names that a shell completes: those of the lists that earlier commands have kept, without asking the service."""

from __future__ import annotations

import os
import re
from typing import Any

from cmsdials.cli.options import instance_url
from cmsdials.errors import DialsError
from cmsdials.runtime import cache

__all__ = ["join_words", "names"]

_UNQUOTED = re.compile(r"([^\w/.,%+-])", re.ASCII)
_QUOTED = re.compile(r"([$`\"\\!])")


def join_words() -> None:
    """Undo that bash makes several words of one with a colon or an equals sign, such as an address, before they are read."""
    variables = os.environ
    words, cursor = variables.get("COMP_WORDS", "").split("\n"), int(variables.get("COMP_CWORD") or 0)
    joined: list[str] = []
    at, is_open = 0, False
    for place, word in enumerate(words):
        is_break = bool(word) and not word.strip(":=")
        if joined and word and (is_break or is_open):
            joined[-1] += word
        else:
            joined.append(word)
        is_open = is_break
        if place == cursor:
            at = len(joined) - 1
    variables.update(COMP_WORDS="\n".join(joined), COMP_CWORD=str(at))


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
    typed = words[at] if at < len(words) else ""
    opened = (typed.partition("=")[2] if typed.startswith("--") else typed)[:1]
    if opened == "'":
        return name
    return _Quoted((_QUOTED if opened == '"' else _UNQUOTED).sub(r"\\\1", name))
