"""Every error that cmsdials raises.

The tree (in brackets further base classes, so that ``except ValueError`` keeps working)::

    DialsError
        BinningError (ValueError)
        CheckpointError
        ConfigurationError (ValueError)
            CredentialsError
            UnknownNameError (AttributeError, KeyError, TypeError)
        FilterError (ValueError)
            UnknownFilterError (AttributeError, TypeError)
        MissingDependencyError (ImportError, RuntimeError)
        LoginError
            ImpossibleToRefreshTokenError
            LoginDeniedError
            LoginExpiredError
            NotLoggedInError
            PendingAuthorizationError
            TokenStoreError
        RequestFailedError
            TransportError
                ConnectionFailedError (ConnectionError)
                RequestTimeoutError (TimeoutError)
                IncompleteBodyError
            ResponseError
                RedirectError
                BadRequestError
                AuthenticationError
                NotFoundError
                    WorkspaceNotFoundError
                    InvalidCursorError (CursorRefusedError)
                MethodNotAllowedError
                TooManyRequestsError
                ServerError
                    CursorFailedError (CursorRefusedError)
                    GatewayError
            DecodeError
                SchemaError
            PaginationError
                CursorRefusedError

An error names the request (method and URL), what came back, and what to do next (``error.advice``). It holds no secret
and nothing that a terminal would obey: messages, URLs and bodies go through `cmsdials.redaction`, and no error keeps a
request, a response or an exception of the HTTP library. Errors pickle and copy, so they cross process boundaries.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypedDict, Unpack

from cmsdials.redaction import printable, shortened
from cmsdials.wording import sentences, short_traceback, shown

_LONGEST_URL = 500


def _restore(kind: type[DialsError], args: tuple[Any, ...]) -> DialsError:
    error = kind.__new__(kind, *args)
    error.args = args
    return error


class DialsError(Exception):
    """Root of all errors of cmsdials.

    Args:
        message: What happened; default: the sentence of the class. What looks like a secret is masked before it is
            kept, and what a terminal would obey is escaped, line ends too.
        advice: What to do next; default: the sentence of the class.
    """

    usual_message: ClassVar[str] = ""
    usual_advice: ClassVar[str] = ""
    advice: str

    def __init__(self, message: str = "", *, advice: str | None = None) -> None:
        super().__init__(shown(message or self.usual_message))
        self.advice = self.usual_advice if advice is None else shown(advice)

    @property
    def message(self) -> str:
        """What happened, without the advice."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return sentences(self.message, self.advice)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args), dict(self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """Show it in IPython, in place of a traceback."""
        return short_traceback(self, self.message, self.advice)


class BinningError(DialsError, ValueError):
    """Histograms with different binnings do not fit into one array."""

    usual_advice = "Take the histograms of one binning at a time, or use to_pandas()."


class CheckpointError(DialsError):
    """A listing file cannot be read or written, is damaged, or belongs to another listing."""

    usual_advice = "Name the right file, or start the listing again in another one; nothing was lost."


class ConfigurationError(DialsError, ValueError):
    """An unusable argument: a URL, a timeout, a number of retries, a workspace name."""

    usual_advice = "Correct the argument; nothing was sent."


class CredentialsError(ConfigurationError):
    """Unusable credentials: an empty secret, or one that no HTTP header can carry."""

    usual_advice = "Give the secret or the token exactly as it was issued; nothing was sent."


class UnknownNameError(ConfigurationError, AttributeError, KeyError, TypeError):
    """An argument, a resource, a monitoring element or a dataset that does not exist; the advice says what was meant."""


class FilterError(DialsError, ValueError):
    """A filter that the service would ignore or fail on, refused before it is sent."""

    usual_advice = "Correct the filter; nothing was sent."


class UnknownFilterError(FilterError, AttributeError, TypeError):
    """A filter name that does not exist. The service would ignore it and send the whole table.

    It is also a `TypeError`, as for an unknown argument, and an `AttributeError`, as for an unknown attribute.

    Args:
        filter_class: Name of the filter class, such as ``RunFilters``.
        unknown: The name that was given.
        valid: The names that exist.

    Attributes:
        nearest: The valid name most like the unknown one, or None.
    """

    usual_advice = "Correct the name; nothing was sent."

    def __init__(self, *, filter_class: str, unknown: str, valid: Iterable[str]) -> None:
        self.filter_class = filter_class
        self.unknown = unknown
        self.valid = tuple(valid)
        self.nearest = next(iter(difflib.get_close_matches(unknown, self.valid, n=1)), None)
        hint = f"did you mean {self.nearest!r}?" if self.nearest else f"valid names: {', '.join(self.valid)}"
        super().__init__(f"{filter_class} has no filter {unknown!r}; {hint}")


class MissingDependencyError(DialsError, ImportError, RuntimeError):
    """A library that only some features need is not installed, or does not import.

    Args:
        message: What is missing.
        module: The module that was needed.
        extra: The extra of cmsdials that installs it.
    """

    def __init__(self, message: str = "", *, module: str, extra: str, advice: str | None = None) -> None:
        install = f'Install it with: pip install "cmsdials[{extra}]"'
        super().__init__(message or f"{module} is not installed", advice=advice or install)
        self.module = module
        self.extra = extra
        self.name = module

    def __reduce__(self) -> tuple[Any, ...]:
        restore, args, state = super().__reduce__()
        return restore, args, {**state, "name": self.name, "msg": self.msg}


class LoginError(DialsError):
    """Logging in, or staying logged in, did not work."""

    usual_advice = "Log in again."


class ImpossibleToRefreshTokenError(LoginError):
    """The login has ended: its refresh token is expired, revoked or refused."""

    usual_message = "the login could not be renewed"
    usual_advice = "Log in again: the old login cannot be renewed."


class LoginDeniedError(LoginError):
    """The login was denied by the person asked to confirm it."""

    usual_message = "the login was denied"
    usual_advice = "Start the login again, and approve it on the page that the link opens."


class LoginExpiredError(LoginError):
    """The login was not confirmed in time."""

    usual_message = "the login expired before it was confirmed"
    usual_advice = "Start the login again, and open its link before it expires."


class NotLoggedInError(LoginError):
    """There is no login, and no way to ask for one: this is neither a terminal nor a notebook."""


class TokenStoreError(LoginError):
    """The file that keeps logins cannot be used. `errno` is the error of the system; None: what it holds is the problem."""

    errno: int | None = None
    usual_advice = "Check the folder, its permissions and its disk, or name another: CMSDIALS_CACHE_DIR, CMSDIALS_TOKEN_FILE, cache_dir=."


class PendingAuthorizationError(LoginError):
    """The login was started, but is not confirmed in the browser yet."""

    usual_message = "the login is not confirmed yet"
    usual_advice = "Open the login link in a browser, confirm it, then continue."


class _Asked(TypedDict, total=False):
    """The arguments of every error of a request: see `RequestFailedError`."""

    method: str
    url: str
    attempts: int
    advice: str | None


class RequestFailedError(DialsError):
    """A request that gave no usable answer, for whatever reason.

    Attributes:
        method: HTTP method, such as ``GET``.
        url: The URL, without secrets.
        attempts: How many requests were sent before giving up.
        of_login: Whether it was sent to renew the login, without which what was asked for could not be.
    """

    of_login = False

    usual_advice = "Try again; if it stays, report it with this message."

    def __init__(
        self,
        message: str = "",
        *,
        method: str = "",
        url: str = "",
        attempts: int = 1,
        advice: str | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.method = method
        self.url = shown(url)
        self.attempts = attempts

    @property
    def is_too_slow(self) -> bool:
        """Whether less has to be asked for: the gateway or the client gave up, as they would again."""
        return False

    def advise(self, fitting: Mapping[type[RequestFailedError], str]) -> None:
        """Replace the advice of the class by a better one for it or its bases; advice for this very error stays."""
        better = next((fitting[kind] for kind in type(self).__mro__ if kind in fitting), None)
        if better is not None and self.advice.endswith(self.usual_advice):
            self.advice = self.advice.removesuffix(self.usual_advice) + better

    def __str__(self) -> str:
        asked = f"{self.method} {printable(shortened(self.url, _LONGEST_URL))}".strip()
        tried = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        what = ": ".join(part for part in (asked, self.message.rstrip(".")) if part)
        return sentences(what + tried, self.advice)


class TransportError(RequestFailedError):
    """No complete answer arrived: no connection, a timeout, or a connection that broke.

    Attributes:
        phase: Where it stopped: ``connect``, ``scheme`` (http for https, or https for http), ``tls``, ``certificate``,
            ``pool``, ``write``, ``read`` (waiting for the answer or for more of it), ``body`` or ``size`` (too large).
    """

    usual_advice = "Try again; if it stays, check the network and base_url."
    _asks_too_much: ClassVar[str] = "size"

    def __init__(self, message: str = "", *, phase: str = "", **asked: Unpack[_Asked]) -> None:
        super().__init__(message, **asked)
        self.phase = phase

    @property
    def is_too_slow(self) -> bool:
        """Whether the answer took too long or was too large, which says nothing of connections."""
        return self.phase == self._asks_too_much and not self.of_login


class ConnectionFailedError(TransportError, ConnectionError):
    """No connection (name, network, refusal, proxy, TLS), or it broke before an answer began."""

    usual_advice = "Check base_url, the network and the proxy settings, then try again."


class RequestTimeoutError(TransportError, TimeoutError):
    """Nothing arrived within the timeout, or not the whole answer within the time that one may take.

    Attributes:
        seconds: The limit that was exceeded, in seconds.
    """

    usual_advice = (
        "Ask for less (a smaller page_size, or exact filters such as dataset_id, run_number and me_id instead"
        " of a regex), or raise timeout=."
    )
    _asks_too_much = "read"

    def __init__(
        self, message: str = "", *, seconds: float | None = None, phase: str = "", **asked: Unpack[_Asked]
    ) -> None:
        super().__init__(message, phase=phase, **asked)
        self.seconds = seconds


class IncompleteBodyError(TransportError):
    """The answer began but is incomplete: a short body, a reset in the middle, damaged compression, or too much of it."""

    usual_advice = "Nothing of this answer was used. Try again, with a smaller page_size if it stays."


class ResponseError(RequestFailedError):
    """The service answered with an error status.

    Attributes:
        status_code: HTTP status.
        code: The service's own error code, such as ``access_token_expired``, or None.
        detail: What the service says, shortened.
        body: Beginning of the body, shortened.
        retry_after: The Retry-After header as received (seconds or an HTTP date), or None.
    """

    usual_advice = "The request is not one that the service can answer: check the arguments and base_url."

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int,
        code: str | None = None,
        detail: str = "",
        body: str = "",
        retry_after: str | None = None,
        **asked: Unpack[_Asked],
    ) -> None:
        super().__init__(message or f"HTTP {status_code}", **asked)
        self.status_code = status_code
        self.code = code and shown(code)
        self.detail = shown(detail)
        self.body = shown(body)
        self.retry_after = retry_after and shown(retry_after)


class RedirectError(ResponseError):
    """3xx: the service points elsewhere, where the credentials must not be sent."""

    usual_advice = (
        "Redirects are not followed, because the credentials would go along: a login page may stand in the"
        " way, or base_url is not the address of the service (try https:// and the exact host name)."
    )


class BadRequestError(ResponseError):
    """400: the service does not understand a value."""

    usual_advice = "Check the values (and their types) that this request sends."


class AuthenticationError(ResponseError):
    """401 or 403: no credentials, wrong ones, expired ones, or no permission."""

    usual_advice = "Log in again, and check that the account may use this workspace."


class NotFoundError(ResponseError):
    """404: nothing has these ids."""

    usual_advice = "Check the ids: they must exist in this workspace. Another one may hold them: see dials.workspaces.list()."


class WorkspaceNotFoundError(NotFoundError):
    """404: there is no workspace of this name."""

    usual_advice = (
        "dials.workspaces.list(), or the command cmsdials workspaces, shows the workspaces that exist."
    )


class MethodNotAllowedError(ResponseError):
    """405: this DIALS knows the path, but not the method; it is another version."""

    usual_advice = "This DIALS is older or newer than the call expects: check base_url and version."


class TooManyRequestsError(ResponseError):
    """429: too many requests in too short a time."""

    usual_advice = "Wait, then send fewer requests at a time."


class ServerError(ResponseError):
    """5xx: the service failed."""

    usual_advice = "The service failed: try again later, and report it to the DIALS developers if it stays."


class GatewayError(ServerError):
    """No answer within the 30 s of the gateway (502, 504) or the server behind it (500), or no free server (503)."""

    usual_advice = (
        "Ask for less at a time: a smaller page_size, or exact filters (dataset_id, run_number, me_id)"
        " instead of a regex. What was fetched so far stays valid: the same page can be asked for again."
    )

    @property
    def is_too_slow(self) -> bool:
        """Whether the service took too long; with 503 it did not try."""
        return self.status_code != 503 and not self.of_login


class DecodeError(RequestFailedError):
    """Status 200, but not what the contract says: HTML, or truncated or damaged JSON.

    Attributes:
        body: Beginning of the body where it is safe to show (HTML pages), else empty.
    """

    usual_advice = "Try again; if it stays, check that base_url is the address of DIALS itself."

    def __init__(self, message: str = "", *, body: str = "", **asked: Unpack[_Asked]) -> None:
        super().__init__(message, **asked)
        self.body = shown(body)


class SchemaError(DecodeError):
    """Valid JSON that does not fit: a field is missing or of another type, or a row is not one that was asked for.

    Attributes:
        resource: What was listed, such as ``run``.
        field: The field at fault.
        row: Its row in the page, counted from 0, or None where there are no rows.
        problem: What is wrong with it.
    """

    usual_advice = (
        "The service has changed, or speaks another version: install the newest cmsdials, and report this"
        " message if it stays. For its maintainers: scripts/check-drift shows such changes as breaking."
    )

    def __init__(
        self, message: str = "", *, resource: str, field: str, row: int | None = None, **asked: Unpack[_Asked]
    ) -> None:
        where = f"{resource}, row {row}" if row is not None else resource
        problem = message or "is not as the contract says"
        super().__init__(f"{where}: field {field!r} {problem}", **asked)
        self.resource = resource
        self.field = field
        self.row = row
        self.problem = shown(problem)


class PaginationError(RequestFailedError):
    """The pages do not follow each other as they should: a cursor repeats, rows are out of order, a page is too large."""

    usual_advice = "Start the listing again; the pages before this one are sound. If it stays, report it to the DIALS developers."


class CursorRefusedError(PaginationError):
    """The service does not accept the position of a listing, or no longer does.

    `list_all` with `checkpoint=` or `resume_from=` restarts the listing automatically, and raises this if it cannot.
    """


class InvalidCursorError(NotFoundError, CursorRefusedError):
    """404: the service does not accept the cursor of this page."""

    usual_advice = "The cursor is damaged or of another query: start the listing again from its beginning."


class CursorFailedError(ServerError, CursorRefusedError):
    """500: the service failed at one of its own cursors: it refuses the cursor, or that page is broken."""

    usual_advice = "Ask for the page again; if it stays, start the listing again from its beginning."


__all__ = [name for name, one in vars().items() if isinstance(one, type) and issubclass(one, DialsError)]
