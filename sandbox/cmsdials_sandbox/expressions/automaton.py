"""Matching without back references: all ways through the expression at once, one character after the other.

Steps are cached, so that many names cost little more than one.  For any expression the time grows with the length of the
name (with its square for lookaround), never exponentially.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cmsdials_sandbox.expressions.tree import (
    Around,
    BadExpression,
    Character,
    Choice,
    Group,
    Node,
    Place,
    Repeat,
    Sequence,
)

# About the size at which PostgreSQL rejects an expression as too complex; it measures differently.
MOST_STATES = 50_000

States = frozenset[int]
Truths = tuple[bool, ...]


@dataclass
class _Arcs:
    """Transitions out of one state: by a character, by nothing, or by a condition on the position (its number)."""

    characters: list[tuple[Callable[[str], bool], int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    conditional: list[tuple[int, int]] = field(default_factory=list)


class Automaton:
    """An expression, ready to match."""

    def __init__(self, node: Node) -> None:
        self._arcs: list[_Arcs] = []
        self._conditions: list[Callable[[str, int], bool]] = []
        self._start, self._end = self._state(), self._state()
        self._build(node, self._start, self._end)
        self._closures: dict[tuple[States, Truths], States] = {}
        self._steps: dict[tuple[States, str], States] = {}

    def found_in(self, name: str) -> bool:
        """Whether any part of a name matches."""
        states: States = frozenset()
        for position in range(len(name) + 1):
            states = self._closed(states | {self._start}, name, position)
            if self._end in states:
                return True
            if position < len(name):
                states = self._step(states, name[position])
        return False

    def ends(self, name: str, start: int) -> list[int]:
        """Return the ends of the matches that begin at a position."""
        ends = []
        states: States = frozenset((self._start,))
        for position in range(start, len(name) + 1):
            states = self._closed(states, name, position)
            if self._end in states:
                ends.append(position)
            if not states or position == len(name):
                break
            states = self._step(states, name[position])
        return ends

    def _build(self, node: Node, start: int, end: int) -> None:
        """Connect two states through a node."""
        match node:
            case Character(test):
                self._arcs[start].characters.append((test, end))
            case Place(test):
                self._condition(test, start, end)
            case Around():
                self._condition(_Lookaround(node).holds, start, end)
            case Sequence(parts):
                for part in parts:
                    following = self._state()
                    self._build(part, start, following)
                    start = following
                self._free(start, end)
            case Choice(options):
                for option in options:
                    self._build(option, start, end)
            case Group(_, inner):
                self._build(inner, start, end)
            case Repeat(inner, least, most):
                self._repeat(inner, least, most, start, end)

    def _repeat(self, inner: Node, least: int, most: int | None, start: int, end: int) -> None:
        for _ in range(least):
            following = self._state()
            self._build(inner, start, following)
            start = following
        if most is None:
            loop, back = self._state(), self._state()
            self._free(start, loop)
            self._build(inner, loop, back)
            self._free(back, loop)
            self._free(loop, end)
            return
        for _ in range(most - least):
            self._free(start, end)
            following = self._state()
            self._build(inner, start, following)
            start = following
        self._free(start, end)

    def _state(self) -> int:
        if len(self._arcs) >= MOST_STATES:
            raise BadExpression("regular expression is too complex")  # noqa: EM101
        self._arcs.append(_Arcs())
        return len(self._arcs) - 1

    def _free(self, start: int, end: int) -> None:
        self._arcs[start].free.append(end)

    def _condition(self, holds: Callable[[str, int], bool], start: int, end: int) -> None:
        self._arcs[start].conditional.append((len(self._conditions), end))
        self._conditions.append(holds)

    def _closed(self, states: States, name: str, position: int) -> States:
        """Add the states that are reached without a character at a position."""
        truths = tuple(condition(name, position) for condition in self._conditions)
        key = states, truths
        if key not in self._closures:
            self._closures[key] = self._closure(states, truths)
        return self._closures[key]

    def _closure(self, states: Iterable[int], truths: Truths) -> States:
        waiting, reached = list(states), set(states)
        while waiting:
            arcs = self._arcs[waiting.pop()]
            onward = arcs.free + [end for condition, end in arcs.conditional if truths[condition]]
            for end in onward:
                if end not in reached:
                    reached.add(end)
                    waiting.append(end)
        return frozenset(reached)

    def _step(self, states: States, character: str) -> States:
        key = states, character
        if key not in self._steps:
            self._steps[key] = frozenset(
                end for state in states for test, end in self._arcs[state].characters if test(character)
            )
        return self._steps[key]


class _Lookaround:
    """Whether something follows or precedes a position; answers for the last name are cached."""

    def __init__(self, node: Around) -> None:
        self._node = node
        self._automaton = Automaton(node.inner)
        self._name: str | None = None
        self._ends: dict[int, list[int]] = {}

    def holds(self, name: str, position: int) -> bool:
        """Whether it holds at a position."""
        if name != self._name:
            self._name, self._ends = name, {}
        if self._node.ahead:
            found = bool(self._ends_from(position))
        else:
            found = any(position in self._ends_from(start) for start in range(position + 1))
        return found == self._node.positive

    def _ends_from(self, start: int) -> list[int]:
        if start not in self._ends:
            self._ends[start] = self._automaton.ends(self._name or "", start)
        return self._ends[start]
