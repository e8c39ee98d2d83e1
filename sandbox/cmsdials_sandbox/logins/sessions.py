"""What was issued to whom, and whether it is still valid.

A login opens a session, and every token belongs to one.  A refresh token ends with its session; an access token is valid
until it expires, as DIALS checks only its signature.  A refresh token is valid for one refresh, unless they are reusable;
one that is used twice may have been stolen, so its session ends.  A person's session has an end from its beginning: none
of its tokens lasts longer, and no refresh moves that end.
"""

import math
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from cmsdials_sandbox.logins.account import Account
from cmsdials_sandbox.logins.counters import Counters
from cmsdials_sandbox.logins.refusals import BadToken, Fault
from cmsdials_sandbox.logins.tokens import Signer

SCOPE = "profile email"

Typ = Literal["Bearer", "Refresh"]


@dataclass(frozen=True)
class Subject:
    """The person for whom tokens are issued."""

    name: str

    @property
    def identifier(self) -> str:
        """The same for the same name, in every sandbox."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.sandbox.invalid"))


PERSON = Subject("physicist")


@dataclass(frozen=True)
class AccessToken:
    """An access token, its lifetime in seconds, and its session."""

    text: str
    lifetime: int
    session: str


@dataclass(frozen=True)
class Tokens:
    """The result of a login or a refresh."""

    access: AccessToken
    refresh: str
    refresh_lifetime: int


@dataclass
class _Session:
    identifier: str
    subject: Subject
    client_id: str
    audience: str
    expires: float
    ended: bool = False


@dataclass
class _Issued:
    """An issued token; `expires` is exact, while its claim is a whole number of seconds."""

    typ: Typ
    session: _Session
    expires: float
    fault: Fault | None = None


class Sessions:
    """All sessions, of which `refresh_lifetime` is a person's.  Lifetimes in seconds; `issuer` is the realm's address as the caller wrote it."""

    def __init__(
        self,
        signer: Signer,
        counters: Counters,
        clock: Callable[[], float],
        account: Account | None = None,
        *,
        token_lifetime: int,
        refresh_lifetime: int,
        reuse_refresh_tokens: bool = False,
    ) -> None:
        self._signer = signer
        self._counters = counters
        self._clock = clock
        self._account = account or Account()
        self._token_lifetime = token_lifetime
        self._refresh_lifetime = refresh_lifetime
        self._reuse = reuse_refresh_tokens
        self._lock = threading.Lock()
        self._sessions: list[_Session] = []
        self._issued: dict[str, _Issued] = {}

    def open(self, subject: Subject, client_id: str, audience: str, issuer: str) -> Tokens:
        """Begin a session; its own access tokens are for `audience`, which may be empty."""
        with self._lock:
            return self._tokens(self._new(subject, client_id, audience, self._refresh_lifetime), issuer)

    def open_for_application(self, client_id: str, audience: str, issuer: str) -> AccessToken:
        """Begin a session without a refresh token."""
        with self._lock:
            session = self._new(Subject(f"service-account-{client_id}"), client_id, audience, math.inf)
            return self._access(session, audience, issuer)

    def refresh(self, token: str, client_id: str, issuer: str) -> Tokens:
        """Exchange a client's refresh token for new tokens; raises `BadToken`."""
        claims = self._signer.read(token)
        with self._lock:
            issued = self._good(claims, "Refresh")
            if issued.session.client_id != client_id:
                raise BadToken(Fault.UNKNOWN)
            if issued.fault is Fault.USED:
                issued.session.ended = True
                raise BadToken(Fault.USED)
            if not self._reuse:
                issued.fault = Fault.USED
            return self._tokens(issued.session, issuer)

    def exchange(self, token: str, client_id: str, audience: str, issuer: str) -> Tokens:
        """Exchange a client's access token for one of the same session and another audience; raises `BadToken`.

        The refresh token returned with it is the session's: it gives access tokens for the session's own audience.
        """
        claims = self._signer.read(token)
        with self._lock:
            issued = self._good(claims, "Bearer")
            if issued.session.client_id != client_id:
                raise BadToken(Fault.UNKNOWN)
            return self._tokens(issued.session, issuer, audience)

    def check(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token that has not expired; raises `BadToken`."""
        claims = self._signer.read(token)
        with self._lock:
            self._issued_as(claims, "Bearer")
        return claims

    def revoke(self, token: str, client_id: str) -> bool:
        """Revoke a client's token, and for a refresh token the whole session.  False if it has ended or is not this client's."""
        try:
            claims = self._signer.read(token)
        except BadToken:
            return False
        with self._lock:
            issued = self._issued.get(str(claims.get("jti")))
            if issued is None or issued.session.client_id != client_id or issued.session.ended:
                return False
            if issued.typ == "Refresh":
                issued.session.ended = True
            else:
                issued.fault = Fault.REVOKED
            return True

    def end_all(self) -> int:
        """End all sessions; return their number."""
        with self._lock:
            going_on = [session for session in self._sessions if not session.ended]
            for session in going_on:
                session.ended = True
            return len(going_on)

    def expire_access_tokens(self) -> int:
        """Let all access tokens expire now; return their number."""
        with self._lock:
            now = self._clock()
            valid = [
                issued for issued in self._issued.values() if issued.typ == "Bearer" and issued.expires > now
            ]
            for issued in valid:
                issued.expires = now
            return len(valid)

    def _good(self, claims: dict[str, Any], typ: Typ) -> _Issued:
        """Return a token that the realm itself accepts, or that was used before."""
        issued = self._issued_as(claims, typ)
        if not self._account.enabled and issued.session.subject == PERSON:
            raise BadToken(Fault.DISABLED)
        if issued.session.ended or issued.fault is Fault.REVOKED:
            raise BadToken(Fault.REVOKED)
        return issued

    def _issued_as(self, claims: dict[str, Any], typ: Typ) -> _Issued:
        issued = self._issued.get(str(claims.get("jti")))
        if issued is None or issued.typ != typ:
            raise BadToken(Fault.UNKNOWN)
        if self._clock() >= issued.expires:
            raise BadToken(Fault.EXPIRED)
        return issued

    def _new(self, subject: Subject, client_id: str, audience: str, lifetime: float) -> _Session:
        session = _Session(str(uuid.uuid4()), subject, client_id, audience, self._clock() + lifetime)
        self._sessions.append(session)
        return session

    def _tokens(self, session: _Session, issuer: str, audience: str | None = None) -> Tokens:
        access = self._access(session, session.audience if audience is None else audience, issuer)
        lifetime = self._within(session, self._refresh_lifetime)
        return Tokens(access, self._issue(session, "Refresh", issuer, issuer, lifetime), lifetime)

    def _access(self, session: _Session, audience: str, issuer: str) -> AccessToken:
        lifetime = self._within(session, self._token_lifetime)
        token = self._issue(session, "Bearer", audience, issuer, lifetime)
        self._counters.add("issued")
        return AccessToken(token, lifetime, session.identifier)

    def _within(self, session: _Session, lifetime: int) -> int:
        return max(0, math.ceil(min(lifetime, session.expires - self._clock())))

    def _issue(self, session: _Session, typ: Typ, audience: str, issuer: str, lifetime: int) -> str:
        now = self._clock()
        identifier = str(uuid.uuid4())
        self._issued[identifier] = _Issued(typ, session, min(now + lifetime, session.expires))
        return self._signer.sign(
            {
                "jti": identifier,
                "typ": typ,
                "iss": issuer,
                **({"aud": audience} if audience else {}),
                "azp": session.client_id,
                "sub": session.subject.identifier,
                "preferred_username": session.subject.name,
                "sid": session.identifier,
                "scope": SCOPE,
                "iat": int(now),
                "exp": int(now) + lifetime,
            }
        )
