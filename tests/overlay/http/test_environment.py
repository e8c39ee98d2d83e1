"""What the environment says about the network, over real sockets: proxies, exceptions from them, certificates."""

import gzip
import itertools
import json
import os
import sys
import traceback
import warnings
import zlib
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cmsdials import Dials, errors
from cmsdials.auth.client import AuthClient
from cmsdials.auth.client_credentials import Credentials as Application
from cmsdials.auth.secret_key import Credentials
from cmsdials.http.environment import exempts

from . import network
from .network import Authority, HttpProxy, SocksProxy, all_of

LONG = 300.0
NOWHERE = "http://me:hunter2@127.0.0.1:1"  # a proxy that does not run
PASSWORD = "hunter2"
numbers = itertools.count()


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch):
    """Only the variables of the test."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT_") or name.endswith("_CA_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def service():
    with network.Dials() as service:
        yield service


@pytest.fixture
def secure(authority):
    with network.Dials(tls=authority.server) as service:
        yield service


def ask(url, timeout=LONG, retries=0):
    with Dials(Credentials(token="a-secret"), "tracker", url, timeout=timeout) as dials:
        return len(dials.run.list(retries=retries))


def refusal(url, kind=errors.ConfigurationError, **how):
    with pytest.raises(kind) as caught:
        ask(url, **how)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert PASSWORD not in shown
    assert caught.value.__context__ is None
    return caught.value


# --- exceptions from proxies ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "excepted", "others"),
    [
        # curl and requests decide alike
        ("10.0.0.0/8", ["10.1.2.3", "10.1.2.3:8080"], ["11.1.2.3", "[fd12::1]", "ten.cern.ch"]),
        ("10.1.2.3/8", ["10.9.9.9"], ["11.1.2.3"]),
        ("10.0.0.1", ["10.0.0.1", "10.0.0.1:8080"], ["10.0.0.10", "110.0.0.1"]),
        ("10.0.0.0/33", [], ["10.0.0.0"]),
        ("10.0.0", [], ["10.0.0.1", "7.10.0.0"]),
        ("192.168.*", [], ["192.168.1.1"]),
        ("127.0.0.0/8", ["127.0.0.1"], ["localhost"]),
        ("localhost", ["localhost", "a.localhost", "LOCALHOST"], ["127.0.0.1", "[::1]", "alocalhost"]),
        ("cern.ch", ["cern.ch", "dials.cern.ch", "Dials.CERN.ch", "cern.ch:8443"], ["notcern.ch", "cern.ch.org"]),
        (".cern.ch", ["cern.ch", "dials.cern.ch"], ["notcern.ch"]),
        ("CERN.CH", ["dials.cern.ch"], []),
        ("*.cern.ch", [], ["dials.cern.ch", "cern.ch"]),
        ("*cern.ch", [], ["dials.cern.ch", "cern.ch"]),
        ("als.cern.ch", [], ["dials.cern.ch"]),
        ("*", ["cern.ch", "10.0.0.1", "[::1]:8000"], []),
        (",,a.ch, cern.ch ,", ["dials.cern.ch", "a.ch"], ["b.ch"]),
        ("%%%!,cern.ch", ["dials.cern.ch"], ["b.ch"]),
        ("a.ch;cern.ch", [], ["a.ch", "cern.ch"]),
        ("http://cern.ch", [], ["cern.ch"]),
        ("", [], ["cern.ch", "10.0.0.1"]),
        (" , ", [], ["cern.ch"]),
        (".", [], ["cern.ch"]),
        # they differ: what one of them excepts is meant
        ("::1", ["[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]"], ["[::2]", "127.0.0.1"]),
        ("cern.ch.", ["dials.cern.ch"], []),
        ("cern.ch", ["dials.cern.ch."], []),
        ("a.ch cern.ch", ["a.ch", "dials.cern.ch"], []),
        ("dials.cern.ch:8080", ["dials.cern.ch:8080", "x.dials.cern.ch:8080"], ["dials.cern.ch:8081", "dials.cern.ch"]),
        ("1", [], ["10.0.0.1"]),  # requests takes an address for a name
        # neither reads them, and what they mean is plain
        ("[::1]", ["[::1]", "[::1]:8000"], ["[::2]"]),
        ("[::1]:8000", ["[::1]:8000"], ["[::1]:8001", "[::1]"]),
        ("fd00::/8", ["[fd12::1]", "[fdff::]:8000"], ["[fe80::1]", "10.0.0.1", "fd.cern.ch"]),
        ("[fd00::]/8", ["[fd12::1]"], ["[fe80::1]"]),
        ("10.0.0.1:8080", ["10.0.0.1:8080"], ["10.0.0.1:81"]),
        ("cern.ch:80", ["cern.ch"], ["cern.ch:81"]),
        ("10.0.0.0/255.0.0.0", ["10.1.1.1"], ["11.1.1.1"]),
        ("0.0.0.0/0", ["10.1.1.1"], ["[::1]", "cern.ch"]),
        ("a.ch,*", ["cern.ch"], []),
    ],
)  # fmt: skip
def test_the_hosts_that_an_exception_is_for(value, excepted, others):
    for host in [*excepted, *others]:
        assert exempts(value, f"http://{host}/") is (host in excepted), host


def test_the_port_of_https_is_known():
    assert exempts("cern.ch:443", "https://cern.ch/")
    assert not exempts("cern.ch:443", "http://cern.ch/")


READABLE = [
    "[::1]",
    "::1/128",
    "10.0.0.0/8",
    "fd00::/8",
    ".cern.ch",
    "a.ch:80",
    "my_host",
    "localhost,127.0.0.1,::1",
]
UNREADABLE = ["[::1", "10.0.0.0/33", "*.cern.ch", "http://a.ch", "<local>", "a.ch;b.ch", "]", "a:b:c:", "%", "é!", "/", "a/8"]  # fmt: skip


@pytest.mark.parametrize("proxy", ["", NOWHERE], ids=["without a proxy", "with one"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("entry", [*READABLE, *UNREADABLE])
def test_no_entry_keeps_a_request_from_being_sent(monkeypatch, service, entry, name, proxy):
    value = f"{entry}, 127.0.0.1,host{next(numbers)}"
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            assert ask(f"http://127.0.0.1:{service.port}/") == 0
    said = [str(one.message) for one in caught]
    if entry in READABLE:
        assert said == []
    else:
        assert len(said) == 1
        assert f"{name} has entries that are passed over" in said[0]
        assert repr(entry) in said[0]
        assert caught[0].category is RuntimeWarning
        assert Path(caught[0].filename) == Path(__file__)


def test_the_warning_shows_no_password(monkeypatch, service):
    monkeypatch.setenv("NO_PROXY", f"me:{PASSWORD}@proxy.cern.ch:3128,{'x/' * 200}")
    with pytest.warns(RuntimeWarning, match="NO_PROXY") as caught:
        ask(f"http://127.0.0.1:{service.port}/")
    assert PASSWORD not in str(caught[0].message)
    assert len(str(caught[0].message)) < 400


def test_an_exception_written_in_ipv6(monkeypatch):
    monkeypatch.setenv("http_proxy", NOWHERE)
    monkeypatch.setenv("no_proxy", "[::1]")
    with network.Dials("::1") as service:
        assert ask(f"http://[::1]:{service.port}/") == 0


# --- proxies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["127.0.0.1:{}", "http://127.0.0.1:{}", "HTTP://127.0.0.1:{}/", " //127.0.0.1:{} "]
)
@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_with_and_without_a_scheme(monkeypatch, name, written):
    with HttpProxy() as proxy:
        monkeypatch.setenv(name, written.format(proxy.port))
        assert ask("http://dials.invalid/") == 0  # only the proxy knows that name
    assert [seen[:2] for seen in proxy.seen] == [("GET", "http://dials.invalid/api/v1/run/")]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("me:pw", "Basic bWU6cHc="),
        ("me:p%40ss", "Basic bWU6cEBzcw=="),
        ("me:p@ss", "Basic bWU6cEBzcw=="),
        ("me:p#/s", "Basic bWU6cCMvcw=="),
        ("me", "Basic bWU6"),
    ],
)
def test_the_login_of_a_proxy(monkeypatch, authority, secure, written, sent):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with HttpProxy() as proxy:
        monkeypatch.setenv("https_proxy", f"http://{written}@127.0.0.1:{proxy.port}")
        assert ask(f"https://localhost:{secure.port}/") == 0
    assert proxy.seen == [("CONNECT", f"localhost:{secure.port}", sent)]


def test_a_proxy_that_wants_a_login(monkeypatch):
    with network.Dials(says=lambda: network.answer(b"", "407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        plain = refusal("http://dials.invalid/", errors.ResponseError)
        tunnel = refusal("https://dials.invalid/", errors.ConnectionFailedError)
    assert plain.status_code == 407
    assert "wants a login: in the variable that names the proxy" in plain.advice
    assert "the proxy that HTTPS_PROXY names" in str(tunnel)
    assert "407" in str(tunnel)


def test_a_proxy_over_tls_is_trusted_by_the_same_certificates(monkeypatch, authority, secure, service):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    with HttpProxy(tls=authority.server) as proxy:
        monkeypatch.setenv("all_proxy", f"https://127.0.0.1:{proxy.port}")
        assert ask(f"https://localhost:{secure.port}/") == 0
        assert ask(f"http://localhost:{service.port}/") == 0
    assert [method for method, _, _ in proxy.seen] == ["CONNECT", "GET"]


def test_the_proxy_of_a_scheme_goes_before_the_proxy_for_all(monkeypatch):
    with HttpProxy() as proxy:
        monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1:1")
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        assert ask("http://dials.invalid/") == 0


def test_a_script_of_a_web_server_ignores_what_a_request_can_set(monkeypatch, service):
    # A header "Proxy:" becomes HTTP_PROXY there.
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert ask(f"http://127.0.0.1:{service.port}/") == 0
    monkeypatch.delenv("REQUEST_METHOD")
    refusal(f"http://127.0.0.1:{service.port}/", errors.ConnectionFailedError)


@pytest.mark.parametrize(
    "value",
    [
        f"nonsense://me:{PASSWORD}@proxy/",
        f"socks4://me:{PASSWORD}@proxy:1080",
        f"http://me:{PASSWORD}",
        f"http://me:{PASSWORD}@",
        f"http://me:{PASSWORD}@proxy:99999",
        f"http://me:{PASSWORD}@proxy:port",
        f"http://me:{PASSWORD}@[::1:80",
        f"http://me:{PASSWORD}@pro xy:80",
        f"http://me:#{PASSWORD}",
        "http://",
        "://",
        ":",
        "@",
    ],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_used(monkeypatch, service, name, value):
    monkeypatch.setenv(name, value)
    error = refusal(f"http://127.0.0.1:{service.port}/")
    assert str(error).startswith(name)
    assert f"unset {name}" in error.advice
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    assert ask(f"http://127.0.0.1:{service.port}/") == 0


def test_a_proxy_that_does_not_run_is_named(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    error = refusal("http://dials.invalid/", errors.ConnectionFailedError)
    assert "dials.invalid through the proxy that HTTP_PROXY names" in str(error)
    assert error.phase == "connect"


def test_logins_take_the_same_way(monkeypatch):
    with HttpProxy() as proxy:
        monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "[::1],10.0.0.0/8")
        client = AuthClient("http://dials.invalid/", keycloak_url="http://keycloak.invalid/", realm="cern")
        application = Application("an-application", "its-secret", client)
        with (
            Dials(application, "tracker", "http://dials.invalid/") as dials,
            pytest.raises(errors.DialsError),
        ):
            dials.run.list(retries=0)
    assert proxy.seen[0][:2] == ("POST", "http://keycloak.invalid/realms/cern/api-access/token")


# --- SOCKS ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["socks", "socks5", "socks5h", "SOCKS5"])
@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
def test_a_socks_proxy(monkeypatch, authority, secure, scheme, name):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with SocksProxy() as proxy:
        monkeypatch.setenv(name, f"{scheme}://127.0.0.1:{proxy.port}/")
        assert ask(f"https://localhost:{secure.port}/") == 0
    assert proxy.seen == [("localhost", secure.port)]  # which it is to resolve
    assert len(secure.seen) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_socks_proxy_learns_addresses(monkeypatch, host):
    with all_of(SocksProxy(), network.Dials(host)) as (proxy, service):
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{proxy.port}")
        assert ask(f"http://{f'[{host}]' if ':' in host else host}:{service.port}/") == 0
    assert proxy.seen == [(host, service.port)]


def test_the_login_of_a_socks_proxy(monkeypatch, service):
    with SocksProxy(("me", "p@:w")) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5://me:p%40:w@127.0.0.1:{proxy.port}")
        assert ask(f"http://127.0.0.1:{service.port}/") == 0
        monkeypatch.setenv("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        refused = refusal(f"http://127.0.0.1:{service.port}/", errors.ConnectionFailedError)
    assert "the proxy that ALL_PROXY names gave no connection" in str(refused)
    assert "Invalid username/password" in str(refused)


@pytest.mark.parametrize("kind", [HttpProxy, lambda: SocksProxy(("me", PASSWORD))], ids=["HTTP", "SOCKS"])
def test_no_log_shows_the_password_of_a_proxy(monkeypatch, caplog, authority, secure, kind):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with kind() as proxy:
        scheme = "http" if isinstance(proxy, HttpProxy) else "socks5"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        assert ask(f"https://localhost:{secure.port}/") == 0
        assert len(proxy.seen) == 1
    assert "httpcore" in caplog.text
    assert PASSWORD not in caplog.text
    assert b64encode(f"me:{PASSWORD}".encode()).decode() not in caplog.text


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ({"reply": 5}, "Connection refused"),
        ({"reply": 2}, "Connection not allowed by ruleset"),
        ({"login": ("me", "pw")}, "NO ACCEPTABLE METHODS"),
        ({"nonsense": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "does not speak SOCKS 5"),
        ({"nonsense": b"\x05"}, "does not speak SOCKS 5"),
        ({"nonsense": b""}, "does not speak SOCKS 5"),
    ],
    ids=["refused", "not allowed", "wants a login", "HTTP", "half an answer", "nothing"],
)
def test_a_socks_proxy_that_refuses(monkeypatch, service, proxy, says):
    with SocksProxy(**proxy) as running:
        monkeypatch.setenv("ALL_PROXY", f"socks://127.0.0.1:{running.port}")
        refused = refusal(f"http://127.0.0.1:{service.port}/", errors.ConnectionFailedError, retries=1)
    assert says in str(refused)
    assert (refused.phase, refused.attempts) == ("connect", 2)
    assert service.seen == []


@pytest.mark.parametrize("where", ["greeting", "request"])
def test_a_socks_proxy_that_does_not_answer(monkeypatch, service, where):
    with SocksProxy(stalls=where) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{proxy.port}")
        url = f"http://127.0.0.1:{service.port}/"
        error = refusal(url, errors.RequestTimeoutError, timeout=(0.2, LONG))
    assert (error.phase, error.seconds) == ("connect", 0.2)


@pytest.mark.parametrize("scheme", ["socks", "socks5", "socks5h"])
def test_without_the_extra_the_error_names_it(monkeypatch, service, scheme):
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:{PASSWORD}@127.0.0.1:1080/")
    url = f"http://127.0.0.1:{service.port}/"
    with pytest.raises(
        errors.MissingDependencyError, match=r'pip install (--upgrade )?"cmsdials\[socks\]"'
    ) as caught:
        ask(url)
    assert "the SOCKS proxy that ALL_PROXY names needs socksio" in str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ask(url) == 0


# --- certificates -----------------------------------------------------------------------------------------


@pytest.fixture(params=["a file", "a folder"])
def trusted(request, authority, tmp_path):
    """What names the authority."""
    if request.param == "a file":
        return authority.file
    (tmp_path / authority.hashed_name).write_bytes(authority.file.read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_certificates_that_a_variable_names(monkeypatch, secure, trusted, name):
    url = f"https://localhost:{secure.port}/"
    error = refusal(url, errors.ConnectionFailedError)
    assert error.phase == "certificate"
    assert name in error.advice
    monkeypatch.setenv(name, str(trusted))
    assert ask(url) == 0


def test_the_first_variable_counts(monkeypatch, secure, authority, tmp_path):
    other = Authority(tmp_path)
    url = f"https://localhost:{secure.port}/"
    order = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
    for name in reversed(order):
        monkeypatch.setenv(name, str(authority.file))
        assert ask(url) == 0
        monkeypatch.setenv(name, str(other.file))
        error = refusal(url, errors.ConnectionFailedError)
        assert f"now {name} names {other.file}" in error.advice
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.file))
    assert ask(url) == 0


def without_hashes(folder, authority):
    (folder / "authority.pem").write_bytes(authority.file.read_bytes())
    return folder


def a_file(folder, content):
    file = folder / "trusted.pem"
    file.write_bytes(content)
    return file


def der(authority):
    lines = authority.file.read_text().splitlines()
    return b64decode("".join(line for line in lines if not line.startswith("-")))


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda folder, _: folder / "missing.pem", "does not exist"),
        (lambda folder, _: folder / "missing" / "folder", "does not exist"),
        (lambda folder, _: a_file(folder, b""), "holds no certificate"),
        (lambda folder, _: a_file(folder, b"no certificate\n"), "holds no certificate"),
        (lambda folder, _: a_file(folder, bytes(range(256)) * 20), "holds no certificate"),
        (lambda folder, one: a_file(folder, one.file.read_bytes()[:200]), "holds no certificate"),
        (lambda folder, one: a_file(folder, one.server.read_bytes().partition(b"-----BEGIN C")[0]), "no certificate"),
        (lambda folder, one: a_file(folder, der(one)), "in PEM form"),
        (lambda folder, _: folder, "openssl rehash"),
        (without_hashes, "openssl rehash"),
        (lambda folder, _: a_file(folder, b"") / "below", "cannot be read"),
        (lambda folder, _: folder / ("x" * 300), "cannot be read"),
    ],
    ids=[
        "no file", "no folder", "empty", "text", "bytes", "cut", "only a key", "DER", "empty folder", "no hashes",
        "below a file", "a long name",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_cannot_be_used(
    monkeypatch, secure, service, authority, tmp_path, name, made, says
):
    named = made(tmp_path, authority)
    monkeypatch.setenv(name, str(named))
    error = refusal(f"https://localhost:{secure.port}/")
    assert str(error).startswith(f"{name} names {named}, ")
    assert says in str(error)
    assert f"in {name}, or unset it" in error.advice
    assert ask(f"http://127.0.0.1:{service.port}/") == 0  # which needs none


# --- compressed bodies ------------------------------------------------------------------------------------


BODY = json.dumps(network.PAGE | {"results": [{"dataset_id": n, "dataset": "/Z/R/D", "run_number": n, "ls_count": 9} for n in range(400)]}).encode()  # fmt: skip
CUTS = (0, 1, 4000, 4001, len(BODY) - 1, len(BODY))


def members(*ends):
    return b"".join(
        gzip.compress(BODY[begin:end]) for begin, end in itertools.pairwise((0, *ends, len(BODY)))
    )


def deflated(body, bits):
    engine = zlib.compressobj(wbits=bits)
    return engine.compress(body) + engine.flush()


def with_extras():
    """A member with all the optional parts of a header (RFC 1952, section 2.3)."""
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\x00abc" + b"name\0" + b"comment\0"
    check = (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
    return head + check + deflated(BODY, -15) + gzip.compress(BODY)[-8:]


WHOLE = {
    "one member": ("gzip", members()),
    "two members": ("gzip", members(4000)),
    "many members": ("gzip", members(*range(1, len(BODY), 97))),
    "an empty member": ("gzip", gzip.compress(b"") + members() + gzip.compress(b"")),
    "members that break at odd places": ("gzip", members(*CUTS)),
    "zeros at the end": ("gzip", members(4000) + bytes(3000)),
    "zeros between": ("gzip", gzip.compress(BODY[:9]) + bytes(512) + gzip.compress(BODY[9:])),
    "something after it": ("gzip", members(4000) + b"-- the end"),
    "optional header fields": ("gzip", with_extras()),
    "stored": ("gzip", gzip.compress(BODY[:100], 0) + gzip.compress(BODY[100:], 9)),
    "an older name": ("X-Gzip", members(4000)),
    "twice": ("gzip, gzip", gzip.compress(members(4000)[:99]) + gzip.compress(members(4000)[99:])),
    "deflate": ("deflate", deflated(BODY, 15)),
    "deflate without a header": ("deflate", deflated(BODY, -15)),
    "deflate in gzip": ("deflate, gzip", gzip.compress(deflated(BODY, 15))),
    "no coding": ("identity", BODY),
    "an unknown one": ("utf-8", BODY),
}


def sent(coding, body, size):
    """An answer: as it is, or in chunks of a size."""
    if not size:
        return network.answer(body, Content_Encoding=coding)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[n : n + size] for n in range(0, len(body), size)))  # fmt: skip
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, 7, 1000], ids=lambda size: f"chunks of {size}" if size else "whole")
@pytest.mark.parametrize("kind", WHOLE)
def test_a_compressed_body_is_read_whole(kind, size):
    with network.Dials(says=lambda: sent(*WHOLE[kind], size)) as service:
        assert ask(f"http://127.0.0.1:{service.port}/") == 400
        assert len(service.seen) == 1


CUT_OR_DAMAGED = {
    "nothing but the magic": ("gzip", b"\x1f\x8b"),
    "half a header": ("gzip", members()[:6]),
    "half a member": ("gzip", members()[:200]),
    "without its last byte": ("gzip", members()[:-1]),
    "without its checksum": ("gzip", members()[:-8]),
    "the second cut": ("gzip", members(4000)[:-5]),
    "the second is only begun": ("gzip", gzip.compress(BODY[:-9]) + b"\x1f\x8b\x08"),
    "a wrong checksum": ("gzip", members()[:-8] + bytes(8)),
    "the second with a wrong checksum": ("gzip", members(4000)[:-8] + bytes(8)),
    "the second is missing": ("gzip", gzip.compress(BODY[:4000])),
    "the second is something else": ("gzip", gzip.compress(BODY[:4000]) + b"no member"),
    "not compressed": ("gzip", BODY),
    "empty": ("gzip", b""),
    "deflate cut": ("deflate", deflated(BODY, 15)[:-7]),
    "raw deflate cut": ("deflate", deflated(BODY, -15)[:-2]),
    "one byte of deflate": ("deflate", b"\x78"),
    "not deflated": ("deflate", BODY),
}


@pytest.mark.parametrize("size", [0, 1, 1000], ids=lambda size: f"chunks of {size}" if size else "whole")
@pytest.mark.parametrize("kind", CUT_OR_DAMAGED)
def test_a_damaged_one_is_asked_for_again(kind, size):
    answers = iter([sent(*CUT_OR_DAMAGED[kind], size)] * 3)
    with network.Dials(says=lambda: next(answers, network.answer(BODY))) as service:
        error = refusal(
            f"http://127.0.0.1:{service.port}/", (errors.IncompleteBodyError, errors.DecodeError), retries=1
        )
        assert error.attempts == 2
        assert ask(f"http://127.0.0.1:{service.port}/", retries=1) == 400


def test_the_answer_of_a_login_service_has_members_too():
    token = json.dumps(
        {"access_token": "an-access-token", "expires_in": 600, "token_type": "Bearer"}
    ).encode()
    packed = gzip.compress(token[:20]) + gzip.compress(token[20:])
    with all_of(network.Dials(says=lambda: sent("gzip", packed, 0)), network.Dials()) as (keycloak, service):
        url = f"http://127.0.0.1:{service.port}/"
        client = AuthClient(url, keycloak_url=f"http://127.0.0.1:{keycloak.port}/", realm="cern")
        application = Application("an-application", "its-secret", client)
        with Dials(application, "tracker", url) as dials:
            assert len(dials.run.list(retries=0)) == 0
