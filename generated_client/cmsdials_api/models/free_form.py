# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A JSON object whose members DIALS does not define."""

from typing import Any

from ..records import FreeObject


class FreeForm(FreeObject, dict[str, Any]):
    """A JSON object whose members DIALS does not define."""
