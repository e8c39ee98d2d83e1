# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""What is wrong with each query parameter or body field, by its name; or with the request as a whole, as detail."""

from ..records import FreeObject


class ValidationErrors(FreeObject, dict[str, list[str] | str]):
    """What is wrong with each query parameter or body field, by its name; or with the request as a whole, as
    detail."""
