# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""How many rows match."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class Count(Record):
    """How many rows match.

    Attributes:
        count: Number of matching rows.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("count", "integer", required=True, nullable=False, record=None),
    )

    count: int
