"""Where a difference is: in an operation's part, or in a component of the contract, which many may use."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from .document import component


@frozen
class Place:
    """An operation's part or a component, and the way down from there."""

    root: str
    path: str = ""

    def field(self, name: str) -> Place:
        """Go down to a field of an object."""
        return evolve(self, path=f"{self.path}.{name}" if self.path else name)

    def items(self) -> Place:
        """Go down to the items of an array."""
        return evolve(self, path=f"{self.path}[]")

    def part(self, name: str) -> Place:
        """Go to a part that has a name of its own, such as `header retry-after`."""
        return Place(f"{self} {name}")

    def home(self, node: Any) -> Place:
        """Attribute what is in a component to that component, and anything else to this place."""
        name = component(node)
        return of_component(name) if name else self

    def __str__(self) -> str:
        return f"{self.root} {self.path}" if self.path else self.root


def of_component(name: str) -> Place:
    """Where the component is, for all who use it."""
    return Place(f"component {name}")
