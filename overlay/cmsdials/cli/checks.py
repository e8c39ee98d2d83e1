"""What `cmsdials doctor` looks at: each check says what it found and, if something is wrong, what to do.

None raises, whatever is broken, takes longer than `LONGEST`, or changes anything, except that a damaged file of logins is
renamed, as by all that reads it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import shutil
import socket
import ssl
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from attrs import evolve, frozen

from cmsdials.auth import client_credentials
from cmsdials.auth._prompt import INTERACTIVE
from cmsdials.auth._store import CACHE_DIR, TokenStore
from cmsdials.auth.client import AuthClient
from cmsdials.auth.device import Credentials, not_logged_in
from cmsdials.auth.models import ApiToken
from cmsdials.cli.asking import Asker, Came, TooLongError, bounded
from cmsdials.cli.login import duration, name_in
from cmsdials.cli.options import LoginOptions
from cmsdials.cli.probe import DEFAULTS
from cmsdials.errors import DialsError, RequestFailedError, RequestTimeoutError
from cmsdials.redaction import without_secrets
from cmsdials.runtime.background import load
from cmsdials.runtime.version import client_version

__all__ = ["Finding", "findings"]

LONGEST = 60.0
"""Seconds that a check may take."""
MOST_SILENT = 10.0
"""Seconds in which a service that is well answers a small question."""
MOST_OFF = 60
"""Seconds by which a clock may be off: tokens are renewed that long before they expire."""
SOON = dt.timedelta(days=1)
LEAST_FREE = 10 * 2**20
"""Bytes that should be free where logins are kept."""

# Loaded, to see whether they can be: of the extras those that are compiled and not slow.
_NEEDED = ("httpx", "numpy", "orjson", "attrs", "filelock")
_EXTRAS = {
    "pandas": "pandas",
    "pyarrow": "arrow",
    "polars": "polars",
    "tqdm": "tqdm",
    "hist": "hist",
    "socksio": "socks",
}
_LOADED = {*_NEEDED, "pandas", "pyarrow"}


@frozen
class Finding:
    """What a check found.

    Attributes:
        name: What was looked at.
        ok: Whether it is well; None if that could not be found out.
        said: What was found.
        advice: What to do; empty if nothing is to be done.
    """

    name: str
    ok: bool | None
    said: str
    advice: str = ""


def findings(login: LoginOptions) -> Iterator[Finding]:
    """Look at everything, one thing after the other. Raises ConfigurationError if there is no such DIALS."""
    client = login.client()
    https = client.base_url.lower().startswith("https:")
    yield _checked("versions", _versions)
    yield _checked("disk", partial(_disk, login))
    of_login = _checked("login", partial(_login, login, client))
    yield of_login
    yield _checked("proxy", partial(_proxy, client.base_url))
    with Asker(client.base_url, read=MOST_SILENT) as asker:
        came: list[Came] = []
        yield _checked("address", partial(_address, asker, came))
    answer = came[-1] if came else Came()
    yield _checked("certificates", partial(_certificates, answer, is_used=https))
    yield _checked("clock", partial(_clock, answer))
    if answer.status is None or not of_login.ok:
        missing = "login" if answer.status is not None else "connection"
        yield Finding("service", None, f"not asked without a {missing}")
    else:
        yield _checked("service", partial(_service, login, client))


def _checked(name: str, check: Callable[[], Finding]) -> Finding:
    """Do a check, and turn whatever goes wrong in it, warnings too, into what it found."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = bounded(LONGEST, check)
        except DialsError as problem:
            found = Finding(name, False, problem.message, problem.advice)
        except OSError as problem:
            advice = "Check the file or the folder, its permissions and its disk."
            found = Finding(name, False, without_secrets(str(problem)), advice)
        except TooLongError:
            found = Finding(
                name, False, f"no outcome in {LONGEST:.0f} s", "Look whether a disk or the network hangs."
            )
        except Exception as problem:  # noqa: BLE001  # whatever is broken here is what is looked for
            said = without_secrets(f"{type(problem).__name__}: {problem}")
            found = Finding(name, False, said, "Report this with the whole output of cmsdials doctor.")
    said_too = [f"{one.message}." for one in warned if issubclass(one.category, RuntimeWarning)]
    return evolve(found, ok=False, advice=" ".join([*said_too, found.advice]).strip()) if said_too else found


