"""Ctrl-C at any moment ends a request at once, locks nothing, and loses no later request; threads end when told to."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cmsdials.errors import ConnectionFailedError
from cmsdials.http.request import Call
from cmsdials.http.response import Answer
from cmsdials.http.transport import Exchange, new_client
from cmsdials.runtime.interrupts import Stop, Stopped, sleep
from cmsdials.undisclosed import Undisclosed

from .conftest import HERE, Client, FaultServer
from .server import rows_of
from .test_each_fault import tls_server  # noqa: F401  # a fixture

ROUNDS = 3000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 400
BOUND = 60.0  # seconds after which a test gives up; the server keeps what it holds for much longer
LOGGED_IN = Undisclosed({"Authorization": "Bearer token-0"})
LIST = {"method": "GET", "url": "/api/v1/run/", "params": {"page_size": 3}}

posix = pytest.mark.skipif(os.name != "posix", reason="one process cannot send another a Ctrl-C")


@contextlib.contextmanager
def child(url: str, rounds: int = 0, seed: int = 0) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, HERE / "interrupted.py", url, str(rounds), str(seed)],
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
    good, caught, runs = json.loads(out)
    assert caught == ROUNDS
    assert good > ROUNDS / 10, "some were interrupted between requests, and after others"
    assert runs == [row["run_number"] for row in rows_of("run")]


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


def connecting_to(port: int) -> bool:
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any(line[2].endswith(f":{port:04X}") and line[3] == "02" for line in lines)  # SYN_SENT


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
            until(lambda: before or connecting_to(port) or process.poll() is not None)
            assert ended_by_an_interrupt(process)


def test_what_nobody_wants_any_more_is_not_sent_when_a_connection_has_come_at_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        call = Call("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/", Undisclosed({}), b"{}")
        exchange = Exchange(call, Undisclosed({}), BOUND)
        with new_client(BOUND, BOUND, None, secure=False) as client:
            note = client.note

            def forsaken_while_connecting(exchange: Exchange, event: str, info: dict[str, Any]) -> None:
                if event.endswith("connect_tcp.started"):
                    exchange.forsake()
                note(exchange, event, info)

            client.note = forsaken_while_connecting
            with pytest.raises(Stopped):
                exchange.over(client)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b"", "it was closed, and nothing was written"


def test_what_is_forsaken_before_it_has_begun_is_not_sent_at_all() -> None:
    call = Call("POST", "http://127.0.0.1:9/", Undisclosed({}), b"{}")
    exchange = Exchange(call, Undisclosed({}), BOUND)
    assert exchange.forsake() is None
    with new_client(BOUND, BOUND, None, secure=False) as client, pytest.raises(Stopped):
        exchange.over(client)


def test_a_request_that_begins_while_its_client_is_given_up_gets_another(server: FaultServer) -> None:
    server.begin()
    call = Call("GET", f"{server.url}api/v1/run/?page_size=3", Undisclosed({}), None)
    forsaken, wanted = (Exchange(call, LOGGED_IN, BOUND) for _ in range(2))
    with (
        new_client(BOUND, BOUND, None, secure=False) as client,
        new_client(BOUND, BOUND, None, secure=False) as other,
    ):
        client.begin(forsaken)
        client.abandon()
        assert wanted.over(client) is None
        answer = wanted.over(other)
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert len(server.asked) == 1


def test_a_client_that_somebody_has_begun_to_use_is_not_broken_off(server: FaultServer) -> None:
    server.begin()
    call = Call("GET", f"{server.url}api/v1/run/?page_size=3", Undisclosed({}), None)
    forsaken, wanted = (Exchange(call, LOGGED_IN, BOUND) for _ in range(2))
    with new_client(BOUND, BOUND, None, secure=False) as client:
        client.begin(forsaken)
        note = client.note

        def given_up_when_connected(exchange: Exchange, event: str, info: dict[str, Any]) -> None:
            note(exchange, event, info)
            if event.endswith("connect_tcp.complete"):
                forsaken.is_forsaken = True
                client.abandon()

        client.note = given_up_when_connected
        answer = wanted.over(client)
        assert isinstance(answer, Answer)
        assert client.is_closed, "nobody waits for what is still under way"


# --- threads


class Threads:
    """Threads that ask, each with the same stop."""

    def __init__(self, client: Client, stop: Stop, how_many: int, retries: int = 5) -> None:
        self.ended_by: list[BaseException | None] = []
        self._client = client
        self._stop = stop
        self._retries = retries
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(how_many)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        try:
            with self._stop.heeded():
                self._client.dials._session.perform(LIST, bytes, retries=self._retries)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test looks at it
            self.ended_by.append(error)
        else:
            self.ended_by.append(None)

    def join(self) -> list[Any]:
        for thread in self._threads:
            thread.join(BOUND)
            assert not thread.is_alive()
        return [type(error) for error in self.ended_by]


@pytest.fixture
def patient(server: FaultServer) -> Iterator[Client]:
    server.begin()
    client = Client(server)
    with client.dials:
        yield client


def test_threads_that_wait_for_answers_end_when_told_to(server: FaultServer, patient: Client) -> None:
    server.begin({number: {"kind": "hold"} for number in range(4)})
    stop = Stop()
    threads = Threads(patient, stop, 4)
    server.wait_until_asked(4)
    connected = patient.dials._session._pool.client()
    stop.set()
    assert threads.join() == [Stopped] * 4
    assert patient.dials._session._pool.client() is not connected, "its connections are broken off"
    server.begin()
    assert [row.dict() for row in patient.dials.run.list_all()] == rows_of("run")


def test_threads_that_wait_for_answers_in_tls_end_when_told_to(
    tls_server: FaultServer,  # noqa: F811  # the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    tls_server.begin({number: {"kind": "stall_body"} for number in (1, 2)})
    client = Client(tls_server, url=tls_server.url.replace("http:", "https:"))
    with client.dials:
        assert Threads(client, Stop(), 1).join() == [type(None)]
        connected = client.dials._session._pool.client()
        stop = Stop()
        threads = Threads(client, stop, 2)
        tls_server.wait_until_asked(3)
        stop.set()
        assert threads.join() == [Stopped] * 2
        until(lambda: connected.is_closed)  # by the last of those that were broken off
        assert Threads(client, Stop(), 1).join() == [type(None)]


def test_a_session_that_is_closed_ends_what_is_under_way(server: FaultServer, patient: Client) -> None:
    server.begin({0: {"kind": "hold"}})
    threads = Threads(patient, Stop(), 1, retries=0)
    server.wait_until_asked(1)
    patient.dials.close()
    assert threads.join() == [ConnectionFailedError]


def test_one_that_is_stopped_leaves_the_others_alone(server: FaultServer, patient: Client) -> None:
    server.begin({0: {"kind": "hold"}, 1: {"kind": "hold"}})
    stop = Stop()
    stopped, others = Threads(patient, stop, 1), Threads(patient, Stop(), 1)
    server.wait_until_asked(2)
    stop.set()
    assert stopped.join() == [Stopped]
    server.tell("release")
    assert others.join() == [type(None)]


def test_threads_that_back_off_end_when_told_to(server: FaultServer) -> None:
    server.begin({0: {"kind": "status", "status": 503, "retry_after": "50"}})
    client = Client(server)
    waits = threading.Event()

    def really_wait(seconds: float) -> None:
        waits.set()
        sleep(10 * seconds)  # longer than the test waits for the end

    client.dials._session._sleep = really_wait
    with client.dials:
        stop = Stop()
        threads = Threads(client, stop, 1)
        assert waits.wait(BOUND)
        held = Threads(client, stop, 2)
        stop.set()
        assert threads.join() == [Stopped]
        assert held.join() == [Stopped] * 2
    assert len(server.asked) == 1, "the gate held the others back"


def test_a_stop_that_is_set_already_sends_nothing(server: FaultServer, patient: Client) -> None:
    stop = Stop()
    stop.set()
    assert Threads(patient, stop, 1).join() == [Stopped]
    assert server.asked == []
