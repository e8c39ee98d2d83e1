# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""OMS paging as page[NAME]=number, such as page[limit] and page[offset]."""

from ..records import FreeObject


class QueryOmsPage(FreeObject, dict[str, int]):
    """OMS paging as page[NAME]=number, such as page[limit] and page[offset]."""
