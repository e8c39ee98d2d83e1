# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""One page of datasets."""

from typing import ClassVar

from attrs import define

from ..models.dataset_index import DatasetIndex
from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class DatasetIndexPage(Record):
    """One page of datasets.

    Attributes:
        next: Link to the next page, null on the last one; its host is the service's own idea of itself.
        previous: Link to the page before, null on the first one.
        results: Rows of this page.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("next", "string", required=True, nullable=True, record=None),
        Field("previous", "string", required=True, nullable=True, record=None),
        Field("results", "array", required=True, nullable=False, record=DatasetIndex),
    )

    next: None | str
    previous: None | str
    results: list[DatasetIndex]
