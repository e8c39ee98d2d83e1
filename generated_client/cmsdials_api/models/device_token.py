# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Tokens of a confirmed login."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class DeviceToken(Record):
    """Tokens of a confirmed login.

    Attributes:
        access_token: Secret that authenticates requests, sent as Bearer.
        expires_in: Seconds until the access token expires.
        refresh_expires_in: Seconds until the refresh token expires.
        refresh_token: Secret that buys the next access token.
        token_type: How the access token is sent, Bearer.
        session_state: Identifier of the login session.
        scope: Scopes that the tokens carry.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("access_token", "string", required=True, nullable=False, record=None),
        Field("expires_in", "integer", required=True, nullable=False, record=None),
        Field("refresh_expires_in", "integer", required=True, nullable=False, record=None),
        Field("refresh_token", "string", required=True, nullable=False, record=None),
        Field("token_type", "string", required=True, nullable=False, record=None),
        Field("session_state", "string", required=True, nullable=False, record=None),
        Field("scope", "string", required=True, nullable=False, record=None),
    )

    access_token: str
    expires_in: int
    refresh_expires_in: int
    refresh_token: str
    token_type: str
    session_state: str
    scope: str
