"""A mapping that holds secrets: readable by name, never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["Undisclosed"]


class Undisclosed(Mapping[str, Any]):
    """Headers, forms and answers that hold secrets.

    It is no dict on purpose: debuggers and tracebacks that show local variables print the contents of a dict.

    Args:
        content: What it holds, or what fills a dictionary with that: so the dictionary is in nobody's local variables
            if filling it fails.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Mapping[str, Any] | Callable[[dict[str, Any]], None]) -> None:
        self._content: dict[str, Any] = {}
        if isinstance(content, Mapping):
            self._content.update(content)
        else:
            content(self._content)

    def __getitem__(self, name: str) -> Any:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<{len(self._content)} undisclosed>"
