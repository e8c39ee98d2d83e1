"""Bodies that are not what they should be: a refusal, and the sandbox goes on without a word on its standard error."""

import base64
import contextlib
import json
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest

BOUND = 120
DEEP = 100_000

BODIES = {
    "lists": b"[" * DEEP + b"]" * DEEP,
    "lists that do not end": b"[" * DEEP,
    "objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "lists in a field": b'{"device_code":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "many digits": b'{"seconds":' + b"9" * 5000 + b',"model_id__in":[' + b"9" * 5000 + b"]}",
    "bad UTF-8": b'{"device_code":"\xff\xfe"}',
    "a text": b"hello",
    "nothing": b"",
    "a number alone": b"1",
    "NaN": b'{"seconds":NaN,"model_id__in":[NaN]}',
    "another encoding": '{"seconds":1}'.encode("utf-16"),
}
OF_V112 = {
    "fields that are no text": b'{"device_code":' + b"9" * 4000 + b',"refresh_token":1e400}',
    "fields that are deep": b'{"device_code":' + b"[" * 900 + b"]" * 900 + b"}",
    "half a character": b'{"device_code":"\\ud800","refresh_token":"\\ud800"}',
}
PATHS = [
    "api/v1/auth/device-token/",
    "api/v1/auth/refresh-token/",
    "api/v1/ml-bad-lumisection/cert-json/",
    "api/v1/ml-bad-lumisection/golden-json/",
    "sandbox/cache/advance/",
    "sandbox/logins/account/",
    "sandbox/logins/approve/",
]
JSON = "application/json"


@contextlib.contextmanager
def quiet(generation):
    """A client of a sandbox of which no traceback may be seen."""
    command = [sys.executable, "-m", "cmsdials_sandbox", "--port=0", "--json", "--stop-on-eof"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, f"--generation={generation}"], **pipes) as process:
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(base_url=url, headers={"X-CLIENT-SECRET": "sandbox"}, timeout=BOUND) as client:
            yield client
            assert client.get("api/v1/run/").status_code == 200
        process.stdin.close()
        assert process.wait(timeout=BOUND) == 0
        assert "Traceback" not in process.stderr.read()


def test_today():
    with quiet("now") as client:
        for path in PATHS:
            for what, body in BODIES.items():
                answer = client.post(path, content=body, headers={"Content-Type": JSON})
                assert answer.status_code == 400, (path, what, answer.text)
            for kind in ("text/plain", "application/xml", "", "multipart/form-data; boundary=x"):
                answer = client.post(path, content=b"{}", headers={"Content-Type": kind})
                assert answer.status_code in (400, 415), (path, kind)
        for seconds in (b"1e400", b"-1", b"9" * 400, b"true"):
            answer = client.post(
                "sandbox/cache/advance/",
                content=b'{"seconds":' + seconds + b"}",
                headers={"Content-Type": JSON},
            )
            assert answer.status_code == (200 if seconds == b"true" else 400)


def test_v112():
    """It breaks on what is no object, as the service does, but says so with a page of its own."""
    with quiet("v1.12") as client:
        for path in PATHS[:2]:
            for what, body in (BODIES | OF_V112).items():
                answer = client.post(path, content=body, headers={"Content-Type": JSON})
                is_deep = (b"[[" in body and what in BODIES) or what == "objects"
                assert answer.status_code in ((400,) if is_deep else (400, 500)), (path, what)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("", b"", 400),
        ("Content-Length: x\r\n", b"{}", 400),
        ("Content-Length: -1\r\n", b"{}", 400),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", b"{}", 400),
        ("Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", b"186a0\r\n" + b"[" * DEEP + b"\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", 501),
        ("Content-Length: 100000000\r\n", b"[" * 1000, 413),
        ("Content-Length: 100000000000\r\n", b"[" * 1000, 413),
        ("Transfer-Encoding: chunked\r\n", b"5f5e100\r\n" + b"[" * 2_000_000, 413),
    ],
)
def test_lengths(now, headers, body, status):
    """What is refused unread is not waited for either: these bodies never come whole."""
    at = urlsplit(now.sandbox.url)
    with socket.create_connection((at.hostname, at.port), timeout=BOUND) as connection:
        head = f"POST /api/v1/ml-bad-lumisection/cert-json/ HTTP/1.1\r\nHost: {at.netloc}\r\n"
        head += f"X-CLIENT-SECRET: {now.sandbox.secret}\r\nContent-Type: {JSON}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body)
        assert int(connection.recv(4096).split()[1]) == status
    assert now.json("run/")["results"]


def test_a_cursor_that_is_deep_breaks_it_as_any_that_cannot_be_read(now):
    at = urlsplit(now.sandbox.url)
    cursor = base64.b64encode(b"p=" + b"[" * 20_000).decode().replace("=", "%3D").replace("+", "%2B")
    with socket.create_connection((at.hostname, at.port), timeout=BOUND) as connection:
        head = (
            f"GET /api/v1/run/?next_token={cursor} HTTP/1.0\r\nX-CLIENT-SECRET: {now.sandbox.secret}\r\n\r\n"
        )
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split()[1] == b"500"
    assert b"Server Error (500)" in answer
