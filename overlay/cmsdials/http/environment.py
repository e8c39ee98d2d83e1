"""What environment variables say about the network: which proxy to use, and which certificates to trust.

The decisions are those of curl and requests. They are made here, because httpx refuses every request where one entry of
NO_PROXY is not to its liking, and knows neither address ranges nor the variables of requests. Nothing here connects.
"""

from __future__ import annotations

import os
import re
import ssl
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from cmsdials.errors import ConfigurationError
from cmsdials.runtime.console import warn
from cmsdials.runtime.extras import require

__all__ = [
    "CERTIFICATES",
    "Proxy",
    "check_no_proxy",
    "exempts",
    "named_certificates",
    "proxy_for",
    "trusting",
]

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that may name a file or a folder of trusted certificates; the first that is set counts."""

# Desktops write socks:// for SOCKS 5. The proxy resolves host names, whichever is written.
_SCHEMES = {"http": "http", "https": "https", "socks": "socks5", "socks5": "socks5", "socks5h": "socks5"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,15})://")
_PLACE = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:@\[\]\\]+)(?::(?P<port>[0-9]{1,5}))?")
_WITH_PORT = re.compile(r"(\[.*\](?:/\d+)?|[^:]*):(\d{1,5})")
_IN_BRACKETS = re.compile(r"\[([^\[\]/]+)\](/\d+)?")
_NAME = re.compile(r"\.*(\w[\w.-]*?)\.*")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


# --- proxies --------------------------------------------------------------------------------------------------


class Proxy(NamedTuple):
    """A proxy to use. Its repr shows no password.

    Attributes:
        url: Its address, without user name and password.
        auth: User name and password, or None.
        variable: What names it, such as HTTPS_PROXY.
    """

    url: str
    auth: tuple[str, str] | None
    variable: str

    def __repr__(self) -> str:
        return f"<the proxy of {self.variable}>"


def proxy_for(base_url: str) -> Proxy | None:
    """Return the proxy through which an address is reached; None if it is reached directly.

    Raises:
        ConfigurationError: If the proxy cannot be used. The message repeats nothing of its address.
        MissingDependencyError: If it is a SOCKS proxy, and the library for these is not installed.
    """
    parts = urlsplit(base_url)
    proxies = getproxies()
    kinds = (kind for kind in (parts.scheme.lower(), "all") if proxies.get(kind, "").strip())
    kind = next(kinds, None)
    if kind is None or exempts(_no_proxy()[1], base_url):
        return None
    if not getproxies_environment() and proxy_bypass(parts.hostname or ""):
        return None  # an exception in the settings of Windows or macOS
    return _proxy(proxies[kind].strip(), _named(f"{kind}_proxy"))


def _named(name: str) -> str:
    """Return the name of a variable in the case that counts: the lower one is looked at first."""
    names = [name] + [other for other in os.environ if other.lower() == name]
    return next((known for known in names if os.environ.get(known)), "the network settings of this computer")


def _proxy(value: str, variable: str) -> Proxy:
    written = _SCHEME.match(value)
    kind, rest = (written[1].lower(), value[written.end() :]) if written else ("http", value)
    scheme = _SCHEMES.get(kind)
    if scheme is None:
        raise _unusable(variable, f"names a {kind}:// proxy, which is not supported")
    userinfo, _, place = rest.strip("/").rpartition("@")
    place = re.split("[/?#]", place, maxsplit=1)[0]
    if not _is_place(place):
        raise _unusable(variable, "does not name a proxy (it is not shown, because it may hold a password)")
    if scheme == "socks5":
        require("socksio", "socks", needed_by=f"the SOCKS proxy that {variable} names")
    user, _, password = userinfo.partition(":")
    auth = (unquote(user), unquote(password)) if userinfo else None
    return Proxy(f"{scheme}://{place}", auth, variable)


def _is_place(place: str) -> bool:
    found = _PLACE.fullmatch(place)
    return found is not None and int(found["port"] or 0) <= 65535


def _unusable(variable: str, problem: str) -> ConfigurationError:
    advice = (
        f"Write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or unset {variable},"
        " or add the host of base_url to NO_PROXY; nothing was sent."
    )
    return ConfigurationError(f"{variable} {problem}", advice=advice)


# --- what is reached directly ---------------------------------------------------------------------------------


class _Exempt(NamedTuple):
    """An entry of NO_PROXY: addresses, or a name with all below it; on one port, or any."""

    of: IPv4Network | IPv6Network | str
    port: int | None


def check_no_proxy() -> None:
    """Warn of entries of NO_PROXY that cannot be read, once for each value that it has."""
    variable, value = _no_proxy()
    if value in _checked:
        return
    _checked.add(value)
    unreadable = [entry for entry, one in _entries(value) if one is None]
    if not unreadable:
        return
    shown = [
        repr(entry) if len(entry) <= 60 and "@" not in entry else "(one not shown)" for entry in unreadable
    ]
    warn(
        f"{variable} has entries that are passed over, because they are not understood: {', '.join(shown)}. Write"
        " host names (cern.ch, which includes all names below it), addresses (::1) or ranges (10.0.0.0/8)."
    )


_checked: set[str] = set()


def exempts(value: str, base_url: str) -> bool:
    """Whether a value of NO_PROXY exempts an address."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or {"https": 443}.get(parts.scheme.lower(), 80)
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    for _, one in _entries(value):
        if one is None or one.port not in (None, port):
            continue
        if not isinstance(one.of, str):
            if address is not None and address in one.of:
                return True
        elif one.of in ("*", host) or (address is None and host.endswith(f".{one.of}")):
            return True
    return False


