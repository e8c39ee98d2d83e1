"""Matching with back references: backtracking as in PostgreSQL, which `Work` has give up after a number of attempts.

Whether a back reference matches depends on which groups are set at that moment, so this follows PostgreSQL's oddities:
each round of a repetition forgets what the previous round captured, there are no more rounds than characters, and a
reference to a group that is not set fails even if it may occur zero times.  Of several ways through a part to the same end
only the first counts, and the longer first part is tried first.  (A lazy quantifier would reverse that; this is not imitated.)
"""

from collections.abc import Iterator, Mapping

from cmsdials_sandbox.expressions.automaton import Automaton
from cmsdials_sandbox.expressions.tree import (
    Back,
    Choice,
    Group,
    Node,
    Repeat,
    Sequence,
    TooSlow,
    has,
    plain,
)
from cmsdials_sandbox.expressions.work import Work

# What an attempt costs in steps: it takes so much longer than one of an automaton.
_ATTEMPT = 20

# What each group matched.
Captures = Mapping[int, str]
Ways = Iterator[tuple[int, Captures]]


class Dissection:
    """An expression with back references, ready to match."""

    def __init__(self, node: Node, work: Work) -> None:
        self._node = node
        self._work = work
        # Most places are ruled out without looking at what was captured.
        self._at_least = Automaton(plain(node), work)
        # By the ids of nodes: those of the tree, and of the prefixes.
        self._automata: dict[int, Automaton | None] = {}
        self._groups: dict[int, frozenset[int]] = {}
        self._prefixes: dict[int, Node | None] = {}
        self._name = ""

    def found_in(self, name: str) -> bool:
        """Whether any part of a name matches; raises `TooSlow`."""
        self._name = name
        try:
            return any(
                self._at_least.begins_at(name, start) and self._ways(self._node, start, {})
                for start in range(len(name) + 1)
            )
        except RecursionError as error:
            raise TooSlow from error

    def _ways(self, node: Node, start: int, captures: Captures) -> list[tuple[int, Captures]]:
        """Return the ends of the matches that begin here, the last first, each with the captures of the first way to it."""
        self._work.spend(_ATTEMPT)
        ends: dict[int, Captures] = {}
        for end, inside in self._every_way(node, start, captures):
            self._work.spend(1)
            ends.setdefault(end, inside)
        return sorted(ends.items(), key=lambda way: way[0], reverse=True)

    def _every_way(self, node: Node, start: int, captures: Captures) -> Ways:
        automaton = self._automaton(node)
        if automaton is not None:
            for end in automaton.ends(self._name, start):
                yield end, captures
            return
        match node:
            case Sequence(parts):
                yield from self._sequence(parts, 0, start, captures)
            case Choice(options):
                for option in options:
                    yield from self._ways(option, start, captures)
            case Group(number, inner):
                for end, inside in self._ways(inner, start, captures):
                    yield end, {**inside, number: self._name[start:end]}
            case Repeat():
                yield from self._repeat(node, start, captures)
            case Back():
                yield from self._back(node, start, captures)

    def _sequence(self, parts: tuple[Node, ...], number: int, start: int, captures: Captures) -> Ways:
        if number == len(parts):
            yield start, captures
            return
        for end, inside in self._ways(parts[number], start, captures):
            yield from self._sequence(parts, number + 1, end, inside)

    def _repeat(self, node: Repeat, start: int, captures: Captures) -> Ways:
        inner = node.inner
        forgotten = self._without(captures, inner)
        prefix = self._prefix(node)
        if prefix is not None:
            # Only the last round captures.
            for end, _ in self._ways(prefix, start, forgotten):
                yield from self._ways(inner, end, forgotten)
            return
        yield from self._rounds(node, start, start, 0, forgotten)
        # An empty round captures too, and is tried first.
        if node.least == 0:
            yield start, forgotten

    def _rounds(self, node: Repeat, start: int, here: int, done: int, captures: Captures) -> Ways:
        """Continue after a number of rounds: there are no more rounds than characters, unless the minimum is higher."""
        limit = max(len(self._name) - start, node.least, 1)
        if done in (limit, node.most):
            return
        for end, inside in self._ways(node.inner, here, self._without(captures, node.inner)):
            rounds = done + 1
            if node.least <= rounds <= max(end - start, node.least, 1):
                yield end, inside
            yield from self._rounds(node, start, end, rounds, inside)

    def _back(self, node: Back, start: int, captures: Captures) -> Ways:
        captured = captures.get(node.number)
        if captured is None:
            return
        if node.least == 0 or not captured:
            yield start, captures
        end, rounds = start, 0
        while captured and rounds != node.most:
            found = self._name[end : end + len(captured)]
            if not (found.lower() == captured.lower() if node.any_case else found == captured):
                return
            end, rounds = end + len(captured), rounds + 1
            if rounds >= node.least:
                yield end, captures

    def _automaton(self, node: Node) -> Automaton | None:
        """Return the automaton of a node; None if the node captures, or refers to what was captured."""
        if id(node) not in self._automata:
            self._automata[id(node)] = None if has(node, (Group, Back)) else Automaton(node, self._work)
        return self._automata[id(node)]

    def _prefix(self, node: Repeat) -> Node | None:
        """Return all rounds of a repetition but the last; None if there may be no round, or if each is to be followed."""
        if id(node) not in self._prefixes:
            most = None if node.most is None else node.most - 1
            followed = node.least == 0 or has(node.inner, (Back,))
            self._prefixes[id(node)] = None if followed else Repeat(plain(node.inner), node.least - 1, most)
        return self._prefixes[id(node)]

    def _without(self, captures: Captures, node: Node) -> Captures:
        """Return what was captured outside of a node."""
        if not captures:
            return captures
        if id(node) not in self._groups:
            self._groups[id(node)] = frozenset(_groups(node))
        inside = self._groups[id(node)]
        self._work.spend(len(captures))
        return {number: text for number, text in captures.items() if number not in inside}


def _groups(node: Node) -> set[int]:
    match node:
        case Group(number, inner):
            return {number} | _groups(inner)
        case Sequence(parts) | Choice(parts):
            return set().union(*(_groups(part) for part in parts))
        case Repeat(inner):
            return _groups(inner)
    return set()
