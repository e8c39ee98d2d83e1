"""A mapping that holds secrets: readable by name, never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Undisclosed"]


class Undisclosed(Mapping[str, Any]):
    """Headers, forms and answers that hold secrets.

    It is no dict on purpose: debuggers and tracebacks that show local variables print the contents of a dict.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = dict(content)

    def __getitem__(self, name: str) -> Any:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<{len(self._content)} undisclosed>"
