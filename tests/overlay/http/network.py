"""Servers of a network: a DIALS (over TLS too), an HTTP proxy and a SOCKS proxy, on addresses of this machine."""

import contextlib
import datetime as dt
import hashlib
import ipaddress
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PAGE = {"next": None, "previous": None, "results": []}
BOUND = 300.0  # seconds; only what hangs takes as long


class Listener:
    """Serves connections on a free port, each in a thread of its own, until it is closed.

    Args:
        host: Its address.
        tls: The certificate, with its key, of one that is reached over TLS.

    Attributes:
        port: The port.
        seen: What came, in order, as the server notes it.
    """

    def __init__(self, host: str = "127.0.0.1", tls: Path | None = None) -> None:
        self._tls: ssl.SSLContext | None = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family)
        self.port: int = self._socket.getsockname()[1]
        self.seen: list[Any] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        connection.settimeout(BOUND)
        with connection, contextlib.suppress(OSError, EOFError):
            self.serve(connection)

    def stream_of(self, connection: socket.socket) -> socket.socket:
        """Return what is read and written, after the TLS handshake if there is one."""
        return connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def head_of(connection: socket.socket) -> list[str]:
    """The lines of a request or an answer up to its body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise EOFError
        head += byte
    return head.decode("latin-1").split("\r\n")[:-2]


def answer(body: bytes = json.dumps(PAGE).encode(), status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Dials(Listener):
    """Answers everything with an empty page, or with what `says` gives. Notes the targets."""

    def __init__(
        self, host: str = "127.0.0.1", tls: Path | None = None, says: Callable[[], bytes] = answer
    ) -> None:
        self._says = says
        super().__init__(host, tls)

    def serve(self, connection: socket.socket) -> None:
        with self.stream_of(connection) as stream:
            while True:
                self.seen.append(head_of(stream)[0].split()[1])
                stream.sendall(self._says())


def relay(here: socket.socket, there: socket.socket) -> None:
    """Pass on what comes from either side, until one ends."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(there, here), daemon=True)
    back.start()
    copy(here, there)
    back.join()


class HttpProxy(Listener):
    """An HTTP proxy (RFC 9110, sections 7.6 and 9.3.6). Notes what was asked, and the credentials that came along."""

    def __init__(self, tls: Path | None = None) -> None:
        super().__init__(tls=tls)

    def serve(self, connection: socket.socket) -> None:
        with self.stream_of(connection) as stream:
            lines = head_of(stream)
            method, target, _ = lines[0].split()
            sent = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            self.seen.append((method, target, sent.get("proxy-authorization")))
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                with socket.create_connection((host.strip("[]"), int(port)), BOUND) as there:
                    stream.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    relay(stream, there)
            else:  # it asks nobody: names that do not exist are reached, too
                stream.sendall(answer(Connection="close"))


class SocksProxy(Listener):
    """A SOCKS 5 proxy (RFC 1928; with user name and password: RFC 1929). Notes host and port of each connection.

    Args:
        login: User name and password that it asks for.
        reply: What it answers to a request to connect; anything but 0 is a refusal.
        stalls: Where it stops answering: "greeting" or "request".
        nonsense: What it sends instead of anything.
    """

    def __init__(
        self,
        login: tuple[str, str] | None = None,
        *,
        reply: int = 0,
        stalls: str = "",
        nonsense: bytes | None = None,
    ) -> None:
        self._login = login
        self._reply = reply
        self._stalls = stalls
        self._nonsense = nonsense
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        version, methods = _read(connection, 2)
        assert version == 5
        offered = _read(connection, methods)
        if self._nonsense is not None:
            connection.sendall(self._nonsense)
            return
        if self._stalls == "greeting":
            connection.recv(1)
            return
        wanted = 2 if self._login else 0
        if wanted not in offered:
            connection.sendall(b"\x05\xff")
            return
        connection.sendall(bytes([5, wanted]))
        if self._login:
            _read(connection, 1)
            came = tuple(_read(connection, _read(connection, 1)[0]).decode() for _ in range(2))
            connection.sendall(b"\x01\x00" if came == self._login else b"\x01\x01")
            if came != self._login:
                return
        _, _, _, kind = _read(connection, 4)
        match kind:
            case 1:
                host = socket.inet_ntop(socket.AF_INET, _read(connection, 4))
            case 4:
                host = socket.inet_ntop(socket.AF_INET6, _read(connection, 16))
            case _:
                host = _read(connection, _read(connection, 1)[0]).decode()
        (port,) = struct.unpack(">H", _read(connection, 2))
        self.seen.append((host, port))
        if self._stalls == "request":
            connection.recv(1)
            return
        bound = b"\x00\x01" + bytes(6)
        if self._reply:
            connection.sendall(bytes([5, self._reply]) + bound)
            return
        with socket.create_connection((host, port), BOUND) as there:
            connection.sendall(b"\x05\x00" + bound)
            relay(connection, there)


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


# --- certificates -----------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of the test's own.

    Attributes:
        file: Its certificate.
        hashed_name: The name under which OpenSSL looks for it in a folder.
        server: A certificate that it gave to this machine, with its key.
    """

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority")])
        self.certificate = self._signed(name, name, self._key.public_key(), is_authority=True)
        self.hashed_name = f"{_hash_of(b'an authority')}.0"
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        given = self._signed(subject, name, key.public_key(), is_authority=False)
        self.server = folder / "server.pem"
        self.server.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + given.public_bytes(serialization.Encoding.PEM)
        )

    def _signed(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool
    ) -> x509.Certificate:
        today = dt.datetime.now(dt.UTC)
        own = self._key.public_key()
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        return (
            x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
            .not_valid_before(today - dt.timedelta(days=1))
            .not_valid_after(today + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=is_authority, crl_sign=is_authority, **usage
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
                ),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )


def _hash_of(name: bytes) -> str:
    """What `openssl x509 -subject_hash` gives for a subject that is one common name, written in lower case."""
    coded = b"\x0c" + bytes([len(name)]) + name
    for tag, before in ((0x30, b"\x06\x03\x55\x04\x03"), (0x31, b"")):
        coded = bytes([tag, len(before + coded)]) + before + coded
    return hashlib.sha1(coded).digest()[3::-1].hex()


@contextlib.contextmanager
def all_of(*servers: Any) -> Iterator[Any]:
    """Several servers; closed at the end."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server) for server in servers]
