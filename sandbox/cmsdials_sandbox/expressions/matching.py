"""Compiles an expression, ready to match names."""

from typing import Protocol

from cmsdials_sandbox.expressions.automaton import Automaton
from cmsdials_sandbox.expressions.dissection import Dissection
from cmsdials_sandbox.expressions.parsing import parsed
from cmsdials_sandbox.expressions.tree import Back, has


class Expression(Protocol):
    """Matches names."""

    def found_in(self, name: str) -> bool:
        """Whether any part of a name matches; raises `TooSlow`."""


def expression(text: str) -> Expression:
    """Return the compiled expression, for use by one thread; raises `BadExpression`."""
    node = parsed(text)
    return Dissection(node) if has(node, (Back,)) else Automaton(node)
