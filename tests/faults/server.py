"""A DIALS that fails as it is told to: its own process, real sockets, only the standard library.

    python tests/faults/server.py [--tls CERTIFICATE]

It prints its port and then answers commands, a line of JSON each, on standard input; it ends with its input. The lists
`run`, `lumisection`, `th1`, `th2`, `dataset-index` and `file-index` hold rows that are computed from their number (`rows_of`, which the tests import
too), in pages of 10 or what page_size says, 500 at most, behind opaque cursors; `mes` is all in one. A cursor means a
row, whatever filters it comes with: the page begins behind it. Filters are honoured, as far as they name a field. A link to the next page names a host that does not exist, as the service's own
idea of its address may.

All rows of histograms and lumisections are of one dataset, `SPLIT`, of ten runs. Some of these have no histograms, and
some more lumisections than `run` says.

Requests are counted from 0, and a schedule says which fault the n-th one meets: an object with `kind`, one of `KINDS`,
and for some kinds `at` (0 to 1: where in the answer), `status` and `retry_after`. Where several threads ask, so that the
numbers are up to them, it can say instead which fault the n-th request for a list meets, or all that ask from some run
or lumisection on; and a fault with `together` comes when so many requests have met one.
"""

from __future__ import annotations

import base64
import bisect
import contextlib
import functools
import gzip
import json
import math
import re
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

KINDS = (
    "accept_close",
    "chunked_cut",
    "close_before",
    "cursor_repeats",
    "cut_gzip",
    "cut_headers",
    "cut_json",
    "damaged_gzip",
    "down",
    "empty_body",
    "empty_page",
    "garbage",
    "hold",
    "html_200",
    "invalid_cursor",
    "missing_field",
    "mistyped_field",
    "no_page",
    "page_before",
    "redirect",
    "reset_before",
    "reset_body",
    "reset_headers",
    "short_body",
    "stall_before",
    "stall_body",
    "status",
    "token_expired",
    "worker_killed",
    "wrong_type",
)

HOW_MANY = {
    "run": 2600,
    "lumisection": 1000,
    "th1": 1300,
    "th2": 700,
    "mes": 8,
    "dataset-index": 2,
    "file-index": 1,
}
DATASET = "/ZeroBias/Run2024B-PromptReco-v1/DQMIO"
SPLIT = 15102369
FIRST_RUN = 369590  # of SPLIT; the runs of DATASET come before
KILLED = """<html>
  <head>
    <title>Internal Server Error</title>
  </head>
  <body>
    <h1><p>Internal Server Error</p></h1>
    
  </body>
</html>
"""
"""What gunicorn sends for a worker that it kills."""
PAGING = ("page_size", "next_token", "fields")
STALLED = 300.0  # seconds after which a stalled connection is closed if the client has not done so
PATIENCE = 120.0  # seconds until what should have happened is given up on
ELSEWHERE = "https://dials-internal.invalid:8443"

Fault = dict[str, Any]


@functools.cache
def rows_of(name: str) -> list[dict[str, Any]]:
    """Return the rows of a list, in its order."""
    return [_row(name, number) for number in range(HOW_MANY[name])]


