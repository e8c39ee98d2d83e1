"""The running service: a bound port, the databases in a temporary folder, and waitress in front of Django.

The port is bound first: if it is not free, the user should not have to wait for the data.
"""

import contextlib
import errno
import logging
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.wsgi import get_wsgi_application
from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher

from cmsdials_sandbox.catalogue import workspaces
from cmsdials_sandbox.filling import fill
from cmsdials_sandbox.installation import install
from cmsdials_sandbox.options import Options

# The real service has three; one more lets a test send other requests while it waits for a slow page.
THREADS = 4

# The largest body in bytes, as in an nginx where nothing else is configured: it answers 413 to more.
LARGEST_BODY = 1024 * 1024


class _Threads(ThreadedTaskDispatcher):
    """Threads that are not waited for at the end, whatever they are at; they end with the process."""

    def shutdown(self, cancel_pending: bool = True, timeout: int = 0) -> bool:  # noqa: ARG002  (its signature)
        """Have the idle threads end, and say nothing of what the others meet."""
        logging.disable()
        self.set_thread_count(0)
        return True


class CannotListen(OSError):
    """The address or port cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Service:
    """A service that is ready to `run`."""

    url: str
    folder: Path
    databases: Mapping[str, Path]
    histograms: int
    server: Any

    @property
    def size(self) -> int:
        """Bytes of all databases."""
        return sum(path.stat().st_size for path in self.databases.values())

    def run(self) -> None:
        """Answer until the process is stopped."""
        self.server.run()


@contextlib.contextmanager
def service(options: Options) -> Iterator[Service]:
    """Bind the port, make the data, listen; at the end everything is removed.  Raises `CannotListen`."""
    with contextlib.ExitStack() as cleanup:
        taken = cleanup.enter_context(_bound(options))
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="cmsdials-sandbox-")))
        databases = {
            workspace.name: folder / f"{workspace.name}.sqlite3" for workspace in workspaces(options.scale)
        }
        histograms = sum(
            fill(databases[workspace.name], workspace, options.seed)
            for workspace in workspaces(options.scale)
        )
        install(options, databases)
        threads = _Threads()
        threads.set_thread_count(THREADS)
        try:
            server = create_server(
                get_wsgi_application(),
                _dispatcher=threads,
                sockets=[taken],
                max_request_body_size=LARGEST_BODY,
                ident="cmsdials-sandbox",
                # Pages of histograms are megabytes: keep them in memory instead of in a temporary file.
                outbuf_overflow=256 * 1024 * 1024,
            )
        except OSError as error:
            raise _cannot_listen(options, error) from error
        cleanup.callback(server.close)
        host = f"[{options.host}]" if ":" in options.host else options.host
        yield Service(f"http://{host}:{taken.getsockname()[1]}/", folder, databases, histograms, server)


def _bound(options: Options) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(options, error) from error
    try:
        # A port that was just released may be bound again at once.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _cannot_listen(options, error) from error
    return bound


def _cannot_listen(options: Options, error: OSError) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        return CannotListen(
            f"port {options.port} of {options.host} is in use: stop the program that listens there, choose another with --port, "
            "or use --port 0 for any free one"
        )
    return CannotListen(f"cannot listen on {options.host} port {options.port}: {error.strerror}")
