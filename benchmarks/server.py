"""A DIALS whose answers cost nothing, or exactly what is configured: its own process, plain sockets, threads.

    python -m benchmarks.server '{"volume": {"runs": 20, "ls": 200, "th2": 1}, "cost": {"delay": 0.05}}'

It prints its address, and ends when its standard input closes. Connections stay open (HTTP/1.1). Credentials are ignored.
`/tally` says what was asked of it so far (see `costs.Spender.tally`); it costs nothing itself.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from benchmarks import extract, tables
from benchmarks.costs import Cost, Work
from benchmarks.extract import Extract
from benchmarks.tables import Answer, Buffer, InvalidCursor, Table, Volume

__all__ = ["Server", "serve"]

ROOT = "/api/v1/"
TALLY = "/tally"
PROJECT = Path(__file__).parents[1]
GZIP_LEVEL = 1  # nginx's default


class Server:
    """Answers on a free local port until it is closed.

    Args:
        tables: Its tables, by path.
        cost: What each answer costs.
        compressed: Whether to answer with gzip if the client accepts it.
    """

    def __init__(self, tables: dict[str, Table], cost: Cost, *, compressed: bool = False) -> None:
        self._tables = tables
        self._spender = cost.spender()
        self._compressed = compressed
        self._smaller: dict[str, bytes] = {}
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def close(self) -> None:
        """Take no more connections."""
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def run(self) -> None:
        """Take connections, a thread for each."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        # A client may disconnect at any time.
        with connection, contextlib.suppress(ConnectionError):
            while True:
                while b"\r\n\r\n" not in received:
                    more = connection.recv(65536)
                    if not more:
                        return
                    received += more
                request, _, received = received.partition(b"\r\n\r\n")
                for piece in self._answer(request.decode("latin-1")):
                    connection.sendall(piece)
                if b"connection: close" in request.lower():
                    return

    def _answer(self, request: str) -> tuple[Buffer, ...]:
        line, *lines = request.split("\r\n")
        method, target, _ = line.split(" ", 2)
        if method != "GET":
            return _response("405 Method Not Allowed", _detail("Only GET is supported."))
        url = urlsplit(target)
        if url.path == TALLY:
            return _response("200 OK", (json.dumps(self._spender.tally()).encode(),))
        name, _, rest = url.path.removeprefix(ROOT).partition("/")
        table = self._tables.get(name) if url.path.startswith(ROOT) else None
        try:
            answer = None if table is None else self._find(table, rest, dict(parse_qsl(url.query)))
        except InvalidCursor:
            return self._refusal("404 Not Found", "Invalid cursor")
        except ValueError as problem:
            return self._refusal("400 Bad Request", str(problem))
        if answer is None:
            return self._refusal("404 Not Found", f"There is nothing at {url.path}")
        size = sum(len(piece) for piece in answer.pieces)
        self._spender.spend(Work(name, answer.rows, size, answer.skipped))
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if self._compressed and "gzip" in headers.get("accept-encoding", ""):
            if target not in self._smaller:
                self._smaller[target] = gzip.compress(b"".join(answer.pieces), GZIP_LEVEL)
            return _response(
                "200 OK", (self._smaller[target],), "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"
            )
        return _response("200 OK", answer.pieces)

    def _find(self, table: Table, rest: str, query: dict[str, str]) -> Answer | None:
        if rest == "count/":
            return Answer((json.dumps({"count": len(table.selection(query))}).encode(),), 0)
        if rest:
            return table.single(rest.removesuffix("/")) if rest.endswith("/") else None
        return table.answer(query, f"{self.url.rstrip('/')}{ROOT}{table.path}/")

    def _refusal(self, status: str, why: str) -> tuple[Buffer, ...]:
        self._spender.spend(Work())
        return _response(status, _detail(why))


def _detail(text: str) -> tuple[bytes]:
    return (json.dumps({"detail": text}).encode(),)


def _response(status: str, body: tuple[Buffer, ...], headers: str = "") -> tuple[Buffer, ...]:
    length = sum(len(piece) for piece in body)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n"
    if len(body) == 1:
        return (head.encode(), *body)
    # Joining the head with the first piece saves packets.
    return (head.encode() + body[0], *body[1:])


@contextlib.contextmanager
def serve(content: Volume | Extract, cost: Cost, *, compressed: bool = False) -> Iterator[str]:
    """Run a server in its own process; yield its address."""
    kind = "extract" if isinstance(content, Extract) else "volume"
    task = {kind: vars(content), "cost": cost.dict(), "compressed": compressed}
    with subprocess.Popen(  # noqa: S603  # our own module, no shell
        [sys.executable, "-m", "benchmarks.server", json.dumps(task)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        assert process.stdout is not None  # noqa: S101
        try:
            url = process.stdout.readline().strip()
            if not url:
                message = f"the benchmark server did not start (exit code {process.wait()})"
                raise RuntimeError(message)
            yield url
        finally:
            process.stdin.close()


def _main(task: dict[str, Any], until: Callable[[], object]) -> None:
    if "extract" in task:
        content = extract.make_tables(Extract(**task["extract"]))
    else:
        content = tables.make_tables(Volume(**task["volume"]))
    server = Server(
        content,
        Cost(**task["cost"]),
        compressed=task.get("compressed", False),
    )
    threading.Thread(target=server.run, daemon=True).start()
    print(server.url, flush=True)
    until()


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]), sys.stdin.read)
