"""Ctrl-C at any moment ends a request at once, locks nothing, and loses no request of later or of other threads."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials import Dials
from cmsdials.errors import ConnectionFailedError

from .conftest import HERE, FaultServer, Tokens
from .interrupted_import import USES
from .server import rows_of
from .test_each_fault import tls_server  # noqa: F401  # a fixture

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ROUNDS = 3000 if NIGHTLY else 400
BOUND = 60.0  # seconds after which a test gives up; the server keeps what it holds for much longer
LIST = {"method": "GET", "url": "/api/v1/run/", "params": {"page_size": 3}}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"

posix = pytest.mark.skipif(os.name != "posix", reason="one process cannot send another a Ctrl-C")


@contextlib.contextmanager
def child(url: str, rounds: int = 0, seed: int = 0, others: int = 0) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, HERE / "interrupted.py", url, str(rounds), str(seed), str(others)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], object]) -> None:
    """Wait until something is true that no event tells of."""
    bound = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < bound
        time.sleep(0.005)


@posix
@pytest.mark.parametrize("seed", [1, 2])
def test_interrupted_again_and_again(server: FaultServer, seed: int) -> None:
    server.begin()
    with child(server.url, ROUNDS, seed) as process:
        out, err = process.communicate()  # it watches itself
    assert process.returncode == 0, err
    assert err == ""
    good, caught, runs, *_ = json.loads(out)
    assert caught == ROUNDS
    assert good > ROUNDS / 10, "some were interrupted between requests, and after others"
    assert runs == [row["run_number"] for row in rows_of("run")]


@posix
def test_others_that_ask_all_the_while_lose_nothing(server: FaultServer) -> None:
    server.begin()
    with child(server.url, ROUNDS // 4, 3, others=2) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    _, caught, runs, met, good = json.loads(out)
    assert caught == ROUNDS // 4
    assert met == []
    assert good > ROUNDS // 4
    assert runs == [row["run_number"] for row in rows_of("run")]


@posix
@pytest.mark.parametrize("library", USES)
def test_an_import_that_is_interrupted_goes_on(server: FaultServer, library: str) -> None:
    pytest.importorskip(library)
    server.begin()
    moments = 1000 if NIGHTLY else 6
    command = [sys.executable, HERE / "interrupted_import.py", server.url, library, str(moments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 1, "there was an import"


def ended_by_an_interrupt(process: subprocess.Popen[str]) -> bool:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=BOUND)
    assert (process.returncode, err) == (0, "")
    return out == "KeyboardInterrupt\n"


@posix
@pytest.mark.parametrize("kind", ["hold", "stall_body"])
def test_a_server_that_never_answers(server: FaultServer, kind: str) -> None:
    server.begin({0: {"kind": kind}})
    with child(server.url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        server.wait_until_asked(1)
        assert ended_by_an_interrupt(process)


def connecting_to(port: int) -> int:
    """How many are trying to."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(line[2].endswith(f":{port:04X}") and line[3] == "02" for line in lines)  # SYN_SENT


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux alone says who is connecting")
def test_a_server_that_never_takes_a_connection() -> None:
    with contextlib.ExitStack() as open_ones:
        listener = open_ones.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(2):  # as many as it keeps without being accepted
            waiting = open_ones.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        before = connecting_to(port)
        with child(f"http://127.0.0.1:{port}/") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "asking\n"
            until(lambda: connecting_to(port) > before or process.poll() is not None)
            assert ended_by_an_interrupt(process)


# --- what becomes of the connections


class Holding:
    """A server that answers when the test does."""

    def __init__(self, listener: socket.socket, tls: Path | None = None) -> None:
        self.listener = listener
        self.listener.settimeout(BOUND)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}/"
        self._tls = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls)

    def asked(self) -> socket.socket:
        """Wait for a request over a new connection, and return the connection."""
        connection, _ = self.listener.accept()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        connection.settimeout(BOUND)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        return connection


@pytest.fixture(params=["plain", "TLS"])
def holding(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Holding]:
    certificate = None
    if request.param == "TLS":
        request.getfixturevalue("tls_server")  # which makes the certificate
        certificate = tmp_path / "server.pem"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Holding(listener, certificate)


def is_broken_off(connection: socket.socket) -> bool:
    with connection, contextlib.suppress(ConnectionResetError, ssl.SSLError):
        return connection.recv(1) == b""
    return True


def ask(dials: Dials, **options: Any) -> bytes:
    return dials._session.perform(LIST, bytes, retries=0, **options)


def interrupted(dials: Dials, until_then: Callable[[], Any]) -> Any:
    """Ask, and be interrupted when `until_then` returns; return what it returned."""
    returned: list[Any] = []
    ended = threading.Event()

    def interrupt() -> None:
        try:
            returned.append(until_then())
        finally:
            if not ended.is_set():
                os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(dials)
    finally:
        ended.set()
    thread.join()
    return returned[0]


class Asking(threading.Thread):
    """A thread that asks once."""

    def __init__(self, dials: Dials) -> None:
        super().__init__(daemon=True)
        self.got: bytes | ConnectionFailedError | None = None
        self._dials = dials
        self.start()

    def run(self) -> None:
        try:
            self.got = ask(self._dials)
        except ConnectionFailedError as error:
            self.got = error

    def answer(self) -> Any:
        self.join(BOUND)
        return self.got


@posix
def test_an_interrupt_breaks_the_connection_off_and_the_next_request_has_another(holding: Holding) -> None:
    with Dials(Tokens(), "tracker", holding.url, timeout=None) as dials:
        assert is_broken_off(interrupted(dials, holding.asked))
        again = Asking(dials)
        with holding.asked() as connection:
            connection.sendall(ANSWER)
            assert again.answer() == b"[]"


@posix
def test_others_on_the_same_client_get_their_answers_and_with_them_it_is_closed(holding: Holding) -> None:
    with Dials(Tokens(), "tracker", holding.url, timeout=None) as dials:
        other = Asking(dials)
        theirs = holding.asked()
        ours = interrupted(dials, holding.asked)
        later = Asking(dials)
        with holding.asked() as connection:  # while theirs is still awaited
            connection.sendall(ANSWER)
            assert later.answer() == b"[]"
        assert other.got is None
        theirs.sendall(ANSWER)
        assert other.answer() == b"[]"
        assert is_broken_off(ours)
        assert is_broken_off(theirs)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux alone says who is connecting")
def test_a_connection_that_comes_too_late_carries_no_request() -> None:
    with contextlib.ExitStack() as open_ones:
        listener = open_ones.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        server = Holding(listener)
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(2):  # as many as it keeps without being accepted
            waiting.append(open_ones.enter_context(socket.socket()))
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(("127.0.0.1", port))
        before = connecting_to(port)
        with Dials(Tokens(), "tracker", server.url, timeout=None) as dials:
            interrupted(dials, lambda: until(lambda: connecting_to(port) > before))
            known = {one.getsockname() for one in waiting}
            while True:  # until ours has come at last
                connection, address = listener.accept()
                if address not in known:
                    break
                connection.close()
            connection.settimeout(BOUND)
            assert is_broken_off(connection)


def test_a_session_that_is_closed_ends_what_is_under_way(holding: Holding) -> None:
    dials = Dials(Tokens(), "tracker", holding.url, timeout=None)
    asking = Asking(dials)
    connection = holding.asked()
    dials.close()
    assert isinstance(asking.answer(), ConnectionFailedError)
    assert is_broken_off(connection)
