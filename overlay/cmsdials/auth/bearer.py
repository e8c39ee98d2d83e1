"""The credentials of a person, under the path of cmsdials 1.8; see `cmsdials.auth.device`."""

from cmsdials.auth.device import Credentials

__all__ = ["Credentials"]
