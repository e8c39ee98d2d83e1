# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The caller's default workspace on a v1.12 service."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class UserDefaultWorkspace(Record):
    """The caller's default workspace on a v1.12 service.

    Attributes:
        workspace: Name of the workspace.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("workspace", "string", required=True, nullable=False, record=None),
    )

    workspace: str
