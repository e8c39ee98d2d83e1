"""The former place of `cmsdials.http.connections.Timeout`."""

from cmsdials.http.connections import Timeout

__all__ = ["Timeout"]
