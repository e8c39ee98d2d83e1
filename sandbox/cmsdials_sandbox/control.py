"""For tests only, not part of DIALS: the cache's clock, under `/sandbox/cache/`, JSON, without credentials.

- `POST /sandbox/cache/clear/`: forgets every cached answer; `{"cleared": n}`;
- `POST /sandbox/cache/advance/` with `{"seconds": s}`: as if this time had passed for the cached answers; `{"ahead": s}`.
"""

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins.control import Control

# A century, in seconds.
LONGEST = 100 * 365 * 86_400


class ClearCache(Control):
    """Empties the cache."""

    def post(self, _request: Request) -> Response:
        """Forget all answers."""
        return Response({"cleared": installation().cache.clear()})


class AdvanceCache(Control):
    """Moves the cache's clock."""

    def post(self, request: Request) -> Response:
        """Move the clock."""
        seconds = request.data.get("seconds") if isinstance(request.data, dict) else None
        if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST:
            raise ValidationError({"seconds": ["Give a number of seconds."]})
        cache = installation().cache
        cache.ahead += seconds
        return Response({"ahead": cache.ahead})
