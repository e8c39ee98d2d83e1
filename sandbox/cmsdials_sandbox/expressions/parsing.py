"""From tokens to the tree of an expression."""

from cmsdials_sandbox.expressions import characters
from cmsdials_sandbox.expressions.brackets import bracket
from cmsdials_sandbox.expressions.lexing import Lexer, Options, Token
from cmsdials_sandbox.expressions.tree import (
    NOTHING,
    Around,
    Back,
    BadExpression,
    Character,
    Choice,
    Group,
    Node,
    Place,
    Repeat,
    Sequence,
)

MOST_REPEATS = 255


def parsed(text: str) -> Node:
    """Return the tree of an expression; raises `BadExpression`, or `RecursionError` if it is nested too deeply."""
    return _Parser(text).whole()


class _Parser:
    """Reads one token ahead, `self.token`."""

    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.known_groups: set[int] = set()
        self.token = Token("")
        self._advance()

    def whole(self) -> Node:
        """Read all of it."""
        return self._choice("end", around=False)

    def _advance(self) -> None:
        self.token = self.lexer.next()

    def _choice(self, stopper: str, *, around: bool) -> Node:
        options = [self._branch(stopper, around=around)]
        while self.token.kind == "|":
            self._advance()
            options.append(self._branch(stopper, around=around))
        if self.token.kind != stopper:
            raise BadExpression("parentheses () not balanced")  # noqa: EM101
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _branch(self, stopper: str, *, around: bool) -> Node:
        parts: list[Node] = []
        while self.token.kind not in {"|", stopper, "end"}:
            parts.append(self._part(around=around))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _part(self, *, around: bool) -> Node:
        """Read an atom with its quantifier, or a constraint, which takes none."""
        token = self.token
        match token.kind:
            case "^" | "$":
                return self._place(token.kind)
            case "place":
                return self._place(token.text)
            case "look":
                return self._look(token.text)
            case "*" | "+" | "?" | "{":
                raise BadExpression("quantifier operand invalid")  # noqa: EM101
            case "(":
                return self._parenthesis(capturing=not token.text and not around, around=around)
            case "back":
                return self._back(token.number, around=around)
        return self._repeated(self._character(token))

    def _character(self, token: Token) -> Node:
        options = self.lexer.options
        match token.kind:
            case "character":
                node = Character(characters.one(token.text, any_case=options.any_case))
            case "class":
                test = characters.CLASSES[token.text]
                node = Character(characters.none_of(test) if token.negated else test)
            case ".":
                node = Character("\n".__ne__ if options.newline_stops else _anything)
            case "[":
                node = Character(bracket(self.lexer, negated=token.negated))
            case _:
                if token.kind != ")" or not options.extended or options.advanced:
                    raise BadExpression("parentheses () not balanced")  # noqa: EM101
                # In POSIX, an unmatched one stands for itself.
                node = Character(characters.one(")", any_case=False))
        self._advance()
        return node

    def _place(self, name: str) -> Node:
        self._advance()
        return Place(_PLACES[_at_lines(name, self.lexer.options)])

    def _look(self, look: str) -> Node:
        self._advance()
        inner = self._choice(")", around=True)
        self._advance()
        return Around(inner, ahead="<" not in look, positive=look.endswith("="))

    def _parenthesis(self, *, capturing: bool, around: bool) -> Node:
        number = 0
        if capturing:
            self.lexer.groups += 1
            number = self.lexer.groups
        self._advance()
        inner = self._choice(")", around=around)
        self._advance()
        if not capturing:
            return self._repeated(inner)
        self.known_groups.add(number)
        return self._repeated(Group(number, inner))

    def _back(self, number: int, *, around: bool) -> Node:
        if around or number not in self.known_groups:
            raise BadExpression("invalid backreference number")  # noqa: EM101
        self._advance()
        back = Back(number, self.lexer.options.any_case)
        least, most = self._bounds()
        return NOTHING if most == 0 else Back(back.number, back.any_case, least, most)

    def _repeated(self, node: Node) -> Node:
        least, most = self._bounds()
        if most == 0:
            return NOTHING
        return node if (least, most) == (1, 1) else Repeat(node, least, most)

    def _bounds(self) -> tuple[int, int | None]:
        """Read a quantifier; without one it is (1, 1)."""
        kind = self.token.kind
        if kind == "{":
            bounds = self._braces()
        elif kind in {"*", "+", "?"}:
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}[kind]
        else:
            return 1, 1
        self._advance()
        return bounds

    def _braces(self) -> tuple[int, int | None]:
        least = self._number()
        most: int | None = least
        self.lexer.skip_white()
        if self.lexer.sees(","):
            self.lexer.position += 1
            self.lexer.skip_white()
            most = self._number() if self._sees_digit() else None
            if most is not None and least > most:
                raise BadExpression("invalid repetition count(s)")  # noqa: EM101
        self.lexer.skip_white()
        closing = "}" if self.lexer.options.extended else "\\}"
        if not self.lexer.sees(closing):
            raise BadExpression("invalid repetition count(s)")  # noqa: EM101
        self.lexer.position += len(closing)
        self.lexer.skip_preference()
        return least, most

    def _number(self) -> int:
        number = 0
        while self._sees_digit():
            number = number * 10 + int(self.lexer.take())
            if number > MOST_REPEATS:
                raise BadExpression("invalid repetition count(s)")  # noqa: EM101
            self.lexer.skip_white()
        return number

    def _sees_digit(self) -> bool:
        return not self.lexer.at_end() and self.lexer.text[self.lexer.position] in "0123456789"


def _anything(_character: str) -> bool:
    return True


def _at_lines(name: str, options: Options) -> str:
    """Return what `^` and `$` mean: the ends of the name, or of its lines."""
    if name in {"^", "$"}:
        lines = " of a line" if options.newline_anchors else ""
        return ("start" if name == "^" else "end") + lines
    return name


def _word_before(name: str, position: int) -> bool:
    return position > 0 and characters.CLASSES["word"](name[position - 1])


def _word_after(name: str, position: int) -> bool:
    return position < len(name) and characters.CLASSES["word"](name[position])


_PLACES = {
    "start": lambda _name, i: i == 0,
    "end": lambda name, i: i == len(name),
    "start of a line": lambda name, i: i == 0 or name[i - 1] == "\n",
    "end of a line": lambda name, i: i == len(name) or name[i] == "\n",
    "word start": lambda name, i: not _word_before(name, i) and _word_after(name, i),
    "word end": lambda name, i: _word_before(name, i) and not _word_after(name, i),
    "boundary": lambda name, i: _word_before(name, i) != _word_after(name, i),
    "inside": lambda name, i: _word_before(name, i) == _word_after(name, i),
}
