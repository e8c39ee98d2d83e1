# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A lumisection that a model judges bad. A v1.12 service sends other fields than the present one."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record
from ..types import ABSENT


@define(kw_only=True, slots=False, eq=False, repr=False)
class MLBadLumisection(Record):
    """A lumisection that a model judges bad. A v1.12 service sends other fields than the present one.

    Attributes:
        model_id: Identifier of the model.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        run_number: Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        me_id: Identifier of the monitoring element within the workspace.
        mse: Mean squared error of the model's reconstruction; v1.12 only.
        metric_value: Value of the model's metric in this lumisection. Not sent by v1.12.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("model_id", "integer", required=True, nullable=False, record=None),
        Field("dataset_id", "integer", required=True, nullable=False, record=None),
        Field("file_id", "integer", required=False, nullable=False, record=None),
        Field("run_number", "integer", required=True, nullable=False, record=None),
        Field("ls_number", "integer", required=True, nullable=False, record=None),
        Field("me_id", "integer", required=False, nullable=False, record=None),
        Field("mse", "number", required=False, nullable=False, record=None),
        Field("metric_value", "number", required=False, nullable=False, record=None),
    )

    model_id: int
    dataset_id: int
    file_id: int = ABSENT
    run_number: int
    ls_number: int
    me_id: int = ABSENT
    mse: float = ABSENT
    metric_value: float = ABSENT
