"""Reading the published document: from a URL or a file to a checked JSON object.

The only module of the generator that does I/O with the outside, so every way in which that fails ends here,
in one error with a clear message. The document itself is read as leniently as it has to be (upstream has
published invalid JSON for months in a row), and each leniency is a warning.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx
import json5
from attrs import field, frozen

MAX_BYTES = 50 * 1024 * 1024
"""Larger documents are rejected: the published one has 0.1 MB."""

MAX_LENIENT_BYTES = 5 * 1024 * 1024
"""The lenient parser needs about 5 s for a megabyte, so there is a size from which it is not tried."""

MAX_REDIRECTS = 5
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip"}
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class CannotRead(Exception):
    """The document could not be had: the message says what was asked, what came back, and what to do."""


@frozen
class Published:
    """A document as it was published.

    Attributes:
        source: the URL (without credentials) or path that was read.
        raw: the bytes that came, for their checksum.
        document: the parsed document, an object with `openapi` and `paths`.
        warnings: what had to be overlooked to read it.
    """

    source: str
    raw: bytes = field(repr=False)
    document: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()


def read_document(source: str | Path, *, timeout: float = 30.0) -> Published:
    """Read the OpenAPI document at `source`.

    Args:
        source: an http(s) URL, or the path of a file.
        timeout: seconds for the whole download.

    Raises:
        CannotRead: whatever the reason.
    """
    if isinstance(source, str) and (scheme := re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", source)):
        shown = _without_credentials(source)
        if scheme[1].lower() not in ("http", "https"):
            message = (
                f"Cannot read {shown}: only http and https URLs are understood. Give one, or a file path."
            )
            raise CannotRead(message)
        raw = _download(source, shown, timeout)
    else:
        shown = str(source)
        raw = _read_file(Path(source))
    document, warnings = _parse(raw, shown)
    _require_openapi(document, shown)
    version = document["openapi"]
    if not re.match(r"3\.0(\.|$)", version):
        newer = (
            f"it is OpenAPI {version}, and was read as 3.0: null as a type, constants and exclusive bounds are written "
            "as 3.0 does, anything else that 3.0 does not know is not valid"
        )
        warnings = (*warnings, newer)
    return Published(source=shown, raw=raw, document=document, warnings=warnings)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        message = f"Cannot read {path}: there is no such file. Check the path; a URL starts with https://."
        raise CannotRead(message) from error
    except IsADirectoryError as error:
        message = f"Cannot read {path}: it is a directory. Give the file in it."
        raise CannotRead(message) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"Cannot read {path}: {reason}. Check the path and its permissions."
        raise CannotRead(message) from error
    if len(raw) > MAX_BYTES:
        raise CannotRead(_too_large(str(path)))
    return raw


def _too_large(shown: str) -> str:
    return (
        f"Cannot read {shown}: it is larger than {MAX_BYTES // 1024**2} MB, so it is no API document, and "
        "reading stopped there. Check what stands at that place."
    )


def _without_credentials(url: str) -> str:
    """Mask `user:password@`; where the URL is so odd that it is unclear what they are, mask more."""
    head, slashes, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return f"{head}{slashes}***@{rest[authority.rindex('@') + 1 :]}"
    # A password with an unescaped slash ends the authority early: `user:pa/ss@host`.
    host_and_port = re.fullmatch(r"(\[[0-9A-Fa-f:.%]*\]|[^:]*)(:\d*)?", authority)
    if "@" in rest and not host_and_port:
        return f"{head}{slashes}***@{rest[rest.rindex('@') + 1 :]}"
    return url


def _download(url: str, shown: str, timeout: float) -> bytes:
    deadline = monotonic() + timeout
    try:
        target = httpx.URL(url)
        auth = (target.username, target.password) if target.userinfo else None
        target = target.copy_with(userinfo=b"")
        with httpx.Client(
            timeout=timeout, auth=auth, headers=_HEADERS, **_network(target.host, shown)
        ) as client:
            for _ in range(MAX_REDIRECTS + 1):
                with client.stream("GET", target) as answer:
                    if answer.status_code not in _REDIRECTS:
                        return _body(answer, shown, timeout, deadline)
                    target = _redirected(target, answer, shown)
    except httpx.InvalidURL as error:
        message = f"Cannot read {shown}: that is not a valid URL. Check how it is written."
        raise CannotRead(message) from error
    except (httpx.HTTPError, OSError, UnicodeError) as error:
        message = f"Cannot read {shown}: {_what_failed(error, timeout)}"
        raise CannotRead(message) from error
    message = f"Cannot read {shown}: redirected more than {MAX_REDIRECTS} times. Check the address."
    raise CannotRead(message)


def _network(host: str, shown: str) -> dict[str, Any]:
    """Return what the environment says about proxies and certificates, as arguments for the HTTP library.

    It is not left to that library, which refuses every request if it cannot read an entry of NO_PROXY.
    """
    certificates = httpx.create_ssl_context()
    proxies = {} if proxy_bypass(host) else getproxies()
    try:
        used = {
            f"{scheme}://": httpx.HTTPTransport(verify=certificates, proxy=_with_scheme(proxy))
            for scheme in ("http", "https")
            if (proxy := proxies.get(scheme) or proxies.get("all"))
        }
    except (ValueError, ImportError, httpx.InvalidURL):  # their texts may show a password
        message = (
            f"Cannot read {shown}: the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used (SOCKS needs"
            " socksio). Correct the variable, or add the host to NO_PROXY."
        )
        raise CannotRead(message) from None
    return {"verify": certificates, "trust_env": False, "mounts": used}


def _with_scheme(proxy: str) -> str:
    scheme, slashes, place = proxy.rpartition("://")
    return f"{'socks5' if scheme == 'socks' else scheme or 'http'}{slashes or '://'}{place}"


def _redirected(asked: httpx.URL, answer: httpx.Response, shown: str) -> httpx.URL:
    """Where a redirect leads, if that is a place to follow it to."""
    location = answer.headers.get("Location", "")
    target = asked.join(location)
    if not location or target.scheme not in ("http", "https"):
        message = (
            f"Cannot read {shown}: answered HTTP {answer.status_code} that leads nowhere. Check the address."
        )
        raise CannotRead(message)
    if target.host != asked.host or (asked.scheme, target.scheme) == ("https", "http"):
        where = target.host if target.host != asked.host else f"http (not https) on {target.host}"
        message = (
            f"Cannot read {shown}: redirected (HTTP {answer.status_code}) to {where}, which is not followed; "
            "perhaps it is a login page. Give an address that answers without a login, or a downloaded file."
        )
        raise CannotRead(message)
    return target.copy_with(userinfo=b"")


def _body(answer: httpx.Response, shown: str, timeout: float, deadline: float) -> bytes:
    if answer.status_code != 200:
        message = f"Cannot read {shown}: answered HTTP {answer.status_code}. {_advice(answer.status_code)}"
        raise CannotRead(message)
    if "html" in answer.headers.get("Content-Type", "").lower():
        raise CannotRead(_looks_like_a_page(shown))
    raw = bytearray()
    chunks = _decoded(answer, shown)
    for chunk in chunks:
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise CannotRead(_too_large(shown))
        if monotonic() > deadline:
            message = f"Cannot read {shown}: it was not complete after {timeout:g} s. Try again later."
            raise CannotRead(message)
    return bytes(raw)


def _decoded(answer: httpx.Response, shown: str) -> Iterator[bytes]:
    """Yield the body without its compression, and see that it is whole, which httpx does not."""
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        yield from answer.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip"):
        message = f"Cannot read {shown}: it came in the encoding {encoding[:40]!r}, which was not asked for. Give a downloaded file."
        raise CannotRead(message)
    expander = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        for chunk in answer.iter_raw():
            rest = chunk
            while rest:
                yield expander.decompress(rest, _CHUNK)
                rest = expander.unconsumed_tail
    except zlib.error as error:
        message = f"Cannot read {shown}: its gzip compression is damaged ({error}). Try again later."
        raise CannotRead(message) from error
    if not expander.eof:
        message = f"Cannot read {shown}: the compressed answer breaks off before its end. Try again later."
        raise CannotRead(message)


def _advice(status: int) -> str:
    match status:
        case 401 | 403 | 407:
            return "The place wants credentials. Give an address that answers without, or a downloaded file."
        case 404 | 410:
            return "Check the address; DIALS publishes its document at /static/swagger.json."
        case _ if status >= 500 or status == 429:
            return "The service has a problem or is busy: try again later."
        case _:
            return "A document comes with 200: check the address."


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _what_failed(error: Exception, timeout: float) -> str:
    """Name a failure below HTTP, by its root cause."""
    causes = list(_causes(error))
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {timeout:g} s. Try again later, or check the network and its proxy."
    if any(isinstance(cause, httpx.InvalidURL) for cause in causes):
        return "it redirects to an invalid address. Check the address."
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "its host name is not known (DNS). Check the spelling and the network."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return (
            f"no secure connection (TLS): {error}. Check the clock and the certificates "
            "(SSL_CERT_FILE names a file of trusted ones)."
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "the connection was refused. Check host and port, and whether the service is running."
    return f"the transfer failed ({type(error).__name__}: {error}). Check the network, and try again later."


def _looks_like_a_page(shown: str) -> str:
    return (
        f"Cannot read {shown}: an HTML page came instead of a JSON document; it looks like a login or error "
        "page. Open the address in a browser to see which, and give one that answers with the document itself."
    )


def _parse(raw: bytes, shown: str) -> tuple[Any, tuple[str, ...]]:
    """Decode and parse `raw`: strictly if that works, else leniently, with warnings."""
    if raw.startswith(_GZIP):
        message = (
            f"Cannot read {shown}: it is compressed with gzip. Unpack it first (gunzip), and give that file."
        )
        raise CannotRead(message)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = (
            f"Cannot read {shown}: it is not UTF-8 text (byte {error.start}). Check that it is the JSON document "
            "and not compressed, and save it as UTF-8."
        )
        raise CannotRead(message) from error
    if not text.strip():
        message = (
            f"Cannot read {shown}: it is empty. Check that the document was published or saved completely."
        )
        raise CannotRead(message)
    if text.lstrip().startswith("<"):
        raise CannotRead(_looks_like_a_page(shown))
    pairs = _Pairs()
    try:
        document = json.loads(text, object_pairs_hook=pairs.collect, parse_constant=pairs.constant)
    except json.JSONDecodeError as error:
        pairs = _Pairs()
        document = _parse_leniently(text, shown, pairs, error)
        leniency = (
            f"not valid JSON: {_mistake(text, error)}; read leniently, and there may be more after that"
        )
        return document, (leniency, *pairs.warnings())
    except (RecursionError, ValueError) as error:
        message = f"Cannot read {shown}: {_beyond_json(error)}. Check that it is the API document."
        raise CannotRead(message) from error
    return document, pairs.warnings()


def _beyond_json(error: Exception) -> str:
    return (
        "it is nested too deeply"
        if isinstance(error, RecursionError)
        else f"a value is beyond bounds ({error})"
    )


def _parse_leniently(text: str, shown: str, pairs: _Pairs, strict: json.JSONDecodeError) -> Any:
    where = f"line {strict.lineno} column {strict.colno}"
    if len(text) > MAX_LENIENT_BYTES:
        message = (
            f"Cannot read {shown}: it is not valid JSON ({_mistake(text, strict)}), and too large "
            f"(over {MAX_LENIENT_BYTES // 1024**2} MB) to be read leniently. Correct it by hand."
        )
        raise CannotRead(message) from strict
    try:
        return json5.loads(text, object_pairs_hook=pairs.collect)
    except RecursionError as error:
        message = f"Cannot read {shown}: {_beyond_json(error)}, and it is not valid JSON ({where})."
        raise CannotRead(message) from error
    except ValueError as error:
        yaml = bool(re.match(r"(\s*#.*\n)*\s*(openapi|swagger)\s*:", text))
        advice = (
            "It looks like YAML: convert it to JSON first."
            if yaml
            else "Check that it is the API document and complete; correct a copy by hand if need be."
        )
        message = f"Cannot read {shown}: it is not JSON, nor JSON with small mistakes: {strict.msg} at {where}. {advice}"
        raise CannotRead(message) from error


def _mistake(text: str, error: json.JSONDecodeError) -> str:
    """Say what stopped the strict parser, and where; independent of the version of Python."""
    before, rest = text[: error.pos].rstrip(), text[error.pos :].lstrip()
    comma = error.pos if rest.startswith(",") else len(before) - 1
    if text[comma : comma + 1] == "," and text[comma + 1 :].lstrip()[:1] in ("}", "]"):
        what, at = "a trailing comma", comma
    elif rest.startswith(("//", "/*")):
        what, at = "a comment", len(text) - len(rest)
    else:
        what, at = error.msg, error.pos
    return f"{what} at line {text.count(chr(10), 0, at) + 1} column {at - text.rfind(chr(10), 0, at)}"


class _Pairs:
    """Collects what a JSON parser silently accepts: duplicate keys, and constants that are not JSON numbers."""

    def __init__(self) -> None:
        self._doubled: Counter[str] = Counter()
        self._constants: Counter[str] = Counter()

    def collect(self, pairs: Any) -> dict[str, Any]:
        listed = list(pairs)
        counts = Counter(key for key, _ in listed)
        self._doubled.update(key for key, count in counts.items() if count > 1)
        return dict(listed)

    def constant(self, name: str) -> float:
        self._constants[name] += 1
        return float(name)

    def warnings(self) -> tuple[str, ...]:
        doubled = (
            f"key {json.dumps(key)} stands more than once in {'an object' if count == 1 else f'{count} objects'}; "
            "the last one was used"
            for key, count in sorted(self._doubled.items())
        )
        constants = (f"{name} is not a JSON number; it was read as one" for name in sorted(self._constants))
        return (*doubled, *constants)


def _require_openapi(document: Any, shown: str) -> None:
    if not isinstance(document, dict):
        found = f"a JSON {_json_type(document)}"
    elif "swagger" in document and "openapi" not in document:
        found = f"a Swagger {document['swagger']} document"
        message = f"Cannot read {shown}: it is {found}, and OpenAPI 3 is needed. Ask for the OpenAPI 3 form, or convert it."
        raise CannotRead(message)
    elif not isinstance(document.get("openapi"), str):
        found = "a JSON object without an `openapi` version"
    elif not isinstance(document.get("paths"), dict):
        found = "an OpenAPI document without `paths`"
    elif not re.match(r"3\.\d", document["openapi"]):
        message = (
            f"Cannot read {shown}: it is an OpenAPI {document['openapi'][:20]!r} document, and 3.0 or 3.1 is needed. Ask "
            "for that form, or convert it."
        )
        raise CannotRead(message)
    else:
        return
    message = f"Cannot read {shown}: it is {found}, not an OpenAPI document. Check the address or path."
    raise CannotRead(message)


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case _:
            return "array"
