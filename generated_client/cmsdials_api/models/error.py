# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""What went wrong, in words, and often as a code."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record
from ..types import ABSENT


@define(kw_only=True, slots=False, eq=False, repr=False)
class Error(Record):
    """What went wrong, in words, and often as a code.

    Attributes:
        detail: What went wrong, in words.
        code: What went wrong, as a code, such as access_token_expired or authorization_pending.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("detail", "string", required=True, nullable=False, record=None),
        Field("code", "string", required=False, nullable=False, record=None),
    )

    detail: str
    code: str = ABSENT
