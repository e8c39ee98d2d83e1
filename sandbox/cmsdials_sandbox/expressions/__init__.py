r"""PostgreSQL's regular expressions (its "AREs"), without PostgreSQL: does a name match, or is the expression invalid?

The service hands regular expressions to its database, whose dialect is not Python's: `\b` is a backspace there, `\y`
a word boundary, `(?i:...)` an error.  The facts are from the manual, 9.7.3, and from experiments; `tests/sandbox` compares with
a real server.  Only whether a name matches is computed, never where or how long.

- `characters`: sets of characters;
- `tree`: the parts of an expression;
- `lexing`, `brackets`, `parsing`: from the text to the tree;
- `work`: how much matching may cost, whatever the expression;
- `automaton`: matching without back references, in a time that grows only with the length of the name;
- `dissection`: matching with back references, by backtracking.

Character classes are exact for ASCII names: beyond ASCII, letters and digits are those of Python.
"""

from cmsdials_sandbox.expressions.matching import Expression, expression
from cmsdials_sandbox.expressions.tree import BadExpression, TooSlow

__all__ = ["BadExpression", "Expression", "TooSlow", "expression"]
