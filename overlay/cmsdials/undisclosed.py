"""The former place of `cmsdials.redaction.Undisclosed`."""

from cmsdials.redaction import Undisclosed

__all__ = ["Undisclosed"]
