# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A login in progress, to be confirmed in a browser."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class Device(Record):
    """A login in progress, to be confirmed in a browser.

    Attributes:
        device_code: Secret code of this login, to be exchanged for tokens.
        verification_uri_complete: Page on which the user confirms the login.
        expires_in: Seconds until the device code expires.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("device_code", "string", required=True, nullable=False, record=None),
        Field("verification_uri_complete", "string", required=True, nullable=False, record=None),
        Field("expires_in", "integer", required=True, nullable=False, record=None),
    )

    device_code: str
    verification_uri_complete: str
    expires_in: int
