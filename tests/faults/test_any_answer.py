"""A server that answers with anything, at any pace: each call ends in true rows or in an error of ours.

True rows are those that the server holds for the question, in their order and from the first; all of them where a result
says that it is complete. Nothing is left behind but what was asked for: no thread, no connection, no file, no secret in
any text, and the next call goes on as if nothing had been. Hypothesis draws the answers: 200 at least, 2000 in the nightly
profile. What no client can notice is not drawn: a plausible value in place of another, or rows left out of a page.
"""

import concurrent.futures
import contextlib
import gc
import gzip
import io
import json
import logging
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cmsdials import Dials, errors, load
from cmsdials.filters import (
    Filters,
    LumisectionFilters,
    LumisectionHistogram1DFilters,
    LumisectionHistogram2DFilters,
    RunFilters,
)
from cmsdials.result import Result
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from .server import (
    DATASET,
    FIRST_RUN,
    HOW_MANY,
    SPLIT,
    _chosen,
    _cursor,
    _page_size,
    _position,
    _which,
    rows_of,
)

SECRET = "hush-4f1c"
TIMEOUT = 0.4  # of the client, as most answers that stall cost it
PAUSE = 0.03
BOUND = 300  # seconds that any call takes at most, on the busiest machine
ALONE = "CMSDIALS_TEST_ALONE"
ROOT = Path(__file__).parents[2]
# An answer may have 150 MB, and is there twice while it is read; how many are under way at a time is left to the threads.
MOST_GROWTH = 600_000  # kB of memory: 390 to 430 MB were measured
MOST_GROWTH_OF_MANY = (
    1_200_000  # the same, where so many are drawn that more of these coincide; it does not grow on
)
BOMB = 30_000_000  # bytes, out of a few thousand
HALF = "\ud800"

Spec = dict[str, Any]
Page = dict[str, Any]

# --- what can be wrong with the rows of a page: each takes the rows, the query, the list and a number from 0 to 1

KEYS = {
    "run": "run_number",
    "lumisection": "ls_number",
    "th1": "ls_number",
    "th2": "ls_number",
    "mes": "me_id",
}


def _at(rows: list[Any], where: float) -> int:
    return min(int(where * len(rows)), len(rows) - 1)


def _with(field: str, value: Any) -> Callable[..., None]:
    """A value of a field, by its name, that is not of its type."""

    def damage(page: Page, name: str, where: float) -> None:
        rows = page["results"]
        key = {"key": KEYS[name], "float": _float_of(name)}.get(field, field)
        if name == "mes" and value == 2**70:  # which may be one
            return _doubled(page, name, where)
        rows[_at(rows, where)] = {**rows[_at(rows, where)], key: value}
        return None

    return damage


def _float_of(name: str) -> str:
    return {"run": "ls_completeness", "th1": "x_min", "th2": "y_max"}.get(name, KEYS[name])


class Raw(float):
    """A number as it is to be written, whatever JSON says to it."""

    text: str


def raw(text: str) -> Raw:
    written = Raw(0)
    written.text = text
    return written


def _doubled_key(page: Page, name: str, where: float) -> None:
    """A key twice in a row: JSON's last one is the true one."""
    rows = page["results"]
    at = _at(rows, where)
    key = KEYS[name]
    rows[at] = {**rows[at], key: raw(f'1,"{key}":{rows[at][key]}')}


def _missing(page: Page, name: str, where: float) -> None:
    del page["results"][_at(page["results"], where)][KEYS[name]]


def _doubled(page: Page, name: str, where: float) -> None:
    at = _at(page["results"], where)
    page["results"].insert(at, page["results"][at])


def _backwards(page: Page, name: str, where: float) -> None:
    if len(page["results"]) < 2:
        _doubled(page, name, where)
    page["results"].reverse()


def _swapped(page: Page, name: str, where: float) -> None:
    rows = page["results"]
    if len(rows) < 2:
        return _doubled(page, name, where)
    at = max(1, _at(rows, where))
    rows[at - 1], rows[at] = rows[at], rows[at - 1]
    return None


