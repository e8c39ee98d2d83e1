"""Bracket expressions, `[a-z[:digit:]_]`: from the text between the brackets to a test of one character."""

from dataclasses import dataclass

from cmsdials_sandbox.expressions import characters
from cmsdials_sandbox.expressions.characters import Test
from cmsdials_sandbox.expressions.lexing import Lexer
from cmsdials_sandbox.expressions.tree import BadExpression


@dataclass(frozen=True)
class _Item:
    """A `character`, a whole `class` (with its test), the `-` of a range, or the `]` at the end."""

    kind: str
    character: str = ""
    test: Test | None = None


def bracket(lexer: Lexer, *, negated: bool) -> Test:
    """Read a bracket expression; its `[`, and the `^` of a negated one, have been read."""
    any_case = lexer.options.any_case
    tests: list[Test] = []
    item = _item(lexer, first=True)
    while item.kind != "]":
        following = _item(lexer)
        if item.test is not None:
            tests.append(item.test)
        elif item.kind == "-":
            raise BadExpression("invalid character range")  # noqa: EM101
        elif following.kind == "-":
            last = _item(lexer)
            if last.kind not in {"character", "-"}:
                raise BadExpression("invalid character range")  # noqa: EM101
            tests.append(characters.between(item.character, last.character, any_case=any_case))
            following = _item(lexer)
        else:
            tests.append(characters.one(item.character, any_case=any_case))
        item = following
    if not negated:
        return characters.any_of(tests)
    if lexer.options.newline_stops:
        tests.append("\n".__eq__)
    return characters.none_of(characters.any_of(tests))


def _item(lexer: Lexer, *, first: bool = False) -> _Item:
    c = lexer.take()
    if c == "]" and not first:
        return _Item("]")
    if c == "-" and not first and not lexer.sees("]"):
        return _Item("-", "-")
    if c == "\\" and lexer.options.advanced:
        return _escaped(lexer)
    if c == "[" and lexer.at_end():
        raise BadExpression("brackets [] not balanced")  # noqa: EM101
    if c == "[" and lexer.text[lexer.position] in ".=:":
        return _named(lexer, lexer.take())
    return _Item("character", c)


def _escaped(lexer: Lexer) -> _Item:
    token = lexer.escape()
    if token.kind == "character":
        return _Item("character", token.text)
    if token.kind == "class":
        test = characters.CLASSES[token.text]
        return _Item("class", test=characters.none_of(test) if token.negated else test)
    raise BadExpression("invalid escape")  # noqa: EM101


def _named(lexer: Lexer, mark: str) -> _Item:
    end = lexer.text.find(f"{mark}]", lexer.position)
    if end < 0:
        raise BadExpression("brackets [] not balanced")  # noqa: EM101
    name = lexer.text[lexer.position : end]
    lexer.position = end + 2
    any_case = lexer.options.any_case
    if mark == ":":
        return _Item("class", test=characters.class_named(name, any_case=any_case))
    character = characters.element(name)
    if mark == "=":
        return _Item("class", test=characters.one(character, any_case=any_case))
    return _Item("character", character)
