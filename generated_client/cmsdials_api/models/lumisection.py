# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A lumisection of a run."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class Lumisection(Record):
    """A lumisection of a run.

    Attributes:
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        run_number: Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        th1_count: Number of one-dimensional histograms of the lumisection.
        th2_count: Number of two-dimensional histograms of the lumisection.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("dataset_id", "integer", required=True, nullable=False, record=None),
        Field("dataset", "string", required=True, nullable=False, record=None),
        Field("run_number", "integer", required=True, nullable=False, record=None),
        Field("ls_number", "integer", required=True, nullable=False, record=None),
        Field("th1_count", "integer", required=True, nullable=False, record=None),
        Field("th2_count", "integer", required=True, nullable=False, record=None),
    )

    dataset_id: int
    dataset: str
    run_number: int
    ls_number: int
    th1_count: int
    th2_count: int
