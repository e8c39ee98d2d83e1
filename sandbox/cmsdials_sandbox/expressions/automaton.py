"""Matching without back references: all ways through the expression at once, one character after the other.

Steps are cached, so that many names cost little more than one.  For any expression the time grows with the length of the
name (with its square for lookahead), never exponentially; `Work` bounds what the size of an expression adds to that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    TooSlow,
)
from cmsdials_sandbox.expressions.work import Work

# About the size at which PostgreSQL rejects an expression as too complex; it measures differently.
MOST_STATES = 50_000

# What a state costs in steps: it takes so much longer to make than to pass, and so much memory.
_STATE = 20

# What it costs to test a character or to ask a condition, which are calls.
_TEST = 3

Truths = tuple[bool, ...]


@dataclass(slots=True)
class _Arcs:
    """Transitions out of one state: by a character, by nothing, or by a condition on the position (its number)."""

    characters: list[tuple[Callable[[str], bool], int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    conditional: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Reached:
    """States that are reached together at a position, and what follows them as far as is known.

    `asked` are the conditions that decide what else is reached there without a character, and `known` those that have been
    decided on the way; `answered` maps the truth of those asked to what is reached then. Where none is asked any more,
    `after` maps a character to what is reached by it.
    """

    states: tuple[int, ...]
    is_end: bool
    asked: tuple[int, ...]
    known: Mapping[int, bool]
    answered: dict[Truths, "_Reached"] = field(default_factory=dict)
    after: dict[str, "_Reached"] = field(default_factory=dict)


class Automaton:
    """An expression, ready to match."""

    def __init__(self, node: Node, work: Work) -> None:
        self._work = work
        self._arcs: list[_Arcs] = []
        self._conditions: list[Callable[[str, int], bool]] = []
        self._start, self._end = self._state(), self._state()
        self._build(node, self._start, self._end)
        # Matches from one position, and matches from anywhere: there the start is reached again at each character.
        self._from_one = _Walk(self, ())
        self._from_any = _Walk(self, (self._start,))

    def found_in(self, name: str) -> bool:
        """Whether any part of a name matches; raises `TooSlow`."""
        try:
            return any(True for _ in self._ends(self._from_any, name, 0))
        except RecursionError as error:
            raise TooSlow from error

    def begins_at(self, name: str, start: int) -> bool:
        """Whether a match begins at a position."""
        return any(True for _ in self._ends(self._from_one, name, start))

    def ends(self, name: str, start: int) -> list[int]:
        """Return the ends of the matches that begin at a position."""
        return list(self._ends(self._from_one, name, start))

    def all_ends(self, name: str) -> frozenset[int]:
        """Return the ends of the matches that begin anywhere."""
        return frozenset(self._ends(self._from_any, name, 0))

    def _ends(self, walk: "_Walk", name: str, start: int) -> Iterator[int]:
        conditions, spend = self._conditions, self._work.spend
        reached = walk.first
        for position in range(start, len(name) + 1):
            spend(1)
            while reached.asked:
                spend(_TEST * len(reached.asked))
                truths = tuple([conditions[number](name, position) for number in reached.asked])
                reached = reached.answered.get(truths) or walk.answer(reached, truths)
            if reached.is_end:
                yield position
            if not reached.states or position == len(name):
                return
            character = name[position]
            reached = reached.after.get(character) or walk.step(reached, character)

    def closure(self, states: Iterable[int], known: Mapping[int, bool]) -> tuple[set[int], set[int]]:
        """Return the states that are reached from these without a character, and the conditions that are not known."""
        waiting, reached, asked = list(states), set(states), set[int]()
        while waiting:
            arcs = self._arcs[waiting.pop()]
            self._work.spend(1 + len(arcs.free) + len(arcs.conditional))
            onward = arcs.free
            if arcs.conditional:
                asked.update(condition for condition, _ in arcs.conditional if condition not in known)
                onward = onward + [end for condition, end in arcs.conditional if known.get(condition)]
            for end in onward:
                if end not in reached:
                    reached.add(end)
                    waiting.append(end)
        return reached, asked

    def step(self, states: Iterable[int], character: str) -> set[int]:
        """Return the states that are reached from these by a character."""
        reached: set[int] = set()
        for state in states:
            characters = self._arcs[state].characters
            self._work.spend(1 + _TEST * len(characters))
            for test, end in characters:
                if test(character):
                    reached.add(end)
        return reached

    @property
    def start(self) -> int:
        """The state before anything is matched."""
        return self._start

    @property
    def end(self) -> int:
        """The state after all is matched."""
        return self._end

    def _build(self, node: Node, start: int, end: int) -> None:
        """Connect two states through a node."""
        match node:
            case Character(test):
                self._arcs[start].characters.append((test, end))
            case Place(test):
                self._condition(test, start, end)
            case Around():
                self._condition(_Lookaround(node, self._work).holds, start, end)
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
        self._work.spend(_STATE)
        self._arcs.append(_Arcs())
        return len(self._arcs) - 1

    def _free(self, start: int, end: int) -> None:
        self._arcs[start].free.append(end)

    def _condition(self, holds: Callable[[str, int], bool], start: int, end: int) -> None:
        self._arcs[start].conditional.append((len(self._conditions), end))
        self._conditions.append(holds)


class _Walk:
    """The steps through an automaton that are known; `always` are states that are reached again at each character."""

    def __init__(self, automaton: Automaton, always: tuple[int, ...]) -> None:
        self._automaton = automaton
        self._always = always
        self._all: dict[object, _Reached] = {}
        self.first = self._reached((automaton.start,), {})

    def answer(self, reached: _Reached, truths: Truths) -> _Reached:
        """Return what is reached where the conditions asked have these answers."""
        known = {**reached.known, **dict(zip(reached.asked, truths, strict=True))}
        answered = self._reached(reached.states, known)
        reached.answered[truths] = answered
        return answered

    def step(self, reached: _Reached, character: str) -> _Reached:
        """Return what is reached by a character."""
        after = self._reached(self._automaton.step(reached.states, character).union(self._always), {})
        reached.after[character] = after
        return after

    def _reached(self, states: Iterable[int], known: Mapping[int, bool]) -> _Reached:
        closed, unknown = self._automaton.closure(states, known)
        ordered, asked = tuple(sorted(closed)), tuple(sorted(unknown))
        # What was asked on the way no longer matters once all is known.
        key = ordered, asked, frozenset(known.items()) if asked else None
        if key not in self._all:
            self._all[key] = _Reached(ordered, self._automaton.end in closed, asked, known)
        return self._all[key]


class _Lookaround:
    """Whether something follows or precedes a position; answers for the last name are cached."""

    def __init__(self, node: Around, work: Work) -> None:
        self._node = node
        self._automaton = Automaton(node.inner, work)
        self._name: str | None = None
        self._behind: frozenset[int] = frozenset()
        self._ahead: dict[int, bool] = {}

    def holds(self, name: str, position: int) -> bool:
        """Whether it holds at a position."""
        if name != self._name:
            self._name, self._ahead = name, {}
            if not self._node.ahead:
                self._behind = self._automaton.all_ends(name)
        if not self._node.ahead:
            return (position in self._behind) == self._node.positive
        if position not in self._ahead:
            self._ahead[position] = self._automaton.begins_at(name, position)
        return self._ahead[position] == self._node.positive
