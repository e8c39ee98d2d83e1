"""The limit: read the bytes of each page from a plain socket, parse the histograms into arrays, and nothing else."""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.clients.frame import data_checksum
from benchmarks.clients.task import Contents, Measurement, Task

PATHS = {"h1d": "th1", "h2d": "th2"}
GZIP = 16 + zlib.MAX_WBITS

_Received = TypeVar("_Received", bytes, int)


def prepare(task: Task) -> tuple[Callable[[], Any], Callable[[Any], Measurement]]:
    """Import what is needed; see `task.Client`."""
    import numpy as np  # noqa: PLC0415  # the import is not part of what is measured
    import simdjson  # noqa: PLC0415

    address = urlsplit(task.url)
    where = (address.hostname, address.port)

    def fetch() -> tuple[list[Any], float]:
        arrays: list[Any] = []
        reading = 0.0
        parser = simdjson.Parser()
        query: dict[str, Any] = {**task.filters}
        with socket.create_connection(where) as connection:
            while True:
                began = time.perf_counter()
                body = _get(connection, f"/api/v1/{PATHS[task.resource]}/?{urlencode(query)}")
                reading += time.perf_counter() - began
                page: Any = parser.parse(body)
                arrays += [np.frombuffer(row["data"].as_buffer(of_type="d")) for row in page["results"]]
                following = page["next"]
                del page  # a parser can be reused once all that it has read is deleted
                if following is None:
                    return arrays, reading
                query["next_token"] = parse_qs(urlsplit(following).query)["next_token"][0]

    return fetch, _measured


def _get(connection: socket.socket, target: str) -> bytearray | bytes:
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: benchmark\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection.recv(65536))
    head, _, beginning = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    body = bytearray(int(headers["content-length"]))
    body[: len(beginning)] = beginning
    rest = memoryview(body)[len(beginning) :]
    while rest:
        rest = rest[_some(connection.recv_into(rest)) :]
    if not status.startswith("http/1.1 200"):
        raise ConnectionError(status, bytes(body))
    return zlib.decompress(body, GZIP) if "content-encoding" in headers else body


def _some(received: _Received) -> _Received:
    if not received:
        message = "the server closed the connection"
        raise ConnectionError(message)
    return received


def _measured(fetched: tuple[list[Any], float]) -> Measurement:
    arrays, reading = fetched
    data = 0
    for array in arrays:
        data = data_checksum(data, array)
    return Measurement(contents=Contents(rows=len(arrays), data=data), reading=reading)
