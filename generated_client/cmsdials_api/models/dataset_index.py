# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A dataset that DIALS has indexed."""

import datetime
from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class DatasetIndex(Record):
    """A dataset that DIALS has indexed.

    Attributes:
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        era: Era of data taking, such as Run2024B.
        data_tier: Data tier of the dataset, such as DQMIO.
        primary_ds_name: First part of the dataset name, such as ZeroBias.
        processed_ds_name: Second part of the dataset name, such as Run2024B-PromptReco-v1.
        processing_version: Version of the processing, from the end of the dataset name.
        last_modification_date: Time of the last change, ISO 8601 in UTC.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("dataset_id", "integer", required=True, nullable=False, record=None),
        Field("dataset", "string", required=True, nullable=False, record=None),
        Field("era", "string", required=True, nullable=False, record=None),
        Field("data_tier", "string", required=True, nullable=False, record=None),
        Field("primary_ds_name", "string", required=True, nullable=False, record=None),
        Field("processed_ds_name", "string", required=True, nullable=False, record=None),
        Field("processing_version", "integer", required=True, nullable=False, record=None),
        Field("last_modification_date", "datetime", required=True, nullable=False, record=None),
    )

    dataset_id: int
    dataset: str
    era: str
    data_tier: str
    primary_ds_name: str
    processed_ds_name: str
    processing_version: int
    last_modification_date: datetime.datetime
