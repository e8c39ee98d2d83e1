"""Answers without end, over real sockets: each exchange is over after some time and some bytes, with an error of ours."""

import contextlib
import gzip
import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import (
    ConnectionFailedError,
    DialsError,
    IncompleteBodyError,
    RedirectError,
    RequestTimeoutError,
    ServerError,
)
from cmsdials.filters import LumisectionHistogram1DFilters
from cmsdials.http.network import Bound
from cmsdials_sandbox import Sandbox

from . import network

BODY = json.dumps(network.PAGE).encode()
LENGTH = f"Content-Length: {len(BODY)}\r\n\r\n".encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = OK + b"Content-Encoding: gzip\r\n"


class Clock:
    """The time, which passes as the server says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("cmsdials.http.network.time", clock)
    return clock


class Server(network.Listener):
    """Does with each request what it was given to do, and ends the connection."""

    def __init__(self, does: Callable[[Any], None], tls: Any = None) -> None:
        self._does = does
        super().__init__(tls=tls)

    def serve(self, connection: Any) -> None:
        stream = self.stream_of(connection)
        with stream, contextlib.suppress(ssl.SSLError):
            self.seen.append(network.head_of(stream)[0])
            self._does(stream)


def dials_at(port: int, timeout: Any = 60, scheme: str = "http") -> Dials:
    return Dials(Credentials(token="a-secret"), "tracker", f"{scheme}://localhost:{port}/", timeout=timeout)


def failure(does: Callable[[Any], None], timeout: Any = 60) -> DialsError:
    with Server(does) as server, dials_at(server.port, timeout) as dials:
        with pytest.raises(DialsError) as caught:
            dials.run.list(retries=0)
        return caught.value


# --- time

DRIPS = {
    "status line": (b"", b"H"),
    "reason": (b"HTTP/1.1 200 O", b"K"),
    "header": (OK + b"X-Long: ", b"x"),
    "headers": (OK, b"X: y\r\n"),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "interim headers": (b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n"),
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "body without end": (OK + b"\r\n", b" "),
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "size of a chunk": (CHUNKED + b"1;", b"e"),
    "chunks with much around them": (CHUNKED, b"1;" + b"e" * 500 + b"\r\n \r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n"),
    "compressed": (ZIPPED + b"\r\n", None),
    "error": (b"HTTP/1.1 500 No\r\n\r\n", b" "),
    "redirect": (b"HTTP/1.1 301 Away\r\nLocation: /\r\n\r\n", b" "),
    "forbidden by the proxy": (b"HTTP/1.1 407 No\r\nContent-Length: 100000\r\n\r\n", b" "),
}


def dripping(clock: Clock, begin: bytes, drop: bytes | None) -> Callable[[Any], None]:
    zipped = gzip.compress(os.urandom(2000))

    def drip(stream: Any) -> None:
        stream.sendall(begin)
        for number in range(2000):  # far more than wanted, so that what does not end fails otherwise
            clock.ahead += 10
            stream.sendall(zipped[number : number + 1] if drop is None else drop)

    return drip


@pytest.mark.parametrize("where", DRIPS)
def test_what_drips_is_over_in_the_end(where: str, clock: Clock) -> None:
    error = failure(dripping(clock, *DRIPS[where]))
    assert isinstance(error, RequestTimeoutError)
    assert (error.phase, error.is_too_slow) == ("read", True)
    assert "was not complete within" in error.message
    assert error.seconds is not None
    assert 120 <= error.seconds < 130
    assert "smaller page_size" in error.advice


def test_what_drips_over_the_time_that_the_user_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = threading.Event()

    def drip(stream: Any) -> None:
        stream.sendall(CHUNKED)
        for _ in range(1000):
            if gone.wait(0.01):
                return
            stream.sendall(b"1\r\n \r\n")

    began = time.monotonic()
    error = failure(drip, timeout=(60, 0.2))
    gone.set()
    assert isinstance(error, RequestTimeoutError)
    assert time.monotonic() - began >= 0.2


def test_without_a_timeout_it_drips_to_its_end(clock: Clock) -> None:
    def drip(stream: Any) -> None:
        for byte in OK + LENGTH + BODY:
            clock.ahead += 1000
            stream.sendall(bytes([byte]))

    with Server(drip) as server, dials_at(server.port, None) as dials:
        assert len(dials.run.list()) == 0


def test_a_slow_download_that_lives_succeeds(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(network.PAGE).encode() + b" " * 3_000_000
    received: queue.SimpleQueue[int] = queue.SimpleQueue()
    count = Bound.received

    def counted(bound: Bound, size: int) -> None:
        count(bound, size)
        received.put(size)

    monkeypatch.setattr(Bound, "received", counted)

    def slowly(stream: Any) -> None:
        head = OK + f"Content-Length: {len(body)}\r\n\r\n".encode()
        for piece in (head, *(body[start : start + 100_000] for start in range(0, len(body), 100_000))):
            stream.sendall(piece)
            left = len(piece)
            while left:
                left -= received.get(timeout=network.BOUND)
            clock.ahead += 9

    with Server(slowly) as server, dials_at(server.port) as dials:
        assert len(dials.run.list(retries=0)) == 0
    assert clock.ahead > 2 * 120


def test_a_page_that_drips_is_asked_for_in_smaller_ones(clock: Clock) -> None:
    asked: list[str] = []

    def serve(stream: Any) -> None:
        asked.append(server.seen[-1])
        if "page_size=500" in asked[-1]:
            dripping(clock, OK + b"\r\n", b" ")(stream)
        else:
            stream.sendall(network.answer(Connection="close"))

    with Server(serve) as server, dials_at(server.port) as dials:
        assert len(dials.run.list_all(enable_progress=False)) == 0
    assert [one.partition("page_size=")[2].split()[0] for one in asked] == ["500", "250"]


@pytest.mark.parametrize("begin", [b"", b"\x16\x03\x03\x40\x00"], ids=["silence", "a record"])
def test_a_tls_handshake_that_drips(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()

    class Dripping(network.Listener):
        def serve(self, connection: Any) -> None:
            connection.sendall(begin)
            for _ in range(1000):
                if gone.wait(0.02):
                    return
                if begin:
                    connection.sendall(b"\x02")

    with Dripping() as server, dials_at(server.port, (0.2, 60), "https") as dials:
        with pytest.raises(RequestTimeoutError) as caught:
            dials.run.list(retries=0)
        gone.set()
    assert caught.value.phase == "connect"


def test_a_proxy_that_drips_its_answer(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(dripping(clock, b"HTTP/1.1 200 Connected\r\n", b"X: y\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        with dials_at(1, scheme="https") as dials, pytest.raises(RequestTimeoutError) as caught:
            dials.run.list(retries=0)
    assert caught.value.phase == "connect"
    assert "no connection within 120 s" in caught.value.message


class Slow(network.HttpProxy):
    """A proxy over TLS that passes on what a server says in many small records."""

    def __init__(self, tls: Any, clock: Clock, pieces: int) -> None:
        self._clock, self._pieces = clock, pieces
        super().__init__(tls)

    def serve(self, connection: Any) -> None:
        assert self._tls is not None
        with self._tls.wrap_socket(connection, server_side=True) as stream:
            network.head_of(stream)
            stream.sendall(b"HTTP/1.1 200 Connected\r\n\r\n" + b"\x16\x03\x03\x40\x00")
            for _ in range(self._pieces):
                self._clock.ahead += 10
                stream.sendall(b"\x02")


def test_tls_within_tls_that_drips(clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    authority = network.Authority(tmp_path)
    with Slow(authority.server, clock, 2000) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        with dials_at(1, scheme="https") as dials, pytest.raises(RequestTimeoutError) as caught:
            dials.run.list(retries=0)
    assert caught.value.phase == "connect"


def test_a_name_with_many_addresses_is_tried_within_the_bound(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def connect(address: Any, *_: Any, **__: Any) -> Any:
        tried.append(address)
        clock.ahead += 60
        raise TimeoutError

    found = [(2, 1, 6, "", (f"192.0.2.{last}", 80)) for last in range(1, 200)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("socket.create_connection", connect)
    with dials_at(80) as dials, pytest.raises(RequestTimeoutError) as caught:
        dials.run.list(retries=0)
    assert caught.value.phase == "connect"
    assert [host for host, _ in tried] == ["192.0.2.1", "192.0.2.2"]


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with network.Dials() as server:
        found = [(2, 1, 6, "", (host, server.port)) for host in ("127.0.0.2", "127.0.0.1")]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        with dials_at(server.port) as dials:
            assert len(dials.run.list(retries=0)) == 0


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "no-such-host.invalid"])
def test_a_name_that_has_no_address(host: str) -> None:
    creds = Credentials(token="a-secret")
    with Dials(creds, "tracker", f"http://{host}/") as dials, pytest.raises(ConnectionFailedError) as caught:
        dials.run.list(retries=0)
    assert caught.value.phase == "connect"


# --- bytes

MOST = 125_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmsdials.http.transport.LARGEST_ANSWER", MOST)
    monkeypatch.setattr("cmsdials.http.transport.LARGEST_ERROR", 2**16)


def endless(begin: bytes, piece: bytes) -> Callable[[Any], None]:
    def send(stream: Any) -> None:
        stream.sendall(begin)
        while True:
            stream.sendall(piece)

    return send


def bomb(format: int) -> tuple[bytes, bytes]:
    """The beginning of a compressed body, and what follows it again and again: 16 MB of zeros in 16 kB."""
    stream = zlib.compressobj(9, zlib.DEFLATED, format)
    begin = stream.compress(b"[") + stream.flush(zlib.Z_FULL_FLUSH)
    return begin, stream.compress(b"0," * 2**23) + stream.flush(zlib.Z_FULL_FLUSH)


GZIP, DEFLATE, RAW = bomb(zlib.MAX_WBITS | 16), bomb(zlib.MAX_WBITS), bomb(-zlib.MAX_WBITS)


def twice(inner: bytes) -> bytes:
    return ZIPPED[:-2] + b", gzip\r\n\r\n" + gzip.compress(inner)


FLOODS: dict[str, Callable[[Any], None]] = {
    "promised": lambda stream: stream.sendall(OK + b"Content-Length: 5368709120\r\n\r\n["),
    "promised by more digits": lambda stream: stream.sendall(OK + b"Content-Length: 99999999999999999999\r\n\r\n["),
    "without end": endless(OK + b"\r\n[", b"0," * 30_000),
    "in chunks": endless(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "in small chunks": endless(CHUNKED, b"1\r\n \r\n" * 5000),
    "around chunks": endless(CHUNKED, b"1;" + b"e" * 60_000 + b"\r\n \r\n"),
    "gzip": endless(ZIPPED + b"\r\n" + GZIP[0], GZIP[1]),
    "deflate": endless(OK + b"Content-Encoding: deflate\r\n\r\n" + DEFLATE[0], DEFLATE[1]),
    "deflate without a header": endless(OK + b"Content-Encoding: deflate\r\n\r\n" + RAW[0], RAW[1]),
    "gzip of gzip": lambda stream: stream.sendall(twice(GZIP[0] + GZIP[1] * 9)),
    "gzip of zeros of gzip": lambda stream: stream.sendall(twice(gzip.compress(b"[]") + bytes(2**25))),
    "behind gzip": endless(ZIPPED + b"\r\n" + gzip.compress(BODY), b"junk" * 10_000),
    "another coding": endless(OK + b"Content-Encoding: br\r\n\r\n", b"\x0b" * 10_000),
    "a web page": endless(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", b"<p>" * 10_000),
}  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS)
def test_too_much_is_an_error_of_ours(flood: str, small: None) -> None:
    error = failure(FLOODS[flood])
    assert type(error) is IncompleteBodyError
    assert (error.phase, error.is_too_slow) == ("size", True)
    assert f"larger than {MOST / 1e6:g} MB" in error.message
    assert "smaller page_size" in error.advice


OTHER_FLOODS = {
    "headers": (OK, b"X: y\r\n" * 1000),
    "one header": (OK + b"X: ", b"y" * 10_000),
    "the status": (b"HTTP/1.1 200 ", b"y" * 10_000),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 1000),
    "empty members": (ZIPPED + b"\r\n", gzip.compress(b"") * 1000),
    "codings": (OK + b"Content-Encoding: " + b"gzip," * 15_000 + b"gzip\r\n\r\n", b""),
}


@pytest.mark.parametrize("flood", OTHER_FLOODS)
def test_floods_of_what_is_no_body(flood: str) -> None:
    begin, piece = OTHER_FLOODS[flood]
    error = failure(endless(begin, piece) if piece else lambda stream: stream.sendall(begin + GZIP[0]))
    assert isinstance(error, ConnectionFailedError | IncompleteBodyError)
    assert len(str(error)) < 1000


@pytest.mark.parametrize(
    ("status", "kind"), [(500, ServerError), (302, RedirectError), (301, RedirectError), (599, ServerError)]
)
@pytest.mark.parametrize("coding", ["", "Content-Encoding: gzip\r\n"])
def test_only_the_beginning_of_an_error_is_read(
    status: int, kind: type[DialsError], coding: str, small: None
) -> None:
    head = f"HTTP/1.1 {status} No\r\nContent-Length: 5368709120\r\n{coding}\r\n".encode()
    error = failure(
        endless(head + GZIP[0], GZIP[1]) if coding else endless(head + b"It is down. ", b"y" * 9999)
    )
    assert type(error) is kind
    assert error.status_code == status  # type: ignore[attr-defined]
    assert coding or "It is down" in str(error) or kind is RedirectError
    assert len(error.body) <= 300  # type: ignore[attr-defined]


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    sandbox_now: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = LumisectionHistogram1DFilters(dataset_id=14677060, run_number=367112, me_id=1)
    with Dials(Credentials(token=sandbox_now.secret), "tracker", sandbox_now.url) as dials:
        whole = dials.h1d.list_all(filters, enable_progress=False)
        monkeypatch.setattr("cmsdials.http.transport.LARGEST_ANSWER", 60_000)
        pieces = dials.h1d.list_all(filters, enable_progress=False)
        assert pieces.complete
        assert [row.dict() for row in pieces] == [row.dict() for row in whole]
        monkeypatch.setattr("cmsdials.http.transport.LARGEST_ANSWER", 100)
        with pytest.warns(RuntimeWarning, match="stopped by IncompleteBodyError"):
            none = dials.h1d.list_all(filters, enable_progress=False, keep_failed=True)
        assert not none.complete


CHILD = """
import sys
from pathlib import Path
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import IncompleteBodyError
with Dials(Credentials(token="a-secret"), "tracker", sys.argv[1], timeout=300) as dials:
    try:
        dials.run.list(retries=0)
    except IncompleteBodyError as error:
        assert error.phase == "size", error
        # Not getrusage, which counts the process that has started this one.
        print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /proc")
def test_a_bomb_takes_no_more_memory_than_the_largest_answer() -> None:
    with Server(FLOODS["gzip"]) as server:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, f"http://localhost:{server.port}/"],
            capture_output=True,
            text=True,
            timeout=network.BOUND,
            check=True,
        )
    assert int(done.stdout) * 1024 < 400 * 2**20
