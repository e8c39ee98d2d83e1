r"""PostgreSQL's regular expressions (its "AREs"), without PostgreSQL: does a name match, or is the expression refused?

The service hands regular expressions to its database, whose dialect is not Python's: `\b` is a backspace there, `\y`
a word boundary, `(?i:...)` an error.  Facts from the manual, 9.7.3, and from trying; `tests/sandbox` compares with a
real server.  Only whether a name matches is of interest, never where or how long.

- `characters`: sets of characters;
- `tree`: what an expression consists of;
- `lexing`, `brackets`, `parsing`: from the text to the tree;
- `automaton`: matching without back references, in a time that grows with the length of the name only;
- `dissection`: matching with back references, which must try, and gives up after so many attempts.

Classes of characters are right for names in ASCII: beyond it, letters and digits are what Python thinks they are.
"""

from cmsdials_sandbox.expressions.matching import Expression, expression
from cmsdials_sandbox.expressions.tree import BadExpression, TooSlow

__all__ = ["BadExpression", "Expression", "TooSlow", "expression"]
