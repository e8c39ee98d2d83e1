"""One step of the session over real sockets, where faults are what servers and networks really do."""

import contextlib
import gzip
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cmsdials import errors
from cmsdials.auth.secret_key import Credentials

SECRET = "correct-horse-battery-staple"
PAGE = {"next": None, "previous": None, "results": []}


class Handler(BaseHTTPRequestHandler):
    """Faults by path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers), self.client_address))
        getattr(self, "do_" + self.path.split("/")[-2].split("?")[0].replace("-", "_"))()

    def answer(self, body, status=200, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_good(self):
        self.answer(json.dumps(PAGE).encode())

    do_run = do_good

    def do_zipped(self):
        self.answer(gzip.compress(json.dumps(PAGE).encode()), Content_Encoding="gzip")

    def do_damaged(self):
        self.answer(b"\x1f\x8b\x08 nonsense", Content_Encoding="gzip")

    def do_cut_zip(self):
        self.answer(
            gzip.compress(json.dumps({"results": list(range(999))}).encode())[:200], Content_Encoding="gzip"
        )

    def do_short(self):
        self.answer(b'{"next"', length=99)
        self.close_connection = True

    def do_silent(self):
        self.close_connection = True

    def do_reset(self):
        self.answer(b'{"next"', length=99)
        self.wfile.flush()
        self.reset()

    def do_early_reset(self):
        self.reset()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def do_stuck(self):
        self.server.released.wait(10)
        self.close_connection = True

    def do_garbage(self):
        self.wfile.write(b"this is not HTTP\r\n\r\n")
        self.close_connection = True

    def do_away(self):
        self.answer(b"", 301, Location=f"{self.server.elsewhere}/api/v1/good/")

    def log_message(self, *_):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.released = threading.Event()
        self.elsewhere = ""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def handle_error(self, *_):
        """Resets are the point."""

    def stop(self):
        self.released.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def session(server, session_type):
    with session_type(
        server.url, Credentials(SECRET), "tracker", timeout=(120, 120), sleep=lambda _: None
    ) as session:
        yield session


def read_json(body):
    with contextlib.suppress(ValueError):
        return json.loads(body)
    raise errors.DecodeError


def get(session, name, **options):
    request = {"method": "GET", "url": f"/api/v1/{name}/"}
    return session.perform(request, read_json, **options)


@pytest.mark.parametrize("name", ["good", "zipped"])
def test_a_good_answer_over_a_socket(session, server, name):
    assert [get(session, name) for _ in range(5)] == [PAGE] * 5
    assert len({client for _, _, client in server.asked}) == 1, "one connection for all pages"
    assert server.asked[0][1]["X-CLIENT-SECRET"] == SECRET


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("damaged", errors.IncompleteBodyError),
        ("cut-zip", errors.IncompleteBodyError),
        ("short", errors.IncompleteBodyError),
        ("reset", errors.IncompleteBodyError),
        ("silent", errors.ConnectionFailedError),
        ("early-reset", errors.ConnectionFailedError),
        ("garbage", errors.ConnectionFailedError),
    ],
)
def test_a_fault_over_a_socket(session, server, name, kind, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(kind) as caught:
        get(session, name, retries=2)
    assert (type(caught.value), caught.value.attempts, len(server.asked)) == (kind, 3, 3)
    assert get(session, "good") == PAGE
    assert caught.value.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text


def test_a_timeout_over_a_socket(server, session_type):
    with (
        session_type(server.url, None, timeout=(120, 0.05)) as session,
        pytest.raises(TimeoutError, match=r"in 0\.05 s") as caught,
    ):
        get(session, "stuck", retries=0)
    assert (caught.value.phase, caught.value.seconds) == ("read", 0.05)


def test_a_refused_connection(server, session_type):
    server.stop()
    with (
        session_type(server.url, None) as session,
        pytest.raises(ConnectionError, match=r"no connection to 127\.0\.0\.1"),
    ):
        get(session, "good", retries=0)


def test_tls_to_a_server_without(server, session_type):
    with (
        session_type(server.url.replace("http:", "https:"), None) as session,
        pytest.raises(errors.ConnectionFailedError) as caught,
    ):
        get(session, "good", retries=0)
    assert caught.value.phase == "scheme"


def test_no_secret_goes_to_another_port(session, server):
    other = Server()
    try:
        server.elsewhere = other.url
        with pytest.raises(errors.RedirectError, match=f"redirects to {other.url}"):
            get(session, "away")
        assert (len(server.asked), other.asked) == (1, [])
    finally:
        other.stop()


# --- processes


BEGIN = """
import os, signal, sys, threading, warnings
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials

dials = Dials(Credentials("a-secret"), "tracker", sys.argv[1])
"""

FORK = """
dials.run.list()
child = os.fork()
if child == 0:
    dials.run.list()
    dials.close()
    os._exit(0)
assert threading.active_count() == 1
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
dials.run.list()
"""

FORK_AND_ASK = """
warnings.simplefilter("ignore")  # of threads and forks, which is what this is about
child = os.fork()
if child == 0:
    signal.alarm(300)  # a child that waits for what it has not must not outlive the test
    httpx.Client.__init__ = make
    dials.run.list()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""

FORK_WITH_A_THREAD_IN_BETWEEN = (
    "import os; os.register_at_fork(before=lambda: dials.run.list())  # runs after what cmsdials does before a fork"
    + BEGIN
    + "import httpx; make = httpx.Client.__init__; dials.run.list()"
    + FORK_AND_ASK
)

FORK_WHILE_CONNECTIONS_ARE_SET_UP = (
    BEGIN
    + """
import httpx, httpcore
begun, make = threading.Event(), httpx.Client.__init__

def never(*args, **options):
    begun.set()
    threading.Event().wait()

httpx.Client.__init__ = never
threading.Thread(target=dials.run.list, daemon=True).start()
begun.wait()
"""
    + FORK_AND_ASK
)

AT_EXIT = """
import atexit

@atexit.register
def at_the_end():
    with dials:
        print(dials.run.list())

Dials(Credentials("a-secret"), "tracker", sys.argv[1]).run.list()
"""


def run(script, server):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, server.url],
        check=False,
        timeout=600,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_finds_no_threads_and_leaves_its_parents_connections_alone(server):
    run(BEGIN + FORK, server)
    before, child, after = (client for _, _, client in server.asked)
    assert before == after != child


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(
    "script",
    [FORK_WITH_A_THREAD_IN_BETWEEN, FORK_WHILE_CONNECTIONS_ARE_SET_UP],
    ids=["a thread in between", "while connections are set up"],
)
def test_a_fork_starts_threads_and_connections_of_its_own(script, server):
    run(script, server)


def test_it_works_until_the_very_end(server):
    assert run(BEGIN + AT_EXIT, server) == "<0 rows of Run, complete>\n"
