# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""QueryOmsFilterAdditionalProperty"""

from typing import Any

from ..records import FreeObject


class QueryOmsFilterAdditionalProperty(FreeObject, dict[str, Any]):
    """QueryOmsFilterAdditionalProperty"""
