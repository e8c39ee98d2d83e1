"""Compiles an expression, ready to match names."""

from typing import Protocol

from cmsdials_sandbox.expressions.automaton import Automaton
from cmsdials_sandbox.expressions.dissection import Dissection
from cmsdials_sandbox.expressions.parsing import parsed
from cmsdials_sandbox.expressions.tree import Back, BadExpression, has
from cmsdials_sandbox.expressions.work import Work


class Expression(Protocol):
    """Matches names."""

    def found_in(self, name: str) -> bool:
        """Whether any part of a name matches; raises `TooSlow`."""


def expression(text: str) -> Expression:
    """Return the compiled expression, for use by one thread; raises `BadExpression`, and `TooSlow` as its matching does."""
    try:
        node, work = parsed(text), Work()
        return Dissection(node, work) if has(node, (Back,)) else Automaton(node, work)
    except RecursionError as error:
        raise BadExpression("regular expression is too complex") from error  # noqa: EM101
