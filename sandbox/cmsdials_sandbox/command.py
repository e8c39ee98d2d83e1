"""The command line: reads the options, and reports mistakes of the user in one clear line.

Django and its companions are an extra (`cmsdials[sandbox]`); they are loaded only after the options are
parsed, so that `--help` works without them and is quick.
"""

import argparse
import dataclasses
import importlib.util
import json
import math
import os
import signal
import sys
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from cmsdials_sandbox.options import GENERATIONS, SCALES, Options

if TYPE_CHECKING:
    from cmsdials_sandbox.service import Service

Number = TypeVar("Number", int, float)

NEEDED = ("django", "rest_framework", "django_filters", "waitress", "joserfc", "orjson", "numpy")

BY_COMMAND = "cmsdials sandbox"

EPILOG = """\
Send the header X-CLIENT-SECRET with each request, for example

  curl -H 'X-CLIENT-SECRET: sandbox' http://localhost:8000/api/v1/run/

or log in, through DIALS (/api/v1/auth/new-device/) or its Keycloak realm (/auth/realms/cern/), as a person who
approves a code in the browser, or as the application --client-id.

The data are synthetic, the same at every start, and stored in a temporary folder that is removed at the end.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the options."""
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def parser() -> argparse.ArgumentParser:
    """Return the options, with the defaults of `Options`."""
    defaults = Options()
    p = _Parser(
        prog=BY_COMMAND if sys.argv[:1] == [BY_COMMAND] else "python -m cmsdials_sandbox",
        description="Serve a local DIALS: the API of CMS's DIALS service with synthetic per-lumisection histograms.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--host", default=defaults.host, help="address to listen on (default: %(default)s)")
    p.add_argument(
        "--port", type=_port, default=defaults.port, help="port; 0 picks a free one (default: %(default)s)"
    )
    p.add_argument("--secret", default=defaults.secret, help="the secret it accepts (default: %(default)s)")
    p.add_argument(
        "--scale",
        choices=SCALES,
        default=defaults.scale,
        help="how much data: large holds over a million histograms (default: %(default)s)",
    )
    p.add_argument(
        "--generation",
        choices=GENERATIONS,
        default=defaults.generation,
        help="which DIALS to imitate: today's, or v1.12 of 2025 (default: %(default)s)",
    )
    p.add_argument(
        "--seed", type=_seed, default=defaults.seed, help="selects the random contents (default: %(default)s)"
    )
    p.add_argument(
        "--cache-seconds",
        type=_whole_seconds,
        metavar="SECONDS",
        default=defaults.cache_seconds,
        help="how long an answer is cached, 0 for no cache (default: 30 for v1.12, 0 for now)",
    )
    _add_login_options(p, defaults)
    p.add_argument("--json", action="store_true", help="report readiness as one line of JSON, for programs")
    p.add_argument(
        "--stop-on-eof", action="store_true", help="end when standard input is closed, for programs"
    )
    return p


def _add_login_options(p: argparse.ArgumentParser, defaults: Options) -> None:
    logins = p.add_argument_group("logins")
    logins.add_argument(
        "--client-id",
        default=defaults.client_id,
        help="the client id of its application (default: %(default)s)",
    )
    logins.add_argument(
        "--client-secret",
        default=defaults.client_secret,
        help="the secret of that application (default: %(default)s)",
    )
    logins.add_argument(
        "--auto-approve",
        type=_seconds,
        metavar="SECONDS",
        default=defaults.auto_approve,
        help="approve each login after this time, 0 for at once (default: wait for a person in the browser)",
    )
    logins.add_argument(
        "--interval",
        type=_seconds,
        metavar="SECONDS",
        default=defaults.interval,
        help="least time between polls of a login (default: %(default)g)",
    )
    for name, default, what in (
        ("token", defaults.token_lifetime, "an access token"),
        ("refresh", defaults.refresh_lifetime, "a login, with its refresh tokens,"),
        ("device", defaults.device_lifetime, "an unconfirmed login"),
    ):
        logins.add_argument(
            f"--{name}-lifetime",
            type=_whole_seconds,
            metavar="SECONDS",
            default=default,
            help=f"how long {what} lasts (default: %(default)s)",
        )
    logins.add_argument(
        "--reuse-refresh-tokens",
        action="store_true",
        help="allow refresh tokens to be reused (default: each is valid once)",
    )
    logins.add_argument(
        "--realm-url",
        type=_web_address,
        metavar="URL",
        default=defaults.realm_url,
        help="accept the tokens of this realm, such as http://127.0.0.1:8080/auth/realms/cern/, and have no logins here",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox until it is stopped; return the exit code."""
    args = parser().parse_args(arguments)
    options = Options(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Options)})
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return _failed(f'{", ".join(missing)} not found: pip install "cmsdials[sandbox]"')
    from cmsdials_sandbox.service import CannotListen, service  # noqa: PLC0415  (needs the extra)

    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    if args.stop_on_eof:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        with service(options) as running:
            print(_as_json(running) if args.json else _in_words(running, options), flush=True)  # noqa: T201
            running.run()
    except CannotListen as error:
        return _failed(str(error))
    return 0


def _in_words(running: "Service", options: Options) -> str:
    url = running.url.replace("//127.0.0.1:", "//localhost:")  # as people type it
    page = f"{url}auth/realms/cern/device as the program asks"
    return (
        f"cmsdials sandbox ready at {url} - send the header X-CLIENT-SECRET: {options.secret} "
        f"or log in at {options.realm_url or page} "
        f"(DIALS {options.generation}, {running.histograms:,} histograms, {running.size / 1e6:.0f} MB "
        f"in {running.folder}; Ctrl-C ends it)"
    )


def _as_json(running: "Service") -> str:
    databases = {workspace: str(path) for workspace, path in running.databases.items()}
    return json.dumps({"url": running.url, "databases": databases, "pid": os.getpid()})


def _failed(reason: str) -> int:
    print(f"cmsdials sandbox: {reason}", file=sys.stderr)  # noqa: T201
    return 1


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind the main thread, so that the temporary folder is removed."""
    # A second Ctrl-C must not interrupt the cleanup.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(0)


def _end_with_stdin() -> None:
    # Not through sys.stdin: a thread that holds its buffer would make the interpreter abort at exit.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _seconds(text: str) -> float:
    return _checked(
        float, text, "a number of seconds, 0 or more", lambda one: math.isfinite(one) and one >= 0
    )


def _whole_seconds(text: str) -> int:
    return _checked(int, text, "a whole number of seconds, 0 or more", lambda one: one >= 0)


def _seed(text: str) -> int:
    return _checked(int, text, "a whole number", lambda _: True)


def _web_address(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        message = "the address of a realm must begin with http:// or https://"
        raise argparse.ArgumentTypeError(message)
    return text


def _port(text: str) -> int:
    return _checked(int, text, "the number of a port, from 0 to 65535", lambda one: 0 <= one <= 65535)


def _checked(
    kind: Callable[[str], Number], text: str, what: str, is_right: Callable[[Number], bool]
) -> Number:
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not is_right(number):
        message = f"{text!r} is not {what}"
        raise argparse.ArgumentTypeError(message)
    return number
