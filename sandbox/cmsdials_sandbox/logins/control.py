"""For tests only, not part of DIALS: what time or a person would do, and counts of requests.

All under `/sandbox/logins/`, JSON, without credentials:

- `GET /sandbox/logins/`: counts since the start, by the names in `counters`;
- `POST /sandbox/logins/expire-access-tokens/`: every access token issued so far has expired; `{"expired": n}`;
- `POST /sandbox/logins/end-sessions/`: every session has ended, as if by an administrator: their refresh tokens are invalid,
  and DIALS accepts their access tokens until they expire; `{"ended": n}`;
- `POST /sandbox/logins/revoke-all/`: likewise, and the access tokens have expired too, so every token issued so far is
  invalid; `{"revoked": n}`;
- `POST /sandbox/logins/account/` with `{"enabled": bool}`, `{"must_act": bool}` or both: changes the account of the
  person; answers the new state, `{"enabled": bool, "must_act": bool}`;
- `POST /sandbox/logins/features/` with `{"exchange": bool}`: whether the realm supports token exchange;
- `POST /sandbox/logins/rotate-keys/`: a new key signs from now on, and tokens of the old keys stay valid; with
  `{"remove_old": true}` they do not; answers the number of published keys, `{"keys": n}`;
- `POST /sandbox/logins/approve/` and `.../deny/` with `{"user_code": ...}` or `{"device_code": ...}`: decide a login as its
  page would; `{"user_code": ..., "status": "approved" | "denied"}`, 404 for an unknown code, 409 for a decided or expired
  one, and if the account does not permit it.
"""

import dataclasses

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cmsdials_sandbox.errors import Absent
from cmsdials_sandbox.installation import installation
from cmsdials_sandbox.logins.device import Status
from cmsdials_sandbox.views import Endpoint


class TooLate(APIException):
    """The login cannot be decided, or not yet: 409."""

    status_code = 409


class Control(Endpoint):
    """Open to everyone who can reach the sandbox."""

    authentication_classes = ()


class Counts(Control):
    """The counts so far."""

    def get(self, _request: Request) -> Response:
        """Return the counts by kind."""
        return Response(installation().realm.counters.counts())


class ExpireAccessTokens(Control):
    """As if the lifetime of all access tokens had passed."""

    def post(self, _request: Request) -> Response:
        """Expire the access tokens."""
        return Response({"expired": installation().realm.sessions.expire_access_tokens()})


class EndSessions(Control):
    """As if an administrator had ended all sessions."""

    def post(self, _request: Request) -> Response:
        """End the sessions."""
        return Response({"ended": installation().realm.sessions.end_all()})


class RevokeAll(Control):
    """As if all sessions had ended some time ago."""

    def post(self, _request: Request) -> Response:
        """End the sessions, and let their access tokens expire."""
        sessions = installation().realm.sessions
        sessions.expire_access_tokens()
        return Response({"revoked": sessions.end_all()})


class ChangeAccount(Control):
    """As an administrator changes the account of the person."""

    def post(self, request: Request) -> Response:
        """Change the account."""
        account = installation().realm.account
        changed = request.data if isinstance(request.data, dict) else {}
        if not changed or changed.keys() - {"enabled", "must_act"} or not _all_bool(changed):
            raise ValidationError({"detail": "Give enabled, must_act or both, as true or false."})
        account.enabled = changed.get("enabled", account.enabled)
        account.must_act = changed.get("must_act", account.must_act)
        return Response(dataclasses.asdict(account))


class ChangeFeatures(Control):
    """As if the realm had been restarted with other features."""

    def post(self, request: Request) -> Response:
        """Change the features."""
        changed = request.data if isinstance(request.data, dict) else {}
        if changed.keys() != {"exchange"} or not _all_bool(changed):
            raise ValidationError({"detail": "Give exchange, as true or false."})
        features = installation().realm.features
        features.exchange = changed["exchange"]
        return Response(dataclasses.asdict(features))


class RotateKeys(Control):
    """As an administrator adds a key, and perhaps removes the old ones."""

    def post(self, request: Request) -> Response:
        """Rotate the keys."""
        asked = request.data if isinstance(request.data, dict) else {}
        if asked.keys() - {"remove_old"} or not _all_bool(asked):
            raise ValidationError({"detail": "Give remove_old, as true or false, or nothing."})
        signer = installation().realm.signer
        signer.rotate()
        if asked.get("remove_old"):
            signer.remove_old_keys()
        return Response({"keys": len(signer.published()["keys"])})


def _all_bool(asked: dict[str, object]) -> bool:
    return all(isinstance(value, bool) for value in asked.values())


class Decide(Control):
    """As if a person had pressed a button of the page."""

    decision = Status.APPROVED

    def post(self, request: Request) -> Response:
        """Decide the login."""
        codes = request.data if isinstance(request.data, dict) else {}
        given = {
            name: code
            for name in ("user_code", "device_code")
            if isinstance(code := codes.get(name), str) and code
        }
        if len(given) != 1:
            raise ValidationError({"detail": "Give a user_code or a device_code."})
        realm = installation().realm
        devices = realm.devices
        login = devices.find(**given)
        if login is None:
            raise Absent("No login has this code.")  # noqa: EM101
        if not realm.account.enabled or realm.account.must_act:
            message = "The account is disabled, or must act first."
            raise TooLate(message)
        decided = devices.decide(login, self.decision)
        if decided is None:
            message = f"The login is {login.status.value} already."
            raise TooLate(message)
        return Response({"user_code": decided.user_code, "status": decided.status.value})
