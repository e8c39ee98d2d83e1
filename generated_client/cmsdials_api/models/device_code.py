# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The device code of a login in progress."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class DeviceCode(Record):
    """The device code of a login in progress.

    Attributes:
        device_code: Secret code of this login, to be exchanged for tokens.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("device_code", "string", required=True, nullable=False, record=None),
    )

    device_code: str
