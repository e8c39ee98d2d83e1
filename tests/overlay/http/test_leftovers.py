"""Connections that say more than one answer, over real sockets: none of it is taken for the answer to the next request."""

import contextlib
import json
import queue
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import DialsError, IncompleteBodyError, ResponseError

from . import network


def run_page(number: int) -> bytes:
    row = {"dataset_id": 14677060, "dataset": "/Z/R/D", "run_number": number, "ls_count": 9}
    return json.dumps({"next": None, "previous": None, "results": [row]}).encode()


TRUE = network.answer(run_page(111))
FORGED = network.answer(run_page(666))


def chunked(body: bytes, more: bytes = b"") -> bytes:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        + more
        + b"\r\n"
    )
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def with_status(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n".encode() + body


class Server(network.Listener):
    """Says the same to the first request of each connection, then what is true; notes the requests of each.

    Attributes:
        more: What is said on the first connection after its first answer has been taken.
    """

    def __init__(self, says: bytes, tls: Path | None = None) -> None:
        self._says = says
        self.more: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.sent: queue.SimpleQueue[None] = queue.SimpleQueue()
        super().__init__(tls=tls)

    def serve(self, connection: Any) -> None:
        stream = self.stream_of(connection)
        requests: list[str] = []
        is_first = not self.seen
        self.seen.append(requests)
        with stream, contextlib.suppress(ssl.SSLError):
            while True:
                requests.append(network.head_of(stream)[0])
                stream.sendall(self._says if is_first and len(requests) == 1 else TRUE)
                if is_first and len(requests) == 1 and self._says == TRUE:
                    stream.sendall(self.more.get(timeout=network.BOUND))
                    self.sent.put(None)


def runs(dials: Dials) -> list[int]:
    return [row.run_number for row in dials.run.list(retries=0)]


@contextlib.contextmanager
def dials_at(server: Server, scheme: str = "http") -> Iterator[Dials]:
    creds = Credentials(token="a-secret")
    with Dials(creds, "tracker", f"{scheme}://localhost:{server.port}/", timeout=network.BOUND) as dials:
        yield dials


GOOD = {
    "a second answer": TRUE + FORGED,
    "many": TRUE + FORGED * 500,
    "half an answer": TRUE + FORGED[:-40],
    "the beginning of one": TRUE + b"HTTP/1.1 404 No\r\nX-Long: ",
    "a byte": TRUE + b"H",
    "an empty line": TRUE + b"\r\n",
    "a longer body": TRUE + b"   ",
    "an interim answer": TRUE + b"HTTP/1.1 100 Continue\r\n\r\n",
    "an upgrade": TRUE + b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "no HTTP": TRUE + b"\x00\xff" * 99,
    "behind chunks": chunked(run_page(111)) + FORGED,
    "chunks behind chunks": chunked(run_page(111)) + b"0\r\n\r\n",
    "behind an interim answer": b"HTTP/1.1 103 Early Hints\r\n\r\n" + TRUE + FORGED,
    "many interim answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 99 + TRUE + FORGED,
}


@pytest.mark.parametrize("how", GOOD)
def test_what_follows_an_answer_is_not_the_next_one(how: str) -> None:
    with Server(GOOD[how]) as server, dials_at(server) as dials:
        assert [runs(dials), runs(dials), runs(dials)] == [[111]] * 3
        assert [len(requests) for requests in server.seen] == [1, 2]


BAD = {
    "an empty answer with a body": with_status("204 No Content", FORGED),
    "not modified with a body": with_status("304 Not Modified", FORGED),
    "an error": network.answer(b"{}", "404 Not Found") + FORGED,
    "a redirect": network.answer(b"", "302 Found", Location="/elsewhere/") + FORGED,
    "a missing slash": network.answer(b"", "301 Moved", Location="http://elsewhere.test/") + FORGED,
    "two lengths": network.answer(b"{}", "200 OK", Content_Length="400") + FORGED,
    "two framings": chunked(run_page(666), b"Content-Length: 4\r\n") + FORGED,
    "two framings, the other way": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n" + chunked(run_page(666))[17:] + FORGED,
    "no framing that is known": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + FORGED,
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + FORGED,
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + FORGED,
    "only interim answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000 + FORGED,
    "a part": network.answer(run_page(666), "206 Partial Content", Content_Range="bytes 0-99/100") + FORGED,
    "changes": network.answer(run_page(666), "226 IM Used"),
}  # fmt: skip


@pytest.mark.parametrize("how", BAD)
def test_nor_is_what_follows_an_answer_that_is_none(how: str) -> None:
    with Server(BAD[how]) as server, dials_at(server) as dials:
        with pytest.raises(DialsError) as caught:
            runs(dials)
        assert [runs(dials), runs(dials)] == [[111]] * 2
    assert "666" not in str(caught.value)


@pytest.mark.parametrize("status", ["206 Partial Content", "226 IM Used"])
def test_a_part_is_no_answer(status: str) -> None:
    with Server(network.answer(run_page(666), status)) as server, dials_at(server) as dials:
        with pytest.raises(IncompleteBodyError, match="is a part of what was asked for") as caught:
            runs(dials)
        assert caught.value.phase == "body"
        assert [row.run_number for row in dials.run.list()] == [111]


def test_a_head_has_no_body(session_type: Any) -> None:
    with Server(FORGED) as server:
        url = f"http://localhost:{server.port}"
        with session_type(url, None, "tracker", timeout=network.BOUND) as session:
            ask = {"method": "HEAD", "url": "/api/v1/run/"}
            assert session.perform(ask, bytes, retries=0) == b""
            assert session.perform(ask | {"method": "GET"}, bytes, retries=0) == run_page(111)


@pytest.mark.parametrize("says", [FORGED, b"\r\n", b"H"])
def test_what_comes_later_is_not_the_next_answer_either(says: bytes) -> None:
    with Server(TRUE) as server, dials_at(server) as dials:
        assert runs(dials) == [111]
        server.more.put(says)
        server.sent.get(timeout=network.BOUND)
        assert [runs(dials), runs(dials)] == [[111]] * 2
        assert [len(requests) for requests in server.seen] == [1, 2]


def test_the_same_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = network.Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    for says in (TRUE + FORGED, TRUE + b" " * 40_000 + FORGED):
        with Server(says, authority.server) as server, dials_at(server, "https") as dials:
            assert [runs(dials), runs(dials), runs(dials)] == [[111]] * 3
            assert len(server.seen) == 2


def test_the_same_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(TRUE + FORGED) as proxy:
        monkeypatch.setenv("http_proxy", f"http://localhost:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        with Dials(Credentials(token="a-secret"), "tracker", "http://dials.test/", timeout=60) as dials:
            assert [runs(dials), runs(dials), runs(dials)] == [[111]] * 3


def test_good_connections_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = network.Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with Server(chunked(run_page(111)), authority.server) as server, dials_at(server, "https") as dials:
        assert [runs(dials) for _ in range(5)] == [[111]] * 5
        assert [len(requests) for requests in server.seen] == [5]
    with network.all_of(Server(chunked(run_page(111))), network.SocksProxy()) as (server, proxy):
        monkeypatch.setenv("ALL_PROXY", f"socks5://localhost:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        with dials_at(server) as dials:
            assert [runs(dials) for _ in range(5)] == [[111]] * 5
        assert [len(requests) for requests in server.seen] == [5]


def test_an_error_keeps_the_connection() -> None:
    with Server(network.answer(b"{}", "404 Not Found")) as server, dials_at(server) as dials:
        with pytest.raises(ResponseError):
            runs(dials)
        assert runs(dials) == [111]
        assert [len(requests) for requests in server.seen] == [2]
