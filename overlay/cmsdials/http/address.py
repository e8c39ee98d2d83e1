"""The former place of what `cmsdials.http.request` says of addresses."""

from cmsdials.errors import ConfigurationError
from cmsdials.http.request import address, checked_base_url

__all__ = ["address", "base_url_refusal", "checked_base_url"]


def base_url_refusal(base_url: str, route: str = "", version: str = "") -> ConfigurationError | None:
    """Return what `checked_base_url` raises; None if it raises nothing."""
    try:
        checked_base_url(base_url, route, version)
    except ConfigurationError as error:
        return error.with_traceback(None)
    return None
