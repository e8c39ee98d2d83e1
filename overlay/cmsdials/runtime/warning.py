"""The former place of `cmsdials.runtime.console.warn`."""

from cmsdials.runtime.console import warn

__all__ = ["warn"]
