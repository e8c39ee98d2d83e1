"""The parts of an expression, and how it can fail."""

from collections.abc import Callable
from dataclasses import dataclass


class BadExpression(Exception):
    """PostgreSQL rejects this expression."""


class TooSlow(Exception):
    """Too many attempts: here PostgreSQL would work until the gateway gives up."""


@dataclass(frozen=True)
class Character:
    """One character that passes a test."""

    test: Callable[[str], bool]


@dataclass(frozen=True)
class Place:
    """The empty text, where the test of (name, position) holds: anchors and word boundaries."""

    test: Callable[[str, int], bool]


@dataclass(frozen=True)
class Around:
    """The empty text, where something follows (`ahead`) or precedes; if not `positive`, where it does not."""

    inner: "Node"
    ahead: bool
    positive: bool


@dataclass(frozen=True)
class Sequence:
    """One after the other; without parts, the empty text."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    """One of these."""

    options: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """A part repeated `least` to `most` times; None is unlimited."""

    inner: "Node"
    least: int
    most: int | None


@dataclass(frozen=True)
class Group:
    """A part that back references can name."""

    number: int
    inner: "Node"


@dataclass(frozen=True)
class Back:
    """What a group matched, repeated."""

    number: int
    any_case: bool
    least: int = 1
    most: int | None = 1


Node = Character | Place | Around | Sequence | Choice | Repeat | Group | Back

NOTHING = Sequence(())
ANYTHING = Repeat(Character(lambda _character: True), 0, None)


def has(node: Node, kinds: tuple[type, ...]) -> bool:
    """Whether a tree contains a node of one of these kinds."""
    if isinstance(node, kinds):
        return True
    match node:
        case Sequence(parts) | Choice(parts):
            return any(has(part, kinds) for part in parts)
        case Repeat(inner) | Group(_, inner):
            return has(inner, kinds)
    return False


def plain(node: Node) -> Node:
    """Return the tree without groups, which matches the same; or more, as back references match anything then."""
    match node:
        case Sequence(parts):
            return Sequence(tuple(plain(part) for part in parts))
        case Choice(options):
            return Choice(tuple(plain(option) for option in options))
        case Repeat(inner, least, most):
            return Repeat(plain(inner), least, most)
        case Group(_, inner):
            return plain(inner)
        case Back():
            return ANYTHING
    return node
