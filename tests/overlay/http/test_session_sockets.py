"""One step of the session over real sockets, where faults are what servers and networks really do."""

import gzip
import json
import logging
import socket
import struct
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cmsdials import errors
from cmsdials.auth.secret_key import Credentials
from cmsdials.http.session import Session
from cmsdials.table.decode import read_json

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
        self.server.released.wait(120)
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
def session(server):
    with Session(
        server.url, Credentials(SECRET), "tracker", timeout=(120, 120), sleep=lambda _: None
    ) as session:
        yield session


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
        ("cut-zip", errors.DecodeError),
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


def test_a_timeout_over_a_socket(server):
    with (
        Session(server.url, None, timeout=(120, 0.05)) as session,
        pytest.raises(TimeoutError, match=r"in 0\.05 s") as caught,
    ):
        get(session, "stuck", retries=0)
    assert (caught.value.phase, caught.value.seconds) == ("read", 0.05)


def test_a_refused_connection(server):
    server.stop()
    with (
        Session(server.url, None) as session,
        pytest.raises(ConnectionError, match=r"no connection to 127\.0\.0\.1"),
    ):
        get(session, "good", retries=0)


def test_tls_to_a_server_without(server):
    with (
        Session(server.url.replace("http:", "https:"), None) as session,
        pytest.raises(errors.ConnectionFailedError) as caught,
    ):
        get(session, "good", retries=0)
    assert caught.value.phase == "tls"


def test_no_secret_goes_to_another_port(session, server):
    other = Server()
    try:
        server.elsewhere = other.url
        with pytest.raises(errors.RedirectError, match=f"redirects to {other.url}"):
            get(session, "away")
        assert (len(server.asked), other.asked) == (1, [])
    finally:
        other.stop()
