"""The results of listings, under the path that scripts import them from; see `cmsdials.listing`."""

from cmsdials.listing.page import Page
from cmsdials.listing.pages import Pages, Rows
from cmsdials.listing.result import Result, load

__all__ = ["Page", "Pages", "Result", "Rows", "load"]
