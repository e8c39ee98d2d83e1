"""The module that had `BaseCredentials` and `TokenState` in 1.8 and 2.4; see `cmsdials.legacy`."""

from cmsdials.legacy import getter

__getattr__ = getter(__name__)