def _not_asked_for(field: str, *, all_rows: bool = False) -> Callable[..., None]:
    """Rows with another value of a field, where the question says which; else one comes twice."""

    def damage(page: Page, name: str, where: float) -> None:
        if not any(key.partition("__")[0] == field for key in page["query"]):
            return _doubled(page, name, where)
        value = 3 if where < 0.5 else 999_999_999
        rows = page["results"]
        at = _at(rows, where)
        for n in range(len(rows)) if all_rows else [at]:
            rows[n] = {**rows[n], field: value}
        return None

    return damage


def _no_rows_but_something(value: Any) -> Callable[..., None]:
    def damage(page: Page, name: str, where: float) -> None:
        page["results"] = value

    return damage


def _row_that_is(value: Any) -> Callable[..., None]:
    def damage(page: Page, name: str, where: float) -> None:
        page["results"][_at(page["results"], where)] = value

    return damage


def _data_that_is(change: Callable[[Any], Any]) -> Callable[..., None]:
    def damage(page: Page, name: str, where: float) -> None:
        if name not in ("th1", "th2"):
            return _doubled(page, name, where)
        rows = page["results"]
        at = _at(rows, where)
        rows[at] = {**rows[at], "data": change(rows[at].get("data", [0.0]))}
        return None

    return damage


ROWS: dict[str, Callable[..., None]] = {
    "missing field": _missing,
    "doubled": _doubled,
    "backwards": _backwards,
    "swapped": _swapped,
    "of another dataset": _not_asked_for("dataset_id"),
    "of another run": _not_asked_for("run_number"),
    "all of another run": _not_asked_for("run_number", all_rows=True),
    "of another lumisection": _not_asked_for("ls_number"),
    "of another ME": _not_asked_for("me_id"),
    "key is text": _with("key", "many"),
    "key is null": _with("key", None),
    "key is a truth": _with("key", True),
    "key is a list": _with("key", [1]),
    "key is a fraction": _with("key", 1.5),
    "key is beyond 64 bits": _with("key", 2**70),
    "key is NaN": _with("key", raw("NaN")),
    "key is infinite": _with("key", raw("1e400")),
    "key has many digits": _with("key", raw("9" * 5000)),
    "doubled key": _doubled_key,
    "number is text": _with("float", "1.5"),
    "number is NaN": _with("float", raw("NaN")),
    "number is infinite": _with("float", raw("1e400")),
    "number has zeros before it": _with("float", raw("007")),
    "text is a number": _with("dataset", 5),
    "text is half a character": _with("dataset", HALF),
    "results is null": _no_rows_but_something(None),
    "results is an object": _no_rows_but_something({"a": 1}),
    "results is text": _no_rows_but_something("rows"),
    "results is deep": _no_rows_but_something(raw("[" * 2000 + "]" * 2000)),
    "row is null": _row_that_is(None),
    "row is a list": _row_that_is([1, 2]),
    "row is a number": _row_that_is(1),
    "data is text": _data_that_is(lambda data: "1,2"),
    "data is null": _data_that_is(lambda data: None),
    "data is short": _data_that_is(lambda data: data[:-1]),
    "data is nested": _data_that_is(lambda data: [data]),
    "data has NaN": _data_that_is(lambda data: [raw("NaN"), *data[1:]]),
    "data is infinite": _data_that_is(lambda data: [raw("1e400"), *data[1:]]),
}

# --- what can be wrong with the links of a page


def _next_is(value: Any) -> Callable[..., None]:
    def damage(page: Page, name: str, where: float) -> None:
        page["next"] = value

    return damage


def _no_next(page: Page, name: str, where: float) -> None:
    page.pop("next", None)


LINKS: dict[str, Callable[..., None]] = {
    "no next": _no_next,
    "next is a number": _next_is(5),
    "next is a list": _next_is([]),
    "next is a truth": _next_is(True),
    "next is no address": _next_is("javascript:alert(1)"),
    "next is half a character": _next_is("http://x/?next_token=\ud800"),
    "next has no cursor": _next_is("https://dials-internal.invalid/api/v1/run/?page_size=3"),
    "next has an empty cursor": _next_is("https://dials-internal.invalid/api/v1/run/?next_token="),
}

