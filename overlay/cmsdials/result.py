"""Results and saved listings, under the path that scripts import them from; see `cmsdials.listing.result`."""

from cmsdials.listing.result import Result, load

__all__ = ["Result", "load"]
