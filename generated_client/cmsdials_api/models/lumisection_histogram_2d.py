# Generated from openapi.json by `python -m cmsdials_generator generate` (scripts/regenerate).
# Do not edit: change the contract, the templates or the tables of the generator, and generate again.

"""A two-dimensional histogram of one monitoring element in one lumisection."""

from typing import ClassVar

from attrs import define

from ..records import Field, Record


@define(kw_only=True, slots=False, eq=False, repr=False)
class LumisectionHistogram2D(Record):
    """A two-dimensional histogram of one monitoring element in one lumisection.

    Attributes:
        dataset: Dataset name, such as /ZeroBias/Run2024B-PromptReco-v1/DQMIO.
        me: Path of the monitoring element, such as PixelPhase1/Tracks/PXBarrel/charge_PXLayer_2.
        dataset_id: Identifier of the dataset, a number of 8 digits such as 14677060.
        file_id: Identifier of the file, such as 3393809397.
        run_number: Number of the run, a period of data taking, such as 367112.
        ls_number: Number of the lumisection within its run, from 1; one lasts about 23 seconds.
        me_id: Identifier of the monitoring element within the workspace.
        x_min: Lower edge of the first bin along x, in the unit of the quantity.
        x_max: Upper edge of the last bin along x, in the unit of the quantity.
        x_bin: Number of bins along x, a whole number that may be written as 100.0.
        y_min: Lower edge of the first bin along y, in the unit of the quantity.
        y_max: Upper edge of the last bin along y, in the unit of the quantity.
        y_bin: Number of bins along y, a whole number that may be written as 26.0.
        entries: Number of entries of the histogram.
        data: Contents of the bins as y_bin rows of x_bin numbers, y first in the index; without underflow and
            overflow.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = (
        Field("dataset", "string", required=True, nullable=False, record=None),
        Field("me", "string", required=True, nullable=False, record=None),
        Field("dataset_id", "integer", required=True, nullable=False, record=None),
        Field("file_id", "integer", required=True, nullable=False, record=None),
        Field("run_number", "integer", required=True, nullable=False, record=None),
        Field("ls_number", "integer", required=True, nullable=False, record=None),
        Field("me_id", "integer", required=True, nullable=False, record=None),
        Field("x_min", "number", required=True, nullable=False, record=None),
        Field("x_max", "number", required=True, nullable=False, record=None),
        Field("x_bin", "integer", required=True, nullable=False, record=None),
        Field("y_min", "number", required=True, nullable=False, record=None),
        Field("y_max", "number", required=True, nullable=False, record=None),
        Field("y_bin", "integer", required=True, nullable=False, record=None),
        Field("entries", "integer", required=True, nullable=False, record=None),
        Field("data", "array", required=True, nullable=False, record=None, dimensions=2, axes=("x", "y")),
    )

    dataset: str
    me: str
    dataset_id: int
    file_id: int
    run_number: int
    ls_number: int
    me_id: int
    x_min: float
    x_max: float
    x_bin: int
    y_min: float
    y_max: float
    y_bin: int
    entries: int
    data: list[list[float]]