# --- bodies that are not made of a page

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "number": b"17",
    "text": b'"rows"',
    "list": b"[17]",
    "object": b"{}",
    "list of lists": b"[[1]]",
    "deep lists": b"[" * 100_000,
    "deep lists that end": b"[" * 5000 + b"]" * 5000,
    "deep objects": b'{"results":' * 50_000,
    "many digits": b"9" * 100_000,
    "HTML": b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon</body></html>",
    "HTML without an end": b"<html><title>" + b"<h1>x" * 2_000,
    "controls": b"\x1b[2J\x1b]0;owned\x07 \xc2\x9b31m \xe2\x80\xae",
    "no UTF-8": b'{"next":null,"previous":null,"results":[{"run_number":"\xff\xfe"}]}',
    "zeros": b"\0" * 5000,
    "two answers": b"{}{}",
    "a detail": b'{"detail": "\\u001b[31mInvalid cursor\\u202e"}',
    "a detail that is deep": b'{"detail": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    "a code": b'{"detail": ["x", 5], "code": {"a": null}}',
    "the secret": json.dumps({"detail": f"bad Bearer {SECRET} token", "code": "token_not_valid"}).encode(),
    "fields that are wrong": b'{"run_number": ["Enter a number."], "\\u001b[1m": [null, {}]}',
}

STATUS_LINES = [b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 200 \xff\x1b[31m", b"HTTP/1.1 999 Odd"]
STATUS_LINES += [b"HTTP/0.9 200 OK", b"HTTP/2 200", b"ICY 200 OK", b"HTTP/1.1 0 OK", b"HTTP/1.1 -5 x", b""]

HEADERS: list[bytes] = [
    *(b"Retry-After: " + value for value in (b"0", b"3", b"-1", b"1e9", b"soon", b"9" * 400, b"nan", b"")),
    b"Retry-After: Wed, 21 Oct 2065 07:28:00 GMT",
    b"Retry-After: Wed, 99 Foo 99999 99:99:99 GMT",
    b"Retry-After: 5\r\nRetry-After: 7",
    b"Location: https://elsewhere.invalid/api/v1/run/",
    b"Location: //elsewhere.invalid/",
    b"Location: javascript:alert(1)",
    b"Location: ELSEWHERE",
    b"Location: http://[::1",
    b"Location: /api/v1/run/",
    b"WWW-Authenticate: Basic realm=x",
    b"Set-Cookie: session=1; Domain=invalid",
    b"Content-Type: text/html",
    b"Content-Type: application/json; charset=utf-16",
    b"Content-Type: \xff\xfe",
    b"Content-Range: bytes 0-4/100",
    b"X-Long: " + b"x" * 60_000,
    b"\r\n".join(b"X-%d: y" % n for n in range(90)),
    b"X-Odd: \x1b[31m\x9b",
    b"No colon",
    b": no name",
    b"X-Folded: a\r\n b",
    b"Content-Encoding: br",
    b"Content-Encoding: gzip, gzip",
    b"Connection: close",
    b"Connection: upgrade\r\nUpgrade: h2c",
    b"Refresh: 0; url=https://elsewhere.invalid/",
    b'Alt-Svc: h2=":1"',
]

FRAMINGS = ["length", "length", "length", "chunked", "close"]
FRAMINGS += [
    "short length",
    "long length",
    "two lengths",
    "negative length",
    "length in words",
    "huge length",
]
FRAMINGS += ["chunked junk", "chunked cut", "chunked with a trailer", "chunked and length", "huge chunk"]
CODINGS = [
    "none",
    "none",
    "gzip",
    "damaged gzip",
    "cut gzip",
    "no gzip",
    "bomb",
    "gzip twice",
    "gzip and more",
]
PACES = [
    "at once",
    "at once",
    "at once",
    "bytes",
    "pieces",
    "pause",
    "stall",
    "close",
    "reset",
    "extra",
    "early",
]
PACES += ["close before", "reset before", "1xx", "many 1xx", "drip", "1xx without end", "endless"]


@st.composite
def answers(draw: st.DrawFn) -> Spec:
    """One answer, as data; two of three are wrong in one way only, as what is wrong early hides the rest."""
    spec: Spec = {"where": draw(st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.999]))}
    ways = [
        "rows",
        "rows",
        "rows",
        "links",
        "cursor",
        "body",
        "status",
        "line",
        "headers",
        "framing",
        "coding",
        "pace",
    ]
    for way in draw(st.lists(st.sampled_from(ways), min_size=1, max_size=draw(st.sampled_from([1, 1, 3])))):
        spec[way] = {
            "rows": st.sampled_from([*ROWS]),
            "links": st.sampled_from([*LINKS]),
            "cursor": st.sampled_from(
                ["again", "the same rows", "empty page", "first page", "larger", "smaller"]
            ),
            "body": st.sampled_from([*BODIES]) | st.binary(max_size=60),
            "status": st.integers(100, 599)
            | st.sampled_from([204, 206, 301, 302, 304, 307, 401, 403, 404, 429, 500, 503]),
            "line": st.sampled_from(STATUS_LINES),
            "headers": st.lists(st.sampled_from(HEADERS), min_size=1, max_size=3),
            "framing": st.sampled_from([*FRAMINGS]),
            "coding": st.sampled_from([*CODINGS]),
            "pace": st.sampled_from([*PACES]),
        }[way].map(lambda value: value)
        spec[way] = draw(spec[way])
    return spec