# --- this computer --------------------------------------------------------------------------------------------


def _versions() -> Finding:
    python = f"Python {platform.python_version()} on {platform.system() or 'an unknown system'}"
    found = [python, f"cmsdials {client_version()}"]
    missing, broken = [], {}
    for library, extra in {**dict.fromkeys(_NEEDED, ""), **_EXTRAS}.items():
        try:
            found.append(f"{library} {metadata.version(library)}")
            if library in _LOADED:
                load("cmsdials.http.library" if library == "httpx" else library)  # which hides its command
        except metadata.PackageNotFoundError:
            if extra:
                missing.append(extra)
            else:
                broken[library] = "is not installed"
        except Exception as problem:  # noqa: BLE001  # what a broken library raises
            broken[library] = f"does not import ({type(problem).__name__}: {problem})"
    said = ", ".join(found) + (f"; extras that are not installed: {', '.join(missing)}" if missing else "")
    if not broken:
        return Finding("versions", True, said)
    what = "; ".join(f"{library} {problem}" for library, problem in broken.items())
    return Finding("versions", False, f"{said}; {what}", f"Repair: pip install --upgrade {' '.join(broken)}")


def _disk(login: LoginOptions) -> Finding:
    store = TokenStore.at(login.cache_dir)
    store.check()
    folder = next(one for one in store.path.parents if one.exists())
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".cmsdials-doctor-") as trial,
        TokenStore(Path(trial) / store.path.name).lock() as refused,
    ):
        locks = not refused
    free = shutil.disk_usage(folder).free
    said = f"logins are kept in {store.path}: it can be written, {free // 2**20} MB are free"
    here = f"Name another folder in {CACHE_DIR}, which other users cannot write to."
    mode = folder.stat().st_mode
    if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return Finding("disk", False, f"{said}, but every user may write to {folder}", here)
    if free < LEAST_FREE:
        return Finding("disk", False, said, "Make room, or name a folder on another disk.")
    if not locks:
        advice = f"Where several programs run at a time, name a folder on another file system in {CACHE_DIR}."
        return Finding("disk", False, f"{said}, but its file system has no locks", advice)
    return Finding("disk", True, f"{said}, locks work")


def _login(login: LoginOptions, client: AuthClient) -> Finding:
    found = Credentials.stored(login.cache_dir, client)
    if found is None:
        raise not_logged_in(login.cache_dir, client)
    if isinstance(found, client_credentials.Credentials):
        return Finding("login", True, f"the application {found.client_id}, renewed with its secret")
    assert isinstance(found, Credentials)  # noqa: S101  # there is no third kind
    who = name_in(
        ApiToken(access_token=found.token, expires_in=found.expires_in, expires_at=found.expires_at)
    )
    is_forever = bool(found.refresh_token) and found.refresh_expires_in == 0
    ends = found.refresh_expires_at if found.refresh_token else found.expires_at
    if not is_forever and ends <= client.now():
        return Finding(
            "login",
            False,
            f"that of {who} ended on {ends:%Y-%m-%d %H:%M %Z}",
            client.how_to_log_in(TokenStore.at(login.cache_dir)),
        )
    if not found.refresh_token:
        return Finding("login", True, f"{who}, for {duration(ends)}; it cannot be renewed")
    lasts = "until it is revoked" if is_forever else f"for {duration(ends)}"
    return Finding("login", True, f"{who}, {lasts}; renewed by itself")


# --- the way to the service -----------------------------------------------------------------------------------


def _proxy(base_url: str) -> Finding:
    from cmsdials.http.environment import check_no_proxy, proxy_for  # noqa: PLC0415  # only needed here

    check_no_proxy()
    proxy = proxy_for(base_url)
    if proxy is not None:
        return Finding("proxy", True, f"{proxy.url}, which {proxy.variable} names")
    named = [kind for kind in (urlsplit(base_url).scheme.lower(), "all") if getproxies().get(kind)]
    why = "the address is exempt from the proxy (NO_PROXY)" if named else "no variable names a proxy"
    return Finding("proxy", True, f"none: {why}")


_SILENT = "It does not answer: check the address and the proxy, and try again later."