def _no_proxy() -> tuple[str, str]:
    """Return the name and the value of the variable NO_PROXY."""
    found = ((name, os.environ.get(name, "")) for name in ("no_proxy", "NO_PROXY"))
    return next(((name, value) for name, value in found if value), ("NO_PROXY", ""))


@lru_cache(maxsize=8)
def _entries(value: str) -> tuple[tuple[str, _Exempt | None], ...]:
    """Return the entries and what they exempt: None for those that cannot be read."""
    return tuple((entry, _read(entry)) for entry in re.split(r"[,\s]+", value) if entry)


def _read(entry: str) -> _Exempt | None:
    if entry == "*":
        return _Exempt("*", None)
    place, port = entry, None
    if found := _WITH_PORT.fullmatch(entry):
        place, port = found[1], int(found[2])
    if found := _IN_BRACKETS.fullmatch(place):
        place = found[1] + (found[2] or "")
    try:
        return _Exempt(ip_network(place, strict=False), port)
    except ValueError:
        name = _NAME.fullmatch(place.lower())
    return _Exempt(name[1], port) if name else None


# --- certificates ---------------------------------------------------------------------------------------------


def named_certificates() -> tuple[str, str] | None:
    """Return the variable that names trusted certificates, and what it names; None if none is set."""
    return next(((name, os.environ[name]) for name in CERTIFICATES if os.environ.get(name)), None)


def trusting(variable: str, named: str) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificates in a file or a folder, and no others.

    Args:
        variable: The variable that names them, for the error.
        named: The file or folder; or folders, as OpenSSL takes them, separated as in PATH.

    Raises:
        ConfigurationError: If there are none.
    """
    try:
        folders = [Path(one) for one in named.split(os.pathsep) if Path(one).is_dir()]
        if any(_HASHED.fullmatch(file.name) for folder in folders for file in folder.iterdir()):
            return ssl.create_default_context(capath=named)
        problem = "a folder without certificates under hashed names (run: openssl rehash FOLDER)"
        if not folders:
            context = ssl.create_default_context(cafile=named)
            if context.cert_store_stats()["x509"]:
                return context
            problem = "a file that holds no certificate"
    except FileNotFoundError:
        problem = "which does not exist"
    except ssl.SSLError:
        problem = "a file that holds no certificates in PEM form (-----BEGIN CERTIFICATE-----)"
    except (OSError, ValueError) as error:
        problem = f"which cannot be read ({error.strerror if isinstance(error, OSError) else error})"
    advice = f"Name a file of trusted certificates in {variable}, or unset it to trust the usual ones; nothing was sent."
    message = f"{variable} names {named}, {problem}"
    raise ConfigurationError(message, advice=advice)