# --- the server


def _truth(name: str, query: dict[str, str]) -> list[Page]:
    return [rows_of(name)[number] for number in _chosen(name, _which(query))]


def _json(value: Any) -> bytes:
    """JSON as it may come, numbers that are none included."""
    return _Encoder().encode(value).encode()


class _Encoder(json.JSONEncoder):
    def encode(self, o: Any) -> str:
        if isinstance(o, Raw):
            return o.text
        if isinstance(o, dict):
            return "{" + ",".join(f"{json.dumps(key)}:{self.encode(value)}" for key, value in o.items()) + "}"
        if isinstance(o, list):
            return "[" + ",".join(map(self.encode, o)) + "]"
        return super().encode(o)


class AnyServer:
    """Answers what is planned, one for each request, and honestly when nothing is planned any more.

    Attributes:
        plan: The answers to come.
        sent: How many of them have been sent.
        elsewhere: The port where nothing may ever be asked.
        visits: How often something was.
    """

    def __init__(self) -> None:
        self.plan: deque[Spec] = deque()
        self.sent = 0
        self.visits = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._count = 0
        self._listener, self._other = (socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.elsewhere = f"http://127.0.0.1:{self._other.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads += [threading.Thread(target=self._be_visited, daemon=True)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        for listener in (self._listener, self._other):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join(BOUND)

    def connections(self) -> int:
        with self._lock:
            return len(self._open)

    def _be_visited(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._other.accept()
                self.visits += 1
                visitor.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._lock:
                    self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    part = connection.recv(65536)
                    if not part:
                        break
                    received += part
                else:
                    head, _, received = received.partition(b"\r\n\r\n")
                    with self._lock:
                        spec = self.plan.popleft() if self.plan else {}
                        self.sent += bool(spec)
                    if self._answer(connection, head, spec):
                        continue
                break
            self._wait_for_the_end(connection)
        with self._lock:
            self._open.discard(connection)

    def _wait_for_the_end(self, connection: socket.socket) -> None:
        """Have the client close the connection, once it has been told that no more comes."""
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    def _answer(self, connection: socket.socket, head: bytes, spec: Spec) -> bool:
        """Answer a request; False if no more can be asked over this connection."""
        url = urlsplit(head.split(b" ")[1].decode())
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        pace = spec.get("pace", "at once")
        if pace.endswith("before"):
            if pace.startswith("reset"):
                _reset(connection)
            return False
        body, status = self._content(url.path, query, spec)
        whole = _framed(body, spec, spec.get("status", status), self.elsewhere)
        goes_on = not {"line", "framing"} & spec.keys() and b"Connection: close" not in whole
        return _send(connection, whole, pace, spec.get("where", 0.5)) and goes_on

    def _content(self, path: str, query: dict[str, str], spec: Spec) -> tuple[bytes, int]:
        if "body" in spec:
            return BODIES.get(spec["body"], spec["body"]) if isinstance(spec["body"], str) else spec[
                "body"
            ], 200
        parts = path.strip("/").split("/")[2:]
        name = parts[0]
        if name not in HOW_MANY:
            return b'{"detail":"Not found."}', 404
        if len(parts) > 1:
            return self._single(name, [int(part) for part in parts[1:]], spec)
        damage = ROWS.get(spec.get("rows", ""))
        if name == "mes":
            page: Page = {"results": [dict(row) for row in _truth(name, query)], "query": query}
            if damage is not None:
                damage(page, name, spec["where"])
            return _json(page["results"]), 200
        page = self._page(name, query, spec.get("cursor", "")) | {"query": query}
        if damage is not None and page["results"]:
            damage(page, name, spec["where"])
        link = LINKS.get(spec.get("links", ""))
        if link is not None:
            link(page, name, spec["where"])
        del page["query"]
        return _json(page), 200

    def _single(self, name: str, keys: list[int], spec: Spec) -> tuple[bytes, int]:
        names = ["dataset_id", "run_number", "ls_number", "me_id"][: len(keys)]
        found = [row for row in rows_of(name) if [row[key] for key in names] == keys]
        if not found:
            return b'{"detail":"No Run matches the given query."}', 404
        page: Page = {"results": [dict(found[0])], "query": dict.fromkeys(names)}
        damage = ROWS.get(spec.get("rows", ""))
        if damage is not None and damage not in (_doubled, _backwards, _swapped):
            damage(page, name, spec["where"])
        elif damage is not None:
            return _json(page["results"]), 200
        return _json(
            page["results"][0] if isinstance(page["results"], list) and page["results"] else page["results"]
        ), 200

    def _page(self, name: str, query: dict[str, str], kind: str) -> Page:
        wanted = query.get("fields", "")
        chosen = _chosen(name, _which(query))
        begin = sum(number < (_position(query.get("next_token", "")) or 0) for number in chosen)
        size = _page_size(query) if kind != "larger" else _page_size(query) + 3
        if kind == "smaller":
            size = max(1, size // 3)
        if kind == "first page":
            begin = 0
        here = chosen[begin : begin + size] if kind != "empty page" else []
        end = begin if kind in ("the same rows", "empty page") else begin + len(here)
        link = None
        if end < len(chosen):
            with self._lock:
                self._count += 1
                count = self._count
            token = _cursor(chosen[end], count)
            if kind == "again" and "next_token" in query:
                token = query["next_token"]
            link = f"{self.elsewhere}/api/v1/{name}/?{urlencode({**query, 'next_token': token})}"
        rows = [rows_of(name)[number] for number in here]
        fields = wanted.split(",")
        shown = [{key: row[key] for key in row if not wanted or key in fields} for row in rows]
        return {"next": link, "previous": None, "results": shown}


def _framed(body: bytes, spec: Spec, status: int, elsewhere: str) -> bytes:
    headers = [header.replace(b"ELSEWHERE", elsewhere.encode()) for header in spec.get("headers", [])]
    if not any(header.startswith(b"Content-Type") for header in headers):
        headers.append(b"Content-Type: application/json")
    coding = spec.get("coding", "none")
    if coding != "none":
        headers.append(b"Content-Encoding: gzip")
        body = _coded(body, coding, spec["where"])
    framing = spec.get("framing", "length")
    length = {
        "short length": len(body) // 2,
        "long length": len(body) + 50,
        "negative length": -1,
        "huge length": 10**30,
    }.get(framing, len(body))
    if framing.endswith("length"):
        headers.append(b"Content-Length: %d" % length)
    if framing == "two lengths":
        headers += [b"Content-Length: %d" % len(body), b"Content-Length: 3"]
    if framing == "length in words":
        headers.append(b"Content-Length: many")
    if "chunk" in framing:
        headers.append(b"Transfer-Encoding: chunked")
        body = _chunks(body, framing)
    line = spec.get("line", b"HTTP/1.1 %d Whatever" % status)
    return b"\r\n".join([line, *headers, b"", b""]) + (body if status not in (204, 304) else b"")


def _coded(body: bytes, coding: str, where: float) -> bytes:
    if coding == "bomb":
        return gzip.compress(b" " * BOMB + body, 1)
    packed = bytearray(gzip.compress(body, 1))
    if coding == "damaged gzip":
        packed[10 + int(where * (len(packed) - 11))] ^= 0x55
    if coding == "cut gzip":
        del packed[10 + int(where * (len(packed) - 12)) :]
    if coding == "gzip twice":
        return gzip.compress(bytes(packed))
    if coding == "gzip and more":
        packed += b"more of it"
    return body if coding == "no gzip" else bytes(packed)


def _chunks(body: bytes, framing: str) -> bytes:
    parts = [body[n : n + 700] for n in range(0, len(body), 700)]
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    if framing == "chunked junk":
        chunks.insert(len(chunks) // 2, b"zz\r\nno chunk\r\n")
    if framing == "huge chunk":
        return b"".join(chunks) + b"ffffffffffffffffffff\r\nx"
    if framing == "chunked cut":
        return b"".join(chunks[: len(chunks) // 2])
    end = b"0\r\nX-Trailer: y\r\n\r\n" if framing == "chunked with a trailer" else b"0\r\n\r\n"
    return b"".join(chunks) + end


def _send(connection: socket.socket, whole: bytes, pace: str, where: float) -> bool:
    """Send an answer at a pace; False if the connection is to end."""
    at = max(1, int(where * len(whole)))
    if pace == "bytes":
        for n in range(60):
            connection.sendall(whole[n : n + 1])
            time.sleep(0.001)
        connection.sendall(whole[60:])
    elif pace == "pieces":
        for n in range(0, len(whole), 1 + len(whole) // 10):
            connection.sendall(whole[n : n + 1 + len(whole) // 10])
            time.sleep(PAUSE)
    elif pace in ("pause", "stall"):
        connection.sendall(whole[:at])
        time.sleep(PAUSE)
        if pace == "stall":  # until the client gives up
            connection.settimeout(BOUND)
            connection.recv(1)
            return False
        connection.sendall(whole[at:])
    elif pace in ("close", "reset"):
        connection.sendall(whole[:at])
        if pace == "reset":
            _reset(connection)
        return False
    elif pace in ("drip", "1xx without end", "endless"):
        _without_end(connection, whole, pace)
        return False
    elif pace == "extra":
        connection.sendall(whole + whole)
    elif pace == "early":  # the answer to a request that nobody has sent
        connection.sendall(whole)
        time.sleep(PAUSE)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n[17]"
        )
    elif pace.endswith("1xx"):
        connection.sendall(
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * (300 if pace == "many 1xx" else 1)
        )
        connection.sendall(whole)
    else:
        connection.sendall(whole)
    return True


def _without_end(connection: socket.socket, whole: bytes, pace: str) -> None:
    """Send until the client has enough."""
    if pace == "endless":
        connection.sendall(whole.split(b"\r\n")[0] + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    until = time.monotonic() + BOUND
    while time.monotonic() < until:
        if pace == "endless":
            connection.sendall(b"100000\r\n" + b" " * 2**20 + b"\r\n")
        elif pace == "drip":
            connection.sendall(whole[:1] or b" ")
            whole = whole[1:]
            time.sleep(PAUSE)
        else:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(PAUSE)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
    connection.close()


# --- what is asked

QUESTIONS: dict[str, list[tuple[str, type[Filters], dict[str, Any]]]] = {
    "run": [
        ("run", RunFilters, {"run_number__gte": 367_010, "run_number__lte": 367_033, "page_size": 7}),
        ("run", RunFilters, {"run_number": 367_112}),
        ("run", RunFilters, {"dataset_id": SPLIT, "run_number__lte": FIRST_RUN + 9}),
    ],
    "lumi": [
        ("lumisection", LumisectionFilters, {"dataset_id": SPLIT, "run_number": FIRST_RUN, "page_size": 50})
    ],
    "h1d": [
        ("th1", LumisectionHistogram1DFilters, {"dataset_id": SPLIT, "ls_number__lte": 5, "page_size": 20}),
        ("th1", LumisectionHistogram1DFilters, {"run_number": FIRST_RUN, "me_id": 2, "ls_number__lte": 30}),
    ],
    "h2d": [
        ("th2", LumisectionHistogram2DFilters, {"dataset_id": SPLIT, "ls_number__gte": 98, "page_size": 5})
    ],
}
ASKED = [(name, *question) for name, questions in QUESTIONS.items() for question in questions]


class Credentials:
    def before_request(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = f"Bearer {SECRET}"


def shown(rows: Any) -> list[Page]:
    """Rows as they came; of a name that came as half a character no client can say what it was."""
    names = {SPLIT: rows_of("th1")[0]["dataset"]}
    return [
        {**row, "dataset": names.get(row["dataset_id"], DATASET)} if row.get("dataset") == HALF else row
        for row in (one.dict() for one in rows)
    ]


def texts(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), "".join(traceback.format_exception(error)))
    if isinstance(error, errors.DialsError):
        yield from (str(error.advice), repr(vars(error)))


class AnyAnswer(RuleBasedStateMachine):
    """One client, and calls of it that follow each other."""

    @initialize()
    def begin(self) -> None:
        gc.collect()
        self.threads = set(threading.enumerate())
        self.files = _open_files()
        self.server = AnyServer()
        self.log = io.StringIO()
        self.handler = logging.StreamHandler(self.log)
        logging.getLogger().addHandler(self.handler)
        self.dials = Dials(Credentials(), "tracker", self.server.url, timeout=TIMEOUT)
        self.waits: list[float] = []
        self.dials._session._sleep = self.waits.append
        self.folder = tempfile.TemporaryDirectory()
        self.good: Result[Any] | None = None

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        try:
            self.goes_on()
        finally:
            self.dials.close()
            self.end()

    def goes_on(self) -> None:
        """The same client lists as if nothing had been."""
        self.server.plan.clear()
        name, of, kind, question = ASKED[0]
        rows = getattr(self.dials, name).list_all(kind(**question), retries=50, enable_progress=False)
        assert rows.complete
        assert shown(rows) == truth(of, question)

    def end(self) -> None:
        until = time.monotonic() + BOUND
        while self.server.connections() and time.monotonic() < until:
            time.sleep(0.005)
        assert not self.server.connections(), "a connection is left behind"
        self.server.close()
        assert not self.server.visits, "something was asked elsewhere"
        logging.getLogger().removeHandler(self.handler)
        assert SECRET not in self.log.getvalue()
        self.folder.cleanup()
        del self.dials, self.good
        left = set(threading.enumerate()) - self.threads
        # What is done in the background keeps its threads, as many as there was work at one time.
        kept = {thread for thread in left if thread.name == "cmsdials"}
        assert len(kept) <= 12
        for thread in left - kept:
            thread.join(BOUND)
            assert not thread.is_alive(), thread
        gc.collect()
        assert _open_files() <= self.files

    def ended(self, call: Callable[[], Any]) -> Any:
        """Return what a call returns, or the error of ours that it raises; it ends within its bound."""
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                asked = pool.submit(call)
                if not concurrent.futures.wait([asked], BOUND).done:
                    sys.stderr.write("it does not end\n")
                    os._exit(3)  # nothing else would end it
                try:
                    outcome = asked.result()
                except errors.DialsError as error:
                    outcome = error
        if isinstance(outcome, errors.DialsError):
            assert not any(SECRET in text for text in texts(outcome))
            assert outcome.advice
        assert not [one for one in warned if SECRET in str(one.message)]
        assert not [one for one in warned if issubclass(one.category, ResourceWarning)]
        self.server.plan.clear()
        return outcome

    @rule(
        plan=st.lists(answers(), min_size=1, max_size=3),
        asked=st.sampled_from(ASKED),
        retries=st.sampled_from([0, 1, 2]),
    )
    def list_one(self, plan: list[Spec], asked: Any, retries: int) -> None:
        name, of, kind, question = asked
        self.server.plan.extend(plan)
        result = self.ended(lambda: getattr(self.dials, name).list(kind(**question), retries=retries))
        if not isinstance(result, errors.DialsError):
            self.holds(result, truth(of, question))

    @rule(
        plan=st.lists(answers(), min_size=1, max_size=4),
        asked=st.sampled_from(ASKED),
        retries=st.sampled_from([0, 1, 2]),
        keep=st.booleans(),
        saves=st.booleans(),
        concurrency=st.sampled_from([1, 3]),
        again=st.lists(answers(), max_size=2),
    )
    def list_many(
        self,
        plan: list[Spec],
        asked: Any,
        retries: int,
        keep: bool,
        saves: bool,
        concurrency: int,
        again: list[Spec],
    ) -> None:
        name, of, kind, question = asked
        path = Path(self.folder.name, "listing.dials") if saves else None
        options: dict[str, Any] = {"retries": retries, "keep_failed": keep, "enable_progress": False}
        options |= {"concurrency": concurrency, "checkpoint": path}
        resource_ = getattr(self.dials, name)
        before: Any = path
        for answers_ in (plan, again):
            self.server.plan.extend(answers_)
            result = self.ended(
                lambda before=before: resource_.list_all(kind(**question), resume_from=before, **options)
            )
            if not isinstance(result, errors.DialsError):
                self.holds(result, truth(of, question))
                assert result.complete is (result.exc_type is None)
                before = path or result
            elif keep:
                assert isinstance(result, errors.CheckpointError), "what came was to be kept"
        if path is not None and path.exists():
            assert SECRET.encode() not in path.read_bytes()
            stored = load(path)
            self.holds(stored, truth(of, question))
            path.unlink()
        assert {one.name for one in Path(self.folder.name).iterdir()} <= {"listing.dials.lock"}

    @rule(
        plan=st.lists(answers(), min_size=1, max_size=3),
        asked=st.sampled_from(ASKED),
        by_page=st.booleans(),
        concurrency=st.sampled_from([1, 1, 3]),
    )
    def stream(self, plan: list[Spec], asked: Any, by_page: bool, concurrency: int) -> None:
        name, of, kind, question = asked
        rows: list[Page] = []

        def walk() -> str:
            listed = getattr(self.dials, name)
            if by_page:
                with listed.pages(kind(**question), retries=1, concurrency=concurrency) as pages:
                    for page in pages:
                        rows.extend(shown(page.rows))
            else:
                with contextlib.closing(
                    listed.iterate(kind(**question), retries=1, concurrency=concurrency)
                ) as each:
                    rows.extend(shown([row])[0] for row in each)
            return "all"

        self.server.plan.extend(plan)
        outcome = self.ended(walk)
        true = truth(of, question)
        assert rows == (true if outcome == "all" else true[: len(rows)])

    @rule(plan=st.lists(answers(), min_size=1, max_size=2), what=st.sampled_from(["run", "h1d", "h2d"]))
    def get(self, plan: list[Spec], what: str) -> None:
        of = {"run": "run", "h1d": "th1", "h2d": "th2"}[what]
        row = rows_of(of)[17]
        keys = {key: row[key] for key in ("dataset_id", "run_number", "ls_number", "me_id") if key in row}
        self.server.plan.extend(plan)
        found = self.ended(lambda: getattr(self.dials, what).get(**keys, retries=1))
        assert isinstance(found, errors.DialsError) or shown([found]) == [row]

    @rule(plan=st.lists(answers(), min_size=1, max_size=2))
    def mes(self, plan: list[Spec]) -> None:
        self.server.plan.extend(plan)
        found = self.ended(lambda: self.dials.mes.list(retries=1))
        if not isinstance(found, errors.DialsError):  # nothing says in which order these come
            assert sorted(shown(found), key=lambda row: row["me_id"]) == rows_of("mes")

    @rule(plan=st.lists(answers(), min_size=1, max_size=2))
    def coverage(self, plan: list[Spec]) -> None:
        question = {"dataset_id": SPLIT, "run_number": FIRST_RUN, "me_id": 1}
        if self.good is None:
            fields = ["dataset_id", "run_number", "ls_number", "me_id"]
            filters = LumisectionHistogram1DFilters(**question)
            self.good = self.dials.h1d.list_all(filters, retries=50, fields=fields, enable_progress=False)
        result = self.good
        self.server.plan.extend(plan)
        found = self.ended(lambda: self.dials.h1d.coverage(result, retries=1, enable_progress=False))
        if not isinstance(found, errors.DialsError):
            assert found.complete
            assert [(row.expected, row.retrieved) for row in found.rows] == [(100, 100)]

    def holds(self, result: Any, true: list[Page]) -> None:
        rows = shown(result)
        assert rows == (true if result.complete else true[: len(rows)])
        assert SECRET not in repr(result)
        assert SECRET not in str(result.exc_formatted)


def truth(name: str, question: dict[str, Any]) -> list[Page]:
    return _truth(name, {key: str(value) for key, value in question.items()})


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


AnyAnswer.TestCase.settings = settings(max_examples=settings().max_examples // 5, stateful_step_count=10)


# In a process of its own: what others have left in pieces is not counted to it.
if ALONE in os.environ:

    class TestAnyAnswer(AnyAnswer.TestCase):  # type: ignore[misc,name-defined]
        @pytest.fixture(autouse=True)
        def _memory_stays_flat(self) -> Iterator[None]:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            yield
            most = (
                MOST_GROWTH_OF_MANY
                if settings().max_examples > settings.get_profile("default").max_examples
                else MOST_GROWTH
            )
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < most

else:

    def test_any_answer() -> None:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"{__file__}::TestAnyAnswer",
        ]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            command, env=env | {ALONE: "1"}, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
