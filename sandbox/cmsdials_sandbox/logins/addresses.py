"""Addresses of the realm, on the host in the request: like the rest of the service, the realm knows no other."""

from urllib.parse import urlencode

from django.http import HttpRequest

from cmsdials_sandbox.logins.device import DeviceLogin
from cmsdials_sandbox.options import REALM


def issuer(request: HttpRequest) -> str:
    """Return the issuer that tokens name, without a slash at the end."""
    return request.build_absolute_uri(f"/auth/realms/{REALM}")


def below(request: HttpRequest, path: str) -> str:
    """Return the address of something in the realm."""
    return f"{issuer(request)}/{path}"


def verification(request: HttpRequest, login: DeviceLogin | None = None) -> str:
    """Return the address of the page for people, with the code of a login filled in."""
    page = below(request, "device")
    return page if login is None else f"{page}?{urlencode({'user_code': login.user_code})}"
