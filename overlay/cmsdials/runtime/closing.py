"""The former place of `cmsdials.runtime.interrupts.Closing`."""

from cmsdials.runtime.interrupts import Closing

__all__ = ["Closing"]