def _address(asker: Asker, came: list[Came]) -> Finding:
    from cmsdials.http.environment import proxy_for  # noqa: PLC0415  # only needed here

    proxy = proxy_for(asker.base_url)
    parts = urlsplit(asker.base_url if proxy is None else proxy.url)
    whose = parts.hostname if proxy is None else f"the proxy {parts.hostname}"
    try:
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        numbers = [*dict.fromkeys(str(one[4][0]) for one in found)]
        known = ", ".join(numbers[:4]) + (f" and {len(numbers) - 4} more" if len(numbers) > 4 else "")
    except (OSError, UnicodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not the name of a host"
        advice = "Check the address and the network (a VPN, a cable, the name server), then try again."
        return Finding("address", False, f"{whose} has no address ({reason})", advice)
    answer = asker.ask("run/count/")
    came.append(answer)
    said = f"{whose} is {known}"
    if answer.status is None:
        failure = answer.failure or RequestFailedError("no answer came")
        failure.advise({RequestTimeoutError: _SILENT})
        return Finding("address", False, f"{said}; {failure.message}", failure.advice)
    said += f"; connected to {answer.peer or 'it'} over {answer.tls or 'plain HTTP'}"
    if answer.status in (401, 403) and answer.form == "json":
        return Finding("address", True, f"{said}; a DIALS answers")
    refused = answer.failure
    what = f"HTTP {answer.status} without credentials" if refused is None else refused.message
    advice = "This does not look like a DIALS: open the address in a browser, and check --instance."
    return Finding("address", False, f"{said}; {what}", advice)


def _certificates(answer: Came, *, is_used: bool) -> Finding:
    from cmsdials.http.environment import named_certificates, trusting  # noqa: PLC0415  # only needed here

    named = named_certificates()
    if named is not None:
        trusting(*named)  # raises what a request would
        said = f"{named[1]}, which {named[0]} names"
    else:
        said = f"{load('certifi').where()}, the usual ones"
    if not is_used:
        return Finding("certificates", True, f"{said}; not needed for plain HTTP")
    failure = answer.failure
    if getattr(failure, "phase", "") == "certificate" and failure is not None:
        return Finding("certificates", False, f"{said}; {failure.message}", failure.advice)
    until = answer.certificate.get("notAfter")
    if not isinstance(until, str):
        return Finding("certificates", None if answer.status is None else True, said)
    ends = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(until), dt.UTC)
    said += f"; that of the server is good until {ends:%Y-%m-%d}"
    if ends - dt.datetime.now(dt.UTC) < SOON:
        return Finding("certificates", False, said, "It ends soon: write to the operators of this DIALS.")
    return Finding("certificates", True, said)


def _clock(answer: Came) -> Finding:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        return Finding("clock", None, "the service did not say its time")
    assert answer.at is not None  # noqa: S101  # it has headers
    ahead = round((answer.at - theirs.replace(tzinfo=theirs.tzinfo or dt.UTC)).total_seconds())
    if abs(ahead) <= MOST_OFF:
        return Finding("clock", True, f"within {MOST_OFF} s of the service's")
    said = f"{abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} the service's"
    advice = "Set the clock of this computer, best by NTP: with a wrong one, tokens seem good or ended when they are not."
    return Finding("clock", False, said, advice)


@contextlib.contextmanager
def _without_asking() -> Iterator[None]:
    """Let a login that has ended be an error, instead of starting a new one in the middle of the checks."""
    before = os.environ.get(INTERACTIVE)
    os.environ[INTERACTIVE] = "0"
    try:
        yield
    finally:
        del os.environ[INTERACTIVE]
        if before is not None:
            os.environ[INTERACTIVE] = before


def _service(login: LoginOptions, client: AuthClient) -> Finding:
    with _without_asking(), Asker(client.base_url, login.credentials(client), read=MOST_SILENT) as asker:
        new, old = (asker.ask(path) for path in DEFAULTS)
    good = next((one for one in (new, old) if one.status == 200), None)
    if good is not None:
        return Finding(
            "service", True, f"it accepts the login; its generation is {'now' if good is new else 'v1.12'}"
        )
    failure = old.failure if new.status == 404 else new.failure
    if failure is None:
        return Finding(
            "service", False, "it names no default workspace", "Report this to the DIALS developers."
        )
    return Finding("service", False, failure.message, failure.advice)
