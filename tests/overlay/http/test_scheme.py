"""https for a server that speaks plain HTTP, and http for one that speaks TLS: an error at once that says which to write."""

import socket
import ssl
import threading

import pytest
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import ConnectionFailedError, DialsError
from cmsdials_sandbox import Sandbox

from tests.overlay.http import network

SECRET = "correct-horse-battery-staple"


class Server(network.Listener):
    """Says something to whoever says anything, or says nothing at all until it is asked in plain HTTP."""

    def __init__(self, says: bytes, *, silent: bool = False) -> None:
        self._says, self._silent = says, silent
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        while said := connection.recv(65536):
            self.seen.append(said)
            if not self._silent or said.startswith(b"HEAD"):
                connection.sendall(self._says)
                return


def ask(url: str, *, retries: int | None = None, **options: object) -> DialsError:
    with (
        Dials(Credentials(token=SECRET), "tracker", base_url=url, **{"timeout": None, **options}) as dials,
        pytest.raises(DialsError) as caught,
    ):
        dials.run.count(retries=retries)
    return caught.value


def check(failure: DialsError, instead: str) -> None:
    assert isinstance(failure, ConnectionFailedError)
    assert (failure.phase, failure.attempts) == ("scheme", 1)
    assert f"Check base_url: is it {instead} instead?" in str(failure)
    assert SECRET not in str(failure)


def test_the_sandbox_with_https(sandbox_now: Sandbox) -> None:
    """Its server waits for the end of a request. Without a limit of time that would be for ever."""
    check(ask(sandbox_now.url.replace("http:", "https:")), sandbox_now.url)


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere/\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
    ],
)
def test_a_server_that_is_silent_until_it_is_asked_in_plain_http(says: bytes) -> None:
    with Server(says, silent=True) as server:
        check(ask(f"https://127.0.0.1:{server.port}/"), f"http://127.0.0.1:{server.port}/")
        assert not any(SECRET.encode() in said for said in server.seen)


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_server_that_answers_a_handshake_with_something_else(says: bytes) -> None:
    with Server(says) as server:
        check(ask(f"https://127.0.0.1:{server.port}/"), f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize(
    "says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP/1.1 497 \r\n\r\n", b"220 mail\r\n", b""]
)
def test_a_server_with_tls_that_is_slow_is_waited_for(says: bytes) -> None:
    """It may be one with TLS: only its own time limit ends that."""
    with Server(says, silent=True) as server:
        failure = ask(f"https://127.0.0.1:{server.port}/", timeout=3, retries=0)
    assert isinstance(failure, TimeoutError)
    assert failure.phase == "connect"


def test_a_handshake_that_takes_long_and_succeeds(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = network.Authority(tmp_path_factory.mktemp("authority"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    was_asked = threading.Event()

    class Slow(network.Dials):
        def serve(self, connection: socket.socket) -> None:
            if connection.recv(4, socket.MSG_PEEK) == b"HEAD":  # as nginx does
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                was_asked.set()
                return
            assert was_asked.wait(network.BOUND)
            super().serve(connection)

    with (
        Slow(tls=authority.server, says=lambda: network.answer(b'{"count": 3}')) as server,
        Dials(
            Credentials(token=SECRET), "tracker", f"https://127.0.0.1:{server.port}/", timeout=None
        ) as dials,
    ):
        assert dials.run.count() == 3


def test_http_for_a_server_with_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = network.Authority(tmp_path_factory.mktemp("authority"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server)

    class OfTLS(network.Listener):
        def serve(self, connection: socket.socket) -> None:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            incoming.write(connection.recv(65536))
            with pytest.raises(ssl.SSLError):
                context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
            connection.sendall(outgoing.read() or b"\x15\x03\x01\x00\x02\x02\x46")

    with OfTLS() as server:
        check(ask(f"http://127.0.0.1:{server.port}/"), f"https://127.0.0.1:{server.port}/")