def _row(name: str, number: int) -> dict[str, Any]:
    if name == "run":
        run_number = 367000 + number
        return {
            **(_OF_SPLIT if run_number >= FIRST_RUN else {"dataset_id": 14677060, "dataset": DATASET}),
            "run_number": run_number,
            "ls_count": 60 + number % 5 * 10 if run_number >= FIRST_RUN else 50 + number * 37 % 1951,
            "ls_completeness": number % 101 / 100,
        }
    if name == "lumisection":
        keys = {"run_number": FIRST_RUN + number // 100, "ls_number": 1 + number % 100}
        return {**_OF_SPLIT, **keys, "th1_count": 4, "th2_count": 4}
    if name == "file-index":
        return {
            **_OF_SPLIT,
            "file_id": 3393809397,
            "logical_file_name": "/store/data/Run2024B/ZeroBias/DQMIO/file.root",
            "last_modification_date": "2024-05-12T08:30:00Z",
        }
    if name == "dataset-index":
        return _OF_SPLIT if number else {"dataset_id": 14677060, "dataset": DATASET}
    dim = 1 + (number >= 4 if name == "mes" else name == "th2")
    me = {
        "me_id": (5 if dim == 2 else 1) + number % 4,
        "me": f"PixelPhase1/Tracks/PXBarrel/{'clusters' if dim == 2 else 'charge'}_PXLayer_{1 + number % 4}",
    }
    if name == "mes":
        return {**me, "count": HOW_MANY[f"th{dim}"] // 4, "dim": dim}
    shape = {"x_min": 0.0, "x_max": 8.0, "x_bin": 4}
    counts: Any = [float((number * 31 + bin) % 97) for bin in range(4)]
    if name == "th2":
        shape |= {"y_min": -1.0, "y_max": 1.0, "y_bin": 2}
        counts = [counts, counts[::-1]]
    return {
        **_OF_SPLIT,
        **me,
        "file_id": 3393809397,
        "run_number": FIRST_RUN + number // 400 * 2,
        "ls_number": 1 + number % 400 // 4,
        **shape,
        "entries": number,
        "data": counts,
    }


_OF_SPLIT = {"dataset_id": SPLIT, "dataset": "/JetMET1/Run2024I-PromptReco-v2/DQMIO"}

Which = tuple[tuple[str, str], ...]
"""The filters of a query, in a fixed order."""


def _which(query: dict[str, str]) -> Which:
    return tuple(sorted((name, value) for name, value in query.items() if name not in PAGING))


@functools.lru_cache(maxsize=1000)
def _chosen(name: str, which: Which) -> list[int]:
    """Return the numbers of the rows that filters let through."""
    rows = enumerate(rows_of(name))
    return [number for number, row in rows if all(_lets_through(row, *condition) for condition in which)]


@functools.lru_cache(maxsize=20_000)
def _encoded(name: str, number: int, fields: str = "") -> str:
    """Return a row as JSON."""
    row, wanted = rows_of(name)[number], fields.split(",")
    return json.dumps({key: value for key, value in row.items() if key in wanted} if fields else row)


def _lets_through(row: dict[str, Any], filter_name: str, wanted: str) -> bool:
    field, _, operation = filter_name.partition("__")
    if field not in row:
        return True
    value = row[field]
    match operation:
        case "gte":
            return bool(value >= float(wanted))
        case "lte":
            return bool(value <= float(wanted))
        case "in":
            return str(value) in wanted.split(",")
        case "regex":
            return re.search(wanted, value) is not None
    return str(value) == wanted


class Broken(Exception):
    """The connection is to be closed now."""


class Walk:
    """What the server remembers of pages that follow each other, to answer what has gone by.

    Attributes:
        cursors: The cursors that were asked.
        last_page: The last page that was sent; empty before the first one.
    """

    def __init__(self) -> None:
        self.cursors: list[str] = []
        self.last_page = b""


class Server:
    """The list, its faults, and what it was asked."""

    def __init__(self, tls: str | None) -> None:
        self._tls = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls)
        self._lock = threading.RLock()
        self._asked = threading.Condition(self._lock)
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._listener: socket.socket | None = None
        self.held, self.released = threading.Event(), threading.Event()
        self._reserved = socket.socket()  # so that no other process gets the port while this one is down
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        self.reset()
        self.up()

    # --- commands

    def reset(
        self,
        faults: dict[str, Fault] | None = None,
        limit: float | None = None,
        beyond: tuple[str, int, Fault] | None = None,
        of_list: dict[str, dict[str, Fault]] | None = None,
    ) -> None:
        """Begin again.

        Args:
            faults: The faults by number of the request.
            limit: The page size that takes the gateway too long.
            beyond: A field, a value, and the fault of all requests that ask from this value on.
            of_list: The faults by list, and number of the request for it.
        """
        with self._lock:
            self.faults = {int(number): fault for number, fault in (faults or {}).items()}
            self.of_list = of_list or {}
            self.beyond = beyond
            self.limit = math.inf if limit is None else limit
            self.log: list[dict[str, Any]] = []
            self.walks: dict[tuple[str, str], Walk] = {}  # by list, and the cursor that leads on
            self.tokens = 0
            self.close_next = False
            self.cursor_count = 0
            self.held.clear()

    def asked(self) -> list[dict[str, Any]]:
        """Return what was asked: the query, and the fault that it met."""
        with self._lock:
            return self.log

    def wait_until_asked(self, requests: int, faults: int = 0) -> bool:
        """Wait until so many requests have come, and so many of them have met a fault; False if they do not for long."""

        with self._lock:
            return self._asked.wait_for(
                lambda: len(self.log) >= requests and self._faults() >= faults, PATIENCE
            )

    def _faults(self) -> int:
        return sum(one["fault"] != "" for one in self.log)

    def wait_until_held(self) -> bool:
        """Wait until a request is held; False if none is for long."""
        return self.held.wait(PATIENCE)

    def release(self) -> None:
        """Answer the requests that are held."""
        with self._lock:
            self.released.set()
            self.released = threading.Event()

    def down(self) -> None:
        """Refuse connections, break those there are, and wait until nothing is left of what came over them."""
        self._refuse()
        self.release()
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(PATIENCE)

    def _refuse(self) -> None:
        with self._lock:
            if self._listener is not None:
                with contextlib.suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
            for connection in self._connections:
                _break(connection)
            self._connections.clear()

    def up(self) -> None:
        """Listen, on the port of before."""
        with self._lock:
            if self._listener is not None:
                return
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(64)
            self._listener = listener
            self._start(self._accept, listener)

    def _start(self, work: Callable[[socket.socket], None], argument: socket.socket) -> None:
        def until_it_ends() -> None:
            work(argument)
            with self._lock:
                self._threads.discard(thread)

        thread = threading.Thread(target=until_it_ends, daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()

    # --- connections

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                close, self.close_next = self.close_next, False
                if close or self._listener is not listener:
                    connection.close()
                    continue
                self._connections.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, Broken):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                with self._lock:
                    self._connections.discard(connection)
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._connections.add(connection)
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    part = connection.recv(65536)
                    if not part:
                        raise Broken
                    received += part
                    if not received[:1].isupper():  # TLS, which this port does not speak
                        connection.sendall(_http(400, b"Bad Request", content_type="text/plain"))
                        raise Broken
                head, _, received = received.partition(b"\r\n\r\n")
                self._answer(connection, head.decode("latin-1"))
        with self._lock:
            self._connections.discard(connection)
        with contextlib.suppress(OSError):
            connection.close()

    def _answer(self, connection: socket.socket, head: str) -> None:
        request, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        url = urlsplit(request.split(" ")[1])
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        with self._lock:
            released = self.released
            fault = (
                self.faults.get(len(self.log)) or self._fault_of_list(url.path) or self._fault_beyond(query)
            )
            self.log.append({**query, "path": url.path, "fault": fault.get("kind", "")})
            if fault.get("kind") == "hold":
                self.held.set()
            self._asked.notify_all()
            self._asked.wait_for(lambda: self._faults() >= fault.get("together", 0), PATIENCE)
            sent = self._sent(connection, url.path, query, headers, fault)
        if sent is not None:
            connection.sendall(sent)
        elif fault["kind"] == "hold":
            released.wait(STALLED)
            with self._lock:
                connection.sendall(self._sent(connection, url.path, query, headers, {}) or b"")
        else:  # until the client loses patience
            connection.settimeout(STALLED)
            connection.recv(1)
            raise Broken

    def _fault_of_list(self, path: str) -> Fault:
        number = sum(_place(one["path"]) == _place(path) for one in self.log)
        return self.of_list.get(_place(path), {}).get(str(number), {})

    def _fault_beyond(self, query: dict[str, str]) -> Fault:
        if self.beyond is None:
            return {}
        field, value, fault = self.beyond
        first = int(query.get(field, query.get(f"{field}__gte", value - 1)))
        return fault if first >= value else {}

    def _sent(
        self,
        connection: socket.socket,
        path: str,
        query: dict[str, str],
        headers: dict[str, str],
        fault: Fault,
    ) -> bytes | None:
        """Return what to send; None to send nothing more for now. Raises Broken once it has broken the connection."""
        kind, at = fault.get("kind", ""), fault.get("at", 0.5)
        early = _BEFORE.get(kind)
        if early is not None:
            early(self, connection)
            raise Broken
        if kind in ("hold", "stall_before"):
            return None
        refused = self._refused(path, query, headers, fault)
        if refused is not None:
            return refused
        name = _place(path)
        walk = self.walks.get((name, query.get("next_token", "")), Walk())
        body = self._array(query, kind, at) if name == "mes" else self._page(name, query, walk, kind, at)
        if kind == "damaged_gzip":
            packed = bytearray(gzip.compress(body))
            packed[10 + int(at * (len(packed) - 11))] ^= 0x55
            return _http(200, bytes(packed), gzipped=True)
        if kind == "cut_gzip":
            packed = bytearray(gzip.compress(body))
            return _http(200, bytes(packed[: 10 + int(at * (len(packed) - 20))]), gzipped=True)
        if kind == "cut_json":
            return _http(200, body[: int(at * (len(body) - 1))])
        if kind == "empty_body":
            return _http(200, b"")
        if kind == "wrong_type":
            return _http(200, body, content_type="text/html")
        if kind == "chunked_cut":
            connection.sendall(_chunked(body, at))
            raise Broken
        gzipped = "gzip" in headers.get("accept-encoding", "")
        whole = _http(200, gzip.compress(body, 1) if gzipped else body, gzipped=gzipped)
        beginning = whole.index(b"\r\n\r\n") + 4
        in_body = beginning + int(at * (len(whole) - beginning - 1))
        in_headers = max(1, int(at * (beginning - 4)))
        if kind in ("reset_headers", "cut_headers", "reset_body", "short_body"):
            connection.sendall(whole[: in_headers if kind.endswith("headers") else in_body])
            if kind.startswith("reset"):
                _break(connection)
            raise Broken
        if kind == "stall_body":
            connection.sendall(whole[:in_body])
            return None
        if kind not in ("missing_field", "mistyped_field", "no_page", "page_before"):
            walk.last_page = body
        return whole

    def _refused(
        self, path: str, query: dict[str, str], headers: dict[str, str], fault: Fault
    ) -> bytes | None:
        """Return the answer if it is not a page."""
        kind = fault.get("kind", "")
        token = int(headers.get("authorization", "Bearer token--1").removeprefix("Bearer token-"))
        if kind == "token_expired":
            self.tokens = max(self.tokens, token + 1)
        if token < self.tokens:
            return _json(403, {"detail": "Token has expired", "code": "access_token_expired"})
        workspace = headers.get("workspace", "tracker")
        if workspace != "tracker":
            return _json(404, {"detail": f"Workspace '{workspace}' not found"})
        size = _page_size(query)
        if size > self.limit or kind == "status":
            status = fault.get("status", 504)
            page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
            return _http(
                status, page.encode(), content_type="text/html", retry_after=fault.get("retry_after")
            )
        if kind == "worker_killed":
            return _http(500, KILLED.encode(), content_type="text/html")
        if kind == "html_200":
            return _http(200, b"<!DOCTYPE html><title>Maintenance</title>Back soon", content_type="text/html")
        if kind == "redirect":
            return _http(302, b"", location="/login/")
        if kind == "invalid_cursor" or (query.get("next_token") and _position(query["next_token"]) is None):
            return _json(404, {"detail": "Invalid cursor"})
        return None if _place(path) in HOW_MANY else _json(404, {"detail": "Not found."})

    def _array(self, query: dict[str, str], kind: str, at: float) -> bytes:
        if kind == "no_page":
            return b'["no", "page"]'
        rows = [_encoded("mes", number, query.get("fields", "")) for number in _chosen("mes", _which(query))]
        if not _damage(rows, "me_id", kind, at):
            self.log[-1]["fault"] = ""  # there was nothing to damage
        return f"[{','.join(rows)}]".encode()

    def _page(self, name: str, query: dict[str, str], walk: Walk, kind: str, at: float) -> bytes:
        cursor = query.get("next_token", "")
        if cursor:
            walk.cursors.append(cursor)
        if kind == "page_before" and walk.last_page:
            return walk.last_page
        if kind == "no_page":
            return b'["no", "page"]'
        chosen = _chosen(name, _which(query))
        begin = bisect.bisect_left(chosen, _position(cursor) or 0)
        here = chosen[begin : begin + _page_size(query)] if kind != "empty_page" else []
        end = begin + len(here)
        rows = [_encoded(name, number, query.get("fields", "")) for number in here]
        if not _damage(rows, "run_number", kind, at):
            self.log[-1]["fault"] = ""  # there was nothing to damage
        following = {k: v for k, v in query.items() if k != "next_token"}
        link: str | None = None
        if kind == "cursor_repeats":
            if walk.cursors:
                following["next_token"] = walk.cursors[int(at * (len(walk.cursors) - 1))]
            link = f"{ELSEWHERE}/api/v1/{name}/?{urlencode(following)}"
        elif end < len(chosen):
            self.cursor_count += kind == "empty_page"
            following["next_token"] = _cursor(1 + here[-1] if here else chosen[begin], self.cursor_count)
            self.walks[name, following["next_token"]] = walk
            link = f"{ELSEWHERE}/api/v1/{name}/?{urlencode(following)}"
        return f'{{"next":{json.dumps(link)},"previous":null,"results":[{",".join(rows)}]}}'.encode()

    def close_and_the_next_too(self, _: socket.socket) -> None:
        self.close_next = True


def _damage(rows: list[str], field: str, kind: str, at: float) -> bool:
    """Take a field from one of the rows, or its type, if that is the fault; return False if there are no rows."""
    if kind not in ("missing_field", "mistyped_field") or not rows:
        return kind not in ("missing_field", "mistyped_field")
    number = int(at * (len(rows) - 1))
    row = json.loads(rows[number])
    if kind == "missing_field":
        del row[field]
    else:
        row[field] = "many"
    rows[number] = json.dumps(row)
    return True


def _place(path: str) -> str:
    return path.split("/")[-2]


def _say_nonsense(_: Server, connection: socket.socket) -> None:
    connection.sendall(b"this is not HTTP\r\n\r\n")


_BEFORE: dict[str, Callable[[Server, socket.socket], None]] = {
    "accept_close": Server.close_and_the_next_too,
    "close_before": lambda _server, _connection: None,
    "down": lambda server, _: server._refuse(),
    "garbage": _say_nonsense,
    "reset_before": lambda _, connection: _break(connection),
}


def _break(connection: socket.socket) -> None:
    """Send a reset: what a server does whose process is gone."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads
        connection.close()


def _cursor(position: int, count: int) -> str:
    return base64.urlsafe_b64encode(f"p={position}&{count}".encode()).decode()


def _position(cursor: str) -> int | None:
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("p=").partition("&")[0])
    except ValueError:
        return None


def _page_size(query: dict[str, str]) -> int:
    return min(500, int(query.get("page_size", 10)))


def _json(status: int, content: Any) -> bytes:
    return _http(status, json.dumps(content).encode())


def _http(
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json",
    gzipped: bool = False,
    retry_after: str | None = None,
    location: str | None = None,
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Whatever",
        "Server: nginx",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Content-Encoding: gzip" if gzipped else "",
        f"Retry-After: {retry_after}" if retry_after is not None else "",
        f"Location: {location}" if location is not None else "",
    ]
    return "\r\n".join([line for line in lines if line] + ["", ""]).encode() + body


def _chunked(body: bytes, at: float) -> bytes:
    """Return an answer in chunks, without the last part of it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part)
        for part in (body[n : n + 4096] for n in range(0, len(body), 4096))
    )
    return head + chunks[: int(at * len(chunks))]


def main() -> None:
    """Serve until the input ends."""
    server = Server(sys.argv[2] if sys.argv[1:2] == ["--tls"] else None)
    print(server.port, flush=True)
    for line in sys.stdin:
        command, options = json.loads(line)
        print(json.dumps(getattr(server, command)(**options)), flush=True)


if __name__ == "__main__":
    main()
