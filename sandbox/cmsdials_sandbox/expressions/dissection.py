"""Matching with back references: backtracking as in PostgreSQL, which gives up after a number of attempts.

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

MOST_ATTEMPTS = 200_000

# What each group matched.
Captures = Mapping[int, str]
Ways = Iterator[tuple[int, Captures]]


class Dissection:
    """An expression with back references, ready to match."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._automata: dict[int, Automaton] = {}
        # Keeps the nodes alive whose ids are keys above.
        self._kept: list[Node] = []
        self._prefixes: dict[int, Node] = {}
        self._name = ""
        self._attempts = 0

    def found_in(self, name: str) -> bool:
        """Whether any part of a name matches; raises `TooSlow`."""
        self._name, self._attempts = name, 0
        return any(self._ways(self._node, start, {}) for start in range(len(name) + 1))

    def _ways(self, node: Node, start: int, captures: Captures) -> list[tuple[int, Captures]]:
        """Return the ends of the matches that begin here, the last first, each with the captures of the first way to it."""
        self._attempts += 1
        if self._attempts > MOST_ATTEMPTS:
            raise TooSlow
        ends: dict[int, Captures] = {}
        for end, inside in self._every_way(node, start, captures):
            ends.setdefault(end, inside)
        return sorted(ends.items(), key=lambda way: way[0], reverse=True)

    def _every_way(self, node: Node, start: int, captures: Captures) -> Ways:
        if not has(node, (Group, Back)):
            for end in self._automaton(node).ends(self._name, start):
                yield end, captures
            return
        match node:
            case Sequence(parts):
                yield from self._sequence(parts, start, captures)
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

    def _sequence(self, parts: tuple[Node, ...], start: int, captures: Captures) -> Ways:
        if not parts:
            yield start, captures
            return
        for end, inside in self._ways(parts[0], start, captures):
            yield from self._sequence(parts[1:], end, inside)

    def _repeat(self, node: Repeat, start: int, captures: Captures) -> Ways:
        inner = node.inner
        forgotten = _without(captures, inner)
        if node.least > 0 and not has(inner, (Back,)):
            # Only the last round captures.
            prefix = self._prefix(node)
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
        for end, inside in self._ways(node.inner, here, _without(captures, node.inner)):
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

    def _automaton(self, node: Node) -> Automaton:
        if id(node) not in self._automata:
            self._kept.append(node)
            self._automata[id(node)] = Automaton(node)
        return self._automata[id(node)]

    def _prefix(self, node: Repeat) -> Node:
        if id(node) not in self._prefixes:
            most = None if node.most is None else node.most - 1
            self._prefixes[id(node)] = Repeat(plain(node.inner), node.least - 1, most)
        return self._prefixes[id(node)]


def _without(captures: Captures, node: Node) -> Captures:
    """Return what was captured outside of a node."""
    inside = _groups(node)
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
