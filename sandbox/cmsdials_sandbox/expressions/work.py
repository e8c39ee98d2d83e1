"""A bound on the work of one question: whatever the expression is, the others who ask are answered meanwhile.

PostgreSQL has none of its own: it works until the gateway gives up, after 30 s.  Work is counted and not timed, so that the
same question has the same answer on any machine.
"""

from cmsdials_sandbox.expressions.tree import TooSlow

# Half a second's worth on an idle machine.  A usual expression costs a tenth of it with the names of the largest scale.
MOST_WORK = 2_000_000


class Work:
    """What may still be done; used by one thread."""

    def __init__(self, most: int = MOST_WORK) -> None:
        self._left = most

    def spend(self, steps: int) -> None:
        """Count steps that are about to be done; raises `TooSlow` when they are too many."""
        self._left -= steps
        if self._left < 0:
            raise TooSlow
