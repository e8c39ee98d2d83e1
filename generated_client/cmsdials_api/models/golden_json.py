# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Run number -> inclusive ranges [first, last] of lumisections."""

from ..records import FreeObject


class GoldenJson(FreeObject, dict[str, list[list[int]]]):
    """Run number -> inclusive ranges [first, last] of lumisections."""
