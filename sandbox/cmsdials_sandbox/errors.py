"""What can be wrong with a request, as exceptions that determine the service's answer.

What the real service breaks on (a bad regex, an unknown run, a malformed token) is a `Breakdown` here: the same HTML
500 goes out, but no traceback is logged, so that a traceback on standard error always means a bug in the sandbox.
`error_answers` makes the answers; it is separate because DRF's views can only be imported after these.
"""

from rest_framework.exceptions import APIException


class Breakdown(Exception):
    """The real service has an unhandled exception here, and answers 500 with an HTML page."""


class TimedOut(Exception):
    """The real service is still at it when the gateway gives up, and that answers 504 with an HTML page."""


class Unreadable(Exception):
    """The real service cannot make sense of the body, and answers 400 with an HTML page that says why."""


class Refused(APIException):
    """No access: 403 with a code that says why, never 401."""

    status_code = 403

    def __init__(self, detail: str, code: str) -> None:
        """Answer with `{"detail": detail, "code": code}`."""
        super().__init__({"detail": detail, "code": code})


class LoginNotAccepted(APIException):
    """A login through DIALS that does not succeed, or not yet: 400 with a code of OAuth 2.0."""

    status_code = 400

    def __init__(self, detail: str, code: str) -> None:
        """Answer with `{"detail": detail, "code": code}`."""
        super().__init__({"detail": detail, "code": code})


class Absent(APIException):
    """Not found: 404 with a message."""

    status_code = 404
