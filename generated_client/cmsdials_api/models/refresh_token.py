# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""The refresh token of an earlier login."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class RefreshToken(Record):
    """The refresh token of an earlier login.

    Attributes:
        refresh_token: Secret that buys the next access token.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("refresh_token", "string", required=True, nullable=False, record=None),
    )

    refresh_token: str
