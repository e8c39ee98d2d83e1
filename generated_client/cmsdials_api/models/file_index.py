# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A DQMIO file, and how its ingestion went."""

import datetime
from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class FileIndex(Record):
    """A DQMIO file, and how its ingestion went.

    Attributes:
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        file_id: Identifier of the file, such as 3393809397.
        file_size: Size of the file in bytes.
        creation_date: Time of creation, ISO 8601 in UTC.
        last_modification_date: Time of the last change, ISO 8601 in UTC.
        logical_file_name: Logical name of the file in the CMS store.
        status: State of the file's ingestion, such as PENDING, STARTED, FILE_NOT_AVAILABLE, COPY_ERROR,
            ROOTFILE_ERROR, PARSING_ERROR or FINISHED.
        err_trace: Why the ingestion failed; null where it did not.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("dataset_id", "integer", required=True, nullable=False, record=None),
        Field("dataset", "string", required=True, nullable=False, record=None),
        Field("file_id", "integer", required=True, nullable=False, record=None),
        Field("file_size", "integer", required=True, nullable=False, record=None),
        Field("creation_date", "datetime", required=True, nullable=False, record=None),
        Field("last_modification_date", "datetime", required=True, nullable=False, record=None),
        Field("logical_file_name", "string", required=True, nullable=False, record=None),
        Field("status", "string", required=True, nullable=False, record=None),
        Field("err_trace", "string", required=True, nullable=True, record=None),
    )

    dataset_id: int
    dataset: str
    file_id: int
    file_size: int
    creation_date: datetime.datetime
    last_modification_date: datetime.datetime
    logical_file_name: str
    status: str
    err_trace: None | str
