# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A certification file of the CMS analysis facility."""

from typing import ClassVar

from attrs import define

from ..models.golden_json import GoldenJson
from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class CertificationFile(Record):
    """A certification file of the CMS analysis facility.

    Attributes:
        name: Name of the file.
        url: Address of the file at its source.
        last_modified: Time of the file's last change, as its source writes it.
        size: Size of the file, as its source writes it.
        content: Run number -> inclusive ranges [first, last] of lumisections.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("name", "string", required=True, nullable=False, record=None),
        Field("url", "string", required=True, nullable=False, record=None),
        Field("last_modified", "string", required=True, nullable=False, record=None),
        Field("size", "string", required=True, nullable=False, record=None),
        Field("content", "object", required=True, nullable=False, record=GoldenJson),
    )

    name: str
    url: str
    last_modified: str
    size: str
    content: GoldenJson
