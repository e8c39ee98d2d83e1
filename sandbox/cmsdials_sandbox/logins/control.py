"""For tests, and nothing that any DIALS has: what time or a person would do, and what was asked so far.

All under `/sandbox/logins/`, JSON, without credentials:

- `GET /sandbox/logins/`: counts since the start, by the names in `counters`;
- `POST /sandbox/logins/expire-access-tokens/`: every access token issued so far has expired; `{"expired": n}`;
- `POST /sandbox/logins/revoke-all/`: every session has ended, so no token issued so far is good for anything; `{"revoked": n}`;
- `POST /sandbox/logins/approve/` and `.../deny/` with `{"user_code": ...}` or `{"device_code": ...}`: decide a login as its
  page would; `{"user_code": ..., "status": "approved" | "denied"}`, 404 for an unknown code, 409 for one decided or expired.
"""

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.errors import Absent
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins.device import Status
from cmsdials_sandbox.views import Endpoint


class TooLate(APIException):
    """Nothing is left to decide: 409."""

    status_code = 409


class Control(Endpoint):
    """Open to everybody who reaches the sandbox."""

    authentication_classes = ()


class Counts(Control):
    """What was asked so far."""

    def get(self, _request: Request) -> Response:
        """Return the counts by kind."""
        return Response(installation().realm.counters.counts())


class ExpireAccessTokens(Control):
    """As if their lifetime had passed."""

    def post(self, _request: Request) -> Response:
        """Expire them."""
        return Response({"expired": installation().realm.sessions.expire_access_tokens()})


class RevokeAll(Control):
    """As if an administrator had ended all sessions."""

    def post(self, _request: Request) -> Response:
        """End them."""
        return Response({"revoked": installation().realm.sessions.end_all()})


class Decide(Control):
    """As if a person had pressed a button of the page."""

    decision = Status.APPROVED

    def post(self, request: Request) -> Response:
        """Press it."""
        codes = request.data if isinstance(request.data, dict) else {}
        given = {
            name: code
            for name in ("user_code", "device_code")
            if isinstance(code := codes.get(name), str) and code
        }
        if len(given) != 1:
            raise ValidationError({"detail": "Give a user_code or a device_code."})
        devices = installation().realm.devices
        login = devices.find(**given)
        if login is None:
            raise Absent("No login has this code.")  # noqa: EM101
        decided = devices.decide(login, self.decision)
        if decided is None:
            message = f"The login is {login.status.value} already."
            raise TooLate(message)
        return Response({"user_code": decided.user_code, "status": decided.status.value})
