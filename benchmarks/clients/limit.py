"""The limit: read the bytes of each page from a plain socket, parse the histograms into arrays, and nothing else.

With the option `connections` each of several threads does so with its share of the runs.
"""

from __future__ import annotations

import itertools
import socket
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

    def fetched(asked: dict[str, Any]) -> tuple[list[Any], float]:
        arrays: list[Any] = []
        reading = 0.0
        parser = simdjson.Parser()
        query = {**asked}
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

    def fetch() -> tuple[list[Any], float | None]:
        shares = _shares(task.filters, task.options.get("connections", 1))
        if len(shares) == 1:
            return fetched(shares[0])
        with ThreadPoolExecutor(len(shares)) as pool:
            parts = pool.map(fetched, shares)
            return [array for arrays, _ in parts for array in arrays], None

    return fetch, _measured


def _shares(query: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Cut a query into so many, or as many as it has runs, each with about as many runs."""
    low, high = query["run_number__gte"], query["run_number__lte"]
    number = min(number, high - low + 1)
    edges = [low + (high - low + 1) * part // number for part in range(number + 1)]
    return [
        {**query, "run_number__gte": begin, "run_number__lte": end - 1}
        for begin, end in itertools.pairwise(edges)
    ]


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


def _measured(fetched: tuple[list[Any], float | None]) -> Measurement:
    arrays, reading = fetched
    data = 0
    for array in arrays:
        data = data_checksum(data, array)
    return Measurement(contents=Contents(rows=len(arrays), data=data), reading=reading)
