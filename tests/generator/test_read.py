"""Reading the published document: what is accepted, what is warned about, and a clear message for the rest."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from attrs import define, field
from cmsdials_generator import read
from cmsdials_generator.read import CannotRead, Published, read_document

DOCUMENT = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {}}
RAW = json.dumps(DOCUMENT).encode()
JSON = {"Content-Type": "application/json"}


@define
class Service:
    """A web server whose answers the test writes: path -> (status, headers, body)."""

    url: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(factory=dict)
    asked: list[tuple[str, str | None]] = field(factory=list)

    def says(self, body: bytes, status: int = 200, **headers: str) -> str:
        """Answer so at `/doc`, and return its URL."""
        self.answers["/doc"] = (
            status,
            {name.replace("_", "-"): value for name, value in headers.items()} or JSON,
            body,
        )
        return f"{self.url}/doc"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("NO_PROXY", "*")
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = service.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # The reader may have read enough.
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        server.shutdown()
        thread.join()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes | str], Path]:
    def write(content: bytes | str) -> Path:
        path = tmp_path / "published.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refusal(source: str | Path, **options: float) -> str:
    """The message with which `source` is refused; whatever it is, it names what was asked."""
    with pytest.raises(CannotRead) as caught:
        read_document(source, **options)
    message = str(caught.value)
    assert message.startswith("Cannot read ")
    assert "\n" not in message
    return message


class TestFiles:
    def test_strict(self, write: Callable[[bytes], Path]) -> None:
        path = write(RAW)
        assert read_document(path) == Published(str(path), RAW, DOCUMENT, ())
        assert read_document(str(path)).document == DOCUMENT

    def test_byte_order_mark(self, write: Callable[[bytes], Path]) -> None:
        published = read_document(write(b"\xef\xbb\xbf" + RAW))
        assert published.document == DOCUMENT
        assert published.raw.startswith(b"\xef\xbb\xbf")

    @pytest.mark.parametrize(
        ("text", "warning"),
        [
            ('{"openapi": "3.0.3",\n  "paths": {},\n}', "a trailing comma at line 2 column 14"),
            ('{"openapi": "3.0.3", "tags": [1, 2,], "paths": {}}', "a trailing comma at line 1 column 35"),
            ('{"openapi": "3.0.3",\n // why\n "paths": {}}', "a comment at line 2 column 2"),
            ('{"openapi": "3.0.3", /* why */ "paths": {}}', "a comment at line 1 column 22"),
            ('{"openapi": \'3.0.3\', "paths": {}}', "Expecting value at line 1 column 13"),
        ],
    )
    def test_lenient(self, write: Callable[[str], Path], text: str, warning: str) -> None:
        published = read_document(write(text))
        assert published.document["paths"] == {}
        (said,) = published.warnings
        assert warning in said
        assert "read leniently" in said

    def test_key_twice(self, write: Callable[[str], Path]) -> None:
        published = read_document(write('{"openapi": "3.0.3", "paths": {"/a": 1, "/a": 2}}'))
        assert published.document["paths"] == {"/a": 2}
        assert published.warnings == ('key "/a" stands more than once in an object; the last one was used',)

    def test_key_twice_leniently(self, write: Callable[[str], Path]) -> None:
        published = read_document(write('{"openapi": "3.0.3", "paths": {"/a": {}, "/a": {"b": 1,}}}'))
        assert published.document["paths"] == {"/a": {"b": 1}}
        assert ["leniently" in one for one in published.warnings] == [True, False]

    def test_not_a_number(self, write: Callable[[str], Path]) -> None:
        published = read_document(write('{"openapi": "3.0.3", "paths": {}, "x": [NaN, NaN]}'))
        assert published.warnings == ("NaN is not a JSON number; it was read as one",)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "it is empty"),
            (b" \n", "it is empty"),
            (b"\n <!doctype html><html></html>", "login or error page"),
            (b"\xff\xfe{\x00", "not UTF-8 text (byte 0)"),
            (gzip.compress(RAW, mtime=0), "compressed with gzip. Unpack it first"),
            (b'{"openapi": "4.0.0", "paths": {}}', "an OpenAPI '4.0.0' document"),
            (b'{"openapi": "3.0.3", "paths"', "not JSON, nor JSON with small mistakes"),
            (b"openapi: 3.0.3\npaths: {}\n", "looks like YAML"),
            (b"[1]", "a JSON array, not an OpenAPI document"),
            (b"null", "a JSON null"),
            (b"true", "a JSON boolean"),
            (b'"openapi"', "a JSON string"),
            (b"3.1", "a JSON number"),
            (b"{}", "without an `openapi` version"),
            (b'{"openapi": 3, "paths": {}}', "without an `openapi` version"),
            (b'{"openapi": "3.0.3"}', "without `paths`"),
            (b'{"openapi": "3.0.3", "paths": []}', "without `paths`"),
            (b'{"swagger": "2.0", "paths": {}}', "a Swagger 2.0 document, and OpenAPI 3 is needed"),
            (
                b'{"a": ' + b"[" * 800 + b"1," + b"]" * 800 + b"}",
                "nested too deeply, and it is not valid JSON",
            ),
            (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
            (b"[" * 2_000 + b"," + b"]" * 2_000, "nested too deeply"),
            (b'{"openapi": "3.0.3", "paths": ' + b"9" * 5000 + b"}", "beyond bounds"),
        ],
        ids=lambda value: value[:24] if isinstance(value, bytes) else None,
    )
    def test_refused(self, write: Callable[[bytes], Path], content: bytes, said: str) -> None:
        assert said in refusal(write(content))

    def test_missing(self, tmp_path: Path) -> None:
        message = refusal(tmp_path / "no.json")
        assert "there is no such file" in message
        assert str(tmp_path / "no.json") in message

    def test_directory(self, tmp_path: Path) -> None:
        assert "it is a directory" in refusal(tmp_path)

    def test_unreadable(self, write: Callable[[bytes], Path]) -> None:
        assert "Not a directory" in refusal(write(RAW) / "below")
        assert "Check the path" in refusal("a\0b")

    def test_too_large(self, write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
        path = write(RAW)
        monkeypatch.setattr(read, "MAX_BYTES", len(RAW))
        assert read_document(path).raw == RAW
        monkeypatch.setattr(read, "MAX_BYTES", len(RAW) - 1)
        assert "larger than" in refusal(path)

    def test_too_large_to_be_lenient(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(read, "MAX_LENIENT_BYTES", 10)
        message = refusal(write('{"openapi": "3.0.3", "paths": {},}'))
        assert "a trailing comma at line 1 column 33" in message
        assert "too large" in message


class TestWeb:
    def test_read(self, service: Service) -> None:
        url = service.says(RAW)
        assert read_document(url) == Published(url, RAW, DOCUMENT, ())

    def test_compressed(self, service: Service) -> None:
        url = service.says(gzip.compress(RAW), Content_Encoding="gzip")
        assert read_document(url).raw == RAW

    def test_compressed_wrongly(self, service: Service) -> None:
        assert "its gzip compression is damaged" in refusal(service.says(RAW, Content_Encoding="gzip"))
        assert "'br', which was not asked for" in refusal(service.says(RAW, Content_Encoding="br"))

    @pytest.mark.parametrize("kept", [10, 20, -9, -1])
    def test_a_compressed_answer_that_breaks_off(self, service: Service, kept: int) -> None:
        message = refusal(service.says(gzip.compress(RAW)[:kept], Content_Encoding="gzip"))
        assert "the compressed answer breaks off before its end" in message

    def test_a_small_answer_that_becomes_too_large(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cmsdials_generator.read.MAX_BYTES", 10_000)
        url = service.says(gzip.compress(b"[" + b" " * 5_000_000 + b"]"), Content_Encoding="gzip")
        assert "larger than" in refusal(url)

    @pytest.mark.parametrize(
        ("status", "advice"),
        [
            (401, "credentials"),
            (403, "credentials"),
            (404, "/static/swagger.json"),
            (503, "later"),
            (204, "address"),
        ],
    )
    def test_status(self, service: Service, status: int, advice: str) -> None:
        message = refusal(service.says(b"", status))
        assert f"answered HTTP {status}" in message
        assert advice in message

    def test_page(self, service: Service) -> None:
        assert "login or error page" in refusal(
            service.says(b"<html></html>", Content_Type="text/html; charset=utf-8")
        )
        assert "login or error page" in refusal(service.says(b"<html></html>", Content_Type="text/plain"))

    def test_redirect_on_the_same_host(self, service: Service) -> None:
        service.says(RAW)
        service.answers["/old"] = (301, {"Location": "/older"}, b"")
        service.answers["/older"] = (302, {"Location": f"{service.url}/doc"}, b"")
        published = read_document(f"{service.url}/old")
        assert published.document == DOCUMENT
        assert published.source == f"{service.url}/old"

    @pytest.mark.parametrize(
        ("location", "said"),
        [
            ("https://auth.example.org/login?secret=1", "to auth.example.org, which is not followed"),
            ("//localhost/doc", "to localhost, which is not followed"),
            ("ftp://127.0.0.1/doc", "leads nowhere"),
            ("", "leads nowhere"),
            ("http://user:hunter2@127.0.0.1:secret=1/", "redirects to an invalid address"),
            ("/doc", "redirected more than 5 times"),
        ],
    )
    def test_redirect_that_is_not_followed(self, service: Service, location: str, said: str) -> None:
        message = refusal(service.says(b"", 302, Location=location))
        assert said in message
        assert "secret=1" not in message
        assert "hunter2" not in message

    def test_no_way_from_https_to_http(self) -> None:
        answer = httpx.Response(302, headers={"Location": "http://dials.example.org/doc"})
        with pytest.raises(CannotRead, match=r"to http \(not https\) on dials.example.org"):
            read._redirected(
                httpx.URL("https://dials.example.org/doc"), answer, "https://dials.example.org/doc"
            )

    def test_too_large(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(read, "MAX_BYTES", 10)
        assert "larger than" in refusal(service.says(RAW))

    def test_refused_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "*")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/doc"
            assert "the connection was refused" in refusal(url)

    @pytest.mark.parametrize(
        "proxy", ["", "socks://127.0.0.1:1", "socks5://127.0.0.1:1", "http://[::1:1", "nonsense"]
    )
    @pytest.mark.parametrize("entry", ["[::1]", "[::1", "10.0.0.0/8", "fd00::/8", "*.cern.ch", "%"])
    def test_no_entry_of_no_proxy_is_in_the_way(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, entry: str, proxy: str
    ) -> None:
        monkeypatch.setenv("NO_PROXY", f"{entry},127.0.0.1")
        monkeypatch.setenv("ALL_PROXY", proxy)
        assert read_document(service.says(RAW)).document == DOCUMENT

    @pytest.mark.parametrize(
        "proxy", ["socks4://me:hunter2@h:1", "http://me:hunter2@[::1:1", "x://me:hunter2"]
    )
    def test_a_proxy_that_cannot_be_used(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
        monkeypatch.setenv("ALL_PROXY", proxy)
        message = refusal(service.says(RAW))
        assert "ALL_PROXY" in message
        assert "hunter2" not in message

    def test_a_proxy(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_PROXY")
        service.answers["http://dials.invalid/doc"] = (200, JSON, RAW)
        monkeypatch.setenv("HTTP_PROXY", service.url.removeprefix("http://"))
        assert read_document("http://dials.invalid/doc").document == DOCUMENT

    def test_no_answer_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "*")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/doc"
            assert "no answer within 0.05 s" in refusal(url, timeout=0.05)

    def test_an_answer_that_goes_on_and_on(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([0.0, 100.0])
        monkeypatch.setattr(read, "monotonic", lambda: next(clock))
        assert "not complete after 30 s" in refusal(service.says(RAW))

    def test_broken_off(self, service: Service) -> None:
        assert "the transfer failed" in refusal(service.says(RAW, Content_Length="100000"))

    def test_no_tls_there(self, service: Service) -> None:
        assert "no secure connection (TLS)" in refusal(service.url.replace("http:", "https:"))

    def test_unknown_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*args: object, **options: object) -> object:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        assert "not known (DNS)" in refusal("https://dials.example.org/doc")

    @pytest.mark.parametrize(
        "url", ["http://", "http://[::1/", "https://host:port/", "https://host:99999999/"]
    )
    def test_no_url(self, url: str) -> None:
        assert url in refusal(url)

    def test_other_schemes(self) -> None:
        assert "only http and https URLs" in refusal("ftp://host/doc")


class TestCredentials:
    def test_are_sent_and_not_shown(self, service: Service) -> None:
        url = service.says(RAW).replace("//", "//us%40er:pass%2Fword@")
        published = read_document(url)
        assert published.source == service.url.replace("//", "//***@") + "/doc"
        assert service.asked == [("/doc", httpx.BasicAuth("us@er", "pass/word")._auth_header)]

    @pytest.mark.parametrize(
        "url",
        [
            "{service}/missing",
            "ftp://user:hunter2@host/",
            "http://user:hunter2@[::1/",
            "http://user:hunt/er2@host/",
            "http://user:hunter2@host:port/",
            "http://hunter2@",
        ],
    )
    def test_are_in_no_message(self, service: Service, url: str) -> None:
        message = refusal(url.format(service=service.url.replace("//", "//user:hunter2@")))
        assert "hunt" not in message
        assert "er2" not in message
        assert "***@" in message

    def test_of_a_redirect_are_in_no_message(self, service: Service) -> None:
        message = refusal(service.says(b"", 302, Location="https://user:hunter2@elsewhere.example.org/"))
        assert "elsewhere.example.org" in message
        assert "hunter2" not in message
