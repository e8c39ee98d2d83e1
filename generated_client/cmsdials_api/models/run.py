# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A run of a dataset."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record
from ..types import ABSENT


@define(kw_only=True, slots=False, eq=False, repr=False)
class Run(Record):
    """A run of a dataset.

    Attributes:
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        run_number: Number of the run, a period of data taking, such as 367112.
        ls_count: Number of lumisections of the run that DIALS holds.
        ls_completeness: Fraction of the run's lumisections that DIALS holds; null where it is not known. Not sent by
            v1.12.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("dataset_id", "integer", required=True, nullable=False, record=None),
        Field("dataset", "string", required=True, nullable=False, record=None),
        Field("run_number", "integer", required=True, nullable=False, record=None),
        Field("ls_count", "integer", required=True, nullable=False, record=None),
        Field("ls_completeness", "number", required=False, nullable=True, record=None),
    )

    dataset_id: int
    dataset: str
    run_number: int
    ls_count: int
    ls_completeness: float | None = ABSENT
