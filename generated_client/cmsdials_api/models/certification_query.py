# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""Which models, datasets and runs a certification file is made from."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class CertificationQuery(Record):
    """Which models, datasets and runs a certification file is made from.

    Attributes:
        model_id__in: Any of these values, sent comma-separated. Identifier of the model.
        dataset_id__in: Any of these values, sent comma-separated. Identifier of the dataset, a number of 8 digits such
            as 14677060.
        run_number__in: Any of these values, sent comma-separated. Number of the run, a period of data taking, such as
            367112.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("model_id__in", "array", required=True, nullable=False, record=None, dimensions=1),
        Field("dataset_id__in", "array", required=True, nullable=False, record=None, dimensions=1),
        Field("run_number__in", "array", required=True, nullable=False, record=None, dimensions=1),
    )

    model_id__in: list[int]
    dataset_id__in: list[int]
    run_number__in: list[int]
