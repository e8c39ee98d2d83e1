# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The workspaces of a v1.12 service."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class ConfiguredWorkspaces(Record):
    """The workspaces of a v1.12 service.

    Attributes:
        workspaces: Names of the workspaces.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("workspaces", "array", required=True, nullable=False, record=None),
    )

    workspaces: list[str]
